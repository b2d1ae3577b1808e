#include "reports/dmarc_destinations.hpp"

#include <gtest/gtest.h>

#include "dns/fixture.hpp"
#include "dns/questions.hpp"

namespace postern {
namespace {

dns::Fixture zone() {
  return dns::Fixture::parse(R"({"records": {
    "_dmarc.example.org": [{"type":"TXT","data":"v=DMARC1; p=none"}],
    "_dmarc.other.example": [{"type":"TXT","data":"v=DMARC1; p=none"}],
    "example.org._report._dmarc.yes.example": [{"type":"TXT","data":"v=DMARC1;"}],
    "example.org._report._dmarc.moved.example": [{"type":"TXT","data":"v=DMARC1; ruf=mailto:f@moved.example; rua=mailto:new@moved.example!1k , mailto:b@moved.example"}],
    "example.org._report._dmarc.evil.example": [{"type":"TXT","data":"v=DMARC1; rua=mailto:victim@elsewhere.example"}],
    "example.org._report._dmarc.odd.example": [{"type":"TXT","data":"v=DMARC1; rua=nonsense"}],
    "example.org._report._dmarc.spf.example": [{"type":"TXT","data":"v=spf1 -all"}, {"type":"TXT","data":"x; v=DMARC1"}],
    "example.org._report._dmarc.slow.example": [{"timeout":true}]}})")
      .value();
}

DmarcDestination judge(const std::string& uri, DmarcReportKind kind = DmarcReportKind::Aggregate,
                       const std::string& domain = "example.org") {
  dns::Fixture dns = zone();
  const std::vector<std::string> uris{uri};
  return dmarc_destinations(domain, uris, kind, dns).at(0);
}

// RFC 9990 4
TEST(DmarcDestinations, TheSameOrganizationNeedsNoPermission) {
  for (const char* uri : {"mailto:a@example.org", "mailto:a@reports.example.org!5m"}) {
    const auto out = judge(uri);
    EXPECT_TRUE(out.usable) << out.reason;
    EXPECT_EQ(out.targets.size(), 1U);
  }
  EXPECT_TRUE(judge("mailto:a@example.org", DmarcReportKind::Aggregate, "sub.example.org").usable);
}

TEST(DmarcDestinations, OthersMustHaveSaidSo) {
  EXPECT_TRUE(judge("mailto:a@yes.example").usable);
  EXPECT_TRUE(judge("mailto:a@odd.example").usable);  // what is no URI replaces nothing
  EXPECT_EQ(judge("mailto:a@odd.example").targets.at(0).mailbox, "a@odd.example");
  for (const char* uri : {"mailto:a@other.example", "mailto:a@spf.example", "mailto:a@notexample.org"}) {
    const auto out = judge(uri);
    EXPECT_FALSE(out.usable) << uri;
    EXPECT_FALSE(out.try_later);
    EXPECT_NE(out.reason.find("example.org._report._dmarc."), std::string::npos) << out.reason;
  }
  EXPECT_FALSE(
      judge("mailto:a@" + std::string(60, 'a') + "." + std::string(60, 'b') + "." + std::string(60, 'c') + "." + std::string(50, 'd'))
          .usable);
}

// Steps 8 and 9: the receiving domain may name other addresses of its own, and nobody else's.
TEST(DmarcDestinations, AnotherAddressInItsPlace) {
  const auto rua = judge("mailto:a@moved.example");
  ASSERT_TRUE(rua.usable);
  ASSERT_EQ(rua.targets.size(), 2U);
  EXPECT_EQ(rua.targets[0].mailbox, "new@moved.example");
  EXPECT_EQ(rua.targets[0].most_bytes, 1024U);
  EXPECT_EQ(judge("mailto:a@moved.example", DmarcReportKind::Failure).targets.at(0).mailbox, "f@moved.example");
  const auto evil = judge("mailto:a@evil.example");
  EXPECT_FALSE(evil.usable);
  EXPECT_TRUE(evil.targets.empty());
}

TEST(DmarcDestinations, WhatCannotBeAskedNowIsTriedLater) {
  const auto out = judge("mailto:a@slow.example");
  EXPECT_FALSE(out.usable);
  EXPECT_TRUE(out.try_later);
}

TEST(DmarcDestinations, OtherSchemesAndTooMany) {
  EXPECT_FALSE(judge("https://example.org/").usable);
  EXPECT_FALSE(judge("https://example.org/").reason.empty());
  dns::Fixture dns = zone();
  const std::vector<std::string> many(100, "mailto:a@example.org");
  EXPECT_EQ(dmarc_destinations("example.org", many, DmarcReportKind::Aggregate, dns).size(), 16U);
}

TEST(DmarcDestinations, OverQuestionsAsAShellRunsIt) {
  dns::Fixture dns = zone();
  dns::QuestionTable table;
  const std::vector<std::string> uris{"mailto:a@yes.example", "mailto:a@example.org"};
  int rounds = 0;
  for (;; ++rounds) {
    const auto out = dmarc_destinations("example.org", uris, DmarcReportKind::Aggregate, table);
    if (table.is_settled()) {
      EXPECT_TRUE(out.at(0).usable && out.at(1).usable);
      break;
    }
    for (const auto& open : table.take_open()) table.add(open.name, open.type, dns.query(open.name, open.type).value());
  }
  EXPECT_LT(rounds, 5);
}

}  // namespace
}  // namespace postern
