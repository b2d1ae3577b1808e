// RFC 5280 5 and 6.3: certificate revocation lists.
#include <gtest/gtest.h>

#include "base/text.hpp"
#include "pki/revocation.hpp"
#include "pki/testing/revocation.hpp"

namespace postern {
namespace {

using testing::CrlEntryWish;
using testing::CrlWish;
using testing::Made;
using testing::make_certificate;
using testing::make_crl;

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::int64_t kDay = 86'400;

WallTime at(std::int64_t seconds) { return wall_from_millis(seconds * 1000); }
bool says(const RevocationVerdict& verdict, std::string_view part) { return verdict.reason.find(part) != std::string::npos; }

class Crls : public ::testing::Test {
 protected:
  Crls()
      : m_ca(make_certificate({.name = "CA", .ca = true})),
        m_leaf(make_certificate({.name = "leaf", .points = "URI:http://crl.example.org/1.crl"}, &m_ca)),
        m_other(make_certificate({.name = "other"}, &m_ca)) {}

  RevocationVerdict check(const Bytes& der, const Made& leaf, std::int64_t when = kNow) const {
    const Crl crl = Crl::from_der(der).value();
    return check_crl({.leaf = &leaf.certificate, .issuer = &m_ca.certificate, .crl = &crl, .at = at(when)});
  }
  RevocationVerdict check(const CrlWish& wish, std::int64_t when = kNow) const { return check(make_crl(m_ca, wish), m_leaf, when); }
  RevocationVerdict check_with(const CrlWish& complete, const std::vector<CrlWish>& changes) const {
    const Crl crl = Crl::from_der(make_crl(m_ca, complete)).value();
    std::vector<Crl> deltas;
    for (const CrlWish& wish : changes) deltas.push_back(Crl::from_der(make_crl(m_ca, wish)).value());
    return check_crl({.leaf = &m_leaf.certificate, .issuer = &m_ca.certificate, .crl = &crl, .deltas = deltas, .at = at(kNow)});
  }
  CrlEntryWish leaf_entry(CrlEntryWish wish = {}) const {
    wish.certificate = &m_leaf.certificate;
    return wish;
  }

