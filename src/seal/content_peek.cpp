#include "seal/content_peek.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace postern {
namespace {

constexpr std::size_t kPeek = 1024;

/// RFC 8017 and RFC 2634 arcs in DER: pkcs-7 = 1.2.840.113549.1.7, smime-ct = 1.2.840.113549.1.9.16.1.
constexpr std::array<Byte, 8> kPkcs7 = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07};
constexpr std::array<Byte, 10> kSmimeContent = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01};

bool begins_with(ByteView bytes, ByteView prefix) {
  return bytes.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

/// The bytes after a SEQUENCE's tag and length octets (X.690 8.1.3; indefinite length too).
std::optional<ByteView> inside_sequence(ByteView start) {
  if (start.size() < 2 || start[0] != 0x30) return std::nullopt;
  const std::size_t length_octets = start[1] > 0x80 ? start[1] - 0x80U : 0U;
  if (length_octets > 8 || start.size() < 2 + length_octets) return std::nullopt;
  return start.subspan(2 + length_octets);
}

std::optional<CmsKind> kind_of_oid(ByteView oid) {
  if (oid.size() == 9 && begins_with(oid, kPkcs7)) {
    if (oid[8] == 2) return CmsKind::SignedData;
    if (oid[8] == 3) return CmsKind::EnvelopedData;
  }
  if (oid.size() == 11 && begins_with(oid, kSmimeContent)) {
    if (oid[10] == 9) return CmsKind::CompressedData;
    if (oid[10] == 23) return CmsKind::AuthEnvelopedData;
  }
  return std::nullopt;
}

std::optional<PgpKind> kind_of_tag(unsigned tag) {
  switch (tag) {
    case 1:   // Public-Key Encrypted Session Key
    case 3:   // Symmetric-Key Encrypted Session Key
    case 9:   // Symmetrically Encrypted Data
    case 18:  // Symmetrically Encrypted and Integrity Protected Data
    case 20:  // OCB Encrypted Data (GnuPG, LibrePGP)
      return PgpKind::Encrypted;
    case 2: return PgpKind::Signature;
    case 4:  // One-Pass Signature
    case 8:  // Compressed Data
      return PgpKind::SignedMessage;
    case 5:
    case 7: return PgpKind::SecretKey;
    case 6:
    case 14: return PgpKind::PublicKey;
    default: return std::nullopt;
  }
}

/// Decodes base64 as far as it goes: other characters are skipped as RFC 2045 6.8 says, an incomplete group at the end is left out.
Bytes base64_start(std::string_view text) {
  std::string clean;
  for (const char c : text) {
    if (is_alnum(c) || c == '+' || c == '/') clean += c;
    if (c == '=' || clean.size() >= kPeek * 4 / 3) break;
  }
  // Cut by groups: padding what was cut off would leave bits that a strict decoder refuses (RFC 4648 3.5).
  clean.resize(clean.size() - clean.size() % 4);
  return base64_decode(clean).value_or(Bytes{});
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char upper = ascii_upper(c);
  return upper >= 'A' && upper <= 'F' ? upper - 'A' + 10 : -1;
}

Bytes quoted_printable_start(std::string_view text) {
  Bytes out;
  for (std::size_t i = 0; i < text.size() && out.size() < kPeek; ++i) {
    if (text[i] != '=') {
      out.push_back(static_cast<Byte>(text[i]));
    } else if (text.substr(i + 1).starts_with("\r\n")) {
      i += 2;
    } else if (i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out.push_back(static_cast<Byte>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])));
      i += 2;
    }
  }
  return out;
}

/// The base64 text of an armored block: after the armor headers' empty line.
std::string_view armor_body(std::string_view text) {
  std::size_t at = text.find('\n');
  while (at != std::string_view::npos) {
    const std::size_t next = text.find('\n', at + 1);
    const std::string_view line = text.substr(at + 1, next == std::string_view::npos ? next : next - at - 1);
    if (trim(line).empty()) return next == std::string_view::npos ? std::string_view{} : text.substr(next + 1);
    if (line.find(": ") == std::string_view::npos) return {};
    at = next;
  }
  return {};
}

}  // namespace

std::optional<CmsKind> peek_cms(ByteView start) noexcept {
  const auto inside = inside_sequence(start);
  if (!inside || inside->size() < 2 || (*inside)[0] != 0x06) return std::nullopt;
  const std::size_t size = (*inside)[1];
  if (inside->size() < 2 + size) return std::nullopt;
  return kind_of_oid(inside->subspan(2, size));
}

std::optional<PgpKind> peek_pgp_packet(ByteView start) noexcept {
  if (start.empty() || (start[0] & 0x80U) == 0) return std::nullopt;  // RFC 9580 4.2: bit 7 is always one
  const bool new_format = (start[0] & 0x40U) != 0;
  return kind_of_tag(new_format ? start[0] & 0x3FU : (start[0] >> 2U) & 0x0FU);
}

std::optional<PgpKind> peek_pgp(std::string_view text) {
  const std::string_view front = trim(text.substr(0, 64 * kPeek));
  if (!front.starts_with("-----BEGIN PGP ")) return peek_pgp_packet(as_bytes(text));
  return peek_pgp_packet(base64_start(armor_body(front)));
}

Bytes decoded_start(std::string_view body, std::string_view transfer_encoding) {
  const std::string_view name = trim(transfer_encoding);
  if (iequals(name, "base64")) return base64_start(body);
  if (iequals(name, "quoted-printable")) return quoted_printable_start(body);
  return to_bytes(body.substr(0, kPeek));
}

}  // namespace postern
