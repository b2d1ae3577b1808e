// The inside of X400Courier. Used by courier*.cpp only.
#pragma once

#include <map>
#include <mutex>

#include "io/sync.hpp"
#include "mhs/courier.hpp"
#include "mhs/list_expansion.hpp"

namespace postern::mhs {

/// A sender without work that keeps its association for a while.
struct IdleSender {
  explicit IdleSender(const io::Executor& loop) : signal(loop) {}
  io::Signal signal;
  std::optional<Work> work;
};

/// One route, on one loop. Everything but `trouble` belongs to the loop.
struct Link {
  std::string route;
  const Peer* peer = nullptr;  ///< Null: x400:store, x400:list, x400:report.
  io::Executor loop;
  std::size_t limit = 1;
  std::size_t active = 0;
  std::vector<IdleSender*> idle;
  /// Of transfers that broke off, with the recipients they were for; bounded.
  struct Broken {
    osi::ResumePoint point;
    std::vector<std::uint32_t> recipients;
  };
  std::map<ItemId, Broken> points;
  std::map<ItemId, unsigned> refusals;  ///< How often the peer discarded it; bounded.
  SteadyTime retry_at{};
  unsigned failures = 0;
  std::atomic<std::size_t> associations{0};
  mutable std::mutex mutex;
  std::string trouble;
};

struct X400Courier::Impl : std::enable_shared_from_this<Impl> {
  explicit Impl(CourierParts with);

  CourierParts parts;
  CallParts call;
  Outcomes outcomes;
  ListExpander lists;
  std::atomic<bool> stopping{false};
  std::map<std::string, std::unique_ptr<Link>> links;  ///< Fixed after the constructor.

  // courier.cpp: who works when
  void wake(Link& link);
  static io::Task<void> pump(std::shared_ptr<Impl> self, Link* link);
  static io::Task<void> run_sender(std::shared_ptr<Impl> self, Link* link, Work work);
  [[nodiscard]] io::Task<std::optional<Work>> next_for(Link& link);

  // courier_work.cpp: what is done
  io::Task<void> handle(Link& link, Work work, std::unique_ptr<P1Caller>& caller);
  io::Task<void> over_p1(Link& link, Outgoing& item, std::unique_ptr<P1Caller>& caller);
  io::Task<std::optional<CallFailure>> ensure_open(Link& link, std::unique_ptr<P1Caller>& caller);
  io::Task<void> into_mailboxes(Outgoing& item);
  io::Task<void> at_list(Outgoing& item);
  void report_refusals(Outgoing& item);
  /// The route of a peer that the settings have no more.
  static io::Task<void> bury(std::shared_ptr<Impl> self, std::string route);
  void count_refusal(Link& link, Outgoing& item, const std::string& why);

  void all_delivered(const Outgoing& item, const std::string& reply, const std::string& road);
  void failed(Link& link, const CallFailure& failure);
  static void set_trouble(Link& link, std::string text);
};

}  // namespace postern::mhs
