// rooms: mhs
// Any octets as an APDU of P1, P3 or P7, with everything that has a type opened: what its value notation shows comes back from it.
// (Trailing zeros of named bits are not shown: values in open values may differ by them.)
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
  const auto shown = asn1::to_json(*value, type);
  const auto back = asn1::from_json<T>(shown, type);
  if (!back || asn1::to_json(*back, type) != shown) std::abort();
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
