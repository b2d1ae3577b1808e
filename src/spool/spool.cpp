#include "spool/spool.hpp"

#include <algorithm>
#include <future>
#include <tuple>

#include "base/log.hpp"
#include "base/text.hpp"
#include "spool/spool_impl.hpp"

namespace postern {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kRecipientLimit = 10'000;  // of one submission; the doors' own limits are far lower
constexpr auto kReportRetry = std::chrono::seconds(1);

/// A count that went below nothing for a moment is none.
std::uint64_t natural(std::int64_t count) { return static_cast<std::uint64_t>(std::max<std::int64_t>(0, count)); }

Status check_recipient(const QueuedRecipient& recipient) {
  if (recipient.address.empty() || recipient.address.size() > 1000)
    return fail(ErrorCode::BadInput, "a recipient has 1 to 1000 bytes", "address");
  if (recipient.route.empty() || recipient.route.size() > 1000) return fail(ErrorCode::BadInput, "a recipient needs a route", "route");
  if (recipient.state != RecipientState::Queued && recipient.state != RecipientState::Held)
    return fail(ErrorCode::BadInput, "a new recipient is queued or held", "state");
  return {};
}

Status check(const Submission& submission) {
  const std::string& id = submission.message.get();
  if (id.empty() || id.size() > 48 || !is_ascii(id))
    return fail(ErrorCode::BadInput, "a message id has 1 to 48 ASCII characters", "message");
  if (submission.variants.empty()) return fail(ErrorCode::BadInput, "a message needs at least one copy", "variants");
  std::size_t recipients = 0;
  for (const Variant& variant : submission.variants) {
    if (variant.recipients.empty() && variant.mailboxes.empty()) return fail(ErrorCode::BadInput, "a copy needs a recipient", "recipients");
    recipients += variant.recipients.size() + variant.mailboxes.size();
    for (const QueuedRecipient& recipient : variant.recipients) POSTERN_CHECK(check_recipient(recipient));
  }
  if (recipients > kRecipientLimit) return fail(ErrorCode::TooLarge, "at most 10,000 recipients", "recipients");
  return {};
}

/// The queued recipients of a copy, by route.
std::vector<std::shared_ptr<QueueItem>> units_of(const PreparedSubmission& submission, const PreparedVariant& variant,
                                                 const std::shared_ptr<const std::string>& content,
                                                 const std::shared_ptr<const LateContent>& late) {
  std::vector<std::shared_ptr<QueueItem>> units;
  for (std::uint32_t n = 0; n < variant.recipients.size(); ++n) {
    const QueuedRecipient& recipient = variant.recipients[n];
    if (recipient.state != RecipientState::Queued) continue;
    auto unit = std::ranges::find_if(units, [&](const auto& known) { return known->route == recipient.route; });
    if (unit == units.end()) {
      units.push_back(std::make_shared<QueueItem>());
      unit = units.end() - 1;
      **unit = {ItemId(), submission.message, submission.envelope, variant.seal, recipient.route, {}, content, variant.storage_key, late};
    }
    (*unit)->recipients.push_back({n, recipient.address, recipient.notify, recipient.orcpt, 0});
  }
  return units;
}

bool may_pass(ErrorCode code) { return code == ErrorCode::Exhausted || code == ErrorCode::Unavailable || code == ErrorCode::Timeout; }

bool worth_retrying(const Status& status) {
  return status.error().code == ErrorCode::Exhausted || status.error().code == ErrorCode::Unavailable;
}

}  // namespace

// Time: the wall clock of the start, carried on by the monotonic one ------------------------------------------------------------------

std::int64_t Spool::Impl::queue_now() const {
  return unix_millis(wall_start) + std::chrono::duration_cast<milliseconds>(clock.steady() - steady_start).count();
}

WallTime Spool::Impl::wall_of(std::int64_t queue_time) const { return clock.now() + milliseconds(queue_time - queue_now()); }

// Opening and closing -----------------------------------------------------------------------------------------------------------------

Spool::Spool(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}

