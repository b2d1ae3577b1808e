// Keys on their way between systems (BYOK): RSA-OAEP(wrapping key, AES-256 key) || AES-KWP(AES key, target). Inside the room only.
#pragma once

#include "crypto/pkey.hpp"

namespace postern::transit::detail {

inline constexpr std::size_t kByokMost = 64 * 1024;  ///< A blob in base64.

/// base64 of the blob, as Vault's clients send it. BadInput without a hint of which part did not open.
[[nodiscard]] Result<SecretBytes> open_byok(const PrivateKey& wrapping_key, HashAlgorithm hash, std::string_view blob);
[[nodiscard]] Result<std::string> make_byok(const PublicKey& wrapping_key, HashAlgorithm hash, ByteView target);

}  // namespace postern::transit::detail
