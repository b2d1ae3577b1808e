// A report by mail, whichever of the two it is: RFC 8460 5.3, RFC 9990 3.5.2.
#include "reports/received.hpp"

#include <gtest/gtest.h>

#include "pack/gzip.hpp"
#include "reports/report_mail.hpp"

namespace postern {
namespace {

TlsReport tls_report() {
  TlsReport out;
  out.organization = "Example";
  out.id = "7";
  out.begin = WallTime(std::chrono::days(20'000));
  out.end = out.begin + std::chrono::hours(24) - std::chrono::seconds(1);
  TlsPolicyReport policy;
  policy.type = "sts";
  policy.domain = "example.com";
  policy.successful_sessions = 5;
  policy.failed_sessions = 2;
  out.policies = {policy, policy};
  return out;
}

std::string mail_with(std::string_view type, std::string_view body) {
  return "From: <a@example.net>\r\nMIME-Version: 1.0\r\nContent-Type: " + std::string(type) + "\r\n\r\n" + std::string(body);
}

TEST(ReadReportMail, ATlsReportAsWeWriteIt) {
  const auto mail = tls_report_mail(tls_report(), "example.com", {"t@example.net", "r@example.com", "mx.example.net", "=_b", "1@x", {}});
  ASSERT_TRUE(mail);
  const auto report = read_report_mail(*mail);
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->kind, "tls");
  EXPECT_EQ(report->domain, "example.com");
  EXPECT_EQ(report->good, 10U);
  EXPECT_EQ(report->bad, 4U);
  EXPECT_EQ(report->begin, tls_report().begin);
}

TEST(ReadReportMail, NotPackedAndAlone) {
  const auto report = read_report_mail(mail_with("application/tlsrpt+json", write_tls_report(tls_report())));
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->id, "7");
}

TEST(ReadReportMail, AnEndlessOneIsCountedAndNotKept) {
  TlsReport large = tls_report();
  large.policies.resize(5000, large.policies.front());
  const auto report = read_report_mail(mail_with("application/tlsrpt+json", write_tls_report(large)));
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->good, 25'000U);
  EXPECT_EQ(report->body, R"({"too_large":true})");
}

TEST(ReadReportMail, WhatIsNone) {
  EXPECT_EQ(read_report_mail(mail_with("text/plain", "Hello\r\n")).error().field, "Content-Type");
  EXPECT_EQ(read_report_mail(mail_with("application/tlsrpt+gzip", "rubbish")).error().code, ErrorCode::BadInput);
  EXPECT_FALSE(read_report_mail(""));
}

TEST(ReadReportMail, AForwardedReportIsNotOurs) {
  const std::string inner = mail_with("application/tlsrpt+json", write_tls_report(tls_report()));
  EXPECT_FALSE(read_report_mail(mail_with("message/rfc822", inner)));
}

}  // namespace
}  // namespace postern
