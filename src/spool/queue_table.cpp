#include "spool/queue_table.hpp"

#include <algorithm>

#include "base/cursor.hpp"

namespace postern {
namespace {

#define POSTERN_RECIPIENT_COLUMNS "item, n, state, parked, next_attempt, attempts, notify, address, route, orcpt, reason, reply, seal, road"
#define POSTERN_MESSAGE_COLUMNS "id, first_item, items, open, accepted, size, sender, envid, flags, correlation, facts"

RecipientRow recipient_of(const Statement& row) {
  RecipientRow recipient;
  recipient.item = ItemId(row.integer(0));
  recipient.index = static_cast<std::uint32_t>(row.integer(1));
  recipient.state = static_cast<RecipientState>(row.integer(2));
  recipient.parked = row.integer(3) != 0;
  recipient.next_attempt = row.integer(4);
  recipient.attempts = static_cast<unsigned>(row.integer(5));
  recipient.notify = static_cast<std::uint8_t>(row.integer(6));
  recipient.address = row.text(7);
  recipient.route = row.text(8);
  recipient.orcpt = row.text(9);
  recipient.reason = row.text(10);
  recipient.reply = row.text(11);
  recipient.seal = row.text(12);
  recipient.road = row.text(13);
  return recipient;
}

std::int64_t flags_of(const Envelope& envelope) {
  return static_cast<std::int64_t>(envelope.ret) | static_cast<std::int64_t>(envelope.body) << 2 | (envelope.smtputf8 ? 16 : 0) |
         (envelope.requiretls ? 32 : 0) | (envelope.opened ? 64 : 0);
}

MessageRow message_row(const Statement& row) {
  MessageRow message;
  message.id = MessageId(std::string(row.text(0)));
  message.first_item = row.integer(1);
  message.items = row.integer(2);
  message.open = row.integer(3);
  Envelope& envelope = message.envelope;
  envelope.accepted = wall_from_millis(row.integer(4));
  message.size = static_cast<std::uint64_t>(row.integer(5));
  envelope.reverse_path = row.text(6);
  envelope.envid = row.text(7);
  const std::int64_t flags = row.integer(8);
  envelope.ret = static_cast<DsnReturn>(flags & 3);
  envelope.body = static_cast<BodyType>(flags >> 2 & 3);
  envelope.smtputf8 = (flags & 16) != 0;
  envelope.requiretls = (flags & 32) != 0;
  envelope.opened = (flags & 64) != 0;
  envelope.correlation = CorrelationId(std::string(row.text(9)));
  envelope.facts = row.text(10);
  return message;
}

Result<std::vector<RecipientRow>> collect_recipients(Statement& rows) {
  std::vector<RecipientRow> found;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return found;
    found.push_back(recipient_of(rows));
  }
}

/// Out of the parking place.
Result<std::vector<RecipientRow>> taken_out(Database& database, Result<std::vector<RecipientRow>> rows) {
  if (!rows) return rows;
  for (RecipientRow& row : *rows) {
    row.parked = false;
    POSTERN_CHECK(database.run("UPDATE recipient SET parked = 0 WHERE item = ? AND n = ?", row.item.get(), row.index));
  }
  return rows;
}

// History entries: version, then fields as blocks. A field more is a version more.
constexpr std::uint8_t kHistoryVersion = 2;
constexpr std::uint8_t kWithoutRoads = 1;

Bytes encode(const FlowEntry& entry) {
  ByteWriter out;
  out.write_u8(kHistoryVersion).write_block(entry.sender).write_block(entry.facts).write_u64(entry.size);
  out.write_u64(static_cast<std::uint64_t>(unix_millis(entry.accepted)));
  out.write_u64(static_cast<std::uint64_t>(unix_millis(entry.finished.value_or(entry.accepted))));
  out.write_u32(static_cast<std::uint32_t>(entry.recipients.size()));
  for (const FlowRecipient& recipient : entry.recipients) {
    out.write_block(recipient.address).write_block(recipient.route).write_block(recipient.reply).write_block(recipient.seal);
    out.write_u8(static_cast<std::uint8_t>(recipient.state)).write_u32(recipient.attempts).write_block(recipient.road);
  }
  return std::move(out).take();
}

Result<std::string> read_text(ByteReader& in, std::string_view field) {
  POSTERN_TRY(const ByteView block, in.read_block(field));
  return std::string(as_text(block));
}

Result<FlowRecipient> decode_recipient(ByteReader& in, std::uint8_t version) {
  FlowRecipient recipient;
  POSTERN_TRY(recipient.address, read_text(in, "address"));
  POSTERN_TRY(recipient.route, read_text(in, "route"));
  POSTERN_TRY(recipient.reply, read_text(in, "reply"));
  POSTERN_TRY(recipient.seal, read_text(in, "seal"));
  POSTERN_TRY(const std::uint8_t state, in.read_u8("state"));
  if (state > static_cast<std::uint8_t>(RecipientState::Removed))
    return fail(ErrorCode::IntegrityFailed, "a history entry has an unknown state");
  recipient.state = static_cast<RecipientState>(state);
  POSTERN_TRY(recipient.attempts, in.read_u32("attempts"));
  if (version > kWithoutRoads) {
    POSTERN_TRY(recipient.road, read_text(in, "road"));
  }
  return recipient;
}

Result<FlowEntry> decode(const MessageId& message, ByteView bytes, std::size_t recipients) {
  ByteReader in(bytes);
  FlowEntry entry;
  entry.message = message;
  POSTERN_TRY(const std::uint8_t version, in.read_u8("version"));
  if (version < kWithoutRoads || version > kHistoryVersion) return fail(ErrorCode::Unsupported, "a history entry is of an unknown version");
  POSTERN_TRY(entry.sender, read_text(in, "sender"));
  POSTERN_TRY(entry.facts, read_text(in, "facts"));
  POSTERN_TRY(entry.size, in.read_u64("size"));
  POSTERN_TRY(const std::uint64_t accepted, in.read_u64("accepted"));
  POSTERN_TRY(const std::uint64_t finished, in.read_u64("finished"));
  entry.accepted = wall_from_millis(static_cast<std::int64_t>(accepted));
  entry.finished = wall_from_millis(static_cast<std::int64_t>(finished));
  POSTERN_TRY(const std::uint32_t count, in.read_u32("recipients"));
  const auto wanted = static_cast<std::uint32_t>(std::min<std::size_t>(count, recipients));
  for (std::uint32_t i = 0; i < wanted; ++i) {
    POSTERN_TRY(FlowRecipient recipient, decode_recipient(in, version));
    entry.recipients.push_back(std::move(recipient));
  }
  entry.more = count - wanted;
  return entry;
}

FlowRecipient flow_recipient(const RecipientRow& r) {
  return {r.address, r.route, r.reply.empty() ? r.reason : r.reply, r.seal, r.state, r.attempts, r.road};
}

/// The first `limit`, and how many there are behind them.
Result<FlowEntry> first_of(Database& database, const MessageRow& message, std::size_t limit) {
  POSTERN_TRY(const auto rows, recipients_of(database, message.first_item, message.items, limit));
  FlowEntry entry = flow_of(message, rows);
  if (rows.size() < limit) return entry;
  POSTERN_TRY(const auto all, database.query_integer("SELECT count(*) FROM recipient WHERE item >= ? AND item < ?", message.first_item,
                                                     message.first_item + message.items));
  entry.more = static_cast<std::uint64_t>(all.value_or(0)) - rows.size();
  return entry;
}

}  // namespace

