// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): ChaCha20-Poly1305 under a key that HChaCha20 makes of the key and the first 16 bytes of
// a 24-byte nonce. Random nonces are safe for any number of messages (2^96 nonces against 2^32 messages of the 96-bit ciphers).
//
// OpenSSL has no XChaCha20; HChaCha20 is written out here, everything else is OpenSSL's. Thread safe; keys are borrowed for the call.
#pragma once

#include "base/secret.hpp"

namespace postern {

inline constexpr std::size_t kXChaChaKey = 32;
inline constexpr std::size_t kXChaChaNonce = 24;

/// 2.2 of the draft. `key` has 32 bytes, `nonce` 16; BadInput otherwise.
[[nodiscard]] Result<SecretBytes> hchacha20(ByteView key, ByteView nonce);

/// As Aead::seal and Aead::open, with a nonce of 24 bytes.
[[nodiscard]] Status xchacha_seal(ByteView key, ByteView nonce, ByteView aad, ByteView plaintext, ByteSpan out);
[[nodiscard]] Status xchacha_open(ByteView key, ByteView nonce, ByteView aad, ByteView sealed, ByteSpan out);

}  // namespace postern
