#include "store/store.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <future>
#include <thread>

#include "store/audit_log.hpp"
#include "store/certificate_store.hpp"
#include "store/dkim_pins.hpp"
#include "store/key_stock.hpp"
#include "store/key_store.hpp"
#include "store/mailbox.hpp"
#include "store/test_support.hpp"
#include "store/user_store.hpp"

namespace postern {
namespace {

using test::FaultGuard;
using test::TemporaryDirectory;

StoreOptions options_for(const TemporaryDirectory& dir) {
  StoreOptions options;
  options.data_dir = dir.path() / "var";
  return options;
}

AuditRecord record(const std::string& kind, std::int64_t millis = 1795308067123) {
  AuditRecord r;
  r.time = wall_from_millis(millis);
  r.kind = kind;
  r.actor = "test";
  return r;
}

TEST(Store, DirectoriesAndFilesArePrivate) {
  const TemporaryDirectory dir;
  const auto before = ::umask(0);
  const auto store = Store::open(options_for(dir)).value();
  ::umask(before);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.path())) {
    struct stat info{};
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, entry.is_directory() ? 0700U : 0600U) << entry.path();
  }
}

TEST(Store, SecondProcessIsRefused) {
  const TemporaryDirectory dir;
  const auto store = Store::open(options_for(dir)).value();
  const auto second = Store::open(options_for(dir));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::Conflict);
}

TEST(DkimPins, ASelectorKeepsItsVersion) {
  const TemporaryDirectory dir;
  {
    const auto store = Store::open(options_for(dir)).value();
    DkimPins pins(*store);
    EXPECT_EQ(pins.pin({"x.example", "a", "key"}, 0, 3).value().version, 3U) << "the latest at first use";
    EXPECT_EQ(pins.pin({"x.example", "a", "key"}, 0, 4).value().version, 3U) << "and from then on the same, whatever is rotated";
    EXPECT_EQ(pins.pin({"x.example", "b", "key"}, 0, 4).value().version, 4U) << "a new selector begins with the latest";
    EXPECT_EQ(pins.pin({"y.example", "a", "key"}, 0, 4).value().version, 4U);
  }
  const auto store = Store::open(options_for(dir)).value();
  DkimPins pins(*store);
  EXPECT_EQ(pins.pin({"x.example", "a", "key"}, 0, 5).value().version, 3U);
  EXPECT_EQ(pins.pin({"x.example", "a", "key"}, 5, 5).value().version, 5U) << "an operator's word counts";
  EXPECT_EQ(pins.pin({"x.example", "a", "key"}, 0, 6).value().version, 5U) << "and stays";
  const DkimSignerName signer{"x.example", "a", "key"};
  ASSERT_TRUE(pins.keep({signer, 6, "a-v6", DkimStage::Seen, wall_from_millis(1)}));
  ASSERT_TRUE(pins.activate(signer, {6, "a-v6"}, {signer, 5, "a", DkimStage::Retiring, wall_from_millis(2)}));
  const auto records = pins.records().value();
  ASSERT_EQ(records.size(), 1U) << "what signs is no record any more, what signed is one";
  EXPECT_EQ(records[0].signer, signer);
  EXPECT_EQ(records[0].version, 5U);
  EXPECT_EQ(records[0].published, "a");
  EXPECT_EQ(records[0].stage, DkimStage::Retiring);
  EXPECT_EQ(records[0].since, wall_from_millis(2));
  ASSERT_TRUE(pins.forget(records[0]));
  EXPECT_TRUE(pins.records().value().empty());
  const DkimPin active = pins.pin({"x.example", "a", "key"}, 0, 7).value();
  EXPECT_EQ(active.version, 6U);
  EXPECT_EQ(active.published, "a-v6");
  EXPECT_EQ(pins.pin({"x.example", "a", "key"}, 5, 7).value().published, "")
      << "what the configuration names stands at the selector itself";
}

TEST(Writer, ManyJobsShareFewCommits) {
  const TemporaryDirectory dir;
  const auto store = Store::open(options_for(dir)).value();
  constexpr int kThreads = 8, kEach = 250;
  std::atomic<int> done{0};
  const std::uint64_t syncs = disk_counters().wal_syncs;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        store->writer().submit(
            [name = std::to_string(t) + "-" + std::to_string(i)](WriteContext& context) {
              return context.database.run("INSERT INTO certificate(name, pem) VALUES (?, 'x')", name);
            },
            [&](const Status& status) { done += status.has_value(); });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(store->writer().transact([](Database&) { return Status(); }));
  EXPECT_EQ(done, kThreads * kEach);
  const WriterStats stats = store->writer().stats();
  EXPECT_LT(stats.commits, stats.jobs / 4);
  EXPECT_LE(disk_counters().wal_syncs - syncs, stats.commits + 2 * stats.checkpoints + 2);
  EXPECT_EQ(store->reader()->query_integer("SELECT count(*) FROM certificate").value(), kThreads * kEach);
}

