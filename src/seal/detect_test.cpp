#include "seal/detect.hpp"

#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "seal/content_peek.hpp"

namespace postern {
namespace {

Detection judge(const std::string& message) { return classify(MessageView::parse(message).value()); }

// ContentInfo headers (RFC 5652 3): SEQUENCE, OBJECT IDENTIFIER; the rest does not matter for the peek.
const std::string kEnveloped = "MIIBOgYJKoZIhvcNAQcDoIIBKzCCAScCAQAxgfMwgfACAQ==";
const std::string kAuthEnveloped = "MIIBOgYLKoZIhvcNAQkQARegggEpMIIBJQIBADGB8zCB8AIB";
// A detached OpenPGP signature packet (tag 2, old format) and an encrypted session key packet (tag 1).
const std::string kPgpSignature = "-----BEGIN PGP SIGNATURE-----\r\n\r\niHUEABYKAB0WIQQ=\r\n-----END PGP SIGNATURE-----\r\n";
const std::string kPgpMessage = "-----BEGIN PGP MESSAGE-----\r\n\r\nhF4DAAAAAAAAAAASAQdA\r\n-----END PGP MESSAGE-----\r\n";

std::string multipart(const std::string& type, const std::string& second) {
  return "Content-Type: " + type + "; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\n" + second + "\r\n--b--\r\n";
}

TEST(Detect, EncryptedByContent) {
  const Detection cbc =
      judge("Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\n" + kEnveloped);
  EXPECT_EQ(cbc.protection, Protection::SmimeEncrypted);
  EXPECT_TRUE(cbc.label_agrees);
  const Detection gcm = judge("Content-Type: application/x-pkcs7-mime\r\nContent-Transfer-Encoding: BASE64\r\n\r\n" + kAuthEnveloped);
  EXPECT_EQ(gcm.protection, Protection::SmimeEncrypted);
}

TEST(Detect, AnotherLabelDoesNotHideIt) {
  const Detection found =
      judge("Content-Type: application/octet-stream; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n" + kEnveloped);
  EXPECT_EQ(found.protection, Protection::SmimeEncrypted);
  EXPECT_FALSE(found.label_agrees);
}

TEST(Detect, ALabelAloneIsNotBelieved) {
  for (const char* type :
       {"application/pkcs7-mime; smime-type=enveloped-data", "multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b",
        "multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b"}) {
    const Detection found = judge("Content-Type: " + std::string(type) + "\r\n\r\nDear all, nothing is protected here.\r\n");
    EXPECT_EQ(found.protection, Protection::None) << type;
    EXPECT_FALSE(found.label_agrees) << type;
    EXPECT_FALSE(found.reason.empty());
  }
}

TEST(Detect, PgpMime) {
  const Detection found = judge(multipart("multipart/signed; protocol=\"application/pgp-signature\"",
                                          "Content-Type: application/pgp-signature\r\n\r\n" + kPgpSignature));
  EXPECT_EQ(found.protection, Protection::PgpSigned);
  EXPECT_TRUE(found.label_agrees);
  EXPECT_EQ(judge(multipart("multipart/encrypted; protocol=\"application/pgp-encrypted\"",
                            "Content-Type: application/octet-stream\r\n\r\n" + kPgpMessage))
                .protection,
            Protection::PgpEncrypted);
}

// Only the beginning of a part is looked at; wherever that cuts the armor, what it is stays clear.
TEST(Detect, ArmorCutAnywhere) {
  Bytes packet(60, 0xFF);
  packet[0] = 0x84;  // tag 1, old format
  const std::string armor = "-----BEGIN PGP MESSAGE-----\r\n\r\n" + base64_encode(packet);
  for (std::size_t size = armor.size() - 40; size <= armor.size(); ++size)
    EXPECT_EQ(peek_pgp(armor.substr(0, size)), PgpKind::Encrypted) << size;
}

TEST(Detect, SecondPartDecides) {
  EXPECT_EQ(judge(multipart("multipart/signed; protocol=\"application/pgp-signature\"",
                            "Content-Type: application/pgp-signature\r\n\r\nno signature"))
                .protection,
            Protection::None);
  const Detection crossed = judge(multipart("multipart/signed; protocol=\"application/pkcs7-signature\"", "\r\n" + kPgpSignature));
  EXPECT_EQ(crossed.protection, Protection::PgpSigned);
  EXPECT_FALSE(crossed.label_agrees);
}

// RFC 1847 2.1: exactly two parts; a third would look protected and not be.
TEST(Detect, AThirdPartIsNotProtected) {
  const std::string third = "Content-Type: application/octet-stream\r\n\r\n" + kPgpMessage + "\r\n--b\r\n\r\nfooter of a list";
  EXPECT_EQ(judge(multipart("multipart/encrypted; protocol=\"application/pgp-encrypted\"", third)).protection, Protection::None);
}

TEST(Detect, InlineOnlyWhenItIsTheWholeText) {
  EXPECT_EQ(judge("Content-Type: text/plain\r\n\r\n" + kPgpMessage).protection, Protection::PgpInlineEncrypted);
  const Detection partly = judge("Content-Type: text/plain\r\n\r\nThe password is below.\r\n" + kPgpMessage);
  EXPECT_EQ(partly.protection, Protection::None) << "what stands around the block is readable";
  EXPECT_FALSE(partly.label_agrees);
  const std::string clear = "-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA512\r\n\r\nhello\r\n" + kPgpSignature;
  EXPECT_EQ(judge("Content-Type: text/plain\r\n\r\n" + clear).protection, Protection::PgpInlineSigned);
  EXPECT_EQ(judge("\r\n" + clear).protection, Protection::PgpInlineSigned) << "no Content-Type is text (RFC 2045 5.2)";
}

TEST(Detect, InlineInBase64) {
  const std::string body = base64_encode(as_bytes(kPgpMessage));
  EXPECT_EQ(judge("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body).protection,
            Protection::PgpInlineEncrypted);
}

TEST(Detect, AKeyBlockIsNoProtection) {
  const Detection found = judge("\r\n-----BEGIN PGP PUBLIC KEY BLOCK-----\r\n\r\nmDMEAAAA\r\n-----END PGP PUBLIC KEY BLOCK-----\r\n");
  EXPECT_EQ(found.protection, Protection::None);
  EXPECT_TRUE(found.label_agrees);
}

TEST(Detect, OrdinaryMail) {
  EXPECT_EQ(judge("Subject: x\r\n\r\nhello").protection, Protection::None);
  EXPECT_EQ(judge(multipart("multipart/mixed", "\r\n" + kPgpSignature)).protection, Protection::None);
  EXPECT_EQ(judge("").protection, Protection::None);
}

TEST(Detect, EveryPrefixOfAContentInfoIsHarmless) {
  const Bytes der = base64_decode(kAuthEnveloped).value();
  for (std::size_t size = 0; size <= der.size(); ++size) {
    const auto kind = peek_cms(ByteView(der).first(size));
    EXPECT_EQ(kind.has_value(), size >= 17) << size;
  }
  EXPECT_EQ(peek_cms(Bytes{0x30, 0xFF}), std::nullopt);
  EXPECT_EQ(peek_cms(Bytes{0x30, 0x80, 0x06, 0xFF}), std::nullopt);
}

}  // namespace
}  // namespace postern
