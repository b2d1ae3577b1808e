#include "acl/acl.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::acl {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using testing::ElementsAre;

const WallTime kNow = wall_from_millis(1'795'000'000'000);

std::shared_ptr<const Policy> policy(std::string name, std::string_view text) {
  auto parsed = parse_policy(std::move(name), text);
  EXPECT_TRUE(parsed) << parsed.error().text();
  return std::make_shared<const Policy>(parsed ? *std::move(parsed) : Policy{});
}

std::shared_ptr<const Acl> compile(std::initializer_list<std::string_view> texts, const TemplateFacts& facts = {}) {
  std::vector<std::shared_ptr<const Policy>> policies;
  for (const std::string_view text : texts) policies.push_back(policy("p" + std::to_string(policies.size() + 1), text));
  return Acl::compile(policies, facts);
}

Verdict ask(const Acl& acl, Capability capability, std::string_view path) {
  return acl.check({.capability = capability, .path = path, .now = kNow});
}
bool may_read(const Acl& acl, std::string_view path) { return ask(acl, Capability::Read, path).allowed; }

bool may_write(const Acl& acl, json::object data, std::string_view path = "a") {
  return acl.check({.capability = Capability::Update, .path = path, .parameters = &data, .now = kNow}).allowed;
}

TEST(Acl, LiteralPrefixAndSegment) {
  const auto acl = compile({R"(path "a" { capabilities = ["read"] }
path "b/*" { capabilities = ["read"] }
path "c/+/d" { capabilities = ["read"] }
path "e/+/f*" { capabilities = ["read"] }
path "g*" { capabilities = ["read"] }
path "+/z" { capabilities = ["read"] }
path "h+i/j" { capabilities = ["read"] }
path "k/*/l" { capabilities = ["read"] })"});
  for (const std::string_view yes :
       {"a", "/a", "b/", "b/x", "b/x/y", "c/x/d", "c//d", "e/x/f", "e/x/fg", "e/x/f/g/h", "g", "gh/i", "x/z", "h+i/j", "k/*/l"})
    EXPECT_TRUE(may_read(*acl, yes)) << yes;
  for (const std::string_view no :
       {"", "/", "b", "ab", "a/", "a/b", "c/d", "c/x/y/d", "c/x/d/", "c/x/e", "e/x/g", "e/f", "x/y/z", "hxi/j", "k/x/l", "A"})
    EXPECT_FALSE(may_read(*acl, no)) << no;
  EXPECT_FALSE(ask(*acl, Capability::Update, "a").allowed);
}

TEST(Acl, TheMostSpecificRuleDecides) {
  const struct {
    std::string_view winner, loser, path;
  } cases[] = {
      {"foo/bar", "foo/*", "foo/bar"},      // literal
      {"foo/bar/*", "foo/*", "foo/bar/x"},  // longest prefix
      {"foo/a*", "foo/+", "foo/ab"},        // the first wildcard is later
      {"foo/bar/+/baz", "foo/+/bar/baz", "foo/bar/bar/baz"},
      {"foo/+", "foo/*", "foo/x"},  // does not end in '*'
      {"foo/+/bar", "foo/+/ba*", "foo/x/bar"},
      {"foo/+/x/baz", "foo/+/+/baz", "foo/y/x/baz"},       // fewer '+'
      {"foo/+/bar/ba*", "foo/+/bar/b*", "foo/x/bar/baz"},  // longer
      {"foo/+/ba*", "foo/+/+/z*", "foo/x/bar/zz"},         // of two that end in '*': fewer '+' before longer
      {"x+y/b/+", "x+y/+/c", "x+y/b/c"},                   // a plus inside a segment is no wildcard
  };
  for (const auto& c : cases) {
    const std::string allow = "path \"" + std::string(c.winner) + "\" { capabilities = [\"read\"] }";
    const std::string deny = "path \"" + std::string(c.loser) + "\" { capabilities = [\"deny\"] }";
    EXPECT_TRUE(may_read(*compile({allow, deny}), c.path)) << c.winner << " / " << c.loser;
    EXPECT_TRUE(may_read(*compile({deny, allow}), c.path)) << c.winner << " / " << c.loser;
    EXPECT_FALSE(may_read(*compile({"path \"" + std::string(c.winner) + "\" { capabilities = [\"deny\"] }",
                                    "path \"" + std::string(c.loser) + "\" { capabilities = [\"read\"] }"}),
                          c.path))
        << c.winner << " / " << c.loser;
  }
  // The last resort: of two equally specific ones the greater path.
  EXPECT_TRUE(may_read(*compile({R"(path "+/b/+" { capabilities = ["deny"] } path "+/+/c" { capabilities = ["deny"] })",
                                 R"(path "+/b/c" { capabilities = ["read"] })"}),
                       "a/b/c"));
  EXPECT_TRUE(may_read(*compile({R"(path "+/+/c" { capabilities = ["deny"] } path "+/b/+" { capabilities = ["read"] })"}), "a/b/c"));
}

TEST(Acl, RulesOfOnePathMerge) {
  const auto acl =
      compile({R"(path "a" { capabilities = ["read"] min_wrapping_ttl = 10 pagination_limit = 9 required_parameters = ["x"] })",
               R"(path "a" { capabilities = ["update", "list"] max_wrapping_ttl = 100 pagination_limit = 5 })",
               R"(path "a" { capabilities = ["update"] min_wrapping_ttl = 5 max_wrapping_ttl = 200 })"});
  const auto wrapped = [&](std::int64_t ttl) {
    return acl->check({.capability = Capability::Read, .path = "a", .wrap_ttl = seconds(ttl), .now = kNow}).allowed;
  };
  EXPECT_FALSE(may_read(*acl, "a")) << "must be wrapped";
  EXPECT_TRUE(wrapped(5));
  EXPECT_TRUE(wrapped(100));
  EXPECT_FALSE(wrapped(4));
  EXPECT_FALSE(wrapped(101));
  const Verdict list = acl->check({.capability = Capability::List, .path = "a/", .wrap_ttl = seconds(10), .now = kNow});
  EXPECT_TRUE(list.allowed);
  EXPECT_EQ(list.pagination_limit, 5);
  EXPECT_THAT(list.granting, ElementsAre("p2"));
  json::object x{{"x", 1}};
  EXPECT_THAT(acl->check({.capability = Capability::Update, .path = "a", .parameters = &x, .wrap_ttl = seconds(10), .now = kNow}).granting,
              ElementsAre("p2", "p3"));
  EXPECT_FALSE(acl->check({.capability = Capability::Update, .path = "a", .wrap_ttl = seconds(10), .now = kNow}).allowed);
  // Deny beats all, in any order.
  for (const auto& denied : {compile({R"(path "a" { capabilities = ["deny"] })", R"(path "a" { capabilities = ["read", "sudo"] })"}),
                             compile({R"(path "a" { capabilities = ["read", "sudo"] } path "a" { capabilities = ["deny"] })"})}) {
    EXPECT_FALSE(may_read(*denied, "a"));
    EXPECT_FALSE(ask(*denied, Capability::Deny, "a").allowed);
    EXPECT_FALSE(ask(*denied, Capability::Read, "a").sudo);
    EXPECT_THAT(names_of(denied->capabilities("a", kNow)), ElementsAre("deny"));
  }
}

TEST(Acl, Sudo) {
  const auto acl = compile(
      {R"(path "a" { capabilities = ["read"] } path "b" { capabilities = ["read", "sudo"] } path "c" { capabilities = ["sudo"] })"});
  const auto with_sudo = [&](std::string_view path) {
    return acl->check({.capability = Capability::Read, .path = path, .needs_sudo = true, .now = kNow}).allowed;
  };
  EXPECT_FALSE(with_sudo("a"));
  EXPECT_TRUE(with_sudo("b"));
  EXPECT_FALSE(with_sudo("c"));
  EXPECT_FALSE(ask(*acl, Capability::Read, "a").sudo);
  EXPECT_TRUE(ask(*acl, Capability::Read, "b").sudo);
}

TEST(Acl, ListLooksAtTheFolderFirst) {
  const auto acl = compile({R"(path "a" { capabilities = ["deny"] } path "a/" { capabilities = ["list", "scan"] }
path "b" { capabilities = ["list"] }
path "+/x/y" { capabilities = ["list"] }
path "s*" { capabilities = ["deny"] } path "secret/*" { capabilities = ["list"] })"});
  for (const std::string_view yes : {"a", "a/", "b", "b/", "m/x/y", "m/x/y/", "secret/", "secret", "secret/z/"})
    EXPECT_TRUE(ask(*acl, Capability::List, yes).allowed) << yes;
  EXPECT_TRUE(ask(*acl, Capability::Scan, "a/").allowed);
  for (const std::string_view no : {"m/x/y/z/", "b//", "sx/"}) EXPECT_FALSE(ask(*acl, Capability::List, no).allowed) << no;
  EXPECT_FALSE(may_read(*acl, "b/"));
  EXPECT_THAT(names_of(acl->capabilities("a/", kNow)), ElementsAre("list", "scan"));
  EXPECT_THAT(names_of(acl->capabilities("b/", kNow)), ElementsAre("list"));
  EXPECT_THAT(names_of(acl->capabilities("a", kNow)), ElementsAre("deny"));
  EXPECT_THAT(names_of(acl->capabilities("nothing", kNow)), ElementsAre("deny"));
}

TEST(Acl, AllowedParameters) {
  const auto acl =
      compile({R"(path "a" { capabilities = ["update"] allowed_parameters = { "Bar" = ["zip", "foo-*", 3, true] "any" = [] } })"});
  EXPECT_TRUE(may_write(*acl, {}));
  EXPECT_TRUE(may_write(*acl, {{"bar", "zip"}}));
  EXPECT_TRUE(may_write(*acl, {{"BAR", "foo-1"}, {"any", json::array{1}}}));
  EXPECT_TRUE(may_write(*acl, {{"bar", 3}}));
  EXPECT_TRUE(may_write(*acl, {{"bar", "3"}})) << "the CLI sends strings";
  EXPECT_TRUE(may_write(*acl, {{"bar", "true"}}));
  for (const json::value& bad :
       {json::value("zap"), json::value("xfoo-1"), json::value(4), json::value(), json::value(json::array{"zip"}), json::value(false)})
    EXPECT_FALSE(may_write(*acl, {{"bar", bad}})) << json::serialize(bad);
  EXPECT_FALSE(may_write(*acl, {{"bar", "zip"}, {"other", 1}}));
  const auto with_others = compile({R"(path "a" { capabilities = ["update"] allowed_parameters = { "bar" = ["zip"] "*" = [] } })"});
  EXPECT_TRUE(may_write(*with_others, {{"other", 1}, {"bar", "zip"}}));
  EXPECT_FALSE(may_write(*with_others, {{"other", 1}, {"bar", "zap"}}));
  const auto values_for_others = compile({R"(path "a" { capabilities = ["update"] allowed_parameters = { "*" = ["safe"] } })"});
  EXPECT_TRUE(may_write(*values_for_others, {{"x", "safe"}}));
  EXPECT_FALSE(may_write(*values_for_others, {{"x", "other"}}));
}

TEST(Acl, DeniedParameters) {
  const auto acl = compile(
      {R"(path "a" { capabilities = ["update"] denied_parameters = { "bits" = [1024] "policies" = ["root", "*-admin", "*sec*"] "all" = [] } })"});
  EXPECT_TRUE(may_write(*acl, {{"bits", 2048}, {"policies", "user"}, {"other", 1}}));
  EXPECT_FALSE(may_write(*acl, {{"bits", 1024}}));
  EXPECT_FALSE(may_write(*acl, {{"bits", "1024"}})) << "the other spelling of the same value";
  EXPECT_FALSE(may_write(*acl, {{"Policies", "root"}}));
  EXPECT_FALSE(may_write(*acl, {{"policies", json::array{"user", "root"}}})) << "inside a list";
  EXPECT_FALSE(may_write(*acl, {{"policies", "user, root"}})) << "between commas";
  EXPECT_FALSE(may_write(*acl, {{"policies", "db-admin"}}));
  EXPECT_FALSE(may_write(*acl, {{"policies", "a secret"}}));
  EXPECT_FALSE(may_write(*acl, {{"all", ""}}));
  const auto none = compile({R"(path "a" { capabilities = ["update"] denied_parameters = { "*" = [] } })"});
  EXPECT_TRUE(may_write(*none, {}));
  EXPECT_FALSE(may_write(*none, {{"x", 1}}));
  // Reading is not writing.
  json::object data{{"all", 1}};
  const auto read = compile({R"(path "a" { capabilities = ["read"] denied_parameters = { "all" = [] } })"});
  EXPECT_TRUE(read->check({.capability = Capability::Read, .path = "a", .parameters = &data, .now = kNow}).allowed);
}

TEST(Acl, RequiredParameters) {
  const auto acl = compile({R"(path "a" { capabilities = ["update"] required_parameters = ["Ttl"] })"});
  EXPECT_TRUE(may_write(*acl, {{"ttl", 1}, {"x", 2}}));
  EXPECT_FALSE(may_write(*acl, {}));
  EXPECT_FALSE(may_write(*acl, {{"x", 2}}));
  EXPECT_FALSE(may_write(*acl, {{"ttl", nullptr}})) << "null counts as absent when fields are read";
}

TEST(Acl, ParametersMerge) {
  const auto acl =
      compile({R"(path "a" { capabilities = ["update"] allowed_parameters = { "x" = ["1"] "y" = ["1"] } })",
               R"(path "a" { capabilities = ["update"] allowed_parameters = { "x" = ["2"] "y" = [] } denied_parameters = { "z" = [] } })"});
  EXPECT_TRUE(may_write(*acl, {{"x", "1"}}));
  EXPECT_TRUE(may_write(*acl, {{"x", "2"}, {"y", "any"}}));
  EXPECT_FALSE(may_write(*acl, {{"x", "3"}}));
  EXPECT_FALSE(may_write(*acl, {{"z", "3"}}));
}

TEST(Acl, ExpiredRulesVanish) {
  const auto acl = compile(
      {R"(path "a" { capabilities = ["deny"] expiration = "2026-01-01T00:00:00Z" })", R"(path "a" { capabilities = ["read"] })",
       R"(path "b" { capabilities = ["deny"] expiration = "2026-01-01T00:00:00Z" } path "*" { capabilities = ["read"] })",
       R"(path "c*" { capabilities = ["deny"] expiration = "2026-01-01T00:00:00Z" } path "d/+" { capabilities = ["deny"] expiration = 1767225600 })"});
  const WallTime end = parse_rfc3339("2026-01-01T00:00:00Z").value();
  for (const std::string_view path : {"a", "b", "cc", "d/x"}) {
    const auto at = [&](WallTime now) { return acl->check({.capability = Capability::Read, .path = path, .now = now}).allowed; };
    EXPECT_FALSE(at(end - std::chrono::milliseconds(1))) << path;
    EXPECT_TRUE(at(end)) << path;
    EXPECT_EQ(names_of(acl->capabilities(path, end - seconds(1))), std::vector<std::string>{"deny"}) << path;
    EXPECT_EQ(names_of(acl->capabilities(path, end)), std::vector<std::string>{"read"}) << path;
  }
}

// GHSA-59w7: what a user may choose must never widen a path.
TEST(Acl, TemplatesNeverMatchMore) {
  const std::string_view text = R"(path "secret/{{identity.entity.metadata.team}}/*" { capabilities = ["read"] }
path "{{ identity.entity.name }}" { capabilities = ["read"] } path "x/{{identity.entity.name}}{{identity.entity.id}}*" { capabilities = ["read"] })";
  const auto with = [&](std::string team) {
    return compile({text},
                   {{"identity.entity.metadata.team", std::move(team)}, {"identity.entity.name", "joe"}, {"identity.entity.id", "7"}});
  };
  EXPECT_TRUE(may_read(*with("blue"), "secret/blue/x"));
  EXPECT_TRUE(may_read(*with("blue"), "joe"));
  EXPECT_TRUE(may_read(*with("blue"), "x/joe7/y"));
  EXPECT_FALSE(may_read(*with("blue"), "secret/red/x"));
  for (const std::string_view bad : {"", "*", "+", "/", "blue/+", "b*", "+b", "a/b"})
    for (const std::string_view path : {"secret/blue/x", "secret//x", "secret/+/x", "secret/a/b/x"})
      EXPECT_FALSE(may_read(*with(std::string(bad)), path)) << bad << " " << path;
  // A value is no template, and without facts nothing is left.
  EXPECT_FALSE(may_read(*with("{{identity.entity.name}}"), "secret/joe/x"));
  EXPECT_FALSE(may_read(*compile({text}), "secret//x"));
  EXPECT_FALSE(may_read(*compile({text}), ""));
}

TEST(Acl, Root) {
  const std::vector<std::shared_ptr<const Policy>> policies{policy("root", ""), nullptr};
  const auto acl = Acl::compile(policies, {});
  EXPECT_TRUE(acl->is_root());
  const Verdict verdict = acl->check({.capability = Capability::Delete, .path = "any", .needs_sudo = true, .now = kNow});
  EXPECT_TRUE(verdict.allowed);
  EXPECT_TRUE(verdict.sudo);
  EXPECT_THAT(verdict.granting, ElementsAre("root"));
  EXPECT_FALSE(compile({"path \"root\" {}"})->is_root());
}

TEST(Acl, OutlivesItsPolicies) {
  auto text = policy("p", R"(path "a/+/c" { capabilities = ["read"] allowed_parameters = { "x" = [] } })");
  const auto acl = Acl::compile(std::vector{text}, {});
  text.reset();
  EXPECT_TRUE(may_read(*acl, "a/b/c"));
}

}  // namespace
}  // namespace postern::acl