class ProbeJob final : public WriteJob {
 public:
  ProbeJob(bool lingers, std::function<void(const Status&)> done) : m_lingers(lingers), m_done(std::move(done)) {}
  Status run(WriteContext&) override { return {}; }
  void done(const Status& status) noexcept override { m_done(status); }
  [[nodiscard]] bool may_linger() const override { return m_lingers; }

 private:
  bool m_lingers;
  std::function<void(const Status&)> m_done;
};

class Called final : public BatchObserver {
 public:
  std::chrono::milliseconds between_batches() override {
    ++times;
    return std::chrono::hours(1);
  }
  std::atomic<int> times{0};
};

/// Returns when the writer sleeps: attaching waits for the open batch.
void await_idle_writer(Store& store) {
  Called observer;
  ASSERT_TRUE(store.writer().transact([](Database&) { return Status(); }));
  store.writer().attach(observer);
  store.writer().detach(observer);
}

std::thread::id thread_of_commit(Store& store) {
  std::promise<std::thread::id> ran;
  store.writer().submit_and_help(std::make_unique<ProbeJob>(false, [&](const Status&) { ran.set_value(std::this_thread::get_id()); }));
  return ran.get_future().get();
}

TEST(Writer, AThreadIsLentOnlyWhileCommitsAreQuick) {
  const TemporaryDirectory dir, slow_dir;
  StoreOptions options = options_for(dir);
  options.writer.quick_commit = std::chrono::hours(1);
  const auto quick = Store::open(std::move(options)).value();
  await_idle_writer(*quick);
  EXPECT_EQ(thread_of_commit(*quick), std::this_thread::get_id());
  options = options_for(slow_dir);
  options.writer.quick_commit = std::chrono::microseconds(0);
  const auto slow = Store::open(std::move(options)).value();
  EXPECT_NE(thread_of_commit(*slow), std::this_thread::get_id());
}

TEST(Writer, WhatFollowsALentBatchWaitsForTheLender) {
  const TemporaryDirectory dir;
  StoreOptions options = options_for(dir);
  options.writer.quick_commit = std::chrono::hours(1);
  const auto store = Store::open(std::move(options)).value();
  await_idle_writer(*store);
  Called observer;
  store->writer().attach(observer);
  EXPECT_EQ(thread_of_commit(*store), std::this_thread::get_id());
  EXPECT_EQ(observer.times, 0);
  store->writer().follow_up();
  EXPECT_EQ(observer.times, 1);
  store->writer().follow_up();
  EXPECT_EQ(observer.times, 1);
  store->writer().detach(observer);
}

TEST(Writer, LentThreadsKeepTheOrderOfEachCaller) {
  const TemporaryDirectory dir;
  StoreOptions options = options_for(dir);
  options.writer.quick_commit = std::chrono::hours(1);
  options.writer.wal_bytes = 64U * 1024;  // checkpoints in between
  const auto store = Store::open(std::move(options)).value();
  constexpr int kThreads = 4, kEach = 200;
  std::atomic<int> disorder{0}, done{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      std::atomic<int> last{-1};
      for (int i = 0; i < kEach; ++i) {
        auto job = std::make_unique<ProbeJob>(i % 5 == 0, [&, i](const Status& status) {
          disorder += last.exchange(i) != i - 1;
          done += status.has_value();
        });
        if (i % 2 == 0)
          store->writer().submit(std::move(job));
        else
          store->writer().submit_and_help(std::move(job));
      }
      while (last != kEach - 1) std::this_thread::yield();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done, kThreads * kEach);
  EXPECT_EQ(disorder, 0);
}

TEST(Writer, WhatMayLingerSharesTheNextCommit) {
  const TemporaryDirectory dir;
  StoreOptions options = options_for(dir);
  options.writer.linger = std::chrono::hours(1);
  const auto store = Store::open(std::move(options)).value();
  std::atomic<int> done{0};
  const auto count = [&](const Status& status) { done += status.has_value(); };
  const std::uint64_t commits = store->writer().stats().commits;
  for (int i = 0; i < 3; ++i) store->writer().submit(std::make_unique<ProbeJob>(true, count));
  ASSERT_TRUE(store->writer().transact([](Database&) { return Status(); }));
  EXPECT_EQ(done, 3);
  EXPECT_EQ(store->writer().stats().commits, commits + 1);
  store->writer().submit(std::make_unique<ProbeJob>(true, count));
  store->writer().stop();  // everything queued so far is committed
  EXPECT_EQ(done, 4);
}

TEST(Writer, WhatMayLingerWaitsNoLongerThanThat) {
  const TemporaryDirectory dir;
  const auto store = Store::open(options_for(dir)).value();
  std::promise<void> done;
  store->writer().submit(std::make_unique<ProbeJob>(true, [&](const Status&) { done.set_value(); }));
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
}

