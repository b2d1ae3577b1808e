// The keeper as a whole against a Vault in memory: which key is where, what is asked how often, and bad days.
#include "vaultkeeper/vault_keeper.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "vaultkeeper/testing/fake_vault.hpp"

using namespace postern;
using namespace postern::vaultkeeper;
using postern::vaultkeeper::testing::FakeVault;
using ::testing::HasSubstr;

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const KeyName kStorage = key_names::kMailStorage;

class VaultKeeperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("VK_ROLE", "role", 1);
    ::setenv("VK_SECRET", "secret", 1);
    options.line.addresses = {"https://one.example:8200"};
    options.line.timeout = milliseconds(200);
    options.data_keys.life = seconds(60);
    options.data_keys.uses = 4;
    options.local_keys.life = seconds(100);
    options.local_keys.resident = {KeyName("tls_server")};
    options.signing_only = {KeyName("pki_root_key"), KeyName("dkim_rsa")};
  }

  std::unique_ptr<VaultKeeper> make() {
    const auto source = [](const char* name) { return RootKeySource{RootKeySource::Kind::Environment, name, {}}; };
    auto credentials = approle_credentials({"approle", source("VK_ROLE"), source("VK_SECRET"), false, {}});
    return std::make_unique<VaultKeeper>(vault, std::move(credentials), store, clock, options, false);
  }

  std::shared_ptr<FakeVault> vault = std::make_shared<FakeVault>();
  MemoryKeyStore store;
  ManualClock clock{wall_from_millis(1'790'000'000'000)};
  VaultKeeperOptions options;
};

ByteView bytes(std::string_view text) { return as_bytes(text); }

KeySettings settings(std::optional<std::uint32_t> decrypt, std::optional<std::uint32_t> encrypt = {}, std::optional<bool> deletion = {}) {
  return {decrypt, encrypt, deletion};
}

template <class T>
ErrorCode code_of(const Result<T>& result) {
  return result ? ErrorCode::Internal : result.error().code;
}

// Beginning --------------------------------------------------------------------------------------------------------------------------

TEST_F(VaultKeeperTest, MakesTheNamedKeysOnTheFirstStartOnly) {
  ASSERT_TRUE(make()->connect());
  const auto keeper = make();
  ASSERT_TRUE(keeper->connect());
  for (const KeyName& name : {kStorage, key_names::kDkim, key_names::kApiHmac, key_names::kPgpEncryption})
    EXPECT_EQ(keeper->describe(name)->custody, "transit") << name.get();
  vault->drop_key(kStorage.get());
  const auto later = make();
  const Status lost = later->connect();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::IntegrityFailed);
  EXPECT_THAT(lost.error().what, HasSubstr("restore it"));
  EXPECT_EQ(code_of(later->new_data_key(kStorage, {})), ErrorCode::Unavailable) << "for mail it is a reason to wait, not damage";
}

TEST_F(VaultKeeperTest, AnotherVaultIsNotTakenForOurs) {
  ASSERT_TRUE(make()->connect());
  vault = std::make_shared<FakeVault>();
  vault->script = [](const Envelope& e) -> std::optional<Result<Reply>> {
    if (e.ask.path == "transit/keys/pgp_key_encryption")
      return FakeVault::reply(200, boost::json::parse(R"({"data":{"type":"aes256-gcm96","latest_version":1,"min_decryption_version":1,
          "min_encryption_version":0,"keys":{"1":1}}})"));
    if (e.ask.path == "transit/decrypt/pgp_key_encryption")
      return FakeVault::reply(400, boost::json::parse(R"({"data":{"batch_results":[{"error":"cipher: message authentication failed"}]}})"));
    return std::nullopt;
  };
  const Status refused = make()->connect();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::IntegrityFailed);
  EXPECT_THAT(refused.error().what, HasSubstr("another Vault"));
}

TEST_F(VaultKeeperTest, AStoreOfTheEmbeddedEngineIsRefused) {
  ASSERT_TRUE(store.save_root(Bytes{1, 0, 0}));  // a header that is not ours
  const Status refused = make()->connect();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Conflict);
}

