#include "logins/userpass.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <semaphore>

#include "base/text.hpp"
#include "logins/credential.hpp"
#include "logins/lockout.hpp"
#include "logins/password.hpp"
#include "logins/record.hpp"
#include "logins/token_settings.hpp"
#include "vault/handler_table.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

constexpr std::size_t kUserName = 128;

struct User : TokenSettings {
  std::string name;
  std::optional<Password> password;
};

std::string user_path(const std::string& name) { return "user/" + name; }

FieldSpec user_name_spec() noexcept { return {.name = "username"}; }

// In lower case, as users are stored. More than engine names: people log in with addresses.
Result<std::string> user_name_of(const Call& call) {
  std::string name = to_lower(call.fields.text("username"));
  const auto fits = [](char c) { return is_alnum(c) || std::string_view("-_.@+").find(c) != std::string_view::npos; };
  const auto edge = [](char c) { return is_alnum(c) || c == '_'; };
  const bool good = !name.empty() && name.size() <= kUserName && std::ranges::all_of(name, fits) && edge(name.front()) && edge(name.back());
  if (!good) return fail(ErrorCode::BadInput, "username must be 1 to 128 letters, digits and any of -_.@+ inside", "username");
  return name;
}

tl::unexpected<Error> invalid() { return fail(ErrorCode::BadInput, "invalid username or password"); }
tl::unexpected<Error> no_such_user() { return fail(ErrorCode::NotFound, "username does not exist", "username"); }

json::object encode(const User& user) {
  json::object record = show<TokenSettings>(user, token_attributes());
  if (user.password) record["password"] = user.password->encode();
  return record;
}

Result<User> decode_user(std::string name, const json::object& record) {
  static const std::vector<FieldSpec> kSpecs = specs_of(token_attributes());
  User user;
  user.name = std::move(name);
  POSTERN_TRY(const Fields fields, Fields::read(kSpecs, record, {}));
  update<TokenSettings>(user, token_attributes(), fields);
  const json::value* password = record.if_contains("password");
  if (password == nullptr || !password->is_object())
    return fail(ErrorCode::IntegrityFailed, "a stored user has no password: restore the storage from a backup");
  POSTERN_TRY(user.password, Password::decode(password->get_object()));
  return user;
}

// A place among those whose passwords are being checked.
class Place {
 public:
  explicit Place(std::counting_semaphore<kPasswordChecks>& of) : m_of(of.try_acquire() ? &of : nullptr) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    if (m_of != nullptr) m_of->release();
  }
  [[nodiscard]] Status taken() const {
    if (m_of != nullptr) return {};
    return fail(ErrorCode::Exhausted, "too many logins at once: try again in a moment");
  }

 private:
  std::counting_semaphore<kPasswordChecks>* m_of;
};

class UserPass final : public HandlerTable<UserPass> {
 public:
  explicit UserPass(const Clock& clock) : m_lockout(clock) { add_paths(); }
  [[nodiscard]] std::string_view type() const noexcept override { return "userpass"; }
  [[nodiscard]] Status start(Storage& storage) override {
    m_storage = &storage;
    return {};
  }
  void stop() noexcept override {
    m_storage = nullptr;
    m_lockout.clear();
  }
  [[nodiscard]] Result<Grant> renew(const json::object& internal) override;
  [[nodiscard]] Status unlock(std::string_view name) override {
    m_lockout.forget(to_lower(name));
    return {};
  }

 private:
  void add_paths();
  Result<Answer> list_users(const Call& call);
  Result<Answer> read_user(const Call& call);
  Result<Answer> write_user(const Call& call);
  Result<Answer> delete_user(const Call& call);
  Result<Answer> write_password(const Call& call);
  Result<Answer> write_policies(const Call& call);
  Result<Answer> login(const Call& call);

  static Result<std::optional<User>> find_user(Storage& storage, const std::string& name);
  Result<std::optional<Password>> new_password(const Fields& fields);
  Status save(Storage& storage, const User& user);
  /// Whether the password is this user's (or nobody's).
  Result<bool> check(const std::optional<User>& user, std::string_view text);
  std::mutex& lock_of(std::string_view name) noexcept { return m_users[std::hash<std::string_view>{}(name) % m_users.size()]; }