TEST(Writer, WhatLingersGoesWithLentThreadsAsLongAsTheyCome) {
  const TemporaryDirectory dir;
  StoreOptions options = options_for(dir);
  options.writer.linger = std::chrono::milliseconds(200);
  options.writer.quick_commit = std::chrono::hours(1);
  const auto store = Store::open(std::move(options)).value();
  await_idle_writer(*store);
  std::atomic<int> own{0}, others{0};
  const auto self = std::this_thread::get_id();
  const auto count = [&](const Status&) { ++(std::this_thread::get_id() == self ? own : others); };
  // Longer than what lingers may wait; each waits for a moment only.
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(600);
  for (int i = 0; std::chrono::steady_clock::now() < until; ++i) {
    store->writer().submit(std::make_unique<ProbeJob>(true, count));
    (void)thread_of_commit(*store);
  }
  EXPECT_GT(own, 0);
  EXPECT_LE(others, own / 10);
}

TEST(Writer, ACommitIsWrittenInOnePiece) {
  const TemporaryDirectory dir;
  const auto store = Store::open(options_for(dir)).value();
  const auto insert = [](Database& database) {
    return database.run("INSERT INTO certificate(name, pem) VALUES ('big', ?)", std::string(300'000, 'x'));
  };
  ASSERT_TRUE(store->writer().transact(insert));
  // Read by another connection, and again after the log was moved into the database.
  EXPECT_EQ(store->reader()->query_integer("SELECT length(pem) FROM certificate").value(), 300'000);
  store->writer().stop();
  EXPECT_EQ(store->reader()->query_integer("SELECT length(pem) FROM certificate").value(), 300'000);
  EXPECT_TRUE(store->reader()->quick_check());
}

TEST(Writer, OneBadJobFailsAlone) {
  const TemporaryDirectory dir;
  const auto store = Store::open(options_for(dir)).value();
  std::promise<void> gate;
  std::shared_future<void> open = gate.get_future().share();
  store->writer().submit(
      [open](WriteContext&) {
        open.wait();
        return Status();
      },
      {});  // what follows gathers into one batch
  std::vector<Status> results(3);
  std::atomic<int> left{3};
  for (int i = 0; i < 3; ++i) {
    store->writer().submit(
        [i](WriteContext& context) -> Status {
          POSTERN_CHECK(context.audit.append(context.database, record("job." + std::to_string(i))));
          POSTERN_CHECK(context.database.run("INSERT INTO certificate(name, pem) VALUES (?, 'x')", i));
          if (i == 1) return fail(ErrorCode::BadInput, "no");
          return {};
        },
        [&, i](const Status& status) {
          results[static_cast<std::size_t>(i)] = status;
          --left;
        });
  }
  gate.set_value();
  ASSERT_TRUE(store->writer().transact([](Database&) { return Status(); }));
  EXPECT_EQ(left, 0);
  EXPECT_TRUE(results[0]);
  EXPECT_EQ(results[1].error().code, ErrorCode::BadInput);
  EXPECT_TRUE(results[2]);
  EXPECT_EQ(store->reader()->query_integer("SELECT count(*) FROM certificate").value(), 2);
  const AuditVerdict verdict = SqliteAuditLog(*store).verify().value();
  EXPECT_EQ(verdict.entries, 2U);
  EXPECT_FALSE(verdict.fault) << verdict.fault->text;
}

TEST(Writer, FullQueuePushesBack) {
  const TemporaryDirectory dir;
  StoreOptions options = options_for(dir);
  options.writer.queue_jobs = 2;
  const auto store = Store::open(std::move(options)).value();
  std::promise<void> gate, started;
  store->writer().submit(
      [&](WriteContext&) {
        started.set_value();
        gate.get_future().wait();
        return Status();
      },
      {});
  started.get_future().wait();
  std::vector<ErrorCode> refused;
  for (int i = 0; i < 4; ++i) {
    store->writer().submit([](WriteContext&) { return Status(); },
                           [&](const Status& s) {
                             if (!s) refused.push_back(s.error().code);
                           });
  }
  EXPECT_EQ(refused, (std::vector<ErrorCode>{ErrorCode::Exhausted, ErrorCode::Exhausted}));
  gate.set_value();
  store->writer().stop();
  EXPECT_EQ(store->writer().transact([](Database&) { return Status(); }).error().code, ErrorCode::Unavailable);
}

TEST(Writer, FullDiskFailsTheBatchAndHealsWithoutRestart) {
  const TemporaryDirectory dir;
  const FaultGuard guard;
  const auto store = Store::open(options_for(dir)).value();
  SqliteAuditLog audit(*store);
  ASSERT_TRUE(audit.append(record("before")));
  disk_faults().full = true;
  Status status;
  for (int i = 0; i < 100 && status; ++i) {
    status = store->writer().transact_with_audit([](WriteContext& context) -> Status {
      POSTERN_CHECK(context.audit.append(context.database, record("lost")));
      return context.database.run("INSERT OR REPLACE INTO certificate(name, pem) VALUES ('big', zeroblob(1000000))");
    });
  }
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::Exhausted);
  EXPECT_FALSE(store->writer().stats().healthy);
  disk_faults().full = false;
  ASSERT_TRUE(audit.append(record("after")));
  EXPECT_TRUE(store->writer().stats().healthy);
  const AuditVerdict verdict = audit.verify().value();
  EXPECT_FALSE(verdict.fault);
  EXPECT_EQ(verdict.entries, 2U);
}

TEST(AuditLog, ListsFiltersAndFindsByMessage) {
  const TemporaryDirectory dir;
  const auto store = Store::open(options_for(dir)).value();
  SqliteAuditLog audit(*store);
  FixedRandom random;
  std::vector<MessageId> ids;
  std::vector<AuditRecord> records;
  for (int i = 0; i < 200; ++i) {
    const WallTime time = wall_from_millis(1795308067123 + i * 3'600'000LL);
    ids.push_back(make_message_id(time, random));
    records.push_back(record(i % 2 ? "queue.hold" : "message.accepted", unix_millis(time)));
    records.back().message = ids.back();
    records.back().correlation = CorrelationId("c" + std::to_string(i % 10));
  }
  std::promise<Status> promise;
  audit.append(records, [&](const Status& s) { promise.set_value(s); });
  ASSERT_TRUE(promise.get_future().get());

  AuditFilter filter;
  EXPECT_EQ(audit.list(filter, 1000).value().size(), 200U);
  filter.kind = "queue.";
  EXPECT_EQ(audit.list(filter, 1000).value().size(), 100U);
  filter.kind = "queue";
  EXPECT_TRUE(audit.list(filter, 1000).value().empty());
  filter = {};
  filter.message = ids[150];
  const auto found = audit.list(filter, 10).value();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].sequence, 151U);
  EXPECT_EQ(found[0].record, records[150]);
  filter = {};
  filter.correlation = CorrelationId("c3");
  filter.after = 100;
  EXPECT_EQ(audit.list(filter, 1000).value().size(), 10U);
  filter = {};
  filter.since = records[190].time;
  EXPECT_EQ(audit.list(filter, 1000).value().size(), 10U);
  EXPECT_EQ(audit.newest(2).value().front().sequence, 200U);
  EXPECT_EQ(audit.head().value().sequence, 200U);
}

TEST(AuditLog, TamperingWithTheDatabaseIsNamed) {
  const TemporaryDirectory dir;
  const auto store = Store::open(options_for(dir)).value();
  SqliteAuditLog audit(*store);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(audit.append(record("login")));
  const AuditHead head = audit.head().value();
  const auto tamper = [&](const char* sql) {
    EXPECT_TRUE(store->writer().transact([&](Database& db) { return db.execute(sql); }));
    return audit.verify().value().fault;
  };
  auto fault = tamper("UPDATE audit SET actor='evil' WHERE seq=7");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, AuditFault::Kind::Altered);
  EXPECT_EQ(fault->sequence, 7U);
  ASSERT_FALSE(tamper("UPDATE audit SET actor='test' WHERE seq=7"));
  fault = tamper("DELETE FROM audit WHERE seq=20");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, AuditFault::Kind::Truncated);
  EXPECT_EQ(fault->sequence, 20U);
  // Whoever also moves the stored head is caught by a head that was kept elsewhere.
  fault = tamper("UPDATE audit_head SET seq=19, hash=(SELECT hash FROM audit WHERE seq=19)");
  EXPECT_FALSE(fault);
  EXPECT_EQ(audit.verify(head).value().fault->kind, AuditFault::Kind::Truncated);
  fault = tamper("DELETE FROM audit WHERE seq=3");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, AuditFault::Kind::Gap);
  EXPECT_EQ(fault->sequence, 3U);
}

