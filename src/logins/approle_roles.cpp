// The roles of approle, whole and setting by setting.
#include "base/ids.hpp"
#include "crypto/random.hpp"
#include "logins/approle.hpp"
#include "vault/memory.hpp"
#include "vault/token_entry.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

const FieldSpec kRole{"role_name", FieldType::Name, {}, "Name of the role."};

std::vector<FieldSpec> role_fields() {
  return with_token_fields({kRole,
                            {"role_id", FieldType::String, {}, "Id of the role; made when absent."},
                            {"bind_secret_id", FieldType::Bool, {}, "Whether a login needs a secret id."},
                            {"secret_id_num_uses", FieldType::Integer, {}, "Logins a secret id is good for; 0: any number."},
                            {"secret_id_ttl", FieldType::Duration, {}, "Life of a secret id; 0: for ever."},
                            {"secret_id_bound_cidrs", FieldType::CommaStrings, {}, "Networks that secret ids may come from."},
                            {"bound_cidr_list", FieldType::CommaStrings, {}, "The older name of secret_id_bound_cidrs."},
                            {"policies", FieldType::CommaStrings, {}, "The older name of token_policies."},
                            {"period", FieldType::Duration, {}, "The older name of token_period."},
                            {"local_secret_ids", FieldType::Bool, {}, "Of no effect: this engine does not replicate."}});
}

Status update(AppRole& role, const Fields& fields) {
  if (fields.has("bind_secret_id")) role.bind_secret_id = fields.flag("bind_secret_id");
  if (fields.has("secret_id_num_uses")) role.secret_id_num_uses = fields.integer("secret_id_num_uses");
  if (fields.has("secret_id_ttl")) role.secret_id_ttl = fields.duration("secret_id_ttl");
  for (const char* name : {"bound_cidr_list", "secret_id_bound_cidrs"})
    if (fields.has(name)) role.secret_id_bound_cidrs = fields.strings(name);
  if (fields.has("policies")) role.rules.policies = fields.strings("policies");
  if (fields.has("period")) role.rules.period = fields.duration("period");
  POSTERN_CHECK(vault::update(role.rules, fields));
  POSTERN_CHECK(parse_networks(role.secret_id_bound_cidrs));
  if (role.secret_id_num_uses < 0) return fail(ErrorCode::BadInput, "secret_id_num_uses cannot be negative", "secret_id_num_uses");
  if (!role.bind_secret_id && role.secret_id_bound_cidrs.empty() && role.rules.bound_cidrs.empty())
    return fail(ErrorCode::BadInput, "at least one constraint should be enabled on the role", "bind_secret_id");
  return {};
}

/// A role without that setting: what DELETE of it leaves.
Status reset(AppRole& role, std::string_view field) {
  json::object kept = shown(role);
  const json::object fresh = shown(AppRole{});
  kept[field] = fresh.at(field);
  kept["name"] = role.name;
  kept["role_id"] = role.role_id;
  role = decode_role(kept);
  return {};
}

}  // namespace

void AppRoles::add_role_paths() {
  add_path(
      "role", "All roles.",
      {{"after", FieldType::String, {}, "LIST: only names behind this one."}, {"limit", FieldType::Integer, {}, "LIST: at most so many."}},
      {{Operation::List, handler(&AppRoles::list_roles)}});
  add_path("role/{role_name}", "A role: what a login needs, and what its tokens are like.", role_fields(),
           {{Operation::Read, handler(&AppRoles::read_role)},
            {Operation::Create, handler(&AppRoles::write_role)},
            {Operation::Update, handler(&AppRoles::write_role)},
            {Operation::Delete, handler(&AppRoles::remove_role)}})
      .exists = [this](const Call& call) -> Result<bool> {
    POSTERN_TRY(const auto role, load_role(call.storage, call.fields.text("role_name")));
    return role.has_value();
  };
  add_path("role/{role_name}/role-id", "The id of a role.", {kRole, {"role_id", FieldType::String, {}, "The new id."}},
           {{Operation::Read, handler(&AppRoles::read_role_id)}, {Operation::Update, handler(&AppRoles::write_role_id)}});
  for (const auto& [segment, field] :
       std::initializer_list<std::pair<const char*, const char*>>{{"bind-secret-id", "bind_secret_id"},
                                                                  {"secret-id-num-uses", "secret_id_num_uses"},
                                                                  {"secret-id-ttl", "secret_id_ttl"},
                                                                  {"secret-id-bound-cidrs", "secret_id_bound_cidrs"},
                                                                  {"bound-cidr-list", "secret_id_bound_cidrs"},
                                                                  {"policies", "token_policies"},
                                                                  {"period", "token_period"},
                                                                  {"token-ttl", "token_ttl"},
                                                                  {"token-max-ttl", "token_max_ttl"},
                                                                  {"token-num-uses", "token_num_uses"},
                                                                  {"token-bound-cidrs", "token_bound_cidrs"}})
    add_setting_path(segment, field);
}

