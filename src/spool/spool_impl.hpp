// The inside of Spool: state, and the jobs that change the queue on the writer thread. Used by spool*.cpp only.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "spool/queue_table.hpp"
#include "spool/spool.hpp"
#include "spool/work_index.hpp"
#include "store/key_stock.hpp"

namespace postern {

/// A copy of the message, ready to be written: sealed, its recipients grouped into units.
struct PreparedVariant {
  SealedContent sealed;
  std::shared_ptr<StagedContent> staged;  ///< In place of it.
  std::string seal;
  std::vector<QueuedRecipient> recipients;
  std::vector<MailboxAddition> mailboxes;
  /// By route; `loaded` carries the content to the courier when the cache has room.
  std::vector<std::shared_ptr<QueueItem>> units;
  KeyName storage_key = key_names::kMailStorage;

  [[nodiscard]] std::uint64_t size() const { return staged ? staged->octets() : sealed.size; }
};

struct PreparedSubmission {
  MessageId message;
  std::shared_ptr<const Envelope> envelope;
  std::vector<PreparedVariant> variants;
  std::vector<AuditRecord> audit;
  std::vector<CommitStep> steps;
  std::size_t bytes = 0;
};

/// One change of the work in memory, done once the batch is committed, in the order of the jobs.
struct IndexAction {
  enum class Kind {
    Place,   ///< New work; its place is booked.
    Finish,  ///< The attempt is over for these recipients.
    Drop,    ///< Must not be attempted from memory: held, removed, quarantined.
    Hasten,  ///< Deferred work of this item is due now.
  };
  Kind kind = Kind::Place;
  Work work;
  std::optional<SteadyTime> due;  ///< For Place.
};

/// An operation as a job of the writer.
template <class Run, class Done>
class SpoolJob final : public WriteJob {
 public:
  SpoolJob(Run run, Done done, std::size_t bytes, bool may_linger)
      : m_run(std::move(run)), m_done(std::move(done)), m_bytes(bytes), m_may_linger(may_linger) {}
  Status run(WriteContext& context) override { return m_run(context); }
  void done(const Status& status) noexcept override { m_done(status); }
  [[nodiscard]] std::size_t bytes() const override { return m_bytes; }
  [[nodiscard]] bool may_linger() const override { return m_may_linger; }

 private:
  Run m_run;
  Done m_done;
  std::size_t m_bytes;
  bool m_may_linger;
};

template <class Run, class Done>
std::unique_ptr<WriteJob> make_job(Run run, Done done, std::size_t bytes = 512, bool may_linger = false) {
  return std::make_unique<SpoolJob<Run, Done>>(std::move(run), std::move(done), bytes, may_linger);
}

/// The way through what rests on a route, from its oldest on (Spool::hasten).
struct RouteWalk {
  QueueCursor at;
  std::uint64_t generation = 0;  ///< Another one: it began anew since.
  bool begun = false;            ///< What was in memory is on disk again, so that nothing is passed over.
  bool ended = false;
};
using RouteWalks = std::map<std::string, RouteWalk>;

/// What is counted.
struct QueueSums {
  QueueCounts counts;
  std::uint64_t accepted = 0, delivered = 0, deferrals = 0, bounced = 0, expired = 0, removed = 0;
  std::size_t history = 0;  ///< Entries added.
  QueueSums& operator+=(const QueueSums& other);
};

struct Spool::Impl final : BatchObserver {
  Impl(SpoolOptions settings, Store& where, Keeper& keys, const Clock& time)
      : options(settings),
        store(where),
        keeper(keys),
        clock(time),
        stock(keeper, store.sealing(), clock),
        index(settings.index_units, settings.route_units, settings.resting),
        wall_start(time.now()),
        steady_start(time.steady()),
        cached(std::make_shared<std::atomic<std::size_t>>(0)) {}

  const SpoolOptions options;
  Store& store;
  Keeper& keeper;
  const Clock& clock;
  KeyStock stock;
  WorkIndex index;
  const WallTime wall_start;
  const SteadyTime steady_start;
  std::shared_ptr<std::atomic<std::size_t>> cached;  ///< Outlives the spool: contents may.

  std::mutex listener_mutex;
  WorkListener* listener = nullptr;
  std::map<std::string, WorkListener*> listeners;  ///< By prefix of the route.

  // Writer thread: the open batch, and where its current job began.
  std::vector<IndexAction> actions;
  QueueSums sums;
  std::size_t actions_mark = 0;
  QueueSums sums_mark;
  std::vector<std::string> to_announce;  ///< Routes with new work, told of when those who wait for the batch have their answer.
  std::size_t untrimmed = 0;             ///< History entries added since the last trim.
  // Writer thread: paging.
  std::optional<std::string> page_cursor;
  std::int64_t page_earliest = INT64_MAX;  ///< Of what is parked on the routes up to the cursor: the first that is due.
  bool paging = false;                     ///< A page-in is on its way.
  SteadyTime next_paging{};
  RouteWalks paged_walks;  ///< Those that it goes, and how far.

  mutable std::mutex walks_mutex;
  RouteWalks walks;
  std::uint64_t walks_begun = 0;
  std::atomic<bool> wants_page{false};  ///< A route with a walk has room for its next page.

  mutable std::mutex totals_mutex;
  QueueSums totals;
  std::atomic<bool> maybe_parked{true};
  std::atomic<bool> closing{false};

  struct WaitingReport {
    std::shared_ptr<struct PendingReport> report;
    SteadyTime retry;
  };
  std::mutex waiting_mutex;
  std::vector<WaitingReport> waiting;

