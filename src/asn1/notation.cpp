#include "asn1/notation.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace postern::asn1 {
namespace {

constexpr std::size_t kLongestBstring = 64;

bool is_quoted(std::string_view text, char radix) {
  return text.size() >= 3 && text.front() == '\'' && text.ends_with(std::string{'\'', radix});
}

/// What stands between the quotes, without white space (X.680 12.10.1).
std::string digits_of(std::string_view text) {
  std::string digits(text.substr(1, text.size() - 3));
  std::erase_if(digits, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
  return digits;
}

}  // namespace

std::string hstring(ByteView octets) { return "'" + to_upper(hex_encode(octets)) + "'H"; }

Result<Bytes> parse_hstring(std::string_view text) {
  if (!is_quoted(text, 'H')) return fail(ErrorCode::BadInput, "expected octets in hexadecimal, like '0AFF'H");
  auto octets = hex_decode(digits_of(text));
  if (!octets) return fail(ErrorCode::BadInput, "expected an even number of hexadecimal digits between the quotes, like '0AFF'H");
  return octets;
}

std::string bits_text(const BitString& bits) {
  if (bits.unused == 0 && bits.size() > kLongestBstring) return hstring(bits.octets);
  std::string text = "'";
  for (std::size_t i = 0; i < bits.size(); ++i) text.push_back(bits.test(i) ? '1' : '0');
  return text + "'B";
}

Result<BitString> parse_bits(std::string_view text) {
  BitString bits;
  if (is_quoted(text, 'H')) {
    POSTERN_TRY(bits.octets, parse_hstring(text));
    return bits;
  }
  if (!is_quoted(text, 'B')) return fail(ErrorCode::BadInput, "expected bits, like '0101'B");
  const std::string digits = digits_of(text);
  if (digits.find_first_not_of("01") != std::string::npos) return fail(ErrorCode::BadInput, "bits are 0 and 1, like '0101'B");
  bits.octets.resize((digits.size() + 7) / 8);
  bits.unused = static_cast<std::uint8_t>(bits.octets.size() * 8 - digits.size());
  for (std::size_t i = 0; i < digits.size(); ++i) bits.set(i, digits[i] == '1');
  return bits;
}

}  // namespace postern::asn1
