// Tokens as clients see them, and the store below: uses that are raced, families that die, crashes in between, clocks that step.
#include <gmock/gmock.h>

#include <thread>

#include "vault/ids.hpp"
#include "vault/testing/world.hpp"
#include "vault/token_store.hpp"

namespace postern::vault {
namespace {

using boost::json::object;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Seen;
using ::testing::SizeIs;
using testing::World;

class TokensTest : public ::testing::Test {
 protected:
  bool alive(const std::string& token) { return w.read("auth/token/lookup-self", token).status == 200; }
  Seen create(object wishes, std::string token = "\1") { return w.write("auth/token/create", std::move(wishes), std::move(token)); }
  World w;
};

TEST_F(TokensTest, TheAuthBlockAndTheLookup) {
  const Seen made =
      create({{"policies", "Default, reader"}, {"ttl", "1h"}, {"meta", {{"team", "hr"}}}, {"display_name", "pay roll"}, {"num_uses", 5}});
  EXPECT_TRUE(made.at("/data").is_null());
  const std::string token = made.str("/auth/client_token");
  EXPECT_THAT(token, AllOf(::testing::StartsWith("hvs."), SizeIs(kServiceToken)));
  EXPECT_EQ(made.str("/auth/policies"), R"(["default","reader"])");
  EXPECT_EQ(made.str("/auth/lease_duration"), "3600");
  for (const char* key :
       {"accessor", "token_policies", "metadata", "renewable", "entity_id", "token_type", "orphan", "mfa_requirement", "num_uses"}) {
    EXPECT_TRUE(made.at("/auth").as_object().contains(key)) << key;
  }
  const Seen own = w.read("auth/token/lookup-self", token);
  EXPECT_EQ(own.str("/data/id"), token);
  EXPECT_EQ(own.str("/data/display_name"), "token-pay-roll");
  EXPECT_EQ(own.str("/data/path"), "auth/token/create");
  EXPECT_EQ(own.str("/data/meta/team"), "hr");
  EXPECT_EQ(own.str("/data/creation_ttl"), "3600");
  const std::string accessor = made.str("/auth/accessor");
  EXPECT_EQ(w.write("auth/token/lookup-accessor", {{"accessor", accessor}}).str("/data/id"), "");
  EXPECT_EQ(w.write("auth/token/lookup", {{"token", token}}).str("/data/accessor"), accessor);
  EXPECT_THAT(w.list("auth/token/accessors").text, HasSubstr(accessor));
  EXPECT_EQ(w.read("auth/token/lookup-self").str("/data/expire_time"), "null");
}

TEST_F(TokensTest, NoTokenIsInTheStorage) {
  const std::string token = w.token({{"policies", "default"}});
  for (const auto& [path, value] : w.store.raw()) {
    EXPECT_THAT(path, Not(HasSubstr(token.substr(4))));
    EXPECT_THAT(std::string(as_text(value)), Not(HasSubstr(token.substr(4))));
  }
}

TEST_F(TokensTest, GuessesAreAllRefusedAlike) {
  const std::string real = w.token({{"policies", "default"}});
  const Seen far = w.read("auth/token/lookup-self", "hvs.far");
  for (const std::string& guess :
       {std::string("x"), std::string("hvs."), std::string("hvb."), std::string("hvb.AAAA"), real.substr(0, real.size() - 1), real + "A",
        std::string(20'000, 'x'), std::string("s.a.b"), real + std::string(1, '\0'), std::string("../root")}) {
    const Seen seen = w.read("auth/token/lookup-self", guess);
    EXPECT_EQ(seen.status, 403);
    EXPECT_EQ(seen.text, far.text);
  }
  EXPECT_THAT(far.error(), HasSubstr("permission denied"));
  EXPECT_EQ(w.read("auth/token/lookup-self", "").status, 403);
}

TEST_F(TokensTest, AccessorsAreNoTokens) {
  const Seen made = create({{"policies", "root"}});
  const std::string accessor = made.str("/auth/accessor");
  EXPECT_EQ(w.read("sys/mounts", accessor).status, 403);
  EXPECT_EQ(w.write("auth/token/revoke-accessor", {{"accessor", accessor}}).status, 204);
  EXPECT_FALSE(alive(made.str("/auth/client_token")));
  for (const std::string& bad : {accessor, made.str("/auth/client_token"), std::string(), std::string("x")}) {
    const int status = w.write("auth/token/lookup-accessor", {{"accessor", bad}}).status;
    EXPECT_TRUE(status == 400 || status == 403) << status;
  }
}

TEST_F(TokensTest, UsesAreCountedAndNotRaced) {
  const std::string token = w.token({{"policies", "default"}, {"num_uses", 10}});
  std::atomic<int> good{0};
  std::vector<std::thread> users;
  for (int user = 0; user < 4; ++user) {
    users.emplace_back([&] {
      for (int use = 0; use < 10; ++use) {
        const int status = w.read("auth/token/lookup-self", token).status;
        EXPECT_TRUE(status == 200 || status == 403) << status;
        good += status == 200 ? 1 : 0;
      }
    });
  }
  for (std::thread& user : users) user.join();
  EXPECT_EQ(good, 10);
  EXPECT_THAT(w.list("auth/token/accessors").at("/data/keys").as_array(), SizeIs(1));
}

TEST_F(TokensTest, ARefusedRequestIsAUseToo) {
  const std::string token = w.token({{"policies", "default"}, {"num_uses", 1}});
  EXPECT_EQ(w.read("sys/mounts", token).status, 403);
  EXPECT_FALSE(alive(token));
  const std::string other = w.token({{"policies", "default"}, {"num_uses", 2}});
  EXPECT_EQ(create({{"policies", "default"}}, other).status, 403);  // no permission; and with one:
  const std::string creator = w.token({{"policies", "root"}, {"num_uses", 3}});
  EXPECT_EQ(create({}, creator).error(), "restricted use token cannot generate child tokens");
}

TEST_F(TokensTest, ChildrenDieWithTheirParentAndOrphansDoNot) {
  const std::string parent = w.token({{"policies", "root"}});
  const std::string child = create({{"policies", "root"}}, parent).str("/auth/client_token");
  const std::string grandchild = create({{"policies", "default"}}, child).str("/auth/client_token");
  const std::string orphan = w.write("auth/token/create-orphan", {{"policies", "default"}}, parent).str("/auth/client_token");
  EXPECT_TRUE(alive(child) && alive(grandchild) && alive(orphan));
  EXPECT_EQ(w.write("auth/token/revoke-self", {}, parent).status, 204);
  EXPECT_FALSE(alive(parent) || alive(child) || alive(grandchild));
  EXPECT_TRUE(alive(orphan));
}

TEST_F(TokensTest, RevokeOrphanLetsTheChildrenLive) {
  const std::string parent = w.token({{"policies", "root"}});
  const std::string child = create({{"policies", "default"}}, parent).str("/auth/client_token");
  EXPECT_EQ(w.write("auth/token/revoke-orphan", {{"token", parent}}).status, 204);
  EXPECT_FALSE(alive(parent));
  EXPECT_EQ(w.read("auth/token/lookup-self", child).str("/data/orphan"), "true");
}

TEST_F(TokensTest, ARevocationThatACrashInterruptedIsFinishedAtTheStart) {
  for (std::size_t cut = 1; cut <= 6; ++cut) {
    const std::string parent = w.token({{"policies", "root"}});
    const std::string child = create({{"policies", "default"}}, parent).str("/auth/client_token");
    EXPECT_TRUE(alive(child));
    w.store.fail_apply(cut, test::MemorySealedStore::Cut::After, true);
    (void)w.write("auth/token/revoke", {{"token", parent}});
    w.store.restart();
    w.restart();
    w.unseal();
    EXPECT_FALSE(alive(parent)) << cut;
    EXPECT_FALSE(alive(child)) << cut;
    EXPECT_TRUE(w.list("auth/token/accessors").at("/data/keys").as_array().size() == 1) << cut;
  }
}

TEST_F(TokensTest, RevokedDuringUseIsSeenAtOnce) {
  for (int round = 0; round < 10; ++round) {
    const std::string token = w.token({{"policies", "default"}});
    std::atomic<bool> revoked{false};
    std::atomic<int> uses{0};
    std::vector<std::thread> users;
    for (int user = 0; user < 2; ++user) {
      users.emplace_back([&] {
        for (;;) {
          const bool was_revoked = revoked;
          const int status = w.read("auth/token/lookup-self", token).status;
          ++uses;
          if (was_revoked) EXPECT_EQ(status, 403);
          if (status != 200) return;
        }
      });
    }
    while (uses < 4) std::this_thread::yield();
    EXPECT_EQ(w.write("auth/token/revoke", {{"token", token}}).status, 204);
    revoked = true;
    for (std::thread& user : users) user.join();
    EXPECT_FALSE(alive(token));
  }
}

TEST_F(TokensTest, TheyExpireWithTheirChildren) {
  const std::string parent = w.token({{"policies", "root"}, {"ttl", "10m"}});
  const std::string child = create({{"policies", "default"}, {"ttl", "5h"}}, parent).str("/auth/client_token");
  w.clock.advance(minutes(9));
  EXPECT_TRUE(alive(parent));
  w.clock.advance(minutes(1));
  EXPECT_FALSE(alive(parent));  // noticed in use
  EXPECT_FALSE(alive(child));

  const std::string other = w.token({{"policies", "root"}, {"ttl", "10m"}});
  const std::string other_child = create({{"policies", "default"}, {"ttl", "5h"}}, other).str("/auth/client_token");
  w.clock.advance(minutes(12));
  w.core->tick();  // noticed by the clock
  EXPECT_FALSE(alive(other_child));
  EXPECT_THAT(w.list("auth/token/accessors").at("/data/keys").as_array(), SizeIs(1));
}

TEST_F(TokensTest, AClockThatStepsBackRevivesNothing) {
  const std::string token = w.token({{"policies", "default"}, {"ttl", "10m"}});
  w.clock.advance(minutes(11));
  w.clock.step(-hours(2));
  EXPECT_FALSE(alive(token));
  const std::string next = w.token({{"policies", "default"}, {"ttl", "10m"}});
  EXPECT_TRUE(alive(next));
  w.clock.step(hours(24));
  EXPECT_FALSE(alive(next));
}

TEST_F(TokensTest, TimeGoesOnAcrossARestart) {
  const std::string token = w.token({{"policies", "default"}, {"ttl", "10m"}});
  w.restart();
  w.clock.advance(minutes(11));
  w.unseal();
  EXPECT_FALSE(alive(token));
}

TEST_F(TokensTest, Renewal) {
  const std::string token = w.token({{"policies", "default"}, {"ttl", "1h"}});
  EXPECT_EQ(w.write("auth/token/renew-self", {{"increment", "2h"}}, token).str("/auth/lease_duration"), "7200");
  EXPECT_EQ(w.write("auth/token/renew", {{"token", token}, {"increment", 1800}}).str("/auth/lease_duration"), "1800");
  EXPECT_EQ(w.write("auth/token/renew", {{"token", token}, {"increment", 0}}).str("/auth/lease_duration"), "3600");
  const std::string accessor = w.read("auth/token/lookup-self", token).str("/data/accessor");
  EXPECT_EQ(w.write("auth/token/renew-accessor", {{"accessor", accessor}}).str("/auth/client_token"), "");
  w.clock.advance(minutes(59));
  w.core->tick();
  EXPECT_TRUE(alive(token));
  w.clock.advance(minutes(62));
  w.core->tick();
  EXPECT_FALSE(alive(token));
  const std::string fixed = w.token({{"policies", "default"}, {"ttl", "1h"}, {"renewable", false}});
  EXPECT_EQ(w.write("auth/token/renew", {{"token", fixed}}).error(), "lease is not renewable");
  EXPECT_EQ(w.write("auth/token/renew-self").status, 400);  // root has no end
}

TEST_F(TokensTest, PeriodsAndMaxima) {
  const std::string periodic = w.token({{"policies", "default"}, {"period", "1h"}});
  EXPECT_EQ(w.write("auth/token/renew", {{"token", periodic}, {"increment", "9h"}}).str("/auth/lease_duration"), "3600");
  EXPECT_EQ(w.write("auth/token/lookup", {{"token", periodic}}).str("/data/period"), "3600");
  const std::string limited = w.token({{"policies", "default"}, {"ttl", "1h"}, {"explicit_max_ttl", "90m"}});
  EXPECT_EQ(w.write("auth/token/renew", {{"token", limited}, {"increment", "9h"}}).str("/auth/lease_duration"), "5400");
  w.clock.advance(minutes(80));
  EXPECT_EQ(w.write("auth/token/renew", {{"token", limited}, {"increment", "9h"}}).str("/auth/lease_duration"), "600");
  const Seen capped = create({{"policies", "default"}, {"ttl", "9000h"}});
  EXPECT_EQ(capped.str("/auth/lease_duration"), std::to_string(768 * 3600));
  EXPECT_THAT(capped.str("/warnings/0"), HasSubstr("capped"));
}

TEST_F(TokensTest, BatchTokens) {
  const std::string parent = w.token({{"policies", "root"}});
  const Seen made = create({{"policies", "default"}, {"type", "batch"}, {"ttl", "1h"}}, parent);
  const std::string token = made.str("/auth/client_token");
  EXPECT_THAT(token, ::testing::StartsWith("hvb."));
  EXPECT_EQ(made.str("/auth/accessor"), "");
  EXPECT_EQ(w.read("auth/token/lookup-self", token).str("/data/type"), "batch");
  EXPECT_EQ(w.write("auth/token/renew-self", {}, token).status, 400);
  EXPECT_EQ(w.write("auth/token/revoke-self", {}, token).status, 400);
  EXPECT_EQ(create({{"policies", "default"}}, token).status, 403);
  for (std::size_t at = 4; at < token.size(); at += 7) {
    std::string damaged = token;
    damaged[at] = damaged[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(alive(damaged)) << at;
  }
  w.restart();
  w.unseal();
  EXPECT_TRUE(alive(token));
  EXPECT_EQ(w.write("auth/token/revoke", {{"token", parent}}).status, 204);
  EXPECT_FALSE(alive(token));
  for (const object& bad : {object{{"num_uses", 1}}, object{{"period", "1h"}}, object{{"id", "mine"}}}) {
    object wishes = bad;
    wishes["type"] = "batch";
    EXPECT_EQ(create(wishes).status, 400) << bad;
  }
  const std::string brief = create({{"policies", "default"}, {"type", "batch"}, {"ttl", "1m"}}).str("/auth/client_token");
  EXPECT_TRUE(alive(brief));
  w.clock.advance(minutes(1));
  EXPECT_FALSE(alive(brief));
}

TEST_F(TokensTest, NobodyGrantsMoreThanTheyHave) {
  const std::string small = w.limited(R"(path "auth/token/create*" { capabilities = ["create", "update"] })");
  for (const char* policies : {"root", "other", "default,root", "ROOT", " root "})
    EXPECT_EQ(create({{"policies", policies}}, small).status, 400) << policies;
  EXPECT_EQ(create({{"policies", "default"}}, small).str("/auth/policies"), R"(["default"])");
  EXPECT_THAT(create({}, small).str("/auth/policies"), Not(HasSubstr("root")));
  for (const object& more : {object{{"id", "chosen"}}, object{{"no_parent", true}}, object{{"period", "1h"}}})
    EXPECT_EQ(create(more, small).status, 400);
  EXPECT_EQ(create({{"policies", "response-wrapping"}}).status, 400);
  const std::string sudo = w.limited(R"(path "auth/token/create" { capabilities = ["update", "sudo"] })");
  EXPECT_EQ(create({{"policies", "other"}, {"period", "1h"}, {"no_parent", true}}, sudo).status, 200);
  EXPECT_EQ(create({{"policies", "root"}}, sudo).status, 400);
  const std::string brief = w.token({{"policies", "root"}, {"ttl", "1h"}});
  EXPECT_EQ(create({}, brief).status, 400);  // root for ever from root for an hour
}

TEST_F(TokensTest, ChosenIds) {
  EXPECT_EQ(create({{"policies", "default"}, {"id", "my-own-token"}}).str("/auth/client_token"), "my-own-token");
  EXPECT_TRUE(alive("my-own-token"));
  EXPECT_EQ(create({{"policies", "default"}, {"id", "my-own-token"}}).error(), "cannot create a token with a duplicate ID");
  for (const char* bad : {"with.dot", "with space", "\xc3\xa4", "a/b"}) EXPECT_EQ(create({{"id", bad}}).status, 400) << bad;
}

TEST_F(TokensTest, Roles) {
  const object role{
      {"allowed_policies", "default,reader"}, {"orphan", true}, {"token_period", "30m"}, {"renewable", true}, {"path_suffix", "team"}};
  EXPECT_EQ(w.write("auth/token/roles/r", role).status, 204);
  EXPECT_EQ(w.read("auth/token/roles/r").str("/data/allowed_policies"), R"(["default","reader"])");
  EXPECT_EQ(w.list("auth/token/roles").str("/data/keys"), R"(["r"])");
  const Seen made = w.write("auth/token/create/r", {{"policies", "reader"}});
  EXPECT_EQ(made.str("/auth/lease_duration"), "1800");
  EXPECT_EQ(made.str("/auth/orphan"), "true");
  EXPECT_EQ(w.read("auth/token/lookup-self", made.str("/auth/client_token")).str("/data/path"), "auth/token/create/r/team");
  EXPECT_EQ(w.write("auth/token/create/r", {{"policies", "root"}}).status, 400);
  EXPECT_EQ(w.write("auth/token/roles/g", {{"allowed_policies_glob", "team-*,x*y*z"}, {"disallowed_policies", "team-lead"}}).status, 204);
  for (const auto& [policy, status] : std::vector<std::pair<const char*, int>>{
           {"team-a", 200}, {"team-", 200}, {"team-lead", 400}, {"tea", 400}, {"x1y2z", 200}, {"xyz", 200}, {"xz", 400}, {"xy", 400}}) {
    EXPECT_EQ(w.write("auth/token/create/g", {{"policies", policy}}).status, status) << policy;
  }
  for (const object& bad : {object{{"token_type", "other"}}, object{{"token_num_uses", -1}}, object{{"token_bound_cidrs", "x"}},
                            object{{"path_suffix", "a/b"}}, object{{"token_type", "batch"}, {"token_period", "1h"}}}) {
    EXPECT_EQ(w.write("auth/token/roles/bad", bad).status, 400) << bad;
  }
  EXPECT_EQ(w.remove("auth/token/roles/r").status, 204);
  EXPECT_EQ(w.write("auth/token/create/r").error(), "unknown role r");
}

TEST_F(TokensTest, LoginsGiveTokens) {
  const Seen login = w.write("auth/door/login/alice", {{"word", "please"}, {"policies", "reader"}, {"ttl", "15m"}}, "s.stale");
  ASSERT_EQ(login.status, 200) << login.text;
  EXPECT_EQ(login.str("/auth/policies"), R"(["default","reader"])");
  EXPECT_EQ(login.str("/auth/lease_duration"), "900");
  EXPECT_EQ(login.str("/auth/metadata/word"), "please");
  const std::string token = login.str("/auth/client_token");
  EXPECT_EQ(w.read("auth/token/lookup-self", token).str("/data/display_name"), "door-alice");
  EXPECT_EQ(w.write("auth/token/renew-self", {{"increment", "9h"}}, token).str("/auth/lease_duration"),
            "7200");  // what the door says today
  EXPECT_EQ(w.write("auth/door/login/alice", {{"word", "now"}}, "").status, 400);
  EXPECT_EQ(w.write("auth/door/login/eve", {{"word", "please"}, {"policies", "root"}}, "").error(),
            "auth methods cannot create root tokens");
  const Seen again = w.write("auth/door/login/alice", {{"word", "please"}}, "");
  EXPECT_EQ(again.str("/auth/entity_id"), login.str("/auth/entity_id"));
  EXPECT_TRUE(is_uuid(again.str("/auth/entity_id")));
  EXPECT_EQ(w.remove("sys/auth/door").status, 204);
  EXPECT_FALSE(alive(token));  // logged out with the method
}

TEST_F(TokensTest, AMethodMayMakeBatchTokens) {
  EXPECT_EQ(w.write("sys/auth/door/tune", {{"token_type", "batch"}}).status, 204);
  EXPECT_EQ(w.write("auth/door/login/a", {{"word", "please"}}, "").str("/auth/token_type"), "batch");
  EXPECT_EQ(w.write("auth/door/login/a", {{"word", "please"}, {"uses", 3}}, "").status, 400);
}

TEST_F(TokensTest, BoundToANetwork) {
  const auto login = [&](const char* cidrs) {
    return w.write("auth/door/login/a", {{"word", "please"}, {"cidrs", cidrs}}, "").str("/auth/client_token");
  };
  EXPECT_TRUE(alive(login("192.0.2.0/24")));
  EXPECT_TRUE(alive(login("2001:db8::/32,192.0.2.7")));
  EXPECT_FALSE(alive(login("198.51.100.0/24")));
  EXPECT_EQ(w.write("auth/door/login/a", {{"word", "please"}, {"cidrs", "192.0.2.0/33"}}, "").status, 400);
}

TEST_F(TokensTest, TemplatesKnowWhoLoggedIn) {
  const std::string accessor = w.read("sys/auth").str("/data/door~1/accessor");
  EXPECT_EQ(w.write("sys/policies/acl/home",
                    {{"policy", "path \"notes/home/{{identity.entity.aliases." + accessor + ".name}}/*\" { capabilities = [\"create\"] }"}})
                .status,
            204);
  const std::string token = w.write("auth/door/login/alice", {{"word", "please"}, {"policies", "home"}}, "").str("/auth/client_token");
  EXPECT_EQ(w.write("notes/home/alice/x", {}, token).status, 204);
  EXPECT_EQ(w.write("notes/home/bob/x", {}, token).status, 403);
}

TEST_F(TokensTest, AChangedPolicyHoldsAtOnce) {
  const std::string policy = "path \"notes/a\" { capabilities = [\"read\"] }";
  EXPECT_EQ(w.write("sys/policies/acl/p", {{"policy", policy}}).status, 204);
  const std::string token = w.token({{"policies", "p"}});
  EXPECT_EQ(w.read("notes/a", token).status, 404);
  EXPECT_EQ(w.write("sys/policies/acl/p", {{"policy", ""}}).status, 204);
  EXPECT_EQ(w.read("notes/a", token).status, 403);
}

TEST_F(TokensTest, LeasesAreThoseOfTokens) {
  const std::string token = w.token({{"policies", "default"}, {"ttl", "1h"}});
  const Seen names = w.list("sys/leases/lookup/auth/token/create");
  ASSERT_EQ(names.at("/data/keys").as_array().size(), 1U);
  const std::string id = "auth/token/create/" + names.str("/data/keys/0");
  EXPECT_EQ(w.write("sys/leases/lookup", {{"lease_id", id}}).str("/data/ttl"), "3600");
  EXPECT_EQ(w.write("sys/leases/renew", {{"lease_id", id}, {"increment", "2h"}}).str("/auth/lease_duration"), "7200");
  EXPECT_EQ(w.write("sys/leases/lookup", {{"lease_id", "x"}}).status, 400);
  EXPECT_EQ(w.list("sys/leases/lookup").str("/data/keys"), R"(["auth/"])");
  EXPECT_EQ(w.list("sys/leases/lookup", token).status, 403);
  EXPECT_EQ(w.write("sys/leases/revoke", {{"lease_id", id}}).status, 204);
  EXPECT_FALSE(alive(token));
  const std::string one = w.token({{"policies", "default"}});
  const std::string login = w.write("auth/door/login/a", {{"word", "please"}}, "").str("/auth/client_token");
  EXPECT_EQ(w.write("sys/leases/revoke-prefix/auth/door").status, 204);
  EXPECT_FALSE(alive(login));
  EXPECT_TRUE(alive(one));
}

TEST_F(TokensTest, TidyRemovesWhatIsSpent) {
  const std::string token = w.token({{"policies", "default"}, {"ttl", "1m"}});
  w.clock.advance(minutes(2));
  EXPECT_THAT(w.write("auth/token/tidy").str("/warnings/0"), HasSubstr("removed 1"));
  EXPECT_FALSE(alive(token));
}

// The store alone ----------------------------------------------------------------------------------------------------------------------

TEST(TokenStoreTest, TheCacheIsBounded) {
  ManualClock clock{wall_from_millis(1795308067000)};
  const EngineTime time(clock);
  MemoryStorage policy_storage, storage;
  Policies policies;
  ASSERT_TRUE(policies.start(policy_storage));
  TokenStore store(policies, time, {.cached = 64});
  ASSERT_TRUE(store.start(storage, {}));
  std::vector<std::string> tokens;
  for (int made = 0; made < 300; ++made) {
    TokenEntry entry;
    entry.policies = {"default"};
    entry.creation_ttl = seconds(3600);
    tokens.push_back(store.issue(std::move(entry), nullptr).value().token);
    ASSERT_TRUE(store.use(tokens.back(), "192.0.2.1"));
  }
  EXPECT_LE(store.cached_tokens(), 64U);
  for (const std::string& token : tokens) EXPECT_TRUE(store.use(token, "192.0.2.1"));
}

TEST(TokenStoreTest, ManyDueAtOnceGoInSteps) {
  ManualClock clock{wall_from_millis(1795308067000)};
  const EngineTime time(clock);
  MemoryStorage policy_storage, storage;
  Policies policies;
  ASSERT_TRUE(policies.start(policy_storage));
  TokenStore store(policies, time, {});
  ASSERT_TRUE(store.start(storage, {}));
  for (int made = 0; made < 700; ++made) {
    TokenEntry entry;
    entry.policies = {"default"};
    entry.creation_ttl = seconds(60);
    ASSERT_TRUE(store.issue(std::move(entry), nullptr));
  }
  clock.advance(minutes(3));
  store.tick();
  EXPECT_THAT(storage.list("id/").value(), SizeIs(700 - 512));
  store.tick();
  EXPECT_THAT(storage.list("id/").value(), SizeIs(0));
  EXPECT_THAT(storage.walk("expire/").value(), SizeIs(0));
  EXPECT_THAT(storage.walk("accessor/").value(), SizeIs(0));
}

TEST(TokenEntryTest, DamageIsAnError) {
  TokenEntry entry;
  entry.policies = {"a"};
  const SecretBytes good = encode(entry);
  EXPECT_TRUE(decode_token_entry(good.view()));
  for (const char* bad : {"", "{", "[]", "{}", R"({"metadata":{},"internal":[]})", R"({"metadata":5})"})
    EXPECT_FALSE(decode_token_entry(as_bytes(bad))) << bad;
}

TEST(IdsTest, LookRandomAndHaveTheirForm) {
  EXPECT_TRUE(is_uuid(make_uuid()));
  EXPECT_NE(make_uuid(), make_uuid());
  EXPECT_EQ(make_service_token().size(), kServiceToken);
  const std::string text = random_base62(5000);
  EXPECT_EQ(text.size(), 5000U);
  for (const char c : std::string_view("09AZaz")) EXPECT_NE(text.find(c), std::string::npos) << c;
  EXPECT_FALSE(is_uuid("x"));
}

}  // namespace
}  // namespace postern::vault
