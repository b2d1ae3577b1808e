// Asymmetric keys: Ed25519 (RFC 8032), ECDSA and ECDH over P-256/384/521 (FIPS 186-5, SP 800-56A), RSA (RFC 8017), X25519 (RFC 7748).
//
// A PrivateKey is for custody code (keys/) and for tests and tools that were handed a key file. Everything else holds key names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.hpp"
#include "crypto/hash.hpp"
#include "crypto/openssl.hpp"

namespace postern {

enum class KeyKind { Ed25519, X25519, EcP256, EcP384, EcP521, Rsa };
[[nodiscard]] std::string_view name_of(KeyKind kind) noexcept;

enum class RsaPadding { Pkcs1, Pss };

/// How to sign. Ed25519 looks at nothing here and never takes a digest; ECDSA looks at `hash` and `prehashed`; RSA at everything.
struct SignAlgorithm {
  HashAlgorithm hash = HashAlgorithm::Sha256;
  RsaPadding padding = RsaPadding::Pkcs1;
  /// RSA-PSS salt length in bytes; kSaltDigest: as long as the digest; kSaltMax: as long as fits when signing, any when verifying.
  int salt = kSaltDigest;
  /// The bytes given are the digest already.
  bool prehashed = false;
  /// PKCS#1 v1.5 over the bytes as they are, without DigestInfo and of any length that fits (TLS 1.1's MD5+SHA-1, and what Vault calls
  /// hash "none"). `hash` and `prehashed` are not looked at.
  bool no_digest_info = false;

  static constexpr int kSaltDigest = -1;
  static constexpr int kSaltMax = -2;
  static SignAlgorithm ed25519() { return {}; }
  static SignAlgorithm ecdsa(HashAlgorithm h) { return {.hash = h}; }
  static SignAlgorithm rsa_pkcs1(HashAlgorithm h) { return {.hash = h}; }
  static SignAlgorithm rsa_pss(HashAlgorithm h) { return {.hash = h, .padding = RsaPadding::Pss}; }
  [[nodiscard]] SignAlgorithm digest_given() const {
    SignAlgorithm copy = *this;
    copy.prehashed = true;
    return copy;
  }
};

/// RSA-OAEP (RFC 8017 7.1); the digest of MGF1 is the same unless said otherwise.
struct OaepOptions {
  HashAlgorithm hash = HashAlgorithm::Sha256;
  std::optional<HashAlgorithm> mgf1 = std::nullopt;
  Bytes label = {};
};

/// A public key. Copies share one immutable object; thread safe.
class PublicKey {
 public:
  /// SubjectPublicKeyInfo in PEM or DER; or the raw form: the 32 bytes of Ed25519/X25519, the point of EC (SEC 1 2.3.4, compressed or not);
  /// or the PKCS#1 RSAPublicKey form (RFC 6376 3.6.1 erratum).
  /// BadInput for what is not one of KeyKind, RSA under 1,024 or over 8,192 bits included.
  [[nodiscard]] static Result<PublicKey> from_pem(std::string_view pem);
  [[nodiscard]] static Result<PublicKey> from_spki(ByteView der);
  [[nodiscard]] static Result<PublicKey> from_raw(KeyKind kind, ByteView raw);
  [[nodiscard]] static Result<PublicKey> from_rsa_pkcs1(ByteView der);
  /// Shares a key that OpenSSL made (of a certificate, say).
  [[nodiscard]] static Result<PublicKey> from_native(EVP_PKEY* key);

  [[nodiscard]] KeyKind kind() const noexcept { return m_kind; }
  [[nodiscard]] int bits() const noexcept { return m_bits; }
  [[nodiscard]] std::string to_pem() const;
  [[nodiscard]] Bytes to_spki() const;
  /// Ed25519 and X25519: 32 bytes. EC: the uncompressed point. RSA: PKCS#1 RSAPublicKey.
  [[nodiscard]] Bytes to_raw() const;

  /// Success, or IntegrityFailed; Unsupported when the key cannot do the algorithm.
  [[nodiscard]] Status verify(const SignAlgorithm& algorithm, ByteView data, ByteView signature) const;
  [[nodiscard]] Result<Bytes> encrypt_oaep(const OaepOptions& options, ByteView plaintext) const;

