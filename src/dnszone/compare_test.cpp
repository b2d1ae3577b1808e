#include "dnszone/compare.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "dns/fixture.hpp"
#include "dns/questions.hpp"
#include "dnszone/zone_text.hpp"

namespace postern::dnszone {
namespace {

using dns::RecordType;
using dns::TlsaData;

constexpr std::string_view kZone = "example.org";
constexpr std::string_view kHost = "mx.example.org";
const std::string kEd = "QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUI=";  // 32 octets

TlsaData key(Byte octet) { return {3, 1, 1, Bytes(32, octet)}; }

ZoneFacts facts() {
  ZoneFacts out;
  out.domain = "Example.ORG.";
  out.hostname = kHost;
  out.dkim = {{"ed._domainkey.example.org", "v=DKIM1; k=ed25519; p=" + kEd}};
  out.tlsa_current = {key(1)};
  return out;
}

TEST(Wanted, TheCompleteSet) {
  ZoneFacts all = facts();
  all.addresses = {*dns::IpAddress::parse("192.0.2.1"), *dns::IpAddress::parse("2001:db8::1")};
  all.dkim.push_back({"rsa-v2._domainkey.example.org", "v=DKIM1; p=" + std::string(400, 'A'), DkimUse::Next});
  all.tlsa_next = {key(2)};
  all.mta_sts = {MtaStsMode::Enforce, "20261125", true};
  const auto wanted = wanted_zone(all);
  ASSERT_TRUE(wanted) << wanted.error().text();
  std::vector<std::string> lines;
  for (const WantedRecord& one : wanted->records) {
    lines.push_back(zone_line(one.record));
    EXPECT_NE(one.why.find("RFC "), std::string::npos) << one.why;
  }
  const std::string long_key = "v=DKIM1; p=" + std::string(400, 'A');
  EXPECT_EQ(lines, (std::vector<std::string>{
                       "example.org. 3600 IN MX 10 mx.example.org.",
                       "mx.example.org. 3600 IN A 192.0.2.1",
                       "mx.example.org. 3600 IN AAAA 2001:db8::1",
                       "example.org. 3600 IN TXT \"v=spf1 mx -all\"",
                       "ed._domainkey.example.org. 3600 IN TXT \"v=DKIM1; k=ed25519; p=" + kEd + "\"",
                       "rsa-v2._domainkey.example.org. 3600 IN TXT \"" + long_key.substr(0, 255) + "\" \"" + long_key.substr(255) + "\"",
                       "_dmarc.example.org. 3600 IN TXT \"v=DMARC1; p=none; rua=mailto:postmaster@example.org\"",
                       "_mta-sts.example.org. 3600 IN TXT \"v=STSv1; id=20261125;\"",
                       "mta-sts.example.org. 3600 IN CNAME mx.example.org.",
                       "_smtp._tls.example.org. 3600 IN TXT \"v=TLSRPTv1; rua=mailto:postmaster@example.org\"",
                       "_25._tcp.mx.example.org. 3600 IN TLSA 3 1 1 " + hex_encode(Bytes(32, 1)),
                       "_25._tcp.mx.example.org. 3600 IN TLSA 3 1 1 " + hex_encode(Bytes(32, 2)),
                   }));
}

TEST(Wanted, FactsThatAreWrong) {
  const auto with = [](auto change) {
    ZoneFacts out = facts();
    change(out);
    return wanted_zone(out);
  };
  EXPECT_FALSE(with([](ZoneFacts& f) { f.domain = "a..b"; }));
  EXPECT_FALSE(with([](ZoneFacts& f) { f.hostname = "localhost"; }));
  EXPECT_FALSE(with([](ZoneFacts& f) { f.spf = "spf1 -all"; }));
  EXPECT_FALSE(with([](ZoneFacts& f) { f.spf = "v=spf1 mxx -all"; }));
  EXPECT_FALSE(with([](ZoneFacts& f) { f.dmarc = DmarcChoice{DmarcPolicy::None, {"a@b; p=none"}}; }));
  EXPECT_FALSE(with([](ZoneFacts& f) { f.tls_report_to = {"postmaster"}; }));
  EXPECT_FALSE(with([](ZoneFacts& f) { f.mta_sts = {MtaStsMode::Testing, "no id", true}; }));
}

/// A zone in which everything is right and DNSSEC-authentic, to be spoilt.
class Compare : public testing::Test {
 protected:
  void SetUp() override {
    set("example.org", RecordType::Mx, dns::MxData{10, std::string(kHost)});
    set(std::string(kHost), RecordType::A, dns::AddressData{*dns::IpAddress::parse("192.0.2.1")});
    text("example.org", "v=spf1 mx -all");
    text("ed._domainkey.example.org", "v=DKIM1; k=ed25519; p=" + kEd);
    text("_dmarc.example.org", "v=DMARC1; p=reject; rua=mailto:postmaster@example.org");
    text("_smtp._tls.example.org", "v=TLSRPTv1; rua=mailto:postmaster@example.org");
    set("_25._tcp.mx.example.org", RecordType::Tlsa, key(1));
  }
  void set(std::string name, RecordType type, dns::RecordData data, bool secure = true) {
    m_records.push_back({{std::move(name), type, 300, std::move(data)}, secure});
  }
  void text(std::string name, std::string value) { set(std::move(name), RecordType::Txt, dns::TxtData{split_txt(value)}); }
  void drop(std::string_view name, RecordType type) {
    std::erase_if(m_records, [&](const auto& one) { return one.first.name == name && one.first.type == type; });
  }
  void replace(const std::string& name, std::string value) {
    drop(name, RecordType::Txt);
    text(name, std::move(value));
  }