  Storage* m_storage = nullptr;
  Lockout m_lockout;
  std::counting_semaphore<kPasswordChecks> m_places{kPasswordChecks};
  std::array<std::mutex, 64> m_users;  // writers of one user, by name
};

void UserPass::add_paths() {
  const std::vector<FieldSpec> passwords{user_name_spec(), {.name = "password"}, {.name = "password_hash"}};
  add_path("users", "Names of the users.", {}, {{Operation::List, handler(&UserPass::list_users)}});
  std::vector<FieldSpec> fields = specs_of(token_attributes());
  fields.insert(fields.end(), passwords.begin(), passwords.end());
  add_path("users/{username}", "A user: the password, and what tokens are like.", std::move(fields),
           {{Operation::Read, handler(&UserPass::read_user)},
            {Operation::Update, handler(&UserPass::write_user)},
            {Operation::Delete, handler(&UserPass::delete_user)}})
      .exists = [](const Call& call) -> Result<bool> {
    POSTERN_TRY(const std::string name, user_name_of(call));
    POSTERN_TRY(const std::optional<User> user, find_user(call.storage, name));
    return user.has_value();
  };
  add_path("users/{username}/password", "Sets a user's password, and unlocks the user.", passwords,
           {{Operation::Update, handler(&UserPass::write_password)}});
  add_path("users/{username}/policies", "Sets a user's policies.",
           {user_name_spec(),
            {.name = "token_policies", .type = FieldType::CommaStrings},
            {.name = "policies", .type = FieldType::CommaStrings}},
           {{Operation::Update, handler(&UserPass::write_policies)}});
  add_path("login/{username}", "Gives a token for a password.", {user_name_spec(), {.name = "password"}},
           {{Operation::Update, handler(&UserPass::login)}})
      .unauthenticated = true;
}

Result<std::optional<User>> UserPass::find_user(Storage& storage, const std::string& name) {
  POSTERN_TRY(const auto record, read_record(storage, user_path(name)));
  if (!record) return std::optional<User>();
  POSTERN_TRY(User user, decode_user(name, *record));
  return std::optional<User>(std::move(user));
}

Status UserPass::save(Storage& storage, const User& user) {
  std::vector<StorageChange> changes;
  changes.push_back(record_change(user_path(user.name), encode(user)));
  return storage.apply(std::move(changes));
}

// Nothing when the client gave none.
Result<std::optional<Password>> UserPass::new_password(const Fields& fields) {
  const bool text = fields.has("password"), hash = fields.has("password_hash");
  if (text && hash) return fail(ErrorCode::BadInput, "\"password\" and \"password_hash\" are mutually exclusive", "password_hash");
  if (!text && !hash) return std::optional<Password>();
  if (hash) {
    POSTERN_TRY(Password password, Password::from_bcrypt(fields.text("password_hash")));
    return std::optional<Password>(std::move(password));
  }
  const Place place(m_places);
  POSTERN_CHECK(place.taken());
  const Credential given(fields, "password");
  POSTERN_TRY(Password password, Password::make(given.view()));
  return std::optional<Password>(std::move(password));
}

Result<Answer> UserPass::list_users(const Call& call) {
  POSTERN_TRY(std::vector<std::string> names, call.storage.list("user/"));
  return Answer::list(std::move(names));
}

Result<Answer> UserPass::read_user(const Call& call) {
  POSTERN_TRY(const std::string name, user_name_of(call));
  POSTERN_TRY(const std::optional<User> user, find_user(call.storage, name));
  if (!user) return Answer{};
  return Answer::with(show<TokenSettings>(*user, token_attributes()));
}

Result<Answer> UserPass::write_user(const Call& call) {
  POSTERN_TRY(const std::string name, user_name_of(call));
  POSTERN_TRY(std::optional<Password> password, new_password(call.fields));
  const std::scoped_lock lock(lock_of(name));
  POSTERN_TRY(std::optional<User> before, find_user(call.storage, name));
  if (!before && !password) return fail(ErrorCode::BadInput, "missing password", "password");
  User user = before ? *std::move(before) : User{};
  user.name = name;
  update<TokenSettings>(user, token_attributes(), call.fields);
  POSTERN_CHECK(user.tidy());
  const bool is_new = password.has_value();
  if (is_new) user.password = std::move(password);
  POSTERN_CHECK(save(call.storage, user));
  if (is_new) m_lockout.forget(name);
  return Answer{};
}

