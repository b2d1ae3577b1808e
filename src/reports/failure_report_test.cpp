// Which failures are reported, with what, and how often.
#include "reports/failure_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

DmarcVerdict verdict(DmarcResult result) {
  DmarcVerdict out;
  out.result = result;
  if (result == DmarcResult::Pass || result == DmarcResult::Fail)
    out.record = parse_dmarc_record("v=DMARC1; p=reject; ruf=mailto:f@x.example").value();
  return out;
}

SpfVerdict spf(SpfResult result) {
  SpfVerdict out;
  out.result = result;
  return out;
}

DkimSignature signature(DkimResult result, std::string domain = "x.example") {
  DkimSignature out;
  out.result = result;
  out.domain = std::move(domain);
  out.identity = "@" + out.domain;
  out.selector = "s";
  return out;
}

// RFC 9989 4.7: d and s ask about each check, aligned or not.
TEST(FailureFacts, OfEachCheck) {
  const auto facts = [](SpfResult of_spf, DkimResult of_dkim) {
    return failure_facts(verdict(DmarcResult::Fail), spf(of_spf), std::vector{signature(of_dkim)}).value();
  };
  EXPECT_TRUE(facts(SpfResult::Fail, DkimResult::Pass).spf_failed);
  EXPECT_TRUE(facts(SpfResult::SoftFail, DkimResult::Pass).spf_failed);
  for (const auto result : {SpfResult::Pass, SpfResult::None, SpfResult::Neutral})
    EXPECT_FALSE(facts(result, DkimResult::Pass).spf_failed) << name_of(result);
  for (const auto result : {DkimResult::Fail, DkimResult::Policy, DkimResult::PermError})
    EXPECT_TRUE(facts(SpfResult::Pass, result).dkim_failed) << name_of(result);
  EXPECT_FALSE(facts(SpfResult::Pass, DkimResult::Pass).dkim_failed);
  EXPECT_FALSE(failure_facts(verdict(DmarcResult::Fail), spf(SpfResult::None), {})->dkim_failed);
}

TEST(FailureFacts, NoneWhileAnythingIsOpenOrNobodyAsks) {
  const std::vector open{signature(DkimResult::Fail), signature(DkimResult::TempError)};
  EXPECT_FALSE(failure_facts(verdict(DmarcResult::Fail), spf(SpfResult::TempError), {}));
  EXPECT_FALSE(failure_facts(verdict(DmarcResult::Fail), spf(SpfResult::Fail), open));
  for (const auto result : {DmarcResult::None, DmarcResult::TempError, DmarcResult::PermError})
    EXPECT_FALSE(failure_facts(verdict(result), spf(SpfResult::Fail), {})) << name_of(result);
  EXPECT_TRUE(failure_facts(verdict(DmarcResult::Pass), spf(SpfResult::Fail), {}));  // fo=1 and fo=s ask about such mail
}

// RFC 9991 4
TEST(FailureReport, NamesTheSignatureThatShouldHaveHeld) {
  const std::vector dkim{signature(DkimResult::Fail, "list.example"), signature(DkimResult::Pass, "x.example"),
                         signature(DkimResult::PermError, "mail.x.example")};
  const auto report = failure_report({.dkim_aligned = true}, dkim, "x.example");
  EXPECT_THAT(report.identity_alignment, ElementsAre("spf"));
  EXPECT_EQ(report.dkim_domain, "mail.x.example");
  EXPECT_EQ(report.dkim_selector, "s");
  EXPECT_THAT(report.reported_domain, ElementsAre("x.example"));
  EXPECT_EQ(failure_report({}, std::vector{dkim.front()}, "x.example").dkim_domain, "list.example");
  const auto unsigned_mail = failure_report({}, {}, "x.example");
  EXPECT_THAT(unsigned_mail.identity_alignment, ElementsAre("dkim", "spf"));
  EXPECT_THAT(unsigned_mail.dkim_domain, IsEmpty());
}

// Loops: nothing is said about what is said about mail.
TEST(FailureReport, NotAboutReports) {
  const auto is = [](const std::string& header) { return is_about_mail(MessageView::parse(header).value()); };
  for (const char* header :
       {"Content-Type: multipart/report; report-type=feedback-report; boundary=x\r\n\r\n", "content-type: Multipart/Report\r\n\r\n",
        "Auto-Submitted: auto-replied\r\n\r\n", "Auto-Submitted: auto-generated; owner=x\r\n\r\n", "Auto-Submitted: nobody\r\n\r\n"})
    EXPECT_TRUE(is(header)) << header;
  for (const char* header : {"Subject: x\r\n\r\n", "Auto-Submitted: no\r\n\r\n", "Auto-Submitted: No (person)\r\n\r\n",
                             "Content-Type: multipart/mixed; boundary=x\r\n\r\n", "X: multipart/report\r\n\r\n"})
    EXPECT_FALSE(is(header)) << header;
}

TEST(FailureReport, WholeFieldsOnly) {
  const std::string text = "A: 1\r\nB: 2\r\n folded\r\nC: 3\r\n\r\nbody\r\n";
  const auto view = MessageView::parse(text).value();
  EXPECT_EQ(header_start(view, 1000), "A: 1\r\nB: 2\r\n folded\r\nC: 3\r\n");
  EXPECT_EQ(header_start(view, 20), "A: 1\r\n");
  EXPECT_EQ(header_start(view, 0), "");
}

// RFC 6591 3.2.6
TEST(FailureReport, SpfRecordsAreQuoted) {
  EXPECT_EQ(spf_dns_field("x.example", "v=spf1 -all"), R"(txt : x.example : "v=spf1 -all")");
  EXPECT_EQ(spf_dns_field("x.example", R"(v=spf1 "\)"), R"(txt : x.example : "v=spf1 \"\\")");
}

SteadyTime at(int minutes) { return SteadyTime(std::chrono::hours(1000) + std::chrono::minutes(minutes)); }

TEST(FailurePace, SoManyForOneAndWhatTheNextStandsFor) {
  FailurePace pace(2, 100);
  EXPECT_EQ(pace.take("a", at(0)), 1U);
  EXPECT_EQ(pace.take("a", at(30)), 1U);
  EXPECT_EQ(pace.take("a", at(31)), 0U);
  EXPECT_EQ(pace.take("a", at(59)), 0U);
  EXPECT_EQ(pace.take("b", at(59)), 1U);
  EXPECT_EQ(pace.take("a", at(60)), 3U);  // RFC 5965 3.2, Incidents
  EXPECT_EQ(pace.take("a", at(61)), 1U);
  EXPECT_EQ(pace.take("a", at(62)), 0U);
}

TEST(FailurePace, SoManyInAll) {
  FailurePace pace(2, 3);
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(pace.take(name, at(0)), 1U);
  EXPECT_EQ(pace.take("d", at(1)), 0U);
  EXPECT_EQ(pace.take("a", at(2)), 0U);
  EXPECT_EQ(pace.take("d", at(61)), 2U);
}

/// Names are a stranger's choice.
TEST(FailurePace, NamesAreBounded) {
  FailurePace pace(1, 2);
  for (int i = 0; i < 8; ++i) (void)pace.take("name" + std::to_string(i), at(0));
  EXPECT_EQ(pace.take("late", at(61)), 0U);   // all places are taken by names of the last hour
  EXPECT_EQ(pace.take("late", at(130)), 1U);  // which go in time
}

}  // namespace
}  // namespace postern
