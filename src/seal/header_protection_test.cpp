#include "seal/header_protection.hpp"

#include <gtest/gtest.h>

#include "seal/entity.hpp"

namespace postern {
namespace {

const std::string kHeader =
    "Received: from a by b; date\r\n"
    "From: a@example.org\r\n"
    "Subject: a long\r\n subject\r\n"
    "Keywords: one\r\n"
    "Bcc: hidden@example.org\r\n"
    "DKIM-Signature: v=1\r\n"
    "Content-Type: text/plain\r\n"
    "\r\nbody\r\n";

MessageView view(const std::string& message) { return MessageView::parse(message).value(); }

TEST(HeaderProtection, SigningCopiesTheAuthorsFieldsAndLeavesTheOuterOnes) {
  const auto out = protect_header(view(kHeader), {}, false).value();
  EXPECT_EQ(out.hp, "clear");
  EXPECT_EQ(out.inner, "From: a@example.org\r\nSubject: a long\r\n subject\r\nKeywords: one\r\n");
  EXPECT_EQ(out.outer, kHeader.substr(0, kHeader.find("Content-Type")));
}

// RFC 9788 2.2: with encryption, HP-Outer repeats what stays outside.
TEST(HeaderProtection, EncryptingSaysWhatStaysOutside) {
  const auto out = protect_header(view(kHeader), {}, true).value();
  EXPECT_EQ(out.hp, "cipher");
  EXPECT_NE(out.inner.find("HP-Outer: From: a@example.org\r\n"), std::string::npos);
  EXPECT_NE(out.inner.find("HP-Outer: Subject: a long\r\n subject\r\n"), std::string::npos);
}

// RFC 9788 3.2.1, hcp_baseline.
TEST(HeaderProtection, BaselineHidesSubjectAndRemovesKeywords) {
  const auto out = protect_header(view(kHeader), {.copy_fields = false, .hide_subject = true}, true).value();
  EXPECT_EQ(out.outer,
            "Received: from a by b; date\r\nFrom: a@example.org\r\nSubject: [...]\r\nBcc: hidden@example.org\r\nDKIM-Signature: v=1\r\n");
  EXPECT_NE(out.inner.find("Subject: a long\r\n subject\r\n"), std::string::npos);
  EXPECT_NE(out.inner.find("HP-Outer: Subject: [...]\r\n"), std::string::npos);
  EXPECT_EQ(out.inner.find("HP-Outer: Keywords"), std::string::npos);
}

TEST(HeaderProtection, NoneWhenNotAskedFor) {
  const auto out = protect_header(view(kHeader), {.copy_fields = false}, false).value();
  EXPECT_TRUE(out.inner.empty());
  EXPECT_TRUE(out.hp.empty());
}

TEST(HeaderProtection, ForeignHpOuterIsNotPassedOn) {
  const auto out = protect_header(view("From: a@b.c\r\nHP-Outer: Subject: fake\r\n\r\n"), {}, true).value();
  EXPECT_EQ(out.outer.find("HP-Outer"), std::string::npos);
  EXPECT_EQ(out.inner.find("fake"), std::string::npos);
}

TEST(HeaderProtection, RestoresWhatTheSenderHid) {
  const std::string outer = "From: a@example.org\r\nSubject: [...]\r\nX: y\r\nContent-Type: application/pkcs7-mime\r\n\r\n";
  const std::string payload =
      "From: a@example.org\r\nSubject: real\r\nKeywords: one\r\nHP-Outer: From: a@example.org\r\nHP-Outer: Subject: [...]\r\n"
      "Content-Type: text/plain; hp=\"cipher\"\r\n\r\nbody";
  const RestoredHeader out = restore_header(view(outer), payload, {});
  EXPECT_EQ(out.fields, "From: a@example.org\r\nSubject: real\r\nX: y\r\nKeywords: one\r\n");
  EXPECT_EQ(out.facts.restored, (std::vector<std::string>{"subject", "keywords"}));
  EXPECT_TRUE(out.facts.altered.empty());
}

// RFC 9788 4.4: an inner From never replaces the outer one.
TEST(HeaderProtection, FromIsNeverReplaced) {
  const std::string outer = "From: a@example.org\r\n\r\n";
  const std::string payload = "From: boss@example.org\r\nHP-Outer: From: a@example.org\r\nContent-Type: text/plain; hp=\"cipher\"\r\n\r\n";
  const RestoredHeader out = restore_header(view(outer), payload, {});
  EXPECT_EQ(out.fields, "From: a@example.org\r\n");
  EXPECT_EQ(out.facts.altered, std::vector<std::string>{"from"});
}

TEST(HeaderProtection, OlderClientsSubjectComesBackFromAPlaceholderOnly) {
  const std::string payload = "Subject: real\r\nContent-Type: text/plain; protected-headers=\"v1\"\r\n\r\n";
  EXPECT_EQ(restore_header(view("Subject: ...\r\n\r\n"), payload, {}).fields, "Subject: real\r\n");
  EXPECT_EQ(restore_header(view("Subject: other\r\n\r\n"), payload, {}).fields, "Subject: other\r\n");
}

TEST(HeaderProtection, RefoldedFieldsAreTheSame) {
  const std::string payload = "Subject: a  b\r\nContent-Type: text/plain; hp=\"clear\"\r\n\r\n";
  EXPECT_TRUE(compare_header(view("Subject: a\r\n b\r\n\r\n"), payload, {}).altered.empty());
  EXPECT_EQ(compare_header(view("Subject: ab\r\n\r\n"), payload, {}).altered, std::vector<std::string>{"subject"});
}

TEST(HeaderProtection, WithoutTheParameterNothingIsClaimed) {
  const HeaderFacts facts = compare_header(view("Subject: b\r\n\r\n"), "Subject: a\r\nContent-Type: text/plain\r\n\r\n", {});
  EXPECT_FALSE(facts.is_protected());
  EXPECT_TRUE(facts.altered.empty());
}

TEST(HeaderProtection, PayloadIsInsideTheSignature) {
  const std::string entity = "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nSubject: x\r\n\r\nin\r\n--b\r\n\r\ns\r\n--b--\r\n";
  EXPECT_EQ(payload_of(entity, {}), "Subject: x\r\n\r\nin");
}

TEST(Entity, TypeParameterComesAndGoesWithoutATrace) {
  const std::string fields = "Content-Type: text/plain;\r\n charset=utf-8\r\nContent-ID: <x>\r\n";
  const std::string with = with_type_parameter(fields, "hp", "clear");
  EXPECT_EQ(with, "Content-Type: text/plain;\r\n charset=utf-8;\r\n hp=\"clear\"\r\nContent-ID: <x>\r\n");
  EXPECT_EQ(with_type_parameter(with, "hp", ""), fields);
}

TEST(Entity, AForeignParameterOfTheSameNameIsReplaced) {
  const std::string out = with_type_parameter("Content-Type: text/plain; hp=cipher; charset=utf-8\r\n", "hp", "clear");
  EXPECT_EQ(out.find("cipher"), std::string::npos);
  EXPECT_NE(out.find("hp=\"clear\""), std::string::npos);
  EXPECT_NE(out.find("charset"), std::string::npos);
}

// RFC 3156 5: trailing white space and "From " lines are encoded, wherever the text part stands.
TEST(Entity, FragileLinesAreEncoded) {
  const std::string plain = "Content-Type: text/plain\r\n\r\nhello\r\n-- \r\nme\r\n";
  const std::string out = canonical_entity(plain, {}).value();
  EXPECT_NE(out.find("Content-Transfer-Encoding: quoted-printable"), std::string::npos);
  EXPECT_NE(out.find("--=20\r\n"), std::string::npos) << out;
  const std::string nested =
      "Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n\r\nFrom here\r\n--b\r\nContent-Type: "
      "text/html\r\n\r\n<p>\r\n--b--\r\nend";
  const std::string shielded = canonical_entity(nested, {}).value();
  EXPECT_EQ(shielded.find("\r\nFrom here"), std::string::npos) << shielded;
  EXPECT_NE(shielded.find("--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--\r\nend"), std::string::npos) << "other bytes stay";
}

TEST(Entity, SignedPartsKeepTheirBytes) {
  const std::string inner = "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\ntrailing \r\n--b\r\n\r\ns\r\n--b--\r\n";
  const std::string outer = "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n" + inner + "\r\n--o--\r\n";
  EXPECT_EQ(canonical_entity(outer, {}).value(), outer);
}

}  // namespace
}  // namespace postern
