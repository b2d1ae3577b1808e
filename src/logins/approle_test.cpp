#include "logins/approle.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "vault/testing/backend_bench.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using std::chrono::hours;
using std::chrono::seconds;
using testing::BackendBench;
using ::testing::HasSubstr;
using testing::Outcome;

constexpr std::string_view kInvalid = "invalid role or secret ID";

struct AppRoleTest : ::testing::Test {
  BackendBench bench{make_approle};

  std::string role(json::object settings = {}, const std::string& name = "r") {
    const Outcome made = bench.write("role/" + name, std::move(settings));
    EXPECT_EQ(made.status, 204) << made.error();
    return text(bench.read("role/" + name + "/role-id"), "role_id");
  }
  Outcome secret(json::object wishes = {}) { return bench.write("role/r/secret-id", std::move(wishes)); }
  Outcome login(std::string_view role_id, std::string_view secret_id) {
    return bench.write("login", {{"role_id", role_id}, {"secret_id", secret_id}});
  }
  static std::string text(const Outcome& from, std::string_view name) {
    const json::value* value = from.data.if_contains(name);
    EXPECT_NE(value, nullptr) << name << ": " << from.error();
    return value == nullptr ? std::string() : std::string(value->as_string());
  }
};

TEST_F(AppRoleTest, LogsIn) {
  const std::string id = role({{"token_policies", "Mail,ops"}, {"token_ttl", "20m"}, {"token_max_ttl", "1h"}, {"token_num_uses", 7}});
  const Outcome made = secret({{"metadata", R"({"tag":"blue","role_name":"forged"})"}});
  ASSERT_EQ(made.status, 200) << made.error();
  EXPECT_EQ(made.data.at("secret_id_ttl"), 0);
  EXPECT_EQ(made.data.at("secret_id_num_uses"), 0);
  const Outcome in = login(" " + id + " ", text(made, "secret_id") + "\n");
  ASSERT_TRUE(in.grant) << in.error();
  EXPECT_EQ(in.grant->policies, (std::vector<std::string>{"mail", "ops"}));
  EXPECT_EQ(in.grant->ttl, seconds(1200));
  EXPECT_EQ(in.grant->max_ttl, hours(1));
  EXPECT_EQ(in.grant->num_uses, 7);
  EXPECT_EQ(in.grant->alias, id);
  EXPECT_EQ(in.grant->metadata, (std::vector<std::pair<std::string, std::string>>{{"role_name", "r"}, {"tag", "blue"}}));
  // Again, and after a restart: there is no limit of uses.
  bench.restart();
  EXPECT_TRUE(login(id, text(made, "secret_id")).grant);
}

TEST_F(AppRoleTest, WrongOnesLookAlike) {
  const std::string id = role();
  const std::string good = text(secret(), "secret_id");
  role({}, "other");
  for (const auto& [role_id, secret_id] : std::vector<std::pair<std::string, std::string>>{{id, "x"},
                                                                                           {id, good + "x"},
                                                                                           {"unknown", good},
                                                                                           {"", good},
                                                                                           {id, ""},
                                                                                           {"unknown", ""},
                                                                                           {"-", good},
                                                                                           {"../role/r", good},
                                                                                           {"r", good}}) {
    const Outcome out = login(role_id, secret_id);
    EXPECT_EQ(out.status, 400);
    EXPECT_FALSE(out.grant);
    const std::string_view wanted = role_id.empty() ? "missing role_id" : secret_id.empty() ? "missing secret_id" : kInvalid;
    EXPECT_EQ(out.error(), wanted) << role_id << " / " << secret_id;
  }
  // A secret id is its role's alone.
  EXPECT_EQ(login(text(bench.read("role/other/role-id"), "role_id"), good).error(), kInvalid);
}

TEST_F(AppRoleTest, OnlyHashesAreStored) {
  role();
  const std::string id = text(secret(), "secret_id");
  const std::string chosen = "a-chosen-secret-id";
  EXPECT_EQ(bench.write("role/r/custom-secret-id", {{"secret_id", chosen}}).status, 200);
  const auto paths = bench.storage().walk("").value();
  EXPECT_GE(paths.size(), 6U);
  for (const std::string& path : paths) {
    const std::string stored = path + std::string(as_text(bench.storage().get(path).value()->view()));
    EXPECT_EQ(stored.find(id), std::string::npos) << path;
    EXPECT_EQ(stored.find(chosen), std::string::npos) << path;
  }
}

