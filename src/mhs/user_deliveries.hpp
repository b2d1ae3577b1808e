// Deliveries that users take themselves, over P3 (X.411 8.3): what waits in the queue under their routes, and the associations that they
// bound.
//
//   POSTERN_CO_TRY(auto feed, co_await deliveries.bind(user));          // an association of his
//   while (auto delivery = co_await feed->next()) {                     // what may go to him now
//     ... invoke message-delivery or report-delivery ...
//     feed->delivered(*std::move(delivery), {});                        // or refused(), postponed(), returned()
//   }
//
// While nobody is bound, what waits is looked at when it comes and then seldom, and rests on disk (Spool::park): what he can never take,
// and what is too old, ends in a report; a probe is answered at once. At least once: a delivery ends when its outcome is committed; one
// whose association ended before its result comes again on the next.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "mhs/mailboxes.hpp"
#include "mhs/outcomes.hpp"
#include "mhs/user_gate.hpp"
#include "mts/rules_controls.hpp"

namespace postern::mhs {

/// Octets of a content that is delivered this way: an APDU of ROSE is whole in memory. A longer one is reported (content-too-long).
inline constexpr std::uint64_t kDeliveryOctets = 32ULL * 1024 * 1024;
/// What fits in an association's part of such a budget (user_gate.hpp), with an envelope beside it.
[[nodiscard]] constexpr std::uint64_t delivery_octets(std::uint64_t budget) noexcept {
  constexpr std::uint64_t kEnvelope = 64U * 1024;
  const std::uint64_t share = apdu_share(budget);
  return std::min(kDeliveryOctets, share - std::min(share, kEnvelope));
}

/// Something of the queue that is for a user, looked at.
struct ForUser {
  Work work;
  Outgoing item;
  mts::Awaiting what;
  std::int64_t expires = 0;  ///< Unix seconds.
};

/// One delivery, ready to be invoked. Belongs to the feed that made it, which has to hear what became of it.
struct Delivery {
  ForUser of;
  mts::Time time;  ///< As the user is told it, and his originator after him.
  using Argument = std::variant<mts::MessageDeliveryArgument, mts::ReportDeliveryArgument>;
  Argument argument;
  [[nodiscard]] const DueFate& due() const { return of.item.due().front(); }
};

class DeliveryFeed;

class UserDeliveries final : public WorkListener, public std::enable_shared_from_this<UserDeliveries> {
 public:
  /// All must outlive it.
  struct Parts {
    Mailboxes& mailboxes;
    Spool& spool;
    io::Loops& loops;
    io::WorkerPool& workers;
    const Clock& clock;
    Outcomes& outcomes;
    std::uint64_t content_octets = kDeliveryOctets;  ///< Of a content, at most: delivery_octets() where associations share a budget.
  };
  explicit UserDeliveries(const Parts& parts) : m_parts(parts) {}

  /// Hears that something waits for a user who is not bound. From memory; any thread.
  using WhileAbsent = std::function<void(const oraddress::ORAddress& user)>;
  /// Before start(). Unset: what waits, waits until he binds.
  void set_while_absent(WhileAbsent tell) { m_while_absent = std::move(tell); }
  /// Registers with the spool and looks at what waits there.
  void start();
  void stop();
  void work_ready(const std::vector<std::string>& routes) noexcept override;
  /// What rests for this user is looked at now, the oldest page of it at least, so that WhileAbsent hears of it. From memory; any thread.
  void look_for(const oraddress::ORAddress& user);
  /// Whether he is delivered to this way now: a user here, without a mailbox. From memory; any thread.
  [[nodiscard]] bool serves(const oraddress::ORAddress& user) const { return route_of(user).has_value(); }

  /// For an association of this user, on whose loop the feed is used. nullptr: he has a mailbox, or is nobody here. Errors may pass.
  [[nodiscard]] io::Task<Result<std::unique_ptr<DeliveryFeed>>> bind(oraddress::ORAddress user);

 private:
  friend class DeliveryFeed;
  using News = std::atomic<bool>;
  using Self = std::shared_ptr<UserDeliveries>;

