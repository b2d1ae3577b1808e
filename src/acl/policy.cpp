#include "acl/policy.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "acl/syntax.hpp"
#include "acl/template.hpp"
#include "base/text.hpp"

namespace postern::acl {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

constexpr std::size_t kValueDepth = 8;
constexpr std::int64_t kLastSecond = 253'402'300'799;  // of the year 9999

constexpr Capabilities bit(Capability capability) noexcept { return static_cast<Capabilities>(capability); }

struct NamedCapability {
  std::string_view name;
  Capability capability;
};
// By name, as the API shows them.
constexpr std::array<NamedCapability, 9> kCapabilities{{{"create", Capability::Create},
                                                        {"delete", Capability::Delete},
                                                        {"deny", Capability::Deny},
                                                        {"list", Capability::List},
                                                        {"patch", Capability::Patch},
                                                        {"read", Capability::Read},
                                                        {"scan", Capability::Scan},
                                                        {"sudo", Capability::Sudo},
                                                        {"update", Capability::Update}}};

constexpr Capabilities kOldRead = bit(Capability::Read) | bit(Capability::List);
constexpr Capabilities kOldWrite = kOldRead | bit(Capability::Create) | bit(Capability::Update) | bit(Capability::Delete);

struct OldPolicy {
  std::string_view name;
  Capabilities capabilities;
};
// `policy = "write"`, the form before capabilities; clients still write it.
constexpr std::array<OldPolicy, 4> kOldPolicies{{{"deny", bit(Capability::Deny)},
                                                 {"read", kOldRead},
                                                 {"write", kOldWrite},
                                                 {"sudo", static_cast<Capabilities>(kOldWrite | bit(Capability::Sudo))}}};

std::string quoted(std::string_view text) { return '\'' + printable(text, 48) + '\''; }

// Makes a policy of the tree.
class PolicyReader {
 public:
  explicit PolicyReader(Policy& policy) : m_policy(policy) {}

  Status read(const Node& file) {
    for (const Member& member : file.members) {
      const Node& key = member.keys.front();
      if (key.text == "path") {
        POSTERN_CHECK(read_path(member));
      } else if (key.text != "name" || member.keys.size() != 1) {
        return wrong(key, "unknown key " + quoted(key.text) + ": a policy is made of path \"...\" { ... }");
      }
    }
    return {};
  }

 private:
  using ReadKey = Status (PolicyReader::*)(Rule&, const Node&);
  struct RuleKey {
    std::string_view name;
    ReadKey read;
  };
  static const std::array<RuleKey, 10> kRuleKeys;

  tl::unexpected<Error> wrong(const Node& node, std::string_view what) const { return syntax_error(m_policy.text, node.at, what); }

  // path "a" {...}, and what JSON makes of it: {"path": {"a": {...}}}, with lists of objects wherever an object may stand.
  Status read_path(const Member& member) {
    if (member.keys.size() == 2) return read_rules(member.keys[1], member.value);
    if (member.keys.size() > 2) return wrong(member.keys[2], "a path is one string");
    if (member.value.kind != Node::Kind::List) return read_named_rules(member.value);
    for (const Node& item : member.value.items) POSTERN_CHECK(read_named_rules(item));
    return {};
  }

  Status read_named_rules(const Node& object) {
    if (object.kind != Node::Kind::Object) return wrong(object, "expected rules by their path");
    for (const Member& member : object.members) {
      if (member.keys.size() != 1) return wrong(member.keys[1], "a path is one string");
      POSTERN_CHECK(read_rules(member.keys.front(), member.value));
    }
    return {};
  }

  Status read_rules(const Node& path, const Node& value) {
    if (value.kind != Node::Kind::List) return read_rule(path, value);
    for (const Node& item : value.items) POSTERN_CHECK(read_rule(path, item));
    return {};
  }

