#include "logins/logins.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "logins/lockout.hpp"
#include "logins/password.hpp"
#include "vault/testing/backend_bench.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using testing::BackendBench;
using testing::Outcome;

std::string text(const Outcome& outcome, std::string_view name) {
  const auto* value = outcome.data.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

// ---- passwords and lockout ----------------------------------------------------------------------------------------------------------

TEST(Password, IsKeptAsASaltedHash) {
  const auto one = hash_password("correct horse").value();
  EXPECT_NE(one, hash_password("correct horse").value());
  EXPECT_EQ(one.find("correct"), std::string::npos);
  EXPECT_TRUE(verify_password("correct horse", one).value());
  EXPECT_FALSE(verify_password("correct hors", one).value());
  EXPECT_FALSE(verify_password("", one).value());
  EXPECT_FALSE(verify_password(std::string(2000, 'x'), one).value());
}

TEST(Password, WhatCannotBeOneIsRefused) {
  EXPECT_FALSE(hash_password(""));
  EXPECT_FALSE(hash_password(std::string(kPasswordBytes + 1, 'x')));
  for (const char* kept :
       {"", "$argon2id$", "$argon2i$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAA", "$argon2id$v=19$m=99999999,t=1,p=1$AAAAAAAAAAA$AAAA",
        "$argon2id$v=19$m=8,t=1$AAAAAAAAAAA$AAAA", "$argon2id$v=19$m=8,t=1,p=1$!$AAAA"})
    EXPECT_FALSE(verify_password("x", kept)) << kept;
}

TEST(Lockout, CountsFailuresByTheMonotonicClock) {
  ManualClock clock(wall_from_millis(0));
  Lockout lockout(clock);
  for (int i = 0; i < 4; ++i) lockout.failed("a");
  EXPECT_FALSE(lockout.locked("a"));
  clock.step(std::chrono::hours(24));  // NTP
  lockout.failed("a");
  EXPECT_TRUE(lockout.locked("a"));
  EXPECT_FALSE(lockout.locked("b"));
  clock.step(-std::chrono::hours(48));
  EXPECT_TRUE(lockout.locked("a"));
  clock.advance(std::chrono::minutes(15));
  EXPECT_FALSE(lockout.locked("a"));
  lockout.failed("a");
  EXPECT_FALSE(lockout.locked("a")) << "counting begins anew";
}

TEST(Lockout, OldFailuresAreForgottenAndNamesAreBounded) {
  ManualClock clock(wall_from_millis(0));
  Lockout lockout(clock, {.threshold = 2, .names = 3});
  lockout.failed("a");
  clock.advance(std::chrono::minutes(15));
  lockout.failed("a");
  EXPECT_FALSE(lockout.locked("a"));
  lockout.failed("a");
  EXPECT_TRUE(lockout.locked("a"));
  for (const char* name : {"b", "c", "d"}) {
    clock.advance(std::chrono::seconds(1));
    lockout.failed(name);
  }
  EXPECT_FALSE(lockout.locked("a")) << "pushed out by newer ones";
}

// ---- userpass -----------------------------------------------------------------------------------------------------------------------

class UserpassTest : public ::testing::Test {
 protected:
  BackendBench bench{make_userpass};
  Outcome login(std::string_view name, std::string_view password) {
    return bench.write("login/" + std::string(name), {{"password", password}});
  }
};

TEST_F(UserpassTest, AUserLogsInAndGetsWhatItsRulesSay) {
  ASSERT_EQ(
      bench.write("users/Alice", {{"password", "s3cret-words"}, {"token_policies", "a, b"}, {"token_ttl", "1h"}, {"token_num_uses", "3"}})
          .status,
      204);
  const auto seen = login("alice", "s3cret-words");
  ASSERT_TRUE(seen.grant.has_value()) << seen.error();
  EXPECT_EQ(seen.grant->policies, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(seen.grant->ttl, std::chrono::hours(1));
  EXPECT_EQ(seen.grant->num_uses, 3);
  EXPECT_EQ(seen.grant->alias, "alice");
  EXPECT_EQ(bench.list("users/").data.at("keys"), json::array{"alice"});
  const auto shown = bench.read("users/ALICE");
  EXPECT_EQ(shown.data.at("token_ttl"), 3600);
  EXPECT_EQ(json::serialize(shown.data).find("argon2"), std::string::npos);
}

TEST_F(UserpassTest, AWrongPasswordAndAnUnknownNameLookAlike) {
  ASSERT_EQ(bench.write("users/alice", {{"password", "s3cret-words"}}).status, 204);
  const auto wrong = login("alice", "guess");
  const auto unknown = login("nobody", "guess");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.error(), "invalid username or password");
  EXPECT_EQ(unknown.status, wrong.status);
  EXPECT_EQ(unknown.error(), wrong.error());
  EXPECT_EQ(login("alice", "").error(), "missing password");
}

TEST_F(UserpassTest, GuessingLocksTheNameWhetherItExistsOrNot) {
  ASSERT_EQ(bench.write("users/alice", {{"password", "s3cret-words"}}).status, 204);
  for (const char* name : {"alice", "nobody"}) {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(login(name, "guess").status, 400);
    EXPECT_EQ(login(name, "s3cret-words").status, 403) << name;
  }
  bench.clock().advance(std::chrono::minutes(16));
  EXPECT_TRUE(login("alice", "s3cret-words").grant.has_value());
}

TEST_F(UserpassTest, PasswordsAndPoliciesChange) {
  ASSERT_EQ(bench.write("users/alice", {{"password", "first-one"}}).status, 204);
  EXPECT_EQ(bench.write("users/alice/password", {{"password", "second-one"}}).status, 204);
  EXPECT_FALSE(login("alice", "first-one").grant.has_value());
  EXPECT_EQ(bench.write("users/alice/policies", {{"policies", "x"}}).status, 204);
  bench.restart();
  const auto seen = login("alice", "second-one");
  ASSERT_TRUE(seen.grant.has_value());
  EXPECT_EQ(seen.grant->policies, std::vector<std::string>{"x"});
  EXPECT_TRUE(bench.backend().renew(seen.grant->internal).has_value());
  EXPECT_EQ(bench.remove("users/alice").status, 204);
  EXPECT_FALSE(bench.backend().renew(seen.grant->internal).has_value());
  EXPECT_EQ(bench.read("users/alice").status, 404);
  EXPECT_EQ(bench.write("users/alice/password", {{"password", "x"}}).status, 400);
}

TEST_F(UserpassTest, BadInputIsRefused) {
  EXPECT_EQ(bench.write("users/alice", {}).error(), "missing password");
  EXPECT_EQ(bench.write("users/alice", {{"password", "x"}, {"token_ttl", "2h"}, {"token_max_ttl", "1h"}}).status, 400);
  EXPECT_EQ(bench.write("users/alice", {{"password", "x"}, {"token_type", "strange"}}).status, 400);
  EXPECT_EQ(bench.write("users/alice", {{"password", "x"}, {"token_type", "batch"}, {"token_num_uses", 1}}).status, 400);
  EXPECT_EQ(bench.write("users/alice", {{"password", "x"}, {"token_bound_cidrs", "10.0.0.0/99"}}).status, 400);
  EXPECT_EQ(bench.write("users/alice", {{"password", "x"}, {"token_num_uses", "many"}}).status, 400);
  EXPECT_EQ(bench.write("users/alice", {{"password_hash", "$2a$10$x"}}).status, 400);
  EXPECT_EQ(bench.write("users/a$b", {{"password", "x"}}).status, 400);
  EXPECT_EQ(bench.read("users/alice").status, 404);
}

TEST_F(UserpassTest, LoginsComeFromWhereTheRulesSay) {
  ASSERT_EQ(
      bench.write("users/alice", {{"password", "s3cret-words"}, {"token_bound_cidrs", "10.0.0.0/8"}, {"token_strictly_bind_ip", true}})
          .status,
      204);
  EXPECT_EQ(login("alice", "s3cret-words").status, 403);
  bench.set_remote_address("10.1.2.3");
  const auto seen = login("alice", "s3cret-words");
  ASSERT_TRUE(seen.grant.has_value());
  EXPECT_EQ(seen.grant->bound_cidrs, std::vector<std::string>{"10.1.2.3"});
}

// ---- approle ------------------------------------------------------------------------------------------------------------------------

class AppRoleTest : public ::testing::Test {
 protected:
  BackendBench bench{make_approle};
  std::string role_id(json::object settings = {}) {
    settings["token_policies"] = "mail";
    const auto made = bench.write("role/app", std::move(settings));
    EXPECT_EQ(made.status, 204) << made.error();
    return text(bench.read("role/app/role-id"), "role_id");
  }
  Outcome login(const std::string& role, const std::string& secret) {
    return bench.write("login", {{"role_id", role}, {"secret_id", secret}});
  }
};

TEST_F(AppRoleTest, ARoleAndASecretLogIn) {
  const auto role = role_id({{"token_ttl", "10m"}});
  const auto made = bench.write("role/app/secret-id", {{"metadata", R"({"host":"mx1"})"}});
  ASSERT_EQ(made.status, 200) << made.error();
  const auto seen = login(role, text(made, "secret_id"));
  ASSERT_TRUE(seen.grant.has_value()) << seen.error();
  EXPECT_EQ(seen.grant->policies, std::vector<std::string>{"mail"});
  EXPECT_EQ(seen.grant->metadata, (std::vector<std::pair<std::string, std::string>>{{"host", "mx1"}, {"role_name", "app"}}));
  EXPECT_TRUE(login(role, text(made, "secret_id")).grant.has_value()) << "any number of times";
  bench.restart();
  EXPECT_TRUE(login(role, text(made, "secret_id")).grant.has_value()) << "after a restart";
  EXPECT_TRUE(bench.backend().renew(seen.grant->internal).has_value());
}

TEST_F(AppRoleTest, WrongIdsLookAlike) {
  const auto role = role_id();
  const auto secret = text(bench.write("role/app/secret-id"), "secret_id");
  for (const auto& [r, s] : {std::pair(role, std::string("x")), {"x", secret}, {"x", "y"}}) {
    const auto seen = login(r, s);
    EXPECT_EQ(seen.status, 400);
    EXPECT_EQ(seen.error(), "invalid role or secret ID");
  }
  EXPECT_EQ(login("", secret).error(), "missing role_id");
  EXPECT_EQ(login(role, "").error(), "missing secret_id");
}

TEST_F(AppRoleTest, NothingInStorageIsASecretId) {
  static_cast<void>(role_id());
  const auto secret = text(bench.write("role/app/secret-id"), "secret_id");
  const auto paths = bench.storage().walk("").value();
  ASSERT_GE(paths.size(), 5U);
  for (const auto& path : paths) {
    EXPECT_EQ(path.find(secret), std::string::npos);
    const auto value = bench.storage().get(path).value();
    EXPECT_EQ(as_text(value->view()).find(secret), std::string_view::npos) << path;
  }
}

TEST_F(AppRoleTest, CountedUsesAreCountedOnceEach) {
  const auto role = role_id({{"secret_id_num_uses", 5}});
  const auto secret = text(bench.write("role/app/secret-id"), "secret_id");
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i)
    clients.emplace_back([&] {
      for (int n = 0; n < 4; ++n)
        if (login(role, secret).grant) ++good;
    });
  for (auto& client : clients) client.join();
  EXPECT_EQ(good, 5);
  EXPECT_EQ(bench.list("role/app/secret-id").status, 404) << "gone with its last use, and its accessor too";
}

