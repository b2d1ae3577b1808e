#include "secrets/kv_versioned.hpp"

#include <mutex>

#include "vault/memory.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

/// RFC 7396: null removes, objects merge, everything else replaces.
void merge_patch(json::object& target, const json::object& patch) {
  for (const auto& [name, value] : patch) {
    if (value.is_null()) {
      target.erase(name);
      continue;
    }
    json::value& place = target[name];
    if (const json::object* inner = value.if_object()) {
      if (!place.is_object()) place.emplace_object();
      merge_patch(place.get_object(), *inner);
    } else {
      place = value;
    }
  }
}

/// Names only: every leaf becomes null, and so does what lies deeper than `depth` (0: no limit).
void strip_values(json::object& object, std::int64_t depth, std::int64_t level = 1) {
  for (auto& [name, value] : object) {
    json::object* inner = value.if_object();
    if (inner != nullptr && !inner->empty() && (depth <= 0 || level < depth))
      strip_values(*inner, depth, level + 1);
    else
      value = nullptr;
  }
}

Result<std::string> path_of(const Call& call) {
  std::string path = call.fields.text("path");
  if (path.empty()) return fail(ErrorCode::BadInput, "missing path");
  POSTERN_CHECK(check_storage_path(path));
  return path;
}

Answer not_found(json::object data) {
  Answer answer = Answer::with(std::move(data));
  answer.status = 404;
  return answer;
}

}  // namespace

Status KvVersioned::start(Storage& storage) {
  POSTERN_TRY(const auto found, storage.get("config"));
  KvConfig config;
  if (found) {
    POSTERN_TRY(config, decode_kv_config(found->view()));
  }
  const std::unique_lock lock(m_config_lock);
  m_config = config;
  return {};
}

void KvVersioned::stop() noexcept {
  const std::unique_lock lock(m_config_lock);
  m_config = {};
}

KvConfig KvVersioned::config() const {
  const std::shared_lock lock(m_config_lock);
  return m_config;
}

std::shared_mutex& KvVersioned::lock_of(std::string_view path) const {
  return m_locks[std::hash<std::string_view>{}(path) % m_locks.size()];
}

Result<std::optional<KvKey>> KvVersioned::load(Storage& storage, std::string_view path) const {
  POSTERN_TRY(const auto found, stored(storage.get(kv_metadata_path(path))));
  if (!found) return std::nullopt;
  POSTERN_TRY(KvKey key, KvKey::decode(found->view()));
  return key;
}

Result<bool> KvVersioned::exists(const Call& call) const {
  const std::string path = call.fields.text("path");
  if (path.empty() || !check_storage_path(path)) return false;  // the handler says what is wrong with it
  POSTERN_TRY(const auto key, load(call.storage, path));
  return key.has_value();
}

Result<Answer> KvVersioned::show(const Call& call, std::string_view field, const Shape& shape) const {
  POSTERN_TRY(const std::string path, path_of(call));
  const std::shared_lock lock(lock_of(path));
  POSTERN_TRY(const auto key, load(call.storage, path));
  if (!key) return Answer{};
  const std::int64_t asked = call.fields.integer("version");
  const std::uint64_t number = asked > 0 ? static_cast<std::uint64_t>(asked) : key->current;
  const KvVersion* version = key->find(number);
  if (version == nullptr) return Answer{};

  const json::storage_ptr memory = wiped_memory();
  json::object answer(memory);
  answer.emplace(field, nullptr);
  answer.emplace("metadata", shown_version(*key, number, *version));
  if (!version->readable(call.now)) return not_found(std::move(answer));
  POSTERN_TRY(const auto bytes, stored(call.storage.get(kv_version_path(path, number))));
  if (!bytes) return fail(ErrorCode::Internal, "the data of a version are missing");
  POSTERN_TRY(auto data, object_from_secret(bytes->view(), memory));
  POSTERN_TRY(answer[field], shape(std::move(data)));
  return Answer::with(std::move(answer));
}

Result<Answer> KvVersioned::read(const Call& call) {
  return show(call, "data", [](json::object data) -> Result<json::value> { return json::value(std::move(data)); });
}

Result<Answer> KvVersioned::subkeys(const Call& call) {
  const std::int64_t depth = call.fields.integer("depth");
  return show(call, "subkeys", [depth](json::object data) -> Result<json::value> {
    strip_values(data, depth);
    return json::value(std::move(data));
  });
}

Status KvVersioned::check_cas(const Call& call, const KvKey& key) const {
  const json::object* options = call.fields.raw("options").if_object();
  const json::value* cas = options == nullptr ? nullptr : options->if_contains("cas");
  if (cas == nullptr) {
    if (!key.cas_required && !config().cas_required) return {};
    return fail(ErrorCode::BadInput, "check-and-set parameter required for this call", "options");
  }
  // As the API has it: null compares like 0, "only when there is nothing yet".
  const auto wanted = cas->is_null() ? Result<std::int64_t>(0) : weak_integer(*cas);
  if (!wanted) return fail(ErrorCode::BadInput, "error parsing check-and-set parameter", "options");
  if (*wanted < 0 || static_cast<std::uint64_t>(*wanted) != key.current)
    return fail(ErrorCode::BadInput, "check-and-set parameter did not match the current version", "options");
  return {};
}

