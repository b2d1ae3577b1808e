// Records of keys that lie here and are sealed by a key that the Vault keeps: their bytes, sealed and authenticated (inside vaultkeeper/).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "crypto/aead.hpp"
#include "keys/key_store.hpp"

namespace postern::vaultkeeper {

/// One version as it stands in a record; `sealed` is opened by RecordLock::open_secret.
struct StoredVersion {
  std::uint32_t number = 0;
  WallTime created{};
  std::string public_text;
  Bytes sealed;
};

/// A record in the clear except for its secrets.
struct StoredKey {
  KeyName name;
  std::uint64_t revision = 1;
  KeyType type = KeyType::Aes256Gcm96;
  std::uint32_t min_decryption_version = 1;
  std::uint32_t min_encryption_version = 0;
  bool deletion_allowed = false;
  std::vector<StoredVersion> versions;
};

/// The opened key-encryption key. Thread safe.
class RecordLock {
 public:
  /// Over a key-encryption key that somebody else keeps (an external Vault). BadInput unless 32 bytes.
  [[nodiscard]] static Result<RecordLock> over(SecretBytes kek);
  [[nodiscard]] Result<Bytes> seal_secret(const KeyName& name, KeyType type, std::uint32_t version, ByteView secret) const;
  [[nodiscard]] Result<SecretBytes> open_secret(const KeyName& name, KeyType type, std::uint32_t version, ByteView sealed) const;
  [[nodiscard]] KeyRecord encode(const StoredKey& key) const;
  [[nodiscard]] Result<StoredKey> decode(const KeyRecord& record) const;

 private:
  explicit RecordLock(SecretBytes kek);
  SecretBytes m_kek;
  SecretBytes m_mac_key;
  Aead m_wrap;
};

}  // namespace postern::vaultkeeper
