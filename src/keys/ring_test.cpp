#include "keys/ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "crypto/hmac.hpp"

namespace postern {
namespace {

bool contains(ByteView haystack, ByteView needle) { return !std::ranges::search(haystack, needle).empty(); }

// A store that can be looked into, tampered with and made to fail.
class OpenStore final : public KeyStore {
 public:
  Result<std::vector<KeyRecord>> load() override {
    std::vector<KeyRecord> out;
    for (const auto& [name, record] : records) out.push_back(record);
    return out;
  }
  Status insert(const KeyRecord& record) override {
    if (broken) return fail(ErrorCode::Unavailable, "the disk is full");
    records.insert_or_assign(record.name, record);
    return {};
  }
  Status update(const KeyRecord& record) override { return insert(record); }
  Status remove(const KeyName& name) override {
    records.erase(name);
    return {};
  }
  Result<Bytes> load_root() override { return root; }
  Status save_root(ByteView blob) override {
    root.assign(blob.begin(), blob.end());
    return {};
  }

  std::map<KeyName, KeyRecord> records;
  Bytes root;
  bool broken = false;
};

const KeyName kAes("aes");
const KeyName kSigner("signer");
constexpr KeySettings kDeletable{.min_decryption_version = {}, .min_encryption_version = {}, .deletion_allowed = true};
KeySettings least_decryption(std::uint32_t version) {
  return {.min_decryption_version = version, .min_encryption_version = {}, .deletion_allowed = {}};
}

class RingTest : public ::testing::Test {
 protected:
  RingTest() : m_ring(open().value()) {}
  Result<std::shared_ptr<Ring>> open(Byte root = 9) {
    return Ring::open(m_store, RootKey::raw(Bytes(32, root)).value(), m_clock, m_options);
  }
  void reopen() { m_ring = open().value(); }