TEST(AuditLog, ChainGoesOnAfterRestart) {
  const TemporaryDirectory dir;
  for (int run = 0; run < 3; ++run) {
    const auto store = Store::open(options_for(dir)).value();
    ASSERT_TRUE(SqliteAuditLog(*store).append(record("start")));
  }
  const auto store = Store::open(options_for(dir)).value();
  const AuditVerdict verdict = SqliteAuditLog(*store).verify().value();
  EXPECT_EQ(verdict.entries, 3U);
  EXPECT_FALSE(verdict.fault);
}

TEST(KeyStore, KeepsRecordsAndRevisions) {
  const TemporaryDirectory dir;
  const auto store = Store::open(options_for(dir)).value();
  SqliteKeyStore keys(*store);
  EXPECT_TRUE(keys.load().value().empty());
  ASSERT_TRUE(keys.insert({KeyName("a"), 1, {1, 2}}));
  EXPECT_EQ(keys.insert({KeyName("a"), 1, {3}}).error().code, ErrorCode::Conflict);
  EXPECT_EQ(keys.update({KeyName("a"), 3, {3}}).error().code, ErrorCode::Conflict);
  EXPECT_EQ(keys.update({KeyName("b"), 2, {3}}).error().code, ErrorCode::NotFound);
  ASSERT_TRUE(keys.update({KeyName("a"), 2, {9}}));
  const auto records = keys.load().value();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].revision, 2U);
  EXPECT_EQ(records[0].body, Bytes{9});
  EXPECT_TRUE(keys.load_root().value().empty());
  ASSERT_TRUE(keys.save_root(Bytes{5, 6}));
  ASSERT_TRUE(keys.save_root(Bytes{7}));
  EXPECT_EQ(keys.load_root().value(), Bytes{7});
  ASSERT_TRUE(keys.remove(KeyName("a")));
  EXPECT_EQ(keys.remove(KeyName("a")).error().code, ErrorCode::NotFound);
}