void QueueCounts::add(RecipientState state, std::int64_t by) {
  if (state == RecipientState::Queued) queued += by;
  if (state == RecipientState::Held) held += by;
  if (state == RecipientState::Quarantined) quarantined += by;
}

QueueCounts& QueueCounts::operator+=(const QueueCounts& other) {
  queued += other.queued;
  held += other.held;
  quarantined += other.quarantined;
  messages += other.messages;
  return *this;
}

Status insert_message(Database& database, const MessageRow& message) {
  const Envelope& envelope = message.envelope;
  POSTERN_CHECK(database.run("INSERT INTO message(" POSTERN_MESSAGE_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
                             message.id.get(), message.first_item, message.items, message.open, unix_millis(envelope.accepted),
                             message.size, envelope.reverse_path, envelope.envid, flags_of(envelope), envelope.correlation.get(),
                             envelope.facts));
  if (database.changes() == 0) return fail(ErrorCode::Conflict, "a message of this id is in the queue already");
  return {};
}

Status insert_recipient(Database& database, const RecipientRow& r) {
  return database.run("INSERT INTO recipient(" POSTERN_RECIPIENT_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", r.item.get(), r.index,
                      static_cast<int>(r.state), r.parked, r.next_attempt, r.attempts, static_cast<int>(r.notify), r.address, r.route,
                      r.orcpt, r.reason, r.reply, r.seal, r.road);
}

