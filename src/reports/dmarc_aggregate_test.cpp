#include "reports/dmarc_aggregate.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace postern {
namespace {

constexpr std::int64_t kMidnight = 1795564800;  // a day of UTC begins

WallTime at(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

DmarcAggregateOptions options() {
  DmarcAggregateOptions out;
  out.org_name = "Receiver";
  out.email = "dmarc@receiver.example";
  out.receiver = "receiver.example";
  return out;
}

DmarcFacts facts(std::string_view ip = "192.0.2.1", std::string domain = "example.org") {
  DmarcFacts out;
  out.policy_domain = domain;
  out.record = parse_dmarc_record("v=DMARC1; p=reject; sp=none; adkim=s; fo=1:d; rua=mailto:rua@example.org").value();
  out.source_ip = dns::IpAddress::parse(ip).value();
  out.disposition = DmarcDisposition::Pass;
  out.dkim_pass = true;
  out.header_from = domain;
  out.envelope_from = "bounce." + domain;
  out.dkim = {{domain, "s1", "pass", ""}};
  out.spf.result = SpfResult::SoftFail;
  out.spf.domain = "bounce." + domain;
  return out;
}

TEST(DmarcAggregate, EqualMessagesAreOneRow) {
  DmarcAggregate aggregate(options());
  for (int i = 0; i < 3; ++i) aggregate.add(facts(), at(kMidnight + 100 * i));
  aggregate.add(facts("2001:db8::1"), at(kMidnight));
  EXPECT_EQ(aggregate.rows(), 2U);
  EXPECT_TRUE(aggregate.take_due(at(kMidnight + 86399)).empty());
  EXPECT_EQ(aggregate.next_due(), at(kMidnight + 86400));
  const auto due = aggregate.take_due(at(kMidnight + 86400));
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].report_to, std::vector<std::string>{"mailto:rua@example.org"});
  const DmarcReport& report = due[0].report;
  EXPECT_EQ(report.begin, at(kMidnight));
  EXPECT_EQ(report.end, at(kMidnight + 86399));
  EXPECT_EQ(report.policy.domain, "example.org");
  EXPECT_EQ(report.policy.sp, DmarcPolicy::None);
  EXPECT_EQ(report.policy.adkim, DmarcAlignment::Strict);
  EXPECT_EQ(report.policy.fo, "1:d");
  EXPECT_EQ(report.policy.discovery_method, "treewalk");
  ASSERT_EQ(report.rows.size(), 2U);
  EXPECT_EQ(report.rows[0].count, 3U);
  EXPECT_EQ(report.rows[0].spf.at(0), (DmarcSpfResult{"bounce.example.org", "mfrom", "softfail", ""}));
  EXPECT_TRUE(report.errors.empty());
  EXPECT_EQ(aggregate.rows(), 0U);
  EXPECT_FALSE(aggregate.next_due());
  EXPECT_EQ(read_dmarc_report(as_bytes(write_dmarc_report(report))).value(), report);
}

