#include "pki/path_revocation.hpp"

namespace postern {
namespace {

bool decides(RevocationStatus status) { return status == RevocationStatus::Good || status == RevocationStatus::Revoked; }

// Revoked beats good beats the first explanation of why nothing is known.
void take(CertificateRevocation& out, RevocationVerdict verdict, const char* source) {
  if (out.verdict.status == RevocationStatus::Revoked) return;
  const bool better = verdict.status == RevocationStatus::Revoked || !decides(out.verdict.status);
  if (!better) return;
  if (!decides(verdict.status) && !out.source.empty()) {
    out.verdict.reason += "; " + verdict.reason;
    return;
  }
  out.source = source;
  out.verdict = std::move(verdict);
}

CertificateRevocation look_at(const PathRevocationRequest& request, std::size_t depth) {
  const Certificate& certificate = request.path[depth];
  const Certificate& issuer = request.path[depth + 1];
  CertificateRevocation out{depth, {}, {RevocationStatus::Invalid, "there is neither an OCSP response nor a CRL of its issuer"}};
  if (depth == 0 && !request.ocsp.empty()) {
    take(out,
         check_ocsp({.leaf = &certificate, .issuer = &issuer, .response = request.ocsp, .at = request.at, .nonce = request.ocsp_nonce}),
         "ocsp");
  }
  for (const Crl& crl : request.crls) {
    if (!crl_is_for(crl, certificate)) continue;
    take(out, check_crl({.leaf = &certificate, .issuer = &issuer, .crl = &crl, .deltas = request.crls, .at = request.at}), "crl");
  }
  if (!decides(out.verdict.status)) out.source.clear();
  return out;
}

std::string who(const Certificate& certificate) {
  const std::string subject = certificate.subject();
  return "the certificate of " + (subject.empty() ? "serial " + certificate.serial() : subject);
}

}  // namespace

std::string_view name_of(RevocationPolicy policy) noexcept {
  switch (policy) {
    case RevocationPolicy::Off: return "off";
    case RevocationPolicy::Soft: return "soft";
    case RevocationPolicy::Hard: break;
  }
  return "hard";
}

Result<RevocationPolicy> parse_revocation_policy(std::string_view text) {
  for (const RevocationPolicy policy : {RevocationPolicy::Off, RevocationPolicy::Soft, RevocationPolicy::Hard}) {
    if (text == name_of(policy)) return policy;
  }
  return fail(ErrorCode::BadInput, "give off, soft or hard", "revocation");
}

PathRevocation decide_path_revocation(std::span<const Certificate> path, RevocationPolicy policy,
                                      std::vector<CertificateRevocation> found) {
  PathRevocation out{true, {}, {}, std::move(found)};
  for (const CertificateRevocation& one : out.certificates) {
    const std::string which = who(path[one.depth]);
    if (one.verdict.status == RevocationStatus::Revoked) {
      out.ok = false;
      out.reason = which + " is " + one.verdict.reason;
      return out;
    }
    if (one.verdict.status == RevocationStatus::Good) continue;
    const std::string open = "it is not known whether " + which + " is revoked: " + one.verdict.reason;
    if (policy == RevocationPolicy::Soft) {
      out.notes.push_back(open);
    } else if (out.ok) {
      out.ok = false;
      out.reason = open;
    }
  }
  return out;
}

PathRevocation check_path_revocation(const PathRevocationRequest& request) {
  std::vector<CertificateRevocation> found;
  for (std::size_t depth = 0; request.policy != RevocationPolicy::Off && depth + 1 < request.path.size(); ++depth) {
    found.push_back(look_at(request, depth));
    if (found.back().verdict.status == RevocationStatus::Revoked) break;  // nothing further down can make it better
  }
  return decide_path_revocation(request.path, request.policy, std::move(found));
}

}  // namespace postern
