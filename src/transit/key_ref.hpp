// One key, looked up: what can be done with it.
//
// A KeyRef is a snapshot. It is cheap to copy, and a batch takes one for all its items; what rotate, configure or trim change afterwards
// it does not see. Every call is thread safe. It must not outlive the engine. After Engine::forget_all() its calls are Unavailable.
//
// Errors of every call: BadInput (the caller's bytes, with the API's text), Denied (a version below the minimum, a use that the key's list
// does not allow, an expired or soft-deleted key), Unsupported (the type of key cannot do it), Exhausted (use limit: rotate the key),
// IntegrityFailed (tag or signature), Unavailable (storage, only when uses must be reserved: one small commit per 1,024 to 2^20 uses).
#pragma once

#include <memory>

#include "transit/types.hpp"

namespace postern::transit {

class Engine;
namespace detail {
struct Key;
struct Core;
struct Version;
}  // namespace detail

/// Borrowed for the call.
struct CipherOptions {
  ByteView context = {};      ///< Derived keys: needed, at least one byte. Others: ignored, as in Vault.
  ByteView aad = {};          ///< Refused with convergent keys and by RSA.
  std::uint32_t version = 0;  ///< To encrypt with; 0: the latest. Decryption reads it from the ciphertext.
};

struct Ciphertext {
  std::string text;  ///< "vault:vN:" + base64
  std::uint32_t version = 0;
};

/// A fresh key for the caller, in clear and under this key.
struct NewDataKey {
  SecretBytes plaintext;
  std::string text;  ///< "vault:vN:..."
  std::uint32_t version = 0;
};
/// The same for stores: a compact binary form of its own, which neither passes for a ciphertext nor the reverse.
struct WrappedDataKey {
  SecretBytes plaintext;
  Bytes wrapped;  ///< format (1, 0x01), version (4, big-endian), nonce, ciphertext, tag
};

enum class Marshaling { Asn1, Jws };
/// "asn1", "jws"; BadInput for others.
[[nodiscard]] Result<Marshaling> marshaling_from_name(std::string_view name);

struct SignOptions {
  /// Nothing: "none", the input is signed by PKCS#1 v1.5 as it is, without DigestInfo; needs `prehashed`. Ed25519 and ML-DSA do not look.
  std::optional<HashAlgorithm> hash = HashAlgorithm::Sha256;
  bool prehashed = false;  ///< The input is the digest. Ignored by Ed25519 as in OpenBao: it always signs the input.
  RsaPadding padding = RsaPadding::Pss;
  int salt = SignAlgorithm::kSaltMax;  ///< kSaltMax is "auto", kSaltDigest is "hash"; PSS only.
  Marshaling marshaling = Marshaling::Asn1;
  ByteView context = {};      ///< Derived ed25519 keys: needed.
  std::uint32_t version = 0;  ///< sign: 0 is the latest. verify: from the signature.
};
/// "pss", "pkcs1v15"; BadInput for others.
[[nodiscard]] Result<RsaPadding> padding_from_name(std::string_view name);
/// "auto", "hash", or a number of bytes.
[[nodiscard]] Result<int> salt_from_name(std::string_view name);
/// "sha2-256", ..., "none" (nothing). BadInput for others.
[[nodiscard]] Result<std::optional<HashAlgorithm>> sign_hash_from_name(std::string_view name);

struct Signed {
  std::string text;  ///< "vault:vN:" + base64 (asn1) or base64url (jws)
  std::uint32_t version = 0;
  std::string public_key;  ///< Derived keys: base64 of the raw public key that verifies it.
};

/// ML-KEM: a shared secret, and what the holder of the private key needs to get the same.
struct Encapsulated {
  SecretBytes secret;
  std::string text;  ///< "vault:vN:" + base64
  std::uint32_t version = 0;
};

class KeyRef {
 public:
  [[nodiscard]] const std::string& name() const noexcept;
  [[nodiscard]] KeyType type() const noexcept;
  [[nodiscard]] bool derived() const noexcept;
  [[nodiscard]] bool convergent() const noexcept;
  [[nodiscard]] std::uint32_t latest() const noexcept;

  // Encryption. AEAD and RSA keys; texts as Vault's. ----------------------------------------------------------------------------------
  [[nodiscard]] Result<Ciphertext> encrypt(ByteView plaintext, const CipherOptions& options = {}) const;
  /// Appends the text to `out`, which may be a response in the making; nothing is appended on error. The version.
  [[nodiscard]] Result<std::uint32_t> encrypt_to(std::string& out, ByteView plaintext, const CipherOptions& options = {}) const;
  [[nodiscard]] Result<WipedBytes> decrypt(std::string_view ciphertext, const CipherOptions& options = {}) const;
  /// Under the latest (or the given) version, with the same context and associated data. The plaintext is never shown.
  [[nodiscard]] Result<Ciphertext> rewrap(std::string_view ciphertext, const CipherOptions& options = {}) const;
  /// `bits` 128, 256 or 512.
  [[nodiscard]] Result<NewDataKey> data_key(std::size_t bits, const CipherOptions& options = {}) const;

