#include "rotation/shredder.hpp"

#include <gtest/gtest.h>

#include "keys/transit_keeper.hpp"
#include "store/audit_log.hpp"
#include "store/mailbox.hpp"
#include "store/sealed_content.hpp"
#include "store/test_support.hpp"

namespace postern {
namespace {

const KeyName kTenant("tenant_a_storage");
constexpr const char* kSecret = "what only tenant a knows";

class Shreds : public ::testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    StoreOptions where;
    where.data_dir = dir.path();
    where.content.inline_bytes = 200;  // some of it in segments
    store = Store::open(std::move(where)).value();
    keeper = std::make_unique<test::DiskKeeper>(dir.path(), clock);
    ASSERT_TRUE((*keeper)->ensure(kTenant, KeyType::Aes256Gcm96));
    spool = Spool::open({}, *store, **keeper, clock).value();
  }
  void close() {
    spool.reset();
    keeper.reset();
    store.reset();
  }
  void accept(const char* id, const KeyName& key, bool queued, const std::string& text) {
    Submission s;
    s.message = MessageId(id);
    Variant v;
    v.content = text;
    v.storage_key = key;
    if (queued) v.recipients.push_back({"x@elsewhere.example", "smtp:next", 0, {}, RecipientState::Queued, {}});
    if (!queued) v.mailboxes.push_back({"bob@a.example", "", clock.now(), "{}"});
    s.variants.push_back(std::move(v));
    ASSERT_TRUE(spool->enqueue_and_wait(std::move(s)));
  }
  void accept_some() {
    accept("a1", kTenant, false, kSecret);
    accept("a2", kTenant, false, kSecret + std::string(500, '.'));
    accept("a3", kTenant, true, kSecret);
    accept("b1", key_names::kMailStorage, false, "somebody else's");
    accept("b2", key_names::kMailStorage, true, "somebody else's");
  }
  Shredder shredder() { return {*store, *spool, **keeper, clock, {}}; }
  Shredding finish(Shredding s, std::size_t rows = 2) {
    for (int i = 0; i < 100 && !s.finished; ++i) s = shredder().step(s, rows).value();
    return s;
  }

  test::TemporaryDirectory dir;
  SystemClock clock;
  std::unique_ptr<Store> store;
  std::unique_ptr<test::DiskKeeper> keeper;
  std::unique_ptr<Spool> spool;
};

TEST_F(Shreds, TheTenantsMailIsGoneAndTheRestUntouched) {
  accept_some();
  const Shredding begun = shredder().begin("a", kTenant, "test").value();
  EXPECT_FALSE(begun.finished);
  EXPECT_EQ((*keeper)->describe(kTenant).error().code, ErrorCode::NotFound);
  MailboxStore mailbox(*store, **keeper);
  const auto left = mailbox.find(MessageId("a1")).value();
  EXPECT_FALSE(mailbox.content(left.front())) << "from here on, rows or not";
  const Shredding done = finish(begun);
  ASSERT_TRUE(done.finished);
  EXPECT_EQ(done.removed, 3U);
  for (const char* id : {"a1", "a2"}) EXPECT_FALSE(mailbox.find(MessageId(id)));
  EXPECT_EQ(mailbox.content(mailbox.find(MessageId("b1")).value().front()).value(), "somebody else's");
  EXPECT_EQ(spool->stats().queued, 1U);
  EXPECT_EQ(store->reader()->query_integer("SELECT count(*) FROM content").value(), 2);
  const Shredding again = shredder().begin("a", kTenant, "test").value();
  EXPECT_TRUE(again.finished) << "once is enough";
  EXPECT_FALSE(SqliteAuditLog(*store).verify()->fault);
  AuditFilter filter;
  filter.kind = "tenant.";
  EXPECT_EQ(SqliteAuditLog(*store).list(filter, 10)->size(), 2U);
}

/// A copy of the mail store taken before, with everything that can be had after: database, log, segments, the key store, its root key.
TEST_F(Shreds, NotEvenAnOldCopyOfTheMailStoreWithTheRootKeyOpensIt) {
  accept_some();
  std::vector<std::pair<ContentId, SealedContent>> copied;
  {
    RewrapStore rows(*store, **keeper, clock);
    const auto reader = store->reader();
    const auto theirs = rows.contents_of(kTenant, ContentId(0), 100).value();
    for (const ContentId id : theirs) copied.emplace_back(id, store->contents().read(*reader, id).value());
  }
  ASSERT_EQ(copied.size(), 3U);
  EXPECT_EQ(open_content(**keeper, MessageId("a1"), copied[0].second).value(), kSecret);
  ASSERT_TRUE(finish(shredder().begin("a", kTenant, "test").value()).finished);
  close();
  StoreOptions where;
  where.data_dir = dir.path();
  store = Store::open(std::move(where)).value();
  keeper = std::make_unique<test::DiskKeeper>(dir.path(), clock);  // the root key, and every key there still is
  spool = Spool::open({}, *store, **keeper, clock).value();
  for (const auto& [id, content] : copied) {
    for (const char* message : {"a1", "a2", "a3"}) EXPECT_FALSE(open_content(**keeper, MessageId(message), content));
  }
  // A key made anew under the old name is another key.
  ASSERT_TRUE((*keeper)->create(kTenant, KeyType::Aes256Gcm96));
  EXPECT_EQ(open_content(**keeper, MessageId("a1"), copied[0].second).error().code, ErrorCode::IntegrityFailed);
}

TEST_F(Shreds, ACrashInTheMiddleIsTakenUp) {
  accept_some();
  (void)shredder().begin("a", kTenant, "test").value();
  (void)shredder().step(ShredLog(*store).find("a")->value(), 1).value();
  close();
  StoreOptions where;
  where.data_dir = dir.path();
  store = Store::open(std::move(where)).value();
  keeper = std::make_unique<test::DiskKeeper>(dir.path(), clock);
  spool = Spool::open({}, *store, **keeper, clock).value();
  const Shredding known = ShredLog(*store).all().value().front();
  EXPECT_FALSE(known.finished);
  EXPECT_EQ(known.removed, 1U);
  EXPECT_EQ(finish(shredder().begin("a", kTenant, "system").value()).removed, 3U);
}

TEST_F(Shreds, WhatWasBeingStoredGoesToo) {
  auto late = std::make_unique<SealedContent>(seal_content(**keeper, MessageId("late"), kSecret, kTenant, &store->sealing()).value());
  Shredding s = shredder().begin("a", kTenant, "test").value();
  s = shredder().step(s, 10).value();
  EXPECT_FALSE(s.finished) << "somebody is still on the way to the disk";
  ASSERT_TRUE(store->writer().transact([&](Database& db) -> Status {
    POSTERN_TRY(const ContentId id, store->contents().put(db, MessageId("late"), *late, 1));
    POSTERN_TRY(const bool added,
                add_to_mailbox(db, store->contents(), MessageId("late"), id, late->size, {"bob@a.example", "", clock.now(), "{}"}));
    static_cast<void>(added);
    return store->contents().release(db, id);
  }));
  late.reset();
  s = finish(s);
  ASSERT_TRUE(s.finished);
  EXPECT_EQ(s.removed, 1U);
  EXPECT_FALSE(seal_content(**keeper, MessageId("later"), kSecret, kTenant)) << "and nothing new is taken";
}

}  // namespace
}  // namespace postern