TEST_F(AppRoleTest, SecretsExpireAndAreTidied) {
  const auto role = role_id({{"secret_id_ttl", "1h"}});
  const auto made = bench.write("role/app/secret-id");
  EXPECT_EQ(made.data.at("secret_id_ttl"), 3600);
  EXPECT_EQ(bench.write("role/app/secret-id", {{"ttl", "2h"}}).status, 400);
  EXPECT_EQ(bench.write("role/app/secret-id", {{"ttl", 0}}).status, 400);
  bench.clock().advance(std::chrono::minutes(59));
  EXPECT_TRUE(login(role, text(made, "secret_id")).grant.has_value());
  bench.clock().advance(std::chrono::minutes(1));
  EXPECT_FALSE(login(role, text(made, "secret_id")).grant.has_value());
  static_cast<void>(bench.write("role/app/secret-id"));
  bench.clock().advance(std::chrono::hours(2));
  bench.tick();
  EXPECT_TRUE(bench.storage().walk("secret/").value().empty());
  EXPECT_TRUE(bench.storage().walk("accessor/").value().empty());
}

TEST_F(AppRoleTest, AccessorsShowAndDestroy) {
  const auto role = role_id();
  const auto made = bench.write("role/app/secret-id", {{"metadata", json::object{{"a", "b"}}}});
  const auto accessor = text(made, "secret_id_accessor");
  EXPECT_EQ(bench.list("role/app/secret-id").data.at("keys"), json::array{accessor});
  const auto shown = bench.write("role/app/secret-id-accessor/lookup", {{"secret_id_accessor", accessor}});
  EXPECT_EQ(text(shown, "secret_id_accessor"), accessor);
  EXPECT_EQ(shown.data.at("metadata"), (json::object{{"a", "b"}}));
  EXPECT_EQ(json::serialize(shown.data).find(text(made, "secret_id")), std::string::npos);
  EXPECT_EQ(bench.write("role/app/secret-id/lookup", {{"secret_id", text(made, "secret_id")}}).status, 200);
  EXPECT_EQ(bench.write("role/app/secret-id-accessor/lookup", {{"secret_id_accessor", "x"}}).status, 404);
  EXPECT_EQ(bench.write("role/app/secret-id-accessor/destroy", {{"secret_id_accessor", accessor}}).status, 204);
  EXPECT_FALSE(login(role, text(made, "secret_id")).grant.has_value());
}

