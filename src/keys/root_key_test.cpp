#include "keys/root_key.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace postern {
namespace {

class RootKeyFile : public ::testing::Test {
 protected:
  RootKeyFile() {
    char pattern[] = "/tmp/postern-root-key-XXXXXX";
    m_folder = ::mkdtemp(pattern);
    m_path = m_folder / "root.key";
  }
  ~RootKeyFile() override { std::filesystem::remove_all(m_folder); }
  void write(std::string_view text, mode_t mode = 0600) {
    std::ofstream(m_path, std::ios::binary) << text;
    ::chmod(m_path.c_str(), mode);
  }
  Result<RootKey> load(CreateRootKey create = CreateRootKey::No) {
    return load_root_key(parse_root_key_source("file:" + m_path.string()).value(), create);
  }

  std::filesystem::path m_folder;
  std::filesystem::path m_path;
};

TEST_F(RootKeyFile, IsMadeOnceWithTightPermissions) {
  EXPECT_EQ(load().error().code, ErrorCode::NotFound);
  const auto made = load(CreateRootKey::IfMissing);
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(made->form(), RootKey::Form::Raw);
  struct stat info{};
  ASSERT_EQ(::stat(m_path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  EXPECT_EQ(info.st_size, 32);
  EXPECT_TRUE(std::ranges::equal(load(CreateRootKey::IfMissing)->view(), made->view()));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(m_folder), {}), 1);
}

TEST_F(RootKeyFile, HoldsAPassphraseAsALine) {
  write("correct horse battery staple\n");
  EXPECT_EQ(load()->form(), RootKey::Form::Passphrase);
  EXPECT_EQ(as_text(load()->view()), "correct horse battery staple");
  write("exactly thirty-two characters...");
  EXPECT_EQ(load()->form(), RootKey::Form::Passphrase);
}

TEST_F(RootKeyFile, RefusesWhatOthersMayReadAndWhatIsTooShort) {
  write("correct horse battery staple\n", 0644);
  EXPECT_EQ(load().error().code, ErrorCode::Denied);
  EXPECT_NE(load().error().what.find("chmod 600"), std::string::npos);
  EXPECT_EQ(load().error().what.find("horse"), std::string::npos);
  ::chmod(m_path.c_str(), 0440);
  EXPECT_TRUE(load());
  write("short\n");
  EXPECT_EQ(load().error().code, ErrorCode::BadInput);
  write(std::string(2000, 'x'));
  EXPECT_EQ(load().error().code, ErrorCode::BadInput);
  std::filesystem::remove(m_path);
  std::filesystem::create_directory(m_path);
  EXPECT_FALSE(load());
}

TEST_F(RootKeyFile, DoesNotFollowLinks) {
  write("correct horse battery staple\n");
  const auto link = m_folder / "link";
  std::filesystem::create_symlink(m_path, link);
  EXPECT_FALSE(load_root_key(parse_root_key_source("file:" + link.string()).value()));
}

TEST(RootKeySources, AreParsedStrictly) {
  EXPECT_EQ(parse_root_key_source("file:/etc/postern/root.key")->text(), "file:/etc/postern/root.key");
  EXPECT_EQ(parse_root_key_source("env:POSTERN_ROOT")->kind, RootKeySource::Kind::Environment);
  const auto keychain = parse_root_key_source("keychain:postern/root").value();
  EXPECT_EQ(keychain.place, "postern");
  EXPECT_EQ(keychain.account, "root");
  // What a reference leaves out is as security.keychain says.
  const KeychainUse use{.service = "mail", .account = "main", .fallback_env = {}};
  for (const auto& [text, whole] : {std::pair("keychain:", "keychain:mail/main"), std::pair("keychain:x", "keychain:x/main"),
                                    std::pair("keychain:x/", "keychain:x/main"), std::pair("keychain:/y", "keychain:mail/y")})
    EXPECT_EQ(parse_root_key_source(text, use)->text(), whole);
  for (const char* bad : {"", "file:", "env:", "keychain", "vault:x", "/etc/key"}) {
    EXPECT_EQ(parse_root_key_source(bad).error().code, ErrorCode::BadInput) << bad;
  }
}

TEST(RootKeySources, Environment) {
  ::setenv("POSTERN_TEST_ROOT", "correct horse battery staple", 1);
  EXPECT_EQ(as_text(load_root_key(parse_root_key_source("env:POSTERN_TEST_ROOT").value())->view()), "correct horse battery staple");
  ::unsetenv("POSTERN_TEST_ROOT");
  EXPECT_EQ(load_root_key(parse_root_key_source("env:POSTERN_TEST_ROOT").value()).error().code, ErrorCode::NotFound);
}

// Without a Secret Service the answer is an error that says so, not a hang. The whole round with a real one: tests/e2e/test_keychain.py.
TEST(RootKeySources, KeychainThatDoesNotAnswer) {
  ::setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
  const auto source = parse_root_key_source("keychain:postern-test/root").value();
  KeychainUse use;
  EXPECT_EQ(load_root_key(source, CreateRootKey::IfMissing, use).error().code, ErrorCode::Unavailable);
  use.fallback_env = "POSTERN_TEST_FALLBACK";
  const Error error = load_root_key(source, CreateRootKey::No, use).error();
  EXPECT_NE(error.what.find("does not answer"), std::string::npos) << error.what;
  EXPECT_NE(error.what.find("POSTERN_TEST_FALLBACK"), std::string::npos) << error.what;
  ::setenv("POSTERN_TEST_FALLBACK", "correct horse battery staple", 1);
  EXPECT_EQ(as_text(load_root_key(source, CreateRootKey::No, use)->view()), "correct horse battery staple");
  ::unsetenv("POSTERN_TEST_FALLBACK");
}

TEST(RootKeySources, KeychainThatMayNotBeAsked) {
  const KeychainUse use{.enabled = false, .fallback_env = "POSTERN_TEST_FALLBACK"};
  const auto source = parse_root_key_source("keychain:", use).value();
  const Error error = load_root_key(source, CreateRootKey::IfMissing, use).error();
  EXPECT_EQ(error.code, ErrorCode::Unavailable);
  EXPECT_NE(error.what.find("security.keychain.enabled is false"), std::string::npos) << error.what;
  ::setenv("POSTERN_TEST_FALLBACK", "correct horse battery staple", 1);
  EXPECT_EQ(as_text(load_root_key(source, CreateRootKey::No, use)->view()), "correct horse battery staple");
  ::unsetenv("POSTERN_TEST_FALLBACK");
}

}  // namespace
}  // namespace postern
