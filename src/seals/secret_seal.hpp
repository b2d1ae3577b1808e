// Seals by a secret that lies somewhere else: a raw key or passphrase file, a variable, an entry of the desktop's keychain; what
// keys/root_key.hpp knows.
//
// A raw key (32 bytes) gives each blob its own key by HKDF-SHA-256, a passphrase by Argon2id with the cost written into the blob. A blob
// also carries a check value, so that a wrong passphrase (Denied) is told from a changed blob (IntegrityFailed).
#pragma once

#include <memory>

#include "crypto/kdf.hpp"
#include "keys/root_key.hpp"
#include "seals/envelope.hpp"

namespace postern::seals {

/// What a blob of either kind remembers. Foreign bytes: costs above kArgon2Work are refused before anything is spent on them.
struct SecretRecipe {
  BlobKind kind = BlobKind::RawKey;
  Argon2Cost cost;  ///< Passphrases only.
  Bytes salt;       ///< 16 bytes.
  Bytes check;      ///< 16 bytes.
};
/// memory in KiB times iterations; about four seconds of one core.
inline constexpr std::uint64_t kArgon2Work = 4ULL * 1024 * 1024;

[[nodiscard]] Result<SecretRecipe> read_secret_recipe(BlobKind kind, ByteView bytes);
[[nodiscard]] Bytes write_secret_recipe(const SecretRecipe& recipe);

enum class SecretSealType { File, Passphrase, SecretService };

struct SecretSealOptions {
  SecretSealType type = SecretSealType::Passphrase;  ///< Passphrase accepts no raw key.
  std::string name = {};
  RootKeySource source = {};
  KeychainUse keychain = {};
  /// Asked for at the first wrap(): a raw key file or a keychain entry is made when it is missing. unwrap() never makes one.
  CreateRootKey create = CreateRootKey::No;
  Argon2Cost cost = {};
};
/// BadInput when the source is not one of the type's, or the cost out of bounds. The secret is read at each call and kept by none.
[[nodiscard]] Result<std::unique_ptr<Seal>> make_secret_seal(SecretSealOptions options);

}  // namespace postern::seals