Result<std::unique_ptr<Spool>> Spool::open(SpoolOptions options, Store& store, Keeper& keeper, const Clock& clock) {
  auto impl = std::make_unique<Impl>(options, store, keeper, clock);
  const std::int64_t latest = impl->queue_now() + options.longest_delay.count();
  std::uint64_t moved = 0;
  POSTERN_CHECK(store.writer().transact([&](Database& database) -> Status {
    POSTERN_CHECK(park_everything(database, latest));
    if (!options.reroute) return {};
    POSTERN_TRY(moved, reroute_recipients(database, options.reroute));
    return {};
  }));
  if (moved > 0) log::warn("spool.rerouted", {{"recipients", moved}, {"reason", "the configuration has their route no more"}});
  {
    const DatabaseReader reader = store.reader();
    POSTERN_TRY(impl->totals.counts, count_queue(*reader));
  }
  impl->untrimmed = options.history;  // the first finished message trims what an earlier setting left
  store.writer().attach(*impl);
  for (const ContentId content : store.contents().missing()) impl->quarantine(content, "the stored content is missing");
  store.writer().wake();
  return std::unique_ptr<Spool>(new Spool(std::move(impl)));
}

Spool::~Spool() {
  m_impl->closing = true;
  set_listener(nullptr);
  m_impl->store.writer().detach(*m_impl);
  // Nothing submits for us any more, and jobs are done in order: behind this one, none of ours is left.
  static_cast<void>(m_impl->store.writer().transact([](Database&) { return Status(); }));
  for (const auto& waiting : m_impl->waiting)
    if (waiting.report->done) waiting.report->done(fail(ErrorCode::Unavailable, "the spool is closing"));
}

void Spool::set_listener(WorkListener* listener) {
  const std::lock_guard lock(m_impl->listener_mutex);
  m_impl->listener = listener;
}

void Spool::set_listener(const std::string& prefix, WorkListener* listener) {
  const std::lock_guard lock(m_impl->listener_mutex);
  if (listener == nullptr)
    m_impl->listeners.erase(prefix);
  else
    m_impl->listeners[prefix] = listener;
}

void Spool::Impl::announce(const std::vector<std::string>& routes) {
  if (routes.empty()) return;
  const std::lock_guard lock(listener_mutex);
  if (listeners.empty()) {
    if (listener != nullptr) listener->work_ready(routes);
    return;
  }
  std::map<WorkListener*, std::vector<std::string>> shares;
  for (const auto& route : routes) shares[listener_of(route)].push_back(route);
  for (const auto& [who, theirs] : shares)
    if (who != nullptr) who->work_ready(theirs);
}

WorkListener* Spool::Impl::listener_of(const std::string& route) {
  for (auto each = listeners.rbegin(); each != listeners.rend(); ++each)  // the longest prefix sorts last
    if (route.starts_with(each->first)) return each->second;
  return listener;
}

// Accepting ---------------------------------------------------------------------------------------------------------------------------

/// In memory for the courier, if the budget allows; counted until the last user lets go.
std::shared_ptr<const std::string> Spool::Impl::cache(std::string content) {
  const std::size_t size = content.size();
  if (cached->fetch_add(size) + size > options.cache_bytes) {
    cached->fetch_sub(size);
    return nullptr;
  }
  return {new std::string(std::move(content)), [counter = cached, size](const std::string* text) {
            counter->fetch_sub(size);
            delete text;
          }};
}

Status Spool::Impl::seal(const MessageId& message, std::vector<Variant>& variants, KeyAhead* ahead) const {
  for (Variant& variant : variants) {
    if (variant.sealed || variant.staged) continue;
    POSTERN_TRY(variant.sealed, seal_content(keeper, message, variant.content, variant.storage_key, &store.sealing(), ahead));
  }
  return {};
}

std::shared_ptr<KeyAhead> Spool::key_ahead() { return m_impl->stock.take(); }
void Spool::stock_keys() { m_impl->stock.refill(); }

