#include "pki/path_revocation.hpp"

#include <gtest/gtest.h>

#include "pki/testing/revocation.hpp"
#include "pki/verify.hpp"

namespace postern {
namespace {

using testing::Made;
using testing::make_certificate;
using testing::make_crl;
using testing::make_ocsp;

constexpr std::int64_t kNow = 1'800'000'000;

class PathRevocations : public ::testing::Test {
 protected:
  PathRevocations()
      : m_root(make_certificate({.name = "root", .ca = true})),
        m_middle(make_certificate({.name = "middle", .ca = true}, &m_root)),
        m_leaf(make_certificate({.name = "leaf"}, &m_middle)) {}

  PathRevocation check(RevocationPolicy policy) const {
    const CertificateChain path{m_leaf.certificate, m_middle.certificate, m_root.certificate};
    return check_path_revocation({.path = path, .policy = policy, .at = wall_from_millis(kNow * 1000), .crls = m_crls, .ocsp = m_ocsp});
  }
  void list(const Made& issuer, const Certificate* revoked = nullptr) {
    testing::CrlWish wish;
    if (revoked != nullptr) wish.entries = {{.certificate = revoked}};
    m_crls.push_back(Crl::from_der(make_crl(issuer, wish)).value());
  }
  void answer(int status) {
    m_ocsp = make_ocsp(m_leaf.certificate, m_middle.certificate, m_middle, {.status = status, .this_update = kNow});
  }

  Made m_root, m_middle, m_leaf;
  std::vector<Crl> m_crls;
  Bytes m_ocsp;
};

TEST_F(PathRevocations, EverythingKnownAndGood) {
  list(m_root);
  list(m_middle);
  const auto verdict = check(RevocationPolicy::Hard);
  EXPECT_TRUE(verdict.ok) << verdict.reason;
  ASSERT_EQ(verdict.certificates.size(), 2U);  // the anchor is not asked about
  EXPECT_EQ(verdict.certificates[0].source, "crl");
  EXPECT_TRUE(verdict.notes.empty());
}

TEST_F(PathRevocations, RevokedFailsUnderEveryPolicyButOff) {
  list(m_root, &m_middle.certificate);
  for (const auto policy : {RevocationPolicy::Soft, RevocationPolicy::Hard}) {
    EXPECT_FALSE(check(policy).ok);
    EXPECT_NE(check(policy).reason.find("CN=middle is revoked at"), std::string::npos) << check(policy).reason;
  }
  EXPECT_TRUE(check(RevocationPolicy::Off).ok);
  EXPECT_TRUE(check(RevocationPolicy::Off).certificates.empty());
}

TEST_F(PathRevocations, WhatIsNotKnownPassesSoftlyAndIsSaid) {
  list(m_root);
  EXPECT_FALSE(check(RevocationPolicy::Hard).ok);
  EXPECT_NE(check(RevocationPolicy::Hard).reason.find("not known whether the certificate of CN=leaf"), std::string::npos);
  const auto soft = check(RevocationPolicy::Soft);
  EXPECT_TRUE(soft.ok);
  ASSERT_EQ(soft.notes.size(), 1U);
  EXPECT_EQ(soft.certificates[0].source, "");
}

TEST_F(PathRevocations, AnAnswerAboutTheLeafCounts) {
  list(m_root);
  answer(V_OCSP_CERTSTATUS_GOOD);
  EXPECT_TRUE(check(RevocationPolicy::Hard).ok) << check(RevocationPolicy::Hard).reason;
  EXPECT_EQ(check(RevocationPolicy::Hard).certificates[0].source, "ocsp");
  answer(V_OCSP_CERTSTATUS_UNKNOWN);
  EXPECT_FALSE(check(RevocationPolicy::Hard).ok);
  answer(V_OCSP_CERTSTATUS_REVOKED);
  EXPECT_FALSE(check(RevocationPolicy::Soft).ok);
}

TEST_F(PathRevocations, RevokedBeatsGoodWhicheverSaysIt) {
  list(m_root);
  list(m_middle, &m_leaf.certificate);
  answer(V_OCSP_CERTSTATUS_GOOD);
  EXPECT_FALSE(check(RevocationPolicy::Soft).ok);
  m_crls.clear();
  list(m_middle);
  answer(V_OCSP_CERTSTATUS_REVOKED);
  EXPECT_FALSE(check(RevocationPolicy::Soft).ok);
}

TEST_F(PathRevocations, ALaterRevocationIsFoundBehindAnOpenQuestion) {
  list(m_root, &m_middle.certificate);
  EXPECT_NE(check(RevocationPolicy::Hard).reason.find("CN=middle is revoked"), std::string::npos);
}

TEST_F(PathRevocations, PathsWithoutIssuersAskNothing) {
  EXPECT_TRUE(check_path_revocation({}).ok);
  EXPECT_TRUE(check_path_revocation({.path = {&m_root.certificate, 1}}).ok);
}

TEST(RevocationPolicies, HaveNames) {
  for (const auto policy : {RevocationPolicy::Off, RevocationPolicy::Soft, RevocationPolicy::Hard})
    EXPECT_EQ(parse_revocation_policy(name_of(policy)).value(), policy);
  EXPECT_EQ(parse_revocation_policy("Soft").error().code, ErrorCode::BadInput);
}

// The path search of verify_chain(): one wrong candidate does not stand in the way of a right one (RFC 4158).
TEST(ManyPaths, AnExpiredTwinOfTheIssuerIsPassedBy) {
  const Made root = make_certificate({.name = "root", .ca = true});
  Made middle = make_certificate({.name = "middle", .ca = true}, &root);
  const Made twin = make_certificate({.name = "middle", .ca = true, .not_after = kNow - 1}, &root);
  const Made leaf = make_certificate({.name = "leaf", .dns = {"mx.example.org"}}, &middle);
  for (const CertificateChain& order :
       {CertificateChain{twin.certificate, middle.certificate}, CertificateChain{middle.certificate, twin.certificate}}) {
    const ChainVerdict verdict = verify_chain({.leaf = &leaf.certificate,
                                               .intermediates = order,
                                               .roots = {&root.certificate, 1},
                                               .at = wall_from_millis(kNow * 1000),
                                               .dns_name = "mx.example.org"});
    EXPECT_TRUE(verdict.ok) << verdict.reason;
  }
}

TEST(ManyPaths, LoopsOfAuthoritiesEnd) {
  const Made one = make_certificate({.name = "one", .ca = true});
  const Made two = make_certificate({.name = "two", .ca = true}, &one);
  const Made leaf = make_certificate({.name = "leaf"}, &two);
  CertificateChain all{one.certificate, two.certificate};
  for (int i = 0; i < 30; ++i)
    all.push_back(make_certificate({.name = i % 2 == 0 ? "one" : "two", .ca = true}, i % 2 == 0 ? &two : &one).certificate);
  const ChainVerdict verdict = verify_chain({.leaf = &leaf.certificate, .intermediates = all, .at = wall_from_millis(kNow * 1000)});
  EXPECT_FALSE(verdict.ok);
  EXPECT_EQ(verdict.fault, ChainFault::UnknownIssuer);
}

}  // namespace
}  // namespace postern
