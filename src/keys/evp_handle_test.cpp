#include <gtest/gtest.h>
#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <thread>

#include "keys/evp_handle.hpp"
#include "keys/transit_keeper.hpp"

namespace postern {
namespace {

class Handle : public ::testing::Test {
 protected:
  Handle() : m_keeper(make_memory_keeper(m_clock).value()) {}

  EvpPkeyPtr handle(const char* name, KeyType type) {
    EXPECT_TRUE(m_keeper->ensure(KeyName(name), type));
    return evp_handle(m_keeper, KeyName(name)).value();
  }
  PublicKey pub(const char* name) { return m_keeper->public_key(KeyName(name)).value(); }

  // A self-signed certificate made with nothing but the handle.
  X509Ptr certificate(EVP_PKEY* key, const EVP_MD* md) {
    X509Ptr cert(X509_new());
    X509_set_version(cert.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 7);
    X509_NAME* name = X509_get_subject_name(cert.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("handle"), -1, -1, 0);
    X509_set_issuer_name(cert.get(), name);
    X509_gmtime_adj(X509_getm_notBefore(cert.get()), -10);
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), 1000);
    EXPECT_EQ(X509_set_pubkey(cert.get(), key), 1) << openssl_error(ErrorCode::Internal, "").text();
    EXPECT_GT(X509_sign(cert.get(), key, md), 0) << openssl_error(ErrorCode::Internal, "").text();
    // Through bytes, so that nothing of the handle stands in the certificate.
    unsigned char* der = nullptr;
    const int size = i2d_X509(cert.get(), &der);
    const unsigned char* at = der;
    X509Ptr read(d2i_X509(nullptr, &at, size));
    OPENSSL_free(der);
    return read;
  }

  ManualClock m_clock{wall_from_millis(1795308067000)};
  std::shared_ptr<Keeper> m_keeper;
};

struct HandleCase {
  const char* name;
  KeyType type;
  bool digest;
};
const HandleCase kCases[] = {{"r2", KeyType::Rsa2048, true},   {"r3", KeyType::Rsa3072, true},   {"e2", KeyType::EcdsaP256, true},
                             {"e3", KeyType::EcdsaP384, true}, {"e5", KeyType::EcdsaP521, true}, {"ed", KeyType::Ed25519, false}};

TEST_F(Handle, SignsCertificatesThatStandOnTheirOwn) {
  for (const HandleCase& c : kCases) {
    SCOPED_TRACE(c.name);
    const EvpPkeyPtr key = handle(c.name, c.type);
    const X509Ptr cert = certificate(key.get(), c.digest ? EVP_sha256() : nullptr);
    EXPECT_EQ(X509_verify(cert.get(), X509_get0_pubkey(cert.get())), 1);
    EXPECT_EQ(X509_check_private_key(cert.get(), key.get()), 1);
    EXPECT_EQ(PublicKey::from_native(X509_get0_pubkey(cert.get())).value(), pub(c.name));
  }
}

TEST_F(Handle, OtherKeysDoNotMatch) {
  const EvpPkeyPtr one = handle("e1", KeyType::EcdsaP256);
  const EvpPkeyPtr two = handle("e2", KeyType::EcdsaP256);
  const EvpPkeyPtr rsa = handle("r1", KeyType::Rsa2048);
  EXPECT_EQ(EVP_PKEY_eq(one.get(), pub("e1").native()), 1);
  EXPECT_EQ(EVP_PKEY_eq(pub("e1").native(), one.get()), 1);
  EXPECT_NE(EVP_PKEY_eq(one.get(), pub("e2").native()), 1);
  EXPECT_NE(EVP_PKEY_eq(one.get(), two.get()), 1);
  EXPECT_NE(EVP_PKEY_eq(one.get(), rsa.get()), 1);
  const X509Ptr cert = certificate(one.get(), EVP_sha256());
  EXPECT_EQ(X509_check_private_key(cert.get(), two.get()), 0);
  openssl_clear_errors();
}

CmsPtr cms_sign(X509* cert, EVP_PKEY* key, const EVP_MD* md, bool pss) {
  const Bytes text = to_bytes("the signed text\r\n");
  const BioPtr in = bio_over(text).value();
  const unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_DETACHED;
  CmsPtr cms(CMS_sign(nullptr, nullptr, nullptr, nullptr, flags));
  CMS_SignerInfo* signer = CMS_add1_signer(cms.get(), cert, key, md, flags | (pss ? CMS_KEY_PARAM : 0U));
  EXPECT_NE(signer, nullptr) << openssl_error(ErrorCode::Internal, "").text();
  if (signer == nullptr) return nullptr;
  if (pss) {
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(CMS_SignerInfo_get0_pkey_ctx(signer), RSA_PKCS1_PSS_PADDING), 1);
  }
  EXPECT_EQ(CMS_final(cms.get(), in.get(), nullptr, flags), 1) << openssl_error(ErrorCode::Internal, "").text();
  const BioPtr bytes = bio_buffer();  // the object made here would verify with the handle instead of the certificate
  EXPECT_EQ(i2d_CMS_bio(bytes.get(), cms.get()), 1);
  return CmsPtr(d2i_CMS_bio(bytes.get(), nullptr));
}