TEST(KeyStore, RingSurvivesRestart) {
  const TemporaryDirectory dir;
  SystemClock clock;
  std::string sealed;
  {
    sealed = test::DiskKeeper(dir.path(), clock)->encrypt(KeyName("mail_storage_key"), as_bytes("hello"), {}).value();
  }
  EXPECT_EQ(as_text(test::DiskKeeper(dir.path(), clock)->decrypt(KeyName("mail_storage_key"), sealed, {})->view()), "hello");
}

TEST(UserStore, KeepsUsers) {
  const TemporaryDirectory dir;
  const auto store = Store::open(options_for(dir)).value();
  SqliteUserStore users(*store);
  SystemRandom random;
  User alice{"Alice@Example.org", make_scram("correct horse", random, 4096).value(), {"alice@example.org", "@example.net"}, false};
  ASSERT_TRUE(users.put(alice));
  EXPECT_FALSE(users.find("bob").value());
  const auto found = users.find("ALICE@example.org").value();
  ASSERT_TRUE(found);
  alice.name = "alice@example.org";
  EXPECT_EQ(*found, alice);
  alice.disabled = true;
  ASSERT_TRUE(users.put(alice));
  EXPECT_EQ(users.list().value(), std::vector<User>{alice});
  User bad = alice;
  bad.senders = {"two\nlines@example.org"};
  EXPECT_EQ(users.put(bad).error().code, ErrorCode::BadInput);
  ASSERT_TRUE(users.remove("Alice@example.org"));
  EXPECT_EQ(users.remove("alice@example.org").error().code, ErrorCode::NotFound);
}

TEST(CertificateStore, KeepsPem) {
  const TemporaryDirectory dir;
  const auto store = Store::open(options_for(dir)).value();
  SqliteCertificateStore certificates(*store);
  EXPECT_FALSE(certificates.load("ca").value());
  ASSERT_TRUE(certificates.save("tls", "two"));
  ASSERT_TRUE(certificates.save("ca", "one"));
  ASSERT_TRUE(certificates.save("ca", "three"));
  EXPECT_EQ(certificates.load("ca").value(), "three");
  EXPECT_EQ(certificates.names().value(), (std::vector<std::string>{"ca", "tls"}));
}

struct Mailboxes : testing::Test {
  TemporaryDirectory dir;
  SystemClock clock;
  std::unique_ptr<Store> store = Store::open(options_for(dir)).value();
  std::shared_ptr<Keeper> keeper = make_memory_keeper(clock).value();
  SystemRandom random;
};

TEST_F(Mailboxes, ContentIsKeptEncryptedAndOncePerOwner) {
  MailboxStore mailbox(*store, *keeper);
  const std::string marker = "MARKER-of-the-content-0123456789";
  for (const std::size_t size : {std::size_t{100}, std::size_t{200'000}}) {  // in the database, in a segment
    const MessageId id = make_message_id(clock.now(), random);
    const std::string content = marker + std::string(size, 'x') + marker;
    ASSERT_TRUE(mailbox.add(id, content, {"Alice@Example.org", "bob@example.com", clock.now(), R"({"seal":"none"})"}));
    ASSERT_TRUE(mailbox.add(id, content, {"alice@example.org", "bob@example.com", clock.now(), "{}"}));
    ASSERT_TRUE(mailbox.add(id, content, {"carol@example.org", "bob@example.com", clock.now(), "{}"}));
    const auto found = mailbox.find(id).value();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].address, "alice@example.org");
    EXPECT_EQ(found[0].size, content.size());
    EXPECT_EQ(mailbox.content(found[0]).value(), content);
    EXPECT_EQ(mailbox.content(found[1]).value(), content);
  }
  EXPECT_FALSE(test::directory_contains(dir.path(), marker));
  EXPECT_EQ(mailbox.list("ALICE@example.org", 10).value().size(), 2U);
  EXPECT_EQ(mailbox.list("", 3).value().size(), 3U);
  const auto newest = mailbox.list("", 1).value().front();
  EXPECT_EQ(mailbox.list("", 10, newest.number).value().size(), 3U);
  EXPECT_EQ(mailbox.find(MessageId("nothing")).error().code, ErrorCode::NotFound);
}

