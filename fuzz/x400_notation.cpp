// rooms: mhs
// Any octets as an APDU of P1, P3 or P7, with everything that has a type opened: what is one comes back from its value notation, octet for
// octet as it would have been encoded without.
#include <boost/json.hpp>
#include <cstdlib>

#include "asn1/json.hpp"
#include "mhs/notation.hpp"

using namespace postern;

namespace {

template <class T>
void check(ByteView octets, const asn1::Type& type) {
  const auto value = asn1::decode<T>(octets, {}, type);
  if (!value) return;
  const auto written = asn1::encode(*value, type, asn1::EncodeRules::Lenient);
  const auto back = asn1::from_json<T>(asn1::to_json(*value, type), type);
  if (!written || !back) std::abort();
  if (asn1::encode(*back, type, asn1::EncodeRules::Lenient) != written) std::abort();
  if constexpr (!std::is_same_v<T, mts::MTSApdu>) static_cast<void>(mhs::is_known(*value));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView octets(data, size);
  check<mts::MTSApdu>(octets, mhs::p1_notation());
  check<mts::MTSApdu>(octets, mhs::p1_1984_notation());
  check<mhs::P3Apdu>(octets, schema(asn1::Of<mhs::P3Apdu>{}));
  check<mhs::P7Apdu>(octets, schema(asn1::Of<mhs::P7Apdu>{}));
  return 0;
}
