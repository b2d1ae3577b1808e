// The secret ids of approle: made, shown by accessor, destroyed, tidied.
#include <algorithm>

#include "base/ids.hpp"
#include "crypto/random.hpp"
#include "logins/approle.hpp"
#include "vault/memory.hpp"
#include "vault/token_entry.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

constexpr std::size_t kTidyStep = 1000;  ///< Secret ids looked at in one tick, for each role.

const FieldSpec kRole{"role_name", FieldType::Name, {}, "Name of the role."};
const FieldSpec kSecret{"secret_id", FieldType::String, {}, "A secret id."};
const FieldSpec kAccessor{"secret_id_accessor", FieldType::String, {}, "The accessor of one."};

/// {"a":"b"}, or the same as JSON text, which is what the command line sends.
Result<std::vector<std::pair<std::string, std::string>>> read_metadata(const json::value& given) {
  json::value value = given;
  if (given.is_string() && !given.as_string().empty()) {
    boost::system::error_code error;
    value = json::parse(given.as_string(), error);
    if (error) return fail(ErrorCode::BadInput, "metadata must be a JSON object of texts", "metadata");
  }
  std::vector<std::pair<std::string, std::string>> out;
  if (value.is_null() || value.is_string()) return out;
  if (!value.is_object() || value.as_object().size() > 64)
    return fail(ErrorCode::BadInput, "metadata must be a JSON object of texts", "metadata");
  for (const auto& [name, text] : value.as_object()) {
    if (!text.is_string()) return fail(ErrorCode::BadInput, "metadata must be a JSON object of texts", "metadata");
    out.emplace_back(std::string(name), std::string(text.as_string()));
  }
  return out;
}

json::object shown_secret(const SecretId& secret, const AppRole& role) {
  json::object metadata;
  for (const auto& [name, value] : secret.metadata) metadata[name] = value;
  const auto list = [](const std::vector<std::string>& texts) {
    json::array out;
    for (const auto& text : texts) out.emplace_back(text);
    return out;
  };
  return {{"secret_id_accessor", secret.accessor},
          {"secret_id_num_uses", secret.num_uses},
          {"secret_id_ttl", secret.ttl.count()},
          {"creation_time", rfc3339(secret.created)},
          {"last_updated_time", rfc3339(secret.created)},
          {"expiration_time", secret.expires ? rfc3339(*secret.expires) : std::string("0001-01-01T00:00:00Z")},
          {"metadata", std::move(metadata)},
          {"cidr_list", list(secret.cidrs)},
          {"token_bound_cidrs", list(secret.token_bound_cidrs)},
          {"role_name", role.name}};
}

}  // namespace

void AppRoles::add_secret_paths() {
  const std::vector<FieldSpec> making{kRole,
                                      kSecret,
                                      {"metadata", FieldType::Any, {}, "Names and texts for the token."},
                                      {"cidr_list", FieldType::CommaStrings, {}, "Networks this secret id may come from."},
                                      {"token_bound_cidrs", FieldType::CommaStrings, {}, "Networks its tokens may come from."},
                                      {"num_uses", FieldType::Integer, {}, "Logins it is good for; at most what the role says."},
                                      {"ttl", FieldType::Duration, {}, "Its life; at most what the role says."}};
  add_path("role/{role_name}/secret-id", "A new secret id; LIST gives accessors.", making,
           {{Operation::Update, [this](const Call& call) { return make_secret_id(call); }},
            {Operation::List, handler(&AppRoles::list_accessors)}});
  add_path("role/{role_name}/custom-secret-id", "A secret id of the caller's own.", making,
           {{Operation::Update, handler(&AppRoles::make_custom_secret_id)}});
  for (const char* by : {"secret-id", "secret-id-accessor"}) {
    add_path(std::string("role/{role_name}/") + by + "/lookup", "What is known of a secret id.", {kRole, kSecret, kAccessor},
             {{Operation::Update, handler(&AppRoles::look_up)}});
    add_path(std::string("role/{role_name}/") + by + "/destroy", "Ends a secret id.", {kRole, kSecret, kAccessor},
             {{Operation::Update, handler(&AppRoles::destroy)}, {Operation::Delete, handler(&AppRoles::destroy)}});
  }
  add_path("tidy/secret-id", "Forgets expired secret ids.", {}, {{Operation::Update, [this](const Call& call) -> Result<Answer> {
                                                                    const std::lock_guard lock(m_change);
                                                                    m_tidy_after.clear();
                                                                    for (bool whole = false; !whole;) {
                                                                      POSTERN_TRY(whole, tidy(call.storage, call.now));
                                                                    }
                                                                    return Answer{};
                                                                  }}});
}

