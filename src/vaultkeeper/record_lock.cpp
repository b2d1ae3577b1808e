#include "vaultkeeper/record_lock.hpp"

#include "base/cursor.hpp"
#include "base/text.hpp"
#include "crypto/hmac.hpp"
#include "crypto/kdf.hpp"

namespace postern::vaultkeeper {
namespace {

constexpr Byte kRecordFormat = 1;
constexpr std::size_t kKek = 32;
constexpr std::size_t kMac = 32;
constexpr std::uint32_t kMaxVersions = 100000;

SecretBytes derived(ByteView kek, std::string_view use) { return hkdf(HashAlgorithm::Sha256, kek, {}, as_bytes(use), 32).value(); }

Error damaged(std::string_view what) {
  return {ErrorCode::IntegrityFailed, "the key store was changed from outside or is damaged: " + std::string(what), {}};
}

Bytes secret_aad(const KeyName& name, KeyType type, std::uint32_t version) {
  ByteWriter out;
  out.write_block(name.get()).write_block(name_of(type)).write_u32(version);
  return std::move(out).take();
}

void write_body(ByteWriter& out, const StoredKey& key) {
  out.write_u8(kRecordFormat).write_block(name_of(key.type)).write_u32(key.min_decryption_version).write_u32(key.min_encryption_version);
  out.write_u8(key.deletion_allowed ? 1 : 0).write_u32(static_cast<std::uint32_t>(key.versions.size()));
  for (const StoredVersion& v : key.versions) {
    out.write_u32(v.number).write_u64(static_cast<std::uint64_t>(unix_millis(v.created))).write_block(v.public_text).write_block(v.sealed);
  }
}

Result<StoredVersion> read_version(ByteReader& reader) {
  StoredVersion v;
  POSTERN_TRY(v.number, reader.read_u32("number"));
  POSTERN_TRY(const std::uint64_t created, reader.read_u64("created"));
  v.created = wall_from_millis(static_cast<std::int64_t>(created));
  POSTERN_TRY(const ByteView text, reader.read_block("public"));
  v.public_text = as_text(text);
  POSTERN_TRY(const ByteView sealed, reader.read_block("sealed"));
  v.sealed.assign(sealed.begin(), sealed.end());
  return v;
}

Result<StoredKey> read_body(ByteReader& reader) {
  StoredKey key;
  POSTERN_TRY(const std::uint8_t format, reader.read_u8("format"));
  if (format != kRecordFormat) return fail(ErrorCode::Unsupported, "the key was written by a later version of this program");
  POSTERN_TRY(const ByteView type, reader.read_block("type"));
  const auto known = key_type_from_name(as_text(type));
  if (!known) return fail(ErrorCode::Unsupported, "the key has a type that this version does not know");
  key.type = *known;
  POSTERN_TRY(key.min_decryption_version, reader.read_u32("min_decryption_version"));
  POSTERN_TRY(key.min_encryption_version, reader.read_u32("min_encryption_version"));
  POSTERN_TRY(const std::uint8_t deletion, reader.read_u8("deletion_allowed"));
  key.deletion_allowed = deletion != 0;
  POSTERN_TRY(const std::uint32_t count, reader.read_u32("versions"));
  if (count == 0 || count > kMaxVersions) return fail(ErrorCode::BadInput, "impossible number of versions");
  for (std::uint32_t i = 0; i < count; ++i) {
    POSTERN_TRY(StoredVersion version, read_version(reader));
    key.versions.push_back(std::move(version));
  }
  if (!reader.at_end()) return fail(ErrorCode::BadInput, "bytes after the end");
  return key;
}

// Name and revision belong to what is authenticated: a record cannot stand in for another, or for an older one of its own.
Bytes record_mac(ByteView key, const KeyName& name, std::uint64_t revision, ByteView body) {
  ByteWriter scope;
  scope.write_block(name.get()).write_u64(revision);
  return Hmac(HashAlgorithm::Sha256, key).update(scope.bytes()).update(body).finish();
}

}  // namespace

RecordLock::RecordLock(SecretBytes kek)
    : m_kek(std::move(kek)),
      m_mac_key(derived(m_kek.view(), "postern key record")),
      m_wrap(Aead::create(AeadAlgorithm::Aes256Gcm, derived(m_kek.view(), "postern key wrap").view()).value()) {}

Result<RecordLock> RecordLock::over(SecretBytes kek) {
  if (kek.size() != kKek) return fail(ErrorCode::BadInput, "a key-encryption key has 32 bytes", "kek");
  return RecordLock(std::move(kek));
}

Result<Bytes> RecordLock::seal_secret(const KeyName& name, KeyType type, std::uint32_t version, ByteView secret) const {
  return m_wrap.seal_random(secret_aad(name, type, version), secret);
}

Result<SecretBytes> RecordLock::open_secret(const KeyName& name, KeyType type, std::uint32_t version, ByteView sealed) const {
  auto opened = m_wrap.open_random(secret_aad(name, type, version), sealed);
  if (!opened) return fail(damaged("a version of key " + name.get()));
  return opened;
}

KeyRecord RecordLock::encode(const StoredKey& key) const {
  ByteWriter out;
  write_body(out, key);
  Bytes body = std::move(out).take();
  append(body, record_mac(m_mac_key.view(), key.name, key.revision, body));
  return {key.name, key.revision, std::move(body)};
}

Result<StoredKey> RecordLock::decode(const KeyRecord& record) const {
  const ByteView all(record.body);
  if (all.size() < kMac || all.size() > kKeyRecordLimit) return fail(damaged("size of key " + printable(record.name.get())));
  const ByteView body = all.first(all.size() - kMac);
  if (!constant_time_equal(record_mac(m_mac_key.view(), record.name, record.revision, body), all.last(kMac))) {
    return fail(damaged("key " + printable(record.name.get())));
  }
  ByteReader reader(body);
  auto key = read_body(reader);
  if (!key) return fail(std::move(key).error().context("key " + record.name.get()));
  key->name = record.name;
  key->revision = record.revision;
  return key;
}

}  // namespace postern::vaultkeeper
