#include "custody/roles.hpp"

namespace postern::custody {
namespace {

constexpr std::string_view kEveryKey[] = {"*"};

constexpr Call kSeeing[] = {Call::Condition, Call::Describe, Call::List, Call::PublicKey, Call::OpenPgpCertificate};

constexpr Call kUsing[] = {Call::Sign,
                           Call::Verify,
                           Call::Mac,
                           Call::Encrypt,
                           Call::Decrypt,
                           Call::NewDataKey,
                           Call::UnwrapDataKey,
                           Call::RewrapDataKey,
                           Call::DecryptOaep,
                           Call::DecryptPkcs1,
                           Call::Agree,
                           Call::OpenPgpSignDetached,
                           Call::OpenPgpSignEncrypt,
                           Call::OpenPgpDecrypt};

constexpr Call kMaking[] = {Call::Create, Call::Ensure, Call::OpenPgpCreate, Call::Rotate};

// Requests of the Vault API carry their own token; the engine's policies decide about each.
constexpr Call kPassingOn[] = {Call::Vault};

// What lies in the mail database is sealed by keys of the keeper as well; its own key is for the disk.
constexpr Call kOpening[] = {Call::DatabaseKey};

// Retiring: the archive after a rotation, and shredding. The server lets a gate go in one direction only (retirement.hpp).
constexpr Call kRetiring[] = {Call::Configure, Call::Remove};

constexpr Grant kGrants[] = {
    {Role::Gate, kSeeing, kEveryKey},      //
    {Role::Gate, kUsing, kEveryKey},       //
    {Role::Gate, kMaking, kEveryKey},      //
    {Role::Gate, kPassingOn, kEveryKey},   //
    {Role::Gate, kOpening, kEveryKey},     //
    {Role::Gate, kRetiring, kEveryKey},    //
    {Role::Observer, kSeeing, kEveryKey},  //
};

bool matches(std::string_view pattern, std::string_view key) noexcept {
  if (pattern.ends_with('*')) return key.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == key;
}

bool covers(const Grant& grant, Role role, Call call) noexcept {
  return grant.role == role && std::ranges::find(grant.calls, call) != grant.calls.end();
}

}  // namespace

std::string_view name_of(Role role) noexcept {
  switch (role) {
    case Role::Gate: return "gate";
    case Role::Observer: return "observer";
  }
  return "nobody";
}

const RoleTable& RoleTable::product() {
  static const RoleTable table{kGrants};
  return table;
}

bool RoleTable::allows(Role role, Call call, std::string_view key) const noexcept {
  return std::ranges::any_of(m_grants, [&](const Grant& grant) {
    if (!covers(grant, role, call)) return false;
    return key.empty() || std::ranges::any_of(grant.keys, [&](std::string_view pattern) { return matches(pattern, key); });
  });
}

Status RoleTable::check(Role role, Call call, std::string_view key) const {
  if (allows(role, call, key)) return {};
  std::string what = "the role " + std::string(name_of(role)) + " may not do " + name_of(call);
  if (!key.empty()) what += " with the key " + std::string(key);
  return fail(ErrorCode::Denied, what + "; the roles are a table in the keeper", key.empty() ? "" : "name");
}

}  // namespace postern::custody
