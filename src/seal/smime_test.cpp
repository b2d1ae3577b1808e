#include "seal/smime.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "mime/tree.hpp"
#include "mime/writer.hpp"
#include "seal/cms.hpp"
#include "seal/decoded.hpp"
#include "seal/test_certificates.hpp"

namespace postern {
namespace {

using test::issue;
using test::Issued;
using test::kNow;

const std::string kMessage =
    "Received: from a by b; Sun, 22 Nov 2026 00:00:00 +0000\r\n"
    "From: Alice <alice@example.org>\r\n"
    "To: bob@example.net\r\n"
    "Subject: Quarterly figures\r\n"
    "Date: Sun, 22 Nov 2026 00:00:00 +0000\r\n"
    "Message-ID: <1@example.org>\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n"
    "\r\n"
    "Gr\xC3\xBC\xC3\x9F"
    "e MARKER-7f3a\r\n";

class Smime : public ::testing::Test {
 protected:
  // Made once: RSA keys are slow to find.
  inline static const Issued root = test::make_root();
  inline static const Issued alice = issue({.email = "alice@example.org"}, &root);
  inline static const Issued bob_rsa = issue({.email = "bob@example.net", .kind = KeyKind::Rsa}, &root);
  inline static const Issued bob_ec = issue({.email = "bob@example.net", .kind = KeyKind::EcP384}, &root);
  FixedRandom random;
  Limits limits;
  SealContext context{kNow, random, limits};

