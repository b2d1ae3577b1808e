// The Wycheproof vectors (C2SP), through this room's own entry points. They stand outside the repository; without them the tests say so.
#include <gtest/gtest.h>

#include <boost/json/src.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "crypto/aead.hpp"
#include "crypto/hmac.hpp"
#include "crypto/kdf.hpp"
#include "crypto/pkey.hpp"

namespace postern {
namespace {

namespace json = boost::json;

// $POSTERN_SHARED_DATA, else shared/data beside the repository, wherever in or beside it the test was started.
std::filesystem::path data_folder() {
  if (const char* given = std::getenv("POSTERN_SHARED_DATA")) return given;
  std::error_code ignored;
  const auto here = std::filesystem::current_path(ignored);
  for (auto at = here; at != at.parent_path(); at = at.parent_path()) {
    if (std::filesystem::is_directory(at / "shared/data", ignored)) return at / "shared/data";
  }
  return here / "../shared/data";
}

Bytes hex_of(const json::object& o, const char* name) { return hex_decode(std::string_view(o.at(name).as_string())).value(); }
std::string text_of(const json::object& o, const char* name) { return std::string(std::string_view(o.at(name).as_string())); }
std::size_t number_of(const json::object& o, const char* name) { return static_cast<std::size_t>(o.at(name).to_number<std::int64_t>()); }

// nullopt: this room does not do that variant (counted, and bounded by each test).
using Judge = std::function<std::optional<bool>(const json::object& group, const json::object& test)>;

void run(const char* file, std::size_t least_judged, const Judge& judge) {
  const auto path = data_folder() / "wycheproof" / file;
  std::ifstream in(path);
  if (!in) GTEST_SKIP() << "no vectors at " << path;
  std::stringstream text;
  text << in.rdbuf();
  const json::value root = json::parse(text.str());
  std::size_t judged = 0;
  for (const json::value& g : root.as_object().at("testGroups").as_array()) {
    for (const json::value& t : g.as_object().at("tests").as_array()) {
      const json::object& test = t.as_object();
      const auto verdict = judge(g.as_object(), test);
      const std::string expected = text_of(test, "result");
      if (!verdict || expected == "acceptable") continue;
      ++judged;
      EXPECT_EQ(*verdict, expected == "valid") << file << " tcId " << number_of(test, "tcId") << " " << text_of(test, "comment");
    }
  }
  EXPECT_GE(judged, least_judged);
}

std::optional<bool> judge_aead(AeadAlgorithm algorithm, const json::object& test) {
  const Bytes key = hex_of(test, "key");
  if (key.size() != aead_key_size(algorithm)) return std::nullopt;
  auto aead = Aead::create(algorithm, key).value();
  const Bytes nonce = hex_of(test, "iv");
  const Bytes text = hex_of(test, "msg");
  Bytes sealed = hex_of(test, "ct");
  append(sealed, hex_of(test, "tag"));
  Bytes opened(text.size());
  Bytes again(text.size() + kAeadTag);
  const bool ok = aead.open(nonce, hex_of(test, "aad"), sealed, opened).has_value();
  if (!ok) return nonce.size() == kAeadNonce || text_of(test, "result") == "invalid" ? std::optional(false) : std::nullopt;
  return opened == text && aead.seal(nonce, hex_of(test, "aad"), text, again) && again == sealed;
}

TEST(Wycheproof, AesGcm) {
  run("aes_gcm_test.json", 120, [](const json::object& group, const json::object& test) -> std::optional<bool> {
    if (number_of(group, "keySize") == 192) return std::nullopt;
    return judge_aead(number_of(group, "keySize") == 256 ? AeadAlgorithm::Aes256Gcm : AeadAlgorithm::Aes128Gcm, test);
  });
}

TEST(Wycheproof, ChaCha20Poly1305) {
  run("chacha20_poly1305_test.json", 300,
      [](const json::object&, const json::object& test) { return judge_aead(AeadAlgorithm::ChaCha20Poly1305, test); });
}

TEST(Wycheproof, HmacSha512) {
  run("hmac_sha512_test.json", 170, [](const json::object& group, const json::object& test) -> std::optional<bool> {
    Bytes tag = hmac(HashAlgorithm::Sha512, hex_of(test, "key"), hex_of(test, "msg"));
    tag.resize(number_of(group, "tagSize") / 8);
    return tag == hex_of(test, "tag");
  });
}

TEST(Wycheproof, HkdfSha512) {
  run("hkdf_sha512_test.json", 80, [](const json::object&, const json::object& test) -> std::optional<bool> {
    const auto out = hkdf(HashAlgorithm::Sha512, hex_of(test, "ikm"), hex_of(test, "salt"), hex_of(test, "info"), number_of(test, "size"));
    const Bytes expected = hex_of(test, "okm");
    return out && std::ranges::equal(out->view(), expected);
  });
}

Judge judge_signature(const char* key_field, SignAlgorithm algorithm) {
  return [=](const json::object& group, const json::object& test) -> std::optional<bool> {
    const auto key = PublicKey::from_spki(hex_of(group, key_field));
    return key && key->verify(algorithm, hex_of(test, "msg"), hex_of(test, "sig"));
  };
}

TEST(Wycheproof, Ed25519) { run("ed25519_test.json", 150, judge_signature("publicKeyDer", SignAlgorithm::ed25519())); }
TEST(Wycheproof, EcdsaP256) {
  run("ecdsa_secp256r1_sha256_test.json", 480, judge_signature("publicKeyDer", SignAlgorithm::ecdsa(HashAlgorithm::Sha256)));
}
TEST(Wycheproof, EcdsaP384) {
  run("ecdsa_secp384r1_sha384_test.json", 500, judge_signature("publicKeyDer", SignAlgorithm::ecdsa(HashAlgorithm::Sha384)));
}
TEST(Wycheproof, RsaPkcs1) {
  run("rsa_signature_2048_sha256_test.json", 240, judge_signature("publicKeyDer", SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256)));
}
TEST(Wycheproof, RsaPss) {
  run("rsa_pss_2048_sha256_mgf1_32_test.json", 100, [](const json::object& group, const json::object& test) -> std::optional<bool> {
    const auto key = PublicKey::from_rsa_pkcs1(hex_of(group, "publicKeyAsn"));
    return key && key->verify(SignAlgorithm::rsa_pss(HashAlgorithm::Sha256), hex_of(test, "msg"), hex_of(test, "sig"));
  });
}

TEST(Wycheproof, X25519) {
  run("x25519_test.json", 260, [](const json::object&, const json::object& test) -> std::optional<bool> {
    const auto mine = PrivateKey::from_raw(KeyKind::X25519, hex_of(test, "private"));
    const auto theirs = PublicKey::from_raw(KeyKind::X25519, hex_of(test, "public"));
    if (!mine || !theirs) return false;
    const auto shared = mine->agree(*theirs);
    const Bytes expected = hex_of(test, "shared");
    return shared && std::ranges::equal(shared->view(), expected);
  });
}

}  // namespace
}  // namespace postern
