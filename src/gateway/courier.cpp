#include "gateway/courier.hpp"

#include <algorithm>

#include "gateway/courier_impl.hpp"

namespace postern::gateway {
namespace {

constexpr auto kKeepConnection = std::chrono::seconds(5);  ///< An open connection waits this long for the next message.
constexpr std::size_t kMessagesPerConnection = 10'000;
constexpr std::size_t kInternalConcurrency = 4;  ///< Of routes that are no next hop: policy, bounces.

}  // namespace

void Courier::Impl::wake(const std::string& route) {
  const std::size_t shard = shard_of(route);
  io::spawn(parts.loops.at(shard), pump(shared_from_this(), shard, route), "courier.pump");
}

Destination& Courier::Impl::destination(std::size_t shard, const std::string& route) {
  auto& slot = shards[shard].destinations[route];
  if (slot) return *slot;
  slot = std::make_unique<Destination>();
  slot->route = route;
  if (route.substr(0, 3) == "mx:") slot->domain = route.substr(3);
  slot->settings = slot->domain.empty() ? parts.routes.by_id(route) : &parts.routes.find(slot->domain);
  slot->limit = slot->settings != nullptr ? static_cast<std::size_t>(slot->settings->settings.concurrency) : kInternalConcurrency;
  return *slot;
}

std::size_t Courier::Impl::room(const Destination& d) const {
  const auto most = static_cast<std::size_t>(parts.config.queue.concurrency);
  const std::size_t busy = stats.in_flight.load();
  return std::min(d.idle.size() + (d.limit - std::min(d.limit, d.active)), most > busy ? most - busy : 0);
}

io::Task<void> Courier::Impl::pump(std::shared_ptr<Impl> self, std::size_t shard, std::string route) {
  Destination& d = self->destination(shard, route);
  while (!self->stopping) {
    const std::size_t wanted = self->room(d);
    if (wanted == 0) co_return;
    auto works = self->parts.spool.take(route, wanted);
    const std::size_t got = works.size();
    for (auto& work : works) self->hand_over(shard, d, std::move(work));
    if (got < wanted) co_return;
  }
}

void Courier::Impl::hand_over(std::size_t shard, Destination& d, Work work) {
  ++stats.in_flight;
  if (!d.idle.empty()) {
    Waiter* waiter = d.idle.back();
    d.idle.pop_back();
    waiter->work = std::move(work);
    waiter->signal.set();
    return;
  }
  ++d.active;
  io::spawn(parts.loops.at(shard), run_sender(shared_from_this(), shard, &d, std::move(work)), "courier.sender");
}

io::Task<void> Courier::Impl::run_sender(std::shared_ptr<Impl> self, std::size_t shard, Destination* d, Work work) {
  std::unique_ptr<SmtpSender> connection;
  std::optional<Work> next = std::move(work);
  std::size_t sent = 0;
  while (next) {
    Work now = *std::move(next);
    co_await self->deliver(*d, std::move(now), connection);
    --self->stats.in_flight;
    next = self->take_one(*d);
    const bool reusable = connection && connection->ready() && ++sent < kMessagesPerConnection;
    if (!next && reusable && !self->stopping) next = co_await self->wait_for_work(shard, *d);
  }
  --d->active;
  if (connection) co_await connection->quit();
  self->wake_starved();
}

std::optional<Work> Courier::Impl::take_one(const Destination& d) {
  if (stopping) return std::nullopt;
  auto works = parts.spool.take(d.route, 1);
  if (works.empty()) return std::nullopt;
  ++stats.in_flight;
  return std::move(works.front());
}

io::Task<std::optional<Work>> Courier::Impl::wait_for_work(std::size_t shard, Destination& d) {
  Waiter waiter(parts.loops.at(shard));
  d.idle.push_back(&waiter);
  (void)co_await waiter.signal.wait(parts.clock.steady() + kKeepConnection);
  d.idle.erase(std::remove(d.idle.begin(), d.idle.end(), &waiter), d.idle.end());
  co_return std::move(waiter.work);
}

/// The bound on all deliveries together may have kept other destinations from starting.
void Courier::Impl::wake_starved() {
  if (stopping || stats.in_flight.load() + 1 < static_cast<std::uint64_t>(parts.config.queue.concurrency)) return;
  for (const auto& route : parts.spool.ready_routes()) wake(route);
}

Courier::Courier(std::shared_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Courier::~Courier() { stop(); }

Result<std::unique_ptr<Courier>> Courier::make(CourierParts parts) {
  POSTERN_TRY(auto hops, Hops::make(parts.config, parts.routes, parts.own_roots));
  RetrySchedule schedule;
  schedule.delays.clear();
  for (const auto& delay : parts.config.queue.retry) {
    POSTERN_TRY(const auto seconds, parse_duration(delay));
    schedule.delays.push_back(seconds);
  }
  schedule.expire = parts.config.queue.expire;
  auto impl = std::make_shared<Impl>(std::move(parts), std::move(hops));
  impl->schedule = std::move(schedule);
  return std::unique_ptr<Courier>(new Courier(std::move(impl)));
}

void Courier::start() {
  m_impl->parts.spool.set_listener(this);
  work_ready(m_impl->parts.spool.ready_routes());
}

void Courier::stop() {
  if (m_impl->stopping.exchange(true)) return;
  m_impl->parts.spool.set_listener(nullptr);
}

void Courier::work_ready(const std::vector<std::string>& routes) noexcept {
  if (m_impl->stopping) return;
  for (const auto& route : routes) m_impl->wake(route);
}

void Courier::allow_in_clear(const MessageId& message) {
  const std::lock_guard lock(m_impl->in_clear_mutex);
  m_impl->in_clear.insert(message);
}

const CourierStats& Courier::stats() const noexcept { return m_impl->stats; }

}  // namespace postern::gateway
