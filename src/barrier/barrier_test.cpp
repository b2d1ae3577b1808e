#include "barrier/barrier.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <set>
#include <thread>

#include "barrier/barrier_form.hpp"
#include "barrier/testing/memory_sealed_store.hpp"
#include "crypto/random.hpp"

namespace postern {
namespace {

using test::MemorySealedStore;
using Cut = MemorySealedStore::Cut;

const Bytes kRoot(kRootKey, 0x11);
const Bytes kOtherRoot(kRootKey, 0x22);

SecretBytes value(std::string_view text) { return SecretBytes::from_text(text); }
std::string text_at(Storage& storage, std::string_view path) {
  const auto got = storage.get(path);
  if (!got) return "error: " + got.error().text();
  return *got ? std::string(as_text((*got)->view())) : "nothing";
}
std::vector<std::uint32_t> terms_on_disk(MemorySealedStore& store, ByteView root) {
  const Keyring ring = detail::open_keyring(store.raw().at(std::string(detail::kKeyringPath)), root).value();
  std::vector<std::uint32_t> numbers;
  for (const Term& term : ring.terms) numbers.push_back(term.number);
  return numbers;
}

class BarrierTest : public testing::Test {
 protected:
  ManualClock m_clock{wall_from_millis(1'700'000'000'000)};
  MemorySealedStore m_store;
  Barrier m_barrier{m_store, m_clock};
};

TEST_F(BarrierTest, KeepsValuesOverSealAndRestart) {
  EXPECT_FALSE(m_barrier.initialized().value());
  ASSERT_TRUE(m_barrier.initialize(kRoot));
  EXPECT_TRUE(m_barrier.initialized().value());
  ASSERT_TRUE(m_barrier.put("a/b", value("secret-marker")));
  m_barrier.seal();
  Barrier again(m_store, m_clock);
  ASSERT_TRUE(again.unseal(kRoot));
  EXPECT_EQ(text_at(again, "a/b"), "secret-marker");
  EXPECT_EQ(again.list("").value(), std::vector<std::string>{"a/"});
  EXPECT_EQ(again.walk("").value(), std::vector<std::string>{"a/b"});
  ASSERT_TRUE(again.remove("a/b"));
  EXPECT_EQ(text_at(again, "a/b"), "nothing");
  for (const auto& [path, bytes] : m_store.raw()) EXPECT_EQ(as_text(bytes).find("secret-marker"), std::string_view::npos) << path;
}

TEST_F(BarrierTest, SealedAnswersNothing) {
  ASSERT_TRUE(m_barrier.initialize(kRoot));
  ASSERT_TRUE(m_barrier.put("a", value("x")));
  m_barrier.seal();
  m_barrier.seal();
  EXPECT_TRUE(m_barrier.sealed());
  const Error sealed{ErrorCode::Unavailable, "Vault is sealed", ""};
  EXPECT_EQ(m_barrier.get("a").error(), sealed);
  EXPECT_EQ(m_barrier.get("nothing/there").error(), sealed);
  EXPECT_EQ(m_barrier.list("").error(), sealed);
  EXPECT_EQ(m_barrier.put("a", value("y")).error(), sealed);
  EXPECT_EQ(m_barrier.remove("a").error(), sealed);
  EXPECT_EQ(m_barrier.rotate().error(), sealed);
  EXPECT_EQ(m_barrier.change_root_key(kOtherRoot).error(), sealed);
  EXPECT_EQ(m_barrier.key_status().error(), sealed);
  EXPECT_EQ(m_barrier.rotation().error(), sealed);
  EXPECT_EQ(m_barrier.set_rotation({}).error(), sealed);
  EXPECT_EQ(m_barrier.tick().error(), sealed);
  EXPECT_EQ(m_barrier.verify_root_key(kRoot).error(), sealed);
  EXPECT_EQ(m_barrier.custody_value("x").error(), sealed);
  EXPECT_FALSE(m_barrier.plain_value("x").value());
}

TEST_F(BarrierTest, RefusesWrongRootKeysAndStates) {
  EXPECT_EQ(m_barrier.unseal(kRoot).error().code, ErrorCode::Conflict);
  EXPECT_EQ(m_barrier.initialize(Bytes(31, 1)).error().code, ErrorCode::BadInput);
  ASSERT_TRUE(m_barrier.initialize(kRoot));
  EXPECT_EQ(m_barrier.initialize(kRoot).error().code, ErrorCode::Conflict);
  EXPECT_EQ(m_barrier.unseal(kOtherRoot).error().code, ErrorCode::Denied);
  EXPECT_TRUE(m_barrier.unseal(kRoot));
  EXPECT_EQ(m_barrier.verify_root_key(Bytes(5, 0x11)).error().code, ErrorCode::Denied);
  m_barrier.seal();
  EXPECT_EQ(m_barrier.unseal(kOtherRoot).error().code, ErrorCode::Denied);
  EXPECT_EQ(m_barrier.unseal(Bytes(33, 0x11)).error().code, ErrorCode::BadInput);
  EXPECT_TRUE(m_barrier.sealed());
}

TEST_F(BarrierTest, ALostKeyringIsNotReplaced) {
  ASSERT_TRUE(m_barrier.initialize(kRoot));
  ASSERT_TRUE(m_barrier.put("a", value("x")));
  m_barrier.seal();
  m_store.raw().erase(std::string(detail::kKeyringPath));
  EXPECT_EQ(m_barrier.initialize(kRoot).error().code, ErrorCode::Conflict);
}

TEST_F(BarrierTest, NoticesEveryChangedByteAndEverySwap) {
  ASSERT_TRUE(m_barrier.initialize(kRoot));
  ASSERT_TRUE(m_barrier.put("a", value("first")));
  ASSERT_TRUE(m_barrier.put("b", value("other")));
  Bytes& stored = m_store.raw().at("d/a");
  for (std::size_t at = 0; at < stored.size(); ++at) {
    stored[at] ^= 1;
    EXPECT_EQ(m_barrier.get("a").error().code, ErrorCode::IntegrityFailed) << at;
    stored[at] ^= 1;
  }
  const Bytes whole = stored;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    stored.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(m_barrier.get("a").error().code, ErrorCode::IntegrityFailed) << size;
  }
  stored = m_store.raw().at("d/b");
  EXPECT_EQ(m_barrier.get("a").error().code, ErrorCode::IntegrityFailed);
  stored = whole;
  EXPECT_EQ(text_at(m_barrier, "a"), "first");
}

TEST_F(BarrierTest, NoticesValuesMovedBetweenItsFolders) {
  BarrierChanges both;
  both.values.push_back({"x", value("shown")});
  both.custody.push_back({"x", value("kept")});
  ASSERT_TRUE(m_barrier.initialize(kRoot, std::move(both)));
  EXPECT_EQ(text_at(m_barrier, "x"), "shown");
  EXPECT_EQ(as_text(m_barrier.custody_value("x").value()->view()), "kept");
  EXPECT_EQ(m_barrier.list("").value(), std::vector<std::string>{"x"});
  m_store.raw().at("d/x") = m_store.raw().at("k/x");
  EXPECT_EQ(m_barrier.get("x").error().code, ErrorCode::IntegrityFailed);
}

TEST_F(BarrierTest, AChangedKeyringDoesNotUnseal) {
  ASSERT_TRUE(m_barrier.initialize(kRoot));
  m_barrier.seal();
  Bytes& keyring = m_store.raw().at(std::string(detail::kKeyringPath));
  for (std::size_t at = 0; at < keyring.size(); ++at) {
    keyring[at] ^= 0x80;
    EXPECT_FALSE(m_barrier.unseal(kRoot)) << at;
    keyring[at] ^= 0x80;
  }
  EXPECT_TRUE(m_barrier.unseal(kRoot));
}

TEST_F(BarrierTest, OldTermsStayReadable) {
  ASSERT_TRUE(m_barrier.initialize(kRoot));
  for (std::uint32_t term = 1; term <= 5; ++term) {
    ASSERT_TRUE(m_barrier.put("t" + std::to_string(term), value(std::to_string(term))));
    EXPECT_EQ(m_store.raw().at("d/t" + std::to_string(term))[3], term);
    EXPECT_EQ(m_barrier.rotate().value(), term + 1);
  }
  ASSERT_TRUE(m_barrier.change_root_key(kOtherRoot));
  EXPECT_EQ(m_barrier.key_status()->term, 7U);
  m_barrier.seal();
  EXPECT_EQ(m_barrier.unseal(kRoot).error().code, ErrorCode::Denied);
  ASSERT_TRUE(m_barrier.unseal(kOtherRoot));
  for (int term = 1; term <= 5; ++term) EXPECT_EQ(text_at(m_barrier, "t" + std::to_string(term)), std::to_string(term));
}

TEST_F(BarrierTest, CountsAreExactOverACleanSealAndNeverTooLowAfterACrash) {
  ASSERT_TRUE(m_barrier.initialize(kRoot));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(m_barrier.put("a", value("x")));
  EXPECT_EQ(m_barrier.key_status()->encryptions, 10U);
  m_barrier.seal();
  ASSERT_TRUE(m_barrier.unseal(kRoot));
  EXPECT_EQ(m_barrier.key_status()->encryptions, 10U);
  ASSERT_TRUE(m_barrier.put("a", value("x")));
  Barrier after_crash(m_store, m_clock);  // the first one has not written its count
  ASSERT_TRUE(after_crash.unseal(kRoot));
  EXPECT_GE(after_crash.key_status()->encryptions, 11U);
  EXPECT_LE(after_crash.key_status()->encryptions, 10U + (1U << 20));
}

TEST_F(BarrierTest, ReservesBeforeItSeals) {
  Barrier small(m_store, m_clock, {.block = 3});
  ASSERT_TRUE(small.initialize(kRoot));
  for (std::uint64_t made = 1; made <= 20; ++made) {
    ASSERT_TRUE(small.put("a", value("x")));
    const Keyring ring = detail::open_keyring(m_store.raw().at(std::string(detail::kKeyringPath)), kRoot).value();
    EXPECT_GE(ring.active().encryptions, made);
    EXPECT_LT(ring.active().encryptions, made + 3);
  }
  std::vector<StorageChange> many;
  for (int i = 0; i < 100; ++i) many.push_back({"m" + std::to_string(i), value("x")});
  ASSERT_TRUE(small.apply(std::move(many)));
  EXPECT_EQ(small.key_status()->encryptions, 120U);
}

TEST_F(BarrierTest, RotatesByItselfAtTheBound) {
  constexpr std::uint64_t kBlock = 400'000;
  {
    Barrier first(m_store, m_clock, {.block = kBlock});
    ASSERT_TRUE(first.initialize(kRoot));
    ASSERT_TRUE(first.set_rotation({.max_operations = 1'000'000, .interval = {}, .enabled = true}));
    m_store.fail_apply(1);  // no true count at the end: each start burns a block
  }
  std::set<std::uint32_t> terms;
  for (int start = 0; start < 6; ++start) {
    Barrier barrier(m_store, m_clock, {.block = kBlock});
    ASSERT_TRUE(barrier.unseal(kRoot));
    ASSERT_TRUE(barrier.put("s" + std::to_string(start), value("x")));
    EXPECT_LE(barrier.key_status()->encryptions, 1'000'000U);
    terms.insert(barrier.key_status()->term);
    m_store.fail_apply(1);
  }
  EXPECT_EQ(terms, (std::set<std::uint32_t>{1, 2, 3}));
  Barrier last(m_store, m_clock);
  ASSERT_TRUE(last.unseal(kRoot));
  for (int start = 0; start < 6; ++start) EXPECT_EQ(text_at(last, "s" + std::to_string(start)), "x");
}

TEST_F(BarrierTest, RotatesByAge) {
  ASSERT_TRUE(m_barrier.initialize(kRoot));
  ASSERT_TRUE(m_barrier.set_rotation({.max_operations = kTermEncryptions, .interval = std::chrono::hours(24), .enabled = true}));
  EXPECT_FALSE(m_barrier.tick().value());
  m_clock.advance(std::chrono::hours(23));
  EXPECT_FALSE(m_barrier.tick().value());
  m_clock.advance(std::chrono::hours(1));
  EXPECT_TRUE(m_barrier.tick().value());
  EXPECT_EQ(m_barrier.key_status()->term, 2U);
  m_clock.step(std::chrono::hours(-48));  // a clock that goes back rotates nothing
  EXPECT_FALSE(m_barrier.tick().value());
  m_clock.step(std::chrono::hours(480));
  ASSERT_TRUE(m_barrier.set_rotation({.max_operations = kTermEncryptions, .interval = std::chrono::hours(24), .enabled = false}));
  EXPECT_FALSE(m_barrier.tick().value());
}

TEST_F(BarrierTest, RefusesPoliciesOutOfRange) {
  ASSERT_TRUE(m_barrier.initialize(kRoot));
  using std::chrono::hours;
  using std::chrono::seconds;
  for (const RotationPolicy& bad : {RotationPolicy{999'999, seconds(0), true}, RotationPolicy{kTermEncryptions + 1, seconds(0), true},
                                    RotationPolicy{kTermEncryptions, hours(23), true}, RotationPolicy{kTermEncryptions, seconds(-1), true},
                                    RotationPolicy{kTermEncryptions, hours(24) * 40000, true}}) {
    EXPECT_EQ(m_barrier.set_rotation(bad).error().code, ErrorCode::BadInput);
  }
  const RotationPolicy good{.max_operations = 1'000'000, .interval = hours(24), .enabled = true};
  ASSERT_TRUE(m_barrier.set_rotation(good));
  m_barrier.seal();
  ASSERT_TRUE(m_barrier.unseal(kRoot));
  EXPECT_EQ(m_barrier.rotation().value(), good);
}

// A power cut at every apply of a life with everything in it, before and after the commit: what was acknowledged is there, no term is used
// twice, one of the two root keys opens.
void live_through_cut(std::size_t nth, Cut cut, bool& reached) {
  ManualClock clock(wall_from_millis(1'700'000'000'000));
  MemorySealedStore store;
  std::map<std::string, std::string> acknowledged;
  std::map<std::uint32_t, Bytes> keys;  // of every term that was ever in force
  const auto see_terms = [&](ByteView root) {
    const Keyring ring = detail::open_keyring(store.raw().at(std::string(detail::kKeyringPath)), root).value();
    for (const Term& term : ring.terms) {
      const Bytes key(term.key.view().begin(), term.key.view().end());
      EXPECT_EQ(keys.try_emplace(term.number, key).first->second, key) << "term " << term.number << " has two keys";
    }
  };
  {
    Barrier barrier(store, clock, {.block = 2});
    ASSERT_TRUE(barrier.initialize(kRoot));
    see_terms(kRoot);
    store.fail_apply(nth, cut, true);
    const std::function<bool()> steps[] = {
        [&] { return barrier.put("a", value("1")).has_value() && (acknowledged["a"] = "1", true); },
        [&] { return barrier.rotate().has_value(); },
        [&] { return barrier.put("b", value("2")).has_value() && (acknowledged["b"] = "2", true); },
        [&] { return barrier.put("c", value("3")).has_value() && (acknowledged["c"] = "3", true); },
        [&] { return barrier.put("d", value("4")).has_value() && (acknowledged["d"] = "4", true); },
        [&] { return barrier.change_root_key(kOtherRoot).has_value(); },
        [&] { return barrier.put("e", value("5")).has_value() && (acknowledged["e"] = "5", true); },
        [&] { return barrier.rotate().has_value(); },
    };
    for (const auto& step : steps) {
      if (step()) continue;
      reached = true;
      break;
    }
  }
  store.restart();
  Barrier again(store, clock, {.block = 2});
  const bool old_root = again.unseal(kRoot).has_value();
  const bool new_root = !old_root && again.unseal(kOtherRoot).has_value();
  ASSERT_TRUE(old_root || new_root);
  see_terms(old_root ? kRoot : kOtherRoot);
  for (const auto& [path, text] : acknowledged) EXPECT_EQ(text_at(again, path), text) << path;
  const auto before = again.key_status()->term;
  EXPECT_EQ(again.rotate().value(), before + 1);
  ASSERT_TRUE(again.put("z", value("6")));
  see_terms(old_root ? kRoot : kOtherRoot);
}

TEST(BarrierCuts, LoseNothingAndUseNoTermTwice) {
  for (const Cut cut : {Cut::Before, Cut::After}) {
    bool reached = true;
    std::size_t nth = 1;
    for (; reached && nth < 100; ++nth) {
      SCOPED_TRACE(nth);
      reached = false;
      live_through_cut(nth, cut, reached);
    }
    EXPECT_GT(nth, 10U);
    EXPECT_LT(nth, 100U);
  }
}

TEST_F(BarrierTest, AFailedChangeThatWasStoredCountsAsDone) {
  ASSERT_TRUE(m_barrier.initialize(kRoot));
  m_store.fail_apply(1, Cut::After);
  EXPECT_EQ(m_barrier.rotate().value(), 2U);
  m_store.fail_apply(1, Cut::Before);
  EXPECT_EQ(m_barrier.rotate().error().code, ErrorCode::Unavailable);
  EXPECT_EQ(m_barrier.key_status()->term, 2U);
  EXPECT_EQ(m_barrier.rotate().value(), 3U);
}

TEST_F(BarrierTest, ADoubtfulChangeIsSettledBeforeTheNext) {
  for (const Cut cut : {Cut::Before, Cut::After}) {
    MemorySealedStore store;
    Barrier barrier(store, m_clock);
    ASSERT_TRUE(barrier.initialize(kRoot));
    store.fail_apply(1, cut, true);  // nothing can be read either
    EXPECT_FALSE(barrier.change_root_key(kOtherRoot));
    EXPECT_EQ(barrier.key_status()->term, 1U);
    EXPECT_FALSE(barrier.rotate());
    store.restart();
    const bool done = cut == Cut::After;
    EXPECT_EQ(barrier.rotate().value(), done ? 3U : 2U);
    EXPECT_TRUE(barrier.verify_root_key(done ? kOtherRoot : kRoot));
    EXPECT_EQ(terms_on_disk(store, done ? kOtherRoot : kRoot).size(), done ? 3U : 2U);
  }
}

TEST_F(BarrierTest, ManyThreadsWriteWhileItRotatesAndSeals) {
  Barrier barrier(m_store, m_clock, {.block = 7});
  ASSERT_TRUE(barrier.initialize(kRoot));
  std::atomic<bool> stop{false};
  std::atomic<int> acknowledged{0}, refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; !stop; i = (i + 1) % 50) {
        const std::string path = std::to_string(t) + "/" + std::to_string(i);
        const auto put = barrier.put(path, value(path));
        if (put) ++acknowledged;
        const auto got = barrier.get(path);
        if (put && got) EXPECT_EQ(as_text((*got)->view()), path);
        for (const Error* error : {put ? nullptr : &put.error(), got ? nullptr : &got.error()}) {
          if (error == nullptr) continue;
          ++refused;
          EXPECT_EQ(error->what, "Vault is sealed");
        }
      }
    });
  }
  for (int round = 0; round < 40; ++round) {
    ASSERT_TRUE(barrier.rotate());
    while (acknowledged < (round + 1) * 5) std::this_thread::yield();
    if (round % 10 != 9) continue;
    barrier.seal();
    const int before = refused;
    while (refused == before) std::this_thread::yield();
    ASSERT_TRUE(barrier.unseal(kRoot));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const auto paths = barrier.walk("").value();
  EXPECT_GT(paths.size(), 4U);
  for (const std::string& path : paths) EXPECT_EQ(text_at(barrier, path), path);
}

