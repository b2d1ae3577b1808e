#include "octet_forms.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace postern::cli {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::size_t kLine = 64;  // characters of text on a line

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_hex_digit(char c) { return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f'); }

Result<Bytes> armoured(std::string_view text) {
  const std::size_t line = text.find('\n');
  const std::size_t end = text.find(kEnd);
  if (line == std::string_view::npos || end == std::string_view::npos || end < line)
    return fail(ErrorCode::BadInput, "armour without its end: a line '-----END …' is missing");
  return base64_decode(text.substr(line + 1, end - line - 1), Whitespace::Skip);
}

std::string lines_of(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += kLine) out.append(text.substr(at, kLine)) += '\n';
  return out;
}

}  // namespace

Result<Bytes> octets_of(std::string_view input) {
  const std::string_view text = trim(input);
  if (text.starts_with(kBegin)) return armoured(text);
  std::string digits;
  for (const char c : text.starts_with("0x") ? text.substr(2) : text) {
    if (is_space(c) || c == ':') continue;
    if (!is_hex_digit(c)) return Bytes(input.begin(), input.end());
    digits += c;
  }
  return hex_decode(digits);
}

std::string written(ByteView octets, OctetForm form, std::string_view label) {
  if (form == OctetForm::Binary) return std::string(as_text(octets));
  if (form == OctetForm::Hex) return lines_of(hex_encode(octets));
  const std::string name(label);
  return std::string(kBegin) + name + "-----\n" + lines_of(base64_encode(octets)) + std::string(kEnd) + name + "-----\n";
}

}  // namespace postern::cli
