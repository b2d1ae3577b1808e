// The keeper's bounded pool: frames in, replies out, in any order. Inside of server.hpp.
#pragma once

#include <sched.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

#include "custody/server.hpp"

namespace postern::custody {

class Pool {
 public:
  /// `woken` is rung when replies are ready and nobody was going to look. `channel`: see lend().
  Pool(Dispatcher& dispatcher, const ServerOptions& options, Bell& woken, Channel& channel);
  ~Pool() { stop(); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Whether one more request may be read.
  [[nodiscard]] bool has_room() const noexcept;
  /// A copy of the frame waits for a worker. Aside: the caller's thread has slow work of its own now. Waking another processor of a virtual
  /// machine costs so much that the system likes to run a worker behind whoever woke it, on the same one: this worker is kept off it.
  enum class Place { Anywhere, Aside };
  void add(ByteView body, Place place = Place::Anywhere);
  struct Job {
    WipedBytes body;
    SteadyTime until;
    std::uint64_t id;
  };
  [[nodiscard]] static Job job_of(ByteView body);
  /// What a worker does with it, on the calling thread.
  [[nodiscard]] Result<WipedBytes> answer(const Job& job);
  /// Replies that are ready; an Error when a request was not of the protocol. Afterwards the bell rings for the next.
  [[nodiscard]] Status collect(Outbox& into);
  /// Before sleeping: false when something is ready. Until take_back() workers may use `out`, if it is given and empty, and send their
  /// replies themselves: the gate hears of them without this thread waking up first. Not for a thread that waits for room.
  [[nodiscard]] bool may_sleep(Outbox* out);
  void take_back();
  /// On any thread: while the outbox is lent and empty, `fill` puts replies into it, and they are sent. False when it is not, when `fill`
  /// says so, or when the socket is full: then its owner has to look.
  [[nodiscard]] bool send_asleep(const std::function<bool()>& fill);
  /// Nothing is begun while this is over the limit.
  void set_unsent(std::size_t bytes);
  [[nodiscard]] bool is_idle() const noexcept { return m_requests == 0; }
  void stop();
  [[nodiscard]] std::uint64_t expired() const noexcept { return m_expired; }

 private:
  struct Worker {
    std::thread thread;
    std::condition_variable called;
    pid_t id = 0;
    bool resting = false;  ///< One of m_resting.
    int shuns = kNone;     ///< The processor that it may not use.
  };
  static constexpr int kNone = -1;

  using Lock = std::unique_lock<std::mutex>;
  void work(Worker& me);
  void await_job(Lock& lock, Worker& me);
  [[nodiscard]] bool may_begin() const { return !m_jobs.empty() && m_unsent + m_ready_bytes < m_options.unsent; }
  void call_one(Place place);
  void shun(Worker& worker, int processor);
  void pass_on(WipedBytes reply);
  void start_thread();

  Dispatcher& m_dispatcher;
  const ServerOptions m_options;
  Bell& m_woken;
  Channel& m_channel;
  Outbox* m_lent = nullptr;  ///< Under the mutex.
  mutable std::mutex m_mutex;
  std::deque<Job> m_jobs;
  std::vector<WipedBytes> m_ready;
  std::optional<Error> m_fault;
  std::size_t m_ready_bytes = 0, m_unsent = 0;
  bool m_stop = false, m_asleep = false;
  std::atomic<std::size_t> m_requests{0}, m_bytes{0};  // waiting or running
  std::atomic<std::uint64_t> m_expired{0};
  std::list<Worker> m_workers;
  std::vector<Worker*> m_resting;
  cpu_set_t m_processors{};  ///< That this process may use, as it was when this was made.
};

}  // namespace postern::custody