Result<Answer> AppRoles::make_secret_id(const Call& call) {
  NonceRandom random;
  return make_secret_id(call, make_uuid(random));
}

Result<Answer> AppRoles::make_custom_secret_id(const Call& call) {
  const std::string secret = call.fields.text("secret_id");
  if (secret.empty()) return fail(ErrorCode::BadInput, "missing secret_id", "secret_id");
  if (secret.size() > 1024) return fail(ErrorCode::BadInput, "a secret_id has at most 1024 bytes", "secret_id");
  return make_secret_id(call, secret);
}

Result<Answer> AppRoles::make_secret_id(const Call& call, const std::string& id) {
  const std::lock_guard lock(m_change);
  POSTERN_TRY(const AppRole role, role_of(call));
  if (!role.bind_secret_id) return fail(ErrorCode::BadInput, "bind_secret_id is not set on the role", "bind_secret_id");
  NonceRandom random;
  SecretId secret;
  secret.accessor = make_uuid(random);
  secret.created = call.now;
  secret.num_uses = call.fields.has("num_uses") ? call.fields.integer("num_uses") : role.secret_id_num_uses;
  secret.ttl = call.fields.has("ttl") ? call.fields.duration("ttl") : role.secret_id_ttl;
  if (secret.num_uses < 0) return fail(ErrorCode::BadInput, "num_uses cannot be negative", "num_uses");
  if (role.secret_id_num_uses > 0 && (secret.num_uses == 0 || secret.num_uses > role.secret_id_num_uses))
    return fail(ErrorCode::BadInput, "num_uses cannot be higher than the role's secret_id_num_uses", "num_uses");
  if (role.secret_id_ttl.count() > 0 && (secret.ttl.count() == 0 || secret.ttl > role.secret_id_ttl))
    return fail(ErrorCode::BadInput, "ttl cannot be longer than the role's secret_id_ttl", "ttl");
  if (secret.ttl.count() > 0) secret.expires = call.now + secret.ttl;
  secret.cidrs = call.fields.strings("cidr_list");
  secret.token_bound_cidrs = call.fields.strings("token_bound_cidrs");
  POSTERN_CHECK(parse_networks(secret.cidrs));
  POSTERN_CHECK(parse_networks(secret.token_bound_cidrs));
  POSTERN_TRY(secret.metadata, read_metadata(call.fields.raw("metadata")));
  const std::string hashed = hash(id);
  POSTERN_TRY(const auto taken, load_secret(call.storage, role.name, hashed));
  if (taken) return fail(ErrorCode::BadInput, "the secret_id exists already", "secret_id");
  std::vector<StorageChange> changes;
  changes.push_back({secret_place(role.name, hashed), encode(secret)});
  changes.push_back({accessor_place(role.name, hash(secret.accessor)), SecretBytes::from_text(hashed)});
  if (const Status saved = call.storage.apply(std::move(changes)); !saved) return fail(storage_error(saved.error()));
  return Answer::with({{"secret_id", id},
                       {"secret_id_accessor", secret.accessor},
                       {"secret_id_num_uses", secret.num_uses},
                       {"secret_id_ttl", secret.ttl.count()}});
}