TEST_F(Handle, CmsSignatures) {  // RFC 8551 2.2, RFC 5753, RFC 4056
  struct {
    const char* name;
    KeyType type;
    const EVP_MD* md;
    bool pss;
  } const cases[] = {{"r2", KeyType::Rsa2048, EVP_sha256(), false},
                     {"r2", KeyType::Rsa2048, EVP_sha256(), true},
                     {"e2", KeyType::EcdsaP256, EVP_sha256(), false},
                     {"e3", KeyType::EcdsaP384, EVP_sha384(), false},
                     {"e5", KeyType::EcdsaP521, EVP_sha512(), false}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const EvpPkeyPtr key = handle(c.name, c.type);
    const X509Ptr cert = certificate(key.get(), EVP_sha256());
    const CmsPtr cms = cms_sign(cert.get(), key.get(), c.md, c.pss);
    ASSERT_TRUE(cms);
    const Bytes text = to_bytes("the signed text\r\n");
    const Bytes other = to_bytes("the signed texT\r\n");
    EXPECT_EQ(CMS_verify(cms.get(), nullptr, nullptr, bio_over(text).value().get(), nullptr, CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY), 1)
        << openssl_error(ErrorCode::Internal, "").text();
    EXPECT_NE(CMS_verify(cms.get(), nullptr, nullptr, bio_over(other).value().get(), nullptr, CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY), 1);
    openssl_clear_errors();
  }
}

enum class Transport { Pkcs1, Oaep, Ecdh };

CmsPtr cms_encrypt(X509* cert, Transport transport, const EVP_CIPHER* cipher) {
  const Bytes text = to_bytes("for your eyes only");
  const BioPtr in = bio_over(text).value();
  CmsPtr cms(CMS_encrypt(nullptr, nullptr, cipher, CMS_BINARY | CMS_PARTIAL));
  CMS_RecipientInfo* recipient = CMS_add1_recipient_cert(cms.get(), cert, CMS_KEY_PARAM);
  EXPECT_NE(recipient, nullptr) << openssl_error(ErrorCode::Internal, "").text();
  if (transport == Transport::Oaep) {
    EVP_PKEY_CTX* context = CMS_RecipientInfo_get0_pkey_ctx(recipient);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()), 1);
  }
  EXPECT_EQ(CMS_final(cms.get(), in.get(), nullptr, CMS_BINARY), 1) << openssl_error(ErrorCode::Internal, "").text();
  return cms;
}

TEST_F(Handle, CmsDecryption) {  // RFC 5083, RFC 8017 7.1 and 7.2, RFC 5753 3.1
  struct {
    const char* name;
    KeyType type;
    Transport transport;
  } const cases[] = {{"r2", KeyType::Rsa2048, Transport::Oaep},
                     {"r2", KeyType::Rsa2048, Transport::Pkcs1},
                     {"e2", KeyType::EcdsaP256, Transport::Ecdh},
                     {"e3", KeyType::EcdsaP384, Transport::Ecdh},
                     {"e5", KeyType::EcdsaP521, Transport::Ecdh}};
  for (const auto& c : cases) {
    for (const EVP_CIPHER* cipher : {EVP_aes_256_gcm(), EVP_aes_256_cbc(), EVP_aes_128_cbc()}) {
      SCOPED_TRACE(std::string(c.name) + " " + EVP_CIPHER_get0_name(cipher));
      const EvpPkeyPtr key = handle(c.name, c.type);
      const X509Ptr cert = certificate(key.get(), EVP_sha256());
      const CmsPtr cms = cms_encrypt(cert.get(), c.transport, cipher);
      ASSERT_TRUE(cms);
      const BioPtr out = bio_buffer();
      ASSERT_EQ(CMS_decrypt(cms.get(), key.get(), cert.get(), nullptr, out.get(), 0), 1) << openssl_error(ErrorCode::Internal, "").text();
      EXPECT_EQ(as_text(bio_bytes(out.get())), "for your eyes only");
      const EvpPkeyPtr stranger = handle(("stranger_" + std::string(name_of(c.type))).c_str(), c.type);
      const BioPtr nothing = bio_buffer();
      const CmsPtr again = cms_encrypt(cert.get(), c.transport, cipher);
      const bool opened = CMS_decrypt(again.get(), stranger.get(), nullptr, nullptr, nothing.get(), 0) == 1;
      // RFC 3218 2.3: a wrong RSA key gives a random content key, so that no error tells it apart; CBC's padding is right by chance then.
      if (c.transport != Transport::Ecdh && EVP_CIPHER_get_mode(cipher) == EVP_CIPH_CBC_MODE)
        EXPECT_NE(as_text(bio_bytes(nothing.get())), "for your eyes only");
      else
        EXPECT_FALSE(opened);
      openssl_clear_errors();
    }
  }
}

