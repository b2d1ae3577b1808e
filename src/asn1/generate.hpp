// Values by description, made from any octets: the same octets give the same value, which encodes and lies within every constraint.
// For property tests and fuzzers; nothing in the product calls it.
#pragma once

#include "asn1/schema.hpp"

namespace postern::asn1 {

/// Draws on `entropy` from the front; when it is used up, every further choice is the smallest one, so the value is always finite.
void generate_value(const Type& type, void* object, ByteView& entropy);

template <class T>
[[nodiscard]] T generate(ByteView& entropy, const Type& type = schema(Of<T>{})) {
  T value{};
  generate_value(type, &value, entropy);
  return value;
}

}  // namespace postern::asn1
