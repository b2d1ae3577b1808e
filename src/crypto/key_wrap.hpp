// AES key wrap with padding (RFC 5649, SP 800-38F KWP): how one key of any size travels under another.
#pragma once

#include "base/secret.hpp"

namespace postern {

inline constexpr std::size_t kKeyWrapMost = 1U << 20;

/// `kek` has 16, 24 or 32 bytes; `key` 1 to kKeyWrapMost.
[[nodiscard]] Result<Bytes> aes_key_wrap(ByteView kek, ByteView key);
/// IntegrityFailed when it was not wrapped with this key; BadInput when it cannot have been wrapped at all.
[[nodiscard]] Result<SecretBytes> aes_key_unwrap(ByteView kek, ByteView wrapped);

}  // namespace postern
