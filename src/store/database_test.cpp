#include "store/database.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "store/schema.hpp"
#include "store/test_support.hpp"

namespace postern {
namespace {

using test::FaultGuard;
using test::TemporaryDirectory;

DatabaseOptions options_for(const TemporaryDirectory& dir, const SecretBytes* key = nullptr) {
  DatabaseOptions options;
  options.path = dir.path() / "test.db";
  if (key) options.key = key->clone();
  return options;
}

unsigned mode_of(const std::filesystem::path& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

TEST(Database, BindsAndReadsEveryKind) {
  const TemporaryDirectory dir;
  Database db = Database::open(options_for(dir)).value();
  ASSERT_TRUE(db.execute("CREATE TABLE t(i, s, b, n)"));
  ASSERT_TRUE(db.run("INSERT INTO t VALUES (?,?,?,?)", INT64_MIN, std::string("a\0b", 3), Bytes{0, 1, 255}, std::optional<std::int64_t>()));
  ASSERT_TRUE(db.run("INSERT INTO t VALUES (?,?,?,?)", true, "", Bytes{}, std::optional<std::int64_t>(7)));
  Statement rows = db.prepare("SELECT i, s, b, n FROM t ORDER BY rowid").value();
  ASSERT_TRUE(rows.step().value());
  EXPECT_EQ(rows.integer(0), INT64_MIN);
  EXPECT_EQ(rows.text(1), std::string_view("a\0b", 3));
  EXPECT_EQ(Bytes(rows.blob(2).begin(), rows.blob(2).end()), (Bytes{0, 1, 255}));
  EXPECT_TRUE(rows.is_null(3));
  ASSERT_TRUE(rows.step().value());
  EXPECT_FALSE(rows.is_null(1));  // empty is not NULL
  EXPECT_FALSE(rows.is_null(2));
  EXPECT_EQ(rows.integer(3), 7);
  EXPECT_FALSE(rows.step().value());
}

TEST(Database, OneTextMayBeBorrowedTwice) {
  const TemporaryDirectory dir;
  Database db = Database::open(options_for(dir)).value();
  ASSERT_TRUE(db.execute("CREATE TABLE t(i); INSERT INTO t VALUES (1), (2)"));
  static constexpr const char* kSql = "SELECT i FROM t ORDER BY i";
  Statement outer = db.prepare(kSql).value();
  ASSERT_TRUE(outer.step().value());
  {
    Statement inner = db.prepare(kSql).value();
    ASSERT_TRUE(inner.step().value());
    EXPECT_EQ(inner.integer(0), 1);
  }
  ASSERT_TRUE(outer.step().value());
  EXPECT_EQ(outer.integer(0), 2);
}

TEST(Database, ErrorsNameWhoseFaultTheyAre) {
  const TemporaryDirectory dir;
  Database db = Database::open(options_for(dir)).value();
  ASSERT_TRUE(db.execute("CREATE TABLE t(i INTEGER PRIMARY KEY)"));
  ASSERT_TRUE(db.run("INSERT INTO t VALUES (1)"));
  EXPECT_EQ(db.run("INSERT INTO t VALUES (1)").error().code, ErrorCode::Conflict);
  EXPECT_EQ(db.run("NOT SQL").error().code, ErrorCode::Internal);
  DatabaseOptions nowhere;
  nowhere.path = dir.path() / "missing" / "x.db";
  EXPECT_EQ(Database::open(nowhere).error().code, ErrorCode::Unavailable);
}

TEST(Database, FilesArePrivateWhateverTheUmask) {
  const TemporaryDirectory dir;
  const auto before = ::umask(0);
  Database db = Database::open(options_for(dir)).value();
  ASSERT_TRUE(db.execute("CREATE TABLE t(i)"));
  ::umask(before);
  for (const char* name : {"test.db", "test.db-wal", "test.db-shm"}) EXPECT_EQ(mode_of(dir.path() / name), 0600U) << name;
}

TEST(Database, RollsBackWhatWasNotCommitted) {
  const TemporaryDirectory dir;
  Database db = Database::open(options_for(dir)).value();
  ASSERT_TRUE(db.execute("CREATE TABLE t(i)"));
  {
    Transaction transaction = Transaction::begin(db).value();
    ASSERT_TRUE(db.run("INSERT INTO t VALUES (1)"));
  }
  EXPECT_EQ(db.query_integer("SELECT count(*) FROM t").value(), 0);
  Transaction transaction = Transaction::begin(db).value();
  ASSERT_TRUE(db.run("INSERT INTO t VALUES (1)"));
  ASSERT_TRUE(transaction.commit());
  EXPECT_EQ(db.query_integer("SELECT count(*) FROM t").value(), 1);
}

TEST(Database, FullDiskIsExhaustedAndRecovers) {
  const TemporaryDirectory dir;
  const FaultGuard guard;
  Database db = Database::open(options_for(dir)).value();
  ASSERT_TRUE(db.execute("CREATE TABLE t(b)"));
  disk_faults().full = true;
  const Status full = db.run("INSERT INTO t VALUES (zeroblob(1000000))");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::Exhausted) << full.error().text();
  EXPECT_NE(full.error().what.find("disk is full"), std::string::npos);
  disk_faults().full = false;
  EXPECT_TRUE(db.run("INSERT INTO t VALUES (zeroblob(1000000))"));
  EXPECT_EQ(db.query_integer("SELECT count(*) FROM t").value(), 1);
  disk_faults().fail_sync = true;
  EXPECT_EQ(db.run("INSERT INTO t VALUES (1)").error().code, ErrorCode::Unavailable);
  disk_faults().fail_sync = false;
  EXPECT_EQ(db.query_integer("SELECT count(*) FROM t").value(), 1);
  EXPECT_TRUE(db.quick_check());
}

TEST(Database, CommitsAreSyncedAndCounted) {
  const TemporaryDirectory dir;
  Database db = Database::open(options_for(dir)).value();
  ASSERT_TRUE(db.execute("CREATE TABLE t(i)"));
  const std::uint64_t before = disk_counters().wal_syncs;
  ASSERT_TRUE(db.run("INSERT INTO t VALUES (1)"));
  EXPECT_EQ(disk_counters().wal_syncs, before + 1);
  EXPECT_GT(db.wal_frames(), 0);
  EXPECT_TRUE(db.checkpoint().value());
}

TEST(Database, SqlcipherHidesContentAndNeedsItsKey) {
  const TemporaryDirectory dir;
  const SecretBytes key(Bytes(32, 0x42));
  const std::string marker = "MARKER-in-the-plaintext-0123456789";
  {
    Database db = Database::open(options_for(dir, &key)).value();
    ASSERT_TRUE(migrate(db));
    ASSERT_TRUE(db.run("INSERT INTO certificate(name, pem) VALUES ('m', ?)", marker));
    EXPECT_FALSE(test::directory_contains(dir.path(), marker));  // nor in the log
  }
  EXPECT_FALSE(test::directory_contains(dir.path(), marker));
  EXPECT_NE(test::read_file(dir.path() / "test.db").substr(0, 15), "SQLite format 3");
  const std::string command = "sqlite3 " + (dir.path() / "test.db").string() + " 'SELECT count(*) FROM certificate' >/dev/null 2>&1";
  EXPECT_NE(std::system(command.c_str()), 0);
  {
    Database again = Database::open(options_for(dir, &key)).value();
    EXPECT_EQ(again.query_integer("SELECT count(*) FROM certificate").value(), 1);
  }
  const SecretBytes wrong(Bytes(32, 0x43));
  const auto denied = Database::open(options_for(dir, &wrong));
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, ErrorCode::Denied);
  EXPECT_EQ(denied.error().what.find("4343"), std::string::npos);
}

TEST(Database, SaysWhatToDoWhenEncryptionDoesNotFit) {
  const SecretBytes key(Bytes(32, 0x42));
  const TemporaryDirectory plain, encrypted;
  {
    Database a = Database::open(options_for(plain)).value(), b = Database::open(options_for(encrypted, &key)).value();
    ASSERT_TRUE(migrate(a));
    ASSERT_TRUE(migrate(b));
  }
  const auto one = Database::open(options_for(plain, &key));
  ASSERT_FALSE(one);
  EXPECT_EQ(one.error().code, ErrorCode::Conflict);
  EXPECT_EQ(one.error().field, "database.use_sqlcipher");
  EXPECT_NE(one.error().what.find("is not encrypted"), std::string::npos);
  const auto two = Database::open(options_for(encrypted));
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code, ErrorCode::Conflict);
  EXPECT_NE(two.error().what.find("is encrypted"), std::string::npos);
  const SecretBytes short_key(Bytes(16, 1));
  EXPECT_EQ(Database::open(options_for(plain, &short_key)).error().code, ErrorCode::BadInput);
}

TEST(Schema, MigratesOnceAndRefusesNewerDatabases) {
  const TemporaryDirectory dir;
  Database db = Database::open(options_for(dir)).value();
  ASSERT_TRUE(migrate(db));
  ASSERT_TRUE(migrate(db));
  EXPECT_EQ(db.query_integer("PRAGMA user_version").value(), schema_version());
  ASSERT_TRUE(db.execute("PRAGMA user_version=999"));
  EXPECT_EQ(migrate(db).error().code, ErrorCode::Conflict);
}

}  // namespace
}  // namespace postern
