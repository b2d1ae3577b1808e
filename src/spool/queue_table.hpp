// The queue's rows: every statement about messages, recipients and history in one place. Used by Spool only.
//
// Functions that write run inside a job of the writer.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "spool/types.hpp"
#include "store/database.hpp"

namespace postern {

constexpr std::size_t kAllRecipients = INT64_MAX;

struct RecipientRow {
  ItemId item;
  std::uint32_t index = 0;
  RecipientState state = RecipientState::Queued;
  bool parked = false;
  std::int64_t next_attempt = 0;  ///< Milliseconds on the queue's clock.
  unsigned attempts = 0;
  std::uint8_t notify = 0;
  std::string address, route, orcpt, reason, reply, seal;
  std::string road = {};  ///< Of the last attempt.
};

/// The work that it is.
[[nodiscard]] inline Work unit_of(const RecipientRow& row) { return {row.item, row.route, {row.index}, nullptr}; }

struct MessageRow {
  MessageId id;
  std::int64_t first_item = 0;
  std::int64_t items = 0;
  std::int64_t open = 0;
  std::uint64_t size = 0;  ///< Of the largest content.
  Envelope envelope;
};

/// Numbers of recipients by state, and of messages; as a sum or as a change of one.
struct QueueCounts {
  std::int64_t queued = 0, held = 0, quarantined = 0, messages = 0;
  void add(RecipientState state, std::int64_t by);
  QueueCounts& operator+=(const QueueCounts& other);
};

[[nodiscard]] Status insert_message(Database& database, const MessageRow& message);
[[nodiscard]] Status insert_recipient(Database& database, const RecipientRow& recipient);
/// Writes state, parked, next_attempt, attempts, route, reason and reply.
[[nodiscard]] Status update_recipient(Database& database, const RecipientRow& recipient);
[[nodiscard]] Status set_open(Database& database, const MessageId& message, std::int64_t open);
/// The message and all its recipients.
[[nodiscard]] Status delete_message(Database& database, const MessageRow& message);

[[nodiscard]] Result<std::optional<MessageRow>> find_message(Database& database, const MessageId& id);
/// The message an item belongs to.
[[nodiscard]] Result<std::optional<MessageId>> message_of(Database& database, ItemId item);
[[nodiscard]] Result<std::vector<RecipientRow>> recipients_of(Database& database, std::int64_t first_item, std::int64_t items,
                                                              std::size_t limit = kAllRecipients);
/// Recipients the selector matches behind the cursor, in order.
[[nodiscard]] Result<std::vector<RecipientRow>> select_recipients(Database& database, const QueueSelector& selector, std::size_t limit,
                                                                  QueueCursor after);

/// After a start: whatever was queued is parked, and no attempt is further away than `latest`.
[[nodiscard]] Status park_everything(Database& database, std::int64_t latest);
/// Unfinished recipients for whom `route_for` names another route than theirs get it; answers how many.
[[nodiscard]] Result<std::uint64_t> reroute_recipients(Database& database,
                                                       const std::function<std::string(const std::string&, const std::string&)>& route_for);
struct ParkedRoute {
  std::string route;
  std::int64_t next_attempt = 0;  ///< The earliest of those parked there.
};
/// The route behind `after` that has parked recipients, in alphabetical order.
[[nodiscard]] Result<std::optional<ParkedRoute>> next_parked_route(Database& database, const std::optional<std::string>& after);
/// Takes up to `limit` due parked recipients of the route out of the parking place, earliest first.
[[nodiscard]] Result<std::vector<RecipientRow>> unpark(Database& database, const std::string& route, std::int64_t now, std::size_t limit);
/// The same in the order in which they came, whenever they would be due: those behind the cursor.
[[nodiscard]] Result<std::vector<RecipientRow>> unpark_in_order(Database& database, const std::string& route, QueueCursor after,
                                                                std::size_t limit);
/// Into the parking place, until then; nothing if it is not queued any more.
[[nodiscard]] Status park_recipient(Database& database, ItemId item, std::uint32_t index, std::int64_t next_attempt);
[[nodiscard]] Result<std::uint64_t> count_parked(Database& database);
[[nodiscard]] Result<QueueCounts> count_queue(Database& database);

[[nodiscard]] Status insert_history(Database& database, const FlowEntry& entry);
/// Keeps the newest `keep`.
[[nodiscard]] Status trim_history(Database& database, std::size_t keep);
[[nodiscard]] Result<std::vector<FlowEntry>> newest_history(Database& database, std::size_t limit, std::size_t recipients);
[[nodiscard]] Result<std::optional<FlowEntry>> find_history(Database& database, const MessageId& message);
[[nodiscard]] Result<std::vector<FlowEntry>> newest_messages(Database& database, std::size_t limit, std::size_t recipients);
[[nodiscard]] FlowEntry flow_of(const MessageRow& message, const std::vector<RecipientRow>& recipients);

}  // namespace postern
