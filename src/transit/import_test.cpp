// Keys in and out: BYOK, public halves, export, backup, derive_key; and records that were damaged.
#include "crypto/kdf.hpp"
#include "crypto/key_wrap.hpp"
#include "transit/record.hpp"
#include "transit/test_support.hpp"

namespace postern::transit {
namespace {

// One RSA-4096 key for all tests: making it takes a second.
Bench& shared() {
  static Bench bench;
  return bench;
}
std::string wrap(ByteView target, HashAlgorithm hash = HashAlgorithm::Sha256) {
  const PublicKey wrapping = PublicKey::from_pem(shared().engine.wrapping_key().value()).value();
  const SecretBytes aes = random_key(32);
  Bytes blob = wrapping.encrypt_oaep({.hash = hash}, aes.view()).value();
  append(blob, aes_key_wrap(aes.view(), target).value());
  return base64_encode(blob);
}
std::string text(const SecretBytes& bytes) { return std::string(as_text(bytes.view())); }

TEST(Byok, WrappingKeyIsMadeOnce) {
  const std::string pem = shared().engine.wrapping_key().value();
  EXPECT_EQ(pem, shared().engine.wrapping_key().value());
  EXPECT_EQ(PublicKey::from_pem(pem)->bits(), 4096);
  Engine again(shared().storage, shared().clock);
  EXPECT_EQ(pem, again.wrapping_key().value());
}

TEST(Byok, EveryKindComesIn) {
  Engine& engine = shared().engine;
  const Bytes raw(32, 5);
  for (const HashAlgorithm hash : {HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha512}) {
    const std::string name = "aes-" + std::string(name_of(hash));
    ASSERT_TRUE(engine.import_key(name, {.byok = wrap(raw, hash), .byok_hash = hash}, {.exportable = true}));
    EXPECT_EQ(text(engine.export_key(name, ExportType::EncryptionKey)->versions.at(0).text), base64_encode(raw));
  }
  const auto ed = PrivateKey::generate(KeyKind::Ed25519).value();
  const std::string blob = wrap(ed.to_pkcs8()->view());
  ASSERT_TRUE(engine.import_key("ed", {.byok = blob}, {.type = KeyType::Ed25519}));
  EXPECT_TRUE(ed.public_key().verify({}, to_bytes("x"), engine.get("ed")->sign_bytes(0, {}, to_bytes("x")).value()));
  EXPECT_EQ(code_of(engine.import_key("ed", {.byok = blob}, {.type = KeyType::Ed25519})), ErrorCode::Conflict);
  EXPECT_NE(text_of(engine.rotate("ed")).find("does not allow rotation"), std::string::npos);
  ASSERT_TRUE(engine.import_version("ed", {.byok = wrap(PrivateKey::generate(KeyKind::Ed25519)->to_pkcs8()->view())}));
  EXPECT_EQ(engine.info("ed")->latest, 2U);
  EXPECT_TRUE(engine.info("ed")->imported);
}

TEST(Byok, BadBlobsAreRefused) {
  Engine& engine = shared().engine;
  const auto why = [&](std::string_view blob, KeyType type = KeyType::Aes256Gcm96) {
    return text_of(engine.import_key("bad", {.byok = blob}, {.type = type}));
  };
  EXPECT_EQ(why("!"), "failed to base64-decode import ciphertext");
  EXPECT_NE(why(base64_encode(Bytes(512))).find("too short"), std::string::npos);
  EXPECT_NE(why(base64_encode(Bytes(552, 3))).find("does not open"), std::string::npos);
  EXPECT_NE(why(wrap(Bytes(31, 1))).find("size"), std::string::npos);
  EXPECT_NE(why(wrap(Bytes(31, 1)), KeyType::Hmac).find("size"), std::string::npos);
  EXPECT_EQ(why(wrap(Bytes(32, 1)), KeyType::Rsa2048), text_of(PrivateKey::from_der(Bytes(32, 1))));
  EXPECT_NE(why(wrap(PrivateKey::generate(KeyKind::EcP256)->to_pkcs8()->view()), KeyType::EcdsaP384).find("not a key of type"),
            std::string::npos);
  std::string blob = wrap(Bytes(32, 1));
  blob[blob.size() - 8] = blob[blob.size() - 8] == 'A' ? 'B' : 'A';
  EXPECT_NE(why(blob).find("does not open"), std::string::npos);
  EXPECT_NE(text_of(engine.import_key("bad", {}, {})).find("must be provided"), std::string::npos);
  EXPECT_FALSE(engine.import_key("bad", {.byok = blob, .public_key = "x"}, {}));
  EXPECT_NE(
      text_of(engine.import_key("bad", {.byok = wrap(Bytes(32, 1))}, {.auto_rotate_period = std::chrono::hours(2)})).find("allow_rotation"),
      std::string::npos);
  EXPECT_FALSE(engine.exists("bad").value());
  (void)engine.create("own", {});
  EXPECT_NE(text_of(engine.import_version("own", {.byok = blob})).find("imported key"), std::string::npos);
}

TEST(Import, APublicKeyVerifiesAndIsCompletedLater) {
  Bench bench;
  const auto own = PrivateKey::generate(KeyKind::EcP256).value();
  const std::string pem = own.public_key().to_pem();
  ASSERT_TRUE(bench.engine.import_key("k", {.public_key = pem}, {.type = KeyType::EcdsaP256}));
  EXPECT_TRUE(bench.engine.info("k")->versions.at(0).public_only);
  const Bytes signature = own.sign(SignAlgorithm::ecdsa(HashAlgorithm::Sha256), to_bytes("x")).value();
  EXPECT_TRUE(bench.engine.get("k")->verify(to_bytes("x"), "vault:v1:" + base64_encode(signature)).value());
  EXPECT_EQ(code_of(bench.engine.get("k")->sign(to_bytes("x"))), ErrorCode::Denied);
  EXPECT_EQ(code_of(bench.engine.get("k")->hmac(to_bytes("x"), HashAlgorithm::Sha256)), ErrorCode::Unsupported);
  const SecretBytes other = PrivateKey::generate(KeyKind::EcP256)->to_pkcs8().value();
  EXPECT_FALSE(bench.engine.import_version("k", {.plain = &other}, 1));
  const SecretBytes right = own.to_pkcs8().value();
  EXPECT_FALSE(bench.engine.import_version("k", {.plain = &right}, 2));
  ASSERT_TRUE(bench.engine.import_version("k", {.plain = &right}, 1));
  EXPECT_TRUE(bench.engine.get("k")->sign(to_bytes("x")));
  EXPECT_FALSE(bench.engine.import_version("k", {.plain = &right}, 1));
  EXPECT_FALSE(bench.engine.import_key("a", {.public_key = pem}, {.type = KeyType::Aes256Gcm96}));
  EXPECT_FALSE(bench.engine.import_key("a", {.public_key = pem}, {.type = KeyType::Rsa2048}));
  EXPECT_FALSE(bench.engine.import_key("a", {.public_key = "nonsense"}, {.type = KeyType::EcdsaP256}));
}

TEST(Import, OpenPgpIsKeptAsItIs) {
  Bench bench;
  const SecretBytes secret = SecretBytes::from_text("a secret key");
  ASSERT_TRUE(
      bench.engine.import_key("p", {.plain = &secret, .openpgp_public = "a certificate"}, {.type = KeyType::OpenPgp, .exportable = true}));
  EXPECT_EQ(bench.engine.get("p")->public_text().value(), "a certificate");
  EXPECT_EQ(text(bench.engine.get("p")->openpgp_secret().value()), "a secret key");
  EXPECT_FALSE(bench.engine.rotate("p"));
  EXPECT_FALSE(bench.engine.export_key("p", ExportType::SigningKey));
  const SecretBytes second = SecretBytes::from_text("another");
  ASSERT_TRUE(bench.engine.import_version("p", {.plain = &second, .openpgp_public = "its certificate"}));
  EXPECT_EQ(text(bench.engine.get("p")->openpgp_secret(1).value()), "a secret key");
}

TEST(Import, TheSecretOfAnOpenPgpVersionCanBeWrappedAnew) {
  Bench bench;
  const SecretBytes secret = SecretBytes::from_text("under v1"), second = SecretBytes::from_text("second"),
                    anew = SecretBytes::from_text("under v2");
  ASSERT_TRUE(bench.engine.import_key("p", {.plain = &secret, .openpgp_public = "one"}, {.type = KeyType::OpenPgp}));
  ASSERT_TRUE(bench.engine.import_version("p", {.plain = &second, .openpgp_public = "two"}));
  ASSERT_TRUE(bench.engine.get("p")->count_openpgp_signature());
  ASSERT_TRUE(bench.engine.replace_openpgp("p", 1, anew));
  const KeyRef now = bench.engine.get("p").value();
  EXPECT_EQ(text(now.openpgp_secret(1).value()), "under v2");
  EXPECT_EQ(text(now.openpgp_secret(2).value()), "second");
  EXPECT_EQ(now.public_text(1).value(), "one");
  EXPECT_EQ(now.latest(), 2U);
  EXPECT_EQ(now.info().versions.back().uses.signatures, 1U);
  EXPECT_EQ(code_of(bench.engine.replace_openpgp("p", 3, anew)), ErrorCode::NotFound);
  EXPECT_EQ(code_of(bench.engine.replace_openpgp("p", 0, anew)), ErrorCode::NotFound);
  (void)bench.key("k");
  EXPECT_EQ(code_of(bench.engine.replace_openpgp("k", 1, anew)), ErrorCode::Unsupported);
  EXPECT_EQ(code_of(bench.engine.get("k")->count_openpgp_signature()), ErrorCode::Unsupported);
}

TEST(Export, TypesAndFormats) {
  Bench bench;
  (void)bench.key("no", {.type = KeyType::Ed25519});
  EXPECT_EQ(text_of(bench.engine.export_key("no", ExportType::SigningKey)), "private key material is not exportable");
  EXPECT_TRUE(bench.engine.export_key("no", ExportType::PublicKey));
  const auto one = [&](std::string_view name, ExportType type, ExportFormat format = ExportFormat::Default) {
    return text(bench.engine.export_key(name, type, "latest", format)->versions.at(0).text);
  };
  (void)bench.key("ed", {.type = KeyType::Ed25519, .exportable = true});
  EXPECT_EQ(base64_decode(one("ed", ExportType::SigningKey))->size(), 64U);
  EXPECT_TRUE(PrivateKey::from_pem(as_bytes(one("ed", ExportType::SigningKey, ExportFormat::Pem))));
  (void)bench.key("ec", {.type = KeyType::EcdsaP256, .exportable = true});
  const std::string sec1 = one("ec", ExportType::SigningKey);
  EXPECT_TRUE(sec1.starts_with("-----BEGIN EC PRIVATE KEY-----"));
  EXPECT_TRUE(PrivateKey::from_pem(as_bytes(sec1))->public_key() == bench.engine.get("ec")->public_key().value());
  EXPECT_TRUE(PrivateKey::from_der(base64_decode(one("ec", ExportType::SigningKey, ExportFormat::Der)).value()));
  EXPECT_TRUE(PublicKey::from_pem(one("ec", ExportType::PublicKey)));
  EXPECT_FALSE(bench.engine.export_key("ec", ExportType::EncryptionKey));
  EXPECT_FALSE(bench.engine.export_key("ec", ExportType::SigningKey, "", ExportFormat::Raw));
  (void)bench.key("rsa", {.type = KeyType::Rsa2048, .exportable = true});
  EXPECT_TRUE(one("rsa", ExportType::EncryptionKey).starts_with("-----BEGIN RSA PRIVATE KEY-----"));
  (void)bench.key("aes", {.exportable = true});
  EXPECT_EQ(base64_decode(one("aes", ExportType::EncryptionKey))->size(), 32U);
  EXPECT_EQ(base64_decode(one("aes", ExportType::HmacKey))->size(), 32U);
  EXPECT_NE(one("aes", ExportType::EncryptionKey), one("aes", ExportType::HmacKey));
  EXPECT_FALSE(bench.engine.export_key("aes", ExportType::PublicKey));
  EXPECT_FALSE(bench.engine.export_key("aes", ExportType::CertificateChain));
  EXPECT_FALSE(bench.engine.export_key("aes", ExportType::EncryptionKey, "", ExportFormat::Pem));
  EXPECT_FALSE(bench.engine.export_key("aes", ExportType::EncryptionKey, "9"));
  ASSERT_TRUE(bench.engine.rotate("aes"));
  EXPECT_EQ(bench.engine.export_key("aes", ExportType::EncryptionKey)->versions.size(), 2U);
  ASSERT_TRUE(bench.engine.configure("aes", {.min_decryption_version = 2}));
  EXPECT_EQ(bench.engine.export_key("aes", ExportType::EncryptionKey)->versions.size(), 1U);
  EXPECT_NE(text_of(bench.engine.export_key("aes", ExportType::EncryptionKey, "v1")).find("below minimum"), std::string::npos);
}

TEST(Export, UnderAnotherSystemsKey) {
  Bench bench;
  const std::string pem = shared().engine.wrapping_key().value();
  ASSERT_TRUE(bench.engine.import_key("there", {.public_key = pem}, {.type = KeyType::Rsa4096}));
  (void)bench.key("k", {.exportable = true});
  const auto out = bench.engine.byok_export("there", "k");
  ASSERT_TRUE(out) << text_of(out);
  const std::string blob = text(out->versions.at(0).text);
  ASSERT_TRUE(shared().engine.import_key("arrived", {.byok = blob}, {}));
  EXPECT_EQ(plain(shared().engine.get("arrived")->decrypt(bench.engine.get("k")->encrypt(to_bytes("x"))->text)), "x");
  (void)bench.key("closed");
  EXPECT_FALSE(bench.engine.byok_export("there", "closed"));
  EXPECT_FALSE(bench.engine.byok_export("k", "k"));
}

TEST(Backup, ComesBackWithArchiveAndCounts) {
  Bench bench;
  const KeyRef key = bench.key("k", {.exportable = true, .allow_plaintext_backup = true});
  const std::string old = key.encrypt(to_bytes("x"))->text;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(bench.engine.rotate("k"));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(bench.engine.get("k")->encrypt(to_bytes("x")));
  ASSERT_TRUE(bench.engine.configure("k", {.min_decryption_version = 3}));
  const auto backup = bench.engine.backup("k");
  ASSERT_TRUE(backup) << text_of(backup);
  EXPECT_TRUE(bench.engine.info("k")->backup);
  EXPECT_EQ(code_of(bench.engine.restore("", text(*backup))), ErrorCode::Conflict);
  const Bytes whole = base64_decode(text(*backup)).value();
  for (std::size_t at = 0; at < whole.size(); ++at) {  // one wrong byte anywhere, name and key included
    Bytes damaged = whole;
    damaged[at] ^= 1;
    EXPECT_EQ(code_of(bench.engine.restore("copy", base64_encode(damaged))), ErrorCode::BadInput) << at;
  }
  Bench other;
  ASSERT_TRUE(other.engine.restore("", text(*backup)));
  EXPECT_GE(other.engine.info("k")->versions.back().uses.encryptions, 5U);
  EXPECT_TRUE(other.engine.info("k")->restored);
  ASSERT_TRUE(other.engine.configure("k", {.min_decryption_version = 1}));
  EXPECT_EQ(plain(other.engine.get("k")->decrypt(old)), "x");
  ASSERT_TRUE(other.engine.restore("copy", text(*backup)));
  ASSERT_TRUE(other.engine.restore("copy", text(*backup), true));
  for (const char* bad : {"", "!", "AAAA", "e30="}) EXPECT_EQ(code_of(other.engine.restore("x", bad)), ErrorCode::BadInput) << bad;
  (void)bench.key("closed");
  EXPECT_EQ(text_of(bench.engine.backup("closed")), "exporting is disallowed on the policy");
  ASSERT_TRUE(bench.engine.configure("closed", {.exportable = true}));
  EXPECT_EQ(text_of(bench.engine.backup("closed")), "plaintext backup is disallowed on the policy");
}

TEST(DeriveKey, IsHkdfOfTheSharedSecret) {
  Bench bench;
  const KeyRef base = bench.key("base", {.type = KeyType::EcdsaP256});
  const auto peer = PrivateKey::generate(KeyKind::EcP256).value();
  ASSERT_TRUE(bench.engine.derive_key("d", "base", 0, peer.public_key().to_pem(), {.exportable = true}));
  const SecretBytes shared_secret = peer.agree(base.public_key().value()).value();
  const SecretBytes expected = hkdf(HashAlgorithm::Sha256, shared_secret.view(), {}, {}, 32).value();
  EXPECT_EQ(text(bench.engine.export_key("d", ExportType::EncryptionKey)->versions.at(0).text), base64_encode(expected.view()));
  EXPECT_FALSE(bench.engine.derive_key("d", "base", 0, peer.public_key().to_pem(), {}));
  EXPECT_FALSE(bench.engine.derive_key("e", "base", 0, "nonsense", {}));
  EXPECT_FALSE(bench.engine.derive_key("e", "base", 0, peer.public_key().to_pem(), {.type = KeyType::Ed25519}));
}

TEST(Record, EveryCutAndTailIsNoticed) {
  Bench bench;
  (void)bench.key("k", {.type = KeyType::EcdsaP256});
  ASSERT_TRUE(bench.engine.rotate("k"));
  const auto stored = bench.memory.get("keys/k");
  const ByteView record = (*stored)->view();
  ASSERT_TRUE(detail::read_key("k", record));
  for (std::size_t size = 0; size < record.size(); ++size) EXPECT_FALSE(detail::read_key("k", record.first(size))) << size;
  Bytes longer(record.begin(), record.end());
  longer.push_back(0);
  EXPECT_FALSE(detail::read_key("k", longer));
  for (std::size_t at = 0; at < record.size(); ++at) {  // whatever a byte says, reading ends in a value or an error
    Bytes changed(record.begin(), record.end());
    changed[at] ^= 0xff;
    (void)detail::read_key("k", changed);
  }
}

TEST(Record, DamageIsAnErrorAndNeverANewKey) {
  Bench bench;
  (void)bench.key("k");
  bench.engine.forget_all();
  ASSERT_TRUE(bench.memory.put("keys/k", SecretBytes(Bytes(40, 1))));
  EXPECT_EQ(code_of(bench.engine.get("k")), ErrorCode::IntegrityFailed);
  EXPECT_EQ(code_of(bench.engine.create("k", {})), ErrorCode::IntegrityFailed);
  EXPECT_EQ(bench.memory.get("keys/k").value()->size(), 40U);
}

}  // namespace
}  // namespace postern::transit
