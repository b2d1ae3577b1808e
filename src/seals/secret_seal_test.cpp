#include "seals/secret_seal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "base/cursor.hpp"
#include "seals/testing/devices.hpp"

namespace postern::seals {
namespace {

const Bytes kRoot(32, 0x11);
constexpr Argon2Cost kCheap{.memory_kib = 64, .iterations = 1, .lanes = 2};

std::unique_ptr<Seal> seal_of(SecretSealType type, const std::string& source, CreateRootKey create = CreateRootKey::No) {
  return make_secret_seal(
             {.type = type, .name = "n", .source = parse_root_key_source(source).value(), .keychain = {}, .create = create, .cost = kCheap})
      .value();
}

TEST(SecretSeal, PassphraseFromAFile) {
  const testing::TempFolder folder;
  const std::string path = folder.write("pass", "correct horse battery staple\n");
  const auto seal = seal_of(SecretSealType::Passphrase, "file:" + path);
  EXPECT_EQ(seal->type(), "passphrase");
  EXPECT_EQ(seal->name(), "n");
  const Bytes blob = seal->wrap(kRoot).value();
  EXPECT_NE(blob, seal->wrap(kRoot).value());
  EXPECT_TRUE(std::ranges::equal(seal->unwrap(blob)->view(), kRoot));
  // A seal with another cost opens it too: the cost is the blob's.
  auto dearer = make_secret_seal({.type = SecretSealType::Passphrase, .source = parse_root_key_source("file:" + path).value()}).value();
  EXPECT_TRUE(std::ranges::equal(dearer->unwrap(blob)->view(), kRoot));
  folder.write("pass", "another horse battery staple\n");
  const Error wrong = seal->unwrap(blob).error();
  EXPECT_EQ(wrong.code, ErrorCode::Denied);
  EXPECT_EQ(wrong.what.find("horse"), std::string::npos);
  folder.write("pass", "too short\n");
  EXPECT_EQ(seal->unwrap(blob).error().code, ErrorCode::BadInput);
  folder.write("pass", "correct horse battery staple\n", 0644);
  EXPECT_EQ(seal->unwrap(blob).error().code, ErrorCode::Denied);
  std::filesystem::remove(path);
  EXPECT_EQ(seal->unwrap(blob).error().code, ErrorCode::Unavailable);
  EXPECT_EQ(seal_of(SecretSealType::Passphrase, "file:" + path, CreateRootKey::IfMissing)->wrap(kRoot).error().code,
            ErrorCode::Unavailable);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(SecretSeal, PassphraseFromTheEnvironment) {
  ::setenv("POSTERN_TEST_SEAL", "correct horse battery staple", 1);
  const auto seal = seal_of(SecretSealType::Passphrase, "env:POSTERN_TEST_SEAL");
  const Bytes blob = seal->wrap(kRoot).value();
  EXPECT_TRUE(std::ranges::equal(seal->unwrap(blob)->view(), kRoot));
  ::setenv("POSTERN_TEST_SEAL", "elevenchars", 1);
  EXPECT_EQ(seal->wrap(kRoot).error().code, ErrorCode::BadInput);
  ::unsetenv("POSTERN_TEST_SEAL");
  EXPECT_EQ(seal->unwrap(blob).error().code, ErrorCode::Unavailable);
}

TEST(SecretSeal, RawKeyFileIsMadeWhenAskedAndOnlyByWrap) {
  const testing::TempFolder folder;
  const std::string path = folder / "root.key";
  EXPECT_EQ(seal_of(SecretSealType::File, "file:" + path)->wrap(kRoot).error().code, ErrorCode::Unavailable);
  const auto seal = seal_of(SecretSealType::File, "file:" + path, CreateRootKey::IfMissing);
  EXPECT_EQ(seal->type(), "file");
  const Bytes blob = seal->wrap(kRoot).value();
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  EXPECT_TRUE(std::ranges::equal(seal->unwrap(blob)->view(), kRoot));
  const auto other = seal_of(SecretSealType::Passphrase, "file:" + path);
  EXPECT_EQ(other->wrap(kRoot).error().code, ErrorCode::BadInput);
  std::filesystem::remove(path);
  EXPECT_EQ(seal->unwrap(blob).error().code, ErrorCode::Unavailable);
  EXPECT_FALSE(std::filesystem::exists(path));
  folder.write("root.key", std::string(32, '\x80'));
  EXPECT_EQ(seal->unwrap(blob).error().code, ErrorCode::Denied);
  folder.write("root.key", "correct horse battery staple");
  const Error form = seal->unwrap(blob).error();
  EXPECT_EQ(form.code, ErrorCode::Denied);
  EXPECT_NE(form.what.find("holds a passphrase"), std::string::npos) << form.what;
}

TEST(SecretSeal, ChangedBlobsDoNotOpen) {
  const testing::TempFolder folder;
  const auto seal = seal_of(SecretSealType::File, "file:" + folder.write("pass", "correct horse battery staple"));
  const Bytes blob = seal->wrap(kRoot).value();
  for (std::size_t i = 0; i < blob.size(); ++i) {
    // A changed cost is within bounds or refused before it costs anything.
    Bytes changed = blob;
    changed[i] ^= 1;
    EXPECT_FALSE(seal->unwrap(changed)) << "byte " << i;
  }
  Bytes last = blob;
  last.back() ^= 1;
  EXPECT_EQ(seal->unwrap(last).error().code, ErrorCode::IntegrityFailed);
  last[3] = static_cast<Byte>(BlobKind::Tpm);
  EXPECT_EQ(seal->unwrap(last).error().code, ErrorCode::IntegrityFailed);
}

TEST(SecretSeal, CostsOfForeignBlobsAreBounded) {
  SecretRecipe recipe{.kind = BlobKind::Passphrase, .cost = {}, .salt = Bytes(16, 1), .check = Bytes(16, 2)};
  EXPECT_TRUE(read_secret_recipe(recipe.kind, write_secret_recipe(recipe)));
  for (const Argon2Cost& bad :
       {Argon2Cost{0, 1, 1}, Argon2Cost{64, 0, 1}, Argon2Cost{64, 1, 0}, Argon2Cost{64, 1, 17}, Argon2Cost{15, 1, 2},
        Argon2Cost{kArgon2Memory + 1, 1, 1}, Argon2Cost{kArgon2Memory, 3, 1}, Argon2Cost{64, 0xffffffff, 1}}) {
    recipe.cost = bad;
    EXPECT_EQ(read_secret_recipe(recipe.kind, write_secret_recipe(recipe)).error().field, "cost") << bad.memory_kib;
    EXPECT_FALSE(make_secret_seal({.source = parse_root_key_source("env:X").value(), .cost = bad}));
  }
  EXPECT_FALSE(read_secret_recipe(BlobKind::RawKey, Bytes(31)));
  EXPECT_FALSE(read_secret_recipe(BlobKind::RawKey, Bytes(33)));
}

TEST(SecretSeal, SourcesBelongToTypes) {
  const auto make = [](SecretSealType type, const char* source) {
    return make_secret_seal({.type = type, .source = parse_root_key_source(source).value()});
  };
  EXPECT_EQ(make(SecretSealType::File, "env:X").error().field, "keys.root");
  EXPECT_EQ(make(SecretSealType::File, "keychain:a/b").error().code, ErrorCode::BadInput);
  EXPECT_EQ(make(SecretSealType::Passphrase, "keychain:a/b").error().code, ErrorCode::BadInput);
  EXPECT_EQ(make(SecretSealType::SecretService, "file:/x").error().code, ErrorCode::BadInput);
  EXPECT_EQ(make(SecretSealType::SecretService, "keychain:a/b").value()->type(), "secret-service");
}

TEST(SecretSeal, KeychainThatDoesNotAnswerAndItsFallback) {
  ::setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
  SecretSealOptions options{.type = SecretSealType::SecretService,
                            .source = parse_root_key_source("keychain:postern-test/seal").value(),
                            .create = CreateRootKey::IfMissing,
                            .cost = kCheap};
  EXPECT_EQ(make_secret_seal(options).value()->wrap(kRoot).error().code, ErrorCode::Unavailable);
  options.keychain.fallback_env = "POSTERN_TEST_SEAL_FALLBACK";
  ::setenv("POSTERN_TEST_SEAL_FALLBACK", "correct horse battery staple", 1);
  const auto seal = make_secret_seal(options).value();
  EXPECT_TRUE(std::ranges::equal(seal->unwrap(seal->wrap(kRoot).value())->view(), kRoot));
  ::unsetenv("POSTERN_TEST_SEAL_FALLBACK");
}

TEST(SecretSeal, KeychainThatAnswers) {
  const testing::Keyring keyring;
  const SecretSealOptions options{
      .type = SecretSealType::SecretService, .source = parse_root_key_source("keychain:postern-test/seal").value(), .cost = kCheap};
  EXPECT_EQ(make_secret_seal(options).value()->wrap(kRoot).error().code, ErrorCode::Unavailable) << "the entry was not to be made";
  SecretSealOptions creating = options;
  creating.create = CreateRootKey::IfMissing;
  const auto blob = make_secret_seal(creating).value()->wrap(kRoot);
  ASSERT_TRUE(blob) << blob.error().text();
  EXPECT_TRUE(std::ranges::equal(make_secret_seal(options).value()->unwrap(*blob)->view(), kRoot));
  ASSERT_TRUE(store_in_keychain("postern-test", "seal", as_bytes("another passphrase")));
  EXPECT_EQ(make_secret_seal(options).value()->unwrap(*blob).error().code, ErrorCode::Denied);
}

}  // namespace
}  // namespace postern::seals
