#include "store/sealed_store.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <thread>

#include "barrier/barrier.hpp"
#include "barrier/testing/memory_sealed_store.hpp"
#include "store/store.hpp"
#include "store/test_support.hpp"

namespace postern {
namespace {

using test::FaultGuard;
using test::TemporaryDirectory;
using Names = std::vector<std::string>;

std::unique_ptr<SqliteSealedStore> open_store(const TemporaryDirectory& dir, const SecretBytes* key = nullptr) {
  SealedStoreOptions options;
  options.data_dir = dir.path();
  if (key != nullptr) options.key = key->clone();
  auto store = SqliteSealedStore::open(std::move(options));
  EXPECT_TRUE(store) << store.error().text();
  return *std::move(store);
}
/// Why the engine's store, or the mail side's, does not open.
ErrorCode refusal_of_engine(const TemporaryDirectory& dir, const char* database) {
  SealedStoreOptions options;
  options.data_dir = dir.path();
  options.database = database;
  const auto store = SqliteSealedStore::open(std::move(options));
  return store ? ErrorCode::Internal : store.error().code;
}
Result<std::unique_ptr<Store>> open_mail(const TemporaryDirectory& dir, const char* database) {
  StoreOptions options;
  options.data_dir = dir.path();
  options.database = database;
  return Store::open(std::move(options));
}
Status put(SealedStore& store, const std::string& path, std::string_view value) {
  std::vector<SealedChange> changes;
  changes.push_back({path, to_bytes(value)});
  return store.apply(std::move(changes));
}
Status forget(SealedStore& store, const std::string& path) {
  std::vector<SealedChange> changes;
  changes.push_back({path, std::nullopt});
  return store.apply(std::move(changes));
}
std::string text_at(SealedStore& store, const std::string& path) {
  const auto value = store.get(path).value();
  return value ? std::string(as_text(*value)) : "nothing";
}

TEST(SqliteSealedStore, KeepsBytesOverRestarts) {
  const TemporaryDirectory dir;
  {
    const auto store = open_store(dir);
    ASSERT_TRUE(put(*store, "a/b", std::string_view("\0x\xff", 3)));
    ASSERT_TRUE(put(*store, "a/b", "second"));
    ASSERT_TRUE(put(*store, "empty", ""));
    ASSERT_TRUE(put(*store, "gone", "x"));
    ASSERT_TRUE(forget(*store, "gone"));
    ASSERT_TRUE(forget(*store, "never"));
  }
  const auto store = open_store(dir);
  EXPECT_EQ(text_at(*store, "a/b"), "second");
  EXPECT_EQ(text_at(*store, "empty"), "");
  EXPECT_EQ(text_at(*store, "gone"), "nothing");
  EXPECT_EQ(text_at(*store, "a"), "nothing");
  EXPECT_EQ(store->list("").value(), (Names{"a/", "empty"}));
}

TEST(SqliteSealedStore, RefusesWhatIsTooLarge) {
  const TemporaryDirectory dir;
  const auto store = open_store(dir);
  EXPECT_EQ(put(*store, "", "x").error().code, ErrorCode::BadInput);
  EXPECT_EQ(put(*store, std::string(kSealedPath + 1, 'x'), "x").error().code, ErrorCode::BadInput);
  EXPECT_EQ(store->get("").error().code, ErrorCode::BadInput);
  EXPECT_TRUE(put(*store, std::string(kSealedPath, 'x'), std::string(kSealedValue, 'v')));
  EXPECT_EQ(put(*store, "big", std::string(kSealedValue + 1, 'v')).error().code, ErrorCode::TooLarge);
  EXPECT_EQ(store->list("no-slash").error().code, ErrorCode::BadInput);
}

// The same steps in memory and on disk, seen through the same lists.
TEST(SqliteSealedStore, AgreesWithTheOneInMemory) {
  const TemporaryDirectory dir;
  const auto store = open_store(dir);
  test::MemorySealedStore memory;
  std::mt19937 dice(7);
  const Names parts{"a", "a-", "a0", "b", "\xc3\xa4", "\xff", "."};
  const auto part = [&] { return parts[dice() % (parts.size() - 1)]; };
  for (int step = 0; step < 300; ++step) {
    std::string path = part();
    for (unsigned depth = dice() % 3; depth > 0; --depth) path += "/" + part();
    std::vector<SealedChange> one, two;
    std::optional<Bytes> value;
    if (dice() % 4 != 0) value = to_bytes(std::to_string(step));
    one.push_back({path, value});
    two.push_back({path, value});
    ASSERT_TRUE(store->apply(std::move(one)));
    ASSERT_TRUE(memory.apply(std::move(two)));
    const std::string prefix = dice() % 2 == 0 ? "" : part() + "/";
    const StoragePage page{.after = dice() % 2 == 0 ? "" : part() + (dice() % 3 == 0 ? "/" : ""), .limit = dice() % 4};
    EXPECT_EQ(store->list(prefix, page).value(), memory.list(prefix, page).value()) << prefix << " after " << page.after;
  }
}

TEST(SqliteSealedStore, ListsAHundredThousandByPages) {
  const TemporaryDirectory dir;
  const auto store = open_store(dir);
  constexpr int kKeys = 100'000;
  for (int base = 0; base < kKeys; base += 10'000) {
    std::vector<SealedChange> changes;
    for (int i = base; i < base + 10'000; ++i) changes.push_back({"keys/" + std::to_string(1'000'000 + i), Bytes(64, 7)});
    changes.push_back({"keys/1000000/below/" + std::to_string(base), Bytes(64, 7)});
    ASSERT_TRUE(store->apply(std::move(changes)));
  }
  EXPECT_EQ(store->list("").value(), Names{"keys/"});
  std::size_t seen = 0;
  for (StoragePage page{.after = "", .limit = 1000};;) {
    const Names names = store->list("keys/", page).value();
    if (names.empty()) break;
    seen += names.size();
    page.after = names.back();
  }
  EXPECT_EQ(seen, kKeys + 1U);  // and the folder
}

TEST(SqliteSealedStore, ABatchIsThereAsAWholeOrNotAtAll) {
  const TemporaryDirectory dir;
  const FaultGuard guard;
  const auto store = open_store(dir);
  ASSERT_TRUE(put(*store, "a", "old"));
  std::vector<SealedChange> changes;
  changes.push_back({"a", to_bytes("new")});
  for (int i = 0; i < 100; ++i) changes.push_back({"more/" + std::to_string(i), Bytes(4096, 1)});
  disk_faults().fail_sync = true;
  EXPECT_FALSE(store->apply(std::move(changes)));
  disk_faults().fail_sync = false;
  EXPECT_EQ(text_at(*store, "a"), "old");
  EXPECT_EQ(store->list("").value(), Names{"a"});
  EXPECT_TRUE(put(*store, "a", "later"));
  EXPECT_EQ(text_at(*store, "a"), "later");
}

TEST(SqliteSealedStore, BelongsToOneProcessAndIsNotTheMailDatabase) {
  const TemporaryDirectory dir;
  {
    const auto store = open_store(dir);
    EXPECT_EQ(refusal_of_engine(dir, "engine.db"), ErrorCode::Conflict);
    EXPECT_TRUE(open_mail(dir, "postern.db"));  // beside it
  }
  EXPECT_EQ(refusal_of_engine(dir, "postern.db"), ErrorCode::Conflict);
  EXPECT_EQ(open_mail(dir, "engine.db").error().code, ErrorCode::Conflict);
}

TEST(SqliteSealedStore, SqlcipherHidesPaths) {
  const TemporaryDirectory dir;
  const SecretBytes key(Bytes(32, 0x42));
  {
    const auto store = open_store(dir, &key);
    ASSERT_TRUE(put(*store, "marker-of-a-path", "marker-of-a-value"));
    EXPECT_FALSE(test::directory_contains(dir.path(), "marker-of-a"));
  }
  EXPECT_FALSE(test::directory_contains(dir.path(), "marker-of-a"));
  EXPECT_EQ(text_at(*open_store(dir, &key), "marker-of-a-path"), "marker-of-a-value");
}

TEST(SqliteSealedStore, ManyThreads) {
  const TemporaryDirectory dir;
  const auto store = open_store(dir);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string path = std::to_string(t) + "/" + std::to_string(i);
        EXPECT_TRUE(put(*store, path, path));
        EXPECT_EQ(text_at(*store, path), path);
        EXPECT_TRUE(store->list(std::to_string(t) + "/"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int t = 0; t < 4; ++t) EXPECT_EQ(store->list(std::to_string(t) + "/").value().size(), 50U);
}

// ---- the barrier over it, killed ----

// Puts and rotates until it is killed; each number goes to the pipe after its put was acknowledged.
[[noreturn]] void write_until_killed(const TemporaryDirectory& dir, int pipe, std::uint32_t first) {
  const SystemClock clock;
  const auto store = open_store(dir);
  Barrier barrier(*store, clock, {.block = 5});
  const Bytes root(kRootKey, 0x11);
  if (!(barrier.initialized().value() ? barrier.unseal(root) : barrier.initialize(root))) ::_exit(1);
  for (std::uint32_t number = first;; ++number) {
    if (!barrier.put("n/" + std::to_string(number), SecretBytes::from_text(std::to_string(number)))) ::_exit(2);
    if (::write(pipe, &number, sizeof number) != static_cast<ssize_t>(sizeof number)) ::_exit(3);
    if (number % 3 == 0 && !barrier.rotate()) ::_exit(4);
  }
}

TEST(SqliteSealedStore, KilledInTheMiddleNothingAcknowledgedIsLost) {
  const TemporaryDirectory dir;
  std::uint32_t next = 0;
  for (std::uint32_t round = 0; round < 5; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      write_until_killed(dir, ends[1], next);
    }
    ::close(ends[1]);
    std::uint32_t number = 0, got = 0;
    while (::read(ends[0], &number, sizeof number) == static_cast<ssize_t>(sizeof number)) {
      EXPECT_EQ(number, next);
      ++next;
      if (++got == 10 + round * 3) ::kill(child, SIGKILL);
    }
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    const SystemClock clock;
    const auto store = open_store(dir);
    Barrier barrier(*store, clock);
    ASSERT_TRUE(barrier.unseal(Bytes(kRootKey, 0x11)));
    for (std::uint32_t i = 0; i < next; ++i) {
      const auto value = barrier.get("n/" + std::to_string(i));
      ASSERT_TRUE(value && *value) << i;
      EXPECT_EQ(as_text((*value)->view()), std::to_string(i));
    }
  }
}

}  // namespace
}  // namespace postern
