#include <gtest/gtest.h>
#include <openssl/cms.h>

#include "contentseal/content_info.hpp"
#include "contentseal/oids.hpp"
#include "contentseal/open.hpp"
#include "contentseal/seal.hpp"
#include "contentseal/testing/people.hpp"
#include "ipm/oids.hpp"
#include "ipm/testing/samples.hpp"
#include "seal/cms.hpp"

namespace postern::contentseal {
namespace {

using postern::testing::Made;
using testing::address;
using testing::identity;
using testing::kAlice;
using testing::kBob;
using testing::kNow;
using testing::person;

const asn1::Oid kP22 = ipm::id_mct_p2_1988();
const asn1::Oid kP772{1, 3, 26, 0, 4406, 0, 4, 1};  // STANAG 4406: a content type that is not interpersonal

/// From Alice, as a P22 content.
Bytes message_from(const char* originator) {
  ipm::Draft draft = ipm::testing::draft();
  draft.originator.name = ipm::testing::name(originator);
  return ipm::compose(draft).value().copies.front().content;
}

class Contents : public ::testing::Test {
 protected:
  inline static const Made root = testing::authority();
  inline static const Made alice = person({.addresses = {kAlice}}, &root);
  inline static const Made bob = person({.addresses = {kBob}}, &root);
  inline static const Bytes message = message_from(kAlice);
  CertificateChain roots{root.certificate};
  std::vector<SmimeIdentity> ours{identity(bob)};
  std::vector<Certificate> to_bob{bob.certificate};

  Result<Opened> try_open(ByteView octets, const char* originator = kAlice) {
    OpenRequest request;
    request.octets = octets;
    request.originator = address(originator);
    request.identities = ours;
    request.trust.roots = roots;
    request.now = kNow;
    return open_content(request);
  }
  Opened open(ByteView octets, const char* originator = kAlice) {
    auto out = try_open(octets, originator);
    EXPECT_TRUE(out) << (out ? "" : out.error().text());
    return out.value_or(Opened());
  }
  Bytes sign(const Made& signer, ByteView content, const asn1::Oid& type = kP22) {
    auto out = sign_content({type, content}, identity(signer), kNow);
    EXPECT_TRUE(out) << (out ? "" : out.error().text());
    return out ? std::move(out->octets) : Bytes();
  }
  Bytes seal(const Made& signer, ByteView content, ContentCipher cipher = ContentCipher::Aes256Gcm) {
    auto out = sign_encrypt_content({kP22, content}, identity(signer), to_bob, {.cipher = cipher}, kNow);
    EXPECT_TRUE(out) << (out ? "" : out.error().text());
    return out ? std::move(out->octets) : Bytes();
  }
};

// RFC 3854 3.2, RFC 3855 2.2 and 2.5.
TEST_F(Contents, SignedAndVerified) {
  const auto sealed = sign_content({kP22, message}, identity(alice), kNow);
  ASSERT_TRUE(sealed) << sealed.error().text();
  EXPECT_EQ(mts::text_of(sealed->content_type), "1.2.840.113549.1.9.16.1.6");
  ASSERT_EQ(sealed->encoded_types.size(), 1U);
  EXPECT_EQ(sealed->encoded_types[0].text(), "1.2.840.113549.1.9.16.10.6");
  EXPECT_TRUE(is_sealed(sealed->octets));
  const Opened opened = open(sealed->octets);
  EXPECT_TRUE(opened.verdict.valid()) << opened.verdict.reason();
  EXPECT_EQ(opened.content, message);
  EXPECT_EQ(write_content_type(opened.content_type), "22");
  EXPECT_EQ(opened.verdict.text(), "signed by CN=Alice: valid");
  EXPECT_EQ(opened.verdict.signers.at(0).signing_time, kNow);
}

TEST_F(Contents, TheEContentTypeIsThatOfTheContent) {
  const auto verified = cms_verify(sign(alice, message, kP772), std::nullopt, 1U << 20U);
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->content_type, kP772.text());
  EXPECT_EQ(verified->content, message);
  EXPECT_EQ(write_content_type(open(sign(alice, message, kP772)).content_type), kP772.text());
}

TEST_F(Contents, SignedAndEncrypted) {
  for (const ContentCipher cipher : {ContentCipher::Aes256Gcm, ContentCipher::Aes256Cbc}) {
    const Bytes sealed = seal(alice, message, cipher);
    EXPECT_EQ(as_text(sealed).find("all is well"), std::string_view::npos);
    const Opened opened = open(sealed);
    EXPECT_TRUE(opened.verdict.valid()) << opened.verdict.reason();
    EXPECT_EQ(opened.content, message);
    EXPECT_EQ(opened.verdict.authenticated, cipher == ContentCipher::Aes256Gcm);
    EXPECT_EQ(opened.verdict.key_transport, "ecdh");
    EXPECT_EQ(opened.verdict.layers, 2U);
  }
}

// RFC 3854 3.4: what is nested stands there as it is, without a ContentInfo.
TEST_F(Contents, NestedWithoutContentInfo) {
  const auto opened = cms_decrypt(seal(alice, message), bob.certificate.native(), bob.key.get(), 1U << 20U);
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ(opened->content_type, id_signed_data().text());
  EXPECT_FALSE(sealed_type_of(opened->content)) << "SignedData begins with its version";
}

TEST_F(Contents, OnlyEncrypted) {
  const auto sealed = encrypt_content({kP22, message}, to_bob, {}, kNow);
  ASSERT_TRUE(sealed) << sealed.error().text();
  EXPECT_EQ(sealed->encoded_types.at(0).text(), "1.2.840.113549.1.9.16.10.5");
  const Opened opened = open(sealed->octets);
  EXPECT_EQ(opened.content, message);
  EXPECT_EQ(write_content_type(opened.content_type), "22");
  EXPECT_FALSE(opened.verdict.valid());
  EXPECT_EQ(opened.verdict.text(), "nobody signed; encrypted with AES-256-GCM (ecdh)");
}

TEST_F(Contents, AnyOctetsComeOutAsTheyWentIn) {
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    const Bytes content = ipm::testing::entropy(seed, seed * seed * 7);
    if (is_sealed(content)) continue;
    for (const Bytes& sealed : {sign(alice, content, kP772), seal(alice, content)}) EXPECT_EQ(open(sealed).content, content) << seed;
  }
}

