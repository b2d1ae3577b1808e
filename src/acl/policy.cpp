#include "acl/policy.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "acl/hcl.hpp"
#include "base/text.hpp"

namespace postern::acl {
namespace {

namespace json = boost::json;

struct Named {
  std::string_view name;
  Capability capability;
};
constexpr std::array<Named, 9> kCapabilities{{{"create", Capability::Create},
                                              {"delete", Capability::Delete},
                                              {"deny", Capability::Deny},
                                              {"list", Capability::List},
                                              {"patch", Capability::Patch},
                                              {"read", Capability::Read},
                                              {"scan", Capability::Scan},
                                              {"sudo", Capability::Sudo},
                                              {"update", Capability::Update}}};

constexpr Capabilities bit(Capability capability) { return static_cast<Capabilities>(capability); }

/// What `policy = "write"` meant before there were capabilities.
std::optional<Capabilities> legacy(std::string_view word) {
  const Capabilities read = bit(Capability::Read) | bit(Capability::List);
  const Capabilities write = read | bit(Capability::Create) | bit(Capability::Update) | bit(Capability::Delete);
  if (word == "deny") return bit(Capability::Deny);
  if (word == "read") return read;
  if (word == "write") return write;
  if (word == "sudo") return write | bit(Capability::Sudo);
  return std::nullopt;
}

Result<std::string> text_of(const HclValue& value) {
  if (const auto* text = std::get_if<std::string>(&value.value)) return *text;
  return hcl_error(value.place, "expected a text in quotes");
}

Result<const HclList*> list_of(const HclValue& value) {
  if (const auto* list = std::get_if<HclList>(&value.value)) return list;
  return hcl_error(value.place, "expected a list in [ ]");
}

Result<std::int64_t> count_of(const HclValue& value) {
  const auto* number = std::get_if<double>(&value.value);
  if (number == nullptr || !value.whole_number || *number < 0 || *number > 1e15) return hcl_error(value.place, "expected a whole number");
  return static_cast<std::int64_t>(*number);
}

Result<std::chrono::seconds> duration_of(const HclValue& value) {
  if (!std::holds_alternative<std::string>(value.value)) {
    POSTERN_TRY(const std::int64_t seconds, count_of(value));
    return std::chrono::seconds(seconds);
  }
  const auto duration = parse_duration(std::get<std::string>(value.value));
  if (!duration) return hcl_error(value.place, "expected a duration such as \"90s\" or \"1h\"");
  return *duration;
}

json::value json_of(const HclValue& value) {
  struct Convert {
    bool whole;
    json::value operator()(const std::string& text) const { return json::value(text); }
    json::value operator()(bool truth) const { return json::value(truth); }
    json::value operator()(double number) const {
      if (whole && std::abs(number) < 9e15) return json::value(static_cast<std::int64_t>(number));
      return json::value(number);
    }
    json::value operator()(const HclList& list) const {
      json::array out;
      for (const auto& item : list) out.push_back(json_of(item));
      return out;
    }
    json::value operator()(const HclObject& object) const {
      json::object out;
      for (const auto& item : object) out[item.key] = json_of(item.value);
      return out;
    }
  };
  return std::visit(Convert{value.whole_number}, value.value);
}

Result<Capabilities> read_capabilities(const HclValue& value) {
  POSTERN_TRY(const HclList* list, list_of(value));
  Capabilities out = 0;
  for (const auto& item : *list) {
    POSTERN_TRY(const std::string word, text_of(item));
    const auto found = std::ranges::find(kCapabilities, word, &Named::name);
    if (found == kCapabilities.end()) return hcl_error(item.place, "unknown capability \"" + printable(word) + "\"");
    out |= bit(found->capability);
  }
  return out;
}

Result<std::map<std::string, ParameterValues, std::less<>>> read_parameters(const HclValue& value) {
  const auto* object = std::get_if<HclObject>(&value.value);
  if (object == nullptr) return hcl_error(value.place, "expected an object: { \"name\" = [values] }");
  std::map<std::string, ParameterValues, std::less<>> out;
  for (const auto& item : *object) {
    POSTERN_TRY(const HclList* list, list_of(item.value));
    ParameterValues& values = out[to_lower(item.key)];
    for (const auto& one : *list) values.push_back(json_of(one));
  }
  return out;
}

Result<std::vector<std::string>> read_names(const HclValue& value) {
  POSTERN_TRY(const HclList* list, list_of(value));
  std::vector<std::string> out;
  for (const auto& item : *list) {
    POSTERN_TRY(const std::string name, text_of(item));
    out.push_back(to_lower(name));
  }
  return out;
}

Status read_setting(Rule& rule, const HclItem& item) {
  const HclValue& value = item.value;
  if (item.key == "capabilities") {
    POSTERN_TRY(const Capabilities read, read_capabilities(value));
    rule.capabilities |= read;
  } else if (item.key == "policy") {
    POSTERN_TRY(const std::string word, text_of(value));
    const auto read = legacy(word);
    if (!read) return hcl_error(value.place, "policy must be deny, read, write or sudo; better write capabilities");
    rule.capabilities |= *read;
  } else if (item.key == "allowed_parameters") {
    POSTERN_TRY(rule.allowed_parameters, read_parameters(value));
  } else if (item.key == "denied_parameters") {
    POSTERN_TRY(rule.denied_parameters, read_parameters(value));
  } else if (item.key == "required_parameters") {
    POSTERN_TRY(rule.required_parameters, read_names(value));
  } else if (item.key == "min_wrapping_ttl") {
    POSTERN_TRY(rule.min_wrapping_ttl, duration_of(value));
  } else if (item.key == "max_wrapping_ttl") {
    POSTERN_TRY(rule.max_wrapping_ttl, duration_of(value));
  } else if (item.key == "pagination_limit") {
    POSTERN_TRY(rule.pagination_limit, count_of(value));
  } else if (item.key == "expiration") {
    POSTERN_TRY(const std::string text, text_of(value));
    const auto time = parse_rfc3339(text);
    if (!time) return hcl_error(value.place, "expiration must be a time such as \"2027-01-31T00:00:00Z\"");
    rule.expiration = *time;
  } else if (item.key == "control_group") {
    return hcl_error(item.place, "control_group is not done by this engine: take it out, or a rule would be half obeyed");
  } else if (item.key != "comment") {
    return hcl_error(item.place, "unknown setting \"" + printable(item.key) + "\" in a path");
  }
  return {};
}

Status check_path(std::string_view path, const HclPlace& place) {
  if (path.find("+*") != std::string_view::npos) return hcl_error(place, "path \"" + printable(path) + "\": '+*' is no wildcard");
  if (path.size() > 4096) return hcl_error(place, "the path is longer than 4096 bytes");
  return {};
}

Status read_rule(Policy& policy, std::string path, const HclValue& body, const HclPlace& place) {
  const auto* settings = std::get_if<HclObject>(&body.value);
  if (settings == nullptr) return hcl_error(body.place, "expected { } behind a path");
  Rule rule;
  rule.path = path.starts_with('/') ? path.substr(1) : std::move(path);
  POSTERN_CHECK(check_path(rule.path, place));
  for (const auto& item : *settings) {
    if (!item.labels.empty()) return hcl_error(item.place, "a setting has no label");
    POSTERN_CHECK(read_setting(rule, item));
  }
  if (rule.min_wrapping_ttl && rule.max_wrapping_ttl && *rule.max_wrapping_ttl < *rule.min_wrapping_ttl)
    return hcl_error(place, "max_wrapping_ttl is below min_wrapping_ttl");
  // A rule that denies denies everything: the rest of it means nothing.
  if ((rule.capabilities & bit(Capability::Deny)) != 0) {
    rule = Rule{rule.path, bit(Capability::Deny), {}, {}, {}, {}, {}, {}, rule.expiration};
  }
  if (policy.rules.size() >= kPolicyRules) return hcl_error(place, "more than " + std::to_string(kPolicyRules) + " paths");
  policy.templated = policy.templated || rule.path.find("{{") != std::string::npos;
  policy.rules.push_back(std::move(rule));
  return {};
}

/// JSON, or HCL's `path = { "secret/*" = {...} }`: paths as the names of an object, or a list of such objects.
Status read_path_object(Policy& policy, const HclValue& value) {
  if (const auto* list = std::get_if<HclList>(&value.value)) {
    for (const auto& item : *list) {
      if (!std::holds_alternative<HclObject>(item.value)) return hcl_error(item.place, "expected an object of paths");
      POSTERN_CHECK(read_path_object(policy, item));
    }
    return {};
  }
  const auto* object = std::get_if<HclObject>(&value.value);
  if (object == nullptr) return hcl_error(value.place, "expected an object of paths");
  for (const auto& item : *object) POSTERN_CHECK(read_rule(policy, item.key, item.value, item.place));
  return {};
}

Status read_item(Policy& policy, const HclItem& item) {
  if (item.key == "name") return {};  // of no effect: the name is the one it is stored under
  if (item.key != "path")
    return hcl_error(item.place, "unknown item \"" + printable(item.key) + "\"; a policy is made of path \"...\" { }");
  if (item.labels.empty()) return read_path_object(policy, item.value);
  if (item.labels.size() > 1) return hcl_error(item.place, "a path has one label");
  return read_rule(policy, item.labels.front(), item.value, item.place);
}

}  // namespace

std::vector<std::string> names_of(Capabilities capabilities) {
  std::vector<std::string> out;
  if ((capabilities & bit(Capability::Deny)) == 0) {
    for (const auto& [name, capability] : kCapabilities)
      if ((capabilities & bit(capability)) != 0) out.emplace_back(name);
  }
  if (out.empty()) out.emplace_back("deny");
  return out;
}

Result<Policy> parse_policy(std::string name, std::string_view text) {
  if (text.size() > kPolicyText)
    return fail(ErrorCode::TooLarge, "a policy has at most " + std::to_string(kPolicyText) + " bytes", "policy");
  Policy policy;
  policy.name = std::move(name);
  policy.text = std::string(text);
  POSTERN_TRY(const HclObject items, parse_hcl(text));
  for (const auto& item : items) POSTERN_CHECK(read_item(policy, item));
  return policy;
}

}  // namespace postern::acl