  OpenStore m_store;
  ManualClock m_clock{wall_from_millis(1795308067000)};
  RingOptions m_options;
  std::shared_ptr<Ring> m_ring;
};

TEST_F(RingTest, TheFourNamedKeysAreThereFromTheStart) {  // capability K7
  EXPECT_EQ(m_ring->list().value(), (std::vector<KeyName>{KeyName("api_hmac_key"), KeyName("dkim_key"), KeyName("mail_storage_key"),
                                                          KeyName("pgp_key_encryption")}));
  EXPECT_EQ(m_ring->describe(key_names::kMailStorage)->type, KeyType::Aes256Gcm96);
  EXPECT_EQ(m_ring->describe(key_names::kDkim)->type, KeyType::Ed25519);
  EXPECT_EQ(m_ring->describe(key_names::kApiHmac)->type, KeyType::Hmac);
  EXPECT_EQ(m_ring->describe(key_names::kPgpEncryption)->type, KeyType::Aes256Gcm96);
  const std::string pem = m_ring->describe(key_names::kDkim)->versions.front().public_key_pem;
  reopen();
  EXPECT_EQ(m_ring->describe(key_names::kDkim)->versions.front().public_key_pem, pem);
  EXPECT_EQ(m_ring->describe(key_names::kDkim)->versions.front().created, m_clock.now());
}

TEST_F(RingTest, NamesFollowTheGrammar) {
  for (const char* good : {"a", "_", "dkim_key", "a-b.c", "9", "A.1-x"}) EXPECT_TRUE(parse_key_name(good)) << good;
  for (const char* bad : {"", "-a", "a-", ".a", "a.", "a/b", "a b", "../x", "gr\xC3\xBC\xC3\x9F", "a\n"}) {
    EXPECT_FALSE(parse_key_name(bad)) << bad;
    EXPECT_EQ(m_ring->create(KeyName(bad), KeyType::Hmac).error().code, ErrorCode::BadInput);
  }
  EXPECT_FALSE(parse_key_name(std::string(129, 'a')));
  for (int i = 0; i < 12; ++i) EXPECT_EQ(key_type_from_name(name_of(static_cast<KeyType>(i))), static_cast<KeyType>(i));
  EXPECT_FALSE(key_type_from_name("rsa-1024"));
}

TEST_F(RingTest, EnsureMakesOnceAndNoticesOtherTypes) {
  const KeyInfo first = m_ring->ensure(kSigner, KeyType::EcdsaP256).value();
  EXPECT_EQ(m_ring->ensure(kSigner, KeyType::EcdsaP256)->versions.front().public_key_pem, first.versions.front().public_key_pem);
  EXPECT_EQ(m_ring->ensure(kSigner, KeyType::Rsa2048).error().code, ErrorCode::Conflict);
  EXPECT_EQ(m_ring->create(kSigner, KeyType::EcdsaP256).error().code, ErrorCode::Conflict);
}

TEST_F(RingTest, EveryTypeWorksBeforeAndAfterReopening) {
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
    ASSERT_TRUE(m_ring->create(name, s.type));
    signatures[s.type] = m_ring->sign(name, 0, s.algorithm, as_bytes("text")).value();
  }
  reopen();
  for (const auto& s : signers) {
    const KeyName name{std::string(name_of(s.type))};
    EXPECT_TRUE(m_ring->verify(name, 0, s.algorithm, as_bytes("text"), signatures[s.type]));
    EXPECT_EQ(m_ring->verify(name, 0, s.algorithm, as_bytes("texT"), signatures[s.type]).error().code, ErrorCode::IntegrityFailed);
    EXPECT_TRUE(
        m_ring->public_key(name)->verify(s.algorithm, as_bytes("text"), m_ring->sign(name, 0, s.algorithm, as_bytes("text")).value()));
  }
}

TEST_F(RingTest, EncryptionHasVaultsFormAndIsBoundToItsContext) {
  for (const KeyType type : {KeyType::Aes256Gcm96, KeyType::ChaCha20Poly1305}) {
    const KeyName name{std::string(name_of(type))};
    ASSERT_TRUE(m_ring->create(name, type));
    const std::string text = m_ring->encrypt(name, as_bytes("plain"), as_bytes("aad")).value();
    EXPECT_TRUE(text.starts_with("vault:v1:"));
    EXPECT_EQ(base64_decode(text.substr(9))->size(), 12U + 5 + 16);
    EXPECT_EQ(as_text(m_ring->decrypt(name, text, as_bytes("aad"))->view()), "plain");
    EXPECT_EQ(m_ring->decrypt(name, text, as_bytes("other")).error().code, ErrorCode::IntegrityFailed);
    EXPECT_EQ(m_ring->decrypt(key_names::kMailStorage, text, as_bytes("aad")).error().code, ErrorCode::IntegrityFailed);
  }
  ASSERT_TRUE(m_ring->create(KeyName("rsa"), KeyType::Rsa2048));
  EXPECT_EQ(as_text(m_ring->decrypt(KeyName("rsa"), m_ring->encrypt(KeyName("rsa"), as_bytes("x"), {}).value(), {})->view()), "x");
  EXPECT_EQ(m_ring->encrypt(KeyName("rsa"), as_bytes("x"), as_bytes("aad")).error().code, ErrorCode::Unsupported);
}

TEST_F(RingTest, MalformedCiphertextsAreNamed) {
  ASSERT_TRUE(m_ring->create(kAes, KeyType::Aes256Gcm96));
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
    const auto opened = m_ring->decrypt(kAes, text, {});
    ASSERT_FALSE(opened) << text;
    EXPECT_EQ(opened.error().code, ErrorCode::BadInput) << text;
    EXPECT_NE(opened.error().what.find(part), std::string::npos) << opened.error().what;
  }
  // Version 0 reads as 1, as Vault does.
  std::string text = m_ring->encrypt(kAes, as_bytes("x"), {}).value();
  text.replace(0, 9, "vault:v0:");
  EXPECT_TRUE(m_ring->decrypt(kAes, text, {}));
}

