#include "acl/policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "acl/syntax.hpp"

namespace postern::acl {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr Capabilities bits(std::initializer_list<Capability> list) {
  Capabilities all = 0;
  for (const Capability one : list) all |= static_cast<Capabilities>(one);
  return all;
}

Policy parsed(std::string_view text) {
  auto policy = parse_policy("p", text);
  EXPECT_TRUE(policy) << policy.error().text() << "\n" << text;
  return policy ? *std::move(policy) : Policy{};
}

std::string refusal(std::string_view text) {
  const auto policy = parse_policy("p", text);
  EXPECT_FALSE(policy) << text;
  return policy ? std::string() : policy.error().what;
}

TEST(Policy, ReadsEveryKeyOfHcl) {
  const Policy policy = parsed(R"(# comment
name = "ignored"  // another
/* and
   one more */
path "/transit/encrypt/+" {
  capabilities = ["create", "update",]
  allowed_parameters = { "Plaintext" = [] "*" = [] }
  denied_parameters {
    "context" = ["a*", 3, -4, 1.5, true, [1, "x"], {k = "v"}]
  }
  required_parameters = ["Plaintext", "plaintext"]
  min_wrapping_ttl = "90s"
  max_wrapping_ttl = 3600
  pagination_limit = 20
  expiration = "2027-01-31T12:00:00Z"
  comment = <<EOT
any text "as it is" }
EOT
}
path "b" { policy = "write" }
path "c" { capabilities = ["sudo", "deny", "read"] }
path "d" {}
)");
  ASSERT_EQ(policy.rules.size(), 4U);
  const Rule& rule = policy.rules[0];
  EXPECT_EQ(rule.path, "transit/encrypt/+");
  EXPECT_EQ(rule.capabilities, bits({Capability::Create, Capability::Update}));
  EXPECT_EQ(rule.allowed_parameters.size(), 2U);
  EXPECT_TRUE(rule.allowed_parameters.contains("plaintext"));
  const ParameterValues wanted{"a*", 3, -4, 1.5, true, json::array{1, "x"}, json::object{{"k", "v"}}};
  EXPECT_EQ(rule.denied_parameters.at("context"), wanted);
  EXPECT_THAT(rule.required_parameters, ElementsAre("plaintext"));
  EXPECT_EQ(rule.min_wrapping_ttl, seconds(90));
  EXPECT_EQ(rule.max_wrapping_ttl, seconds(3600));
  EXPECT_EQ(rule.pagination_limit, 20);
  EXPECT_EQ(rfc3339(*rule.expiration), "2027-01-31T12:00:00.000Z");
  EXPECT_EQ(policy.rules[1].capabilities,
            bits({Capability::Create, Capability::Read, Capability::Update, Capability::Delete, Capability::List}));
  EXPECT_EQ(policy.rules[2].capabilities, bits({Capability::Deny}));
  EXPECT_EQ(policy.rules[3].capabilities, 0);
  EXPECT_FALSE(policy.templated);
}