TEST_F(VaultKeeperTest, ARefusedLoginIsToldAndNotTriedWithEveryCall) {
  ::setenv("VK_SECRET", "a-wrong-one", 1);
  const auto keeper = make();
  const Status refused = keeper->connect();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Denied);
  EXPECT_THAT(refused.error().what, ::testing::Not(HasSubstr("a-wrong-one")));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(code_of(keeper->new_data_key(kStorage, {})), ErrorCode::Unavailable);
  EXPECT_EQ(vault->calls("auth/approle/login"), 1);
  ::setenv("VK_SECRET", "secret", 1);
  clock.advance(seconds(6));
  EXPECT_TRUE(keeper->new_data_key(kStorage, {})) << "a secret that was put right is read again";
}

// Keys -------------------------------------------------------------------------------------------------------------------------------

TEST_F(VaultKeeperTest, WhereEachKindOfKeyLives) {
  const auto keeper = make();
  const auto custody = [&](const char* name, KeyType type) { return keeper->create(KeyName(name), type).value().custody; };
  EXPECT_EQ(custody("a", KeyType::Ed25519), "transit");
  EXPECT_EQ(custody("b", KeyType::ChaCha20Poly1305), "transit");
  EXPECT_EQ(custody("pki_root_key", KeyType::EcdsaP384), "transit");
  EXPECT_EQ(custody("dkim_rsa", KeyType::Rsa2048), "transit");
  EXPECT_EQ(custody("smime-1", KeyType::EcdsaP256), "wrapped");
  EXPECT_EQ(custody("tls_server", KeyType::EcdsaP256), "wrapped");
  EXPECT_EQ(custody("x", KeyType::X25519), "wrapped");
  EXPECT_EQ(keeper->openpgp_create(KeyName("pgp"), "<a@example.net>")->custody, "wrapped");
  EXPECT_EQ(code_of(keeper->create(KeyName("a"), KeyType::EcdsaP256)), ErrorCode::Conflict) << "one name is one key, wherever it lives";
  EXPECT_EQ(code_of(keeper->create(KeyName("x"), KeyType::Ed25519)), ErrorCode::Conflict);
  EXPECT_EQ(code_of(keeper->openpgp_create(KeyName("a"), "<a@example.net>")), ErrorCode::Conflict);
  EXPECT_EQ(keeper->list()->size(), 4U + 8U);
}

TEST_F(VaultKeeperTest, SignaturesOfBothKindsVerify) {
  const auto keeper = make();
  for (const auto& [name, type, algorithm] : {std::tuple{"dkim_key", KeyType::Ed25519, SignAlgorithm::ed25519()},
                                              std::tuple{"pki_root_key", KeyType::EcdsaP384, SignAlgorithm::ecdsa(HashAlgorithm::Sha384)},
                                              std::tuple{"dkim_rsa", KeyType::Rsa2048, SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256)},
                                              std::tuple{"dkim_rsa", KeyType::Rsa2048, SignAlgorithm::rsa_pss(HashAlgorithm::Sha512)},
                                              std::tuple{"smime-ec", KeyType::EcdsaP256, SignAlgorithm::ecdsa(HashAlgorithm::Sha256)},
                                              std::tuple{"smime-rsa", KeyType::Rsa2048, SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256)}}) {
    const KeyName key{name};
    ASSERT_TRUE(keeper->ensure(key, type)) << name;
    const auto signature = keeper->sign(key, 0, algorithm, bytes("message"));
    ASSERT_TRUE(signature) << name << ": " << signature.error().text();
    EXPECT_TRUE(keeper->public_key(key)->verify(algorithm, bytes("message"), *signature)) << name;
    EXPECT_TRUE(keeper->verify(key, 0, algorithm, bytes("message"), *signature)) << name;
    EXPECT_EQ(keeper->verify(key, 0, algorithm, bytes("massage"), *signature).error().code, ErrorCode::IntegrityFailed) << name;
    EXPECT_GE(keeper->describe(key)->versions.back().uses, 1U);
  }
  EXPECT_EQ(keeper->mac(key_names::kApiHmac, 0, HashAlgorithm::Sha256, bytes("m"))->size(), 32U);
  EXPECT_EQ(code_of(keeper->sign(KeyName("nobody"), 0, {}, bytes("m"))), ErrorCode::NotFound);
  EXPECT_EQ(code_of(keeper->sign(key_names::kDkim, 7, {}, bytes("m"))), ErrorCode::NotFound);
  EXPECT_EQ(code_of(keeper->sign(kStorage, 0, {}, bytes("m"))), ErrorCode::Unsupported);
}

