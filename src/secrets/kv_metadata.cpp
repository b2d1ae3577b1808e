#include <limits>
#include <mutex>

#include "secrets/kv_versioned.hpp"
#include "vault/memory.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

constexpr std::string_view kCasMandated = "\"cas_required\" set to false, but is mandated by backend config. This value will be ignored.";

Result<std::uint32_t> max_versions_of(const Fields& fields) {
  const std::int64_t wished = fields.integer("max_versions");
  if (wished < 0 || wished > std::numeric_limits<std::uint32_t>::max())
    return fail(ErrorCode::BadInput, "max_versions must be between 0 and 4294967295", "max_versions");
  return static_cast<std::uint32_t>(wished);
}

/// What one custom value is as text; nothing for what has no text.
std::optional<std::string> custom_text(const json::value& value) {
  switch (value.kind()) {
    case json::kind::string: return std::string(value.get_string());
    case json::kind::bool_: return value.get_bool() ? "1" : "0";  // as weak decoding does it
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_: return json::serialize(value);
    default: return std::nullopt;
  }
}

/// `before` with the entries of `given`; when merging, null removes one, otherwise `before` is forgotten.
Result<KvCustom> custom_from(const json::object& given, const std::optional<KvCustom>& before, bool merge) {
  KvCustom custom;
  if (merge && before) custom = *before;
  for (const auto& [name, value] : given) {
    if (merge && value.is_null()) {
      custom.erase(std::string(name));
      continue;
    }
    auto text = value.is_null() ? std::optional<std::string>("") : custom_text(value);
    if (!text) return fail(ErrorCode::BadInput, "custom_metadata validation failed: every value must be a string", "custom_metadata");
    custom.insert_or_assign(name, *std::move(text));
  }
  POSTERN_CHECK(check_custom_metadata(custom));
  return custom;
}

/// A merge patch may say null: back to what it was without.
bool is_null(const Call& call, std::string_view field) {
  const json::value* value = call.request.data.if_contains(field);
  return value != nullptr && value->is_null();
}

void add_cas_warning(const Call& call, const KvConfig& config, Answer& answer) {
  if (call.fields.has("cas_required") && config.cas_required && !call.fields.flag("cas_required"))
    answer.warnings.emplace_back(kCasMandated);
}

}  // namespace

Result<Answer> KvVersioned::read_config(const Call& /*call*/) {
  const KvConfig now = config();
  return Answer::with({{"max_versions", now.max_versions},
                       {"cas_required", now.cas_required},
                       {"delete_version_after", shown_duration(now.delete_version_after)}});
}

Result<Answer> KvVersioned::write_config(const Call& call) {
  const std::unique_lock lock(m_config_lock);
  KvConfig next = m_config;
  if (call.fields.has("max_versions")) {
    POSTERN_TRY(next.max_versions, max_versions_of(call.fields));
  }
  if (call.fields.has("cas_required")) next.cas_required = call.fields.flag("cas_required");
  if (call.fields.has("delete_version_after")) {
    const auto after = call.fields.duration("delete_version_after");
    next.delete_version_after = after.count() < 0 ? std::chrono::seconds(-1) : after;
  }
  POSTERN_CHECK(stored(call.storage.put("config", encode(next))));
  m_config = next;
  return Answer{};
}

Result<Answer> KvVersioned::read_metadata(const Call& call) {
  const std::string path = call.fields.text("path");
  if (path.empty()) return Answer{};
  POSTERN_CHECK(check_storage_path(path));
  const std::shared_lock lock(lock_of(path));
  POSTERN_TRY(const auto key, load(call.storage, path));
  return key ? Answer::with(shown_key(*key)) : Answer{};
}