TEST(Policy, ReadsTheSameAsJson) {
  const Policy hcl = parsed(R"(path "a/*" { capabilities = ["read"] allowed_parameters = { x = [1] } }
path "b" { capabilities = ["deny"] })");
  for (
      const std::string_view text :
      {R"({"path": {"a/*": {"capabilities": ["read"], "allowed_parameters": {"x": [1]}}, "b": {"capabilities": ["deny"]}}})",
       R"( {"path":[{"a/*":[{"capabilities":["read"],"allowed_parameters":{"x":[1]}}]},{"b":{"policy":"deny"}}]})",
       R"({"path": {"a/*": {"capabilities": ["read"], "allowed_parameters": {"x": [1]}}}, "path": {"b": {"policy": "deny"}}, "name": "n"})"})
    EXPECT_EQ(parsed(text).rules, hcl.rules) << text;
  EXPECT_EQ(parsed(to_json(hcl)).rules, hcl.rules);
  EXPECT_EQ(parsed("").rules.size(), 0U);
  EXPECT_EQ(parsed("{}").rules.size(), 0U);
}

TEST(Policy, TwoRulesOfOnePathStayTwo) {
  const std::string_view text = R"({"path": {"a": {"capabilities": ["deny"]}, "a": {"capabilities": ["read"]}}})";
  EXPECT_EQ(parsed(text).rules.size(), 2U) << "the first must not be lost";
  EXPECT_EQ(parsed(to_json(parsed(text))).rules, parsed(text).rules);
}

TEST(Policy, StringsAndEscapes) {
  EXPECT_EQ(parsed(R"(path "a\"\\\u00e9\U0001F511" {})").rules[0].path, "a\"\\\xC3\xA9\xF0\x9F\x94\x91");
  EXPECT_EQ(parsed(R"({"path": {"a\/\ud83d\udd11": {}}})").rules[0].path, "a/\xF0\x9F\x94\x91");
  EXPECT_EQ(parsed("path \"a\" { comment = <<-END\n    x\n    END\n}").rules.size(), 1U);
  for (const std::string_view bad :
       {R"(path "\q" {})", R"(path "\u12" {})", R"(path "\u0000" {})", R"(path "\ud800" {})", R"(path "\U00110000" {})",
        R"({"path": {"\ud83dx": {}}})", R"({"path": {"\v": {}}})", "path \"a\nb\" {}", "path \"a", "path \"a\\"})
    EXPECT_THAT(refusal(bad), HasSubstr("line 1, column")) << bad;
}

TEST(Policy, ErrorsSayWhere) {
  const struct {
    std::string_view text, wanted;
  } cases[] = {
      {"path \"a\" {\n  capabilities = [\"read\" \"list\"]\n}", "line 2, column 26: expected ',' or ']', found '\"'"},
      {"path \"a\" {\n  capabilitis = []\n}", "line 2, column 3: unknown key 'capabilitis', did you mean 'capabilities'?"},
      {"path \"\xC3\xA9\" { x = ", "line 1, column 16: expected a value, found the end of the text"},
      {"path \"a\" { capabilities = [\"read\", \"fly\"] }", "line 1, column 36: invalid capability 'fly'"},
      {"path \"a\" { capabilities = read }", "line 1, column 27: expected a value: put text into quotes"},
      {"path \"a\" {", "line 1, column 11: expected '}', found the end of the text"},
      {"path \"a\" = {}", "line 1, column 10: expected '{', found '='"},
      {"path a b {}", "line 1, column 8: a path is one string"},
      {"paths \"a\" {}", "line 1, column 1: unknown key 'paths': a policy is made of path \"...\" { ... }"},
      {"/* x", "line 1, column 1: this comment does not end: close it with */"},
      {"{\"path\": {\"a\": {}},}", "line 1, column 20: expected a key in quotes, found '}'"},
      {"{\"path\": {}} x", "line 1, column 14: expected the end of the text, found 'x'"},
      {"{\"path\": {\"a\": 3}}", "line 1, column 16: expected { ... } behind the path"},
      {"path \"a\" { control_group = {} }",
       "line 1, column 12: 'control_group' is not done by this engine: leave the rule out or write it without"},
      {"path \"a\" { min_wrapping_ttl = 2 max_wrapping_ttl = 1 }",
       "line 1, column 6: max_wrapping_ttl cannot be less than min_wrapping_ttl"},
      {"path \"a\" { capabilities = [] capabilities = [] }", "line 1, column 30: 'capabilities' stands twice in this rule"},
      {"path \"a\" { comment = <<E\nx\n", "line 1, column 22: this text does not end: close it with a line 'E'"},
      {"path \"a/+*\" {}", "line 1, column 6: '+*' is no wildcard: use '+' for one segment or '*' at the end"},
      {"path \"a\" {}\npath \"\xFF\" {}", "line 2, column 1: this line is not UTF-8"},
  };
  for (const auto& c : cases) EXPECT_EQ(refusal(c.text), c.wanted) << c.text;
  EXPECT_EQ(parse_policy("p", "x").error().field, "policy");
}

