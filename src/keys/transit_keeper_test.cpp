#include "keys/transit_keeper.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "crypto/hmac.hpp"

namespace postern {
namespace {

bool contains(ByteView haystack, ByteView needle) { return !std::ranges::search(haystack, needle).empty(); }

// A storage that can be looked into and made to fail.
class OpenStorage final : public Storage {
 public:
  Result<std::optional<SecretBytes>> get(std::string_view path) override { return below.get(path); }
  Result<std::vector<std::string>> list(std::string_view prefix, const StoragePage& page) override { return below.list(prefix, page); }
  Status apply(std::vector<StorageChange> changes) override {
    if (broken) return fail(ErrorCode::Unavailable, "the disk is full");
    return below.apply(std::move(changes));
  }

  MemoryStorage below;
  std::atomic<bool> broken{false};
};

const KeyName kAes("aes");
const KeyName kSigner("signer");
constexpr KeySettings kDeletable{.min_decryption_version = {}, .min_encryption_version = {}, .deletion_allowed = true};
KeySettings least_decryption(std::uint32_t version) {
  return {.min_decryption_version = version, .min_encryption_version = {}, .deletion_allowed = {}};
}

class KeeperTest : public ::testing::Test, public TransitSource {
 protected:
  KeeperTest() {
    reopen();
    EXPECT_TRUE(m_keys->make_named_keys());
  }
  /// As after a restart, or a seal: nothing is left but the storage.
  void reopen() {
    m_engine = std::make_shared<transit::Engine>(m_storage, m_clock);
    m_keys = std::make_unique<TransitKeeper>(*this, m_clock);
  }
  Result<Lease> lease() override {
    if (m_sealed) return fail(ErrorCode::Unavailable, "sealed");
    return Lease{m_engine, nullptr};
  }

