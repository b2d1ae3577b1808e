// Authenticated encryption of one message: AES-GCM (SP 800-38D) and ChaCha20-Poly1305 (RFC 8439), 96-bit nonce, 128-bit tag.
//
// For what does not fit one message, or must be readable in pieces, use crypto/stream_aead.hpp.
#pragma once

#include <cstdint>

#include "base/secret.hpp"

namespace postern {

enum class AeadAlgorithm { Aes128Gcm, Aes256Gcm, ChaCha20Poly1305 };

inline constexpr std::size_t kAeadNonce = 12;
inline constexpr std::size_t kAeadTag = 16;
/// One message at most; SP 800-38D 5.2.1.1 allows 2^36 - 32 bytes, OpenSSL's calls take an int.
inline constexpr std::size_t kAeadMessage = 0x7fff0000;

[[nodiscard]] std::size_t aead_key_size(AeadAlgorithm algorithm) noexcept;

/// One key. Thread safe: each thread keeps a few OpenSSL contexts with their key schedules, so that a key in steady use is not expanded
/// again. Destroying an Aead clears the contexts of the destroying thread; those of other threads go when the next keys push them out.
///
/// The caller gives the nonce and answers for its never repeating under one key; with random nonces (seal_random) that means at most
/// 2^32 messages per key (SP 800-38D 8.3).
class Aead {
 public:
  /// BadInput when the key's size is not that of the algorithm. Keeps its own copy of the key.
  [[nodiscard]] static Result<Aead> create(AeadAlgorithm algorithm, ByteView key);
  Aead(Aead&& other) noexcept;
  Aead& operator=(Aead&& other) noexcept;
  ~Aead();

  /// Writes ciphertext, then tag, into `out`, which must be exactly plaintext.size() + kAeadTag bytes and either apart from the
  /// plaintext or begin where it begins.
  [[nodiscard]] Status seal(ByteView nonce, ByteView aad, ByteView plaintext, ByteSpan out) const;
  /// Writes the plaintext into `out`, exactly sealed.size() - kAeadTag bytes. IntegrityFailed when the tag does not verify, and then
  /// `out` is all zeros.
  [[nodiscard]] Status open(ByteView nonce, ByteView aad, ByteView sealed, ByteSpan out) const;

  /// nonce || ciphertext || tag, with a random nonce.
  [[nodiscard]] Result<Bytes> seal_random(ByteView aad, ByteView plaintext) const;
  /// The inverse of seal_random; BadInput when too short.
  [[nodiscard]] Result<SecretBytes> open_random(ByteView aad, ByteView sealed) const;

 private:
  Aead(AeadAlgorithm algorithm, SecretBytes key);
  AeadAlgorithm m_algorithm;
  SecretBytes m_key;
  std::uint64_t m_id = 0;
};

/// One message under a key that serves for it alone (derived keys, XChaCha20): no schedule is kept, and none is pushed out. Otherwise as
/// Aead::seal and Aead::open.
[[nodiscard]] Status aead_seal_once(AeadAlgorithm algorithm, ByteView key, ByteView nonce, ByteView aad, ByteView plaintext, ByteSpan out);
[[nodiscard]] Status aead_open_once(AeadAlgorithm algorithm, ByteView key, ByteView nonce, ByteView aad, ByteView sealed, ByteSpan out);

}  // namespace postern
