#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/hash.hpp"
#include "dns/fixture.hpp"
#include "dnszone/compare.hpp"
#include "dnszone/people.hpp"
#include "pki/testing/certificates.hpp"

namespace postern::dnszone {
namespace {

using dns::OpaqueData;
using dns::RecordType;
using dns::TlsaData;
using postern::testing::Made;
using postern::testing::make_certificate;

constexpr std::string_view kKey = "c60204aa01", kStranger = "c60204bb01";

TEST(People, NamesHashTheLocalPart) {
  // RFC 7929 3 and RFC 8162 3 have this address as their example.
  const std::string hugh = "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6";
  EXPECT_EQ(person_name(RecordKind::OpenPgpKey, "hugh", "example.com"), hugh + "._openpgpkey.example.com");
  EXPECT_EQ(person_name(RecordKind::Smimea, "hugh", "example.com"), hugh + "._smimecert.example.com");
  EXPECT_NE(person_name(RecordKind::Smimea, "Hugh", "example.com"), person_name(RecordKind::Smimea, "hugh", "example.com"));
}

TEST(People, TheFirstPacketOfAKey) {
  const auto body = [](std::string_view hex) {
    const Bytes bytes = hex_decode(hex).value();
    const auto found = primary_key_packet(bytes);
    return found ? hex_encode(*found) : "none";
  };
  EXPECT_EQ(body("c6020401ff"), "0401");  // the new form, one octet of length
  EXPECT_EQ(body("c6c000" + std::string(384, 'a') + "ff"), std::string(384, 'a'));
  EXPECT_EQ(body("c6ff000000020401"), "0401");
  EXPECT_EQ(body("98020401"), "0401");  // the old form
  EXPECT_EQ(body("9900020401"), "0401");
  EXPECT_EQ(body("9a000000020401"), "0401");
  for (const char* none : {"", "c6", "c602", "c60204", "c6ff00", "c6ffffffffff04", "c6e004", "9b0401", "46020401", "c5020401", "94020401"})
    EXPECT_EQ(body(none), "none") << none;
}

class ComparePeople : public ::testing::Test {
 protected:
  ComparePeople() { m_person = {"alice", hex_decode(kKey).value(), issued_for_alice(m_ca)}; }
  std::vector<Finding> run(const CompareOptions& options = {}) {
    ZoneFacts facts;
    facts.domain = "example.org";
    facts.hostname = "mx.example.org";
    facts.people = {m_person};
    auto all = compare(wanted_zone(facts).value(), m_zone, options).findings;
    std::erase_if(all, [](const Finding& one) { return one.kind != RecordKind::OpenPgpKey && one.kind != RecordKind::Smimea; });
    return all;
  }
  void key(std::string_view hex, bool secure = true) {
    m_zone.add({m_key_name, RecordType::Openpgpkey, 300, OpaqueData{hex_decode(hex).value()}}, secure);
  }
  void certificate(const Bytes& der, std::uint8_t matching = 0, bool secure = true) {
    m_zone.add({m_certificate_name, RecordType::Smimea, 300, TlsaData{3, 0, matching, der}}, secure);
  }
  static void expect(const Finding& found, Standing standing, std::string_view words, std::size_t added, std::size_t removed) {
    EXPECT_EQ(name_of(found.standing), name_of(standing)) << found.message;
    EXPECT_EQ(found.fatal, standing != Standing::Ok);
    EXPECT_NE(found.message.find(words), std::string::npos) << found.message;
    EXPECT_EQ(found.add.size(), added);
    EXPECT_EQ(found.remove.size(), removed);
  }

  static Bytes issued_for_alice(const Made& issuer) {
    return make_certificate({.name = "alice", .more = {{NID_subject_alt_name, "email:alice@example.org"}}}, &issuer).certificate.to_der();
  }

  const Made m_ca = make_certificate({.name = "ca", .ca = true});
  dns::Fixture m_zone;
  PersonFact m_person;
  const std::string m_key_name = person_name(RecordKind::OpenPgpKey, "alice", "example.org");
  const std::string m_certificate_name = person_name(RecordKind::Smimea, "alice", "example.org");
};

TEST_F(ComparePeople, WhatIsWanted) {
  const auto found = run();
  ASSERT_EQ(found.size(), 2U);
  expect(found[0], Standing::Missing, "do not find the key", 1, 0);
  expect(found[1], Standing::Missing, "do not find the key", 1, 0);
  EXPECT_EQ(found[0].name, m_key_name);
  EXPECT_EQ(found[1].name, m_certificate_name);
  const auto& smimea = std::get<TlsaData>(found[1].add[0].data);
  EXPECT_EQ(smimea.usage, 3);
  EXPECT_EQ(smimea.selector, 0);
  EXPECT_EQ(smimea.matching, 0);
  EXPECT_EQ(smimea.data, m_person.certificate);
  EXPECT_LT(found[1].wanted.size(), 80U);  // shortened, for people
  key(kKey);
  certificate(m_person.certificate);
  for (const Finding& one : run()) expect(one, Standing::Ok, "", 0, 0);
}

TEST_F(ComparePeople, AFormerStateOfAKeyGoesAndAStrangersStays) {
  key(kStranger);
  expect(run()[0], Standing::Differs, "another key", 1, 0);
  key(std::string(kKey) + "aa");  // the same primary key, other packets behind it
  expect(run()[0], Standing::Differs, "a former state", 1, 1);
  key(kKey);
  expect(run()[0], Standing::Differs, "a former state", 0, 1);
  m_zone = {};
  key(kKey);
  key(kStranger);
  expect(run()[0], Standing::Ok, "another record", 0, 0);
}

TEST_F(ComparePeople, Certificates) {
  certificate(Bytes(4, 0xFF));                                                     // no certificate at all
  certificate(issued_for_alice(make_certificate({.name = "other", .ca = true})));  // another CA's
  certificate(digest(HashAlgorithm::Sha256, m_person.certificate), 1);             // a sender cannot encrypt with a digest
  expect(run()[1], Standing::Differs, "another key", 1, 0);
  certificate(issued_for_alice(m_ca));  // replaced by the one that is wanted
  expect(run()[1], Standing::Differs, "a former state", 1, 1);
  m_zone = {};
  certificate(m_person.certificate);
  certificate(Bytes(4, 0xFF));
  expect(run()[1], Standing::Ok, "another record", 0, 0);
}

TEST_F(ComparePeople, WithoutDnssecNobodyUsesThem) {
  key(kKey, false);
  certificate(m_person.certificate, 0, false);
  for (const Finding& one : run()) expect(one, Standing::Insecure, "DNSSEC", 0, 0);
  for (const Finding& one : run({"example.org", {}})) expect(one, Standing::Ok, "", 0, 0);
}

TEST_F(ComparePeople, RecordsThatNoMessageHolds) {
  ZoneFacts facts;
  facts.domain = "example.org";
  facts.hostname = "mx.example.org";
  facts.people = {{"alice", Bytes(65536, 1), {}}};
  const auto wanted = wanted_zone(facts);
  ASSERT_FALSE(wanted);
  EXPECT_EQ(wanted.error().code, ErrorCode::TooLarge);
  EXPECT_NE(wanted.error().text().find(m_key_name), std::string::npos) << wanted.error().text();
}

}  // namespace
}  // namespace postern::dnszone
