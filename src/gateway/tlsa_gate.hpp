// May the listeners show another certificate yet? Where DNS vouches for the one in use (DANE, RFC 7672), a sender refuses every other; so
// the next one's record must have stood in DNS for two TTLs (RFC 7671 8.1: caches, and secondary servers) before it is shown.
//
// A rule without I/O: chains, answers of DNS and the time in. Where DNS vouches for nothing that is shown here (no TLSA records, no DNSSEC,
// another program's certificate), nothing waits. Silence of DNS changes nothing. Durations are of the monotonic clock. One thread at a
// time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "dns/record.hpp"
#include "pki/certificate.hpp"

namespace postern::gateway {

class TlsaGate {
 public:
  /// `vouched`: what is known from before the first answer.
  explicit TlsaGate(std::string host, bool vouched = false) : m_host(std::move(host)), m_vouched(vouched) {}

  /// What DNS says about _25._tcp.HOST. `shown`: the chain in use; `next`: the one that waits, or empty.
  void observe(const dns::Answer& answer, const CertificateChain& shown, const CertificateChain& next, const Clock& clock);
  /// Whether DNS vouches for the chain in use; then only what it vouches for too may follow.
  [[nodiscard]] bool vouched() const noexcept { return m_vouched; }
  [[nodiscard]] bool may_show(SteadyTime now) const noexcept;
  /// Why not yet, and what to do; empty when it may be shown.
  [[nodiscard]] std::string why_not(SteadyTime now) const;
  /// Another chain waits now. What vouches for the chain in use may vouch for it, too: a renewal that kept its key.
  void offer(const CertificateChain& next, WallTime now);

 private:
  [[nodiscard]] std::chrono::seconds settle() const noexcept { return 2 * m_longest_ttl; }

  std::string m_host;
  bool m_vouched;
  std::vector<dns::TlsaData> m_vouching;   ///< The records that vouch for the chain in use, each by itself.
  bool m_same_record = false;              ///< What vouches for the chain in use vouches for the next one, too.
  std::optional<SteadyTime> m_next_since;  ///< A record of the next one has been seen, without a gap.
  std::chrono::seconds m_longest_ttl{0};   ///< Of the RRset, as it was seen while something is shown.
};

}  // namespace postern::gateway
