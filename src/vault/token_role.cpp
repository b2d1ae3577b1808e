#include "vault/token_role.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "vault/grants.hpp"
#include "vault/handlers.hpp"
#include "vault/json_text.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using Texts = std::vector<std::string>;

std::string role_path(std::string_view name) { return "role/" + std::string(name); }

// '*' stands for anything, also for nothing.
bool fits_glob(std::string_view text, std::string_view glob) {
  const std::vector<std::string_view> pieces = split(glob, '*');
  if (pieces.size() == 1) return text == glob;
  if (!text.starts_with(pieces.front())) return false;
  text.remove_prefix(pieces.front().size());
  for (std::size_t at = 1; at + 1 < pieces.size(); ++at) {
    const std::size_t found = text.find(pieces[at]);
    if (found == std::string_view::npos) return false;
    text.remove_prefix(found + pieces[at].size());
  }
  return text.ends_with(pieces.back());
}

bool is_one(const Texts& names, const Texts& globs, const std::string& policy) {
  return std::ranges::find(names, policy) != names.end() ||
         std::ranges::any_of(globs, [&](const std::string& glob) { return fits_glob(policy, glob); });
}

json::object to_json(const TokenRole& role) {
  return {{"name", role.name},
          {"allowed_policies", texts_json(role.allowed_policies)},
          {"allowed_policies_glob", texts_json(role.allowed_policies_glob)},
          {"disallowed_policies", texts_json(role.disallowed_policies)},
          {"disallowed_policies_glob", texts_json(role.disallowed_policies_glob)},
          {"orphan", role.orphan},
          {"renewable", role.renewable},
          {"path_suffix", role.path_suffix},
          {"period", role.period.count()},
          {"token_period", role.period.count()},
          {"explicit_max_ttl", role.explicit_max_ttl.count()},
          {"token_explicit_max_ttl", role.explicit_max_ttl.count()},
          {"token_bound_cidrs", texts_json(role.bound_cidrs)},
          {"token_no_default_policy", role.no_default_policy},
          {"token_num_uses", role.num_uses},
          {"token_type", role.type}};
}

Result<TokenRole> from_json(const SecretBytes& stored) {
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(as_text(stored.view()).data(), stored.size()), error);
  try {
    if (!error) {
      const json::object& object = value.as_object();
      const auto texts = [&](std::string_view name) { return json::value_to<Texts>(object.at(name)); };
      const auto text = [&](std::string_view name) { return json::value_to<std::string>(object.at(name)); };
      TokenRole role;
      role.name = text("name");
      role.allowed_policies = texts("allowed_policies");
      role.allowed_policies_glob = texts("allowed_policies_glob");
      role.disallowed_policies = texts("disallowed_policies");
      role.disallowed_policies_glob = texts("disallowed_policies_glob");
      role.orphan = object.at("orphan").as_bool();
      role.renewable = object.at("renewable").as_bool();
      role.path_suffix = text("path_suffix");
      role.period = std::chrono::seconds(object.at("period").as_int64());
      role.explicit_max_ttl = std::chrono::seconds(object.at("explicit_max_ttl").as_int64());
      role.bound_cidrs = texts("token_bound_cidrs");
      role.no_default_policy = object.at("token_no_default_policy").as_bool();
      role.num_uses = object.at("token_num_uses").as_int64();
      role.type = text("token_type");
      return role;
    }
  } catch (const std::exception&) {  // Boost's way to say that a member is missing or has another type
  }
  return fail(ErrorCode::IntegrityFailed, "a stored token role cannot be read: write it again");
}

// What the request says; what it does not say stays.
void change(TokenRole& role, const Fields& fields) {
  const auto texts = [&](std::string_view name, Texts& into) {
    if (fields.has(name)) into = fields.strings(name);
  };
  const auto flag = [&](std::string_view name, bool& into) {
    if (fields.has(name)) into = fields.flag(name);
  };
  const auto duration = [&](std::string_view name, std::chrono::seconds& into) {
    if (fields.has(name)) into = fields.duration(name);
  };
  texts("allowed_policies", role.allowed_policies);
  texts("allowed_policies_glob", role.allowed_policies_glob);
  texts("disallowed_policies", role.disallowed_policies);
  texts("disallowed_policies_glob", role.disallowed_policies_glob);
  texts("bound_cidrs", role.bound_cidrs);
  texts("token_bound_cidrs", role.bound_cidrs);
  flag("orphan", role.orphan);
  flag("renewable", role.renewable);
  flag("token_no_default_policy", role.no_default_policy);
  duration("period", role.period);
  duration("token_period", role.period);
  duration("explicit_max_ttl", role.explicit_max_ttl);
  duration("token_explicit_max_ttl", role.explicit_max_ttl);
  if (fields.has("path_suffix")) role.path_suffix = fields.text("path_suffix");
  if (fields.has("token_num_uses")) role.num_uses = fields.integer("token_num_uses");
  if (fields.has("token_type")) role.type = fields.text("token_type");
}

