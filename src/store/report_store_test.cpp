#include "store/report_store.hpp"

#include <gtest/gtest.h>

#include "reports/received_tally.hpp"
#include "store/test_support.hpp"

namespace postern {
namespace {

constexpr std::int64_t kDay = 20'000;

class Reports : public ::testing::Test {
 protected:
  void receive(const std::string& id, std::int64_t day, const std::string& domain, bool vouched) {
    const WallTime begin = day_begin(day);
    const ReceivedReport report{
        "dmarc", "Example", id, domain, begin, begin + std::chrono::seconds(86'399), 1, 2, R"({"id":")" + id + "\"}"};
    ASSERT_TRUE(reports.add_received(report, begin + std::chrono::hours(30), vouched));
  }
  std::string seen(const ReportStore::ReceivedQuery& query, std::size_t most = 100) {
    std::string out;
    std::size_t count = 0;
    const Status done = reports.visit_received(query, [&](const ReportStore::Received& one) {
      EXPECT_EQ(one.report.body, R"({"id":")" + one.report.id + "\"}");
      out += one.report.id;
      return ++count < most;
    });
    EXPECT_TRUE(done);
    return out;
  }

  test::TemporaryDirectory dir;
  std::unique_ptr<Store> store = [this] {
    StoreOptions options;
    options.data_dir = dir.path() / "var";
    return Store::open(std::move(options)).value();
  }();
  ReportStore reports{*store};
};

TEST_F(Reports, ThoseOfOthersByDayDomainAndWhoVouches) {
  receive("a", kDay - 1, "example.com", true);
  receive("b", kDay, "Example.COM", false);
  receive("c", kDay, "example.net", true);
  receive("d", kDay + 1, "example.com", true);
  EXPECT_EQ(seen({kDay - 5, kDay + 5, "", false}), "dcba") << "newest first";
  EXPECT_EQ(seen({kDay, kDay, "", false}), "cb");
  EXPECT_EQ(seen({kDay - 1, kDay + 1, "example.com", false}), "dba");
  EXPECT_EQ(seen({kDay - 1, kDay + 1, "", true}), "dca");
  EXPECT_EQ(seen({kDay + 2, kDay + 9, "", false}), "");
  EXPECT_EQ(seen({kDay - 5, kDay + 5, "", false}, 2), "dc") << "until it is enough";
}

TEST_F(Reports, TheDaysAreThoseOfTheTally) {
  const WallTime begin = day_begin(kDay) - std::chrono::hours(8);
  const ReceivedReport report{"tls", "Example", "x", "example.com", begin, begin + std::chrono::hours(24), 1, 0, R"({"id":"x"})"};
  ASSERT_TRUE(reports.add_received(report, begin, false));
  const std::int64_t day = day_of_report(report.begin, report.end);
  EXPECT_EQ(seen({day, day, "", false}), "x");
  EXPECT_EQ(seen({day - 1, day - 1, "", false}) + seen({day + 1, day + 1, "", false}), "");
}

TEST_F(Reports, OurSessionsByPolicy) {
  const auto kind = [](std::int64_t day, const std::string& domain, const std::string& policy, const std::string& result) {
    TlsSession out;
    out.day = day;
    out.domain = domain;
    out.policy_type = policy;
    out.result_type = result;
    return out;
  };
  ASSERT_TRUE(reports.add({{kind(kDay, "a.example", "sts", ""), 5},
                           {kind(kDay, "b.example", "sts", "certificate-expired"), 2},
                           {kind(kDay, "b.example", "tlsa", ""), 1},
                           {kind(kDay - 9, "b.example", "tlsa", ""), 7}}));
  const auto found = reports.policy_summary(kDay - 1, kDay).value();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].policy, "sts");
  EXPECT_EQ(found[0].successful, 5U);
  EXPECT_EQ(found[0].failed, 2U);
  EXPECT_EQ(found[1].policy, "tlsa");
  EXPECT_EQ(found[1].successful, 1U);
}

TEST_F(Reports, ASessionIsKeptWithAllItsFacts) {
  TlsSession session;
  session.day = kDay;
  session.domain = "a.example";
  session.policy_type = "tlsa";
  session.policy_domain = "mx.b.example";
  session.policy = "3 1 1 AB\n";
  session.result_type = "validation-failure";
  session.mx = "mx.a.example";
  session.ip = "192.0.2.1";
  session.reason = "another key";
  session.local_ip = "198.51.100.7";
  TlsSession elsewhere = session;
  elsewhere.local_ip = "198.51.100.8";
  ASSERT_TRUE(reports.add({{session, 2}, {elsewhere, 1}}));
  ASSERT_TRUE(reports.add({{session, 3}}));
  const auto counts = reports.counts(kDay, "a.example").value();
  ASSERT_EQ(counts.size(), 2U);
  EXPECT_EQ(counts[0].session, session);
  EXPECT_EQ(counts[0].sessions, 5U);
  EXPECT_EQ(counts[1].session, elsewhere);
}

WaitingReport waiting(const std::string& kind, const std::string& domain, WallTime next) {
  WaitingReport out;
  out.kind = kind;
  out.day = kDay;
  out.domain = domain;
  out.next = next;
  out.body = "body of " + domain;
  return out;
}

std::string domains(const std::vector<WaitingReport>& all) {
  std::string out;
  for (const auto& one : all) out += one.domain + " ";
  return out;
}

TEST_F(Reports, WhatCouldNotBeSentWaitsAndIsKept) {  // RFC 8460 5.5
  const WallTime now = day_begin(kDay + 1);
  WaitingReport one = waiting("dmarc", "a.example", now);
  ASSERT_TRUE(reports.keep_pending("dmarc", "rest", {one, waiting("dmarc", "b.example", now + std::chrono::hours(1))}));
  EXPECT_EQ(reports.pending("dmarc").value(), "rest");
  EXPECT_EQ(domains(reports.waiting(now, 10).value()), "a.example ");
  one.first = now;
  one.next = now + std::chrono::minutes(5);
  one.tries = 1;
  one.progress.note("mailto:x@a.example", {"250", false});
  one.progress.note("mailto:y@a.example", {"DNS", true});
  ASSERT_TRUE(reports.note_attempt(one, {"dmarc", kDay, "a.example", now, "250; DNS", one.next}));
  EXPECT_EQ(domains(reports.waiting(now, 10).value()), "");
  const auto again = reports.waiting(one.next, 10).value();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].tries, 1U);
  EXPECT_EQ(again[0].first, now);
  EXPECT_TRUE(again[0].progress.is_settled("mailto:x@a.example"));
  EXPECT_EQ(reports.waiting_body(again[0]).value(), "body of a.example");
  EXPECT_EQ(reports.sent(10).value().at(0).again, one.next);
  ASSERT_TRUE(reports.note_attempt(one, {"dmarc", kDay, "a.example", now, "250; 250"}));
  EXPECT_EQ(reports.sent(10).value().at(0).again, std::nullopt);
  EXPECT_EQ(domains(reports.waiting(now + std::chrono::hours(2), 10).value()), "b.example ");
  EXPECT_EQ(reports.waiting_body(one).error().code, ErrorCode::NotFound);
  ASSERT_TRUE(reports.forget_before(kDay + 1));
  auto untried = reports.waiting(now + std::chrono::hours(2), 10).value();
  EXPECT_EQ(domains(untried), "b.example ") << "nobody has tried to send it, however old it is";
  untried.front().tries = 1;
  ASSERT_TRUE(reports.keep_waiting(untried.front()));
  ASSERT_TRUE(reports.forget_before(kDay + 1));
  EXPECT_EQ(domains(reports.waiting(now + std::chrono::hours(2), 10).value()), "");
}

TEST_F(Reports, WhatIsTakenOutTwiceWaitsOnce) {  // a daemon that died between taking out and keeping
  const WallTime now = day_begin(kDay + 1);
  WaitingReport one = waiting("dmarc", "a.example", now);
  ASSERT_TRUE(reports.keep_pending("dmarc", "", {one}));
  one.tries = 1;
  one.next = now + std::chrono::minutes(5);
  ASSERT_TRUE(reports.keep_waiting(one));
  one.tries = 0;
  ASSERT_TRUE(reports.keep_pending("dmarc", "", {one}));
  EXPECT_EQ(reports.waiting(one.next, 10).value().at(0).tries, 1U);
}

TEST_F(Reports, ATlsReportOnItsWayIsNotBegunAnew) {
  TlsSession session;
  session.day = kDay;
  session.domain = "a.example";
  ASSERT_TRUE(reports.add({{session, 1}}));
  EXPECT_EQ(reports.unsent(kDay + 1, 10).value().size(), 1U);
  ASSERT_TRUE(reports.keep_waiting(waiting("tls", "a.example", day_begin(kDay + 1))));
  EXPECT_TRUE(reports.unsent(kDay + 1, 10).value().empty());
}

}  // namespace
}  // namespace postern
