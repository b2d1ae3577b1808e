// RFC 6960: answers of OCSP responders.
#include "pki/revocation.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "pki/testing/revocation.hpp"

namespace postern {
namespace {

using testing::CertificateWish;
using testing::Made;
using testing::make_certificate;
using testing::make_ocsp;
using testing::OcspWish;

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::int64_t kDay = 86'400;

WallTime at(std::int64_t seconds) { return wall_from_millis(seconds * 1000); }
bool says(const RevocationVerdict& verdict, std::string_view part) { return verdict.reason.find(part) != std::string::npos; }

class Ocsp : public ::testing::Test {
 protected:
  Ocsp()
      : m_ca(make_certificate({.name = "CA", .ca = true})),
        m_other_ca(make_certificate({.name = "CA", .ca = true})),
        m_leaf(make_certificate({.name = "leaf", .dns = {"mx.example.org"}}, &m_ca)) {}

  static OcspWish fresh(OcspWish wish = {}) {
    wish.this_update = kNow - kDay;
    wish.next_update = kNow + kDay;
    return wish;
  }
  Bytes answer(const OcspWish& wish) const { return make_ocsp(m_leaf.certificate, m_ca.certificate, m_ca, wish); }
  RevocationVerdict check(const Bytes& response, std::int64_t when = kNow, ByteView nonce = {}, bool require_nonce = false) const {
    return check_ocsp({.leaf = &m_leaf.certificate,
                       .issuer = &m_ca.certificate,
                       .response = response,
                       .at = at(when),
                       .nonce = nonce,
                       .require_nonce = require_nonce});
  }
  RevocationVerdict check_signed_by(const Made& signer, OcspWish wish = {}) const {
    return check(make_ocsp(m_leaf.certificate, m_ca.certificate, signer, fresh(std::move(wish))));
  }

