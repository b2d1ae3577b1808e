#include "mhs/courier.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "mhs/courier_impl.hpp"

namespace postern::mhs {
namespace {

constexpr std::size_t kInternalConcurrency = 4;  // of the routes that are no peer

}  // namespace

X400Courier::Impl::Impl(CourierParts with)
    : parts(std::move(with)),
      call{parts.mta, parts.resolver, parts.workers, parts.clock, parts.hostname, parts.transcript},
      outcomes({parts.mta, parts.rules, parts.spool, parts.workers, parts.random, parts.clock, parts.lifetimes, parts.schedule}),
      lists({parts.mta, parts.rules, parts.store, parts.spool, parts.staging, outcomes, parts.random, parts.clock}) {
  std::size_t next = 0;
  const auto add = [&](std::string route, const Peer* peer, std::size_t limit) {
    auto link = std::make_unique<Link>();
    link->route = route;
    link->peer = peer;
    link->loop = parts.loops.at(next++ % parts.loops.size());
    link->limit = limit;
    links.emplace(std::move(route), std::move(link));
  };
  for (const Peer& peer : parts.mta.peers) add(std::string(kPeerRoute) + peer.name, &peer, std::max<std::size_t>(1, peer.associations));
  add(std::string(kStoreRoute), nullptr, kInternalConcurrency);
  add(std::string(kListRoute), nullptr, 1);  // one after the other: each is to see what the one before has marked
  add(std::string(kReportRoute), nullptr, kInternalConcurrency);
}

X400Courier::X400Courier(CourierParts parts) : m_impl(std::make_shared<Impl>(std::move(parts))) {}
X400Courier::~X400Courier() { stop(); }

void X400Courier::start() {
  m_impl->parts.spool.set_listener(std::string(kX400RoutePrefix), this);
  std::vector<std::string> routes = m_impl->parts.spool.ready_routes();
  std::erase_if(routes, [](const std::string& route) { return !route.starts_with(kX400RoutePrefix) || route.starts_with(kUserRoute); });
  work_ready(routes);
}

void X400Courier::stop() {
  if (m_impl->stopping.exchange(true)) return;
  m_impl->parts.spool.set_listener(std::string(kX400RoutePrefix), nullptr);
  m_impl->end_lent();
}

void X400Courier::work_ready(const std::vector<std::string>& routes) noexcept {
  for (const std::string& route : routes) {
    const auto found = m_impl->links.find(route);
    if (found != m_impl->links.end())
      m_impl->wake(*found->second);
    else
      io::spawn(m_impl->parts.loops.at(0), Impl::bury(m_impl, route), "x400.bury");
  }
}

const CourierStats& X400Courier::stats() const noexcept { return m_impl->outcomes.stats; }
OutboundDesk& X400Courier::desk() noexcept { return *m_impl; }
Outcomes& X400Courier::outcomes() noexcept { return m_impl->outcomes; }

std::vector<PeerState> X400Courier::peers() const {
  std::vector<PeerState> out;
  for (const auto& [route, link] : m_impl->links) {
    if (link->peer == nullptr) continue;
    PeerState state{link->peer->name, {}, std::string(name_of(link->peer->mode)), link->associations.load(), {}, {}, {}};
    if (link->peer->address) state.address = osi::format_presentation_address(*link->peer->address);
    const std::lock_guard lock(link->mutex);
    state.trouble = link->trouble;
    state.road = link->road;
    out.push_back(std::move(state));
  }
  return out;
}

void X400Courier::Impl::wake(Link& link) { io::spawn(link.loop, pump(shared_from_this(), &link), "x400.pump"); }

/// Hands due work to senders that wait, and to new ones up to the limit; but leaves it to associations of the peer that send for us.
io::Task<void> X400Courier::Impl::pump(std::shared_ptr<Impl> self, Link* link) {
  if (link->idle.empty() && link->call_visitors()) co_return;
  while (!self->stopping && (!link->idle.empty() || link->active < link->limit)) {
    auto works = self->parts.spool.take(link->route, 1);
    if (works.empty()) break;
    if (!link->idle.empty()) {
      IdleSender* sender = link->idle.back();
      link->idle.pop_back();
      sender->work = std::move(works.front());
      sender->signal.set();
      sender->control.call();
      continue;
    }
    ++link->active;
    io::spawn(link->loop, run_sender(self, link, std::move(works.front())), "x400.sender");
  }
  if (link->active == link->limit) self->call_lent(*link);
  co_return;
}

io::Task<void> X400Courier::Impl::run_sender(std::shared_ptr<Impl> self, Link* link, Work work) {
  std::unique_ptr<P1Caller> caller;
  std::optional<Work> next = std::move(work);
  while (next) {
    Work now = *std::move(next);
    co_await self->handle(*link, std::move(now), caller);
    if (caller && caller->alive() && caller->sender().take_turn_asked()) co_await self->lend_turn(*link, *caller);
    if (caller && !caller->alive()) caller.reset();
    link->associations += caller ? 1 : 0;
    next = co_await self->next_for(*link, caller.get());
    link->associations -= caller ? 1 : 0;
  }
  --link->active;
  if (caller) co_await caller->release();
}

io::Task<std::optional<Work>> X400Courier::Impl::next_for(Link& link, P1Caller* caller) {
  if (stopping) co_return std::nullopt;
  auto works = parts.spool.take(link.route, 1);
  if (!works.empty()) co_return std::move(works.front());
  if (link.peer == nullptr || caller == nullptr) co_return std::nullopt;
  if (caller->is_alternate()) co_return co_await next_beside_peer(link, *caller);
  IdleSender waiting(link.loop);
  link.idle.push_back(&waiting);
  const bool rang = co_await waiting.signal.wait(io::deadline_in(parts.mta.idle));
  if (!rang) std::erase(link.idle, &waiting);
  co_return std::move(waiting.work);
}

/// The same over an association on which the peer may want to speak meanwhile.
io::Task<std::optional<Work>> X400Courier::Impl::next_beside_peer(Link& link, P1Caller& caller) {
  const SteadyTime until = io::deadline_in(parts.mta.idle);
  while (!stopping) {
    IdleSender waiting(link.loop);
    waiting.control = caller.control();
    link.idle.push_back(&waiting);
    const auto woken = co_await caller.wait(until);
    std::erase(link.idle, &waiting);
    if (woken == P1Caller::Woken::TurnAsked) co_await lend_turn(link, caller);
    if (waiting.work) co_return std::move(waiting.work);
    if (woken == P1Caller::Woken::End) co_return std::nullopt;
    auto works = parts.spool.take(link.route, 1);
    if (!works.empty()) co_return std::move(works.front());
  }
  co_return std::nullopt;
}

}  // namespace postern::mhs
