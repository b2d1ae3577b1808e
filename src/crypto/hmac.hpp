// HMAC (RFC 2104, FIPS 198-1).
#pragma once

#include "base/secret.hpp"
#include "crypto/hash.hpp"

namespace postern {

/// One-shot. An empty key is allowed, as the standard does; callers decide whether it makes sense.
[[nodiscard]] Bytes hmac(HashAlgorithm algorithm, ByteView key, ByteView data);
[[nodiscard]] Sha256 hmac_sha256(ByteView key, ByteView data);

/// The same key over many messages or over pieces. Not thread safe; wiped by OpenSSL when destroyed.
class Hmac {
 public:
  Hmac(HashAlgorithm algorithm, ByteView key);
  Hmac& update(ByteView data);
  /// The tag; afterwards the object is at the start again, with the same key.
  [[nodiscard]] Bytes finish();

 private:
  EvpMacCtxPtr m_context;
};

}  // namespace postern
