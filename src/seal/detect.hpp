// What protection a message carries already, judged by its bytes.
//
// A Content-Type field is a claim by whoever wrote it. A gateway that believes it can be told "this is encrypted, pass it untouched" by a
// plain message, or can encrypt a second time what a sloppy client labelled application/octet-stream. So classify() looks at the content:
// the DER ContentInfo and its OID (RFC 5652 3), OpenPGP packet tags (RFC 9580 4.2) and armor lines (6.2). The field only says where to
// look.
//
// Does not verify and does not decrypt; does not look into attachments deeper than the first level, except for whole-entity protection.
// Reads at most a bounded prefix of the body. Never fails: what cannot be read is Protection::None with a reason.
#pragma once

#include <string>
#include <string_view>

#include "mime/message.hpp"

namespace postern {

enum class Protection {
  None,                ///< Not protected, or only claims to be.
  SmimeSigned,         ///< multipart/signed whose second part is a CMS SignedData (RFC 8551 3.5.3).
  SmimeOpaqueSigned,   ///< The body is a CMS SignedData with its content inside (RFC 8551 3.5.2).
  SmimeCertsOnly,      ///< The body is a CMS SignedData without signers or content (RFC 8551 3.8).
  SmimeEncrypted,      ///< The body is a CMS EnvelopedData or AuthEnvelopedData (RFC 8551 3.3, 3.4).
  SmimeCompressed,     ///< The body is a CMS CompressedData (RFC 3274).
  PgpSigned,           ///< multipart/signed whose second part is an OpenPGP signature (RFC 3156 5).
  PgpEncrypted,        ///< multipart/encrypted whose second part is an OpenPGP encrypted message (RFC 3156 4).
  PgpInlineSigned,     ///< A text body with a cleartext signature (RFC 9580 7).
  PgpInlineEncrypted,  ///< A text body with an armored OpenPGP message in it.
};

/// Stable lower-case name, as it stands in audit records and JSON ("smime_signed").
[[nodiscard]] std::string_view name_of(Protection protection) noexcept;

struct Detection {
  Protection protection = Protection::None;
  /// False when the Content-Type claims something else than the bytes say.
  bool label_agrees = true;
  /// One sentence part for logs when label_agrees is false: "claims application/pkcs7-mime, but the body is no CMS ContentInfo".
  std::string reason;
};

/// Judges the whole message. The view is only read during the call.
[[nodiscard]] Detection classify(const MessageView& message);

/// Whether the entity must pass untouched: signed or encrypted by somebody (also when the label lies).
[[nodiscard]] constexpr bool is_protected(Protection protection) noexcept {
  return protection != Protection::None && protection != Protection::SmimeCertsOnly;
}
[[nodiscard]] constexpr bool is_encrypted(Protection protection) noexcept {
  return protection == Protection::SmimeEncrypted || protection == Protection::PgpEncrypted || protection == Protection::PgpInlineEncrypted;
}
[[nodiscard]] constexpr bool is_signed(Protection protection) noexcept {
  return protection == Protection::SmimeSigned || protection == Protection::SmimeOpaqueSigned || protection == Protection::PgpSigned ||
         protection == Protection::PgpInlineSigned;
}

}  // namespace postern