  Made m_ca, m_other_ca, m_leaf;
};

TEST_F(Ocsp, GoodIsGood) {
  for (const bool by_key : {false, true}) {
    for (const EVP_MD* digest : {EVP_sha1(), EVP_sha256()}) {  // RFC 6960 4.3: of the CertID, not of the signature
      const auto verdict = check(answer(fresh({.id_digest = digest, .by_key = by_key})));
      EXPECT_EQ(verdict.status, RevocationStatus::Good) << verdict.reason;
      EXPECT_EQ(verdict.usable_until, at(kNow + kDay));
      EXPECT_EQ(verdict.this_update, at(kNow - kDay));
    }
  }
  EXPECT_EQ(check(answer(fresh({.with_certificate = false}))).status, RevocationStatus::Good);
}

TEST_F(Ocsp, RevokedSaysSinceWhenAndWhy) {
  const auto verdict = check(answer(fresh({.status = V_OCSP_CERTSTATUS_REVOKED, .reason = 1, .revoked_at = kNow - 10})));
  EXPECT_EQ(verdict.status, RevocationStatus::Revoked);
  EXPECT_EQ(verdict.revoked_at, at(kNow - 10));
  EXPECT_EQ(verdict.revocation_reason, "keyCompromise");
  EXPECT_EQ(verdict.reason, "revoked at " + rfc3339(at(kNow - 10)) + " (keyCompromise)");
  const auto plain = check(answer(fresh({.status = V_OCSP_CERTSTATUS_REVOKED})));
  EXPECT_EQ(plain.status, RevocationStatus::Revoked);
  EXPECT_EQ(plain.revocation_reason, "");
}

TEST_F(Ocsp, UnknownIsNotGood) { EXPECT_EQ(check(answer(fresh({.status = V_OCSP_CERTSTATUS_UNKNOWN}))).status, RevocationStatus::Unknown); }

TEST_F(Ocsp, TheWorstOfSeveralAnswersCounts) {
  EXPECT_EQ(check(answer(fresh({.also = {V_OCSP_CERTSTATUS_REVOKED, V_OCSP_CERTSTATUS_GOOD}}))).status, RevocationStatus::Revoked);
  EXPECT_EQ(check(answer(fresh({.also = {V_OCSP_CERTSTATUS_UNKNOWN}}))).status, RevocationStatus::Unknown);
  const std::vector<int> many(kOcspAnswersLimit, V_OCSP_CERTSTATUS_GOOD);
  EXPECT_TRUE(says(check(answer(fresh({.also = many}))), "more than 64"));
}

TEST_F(Ocsp, TimesAreHeld) {  // RFC 6960 3.2 (5, 6), 4.2.2.1
  const Bytes response = answer(fresh());
  EXPECT_EQ(check(response, kNow + kDay + 300).status, RevocationStatus::Good);
  EXPECT_TRUE(says(check(response, kNow + kDay + 301), "outdated since"));
  EXPECT_EQ(check(response, kNow - kDay - 300).status, RevocationStatus::Good);
  EXPECT_TRUE(says(check(response, kNow - kDay - 301), "not valid before"));
  const Bytes open = answer({.this_update = kNow});
  EXPECT_EQ(check(open, kNow + kDay).status, RevocationStatus::Good);
  EXPECT_EQ(check(open, kNow + kDay).usable_until, at(kNow + kDay));
  EXPECT_TRUE(says(check(open, kNow + 2 * kDay), "outdated"));
  EXPECT_TRUE(says(check(answer({.this_update = kNow, .next_update = kNow - 60})), "nextUpdate lies before thisUpdate"));
}

TEST_F(Ocsp, OutdatedRevocationIsNotBelieved) {
  const auto verdict = check(answer({.status = V_OCSP_CERTSTATUS_REVOKED, .this_update = kNow - 3 * kDay, .next_update = kNow - 2 * kDay}));
  EXPECT_EQ(verdict.status, RevocationStatus::Invalid);
}

TEST_F(Ocsp, AboutAnotherCertificateIsNothing) {
  const Made other = make_certificate({.name = "other"}, &m_ca);
  EXPECT_TRUE(says(check(make_ocsp(other.certificate, m_ca.certificate, m_ca, fresh())), "about other certificates"));
  // Same serial number and issuer name, another issuer key
  EXPECT_TRUE(says(check(make_ocsp(m_leaf.certificate, m_other_ca.certificate, m_ca, fresh())), "about other certificates"));
}

TEST_F(Ocsp, SignedByAStrangerIsNothing) {
  // The same name, another key: named by name, the issuer's own certificate is taken, and the signature is not its own.
  EXPECT_TRUE(says(check_signed_by(m_other_ca), "not signed by the certificate's issuer"));
  EXPECT_EQ(check_signed_by(m_other_ca, {.by_key = true}).status, RevocationStatus::Invalid);
  const Made stranger = make_certificate({.name = "stranger", .ca = true, .extended_usage = "OCSPSigning"});
  EXPECT_TRUE(says(check_signed_by(stranger), "not authorized by the certificate's issuer"));
}

TEST_F(Ocsp, DelegatedResponders) {  // RFC 6960 4.2.2.2
  const auto responder = [&](CertificateWish wish, const Made& by) {
    wish.name = "responder";
    return make_certificate(wish, &by);
  };
  EXPECT_EQ(check_signed_by(responder({.extended_usage = "OCSPSigning"}, m_ca)).status, RevocationStatus::Good);
  EXPECT_EQ(check_signed_by(responder({.extended_usage = "OCSPSigning"}, m_ca), {.by_key = true}).status, RevocationStatus::Good);
  EXPECT_TRUE(says(check_signed_by(responder({}, m_ca)), "not for OCSP signing"));
  EXPECT_TRUE(says(check_signed_by(responder({.extended_usage = "serverAuth"}, m_ca)), "not for OCSP signing"));
  EXPECT_TRUE(says(check_signed_by(responder({.extended_usage = "anyExtendedKeyUsage"}, m_ca)), "not for OCSP signing"));
  EXPECT_TRUE(says(check_signed_by(responder({.extended_usage = "OCSPSigning"}, m_other_ca)), "not authorized"));
  EXPECT_TRUE(says(check_signed_by(responder({.not_after = kNow - 1, .extended_usage = "OCSPSigning"}, m_ca)), "expired"));
  const Made absent = responder({.extended_usage = "OCSPSigning"}, m_ca);
  EXPECT_EQ(check_signed_by(absent, {.with_certificate = false}).status, RevocationStatus::Invalid);
}

TEST_F(Ocsp, ALeafCannotVouchForItself) { EXPECT_EQ(check_signed_by(m_leaf).status, RevocationStatus::Invalid); }

TEST_F(Ocsp, AnotherResponderOfADeeperAuthorityIsNotAuthorized) {
  const Made below = make_certificate({.name = "below", .ca = true}, &m_ca);
  const Made responder = make_certificate({.name = "responder", .extended_usage = "OCSPSigning"}, &below);
  EXPECT_TRUE(says(check_signed_by(responder), "not authorized"));
}

TEST_F(Ocsp, WeakSignaturesDoNotCount) {
  EXPECT_TRUE(says(check(answer(fresh({.signature_digest = EVP_sha1()}))), "unknown or weak algorithm"));
}

TEST_F(Ocsp, Nonces) {  // RFC 9654 2.1
  const Bytes ours(32, 0x11), another(32, 0x22);
  const Bytes with = answer(fresh({.nonce = ours}));
  EXPECT_EQ(check(with, kNow, ours, true).status, RevocationStatus::Good);
  EXPECT_EQ(check(with).status, RevocationStatus::Good);
  EXPECT_TRUE(says(check(with, kNow, another), "another nonce"));
  const Bytes without = answer(fresh());
  EXPECT_EQ(check(without, kNow, ours, false).status, RevocationStatus::Good);
  EXPECT_TRUE(says(check(without, kNow, ours, true), "does not repeat the nonce"));
}

TEST_F(Ocsp, CriticalExtensionsThatNobodyKnows) {  // RFC 6960 4.4
  EXPECT_TRUE(says(check(answer(fresh({.critical_in_single = true}))), "not understood"));
  EXPECT_TRUE(says(check(answer(fresh({.critical_in_response = true}))), "not understood"));
}

TEST_F(Ocsp, ErrorMessagesSayNothing) {  // RFC 6960 2.3
  for (const int status : {OCSP_RESPONSE_STATUS_MALFORMEDREQUEST, OCSP_RESPONSE_STATUS_TRYLATER, OCSP_RESPONSE_STATUS_UNAUTHORIZED}) {
    const auto verdict = check(answer(fresh({.response_status = status})));
    EXPECT_EQ(verdict.status, RevocationStatus::Invalid);
    EXPECT_TRUE(says(verdict, "the responder answered ")) << verdict.reason;
  }
}

TEST_F(Ocsp, EveryTruncationAndTrailingBytesAreRefused) {
  const Bytes whole = answer(fresh());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_EQ(check(cut).status, RevocationStatus::Invalid) << size;
  }
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_EQ(check(longer).status, RevocationStatus::Invalid);
  EXPECT_TRUE(says(check(Bytes(kOcspResponseLimit + 1, 0x30)), "larger than 64 KiB"));
}

TEST_F(Ocsp, NoChangedByteMakesRevokedGood) {
  const Bytes whole = answer(fresh({.status = V_OCSP_CERTSTATUS_REVOKED, .with_certificate = false}));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    Bytes changed = whole;
    changed[i] ^= 0x01;
    ASSERT_NE(check(changed).status, RevocationStatus::Good) << i;
    changed[i] ^= 0x81;
    ASSERT_NE(check(changed).status, RevocationStatus::Good) << i;
  }
}