TEST_F(VaultKeeperTest, WhatTransitCannotDoIsDoneHereAndOpenedForAWhile) {
  const auto keeper = make();
  const KeyName rsa{"smime-rsa"}, ec{"smime-ec"};
  ASSERT_TRUE(keeper->create(rsa, KeyType::Rsa2048));
  ASSERT_TRUE(keeper->create(ec, KeyType::EcdsaP256));
  const OaepOptions sha1{.hash = HashAlgorithm::Sha1};
  const auto sealed = keeper->public_key(rsa)->encrypt_oaep(sha1, bytes("content key"));
  EXPECT_EQ(as_text(keeper->decrypt_oaep(rsa, 0, sha1, *sealed)->view()), "content key");
  const auto peer = PrivateKey::generate(KeyKind::EcP256);
  const auto secret = keeper->agree(ec, 0, peer->public_key());
  ASSERT_TRUE(secret);
  EXPECT_TRUE(std::ranges::equal(secret->view(), peer->agree(*keeper->public_key(ec))->view()));
  const int opened = vault->calls("transit/decrypt/pgp_key_encryption");
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(keeper->agree(ec, 0, peer->public_key()));
  EXPECT_EQ(vault->calls("transit/decrypt/pgp_key_encryption"), opened) << "open keys are not asked for";
  clock.advance(seconds(101));
  EXPECT_TRUE(keeper->agree(ec, 0, peer->public_key()));
  EXPECT_EQ(vault->calls("transit/decrypt/pgp_key_encryption"), opened + 1);
  EXPECT_EQ(code_of(keeper->agree(key_names::kDkim, 0, peer->public_key())), ErrorCode::Unsupported);
}

TEST_F(VaultKeeperTest, OpenPgpWorksOverRotationAndRestart) {
  const KeyName name{"openpgp-1"};
  auto keeper = make();
  ASSERT_TRUE(keeper->openpgp_create(name, "Alice <alice@example.net>"));
  const std::string certificate = *keeper->openpgp_certificate(name);
  const std::vector<Bytes> recipients{to_bytes(certificate)};
  const auto sealed = keeper->openpgp_sign_encrypt(name, recipients, bytes("hello"));
  ASSERT_TRUE(sealed) << sealed.error().text();
  ASSERT_TRUE(keeper->rotate(name));
  keeper = make();
  const auto opened = keeper->openpgp_decrypt(name, bytes(*sealed), recipients);
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ(as_text(opened->plaintext), "hello");
  EXPECT_EQ(keeper->describe(name)->latest, 2U);
  EXPECT_EQ(code_of(keeper->openpgp_sign_detached(KeyName("dkim_key"), bytes("m"))), ErrorCode::NotFound);
}

TEST_F(VaultKeeperTest, ChangedRecordsAreNoticed) {
  ASSERT_TRUE(make()->create(KeyName("smime-1"), KeyType::EcdsaP256));
  auto record = store.load()->front();
  record.body[record.body.size() / 2] ^= 1;
  ++record.revision;
  ASSERT_TRUE(store.update(record));
  EXPECT_EQ(make()->connect().error().code, ErrorCode::IntegrityFailed);
}

TEST_F(VaultKeeperTest, RotatingTheSealingKeyCarriesPrivateKeysAlong) {
  const auto keeper = make();
  const KeyName name{"smime-1"};
  ASSERT_TRUE(keeper->create(name, KeyType::EcdsaP256));
  const auto before = keeper->public_key(name);
  const KeySettings retire = settings(2);
  vault->rotate("pgp_key_encryption");
  clock.advance(seconds(31));
  EXPECT_EQ(code_of(keeper->configure(key_names::kPgpEncryption, retire)), ErrorCode::Conflict) << "keys are still under version 1";
  EXPECT_EQ(keeper->rotate(key_names::kPgpEncryption)->latest, 3U);
  EXPECT_TRUE(keeper->configure(key_names::kPgpEncryption, settings(3)));
  const auto later = make();
  EXPECT_EQ(*later->public_key(name), *before);
  EXPECT_TRUE(later->sign(name, 0, SignAlgorithm::ecdsa(HashAlgorithm::Sha256), bytes("m")));
  EXPECT_EQ(later->remove(key_names::kPgpEncryption).error().code, ErrorCode::Denied);
}

