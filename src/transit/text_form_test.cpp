#include "transit/text_form.hpp"

#include <gtest/gtest.h>

#include "crypto/random.hpp"

namespace postern::transit {
namespace {

std::string why(std::string_view text, TextKind kind = TextKind::Ciphertext) {
  const auto read = read_versioned(text, kind);
  return read ? "no error" : read.error().what;
}

TEST(TextForm, ReadsVersions) {
  EXPECT_EQ(read_versioned("vault:v3:abc", TextKind::Ciphertext)->version, 3U);
  EXPECT_EQ(read_versioned("vault:v3:abc", TextKind::Ciphertext)->body, "abc");
  EXPECT_EQ(read_versioned("vault:v0:abc", TextKind::Ciphertext)->version, 1U);  // the oldest servers began at 0
  EXPECT_EQ(read_versioned("vault:v4294967295:", TextKind::Ciphertext)->version, UINT32_MAX);
}

TEST(TextForm, EveryMalformedHeadHasItsText) {
  for (const char* text : {"", "vault", "vault:", "Vault:v1:x", "valt:v1:x", " vault:v1:x"})
    EXPECT_EQ(why(text), "invalid ciphertext: no prefix");
  EXPECT_EQ(why("vault:v1"), "invalid ciphertext: wrong number of fields");
  EXPECT_EQ(why("vault:v"), "invalid ciphertext: wrong number of fields");
  for (const char* text : {"vault:v:x", "vault:vx:x", "vault:v-1:x", "vault:v+1:x", "vault:v1x:x", "vault:v 1:x", "vault:v4294967296:x"})
    EXPECT_EQ(why(text), "invalid ciphertext: version number could not be decoded") << text;
  EXPECT_EQ(why("x", TextKind::Signature), "invalid signature: no prefix");
  EXPECT_EQ(why("x", TextKind::Hmac), "invalid HMAC: no prefix");
}

TEST(TextForm, VersionsHaveBounds) {
  EXPECT_TRUE(check_version(2, 2, 3, TextKind::Ciphertext));
  EXPECT_EQ(check_version(4, 2, 3, TextKind::Ciphertext).error().what, "invalid ciphertext: version is too new");
  EXPECT_EQ(check_version(1, 2, 3, TextKind::Ciphertext).error().what, "ciphertext or signature version is disallowed by policy (too old)");
}

TEST(TextForm, Base64AgreesWithTheOtherCodec) {
  for (std::size_t size = 0; size < 300; ++size) {
    const SecretBytes bytes = random_key(size);
    std::string text = "x", url = "y";
    append_base64(text, bytes.view());
    append_base64url(url, bytes.view());
    EXPECT_EQ(text, "x" + base64_encode(bytes.view()));
    EXPECT_EQ(url, "y" + base64url_encode(bytes.view()));
    const auto back = decode_base64<WipedBytes>(std::string_view(text).substr(1));
    ASSERT_TRUE(back);
    EXPECT_EQ(hex_encode(*back), hex_encode(bytes.view()));
  }
}

TEST(TextForm, Base64RefusesWhatTheOtherCodecRefuses) {
  const std::string good = base64_encode(to_bytes("any carnal pleas"));
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int c = 0; c < 256; ++c) {
      std::string text = good;
      text[at] = static_cast<char>(c);
      const auto mine = decode_base64<Bytes>(text);
      const auto other = base64_decode(text);
      ASSERT_EQ(mine.has_value(), other.has_value()) << text;
      if (mine) {
        EXPECT_EQ(*mine, *other);
      }
    }
  }
  for (const char* text : {"A", "AA", "AAA", "AAAAA", "====", "A===", "=AAA", "AA=A", "AAAA====", "AB==", "AAB=", "AA==AAAA", "AAA\n"})
    EXPECT_FALSE(decode_base64<Bytes>(text)) << text;
  EXPECT_TRUE(decode_base64<Bytes>("")->empty());
}

TEST(TextForm, NamesOfTypes) {
  EXPECT_EQ(key_type_from_name("aes256-gcm96").value(), KeyType::Aes256Gcm96);
  EXPECT_EQ(key_type_from_name("ml-dsa", "87").value(), KeyType::MlDsa87);  // Vault
  EXPECT_EQ(key_type_from_name("ml-dsa").value(), KeyType::MlDsa65);
  EXPECT_EQ(key_type_from_name("mldsa-44").value(), KeyType::MlDsa44);  // OpenBao
  EXPECT_EQ(key_type_from_name("ml-kem", "1024").value(), KeyType::MlKem1024);
  EXPECT_EQ(key_type_from_name("des").error().what, "unknown key type des");
  EXPECT_EQ(key_type_from_name("ml-dsa", "1").error().what, "unknown key type mldsa-1");
  for (int i = 0; i <= static_cast<int>(KeyType::MlKem1024); ++i) {
    const auto type = static_cast<KeyType>(i);
    EXPECT_EQ(key_type_from_name(name_of(type)).value(), type);
  }
  EXPECT_EQ(key_use_from_name("rewrap").value(), KeyUse::Rewrap);
  EXPECT_FALSE(key_use_from_name("everything"));
}

}  // namespace
}  // namespace postern::transit
