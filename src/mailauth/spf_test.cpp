// Beside the suite of RFC 7208 (tests/e2e/test_spf_verbs.py): limits, hostile zones, and evaluation in rounds.
#include "mailauth/spf.hpp"

#include <gtest/gtest.h>

#include "dns/fixture.hpp"
#include "dns/questions.hpp"
#include "mailauth/spf_macro.hpp"
#include "mailauth/spf_record.hpp"

namespace postern {
namespace {

dns::IpAddress ip(std::string_view text) { return dns::IpAddress::parse(text).value(); }

SpfVerdict check(dns::DnsPort& zone, const std::string& from = "alice@example.org", std::string_view client = "192.0.2.1") {
  return spf_check({ip(client), "mx.example.net", from, "us.example", wall_from_millis(1'000'000)}, zone);
}

dns::Fixture zone_of(std::initializer_list<std::pair<const char*, const char*>> texts) {
  dns::Fixture out;
  for (const auto& [name, text] : texts) out.add_txt(name, text);
  return out;
}

/// Counts what is asked.
class Counting final : public DnsPort {
 public:
  explicit Counting(DnsPort& below) : m_below(below) {}
  Result<dns::Answer> query(std::string_view name, dns::RecordType type) override {
    ++asked;
    return m_below.query(name, type);
  }
  std::size_t asked = 0;

