// Rows of the operator's X.400 mailbox: sealed, bound to their place, gone when they are removed.
#include "store/cabinet_rows.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/random.hpp"
#include "store/test_support.hpp"

namespace postern {
namespace {

class CabinetRowsTest : public ::testing::Test {
 protected:
  test::TemporaryDirectory directory;
  SystemClock clock;
  NonceRandom random;
  test::DiskKeeper keeper{directory.path(), clock};
  std::unique_ptr<Store> store = open_store(directory.path());
  std::unique_ptr<StagingArea> staging = StagingArea::open({}, *store, *keeper, clock).value();
  CabinetRows rows{*store, *keeper, random};

  void SetUp() override { ASSERT_TRUE(rows.unlock_or_make()); }
  static std::unique_ptr<Store> open_store(const std::filesystem::path& directory) {
    StoreOptions options;
    options.data_dir = directory;
    return Store::open(std::move(options)).value();
  }
  CabinetRow row(std::string_view facts = "secret facts") {
    return {make_message_id(clock.now(), random), "inbox", 1, 2, true, 3, 4, to_bytes(facts)};
  }
  Status in_job(const std::function<Status(Database&)>& work) { return store->writer().transact(work); }
  MessageId inserted(const CabinetRow& row, const CabinetContent* content = nullptr) {
    EXPECT_TRUE(in_job([&](Database& database) -> Status {
      POSTERN_CHECK(rows.insert(database, row));
      return content == nullptr ? Status() : rows.put_content(database, row.id, 0, *content);
    }));
    return row.id;
  }
  std::int64_t count(const char* sql) { return store->reader()->query_integer(sql).value().value_or(-1); }
};

TEST_F(CabinetRowsTest, WhatWasKeptComesBackAndIsNotReadableAtRest) {
  const CabinetRow kept = row();
  inserted(kept);
  const CabinetRow back = rows.find(kept.id).value();
  EXPECT_EQ(std::tie(back.folder, back.kind, back.state, back.unopened, back.created, back.changed, back.facts),
            std::tie(kept.folder, kept.kind, kept.state, kept.unopened, kept.created, kept.changed, kept.facts));
  ASSERT_TRUE(in_job([&](Database& database) { return rows.add_name(database, "a secret name", kept.id); }));
  ASSERT_TRUE(in_job([&](Database& database) { return rows.add_step(database, kept.id, as_bytes("secret step")); }));
  store->writer().stop();
  EXPECT_FALSE(test::directory_contains(directory.path(), "secret "));
}

TEST_F(CabinetRowsTest, ARowInAnothersPlaceIsNotBelieved) {
  const MessageId one = inserted(row("one")), two = inserted(row("two"));
  ASSERT_TRUE(in_job([&](Database& database) {
    return database.run("UPDATE cabinet_item SET facts = (SELECT facts FROM cabinet_item WHERE id = ?) WHERE id = ?", one.get(), two.get());
  }));
  EXPECT_EQ(rows.find(one).value().facts, to_bytes("one"));
  EXPECT_EQ(rows.find(two).error().code, ErrorCode::IntegrityFailed);
}

TEST_F(CabinetRowsTest, AnotherProcessOpensTheSameKey) {
  const MessageId id = inserted(row());
  CabinetRows later(*store, *keeper, random);
  ASSERT_TRUE(later.unlock());
  EXPECT_EQ(later.find(id).value().facts, to_bytes("secret facts"));
  EXPECT_EQ(count("SELECT count(*) FROM content"), 1) << "one key";
}

TEST_F(CabinetRowsTest, WhoOnlyLooksMakesNoKey) {
  const test::TemporaryDirectory unused;
  test::DiskKeeper its_keeper{unused.path(), clock};
  const std::unique_ptr<Store> other = open_store(unused.path());
  CabinetRows looking(*other, *its_keeper, random);
  ASSERT_TRUE(looking.unlock());
  EXPECT_TRUE(looking.list("", "", 10).value().empty());
  EXPECT_FALSE(looking.is_fetched("a name").value());
  EXPECT_EQ(other->reader()->query_integer("SELECT count(*) FROM content").value(), 0) << "nothing that is to be re-wrapped";
  ASSERT_TRUE(looking.unlock_or_make());
  EXPECT_EQ(other->reader()->query_integer("SELECT count(*) FROM content").value(), 1);
}

TEST_F(CabinetRowsTest, ContentsOfAnySizeComeBackAndGo) {
  for (const std::size_t size : {std::size_t{1}, CabinetContent::kSmall, CabinetContent::kSmall + 1, std::size_t{3} << 20}) {
    CabinetContent content(*store, *keeper, *staging, make_message_id(clock.now(), random));
    const Bytes whole(size, 'x');
    ASSERT_TRUE(content.append(ByteView(whole).first(size / 2)));
    ASSERT_TRUE(content.append(ByteView(whole).subspan(size / 2)));
    ASSERT_TRUE(content.finish());
    const MessageId id = inserted(row(), &content);
    ContentReader reader = rows.content(id, 0).value();
    Bytes back(size);
    EXPECT_EQ(reader.read(back).value(), size);
    EXPECT_EQ(back, whole);
    ASSERT_TRUE(in_job([&](Database& database) { return rows.remove(database, id); }));
    EXPECT_EQ(rows.content(id, 0).error().code, ErrorCode::NotFound);
  }
  EXPECT_EQ(count("SELECT count(*) FROM content"), 1) << "the key";
}

TEST_F(CabinetRowsTest, AnEntryIsMarkedOnceAndANameFindsTheLatest) {
  const MessageId first = inserted(row()), second = inserted(row());
  ASSERT_TRUE(in_job([&](Database& database) -> Status {
    EXPECT_TRUE(rows.mark_fetched(database, "entry 1").value());
    EXPECT_FALSE(rows.mark_fetched(database, "entry 1").value());
    POSTERN_CHECK(rows.add_name(database, "name", first));
    return rows.add_name(database, "name", second);
  }));
  EXPECT_TRUE(rows.is_fetched("entry 1").value());
  EXPECT_FALSE(rows.is_fetched("entry 2").value());
  EXPECT_EQ(rows.named(*store->reader(), "name").value(), second);
  ASSERT_TRUE(in_job([&](Database& database) { return rows.remove(database, second); }));
  EXPECT_FALSE(rows.named(*store->reader(), "name").value());
}

TEST_F(CabinetRowsTest, PagesNewestFirst) {
  std::vector<std::string> ids;
  for (int n = 0; n < 5; ++n) ids.push_back(inserted(row()).get());
  std::ranges::sort(ids, std::greater());
  const auto first = rows.list("inbox", {}, 3).value();
  ASSERT_EQ(first.size(), 3U);
  EXPECT_EQ(first[0].id.get(), ids[0]);
  const auto rest = rows.list({}, first[2].id.get(), 3).value();
  ASSERT_EQ(rest.size(), 2U);
  EXPECT_EQ(rest[1].id.get(), ids[4]);
  EXPECT_TRUE(rows.list("archive", {}, 3).value().empty());
  EXPECT_EQ(rows.counts().value().at("inbox").unopened, 5U);
}

}  // namespace
}  // namespace postern
