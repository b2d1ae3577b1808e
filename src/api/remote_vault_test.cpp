#include "api/remote_vault.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <future>

#include "custody/remote_keeper.hpp"
#include "custody/testing/slow_engine.hpp"
#include "custody/testing/stage.hpp"
#include "io/testing/run.hpp"
#include "keys/transit_keeper.hpp"
#include "vault/testing/world.hpp"

namespace postern::api {
namespace {

using custody::testing::SlowEngine;
using custody::testing::Stage;

class RemoteVaultTest : public ::testing::Test {
 protected:
  vault::Request request(vault::Operation operation, std::string path, boost::json::object data = {}) {
    vault::Request out;
    out.operation = operation;
    out.path = std::move(path);
    out.data = std::move(data);
    out.token = world.root;
    out.remote_address = "192.0.2.7";
    return out;
  }

  vault::testing::World world;
  std::shared_ptr<Keeper> keeper = make_memory_keeper(world.clock).value();
  io::testing::RunningLoops loops{2};
};

io::Task<void> one(RemoteVault& port, vault::Request request, std::promise<vault::Reply>& into) {
  into.set_value(co_await port.ask(std::move(request)));
}

TEST_F(RemoteVaultTest, ManyRequestsOnTwoLoops) {
  Stage stage(*keeper, custody::vault_engine(*world.core));
  const auto link = stage.link();
  RemoteVault port{custody::VaultClient(link)};
  EXPECT_EQ(loops.run(port.ask(request(vault::Operation::Update, "notes/a", {{"text", "hello"}}))).status, 204);
  std::vector<std::promise<vault::Reply>> replies(200);
  for (std::size_t i = 0; i < replies.size(); ++i) {
    io::spawn(loops.at(i % 2), one(port, request(vault::Operation::Read, i % 4 < 2 ? "notes/a" : "notes/keys"), replies[i]), "test");
  }
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const vault::Reply reply = replies[i].get_future().get();
    EXPECT_EQ(reply.status, 200);
    EXPECT_NE(reply.body.find(i % 4 < 2 ? "hello" : "quick"), std::string::npos);
  }
}

io::Task<void> many(RemoteVault& port, vault::Request request, int times, std::atomic<int>& good, std::promise<void>& done) {
  for (int i = 0; i < times; ++i) {
    const vault::Reply reply = co_await port.ask(request);
    if (reply.status == 200) ++good;
  }
  done.set_value();
}

// Both loops read in turns, callers of the other kind as well, and the keeper is gone every few milliseconds.
TEST_F(RemoteVaultTest, KeepersThatDieAllTheTime) {
  Stage stage(*keeper, custody::vault_engine(*world.core));
  const auto link = stage.link();
  custody::RemoteKeeper caller(link);
  RemoteVault port{custody::VaultClient(link)};
  constexpr int kTimes = 300, kTasks = 8;
  std::atomic<int> good{0};
  std::vector<std::promise<void>> done(kTasks);
  for (int i = 0; i < kTasks; ++i)
    io::spawn(loops.at(static_cast<std::size_t>(i % 2)),
              many(port, request(vault::Operation::Read, "notes/keys"), kTimes, good, done[static_cast<std::size_t>(i)]), "test");
  std::atomic<bool> over{false};
  std::thread ends([&] {
    int seen = 0;  // some progress in between: a call on which keepers die is given up after a few
    while (!over) {
      std::this_thread::sleep_for(std::chrono::milliseconds(3));
      if (std::exchange(seen, good.load()) != seen) stage.end();
    }
  });
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(caller.mac(key_names::kApiHmac, 0, HashAlgorithm::Sha256, {}));
  for (auto& one : done) one.get_future().wait();
  over = true;
  ends.join();
  EXPECT_EQ(good, kTimes * kTasks);
}

// What waits for an answer when everything ends: the loops first, then the link, whose answers go nowhere.
TEST_F(RemoteVaultTest, TheEndWithARequestUnderWay) {
  SlowEngine slow;
  Stage stage(*keeper, slow.engine());
  const auto link = stage.link();
  auto own_loops = std::make_unique<io::testing::RunningLoops>(1);
  auto port = std::make_unique<RemoteVault>(custody::VaultClient(link));
  std::promise<vault::Reply> never;
  io::spawn(own_loops->at(0), one(*port, request(vault::Operation::Read, "a"), never), "test");
  while (link->counts().calls < 1) std::this_thread::yield();
  own_loops->stop();
  own_loops->join();
  link->stop();
  port.reset();
  own_loops.reset();
  slow.go.set_value();
  EXPECT_EQ(link->counts().calls, 1U);
}

TEST_F(RemoteVaultTest, ErrorsAreAnswersOfTheApi) {
  Stage stage(*keeper, custody::vault_engine(*world.core));
  const auto link = stage.link();
  RemoteVault port{custody::VaultClient(link, std::chrono::milliseconds(5000))};
  EXPECT_EQ(loops.run(port.ask(request(vault::Operation::Read, "nowhere/x"))).status, 404);
  const vault::Reply large = loops.run(port.ask(request(vault::Operation::Update, "notes/a", {{"text", boost::json::array(2'000'000)}})));
  EXPECT_EQ(large.status, 413);
  EXPECT_TRUE(boost::json::parse(large.body).at("errors").is_array());
}

TEST_F(RemoteVaultTest, WithoutAKeeperItIs503) {
  Stage stage(*keeper);
  stage.close();
  RemoteVault port{custody::VaultClient(stage.link(), std::chrono::milliseconds(50))};
  const vault::Reply away = loops.run(port.ask(request(vault::Operation::Update, "notes/a")));
  EXPECT_EQ(away.status, 503);
  EXPECT_NE(away.body.find("the keeper does not answer"), std::string::npos) << away.body;
}

TEST_F(RemoteVaultTest, AFullLinkIs429) {
  SlowEngine slow;
  Stage stage(*keeper, slow.engine());
  const auto link = stage.link({.calls = 1});
  RemoteVault port{custody::VaultClient(link)};
  std::promise<vault::Reply> first;
  io::spawn(loops.at(0), one(port, request(vault::Operation::Read, "a"), first), "test");
  while (link->counts().calls < 1) std::this_thread::yield();
  EXPECT_EQ(loops.run(port.ask(request(vault::Operation::Read, "b"))).status, 429);
  slow.go.set_value();
  EXPECT_EQ(first.get_future().get().status, 200);
}

}  // namespace
}  // namespace postern::api
