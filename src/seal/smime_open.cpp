// The opening half of smime.hpp.
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>

#include "base/text.hpp"
#include "mime/tree.hpp"
#include "seal/certificate_strength.hpp"
#include "seal/cms.hpp"
#include "seal/decoded.hpp"
#include "seal/payload.hpp"
#include "seal/smime.hpp"

namespace postern {
namespace {

constexpr std::size_t kMaxCarried = 32;  // certificates of a message that path building may look at

Result<std::vector<X509*>> leaves(std::span<const SmimeIdentity> identities) {
  std::vector<X509*> out;
  for (const SmimeIdentity& identity : identities) {
    if (identity.chain.empty() || identity.key == nullptr) return fail(ErrorCode::BadInput, "needs a certificate and its key", "identity");
    out.push_back(identity.chain.front().native());
  }
  return out;
}

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

CertificateChain carried(const std::vector<Bytes>& certificates) {
  CertificateChain out;
  for (const Bytes& der : certificates) {
    auto certificate = Certificate::from_der(der);
    if (certificate && out.size() < kMaxCarried) out.push_back(*std::move(certificate));
  }
  return out;
}

bool is_strong_digest(std::string_view name) { return name == "sha256" || name == "sha384" || name == "sha512"; }

/// RFC 8551 2.1 and 4.3: SHA-1, MD5 and short RSA keys make a signature nobody should believe.
std::optional<std::string> weakness(const SmimeSigner& signer) {
  if (!is_strong_digest(signer.digest)) return "signed with " + signer.digest + ", which is too weak";
  if (auto weak = weak_key(*signer.certificate)) return "signer's certificate " + *weak;
  return std::nullopt;
}

/// Facts in the order in which a reader wants to hear of a fault.
void judge(SmimeSigner& signer, const ChainVerdict& chain) {
  const auto weak = weakness(signer);
  signer.strong = !weak;
  signer.trusted = chain.ok;
  if (!signer.signature_ok)
    signer.reason = "the content or its signature was changed";
  else if (weak)
    signer.reason = *weak;
  else if (signer.revoked)
    signer.reason = "the signer's certificate is revoked";
  else if (!signer.trusted)
    signer.reason = chain.reason;
  else if (!signer.matches_from)
    signer.reason = "the signer's certificate is not for the address in From";
}

class SignerCheck {
 public:
  SignerCheck(const SmimeTrust& trust, const std::vector<Bytes>& certificates, std::vector<Mailbox> from, WallTime now)
      : m_trust(trust), m_pool(carried(certificates)), m_from(std::move(from)), m_now(now) {
    m_pool.insert(m_pool.end(), trust.intermediates.begin(), trust.intermediates.end());
  }

  [[nodiscard]] SmimeSigner operator()(const CmsSigner& found) const {
    SmimeSigner signer;
    signer.algorithm = found.algorithm;
    signer.digest = found.digest;
    signer.signing_time = found.signing_time;
    signer.signature_ok = found.signature_valid;
    auto certificate =
        found.certificate.empty() ? Result<Certificate>(fail(ErrorCode::NotFound, "")) : Certificate::from_der(found.certificate);
    if (!certificate) {
      signer.signature_ok = false;
      signer.reason = "the signer's certificate is not in the message";
      return signer;
    }
    signer.certificate = *std::move(certificate);
    fill(signer);
    return signer;
  }

 private:
  void fill(SmimeSigner& signer) const {
    const Certificate& leaf = *signer.certificate;
    signer.emails = leaf.emails();
    signer.key_bits = EVP_PKEY_get_bits(X509_get0_pubkey(leaf.native()));
    signer.matches_from = any_address_matches(signer.emails, m_from);
    signer.revoked = m_trust.is_revoked && m_trust.is_revoked(leaf);
    VerifyRequest request;
    request.leaf = &leaf;
    request.intermediates = m_pool;
    request.roots = m_trust.roots;
    request.at = m_now;
    request.purpose = CertificatePurpose::Email;
    judge(signer, leaf.may_sign() ? verify_chain(request)
                                  : ChainVerdict{false, ChainFault::WrongPurpose, "the signer's certificate is not for signatures", {}});
  }

  const SmimeTrust& m_trust;
  CertificateChain m_pool;
  std::vector<Mailbox> m_from;
  WallTime m_now;
};

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
  POSTERN_TRY(const std::vector<X509*> certificates, leaves(identities));
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
  const SignerCheck check(trust, verified.certificates, from_mailboxes(view), context.now);
  for (const CmsSigner& signer : verified.signers) out.signers.push_back(check(signer));
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
