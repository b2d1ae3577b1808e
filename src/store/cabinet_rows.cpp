#include "store/cabinet_rows.hpp"

namespace postern {
namespace {

std::string facts_aad(const MessageId& id) { return "cabinet-f" + id.get(); }
std::string brief_aad(std::string_view id) { return "cabinet-b" + std::string(id); }
std::string step_aad(const MessageId& id, std::int64_t n) { return "cabinet-s" + id.get() + "-" + std::to_string(n); }

tl::unexpected<Error> no_such(const char* what, const char* field) {
  return fail(ErrorCode::NotFound, std::string("there is no ") + what + " of this name", field);
}

}  // namespace

// ---- a content on its way in
Status CabinetContent::append(ByteView octets) {
  m_size += octets.size();
  if (m_staged) return m_staged->append(octets);
  m_small.append(as_text(octets));
  if (m_small.size() <= kSmall) return {};
  POSTERN_TRY(m_staged, m_staging.begin(m_id));
  const Status moved = m_staged->append(as_bytes(m_small));
  wipe(m_small);
  m_small.clear();
  return moved;
}

Status CabinetContent::finish() {
  if (m_staged) return m_staged->finish();
  POSTERN_TRY(m_sealed, seal_content(m_keeper, m_id, m_small, key_names::kMailStorage, &m_store.sealing()));
  wipe(m_small);
  return {};
}

Result<ContentId> CabinetContent::put(Database& database, ContentStore& contents) const {
  return m_staged ? m_staged->adopt(database, contents, 1) : contents.put(database, m_id, m_sealed, 1);
}

// ---- the key
Status CabinetRows::unlock() {
  const std::lock_guard lock(m_unlocking);
  return open_key();
}

Status CabinetRows::unlock_or_make() {
  const std::lock_guard lock(m_unlocking);
  POSTERN_CHECK(open_key());
  return m_key ? Status() : make_key();
}

Status CabinetRows::open_key() {
  if (m_key) return {};
  const auto content = m_store.reader()->query_integer("SELECT key_content FROM cabinet WHERE id = 1");
  if (!content) return fail(content.error());
  if (!*content) return {};
  POSTERN_TRY(m_key, open_row_key(m_store, m_keeper, ContentId(**content)));
  return {};
}

Status CabinetRows::make_key() {
  POSTERN_TRY(const NewRowKey made, make_row_key(m_store, m_keeper, m_random));
  POSTERN_CHECK(m_store.writer().transact([&](Database& database) -> Status {
    POSTERN_TRY(const ContentId content, made.put(database, m_store.contents()));
    return database.run("INSERT INTO cabinet(id, key_content) VALUES (1, ?)", content.get());
  }));
  m_key = made.key;
  return {};
}

// ---- in a job
Status CabinetRows::insert(Database& database, const CabinetRow& row) const {
  POSTERN_TRY(const Bytes facts, m_key->seal(facts_aad(row.id), row.facts));
  POSTERN_CHECK(
      database.run("INSERT INTO cabinet_item(id, folder, kind, state, unopened, created, changed, facts) VALUES (?,?,?,?,?,?,?,?)",
                   row.id.get(), row.folder, row.kind, row.state, row.unopened, row.created, row.changed, facts));
  return put_search(database, row);
}

Status CabinetRows::put_search(Database& database, const CabinetRow& row) const {
  POSTERN_TRY(const Bytes brief, m_key->seal(brief_aad(row.id.get()), as_bytes(row.brief)));
  return database.run("INSERT OR REPLACE INTO cabinet_search(item, priority, outcomes, brief) VALUES (?,?,?,?)", row.id.get(), row.priority,
                      row.outcomes, brief);
}

Status CabinetRows::update(Database& database, const CabinetRow& row) const {
  POSTERN_TRY(const Bytes facts, m_key->seal(facts_aad(row.id), row.facts));
  POSTERN_CHECK(database.run("UPDATE cabinet_item SET folder = ?, kind = ?, state = ?, unopened = ?, changed = ?, facts = ? WHERE id = ?",
                             row.folder, row.kind, row.state, row.unopened, row.changed, facts, row.id.get()));
  return put_search(database, row);
}

Status CabinetRows::clear(Database& database, const MessageId& id) const {
  std::vector<std::int64_t> contents;
  {
    POSTERN_TRY(Statement rows, database.prepare("SELECT content FROM cabinet_content WHERE item = ?"));
    rows.bind_all(id.get());
    for (;;) {
      POSTERN_TRY(const bool row, rows.step());
      if (!row) break;
      contents.push_back(rows.integer(0));
    }
  }
  for (const std::int64_t content : contents) POSTERN_CHECK(m_store.contents().release(database, ContentId(content)));
  POSTERN_CHECK(database.run("DELETE FROM cabinet_content WHERE item = ?", id.get()));
  return database.run("DELETE FROM cabinet_name WHERE item = ?", id.get());
}

Status CabinetRows::remove(Database& database, const MessageId& id) const {
  POSTERN_CHECK(clear(database, id));
  POSTERN_CHECK(database.run("DELETE FROM cabinet_step WHERE item = ?", id.get()));
  POSTERN_CHECK(database.run("DELETE FROM cabinet_search WHERE item = ?", id.get()));
  return database.run("DELETE FROM cabinet_item WHERE id = ?", id.get());
}

Status CabinetRows::put_content(Database& database, const MessageId& id, std::size_t n, const CabinetContent& content) const {
  POSTERN_TRY(const ContentId stored, content.put(database, m_store.contents()));
  return database.run("INSERT INTO cabinet_content(item, n, content) VALUES (?,?,?)", id.get(), static_cast<std::uint64_t>(n),
                      stored.get());
}

Status CabinetRows::add_name(Database& database, std::string_view name, const MessageId& id) const {
  return database.run("INSERT OR REPLACE INTO cabinet_name(name, item) VALUES (?,?)", m_key->index_of(name), id.get());
}

Result<bool> CabinetRows::mark_fetched(Database& database, std::string_view name) const {
  POSTERN_CHECK(database.run("INSERT OR IGNORE INTO cabinet_fetched(name) VALUES (?)", m_key->index_of(name)));
  return database.changes() == 1;
}

Status CabinetRows::add_step(Database& database, const MessageId& id, ByteView step) const {
  POSTERN_TRY(const auto last, database.query_integer("SELECT max(n) FROM cabinet_step WHERE item = ?", id.get()));
  const std::int64_t n = last.value_or(0) + 1;
  POSTERN_TRY(const Bytes sealed, m_key->seal(step_aad(id, n), step));
  return database.run("INSERT INTO cabinet_step(item, n, step) VALUES (?,?,?)", id.get(), n, sealed);
}

Status CabinetRows::add_folder(Database& database, std::string_view name) const {
  POSTERN_CHECK(database.run("INSERT OR IGNORE INTO cabinet_folder(name) VALUES (?)", name));
  return database.changes() == 1 ? Status() : fail(ErrorCode::Conflict, "there is a folder of this name", "name");
}

Status CabinetRows::remove_folder(Database& database, std::string_view name) const {
  POSTERN_TRY(const auto messages, database.query_integer("SELECT count(*) FROM cabinet_item WHERE folder = ?", name));
  if (messages.value_or(0) > 0) return fail(ErrorCode::Conflict, "the folder is not empty: move or delete what is in it", "name");
  POSTERN_CHECK(database.run("DELETE FROM cabinet_folder WHERE name = ?", name));
  return database.changes() == 1 ? Status() : no_such("folder of your own", "name");
}

// ---- reading
namespace {

#define POSTERN_CABINET_COLUMNS "SELECT id, folder, kind, state, unopened, created, changed, facts"
constexpr std::string_view kOne = POSTERN_CABINET_COLUMNS " FROM cabinet_item WHERE id = ?";
constexpr std::string_view kOfState = POSTERN_CABINET_COLUMNS " FROM cabinet_item WHERE state = ? ORDER BY id";
#define POSTERN_CABINET_PAGE \
  POSTERN_CABINET_COLUMNS ", priority, outcomes, brief FROM cabinet_item LEFT JOIN cabinet_search ON item = id WHERE "
#define POSTERN_CABINET_ORDER "id < ? AND id > ? ORDER BY id DESC LIMIT ?"
constexpr std::string_view kPage = POSTERN_CABINET_PAGE POSTERN_CABINET_ORDER;
constexpr std::string_view kPageOfFolder = POSTERN_CABINET_PAGE "folder = ? AND " POSTERN_CABINET_ORDER;
#undef POSTERN_CABINET_COLUMNS
#undef POSTERN_CABINET_PAGE
#undef POSTERN_CABINET_ORDER
enum Column : int { kKind = 2, kState = 3, kUnopened = 4, kCreated = 5, kPriority = 8, kOutcomes = 9, kBrief = 10 };
constexpr std::string_view kBehindAll = "~";  // behind every id

}  // namespace

Result<CabinetRow> CabinetRows::row_of(const Statement& row, Damaged damaged) const {
  CabinetRow out{MessageId(std::string(row.text(0))),
                 std::string(row.text(1)),
                 static_cast<int>(row.integer(2)),
                 static_cast<int>(row.integer(3)),
                 row.integer(4) != 0,
                 row.integer(5),
                 row.integer(6),
                 {}};
  auto facts = m_key->open(facts_aad(out.id), row.blob(7));
  if (facts)
    out.facts = *std::move(facts);
  else if (damaged == Damaged::Fails || facts.error().code != ErrorCode::IntegrityFailed)
    return fail(facts.error());
  return out;
}

Result<std::vector<CabinetRow>> CabinetRows::rows_of(Statement& rows) const {
  std::vector<CabinetRow> out;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return out;
    POSTERN_TRY(out.emplace_back(), row_of(rows, Damaged::WithoutFacts));
  }
}

