// Inside of the courier, for courier.cpp (who gets which work) and delivery.cpp (the ways out).
#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "gateway/courier.hpp"
#include "gateway/hops.hpp"
#include "gateway/outcome.hpp"
#include "gateway/places.hpp"
#include "io/sync.hpp"

namespace postern::gateway {

/// A sender without work, waiting for some to be handed over.
struct Waiter {
  explicit Waiter(const io::Executor& where) : signal(where) {}
  io::Signal signal;
  std::optional<Work> work;
};

/// One next hop; touched only on its loop.
struct Destination {
  std::string route;
  const Route* settings = nullptr;  ///< Null: the configuration no longer has it.
  std::string domain;               ///< Of MX routes.
  std::size_t limit = 1;
  std::size_t active = 0;
  std::vector<Waiter*> idle;
  SteadyTime failed_at{};
  SteadyTime::duration
      failure_took{};  ///< A failure is shared for as long as it took to find out: a refusal not at all, a timeout for its length.
  std::optional<HopFailure> failure;

  /// Nobody works for it, and nothing has to be remembered.
  [[nodiscard]] bool quiet(SteadyTime now) const { return active == 0 && idle.empty() && !(failure && now - failed_at < failure_took); }
};

/// The destinations of one loop. By MX there are as many as the world has domains: quiet ones are forgotten before the table grows on.
class Destinations {
 public:
  [[nodiscard]] Destination* find(const std::string& route) const {
    const auto found = m_by_route.find(route);
    return found == m_by_route.end() ? nullptr : found->second.get();
  }
  Destination& add(std::unique_ptr<Destination> destination, SteadyTime now) {
    if (m_by_route.size() >= m_sweep_at) {
      std::erase_if(m_by_route, [now](const auto& entry) { return entry.second->quiet(now); });
      m_sweep_at = std::max(kSmall, 2 * m_by_route.size());
    }
    const std::string route = destination->route;
    return *(m_by_route[route] = std::move(destination));
  }
  [[nodiscard]] std::size_t size() const noexcept { return m_by_route.size(); }

 private:
  static constexpr std::size_t kSmall = 64;
  std::unordered_map<std::string, std::unique_ptr<Destination>> m_by_route;
  std::size_t m_sweep_at = kSmall;
};

/// RFC 8689 3: "TLS-Required: No" in a message means that it shall arrive whatever the recipient's domain demands of TLS.
enum class Demands { All, None };

/// Whether a session is counted for TLS reports (RFC 8460 4).
enum class Counting { Yes, No };

/// What one try to send an item ended with.
struct Attempt {
  std::vector<Fate> fates;
  bool lost = false;  ///< The connection broke, and surely nobody has got the message.
};

struct Courier::Impl : std::enable_shared_from_this<Courier::Impl> {
  explicit Impl(CourierParts p, Hops h)
      : parts(std::move(p)),
        hops(std::move(h)),
        trust({parts.config, parts.resolver, parts.sts, parts.clock}),
        shards(parts.loops.size()),
        places(static_cast<std::size_t>(parts.config.queue.concurrency)) {}

  // courier.cpp: who gets which work
  /// `granted`: places that the route has already.
  void wake(const std::string& route, std::size_t granted = 0);
  void settle_routes();
  [[nodiscard]] std::size_t shard_of(const std::string& route) const;
  [[nodiscard]] Destination& destination(std::size_t shard, const std::string& route);
  static io::Task<void> pump(std::shared_ptr<Impl> self, std::size_t shard, std::string route, std::size_t granted);
  void hand_over(std::size_t shard, Destination& d, Work work);
  static io::Task<void> run_sender(std::shared_ptr<Impl> self, std::size_t shard, Destination* d, Work work);
  [[nodiscard]] std::optional<Work> next_for(const Destination& d);
  [[nodiscard]] io::Task<std::optional<Work>> wait_for_work(std::size_t shard, Destination& d);
  void free_places(std::size_t count);

  // delivery.cpp: one item, one way out, one report
  [[nodiscard]] io::Task<void> deliver(Destination& d, Work work, std::unique_ptr<SmtpSender>& connection);
  [[nodiscard]] io::Task<std::shared_ptr<const QueueItem>> loaded(Work& work);
  void into_mailbox(const QueueItem& item);
  [[nodiscard]] Submission copy_for(const QueueItem& item, std::vector<MailboxAddition> owners) const;
  [[nodiscard]] io::Task<void> into_folder(std::shared_ptr<const QueueItem> item, const Route& route);
  [[nodiscard]] io::Task<void> decide_again(std::shared_ptr<const QueueItem> item, Override how);
  /// `questions` as in Pipeline::reprocess().
  [[nodiscard]] io::Task<Result<Processed>> decide_once(std::shared_ptr<const QueueItem> item, Override how, bool questions);
  [[nodiscard]] io::Task<void> over_network(Destination& d, std::shared_ptr<const QueueItem> item, const Route& route,
                                            std::unique_ptr<SmtpSender>& connection);
  [[nodiscard]] io::Task<Attempt> attempt(Destination& d, std::shared_ptr<const QueueItem> item, const Route& route,
                                          std::unique_ptr<SmtpSender>& connection);
  [[nodiscard]] io::Task<tl::expected<void, HopFailure>> connect(Destination& d, const Route& route, Demands demands, Counting counting,
                                                                 std::unique_ptr<SmtpSender>& connection);
  [[nodiscard]] Counting counting_of(const QueueItem& item) const;
  [[nodiscard]] io::Task<tl::expected<std::vector<Candidate>, HopFailure>> hosts_of(const std::string& domain, const Route& route);
  [[nodiscard]] io::Task<tl::expected<void, HopFailure>> connect_to(HopHost host, const Route& route, std::optional<TlsSession> kind,
                                                                    std::unique_ptr<SmtpSender>& connection);
  void note_session(TlsSession kind, const HopHost& host, const SmtpSender& connection, bool failed) const;
  void note_refusal(const std::string& route, const HopFailure* failure);
  [[nodiscard]] OutcomeContext context() const;
  void report(const QueueItem& item, const std::vector<Fate>& fates, const std::string& host = {}, const std::string& road = {});
  void send_report(DeliveryReport out, const KeyName& about);
  void route_report(Submission& submission, const KeyName& about) const;
  [[nodiscard]] KeyName storage_key_of_report(std::string_view domain, const KeyName& about) const;

  CourierParts parts;
  Hops hops;
  Trust trust;
  std::vector<Destinations> shards;                           ///< By loop.
  std::unordered_map<std::string, std::size_t> fixed_shards;  ///< Of the next hops that the configuration names.
  Places places;
  RetrySchedule schedule;
  CourierStats stats;
  std::atomic<bool> stopping{false};
  mutable std::mutex refusals_mutex;
  std::map<std::string, std::string> refusals;  ///< By route: what the host said.
};

}  // namespace postern::gateway
