// The operator's exceptions, and the MTA-STS policies that are kept. What hosts must prove: tlspolicy/hop_trust_test.cpp, tests/e2e.
#include "gateway/trust.hpp"

#include <gtest/gtest.h>

#include "io/testing/run.hpp"
#include "store/test_support.hpp"

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{std::chrono::days(20'000)};

config::TrustException exception(std::string domain, WallTime ends = kNow + 1h) {
  config::TrustException out;
  out.domain = std::move(domain);
  out.ends = ends;
  return out;
}

TEST(FindException, TheMostExactThatHasNotEnded) {
  const std::vector all{exception(".example.com"), exception("a.example.com", kNow), exception(".b.example.com"),
                        exception("b.example.com")};
  const auto found = [&](std::string_view domain) -> std::string {
    const auto* one = find_exception(all, domain, kNow);
    return one == nullptr ? "" : one->domain;
  };
  EXPECT_EQ(found("b.example.com"), "b.example.com");
  EXPECT_EQ(found("c.b.example.com"), ".b.example.com");
  EXPECT_EQ(found("a.example.com"), ".example.com") << "its own has ended";
  EXPECT_EQ(found("example.com"), "");
  EXPECT_EQ(found("badexample.com"), "");
}

// RFC 8460 1.1: the policy domain of DANE is the TLSA base domain, of everything else the recipients'.
TEST(SessionKind, WhosePolicyItIs) {
  HopTrust trust;
  trust.tlsa_base = "mx.real.example";
  for (const auto state : {TlsaFacts::State::Records, TlsaFacts::State::Failed}) {
    trust.tlsa = state;
    const TlsSession kind = session_kind("example.com", trust, {}, "mx.alias.example");
    EXPECT_EQ(kind.policy_type, "tlsa");
    EXPECT_EQ(kind.domain, "example.com");
    EXPECT_EQ(kind.policy_domain, "mx.real.example");
  }
  trust.tlsa = TlsaFacts::State::None;
  EXPECT_EQ(session_kind("example.com", trust, {}, "mx.alias.example").policy_domain, "");
}

constexpr const char* kPolicy = "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\n";

struct Sts : ::testing::Test {
  test::TemporaryDirectory directory;
  std::unique_ptr<Store> store = open_store();
  io::testing::RunningLoops loops;
  io::WorkerPool workers{1, 10};
  ManualClock clock{kNow};
  config::Config config;
  std::unique_ptr<io::FixtureResolver> resolver;
  std::unique_ptr<StsPolicies> policies;

  std::unique_ptr<Store> open_store() {
    StoreOptions options;
    options.data_dir = directory.path();
    return std::move(Store::open(std::move(options)).value());
  }
  /// With DNS that says `id` of example.com, and a policy host without an address.
  void open(const std::string& id) {
    dns::Fixture fixture;
    if (!id.empty()) fixture.add_txt("_mta-sts.example.com", "v=STSv1; id=" + id);
    resolver = std::make_unique<io::FixtureResolver>(std::move(fixture));
    policies = std::move(StsPolicies::make({config, *resolver, workers, *store, clock}).value());
  }
  void keep(const std::string& text = kPolicy, std::chrono::seconds age = 24h) {
    ASSERT_TRUE(StsPolicyStore(*store).save({"example.com", "1", kNow, kNow + age, text}, kNow, 10));
  }
  StsAnswer ask() { return loops.run(policies->policy_of("example.com")); }
};

TEST_F(Sts, WithoutARecordThereIsNone) {
  open("");
  EXPECT_EQ(ask().entry, nullptr);
  EXPECT_EQ(ask().fault, StsFault::None);
}

TEST_F(Sts, AKeptOneHoldsUntilItExpires) {  // RFC 8461 5.1
  keep();
  open("");
  ASSERT_NE(ask().entry, nullptr);
  EXPECT_EQ(ask().entry->policy.mode, MtaStsMode::Enforce);
  clock.advance(24h - 1s);
  EXPECT_NE(ask().entry, nullptr);
  clock.advance(1s);
  EXPECT_EQ(ask().entry, nullptr);
}

TEST_F(Sts, AFetchThatFailsTakesNothingBack) {  // RFC 8461 3.3
  keep();
  open("2");
  const StsAnswer answer = ask();
  EXPECT_EQ(answer.fault, StsFault::Fetch);
  EXPECT_NE(answer.entry, nullptr);
  EXPECT_FALSE(answer.reason.empty());
}

TEST_F(Sts, TheSameIdIsNotFetchedBeforeItIsDue) {
  keep();
  open("1");
  EXPECT_EQ(ask().fault, StsFault::None);
  clock.advance(12h);
  EXPECT_EQ(ask().fault, StsFault::Fetch) << "half of max_age: it was tried";
}

TEST_F(Sts, WhatHasExpiredLeavesTheStore) {
  keep(kPolicy, 1s);
  ASSERT_TRUE(StsPolicyStore(*store).save({"example.net", "1", kNow, kNow + 1h, kPolicy}, kNow + 2s, 10));
  EXPECT_EQ(StsPolicyStore(*store).load(kNow, 10)->size(), 1U);
}

TEST_F(Sts, TheStoreIsBounded) {
  StsPolicyStore kept(*store);
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(kept.save({"d" + std::to_string(i) + ".example", "1", kNow, kNow + 1h * (i + 1), kPolicy}, kNow, 3));
  const auto left = kept.load(kNow, 10).value();
  ASSERT_EQ(left.size(), 3U);
  EXPECT_EQ(left.front().domain, "d4.example");
  EXPECT_EQ(left.back().domain, "d2.example") << "those that expire first went";
}

TEST_F(Sts, AddressLiteralsHaveNone) {
  open("1");
  EXPECT_EQ(loops.run(policies->policy_of("[192.0.2.1]")).entry, nullptr);
}

}  // namespace
}  // namespace postern::gateway
