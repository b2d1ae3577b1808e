// The Keeper port over a channel: the same answers and errors as the keeper behind it.
#include <gtest/gtest.h>
#include <openssl/cms.h>
#include <openssl/x509.h>

#include <latch>

#include "custody/testing/held_keeper.hpp"
#include "custody/testing/stage.hpp"
#include "keys/evp_handle.hpp"
#include "keys/transit_keeper.hpp"

namespace postern::custody {
namespace {

using testing::Stage;

class Remote : public ::testing::Test {
 protected:
  ManualClock m_clock{wall_from_millis(1795308067000)};
  std::shared_ptr<Keeper> m_held = make_memory_keeper(m_clock).value();
  Stage m_stage{*m_held};
  std::shared_ptr<RemoteKeeper> m_keeper = std::make_shared<RemoteKeeper>(m_stage.link());
};

const KeyName kOne("one");

TEST_F(Remote, MakesDescribesAndRotates) {
  const KeyInfo made = m_keeper->create(kOne, KeyType::Ed25519).value();
  EXPECT_EQ(made.type, KeyType::Ed25519);
  EXPECT_EQ(made.versions.at(0).public_key_pem, m_held->public_key(kOne)->to_pem());
  EXPECT_EQ(m_keeper->create(kOne, KeyType::Ed25519).error(), m_held->create(kOne, KeyType::Ed25519).error());
  EXPECT_EQ(m_keeper->rotate(kOne)->latest, 2U);
  EXPECT_EQ(m_keeper->describe(kOne)->versions.size(), 2U);
  EXPECT_EQ(m_keeper->list().value(), m_held->list().value());
  EXPECT_EQ(m_keeper->public_key(kOne, 1).value(), m_held->public_key(kOne, 1).value());
  EXPECT_EQ(m_keeper->describe(KeyName("none")).error(), m_held->describe(KeyName("none")).error());
  EXPECT_EQ(m_keeper->ensure(kOne, KeyType::Ed25519)->latest, 2U);
  EXPECT_EQ(m_keeper->ensure(kOne, KeyType::Hmac).error().code, ErrorCode::Conflict);
  EXPECT_EQ(m_keeper->ensure(KeyName("two"), KeyType::Hmac)->latest, 1U);
}

// retirement.hpp: forward only, and never what everything hangs on.
TEST_F(Remote, WhatEverythingHangsOnStays) {
  for (const KeyName& name : {key_names::kMailStorage, key_names::kDkim, key_names::kApiHmac, key_names::kPgpEncryption}) {
    KeySettings settings;
    settings.deletion_allowed = true;
    EXPECT_EQ(m_keeper->configure(name, settings).error().code, ErrorCode::Denied);
    EXPECT_EQ(m_keeper->remove(name).error().code, ErrorCode::Denied);
    EXPECT_FALSE(m_held->describe(name)->deletion_allowed);
  }
}

TEST_F(Remote, RetiringGoesForwardOnly) {
  ASSERT_TRUE(m_keeper->create(kOne, KeyType::Aes256Gcm96));
  const std::string sealed = m_keeper->encrypt(kOne, as_bytes("old"), {}).value();
  ASSERT_TRUE(m_keeper->rotate(kOne));
  KeySettings raise;
  raise.min_decryption_version = 2;
  EXPECT_EQ(m_keeper->configure(kOne, raise)->min_decryption_version, 2U);
  EXPECT_FALSE(m_keeper->decrypt(kOne, sealed, {}));
  KeySettings lower;
  lower.min_decryption_version = 1;
  const auto refused = m_keeper->configure(kOne, lower);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Denied);
  EXPECT_EQ(refused.error().field, "min_decryption_version");
  EXPECT_EQ(m_held->describe(kOne)->min_decryption_version, 2U);
}

TEST_F(Remote, AKeyOfATenantCanBeShredded) {
  const KeyName tenant("tenant_a_storage");
  ASSERT_TRUE(m_keeper->create(tenant, KeyType::Aes256Gcm96));
  KeySettings allow;
  allow.deletion_allowed = true;
  ASSERT_TRUE(m_keeper->configure(tenant, allow));
  ASSERT_TRUE(m_keeper->remove(tenant));
  EXPECT_EQ(m_held->describe(tenant).error().code, ErrorCode::NotFound);
}

/// Sealed, or not.
class Moody final : public testing::ForwardingKeeper {
 public:
  using ForwardingKeeper::ForwardingKeeper;
  [[nodiscard]] KeeperState state() const override {
    KeeperState out;
    out.backend = "vault";
    out.sealed = sealed;
    out.where = "https://vault.example:8200";
    out.since = wall_from_millis(1795308067123);
    out.cached_keys = 7;
    return out;
  }
  [[nodiscard]] Status ready() override { return sealed ? fail(ErrorCode::Unavailable, "is sealed: give shares", "seal") : Status(); }
  std::atomic<bool> sealed{true};
};

TEST_F(Remote, SaysHowTheKeeperIs) {
  Moody moody(*m_held);
  Stage stage(moody);
  RemoteKeeper keeper(stage.link());
  ASSERT_TRUE(keeper.meet());
  EXPECT_EQ(keeper.ready().error(), moody.ready().error());
  const KeeperState state = keeper.state();
  EXPECT_TRUE(state.sealed && state.reachable);
  EXPECT_EQ(state.backend, "vault");
  EXPECT_EQ(state.where, "https://vault.example:8200");
  EXPECT_EQ(state.since, moody.state().since);
  EXPECT_EQ(state.token_expires, std::nullopt);
  EXPECT_EQ(state.cached_keys, 7U);
  moody.sealed = false;
  EXPECT_TRUE(keeper.ready()) << "seen at once";
}

TEST_F(Remote, AReadyKeeperIsNotAskedForEachConnection) {
  const auto link = m_stage.link();
  RemoteKeeper keeper(link, {.fresh = std::chrono::hours(1)});
  ASSERT_TRUE(keeper.meet());
  ASSERT_TRUE(keeper.ready());
  const std::uint64_t asked = link->counts().calls;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(keeper.ready());
  EXPECT_EQ(link->counts().calls, asked);
  (void)keeper.public_key(KeyName("none"));
  EXPECT_TRUE(keeper.ready());
  EXPECT_EQ(link->counts().calls, asked + 1) << "who only looks changes nothing";
  ASSERT_TRUE(keeper.create(kOne, KeyType::Hmac));
  EXPECT_TRUE(keeper.ready());
  EXPECT_EQ(link->counts().calls, asked + 3) << "what this process changed may have changed that";
}

TEST_F(Remote, AnOldAnswerIsNotBelieved) {
  Moody moody(*m_held);
  moody.sealed = false;
  Stage stage(moody);
  RemoteKeeper keeper(stage.link(), {.fresh = std::chrono::milliseconds(0)});
  ASSERT_TRUE(keeper.meet());
  EXPECT_TRUE(keeper.ready());
  moody.sealed = true;
  EXPECT_FALSE(keeper.ready());
}

TEST_F(Remote, AKeeperWithoutADatabaseKeySaysSo) { EXPECT_EQ(m_keeper->database_key().error().code, ErrorCode::Unsupported); }

TEST_F(Remote, AKeeperThatIsAwayIsWhatItWasForAWhile) {
  const auto away = std::make_shared<Link>([](SteadyTime until) -> Result<Channel> {
    std::this_thread::sleep_until(until);
    return fail(ErrorCode::Timeout, "no channel");
  });
  RemoteKeeper never(away);
  EXPECT_EQ(never.ready().error().code, ErrorCode::Unavailable);
  EXPECT_FALSE(never.state().reachable);
}

TEST_F(Remote, SignsVerifiesAndMacs) {
  const Bytes data = to_bytes("data");
  for (const KeyType type : {KeyType::Ed25519, KeyType::EcdsaP256, KeyType::EcdsaP384, KeyType::Rsa2048}) {
    const KeyName name(std::string("s-") + std::string(name_of(type)));
    ASSERT_TRUE(m_keeper->create(name, type));
    for (int i = 0; i < 3; ++i) {  // on the pool first, then where its type belongs
      const Bytes signature = m_keeper->sign(name, 0, SignAlgorithm{}, data).value();
      EXPECT_TRUE(m_held->verify(name, 0, SignAlgorithm{}, data, signature));
      EXPECT_TRUE(m_keeper->verify(name, 1, SignAlgorithm{}, data, signature));
      EXPECT_EQ(m_keeper->verify(name, 1, SignAlgorithm{}, to_bytes("date"), signature).error().code, ErrorCode::IntegrityFailed);
    }
  }
  EXPECT_EQ(m_keeper->mac(key_names::kApiHmac, 1, HashAlgorithm::Sha512, data).value(),
            m_held->mac(key_names::kApiHmac, 1, HashAlgorithm::Sha512, data).value());
  EXPECT_EQ(m_keeper->sign(key_names::kApiHmac, 0, SignAlgorithm{}, data).error(),
            m_held->sign(key_names::kApiHmac, 0, SignAlgorithm{}, data).error());
  EXPECT_GT(m_stage.counts().quick, 0U);
}

TEST_F(Remote, EncryptsAndHandsOutDataKeys) {
  const Bytes text = to_bytes("text"), aad = to_bytes("aad");
  const std::string sealed = m_keeper->encrypt(key_names::kMailStorage, text, aad).value();
  EXPECT_EQ(as_text(m_keeper->decrypt(key_names::kMailStorage, sealed, aad)->view()), "text");
  EXPECT_EQ(m_keeper->decrypt(key_names::kMailStorage, sealed, {}).error().code, ErrorCode::IntegrityFailed);
  EXPECT_EQ(m_keeper->decrypt(key_names::kMailStorage, "vault:v1:%", aad).error().code, ErrorCode::BadInput);
  const DataKey key = m_keeper->new_data_key(key_names::kMailStorage, aad).value();
  EXPECT_EQ(key.plaintext.size(), 32U);
  EXPECT_TRUE(constant_time_equal(m_keeper->unwrap_data_key(key_names::kMailStorage, key.wrapped, aad)->view(), key.plaintext.view()));
  ASSERT_TRUE(m_keeper->rotate(key_names::kMailStorage));
  const Bytes again = m_keeper->rewrap_data_key(key_names::kMailStorage, key.wrapped, aad).value();
  EXPECT_NE(again, key.wrapped);
  EXPECT_TRUE(constant_time_equal(m_held->unwrap_data_key(key_names::kMailStorage, again, aad)->view(), key.plaintext.view()));
}

TEST_F(Remote, WhatWasBegunIsTakenInAnyOrder) {
  const Bytes data(32, Byte{7}), aad = to_bytes("aad");
  ASSERT_TRUE(m_held->ensure(kOne, KeyType::Rsa2048));
  ASSERT_TRUE(m_held->ensure(key_names::kDkim, KeyType::Ed25519));
  const auto rsa = SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256);
  auto slow = m_keeper->begin_sign(kOne, 0, rsa, data);
  auto quick = m_keeper->begin_sign(key_names::kDkim, 0, SignAlgorithm::ed25519(), data);
  const std::vector<std::string> aads = {"one", "aad"};
  auto keys = m_keeper->begin_data_keys(key_names::kMailStorage, aads);
  auto none = m_keeper->begin_sign(KeyName("none"), 0, rsa, data);
  const DataKey made = std::move(keys.at(1)).take().value();
  EXPECT_TRUE(constant_time_equal(m_held->unwrap_data_key(key_names::kMailStorage, made.wrapped, aad)->view(), made.plaintext.view()));
  EXPECT_TRUE(m_held->verify(key_names::kDkim, 0, SignAlgorithm::ed25519(), data, std::move(quick).take().value()));
  EXPECT_TRUE(m_held->verify(kOne, 0, rsa, data, std::move(slow).take().value()));
  EXPECT_EQ(std::move(none).take().error(), m_held->sign(KeyName("none"), 0, rsa, data).error());
}

