#include "base/log.hpp"
#include "cabinet/impl.hpp"

namespace postern::cabinet {
namespace {

constexpr auto kPause = std::chrono::seconds(1);  // between tries at what the disk or the keeper refuses

}  // namespace

void Cabinet::Impl::push(Work work) {
  const std::lock_guard lock(mutex);
  queue.push_back(std::move(work));
  changed.notify_all();
}

/// One thread: an association at a time, one piece of work after the other. It is kept while there is work, and only then.
void Cabinet::Impl::run() {
  Session session(parts.service);
  std::unique_lock lock(mutex);
  while (!stopping) {
    if (!recovered) {
      lock.unlock();
      const Status well = recover();
      recovered = well.has_value();
      note_peer(well);  // nothing can be asked of the peer before
      lock.lock();
    }
    if (recovered && !queue.empty()) {
      const Work work = std::move(queue.front());
      queue.pop_front();
      bound = true;
      lock.unlock();
      work(session);
      lock.lock();
      continue;
    }
    bound = false;
    lock.unlock();
    session.end();
    lock.lock();
    const auto news = [this] { return stopping || (recovered && !queue.empty()); };
    recovered ? changed.wait(lock, news) : static_cast<void>(changed.wait_for(lock, kPause, news));
  }
}

Status Cabinet::Impl::recover() {
  if (const Status unlocked = rows.unlock(); !unlocked) return unlocked;  // a sealed key engine: later
  POSTERN_TRY(const auto half, rows.in_state(static_cast<int>(State::Submitting)));
  for (const CabinetRow& each : half) {
    const Status forgotten = forget_answer(each.id);
    if (!forgotten && forgotten.error().code != ErrorCode::IntegrityFailed) return forgotten;
    if (!forgotten) log_damaged(each.id, forgotten.error());
  }
  POSTERN_TRY(const auto queued, rows.in_state(static_cast<int>(State::Queued)));
  for (const CabinetRow& each : queued) enqueue_submission(each.id);
  if (!half.empty() || !queued.empty()) log::warn("x400.mailbox.recovered", {{"unknown_outcome", half.size()}, {"queued", queued.size()}});
  return {};
}

Status Cabinet::Impl::forget_answer(const MessageId& id) {
  const Deed deed{"outcome_unknown", system, "the peer's answer was not recorded: the daemon ended before, or the disk refused it"};
  return status_of(change(id, deed, [](Database&, Item& item) -> Status {
    for (Copy& each : item.copies)
      if (each.state == State::Submitting) each.state = State::Unknown;
    item.state = State::Unknown;
    item.reason = "it was given to the peer, and the answer was not recorded: wait for a report, or resolve it";
    return {};
  }));
}

Status Cabinet::Impl::persist(const std::function<Status()>& write) {
  for (;;) {
    Status written = write();
    if (written || written.error().code == ErrorCode::NotFound) return {};
    log::error("x400.mailbox.unrecorded", {{"error", written.error()}});
    const bool may_pass = written.error().code == ErrorCode::Exhausted || written.error().code == ErrorCode::Unavailable;
    const bool goes_on = pause();
    if (may_pass && goes_on) continue;
    recovered = false;
    return written;
  }
}

bool Cabinet::Impl::pause() {
  std::unique_lock lock(mutex);
  return !changed.wait_for(lock, kPause, [this] { return stopping; });
}

bool Cabinet::Impl::is_stopping() {
  const std::lock_guard lock(mutex);
  return stopping;
}

void Cabinet::Impl::note_peer(const Status& status) {
  const std::lock_guard lock(mutex);
  ok = status.has_value();
  last_words = ok ? "" : status.error().text();
}

}  // namespace postern::cabinet
