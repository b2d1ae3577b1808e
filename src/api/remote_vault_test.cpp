#include "api/remote_vault.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <future>

#include "custody/testing/stage.hpp"
#include "io/testing/run.hpp"
#include "keys/transit_keeper.hpp"
#include "vault/testing/world.hpp"

namespace postern::api {
namespace {

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
  std::promise<void> go;
  const auto wait = go.get_future().share();
  Stage stage(*keeper, {[&](const vault::Request&) {
                          wait.wait();
                          return vault::Reply{};
                        },
                        [](const vault::Request&) { return false; }});
  const auto link = stage.link({.calls = 1});
  RemoteVault port{custody::VaultClient(link)};
  std::promise<vault::Reply> first;
  io::spawn(loops.at(0), one(port, request(vault::Operation::Read, "a"), first), "test");
  while (link->counts().calls < 1) std::this_thread::yield();
  EXPECT_EQ(loops.run(port.ask(request(vault::Operation::Read, "b"))).status, 429);
  go.set_value();
  EXPECT_EQ(first.get_future().get().status, 200);
}

}  // namespace
}  // namespace postern::api
