#include "store/writer.hpp"

#include <pthread.h>

#include <algorithm>
#include <future>
#include <utility>

#include "base/log.hpp"
#include "store/audit_log.hpp"

namespace postern {
namespace {

using std::chrono::steady_clock;

std::uint64_t micros_since(steady_clock::time_point start) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - start).count());
}

class FunctionJob final : public WriteJob {
 public:
  FunctionJob(std::function<Status(WriteContext&)> work, std::function<void(const Status&)> done)
      : m_work(std::move(work)), m_done(std::move(done)) {}
  Status run(WriteContext& context) override { return m_work(context); }
  void done(const Status& status) noexcept override {
    if (m_done) m_done(status);
  }

 private:
  std::function<Status(WriteContext&)> m_work;
  std::function<void(const Status&)> m_done;
};

struct Pending {
  std::unique_ptr<WriteJob> job;
  Status status;
};

}  // namespace

struct DatabaseWriter::Impl {
  Impl(Database connection, AuditAppender appender, WriterOptions settings)
      : database(std::move(connection)), audit(std::move(appender)), options(settings) {
    observers.push_back(&audit);
  }

  Database database;
  AuditAppender audit;
  const WriterOptions options;

  mutable std::mutex mutex;  // the queue and the statistics
  std::condition_variable arrived;
  std::deque<std::unique_ptr<WriteJob>> queue;
  std::size_t queued_bytes = 0;
  steady_clock::time_point queue_since{};  ///< Nothing in the queue is older; approximate where a batch left something in it.
  std::size_t waited_for = 0;              ///< Jobs in the queue that may not linger.
  bool lingering = false;                  ///< The writer looks at the queue again soon, whether or not it is told.
  bool stopping = false;
  bool woken = false;
  WriterStats stats;

  std::mutex batch_mutex;  // one batch at a time, whoever runs it; held while observers may be called
  std::vector<BatchObserver*> observers;
  double typical_commit = 1e6;              ///< Microseconds; a running average, so that the first commits are the writer's own.
  steady_clock::time_point sleeps_until{};  ///< Of the writer. Under `mutex`.

  int next_checkpoint_frames = 0;
  bool batch_failed = false;
  bool follow_up_due = false;  ///< A lent thread ran a batch, and the observers have not been called since.
  std::thread thread;

  void loop();
  std::chrono::milliseconds run_queued();
  std::chrono::milliseconds call_observers();
  bool help();
  bool follow_up();
  [[nodiscard]] bool enqueue(std::unique_ptr<WriteJob>& job, bool& tell, Error& refusal);
  [[nodiscard]] bool checkpoint_due();
  bool wait_for_work(std::chrono::milliseconds at_most);
  [[nodiscard]] bool must_begin() const { return waited_for > 0 || stopping || woken || queue.size() >= options.batch_jobs / 2; }
  std::vector<Pending> drain();
  void run_batch(std::vector<Pending>& batch);
  enum class Guard { None, Savepoints };
  Status write_batch(std::vector<Pending>& batch, Guard guard);
  Status run_job(Pending& pending, WriteContext& context);
  Status run_guarded(Pending& pending, WriteContext& context);
  void end_batch(bool committed);
  Status finish_batch();
  void roll_back();
  void checkpoint();
  void note_batch(const std::vector<Pending>& batch, const Status& status);
};

void DatabaseWriter::Impl::loop() {
  pthread_setname_np(pthread_self(), "writer");
  auto idle = std::chrono::milliseconds(0);
  while (wait_for_work(idle)) {
    const std::lock_guard hold(batch_mutex);
    idle = run_queued();
    if (checkpoint_due()) checkpoint();
  }
}

/// With batch_mutex held, so that jobs run in the order in which they came. Answers when the observers want to be called again.
std::chrono::milliseconds DatabaseWriter::Impl::run_queued() {
  std::vector<Pending> batch = drain();
  if (!batch.empty()) run_batch(batch);
  return call_observers();
}

std::chrono::milliseconds DatabaseWriter::Impl::call_observers() {
  follow_up_due = false;
  auto idle = std::chrono::milliseconds(std::chrono::hours(1));
  for (BatchObserver* observer : observers) idle = std::min(idle, observer->between_batches());
  return idle;
}

