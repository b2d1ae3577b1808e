#include "api/api.hpp"

#include <gtest/gtest.h>

#include <future>
#include <optional>

#include "io/loops.hpp"
#include "io/testing/run.hpp"
#include "store/test_support.hpp"

namespace postern::api {
namespace {

using io::testing::run_on;

http::Request get(const std::string& path) {
  http::Request request;
  request.method = "GET";
  request.target = request.path = path;
  return request;
}

// An operator's long query, or a disk that hangs, must not stop the doors: nothing on a loop waits for a read connection.
TEST(Status, WaitsForTheDatabaseOnAWorker) {
  const test::TemporaryDirectory dir;
  config::Config config;
  config.storage.data_dir = (dir.path() / "var").string();
  config.server.loops = 1;
  config.server.workers = 2;
  const SystemClock clock;
  const auto gate = gateway::Gateway::open(std::move(config), {}, make_memory_keeper(clock).value()).value();
  const auto api = Api::make(*gate).value();
  const auto handler = api->handler();
  gate->start();
  std::vector<std::future<int>> answers;
  {
    std::vector<DatabaseReader> all;
    for (std::size_t i = 0; i < StoreOptions().readers; ++i) all.push_back(gate->store().reader());
    for (const char* path : {"/status", "/metrics"}) {
      answers.push_back(std::async(std::launch::async, [&, path] { return run_on(gate->loops().at(0), handler(get(path))).status; }));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    auto alive = std::async(std::launch::async, [&] { return run_on(gate->loops().at(0), handler(get("/healthz"))).status; });
    EXPECT_EQ(alive.wait_for(std::chrono::seconds(5)), std::future_status::ready) << "the loop is blocked";
    all.clear();
    EXPECT_EQ(alive.get(), 200);
  }
  for (auto& answer : answers) EXPECT_EQ(answer.get(), 200);
  gate->stop();
}

/// A keeper that is sealed until a test opens it.
class LockedKeeper final : public TransitSource {
 public:
  explicit LockedKeeper(const Clock& clock) : m_engine(std::make_shared<transit::Engine>(m_storage, clock)), keeper(*this, clock) {}
  Result<Lease> lease() override {
    if (locked) return fail(ErrorCode::Unavailable, "the vault is locked: call the locksmith");
    return Lease{m_engine, nullptr};
  }

 private:
  MemoryStorage m_storage;
  std::shared_ptr<transit::Engine> m_engine;

 public:
  std::atomic<bool> locked{true};
  TransitKeeper keeper;
};

/// Of one check in the status document; empty when it has none of that name.
std::string state_of(const std::string& status, std::string_view name) {
  const boost::json::value document = boost::json::parse(status);
  for (const auto& check : document.at("health").as_array())
    if (check.at("check").as_string() == name) return std::string(check.at("state").as_string());
  return {};
}

// Sealed means sealed: the daemon is there and says why nothing moves; unsealed, it goes on by itself.
TEST(Status, WithoutKeysTheReasonIsSaid) {
  const test::TemporaryDirectory dir;
  config::Config config;
  config.storage.data_dir = (dir.path() / "var").string();
  config.server.loops = 1;
  const SystemClock clock;
  LockedKeeper locked(clock);
  const std::shared_ptr<Keeper> keeper(std::shared_ptr<void>(), &locked.keeper);
  const auto gate = gateway::Gateway::open(std::move(config), {}, keeper).value();
  const auto api = Api::make(*gate).value();
  const auto handler = api->handler();
  gate->start();
  const auto ask = [&](const char* path) { return run_on(gate->loops().at(0), handler(get(path))); };
  EXPECT_FALSE(gate->has_mail());
  EXPECT_EQ(ask("/healthz").status, 200);
  EXPECT_EQ(ask("/readyz").status, 503);
  EXPECT_EQ(ask("/api/v1/keys").status, 503);
  EXPECT_NE(ask("/api/v1/keys").body.find("call the locksmith"), std::string::npos);
  const auto status = ask("/status");
  EXPECT_EQ(status.status, 200);
  EXPECT_NE(status.body.find("call the locksmith"), std::string::npos);
  EXPECT_EQ(state_of(status.body, "mail"), "failed");
  EXPECT_EQ(state_of(status.body, "storage"), "ok");
  EXPECT_NE(ask("/metrics").body.find("postern_sealed 1"), std::string::npos);
  locked.locked = false;
  while (ask("/readyz").status != 200) std::this_thread::yield();
  EXPECT_EQ(ask("/api/v1/keys").status, 401);
  EXPECT_NE(ask("/status").body.find("\"sealed\":false"), std::string::npos);
  EXPECT_EQ(state_of(ask("/status").body, "mail"), "ok");
  EXPECT_EQ(state_of(ask("/status").body, "keys"), "ok");
  locked.locked = true;
  EXPECT_EQ(ask("/readyz").status, 503);
  EXPECT_EQ(ask("/status").status, 200);
  gate->stop();
}

}  // namespace
}  // namespace postern::api
