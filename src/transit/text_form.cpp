#include "transit/text_form.hpp"

#include <array>
#include <charconv>

#include "base/base64.hpp"
#include "base/text.hpp"

namespace postern::transit {
namespace {

constexpr std::string_view kPrefix = "vault:v";
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
  out.resize(before + base64_size(bytes.size()));
  base64_write(bytes, out.data() + before);
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
  const auto size = base64_read(text, out);
  return size ? std::optional(*size) : std::nullopt;
}

}  // namespace postern::transit