/// One batch on a thread that is not the writer's. False: the writer has to be told.
bool DatabaseWriter::Impl::help() {
  const std::unique_lock hold(batch_mutex, std::try_to_lock);
  if (!hold || typical_commit > static_cast<double>(options.quick_commit.count())) return false;
  std::vector<Pending> batch = drain();
  if (!batch.empty()) run_batch(batch);
  follow_up_due = true;
  const std::lock_guard lock(mutex);
  return waited_for == 0;
}

/// True: the writer has something to do.
bool DatabaseWriter::Impl::follow_up() {
  const std::unique_lock hold(batch_mutex, std::try_to_lock);
  if (!hold || !follow_up_due) return false;  // somebody is at it, and does this when he is done
  const auto again = steady_clock::now() + call_observers();
  const bool due = checkpoint_due();  // that takes longer, and nobody waits for it
  const std::lock_guard lock(mutex);
  woken = woken || due || again < sleeps_until;
  return woken;
}

/// False when there is nothing left to do for ever. Jobs that may linger are not begun at once: first the writer stays around for a moment
/// without being told of them, then, when none came, it sleeps until it is.
bool DatabaseWriter::Impl::wait_for_work(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex);
  const auto look_again = sleeps_until = steady_clock::now() + at_most;
  const auto linger = [&] {
    lingering = true;
    // A lent thread takes what lingers along with its own job; what came after that has a time of its own.
    for (auto until = steady_clock::now() + options.linger; !must_begin() && steady_clock::now() < std::min(until, look_again);) {
      arrived.wait_until(lock, std::min(until, look_again), [&] { return must_begin(); });
      if (!queue.empty()) until = std::max(until, queue_since + options.linger);
    }
    lingering = false;
  };
  if (!must_begin()) linger();
  if (!must_begin() && queue.empty()) {
    arrived.wait_until(lock, look_again, [&] { return must_begin() || !queue.empty(); });
    if (!must_begin() && !queue.empty()) linger();
  }
  woken = false;
  return !queue.empty() || !stopping;
}

std::vector<Pending> DatabaseWriter::Impl::drain() {
  const std::lock_guard lock(mutex);
  std::vector<Pending> batch;
  batch.reserve(std::min(queue.size(), options.batch_jobs));
  std::size_t bytes = 0;
  while (!queue.empty() && batch.size() < options.batch_jobs && (batch.empty() || bytes + queue.front()->bytes() <= options.batch_bytes)) {
    bytes += queue.front()->bytes();
    if (!queue.front()->may_linger()) --waited_for;
    batch.push_back({std::move(queue.front()), {}});
    queue.pop_front();
  }
  queued_bytes -= bytes;
  if (!queue.empty()) queue_since = steady_clock::now();
  return batch;
}

void DatabaseWriter::Impl::run_batch(std::vector<Pending>& batch) {
  Status status = write_batch(batch, Guard::None);
  const bool job_failed = std::ranges::any_of(batch, [](const Pending& p) { return !p.status; });
  if (!status && job_failed) {
    end_batch(false);
    const std::lock_guard lock(mutex);
    ++stats.repeats;
  }
  if (!status && job_failed) status = write_batch(batch, Guard::Savepoints);
  end_batch(status.has_value());
  batch_failed = !status;
  if (!status)
    for (Pending& pending : batch) pending.status = status;
  note_batch(batch, status);
  for (Pending& pending : batch) pending.job->done(pending.status);
}

Status DatabaseWriter::Impl::write_batch(std::vector<Pending>& batch, Guard guard) {
  for (Pending& pending : batch) pending.status = {};
  POSTERN_CHECK(database.run("BEGIN IMMEDIATE"));
  WriteContext context{database, audit};
  for (Pending& pending : batch) POSTERN_CHECK(guard == Guard::None ? run_job(pending, context) : run_guarded(pending, context));
  return finish_batch();
}

