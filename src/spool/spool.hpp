// The durable queue: an accepted message survives anything but the loss of the disk until every recipient's fate is decided.
//
//   door:     spool.enqueue(submission, [](const Status& s) { /* writer thread: post to the session's loop; 250 if s */ });
//   courier:  work_ready(routes) -> spool.take(route, n) -> work.loaded or spool.load(work) on a worker -> send -> spool.report(...)
//
// enqueue() answers success only after message, recipients and audit records are committed and fsynced, in one transaction that it
// shares with whatever else is waiting (store/writer.hpp). Content is encrypted per message before the writer sees it.
// After a restart everything that was not finished is queued again; an attempt that was under way may then be repeated, as
// RFC 5321 4.5.4.1 and 6.1 have it: never lost, rarely twice.
//
// Memory: the index of due work is bounded (SpoolOptions); what does not fit is parked on disk and paged in, fairly between routes.
// Time: delays run on the monotonic clock; wall-clock steps neither stall nor rush a retry.
// Does not: decide routes, retries' delays (schedule.hpp is the courier's), bounces' texts.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "keys/keeper.hpp"
#include "spool/types.hpp"
#include "store/content_reader.hpp"
#include "store/store.hpp"

namespace postern {

struct SpoolOptions {
  std::size_t index_units = 100'000;  ///< Units of work in memory.
  std::size_t route_units = 25'000;   ///< Of these, at most so many of one route.
  RestingRoutes resting;
  std::size_t cache_bytes = 64U * 1024 * 1024;                       ///< Contents handed from the door to the courier in memory.
  std::size_t history = 10'000;                                      ///< Finished messages kept for the live page.
  std::chrono::milliseconds longest_delay = std::chrono::hours(24);  ///< A stored retry time further away is a clock's mistake.
  /// Asked at the start for the recipients in the queue: the route that goes on from `route`, for routes that are no more.
  std::function<std::string(const std::string& route, const std::string& address)> reroute;
  /// Makes the copy of what is stored, which is it already but for Variant::late. On the thread of load(). Unavailable,
  /// Timeout and Exhausted are load()'s answer; other errors stand in QueueItem::unfinished, for operators.
  std::function<Result<std::string>(std::string stored)> finish;
};

/// Told about due work. Called on the writer thread, or on the one that gives work back: must be cheap and must not call back into the
/// spool.
class WorkListener {
 public:
  virtual ~WorkListener() = default;
  /// These routes have work now that they did not have before (new, retried, released, paged in). Take until nothing comes.
  virtual void work_ready(const std::vector<std::string>& routes) noexcept = 0;
};

class Spool {
 public:
  using Completion = std::function<void(const Status&)>;

  /// Resumes the queue. The store, keeper and clock must outlive the spool.
  [[nodiscard]] static Result<std::unique_ptr<Spool>> open(SpoolOptions options, Store& store, Keeper& keeper, const Clock& clock);
  /// Stops handing out work; what was submitted is still committed by the writer.
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// For seal(), of a message that gets the id which this has; null: there is none.
  [[nodiscard]] std::shared_ptr<KeyAhead> key_ahead();
  /// When there is time: sees to it that the next messages find one.
  void stock_keys();
  /// Encrypts the copies that are not sealed yet, on the calling thread: for callers whose enqueue() must be quick. Errors of the keeper.
  [[nodiscard]] Status seal(const MessageId& message, std::vector<Variant>& variants, KeyAhead* ahead = nullptr) const;
  /// Encrypts on the calling thread, then queues. Errors: BadInput (an impossible submission), Conflict (the id is queued already),
  /// Exhausted (too much is waiting for the disk, or the disk is full), Unavailable (the disk refuses; the keeper does not answer).
  /// `done` runs on the writer thread, or at once on this one when nothing was queued.
  void enqueue(Submission submission, Completion done);
  /// The same on a thread that has nothing else to do until then: it may run the commit itself (DatabaseWriter::submit_and_help).
  void enqueue_and_help(Submission submission, Completion done);
  /// After enqueue_and_help(), when the answer to it is out: now the courier is told. Without this call it is told with the next batch.
  void follow_up();
  /// The copy of a Variant::late, for the courier. After enqueue(); without it load() makes it anew.
  void finish(LateContent& late, std::string content);
  /// enqueue() and wait. Not on an event loop.
  [[nodiscard]] Status enqueue_and_wait(Submission submission);