TEST_F(RingTest, VersionsRotateAndOldOnesGoOnReading) {
  ASSERT_TRUE(m_ring->create(kAes, KeyType::Aes256Gcm96));
  const std::string one = m_ring->encrypt(kAes, as_bytes("one"), {}).value();
  const DataKey data = m_ring->new_data_key(kAes, as_bytes("id")).value();
  EXPECT_EQ(m_ring->rotate(kAes)->latest, 2U);
  const std::string two = m_ring->encrypt(kAes, as_bytes("two"), {}).value();
  EXPECT_TRUE(two.starts_with("vault:v2:"));
  reopen();
  EXPECT_EQ(as_text(m_ring->decrypt(kAes, one, {})->view()), "one");
  EXPECT_EQ(as_text(m_ring->decrypt(kAes, two, {})->view()), "two");
  const Bytes moved = m_ring->rewrap_data_key(kAes, data.wrapped, as_bytes("id")).value();
  EXPECT_EQ(m_ring->configure(kAes, least_decryption(2))->min_decryption_version, 2U);
  reopen();
  EXPECT_EQ(m_ring->decrypt(kAes, one, {}).error().code, ErrorCode::Denied);
  EXPECT_EQ(m_ring->unwrap_data_key(kAes, data.wrapped, as_bytes("id")).error().code, ErrorCode::Denied);
  EXPECT_TRUE(std::ranges::equal(m_ring->unwrap_data_key(kAes, moved, as_bytes("id"))->view(), data.plaintext.view()));
  EXPECT_TRUE(m_ring->decrypt(kAes, two, {}));
  EXPECT_TRUE(m_ring->encrypt(kAes, as_bytes("x"), {}, 1));  // allowed until min_encryption_version says otherwise
  ASSERT_TRUE(m_ring->configure(kAes, {.min_decryption_version = {}, .min_encryption_version = 2, .deletion_allowed = {}}));
  EXPECT_EQ(m_ring->encrypt(kAes, as_bytes("x"), {}, 1).error().code, ErrorCode::Denied);
  EXPECT_EQ(m_ring->encrypt(kAes, as_bytes("x"), {}, 3).error().code, ErrorCode::NotFound);
  for (const std::uint32_t bad : {0U, 3U}) EXPECT_EQ(m_ring->configure(kAes, least_decryption(bad)).error().code, ErrorCode::BadInput);
}

TEST_F(RingTest, DataKeys) {
  const KeyName& name = key_names::kMailStorage;
  const DataKey key = m_ring->new_data_key(name, as_bytes("message 1")).value();
  EXPECT_EQ(key.plaintext.size(), 32U);
  EXPECT_EQ(key.wrapped.size(), 65U);
  EXPECT_FALSE(contains(key.wrapped, key.plaintext.view().first(8)));
  EXPECT_TRUE(std::ranges::equal(m_ring->unwrap_data_key(name, key.wrapped, as_bytes("message 1"))->view(), key.plaintext.view()));
  EXPECT_EQ(m_ring->unwrap_data_key(name, key.wrapped, as_bytes("message 2")).error().code, ErrorCode::IntegrityFailed);
  for (std::size_t i = 0; i < key.wrapped.size(); ++i) {
    Bytes changed = key.wrapped;
    changed[i] ^= 1;
    EXPECT_FALSE(m_ring->unwrap_data_key(name, changed, as_bytes("message 1"))) << i;
    EXPECT_FALSE(m_ring->unwrap_data_key(name, ByteView(key.wrapped).first(i), as_bytes("message 1"))) << i;
  }
  // A data key does not pass for a ciphertext of the same key, although both were made with it.
  const std::string disguised = "vault:v1:" + base64_encode(ByteView(key.wrapped).subspan(5));
  EXPECT_EQ(m_ring->decrypt(name, disguised, as_bytes("message 1")).error().code, ErrorCode::IntegrityFailed);
  EXPECT_EQ(m_ring->new_data_key(key_names::kDkim, {}).error().code, ErrorCode::Unsupported);
}

