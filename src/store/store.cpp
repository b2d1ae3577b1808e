#include "store/store.hpp"

#include "store/private_directory.hpp"
#include "store/schema.hpp"

namespace postern {
namespace fs = std::filesystem;

struct Store::Impl {
  StoreOptions options;
  fs::path database_path;
  FileLock lock;
  GracePeriod sealing;
  std::unique_ptr<ContentStore> contents;
  std::unique_ptr<DatabaseWriter> writer;

  ReaderPool readers;

  [[nodiscard]] DatabaseOptions database_options() const {
    DatabaseOptions wanted;
    wanted.path = database_path;
    wanted.key = options.key.clone();
    return wanted;
  }
  ~Impl();
};

Store::Impl::~Impl() {
  if (writer) {
    writer->stop();
    writer->detach(*contents);
  }
  readers.clear();
  writer.reset();  // the last connection moves the log into the database
  contents.reset();
}

Store::Store(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(StoreOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  const fs::path& directory = impl->options.data_dir;
  POSTERN_CHECK(make_private_directory(directory));
  POSTERN_TRY(impl->lock, FileLock::take(directory / "lock", directory.string()));
  POSTERN_CHECK(make_private_directory(directory / "spool"));
  impl->database_path = directory / impl->options.database;
  POSTERN_TRY(Database database, Database::open(impl->database_options()));
  POSTERN_CHECK(migrate(database));
  POSTERN_TRY(impl->contents, ContentStore::open(directory / "spool", database, impl->options.content));
  POSTERN_CHECK(impl->readers.fill(impl->database_options(), impl->options.readers));
  POSTERN_TRY(impl->writer, DatabaseWriter::start(std::move(database), impl->options.writer));
  impl->writer->attach(*impl->contents);
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

DatabaseWriter& Store::writer() noexcept { return *m_impl->writer; }
ContentStore& Store::contents() noexcept { return *m_impl->contents; }
GracePeriod& Store::sealing() noexcept { return m_impl->sealing; }
const fs::path& Store::data_dir() const noexcept { return m_impl->options.data_dir; }
bool Store::encrypted() const noexcept { return !m_impl->options.key.empty(); }

Result<Database> Store::open_reader() const { return ReaderPool::open_reader(m_impl->database_options()); }
DatabaseReader Store::reader() { return m_impl->readers.take(); }

}  // namespace postern
