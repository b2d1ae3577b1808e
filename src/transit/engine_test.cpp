// The life of keys: versions, settings, archive, power cuts, the tick.
#include "transit/test_support.hpp"

namespace postern::transit {
namespace {

TEST(Life, CreatingTwiceShowsTheFirst) {
  Bench bench;
  const auto made = bench.engine.create("k", {.type = KeyType::Ed25519});
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->created);
  EXPECT_EQ(made->info.latest, 1U);
  EXPECT_EQ(made->info.min_decryption_version, 1U);
  EXPECT_EQ(made->info.versions.at(0).name, "ed25519");
  EXPECT_EQ(base64_decode(made->info.versions.at(0).public_key)->size(), 32U);
  const auto again = bench.engine.create("k", {.type = KeyType::Hmac});
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->created);
  EXPECT_EQ(again->info.type, KeyType::Ed25519);
}

TEST(Life, BadOptionsAreRefused) {
  Bench bench;
  const auto why = [&](const CreateOptions& options) { return text_of(bench.engine.create("k", options)); };
  EXPECT_NE(why({.type = KeyType::Rsa2048, .derived = true}).find("derivation"), std::string::npos);
  EXPECT_EQ(why({.convergent = true}), "convergent encryption requires derivation to be enabled");
  EXPECT_NE(why({.type = KeyType::Ed25519, .derived = true, .convergent = true}).find("convergent"), std::string::npos);
  EXPECT_EQ(why({.auto_rotate_period = std::chrono::minutes(59)}), "auto rotate period must be 0 to disable or at least an hour");
  for (const std::size_t size : {1, 31, 513})
    EXPECT_NE(why({.type = KeyType::Hmac, .key_size = size}).find("32 to 512"), std::string::npos);
  EXPECT_NE(why({.key_size = 32}).find("hmac"), std::string::npos);
  EXPECT_NE(why({.type = KeyType::OpenPgp}).find("imported"), std::string::npos);
  for (const char* name : {"", "-a", "a-", "a/b", "..", "a b", ".a"})
    EXPECT_EQ(code_of(bench.engine.create(name, {})), ErrorCode::BadInput) << name;
  EXPECT_EQ(code_of(bench.engine.create(std::string(129, 'a'), {})), ErrorCode::BadInput);
  EXPECT_EQ(bench.storage.applied, 0U);
  EXPECT_EQ(bench.key("h", {.type = KeyType::Hmac}).info().key_size, 64U);
}

