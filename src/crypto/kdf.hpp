// Keys from other keys (HKDF) and from passphrases (PBKDF2, scrypt).
#pragma once

#include <cstdint>

#include "base/secret.hpp"
#include "crypto/hash.hpp"

namespace postern {

/// RFC 5869. `size` is 1 to 255 digests, else BadInput.
[[nodiscard]] Result<SecretBytes> hkdf(HashAlgorithm algorithm, ByteView input_key, ByteView salt, ByteView info, std::size_t size);

/// RFC 8018 5.2. `iterations` and `size` at least 1.
[[nodiscard]] Result<SecretBytes> pbkdf2(HashAlgorithm algorithm, ByteView password, ByteView salt, std::uint32_t iterations,
                                         std::size_t size);

/// RFC 7914. Memory is 128 * n * r bytes and may not pass kScryptMemory.
struct ScryptCost {
  std::uint64_t n = 32768;  ///< A power of two above 1.
  std::uint32_t r = 8;
  std::uint32_t p = 3;
};
inline constexpr std::uint64_t kScryptMemory = 256ULL * 1024 * 1024;
[[nodiscard]] Result<SecretBytes> scrypt(ByteView password, ByteView salt, const ScryptCost& cost, std::size_t size);

/// ANSI X9.63 / SEC 1 3.6.1, the KDF of ECDH in CMS (RFC 5753). `size` is 1 to 4096.
[[nodiscard]] Result<SecretBytes> x963_kdf(HashAlgorithm algorithm, ByteView shared_secret, ByteView shared_info, std::size_t size);

}  // namespace postern
