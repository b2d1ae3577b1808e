#include <gtest/gtest.h>

#include <algorithm>

#include "dns/fixture.hpp"
#include "dnszone/compare.hpp"
#include "dnszone/zone_text.hpp"

namespace postern::dnszone {
namespace {

using dns::RecordType;
using dns::SrvData;

constexpr const char* kName = "_submissions._tcp.example.org";
constexpr const char* kHost = "mx.example.org";

class CompareServices : public testing::Test {
 protected:
  void set(std::uint16_t priority, std::uint16_t port, std::string target, std::string name = kName) {
    m_zone.add({std::move(name), RecordType::Srv, 300, SrvData{priority, 5, port, std::move(target)}}, true);
  }
  static ZoneFacts facts(std::vector<ServiceFact> services) {
    ZoneFacts out;
    out.domain = "example.org";
    out.hostname = kHost;
    out.services = std::move(services);
    return out;
  }
  std::vector<Finding> run(std::vector<ServiceFact> services) {
    auto all = compare(wanted_zone(facts(std::move(services))).value(), m_zone, {}).findings;
    std::erase_if(all, [](const Finding& one) { return one.kind != RecordKind::Service; });
    return all;
  }
  Finding one(const ServiceFact& service) {
    auto found = run({service});
    EXPECT_EQ(found.size(), 1U);
    return found.empty() ? Finding{} : found[0];
  }
  static void expect(const Finding& found, Standing standing, bool fatal, std::string_view words, std::size_t added, std::size_t removed) {
    EXPECT_EQ(name_of(found.standing), name_of(standing)) << found.message;
    EXPECT_EQ(found.fatal, fatal);
    EXPECT_NE(found.message.find(words), std::string::npos) << found.message;
    EXPECT_EQ(found.add.size(), added);
    EXPECT_EQ(found.remove.size(), removed);
  }

  dns::Fixture m_zone;
  const ServiceFact m_chosen{MailService::Submissions, kHost, 465}, m_default{MailService::Submissions, kHost, 465, false};
  const ServiceFact m_none{MailService::Submissions, "", 0};
};

TEST_F(CompareServices, TheRecords) {
  const auto wanted = wanted_zone(
      facts({{MailService::Submissions, "MX.example.org.", 465}, {MailService::Submission, kHost, 587}, {MailService::Imaps, "", 0}}));
  ASSERT_TRUE(wanted) << wanted.error().text();
  std::vector<std::string> lines;
  for (const WantedRecord& record : wanted->records) {
    if (record.kind != RecordKind::Service) continue;
    lines.push_back(zone_line(record.record));
    EXPECT_NE(record.why.find("RFC "), std::string::npos);
  }
  EXPECT_EQ(lines, (std::vector<std::string>{"_submissions._tcp.example.org. 3600 IN SRV 0 1 465 mx.example.org.",
                                             "_submission._tcp.example.org. 3600 IN SRV 10 1 587 mx.example.org.",
                                             "_imaps._tcp.example.org. 3600 IN SRV 0 0 0 ."}));
  EXPECT_FALSE(wanted_zone(facts({{MailService::Imaps, "a..b", 993}})));
  EXPECT_FALSE(wanted_zone(facts({{MailService::Imaps, kHost, 0}})));
  EXPECT_FALSE(wanted_zone(facts({{MailService::Imaps, kHost, 993}, {MailService::Imaps, "", 0}})));
}

TEST_F(CompareServices, WhatIsChosen) {
  expect(one(m_chosen), Standing::Missing, true, "publish", 1, 0);
  set(0, 465, "other.example.net");
  expect(one(m_chosen), Standing::Differs, true, "go to other.example.net:465", 1, 0);
  set(20, 465, kHost);  // another order of preference is somebody's choice
  expect(one(m_chosen), Standing::Ok, false, "also go to other.example.net:465", 0, 0);
  set(0, 2465, kHost);
  expect(one(m_chosen), Standing::Differs, true, "wrong port", 0, 1);
  EXPECT_TRUE(std::ranges::all_of(run({m_chosen, {MailService::Submissions, kHost, 2465}}), [](const Finding& f) { return !f.fatal; }));
}

TEST_F(CompareServices, ADefaultIsContentWithAnyHost) {
  expect(one(m_default), Standing::Missing, false, "publish", 1, 0);
  set(0, 465, "other.example.net");
  expect(one(m_default), Standing::Ok, false, "other.example.net:465, not to the listener", 0, 0);
  m_zone = {};
  set(0, 0, "");
  expect(one(m_default), Standing::Differs, false, "choose with --submissions", 0, 0);
}

// RFC 6186 3.4.
TEST_F(CompareServices, NotOffered) {
  expect(one(m_none), Standing::Missing, true, "publish", 1, 0);
  set(0, 0, "");
  expect(one(m_none), Standing::Ok, false, "", 0, 0);
  expect(one(m_chosen), Standing::Differs, true, "does not offer", 1, 1);
  set(0, 465, "other.example.net");
  expect(one(m_none), Standing::Differs, true, "go to other.example.net:465", 0, 1);
}

TEST_F(CompareServices, TheHostThatIsNamed) {
  const ServiceFact elsewhere{MailService::Submissions, "out.example.org", 465};
  set(0, 465, "out.example.org");
  expect(one(elsewhere), Standing::Differs, true, "has no address", 0, 0);
  m_zone.add({"out.example.org", RecordType::Cname, 300, dns::NameData{"a.example.org"}}, true);
  m_zone.add({"a.example.org", RecordType::A, 300, dns::AddressData{*dns::IpAddress::parse("192.0.2.1")}}, true);
  expect(one(elsewhere), Standing::Ok, false, "alias of a.example.org", 0, 0);
}

TEST_F(CompareServices, DelegatedAndUnreachable) {
  m_zone.add({kName, RecordType::Cname, 300, dns::NameData{"srv.example.net"}}, true);
  set(0, 465, "other.example.net", "srv.example.net");
  expect(one(m_chosen), Standing::Differs, true, "a CNAME leads to srv.example.net", 0, 0);
  dns::AnswerTable nothing;
  const auto all = compare(wanted_zone(facts({m_chosen})).value(), nothing).findings;
  EXPECT_TRUE(
      std::ranges::any_of(all, [](const Finding& f) { return f.kind == RecordKind::Service && f.standing == Standing::Unreachable; }));
}

}  // namespace
}  // namespace postern::dnszone
