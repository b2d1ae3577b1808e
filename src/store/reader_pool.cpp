#include "store/reader_pool.hpp"

#include <algorithm>
#include <utility>

namespace postern {

DatabaseReader::~DatabaseReader() {
  if (m_database) m_pool->give_back(std::move(m_database));
}

Result<Database> ReaderPool::open_reader(const DatabaseOptions& options) {
  DatabaseOptions wanted;
  wanted.path = options.path;
  wanted.key = options.key.clone();
  wanted.cache_bytes = 2U * 1024 * 1024;
  POSTERN_TRY(Database reader, Database::open(wanted));
  POSTERN_CHECK(reader.execute("PRAGMA query_only=ON"));
  return reader;
}

Status ReaderPool::fill(const DatabaseOptions& options, std::size_t count) {
  for (std::size_t i = 0; i < std::max<std::size_t>(1, count); ++i) {
    POSTERN_TRY(Database reader, open_reader(options));
    m_free.push_back(std::make_unique<Database>(std::move(reader)));
  }
  return {};
}

DatabaseReader ReaderPool::take() {
  std::unique_lock lock(m_mutex);
  m_returned.wait(lock, [&] { return !m_free.empty(); });
  auto database = std::move(m_free.back());
  m_free.pop_back();
  return {*this, std::move(database)};
}

void ReaderPool::give_back(std::unique_ptr<Database> database) {
  {
    const std::lock_guard lock(m_mutex);
    m_free.push_back(std::move(database));
  }
  m_returned.notify_one();
}

void ReaderPool::clear() {
  const std::lock_guard lock(m_mutex);
  m_free.clear();
}

}  // namespace postern
