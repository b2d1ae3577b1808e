// Random bytes for cryptography, from OpenSSL's generator (SP 800-90A CTR-DRBG, seeded by the kernel).
#pragma once

#include "base/random.hpp"
#include "base/secret.hpp"

namespace postern {

/// Public randomness: nonces, initialisation vectors, salts. Drawn in blocks per thread, since one call of the generator costs as much as
/// encrypting 1 KiB. Bytes are wiped as they are handed out; a forked child starts a new block. Never fails: a generator that cannot
/// deliver ends the process.
void fill_nonce(ByteSpan out);

/// Private randomness: keys. Drawn ahead in the same way from OpenSSL's private generator, into locked memory. Never fails, as above.
[[nodiscard]] SecretBytes random_key(std::size_t size);

/// fill_nonce() behind the port.
class NonceRandom final : public Random {
 public:
  void fill(ByteSpan out) override { fill_nonce(out); }
};

}  // namespace postern
