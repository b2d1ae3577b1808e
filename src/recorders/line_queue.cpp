#include "recorders/line_queue.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace postern {
namespace {

using Steady = std::chrono::steady_clock;

/// After the last line the thread looks by itself this many times before it sleeps for good.
constexpr int kLooks = 10;
/// A buffer that one burst made larger is given back.
constexpr std::size_t kKeptBuffer = 4U << 20;

}  // namespace

struct LineQueue::State {
  using Bells = std::vector<std::function<void()>>;
  State(LineQueueOptions given, std::unique_ptr<LineDrain> to) : options(std::move(given)), drain(std::move(to)) {}

  const LineQueueOptions options;
  const std::unique_ptr<LineDrain> drain;  // the thread's

  mutable std::mutex mutex;
  std::condition_variable work;    // for the thread
  std::condition_variable change;  // for those who wait for the thread
  std::string pending;             // not seen by the thread yet
  std::string batch;               // the thread's; changed by it alone, under the mutex
  SteadyTime pending_since, batch_since;
  std::uint64_t put = 0, done = 0;     // bytes since the start
  std::atomic<std::uint64_t> away{0};  // `done` for who has not got the mutex
  std::optional<Error> fault = Error{ErrorCode::Unavailable, "not open yet", {}};
  SteadyTime retry_at, awake_until, next_tick;
  std::chrono::milliseconds pause{0};
  std::size_t waiters = 0;
  Bells bells;  // of those who wait elsewhere
  bool tried = false, asleep = false, poked = false, stop = false, finished = false;
  std::atomic<std::uint64_t> lost{0};

  // With the mutex held.
  [[nodiscard]] Status refusal(std::size_t size, SteadyTime now) const;
  [[nodiscard]] Status await(std::unique_lock<std::mutex>& lock, std::uint64_t mine, SteadyTime until);
  [[nodiscard]] Status take(std::string_view line, SteadyTime now);
  [[nodiscard]] bool hangs(SteadyTime now) const {
    return (!batch.empty() && now - batch_since > options.deadline) || (!pending.empty() && now - pending_since > options.deadline);
  }
  [[nodiscard]] bool urgent() const {
    return stop || poked || !bells.empty() || (waiters > 0 && !pending.empty()) || pending.size() > options.bytes / 4;
  }
  void ring(std::unique_lock<std::mutex>& lock, const Bells& due) const;
  void wait_for_work(std::unique_lock<std::mutex>& lock);
  void wait_for_retry(std::unique_lock<std::mutex>& lock);
  void repair(std::unique_lock<std::mutex>& lock);
  void carry(std::unique_lock<std::mutex>& lock);
  void tick_when_due(std::unique_lock<std::mutex>& lock);
  void fail_with(Error error);
  void finish(std::unique_lock<std::mutex>& lock);
};

Status LineQueue::State::refusal(std::size_t size, SteadyTime now) const {
  const auto refuse = [&](ErrorCode code, const std::string& why) { return fail(code, options.name + ": " + why); };
  if (stop) return refuse(ErrorCode::Unavailable, "is closed");
  if (fault) return fail(Error(*fault).context(options.name));
  if (size > options.bytes) return refuse(ErrorCode::TooLarge, "the line is larger than the queue: raise queue_bytes");
  if (hangs(now)) return refuse(ErrorCode::Unavailable, "hangs: lines are not taken within the deadline");
  if (pending.size() + batch.size() + size > options.bytes)
    return refuse(ErrorCode::Exhausted, "the queue is full: too slow for this many lines");
  return {};
}

/// Into the queue, or counted as lost.
Status LineQueue::State::take(std::string_view line, SteadyTime now) {
  if (Status refused = refusal(line.size(), now); !refused) {
    lost.fetch_add(1, std::memory_order_relaxed);
    return refused;
  }
  if (pending.empty()) pending_since = now;
  pending += line;
  put += line.size();
  return {};
}

Status LineQueue::State::await(std::unique_lock<std::mutex>& lock, std::uint64_t mine, SteadyTime until) {
  ++waiters;
  work.notify_one();
  change.wait_until(lock, until, [&] { return done >= mine || fault || finished; });
  --waiters;
  if (done >= mine) return {};
  if (fault) return fail(Error(*fault).context(options.name));
  return fail(ErrorCode::Unavailable, options.name + ": the line was not confirmed within the deadline; it may still be written");
}