Result<CabinetRow> CabinetRows::find(Database& database, const MessageId& id) const {
  POSTERN_TRY(Statement row, database.prepare(kOne));
  POSTERN_TRY(const bool found, row.bind_all(id.get()).step());
  if (!found) return fail(ErrorCode::NotFound, "there is no message of this id", "id");
  return row_of(row);
}

Result<std::optional<MessageId>> CabinetRows::named(Database& database, std::string_view name) const {
  if (!m_key) return std::nullopt;  // nothing was ever named
  const Bytes index = m_key->index_of(name);
  POSTERN_TRY(Statement row, database.prepare("SELECT item FROM cabinet_name WHERE name = ?"));
  POSTERN_TRY(const bool found, row.bind_all(index).step());
  return found ? std::optional(MessageId(std::string(row.text(0)))) : std::nullopt;
}

Result<bool> CabinetRows::has_folder(Database& database, std::string_view name) const {
  POSTERN_TRY(const auto found, database.query_integer("SELECT 1 FROM cabinet_folder WHERE name = ?", name));
  return found.has_value();
}

Result<CabinetRow> CabinetRows::find(const MessageId& id) const {
  const DatabaseReader reader = m_store.reader();
  return find(*reader, id);
}

Result<bool> CabinetRows::is_fetched(std::string_view name) const {
  if (!m_key) return false;
  const Bytes index = m_key->index_of(name);
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(const auto found, reader->query_integer("SELECT 1 FROM cabinet_fetched WHERE name = ?", index));
  return found.has_value();
}

