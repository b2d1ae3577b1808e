#include "vault/mount_entry.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "vault/json_text.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using Texts = std::vector<std::string>;

constexpr std::size_t kLongestMount = 256;

json::object config_json(const MountConfig& config) {
  return {{"default_lease_ttl", config.default_lease_ttl.count()},
          {"max_lease_ttl", config.max_lease_ttl.count()},
          {"force_no_cache", config.force_no_cache},
          {"audit_non_hmac_request_keys", json::value_from(config.audit_non_hmac_request_keys)},
          {"audit_non_hmac_response_keys", json::value_from(config.audit_non_hmac_response_keys)},
          {"listing_visibility", config.listing_visibility},
          {"passthrough_request_headers", json::value_from(config.passthrough_request_headers)},
          {"allowed_response_headers", json::value_from(config.allowed_response_headers)},
          {"token_type", config.token_type}};
}

json::object entry_json(const MountEntry& entry) {
  json::object options;
  for (const auto& [name, value] : entry.options) options[name] = value;
  return {{"path", entry.path},
          {"auth", entry.auth},
          {"type", entry.type},
          {"description", entry.description},
          {"accessor", entry.accessor},
          {"uuid", entry.uuid},
          {"local", entry.local},
          {"seal_wrap", entry.seal_wrap},
          {"external_entropy_access", entry.external_entropy_access},
          {"options", std::move(options)},
          {"config", config_json(entry.config)},
          {"purging", entry.purging}};
}

std::string text_at(const json::object& object, std::string_view name) { return json::value_to<std::string>(object.at(name)); }
Texts texts_at(const json::object& object, std::string_view name) { return json::value_to<Texts>(object.at(name)); }

MountConfig config_from(const json::object& object) {
  return {.default_lease_ttl = std::chrono::seconds(object.at("default_lease_ttl").as_int64()),
          .max_lease_ttl = std::chrono::seconds(object.at("max_lease_ttl").as_int64()),
          .force_no_cache = object.at("force_no_cache").as_bool(),
          .audit_non_hmac_request_keys = texts_at(object, "audit_non_hmac_request_keys"),
          .audit_non_hmac_response_keys = texts_at(object, "audit_non_hmac_response_keys"),
          .listing_visibility = text_at(object, "listing_visibility"),
          .passthrough_request_headers = texts_at(object, "passthrough_request_headers"),
          .allowed_response_headers = texts_at(object, "allowed_response_headers"),
          .token_type = text_at(object, "token_type")};
}

MountEntry entry_from(const json::object& object) {
  MountEntry entry;
  entry.path = text_at(object, "path");
  entry.auth = object.at("auth").as_bool();
  entry.type = text_at(object, "type");
  entry.description = text_at(object, "description");
  entry.accessor = text_at(object, "accessor");
  entry.uuid = text_at(object, "uuid");
  entry.local = object.at("local").as_bool();
  entry.seal_wrap = object.at("seal_wrap").as_bool();
  entry.external_entropy_access = object.at("external_entropy_access").as_bool();
  for (const auto& member : object.at("options").as_object()) {
    entry.options.emplace_back(std::string(member.key()), json::value_to<std::string>(member.value()));
  }
  entry.config = config_from(object.at("config").as_object());
  entry.purging = object.at("purging").as_bool();
  return entry;
}

bool one_of(std::string_view text, std::initializer_list<std::string_view> known) { return std::ranges::find(known, text) != known.end(); }

}  // namespace

SecretBytes encode_mounts(const std::vector<MountEntry>& entries) {
  json::array mounts;
  for (const MountEntry& entry : entries) mounts.push_back(entry_json(entry));
  std::string text;
  append_json(text, json::object{{"version", 1}, {"mounts", std::move(mounts)}});
  return SecretBytes::from_text(text);
}

Result<std::vector<MountEntry>> decode_mounts(ByteView bytes) {
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(as_text(bytes).data(), bytes.size()), error);
  try {
    if (!error && value.as_object().at("version").as_int64() == 1) {
      std::vector<MountEntry> out;
      for (const json::value& mount : value.as_object().at("mounts").as_array()) out.push_back(entry_from(mount.as_object()));
      return out;
    }
  } catch (const std::exception&) {  // Boost's way to say that a member is missing or has another type
  }
  return fail(ErrorCode::IntegrityFailed, "the mount table cannot be read: restore the storage from a backup");
}

Result<std::string> tidy_mount_path(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  const bool characters = std::ranges::all_of(path, [](char c) { return c > ' ' && c <= '~' && c != '*' && c != '+' && c != '"'; });
  const std::vector<std::string_view> segments = split(path, '/');
  const bool shape = std::ranges::none_of(segments, [](std::string_view s) { return s.empty() || s == "." || s == ".."; });
  if (path.empty() || path.size() > kLongestMount || !characters || !shape) {
    return fail(ErrorCode::BadInput, "invalid mount path: use 1 to 256 visible characters without '*', '+' and empty or dotted segments",
                "path");
  }
  return std::string(path) + "/";
}

void resolve_type(std::string& type, MountOptions& options) {
  const std::string_view version = type == "kv-v2" ? "2" : type == "kv-v1" || type == "generic" ? "1" : "";
  if (version.empty()) return;
  type = "kv";
  std::erase_if(options, [](const auto& option) { return option.first == "version"; });
  options.emplace_back("version", version);
}

Status check_config(const MountConfig& config) {
  if (config.max_lease_ttl.count() > 0 && config.default_lease_ttl > config.max_lease_ttl) {
    return fail(ErrorCode::BadInput, "given default lease TTL greater than given max lease TTL", "default_lease_ttl");
  }
  if (!one_of(config.listing_visibility, {"", "hidden", "unauth"})) {
    return fail(ErrorCode::BadInput, "invalid listing_visibility: use \"hidden\" or \"unauth\"", "listing_visibility");
  }
  if (!one_of(config.token_type, {"", "default-service", "default-batch", "service", "batch"})) {
    return fail(ErrorCode::BadInput, "invalid value for 'token_type'", "token_type");
  }
  return {};
}

}  // namespace postern::vault