/// Sleeps until there is something to do. Right after lines have come it only dozes, so that the next ones need not wake it.
void LineQueue::State::wait_for_work(std::unique_lock<std::mutex>& lock) {
  if (batch.empty() && Steady::now() < awake_until) work.wait_for(lock, options.linger, [&] { return urgent(); });
  const auto now = Steady::now();
  if (!pending.empty() || urgent() || now < awake_until) return;
  asleep = true;
  const auto ready = [&] { return urgent() || !pending.empty(); };
  if (drain->wants_tick())
    work.wait_until(lock, next_tick, ready);
  else
    work.wait(lock, ready);
  asleep = false;
}

void LineQueue::State::wait_for_retry(std::unique_lock<std::mutex>& lock) {
  work.wait_until(lock, retry_at, [&] { return stop || poked; });
}

void LineQueue::State::ring(std::unique_lock<std::mutex>& lock, const Bells& due) const {
  if (due.empty()) return;
  lock.unlock();
  for (const auto& bell : due) bell();
  lock.lock();
}

void LineQueue::State::fail_with(Error error) {
  if (!fault) {
    pause = options.first_pause;
    log::warn("recorder.failed", {{"device", options.name}, {"error", error}, {"waiting_bytes", batch.size() + pending.size()}});
  } else {
    pause = std::min(std::max(pause * 2, options.first_pause), options.longest_pause);
  }
  fault = std::move(error);
  retry_at = Steady::now() + pause;
  change.notify_all();
}

/// The fault stays until what waited is away: a disk that is still full must not take one more line.
void LineQueue::State::repair(std::unique_lock<std::mutex>& lock) {
  poked = false;
  lock.unlock();
  Status status = drain->recover();
  LineDrain::Outcome outcome;
  if (status && !batch.empty()) outcome = drain->drain(batch);
  lock.lock();
  tried = true;
  batch.erase(0, outcome.done);
  done += outcome.done;
  away.store(done, std::memory_order_release);
  if (status) status = std::move(outcome.status);
  if (!status) return fail_with(std::move(status).error());
  fault.reset();
  awake_until = Steady::now() + kLooks * options.linger;
  change.notify_all();
}

void LineQueue::State::carry(std::unique_lock<std::mutex>& lock) {
  if (batch.empty()) {
    if (pending.empty()) return;
    batch.swap(pending);
    batch_since = pending_since;
  }
  lock.unlock();
  LineDrain::Outcome outcome = drain->drain(batch);
  lock.lock();
  done += outcome.done;
  away.store(done, std::memory_order_release);
  batch.erase(0, outcome.done);
  if (!outcome.status) return fail_with(std::move(outcome.status).error());
  if (batch.capacity() > kKeptBuffer) std::string().swap(batch);
  awake_until = Steady::now() + kLooks * options.linger;
  change.notify_all();
}

void LineQueue::State::tick_when_due(std::unique_lock<std::mutex>& lock) {
  const auto now = Steady::now();
  if (!poked && (now < next_tick || !drain->wants_tick())) return;
  poked = false;
  lock.unlock();
  Status status = drain->tick();
  lock.lock();
  next_tick = Steady::now() + options.tick;
  if (!status) fail_with(std::move(status).error());
}

void LineQueue::State::finish(std::unique_lock<std::mutex>& lock) {
  const std::size_t left = batch.size() + pending.size();
  if (left > 0) log::error("recorder.lines_lost", {{"device", options.name}, {"bytes", left}});
  lock.unlock();
  if (const Status last = drain->finish(); !last) log::error("recorder.failed", {{"device", options.name}, {"error", last.error()}});
  lock.lock();
  finished = true;
  change.notify_all();
}

void LineQueue::run(const std::shared_ptr<State>& state) noexcept {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);  // a file size limit or a closed pipe is an error here, never a signal
  std::unique_lock lock(state->mutex);
  state->repair(lock);
  while (true) {
    if (state->fault) {
      if (!state->stop) state->wait_for_retry(lock);
      state->repair(lock);  // also the last attempt of a recorder that is closed
      state->ring(lock, std::exchange(state->bells, {}));
      if (state->fault && state->stop) break;
      continue;
    }
    state->wait_for_work(lock);
    const State::Bells due = std::exchange(state->bells, {});  // whose lines are in what is carried now
    state->carry(lock);
    state->ring(lock, due);
    if (!state->fault) state->tick_when_due(lock);
    if (state->stop && !state->fault && state->batch.empty() && state->pending.empty()) break;
  }
  state->finish(lock);
  state->ring(lock, std::exchange(state->bells, {}));
}