namespace {

bool has(std::uint32_t mask, std::int64_t value) { return value >= 0 && value < 32 && (mask >> value & 1U) != 0; }

bool takes_columns(const CabinetFilter& filter, const Statement& row) {
  const std::int64_t created = row.integer(kCreated);
  return has(filter.kinds, row.integer(kKind)) && has(filter.states, row.integer(kState)) && has(filter.unopened, row.integer(kUnopened)) &&
         created >= filter.since && created < filter.until;
}

}  // namespace

/// What costs least is looked at first.
bool CabinetRows::takes(const CabinetFilter& filter, const Statement& row) const {
  if (!takes_columns(filter, row)) return false;
  if (row.is_null(kPriority)) return true;
  const auto outcomes = static_cast<std::uint32_t>(row.integer(kOutcomes));
  if (!has(filter.priorities, row.integer(kPriority)) || (outcomes & filter.no_outcome) != 0) return false;
  for (const std::uint32_t wanted : {filter.any_outcome, filter.also_outcome})
    if (wanted != 0 && (outcomes & wanted) == 0) return false;
  if (!filter.matches) return true;
  const auto brief = m_key->open(brief_aad(row.text(0)), row.blob(kBrief));
  return !brief || filter.matches(as_text(*brief));
}

Result<CabinetPage> CabinetRows::list(const CabinetFilter& filter, std::size_t limit, std::size_t most) const {
  const DatabaseReader reader = m_store.reader();
  const std::string_view end = filter.before.empty() ? kBehindAll : std::string_view(filter.before);
  POSTERN_TRY(Statement rows, reader->prepare(filter.folder.empty() ? kPage : kPageOfFolder));
  if (!filter.folder.empty()) rows.bind(filter.folder);
  rows.bind_all(end, filter.after, static_cast<std::uint64_t>(most));
  CabinetPage out;
  while (out.rows.size() < limit) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) break;
    ++out.looked_at;
    out.next = std::string(rows.text(0));
    if (!takes(filter, rows)) continue;
    POSTERN_TRY(out.rows.emplace_back(), row_of(rows, Damaged::WithoutFacts));
  }
  // The rows ended before the page was full and the look was over.
  if (out.rows.size() < limit && out.looked_at < most) out.next.reset();
  return out;
}

