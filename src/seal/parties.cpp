#include "seal/parties.hpp"

#include <openssl/x509.h>

#include <algorithm>

namespace postern {

std::optional<std::string> signer_fault(const Certificate& leaf, WallTime now) {
  if (now < leaf.not_before()) return "is not valid before " + rfc3339(leaf.not_before());
  if (now > leaf.not_after()) return "expired at " + rfc3339(leaf.not_after()) + "; renew it";
  if (!leaf.may_sign()) return "is not for digital signatures (keyUsage)";
  if (!leaf.may_protect_email()) return "is not for e-mail protection (extendedKeyUsage)";
  return std::nullopt;
}

Status expect_signer(const SmimeIdentity& signer, WallTime now) {
  if (signer.chain.empty() || signer.key == nullptr) return fail(ErrorCode::BadInput, "needs a certificate and its key", "signer");
  const Certificate& leaf = signer.chain.front();
  if (const auto fault = signer_fault(leaf, now))
    return fail(ErrorCode::BadInput, "certificate of " + leaf.subject() + " " + *fault, "signer");
  return {};
}

CmsSignRequest sign_request(const SmimeIdentity& signer, bool detached, WallTime now) {
  CmsSignRequest request;
  request.certificate = signer.chain.front().native();
  request.key = signer.key.get();
  request.detached = detached;
  request.signing_time = now;
  for (std::size_t i = 1; i < signer.chain.size(); ++i) {
    if (!signer.chain[i].is_self_signed()) request.chain.push_back(signer.chain[i].native());
  }
  return request;
}

Result<std::vector<X509*>> usable_recipients(std::span<const Certificate> recipients, WallTime now) {
  std::vector<X509*> out;
  for (const Certificate& certificate : recipients) {
    if (const auto fault = recipient_fault(certificate, now)) {
      return fail(ErrorCode::BadInput, "certificate of " + certificate.subject() + " " + *fault, "recipient");
    }
    bool again = false;
    for (const X509* known : out) again = again || X509_cmp(known, certificate.native()) == 0;
    if (!again) out.push_back(certificate.native());
  }
  return out;
}

Result<std::vector<X509*>> leaves_of(std::span<const SmimeIdentity> identities) {
  std::vector<X509*> out;
  for (const SmimeIdentity& identity : identities) {
    if (identity.chain.empty() || identity.key == nullptr) return fail(ErrorCode::BadInput, "needs a certificate and its key", "identity");
    out.push_back(identity.chain.front().native());
  }
  return out;
}

Result<Certificate> choose_recipient(std::span<const Candidate> candidates, const std::function<bool(const Certificate&)>& is_revoked,
                                     const std::string& address, WallTime now) {
  if (candidates.empty()) return fail(ErrorCode::NotFound, "no certificate is known; put one into the certificate folder", address);
  const Certificate* best = nullptr;
  std::string reasons;
  for (const Candidate& each : candidates) {
    auto fault = recipient_fault(*each.certificate, now);
    if (!fault && is_revoked && is_revoked(*each.certificate)) fault = "is revoked";
    if (fault)
      reasons += (reasons.empty() ? "" : "; ") + each.source + " " + *fault;
    else if (best == nullptr || best->not_before() < each.certificate->not_before())
      best = each.certificate;
  }
  if (best == nullptr) return fail(ErrorCode::Denied, "no certificate may be used: " + reasons, address);
  return *best;
}

}  // namespace postern