Result<Answer> UserPass::delete_user(const Call& call) {
  POSTERN_TRY(const std::string name, user_name_of(call));
  const std::scoped_lock lock(lock_of(name));
  POSTERN_CHECK(call.storage.remove(user_path(name)));
  return Answer{};
}

Result<Answer> UserPass::write_password(const Call& call) {
  POSTERN_TRY(const std::string name, user_name_of(call));
  POSTERN_TRY(std::optional<Password> password, new_password(call.fields));
  if (!password) return fail(ErrorCode::BadInput, "missing password", "password");
  const std::scoped_lock lock(lock_of(name));
  POSTERN_TRY(std::optional<User> user, find_user(call.storage, name));
  if (!user) return no_such_user();
  user->password = std::move(password);
  POSTERN_CHECK(save(call.storage, *user));
  m_lockout.forget(name);
  return Answer{};
}

Result<Answer> UserPass::write_policies(const Call& call) {
  POSTERN_TRY(const std::string name, user_name_of(call));
  const std::scoped_lock lock(lock_of(name));
  POSTERN_TRY(std::optional<User> user, find_user(call.storage, name));
  if (!user) return no_such_user();
  if (!call.fields.has("token_policies") && !call.fields.has("policies"))
    return fail(ErrorCode::BadInput, "missing token_policies", "token_policies");
  user->token_policies = call.fields.strings(call.fields.has("token_policies") ? "token_policies" : "policies");
  POSTERN_CHECK(user->tidy());
  POSTERN_CHECK(save(call.storage, *user));
  return Answer{};
}

Result<bool> UserPass::check(const std::optional<User>& user, std::string_view text) {
  const Place place(m_places);
  POSTERN_CHECK(place.taken());
  const Password nobody = Password::nobody();
  return (user && user->password ? *user->password : nobody).matches(text);
}

Result<Answer> UserPass::login(const Call& call) {
  const Credential given(call.fields, "password");
  if (given.view().empty()) return fail(ErrorCode::BadInput, "missing password", "password");
  const Result<std::string> name = user_name_of(call);
  if (!name) return invalid();
  POSTERN_TRY(Lockout::Attempt attempt, m_lockout.begin(*name));
  POSTERN_TRY(const std::optional<User> user, find_user(call.storage, *name));
  POSTERN_TRY(const bool right, check(user, given.view()));
  if (!right || !user) {
    attempt.failed();
    return invalid();
  }
  attempt.succeeded();
  if (!user->permits_address(call.request.remote_address)) return fail(ErrorCode::Denied, "permission denied");
  Grant grant;
  user->fill(grant, call.request.remote_address);
  grant.display_name = user->name;
  grant.alias = user->name;
  grant.metadata = {{"username", user->name}};
  grant.internal = {{"username", user->name}, {"policies", texts_array(user->token_policies)}};
  Answer answer;
  answer.grant = std::move(grant);
  return answer;
}

Result<Grant> UserPass::renew(const json::object& internal) {
  if (m_storage == nullptr) return fail(ErrorCode::Unavailable, "Vault is sealed");
  POSTERN_TRY(const std::string name, record_text(internal, "username"));
  POSTERN_TRY(const std::vector<std::string> policies, record_texts(internal, "policies"));
  POSTERN_TRY(const std::optional<User> user, find_user(*m_storage, name));
  if (!user) return fail(ErrorCode::BadInput, "the user of this token does not exist any more");
  if (user->token_policies != policies) return fail(ErrorCode::BadInput, "policies have changed, not renewing");
  Grant grant;
  user->fill(grant, {});
  grant.display_name = user->name;
  grant.alias = user->name;
  grant.internal = internal;
  return grant;
}

}  // namespace

Result<std::unique_ptr<Backend>> make_userpass(const std::vector<std::pair<std::string, std::string>>& options, const Clock& clock) {
  if (!options.empty()) return fail(ErrorCode::BadInput, "userpass has no option \"" + options.front().first + "\"", "options");
  return std::make_unique<UserPass>(clock);
}

}  // namespace postern::vault
