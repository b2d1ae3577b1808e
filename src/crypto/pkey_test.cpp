#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "crypto/pkey.hpp"
#include "crypto/signing_session.hpp"

namespace postern {
namespace {

Bytes unhex(std::string_view text) { return hex_decode(text).value(); }

struct SignCase {
  const char* name;
  KeyKind kind;
  int bits;
  SignAlgorithm algorithm;
};
const SignCase kCases[] = {
    {"ed25519", KeyKind::Ed25519, 0, SignAlgorithm::ed25519()},
    {"p256", KeyKind::EcP256, 0, SignAlgorithm::ecdsa(HashAlgorithm::Sha256)},
    {"p384", KeyKind::EcP384, 0, SignAlgorithm::ecdsa(HashAlgorithm::Sha384)},
    {"p521", KeyKind::EcP521, 0, SignAlgorithm::ecdsa(HashAlgorithm::Sha512)},
    {"rsa2048-pkcs1", KeyKind::Rsa, 2048, SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256)},
    {"rsa2048-pss", KeyKind::Rsa, 2048, SignAlgorithm::rsa_pss(HashAlgorithm::Sha384)},
    {"rsa3072-pss", KeyKind::Rsa, 3072, SignAlgorithm::rsa_pss(HashAlgorithm::Sha512)},
};

TEST(PrivateKey, SignsAndVerifiesAndNoticesChanges) {
  for (const SignCase& c : kCases) {
    SCOPED_TRACE(c.name);
    const auto key = PrivateKey::generate(c.kind, c.bits == 0 ? 2048 : c.bits).value();
    Bytes text = to_bytes("a message");
    Bytes signature = key.sign(c.algorithm, text).value();
    EXPECT_TRUE(key.public_key().verify(c.algorithm, text, signature));
    text[0] ^= 1;
    EXPECT_EQ(key.public_key().verify(c.algorithm, text, signature).error().code, ErrorCode::IntegrityFailed);
    text[0] ^= 1;
    signature[signature.size() / 2] ^= 1;
    EXPECT_EQ(key.public_key().verify(c.algorithm, text, signature).error().code, ErrorCode::IntegrityFailed);
    EXPECT_FALSE(key.public_key().verify(c.algorithm, text, {}));
  }
}

TEST(PrivateKey, DigestGivenIsTheSameSignature) {
  const auto key = PrivateKey::generate(KeyKind::EcP256).value();
  const auto algorithm = SignAlgorithm::ecdsa(HashAlgorithm::Sha256);
  const Bytes signature = key.sign(algorithm.digest_given(), digest(HashAlgorithm::Sha256, as_bytes("m"))).value();
  EXPECT_TRUE(key.public_key().verify(algorithm, as_bytes("m"), signature));
  EXPECT_EQ(key.sign(algorithm.digest_given(), as_bytes("short")).error().code, ErrorCode::BadInput);
}

TEST(PrivateKey, ASessionKeepsKeysAndAlgorithmsApart) {
  const auto one = PrivateKey::generate(KeyKind::EcP256).value(), two = PrivateKey::generate(KeyKind::EcP256).value();
  const Bytes text(100, 'x');
  const SigningSession session;
  for (int round = 0; round < 3; ++round) {
    const SigningSession inner;  // counts for nothing, and its end ends nothing
    for (const PrivateKey* key : {&one, &one, &two}) {
      for (const HashAlgorithm hash : {HashAlgorithm::Sha256, HashAlgorithm::Sha384}) {
        const auto signature = key->sign(SignAlgorithm::ecdsa(hash), text);
        ASSERT_TRUE(signature);
        EXPECT_TRUE(key->public_key().verify(SignAlgorithm::ecdsa(hash), text, *signature));
        EXPECT_FALSE((key == &one ? two : one).public_key().verify(SignAlgorithm::ecdsa(hash), text, *signature));
      }
    }
  }
}

TEST(PrivateKey, RefusesWhatTheKeyCannotDo) {
  const auto ed = PrivateKey::generate(KeyKind::Ed25519).value();
  const auto x = PrivateKey::generate(KeyKind::X25519).value();
  EXPECT_EQ(ed.sign(SignAlgorithm::ed25519().digest_given(), Bytes(32)).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(x.sign({}, {}).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(ed.agree(x.public_key()).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(ed.decrypt_oaep({}, Bytes(256)).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(PrivateKey::generate(KeyKind::Rsa, 1024).error().code, ErrorCode::BadInput);
  // RFC 8301 3.1 and FIPS 186-5: no SHA-1
  const auto ec = PrivateKey::generate(KeyKind::EcP256).value();
  EXPECT_EQ(ec.sign(SignAlgorithm::ecdsa(HashAlgorithm::Sha1), {}).error().code, ErrorCode::Unsupported);
}

TEST(PrivateKey, Ed25519Rfc8032) {  // RFC 8032 7.1, test 2
  const auto key =
      PrivateKey::from_raw(KeyKind::Ed25519, unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")).value();
  EXPECT_EQ(hex_encode(key.public_key().to_raw()), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  EXPECT_EQ(
      hex_encode(key.sign(SignAlgorithm::ed25519(), Bytes{0x72}).value()),
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(PrivateKey, X25519Rfc7748) {  // RFC 7748 5.2, first vector
  const auto scalar =
      PrivateKey::from_raw(KeyKind::X25519, unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")).value();
  const auto point =
      PublicKey::from_raw(KeyKind::X25519, unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")).value();
  EXPECT_EQ(hex_encode(scalar.agree(point).value().view()), "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  const auto a = PrivateKey::generate(KeyKind::X25519).value();
  const auto b = PrivateKey::generate(KeyKind::X25519).value();
  EXPECT_TRUE(std::ranges::equal(a.agree(b.public_key()).value().view(), b.agree(a.public_key()).value().view()));
  // RFC 7748 6.1: a point of small order gives zero and is refused
  const auto zero = PublicKey::from_raw(KeyKind::X25519, Bytes(32)).value();
  EXPECT_EQ(a.agree(zero).error().code, ErrorCode::BadInput);
}

TEST(PrivateKey, EcKeysFromNumbers) {  // RFC 5903 8.1
  const Bytes scalar = unhex("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433");
  const Bytes point = unhex(
      "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab");
  const auto mine = PrivateKey::from_raw(KeyKind::EcP256, scalar).value();
  EXPECT_EQ(hex_encode(mine.public_key().to_raw()).substr(0, 34), "04dad0b65394221cf9b051e1feca5787d0");
  const auto theirs = PublicKey::from_raw(KeyKind::EcP256, point).value();
  EXPECT_EQ(theirs.to_raw(), point);
  EXPECT_EQ(hex_encode(mine.agree(theirs).value().view()), "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de");
  Bytes packed(point.begin(), point.begin() + 33);
  packed[0] = 3;  // SEC 1 2.3.4: y is odd
  EXPECT_EQ(PublicKey::from_raw(KeyKind::EcP256, packed).value(), theirs);
}

TEST(PrivateKey, EcNumbersThatAreNoKeys) {  // SP 800-56A 5.6.2.1.2, 5.6.2.3.3
  const auto order = unhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  for (const Bytes& scalar : {Bytes(32), order, Bytes(32, 0xff), Bytes(31, 1), Bytes(33, 1), Bytes()})
    EXPECT_EQ(PrivateKey::from_raw(KeyKind::EcP256, scalar).error().code, ErrorCode::BadInput);
  Bytes one(66);
  one.back() = 1;
  EXPECT_TRUE(PrivateKey::from_raw(KeyKind::EcP521, one));
  Bytes off = PrivateKey::generate(KeyKind::EcP384)->public_key().to_raw();
  off.back() ^= 1;
  for (const Bytes& point : {off, Bytes(1), Bytes(), Bytes(97), Bytes(97, 4)})
    EXPECT_EQ(PublicKey::from_raw(KeyKind::EcP384, point).error().code, ErrorCode::BadInput);
  EXPECT_EQ(PublicKey::from_raw(KeyKind::Rsa, off).error().code, ErrorCode::Unsupported);
}

TEST(PrivateKey, EcdhAgreesAndRefusesOtherCurves) {
  for (const KeyKind kind : {KeyKind::EcP256, KeyKind::EcP384, KeyKind::EcP521}) {
    const auto a = PrivateKey::generate(kind).value();
    const auto b = PrivateKey::generate(kind).value();
    EXPECT_TRUE(std::ranges::equal(a.agree(b.public_key()).value().view(), b.agree(a.public_key()).value().view()));
  }
  const auto p256 = PrivateKey::generate(KeyKind::EcP256).value();
  const auto p384 = PrivateKey::generate(KeyKind::EcP384).value();
  EXPECT_EQ(p256.agree(p384.public_key()).error().code, ErrorCode::BadInput);
}

TEST(PrivateKey, OaepOpensOnlyWithTheSameOptions) {
  const auto key = PrivateKey::generate(KeyKind::Rsa).value();
  for (const OaepOptions& options :
       {OaepOptions{}, OaepOptions{.hash = HashAlgorithm::Sha1}, OaepOptions{.hash = HashAlgorithm::Sha512, .mgf1 = HashAlgorithm::Sha1},
        OaepOptions{.label = to_bytes("label")}}) {
    const Bytes sealed = key.public_key().encrypt_oaep(options, as_bytes("content key")).value();
    EXPECT_EQ(as_text(key.decrypt_oaep(options, sealed).value().view()), "content key");
    OaepOptions other = options;
    other.label.push_back('x');
    EXPECT_EQ(key.decrypt_oaep(other, sealed).error().code, ErrorCode::IntegrityFailed);
  }
  EXPECT_EQ(key.decrypt_oaep({}, Bytes(256, 1)).error().code, ErrorCode::IntegrityFailed);
  EXPECT_EQ(key.decrypt_oaep({}, Bytes(3)).error().code, ErrorCode::IntegrityFailed);
  EXPECT_EQ(key.public_key().encrypt_oaep({}, Bytes(191)).error().code, ErrorCode::BadInput);
}

TEST(PrivateKey, Pkcs1TransportIsNoOracle) {  // RFC 3218 2.3.2
  const auto key = PrivateKey::generate(KeyKind::Rsa).value();
  const auto first = key.decrypt_pkcs1(Bytes(256, 1), 32);
  const auto second = key.decrypt_pkcs1(Bytes(256, 1), 32);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->size(), 32U);
  EXPECT_FALSE(std::ranges::equal(first->view(), second->view()));
}

TEST(PrivateKey, FormsComeBackAndKeepTheirSecretToThemselves) {
  for (const KeyKind kind : {KeyKind::Ed25519, KeyKind::X25519, KeyKind::EcP256, KeyKind::EcP384, KeyKind::EcP521, KeyKind::Rsa}) {
    const auto key = PrivateKey::generate(kind).value();
    EXPECT_EQ(PrivateKey::from_der(key.to_pkcs8().value().view()).value().public_key(), key.public_key());
    EXPECT_EQ(PrivateKey::from_pem(key.to_pem().value().view()).value().public_key(), key.public_key());
    EXPECT_EQ(PublicKey::from_pem(key.public_key().to_pem()).value(), key.public_key());
    EXPECT_EQ(PublicKey::from_spki(key.public_key().to_spki()).value(), key.public_key());
    EXPECT_FALSE(PrivateKey::from_der(key.public_key().to_spki()));
    EXPECT_FALSE(PrivateKey::from_pem(as_bytes(key.public_key().to_pem())));
  }
  const auto rsa = PrivateKey::generate(KeyKind::Rsa).value();
  EXPECT_EQ(PublicKey::from_rsa_pkcs1(rsa.public_key().to_raw()).value(), rsa.public_key());
  const auto ed = PrivateKey::generate(KeyKind::Ed25519).value();
  EXPECT_EQ(PublicKey::from_raw(KeyKind::Ed25519, ed.public_key().to_raw()).value(), ed.public_key());
}

TEST(PublicKey, RefusesRubbish) {
  for (const Bytes& rubbish : {Bytes{}, Bytes{0x30}, Bytes(100, 0xff), Bytes(2000, 0x30)}) {
    EXPECT_EQ(PublicKey::from_spki(rubbish).error().code, ErrorCode::BadInput);
    EXPECT_EQ(PublicKey::from_pem(as_text(rubbish)).error().code, ErrorCode::BadInput);
    EXPECT_EQ(PublicKey::from_rsa_pkcs1(rubbish).error().code, ErrorCode::BadInput);
    EXPECT_EQ(PublicKey::from_raw(KeyKind::Ed25519, rubbish).error().code, ErrorCode::BadInput);
    EXPECT_FALSE(PrivateKey::from_der(rubbish));
  }
  Bytes trailing = PrivateKey::generate(KeyKind::Ed25519).value().public_key().to_spki();
  trailing.push_back(0);
  EXPECT_FALSE(PublicKey::from_spki(trailing));
}

TEST(PrivateKey, EncryptedPemNeedsItsPassphrase) {
  const std::string_view pem = R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAg+QXgYJfoWpQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEK4H9CMxOEKO19milh1PLNoEQCKX
evHGOL9BkPdrQ1RRSPz+bmT7MdEyJKNc8gYNI1PUJCHbt6JR5i8fStC84ncrkhjB
69Wg0inEF/xiUQiRQJc=
-----END ENCRYPTED PRIVATE KEY-----
)";
  EXPECT_TRUE(PrivateKey::from_pem(as_bytes(pem), as_bytes("correct horse")));
  EXPECT_EQ(PrivateKey::from_pem(as_bytes(pem), as_bytes("wrong")).error().code, ErrorCode::Denied);
  EXPECT_EQ(PrivateKey::from_pem(as_bytes(pem)).error().code, ErrorCode::Denied);
}

TEST(Ecdsa, FixedFormRoundTrip) {  // RFC 7518 3.4
  for (const KeyKind kind : {KeyKind::EcP256, KeyKind::EcP384, KeyKind::EcP521}) {
    const auto key = PrivateKey::generate(kind).value();
    const auto algorithm = SignAlgorithm::ecdsa(HashAlgorithm::Sha512);
    const Bytes der = key.sign(algorithm, as_bytes("m")).value();
    const Bytes fixed = ecdsa_to_fixed(kind, der).value();
    EXPECT_EQ(fixed.size(), kind == KeyKind::EcP521 ? 132U : kind == KeyKind::EcP384 ? 96U : 64U);
    EXPECT_EQ(ecdsa_to_der(kind, fixed).value(), der);
  }
  EXPECT_FALSE(ecdsa_to_der(KeyKind::EcP256, Bytes(63)));
  EXPECT_FALSE(ecdsa_to_fixed(KeyKind::EcP256, Bytes(70)));
}

// What a thread keeps of the keys that it verified with.
TEST(PublicKey, ManyKeysAndSchemesInTurn) {
  const Bytes text(20, 'x');
  const auto pkcs1 = SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256), other = SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha512);
  const auto pss = SignAlgorithm::rsa_pss(HashAlgorithm::Sha256);
  const auto rsa = PrivateKey::generate(KeyKind::Rsa).value();
  for (int round = 0; round < 3; ++round) {
    for (const auto& algorithm : {pkcs1, pss, other}) {
      Bytes signature = rsa.sign(algorithm, text).value();
      EXPECT_TRUE(rsa.public_key().verify(algorithm, text, signature));
      signature[7] ^= 1;
      EXPECT_EQ(rsa.public_key().verify(algorithm, text, signature).error().code, ErrorCode::IntegrityFailed);
      signature[7] ^= 1;
      EXPECT_TRUE(rsa.public_key().verify(algorithm, text, signature)) << "a bad one in between leaves nothing behind";
    }
    EXPECT_FALSE(rsa.public_key().verify(pss, text, rsa.sign(pkcs1, text).value()));
    EXPECT_EQ(rsa.public_key().verify(SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha1), text, text).error().code, ErrorCode::Unsupported);
  }
  const SignAlgorithm ecdsa = SignAlgorithm::ecdsa(HashAlgorithm::Sha256);
  for (int i = 0; i < 40; ++i) {  // keys come and go: an address may be another key's soon
    const auto key = PrivateKey::generate(KeyKind::EcP256).value(), stranger = PrivateKey::generate(KeyKind::EcP256).value();
    const Bytes signature = key.sign(ecdsa, text).value();
    EXPECT_TRUE(key.public_key().verify(ecdsa, text, signature));
    EXPECT_FALSE(stranger.public_key().verify(ecdsa, text, signature));
  }
}

TEST(PrivateKey, OneKeyInManyThreads) {
  const auto key = PrivateKey::generate(KeyKind::Rsa).value();
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const Bytes text(static_cast<std::size_t>(t * 20 + i), 'x');
        const auto algorithm = SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256);
        if (key.public_key().verify(algorithm, text, key.sign(algorithm, text).value())) ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 80);
}

}  // namespace
}  // namespace postern
