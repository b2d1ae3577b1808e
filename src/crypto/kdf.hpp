// Keys from other keys (HKDF) and from passphrases (Argon2id, PBKDF2, scrypt).
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

/// RFC 9106. Memory is in KiB, at least 8 for each lane and at most kArgon2Memory; time grows with memory * iterations.
struct Argon2Cost {
  std::uint32_t memory_kib = 64 * 1024;  ///< RFC 9106 4, second recommended option: 64 MiB, 3 iterations, 4 lanes.
  std::uint32_t iterations = 3;
  std::uint32_t lanes = 4;
};
inline constexpr std::uint32_t kArgon2Memory = 2U * 1024 * 1024;
/// `salt` has at least 8 bytes, `size` is 4 to 1024. `secret` and `associated` are the standard's optional inputs K and X. The calling
/// thread does all lanes. BadInput for inputs out of range, TooLarge for more memory than kArgon2Memory, Exhausted when the machine has
/// not got it. Costs read from foreign bytes must be bounded by the caller: an iteration over 2 GiB takes seconds.
[[nodiscard]] Result<SecretBytes> argon2id(ByteView password, ByteView salt, const Argon2Cost& cost, std::size_t size, ByteView secret = {},
                                           ByteView associated = {});

/// ANSI X9.63 / SEC 1 3.6.1, the KDF of ECDH in CMS (RFC 5753). `size` is 1 to 4096.
[[nodiscard]] Result<SecretBytes> x963_kdf(HashAlgorithm algorithm, ByteView shared_secret, ByteView shared_info, std::size_t size);

}  // namespace postern
