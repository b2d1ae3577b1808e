// The courier takes due work from the spool and brings it out: SMTP, LMTP, files, mailboxes, bounces, and held mail back through policy.
//
// Each queue route ("smtp:relay:25", "mx:example.com") is one Destination that lives on one loop, with a bounded number of connections
// that are kept open and used again. A next hop that does not answer makes its destination wait, not every message try for itself.
// What an attempt ended with is reported to the spool in one transaction with the bounces it causes.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/config.hpp"
#include "gateway/pipeline.hpp"
#include "gateway/revocations.hpp"
#include "gateway/routing.hpp"
#include "gateway/sts.hpp"
#include "io/loops.hpp"
#include "io/resolver.hpp"
#include "reports/tls_tally.hpp"
#include "spool/schedule.hpp"
#include "spool/spool.hpp"

namespace postern::gateway {

struct CourierParts {
  const config::Config& config;
  const RouteTable& routes;
  Spool& spool;
  const Pipeline& pipeline;
  io::Loops& loops;
  io::WorkerPool& workers;
  io::Resolver& resolver;
  StsPolicies& sts;
  Revocations& revocations;
  std::function<void(TlsSession)> note_session;  ///< Each session with a domain's mail host; any loop.
  std::vector<Certificate> own_roots;            ///< Of the built-in CA: trusted for next hops beside the system's.
  Random& random;
  const Clock& clock;
};

struct CourierStats {
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> connect_failures{0};
  std::atomic<std::uint64_t> tls_failures{0};
  std::atomic<std::uint64_t> attempts{0};
};

class Courier final : public WorkListener {
 public:
  /// BadInput names a route whose certificates, pins or password cannot be read.
  [[nodiscard]] static Result<std::unique_ptr<Courier>> make(CourierParts parts);
  ~Courier() override;

  /// Begins to work: registers with the spool.
  void start();
  /// Takes no new work; what is under way ends within its own deadlines or is dropped with the loops (and resumed by the next start).
  void stop();

  void work_ready(const std::vector<std::string>& routes) noexcept override;

  [[nodiscard]] const CourierStats& stats() const noexcept;
  /// What an operator has to mend: next hops that refuse our login, or us altogether. Gone when a connection works again.
  [[nodiscard]] std::vector<std::string> warnings() const;

 private:
  struct Impl;
  explicit Courier(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> m_impl;
};

}  // namespace postern::gateway
