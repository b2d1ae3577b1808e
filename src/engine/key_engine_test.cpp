#include "engine/key_engine.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "store/test_support.hpp"

namespace postern::engine {
namespace {

namespace json = boost::json;

class KeyEngineTest : public ::testing::Test {
 protected:
  KeyEngineTest() { config.storage.data_dir = (dir.path() / "var").string(); }

  [[nodiscard]] std::unique_ptr<KeyEngine> open() {
    std::filesystem::create_directories(config.storage.data_dir);
    auto opened = KeyEngine::open(config, {}, clock);
    if (!opened) throw std::runtime_error(opened.error().text());
    return *std::move(opened);
  }
  [[nodiscard]] std::string line_of(const std::string& name) const {
    std::ifstream file(config.in_data_dir(name));
    std::string line;
    std::getline(file, line);
    return line;
  }
  [[nodiscard]] vault::Reply ask(KeyEngine& engine, vault::Operation operation, const std::string& path, json::object data = {}) const {
    vault::Request request;
    request.id = "00000000-0000-4000-8000-000000000000";
    request.operation = operation;
    request.path = path;
    request.data = std::move(data);
    request.token = line_of("keeper/engine.token");
    request.remote_address = "127.0.0.1";
    return engine.core().handle(std::move(request));
  }
  [[nodiscard]] mode_t mode_of(const std::string& name) const {
    struct stat info{};
    return ::stat(config.in_data_dir(name).c_str(), &info) == 0 ? info.st_mode & 0777U : 0;
  }

  test::TemporaryDirectory dir;
  SystemClock clock;
  config::Config config;
};

TEST_F(KeyEngineTest, MakesItselfAtTheFirstStartAndOpensItselfAtTheNext) {
  std::string token;
  {
    const auto engine = open();
    EXPECT_TRUE(engine->core().is_open());
    token = line_of("keeper/engine.token");
    EXPECT_EQ(ask(*engine, vault::Operation::Update, "secret/data/a", {{"data", json::object{{"x", "marker"}}}}).status, 200);
  }
  for (const char* name : {"keeper/engine.token", "keeper/engine.recovery", "keeper/engine.db", "audit/engine.jsonl"})
    EXPECT_EQ(mode_of(name), 0600U) << name;
  const auto again = open();
  EXPECT_EQ(line_of("keeper/engine.token"), token);
  EXPECT_NE(ask(*again, vault::Operation::Read, "secret/data/a").body.find("marker"), std::string::npos);
  EXPECT_EQ(again->status()->type, "file");
}

TEST_F(KeyEngineTest, SharesWaitForPeople) {
  config.engine.seal = "shamir";
  const auto engine = open();
  EXPECT_FALSE(engine->core().is_open());
  EXPECT_FALSE(engine->status()->initialized);
  EXPECT_EQ(ask(*engine, vault::Operation::Read, "secret/data/a").status, 503);
  EXPECT_EQ(mode_of("keeper/engine.token"), 0U);
}

TEST_F(KeyEngineTest, ARootSecretThatIsWrongOrGoneIsAnErrorOfTheStart) {
  open().reset();
  const std::string file = config.in_data_dir("keeper/root.key");
  std::filesystem::remove(file);
  const auto gone = KeyEngine::open(config, {}, clock);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().field, "keys.root");
  EXPECT_NE(gone.error().what.find("backup"), std::string::npos) << gone.error().what;
  EXPECT_FALSE(std::filesystem::exists(file));
  std::ofstream(file, std::ios::binary) << std::string(32, 'x');
  std::filesystem::permissions(file, std::filesystem::perms::owner_read);
  const auto wrong = KeyEngine::open(config, {}, clock);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().what.find("put the right secret there"), std::string::npos) << wrong.error().what;
}

TEST_F(KeyEngineTest, WhatCannotBeOpenedIsNamedByItsSetting) {
  config.engine.seal = "pkcs12:x";
  std::filesystem::create_directories(config.storage.data_dir);
  auto bad = KeyEngine::open(config, {}, clock);
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().text().find("engine.seal"), std::string::npos) << bad.error().text();
  config.engine.seal = "auto";
  config.engine.audit_file = "/proc/none/engine.jsonl";
  bad = KeyEngine::open(config, {}, clock);
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().text().find("engine.audit.file"), std::string::npos) << bad.error().text();
}

TEST_F(KeyEngineTest, NothingIsDoneThatNothingRecords) {
  config.engine.audit_file.clear();
  const auto engine = open();
  EXPECT_EQ(ask(*engine, vault::Operation::Read, "sys/mounts").status, 500);
  config.engine.audit_required = false;
  config.storage.data_dir = (dir.path() / "other").string();
  const auto careless = open();
  EXPECT_EQ(ask(*careless, vault::Operation::Read, "sys/mounts").status, 200);
}

}  // namespace
}  // namespace postern::engine
