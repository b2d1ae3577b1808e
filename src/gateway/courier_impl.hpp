// Inside of the courier, for courier.cpp (who gets which work) and delivery.cpp (the ways out).
#pragma once

#include <mutex>
#include <optional>
#include <set>

#include "gateway/courier.hpp"
#include "gateway/hops.hpp"
#include "gateway/outcome.hpp"
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
  SteadyTime::duration failure_took{};  ///< A failure is shared for as long as it took to find out: a refusal not at all, a timeout for its length.
  std::optional<HopFailure> failure;
};

struct Courier::Impl : std::enable_shared_from_this<Courier::Impl> {
  explicit Impl(CourierParts p, Hops h) : parts(std::move(p)), hops(std::move(h)), shards(parts.loops.size()) {}

  // courier.cpp: who gets which work
  void wake(const std::string& route);
  [[nodiscard]] std::size_t shard_of(const std::string& route) const { return std::hash<std::string>{}(route) % shards.size(); }
  [[nodiscard]] Destination& destination(std::size_t shard, const std::string& route);
  [[nodiscard]] std::size_t room(const Destination& d) const;
  static io::Task<void> pump(std::shared_ptr<Impl> self, std::size_t shard, std::string route);
  void hand_over(std::size_t shard, Destination& d, Work work);
  static io::Task<void> run_sender(std::shared_ptr<Impl> self, std::size_t shard, Destination* d, Work work);
  [[nodiscard]] std::optional<Work> take_one(const Destination& d);
  [[nodiscard]] io::Task<std::optional<Work>> wait_for_work(std::size_t shard, Destination& d);
  void wake_starved();

  // delivery.cpp: one item, one way out, one report
  [[nodiscard]] io::Task<void> deliver(Destination& d, Work work, std::unique_ptr<SmtpSender>& connection);
  [[nodiscard]] io::Task<std::shared_ptr<const QueueItem>> loaded(Work& work);
  void into_mailbox(const QueueItem& item);
  [[nodiscard]] io::Task<void> into_folder(std::shared_ptr<const QueueItem> item, const Route& route);
  [[nodiscard]] io::Task<void> decide_again(std::shared_ptr<const QueueItem> item);
  [[nodiscard]] io::Task<void> over_network(Destination& d, std::shared_ptr<const QueueItem> item, const Route& route, std::unique_ptr<SmtpSender>& connection);
  [[nodiscard]] io::Task<tl::expected<void, HopFailure>> connect(Destination& d, const Route& route, std::unique_ptr<SmtpSender>& connection);
  [[nodiscard]] io::Task<tl::expected<std::vector<HopHost>, HopFailure>> hosts_of(const Destination& d, const Route& route);
  [[nodiscard]] io::Task<tl::expected<void, HopFailure>> connect_to(HopHost host, const Route& route, std::unique_ptr<SmtpSender>& connection);
  [[nodiscard]] OutcomeContext context() const;
  void report(const QueueItem& item, const std::vector<Fate>& fates, const std::string& host = {}, const std::string& road = {});
  void send_report(DeliveryReport out);
  void route_report(Submission& submission) const;

  /// The destinations of one loop.
  struct Shard {
    std::unordered_map<std::string, std::unique_ptr<Destination>> destinations;
  };

  CourierParts parts;
  Hops hops;
  std::vector<Shard> shards;
  RetrySchedule schedule;
  CourierStats stats;
  std::atomic<bool> stopping{false};
  std::mutex in_clear_mutex;
  std::set<MessageId> in_clear;
};

}  // namespace postern::gateway
