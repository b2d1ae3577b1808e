// A few read connections to one database, lent out in turn.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "store/database.hpp"

namespace postern {

class ReaderPool;

/// A read connection, borrowed from the pool.
class DatabaseReader {
 public:
  DatabaseReader(DatabaseReader&& other) noexcept = default;
  DatabaseReader& operator=(DatabaseReader&&) = delete;
  ~DatabaseReader();
  [[nodiscard]] Database& operator*() const { return *m_database; }
  [[nodiscard]] Database* operator->() const { return m_database.get(); }

 private:
  friend class ReaderPool;
  DatabaseReader(ReaderPool& pool, std::unique_ptr<Database> database) : m_pool(&pool), m_database(std::move(database)) {}
  ReaderPool* m_pool;
  std::unique_ptr<Database> m_database;
};

/// Thread safe. Outlives what it lends.
class ReaderPool {
 public:
  /// One connection of one's own, not of the pool. `options` as of the writer's connection.
  [[nodiscard]] static Result<Database> open_reader(const DatabaseOptions& options);
  /// Opens `count` connections, one at least.
  [[nodiscard]] Status fill(const DatabaseOptions& options, std::size_t count);
  /// Waits for a free connection. It sees every committed transaction.
  [[nodiscard]] DatabaseReader take();
  /// Closes them all.
  void clear();

 private:
  friend class DatabaseReader;
  void give_back(std::unique_ptr<Database> database);
  std::mutex m_mutex;
  std::condition_variable m_returned;
  std::vector<std::unique_ptr<Database>> m_free;
};

}  // namespace postern
