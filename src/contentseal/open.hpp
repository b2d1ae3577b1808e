// Opening what came as an S/MIME object over X.400 (RFC 3854, 3855): signatures judged, encryption taken off, layer by layer, down to the
// content that went in, octet for octet.
//
// The bytes decide what it is; content types and encoded information types of the envelope are hints at most. Accepted beyond what seal.hpp
// makes: a MIME entity application/pkcs7-mime around the object (RFC 3855 2.2, content type id-data), nested objects with a ContentInfo of
// their own, BER, triple wrapping (RFC 3854 3.4.1) and any nesting to kMostLayers.
//
// The verdict is that of the innermost signature, which is the originator's; signatures further out are their makers' and must hold by
// themselves. What is not done: CompressedData (Unsupported), signed receipts and the other services of RFC 2634.
#pragma once

#include <optional>

#include "contentseal/content_type.hpp"
#include "oraddress/mapping.hpp"
#include "seal/smime.hpp"

namespace postern::contentseal {

inline constexpr std::size_t kMostLayers = 8;

struct OpenRequest {
  ByteView octets;                                      ///< The content as it came.
  std::optional<oraddress::ORAddress> originator = {};  ///< Of the envelope: the signer must be he. The content's own is asked as well.
  std::span<const SmimeIdentity> identities = {};       ///< Ours, for what is encrypted.
  SmimeTrust trust = {};
  oraddress::Mapping mapping = {};  ///< For certificates that name mail addresses only.
  WallTime now{};
  std::size_t limit = 64UL * 1024 * 1024;  ///< Octets of the content of any layer.
};

/// What was around the content, and what it is worth.
struct Verdict {
  std::vector<SmimeSigner> signers;  ///< Of the innermost signature; empty: nobody signed. `matches_from`: is the originator.
  std::string outer_fault;           ///< Why a signature further out does not hold; empty: there is none, or it does.
  std::string cipher;                ///< Of the outermost encryption: "AES-256-GCM". Empty: not encrypted.
  std::string key_transport;         ///< "ecdh", "rsa-oaep", "rsa-pkcs1"
  bool authenticated = true;         ///< False: encrypted so that changes do not show (CBC); only a signature inside says something then.
  std::size_t layers = 0;

  [[nodiscard]] bool is_signed() const noexcept { return !signers.empty(); }
  [[nodiscard]] bool is_encrypted() const noexcept { return !cipher.empty(); }
  /// Signed, every signer valid, and nothing wrong further out.
  [[nodiscard]] bool valid() const noexcept;
  /// "valid", or the first reason why not.
  [[nodiscard]] std::string reason() const;
  /// A line for people: "signed by CN=Alice: valid; encrypted with AES-256-GCM (ecdh)".
  [[nodiscard]] std::string text() const;
};

struct Opened {
  mts::ContentType content_type;
  /// Nothing when a signature's mathematics does not hold: then the content is not what was signed, and the verdict says so.
  std::optional<Bytes> content;
  Verdict verdict;
};

/// A wrong signature is an answer, not an error. BadInput: no S/MIME object, or one that cannot be read. NotFound: encrypted to none of the
/// identities. IntegrityFailed: tag, padding or key unwrapping wrong; nothing is given out. TooLarge: over the limit or kMostLayers.
[[nodiscard]] Result<Opened> open_content(const OpenRequest& request);

}  // namespace postern::contentseal
