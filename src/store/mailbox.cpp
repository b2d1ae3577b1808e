#include "store/mailbox.hpp"

#include "audit/record.hpp"
#include "base/text.hpp"

namespace postern {
namespace {

MailboxEntry entry_of(const Statement& row) {
  MailboxEntry entry;
  entry.number = row.integer(0);
  entry.address = row.text(1);
  entry.message = MessageId(std::string(row.text(2)));
  entry.sender = row.text(3);
  entry.received = wall_from_millis(row.integer(4));
  entry.size = static_cast<std::uint64_t>(row.integer(5));
  entry.facts = row.text(6);
  entry.content = ContentId(row.integer(7));
  return entry;
}

Result<std::vector<MailboxEntry>> collect(Statement& rows) {
  std::vector<MailboxEntry> entries;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return entries;
    entries.push_back(entry_of(rows));
  }
}

}  // namespace

Result<bool> add_to_mailbox(Database& database, ContentStore& contents, const MessageId& message, ContentId content, std::uint64_t size,
                            const MailboxAddition& addition) {
  const std::string address = to_lower(addition.address);
  POSTERN_CHECK(
      database.run("INSERT INTO mailbox(address, message, sender, received, size, facts, content) VALUES (?,?,?,?,?,?,?)"
                   " ON CONFLICT(address, message) DO NOTHING",
                   address, message.get(), addition.sender, unix_millis(addition.received), size, addition.facts, content.get()));
  if (database.changes() == 0) return false;
  POSTERN_CHECK(contents.retain(database, content));
  return true;
}

Status MailboxStore::add(const MessageId& message, std::string_view content, const MailboxAddition& addition) {
  POSTERN_TRY(const SealedContent sealed, seal_content(m_keeper, message, content, key_names::kMailStorage, &m_store.sealing()));
  return m_store.writer().transact([&](Database& database) -> Status {
    // The first owner is this call; it lets go again when the mailbox has taken the content, or has the message already.
    POSTERN_TRY(const ContentId id, m_store.contents().put(database, message, sealed, 1));
    POSTERN_TRY(const bool added, add_to_mailbox(database, m_store.contents(), message, id, sealed.size, addition));
    static_cast<void>(added);
    return m_store.contents().release(database, id);
  });
}

Result<std::vector<MailboxEntry>> MailboxStore::list(std::string_view address, std::size_t limit,
                                                     std::optional<std::int64_t> before) const {
  const DatabaseReader reader = m_store.reader();
  const std::int64_t end = before.value_or(INT64_MAX);
  const std::string owner = to_lower(address);
  POSTERN_TRY(Statement rows, owner.empty()
                                  ? reader->prepare("SELECT number, address, message, sender, received, size, facts, content FROM mailbox"
                                                    " WHERE number < ?1 ORDER BY number DESC LIMIT ?2")
                                  : reader->prepare("SELECT number, address, message, sender, received, size, facts, content FROM mailbox"
                                                    " WHERE number < ?1 AND address = ?3 ORDER BY number DESC LIMIT ?2"));
  rows.bind_all(end, static_cast<std::uint64_t>(limit));
  if (!owner.empty()) rows.bind(owner);
  return collect(rows);
}

Result<std::vector<MailboxEntry>> MailboxStore::find(const MessageId& message) const {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows, reader->prepare("SELECT number, address, message, sender, received, size, facts, content FROM mailbox"
                                              " WHERE message = ?1 ORDER BY number"));
  rows.bind_all(message.get());
  POSTERN_TRY(auto entries, collect(rows));
  if (entries.empty()) return fail(ErrorCode::NotFound, "no message " + printable(message.get()) + " in any mailbox");
  return entries;
}

Result<std::string> MailboxStore::content(const MailboxEntry& entry) const {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(const SealedContent sealed, m_store.contents().read(*reader, entry.content));
  return open_content(m_keeper, entry.message, sealed);
}

Status MailboxStore::remove(std::int64_t number) {
  return m_store.writer().transact([&](Database& database) -> Status {
    POSTERN_TRY(const auto content, database.query_integer("SELECT content FROM mailbox WHERE number = ?", number));
    if (!content) return fail(ErrorCode::NotFound, "no mailbox entry " + std::to_string(number));
    POSTERN_CHECK(database.run("DELETE FROM mailbox WHERE number = ?", number));
    return m_store.contents().release(database, ContentId(*content));
  });
}

Result<std::uint64_t> MailboxStore::count() const {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(const auto count, reader->query_integer("SELECT count(*) FROM mailbox"));
  return static_cast<std::uint64_t>(count.value_or(0));
}

}  // namespace postern