Status KvVersioned::set_metadata(const Call& call, KvKey& key, bool merge) const {
  const Fields& fields = call.fields;
  if (fields.has("max_versions")) {
    POSTERN_TRY(key.max_versions, max_versions_of(fields));
  }
  if (fields.has("cas_required")) key.cas_required = fields.flag("cas_required");
  if (fields.has("delete_version_after")) key.delete_version_after = fields.duration("delete_version_after");
  if (const json::object* custom = fields.raw("custom_metadata").if_object()) {
    POSTERN_TRY(key.custom, custom_from(*custom, key.custom, merge));
  }
  if (!merge) return {};
  if (is_null(call, "max_versions")) key.max_versions = 0;
  if (is_null(call, "cas_required")) key.cas_required = false;
  if (is_null(call, "delete_version_after")) key.delete_version_after = std::chrono::seconds(0);
  if (is_null(call, "custom_metadata")) key.custom.reset();
  return {};
}

Result<Answer> KvVersioned::write_metadata(const Call& call) {
  const std::string path = call.fields.text("path");
  if (path.empty()) return fail(ErrorCode::BadInput, "missing path");
  POSTERN_CHECK(check_storage_path(path));
  const Fields& fields = call.fields;
  if (!fields.has("max_versions") && !fields.has("cas_required") && !fields.has("delete_version_after") && !fields.has("custom_metadata"))
    return Answer{};
  const std::unique_lock lock(lock_of(path));
  POSTERN_TRY(auto key, load(call.storage, path));
  if (!key) {
    key.emplace();
    key->created = call.now;
  }
  key->updated = call.now;
  POSTERN_CHECK(set_metadata(call, *key, false));
  POSTERN_CHECK(stored(call.storage.put(kv_metadata_path(path), key->encode())));
  Answer answer;
  add_cas_warning(call, config(), answer);
  return answer;
}

Result<Answer> KvVersioned::patch_metadata(const Call& call) {
  const std::string path = call.fields.text("path");
  if (path.empty()) return fail(ErrorCode::BadInput, "missing path");
  POSTERN_CHECK(check_storage_path(path));
  const std::unique_lock lock(lock_of(path));
  POSTERN_TRY(auto key, load(call.storage, path));
  if (!key) return only_status(404);
  key->updated = call.now;
  POSTERN_CHECK(set_metadata(call, *key, true));
  POSTERN_CHECK(stored(call.storage.put(kv_metadata_path(path), key->encode())));
  Answer answer;
  add_cas_warning(call, config(), answer);
  return answer;
}

Result<Answer> KvVersioned::remove_metadata(const Call& call) {
  const std::string path = call.fields.text("path");
  if (path.empty()) return Answer{};
  POSTERN_CHECK(check_storage_path(path));
  const std::unique_lock lock(lock_of(path));
  POSTERN_TRY(const auto key, load(call.storage, path));
  if (!key) return Answer{};
  std::vector<StorageChange> changes;
  for (const auto& [number, version] : key->versions)
    if (!version.destroyed) changes.push_back({kv_version_path(path, number), std::nullopt});
  changes.push_back({kv_metadata_path(path), std::nullopt});
  POSTERN_CHECK(stored(call.storage.apply(std::move(changes))));
  return Answer{};
}

Result<Answer> KvVersioned::list_metadata(const Call& call) {
  const std::string folder = kv_metadata_path(as_folder(call.fields.text("path")));
  POSTERN_TRY(auto names, stored(call.storage.list(folder, page_of(call.fields))));
  return Answer::list(std::move(names));
}

Result<Answer> KvVersioned::scan_metadata(const Call& call) {
  const std::string folder = kv_metadata_path(as_folder(call.fields.text("path")));
  POSTERN_TRY(auto names, stored(call.storage.walk(folder)));
  for (std::string& name : names) name.erase(0, folder.size());
  return Answer::list(std::move(names));
}

Result<Answer> KvVersioned::list_detailed(const Call& call) {
  const std::string folder = as_folder(call.fields.text("path"));
  POSTERN_TRY(auto names, stored(call.storage.list(kv_metadata_path(folder), page_of(call.fields))));
  json::object details;
  for (const std::string& name : names) {
    if (name.ends_with('/')) continue;
    POSTERN_TRY(const auto key, load(call.storage, folder + name));
    if (key) details.emplace(name, shown_key(*key));
  }
  Answer answer = Answer::list(std::move(names));
  if (answer.data && !details.empty()) answer.data->emplace("key_info", std::move(details));
  return answer;
}

}  // namespace postern::vault
