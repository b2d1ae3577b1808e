// The one writer of the database: a thread that turns many small jobs into few durable transactions (group commit).
//
//   session threads --submit(job)--> [bounded queue] --drain--> BEGIN; every job; COMMIT (one fsync) --> done(status)
//
// While one batch is being synced the next one gathers, so the load itself makes the batches; there is no artificial delay.
// A job that fails takes nobody with it: the batch is rolled back and run again with a savepoint around each job. (Savepoints for every
// job would be simpler, and cost SQLite a copy of each page they touch.) A transaction that cannot be committed (disk full, I/O error)
// fails every job of the batch with the same error, leaves nothing half done, and the next batch starts afresh: nothing needs a restart
// when space comes back.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "audit/chain.hpp"
#include "base/clock.hpp"
#include "store/database.hpp"

namespace postern {

class AuditAppender;

/// What a job may touch while its batch is open.
struct WriteContext {
  Database& database;
  AuditAppender& audit;  ///< store/audit_log.hpp
};

/// One unit of work. run() and then done() are called on the writer thread, done() exactly once; if the queue refuses the job or the
/// writer stops, only done() is called, possibly on the caller's thread. run() is called a second time when its first effects had to be
/// rolled back because of another job, so it must not use up what it needs. done() must be cheap and must not wait for the writer.
class WriteJob {
 public:
  virtual ~WriteJob() = default;
  [[nodiscard]] virtual Status run(WriteContext& context) = 0;
  virtual void done(const Status& status) noexcept = 0;
  /// A job that nobody waits for may share the commit of the next one that somebody does, for up to WriterOptions::linger.
  [[nodiscard]] virtual bool may_linger() const { return false; }
  /// Memory this job holds, for the bound of the queue.
  [[nodiscard]] virtual std::size_t bytes() const { return 256; }
};

/// Something with state beside the database that must follow its transactions. Called on the writer thread.
class BatchObserver {
 public:
  virtual ~BatchObserver() = default;
  virtual void job_begins() {}
  virtual void job_undone() {}  ///< What came after the last job_begins().
  /// Before COMMIT: last writes and syncs. An error rolls the batch back.
  [[nodiscard]] virtual Status before_commit(Database&) { return {}; }
  /// The batch is durable (true) or gone (false); then it may be run again. Comes before the done() of its jobs.
  virtual void batch_ended(bool /*committed*/) {}
  /// After the done() of all jobs, and at least every `idle_ms` when there is nothing to do. Returns when to be called again.
  virtual std::chrono::milliseconds between_batches() { return std::chrono::hours(1); }
};

struct WriterOptions {
  std::size_t queue_jobs = 4096;                ///< More: Exhausted.
  std::size_t queue_bytes = 64U * 1024 * 1024;  ///< More: Exhausted; one job alone is always taken.
  std::size_t batch_jobs = 512;
  std::size_t batch_bytes = 16U * 1024 * 1024;
  std::chrono::milliseconds linger{5};           ///< How long a job that may linger waits for company.
  std::chrono::microseconds quick_commit{1000};  ///< While commits take longer on average, no thread is lent (submit_and_help).
  std::size_t wal_bytes = 16U * 1024 * 1024;     ///< A larger log is moved into the database after the commit.
};

/// Counters since the start; a consistent copy.
struct WriterStats {
  std::uint64_t jobs = 0;
  std::uint64_t failed_jobs = 0;
  std::uint64_t commits = 0;
  std::uint64_t rollbacks = 0;  ///< Batches that could not be committed.
  std::uint64_t repeats = 0;    ///< Batches that were run again because of a failing job.
  std::uint64_t largest_batch = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t checkpoint_micros = 0;
  std::uint64_t commit_micros = 0;  ///< In COMMIT and before_commit, that is mostly in fsync.
  std::uint64_t queued_jobs = 0;    ///< Now.
  std::uint64_t queued_bytes = 0;   ///< Now.
  std::uint64_t wal_bytes = 0;      ///< Now.
  bool healthy = true;              ///< The last batch was committed.
  std::string last_error;           ///< Of the last batch that was not.
};

class DatabaseWriter {
 public:
  /// Takes the connection and starts the thread. The audit chain's head is read from the database.
  [[nodiscard]] static Result<std::unique_ptr<DatabaseWriter>> start(Database database, WriterOptions options);
  /// stop() and join.
  ~DatabaseWriter();
  DatabaseWriter(const DatabaseWriter&) = delete;
  DatabaseWriter& operator=(const DatabaseWriter&) = delete;

  /// Any thread. A full queue answers done(Exhausted) at once, a stopped writer done(Unavailable).
  void submit(std::unique_ptr<WriteJob> job);
  void submit(std::function<Status(WriteContext&)> work, std::function<void(const Status&)> done);
  /// The same for a caller whose thread has nothing else to do until the commit: if no batch is open and commits have been quick
  /// (WriterOptions::quick_commit), the batch runs on his thread, which saves changing threads twice. Blocks for at most one commit then.
  /// What else follows a batch (between_batches) waits for follow_up(), which he must call when his own answer is out.
  void submit_and_help(std::unique_ptr<WriteJob> job);
  void submit_and_help(std::function<Status(WriteContext&)> work, std::function<void(const Status&)> done);
  void follow_up();
  /// submit, then wait for the commit. Not on the writer thread, and not on an event loop.
  [[nodiscard]] Status transact(std::function<Status(Database&)> work);
  [[nodiscard]] Status transact_with_audit(std::function<Status(WriteContext&)> work);

  /// Observers live until detached; detach waits until no batch is open.
  void attach(BatchObserver& observer);
  void detach(BatchObserver& observer);
  /// Calls between_batches() soon. Any thread.
  void wake();
  /// Moves the whole log into the database and cuts it to nothing, so that what was overwritten or deleted stands in neither file any more.
  /// Between two batches, on the calling thread (not on an event loop); waits for readers. Unavailable when one holds an old state for
  /// long.
  [[nodiscard]] Status empty_log();
  /// Everything queued so far is committed, then the thread ends; later submits are refused.
  void stop();

  [[nodiscard]] WriterStats stats() const;

 private:
  struct Impl;
  explicit DatabaseWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> m_impl;
};

}  // namespace postern
