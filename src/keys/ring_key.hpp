// One key in use (inside keys/; vaultkeeper/ shares make_fresh and the text form): its versions, ready, and what is asked of them.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crypto/aead.hpp"
#include "keys/openpgp_key.hpp"
#include "keys/vault.hpp"

namespace postern::detail {

// An OpenPGP secret as it is stored: the "vault:vN:" text under pgp_key_encryption.
struct WrappedOpenPgp {
  std::string text;
};
using Material = std::variant<Aead, PrivateKey, SecretBytes, WrappedOpenPgp>;

// One version, ready for use; shared and never changed, but for its counter.
struct Version {
  Version(StoredVersion s, Material m) : stored(std::move(s)), material(std::move(m)) {}
  StoredVersion stored;
  Material material;
  std::atomic<std::uint64_t> uses{0};
};
using VersionPtr = std::shared_ptr<Version>;

// One key at one revision; readers hold it while they work, a change makes another.
struct Key {
  StoredKey stored;
  std::vector<VersionPtr> versions;     // as stored.versions
  std::shared_ptr<OpenPgpKey> openpgp;  // type OpenPgp only

  [[nodiscard]] std::uint32_t latest() const { return versions.back()->stored.number; }
};
using KeyPtr = std::shared_ptr<const Key>;

enum class Use { Protect, Open, Show };  // encrypt and sign; decrypt and verify; read the public part

[[nodiscard]] std::optional<AeadAlgorithm> aead_of(KeyType type);

// What a new version is made of: the secret to seal, and the public part to show.
struct Fresh {
  SecretBytes secret;
  std::string public_text;
};

[[nodiscard]] Result<Fresh> make_fresh(KeyType type);
[[nodiscard]] Result<Material> make_material(KeyType type, const SecretBytes& secret);

/// NotFound, or Denied by the minima of the key.
[[nodiscard]] Result<VersionPtr> version_of(const Key& key, std::uint32_t number, Use use);

template <class T>
Result<const T*> material_of(const Key& key, const Version& version, std::string_view what) {
  if (const T* material = std::get_if<T>(&version.material)) return material;
  return fail(ErrorCode::Unsupported, "a key of type " + std::string(name_of(key.stored.type)) + " does not " + std::string(what),
              key.stored.name.get());
}

[[nodiscard]] KeyInfo info_of(const Key& key);

/// The "vault:vN:BASE64" form of a ciphertext.
struct Ciphertext {
  std::uint32_t version = 0;
  Bytes bytes;
};

[[nodiscard]] Result<Ciphertext> parse_ciphertext(std::string_view text);
[[nodiscard]] std::string ciphertext_text(std::uint32_t version, ByteView bytes);

}  // namespace postern::detail