 private:
  DnsPort& m_below;
};

TEST(Spf, SaysWhatDecided) {
  auto zone = zone_of({{"example.org", "v=spf1 ip4:192.0.2.0/24 -all"}});
  const auto pass = check(zone);
  EXPECT_EQ(pass.result, SpfResult::Pass);
  EXPECT_EQ(pass.matched, "ip4:192.0.2.0/24");
  EXPECT_EQ(pass.domain, "example.org");
  const auto fail = check(zone, "alice@Example.ORG", "198.51.100.1");
  EXPECT_EQ(fail.result, SpfResult::Fail);
  EXPECT_EQ(fail.matched, "-all");
  EXPECT_EQ(check(zone, "alice@example.org", "::ffff:192.0.2.9").result, SpfResult::Pass) << "an IPv4 client on an IPv6 socket";
}

// RFC 7208 2.4.
TEST(Spf, TheNullSenderIsJudgedByItsHelo) {
  auto zone = zone_of({{"mx.example.net", "v=spf1 exists:%{l}.%{d}.ok.example -all"}});
  const auto verdict = check(zone, "");
  EXPECT_TRUE(verdict.helo_identity);
  EXPECT_EQ(verdict.domain, "mx.example.net");
  EXPECT_EQ(verdict.result, SpfResult::Fail);
}

// RFC 7208 4.6.4: ten terms, wherever they stand.
TEST(Spf, LoopsEndAtTheLimit) {
  auto zone = zone_of({{"example.org", "v=spf1 include:example.org -all"}, {"r.example", "v=spf1 redirect=r.example"}});
  Counting counting(zone);
  EXPECT_EQ(check(counting).result, SpfResult::PermError);
  EXPECT_LE(counting.asked, 12U);
  EXPECT_EQ(check(zone, "a@r.example").result, SpfResult::PermError);
}

TEST(Spf, VoidLookupsEndIt) {
  auto zone = zone_of({{"example.org", "v=spf1 a:a.nowhere.example a:b.nowhere.example a:c.nowhere.example +all"}});
  const auto verdict = check(zone);
  EXPECT_EQ(verdict.result, SpfResult::PermError);
  EXPECT_NE(verdict.reason.find("c.nowhere.example"), std::string::npos) << verdict.reason;
}

// RFC 7208 5.4: "an address lookup on each MX name returned, in order of MX preference"; what stands behind a match is not asked.
TEST(Spf, ExchangesAreAskedByPreference) {
  const auto zone_with = [](const char* first, const char* second) {
    return dns::Fixture::parse(
               std::string(R"({"records": {"example.org": [{"type": "TXT", "data": "v=spf1 mx -all"},)") + R"({"type": "MX", "pref": )" +
               first + R"(, "data": "away.example"}, {"type": "MX", "pref": )" + second +
               R"(, "data": "near.example"}], "near.example": [{"type": "A", "data": "192.0.2.1"}], "away.example": [{"timeout": true}]}})")
        .value();
  };
  auto near = zone_with("20", "10"), away = zone_with("10", "20");
  EXPECT_EQ(check(near).result, SpfResult::Pass);
  EXPECT_EQ(check(away).result, SpfResult::TempError);
}

TEST(Spf, ManyRecordsAndLongOnes) {
  dns::Fixture many;
  for (int i = 0; i < 10'000; ++i) many.add_txt("example.org", "token " + std::to_string(i));
  many.add_txt("example.org", "v=spf1 +all");
  EXPECT_EQ(check(many).result, SpfResult::Pass);
  many.add_txt("example.org", "v=spf1 -all");
  EXPECT_EQ(check(many).result, SpfResult::PermError) << "two policies are none";
  std::string terms = "v=spf1";
  for (int i = 0; i < 5000; ++i) terms += " ip4:10.0.0.1";
  auto huge = zone_of({{"example.org", (terms + " +all").c_str()}});
  EXPECT_EQ(check(huge).result, SpfResult::Pass);
}

// RFC 7208 6.2: what a stranger writes is shown, so it is printable and short.
TEST(Spf, ExplanationsAreTamed) {
  const std::string text(2000, 'x');
  auto zone = zone_of({{"example.org", "v=spf1 -all exp=why.example.org"}, {"why.example.org", text.c_str()}});
  EXPECT_LE(check(zone).explanation.size(), 512U);
  auto control = zone_of({{"example.org", "v=spf1 -all exp=why.example.org"}, {"why.example.org", "a\r\nb"}});
  EXPECT_EQ(check(control).explanation, "");
  auto wrong = zone_of({{"example.org", "v=spf1 -all exp=why.example.org"}, {"why.example.org", "%{x}"}});
  EXPECT_EQ(check(wrong).explanation, "");
}

// The shell's way: what is not known yet is asked for, and the outcome is the one of all at once.
TEST(Spf, InRoundsTheOutcomeIsTheSame) {
  auto zone = zone_of({{"example.org", "v=spf1 include:one.example include:two.example -all exp=why.example.org"},
                       {"one.example", "v=spf1 redirect=three.example"},
                       {"two.example", "v=spf1 ip4:198.51.100.7 ?all"},
                       {"three.example", "v=spf1 mx -all"},
                       {"why.example.org", "no %{i}"}});
  dns::QuestionTable table;
  SpfVerdict verdict;
  int rounds = 0;
  for (; rounds < 20; ++rounds) {
    verdict = check(table);
    if (table.is_settled()) break;
    for (const auto& open : table.take_open()) table.add(open.name, open.type, zone.query(open.name, open.type).value());
  }
  const auto direct = check(zone);
  EXPECT_LT(rounds, 10);
  EXPECT_EQ(verdict.result, direct.result);
  EXPECT_EQ(verdict.matched, direct.matched);
  EXPECT_EQ(verdict.explanation, direct.explanation);
  EXPECT_EQ(direct.explanation, "no 192.0.2.1");
}

TEST(SpfRecord, PrefixesAndDomains) {
  const auto of = [](const char* text) { return parse_spf_record(std::string("v=spf1 ") + text).value().mechanisms.at(0); };
  EXPECT_EQ(of("a/24").prefix4, 24U);
  EXPECT_EQ(of("a//64").prefix6, 64U);
  const auto both = of("mx:mail.example.org/20//48");
  EXPECT_EQ(both.domain, "mail.example.org");
  EXPECT_EQ(both.prefix4, 20U);
  EXPECT_EQ(both.prefix6, 48U);
  EXPECT_EQ(of("a:%{d2/}.example").domain, "%{d2/}.example") << "a slash in a macro begins no prefix";
  for (const char* bad : {"a/33",
                          "a//129",
                          "a/024",
                          "a/",
                          "a:",
                          "a:/24",
                          "ip4:1.2.3.4/33",
                          "ip4:1.2.3",
                          "ip6:1.2.3.4",
                          "ip4:::1",
                          "all:x",
                          "include",
                          "include:",
                          "exists",
                          "foo",
                          "-",
                          "a:numeric.123",
                          "a:%{",
                          "a:%{z}.example",
                          "a:%{d0}.example",
                          "a:%x.example",
                          "redirect=%{c}.example",
                          "redirect=a.example redirect=b.example",
                          "exp=",
                          "a:x y:z"})
    EXPECT_FALSE(parse_spf_record(std::string("v=spf1 ") + bad)) << bad;
  EXPECT_TRUE(parse_spf_record("v=spf1 unknown=%{d} -all"));
  EXPECT_FALSE(is_spf_record("v=spf10 all"));
}

// RFC 7208 7.4.
TEST(SpfMacro, TheExamplesOfTheRfc) {
  SpfMacroValues values;
  values.local = "strong-bad";
  values.sender_domain = values.domain = "email.example.com";
  values.ip = ip("192.0.2.3");
  const std::pair<const char*, const char*> cases[] = {{"%{d4}.x", "email.example.com.x"},
                                                       {"%{dr}.x", "com.example.email.x"},
                                                       {"%{d2r}.x", "example.email.x"},
                                                       {"%{l-}.x", "strong.bad.x"},
                                                       {"%{lr-}.x", "bad.strong.x"},
                                                       {"%{l1r-}.x", "strong.x"},
                                                       {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
                                                       {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"}};
  for (const auto& [text, wanted] : cases) EXPECT_EQ(expand_spf_domain(text, values), wanted) << text;
  values.domain = std::string(120, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + ".example";
  EXPECT_EQ(expand_spf_domain("%{d}.left.example", values).find(std::string(63, 'b')), 0U) << "7.3: whole labels go at the left";
}

}  // namespace
}  // namespace postern
