#include "acl/acl.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/text.hpp"

namespace postern::acl {
namespace {

constexpr WallTime kNow{std::chrono::milliseconds(1'800'000'000'000)};

std::shared_ptr<const Policy> policy(std::string_view text, std::string name = "p") {
  auto parsed = parse_policy(std::move(name), text);
  EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().text()) << "\n" << text;
  return std::make_shared<const Policy>(parsed ? *std::move(parsed) : Policy{});
}

std::shared_ptr<const Acl> acl(const std::vector<std::string>& texts, const TemplateFacts& facts = {}) {
  std::vector<std::shared_ptr<const Policy>> policies;
  for (const auto& text : texts) policies.push_back(policy(text, "p" + std::to_string(policies.size())));
  return Acl::compile(policies, facts);
}

bool may(const Acl& rules, Capability capability, std::string_view path) {
  return rules.check({.capability = capability, .path = path, .now = kNow}).allowed;
}

bool may_write(const Acl& rules, std::string_view path, std::string_view body) {
  const auto data = boost::json::parse(body).as_object();
  return rules.check({.capability = Capability::Update, .path = path, .parameters = &data, .now = kNow}).allowed;
}

std::string error_of(std::string_view text) {
  const auto parsed = parse_policy("p", text);
  return parsed ? "accepted" : parsed.error().what;
}

TEST(Policy, HclAndJsonSayTheSame) {
  const auto hcl = policy(R"(
# a comment
path "/transit/encrypt/+" { // another
  capabilities = ["create", "update",]
  allowed_parameters = { "Plaintext" = [] "key_version" = [1, "2", true] }
  required_parameters = ["plaintext"]
  min_wrapping_ttl = "1m"
  max_wrapping_ttl = 3600
  pagination_limit = 50
  expiration = "2030-01-01T00:00:00Z"
} /* the
end */)");
  const auto json = policy(R"({"path":{"transit/encrypt/+":{"capabilities":["create","update"],"allowed_parameters":
    {"plaintext":[],"key_version":[1,"2",true]},"required_parameters":["plaintext"],"min_wrapping_ttl":60,"max_wrapping_ttl":"1h",
    "pagination_limit":50,"expiration":"2030-01-01T00:00:00Z"}}})");
  for (const auto& read : {hcl, json}) {
    ASSERT_EQ(read->rules.size(), 1U);
    const Rule& rule = read->rules.front();
    EXPECT_EQ(rule.path, "transit/encrypt/+");
    EXPECT_EQ(names_of(rule.capabilities), (std::vector<std::string>{"create", "update"}));
    EXPECT_TRUE(rule.allowed_parameters.at("plaintext").empty());
    EXPECT_EQ(rule.allowed_parameters.at("key_version"), (ParameterValues{1, "2", true}));
    EXPECT_EQ(rule.required_parameters, std::vector<std::string>{"plaintext"});
    EXPECT_EQ(rule.min_wrapping_ttl, std::chrono::seconds(60));
    EXPECT_EQ(rule.max_wrapping_ttl, std::chrono::seconds(3600));
    EXPECT_EQ(rule.pagination_limit, 50);
    EXPECT_EQ(rule.expiration, parse_rfc3339("2030-01-01T00:00:00Z").value());
  }
}

TEST(Policy, EscapesHeredocsAndOldForms) {
  EXPECT_EQ(policy("path \"a\\u00e9\\ud83d\\ude00\\\"\" { policy = \"read\" }")->rules.at(0).path, "a\u00e9\U0001F600\"");
  const auto old = policy(
      "name = \"x\"\npath \"a\" { policy = \"write\" }\npath \"b\" { capabilities = [\"read\", \"deny\"] comment = <<-END\n any } text\n "
      "END\n}");
  EXPECT_EQ(names_of(old->rules.at(0).capabilities), (std::vector<std::string>{"create", "delete", "list", "read", "update"}));
  EXPECT_EQ(names_of(old->rules.at(1).capabilities), std::vector<std::string>{"deny"});
  EXPECT_EQ(policy("")->rules.size(), 0U);
  EXPECT_EQ(policy("path \"a\" {}")->rules.at(0).capabilities, 0);
}