TEST_F(AppRoleTest, UsesAreCounted) {
  const std::string id = role({{"secret_id_num_uses", 2}});
  const Outcome made = secret();
  EXPECT_EQ(made.data.at("secret_id_num_uses"), 2);
  EXPECT_TRUE(login(id, text(made, "secret_id")).grant);
  EXPECT_EQ(bench.write("role/r/secret-id/lookup", {{"secret_id", text(made, "secret_id")}}).data.at("secret_id_num_uses"), 1);
  EXPECT_TRUE(login(id, text(made, "secret_id")).grant);
  EXPECT_EQ(login(id, text(made, "secret_id")).error(), kInvalid);
  EXPECT_EQ(bench.list("role/r/secret-id").status, 404) << "its accessor is gone too";
  EXPECT_EQ(secret({{"num_uses", 3}}).error(), "num_uses cannot be higher than the role's secret_id_num_uses");
  EXPECT_EQ(secret({{"num_uses", 0}}).status, 400) << "no limit is more than two";
  EXPECT_EQ(secret({{"num_uses", -1}}).status, 400);
  EXPECT_EQ(secret({{"num_uses", 1}}).data.at("secret_id_num_uses"), 1);
}

TEST_F(AppRoleTest, OneUseIsOneLoginHoweverManyTry) {
  const std::string id = role({{"secret_id_num_uses", 3}});
  const std::string once = text(secret(), "secret_id");
  std::atomic<int> in{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) in += login(id, once).grant ? 1 : 0;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(in, 3);
}

TEST_F(AppRoleTest, SecretIdsExpire) {
  const std::string id = role({{"secret_id_ttl", "1h"}});
  const std::string one = text(secret(), "secret_id");
  const std::string two = text(secret({{"ttl", "90m"}}).status == 400 ? secret({{"ttl", 60}}) : Outcome{}, "secret_id");
  bench.clock().advance(seconds(60));
  EXPECT_EQ(login(id, two).error(), kInvalid);
  EXPECT_EQ(bench.write("role/r/secret-id/lookup", {{"secret_id", two}}).status, 204);
  EXPECT_TRUE(login(id, one).grant);
  EXPECT_EQ(bench.list("role/r/secret-id").data.at("keys").as_array().size(), 2U);
  bench.tick();
  EXPECT_EQ(bench.list("role/r/secret-id").data.at("keys").as_array().size(), 1U);
  bench.clock().advance(hours(1));
  EXPECT_EQ(login(id, one).error(), kInvalid);
  EXPECT_EQ(bench.write("tidy/secret-id").status, 202);
  EXPECT_EQ(bench.list("role/r/secret-id").status, 404);
  EXPECT_TRUE(bench.storage().walk("secret/").value().empty());
}

TEST_F(AppRoleTest, TicksComeAroundToEverySecretId) {
  for (const char* name : {"a", "b", "c"}) {
    role({{"secret_id_ttl", "1m"}}, name);
    for (int i = 0; i < 400; ++i) ASSERT_EQ(bench.write("role/" + std::string(name) + "/secret-id").status, 200);
  }
  bench.clock().advance(seconds(60));
  for (int i = 0; i < 6; ++i) bench.tick();
  EXPECT_TRUE(bench.storage().walk("secret/").value().empty());
  EXPECT_TRUE(bench.storage().walk("accessor/").value().empty());
}