TEST_F(Remote, TheEpochIsAnotherAfterEveryChangeAndEveryKeeper) {
  ASSERT_TRUE(m_keeper->meet());
  const std::uint64_t first = m_keeper->epoch();
  EXPECT_TRUE(m_keeper->new_data_key(key_names::kMailStorage, {}));
  EXPECT_EQ(m_keeper->epoch(), first) << "use changes nothing";
  ASSERT_TRUE(m_keeper->rotate(key_names::kMailStorage));
  const std::uint64_t rotated = m_keeper->epoch();
  EXPECT_NE(rotated, first);
  m_stage.end();
  EXPECT_TRUE(m_keeper->new_data_key(key_names::kMailStorage, {}));
  EXPECT_NE(m_keeper->epoch(), rotated) << "another keeper may be of another mind";
}

TEST_F(Remote, DecryptsWithRsa) {
  ASSERT_TRUE(m_keeper->create(kOne, KeyType::Rsa2048));
  const OaepOptions options{HashAlgorithm::Sha256, HashAlgorithm::Sha1, {1, 2}};
  const Bytes sealed = m_keeper->public_key(kOne)->encrypt_oaep(options, to_bytes("k")).value();
  EXPECT_EQ(as_text(m_keeper->decrypt_oaep(kOne, 0, options, sealed)->view()), "k");
  EXPECT_EQ(m_keeper->decrypt_oaep(kOne, 0, {}, sealed).error().code, ErrorCode::IntegrityFailed);
  EXPECT_EQ(m_keeper->decrypt_pkcs1(kOne, 0, sealed, 24)->size(), 24U);  // RFC 3218 2.3.2: a random key, no oracle
}