TEST_F(RingTest, MacsDependOnKeyAndVersion) {
  const Bytes one = m_ring->mac(key_names::kApiHmac, 0, HashAlgorithm::Sha512, as_bytes("m")).value();
  EXPECT_EQ(one.size(), 64U);
  reopen();
  EXPECT_EQ(m_ring->mac(key_names::kApiHmac, 0, HashAlgorithm::Sha512, as_bytes("m")).value(), one);
  ASSERT_TRUE(m_ring->rotate(key_names::kApiHmac));
  EXPECT_NE(m_ring->mac(key_names::kApiHmac, 0, HashAlgorithm::Sha512, as_bytes("m")).value(), one);
  EXPECT_EQ(m_ring->mac(key_names::kApiHmac, 1, HashAlgorithm::Sha512, as_bytes("m")).value(), one);
  EXPECT_EQ(m_ring->mac(key_names::kDkim, 0, HashAlgorithm::Sha256, {}).error().code, ErrorCode::Unsupported);
}

TEST_F(RingTest, DecryptionAndAgreement) {
  ASSERT_TRUE(m_ring->create(KeyName("rsa"), KeyType::Rsa2048));
  const PublicKey rsa = m_ring->public_key(KeyName("rsa")).value();
  EXPECT_EQ(as_text(m_ring->decrypt_oaep(KeyName("rsa"), 0, {}, rsa.encrypt_oaep({}, as_bytes("cek")).value())->view()), "cek");
  EXPECT_EQ(m_ring->decrypt_pkcs1(KeyName("rsa"), 0, Bytes(256, 1), 32)->size(), 32U);
  for (const KeyType type : {KeyType::X25519, KeyType::EcdsaP256}) {
    const KeyName name{std::string(name_of(type))};
    ASSERT_TRUE(m_ring->create(name, type));
    const auto mine = PrivateKey::generate(type == KeyType::X25519 ? KeyKind::X25519 : KeyKind::EcP256).value();
    EXPECT_TRUE(
        std::ranges::equal(m_ring->agree(name, 0, mine.public_key())->view(), mine.agree(m_ring->public_key(name).value())->view()));
  }
}

