// RFC 8460 4.1, 4.4: sessions counted by day and kind; 5.1, 5.3: the mail that carries the report.
#include "reports/tls_tally.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/report_mail.hpp"

namespace postern {
namespace {

using ::testing::HasSubstr;

TlsSession session(std::string result = {}, std::string policy = "tlsa") {
  TlsSession out;
  out.day = 20'000;
  out.domain = "example.com";
  out.policy_type = std::move(policy);
  out.policy = "3 1 1 AB\n";
  out.result_type = std::move(result);
  return out;
}

TEST(TlsTally, EqualSessionsAreOneKind) {
  TlsTally tally;
  for (int i = 0; i < 3; ++i) tally.add(session());
  tally.add(session("certificate-expired"));
  const auto counts = tally.take();
  ASSERT_EQ(counts.size(), 2U);
  EXPECT_EQ(counts[0].sessions, 3U);
  EXPECT_TRUE(tally.take().empty());
}

TEST(TlsTally, IsBounded) {
  TlsTally tally;
  for (std::size_t i = 0; i < TlsTally::kMostKinds + 100; ++i) {
    TlsSession one = session("validation-failure");
    one.mx = "mx" + std::to_string(i);
    tally.add(std::move(one));
  }
  std::uint64_t all = 0;
  const auto counts = tally.take();
  for (const auto& count : counts) all += count.sessions;
  EXPECT_LE(counts.size(), TlsTally::kMostKinds + 1);
  EXPECT_EQ(all, TlsTally::kMostKinds + 100) << "details are lost, not sessions";
}

TEST(TlsReportOfCounts, GroupsByPolicy) {
  TlsSession failed = session("certificate-expired", "sts");
  failed.mx_patterns = "mx.example.com\n*.example.com\n";
  failed.mx = "mx.example.com";
  const std::vector<TlsCount> counts{{session(), 5}, {session("validation-failure"), 2}, {failed, 1}};
  const TlsReport report = make_tls_report(counts);
  EXPECT_EQ(rfc3339(report.begin), "2024-10-04T00:00:00.000Z");
  EXPECT_EQ(report.end - report.begin, std::chrono::hours(24) - std::chrono::seconds(1));
  ASSERT_EQ(report.policies.size(), 2U);
  EXPECT_EQ(report.policies[0].successful_sessions, 5U);
  EXPECT_EQ(report.policies[0].failed_sessions, 2U);
  EXPECT_EQ(report.policies[0].policy, std::vector<std::string>{"3 1 1 AB"});
  EXPECT_EQ(report.policies[1].mx_hosts.size(), 2U);
  EXPECT_EQ(report.policies[1].failures.at(0).receiving_mx_hostname, "mx.example.com");
}

// RFC 8460 1.1: of DANE the policy domain is the TLSA base domain; 4.4: both ends of what failed.
TEST(TlsReportOfCounts, APolicyForEachMailHost) {
  TlsSession first = session(), second = session("validation-failure");
  first.policy_domain = "mx1.example.net";
  second.policy_domain = "mx2.example.net";
  second.ip = "192.0.2.1";
  second.local_ip = "198.51.100.7";
  const std::vector<TlsCount> counts{{first, 3}, {second, 2}, {session({}, "sts"), 1}};
  const TlsReport report = make_tls_report(counts);
  ASSERT_EQ(report.policies.size(), 3U);
  EXPECT_EQ(report.policies[0].domain, "mx1.example.net");
  EXPECT_EQ(report.policies[1].domain, "mx2.example.net");
  EXPECT_EQ(report.policies[2].domain, "example.com");
  EXPECT_EQ(report.policies[1].failures.at(0).sending_mta_ip, "198.51.100.7");
  EXPECT_EQ(report.policies[1].failures.at(0).receiving_ip, "192.0.2.1");
}

ReportMail mail() { return {"tls@postern.example", "r@example.com", "mail.postern.example", "=_b", "1@mail.postern.example", {}}; }

TEST(TlsReportMail, HasWhatTheStandardAsksFor) {
  const std::vector<TlsCount> counts{{session(), 1}};
  TlsReport report = make_tls_report(counts);
  report.id = "7";
  const auto text = tls_report_mail(report, "example.com", mail());
  ASSERT_TRUE(text) << text.error().text();
  for (const char* part : {"TLS-Report-Domain: example.com\r\n", "TLS-Report-Submitter: mail.postern.example\r\n", "TLS-Required: No\r\n",
                           "report-type=\"tlsrpt\"", "mail.postern.example!example.com!1728000000!1728086399!7.json.gz"})
    EXPECT_THAT(*text, HasSubstr(part));
}

TEST(TlsReportMail, IsKnownAgainOnItsWay) {  // RFC 8460 3
  const auto text = tls_report_mail(TlsReport{{}, {}, "7"}, "example.com", mail());
  ASSERT_TRUE(text) << text.error().text();
  const auto is_ours = [](const std::string& message, const char* submitter) {
    return is_tls_report_of(MessageView::parse(message).value(), submitter);
  };
  EXPECT_TRUE(is_ours(*text, "MAIL.postern.example"));
  EXPECT_FALSE(is_ours(*text, "mail.example.com")) << "somebody else's, which is passed on";
  EXPECT_FALSE(is_ours("Subject: x\r\nTLS-Required: No\r\n\r\n", "mail.postern.example"));
  EXPECT_FALSE(is_ours("TLS-Report-Submitter: mail.postern.example\r\n\r\n", "mail.postern.example"));
}

TEST(TlsReportMail, NothingBreaksOutOfItsField) {
  ReportMail bad = mail();
  bad.to = "r@example.com>\r\nBcc: <x@example.net";
  EXPECT_EQ(tls_report_mail({}, "example.com", bad).error().field, "to");
  EXPECT_EQ(tls_report_mail({}, "exam ple.com", mail()).error().field, "domain");
}

}  // namespace
}  // namespace postern
