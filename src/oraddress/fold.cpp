// Case and spaces (X.402 18.4) over UTF-8.
#include "base/text.hpp"
#include "oraddress/compare.hpp"

namespace postern::oraddress {

namespace {

/// A run of capitals and what leads to their small letters: by a distance, or in pairs (capital, small, capital, small).
struct Run {
  char32_t first;
  char32_t last;
  int distance;  ///< 0: pairs, capitals at the parity of `first`.
};
constexpr Run kRuns[] = {
    {U'A', U'Z', 32},   {0xC0, 0xD6, 32},     {0xD8, 0xDE, 32},    {0x100, 0x12F, 0},  {0x132, 0x137, 0},  {0x139, 0x148, 0},
    {0x14A, 0x177, 0},  {0x178, 0x178, -121}, {0x179, 0x17E, 0},   {0x386, 0x386, 38}, {0x388, 0x38A, 37}, {0x38C, 0x38C, 64},
    {0x38E, 0x38F, 63}, {0x391, 0x3A1, 32},   {0x3A3, 0x3AB, 32},  {0x400, 0x40F, 80}, {0x410, 0x42F, 32}, {0x460, 0x481, 0},
    {0x48A, 0x4BF, 0},  {0x1E00, 0x1E95, 0},  {0x1EA0, 0x1EFF, 0},
};

char32_t small(char32_t c) noexcept {
  for (const Run& run : kRuns) {
    if (c < run.first || c > run.last) continue;
    if (run.distance == 0) return (c - run.first) % 2 == 0 ? c + 1 : c;
    return static_cast<char32_t>(static_cast<std::int64_t>(c) + run.distance);
  }
  return c == 0x3C2 ? 0x3C3 : c;  // the sigma at the end of a word
}

/// The character at the front of well-formed UTF-8; anything else is taken octet by octet.
char32_t take(std::string_view& rest) noexcept {
  const auto lead = static_cast<unsigned char>(rest.front());
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t c = size == 1 ? lead : lead & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) c = c << 6 | (static_cast<unsigned char>(rest[i]) & 0x3FU);
  rest.remove_prefix(size);
  return c;
}

void put(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

}  // namespace

std::string folded(std::string_view text) {
  const bool utf8 = is_utf8(text);
  std::string out;
  bool space = false;
  while (!text.empty()) {
    const char front = text.front();
    if (front == ' ') {
      space = true;
      text.remove_prefix(1);
      continue;
    }
    if (space && !out.empty()) out += ' ';
    space = false;
    if (utf8) {
      put(out, small(take(text)));
    } else {
      out += ascii_lower(front);
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace postern::oraddress