TEST(Policy, RefusesTheRest) {
  for (const std::string_view bad : {"path",
                                     "path \"\" {}",
                                     "path \"/\" {}",
                                     "path \"a\\nb\" {}",
                                     "path \"a\" []",
                                     "path \"a\" { capabilities = \"read\" }",
                                     "path \"a\" { capabilities = [3] }",
                                     "path \"a\" { allowed_parameters = [] }",
                                     "path \"a\" { allowed_parameters = { x = \"y\" } }",
                                     "path \"a\" { allowed_parameters = { x = [] X = [] } }",
                                     "path \"a\" { denied_parameters = { x = [{a = 1 a = 2}] } }",
                                     "path \"a\" { min_wrapping_ttl = -1 }",
                                     "path \"a\" { min_wrapping_ttl = \"soon\" }",
                                     "path \"a\" { pagination_limit = -1 }",
                                     "path \"a\" { pagination_limit = 1.5 }",
                                     "path \"a\" { expiration = \"tomorrow\" }",
                                     "path \"a\" { expiration = -1 }",
                                     "path \"a\" { expiration = 9999999999999 }",
                                     "path \"a\" { policy = \"admin\" }",
                                     "path \"a\" { required_parameters = [[]] }",
                                     "path \"a\" { pagination_limit = 007 }",
                                     "path \"a\" { pagination_limit = 99999999999999999999 }",
                                     "path \"a\" { denied_parameters = { x = [1e999] } }",
                                     "path \"a\" { pagination_limit = 5x }",
                                     "path \"a\" { x }",
                                     "path \"a\" { \"x\" \"y\" { } }",
                                     "path \"a\" { mfa_methods = [] }",
                                     "path \"a\" {} }",
                                     "= 3",
                                     "\"\"",
                                     "name",
                                     "name = ",
                                     "[1]",
                                     "{",
                                     "{\"path\": [3]}",
                                     "{\"path\": {\"a\": {}} \"b\": 1}",
                                     "{\"path\": {\"a\": {\"capabilities\": [\"read\",]}}}",
                                     "{\"path\": nul}",
                                     "{'path': {}}",
                                     "{\"path\": {\"a\tb\": {}}}"})
    EXPECT_THAT(refusal(bad), HasSubstr("line ")) << bad;
  EXPECT_THAT(refusal(std::string_view("path \"a\" {\0}", 12)), HasSubstr("NUL"));
}

TEST(Policy, TemplatesAreCheckedWhenWritten) {
  EXPECT_TRUE(parsed(R"(path "secret/{{identity.entity.id}}/*" {})").templated);
  EXPECT_TRUE(parsed(R"(path "x/{{ identity.entity.aliases.auth_userpass_1.metadata.team }}" {})").templated);
  EXPECT_TRUE(parsed(R"(path "x/{{identity.groups.ids.g-1.name}}" {})").templated);
  for (const std::string_view bad :
       {"{{", "a}}", "{{}}", "{{identity.entity}}", "{{identity.entity.}}", "{{identity.entity.metadata.}}", "{{identity.entity.age}}",
        "{{identity.entity.aliases.a}}", "{{identity.groups.ids..name}}", "{{time.now}}", "{{a}}}}", "{{identity.entity.id}} {{"})
    EXPECT_THAT(refusal("path \"x/" + std::string(bad) + "\" {}"), HasSubstr("line 1, column 6")) << bad;
}

TEST(Policy, Bounds) {
  std::string many;
  for (std::size_t i = 0; i < kPolicyRules; ++i) many += "path \"a\" {}\n";
  EXPECT_EQ(parsed(many).rules.size(), kPolicyRules);
  EXPECT_THAT(refusal(many + "path \"a\" {}"), HasSubstr("line 4097, column 6: more than 4096 rules"));
  EXPECT_EQ(parse_policy("p", std::string(kPolicyText + 1, ' ')).error().code, ErrorCode::TooLarge);
  EXPECT_TRUE(parse_policy("p", std::string(kPolicyText, ' ')));
  EXPECT_THAT(refusal("path \"" + std::string(kPolicyPath + 1, 'a') + "\" {}"), HasSubstr("longer than"));
  for (const char* open : {"[", "{a=", "{\"a\":"}) {
    std::string deep = open[0] == '{' && open[1] == '"' ? "" : "x = ";
    for (int i = 0; i < 10'000; ++i) deep += open;
    EXPECT_THAT(refusal(deep), HasSubstr("nested too deeply")) << open;
  }
  EXPECT_THAT(refusal("path \"a\" { denied_parameters = { x = [[[[[[[[[[1]]]]]]]]]] } }"), HasSubstr("nested too deeply"));
  std::string list = "x = [";
  for (std::size_t i = 0; i <= kSyntaxNodes; ++i) list += "1,";
  EXPECT_THAT(refusal(list), HasSubstr("too many values"));
}

TEST(Policy, NamesOfCapabilities) {
  EXPECT_THAT(names_of(bits({Capability::Update, Capability::Create, Capability::Scan})), ElementsAre("create", "scan", "update"));
  EXPECT_THAT(names_of(0), ElementsAre("deny"));
  EXPECT_THAT(names_of(bits({Capability::Deny, Capability::Read})), ElementsAre("deny"));
}

}  // namespace
}  // namespace postern::acl
