#include "secrets/kv_key.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "vault/memory.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

constexpr std::size_t kCustomKeys = 64;
constexpr std::size_t kCustomKey = 128;
constexpr std::size_t kCustomValue = 512;

std::string shown_time(const std::optional<WallTime>& time) { return time ? rfc3339(*time) : std::string(); }

json::value shown_custom(const KvKey& key) {
  if (!key.custom) return nullptr;
  json::object out;
  for (const auto& [name, value] : *key.custom) out.emplace(name, value);
  return out;
}

/// When a version that is made now counts as deleted; the shorter of what mount and secret say.
std::optional<WallTime> deletion_time(WallTime now, seconds mount, seconds secret) {
  if (mount.count() < 0 || (mount.count() == 0 && secret.count() <= 0)) return std::nullopt;
  if (mount.count() == 0) return now + secret;
  return now + (secret.count() > 0 ? std::min(mount, secret) : mount);
}

/// UTF-8 without control characters; what a terminal may show.
bool is_printable(std::string_view text) {
  return is_utf8(text) && std::ranges::none_of(text, [](char c) { return static_cast<Byte>(c) < 0x20 || c == 0x7f; });
}

void check_custom_entry(const std::string& name, const std::string& value, std::vector<std::string>& faults) {
  const std::string shown = '"' + printable(name, kCustomKey) + '"';
  if (name.empty() || name.size() > kCustomKey)
    faults.push_back("length of key " + shown + " is " + std::to_string(name.size()) + " but must be 0 < len(key) <= 128");
  if (value.empty() || value.size() > kCustomValue)
    faults.push_back("length of value for key " + shown + " is " + std::to_string(value.size()) + " but must be 0 < len(value) <= 512");
  if (!is_printable(name)) faults.push_back("key " + shown + " contains unprintable characters");
  if (!is_printable(value)) faults.push_back("value for key " + shown + " contains unprintable characters");
}

/// How the API writes several errors at once.
std::string as_one_error(const std::vector<std::string>& faults) {
  std::string out = std::to_string(faults.size()) + (faults.size() == 1 ? " error" : " errors") + " occurred:\n";
  for (const std::string& fault : faults) out += "\t* custom_metadata validation failed: " + fault + "\n";
  return out + "\n";
}

// The stored form: short names, times in milliseconds. A version is [created, deletion or null, destroyed].
json::array stored_version(const KvVersion& version) {
  return {unix_millis(version.created), version.deletion ? json::value(unix_millis(*version.deletion)) : json::value(), version.destroyed};
}

WallTime time_at(const json::value& millis) { return wall_from_millis(millis.to_number<std::int64_t>()); }

KvVersion version_from(const json::array& stored) {
  KvVersion version{time_at(stored.at(0)), std::nullopt, stored.at(2).as_bool()};
  if (!stored.at(1).is_null()) version.deletion = time_at(stored.at(1));
  return version;
}

KvKey key_from(const json::object& stored) {
  KvKey key;
  key.current = stored.at("current").to_number<std::uint64_t>();
  key.oldest = stored.at("oldest").to_number<std::uint64_t>();
  key.created = time_at(stored.at("created"));
  key.updated = time_at(stored.at("updated"));
  key.max_versions = stored.at("max").to_number<std::uint32_t>();
  key.cas_required = stored.at("cas").as_bool();
  key.delete_version_after = seconds(stored.at("after").to_number<std::int64_t>());
  if (const json::object* custom = stored.at("custom").if_object()) {
    key.custom.emplace();
    for (const auto& [name, value] : *custom) key.custom->emplace(name, std::string(value.as_string()));
  }
  for (const auto& [number, version] : stored.at("versions").as_object()) {
    key.versions.emplace(std::stoull(std::string(number)), version_from(version.as_array()));
  }
  return key;
}

/// Reads what we wrote ourselves: whatever does not fit is one and the same impossibility, which boost::json reports by throwing.
template <class Read>
auto from_stored(ByteView bytes, Read read) -> Result<decltype(read(json::object()))> {
  POSTERN_TRY(const json::object stored, object_from_secret(bytes, {}));
  try {
    return read(stored);
  } catch (const std::exception&) {
    return fail(ErrorCode::Internal, "stored metadata of a secret has not the form it was written in");
  }
}

}  // namespace