  // Without the text form, AEAD keys that are not derived: nonce || ciphertext || tag. -------------------------------------------------
  /// How much longer than the plaintext the sealed form is; 0 when the key is no AEAD.
  [[nodiscard]] std::size_t overhead() const noexcept;
  /// `out` has exactly plaintext.size() + overhead() bytes, apart from the plaintext. The version, which open() wants back.
  [[nodiscard]] Result<std::uint32_t> seal(ByteView plaintext, ByteView aad, ByteSpan out) const;
  /// `out` has exactly sealed.size() - overhead() bytes; zeros after an error.
  [[nodiscard]] Status open(std::uint32_t version, ByteView sealed, ByteView aad, ByteSpan out) const;

  // Data keys of stores (256 bits). ----------------------------------------------------------------------------------------------------
  [[nodiscard]] Result<WrappedDataKey> new_data_key(ByteView aad) const;
  [[nodiscard]] Result<SecretBytes> unwrap_data_key(ByteView wrapped, ByteView aad) const;
  [[nodiscard]] Result<Bytes> rewrap_data_key(ByteView wrapped, ByteView aad) const;

  // Signatures. ------------------------------------------------------------------------------------------------------------------------
  [[nodiscard]] Result<Signed> sign(ByteView input, const SignOptions& options = {}) const;
  /// False when it does not match; an error when it is malformed or may not be tried.
  [[nodiscard]] Result<bool> verify(ByteView input, std::string_view signature, const SignOptions& options = {}) const;
  /// Bare bytes, any algorithm of crypto/pkey; ECDSA in DER.
  [[nodiscard]] Result<Bytes> sign_bytes(std::uint32_t version, const SignAlgorithm& algorithm, ByteView data) const;
  [[nodiscard]] Status verify_bytes(std::uint32_t version, const SignAlgorithm& algorithm, ByteView data, ByteView signature) const;

  // MACs. Every type has a MAC key per version but those of which only a public key was imported. ----------------------------------------
  [[nodiscard]] Result<Ciphertext> hmac(ByteView input, HashAlgorithm algorithm, std::uint32_t version = 0) const;
  [[nodiscard]] Result<bool> verify_hmac(ByteView input, std::string_view mac, HashAlgorithm algorithm) const;
  [[nodiscard]] Result<Bytes> mac_bytes(std::uint32_t version, HashAlgorithm algorithm, ByteView data) const;

  // Asymmetric keys. `version` 0: the latest. -----------------------------------------------------------------------------------------
  [[nodiscard]] Result<PublicKey> public_key(std::uint32_t version = 0) const;
  /// As KeyVersionInfo::public_key; for derived ed25519 keys the one of `context`.
  [[nodiscard]] Result<std::string> public_text(std::uint32_t version = 0, ByteView context = {}) const;
  /// As PrivateKey::decrypt_oaep and decrypt_pkcs1.
  [[nodiscard]] Result<SecretBytes> decrypt_oaep(std::uint32_t version, const OaepOptions& options, ByteView ciphertext) const;
  [[nodiscard]] Result<SecretBytes> decrypt_pkcs1(std::uint32_t version, ByteView ciphertext, std::size_t expected_size) const;
  /// The raw ECDH or X25519 secret: ecdsa-* and x25519 keys.
  [[nodiscard]] Result<SecretBytes> agree(std::uint32_t version, const PublicKey& peer) const;
  [[nodiscard]] Result<Encapsulated> encapsulate(std::uint32_t version = 0) const;
  [[nodiscard]] Result<SecretBytes> decapsulate(std::string_view ciphertext) const;
  /// openpgp keys: the secret as it was imported, for the code that works with it (keys/). The use "decrypt" must be allowed; never offered
  /// over the API.
  [[nodiscard]] Result<SecretBytes> openpgp_secret(std::uint32_t version = 0) const;
  /// openpgp keys: before each signature that is made with the secret of the latest version.
  [[nodiscard]] Status count_openpgp_signature() const;
  /// A certificate request: `csr` (PEM) with its public key and signature replaced by this key's; empty: subject CN = the key's name.
  [[nodiscard]] Result<std::string> certificate_request(std::uint32_t version, std::string_view csr) const;

  [[nodiscard]] KeyInfo info() const;
  /// Whether both show the same state of the same key: nothing was changed between them.
  [[nodiscard]] bool same_as(const KeyRef& other) const noexcept { return m_key == other.m_key; }

 private:
  friend class Engine;
  KeyRef(std::shared_ptr<const detail::Key> key, std::shared_ptr<detail::Core> core) : m_key(std::move(key)), m_core(std::move(core)) {}
  std::shared_ptr<const detail::Key> m_key;
  std::shared_ptr<detail::Core> m_core;
};

}  // namespace postern::transit
