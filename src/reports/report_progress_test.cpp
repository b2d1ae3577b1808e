// RFC 8460 5.5: a report that could not be delivered is tried again for 24 hours, and goes to nobody twice.
#include "reports/report_progress.hpp"

#include <gtest/gtest.h>

namespace postern {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kFirst{std::chrono::days(20'000)};

ReportProgress half_way() {
  ReportProgress out;
  out.note("mailto:a@example.org", {"mail to a@example.org: 250 2.0.0 accepted", false});
  out.note("https://example.org/r", {"https://example.org/r: cannot connect", true});
  return out;
}

TEST(ReportProgress, WhatIsSettledStaysWhatPassesIsTriedAgain) {
  ReportProgress progress = half_way();
  EXPECT_TRUE(progress.is_settled("mailto:a@example.org"));
  EXPECT_FALSE(progress.is_settled("https://example.org/r"));
  EXPECT_FALSE(progress.is_settled("mailto:b@example.org"));
  EXPECT_TRUE(progress.waits());
  EXPECT_EQ(progress.text(), "mail to a@example.org: 250 2.0.0 accepted; https://example.org/r: cannot connect");
  progress.begin();
  EXPECT_FALSE(progress.waits());
  EXPECT_TRUE(progress.is_settled("mailto:a@example.org"));
  progress.note("https://example.org/r", {"https://example.org/r: 201", false});
  EXPECT_EQ(progress.text(), "mail to a@example.org: 250 2.0.0 accepted; https://example.org/r: 201");
}

TEST(ReportProgress, OneEntryForAPlace) {
  ReportProgress progress;
  progress.note("x", {"first", true});
  progress.note("x", {"second", false});
  EXPECT_EQ(progress.text(), "second");
  EXPECT_FALSE(progress.waits());
}

TEST(ReportProgress, KeptOverARestart) {
  ReportProgress progress = half_way();
  progress.note("mailto:\xFF@example.org", {"\xC3 is no address", false});  // a stranger's octets
  const auto again = ReportProgress::load(progress.save());
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->save(), progress.save());
  EXPECT_TRUE(again->is_settled("mailto:\xFF@example.org"));
  for (const char* text : {"", "{}", "[7]", R"([{"place":"x"}])", R"([{"place":"x","words":"y","passing":1}])"})
    EXPECT_FALSE(ReportProgress::load(text)) << text;
}

TEST(NextReportTry, SoonAtFirstHourlyThenAndForADay) {
  EXPECT_EQ(next_report_try(kFirst, 1, kFirst), kFirst + 5min);
  EXPECT_EQ(next_report_try(kFirst, 2, kFirst + 5min), kFirst + 20min);
  EXPECT_EQ(next_report_try(kFirst, 3, kFirst + 20min), kFirst + 80min);
  EXPECT_EQ(next_report_try(kFirst, 26, kFirst + 23h + 30min), kFirst + 24h) << "a last one at its end";
  EXPECT_FALSE(next_report_try(kFirst, 27, kFirst + 24h));
  EXPECT_FALSE(next_report_try(kFirst, 1, kFirst + 72h)) << "after an outage of the daemon";
  unsigned tries = 1;
  for (auto now = next_report_try(kFirst, tries, kFirst); now; now = next_report_try(kFirst, tries, *now)) ++tries;
  EXPECT_EQ(tries, 27U) << "bounded";
}

}  // namespace
}  // namespace postern
