// The MTA-STS policies of the domains that mail goes to (RFC 8461): asked for, fetched, kept, refreshed.
//
// What is known of a domain holds until it expires, whoever hides its record or its policy host meanwhile (5.1, 10.2). A new id in DNS,
// half of max_age or a day since the last fetch make for a new fetch; when that fails what was known goes on, and for five minutes nothing
// is fetched for the same id again. A policy of mode "none" takes an older one back (5: its removal is published, too). At most
// kMostPolicies domains are kept in memory and in the database; beyond, those that expire first are forgotten.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "io/loops.hpp"
#include "io/resolver.hpp"
#include "io/stream.hpp"
#include "store/sts_policies.hpp"
#include "tlspolicy/mta_sts.hpp"

namespace postern::gateway {

inline constexpr std::size_t kMostPolicies = 20'000;

/// A policy as it is held; never changed once made.
struct StsEntry {
  StoredStsPolicy stored;
  MtaStsPolicy policy;
};
using StsEntryPtr = std::shared_ptr<const StsEntry>;

/// The names of RFC 8460 4.3.2.2 in its terms, for what went wrong on the way to a policy.
enum class StsFault { None, Fetch, WebPki, Invalid };

struct StsAnswer {
  StsEntryPtr entry;  ///< Null: the domain has no policy that counts.
  StsFault fault = StsFault::None;
  std::string reason;  ///< In words, with a fault.
};

struct StsParts {
  const config::Config& config;
  io::Resolver& resolver;
  io::WorkerPool& workers;
  Store& store;
  const Clock& clock;
  io::PeerJudge judge = {};  ///< Of policy hosts' certificates (Revocations::judge_of_servers()).
};

class StsPolicies {
 public:
  /// BadInput, NotFound: outbound.mta_sts_ca. Unavailable: the store.
  [[nodiscard]] static Result<std::unique_ptr<StsPolicies>> make(StsParts parts);

  /// `domain` in lower case and A-labels. On any loop; within a minute.
  [[nodiscard]] io::Task<StsAnswer> policy_of(std::string domain);
  /// Fetches again what is due, so that a policy does not run out between two mails (RFC 8461 3.3); one after the other.
  [[nodiscard]] io::Task<void> refresh();
  /// Trust in policy hosts; report hosts are judged by the same.
  [[nodiscard]] const io::SslContext& tls() const noexcept { return m_tls; }
  [[nodiscard]] const io::PeerJudge& judge() const noexcept { return m_parts.judge; }
  /// For people: all that is held, by domain.
  [[nodiscard]] std::vector<StsEntryPtr> all() const;

 private:
  struct Missed {
    std::string id;
    SteadyTime at{};
    StsAnswer answer;
  };
  using Waiter = std::function<void(StsAnswer)>;

  explicit StsPolicies(StsParts parts, io::SslContext tls) : m_parts(parts), m_tls(std::move(tls)) {}
  [[nodiscard]] StsEntryPtr known(const std::string& domain) const;
  [[nodiscard]] bool is_due(const StsEntry& entry) const;
  [[nodiscard]] std::optional<StsAnswer> missed_lately(const std::string& domain, const std::string& id) const;
  [[nodiscard]] io::Task<StsAnswer> fetch_once(std::string domain, std::string id);
  [[nodiscard]] io::Task<StsAnswer> fetch(std::string domain, std::string id);
  [[nodiscard]] io::Task<Result<std::string>> download(const std::string& domain);
  void keep(const StsEntryPtr& entry);
  void note_miss(const std::string& domain, const std::string& id, const StsAnswer& answer);

  StsParts m_parts;
  io::SslContext m_tls;
  mutable std::mutex m_mutex;
  std::map<std::string, StsEntryPtr> m_entries;
  std::map<std::string, Missed> m_missed;
  std::map<std::string, std::vector<Waiter>> m_flights;  ///< Domains that are being fetched, and who else waits.
};

}  // namespace postern::gateway
