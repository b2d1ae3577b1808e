// AlgorithmIdentifiers and the signatures behind them; OpenSSL's own reading of both is the second opinion.
#include "credentials/signature.hpp"

#include <gtest/gtest.h>
#include <openssl/asn1.h>
#include <openssl/asn1t.h>
#include <openssl/x509.h>

#include "asn1/ber.hpp"

namespace postern::credentials {
namespace {

const Bytes kOctets{0x30, 0x03, 0x02, 0x01, 0x2A};  // a SEQUENCE, as what is signed is

PrivateKey key_of(KeyKind kind) { return PrivateKey::generate(kind).value(); }

mts::AlgorithmIdentifier pss(HashAlgorithm mask = HashAlgorithm::Sha256, Byte salt = 32) {
  const Byte mask_arc = mask == HashAlgorithm::Sha256 ? 1 : 2;
  return {{1, 2, 840, 113549, 1, 1, 10},
          asn1::Any{{0x30, 0x34, 0xA0, 0x0F, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48,     0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
                     0x00, 0xA1, 0x1C, 0x30, 0x1A, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,     0xF7, 0x0D, 0x01, 0x01, 0x08, 0x30, 0x0D,
                     0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, mask_arc, 0x05, 0x00, 0xA2, 0x03, 0x02, 0x01, salt}}};
}

/// ASN1_item_verify() over the octets as they are.
bool openssl_accepts(const PublicKey& key, const mts::AlgorithmIdentifier& identifier, ByteView octets, const asn1::BitString& signature) {
  const Bytes der = asn1::encode(identifier).value();
  const unsigned char* at = der.data();
  const std::unique_ptr<X509_ALGOR, void (*)(X509_ALGOR*)> algorithm(d2i_X509_ALGOR(nullptr, &at, static_cast<long>(der.size())),
                                                                     X509_ALGOR_free);
  const std::unique_ptr<ASN1_STRING, void (*)(ASN1_STRING*)> data(ASN1_STRING_type_new(V_ASN1_SEQUENCE), ASN1_STRING_free);
  const std::unique_ptr<ASN1_BIT_STRING, void (*)(ASN1_BIT_STRING*)> bits(ASN1_BIT_STRING_new(), ASN1_BIT_STRING_free);
  ASN1_STRING_set(data.get(), octets.data(), static_cast<int>(octets.size()));
  ASN1_STRING_set(bits.get(), signature.octets.data(), static_cast<int>(signature.octets.size()));
  bits->flags = ASN1_STRING_FLAG_BITS_LEFT;
  const int verdict = ASN1_item_verify(ASN1_ITEM_rptr(ASN1_SEQUENCE), algorithm.get(), bits.get(), data.get(), key.native());
  openssl_clear_errors();
  return verdict == 1;
}

TEST(Signature, EveryKindOfKeyIsUnderstoodByOpensslToo) {
  for (const KeyKind kind : {KeyKind::Rsa, KeyKind::EcP256, KeyKind::EcP384, KeyKind::EcP521, KeyKind::Ed25519}) {
    const PrivateKey key = key_of(kind);
    const auto identifier = identifier_for(kind);
    ASSERT_TRUE(identifier);
    const auto signature = sign(key.native(), kind, kOctets);
    ASSERT_TRUE(signature) << signature.error().text();
    EXPECT_TRUE(verify(key.public_key(), *identifier, kOctets, *signature)) << name_of(kind);
    EXPECT_TRUE(openssl_accepts(key.public_key(), *identifier, kOctets, *signature)) << name_of(kind);
    Bytes other = kOctets;
    other.back() ^= 1;
    EXPECT_EQ(verify(key.public_key(), *identifier, other, *signature).error().code, ErrorCode::IntegrityFailed);
    EXPECT_FALSE(openssl_accepts(key.public_key(), *identifier, other, *signature));
    EXPECT_FALSE(verify(key_of(kind).public_key(), *identifier, kOctets, *signature)) << "another key";
  }
  EXPECT_EQ(identifier_for(KeyKind::X25519).error().code, ErrorCode::Unsupported);
}

// RFC 4055 3.1
TEST(Signature, PssWithItsParameters) {
  const PrivateKey key = key_of(KeyKind::Rsa);
  SignAlgorithm algorithm = SignAlgorithm::rsa_pss(HashAlgorithm::Sha256);
  algorithm.salt = 32;
  const asn1::BitString signature{key.sign(algorithm, kOctets).value()};
  EXPECT_TRUE(verify(key.public_key(), pss(), kOctets, signature));
  EXPECT_TRUE(openssl_accepts(key.public_key(), pss(), kOctets, signature));
  EXPECT_FALSE(verify(key.public_key(), pss(HashAlgorithm::Sha256, 20), kOctets, signature)) << "another salt";
  EXPECT_EQ(algorithm_of(pss(HashAlgorithm::Sha384), KeyKind::Rsa).error().code, ErrorCode::Unsupported) << "another mask";
  EXPECT_EQ(algorithm_of({pss().algorithm, std::nullopt}, KeyKind::Rsa).error().code, ErrorCode::Unsupported) << "SHA-1 by default";
  EXPECT_EQ(algorithm_of({pss().algorithm, asn1::Any{{0x30, 0x00}}}, KeyKind::Rsa).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(algorithm_of({pss().algorithm, asn1::Any{{0x05, 0x00}}}, KeyKind::Rsa).error().code, ErrorCode::BadInput);
  EXPECT_EQ(algorithm_of(pss(), KeyKind::EcP256).error().code, ErrorCode::Unsupported) << "no algorithm of this key";
}

TEST(Signature, WeakAndUnknownAlgorithmsAreRefusedByName) {
  const auto said = [](std::string_view oid, KeyKind kind) { return algorithm_of({asn1::Oid::parse(oid).value(), {}}, kind).error().what; };
  EXPECT_NE(said("1.2.840.113549.1.1.5", KeyKind::Rsa).find("SHA-1 with RSA"), std::string::npos);
  EXPECT_NE(said("1.2.840.113549.1.1.4", KeyKind::Rsa).find("MD5 with RSA"), std::string::npos);
  EXPECT_NE(said("1.2.840.10045.4.1", KeyKind::EcP256).find("SHA-1"), std::string::npos);
  EXPECT_NE(said("1.2.3.4", KeyKind::Rsa).find("1.2.3.4"), std::string::npos);
  EXPECT_NE(said("1.2.840.113549.1.1.11", KeyKind::EcP256).find("cannot have made"), std::string::npos);
}

TEST(Signature, ShortKeysAndBrokenBitsAreRefused) {
  const EvpPkeyPtr small(EVP_RSA_gen(1024));
  const PublicKey key = PublicKey::from_native(small.get()).value();
  const auto signature = sign(small.get(), KeyKind::Rsa, kOctets).value();
  EXPECT_EQ(verify(key, *identifier_for(KeyKind::Rsa), kOctets, signature).error().code, ErrorCode::Unsupported);
  const PrivateKey good = key_of(KeyKind::EcP256);
  auto bits = sign(good.native(), KeyKind::EcP256, kOctets).value();
  bits.unused = 1;
  EXPECT_EQ(verify(good.public_key(), *identifier_for(KeyKind::EcP256), kOctets, bits).error().code, ErrorCode::BadInput);
}

}  // namespace
}  // namespace postern::credentials
