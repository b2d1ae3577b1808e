#include "base/text.hpp"
#include "logins/approle_backend.hpp"
#include "logins/record.hpp"

namespace postern::vault {
namespace {

// No role can be called so: what an unknown role id is checked against.
constexpr std::string_view kNobody = "-";

tl::unexpected<Error> invalid() { return fail(ErrorCode::BadInput, "invalid role or secret ID"); }

Status check_address(const std::vector<std::string>& cidrs, std::string_view remote, std::string_view whose) {
  if (permits_address(cidrs, remote)) return {};
  return fail(ErrorCode::BadInput,
              "source address \"" + printable(remote, 64) + "\" unauthorized through CIDR restrictions on the " + std::string(whose));
}

}  // namespace

AppRole::AppRole() {
  add_role_paths();
  add_secret_paths();
  add_login_path();
}

Status AppRole::start(Storage& storage) {
  POSTERN_TRY(m_key, own_key(storage, "key"));
  m_storage = &storage;
  return {};
}

void AppRole::stop() noexcept {
  m_key = SecretBytes();
  m_storage = nullptr;
}

std::mutex& AppRole::lock_of(std::string_view role) noexcept { return m_roles[std::hash<std::string_view>{}(role) % m_roles.size()]; }

void AppRole::add_login_path() {
  add_path("login", "Gives a token for a role id and a secret id.", {{.name = "role_id"}, {.name = "secret_id"}},
           {{Operation::Update, handler(&AppRole::login)}})
      .unauthenticated = true;
}

Result<Answer> AppRole::login(const Call& call) {
  const std::string role_id(trim(call.fields.text("role_id")));
  const Credential given(call.fields, "secret_id");
  const std::string_view text = trim(given.view());
  if (role_id.empty()) return fail(ErrorCode::BadInput, "missing role_id", "role_id");
  POSTERN_TRY(const std::optional<Role> role, role_by_id(call.storage, role_id));
  // Asked for whether or not there is such a role, so that the answer does not tell.
  if (text.empty() && (!role || role->bind_secret_id)) return fail(ErrorCode::BadInput, "missing secret_id", "secret_id");
  SecretId secret;
  if (!role || role->bind_secret_id) {
    Role nobody;
    nobody.name = kNobody;
    POSTERN_TRY(secret, check_secret(call, role ? *role : nobody, text));
  } else {
    POSTERN_CHECK(check_address(role->secret_id_bound_cidrs, call.request.remote_address, "role"));
    POSTERN_CHECK(check_address(role->token_bound_cidrs, call.request.remote_address, "token"));
  }
  if (!role) return invalid();  // not reached: nobody has secret ids
  Grant grant;
  role->fill(grant, call.request.remote_address);
  if (!secret.token_bound_cidrs.empty() && !role->token_strictly_bind_ip) grant.bound_cidrs = secret.token_bound_cidrs;
  secret.metadata["role_name"] = role->name;
  grant.metadata.assign(secret.metadata.begin(), secret.metadata.end());
  grant.alias = role->role_id;
  grant.internal = {{"role_name", role->name}};
  Answer answer;
  answer.grant = std::move(grant);
  return answer;
}

// The same look-ups, and a record to read, whether or not there is such a role.
Result<std::optional<Role>> AppRole::role_by_id(Storage& storage, std::string_view role_id) const {
  POSTERN_TRY(const std::optional<SecretBytes> name, storage.get(role_id_path(role_id)));
  POSTERN_TRY(std::optional<Role> role, find_role(storage, name ? std::string(as_text(name->view())) : std::string(kNobody)));
  if (!role) (void)decode_role(std::string(kNobody), encode(Role{}));
  return role;
}

Result<SecretId> AppRole::check_secret(const Call& call, const Role& role, std::string_view text) {
  const std::string path = secret_path(role.name, text);
  POSTERN_TRY(std::optional<SecretId> secret, read_secret(call.storage, path));
  if (!secret || !secret->is_live(call.now)) return invalid();
  // Before a use is taken: who stole a secret id cannot use it up from elsewhere.
  const std::string_view remote = call.request.remote_address;
  POSTERN_CHECK(check_address(secret->cidr_list, remote, "secret ID"));
  POSTERN_CHECK(check_address(role.secret_id_bound_cidrs, remote, "role"));
  POSTERN_CHECK(check_address(secret->token_bound_cidrs.empty() ? role.token_bound_cidrs : secret->token_bound_cidrs, remote, "token"));
  if (secret->num_uses > 0) POSTERN_CHECK(take_use(call, role.name, path));
  return *std::move(secret);
}

// Read again under the lock: of two logins with the last use one comes too late.
Status AppRole::take_use(const Call& call, const std::string& role, const std::string& path) {
  const std::scoped_lock lock(lock_of(role));
  POSTERN_TRY(std::optional<SecretId> secret, read_secret(call.storage, path));
  if (!secret) return invalid();
  if (secret->num_uses == 1) return remove_secret(call.storage, role, path);
  --secret->num_uses;
  secret->updated = call.now;
  std::vector<StorageChange> changes;
  changes.push_back(record_change(path, encode(*secret)));
  return call.storage.apply(std::move(changes));
}

Result<Grant> AppRole::renew(const boost::json::object& internal) {
  if (m_storage == nullptr) return fail(ErrorCode::Unavailable, "Vault is sealed");
  POSTERN_TRY(const std::string name, record_text(internal, "role_name"));
  POSTERN_TRY(const std::optional<Role> role, find_role(*m_storage, name));
  if (!role) return fail(ErrorCode::BadInput, "role \"" + name + "\" does not exist during renewal");
  Grant grant;
  role->fill(grant, {});
  grant.alias = role->role_id;
  grant.internal = internal;
  return grant;
}

}  // namespace postern::vault