  Status read_rule(const Node& path, const Node& body) {
    if (body.kind != Node::Kind::Object) return wrong(body, "expected { ... } behind the path");
    if (m_policy.rules.size() == kPolicyRules)
      return wrong(path, "more than " + std::to_string(kPolicyRules) + " rules in one policy: split it");
    Rule rule;
    POSTERN_CHECK(read_path_text(rule, path));
    std::set<std::string_view> seen;
    for (const Member& member : body.members) {
      const Node& key = member.keys.front();
      if (member.keys.size() != 1) return wrong(member.keys[1], "expected '=' behind " + quoted(key.text));
      if (!seen.insert(key.text).second) return wrong(key, quoted(key.text) + " stands twice in this rule");
      POSTERN_CHECK(read_key(rule, key, member.value));
    }
    if (rule.min_wrapping_ttl && rule.max_wrapping_ttl && *rule.max_wrapping_ttl < *rule.min_wrapping_ttl)
      return wrong(path, "max_wrapping_ttl cannot be less than min_wrapping_ttl");
    // Deny is alone, whatever stands beside it.
    if ((rule.capabilities & bit(Capability::Deny)) != 0) rule.capabilities = bit(Capability::Deny);
    m_policy.rules.push_back(std::move(rule));
    return {};
  }

  Status read_path_text(Rule& rule, const Node& path) {
    std::string_view text = path.text;
    while (text.starts_with('/')) text.remove_prefix(1);
    if (text.empty()) return wrong(path, "the path is empty");
    if (text.size() > kPolicyPath) return wrong(path, "the path is longer than " + std::to_string(kPolicyPath) + " bytes");
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
    if (std::ranges::any_of(text, is_control)) return wrong(path, "the path has a control character");
    if (text.find("+*") != std::string_view::npos) return wrong(path, "'+*' is no wildcard: use '+' for one segment or '*' at the end");
    const Result<bool> templated = check_templates(text);
    if (!templated) return wrong(path, templated.error().what);
    m_policy.templated |= *templated;
    rule.path = text;
    return {};
  }

  Status read_key(Rule& rule, const Node& key, const Node& value) {
    const auto* known = std::ranges::find(kRuleKeys, key.text, &RuleKey::name);
    if (known != kRuleKeys.end()) return (this->*known->read)(rule, value);
    for (const std::string_view name : {"control_group", "mfa_methods", "list_scan_response_keys_filter_path"})
      if (key.text == name) return wrong(key, quoted(name) + " is not done by this engine: leave the rule out or write it without");
    std::vector<std::string_view> names;
    for (const RuleKey& entry : kRuleKeys) names.push_back(entry.name);
    const std::string_view meant = nearest(key.text, names);
    return wrong(key, "unknown key " + quoted(key.text) + (meant.empty() ? std::string() : ", did you mean " + quoted(meant) + "?"));
  }

  Status read_capabilities(Rule& rule, const Node& value) {
    POSTERN_TRY(const std::vector<std::string> names, texts(value));
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto* known = std::ranges::find(kCapabilities, names[i], &NamedCapability::name);
      if (known == kCapabilities.end()) return wrong(value.items[i], "invalid capability " + quoted(names[i]));
      rule.capabilities |= bit(known->capability);
    }
    return {};
  }

  Status read_old_policy(Rule& rule, const Node& value) {
    const auto* known = std::ranges::find(kOldPolicies, value.text, &OldPolicy::name);
    if (value.kind != Node::Kind::Text || known == kOldPolicies.end())
      return wrong(value, "invalid policy: use capabilities, or one of \"read\", \"write\", \"sudo\", \"deny\"");
    rule.capabilities |= known->capabilities;
    return {};
  }

  Status read_comment(Rule&, const Node& value) {
    if (value.kind != Node::Kind::Text) return wrong(value, "expected a text in quotes");
    return {};
  }

  Status read_allowed(Rule& rule, const Node& value) { return read_parameters(rule.allowed_parameters, value); }
  Status read_denied(Rule& rule, const Node& value) { return read_parameters(rule.denied_parameters, value); }

