#include "gateway/outside_look.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "gateway/smtp_sender.hpp"
#include "gateway/sts_own.hpp"

namespace postern::gateway {
namespace {

constexpr std::uint16_t kSmtpPort = 25;

std::string meaning_of(const std::string& road) {
  if (road.starts_with("clear"))
    return "port 25 offers no TLS, so anybody on the way can read the mail; give the listener a certificate (tls = \"required\")";
  if (road.find("unverified") != std::string::npos)
    return "senders use TLS and cannot tell this host from another: publish TLSA records (inbound.tlsa) or an MTA-STS policy "
           "(inbound.mta_sts)";
  return {};
}

}  // namespace

Result<std::unique_ptr<OutsideLook>> OutsideLook::make(OutsideLookParts parts) {
  config::Config strangers = parts.config;
  strangers.routes.clear();
  strangers.domains.local.clear();
  POSTERN_TRY(const RouteTable routes, RouteTable::make(strangers));
  POSTERN_TRY(const Hops hops, Hops::make(strangers, routes, {}));
  const Route& route = routes.find("anywhere.example");
  auto hop = hops.find(route);
  if (!hop) return fail(ErrorCode::Internal, "there is no way by MX");
  return std::unique_ptr<OutsideLook>(new OutsideLook(parts, route, std::move(hop)));
}

io::Task<std::optional<HostLook>> OutsideLook::host_of(std::string domain) {
  io::MxOptions options;  // no name of ours: it is not a loop here
  const auto answer = co_await io::resolve_mx(m_parts.resolver, domain, options, m_parts.random);
  if (!answer) co_return std::nullopt;
  const auto ours =
      std::ranges::find_if(answer->hosts, [&](const io::MxHost& host) { return iequals(host.name, m_parts.config.server.hostname); });
  if (ours == answer->hosts.end()) co_return std::nullopt;
  co_return co_await visit(std::move(domain), Candidate{*ours, kSmtpPort, answer->secure});
}

io::Task<HostLook> OutsideLook::visit(std::string domain, Candidate candidate) {
  HostLook out;
  out.host = candidate.mx.name;
  const StsAnswer sts = co_await m_trust.policy_of(m_route, domain);
  HopHost host{candidate.mx.name, io::endpoints_of(candidate.mx, candidate.port), {}};
  host.trust = co_await m_trust.of(m_route, std::move(domain), std::move(candidate), sts, false);
  if (!host.trust.plan.refusal.empty()) {
    out.refused = true;
    out.message = "senders refuse to deliver: " + host.trust.plan.refusal;
    co_return out;
  }
  SmtpSender sender(m_hop, m_parts.revocations, m_parts.random, m_parts.clock);
  const auto connected = co_await sender.connect(std::move(host), true);
  out.reached = connected.has_value();
  if (!connected) {
    out.refused = connected.error().tls_failed;
    out.message =
        (connected.error().tls_failed ? "senders refuse to deliver: "
                                      : "no connection from here, which says little where a network lets no host reach itself: ") +
        connected.error().reply.text();
    co_return out;
  }
  out.road = sender.road();
  out.message = meaning_of(out.road);
  co_await sender.quit();
  co_return out;
}

io::Task<std::string> OutsideLook::policy_fault(std::string domain) {
  const auto served = own_sts_policy(m_parts.config);
  if (!served) co_return std::string();
  const StsAnswer found = co_await m_parts.sts.policy_of(domain);
  if (found.fault != StsFault::None) co_return "senders cannot fetch the MTA-STS policy: " + found.reason;
  if (!found.entry) co_return "senders do not know of the MTA-STS policy: _mta-sts." + domain + " has no record";
  if (write_mta_sts_policy(found.entry->policy) != write_mta_sts_policy(*served))
    co_return "senders have another MTA-STS policy than the one served here: change its id in DNS (postern dns publish), or see who answers for mta-sts." + domain;
  co_return std::string();
}

}  // namespace postern::gateway
