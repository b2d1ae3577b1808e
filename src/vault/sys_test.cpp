// sys/: mounts, policies, capabilities, wrapping, tools, and what is refused.
#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "vault/testing/world.hpp"

namespace postern::vault {
namespace {

using boost::json::object;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using testing::Seen;
using ::testing::SizeIs;
using testing::World;

class SysTest : public ::testing::Test {
 protected:
  // How many values lie in the barrier; those of tokens change with every request of a counted one, so not here.
  std::size_t stored(std::string_view folder) { return w.barrier->walk(folder).value().size(); }
  World w;
};

// Mounts -------------------------------------------------------------------------------------------------------------------------------

TEST_F(SysTest, AMountLives) {
  const object wish{{"type", "kv-v2"}, {"description", "theirs"}, {"config", {{"default_lease_ttl", "2h"}}}, {"options", nullptr}};
  EXPECT_EQ(w.write("sys/mounts/team/engine", wish).status, 204);
  const Seen table = w.read("sys/mounts");
  const object info = table.at("/data/team~1engine~1").as_object();
  for (const char* key : {"type", "description", "accessor", "local", "seal_wrap", "external_entropy_access", "options", "uuid",
                          "plugin_version", "running_plugin_version", "running_sha256", "config"}) {
    EXPECT_TRUE(info.contains(key)) << key;
  }
  EXPECT_THAT(table.str("/data/team~1engine~1/accessor"), MatchesRegex("kv_[0-9a-f]{8}"));
  EXPECT_EQ(table.str("/data/team~1engine~1/options/version"), "2");
  EXPECT_EQ(table.at("/team~1engine~1"), table.at("/data/team~1engine~1"));  // on top, too
  EXPECT_EQ(w.read("sys/mounts/team/engine").at("/data/uuid"), info.at("uuid"));

  EXPECT_EQ(w.write("sys/mounts/team/engine/tune", {{"description", "ours"}, {"max_lease_ttl", "3h"}, {"default_lease_ttl", ""}}).status,
            204);
  const Seen tuned = w.read("sys/mounts/team/engine/tune");
  EXPECT_EQ(tuned.str("/data/description"), "ours");
  EXPECT_EQ(tuned.str("/data/max_lease_ttl"), "10800");
  EXPECT_EQ(tuned.str("/data/default_lease_ttl"), "7200");
  EXPECT_EQ(w.write("sys/mounts/team/engine/tune", {{"default_lease_ttl", "4h"}}).status, 400);

  EXPECT_EQ(w.write("team/engine/k", {{"text", "v"}}).status, 204);
  EXPECT_EQ(w.write("sys/remount", {{"from", "team/engine"}, {"to", "moved"}}).status, 200);
  EXPECT_EQ(w.read("moved/k").str("/data/text"), "v");
  EXPECT_EQ(w.read("team/engine/k").status, 404);
  w.restart();
  w.unseal();
  EXPECT_EQ(w.read("moved/k").str("/data/text"), "v");
  EXPECT_EQ(w.read("sys/mounts/moved/tune").str("/data/description"), "ours");

  const std::size_t before = stored("logical/");
  EXPECT_EQ(w.remove("sys/mounts/moved").status, 204);
  EXPECT_THAT(w.read("moved/k").error(), HasSubstr("no handler for route"));
  EXPECT_EQ(stored("logical/"), before - 1);
}

TEST_F(SysTest, MountsThatCannotBe) {
  const std::vector<std::pair<std::string, object>> wishes = {
      {"x-1", {{"type", "no-such"}}},
      {"x-2", {}},
      {"sys/x", {{"type", "kv"}}},
      {"auth/x", {{"type", "kv"}}},
      {"cubbyhole", {{"type", "kv"}}},
      {"x-3", {{"type", "kv"}, {"options", {{"version", "9"}}}}},
      {"x-4", {{"type", "kv"}, {"config", {{"default_lease_ttl", "soon"}}}}},
      {"x-5", {{"type", "kv"}, {"config", {{"default_lease_ttl", "2h"}, {"max_lease_ttl", "1h"}}}}},
      {"notes", {{"type", "kv"}}},
      {"notes/below", {{"type", "kv"}}},
      {"a*b", {{"type", "kv"}}},
      {"a b", {{"type", "kv"}}},
      {"x-6", {{"type", "kv"}, {"config", {{"listing_visibility", "everywhere"}}}}},
      {std::string(300, 'x'), {{"type", "kv"}}}};
  const std::size_t before = w.read("sys/mounts").at("/data").as_object().size();
  for (const auto& [path, wish] : wishes) EXPECT_EQ(w.write("sys/mounts/" + path, wish).status, 400) << path;
  EXPECT_EQ(w.read("sys/mounts").at("/data").as_object().size(), before);
  EXPECT_THAT(w.write("sys/mounts/notes", {{"type", "kv"}}).error(), HasSubstr("path is already in use"));
  EXPECT_EQ(w.write("sys/mounts/deep/er", {{"type", "kv"}}).status, 204);
  EXPECT_EQ(w.write("sys/mounts/deep", {{"type", "kv"}}).status, 400);
}

TEST_F(SysTest, SystemMountsStay) {
  EXPECT_EQ(w.remove("sys/mounts/sys").status, 400);
  EXPECT_EQ(w.remove("sys/auth/token").status, 400);
  EXPECT_EQ(w.write("sys/remount", {{"from", "sys"}, {"to", "other"}}).status, 400);
  EXPECT_EQ(w.write("sys/remount", {{"from", "notes"}, {"to", "auth/notes"}}).status, 400);
  EXPECT_EQ(w.write("sys/remount", {{"from", "auth/door"}, {"to", "auth/"}}).status, 400);
  EXPECT_EQ(w.write("sys/remount", {{"from", "notes"}, {"to", "auth"}}).status, 400);
  EXPECT_EQ(w.write("sys/remount", {{"from", "nothing"}, {"to", "other"}}).status, 400);
  EXPECT_EQ(w.write("sys/remount", {{"from", "auth/door"}, {"to", "auth/gate"}}).status, 200);
  EXPECT_EQ(w.write("auth/gate/login/a", {{"word", "please"}}, "").status, 200);
}

TEST_F(SysTest, ALargeMountGoesInStepsAndACrashLosesNothingOfThat) {
  EXPECT_EQ(w.write("sys/mounts/large", {{"type", "notes"}}).status, 204);
  const std::string folder = "logical/" + w.read("sys/mounts/large").str("/data/uuid") + "/";
  std::vector<StorageChange> changes;
  for (int value = 0; value < 9000; ++value) {
    changes.push_back({folder + "notes/d" + std::to_string(value % 70) + "/" + std::to_string(value), SecretBytes::from_text("x")});
  }
  ASSERT_TRUE(w.barrier->apply(std::move(changes)));
  w.store.fail_apply(4, test::MemorySealedStore::Cut::Before, true);  // in the middle of the removal
  (void)w.remove("sys/mounts/large");
  w.store.restart();
  w.restart();
  w.unseal();
  EXPECT_EQ(w.read("large/k").status, 404);
  EXPECT_GT(stored(folder), 0U);
  EXPECT_EQ(w.write("sys/mounts/large", {{"type", "notes"}}).status, 204);  // the path is free at once
  for (int minute = 0; minute < 5; ++minute) {
    w.clock.advance(std::chrono::minutes(1));
    w.core->tick();
  }
  EXPECT_EQ(stored(folder), 0U);
  EXPECT_EQ(w.list("large").status, 404);
}

TEST_F(SysTest, AMountThatACrashInterruptedIsThereWholeOrNotAtAll) {
  for (std::size_t cut = 1; cut <= 2; ++cut) {
    for (const auto kind : {test::MemorySealedStore::Cut::Before, test::MemorySealedStore::Cut::After}) {
      const std::string path = "crash-" + std::to_string(cut) + (kind == test::MemorySealedStore::Cut::After ? "a" : "b");
      w.store.fail_apply(cut, kind, true);
      (void)w.write("sys/mounts/" + path, {{"type", "notes"}});
      w.store.restart();
      w.restart();
      w.unseal();
      const bool there = w.read("sys/mounts").at("/data").as_object().contains(path + "/");
      EXPECT_EQ(w.write(path + "/k").status, there ? 204 : 404) << path;
    }
  }
}

TEST_F(SysTest, UnmountingWaitsForRequests) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 2; ++writer) {
    writers.emplace_back([&, writer] {
      for (int value = 0; !stop; ++value) {
        const int status = w.write("busy/" + std::to_string(writer) + "/" + std::to_string(value)).status;
        EXPECT_TRUE(status == 204 || status == 404) << status;
      }
    });
  }
  for (int round = 0; round < 10; ++round) {
    EXPECT_EQ(w.write("sys/mounts/busy", {{"type", "notes"}}).status, 204);
    const std::string folder = "logical/" + w.read("sys/mounts/busy").str("/data/uuid") + "/";
    while (stored(folder) < 3) std::this_thread::yield();
    EXPECT_EQ(w.remove("sys/mounts/busy").status, 204);
    EXPECT_EQ(stored(folder), 0U);
  }
  stop = true;
  for (std::thread& writer : writers) writer.join();
}

