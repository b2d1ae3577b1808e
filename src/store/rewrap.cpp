#include "store/rewrap.hpp"

#include "base/log.hpp"
#include "store/sealed_content.hpp"

namespace postern {
namespace {

RewrapRun run_of(const Statement& row) {
  RewrapRun out;
  out.key = KeyName(std::string(row.text(0)));
  out.target = static_cast<std::uint32_t>(row.integer(1));
  out.cursor = row.integer(2);
  out.total = static_cast<std::uint64_t>(row.integer(3));
  out.done = static_cast<std::uint64_t>(row.integer(4));
  out.failed = static_cast<std::uint64_t>(row.integer(5));
  out.archive = row.integer(6) != 0;
  out.started = wall_from_millis(row.integer(7));
  if (!row.is_null(8)) out.finished = wall_from_millis(row.integer(8));
  return out;
}

Status save(Database& database, const RewrapRun& run) {
  std::optional<std::int64_t> finished;
  if (run.finished) finished = unix_millis(*run.finished);
  return database.run(
      "INSERT OR REPLACE INTO rewrap(key, target, cursor, total, done, failed, archive, started, finished) VALUES (?,?,?,?,?,?,?,?,?)",
      run.key.get(), run.target, run.cursor, run.total, run.done, run.failed, run.archive, unix_millis(run.started), finished);
}

Result<std::optional<RewrapRun>> load(Database& database, const KeyName& key) {
  POSTERN_TRY(Statement row,
              database.prepare("SELECT key, target, cursor, total, done, failed, archive, started, finished FROM rewrap WHERE key = ?"));
  POSTERN_TRY(const bool found, row.bind_all(key.get()).step());
  if (!found) return std::optional<RewrapRun>();
  return std::optional(run_of(row));
}

/// The keeper or the disk does not answer now; everything else is about the row.
bool passes(const Error& error) {
  return error.code == ErrorCode::Unavailable || error.code == ErrorCode::Timeout || error.code == ErrorCode::Exhausted;
}

}  // namespace

struct RewrapStore::Row {
  std::int64_t id = 0;
  MessageId message;
  Bytes stored;
  Bytes fresh;         ///< Empty: nothing to write.
  std::string reason;  ///< Why it could not be re-wrapped.
};

struct RewrapStore::Batch {
  std::vector<Row> rows;  ///< Of this key and older than the target.
  std::int64_t cursor = 0;
  bool end = false;
};

Result<RewrapRun> RewrapStore::begin(const KeyName& key, std::uint32_t target, bool archive) {
  POSTERN_TRY(const auto known, run(key));
  const bool same = known && known->target == target;
  std::uint64_t older = 0;
  if (!same || known->finished) {
    POSTERN_TRY(older, count_older(key, target));
  }
  if (same && (!known->finished || older == 0)) return keep(*known, archive);
  RewrapRun out;
  out.key = key;
  out.target = target;
  out.total = older;
  out.archive = archive || (known && !known->finished && known->archive);
  out.started = m_clock.now();
  POSTERN_CHECK(m_store.writer().transact([&](Database& database) -> Status {
    POSTERN_CHECK(database.run("DELETE FROM rewrap_failure WHERE key = ?", key.get()));
    return save(database, out);
  }));
  return out;
}

/// A run that goes on, or that has nothing left to do.
Result<RewrapRun> RewrapStore::keep(RewrapRun run, bool archive) {
  if (!archive || run.archive) return run;
  run.archive = true;
  POSTERN_CHECK(m_store.writer().transact(
      [&](Database& database) { return database.run("UPDATE rewrap SET archive = 1 WHERE key = ?", run.key.get()); }));
  return run;
}

/// Only columns in front of the content are read.
Result<RewrapStore::Batch> RewrapStore::read(Database& database, const RewrapRun& run, std::size_t rows) const {
  POSTERN_TRY(Statement found, database.prepare("SELECT id, message, wrapped_key FROM content WHERE id > ? ORDER BY id LIMIT ?"));
  found.bind_all(run.cursor, static_cast<std::uint64_t>(rows));
  Batch out;
  out.cursor = run.cursor;
  for (std::size_t seen = 0;; ++seen) {
    POSTERN_TRY(const bool row, found.step());
    if (!row) {
      out.end = seen < rows;
      return out;
    }
    out.cursor = found.integer(0);
    const ByteView stored = found.blob(2);
    const auto parsed = parse_wrapped_key(stored);
    // A row that names no key is nobody's; the run of the default key reports it.
    if ((parsed ? parsed->storage_key : key_names::kMailStorage) != run.key) continue;
    const auto version = parsed ? m_keeper.wrapped_version(parsed->wrapped) : Result<std::uint32_t>(fail(parsed.error()));
    if (version && *version >= run.target) continue;
    out.rows.push_back({out.cursor, MessageId(std::string(found.text(1))), Bytes(stored.begin(), stored.end()), {}, {}});
    if (!version) out.rows.back().reason = version.error().text();
  }
}

Status RewrapStore::rewrap(const RewrapRun& run, Row& row) const {
  if (!row.reason.empty()) return {};
  POSTERN_TRY(const WrappedKey wrapped, parse_wrapped_key(row.stored));
  auto fresh = m_keeper.rewrap_data_key(run.key, wrapped.wrapped, as_bytes(content_aad(row.message)));
  if (!fresh && passes(fresh.error())) return fail(std::move(fresh).error());
  if (fresh)
    row.fresh = stored_wrapped_key(run.key, *fresh);
  else
    row.reason = fresh.error().text();
  return {};
}

Result<RewrapRun> RewrapStore::step(const KeyName& key, std::size_t rows) {
  POSTERN_TRY(const auto known, run(key));
  if (!known) return fail(ErrorCode::NotFound, "no re-wrapping of this key was begun", key.get());
  if (known->finished) return *known;
  auto batch = [&] {
    const DatabaseReader reader = m_store.reader();
    return read(*reader, *known, rows);
  }();
  if (!batch) return fail(std::move(batch).error());
  for (Row& row : batch->rows) POSTERN_CHECK(rewrap(*known, row));
  RewrapRun next = *known;
  POSTERN_CHECK(m_store.writer().transact([&](Database& database) -> Status {
    POSTERN_TRY(const auto current, load(database, key));  // a wish to archive may have come meanwhile
    if (!current || current->cursor != known->cursor || current->target != known->target)
      return fail(ErrorCode::Conflict, "somebody else re-wraps this key", key.get());
    next = *current;
    next.cursor = batch->cursor;
    for (const Row& row : batch->rows) {
      if (row.fresh.empty()) {
        ++next.failed;
        POSTERN_CHECK(database.run("INSERT OR REPLACE INTO rewrap_failure(key, content, message, reason) VALUES (?,?,?,?)", key.get(),
                                   row.id, row.message.get(), row.reason));
        continue;
      }
      POSTERN_CHECK(database.run("UPDATE content SET wrapped_key = ? WHERE id = ? AND wrapped_key = ?", row.fresh, row.id, row.stored));
      next.done += static_cast<std::uint64_t>(database.changes());
    }
    if (batch->end) {
      next.finished = m_clock.now();
      next.total = next.done + next.failed;  // what was deleted meanwhile needed nothing
    } else {
      next.total = std::max(next.total, next.done + next.failed);
    }
    return save(database, next);
  }));
  for (const Row& row : batch->rows) {
    if (row.fresh.empty())
      log::error("keys.rewrap_failed", {{"key", key.get()}, {"content", row.id}, {"message", row.message.get()}, {"reason", row.reason}});
  }
  return next;
}

Result<std::optional<RewrapRun>> RewrapStore::run(const KeyName& key) const {
  const DatabaseReader reader = m_store.reader();
  return load(*reader, key);
}

Result<std::vector<RewrapRun>> RewrapStore::runs() const {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows,
              reader->prepare("SELECT key, target, cursor, total, done, failed, archive, started, finished FROM rewrap ORDER BY key"));
  std::vector<RewrapRun> out;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return out;
    out.push_back(run_of(rows));
  }
}

