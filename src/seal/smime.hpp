// S/MIME 4.0 (RFC 8551) on whole messages: sign, verify, encrypt, decrypt.
//
// Every call takes a whole RFC 5322 message (exact bytes, CRLF) and gives a whole message back: the message's own fields stay outside in
// their order, Content-* fields and body move inside (seal/entity.hpp), copies of the author's fields go along
// (seal/header_protection.hpp).
//
//   POSTERN_TRY(const std::string out, smime_sign_encrypt(message, signer, recipients, {}, context));
//
// What it refuses: encrypting to weak or unusable certificates, believing SHA-1 or RSA under 2,048 bits, giving out anything of a content
// whose tag did not match. What it does not do: choose policy, look for certificates (certificate_directory.hpp), revocation
// (the caller passes what it knows), Ed25519 signatures (RFC 8419; Unsupported with OpenSSL 3.0), CompressedData.
//
// Thread safe: no state. Cost: a private key operation of the signer or recipient each; run it on the worker pool.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pki/certificate.hpp"
#include "pki/path_revocation.hpp"
#include "pki/verify.hpp"
#include "seal/detect.hpp"
#include "seal/header_protection.hpp"
#include "seal/profile.hpp"

namespace postern {

/// A certificate of ours with its key: keys/evp_handle.hpp makes the key object, the key itself stays with the keeper.
/// Borrowed by each call.
struct SmimeIdentity {
  CertificateChain chain;         ///< Leaf first, then intermediates; a root in it is not sent.
  std::shared_ptr<EVP_PKEY> key;  ///< For chain.front().
};

struct SmimeSignOptions {
  bool opaque = false;  ///< application/pkcs7-mime signed-data instead of multipart/signed: safe from rewriting, unreadable for clients
                        ///< without S/MIME.
  HeaderProtection header = {};
};
struct SmimeEncryptOptions {
  EncryptionProfile profile = {};
  HeaderProtection header = {};
};

/// multipart/signed; protocol="application/pkcs7-signature", or opaque. The content is made 7bit first, so that no relay has to touch it.
/// BadInput: the certificate does not fit the key, is not for signing mail, or is not valid now. Conflict: protected already.
[[nodiscard]] Result<std::string> smime_sign(std::string_view message, const SmimeIdentity& signer, const SmimeSignOptions& options,
                                             const SealContext& context);

/// application/pkcs7-mime; smime-type=authEnveloped-data (or enveloped-data), one object for all recipients, RSA and EC mixed.
/// A message that is signed (by smime_sign, or by anybody) may be encrypted; one that is encrypted may not: Conflict.
/// BadInput names the certificate that may not be used.
[[nodiscard]] Result<std::string> smime_encrypt(std::string_view message, std::span<const Certificate> recipients,
                                                const SmimeEncryptOptions& options, const SealContext& context);

/// Sign, then encrypt (RFC 8551 3.7), with header protection as for one encrypted message.
[[nodiscard]] Result<std::string> smime_sign_encrypt(std::string_view message, const SmimeIdentity& signer,
                                                     std::span<const Certificate> recipients, const SmimeEncryptOptions& options,
                                                     const SealContext& context);

/// What decryption found out; goes into trace fields, audit and the verdict.
struct SmimeOpened {
  std::string message;         ///< The message with its inner entity restored; nothing of the outer Content-* is left.
  std::string cipher;          ///< "AES-256-GCM"
  std::string key_transport;   ///< "rsa-oaep", "rsa-pkcs1", "ecdh"
  bool authenticated = false;  ///< The cipher itself detects changes. False (CBC): believe the content only if a signature inside is valid.
  std::size_t identity = 0;    ///< Which of the given identities opened it.
  Protection inner = Protection::None;  ///< What is still around the content: usually a signature to verify next.
  HeaderFacts header;
};

/// NotFound: encrypted to none of the identities. IntegrityFailed: tag, padding or key unwrapping wrong, or what came out is no MIME
/// entity; nothing is given out then. BadInput: no CMS envelope. TooLarge: content over limits.message_bytes.
[[nodiscard]] Result<SmimeOpened> smime_decrypt(std::string_view message, std::span<const SmimeIdentity> identities,
                                                const SealContext& context);

/// One signer of a message, every fact apart, and one verdict.
struct SmimeSigner {
  std::optional<Certificate> certificate;  ///< None: the message does not carry it.
  std::vector<std::string> emails;
  std::string algorithm;  ///< "rsa", "rsa-pss", "ecdsa"
  std::string digest;     ///< "sha256"
  int key_bits = 0;
  std::optional<WallTime> signing_time;  ///< As the signer claims.
  bool signature_ok = false;             ///< Signature and digest match the content.
  bool strong = false;                   ///< SHA-256 or better, RSA at least 2,048 bits.
  bool trusted = false;                  ///< A path to one of the roots at the time of the check, usage fits.
  bool revoked = false;
  std::optional<PathRevocation> revocation;  ///< As SmimeTrust::judge_path said; nothing where it was not asked.
  bool matches_from = false;                 ///< One of its addresses is the From (or Sender) of the message, RFC 8550 3.
  std::string reason;                        ///< Why it is not valid; empty when it is.
  [[nodiscard]] bool valid() const noexcept { return signature_ok && strong && trusted && !revoked && matches_from; }
};

struct SmimeVerification {
  Protection protection = Protection::None;
  std::vector<SmimeSigner> signers;
  HeaderFacts header;
  std::string message;  ///< Of an opaque signature: the message with its inner entity restored (signature taken off). Else empty.
  /// At least one signer, and all of them valid. A message whose signed header copies differ from what stands outside is reported in
  /// `header`.
  [[nodiscard]] bool valid() const noexcept;
  /// "valid", or the first signer's reason.
  [[nodiscard]] std::string reason() const;
};

struct SmimeTrust {
  std::span<const Certificate> roots = {};
  std::span<const Certificate> intermediates = {};  ///< Known here, besides those in the message.
  std::function<bool(const Certificate&)> is_revoked = {};
  /// Asked of the path of a signature that is valid in everything else, leaf to anchor; what is not `ok` is not trusted. Must not wait.
  std::function<PathRevocation(const CertificateChain& path)> judge_path = {};
};

/// A wrong signature is an answer, not an error. BadInput: the message is not S/MIME signed, or its CMS object cannot be read.
[[nodiscard]] Result<SmimeVerification> smime_verify(std::string_view message, const SmimeTrust& trust, const SealContext& context);

/// Why this certificate must not be encrypted to now: "expired at ...", "RSA key of 1024 bits is too weak", "is not for key encipherment";
/// nothing when it may. The issuer is not looked at: whoever put the certificate there vouched for it.
[[nodiscard]] std::optional<std::string> recipient_fault(const Certificate& certificate, WallTime now);

}  // namespace postern