TEST_F(AppRoleTest, CustomSecretsAndRoleIds) {
  static_cast<void>(role_id());
  EXPECT_EQ(bench.write("role/app/role-id", {{"role_id", "my-role"}}).status, 204);
  EXPECT_EQ(bench.write("role/app/custom-secret-id", {{"secret_id", "my-secret"}}).status, 200);
  EXPECT_EQ(bench.write("role/app/custom-secret-id", {{"secret_id", "my-secret"}}).status, 400);
  EXPECT_TRUE(login("my-role", "my-secret").grant.has_value());
  EXPECT_EQ(bench.write("role/other", {{"role_id", "my-role"}}).status, 400) << "taken";
}

TEST_F(AppRoleTest, OneSettingByItself) {
  static_cast<void>(role_id());
  EXPECT_EQ(bench.write("role/app/token-ttl", {{"token_ttl", "5m"}, {"token_policies", "root"}}).status, 204);
  EXPECT_EQ(bench.read("role/app/token-ttl").data.at("token_ttl"), 300);
  EXPECT_EQ(bench.read("role/app/policies").data.at("token_policies"), json::array{"mail"}) << "the other field was not looked at";
  EXPECT_EQ(bench.write("role/app/policies", {{"policies", "x,y"}}).status, 204);
  EXPECT_EQ(bench.read("role/app").data.at("token_policies"), (json::array{"x", "y"}));
  EXPECT_EQ(bench.remove("role/app/token-ttl").status, 204);
  EXPECT_EQ(bench.read("role/app").data.at("token_ttl"), 0);
  EXPECT_EQ(bench.write("role/app/token-ttl", {}).status, 400);
  EXPECT_EQ(bench.write("role/none/token-ttl", {{"token_ttl", 1}}).status, 404);
}

