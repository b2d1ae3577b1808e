// The order in which proofs of a mail host are demanded: RFC 7672 2.1-2.2, RFC 8461 2 and 5.
#include "tlspolicy/hop_trust.hpp"

#include <gtest/gtest.h>

namespace postern {
namespace {

using State = TlsaFacts::State;

dns::TlsaData record(int usage) { return {static_cast<std::uint8_t>(usage), 1, 1, Bytes(32, 7)}; }

HopFacts facts() {
  HopFacts out;
  out.host = "mx.example.com";
  return out;
}

HopFacts with_tlsa(State state, std::vector<dns::TlsaData> records = {}) {
  HopFacts out = facts();
  out.tlsa = {state, std::move(records), "mx.example.com", "servfail"};
  return out;
}

MtaStsPolicy policy(MtaStsMode mode, const char* mx = "mx.example.com") { return {mode, std::chrono::seconds(86400), {mx}}; }

TEST(HopTrust, NothingIsKnown) {
  HopFacts f = facts();
  EXPECT_EQ(plan_hop(f).proof, HopProof::Opportunistic);
  EXPECT_FALSE(plan_hop(f).needs_tls());
  f.tls = RouteTls::Required;
  EXPECT_EQ(plan_hop(f).proof, HopProof::WebPki);
  EXPECT_TRUE(plan_hop(f).authenticates());
  f.tls = RouteTls::Never;
  EXPECT_EQ(plan_hop(f).proof, HopProof::Clear);
}

TEST(HopTrust, UsableRecordsMeanDane) {  // RFC 7672 2.2
  for (const int usage : {2, 3}) {
    const HopPlan plan = plan_hop(with_tlsa(State::Records, {record(usage)}));
    EXPECT_EQ(plan.proof, HopProof::Dane) << usage;
    EXPECT_EQ(plan.records.size(), 1U);
    EXPECT_TRUE(plan.refusal.empty());
  }
}

TEST(HopTrust, OneUsableRecordIsEnough) { EXPECT_EQ(plan_hop(with_tlsa(State::Records, {record(0), record(3)})).proof, HopProof::Dane); }

TEST(HopTrust, UnusableRecordsMakeTlsMandatory) {  // RFC 7672 2.2, 3.1.3
  HopFacts f = with_tlsa(State::Records, {record(0), record(1)});
  EXPECT_EQ(plan_hop(f).proof, HopProof::Encrypted);
  EXPECT_TRUE(plan_hop(f).needs_tls());
  EXPECT_FALSE(plan_hop(f).authenticates());
  f.tls = RouteTls::Required;
  EXPECT_EQ(plan_hop(f).proof, HopProof::WebPki);
  const MtaStsPolicy enforced = policy(MtaStsMode::Enforce);
  f.sts = &enforced;
  EXPECT_EQ(plan_hop(f).proof, HopProof::MtaSts);
}

TEST(HopTrust, AFailedLookupIsNoDowngrade) {  // RFC 7672 2.1.1
  HopFacts f = with_tlsa(State::Failed);
  EXPECT_NE(plan_hop(f).refusal.find("servfail"), std::string::npos);
  const MtaStsPolicy enforced = policy(MtaStsMode::Enforce);
  f.sts = &enforced;
  EXPECT_FALSE(plan_hop(f).refusal.empty()) << "nor does MTA-STS stand in for it";
  f.tls = RouteTls::Required;
  EXPECT_FALSE(plan_hop(f).refusal.empty());
}

TEST(HopTrust, AnEnforcedPolicyDecides) {  // RFC 8461 5
  const MtaStsPolicy enforced = policy(MtaStsMode::Enforce);
  HopFacts f = facts();
  f.sts = &enforced;
  EXPECT_EQ(plan_hop(f).proof, HopProof::MtaSts);
  f.host = "other.example.com";
  EXPECT_EQ(plan_hop(f).proof, HopProof::MtaSts);
  EXPECT_NE(plan_hop(f).refusal.find("other.example.com"), std::string::npos);
}

TEST(HopTrust, DaneGoesBeforeMtaSts) {  // RFC 8461 2
  const MtaStsPolicy enforced = policy(MtaStsMode::Enforce, "somebody.else.example");
  HopFacts f = with_tlsa(State::Records, {record(3)});
  f.sts = &enforced;
  EXPECT_EQ(plan_hop(f).proof, HopProof::Dane);
  EXPECT_TRUE(plan_hop(f).refusal.empty());
}

TEST(HopTrust, TestingAndNoneStopNothing) {  // RFC 8461 5
  for (const auto mode : {MtaStsMode::Testing, MtaStsMode::None}) {
    const MtaStsPolicy lax = policy(mode, "somebody.else.example");
    HopFacts f = facts();
    f.sts = &lax;
    EXPECT_EQ(plan_hop(f).proof, HopProof::Opportunistic);
    EXPECT_TRUE(plan_hop(f).refusal.empty());
    EXPECT_EQ(plan_hop(f).sts_testing, mode == MtaStsMode::Testing);
    f.tls = RouteTls::Required;
    EXPECT_EQ(plan_hop(f).proof, HopProof::WebPki);
  }
}

TEST(HopTrust, TheOperatorsWordGoesFirst) {
  const MtaStsPolicy enforced = policy(MtaStsMode::Enforce, "somebody.else.example");
  HopFacts f = with_tlsa(State::Failed);
  f.sts = &enforced;
  f.pinned = true;
  EXPECT_EQ(plan_hop(f).proof, HopProof::Pins);
  EXPECT_TRUE(plan_hop(f).refusal.empty());
  f.exception = TrustException::Unverified;
  EXPECT_EQ(plan_hop(f).proof, HopProof::Encrypted);
  f.exception = TrustException::Clear;
  EXPECT_EQ(plan_hop(f).proof, HopProof::Opportunistic);
  EXPECT_TRUE(plan_hop(f).refusal.empty());
}

}  // namespace
}  // namespace postern
