// The bytes of roles and secret ids in storage.
#include "logins/approle.hpp"
#include "vault/memory.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

json::array array_of(const std::vector<std::string>& texts) {
  json::array out;
  for (const auto& text : texts) out.emplace_back(text);
  return out;
}

std::string text_of(const json::object& record, std::string_view name) {
  const auto* value = record.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::int64_t number_of(const json::object& record, std::string_view name) {
  const auto* value = record.if_contains(name);
  return value != nullptr && value->is_int64() ? value->as_int64() : 0;
}

std::vector<std::string> texts_of(const json::object& record, std::string_view name) {
  std::vector<std::string> out;
  const auto* list = record.if_contains(name);
  if (list == nullptr || !list->is_array()) return out;
  for (const auto& item : list->as_array())
    if (item.is_string()) out.emplace_back(item.as_string());
  return out;
}

}  // namespace

std::string secret_place(const std::string& role, const std::string& hash) { return "secret/" + role + "/" + hash; }
std::string accessor_place(const std::string& role, const std::string& hash) { return "accessor/" + role + "/" + hash; }

json::object shown(const AppRole& role) {
  json::object out;
  out["bind_secret_id"] = role.bind_secret_id;
  out["local_secret_ids"] = false;
  out["secret_id_num_uses"] = role.secret_id_num_uses;
  out["secret_id_ttl"] = role.secret_id_ttl.count();
  out["secret_id_bound_cidrs"] = array_of(role.secret_id_bound_cidrs);
  show(role.rules, out);
  return out;
}

SecretBytes encode(const AppRole& role) {
  json::object record = shown(role);
  record["name"] = role.name;
  record["role_id"] = role.role_id;
  return to_secret(record);
}

AppRole decode_role(const json::object& record) {
  AppRole role;
  role.name = text_of(record, "name");
  role.role_id = text_of(record, "role_id");
  const auto* bind = record.if_contains("bind_secret_id");
  role.bind_secret_id = bind == nullptr || !bind->is_bool() || bind->as_bool();
  role.secret_id_num_uses = number_of(record, "secret_id_num_uses");
  role.secret_id_ttl = std::chrono::seconds(number_of(record, "secret_id_ttl"));
  role.secret_id_bound_cidrs = texts_of(record, "secret_id_bound_cidrs");
  role.rules = token_rules_from(record);
  return role;
}

SecretBytes encode(const SecretId& secret) {
  json::object metadata;
  for (const auto& [name, value] : secret.metadata) metadata[name] = value;
  json::object record{{"accessor", secret.accessor},     {"num_uses", secret.num_uses},
                      {"ttl", secret.ttl.count()},       {"created", unix_millis(secret.created)},
                      {"cidrs", array_of(secret.cidrs)}, {"token_cidrs", array_of(secret.token_bound_cidrs)},
                      {"metadata", std::move(metadata)}};
  if (secret.expires) record["expires"] = unix_millis(*secret.expires);
  return to_secret(record);
}

SecretId decode_secret_id(const json::object& record) {
  SecretId secret;
  secret.accessor = text_of(record, "accessor");
  secret.num_uses = number_of(record, "num_uses");
  secret.ttl = std::chrono::seconds(number_of(record, "ttl"));
  secret.created = wall_from_millis(number_of(record, "created"));
  if (record.contains("expires")) secret.expires = wall_from_millis(number_of(record, "expires"));
  secret.cidrs = texts_of(record, "cidrs");
  secret.token_bound_cidrs = texts_of(record, "token_cidrs");
  if (const auto* metadata = record.if_contains("metadata"); metadata != nullptr && metadata->is_object())
    for (const auto& [name, value] : metadata->as_object())
      if (value.is_string()) secret.metadata.emplace_back(std::string(name), std::string(value.as_string()));
  return secret;
}

}  // namespace postern::vault
