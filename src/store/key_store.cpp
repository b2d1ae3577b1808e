#include "store/key_store.hpp"

namespace postern {

Result<std::vector<KeyRecord>> SqliteKeyStore::load() {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows, reader->prepare("SELECT name, revision, body FROM keyring ORDER BY name"));
  std::vector<KeyRecord> records;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return records;
    const ByteView body = rows.blob(2);
    records.push_back({KeyName(std::string(rows.text(0))), static_cast<std::uint64_t>(rows.integer(1)), Bytes(body.begin(), body.end())});
  }
}

Status SqliteKeyStore::insert(const KeyRecord& record) {
  if (record.body.size() > kKeyRecordLimit) return fail(ErrorCode::TooLarge, "the key has too many versions: remove old ones");
  return m_store.writer().transact([&](Database& database) -> Status {
    POSTERN_CHECK(database.run("INSERT INTO keyring(name, revision, body) VALUES (?,?,?) ON CONFLICT(name) DO NOTHING", record.name.get(),
                               record.revision, record.body));
    if (database.changes() == 0) return fail(ErrorCode::Conflict, "a key of this name exists", record.name.get());
    return {};
  });
}

Status SqliteKeyStore::update(const KeyRecord& record) {
  if (record.body.size() > kKeyRecordLimit) return fail(ErrorCode::TooLarge, "the key has too many versions: remove old ones");
  return m_store.writer().transact([&](Database& database) -> Status {
    POSTERN_TRY(const auto revision, database.query_integer("SELECT revision FROM keyring WHERE name = ?", record.name.get()));
    if (!revision) return fail(ErrorCode::NotFound, "no such key", record.name.get());
    if (static_cast<std::uint64_t>(*revision) + 1 != record.revision)
      return fail(ErrorCode::Conflict, "the key was changed meanwhile", record.name.get());
    return database.run("UPDATE keyring SET revision = ?2, body = ?3 WHERE name = ?1", record.name.get(), record.revision, record.body);
  });
}

Status SqliteKeyStore::remove(const KeyName& name) {
  return m_store.writer().transact([&](Database& database) -> Status {
    // Pages of the old body must not keep it: overwrite before the delete, whatever secure_delete does.
    POSTERN_CHECK(database.run("UPDATE keyring SET body = zeroblob(length(body)) WHERE name = ?", name.get()));
    POSTERN_CHECK(database.run("DELETE FROM keyring WHERE name = ?", name.get()));
    if (database.changes() == 0) return fail(ErrorCode::NotFound, "no such key", name.get());
    return {};
  });
}

Result<Bytes> SqliteKeyStore::load_root() {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement row, reader->prepare("SELECT body FROM keyring_root WHERE id = 1"));
  POSTERN_TRY(const bool found, row.step());
  if (!found) return Bytes();
  return Bytes(row.blob(0).begin(), row.blob(0).end());
}

Status SqliteKeyStore::save_root(ByteView blob) {
  return m_store.writer().transact(
      [&](Database& database) { return database.run("INSERT OR REPLACE INTO keyring_root(id, body) VALUES (1, ?)", blob); });
}

}  // namespace postern
