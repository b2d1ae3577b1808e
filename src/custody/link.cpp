#include "custody/link.hpp"

#include "custody/link_impl.hpp"

namespace postern::custody {

using Steady = std::chrono::steady_clock;

void deliver(Finished& finished) {
  for (PendingPtr& one : finished) {
    if (one->done) {
      one->done(one->outcome.map([](const WipedBytes& body) { return ByteView(body); }));
    } else {
      one->nudge.ring(Nudge::kDone);
    }
  }
  finished.clear();
}

/// Takes its place among those under way, or says why not.
Status Link::Impl::admit(const PendingPtr& pending) {
  if (stop) return fail(ErrorCode::Unavailable, "the service is stopping");
  if (!line && refusal) return fail(*refusal);
  if (under_way.size() >= options.calls || bytes + pending->size > options.bytes)
    return fail(ErrorCode::Exhausted, "too many requests to the keeper are under way; try again later");
  pending->id = next_id++;
  pending->in_queue = true;
  bytes += pending->size;
  counts.calls += 1;
  under_way.emplace(pending->id, pending);
  queue.push_back(pending);
  if (!pending->done) return {};
  async += 1;
  next_expiry = std::min(next_expiry, pending->order.deadline);
  return {};
}

/// From now on it belongs to the caller of this.
void Link::Impl::take_out(const PendingPtr& pending) {
  under_way.erase(pending->id);
  pending->taken = true;
  if (pending->in_queue) WipedBytes().swap(pending->order.frame);  // the queue may keep it for as long as there is no channel
  bytes -= pending->size;
  if (pending->done) async -= 1;
  if (pending->order.nature == Nature::Changes) counts.changes += 1;
  stand_up(*pending);
}

void Link::Impl::sit(Pending& pending) {
  pending.seat = followers.size();
  followers.push_back(&pending);
}

void Link::Impl::stand_up(Pending& pending) {
  if (pending.seat == SIZE_MAX) return;
  followers.back()->seat = pending.seat;
  followers[pending.seat] = followers.back();
  followers.pop_back();
  pending.seat = SIZE_MAX;
}

Error Link::Impl::lost(const Pending& pending, bool late) const {
  const std::string name(pending.order.name);
  if (pending.attempts == 0) return {ErrorCode::Unavailable, "the keeper does not answer: " + name + " was not sent; try again later", {}};
  const std::string how = late ? "the keeper did not answer in time" : "the keeper went away during " + name;
  if (pending.order.nature == Nature::Changes)
    return {ErrorCode::Unavailable, how + ": whether " + name + " happened is unknown; " + std::string(pending.order.check), {}};
  if (late) return {ErrorCode::Unavailable, how + " (" + name + "); try again later", {}};
  return {ErrorCode::Unavailable, how + " " + std::to_string(pending.attempts) + " times; the keeper's log says why", {}};
}

void Link::Impl::give_up(const PendingPtr& pending, Finished& finished) {
  pending->outcome = fail(lost(*pending, true));
  take_out(pending);
  finished.push_back(pending);
}

Result<Link::Flight> Link::begin(Order order, Send when) {
  Impl& impl = *m_impl;
  auto mine = std::make_shared<Pending>(std::move(order), Done());
  Impl::Lock lock(impl.mutex);
  POSTERN_CHECK(impl.admit(mine));
  if (when == Send::Now) impl.write_out(lock);
  return Flight(impl, std::move(mine));
}

Result<WipedBytes> Link::Flight::land() && {
  const PendingPtr mine = std::exchange(m_call, nullptr);
  {
    Impl::Lock lock(m_link->mutex);
    if (mine->in_queue) m_link->write_out(lock);
    m_link->await(lock, mine);
  }
  return std::move(mine->outcome);
}

Link::Flight::~Flight() {
  if (!m_call) return;
  const Impl::Lock lock(m_link->mutex);
  if (!m_call->taken) m_link->take_out(m_call);
}

Result<WipedBytes> Link::call(Order order) {
  POSTERN_TRY(Flight flight, begin(std::move(order)));
  return std::move(flight).land();
}

/// Returns when `mine` is done, with or without the lock.
void Link::Impl::await(Lock& lock, const PendingPtr& mine) {
  while (!mine->nudge.is_done()) {
    if (mine->taken) {  // whoever took it out is about to deliver it
      lock.unlock();
      while (!mine->nudge.is_done()) (void)mine->nudge.wait(SteadyTime::max());
      return;
    }
    if (const LinePtr held = line; held && !held->led()) {
      lead(lock, held, mine);
    } else {
      sit(*mine);
      lock.unlock();
      (void)mine->nudge.wait(mine->order.deadline);
      if (mine->nudge.is_done()) return;
      lock.lock();
      stand_up(*mine);
    }
    if (mine->nudge.is_done() || Steady::now() < mine->order.deadline) continue;
    Finished finished;
    if (!mine->taken) give_up(mine, finished);
    if (line) hand_over(*line);  // it may have been this caller's turn
    lock.unlock();
    deliver(finished);
    lock.lock();
  }
}

/// Reads for everybody until `mine` is done, the time is over or the channel ends.
void Link::Impl::lead(Lock& lock, const LinePtr& held, const PendingPtr& mine) {
  held->leader = Line::Leader::Caller;
  // In company there is other work for this processor while the answers are on their way.
  bool spinning = mine->order.quick && under_way.size() == 1 && held->spin.worth_it();
  lock.unlock();
  auto now = Steady::now();
  const auto spin_until = now + held->spin.longest();
  Read got = Read::Nothing;
  while (got != Read::Broken && !mine->nudge.is_done() && now < mine->order.deadline) {
    if (!spinning && got == Read::Nothing) {
      pollfd on{held->channel.fd(), POLLIN, 0};
      wait({&on, 1}, mine->order.deadline);
    }
    got = read(*held);
    now = Steady::now();
    if (spinning && now >= spin_until && !mine->nudge.is_done()) {
      held->spin.was_worth_it(false);
      spinning = false;
    }
  }
  if (spinning) held->spin.was_worth_it(mine->nudge.is_done());
  Finished finished;
  lock.lock();
  held->leader = Line::Leader::None;
  if (got == Read::Broken) drop(held, finished);
  if (line == held) hand_over(*held);
  if (finished.empty()) return;
  lock.unlock();
  deliver(finished);
  lock.lock();
}

void Link::post(Order order, Done done, Send when) {
  Impl& impl = *m_impl;
  const auto mine = std::make_shared<Pending>(std::move(order), std::move(done));
  Impl::Lock lock(impl.mutex);
  if (Status admitted = impl.admit(mine); !admitted) {
    lock.unlock();
    return mine->done(fail(std::move(admitted).error()));
  }
  if (when == Send::Now) impl.write_out(lock);
  // The thread must know that there is something to read, and until when.
  const bool needed = (when == Send::Now && impl.needs_thread()) || mine->order.deadline < impl.asleep_until;
  if (needed && impl.asleep_until != SteadyTime::min()) impl.bell.ring();
}

void Link::flush() {
  Impl& impl = *m_impl;
  Impl::Lock lock(impl.mutex);
  impl.write_out(lock);
  if (impl.async > 0 && impl.needs_thread() && impl.asleep_until != SteadyTime::min()) impl.bell.ring();
}

bool Link::is_up() const {
  const std::lock_guard lock(m_impl->mutex);
  return m_impl->line != nullptr;
}

LinkCounts Link::counts() const {
  const std::lock_guard lock(m_impl->mutex);
  return m_impl->counts;
}

Link::Link(ChannelSource source, LinkOptions options) : m_impl(std::make_unique<Impl>(std::move(source), options)) {
  m_impl->thread = std::thread([this] { m_impl->run(); });
}

Link::~Link() { stop(); }

void Link::stop() noexcept {
  {
    const std::lock_guard lock(m_impl->mutex);
    m_impl->stop = true;
  }
  m_impl->bell.ring();
  if (m_impl->thread.joinable()) m_impl->thread.join();
}

}  // namespace postern::custody
