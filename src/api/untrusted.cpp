#include "api/untrusted.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"

namespace postern::api {
namespace {

constexpr std::size_t kMostLooked = 1000;  ///< Recipients; /status is asked for every few seconds.
constexpr std::size_t kMostDomains = 50, kMostNamed = 3, kMostReason = 160;

/// The enhanced status that the courier gives when a next hop cannot be trusted: RFC 3463 X.7.5 (a certificate, a policy), RFC 8689 X.7.10
/// (no TLS). It has the first one for a message, too, that could not be signed here, which is nobody else's fault.
bool says_distrust(std::string_view reply) {
  const bool code = reply.starts_with("451 4.7.5 ") || reply.starts_with("451 4.7.10 ");
  return code && !reply.starts_with("451 4.7.5 the message could not be signed");
}

/// A peer may answer with these codes as well. Then somebody was connected, and there is a road.
bool waits_for_trust(const FlowRecipient& r) { return r.state == RecipientState::Queued && r.road.empty() && says_distrust(r.reply); }

/// What an [[exception]] is written for: the domain of "mx:DOMAIN", the host of "smtp:HOST:PORT".
std::string excepted_name(std::string_view route) {
  const auto colon = route.find(':');
  if (colon == std::string_view::npos) return std::string(route);
  const std::string_view rest = route.substr(colon + 1);
  return std::string(route.starts_with("mx:") ? rest : rest.substr(0, rest.rfind(':')));
}

std::string reason_of(std::string_view reply) {
  const auto code = reply.find(' ', 4);
  return printable(reply.substr(code == std::string_view::npos ? 0 : code + 1), kMostReason);
}

struct Domain {
  std::string name, reason;
  bool trusted = false;  ///< It is the peer that answers so.
};

/// Whether the entry's last attempt ended without a road. The listing does not have it.
bool is_distrusted(gateway::Gateway& gate, const QueueEntry& entry) {
  const auto flow = gate.spool().flow(entry.message);
  return flow && std::ranges::any_of(flow->recipients, [&](const auto& r) { return r.address == entry.address && waits_for_trust(r); });
}

std::string named(const std::vector<Domain>& domains) {
  std::string out;
  std::size_t count = 0;
  for (const Domain& domain : domains)
    if (!domain.trusted && ++count <= kMostNamed) out += (out.empty() ? "" : "; ") + domain.name + " (" + domain.reason + ")";
  if (count > kMostNamed) out += "; and " + std::to_string(count - kMostNamed) + " more";
  return out;
}

}  // namespace

std::string way_out_of_distrust(const FlowRecipient& recipient) {
  if (!waits_for_trust(recipient)) return {};
  const std::string name = excepted_name(recipient.route);
  return "It is tried again by itself. Tell the postmaster of " + name +
         " what is wrong. If it must go before that is mended, write an [[exception]] for " + name +
         " with an end date (docs/trusted-road.md)";
}

std::vector<std::string> distrust_warnings(gateway::Gateway& gate) {
  const SpoolStats stats = gate.spool().stats();
  if (stats.deferred + stats.parked == 0) return {};  // nothing waits, however much is on its way
  QueueSelector selector;
  selector.state = RecipientState::Queued;
  const auto entries = gate.spool().list(selector, kMostLooked);
  if (!entries) return {};
  std::vector<Domain> domains;
  std::set<std::string> messages;
  for (const QueueEntry& entry : *entries) {
    if (!says_distrust(entry.last_reply)) continue;
    const std::string name = excepted_name(entry.route);
    auto known = std::ranges::find(domains, name, &Domain::name);
    if (known == domains.end() && domains.size() == kMostDomains) continue;
    if (known == domains.end()) known = domains.insert(known, {name, reason_of(entry.last_reply), !is_distrusted(gate, entry)});
    if (!known->trusted) messages.insert(entry.message.get());
  }
  if (messages.empty()) return {};
  const std::string many = (entries->size() == kMostLooked ? "at least " : "") + std::to_string(messages.size());
  return {many + (messages.size() == 1 ? " message waits" : " messages wait") +
          " because the next hop could not be trusted: " + named(domains) + ". `postern queue show ID` says what can be done"};
}

}  // namespace postern::api