TEST(Policy, WhatIsNotUnderstoodIsRefusedWithItsPlace) {
  EXPECT_EQ(error_of("path \"a\" {\n  capabilities = [\"raed\"]\n}"), "line 2, column 19: unknown capability \"raed\"");
  EXPECT_EQ(error_of("path \"a\" { control_group = {} }").substr(0, 17), "line 1, column 12");
  for (const char* bad : {"path",
                          "path \"a\"",
                          "path \"a\" {",
                          "path \"a\" { capabilities = \"read\" }",
                          "path \"a\" { capabilities = [read] }",
                          "paht \"a\" {}",
                          "path \"a\" \"b\" {}",
                          "path \"a\" { color = 1 }",
                          "path \"a\nb\" {}",
                          "path \"a\" { capabilities = [\"read\" \"list\"] }",
                          "path \"a+*\" {}",
                          "path \"a\" { min_wrapping_ttl = \"2h\" max_wrapping_ttl = \"1h\" }",
                          "path \"a\" { expiration = \"soon\" }",
                          "/* x",
                          "path \"\\q\" {}",
                          "path \"\\ud800\" {}",
                          "path \"a\" { pagination_limit = 1.5 }",
                          "{\"path\":{\"a\":{}}",
                          "{\"path\":{\"a\":{}},}",
                          "{\"path\":{\"a\":{}}} x",
                          "{\"path\" = {}}",
                          "{path:{}}",
                          "{\"path\":[1]}",
                          "{\"path\":{\"a\":{\"capabilities\":[\"read\",]}}}",
                          "path \"\xff\" {}"})
    EXPECT_NE(error_of(bad), "accepted") << bad;
  EXPECT_NE(error_of("path \"a\" { x = " + std::string(10'000, '[')).find("too deep"), std::string::npos);
  EXPECT_NE(error_of(std::string(kPolicyText + 1, ' ')), "accepted");
}

TEST(Acl, TheMostSpecificPathWins) {
  const auto rules = acl({R"(
path "secret/*"            { capabilities = ["read"] }
path "secret/app/*"        { capabilities = ["list"] }
path "secret/app/db"       { capabilities = ["deny"] }
path "secret/+/key"        { capabilities = ["update"] }
path "secret/+/deep/*"     { capabilities = ["delete"] }
path "secret/app/+/x"      { capabilities = ["create"] })"});
  EXPECT_TRUE(may(*rules, Capability::Read, "secret/other"));
  EXPECT_TRUE(may(*rules, Capability::Read, "secret/"));
  EXPECT_FALSE(may(*rules, Capability::Read, "secret"));
  EXPECT_TRUE(may(*rules, Capability::List, "secret/app/web"));
  EXPECT_FALSE(may(*rules, Capability::Read, "secret/app/web"));
  EXPECT_FALSE(may(*rules, Capability::Read, "secret/app/db"));
  EXPECT_TRUE(may(*rules, Capability::Update, "secret/web/key"));
  EXPECT_TRUE(may(*rules, Capability::Read, "secret/web/deep/er/still"))
      << "the documented order: more '+' is less specific, so secret/* it is";
  EXPECT_TRUE(may(*rules, Capability::List, "secret/app/key")) << "a later first wildcard is more specific";
  EXPECT_TRUE(may(*rules, Capability::Create, "secret/app/any/x")) << "no '*' at the end is more specific";
  EXPECT_FALSE(may(*rules, Capability::Create, "secret/app/any/x/y"));
}

TEST(Acl, PoliciesAddUpAndDenyBeatsThem) {
  const auto rules = acl({R"(path "a" { capabilities = ["read"] } path "b" { capabilities = ["read"] })",
                          R"(path "a" { capabilities = ["list"] } path "b" { capabilities = ["deny"] })"});
  EXPECT_TRUE(may(*rules, Capability::Read, "a"));
  EXPECT_TRUE(may(*rules, Capability::List, "a"));
  EXPECT_FALSE(may(*rules, Capability::Read, "b"));
  EXPECT_EQ(rules->capabilities("b", kNow), static_cast<Capabilities>(Capability::Deny));
  EXPECT_EQ(names_of(rules->capabilities("nowhere", kNow)), std::vector<std::string>{"deny"});
  EXPECT_EQ(rules->check({.capability = Capability::Read, .path = "a", .now = kNow}).granting, (std::vector<std::string>{"p0", "p1"}));
}

TEST(Acl, AListLooksAtTheFolderFirst) {
  const auto rules =
      acl({R"(path "a/" { capabilities = ["list"] } path "b" { capabilities = ["list"] } path "c/*" { capabilities = ["list"] })"});
  EXPECT_TRUE(may(*rules, Capability::List, "a/"));
  EXPECT_TRUE(may(*rules, Capability::List, "b/"));
  EXPECT_TRUE(may(*rules, Capability::List, "c/"));
  EXPECT_FALSE(may(*rules, Capability::List, "d/"));
}

TEST(Acl, RootMayEverything) {
  const std::vector<std::shared_ptr<const Policy>> policies{std::make_shared<const Policy>(Policy{"root", "", {}, false})};
  const auto rules = Acl::compile(policies, {});
  EXPECT_TRUE(rules->is_root());
  EXPECT_TRUE(rules->check({.capability = Capability::Delete, .path = "sys/seal", .needs_sudo = true, .now = kNow}).allowed);
}

TEST(Acl, SudoIsAskedForWhereThePathWantsIt) {
  const auto rules = acl({R"(path "a" { capabilities = ["update"] } path "b" { capabilities = ["update", "sudo"] })"});
  EXPECT_FALSE(rules->check({.capability = Capability::Update, .path = "a", .needs_sudo = true, .now = kNow}).allowed);
  EXPECT_TRUE(rules->check({.capability = Capability::Update, .path = "b", .needs_sudo = true, .now = kNow}).allowed);
}

TEST(Acl, ParametersAreHeldAgainstTheRule) {
  const auto rules = acl({R"(
path "allow" { capabilities = ["update"] allowed_parameters = { "a" = [] "b" = ["x*", 3] } }
path "rest"  { capabilities = ["update"] allowed_parameters = { "b" = ["x"] "*" = [] } }
path "deny"  { capabilities = ["update"] denied_parameters = { "a" = [] "b" = ["bad"] } }
path "none"  { capabilities = ["update"] denied_parameters = { "*" = [] } }
path "need"  { capabilities = ["update"] required_parameters = ["a"] })"});
  EXPECT_TRUE(may_write(*rules, "allow", R"({"A":1,"b":"xyz"})"));
  EXPECT_TRUE(may_write(*rules, "allow", R"({"b":3})"));
  EXPECT_FALSE(may_write(*rules, "allow", R"({"b":"yx"})"));
  EXPECT_FALSE(may_write(*rules, "allow", R"({"c":1})"));
  EXPECT_TRUE(may_write(*rules, "rest", R"({"c":1,"b":"x"})"));
  EXPECT_FALSE(may_write(*rules, "rest", R"({"b":"y"})"));
  EXPECT_FALSE(may_write(*rules, "deny", R"({"a":0})"));
  EXPECT_FALSE(may_write(*rules, "deny", R"({"b":"bad"})"));
  EXPECT_TRUE(may_write(*rules, "deny", R"({"b":"good","c":1})"));
  EXPECT_FALSE(may_write(*rules, "none", R"({"z":1})"));
  EXPECT_TRUE(may_write(*rules, "none", R"({})"));
  EXPECT_FALSE(may_write(*rules, "need", R"({"b":1})"));
  EXPECT_TRUE(may_write(*rules, "need", R"({"a":1})"));
}

TEST(Acl, WrappingMayBeDemandedAndBounded) {
  const auto rules = acl({R"(path "a" { capabilities = ["read"] min_wrapping_ttl = "1m" max_wrapping_ttl = "1h" })"});
  const auto wrapped = [&](std::optional<std::chrono::seconds> ttl) {
    return rules->check({.capability = Capability::Read, .path = "a", .wrap_ttl = ttl, .now = kNow}).allowed;
  };
  EXPECT_FALSE(wrapped(std::nullopt));
  EXPECT_FALSE(wrapped(std::chrono::seconds(59)));
  EXPECT_TRUE(wrapped(std::chrono::seconds(60)));
  EXPECT_TRUE(wrapped(std::chrono::seconds(3600)));
  EXPECT_FALSE(wrapped(std::chrono::seconds(3601)));
}

TEST(Acl, AnExpiredRuleIsGoneAndTheNextOneCounts) {
  const auto rules =
      acl({R"(path "a/b" { capabilities = ["deny"] expiration = "2027-01-01T00:00:00Z" } path "a/*" { capabilities = ["read"] })",
           R"(path "a/*" { capabilities = ["list"] expiration = "2027-01-01T00:00:00Z" })"});
  const auto at = [&](std::string_view time, Capability capability) {
    return rules->check({.capability = capability, .path = "a/b", .now = parse_rfc3339(time).value()}).allowed;
  };
  EXPECT_FALSE(at("2026-12-31T23:59:59Z", Capability::Read));
  EXPECT_TRUE(at("2027-01-01T00:00:00Z", Capability::Read));
  EXPECT_FALSE(at("2027-01-01T00:00:00Z", Capability::List));
}

TEST(Acl, TemplatesNeverMatchMore) {
  const std::string text = R"(path "home/{{identity.entity.id}}/*" { capabilities = ["read"] })";
  const auto good = acl({text}, {{"identity.entity.id", "e1"}});
  EXPECT_TRUE(may(*good, Capability::Read, "home/e1/x"));
  EXPECT_FALSE(may(*good, Capability::Read, "home/e2/x"));
  for (const char* bad : {"*", "+", "a/b", "", "{{x}}"}) {
    const auto rules = acl({text}, {{"identity.entity.id", bad}});
    EXPECT_FALSE(may(*rules, Capability::Read, "home/e1/x")) << bad;
    EXPECT_FALSE(may(*rules, Capability::Read, "home/a/b/x")) << bad;
  }
  EXPECT_FALSE(may(*acl({text}), Capability::Read, "home//x")) << "a missing fact";
  EXPECT_FALSE(may(*acl({R"(path "home/{{identity" { capabilities = ["read"] })"}), Capability::Read, "home/{{identity"));
}

// The slow and obvious way, to hold the compiled one against.
bool matches(std::string_view rule, std::string_view path) {
  const bool star = rule.ends_with('*');
  if (star) rule.remove_suffix(1);
  const auto parts = split(rule, '/');
  const auto given = split(path, '/');
  if (star ? given.size() < parts.size() : given.size() != parts.size()) return false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    if (parts[i] == "+" && !(star && last)) continue;
    if (star && last ? !given[i].starts_with(parts[i]) : given[i] != parts[i]) return false;
  }
  return true;
}

std::size_t first_wildcard(std::string_view rule) {
  std::size_t at = 0;
  for (const auto segment : split(rule, '/')) {
    if (segment == "+") return at;
    at += segment.size() + 1;
  }
  return rule.ends_with('*') ? rule.size() - 1 : std::string_view::npos;
}

bool less_specific(std::string_view a, std::string_view b) {
  const auto plus = [](std::string_view rule) { return std::ranges::count(split(rule, '/'), std::string_view("+")); };
  if (first_wildcard(a) != first_wildcard(b)) return first_wildcard(a) < first_wildcard(b);
  if (a.ends_with('*') != b.ends_with('*')) return a.ends_with('*');
  if (plus(a) != plus(b)) return plus(a) > plus(b);
  if (a.size() != b.size()) return a.size() < b.size();
  return a < b;
}

TEST(Acl, CompiledRulesAnswerAsTheObviousOnes) {
  std::mt19937 dice(7);  // NOLINT(cert-msc51-cpp): the same worlds in every run
  const auto segment = [&](bool wild) {
    static const std::vector<std::string> words{"a", "b", "ab", "abc"};
    return wild && dice() % 4 == 0 ? std::string("+") : words[dice() % words.size()];
  };
  const auto path = [&](bool rule) {
    std::string out = segment(rule);
    for (auto more = dice() % 4; more > 0; --more) out += "/" + segment(rule);
    if (rule && dice() % 3 == 0) out += out.ends_with('+') ? "/*" : "*";
    return out;
  };
  for (int world = 0; world < 300; ++world) {
    std::map<std::string, bool> readable;
    std::string text;
    for (int i = 0; i < 12; ++i) readable.try_emplace(path(true), dice() % 2 == 0);
    for (const auto& [rule, read] : readable) text += "path \"" + rule + "\" { capabilities = [\"" + (read ? "read" : "list") + "\"] }\n";
    const auto rules = acl({text});
    for (int i = 0; i < 40; ++i) {
      const std::string asked = path(false);
      const std::string* best = nullptr;
      for (const auto& [rule, read] : readable)
        if (matches(rule, asked) && (best == nullptr || less_specific(*best, rule))) best = &rule;
      EXPECT_EQ(may(*rules, Capability::Read, asked), best != nullptr && readable.at(*best)) << text << asked;
    }
  }
}

}  // namespace
}  // namespace postern::acl
