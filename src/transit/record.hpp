// Keys as bytes: what stands in the storage and in backups. Inside the room only.
//
//   key      := format (1, 0x01) id (16) settings versions
//   segment  := format (1, 0x02) id (16) versions               older versions; the id is that of the key
//   uses     := format (1, 0x03) id (16) count (4) { number (4) encryptions (8) signatures (8) macs (8) }
//   backup   := format (1, 0x04) key (block) uses (block) count (4) { segment (block) }
//   settings := type (1) flags (4) latest (4) min_available (4) min_decryption (4) min_encryption (4) auto_rotate (8, seconds)
//               key_size (4) max_versions (4) expires (8, ms) uses (2) limits (3 x 8) backup (8 + 4) restored (8 + 4)
//   versions := count (4) { number (4) created (8, ms) secret (block) mac key (block) public (block) certificate chain (block) }
//
// Integers are big-endian, a block is a 32-bit length and its bytes. Written only into memory that is wiped. Readers take any bytes:
// IntegrityFailed (the barrier below has a tag on each value, so that a wrong record is our own bug or a foreign one's).
#pragma once

#include <map>

#include "transit/state.hpp"

namespace postern::transit::detail {

inline constexpr std::uint32_t kSegment = 128;  ///< Versions to a segment: number / kSegment is its own number.

struct Segment {
  KeyId id{};
  std::map<std::uint32_t, VersionPtr> versions;
};
using UseRow = std::array<std::uint64_t, kCounted.size()>;
struct UseRecord {
  KeyId id{};
  std::map<std::uint32_t, UseRow> rows;
};
struct Backup {
  Key key;
  UseRecord uses;
  std::vector<Segment> segments;
};

[[nodiscard]] SecretBytes write_key(const Key& key);
[[nodiscard]] Result<Key> read_key(std::string_view name, ByteView record);
[[nodiscard]] SecretBytes write_segment(const Segment& segment);
[[nodiscard]] Result<Segment> read_segment(ByteView record);
[[nodiscard]] SecretBytes write_uses(const UseRecord& uses);
[[nodiscard]] Result<UseRecord> read_uses(ByteView record);
[[nodiscard]] SecretBytes write_backup(const Key& key, const UseRecord& uses, std::span<const Segment> segments);
[[nodiscard]] Result<Backup> read_backup(std::string_view name, ByteView record);

}  // namespace postern::transit::detail