TEST_F(Handle, NothingPrivateCanBeRead) {
  for (const HandleCase& c : kCases) {
    SCOPED_TRACE(c.name);
    const EvpPkeyPtr key = handle(c.name, c.type);
    BIGNUM* number = nullptr;
    for (const char* name : {OSSL_PKEY_PARAM_PRIV_KEY, OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_EXPONENT1}) {
      EXPECT_NE(EVP_PKEY_get_bn_param(key.get(), name, &number), 1);
    }
    Byte raw[256];
    std::size_t size = sizeof raw;
    EXPECT_NE(EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PRIV_KEY, raw, size, &size), 1);
    size = sizeof raw;
    EXPECT_NE(EVP_PKEY_get_raw_private_key(key.get(), raw, &size), 1);
    OSSL_PARAM* params = nullptr;
    EXPECT_NE(EVP_PKEY_todata(key.get(), EVP_PKEY_KEYPAIR, &params), 1);
    const BioPtr out = bio_buffer();
    EXPECT_NE(PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
    EXPECT_NE(i2d_PKCS8PrivateKey_bio(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
    EXPECT_TRUE(bio_bytes(out.get()).empty());
    openssl_clear_errors();
  }
}

TEST_F(Handle, GoesOnMeaningItsVersionAndDiesWithItsKey) {
  const EvpPkeyPtr key = handle("turning", KeyType::EcdsaP256);
  const X509Ptr before = certificate(key.get(), EVP_sha256());
  ASSERT_TRUE(m_keeper->rotate(KeyName("turning")));
  EXPECT_EQ(X509_check_private_key(before.get(), key.get()), 1);
  const X509Ptr after = certificate(key.get(), EVP_sha256());
  EXPECT_EQ(X509_verify(after.get(), X509_get0_pubkey(before.get())), 1);
  ASSERT_TRUE(
      m_keeper->configure(KeyName("turning"), {.min_decryption_version = {}, .min_encryption_version = {}, .deletion_allowed = true}));
  ASSERT_TRUE(m_keeper->remove(KeyName("turning")));
  EXPECT_LE(X509_sign(after.get(), key.get(), EVP_sha256()), 0);
  openssl_clear_errors();
}

TEST_F(Handle, RefusesWhatItCannotBe) {
  EXPECT_EQ(evp_handle(m_keeper, KeyName("missing")).error().code, ErrorCode::NotFound);
  EXPECT_EQ(evp_handle(m_keeper, key_names::kMailStorage).error().code, ErrorCode::Unsupported);
  ASSERT_TRUE(m_keeper->create(KeyName("x"), KeyType::X25519));
  EXPECT_EQ(evp_handle(m_keeper, KeyName("x")).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(evp_handle(m_keeper, key_names::kDkim, 9).error().code, ErrorCode::NotFound);
}

TEST_F(Handle, OutlivesTheLastOtherOwnerOfTheKeeper) {
  EvpPkeyPtr key = handle("last", KeyType::EcdsaP256);
  m_keeper.reset();
  certificate(key.get(), EVP_sha256());
}

TEST_F(Handle, ManyThreads) {
  const EvpPkeyPtr key = handle("shared", KeyType::EcdsaP256);
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const EvpPkeyPtr mine = i % 2 == 0 ? evp_handle(m_keeper, KeyName("shared")).value() : share(key.get());
        const X509Ptr cert = certificate(mine.get(), EVP_sha256());
        if (X509_verify(cert.get(), X509_get0_pubkey(cert.get())) == 1) ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 200);
}

// The default library context must not know about our provider: other code's fetches stay what they were.
TEST_F(Handle, TheDefaultContextIsUntouched) {
  handle("any", KeyType::Rsa2048);
  EVP_KEYMGMT* fetched = EVP_KEYMGMT_fetch(nullptr, "RSA", "provider=postern-keeper");
  EXPECT_EQ(fetched, nullptr);
  EVP_KEYMGMT_free(fetched);
  openssl_clear_errors();
}

}  // namespace
}  // namespace postern