TEST_F(AppRoleTest, Accessors) {
  const std::string id = role();
  const Outcome made = secret({{"metadata", {{"k", "v"}}}, {"cidr_list", "10.0.0.0/8,127.0.0.1"}});
  const std::string accessor = text(made, "secret_id_accessor");
  EXPECT_EQ(bench.list("role/r/secret-id").data, (json::object{{"keys", {accessor}}}));
  const Outcome seen = bench.write("role/r/secret-id-accessor/lookup", {{"secret_id_accessor", accessor}});
  EXPECT_EQ(text(seen, "secret_id_accessor"), accessor);
  EXPECT_EQ(seen.data.at("metadata"), (json::object{{"k", "v"}}));
  EXPECT_EQ(seen.data.at("cidr_list"), (json::array{"10.0.0.0/8", "127.0.0.1"}));
  EXPECT_EQ(seen.data.at("expiration_time"), "0001-01-01T00:00:00Z");
  EXPECT_FALSE(seen.data.contains("secret_id"));
  for (const char* bad : {"x", "../r", "00000000-0000-4000-8000-000000000000"})
    EXPECT_EQ(bench.write("role/r/secret-id-accessor/lookup", {{"secret_id_accessor", bad}}).status, 404) << bad;
  role({}, "other");
  EXPECT_EQ(bench.write("role/other/secret-id-accessor/destroy", {{"secret_id_accessor", accessor}}).status, 404);
  EXPECT_TRUE(login(id, text(made, "secret_id")).grant);
  EXPECT_EQ(bench.write("role/r/secret-id-accessor/destroy", {{"secret_id_accessor", accessor}}).status, 204);
  EXPECT_EQ(login(id, text(made, "secret_id")).error(), kInvalid);
  const std::string second = text(secret(), "secret_id");
  EXPECT_EQ(bench.remove("role/r/secret-id/destroy", {{"secret_id", second}}).status, 204);
  EXPECT_EQ(login(id, second).error(), kInvalid);
}

TEST_F(AppRoleTest, CustomSecretIds) {
  const std::string id = role();
  EXPECT_EQ(bench.write("role/r/custom-secret-id", {{"secret_id", "mine"}}).status, 200);
  EXPECT_TRUE(login(id, "mine").grant);
  EXPECT_EQ(bench.write("role/r/custom-secret-id", {{"secret_id", "mine"}}).error(), "SecretID is already registered");
  EXPECT_EQ(bench.write("role/r/custom-secret-id").error(), "missing secret_id");
  EXPECT_EQ(bench.write("role/r/custom-secret-id", {{"secret_id", std::string(5000, 'x')}}).status, 400);
  EXPECT_EQ(bench.write("role/none/custom-secret-id", {{"secret_id", "mine"}}).status, 404);
}

TEST_F(AppRoleTest, Addresses) {
  const std::string id = role({{"secret_id_bound_cidrs", "10.0.0.0/8"}, {"secret_id_num_uses", 1}});
  EXPECT_EQ(secret({{"cidr_list", "192.0.2.0/24"}}).error(), "cidr_list is not within the CIDR blocks of the role");
  EXPECT_EQ(secret({{"cidr_list", "0.0.0.0/0"}}).status, 400);
  EXPECT_EQ(secret({{"cidr_list", "somewhere"}}).status, 400);
  const std::string one = text(secret({{"cidr_list", "10.1.0.0/16"}, {"token_bound_cidrs", "10.1.1.0/24"}}), "secret_id");
  for (const char* away : {"127.0.0.1", "10.2.0.1", "10.1.2.1", "", "::1"}) {
    bench.set_remote_address(away);
    EXPECT_THAT(login(id, one).error(), HasSubstr("unauthorized through CIDR restrictions")) << away;
  }
  bench.set_remote_address("10.1.1.1");
  const Outcome in = login(id, one);
  ASSERT_TRUE(in.grant) << "and the use was not taken by those from elsewhere";
  EXPECT_EQ(in.grant->bound_cidrs, (std::vector<std::string>{"10.1.1.0/24"}));
  EXPECT_EQ(bench.write("role/r", {{"token_strictly_bind_ip", true}}).status, 204);
  EXPECT_EQ(login(id, text(secret(), "secret_id")).grant->bound_cidrs, (std::vector<std::string>{"10.1.1.1"}));
}

