// rooms: asn1 crypto
// What BER by description costs beside OpenSSL's ASN.1 templates, which also read a description at run time: a list of 16 GeneralNames
// (RFC 5280 4.2.1.6) of the same octets, decoded with what is freed afterwards, and encoded. And a large value of the zoo for itself.
//
//   build/release/bench/asn1_bench [--alternations N] [--seconds S]
//
// Allocations are counted with operator new of ours and the memory functions of OpenSSL's. Fails when ours costs more than OpenSSL.
#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include <new>

#include "asn1/testing/entropy.hpp"
#include "asn1/testing/zoo.hpp"
#include "bench/measure.hpp"

namespace {

std::size_t allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  return std::malloc(size);
}

}  // namespace

void* operator new(std::size_t size) {
  void* made = counted(size);
  if (made == nullptr) throw std::bad_alloc();
  return made;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }

namespace {

using namespace postern;
using bench::must;

/// The alternatives that the list has.
struct GeneralName {
  std::variant<asn1::Ia5String, asn1::Ia5String, asn1::Ia5String, asn1::OctetString, asn1::Oid> value;
};
const asn1::Type& schema(asn1::Of<GeneralName>) {
  using asn1::alternative, asn1::context;
  static const asn1::Type type = asn1::choice<&GeneralName::value>(
      "GeneralName", {
                         alternative<&GeneralName::value, 0>("rfc822Name").implicitly(context(1)),
                         alternative<&GeneralName::value, 1>("dNSName").implicitly(context(2)),
                         alternative<&GeneralName::value, 2>("uniformResourceIdentifier").implicitly(context(6)),
                         alternative<&GeneralName::value, 3>("iPAddress").implicitly(context(7)),
                         alternative<&GeneralName::value, 4>("registeredID").implicitly(context(8)),
                     });
  return type;
}
using GeneralNames = std::vector<GeneralName>;

GeneralNames sample() {
  GeneralNames names;
  for (int i = 0; i < 4; ++i) {
    const std::string number = std::to_string(i);
    names.emplace_back().value.emplace<0>("postmaster" + number + "@mail.example.org");
    names.emplace_back().value.emplace<1>("host" + number + ".mail.example.org");
    names.emplace_back().value.emplace<2>("https://www.example.org/" + number);
    names.emplace_back().value.emplace<3>(Bytes{192, 0, 2, static_cast<Byte>(i)});
  }
  return names;
}

template <class Work>
std::size_t allocations_of(const Work& work) {
  allocations = 0;
  work();
  return allocations;
}

/// One row: both sides in each alternation, so that what else the machine does counts for both.
bool compare(const char* what, const bench::RunOptions& options, const std::function<void()>& ours, const std::function<void()>& theirs) {
  std::vector<double> a, b;
  for (std::size_t i = 0; i < options.alternations; ++i) {
    a.push_back(bench::cost(ours, options.seconds) * 1e9);
    b.push_back(bench::cost(theirs, options.seconds) * 1e9);
  }
  const auto ratio = bench::ratio(a, b);
  std::printf("| %s | %.0f | %zu | %.0f | %zu | %s |\n", what, bench::spread(a).median, allocations_of(ours), bench::spread(b).median,
              allocations_of(theirs), ratio.text("%.2f").c_str());
  return ratio.median <= 1.0;
}

void alone(const char* what, const bench::RunOptions& options, std::size_t octets, const std::function<void()>& work) {
  std::vector<double> each;
  for (std::size_t i = 0; i < options.alternations; ++i) each.push_back(bench::cost(work, options.seconds) * 1e9);
  const double median = bench::spread(each).median;
  std::printf("| %s of %zu octets, %.0f MB/s | %.0f | %zu | | | |\n", what, octets, static_cast<double>(octets) / median * 1e3, median,
              allocations_of(work));
}

bool general_names(const bench::RunOptions& options) {
  const GeneralNames value = sample();
  const Bytes octets = must(asn1::encode(value));
  const auto read = [&] {
    const unsigned char* at = octets.data();
    return ::d2i_GENERAL_NAMES(nullptr, &at, static_cast<long>(octets.size()));
  };
  GENERAL_NAMES* theirs = read();
  must(theirs != nullptr && ::i2d_GENERAL_NAMES(theirs, nullptr) == static_cast<int>(octets.size()), "OpenSSL's reading of our octets");
  std::puts("| | ours, ns | allocations | OpenSSL, ns | allocations | ratio |\n| --- | ---: | ---: | ---: | ---: | ---: |");
  const bool decoding = compare(
      "decode 16 GeneralNames", options, [&] { (void)must(asn1::decode<GeneralNames>(octets)); }, [&] { ::GENERAL_NAMES_free(read()); });
  const bool encoding = compare(
      "encode 16 GeneralNames", options, [&] { (void)must(asn1::encode(value)); },
      [&] {
        unsigned char* out = nullptr;
        must(::i2d_GENERAL_NAMES(theirs, &out) > 0, "i2d_GENERAL_NAMES");
        ::OPENSSL_free(out);
      });
  ::GENERAL_NAMES_free(theirs);
  return decoding && encoding;
}

/// Of the first hundred, the one with the most octets.
asn1::zoo::Zoo large_zoo() {
  asn1::zoo::Zoo largest;
  std::size_t most = 0;
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    auto value = asn1::generated<asn1::zoo::Zoo>(seed, 8000);
    const std::size_t octets = must(asn1::encode(value)).size();
    if (octets > most) most = octets, largest = std::move(value);
  }
  return largest;
}

void zoo(const bench::RunOptions& options) {
  const auto value = large_zoo();
  const Bytes octets = must(asn1::encode(value));
  alone("decode a zoo", options, octets.size(), [&] { (void)must(asn1::decode<asn1::zoo::Zoo>(octets)); });
  alone("encode a zoo", options, octets.size(), [&] { (void)must(asn1::encode(value)); });
}

}  // namespace

int main(int argc, char** argv) {
  ::CRYPTO_set_mem_functions([](std::size_t size, const char*, int) { return counted(size); },
                             [](void* memory, std::size_t size, const char*, int) { return ++allocations, std::realloc(memory, size); },
                             [](void* memory, const char*, int) { std::free(memory); });
  const auto options = bench::read_options(argc, argv, {.alternations = 7, .seconds = 0.1});
  const bool kept = general_names(options);
  zoo(options);
  std::printf("\npromised: no more than OpenSSL; kept: %s\n", kept ? "yes" : "no");
  return kept ? 0 : 1;
}
