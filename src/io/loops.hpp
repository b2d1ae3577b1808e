// Event loops and the worker pool: where every coroutine and every slow computation of the process runs.
//
// Order of life: Loops is made first and destroyed last. Before it is destroyed, whatever other threads could still post to it (the
// WorkerPool, the spool's writer, a Resolver) must be stopped; clear(), or else destroying the loops, then frees the coroutines that were
// still waiting.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include "base/result.hpp"
#include "io/task.hpp"

namespace postern::io {

/// N event loops, each one io_context with one thread. Sessions stay on their loop, so their state needs no locks.
/// The constructor sets SIGPIPE to be ignored in this process: OpenSSL writes to sockets without MSG_NOSIGNAL.
class Loops {
 public:
  /// `count` 0 means one per processor this process may use.
  explicit Loops(std::size_t count = 0);
  /// stop() and join() when that was not done before.
  ~Loops();
  Loops(const Loops&) = delete;
  Loops& operator=(const Loops&) = delete;

  /// Starts the threads. Work may be spawned before.
  void start();
  /// Every loop returns after the handler it is in; what waits stays where it is and is freed by the destructor. Any thread.
  void stop() noexcept;
  /// Waits for the threads. Not from a loop.
  void join();
  /// After join(): frees the coroutines that still wait, while what they refer to is there. Nothing runs on these loops any more.
  void clear();

  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] Executor at(std::size_t index);
  /// Round robin; any thread.
  [[nodiscard]] Executor next() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> m_impl;
};

/// A bounded pool of threads for slow cryptography (RSA, CMS, OpenPGP, password hashes). A full queue answers Exhausted at once:
/// the door then says 4xx or 503 instead of letting work pile up.
class WorkerPool {
  template <class T>
  struct Unwrapped {
    using type = T;
  };
  template <class T>
  struct Unwrapped<Result<T>> {
    using type = T;
  };

 public:
  /// `threads` 0 means one per processor; at most `queue_limit` jobs wait besides those that run.
  explicit WorkerPool(std::size_t threads, std::size_t queue_limit);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Runs `work()` on a worker and comes back to the caller's loop with its result: Result<T> for work that returns T or Result<T>.
  /// Exhausted when the queue is full or the pool stopped; an exception of the work becomes Internal (bad_alloc: Exhausted).
  /// `work` is moved into the job; what it refers to must live until run() returns.
  template <class F>
  [[nodiscard]] auto run(F work) -> Task<Result<typename Unwrapped<std::invoke_result_t<F&>>::type>>;

  /// For callers that are not coroutines. False when full or stopped: the job was not taken.
  [[nodiscard]] bool try_post(std::function<void()> job);

  /// Runs what is queued, then ends the threads. New work is refused from now on. Not from a worker.
  void stop();

  [[nodiscard]] std::size_t queued() const;
  [[nodiscard]] std::size_t threads() const noexcept;

 private:
  [[nodiscard]] Task<Status> run_job(std::function<void()> job);

  struct Impl;
  std::shared_ptr<Impl> m_impl;
};

template <class F>
auto WorkerPool::run(F work) -> Task<Result<typename Unwrapped<std::invoke_result_t<F&>>::type>> {
  using Out = Result<typename Unwrapped<std::invoke_result_t<F&>>::type>;
  // On the heap, so that a job outlives a coroutine frame that is destroyed while it runs.
  auto job = std::make_shared<std::pair<F, std::optional<Out>>>(std::move(work), std::nullopt);
  std::function<void()> body = [job] {
    if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
      job->first();
      job->second.emplace();
    } else {
      job->second.emplace(job->first());
    }
  };
  Status done = co_await run_job(std::move(body));
  if (!done) co_return fail(std::move(done).error());
  co_return std::move(*job->second);
}

}  // namespace postern::io
