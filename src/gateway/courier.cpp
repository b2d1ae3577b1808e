#include "gateway/courier.hpp"

#include <algorithm>

#include "gateway/courier_impl.hpp"

namespace postern::gateway {
namespace {

constexpr auto kKeepConnection = std::chrono::seconds(5);  ///< An open connection waits this long for the next message.
constexpr std::size_t kMessagesPerConnection = 10'000;
constexpr std::size_t kInternalConcurrency = 4;  ///< Of routes that are no next hop: policy, bounces.

}  // namespace

/// The configured ones go round from the first loop on, where mail comes in while there is little of it (io/listener.hpp).
void Courier::Impl::settle_routes() {
  for (const Route& route : parts.routes.all())
    if (route.via != Via::Mx) fixed_shards.emplace(route.id, fixed_shards.size() % shards.size());
}

std::size_t Courier::Impl::shard_of(const std::string& route) const {
  const auto fixed = fixed_shards.find(route);
  return fixed != fixed_shards.end() ? fixed->second : std::hash<std::string>{}(route) % shards.size();
}

void Courier::Impl::wake(const std::string& route, std::size_t granted) {
  const std::size_t shard = shard_of(route);
  io::spawn(parts.loops.at(shard), pump(shared_from_this(), shard, route, granted), "courier.pump");
}

Destination& Courier::Impl::destination(std::size_t shard, const std::string& route) {
  if (Destination* known = shards[shard].find(route)) return *known;
  auto made = std::make_unique<Destination>();
  made->route = route;
  if (route.substr(0, 3) == "mx:") made->domain = route.substr(3);
  made->settings = made->domain.empty() ? parts.routes.by_id(route) : &parts.routes.find(made->domain);
  made->limit = made->settings != nullptr ? static_cast<std::size_t>(made->settings->settings.concurrency) : kInternalConcurrency;
  return shards[shard].add(std::move(made), parts.clock.steady());
}

/// Takes what is due as far as the destination's own bound and the one on all deliveries allow. Where the first stops it, a sender that
/// gets free goes on; where the second does, the route waits in `places`.
io::Task<void> Courier::Impl::pump(std::shared_ptr<Impl> self, std::size_t shard, std::string route, std::size_t granted) {
  Destination& d = self->destination(shard, route);
  for (bool more = true; more && !self->stopping;) {
    const std::size_t room = d.idle.size() + (d.limit - std::min(d.limit, d.active));
    if (granted == 0) granted = self->places.take(route, room);
    const std::size_t wanted = std::min(room, granted);
    if (wanted == 0) break;
    auto works = self->parts.spool.take(route, wanted);
    more = works.size() == wanted;
    const std::size_t unused = granted - works.size();
    granted = 0;
    for (auto& work : works) self->hand_over(shard, d, std::move(work));
    self->free_places(unused);
  }
  self->free_places(granted);
  co_return;
}

/// The work has its place already.
void Courier::Impl::hand_over(std::size_t shard, Destination& d, Work work) {
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
    next = self->next_for(*d);
    const bool reusable = connection && connection->ready() && ++sent < kMessagesPerConnection;
    if (!next && reusable && !self->stopping) next = co_await self->wait_for_work(shard, *d);
  }
  --d->active;  // from here on the destination may be forgotten
  if (connection) co_await connection->quit();
}

/// The next work for a sender that has just used its place; without one the place is somebody else's.
std::optional<Work> Courier::Impl::next_for(const Destination& d) {
  if (const auto other = places.hand_on(d.route)) {
    wake(*other, 1);
    return std::nullopt;
  }
  auto works = stopping ? std::vector<Work>() : parts.spool.take(d.route, 1);
  if (!works.empty()) return std::move(works.front());
  free_places(1);
  return std::nullopt;
}

void Courier::Impl::free_places(std::size_t count) {
  if (count == 0) return;
  for (const auto& route : places.give_back(count)) wake(route, 1);
}

io::Task<std::optional<Work>> Courier::Impl::wait_for_work(std::size_t shard, Destination& d) {
  Waiter waiter(parts.loops.at(shard));
  d.idle.push_back(&waiter);
  (void)co_await waiter.signal.wait(parts.clock.steady() + kKeepConnection);
  d.idle.erase(std::remove(d.idle.begin(), d.idle.end(), &waiter), d.idle.end());
  co_return std::move(waiter.work);
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
  impl->settle_routes();
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
  for (const auto& route : routes)
    if (!route.starts_with(kX400RoutePrefix)) m_impl->wake(route);  // those have a courier of their own
}

std::vector<std::string> Courier::warnings() const {
  const std::lock_guard lock(m_impl->refusals_mutex);
  std::vector<std::string> out;
  for (const auto& [route, text] : m_impl->refusals) out.push_back("route " + route + ": " + text);
  return out;
}

const CourierStats& Courier::stats() const noexcept { return m_impl->stats; }

}  // namespace postern::gateway
