// Our own mail host as a careful sender would find it: through DNS, over the network, with TLSA records, MTA-STS policy and TLS, and with
// nothing that only we know (our own CA, say). The very code of the road out, pointed at ourselves.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "gateway/hops.hpp"
#include "gateway/trust.hpp"

namespace postern::gateway {

/// All must outlive it.
struct OutsideLookParts {
  const config::Config& config;
  io::Resolver& resolver;
  StsPolicies& sts;
  Revocations& revocations;
  Random& random;
  const Clock& clock;
};

struct HostLook {
  std::string host;
  bool reached = false;  ///< With everything that the domain demands of senders.
  bool refused = false;  ///< Senders would refuse to deliver. Neither: no connection, which many networks deny a host to itself.
  std::string road;      ///< As SmtpSender::road(): "TLSv1.3 verified by DANE (3 1 1)".
  std::string message;   ///< What it means and what to do; empty when all is well.
};

class OutsideLook {
 public:
  /// Errors as Hops::make().
  [[nodiscard]] static Result<std::unique_ptr<OutsideLook>> make(OutsideLookParts parts);

  /// server.hostname, where it is an MX of the domain; nothing where it is none, or DNS does not say. Within a minute or two.
  [[nodiscard]] io::Task<std::optional<HostLook>> host_of(std::string domain);
  /// Why senders have another MTA-STS policy of the domain than the one that is served here, or none; empty: they have it, or there is
  /// none.
  [[nodiscard]] io::Task<std::string> policy_fault(std::string domain);

 private:
  OutsideLook(OutsideLookParts parts, Route route, std::shared_ptr<const HopOptions> hop)
      : m_parts(parts), m_route(std::move(route)), m_hop(std::move(hop)), m_trust({parts.config, parts.resolver, parts.sts, parts.clock}) {}
  [[nodiscard]] io::Task<HostLook> visit(std::string domain, Candidate candidate);

  OutsideLookParts m_parts;
  Route m_route;  ///< To any host by MX, with the settings that a route has by default.
  std::shared_ptr<const HopOptions> m_hop;
  Trust m_trust;
};

}  // namespace postern::gateway