// RFC 9990 3.1.1.9, 3.1.6
TEST(DmarcAggregate, FactsOfAVerdict) {
  DmarcVerdict verdict;
  EXPECT_FALSE(dmarc_facts(verdict, {}, {}, DmarcPolicy::None));  // no policy
  verdict.record = parse_dmarc_record("v=DMARC1; p=reject; rua=mailto:a@example.org").value();
  verdict.record_domain = "example.org";
  verdict.policy = verdict.disposition = DmarcPolicy::Reject;
  verdict.result = DmarcResult::TempError;
  EXPECT_FALSE(dmarc_facts(verdict, {}, {}, DmarcPolicy::None));
  verdict.result = DmarcResult::Pass;
  verdict.dkim_aligned = true;
  DkimSignature signature;
  signature.domain = "example.org", signature.selector = "s", signature.result = DkimResult::Pass;
  const auto passed = dmarc_facts(verdict, {}, {&signature, 1}, DmarcPolicy::None);
  EXPECT_EQ(passed->disposition, DmarcDisposition::Pass);
  EXPECT_TRUE(passed->dkim_pass && passed->reasons.empty());
  EXPECT_EQ(passed->dkim, (std::vector<DmarcDkimResult>{{"example.org", "s", "pass", ""}}));
  verdict.result = DmarcResult::Fail;
  verdict.dkim_aligned = false;
  EXPECT_TRUE(dmarc_facts(verdict, {}, {}, DmarcPolicy::Reject)->reasons.empty());
  EXPECT_EQ(dmarc_facts(verdict, {}, {}, DmarcPolicy::None)->reasons.at(0).type, "local_policy");
  verdict.record->testing = true;
  verdict.disposition = DmarcPolicy::Quarantine;
  const auto tested = dmarc_facts(verdict, {}, {}, DmarcPolicy::Quarantine);
  EXPECT_EQ(tested->disposition, DmarcDisposition::Quarantine);
  EXPECT_EQ(tested->reasons.at(0).type, "policy_test_mode");
}

// RFC 9990 3.1.2: a report for each policy domain; 3.1: daily or more often.
TEST(DmarcAggregate, ReportsByPolicyDomainAndInterval) {
  DmarcAggregateOptions hourly = options();
  hourly.interval = std::chrono::hours(1);
  DmarcAggregate aggregate(hourly);
  DmarcFacts below = facts();
  below.header_from = "sub.example.org";
  aggregate.add(facts(), at(kMidnight + 3599));
  aggregate.add(below, at(kMidnight + 3599));
  aggregate.add(facts("192.0.2.1", "other.example"), at(kMidnight));
  aggregate.add(facts(), at(kMidnight + 3600));
  const auto due = aggregate.take_due(at(kMidnight + 3600));
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0].report.rows.size(), 2U);
  EXPECT_EQ(due[1].report.policy.domain, "other.example");
  EXPECT_EQ(aggregate.domains(), 1U);
  DmarcAggregateOptions odd = options();
  odd.interval = std::chrono::hours(7);
  DmarcAggregate daily(odd);
  daily.add(facts(), at(kMidnight + 1));
  EXPECT_EQ(daily.next_due(), at(kMidnight + 86400));
}

TEST(DmarcAggregate, NobodyAskedOrNobodyWrote) {
  DmarcAggregate aggregate(options());
  DmarcFacts silent = facts(), nobody = facts(), nowhere = facts();
  silent.record.aggregate_to.clear();
  nobody.header_from.clear();
  nowhere.policy_domain.clear();
  for (const auto& one : {silent, nobody, nowhere}) aggregate.add(one, at(kMidnight));
  EXPECT_EQ(aggregate.domains(), 0U);
}

// RFC 9990 3.3: the last policy that was seen.
TEST(DmarcAggregate, AChangedPolicyCountsFromThen) {
  DmarcAggregate aggregate(options());
  aggregate.add(facts(), at(kMidnight));
  DmarcFacts later = facts();
  later.record = parse_dmarc_record("v=DMARC1; p=none; t=y; rua=mailto:new@example.org").value();
  later.by_suffix_list = true;
  aggregate.add(later, at(kMidnight + 1));
  const auto due = aggregate.take_due(at(kMidnight + 86400));
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].report_to, std::vector<std::string>{"mailto:new@example.org"});
  EXPECT_EQ(due[0].report.policy.p, DmarcPolicy::None);
  EXPECT_EQ(due[0].report.policy.testing, true);
  EXPECT_EQ(due[0].report.policy.discovery_method, "psl");
}