TEST_F(AppRoleTest, WithoutSecretIds) {
  EXPECT_EQ(bench.write("role/r", {{"bind_secret_id", false}}).error(), "at least one constraint should be enabled on the role");
  const std::string id = role({{"bind_secret_id", "false"}, {"token_bound_cidrs", json::array{"127.0.0.0/8"}}});
  EXPECT_TRUE(login(id, "").grant);
  bench.set_remote_address("192.0.2.1");
  EXPECT_FALSE(login(id, "").grant);
  EXPECT_EQ(secret().error(), "bind_secret_id is not set on the role");
}

TEST_F(AppRoleTest, RolesAreReadAsWritten) {
  role({{"token_type", "batch"}, {"token_explicit_max_ttl", 60}, {"token_no_default_policy", "true"}, {"policies", "old"}});
  const Outcome read = bench.read("role/R");
  EXPECT_EQ(read.data, (json::object{{"bind_secret_id", true},
                                     {"local_secret_ids", false},
                                     {"secret_id_bound_cidrs", json::array{}},
                                     {"secret_id_num_uses", 0},
                                     {"secret_id_ttl", 0},
                                     {"token_bound_cidrs", json::array{}},
                                     {"token_explicit_max_ttl", 60},
                                     {"token_max_ttl", 0},
                                     {"token_no_default_policy", true},
                                     {"token_num_uses", 0},
                                     {"token_period", 0},
                                     {"token_policies", json::array{"old"}},
                                     {"token_strictly_bind_ip", false},
                                     {"token_ttl", 0},
                                     {"token_type", "batch"}}));
  EXPECT_EQ(bench.list("role").data, (json::object{{"keys", {"r"}}}));
  // What is not sent stays.
  EXPECT_EQ(bench.write("role/r", {{"token_policies", "new"}}).status, 204);
  EXPECT_EQ(bench.read("role/r").data.at("token_explicit_max_ttl"), 60);
  EXPECT_EQ(bench.remove("role/r").status, 204);
  EXPECT_EQ(bench.remove("role/r").status, 204);
  EXPECT_EQ(bench.read("role/r").status, 404);
  EXPECT_EQ(bench.list("role").status, 404);
}

TEST_F(AppRoleTest, EachSettingHasItsPath) {
  const std::string id = role();
  const std::vector<std::pair<std::string, json::value>> cases{{"bind-secret-id", false},
                                                               {"secret-id-bound-cidrs", json::array{"10.0.0.0/8"}},
                                                               {"secret-id-num-uses", 5},
                                                               {"secret-id-ttl", 300},
                                                               {"token-bound-cidrs", json::array{"127.0.0.1"}},
                                                               {"token-explicit-max-ttl", 400},
                                                               {"token-max-ttl", 300},
                                                               {"token-no-default-policy", true},
                                                               {"token-num-uses", 3},
                                                               {"token-period", 60},
                                                               {"token-policies", json::array{"a", "b"}},
                                                               {"token-strictly-bind-ip", true},
                                                               {"token-ttl", 30},
                                                               {"token-type", "service"},
                                                               {"policies", json::array{"c"}},
                                                               {"period", 90},
                                                               {"bound-cidr-list", json::array{"192.0.2.0/24"}}};
  EXPECT_EQ(bench.write("role/r/token-bound-cidrs", {{"token_bound_cidrs", "127.0.0.1"}}).status, 204);
  for (const auto& [path, value] : cases) {
    std::string field = path;
    std::ranges::replace(field, '-', '_');
    const json::value before = bench.read("role/r/" + path).data.at(field);
    EXPECT_EQ(bench.write("role/r/" + path, {{field, value}}).status, 204) << path;
    EXPECT_EQ(bench.read("role/r/" + path).data.at(field), value) << path;
    EXPECT_EQ(bench.write("role/r/" + path).status, 400) << path;
    if (path == "bind-secret-id" || path == "token-bound-cidrs") continue;  // the others would leave the role open
    EXPECT_EQ(bench.remove("role/r/" + path).status, 204) << path;
    EXPECT_EQ(bench.read("role/r/" + path).data.at(field), before) << path;
  }
  EXPECT_EQ(bench.remove("role/r/token-bound-cidrs").error(), "at least one constraint should be enabled on the role");
  EXPECT_EQ(bench.remove("role/r/bind-secret-id").status, 204);
  EXPECT_EQ(bench.read("role/none/token-ttl").status, 404);
  EXPECT_EQ(bench.write("role/none/token-ttl", {{"token_ttl", 1}}).error(), "role \"none\" does not exist");
}

