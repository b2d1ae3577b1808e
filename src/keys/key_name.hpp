// Names and kinds of keys.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/strong.hpp"

namespace postern {

/// The name of a key, as parse_key_name() accepts it. Code may construct one from a constant that obeys the grammar.
using KeyName = Strong<std::string, struct KeyNameTag>;

/// Letters, digits, '_', '-', '.'; begins and ends with a letter, digit or '_'; 1 to 128 characters. (The grammar of Vault's transit,
/// `\w(([\w-.]+)?\w)?`, so that every key can be reached over its API; no slash, so that a name is never a path.)
[[nodiscard]] Result<KeyName> parse_key_name(std::string_view text);

/// What a key is, by the names of Vault's transit API where it has one.
enum class KeyType {
  Aes256Gcm96,       ///< "aes256-gcm96"
  ChaCha20Poly1305,  ///< "chacha20-poly1305"
  Ed25519,           ///< "ed25519"
  EcdsaP256,         ///< "ecdsa-p256": signs and agrees (ECDH)
  EcdsaP384,         ///< "ecdsa-p384"
  EcdsaP521,         ///< "ecdsa-p521"
  Rsa2048,           ///< "rsa-2048": signs and decrypts
  Rsa3072,           ///< "rsa-3072"
  Rsa4096,           ///< "rsa-4096"
  Hmac,              ///< "hmac", 64 bytes
  X25519,            ///< "x25519": agrees only; not in Vault
  OpenPgp,           ///< "openpgp": a whole transferable key, Ed25519 primary and X25519 subkey; not in Vault
};
[[nodiscard]] std::string_view name_of(KeyType type) noexcept;
[[nodiscard]] std::optional<KeyType> key_type_from_name(std::string_view name) noexcept;
[[nodiscard]] bool is_symmetric(KeyType type) noexcept;

/// The keys of the mail system; the keeper makes those that are missing.
namespace key_names {
inline const KeyName kMailStorage{"mail_storage_key"};      ///< aes256-gcm96: wraps the data key of every stored message
inline const KeyName kDkim{"dkim_key"};                     ///< ed25519: the default DKIM signer
inline const KeyName kApiHmac{"api_hmac_key"};              ///< hmac: signed API requests
inline const KeyName kPgpEncryption{"pgp_key_encryption"};  ///< aes256-gcm96: wraps OpenPGP secret keys
}  // namespace key_names

}  // namespace postern
