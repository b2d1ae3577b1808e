// What one association of a user of P3 is given.
#include <algorithm>

#include "base/log.hpp"
#include "mhs/user_deliveries.hpp"

namespace postern::mhs {
namespace {

/// Held back for one association; each is a unit of the queue in flight.
constexpr std::size_t kHeld = 1000;
/// Looked at before the association is attended to again.
constexpr std::size_t kAtOnce = 64;
/// For what is still on its way from the disk when somebody asks what waits, and how often it is looked for.
constexpr auto kLookTime = std::chrono::seconds(10);
constexpr auto kLookAgain = std::chrono::milliseconds(2);

/// X.411 8.4.1.1: what is registered as default holds where the user has not said otherwise on the association.
mts::Controls in_force(const mts::RegisterArgument88& registered, const mts::Controls& asked) {
  return mts::updated(registered.default_delivery_controls.value_or(mts::Controls()), asked, {});
}

}  // namespace

DeliveryFeed::DeliveryFeed(std::shared_ptr<UserDeliveries> owner, std::string route, oraddress::ORAddress user,
                           mts::RegisterArgument88 registered)
    : m_owner(std::move(owner)),
      m_route(std::move(route)),
      m_user(std::move(user)),
      m_registered(std::move(registered)),
      m_controls(in_force(m_registered, m_asked)),
      m_news(std::make_shared<UserDeliveries::News>(true)) {
  m_owner->enter(m_route, m_news);
}

DeliveryFeed::~DeliveryFeed() { close(); }

void DeliveryFeed::close() {
  if (m_closed) return;
  m_closed = true;
  m_owner->leave(m_route, m_news);
  if (m_owner->m_stopping) return;  // the next start begins with everything
  for (Work& each : m_ready) m_owner->m_parts.spool.give_back(std::move(each));
  for (Held& each : m_held) m_owner->m_parts.spool.give_back(std::move(each.work));
  m_ready.clear();
  m_held.clear();
  m_owner->work_ready({m_route});  // and for what this association was told of and did not take
}

bool DeliveryFeed::has_news() const {
  if (m_closed) return false;
  if (*m_news || !m_ready.empty()) return true;
  const std::int64_t now = unix_seconds(m_owner->m_parts.clock.now());
  return std::ranges::any_of(m_held, [now](const Held& each) { return each.expires < now; });
}

bool DeliveryFeed::is_exhausted() const {
  const bool more_comes = m_owner->m_parts.spool.is_hastening(m_route);  // first: what has come meanwhile is news
  return !more_comes && m_held.empty() && !has_news();
}

bool DeliveryFeed::is_full() const noexcept { return m_held.size() >= kHeld; }

std::optional<Work> DeliveryFeed::take() {
  if (m_closed || m_owner->m_stopping) return std::nullopt;
  if (!m_ready.empty()) {
    Work work = std::move(m_ready.front());
    m_ready.pop_front();
    return work;
  }
  auto works = m_owner->m_parts.spool.take(m_route, 1);
  return works.empty() ? std::nullopt : std::optional(std::move(works.front()));
}

io::Task<std::optional<Delivery>> DeliveryFeed::next() {
  *m_news = false;  // before looking: what comes meanwhile rings again
  release_held();
  for (std::size_t looked = 0; looked < kAtOnce; ++looked) {
    if (is_full()) co_return std::nullopt;  // the rest stays in the queue until the controls or its time let some of these go
    auto work = take();
    if (!work) co_return std::nullopt;
    auto found = co_await m_owner->examine(*std::move(work));
    if (!found) continue;
    if (!mts::permitted(found->what, m_controls)) {
      hold(*std::move(found));
      continue;
    }
    auto delivery = co_await m_owner->made(*std::move(found));
    if (!delivery) continue;
    *m_news = true;  // there may be more: the queue tells of work only where there was none
    co_return delivery;
  }
  *m_news = true;
  co_return std::nullopt;
}

void DeliveryFeed::hold(ForUser of) {
  of.work.loaded.reset();  // it may be long
  m_held.push_back({std::move(of.work), std::move(of.what), of.expires});
}

/// What may go now, and what is too old to wait on: its end is reported when it is taken.
void DeliveryFeed::release_held() {
  const std::int64_t now = unix_seconds(m_owner->m_parts.clock.now());
  std::vector<Held> stay;
  for (Held& each : m_held) {
    if (each.expires >= now && !mts::permitted(each.what, m_controls))
      stay.push_back(std::move(each));
    else
      m_ready.push_back(std::move(each.work));
  }
  m_held = std::move(stay);
}

io::Task<void> DeliveryFeed::read_registration() {
  auto registered = co_await m_owner->registration(m_user);
  if (!registered) co_return log::warn("x400.registration_unread", {{"reason", registered.error()}});
  m_registered = *std::move(registered);
  m_controls = in_force(m_registered, m_asked);
}

io::Task<void> DeliveryFeed::registration_changed() {
  co_await read_registration();
  for (Held& each : m_held) m_ready.push_back(std::move(each.work));  // next() looks at each again: what he can take no more is reported
  m_held.clear();
}

/// Everything that waits (up to the bound), so that an answer about it is true of all. What rests in the queue comes page by page.
io::Task<void> DeliveryFeed::look_at_all() {
  const SteadyTime enough = io::deadline_in(kLookTime);
  while (!is_full()) {
    const bool more_comes = m_owner->m_parts.spool.is_hastening(m_route);
    auto work = take();
    if (work) {
      auto found = co_await m_owner->examine(*std::move(work));
      if (found) hold(*std::move(found));
    } else if (more_comes && std::chrono::steady_clock::now() < enough) {
      co_await io::sleep_for(kLookAgain);
    } else {
      co_return;
    }
  }
}

io::Task<mts::DeliveryControlResult> DeliveryFeed::control(mts::Controls change) {
  m_asked = mts::updated(std::move(m_asked), change, mts::Controls());
  m_controls = in_force(m_registered, m_asked);
  co_await look_at_all();
  std::vector<mts::Awaiting> waiting;
  for (const Held& each : m_held) waiting.push_back(each.what);
  release_held();
  co_return mts::held_back(waiting, m_controls);
}

// ---- what became of a delivery -------------------------------------------------------------------------------------------------------

void DeliveryFeed::delivered(Delivery delivery) {
  const DueFate due = delivery.due();
  m_owner->m_parts.outcomes.one_ended(delivery.of.item, due, mts::delivered(due.fate.recipient, delivery.time), "delivered over P3");
}

void DeliveryFeed::refused(Delivery delivery, const mts::NonDeliveryReport& why, const std::string& words) {
  const DueFate due = delivery.due();
  m_owner->m_parts.outcomes.one_ended(delivery.of.item, due, mts::not_delivered(due.fate.recipient, why, words), words);
}

void DeliveryFeed::postponed(const Delivery& delivery, const std::string& why) {
  m_owner->m_parts.outcomes.all_deferred(delivery.of.item, why);
}

void DeliveryFeed::returned(Delivery delivery) { m_owner->m_parts.spool.give_back(std::move(delivery.of.work)); }

}  // namespace postern::mhs
