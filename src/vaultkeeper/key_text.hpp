// Texts and fresh material of keys, as this room needs them (inside vaultkeeper/).
#pragma once

#include <string>
#include <string_view>

#include "base/secret.hpp"
#include "keys/key_name.hpp"

namespace postern::vaultkeeper {

/// The "vault:vN:BASE64" form of a ciphertext.
struct Ciphertext {
  std::uint32_t version = 0;
  Bytes bytes;
};
/// BadInput says what is wrong with it. Version 0 reads as 1, as Vault does.
[[nodiscard]] Result<Ciphertext> parse_ciphertext(std::string_view text);
[[nodiscard]] std::string ciphertext_text(std::uint32_t version, ByteView bytes);

/// What a new version is made of: the secret to seal, and the public part to show (PEM; empty for symmetric keys).
struct Fresh {
  SecretBytes secret;
  std::string public_text;
};
[[nodiscard]] Result<Fresh> make_fresh(KeyType type);

}  // namespace postern::vaultkeeper