TEST_F(Remote, Agrees) {
  for (const KeyType type : {KeyType::X25519, KeyType::EcdsaP256, KeyType::EcdsaP521}) {
    const KeyName name(std::string("a-") + std::string(name_of(type)));
    ASSERT_TRUE(m_keeper->create(name, type));
    const PublicKey own = m_keeper->public_key(name).value();
    const PrivateKey peer = PrivateKey::generate(own.kind()).value();
    EXPECT_TRUE(constant_time_equal(m_keeper->agree(name, 0, peer.public_key())->view(), peer.agree(own)->view()));
  }
  const PublicKey rsa = PrivateKey::generate(KeyKind::Rsa).value().public_key();
  EXPECT_EQ(m_keeper->agree(KeyName("a-x25519"), 0, rsa).error().code, ErrorCode::BadInput);
}

TEST_F(Remote, OpenPgp) {
  ASSERT_TRUE(m_keeper->openpgp_create(kOne, "Bob <bob@example.org>"));
  EXPECT_EQ(m_keeper->openpgp_create(kOne, "Bob <bob@example.org>").error().code, ErrorCode::Conflict);
  const Bytes certificate = to_bytes(m_keeper->openpgp_certificate(kOne).value());
  EXPECT_NE(m_keeper->openpgp_sign_detached(kOne, to_bytes("t"))->find("PGP SIGNATURE"), std::string::npos);
  const std::vector<Bytes> people{certificate};
  const std::string sealed = m_keeper->openpgp_sign_encrypt(kOne, people, to_bytes("text")).value();
  const OpenPgpOpened opened = m_keeper->openpgp_decrypt(kOne, as_bytes(sealed), people).value();
  EXPECT_EQ(as_text(opened.plaintext), "text");
  ASSERT_EQ(opened.signatures.size(), 1U);
  EXPECT_EQ(opened.signatures[0].status, OpenPgpSignatureStatus::Good);
  EXPECT_EQ(opened.cipher, "AES256");
}