  // spool.cpp
  /// Milliseconds of a clock that began as the wall clock and never steps.
  [[nodiscard]] std::int64_t queue_now() const;
  [[nodiscard]] WallTime wall_of(std::int64_t queue_time) const;
  /// Checks, seals, groups. The submission is used up only when it succeeds.
  [[nodiscard]] Status seal(const MessageId& message, std::vector<Variant>& variants, KeyAhead* ahead = nullptr) const;
  [[nodiscard]] Result<PreparedSubmission> prepare(Submission& submission);
  [[nodiscard]] std::unique_ptr<WriteJob> submission_job(Submission submission, Completion done);
  [[nodiscard]] std::shared_ptr<const std::string> cache(std::string content);
  void announce(const std::vector<std::string>& routes);
  [[nodiscard]] WorkListener* listener_of(const std::string& route);
  void submit_report(std::shared_ptr<PendingReport> report);
  void report_done(const std::shared_ptr<PendingReport>& report, const Status& status) noexcept;
  void retry_reports(SteadyTime now);
  void submit_change(std::shared_ptr<struct PendingChange> change);
  struct SealedItem {
    QueueItem item;
    StoredContent stored;
  };
  [[nodiscard]] Result<SealedItem> read_item(Database& database, ItemId item, const Work* work);
  /// Reads with a connection of the pool, which is back there before the content is decrypted.
  [[nodiscard]] Result<QueueItem> read_and_open(ItemId item, const Work* work);
  void quarantine(ItemId item, const std::string& reason);

  // paging.cpp: any thread
  /// `written` is told in every case, on the writer thread or at once.
  void park(std::vector<Work> works, std::chrono::milliseconds delay, std::function<void()> written);
  void begin_walk(const std::string& route);
  void end_walk(const std::string& route);
  [[nodiscard]] bool is_walking(const std::string& route) const;
  /// Units of the route were taken.
  void want_page(const std::string& route);
  // paging.cpp: the writer thread
  void page_when_due(SteadyTime now);
  void page_done(const Status& status);
  void look_again(SteadyTime when) { next_paging = std::min(next_paging, when); }
  [[nodiscard]] Status write_parked(WriteContext& context, const std::vector<Work>& works, SteadyTime due);
  [[nodiscard]] Status page_in(WriteContext& context);
  [[nodiscard]] Status page_walks(WriteContext& context);
  [[nodiscard]] Status page_due(WriteContext& context);
  [[nodiscard]] std::chrono::milliseconds until_due(std::int64_t earliest) const;
  [[nodiscard]] Result<std::size_t> page_in_route(WriteContext& context, const std::string& route, std::size_t limit);
  void place_page(const std::vector<RecipientRow>& rows);

  // jobs.cpp: all on the writer thread, inside a transaction
  [[nodiscard]] Status write_submission(WriteContext& context, const PreparedSubmission& submission);
  [[nodiscard]] Status write_variant(WriteContext& context, const PreparedSubmission& submission, const PreparedVariant& variant,
                                     MessageRow& message, std::vector<RecipientRow>& rows);
  [[nodiscard]] Status write_report(WriteContext& context, const PendingReport& report);
  [[nodiscard]] bool apply_result(RecipientRow& row, const RecipientResult& result, SteadyTime now, std::vector<IndexAction>& deferred);
  void defer(RecipientRow& row, std::chrono::milliseconds delay, SteadyTime now, std::vector<IndexAction>& deferred);
  [[nodiscard]] Status deliver_locally(WriteContext& context, const DeliveryReport& report);
  [[nodiscard]] Status settle(WriteContext& context, const MessageId& message, const std::vector<RecipientRow*>& changed,
                              const std::vector<RecipientRow>* item);
  [[nodiscard]] Status finish_message(WriteContext& context, const MessageRow& message, const std::vector<RecipientRow>& rows);
  [[nodiscard]] Status end_message(WriteContext& context, const MessageRow& message, const std::vector<RecipientRow>& rows);
  [[nodiscard]] Result<std::uint64_t> write_change(WriteContext& context, const QueueChange& change, QueueCursor& cursor, bool& more);
  [[nodiscard]] bool change_recipient(const QueueChange& change, RecipientRow& row);
  void release_recipient(RecipientRow& row);
  [[nodiscard]] Status write_quarantine(WriteContext& context, ItemId item, const std::string& reason);
  [[nodiscard]] bool reported_in_batch(ItemId item, std::uint32_t recipient) const;
  /// Memory when there is room for the unit, otherwise the parking place on disk; true: memory.
  [[nodiscard]] bool place_or_park(Work work);
  [[nodiscard]] AuditRecord audit_of(std::string kind, const MessageId& message, std::string actor, std::string facts) const;

  // The writer's calls.
  void job_begins() override;
  void job_undone() override;
  [[nodiscard]] Status before_commit(Database& database) override;
  void batch_ended(bool committed) override;
  [[nodiscard]] std::chrono::milliseconds between_batches() override;
};

/// A report on its way to the disk, however long that takes.
struct PendingReport {
  DeliveryReport report;
  std::vector<PreparedSubmission> follow_ups;
  Spool::Completion done;
};

/// An operator's verb on its way through the queue, a bounded number of recipients per transaction.
struct PendingChange {
  QueueChange change;
  std::function<void(const Result<std::uint64_t>&)> done;
  QueueCursor cursor;
  std::uint64_t total = 0;
};

}  // namespace postern