TEST_F(AppRoleTest, ADeletedRoleTakesItsSecretsAlong) {
  const auto role = role_id();
  const auto secret = text(bench.write("role/app/secret-id"), "secret_id");
  EXPECT_EQ(bench.remove("role/app").status, 204);
  EXPECT_EQ(bench.read("role/app").status, 404);
  ASSERT_EQ(bench.write("role/app", {{"role_id", role}}).status, 204);
  EXPECT_FALSE(login(role, secret).grant.has_value());
}

TEST_F(AppRoleTest, ARoleWithoutSecretsNeedsNetworks) {
  EXPECT_EQ(bench.write("role/app", {{"bind_secret_id", false}}).status, 400);
  const auto role = role_id({{"bind_secret_id", false}, {"token_bound_cidrs", "127.0.0.0/8"}});
  EXPECT_TRUE(bench.write("login", {{"role_id", role}}).grant.has_value());
  bench.set_remote_address("192.0.2.1");
  EXPECT_EQ(bench.write("login", {{"role_id", role}}).status, 403);
  EXPECT_EQ(bench.write("role/app/secret-id").status, 400);
}

TEST_F(AppRoleTest, SecretsComeFromTheirNetworks) {
  const auto role = role_id({{"secret_id_bound_cidrs", "10.0.0.0/8"}});
  const auto secret = text(bench.write("role/app/secret-id"), "secret_id");
  EXPECT_EQ(login(role, secret).status, 400);
  bench.set_remote_address("10.9.9.9");
  EXPECT_TRUE(login(role, secret).grant.has_value());
}

}  // namespace
}  // namespace postern::vault