TEST_F(VaultKeeperTest, ASealingVersionRetiredTooEarlyIsAReasonToWait) {
  const auto keeper = make();
  const KeyName name{"smime-1"};
  ASSERT_TRUE(keeper->create(name, KeyType::EcdsaP256));
  vault->rotate("pgp_key_encryption");
  vault->set_min_decryption("pgp_key_encryption", 2);
  const auto refused = keeper->sign(name, 0, SignAlgorithm::ecdsa(HashAlgorithm::Sha256), bytes("m"));
  EXPECT_EQ(code_of(refused), ErrorCode::Unavailable);
  EXPECT_THAT(refused.error().what, HasSubstr("lower it"));
  vault->set_min_decryption("pgp_key_encryption", 1);
  EXPECT_TRUE(keeper->sign(name, 0, SignAlgorithm::ecdsa(HashAlgorithm::Sha256), bytes("m")));
}

TEST_F(VaultKeeperTest, VersionsAndRemovalFollowTheirRules) {
  const auto keeper = make();
  for (const char* text : {"smime-1", "dkim_key"}) {
    const KeyName name{text};
    if (!keeper->describe(name)) ASSERT_TRUE(keeper->create(name, KeyType::EcdsaP256));
    ASSERT_EQ(keeper->rotate(name)->latest, 2U);
    EXPECT_EQ(code_of(keeper->configure(name, settings(3))), ErrorCode::BadInput) << text;
    ASSERT_TRUE(keeper->configure(name, settings(2, 2))) << text;
    const auto signature = keeper->sign(name, 2, SignAlgorithm::ecdsa(HashAlgorithm::Sha256), bytes("m"));
    ASSERT_TRUE(signature);
    EXPECT_EQ(keeper->verify(name, 1, SignAlgorithm::ecdsa(HashAlgorithm::Sha256), bytes("m"), *signature).error().code, ErrorCode::Denied);
    EXPECT_EQ(keeper->remove(name).error().code, ErrorCode::Denied) << text;
    ASSERT_TRUE(keeper->configure(name, settings({}, {}, true)));
    EXPECT_TRUE(keeper->remove(name)) << text;
    EXPECT_EQ(code_of(keeper->describe(name)), ErrorCode::NotFound) << text;
  }
}

// Data keys --------------------------------------------------------------------------------------------------------------------------

TEST_F(VaultKeeperTest, ManyMessagesCostOneCallAndReadingBackOneForEachWrappingKey) {
  auto keeper = make();
  std::vector<DataKey> keys;
  for (int i = 0; i < 8; ++i) keys.push_back(std::move(*keeper->new_data_key(kStorage, bytes("aad " + std::to_string(i)))));
  EXPECT_EQ(vault->calls("transit/datakey/plaintext/mail_storage_key"), 2) << "four uses each";
  keeper = make();
  for (int i = 0; i < 8; ++i) {
    const auto opened = keeper->unwrap_data_key(kStorage, keys[i].wrapped, bytes("aad " + std::to_string(i)));
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_TRUE(std::ranges::equal(opened->view(), keys[i].plaintext.view()));
  }
  EXPECT_EQ(vault->calls("transit/decrypt/mail_storage_key"), 2);
}