Status update_recipient(Database& database, const RecipientRow& r) {
  return database.run(
      "UPDATE recipient SET state = ?3, parked = ?4, next_attempt = ?5, attempts = ?6, reason = ?7, reply = ?8, route = ?9, road = ?10"
      " WHERE item = ?1 AND n = ?2",
      r.item.get(), r.index, static_cast<int>(r.state), r.parked, r.next_attempt, r.attempts, r.reason, r.reply, r.route, r.road);
}

Status set_open(Database& database, const MessageId& message, std::int64_t open) {
  return database.run("UPDATE message SET open = ?2 WHERE id = ?1", message.get(), open);
}

Status delete_message(Database& database, const MessageRow& message) {
  POSTERN_CHECK(
      database.run("DELETE FROM recipient WHERE item >= ?1 AND item < ?2", message.first_item, message.first_item + message.items));
  return database.run("DELETE FROM message WHERE id = ?", message.id.get());
}

Result<std::optional<MessageRow>> find_message(Database& database, const MessageId& id) {
  POSTERN_TRY(Statement row, database.prepare("SELECT " POSTERN_MESSAGE_COLUMNS " FROM message WHERE id = ?"));
  POSTERN_TRY(const bool found, row.bind_all(id.get()).step());
  if (!found) return std::optional<MessageRow>();
  return std::optional(message_row(row));
}

Result<std::optional<MessageId>> message_of(Database& database, ItemId item) {
  POSTERN_TRY(Statement row, database.prepare("SELECT message FROM content WHERE id = ?"));
  POSTERN_TRY(const bool found, row.bind_all(item.get()).step());
  if (!found) return std::optional<MessageId>();
  return std::optional(MessageId(std::string(row.text(0))));
}

Result<std::vector<RecipientRow>> recipients_of(Database& database, std::int64_t first_item, std::int64_t items, std::size_t limit) {
  POSTERN_TRY(Statement rows, database.prepare("SELECT " POSTERN_RECIPIENT_COLUMNS
                                               " FROM recipient WHERE item >= ? AND item < ? ORDER BY item, n LIMIT ?"));
  rows.bind_all(first_item, first_item + items, static_cast<std::uint64_t>(limit));
  return collect_recipients(rows);
}

