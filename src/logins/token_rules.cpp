#include "logins/token_rules.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "vault/token_entry.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

const std::array<FieldSpec, 10> kTokenFields{{
    {"token_ttl", FieldType::Duration, {}, "Life of a token; 0: the mount's default."},
    {"token_max_ttl", FieldType::Duration, {}, "Renewals end here; 0: the mount's maximum."},
    {"token_period", FieldType::Duration, {}, "A token that is renewed within this time lives on; 0: no."},
    {"token_explicit_max_ttl", FieldType::Duration, {}, "A hard end for every token."},
    {"token_policies", FieldType::CommaStrings, {}, "Policies of a token."},
    {"token_bound_cidrs", FieldType::CommaStrings, {}, "Networks that logins and their tokens may come from."},
    {"token_num_uses", FieldType::Integer, {}, "Requests a token is good for; 0: any number."},
    {"token_no_default_policy", FieldType::Bool, {}, "Whether tokens go without the policy \"default\"."},
    {"token_strictly_bind_ip", FieldType::Bool, {}, "Whether a token is bound to the address of its login."},
    {"token_type", FieldType::String, {}, "service, batch, or default for the mount's."},
}};

std::vector<std::string> texts_of(const json::object& object, std::string_view name) {
  std::vector<std::string> out;
  const auto* list = object.if_contains(name);
  if (list == nullptr || !list->is_array()) return out;
  for (const auto& item : list->as_array())
    if (item.is_string()) out.emplace_back(item.as_string());
  return out;
}

std::int64_t number_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_int64() ? value->as_int64() : 0;
}

bool truth_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->as_bool();
}

json::array array_of(const std::vector<std::string>& texts) {
  json::array out;
  for (const auto& text : texts) out.emplace_back(text);
  return out;
}

Status check(const TokenRules& rules) {
  if (rules.num_uses < 0) return fail(ErrorCode::BadInput, "'token_num_uses' cannot be negative", "token_num_uses");
  if (rules.max_ttl.count() > 0 && rules.ttl > rules.max_ttl)
    return fail(ErrorCode::BadInput, "'token_ttl' cannot be greater than 'token_max_ttl'", "token_ttl");
  if (rules.type != "default" && rules.type != "service" && rules.type != "batch")
    return fail(ErrorCode::BadInput, "'token_type' must be service, batch or default", "token_type");
  // A batch token is stored nowhere, so nothing can count its uses or lengthen its life.
  if (rules.type == "batch" && rules.num_uses != 0)
    return fail(ErrorCode::BadInput, "'token_type' cannot be 'batch' when set to generate tokens with limited use count", "token_type");
  if (rules.type == "batch" && rules.period.count() != 0)
    return fail(ErrorCode::BadInput, "'token_type' cannot be 'batch' when set to generate periodic tokens", "token_type");
  return {};
}

}  // namespace

std::vector<FieldSpec> with_token_fields(std::vector<FieldSpec> fields) {
  fields.insert(fields.end(), kTokenFields.begin(), kTokenFields.end());
  return fields;
}

Status update(TokenRules& rules, const Fields& fields) {
  TokenRules changed = rules;
  if (fields.has("token_ttl")) changed.ttl = fields.duration("token_ttl");
  if (fields.has("token_max_ttl")) changed.max_ttl = fields.duration("token_max_ttl");
  if (fields.has("token_period")) changed.period = fields.duration("token_period");
  if (fields.has("token_explicit_max_ttl")) changed.explicit_max_ttl = fields.duration("token_explicit_max_ttl");
  if (fields.has("token_policies")) changed.policies = fields.strings("token_policies");
  if (fields.has("token_num_uses")) changed.num_uses = fields.integer("token_num_uses");
  if (fields.has("token_no_default_policy")) changed.no_default_policy = fields.flag("token_no_default_policy");
  if (fields.has("token_strictly_bind_ip")) changed.strictly_bind_ip = fields.flag("token_strictly_bind_ip");
  if (fields.has("token_bound_cidrs")) {
    changed.bound_cidrs = fields.strings("token_bound_cidrs");
    POSTERN_CHECK(parse_networks(changed.bound_cidrs));
  }
  if (fields.has("token_type")) {
    changed.type = fields.text("token_type");
    if (changed.type.empty() || changed.type == "default-service") changed.type = "default";
  }
  POSTERN_CHECK(check(changed));
  rules = std::move(changed);
  return {};
}

void show(const TokenRules& rules, json::object& out) {
  out["token_ttl"] = rules.ttl.count();
  out["token_max_ttl"] = rules.max_ttl.count();
  out["token_period"] = rules.period.count();
  out["token_explicit_max_ttl"] = rules.explicit_max_ttl.count();
  out["token_policies"] = array_of(rules.policies);
  out["token_bound_cidrs"] = array_of(rules.bound_cidrs);
  out["token_num_uses"] = rules.num_uses;
  out["token_no_default_policy"] = rules.no_default_policy;
  out["token_strictly_bind_ip"] = rules.strictly_bind_ip;
  out["token_type"] = rules.type;
}

TokenRules token_rules_from(const json::object& shown) {
  TokenRules rules;
  rules.ttl = std::chrono::seconds(number_of(shown, "token_ttl"));
  rules.max_ttl = std::chrono::seconds(number_of(shown, "token_max_ttl"));
  rules.period = std::chrono::seconds(number_of(shown, "token_period"));
  rules.explicit_max_ttl = std::chrono::seconds(number_of(shown, "token_explicit_max_ttl"));
  rules.policies = texts_of(shown, "token_policies");
  rules.bound_cidrs = texts_of(shown, "token_bound_cidrs");
  rules.num_uses = number_of(shown, "token_num_uses");
  rules.no_default_policy = truth_of(shown, "token_no_default_policy");
  rules.strictly_bind_ip = truth_of(shown, "token_strictly_bind_ip");
  if (const auto* type = shown.if_contains("token_type"); type != nullptr && type->is_string()) rules.type = std::string(type->as_string());
  return rules;
}

Status check_network(const std::vector<std::string>& cidrs, std::string_view remote) {
  if (cidrs.empty()) return {};
  POSTERN_TRY(const std::vector<Network> networks, parse_networks(cidrs));
  if (is_in(networks, remote)) return {};
  return fail(ErrorCode::Denied, "permission denied");
}

Result<Grant> grant_of(const TokenRules& rules, std::string_view remote) {
  POSTERN_CHECK(check_network(rules.bound_cidrs, remote));
  Grant grant;
  grant.policies = rules.policies;
  grant.ttl = rules.ttl;
  grant.max_ttl = rules.max_ttl;
  grant.period = rules.period;
  grant.explicit_max_ttl = rules.explicit_max_ttl;
  grant.num_uses = rules.num_uses;
  grant.no_default_policy = rules.no_default_policy;
  grant.batch = rules.type == "batch";
  grant.renewable = !grant.batch;
  grant.bound_cidrs = rules.strictly_bind_ip ? std::vector<std::string>{std::string(remote)} : rules.bound_cidrs;
  return grant;
}

}  // namespace postern::vault
