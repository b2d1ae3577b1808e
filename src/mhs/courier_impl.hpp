// The inside of X400Courier. Used by courier*.cpp only.
#pragma once

#include <condition_variable>
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
  io::StreamControl control;  ///< Of an association of two-way alternate use, where the peer may speak first.
};

/// One route, on one loop. What follows `mutex` is shared with associations that the peer opened; the rest belongs to the loop.
struct Link {
  std::string route;
  const Peer* peer = nullptr;  ///< Null: x400:store, x400:list, x400:report.
  io::Executor loop;
  std::size_t limit = 1;
  std::size_t active = 0;
  std::vector<IdleSender*> idle;
  SteadyTime retry_at{};
  unsigned failures = 0;
  std::atomic<std::size_t> associations{0};
  mutable std::mutex mutex;
  std::string trouble, road;
  /// Of transfers that broke off, with the recipients they were for; bounded.
  struct Broken {
    osi::ResumePoint point;
    std::vector<std::uint32_t> recipients;
    unsigned untaken = 0;  ///< How often the peer did not go on there.
    SteadyTime since{};    ///< When this point was reached.
  };
  std::map<ItemId, Broken> points;
  std::map<ItemId, unsigned> refusals;                                ///< How often the peer discarded it; bounded.
  std::vector<std::pair<std::uint64_t, io::StreamControl>> visitors;  ///< Associations of the peer that send for us.
  std::uint64_t last_visitor = 0;

  /// Where a transfer of it to the same recipients broke off; it is kept no longer.
  [[nodiscard]] std::optional<Broken> take_broken(const Outgoing& item);
  /// What was taken and could not be used.
  void put_back(const Outgoing& item, Broken broken);
  /// Where the transfer goes on next time, if anywhere. `before`: where this one began.
  void keep_broken(const Outgoing& item, const TransferOutcome& outcome, const std::optional<Broken>& before, SteadyTime now);
  /// Whether the peer has discarded it often enough.
  [[nodiscard]] bool refused_for_good(const Outgoing& item);
  void forget_refusals(const Outgoing& item);
  /// False: there are none.
  bool call_visitors();
};

struct X400Courier::Impl final : OutboundDesk, std::enable_shared_from_this<Impl> {
  explicit Impl(CourierParts with);

  CourierParts parts;
  CallParts call;
  Outcomes outcomes;
  ListExpander lists;
  std::atomic<bool> stopping{false};
  std::mutex lent_mutex;
  std::condition_variable lent_changed;
  struct Lent {
    io::StreamControl control;
    const Link* link = nullptr;
  };
  std::map<const P1Caller*, Lent> lent;                ///< Associations of ours whose turn the peer has.
  std::map<std::string, std::unique_ptr<Link>> links;  ///< Fixed after the constructor.

  // courier.cpp: who works when
  void wake(Link& link);
  static io::Task<void> pump(std::shared_ptr<Impl> self, Link* link);
  static io::Task<void> run_sender(std::shared_ptr<Impl> self, Link* link, Work work);
  [[nodiscard]] io::Task<std::optional<Work>> next_for(Link& link, P1Caller* caller);
  [[nodiscard]] io::Task<std::optional<Work>> next_beside_peer(Link& link, P1Caller& caller);

  // courier_desk.cpp: associations of two-way alternate use
  /// The peer sends over an association of ours.
  [[nodiscard]] io::Task<void> lend_turn(const Link& link, P1Caller& caller);
  /// Something waits for one of them.
  void call_lent(const Link& link);
  /// What is lent is taken back by force, so that nothing of it outlives this MTA; waits for it.
  void end_lent();
  struct Visit;
  [[nodiscard]] std::shared_ptr<void> open(const Peer& peer, io::StreamControl control) override;
  [[nodiscard]] io::Task<std::optional<Outgoing>> next(const Peer& peer) override;
  [[nodiscard]] io::Task<void> send(const Peer& peer, Outgoing item, P1Sender& sender) override;
  void give_back(const Outgoing& item) override;
  [[nodiscard]] Link& link_of(const Peer& peer) { return *links.at(std::string(kPeerRoute) + peer.name); }

  // courier_work.cpp: what is done
  io::Task<void> handle(Link& link, Work work, std::unique_ptr<P1Caller>& caller);
  /// What is due of it now; nullopt: nothing, and the queue knows.
  [[nodiscard]] io::Task<std::optional<Outgoing>> due_now(Work work);
  io::Task<void> over_p1(Link& link, Outgoing& item, std::unique_ptr<P1Caller>& caller);
  /// True: the queue knows what became of it. False: the association broke, and `again` another one may be tried at once.
  [[nodiscard]] io::Task<bool> try_over(Link& link, Outgoing& item, P1Sender& sender, bool again);
  io::Task<std::optional<CallFailure>> ensure_open(Link& link, std::unique_ptr<P1Caller>& caller);
  io::Task<void> into_mailboxes(Outgoing& item);
  io::Task<void> at_list(Outgoing& item);
  void report_refusals(Outgoing& item);
  /// The route of a peer that the settings have no more.
  static io::Task<void> bury(std::shared_ptr<Impl> self, std::string route);
  /// It could not be written, so nothing of it went out.
  void unsent(Link& link, Outgoing& item, std::optional<Link::Broken> broken, const Error& why);
  void count_refusal(Link& link, Outgoing& item, const std::string& why);

  void transferred(Link& link, const Outgoing& item, const std::string& reply, const std::string& road);
  void all_delivered(const Outgoing& item, const std::string& reply, const std::string& road);
  void failed(Link& link, const CallFailure& failure);
  static void set_trouble(Link& link, std::string text);
  static void set_road(Link& link, std::string text);
};

}  // namespace postern::mhs
