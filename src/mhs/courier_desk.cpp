// What the courier's own associations with a peer and those that the peer opened share, and the latter's way to the queue.
#include <algorithm>

#include "base/log.hpp"
#include "mhs/courier_impl.hpp"

namespace postern::mhs {
namespace {

constexpr std::size_t kPoints = 32;
/// How often and how long a peer is asked to go on with what it does not take up; a receiver of ours keeps it for half an hour.
constexpr unsigned kResumptions = 8;
constexpr auto kKept = std::chrono::minutes(30);
constexpr std::size_t kRefused = 1000;
/// A peer that discards an APDU so often will not take it.
constexpr unsigned kRefusals = 3;
constexpr auto kEndOfLent = std::chrono::seconds(5);

std::vector<std::uint32_t> indexes_of(const Outgoing& item) {
  std::vector<std::uint32_t> out;
  for (const DueFate& due : item.due()) out.push_back(due.index);
  return out;
}

}  // namespace

// ---- Link ----------------------------------------------------------------------------------------------------------------------------

std::optional<Link::Broken> Link::take_broken(const Outgoing& item) {
  const std::lock_guard lock(mutex);
  auto known = points.extract(item.item().item);
  if (known.empty() || known.mapped().recipients != indexes_of(item)) return std::nullopt;
  return std::move(known.mapped());
}

/// A peer that cannot go on there now is asked again, so often and so long as it may be expected to keep what it has: a long content is not
/// sent from its beginning because of something that passes.
void Link::keep_broken(const Outgoing& item, const TransferOutcome& outcome, const std::optional<Broken>& before, SteadyTime now) {
  if (!outcome.point) return;
  Broken next{*outcome.point, indexes_of(item), 0, now};
  if (outcome.untaken && before) {
    next.untaken = before->untaken + 1;
    next.since = before->since;
    if (next.untaken >= kResumptions || now - next.since >= kKept) {
      log::info("x400.begins_anew", {{"peer", peer->name}, {"octets", next.point.octets}, {"reason", outcome.text}});
      return;
    }
  }
  put_back(item, std::move(next));
}

void Link::put_back(const Outgoing& item, Broken broken) {
  const std::lock_guard lock(mutex);
  if (points.size() < kPoints) points[item.item().item] = std::move(broken);
}

bool Link::refused_for_good(const Outgoing& item) {
  const std::lock_guard lock(mutex);
  if (refusals.size() >= kRefused) refusals.clear();  // forgetting costs a refused message some more tries
  if (++refusals[item.item().item] < kRefusals) return false;
  refusals.erase(item.item().item);
  return true;
}

void Link::forget_refusals(const Outgoing& item) {
  const std::lock_guard lock(mutex);
  refusals.erase(item.item().item);
}

bool Link::call_visitors() {
  const std::lock_guard lock(mutex);
  for (const auto& [number, control] : visitors) control.call();
  return !visitors.empty();
}

// ---- our associations, whose turn the peer has ----------------------------------------------------------------------------------------

io::Task<void> X400Courier::Impl::lend_turn(const Link& link, P1Caller& caller) {
  const auto place = [&] {
    const std::lock_guard lock(lent_mutex);
    if (stopping) return false;
    lent.emplace(&caller, Lent{caller.control(), &link});
    return true;
  };
  if (!place()) co_return;
  co_await caller.lend_turn(parts.p1);
  const std::lock_guard lock(lent_mutex);
  lent.erase(&caller);
  lent_changed.notify_all();
}

void X400Courier::Impl::call_lent(const Link& link) {
  const std::lock_guard lock(lent_mutex);
  for (const auto& [caller, each] : lent)
    if (each.link == &link) each.control.call();
}

void X400Courier::Impl::end_lent() {
  std::unique_lock lock(lent_mutex);
  for (const auto& [caller, each] : lent) each.control.abort();
  lent_changed.wait_for(lock, kEndOfLent, [this] { return lent.empty(); });
}

// ---- the desk ------------------------------------------------------------------------------------------------------------------------

/// An association of the peer that sends for us, as long as it does.
struct X400Courier::Impl::Visit {
  std::shared_ptr<Impl> courier;
  Link& link;
  std::uint64_t number = 0;
  Visit(std::shared_ptr<Impl> of, Link& at, std::uint64_t n) : courier(std::move(of)), link(at), number(n) {}
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() {
    {
      const std::lock_guard lock(link.mutex);
      std::erase_if(link.visitors, [this](const auto& each) { return each.first == number; });
    }
    if (!courier->stopping) courier->wake(link);  // what it leaves behind
  }
};

std::shared_ptr<void> X400Courier::Impl::open(const Peer& peer, io::StreamControl control) {
  Link& link = link_of(peer);
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(link.mutex);
    number = ++link.last_visitor;
    link.visitors.emplace_back(number, control);
  }
  auto ticket = std::make_shared<Visit>(shared_from_this(), link, number);
  parts.spool.hasten(link.route);  // what waited for the peer to be there
  control.call();
  return ticket;
}

io::Task<std::optional<Outgoing>> X400Courier::Impl::next(const Peer& peer) {
  while (!stopping) {
    auto works = parts.spool.take(link_of(peer).route, 1);
    if (works.empty()) break;
    auto item = co_await due_now(std::move(works.front()));
    if (item) co_return item;
  }
  co_return std::nullopt;
}

io::Task<void> X400Courier::Impl::send(const Peer& peer, Outgoing item, P1Sender& sender) {
  static_cast<void>(co_await try_over(link_of(peer), item, sender, false));
}

void X400Courier::Impl::give_back(const Outgoing& item) {
  parts.spool.give_back({item.item().item, item.item().route, indexes_of(item), nullptr});
}

}  // namespace postern::mhs