  Made m_ca, m_leaf, m_other;
};

TEST_F(Crls, NotListedIsGood) {
  EXPECT_EQ(check(CrlWish{}).status, RevocationStatus::Good);
  EXPECT_EQ(check({.entries = {{.certificate = &m_other.certificate}}}).status, RevocationStatus::Good);
}

TEST_F(Crls, ListedIsRevokedAndSaysWhy) {
  const auto verdict = check({.entries = {leaf_entry({.revoked_at = kNow - 10, .reason = 4, .invalid_since = kNow - 100})}});
  EXPECT_EQ(verdict.status, RevocationStatus::Revoked);
  EXPECT_EQ(verdict.revocation_reason, "superseded");
  EXPECT_EQ(verdict.revoked_at, at(kNow - 10));
  EXPECT_EQ(verdict.invalid_since, at(kNow - 100));
  EXPECT_EQ(check({.entries = {leaf_entry()}}).reason, "revoked at " + rfc3339(at(1000)));
}

TEST_F(Crls, TakenOffAgainIsGood) {  // RFC 5280 5.3.1: removeFromCRL
  EXPECT_NE(check({.entries = {leaf_entry({.reason = 8})}}).status, RevocationStatus::Revoked);
}

TEST_F(Crls, TimesAreHeld) {
  const CrlWish wish{.this_update = kNow - kDay, .next_update = kNow + kDay};
  EXPECT_EQ(check(wish, kNow + kDay).status, RevocationStatus::Good);
  EXPECT_TRUE(says(check(wish, kNow + kDay + 1), "outdated since"));
  EXPECT_EQ(check(wish, kNow - kDay).status, RevocationStatus::Good);
  EXPECT_TRUE(says(check(wish, kNow - kDay - 1), "not valid before"));
}

TEST_F(Crls, OfAnotherIssuer) {
  const Made stranger = make_certificate({.name = "stranger", .ca = true});
  EXPECT_TRUE(says(check(make_crl(stranger), m_leaf), "of another issuer"));
  const Made same_name = make_certificate({.name = "CA", .ca = true});
  EXPECT_TRUE(says(check(make_crl(same_name), m_leaf), "not signed by the certificate's issuer"));
}

TEST_F(Crls, IssuersWithoutCrlSign) {  // RFC 5280 6.3.3 (f)
  const Made ca = make_certificate({.name = "no lists", .ca = true, .key_usage = "critical,keyCertSign"});
  const Made leaf = make_certificate({.name = "leaf"}, &ca);
  const Crl crl = Crl::from_der(make_crl(ca)).value();
  const auto verdict = check_crl({.leaf = &leaf.certificate, .issuer = &ca.certificate, .crl = &crl, .at = at(kNow)});
  EXPECT_TRUE(says(verdict, "lacks cRLSign"));
}

TEST_F(Crls, BadSignatures) {
  Bytes der = make_crl(m_ca);
  der[der.size() - 5] ^= 1;
  EXPECT_TRUE(says(check(der, m_leaf), "not signed by the certificate's issuer"));
  EXPECT_TRUE(says(check({.digest = EVP_sha1()}), "weak algorithm"));
}

TEST_F(Crls, DeltasAloneAndIndirectOnesAreNotUsed) {  // RFC 5280 5.2.4, 5.2.5
  const CrlWish delta{.entries = {leaf_entry()}, .delta = true};
  EXPECT_TRUE(says(check(delta), "delta CRL"));
  EXPECT_TRUE(says(check({.entries = {leaf_entry()}, .point = "critical,indirectCRL:TRUE"}), "indirect CRL"));
}

TEST_F(Crls, ADeltaBringsItsCompleteListUpToDate) {  // RFC 5280 5.2.4, 6.3.3 (c), (i) to (k)
  const CrlWish complete{.next_update = kNow + 7 * kDay};
  const CrlWish later{.entries = {leaf_entry({.revoked_at = kNow - 10})}, .next_update = kNow + kDay, .delta = true, .number = 8};
  const auto verdict = check_with(complete, {later});
  EXPECT_EQ(verdict.status, RevocationStatus::Revoked);
  EXPECT_EQ(verdict.revoked_at, at(kNow - 10));
  CrlWish nothing = later;
  nothing.entries.clear();
  EXPECT_EQ(check_with(complete, {nothing}).status, RevocationStatus::Good);
  EXPECT_EQ(check_with(complete, {nothing}).usable_until, at(kNow + kDay)) << "the sooner of both";
  const CrlWish held{.entries = {leaf_entry({.reason = 6})}, .next_update = kNow + 7 * kDay};
  EXPECT_EQ(check_with(held, {nothing}).status, RevocationStatus::Revoked) << "what the delta does not name is as it was";
  CrlWish released = later;
  released.entries = {leaf_entry({.reason = 8})};
  EXPECT_EQ(check_with(held, {released}).status, RevocationStatus::Good) << "removeFromCRL";
  CrlWish last = released;
  last.number = 9;
  EXPECT_EQ(check_with(held, {later, last}).status, RevocationStatus::Good) << "the latest counts, wherever it stands";
  EXPECT_EQ(check_with(held, {last, later}).status, RevocationStatus::Good);
}

TEST_F(Crls, DeltasOfOtherListsArePassedOver) {
  const CrlWish complete{};
  const CrlWish delta{.entries = {leaf_entry()}, .delta = true, .number = 8};
  ASSERT_EQ(check_with(complete, {delta}).status, RevocationStatus::Revoked);
  const auto is_passed_over = [&](CrlWish wish) { return check_with(complete, {wish}).status == RevocationStatus::Good; };
  const auto with = [&](auto change) {
    CrlWish out = delta;
    change(out);
    return out;
  };
  EXPECT_TRUE(is_passed_over(with([](CrlWish& wish) { wish.base = 8; }))) << "it begins after this list";
  EXPECT_TRUE(is_passed_over(with([](CrlWish& wish) { wish.number = 7; }))) << "it is no later";
  EXPECT_TRUE(is_passed_over(with([](CrlWish& wish) { wish.numbered = false; })));
  EXPECT_TRUE(is_passed_over(with([](CrlWish& wish) { wish.delta = false; }))) << "a complete list is none";
  EXPECT_TRUE(is_passed_over(with([](CrlWish& wish) { wish.next_update = kNow - 1; }))) << "outdated";
  EXPECT_TRUE(is_passed_over(with([](CrlWish& wish) { wish.critical = true; })));
  EXPECT_TRUE(is_passed_over(with([](CrlWish& wish) { wish.digest = EVP_sha1(); })));
  EXPECT_TRUE(is_passed_over(with([](CrlWish& wish) { wish.point = "critical,onlyuser:TRUE"; }))) << "of another scope";
  const Made stranger = make_certificate({.name = "CA", .ca = true});
  const std::vector<Crl> forged{Crl::from_der(make_crl(stranger, delta)).value()};
  const Crl base = Crl::from_der(make_crl(m_ca, complete)).value();
  const CrlRequest request{.leaf = &m_leaf.certificate, .issuer = &m_ca.certificate, .crl = &base, .deltas = forged, .at = at(kNow)};
  EXPECT_EQ(check_crl(request).status, RevocationStatus::Good) << "not signed by the issuer";
}

TEST_F(Crls, WhereDeltasAre) {  // RFC 5280 5.2.6, 4.2.1.15
  const Made leaf = make_certificate({.name = "leaf", .more = {{NID_freshest_crl, "URI:http://crl.example.org/b.crl"}}}, &m_ca);
  const Crl list = Crl::from_der(make_crl(m_ca, {.freshest = "URI:http://crl.example.org/a.crl"})).value();
  EXPECT_EQ(delta_urls(list, leaf.certificate), (std::vector<std::string>{"http://crl.example.org/a.crl", "http://crl.example.org/b.crl"}));
  EXPECT_TRUE(delta_urls(Crl::from_der(make_crl(m_ca)).value(), m_leaf.certificate).empty());
}

TEST_F(Crls, CriticalExtensionsThatNobodyKnows) {  // RFC 5280 5.2, 5.3
  EXPECT_TRUE(says(check({.critical = true}), "not understood"));
  EXPECT_TRUE(says(check({.entries = {leaf_entry({.critical = true})}}), "an entry's critical extension"));
}

TEST_F(Crls, ScopesAreHeld) {  // RFC 5280 6.3.3 (b)
  EXPECT_EQ(check({.point = "critical,onlyuser:TRUE"}).status, RevocationStatus::Good);
  EXPECT_TRUE(says(check({.point = "critical,onlyCA:TRUE"}), "for CA certificates only"));
  EXPECT_TRUE(says(check({.point = "critical,onlyAA:TRUE"}), "attribute certificates"));
  const Made below = make_certificate({.name = "below", .ca = true}, &m_ca);
  EXPECT_TRUE(says(check(make_crl(m_ca, {.point = "critical,onlyuser:TRUE"}), below), "not for CA certificates"));
  EXPECT_EQ(check({.point = "critical,fullname:URI:http://crl.example.org/1.crl"}).status, RevocationStatus::Good);
  EXPECT_TRUE(says(check({.point = "critical,fullname:URI:http://crl.example.org/2.crl"}), "another distribution point"));
}

TEST_F(Crls, IncompleteOnesProveOnlyRevocation) {
  const CrlWish some{.point = "critical,onlysomereasons:keyCompromise"};
  EXPECT_TRUE(says(check(some), "some reasons only"));
  CrlWish listed = some;
  listed.entries = {leaf_entry()};
  EXPECT_EQ(check(listed).status, RevocationStatus::Revoked);
  EXPECT_TRUE(says(check({.next_update = -1}), "no nextUpdate"));
  EXPECT_TRUE(says(check({.numbered = false}), "no cRLNumber"));
  const CrlEntryWish twice{.certificate = &m_other.certificate};
  EXPECT_TRUE(says(check({.entries = {twice, twice}}), "names a certificate twice"));
}

TEST_F(Crls, EveryTruncationAndTrailingBytesAreRefused) {
  const Bytes whole = make_crl(m_ca, {.entries = {leaf_entry({.reason = 1})}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ASSERT_FALSE(Crl::from_der(ByteView(whole).first(size))) << size;
  }
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_EQ(Crl::from_der(longer).error().code, ErrorCode::BadInput);
  EXPECT_EQ(Crl::from_der(Bytes(kCrlLimit + 1, 0)).error().code, ErrorCode::TooLarge);
}

TEST_F(Crls, NoChangedByteTakesTheEntryOff) {
  const Bytes whole = make_crl(m_ca, {.entries = {leaf_entry()}});
  for (std::size_t i = 0; i < whole.size(); ++i) {
    Bytes changed = whole;
    changed[i] ^= 0x01;
    const auto crl = Crl::from_der(changed);
    if (!crl) continue;
    const auto verdict = check_crl({.leaf = &m_leaf.certificate, .issuer = &m_ca.certificate, .crl = &*crl, .at = at(kNow)});
    ASSERT_NE(verdict.status, RevocationStatus::Good) << i;
  }
}

TEST_F(Crls, TextsHoldSeveral) {
  const Bytes der = make_crl(m_ca);
  const std::string pem = "-----BEGIN X509 CRL-----\n" + base64_encode(der) + "\n-----END X509 CRL-----\n";
  EXPECT_EQ(Crl::from_text("some words\n" + pem + pem)->size(), 2U);
  EXPECT_EQ(Crl::from_text(pem)->front().issuer(), "CN=CA");
  EXPECT_EQ(Crl::from_text(as_text(der))->size(), 1U);
  EXPECT_EQ(Crl::from_text(pem + pem, 1).error().code, ErrorCode::TooLarge);
  EXPECT_FALSE(Crl::from_text("-----BEGIN X509 CRL-----\nMIIB"));
  EXPECT_FALSE(Crl::from_text(""));
  EXPECT_EQ(Crl::from_der(make_crl(m_ca, {.entries = {leaf_entry()}}))->entries(), 1U);
}

}  // namespace
}  // namespace postern