  std::vector<Certificate> roots() const { return {root.certificate}; }
  SmimeVerification verify(const std::string& message) {
    const auto trust = roots();
    auto out = smime_verify(message, {.roots = trust}, context);
    EXPECT_TRUE(out) << (out ? "" : out.error().text());
    return out.value_or(SmimeVerification{});
  }
  std::string sign(const Issued& signer, SmimeSignOptions options = {}) {
    auto out = smime_sign(kMessage, signer.identity(), options, context);
    EXPECT_TRUE(out) << (out ? "" : out.error().text());
    return out.value_or("");
  }
  std::string encrypt(const std::vector<Certificate>& recipients, SmimeEncryptOptions options = {}) {
    auto out = smime_encrypt(kMessage, recipients, options, context);
    EXPECT_TRUE(out) << (out ? "" : out.error().text());
    return out.value_or("");
  }
  SmimeOpened open(const std::string& message, const Issued& whose) {
    const std::vector<SmimeIdentity> identities{whose.identity()};
    auto out = smime_decrypt(message, identities, context);
    EXPECT_TRUE(out) << (out ? "" : out.error().text());
    return out.value_or(SmimeOpened{});
  }
};

std::string body_text(const std::string& message) {
  const auto tree = parse_mime_tree(message);
  return tree ? std::string(as_text(tree->content)) : "unreadable";
}
Protection protection_of(const std::string& message) { return classify(MessageView::parse(message).value()).protection; }
std::string field(const std::string& message, std::string_view name) { return MessageView::parse(message).value().value(name); }

TEST_F(Smime, SignsDetachedAndVerifies) {
  const std::string out = sign(alice);
  EXPECT_EQ(protection_of(out), Protection::SmimeSigned);
  const ContentType type = parse_content_type(field(out, "Content-Type"));
  EXPECT_EQ(type.type, "multipart/signed");
  // RFC 8551 3.5.3.2
  EXPECT_EQ(type.parameter("protocol"), "application/pkcs7-signature");
  EXPECT_EQ(type.parameter("micalg"), "sha-256");
  EXPECT_TRUE(is_7bit(out)) << "RFC 8551 3.1.3: a relay must have no reason to touch it";
  EXPECT_TRUE(out.starts_with("Received: from a by b")) << "the message's own fields keep their order";
  const SmimeVerification verification = verify(out);
  EXPECT_TRUE(verification.valid()) << verification.reason();
  ASSERT_EQ(verification.signers.size(), 1U);
  EXPECT_EQ(verification.signers[0].emails, std::vector<std::string>{"alice@example.org"});
  EXPECT_EQ(verification.signers[0].digest, "sha256");
  EXPECT_EQ(verification.signers[0].algorithm, "ecdsa");
  EXPECT_EQ(verification.signers[0].signing_time, kNow);
  EXPECT_EQ(verification.header.hp, "clear");
  EXPECT_TRUE(verification.header.altered.empty());
}

TEST_F(Smime, EveryKeySignsWithItsDigest) {
  const std::vector<std::pair<KeyKind, std::string>> cases = {
      {KeyKind::Rsa, "sha-256"}, {KeyKind::EcP256, "sha-256"}, {KeyKind::EcP384, "sha-384"}, {KeyKind::EcP521, "sha-512"}};
  for (const auto& [kind, micalg] : cases) {
    const Issued signer = issue({.email = "alice@example.org", .kind = kind}, &root);
    const std::string out = sign(signer);
    EXPECT_EQ(parse_content_type(field(out, "Content-Type")).parameter("micalg"), micalg);
    EXPECT_TRUE(verify(out).valid()) << micalg << verify(out).reason();
  }
}

TEST_F(Smime, Ed25519IsRefusedInWords) {
  const Issued signer = issue({.email = "alice@example.org", .kind = KeyKind::Ed25519}, &root);
  const auto out = smime_sign(kMessage, signer.identity(), {}, context);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, ErrorCode::Unsupported);
}

TEST_F(Smime, OpaqueSignatureComesOff) {
  const std::string out = sign(alice, {.opaque = true});
  EXPECT_EQ(protection_of(out), Protection::SmimeOpaqueSigned);
  const SmimeVerification verification = verify(out);
  EXPECT_TRUE(verification.valid()) << verification.reason();
  EXPECT_EQ(field(verification.message, "Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(body_text(verification.message), body_text(kMessage));
}

TEST_F(Smime, AChangedByteIsSeen) {
  std::string out = sign(alice);
  const auto at = out.find("MARKER");
  ASSERT_NE(at, std::string::npos);
  out[at] = 'm';
  const SmimeVerification verification = verify(out);
  EXPECT_FALSE(verification.valid());
  EXPECT_FALSE(verification.signers.at(0).signature_ok);
  EXPECT_TRUE(verification.header.hp.empty()) << "nothing of a broken payload is believed";
}

TEST_F(Smime, AChangedSubjectIsReported) {
  std::string out = sign(alice);
  out.replace(out.find("Quarterly"), 9, "Invented!");
  const SmimeVerification verification = verify(out);
  EXPECT_TRUE(verification.valid());
  EXPECT_EQ(verification.header.altered, std::vector<std::string>{"subject"});
}

TEST_F(Smime, AStrangersCertificateIsNotFrom) {
  const Issued mallory = issue({.email = "mallory@example.org"}, &root);
  const SmimeVerification verification = verify(sign(mallory));
  EXPECT_TRUE(verification.signers.at(0).signature_ok);
  EXPECT_TRUE(verification.signers.at(0).trusted);
  EXPECT_FALSE(verification.signers.at(0).matches_from);
  EXPECT_FALSE(verification.valid());
}

TEST_F(Smime, TwoFromFieldsMatchNobody) {
  const std::string forged = "From: alice@example.org\r\n" + sign(alice);
  EXPECT_FALSE(verify(forged).valid());
}

TEST_F(Smime, UnknownRootIsNotTrusted) {
  const auto out = smime_verify(sign(alice), {}, context);
  ASSERT_TRUE(out);
  EXPECT_FALSE(out->valid());
  EXPECT_FALSE(out->signers.at(0).trusted);
  EXPECT_FALSE(out->reason().empty());
}

TEST_F(Smime, ExpiredAtTheTimeOfTheCheck) {
  const std::string out = sign(alice);
  const SealContext later{WallTime(std::chrono::seconds(2'100'000'000)), random, limits};
  const auto trust = roots();
  const auto verification = smime_verify(out, {.roots = trust}, later);
  ASSERT_TRUE(verification);
  EXPECT_FALSE(verification->valid());
}

TEST_F(Smime, RevokedSigner) {
  const auto trust = roots();
  const auto out = smime_verify(sign(alice), {.roots = trust, .is_revoked = [](const Certificate&) { return true; }}, context);
  ASSERT_TRUE(out);
  EXPECT_FALSE(out->valid());
  EXPECT_EQ(out->reason(), "the signer's certificate is revoked");
}

TEST_F(Smime, AValidSignatureIsJudgedByItsPath) {
  const auto trust = roots();
  std::size_t asked = 0;
  PathRevocation says;
  const SmimeTrust judging{.roots = trust, .judge_path = [&](const CertificateChain& path) {
                             EXPECT_EQ(path.size(), 2U);
                             ++asked;
                             return says;
                           }};
  says = decide_path_revocation({}, RevocationPolicy::Soft, {});
  EXPECT_TRUE(smime_verify(sign(alice), judging, context)->valid());
  const std::vector<Certificate> path{alice.certificate, root.certificate};
  says = decide_path_revocation(path, RevocationPolicy::Soft, {{0, "ocsp", {RevocationStatus::Revoked, "revoked"}}});
  const auto revoked = smime_verify(sign(alice), judging, context).value();
  EXPECT_FALSE(revoked.valid());
  EXPECT_TRUE(revoked.signers.at(0).revoked);
  EXPECT_NE(revoked.reason().find("is revoked"), std::string::npos);
  says = decide_path_revocation(path, RevocationPolicy::Hard, {{0, "", {RevocationStatus::Invalid, "nobody answers"}}});
  const auto open = smime_verify(sign(alice), judging, context).value();
  EXPECT_FALSE(open.valid());
  EXPECT_FALSE(open.signers.at(0).revoked);
  EXPECT_NE(open.reason().find("nobody answers"), std::string::npos);
  std::string changed = sign(alice);
  changed.replace(changed.find("MARKER"), 6, "marked");
  EXPECT_FALSE(smime_verify(changed, judging, context)->valid());
  EXPECT_EQ(asked, 3U) << "nobody is asked about a signature that does not count anyway";
}

// RFC 8551 4.3: keys under 2,048 bits are a thing of the past.
TEST_F(Smime, WeakKeyIsNotBelieved) {
  const Issued weak = issue({.email = "alice@example.org", .kind = KeyKind::Rsa, .rsa_bits = 1024}, &root);
  const SmimeVerification verification = verify(sign(weak));
  EXPECT_TRUE(verification.signers.at(0).signature_ok);
  EXPECT_FALSE(verification.signers.at(0).strong);
  EXPECT_FALSE(verification.valid());
}

TEST_F(Smime, ExpiredSignerIsRefused) {
  const Issued old = issue({.email = "alice@example.org", .until = 1'750'000'000}, &root);
  const auto out = smime_sign(kMessage, old.identity(), {}, context);
  ASSERT_FALSE(out);
  EXPECT_NE(out.error().what.find("expired"), std::string::npos) << out.error().text();
}

TEST_F(Smime, EncryptsToMixedRecipientsInOneMessage) {
  const std::string out = encrypt({bob_rsa.certificate, bob_ec.certificate});
  EXPECT_EQ(protection_of(out), Protection::SmimeEncrypted);
  EXPECT_EQ(out.find("MARKER-7f3a"), std::string::npos);
  // RFC 8551 3.2.2
  EXPECT_EQ(parse_content_type(field(out, "Content-Type")).parameter("smime-type"), "authEnveloped-data");
  const SmimeOpened rsa = open(out, bob_rsa);
  EXPECT_EQ(rsa.key_transport, "rsa-oaep");
  EXPECT_EQ(rsa.cipher, "AES-256-GCM");
  EXPECT_TRUE(rsa.authenticated);
  const SmimeOpened ec = open(out, bob_ec);
  EXPECT_EQ(ec.key_transport, "ecdh");
  EXPECT_EQ(rsa.message, ec.message);
  EXPECT_EQ(body_text(rsa.message), body_text(kMessage));
  EXPECT_EQ(field(rsa.message, "Subject"), "Quarterly figures");
  EXPECT_EQ(rsa.message.find("pkcs7"), std::string::npos) << "nothing of the outer Content-* is left";
  EXPECT_EQ(MessageView::parse(rsa.message).value().count("Content-Type"), 1U);
  EXPECT_TRUE(rsa.message.starts_with("Received: from a by b"));
}

// RFC 5753 7.1.4, RFC 8017 A.2.1: the algorithms by their object identifiers in the DER.
TEST_F(Smime, UsesTheAlgorithmsOfRfc8551) {
  const std::string out = encrypt({bob_rsa.certificate, bob_ec.certificate});
  const std::string der = hex_encode(decoded_content(out).value());
  EXPECT_NE(der.find("06092a864886f70d010107"), std::string::npos) << "id-RSAES-OAEP";
  EXPECT_NE(der.find("06062b8104010b01"), std::string::npos) << "1.3.132.1.11.1 dhSinglePass-stdDH-sha256kdf-scheme";
  EXPECT_NE(der.find("060960864801650304012d"), std::string::npos) << "id-aes256-wrap";
  EXPECT_NE(der.find("060960864801650304012e"), std::string::npos) << "id-aes256-GCM";
  EXPECT_EQ(der.find("06092b810510864814"), std::string::npos) << "no SHA-1 key derivation";
}

TEST_F(Smime, CbcProfile) {
  SmimeEncryptOptions options;
  options.profile = {ContentCipher::Aes256Cbc, RsaTransport::Pkcs1};
  const std::string out = encrypt({bob_rsa.certificate}, options);
  EXPECT_EQ(parse_content_type(field(out, "Content-Type")).parameter("smime-type"), "enveloped-data");
  const SmimeOpened opened = open(out, bob_rsa);
  EXPECT_EQ(opened.cipher, "AES-256-CBC");
  EXPECT_EQ(opened.key_transport, "rsa-pkcs1");
  EXPECT_FALSE(opened.authenticated);
  EXPECT_EQ(body_text(opened.message), body_text(kMessage));
}

TEST_F(Smime, HiddenSubjectComesBack) {
  SmimeEncryptOptions options;
  options.header.hide_subject = true;
  const std::string out = encrypt({bob_ec.certificate}, options);
  // RFC 9788 3.2.1, hcp_baseline
  EXPECT_EQ(field(out, "Subject"), "[...]");
  EXPECT_EQ(out.find("Quarterly"), std::string::npos);
  const SmimeOpened opened = open(out, bob_ec);
  EXPECT_EQ(field(opened.message, "Subject"), "Quarterly figures");
  EXPECT_EQ(opened.header.hp, "cipher");
  EXPECT_EQ(opened.header.restored, std::vector<std::string>{"subject"});
  EXPECT_EQ(opened.message.find("HP-Outer"), std::string::npos);
  EXPECT_EQ(opened.message.find("hp="), std::string::npos);
}

// RFC 9788 4.3: what somebody changed on the way was not obscured by the sender.
TEST_F(Smime, ASubjectChangedOutsideStaysAndIsReported) {
  SmimeEncryptOptions options;
  options.header.hide_subject = true;
  std::string out = encrypt({bob_ec.certificate}, options);
  out.replace(out.find("[...]"), 5, "Prize");
  const SmimeOpened opened = open(out, bob_ec);
  EXPECT_EQ(field(opened.message, "Subject"), "Prize");
  EXPECT_EQ(opened.header.altered, std::vector<std::string>{"subject"});
}

TEST_F(Smime, SignedThenEncrypted) {
  SmimeEncryptOptions options;
  options.header.hide_subject = true;
  const std::vector<Certificate> recipients{bob_rsa.certificate};
  const auto out = smime_sign_encrypt(kMessage, alice.identity(), recipients, options, context);
  ASSERT_TRUE(out) << out.error().text();
  const SmimeOpened opened = open(*out, bob_rsa);
  EXPECT_EQ(opened.inner, Protection::SmimeSigned);
  EXPECT_EQ(field(opened.message, "Subject"), "Quarterly figures");
  const SmimeVerification verification = verify(opened.message);
  EXPECT_TRUE(verification.valid()) << verification.reason();
  EXPECT_TRUE(verification.header.altered.empty());
}

TEST_F(Smime, EverySingleFlippedByteOfTheCiphertextIsCaught) {
  const std::string out = encrypt({bob_ec.certificate});
  const Bytes der = decoded_content(out).value();
  // The last bytes are the ciphertext and the tag; walk over them with every bit position in turn.
  for (std::size_t back = 1; back < 60; ++back) {
    Bytes bad = der;
    bad[bad.size() - back] ^= static_cast<Byte>(1U << (back % 8));
    const auto opened = cms_decrypt(bad, bob_ec.certificate.native(), bob_ec.key.get(), limits.message_bytes);
    ASSERT_FALSE(opened) << back;
    EXPECT_EQ(opened.error().what.find("MARKER"), std::string::npos);
  }
}

TEST_F(Smime, TagFailureIsIntegrityFailed) {
  const Bytes der = decoded_content(encrypt({bob_ec.certificate})).value();
  Bytes bad = der;
  bad.back() ^= 1;
  const auto opened = cms_decrypt(bad, bob_ec.certificate.native(), bob_ec.key.get(), limits.message_bytes);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::IntegrityFailed);
}

TEST_F(Smime, NotForUs) {
  const std::string out = encrypt({bob_ec.certificate});
  const std::vector<SmimeIdentity> identities{alice.identity()};
  const auto opened = smime_decrypt(out, identities, context);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::NotFound);
}

TEST_F(Smime, TheRightIdentityAmongSeveral) {
  const std::string out = encrypt({bob_rsa.certificate});
  const std::vector<SmimeIdentity> identities{alice.identity(), bob_ec.identity(), bob_rsa.identity()};
  const auto opened = smime_decrypt(out, identities, context);
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ(opened->identity, 2U);
}

TEST_F(Smime, ContentOverTheLimitIsRefused) {
  const std::string out = encrypt({bob_ec.certificate});
  const Bytes der = decoded_content(out).value();
  const auto opened = cms_decrypt(der, bob_ec.certificate.native(), bob_ec.key.get(), 100);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::TooLarge);
}

TEST_F(Smime, ProtectedMessagesAreNotProtectedAgain) {
  const std::string signed_message = sign(alice);
  EXPECT_EQ(smime_sign(signed_message, alice.identity(), {}, context).error().code, ErrorCode::Conflict);
  const std::string sealed = encrypt({bob_ec.certificate});
  const std::vector<Certificate> recipients{bob_rsa.certificate};
  EXPECT_EQ(smime_encrypt(sealed, recipients, {}, context).error().code, ErrorCode::Conflict);
  EXPECT_EQ(smime_sign(sealed, alice.identity(), {}, context).error().code, ErrorCode::Conflict);
}

TEST_F(Smime, AStrangersSignatureSurvivesEncryption) {
  const std::string signed_message = sign(alice);
  const std::vector<Certificate> recipients{bob_ec.certificate};
  const auto sealed = smime_encrypt(signed_message, recipients, {}, context);
  ASSERT_TRUE(sealed) << sealed.error().text();
  const SmimeOpened opened = open(*sealed, bob_ec);
  EXPECT_EQ(opened.message, signed_message) << "byte for byte";
  EXPECT_TRUE(verify(opened.message).valid());
}

TEST_F(Smime, UnusableRecipientsAreNamed) {
  const Issued expired = issue({.email = "bob@example.net", .until = 1'750'000'000}, &root);
  const std::vector<Certificate> recipients{bob_ec.certificate, expired.certificate};
  const auto out = smime_encrypt(kMessage, recipients, {}, context);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, ErrorCode::BadInput);
  EXPECT_NE(out.error().what.find("bob@example.net"), std::string::npos);
  EXPECT_NE(out.error().what.find("expired"), std::string::npos);
}

TEST_F(Smime, PlainMessageWithoutMimeFields) {
  const std::string plain = "From: alice@example.org\r\nSubject: x\r\n\r\nhello\r\n";
  const auto out = smime_sign(plain, alice.identity(), {}, context);
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_TRUE(verify(*out).valid());
  EXPECT_NE(out->find("Content-Type: text/plain; charset=us-ascii"), std::string::npos) << "RFC 2045 5.2, written out";
}

TEST_F(Smime, UnsafeHeadersAreNotSealed) {
  const auto out = smime_sign("From: alice@example.org\r\nSubject: a\nBcc: b\r\n\r\nx", alice.identity(), {}, context);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, ErrorCode::BadInput);
}

TEST_F(Smime, TwoContentTypesAreNotSealed) {
  const auto out =
      smime_sign("From: alice@example.org\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx", alice.identity(), {}, context);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().field, "Content-Type");
}

TEST_F(Smime, BccDoesNotTravelInside) {
  const std::string with_bcc = "From: alice@example.org\r\nTo: bob@example.net\r\nBcc: secret@example.org\r\n\r\nx\r\n";
  const auto out = smime_sign(with_bcc, alice.identity(), {.opaque = true}, context);
  ASSERT_TRUE(out);
  const std::string der(as_text(decoded_content(*out).value()));
  EXPECT_EQ(der.find("secret@example.org"), std::string::npos);
  EXPECT_NE(der.find("bob@example.net"), std::string::npos);
}

}  // namespace
}  // namespace postern
