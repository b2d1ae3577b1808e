// rooms: osi
// A transport connection against whatever a peer may send: octet 0 chooses role and sizes, octet 1 how the rest is cut.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "osi/cotp.hpp"

namespace {

using namespace postern;
using namespace postern::osi;

constexpr std::size_t kMaxTsdu = 5'000;

void must(bool holds) {
  if (!holds) std::abort();
}

TransportOptions options_from(unsigned bits) {
  TransportOptions options;
  options.role = (bits & 1) != 0 ? TransportRole::Initiator : TransportRole::Responder;
  options.max_tpdu = (bits & 2) != 0 ? 128 : kMaxTpdu;
  options.max_tsdu = kMaxTsdu;
  options.called = {'x'};
  return options;
}

/// A shell that takes every connection and echoes.
struct Shell {
  Transport& transport;
  std::size_t ends = 0;

  void operator()(const TConnect& event) {
    must(event.calling.size() <= 32 && event.called.size() <= 32);
    must(transport.wants_close() || transport.accept(event.called).has_value());
  }
  void operator()(const TConnected&) {}
  void operator()(const TData& event) {
    must(event.tsdu.size() <= kMaxTsdu);
    must(transport.send(event.tsdu).has_value() == (transport.connected() && !event.tsdu.empty()));
  }
  void operator()(const TDisconnect& event) {
    must(!event.text.empty());
    ++ends;
  }
  void pump() {
    while (const auto event = transport.next_event()) {
      must(ends == 0);  // Nothing behind the end.
      std::visit(*this, *event);
    }
    check(transport.take_output());
  }
  // What we write is what we can read.
  static void check(const Bytes& output) {
    TpktReader reader;
    reader.feed(output);
    while (const auto tpdu = reader.next().value()) must(read_tpdu(*tpdu).has_value());
    must(reader.pending() == 0);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = 1U + data[1];
  const ByteView input(data + 2, size - 2);
  auto transport = Transport::open(options_from(data[0]), SteadyTime());
  must(transport.has_value());
  Shell shell{*transport};
  for (std::size_t at = 0; at < input.size(); at += piece) {
    transport->receive(input.subspan(at, std::min(piece, input.size() - at)), SteadyTime());
    shell.pump();
  }
  transport->network_lost("end of input");
  shell.pump();
  must(shell.ends == 1 && transport->wants_close());
  return 0;
}
