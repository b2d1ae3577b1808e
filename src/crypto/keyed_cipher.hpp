// One OpenSSL context keyed for one direction. Inside crypto/ only: what has a key that stays uses Aead; a stream, whose key serves for one
// message, owns one of these, so that its key neither is copied nor pushes a kept key out.
#pragma once

#include <array>
#include <optional>

#include "crypto/aead.hpp"
#include "crypto/openssl.hpp"

namespace postern::detail {

enum class CipherDirection : int { Open = 0, Seal = 1 };
using AeadNonce = std::array<Byte, kAeadNonce>;

/// Not thread safe; movable. The key schedule is cleared (by OpenSSL) when it is destroyed.
class KeyedCipher {
 public:
  /// `key` has aead_key_size(algorithm) bytes. `first` is a guess at the first nonce: key and nonce together are one call less.
  KeyedCipher(AeadAlgorithm algorithm, CipherDirection direction, ByteView key, const AeadNonce& first = {});
  /// As Aead::seal and Aead::open; only the one of its direction.
  [[nodiscard]] Status seal(ByteView nonce, ByteView aad, ByteView plaintext, ByteSpan out);
  [[nodiscard]] Status open(ByteView nonce, ByteView aad, ByteView sealed, ByteSpan out);

 private:
  void set_nonce(ByteView nonce);
  EvpCipherCtxPtr m_context;
  std::optional<AeadNonce> m_set;  // set together with the key and not used yet
};

}  // namespace postern::detail
