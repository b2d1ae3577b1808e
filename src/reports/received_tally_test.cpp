// Reports of others as sums: RFC 8460 4.4, RFC 9990 3.1.1.
#include "reports/received_tally.hpp"

#include <gtest/gtest.h>

namespace postern {
namespace {

constexpr std::int64_t kDay = 20'000;

ReceivedReport report(const std::string& kind, std::uint64_t good, std::uint64_t bad, const std::string& body) {
  const WallTime begin{std::chrono::days(kDay)};
  return {kind, "Example", "1", "example.com", begin, begin + std::chrono::seconds(86'399), good, bad, body};
}

std::string tls_policy(const std::string& type, const std::string& good, const std::string& bad) {
  return R"({"policy":{"policy-type":")" + type + R"("},"summary":{"total-successful-session-count":)" + good +
         R"(,"total-failure-session-count":)" + bad + "}}";
}

std::string dmarc_record(const std::string& source, const std::string& messages, const std::string& dkim, const std::string& spf) {
  return R"({"row":{"source_ip":")" + source + R"(","count":)" + messages + R"(,"policy_evaluated":{"disposition":"none","dkim":")" + dkim +
         R"(","spf":")" + spf + R"("}}})";
}

TEST(ReceivedTally, TlsByDayAndPolicy) {
  ReceivedTally tally;
  const std::string body = R"({"policies":[)" + tls_policy("sts", "5", "2") + "," + tls_policy("tlsa", "7", "0") + "," +
                           tls_policy("<b>", "1", "1") + "," + tls_policy("sts", "1", "1") + "]}";
  tally.add(report("tls", 14, 4, body));
  tally.add(report("tls", 3, 1, R"({"too_large":true})"));
  const auto& found = tally.tls();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found.at({kDay, "sts"}), (GoodAndBad{6, 3}));
  EXPECT_EQ(found.at({kDay, "tlsa"}), (GoodAndBad{7, 0}));
  EXPECT_EQ(found.at({kDay, "other"}), (GoodAndBad{4, 2})) << "a word that nobody knows, and a report whose body was too large";
  EXPECT_TRUE(tally.dmarc().empty());
}

TEST(ReceivedTally, DmarcByDayAndSource) {
  ReceivedTally tally;
  tally.add(report("dmarc", 13, 4,
                   R"({"record":[)" + dmarc_record("192.0.2.1", "10", "pass", "fail") + "," +
                       dmarc_record("2001:db8::1", "4", "fail", "fail") + "," + dmarc_record("192.0.2.9", "3", "fail", "pass") + "]}"));
  tally.add(report("dmarc", 0, 1, R"({"record":[)" + dmarc_record("192.0.2.9", "1", "fail", "fail") + "]}"));
  EXPECT_EQ(tally.dmarc().at(kDay), (GoodAndBad{13, 5}));
  const std::vector<std::pair<std::string, GoodAndBad>> wanted{{"2001:db8::1", {0, 4}}, {"192.0.2.9", {3, 1}}, {"192.0.2.1", {10, 0}}};
  EXPECT_EQ(tally.sources(10), wanted) << "the most failures first";
  EXPECT_EQ(tally.sources(1).size(), 1U);
  EXPECT_EQ(tally.source_count(), 3U);
}

TEST(ReceivedTally, CountsOfStrangersDoNotOverflow) {
  ReceivedTally tally;
  const std::string most = "18446744073709551615";
  for (int i = 0; i < 100; ++i)
    tally.add(report("dmarc", ~0ULL, ~0ULL, R"({"record":[)" + dmarc_record("192.0.2.1", most, "fail", "fail") + "]}"));
  EXPECT_EQ(tally.dmarc().at(kDay), (GoodAndBad{100 * ReceivedTally::kMostCounted, 100 * ReceivedTally::kMostCounted}));
  EXPECT_EQ(tally.sources(1).front().second.bad, 100 * ReceivedTally::kMostCounted);
}

TEST(ReceivedTally, SourcesAreBounded) {
  ReceivedTally tally;
  for (std::size_t i = 0; i < ReceivedTally::kMostSources + 50; ++i)
    tally.add(report("dmarc", 0, 1, R"({"record":[)" + dmarc_record("source " + std::to_string(i), "1", "fail", "fail") + "]}"));
  EXPECT_EQ(tally.source_count(), ReceivedTally::kMostSources + 1);
  EXPECT_EQ(tally.sources(1).front(), (std::pair<std::string, GoodAndBad>{"others", {0, 50}}));
}

TEST(ReceivedTally, RubbishCountsNothing) {
  ReceivedTally tally;
  for (const char* body : {"", "[]", "{", R"({"record":7})", R"({"record":[7,null,{"row":[]}]})", R"({"record":[{"row":{"count":-1}}]})"})
    tally.add(report("dmarc", 0, 0, body));
  tally.add(report("weather", 5, 5, R"({"record":[]})"));
  EXPECT_EQ(tally.dmarc().size(), 1U);
  for (const auto& [source, sums] : tally.sources(10)) EXPECT_EQ(sums, GoodAndBad()) << source;
}

TEST(ReceivedTally, ADayOfAnotherZoneIsTheOneItMostlyCovers) {
  const WallTime midnight{std::chrono::days(kDay)};
  EXPECT_EQ(day_of_report(midnight - std::chrono::hours(8), midnight + std::chrono::hours(16)), kDay);
  EXPECT_EQ(day_of_report(midnight + std::chrono::hours(8), midnight + std::chrono::hours(32)), kDay);
  EXPECT_EQ(day_of_report(midnight, midnight), kDay);
}

}  // namespace
}  // namespace postern