TEST_F(VaultKeeperTest, AWrappedDataKeyIsBoundToMessageKeyAndForm) {
  const auto keeper = make();
  const auto key = keeper->new_data_key(kStorage, bytes("message 1"));
  EXPECT_EQ(code_of(keeper->unwrap_data_key(kStorage, key->wrapped, bytes("message 2"))), ErrorCode::IntegrityFailed);
  EXPECT_FALSE(keeper->unwrap_data_key(key_names::kPgpEncryption, key->wrapped, bytes("message 1")));
  for (std::size_t at = 0; at < key->wrapped.size(); ++at) {
    Bytes changed = key->wrapped;
    changed[at] ^= 1;
    const auto opened = keeper->unwrap_data_key(kStorage, changed, bytes("message 1"));
    ASSERT_FALSE(opened) << "byte " << at;
    EXPECT_NE(opened.error().code, ErrorCode::Unavailable) << "byte " << at << ": " << opened.error().text();
  }
  EXPECT_EQ(code_of(keeper->unwrap_data_key(kStorage, {}, {})), ErrorCode::BadInput);
  EXPECT_TRUE(keeper->unwrap_data_key(kStorage, key->wrapped, bytes("message 1"))) << "bad ones leave the others alone";
}

TEST_F(VaultKeeperTest, RewrappingMovesUnderTheLatestVersionSoThatOldOnesCanGo) {
  const auto keeper = make();
  const auto key = keeper->new_data_key(kStorage, bytes("m"));
  vault->rotate(kStorage.get());
  clock.advance(seconds(31));  // descriptions are kept for half a minute
  const auto moved = keeper->rewrap_data_key(kStorage, key->wrapped, bytes("m"));
  ASSERT_TRUE(moved);
  EXPECT_EQ(read_wrapped_key(*moved)->by.version, 2U);
  vault->set_min_decryption(kStorage.get(), 2);
  const auto later = make();
  EXPECT_TRUE(std::ranges::equal(later->unwrap_data_key(kStorage, *moved, bytes("m"))->view(), key->plaintext.view()));
  EXPECT_EQ(code_of(later->unwrap_data_key(kStorage, key->wrapped, bytes("m"))), ErrorCode::Denied);
  Bytes damaged = key->wrapped;
  damaged.back() ^= 1;
  EXPECT_EQ(code_of(keeper->rewrap_data_key(kStorage, damaged, bytes("m"))), ErrorCode::IntegrityFailed) << "damage is not carried on";
}

TEST_F(VaultKeeperTest, ARotationThroughUsIsUsedAtOnce) {
  const auto keeper = make();
  ASSERT_TRUE(keeper->new_data_key(kStorage, {}));
  ASSERT_TRUE(keeper->rotate(kStorage));
  EXPECT_EQ(read_wrapped_key(keeper->new_data_key(kStorage, {})->wrapped)->by.version, 2U);
}

TEST_F(VaultKeeperTest, ManyThreadsShareOneFetch) {
  options.data_keys.uses = 1000;
  const auto keeper = make();
  ASSERT_TRUE(keeper->connect());
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) good += keeper->new_data_key(kStorage, bytes("m")).has_value() ? 1 : 0;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
  EXPECT_EQ(vault->calls("transit/datakey/plaintext/mail_storage_key"), 1);
}

// Bad days ---------------------------------------------------------------------------------------------------------------------------

TEST_F(VaultKeeperTest, AnOutageIsToldAndEndsWithoutARestart) {
  const auto keeper = make();
  const auto key = keeper->new_data_key(kStorage, bytes("m"));
  vault->down = true;
  const auto refused = keeper->sign(key_names::kDkim, 0, {}, bytes("m"));
  ASSERT_EQ(code_of(refused), ErrorCode::Unavailable);
  EXPECT_THAT(refused.error().what, HasSubstr("https://one.example:8200"));
  EXPECT_THAT(refused.error().what, HasSubstr("since 2026-"));
  const int asked = static_cast<int>(vault->urls().size());
  EXPECT_EQ(code_of(keeper->sign(key_names::kDkim, 0, {}, bytes("m"))), ErrorCode::Unavailable);
  EXPECT_EQ(static_cast<int>(vault->urls().size()), asked) << "the breaker is open: nobody waits";
  EXPECT_FALSE(keeper->state().reachable);
  EXPECT_TRUE(keeper->state().since);
  EXPECT_TRUE(keeper->new_data_key(kStorage, bytes("m"))) << "mail is taken while there is a wrapping key";
  EXPECT_TRUE(keeper->unwrap_data_key(kStorage, key->wrapped, bytes("m")));
  clock.advance(seconds(61));
  EXPECT_EQ(code_of(keeper->new_data_key(kStorage, bytes("m"))), ErrorCode::Unavailable);
  EXPECT_EQ(code_of(keeper->unwrap_data_key(kStorage, key->wrapped, bytes("m"))), ErrorCode::Unavailable);
  (void)keeper->tend();
  EXPECT_FALSE(keeper->state().reachable) << "the probe found nobody";
  vault->down = false;
  clock.advance(seconds(10));
  (void)keeper->tend();
  EXPECT_TRUE(keeper->state().reachable);
  EXPECT_FALSE(keeper->state().since);
  EXPECT_TRUE(keeper->new_data_key(kStorage, bytes("m")));
  EXPECT_TRUE(keeper->unwrap_data_key(kStorage, key->wrapped, bytes("m")));
}

