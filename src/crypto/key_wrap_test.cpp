#include <gtest/gtest.h>

#include "crypto/key_wrap.hpp"
#include "crypto/postquantum.hpp"
#include "crypto/random.hpp"
#include "crypto/xchacha.hpp"

namespace postern {
namespace {

Bytes unhex(std::string_view text) { return hex_decode(text).value(); }

TEST(KeyWrap, Rfc5649Section6) {  // RFC 5649 6
  const Bytes kek = unhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8");
  const Bytes key20 = unhex("c37b7e6492584340bed12207808941155068f738");
  const Bytes key7 = unhex("466f7250617369");
  EXPECT_EQ(hex_encode(aes_key_wrap(kek, key20).value()), "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a");
  EXPECT_EQ(hex_encode(aes_key_wrap(kek, key7).value()), "afbeb0f07dfbf5419200f2ccb50bb24f");
  EXPECT_EQ(hex_encode(aes_key_unwrap(kek, unhex("afbeb0f07dfbf5419200f2ccb50bb24f")).value().view()), "466f7250617369");
}

TEST(KeyWrap, EverySizeComesBackAndEveryChangedBitIsNoticed) {
  const SecretBytes kek = random_key(32);
  for (std::size_t size = 1; size < 70; ++size) {
    const SecretBytes key = random_key(size);
    const Bytes wrapped = aes_key_wrap(kek.view(), key.view()).value();
    EXPECT_EQ(hex_encode(aes_key_unwrap(kek.view(), wrapped).value().view()), hex_encode(key.view()));
    for (std::size_t bit = 0; bit < wrapped.size() * 8; bit += 7) {
      Bytes changed = wrapped;
      changed[bit / 8] ^= static_cast<Byte>(1U << bit % 8);
      EXPECT_EQ(aes_key_unwrap(kek.view(), changed).error().code, ErrorCode::IntegrityFailed);
    }
  }
}

TEST(KeyWrap, RefusesWhatCannotBe) {
  const SecretBytes kek = random_key(32);
  EXPECT_FALSE(aes_key_wrap(kek.view(), {}));
  EXPECT_FALSE(aes_key_wrap(random_key(31).view(), kek.view()));
  for (const std::size_t size : {0, 1, 8, 15, 17, 23})
    EXPECT_EQ(aes_key_unwrap(kek.view(), Bytes(size, 1)).error().code, ErrorCode::BadInput) << size;
}

TEST(KeyWrap, Rfc3394Section4) {  // RFC 3394 4.1, 4.6
  const Bytes kek = unhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const Bytes key = unhex("00112233445566778899aabbccddeeff");
  EXPECT_EQ(hex_encode(aes_key_wrap_unpadded(ByteView(kek).first(16), key).value()), "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5");
  const Bytes key32 = unhex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
  const Bytes wrapped = unhex("28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21");
  EXPECT_EQ(aes_key_wrap_unpadded(kek, key32).value(), wrapped);
  EXPECT_EQ(hex_encode(aes_key_unwrap_unpadded(kek, wrapped).value().view()), hex_encode(key32));
}

TEST(KeyWrap, TheTwoFormsAreNotEachOther) {
  const SecretBytes kek = random_key(32);
  const SecretBytes key = random_key(24);
  const Bytes plain = aes_key_wrap_unpadded(kek.view(), key.view()).value();
  const Bytes padded = aes_key_wrap(kek.view(), key.view()).value();
  EXPECT_EQ(aes_key_unwrap(kek.view(), plain).error().code, ErrorCode::IntegrityFailed);
  EXPECT_EQ(aes_key_unwrap_unpadded(kek.view(), padded).error().code, ErrorCode::IntegrityFailed);
  for (std::size_t bit = 0; bit < plain.size() * 8; ++bit) {
    Bytes changed = plain;
    changed[bit / 8] ^= static_cast<Byte>(1U << bit % 8);
    EXPECT_EQ(aes_key_unwrap_unpadded(kek.view(), changed).error().code, ErrorCode::IntegrityFailed);
  }
  for (const std::size_t size : {0, 8, 15, 17, 23}) EXPECT_FALSE(aes_key_wrap_unpadded(kek.view(), Bytes(size))) << size;
  for (const std::size_t size : {0, 8, 16, 25})
    EXPECT_EQ(aes_key_unwrap_unpadded(kek.view(), Bytes(size)).error().code, ErrorCode::BadInput);
}

TEST(XChaCha, HChaCha20OfTheDraft) {  // draft-irtf-cfrg-xchacha-03 2.2.1
  const Bytes key = unhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const Bytes nonce = unhex("000000090000004a0000000031415927");
  EXPECT_EQ(hex_encode(hchacha20(key, nonce).value().view()), "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc");
}

TEST(XChaCha, AeadOfTheDraft) {  // draft-irtf-cfrg-xchacha-03 A.3.1
  const Bytes key = unhex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  const Bytes nonce = unhex("404142434445464748494a4b4c4d4e4f5051525354555657");
  const Bytes aad = unhex("50515253c0c1c2c3c4c5c6c7");
  const Bytes text =
      to_bytes("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.");
  Bytes out(text.size() + 16);
  ASSERT_TRUE(xchacha_seal(key, nonce, aad, text, out));
  EXPECT_EQ(hex_encode(ByteView(out).first(16)), "bd6d179d3e83d43b9576579493c0e939");
  EXPECT_EQ(hex_encode(ByteView(out).last(16)), "c0875924c1c7987947deafd8780acf49");
  Bytes back(text.size());
  ASSERT_TRUE(xchacha_open(key, nonce, aad, out, back));
  EXPECT_EQ(back, text);
  out[3] ^= 1;
  EXPECT_EQ(xchacha_open(key, nonce, aad, out, back).error().code, ErrorCode::IntegrityFailed);
  EXPECT_EQ(back, Bytes(text.size(), 0));
  EXPECT_FALSE(xchacha_seal(key, ByteView(nonce).first(12), aad, text, out));
}

// With a library that has them, both work; without, the refusal says what is missing.
TEST(PostQuantum, WorksOrSaysWhatIsMissing) {
  if (!pq_available(PqKind::MlDsa65)) {
    const auto refused = PqKey::generate(PqKind::MlDsa65);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Unsupported);
    EXPECT_NE(refused.error().what.find("ML-DSA-65 needs OpenSSL 3.5"), std::string::npos);
    EXPECT_FALSE(PqKey::from_spki(PqKind::MlKem768, {}));
    return;
  }
  const PqKey signer = PqKey::generate(PqKind::MlDsa65).value();
  const Bytes signature = signer.sign(as_bytes("text")).value();
  const PqKey reader = PqKey::from_spki(PqKind::MlDsa65, signer.to_spki().value()).value();
  EXPECT_TRUE(reader.verify(as_bytes("text"), signature));
  EXPECT_FALSE(reader.verify(as_bytes("Text"), signature));
  EXPECT_FALSE(PqKey::from_spki(PqKind::MlDsa44, signer.to_spki().value()));
  const PqKey kem = PqKey::from_pkcs8(PqKind::MlKem768, PqKey::generate(PqKind::MlKem768).value().to_pkcs8().value().view()).value();
  const auto sent = kem.encapsulate().value();
  EXPECT_EQ(hex_encode(kem.decapsulate(sent.ciphertext).value().view()), hex_encode(sent.secret.view()));
}

}  // namespace
}  // namespace postern
