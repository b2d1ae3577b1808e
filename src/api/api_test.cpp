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
  const auto gate = gateway::Gateway::open(std::move(config), {}).value();
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

}  // namespace
}  // namespace postern::api
