// HMAC-SHA-256 (RFC 2104) under one key for many short messages.
//
// The two states that depend on the key alone are computed once; a message costs its own blocks and nothing else, where OpenSSL's MAC
// interface copies and allocates contexts for each. The compression function is OpenSSL's. Not thread safe. The states are as good as the
// key: they lie in locked memory and are wiped with the object.
#pragma once

#include "base/secret.hpp"
#include "crypto/hash.hpp"

namespace postern {

class HmacSha256 {
 public:
  explicit HmacSha256(ByteView key);
  HmacSha256& update(ByteView data);
  /// The tag; afterwards the object is at the start again, with the same key.
  [[nodiscard]] Sha256 finish();

 private:
  struct States;
  [[nodiscard]] States& states() noexcept;
  SecretBytes m_memory;
};

}  // namespace postern
