// The locks of the ring (inside keys/, and vaultkeeper/ for its records): root key -> key-encryption key -> records, and the bytes of each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "crypto/aead.hpp"
#include "keys/key_store.hpp"
#include "keys/root_key.hpp"

namespace postern::detail {

/// One version as it stands in a record; `sealed` is opened by Vault::open_secret.
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
class Vault {
 public:
  [[nodiscard]] static Vault generate();
  /// Over a key-encryption key that somebody else keeps (an external Vault). BadInput unless 32 bytes.
  [[nodiscard]] static Result<Vault> over(SecretBytes kek);
  /// Denied when `root` is not what locked the blob; IntegrityFailed or Unsupported when the blob is not one.
  [[nodiscard]] static Result<Vault> unlock(ByteView root_blob, const RootKey& root);
  /// A new root blob: the same key-encryption key under this root key.
  [[nodiscard]] Result<Bytes> lock(const RootKey& root) const;

  [[nodiscard]] Result<Bytes> seal_secret(const KeyName& name, KeyType type, std::uint32_t version, ByteView secret) const;
  [[nodiscard]] Result<SecretBytes> open_secret(const KeyName& name, KeyType type, std::uint32_t version, ByteView sealed) const;
  [[nodiscard]] KeyRecord encode(const StoredKey& key) const;
  [[nodiscard]] Result<StoredKey> decode(const KeyRecord& record) const;

 private:
  explicit Vault(SecretBytes kek);
  SecretBytes m_kek;
  SecretBytes m_mac_key;
  Aead m_wrap;
};

}  // namespace postern::detail
