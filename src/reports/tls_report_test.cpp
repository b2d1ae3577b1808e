#include "reports/tls_report.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include "pack/gzip.hpp"

namespace postern {
namespace {

// After RFC 8460, Appendix B.
const std::string kReport = R"({"organization-name": "Company-X",
  "date-range": {"start-datetime": "2016-04-01T00:00:00Z", "end-datetime": "2016-04-01T23:59:59Z"},
  "contact-info": "sts-reporting@company-x.example", "report-id": "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
  "policies": [{"policy": {"policy-type": "sts", "policy-string": ["version: STSv1", "mode: testing", "mx: *.mail.company-y.example", "max_age: 86400"],
     "policy-domain": "company-y.example", "mx-host": "*.mail.company-y.example"},
    "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 303},
    "failure-details": [
      {"result-type": "certificate-expired", "sending-mta-ip": "2001:db8:abcd:0012::1", "receiving-mx-hostname": "mx1.mail.company-y.example", "failed-session-count": 100},
      {"result-type": "starttls-not-supported", "sending-mta-ip": "2001:db8:abcd:0013::1", "receiving-mx-hostname": "mx2.mail.company-y.example",
       "receiving-ip": "203.0.113.56", "failed-session-count": 200, "additional-information": "https://reports.company-x.example/info?id=5065427c", "unknown": [1]},
      {"result-type": "validation-failure", "receiving-ip": "203.0.113.58", "failed-session-count": 3, "failure-reason-code": "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"}]}]})";

Result<TlsReport> parse(std::string_view text) { return parse_tls_report(as_bytes(text)); }

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

TEST(TlsReport, TheExampleOfTheRfc) {
  const auto report = parse(kReport);
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->organization, "Company-X");
  EXPECT_EQ(rfc3339(report->end), "2016-04-01T23:59:59.000Z");
  const auto& policy = report->policies.at(0);
  EXPECT_EQ(policy.type, "sts");
  EXPECT_EQ(policy.policy.size(), 4U);
  EXPECT_EQ(policy.mx_hosts, std::vector<std::string>{"*.mail.company-y.example"});
  EXPECT_EQ(policy.successful_sessions, 5326U);
  ASSERT_EQ(policy.failures.size(), 3U);
  EXPECT_EQ(policy.failures[1].failed_sessions, 200U);
  EXPECT_EQ(policy.failures[2].reason_code, "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED");
}

TEST(TlsReport, PackedOrNot) {
  const auto packed = parse_tls_report(gzip(kReport));
  ASSERT_TRUE(packed);
  EXPECT_EQ(packed->id, "5065427c-23d3-47ca-b6e0-946ea0e8c4be");
  EXPECT_EQ(parse_tls_report(gzip(std::string(kTlsReportBytes + 1, ' '))).error().code, ErrorCode::TooLarge);
  EXPECT_EQ(parse(std::string(kTlsReportBytes + 1, ' ')).error().code, ErrorCode::TooLarge);
}

TEST(TlsReport, WhatIsWrittenIsRead) {
  const auto report = parse(kReport).value();
  const std::string text = write_tls_report(report);
  EXPECT_EQ(write_tls_report(parse(text).value()), text);
  EXPECT_NE(text.find("\"total-failure-session-count\":303"), std::string::npos);
}

// RFC 8460 4.4 has numbers; some senders write them as texts.
TEST(TlsReport, CountsWrittenAsTexts) {
  EXPECT_EQ(parse(replaced(kReport, "5326", "\"5326\"")).value().policies[0].successful_sessions, 5326U);
  const std::string largest = std::to_string(UINT64_MAX);
  EXPECT_EQ(parse(replaced(kReport, "5326", "\"" + largest + "\"")).value().policies[0].successful_sessions, UINT64_MAX);
  for (const std::string& none : {std::string(), std::string("-1"), std::string("+1"), std::string(" 1"), std::string("1.0"),
                                  std::string("1e3"), std::string("0x1"), largest + "0", std::string(4000, '9')})
    EXPECT_EQ(parse(replaced(kReport, "5326", "\"" + none + "\"")).error().field, "policies[0].summary.total-successful-session-count")
        << none;
}

TEST(TlsReport, WhatIsWrongIsNamed) {
  const auto field = [](const std::string& text) {
    const auto report = parse(text);
    return report ? std::string("nothing") : report.error().field;
  };
  EXPECT_EQ(field("{"), "report");
  EXPECT_EQ(field("[]"), "report");
  EXPECT_EQ(field("{}"), "organization-name");
  EXPECT_EQ(field(replaced(kReport, "\"2016-04-01T00:00:00Z\"", "\"yesterday\"")), "date-range.start-datetime");
  EXPECT_EQ(field(replaced(kReport, "2016-04-01T00:00:00Z", "2017-04-01T00:00:00Z")), "date-range");
  EXPECT_EQ(field(replaced(kReport, "5326", "-1")), "policies[0].summary.total-successful-session-count");
  EXPECT_EQ(field(replaced(kReport, "5326", "1.5")), "policies[0].summary.total-successful-session-count");
  EXPECT_EQ(field(replaced(kReport, "\"certificate-expired\"", "7")), "policies[0].failure-details[0].result-type");
  EXPECT_EQ(field(replaced(kReport, "\"company-y.example\"", "null")), "policies[0].policy.policy-domain");
  EXPECT_EQ(field(replaced(kReport, "\"summary\"", "\"sum\"")), "policies[0].summary");
  std::string deep(10'000, '[');
  EXPECT_EQ(field(deep), "report");
  std::string many =
      R"({"organization-name":"x","report-id":"1","date-range":{"start-datetime":"2016-04-01T00:00:00Z","end-datetime":"2016-04-01T23:59:59Z"},"policies":[)";
  for (int i = 0; i < 10'001; ++i) many += "{},";
  many.back() = ']';
  EXPECT_EQ(parse(many + "}").error().code, ErrorCode::TooLarge);
}

TEST(TlsReport, TheRecordThatAsksForThem) {
  const auto record = parse_tls_report_record("v=TLSRPTv1; rua=mailto:a@x.example, https://x.example/r ,ftp://no ; unknown=1;");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->report_to, (std::vector<std::string>{"mailto:a@x.example", "https://x.example/r"}));
  for (const char* bad : {"", "v=TLSRPTv2; rua=mailto:a@x", "rua=mailto:a@x; v=TLSRPTv1", "v=TLSRPTv1", "v=TLSRPTv1; rua=ftp://x"})
    EXPECT_FALSE(parse_tls_report_record(bad)) << bad;
}

}  // namespace
}  // namespace postern
