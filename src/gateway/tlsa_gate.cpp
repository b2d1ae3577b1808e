#include "gateway/tlsa_gate.hpp"

#include <algorithm>

#include "tlspolicy/dane.hpp"

namespace postern::gateway {
namespace {

using Records = std::vector<dns::TlsaData>;

bool matches(const Records& records, const CertificateChain& chain, const std::string& host, WallTime now) {
  if (records.empty() || chain.empty()) return false;
  const std::vector<std::string> names{host};
  return dane_check({records, chain, names, now}).result == DaneResult::Match;
}

/// Those of the records that vouch for the chain by themselves.
Records vouching(const Records& all, const CertificateChain& chain, const std::string& host, WallTime now) {
  Records out;
  std::ranges::copy_if(all, std::back_inserter(out), [&](const dns::TlsaData& one) { return matches({one}, chain, host, now); });
  return out;
}

}  // namespace

void TlsaGate::observe(const dns::Answer& answer, const CertificateChain& shown, const CertificateChain& next, const Clock& clock) {
  if (answer.is_temporary_failure()) return;
  // RFC 7672 2.2: what DNSSEC does not vouch for is no record.
  const Records all = answer.secure ? answer.all<dns::TlsaData>() : Records{};
  const WallTime now = clock.now();
  m_vouched = matches(all, shown, m_host, now);
  for (const dns::Record& record : answer.records) m_longest_ttl = std::max(m_longest_ttl, std::chrono::seconds(record.ttl));
  m_vouching = vouching(all, shown, m_host, now);
  m_same_record = matches(m_vouching, next, m_host, now);
  if (!matches(all, next, m_host, now))
    m_next_since.reset();
  else if (!m_next_since)
    m_next_since = clock.steady();
}

bool TlsaGate::may_show(SteadyTime now) const noexcept {
  if (!m_vouched || m_same_record) return true;
  return m_next_since && now - *m_next_since >= settle();
}

std::string TlsaGate::why_not(SteadyTime now) const {
  if (may_show(now)) return {};
  if (!m_next_since)
    return "DNS vouches for the certificate in use and not for the next one, which senders with DANE would refuse (RFC 7672); publish its "
           "TLSA record: postern dns publish";
  return "its TLSA record is in DNS, and caches may be without it until it has stood there for two TTLs, " +
         std::to_string(settle().count()) + " s (RFC 7671 8.1)";
}

void TlsaGate::offer(const CertificateChain& next, WallTime now) {
  m_same_record = matches(m_vouching, next, m_host, now);
  m_next_since.reset();
}

}  // namespace postern::gateway