TEST_F(VaultKeeperTest, TheNextWrappingKeyIsFetchedAhead) {
  const auto keeper = make();
  ASSERT_TRUE(keeper->connect());
  (void)keeper->tend();
  EXPECT_EQ(vault->calls("transit/datakey/plaintext/mail_storage_key"), 1) << "before the first message";
  clock.advance(seconds(31));
  (void)keeper->tend();
  EXPECT_EQ(vault->calls("transit/datakey/plaintext/mail_storage_key"), 2);
  vault->down = true;
  clock.advance(seconds(31));
  EXPECT_TRUE(keeper->new_data_key(kStorage, bytes("m"))) << "half of the life is left whenever the Vault goes";
}

TEST_F(VaultKeeperTest, ASealedVaultIsToldApart) {
  const auto keeper = make();
  ASSERT_TRUE(keeper->connect());
  vault->sealed = true;
  EXPECT_EQ(code_of(keeper->sign(key_names::kDkim, 0, {}, bytes("m"))), ErrorCode::Unavailable);
  EXPECT_TRUE(keeper->state().sealed);
  EXPECT_TRUE(keeper->state().reachable);
  EXPECT_THAT(keeper->state().last_error, HasSubstr("unseal"));
}

TEST_F(VaultKeeperTest, TheListenersKeyStaysWhileTheVaultIsAwayButNotWhenItRefuses) {
  const auto keeper = make();
  const KeyName tls{"tls_server"}, other{"smime-1"};
  const auto algorithm = SignAlgorithm::ecdsa(HashAlgorithm::Sha256);
  for (const KeyName& name : {tls, other}) {
    ASSERT_TRUE(keeper->create(name, KeyType::EcdsaP256));
    ASSERT_TRUE(keeper->sign(name, 0, algorithm, bytes("m")));
  }
  vault->down = true;
  clock.advance(seconds(1000));
  EXPECT_TRUE(keeper->sign(tls, 0, algorithm, bytes("m")));
  EXPECT_EQ(code_of(keeper->sign(other, 0, algorithm, bytes("m"))), ErrorCode::Unavailable);
}

TEST_F(VaultKeeperTest, KeysInUseAreOpenedAheadOfTimeAndOthersDropped) {
  const auto keeper = make();
  const auto algorithm = SignAlgorithm::ecdsa(HashAlgorithm::Sha256);
  ASSERT_TRUE(keeper->create(KeyName("used"), KeyType::EcdsaP256));
  ASSERT_TRUE(keeper->sign(KeyName("used"), 0, algorithm, bytes("m")));
  EXPECT_EQ(keeper->state().cached_keys, 1U);
  clock.advance(seconds(80));
  (void)keeper->tend();
  vault->down = true;
  clock.advance(seconds(80));
  EXPECT_TRUE(keeper->sign(KeyName("used"), 0, algorithm, bytes("m"))) << "opened again at three quarters of its life";
  vault->down = false;
  clock.advance(seconds(101));
  (void)keeper->tend();
  clock.advance(seconds(101));
  (void)keeper->tend();
  clock.advance(seconds(101));
  (void)keeper->tend();
  EXPECT_EQ(keeper->state().cached_keys, 0U) << "what is not used goes";
}

