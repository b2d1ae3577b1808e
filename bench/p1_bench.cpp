// rooms: mts
// What a P1 message costs on its way through an MTA: decode and encode its envelope with a content of 10 KB, whole and as a stream.
// Promise: encode plus decode under 20 microseconds of processor time.
//
//   build/release/bench/p1_bench [--size B] [--alternations N] [--seconds S]
#include <cstdlib>
#include <new>

#include "bench/measure.hpp"
#include "mts/testing/samples.hpp"
#include "mts/transfer_stream.hpp"

namespace {

std::size_t g_allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
  ++g_allocations;
  if (void* place = std::malloc(size != 0 ? size : 1)) return place;
  throw std::bad_alloc();
}
void operator delete(void* place) noexcept { std::free(place); }
void operator delete(void* place, std::size_t) noexcept { std::free(place); }

namespace {

using namespace postern;
using namespace postern::mts;
using bench::must;

void there_and_back(const MTSApdu& apdu) {
  const Bytes octets = must(asn1::encode(apdu));
  must(must(asn1::decode<MTSApdu>(octets)).value.index() == 0, "decoding");
}

void as_stream(const Message& message, Bytes& buffer) {
  auto writer = must(MessageWriter::make(message.envelope, message.content.octets.size()));
  const ContentSource source = [&](std::uint64_t offset, ByteSpan out) -> Result<std::size_t> {
    std::copy_n(message.content.octets.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return out.size();
  };
  ApduReader reader;
  while (writer.at() < writer.size()) {
    ByteView input = ByteView(buffer).first(must(writer.pull(buffer, source)));
    while (!input.empty()) (void)must(reader.next(input));
  }
  ByteView nothing;
  must(must(reader.next(nothing)) == ApduReader::Event::End && reader.content_size() == message.content.octets.size(), "the stream");
}

template <class Work>
double report(const char* name, const bench::RunOptions& options, const Work& work) {
  work();  // descriptions are made at first use
  const std::size_t before = g_allocations;
  work();
  const std::size_t allocations = g_allocations - before;
  std::vector<double> costs;
  for (std::size_t i = 0; i < options.alternations; ++i) costs.push_back(bench::cost(work, options.seconds));
  std::ranges::sort(costs);
  const double median = costs[costs.size() / 2] * 1e6;
  std::printf("%-28s %7.2f us  (%.2f to %.2f)  %zu allocations\n", name, median, costs.front() * 1e6, costs.back() * 1e6, allocations);
  return median;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::read_options(argc, argv, {.size = 10 * 1024});
  Message message = mts::testing::message(std::string(options.size, 'x'));
  const MTSApdu apdu{message};
  Bytes buffer(2041);  // a TSDU of PP
  const double whole = report("encode and decode", options, [&] { there_and_back(apdu); });
  (void)report("writer to reader, in TSDUs", options, [&] { as_stream(message, buffer); });
  constexpr double kPromise = 20;
  std::printf("promise: under %.0f us: %s\n", kPromise, whole < kPromise ? "kept" : "MISSED");
  return whole < kPromise ? 0 : 1;
}
