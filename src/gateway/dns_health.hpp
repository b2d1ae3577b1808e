// A look at our own records from outside, before senders find out: every domain of ours is asked for in DNS as a stranger would ask, its
// MTA-STS policy is fetched, our mail host is called on (outside_look.hpp), and what is not right becomes a warning. The TLSA records of
// our own host are asked for all the time, since the listeners' next certificate waits for them (listener_tls.hpp).
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "dnszone/compare.hpp"
#include "gateway/listener_tls.hpp"
#include "gateway/outside_look.hpp"
#include "io/loops.hpp"
#include "io/resolver.hpp"

namespace postern::gateway {

/// All must outlive it. `facts` is called on a worker.
struct DnsHealthParts {
  const config::Config& config;
  io::Resolver& resolver;
  io::WorkerPool& workers;
  ListenerTls& tls;
  OutsideLook& outside;
  const Clock& clock;
  std::function<Result<std::vector<dnszone::ZoneFacts>>()> facts;
};

/// One domain as it was found.
struct DomainHealth {
  std::string domain;
  WallTime checked{};
  std::string failure;  ///< Why it could not be looked at; then there are no findings.
  dnszone::Comparison found;
  std::optional<HostLook> host;  ///< Our mail host, with the first domain only that it serves.
  std::string policy_fault;      ///< OutsideLook::policy_fault()

  [[nodiscard]] bool is_right() const noexcept {
    return failure.empty() && found.is_right() && policy_fault.empty() && (!host || !host->refused);
  }
};

class DnsHealth {
 public:
  explicit DnsHealth(DnsHealthParts parts) : m_parts(std::move(parts)) {}

  /// Every dns.check_every, but not in mode development, whose domains are nobody's.
  [[nodiscard]] io::Task<void> run();
  [[nodiscard]] io::Task<void> watch_tlsa();
  /// Whether run() looks at all.
  [[nodiscard]] bool looks_by_itself() const noexcept;
  /// The next look of run() is due: keys changed. Thread safe.
  void look_soon() noexcept { m_soon = true; }
  /// Looks at everything now. A second call while one runs does nothing.
  [[nodiscard]] io::Task<void> check();

  [[nodiscard]] std::vector<DomainHealth> all() const;
  [[nodiscard]] std::vector<std::string> warnings() const;
  /// What the last look found of the DKIM record at this place; nothing: it was not looked at.
  [[nodiscard]] std::optional<dnszone::Finding> dkim_record(std::string_view place) const;

 private:
  [[nodiscard]] io::Task<DomainHealth> look_at(dnszone::ZoneFacts facts);

  DnsHealthParts m_parts;
  std::atomic<bool> m_checking{false};
  std::atomic<bool> m_soon{false};
  mutable std::mutex m_mutex;
  std::vector<DomainHealth> m_found;
};

}  // namespace postern::gateway
