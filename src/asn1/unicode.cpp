#include "asn1/unicode.hpp"

#include <algorithm>
#include <array>

namespace postern::asn1 {
namespace {

/// By the number of octets, from 1: what the first octet looks like, and the least code point that needs that many (RFC 3629 3, 10).
struct Length {
  unsigned mask, mark;
  char32_t least;
};
constexpr std::array<Length, 4> kLengths{{{0x80, 0x00, 0}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}}};

constexpr unsigned octet_at(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

}  // namespace

std::optional<char32_t> take_utf8(std::string_view& text) noexcept {
  if (text.empty()) return std::nullopt;
  const auto* length = std::ranges::find_if(kLengths, [&](const Length& l) { return (octet_at(text, 0) & l.mask) == l.mark; });
  if (length == kLengths.end()) return std::nullopt;
  const auto octets = static_cast<std::size_t>(length - kLengths.begin()) + 1;
  if (text.size() < octets) return std::nullopt;
  char32_t c = octet_at(text, 0) & ~length->mask;
  for (std::size_t i = 1; i < octets; ++i) {
    if ((octet_at(text, i) & 0xC0U) != 0x80) return std::nullopt;
    c = c << 6 | (octet_at(text, i) & 0x3FU);
  }
  if (c < length->least || !is_scalar(c)) return std::nullopt;
  text.remove_prefix(octets);
  return c;
}

void append_utf8(char32_t c, std::string& out) {
  std::size_t octets = 4;
  while (octets > 1 && c < kLengths[octets - 1].least) --octets;
  const auto tail = [&](std::size_t i) { return (c >> (6 * (octets - 1 - i))) & 0x3FU; };
  out.push_back(static_cast<char>(kLengths[octets - 1].mark | (c >> (6 * (octets - 1)))));
  for (std::size_t i = 1; i < octets; ++i) out.push_back(static_cast<char>(0x80U | tail(i)));
}

std::size_t count_utf8(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

}  // namespace postern::asn1
