#include "base/bytes.hpp"

#include <array>
#include <cstdint>
#include <cstring>

#include "base/base64.hpp"

namespace postern {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlSafe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> reverse_of(std::string_view alphabet) {
  std::array<std::int8_t, 256> table{};
  for (auto& entry : table) entry = -1;
  for (std::size_t i = 0; i < alphabet.size(); ++i) table[static_cast<Byte>(alphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}
constexpr auto kStandardReverse = reverse_of(kStandard);
constexpr auto kUrlSafeReverse = reverse_of(kUrlSafe);

std::string encode64(ByteView in, std::string_view alphabet, bool pad) {
  std::string out;
  out.reserve((in.size() + 2) / 3 * 4);
  std::size_t i = 0;
  for (; i + 3 <= in.size(); i += 3) {
    const std::uint32_t v = std::uint32_t{in[i]} << 16 | std::uint32_t{in[i + 1]} << 8 | in[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) out += alphabet[v >> shift & 63];
  }
  const std::size_t rest = in.size() - i;
  if (rest == 0) return out;
  const std::uint32_t v = std::uint32_t{in[i]} << 16 | (rest == 2 ? std::uint32_t{in[i + 1]} << 8 : 0);
  out += alphabet[v >> 18 & 63];
  out += alphabet[v >> 12 & 63];
  if (rest == 2) out += alphabet[v >> 6 & 63];
  if (pad) out.append(3 - rest, '=');
  return out;
}

bool is_white(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

Result<Bytes> decode64(std::string_view text, const std::array<std::int8_t, 256>& reverse, bool padded, Whitespace whitespace) {
  Bytes out;
  out.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t group = 0;
  int have = 0;
  int pads = 0;
  for (const char c : text) {
    if (whitespace == Whitespace::Skip && is_white(c)) continue;
    if (padded && c == '=' && have + pads < 4 && have >= 2) {
      ++pads;
      continue;
    }
    const int value = reverse[static_cast<Byte>(c)];
    if (value < 0 || pads > 0) return fail(ErrorCode::BadInput, "not valid base64");
    group = group << 6 | static_cast<std::uint32_t>(value);
    if (++have < 4) continue;
    for (int shift = 16; shift >= 0; shift -= 8) out.push_back(static_cast<Byte>(group >> shift));
    group = 0;
    have = 0;
  }
  if (have == 1 || (padded && (have + pads) % 4 != 0)) return fail(ErrorCode::BadInput, "base64 ends in the middle of a group");
  // RFC 4648 3.5: the bits left over must be zero, or two texts would decode to the same bytes.
  if (have == 2 && (group & 0xf) != 0) return fail(ErrorCode::BadInput, "base64 has stray bits at its end");
  if (have == 3 && (group & 0x3) != 0) return fail(ErrorCode::BadInput, "base64 has stray bits at its end");
  if (have == 2) out.push_back(static_cast<Byte>(group >> 4));
  if (have == 3) {
    out.push_back(static_cast<Byte>(group >> 10));
    out.push_back(static_cast<Byte>(group >> 2));
  }
  return out;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string hex_encode(ByteView bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const Byte b : bytes) {
    out += digits[b >> 4];
    out += digits[b & 15];
  }
  return out;
}

Result<Bytes> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return fail(ErrorCode::BadInput, "hexadecimal text has an odd length");
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return fail(ErrorCode::BadInput, "not a hexadecimal digit");
    out.push_back(static_cast<Byte>(high << 4 | low));
  }
  return out;
}

std::string base64_parts::encode_simple(ByteView bytes) { return encode64(bytes, kStandard, true); }
Result<Bytes> base64_parts::decode_simple(std::string_view text, Whitespace whitespace) {
  return decode64(text, kStandardReverse, true, whitespace);
}

std::string base64_encode(ByteView bytes) {
  std::string out(base64_size(bytes.size()), '=');
  base64_write(bytes, out.data());
  return out;
}
std::string base64url_encode(ByteView bytes) { return encode64(bytes, kUrlSafe, false); }

Result<Bytes> base64_decode(std::string_view text, Whitespace whitespace) {
  if (whitespace == Whitespace::Skip) return base64_parts::decode_simple(text, whitespace);
  Bytes out(base64_room(text.size()));
  POSTERN_TRY(const std::size_t size, base64_read(text, out));
  out.resize(size);
  return out;
}
Result<Bytes> base64url_decode(std::string_view text) { return decode64(text, kUrlSafeReverse, false, Whitespace::Refuse); }

bool constant_time_equal(ByteView a, ByteView b) noexcept {
  if (a.size() != b.size()) return false;
  std::uint64_t difference = 0;
  std::size_t at = 0;
  for (; at + sizeof difference <= a.size(); at += sizeof difference) {
    std::uint64_t left = 0, right = 0;
    std::memcpy(&left, a.data() + at, sizeof left);
    std::memcpy(&right, b.data() + at, sizeof right);
    difference |= left ^ right;
    asm volatile("" : "+r"(difference));  // the compiler must not find a way to stop early
  }
  for (; at < a.size(); ++at) difference |= static_cast<std::uint64_t>(a[at] ^ b[at]);
  asm volatile("" : "+r"(difference));
  return difference == 0;
}

}  // namespace postern
