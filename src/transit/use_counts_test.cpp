// Use counters: exact limits, nothing lost in a crash, many threads; and changes while others work.
#include <atomic>
#include <set>
#include <thread>

#include "transit/test_support.hpp"

namespace postern::transit {
namespace {

UseCounts uses(Engine& engine, std::string_view name) { return engine.info(name)->versions.back().uses; }

TEST(Uses, AreCountedByKind) {
  Bench bench;
  const KeyRef key = bench.key("k", {.type = KeyType::EcdsaP256});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(key.sign(to_bytes("x")));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(key.hmac(to_bytes("x"), HashAlgorithm::Sha256));
  EXPECT_EQ(uses(bench.engine, "k").signatures, 3U);
  EXPECT_EQ(uses(bench.engine, "k").macs, 2U);
  EXPECT_EQ(uses(bench.engine, "k").encryptions, 0U);
}

TEST(Uses, ReservingCostsOneCommitForMany) {
  Bench bench;
  const KeyRef key = bench.key("k");
  const std::size_t before = bench.storage.applied;
  for (int i = 0; i < 1024; ++i) ASSERT_TRUE(key.encrypt(to_bytes("x")));
  EXPECT_EQ(bench.storage.applied, before + 1);
}

TEST(Uses, ACrashNeverCountsTooLittle) {
  MemoryStorage memory;
  ManualClock clock(start_time());
  std::uint64_t done = 0;
  for (int life = 0; life < 20; ++life) {
    auto* crashed = new Engine(memory, clock);  // never told that it ends, as in a crash
    ASSERT_TRUE(crashed->create("k", {}));
    EXPECT_GE(uses(*crashed, "k").encryptions, done);
    for (int i = 0; i < 100 * life; ++i, ++done) ASSERT_TRUE(crashed->get("k")->encrypt(to_bytes("x")));
    EXPECT_GE(uses(*crashed, "k").encryptions, done);
    delete crashed;
  }
}

TEST(Uses, SettlingGivesBackExactly) {
  MemoryStorage memory;
  ManualClock clock(start_time());
  for (int life = 0; life < 5; ++life) {
    Engine engine(memory, clock);
    ASSERT_TRUE(engine.create("k", {}));
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(engine.get("k")->encrypt(to_bytes("x")));
    engine.settle();
    EXPECT_EQ(uses(engine, "k").encryptions, 10U * static_cast<unsigned>(life + 1));
    Engine other(memory, clock);
    EXPECT_EQ(uses(other, "k").encryptions, 10U * static_cast<unsigned>(life + 1));
  }
}

TEST(Uses, TheLimitIsExactAndSaysWhatToDo) {
  Bench bench;
  (void)bench.key("k");
  ASSERT_TRUE(bench.engine.configure("k", {.limits = UseLimits{.encryptions = 50, .macs = 3}}));
  const KeyRef key = bench.engine.get("k").value();
  int done = 0;
  while (key.encrypt(to_bytes("x"))) ++done;
  EXPECT_EQ(done, 50);
  EXPECT_EQ(code_of(key.encrypt(to_bytes("x"))), ErrorCode::Exhausted);
  EXPECT_NE(text_of(key.encrypt(to_bytes("x"))).find("rotate the key"), std::string::npos);
  EXPECT_EQ(code_of(key.new_data_key({})), ErrorCode::Exhausted);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(key.hmac(to_bytes("x"), HashAlgorithm::Sha256));
  EXPECT_EQ(code_of(key.hmac(to_bytes("x"), HashAlgorithm::Sha256)), ErrorCode::Exhausted);
  ASSERT_TRUE(bench.engine.rotate("k"));
  EXPECT_TRUE(bench.engine.get("k")->encrypt(to_bytes("x")));
}

TEST(Uses, ALowerLimitHoldsAtOnce) {
  Bench bench;
  const KeyRef key = bench.key("k");
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(key.encrypt(to_bytes("x")));
  ASSERT_TRUE(bench.engine.configure("k", {.limits = UseLimits{.encryptions = 12}}));
  EXPECT_EQ(uses(bench.engine, "k").encryptions, 10U);
  EXPECT_TRUE(key.encrypt(to_bytes("x")));
  EXPECT_TRUE(key.encrypt(to_bytes("x")));
  EXPECT_EQ(code_of(key.encrypt(to_bytes("x"))), ErrorCode::Exhausted);
}

TEST(Uses, DefaultsFollowTheNonce) {
  Bench bench;
  EXPECT_EQ(bench.key("a").info().limits.encryptions, 1ULL << 32);
  EXPECT_EQ(bench.key("b", {.type = KeyType::ChaCha20Poly1305}).info().limits.encryptions, 1ULL << 32);
  EXPECT_EQ(bench.key("c", {.type = KeyType::XChaCha20Poly1305}).info().limits.encryptions, 0U);
  EXPECT_EQ(bench.key("d", {.derived = true, .convergent = true}).info().limits.encryptions, 0U);
  EXPECT_EQ(bench.key("e", {.type = KeyType::Ed25519}).info().limits.signatures, 0U);
}

TEST(Uses, KeysWithAutomaticRotationRotateBeforeTheLimit) {
  Bench bench;
  (void)bench.key("k", {.auto_rotate_period = std::chrono::hours(24)});
  ASSERT_TRUE(bench.engine.configure("k", {.limits = UseLimits{.encryptions = 100}}));
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(bench.engine.get("k")->encrypt(to_bytes("x"))) << i;
  EXPECT_GT(bench.engine.info("k")->latest, 9U);
}

TEST(Uses, NoUseWithoutAReservation) {
  Bench bench;
  const KeyRef key = bench.key("k");
  bench.storage.fail_after(0);
  EXPECT_EQ(code_of(key.encrypt(to_bytes("x"))), ErrorCode::Unavailable);
  EXPECT_EQ(uses(bench.engine, "k").encryptions, 0U);
}

TEST(Uses, TickReservesAhead) {
  Bench bench;
  const KeyRef key = bench.key("k");
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(key.encrypt(to_bytes("x")));
  (void)bench.engine.tick();
  const std::size_t before = bench.storage.applied;
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(key.encrypt(to_bytes("x")));
  EXPECT_EQ(bench.storage.applied, before);
}

TEST(Concurrency, TheLimitHoldsUnderManyThreads) {
  Bench bench;
  (void)bench.key("k");
  ASSERT_TRUE(bench.engine.configure("k", {.limits = UseLimits{.encryptions = 5000}}));
  std::atomic<int> done{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const KeyRef key = bench.engine.get("k").value();
      while (key.encrypt(to_bytes("x"))) ++done;
    });
  }
  threads.clear();
  EXPECT_EQ(done.load(), 5000);
}