TEST_F(Remote, LargeMessagesPass) {
  const Bytes large(std::size_t{12} << 20, 'L');
  const std::string sealed = m_keeper->encrypt(key_names::kMailStorage, large, {}).value();
  EXPECT_EQ(m_keeper->decrypt(key_names::kMailStorage, sealed, {})->size(), large.size());
  const Bytes too_large(kMaxFrame);
  EXPECT_EQ(m_keeper->encrypt(key_names::kMailStorage, too_large, {}).error().code, ErrorCode::TooLarge);
  EXPECT_TRUE(m_keeper->mac(key_names::kApiHmac, 0, HashAlgorithm::Sha256, {}));  // and the channel is as it was
}

TEST_F(Remote, RefusesNamesBeforeTheyAreSent) {
  EXPECT_EQ(m_keeper->describe(KeyName(std::string(500, 'n'))).error().field, "name");
  EXPECT_EQ(m_keeper->describe(KeyName("a/b")).error().code, ErrorCode::BadInput);
  EXPECT_TRUE(m_keeper->describe(key_names::kDkim));
}

TEST(RemoteRoles, AListHoldsOnlyKeysOfTheRole) {
  static constexpr Call calls[] = {Call::List, Call::Describe};
  static constexpr std::string_view keys[] = {"dkim*"};
  static constexpr Grant grants[] = {{Role::Observer, calls, keys}};
  const RoleTable table(grants);
  const ManualClock clock{wall_from_millis(1795308067000)};
  const auto held = make_memory_keeper(clock).value();
  Stage stage(*held, {}, Role::Observer);
  stage.set_table(table);
  RemoteKeeper keeper(stage.link());
  EXPECT_EQ(keeper.list().value(), std::vector{key_names::kDkim});
  EXPECT_TRUE(keeper.describe(key_names::kDkim));
  EXPECT_EQ(keeper.describe(key_names::kApiHmac).error().code, ErrorCode::Denied);
}

