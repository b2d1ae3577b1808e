#include "crypto/cbc.hpp"

#include <gtest/gtest.h>

#include "crypto/random.hpp"

namespace postern {
namespace {

Bytes unhex(std::string_view text) { return hex_decode(text).value(); }

TEST(AesCbc, Sp80038aF2) {  // SP 800-38A F.2.1, F.2.3, F.2.5: the first block; behind it stands that of the padding
  const Bytes iv = unhex("000102030405060708090a0b0c0d0e0f");
  const Bytes text = unhex("6bc1bee22e409f96e93d7e117393172a");
  const auto first = [&](std::string_view key) { return hex_encode(ByteView(aes_cbc_encrypt(unhex(key), iv, text).value()).first(16)); };
  EXPECT_EQ(first("2b7e151628aed2a6abf7158809cf4f3c"), "7649abac8119b246cee98e9b12e9197d");
  EXPECT_EQ(first("8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"), "4f021db243bc633d7178183a9fa071e8");
  EXPECT_EQ(first("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"), "f58c4c04d6e5f1ba779eabfb5f7bfbd6");
}

TEST(AesCbc, EverySizeComesBackWithAPadding) {
  const SecretBytes key = random_key(32);
  const Bytes iv(16, 7);
  for (std::size_t size = 0; size < 50; ++size) {
    const SecretBytes text = random_key(size);
    const Bytes sealed = aes_cbc_encrypt(key.view(), iv, text.view()).value();
    EXPECT_EQ(sealed.size(), (size / 16 + 1) * 16);  // RFC 5652 6.3
    EXPECT_EQ(hex_encode(aes_cbc_decrypt(key.view(), iv, sealed).value().view()), hex_encode(text.view()));
  }
}

TEST(AesCbc, RefusesWhatHasNoPadding) {
  const SecretBytes key = random_key(16);
  const Bytes iv(16);
  Bytes sealed = aes_cbc_encrypt(key.view(), iv, Bytes(32)).value();
  sealed.resize(32);  // ends in a zero byte, which is no padding
  for (const std::size_t size : {0, 1, 15, 16, 17, 32}) {
    EXPECT_EQ(aes_cbc_decrypt(key.view(), iv, ByteView(sealed).first(size)).error().code, ErrorCode::IntegrityFailed) << size;
  }
  EXPECT_EQ(aes_cbc_encrypt(random_key(15).view(), iv, {}).error().field, "key");
  EXPECT_EQ(aes_cbc_decrypt(key.view(), Bytes(12), sealed).error().field, "iv");
}

}  // namespace
}  // namespace postern