/// One setting by itself. Only that field is looked at: who may write this path may not write the rest of the role through it.
void AppRoles::add_setting_path(const std::string& segment, std::string_view field) {
  static const std::vector<FieldSpec> all = role_fields();
  std::string old_name = segment;
  for (char& c : old_name)
    if (c == '-') c = '_';
  const auto change = [this](const Call& call, const auto& how) -> Result<Answer> {
    const std::lock_guard lock(m_change);
    POSTERN_TRY(AppRole role, role_of(call));
    POSTERN_CHECK(how(role));
    POSTERN_CHECK(save_role(call.storage, role, role.role_id));
    return Answer{};
  };
  add_path(
      "role/{role_name}/" + segment, "One setting of a role.", {kRole},
      {{Operation::Read,
        [this, field](const Call& call) -> Result<Answer> {
          POSTERN_TRY(const AppRole role, role_of(call));
          return Answer::with({{field, shown(role).at(field)}});
        }},
       {Operation::Update,
        [change, field, old_name](const Call& call) {
          json::object only;
          for (const std::string_view name : {std::string_view(old_name), field})
            if (const auto* given = call.request.data.if_contains(name)) only[field] = *given;
          return change(call, [&](AppRole& role) -> Status {
            if (only.empty()) return fail(ErrorCode::BadInput, "missing " + std::string(field), std::string(field));
            POSTERN_TRY(const Fields fields, Fields::read(all, only, {}));
            return update(role, fields);
          });
        }},
       {Operation::Delete, [change, field](const Call& call) { return change(call, [&](AppRole& role) { return reset(role, field); }); }}});
}

Result<std::optional<AppRole>> AppRoles::load_role(Storage& storage, const std::string& name) const {
  POSTERN_TRY(const auto kept, stored(storage.get("role/" + name)));
  if (!kept) return std::nullopt;
  POSTERN_TRY(const json::object record, object_from_secret(kept->view(), {}));
  return decode_role(record);
}

Result<AppRole> AppRoles::role_of(const Call& call) const {
  const std::string name = call.fields.text("role_name");
  POSTERN_TRY(auto role, load_role(call.storage, name));
  if (!role) return fail(ErrorCode::NotFound, "role \"" + name + "\" does not exist", "role_name");
  return *std::move(role);
}

Status AppRoles::claim_role_id(Storage& storage, const AppRole& role) const {
  if (role.role_id.empty() || role.role_id.size() > 256) return fail(ErrorCode::BadInput, "a role_id has 1 to 256 bytes", "role_id");
  POSTERN_TRY(const auto owner, stored(storage.get("role_id/" + hash(role.role_id))));
  if (owner && as_text(owner->view()) != role.name) return fail(ErrorCode::BadInput, "role_id already in use", "role_id");
  return {};
}

Status AppRoles::save_role(Storage& storage, const AppRole& role, const std::string& before) const {
  std::vector<StorageChange> changes;
  changes.push_back({"role/" + role.name, encode(role)});
  if (!before.empty() && before != role.role_id) changes.push_back({"role_id/" + hash(before), std::nullopt});
  changes.push_back({"role_id/" + hash(role.role_id), SecretBytes::from_text(role.name)});
  if (const Status saved = storage.apply(std::move(changes)); !saved) return fail(storage_error(saved.error()));
  return {};
}

Result<Answer> AppRoles::list_roles(const Call& call) {
  POSTERN_TRY(auto names, stored(call.storage.list("role/", page_of(call.fields))));
  return Answer::list(std::move(names));
}

Result<Answer> AppRoles::read_role(const Call& call) {
  POSTERN_TRY(const auto role, load_role(call.storage, call.fields.text("role_name")));
  return role ? Answer::with(shown(*role)) : Answer{};
}

Result<Answer> AppRoles::write_role(const Call& call) {
  const std::lock_guard lock(m_change);
  const std::string name = call.fields.text("role_name");
  POSTERN_TRY(const auto before, load_role(call.storage, name));
  AppRole role = before.value_or(AppRole{});
  role.name = name;
  NonceRandom random;
  if (call.fields.has("role_id")) role.role_id = call.fields.text("role_id");
  if (role.role_id.empty()) role.role_id = make_uuid(random);
  POSTERN_CHECK(update(role, call.fields));
  POSTERN_CHECK(claim_role_id(call.storage, role));
  POSTERN_CHECK(save_role(call.storage, role, before ? before->role_id : std::string()));
  return Answer{};
}

Result<Answer> AppRoles::read_role_id(const Call& call) {
  POSTERN_TRY(const AppRole role, role_of(call));
  return Answer::with({{"role_id", role.role_id}});
}

Result<Answer> AppRoles::write_role_id(const Call& call) {
  const std::lock_guard lock(m_change);
  POSTERN_TRY(AppRole role, role_of(call));
  const std::string before = role.role_id;
  role.role_id = call.fields.text("role_id");
  POSTERN_CHECK(claim_role_id(call.storage, role));
  POSTERN_CHECK(save_role(call.storage, role, before));
  return Answer{};
}

/// Its secret ids first: a crash on the way leaves a role with fewer of them, never secret ids without a role that a new one of the same
/// name would inherit.
Result<Answer> AppRoles::remove_role(const Call& call) {
  const std::lock_guard lock(m_change);
  POSTERN_TRY(const auto role, load_role(call.storage, call.fields.text("role_name")));
  if (!role) return Answer{};
  for (const auto& folder : {"accessor/" + role->name + "/", "secret/" + role->name + "/"}) {
    POSTERN_TRY(const auto paths, stored(call.storage.walk(folder)));
    std::vector<StorageChange> changes;
    for (const auto& path : paths) changes.push_back({path, std::nullopt});
    if (const Status gone = call.storage.apply(std::move(changes)); !gone) return fail(storage_error(gone.error()));
  }
  std::vector<StorageChange> changes;
  changes.push_back({"role_id/" + hash(role->role_id), std::nullopt});
  changes.push_back({"role/" + role->name, std::nullopt});
  if (const Status gone = call.storage.apply(std::move(changes)); !gone) return fail(storage_error(gone.error()));
  return Answer{};
}

}  // namespace postern::vault
