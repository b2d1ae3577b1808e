#include "tlspolicy/dane.hpp"

#include <gtest/gtest.h>
#include <openssl/x509.h>

#include "pki/testing/certificates.hpp"

namespace postern {
namespace {

using dns::TlsaData;
using testing::Made;
using testing::make_certificate;

constexpr std::int64_t kNow = 1795308067;

Bytes spki(const Certificate& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.native()), &der);
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

TlsaData tlsa(int usage, int selector, int matching, const Certificate& of) {
  const Bytes data = selector == 0 ? of.to_der() : spki(of);
  TlsaData out{static_cast<std::uint8_t>(usage), static_cast<std::uint8_t>(selector), static_cast<std::uint8_t>(matching), data};
  if (matching == 1) out.data = digest(HashAlgorithm::Sha256, data);
  if (matching == 2) out.data = digest(HashAlgorithm::Sha512, data);
  return out;
}

class Dane : public ::testing::Test {
 protected:
  DaneVerdict check(std::vector<TlsaData> records, CertificateChain chain, std::vector<std::string> names = {"mx.example.org"}) {
    return dane_check({.records = records, .chain = chain, .names = names, .at = wall_from_millis(kNow * 1000)});
  }
  CertificateChain sent() { return {m_leaf.certificate, m_middle.certificate, m_root.certificate}; }