  Status read_parameters(std::map<std::string, ParameterValues, std::less<>>& out, const Node& value) {
    if (value.kind != Node::Kind::Object) return wrong(value, "expected { \"parameter\" = [ ... ] }");
    for (const Member& member : value.members) {
      const Node& key = member.keys.front();
      if (member.keys.size() != 1) return wrong(member.keys[1], "expected '=' behind " + quoted(key.text));
      if (member.value.kind != Node::Kind::List) return wrong(member.value, "expected a list of values; [] stands for any");
      const auto [entry, is_new] = out.try_emplace(to_lower(key.text));
      if (!is_new) return wrong(key, "the parameter " + quoted(key.text) + " stands twice");
      for (const Node& item : member.value.items) {
        POSTERN_TRY(json::value converted, to_json(item, 0));
        entry->second.push_back(std::move(converted));
      }
    }
    return {};
  }

  Status read_required(Rule& rule, const Node& value) {
    POSTERN_TRY(std::vector<std::string> names, texts(value));
    for (std::string& name : names) {
      name = to_lower(name);
      if (std::ranges::find(rule.required_parameters, name) == rule.required_parameters.end())
        rule.required_parameters.push_back(std::move(name));
    }
    return {};
  }

  Status read_min_wrapping(Rule& rule, const Node& value) { return read_duration(rule.min_wrapping_ttl, value); }
  Status read_max_wrapping(Rule& rule, const Node& value) { return read_duration(rule.max_wrapping_ttl, value); }

  // Zero means that there is no bound.
  Status read_duration(std::optional<seconds>& out, const Node& value) {
    const bool number = value.kind == Node::Kind::Integer;
    if (!number && value.kind != Node::Kind::Text) return wrong(value, "expected a duration such as \"90s\" or 90");
    const Result<seconds> duration = parse_duration(number ? std::to_string(value.integer) : value.text);
    if (!duration) return wrong(value, duration.error().what);
    if (duration->count() > 0) out = *duration;
    return {};
  }

  Status read_pagination(Rule& rule, const Node& value) {
    if (value.kind != Node::Kind::Integer || value.integer < 0) return wrong(value, "expected a number of entries, 0 or more");
    if (value.integer > 0) rule.pagination_limit = value.integer;
    return {};
  }

  Status read_expiration(Rule& rule, const Node& value) {
    const bool number = value.kind == Node::Kind::Integer;
    if (!number && value.kind != Node::Kind::Text) return wrong(value, "expected a time such as \"2027-01-31T12:00:00Z\"");
    const bool in_range = !number || (value.integer >= 0 && value.integer <= kLastSecond);
    const Result<WallTime> time = number ? WallTime(seconds(in_range ? value.integer : 0)) : parse_rfc3339(value.text);
    if (!time) return wrong(value, time.error().what);
    if (!in_range || unix_seconds(*time) < 0 || unix_seconds(*time) > kLastSecond) return wrong(value, "this time is not in 1970 to 9999");
    rule.expiration = *time;
    return {};
  }

  Result<std::vector<std::string>> texts(const Node& value) const {
    if (value.kind != Node::Kind::List) return wrong(value, "expected a list of texts: [\"...\"]");
    std::vector<std::string> out;
    for (const Node& item : value.items) {
      if (item.kind != Node::Kind::Text) return wrong(item, "expected a text in quotes");
      out.push_back(item.text);
    }
    return out;
  }

  Result<json::value> to_json(const Node& node, std::size_t depth) const {
    if (depth == kValueDepth) return wrong(node, "a value nested too deeply");
    switch (node.kind) {
      case Node::Kind::Null: return json::value();
      case Node::Kind::Bool: return json::value(node.flag);
      case Node::Kind::Integer: return json::value(node.integer);
      case Node::Kind::Real: return json::value(node.real);
      case Node::Kind::Text: return json::value(node.text);
      case Node::Kind::List: return to_json_list(node, depth + 1);
      case Node::Kind::Object: return to_json_object(node, depth + 1);
    }
    return json::value();
  }

  Result<json::value> to_json_list(const Node& node, std::size_t depth) const {
    json::array out;
    for (const Node& item : node.items) {
      POSTERN_TRY(json::value value, to_json(item, depth));
      out.push_back(std::move(value));
    }
    return json::value(std::move(out));
  }

