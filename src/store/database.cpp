#include "store/database.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <unordered_map>
#include <vector>

#include "store/vfs.hpp"

namespace postern {
namespace {

constexpr std::string_view kPlainMagic("SQLite format 3\0", 16);

/// What a caller can do about a result code.
ErrorCode code_of(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL: return ErrorCode::Exhausted;
    case SQLITE_NOMEM: return ErrorCode::Exhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ErrorCode::IntegrityFailed;
    case SQLITE_CONSTRAINT: return ErrorCode::Conflict;
    case SQLITE_TOOBIG: return ErrorCode::TooLarge;
    case SQLITE_PERM: return ErrorCode::Denied;
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: return ErrorCode::Unavailable;
    default: return ErrorCode::Internal;
  }
}

std::string_view advice_of(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL: return "the disk is full: free some space";
    case SQLITE_READONLY: return "the file or its file system is read-only: make it writable";
    case SQLITE_CORRUPT: return "the database is damaged: restore it from a backup";
    case SQLITE_CANTOPEN: return "cannot open the file: look at its path and permissions";
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return "another process holds the database";
    default: return sqlite3_errstr(code);
  }
}

/// The first bytes tell a plain database from an encrypted one.
bool looks_plain(const std::filesystem::path& path) {
  std::array<char, 16> head{};
  std::ifstream file(path, std::ios::binary);
  return file.read(head.data(), head.size()) && std::string_view(head.data(), head.size()) == kPlainMagic;
}

/// SQLite creates with the umask's permissions; an empty file of ours keeps them tight (the log and index files follow it).
Status create_private(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST) return {};
  if (fd < 0) return fail(ErrorCode::Unavailable, "cannot create " + path.string() + ": " + std::strerror(errno), "database.url");
  ::close(fd);
  return {};
}

}  // namespace

struct Statement::Cached {
  sqlite3_stmt* handle = nullptr;
  bool borrowed = false;
};

struct Database::Impl {
  sqlite3* handle = nullptr;
  std::filesystem::path path;
  std::unordered_map<const void*, Statement::Cached> statements;  // by the address of the SQL literal
  int wal_frames = 0;
  int page_size = 4096;

  ~Impl() {
    for (const auto& [sql, cached] : statements) sqlite3_finalize(cached.handle);
    sqlite3_close(handle);
  }
};

