// Octets from a seed, the same on every machine, and values made of them.
#pragma once

#include <random>

#include "asn1/generate.hpp"

namespace postern::asn1 {

inline Bytes entropy_of(std::uint32_t seed, std::size_t size) {
  std::mt19937 random(seed);
  Bytes made(size);
  for (Byte& each : made) each = static_cast<Byte>(random());
  return made;
}

template <class T>
[[nodiscard]] T generated(std::uint32_t seed, std::size_t size = 400) {
  const Bytes entropy = entropy_of(seed, size);
  ByteView left = entropy;
  return generate<T>(left);
}

}  // namespace postern::asn1