TEST_F(RingTest, WrongKindsOfUseAreRefusedByName) {
  const auto refused = m_ring->encrypt(key_names::kDkim, as_bytes("x"), {});
  EXPECT_EQ(refused.error().code, ErrorCode::Unsupported);
  EXPECT_EQ(refused.error().what, "a key of type ed25519 does not encrypt");
  EXPECT_EQ(m_ring->sign(key_names::kMailStorage, 0, {}, {}).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(m_ring->public_key(key_names::kMailStorage).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(m_ring->sign(KeyName("missing"), 0, {}, {}).error().code, ErrorCode::NotFound);
  EXPECT_EQ(m_ring->sign(key_names::kDkim, 2, {}, {}).error().code, ErrorCode::NotFound);
  EXPECT_EQ(m_ring->openpgp_sign_detached(key_names::kDkim, {}).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(m_ring->create(KeyName("pgp"), KeyType::OpenPgp).error().code, ErrorCode::Unsupported);
}

TEST_F(RingTest, DeletionNeedsPermission) {
  ASSERT_TRUE(m_ring->create(kAes, KeyType::Aes256Gcm96));
  EXPECT_EQ(m_ring->remove(kAes).error().code, ErrorCode::Denied);
  ASSERT_TRUE(m_ring->configure(kAes, kDeletable));
  EXPECT_TRUE(m_ring->remove(kAes));
  EXPECT_EQ(m_ring->describe(kAes).error().code, ErrorCode::NotFound);
  reopen();
  EXPECT_EQ(m_ring->describe(kAes).error().code, ErrorCode::NotFound);
}

TEST_F(RingTest, UsesAreCountedAndLimited) {
  m_options.max_encryptions = 3;
  reopen();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(m_ring->new_data_key(key_names::kMailStorage, {}));
  EXPECT_EQ(m_ring->new_data_key(key_names::kMailStorage, {}).error().code, ErrorCode::Exhausted);
  ASSERT_TRUE(m_ring->rotate(key_names::kMailStorage));
  EXPECT_TRUE(m_ring->new_data_key(key_names::kMailStorage, {}));
  EXPECT_EQ(m_ring->describe(key_names::kMailStorage)->versions.back().uses, 1U);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(m_ring->sign(key_names::kDkim, 0, {}, as_bytes("x")));  // signatures have no such limit
  EXPECT_EQ(m_ring->describe(key_names::kDkim)->versions.back().uses, 5U);
}

TEST_F(RingTest, WhatTheStoreRefusedDidNotHappen) {
  m_store.broken = true;
  EXPECT_EQ(m_ring->create(kAes, KeyType::Aes256Gcm96).error().code, ErrorCode::Unavailable);
  EXPECT_EQ(m_ring->describe(kAes).error().code, ErrorCode::NotFound);
  EXPECT_EQ(m_ring->rotate(key_names::kDkim).error().code, ErrorCode::Unavailable);
  EXPECT_EQ(m_ring->describe(key_names::kDkim)->latest, 1U);
}

// Locks ------------------------------------------------------------------------------------------------------------------------------

TEST_F(RingTest, TheWrongRootKeyIsSaidToBeWrong) {
  const auto wrong = open(8);
  EXPECT_EQ(wrong.error().code, ErrorCode::Denied);
  EXPECT_NE(wrong.error().what.find("does not open the key ring"), std::string::npos);
  const auto other_form = Ring::open(m_store, RootKey::passphrase(as_bytes("correct horse battery")).value(), m_clock);
  EXPECT_EQ(other_form.error().code, ErrorCode::Denied);
  EXPECT_NE(other_form.error().what.find("raw 32-byte"), std::string::npos);
}

TEST_F(RingTest, TheRootKeyCanBeChanged) {
  const std::string text = m_ring->encrypt(key_names::kMailStorage, as_bytes("kept"), {}).value();
  ASSERT_TRUE(m_ring->change_root_key(RootKey::passphrase(as_bytes("correct horse battery")).value()));
  EXPECT_EQ(open().error().code, ErrorCode::Denied);
  const auto again = Ring::open(m_store, RootKey::passphrase(as_bytes("correct horse battery")).value(), m_clock).value();
  EXPECT_EQ(as_text(again->decrypt(key_names::kMailStorage, text, {})->view()), "kept");
  EXPECT_EQ(Ring::open(m_store, RootKey::passphrase(as_bytes("correct horse batterY")).value(), m_clock).error().code, ErrorCode::Denied);
}

TEST_F(RingTest, EveryChangedByteInTheStoreIsNoticed) {
  ASSERT_TRUE(m_ring->create(kSigner, KeyType::EcdsaP256));
  const Bytes body = m_store.records[kSigner].body;
  for (std::size_t i = 0; i < body.size(); i += 3) {
    m_store.records[kSigner].body = body;
    m_store.records[kSigner].body[i] ^= 0x10;
    EXPECT_EQ(open().error().code, ErrorCode::IntegrityFailed) << i;
  }
  for (std::size_t size = 0; size < body.size(); size += 17) {
    m_store.records[kSigner].body.assign(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(open().error().code, ErrorCode::IntegrityFailed) << size;
  }
  m_store.records[kSigner].body = body;
  EXPECT_TRUE(open());
}

TEST_F(RingTest, RecordsCannotStandInForOthersOrForOlderOnes) {
  ASSERT_TRUE(m_ring->create(kSigner, KeyType::Ed25519));
  KeyRecord old = m_store.records[kSigner];
  ASSERT_TRUE(m_ring->rotate(kSigner));
  m_store.records[kSigner].body = old.body;  // the revision's number stays, the content is older
  EXPECT_EQ(open().error().code, ErrorCode::IntegrityFailed);
  old.name = key_names::kDkim;
  m_store.records.erase(kSigner);
  m_store.records[key_names::kDkim] = old;
  EXPECT_EQ(open().error().code, ErrorCode::IntegrityFailed);
}

TEST_F(RingTest, DamagedRootBlobs) {
  const Bytes root = m_store.root;
  for (std::size_t i = 0; i < root.size(); ++i) {
    m_store.root = root;
    m_store.root[i] ^= 1;
    EXPECT_FALSE(open()) << i;
    m_store.root.assign(root.begin(), root.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(open()) << i;  // with i = 0: keys without a root blob are not silently replaced
  }
}

TEST_F(RingTest, NoSecretStandsInTheStore) {
  const auto mac_key_marker = [&](const Bytes& marker) {
    for (const auto& [name, record] : m_store.records) {
      if (contains(record.body, marker)) return true;
    }
    return contains(m_store.root, marker);
  };
  const DataKey data = m_ring->new_data_key(key_names::kMailStorage, {}).value();
  EXPECT_FALSE(mac_key_marker(Bytes(data.plaintext.view().begin(), data.plaintext.view().end())));
  EXPECT_FALSE(mac_key_marker(Bytes(32, 9)));  // the root key
  // PKCS#8 of an Ed25519 key begins with these bytes; none may stand there in clear.
  EXPECT_FALSE(mac_key_marker(hex_decode("302e020100300506032b657004220420").value()));
  ASSERT_TRUE(m_ring->openpgp_create(KeyName("pgp"), "Gate <gate@example.org>"));
  EXPECT_FALSE(mac_key_marker(to_bytes("vault:v")));  // even the wrapped OpenPGP secret is sealed once more
}

TEST_F(RingTest, ErrorsCarryNoSecrets) {
  ASSERT_TRUE(m_ring->create(kAes, KeyType::Aes256Gcm96));
  const std::string marker = "MARKER-PLAINTEXT";
  std::string text = m_ring->encrypt(kAes, as_bytes(marker), {}).value();
  text[12] = text[12] == 'A' ? 'B' : 'A';
  EXPECT_EQ(m_ring->decrypt(kAes, text, as_bytes(marker)).error().text().find(marker), std::string::npos);
  EXPECT_EQ(m_ring->sign(kAes, 0, {}, as_bytes(marker)).error().text().find(marker), std::string::npos);
  EXPECT_EQ(m_ring->decrypt(kAes, marker, {}).error().text().find(marker), std::string::npos);
}

TEST_F(RingTest, ManyThreadsWhileKeysRotate) {
  ASSERT_TRUE(m_ring->create(kAes, KeyType::Aes256Gcm96));
  ASSERT_TRUE(m_ring->create(kSigner, KeyType::EcdsaP256));
  std::atomic<int> bad{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const auto data = m_ring->new_data_key(kAes, as_bytes("id"));
        if (!data || !m_ring->unwrap_data_key(kAes, data->wrapped, as_bytes("id"))) ++bad;
        if (i % 10 == 0 && !m_ring->sign(kSigner, 0, SignAlgorithm::ecdsa(HashAlgorithm::Sha256), as_bytes("x"))) ++bad;
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    if (!m_ring->rotate(kAes) || !m_ring->rotate(kSigner)) ++bad;
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(bad, 0);
  EXPECT_EQ(m_ring->describe(kAes)->latest, 21U);
  std::uint64_t uses = 0;
  const KeyInfo info = m_ring->describe(kAes).value();
  for (const auto& v : info.versions) uses += v.uses;
  EXPECT_EQ(uses, 800U);
}

// OpenPGP ----------------------------------------------------------------------------------------------------------------------------

class OpenPgp : public RingTest {
 protected:
  OpenPgp() {
    EXPECT_TRUE(m_ring->openpgp_create(m_alice, "Alice <alice@example.org>"));
    EXPECT_TRUE(m_ring->openpgp_create(m_bob, "<bob@example.org>"));
  }
  Bytes certificate(const KeyName& name, std::uint32_t version = 0) { return to_bytes(m_ring->openpgp_certificate(name, version).value()); }
  std::string message_to(const KeyName& to, std::string_view text) {
    const Bytes recipients[] = {certificate(to)};
    return m_ring->openpgp_sign_encrypt(m_alice, recipients, as_bytes(text)).value();
  }
  const KeyName m_alice{"pgp_alice"};
  const KeyName m_bob{"pgp_bob"};
};

TEST_F(OpenPgp, CertificatesAreArmoredAndLasting) {
  const std::string armored = m_ring->openpgp_certificate(m_alice).value();
  EXPECT_TRUE(armored.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----"));
  EXPECT_EQ(armored.find("PRIVATE"), std::string::npos);
  EXPECT_EQ(m_ring->describe(m_alice)->type, KeyType::OpenPgp);
  reopen();
  EXPECT_EQ(m_ring->openpgp_certificate(m_alice).value(), armored);
}

TEST_F(OpenPgp, SignsAndEncryptsAndOpens) {  // RFC 3156 6.2
  const std::string message = message_to(m_bob, "MARKER of the text");
  EXPECT_TRUE(message.starts_with("-----BEGIN PGP MESSAGE-----"));
  const Bytes signers[] = {certificate(m_alice)};
  reopen();
  const OpenPgpOpened opened = m_ring->openpgp_decrypt(m_bob, as_bytes(message), signers).value();
  EXPECT_EQ(as_text(opened.plaintext), "MARKER of the text");
  EXPECT_EQ(opened.cipher, "AES256");
  EXPECT_EQ(opened.mode, "cfb-mdc");
  ASSERT_EQ(opened.signatures.size(), 1U);
  EXPECT_EQ(opened.signatures[0].status, OpenPgpSignatureStatus::Good);
  EXPECT_EQ(opened.signatures[0].hash, "SHA512");
  EXPECT_EQ(opened.signatures[0].created, unix_seconds(m_clock.now()));
  EXPECT_EQ(opened.signatures[0].fingerprint.size(), 40U);
  EXPECT_TRUE(opened.signatures[0].fingerprint.ends_with(opened.signatures[0].key_id));
  const OpenPgpOpened unknown = m_ring->openpgp_decrypt(m_bob, as_bytes(message), {}).value();
  ASSERT_EQ(unknown.signatures.size(), 1U);
  EXPECT_EQ(unknown.signatures[0].status, OpenPgpSignatureStatus::UnknownSigner);
  EXPECT_TRUE(unknown.signatures[0].fingerprint.empty());
}

TEST_F(OpenPgp, OtherKeysDoNotOpenIt) {
  EXPECT_EQ(m_ring->openpgp_decrypt(m_alice, as_bytes(message_to(m_bob, "x")), {}).error().code, ErrorCode::NotFound);
  for (const std::string& rubbish :
       {std::string(), std::string("hello"), std::string("-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n"),
        m_ring->openpgp_certificate(m_bob).value(), message_to(m_bob, "x").substr(0, 200)}) {
    EXPECT_FALSE(m_ring->openpgp_decrypt(m_bob, as_bytes(rubbish), {})) << rubbish;
  }
}

TEST_F(OpenPgp, ChangedMessagesAreNeverOpened) {
  const std::string armored = message_to(m_bob, std::string(2000, 'x'));
  const std::size_t from = armored.find("\r\n\r\n") + 4;
  const Bytes binary = base64_decode(std::string_view(armored).substr(from, armored.find("\r\n=", from) - from), Whitespace::Skip).value();
  ASSERT_TRUE(m_ring->openpgp_decrypt(m_bob, binary, {}));
  for (std::size_t i = 0; i < binary.size(); i += 29) {
    Bytes changed = binary;
    changed[i] ^= 0x20;
    const auto opened = m_ring->openpgp_decrypt(m_bob, changed, {});
    EXPECT_TRUE(!opened || as_text(opened->plaintext) == std::string(2000, 'x')) << i;  // a key id in clear may change without harm
  }
  for (std::size_t size = 1; size < binary.size(); size += 97)
    EXPECT_FALSE(m_ring->openpgp_decrypt(m_bob, ByteView(binary).first(size), {})) << size;
}

TEST_F(OpenPgp, DetachedSignatures) {
  const std::string signature = m_ring->openpgp_sign_detached(m_alice, as_bytes("text\r\n")).value();
  EXPECT_TRUE(signature.starts_with("-----BEGIN PGP SIGNATURE-----"));
}

TEST_F(OpenPgp, RotationKeepsReadingAndChangesTheCertificate) {
  const std::string old_message = message_to(m_bob, "old");
  const Bytes old_certificate = certificate(m_bob);
  EXPECT_EQ(m_ring->rotate(m_bob)->latest, 2U);
  EXPECT_NE(certificate(m_bob), old_certificate);
  EXPECT_EQ(certificate(m_bob, 1), old_certificate);
  const std::string new_message = message_to(m_bob, "new");
  reopen();
  EXPECT_EQ(as_text(m_ring->openpgp_decrypt(m_bob, as_bytes(old_message), {})->plaintext), "old");
  EXPECT_EQ(as_text(m_ring->openpgp_decrypt(m_bob, as_bytes(new_message), {})->plaintext), "new");
  ASSERT_TRUE(m_ring->configure(m_bob, least_decryption(2)));
  EXPECT_EQ(m_ring->openpgp_decrypt(m_bob, as_bytes(old_message), {}).error().code, ErrorCode::NotFound);
  EXPECT_TRUE(m_ring->openpgp_decrypt(m_bob, as_bytes(new_message), {}));
}

TEST_F(OpenPgp, SecretsMoveUnderANewWrappingKey) {
  const std::string message = message_to(m_bob, "kept");
  ASSERT_TRUE(m_ring->rotate(key_names::kPgpEncryption));
  ASSERT_TRUE(m_ring->configure(key_names::kPgpEncryption, least_decryption(2)));
  reopen();
  EXPECT_EQ(as_text(m_ring->openpgp_decrypt(m_bob, as_bytes(message), {})->plaintext), "kept");
  ASSERT_TRUE(m_ring->configure(key_names::kPgpEncryption, kDeletable));
  EXPECT_EQ(m_ring->remove(key_names::kPgpEncryption).error().code, ErrorCode::Conflict);
}

TEST_F(OpenPgp, RefusesWhatCannotBe) {
  for (const std::string& bad : {std::string(), std::string("a\nb"), std::string(128, 'x'), std::string("\xFF")}) {
    EXPECT_EQ(m_ring->openpgp_create(KeyName("bad"), bad).error().code, ErrorCode::BadInput);
  }
  const Bytes rubbish[] = {to_bytes("not a key")};
  EXPECT_EQ(m_ring->openpgp_sign_encrypt(m_alice, rubbish, as_bytes("x")).error().code, ErrorCode::BadInput);
  EXPECT_EQ(m_ring->openpgp_sign_encrypt(m_alice, {}, as_bytes("x")).error().code, ErrorCode::BadInput);
}

TEST_F(OpenPgp, ManyThreads) {
  const Bytes signers[] = {certificate(m_alice)};
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        const std::string text = "text " + std::to_string(t * 100 + i);
        const auto opened = m_ring->openpgp_decrypt(m_bob, as_bytes(message_to(m_bob, text)), signers);
        if (opened && as_text(opened->plaintext) == text && opened->signatures.at(0).status == OpenPgpSignatureStatus::Good) ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 40);
}

}  // namespace
}  // namespace postern
