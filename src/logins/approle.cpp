#include "logins/approle.hpp"

#include "crypto/hmac.hpp"
#include "crypto/random.hpp"
#include "logins/logins.hpp"
#include "vault/memory.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

/// One text for everything that can be wrong with the ids: it must not tell which of the two was right.
tl::unexpected<Error> refused() { return fail(ErrorCode::BadInput, "invalid role or secret ID"); }

/// A secret id's own networks narrow those of the role.
std::vector<std::string> narrower(const std::vector<std::string>& own, const std::vector<std::string>& role) {
  return own.empty() ? role : own;
}

}  // namespace

AppRoles::AppRoles() {
  add_role_paths();
  add_secret_paths();
  add_path("login", "A token for a role id and a secret id.",
           {{"role_id", FieldType::String, {}, "Id of the role."}, {"secret_id", FieldType::String, {}, "A secret id of it."}},
           {{Operation::Update, handler(&AppRoles::login)}})
      .unauthenticated = true;
}

Status AppRoles::start(Storage& storage) {
  POSTERN_TRY(auto key, storage.get("key"));
  if (!key) {
    key = random_key(32);
    POSTERN_CHECK(storage.put("key", key->clone()));
  }
  m_key = *std::move(key);
  m_storage = &storage;
  return {};
}

void AppRoles::stop() noexcept {
  m_storage = nullptr;
  m_key = SecretBytes();
}

void AppRoles::tick(WallTime now) noexcept {
  const std::lock_guard lock(m_change);
  if (m_storage != nullptr) static_cast<void>(tidy(*m_storage, now));
}

std::string AppRoles::hash(std::string_view id) const { return hex_encode(hmac_sha256(m_key.view(), as_bytes(id))); }

Result<std::optional<AppRole>> AppRoles::role_for(Storage& storage, std::string_view role_id) const {
  POSTERN_TRY(const auto name, stored(storage.get("role_id/" + hash(role_id))));
  if (!name) return std::nullopt;
  return load_role(storage, std::string(as_text(name->view())));
}

/// The secret id that came with a login, used once more. A counted one is counted down, or goes with its last use, under the lock: two
/// logins never share a use.
Result<SecretId> AppRoles::use_secret(const Call& call, const AppRole& role) {
  const std::string id = hash(call.fields.text_view("secret_id"));
  const std::lock_guard lock(m_change);
  POSTERN_TRY(auto secret, load_secret(call.storage, role.name, id));
  if (!secret) return refused();
  if (secret->expired(call.now)) {
    POSTERN_CHECK(drop_secret(call.storage, role.name, id, *secret));
    return refused();
  }
  if (!check_network(narrower(secret->cidrs, role.secret_id_bound_cidrs), call.request.remote_address))
    return fail(ErrorCode::BadInput, "source address unauthorized through CIDR restrictions on the secret ID");
  if (secret->num_uses == 1) {
    POSTERN_CHECK(drop_secret(call.storage, role.name, id, *secret));
  } else if (secret->num_uses > 1) {
    --secret->num_uses;
    if (const Status saved = call.storage.put(secret_place(role.name, id), encode(*secret)); !saved)
      return fail(storage_error(saved.error()));
  }
  return *std::move(secret);
}

Result<Answer> AppRoles::login(const Call& call) {
  if (call.fields.text_view("role_id").empty()) return fail(ErrorCode::BadInput, "missing role_id", "role_id");
  POSTERN_TRY(const auto role, role_for(call.storage, call.fields.text_view("role_id")));
  // The same look-up for a role that does not exist, so that its time tells nothing.
  if (!role) {
    POSTERN_CHECK(load_secret(call.storage, "none", hash(call.fields.text_view("secret_id"))));
    return refused();
  }
  SecretId secret;
  if (role->bind_secret_id) {
    if (call.fields.text_view("secret_id").empty()) return fail(ErrorCode::BadInput, "missing secret_id", "secret_id");
    POSTERN_TRY(secret, use_secret(call, *role));
  }
  TokenRules rules = role->rules;
  rules.bound_cidrs = narrower(secret.token_bound_cidrs, rules.bound_cidrs);
  POSTERN_TRY(Grant grant, grant_of(rules, call.request.remote_address));
  grant.display_name = "approle";
  grant.alias = role->role_id;
  grant.metadata = secret.metadata;
  grant.metadata.emplace_back("role_name", role->name);
  grant.internal = json::object{{"role_name", role->name}};
  Answer answer;
  answer.grant = std::move(grant);
  return answer;
}

Result<Grant> AppRoles::renew(const json::object& internal) {
  const auto* name = internal.if_contains("role_name");
  if (m_storage == nullptr || name == nullptr || !name->is_string()) return fail(ErrorCode::BadInput, "the role is not known any more");
  POSTERN_TRY(const auto role, load_role(*m_storage, std::string(name->as_string())));
  if (!role) return fail(ErrorCode::BadInput, "role " + std::string(name->as_string()) + " does not exist during renewal");
  TokenRules anywhere = role->rules;
  anywhere.bound_cidrs.clear();  // the token itself is bound to them
  return grant_of(anywhere, "");
}

Result<std::unique_ptr<Backend>> make_approle(const std::vector<std::pair<std::string, std::string>>& options, const Clock& /*clock*/) {
  if (!options.empty()) return fail(ErrorCode::BadInput, "approle takes no options", "options");
  return std::make_unique<AppRoles>();
}

}  // namespace postern::vault