Status check(const TokenRole& role) {
  POSTERN_CHECK(parse_networks(role.bound_cidrs));
  if (role.num_uses < 0) return fail(ErrorCode::BadInput, "'token_num_uses' cannot be negative", "token_num_uses");
  if (role.period.count() > 0 && role.type == "batch")
    return fail(ErrorCode::BadInput, "'token_type' cannot be 'batch' when 'token_period' is set");
  for (const std::string_view known : {"default-service", "default-batch", "service", "batch"}) {
    if (role.type == known)
      return role.path_suffix.find_first_of("/ .") == std::string::npos
                 ? Status()
                 : fail(ErrorCode::BadInput, "path_suffix must be one word", "path_suffix");
  }
  return fail(ErrorCode::BadInput, "invalid 'token_type' value \"" + role.type + "\"", "token_type");
}

Result<Answer> write_role(const Call& call) {
  const std::string name = call.fields.text("role_name");
  POSTERN_TRY(std::optional<TokenRole> role, read_token_role(call.storage, name));
  if (!role) role.emplace();
  role->name = name;
  change(*role, call.fields);
  if (role->type == "default") role->type = "default-service";
  for (Texts* policies : {&role->allowed_policies, &role->disallowed_policies}) {
    for (std::string& policy : *policies) policy = to_lower(policy);
  }
  POSTERN_CHECK(check(*role));
  std::string text;
  append_json(text, to_json(*role));
  POSTERN_CHECK(call.storage.put(role_path(name), SecretBytes::from_text(text)));
  return Answer{};
}

Result<Answer> read_role(const Call& call) {
  POSTERN_TRY(const std::optional<TokenRole> role, read_token_role(call.storage, call.fields.text("role_name")));
  return role ? Answer::with(to_json(*role)) : Answer{};
}

}  // namespace

Status TokenRole::check_policies(const std::vector<std::string>& policies) const {
  const bool only_some = !allowed_policies.empty() || !allowed_policies_glob.empty();
  for (const std::string& policy : policies) {
    if (is_one(disallowed_policies, disallowed_policies_glob, policy)) {
      return fail(ErrorCode::BadInput, "token policy \"" + policy + "\" is disallowed by this role", "policies");
    }
    if (only_some && policy != "default" && !is_one(allowed_policies, allowed_policies_glob, policy)) {
      return fail(ErrorCode::BadInput, "token policy \"" + policy + "\" must be one of the role's allowed policies", "policies");
    }
  }
  return {};
}

Result<std::optional<TokenRole>> read_token_role(Storage& storage, const std::string& name) {
  POSTERN_TRY(const std::optional<SecretBytes> stored, storage.get(role_path(name)));
  if (!stored) return std::nullopt;
  POSTERN_TRY(TokenRole role, from_json(*stored));
  return std::optional(std::move(role));
}

void add_token_role_paths(std::vector<PathSpec>& to, Engine& /*engine*/) {
  const std::vector<FieldSpec> fields = {{"role_name", FieldType::Name},
                                         {"allowed_policies", FieldType::CommaStrings},
                                         {"allowed_policies_glob", FieldType::CommaStrings},
                                         {"disallowed_policies", FieldType::CommaStrings},
                                         {"disallowed_policies_glob", FieldType::CommaStrings},
                                         {"orphan", FieldType::Bool},
                                         {"renewable", FieldType::Bool},
                                         {"path_suffix", FieldType::String},
                                         {"period", FieldType::Duration},
                                         {"token_period", FieldType::Duration},
                                         {"explicit_max_ttl", FieldType::Duration},
                                         {"token_explicit_max_ttl", FieldType::Duration},
                                         {"bound_cidrs", FieldType::CommaStrings},
                                         {"token_bound_cidrs", FieldType::CommaStrings},
                                         {"token_no_default_policy", FieldType::Bool},
                                         {"token_num_uses", FieldType::Integer},
                                         {"token_type", FieldType::String}};
  PathSpec role = path_of("roles/{role_name}", fields,
                          {{Operation::Read, read_role},
                           {Operation::Create, write_role},
                           {Operation::Update, write_role},
                           {Operation::Delete, [](const Call& call) -> Result<Answer> {
                              POSTERN_CHECK(call.storage.remove(role_path(call.fields.text("role_name"))));
                              return Answer{};
                            }}});
  role.exists = [](const Call& call) -> Result<bool> {
    POSTERN_TRY(const std::optional<SecretBytes> stored, call.storage.get(role_path(call.fields.text("role_name"))));
    return stored.has_value();
  };
  to.push_back(std::move(role));
  to.push_back(path_of("roles", {}, {{Operation::List, [](const Call& call) -> Result<Answer> {
                                        POSTERN_TRY(std::vector<std::string> names, call.storage.list("role/"));
                                        return Answer::list(std::move(names));
                                      }}}));
}

}  // namespace postern::vault
