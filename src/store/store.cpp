#include "store/store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <vector>

#include "store/schema.hpp"
#include "store/segment_file.hpp"

namespace postern {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> directory_error(const fs::path& path, const std::string& what) {
  return fail(ErrorCode::Unavailable, path.string() + ": " + what, "storage.data_dir");
}

/// The directory exists, is ours alone, and its name is durable.
Status make_private_directory(const fs::path& path) {
  std::error_code error;
  const bool made = fs::create_directories(path, error);
  if (error) return directory_error(path, "cannot be created: " + error.message());
  if (made && path.has_parent_path() && path.parent_path() != path) POSTERN_CHECK(sync_directory(path.parent_path()));
  fs::permissions(path, fs::perms::owner_all, error);
  if (error) return directory_error(path, "permissions cannot be set to 0700: " + error.message());
  return {};
}

/// An advisory lock for the life of the process; the kernel drops it with the process, however that ends.
Result<int> lock_directory(const fs::path& directory) {
  const fs::path path = directory / "lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return directory_error(path, std::string("cannot be opened: ") + std::strerror(errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  ::close(fd);
  return fail(ErrorCode::Conflict, directory.string() + " is in use by another process: stop that one first", "storage.data_dir");
}

}  // namespace

struct Store::Impl {
  StoreOptions options;
  fs::path database_path;
  int lock = -1;
  std::unique_ptr<ContentStore> contents;
  std::unique_ptr<DatabaseWriter> writer;

  std::mutex mutex;
  std::condition_variable returned;
  std::vector<std::unique_ptr<Database>> free_readers;

  [[nodiscard]] DatabaseOptions database_options() const {
    DatabaseOptions wanted;
    wanted.path = database_path;
    wanted.key = options.key.clone();
    return wanted;
  }
  Result<Database> open_reader() const;
  Status open_readers();
  ~Impl();
};

Result<Database> Store::Impl::open_reader() const {
  DatabaseOptions wanted = database_options();
  wanted.cache_bytes = 2U * 1024 * 1024;
  POSTERN_TRY(Database reader, Database::open(wanted));
  POSTERN_CHECK(reader.execute("PRAGMA query_only=ON"));
  return reader;
}

Status Store::Impl::open_readers() {
  for (std::size_t i = 0; i < std::max<std::size_t>(1, options.readers); ++i) {
    POSTERN_TRY(Database reader, open_reader());
    free_readers.push_back(std::make_unique<Database>(std::move(reader)));
  }
  return {};
}

Store::Impl::~Impl() {
  if (writer) {
    writer->stop();
    writer->detach(*contents);
  }
  free_readers.clear();
  writer.reset();  // the last connection moves the log into the database
  contents.reset();
  if (lock >= 0) ::close(lock);
}

Store::Store(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(StoreOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  const fs::path& directory = impl->options.data_dir;
  POSTERN_CHECK(make_private_directory(directory));
  POSTERN_TRY(impl->lock, lock_directory(directory));
  POSTERN_CHECK(make_private_directory(directory / "spool"));
  impl->database_path = directory / impl->options.database;
  POSTERN_TRY(Database database, Database::open(impl->database_options()));
  POSTERN_CHECK(migrate(database));
  POSTERN_TRY(impl->contents, ContentStore::open(directory / "spool", database, impl->options.content));
  POSTERN_CHECK(impl->open_readers());
  POSTERN_TRY(impl->writer, DatabaseWriter::start(std::move(database), impl->options.writer));
  impl->writer->attach(*impl->contents);
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

DatabaseWriter& Store::writer() noexcept { return *m_impl->writer; }
ContentStore& Store::contents() noexcept { return *m_impl->contents; }
const fs::path& Store::data_dir() const noexcept { return m_impl->options.data_dir; }
bool Store::encrypted() const noexcept { return !m_impl->options.key.empty(); }

Result<Database> Store::open_reader() const { return m_impl->open_reader(); }

DatabaseReader Store::reader() {
  std::unique_lock lock(m_impl->mutex);
  m_impl->returned.wait(lock, [&] { return !m_impl->free_readers.empty(); });
  auto database = std::move(m_impl->free_readers.back());
  m_impl->free_readers.pop_back();
  return {*this, std::move(database)};
}

DatabaseReader::DatabaseReader(Store& store, std::unique_ptr<Database> database) : m_store(&store), m_database(std::move(database)) {}
DatabaseReader::DatabaseReader(DatabaseReader&& other) noexcept = default;

DatabaseReader::~DatabaseReader() {
  if (!m_database) return;
  {
    const std::lock_guard lock(m_store->m_impl->mutex);
    m_store->m_impl->free_readers.push_back(std::move(m_database));
  }
  m_store->m_impl->returned.notify_one();
}

}  // namespace postern