TEST_F(AppRoleTest, RoleIds) {
  const std::string first = role();
  const std::string secret_id = text(secret(), "secret_id");
  EXPECT_EQ(bench.write("role/r/role-id", {{"role_id", "mail-gateway"}}).status, 204);
  EXPECT_EQ(login(first, secret_id).error(), kInvalid);
  EXPECT_TRUE(login("mail-gateway", secret_id).grant);
  role({{"role_id", "other-id"}}, "other");
  EXPECT_EQ(bench.write("role/other/role-id", {{"role_id", "mail-gateway"}}).error(), "role_id already in use");
  EXPECT_EQ(bench.write("role/other", {{"role_id", "mail-gateway"}}).status, 400);
  EXPECT_EQ(bench.write("role/other/role-id", {{"role_id", ""}}).status, 400);
  EXPECT_EQ(bench.write("role/other/role-id", {{"role_id", std::string(513, 'x')}}).status, 400);
  EXPECT_EQ(bench.write("role/r", {{"token_ttl", 5}}).status, 204);
  EXPECT_EQ(text(bench.read("role/r/role-id"), "role_id"), "mail-gateway") << "an update keeps it";
  // A role that is gone takes its secret ids and its id along.
  EXPECT_EQ(bench.remove("role/r").status, 204);
  role({{"role_id", "mail-gateway"}});
  EXPECT_EQ(login("mail-gateway", secret_id).error(), kInvalid);
}

TEST_F(AppRoleTest, SettingsThatCannotBe) {
  for (const json::object& bad : std::vector<json::object>{{{"token_policies", "root"}},
                                                           {{"token_ttl", 20}, {"token_max_ttl", 10}},
                                                           {{"token_type", "eternal"}},
                                                           {{"token_type", "batch"}, {"token_period", 5}},
                                                           {{"token_type", "batch"}, {"token_num_uses", 5}},
                                                           {{"token_num_uses", -1}},
                                                           {{"token_bound_cidrs", "10.0.0.0/33"}},
                                                           {{"secret_id_bound_cidrs", "x"}},
                                                           {{"secret_id_num_uses", -2}},
                                                           {{"secret_id_ttl", "-5s"}},
                                                           {{"token_ttl", "soon"}},
                                                           {{"bind_secret_id", "perhaps"}}}) {
    EXPECT_EQ(bench.write("role/r", bad).status, 400) << json::serialize(bad);
    EXPECT_EQ(bench.read("role/r").status, 404) << json::serialize(bad);
  }
  role();
  EXPECT_EQ(bench.write("role/r", {{"local_secret_ids", true}}).error(), "local_secret_ids can only be modified during role creation");
  for (const json::value& bad : {json::value("x"), json::value("[1]"), json::value(json::object{{"a", 1}}), json::value(7)})
    EXPECT_EQ(secret({{"metadata", bad}}).status, 400) << json::serialize(bad);
  EXPECT_EQ(bench.write("role/a b", {}).status, 404);
  EXPECT_FALSE(make_approle({{"version", "2"}}, bench.clock()));
}

TEST_F(AppRoleTest, Renewal) {
  const std::string id = role({{"token_ttl", 60}});
  const Outcome in = login(id, text(secret(), "secret_id"));
  EXPECT_EQ(bench.write("role/r", {{"token_ttl", 90}, {"token_period", 30}}).status, 204);
  const auto renewed = bench.backend().renew(in.grant->internal);
  ASSERT_TRUE(renewed);
  EXPECT_EQ(renewed->ttl, seconds(90));
  EXPECT_EQ(renewed->period, seconds(30));
  EXPECT_EQ(bench.remove("role/r").status, 204);
  EXPECT_EQ(bench.backend().renew(in.grant->internal).error().what, "role \"r\" does not exist during renewal");
  EXPECT_FALSE(bench.backend().renew({}));
}

}  // namespace
}  // namespace postern::vault
