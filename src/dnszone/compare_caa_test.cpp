#include <gtest/gtest.h>

#include <algorithm>

#include "dns/fixture.hpp"
#include "dns/questions.hpp"
#include "dnszone/caa.hpp"
#include "dnszone/compare.hpp"

namespace postern::dnszone {
namespace {

using dns::CaaData;
using dns::RecordType;

TEST(CaaIssuer, WhatAValueSays) {
  EXPECT_EQ(parse_caa_issuer("CA.example").value(), (CaaIssuer{"ca.example", {}}));
  EXPECT_EQ(parse_caa_issuer(" ca.example\t; B = 2; a=1 ").value(), (CaaIssuer{"ca.example", {{"a", "1"}, {"b", "2"}}}));
  EXPECT_EQ(parse_caa_issuer("ca.example; accounturi=https://ca.example/?a=1").value().parameters.at(0).second, "https://ca.example/?a=1");
  for (const char* nobody : {"", ";", " ; "}) EXPECT_EQ(parse_caa_issuer(nobody).value(), CaaIssuer{}) << nobody;
  for (const char* bad : {"ca..example", "-ca.example", "ca_1.example", "ca.example;a", "ca.example;=1", "ca.example;a=1;",
                          "ca.example;a=b c", "ca.example.", "%", "ca example"})
    EXPECT_FALSE(parse_caa_issuer(bad)) << bad;
}

TEST(CaaIssuer, CriticalProperties) {
  EXPECT_TRUE(stops_every_issuer({128, "future", "x"}));
  EXPECT_FALSE(stops_every_issuer({128, "Issue", "ca.example"}));
  EXPECT_FALSE(stops_every_issuer({0, "future", "x"}));
}

class CompareCaa : public testing::Test {
 protected:
  void set(std::string name, std::string tag, std::string value, std::uint8_t flags = 0) {
    m_zone.add({std::move(name), RecordType::Caa, 300, CaaData{flags, std::move(tag), std::move(value)}}, true);
  }
  std::vector<Finding> run(std::vector<CaaChoice> caa, const CompareOptions& options = {}) {
    ZoneFacts facts;
    facts.domain = "mail.example.org";
    facts.hostname = m_host;
    facts.caa = std::move(caa);
    auto all = compare(wanted_zone(facts).value(), m_zone, options).findings;
    std::erase_if(all, [](const Finding& one) { return one.kind != RecordKind::Caa; });
    return all;
  }
  void expect(const std::vector<CaaChoice>& caa, Standing standing, std::string_view words, std::size_t added, std::size_t removed) {
    const auto found = run(caa);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(name_of(found[0].standing), name_of(standing)) << found[0].message;
    EXPECT_EQ(found[0].fatal, standing != Standing::Ok);
    EXPECT_NE(found[0].message.find(words), std::string::npos) << found[0].message;
    EXPECT_EQ(found[0].add.size(), added);
    EXPECT_EQ(found[0].remove.size(), removed);
  }

  dns::Fixture m_zone;
  std::string m_host = "mx.mail.example.org";
  const std::string m_domain = "mail.example.org";
  const std::vector<CaaChoice> m_one{{"issue", "ca.example"}};
};

TEST_F(CompareCaa, NothingIsWanted) {
  EXPECT_TRUE(run({}).empty());
  set("example.org", "issue", "other.example");
  const auto found = run({});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].standing, Standing::Ok);
  EXPECT_EQ(found[0].name, "example.org");
  EXPECT_NE(found[0].message.find("other.example may issue"), std::string::npos);
}

TEST_F(CompareCaa, WhatIsChosen) {
  expect(m_one, Standing::Missing, "any CA may issue", 1, 0);
  set(m_domain, "iodef", "mailto:x@example.org");
  expect(m_one, Standing::Missing, "any CA may issue", 1, 0);
  set(m_domain, "issue", "other.example");
  expect(m_one, Standing::Differs, "only other.example may issue", 1, 0);
  set(m_domain, "ISSUE", "CA.Example; validationmethods=dns-01");
  expect(m_one, Standing::Ok, "other.example may issue too", 0, 0);
}

