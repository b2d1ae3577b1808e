#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include <fstream>

#include "crypto/random.hpp"
#include "keys/evp_handle.hpp"
#include "keys/transit_keeper.hpp"
#include "pki/authority.hpp"
#include "pki/verify.hpp"

namespace postern {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

class Pki : public ::testing::Test {
 protected:
  Pki() : m_keeper(make_memory_keeper(m_clock).value()), m_authority(open_authority().value()) {}

  Result<std::shared_ptr<Authority>> open_authority() {
    return Authority::open(m_keeper, m_certificates, m_clock, m_random, {.host = "gate.example.org"});
  }
  ChainVerdict verify(const Certificate& leaf, CertificatePurpose purpose) {
    return verify_chain({.leaf = &leaf, .roots = {&m_authority->root(), 1}, .at = m_clock.now(), .purpose = purpose});
  }
  Certificate server(const char* key = "tls_key") {
    return m_authority
        ->tls_identity(KeyName(key), {.dns_names = {"mail.example.org", "*.example.org"}, .ip_addresses = {"127.0.0.1", "::1"}})
        .value()
        .chain.front();
  }

  MemoryCertificateStore m_certificates;
  ManualClock m_clock{wall_from_millis(1795308067000)};
  NonceRandom m_random;
  std::shared_ptr<Keeper> m_keeper;
  std::shared_ptr<Authority> m_authority;
};

TEST_F(Pki, RootIsMadeOnceAndStays) {
  const Certificate& root = m_authority->root();
  EXPECT_EQ(root.subject(), "CN=Postern development CA of gate.example.org,O=Postern");
  EXPECT_TRUE(root.is_ca());
  EXPECT_TRUE(root.is_self_signed());
  EXPECT_EQ(root.public_key().value().kind(), KeyKind::EcP384);
  EXPECT_EQ(open_authority().value()->root(), root);
  EXPECT_EQ(m_certificates.names().value(), std::vector<std::string>{"pki_root_key"});
}

TEST_F(Pki, RootOfAnotherKeyIsRefused) {
  const auto other = make_memory_keeper(m_clock).value();
  EXPECT_EQ(Authority::open(other, m_certificates, m_clock, m_random).error().code, ErrorCode::Conflict);
}

TEST_F(Pki, ServerCertificatesVerify) {
  const Certificate leaf = server();
  EXPECT_EQ(leaf.dns_names(), (std::vector<std::string>{"*.example.org", "mail.example.org"}));
  EXPECT_EQ(leaf.ip_addresses(), (std::vector<std::string>{"127.0.0.1", "::1"}));
  EXPECT_EQ(leaf.common_name(), "mail.example.org");
  EXPECT_FALSE(leaf.is_ca());
  EXPECT_TRUE(verify(leaf, CertificatePurpose::TlsServer).ok) << verify(leaf, CertificatePurpose::TlsServer).reason;
  EXPECT_EQ(verify(leaf, CertificatePurpose::TlsServer).chain.size(), 2U);
  EXPECT_EQ(verify(leaf, CertificatePurpose::TlsClient).fault, ChainFault::WrongPurpose);
  EXPECT_EQ(verify(leaf, CertificatePurpose::Email).fault, ChainFault::WrongPurpose);
  const auto client =
      m_authority->tls_identity(KeyName("client_key"), {.dns_names = {"client.example.org"}, .ip_addresses = {}, .client = true}).value();
  EXPECT_TRUE(verify(client.chain.front(), CertificatePurpose::TlsClient).ok);
  EXPECT_FALSE(verify(client.chain.front(), CertificatePurpose::TlsServer).ok);
}

TEST_F(Pki, NamesAreChecked) {  // RFC 9525 6.3
  const Certificate leaf = server();
  for (const char* yes : {"mail.example.org", "MAIL.example.org", "any.example.org", "127.0.0.1", "::1", "0:0:0:0:0:0:0:1"}) {
    EXPECT_TRUE(certificate_matches_host(leaf, yes)) << yes;
  }
  for (const char* no :
       {"example.org", "a.b.example.org", "mail.example.com", "127.0.0.2", "", "example.org.evil.com", "*.example.com", ".example.org"}) {
    EXPECT_FALSE(certificate_matches_host(leaf, no)) << no;
  }
  const auto verdict =
      verify_chain({.leaf = &leaf, .roots = {&m_authority->root(), 1}, .at = m_clock.now(), .dns_name = "other.example.com"});
  EXPECT_EQ(verdict.fault, ChainFault::WrongName);
  EXPECT_EQ(verdict.reason, "the certificate is for *.example.org, mail.example.org, 127.0.0.1, ::1, not for other.example.com");
}

TEST_F(Pki, TimeIsChecked) {
  const Certificate leaf = server();
  m_clock.step(days(91));
  EXPECT_EQ(verify(leaf, CertificatePurpose::TlsServer).fault, ChainFault::Expired);
  EXPECT_NE(verify(leaf, CertificatePurpose::TlsServer).reason.find("CN=mail.example.org expired at "), std::string::npos);
  m_clock.step(-days(92));
  EXPECT_EQ(verify(leaf, CertificatePurpose::TlsServer).fault, ChainFault::NotYetValid);
}

TEST_F(Pki, StrangersAndForgeriesAreRefused) {
  const Certificate leaf = server();
  const ChainVerdict nobody = verify_chain({.leaf = &leaf, .at = m_clock.now()});
  EXPECT_EQ(nobody.fault, ChainFault::UnknownIssuer);
  EXPECT_NE(nobody.reason.find("not issued by a trusted authority"), std::string::npos);
  Bytes der = leaf.to_der();
  der[der.size() - 5] ^= 1;  // in the signature
  const auto forged = Certificate::from_der(der);
  ASSERT_TRUE(forged);
  EXPECT_EQ(verify(*forged, CertificatePurpose::TlsServer).fault, ChainFault::BadSignature);
  EXPECT_FALSE(verify_chain({}).ok);
}

TEST_F(Pki, EmailCertificates) {  // RFC 8550 4.4
  for (const KeyType type : {KeyType::EcdsaP256, KeyType::Rsa2048}) {
    const KeyName name("smime_" + std::string(name_of(type)));
    const auto identity = m_authority->email_identity(name, {.emails = {"Alice@Example.org"}, .name = "Alice"}, type).value();
    const Certificate& leaf = identity.chain.front();
    EXPECT_TRUE(leaf.has_email("alice@example.ORG"));
    EXPECT_FALSE(leaf.has_email("bob@example.org"));
    EXPECT_TRUE(leaf.may_sign());
    EXPECT_TRUE(leaf.may_receive_keys());
    EXPECT_TRUE(leaf.may_protect_email());
    EXPECT_TRUE(verify(leaf, CertificatePurpose::Email).ok) << verify(leaf, CertificatePurpose::Email).reason;
    EXPECT_EQ(verify(leaf, CertificatePurpose::TlsServer).fault, ChainFault::WrongPurpose);
    const auto wrong = verify_chain({.leaf = &leaf,
                                     .roots = {&m_authority->root(), 1},
                                     .at = m_clock.now(),
                                     .purpose = CertificatePurpose::Email,
                                     .email = "bob@example.org"});
    EXPECT_EQ(wrong.fault, ChainFault::WrongName);
  }
  EXPECT_FALSE(server().may_protect_email());
}

TEST_F(Pki, IdentitiesAreReusedThenRenewed) {
  const Certificate first = server();
  m_clock.step(days(50));
  EXPECT_EQ(server(), first);
  m_clock.step(days(20));
  const Certificate second = server();
  EXPECT_FALSE(second == first);
  EXPECT_EQ(second.public_key().value(), first.public_key().value());
  const auto other = m_authority->tls_identity(KeyName("tls_key"), {.dns_names = {"new.example.org"}}).value();
  EXPECT_EQ(other.chain.front().dns_names(), std::vector<std::string>{"new.example.org"});
  ASSERT_TRUE(m_keeper->rotate(KeyName("tls_key")));
  const auto rotated = m_authority->tls_identity(KeyName("tls_key"), {.dns_names = {"new.example.org"}}).value();
  EXPECT_EQ(rotated.version, 2U);
  EXPECT_NE(rotated.chain.front().public_key().value(), other.chain.front().public_key().value());
}

TEST_F(Pki, ReplacedCertificatesStayWithTheirKeyVersion) {  // RFC 5652 6.2.1: recipients are named by issuer and serial number
  const KeyName name("smime_renewed");
  const auto current = [&] { return m_authority->email_identity(name, {.emails = {"alice@example.org"}}).value(); };
  EXPECT_FALSE(m_authority->stored(name).value());
  const Identity first = current();
  EXPECT_EQ(m_authority->stored(name).value(), first.chain.front());
  EXPECT_TRUE(m_authority->earlier_identities(name)->empty());
  m_clock.step(days(70));
  const Identity second = current();
  m_clock.step(days(1));
  ASSERT_TRUE(m_keeper->rotate(name));
  const Identity third = current();
  EXPECT_EQ(third.version, 2U);
  const auto earlier = m_authority->earlier_identities(name).value();
  ASSERT_EQ(earlier.size(), 2U);
  EXPECT_EQ(earlier[0].chain.front(), second.chain.front());
  EXPECT_EQ(earlier[1].chain.front(), first.chain.front());
  EXPECT_EQ(earlier[0].version, 1U);
  EXPECT_EQ(earlier[1].version, 1U);
  for (int i = 0; i < 70; ++i) {
    m_clock.step(days(61));
    static_cast<void>(current());
    if (m_clock.now() + days(61) > m_authority->root().not_after()) break;
  }
  EXPECT_LE(m_authority->earlier_identities(name)->size(), 64U);
}

// RFC 5280 4.2.1.6: any GeneralName; 4.1.2.6: subjectAltName is critical when the subject is empty.
TEST_F(Pki, PeopleMayHaveOtherNamesThanMailAddresses) {
  const KeyName name("smime_other");
  const auto uri = [](std::string_view text) {
    Bytes der{0x86, static_cast<Byte>(text.size())};  // uniformResourceIdentifier [6]
    append(der, as_bytes(text));
    return der;
  };
  const auto issued = [&](std::vector<Bytes> names) { return m_authority->email_identity(name, {.other_names = std::move(names)}); };
  const Certificate first = issued({uri("urn:b"), uri("urn:a")}).value().chain.front();
  EXPECT_TRUE(verify(first, CertificatePurpose::Email).ok) << verify(first, CertificatePurpose::Email).reason;
  EXPECT_TRUE(first.subject().empty() && first.emails().empty());
  const int at = X509_get_ext_by_NID(first.native(), NID_subject_alt_name, -1);
  ASSERT_GE(at, 0);
  EXPECT_EQ(X509_EXTENSION_get_critical(X509_get_ext(first.native(), at)), 1);
  EXPECT_EQ(issued({uri("urn:a"), uri("urn:b")}).value().chain.front(), first) << "the same names";
  EXPECT_FALSE(issued({uri("urn:a")}).value().chain.front() == first);
  EXPECT_EQ(issued({to_bytes("no name")}).error().code, ErrorCode::BadInput);
  EXPECT_EQ(issued({}).error().code, ErrorCode::BadInput);
}

TEST_F(Pki, LeavesNeverOutliveTheRoot) {
  m_clock.step(days(3640));
  EXPECT_EQ(server().not_after(), m_authority->root().not_after());
  m_clock.step(days(20));
  EXPECT_EQ(m_authority->tls_identity(KeyName("late"), {.dns_names = {"a.example.org"}}).error().code, ErrorCode::Conflict);
}

TEST_F(Pki, RefusesNamesThatAreNot) {
  const PublicKey key = m_keeper->public_key(key_names::kDkim).value();
  for (const char* bad : {"", "a b", "a,DNS:evil.com", "-a.org", "a..org", "a.org\n", "a.*.org"}) {
    EXPECT_EQ(m_authority->issue_tls({.dns_names = {bad}}, key).error().code, ErrorCode::BadInput) << bad;
    EXPECT_EQ(m_authority->issue_email({.emails = {std::string("x@") + bad}}, key).error().code, ErrorCode::BadInput) << bad;
  }
  EXPECT_EQ(m_authority->issue_tls({.dns_names = {"a.org"}, .ip_addresses = {"300.1.1.1"}}, key).error().code, ErrorCode::BadInput);
  EXPECT_EQ(m_authority->issue_tls({}, key).error().code, ErrorCode::BadInput);
  EXPECT_EQ(m_authority->issue_email({.emails = {"gr\xC3\xBC\xC3\x9F@example.org"}}, key).error().code, ErrorCode::BadInput);
}

TEST_F(Pki, TextsAndFingerprints) {
  const Certificate leaf = server();
  const std::string pem = "text before\n" + leaf.to_pem() + "between\n" + m_authority->root().to_pem();
  const CertificateChain chain = certificates_from_pem(pem).value();
  ASSERT_EQ(chain.size(), 2U);
  EXPECT_EQ(chain[0], leaf);
  EXPECT_EQ(chain[1], m_authority->root());
  EXPECT_EQ(Certificate::from_der(leaf.to_der()).value(), leaf);
  EXPECT_EQ(parse_fingerprint(fingerprint_text(leaf.fingerprint())).value(), leaf.fingerprint());
  EXPECT_EQ(parse_fingerprint(hex_encode(leaf.fingerprint())).value(), leaf.fingerprint());
  EXPECT_EQ(leaf.spki_fingerprint(), sha256(leaf.public_key().value().to_spki()));
  EXPECT_FALSE(parse_fingerprint("sha256:AB:CD"));
  const std::string text = leaf.describe();
  for (const char* part : {"CN=mail.example.org", "ec-p256", "TLS server", "127.0.0.1", "sha256:"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
  EXPECT_FALSE(certificates_from_pem("nothing"));
  EXPECT_EQ(certificates_from_pem(pem, 1).error().code, ErrorCode::TooLarge);
  EXPECT_FALSE(Certificate::from_der(Bytes(100, 0x30)));
  EXPECT_EQ(certificates_from_file("/nonexistent/ca.pem").error().code, ErrorCode::NotFound);
}

TEST_F(Pki, IntermediatesAsAnchorsAndMoreRoots) {
  const Certificate leaf = server();
  // The leaf itself as the trust anchor: what an operator pinned is trusted.
  EXPECT_TRUE(verify_chain({.leaf = &leaf, .roots = {&leaf, 1}, .at = m_clock.now()}).ok);
}

}  // namespace
}  // namespace postern
