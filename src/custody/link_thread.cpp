// The link's own thread: gets channels, reads when only asynchronous calls wait, goes on with writes that found the socket full, and ends
// asynchronous calls whose time is over. Sleeps otherwise.
#include <array>

#include "base/log.hpp"
#include "custody/link_impl.hpp"

namespace postern::custody {
namespace {

using Steady = std::chrono::steady_clock;

/// After the last asynchronous reply the thread goes on reading for this long: the next request then need not wake it.
constexpr std::chrono::milliseconds kLinger{5};

/// What the keeper says to the greeting, once it is there.
Result<bool> is_welcome(FrameReader& reader) {
  POSTERN_TRY(const std::optional<ByteView> body, reader.next(kMaxGreeting));
  if (!body) return false;
  POSTERN_TRY(const Welcome welcome, read_welcome(*body));
  if (!welcome.accepted) return fail(ErrorCode::Conflict, welcome.text);
  if (welcome.build == Greeting::own().build) return true;
  return fail(ErrorCode::Conflict, "the keeper is of build " + welcome.build + ", the gate is not; restart the service");
}

}  // namespace

void Link::Impl::run() {
  Lock lock(mutex);
  while (!stop) {
    if (const LinePtr held = line) {
      attend(lock, held);
    } else {
      connect(lock);
    }
  }
  Finished finished;
  refuse_all({ErrorCode::Unavailable, "the service is stopping", {}}, finished);
  line.reset();
  lock.unlock();
  deliver(finished);
}

void Link::Impl::attend(Lock& lock, const LinePtr& held) {
  Finished finished;
  expire(finished);
  const bool lingers = followers.empty() && Steady::now() < linger_until;
  const SteadyTime asleep_since = Steady::now();
  const SteadyTime look = next_look_at_loops(asleep_since);
  const bool lead = needs_reader() && (async > 0 || lingers);
  if (lead) held->leader = Line::Leader::ThreadInPoll;
  const int events = (lead ? POLLIN : 0) | (held->stuck ? POLLOUT : 0);
  // Without events the end of the channel still shows; while somebody else reads, he will see it.
  const bool polls = events != 0 || !held->led();
  asleep_until = lead && async == 0 ? std::min(next_expiry, linger_until) : next_expiry;
  const SteadyTime until = finished.empty() ? std::min(asleep_until, look) : SteadyTime::min();
  const std::uint64_t turns = attended.turns;
  std::array<pollfd, 2> on{{{bell.fd(), POLLIN, 0}, {polls ? held->channel.fd() : -1, static_cast<short>(events), 0}}};
  lock.unlock();
  deliver(finished);
  wait(on, until);
  if (on[0].revents != 0) bell.clear();
  lock.lock();
  asleep_until = SteadyTime::min();
  if (line != held) return;
  if ((on[1].revents & (POLLOUT | POLLHUP | POLLERR)) != 0 && held->stuck) resume(lock, held);
  const bool ended = (on[1].revents & (POLLHUP | POLLERR)) != 0;
  const bool still_leads = lead && held->leader == Line::Leader::ThreadInPoll;
  if (still_leads || (line == held && !held->led() && (ended || is_neglected(turns, asleep_since)))) read_for_others(lock, held);
}

void Link::Impl::read_for_others(Lock& lock, const LinePtr& with) {
  with->leader = Line::Leader::Thread;
  const bool had_async = async > 0;
  const std::uint64_t turns = attended.turns;
  Read got = Read::Something;
  // A loop that attends has come back: the rest is for it.
  while (got == Read::Something && attended.turns == turns) {
    lock.unlock();
    got = read(*with);
    lock.lock();
  }
  Finished finished;
  if (had_async) linger_until = Steady::now() + kLinger;
  // Stays the reader while there is something to read for the asynchronous, or may be soon.
  with->leader = Line::Leader::None;
  if (got == Read::Broken) drop(with, finished);
  if (line == with && (async == 0 || attended.by != 0)) hand_over(*with);
  if (finished.empty()) return;
  lock.unlock();
  deliver(finished);
  lock.lock();
}

/// The first words on a channel. Conflict when the keeper is of another build.
Result<LinePtr> Link::Impl::greet(Channel channel) {
  auto made = std::make_shared<Line>(std::move(channel), options.spin);
  made->outbox.add(write_greeting(Greeting::own()));
  const SteadyTime until = Steady::now() + options.greeting;
  while (!stop && Steady::now() < until) {
    if (made->outbox.flush(made->channel) == Channel::Moved::Ended) break;
    std::array<pollfd, 2> on{
        {{made->channel.fd(), static_cast<short>(made->outbox.empty() ? POLLIN : POLLIN | POLLOUT), 0}, {bell.fd(), POLLIN, 0}}};
    wait(on, until);
    if (on[1].revents != 0) bell.clear();
    const Channel::Outcome came = made->channel.receive(made->reader.room());
    if (came.moved == Channel::Moved::Ended) break;
    made->reader.received(came.bytes);
    POSTERN_TRY(const bool welcome, is_welcome(made->reader));
    if (welcome) return made;
  }
  return fail(ErrorCode::Unavailable, "the keeper did not answer the greeting");
}

void Link::Impl::connect(Lock& lock) {
  lock.unlock();
  Result<Channel> channel = source(Steady::now() + options.source_turn);
  Result<LinePtr> made = channel ? greet(*std::move(channel)) : fail(channel.error());
  if (!made && made.error().code != ErrorCode::Timeout) {
    log::warn("custody.keeper.unusable", {{"error", made.error()}});
    pollfd on{bell.fd(), POLLIN, 0};
    wait({&on, 1}, Steady::now() + options.pause);
    bell.clear();
  }
  Finished finished;
  lock.lock();
  if (made) {
    refusal.reset();
    line = *std::move(made);
    watch.add(line->channel);
    counts.channels += 1;
    counts.resent += static_cast<std::uint64_t>(std::ranges::count_if(queue, [](const PendingPtr& one) { return one->attempts > 0; }));
    log::info("custody.keeper.connected", {{"waiting", queue.size()}});
    write_out(lock);
    if (line) hand_over(*line);
  } else if (made.error().code == ErrorCode::Conflict) {
    refusal = std::move(made).error();
    refuse_all(*refusal, finished);
  }
  expire(finished);
  if (finished.empty()) return;
  lock.unlock();
  deliver(finished);
  lock.lock();
}

void Link::Impl::expire(Finished& finished) {
  const auto now = Steady::now();
  if (now < next_expiry) return;
  std::vector<PendingPtr> late;
  next_expiry = SteadyTime::max();
  for (const auto& [id, one] : under_way) {
    if (!one->done) continue;
    if (one->order.deadline <= now) {
      late.push_back(one);
    } else {
      next_expiry = std::min(next_expiry, one->order.deadline);
    }
  }
  for (const PendingPtr& one : late) give_up(one, finished);
}

void Link::Impl::refuse_all(const Error& why, Finished& finished) {
  for (const auto& [id, one] : std::exchange(under_way, {})) {
    one->outcome = fail(why);
    one->taken = true;
    stand_up(*one);
    finished.push_back(one);
  }
  queue.clear();
  bytes = async = 0;
}

}  // namespace postern::custody
