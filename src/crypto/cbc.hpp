// AES-CBC with PKCS#7 padding (SP 800-38A, RFC 5652 6.3): the content cipher of older CMS. It hides and proves nothing: use crypto/aead.hpp
// for everything new, and never tell a peer why the opening failed.
#pragma once

#include "base/secret.hpp"

namespace postern {

inline constexpr std::size_t kCbcBlock = 16;

/// `key` has 16, 24 or 32 bytes, `iv` 16 that nobody could foresee. TooLarge from 2 GiB on.
[[nodiscard]] Result<Bytes> aes_cbc_encrypt(ByteView key, ByteView iv, ByteView plaintext);
/// IntegrityFailed for every ciphertext that does not end in a padding, without a hint of why.
[[nodiscard]] Result<SecretBytes> aes_cbc_decrypt(ByteView key, ByteView iv, ByteView ciphertext);

}  // namespace postern
