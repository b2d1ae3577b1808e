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
    return {make_message_id(clock.now(), random), "inbox", 1, 2, true, 3, 4, to_bytes(facts), 0, 0, "secret brief"};
  }
  Status in_job(const std::function<Status(Database&)>& work) { return store->writer().transact(work); }
  MessageId inserted(const CabinetRow& row, const CabinetContent* content = nullptr) {
    EXPECT_TRUE(in_job([&](Database& database) -> Status {
      POSTERN_CHECK(rows.insert(database, row));
      return content == nullptr ? Status() : rows.put_content(database, row.id, 0, *content);
    }));
    return row.id;
  }
  CabinetPage listed(CabinetFilter filter, std::size_t limit) { return rows.list(filter, limit, 100).value(); }
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
  EXPECT_TRUE(looking.list({}, 10, 10).value().rows.empty());
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
  const CabinetPage first = listed({.folder = "inbox"}, 3);
  ASSERT_EQ(first.rows.size(), 3U);
  EXPECT_EQ(first.rows[0].id.get(), ids[0]);
  EXPECT_EQ(first.next, ids[2]);
  const CabinetPage rest = listed({.before = *first.next}, 3);
  ASSERT_EQ(rest.rows.size(), 2U);
  EXPECT_EQ(rest.rows[1].id.get(), ids[4]);
  EXPECT_EQ(rest.next, std::nullopt);
  EXPECT_EQ(listed({.after = ids[3]}, 9).rows.size(), 3U);
  EXPECT_TRUE(listed({.folder = "archive"}, 3).rows.empty());
  EXPECT_EQ(rows.counts().value().at("inbox").unopened, 5U);
}

TEST_F(CabinetRowsTest, AFilterTakesByColumnsAndByWhatIsSealed) {
  CabinetRow one = row(), two = row();
  one.brief = "from north", one.priority = 2, one.outcomes = 1U << 1U;
  two.brief = "from south", two.created = 30;
  inserted(one), inserted(two);
  const auto taken = [&](CabinetFilter filter) {
    std::vector<MessageId> out;
    for (const CabinetRow& each : listed(std::move(filter), 9).rows) out.push_back(each.id);
    return out;
  };
  const std::vector<MessageId> first{one.id}, second{two.id};
  EXPECT_EQ(taken({.priorities = 1U << 2U}), first);
  EXPECT_EQ(taken({.any_outcome = 1U << 1U}), first);
  EXPECT_EQ(taken({.no_outcome = 1U << 1U}), second);
  EXPECT_EQ(taken({.since = 30}), second);
  EXPECT_EQ(taken({.until = 30}), first);
  EXPECT_EQ(taken({.kinds = 1}), std::vector<MessageId>());
  EXPECT_EQ(taken({.unopened = 1}), std::vector<MessageId>());
  EXPECT_EQ(taken({.matches = [](std::string_view brief) { return brief.ends_with("north"); }}), first);
  store->writer().stop();
  EXPECT_FALSE(test::directory_contains(directory.path(), "from north")) << "sealed at rest";
}

TEST_F(CabinetRowsTest, WhatHasNoBriefIsLeftToTheFacts) {
  const MessageId old = inserted(row()), damaged = inserted(row());
  ASSERT_TRUE(in_job([&](Database& database) -> Status {
    POSTERN_CHECK(database.run("DELETE FROM cabinet_search WHERE item = ?", old.get()));
    return database.run("UPDATE cabinet_search SET brief = zeroblob(40) WHERE item = ?", damaged.get());
  }));
  EXPECT_EQ(listed({.matches = [](std::string_view) { return false; }}, 9).rows.size(), 2U);
}

TEST_F(CabinetRowsTest, ALookIsBoundedAndGoesOnWhereItEnded) {
  for (int n = 0; n < 7; ++n) {
    CabinetRow each = row();
    each.brief = n == 0 ? "this one" : "another one";
    inserted(each);
  }
  CabinetFilter filter{.matches = [](std::string_view brief) { return brief == "this one"; }};
  std::size_t found = 0, looks = 0, looked_at = 0;
  for (bool more = true; more; ++looks) {
    const CabinetPage page = rows.list(filter, 9, 3).value();
    found += page.rows.size(), looked_at += page.looked_at;
    more = page.next.has_value();
    filter.before = page.next.value_or("");
  }
  EXPECT_EQ(found, 1U);
  EXPECT_EQ(looked_at, 7U);
  EXPECT_EQ(looks, 3U);
}

}  // namespace
}  // namespace postern
