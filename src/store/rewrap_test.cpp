#include "store/rewrap.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "store/mailbox.hpp"
#include "store/sealed_content.hpp"
#include "store/test_support.hpp"

namespace postern {
namespace {

using namespace std::chrono_literals;

const KeyName& kKey = key_names::kMailStorage;

std::string text_of(int n) {
  return "message number " + std::to_string(n) + std::string(static_cast<std::size_t>(n) % 3 == 0 ? 20'000 : 50, 'x');
}

struct World {
  explicit World(const std::filesystem::path& dir)
      : store(open(dir)), keeper(dir, clock), mailbox(*store, *keeper), rewrap(*store, *keeper, clock) {}
  static std::unique_ptr<Store> open(const std::filesystem::path& dir) {
    StoreOptions options;
    options.data_dir = dir;
    return Store::open(std::move(options)).value();
  }
  void add(int n) { ASSERT_TRUE(mailbox.add(MessageId("m" + std::to_string(n)), text_of(n), {"a@example.org", "", clock.now(), "{}"})); }
  void fill(int from, int to) {
    for (int n = from; n < to; ++n) add(n);
  }
  RewrapRun finish(std::size_t batch = 7) {
    for (;;) {
      auto run = rewrap.step(kKey, batch);
      EXPECT_TRUE(run) << run.error().text();
      if (!run || run->finished) return run.value_or(RewrapRun{});
    }
  }
  void expect_readable(int count) {
    const auto entries = mailbox.list("", 10'000).value();
    EXPECT_EQ(entries.size(), static_cast<std::size_t>(count));
    for (const auto& entry : entries) {
      const auto content = mailbox.content(entry);
      ASSERT_TRUE(content) << content.error().text();
      EXPECT_EQ(*content, text_of(std::stoi(entry.message.get().substr(1))));
    }
  }

  SystemClock clock;
  std::unique_ptr<Store> store;
  test::DiskKeeper keeper;
  MailboxStore mailbox;
  RewrapStore rewrap;
};

class Rewrap : public ::testing::Test {
 protected:
  test::TemporaryDirectory dir;
};

TEST_F(Rewrap, EverythingComesUnderTheLatestVersionAndOldOnesCanGo) {
  World w(dir.path());
  w.fill(0, 20);
  ASSERT_TRUE(w.keeper->rotate(kKey));
  w.fill(20, 30);
  EXPECT_EQ(w.rewrap.count_older(kKey, 2).value(), 20U);
  EXPECT_EQ(w.rewrap.begin(kKey, 2, false).value().total, 20U);
  const RewrapRun done = w.finish();
  EXPECT_EQ(done.done, 20U);
  EXPECT_EQ(done.failed, 0U);
  EXPECT_EQ(done.total, 20U);
  EXPECT_EQ(w.rewrap.count_older(kKey, 2).value(), 0U);
  KeySettings minimum;
  minimum.min_decryption_version = 2;
  ASSERT_TRUE(w.keeper->configure(kKey, minimum));
  w.expect_readable(30);
}

TEST_F(Rewrap, ASecondRunChangesNothing) {
  World w(dir.path());
  w.fill(0, 10);
  ASSERT_TRUE(w.keeper->rotate(kKey));
  ASSERT_TRUE(w.rewrap.begin(kKey, 2, false));
  (void)w.finish();
  const RewrapRun again = w.rewrap.begin(kKey, 2, true).value();
  EXPECT_TRUE(again.finished) << "there is nothing to do";
  EXPECT_EQ(again.done, 10U);
  EXPECT_TRUE(w.rewrap.run(kKey).value()->archive) << "but the wish counts";
  EXPECT_EQ(w.finish().done, 10U);
  w.expect_readable(10);
}

TEST_F(Rewrap, BeginningAgainGoesOnAndAnotherRotationStartsOver) {
  World w(dir.path());
  w.fill(0, 10);
  ASSERT_TRUE(w.keeper->rotate(kKey));
  ASSERT_TRUE(w.rewrap.begin(kKey, 2, false));
  EXPECT_EQ(w.rewrap.step(kKey, 4).value().done, 4U);
  const RewrapRun again = w.rewrap.begin(kKey, 2, true).value();
  EXPECT_EQ(again.done, 4U);
  EXPECT_TRUE(again.archive);
  EXPECT_TRUE(w.rewrap.begin(kKey, 2, false).value().archive) << "a wish is not taken back by somebody else's call";
  ASSERT_TRUE(w.keeper->rotate(kKey));
  const RewrapRun other = w.rewrap.begin(kKey, 3, false).value();
  EXPECT_EQ(other.done, 0U);
  EXPECT_EQ(other.total, 10U);
  EXPECT_TRUE(other.archive) << "the wish of the run that it replaces";
  EXPECT_EQ(w.finish().done, 10U);
  w.expect_readable(10);
}

TEST_F(Rewrap, ARowThatCannotBeRewrappedIsReportedAndStays) {
  World w(dir.path());
  w.fill(0, 5);
  // One that was exchanged for another's, one that is no wrapped key at all, one that names no key.
  ASSERT_TRUE(w.store->writer().transact([](Database& db) -> Status {
    POSTERN_CHECK(db.execute("UPDATE content SET wrapped_key = (SELECT wrapped_key FROM content WHERE id = 1) WHERE id = 2"));
    POSTERN_CHECK(db.execute("UPDATE content SET wrapped_key = x'07070707' WHERE id = 3"));
    return db.execute("UPDATE content SET wrapped_key = x'0009' WHERE id = 4");
  }));
  ASSERT_TRUE(w.keeper->rotate(kKey));
  ASSERT_TRUE(w.rewrap.begin(kKey, 2, false));
  const RewrapRun done = w.finish(2);
  EXPECT_EQ(done.done, 2U);
  EXPECT_EQ(done.failed, 3U);
  const auto failures = w.rewrap.failures(kKey, 100).value();
  ASSERT_EQ(failures.size(), 3U);
  EXPECT_EQ(failures[0].content, ContentId(2));
  EXPECT_EQ(failures[0].message, MessageId("m1"));
  EXPECT_FALSE(failures[0].reason.empty());
  EXPECT_EQ(w.rewrap.failures(kKey, 1).value().size(), 1U);
  EXPECT_EQ(w.rewrap.count_older(kKey, 2).value(), 3U);
  EXPECT_EQ(w.store->reader()->query_integer("SELECT length(wrapped_key) FROM content WHERE id = 3").value(), 4) << "as it was";
  EXPECT_TRUE(w.mailbox.content(w.mailbox.find(MessageId("m0")).value().front()));
  ASSERT_TRUE(w.mailbox.remove(w.mailbox.find(MessageId("m1")).value().front().number));
  EXPECT_EQ(w.rewrap.failures(kKey, 100).value().size(), 2U) << "what is gone is nobody's trouble";
}

TEST_F(Rewrap, KeysOfTenantsAreRunsOfTheirOwn) {
  World w(dir.path());
  const KeyName tenant("tenant_a_storage");
  ASSERT_TRUE(w.keeper->create(tenant, KeyType::Aes256Gcm96));
  w.fill(0, 4);
  for (int n = 0; n < 3; ++n) {
    const MessageId id("t" + std::to_string(n));
    const SealedContent sealed = seal_content(*w.keeper, id, "secret of a", tenant).value();
    ASSERT_TRUE(w.store->writer().transact([&](Database& db) -> Status {
      return w.store->contents().put(db, id, sealed, 1).has_value() ? Status() : fail(ErrorCode::Internal, "put");
    }));
  }
  EXPECT_EQ(w.rewrap.contents_of(tenant, ContentId(0), 100).value().size(), 3U);
  EXPECT_EQ(w.rewrap.contents_of(tenant, ContentId(0), 2).value().size(), 2U);
  EXPECT_EQ(w.rewrap.contents_of(kKey, ContentId(0), 100).value().size(), 4U);
  ASSERT_TRUE(w.keeper->rotate(tenant));
  EXPECT_EQ(w.rewrap.begin(tenant, 2, false).value().total, 3U);
  EXPECT_EQ(w.rewrap.step(tenant, 100).value().done, 3U);
  EXPECT_EQ(w.rewrap.runs().value().size(), 1U);
  const auto theirs = w.rewrap.contents_of(tenant, ContentId(0), 100).value();
  for (const ContentId id : theirs) {
    const auto reader = w.store->reader();
    const SealedContent content = w.store->contents().read(*reader, id).value();
    EXPECT_EQ(open_content(*w.keeper, MessageId("t" + std::to_string(id.get() - 5)), content).value(), "secret of a");
    EXPECT_EQ(w.keeper->wrapped_version(parse_wrapped_key(content.wrapped_key)->wrapped).value(), 2U);
  }
  EXPECT_EQ(w.rewrap.begin(kKey, 2, false).value().total, 4U) << "the default key's rows are untouched";
}

TEST_F(Rewrap, MailThatComesAndGoesMeanwhile) {
  World w(dir.path());
  w.fill(0, 60);
  ASSERT_TRUE(w.keeper->rotate(kKey));
  ASSERT_TRUE(w.rewrap.begin(kKey, 2, false));
  std::thread traffic([&] {
    for (int n = 0; n < 20; ++n) {
      w.add(100 + n);
      ASSERT_TRUE(w.mailbox.remove(w.mailbox.find(MessageId("m" + std::to_string(n * 2))).value().front().number));
    }
  });
  const RewrapRun done = w.finish(5);
  traffic.join();
  EXPECT_EQ(done.failed, 0U);
  EXPECT_LE(done.done, 60U);
  EXPECT_EQ(done.total, done.done);
  EXPECT_EQ(w.rewrap.count_older(kKey, 2).value(), 0U);
  w.expect_readable(60);
}

TEST_F(Rewrap, AFullDiskCostsNothingButTime) {
  World w(dir.path());
  w.fill(0, 10);
  ASSERT_TRUE(w.keeper->rotate(kKey));
  ASSERT_TRUE(w.rewrap.begin(kKey, 2, false));
  {
    const test::FaultGuard guard;
    disk_faults().full = true;
    EXPECT_FALSE(w.rewrap.step(kKey, 100));
  }
  EXPECT_EQ(w.rewrap.run(kKey).value()->done, 0U);
  EXPECT_EQ(w.finish().done, 10U);
  w.expect_readable(10);
}

/// kill -9 in a loop, in the middle of re-wrapping: the counts are those of rows that were really changed, and nothing is lost.
TEST_F(Rewrap, KilledInALoopItGoesOnWhereItWas) {
  constexpr int kMessages = 400;
  {
    World w(dir.path());
    w.fill(0, kMessages);
    ASSERT_TRUE(w.keeper->rotate(kKey));
    ASSERT_TRUE(w.rewrap.begin(kKey, 2, false));
  }
  std::uint64_t before = 0;
  int kills = 0;
  for (bool finished = false; !finished && !HasFailure();) {
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      World w(dir.path());
      for (;;) {
        const auto run = w.rewrap.step(kKey, 3);
        if (!run || run->finished) ::_exit(run ? 0 : 1);
      }
    }
    std::this_thread::sleep_for(30ms + 10ms * (kills % 5));
    if (::kill(pid, SIGKILL) == 0) ++kills;
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    World w(dir.path());
    const RewrapRun run = w.rewrap.run(kKey).value().value();
    EXPECT_GE(run.done, before);
    EXPECT_EQ(w.rewrap.count_older(kKey, 2).value() + run.done, static_cast<std::uint64_t>(kMessages))
        << "cursor and rows are of one commit";
    before = run.done;
    finished = run.finished.has_value();
    if (kills > 60) finished = w.finish(50).finished.has_value();  // a slow machine: enough is seen
  }
  World w(dir.path());
  EXPECT_EQ(w.rewrap.run(kKey).value()->done, static_cast<std::uint64_t>(kMessages));
  KeySettings minimum;
  minimum.min_decryption_version = 2;
  ASSERT_TRUE(w.keeper->configure(kKey, minimum));
  w.expect_readable(kMessages);
}

TEST(WrappedKey, SaysItsStorageKeyAndNothingElsePasses) {
  const Bytes wrapped{Byte{1}, Byte{0}, Byte{0}, Byte{0}, Byte{9}};
  EXPECT_EQ(stored_wrapped_key(key_names::kMailStorage, wrapped), wrapped) << "what is stored already stays valid";
  const Bytes named = stored_wrapped_key(KeyName("tenant_x"), wrapped);
  const auto parsed = parse_wrapped_key(named);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->storage_key, KeyName("tenant_x"));
  EXPECT_EQ(Bytes(parsed->wrapped.begin(), parsed->wrapped.end()), wrapped);
  for (const Bytes& bad : {Bytes{Byte{0}}, Bytes{Byte{0}, Byte{0}}, Bytes{Byte{0}, Byte{5}, Byte{'a'}}, Bytes{Byte{0}, Byte{1}, Byte{'/'}}})
    EXPECT_EQ(parse_wrapped_key(bad).error().code, ErrorCode::IntegrityFailed);
}

}  // namespace
}  // namespace postern