Result<std::vector<RewrapFailure>> RewrapStore::failures(const KeyName& key, std::size_t limit) const {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows,
              reader->prepare("SELECT f.content, f.message, f.reason FROM rewrap_failure f JOIN content c ON c.id = f.content"
                              " WHERE f.key = ? ORDER BY f.content LIMIT ?"));
  rows.bind_all(key.get(), static_cast<std::uint64_t>(limit));
  std::vector<RewrapFailure> out;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return out;
    out.push_back({ContentId(rows.integer(0)), MessageId(std::string(rows.text(1))), std::string(rows.text(2))});
  }
}

Status RewrapStore::clear_archive(const KeyName& key) {
  return m_store.writer().transact(
      [&](Database& database) { return database.run("UPDATE rewrap SET archive = 0 WHERE key = ?", key.get()); });
}

// A connection of its own: it looks at everything, and the pool has few.
Result<std::uint64_t> RewrapStore::count_older(const KeyName& key, std::uint32_t version) const {
  POSTERN_TRY(Database reader, m_store.open_reader());
  POSTERN_TRY(Statement rows, reader.prepare("SELECT wrapped_key FROM content"));
  for (std::uint64_t count = 0;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return count;
    const auto parsed = parse_wrapped_key(rows.blob(0));
    if ((parsed ? parsed->storage_key : key_names::kMailStorage) != key) continue;
    const auto found = parsed ? m_keeper.wrapped_version(parsed->wrapped) : Result<std::uint32_t>(0U);
    count += !found || *found < version ? 1 : 0;
  }
}

Result<std::vector<ContentId>> RewrapStore::contents_of(const KeyName& key, ContentId after, std::size_t limit) const {
  POSTERN_TRY(Database reader, m_store.open_reader());
  POSTERN_TRY(Statement rows, reader.prepare("SELECT id, wrapped_key FROM content WHERE id > ? ORDER BY id"));
  rows.bind_all(after.get());
  std::vector<ContentId> out;
  while (out.size() < limit) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) break;
    const auto parsed = parse_wrapped_key(rows.blob(1));
    if (parsed && parsed->storage_key == key) out.emplace_back(rows.integer(0));
  }
  return out;
}

}  // namespace postern
