// CMS (RFC 5652, 5083) as DER bytes in and out, over OpenSSL. For this room and contentseal/: MIME, policy and certificate choice are in
// smime.hpp, X.400 contents there.
//
// X509 and EVP_PKEY pointers are borrowed for the call; none may be null. Content is taken byte for byte (no text conversion). Content
// types are object identifiers as dotted text.
#pragma once

#include <openssl/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "seal/profile.hpp"

namespace postern {

inline constexpr const char* kCmsData = "1.2.840.113549.1.7.1";  ///< id-data, RFC 5652 4

struct CmsSignRequest {
  X509* certificate = nullptr;
  EVP_PKEY* key = nullptr;
  std::vector<X509*> chain;  ///< Sent along, so that the receiver can build the path; not the root.
  bool detached = true;
  WallTime signing_time;                ///< RFC 5652 11.3, from the caller's clock.
  std::string content_type = kCmsData;  ///< eContentType; signed along as an attribute (RFC 5652 11.1).
};

struct CmsSigned {
  Bytes der;
  std::string micalg;  ///< RFC 8551 3.5.3.2: "sha-256", "sha-384", "sha-512".
};

/// SignedData with signed attributes (contentType, messageDigest, signingTime, SMIMECapabilities, signingCertificateV2). The digest follows
/// the key: SHA-384 for P-384, SHA-512 for P-521, else SHA-256. Unsupported for Ed25519 where this OpenSSL cannot do RFC 8419.
[[nodiscard]] Result<CmsSigned> cms_sign(ByteView content, const CmsSignRequest& request);

/// One SignerInfo, checked mathematically; no path has been built.
struct CmsSigner {
  Bytes certificate;             ///< DER; empty when the message does not carry it.
  bool signature_valid = false;  ///< Signature, message digest and content type all match.
  std::string digest;            ///< "sha256"
  std::string algorithm;         ///< "rsa", "rsa-pss", "ecdsa", "ed25519"
  std::optional<WallTime> signing_time;
};

struct CmsVerified {
  std::vector<CmsSigner> signers;
  std::vector<Bytes> certificates;  ///< DER, every one the message carries; untrusted.
  Bytes content;                    ///< Of an opaque SignedData; empty when detached.
  std::string content_type;         ///< eContentType
};

/// Checks every SignerInfo. `detached` is the signed content of a detached signature; without it the content inside is used.
/// BadInput when it is no SignedData, has no signer, or no content; TooLarge when content passes `limit`.
[[nodiscard]] Result<CmsVerified> cms_verify(ByteView der, std::optional<ByteView> detached, std::size_t limit);

/// A SignedData with neither signer nor content: only certificates or revocation lists travel in it (RFC 8551 3.8).
[[nodiscard]] bool cms_is_certs_only(ByteView der);

/// AuthEnvelopedData or EnvelopedData for all recipients at once. RSA: RSAES-OAEP with SHA-256 and MGF1-SHA-256 (or PKCS#1 v1.5 where
/// the profile says so); EC: ephemeral-static ECDH, dhSinglePass-stdDH-sha256kdf-scheme, aes256-wrap (RFC 5753, RFC 8551 2.3).
/// `content_type` stands in the envelope, in clear.
[[nodiscard]] Result<Bytes> cms_encrypt(ByteView content, const std::vector<X509*>& recipients, const EncryptionProfile& profile,
                                        const std::string& content_type = kCmsData);

struct CmsOpened {
  Bytes content;
  std::string cipher;          ///< "AES-256-GCM", "AES-256-CBC", "DES-EDE3-CBC"
  bool authenticated = false;  ///< The content encryption itself detects changes (AEAD).
  std::string key_transport;   ///< "rsa-oaep", "rsa-pkcs1", "ecdh"
  std::string content_type;    ///< As the envelope says it. Not protected by AES-256-CBC, and by GCM neither: it is outside the tag.
};

/// Which of the given certificates the message is encrypted to: an index, or NotFound.
[[nodiscard]] Result<std::size_t> cms_match_recipient(ByteView der, const std::vector<X509*>& certificates);

/// Opens with the private key of `certificate`. IntegrityFailed when the tag or padding is wrong: nothing of the content is given out then.
/// TooLarge when the content passes `limit`.
[[nodiscard]] Result<CmsOpened> cms_decrypt(ByteView der, X509* certificate, EVP_PKEY* key, std::size_t limit);

}  // namespace postern