TEST_F(Contents, AnyChangedOctetIsCaught) {
  for (const Bytes& sealed : {sign(alice, message), seal(alice, message)}) {
    for (std::size_t at = 0; at < sealed.size(); at += 13) {
      Bytes changed = sealed;
      changed[at] ^= 1U;
      const auto opened = try_open(changed);
      if (!opened) continue;
      EXPECT_TRUE(!opened->verdict.valid() || opened->content == message) << "octet " << at << ": " << opened->verdict.text();
    }
  }
}

TEST_F(Contents, AChangedContentIsNotGivenOut) {
  Bytes sealed = sign(alice, message);
  const auto at = as_text(sealed).find("all is well");
  ASSERT_NE(at, std::string_view::npos);
  sealed[at] = 'o';
  const Opened opened = open(sealed);
  EXPECT_FALSE(opened.content.has_value());
  EXPECT_EQ(opened.verdict.reason(), "the content or its signature was changed");
}

// RFC 5652 11.1: a content cannot be passed off as another type.
TEST_F(Contents, TheContentTypeIsSigned) {
  Bytes sealed = sign(alice, message);
  const Bytes p22 = to_bytes(as_text(kP22.content()));
  const auto at = as_text(sealed).find(as_text(p22));
  ASSERT_NE(at, std::string_view::npos);
  sealed[at + p22.size() - 1] = 0;  // id-mct-p2-1984, in the eContentType and not in the attribute
  EXPECT_FALSE(open(sealed).content.has_value());
}

TEST_F(Contents, WhoSignedMustBeTheOriginator) {
  const Opened by_bob = open(sign(bob, message));
  EXPECT_FALSE(by_bob.verdict.valid());
  EXPECT_EQ(by_bob.content, message) << "intact, but not believed";
  EXPECT_EQ(by_bob.verdict.reason(), std::string("the signer's certificate does not name the originator ") + kAlice);
  // Alice's own content, in an envelope of Bob's.
  EXPECT_NE(open(sign(alice, message), kBob).verdict.reason().find("S=Bob"), std::string::npos);
  // RFC 3854 4.3: the heading says Bob, envelope and signature say Alice.
  EXPECT_NE(open(sign(alice, message_from(kBob))).verdict.reason().find("S=Bob"), std::string::npos);
}

