#include "dnszone/people.hpp"

#include "base/cursor.hpp"
#include "crypto/hash.hpp"

namespace postern::dnszone {
namespace {

constexpr std::size_t kHashOctets = 28;
constexpr unsigned kPublicKeyTag = 6;

/// RFC 9580 4.2.1.
Result<std::size_t> new_length(ByteReader& in) {
  POSTERN_TRY(const std::uint8_t first, in.read_u8("length"));
  if (first < 192) return first;
  if (first == 255) {
    POSTERN_TRY(const std::uint64_t length, in.read_uint(4, "length"));
    return static_cast<std::size_t>(length);
  }
  if (first >= 224) return fail(ErrorCode::BadInput, "a key has no partial length", "packet");
  POSTERN_TRY(const std::uint8_t second, in.read_u8("length"));
  return (first - 192U) * 256U + second + 192U;
}

/// RFC 9580 4.2.2: 1, 2 or 4 octets.
Result<std::size_t> old_length(ByteReader& in, unsigned kind) {
  if (kind == 3) return fail(ErrorCode::BadInput, "a key has a length", "packet");
  POSTERN_TRY(const std::uint64_t length, in.read_uint(std::size_t{1} << kind, "length"));
  return static_cast<std::size_t>(length);
}

Result<ByteView> first_key(ByteView bytes) {
  ByteReader in(bytes);
  POSTERN_TRY(const std::uint8_t head, in.read_u8("packet"));
  const bool is_new = (head & 0x40U) != 0;
  const unsigned tag = is_new ? head & 0x3FU : head >> 2 & 0x0FU;
  if ((head & 0x80U) == 0 || tag != kPublicKeyTag) return fail(ErrorCode::BadInput, "is no public key", "packet");
  POSTERN_TRY(const std::size_t size, is_new ? new_length(in) : old_length(in, head & 3U));
  return in.read_bytes(size, "packet");
}

}  // namespace

std::string person_name(RecordKind kind, std::string_view local_part, std::string_view domain) {
  const Sha256 hash = sha256(as_bytes(local_part));
  const std::string_view label = kind == RecordKind::Smimea ? "._smimecert." : "._openpgpkey.";
  return hex_encode(ByteView(hash).first(kHashOctets)) + std::string(label) + std::string(domain);
}

std::optional<ByteView> primary_key_packet(ByteView bytes) {
  const auto found = first_key(bytes);
  return found ? std::optional(*found) : std::nullopt;
}

}  // namespace postern::dnszone