TEST_F(VaultKeeperTest, AMissingPermissionNamesThePolicyLine) {
  const auto keeper = make();
  ASSERT_TRUE(keeper->connect());
  vault->forbidden = "transit/sign/";
  const auto refused = keeper->sign(key_names::kDkim, 0, {}, bytes("m"));
  ASSERT_EQ(code_of(refused), ErrorCode::Unavailable) << "it is the operator's to give; mail waits";
  EXPECT_THAT(refused.error().what, HasSubstr("path \"transit/sign/dkim_key\" { capabilities = [\"update\"] }"));
  EXPECT_EQ(vault->calls("auth/approle/login"), 1) << "the token is known: no new login";
  EXPECT_TRUE(keeper->state().reachable);
}

TEST_F(VaultKeeperTest, ATokenThatTheVaultForgotIsReplaced) {
  const auto keeper = make();
  ASSERT_TRUE(keeper->connect());
  vault->forget_tokens();
  EXPECT_TRUE(keeper->sign(key_names::kDkim, 0, {}, bytes("m")));
  EXPECT_EQ(vault->calls("auth/approle/login"), 2);
}

TEST_F(VaultKeeperTest, ARoleThatMayNotLookItselfUpDoesNotLogInWithEveryRefusal) {
  const auto keeper = make();
  ASSERT_TRUE(keeper->connect());
  vault->forbidden = "transit/sign/";
  vault->script = [](const Envelope& e) -> std::optional<Result<Reply>> {
    if (e.ask.path == "auth/token/lookup-self") return FakeVault::error(403, "permission denied");
    return std::nullopt;
  };
  for (int i = 0; i < 10; ++i) EXPECT_EQ(code_of(keeper->sign(key_names::kDkim, 0, {}, bytes("m"))), ErrorCode::Unavailable);
  EXPECT_EQ(vault->calls("auth/approle/login"), 2);
}

TEST_F(VaultKeeperTest, OnlyNamesOfKeysBecomePaths) {
  const auto keeper = make();
  ASSERT_TRUE(keeper->connect());
  const auto before = vault->urls().size();
  for (const char* text : {"", "..", "a/b", "../sys/seal", "a?b", "a b", "a%2fb", "-a"}) {
    const KeyName name{text};
    EXPECT_FALSE(keeper->describe(name)) << text;
    EXPECT_FALSE(keeper->create(name, KeyType::Ed25519)) << text;
    EXPECT_FALSE(keeper->decrypt(name, "vault:v1:AAAA", {})) << text;
    EXPECT_FALSE(keeper->rotate(name)) << text;
    EXPECT_FALSE(keeper->new_data_key(name, {})) << text;
  }
  EXPECT_EQ(vault->urls().size(), before);
}

TEST_F(VaultKeeperTest, TheTokenIsRenewedAtTwoThirdsAndReplacedWhenItCannotBe) {
  vault->lease = 300;
  const auto keeper = make();
  ASSERT_TRUE(keeper->connect());
  clock.advance(seconds(199));
  (void)keeper->tend();
  EXPECT_EQ(vault->calls("auth/token/renew-self"), 0);
  clock.advance(seconds(2));
  (void)keeper->tend();
  EXPECT_EQ(vault->calls("auth/token/renew-self"), 1);
  EXPECT_EQ(keeper->state().token_expires, clock.now() + seconds(300));
  vault->refuse_renewal = true;
  clock.advance(seconds(201));
  (void)keeper->tend();
  EXPECT_EQ(vault->calls("auth/approle/login"), 2);
  vault->refuse_renewal = false;
  vault->lease = 100;  // less than half of what the login gave: the maximum is near
  clock.advance(seconds(201));
  (void)keeper->tend();
  EXPECT_EQ(vault->calls("auth/approle/login"), 3);
}

TEST_F(VaultKeeperTest, OurTokenIsGivenBackAtTheEnd) {
  ASSERT_TRUE(make()->connect());
  EXPECT_EQ(vault->calls("auth/token/revoke-self"), 1);
}

TEST_F(VaultKeeperTest, TheBackgroundThreadEndsPromptly) {
  vault->down = true;
  const auto source = [](const char* name) { return RootKeySource{RootKeySource::Kind::Environment, name, {}}; };
  const VaultKeeper keeper(vault, approle_credentials({"approle", source("VK_ROLE"), source("VK_SECRET"), false, {}}), store, clock,
                           options);
}

}  // namespace
