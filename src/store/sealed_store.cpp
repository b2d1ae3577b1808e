#include "store/sealed_store.hpp"

#include <future>
#include <utility>

#include "barrier/listing.hpp"
#include "store/private_directory.hpp"
#include "store/reader_pool.hpp"
#include "store/schema.hpp"

namespace postern {
namespace {

Status check_path(std::string_view path) {
  if (path.empty() || path.size() > kSealedPath) return fail(ErrorCode::BadInput, "a stored path has 1 to 1040 bytes", "path");
  return {};
}

// All changes of one apply(). run() may be called twice, so it uses nothing up.
class ApplyJob final : public WriteJob {
 public:
  ApplyJob(std::vector<SealedChange> changes, std::promise<Status> done) : m_changes(std::move(changes)), m_done(std::move(done)) {
    for (const SealedChange& change : m_changes) m_bytes += change.path.size() + (change.value ? change.value->size() : 0);
  }
  Status run(WriteContext& context) override {
    for (const SealedChange& change : m_changes) POSTERN_CHECK(write(context.database, change));
    return {};
  }
  void done(const Status& status) noexcept override { m_done.set_value(status); }
  std::size_t bytes() const override { return m_bytes; }

 private:
  static Status write(Database& database, const SealedChange& change) {
    if (!change.value) return database.run("DELETE FROM sealed WHERE path = ?", as_bytes(change.path));
    return database.run("INSERT INTO sealed(path, value) VALUES (?1, ?2) ON CONFLICT(path) DO UPDATE SET value = ?2", as_bytes(change.path),
                        *change.value);
  }
  std::vector<SealedChange> m_changes;
  std::promise<Status> m_done;
  std::size_t m_bytes = 256;
};

// The keys in their order, from a given one on.
class TableCursor {
 public:
  explicit TableCursor(Statement rows) : m_rows(std::move(rows)) {}
  Result<std::optional<std::string_view>> seek(std::string_view path) {
    m_rows.reset();
    m_from = path;  // the statement borrows it
    m_rows.bind(as_bytes(m_from));
    return next();
  }
  Result<std::optional<std::string_view>> next() {
    POSTERN_TRY(const bool row, m_rows.step());
    if (!row) return std::optional<std::string_view>();
    return std::optional(as_text(m_rows.blob(0)));
  }

 private:
  Statement m_rows;
  std::string m_from;
};

// One state of the database for several seeks.
class Snapshot {
 public:
  explicit Snapshot(Database& database) : m_database(database) {}
  ~Snapshot() {
    if (!m_database.autocommit()) (void)m_database.execute("ROLLBACK");
  }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  [[nodiscard]] Status begin() { return m_database.execute("BEGIN"); }

 private:
  Database& m_database;
};

}  // namespace

struct SqliteSealedStore::Impl {
  FileLock lock;
  ReaderPool readers;
  std::unique_ptr<DatabaseWriter> writer;

  ~Impl() {
    if (writer) writer->stop();
    readers.clear();  // so that the writer's connection is the last, and moves the log into the database
  }
};

SqliteSealedStore::SqliteSealedStore(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
SqliteSealedStore::~SqliteSealedStore() = default;
DatabaseWriter& SqliteSealedStore::writer() noexcept { return *m_impl->writer; }

Result<std::unique_ptr<SqliteSealedStore>> SqliteSealedStore::open(SealedStoreOptions options) {
  POSTERN_CHECK(make_private_directory(options.data_dir));
  auto impl = std::make_unique<Impl>();
  DatabaseOptions wanted;
  wanted.path = options.data_dir / options.database;
  wanted.key = std::move(options.key);
  POSTERN_TRY(impl->lock, FileLock::take(wanted.path.string() + ".lock", wanted.path.string()));
  POSTERN_TRY(Database database, Database::open(wanted));
  POSTERN_CHECK(database.execute("PRAGMA secure_delete=ON"));  // values are small; a destroyed key leaves nothing on a free page
  POSTERN_CHECK(migrate(database, Schema::Engine));
  POSTERN_CHECK(impl->readers.fill(wanted, options.readers));
  POSTERN_TRY(impl->writer, DatabaseWriter::start(std::move(database), options.writer));
  return std::unique_ptr<SqliteSealedStore>(new SqliteSealedStore(std::move(impl)));
}

Result<std::optional<Bytes>> SqliteSealedStore::get(std::string_view path) {
  POSTERN_CHECK(check_path(path));
  const DatabaseReader reader = m_impl->readers.take();
  POSTERN_TRY(Statement row, reader->prepare("SELECT value FROM sealed WHERE path = ?"));
  POSTERN_TRY(const bool found, row.bind(as_bytes(path)).step());
  if (!found) return std::optional<Bytes>();
  const ByteView value = row.blob(0);
  return std::optional<Bytes>(std::in_place, value.begin(), value.end());
}

Result<std::vector<std::string>> SqliteSealedStore::list(std::string_view prefix, const StoragePage& page) {
  const DatabaseReader reader = m_impl->readers.take();
  Snapshot snapshot(*reader);
  POSTERN_CHECK(snapshot.begin());
  POSTERN_TRY(Statement rows, reader->prepare("SELECT path FROM sealed WHERE path >= ? ORDER BY path"));
  TableCursor cursor(std::move(rows));
  return list_names(cursor, prefix, page);
}

Status SqliteSealedStore::apply(std::vector<SealedChange> changes) {
  for (const SealedChange& change : changes) {
    POSTERN_CHECK(check_path(change.path));
    if (change.value && change.value->size() > kSealedValue) return fail(ErrorCode::TooLarge, "a sealed value passes 16 MiB", "value");
  }
  std::promise<Status> promise;
  std::future<Status> committed = promise.get_future();
  m_impl->writer->submit_and_help(std::make_unique<ApplyJob>(std::move(changes), std::move(promise)));
  const Status status = committed.get();
  m_impl->writer->follow_up();
  return status;
}

}  // namespace postern
