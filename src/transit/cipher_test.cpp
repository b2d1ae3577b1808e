// Encryption, decryption, rewrapping, data keys.
#include "crypto/aead.hpp"
#include "crypto/xchacha.hpp"
#include "transit/record.hpp"
#include "transit/test_support.hpp"
#include "transit/text_form.hpp"

namespace postern::transit {
namespace {

Bytes counting(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<Byte>(i);
  return out;
}
Bytes sealed_of(std::string_view text) { return base64_decode(text.substr(text.rfind(':') + 1)).value(); }
std::string with_sealed(const Bytes& sealed, int version = 1) { return "vault:v" + std::to_string(version) + ":" + base64_encode(sealed); }

constexpr std::array kAeads{KeyType::Aes128Gcm96, KeyType::Aes256Gcm96, KeyType::ChaCha20Poly1305, KeyType::XChaCha20Poly1305};

class EachAead : public testing::TestWithParam<KeyType> {};
INSTANTIATE_TEST_SUITE_P(Types, EachAead, testing::ValuesIn(kAeads));

TEST_P(EachAead, ComesBackWithItsContext) {
  Bench bench;
  const KeyRef key = bench.key("k", {.type = GetParam()});
  for (const std::size_t size : {0, 1, 15, 16, 17, 1000, 70000}) {
    const Bytes text(size, 'x');
    const auto sealed = key.encrypt(text, {.aad = as_bytes("aad")});
    ASSERT_TRUE(sealed) << text_of(sealed);
    EXPECT_TRUE(sealed->text.starts_with("vault:v1:"));
    EXPECT_EQ(sealed_of(sealed->text).size(), size + key.overhead());
    EXPECT_EQ(plain(key.decrypt(sealed->text, {.aad = as_bytes("aad")})), as_text(text));
    EXPECT_EQ(code_of(key.decrypt(sealed->text, {.aad = as_bytes("Aad")})), ErrorCode::IntegrityFailed);
    EXPECT_EQ(code_of(key.decrypt(sealed->text)), ErrorCode::IntegrityFailed);
  }
}

TEST_P(EachAead, EveryChangedBitAndEveryCutIsNoticed) {
  Bench bench;
  const KeyRef key = bench.key("k", {.type = GetParam()});
  const Bytes sealed = sealed_of(key.encrypt(to_bytes("attack at dawn")).value().text);
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes changed = sealed;
    changed[bit / 8] ^= static_cast<Byte>(1U << bit % 8);
    const auto opened = key.decrypt(with_sealed(changed));
    EXPECT_EQ(code_of(opened), ErrorCode::IntegrityFailed);
    EXPECT_NE(text_of(opened).find("message authentication failed"), std::string::npos);
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    const auto opened = key.decrypt(with_sealed(Bytes(sealed.begin(), sealed.begin() + static_cast<long>(size))));
    EXPECT_FALSE(opened) << size;
  }
}

// The primitive itself is the other implementation: nonce || ciphertext || tag, as the reference says.
TEST_P(EachAead, OpensWhatThePrimitiveSealed) {
  Bench bench;
  const Bytes material = counting(GetParam() == KeyType::Aes128Gcm96 ? 16 : 32);
  const KeyRef key = bench.known("k", material, {.type = GetParam()});
  const std::size_t nonce = GetParam() == KeyType::XChaCha20Poly1305 ? 24 : 12;
  Bytes sealed(nonce + 5 + 16, 7);
  if (nonce == 24) {
    ASSERT_TRUE(xchacha_seal(material, ByteView(sealed).first(24), {}, as_bytes("hello"), ByteSpan(sealed).subspan(24)));
  } else {
    const auto algorithm = GetParam() == KeyType::Aes128Gcm96   ? AeadAlgorithm::Aes128Gcm
                           : GetParam() == KeyType::Aes256Gcm96 ? AeadAlgorithm::Aes256Gcm
                                                                : AeadAlgorithm::ChaCha20Poly1305;
    ASSERT_TRUE(Aead::create(algorithm, material)->seal(ByteView(sealed).first(12), {}, as_bytes("hello"), ByteSpan(sealed).subspan(12)));
  }
  EXPECT_EQ(plain(key.decrypt(with_sealed(sealed))), "hello");
  EXPECT_EQ(plain(key.decrypt(with_sealed(sealed, 0))), "hello");
}

TEST_P(EachAead, DerivedKeysDifferByContext) {
  Bench bench;
  const KeyRef key = bench.key("k", {.type = GetParam(), .derived = true});
  const auto sealed = key.encrypt(to_bytes("text"), {.context = as_bytes("alice"), .aad = as_bytes("a")}).value();
  EXPECT_EQ(plain(key.decrypt(sealed.text, {.context = as_bytes("alice"), .aad = as_bytes("a")})), "text");
  EXPECT_EQ(code_of(key.decrypt(sealed.text, {.context = as_bytes("bob"), .aad = as_bytes("a")})), ErrorCode::IntegrityFailed);
  EXPECT_NE(text_of(key.encrypt(to_bytes("text"))).find("missing 'context' for key derivation"), std::string::npos);
  EXPECT_NE(text_of(key.decrypt(sealed.text)).find("missing 'context' for key derivation"), std::string::npos);
}

TEST_P(EachAead, ConvergentGivesTheSameAndTakesNoAssociatedData) {
  Bench bench;
  const KeyRef key = bench.key("k", {.type = GetParam(), .derived = true, .convergent = true});
  const CipherOptions alice{.context = as_bytes("alice")};
  EXPECT_EQ(key.encrypt(to_bytes("text"), alice)->text, key.encrypt(to_bytes("text"), alice)->text);
  EXPECT_NE(key.encrypt(to_bytes("text"), alice)->text, key.encrypt(to_bytes("Text"), alice)->text);
  EXPECT_NE(key.encrypt(to_bytes("text"), alice)->text, key.encrypt(to_bytes("text"), {.context = as_bytes("bob")})->text);
  EXPECT_EQ(plain(key.decrypt(key.encrypt(to_bytes("text"), alice)->text, alice)), "text");
  EXPECT_NE(text_of(key.encrypt(to_bytes("x"), {.context = as_bytes("alice"), .aad = as_bytes("a")})).find("take no associated data"),
            std::string::npos);
}

TEST(Cipher, VectorsOfTheReference) {
  Bench bench;
  const ImportOptions options{.type = KeyType::Aes256Gcm96, .derived = true};
  const KeyRef derived = bench.known("derived", counting(32), options);
  // The derived key itself opens what the derived key of the engine sealed.
  const Bytes inner = hex_decode("4a10e0dd7750402d5d67a8babd31aaaceee6a194780140dcb6bf3bcc29da533d").value();
  const auto sealed = derived.encrypt(to_bytes("hello world"), {.context = as_bytes("my-context")}).value();
  EXPECT_EQ(as_text(Aead::create(AeadAlgorithm::Aes256Gcm, inner)->open_random({}, sealed_of(sealed.text)).value().view()), "hello world");
}

TEST(Cipher, ConvergentVectorOfTheReference) {
  Bench bench;
  // There is no import of convergent keys, so the record is written by hand.
  detail::Key record;
  record.name = "k";
  record.policy.derived = record.policy.convergent = true;
  auto version = std::make_shared<detail::Version>();
  version->number = 1;
  version->material.secret = SecretBytes(counting(32));
  record.versions.push_back(version);
  ASSERT_TRUE(bench.memory.put("keys/k", detail::write_key(record)));
  ASSERT_TRUE(bench.memory.put("uses/k", detail::write_uses({record.policy.id, {}})));
  const KeyRef key = bench.engine.get("k").value();
  const CipherOptions options{.context = as_bytes("my-context")};
  const auto sealed = key.encrypt(to_bytes("hello world"), options);
  ASSERT_TRUE(sealed) << text_of(sealed);
  EXPECT_EQ(sealed->text, "vault:v1:qBGVuHYLU/LGxzvYPdKeG35Y6LqCcilxvrQ/jB7ngHXzKAMn7Tt4");
  EXPECT_EQ(plain(key.decrypt(sealed->text, options)), "hello world");
}

TEST(Cipher, EveryMalformedCiphertext) {
  Bench bench;
  const KeyRef key = bench.key("k");
  const auto why = [&](std::string_view text) { return text_of(key.decrypt(text)); };
  EXPECT_EQ(why(""), "invalid ciphertext: no prefix");
  EXPECT_EQ(why("vault:v1"), "invalid ciphertext: wrong number of fields");
  EXPECT_EQ(why("vault:vx:AAAA"), "invalid ciphertext: version number could not be decoded");
  EXPECT_EQ(why("vault:v2:AAAA"), "invalid ciphertext: version is too new");
  EXPECT_EQ(why("vault:v1:A"), "invalid ciphertext: could not decode base64");
  EXPECT_EQ(why("vault:v1:AA-_"), "invalid ciphertext: could not decode base64");
  EXPECT_EQ(why("vault:v1:"), "invalid ciphertext: too short");
  EXPECT_EQ(why("vault:v1:AAAA"), "invalid ciphertext: too short");
  EXPECT_EQ(why("vault:v1:" + base64_encode(Bytes(28))), "cipher: message authentication failed");
  EXPECT_EQ(why("vault:v1:AAAA:AAAA"), "invalid ciphertext: could not decode base64");
}

TEST(Cipher, VersionsHaveTheirMinima) {
  Bench bench;
  (void)bench.key("k");
  const std::string first = bench.engine.get("k")->encrypt(to_bytes("one"))->text;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(bench.engine.rotate("k"));
  ASSERT_TRUE(bench.engine.configure("k", {.min_decryption_version = 2, .min_encryption_version = 3}));
  const KeyRef key = bench.engine.get("k").value();
  EXPECT_EQ(text_of(key.decrypt(first)), "ciphertext or signature version is disallowed by policy (too old)");
  EXPECT_EQ(key.encrypt(to_bytes("x"))->version, 4U);
  EXPECT_TRUE(key.encrypt(to_bytes("x"), {.version = 3})->text.starts_with("vault:v3:"));
  EXPECT_EQ(text_of(key.encrypt(to_bytes("x"), {.version = 2})),
            "requested version for encryption is less than the minimum encryption key version");
  EXPECT_EQ(text_of(key.encrypt(to_bytes("x"), {.version = 5})), "requested version for encryption is higher than the latest key version");
  ASSERT_TRUE(bench.engine.configure("k", {.min_decryption_version = 1}));
  EXPECT_EQ(plain(bench.engine.get("k")->decrypt(first)), "one");
}

TEST(Cipher, RewrapKeepsAssociatedDataAndContext) {
  Bench bench;
  (void)bench.key("k", {.derived = true});
  const CipherOptions options{.context = as_bytes("c"), .aad = as_bytes("a")};
  const std::string old = bench.engine.get("k")->encrypt(to_bytes("text"), options)->text;
  ASSERT_TRUE(bench.engine.rotate("k"));
  const KeyRef key = bench.engine.get("k").value();
  const auto fresh = key.rewrap(old, options);
  ASSERT_TRUE(fresh) << text_of(fresh);
  EXPECT_EQ(fresh->version, 2U);
  EXPECT_EQ(plain(key.decrypt(fresh->text, options)), "text");
  EXPECT_EQ(code_of(key.rewrap(old, {.context = as_bytes("c")})), ErrorCode::IntegrityFailed);
  EXPECT_EQ(key.rewrap(old, {.context = as_bytes("c"), .aad = as_bytes("a"), .version = 1})->version, 1U);
}

TEST(Cipher, AppendsAndLeavesAloneOnError) {
  Bench bench;
  const KeyRef key = bench.key("k");
  std::string out = "[";
  EXPECT_EQ(key.encrypt_to(out, to_bytes("text")).value(), 1U);
  EXPECT_EQ(plain(key.decrypt(std::string_view(out).substr(1))), "text");
  const std::string before = out;
  EXPECT_FALSE(key.encrypt_to(out, to_bytes("text"), {.version = 9}));
  EXPECT_EQ(out, before);
}

TEST(Cipher, DataKeysOfEverySize) {
  Bench bench;
  const KeyRef key = bench.key("k");
  for (const std::size_t bits : {128, 256, 512}) {
    const auto made = key.data_key(bits, {.aad = as_bytes("a")});
    ASSERT_TRUE(made);
    EXPECT_EQ(made->plaintext.size(), bits / 8);
    EXPECT_EQ(plain(key.decrypt(made->text, {.aad = as_bytes("a")})), as_text(made->plaintext.view()));
  }
  EXPECT_EQ(text_of(key.data_key(64)), "invalid bit length");
  EXPECT_EQ(text_of(key.data_key(0)), "invalid bit length");
}

TEST(Cipher, WrappedDataKeysOfStores) {
  Bench bench;
  (void)bench.key("k");
  const auto made = bench.engine.get("k")->new_data_key(as_bytes("id"));
  ASSERT_TRUE(made);
  ASSERT_TRUE(bench.engine.rotate("k"));
  const KeyRef key = bench.engine.get("k").value();
  EXPECT_EQ(hex_encode(key.unwrap_data_key(made->wrapped, as_bytes("id"))->view()), hex_encode(made->plaintext.view()));
  const auto fresh = key.rewrap_data_key(made->wrapped, as_bytes("id"));
  ASSERT_TRUE(fresh);
  EXPECT_EQ((*fresh)[4], 2);
  EXPECT_EQ(hex_encode(key.unwrap_data_key(*fresh, as_bytes("id"))->view()), hex_encode(made->plaintext.view()));
  EXPECT_EQ(code_of(key.unwrap_data_key(*fresh, as_bytes("other"))), ErrorCode::IntegrityFailed);
  for (std::size_t size = 0; size < fresh->size(); ++size) EXPECT_FALSE(key.unwrap_data_key(ByteView(*fresh).first(size), as_bytes("id")));
  // Neither passes for the other.
  EXPECT_FALSE(key.decrypt("vault:v2:" + base64_encode(ByteView(*fresh).subspan(5)), {.aad = as_bytes("id")}));
}

TEST(Cipher, BareFormsComeBack) {
  Bench bench;
  const KeyRef key = bench.key("k", {.type = KeyType::XChaCha20Poly1305});
  Bytes sealed(4 + key.overhead());
  const auto version = key.seal(to_bytes("text"), as_bytes("a"), sealed);
  ASSERT_TRUE(version);
  Bytes out(4);
  ASSERT_TRUE(key.open(*version, sealed, as_bytes("a"), out));
  EXPECT_EQ(as_text(out), "text");
  EXPECT_FALSE(key.open(*version, sealed, as_bytes("b"), out));
  EXPECT_EQ(out, Bytes(4, 0));
  EXPECT_FALSE(key.open(7, sealed, as_bytes("a"), out));
  Bytes wrong(3);
  EXPECT_FALSE(key.seal(to_bytes("text"), {}, wrong));
}

TEST(Cipher, RsaEncryptsByOaepWithSha256) {
  Bench bench;
  const KeyRef key = bench.key("k", {.type = KeyType::Rsa2048});
  const auto sealed = key.encrypt(to_bytes("text"));
  ASSERT_TRUE(sealed);
  EXPECT_EQ(plain(key.decrypt(sealed->text)), "text");
  EXPECT_EQ(as_text(key.decrypt_oaep(0, {}, sealed_of(sealed->text)).value().view()), "text");
  EXPECT_EQ(code_of(key.encrypt(to_bytes("text"), {.aad = as_bytes("a")})), ErrorCode::Unsupported);
  EXPECT_FALSE(key.encrypt(Bytes(191)));  // 256 - 2 * 32 - 2 = 190
  const auto garbled = key.decrypt("vault:v1:" + base64_encode(Bytes(256, 1)));
  EXPECT_EQ(text_of(garbled), "failed to RSA decrypt the ciphertext: crypto/rsa: decryption error");
  EXPECT_FALSE(key.decrypt("vault:v1:" + base64_encode(Bytes(255, 1))));
  // From outside with the public key alone.
  const Bytes outside = key.public_key()->encrypt_oaep({}, to_bytes("outside")).value();
  EXPECT_EQ(plain(key.decrypt(with_sealed(outside))), "outside");
}

TEST(Cipher, TypesThatDoNotEncryptSaySo) {
  Bench bench;
  const KeyRef key = bench.key("k", {.type = KeyType::Ed25519});
  EXPECT_EQ(text_of(key.encrypt(to_bytes("x"))), "message encryption not supported for key type ed25519");
  EXPECT_EQ(text_of(key.decrypt("vault:v1:AAAA")), "message decryption not supported for key type ed25519");
  EXPECT_EQ(code_of(key.new_data_key({})), ErrorCode::Unsupported);
  EXPECT_EQ(code_of(bench.key("h", {.type = KeyType::Hmac}).encrypt(to_bytes("x"))), ErrorCode::Unsupported);
}

}  // namespace
}  // namespace postern::transit
