#include "store/audit_log.hpp"

#include <algorithm>

#include "store/schema.hpp"

namespace postern {
namespace {

constexpr std::string_view kColumns = "SELECT seq, time, kind, correlation, message, actor, facts, hash FROM audit ";

Result<AuditHash> hash_of(ByteView blob) {
  AuditHash hash{};
  if (blob.size() != hash.size()) return fail(ErrorCode::IntegrityFailed, "a stored audit hash has a wrong size");
  std::ranges::copy(blob, hash.begin());
  return hash;
}

Result<AuditEntry> entry_of(const Statement& row) {
  AuditEntry entry;
  entry.sequence = static_cast<std::uint64_t>(row.integer(0));
  entry.record.time = wall_from_millis(row.integer(1));
  entry.record.kind = row.text(2);
  entry.record.correlation = CorrelationId(std::string(row.text(3)));
  entry.record.message = MessageId(std::string(row.text(4)));
  entry.record.actor = row.text(5);
  entry.record.facts = row.text(6);
  // A hash of a wrong size is a broken chain, not an unreadable log.
  if (const auto hash = hash_of(row.blob(7))) entry.hash = *hash;
  return entry;
}

Result<AuditHead> genesis_of(Database& database) {
  POSTERN_TRY(const bool engine, is_engine_schema(database));
  return audit_genesis(engine ? AuditChain::Engine : AuditChain::Mail);
}

Result<AuditHead> stored_head(Database& database) {
  POSTERN_TRY(Statement row, database.prepare("SELECT seq, hash FROM audit_head WHERE id = 1"));
  POSTERN_TRY(const bool found, row.step());
  if (!found) return genesis_of(database);
  POSTERN_TRY(const AuditHash hash, hash_of(row.blob(1)));
  return AuditHead{static_cast<std::uint64_t>(row.integer(0)), hash};
}

Result<std::vector<AuditEntry>> collect(Statement& rows) {
  std::vector<AuditEntry> entries;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return entries;
    POSTERN_TRY(entries.emplace_back(), entry_of(rows));
  }
}

/// Records lie in order of time as far as the clock kept it, so the first one of a time is found by halving. A clock step can put a
/// few records on the wrong side: callers start an hour earlier.
Result<std::uint64_t> first_sequence_since(Database& database, WallTime time) {
  POSTERN_TRY(const auto last, database.query_integer("SELECT max(seq) FROM audit"));
  std::uint64_t low = 1, high = static_cast<std::uint64_t>(last.value_or(0)) + 1;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    POSTERN_TRY(const auto at, database.query_integer("SELECT time FROM audit WHERE seq >= ?1 ORDER BY seq LIMIT 1", middle));
    if (at && *at < unix_millis(time))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/// The time in the first ten characters of a message id (base/ids.hpp), if it has that form.
std::optional<WallTime> time_of(const MessageId& id) {
  if (!is_ulid(id.get())) return std::nullopt;
  static constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::int64_t millis = 0;
  for (const char c : id.get().substr(0, 10)) millis = millis * 32 + static_cast<std::int64_t>(kDigits.find(c));
  return wall_from_millis(millis);
}

Result<std::uint64_t> first_candidate(Database& database, const AuditFilter& filter) {
  constexpr auto kClockSlack = std::chrono::hours(1);
  std::optional<WallTime> since = filter.since;
  if (filter.message) {
    const auto born = time_of(*filter.message);
    if (born && (!since || *born > *since)) since = born;
  }
  std::uint64_t first = filter.after + 1;
  if (since) {
    POSTERN_TRY(const std::uint64_t by_time, first_sequence_since(database, *since - kClockSlack));
    first = std::max(first, by_time);
  }
  return first;
}

std::function<Status(WriteContext&)> job_of(std::vector<AuditRecord> records) {
  return [records = std::move(records)](WriteContext& context) -> Status {
    for (const AuditRecord& record : records) POSTERN_CHECK(context.audit.append(context.database, record));
    return {};
  };
}

}  // namespace

Result<AuditAppender> AuditAppender::open(Database& database) {
  POSTERN_TRY(const AuditHead head, stored_head(database));
  // A record behind the head, or a head behind the records, is for `audit verify` to name; new records must never overwrite.
  POSTERN_TRY(const auto last, database.query_integer("SELECT max(seq) FROM audit"));
  if (static_cast<std::uint64_t>(last.value_or(0)) > head.sequence)
    return fail(ErrorCode::IntegrityFailed, "the audit log has records behind its head: run `postern audit verify`, restore from a backup");
  return AuditAppender(head);
}

Status AuditAppender::append(Database& database, const AuditRecord& record) {
  POSTERN_CHECK(check_record(record));
  const std::uint64_t sequence = m_head.sequence + 1;
  const AuditHash hash = chain_hash(m_head.hash, canonical_bytes(sequence, record));
  POSTERN_CHECK(database.run("INSERT INTO audit(seq, time, kind, correlation, message, actor, facts, hash) VALUES (?,?,?,?,?,?,?,?)",
                             sequence, unix_millis(record.time), record.kind, record.correlation.get(), record.message.get(), record.actor,
                             record.facts, ByteView(hash)));
  m_head = {sequence, hash};
  return {};
}

Status AuditAppender::before_commit(Database& database) {
  if (m_head == m_committed) return {};
  return database.run("INSERT OR REPLACE INTO audit_head(id, seq, hash) VALUES (1, ?, ?)", m_head.sequence, ByteView(m_head.hash));
}

void AuditAppender::batch_ended(bool committed) {
  if (committed)
    m_committed = m_head;
  else
    m_head = m_committed;
}

Status SqliteAuditLog::append(AuditRecord record) {
  return m_store.writer().transact_with_audit([&](WriteContext& context) { return context.audit.append(context.database, record); });
}

void SqliteAuditLog::append(std::vector<AuditRecord> records, std::function<void(const Status&)> done) {
  m_store.writer().submit(job_of(std::move(records)), std::move(done));
}

void SqliteAuditLog::append_and_help(std::vector<AuditRecord> records, std::function<void(const Status&)> done) {
  m_store.writer().submit_and_help(job_of(std::move(records)), std::move(done));
}

Result<std::vector<AuditEntry>> SqliteAuditLog::list(const AuditFilter& filter, std::size_t limit) const {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(const std::uint64_t first, first_candidate(*reader, filter));
  static const std::string kSql = std::string(kColumns) +
                                  "WHERE seq >= ?1 AND (?2 IS NULL OR message = ?2) AND (?3 IS NULL OR correlation = ?3)"
                                  " AND (?4 = '' OR kind = ?4 OR (substr(?4, -1) = '.' AND substr(kind, 1, length(?4)) = ?4))"
                                  " AND (?5 IS NULL OR time >= ?5) ORDER BY seq LIMIT ?6";
  POSTERN_TRY(Statement rows, reader->prepare(kSql));
  std::optional<std::int64_t> since;
  if (filter.since) since = unix_millis(*filter.since);
  std::optional<std::string_view> message, correlation;
  if (filter.message) message = filter.message->get();
  if (filter.correlation) correlation = filter.correlation->get();
  rows.bind_all(first, message, correlation, filter.kind, since, static_cast<std::uint64_t>(limit));
  return collect(rows);
}

Result<std::vector<AuditEntry>> SqliteAuditLog::newest(std::size_t limit) const {
  const DatabaseReader reader = m_store.reader();
  static const std::string kSql = std::string(kColumns) + "ORDER BY seq DESC LIMIT ?1";
  POSTERN_TRY(Statement rows, reader->prepare(kSql));
  rows.bind_all(static_cast<std::uint64_t>(limit));
  return collect(rows);
}

Result<AuditHead> SqliteAuditLog::head() const {
  const DatabaseReader reader = m_store.reader();
  return stored_head(*reader);
}

Result<AuditVerdict> SqliteAuditLog::verify(const std::optional<AuditHead>& expected) const {
  POSTERN_TRY(Database reader, m_store.open_reader());  // a long log takes long, and the pool's readers have other work
  return verify_audit(reader, expected);
}

Result<AuditVerdict> verify_audit(Database& database, const std::optional<AuditHead>& expected,
                                  const std::function<void(const AuditEntry&)>& each) {
  // One snapshot for log and head, while the daemon goes on writing.
  POSTERN_CHECK(database.run("BEGIN"));
  const auto walk = [&]() -> Result<AuditVerdict> {
    POSTERN_TRY(const AuditHead head, stored_head(database));
    static const std::string kSql = std::string(kColumns) + "ORDER BY seq";
    POSTERN_TRY(Statement rows, database.prepare(kSql));
    AuditVerdict verdict;
    POSTERN_TRY(const AuditHead genesis, genesis_of(database));
    ChainVerifier verifier(genesis);
    for (;;) {
      POSTERN_TRY(const bool row, rows.step());
      if (!row) break;
      POSTERN_TRY(const AuditEntry entry, entry_of(rows));
      verifier.add(entry);
      if (each && !verifier.fault()) each(entry);
      ++verdict.entries;
    }
    verifier.finish(expected ? expected : head);
    verdict.head = verifier.head();
    verdict.fault = verifier.fault();
    return verdict;
  };
  auto verdict = walk();
  POSTERN_CHECK(database.run("COMMIT"));
  return verdict;
}

Result<std::optional<AuditEntry>> newest_audit(Database& database, std::string_view kind, std::size_t among,
                                               const std::function<bool(const AuditRecord&)>& wanted) {
  static const std::string kSql = std::string(kColumns) + "WHERE kind = ?1 ORDER BY seq DESC LIMIT ?2";
  POSTERN_TRY(Statement rows, database.prepare(kSql));
  rows.bind_all(kind, static_cast<std::uint64_t>(among));
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return std::optional<AuditEntry>();
    POSTERN_TRY(AuditEntry entry, entry_of(rows));
    if (wanted(entry.record)) return std::optional(std::move(entry));
  }
}

}  // namespace postern
