#include "transit/record.hpp"

#include <cstring>

#include "base/cursor.hpp"

namespace postern::transit::detail {
namespace {

constexpr Byte kKeyFormat = 1, kSegmentFormat = 2, kUsesFormat = 3, kBackupFormat = 4;
constexpr std::size_t kTypes = static_cast<std::size_t>(KeyType::MlKem1024) + 1;  // new types go to the end

// Writes twice: first only counting, then into memory of that size, so that no key is left behind by a buffer that grew.
class Sink {
 public:
  explicit Sink(Byte* to = nullptr) : m_to(to) {}
  void bytes(ByteView in) {
    if (m_to != nullptr && !in.empty()) std::memcpy(m_to + m_size, in.data(), in.size());
    m_size += in.size();
  }
  void number(std::uint64_t value, std::size_t width) {
    std::array<Byte, 8> big{};
    for (std::size_t i = 0; i < width; ++i) big[i] = static_cast<Byte>(value >> (8 * (width - 1 - i)));
    bytes(ByteView(big).first(width));
  }
  void block(ByteView in) {
    number(in.size(), 4);
    bytes(in);
  }
  [[nodiscard]] std::size_t size() const noexcept { return m_size; }

 private:
  Byte* m_to;
  std::size_t m_size = 0;
};

template <class Write>
SecretBytes written(Write write) {
  Sink count;
  write(count);
  SecretBytes out(count.size());
  Sink fill(out.span().data());
  write(fill);
  return out;
}

using Flag = bool Policy::*;
constexpr std::array<Flag, 8> kFlags{&Policy::derived,
                                     &Policy::convergent,
                                     &Policy::exportable,
                                     &Policy::allow_plaintext_backup,
                                     &Policy::deletion_allowed,
                                     &Policy::imported,
                                     &Policy::imported_allow_rotation,
                                     &Policy::soft_deleted};

std::uint32_t flags_of(const Policy& policy) {
  std::uint32_t flags = 0;
  for (std::size_t i = 0; i < kFlags.size(); ++i) flags |= static_cast<std::uint32_t>(policy.*kFlags[i] ? 1U << i : 0U);
  return flags;
}

void write_time(Sink& out, WallTime time) { out.number(static_cast<std::uint64_t>(unix_millis(time)), 8); }

void write_settings(Sink& out, const Policy& p) {
  out.number(static_cast<std::uint64_t>(p.type), 1);
  out.number(flags_of(p), 4);
  for (const std::uint32_t n : {p.latest, p.min_available, p.min_decryption, p.min_encryption}) out.number(n, 4);
  out.number(static_cast<std::uint64_t>(p.auto_rotate.count()), 8);
  out.number(p.key_size, 4);
  out.number(p.max_versions, 4);
  write_time(out, p.expires);
  out.number(p.uses, 2);
  for (const std::uint64_t n : {p.limits.encryptions, p.limits.signatures, p.limits.macs}) out.number(n, 8);
  for (const KeyInfo::Copied& copied : {p.backup, p.restored}) {
    write_time(out, copied.time);
    out.number(copied.version, 4);
  }
}

void write_version(Sink& out, const Version& v) {
  out.number(v.number, 4);
  write_time(out, v.created);
  out.block(v.material.secret.view());
  out.block(v.mac_key.view());
  out.block(v.material.public_part);
  out.block(as_bytes(v.certificate_chain));
}

void write_head(Sink& out, Byte format, const KeyId& id) {
  out.number(format, 1);
  out.bytes(id);
}

void write_whole_key(Sink& out, const Key& key) {
  write_head(out, kKeyFormat, key.policy.id);
  write_settings(out, key.policy);
  out.number(key.versions.size(), 4);
  for (const VersionPtr& version : key.versions) write_version(out, *version);
}

void write_whole_segment(Sink& out, const Segment& segment) {
  write_head(out, kSegmentFormat, segment.id);
  out.number(segment.versions.size(), 4);
  for (const auto& [number, version] : segment.versions) write_version(out, *version);
}

// Reading ----------------------------------------------------------------------------------------------------------------------------

Result<KeyId> read_head(ByteReader& in, Byte format) {
  POSTERN_TRY(const std::uint8_t found, in.read_u8("format"));
  if (found != format) return fail(ErrorCode::IntegrityFailed, "a stored key has a format that this version does not know");
  POSTERN_TRY(const ByteView raw, in.read_bytes(16, "id"));
  KeyId id;
  std::ranges::copy(raw, id.begin());
  return id;
}

Result<WallTime> read_time(ByteReader& in, std::string_view field) {
  POSTERN_TRY(const std::uint64_t ms, in.read_u64(field));
  if (ms > 1ULL << 47) return fail(ErrorCode::BadInput, "no time", std::string(field));  // the year 6429
  return wall_from_millis(static_cast<std::int64_t>(ms));
}

Status read_type_and_flags(ByteReader& in, Policy& p) {
  POSTERN_TRY(const std::uint8_t type, in.read_u8("type"));
  if (type >= kTypes) return fail(ErrorCode::BadInput, "unknown", "type");
  p.type = static_cast<KeyType>(type);
  POSTERN_TRY(const std::uint32_t flags, in.read_u32("flags"));
  if (flags >> kFlags.size() != 0) return fail(ErrorCode::BadInput, "unknown", "flags");
  for (std::size_t i = 0; i < kFlags.size(); ++i) p.*kFlags[i] = (flags >> i & 1) != 0;
  return {};
}

Status read_numbers(ByteReader& in, Policy& p) {
  for (std::uint32_t* n : {&p.latest, &p.min_available, &p.min_decryption, &p.min_encryption}) {
    POSTERN_TRY(*n, in.read_u32("versions"));
  }
  POSTERN_TRY(const std::uint64_t period, in.read_u64("auto_rotate"));
  if (period > 1ULL << 40) return fail(ErrorCode::BadInput, "too long", "auto_rotate");
  p.auto_rotate = std::chrono::seconds(period);
  POSTERN_TRY(p.key_size, in.read_u32("key_size"));
  POSTERN_TRY(p.max_versions, in.read_u32("max_versions"));
  POSTERN_TRY(p.expires, read_time(in, "expires"));
  POSTERN_TRY(p.uses, in.read_u16("uses"));
  return {};
}

Result<Policy> read_settings(ByteReader& in) {
  Policy p;
  POSTERN_CHECK(read_type_and_flags(in, p));
  POSTERN_CHECK(read_numbers(in, p));
  for (std::uint64_t* n : {&p.limits.encryptions, &p.limits.signatures, &p.limits.macs}) {
    POSTERN_TRY(*n, in.read_u64("limits"));
  }
  for (KeyInfo::Copied* copied : {&p.backup, &p.restored}) {
    POSTERN_TRY(copied->time, read_time(in, "copied"));
    POSTERN_TRY(copied->version, in.read_u32("copied"));
  }
  return p;
}

Result<VersionPtr> read_version(ByteReader& in) {
  auto v = std::make_shared<Version>();
  POSTERN_TRY(v->number, in.read_u32("number"));
  POSTERN_TRY(v->created, read_time(in, "created"));
  POSTERN_TRY(const ByteView secret, in.read_block("secret"));
  POSTERN_TRY(const ByteView mac, in.read_block("mac"));
  POSTERN_TRY(const ByteView pub, in.read_block("public"));
  POSTERN_TRY(const ByteView chain, in.read_block("chain"));
  if (secret.empty() && pub.empty()) return fail(ErrorCode::BadInput, "a version without a key", "secret");
  v->material = {SecretBytes(secret), Bytes(pub.begin(), pub.end())};
  v->mac_key = SecretBytes(mac);
  v->certificate_chain = std::string(as_text(chain));
  return VersionPtr(std::move(v));
}

Result<std::vector<VersionPtr>> read_versions(ByteReader& in, std::size_t most) {
  POSTERN_TRY(const std::uint32_t count, in.read_u32("count"));
  if (count > most) return fail(ErrorCode::BadInput, "too many versions", "count");
  std::vector<VersionPtr> out;
  for (std::uint32_t i = 0; i < count; ++i) {
    POSTERN_TRY(VersionPtr version, read_version(in));
    if (!out.empty() && version->number <= out.back()->number) return fail(ErrorCode::BadInput, "versions out of order", "number");
    out.push_back(std::move(version));
  }
  return out;
}

Status check_key(const Key& key) {
  const Policy& p = key.policy;
  const bool whole = !key.versions.empty() && key.versions.front()->number == p.min_decryption && key.versions.back()->number == p.latest &&
                     key.versions.size() == p.latest - p.min_decryption + 1;
  const bool ordered = p.min_decryption >= 1 && p.min_available <= p.min_decryption && p.min_encryption <= p.latest;
  return whole && ordered ? Status() : fail(ErrorCode::BadInput, "versions are missing", "versions");
}

Result<Key> read_whole_key(std::string_view name, ByteReader& in) {
  Key key;
  key.name = std::string(name);
  POSTERN_TRY(const KeyId id, read_head(in, kKeyFormat));
  POSTERN_TRY(key.policy, read_settings(in));
  key.policy.id = id;
  POSTERN_TRY(key.versions, read_versions(in, kVersionsMost));
  POSTERN_CHECK(check_key(key));
  return key;
}

Result<Segment> read_whole_segment(ByteReader& in) {
  Segment segment;
  POSTERN_TRY(segment.id, read_head(in, kSegmentFormat));
  POSTERN_TRY(std::vector<VersionPtr> versions, read_versions(in, kSegment));
  for (VersionPtr& version : versions) segment.versions.emplace(version->number, std::move(version));
  return segment;
}

Result<UseRecord> read_whole_uses(ByteReader& in) {
  UseRecord uses;
  POSTERN_TRY(uses.id, read_head(in, kUsesFormat));
  POSTERN_TRY(const std::uint32_t count, in.read_u32("count"));
  for (std::uint32_t i = 0; i < count; ++i) {
    POSTERN_TRY(const std::uint32_t number, in.read_u32("number"));
    UseRow row{};
    for (std::uint64_t& n : row) {
      POSTERN_TRY(n, in.read_u64("uses"));
    }
    uses.rows[number] = row;
  }
  return uses;
}

// The whole record, and nothing behind it.
template <class Read>
auto whole(ByteView record, Read read) -> decltype(read(std::declval<ByteReader&>())) {
  ByteReader in(record);
  auto value = read(in);
  if (value && in.at_end()) return value;
  return fail(ErrorCode::IntegrityFailed,
              "a stored key is damaged: " + (value ? std::string("bytes behind its end") : value.error().text()));
}

Result<Backup> read_whole_backup(std::string_view name, ByteReader& in) {
  POSTERN_TRY(const std::uint8_t format, in.read_u8("format"));
  if (format != kBackupFormat) return fail(ErrorCode::BadInput, "not a backup of a key", "backup");
  POSTERN_TRY(const ByteView key, in.read_block("key"));
  Backup backup;
  POSTERN_TRY(backup.key, read_key(name, key));
  POSTERN_TRY(const ByteView uses, in.read_block("uses"));
  POSTERN_TRY(backup.uses, read_uses(uses));
  POSTERN_TRY(const std::uint32_t count, in.read_u32("count"));
  for (std::uint32_t i = 0; i < count; ++i) {
    POSTERN_TRY(const ByteView segment, in.read_block("segment"));
    POSTERN_TRY(Segment read, read_segment(segment));
    if (read.id != backup.key.policy.id) return fail(ErrorCode::BadInput, "of another key", "segment");
    backup.segments.push_back(std::move(read));
  }
  return backup;
}

}  // namespace

SecretBytes write_key(const Key& key) {
  return written([&](Sink& out) { write_whole_key(out, key); });
}
SecretBytes write_segment(const Segment& segment) {
  return written([&](Sink& out) { write_whole_segment(out, segment); });
}

SecretBytes write_uses(const UseRecord& uses) {
  return written([&](Sink& out) {
    write_head(out, kUsesFormat, uses.id);
    out.number(uses.rows.size(), 4);
    for (const auto& [number, row] : uses.rows) {
      out.number(number, 4);
      for (const std::uint64_t n : row) out.number(n, 8);
    }
  });
}

SecretBytes write_backup(const Key& key, const UseRecord& uses, std::span<const Segment> segments) {
  const SecretBytes inner = write_key(key);
  return written([&](Sink& out) {
    out.number(kBackupFormat, 1);
    out.block(inner.view());
    out.block(write_uses(uses).view());
    out.number(segments.size(), 4);
    for (const Segment& segment : segments) out.block(write_segment(segment).view());
  });
}

Result<Key> read_key(std::string_view name, ByteView record) {
  return whole(record, [&](ByteReader& in) { return read_whole_key(name, in); });
}
Result<Segment> read_segment(ByteView record) { return whole(record, read_whole_segment); }
Result<UseRecord> read_uses(ByteView record) { return whole(record, read_whole_uses); }
Result<Backup> read_backup(std::string_view name, ByteView record) {
  return whole(record, [&](ByteReader& in) { return read_whole_backup(name, in); });
}

}  // namespace postern::transit::detail