Status Spool::seal(const MessageId& message, std::vector<Variant>& variants, KeyAhead* ahead) const {
  return m_impl->seal(message, variants, ahead);
}

Result<PreparedSubmission> Spool::Impl::prepare(Submission& submission) {
  POSTERN_CHECK(check(submission));
  POSTERN_CHECK(seal(submission.message, submission.variants));
  PreparedSubmission prepared{submission.message, nullptr, {}, std::move(submission.audit), std::move(submission.steps), 1024};
  if (submission.envelope.accepted == WallTime{}) submission.envelope.accepted = clock.now();
  prepared.envelope = std::make_shared<const Envelope>(std::move(submission.envelope));
  for (Variant& variant : submission.variants) {
    if (variant.staged) variant.storage_key = variant.staged->storage_key();
    PreparedVariant ready{variant.staged ? SealedContent() : *std::move(variant.sealed),
                          std::move(variant.staged),
                          std::move(variant.seal),
                          std::move(variant.recipients),
                          std::move(variant.mailboxes),
                          {},
                          std::move(variant.storage_key)};
    prepared.bytes += ready.sealed.sealed.size();
    const bool queued = std::ranges::any_of(ready.recipients, [](const auto& r) { return r.state == RecipientState::Queued; });
    const bool whole = queued && !ready.staged && !variant.late;
    ready.units = units_of(prepared, ready, whole ? cache(std::move(variant.content)) : nullptr, variant.late);
    prepared.variants.push_back(std::move(ready));
  }
  return prepared;
}

/// Null: the submission was refused, and `done` has been told.
std::unique_ptr<WriteJob> Spool::Impl::submission_job(Submission submission, Completion done) {
  auto prepared = prepare(submission);
  if (!prepared) {
    done(fail(std::move(prepared).error()));
    return nullptr;
  }
  const std::size_t bytes = prepared->bytes;
  return make_job([this, submission = *std::move(prepared)](WriteContext& context) { return write_submission(context, submission); },
                  [done = std::move(done)](const Status& status) { done(status); }, bytes);
}

void Spool::enqueue(Submission submission, Completion done) {
  if (auto job = m_impl->submission_job(std::move(submission), std::move(done))) m_impl->store.writer().submit(std::move(job));
}

void Spool::finish(LateContent& late, std::string content) { late.set(m_impl->cache(std::move(content))); }

void Spool::follow_up() { m_impl->store.writer().follow_up(); }

void Spool::enqueue_and_help(Submission submission, Completion done) {
  if (auto job = m_impl->submission_job(std::move(submission), std::move(done))) m_impl->store.writer().submit_and_help(std::move(job));
}

Status Spool::enqueue_and_wait(Submission submission) {
  std::promise<Status> promise;
  auto future = promise.get_future();
  enqueue(std::move(submission), [&promise](const Status& status) { promise.set_value(status); });
  return future.get();
}

// Work --------------------------------------------------------------------------------------------------------------------------------

std::vector<std::string> Spool::ready_routes() const { return m_impl->index.ready_routes(); }
std::optional<SteadyTime> Spool::next_due() const { return m_impl->index.next_due(); }
void Spool::wake() { m_impl->store.writer().wake(); }

void Spool::give_back(Work work, milliseconds delay) {
  const std::string route = work.route;
  std::optional<SteadyTime> due;
  if (delay > milliseconds(0)) due = m_impl->clock.steady() + delay;
  if (m_impl->index.give_back(std::move(work), due)) m_impl->announce({route});
  if (due) wake();
}

