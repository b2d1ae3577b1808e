// Opening and deleting: what is owed to the originator goes into the outbox in the same transaction, so that it is sent once.
#include "base/log.hpp"
#include "cabinet/impl.hpp"

namespace postern::cabinet {
namespace {

bool owes(const Item& item, Reading what) {
  if (item.state != State::Received || item.kind != Kind::Message || !item.unopened) return false;
  return what == Reading::Opened ? item.receipt_requested : item.non_receipt_requested;
}

}  // namespace

Result<std::optional<Cabinet::Impl::Owed>> Cabinet::Impl::owed(const Item& received, Reading what) {
  if (!owes(received, what)) return std::optional<Owed>();
  POSTERN_TRY(const transport::Profile profile, parts.service.profile());
  if (received.origin && account_of(profile.user) != received.origin->account)
    return fail(ErrorCode::Conflict, "it came to another mailbox than the one of today's profile: open it without a receipt", "receipt");
  POSTERN_TRY(const Bytes content, read_whole(received, 0, kReadable));
  const WallTime now = parts.clock.now();
  POSTERN_TRY(const auto argument, notification_of(received, content, profile.user, what, now));
  if (!argument) return std::optional<Owed>();
  POSTERN_TRY(Composed composed, composed_of(*argument, received, make_message_id(now, parts.random), now));
  POSTERN_TRY(auto contents, seal_all(composed.contents));
  return std::optional(Owed{std::move(composed.item), std::move(contents)});
}

Result<Item> Cabinet::open_message(const MessageId& id, bool receipt, const Actor& actor) {
  POSTERN_TRY(const Item before, m_impl->load(id));
  if (!before.unopened) return before;
  std::optional<Impl::Owed> owed;
  if (receipt) {
    POSTERN_TRY(owed, m_impl->owed(before, Reading::Opened));
  }
  Item out;
  bool first = false;
  POSTERN_CHECK(m_impl->parts.store.writer().transact_with_audit([&](WriteContext& context) -> Status {
    POSTERN_TRY(const CabinetRow row, m_impl->rows.find(context.database, id));
    POSTERN_TRY(out, item_of(row));
    first = out.unopened;
    if (!first) return {};  // somebody else was quicker, and did what was to be done
    out.unopened = false;
    const char* text = owed ? "a receipt notification goes out" : before.receipt_requested ? "without the receipt that it asks for" : "";
    POSTERN_CHECK(m_impl->note(context, out, {"open", actor, text}));
    POSTERN_CHECK(m_impl->rows.update(context.database, row_of(out)));
    return owed ? m_impl->insert(context, owed->item, owed->contents, {"receipt", actor}) : Status();
  }));
  if (first && owed) m_impl->enqueue_submission(owed->item.id);
  return out;
}

Status Cabinet::Impl::remove_here(const MessageId& id, bool receipt, const Actor& actor) {
  POSTERN_TRY(const Item before, load(id));
  POSTERN_CHECK(check(Act::Delete, before.state));
  std::optional<Owed> duty;
  if (receipt) {
    POSTERN_TRY(duty, owed(before, Reading::Discarded));
  }
  bool sends = false;
  POSTERN_CHECK(parts.store.writer().transact_with_audit([&](WriteContext& context) -> Status {
    POSTERN_TRY(const CabinetRow row, rows.find(context.database, id));
    POSTERN_TRY(Item item, item_of(row));
    POSTERN_CHECK(check(Act::Delete, item.state));
    sends = duty && item.unopened;
    POSTERN_CHECK(note(context, item, {"delete", actor}));
    POSTERN_CHECK(rows.remove(context.database, id));
    return sends ? insert(context, duty->item, duty->contents, {"non_receipt", actor}) : Status();
  }));
  if (sends) enqueue_submission(duty->item.id);
  return {};
}

void Cabinet::remove(const MessageId& id, Removal how, const Actor& actor, std::function<void(Status)> done) {
  if (!how.in_store) return done(m_impl->remove_here(id, how.receipt, actor));
  m_impl->push([impl = m_impl.get(), id, how, actor, done = std::move(done)](Session& session) {
    const auto item = impl->load(id);
    Status removed = item ? check(Act::Delete, item->state) : fail(item.error());
    if (removed) removed = impl->remove_in_store(*item, session);
    if (removed) removed = impl->remove_here(id, how.receipt, actor);
    done(removed);
  });
}

}  // namespace postern::cabinet
