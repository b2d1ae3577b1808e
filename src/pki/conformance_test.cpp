// RFC 5280 4: what those who issue certificates must do, as VerifyRequest::strict asks for it.
#include "pki/conformance.hpp"

#include <gtest/gtest.h>

#include "pki/testing/certificates.hpp"

namespace postern {
namespace {

using testing::CertificateWish;
using testing::Made;
using testing::make_certificate;

constexpr std::int64_t kNow = 1'800'000'000;

class Conformance : public ::testing::Test {
 protected:
  ChainVerdict judge(const Made& leaf, CertificatePurpose purpose = CertificatePurpose::TlsServer, const Made* middle = nullptr) const {
    VerifyRequest request{.leaf = &leaf.certificate, .roots = {&m_root.certificate, 1}, .at = wall_from_millis(kNow * 1000)};
    if (middle != nullptr) request.intermediates = {&middle->certificate, 1};
    request.purpose = purpose;
    EXPECT_TRUE(verify_chain(request).ok) << "only the profile's rules are the matter here: " << verify_chain(request).reason;
    request.strict = true;
    return verify_chain(request);
  }
  /// A leaf as the profile has it, but for what the test wishes.
  ChainVerdict leaf(CertificateWish wish, bool with_authority_key = true) const {
    wish.name = "leaf";
    if (with_authority_key) wish.more.emplace_back(NID_authority_key_identifier, "keyid");
    return judge(make_certificate(wish, &m_root));
  }
  /// An authority between root and leaf.
  ChainVerdict below(CertificateWish wish) const {
    wish.name = "middle";
    wish.ca = true;
    wish.more.emplace_back(NID_authority_key_identifier, "keyid");
    const Made middle = make_certificate(wish, &m_root);
    const Made leaf =
        make_certificate({.name = "leaf", .dns = {"mx.example.org"}, .more = {{NID_authority_key_identifier, "keyid"}}}, &middle);
    return judge(leaf, CertificatePurpose::TlsServer, &middle);
  }
  /// Of a leaf that OpenSSL refuses by itself, for something else to say.
  std::string rule_of(CertificateWish wish) const {
    wish.name = "leaf";
    const auto fault = conformance_fault({make_certificate(wish, &m_root).certificate, m_root.certificate}, CertificatePurpose::Any);
    return fault ? fault->reason : "";
  }
  static ::testing::AssertionResult says(const ChainVerdict& verdict, std::string_view part) {
    const bool said = !verdict.ok && verdict.reason.find(part) != std::string::npos;
    return said ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << (verdict.ok ? "accepted" : verdict.reason);
  }

  Made m_root = make_certificate({.name = "root", .ca = true});
};

TEST_F(Conformance, WhatFollowsTheProfilePasses) {
  EXPECT_TRUE(leaf({.dns = {"mx.example.org"}}).ok) << leaf({.dns = {"mx.example.org"}}).reason;
  EXPECT_TRUE(leaf({.dns = {"mx.example.org"}, .key_usage = "critical,digitalSignature"}).ok);
  EXPECT_TRUE(below({}).ok) << below({}).reason;
  EXPECT_TRUE(below({.more = {{NID_name_constraints, "critical,permitted;DNS:example.org"}}}).ok);
}

TEST_F(Conformance, SerialNumbers) {  // 4.1.2.2
  EXPECT_TRUE(says(leaf({.serial = "0"}), "not positive"));
  EXPECT_TRUE(says(leaf({.serial = "-1"}), "not positive"));
  EXPECT_TRUE(leaf({.serial = "7F11223344556677889900112233445566778899"}).ok);
  EXPECT_TRUE(says(leaf({.serial = "8011223344556677889900112233445566778899"}), "more than 20 octets"));
  EXPECT_TRUE(says(leaf({.serial = "0111223344556677889900112233445566778899AA"}), "more than 20 octets"));
}

TEST_F(Conformance, KeyIdentifiers) {  // 4.2.1.1, 4.2.1.2
  EXPECT_TRUE(says(leaf({}, false), "no authorityKeyIdentifier"));
  EXPECT_EQ(rule_of({.more = {{NID_authority_key_identifier, "critical,keyid"}}}),
            "has a critical authorityKeyIdentifier (RFC 5280 4.2.1.1)");
  EXPECT_TRUE(says(leaf({.more = {{NID_authority_key_identifier, "issuer:always"}}}, false), "authorityKeyIdentifier"));
}

TEST_F(Conformance, ExtensionsStandOnce) {  // 4.2
  Made twice = make_certificate(
      {.name = "leaf",
       .more = {{NID_authority_key_identifier, "keyid"}, {NID_info_access, "OCSP;URI:http://a/"}, {NID_info_access, "OCSP;URI:http://b/"}}},
      &m_root);
  EXPECT_EQ(conformance_fault({twice.certificate, m_root.certificate}, CertificatePurpose::Any)->reason,
            "has an extension twice (RFC 5280 4.2)");
}

TEST_F(Conformance, KeyUsageAndBasicConstraints) {  // 4.2.1.3, 4.2.1.9
  EXPECT_TRUE(says(leaf({.key_usage = "critical,digitalSignature,keyCertSign"}), "keyCertSign and is no CA's"));
  EXPECT_TRUE(says(below({.constraints = "CA:TRUE"}), "basicConstraints is not critical"));
}

TEST_F(Conformance, ALeafIsNoAuthority) {
  CertificateWish wish{.name = "leaf", .dns = {"mx.example.org"}, .ca = true, .more = {{NID_authority_key_identifier, "keyid"}}};
  const Made authority = make_certificate(wish, &m_root);
  EXPECT_EQ(conformance_fault({authority.certificate, m_root.certificate}, CertificatePurpose::TlsServer)->fault, ChainFault::WrongPurpose);
  EXPECT_FALSE(conformance_fault({authority.certificate, m_root.certificate}, CertificatePurpose::Any));
}

TEST_F(Conformance, Names) {  // 4.2.1.6, 4.2.1.10
  EXPECT_TRUE(says(leaf({.more = {{NID_subject_alt_name, "critical,DNS:mx.example.org"}}}), "critical subjectAltName beside a subject"));
  EXPECT_TRUE(says(below({.more = {{NID_name_constraints, "permitted;DNS:example.org"}}}), "nameConstraints"));
}

TEST_F(Conformance, Criticality) {
  const CertificateWish wish{.more = {{NID_authority_key_identifier, "keyid"}, {NID_info_access, "critical,OCSP;URI:http://a.example/"}}};
  EXPECT_EQ(rule_of(wish), "has a critical authorityInfoAccess (RFC 5280 4.2.2.1)");
  EXPECT_TRUE(says(below({.more = {{NID_inhibit_any_policy, "0"}}}), "inhibitAnyPolicy that is not critical"));
}

TEST_F(Conformance, TheFaultNamesItsCertificate) {
  EXPECT_TRUE(says(below({.constraints = "CA:TRUE"}), "the certificate of CN=middle is a CA's"));
  EXPECT_TRUE(says(leaf({.serial = "0"}), "the certificate of CN=leaf has a serial number"));
}

}  // namespace
}  // namespace postern
