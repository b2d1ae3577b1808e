#include "io/loops.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "io/sync.hpp"

namespace postern::io {

namespace asio = boost::asio;

namespace {

std::size_t processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
  return std::max(1U, std::thread::hardware_concurrency());
}

// Frees every waiting coroutine while the services of all loops are still there: a session on one loop may own parts of another.
struct Context final : asio::io_context {
  using asio::io_context::io_context;
  void free_waiting() { shutdown(); }
};

struct Loop {
  Context context{1};  // concurrency hint: one thread runs it
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::thread thread;
};

void run_loop(asio::io_context& context) {
  while (true) {
    try {
      context.run();
      return;
    } catch (const std::exception& e) {  // a bare handler threw; coroutines are caught in spawn()
      log::error("io.handler_failed", {{"what", e.what()}});
    }
  }
}

}  // namespace

struct Loops::Impl {
  std::vector<std::unique_ptr<Loop>> loops;
  std::atomic<std::size_t> turn{0};
};

Loops::Loops(std::size_t count) : m_impl(std::make_unique<Impl>()) {
  std::signal(SIGPIPE, SIG_IGN);
  if (count == 0) count = processors();
  for (std::size_t i = 0; i < count; ++i) m_impl->loops.push_back(std::make_unique<Loop>());
}

Loops::~Loops() {
  stop();
  join();
  clear();
}

void Loops::clear() {
  for (auto& loop : m_impl->loops) loop->context.free_waiting();
}

void Loops::start() {
  for (auto& loop : m_impl->loops) {
    if (!loop->thread.joinable()) loop->thread = std::thread([&context = loop->context] { run_loop(context); });
  }
}

void Loops::stop() noexcept {
  for (auto& loop : m_impl->loops) loop->context.stop();
}

void Loops::join() {
  for (auto& loop : m_impl->loops) {
    if (loop->thread.joinable()) loop->thread.join();
  }
}

std::size_t Loops::size() const noexcept { return m_impl->loops.size(); }
Executor Loops::at(std::size_t index) { return m_impl->loops.at(index)->context.get_executor(); }
Executor Loops::next() noexcept { return m_impl->loops[m_impl->turn++ % m_impl->loops.size()]->context.get_executor(); }

struct WorkerPool::Impl {
  mutable std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> queue;
  std::size_t queue_limit = 0;
  std::size_t thread_count = 0;
  std::size_t busy = 0;  // a job for a free thread does not count against the queue
  bool stopped = false;
  std::vector<std::thread> threads;

  bool take(std::function<void()>& job) {
    std::unique_lock lock(mutex);
    wake.wait(lock, [this] { return stopped || !queue.empty(); });
    if (queue.empty()) return false;
    job = std::move(queue.front());
    queue.pop_front();
    ++busy;
    return true;
  }
  void work() {
    std::function<void()> job;
    while (take(job)) {
      job();
      job = nullptr;
      const std::lock_guard lock(mutex);
      --busy;
    }
  }
};

namespace {

Status run_guarded(const std::function<void()>& job) {
  try {
    job();
    return {};
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::Exhausted, "out of memory in a worker, try again later");
  } catch (const std::exception& e) {
    return fail(ErrorCode::Internal, std::string("a worker failed: ") + e.what());
  } catch (...) {
    return fail(ErrorCode::Internal, "a worker failed");
  }
}

}  // namespace

WorkerPool::WorkerPool(std::size_t threads, std::size_t queue_limit) : m_impl(std::make_shared<Impl>()) {
  m_impl->queue_limit = queue_limit;
  m_impl->thread_count = threads = threads == 0 ? processors() : threads;
  for (std::size_t i = 0; i < threads; ++i) m_impl->threads.emplace_back([impl = m_impl.get()] { impl->work(); });
}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::try_post(std::function<void()> job) {
  {
    const std::lock_guard lock(m_impl->mutex);
    if (m_impl->stopped || m_impl->queue.size() + m_impl->busy >= m_impl->queue_limit + m_impl->thread_count) return false;
    m_impl->queue.push_back([job = std::move(job)] {
      if (const Status done = run_guarded(job); !done) log::error("io.worker_failed", {{"error", done.error()}});
    });
  }
  m_impl->wake.notify_one();
  return true;
}

Task<Status> WorkerPool::run_job(std::function<void()> job) {
  const OneShot<Status> done(co_await this_executor());
  const bool taken = try_post([job = std::move(job), set = done.setter()] { set(run_guarded(job)); });
  if (!taken) co_return fail(ErrorCode::Exhausted, "the worker pool is full, try again later");
  co_return co_await done.wait();
}

void WorkerPool::stop() {
  {
    const std::lock_guard lock(m_impl->mutex);
    m_impl->stopped = true;
  }
  m_impl->wake.notify_all();
  for (std::thread& thread : m_impl->threads) {
    if (thread.joinable()) thread.join();
  }
}

std::size_t WorkerPool::queued() const {
  const std::lock_guard lock(m_impl->mutex);
  return m_impl->queue.size();
}

std::size_t WorkerPool::threads() const noexcept { return m_impl->thread_count; }

}  // namespace postern::io
