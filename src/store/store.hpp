// The embedded store: one data directory with one database, its writer, its readers and the files of large contents.
//
//   POSTERN_TRY(auto store, Store::open({.data_dir = "./var"}));
//   SqliteUserStore users(*store);          // persistence ports of other rooms
//   POSTERN_TRY(auto spool, Spool::open({}, *store, keeper, clock));
//
// Directories are 0700, files 0600, whatever the umask. One process per data directory (a lock file says so).
#pragma once

#include <filesystem>
#include <memory>

#include "store/content_store.hpp"
#include "store/database.hpp"
#include "store/reader_pool.hpp"
#include "store/writer.hpp"

namespace postern {

struct StoreOptions {
  std::filesystem::path data_dir = "./var";
  std::filesystem::path database = "postern.db";  ///< Relative to data_dir, or absolute.
  SecretBytes key;                                ///< 32 bytes for SQLCipher; empty: plain SQLite.
  std::size_t readers = 2;
  WriterOptions writer;
  ContentOptions content;
};

class Store {
 public:
  /// Creates what is missing, brings the schema up to date, starts the writer. Conflict when another process has the directory,
  /// or when a newer version wrote the database.
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(StoreOptions options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  [[nodiscard]] DatabaseWriter& writer() noexcept;
  [[nodiscard]] ContentStore& contents() noexcept;
  /// Contents that are sealed and not written yet hold a ticket of it.
  [[nodiscard]] GracePeriod& sealing() noexcept;
  /// Waits for a free read connection. It sees every committed transaction.
  [[nodiscard]] DatabaseReader reader();
  /// A read connection of one's own, for what takes minutes: the pool has few.
  [[nodiscard]] Result<Database> open_reader() const;
  [[nodiscard]] const std::filesystem::path& data_dir() const noexcept;
  [[nodiscard]] bool encrypted() const noexcept;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> m_impl;
};

}  // namespace postern