Result<std::vector<RecipientRow>> select_recipients(Database& database, const QueueSelector& selector, std::size_t limit,
                                                    QueueCursor after) {
  std::int64_t first = 0, end = INT64_MAX;
  if (selector.message) {
    POSTERN_TRY(const auto message, find_message(database, *selector.message));
    if (!message) return std::vector<RecipientRow>();
    first = message->first_item;
    end = message->first_item + message->items;
  }
  if (selector.item) {
    first = std::max(first, selector.item->get());
    end = std::min(end, selector.item->get() + 1);
  }
  std::optional<int> state;
  if (selector.state) state = static_cast<int>(*selector.state);
  POSTERN_TRY(Statement rows, database.prepare("SELECT " POSTERN_RECIPIENT_COLUMNS " FROM recipient WHERE item >= ?1 AND item < ?2"
                                               " AND (item, n) > (?3, ?4) AND CASE WHEN ?5 IS NULL THEN state < 3 ELSE state = ?5 END"
                                               " AND (?6 = '' OR address = ?6) AND (?7 = '' OR route = ?7) ORDER BY item, n LIMIT ?8"));
  rows.bind_all(std::max(first, after.item), end, after.item, after.index, state, selector.address, selector.route,
                static_cast<std::uint64_t>(limit));
  return collect_recipients(rows);
}

Status park_everything(Database& database, std::int64_t latest) {
  POSTERN_CHECK(database.run("UPDATE recipient SET parked = 1 WHERE state = 0 AND parked = 0"));
  return database.run("UPDATE recipient SET next_attempt = ?1 WHERE parked = 1 AND next_attempt > ?1", latest);
}

Result<std::uint64_t> reroute_recipients(Database& database,
                                         const std::function<std::string(const std::string&, const std::string&)>& route_for) {
  struct Move {
    std::int64_t item, index;
    std::string route;
  };
  std::vector<Move> moves;
  {
    POSTERN_TRY(Statement rows, database.prepare("SELECT item, n, route, address FROM recipient WHERE state < 3"));
    for (;;) {
      POSTERN_TRY(const bool row, rows.step());
      if (!row) break;
      const std::string route(rows.text(2));
      std::string next = route_for(route, std::string(rows.text(3)));
      if (next != route) moves.push_back({rows.integer(0), rows.integer(1), std::move(next)});
    }
  }
  for (const Move& move : moves)
    POSTERN_CHECK(database.run("UPDATE recipient SET route = ? WHERE item = ? AND n = ?", move.route, move.item, move.index));
  return moves.size();
}

Result<std::optional<ParkedRoute>> next_parked_route(Database& database, const std::optional<std::string>& after) {
  POSTERN_TRY(Statement row, database.prepare("SELECT route, next_attempt FROM recipient INDEXED BY recipient_parked"
                                              " WHERE parked = 1 AND route > ? ORDER BY route, next_attempt LIMIT 1"));
  POSTERN_TRY(const bool found, row.bind_all(after.value_or("")).step());
  if (!found) return std::optional<ParkedRoute>();
  return std::optional(ParkedRoute{std::string(row.text(0)), row.integer(1)});
}

Result<std::vector<RecipientRow>> unpark(Database& database, const std::string& route, std::int64_t now, std::size_t limit) {
  const auto select = [&]() -> Result<std::vector<RecipientRow>> {
    POSTERN_TRY(Statement rows, database.prepare("SELECT " POSTERN_RECIPIENT_COLUMNS " FROM recipient INDEXED BY recipient_parked"
                                                 " WHERE parked = 1 AND route = ? AND next_attempt <= ? ORDER BY next_attempt LIMIT ?"));
    rows.bind_all(route, now, static_cast<std::uint64_t>(limit));
    return collect_recipients(rows);
  };
  return taken_out(database, select());
}

Result<std::vector<RecipientRow>> unpark_in_order(Database& database, const std::string& route, QueueCursor after, std::size_t limit) {
  const auto select = [&]() -> Result<std::vector<RecipientRow>> {
    POSTERN_TRY(Statement rows, database.prepare("SELECT " POSTERN_RECIPIENT_COLUMNS " FROM recipient INDEXED BY recipient_in_order"
                                                 " WHERE parked = 1 AND route = ?1 AND item >= ?2 AND (item, n) > (?2, ?3)"
                                                 " ORDER BY item, n LIMIT ?4"));
    rows.bind_all(route, after.item, after.index, static_cast<std::uint64_t>(limit));
    return collect_recipients(rows);
  };
  return taken_out(database, select());
}