Result<std::vector<CabinetRow>> CabinetRows::in_state(int state) const {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows, reader->prepare(kOfState));
  rows.bind_all(state);
  return rows_of(rows);
}

Result<std::vector<Bytes>> CabinetRows::steps(const MessageId& id) const {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows, reader->prepare("SELECT n, step FROM cabinet_step WHERE item = ? ORDER BY n"));
  rows.bind_all(id.get());
  std::vector<Bytes> out;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return out;
    POSTERN_TRY(out.emplace_back(), m_key->open(step_aad(id, rows.integer(0)), rows.blob(1)));
  }
}

Result<std::map<std::string, CabinetRows::Count>> CabinetRows::counts() const {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows, reader->prepare("SELECT folder, count(*), sum(unopened) FROM cabinet_item GROUP BY folder"));
  std::map<std::string, Count> out;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return out;
    out[std::string(rows.text(0))] = {static_cast<std::uint64_t>(rows.integer(1)), static_cast<std::uint64_t>(rows.integer(2))};
  }
}

Result<std::vector<std::string>> CabinetRows::folders() const {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows, reader->prepare("SELECT name FROM cabinet_folder ORDER BY name"));
  std::vector<std::string> out;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return out;
    out.emplace_back(rows.text(0));
  }
}

Result<ContentReader> CabinetRows::content(const MessageId& id, std::size_t n) const {
  auto stored = [&]() -> Result<StoredContent> {
    const DatabaseReader reader = m_store.reader();
    POSTERN_TRY(const auto content, reader->query_integer("SELECT content FROM cabinet_content WHERE item = ? AND n = ?", id.get(),
                                                          static_cast<std::uint64_t>(n)));
    if (!content) return fail(ErrorCode::NotFound, "the message has no such content", "copy");
    return m_store.contents().find(*reader, ContentId(*content));
  }();
  if (!stored) return fail(std::move(stored).error());
  return ContentReader::open(m_keeper, *std::move(stored));
}

}  // namespace postern