  OpenStorage m_storage;
  ManualClock m_clock{wall_from_millis(1795308067000)};
  bool m_sealed = false;
  std::shared_ptr<transit::Engine> m_engine;
  std::unique_ptr<TransitKeeper> m_keys;
};

TEST_F(KeeperTest, TheFourNamedKeysAreThereFromTheStart) {  // capability K7
  EXPECT_EQ(m_keys->list().value(), (std::vector<KeyName>{KeyName("api_hmac_key"), KeyName("dkim_key"), KeyName("mail_storage_key"),
                                                          KeyName("pgp_key_encryption")}));
  EXPECT_EQ(m_keys->describe(key_names::kMailStorage)->type, KeyType::Aes256Gcm96);
  EXPECT_EQ(m_keys->describe(key_names::kDkim)->type, KeyType::Ed25519);
  EXPECT_EQ(m_keys->describe(key_names::kApiHmac)->type, KeyType::Hmac);
  EXPECT_EQ(m_keys->describe(key_names::kPgpEncryption)->type, KeyType::Aes256Gcm96);
  const std::string pem = m_keys->describe(key_names::kDkim)->versions.front().public_key_pem;
  reopen();
  EXPECT_EQ(m_keys->describe(key_names::kDkim)->versions.front().public_key_pem, pem);
  EXPECT_EQ(m_keys->describe(key_names::kDkim)->versions.front().created, m_clock.now());
}

TEST_F(KeeperTest, NamesFollowTheGrammar) {
  for (const char* good : {"a", "_", "dkim_key", "a-b.c", "9", "A.1-x"}) EXPECT_TRUE(parse_key_name(good)) << good;
  for (const char* bad : {"", "-a", "a-", ".a", "a.", "a/b", "a b", "../x", "gr\xC3\xBC\xC3\x9F", "a\n"}) {
    EXPECT_FALSE(parse_key_name(bad)) << bad;
    EXPECT_EQ(m_keys->create(KeyName(bad), KeyType::Hmac).error().code, ErrorCode::BadInput);
  }
  EXPECT_FALSE(parse_key_name(std::string(129, 'a')));
  for (int i = 0; i < 12; ++i) EXPECT_EQ(key_type_from_name(name_of(static_cast<KeyType>(i))), static_cast<KeyType>(i));
  EXPECT_FALSE(key_type_from_name("rsa-1024"));
}

TEST_F(KeeperTest, EnsureMakesOnceAndNoticesOtherTypes) {
  const KeyInfo first = m_keys->ensure(kSigner, KeyType::EcdsaP256).value();
  EXPECT_EQ(m_keys->ensure(kSigner, KeyType::EcdsaP256)->versions.front().public_key_pem, first.versions.front().public_key_pem);
  EXPECT_EQ(m_keys->ensure(kSigner, KeyType::Rsa2048).error().code, ErrorCode::Conflict);
  EXPECT_EQ(m_keys->create(kSigner, KeyType::EcdsaP256).error().code, ErrorCode::Conflict);
}

TEST_F(KeeperTest, EveryTypeWorksBeforeAndAfterReopening) {
  struct {
    KeyType type;
    SignAlgorithm algorithm;
  } const signers[] = {{KeyType::Ed25519, SignAlgorithm::ed25519()},
                       {KeyType::EcdsaP256, SignAlgorithm::ecdsa(HashAlgorithm::Sha256)},
                       {KeyType::EcdsaP384, SignAlgorithm::ecdsa(HashAlgorithm::Sha384)},
                       {KeyType::EcdsaP521, SignAlgorithm::ecdsa(HashAlgorithm::Sha512)},
                       {KeyType::Rsa2048, SignAlgorithm::rsa_pss(HashAlgorithm::Sha256)},
                       {KeyType::Rsa3072, SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256)}};
  std::map<KeyType, Bytes> signatures;
  for (const auto& s : signers) {
    const KeyName name{std::string(name_of(s.type))};
    ASSERT_TRUE(m_keys->create(name, s.type));
    signatures[s.type] = m_keys->sign(name, 0, s.algorithm, as_bytes("text")).value();
  }
  reopen();
  for (const auto& s : signers) {
    const KeyName name{std::string(name_of(s.type))};
    EXPECT_TRUE(m_keys->verify(name, 0, s.algorithm, as_bytes("text"), signatures[s.type]));
    EXPECT_EQ(m_keys->verify(name, 0, s.algorithm, as_bytes("texT"), signatures[s.type]).error().code, ErrorCode::IntegrityFailed);
    EXPECT_TRUE(
        m_keys->public_key(name)->verify(s.algorithm, as_bytes("text"), m_keys->sign(name, 0, s.algorithm, as_bytes("text")).value()));
  }
}

TEST_F(KeeperTest, EncryptionHasVaultsFormAndIsBoundToItsContext) {
  for (const KeyType type : {KeyType::Aes256Gcm96, KeyType::ChaCha20Poly1305}) {
    const KeyName name{std::string(name_of(type))};
    ASSERT_TRUE(m_keys->create(name, type));
    const std::string text = m_keys->encrypt(name, as_bytes("plain"), as_bytes("aad")).value();
    EXPECT_TRUE(text.starts_with("vault:v1:"));
    EXPECT_EQ(base64_decode(text.substr(9))->size(), 12U + 5 + 16);
    EXPECT_EQ(as_text(m_keys->decrypt(name, text, as_bytes("aad"))->view()), "plain");
    EXPECT_EQ(m_keys->decrypt(name, text, as_bytes("other")).error().code, ErrorCode::IntegrityFailed);
    EXPECT_EQ(m_keys->decrypt(key_names::kMailStorage, text, as_bytes("aad")).error().code, ErrorCode::IntegrityFailed);
  }
  ASSERT_TRUE(m_keys->create(KeyName("rsa"), KeyType::Rsa2048));
  EXPECT_EQ(as_text(m_keys->decrypt(KeyName("rsa"), m_keys->encrypt(KeyName("rsa"), as_bytes("x"), {}).value(), {})->view()), "x");
  EXPECT_EQ(m_keys->encrypt(KeyName("rsa"), as_bytes("x"), as_bytes("aad")).error().code, ErrorCode::Unsupported);
}

TEST_F(KeeperTest, MalformedCiphertextsAreNamed) {
  ASSERT_TRUE(m_keys->create(kAes, KeyType::Aes256Gcm96));
  const std::pair<const char*, const char*> cases[] = {{"", "no prefix"},
                                                       {"v1:AAAA", "no prefix"},
                                                       {"vault:v1", "wrong number of fields"},
                                                       {"vault:vx:AAAA", "version number"},
                                                       {"vault:v:AAAA", "version number"},
                                                       {"vault:v-1:AAAA", "version number"},
                                                       {"vault:v99999999999:AAAA", "version number"},
                                                       {"vault:v2:AAAA", "version is too new"},
                                                       {"vault:v1:!!!!", "could not decode base64"},
                                                       {"vault:v1:AAAA", "too short"}};
  for (const auto& [text, part] : cases) {
    const auto opened = m_keys->decrypt(kAes, text, {});
    ASSERT_FALSE(opened) << text;
    EXPECT_EQ(opened.error().code, ErrorCode::BadInput) << text;
    EXPECT_NE(opened.error().what.find(part), std::string::npos) << opened.error().what;
  }
  // Version 0 reads as 1, as Vault does.
  std::string text = m_keys->encrypt(kAes, as_bytes("x"), {}).value();
  text.replace(0, 9, "vault:v0:");
  EXPECT_TRUE(m_keys->decrypt(kAes, text, {}));
}

TEST_F(KeeperTest, VersionsRotateAndOldOnesGoOnReading) {
  ASSERT_TRUE(m_keys->create(kAes, KeyType::Aes256Gcm96));
  const std::string one = m_keys->encrypt(kAes, as_bytes("one"), {}).value();
  const DataKey data = m_keys->new_data_key(kAes, as_bytes("id")).value();
  EXPECT_EQ(m_keys->rotate(kAes)->latest, 2U);
  const std::string two = m_keys->encrypt(kAes, as_bytes("two"), {}).value();
  EXPECT_TRUE(two.starts_with("vault:v2:"));
  reopen();
  EXPECT_EQ(as_text(m_keys->decrypt(kAes, one, {})->view()), "one");
  EXPECT_EQ(as_text(m_keys->decrypt(kAes, two, {})->view()), "two");
  const Bytes moved = m_keys->rewrap_data_key(kAes, data.wrapped, as_bytes("id")).value();
  EXPECT_EQ(m_keys->configure(kAes, least_decryption(2))->min_decryption_version, 2U);
  reopen();
  EXPECT_EQ(m_keys->decrypt(kAes, one, {}).error().code, ErrorCode::Denied);
  EXPECT_EQ(m_keys->unwrap_data_key(kAes, data.wrapped, as_bytes("id")).error().code, ErrorCode::Denied);
  EXPECT_TRUE(std::ranges::equal(m_keys->unwrap_data_key(kAes, moved, as_bytes("id"))->view(), data.plaintext.view()));
  EXPECT_TRUE(m_keys->decrypt(kAes, two, {}));
  EXPECT_EQ(m_keys->encrypt(kAes, as_bytes("x"), {}, 1).error().code, ErrorCode::Denied);
  ASSERT_TRUE(m_keys->rotate(kAes));
  EXPECT_TRUE(m_keys->encrypt(kAes, as_bytes("x"), {}, 2));  // allowed until min_encryption_version says otherwise
  ASSERT_TRUE(m_keys->configure(kAes, {.min_decryption_version = {}, .min_encryption_version = 3, .deletion_allowed = {}}));
  EXPECT_EQ(m_keys->encrypt(kAes, as_bytes("x"), {}, 2).error().code, ErrorCode::Denied);
  EXPECT_EQ(m_keys->encrypt(kAes, as_bytes("x"), {}, 4).error().code, ErrorCode::NotFound);
  for (const std::uint32_t bad : {0U, 4U}) EXPECT_EQ(m_keys->configure(kAes, least_decryption(bad)).error().code, ErrorCode::BadInput);
}

TEST_F(KeeperTest, DataKeys) {
  const KeyName& name = key_names::kMailStorage;
  const DataKey key = m_keys->new_data_key(name, as_bytes("message 1")).value();
  EXPECT_EQ(key.plaintext.size(), 32U);
  EXPECT_EQ(key.wrapped.size(), 65U);
  EXPECT_FALSE(contains(key.wrapped, key.plaintext.view().first(8)));
  EXPECT_TRUE(std::ranges::equal(m_keys->unwrap_data_key(name, key.wrapped, as_bytes("message 1"))->view(), key.plaintext.view()));
  EXPECT_EQ(m_keys->unwrap_data_key(name, key.wrapped, as_bytes("message 2")).error().code, ErrorCode::IntegrityFailed);
  for (std::size_t i = 0; i < key.wrapped.size(); ++i) {
    Bytes changed = key.wrapped;
    changed[i] ^= 1;
    EXPECT_FALSE(m_keys->unwrap_data_key(name, changed, as_bytes("message 1"))) << i;
    EXPECT_FALSE(m_keys->unwrap_data_key(name, ByteView(key.wrapped).first(i), as_bytes("message 1"))) << i;
  }
  // A data key does not pass for a ciphertext of the same key, although both were made with it.
  const std::string disguised = "vault:v1:" + base64_encode(ByteView(key.wrapped).subspan(5));
  EXPECT_EQ(m_keys->decrypt(name, disguised, as_bytes("message 1")).error().code, ErrorCode::IntegrityFailed);
  EXPECT_EQ(m_keys->new_data_key(key_names::kDkim, {}).error().code, ErrorCode::Unsupported);
}

TEST_F(KeeperTest, MacsDependOnKeyAndVersion) {
  const Bytes one = m_keys->mac(key_names::kApiHmac, 0, HashAlgorithm::Sha512, as_bytes("m")).value();
  EXPECT_EQ(one.size(), 64U);
  reopen();
  EXPECT_EQ(m_keys->mac(key_names::kApiHmac, 0, HashAlgorithm::Sha512, as_bytes("m")).value(), one);
  ASSERT_TRUE(m_keys->rotate(key_names::kApiHmac));
  EXPECT_NE(m_keys->mac(key_names::kApiHmac, 0, HashAlgorithm::Sha512, as_bytes("m")).value(), one);
  EXPECT_EQ(m_keys->mac(key_names::kApiHmac, 1, HashAlgorithm::Sha512, as_bytes("m")).value(), one);
  EXPECT_EQ(m_keys->mac(key_names::kDkim, 0, HashAlgorithm::Sha256, {}).error().code, ErrorCode::Unsupported);
}

TEST_F(KeeperTest, DecryptionAndAgreement) {
  ASSERT_TRUE(m_keys->create(KeyName("rsa"), KeyType::Rsa2048));
  const PublicKey rsa = m_keys->public_key(KeyName("rsa")).value();
  EXPECT_EQ(as_text(m_keys->decrypt_oaep(KeyName("rsa"), 0, {}, rsa.encrypt_oaep({}, as_bytes("cek")).value())->view()), "cek");
  EXPECT_EQ(m_keys->decrypt_pkcs1(KeyName("rsa"), 0, Bytes(256, 1), 32)->size(), 32U);
  for (const KeyType type : {KeyType::X25519, KeyType::EcdsaP256}) {
    const KeyName name{std::string(name_of(type))};
    ASSERT_TRUE(m_keys->create(name, type));
    const auto mine = PrivateKey::generate(type == KeyType::X25519 ? KeyKind::X25519 : KeyKind::EcP256).value();
    EXPECT_TRUE(
        std::ranges::equal(m_keys->agree(name, 0, mine.public_key())->view(), mine.agree(m_keys->public_key(name).value())->view()));
  }
}

TEST_F(KeeperTest, WrongKindsOfUseAreRefusedByName) {
  const auto refused = m_keys->encrypt(key_names::kDkim, as_bytes("x"), {});
  EXPECT_EQ(refused.error().code, ErrorCode::Unsupported);
  EXPECT_NE(refused.error().what.find("ed25519"), std::string::npos) << refused.error().what;
  EXPECT_EQ(m_keys->sign(key_names::kMailStorage, 0, {}, {}).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(m_keys->public_key(key_names::kMailStorage).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(m_keys->sign(KeyName("missing"), 0, {}, {}).error().code, ErrorCode::NotFound);
  EXPECT_EQ(m_keys->sign(key_names::kDkim, 2, {}, {}).error().code, ErrorCode::NotFound);
  EXPECT_EQ(m_keys->openpgp_sign_detached(key_names::kDkim, {}).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(m_keys->create(KeyName("pgp"), KeyType::OpenPgp).error().code, ErrorCode::Unsupported);
}

TEST_F(KeeperTest, DeletionNeedsPermission) {
  ASSERT_TRUE(m_keys->create(kAes, KeyType::Aes256Gcm96));
  EXPECT_EQ(m_keys->remove(kAes).error().code, ErrorCode::Denied);
  ASSERT_TRUE(m_keys->configure(kAes, kDeletable));
  EXPECT_TRUE(m_keys->remove(kAes));
  EXPECT_EQ(m_keys->describe(kAes).error().code, ErrorCode::NotFound);
  reopen();
  EXPECT_EQ(m_keys->describe(kAes).error().code, ErrorCode::NotFound);
}

TEST_F(KeeperTest, UsesAreCountedAndLimited) {  // SP 800-38D 8.3
  transit::KeySettings limited;
  limited.limits = transit::UseLimits{.encryptions = 3};
  ASSERT_TRUE(m_engine->configure("mail_storage_key", limited));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(m_keys->new_data_key(key_names::kMailStorage, {}));
  EXPECT_EQ(m_keys->new_data_key(key_names::kMailStorage, {}).error().code, ErrorCode::Exhausted);
  ASSERT_TRUE(m_keys->rotate(key_names::kMailStorage));
  EXPECT_TRUE(m_keys->new_data_key(key_names::kMailStorage, {}));
  EXPECT_EQ(m_keys->describe(key_names::kMailStorage)->versions.back().uses, 1U);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(m_keys->sign(key_names::kDkim, 0, SignAlgorithm::ed25519(), as_bytes("x")));  // no such limit
  EXPECT_EQ(m_keys->describe(key_names::kDkim)->versions.back().uses, 5U);
}

TEST_F(KeeperTest, WhileSealedEveryCallSaysSo) {
  const DataKey data = m_keys->new_data_key(key_names::kMailStorage, {}).value();
  ASSERT_TRUE(m_keys->openpgp_create(KeyName("pgp"), "Gate <gate@example.org>"));
  ASSERT_TRUE(m_keys->openpgp_sign_detached(KeyName("pgp"), as_bytes("x")));
  EXPECT_TRUE(m_keys->ready());
  m_sealed = true;
  m_keys->forget();
  EXPECT_EQ(m_keys->ready().error().code, ErrorCode::Unavailable);
  EXPECT_EQ(m_keys->list().error().code, ErrorCode::Unavailable);
  EXPECT_EQ(m_keys->create(kAes, KeyType::Aes256Gcm96).error().code, ErrorCode::Unavailable);
  EXPECT_EQ(m_keys->ensure(key_names::kDkim, KeyType::Ed25519).error().code, ErrorCode::Unavailable);
  EXPECT_EQ(m_keys->unwrap_data_key(key_names::kMailStorage, data.wrapped, {}).error().code, ErrorCode::Unavailable);
  EXPECT_EQ(m_keys->openpgp_sign_detached(KeyName("pgp"), as_bytes("x")).error().code, ErrorCode::Unavailable);
  m_sealed = false;
  EXPECT_TRUE(m_keys->unwrap_data_key(key_names::kMailStorage, data.wrapped, {}));
  EXPECT_TRUE(m_keys->openpgp_sign_detached(KeyName("pgp"), as_bytes("x")));
}

TEST_F(KeeperTest, KeysOfAdministratorsInTheSameMountAreNotInTheWay) {
  ASSERT_TRUE(m_engine->create("theirs", {.type = transit::KeyType::XChaCha20Poly1305}));
  EXPECT_EQ(m_keys->describe(KeyName("theirs")).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(m_keys->list()->back(), KeyName("theirs"));
  EXPECT_EQ(m_keys->create(KeyName("theirs"), KeyType::Ed25519).error().code, ErrorCode::Conflict);
}

TEST_F(KeeperTest, TheMailSystemsOwnKeysStay) {
  for (const KeyName& name : {key_names::kMailStorage, key_names::kDkim, key_names::kApiHmac, key_names::kPgpEncryption}) {
    ASSERT_TRUE(m_keys->configure(name, kDeletable));
    EXPECT_EQ(m_keys->remove(name).error().code, ErrorCode::Conflict);
    EXPECT_TRUE(m_keys->describe(name));
  }
}

TEST_F(KeeperTest, WhatTheStoreRefusedDidNotHappen) {
  m_storage.broken = true;
  EXPECT_EQ(m_keys->create(kAes, KeyType::Aes256Gcm96).error().code, ErrorCode::Unavailable);
  EXPECT_EQ(m_keys->describe(kAes).error().code, ErrorCode::NotFound);
  EXPECT_EQ(m_keys->rotate(key_names::kDkim).error().code, ErrorCode::Unavailable);
  EXPECT_EQ(m_keys->describe(key_names::kDkim)->latest, 1U);
}

TEST_F(KeeperTest, ErrorsCarryNoSecrets) {
  ASSERT_TRUE(m_keys->create(kAes, KeyType::Aes256Gcm96));
  const std::string marker = "MARKER-PLAINTEXT";
  std::string text = m_keys->encrypt(kAes, as_bytes(marker), {}).value();
  text[12] = text[12] == 'A' ? 'B' : 'A';
  EXPECT_EQ(m_keys->decrypt(kAes, text, as_bytes(marker)).error().text().find(marker), std::string::npos);
  EXPECT_EQ(m_keys->sign(kAes, 0, {}, as_bytes(marker)).error().text().find(marker), std::string::npos);
  EXPECT_EQ(m_keys->decrypt(kAes, marker, {}).error().text().find(marker), std::string::npos);
}

TEST_F(KeeperTest, ManyThreadsWhileKeysRotate) {
  ASSERT_TRUE(m_keys->create(kAes, KeyType::Aes256Gcm96));
  ASSERT_TRUE(m_keys->create(kSigner, KeyType::EcdsaP256));
  std::atomic<int> bad{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const auto data = m_keys->new_data_key(kAes, as_bytes("id"));
        if (!data || !m_keys->unwrap_data_key(kAes, data->wrapped, as_bytes("id"))) ++bad;
        if (i % 10 == 0 && !m_keys->sign(kSigner, 0, SignAlgorithm::ecdsa(HashAlgorithm::Sha256), as_bytes("x"))) ++bad;
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    if (!m_keys->rotate(kAes) || !m_keys->rotate(kSigner)) ++bad;
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(bad, 0);
  EXPECT_EQ(m_keys->describe(kAes)->latest, 21U);
  std::uint64_t uses = 0;
  const KeyInfo info = m_keys->describe(kAes).value();
  for (const auto& v : info.versions) uses += v.uses;
  EXPECT_EQ(uses, 800U);
}

// OpenPGP ----------------------------------------------------------------------------------------------------------------------------

class OpenPgp : public KeeperTest {
 protected:
  OpenPgp() {
    EXPECT_TRUE(m_keys->openpgp_create(m_alice, "Alice <alice@example.org>"));
    EXPECT_TRUE(m_keys->openpgp_create(m_bob, "<bob@example.org>"));
  }
  Bytes certificate(const KeyName& name, std::uint32_t version = 0) { return to_bytes(m_keys->openpgp_certificate(name, version).value()); }
  std::string message_to(const KeyName& to, std::string_view text) {
    const Bytes recipients[] = {certificate(to)};
    return m_keys->openpgp_sign_encrypt(m_alice, recipients, as_bytes(text)).value();
  }
  const KeyName m_alice{"pgp_alice"};
  const KeyName m_bob{"pgp_bob"};
};

TEST_F(OpenPgp, CertificatesAreArmoredAndLasting) {
  const std::string armored = m_keys->openpgp_certificate(m_alice).value();
  EXPECT_TRUE(armored.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----"));
  EXPECT_EQ(armored.find("PRIVATE"), std::string::npos);
  EXPECT_EQ(m_keys->describe(m_alice)->type, KeyType::OpenPgp);
  reopen();
  EXPECT_EQ(m_keys->openpgp_certificate(m_alice).value(), armored);
}

TEST_F(OpenPgp, SignsAndEncryptsAndOpens) {  // RFC 3156 6.2
  const std::string message = message_to(m_bob, "MARKER of the text");
  EXPECT_TRUE(message.starts_with("-----BEGIN PGP MESSAGE-----"));
  const Bytes signers[] = {certificate(m_alice)};
  reopen();
  const OpenPgpOpened opened = m_keys->openpgp_decrypt(m_bob, as_bytes(message), signers).value();
  EXPECT_EQ(as_text(opened.plaintext), "MARKER of the text");
  EXPECT_EQ(opened.cipher, "AES256");
  EXPECT_EQ(opened.mode, "cfb-mdc");
  ASSERT_EQ(opened.signatures.size(), 1U);
  EXPECT_EQ(opened.signatures[0].status, OpenPgpSignatureStatus::Good);
  EXPECT_EQ(opened.signatures[0].hash, "SHA512");
  EXPECT_EQ(opened.signatures[0].created, unix_seconds(m_clock.now()));
  EXPECT_EQ(opened.signatures[0].fingerprint.size(), 40U);
  EXPECT_TRUE(opened.signatures[0].fingerprint.ends_with(opened.signatures[0].key_id));
  const OpenPgpOpened unknown = m_keys->openpgp_decrypt(m_bob, as_bytes(message), {}).value();
  ASSERT_EQ(unknown.signatures.size(), 1U);
  EXPECT_EQ(unknown.signatures[0].status, OpenPgpSignatureStatus::UnknownSigner);
  EXPECT_TRUE(unknown.signatures[0].fingerprint.empty());
}

TEST_F(OpenPgp, OtherKeysDoNotOpenIt) {
  EXPECT_EQ(m_keys->openpgp_decrypt(m_alice, as_bytes(message_to(m_bob, "x")), {}).error().code, ErrorCode::NotFound);
  for (const std::string& rubbish :
       {std::string(), std::string("hello"), std::string("-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n"),
        m_keys->openpgp_certificate(m_bob).value(), message_to(m_bob, "x").substr(0, 200)}) {
    EXPECT_FALSE(m_keys->openpgp_decrypt(m_bob, as_bytes(rubbish), {})) << rubbish;
  }
}

TEST_F(OpenPgp, ChangedMessagesAreNeverOpened) {
  const std::string armored = message_to(m_bob, std::string(2000, 'x'));
  const std::size_t from = armored.find("\r\n\r\n") + 4;
  const Bytes binary = base64_decode(std::string_view(armored).substr(from, armored.find("\r\n=", from) - from), Whitespace::Skip).value();
  ASSERT_TRUE(m_keys->openpgp_decrypt(m_bob, binary, {}));
  for (std::size_t i = 0; i < binary.size(); i += 29) {
    Bytes changed = binary;
    changed[i] ^= 0x20;
    const auto opened = m_keys->openpgp_decrypt(m_bob, changed, {});
    EXPECT_TRUE(!opened || as_text(opened->plaintext) == std::string(2000, 'x')) << i;  // a key id in clear may change without harm
  }
  for (std::size_t size = 1; size < binary.size(); size += 97)
    EXPECT_FALSE(m_keys->openpgp_decrypt(m_bob, ByteView(binary).first(size), {})) << size;
}

TEST_F(OpenPgp, DetachedSignatures) {
  const std::string signature = m_keys->openpgp_sign_detached(m_alice, as_bytes("text\r\n")).value();
  EXPECT_TRUE(signature.starts_with("-----BEGIN PGP SIGNATURE-----"));
}

TEST_F(OpenPgp, RotationKeepsReadingAndChangesTheCertificate) {
  const std::string old_message = message_to(m_bob, "old");
  const Bytes old_certificate = certificate(m_bob);
  EXPECT_EQ(m_keys->rotate(m_bob)->latest, 2U);
  EXPECT_NE(certificate(m_bob), old_certificate);
  EXPECT_EQ(certificate(m_bob, 1), old_certificate);
  const std::string new_message = message_to(m_bob, "new");
  reopen();
  EXPECT_EQ(as_text(m_keys->openpgp_decrypt(m_bob, as_bytes(old_message), {})->plaintext), "old");
  EXPECT_EQ(as_text(m_keys->openpgp_decrypt(m_bob, as_bytes(new_message), {})->plaintext), "new");
  ASSERT_TRUE(m_keys->configure(m_bob, least_decryption(2)));
  EXPECT_EQ(m_keys->openpgp_decrypt(m_bob, as_bytes(old_message), {}).error().code, ErrorCode::NotFound);
  EXPECT_TRUE(m_keys->openpgp_decrypt(m_bob, as_bytes(new_message), {}));
}

TEST_F(OpenPgp, SecretsMoveUnderANewWrappingKey) {
  const std::string message = message_to(m_bob, "kept");
  ASSERT_TRUE(m_keys->rotate(key_names::kPgpEncryption));
  ASSERT_TRUE(m_keys->configure(key_names::kPgpEncryption, least_decryption(2)));
  reopen();
  EXPECT_EQ(as_text(m_keys->openpgp_decrypt(m_bob, as_bytes(message), {})->plaintext), "kept");
}

TEST_F(OpenPgp, SecretsFollowARotationThatWasMadeElsewhere) {
  const std::string message = message_to(m_bob, "kept");
  ASSERT_TRUE(m_keys->tick());
  ASSERT_TRUE(m_engine->rotate("pgp_key_encryption"));  // over the API, or by itself
  reopen();
  ASSERT_TRUE(m_keys->tick());
  transit::KeySettings newest;
  newest.min_decryption_version = 2;
  ASSERT_TRUE(m_engine->configure("pgp_key_encryption", newest));
  reopen();
  EXPECT_EQ(as_text(m_keys->openpgp_decrypt(m_bob, as_bytes(message), {})->plaintext), "kept");
}

TEST_F(OpenPgp, RefusesWhatCannotBe) {
  for (const std::string& bad : {std::string(), std::string("a\nb"), std::string(128, 'x'), std::string("\xFF")}) {
    EXPECT_EQ(m_keys->openpgp_create(KeyName("bad"), bad).error().code, ErrorCode::BadInput);
  }
  const Bytes rubbish[] = {to_bytes("not a key")};
  EXPECT_EQ(m_keys->openpgp_sign_encrypt(m_alice, rubbish, as_bytes("x")).error().code, ErrorCode::BadInput);
  EXPECT_EQ(m_keys->openpgp_sign_encrypt(m_alice, {}, as_bytes("x")).error().code, ErrorCode::BadInput);
}

TEST_F(OpenPgp, ManyThreads) {
  const Bytes signers[] = {certificate(m_alice)};
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        const std::string text = "text " + std::to_string(t * 100 + i);
        const auto opened = m_keys->openpgp_decrypt(m_bob, as_bytes(message_to(m_bob, text)), signers);
        if (opened && as_text(opened->plaintext) == text && opened->signatures.at(0).status == OpenPgpSignatureStatus::Good) ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 40);
}

}  // namespace
}  // namespace postern
