// What each signer of a CMS object is worth: the mathematics, the strength, the path, revocation, and whether he is who he is said to be.
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>

#include "seal/certificate_strength.hpp"
#include "seal/parties.hpp"

namespace postern {
namespace {

constexpr std::size_t kMaxCarried = 32;  // certificates of a message that path building may look at

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
void judge(SmimeSigner& signer, const ChainVerdict& chain, std::string stranger) {
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
    signer.reason = std::move(stranger);
}

class SignerCheck {
 public:
  SignerCheck(const SmimeTrust& trust, const std::vector<Bytes>& certificates, const AuthorCheck& author, WallTime now)
      : m_trust(trust), m_author(author), m_pool(carried(certificates)), m_now(now) {
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
    const auto stranger = m_author(leaf);
    signer.matches_from = !stranger;
    signer.revoked = m_trust.is_revoked && m_trust.is_revoked(leaf);
    VerifyRequest request;
    request.leaf = &leaf;
    request.intermediates = m_pool;
    request.roots = m_trust.roots;
    request.at = m_now;
    request.purpose = CertificatePurpose::Email;
    const ChainVerdict chain = leaf.may_sign()
                                   ? verify_chain(request)
                                   : ChainVerdict{false, ChainFault::WrongPurpose, "the signer's certificate is not for signatures", {}};
    judge(signer, chain, stranger.value_or(""));
    if (signer.valid() && m_trust.judge_path) judge_path(signer, chain.chain);
  }

  /// Last, because somebody may have to be asked: nobody is about what does not count anyway.
  void judge_path(SmimeSigner& signer, const CertificateChain& path) const {
    signer.revocation = m_trust.judge_path(path);
    if (signer.revocation->ok) return;
    signer.trusted = false;
    signer.revoked = std::ranges::any_of(signer.revocation->certificates,
                                         [](const CertificateRevocation& one) { return one.verdict.status == RevocationStatus::Revoked; });
    signer.reason = signer.revocation->reason;
  }

  const SmimeTrust& m_trust;
  const AuthorCheck& m_author;
  CertificateChain m_pool;
  WallTime m_now;
};

}  // namespace

std::vector<SmimeSigner> judge_signers(const CmsVerified& verified, const SmimeTrust& trust, const AuthorCheck& author, WallTime now) {
  const SignerCheck check(trust, verified.certificates, author, now);
  std::vector<SmimeSigner> out;
  for (const CmsSigner& signer : verified.signers) out.push_back(check(signer));
  return out;
}

}  // namespace postern