  void set_listener(WorkListener* listener);
  /// Told, instead of the other one, about the routes that begin with `prefix` ("x400:"); the longest counts. Null: nobody is, again.
  void set_listener(const std::string& prefix, WorkListener* listener);
  /// Up to `limit` units that are due on the route, oldest first. Any thread; no I/O.
  [[nodiscard]] std::vector<Work> take(const std::string& route, std::size_t limit);
  /// The routes that have due work now.
  [[nodiscard]] std::vector<std::string> ready_routes() const;
  /// Reads and decrypts; for a Work that is not `loaded`. On a worker, not on an event loop. NotFound: an operator was faster, drop the
  /// work. IntegrityFailed: the item has been quarantined and audited; drop the work. Unavailable: give it back.
  [[nodiscard]] Result<QueueItem> load(const Work& work);
  /// Any item of the queue by number, whatever its state (`postern queue show`).
  [[nodiscard]] Result<QueueItem> load(ItemId item);
  /// The content of an item in pieces, whatever its size; errors as those of load(), and the item is quarantined in the same way when the
  /// beginning is damaged (what ContentReader finds later is quarantine_damaged()'s).
  [[nodiscard]] Result<ContentReader> reader(ItemId item);
  /// A reader found damage: the item is quarantined and audited; drop the work.
  void quarantine_damaged(ItemId item, const std::string& reason);
  /// The outcome of a Work. A full or failing disk does not lose it: it is tried again until it is written, and only then `done` runs.
  void report(DeliveryReport report, Completion done = {});
  /// Not attempted after all: due again at once, behind the others of its route, or after `delay`. No trace on disk.
  void give_back(Work work, std::chrono::milliseconds delay = {});
  /// Not attempted, and nobody is there: it rests on disk for `delay`, or until hasten(). Where that cannot be written, in memory.
  void park(Work work, std::chrono::milliseconds delay);
  /// What waits on this route for its time is due now, without a trace. For a next hop that has turned up. On a route that rests it becomes
  /// due in the order in which it came, page by page as it is taken, and what comes meanwhile behind it; until all of it was, or rest().
  void hasten(const std::string& route);
  /// hasten() has not made everything due yet. Any thread; from memory.
  [[nodiscard]] bool is_hastening(const std::string& route) const;
  /// Whoever this route was hastened for has gone: the pages end.
  void rest(const std::string& route);
  /// When the next deferred unit in memory becomes due (the spool watches this itself).
  [[nodiscard]] std::optional<SteadyTime> next_due() const;
  /// Looks at the clock now (tests with a manual clock).
  void wake();

  /// An operator's act; the answer is the number of recipients changed. Written with an audit record ("queue.hold", ...).
  void change(QueueChange change, std::function<void(const Result<std::uint64_t>&)> done);
  /// The same, waiting for the commit. Not on an event loop.
  [[nodiscard]] Result<std::uint64_t> change_now(QueueChange change);

  /// In order of item and recipient, at most `limit`; read on the calling thread.
  [[nodiscard]] Result<std::vector<QueueEntry>> list(const QueueSelector& selector, std::size_t limit, QueueCursor after = {}) const;
  /// The newest messages first: those in the queue and the finished ones of the history. Each with kFlowRecipients at most.
  [[nodiscard]] Result<std::vector<FlowEntry>> recent(std::size_t limit) const;
  /// One message in the queue or in the history, with all of its recipients; NotFound otherwise.
  [[nodiscard]] Result<FlowEntry> flow(const MessageId& message) const;
  /// Reads the database for what is parked and the oldest message: not on an event loop.
  [[nodiscard]] SpoolStats stats() const;
  /// SpoolStats::messages alone. Any thread; from memory.
  [[nodiscard]] std::uint64_t messages() const;

 private:
  struct Impl;
  explicit Spool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> m_impl;
};

}  // namespace postern