Result<Answer> KvVersioned::add(const Call& call, const std::string& path, KvKey key, const json::object& data) const {
  std::vector<std::uint64_t> trimmed;
  const KvVersion version = key.add_version(call.now, config(), trimmed);
  std::vector<StorageChange> changes;
  changes.push_back({kv_version_path(path, key.current), to_secret(data)});
  changes.push_back({kv_metadata_path(path), key.encode()});
  for (const std::uint64_t number : trimmed) changes.push_back({kv_version_path(path, number), std::nullopt});
  POSTERN_CHECK(stored(call.storage.apply(std::move(changes))));
  return Answer::with(shown_version(key, key.current, version));
}

Result<Answer> KvVersioned::write(const Call& call) {
  POSTERN_TRY(const std::string path, path_of(call));
  const json::object* data = call.fields.raw("data").if_object();
  if (data == nullptr) return fail(ErrorCode::BadInput, "no data provided", "data");
  const std::unique_lock lock(lock_of(path));
  POSTERN_TRY(auto key, load(call.storage, path));
  if (!key) key.emplace();
  POSTERN_CHECK(check_cas(call, *key));
  return add(call, path, *std::move(key), *data);
}

Result<Answer> KvVersioned::patch(const Call& call) {
  POSTERN_TRY(const std::string path, path_of(call));
  const json::object* changes = call.fields.raw("data").if_object();
  if (changes == nullptr) return fail(ErrorCode::BadInput, "no data provided", "data");
  const std::unique_lock lock(lock_of(path));
  POSTERN_TRY(auto key, load(call.storage, path));
  if (!key) return only_status(404);
  POSTERN_CHECK(check_cas(call, *key));
  const KvVersion* current = key->find(key->current);
  if (current == nullptr) return only_status(404);
  if (!current->readable(call.now)) return not_found(shown_version(*key, key->current, *current));
  POSTERN_TRY(const auto bytes, stored(call.storage.get(kv_version_path(path, key->current))));
  if (!bytes) return fail(ErrorCode::Internal, "the data of a version are missing");
  POSTERN_TRY(auto data, object_from_secret(bytes->view(), wiped_memory()));
  merge_patch(data, *changes);
  return add(call, path, *std::move(key), data);
}

Result<Answer> KvVersioned::remove(const Call& call) {
  POSTERN_TRY(const std::string path, path_of(call));
  const std::unique_lock lock(lock_of(path));
  POSTERN_TRY(auto key, load(call.storage, path));
  if (!key) return Answer{};
  const auto current = key->versions.find(key->current);
  if (current == key->versions.end() || !current->second.readable(call.now)) return Answer{};
  current->second.deletion = call.now;
  key->updated = call.now;
  POSTERN_CHECK(stored(call.storage.put(kv_metadata_path(path), key->encode())));
  return Answer{};
}

Result<Answer> KvVersioned::change_versions(const Call& call, const Change& change) const {
  POSTERN_TRY(const std::string path, path_of(call));
  const std::vector<std::int64_t> numbers = call.fields.integers("versions");
  if (numbers.empty()) return fail(ErrorCode::BadInput, "No version number provided", "versions");
  const std::unique_lock lock(lock_of(path));
  POSTERN_TRY(auto key, load(call.storage, path));
  if (!key) return Answer{};
  std::vector<StorageChange> changes;
  for (const std::int64_t number : numbers) {
    const auto version = key->versions.find(static_cast<std::uint64_t>(number));
    if (version == key->versions.end()) continue;
    if (change(version->second) == Data::Forget) changes.push_back({kv_version_path(path, version->first), std::nullopt});
  }
  key->updated = call.now;
  changes.push_back({kv_metadata_path(path), key->encode()});
  POSTERN_CHECK(stored(call.storage.apply(std::move(changes))));
  return Answer{};
}

Result<Answer> KvVersioned::remove_versions(const Call& call) {
  return change_versions(call, [&](KvVersion& version) {
    if (version.readable(call.now)) version.deletion = call.now;
    return Data::Keep;
  });
}

Result<Answer> KvVersioned::restore_versions(const Call& call) {
  return change_versions(call, [](KvVersion& version) {
    if (!version.destroyed) version.deletion.reset();
    return Data::Keep;
  });
}

Result<Answer> KvVersioned::destroy_versions(const Call& call) {
  return change_versions(call, [](KvVersion& version) { return std::exchange(version.destroyed, true) ? Data::Keep : Data::Forget; });
}

}  // namespace postern::vault