TEST_F(Ocsp, RequestsNameTheCertificate) {
  const Bytes nonce(kOcspNonceMax, 0x33);
  const Bytes der = make_ocsp_request(m_leaf.certificate, m_ca.certificate, nonce).value();
  const unsigned char* cursor = der.data();
  const std::unique_ptr<OCSP_REQUEST, decltype([](OCSP_REQUEST* request) { OCSP_REQUEST_free(request); })> request(
      d2i_OCSP_REQUEST(nullptr, &cursor, static_cast<long>(der.size())));
  ASSERT_TRUE(request);
  EXPECT_EQ(OCSP_request_onereq_count(request.get()), 1);
  EXPECT_GE(OCSP_REQUEST_get_ext_by_NID(request.get(), NID_id_pkix_OCSP_Nonce, -1), 0);
  OCSP_CERTID* id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request.get(), 0));
  OCSP_CERTID* wanted = OCSP_cert_to_id(EVP_sha1(), m_leaf.certificate.native(), m_ca.certificate.native());
  EXPECT_EQ(OCSP_id_cmp(id, wanted), 0);
  OCSP_CERTID_free(wanted);
  EXPECT_EQ(make_ocsp_request(m_leaf.certificate, m_ca.certificate, Bytes(kOcspNonceMax + 1, 1)).error().code, ErrorCode::BadInput);
  EXPECT_EQ(make_ocsp_request(m_ca.certificate, m_leaf.certificate).error().field, "issuer");
}

TEST_F(Ocsp, NothingGivenIsInvalid) {
  EXPECT_EQ(check_ocsp({}).status, RevocationStatus::Invalid);
  EXPECT_EQ(check({}).reason, "there is no OCSP response");
}

TEST(RevocationAddresses, ComeFromTheCertificate) {
  const Made ca = make_certificate({.name = "CA", .ca = true});
  const CertificateWish wish{.name = "leaf",
                             .information =
                                 "OCSP;URI:http://ocsp.example.org/a,OCSP;URI:ldap://x/,OCSP;URI:http://ocsp.example.org/a,"
                                 "caIssuers;URI:http://ca.example.org/ca.crt",
                             .points = "URI:http://crl.example.org/1.crl,URI:file:///etc/passwd",
                             .features = "status_request"};
  const Certificate leaf = make_certificate(wish, &ca).certificate;
  EXPECT_EQ(ocsp_urls(leaf), std::vector<std::string>{"http://ocsp.example.org/a"});
  EXPECT_EQ(crl_urls(leaf), std::vector<std::string>{"http://crl.example.org/1.crl"});
  EXPECT_TRUE(must_staple(leaf));
  EXPECT_TRUE(ocsp_urls(ca.certificate).empty());
  EXPECT_TRUE(crl_urls(ca.certificate).empty());
  EXPECT_FALSE(must_staple(ca.certificate));
}

}  // namespace
}  // namespace postern
