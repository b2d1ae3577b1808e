#include "base/log.hpp"
#include "cabinet/impl.hpp"

namespace postern::cabinet {
namespace {

/// What the whole is after one of its copies had an outcome.
void conclude(Item& item, const Copy& copy, const std::string& why) {
  const bool more = std::ranges::any_of(item.copies, [](const Copy& each) { return each.state == State::Draft; });
  item.state = copy.state == State::Submitted && more ? State::Queued : state_of(item.copies);
  item.folder = folder_of(item);
  item.reason = why;
}

std::string reason_of(const Error& why) {
  if (is_surely_not_submitted(why.code)) return why.text();
  return "nobody knows whether the peer has taken it: " + why.text();
}

}  // namespace

void Cabinet::Impl::enqueue_submission(const MessageId& id) {
  {
    const std::lock_guard lock(mutex);
    if (!submissions.insert(id).second) return;
  }
  push([this, id](Session& session) {
    {
      const std::lock_guard lock(mutex);
      submissions.erase(id);
    }
    submit_now(id, session);
  });
}

/// For one that the peer was given nothing of.
void Cabinet::Impl::give_up(const MessageId& id, const Error& why, std::vector<Step> steps) {
  const Deed deed{"not_submitted", system, why.text(), std::move(steps)};
  log::info("x400.mailbox.not_submitted", {{"id", id.get()}, {"code", name_of(why.code)}});
  const Status recorded = persist([&] {
    return status_of(change(id, deed, [&](Database&, Item& item) -> Status {
      item.state = State::Failed;
      item.folder = folder_of(item);
      item.reason = why.text();
      return {};
    }));
  });
  static_cast<void>(recorded);  // else it is queued still, and recover() tries it anew
}

void Cabinet::Impl::submit_now(const MessageId& id, Session& session) {
  const auto item = load(id);
  if (!item || item->state != State::Queued) return;
  std::vector<Step> steps;
  const Stopwatch watch(parts.clock);
  const Status bound_now = session.bind();
  note_peer(bound_now);
  steps.push_back(watch.step("bind", bound_now, session.user()));
  if (!bound_now) return give_up(id, bound_now.error(), std::move(steps));
  for (std::size_t n = 0; n < item->copies.size(); ++n) {
    if (item->copies[n].state == State::Submitted) continue;
    if (!submit_copy(id, n, session, steps)) return;
  }
  if (item->strategy == sdk::Strategy::WithStoredCopy) check_stored(id);
}

/// True: the peer has it, and that is on disk. What is given to it is read from disk and is what was kept there.
bool Cabinet::Impl::submit_copy(const MessageId& id, std::size_t n, Session& session, std::vector<Step>& steps) {
  const auto item = load(id);
  if (!item) return false;
  const Stopwatch reading(parts.clock);
  const auto content = read_whole(*item, n, std::numeric_limits<std::uint32_t>::max());
  steps.push_back(reading.step("content", status_of(content), "as it was kept"));
  if (!content) return give_up(id, content.error(), std::move(steps)), false;

  const Deed giving{"submitting", system, {}, std::exchange(steps, {})};
  const auto given = change(id, giving, [n](Database&, Item& each) -> Status {
    each.state = each.copies.at(n).state = State::Submitting;
    return {};
  });
  if (!given) {
    // Nothing was given away: it goes on when the disk is well again.
    log::error("x400.mailbox.unrecorded", {{"error", given.error()}});
    recovered = false;
    static_cast<void>(pause());
    return false;
  }
  const Stopwatch submitting(parts.clock);
  const auto submitted =
      session.transport().submit({session.association(), submission_of(*item, item->copies[n])}, *content, transport::CallOptions{});
  note_peer(status_of(submitted));
  const std::string words = submitted ? submitted->mts_identifier : reason_of(submitted.error());
  const char* what = submitted ? "submitted" : is_surely_not_submitted(submitted.error().code) ? "not_submitted" : "outcome_unknown";
  const Deed deed{what, system, words, {submitting.step("submit", status_of(submitted), words)}};
  if (!submitted && ends_association(submitted.error().code)) session.end();
  log::info("x400.mailbox.submission", {{"id", id.get()}, {"outcome", what}});
  const Status recorded = persist([&] {
    return status_of(change(id, deed, [&](Database& database, Item& each) -> Status {
      Copy& copy = each.copies.at(n);
      if (submitted) {
        copy.state = State::Submitted;
        copy.mts_identifier = submitted->mts_identifier;
        if (each.mts_identifier.empty()) each.mts_identifier = submitted->mts_identifier;
        POSTERN_CHECK(rows.add_name(database, name_of_mts(copy.mts_identifier), id));
      } else {
        copy.state = is_surely_not_submitted(submitted.error().code) ? State::Failed : State::Unknown;
      }
      conclude(each, copy, submitted ? std::string() : words);
      return {};
    }));
  });
  return submitted.has_value() && recorded.has_value();
}

/// Strategy 3: what lies here is still what went out.
void Cabinet::Impl::check_stored(const MessageId& id) {
  const auto item = load(id);
  if (!item) return;
  Status whole;
  for (std::size_t n = 0; n < item->copies.size() && whole; ++n) whole = verify(*item, n);
  const Deed deed{whole ? "stored_copy_verified" : "stored_copy_damaged", system, whole ? "by its hash" : whole.error().text()};
  if (!whole) log::error("x400.mailbox.stored_copy_damaged", {{"id", id.get()}});
  const Status recorded = persist([&] {
    return status_of(change(id, deed, [&](Database&, Item& each) -> Status {
      if (!whole) each.reason = whole.error().text();
      return {};
    }));
  });
  static_cast<void>(recorded);  // the log has it
}

Result<Item> Cabinet::Impl::cancel_now(const MessageId& id, const Actor& actor, Session& session) {
  POSTERN_TRY(const Item item, load(id));
  POSTERN_CHECK(check(Act::Cancel, item.state));
  if (!item.deferred_until || *item.deferred_until <= unix_seconds(parts.clock.now()))
    return fail(ErrorCode::Conflict, "its delivery time has passed, or it has none: it is on its way", "state");
  const auto nameless = [](const Copy& each) { return each.state != State::Cancelled && each.mts_identifier.empty(); };
  if (std::ranges::any_of(item.copies, nameless))
    return fail(ErrorCode::Conflict,
                "the peer's name for it was never heard, so that it cannot be asked to take it back: it goes out at its time", "state");
  POSTERN_CHECK(session.bind());
  for (std::size_t n = 0; n < item.copies.size(); ++n)
    if (item.copies[n].state != State::Cancelled) POSTERN_CHECK(cancel_copy(item, n, actor, session));
  return load(id);
}

/// What was taken back is kept before the next one is asked for: whatever becomes of that, nobody asks for this one again.
Status Cabinet::Impl::cancel_copy(const Item& item, std::size_t n, const Actor& actor, Session& session) {
  const Status cancelled = session.transport().cancel_deferred({session.association(), item.copies[n].mts_identifier}, {});
  if (!cancelled) {
    if (ends_association(cancelled.error().code)) session.end();
    return cancelled;
  }
  const Deed deed{"cancel", actor, item.copies.size() > 1 ? "copy " + std::to_string(n) : std::string()};
  return persist([&] {
    return status_of(change(item.id, deed, [n](Database&, Item& each) -> Status {
      each.copies.at(n).state = State::Cancelled;
      if (!std::ranges::all_of(each.copies, [](const Copy& copy) { return copy.state == State::Cancelled; })) return {};
      each.state = State::Cancelled;
      each.mts_identifier.clear();
      return {};
    }));
  });
}

}  // namespace postern::cabinet
