#include "gateway/setting_files.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace postern::gateway {
namespace {

struct SettingFiles : ::testing::Test {
  std::filesystem::path folder = std::filesystem::temp_directory_path() / ("postern_setting_files_" + std::to_string(::getpid()));
  SettingFiles() { std::filesystem::create_directories(folder); }
  ~SettingFiles() override { std::filesystem::remove_all(folder); }

  void write(const std::string& name, const std::string& text) { std::ofstream(folder / name) << text; }
  std::vector<Error> faults_of(const std::string& toml) {
    config::Loaded loaded = config::parse(toml, (folder / "postern.toml").string(), {});
    EXPECT_TRUE(loaded.faults.empty()) << loaded.faults.front().what;
    check_file_contents(loaded);
    return loaded.faults;
  }
};

TEST_F(SettingFiles, WhatTheyHoldIsAFaultOfTheirSetting) {
  write("bad", "neither { nor -----BEGIN");
  const std::pair<const char*, const char*> cases[] = {
      {"[dns]\nfixture_file = \"bad\"", "dns.fixture_file"},
      {"[[zone]]\nname = \"example.org\"\nserver = \"192.0.2.53\"\ntsig = \"bad\"", "zone[0].tsig"},
      {"[tls]\ncertificate = \"bad\"\nkey = \"bad\"", "tls.certificate"},
      {"[security.smime]\ntrust = \"bad\"", "security.smime.trust"},
      {"[outbound]\nmta_sts_ca = \"bad\"", "outbound.mta_sts_ca"},
      {"[[listener]]\nkind = \"mx\"\naddress = \"127.0.0.1:0\"\nclient_ca = \"bad\"", "listener[0].client_ca"},
      {"[[route]]\ndomain = \"a.example\"\nca = \"bad\"", "route"},
  };
  for (const auto& [toml, setting] : cases) {
    const auto faults = faults_of(toml);
    ASSERT_EQ(faults.size(), 1U) << toml;
    EXPECT_EQ(faults[0].field, setting);
    EXPECT_TRUE(faults[0].what.starts_with(setting)) << faults[0].what;
  }
}

TEST_F(SettingFiles, WhatIsNotThereIsSaidElsewhere) {
  EXPECT_TRUE(
      faults_of("[authentication]\npublic_suffix_list = \"gone\"\n[dns]\nfixture_file = \"gone\"\n[security.smime]\ntrust = \"gone\"\n"
                "[[zone]]\nname = \"example.org\"\nserver = \"192.0.2.53\"\ntsig = \"gone\"\n[[route]]\nca = \"gone\"\n")
          .empty());
}

TEST_F(SettingFiles, GoodOnesAreRead) {
  write("zone.json", R"({"records": {"a.example": [{"type": "TXT", "data": "x"}]}})");
  write("list.dat", "org\nco.uk\n");
  const std::string toml = "[dns]\nfixture_file = \"zone.json\"\n[authentication]\npublic_suffix_list = \"list.dat\"\n";
  EXPECT_TRUE(faults_of(toml).empty());
  const config::Loaded loaded = config::parse(toml, (folder / "postern.toml").string(), {});
  EXPECT_TRUE(read_dns_fixture(loaded.config));
  EXPECT_TRUE(read_public_suffixes(loaded.config)->has_value());
  EXPECT_FALSE(read_public_suffixes(config::Config())->has_value());
}

}  // namespace
}  // namespace postern::gateway
