#include "logins/userpass.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "logins/logins.hpp"
#include "logins/password.hpp"
#include "vault/memory.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

const FieldSpec kUser{"username", FieldType::String, {}, "Name of the user."};
const FieldSpec kPassword{"password", FieldType::String, {}, "The password, at most 1,024 bytes."};
const FieldSpec kPasswordHash{"password_hash", FieldType::String, {}, "Not done: give the password."};
const FieldSpec kPolicies{"policies", FieldType::CommaStrings, {}, "The older name of token_policies."};

/// Names compare without case; "A@b" and "a@B" are one user.
Result<std::string> name_of_user(const Call& call) {
  std::string name = to_lower(call.fields.text("username"));
  const bool fits =
      !name.empty() && name.size() <= 128 &&
      std::ranges::all_of(name, [](char c) { return is_alnum(c) || std::string_view("_-.@").find(c) != std::string_view::npos; }) &&
      is_alnum(name.back()) && is_alnum(name.front());
  if (fits) return name;
  return fail(ErrorCode::BadInput, "invalid user name: use letters, digits and _ - . @ between them, at most 128", "username");
}

std::string place_of(const std::string& name) { return "user/" + name; }

tl::unexpected<Error> refused() { return fail(ErrorCode::BadInput, "invalid username or password"); }

}  // namespace

Userpass::Userpass(const Clock& clock) : m_lockout(clock) {
  const FieldSpec after{"after", FieldType::String, {}, "LIST: only names behind this one."};
  const FieldSpec limit{"limit", FieldType::Integer, {}, "LIST: at most so many names."};
  add_path("users", "All users.", {after, limit}, {{Operation::List, handler(&Userpass::list)}});
  add_path("users/{username}", "One user: password and what its tokens are like.",
           with_token_fields({kUser, kPassword, kPasswordHash, kPolicies}),
           {{Operation::Read, handler(&Userpass::read)},
            {Operation::Create, handler(&Userpass::write)},
            {Operation::Update, handler(&Userpass::write)},
            {Operation::Delete, handler(&Userpass::remove)}})
      .exists = [this](const Call& call) -> Result<bool> {
    POSTERN_TRY(const std::string name, name_of_user(call));
    POSTERN_TRY(const auto user, load(call.storage, name));
    return user.has_value();
  };
  add_path("users/{username}/password", "A new password.", {kUser, kPassword, kPasswordHash},
           {{Operation::Update, handler(&Userpass::set_password)}});
  add_path("users/{username}/policies", "Other policies.",
           {kUser, kPolicies, {"token_policies", FieldType::CommaStrings, {}, "Policies of a token."}},
           {{Operation::Update, handler(&Userpass::set_policies)}});
  add_path("login/{username}", "A token for name and password.", {kUser, kPassword}, {{Operation::Update, handler(&Userpass::login)}})
      .unauthenticated = true;
}

Status Userpass::start(Storage& storage) {
  m_storage = &storage;
  return {};
}

void Userpass::stop() noexcept {
  m_storage = nullptr;
  m_lockout.clear();
}

Result<std::optional<Userpass::User>> Userpass::load(Storage& storage, const std::string& name) const {
  POSTERN_TRY(const auto kept, stored(storage.get(place_of(name))));
  if (!kept) return std::nullopt;
  POSTERN_TRY(const json::object record, object_from_secret(kept->view(), wiped_memory()));
  const auto* hash = record.if_contains("password");
  if (hash == nullptr || !hash->is_string()) return fail(ErrorCode::Internal, "a stored user cannot be read");
  return User{std::string(hash->as_string()), token_rules_from(record)};
}

Status Userpass::save(Storage& storage, const std::string& name, const User& user) const {
  json::object record(wiped_memory());
  record["password"] = user.password;
  show(user.rules, record);
  if (const Status saved = storage.put(place_of(name), to_secret(record)); !saved) return fail(storage_error(saved.error()));
  return {};
}

Result<Userpass::User> Userpass::existing(const Call& call, const std::string& name) const {
  POSTERN_TRY(auto user, load(call.storage, name));
  if (!user) return fail(ErrorCode::BadInput, "username does not exist", "username");
  return *std::move(user);
}

Result<Answer> Userpass::list(const Call& call) {
  POSTERN_TRY(auto names, stored(call.storage.list("user/", page_of(call.fields))));
  return Answer::list(std::move(names));
}