TEST(DmarcAggregate, WhatHasNoPlaceIsCountedAndSaid) {
  DmarcAggregateOptions small = options();
  small.rows_per_domain = 2;
  small.domains = 1;
  DmarcAggregate aggregate(small);
  for (int i = 0; i < 10; ++i) aggregate.add(facts("192.0.2." + std::to_string(i)), at(kMidnight));
  aggregate.add(facts("192.0.2.1"), at(kMidnight));  // has a row
  aggregate.add(facts("192.0.2.1", "other.example"), at(kMidnight));
  EXPECT_EQ(aggregate.rows(), 2U);
  EXPECT_EQ(aggregate.dropped(), 1U);
  const auto due = aggregate.take_due(at(kMidnight + 86400));
  ASSERT_EQ(due.size(), 1U);
  ASSERT_EQ(due[0].report.errors.size(), 1U);
  EXPECT_TRUE(due[0].report.errors[0].starts_with("8 messages more"));

  small.rows = 1, small.domains = 2;
  DmarcAggregate full(small);
  full.add(facts(), at(kMidnight));
  full.add(facts("192.0.2.1", "other.example"), at(kMidnight));
  EXPECT_EQ(full.take_due(at(kMidnight + 86400)).size(), 1U);
  EXPECT_EQ(full.dropped(), 1U);
}

// RFC 9990 3.1.3: at most so many signatures, in this order.
TEST(DmarcAggregate, SignaturesThatTellMostComeFirst) {
  DmarcAggregateOptions few = options();
  few.signatures_per_row = 3;
  DmarcAggregate aggregate(few);
  DmarcFacts many = facts();
  many.dkim = {{"other.example", "1", "fail", ""},
               {"list.example", "2", "pass", ""},
               {"mail.example.org", "3", "pass", ""},
               {"Example.ORG", "4", "pass", ""},
               {"x.example", "5", "fail", ""}};
  aggregate.add(many, at(kMidnight));
  const auto due = aggregate.take_due(at(kMidnight + 86400));
  std::string order;
  for (const auto& one : due.at(0).report.rows.at(0).dkim) order += one.selector;
  EXPECT_EQ(order, "432");
}

// RFC 9990 3.5.1: unique; the same when it is the same report.
TEST(DmarcAggregate, TheIdIsOfTheReport) {
  const auto id = [](const std::vector<std::string>& from) {
    DmarcAggregate aggregate(options());
    for (const auto& ip : from) aggregate.add(facts(ip), at(kMidnight));
    return aggregate.take_due(at(kMidnight + 86400)).at(0).report.report_id;
  };
  EXPECT_EQ(id({"192.0.2.1", "192.0.2.2"}), id({"192.0.2.2", "192.0.2.1"}));
  EXPECT_NE(id({"192.0.2.1"}), id({"192.0.2.1", "192.0.2.1"}));
  EXPECT_TRUE(std::ranges::all_of(id({"192.0.2.1"}), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }));
}

TEST(DmarcAggregate, SavedAndLoaded) {
  DmarcAggregateOptions small = options();
  small.rows_per_domain = 2;
  DmarcAggregate aggregate(small);
  DmarcFacts odd = facts("192.0.2.9", "other.example");
  odd.header_from = "\xFF\"\\\x01.other.example";  // a stranger's octets
  odd.reasons = {{"local_policy", "\xC3"}};
  odd.envelope_from.clear();
  aggregate.add(odd, at(kMidnight));
  for (int i = 0; i < 3; ++i) aggregate.add(facts("192.0.2." + std::to_string(i)), at(kMidnight + 86400));
  auto loaded = DmarcAggregate::load(small, aggregate.save());
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(loaded->save(), aggregate.save());
  const auto before = aggregate.take_due(at(kMidnight + 200'000)), after = loaded->take_due(at(kMidnight + 200'000));
  ASSERT_EQ(after.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(after[i].report, before[i].report);
    EXPECT_EQ(after[i].report_to, before[i].report_to);
  }
  EXPECT_EQ(after[1].report.errors.size(), 1U);
}