Result<Spool::Impl::SealedItem> Spool::Impl::read_item(Database& database, ItemId item, const Work* work) {
  POSTERN_TRY(const auto id, message_of(database, item));
  if (!id) return fail(ErrorCode::NotFound, "the queue has no such item");
  POSTERN_TRY(auto message, find_message(database, *id));
  POSTERN_TRY(const auto rows, recipients_of(database, item.get(), 1));
  if (!message || rows.empty()) return fail(ErrorCode::NotFound, "the queue has no such item");
  QueueItem found{item, *id, std::make_shared<const Envelope>(std::move(message->envelope)), rows.front().seal, {}, {}, nullptr};
  if (work != nullptr) found.route = work->route;
  for (const RecipientRow& row : rows) {
    const bool wanted =
        work == nullptr ? !is_finished(row.state)
                        : row.state == RecipientState::Queued && std::ranges::find(work->recipients, row.index) != work->recipients.end();
    if (wanted) found.recipients.push_back({row.index, row.address, row.notify, row.orcpt, row.attempts});
  }
  if (found.recipients.empty()) return fail(ErrorCode::NotFound, "no recipient of this item is waiting");
  POSTERN_TRY(StoredContent stored, store.contents().find(database, item));
  if (const auto wrapped = parse_wrapped_key(stored.wrapped_key)) found.storage_key = wrapped->storage_key;
  return SealedItem{std::move(found), std::move(stored)};
}

Result<QueueItem> Spool::Impl::read_and_open(ItemId item, const Work* work) {
  auto read = [&] {
    const DatabaseReader reader = store.reader();
    return read_item(*reader, item, work);
  }();
  if (!read) return fail(std::move(read).error());
  if (read->stored.staged) return std::move(read->item);
  const auto sealed = sealed_of(std::move(read->stored));
  if (!sealed) {
    // Another thread may have finished the message while this one was reading.
    const DatabaseReader reader = store.reader();
    if (const auto still = store.contents().find(*reader, item); !still && still.error().code == ErrorCode::NotFound)
      return fail(still.error());
    return fail(sealed.error());
  }
  POSTERN_TRY(std::string stored, open_content(keeper, read->item.message, *sealed));
  const std::size_t before = stored.size();
  auto content = options.finish ? options.finish(std::move(stored)) : Result<std::string>(std::move(stored));
  if (!content && may_pass(content.error().code)) return fail(std::move(content).error());
  if (content) {
    read->item.finished = content->size() != before;
    read->item.content = std::make_shared<const std::string>(*std::move(content));
  } else {
    read->item.unfinished = content.error().text();
  }
  return std::move(read->item);
}

Result<ContentReader> Spool::reader(ItemId item) {
  auto stored = [&] {
    const DatabaseReader reader = m_impl->store.reader();
    return m_impl->store.contents().find(*reader, item);
  }();
  auto made = stored ? ContentReader::open(m_impl->keeper, *std::move(stored)) : Result<ContentReader>(fail(std::move(stored).error()));
  if (!made && made.error().code == ErrorCode::IntegrityFailed) m_impl->quarantine(item, made.error().what);
  return made;
}

void Spool::quarantine_damaged(ItemId item, const std::string& reason) { m_impl->quarantine(item, reason); }

Result<QueueItem> Spool::load(const Work& work) {
  auto item = m_impl->read_and_open(work.item, &work);
  if (item) return item;
  if (item.error().code == ErrorCode::NotFound) m_impl->announce(m_impl->index.finish(work.item, work.recipients));
  if (item.error().code == ErrorCode::IntegrityFailed) m_impl->quarantine(work.item, item.error().what);
  return item;
}

Result<QueueItem> Spool::load(ItemId item) {
  auto found = m_impl->read_and_open(item, nullptr);
  if (!found && found.error().code == ErrorCode::IntegrityFailed) m_impl->quarantine(item, found.error().what);
  return found;
}

/// If this cannot be written the item stays in flight: it is not attempted before the next start, which reads it again.
void Spool::Impl::quarantine(ItemId item, const std::string& reason) {
  log::error("spool.quarantine", {{"item", item.get()}, {"reason", reason}});
  store.writer().submit(make_job([this, item, reason](WriteContext& context) { return write_quarantine(context, item, reason); },
                                 [item](const Status& status) {
                                   if (!status) log::error("spool.quarantine_unwritten", {{"item", item.get()}, {"error", status.error()}});
                                 }));
}

// Reports -----------------------------------------------------------------------------------------------------------------------------