Status park_recipient(Database& database, ItemId item, std::uint32_t index, std::int64_t next_attempt) {
  return database.run("UPDATE recipient SET parked = 1, next_attempt = ? WHERE item = ? AND n = ? AND state = 0", next_attempt, item.get(),
                      index);
}

Result<std::uint64_t> count_parked(Database& database) {
  POSTERN_TRY(const auto count, database.query_integer("SELECT count(*) FROM recipient INDEXED BY recipient_parked WHERE parked = 1"));
  return static_cast<std::uint64_t>(count.value_or(0));
}

Result<QueueCounts> count_queue(Database& database) {
  QueueCounts counts;
  POSTERN_TRY(const auto messages, database.query_integer("SELECT count(*) FROM message"));
  counts.messages = messages.value_or(0);
  POSTERN_TRY(Statement rows, database.prepare("SELECT state, count(*) FROM recipient GROUP BY state"));
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return counts;
    counts.add(static_cast<RecipientState>(rows.integer(0)), rows.integer(1));
  }
}

Status insert_history(Database& database, const FlowEntry& entry) {
  return database.run("INSERT INTO history(message, entry) VALUES (?,?)", entry.message.get(), encode(entry));
}

Status trim_history(Database& database, std::size_t keep) {
  return database.run("DELETE FROM history WHERE seq <= (SELECT max(seq) FROM history) - ?", static_cast<std::uint64_t>(keep));
}

Result<std::vector<FlowEntry>> newest_history(Database& database, std::size_t limit, std::size_t recipients) {
  POSTERN_TRY(Statement rows, database.prepare("SELECT message, entry FROM history ORDER BY seq DESC LIMIT ?"));
  rows.bind_all(static_cast<std::uint64_t>(limit));
  std::vector<FlowEntry> entries;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return entries;
    POSTERN_TRY(FlowEntry entry, decode(MessageId(std::string(rows.text(0))), rows.blob(1), recipients));
    entries.push_back(std::move(entry));
  }
}

Result<std::optional<FlowEntry>> find_history(Database& database, const MessageId& message) {
  POSTERN_TRY(Statement row, database.prepare("SELECT entry FROM history WHERE message = ? ORDER BY seq DESC LIMIT 1"));
  POSTERN_TRY(const bool found, row.bind_all(message.get()).step());
  if (!found) return std::optional<FlowEntry>();
  POSTERN_TRY(FlowEntry entry, decode(message, row.blob(0), kAllRecipients));
  return std::optional(std::move(entry));
}

FlowEntry flow_of(const MessageRow& message, const std::vector<RecipientRow>& recipients) {
  FlowEntry entry{message.id, message.envelope.reverse_path, message.envelope.facts, message.size, message.envelope.accepted, {}, {}, 0};
  for (const RecipientRow& recipient : recipients) entry.recipients.push_back(flow_recipient(recipient));
  return entry;
}

Result<std::vector<FlowEntry>> newest_messages(Database& database, std::size_t limit, std::size_t recipients) {
  std::vector<MessageRow> messages;
  {
    POSTERN_TRY(Statement rows, database.prepare("SELECT " POSTERN_MESSAGE_COLUMNS " FROM message ORDER BY id DESC LIMIT ?"));
    rows.bind_all(static_cast<std::uint64_t>(limit));
    for (;;) {
      POSTERN_TRY(const bool row, rows.step());
      if (!row) break;
      messages.push_back(message_row(rows));
    }
  }
  std::vector<FlowEntry> entries;
  for (const MessageRow& message : messages) {
    POSTERN_TRY(FlowEntry entry, first_of(database, message, recipients));
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace postern
