#include "base/log.hpp"
#include "cabinet/impl.hpp"

namespace postern::cabinet {
namespace {

/// What the audit log gets of an item: no name, address, subject or text of anybody.
AuditFacts facts_of(const Item& item) {
  AuditFacts out;
  out.add("kind", name_of(item.kind)).add("state", name_of(item.state)).add("folder", item.folder);
  if (item.strategy) out.add("strategy", static_cast<int>(*item.strategy));
  if (!item.recipients.empty()) out.add("recipients", item.recipients.size());
  if (item.origin) out.add("sequence", item.origin->sequence);
  return out;
}

/// The first one says where it comes from; of the others the newest stay.
void bound_history(std::vector<Event>& history) {
  constexpr std::size_t kMost = 200;
  if (history.size() > kMost) history.erase(history.begin() + 1, history.end() - (kMost - 1));
}

}  // namespace

void log_damaged(const MessageId& id, const Error& why) {
  log::error("x400.mailbox.damaged_row", {{"id", id.get()}, {"code", name_of(why.code)}});
}

Result<Item> Cabinet::Impl::load(const MessageId& id) {
  POSTERN_CHECK(rows.unlock());
  POSTERN_TRY(const CabinetRow row, rows.find(id));
  return item_of(row);
}

Status Cabinet::Impl::note(WriteContext& context, Item& item, const Deed& deed) const {
  item.changed = now_ms();
  ++item.version;
  item.history.push_back({item.changed, std::string(deed.what), deed.actor.name, deed.text});
  bound_history(item.history);
  if (item.strategy == sdk::Strategy::WithTrace)
    for (const Step& each : deed.steps) POSTERN_CHECK(rows.add_step(context.database, item.id, form_of(each)));
  AuditRecord record;
  record.time = wall_from_millis(item.changed);
  record.kind = "x400.mailbox." + std::string(deed.what);
  record.correlation = deed.actor.correlation;
  record.message = item.id;
  record.actor = deed.actor.name;
  record.facts = facts_of(item).text();
  return context.audit.append(context.database, record);
}

Result<Item> Cabinet::Impl::change(const MessageId& id, const Deed& deed, const Change& what) {
  POSTERN_CHECK(rows.unlock());
  Item out;
  POSTERN_CHECK(parts.store.writer().transact_with_audit([&](WriteContext& context) -> Status {
    POSTERN_TRY(const CabinetRow row, rows.find(context.database, id));
    POSTERN_TRY(out, item_of(row));
    POSTERN_CHECK(what(context.database, out));
    POSTERN_CHECK(note(context, out, deed));
    return rows.update(context.database, row_of(out));
  }));
  return out;
}

Result<SealedCopy> Cabinet::Impl::seal(ByteView content) {
  auto out = std::make_unique<CabinetContent>(parts.store, parts.keeper, *staging, make_message_id(parts.clock.now(), parts.random));
  POSTERN_CHECK(out->append(content));
  POSTERN_CHECK(out->finish());
  return out;
}

Result<std::vector<SealedCopy>> Cabinet::Impl::seal_all(const std::vector<Bytes>& contents) {
  std::vector<SealedCopy> out;
  for (const Bytes& each : contents) {
    POSTERN_TRY(out.emplace_back(), seal(each));
  }
  return out;
}

Status Cabinet::Impl::insert(WriteContext& context, Item item, const std::vector<SealedCopy>& contents, const Deed& deed) const {
  POSTERN_CHECK(note(context, item, deed));
  POSTERN_CHECK(rows.insert(context.database, row_of(item)));
  return furnish(context, item, contents);
}

Status Cabinet::Impl::replace(WriteContext& context, Item item, const std::vector<SealedCopy>& contents, const Deed& deed) const {
  POSTERN_CHECK(note(context, item, deed));
  POSTERN_CHECK(rows.update(context.database, row_of(item)));
  return furnish(context, item, contents);
}

Status Cabinet::Impl::furnish(WriteContext& context, const Item& item, const std::vector<SealedCopy>& contents) const {
  for (std::size_t n = 0; n < contents.size(); ++n) POSTERN_CHECK(rows.put_content(context.database, item.id, n, *contents[n]));
  if (item.state == State::Received) return {};  // names are for what was written here
  for (const std::string& name : names_of(item)) POSTERN_CHECK(rows.add_name(context.database, name, item.id));
  return {};
}

namespace {

tl::unexpected<Error> not_as_stored() {
  return fail(ErrorCode::IntegrityFailed, "the stored content is not the one that was kept here: its hash is another one", "copy");
}

Result<const Copy*> copy_in(const Item& item, std::size_t copy) {
  if (copy < item.copies.size()) return &item.copies[copy];
  return fail(ErrorCode::NotFound, "the message has no such content", "copy");
}

}  // namespace

Result<Bytes> Cabinet::Impl::read_whole(const Item& item, std::size_t copy, std::uint64_t most) {
  POSTERN_TRY(const Copy* facts, copy_in(item, copy));
  if (facts->size > most) return fail(ErrorCode::TooLarge, "the content is too large for that: save it as it is", "copy");
  POSTERN_TRY(ContentReader reader, rows.content(item.id, copy));
  Bytes out(static_cast<std::size_t>(reader.size()));
  POSTERN_TRY(const std::size_t got, reader.read(out));
  if (got != facts->size || hex_encode(sha256(out)) != facts->sha256) return not_as_stored();
  return out;
}

Status Cabinet::Impl::verify(const Item& item, std::size_t copy) {
  POSTERN_TRY(const Copy* facts, copy_in(item, copy));
  POSTERN_TRY(ContentReader reader, rows.content(item.id, copy));
  Hasher hasher(HashAlgorithm::Sha256);
  for (;;) {
    POSTERN_TRY(const ByteView piece, reader.next());
    if (piece.empty()) break;
    hasher.update(piece);
  }
  if (reader.size() != facts->size || hex_encode(hasher.finish()) != facts->sha256) return not_as_stored();
  return {};
}

}  // namespace postern::cabinet
