// Signatures, MACs, agreement. OpenSSL's own calls (crypto/pkey.hpp) over the public key are the other implementation.
#include "crypto/hmac.hpp"
#include "transit/test_support.hpp"

namespace postern::transit {
namespace {

Bytes body_of(std::string_view text) { return base64_decode(text.substr(text.rfind(':') + 1)).value(); }
const Bytes kText = to_bytes("some text to sign");

TEST(Sign, Ed25519IsDeterministicAndIgnoresDigestOptions) {
  Bench bench;
  const KeyRef key = bench.key("k", {.type = KeyType::Ed25519});
  const auto one = key.sign(kText).value();
  EXPECT_EQ(one.text, key.sign(kText, {.hash = HashAlgorithm::Sha512, .prehashed = true})->text);
  EXPECT_EQ(one.public_key, "");
  EXPECT_TRUE(key.verify(kText, one.text).value());
  EXPECT_TRUE(key.public_key()->verify({}, kText, body_of(one.text)));
  EXPECT_FALSE(key.verify(to_bytes("another"), one.text).value());
  const auto jws = key.sign(kText, {.marshaling = Marshaling::Jws}).value();
  EXPECT_EQ(base64url_decode(jws.text.substr(9)).value(), body_of(one.text));
  EXPECT_TRUE(key.verify(kText, jws.text, {.marshaling = Marshaling::Jws}).value());
}

TEST(Sign, DerivedEd25519VectorOfTheReference) {
  Bench bench;
  Bytes seed(32);
  for (std::size_t i = 0; i < 32; ++i) seed[i] = static_cast<Byte>(i);
  const SecretBytes pkcs8 = PrivateKey::from_raw(KeyKind::Ed25519, seed)->to_pkcs8().value();
  const KeyRef key = bench.known("k", pkcs8.view(), {.type = KeyType::Ed25519, .derived = true});
  EXPECT_EQ(key.public_text(0, as_bytes("my-context")).value(), "OIvIl/P5BgXI5mVbCspIin8B4+5fbJBqqp0rjRBwXjc=");
  const SignOptions options{.context = as_bytes("my-context")};
  const auto signature = key.sign(kText, options).value();
  EXPECT_EQ(signature.public_key, "OIvIl/P5BgXI5mVbCspIin8B4+5fbJBqqp0rjRBwXjc=");
  EXPECT_TRUE(key.verify(kText, signature.text, options).value());
  EXPECT_FALSE(key.verify(kText, signature.text, {.context = as_bytes("other")}).value());
  EXPECT_NE(text_of(key.sign(kText)).find("missing 'context'"), std::string::npos);
  EXPECT_EQ(key.info().versions.at(0).public_key, "");
}

struct Curve {
  KeyType type;
  KeyKind kind;
  std::size_t width;
};
class EachCurve : public testing::TestWithParam<Curve> {};
INSTANTIATE_TEST_SUITE_P(Curves, EachCurve,
                         testing::Values(Curve{KeyType::EcdsaP256, KeyKind::EcP256, 32}, Curve{KeyType::EcdsaP384, KeyKind::EcP384, 48},
                                         Curve{KeyType::EcdsaP521, KeyKind::EcP521, 66}));

TEST_P(EachCurve, BothMarshalings) {
  Bench bench;
  const KeyRef key = bench.key("k", {.type = GetParam().type});
  for (const HashAlgorithm hash : {HashAlgorithm::Sha224, HashAlgorithm::Sha256, HashAlgorithm::Sha512, HashAlgorithm::Sha3_384}) {
    const auto asn1 = key.sign(kText, {.hash = hash}).value();
    EXPECT_TRUE(key.verify(kText, asn1.text, {.hash = hash}).value());
    EXPECT_TRUE(key.public_key()->verify(SignAlgorithm::ecdsa(hash), kText, body_of(asn1.text)));
    const auto jws = key.sign(kText, {.hash = hash, .marshaling = Marshaling::Jws}).value();
    EXPECT_EQ(base64url_decode(jws.text.substr(9))->size(), 2 * GetParam().width);
    EXPECT_TRUE(key.verify(kText, jws.text, {.hash = hash, .marshaling = Marshaling::Jws}).value());
    EXPECT_FALSE(key.verify(kText, asn1.text, {.hash = hash, .marshaling = Marshaling::Jws}).value_or(false));
    const Bytes digested = digest(hash, kText);
    EXPECT_TRUE(key.verify(digested, asn1.text, {.hash = hash, .prehashed = true}).value());
    EXPECT_TRUE(key.verify(kText, key.sign(digested, {.hash = hash, .prehashed = true})->text, {.hash = hash}).value());
  }
  EXPECT_FALSE(key.sign(kText, {.prehashed = true}));  // not the size of a digest
  EXPECT_FALSE(key.sign(kText, {.hash = std::nullopt, .prehashed = true}));
}

TEST_P(EachCurve, AgreesWithOpenssl) {
  Bench bench;
  const KeyRef key = bench.key("k", {.type = GetParam().type});
  const auto peer = PrivateKey::generate(GetParam().kind).value();
  EXPECT_EQ(hex_encode(key.agree(0, peer.public_key())->view()), hex_encode(peer.agree(key.public_key().value())->view()));
  EXPECT_FALSE(key.agree(0, PrivateKey::generate(KeyKind::X25519)->public_key()));
}

TEST(Sign, MalformedSignatures) {
  Bench bench;
  const KeyRef key = bench.key("k", {.type = KeyType::EcdsaP256});
  const auto why = [&](std::string_view text, SignOptions options = {}) { return text_of(key.verify(kText, text, options)); };
  EXPECT_EQ(why("x"), "invalid signature: no prefix");
  EXPECT_EQ(why("vault:v1"), "invalid signature: wrong number of fields");
  EXPECT_EQ(why("vault:v9:AAAA"), "invalid signature: version is too new");
  EXPECT_EQ(why("vault:v1:!"), "invalid base64 signature value");
  EXPECT_EQ(why("vault:v1:AAAA"), "supplied signature is invalid");
  EXPECT_EQ(why("vault:v1:"), "supplied signature is invalid");
  EXPECT_EQ(why("vault:v1:AAAA", {.marshaling = Marshaling::Jws}), "supplied signature is invalid");
  const Bytes good = body_of(key.sign(kText)->text);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes changed = good;
    changed[bit / 8] ^= static_cast<Byte>(1U << bit % 8);
    const auto verdict = key.verify(kText, "vault:v1:" + base64_encode(changed));
    EXPECT_FALSE(verdict.value_or(false)) << bit;
  }
}

TEST(Sign, RsaWithEveryOption) {
  Bench bench;
  const KeyRef key = bench.key("k", {.type = KeyType::Rsa2048});
  for (const RsaPadding padding : {RsaPadding::Pss, RsaPadding::Pkcs1}) {
    for (const HashAlgorithm hash : {HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha3_512}) {
      const auto signature = key.sign(kText, {.hash = hash, .padding = padding}).value();
      EXPECT_TRUE(key.verify(kText, signature.text, {.hash = hash, .padding = padding}).value());
      EXPECT_FALSE(key.verify(to_bytes("x"), signature.text, {.hash = hash, .padding = padding}).value());
      const auto other = padding == RsaPadding::Pss ? RsaPadding::Pkcs1 : RsaPadding::Pss;
      EXPECT_FALSE(key.verify(kText, signature.text, {.hash = hash, .padding = other}).value());
    }
  }
  // salt_length: auto is the maximum when signing and anything when verifying; a number is that number.
  const auto most = key.sign(kText).value();
  EXPECT_TRUE(key.verify(kText, most.text, {.salt = 222}).value());  // 256 - 32 - 2
  EXPECT_FALSE(key.verify(kText, most.text, {.salt = SignAlgorithm::kSaltDigest}).value());
  const auto hashed = key.sign(kText, {.salt = SignAlgorithm::kSaltDigest}).value();
  EXPECT_TRUE(key.verify(kText, hashed.text).value());
  EXPECT_TRUE(key.verify(kText, hashed.text, {.salt = 32}).value());
  EXPECT_TRUE(key.verify(kText, key.sign(kText, {.salt = 0})->text, {.salt = 0}).value());
  EXPECT_NE(text_of(key.sign(kText, {.salt = 223})).find("at most 222 bytes"), std::string::npos);
}

TEST(Sign, RsaWithoutDigestInfo) {
  Bench bench;
  const KeyRef key = bench.key("k", {.type = KeyType::Rsa2048});
  const SignOptions none{.hash = std::nullopt, .prehashed = true, .padding = RsaPadding::Pkcs1};
  const auto signature = key.sign(to_bytes("thirty-six bytes of md5 and sha-1..."), none);
  ASSERT_TRUE(signature) << text_of(signature);
  EXPECT_TRUE(key.verify(to_bytes("thirty-six bytes of md5 and sha-1..."), signature->text, none).value());
  EXPECT_FALSE(key.verify(to_bytes("another"), signature->text, none).value());
  const std::string why = "hash_algorithm=none requires both prehashed=true and signature_algorithm=pkcs1v15";
  EXPECT_EQ(text_of(key.sign(kText, {.hash = std::nullopt, .padding = RsaPadding::Pkcs1})), why);
  EXPECT_EQ(text_of(key.sign(kText, {.hash = std::nullopt, .prehashed = true})), why);
}

TEST(Sign, NamesOfOptions) {
  EXPECT_EQ(salt_from_name("auto").value(), SignAlgorithm::kSaltMax);
  EXPECT_EQ(salt_from_name("hash").value(), SignAlgorithm::kSaltDigest);
  EXPECT_EQ(salt_from_name("20").value(), 20);
  for (const char* bad : {"-1", "x", "1x", "99999999999"}) EXPECT_FALSE(salt_from_name(bad)) << bad;
  EXPECT_EQ(marshaling_from_name("jws").value(), Marshaling::Jws);
  EXPECT_FALSE(marshaling_from_name("xml"));
  EXPECT_EQ(padding_from_name("pkcs1v15").value(), RsaPadding::Pkcs1);
  EXPECT_FALSE(padding_from_name("raw"));
  EXPECT_EQ(sign_hash_from_name("none").value(), std::nullopt);
  EXPECT_EQ(sign_hash_from_name("sha2-512").value(), HashAlgorithm::Sha512);
  EXPECT_EQ(code_of(sign_hash_from_name("sha1")), ErrorCode::Unsupported);
  EXPECT_EQ(hash_algorithm_from_name("sha1").value(), HashAlgorithm::Sha1);
  EXPECT_EQ(text_of(hash_algorithm_from_name("md5")), "unsupported hash algorithm md5");
}

TEST(Sign, TypesThatDoNotSignSaySo) {
  Bench bench;
  const KeyRef key = bench.key("k");
  EXPECT_EQ(text_of(key.sign(kText)), "key type aes256-gcm96 does not support signing");
  EXPECT_EQ(text_of(key.verify(kText, "vault:v1:AAAA")), "key type aes256-gcm96 does not support verification");
}

TEST(Mac, EachVersionHasItsOwnKeyAndHmacKeysAreIt) {
  Bench bench;
  const SecretBytes material = random_key(48);
  const KeyRef key = bench.known("h", material.view(), {.type = KeyType::Hmac});
  const auto mac = key.hmac(kText, HashAlgorithm::Sha256).value();
  EXPECT_EQ(body_of(mac.text), hmac(HashAlgorithm::Sha256, material.view(), kText));
  EXPECT_TRUE(key.verify_hmac(kText, mac.text, HashAlgorithm::Sha256).value());
  EXPECT_FALSE(key.verify_hmac(kText, mac.text, HashAlgorithm::Sha512).value());
  EXPECT_FALSE(key.verify_hmac(to_bytes("x"), mac.text, HashAlgorithm::Sha256).value());
  EXPECT_EQ(text_of(key.verify_hmac(kText, "x", HashAlgorithm::Sha256)), "invalid HMAC: no prefix");
  EXPECT_FALSE(key.verify_hmac(kText, "vault:v1:!!!!", HashAlgorithm::Sha256));
  EXPECT_FALSE(key.verify_hmac(kText, "vault:v1:", HashAlgorithm::Sha256).value());
  (void)bench.key("a");
  const auto first = bench.engine.get("a")->hmac(kText, HashAlgorithm::Sha1).value();
  ASSERT_TRUE(bench.engine.rotate("a"));
  const KeyRef rotated = bench.engine.get("a").value();
  EXPECT_NE(body_of(rotated.hmac(kText, HashAlgorithm::Sha1)->text), body_of(first.text));
  EXPECT_TRUE(rotated.verify_hmac(kText, first.text, HashAlgorithm::Sha1).value());
  EXPECT_EQ(rotated.hmac(kText, HashAlgorithm::Sha1, 1)->text, first.text);
}

TEST(Agree, X25519) {
  Bench bench;
  const KeyRef key = bench.key("x", {.type = KeyType::X25519});
  const auto peer = PrivateKey::generate(KeyKind::X25519).value();
  EXPECT_EQ(hex_encode(key.agree(0, peer.public_key())->view()), hex_encode(peer.agree(key.public_key().value())->view()));
  EXPECT_FALSE(key.sign(kText));
}

TEST(PostQuantumTypes, MadeOrRefusedWithTheReason) {
  Bench bench;
  for (const KeyType type : {KeyType::MlDsa44, KeyType::MlDsa65, KeyType::MlDsa87, KeyType::MlKem768}) {
    if (!key_type_available(type)) {
      const auto refused = bench.engine.create("k", {.type = type});
      EXPECT_EQ(code_of(refused), ErrorCode::Unsupported);
      EXPECT_NE(text_of(refused).find("needs OpenSSL 3.5"), std::string::npos);
      EXPECT_FALSE(bench.engine.exists("k").value());
      continue;
    }
    const KeyRef key = bench.key(name_of(type), {.type = type});
    if (type == KeyType::MlKem768) {
      const auto sent = key.encapsulate().value();
      EXPECT_EQ(hex_encode(key.decapsulate(sent.text)->view()), hex_encode(sent.secret.view()));
    } else {
      const auto signature = key.sign(kText).value();
      EXPECT_TRUE(key.verify(kText, signature.text).value());
      EXPECT_FALSE(key.verify(to_bytes("x"), signature.text).value());
    }
  }
}

TEST(Certificates, RequestsAndChains) {
  Bench bench;
  const KeyRef key = bench.key("k", {.type = KeyType::EcdsaP256});
  const auto request = key.certificate_request(0, {});
  ASSERT_TRUE(request) << text_of(request);
  EXPECT_TRUE(request->starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
  // A template keeps its subject and gets this key.
  const KeyRef other = bench.key("other", {.type = KeyType::Ed25519});
  const auto again = other.certificate_request(0, *request);
  ASSERT_TRUE(again) << text_of(again);
  EXPECT_NE(*again, *request);
  EXPECT_FALSE(key.certificate_request(0, "nonsense"));
  EXPECT_FALSE(bench.key("a").certificate_request(0, {}));
  EXPECT_FALSE(bench.engine.set_certificate("k", 1, "nonsense"));
}

}  // namespace
}  // namespace postern::transit
