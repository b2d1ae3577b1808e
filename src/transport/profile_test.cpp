#include "transport/profile.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace postern::transport {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWhole = "peer = \"x400n@store.example.org:102\"\nuser = \"/S=Doe/G=Jane/P=ACME/A= /C=de/\"\n";

/// A folder of profiles beside a configuration.
class Profiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "profiles-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    m_folder = name;
    fs::create_directory(m_folder / "profiles");
    m_config.source = (m_folder / "postern.toml").string();
  }
  void TearDown() override { fs::remove_all(m_folder); }
  void write(const std::string& file, const std::string& text) { std::ofstream(m_folder / "profiles" / file) << text; }

  fs::path m_folder;
  config::Config m_config;
};

TEST(ProfileText, TheUserIsWrittenOneWay) {
  const auto profile = parse_profile(kWhole, "a.toml");
  ASSERT_TRUE(profile) << profile.error().text();
  EXPECT_EQ(profile->user, "C=DE;A= ;P=ACME;S=Doe;G=Jane");
  EXPECT_EQ(profile->role, "p7");
}

TEST(ProfileText, EachFaultNamesFileAndSetting) {
  const std::string whole = kWhole, strong = "certificate = \"c.pem\"\nkey = \"c.key\"\n";
  const std::string believed = "responder_ca = \"ca.pem\"\nresponder_subject = \"CN=store\"\n";
  const struct {
    std::string text, says;
  } cases[] = {
      {"", "a.toml: peer is missing"},
      {"peer = \"a@b\"\n", "a.toml: user is missing"},
      {whole + "role = \"p2\"\n", "a.toml:3: role is \"p2\"; must be one of: p7, p3, p1"},
      {whole + "passwordref = \"file:a\"\n", "did you mean password_ref"},
      {whole + "password_ref = \"secret words\"\n", "a.toml:3: password_ref must be file:PATH"},
      {whole + "password_ref = \"env:\"\n", "or env:NAME"},
      {whole + "pins = [\"sha1:00\"]\n", "a.toml: pins"},
      {whole + "pins = [1]\n", "a.toml:3: pins"},
      {whole + "domain = \"C=DE;A= ;P=ACME\"\n", "belongs to role p1 only"},
      {"peer = \"host:port\"\nuser = \"C=DE\"\n", "a.toml:1: peer must be tsel/ssel/psel@host:port"},
      {"peer = \"a@b\"\nuser = \"Jane Doe\"\n", "user is no O/R address"},
      {"peer = \"a@b\"\nuser = \"north\"\nrole = \"p1\"\n", "domain is missing"},
      {whole + "[section]\nx = 1\n", "a.toml:3: section"},
      {whole + "certificate = \"c\"\n", "a.toml: key and certificate belong together"},
      {whole + "responder_name = \"mta\"\n", "a.toml: certificate is missing"},
      {whole + strong, "a.toml: responder_pins is missing"},
      {whole + strong + "responder_ca = \"ca\"\n", "a.toml: responder_pins is missing"},
      {whole + strong + "responder_pins = [\"sha1:00\"]\n", "a.toml: responder_pins"},
      {whole + strong + "password_ref = \"env:A\"\n", "a.toml: password_ref is of simple credentials"},
      {whole + strong + "role = \"p3\"\n" + believed, "a.toml: responder_name is missing"},
      {"peer = ", "a.toml:1:"},
      {std::string(kProfileBytes + 1, '#'), "larger than 64 KiB"},
  };
  for (const auto& one : cases) {
    const auto profile = parse_profile(one.text, "a.toml");
    ASSERT_FALSE(profile) << one.text;
    EXPECT_NE(profile.error().text().find(one.says), std::string::npos) << profile.error().text();
    EXPECT_EQ(profile.error().text().find("secret words"), std::string::npos) << "what stands where a secret is expected is not repeated";
  }
}

TEST_F(Profiles, StrongCredentialsLieBesideTheProfileAndAreNotForLibraries) {
  write("a.toml", std::string(kWhole) +
                      "certificate = \"a.pem\"\nkey = \"/keys/a.key\"\nresponder_ca = \"ca.pem\"\nresponder_subject = \"CN=store\"\n");
  m_config.transport.mode = "native";
  const auto profile = read_profile(m_config);
  ASSERT_TRUE(profile) << profile.error().text();
  EXPECT_EQ(profile->strong.certificate, (m_folder / "profiles" / "a.pem").string());
  EXPECT_EQ(profile->strong.key, "/keys/a.key");
  EXPECT_EQ(profile->strong.responder_ca, (m_folder / "profiles" / "ca.pem").string());
  EXPECT_EQ(profile_strong(m_config)->certificate, profile->strong.certificate);
  m_config.transport.mode = "sdk";
  EXPECT_NE(read_profile(m_config).error().what.find("transport.mode native"), std::string::npos);
}

TEST_F(Profiles, TheOneThatIsNamedElseTheOnlyOneElseDefault) {
  EXPECT_EQ(preferred_profile(m_config), "default");
  write("operations.toml", kWhole);
  EXPECT_EQ(preferred_profile(m_config), "operations");
  write("exercise.toml", kWhole);
  EXPECT_EQ(preferred_profile(m_config), "default");
  m_config.transport.sdk.preferred_profile = "exercise";
  EXPECT_EQ(preferred_profile(m_config), "exercise");
  EXPECT_EQ(read_profile(m_config)->name, "exercise");
}

TEST_F(Profiles, AMissingOneSaysHowToMakeIt) {
  const auto profile = read_profile(m_config);
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error().code, ErrorCode::NotFound);
  EXPECT_NE(profile.error().what.find("profiles/default.toml"), std::string::npos) << profile.error().what;
  EXPECT_EQ(profile.error().field, "transport.profiles_dir");
}

TEST_F(Profiles, ANameIsNoPath) {
  for (const char* name : {"../postern", "a/b", ".hidden", "a b"}) {
    m_config.transport.sdk.preferred_profile = name;
    EXPECT_EQ(read_profile(m_config).error().field, "transport.sdk.preferred_profile") << name;
  }
}

TEST_F(Profiles, ThePasswordIsReadBesideTheProfileOrFromTheEnvironment) {
  write("a.toml", std::string(kWhole) + "password_ref = \"file:a.password\"\n");
  const auto without = read_profile(m_config);
  ASSERT_FALSE(without);
  EXPECT_NE(without.error().what.find("profiles/a.toml: password_ref"), std::string::npos) << without.error().what;
  write("a.password", "secret words\n");
  EXPECT_EQ(as_text(read_profile(m_config)->password.view()), "secret words");
  ::setenv("X400_TEST_PASSWORD", "other words", 1);
  write("a.toml", std::string(kWhole) + "password_ref = \"env:X400_TEST_PASSWORD\"\n");
  const auto profile = read_profile(m_config);
  ::unsetenv("X400_TEST_PASSWORD");
  ASSERT_TRUE(profile) << profile.error().text();
  EXPECT_EQ(as_text(profile->bind_request().password), "other words");
}

}  // namespace
}  // namespace postern::transport