Result<std::optional<SecretId>> AppRoles::load_secret(Storage& storage, const std::string& role, const std::string& hashed) const {
  POSTERN_TRY(const auto kept, stored(storage.get(secret_place(role, hashed))));
  if (!kept) return std::nullopt;
  POSTERN_TRY(const json::object record, object_from_secret(kept->view(), {}));
  return decode_secret_id(record);
}

Status AppRoles::drop_secret(Storage& storage, const std::string& role, const std::string& hashed, const SecretId& secret) const {
  std::vector<StorageChange> changes;
  changes.push_back({secret_place(role, hashed), std::nullopt});
  changes.push_back({accessor_place(role, hash(secret.accessor)), std::nullopt});
  if (const Status gone = storage.apply(std::move(changes)); !gone) return fail(storage_error(gone.error()));
  return {};
}

Result<Answer> AppRoles::list_accessors(const Call& call) {
  POSTERN_TRY(const AppRole role, role_of(call));
  POSTERN_TRY(const auto hashes, stored(call.storage.list("secret/" + role.name + "/")));
  std::vector<std::string> accessors;
  for (const auto& hashed : hashes) {
    POSTERN_TRY(const auto secret, load_secret(call.storage, role.name, hashed));
    if (secret && !secret->expired(call.now)) accessors.push_back(secret->accessor);
  }
  std::ranges::sort(accessors);
  return Answer::list(std::move(accessors));
}

/// By the secret id itself or by its accessor, whichever was given.
Result<std::string> AppRoles::secret_hash_of(const Call& call, const std::string& role) const {
  if (const auto secret = call.fields.text_view("secret_id"); !secret.empty()) return hash(secret);
  const auto accessor = call.fields.text_view("secret_id_accessor");
  if (accessor.empty()) return fail(ErrorCode::BadInput, "missing secret_id or secret_id_accessor", "secret_id");
  POSTERN_TRY(const auto found, stored(call.storage.get(accessor_place(role, hash(accessor)))));
  if (!found) return fail(ErrorCode::NotFound, "failed to find accessor entry for secret_id_accessor", "secret_id_accessor");
  return std::string(as_text(found->view()));
}

Result<Answer> AppRoles::look_up(const Call& call) {
  POSTERN_TRY(const AppRole role, role_of(call));
  POSTERN_TRY(const std::string hashed, secret_hash_of(call, role.name));
  POSTERN_TRY(const auto secret, load_secret(call.storage, role.name, hashed));
  if (!secret || secret->expired(call.now)) return Answer{};
  return Answer::with(shown_secret(*secret, role));
}

Result<Answer> AppRoles::destroy(const Call& call) {
  const std::lock_guard lock(m_change);
  POSTERN_TRY(const AppRole role, role_of(call));
  POSTERN_TRY(const std::string hashed, secret_hash_of(call, role.name));
  POSTERN_TRY(const auto secret, load_secret(call.storage, role.name, hashed));
  if (!secret) return fail(ErrorCode::BadInput, "invalid secret id", "secret_id");
  POSTERN_CHECK(drop_secret(call.storage, role.name, hashed, *secret));
  return Answer{};
}

/// The next kTidyStep secret ids of each role; true when all roles were gone through to the end.
Result<bool> AppRoles::tidy(Storage& storage, WallTime now) {
  POSTERN_TRY(const auto roles, storage.list("role/"));
  bool whole = true;
  for (const auto& role : roles) {
    std::string& after = m_tidy_after[role];
    POSTERN_TRY(const auto hashes, storage.list("secret/" + role + "/", {.after = after, .limit = kTidyStep}));
    for (const auto& hashed : hashes) {
      POSTERN_TRY(const auto secret, load_secret(storage, role, hashed));
      if (secret && secret->expired(now)) POSTERN_CHECK(drop_secret(storage, role, hashed, *secret));
    }
    after = hashes.size() < kTidyStep ? std::string() : hashes.back();
    whole = whole && after.empty();
  }
  std::erase_if(m_tidy_after, [](const auto& entry) { return entry.second.empty(); });
  return whole;
}

}  // namespace postern::vault