TEST_F(SysTest, ThePreflightOfCommandLines) {
  EXPECT_EQ(w.write("sys/mounts/secret", {{"type", "kv"}, {"options", {{"version", "2"}}}}).status, 204);
  const Seen found = w.read("sys/internal/ui/mounts/secret/a/b");
  EXPECT_EQ(found.str("/data/path"), "secret/");
  EXPECT_EQ(found.str("/data/options/version"), "2");
  const std::string guest =
      w.limited(R"(path "secret/data/mine/*" { capabilities = ["read"] } path "sys/internal/ui/mounts/*" { capabilities = ["read"] })");
  EXPECT_EQ(w.read("sys/internal/ui/mounts/secret/a", guest).status, 200);
  const Seen refused = w.read("sys/internal/ui/mounts/notes/a", guest);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.error(), "preflight capability check returned 403, please ensure client's policies grant access to path \"notes/a/\"");
  EXPECT_EQ(w.read("sys/internal/ui/mounts/nothing/a", guest).status, 403);
  EXPECT_EQ(w.read("sys/internal/ui/mounts").at("/data/secret").as_object().size(), 2U);
}

TEST_F(SysTest, AnyTokenMayAskThePreflight) {
  const std::string guest = w.limited(R"(path "notes/*" { capabilities = ["read"] })");
  EXPECT_EQ(w.read("sys/internal/ui/mounts/notes/a", guest).status, 200);
  EXPECT_EQ(w.read("sys/internal/ui/mounts/notes/a", "hvs.guess").status, 403);
}

// Policies -----------------------------------------------------------------------------------------------------------------------------

TEST_F(SysTest, Policies) {
  const std::string text = "# payroll\npath \"notes/pay/+/list\" {\n  capabilities = [\"read\", \"list\"]\n}\n";
  EXPECT_EQ(w.write("sys/policies/acl/Pay", {{"policy", text}}).status, 204);
  EXPECT_EQ(w.read("sys/policies/acl/pay").str("/data/policy"), text);
  EXPECT_EQ(w.read("sys/policy/pay").str("/rules"), text);
  EXPECT_EQ(w.list("sys/policies/acl").str("/data/keys"), R"(["default","pay","root"])");
  EXPECT_EQ(w.read("sys/policy").str("/policies"), R"(["default","pay","root"])");
  EXPECT_EQ(w.write("sys/policy/old", {{"rules", text}}).status, 204);
  w.restart();
  w.unseal();
  EXPECT_EQ(w.read("sys/policies/acl/old").str("/data/policy"), text);
  EXPECT_EQ(w.remove("sys/policies/acl/pay").status, 204);
  EXPECT_EQ(w.read("sys/policies/acl/pay").status, 404);
  EXPECT_THAT(w.remove("sys/policies/acl/default").error(), HasSubstr("cannot delete"));
  EXPECT_EQ(w.write("sys/policies/acl/root", {{"policy", text}}).status, 400);
  EXPECT_EQ(w.write("sys/policies/acl/response-wrapping", {{"policy", text}}).status, 400);
  EXPECT_EQ(w.write("sys/policies/acl/none").status, 400);
  EXPECT_EQ(w.write("sys/policies/acl/bad", {{"policy", "path \"x\" {"}}).status, 400);
  EXPECT_EQ(w.write("sys/policies/acl/bad name", {{"policy", text}}).status, 400);
}

TEST_F(SysTest, Capabilities) {
  const std::string guest =
      w.limited(R"(path "notes/a/*" { capabilities = ["read", "update"] } path "notes/a/no" { capabilities = ["deny"] })");
  const Seen found = w.write("sys/capabilities-self", {{"paths", {"notes/a/x", "notes/a/no", "notes/b"}}}, guest);
  EXPECT_EQ(found.str("/notes~1a~1x"), R"(["read","update"])");
  EXPECT_EQ(found.str("/data/notes~1a~1no"), R"(["deny"])");
  EXPECT_EQ(found.str("/notes~1b"), R"(["deny"])");
  EXPECT_EQ(w.write("sys/capabilities", {{"token", guest}, {"path", "notes/a/x"}}).str("/capabilities"), R"(["read","update"])");
  EXPECT_EQ(w.write("sys/capabilities-self", {{"paths", "notes/a"}}).str("/capabilities"), R"(["root"])");
  const std::string accessor = w.read("auth/token/lookup-self", guest).str("/data/accessor");
  EXPECT_EQ(w.write("sys/capabilities-accessor", {{"accessor", accessor}, {"paths", "notes/a/x"}}).str("/notes~1a~1x"),
            R"(["read","update"])");
  EXPECT_EQ(w.write("sys/capabilities-self").status, 400);
  EXPECT_EQ(w.write("sys/capabilities", {{"token", "hvs.none"}, {"path", "x"}}).status, 400);
}

TEST_F(SysTest, SudoPaths) {
  const std::string guest = w.limited(
      R"(path "sys/*" { capabilities = ["create", "read", "update", "delete", "list"] }
         path "auth/token/*" { capabilities = ["create", "read", "update", "delete", "list"] })");
  EXPECT_EQ(w.read("sys/mounts", guest).status, 200);
  for (const auto& [operation, path] :
       std::vector<std::pair<Operation, const char*>>{{Operation::Update, "sys/seal"},
                                                      {Operation::Update, "sys/rotate"},
                                                      {Operation::List, "auth/token/accessors"},
                                                      {Operation::Update, "auth/token/revoke-orphan"},
                                                      {Operation::Read, "sys/audit"},
                                                      {Operation::Update, "sys/auth/x"},
                                                      {Operation::Update, "sys/remount"},
                                                      {Operation::Update, "sys/rekey/init"},
                                                      {Operation::Update, "sys/leases/revoke-prefix/auth"}}) {
    EXPECT_EQ(w.call(operation, path, {}, guest).status, 403) << path;
  }
  EXPECT_TRUE(w.core->is_open());
}

// Wrapping -----------------------------------------------------------------------------------------------------------------------------

class WrappingTest : public SysTest {
 protected:
  Seen wrap(std::string path, int ttl = 60, std::string token = {}) {
    return w.call(Operation::Read, std::move(path), {}, token.empty() ? w.root : std::move(token), seconds(ttl));
  }
  Seen unwrap(const std::string& token) { return w.write("sys/wrapping/unwrap", {{"token", token}}, ""); }
  void SetUp() override { w.write("notes/pin", {{"text", "0000"}}); }
};

constexpr const char* kGone = "wrapping token is not valid or does not exist";

TEST_F(WrappingTest, OnceAndOnlyForThat) {
  const Seen wrapped = wrap("notes/pin");
  EXPECT_TRUE(wrapped.at("/data").is_null());
  EXPECT_EQ(wrapped.str("/request_id"), "");
  EXPECT_EQ(wrapped.str("/wrap_info/ttl"), "60");
  EXPECT_EQ(wrapped.str("/wrap_info/creation_path"), "notes/pin");
  EXPECT_THAT(wrapped.text, Not(HasSubstr("0000")));
  const std::string token = wrapped.str("/wrap_info/token");
  EXPECT_EQ(w.write("sys/wrapping/lookup", {{"token", token}}, "").str("/data/creation_ttl"), "60");
  EXPECT_EQ(unwrap(token).str("/data/text"), "0000");
  EXPECT_EQ(unwrap(token).status, 400);
  EXPECT_EQ(unwrap(token).error(), kGone);
  EXPECT_EQ(w.write("sys/wrapping/unwrap", {}, token).error(), kGone);
  EXPECT_EQ(w.write("sys/wrapping/lookup", {{"token", token}}, "").status, 400);
  EXPECT_EQ(stored("sys/token/wrapped/"), 0U);
  for (const std::string& other : {w.root, std::string("hvs.nothing"), std::string(), std::string("hvb.AAAA")})
    EXPECT_EQ(unwrap(other).error(), kGone);
  EXPECT_EQ(w.read("auth/token/lookup-self").status, 200);
}

TEST_F(WrappingTest, AsTheClientTokenAndMisused) {
  EXPECT_EQ(w.write("sys/wrapping/unwrap", {}, wrap("notes/pin").str("/wrap_info/token")).str("/data/text"), "0000");
  const std::string misused = wrap("notes/pin").str("/wrap_info/token");
  EXPECT_EQ(w.read("notes/pin", misused).status, 403);
  EXPECT_EQ(unwrap(misused).error(), kGone);  // somebody else has had it
}

TEST_F(WrappingTest, IsNotRaced) {
  for (int round = 0; round < 5; ++round) {
    const std::string token = wrap("notes/pin").str("/wrap_info/token");
    std::atomic<int> good{0};
    std::vector<std::thread> thieves;
    for (int thief = 0; thief < 4; ++thief) {
      thieves.emplace_back([&] {
        for (int time = 0; time < 3; ++time) good += unwrap(token).status == 200 ? 1 : 0;
      });
    }
    for (std::thread& thief : thieves) thief.join();
    EXPECT_EQ(good, 1);
  }
}

TEST_F(WrappingTest, Rewrap) {
  const std::string token = wrap("notes/pin").str("/wrap_info/token");
  const Seen renewed = w.write("sys/wrapping/rewrap", {{"token", token}});
  EXPECT_EQ(renewed.str("/wrap_info/creation_path"), "notes/pin");
  EXPECT_EQ(unwrap(token).error(), kGone);
  EXPECT_EQ(unwrap(renewed.str("/wrap_info/token")).str("/data/text"), "0000");
}

TEST_F(WrappingTest, LoginsAndAnything) {
  const Seen login = w.call(Operation::Update, "auth/door/login/a", {{"word", "please"}}, "", seconds(60));
  EXPECT_TRUE(login.at("/auth").is_null());
  const Seen opened = unwrap(login.str("/wrap_info/token"));
  EXPECT_EQ(opened.at("/auth/accessor"), login.at("/wrap_info/wrapped_accessor"));
  EXPECT_EQ(w.read("auth/token/lookup-self", opened.str("/auth/client_token")).status, 200);
  const Seen any = w.call(Operation::Update, "sys/wrapping/wrap", {{"a", "b"}}, w.root, seconds(60));
  EXPECT_EQ(unwrap(any.str("/wrap_info/token")).str("/data/a"), "b");
  EXPECT_EQ(w.write("sys/wrapping/wrap", {{"a", "b"}}).status, 400);
}

TEST_F(WrappingTest, BoundsAndTime) {
  EXPECT_EQ(wrap("notes/pin", -5).status, 400);
  EXPECT_EQ(wrap("notes/pin", 40 * 86400).status, 400);
  EXPECT_EQ(wrap("notes/nothing").status, 404);
  EXPECT_EQ(wrap("notes/pin", 0).str("/data/text"), "0000");
  const std::string token = wrap("notes/pin", 10).str("/wrap_info/token");
  w.clock.advance(seconds(10));
  EXPECT_EQ(unwrap(token).error(), kGone);
  const std::string guest = w.limited(R"(path "notes/pin" { capabilities = ["read"] min_wrapping_ttl = "10s" max_wrapping_ttl = "60s" })");
  EXPECT_EQ(wrap("notes/pin", 30, guest).status, 200);
  EXPECT_EQ(wrap("notes/pin", 5, guest).status, 403);
  EXPECT_EQ(w.read("notes/pin", guest).status, 403);
  Request jwt;
  jwt.path = "notes/pin";
  jwt.token = w.root;
  jwt.wrap_ttl = seconds(60);
  jwt.wrap_as_jwt = true;
  EXPECT_EQ(w.send(std::move(jwt)).status, 400);
}

TEST_F(WrappingTest, DeepAnswersComeOutAgain) {
  boost::json::value deep = "bottom";
  for (int level = 0; level < 200; ++level) deep = object{{"a", std::move(deep)}};
  const Seen any = w.call(Operation::Update, "sys/wrapping/wrap", deep.as_object(), w.root, seconds(60));
  EXPECT_THAT(unwrap(any.str("/wrap_info/token")).text, HasSubstr("bottom"));
}

TEST_F(WrappingTest, TheAccessorRevokesIt) {
  const Seen wrapped = wrap("notes/pin");
  EXPECT_EQ(w.write("auth/token/revoke-accessor", {{"accessor", wrapped.str("/wrap_info/accessor")}}).status, 204);
  EXPECT_EQ(unwrap(wrapped.str("/wrap_info/token")).error(), kGone);
}

// Tools and refusals ---------------------------------------------------------------------------------------------------------------------

TEST_F(SysTest, Tools) {
  EXPECT_EQ(w.write("sys/tools/random/8", {{"format", "hex"}}).str("/data/random_bytes").size(), 16U);
  EXPECT_EQ(w.write("sys/tools/random").str("/data/random_bytes").size(), 44U);
  for (const object& bad : {object{{"bytes", 0}}, object{{"bytes", 1 << 20}}, object{{"format", "raw"}}})
    EXPECT_EQ(w.write("sys/tools/random", bad).status, 400);
  EXPECT_EQ(w.write("sys/tools/hash/sha2-256", {{"input", "YWJj"}}).str("/data/sum"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(w.write("sys/tools/hash", {{"input", "not base64!"}}).status, 400);
  EXPECT_EQ(w.write("sys/tools/hash/md5", {{"input", ""}}).status, 400);
}

TEST_F(SysTest, AuditBelongsToTheConfiguration) {
  EXPECT_EQ(w.read("sys/audit").str("/data/file~1/type"), "file");
  EXPECT_THAT(w.write("sys/audit/mine", {{"type", "file"}}).error(), HasSubstr("cannot enable audit device via API"));
  EXPECT_EQ(w.remove("sys/audit/file").status, 400);
  EXPECT_THAT(w.write("sys/audit-hash/file", {{"input", "x"}}).str("/hash"), MatchesRegex("hmac-sha256:[0-9a-f]{64}"));
  EXPECT_EQ(w.write("sys/audit-hash/none", {{"input", "x"}}).status, 400);
}

TEST_F(SysTest, MetricsAndTheRest) {
  const Seen metrics = w.read("sys/metrics");
  EXPECT_THAT(metrics.content_type, ::testing::StartsWith("text/plain"));
  EXPECT_THAT(metrics.text,
              AllOf(HasSubstr("# TYPE vault_core_requests_total counter"), HasSubstr("vault_core_unsealed 1"), Not(HasSubstr(w.root))));
  EXPECT_EQ(w.read("sys/leader", "").str("/is_self"), "true");
  EXPECT_EQ(w.list("sys/version-history").status, 200);
  EXPECT_EQ(w.read("sys/host-info").status, 200);
  EXPECT_EQ(w.read("sys/internal/ui/resultant-acl").str("/data/root"), "true");
  for (const char* path :
       {"sys/namespaces", "sys/namespaces/x", "sys/quotas/rate-limit/x", "sys/plugins/catalog", "sys/storage/raft/configuration"}) {
    const Seen seen = w.read(path);
    EXPECT_TRUE(seen.status == 400 || seen.status == 404) << path;
    EXPECT_FALSE(seen.error().empty()) << path;
  }
}

}  // namespace
}  // namespace postern::vault
