#include "mailauth/dmarc.hpp"

#include <gtest/gtest.h>

#include "dns/fixture.hpp"

namespace postern {
namespace {

using Pairs = std::initializer_list<std::pair<const char*, const char*>>;

dns::Fixture zone_of(Pairs texts) {
  dns::Fixture out;
  for (const auto& [name, text] : texts) out.add_txt(name, text);
  return out;
}

DmarcInput from(const std::string& domain, const std::string& spf = {}, const std::string& dkim = {}) {
  DmarcInput out;
  out.from_domain = domain;
  if (!spf.empty()) out.spf = {SpfResult::Pass, spf};
  if (!dkim.empty()) out.dkim.push_back({DkimResult::Pass, dkim});
  return out;
}

class Counting final : public DnsPort {
 public:
  explicit Counting(DnsPort& below) : m_below(below) {}
  Result<dns::Answer> query(std::string_view name, dns::RecordType type) override {
    asked.emplace_back(name);
    return m_below.query(name, type);
  }
  std::vector<std::string> asked;

 private:
  DnsPort& m_below;
};

TEST(Dmarc, AlignedIdentifiersPass) {
  auto zone = zone_of({{"_dmarc.example.org", "v=DMARC1; p=reject"}});
  const auto exact = dmarc_check(from("example.org", "example.org"), zone);
  EXPECT_EQ(exact.result, DmarcResult::Pass);
  EXPECT_EQ(exact.policy, DmarcPolicy::Reject);
  EXPECT_EQ(exact.disposition, DmarcPolicy::None);
  EXPECT_TRUE(dmarc_check(from("example.org", "", "mail.example.org"), zone).dkim_aligned) << "relaxed";
  EXPECT_TRUE(dmarc_check(from("news.example.org", "bounce.example.org"), zone).spf_aligned) << "relaxed, side by side";
  const auto other = dmarc_check(from("example.org", "example.net", "badexample.org"), zone);
  EXPECT_EQ(other.result, DmarcResult::Fail);
  EXPECT_EQ(other.disposition, DmarcPolicy::Reject);
}

TEST(Dmarc, OnlyAPassCounts) {
  auto zone = zone_of({{"_dmarc.example.org", "v=DMARC1; p=reject"}});
  DmarcInput input;
  input.from_domain = "example.org";
  input.spf = {SpfResult::SoftFail, "example.org"};
  input.dkim = {{DkimResult::Policy, "example.org"}, {DkimResult::Neutral, "example.org"}};
  EXPECT_EQ(dmarc_check(input, zone).result, DmarcResult::Fail);
}

// RFC 9989 4.4.1, 4.4.2.
TEST(Dmarc, StrictAlignment) {
  auto zone = zone_of({{"_dmarc.example.org", "v=DMARC1; p=quarantine; aspf=s; adkim=r"}});
  EXPECT_EQ(dmarc_check(from("example.org", "mail.example.org"), zone).result, DmarcResult::Fail);
  EXPECT_EQ(dmarc_check(from("example.org", "", "mail.example.org"), zone).result, DmarcResult::Pass);
}

// RFC 9989 4.7: sp for subdomains, np for those that do not exist.
TEST(Dmarc, PoliciesBelow) {
  auto zone = zone_of({{"_dmarc.example.org", "v=DMARC1; p=none; sp=quarantine; np=reject"}, {"mail.example.org", "x"}});
  zone.add({"mail.example.org", dns::RecordType::A, 60, dns::AddressData{dns::IpAddress::parse("192.0.2.1").value()}});
  EXPECT_EQ(dmarc_check(from("example.org"), zone).policy, DmarcPolicy::None);
  EXPECT_EQ(dmarc_check(from("mail.example.org"), zone).policy, DmarcPolicy::Quarantine);
  EXPECT_EQ(dmarc_check(from("made.up.example.org"), zone).policy, DmarcPolicy::Reject);
  zone.add_txt("news.example.org", "v=spf1 -all");  // 3.2.13: it is there, whatever it has
  EXPECT_EQ(dmarc_check(from("news.example.org"), zone).policy, DmarcPolicy::Quarantine);
}

TEST(Dmarc, TestingIsOneStepMilder) {
  auto zone = zone_of({{"_dmarc.r.example", "v=DMARC1; p=reject; t=y"}, {"_dmarc.q.example", "v=DMARC1;p=quarantine;pct=0"}});
  EXPECT_EQ(dmarc_check(from("r.example"), zone).disposition, DmarcPolicy::Quarantine);
  EXPECT_EQ(dmarc_check(from("r.example"), zone).policy, DmarcPolicy::Reject);
  EXPECT_EQ(dmarc_check(from("q.example"), zone).disposition, DmarcPolicy::None);
}

// RFC 9989 4.10.2.
TEST(Dmarc, TheOrganizationalDomain) {
  auto zone = zone_of({{"_dmarc.bank.example", "v=DMARC1; p=none; psd=y"},
                       {"_dmarc.own.giant.bank.example", "v=DMARC1; p=reject; psd=n"},
                       {"_dmarc.giant.bank.example", "v=DMARC1; p=quarantine"},
                       {"_dmarc.a.plain.example", "v=DMARC1; p=none"},
                       {"_dmarc.plain.example", "v=DMARC1; p=none"}});
  const auto org = [&](const char* domain) { return dmarc_check(from(domain), zone).org_domain; };
  EXPECT_EQ(org("mail.giant.bank.example"), "giant.bank.example") << "one label below a public suffix";
  EXPECT_EQ(org("x.own.giant.bank.example"), "own.giant.bank.example") << "psd=n says so itself";
  EXPECT_EQ(org("x.a.plain.example"), "plain.example") << "the fewest labels";
  EXPECT_EQ(org("bank.example"), "bank.example") << "a public suffix that writes itself";
  EXPECT_EQ(org("nothing.example.net"), "nothing.example.net");
  // The suffix's policy is for those below that have none.
  const auto below = dmarc_check(from("new.bank.example"), zone);
  EXPECT_EQ(below.record_domain, "bank.example");
  EXPECT_EQ(below.result, DmarcResult::Fail);
  // One below the suffix is not aligned with another.
  EXPECT_EQ(dmarc_check(from("mail.giant.bank.example", "other.bank.example"), zone).result, DmarcResult::Fail);
  EXPECT_EQ(dmarc_check(from("mail.giant.bank.example", "x.own.giant.bank.example"), zone).result, DmarcResult::Fail);
}

// RFC 9989 4.10: eight questions at most, however long the name.
TEST(Dmarc, LongNamesAskEightTimes) {
  auto zone = zone_of({});
  Counting counting(zone);
  EXPECT_EQ(dmarc_check(from("a.b.c.d.e.f.g.h.i.j.mail.example.com"), counting).result, DmarcResult::None);
  EXPECT_EQ(counting.asked.size(), 8U);
  EXPECT_EQ(counting.asked.at(1), "_dmarc.g.h.i.j.mail.example.com");
}

TEST(Dmarc, RecordsThatCannotBeUsed) {
  for (const char* text : {"v=dmarc1; p=none", "p=none; v=DMARC1", "v=DMARC11; p=none", "v=spf1 -all", ""})
    EXPECT_FALSE(parse_dmarc_record(text)) << text;
  const auto lax =
      parse_dmarc_record(" v = DMARC1 ;p=reject;;sp=NONE; adkim=x ; fo=1:d ; rua = mailto:a@x.example!10m , mailto:b@x.example;");
  ASSERT_TRUE(lax);
  EXPECT_EQ(lax->policy, DmarcPolicy::Reject);
  EXPECT_EQ(lax->subdomains, DmarcPolicy::None);
  EXPECT_EQ(parse_dmarc_record("v=DMARC1; p=none; rua=mailto:\x1b]0;x@y.example, mailto:a b@c.example, mailto:d@e.example")->aggregate_to,
            std::vector<std::string>())
      << "a semicolon ends it";
  EXPECT_EQ(parse_dmarc_record("v=DMARC1; p=none; rua=mailto:\x1b[2J@y.example, mailto:a b@c.example, mailto:d@e.example")->aggregate_to,
            std::vector<std::string>{"mailto:d@e.example"});
  EXPECT_EQ(lax->fault, "");
  EXPECT_EQ(lax->aggregate_to.size(), 2U);
  EXPECT_EQ(lax->failure_options, (std::vector<char>{'1', 'd'}));
}

// RFC 9989 4.10.1: a policy that cannot be read is none where reports are wanted, and switches DMARC off where they are not; whatever the
// domains above say.
TEST(Dmarc, PoliciesThatCannotBeRead) {
  for (const std::string tags :
       {"", "; p=oops", "; p=", "; p=reject; sp=oops", "; p=reject; np=", "; sp=reject", "; p=oops; p=reject; sp=reject"}) {
    const auto record = parse_dmarc_record("v=DMARC1" + tags);
    ASSERT_TRUE(record) << tags;
    EXPECT_NE(record->fault, "") << tags;
    EXPECT_FALSE(record->is_applied()) << tags;
    auto zone = zone_of({{"_dmarc.example.org", "v=DMARC1; p=reject; sp=reject"}});
    zone.add_txt("_dmarc.news.example.org", "v=DMARC1" + tags);
    zone.add_txt("_dmarc.heard.example.org", "v=DMARC1" + tags + "; rua=mailto:a@example.org");
    const auto off = dmarc_check(from("news.example.org"), zone);
    EXPECT_EQ(off.result, DmarcResult::None) << tags;
    EXPECT_FALSE(off.record);
    EXPECT_NE(off.reason.find("news.example.org is not applied"), std::string::npos) << off.reason;
    const auto heard = dmarc_check(from("heard.example.org"), zone);
    EXPECT_EQ(heard.result, DmarcResult::Fail) << tags;
    EXPECT_EQ(heard.disposition, DmarcPolicy::None) << tags;
    EXPECT_EQ(heard.record_domain, "heard.example.org");
    EXPECT_EQ(dmarc_check(from("other.example.org"), zone).disposition, DmarcPolicy::Reject);
  }
  const auto below = parse_dmarc_record("v=DMARC1; sp=reject; rua=mailto:a@example.org");
  EXPECT_EQ(below->fault, "") << "4.7: without p it is one of p=none";
  EXPECT_EQ(below->policy, DmarcPolicy::None);
  EXPECT_EQ(below->subdomains, DmarcPolicy::Reject);
}

// RFC 9989 4.10: in the tree walk it is a record like any other.
TEST(Dmarc, RecordsWithoutPolicyHaveTheirPlaceInTheTree) {
  auto zone = zone_of({{"_dmarc.org.example", "v=DMARC1; p=reject"}, {"_dmarc.tenant.org.example", "v=DMARC1; psd=n"}});
  const auto tenant = dmarc_check(from("x.tenant.org.example", "other.org.example"), zone);
  EXPECT_EQ(tenant.org_domain, "tenant.org.example");
  EXPECT_NE(tenant.result, DmarcResult::Pass);
  EXPECT_EQ(dmarc_check(from("other.org.example", "x.tenant.org.example"), zone).result, DmarcResult::Fail);
}

TEST(Dmarc, TwoRecordsAreNone) {
  auto zone = zone_of({{"_dmarc.example.org", "v=DMARC1; p=reject"}, {"_dmarc.example.org", "v=DMARC1; p=none"}});
  EXPECT_EQ(dmarc_check(from("example.org"), zone).result, DmarcResult::None);
}

TEST(Dmarc, FailuresOfDns) {
  const auto zone = dns::Fixture::parse(R"({"records": {"_dmarc.example.org": [{"timeout": true}],
    "_dmarc.mail.good.example": [{"timeout": true}], "_dmarc.good.example": [{"type": "TXT", "data": "v=DMARC1; p=reject"}]}})");
  ASSERT_TRUE(zone);
  auto port = *zone;
  EXPECT_EQ(dmarc_check(from("example.org", "example.org"), port).result, DmarcResult::TempError);
  // What cannot be compared does not matter where something else passed.
  EXPECT_EQ(dmarc_check(from("good.example", "mail.good.example"), port).result, DmarcResult::TempError);
  EXPECT_EQ(dmarc_check(from("good.example", "mail.good.example", "good.example"), port).result, DmarcResult::Pass);
}

