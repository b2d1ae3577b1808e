#include <algorithm>

#include "base/text.hpp"
#include "logins/approle.hpp"
#include "logins/approle_backend.hpp"
#include "logins/record.hpp"
#include "vault/ids.hpp"

namespace postern::vault {
namespace {

constexpr std::size_t kRoleId = 512;

std::string role_path(const std::string& name) { return "role/" + name; }

std::string with_dashes(std::string_view name) {
  std::string out(name);
  std::ranges::replace(out, '_', '-');
  return out;
}

Status set_role_id(Role& role, const Fields& fields) {
  role.role_id = trim(fields.text("role_id"));
  if (role.role_id.empty()) return fail(ErrorCode::BadInput, "missing role_id", "role_id");
  if (role.role_id.size() > kRoleId) return fail(ErrorCode::BadInput, "role_id has more than 512 bytes", "role_id");
  return {};
}

}  // namespace

std::string role_name_of(const Call& call) { return to_lower(call.fields.text("role_name")); }
FieldSpec role_name_spec() noexcept { return {.name = "role_name", .type = FieldType::Name}; }

tl::unexpected<Error> no_such_role(std::string_view name) {
  return fail(ErrorCode::NotFound, "role \"" + std::string(name) + "\" does not exist", "role_name");
}

void AppRole::add_role_paths() {
  add_path("role", "Names of the roles.", {}, {{Operation::List, handler(&AppRole::list_roles)}});
  std::vector<FieldSpec> fields = specs_of(role_attributes());
  fields.push_back(role_name_spec());
  fields.push_back({.name = "role_id"});
  const auto exists = [this](const Call& call) -> Result<bool> {
    POSTERN_TRY(const std::optional<Role> role, find_role(call.storage, role_name_of(call)));
    return role.has_value();
  };
  add_path("role/{role_name}", "A role: who may log in with it, and what its tokens are like.", std::move(fields),
           {{Operation::Read, handler(&AppRole::read_role)},
            {Operation::Update, handler(&AppRole::write_role)},
            {Operation::Delete, handler(&AppRole::delete_role)}})
      .exists = exists;
  add_path("role/{role_name}/role-id", "The id that logins name the role by.", {role_name_spec(), {.name = "role_id"}},
           {{Operation::Read, handler(&AppRole::read_role_id)}, {Operation::Update, handler(&AppRole::write_role_id)}})
      .exists = exists;
  for (const Attribute<Role>& attribute : role_attributes()) {
    if (attribute.name == "local_secret_ids") continue;  // fixed when the role is made
    add_setting_path(attribute, attribute.name);
    if (!attribute.old_name.empty()) add_setting_path(attribute, attribute.old_name);
  }
}

void AppRole::add_setting_path(const Attribute<Role>& attribute, std::string_view name) {
  std::vector<FieldSpec> fields = specs_of(std::vector{attribute});
  fields.push_back(role_name_spec());
  const Handler read = [this, attribute, name](const Call& call) -> Result<Answer> {
    POSTERN_TRY(const Role role, role_of(call));
    boost::json::object data{{attribute.name, attribute.show(role)}};
    if (name != attribute.name) data[name] = attribute.show(role);
    return Answer::with(std::move(data));
  };
  const Handler write = [this, attribute](const Call& call) {
    return change_role(call, [&](Role& role) -> Status {
      if (!call.fields.has(attribute.name) && (attribute.old_name.empty() || !call.fields.has(attribute.old_name)))
        return fail(ErrorCode::BadInput, "missing " + std::string(attribute.name), std::string(attribute.name));
      update(role, {attribute}, call.fields);
      return {};
    });
  };
  const Handler reset = [this, attribute](const Call& call) {
    return change_role(call, [&](Role& role) -> Status {
      attribute.reset(role);
      return {};
    });
  };
  add_path("role/{role_name}/" + with_dashes(name), "One setting of a role.", std::move(fields),
           {{Operation::Read, read}, {Operation::Update, write}, {Operation::Delete, reset}});
}

Result<std::optional<Role>> AppRole::find_role(Storage& storage, const std::string& name) const {
  POSTERN_TRY(const auto record, read_record(storage, role_path(name)));
  if (!record) return std::optional<Role>();
  POSTERN_TRY(Role role, decode_role(name, *record));
  return std::optional<Role>(std::move(role));
}

Result<Role> AppRole::role_of(const Call& call) const {
  std::string name = role_name_of(call);
  POSTERN_TRY(std::optional<Role> role, find_role(call.storage, name));
  if (!role) return no_such_role(name);
  return *std::move(role);
}

Status AppRole::save(Storage& storage, const Role& role, std::string_view old_id) {
  const std::scoped_lock lock(m_role_ids);
  std::vector<StorageChange> changes;
  changes.push_back(record_change(role_path(role.name), encode(role)));
  if (role.role_id != old_id) {
    std::string path = role_id_path(role.role_id);
    POSTERN_TRY(const std::optional<SecretBytes> taken, storage.get(path));
    if (taken) return fail(ErrorCode::BadInput, "role_id already in use", "role_id");
    changes.push_back({std::move(path), SecretBytes::from_text(role.name)});
    if (!old_id.empty()) changes.push_back({role_id_path(old_id), std::nullopt});
  }
  return storage.apply(std::move(changes));
}

Result<Answer> AppRole::list_roles(const Call& call) {
  POSTERN_TRY(std::vector<std::string> names, call.storage.list("role/"));
  return Answer::list(std::move(names));
}

Result<Answer> AppRole::read_role(const Call& call) {
  POSTERN_TRY(const std::optional<Role> role, find_role(call.storage, role_name_of(call)));
  if (!role) return Answer{};
  return Answer::with(show(*role, role_attributes()));
}

Result<Answer> AppRole::write_role(const Call& call) {
  const std::string name = role_name_of(call);
  const std::scoped_lock lock(lock_of(name));
  POSTERN_TRY(std::optional<Role> before, find_role(call.storage, name));
  Role role = before.value_or(Role{});
  role.name = name;
  update(role, role_attributes(), call.fields);
  if (before && role.local_secret_ids != before->local_secret_ids)
    return fail(ErrorCode::BadInput, "local_secret_ids can only be modified during role creation", "local_secret_ids");
  if (call.fields.has("role_id")) POSTERN_CHECK(set_role_id(role, call.fields));
  if (role.role_id.empty()) role.role_id = make_uuid();
  POSTERN_CHECK(role.check());
  POSTERN_CHECK(save(call.storage, role, before ? before->role_id : std::string()));
  return Answer{};
}

Result<Answer> AppRole::change_role(const Call& call, const std::function<Status(Role&)>& change) {
  const std::scoped_lock lock(lock_of(role_name_of(call)));
  POSTERN_TRY(Role role, role_of(call));
  const std::string old_id = role.role_id;
  POSTERN_CHECK(change(role));
  POSTERN_CHECK(role.check());
  POSTERN_CHECK(save(call.storage, role, old_id));
  return Answer{};
}

Result<Answer> AppRole::delete_role(const Call& call) {
  const std::string name = role_name_of(call);
  const std::scoped_lock lock(lock_of(name));
  POSTERN_TRY(const std::optional<Role> role, find_role(call.storage, name));
  if (!role) return Answer{};
  std::vector<StorageChange> changes;
  for (const std::string& folder : {"secret/" + name + "/", "accessor/" + name + "/"}) {
    POSTERN_TRY(const std::vector<std::string> below, call.storage.list(folder));
    for (const std::string& entry : below) changes.push_back({folder + entry, std::nullopt});
  }
  changes.push_back({role_path(name), std::nullopt});
  changes.push_back({role_id_path(role->role_id), std::nullopt});
  POSTERN_CHECK(call.storage.apply(std::move(changes)));
  return Answer{};
}

Result<Answer> AppRole::read_role_id(const Call& call) {
  POSTERN_TRY(const Role role, role_of(call));
  return Answer::with({{"role_id", role.role_id}});
}

Result<Answer> AppRole::write_role_id(const Call& call) {
  return change_role(call, [&](Role& role) { return set_role_id(role, call.fields); });
}

Result<std::unique_ptr<Backend>> make_approle(const std::vector<std::pair<std::string, std::string>>& options, const Clock& /*clock*/) {
  if (!options.empty()) return fail(ErrorCode::BadInput, "approle has no option \"" + options.front().first + "\"", "options");
  return std::make_unique<AppRole>();
}

}  // namespace postern::vault