KvVersion& KvKey::add_version(WallTime now, const KvConfig& config, std::vector<std::uint64_t>& trimmed) {
  if (current == 0 && versions.empty() && created == WallTime{}) created = now;
  updated = now;
  KvVersion& added = versions[++current];
  added = {now, deletion_time(now, config.delete_version_after, delete_version_after), false};
  const std::uint32_t wished = std::max(max_versions, config.max_versions);
  const std::uint64_t kept = wished == 0 ? kKvVersions : wished;
  while (versions.size() > kept) {
    trimmed.push_back(versions.begin()->first);
    versions.erase(versions.begin());
  }
  oldest = versions.begin()->first;
  if (oldest == 1) oldest = 0;  // as the API counts while nothing was trimmed
  return added;
}

const KvVersion* KvKey::find(std::uint64_t version) const {
  const auto found = versions.find(version);
  return found == versions.end() ? nullptr : &found->second;
}

SecretBytes KvKey::encode() const {
  json::object all;
  for (const auto& [number, version] : versions) all.emplace(std::to_string(number), stored_version(version));
  return to_secret(json::object{{"current", current},
                                {"oldest", oldest},
                                {"created", unix_millis(created)},
                                {"updated", unix_millis(updated)},
                                {"max", max_versions},
                                {"cas", cas_required},
                                {"after", delete_version_after.count()},
                                {"custom", shown_custom(*this)},
                                {"versions", std::move(all)}});
}

Result<KvKey> KvKey::decode(ByteView bytes) { return from_stored(bytes, key_from); }

SecretBytes encode(const KvConfig& config) {
  return to_secret(
      json::object{{"max", config.max_versions}, {"cas", config.cas_required}, {"after", config.delete_version_after.count()}});
}

Result<KvConfig> decode_kv_config(ByteView bytes) {
  return from_stored(bytes, [](const json::object& stored) {
    return KvConfig{stored.at("max").to_number<std::uint32_t>(), stored.at("cas").as_bool(),
                    seconds(stored.at("after").to_number<std::int64_t>())};
  });
}

Status check_custom_metadata(const KvCustom& custom) {
  std::vector<std::string> faults;
  if (custom.size() > kCustomKeys)
    faults.push_back("payload must contain at most 64 keys, provided " + std::to_string(custom.size()));
  else
    for (const auto& [name, value] : custom) check_custom_entry(name, value, faults);
  if (faults.empty()) return {};
  return fail(ErrorCode::BadInput, as_one_error(faults), "custom_metadata");
}

std::string shown_duration(seconds duration) {
  const std::int64_t total = std::abs(duration.count());
  std::string out = duration.count() < 0 ? "-" : "";
  if (total >= 3600) out += std::to_string(total / 3600) + "h";
  if (total >= 60) out += std::to_string(total / 60 % 60) + "m";
  return out + std::to_string(total % 60) + "s";
}

json::object shown_version(const KvKey& key, std::uint64_t number, const KvVersion& version) {
  return {{"version", number},
          {"created_time", rfc3339(version.created)},
          {"deletion_time", shown_time(version.deletion)},
          {"destroyed", version.destroyed},
          {"custom_metadata", shown_custom(key)}};
}

json::object shown_key(const KvKey& key) {
  json::object versions;
  for (const auto& [number, version] : key.versions) {
    versions.emplace(std::to_string(number), json::object{{"created_time", rfc3339(version.created)},
                                                          {"deletion_time", shown_time(version.deletion)},
                                                          {"destroyed", version.destroyed}});
  }
  return {{"versions", std::move(versions)},      {"current_version", key.current},
          {"oldest_version", key.oldest},         {"created_time", rfc3339(key.created)},
          {"updated_time", rfc3339(key.updated)}, {"max_versions", key.max_versions},
          {"cas_required", key.cas_required},     {"delete_version_after", shown_duration(key.delete_version_after)},
          {"custom_metadata", shown_custom(key)}};
}

}  // namespace postern::vault
