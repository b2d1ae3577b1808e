#include "base/log.hpp"
#include "base/text.hpp"
#include "crypto/hmac.hpp"
#include "logins/approle_backend.hpp"
#include "logins/record.hpp"
#include "vault/ids.hpp"

namespace postern::vault {
namespace {

constexpr std::size_t kSecretId = 4096;
constexpr std::size_t kSweptPerTick = 512;

std::string secret_folder(std::string_view role) { return "secret/" + std::string(role) + "/"; }
std::string accessor_folder(std::string_view role) { return "accessor/" + std::string(role) + "/"; }

// Parts cannot run into each other: a role's name has no NUL.
std::string keyed_hash(ByteView key, std::string_view kind, std::string_view scope, std::string_view text) {
  Hmac hmac(HashAlgorithm::Sha256, key);
  constexpr std::array<Byte, 1> kNul{};
  hmac.update(as_bytes(kind)).update(kNul).update(as_bytes(scope)).update(kNul).update(as_bytes(text));
  return hex_encode(hmac.finish());
}

Result<std::string_view> secret_id_of(const Credential& given) {
  const std::string_view text = trim(given.view());
  if (text.empty()) return fail(ErrorCode::BadInput, "missing secret_id", "secret_id");
  if (text.size() > kSecretId) return fail(ErrorCode::BadInput, "secret_id has more than 4096 bytes", "secret_id");
  return text;
}

}  // namespace

std::string AppRole::role_id_path(std::string_view role_id) const { return "role_id/" + keyed_hash(m_key.view(), "role id", "", role_id); }
std::string AppRole::secret_path(std::string_view role, std::string_view secret_id) const {
  return secret_folder(role) + keyed_hash(m_key.view(), "secret id", role, secret_id);
}

void AppRole::add_secret_paths() {
  const std::string role = "role/{role_name}/";
  const auto with = [](std::vector<FieldSpec> fields, std::string_view more = {}) {
    fields.push_back(role_name_spec());
    if (!more.empty()) fields.push_back({.name = more});
    return fields;
  };
  add_path(role + "secret-id", "Makes a secret id; lists the accessors of those there are.", with(secret_wish_specs()),
           {{Operation::Update, handler(&AppRole::make_secret)}, {Operation::List, handler(&AppRole::list_accessors)}});
  add_path(role + "custom-secret-id", "Takes a secret id that the client chose.", with(secret_wish_specs(), "secret_id"),
           {{Operation::Update, handler(&AppRole::make_custom_secret)}});
  add_path(role + "secret-id/lookup", "What is known of a secret id.", with({}, "secret_id"),
           {{Operation::Update, handler(&AppRole::look_up_secret)}});
  add_path(role + "secret-id/destroy", "Makes a secret id worthless.", with({}, "secret_id"),
           {{Operation::Update, handler(&AppRole::destroy_secret)}, {Operation::Delete, handler(&AppRole::destroy_secret)}});
  add_path(role + "secret-id-accessor/lookup", "The same by its accessor.", with({}, "secret_id_accessor"),
           {{Operation::Update, handler(&AppRole::look_up_accessor)}});
  add_path(role + "secret-id-accessor/destroy", "The same by its accessor.", with({}, "secret_id_accessor"),
           {{Operation::Update, handler(&AppRole::destroy_accessor)}, {Operation::Delete, handler(&AppRole::destroy_accessor)}});
  add_path("tidy/secret-id", "Removes secret ids whose time is over.", {}, {{Operation::Update, handler(&AppRole::tidy)}});
}

Result<Answer> AppRole::list_accessors(const Call& call) {
  POSTERN_TRY(const Role role, role_of(call));
  POSTERN_TRY(std::vector<std::string> names, call.storage.list(accessor_folder(role.name)));
  return Answer::list(std::move(names));
}

Result<Answer> AppRole::make_secret(const Call& call) { return store_secret(call, make_uuid()); }

Result<Answer> AppRole::make_custom_secret(const Call& call) {
  const Credential given(call.fields, "secret_id");
  POSTERN_TRY(const std::string_view text, secret_id_of(given));
  return store_secret(call, text);
}

Result<Answer> AppRole::store_secret(const Call& call, std::string_view text) {
  const std::scoped_lock lock(lock_of(role_name_of(call)));
  POSTERN_TRY(const Role role, role_of(call));
  if (!role.bind_secret_id) return fail(ErrorCode::BadInput, "bind_secret_id is not set on the role", "bind_secret_id");
  POSTERN_TRY(const SecretWishes wishes, SecretWishes::read(call.fields));
  POSTERN_TRY(SecretId secret, wishes.grant(role, call.now));
  secret.accessor = make_uuid();
  const std::string path = secret_path(role.name, text);
  POSTERN_TRY(const std::optional<SecretBytes> taken, call.storage.get(path));
  if (taken) return fail(ErrorCode::BadInput, "SecretID is already registered", "secret_id");
  std::vector<StorageChange> changes;
  changes.push_back(record_change(path, encode(secret)));
  changes.push_back({accessor_folder(role.name) + secret.accessor, SecretBytes::from_text(path.substr(path.rfind('/') + 1))});
  POSTERN_CHECK(call.storage.apply(std::move(changes)));
  return Answer::with({{"secret_id", text},
                       {"secret_id_accessor", secret.accessor},
                       {"secret_id_ttl", secret.ttl.count()},
                       {"secret_id_num_uses", secret.num_uses}});
}

Result<std::optional<SecretId>> AppRole::read_secret(Storage& storage, const std::string& path) {
  POSTERN_TRY(const auto record, read_record(storage, path));
  if (!record) return std::optional<SecretId>();
  POSTERN_TRY(SecretId secret, decode_secret_id(*record));
  return std::optional<SecretId>(std::move(secret));
}

Result<Answer> AppRole::show_secret(const Call& call, const std::string& path) {
  POSTERN_TRY(const std::optional<SecretId> secret, read_secret(call.storage, path));
  if (!secret || !secret->is_live(call.now)) return Answer{};
  return Answer::with(show(*secret));
}

Result<Answer> AppRole::look_up_secret(const Call& call) {
  POSTERN_TRY(const Role role, role_of(call));
  const Credential given(call.fields, "secret_id");
  POSTERN_TRY(const std::string_view text, secret_id_of(given));
  return show_secret(call, secret_path(role.name, text));
}

Result<Answer> AppRole::look_up_accessor(const Call& call) {
  POSTERN_TRY(const Role role, role_of(call));
  POSTERN_TRY(const std::string path, path_by_accessor(call, role.name));
  return show_secret(call, path);
}

Result<Answer> AppRole::destroy_secret(const Call& call) {
  const std::scoped_lock lock(lock_of(role_name_of(call)));
  POSTERN_TRY(const Role role, role_of(call));
  const Credential given(call.fields, "secret_id");
  POSTERN_TRY(const std::string_view text, secret_id_of(given));
  POSTERN_CHECK(remove_secret(call.storage, role.name, secret_path(role.name, text)));
  return Answer{};
}

Result<Answer> AppRole::destroy_accessor(const Call& call) {
  const std::scoped_lock lock(lock_of(role_name_of(call)));
  POSTERN_TRY(const Role role, role_of(call));
  POSTERN_TRY(const std::string path, path_by_accessor(call, role.name));
  POSTERN_CHECK(remove_secret(call.storage, role.name, path));
  return Answer{};
}

Result<std::string> AppRole::path_by_accessor(const Call& call, const std::string& role) const {
  const std::string accessor = call.fields.text("secret_id_accessor");
  if (accessor.empty()) return fail(ErrorCode::BadInput, "missing secret_id_accessor", "secret_id_accessor");
  const auto unknown = [&] {
    return fail(ErrorCode::NotFound, "failed to find accessor entry for secret_id_accessor: \"" + printable(accessor, 64) + "\"",
                "secret_id_accessor");
  };
  if (!is_uuid(accessor)) return unknown();  // and no path below another role
  POSTERN_TRY(const std::optional<SecretBytes> hash, call.storage.get(accessor_folder(role) + accessor));
  if (!hash) return unknown();
  return secret_folder(role) + std::string(as_text(hash->view()));
}

Status AppRole::remove_secret(Storage& storage, const std::string& role, const std::string& path) {
  POSTERN_TRY(const std::optional<SecretId> secret, read_secret(storage, path));
  if (!secret) return {};
  std::vector<StorageChange> changes;
  changes.push_back({path, std::nullopt});
  changes.push_back({accessor_folder(role) + secret->accessor, std::nullopt});
  return storage.apply(std::move(changes));
}

Result<Answer> AppRole::tidy(const Call& call) {
  const std::scoped_lock sweeping(m_sweeping);
  POSTERN_TRY(const std::vector<std::string> roles, call.storage.list("secret/"));
  for (const std::string& role : roles) {
    m_swept_secret.clear();
    POSTERN_CHECK(sweep_role(call.storage, role.substr(0, role.size() - 1), call.now, 0));
  }
  m_swept_role.clear();  // the next tick begins at the start
  m_swept_secret.clear();
  Answer answer;
  answer.status = 202;
  answer.warnings.emplace_back("Expired secret ids have been removed.");
  return answer;
}

// Looks at up to `budget` secret ids (0: all) behind the last one it saw; how many it looked at.
Result<std::size_t> AppRole::sweep_role(Storage& storage, const std::string& role, WallTime now, std::size_t budget) {
  const std::string folder = secret_folder(role);
  POSTERN_TRY(const std::vector<std::string> names, storage.list(folder, {.after = m_swept_secret, .limit = budget}));
  for (const std::string& name : names) {
    const std::scoped_lock lock(lock_of(role));
    POSTERN_TRY(const std::optional<SecretId> secret, read_secret(storage, folder + name));
    if (secret && !secret->is_live(now)) POSTERN_CHECK(remove_secret(storage, role, folder + name));
    m_swept_secret = name;
  }
  return names.size();
}

Status AppRole::sweep(Storage& storage, WallTime now, std::size_t budget) {
  const std::scoped_lock sweeping(m_sweeping);
  while (budget > 0) {
    if (m_swept_role.empty() || m_swept_secret.empty()) {
      POSTERN_TRY(const std::vector<std::string> next, storage.list("secret/", {.after = m_swept_role, .limit = 1}));
      m_swept_role = next.empty() ? std::string() : next.front();
      if (next.empty()) return {};  // from the start next time
    }
    POSTERN_TRY(const std::size_t seen, sweep_role(storage, m_swept_role.substr(0, m_swept_role.size() - 1), now, budget));
    if (seen < budget) m_swept_secret.clear();  // the role is done
    budget -= std::min(budget, seen + 1);
  }
  return {};
}

void AppRole::tick(WallTime now) noexcept {
  try {
    if (m_storage == nullptr) return;
    const Status swept = sweep(*m_storage, now, kSweptPerTick);
    if (!swept) log::warn("approle.sweep", {{"error", swept.error()}});
  } catch (const std::exception& e) {
    log::warn("approle.sweep", {{"error", e.what()}});
  }
}

}  // namespace postern::vault