/// Any failure ends the batch.
Status DatabaseWriter::Impl::run_job(Pending& pending, WriteContext& context) {
  for (BatchObserver* observer : observers) observer->job_begins();
  return pending.status = pending.job->run(context);
}

/// The job's own failure stays its own; what is returned ends the batch.
Status DatabaseWriter::Impl::run_guarded(Pending& pending, WriteContext& context) {
  POSTERN_CHECK(database.run("SAVEPOINT job"));
  if (const Status status = run_job(pending, context); !status) {
    if (database.autocommit()) return status;  // SQLite has rolled everything back
    for (BatchObserver* observer : observers) observer->job_undone();
    POSTERN_CHECK(database.run("ROLLBACK TO job"));
  }
  return database.run("RELEASE job");
}

void DatabaseWriter::Impl::end_batch(bool committed) {
  if (!committed) roll_back();
  for (BatchObserver* observer : observers) observer->batch_ended(committed);
}

Status DatabaseWriter::Impl::finish_batch() {
  const auto start = steady_clock::now();
  for (BatchObserver* observer : observers) POSTERN_CHECK(observer->before_commit(database));
  Status status = database.run("COMMIT");
  const std::uint64_t took = micros_since(start);
  typical_commit += (static_cast<double>(took) - typical_commit) / 8;
  const std::lock_guard lock(mutex);
  stats.commit_micros += took;
  return status;
}

void DatabaseWriter::Impl::roll_back() {
  if (database.autocommit()) return;
  if (const Status status = database.run("ROLLBACK"); !status) log::error("store.rollback", {{"error", status.error()}});
}

void DatabaseWriter::Impl::note_batch(const std::vector<Pending>& batch, const Status& status) {
  const std::lock_guard lock(mutex);
  stats.jobs += batch.size();
  stats.failed_jobs += static_cast<std::uint64_t>(std::ranges::count_if(batch, [](const Pending& p) { return !p.status; }));
  ++(status ? stats.commits : stats.rollbacks);
  stats.largest_batch = std::max<std::uint64_t>(stats.largest_batch, batch.size());
  if (stats.healthy != status.has_value()) {
    if (status)
      log::info("store.recovered");
    else
      log::error("store.write", {{"error", status.error()}});
  }
  stats.healthy = status.has_value();
  if (!status) stats.last_error = status.error().text();
  stats.wal_bytes = static_cast<std::uint64_t>(database.wal_frames()) * static_cast<std::uint64_t>(database.page_size());
}

Status DatabaseWriter::empty_log() {
  const std::lock_guard hold(m_impl->batch_mutex);
  const auto emptied = m_impl->database.empty_log();
  if (!emptied) return fail(emptied.error());
  if (*emptied) return {};
  return fail(ErrorCode::Unavailable, "a reader keeps the database's log from being emptied; try again");
}

bool DatabaseWriter::Impl::checkpoint_due() {
  const int limit = static_cast<int>(options.wal_bytes / static_cast<std::size_t>(database.page_size()));
  const int frames = database.wal_frames();
  if (frames < limit) next_checkpoint_frames = limit;  // the log began anew
  // On a full disk the log may still be emptied into the database, which makes room for the next try.
  return batch_failed || frames >= next_checkpoint_frames;
}

void DatabaseWriter::Impl::checkpoint() {
  batch_failed = false;
  const auto start = steady_clock::now();
  const auto whole = database.checkpoint();
  // A reader that holds an old snapshot stops a checkpoint half way: do not try again at every batch.
  const int limit = static_cast<int>(options.wal_bytes / static_cast<std::size_t>(database.page_size()));
  next_checkpoint_frames = whole && *whole ? limit : database.wal_frames() + limit / 4;
  if (!whole) log::warn("store.checkpoint", {{"error", whole.error()}});
  const std::lock_guard lock(mutex);
  ++stats.checkpoints;
  stats.checkpoint_micros += micros_since(start);
}

DatabaseWriter::DatabaseWriter(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}

