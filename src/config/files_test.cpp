#include "config/files.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace postern::config {
namespace {

struct Files : ::testing::Test {
  std::filesystem::path folder = std::filesystem::temp_directory_path() / ("postern_files_" + std::to_string(::getpid()));
  Files() { std::filesystem::create_directories(folder); }
  ~Files() override { std::filesystem::remove_all(folder); }

  void write(const std::string& name) { std::ofstream(folder / name) << "x\n"; }
  Loaded check(const std::string& toml, const Environment& environment = {}) {
    Loaded loaded = parse(toml, (folder / "postern.toml").string(), {});
    EXPECT_TRUE(loaded.faults.empty()) << loaded.faults.front().what;
    loaded.warnings.clear();
    check_files(loaded, environment);
    return loaded;
  }
};

TEST_F(Files, WhatIsNotThereIsAFaultOfItsSetting) {
  const std::pair<const char*, const char*> cases[] = {
      {"[authentication]\npublic_suffix_list = \"gone\"", "authentication.public_suffix_list"},
      {"[dns]\nfixture_file = \"gone\"", "dns.fixture_file"},
      {"[[operator]]\nname = \"ops\"\ntoken_ref = \"file:gone\"", "operator[0].token_ref"},
      {"[[zone]]\nname = \"example.org\"\nserver = \"192.0.2.53\"\ntsig = \"gone\"", "zone[0].tsig"},
      {"[[route]]\ndomain = \"a.example\"\nca = \"gone\"", "route[0].ca"},
      {"[[listener]]\nkind = \"mx\"\naddress = \"127.0.0.1:0\"\nclient_ca = \"gone\"", "listener[0].client_ca"},
  };
  for (const auto& [toml, setting] : cases) {
    const Loaded loaded = check(toml);
    ASSERT_EQ(loaded.faults.size(), 1U) << toml;
    EXPECT_EQ(loaded.faults[0].field, setting);
    EXPECT_EQ(loaded.faults[0].what, std::string(setting) + " names " + (folder / "gone").string() +
                                         ", which is not there; put the file there, or correct the path");
  }
}

TEST_F(Files, WhatIsThereIsSilent) {
  write("token");
  write("list.dat");
  const Loaded loaded =
      check("[authentication]\npublic_suffix_list = \"list.dat\"\n[[operator]]\nname = \"ops\"\ntoken_ref = \"file:token\"\n");
  EXPECT_TRUE(loaded.faults.empty());
  EXPECT_TRUE(loaded.warnings.empty());
}

TEST_F(Files, WhatIsNotUsedIsNotLookedFor) {
  const Loaded loaded = check(
      "[[listener]]\nkind = \"mx\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nclient_ca = \"gone\"\n[http.tls]\nclient_ca = \"gone\"\n"
      "[mta_hook]\nsecret_ref = \"file:gone\"\n");
  EXPECT_TRUE(loaded.faults.empty());
}

/// The daemon may see more than who asks.
TEST_F(Files, WhatMayBeOtherwiseForTheDaemonIsAWarning) {
  const std::string hook = "[mta_hook]\nenabled = true\npath = \"0123456789abcdef\"\nsecret_ref = \"env:TOKEN\"\n";
  ASSERT_EQ(check(hook).warnings.size(), 1U);
  EXPECT_EQ(check(hook).warnings[0],
            "mta_hook.secret_ref: the environment variable TOKEN is not set here; the daemon does not start without it");
  EXPECT_TRUE(check(hook).faults.empty());
  EXPECT_TRUE(check(hook, {{"TOKEN", "x"}}).warnings.empty());

  const Loaded certificate = check("[tls]\ncertificate = \"chain.pem\"\nkey = \"key.pem\"\n");
  EXPECT_TRUE(certificate.faults.empty());
  ASSERT_EQ(certificate.warnings.size(), 2U);
  EXPECT_EQ(certificate.warnings[0],
            "tls.certificate: " + (folder / "chain.pem").string() + " is not there yet; the daemon does not start without it");
}

/// Root may read everything, so that it is nobody for a while.
struct AsNobody {
  AsNobody() {
    if (m_root) EXPECT_EQ(::seteuid(65534), 0);
  }
  ~AsNobody() {
    if (m_root) EXPECT_EQ(::seteuid(0), 0);
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  bool m_root = ::geteuid() == 0;
};

TEST_F(Files, WhatThisUserMayNotReadIsAWarning) {
  write("token");
  std::filesystem::permissions(folder / "token", std::filesystem::perms::none);
  const AsNobody nobody;
  const Loaded loaded = check("[[operator]]\nname = \"ops\"\ntoken_ref = \"file:token\"\n");
  EXPECT_TRUE(loaded.faults.empty());
  ASSERT_EQ(loaded.warnings.size(), 1U);
  EXPECT_NE(loaded.warnings[0].find("operator[0].token_ref"), std::string::npos);
}

}  // namespace
}  // namespace postern::config