// RFC 9989 4.10.1, 4.10.2: the author's own record is the one to apply; what is above tells only who is aligned by relaxed rules.
TEST(Dmarc, FailuresOfDnsAboveTheAuthor) {
  auto zone = dns::Fixture::parse(R"({"records": {"_dmarc.example": [{"timeout": true}],
    "_dmarc.org.example": [{"type": "TXT", "data": "v=DMARC1; p=reject"}],
    "_dmarc.strict.example": [{"type": "TXT", "data": "v=DMARC1; p=reject; aspf=s; adkim=s"}]}})")
                  .value();
  EXPECT_EQ(dmarc_check(from("org.example", "org.example"), zone).result, DmarcResult::Pass);
  const auto forged = dmarc_check(from("org.example"), zone);
  EXPECT_EQ(forged.result, DmarcResult::Fail);
  EXPECT_EQ(forged.disposition, DmarcPolicy::Reject);
  EXPECT_EQ(forged.org_domain, "");
  EXPECT_EQ(dmarc_check(from("strict.example", "mail.strict.example"), zone).result, DmarcResult::Fail);
  EXPECT_EQ(dmarc_check(from("org.example", "mail.org.example"), zone).result, DmarcResult::TempError)
      << "nobody knows whether it is aligned";
  EXPECT_EQ(dmarc_check(from("org.example", "evil.test"), zone).result, DmarcResult::Fail) << "no domain of both is above them";
  EXPECT_EQ(dmarc_check(from("sub.org.example"), zone).result, DmarcResult::TempError) << "it has no record of its own";
}