  Made m_root = make_certificate({.name = "root", .ca = true});
  Made m_middle = make_certificate({.name = "middle", .ca = true}, &m_root);
  Made m_leaf = make_certificate({.name = "leaf", .dns = {"mx.example.org"}}, &m_middle);
  Made m_other = make_certificate({.name = "other", .dns = {"mx.example.org"}});
};

TEST_F(Dane, EveryKindOfRecordMatches) {
  for (int selector = 0; selector < 2; ++selector) {
    for (int matching = 0; matching < 3; ++matching) {
      const DaneVerdict leaf = check({tlsa(3, selector, matching, m_leaf.certificate)}, sent());
      EXPECT_EQ(leaf.result, DaneResult::Match) << selector << matching << leaf.reason;
      EXPECT_EQ(leaf.depth, 0U);
      const DaneVerdict middle = check({tlsa(2, selector, matching, m_middle.certificate)}, sent());
      EXPECT_EQ(middle.result, DaneResult::Match) << selector << matching << middle.reason;
      EXPECT_EQ(middle.depth, 1U);
      EXPECT_EQ(check({tlsa(2, selector, matching, m_root.certificate)}, sent()).depth, 2U);
      EXPECT_EQ(check({tlsa(3, selector, matching, m_other.certificate)}, sent()).result, DaneResult::Mismatch);
      EXPECT_EQ(check({tlsa(2, selector, matching, m_other.certificate)}, sent()).result, DaneResult::Mismatch);
      EXPECT_EQ(check({tlsa(3, selector, matching, m_middle.certificate)}, sent()).result, DaneResult::Mismatch);  // leaf only
      EXPECT_EQ(check({tlsa(2, selector, matching, m_leaf.certificate)}, sent()).result, DaneResult::Mismatch);    // never the leaf
    }
  }
}

// RFC 7672 2.2: one record that matches is enough; the others do not all have to
TEST_F(Dane, OneMatchIsEnough) {
  EXPECT_EQ(check({tlsa(2, 1, 1, m_other.certificate), tlsa(3, 1, 1, m_leaf.certificate)}, sent()).result, DaneResult::Match);
  EXPECT_EQ(check({tlsa(3, 1, 1, m_other.certificate), tlsa(2, 1, 1, m_root.certificate)}, sent()).result, DaneResult::Match);
}

// RFC 7671 5.1
TEST_F(Dane, EndEntityNeedsNeitherNameNorDateNorUsage) {
  const Made old = make_certificate({.name = "x", .not_after = kNow - 1, .extended_usage = "clientAuth"});
  EXPECT_EQ(check({tlsa(3, 1, 1, old.certificate)}, {old.certificate}, {}).result, DaneResult::Match);
}

// RFC 7671 5.2
TEST_F(Dane, TrustAnchorNeedsNameDateAndUsage) {
  const TlsaData record = tlsa(2, 1, 1, m_middle.certificate);
  const auto verdict = [&](const testing::CertificateWish& wish) {
    const Made leaf = make_certificate(wish, &m_middle);
    return check({record}, {leaf.certificate, m_middle.certificate});
  };
  EXPECT_EQ(verdict({.dns = {"mx.example.org"}}).result, DaneResult::Match);
  EXPECT_EQ(verdict({.dns = {"*.example.org"}}).result, DaneResult::Match);
  EXPECT_EQ(verdict({.name = "mx.example.org"}).result, DaneResult::Mismatch);  // the common name is not looked at
  const DaneVerdict wrong = verdict({.dns = {"mx.example.net"}});
  EXPECT_EQ(wrong.result, DaneResult::Mismatch);
  EXPECT_NE(wrong.reason.find("none of the names"), std::string::npos) << wrong.reason;
  const DaneVerdict expired = verdict({.dns = {"mx.example.org"}, .not_after = kNow - 1});
  EXPECT_EQ(expired.result, DaneResult::Mismatch);
  EXPECT_NE(expired.reason.find("expired"), std::string::npos) << expired.reason;
  EXPECT_EQ(verdict({.dns = {"mx.example.org"}, .not_before = kNow + 1}).result, DaneResult::Mismatch);
  EXPECT_EQ(verdict({.dns = {"mx.example.org"}, .extended_usage = "clientAuth"}).result, DaneResult::Mismatch);
}

TEST_F(Dane, AnyReferenceNameWillDoAndNoneIsNotAny) {
  const TlsaData record = tlsa(2, 0, 1, m_root.certificate);
  EXPECT_EQ(check({record}, sent(), {"example.org", "mx.example.org"}).result, DaneResult::Match);
  EXPECT_EQ(check({record}, sent(), {"example.org"}).result, DaneResult::Mismatch);
  EXPECT_EQ(check({record}, sent(), {}).result, DaneResult::Mismatch);
}

// RFC 7671 5.2.2, 5.2.3
TEST_F(Dane, AnAnchorCarriedWholeNeedNotBeSent) {
  const CertificateChain without = {m_leaf.certificate, m_middle.certificate};
  EXPECT_EQ(check({tlsa(2, 0, 0, m_root.certificate)}, without).result, DaneResult::Match);
  EXPECT_EQ(check({tlsa(2, 1, 0, m_root.certificate)}, without).result, DaneResult::Match);
  EXPECT_EQ(check({tlsa(2, 0, 0, m_middle.certificate)}, {m_leaf.certificate}).result, DaneResult::Match);
  EXPECT_EQ(check({tlsa(2, 1, 0, m_middle.certificate)}, {m_leaf.certificate}).result, DaneResult::Match);
  // by digest it must be there
  EXPECT_EQ(check({tlsa(2, 0, 1, m_root.certificate)}, without).result, DaneResult::Mismatch);
  EXPECT_EQ(check({tlsa(2, 1, 1, m_middle.certificate)}, {m_leaf.certificate}).result, DaneResult::Mismatch);
  // a stranger's anchor, and a gap in the chain
  EXPECT_EQ(check({tlsa(2, 0, 0, m_other.certificate)}, without).result, DaneResult::Mismatch);
  EXPECT_EQ(check({tlsa(2, 1, 0, m_other.certificate)}, without).result, DaneResult::Mismatch);
  EXPECT_EQ(check({tlsa(2, 0, 0, m_root.certificate)}, {m_leaf.certificate}).result, DaneResult::Mismatch);
  EXPECT_EQ(check({tlsa(2, 1, 0, m_root.certificate)}, {m_leaf.certificate}).result, DaneResult::Mismatch);
}

TEST_F(Dane, AnchorThatIsSentTwiceAsTheLeafIsNone) {
  const CertificateChain doubled = {m_leaf.certificate, m_leaf.certificate};
  EXPECT_EQ(check({tlsa(2, 0, 1, m_leaf.certificate)}, doubled).result, DaneResult::Mismatch);
  EXPECT_EQ(check({tlsa(2, 0, 0, m_leaf.certificate)}, doubled).result, DaneResult::Mismatch);
}

// What a hostile domain publishes costs a bounded number of paths; the good record behind them is not tried any more.
TEST_F(Dane, PathsAreBounded) {
  CertificateChain chain = sent();
  chain.push_back(m_other.certificate);  // matches its record and signed nothing here
  std::vector<TlsaData> records(kDanePathLimit - 1, tlsa(2, 0, 1, m_other.certificate));
  records.push_back(tlsa(2, 0, 1, m_root.certificate));
  EXPECT_EQ(check(records, chain).result, DaneResult::Match);
  records.insert(records.begin(), tlsa(2, 0, 1, m_other.certificate));
  EXPECT_EQ(check(records, chain).result, DaneResult::Mismatch);
}

TEST_F(Dane, AnchorThatIsNoAuthorityIssuesNothing) {
  const Made plain = make_certificate({.name = "no authority"}, &m_root);
  const Made leaf = make_certificate({.dns = {"mx.example.org"}}, &plain);
  EXPECT_EQ(check({tlsa(2, 0, 1, plain.certificate)}, {leaf.certificate, plain.certificate}).result, DaneResult::Mismatch);
}

// RFC 7671 9
TEST_F(Dane, AWeakerDigestDoesNotCountBesideAStronger) {
  const TlsaData good = tlsa(3, 1, 1, m_leaf.certificate);
  const TlsaData stale = tlsa(3, 1, 2, m_other.certificate);
  EXPECT_EQ(check({good, stale}, sent()).result, DaneResult::Mismatch);
  // another selector or usage is another set; whole data is no digest; an unusable record displaces nothing
  EXPECT_EQ(check({good, tlsa(3, 0, 2, m_other.certificate)}, sent()).result, DaneResult::Match);
  EXPECT_EQ(check({good, tlsa(2, 1, 2, m_other.certificate)}, sent()).result, DaneResult::Match);
  EXPECT_EQ(check({tlsa(3, 1, 0, m_leaf.certificate), stale}, sent()).result, DaneResult::Match);
  TlsaData cut = stale;
  cut.data.pop_back();
  EXPECT_EQ(check({good, cut}, sent()).result, DaneResult::Match);
}

// RFC 7672 2.2, 3.1.3
TEST_F(Dane, UnusableRecordsAreNotAMismatch) {
  const auto alone = [&](TlsaData record) { return check({std::move(record)}, sent()).result; };
  EXPECT_EQ(check({}, sent()).result, DaneResult::Unusable);
  EXPECT_EQ(alone(tlsa(0, 1, 1, m_root.certificate)), DaneResult::Unusable);
  EXPECT_EQ(alone(tlsa(1, 1, 1, m_leaf.certificate)), DaneResult::Unusable);
  EXPECT_EQ(alone({4, 1, 1, Bytes(32)}), DaneResult::Unusable);
  EXPECT_EQ(alone({255, 1, 1, Bytes(32)}), DaneResult::Unusable);
  EXPECT_EQ(alone({3, 2, 1, Bytes(32)}), DaneResult::Unusable);
  EXPECT_EQ(alone({3, 1, 3, Bytes(32)}), DaneResult::Unusable);
  EXPECT_EQ(alone({3, 1, 1, Bytes(31)}), DaneResult::Unusable);
  EXPECT_EQ(alone({3, 1, 2, Bytes(32)}), DaneResult::Unusable);
  EXPECT_EQ(alone({3, 1, 1, {}}), DaneResult::Unusable);
  EXPECT_EQ(alone({2, 0, 0, Bytes(40)}), DaneResult::Unusable);
  EXPECT_EQ(alone({2, 1, 0, Bytes(40)}), DaneResult::Unusable);
  // one usable record beside them decides
  EXPECT_EQ(check({tlsa(1, 1, 1, m_leaf.certificate), tlsa(3, 1, 1, m_other.certificate)}, sent()).result, DaneResult::Mismatch);
}

TEST_F(Dane, NoCertificateIsAMismatch) { EXPECT_EQ(check({tlsa(3, 1, 1, m_leaf.certificate)}, {}).result, DaneResult::Mismatch); }

TEST(DaneText, ReadsAndWritesThePresentationForm) {
  const TlsaData record = parse_tlsa("3 1 1  00Ff 10").value();
  EXPECT_EQ(record.usage, 3);
  EXPECT_EQ(record.data, (Bytes{0x00, 0xFF, 0x10}));
  EXPECT_EQ(tlsa_text(record), "3 1 1 00ff10");
  for (const char* bad : {"", "3", "3 1", "3 1 1", "3 1 1 0", "3 1 1 zz", "256 1 1 00", "-1 1 1 00", "3x 1 1 00", "a b c d"})
    EXPECT_FALSE(parse_tlsa(bad)) << bad;
  EXPECT_EQ(parse_tlsa("3 300 1 00").error().field, "selector");
}

}  // namespace
}  // namespace postern