TEST(DmarcAggregate, WhatIsInTheMakingCanBeSeen) {
  DmarcAggregate aggregate(options());
  aggregate.add(facts(), at(kMidnight));
  aggregate.add(facts(), at(kMidnight));
  aggregate.add(facts("192.0.2.1", "other.example"), at(kMidnight + 86400));
  const auto briefs = aggregate.briefs();
  ASSERT_EQ(briefs.size(), 2U);
  EXPECT_EQ(briefs[0].begin, at(kMidnight));
  EXPECT_EQ(briefs[0].domain, "example.org");
  EXPECT_EQ(briefs[0].messages, 2U);
  EXPECT_FALSE(briefs[0].report_to.empty());
  const auto seen = aggregate.look(at(kMidnight), at(kMidnight + 86400));
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_TRUE(aggregate.look(at(kMidnight - 86400), at(kMidnight)).empty());
  const auto due = aggregate.take_due(at(kMidnight + 86400));
  ASSERT_EQ(due.size(), 1U) << "still there";
  EXPECT_EQ(seen[0].report, due[0].report);
  EXPECT_EQ(seen[0].report_to, due[0].report_to);
}

// RFC 9990 3.5.1: what is sent again is the same report.
TEST(DmarcAggregate, WhatIsDueIsKeptUntilItIsSent) {
  DmarcAggregate aggregate(options());
  DmarcFacts odd = facts("192.0.2.9");
  odd.header_from = "\xFF\"<\\\x01.example.org";  // a stranger's octets
  odd.envelope_from.clear();
  aggregate.add(odd, at(kMidnight));
  aggregate.add(facts(), at(kMidnight));
  const auto due = aggregate.take_due(at(kMidnight + 86400)).at(0);
  const auto again = load_due(save_due(due));
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->report_to, due.report_to);
  EXPECT_EQ(write_dmarc_report(again->report), write_dmarc_report(due.report));
  for (const char* text : {"", "{}", R"({"format":2})", R"({"format":1,"report_to":[]})", R"({"format":1,"report_to":[],"xml":"<a/>"})"})
    EXPECT_FALSE(load_due(text)) << text;
}

TEST(DmarcAggregate, LoadedIntoLessRoom) {
  DmarcAggregate aggregate(options());
  for (int i = 0; i < 5; ++i) aggregate.add(facts("192.0.2." + std::to_string(i)), at(kMidnight));
  aggregate.add(facts("192.0.2.1", "other.example"), at(kMidnight));
  DmarcAggregateOptions small = options();
  small.rows = 2, small.domains = 1;
  auto loaded = DmarcAggregate::load(small, aggregate.save());
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->rows(), 2U);
  EXPECT_EQ(loaded->dropped(), 1U);
}

TEST(DmarcAggregate, DamageIsNamed) {
  const auto field = [](const std::string& text) {
    const auto loaded = DmarcAggregate::load(options(), text);
    return loaded ? std::string("nothing") : loaded.error().field;
  };
  EXPECT_EQ(field(""), "aggregate");
  EXPECT_EQ(field("{}"), "aggregate.format");
  EXPECT_EQ(field(R"({"format":2})"), "aggregate.format");
  EXPECT_EQ(field(R"({"format":1,"dropped":0})"), "aggregate.reports");
  EXPECT_EQ(field(R"({"format":1,"dropped":0,"reports":[7]})"), "reports[0]");
  EXPECT_EQ(field(R"({"format":1,"dropped":0,"reports":[{"begin":-1}]})"), "reports[0].begin");
  EXPECT_EQ(field(R"({"format":1,"dropped":0,"reports":[{"begin":0,"overflow":0,"policy":{"p":"no"}}]})"), "reports[0].policy.p");
  EXPECT_EQ(field(R"({"format":1,"dropped":0,"reports":[{"begin":0,"overflow":0,"policy":{},"report_to":[],"rows":[{}]}]})"),
            "reports[0].rows[0].row");
  DmarcAggregate aggregate(options());
  aggregate.add(facts(), at(kMidnight));
  const std::string sound = aggregate.save();
  for (std::size_t size = 0; size < sound.size(); ++size) EXPECT_FALSE(DmarcAggregate::load(options(), sound.substr(0, size))) << size;
}

}  // namespace
}  // namespace postern
