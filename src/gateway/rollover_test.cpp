// A year of rotations on a simulated clock: DKIM keys and the listeners' key roll through all their stages, and no message fails.
#include "gateway/testing/rollovers.hpp"

namespace postern::gateway {
namespace {

using namespace testing;

TEST_F(Rollovers, AYearOfThemFailsNoMessageAtAnyVerifier) {
  open();
  const Year year = live_through(365);
  EXPECT_EQ(year.failures, std::vector<std::string>{});
  EXPECT_GT(year.judged, 1000U);
  EXPECT_EQ(year.tls_versions, (std::set<std::uint32_t>{1, 2, 3, 4, 5})) << "each was shown, in turn";
  const auto kinds = audited();
  for (const char* kind : {"dkim.activated", "dkim.withdrawn", "dkim.deleted"}) EXPECT_TRUE(kinds.contains(kind)) << kind;
  EXPECT_EQ(keeper->describe(KeyName("dkim_key"))->min_decryption_version, 4U)
      << "deleted but for what signs and what was withdrawn lately";
  EXPECT_LE(zone.size(), 6U) << "what is needed no more has left DNS";
}

// What the times are for: without them the same year has victims, so the test above can fail.
TEST_F(Rollovers, AFormerKeyThatLeavesDnsTooEarlyFailsMailUnderWay) {
  config.keys.dkim_retire = 1h;
  open();
  const Year year = live_through(120);
  ASSERT_FALSE(year.failures.empty());
  EXPECT_NE(year.failures.front().find("no key"), std::string::npos) << year.failures.front();
}

TEST_F(Rollovers, ACertificateThatFollowsItsKeyAtOnceIsRefused) {
  open();
  impatient = true;
  const Year year = live_through(120);
  ASSERT_FALSE(year.failures.empty());
  EXPECT_NE(year.failures.front().find("DANE"), std::string::npos) << year.failures.front();
}

TEST_F(Rollovers, StageByStage) {
  config.dkim.pop_back();
  open();
  publish();
  look();
  ASSERT_TRUE(keeper->rotate(key_names::kDkim));
  EXPECT_EQ(count(DkimState::Announced), 1U);
  look();
  EXPECT_EQ(count(DkimState::Announced), 1U) << "not in DNS: nothing moves, however long";
  clock.advance(days(30));
  look();
  EXPECT_EQ(signers->all()->front().selector, "ed");
  publish();
  clock.advance(kTtl);
  look();
  EXPECT_EQ(count(DkimState::Seen), 1U);
  EXPECT_EQ(signers->all()->front().selector, "ed") << "a secondary server may not have it yet";
  clock.advance(59min);
  look();
  EXPECT_EQ(signers->all()->front().selector, "ed");
  clock.advance(1min);
  look();
  EXPECT_EQ(signers->all()->front().selector, "ed-v2");
  EXPECT_EQ(count(DkimState::Retiring), 1U);
  clock.advance(days(7) - 1min);
  look();
  EXPECT_EQ(count(DkimState::Retiring), 1U);
  clock.advance(1min);
  look();
  EXPECT_EQ(count(DkimState::Withdrawn), 1U);
  clock.advance(days(60));
  look();
  EXPECT_EQ(count(DkimState::Withdrawn), 1U) << "while DNS has it, it is not forgotten";
  EXPECT_EQ(keeper->describe(key_names::kDkim)->min_decryption_version, 1U);
  publish();
  clock.advance(kTtl);
  look();
  EXPECT_EQ(count(DkimState::Withdrawn), 0U);
  EXPECT_EQ(keeper->describe(key_names::kDkim)->min_decryption_version, 2U);
}

TEST_F(Rollovers, ARecordThatVanishesBeginsAgain) {
  config.dkim.pop_back();
  open();
  ASSERT_TRUE(keeper->rotate(key_names::kDkim));
  publish();
  look();
  ASSERT_EQ(count(DkimState::Seen), 1U);
  zone.remove("ed-v2._domainkey.example.org", dns::RecordType::Txt);
  clock.advance(kTtl);
  zone.silent = true;
  look();
  EXPECT_EQ(count(DkimState::Seen), 1U) << "silence says nothing";
  EXPECT_EQ(signers->all()->front().selector, "ed");
  zone.silent = false;
  look();
  EXPECT_EQ(count(DkimState::Announced), 1U);
}

TEST_F(Rollovers, WhatWasOvertakenBeforeItWasUsedLeavesDnsToo) {
  config.dkim.pop_back();
  open();
  publish();
  look();
  for (int i = 0; i < 2; ++i) {  // versions 2 and 3, one after the other
    ASSERT_TRUE(keeper->rotate(key_names::kDkim));
    ASSERT_TRUE(keeper->rotate(KeyName("tls_server")));
    clock.advance(1min);
    tls->check();
    publish();
    look();
  }
  EXPECT_EQ(count(DkimState::Withdrawn), 1U) << "version 2";
  EXPECT_EQ(tls->tlsa_keys().former.size(), 1U);
  publish();
  EXPECT_TRUE(zone.ask("ed-v2._domainkey.example.org", dns::RecordType::Txt).records.empty());
  EXPECT_FALSE(zone.ask("ed-v3._domainkey.example.org", dns::RecordType::Txt).records.empty());
  EXPECT_EQ(zone.ask(dnszone::tlsa_name(kHost), dns::RecordType::Tlsa).records.size(), 2U);
  open();
  EXPECT_EQ(tls->tlsa_keys().former.size(), 1U) << "over a restart";
  clock.advance(3h);
  tls->check();
  look();
  clock.advance(2 * kTtl);
  look();
  EXPECT_EQ(signers->all()->front().selector, "ed-v3");
  EXPECT_EQ(tls->version_in_use(), 3U);
}

/// An operator hears of it with the rotation itself: what was announced a moment ago may stand in DNS already.
TEST_F(Rollovers, WhatWasOvertakenIsToldAtOnce) {
  config.dkim.pop_back();
  open();
  ASSERT_TRUE(keeper->rotate(key_names::kDkim));
  EXPECT_EQ(count(DkimState::Withdrawn), 0U);
  ASSERT_TRUE(keeper->rotate(key_names::kDkim));
  const auto all = dkim->publications().value();
  const auto gone = std::ranges::find(all, DkimState::Withdrawn, &DkimPublication::state);
  ASSERT_NE(gone, all.end());
  EXPECT_EQ(gone->name, "ed-v2._domainkey.example.org");
  EXPECT_EQ(count(DkimState::Announced), 1U);
  look();
  EXPECT_EQ(count(DkimState::Withdrawn), 1U) << "written down, and told once";
}

TEST_F(Rollovers, WhetherDnsHasTheNextKeyIsAskedBeforeItSigns) {
  config.dkim.pop_back();
  open();
  const auto asked = [this](bool in_place) { return loops.run(dkim->published(key_names::kDkim, in_place)); };
  EXPECT_EQ(asked(false).error().code, ErrorCode::NotFound) << "nothing waits";
  ASSERT_TRUE(keeper->rotate(key_names::kDkim));
  const std::string name = "ed-v2._domainkey.example.org", value = dkim->publications().value().back().value;
  zone.silent = true;
  const Status silent = asked(false);
  EXPECT_EQ(silent.error().code, ErrorCode::Unavailable);
  EXPECT_NE(silent.error().what.find("DNS does not answer for " + name), std::string::npos) << silent.error().text();
  zone.silent = false;
  const Status missing = asked(false);
  EXPECT_EQ(missing.error().code, ErrorCode::Conflict);
  EXPECT_NE(missing.error().what.find("publish " + name + " IN TXT \"" + value + "\""), std::string::npos) << missing.error().text();
  EXPECT_NE(missing.error().what.find("--force"), std::string::npos);
  zone.set_txt(name, "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
  clock.advance(kTtl);
  const Status other = asked(false);
  EXPECT_EQ(other.error().code, ErrorCode::Conflict);
  EXPECT_NE(other.error().what.find("does not verify"), std::string::npos) << other.error().text();
  zone.set_txt(name, value);
  clock.advance(kTtl);
  EXPECT_TRUE(asked(false));
  EXPECT_FALSE(asked(true)) << "under the old name stands the old key, if any";
  EXPECT_EQ(signers->all()->front().selector, "ed") << "asking changes nothing";
  ASSERT_TRUE(dkim->activate(key_names::kDkim, false, "test"));
  EXPECT_EQ(signers->all()->front().selector, "ed-v2");
}

TEST_F(Rollovers, ADelegatedKeyIsToBePublishedWhereItsCnameLeads) {
  config.dkim.pop_back();
  config.dkim[0].delegate = "keys.provider.example";
  open();
  ASSERT_TRUE(keeper->rotate(key_names::kDkim));
  const Status missing = loops.run(dkim->published(key_names::kDkim, false));
  EXPECT_NE(missing.error().what.find("publish ed-v2.example.org.keys.provider.example IN TXT"), std::string::npos)
      << missing.error().text();
}

TEST_F(Rollovers, AnotherKeyUnderTheNameIsNotTakenForOurs) {
  config.dkim.pop_back();
  open();
  ASSERT_TRUE(keeper->rotate(key_names::kDkim));
  zone.set_txt("ed-v2._domainkey.example.org", "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
  look();
  EXPECT_EQ(count(DkimState::Announced), 1U);
}

/// What fails half way is as it was before, and done at the next look: each step of a version's life with a disk that takes nothing.
TEST_F(Rollovers, AMediumThatFailsLeavesEveryVersionWhereItIs) {
  const test::FaultGuard faults;
  const auto look_without_disk = [this] {
    disk_faults().fail_write = true;
    look();
    disk_faults().fail_write = false;
  };
  const auto minimum = [this] { return keeper->describe(key_names::kDkim)->min_decryption_version; };
  config.dkim.pop_back();
  open();
  ASSERT_TRUE(keeper->rotate(key_names::kDkim));
  publish();
  look_without_disk();
  EXPECT_EQ(count(DkimState::Announced), 1U) << "that it was seen is not known for sure";
  look();
  ASSERT_EQ(count(DkimState::Seen), 1U);
  clock.advance(1h);
  look_without_disk();
  EXPECT_EQ(signers->all()->front().selector, "ed") << "durable first; then it signs";
  EXPECT_EQ(count(DkimState::Seen), 1U);
  look();
  ASSERT_EQ(signers->all()->front().selector, "ed-v2");
  clock.advance(days(7));
  look_without_disk();
  EXPECT_EQ(count(DkimState::Retiring), 1U) << "still announced: mail under way verifies";
  EXPECT_FALSE(audited().contains("dkim.withdrawn"));
  look();
  ASSERT_EQ(count(DkimState::Withdrawn), 1U);
  publish();
  clock.advance(days(60));
  keeper_fails = true;
  look();
  EXPECT_EQ(count(DkimState::Withdrawn), 1U);
  EXPECT_EQ(minimum(), 1U);
  keeper_fails = false;
  look_without_disk();
  EXPECT_EQ(minimum(), 2U);
  EXPECT_EQ(count(DkimState::InUse), 1U) << "what is published can still be said without the key that is gone";
  EXPECT_EQ(DkimPins(*store).records()->size(), 1U) << "known until that is written down";
  EXPECT_FALSE(audited().contains("dkim.deleted"));
  look();
  EXPECT_TRUE(DkimPins(*store).records()->empty());
  EXPECT_TRUE(audited().contains("dkim.deleted"));
}

TEST_F(Rollovers, AClockThatStepsForwardRetiresNothingAtOnce) {
  config.dkim.pop_back();
  config.keys.dkim_settle = 0s;
  open();
  ASSERT_TRUE(keeper->rotate(key_names::kDkim));
  publish();
  look();
  ASSERT_EQ(count(DkimState::Retiring), 1U);
  clock.step(days(300));
  look();
  EXPECT_EQ(count(DkimState::Retiring), 1U);
  clock.step(-days(300));  // it is set right again
  clock.advance(15min);
  look();
  EXPECT_EQ(count(DkimState::Retiring), 1U);
}

TEST_F(Rollovers, TwoSelectorsInTurnBehindCnames) {
  config.dkim.pop_back();
  config.dkim[0].alternate = "ed2";
  config.dkim[0].delegate = "keys.provider.example";
  config.keys.dkim_settle = 0s;
  open();
  EXPECT_EQ(dkim->publications().value().front().at, "ed.example.org.keys.provider.example");
  const auto answer_by_alias = [&] {  // what the CNAMEs make of it
    const auto all = dkim->publications().value();
    for (const auto& one : all) {
      if (one.state != DkimState::Withdrawn) zone.set_txt(one.name, one.value);
    }
  };
  for (const std::string selector : {"ed2", "ed", "ed2"}) {
    ASSERT_TRUE(keeper->rotate(key_names::kDkim));
    answer_by_alias();
    clock.advance(kTtl);
    look();
    EXPECT_EQ(signers->all()->front().selector, selector);
    ASSERT_TRUE(keeper->rotate(key_names::kDkim));
    look();
    EXPECT_EQ(count(DkimState::Announced), 0U) << "the other name is still needed for mail that was signed under it";
    EXPECT_EQ(count(DkimState::Retiring), 1U);
    clock.advance(days(7));
    look();
    EXPECT_EQ(count(DkimState::Announced), 1U);
    EXPECT_EQ(count(DkimState::Withdrawn), 0U) << "its next key replaces it";
    ASSERT_TRUE(dkim->activate(key_names::kDkim, false, "test"));
    clock.advance(days(8));
    look();
    const std::string other = signers->all()->front().selector;
    EXPECT_NE(other, selector);
    ASSERT_TRUE(keeper->rotate(key_names::kDkim));
    ASSERT_TRUE(dkim->activate(key_names::kDkim, false, "test"));
    clock.advance(days(8));
    look();
    EXPECT_EQ(signers->all()->front().selector, selector);
  }
}

TEST_F(Rollovers, WithoutTlsaRecordsACertificateFollowsItsKeyAtOnce) {
  open();
  look();
  ASSERT_TRUE(keeper->rotate(KeyName("tls_server")));
  clock.advance(1min);
  tls->check();
  EXPECT_EQ(tls->version_in_use(), 2U);
}

TEST_F(Rollovers, TheKeyThatDnsVouchesForOutlivesARestart) {
  open();
  publish();
  look();
  ASSERT_TRUE(tls->tlsa_keys().vouched);
  ASSERT_TRUE(keeper->rotate(KeyName("tls_server")));
  clock.advance(1min);
  tls->check();
  EXPECT_EQ(tls->version_in_use(), 1U);
  EXPECT_TRUE(tls->waits());
  EXPECT_TRUE(tls->tlsa_keys().next);
  zone.silent = true;
  open();
  clock.advance(1min);
  tls->check();
  EXPECT_EQ(tls->version_in_use(), 1U);
  EXPECT_FALSE(tls->warnings().empty());
  zone.silent = false;
  publish();
  clock.advance(kTtl);
  look();
  EXPECT_EQ(tls->version_in_use(), 1U) << "caches may be without it";
  clock.advance(2 * kTtl);
  look();
  EXPECT_EQ(tls->version_in_use(), 2U);
  EXPECT_EQ(tls->tlsa_keys().former.size(), 1U);
}

TEST_F(Rollovers, ARenewalKeepsItsKeyAndWaitsForNothing) {
  open();
  publish();
  look();
  const std::string before = tls->certificate()->serial();
  clock.advance(days(70));
  tls->check();
  EXPECT_NE(tls->certificate()->serial(), before);
  EXPECT_EQ(tls->version_in_use(), 1U);
}

}  // namespace
}  // namespace postern::gateway