  [[nodiscard]] EVP_PKEY* native() const noexcept { return m_key.get(); }
  [[nodiscard]] bool operator==(const PublicKey& other) const;

 private:
  PublicKey(std::shared_ptr<EVP_PKEY> key, KeyKind kind, int bits) : m_key(std::move(key)), m_kind(kind), m_bits(bits) {}
  std::shared_ptr<EVP_PKEY> m_key;
  KeyKind m_kind = KeyKind::Ed25519;
  int m_bits = 0;
};

/// A private key. Moves only. Const calls are thread safe (RSA blinding is on and shared).
class PrivateKey {
 public:
  /// `rsa_bits` 2048, 3072 or 4096; looked at for RSA only.
  [[nodiscard]] static Result<PrivateKey> generate(KeyKind kind, int rsa_bits = 2048);
  /// PKCS#8, PKCS#1 or SEC 1, in PEM; encrypted PKCS#8 when a passphrase is given. Denied when the passphrase is wrong or missing.
  [[nodiscard]] static Result<PrivateKey> from_pem(ByteView pem, ByteView passphrase = {});
  /// PKCS#8 (or the traditional forms) in DER.
  [[nodiscard]] static Result<PrivateKey> from_der(ByteView der);
  /// Ed25519 seed or X25519 scalar, 32 bytes; EC scalar, as wide as the field, 1 to the order less one.
  [[nodiscard]] static Result<PrivateKey> from_raw(KeyKind kind, ByteView raw);

  [[nodiscard]] KeyKind kind() const noexcept { return m_public.kind(); }
  [[nodiscard]] const PublicKey& public_key() const noexcept { return m_public; }
  [[nodiscard]] Result<SecretBytes> to_pkcs8() const;
  [[nodiscard]] Result<SecretBytes> to_pem() const;
  /// The older PEM forms by algorithm: "RSA PRIVATE KEY" (PKCS#1), "EC PRIVATE KEY" (SEC 1). Unsupported for other kinds.
  [[nodiscard]] Result<SecretBytes> to_traditional_pem() const;
  /// Ed25519 seed or X25519 scalar, 32 bytes. Unsupported for other kinds.
  [[nodiscard]] Result<SecretBytes> to_raw() const;

  /// ECDSA answers the DER form (SEQUENCE of r and s); see ecdsa_to_fixed for the other.
  [[nodiscard]] Result<Bytes> sign(const SignAlgorithm& algorithm, ByteView data) const;
  /// IntegrityFailed when the padding is not right, without a hint of why.
  [[nodiscard]] Result<SecretBytes> decrypt_oaep(const OaepOptions& options, ByteView ciphertext) const;
  /// PKCS#1 v1.5 key transport, for opening mail of older senders only. A wrong padding is not an error: the answer is then a random key
  /// of `expected_size` bytes, so that a caller cannot become an oracle (RFC 3218 2.3.2). With `expected_size` 0 any size is right, and the
  /// random key has 32 bytes.
  [[nodiscard]] Result<SecretBytes> decrypt_pkcs1(ByteView ciphertext, std::size_t expected_size) const;
  /// The raw ECDH or X25519 shared secret; feed it to a KDF. BadInput for a peer of another kind or a degenerate point.
  [[nodiscard]] Result<SecretBytes> agree(const PublicKey& peer) const;

  [[nodiscard]] EVP_PKEY* native() const noexcept { return m_key.get(); }

 private:
  PrivateKey(EvpPkeyPtr key, PublicKey pub) : m_key(std::move(key)), m_public(std::move(pub)) {}
  static Result<PrivateKey> adopt(EvpPkeyPtr key);
  EvpPkeyPtr m_key;
  PublicKey m_public;
};

/// ECDSA signatures: DER <-> r || s of fixed width (JWS, RFC 7518 3.4).
[[nodiscard]] Result<Bytes> ecdsa_to_fixed(KeyKind curve, ByteView der);
[[nodiscard]] Result<Bytes> ecdsa_to_der(KeyKind curve, ByteView fixed);

}  // namespace postern
