// rooms: ms
// Any octets are an argument, result, error or bind of P7, or an error of ours; what is one encodes to what decodes to it again.
#include <cstdlib>

#include "ms/protocol.hpp"

using namespace postern;

namespace {

template <class T>
void check(ByteView octets) {
  const auto value = asn1::decode<T>(octets);
  if (!value) return;
  const auto again = asn1::encode_as_taken(*value);
  if (!again || !(asn1::decode<T>(*again).value() == *value)) std::abort();
}

void check_table(ByteView octets) {
  for (const ms::OperationInfo& each : ms::p7_operations()) {
    for (const asn1::Type* type : {&each.argument(), &each.result()}) {
      const auto object = type->fresh();
      std::size_t used = 0;
      if (!asn1::decode_value(*type, object.get(), octets, used, {})) continue;
      Bytes out;
      if (!asn1::encode_value(*type, object.get(), out, asn1::EncodeRules::Lenient)) std::abort();
    }
  }
}

void check_errors(ByteView octets) {
  const asn1::Any any{Bytes(octets.begin(), octets.end())};
  for (const ms::ErrorInfo& each : ms::p7_errors()) {
    const auto error = ms::error_of(each.code, &any);
    if (error && ms::words_of(*error).empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView octets(data, size);
  check<ms::MSBindArgument>(octets);
  check<ms::MSBindResult>(octets);
  check<ms::ListArgument>(octets);
  check<ms::FetchResult>(octets);
  check<ms::RegisterMSArgument>(octets);
  check<ms::AutoForwardRegistrationParameter88>(octets);
  check<ms::IPMAutoForwardRegistrationParameter>(octets);
  check_table(octets);
  check_errors(octets);
  return 0;
}
