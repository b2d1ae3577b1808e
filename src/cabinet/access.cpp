#include "base/log.hpp"
#include "cabinet/impl.hpp"

namespace postern::cabinet {
namespace {

constexpr std::uint32_t kPage = 500;

constexpr std::string_view kRetry = "queued";  // of a notification that did not go out

/// Of a failed notification.
bool is_tried_again(const Item& item) {
  constexpr std::ptrdiff_t kMost = 5;
  const bool given = std::ranges::any_of(item.copies, [](const Copy& copy) { return copy.state != State::Draft; });
  return !given && std::ranges::count(item.history, kRetry, &Event::what) < kMost;
}

bool is_taken_in(sdk::EntryClass what) { return what == sdk::EntryClass::DeliveredMessage || what == sdk::EntryClass::DeliveredReport; }

std::uint64_t& counter_of(AccessReport& report, Kind kind) {
  if (kind == Kind::Report) return report.reports;
  return kind == Kind::Notification ? report.notifications : report.messages;
}

/// Where the pieces of a content go: to disk, through the hash, and into memory as long as somebody will look into it.
struct Intake {
  CabinetContent content;
  Hasher hasher{HashAlgorithm::Sha256};
  Bytes readable;
  Status status;

  bool take(ByteView piece) {
    status = content.append(piece);
    hasher.update(piece);
    if (content.size() <= kReadable)
      append(readable, piece);
    else
      readable.clear();
    return status.has_value();
  }
};

}  // namespace

Result<AccessReport> Cabinet::Impl::access_now(const Actor& actor, Session& session) {
  const Status bound_now = session.bind();
  note_peer(bound_now);
  if (!bound_now) return fail(bound_now.error());
  POSTERN_CHECK(rows.unlock_or_make());
  retry_notifications();
  AccessReport out;
  sdk::List request;
  request.association = session.association();
  request.limit = kPage;
  for (;;) {
    const auto page = session.transport().list(request, {});
    const Status taken = page ? take_page(session, *page, out) : fail(page.error());
    if (!taken) {
      if (ends_association(taken.error().code)) session.end();
      note_peer(taken);
      out.done = false;
      out.text = taken.error().text();
    }
    if (!taken || page->next == 0) break;
    request.from = page->next;
  }
  AuditFacts facts;
  facts.add("messages", out.messages).add("reports", out.reports).add("notifications", out.notifications).add("damaged", out.damaged);
  AuditRecord record{parts.clock.now(), "x400.mailbox.access", actor.correlation, {}, actor.name, facts.add("done", out.done).text()};
  POSTERN_CHECK(SqliteAuditLog(parts.store).append(std::move(record)));
  const std::lock_guard lock(mutex);
  if (out.done) last_access = parts.clock.now();
  return out;
}

/// Errors: of the peer or of the disk, which end the access; an entry that is damaged does not.
Status Cabinet::Impl::take_page(Session& session, const sdk::EntryList& page, AccessReport& report) {
  for (const sdk::Entry& entry : page.entries) {
    if (is_stopping()) return fail(ErrorCode::Unavailable, "the mailbox closes: the next access brings in the rest");
    if (!is_taken_in(entry.entry_class)) continue;
    const Status taken = take(session, entry, report);
    if (taken) continue;
    const ErrorCode code = taken.error().code;
    if (ends_association(code) || code == ErrorCode::Exhausted) return taken;
    if (code == ErrorCode::NotFound) continue;  // deleted meanwhile
    ++report.damaged;
    report.text = "entry " + std::to_string(entry.sequence) + ": " + taken.error().text();
    log::warn("x400.mailbox.damaged_entry", {{"sequence", entry.sequence}, {"code", name_of(code)}});
  }
  return {};
}

Status Cabinet::Impl::take(Session& session, const sdk::Entry& entry, AccessReport& report) {
  const std::string name = name_of_entry(session.account(), entry);
  POSTERN_TRY(const bool known, rows.is_fetched(name));
  if (known) return ++report.known, Status();
  Intake intake{CabinetContent(parts.store, parts.keeper, *staging, make_message_id(parts.clock.now(), parts.random)),
                Hasher(HashAlgorithm::Sha256),
                {},
                {}};
  sdk::Fetch request;
  request.association = session.association();
  request.sequence = entry.sequence;
  const sdk::PieceSink sink = [&intake](ByteView piece) { return intake.take(piece); };
  auto fetched = session.transport().fetch(request, sink, {});
  POSTERN_CHECK(intake.status);
  if (!fetched) return fail(fetched.error());
  POSTERN_CHECK(intake.content.finish());
  const Arrival arrival{*fetched, intake.readable, intake.content.size(), hex_encode(intake.hasher.finish())};
  const WallTime now = parts.clock.now();
  Item item = item_of(arrival, session.user(), session.account(), make_message_id(now, parts.random), now);
  item.origin->entry = name;
  const Kind kind = item.kind;
  POSTERN_TRY(const bool is_new, keep(arrival, std::move(item), name, intake.content));
  ++(is_new ? counter_of(report, kind) : report.known);
  return {};
}

/// Exactly once: the mark, the message and what it says about others are one transaction.
Result<bool> Cabinet::Impl::keep(const Arrival& arrival, Item item, const std::string& name, const CabinetContent& content) {
  bool is_new = false;
  POSTERN_CHECK(parts.store.writer().transact_with_audit([&](WriteContext& context) -> Status {
    POSTERN_TRY(is_new, rows.mark_fetched(context.database, name));
    if (!is_new) return {};
    Item kept = item;
    POSTERN_CHECK(correlate(context.database, arrival, kept));
    if (content.size() > 0) POSTERN_CHECK(rows.put_content(context.database, kept.id, 0, content));
    return insert(context, std::move(kept), {}, {"fetched", system, "entry " + std::to_string(arrival.fetched.entry.sequence)});
  }));
  return is_new;
}

Status Cabinet::Impl::correlate(Database& database, const Arrival& arrival, Item& item) const {
  for (const std::string& name : subject_names(arrival)) {
    POSTERN_TRY(const auto id, rows.named(database, name));
    if (!id) continue;
    POSTERN_TRY(const CabinetRow row, rows.find(database, *id));
    POSTERN_TRY(Item sent, item_of(row));
    const ipm::Applied applied = apply(sent, arrival, parts.clock.now());
    if (applied == ipm::Applied::OtherMessage) continue;
    item.subject_message = id->get();
    if (item.subject.empty()) item.subject = sent.subject;
    sent.changed = now_ms();
    ++sent.version;
    return rows.update(database, row_of(sent));
  }
  return {};
}

/// Nobody resubmits a notification by hand: those of which the peer was given nothing are tried again with the next accesses. One that the
/// peer refused, it would refuse again.
void Cabinet::Impl::retry_notifications() {
  const auto failed = rows.in_state(static_cast<int>(State::Failed));
  if (!failed) return;
  for (const CabinetRow& each : *failed) {
    if (each.kind != static_cast<int>(Kind::Notification)) continue;
    const auto item = item_of(each);
    if (!item || !is_tried_again(*item)) continue;
    const auto queued = change(each.id, {kRetry, system}, [](Database&, Item& failed_one) -> Status {
      failed_one.state = State::Queued;
      return {};
    });
    if (queued) enqueue_submission(each.id);
  }
}

namespace {

/// After a look at what has the number today. NotFound: nothing.
Status remove_entry(const Origin& origin, Session& session) {
  sdk::List request;
  request.association = session.association();
  request.from = request.to = origin.sequence;
  request.limit = 1;
  POSTERN_TRY(const sdk::EntryList found, session.transport().list(request, {}));
  if (found.entries.empty()) return fail(ErrorCode::NotFound, "there is no such entry", "store");
  if (name_of_entry(origin.account, found.entries.front()) != origin.entry)
    return fail(ErrorCode::Conflict, "the message store has another message under its number today: delete it without the store", "store");
  return session.transport().remove({session.association(), {origin.sequence}}, {});
}

}  // namespace

Status Cabinet::Impl::remove_in_store(const Item& item, Session& session) {
  if (!item.origin) return fail(ErrorCode::Conflict, "it does not come from a message store: delete it without the store", "store");
  POSTERN_CHECK(session.bind());
  if (session.account() != item.origin->account)
    return fail(ErrorCode::Conflict, "it comes from another mailbox than the one of today's profile", "store");
  Status removed = remove_entry(*item.origin, session);
  if (!removed && ends_association(removed.error().code)) session.end();
  if (!removed && removed.error().code == ErrorCode::NotFound) return {};  // somebody else did it
  return removed;
}

}  // namespace postern::cabinet
