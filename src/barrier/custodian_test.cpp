#include "barrier/custodian.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "barrier/testing/fake_seal.hpp"
#include "barrier/testing/memory_sealed_store.hpp"

namespace postern {
namespace {

using test::FakeSeal;
using test::MemorySealedStore;
using Shares = std::vector<SecretBytes>;

constexpr std::string_view kRecordPath = "p/seal";

Status prepare(Storage& storage) { return storage.put("core/first", SecretBytes::from_text("written at init")); }

Shares clone(const Shares& shares) {
  Shares copy;
  for (const SecretBytes& share : shares) copy.push_back(share.clone());
  return copy;
}
/// A process: barrier and custodian over a store that outlives them.
struct Vault {
  explicit Vault(MemorySealedStore& store, CustodianOptions options = {}) : barrier(store, clock), custodian(barrier, options) {}
  ManualClock clock{wall_from_millis(1'700'000'000'000)};
  Barrier barrier;
  Custodian custodian;

  Shares init(const ShareSplit& split) { return custodian.init(split, prepare).value().shares; }
  /// Gives shares until one is enough or refused.
  Status unseal(const Shares& shares, bool migrate = false) {
    for (const SecretBytes& share : shares) {
      POSTERN_TRY(const CustodyStatus status, custodian.unseal(share.view(), migrate));
      if (!status.sealed) return {};
    }
    return fail(ErrorCode::Internal, "too few shares");
  }
  [[nodiscard]] std::string first() {
    const auto value = barrier.get("core/first");
    return value && *value ? std::string(as_text((*value)->view())) : "";
  }
};

class CustodianTest : public testing::Test {
 protected:
  MemorySealedStore m_store;
};

TEST_F(CustodianTest, SharesUnsealOneByOne) {
  Vault vault(m_store);
  EXPECT_FALSE(vault.custodian.status()->initialized);
  EXPECT_EQ(vault.custodian.status()->type, "shamir");
  EXPECT_EQ(vault.custodian.unseal(Bytes(33, 1)).error().what, "Vault is not initialized");
  const Shares shares = vault.init({.shares = 5, .threshold = 3});
  ASSERT_EQ(shares.size(), 5U);
  EXPECT_TRUE(vault.custodian.status()->sealed);
  EXPECT_EQ(vault.custodian.init({}, prepare).error().what, "Vault is already initialized");

  const CustodyStatus one = vault.custodian.unseal(shares[4].view()).value();
  EXPECT_EQ(one.progress, 1U);
  EXPECT_EQ(one.nonce.size(), 36U);
  EXPECT_EQ(one.shares, 5U);
  EXPECT_EQ(one.threshold, 3U);
  EXPECT_EQ(vault.custodian.unseal(shares[4].view())->progress, 1U);  // the same again
  EXPECT_EQ(vault.custodian.unseal(shares[1].view())->progress, 2U);
  EXPECT_EQ(vault.custodian.status()->nonce, one.nonce);
  const CustodyStatus done = vault.custodian.unseal(shares[2].view()).value();
  EXPECT_FALSE(done.sealed);
  EXPECT_EQ(done.progress, 0U);
  EXPECT_EQ(done.nonce, "");
  EXPECT_EQ(vault.first(), "written at init");
  EXPECT_FALSE(vault.custodian.unseal(Bytes(3, 1))->sealed);  // nothing happens
}

TEST_F(CustodianTest, OneShareIsTheKeyItself) {
  Vault vault(m_store);
  const Shares shares = vault.init({.shares = 1, .threshold = 1});
  EXPECT_EQ(shares.front().size(), 32U);
  EXPECT_EQ(vault.custodian.unseal(Bytes(32, 1)).error().code, ErrorCode::BadInput);
  EXPECT_TRUE(vault.unseal(shares));
}

TEST_F(CustodianTest, WrongSharesStartAnew) {
  Vault vault(m_store);
  const Shares shares = vault.init({.shares = 3, .threshold = 2});
  MemorySealedStore other_store;
  const Shares others = Vault(other_store).init({.shares = 3, .threshold = 2});
  EXPECT_EQ(vault.custodian.unseal(Bytes(32, 7)).error().code, ErrorCode::BadInput);
  EXPECT_EQ(vault.custodian.status()->nonce, "");

  ASSERT_TRUE(vault.custodian.unseal(shares[0].view()));
  EXPECT_EQ(vault.custodian.unseal({}).error().code, ErrorCode::BadInput);
  EXPECT_EQ(vault.custodian.status()->progress, 1U);  // a share of a wrong size costs nothing
  SecretBytes wrong = others[1].clone();
  if (wrong.view().back() == shares[0].view().back()) wrong = others[2].clone();
  const auto refused = vault.custodian.unseal(wrong.view());
  EXPECT_EQ(refused.error().code, ErrorCode::BadInput);
  EXPECT_TRUE(refused.error().what.starts_with("invalid key"));
  EXPECT_EQ(vault.custodian.status()->progress, 0U);
  EXPECT_TRUE(vault.custodian.status()->sealed);

  SecretBytes damaged = shares[0].clone();  // another share of the same x
  damaged.span().front() ^= 1;
  ASSERT_TRUE(vault.custodian.unseal(shares[0].view()));
  EXPECT_EQ(vault.custodian.unseal(damaged.view()).error().code, ErrorCode::BadInput);
  EXPECT_EQ(vault.custodian.status()->progress, 0U);
  EXPECT_TRUE(vault.unseal(shares));
}

TEST_F(CustodianTest, ResetForgetsShares) {
  Vault vault(m_store);
  const Shares shares = vault.init({.shares = 3, .threshold = 3});
  ASSERT_TRUE(vault.custodian.unseal(shares[0].view()));
  vault.custodian.reset_unseal();
  EXPECT_EQ(vault.custodian.status()->progress, 0U);
  ASSERT_TRUE(vault.custodian.unseal(shares[1].view()));
  vault.custodian.seal();
  EXPECT_EQ(vault.custodian.status()->progress, 0U);
  EXPECT_TRUE(vault.unseal(shares));
}

TEST_F(CustodianTest, RefusesSplitsAndFailedPreparations) {
  Vault vault(m_store);
  EXPECT_EQ(vault.custodian.init({.shares = 3, .threshold = 1}, prepare).error().code, ErrorCode::BadInput);
  EXPECT_EQ(
      vault.custodian.init({.shares = 3, .threshold = 2}, [](Storage&) -> Status { return fail(ErrorCode::Internal, "no"); }).error().what,
      "no");
  EXPECT_FALSE(vault.custodian.status()->initialized);
  EXPECT_TRUE(m_store.raw().empty());
}

TEST_F(CustodianTest, ASealUnsealsByItself) {
  FakeSeal seal;
  Shares recovery;
  {
    Vault vault(m_store, {.seal = &seal});
    EXPECT_EQ(vault.custodian.unseal_by_seal().error().what, "Vault is not initialized");
    const auto result = vault.custodian.init({.shares = 3, .threshold = 2}, prepare);
    ASSERT_TRUE(result);
    EXPECT_TRUE(result->recovery);
    recovery = clone(result->shares);
    EXPECT_FALSE(vault.custodian.status()->sealed);
    EXPECT_EQ(vault.custodian.status()->type, "fake");
  }
  Vault vault(m_store, {.seal = &seal});
  EXPECT_EQ(vault.custodian.unseal(recovery[0].view()).error().code, ErrorCode::BadInput);
  seal.away = true;
  EXPECT_EQ(vault.custodian.unseal_by_seal().error().code, ErrorCode::Unavailable);
  seal.away = false;
  seal.lies = true;
  EXPECT_FALSE(vault.custodian.unseal_by_seal());
  seal.lies = false;
  ASSERT_TRUE(vault.custodian.unseal_by_seal());
  EXPECT_TRUE(vault.custodian.unseal_by_seal());
  EXPECT_EQ(vault.first(), "written at init");
  EXPECT_TRUE(vault.custodian.status()->recovery_seal);
}

TEST_F(CustodianTest, ASealThatDoesNotGiveBackIsNotTrusted) {
  FakeSeal seal;
  seal.lies = true;
  Vault vault(m_store, {.seal = &seal});
  EXPECT_EQ(vault.custodian.init({.shares = 1, .threshold = 1}, prepare).error().code, ErrorCode::IntegrityFailed);
  seal.away = true;
  EXPECT_EQ(vault.custodian.init({.shares = 1, .threshold = 1}, prepare).error().code, ErrorCode::Unavailable);
  EXPECT_TRUE(m_store.raw().empty());
}

TEST_F(CustodianTest, SealWinsOverAnUnsealingThatHangs) {
  FakeSeal seal;
  Vault vault(m_store, {.seal = &seal});
  (void)vault.init({.shares = 1, .threshold = 1});
  vault.custodian.seal();
  seal.before_unwrap = [&] {
    EXPECT_TRUE(vault.custodian.status()->sealed);  // waits for nobody
    vault.custodian.seal();
  };
  EXPECT_EQ(vault.custodian.unseal_by_seal().error().what, "Vault is sealed");
  EXPECT_TRUE(vault.barrier.sealed());
  seal.before_unwrap = nullptr;
  EXPECT_TRUE(vault.custodian.unseal_by_seal());
}

TEST_F(CustodianTest, AChangedRecordNeverUnsealsWrongly) {
  Vault first(m_store);
  const Shares shares = first.init({.shares = 3, .threshold = 2});
  const Bytes record = m_store.raw().at(std::string(kRecordPath));
  for (std::size_t at = 0; at < record.size(); ++at) {
    m_store.raw().at(std::string(kRecordPath)) = record;
    m_store.raw().at(std::string(kRecordPath))[at] ^= 1;
    Vault vault(m_store);
    EXPECT_FALSE(vault.unseal(shares)) << at;
    EXPECT_TRUE(vault.barrier.sealed()) << at;
  }
}

// ---- rekey ----

Result<RekeyResult> give(Custodian& custodian, const Shares& shares, const std::string& nonce, bool verify = false) {
  for (const SecretBytes& share : shares) {
    POSTERN_TRY(RekeyResult result, verify ? custodian.rekey_verify(share.view(), nonce) : custodian.rekey_update(share.view(), nonce));
    if (result.complete) return result;
  }
  return fail(ErrorCode::Internal, "too few shares");
}

TEST_F(CustodianTest, RekeyMakesOldSharesWorthless) {
  Vault vault(m_store);
  EXPECT_EQ(vault.custodian.rekey_init({}, false).error().what, "Vault is sealed");
  const Shares old_shares = vault.init({.shares = 3, .threshold = 2});
  ASSERT_TRUE(vault.unseal(old_shares));
  EXPECT_FALSE(vault.custodian.rekey_status()->started);
  EXPECT_EQ(vault.custodian.rekey_update(old_shares[0].view(), "x").error().code, ErrorCode::BadInput);
  EXPECT_EQ(vault.custodian.rekey_init({.shares = 2, .threshold = 3}, false).error().code, ErrorCode::BadInput);
  const RekeyStatus started = vault.custodian.rekey_init({.shares = 5, .threshold = 4}, false).value();
  EXPECT_EQ(started.required, 2U);
  EXPECT_EQ(vault.custodian.rekey_init({}, false).error().what, "rekey already in progress");
  EXPECT_TRUE(vault.custodian.rekey_update(old_shares[0].view(), "wrong").error().what.starts_with("incorrect nonce"));
  EXPECT_EQ(vault.custodian.rekey_update(old_shares[0].view(), started.nonce)->status.progress, 1U);
  EXPECT_EQ(vault.custodian.rekey_update(old_shares[0].view(), started.nonce).error().code, ErrorCode::BadInput);
  const RekeyResult done = vault.custodian.rekey_update(old_shares[2].view(), started.nonce).value();
  ASSERT_TRUE(done.complete);
  ASSERT_EQ(done.shares.size(), 5U);
  EXPECT_FALSE(vault.custodian.rekey_status()->started);
  EXPECT_EQ(vault.custodian.status()->threshold, 4U);

  vault.custodian.seal();
  EXPECT_FALSE(vault.unseal(old_shares));
  vault.custodian.reset_unseal();
  ASSERT_TRUE(vault.unseal(done.shares));
  EXPECT_EQ(vault.first(), "written at init");
}

TEST_F(CustodianTest, RekeyWithWrongSharesChangesNothing) {
  Vault vault(m_store);
  const Shares shares = vault.init({.shares = 3, .threshold = 2});
  ASSERT_TRUE(vault.unseal(shares));
  const RekeyStatus started = vault.custodian.rekey_init({.shares = 1, .threshold = 1}, false).value();
  SecretBytes wrong = shares[1].clone();
  wrong.span().front() ^= 1;
  ASSERT_TRUE(vault.custodian.rekey_update(shares[0].view(), started.nonce));
  EXPECT_TRUE(vault.custodian.rekey_update(wrong.view(), started.nonce).error().what.starts_with("invalid key"));
  EXPECT_EQ(vault.custodian.rekey_status()->progress, 0U);
  EXPECT_TRUE(vault.custodian.rekey_status()->started);
  vault.custodian.rekey_cancel();
  EXPECT_FALSE(vault.custodian.rekey_status()->started);
  vault.custodian.seal();
  EXPECT_TRUE(vault.unseal(shares));
}

TEST_F(CustodianTest, RekeyWithVerificationWaitsForTheNewShares) {
  Vault vault(m_store);
  const Shares old_shares = vault.init({.shares = 3, .threshold = 2});
  ASSERT_TRUE(vault.unseal(old_shares));
  const RekeyStatus started = vault.custodian.rekey_init({.shares = 3, .threshold = 3}, true).value();
  const RekeyResult made = give(vault.custodian, old_shares, started.nonce).value();
  ASSERT_EQ(made.shares.size(), 3U);
  EXPECT_TRUE(made.status.verifying);
  EXPECT_EQ(vault.custodian.rekey_update(old_shares[0].view(), started.nonce).error().code, ErrorCode::BadInput);
  EXPECT_EQ(vault.custodian.status()->threshold, 2U);  // not yet

  Shares wrong = clone(made.shares);
  wrong[2].span().front() ^= 1;
  EXPECT_TRUE(give(vault.custodian, wrong, made.status.verification_nonce, true).error().what.starts_with("invalid key"));
  const RekeyStatus restarted = vault.custodian.rekey_verify_restart().value();
  EXPECT_NE(restarted.verification_nonce, made.status.verification_nonce);
  EXPECT_FALSE(give(vault.custodian, made.shares, made.status.verification_nonce, true));
  EXPECT_TRUE(give(vault.custodian, made.shares, restarted.verification_nonce, true));
  EXPECT_EQ(vault.custodian.status()->threshold, 3U);
  vault.custodian.seal();
  EXPECT_TRUE(vault.unseal(made.shares));
}

TEST_F(CustodianTest, RekeyOfRecoveryShares) {
  FakeSeal seal;
  Vault vault(m_store, {.seal = &seal});
  const Shares recovery = vault.init({.shares = 3, .threshold = 2});
  const RekeyStatus started = vault.custodian.rekey_init({.shares = 4, .threshold = 2}, false).value();
  const RekeyResult done = give(vault.custodian, recovery, started.nonce).value();
  EXPECT_EQ(done.shares.size(), 4U);
  vault.custodian.seal();
  ASSERT_TRUE(vault.custodian.unseal_by_seal());
  const RekeyStatus again = vault.custodian.rekey_init({.shares = 1, .threshold = 1}, false).value();
  EXPECT_FALSE(give(vault.custodian, recovery, again.nonce));
  EXPECT_TRUE(give(vault.custodian, done.shares, again.nonce));
}

// ---- root token ----

TEST_F(CustodianTest, GenerateRootGivesTheTokenUnderThePad) {
  Vault vault(m_store);
  const Shares shares = vault.init({.shares = 3, .threshold = 2});
  EXPECT_EQ(vault.custodian.generate_root_init().error().what, "Vault is sealed");
  ASSERT_TRUE(vault.unseal(shares));
  EXPECT_EQ(vault.custodian.generate_root_init("short").error().what, "OTP string is wrong length");
  const GenerateRootStatus started = vault.custodian.generate_root_init().value();
  EXPECT_EQ(started.otp.size(), 26U);
  EXPECT_EQ(vault.custodian.generate_root_init().error().what, "root generation already in progress");
  EXPECT_EQ(vault.custodian.generate_root_status()->otp, "");
  const std::string token = "s.abcdefghijklmnopqrstuvwx";
  int made = 0;
  const auto make = [&]() -> Result<std::string> { return ++made, token; };
  EXPECT_EQ(vault.custodian.generate_root_update(shares[0].view(), started.nonce, make)->progress, 1U);
  SecretBytes wrong = shares[1].clone();
  wrong.span().front() ^= 1;
  EXPECT_FALSE(vault.custodian.generate_root_update(wrong.view(), started.nonce, make));
  EXPECT_EQ(made, 0);
  ASSERT_TRUE(vault.custodian.generate_root_update(shares[0].view(), started.nonce, make));
  const GenerateRootStatus done = vault.custodian.generate_root_update(shares[1].view(), started.nonce, make).value();
  ASSERT_TRUE(done.complete);
  EXPECT_EQ(made, 1);
  Bytes mixed = base64_decode(done.encoded_token + "=").value();
  ASSERT_EQ(mixed.size(), 26U);
  for (std::size_t i = 0; i < mixed.size(); ++i) mixed[i] ^= static_cast<Byte>(started.otp[i]);
  EXPECT_EQ(as_text(mixed), token);
  EXPECT_FALSE(vault.custodian.generate_root_status()->started);
}

TEST_F(CustodianTest, GenerateRootByRecoveryShares) {
  FakeSeal seal;
  Vault vault(m_store, {.seal = &seal, .old_seal = nullptr, .root_token_length = 4});
  const Shares recovery = vault.init({.shares = 1, .threshold = 1});
  const GenerateRootStatus started = vault.custodian.generate_root_init("AAAA").value();
  EXPECT_EQ(started.otp, "");
  const auto make = []() -> Result<std::string> { return std::string("abcd"); };
  EXPECT_EQ(vault.custodian.generate_root_update(Bytes(32, 0), started.nonce, make).error().code, ErrorCode::BadInput);
  EXPECT_EQ(vault.custodian.generate_root_update(recovery[0].view(), started.nonce, make)->encoded_token, "ICMiJQ");
}

// ---- root key, migration ----

TEST_F(CustodianTest, RotatesTheRootKeyUnderTheSameShares) {
  Vault vault(m_store);
  const Shares shares = vault.init({.shares = 3, .threshold = 2});
  EXPECT_EQ(vault.custodian.rotate_root_key().error().what, "Vault is sealed");
  ASSERT_TRUE(vault.unseal(shares));
  const Bytes old_record = m_store.raw().at(std::string(kRecordPath));
  ASSERT_TRUE(vault.custodian.rotate_root_key());
  EXPECT_EQ(vault.barrier.key_status()->term, 2U);
  vault.custodian.seal();
  EXPECT_TRUE(vault.unseal(shares));
  EXPECT_EQ(vault.first(), "written at init");
  vault.custodian.seal();
  m_store.raw().at(std::string(kRecordPath)) = old_record;
  EXPECT_FALSE(Vault(m_store).unseal(shares));  // the old root key is nothing any more
}

TEST_F(CustodianTest, MigratesFromSharesToASealAndBack) {
  FakeSeal seal;
  const Shares shares = Vault(m_store).init({.shares = 3, .threshold = 2});
  {
    Vault vault(m_store, {.seal = &seal});
    EXPECT_TRUE(vault.custodian.status()->migration);
    EXPECT_EQ(vault.custodian.unseal_by_seal().error().code, ErrorCode::Conflict);
    EXPECT_EQ(vault.unseal(shares).error().field, "migrate");
    seal.away = true;
    EXPECT_EQ(vault.unseal(shares, true).error().code, ErrorCode::Unavailable);
    EXPECT_TRUE(vault.barrier.sealed());
    seal.away = false;
    ASSERT_TRUE(vault.unseal(shares, true));
    EXPECT_EQ(vault.custodian.status()->type, "fake");
    EXPECT_FALSE(vault.custodian.status()->migration);
    vault.custodian.seal();
    ASSERT_TRUE(vault.custodian.unseal_by_seal());
    EXPECT_EQ(vault.first(), "written at init");
  }
  Vault vault(m_store, {.seal = nullptr, .old_seal = &seal});
  EXPECT_TRUE(vault.custodian.status()->migration);
  Shares wrong = clone(shares);
  wrong[1].span().front() ^= 1;
  EXPECT_TRUE(vault.unseal(wrong, true).error().what.starts_with("invalid key"));
  EXPECT_TRUE(vault.barrier.sealed());
  ASSERT_TRUE(vault.unseal(shares, true));
  vault.custodian.seal();
  EXPECT_EQ(vault.unseal(shares, true).error().field, "migrate");  // it is over
  ASSERT_TRUE(vault.unseal(shares));
  EXPECT_EQ(vault.first(), "written at init");
}

TEST_F(CustodianTest, MigratesBetweenSeals) {
  FakeSeal first("fake", "a", 1), second("fake", "b", 2), stranger("fake", "c", 3);
  const Shares shares = Vault(m_store, {.seal = &first}).init({.shares = 3, .threshold = 2});
  EXPECT_EQ(Vault(m_store, {.seal = &second}).unseal(shares, true).error().code, ErrorCode::Conflict);  // the old one is not there
  EXPECT_EQ(Vault(m_store, {.seal = &second, .old_seal = &stranger}).unseal(shares, true).error().code, ErrorCode::Conflict);
  ASSERT_TRUE(Vault(m_store, {.seal = &second, .old_seal = &first}).unseal(shares, true));
  Vault vault(m_store, {.seal = &second});
  ASSERT_TRUE(vault.custodian.unseal_by_seal());
  EXPECT_EQ(vault.first(), "written at init");
  EXPECT_FALSE(Vault(m_store, {.seal = &first}).custodian.unseal_by_seal());
}

// ---- power cuts ----

// After a cut in `act`, one of the given ways must still unseal and find everything.
template <class Act, class Way>
void cut_everywhere(const Act& act, const std::vector<Way>& ways, const std::function<void(MemorySealedStore&)>& begin) {
  for (const auto cut : {MemorySealedStore::Cut::Before, MemorySealedStore::Cut::After}) {
    bool done = false;
    for (std::size_t nth = 1; !done; ++nth) {
      ASSERT_LT(nth, 20U);
      MemorySealedStore store;
      begin(store);
      store.fail_apply(nth, cut, true);
      done = act(store);
      store.restart();
      const bool opens = std::ranges::any_of(ways, [&](const Way& way) { return way(store); });
      EXPECT_TRUE(opens) << "cut at apply " << nth << (cut == MemorySealedStore::Cut::After ? " after" : " before");
    }
  }
}
using Way = std::function<bool(MemorySealedStore&)>;

TEST(CustodianCuts, RotationOfTheRootKeyAndRekeyWithVerificationLoseNothing) {
  Shares old_shares, new_shares;
  const auto begin = [&](MemorySealedStore& store) {
    old_shares = Vault(store).init({.shares = 3, .threshold = 2});
    new_shares.clear();
  };
  const auto opens_with = [](const Shares& shares) {
    return [&shares](MemorySealedStore& store) {
      Vault vault(store);
      return vault.unseal(shares).has_value() && vault.first() == "written at init";
    };
  };
  const auto act = [&](MemorySealedStore& store) {
    Vault vault(store);
    if (!vault.unseal(old_shares) || !vault.custodian.rotate_root_key()) return false;
    const RekeyStatus started = vault.custodian.rekey_init({.shares = 3, .threshold = 3}, true).value();
    auto made = give(vault.custodian, old_shares, started.nonce);
    if (!made) return false;
    new_shares = clone(made->shares);
    return give(vault.custodian, new_shares, made->status.verification_nonce, true).has_value();
  };
  cut_everywhere(act, std::vector<Way>{opens_with(old_shares), opens_with(new_shares)}, begin);
}

TEST(CustodianCuts, MigrationsLoseNothing) {
  FakeSeal seal;
  Shares shares;
  const auto begin = [&](MemorySealedStore& store) { shares = Vault(store).init({.shares = 3, .threshold = 2}); };
  const auto act = [&](MemorySealedStore& store) { return Vault(store, {.seal = &seal}).unseal(shares, true).has_value(); };
  const auto by_shares = [&](MemorySealedStore& store) {
    Vault vault(store);
    return vault.unseal(shares).has_value() && vault.first() == "written at init";
  };
  const auto by_seal = [&](MemorySealedStore& store) {
    Vault vault(store, {.seal = &seal});
    return vault.custodian.unseal_by_seal().has_value() && vault.first() == "written at init";
  };
  cut_everywhere(act, std::vector<Way>{by_shares, by_seal}, begin);
}

TEST(CustodianCuts, InitIsThereAsAWholeOrNotAtAll) {
  for (const auto cut : {MemorySealedStore::Cut::Before, MemorySealedStore::Cut::After}) {
    MemorySealedStore store;
    store.fail_apply(1, cut, true);
    EXPECT_FALSE(Vault(store).custodian.init({.shares = 1, .threshold = 1}, prepare));
    store.restart();
    EXPECT_EQ(Vault(store).custodian.status()->initialized, cut == MemorySealedStore::Cut::After);
    EXPECT_EQ(store.raw().empty(), cut == MemorySealedStore::Cut::Before);
  }
}

TEST_F(CustodianTest, ManyThreadsGiveShares) {
  Vault vault(m_store);
  const Shares shares = vault.init({.shares = 8, .threshold = 8});
  for (int round = 0; round < 20; ++round) {
    std::vector<std::thread> people;
    for (const SecretBytes& share : shares) people.emplace_back([&] { EXPECT_TRUE(vault.custodian.unseal(share.view())); });
    people.emplace_back([&] { EXPECT_TRUE(vault.custodian.status()); });
    for (std::thread& person : people) person.join();
    EXPECT_FALSE(vault.custodian.status()->sealed);
    vault.custodian.seal();
  }
}

}  // namespace
}  // namespace postern