void Spool::report(DeliveryReport report, Completion done) {
  auto pending = std::make_shared<PendingReport>();
  pending->report = std::move(report);
  pending->done = std::move(done);
  m_impl->submit_report(std::move(pending));
}

void Spool::Impl::submit_report(std::shared_ptr<PendingReport> pending) {
  auto& follow_ups = pending->report.follow_ups;
  while (!follow_ups.empty()) {
    auto prepared = prepare(follow_ups.back());
    if (!prepared && worth_retrying(fail(prepared.error()))) return report_done(pending, fail(prepared.error()));
    // The outcome itself must be written whatever is wrong with the bounce it caused.
    if (!prepared)
      log::error("spool.follow_up_refused", {{"error", prepared.error()}});
    else
      pending->follow_ups.push_back(*std::move(prepared));
    follow_ups.pop_back();
  }
  std::size_t bytes = 1024;
  for (const PreparedSubmission& follow_up : pending->follow_ups) bytes += follow_up.bytes;
  // The usual outcome is waited for by nobody. Whatever happens to it on the way, the message is delivered once more (RFC 1047 3).
  const bool may_linger = pending->follow_ups.empty() && (!pending->done || pending->report.patient);
  store.writer().submit(make_job([this, pending](WriteContext& context) { return write_report(context, *pending); },
                                 [this, pending](const Status& status) { report_done(pending, status); }, bytes, may_linger));
}

void Spool::Impl::report_done(const std::shared_ptr<PendingReport>& pending, const Status& status) noexcept {
  if (!status && worth_retrying(status) && !closing) {
    const std::lock_guard lock(waiting_mutex);
    waiting.push_back({pending, clock.steady() + kReportRetry});
    return;
  }
  if (!status) {
    log::error("spool.report", {{"id", pending->report.message.get()}, {"error", status.error()}});
    Work work{pending->report.item, {}, {}, nullptr};
    for (const RecipientResult& result : pending->report.results) work.recipients.push_back(result.index);
    index.give_back(std::move(work), clock.steady() + std::chrono::minutes(5));
  }
  if (pending->done) pending->done(status);
}

void Spool::Impl::retry_reports(SteadyTime now) {
  std::vector<WaitingReport> due;
  {
    const std::lock_guard lock(waiting_mutex);
    const auto later = std::partition(waiting.begin(), waiting.end(), [&](const WaitingReport& w) { return w.retry > now; });
    std::move(later, waiting.end(), std::back_inserter(due));
    waiting.erase(later, waiting.end());
  }
  for (WaitingReport& report : due) submit_report(std::move(report.report));
}

// Operators ---------------------------------------------------------------------------------------------------------------------------

void Spool::change(QueueChange change, std::function<void(const Result<std::uint64_t>&)> done) {
  m_impl->submit_change(std::make_shared<PendingChange>(PendingChange{std::move(change), std::move(done), {}, 0}));
}

void Spool::Impl::submit_change(std::shared_ptr<PendingChange> pending) {
  struct Step {
    QueueCursor cursor;
    std::uint64_t count = 0;
    bool more = false;
  };
  auto step = std::make_shared<Step>();
  const auto run = [this, pending, step](WriteContext& context) -> Status {
    step->cursor = pending->cursor;
    POSTERN_TRY(step->count, write_change(context, pending->change, step->cursor, step->more));
    return {};
  };
  const auto done = [this, pending, step](const Status& status) {
    if (!status) return pending->done(fail(status.error()));
    pending->cursor = step->cursor;
    pending->total += step->count;
    if (!step->more) return pending->done(pending->total);
    if (closing) return pending->done(fail(ErrorCode::Unavailable, "the spool is closing"));
    submit_change(pending);
  };
  store.writer().submit(make_job(run, done));
}

Result<std::uint64_t> Spool::change_now(QueueChange change) {
  std::promise<Result<std::uint64_t>> promise;
  auto future = promise.get_future();
  this->change(std::move(change), [&promise](const Result<std::uint64_t>& count) { promise.set_value(count); });
  return future.get();
}

// Looking -----------------------------------------------------------------------------------------------------------------------------