  Comparison run(const ZoneFacts& given = facts(), const CompareOptions& options = {}) {
    dns::Fixture zone;
    for (const auto& [record, secure] : m_records) zone.add(record, secure);
    return compare(wanted_zone(given).value(), zone, options);
  }
  /// The one finding that is not Ok.
  Finding only_fault(const ZoneFacts& given = facts()) {
    const Comparison all = run(given);
    EXPECT_EQ(std::ranges::count_if(all.findings, [](const Finding& f) { return f.standing != Standing::Ok; }), 1);
    const auto found = std::ranges::find_if(all.findings, [](const Finding& f) { return f.standing != Standing::Ok; });
    return found == all.findings.end() ? Finding{} : *found;
  }
  void expect_fault(std::string_view name, Standing standing, std::string_view words, const ZoneFacts& given = facts()) {
    const Finding fault = only_fault(given);
    EXPECT_EQ(fault.name, name);
    EXPECT_EQ(name_of(fault.standing), name_of(standing));
    EXPECT_TRUE(fault.fatal);
    EXPECT_NE(fault.message.find(words), std::string::npos) << fault.message;
  }

  std::vector<std::pair<dns::Record, bool>> m_records;
};

TEST_F(Compare, AllIsRight) {
  const Comparison all = run();
  EXPECT_TRUE(all.is_right());
  EXPECT_EQ(all.findings.size(), 7U);
  for (const Finding& finding : all.findings) EXPECT_EQ(finding.standing, Standing::Ok) << finding.name << ": " << finding.message;
}

TEST_F(Compare, TheSameInRoundsOfQuestions) {
  dns::Fixture zone;
  for (const auto& [record, secure] : m_records) zone.add(record, secure);
  dns::QuestionTable table;
  const WantedZone wanted = wanted_zone(facts()).value();
  Comparison last;
  for (int round = 0; round < 10; ++round) {
    last = compare(wanted, table);
    if (table.is_settled()) break;
    for (const auto& open : table.take_open()) table.add(open.name, open.type, zone.query(open.name, open.type).value());
  }
  EXPECT_TRUE(last.is_right());
}

TEST_F(Compare, AnEmptyZoneIsMissingEverything) {
  m_records.clear();
  const Comparison all = run();
  for (const Finding& finding : all.findings) {
    EXPECT_EQ(finding.standing, Standing::Missing) << finding.name;
    EXPECT_TRUE(finding.fatal);
    EXPECT_EQ(finding.add.empty(), finding.kind == RecordKind::Address) << "no address was given that could be added";
  }
}

TEST(CompareKeys, WhatFollowsOfAMissingRecordDependsOnWhetherTheKeySigns) {
  ZoneFacts all = facts();
  all.dkim.push_back({"ed-v2._domainkey.example.org", "v=DKIM1; k=ed25519; p=" + kEd, DkimUse::Next});
  dns::Fixture nothing;
  std::vector<std::string> said;
  for (const Finding& finding : compare(wanted_zone(all).value(), nothing).findings)
    if (finding.kind == RecordKind::Dkim) said.push_back(finding.message);
  EXPECT_EQ(said, (std::vector<std::string>{"there is no DKIM key record: signatures under this selector fail; publish it",
                                            "there is no DKIM key record: the next key does not sign before it is there; publish it"}));
}

TEST_F(Compare, MailExchanges) {
  set("example.org", RecordType::Mx, dns::MxData{20, "backup.example.net"});
  EXPECT_TRUE(run().is_right());
  drop("example.org", RecordType::Mx);
  set("example.org", RecordType::Mx, dns::MxData{0, ""});
  EXPECT_EQ(run().findings[0].standing, Standing::Differs);
  EXPECT_EQ(run().findings[0].remove.size(), 1U);
  // RFC 2181 10.3
  SetUp();
  drop(kHost, RecordType::A);
  set(std::string(kHost), RecordType::Cname, dns::NameData{"other.example.org"});
  set("other.example.org", RecordType::A, dns::AddressData{*dns::IpAddress::parse("192.0.2.1")});
  const auto all = run();
  const auto host = std::ranges::find_if(all.findings, [](const Finding& f) { return f.kind == RecordKind::Address; });
  EXPECT_EQ(host->standing, Standing::Differs);
}

TEST_F(Compare, Spf) {
  text("example.org", "v=spf1 a -all");
  expect_fault("example.org", Standing::Duplicate, "2 SPF records");
  replace("example.org", "v=spf1 mxx -all");
  expect_fault("example.org", Standing::Differs, "permerror");
  replace("example.org", "v=spf1 ip4:198.51.100.0/24 ~all");
  expect_fault("example.org", Standing::Differs, "192.0.2.1 gets softfail");
  replace("example.org", "v=spf1 +all");
  expect_fault("example.org", Standing::Differs, "anybody");
  // RFC 7208 5.2, 4.6.4: the limit is named where it is the fault, and nowhere else.
  replace("example.org", "v=spf1 include:nx.example.org -all");
  expect_fault("example.org", Standing::Differs, "include:nx.example.org has no SPF record");
  EXPECT_EQ(only_fault().message.find("lookups"), std::string::npos) << only_fault().message;
  std::string many = "v=spf1 mx";
  for (int i = 0; i < 10; ++i) many += " a:e" + std::to_string(i) + ".example.org";
  replace("example.org", many + " -all");
  expect_fault("example.org", Standing::Differs, "more than 2 lookups had no answer");
  for (int i = 0; i < 10; ++i)
    set("e" + std::to_string(i) + ".example.org", RecordType::A, dns::AddressData{*dns::IpAddress::parse("192.0.2.2")});
  expect_fault("example.org", Standing::Differs, "more than 10 terms ask DNS");
  expect_fault("example.org", Standing::Differs, "10 lookups are allowed");
  // What was chosen is compared by its terms.
  ZoneFacts chosen = facts();
  chosen.spf = "v=spf1 MX  -all";
  replace("example.org", "v=spf1 mx -all");
  EXPECT_TRUE(run(chosen).is_right());
  chosen.spf = "v=spf1 mx ~all";
  expect_fault("example.org", Standing::Differs, "chosen", chosen);
  EXPECT_EQ(only_fault(chosen).remove.size(), 1U);
  replace("example.org", "v=spf1 mxx -all");
  EXPECT_TRUE(only_fault().remove.empty()) << "a default replaces nothing";
}

TEST_F(Compare, DkimByMeaning) {
  const std::string name = "ed._domainkey.example.org";
  for (const std::string& same : {"p=" + kEd + ";k=ed25519", "k = ed25519 ; p = QU JD" + kEd.substr(4) + " ;",
                                  "v=DKIM1; k=ed25519; h=sha256; s=email; p=" + kEd + "; n=note"}) {
    replace(name, same);
    EXPECT_TRUE(run().is_right()) << same;
  }
  replace(name, "v=DKIM1; k=ed25519; t=y; p=" + kEd);
  const auto all = run();
  EXPECT_TRUE(all.is_right());
  EXPECT_TRUE(std::ranges::any_of(all.findings, [](const Finding& f) { return f.message.find("t=y") != std::string::npos; }));
  const std::string ours = "p=" + kEd;
  const std::pair<std::string, const char*> wrong[] = {{"v=DKIM1; k=ed25519; p=QUJE", "another key"},
                                                       {"v=DKIM1; " + ours, "another key"},
                                                       {"v=DKIM1; k=ed25519; p=", "revoked"},
                                                       {"v=DKIM1; k=ed25519; h=sha1; " + ours, "does not allow sha256"},
                                                       {"v=DKIM1; k=ed25519; s=tlsrpt; " + ours, "not for email"},
                                                       {"v=DKIM2; k=ed25519; " + ours, "not of version DKIM1"},
                                                       {"k=ed25519; " + ours + "; v=DKIM1", "v= must stand first"},
                                                       {"v=DKIM1; k=ed25519; " + ours + "; " + ours, "cannot read"}};
  for (const auto& [value, words] : wrong) {
    replace(name, value);
    expect_fault(name, Standing::Differs, words);
  }
  text(name, "v=DKIM1; k=ed25519; " + ours);
  expect_fault(name, Standing::Duplicate, "DKIM");
}

/// RFC 8301 3.2: what no verifier takes is not right because it is what we wanted; and publishing it again would mend nothing.
TEST_F(Compare, AKeyThatVerifiersRefuseThoughItIsOurs) {
  ZoneFacts weak = facts();
  weak.dkim = {{"ed._domainkey.example.org", "v=DKIM1; k=ed25519; p=QUJD"}};
  replace("ed._domainkey.example.org", "v=DKIM1; k=ed25519; p=QUJD");
  expect_fault("ed._domainkey.example.org", Standing::Differs, "cannot be used", weak);
  EXPECT_TRUE(only_fault(weak).add.empty() && only_fault(weak).remove.empty());
}

TEST_F(Compare, AnRsaKeyInEitherOfItsForms) {
  const std::string spki =
      "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDY85HB2UI6awNG97jGVslY0ClSbAQCV4EflIM2fbpoSTl1KBXMmgSGpM8ucEceKNV9xaTCDZ"
      "x0+Q4+LWuTt3KFAIbylwRZiNp1gYEYXT54Odji7TNB+lxC0aaOcThcmlwcdtwLRG5+pY5pYRUw9pjNcXQlf0/gfC99DetyOEtRyQIDAQAB";
  const std::string pkcs1 =
      "MIGJAoGBANjzkcHZQjprA0b3uMZWyVjQKVJsBAJXgR+UgzZ9umhJOXUoFcyaBIakzy5wRx4o1X3FpMINnHT5Dj4ta5O3coUAhvKXBFmI2nWBgR"
      "hdPng52OLtM0H6XELRpo5xOFyaXBx23AtEbn6ljmlhFTD2mM1xdCV/T+B8L30N63I4S1HJAgMBAAE=";
  ZoneFacts rsa = facts();
  rsa.dkim = {{"ed._domainkey.example.org", "v=DKIM1; k=rsa; p=" + spki}};
  replace("ed._domainkey.example.org", "p=" + pkcs1);
  EXPECT_TRUE(run(rsa).is_right());
  replace("ed._domainkey.example.org", "p=" + pkcs1.substr(0, pkcs1.size() - 8) + "AAAAAAE=");
  EXPECT_FALSE(run(rsa).is_right());
}

TEST_F(Compare, DelegatedSelectors) {
  const std::string name = "ed._domainkey.example.org";
  drop(name, RecordType::Txt);
  set(name, RecordType::Cname, dns::NameData{"ed.keys.example.net"});
  text("ed.keys.example.net", "v=DKIM1; k=ed25519; p=" + kEd);
  EXPECT_TRUE(run().is_right());
  replace("ed.keys.example.net", "v=DKIM1; k=ed25519; p=QUJE");
  expect_fault(name, Standing::Differs, "a CNAME leads to ed.keys.example.net");
  EXPECT_TRUE(only_fault().add.empty());
}

TEST_F(Compare, KeysThatAreNotKnown) {
  ZoneFacts unknown = facts();
  unknown.dkim[0].value.clear();
  expect_fault("ed._domainkey.example.org", Standing::Unreachable, "posternd", unknown);
}

TEST_F(Compare, Dmarc) {
  const std::string name = "_dmarc.example.org";
  replace(name, "v=DMARC1; p=rejekt");
  expect_fault(name, Standing::Differs, "p=rejekt is not valid: receivers apply no DMARC at all");
  replace(name, "v=dmarc1; p=reject");
  expect_fault(name, Standing::Differs, "cannot apply");
  replace(name, "v=DMARC1; p=none; rua=mailto:a@reports.example.net!10m");
  expect_fault(name, Standing::Differs, "example.org._report._dmarc.reports.example.net");
  text("example.org._report._dmarc.reports.example.net", "v=DMARC1");
  EXPECT_TRUE(run().is_right());
  text(name, "v=DMARC1; p=reject");
  expect_fault(name, Standing::Duplicate, "DMARC");
  ZoneFacts chosen = facts();
  chosen.dmarc = DmarcChoice{DmarcPolicy::Reject, {"mailto:postmaster@example.org"}};
  replace(name, "v=DMARC1; p=quarantine; rua=mailto:postmaster@example.org");
  expect_fault(name, Standing::Differs, "chosen", chosen);
}

/// RFC 9989 4.10.1.
TEST_F(Compare, DmarcPoliciesThatAreNotValid) {
  const std::string name = "_dmarc.example.org", rua = "; rua=mailto:postmaster@example.org";
  for (const std::string tag : {"sp=quarantin", "np=", "NP = rejected"}) {
    replace(name, "v=DMARC1; p=reject; " + tag + rua);
    expect_fault(name, Standing::Differs, "is not valid: receivers apply p=none to the domain and all below it (RFC 9989 4.10.1)");
    replace(name, "v=DMARC1; p=reject; " + tag);
    expect_fault(name, Standing::Differs, "apply no DMARC at all");
  }
  replace(name, "v=DMARC1; p=rejekt" + rua);
  expect_fault(name, Standing::Differs, "p=rejekt is not valid: receivers apply p=none");
  replace(name, "v=DMARC1; adkim=s");
  expect_fault(name, Standing::Differs, "p= is missing");
  replace(name, "v=DMARC1; P = Reject; sp=none; np=quarantine" + rua);
  EXPECT_TRUE(run().is_right());
  replace(name, "v=DMARC1; adkim=s" + rua);  // as good as p=none
  EXPECT_TRUE(run().is_right());
}

/// RFC 9990 4, RFC 9991 5: failure reports need the same permission.
TEST_F(Compare, FailureReportsThatNobodyAgreedTo) {
  const std::string name = "_dmarc.example.org", permit = "example.org._report._dmarc.forensics.example.net";
  replace(name, "v=DMARC1; p=reject; rua=mailto:postmaster@example.org; ruf=mailto:a@example.org,mailto:b@forensics.example.net");
  expect_fault(name, Standing::Differs, permit);
  text(permit, "v=DMARC1; ruf=mailto:c@elsewhere.example");
  expect_fault(name, Standing::Differs, "sends its reports on to another domain");
  replace(permit, "v=DMARC1");
  EXPECT_TRUE(run().is_right());
  replace(name, "v=DMARC1; p=reject; rua=mailto:postmaster@example.org; ruf=mailto:nobody");
  expect_fault(name, Standing::Differs, "ruf=mailto:nobody: is no mailto: address of one mailbox");
}

TEST_F(Compare, DmarcRemarks) {
  const auto remark = [this](const std::string& record) {
    replace("_dmarc.example.org", record);
    const Comparison all = run();
    EXPECT_TRUE(all.is_right());
    return std::ranges::find(all.findings, RecordKind::Dmarc, &Finding::kind)->message;
  };
  EXPECT_EQ(remark("v=DMARC1; p=reject; t=y"), "without rua nobody sees who sends in the name of the domain; t=y: receivers only try it");
  EXPECT_EQ(remark("v=DMARC1; p=reject; t=y; rua=mailto:a@example.org"), "t=y: receivers only try it");
  EXPECT_EQ(remark("v=DMARC1; p=reject; rua=mailto:a@example.org"), "");
}

TEST_F(Compare, MtaSts) {
  ZoneFacts with = facts();
  with.mta_sts = {MtaStsMode::Testing, "1", false};
  EXPECT_FALSE(run(with).is_right());
  text("_mta-sts.example.org", "v=STSv1; id=77;");
  set("mta-sts.example.org", RecordType::A, dns::AddressData{*dns::IpAddress::parse("192.0.2.7")});
  EXPECT_TRUE(run(with).is_right());
  with.mta_sts.id_chosen = true;
  expect_fault("_mta-sts.example.org", Standing::Differs, "another id", with);
  const Finding unwanted = only_fault();
  EXPECT_EQ(unwanted.standing, Standing::Extra);
  EXPECT_FALSE(unwanted.fatal);
  text("_mta-sts.example.org", "v=STSv1; id=78;");
  expect_fault("_mta-sts.example.org", Standing::Duplicate, "MTA-STS", with);
}

TEST_F(Compare, Tlsa) {
  const std::string name = "_25._tcp.mx.example.org";
  // A rest of a former key beside ours: a warning, and it goes when something is published.
  set(name, RecordType::Tlsa, key(9));
  Finding extra = only_fault();
  EXPECT_EQ(extra.standing, Standing::Extra);
  EXPECT_FALSE(extra.fatal);
  EXPECT_EQ(extra.remove.size(), 1U);
  // Alone it makes senders refuse.
  drop(name, RecordType::Tlsa);
  set(name, RecordType::Tlsa, key(9));
  const auto all = run();
  EXPECT_EQ(std::ranges::count_if(all.findings, [](const Finding& f) { return f.kind == RecordKind::Tlsa && f.fatal; }), 2);
  // An authority cannot be judged by our key, and stays.
  drop(name, RecordType::Tlsa);
  set(name, RecordType::Tlsa, key(1));
  set(name, RecordType::Tlsa, TlsaData{2, 1, 1, Bytes(32, 5)});
  extra = only_fault();
  EXPECT_FALSE(extra.fatal);
  EXPECT_TRUE(extra.remove.empty());
  // RFC 7671 8.1: the next key is there before it is used.
  drop(name, RecordType::Tlsa);
  set(name, RecordType::Tlsa, key(1));
  ZoneFacts rolling = facts();
  rolling.tlsa_next = {key(2)};
  expect_fault(name, Standing::Differs, "next key", rolling);
}

TEST_F(Compare, TlsaOutsideDnssecIsOfNoUse) {
  drop("_25._tcp.mx.example.org", RecordType::Tlsa);
  set("_25._tcp.mx.example.org", RecordType::Tlsa, key(1), false);
  expect_fault("_25._tcp.mx.example.org", Standing::Insecure, "DNSSEC");
  // Which a server of the zone cannot say.
  EXPECT_TRUE(run(facts(), {std::string(kZone), {}}).is_right());
}

TEST_F(Compare, FailuresAreNotAbsence) {
  dns::AnswerTable nothing;  // everything is a ServFail
  const Comparison all = compare(wanted_zone(facts()).value(), nothing);
  for (const Finding& finding : all.findings) {
    EXPECT_EQ(finding.standing, Standing::Unreachable) << finding.name;
    EXPECT_TRUE(finding.add.empty());
  }
}

}  // namespace
}  // namespace postern::dnszone