// Whether the author's name exists matters to mail that fails only.
TEST(Dmarc, AFailureToFindOutWhetherANameExistsLeavesAPass) {
  auto zone = dns::Fixture::parse(R"({"records": {"_dmarc.org.example": [{"type": "TXT", "data": "v=DMARC1; p=none; np=reject"}],
    "made.org.example": [{"timeout": true}]}})")
                  .value();
  EXPECT_EQ(dmarc_check(from("made.org.example", "org.example"), zone).result, DmarcResult::Pass);
  EXPECT_EQ(dmarc_check(from("made.org.example"), zone).result, DmarcResult::TempError);
}

TEST(Dmarc, AuthorsThatAreNoDomain) {
  auto zone = zone_of({});
  for (const char* domain : {"", "localhost", "a..b", "[192.0.2.1]x"}) {
    const auto verdict = dmarc_check(from(domain), zone);
    EXPECT_NE(verdict.result, DmarcResult::Pass) << domain;
  }
  EXPECT_EQ(dmarc_check(from(""), zone).result, DmarcResult::PermError);
}

TEST(PublicSuffix, RulesOfTheList) {
  const auto list = PublicSuffixList::parse(
      "// a comment\ncom\nuk\nco.uk\n*.ck\n!www.ck\n*.compute.example.com\n\xE5\x85\xAC\xE5\x8F\xB8.cn\ncn\nrubbish..\n");
  ASSERT_TRUE(list);
  const std::pair<const char*, const char*> cases[] = {{"example.com", "example.com"},
                                                       {"a.b.example.com", "example.com"},
                                                       {"com", "com"},
                                                       {"b.c.co.uk", "c.co.uk"},
                                                       {"co.uk", "co.uk"},
                                                       {"a.unlisted", "a.unlisted"},
                                                       {"x.a.unlisted", "a.unlisted"},
                                                       {"a.b.ck", "a.b.ck"},
                                                       {"x.a.b.ck", "a.b.ck"},
                                                       {"www.ck", "www.ck"},
                                                       {"x.www.ck", "www.ck"},
                                                       {"b.ck", "b.ck"},
                                                       {"h.r.compute.example.com", "h.r.compute.example.com"},
                                                       {"x.shop.xn--55qx5d.cn", "shop.xn--55qx5d.cn"}};
  for (const auto& [name, wanted] : cases) EXPECT_EQ(list->organizational_domain(name), wanted) << name;
  EXPECT_FALSE(PublicSuffixList::parse("// nothing\n"));
}

TEST(Dmarc, WithAPublicSuffixList) {
  const auto list = PublicSuffixList::parse("example\nco.example\n").value();
  auto zone = zone_of({{"_dmarc.shop.co.example", "v=DMARC1; p=reject; sp=quarantine"}});
  const auto verdict = dmarc_check(from("news.shop.co.example", "shop.co.example"), zone, &list);
  EXPECT_EQ(verdict.org_domain, "shop.co.example");
  EXPECT_EQ(verdict.result, DmarcResult::Pass);
  EXPECT_EQ(verdict.policy, DmarcPolicy::Quarantine);
  EXPECT_EQ(dmarc_check(from("other.co.example", "shop.co.example"), zone, &list).result, DmarcResult::None);
}

}  // namespace
}  // namespace postern