TEST_F(Contents, TrustAndTime) {
  const Made stranger_root = testing::authority("Somewhere");
  const Made stranger = person({.addresses = {kAlice}}, &stranger_root);
  const Opened foreign = open(sign(stranger, message));
  EXPECT_FALSE(foreign.verdict.valid());
  EXPECT_FALSE(foreign.verdict.signers.at(0).trusted);
  OpenRequest later;
  const Bytes sealed = sign(alice, message);
  later.octets = sealed;
  later.originator = address(kAlice);
  later.trust.roots = roots;
  later.now = WallTime(std::chrono::seconds(2'000'000'001));
  const auto expired = open_content(later);
  ASSERT_TRUE(expired);
  EXPECT_NE(expired->verdict.reason().find("expired"), std::string::npos) << expired->verdict.reason();
  later.now = kNow;
  later.trust.is_revoked = [](const Certificate&) { return true; };
  EXPECT_EQ(open_content(later)->verdict.reason(), "the signer's certificate is revoked");
}

TEST_F(Contents, WrongKeysAreRefusedBeforeAnythingIsMade) {
  const Made expired = person({.addresses = {kAlice}, .not_after = 1'710'000'000}, &root);
  const Made server = person({.addresses = {kAlice}, .extended_usage = "serverAuth"}, &root);
  const Made silent = person({.addresses = {kAlice}, .key_usage = "critical,keyAgreement"}, &root);
  for (const Made& each : {expired, server, silent}) {
    const auto refused = sign_content({kP22, message}, identity(each), kNow);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::BadInput);
    EXPECT_EQ(refused.error().field, "signer");
  }
  EXPECT_EQ(encrypt_content({kP22, message}, std::vector{expired.certificate}, {}, kNow).error().field, "recipient");
  EXPECT_FALSE(encrypt_content({kP22, message}, {}, {}, kNow));
}

TEST_F(Contents, WhatIsSealedIsNotSealedAgain) {
  const Bytes sealed = sign(alice, message);
  EXPECT_EQ(sign_content({id_ct_content_info(), sealed}, identity(alice), kNow).error().code, ErrorCode::Conflict);
  EXPECT_EQ(encrypt_content({id_ct_content_info(), sealed}, to_bob, {}, kNow).error().code, ErrorCode::Conflict);
}

TEST_F(Contents, EncryptedToSomebodyElse) {
  ours = {identity(alice)};
  EXPECT_EQ(try_open(seal(alice, message)).error().code, ErrorCode::NotFound);
  ours.clear();
  EXPECT_EQ(try_open(seal(alice, message)).error().code, ErrorCode::NotFound);
}

TEST_F(Contents, PlainContentIsNoObject) {
  EXPECT_EQ(try_open(message).error().code, ErrorCode::BadInput);
  EXPECT_EQ(try_open({}).error().code, ErrorCode::BadInput);
  EXPECT_FALSE(is_sealed(message));
}

/// SignedData of anything around anything, as RFC 3854 3.4.1 has it for the outer layers.
Bytes wrapped(const Made& signer, const ContentInfo& inside) {
  CmsSignRequest request;
  request.certificate = signer.certificate.native();
  request.key = signer.key.get();
  request.detached = false;
  request.signing_time = kNow;
  request.content_type = inside.content_type.text();
  return cms_sign(inside.content.ber, request).value().der;
}

// RFC 3854 3.4.1: signed, encrypted, signed by an agent on the way.
TEST_F(Contents, TripleWrapped) {
  const Made agent = person({.addresses = {"C=DE;A= ;P=NORTH;S=Gateway"}}, &root);
  const ContentInfo inside = read_content_info(seal(alice, message)).value();
  const Opened opened = open(wrapped(agent, inside));
  EXPECT_TRUE(opened.verdict.valid()) << opened.verdict.reason();
  EXPECT_EQ(opened.verdict.layers, 3U);
  EXPECT_EQ(opened.verdict.signers.at(0).certificate, alice.certificate) << "the innermost is the originator's";
  const Made untrusted = person({.addresses = {kAlice}}, nullptr);
  const Opened doubted = open(wrapped(untrusted, inside));
  EXPECT_FALSE(doubted.verdict.valid());
  EXPECT_TRUE(doubted.verdict.reason().starts_with("the outer signature: ")) << doubted.verdict.reason();
  EXPECT_EQ(doubted.content, message);
}

// Encrypted first and signed then: the only signature there is must be the originator's like any other.
TEST_F(Contents, SignedAroundTheEncryption) {
  const ContentInfo inside = read_content_info(encrypt_content({kP22, message}, to_bob, {}, kNow).value().octets).value();
  EXPECT_TRUE(open(wrapped(alice, inside)).verdict.valid());
  const Opened by_bob = open(wrapped(bob, inside));
  EXPECT_FALSE(by_bob.verdict.valid());
  EXPECT_NE(by_bob.verdict.reason().find("does not name the originator"), std::string::npos) << by_bob.verdict.reason();
  EXPECT_FALSE(open(wrapped(alice, inside), kBob).verdict.valid());
}

TEST_F(Contents, NestingHasAnEnd) {
  Bytes object = sign(alice, message);
  for (std::size_t layer = 1; layer < kMostLayers; ++layer) object = wrapped(alice, read_content_info(object).value());
  EXPECT_EQ(open(object).content, message);
  EXPECT_EQ(try_open(wrapped(alice, read_content_info(object).value())).error().code, ErrorCode::TooLarge);
}

// Peers that nest the whole ContentInfo as id-data, as OpenSSL's command does.
TEST_F(Contents, NestedWithContentInfo) {
  const auto der = cms_encrypt(sign(alice, message), {bob.certificate.native()}, {}, kCmsData);
  ASSERT_TRUE(der);
  const Opened opened = open(*der);
  EXPECT_TRUE(opened.verdict.valid()) << opened.verdict.reason();
  EXPECT_EQ(opened.content, message);
}

// RFC 3854 3.2.1, RFC 3855 2.2: content type id-data, MIME around the object.
TEST_F(Contents, WrappedInMime) {
  const std::string entity =
      "MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=signed-x400\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
      base64_encode(sign(alice, message)) + "\r\n";
  const Opened opened = open(as_bytes(entity));
  EXPECT_TRUE(opened.verdict.valid()) << opened.verdict.reason();
  EXPECT_EQ(opened.content, message);
  EXPECT_EQ(try_open(as_bytes("Content-Type: text/plain\r\n\r\nHello\r\n")).error().code, ErrorCode::BadInput);
}

// The same for who seals, and for who reads in pieces: by the bytes, from the first ones that tell.
TEST_F(Contents, WhatIsInAMimeEntityIsSealedAlready) {
  const std::string header =
      "MIME-Version: 1.0\nContent-Type: Application/PKCS7-MIME;\n smime-type=signed-x400\nContent-Transfer-Encoding: base64\n\n";
  const std::string entity = header + base64_encode(sign(alice, message)) + "\n";
  EXPECT_EQ(outermost_of(as_bytes(entity)), Outermost::Signed);
  EXPECT_EQ(sign_content({kP22, as_bytes(entity)}, identity(alice), kNow).error().code, ErrorCode::Conflict);
  const auto front = [](std::string_view text) { return front_of(as_bytes(text)); };
  for (std::size_t size = 0; size < header.size(); ++size) ASSERT_EQ(front(header.substr(0, size)), Front::Undecided) << size;
  EXPECT_EQ(front(header), Front::MaybeSealed);
  EXPECT_EQ(front("Content-Type: text/plain\r\n\r\nsome more octets of text"), Front::Plain);
  EXPECT_EQ(front("Subject: " + std::string(20'000, 'x')), Front::Plain) << "a header without end";
  EXPECT_EQ(front("no field, but a long enough line of text\n\n"), Front::Plain);
  EXPECT_EQ(front_of(message), Front::Plain);
  EXPECT_EQ(front_of(ByteView(message).first(8)), Front::Undecided);
  EXPECT_EQ(front_of(sign(alice, message)), Front::MaybeSealed);
  EXPECT_FALSE(is_sealed(as_bytes(header + "bm8gQ01TIG9iamVjdA==\n"))) << "what it says it is, it is not";
}

TEST_F(Contents, LimitsHold) {
  OpenRequest request;
  const Bytes sealed = sign(alice, message);
  request.octets = sealed;
  request.now = kNow;
  request.limit = message.size() - 1;
  EXPECT_EQ(open_content(request).error().code, ErrorCode::TooLarge);
}

TEST(ContentTypes, AsTextAndAsObjectIdentifiers) {
  for (const char* text : {"22", "2", "1.2.840.113549.1.9.16.1.6", "35"})
    EXPECT_EQ(write_content_type(parse_content_type(text).value()), text);
  for (const char* text : {"", "x", "22x", "-1", "1.", "9.9"}) EXPECT_FALSE(parse_content_type(text)) << text;
  EXPECT_EQ(oid_of(parse_content_type("22").value())->text(), "2.6.1.10.1") << "X.420 annex A: id-mct-p2-1988";
  EXPECT_EQ(oid_of(parse_content_type("2").value())->text(), "2.6.1.10.0");
  EXPECT_EQ(oid_of(parse_content_type("40").value()).error().code, ErrorCode::Unsupported);
  for (const char* text : {"22", "2", "1.2.3"})
    EXPECT_EQ(write_content_type(content_type_of(oid_of(parse_content_type(text).value()).value())), text);
}

}  // namespace
}  // namespace postern::contentseal