TEST(Keyring, ReadsWhatItWroteAndRefusesTheRest) {
  Keyring ring = Keyring::create(wall_from_millis(1'700'000'000'123));
  ring.policy = {.max_operations = 1'000'000, .interval = std::chrono::hours(48), .enabled = false};
  ring.revision = 7;
  ASSERT_TRUE(ring.add_term(wall_from_millis(1'700'000'000'456)));
  ring.active().encryptions = 99;
  const SecretBytes encoded = ring.encode();
  const Keyring read = Keyring::decode(encoded.view()).value();
  EXPECT_EQ(read.revision, 7U);
  EXPECT_EQ(read.policy, ring.policy);
  ASSERT_EQ(read.terms.size(), 2U);
  EXPECT_EQ(read.active().number, 2U);
  EXPECT_EQ(read.active().encryptions, 99U);
  EXPECT_EQ(read.active().installed, wall_from_millis(1'700'000'000'456));
  EXPECT_TRUE(std::ranges::equal(read.active().key.view(), ring.active().key.view()));
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    EXPECT_EQ(Keyring::decode(encoded.view().first(size)).error().code, ErrorCode::IntegrityFailed) << size;
  }
  Bytes longer(encoded.view().begin(), encoded.view().end());
  longer.push_back(0);
  EXPECT_FALSE(Keyring::decode(longer));
  longer.pop_back();
  longer[33 + 3] = 2;  // two terms of one number
  EXPECT_FALSE(Keyring::decode(longer));
}

}  // namespace
}  // namespace postern
