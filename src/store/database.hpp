// A thin, typed layer over one SQLite (or SQLCipher 4) connection: Result instead of result codes, statements that cannot leak.
//
// A connection belongs to one thread at a time. In a running daemon exactly one connection writes (store/writer.hpp); readers come from
// the pool (store/store.hpp). Every connection has: WAL, synchronous=FULL, foreign_keys, busy_timeout, no mmap, a bounded page cache,
// and no checkpoints of its own accord.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace postern {

struct DatabaseOptions {
  std::filesystem::path path;
  /// 32 bytes, for SQLCipher 4 (raw key, no key derivation); empty: a plain file.
  SecretBytes key;
  bool read_only = false;
  std::size_t cache_bytes = 8U * 1024 * 1024;
  int busy_timeout_ms = 5000;
};

class Database;

/// A prepared statement, borrowed from the connection's cache; given back (reset, bindings cleared) when it goes out of scope.
/// Parameters are bound from the first on; columns count from 0.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  /// Binds one value to the next parameter; text and bytes are borrowed until the statement is reset.
  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view value);
  Statement& bind(ByteView value);
  Statement& bind_null();
  template <class... T>
  Statement& bind_all(const T&... values) {
    (bind_one(values), ...);
    return *this;
  }

  /// One step: true when a row stands ready.
  [[nodiscard]] Result<bool> step();
  /// Runs a statement that gives no rows, and makes it ready for the next binding.
  [[nodiscard]] Status run();
  void reset();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] bool is_null(int column) const;
  /// Both borrow until the next step.
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] ByteView blob(int column) const;

 private:
  friend class Database;
  struct Cached;
  Statement(Database& database, sqlite3_stmt* handle, Cached* cached) : m_database(&database), m_handle(handle), m_cached(cached) {}
  void bind_one(std::int64_t value) { bind(value); }
  void bind_one(std::uint64_t value) { bind(static_cast<std::int64_t>(value)); }
  void bind_one(int value) { bind(static_cast<std::int64_t>(value)); }
  void bind_one(bool value) { bind(static_cast<std::int64_t>(value)); }
  void bind_one(std::uint32_t value) { bind(static_cast<std::int64_t>(value)); }
  void bind_one(std::string_view value) { bind(value); }
  void bind_one(const std::string& value) { bind(std::string_view(value)); }
  void bind_one(const char* value) { bind(std::string_view(value)); }
  void bind_one(const Bytes& value) { bind(ByteView(value)); }
  void bind_one(ByteView value) { bind(value); }
  template <class T>
  void bind_one(const std::optional<T>& value) {
    value ? bind_one(*value) : static_cast<void>(bind_null());
  }
  void note(int code);

  Database* m_database;
  sqlite3_stmt* m_handle;
  Cached* m_cached;  ///< Null: made for this use only.
  int m_next = 1;
  int m_bind_error = 0;
};

class Database {
 public:
  /// Opens or creates (0600). Errors say what to do: Denied for a wrong key, Conflict for a plain file opened with a key and the
  /// reverse, IntegrityFailed for a damaged file, Unavailable for what the file system refuses.
  [[nodiscard]] static Result<Database> open(const DatabaseOptions& options);

  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  ~Database();

  /// Takes the statement from the cache. `sql` must be a literal (or live as long as the connection).
  [[nodiscard]] Result<Statement> prepare(std::string_view sql);
  /// One or more statements without parameters or rows.
  [[nodiscard]] Status execute(const char* sql);
  /// prepare, bind, run.
  template <class... T>
  [[nodiscard]] Status run(std::string_view sql, const T&... values) {
    POSTERN_TRY(Statement statement, prepare(sql));
    return statement.bind_all(values...).run();
  }
  /// The first column of the first row, if there is a row and it is not NULL.
  template <class... T>
  [[nodiscard]] Result<std::optional<std::int64_t>> query_integer(std::string_view sql, const T&... values) {
    POSTERN_TRY(Statement statement, prepare(sql));
    POSTERN_TRY(const bool row, statement.bind_all(values...).step());
    if (!row || statement.is_null(0)) return std::optional<std::int64_t>();
    return std::optional(statement.integer(0));
  }

  [[nodiscard]] std::int64_t last_insert_rowid() const;
  [[nodiscard]] std::int64_t changes() const;
  /// Whether no transaction is open (SQLite closes one by itself when the disk is full).
  [[nodiscard]] bool autocommit() const;
  /// Frames in the write-ahead log after the last commit of this connection.
  [[nodiscard]] int wal_frames() const noexcept;
  [[nodiscard]] int page_size() const noexcept;
  /// Moves what it can from the log into the database without waiting for readers; true when everything was moved.
  [[nodiscard]] Result<bool> checkpoint();
  /// The same, waiting for readers, and the log's file is empty afterwards; false when a reader did not end in time.
  [[nodiscard]] Result<bool> empty_log();
  /// PRAGMA quick_check: IntegrityFailed with its first complaint.
  [[nodiscard]] Status quick_check();

  [[nodiscard]] sqlite3* handle() const noexcept;

 private:
  friend class Statement;
  struct Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  [[nodiscard]] tl::unexpected<Error> error(int code, std::string_view doing) const;
  std::unique_ptr<Impl> m_impl;
};

/// BEGIN IMMEDIATE; rolled back unless committed.
class Transaction {
 public:
  [[nodiscard]] static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  [[nodiscard]] Status commit();

 private:
  explicit Transaction(Database& database) : m_database(&database) {}
  Database* m_database;
};

}  // namespace postern