Result<std::vector<QueueEntry>> Spool::list(const QueueSelector& selector, std::size_t limit, QueueCursor after) const {
  const DatabaseReader reader = m_impl->store.reader();
  POSTERN_TRY(auto rows, select_recipients(*reader, selector, limit, after));
  std::vector<QueueEntry> entries;
  std::optional<MessageRow> message;
  for (RecipientRow& row : rows) {
    if (!message || row.item.get() < message->first_item || row.item.get() >= message->first_item + message->items) {
      POSTERN_TRY(const auto id, message_of(*reader, row.item));
      if (!id) continue;  // finished while we were reading
      POSTERN_TRY(message, find_message(*reader, *id));
      if (!message) continue;
    }
    QueueEntry entry{message->id,
                     row.item,
                     row.index,
                     message->envelope.reverse_path,
                     std::move(row.address),
                     std::move(row.route),
                     std::move(row.reason),
                     std::move(row.reply),
                     std::move(row.seal),
                     row.state,
                     row.attempts,
                     {},
                     message->envelope.accepted,
                     message->size};
    if (row.state == RecipientState::Queued) entry.next_attempt = m_impl->wall_of(row.next_attempt);
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<std::vector<FlowEntry>> Spool::recent(std::size_t limit) const {
  const DatabaseReader reader = m_impl->store.reader();
  POSTERN_TRY(auto entries, newest_messages(*reader, limit, kFlowRecipients));
  POSTERN_TRY(auto finished, newest_history(*reader, limit, kFlowRecipients));
  std::ranges::move(finished, std::back_inserter(entries));
  std::ranges::sort(
      entries, [](const FlowEntry& a, const FlowEntry& b) { return std::tie(a.accepted, a.message) > std::tie(b.accepted, b.message); });
  if (entries.size() > limit) entries.resize(limit);
  return entries;
}

Result<FlowEntry> Spool::flow(const MessageId& message) const {
  const DatabaseReader reader = m_impl->store.reader();
  POSTERN_TRY(const auto queued, find_message(*reader, message));
  if (queued) {
    POSTERN_TRY(const auto rows, recipients_of(*reader, queued->first_item, queued->items));
    return flow_of(*queued, rows);
  }
  POSTERN_TRY(auto finished, find_history(*reader, message));
  if (!finished) return fail(ErrorCode::NotFound, "no message " + printable(message.get()) + " in the queue or its history");
  return *std::move(finished);
}

std::uint64_t Spool::messages() const {
  const std::lock_guard lock(m_impl->totals_mutex);
  return natural(m_impl->totals.counts.messages);
}

SpoolStats Spool::stats() const {
  SpoolStats stats;
  {
    const std::lock_guard lock(m_impl->totals_mutex);
    const QueueSums& sums = m_impl->totals;
    stats.queued = natural(sums.counts.queued);
    stats.held = natural(sums.counts.held);
    stats.quarantined = natural(sums.counts.quarantined);
    stats.messages = natural(sums.counts.messages);
    stats.accepted = sums.accepted;
    stats.delivered = sums.delivered;
    stats.deferrals = sums.deferrals;
    stats.bounced = sums.bounced;
    stats.expired = sums.expired;
    stats.removed = sums.removed;
  }
  const WorkIndex::Counts counts = m_impl->index.counts();
  stats.ready = counts.ready;
  stats.deferred = counts.deferred;
  stats.in_flight = counts.in_flight;
  stats.cached_bytes = *m_impl->cached;
  {
    const std::lock_guard lock(m_impl->waiting_mutex);
    stats.waiting_reports = m_impl->waiting.size();
  }
  const DatabaseReader reader = m_impl->store.reader();
  if (m_impl->maybe_parked) stats.parked = count_parked(*reader).value_or(0);
  const auto oldest = reader->query_integer("SELECT accepted FROM message ORDER BY id LIMIT 1");
  if (oldest && *oldest) stats.oldest = wall_from_millis(**oldest);
  return stats;
}

}  // namespace postern
