// Names, messages and octets that the tests of this room and of others build on.
#pragma once

#include <string>

#include "ipm/compose.hpp"
#include "oraddress/or_text.hpp"

namespace postern::ipm::testing {

inline oraddress::ORName name(std::string_view text) {
  oraddress::ORName out;
  static_cast<oraddress::ORAddress&>(out) = oraddress::parse(text).value();
  return out;
}
inline oraddress::ORName jane() { return name("C=DE;A=TELE;P=ACME;O=Works;S=Doe;G=Jane"); }
inline oraddress::ORName john() { return name("C=GB;A= ;P=TEST;O=b;S=Smith;G=John"); }
inline oraddress::ORName mary() { return name("C=GB;A= ;P=TEST;O=b;S=Major;G=Mary"); }

inline ORDescriptor described(oraddress::ORName who) { return {std::move(who), {}, {}}; }
inline Recipient recipient(oraddress::ORName who) {
  Recipient out;
  out.party.name = std::move(who);
  return out;
}

/// From Jane to John, with a text.
inline Draft draft() {
  Draft out;
  out.this_ipm = {jane(), "42-261126"};
  out.originator.name = jane();
  out.primary = {recipient(john())};
  out.subject = "Hello";
  out.parts = {TextPart{"Hello John,\nall is well.\n"}};
  return out;
}

/// Octets written as hexadecimal with spaces.
inline Bytes hex(std::string_view text) {
  std::string packed;
  for (const char c : text)
    if (c != ' ') packed += c;
  return hex_decode(packed).value();
}

/// Octets that look random and are the same in every run.
inline Bytes entropy(std::uint32_t seed, std::size_t size) {
  Bytes out(size);
  std::uint32_t state = seed * 2654435761U + 1;
  for (Byte& each : out) {
    state ^= state << 13U;
    state ^= state >> 17U;
    state ^= state << 5U;
    each = static_cast<Byte>(state >> 8U);
  }
  return out;
}

}  // namespace postern::ipm::testing
