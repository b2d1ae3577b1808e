#include "rotation/key_life.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "keys/transit_keeper.hpp"
#include "store/mailbox.hpp"
#include "store/sealed_content.hpp"
#include "store/test_support.hpp"

namespace postern {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

const KeyName& kMail = key_names::kMailStorage;
const KeyName& kDkim = key_names::kDkim;

class KeyLives : public ::testing::Test {
 protected:
  void SetUp() override {
    StoreOptions where;
    where.data_dir = dir.path();
    store = Store::open(std::move(where)).value();
    keeper = make_memory_keeper(clock).value();
    mailbox = std::make_unique<MailboxStore>(*store, *keeper);
    options.role = [](const KeyName& name) {
      return name == kMail                       ? KeyRole::Storage
             : name == kDkim                     ? KeyRole::Dkim
             : name == key_names::kApiHmac       ? KeyRole::Api
             : name == key_names::kPgpEncryption ? KeyRole::Wrapping
             : name.get().starts_with("smime-")  ? KeyRole::Identity
             : name == KeyName("pki_root_key")   ? KeyRole::Authority
                                                 : KeyRole::Other;
    };
    options.rule = [](const KeyName&, KeyRole role) {
      RotationRule rule;
      if (role != KeyRole::Identity && role != KeyRole::Other) rule.period = days(90);
      rule.announce = role == KeyRole::Dkim;
      return rule;
    };
    options.active = [this](const KeyInfo& info) { return info.name == kDkim ? dkim_active.load() : info.latest; };
    options.governed = [] { return std::vector<KeyName>{kMail, kDkim, key_names::kApiHmac, key_names::kPgpEncryption}; };
    options.storage_keys = [] { return std::vector<KeyName>{kMail}; };
    options.by_hand = [](const KeyInfo& info, KeyRole) { return std::vector<std::string>{"see to " + info.name.get()}; };
    options.look_every = 5ms;
  }
  KeyLife& life() {
    if (!m_life) m_life = std::make_unique<KeyLife>(options, *store, *keeper, clock);
    return *m_life;
  }
  void add(int n) {
    ASSERT_TRUE(mailbox->add(MessageId("m" + std::to_string(n)), "text " + std::to_string(n), {"a@example.org", "", clock.now(), "{}"}));
  }
  std::uint32_t latest(const KeyName& name) { return keeper->describe(name)->latest; }
  static bool eventually(const std::function<bool()>& what) {
    for (const auto end = std::chrono::steady_clock::now() + 30s; std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(2ms))
      if (what()) return true;
    return false;
  }
  std::size_t audited(const std::string& kind) {
    AuditFilter filter;
    filter.kind = kind;
    return SqliteAuditLog(*store).list(filter, 1000)->size();
  }
  void expect_readable(std::size_t count) {
    const auto entries = mailbox->list("", 10'000).value();
    EXPECT_EQ(entries.size(), count);
    for (const auto& entry : entries) EXPECT_TRUE(mailbox->content(entry));
  }

  test::TemporaryDirectory dir;
  ManualClock clock{wall_from_millis(1'795'000'000'000)};
  std::unique_ptr<Store> store;
  std::shared_ptr<Keeper> keeper;
  std::unique_ptr<MailboxStore> mailbox;
  KeyLifeOptions options;
  std::atomic<std::uint32_t> dkim_active{1};
  std::unique_ptr<KeyLife> m_life;
};

TEST_F(KeyLives, WhatIsDueIsRotatedOnceAndStoredMailFollows) {
  for (int n = 0; n < 30; ++n) add(n);
  life().start();
  ASSERT_TRUE(eventually([&] { return life().next_rotation().has_value(); }));
  EXPECT_EQ(latest(kMail), 1U);
  clock.advance(days(91));
  life().wake();
  ASSERT_TRUE(eventually([&] {
    const auto state = life().key(kMail);
    return state && state->rewrap && state->rewrap->finished;
  }));
  EXPECT_EQ(latest(kMail), 2U);
  EXPECT_EQ(latest(kDkim), 2U) << "announced";
  EXPECT_EQ(life().key(kDkim)->active, 1U);
  EXPECT_EQ(life().key(kDkim)->outlook.note, "not before version 2 is in use");
  EXPECT_EQ(life().key(kMail)->rewrap->done, 30U);
  clock.advance(days(80));
  life().wake();
  ASSERT_TRUE(eventually([&] { return life().next_rotation() && *life().next_rotation() > clock.now(); }));
  EXPECT_EQ(latest(kMail), 2U);
  EXPECT_EQ(keeper->describe(kMail)->min_decryption_version, 1U) << "old versions are retired when somebody says so";
  EXPECT_GE(audited("key.rotated"), 4U);
  EXPECT_EQ(audited("key.rewrapped"), 1U);
  expect_readable(30);
}

TEST_F(KeyLives, ARotationByOthersIsFollowedAndNotRepeated) {
  for (int n = 0; n < 10; ++n) add(n);
  clock.advance(days(89));
  ASSERT_TRUE(keeper->rotate(kMail)) << "over the Vault API, say";
  clock.advance(days(2));
  life().start();
  ASSERT_TRUE(eventually([&] {
    const auto state = life().key(kMail);
    return state && state->rewrap && state->rewrap->finished && latest(key_names::kApiHmac) == 2;
  }));
  EXPECT_EQ(latest(kMail), 2U);
}

TEST_F(KeyLives, ArchiveWaitsForEveryStoredMessage) {
  for (int n = 0; n < 10; ++n) add(n);
  ASSERT_TRUE(life().rotate(kMail, "test"));
  EXPECT_EQ(life().archive(kMail, 0, "test").error().code, ErrorCode::Conflict) << "ten messages are under the old version";
  life().start();
  ASSERT_TRUE(eventually([&] { return life().archive(kMail, 0, "test").has_value(); }));
  EXPECT_EQ(keeper->describe(kMail)->min_decryption_version, 2U);
  expect_readable(10);
  EXPECT_EQ(life().archive(kMail, 3, "test").error().code, ErrorCode::BadInput);
}

TEST_F(KeyLives, ArchiveWaitsForWhatIsSealedAndNotYetStored) {
  ASSERT_TRUE(life().rotate(kMail, "test"));
  life().start();
  ASSERT_TRUE(eventually([&] {
    const auto state = life().key(kMail);
    return state && state->rewrap && state->rewrap->finished;
  }));
  m_life->stop();
  // Sealed under version 2, on its way while 3 comes.
  auto late = std::make_unique<SealedContent>(seal_content(*keeper, MessageId("late"), "late", kMail, &store->sealing()).value());
  ASSERT_TRUE(life().rotate(kMail, "test"));
  m_life->start();
  ASSERT_TRUE(eventually([&] {
    const auto state = life().key(kMail);
    return state && state->rewrap && state->rewrap->target == 3 && state->rewrap->finished;
  }));
  ASSERT_TRUE(store->writer().transact([&](Database& db) -> Status {
    POSTERN_TRY(const ContentId id, store->contents().put(db, MessageId("late"), *late, 1));
    POSTERN_TRY(const bool added,
                add_to_mailbox(db, store->contents(), MessageId("late"), id, late->size, {"a@example.org", "", clock.now(), "{}"}));
    static_cast<void>(added);
    return store->contents().release(db, id);
  }));
  late.reset();
  ASSERT_TRUE(eventually([&] { return life().archive(kMail, 0, "test").has_value(); })) << "it was found and re-wrapped";
  EXPECT_EQ(keeper->describe(kMail)->min_decryption_version, 3U);
  expect_readable(1);
}

TEST_F(KeyLives, AMessageThatCannotBeRewrappedKeepsTheOldVersionAlive) {
  for (int n = 0; n < 4; ++n) add(n);
  ASSERT_TRUE(store->writer().transact([](Database& db) {
    return db.execute("UPDATE content SET wrapped_key = (SELECT wrapped_key FROM content WHERE id = 1) WHERE id = 2");
  }));
  life().start();
  const auto done = life().rotate_all(true, "test");
  ASSERT_TRUE(done);
  ASSERT_TRUE(eventually([&] {
    const auto state = life().key(kMail);
    return state && state->rewrap && state->rewrap->finished && !state->rewrap->archive;
  }));
  EXPECT_EQ(keeper->describe(kMail)->min_decryption_version, 1U);
  EXPECT_EQ(life().failures(kMail, 10)->size(), 1U);
  EXPECT_EQ(life().archive(kMail, 0, "test").error().code, ErrorCode::Conflict);
  EXPECT_EQ(audited("key.archive_refused"), 1U);
}

TEST_F(KeyLives, AnEmergencyRotatesEverythingAndRetiresWhatNothingNeeds) {
  for (int n = 0; n < 25; ++n) add(n);
  ASSERT_TRUE(keeper->create(KeyName("smime-bob"), KeyType::EcdsaP256));
  ASSERT_TRUE(keeper->create(KeyName("pki_root_key"), KeyType::EcdsaP384));
  ASSERT_TRUE(keeper->create(KeyName("app"), KeyType::Aes256Gcm96));
  ASSERT_TRUE(keeper->openpgp_create(KeyName("openpgp-x"), "<x@example.org>"));
  life().start();
  const auto done = life().rotate_all(true, "test");
  ASSERT_TRUE(done);
  EXPECT_EQ(done->keys.size(), 8U);
  for (const auto& key : done->keys) {
    EXPECT_EQ(key.failure, "") << key.name.get();
    EXPECT_EQ(latest(key.name), key.name == KeyName("pki_root_key") ? 1U : 2U) << key.name.get();
  }
  ASSERT_TRUE(eventually([&] { return keeper->describe(kMail)->min_decryption_version == 2; }));
  EXPECT_EQ(keeper->describe(key_names::kApiHmac)->min_decryption_version, 2U);
  EXPECT_EQ(keeper->describe(key_names::kPgpEncryption)->min_decryption_version, 2U);
  for (const char* kept : {"smime-bob", "app", "dkim_key", "openpgp-x"})
    EXPECT_EQ(keeper->describe(KeyName(kept))->min_decryption_version, 1U) << kept << ": its owner's, or DNS', to decide";
  EXPECT_GE(done->by_hand.size(), 7U);
  EXPECT_EQ(audited("key.emergency"), 1U);
  EXPECT_TRUE(keeper->openpgp_certificate(KeyName("openpgp-x")));
  EXPECT_TRUE(keeper->openpgp_sign_detached(KeyName("openpgp-x"), as_bytes("still opens under the new wrapping")));
  expect_readable(25);
}

TEST_F(KeyLives, RotateAllWithoutEmergencyLeavesOthersAlone) {
  ASSERT_TRUE(keeper->create(KeyName("app"), KeyType::Aes256Gcm96));
  const auto done = life().rotate_all(false, "test");
  ASSERT_TRUE(done);
  EXPECT_EQ(done->keys.size(), 4U);
  EXPECT_EQ(latest(KeyName("app")), 1U);
  EXPECT_EQ(keeper->describe(key_names::kApiHmac)->min_decryption_version, 1U);
}

TEST_F(KeyLives, WhatMayBeRetiredOrRemoved) {
  ASSERT_TRUE(keeper->create(KeyName("app"), KeyType::Aes256Gcm96));
  ASSERT_TRUE(life().rotate(KeyName("app"), "test"));
  EXPECT_EQ(life().archive(KeyName("app"), 0, "test").error().code, ErrorCode::BadInput) << "only its owner knows from where on";
  EXPECT_EQ(life().archive(KeyName("app"), 2, "test")->min_decryption_version, 2U);
  ASSERT_TRUE(life().rotate(kDkim, "test"));
  EXPECT_EQ(life().archive(kDkim, 2, "test").error().code, ErrorCode::Conflict) << "version 1 still signs";
  dkim_active = 2;
  EXPECT_EQ(life().archive(kDkim, 0, "test")->min_decryption_version, 2U);
  EXPECT_EQ(life().rewrap(KeyName("app"), "test").error().code, ErrorCode::Unsupported);
  EXPECT_EQ(life().rewrap(KeyName("nobody"), "test").error().code, ErrorCode::NotFound);
  EXPECT_EQ(life().remove(kMail, "test").error().code, ErrorCode::Denied);
  EXPECT_EQ(life().remove(key_names::kApiHmac, "test").error().code, ErrorCode::Denied);
  EXPECT_TRUE(life().remove(KeyName("app"), "test"));
  EXPECT_EQ(keeper->describe(KeyName("app")).error().code, ErrorCode::NotFound);
  EXPECT_EQ(audited("key.removed"), 1U);
}

TEST_F(KeyLives, ConfiguredSoOldVersionsRetireByThemselves) {
  for (int n = 0; n < 10; ++n) add(n);
  options.archive_after_rewrap = true;
  life().start();
  clock.advance(days(91));
  life().wake();
  ASSERT_TRUE(eventually([&] { return keeper->describe(kMail)->min_decryption_version == 2; }));
  expect_readable(10);
}

}  // namespace
}  // namespace postern
