// The service of a profile that changes while it runs.
#include "transport/service.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/testing/temporary_directory.hpp"

namespace postern::transport {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSimple = "peer = \"127.0.0.1:1\"\nuser = \"C=DE;A= ;P=ACME;S=Doe\"\n";
constexpr const char* kStrong =
    "certificate = \"nowhere.pem\"\nkey = \"nowhere.key\"\nresponder_pins = [\"sha256:"
    "0000000000000000000000000000000000000000000000000000000000000000\"]\n";

/// Mode native, with one profile, whose peer listens nowhere.
class NativeService : public ::testing::Test {
 protected:
  NativeService() {
    fs::create_directory(m_folder / "profiles");
    m_config.source = (m_folder / "postern.toml").string();
    m_config.transport.mode = "native";
    m_config.transport.tls.enabled = false;
  }
  void write(const std::string& text) { std::ofstream(m_folder / "profiles" / "a.toml") << text; }
  [[nodiscard]] Result<std::unique_ptr<Service>> open() const {
    ServiceOptions options;
    options.clock = &kClock;
    return open_service(m_config, std::move(options));
  }

  static inline const SystemClock kClock{};
  const test::TemporaryDirectory m_directory;
  const fs::path m_folder = m_directory.path();
  config::Config m_config;
};

TEST_F(NativeService, StrongCredentialsAreThoseOfTheProfileNowAndNeverGivenUpForAPassword) {
  write(kSimple);
  const auto service = open();
  ASSERT_TRUE(service) << service.error().text();
  sdk::Bind request = (*service)->profile()->bind_request();
  const auto refused = [&] { return (*service)->transport().bind(request, {}).error(); };
  EXPECT_EQ(refused().code, ErrorCode::Unavailable) << "nobody listens there: " << refused().text();
  write(std::string(kSimple) + kStrong);
  EXPECT_EQ(refused().field, "strong.certificate") << refused().text();
  write("peer = ");
  EXPECT_NE(refused().text().find("a.toml"), std::string::npos) << refused().text();
  fs::remove(m_folder / "profiles" / "a.toml");
  EXPECT_EQ(refused().code, ErrorCode::NotFound) << refused().text();
}

TEST_F(NativeService, AProfileThatIsMissingIsAFindingAndNoFaultOfTheStart) {
  m_config.transport.tls.enabled = m_config.transport.tls.enforce_pinset = true;
  const auto service = open();
  ASSERT_TRUE(service) << service.error().text();
  EXPECT_TRUE(std::ranges::any_of((*service)->findings(),
                                  [](const Finding& one) { return one.name == "profile" && one.state == Finding::State::Failed; }));
  write(kSimple);
  EXPECT_EQ(open().error().field, "transport.tls.enforce_pinset") << "it has no pins";
}

}  // namespace
}  // namespace postern::transport
