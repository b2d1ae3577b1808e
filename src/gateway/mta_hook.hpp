// What an MTA is told that asks by MTA hook (mtahook/): accept, or the refusal that the envelope and the header alone justify.
//
// A hook is the lesser of two filters, because the body it is shown is not the body that was sent. So nothing is changed here, nothing
// becomes ours, and a refusal must be one that the whole pipeline would have said too:
// - mail, rcpt: what our own doors say to MAIL and RCPT, for local domains. Where else to mail may go is the MTA's own rule.
// - data, mail of strangers without a DKIM-Signature: SPF and DMARC with what the settings make of it. A signature could make DMARC pass
//   and outweigh SPF (authentication.spf_fail), so mail with one is left to the milter; and so nothing is refused for SPF at MAIL already.
// - data, mail of others and mail judged so: a policy that bounces for every recipient, where the header says that the message is not
//   encrypted already. What held mail and everything else needs is the milter's (gateway/milter_door.hpp).
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "gateway/door.hpp"
#include "gateway/judge.hpp"
#include "gateway/pipeline.hpp"
#include "io/endpoint.hpp"
#include "mtahook/request.hpp"
#include "mtahook/response.hpp"

namespace postern::gateway {

struct MtaHookStats {
  std::array<std::atomic<std::uint64_t>, mtahook::kStages> asked{};  ///< By mtahook::Stage.
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};    ///< 5xx
  std::atomic<std::uint64_t> deferred{0};   ///< 4xx
  std::atomic<std::uint64_t> denied{0};     ///< Requests with a wrong token or none.
  std::atomic<std::uint64_t> malformed{0};  ///< Requests that are none, or too large.
};

struct MtaHookParts {
  const config::Config& config;
  const RouteTable& routes;
  Reception& reception;
  const Judge& judge;
  const Pipeline& pipeline;
  io::WorkerPool& workers;
  const Clock& clock;
  Random& random;
};

/// A refusal in the form of the protocol, which write_response() always takes: one line, cut where it is too long, and an enhanced status
/// of the code's class.
[[nodiscard]] mtahook::Reject reject_of(const smtp::Reply& reply);

class MtaHook {
 public:
  /// BadInput names mta_hook.relay_from. The parts must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<MtaHook>> make(MtaHookParts parts);

  /// On the loop of the connection that asked; any number at once.
  [[nodiscard]] io::Task<mtahook::Response> answer(mtahook::Request request);
  [[nodiscard]] mtahook::RequestLimits limits() const;
  [[nodiscard]] MtaHookStats& stats() noexcept { return m_stats; }
  [[nodiscard]] const MtaHookStats& stats() const noexcept { return m_stats; }

 private:
  explicit MtaHook(MtaHookParts parts) : m_parts(parts) {}
  /// A code of 0: nothing speaks against it.
  [[nodiscard]] io::Task<smtp::Reply> decide(const mtahook::Request& request);
  [[nodiscard]] Road road_of(const mtahook::Request& request) const;
  [[nodiscard]] smtp::Reply sender(const Road& road, const mtahook::Envelope& envelope);
  [[nodiscard]] smtp::Reply recipient(const Road& road, const mtahook::Envelope& envelope);
  [[nodiscard]] std::optional<Arrival> arrival_of(Road road, const mtahook::Request& request) const;
  [[nodiscard]] io::Task<smtp::Reply> header(Road road, const mtahook::Request& request);
  [[nodiscard]] smtp::Reply policy(const Arrival& arrival) const;
  void count(const mtahook::Request& request, const smtp::Reply& reply);

  MtaHookParts m_parts;
  std::vector<io::IpNetwork> m_relays;
  MtaHookStats m_stats;
};

}  // namespace postern::gateway
