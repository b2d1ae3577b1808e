// What a mail host must prove, with everything that has to be asked for it: TLSA records, the domain's MTA-STS policy, the operator's
// exceptions. tlspolicy/hop_trust.hpp has the order.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/routing.hpp"
#include "gateway/sts.hpp"
#include "io/mx.hpp"
#include "reports/tls_tally.hpp"
#include "tlspolicy/hop_trust.hpp"

namespace postern::gateway {

/// A host that may take mail of a destination.
struct Candidate {
  io::MxHost mx;
  std::uint16_t port = 0;
  bool name_secure = false;  ///< DNSSEC vouches for the host's being the right one, or the operator named it.
};

/// What SmtpSender holds one host to.
struct HopTrust {
  HopPlan plan;
  std::string sni;                 ///< TLSA base domain, or the host's name.
  std::vector<std::string> names;  ///< With DANE: RFC 7672 3.2.3.
  bool name_secure = false;        ///< As of the candidate, or by an enforced MTA-STS policy.
  std::string exception;           ///< "until 2026-12-31", where one is in force.
  bool lenient = false;            ///< Asked for with less than the domain demands.
  bool listed = true;              ///< The domain's MTA-STS policy, in whatever mode, names the host.
  TlsaFacts::State tlsa = TlsaFacts::State::NotApplicable;
  std::string tlsa_base = {};  ///< Of whose name the records are, or could not be looked up.
};

/// The session with a host as TLS reports count it (RFC 8460 4.3, 4.4), before its result is known.
[[nodiscard]] TlsSession session_kind(const std::string& domain, const HopTrust& trust, const StsAnswer& sts, const std::string& host);

struct TrustParts {
  const config::Config& config;
  io::Resolver& resolver;
  StsPolicies& sts;
  const Clock& clock;
};

class Trust {
 public:
  explicit Trust(TrustParts parts) : m_parts(parts) {}

  /// Of routes by MX only; null entry for the others. `domain` in lower case and A-labels.
  [[nodiscard]] io::Task<StsAnswer> policy_of(const Route& route, const std::string& domain) const;
  /// `lenient`: for a message that shall arrive whatever the domain demands (RFC 8689 3); what the route demands still holds. `subject` is
  /// what exceptions name: the recipients' domain, or the host of a route that names one.
  [[nodiscard]] io::Task<HopTrust> of(const Route& route, std::string subject, Candidate candidate, StsAnswer sts, bool lenient) const;

 private:
  [[nodiscard]] const config::TrustException* exception_for(std::string_view subject) const;
  [[nodiscard]] bool dane_applies(const Route& route, const Candidate& candidate) const;

  TrustParts m_parts;
};

/// The exception for a domain that is in force now: its own, else that of the longest ".suffix"; for tests.
[[nodiscard]] const config::TrustException* find_exception(const std::vector<config::TrustException>& all, std::string_view domain,
                                                           WallTime now);

}  // namespace postern::gateway