LineQueue::LineQueue(LineQueueOptions options, std::unique_ptr<LineDrain> drain)
    : m_state(std::make_shared<State>(std::move(options), std::move(drain))), m_thread([state = m_state] { run(state); }) {}

LineQueue::~LineQueue() {
  State& state = *m_state;
  std::unique_lock lock(state.mutex);
  state.stop = true;
  state.work.notify_all();
  if (m_thread.get_id() == std::this_thread::get_id()) {  // a bell had the last reference: the thread goes on to its end
    m_thread.detach();
    return;
  }
  if (state.change.wait_for(lock, state.options.deadline, [&] { return state.finished; })) {
    lock.unlock();
    m_thread.join();
    return;
  }
  m_thread.detach();
  log::error("recorder.left_behind", {{"device", state.options.name}, {"bytes", state.batch.size() + state.pending.size()}});
}

Status LineQueue::first_attempt() {
  State& state = *m_state;
  std::unique_lock lock(state.mutex);
  const auto patience = std::max(state.options.deadline, state.options.first_deadline);
  if (!state.change.wait_for(lock, patience, [&] { return state.tried; }))
    return fail(ErrorCode::Timeout, state.options.name + ": could not be opened within the deadline");
  if (state.fault) return fail(*state.fault);
  return {};
}

Status LineQueue::write(std::string_view line) {
  State& state = *m_state;
  const auto now = Steady::now();
  std::unique_lock lock(state.mutex);
  const bool was_urgent = state.urgent();
  POSTERN_CHECK(state.take(line, now));
  if (state.options.acknowledge == Acknowledge::Drained) {
    Status status = state.await(lock, state.put, now + state.options.deadline);
    if (!status) state.lost.fetch_add(1, std::memory_order_relaxed);
    return status;
  }
  const bool wake = std::exchange(state.asleep, false) || (!was_urgent && state.urgent());
  lock.unlock();
  if (wake) state.work.notify_one();
  return {};
}

Result<std::uint64_t> LineQueue::offer(std::string_view line) {
  State& state = *m_state;
  if (state.options.acknowledge == Acknowledge::Queued) {
    POSTERN_CHECK(write(line));
    return 0;
  }
  const auto now = Steady::now();
  std::unique_lock lock(state.mutex);
  POSTERN_CHECK(state.take(line, now));
  const std::uint64_t position = state.put;
  const bool wake = std::exchange(state.asleep, false);
  lock.unlock();
  if (wake) state.work.notify_one();
  return position;
}

Result<bool> LineQueue::has_come_to(std::uint64_t position) const {
  const State& state = *m_state;
  if (state.away.load(std::memory_order_acquire) >= position) return true;
  const std::lock_guard lock(state.mutex);
  if (state.done >= position) return true;
  if (state.fault) return fail(Error(*state.fault).context(state.options.name));
  if (state.finished || state.hangs(Steady::now()))
    return fail(ErrorCode::Unavailable, state.options.name + ": the line was not confirmed within the deadline; it may still be written");
  return false;
}

void LineQueue::ring_when_further(std::function<void()> bell) {
  State& state = *m_state;
  {
    const std::lock_guard lock(state.mutex);
    if (!state.finished) {
      state.bells.push_back(std::move(bell));
      state.asleep = false;
      bell = nullptr;
    }
  }
  if (bell) return bell();
  state.work.notify_one();
}

bool LineQueue::flush(std::chrono::milliseconds patience) {
  State& state = *m_state;
  std::unique_lock lock(state.mutex);
  const std::uint64_t mine = state.put;
  ++state.waiters;
  state.work.notify_one();
  const bool away = state.change.wait_for(lock, patience, [&] { return state.done >= mine; });
  --state.waiters;
  return away;
}

void LineQueue::poke() {
  const std::lock_guard lock(m_state->mutex);
  m_state->poked = true;
  m_state->work.notify_one();
}

std::uint64_t LineQueue::lost() const noexcept { return m_state->lost; }

}  // namespace postern
