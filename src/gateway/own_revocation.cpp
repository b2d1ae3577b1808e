#include "gateway/own_revocation.hpp"

#include "base/log.hpp"
#include "io/loops.hpp"

namespace postern::gateway {
namespace {

constexpr auto kLook = std::chrono::seconds(5);
constexpr auto kAgain = std::chrono::minutes(10);

bool can_be_asked_about(const CertificateChain& chain) {
  return chain.size() > 1 && !(ocsp_urls(chain.front()).empty() && crl_urls(chain.front()).empty());
}

std::string text_of(const CertificateRevocation& leaf) {
  switch (leaf.verdict.status) {
    case RevocationStatus::Good: return leaf.source == "crl" ? "good (CRL)" : "good (OCSP)";
    case RevocationStatus::Revoked: return leaf.verdict.reason;
    case RevocationStatus::Unknown:
    case RevocationStatus::Invalid: break;
  }
  return "not known: " + leaf.verdict.reason;
}

}  // namespace

bool OwnRevocation::is_due(const CertificateChain& chain) const {
  const bool changed = chain.empty() != !m_seen || (m_seen && !(chain.front() == *m_seen));
  return changed || m_clock.steady() >= m_next;
}

io::Task<void> OwnRevocation::watch() {
  for (;; co_await io::sleep_for(kLook)) {
    CertificateChain chain = m_chain();
    if (!is_due(chain)) continue;
    m_next = m_clock.steady() + kAgain;
    m_seen = chain.empty() ? std::nullopt : std::optional(chain.front());
    PathRevocation found;
    // The leaf alone: its file may end with any certificate. A stapled answer is what peers would get of us; here the responder is asked.
    if (can_be_asked_about(chain)) found = co_await m_revocations.judge_own(chain[0], chain[1]);
    const bool revoked = !found.certificates.empty() && found.certificates[0].verdict.status == RevocationStatus::Revoked;
    if (revoked) log::warn("tls.certificate_revoked", {{"subject", chain[0].subject()}, {"reason", found.reason}});
    const std::lock_guard lock(m_mutex);
    m_text = found.certificates.empty() ? std::string() : text_of(found.certificates[0]);
    m_warning =
        revoked ? "the listeners' certificate does not hold any more: " + found.reason + "; replace tls.certificate" : std::string();
  }
}

std::string OwnRevocation::text() const {
  const std::lock_guard lock(m_mutex);
  return m_text;
}

std::string OwnRevocation::warning() const {
  const std::lock_guard lock(m_mutex);
  return m_warning;
}

}  // namespace postern::gateway