TEST_F(CompareCaa, Parameters) {
  const std::vector<CaaChoice> bound{{"issue", "ca.example; accounturi=https://ca.example/1"}};
  set(m_domain, "issue", "ca.example");
  expect(bound, Standing::Differs, "other conditions", 1, 1);
  m_zone = {};
  set(m_domain, "issue", "ca.example;accounturi=https://ca.example/1");
  expect(bound, Standing::Ok, "", 0, 0);
  // RFC 8659 4.2: any record that allows is enough, so that an account of somebody else's would undo the choice.
  set(m_domain, "issue", "ca.example; accounturi=https://ca.example/2");
  expect(bound, Standing::Differs, "other conditions", 0, 1);
  const auto both = run({bound[0], {"issue", "ca.example; accounturi=https://ca.example/2"}});
  EXPECT_TRUE(std::ranges::all_of(both, [](const Finding& f) { return f.standing == Standing::Ok; }));
}

TEST_F(CompareCaa, Nobody) {
  const std::vector<CaaChoice> nobody{{"issuemail", ";"}};
  expect(nobody, Standing::Missing, "any CA may issue", 1, 0);
  set(m_domain, "issuemail", ";");
  expect(nobody, Standing::Ok, "", 0, 0);
  set(m_domain, "issuemail", "ca.example");
  expect(nobody, Standing::Differs, "nobody is to", 0, 1);
  // RFC 8659 4.2: what cannot be read allows nobody.
  m_zone = {};
  set(m_domain, "issue", "ca.example; broken");
  expect(m_one, Standing::Differs, "only nobody may issue", 1, 0);
  ZoneFacts facts;
  facts.domain = m_domain;
  facts.hostname = m_host;
  facts.caa = {{"issue", ";"}, {"issue", "ca.example"}};
  EXPECT_FALSE(wanted_zone(facts));
  facts.caa = {{"issue", "not a domain"}};
  EXPECT_FALSE(wanted_zone(facts));
}

// RFC 8659 3.
TEST_F(CompareCaa, TheTreeIsClimbed) {
  set("example.org", "issue", "ca.example");
  expect(m_one, Standing::Ok, "the records of example.org say so", 0, 0);
  set("org", "issue", "other.example");  // farther away
  expect(m_one, Standing::Ok, "", 0, 0);
  m_zone = {};
  set("example.org", "issue", "other.example");
  expect(m_one, Standing::Differs, "counts no more", 1, 0);
  // A server of the zone is not asked about names above it.
  const auto found = run(m_one, {m_domain, {}});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].standing, Standing::Missing);
}

TEST_F(CompareCaa, TheMxHostsOwnRecordsDecideAboutItsCertificate) {
  set(m_domain, "issue", "ca.example");
  set(m_host, "issue", "other.example");
  const auto found = run(m_one);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].standing, Standing::Ok);
  EXPECT_EQ(found[1].standing, Standing::Differs);
  EXPECT_EQ(found[1].name, m_host);
  EXPECT_TRUE(found[1].fatal && found[1].add.empty() && found[1].remove.empty());
  EXPECT_NE(found[1].message.find("allow other.example only"), std::string::npos) << found[1].message;
  // One of those that were chosen is enough; what is chosen for S/MIME does not count.
  EXPECT_EQ(run({{"issue", "ca.example"}, {"issue", "other.example"}}).size(), 2U);
  EXPECT_EQ(run({{"issuemail", "ca.example"}}).size(), 1U);
  // An MX host elsewhere.
  m_host = "mx.example.net";
  set("example.net", "issue", "third.example");
  EXPECT_EQ(run(m_one).at(1).name, "example.net");
}

TEST_F(CompareCaa, CriticalAndUnreachable) {
  set(m_domain, "issue", "ca.example");
  set(m_domain, "future", "x", 128);
  expect(m_one, Standing::Ok, "critical", 0, 0);
  ZoneFacts facts;
  facts.domain = m_domain;
  facts.hostname = m_host;
  facts.caa = m_one;
  dns::AnswerTable nothing;
  for (const Finding& one : compare(wanted_zone(facts).value(), nothing).findings) {
    if (one.kind != RecordKind::Caa) continue;
    EXPECT_EQ(one.standing, Standing::Unreachable);
    EXPECT_TRUE(one.add.empty());
  }
}

}  // namespace
}  // namespace postern::dnszone