Database::Database(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Database::Database(Database&& other) noexcept = default;
Database& Database::operator=(Database&& other) noexcept = default;
Database::~Database() = default;

tl::unexpected<Error> Database::error(int code, std::string_view doing) const {
  const int extended = m_impl->handle != nullptr ? sqlite3_extended_errcode(m_impl->handle) : code;
  const int exact = (extended & 0xff) == (code & 0xff) ? extended : code;
  std::string text = m_impl->path.filename().string() + ": " + std::string(advice_of(code));
  if (code_of(code) == ErrorCode::Internal || code_of(code) == ErrorCode::Conflict)
    text += std::string(": ") + sqlite3_errmsg(m_impl->handle);
  return fail(code_of(code), std::move(text) + " (" + std::string(doing) + ", code " + std::to_string(exact) + ")");
}

namespace {

Status apply_key(sqlite3* handle, const SecretBytes& key) {
  if (key.size() != 32) return fail(ErrorCode::BadInput, "a database key has 32 bytes", "database.sqlcipher_key_ref");
  // What goes wrong is said by our errors, not by SQLCipher on standard error.
  sqlite3_exec(handle, "PRAGMA cipher_log_level=NONE", nullptr, nullptr, nullptr);
  static constexpr char kHex[] = "0123456789abcdef";
  SecretBytes literal(67);  // x'64 digits': a raw key, no derivation
  Byte* out = literal.span().data();
  *out++ = 'x';
  *out++ = '\'';
  for (const Byte b : key.view()) {
    *out++ = static_cast<Byte>(kHex[b >> 4]);
    *out++ = static_cast<Byte>(kHex[b & 15]);
  }
  *out = '\'';
  if (sqlite3_key(handle, literal.view().data(), static_cast<int>(literal.size())) != SQLITE_OK)
    return fail(ErrorCode::Unsupported, "this build of SQLite cannot encrypt: install SQLCipher 4", "database.use_sqlcipher");
  return {};
}

/// The file could be read as no database: say which setting does not fit.
tl::unexpected<Error> not_a_database(const DatabaseOptions& options) {
  const std::string file = options.path.string();
  const bool plain = looks_plain(options.path);
  if (!options.key.empty() && plain)
    return fail(ErrorCode::Conflict,
                file + " is not encrypted, but use_sqlcipher is on: switch it off, or move the file away to start anew",
                "database.use_sqlcipher");
  if (options.key.empty() && !plain)
    return fail(ErrorCode::Conflict, file + " is encrypted (or no database at all): switch use_sqlcipher on and give its key",
                "database.use_sqlcipher");
  if (!options.key.empty())
    return fail(ErrorCode::Denied, file + " does not open with this key: give the one it was made with", "database.sqlcipher_key_ref");
  return fail(ErrorCode::IntegrityFailed, file + " is damaged: restore it from a backup", "database.url");
}

}  // namespace

Result<Database> Database::open(const DatabaseOptions& options) {
  if (!options.read_only) POSTERN_CHECK(create_private(options.path));
  Database database(std::make_unique<Impl>());
  Impl& impl = *database.m_impl;
  impl.path = options.path;
  const int mode = options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  int code = sqlite3_open_v2(options.path.c_str(), &impl.handle, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, counting_vfs());
  if (code != SQLITE_OK) return database.error(code, "opening");
  if (!options.key.empty()) POSTERN_CHECK(apply_key(impl.handle, options.key));
  sqlite3_busy_timeout(impl.handle, options.busy_timeout_ms);
  sqlite3_db_config(impl.handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(impl.handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  code = sqlite3_exec(impl.handle, "PRAGMA auto_vacuum=NONE; SELECT count(*) FROM sqlite_schema", nullptr, nullptr, nullptr);
  if ((code & 0xff) == SQLITE_NOTADB || ((code & 0xff) == SQLITE_CORRUPT && !options.key.empty())) {
    database = Database(std::make_unique<Impl>());  // closed before the file is looked at: closing any descriptor drops its locks
    return not_a_database(options);
  }
  if (code != SQLITE_OK) return database.error(code, "opening");
  POSTERN_CHECK(database.execute("PRAGMA foreign_keys=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=FAST"));
  POSTERN_CHECK(database.execute(("PRAGMA cache_size=-" + std::to_string(options.cache_bytes / 1024)).c_str()));
  if (!options.read_only) {
    POSTERN_CHECK(database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864"));
    // The hook also replaces SQLite's own checkpoints: the writer decides when they happen.
    sqlite3_wal_hook(
        impl.handle,
        [](void* frames, sqlite3*, const char*, int count) {
          *static_cast<int*>(frames) = count;
          return SQLITE_OK;
        },
        &impl.wal_frames);
  }
  POSTERN_TRY(const auto page_size, database.query_integer("PRAGMA page_size"));
  impl.page_size = static_cast<int>(page_size.value_or(4096));
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
  Statement::Cached& cached = m_impl->statements[sql.data()];
  // The text is compared as well: an address may have belonged to another text before.
  if (cached.handle != nullptr && !cached.borrowed && sql == sqlite3_sql(cached.handle)) {
    cached.borrowed = true;
    return Statement(*this, cached.handle, &cached);
  }
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v3(m_impl->handle, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return error(code, "preparing");
  if (cached.handle != nullptr) return Statement(*this, statement, nullptr);
  cached = {statement, true};
  return Statement(*this, statement, &cached);
}

Status Database::execute(const char* sql) {
  const int code = sqlite3_exec(m_impl->handle, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error(code, "executing");
  return {};
}

std::int64_t Database::last_insert_rowid() const { return sqlite3_last_insert_rowid(m_impl->handle); }
std::int64_t Database::changes() const { return sqlite3_changes64(m_impl->handle); }
bool Database::autocommit() const { return sqlite3_get_autocommit(m_impl->handle) != 0; }
int Database::wal_frames() const noexcept { return m_impl->wal_frames; }
int Database::page_size() const noexcept { return m_impl->page_size; }
sqlite3* Database::handle() const noexcept { return m_impl->handle; }

Result<bool> Database::empty_log() {
  const int code = sqlite3_wal_checkpoint_v2(m_impl->handle, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if ((code & 0xff) == SQLITE_BUSY) return false;
  if (code != SQLITE_OK) return error(code, "checkpoint");
  return true;
}

Result<bool> Database::checkpoint() {
  int in_log = 0, moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(m_impl->handle, nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
  if ((code & 0xff) == SQLITE_BUSY) return false;
  if (code != SQLITE_OK) return error(code, "checkpoint");
  return in_log == moved;
}

Status Database::quick_check() {
  POSTERN_TRY(Statement statement, prepare("PRAGMA quick_check(1)"));
  POSTERN_TRY(const bool row, statement.step());
  if (row && statement.text(0) == "ok") return {};
  return fail(ErrorCode::IntegrityFailed,
              m_impl->path.filename().string() + " is damaged: " + std::string(row ? statement.text(0) : "no answer"));
}

// Statement -------------------------------------------------------------------------------------------------------------------------

Statement::Statement(Statement&& other) noexcept
    : m_database(other.m_database),
      m_handle(std::exchange(other.m_handle, nullptr)),
      m_cached(other.m_cached),
      m_next(other.m_next),
      m_bind_error(other.m_bind_error) {}

Statement::~Statement() {
  if (m_handle == nullptr) return;
  if (m_cached == nullptr) {
    sqlite3_finalize(m_handle);
    return;
  }
  sqlite3_reset(m_handle);
  sqlite3_clear_bindings(m_handle);
  m_cached->borrowed = false;
}

void Statement::note(int code) {
  if (m_bind_error == SQLITE_OK) m_bind_error = code;
}

Statement& Statement::bind(std::int64_t value) {
  note(sqlite3_bind_int64(m_handle, m_next++, value));
  return *this;
}
Statement& Statement::bind(std::string_view value) {
  note(sqlite3_bind_text64(m_handle, m_next++, value.empty() ? "" : value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}
Statement& Statement::bind(ByteView value) {
  const void* data = value.empty() ? static_cast<const void*>("") : value.data();
  note(sqlite3_bind_blob64(m_handle, m_next++, data, value.size(), SQLITE_STATIC));
  return *this;
}
Statement& Statement::bind_null() {
  note(sqlite3_bind_null(m_handle, m_next++));
  return *this;
}

Result<bool> Statement::step() {
  if (m_bind_error != SQLITE_OK) return m_database->error(m_bind_error, "binding");
  const int code = sqlite3_step(m_handle);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  auto failure = m_database->error(code, "writing");
  reset();
  return failure;
}

Status Statement::run() {
  POSTERN_TRY(const bool row, step());
  reset();
  if (row) return fail(ErrorCode::Internal, "a statement that should give no row gave one");
  return {};
}

void Statement::reset() {
  sqlite3_reset(m_handle);
  m_next = 1;
  m_bind_error = SQLITE_OK;
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(m_handle, column); }
bool Statement::is_null(int column) const { return sqlite3_column_type(m_handle, column) == SQLITE_NULL; }

std::string_view Statement::text(int column) const {
  const unsigned char* data = sqlite3_column_text(m_handle, column);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(m_handle, column))};
}

ByteView Statement::blob(int column) const {
  const auto* data = static_cast<const Byte*>(sqlite3_column_blob(m_handle, column));
  return {data, data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(m_handle, column))};
}

// Transaction -----------------------------------------------------------------------------------------------------------------------

Result<Transaction> Transaction::begin(Database& database) {
  POSTERN_CHECK(database.run("BEGIN IMMEDIATE"));
  return Transaction(database);
}
Transaction::Transaction(Transaction&& other) noexcept : m_database(std::exchange(other.m_database, nullptr)) {}

Transaction::~Transaction() {
  // SQLite may have rolled back by itself; a failing ROLLBACK then says so and nothing is lost.
  if (m_database != nullptr && !m_database->autocommit()) static_cast<void>(m_database->run("ROLLBACK"));
}

Status Transaction::commit() {
  POSTERN_CHECK(m_database->run("COMMIT"));
  m_database = nullptr;
  return {};
}

}  // namespace postern