Result<std::unique_ptr<DatabaseWriter>> DatabaseWriter::start(Database database, WriterOptions options) {
  POSTERN_TRY(AuditAppender audit, AuditAppender::open(database));
  auto impl = std::make_unique<Impl>(std::move(database), std::move(audit), options);
  Impl* raw = impl.get();
  auto writer = std::unique_ptr<DatabaseWriter>(new DatabaseWriter(std::move(impl)));
  raw->thread = std::thread([raw] { raw->loop(); });
  return writer;
}

DatabaseWriter::~DatabaseWriter() { stop(); }

/// True when the job is in the queue; then `tell` says whether the writer must be woken for it.
bool DatabaseWriter::Impl::enqueue(std::unique_ptr<WriteJob>& job, bool& tell, Error& refusal) {
  const std::size_t bytes = job->bytes();
  const bool may_linger = job->may_linger();
  const std::lock_guard lock(mutex);
  const bool full = queue.size() >= options.queue_jobs || (!queue.empty() && queued_bytes + bytes > options.queue_bytes);
  if (stopping)
    refusal = {ErrorCode::Unavailable, "the store is closing", {}};
  else if (full)
    refusal = {ErrorCode::Exhausted, "too much is waiting to be written: try again later", {}};
  if (stopping || full) return false;
  queued_bytes += bytes;
  if (queue.empty()) queue_since = steady_clock::now();
  queue.push_back(std::move(job));
  if (!may_linger) ++waited_for;
  tell = !lingering || must_begin();
  return true;
}

void DatabaseWriter::submit(std::unique_ptr<WriteJob> job) {
  bool tell = false;
  Error refusal;
  if (!m_impl->enqueue(job, tell, refusal))
    job->done(fail(std::move(refusal)));
  else if (tell)
    m_impl->arrived.notify_one();
}

void DatabaseWriter::submit_and_help(std::unique_ptr<WriteJob> job) {
  bool tell = false;
  Error refusal;
  if (!m_impl->enqueue(job, tell, refusal))
    job->done(fail(std::move(refusal)));
  else if (!m_impl->help())
    m_impl->arrived.notify_one();
}

void DatabaseWriter::submit_and_help(std::function<Status(WriteContext&)> work, std::function<void(const Status&)> done) {
  submit_and_help(std::make_unique<FunctionJob>(std::move(work), std::move(done)));
}

void DatabaseWriter::follow_up() {
  if (m_impl->follow_up()) m_impl->arrived.notify_one();
}

void DatabaseWriter::submit(std::function<Status(WriteContext&)> work, std::function<void(const Status&)> done) {
  submit(std::make_unique<FunctionJob>(std::move(work), std::move(done)));
}

Status DatabaseWriter::transact_with_audit(std::function<Status(WriteContext&)> work) {
  std::promise<Status> promise;
  std::future<Status> future = promise.get_future();
  submit(std::move(work), [&promise](const Status& status) { promise.set_value(status); });
  return future.get();
}

Status DatabaseWriter::transact(std::function<Status(Database&)> work) {
  return transact_with_audit([&work](WriteContext& context) { return work(context.database); });
}

void DatabaseWriter::attach(BatchObserver& observer) {
  const std::lock_guard lock(m_impl->batch_mutex);
  m_impl->observers.push_back(&observer);
}

void DatabaseWriter::detach(BatchObserver& observer) {
  const std::lock_guard lock(m_impl->batch_mutex);
  std::erase(m_impl->observers, &observer);
}

void DatabaseWriter::wake() {
  {
    const std::lock_guard lock(m_impl->mutex);
    m_impl->woken = true;
  }
  m_impl->arrived.notify_one();
}

void DatabaseWriter::stop() {
  {
    const std::lock_guard lock(m_impl->mutex);
    m_impl->stopping = true;
  }
  m_impl->arrived.notify_one();
  if (m_impl->thread.joinable()) m_impl->thread.join();
  const std::lock_guard helped(m_impl->batch_mutex);  // a lent thread may be in the last batch
}

WriterStats DatabaseWriter::stats() const {
  const std::lock_guard lock(m_impl->mutex);
  WriterStats stats = m_impl->stats;
  stats.queued_jobs = m_impl->queue.size();
  stats.queued_bytes = m_impl->queued_bytes;
  return stats;
}

}  // namespace postern
