#include "transit/text_form.hpp"

#include <array>
#include <charconv>
#include <cstring>

#include "base/text.hpp"

namespace postern::transit {
namespace {

constexpr std::string_view kPrefix = "vault:v";
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Two characters for twelve bits: half the look-ups of a table of characters.
using Pairs = std::array<char, 2 * 4096>;
constexpr Pairs kPairs = [] {
  Pairs pairs{};
  for (std::size_t i = 0; i < 4096; ++i) {
    pairs[2 * i] = kAlphabet[i >> 6];
    pairs[2 * i + 1] = kAlphabet[i & 63];
  }
  return pairs;
}();

// The value of a character at each of the four places of a group, shifted there; one bit above 24 marks what is no character.
constexpr std::uint32_t kNoCharacter = 1U << 31;
using Places = std::array<std::array<std::uint32_t, 256>, 4>;
constexpr Places kPlaces = [] {
  Places places{};
  for (std::size_t place = 0; place < 4; ++place) {
    for (auto& value : places[place]) value = kNoCharacter;
    for (std::size_t i = 0; i < 64; ++i) places[place][static_cast<Byte>(kAlphabet[i])] = static_cast<std::uint32_t>(i) << (18 - 6 * place);
  }
  return places;
}();

void put_pair(char* to, std::uint32_t twelve_bits) { std::memcpy(to, kPairs.data() + 2 * std::size_t{twelve_bits}, 2); }

// All whole groups of three bytes.
char* encode_groups(char* to, ByteView in) {
  const Byte* at = in.data();
  for (std::size_t left = in.size() / 3; left > 0; --left, at += 3, to += 4) {
    const std::uint32_t v = std::uint32_t{at[0]} << 16 | std::uint32_t{at[1]} << 8 | at[2];
    put_pair(to, v >> 12);
    put_pair(to + 2, v & 0xfff);
  }
  return to;
}

std::uint32_t group_of(const char* at) {
  const auto* c = reinterpret_cast<const Byte*>(at);
  return kPlaces[0][c[0]] | kPlaces[1][c[1]] | kPlaces[2][c[2]] | kPlaces[3][c[3]];
}

std::string_view noun_of(TextKind kind) {
  switch (kind) {
    case TextKind::Ciphertext: return "invalid ciphertext: ";
    case TextKind::Signature: return "invalid signature: ";
    case TextKind::Hmac: return "invalid HMAC: ";
  }
  return {};
}

tl::unexpected<Error> bad(TextKind kind, std::string_view why) { return fail(ErrorCode::BadInput, std::string(noun_of(kind)).append(why)); }

std::optional<std::uint32_t> number_of(std::string_view digits) {
  std::uint32_t value = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || fault != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<VersionedText> read_versioned(std::string_view text, TextKind kind) {
  if (!text.starts_with(kPrefix)) return bad(kind, "no prefix");
  const std::string_view rest = text.substr(kPrefix.size());
  const std::size_t colon = rest.find(':');
  if (colon == std::string_view::npos) return bad(kind, "wrong number of fields");
  const auto version = number_of(rest.substr(0, colon));
  if (!version) return bad(kind, "version number could not be decoded");
  return VersionedText{*version == 0 ? 1 : *version, rest.substr(colon + 1)};
}

Status check_version(std::uint32_t version, std::uint32_t least, std::uint32_t latest, TextKind kind) {
  if (version > latest) return bad(kind, "version is too new");
  if (version >= least) return {};
  return fail(ErrorCode::Denied, "ciphertext or signature version is disallowed by policy (too old)");
}

void append_prefix(std::string& out, std::uint32_t version) {
  std::array<char, 12> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), version).ptr;
  out.append(kPrefix).append(digits.data(), end).push_back(':');
}

void append_base64(std::string& out, ByteView bytes) {
  const std::size_t before = out.size();
  out.resize(before + (bytes.size() + 2) / 3 * 4);
  char* to = encode_groups(out.data() + before, bytes);
  const ByteView rest = bytes.last(bytes.size() % 3);
  if (rest.empty()) return;
  const std::uint32_t v = std::uint32_t{rest[0]} << 16 | (rest.size() == 2 ? std::uint32_t{rest[1]} << 8 : 0);
  put_pair(to, v >> 12);
  put_pair(to + 2, v & 0xfff);
  to[3] = '=';
  if (rest.size() == 1) to[2] = '=';
}

void append_base64url(std::string& out, ByteView bytes) {
  const std::size_t before = out.size();
  append_base64(out, bytes);
  while (out.size() > before && out.back() == '=') out.pop_back();
  for (std::size_t i = before; i < out.size(); ++i) {
    if (out[i] == '+') out[i] = '-';
    if (out[i] == '/') out[i] = '_';
  }
}

std::optional<std::size_t> decode_base64_into(std::string_view text, ByteSpan out) noexcept {
  if (text.size() % 4 != 0 || out.size() < base64_room(text)) return std::nullopt;
  if (text.empty()) return 0;
  std::array<char, 4> last;  // the last group, with its padding replaced by zeros
  text.copy(last.data(), 4, text.size() - 4);
  const std::size_t pads = last[3] != '=' ? 0 : last[2] != '=' ? 1 : 2;
  for (std::size_t i = 0; i < pads; ++i) last[3 - i] = 'A';
  std::uint32_t seen = 0;
  Byte* to = out.data();
  const auto put = [&](std::uint32_t group, std::size_t count) {
    seen |= group;
    for (std::size_t i = 0; i < count; ++i) *to++ = static_cast<Byte>(group >> (16 - 8 * i));
  };
  for (std::size_t at = 0; at + 4 < text.size(); at += 4) put(group_of(text.data() + at), 3);
  const std::uint32_t group = group_of(last.data());
  put(group, 3 - pads);
  // RFC 4648 3.5: the bits left over must be zero, or two texts would decode to the same bytes.
  const std::uint32_t left_over = group & ((1U << (8 * pads)) - 1);
  if ((seen & kNoCharacter) != 0 || left_over != 0) return std::nullopt;
  return static_cast<std::size_t>(to - out.data());
}

}  // namespace postern::transit