TEST(Life, ListsInPages) {
  Bench bench;
  for (const char* name : {"c", "a", "b"}) (void)bench.key(name);
  EXPECT_EQ(bench.engine.list().value(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(bench.engine.list({.after = "a", .limit = 1}).value(), (std::vector<std::string>{"b"}));
}

TEST(Life, ConfigurationTextsOfTheApi) {
  Bench bench;
  (void)bench.key("k");
  ASSERT_TRUE(bench.engine.rotate("k"));
  const auto why = [&](const KeySettings& s) { return text_of(bench.engine.configure("k", s)); };
  EXPECT_EQ(why({.min_decryption_version = -1}), "min decryption version cannot be negative");
  EXPECT_EQ(why({.min_encryption_version = -1}), "min encryption version cannot be negative");
  EXPECT_EQ(why({.min_decryption_version = 3}), "cannot set min decryption version of 3, latest key version is 2");
  EXPECT_EQ(why({.min_encryption_version = 3}), "cannot set min encryption version of 3, latest key version is 2");
  EXPECT_NE(why({.min_decryption_version = 2, .min_encryption_version = 1}).find("must be greater than or equal"), std::string::npos);
  EXPECT_EQ(bench.engine.configure("k", {.min_decryption_version = 0})->warnings.size(), 1U);
  // One way.
  EXPECT_TRUE(bench.engine.configure("k", {.exportable = true, .allow_plaintext_backup = true})->info.exportable);
  const auto after = bench.engine.configure("k", {.exportable = false, .allow_plaintext_backup = false});
  EXPECT_TRUE(after->info.exportable && after->info.allow_plaintext_backup);
  EXPECT_NE(why({.limits = UseLimits{.encryptions = (1ULL << 32) + 1}}).find("SP 800-38D"), std::string::npos);
  EXPECT_EQ(code_of(bench.engine.configure("none", {})), ErrorCode::NotFound);
}

TEST(Life, TrimmingDestroysAndNeedsBothMinima) {
  Bench bench;
  (void)bench.key("k");
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(bench.engine.rotate("k"));
  const auto why = [&](std::int64_t n) { return text_of(bench.engine.trim("k", n)); };
  EXPECT_EQ(why(1), "minimum available version cannot be set when minimum encryption version is not set");
  ASSERT_TRUE(bench.engine.configure("k", {.min_decryption_version = 3, .min_encryption_version = 4}));
  EXPECT_EQ(why(-1), "minimum available version cannot be negative");
  EXPECT_EQ(why(0), "minimum available version should be positive");
  EXPECT_EQ(why(5), "minimum available version cannot be greater than minmum encryption version");
  EXPECT_EQ(why(4), "minimum available version cannot be greater than minimum decryption version");
  ASSERT_TRUE(bench.engine.trim("k", 3));
  EXPECT_EQ(why(2), "minimum available version cannot be decremented");
  EXPECT_FALSE(bench.memory.get("archive/k/0").value());  // nothing old is left
  EXPECT_FALSE(bench.engine.configure("k", {.min_decryption_version = 2}));
}

TEST(Life, DeletionNeedsPermissionAndLeavesNothing) {
  Bench bench;
  const KeyRef old = bench.key("k", {.auto_rotate_period = std::chrono::hours(1)});
  ASSERT_TRUE(bench.engine.rotate("k"));
  ASSERT_TRUE(bench.engine.configure("k", {.min_decryption_version = 2}));
  EXPECT_EQ(text_of(bench.engine.remove("k")), "error deleting policy k: deletion is not allowed for this key");
  ASSERT_TRUE(bench.engine.configure("k", {.deletion_allowed = true}));
  ASSERT_TRUE(bench.engine.remove("k"));
  EXPECT_TRUE(bench.memory.walk("").value().empty());
  EXPECT_EQ(text_of(bench.engine.get("k")), "encryption key not found");
  EXPECT_EQ(code_of(old.encrypt(to_bytes("x"))), ErrorCode::NotFound);  // its uses cannot be counted any more
  (void)bench.key("k");
  EXPECT_EQ(code_of(old.encrypt(to_bytes("x"))), ErrorCode::NotFound);
}

TEST(Life, SoftDeletedKeysRest) {
  Bench bench;
  const std::string text = bench.key("k").encrypt(to_bytes("x"))->text;
  EXPECT_TRUE(bench.engine.soft_delete("k")->info.soft_deleted);
  EXPECT_EQ(code_of(bench.engine.get("k")->decrypt(text)), ErrorCode::Denied);
  EXPECT_EQ(code_of(bench.engine.rotate("k")), ErrorCode::Denied);
  ASSERT_TRUE(bench.engine.soft_delete_restore("k"));
  EXPECT_EQ(plain(bench.engine.get("k")->decrypt(text)), "x");
}

TEST(Life, HundredsOfVersionsThroughTheArchiveAndBack) {
  Bench bench;
  (void)bench.key("k");
  std::vector<std::string> texts;
  for (int i = 0; i < 400; ++i) {
    texts.push_back(bench.engine.get("k")->encrypt(to_bytes(std::to_string(i)))->text);
    ASSERT_TRUE(bench.engine.rotate("k"));
  }
  ASSERT_TRUE(bench.engine.configure("k", {.min_decryption_version = 400}));
  EXPECT_LT(bench.memory.get("keys/k").value()->size(), 500U);
  EXPECT_EQ(bench.memory.list("archive/k/")->size(), 4U);
  Engine again(bench.storage, bench.clock);
  ASSERT_TRUE(again.configure("k", {.min_decryption_version = 1}));
  EXPECT_TRUE(bench.memory.list("archive/k/")->empty());
  for (int i = 0; i < 400; ++i) EXPECT_EQ(plain(again.get("k")->decrypt(texts[static_cast<std::size_t>(i)])), std::to_string(i));
}

TEST(Life, MaximumVersionsDestroyTheOldest) {
  Bench bench;
  const std::string first = bench.key("k").encrypt(to_bytes("x"))->text;
  ASSERT_TRUE(bench.engine.configure("k", {.max_versions = 2}));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(bench.engine.rotate("k"));
  const KeyInfo info = bench.engine.info("k").value();
  EXPECT_EQ(info.versions.size(), 2U);
  EXPECT_EQ(info.min_available_version, 3U);
  EXPECT_TRUE(bench.memory.list("archive/")->empty());
  EXPECT_FALSE(bench.engine.get("k")->decrypt(first));
  EXPECT_TRUE(bench.engine.configure("k", {.min_decryption_version = 3}));
  EXPECT_FALSE(bench.engine.configure("k", {.min_decryption_version = 2}));
}

TEST(Life, ExpiredKeysOnlyOpen) {
  Bench bench;
  const std::string text = bench.key("k").encrypt(to_bytes("x"))->text;
  ASSERT_TRUE(bench.engine.configure("k", {.expires = start_time() + std::chrono::hours(1)}));
  const KeyRef key = bench.engine.get("k").value();
  EXPECT_TRUE(key.encrypt(to_bytes("x")));
  bench.clock.advance(std::chrono::hours(1));
  EXPECT_EQ(code_of(key.encrypt(to_bytes("x"))), ErrorCode::Denied);
  EXPECT_EQ(code_of(key.hmac(to_bytes("x"), HashAlgorithm::Sha256)), ErrorCode::Denied);
  EXPECT_EQ(code_of(key.data_key(256)), ErrorCode::Denied);
  EXPECT_EQ(code_of(key.rewrap(text)), ErrorCode::Denied);
  EXPECT_EQ(plain(key.decrypt(text)), "x");
  ASSERT_TRUE(bench.engine.configure("k", {.expires = WallTime{}}));
  EXPECT_TRUE(bench.engine.get("k")->encrypt(to_bytes("x")));
}

TEST(Life, AllowedUsesRestrict) {
  Bench bench;
  const std::string text = bench.key("k").encrypt(to_bytes("x"))->text;
  ASSERT_TRUE(bench.engine.configure("k", {.allowed_uses = std::vector{KeyUse::Decrypt, KeyUse::Rewrap}}));
  const KeyRef key = bench.engine.get("k").value();
  EXPECT_EQ(code_of(key.encrypt(to_bytes("x"))), ErrorCode::Denied);
  EXPECT_EQ(code_of(key.data_key(256)), ErrorCode::Denied);
  EXPECT_EQ(code_of(key.hmac(to_bytes("x"), HashAlgorithm::Sha256)), ErrorCode::Denied);
  EXPECT_TRUE(key.rewrap(text));
  EXPECT_EQ(plain(key.decrypt(text)), "x");
  EXPECT_EQ(key.info().allowed_uses, (std::vector{KeyUse::Decrypt, KeyUse::Rewrap}));
}

// At every apply() of a long life: the change happened or did not, and nothing that was there before is lost.
TEST(PowerCut, LosesNoVersion) {
  for (std::size_t cut = 0; cut < 14; ++cut) {
    MemoryStorage memory;
    FailingStorage storage(memory);
    ManualClock clock(start_time());
    std::vector<std::string> texts;
    storage.fail_after(cut);
    {
      Engine engine(storage, clock);
      (void)engine.create("k", {});
      for (int i = 0; i < 3; ++i) {
        const auto key = engine.get("k");
        if (!key) break;
        if (const auto sealed = key->encrypt(to_bytes("x"))) texts.push_back(sealed->text);
        (void)engine.rotate("k");
        (void)engine.configure("k", {.min_decryption_version = i + 1});
      }
      (void)engine.configure("k", {.min_decryption_version = 1});
    }
    storage.heal();
    Engine engine(storage, clock);
    if (texts.empty()) continue;
    ASSERT_TRUE(engine.configure("k", {.min_decryption_version = 1})) << cut;
    const KeyRef key = engine.get("k").value();
    for (const std::string& text : texts) EXPECT_EQ(plain(key.decrypt(text)), "x") << cut;
  }
}

TEST(PowerCut, AFailedChangeChangesNothing) {
  Bench bench;
  (void)bench.key("k");
  bench.storage.fail_after(0);
  EXPECT_EQ(code_of(bench.engine.rotate("k")), ErrorCode::Unavailable);
  EXPECT_EQ(code_of(bench.engine.create("new", {})), ErrorCode::Unavailable);
  EXPECT_EQ(bench.engine.info("k")->latest, 1U);
  EXPECT_FALSE(bench.engine.exists("new").value());
  bench.storage.heal();
  EXPECT_EQ(bench.engine.rotate("k")->info.latest, 2U);
}

TEST(Tick, RotatesWhatIsDueAndLittleAtATime) {
  Bench bench;
  for (int i = 0; i < 40; ++i) (void)bench.key("k" + std::to_string(i), {.auto_rotate_period = std::chrono::hours(1)});
  for (int i = 0; i < 5; ++i) (void)bench.key("never" + std::to_string(i));
  EXPECT_TRUE(bench.engine.tick().rotated.empty());
  bench.clock.advance(std::chrono::hours(1));
  std::size_t rotated = 0;
  for (int call = 0; call < 4; ++call) {
    const TickReport report = bench.engine.tick();
    EXPECT_LE(report.rotated.size(), 16U);
    rotated += report.rotated.size();
  }
  EXPECT_EQ(rotated, 40U);
  EXPECT_EQ(bench.engine.info("k7")->latest, 2U);
  EXPECT_EQ(bench.engine.info("never1")->latest, 1U);
  bench.clock.step(-std::chrono::hours(48));  // a clock that steps back rotates nothing
  EXPECT_TRUE(bench.engine.tick().rotated.empty());
  ASSERT_TRUE(bench.engine.configure("k7", {.auto_rotate_period = std::chrono::seconds(0)}));
  EXPECT_FALSE(bench.memory.get("rotation/k7").value());
}

TEST(Cache, IsBoundedAndForgets) {
  MemoryStorage memory;
  ManualClock clock(start_time());
  Engine engine(memory, clock, {.cached_keys = 10});
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(engine.create("k" + std::to_string(i), {}));
  EXPECT_EQ(engine.cached(), 10U);
  const KeyRef held = engine.get("k0").value();
  const std::string text = held.encrypt(to_bytes("x"))->text;
  for (int i = 1; i < 50; ++i) (void)engine.get("k" + std::to_string(i))->encrypt(to_bytes("x"));
  EXPECT_EQ(plain(engine.get("k0")->decrypt(text)), "x");
  engine.forget_all();
  EXPECT_EQ(engine.cached(), 0U);
  EXPECT_EQ(code_of(held.encrypt(to_bytes("x"))), ErrorCode::Unavailable);
  EXPECT_EQ(code_of(held.decrypt(text)), ErrorCode::Unavailable);
  EXPECT_EQ(plain(engine.get("k0")->decrypt(text)), "x");
}

TEST(Mount, SettingsStay) {
  Bench bench;
  EXPECT_FALSE(bench.engine.settings()->disable_upsert);
  EXPECT_EQ(text_of(bench.engine.change_settings({.cache_size = 9})), "size must be 0 or a value greater or equal to 10");
  ASSERT_TRUE(bench.engine.change_settings({.disable_upsert = true, .cache_size = 12}));
  Engine again(bench.storage, bench.clock);
  EXPECT_TRUE(again.settings()->disable_upsert);
  EXPECT_EQ(again.settings()->cache_size, 12U);
}

TEST(Mount, RandomBytesAndVersionTexts) {
  EXPECT_EQ(random_bytes(32)->size(), 32U);
  EXPECT_NE(random_bytes(32).value(), random_bytes(32).value());
  for (const std::int64_t bad : {0L, -1L, 131073L}) EXPECT_FALSE(random_bytes(bad));
  EXPECT_TRUE(random_bytes(131072));
  EXPECT_EQ(version_from_text("latest", 7).value(), 7U);
  EXPECT_EQ(version_from_text("v3", 7).value(), 3U);
  EXPECT_EQ(version_from_text("3", 7).value(), 3U);
  EXPECT_EQ(version_from_text("", 7).value(), 0U);
  for (const char* bad : {"v", "x", "-1", "1x", "vv1", "4294967296"}) EXPECT_FALSE(version_from_text(bad, 7)) << bad;
}

}  // namespace
}  // namespace postern::transit
