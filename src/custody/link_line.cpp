// One channel of a link: what goes out, what comes in, and what becomes of its calls when it ends.
#include "base/log.hpp"
#include "custody/link_impl.hpp"

namespace postern::custody {
namespace {

using Steady = std::chrono::steady_clock;

std::uint32_t patience(SteadyTime deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Steady::now()).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 0, UINT32_MAX));
}

struct Arrival {
  ReplyHead head;
  Reader rest;
  PendingPtr whose{};
};

/// Borrows from the reader.
Result<ByteView> outcome_of(Arrival& arrival) {
  if (arrival.head.kind == ReplyKind::Done) return arrival.rest.remainder();
  POSTERN_TRY(Error error, read_error(arrival.rest));
  return fail(std::move(error));
}

/// One who fails to hear it must not keep it from the others.
void tell(const Pending& pending, const Result<ByteView>& outcome) noexcept {
  try {
    pending.done(outcome);
  } catch (const std::exception& error) {
    log::error("custody.reply.not_taken", {{"error", error.what()}});
  }
}

Result<std::vector<Arrival>> read_arrivals(FrameReader& reader) {
  std::vector<Arrival> out;
  while (true) {
    POSTERN_TRY(const std::optional<ByteView> body, reader.next(kMaxFrame));
    if (!body) return out;
    Reader in(*body);
    POSTERN_TRY(const ReplyHead head, read_reply_head(in));
    out.push_back({head, in});
  }
}

}  // namespace

/// Everything that is queued, by one writer at a time. What others queue meanwhile goes with his next call.
void Link::Impl::write_out(Lock& lock) {
  const LinePtr held = line;
  if (!held || held->writing) return;
  held->writing = true;
  while (line == held && !queue.empty()) {
    load(*held);
    lock.unlock();
    const Channel::Moved moved = held->outbox.flush(held->channel);
    lock.lock();
    if (moved == Channel::Moved::Nothing) {
      held->stuck = true;
      bell.ring();
      return;
    }
    // The end shows to whoever reads, after what the keeper said before it.
    if (moved == Channel::Moved::Ended) held->channel.shut_down();
  }
  held->writing = false;
}

/// The socket was full: goes on where write_out() stopped.
void Link::Impl::resume(Lock& lock, const LinePtr& with) {
  with->stuck = false;
  lock.unlock();
  const Channel::Moved moved = with->outbox.flush(with->channel);
  lock.lock();
  if (moved == Channel::Moved::Nothing) {
    with->stuck = true;
    return;
  }
  if (moved == Channel::Moved::Ended) with->channel.shut_down();
  with->writing = false;
  write_out(lock);
}

void Link::Impl::load(Line& into) {
  counts.writes += 1;
  for (const PendingPtr& one : queue) {
    one->in_queue = false;
    if (one->taken) continue;  // gave up meanwhile
    one->attempts += 1;
    stamp(one->order.frame, one->id, patience(one->order.deadline));
    if (one->order.nature == Nature::Repeatable) {
      into.outbox.add(ByteView(one->order.frame));
    } else {
      into.outbox.add(std::move(one->order.frame));
    }
  }
  queue.clear();
}

/// Called by whoever leads, without the lock. Without memory for what came there is no telling whose it was.
Link::Impl::Read Link::Impl::read(Line& from) noexcept {
  try {
    return read_or_throw(from);
  } catch (const std::exception& error) {
    log::error("custody.reply.not_read", {{"error", error.what()}});
    from.channel.shut_down();
    return Read::Broken;
  }
}

Link::Impl::Read Link::Impl::read_or_throw(Line& from) {
  const ByteSpan room = from.reader.room();
  const Channel::Outcome came = from.channel.receive(room);
  if (came.moved == Channel::Moved::Nothing) return Read::Nothing;
  if (came.moved == Channel::Moved::Ended) return Read::Broken;
  from.reader.received(came.bytes);
  Result<std::vector<Arrival>> arrivals = read_arrivals(from.reader);
  if (arrivals) {
    const std::lock_guard lock(mutex);
    for (Arrival& one : *arrivals) {
      const auto found = under_way.find(one.head.id);
      if (found == under_way.end() || found->second->in_queue) continue;  // its caller gave up
      one.whose = found->second;
      take_out(one.whose);
    }
  }
  if (!arrivals) {
    log::error("custody.reply.unreadable", {{"error", arrivals.error()}});
    from.channel.shut_down();
    return Read::Broken;
  }
  Finished finished;
  for (Arrival& one : *arrivals) {
    if (!one.whose) continue;
    const Result<ByteView> outcome = outcome_of(one);
    if (one.whose->done) {
      tell(*one.whose, outcome);
      continue;
    }
    one.whose->outcome = outcome.map([](ByteView body) { return WipedBytes(body.begin(), body.end()); });
    finished.push_back(std::move(one.whose));
  }
  from.reader.clear_read();
  deliver(finished);
  return Read::Something;
}

/// Nobody reads: a caller that waits should, or the thread. With the lock.
void Link::Impl::hand_over(Line& of) {
  if (of.led()) return;
  if (!followers.empty()) {
    Pending& next = *followers.back();
    stand_up(next);
    next.nudge.ring(Nudge::kLead);
  } else if (async > 0 && attended.by == 0 && asleep_until != SteadyTime::min()) {
    bell.ring();
  }
}

/// The channel is gone: sorts its calls into those that go again and those whose outcome nobody knows. With the lock.
void Link::Impl::drop(const LinePtr& broken, Finished& finished) {
  if (line != broken) return;
  watch.remove(broken->channel);
  attended.by = 0;
  line.reset();
  std::vector<PendingPtr> unknown;
  std::erase_if(queue, [](const PendingPtr& one) { return one->taken; });
  for (const auto& [id, one] : under_way) {
    if (one->in_queue) continue;
    const bool again = one->order.nature == Nature::Repeatable && one->attempts < kAttempts;
    (again ? queue : unknown).push_back(one);
    one->in_queue = again;
  }
  std::ranges::sort(queue, {}, &Pending::id);
  counts.unknown += unknown.size();
  log::warn("custody.keeper.gone", {{"sent_again", queue.size()}, {"outcome_unknown", unknown.size()}});
  for (const PendingPtr& one : unknown) {
    one->outcome = fail(lost(*one, false));
    take_out(one);
    finished.push_back(one);
  }
  bell.ring();
}

}  // namespace postern::custody
