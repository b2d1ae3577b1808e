// What the spool does inside the writer's transactions.
#include <algorithm>
#include <ranges>

#include "base/log.hpp"
#include "spool/spool_impl.hpp"
#include "store/audit_log.hpp"

namespace postern {
namespace {

constexpr std::size_t kChangeChunk = 1000;    // recipients an operator's verb changes in one transaction
constexpr std::size_t kNamedRecipients = 30;  // in one audit record; a chunk may be of one message with a thousand
constexpr std::string_view kMailboxRoute = "mailbox";

std::string_view verb_name(QueueVerb verb) {
  switch (verb) {
    case QueueVerb::Hold: return "queue.hold";
    case QueueVerb::Release: return "queue.release";
    case QueueVerb::Retry: return "queue.retry";
    case QueueVerb::Remove: return "queue.remove";
  }
  return "queue.change";
}

RecipientState state_after(Outcome outcome) {
  switch (outcome) {
    case Outcome::Delivered: return RecipientState::Delivered;
    case Outcome::Deferred: return RecipientState::Queued;
    case Outcome::Bounced: return RecipientState::Bounced;
    case Outcome::Expired: return RecipientState::Expired;
    case Outcome::Held: return RecipientState::Held;
  }
  return RecipientState::Queued;
}

void count_outcome(QueueSums& sums, Outcome outcome) {
  sums.delivered += outcome == Outcome::Delivered;
  sums.deferrals += outcome == Outcome::Deferred;
  sums.bounced += outcome == Outcome::Bounced;
  sums.expired += outcome == Outcome::Expired;
}

/// "a, b and 3 more"
template <class Name>
std::string some_of(const std::vector<RecipientRow>& rows, Name name) {
  std::string out;
  for (const RecipientRow& row : rows | std::views::take(kNamedRecipients)) out += (out.empty() ? "" : ", ") + name(row);
  if (rows.size() > kNamedRecipients) out += " and " + std::to_string(rows.size() - kNamedRecipients) + " more";
  return out;
}

/// Addresses keep their domain only, as everywhere in the audit log; which of a domain's people it was, the entry says, by which the queue
/// lists him ("item" and "index").
std::string facts_of(const QueueChange& change, const std::vector<RecipientRow>& changed) {
  AuditFacts facts;
  facts.add("recipients", changed.size());
  facts.add("to", some_of(changed, [](const RecipientRow& row) { return log::redacted_address(row.address); }));
  facts.add("entries",
            some_of(changed, [](const RecipientRow& row) { return std::to_string(row.item.get()) + "." + std::to_string(row.index); }));
  if (!change.reason.empty()) facts.add("reason", change.reason);
  if (std::ranges::any_of(changed, [&](const RecipientRow& row) { return !change.to_route.empty() && row.route == change.to_route; }))
    facts.add("route", change.to_route);
  return facts.text();
}

}  // namespace

AuditRecord Spool::Impl::audit_of(std::string kind, const MessageId& message, std::string actor, std::string facts) const {
  AuditRecord record;
  record.time = clock.now();
  record.kind = std::move(kind);
  record.message = message;
  record.actor = std::move(actor);
  record.facts = std::move(facts);
  return record;
}

bool Spool::Impl::place_or_park(Work work) {
  if (!is_walking(work.route) && index.reserve(work.route)) {
    actions.push_back({IndexAction::Kind::Place, std::move(work), std::nullopt});
    return true;
  }
  maybe_parked = true;
  look_again(clock.steady() + std::chrono::seconds(1));
  return false;
}

// A new message -----------------------------------------------------------------------------------------------------------------------

Status Spool::Impl::write_submission(WriteContext& context, const PreparedSubmission& submission) {
  for (const AuditRecord& record : submission.audit) POSTERN_CHECK(context.audit.append(context.database, record));
  MessageRow message{submission.message, 0, 0, 0, 0, *submission.envelope};
  std::vector<RecipientRow> rows;
  for (const PreparedVariant& variant : submission.variants) POSTERN_CHECK(write_variant(context, submission, variant, message, rows));
  for (const CommitStep& step : submission.steps) POSTERN_CHECK(step(context.database, ItemId(message.first_item)));
  message.open = std::ranges::count_if(rows, [](const RecipientRow& row) { return !is_finished(row.state); });
  ++sums.accepted;
  sums.delivered += rows.size() - static_cast<std::size_t>(message.open);
  ++sums.counts.messages;
  // Everything went into mailboxes here: the message is over before it was in the queue.
  if (message.open == 0) return end_message(context, message, rows);
  POSTERN_CHECK(insert_message(context.database, message));
  for (const RecipientRow& row : rows) POSTERN_CHECK(insert_recipient(context.database, row));
  return {};
}

Status Spool::Impl::write_variant(WriteContext& context, const PreparedSubmission& submission, const PreparedVariant& variant,
                                  MessageRow& message, std::vector<RecipientRow>& rows) {
  ContentStore& contents = store.contents();
  POSTERN_TRY(const ItemId item, variant.staged ? variant.staged->adopt(context.database, contents, 1)
                                                : contents.put(context.database, submission.message, variant.sealed, 1));
  if (message.items++ == 0) message.first_item = item.get();
  message.size = std::max(message.size, variant.size());
  std::set<std::string> parked;
  for (const auto& unit : variant.units) {
    unit->item = item;
    Work work{item, unit->route, {}, unit->content || unit->late ? unit : nullptr};
    for (const DueRecipient& due : unit->recipients) work.recipients.push_back(due.index);
    if (!place_or_park(std::move(work))) parked.insert(unit->route);
  }
  std::uint32_t number = 0;
  for (const QueuedRecipient& r : variant.recipients) {
    const bool on_disk = r.state == RecipientState::Queued && parked.contains(r.route);
    rows.push_back({item, number++, r.state, on_disk, queue_now(), 0, r.notify, r.address, r.route, r.orcpt, r.reason, {}, variant.seal});
    sums.counts.add(r.state, 1);
  }
  for (const MailboxAddition& addition : variant.mailboxes) {
    POSTERN_TRY(const bool added, add_to_mailbox(context.database, contents, submission.message, item, variant.size(), addition));
    static_cast<void>(added);
    rows.push_back({item,
                    number++,
                    RecipientState::Delivered,
                    false,
                    0,
                    1,
                    0,
                    addition.address,
                    std::string(kMailboxRoute),
                    {},
                    {},
                    {},
                    variant.seal});
  }
  return {};
}

// The outcome of an attempt -----------------------------------------------------------------------------------------------------------

Status Spool::Impl::write_report(WriteContext& context, const PendingReport& pending) {
  const DeliveryReport& report = pending.report;
  for (const AuditRecord& record : report.audit) POSTERN_CHECK(context.audit.append(context.database, record));
  for (const PreparedSubmission& follow_up : pending.follow_ups) POSTERN_CHECK(write_submission(context, follow_up));
  POSTERN_CHECK(deliver_locally(context, report));
  IndexAction finish{IndexAction::Kind::Finish, {report.item, {}, {}, nullptr}, std::nullopt};
  POSTERN_TRY(auto rows, recipients_of(context.database, report.item.get(), 1));
  std::vector<RecipientRow*> changed;
  std::vector<IndexAction> deferred;
  const SteadyTime now = clock.steady();  // one for all: what was one unit stays one
  for (const RecipientResult& result : report.results) {
    finish.work.recipients.push_back(result.index);
    const auto row = std::ranges::lower_bound(rows, result.index, {}, &RecipientRow::index);
    if (row != rows.end() && row->index == result.index && apply_result(*row, result, now, deferred)) changed.push_back(&*row);
  }
  actions.push_back(std::move(finish));
  std::ranges::move(deferred, std::back_inserter(actions));
  return settle(context, report.message, changed, &rows);
}

Status Spool::Impl::deliver_locally(WriteContext& context, const DeliveryReport& report) {
  if (report.mailboxes.empty() && report.steps.empty()) return {};
  POSTERN_TRY(const auto size, context.database.query_integer("SELECT size FROM content WHERE id = ?", report.item.get()));
  if (!size) return {};  // removed by an operator meanwhile
  for (const MailboxAddition& addition : report.mailboxes) {
    POSTERN_TRY(const bool added, add_to_mailbox(context.database, store.contents(), report.message, report.item,
                                                 static_cast<std::uint64_t>(*size), addition));
    static_cast<void>(added);
  }
  for (const CommitStep& step : report.steps) POSTERN_CHECK(step(context.database, report.item));
  return {};
}

/// Changes the row in memory; false when there is nothing left to change.
bool Spool::Impl::apply_result(RecipientRow& row, const RecipientResult& result, SteadyTime now, std::vector<IndexAction>& deferred) {
  if (is_finished(row.state) || row.state == RecipientState::Quarantined) return false;
  count_outcome(sums, result.outcome);
  ++row.attempts;
  row.reply = result.reply;
  row.road = result.road;
  row.parked = false;
  if (result.outcome == Outcome::Deferred) {
    defer(row, std::max(result.delay, std::chrono::milliseconds(0)), now, deferred);
    return true;
  }
  sums.counts.add(row.state, -1);
  row.state = state_after(result.outcome);
  sums.counts.add(row.state, 1);
  if (row.state == RecipientState::Held) {
    row.reason = result.reply;
    if (!result.route.empty()) row.route = result.route;
  }
  return true;
}

/// Recipients with the same delay go on as one unit.
void Spool::Impl::defer(RecipientRow& row, std::chrono::milliseconds delay, SteadyTime now, std::vector<IndexAction>& deferred) {
  row.next_attempt = queue_now() + delay.count();
  if (row.state != RecipientState::Queued) return;  // held meanwhile: stays so
  const SteadyTime due = now + delay;
  if (index.rests(row.route)) {
    row.parked = true;
    maybe_parked = true;
    return look_again(due);
  }
  const auto same = std::ranges::find_if(deferred, [&](const IndexAction& unit) { return unit.work.route == row.route; });
  if (same != deferred.end() && same->due == due) {
    same->work.recipients.push_back(row.index);
  } else if (index.reserve(row.route)) {
    deferred.push_back({IndexAction::Kind::Place, unit_of(row), due});
  } else {
    row.parked = true;
    maybe_parked = true;
    look_again(due);
  }
}

/// Writes changed recipients of one message, or ends the message when none of its recipients is unfinished. `item`: all rows of the only
/// item they are of, if at hand.
Status Spool::Impl::settle(WriteContext& context, const MessageId& id, const std::vector<RecipientRow*>& changed,
                           const std::vector<RecipientRow>* item) {
  const auto closed = std::ranges::count_if(changed, [](const RecipientRow* row) { return is_finished(row->state); });
  std::optional<MessageRow> message;
  if (closed > 0) {
    POSTERN_TRY(message, find_message(context.database, id));
    if (!message) return fail(ErrorCode::Internal, "the queue has recipients of a message it does not have");
    message->open -= closed;
    // The usual end, one item whose rows are all here: nothing is updated that is deleted in the next moment.
    if (message->open <= 0 && message->items == 1 && item != nullptr) return finish_message(context, *message, *item);
  }
  for (const RecipientRow* row : changed) POSTERN_CHECK(update_recipient(context.database, *row));
  if (!message) return {};
  if (message->open > 0) return set_open(context.database, id, message->open);
  POSTERN_TRY(const auto rows, recipients_of(context.database, message->first_item, message->items));
  return finish_message(context, *message, rows);
}

Status Spool::Impl::finish_message(WriteContext& context, const MessageRow& message, const std::vector<RecipientRow>& rows) {
  POSTERN_CHECK(delete_message(context.database, message));
  return end_message(context, message, rows);
}

/// The queue lets go of the contents; what remains is a line of history.
Status Spool::Impl::end_message(WriteContext& context, const MessageRow& message, const std::vector<RecipientRow>& rows) {
  FlowEntry entry = flow_of(message, rows);
  entry.finished = clock.now();
  ++sums.history;
  --sums.counts.messages;
  for (std::int64_t item = message.first_item; item < message.first_item + message.items; ++item)
    POSTERN_CHECK(store.contents().release(context.database, ItemId(item)));
  return insert_history(context.database, entry);
}

// Operators ---------------------------------------------------------------------------------------------------------------------------

bool Spool::Impl::reported_in_batch(ItemId item, std::uint32_t recipient) const {
  return std::ranges::any_of(actions, [&](const IndexAction& action) {
    return action.kind == IndexAction::Kind::Finish && action.work.item == item &&
           std::ranges::find(action.work.recipients, recipient) != action.work.recipients.end();
  });
}

/// One chunk of an operator's verb, message by message, each with its audit record.
Result<std::uint64_t> Spool::Impl::write_change(WriteContext& context, const QueueChange& change, QueueCursor& cursor, bool& more) {
  POSTERN_TRY(auto rows, select_recipients(context.database, change.selector, kChangeChunk, cursor));
  more = rows.size() == kChangeChunk;
  std::map<MessageId, std::vector<RecipientRow>> by_message;
  std::uint64_t count = 0;
  for (RecipientRow& row : rows) {
    cursor = {row.item.get(), row.index};
    if (!change_recipient(change, row)) continue;
    POSTERN_TRY(const auto message, message_of(context.database, row.item));
    if (!message) return fail(ErrorCode::Internal, "the queue has a recipient without a message");
    by_message[*message].push_back(std::move(row));
    ++count;
  }
  for (auto& [message, changed] : by_message) {
    AuditRecord record = audit_of(std::string(verb_name(change.verb)), message, change.actor, facts_of(change, changed));
    record.correlation = change.correlation;
    POSTERN_CHECK(context.audit.append(context.database, record));
    std::vector<RecipientRow*> pointers;
    for (RecipientRow& row : changed) pointers.push_back(&row);
    POSTERN_CHECK(settle(context, message, pointers, nullptr));
  }
  return count;
}

/// Changes the row in memory; false when the verb does not apply to it.
bool Spool::Impl::change_recipient(const QueueChange& change, RecipientRow& row) {
  const RecipientState before = row.state;
  const auto move = [&] {
    if (!change.to_route.empty() && row.route == change.from_route) row.route = change.to_route;
  };
  switch (change.verb) {
    case QueueVerb::Hold:
      if (before != RecipientState::Queued) return false;
      move();
      row.state = RecipientState::Held;
      row.reason = change.reason;
      break;
    case QueueVerb::Release:
      if (before != RecipientState::Held && before != RecipientState::Quarantined) return false;
      move();
      row.state = RecipientState::Queued;
      release_recipient(row);
      break;
    case QueueVerb::Retry:
      if (before != RecipientState::Queued) return false;
      row.next_attempt = queue_now();
      next_paging = {};
      actions.push_back({IndexAction::Kind::Hasten, {row.item, {}, {}, nullptr}, std::nullopt});
      return true;
    case QueueVerb::Remove:
      if (is_finished(before)) return false;
      row.state = RecipientState::Removed;
      row.reply = change.reason;
      ++sums.removed;
      break;
  }
  if (row.state != RecipientState::Queued) {
    row.parked = false;
    actions.push_back({IndexAction::Kind::Drop, {row.item, {}, {row.index}, nullptr}, std::nullopt});
  }
  sums.counts.add(before, -1);
  sums.counts.add(row.state, 1);
  return true;
}

/// Due now: in memory, or parked when that is full. A recipient whose attempt still runs needs neither: its report decides.
void Spool::Impl::release_recipient(RecipientRow& row) {
  row.next_attempt = queue_now();
  row.reason.clear();
  const bool attempt_runs = index.in_flight(row.item, row.index) && !reported_in_batch(row.item, row.index);
  row.parked = !attempt_runs && !place_or_park(unit_of(row));
}

Status Spool::Impl::write_quarantine(WriteContext& context, ItemId item, const std::string& reason) {
  POSTERN_TRY(const auto message, message_of(context.database, item));
  POSTERN_TRY(auto rows, recipients_of(context.database, item.get(), 1));
  Work stopped{item, {}, {}, nullptr};
  for (RecipientRow& row : rows) {
    if (is_finished(row.state) || row.state == RecipientState::Quarantined) continue;
    sums.counts.add(row.state, -1);
    sums.counts.add(RecipientState::Quarantined, 1);
    stopped.recipients.push_back(row.index);
    row.state = RecipientState::Quarantined;
    row.parked = false;
    row.reason = reason;
    POSTERN_CHECK(update_recipient(context.database, row));
  }
  if (stopped.recipients.empty()) return {};
  const std::string facts = AuditFacts().add("recipients", stopped.recipients.size()).add("reason", reason).text();
  actions.push_back({IndexAction::Kind::Finish, stopped, std::nullopt});
  actions.push_back({IndexAction::Kind::Drop, std::move(stopped), std::nullopt});
  return context.audit.append(context.database, audit_of("message.quarantined", message.value_or(MessageId()), "system", facts));
}

}  // namespace postern
