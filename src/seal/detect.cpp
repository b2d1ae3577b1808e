#include "seal/detect.hpp"

#include "base/text.hpp"
#include "mime/tree.hpp"
#include "seal/cms.hpp"
#include "seal/content_peek.hpp"
#include "seal/decoded.hpp"

namespace postern {
namespace {

std::string_view written_type(const MessageView& view) {
  const HeaderField* field = view.find("Content-Type");
  return field == nullptr ? std::string_view("text/plain") : field->value;
}

Detection agrees(Protection protection) { return {protection, true, {}}; }
Detection lies(Protection protection, std::string reason) { return {protection, false, std::move(reason)}; }

Bytes start_of(const MessageView& entity) { return decoded_start(entity.body(), entity.value("Content-Transfer-Encoding")); }

/// The parts of a multipart/signed or multipart/encrypted: exactly two (RFC 1847 2.1, 2.2); a third would stand outside the protection.
Result<std::vector<MessageView>> two_parts(const MessageView& message, const ContentType& type) {
  POSTERN_TRY(const MultipartView cut, split_multipart(message.body(), type.parameter("boundary"), 3));
  if (cut.parts.size() != 2) return fail(ErrorCode::BadInput, "has not exactly two parts");
  std::vector<MessageView> out;
  for (const std::string_view part : cut.parts) {
    POSTERN_TRY(MessageView view, MessageView::parse(part));
    out.push_back(std::move(view));
  }
  return out;
}

Detection classify_signed(const MessageView& message, const ContentType& type) {
  const auto parts = two_parts(message, type);
  if (!parts) return lies(Protection::None, "claims multipart/signed, but " + parts.error().text());
  const Bytes start = start_of((*parts)[1]);
  const std::string protocol = to_lower(type.parameter("protocol"));
  if (peek_cms(start) == CmsKind::SignedData) {
    if (protocol == "application/pkcs7-signature" || protocol == "application/x-pkcs7-signature") return agrees(Protection::SmimeSigned);
    return lies(Protection::SmimeSigned, "the signature part is CMS, but the protocol parameter is not application/pkcs7-signature");
  }
  if (peek_pgp(as_text(start)) == PgpKind::Signature) {
    if (protocol == "application/pgp-signature") return agrees(Protection::PgpSigned);
    return lies(Protection::PgpSigned, "the signature part is OpenPGP, but the protocol parameter is not application/pgp-signature");
  }
  return lies(Protection::None, "claims multipart/signed, but its second part is no signature");
}

Detection classify_encrypted(const MessageView& message, const ContentType& type) {
  const auto parts = two_parts(message, type);
  if (!parts) return lies(Protection::None, "claims multipart/encrypted, but " + parts.error().text());
  if (peek_pgp(as_text(start_of((*parts)[1]))) != PgpKind::Encrypted) {
    return lies(Protection::None, "claims multipart/encrypted, but its second part is no encrypted OpenPGP message");
  }
  if (to_lower(type.parameter("protocol")) == "application/pgp-encrypted") return agrees(Protection::PgpEncrypted);
  return lies(Protection::PgpEncrypted, "the protocol parameter is not application/pgp-encrypted");
}

bool is_certs_only(const MessageView& message) {
  const auto der = decoded_content(message.raw());
  return der && cms_is_certs_only(*der);
}

Protection protection_of(CmsKind kind, const MessageView& message) {
  switch (kind) {
    case CmsKind::SignedData: return is_certs_only(message) ? Protection::SmimeCertsOnly : Protection::SmimeOpaqueSigned;
    case CmsKind::EnvelopedData:
    case CmsKind::AuthEnvelopedData: return Protection::SmimeEncrypted;
    case CmsKind::CompressedData: return Protection::SmimeCompressed;
  }
  return Protection::None;
}

bool is_smime_type(std::string_view type) { return type == "application/pkcs7-mime" || type == "application/x-pkcs7-mime"; }

/// The whole text is one armored block: text around it would not be protected, so then the message is not.
Detection classify_inline(std::string_view text) {
  const std::string_view block = trim(text);
  if (block.starts_with("-----BEGIN PGP MESSAGE-----") && block.ends_with("-----END PGP MESSAGE-----")) {
    if (peek_pgp(block) == PgpKind::Encrypted) return agrees(Protection::PgpInlineEncrypted);
    if (peek_pgp(block) == PgpKind::SignedMessage) return agrees(Protection::PgpInlineSigned);
    return lies(Protection::None, "has an OpenPGP header line, but no OpenPGP message follows");
  }
  if (block.starts_with("-----BEGIN PGP SIGNED MESSAGE-----") && block.ends_with("-----END PGP SIGNATURE-----")) {
    const auto signature = block.rfind("-----BEGIN PGP SIGNATURE-----");
    const bool real = signature != std::string_view::npos && peek_pgp(block.substr(signature)) == PgpKind::Signature;
    return real ? agrees(Protection::PgpInlineSigned) : lies(Protection::None, "has a cleartext signature header, but no signature");
  }
  return lies(Protection::None, "has an OpenPGP block with text around it that is not protected");
}

bool may_hold_armor(const MessageView& message) {
  if (message.body().find("-----BEGIN PGP ") != std::string_view::npos) return true;
  return as_text(start_of(message)).find("-----BEGIN PGP ") != std::string_view::npos;
}

Detection classify_text(const MessageView& message) {
  if (!may_hold_armor(message)) return agrees(Protection::None);
  const auto text = decoded_content(message.raw());
  if (!text || as_text(*text).find("-----BEGIN PGP ") == std::string_view::npos) return agrees(Protection::None);
  // A key block is an attachment like any other.
  if (as_text(*text).find("-----BEGIN PGP MESSAGE-----") == std::string_view::npos &&
      as_text(*text).find("-----BEGIN PGP SIGNED MESSAGE-----") == std::string_view::npos) {
    return agrees(Protection::None);
  }
  return classify_inline(as_text(*text));
}

Detection classify_leaf(const MessageView& message, const std::string& type) {
  const auto cms = peek_cms(start_of(message));
  if (cms) {
    const Protection protection = protection_of(*cms, message);
    if (is_smime_type(type)) return agrees(protection);
    return lies(protection, "claims " + printable(type, 64) + ", but the body is a CMS object");
  }
  if (is_smime_type(type)) return lies(Protection::None, "claims application/pkcs7-mime, but the body is no CMS ContentInfo");
  if (type.starts_with("text/") || type == "application/pgp") return classify_text(message);
  return agrees(Protection::None);
}

}  // namespace

std::string_view name_of(Protection protection) noexcept {
  switch (protection) {
    case Protection::None: return "none";
    case Protection::SmimeSigned: return "smime_signed";
    case Protection::SmimeOpaqueSigned: return "smime_opaque_signed";
    case Protection::SmimeCertsOnly: return "smime_certs_only";
    case Protection::SmimeEncrypted: return "smime_encrypted";
    case Protection::SmimeCompressed: return "smime_compressed";
    case Protection::PgpSigned: return "pgp_signed";
    case Protection::PgpEncrypted: return "pgp_encrypted";
    case Protection::PgpInlineSigned: return "pgp_inline_signed";
    case Protection::PgpInlineEncrypted: return "pgp_inline_encrypted";
  }
  return "none";
}

Detection classify(const MessageView& message) {
  const std::string_view written = written_type(message);
  const std::string type = media_type(written);
  if (type == "multipart/signed") return classify_signed(message, parse_content_type(written));
  if (type == "multipart/encrypted") return classify_encrypted(message, parse_content_type(written));
  if (type.starts_with("multipart/") || type.starts_with("message/")) return agrees(Protection::None);
  return classify_leaf(message, type);
}

}  // namespace postern
