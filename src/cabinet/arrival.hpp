// What was fetched from a message store, as an item; and what it says about a message that was sent. Functions of values.
#pragma once

#include "cabinet/item.hpp"
#include "ipm/notifications.hpp"
#include "mts/p3.hpp"

namespace postern::cabinet {

/// Contents up to that size are looked into; larger ones are kept as they are, and shown by their envelope.
inline constexpr std::uint64_t kReadable = 16U * 1024 * 1024;

/// A fetched entry, and the content that came with it: empty where there is none, or it is larger than kReadable.
struct Arrival {
  const sdk::Fetched& fetched;
  ByteView content;
  std::uint64_t size = 0;
  std::string sha256;
};

/// Which entry of which mailbox it is, for CabinetRows::mark_fetched(): sequence number, MTS identifier and time, so
/// that a store which begins anew with its numbers (a mock that was restarted) is not taken for the one before.
[[nodiscard]] std::string name_of_entry(const std::string& account, const sdk::Entry& entry);

/// The item in the inbox. `user`: whose mailbox it is. What cannot be read in the content is kept and named in `reason`; nothing a peer
/// sent makes it fail.
[[nodiscard]] Item item_of(const Arrival& arrival, const std::string& user, const std::string& account, const MessageId& id, WallTime now);

/// The names (draft.hpp) of what a report or notification is about, the surest first; none: it is neither.
[[nodiscard]] std::vector<std::string> subject_names(const Arrival& arrival);
/// Puts it to the message. What it proves - that the message was submitted - settles an unknown outcome as well.
[[nodiscard]] ipm::Applied apply(Item& sent, const Arrival& arrival, WallTime now);

/// The notification that opening or deleting a message unread calls for, if any (X.420 8). `user`: whose mailbox it is.
enum class Reading : std::uint8_t { Opened, Discarded };
[[nodiscard]] Result<std::optional<mts::MessageSubmissionArgument>> notification_of(const Item& received, ByteView content,
                                                                                    const std::string& user, Reading what, WallTime now);

}  // namespace postern::cabinet
