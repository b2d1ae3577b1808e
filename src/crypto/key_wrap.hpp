// AES key wrap (RFC 3394, SP 800-38F KW) and key wrap with padding (RFC 5649, KWP): how one key travels under another.
#pragma once

#include "base/secret.hpp"

namespace postern {

inline constexpr std::size_t kKeyWrapMost = 1U << 20;

/// KWP. `kek` has 16, 24 or 32 bytes; `key` 1 to kKeyWrapMost.
[[nodiscard]] Result<Bytes> aes_key_wrap(ByteView kek, ByteView key);
/// IntegrityFailed when it was not wrapped with this key; BadInput when it cannot have been wrapped at all.
[[nodiscard]] Result<SecretBytes> aes_key_unwrap(ByteView kek, ByteView wrapped);

/// KW, the form in CMS (RFC 3565): `key` has 16 to kKeyWrapMost bytes, a multiple of 8. Otherwise as above.
[[nodiscard]] Result<Bytes> aes_key_wrap_unpadded(ByteView kek, ByteView key);
[[nodiscard]] Result<SecretBytes> aes_key_unwrap_unpadded(ByteView kek, ByteView wrapped);

}  // namespace postern
