// The two encodings of DSN parameters: xtext (RFC 3461 4) and utf-8-addr-xtext (RFC 6533 3).
#include <charconv>

#include "base/text.hpp"
#include "smtp/parameters.hpp"

namespace postern::smtp {

namespace {

constexpr char kHex[] = "0123456789ABCDEF";

std::optional<std::uint32_t> upper_hex(std::string_view digits) {
  std::uint32_t value = 0;
  for (const char c : digits) {
    const bool letter = c >= 'A' && c <= 'F';
    if (!is_digit(c) && !letter) return std::nullopt;
    value = value << 4 | static_cast<std::uint32_t>(letter ? c - 'A' + 10 : c - '0');
  }
  return value;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xc0 | point >> 6);
  } else {
    if (point < 0x10000) {
      put(0xe0 | point >> 12);
    } else {
      put(0xf0 | point >> 18);
      put(0x80 | (point >> 12 & 0x3f));
    }
    put(0x80 | (point >> 6 & 0x3f));
  }
  put(0x80 | (point & 0x3f));
}

/// The code point that starts `text`, which is valid UTF-8; moves past it.
std::uint32_t take_point(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  std::uint32_t point = length == 1 ? first : first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
  text.remove_prefix(length);
  return point;
}

/// RFC 6533 3: QCHAR, what may stand for itself.
bool is_qchar(std::uint32_t point) { return point > 0x20 && point < 0x7f && point != '+' && point != '=' && point != '\\'; }

/// RFC 6533 3: EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}", the backslash already taken.
Result<std::uint32_t> take_embedded(std::string_view& text) {
  const std::size_t close = text.find('}');
  if (!text.starts_with("x{") || close == std::string_view::npos || close < 4 || close > 8)
    return fail(ErrorCode::BadInput, "a backslash starts no \\x{HEXPOINT}");
  const auto point = upper_hex(text.substr(2, close - 2));
  const bool surrogate = point && *point >= 0xd800 && *point <= 0xdfff;
  if (!point || *point > 0x10ffff || surrogate || *point < ' ' || *point == 0x7f)
    return fail(ErrorCode::BadInput, "\\x{} holds no code point");
  text.remove_prefix(close + 1);
  return *point;
}

}  // namespace

std::string xtext_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte < 0x7f && c != '+' && c != '=') {
      out.push_back(c);
    } else {
      out.append({'+', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return out;
}

Result<std::string> xtext_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c < '!' || c > '~' || c == '=') return fail(ErrorCode::BadInput, "xtext holds a character that must be encoded");
    if (c != '+') {
      out.push_back(c);
      continue;
    }
    // RFC 3461 4: "hexchar = ASCII "+" immediately followed by two upper case hexadecimal digits"
    const auto value = i + 2 < text.size() ? upper_hex(text.substr(i + 1, 2)) : std::nullopt;
    if (!value) return fail(ErrorCode::BadInput, "xtext holds a + without two upper-case hexadecimal digits");
    out.push_back(static_cast<char>(*value));
    i += 2;
  }
  return out;
}

std::string utf8_addr_xtext_encode(std::string_view address) {
  std::string out;
  if (!is_utf8(address)) return xtext_encode(address);
  while (!address.empty()) {
    const std::uint32_t point = take_point(address);
    if (is_qchar(point)) {
      out.push_back(static_cast<char>(point));
      continue;
    }
    char digits[8];
    const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), point, 16);
    out += "\\x{";
    if (point < 16) out += '0';
    out += to_upper({digits, static_cast<std::size_t>(end - digits)});
    out += '}';
  }
  return out;
}

Result<std::string> utf8_addr_decode(std::string_view text) {
  if (!is_utf8(text)) return fail(ErrorCode::BadInput, "the address is not valid UTF-8");
  std::string out;
  while (!text.empty()) {
    std::uint32_t point = take_point(text);
    if (point == '\\') {
      POSTERN_TRY(point, take_embedded(text));
    } else if (point < 0x80 && !is_qchar(point)) {
      return fail(ErrorCode::BadInput, "the address holds a character that must be encoded");
    }
    append_utf8(out, point);
  }
  return out;
}

}  // namespace postern::smtp
