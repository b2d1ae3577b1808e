// The embedded mailbox: messages kept for local addresses, encrypted as in the spool, found by address or message id.
//
// Adding is a job's step (spool: in the transaction that accepts the message, or in the one that finishes its delivery), so that local
// delivery happens exactly once. Does not do: folders, flags, quotas, search.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/store.hpp"

namespace postern {

struct MailboxEntry {
  std::int64_t number = 0;  ///< Ascending in order of arrival; never used again.
  std::string address;      ///< The owner, lower case.
  MessageId message;
  std::string sender;  ///< Reverse path; empty for the null path.
  WallTime received{};
  std::uint64_t size = 0;    ///< Of the content.
  std::string facts = "{}";  ///< JSON object by the gateway: verdicts, seal.
  ContentId content;
};

/// What to add besides the content.
struct MailboxAddition {
  std::string address;
  std::string sender;
  WallTime received{};
  std::string facts = "{}";
};

/// In a job: makes the address another owner of the content. Adding the same message twice for one address is done once (true: added).
[[nodiscard]] Result<bool> add_to_mailbox(Database& database, ContentStore& contents, const MessageId& message, ContentId content,
                                          std::uint64_t size, const MailboxAddition& addition);

class MailboxStore {
 public:
  MailboxStore(Store& store, Keeper& keeper) : m_store(store), m_keeper(keeper) {}

  /// Seals, writes, commits. Not on an event loop.
  [[nodiscard]] Status add(const MessageId& message, std::string_view content, const MailboxAddition& addition);
  /// The newest first, at most `limit`, older than `before` when given. Empty address: all.
  [[nodiscard]] Result<std::vector<MailboxEntry>> list(std::string_view address, std::size_t limit,
                                                       std::optional<std::int64_t> before = std::nullopt) const;
  /// The entries of one message (one per owner); NotFound when there is none.
  [[nodiscard]] Result<std::vector<MailboxEntry>> find(const MessageId& message) const;
  /// The exact bytes that were added.
  [[nodiscard]] Result<std::string> content(const MailboxEntry& entry) const;
  /// Deletes one entry, and the content with its last owner.
  [[nodiscard]] Status remove(std::int64_t number);
  [[nodiscard]] Result<std::uint64_t> count() const;

 private:
  Store& m_store;
  Keeper& m_keeper;
};

}  // namespace postern