TEST_F(Mailboxes, LastOwnerTakesTheContentAway) {
  MailboxStore mailbox(*store, *keeper);
  const MessageId id = make_message_id(clock.now(), random);
  ASSERT_TRUE(store->writer().transact([&](Database& db) -> Status {
    const SealedContent sealed = seal_content(*keeper, id, std::string(100'000, 'y')).value();
    POSTERN_TRY(const ContentId content, store->contents().put(db, id, sealed, 1));
    for (const char* owner : {"a@x", "b@x"})
      POSTERN_CHECK(add_to_mailbox(db, store->contents(), id, content, sealed.size, {owner, "", {}, "{}"}));
    return store->contents().release(db, content);
  }));
  const auto entries = mailbox.find(id).value();
  ASSERT_EQ(entries.size(), 2U);
  ASSERT_TRUE(mailbox.remove(entries[0].number));
  EXPECT_TRUE(mailbox.content(entries[1]));
  EXPECT_EQ(store->contents().stats().segment_records, 1U);
  ASSERT_TRUE(mailbox.remove(entries[1].number));
  EXPECT_EQ(mailbox.remove(entries[1].number).error().code, ErrorCode::NotFound);
  EXPECT_EQ(store->contents().stats().segment_records, 0U);
  EXPECT_EQ(store->reader()->query_integer("SELECT count(*) FROM content").value(), 0);
}

TEST_F(Mailboxes, AKeyThatWasAskedForBeforeIsUsedOnceForItsMessageOnly) {
  const MessageId one("one"), two("two");
  const std::vector<std::string> aads = {content_aad(one)};
  KeyAhead ahead(one, std::move(keeper->begin_data_keys(key_names::kMailStorage, aads).front()), store->sealing().enter());
  EXPECT_FALSE(*ahead.take(two, key_names::kMailStorage));
  EXPECT_FALSE(*ahead.take(one, KeyName("tenant_a_storage")));
  EXPECT_FALSE(store->sealing().wait(std::chrono::milliseconds(1))) << "a version is not retired under it";
  {
    const SealedContent sealed = seal_content(*keeper, one, "hello", key_names::kMailStorage, &store->sealing(), &ahead).value();
    EXPECT_EQ(open_content(*keeper, one, sealed).value(), "hello");
    EXPECT_FALSE(store->sealing().wait(std::chrono::milliseconds(1))) << "nor under what was made of it";
  }
  EXPECT_TRUE(store->sealing().wait(std::chrono::seconds(20)));
  EXPECT_FALSE(*ahead.take(one, key_names::kMailStorage)) << "one key, one content";
  const SealedContent again = seal_content(*keeper, one, "again", key_names::kMailStorage, nullptr, &ahead).value();
  EXPECT_EQ(open_content(*keeper, one, again).value(), "again");
}

TEST_F(Mailboxes, AKeyThatDoesNotComeIsNotWaitedForTwice) {
  const MessageId id("one");
  KeyAhead silent(id, fail(ErrorCode::Unavailable, "the keeper did not answer in time"), nullptr);
  EXPECT_EQ(seal_content(*keeper, id, "x", key_names::kMailStorage, nullptr, &silent).error().code, ErrorCode::Unavailable);
  KeyAhead refused(id, fail(ErrorCode::Exhausted, "too many requests"), nullptr);
  EXPECT_TRUE(seal_content(*keeper, id, "x", key_names::kMailStorage, nullptr, &refused)) << "the next answer may be another";
}

struct KeyStocks : Mailboxes {
  /// Takes what there is; so many there were.
  std::size_t use_up() {
    std::size_t count = 0;
    while (const auto key = stock.take()) {
      const SealedContent sealed = seal_content(*keeper, key->message(), "x", key_names::kMailStorage, nullptr, key.get()).value();
      EXPECT_EQ(open_content(*keeper, key->message(), sealed).value(), "x");
      EXPECT_TRUE(ids.insert(key->message()).second);
      ++count;
    }
    return count;
  }
  ManualClock time{wall_from_millis(1795308067000)};
  KeyStock stock{*keeper, store->sealing(), time};
  std::set<MessageId> ids;
};

TEST_F(KeyStocks, GrowWithWhatIsUsed) {
  stock.refill();
  EXPECT_EQ(use_up(), 0U) << "nobody had wanted one";
  for (const std::size_t expected : {1U, 2U, 4U, 8U, 16U, 16U}) {
    stock.refill();
    stock.refill();
    EXPECT_EQ(use_up(), expected);
  }
}

TEST_F(KeyStocks, OldKeysAreThrownAway) {
  EXPECT_EQ(use_up(), 0U);
  stock.refill();
  EXPECT_EQ(use_up(), 1U);
  stock.refill();
  time.advance(KeyStock::kFresh);
  EXPECT_EQ(use_up(), 0U);
  stock.refill();
  EXPECT_EQ(use_up(), 1U) << "it begins anew";
}

TEST_F(KeyStocks, WhoRetiresVersionsDoesNotWaitForThem) {
  EXPECT_EQ(use_up(), 0U);
  stock.refill();
  EXPECT_TRUE(store->sealing().wait(std::chrono::milliseconds(1)));
  EXPECT_EQ(use_up(), 0U);
  stock.refill();
  const auto under_way = stock.take();
  EXPECT_FALSE(store->sealing().wait(std::chrono::milliseconds(1))) << "one that was taken is another matter";
}

TEST_F(Mailboxes, SealedContentBelongsToItsMessage) {
  const MessageId one("one"), two("two");
  SealedContent sealed = seal_content(*keeper, one, "hello").value();
  EXPECT_EQ(open_content(*keeper, one, sealed).value(), "hello");
  EXPECT_EQ(open_content(*keeper, two, sealed).error().code, ErrorCode::IntegrityFailed);
  for (std::size_t i = 0; i < sealed.sealed.size(); ++i) {
    SealedContent bad = sealed;
    bad.sealed[i] ^= 1;
    EXPECT_EQ(open_content(*keeper, one, bad).error().code, ErrorCode::IntegrityFailed) << i;
  }
  for (std::size_t i = 0; i < sealed.wrapped_key.size(); ++i) {
    SealedContent bad = sealed;
    bad.wrapped_key[i] ^= 1;
    EXPECT_FALSE(open_content(*keeper, one, bad)) << i;
  }
  SealedContent longer = sealed;
  longer.size = 6;
  EXPECT_EQ(open_content(*keeper, one, longer).error().code, ErrorCode::IntegrityFailed);
}

TEST(ContentStore, SegmentsAreReusedFreedAndForgotten) {
  const TemporaryDirectory dir;
  StoreOptions options = options_for(dir);
  options.content.inline_bytes = 1000;
  options.content.segment_bytes = 64 * 1024;
  const auto store = Store::open(std::move(options)).value();
  ContentStore& contents = store->contents();
  const auto put = [&](int n, std::size_t size) {
    ContentId id;
    EXPECT_TRUE(store->writer().transact([&](Database& db) -> Status {
      POSTERN_TRY(id, contents.put(db, MessageId("m" + std::to_string(n)), {Bytes{1}, RawBytes(size, static_cast<Byte>(n)), size}, 1));
      return {};
    }));
    return id;
  };
  const auto drop = [&](ContentId id) { return store->writer().transact([&](Database& db) { return contents.release(db, id); }); };
  std::vector<ContentId> ids;
  for (int n = 0; n < 20; ++n) ids.push_back(put(n, 10'000));  // five to a segment
  EXPECT_GE(contents.stats().segments, 4U);
  for (int n = 0; n < 20; ++n)
    EXPECT_EQ(contents.read(*store->reader(), ids[static_cast<std::size_t>(n)])->sealed, RawBytes(10'000, static_cast<Byte>(n)));
  for (const ContentId id : ids) ASSERT_TRUE(drop(id));
  EXPECT_LE(contents.stats().segments, 2U);  // the active one, and one to be used again
  EXPECT_EQ(contents.stats().segment_records, 0U);
  const ContentId huge = put(1, 300'000);  // larger than a segment
  EXPECT_EQ(contents.read(*store->reader(), huge)->sealed.size(), 300'000U);
  EXPECT_EQ(contents.read(*store->reader(), ids[0]).error().code, ErrorCode::NotFound);
}

TEST(ContentStore, UndoneJobsLeaveNothing) {
  const TemporaryDirectory dir;
  const FaultGuard guard;
  const auto store = Store::open(options_for(dir)).value();
  const auto put = [&](bool succeed) {
    return store->writer().transact([&](Database& db) -> Status {
      POSTERN_CHECK(store->contents().put(db, MessageId("m"), {Bytes{1}, RawBytes(50'000, 7), 50'000}, 1));
      if (!succeed) return fail(ErrorCode::BadInput, "no");
      return {};
    });
  };
  EXPECT_FALSE(put(false));
  EXPECT_EQ(store->contents().stats().segment_records, 0U);
  disk_faults().fail_sync = true;
  EXPECT_EQ(put(true).error().code, ErrorCode::Unavailable);
  disk_faults().fail_sync = false;
  EXPECT_EQ(store->contents().stats().segment_records, 0U);
  EXPECT_TRUE(put(true));
  EXPECT_EQ(store->contents().stats().segment_records, 1U);
}

TEST(ContentStore, StartFreesOrphansAndNamesWhatIsMissing) {
  const TemporaryDirectory dir;
  ContentId kept, broken;
  {
    const auto store = Store::open(options_for(dir)).value();
    ASSERT_TRUE(store->writer().transact([&](Database& db) -> Status {
      POSTERN_TRY(kept, store->contents().put(db, MessageId("kept"), {Bytes{1}, RawBytes(50'000, 7), 50'000}, 1));
      POSTERN_TRY(broken, store->contents().put(db, MessageId("broken"), {Bytes{1}, RawBytes(50'000, 8), 50'000}, 1));
      return db.run("UPDATE content SET offset = offset + 4096 WHERE id = ?", broken.get());
    }));
  }
  std::ofstream(dir.path() / "var/spool/000777.seg") << "left by a crash";
  const auto store = Store::open(options_for(dir)).value();
  EXPECT_EQ(store->contents().missing(), std::vector<ContentId>{broken});
  EXPECT_EQ(store->contents().stats().segment_records, 2U);  // the space of a damaged record stays taken
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "var/spool/000777.seg"));
  EXPECT_EQ(store->contents().read(*store->reader(), kept)->sealed, RawBytes(50'000, 7));
  EXPECT_EQ(store->contents().read(*store->reader(), broken).error().code, ErrorCode::IntegrityFailed);
  ASSERT_TRUE(store->writer().transact([&](Database& db) { return store->contents().release(db, broken); }));
  EXPECT_EQ(store->contents().stats().segment_records, 1U);
}

struct DamagedSegments : testing::Test {
  const TemporaryDirectory dir;
  const std::filesystem::path segment = dir.path() / "var/spool/000001.seg", bad = dir.path() / "var/spool/000001.bad";
  ContentId content;
  void SetUp() override {
    const auto store = Store::open(options_for(dir)).value();
    ASSERT_TRUE(put(*store, content));
    ASSERT_TRUE(std::filesystem::exists(segment));
  }
  static Status put(Store& store, ContentId& id) {
    return store.writer().transact([&](Database& db) -> Status {
      POSTERN_TRY(id, store.contents().put(db, MessageId("m"), {Bytes{1}, RawBytes(50'000, 7), 50'000}, 1));
      return {};
    });
  }
};

TEST_F(DamagedSegments, AReadErrorIsNoReasonToDelete) {
  const FaultGuard guard;
  disk_faults().fail_read = true;
  const auto refused = Store::open(options_for(dir));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Unavailable);
  disk_faults().fail_read = false;
  const auto store = Store::open(options_for(dir)).value();
  EXPECT_TRUE(store->contents().missing().empty());
  EXPECT_EQ(store->contents().read(*store->reader(), content)->sealed, RawBytes(50'000, 7));
}

TEST_F(DamagedSegments, AFileThatRowsPointIntoIsKeptUnderAnotherName) {
  {
    std::fstream file(segment, std::ios::binary | std::ios::in | std::ios::out);
    file.put('X');
  }
  for (int start = 0; start < 2; ++start) {
    const auto store = Store::open(options_for(dir)).value();
    EXPECT_EQ(store->contents().missing(), std::vector<ContentId>{content});
    EXPECT_FALSE(std::filesystem::exists(segment));
    EXPECT_GT(std::filesystem::file_size(bad), 50'000U);
    EXPECT_EQ(store->contents().read(*store->reader(), content).error().code, ErrorCode::IntegrityFailed);
  }
  const auto store = Store::open(options_for(dir)).value();
  ContentId other;
  ASSERT_TRUE(put(*store, other));
  EXPECT_FALSE(std::filesystem::exists(segment)) << "the number is not used again";
  ASSERT_TRUE(store->writer().transact([&](Database& db) { return store->contents().release(db, content); }));
  EXPECT_EQ(store->contents().read(*store->reader(), other)->sealed, RawBytes(50'000, 7));
}

TEST_F(DamagedSegments, ADamagedRecordKeepsItsFile) {
  {
    std::fstream file(segment, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(4096);
    file.put('X');
  }
  const auto store = Store::open(options_for(dir)).value();
  EXPECT_EQ(store->contents().missing(), std::vector<ContentId>{content});
  EXPECT_EQ(test::read_file(segment).substr(4096 + 64, 50'000), std::string(50'000, '\7'));
  ASSERT_TRUE(store->writer().transact([&](Database& db) { return store->contents().release(db, content); }));
  EXPECT_EQ(store->contents().stats().segment_records, 0U);
}

TEST(AuditLog, VerifyingTakesNoReaderOfThePool) {
  const TemporaryDirectory dir;
  StoreOptions options = options_for(dir);
  options.readers = 1;
  const auto store = Store::open(std::move(options)).value();
  SqliteAuditLog log(*store);
  ASSERT_TRUE(log.append(record("a")));
  const DatabaseReader held = store->reader();
  const auto verdict = log.verify();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->entries, 1U);
}

}  // namespace
}  // namespace postern
