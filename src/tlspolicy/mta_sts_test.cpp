#include "tlspolicy/mta_sts.hpp"

#include <gtest/gtest.h>

namespace postern {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kGood = "version: STSv1\r\nmode: enforce\r\nmx: Mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n";

std::string refused_field(std::string_view text) {
  const auto policy = parse_mta_sts_policy(text);
  return policy ? "accepted" : policy.error().field;
}

TEST(MtaStsPolicy, ReadsCrlfAndLf) {
  std::string lf(kGood);
  std::erase(lf, '\r');
  for (const std::string& text : {std::string(kGood), lf, lf.substr(0, lf.size() - 1)}) {
    const MtaStsPolicy policy = parse_mta_sts_policy(text).value();
    EXPECT_EQ(policy.mode, MtaStsMode::Enforce);
    EXPECT_EQ(policy.max_age, 604800s);
    EXPECT_EQ(policy.mx, (std::vector<std::string>{"mail.example.com", "*.example.net"}));
  }
}

// RFC 8461 4.1
TEST(MtaStsPolicy, StarIsOneLabel) {
  const MtaStsPolicy policy = parse_mta_sts_policy(kGood).value();
  for (const char* host : {"mail.example.com", "MAIL.Example.com.", "a.example.net"}) EXPECT_TRUE(policy.allows(host)) << host;
  for (const char* host : {"example.net", "a.b.example.net", "other.example.com", "example.com", "xmail.example.com", "aexample.net", "*",
                           "", ".", "a..example.net", "net"})
    EXPECT_FALSE(policy.allows(host)) << host;
}

// RFC 8461 3.2
TEST(MtaStsPolicy, FirstOfRepeatedFieldsCountsAndUnknownOnesAreSkipped) {
  const MtaStsPolicy policy =
      parse_mta_sts_policy("mode:testing\nmode: enforce\nversion:STSv1\nmax_age:1\nmax_age: 2\nfuture-field: \xC3\xA4 b\nmx:\ta.example \n")
          .value();
  EXPECT_EQ(policy.mode, MtaStsMode::Testing);
  EXPECT_EQ(policy.max_age, 1s);
  EXPECT_EQ(policy.mx, std::vector<std::string>{"a.example"});
}

TEST(MtaStsPolicy, NoneNeedsNoHost) {
  EXPECT_EQ(parse_mta_sts_policy("version: STSv1\nmode: none\nmax_age: 86400\n").value().mode, MtaStsMode::None);
  EXPECT_EQ(refused_field("version: STSv1\nmode: testing\nmax_age: 86400\n"), "mx");
}

TEST(MtaStsPolicy, AgeIsBounded) {
  EXPECT_EQ(parse_mta_sts_policy("version: STSv1\nmode: none\nmax_age: 9999999999\n").value().max_age, kMtaStsMaxAgeLimit);
  for (const char* age : {"", "-1", "1.5", "1d", "99999999999", "0x10", "+1", "1 2"})
    EXPECT_EQ(refused_field("version: STSv1\nmode: none\nmax_age: " + std::string(age) + "\n"), "max_age") << age;
}

TEST(MtaStsPolicy, RefusesWhatIsMissingOrWrong) {
  const std::string rest = "mode: enforce\nmax_age: 1\nmx: a.example\n";
  EXPECT_EQ(refused_field(""), "version");
  EXPECT_EQ(refused_field(rest), "version");
  EXPECT_EQ(refused_field("version: STSv2\n" + rest), "version");
  EXPECT_EQ(refused_field("version: stsv1\n" + rest), "version");
  EXPECT_EQ(refused_field("version: STSv1\nmax_age: 1\nmx: a.example\n"), "mode");
  EXPECT_EQ(refused_field("version: STSv1\nmode: Enforce\nmax_age: 1\nmx: a.example\n"), "mode");
  EXPECT_EQ(refused_field("version: STSv1\nmode: enforce\nmx: a.example\n"), "max_age");
  for (const char* mx : {"", "*", "*.", "a.*.example", "**.example", "*a.example", "a b", "a..b", "<a>"})
    EXPECT_EQ(refused_field("version: STSv1\nmode: enforce\nmax_age: 1\nmx: " + std::string(mx) + "\n"), "mx") << mx;
  for (const char* line : {"<html>", "no colon", ": value", "na me: x", "x: \x01", "x: \xFF"})
    EXPECT_EQ(refused_field("version: STSv1\n" + std::string(line) + "\n" + rest), "policy") << line;
  EXPECT_EQ(refused_field(std::string("version: STSv1\nx: a\0b\n", 22) + rest), "policy");
}

TEST(MtaStsPolicy, SizeAndLinesAreBounded) {
  const std::string good(kGood);
  EXPECT_TRUE(parse_mta_sts_policy(good + std::string(kMtaStsPolicyLimit - good.size(), ' ')));
  EXPECT_EQ(parse_mta_sts_policy(good + std::string(kMtaStsPolicyLimit - good.size() + 1, ' ')).error().code, ErrorCode::TooLarge);
  EXPECT_EQ(parse_mta_sts_policy(good + std::string(kMtaStsLineLimit, '\n')).error().code, ErrorCode::TooLarge);
}

// RFC 8461 3.1
TEST(MtaStsRecord, OneRecordWithAnId) {
  const auto id = [](std::vector<std::string> records) { return mta_sts_id(records); };
  EXPECT_EQ(id({"v=STSv1; id=20160831085700Z;"}).value(), "20160831085700Z");
  EXPECT_EQ(id({"v=STSv1;id=1"}).value(), "1");
  EXPECT_EQ(id({"v=spf1 -all", "v=STSv1 ; x=y; id=a ;"}).value(), "a");
  EXPECT_EQ(id({}).error().code, ErrorCode::NotFound);
  for (const char* none : {"v=STSv1", "v=STSv10; id=1", "V=STSv1; id=1", " v=STSv1; id=1", "v=STSv2; id=1"})
    EXPECT_EQ(id({none}).error().code, ErrorCode::NotFound) << none;
  EXPECT_EQ(id({"v=STSv1; id=1", "v=STSv1; id=1"}).error().code, ErrorCode::NotFound);
  for (const std::string& bad : {std::string("v=STSv1;"), std::string("v=STSv1; id="), std::string("v=STSv1; id=a-b"),
                                 "v=STSv1; id=" + std::string(33, 'a'), std::string("v=STSv1; id=!; id=1")})
    EXPECT_EQ(id({bad}).error().code, ErrorCode::BadInput) << bad;
}

TEST(MtaStsWriter, IsReadAsItWasWritten) {  // RFC 8461 3.2
  const MtaStsPolicy policy{MtaStsMode::Testing, std::chrono::seconds(1209600), {"mx.example.com", "*.example.net"}};
  const auto again = parse_mta_sts_policy(write_mta_sts_policy(policy));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->mode, policy.mode);
  EXPECT_EQ(again->max_age, policy.max_age);
  EXPECT_EQ(again->mx, policy.mx);
}

TEST(MtaStsWriter, TheIdChangesWithThePolicyAndIsOne) {  // RFC 8461 3.1
  const std::string id = mta_sts_id_of("a");
  const std::vector<std::string> record{"v=STSv1; id=" + id};
  EXPECT_EQ(mta_sts_id(record).value(), id);
  EXPECT_NE(id, mta_sts_id_of("b"));
}

}  // namespace
}  // namespace postern