  static io::Task<void> look(Self self, std::string route);
  /// nullopt: there is nothing to deliver of it, and the queue knows what became of it. Takes the first of those who are due.
  [[nodiscard]] io::Task<std::optional<ForUser>> examine(Work work);
  [[nodiscard]] Result<std::optional<mts::NonDeliveryReport>> reason_against(const Outgoing& item) const;
  [[nodiscard]] Result<std::optional<mts::RecipientOutcome>> judge(const Outgoing& item) const;
  [[nodiscard]] io::Task<Result<mts::RegisterArgument88>> registration(oraddress::ORAddress user);
  [[nodiscard]] io::Task<std::optional<Delivery>> made(ForUser of);
  void put_off(ForUser of);

  [[nodiscard]] std::optional<std::string> route_of(const oraddress::ORAddress& user) const;
  void enter(const std::string& route, const std::shared_ptr<News>& news);
  void leave(const std::string& route, const std::shared_ptr<News>& news);
  /// No more pages of what rests, where nobody is there.
  void rest_while_absent(const std::string& route);
  /// Rings; false: nobody is there.
  bool ring(const std::string& route);

  Parts m_parts;
  WhileAbsent m_while_absent;
  std::atomic<bool> m_stopping{false};
  std::mutex m_mutex;
  std::map<std::string, std::vector<std::shared_ptr<News>>> m_bound;  ///< By route.
};

/// What one association of a user is given, under the controls that are in force on it. Belongs to the association's loop.
class DeliveryFeed {
 public:
  DeliveryFeed(std::shared_ptr<UserDeliveries> owner, std::string route, oraddress::ORAddress user, mts::RegisterArgument88 registered);
  ~DeliveryFeed();
  DeliveryFeed(const DeliveryFeed&) = delete;
  DeliveryFeed& operator=(const DeliveryFeed&) = delete;

  /// Whether next() may have something. From memory.
  [[nodiscard]] bool has_news() const;
  /// The next that the controls let through; nullopt: nothing now. Looks at some of what waits only, so that the association is attended to
  /// in between: has_news() says whether there may be more.
  [[nodiscard]] io::Task<std::optional<Delivery>> next();
  /// The association takes no more: what waits, waits for another one.
  void close();
  [[nodiscard]] bool is_closed() const noexcept { return m_closed; }
  /// Nothing waits that this association has not been given: controls hold nothing back, and nothing is on its way from the disk.
  [[nodiscard]] bool is_exhausted() const;
  /// The user has said on this association that he takes nothing now.
  [[nodiscard]] bool is_refused() const { return mts::permits_nothing(m_asked); }

  // ---- what became of a delivery
  void delivered(Delivery delivery);
  void refused(Delivery delivery, const mts::NonDeliveryReport& why, const std::string& words);
  /// Not now: again after a while.
  void postponed(const Delivery& delivery, const std::string& why);
  /// Nothing is known of it: again at once, for whoever is there.
  void returned(Delivery delivery);

  // ---- X.411 8.3.1.3
  /// Obeys what the user has registered since the bind; where that cannot be read now, what was known holds.
  [[nodiscard]] io::Task<void> read_registration();
  /// He has registered on this association: what was held back is judged anew.
  [[nodiscard]] io::Task<void> registration_changed();
  [[nodiscard]] bool violates_registration(const mts::Controls& change) const { return mts::violates_registration(change, m_registered); }
  /// Puts them in force and says what waits because of those that are.
  [[nodiscard]] io::Task<mts::DeliveryControlResult> control(mts::Controls change);

 private:
  struct Held {
    Work work;
    mts::Awaiting what;
    std::int64_t expires = 0;
  };
  [[nodiscard]] std::optional<Work> take();
  void hold(ForUser of);
  [[nodiscard]] io::Task<void> look_at_all();
  void release_held();
  [[nodiscard]] bool is_full() const noexcept;

  std::shared_ptr<UserDeliveries> m_owner;
  const std::string m_route;
  const oraddress::ORAddress m_user;
  mts::RegisterArgument88 m_registered;
  mts::Controls m_asked;     ///< By delivery-control on this association.
  mts::Controls m_controls;  ///< In force: what was asked, and beside it what is registered as default.
  std::shared_ptr<UserDeliveries::News> m_news;
  bool m_closed = false;
  std::deque<Work> m_ready;  ///< Held no longer.
  std::vector<Held> m_held;  ///< Bounded; the rest stays in the queue.
};

}  // namespace postern::mhs