TEST(Concurrency, RotateTrimAndDecryptTogether) {
  MemoryStorage memory;
  ManualClock clock(start_time());
  Engine engine(memory, clock, {.cached_keys = 10});
  ASSERT_TRUE(engine.create("k", {}));
  std::atomic<bool> stop{false};
  std::atomic<int> opened{0}, wrong{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        const auto key = engine.get("k");
        const auto sealed = key->encrypt(to_bytes("text"));
        const auto back = sealed ? engine.get("k")->decrypt(sealed->text) : Result<WipedBytes>(fail(sealed.error()));
        if (back && as_text(*back) == "text") ++opened;
        if (!back && back.error().code != ErrorCode::Denied) ++wrong;  // too old by now is all that may happen
      }
    });
  }
  threads.emplace_back([&] {  // pushes the key out of the cache again and again
    for (int i = 0; !stop; i = (i + 1) % 30) (void)engine.create("other" + std::to_string(i), {});
  });
  for (int i = 2; i < 150; ++i) {
    ASSERT_TRUE(engine.rotate("k"));
    ASSERT_TRUE(engine.configure("k", {.min_decryption_version = i - 1, .min_encryption_version = i - 1}));
    ASSERT_TRUE(engine.trim("k", i - 1));
  }
  while (opened < 100) std::this_thread::yield();
  stop = true;
  threads.clear();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(engine.info("k")->latest, 149U);
}

TEST(Concurrency, RotationsUseNoNumberTwice) {
  Bench bench;
  (void)bench.key("k");
  std::mutex mutex;
  std::multiset<std::uint32_t> numbers;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        const auto rotated = bench.engine.rotate("k");
        const std::lock_guard lock(mutex);
        numbers.insert(rotated->info.latest);
      }
    });
  }
  threads.clear();
  EXPECT_EQ(std::set<std::uint32_t>(numbers.begin(), numbers.end()).size(), 100U);
  EXPECT_EQ(*numbers.rbegin(), 101U);
}

TEST(Quick, SmallUsesOfKeysInMemoryThatAreGranted) {
  Bench bench;
  const KeyRef key = bench.key("k");
  EXPECT_FALSE(bench.engine.is_quick("k", KeyUse::Encrypt, 1, 100)) << "nothing is granted yet: the first use is a commit";
  EXPECT_TRUE(bench.engine.is_quick("k", KeyUse::Decrypt, 1, 100)) << "not counted";
  ASSERT_TRUE(key.encrypt(as_bytes("x"), {}));
  EXPECT_TRUE(bench.engine.is_quick("k", KeyUse::Encrypt, 128, 10'000));
  EXPECT_FALSE(bench.engine.is_quick("k", KeyUse::Encrypt, 1, 1'000'000)) << "large";
  EXPECT_FALSE(bench.engine.is_quick("k", KeyUse::Encrypt, 1000, 1000)) << "many, and more than are granted";
  EXPECT_FALSE(bench.engine.is_quick("k", KeyUse::Encrypt, SIZE_MAX / 2, 1));
  EXPECT_FALSE(bench.engine.is_quick("none", KeyUse::Encrypt, 1, 1));
  const std::size_t before = bench.storage.applied;
  while (bench.engine.is_quick("k", KeyUse::Encrypt, 1, 1)) ASSERT_TRUE(key.encrypt(as_bytes("x"), {}));
  EXPECT_EQ(bench.storage.applied, before) << "a quick use waits for no commit";
  bench.engine.forget_all();
  EXPECT_FALSE(bench.engine.is_quick("k", KeyUse::Decrypt, 1, 1));
}

TEST(Quick, CurvesOneByOneAndRsaNever) {
  Bench bench;
  ASSERT_TRUE(bench.key("ed", {.type = KeyType::Ed25519}).sign(as_bytes("x"), {}));
  ASSERT_TRUE(bench.key("ec", {.type = KeyType::EcdsaP384}).sign(as_bytes("x"), {}));
  ASSERT_TRUE(bench.key("rsa", {.type = KeyType::Rsa2048}).encrypt(as_bytes("x"), {}));
  EXPECT_TRUE(bench.engine.is_quick("ed", KeyUse::Sign, 1, 100));
  EXPECT_FALSE(bench.engine.is_quick("ed", KeyUse::Sign, 128, 100)) << "would hold up the loop";
  EXPECT_FALSE(bench.engine.is_quick("ec", KeyUse::Sign, 1, 100));
  EXPECT_FALSE(bench.engine.is_quick("rsa", KeyUse::Encrypt, 1, 100));
  EXPECT_FALSE(bench.engine.is_quick("rsa", KeyUse::Decrypt, 1, 100));
  EXPECT_FALSE(bench.engine.is_quick("ed", KeyUse::Export, 1, 1));
}

}  // namespace
}  // namespace postern::transit