  Result<json::value> to_json_object(const Node& node, std::size_t depth) const {
    json::object out;
    for (const Member& member : node.members) {
      const Node& key = member.keys.front();
      if (member.keys.size() != 1) return wrong(member.keys[1], "expected '='");
      POSTERN_TRY(json::value value, to_json(member.value, depth));
      if (!out.emplace(key.text, std::move(value)).second) return wrong(key, quoted(key.text) + " stands twice");
    }
    return json::value(std::move(out));
  }

  Policy& m_policy;
};

const std::array<PolicyReader::RuleKey, 10> PolicyReader::kRuleKeys{{{"capabilities", &PolicyReader::read_capabilities},
                                                                     {"policy", &PolicyReader::read_old_policy},
                                                                     {"comment", &PolicyReader::read_comment},
                                                                     {"allowed_parameters", &PolicyReader::read_allowed},
                                                                     {"denied_parameters", &PolicyReader::read_denied},
                                                                     {"required_parameters", &PolicyReader::read_required},
                                                                     {"min_wrapping_ttl", &PolicyReader::read_min_wrapping},
                                                                     {"max_wrapping_ttl", &PolicyReader::read_max_wrapping},
                                                                     {"pagination_limit", &PolicyReader::read_pagination},
                                                                     {"expiration", &PolicyReader::read_expiration}}};

// What no syntax may carry; the place is that of the first bad line.
Status check_characters(std::string_view text) {
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) return syntax_error(text, nul, "a NUL byte");
  if (is_utf8(text)) return {};
  std::size_t at = 0;
  for (const std::string_view line : split(text, '\n')) {
    if (!is_utf8(line)) return syntax_error(text, at, "this line is not UTF-8");
    at += line.size() + 1;
  }
  return syntax_error(text, 0, "not UTF-8");
}

json::object parameters_json(const std::map<std::string, ParameterValues, std::less<>>& parameters) {
  json::object out;
  for (const auto& [name, values] : parameters) out[name] = json::array(values.begin(), values.end());
  return out;
}

json::array texts_json(const std::vector<std::string>& texts) { return json::array(texts.begin(), texts.end()); }

json::object rule_json(const Rule& rule) {
  json::object out;
  out["capabilities"] = rule.capabilities == 0 ? json::array() : texts_json(names_of(rule.capabilities));
  if (!rule.allowed_parameters.empty()) out["allowed_parameters"] = parameters_json(rule.allowed_parameters);
  if (!rule.denied_parameters.empty()) out["denied_parameters"] = parameters_json(rule.denied_parameters);
  if (!rule.required_parameters.empty()) out["required_parameters"] = texts_json(rule.required_parameters);
  if (rule.min_wrapping_ttl) out["min_wrapping_ttl"] = rule.min_wrapping_ttl->count();
  if (rule.max_wrapping_ttl) out["max_wrapping_ttl"] = rule.max_wrapping_ttl->count();
  if (rule.pagination_limit) out["pagination_limit"] = *rule.pagination_limit;
  if (rule.expiration) out["expiration"] = rfc3339(*rule.expiration);
  return out;
}

}  // namespace

std::vector<std::string> names_of(Capabilities capabilities) {
  std::vector<std::string> names;
  if ((capabilities & bit(Capability::Deny)) == 0) {
    for (const NamedCapability& entry : kCapabilities)
      if ((capabilities & bit(entry.capability)) != 0) names.emplace_back(entry.name);
  }
  if (names.empty()) names.emplace_back("deny");
  return names;
}

Result<Policy> parse_policy(std::string name, std::string_view text) {
  if (text.size() > kPolicyText) return fail(ErrorCode::TooLarge, "a policy has at most 1 MiB", "policy");
  POSTERN_CHECK(check_characters(text));
  POSTERN_TRY(const Node file, parse_syntax(text));
  Policy policy;
  policy.name = std::move(name);
  policy.text = text;
  POSTERN_CHECK(PolicyReader(policy).read(file));
  return policy;
}

std::string to_json(const Policy& policy) {
  // One object per rule, as a path may have several.
  json::array paths;
  for (const Rule& rule : policy.rules) paths.push_back(json::object{{rule.path, rule_json(rule)}});
  return json::serialize(json::object{{"path", std::move(paths)}});
}

}  // namespace postern::acl