Result<Answer> Userpass::read(const Call& call) {
  POSTERN_TRY(const std::string name, name_of_user(call));
  POSTERN_TRY(const auto user, load(call.storage, name));
  if (!user) return Answer{};
  json::object data;
  show(user->rules, data);
  return Answer::with(std::move(data));
}

Result<Answer> Userpass::write(const Call& call) {
  POSTERN_TRY(const std::string name, name_of_user(call));
  if (call.fields.has("password_hash"))
    return fail(ErrorCode::BadInput, "password_hash is not supported: bcrypt hashes are not taken over; give the password",
                "password_hash");
  const std::lock_guard lock(m_change);
  POSTERN_TRY(const auto before, load(call.storage, name));
  User user = before.value_or(User{});
  if (call.fields.has("policies")) user.rules.policies = call.fields.strings("policies");
  POSTERN_CHECK(update(user.rules, call.fields));
  if (!before || call.fields.has("password")) {
    POSTERN_TRY(user.password, hash_password(call.fields.text_view("password")));
  }
  POSTERN_CHECK(save(call.storage, name, user));
  return Answer{};
}

Result<Answer> Userpass::set_password(const Call& call) {
  POSTERN_TRY(const std::string name, name_of_user(call));
  POSTERN_TRY(std::string hash, hash_password(call.fields.text_view("password")));
  const std::lock_guard lock(m_change);
  POSTERN_TRY(User user, existing(call, name));
  user.password = std::move(hash);
  POSTERN_CHECK(save(call.storage, name, user));
  return Answer{};
}

Result<Answer> Userpass::set_policies(const Call& call) {
  POSTERN_TRY(const std::string name, name_of_user(call));
  const std::lock_guard lock(m_change);
  POSTERN_TRY(User user, existing(call, name));
  user.rules.policies = call.fields.strings(call.fields.has("token_policies") ? "token_policies" : "policies");
  POSTERN_CHECK(save(call.storage, name, user));
  return Answer{};
}

Result<Answer> Userpass::remove(const Call& call) {
  POSTERN_TRY(const std::string name, name_of_user(call));
  const std::lock_guard lock(m_change);
  if (const Status gone = call.storage.remove(place_of(name)); !gone) return fail(storage_error(gone.error()));
  return Answer{};
}

/// Unknown names take as long as wrong passwords and count as failures too: neither time nor lock tells which names exist.
Result<Answer> Userpass::login(const Call& call) {
  POSTERN_TRY(const std::string name, name_of_user(call));
  const std::string_view password = call.fields.text_view("password");
  if (password.empty()) return fail(ErrorCode::BadInput, "missing password", "password");
  if (m_lockout.locked(name)) return fail(ErrorCode::Denied, "permission denied");
  POSTERN_TRY(const auto user, load(call.storage, name));
  bool good = false;
  if (user) {
    POSTERN_TRY(good, verify_password(password, user->password));
  } else {
    pretend_to_verify(password);
  }
  if (!good) {
    m_lockout.failed(name);
    return refused();
  }
  POSTERN_TRY(Grant grant, grant_of(user->rules, call.request.remote_address));
  m_lockout.succeeded(name);
  grant.display_name = name;
  grant.alias = name;
  grant.metadata = {{"username", name}};
  grant.internal = json::object{{"username", name}};
  Answer answer;
  answer.grant = std::move(grant);
  return answer;
}

Result<Grant> Userpass::renew(const json::object& internal) {
  const auto* name = internal.if_contains("username");
  if (m_storage == nullptr || name == nullptr || !name->is_string()) return fail(ErrorCode::BadInput, "the user is not known any more");
  POSTERN_TRY(const auto user, load(*m_storage, std::string(name->as_string())));
  if (!user) return fail(ErrorCode::BadInput, "the user does not exist any more");
  TokenRules anywhere = user->rules;
  anywhere.bound_cidrs.clear();  // the token itself is bound to them
  return grant_of(anywhere, "");
}

Result<std::unique_ptr<Backend>> make_userpass(const std::vector<std::pair<std::string, std::string>>& options, const Clock& clock) {
  if (!options.empty()) return fail(ErrorCode::BadInput, "userpass takes no options", "options");
  return std::make_unique<Userpass>(clock);
}

}  // namespace postern::vault
