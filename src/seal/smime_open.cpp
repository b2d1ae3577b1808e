// The opening half of smime.hpp.
#include <algorithm>

#include "base/text.hpp"
#include "mime/tree.hpp"
#include "seal/cms.hpp"
#include "seal/decoded.hpp"
#include "seal/parties.hpp"
#include "seal/payload.hpp"
#include "seal/smime.hpp"

namespace postern {
namespace {

/// The CMS bytes and, when the signature is detached, what it signs.
struct SignedParts {
  Bytes der;
  std::optional<std::string_view> content;
};

Result<SignedParts> signed_parts(const MessageView& message, Protection protection, const Limits& limits) {
  if (protection == Protection::SmimeOpaqueSigned) {
    POSTERN_TRY(Bytes der, decoded_content(message.raw(), limits));
    return SignedParts{std::move(der), std::nullopt};
  }
  if (protection != Protection::SmimeSigned) return fail(ErrorCode::BadInput, "the message has no S/MIME signature");
  const ContentType type = parse_content_type(message.find("Content-Type")->value);
  POSTERN_TRY(const MultipartView cut, split_multipart(message.body(), type.parameter("boundary"), limits.mime_parts));
  POSTERN_TRY(Bytes der, decoded_content(cut.parts.at(1), limits));
  return SignedParts{std::move(der), cut.parts.front()};
}

Result<CmsVerified> check_math(const SignedParts& parts, const Limits& limits) {
  const auto detached = parts.content ? std::optional<ByteView>(as_bytes(*parts.content)) : std::nullopt;
  return cms_verify(parts.der, detached, limits.message_bytes);
}

/// RFC 8550 3: one of the certificate's addresses is the author's.
AuthorCheck author_in_from(std::vector<Mailbox> from) {
  return [from = std::move(from)](const Certificate& certificate) -> std::optional<std::string> {
    if (any_address_matches(certificate.emails(), from)) return std::nullopt;
    return "the signer's certificate is not for the address in From";
  };
}

bool all_signatures_ok(const std::vector<SmimeSigner>& signers) {
  return !signers.empty() && std::all_of(signers.begin(), signers.end(), [](const SmimeSigner& s) { return s.signature_ok; });
}

/// Header copies count only when the mathematics is right; the message of an opaque signature is given out then.
Status add_content(SmimeVerification& out, const MessageView& message, const SignedParts& parts, const Bytes& opaque,
                   const Limits& limits) {
  if (!all_signatures_ok(out.signers)) return {};
  if (parts.content) {
    out.header = compare_header(message, payload_of(*parts.content, limits), limits);
    return {};
  }
  POSTERN_TRY(Restored restored, restore_message(message, as_text(opaque), limits));
  out.message = std::move(restored.message);
  out.header = std::move(restored.header);
  return {};
}

Result<Restored> restore_opened(const MessageView& message, const CmsOpened& opened, const Limits& limits) {
  auto restored = restore_message(message, as_text(opened.content), limits);
  if (restored || opened.authenticated || restored.error().code != ErrorCode::BadInput) return restored;
  // CBC tells nothing about changes; noise in place of a header is how a wrong key or a changed ciphertext shows.
  return fail(ErrorCode::IntegrityFailed, "what came out of the decryption is no MIME entity; it is not given out");
}

}  // namespace

Result<SmimeOpened> smime_decrypt(std::string_view message, std::span<const SmimeIdentity> identities, const SealContext& context) {
  POSTERN_TRY(const MessageView view, MessageView::parse(message, context.limits));
  if (classify(view).protection != Protection::SmimeEncrypted) return fail(ErrorCode::BadInput, "the message is not S/MIME encrypted");
  POSTERN_TRY(const Bytes der, decoded_content(message, context.limits));
  POSTERN_TRY(const std::vector<X509*> certificates, leaves_of(identities));
  POSTERN_TRY(const std::size_t index, cms_match_recipient(der, certificates));
  const SmimeIdentity& identity = identities[index];
  POSTERN_TRY(const CmsOpened opened, cms_decrypt(der, identity.chain.front().native(), identity.key.get(), context.limits.message_bytes));
  POSTERN_TRY(Restored restored, restore_opened(view, opened, context.limits));
  SmimeOpened out;
  out.message = std::move(restored.message);
  out.inner = restored.inner;
  out.header = std::move(restored.header);
  out.cipher = opened.cipher;
  out.key_transport = opened.key_transport;
  out.authenticated = opened.authenticated;
  out.identity = index;
  return out;
}

Result<SmimeVerification> smime_verify(std::string_view message, const SmimeTrust& trust, const SealContext& context) {
  POSTERN_TRY(const MessageView view, MessageView::parse(message, context.limits));
  SmimeVerification out;
  out.protection = classify(view).protection;
  POSTERN_TRY(const SignedParts parts, signed_parts(view, out.protection, context.limits));
  POSTERN_TRY(const CmsVerified verified, check_math(parts, context.limits));
  out.signers = judge_signers(verified, trust, author_in_from(from_mailboxes(view)), context.now);
  POSTERN_CHECK(add_content(out, view, parts, verified.content, context.limits));
  return out;
}

bool SmimeVerification::valid() const noexcept {
  return !signers.empty() && std::all_of(signers.begin(), signers.end(), [](const SmimeSigner& signer) { return signer.valid(); });
}

std::string SmimeVerification::reason() const {
  for (const SmimeSigner& signer : signers) {
    if (!signer.valid()) return signer.reason;
  }
  return signers.empty() ? "nobody signed" : "valid";
}

}  // namespace postern