// OpenSSL handles work over any keeper: RFC 5652 6.2.1 and RFC 5753 3.1 with the private key in the other process.
TEST_F(Remote, OpensCmsThroughAHandle) {
  for (const KeyType type : {KeyType::Rsa2048, KeyType::EcdsaP256}) {
    const KeyName name(std::string("cms-") + std::string(name_of(type)));
    ASSERT_TRUE(m_keeper->create(name, type));
    const EvpPkeyPtr handle = evp_handle(m_keeper, name).value();
    X509Ptr made(X509_new());
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 7);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -10);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 1000);
    ASSERT_EQ(X509_set_pubkey(made.get(), m_keeper->public_key(name)->native()), 1);
    ASSERT_GT(X509_sign(made.get(), handle.get(), EVP_sha256()), 0) << openssl_error(ErrorCode::Internal, "").text();
    STACK_OF(X509)* to = sk_X509_new_null();
    sk_X509_push(to, made.get());
    const Bytes text = to_bytes("for the keeper's eyes");
    const CmsPtr cms(CMS_encrypt(to, bio_over(text)->get(), EVP_aes_256_cbc(), CMS_BINARY));
    sk_X509_free(to);
    ASSERT_NE(cms, nullptr);
    const BioPtr out = bio_buffer();
    ASSERT_EQ(CMS_decrypt(cms.get(), handle.get(), made.get(), nullptr, out.get(), 0), 1) << openssl_error(ErrorCode::Internal, "").text();
    char read[64];
    const int size = BIO_read(out.get(), read, sizeof read);
    ASSERT_GT(size, 0);
    EXPECT_EQ(std::string(read, static_cast<std::size_t>(size)), as_text(text));
  }
}

TEST_F(Remote, ManyThreadsGetTheirOwnAnswers) {
  constexpr int threads = 24, calls = 400;
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int i = 0; i < threads; ++i) {
    callers.emplace_back([&, i] {
      for (int j = 0; j < calls; ++j) {
        const Bytes data = to_bytes(std::to_string(i) + "/" + std::to_string(j));
        const auto answer = m_keeper->mac(key_names::kApiHmac, 0, HashAlgorithm::Sha256, data);
        if (!answer || *answer != *m_held->mac(key_names::kApiHmac, 0, HashAlgorithm::Sha256, data)) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace postern::custody
