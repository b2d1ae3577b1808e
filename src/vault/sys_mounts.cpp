// sys/mounts, auth, remount, internal/ui/mounts: what is mounted where.
#include <algorithm>

#include "vault/grants.hpp"
#include "vault/handlers.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

const std::vector<FieldSpec> kConfigFields = {{"default_lease_ttl", FieldType::Duration},
                                              {"max_lease_ttl", FieldType::Duration},
                                              {"force_no_cache", FieldType::Bool},
                                              {"audit_non_hmac_request_keys", FieldType::CommaStrings},
                                              {"audit_non_hmac_response_keys", FieldType::CommaStrings},
                                              {"listing_visibility", FieldType::String},
                                              {"passthrough_request_headers", FieldType::CommaStrings},
                                              {"allowed_response_headers", FieldType::CommaStrings},
                                              {"token_type", FieldType::String},
                                              {"options", FieldType::StringMap}};

// Views -------------------------------------------------------------------------------------------------------------------------------

json::object config_json(const MountConfig& config, bool auth) {
  json::object out{{"default_lease_ttl", config.default_lease_ttl.count()},
                   {"max_lease_ttl", config.max_lease_ttl.count()},
                   {"force_no_cache", config.force_no_cache}};
  const auto add = [&](std::string_view name, const std::vector<std::string>& texts) {
    if (!texts.empty()) out[name] = texts_json(texts);
  };
  add("audit_non_hmac_request_keys", config.audit_non_hmac_request_keys);
  add("audit_non_hmac_response_keys", config.audit_non_hmac_response_keys);
  add("passthrough_request_headers", config.passthrough_request_headers);
  add("allowed_response_headers", config.allowed_response_headers);
  if (!config.listing_visibility.empty()) out["listing_visibility"] = config.listing_visibility;
  if (auth) out["token_type"] = config.token_type.empty() ? "default-service" : config.token_type;
  return out;
}

json::object mount_json(const MountEntry& entry) {
  return {{"type", entry.type},
          {"description", entry.description},
          {"accessor", entry.accessor},
          {"local", entry.local},
          {"seal_wrap", entry.seal_wrap},
          {"external_entropy_access", entry.external_entropy_access},
          {"options", map_json(entry.options)},
          {"uuid", entry.uuid},
          {"plugin_version", ""},
          {"running_plugin_version", "builtin"},
          {"running_sha256", ""},
          {"deprecation_status", "supported"},
          {"config", config_json(entry.config, entry.auth)}};
}

json::object table_json(const Engine& engine, bool auth) {
  json::object out;
  for (const MountPtr& mount : engine.mounts.all()) {
    if (mount->entry.auth == auth) out[mount->entry.path] = mount_json(mount->entry);
  }
  return out;
}

Answer tune_answer(const Engine& engine, const MountEntry& entry) {
  json::object out = config_json(entry.config, entry.auth);
  const TtlLimits limits = engine.ttl_limits(entry);
  out["default_lease_ttl"] = limits.default_ttl.count();
  out["max_lease_ttl"] = limits.max_ttl.count();
  out["description"] = entry.description;
  if (!entry.options.empty()) out["options"] = map_json(entry.options);
  return answer_on_top(std::move(out));
}

// Changes -----------------------------------------------------------------------------------------------------------------------------

bool said(const Fields& fields, std::string_view name) {
  const json::value& value = fields.raw(name);
  return !value.is_null() && value != json::value("");  // command lines send "" for what was not typed
}

MountConfig config_from(const Fields& fields) {
  MountConfig config;
  config.default_lease_ttl = fields.duration("default_lease_ttl");
  config.max_lease_ttl = fields.duration("max_lease_ttl");
  config.force_no_cache = fields.flag("force_no_cache");
  config.audit_non_hmac_request_keys = fields.strings("audit_non_hmac_request_keys");
  config.audit_non_hmac_response_keys = fields.strings("audit_non_hmac_response_keys");
  config.listing_visibility = fields.text("listing_visibility");
  config.passthrough_request_headers = fields.strings("passthrough_request_headers");
  config.allowed_response_headers = fields.strings("allowed_response_headers");
  config.token_type = fields.text("token_type");
  return config;
}

MountTuning tuning_from(const Fields& fields) {
  MountTuning out;
  const MountConfig config = config_from(fields);
  const auto take = [&](std::string_view name, auto& into, const auto& value) {
    if (said(fields, name)) into = value;
  };
  if (fields.has("description")) out.description = fields.text("description");
  take("default_lease_ttl", out.default_lease_ttl, config.default_lease_ttl);
  take("max_lease_ttl", out.max_lease_ttl, config.max_lease_ttl);
  take("audit_non_hmac_request_keys", out.audit_non_hmac_request_keys, config.audit_non_hmac_request_keys);
  take("audit_non_hmac_response_keys", out.audit_non_hmac_response_keys, config.audit_non_hmac_response_keys);
  take("listing_visibility", out.listing_visibility, config.listing_visibility);
  take("passthrough_request_headers", out.passthrough_request_headers, config.passthrough_request_headers);
  take("allowed_response_headers", out.allowed_response_headers, config.allowed_response_headers);
  take("token_type", out.token_type, config.token_type);
  const auto options = fields.string_map("options");
  if (!options.empty()) out.options = options;
  return out;
}

Result<Answer> mount(Engine& engine, const Call& call, bool auth, const std::string& path) {
  NewMount wish;
  wish.auth = auth;
  wish.path = path;
  wish.type = call.fields.text("type");
  wish.description = call.fields.text("description");
  wish.options = call.fields.string_map("options");
  wish.local = call.fields.flag("local");
  wish.seal_wrap = call.fields.flag("seal_wrap");
  wish.external_entropy_access = call.fields.flag("external_entropy_access");
  const json::value& given = call.fields.raw("config");
  const json::object none;
  const Captures no_captures;
  POSTERN_TRY(const Fields config, Fields::read(kConfigFields, given.is_object() ? given.get_object() : none, no_captures));
  wish.config = config_from(config);
  if (wish.options.empty()) wish.options = config.string_map("options");
  POSTERN_CHECK(engine.mounts.mount(std::move(wish)));
  return Answer{};
}

Result<Answer> unmount(Engine& engine, bool auth, const std::string& path) {
  const MountPtr mount = engine.mounts.get(auth, path);
  POSTERN_CHECK(engine.mounts.unmount(auth, path));
  if (!auth || mount == nullptr) return Answer{};
  std::vector<TokenHash> granted;  // who logged in by it is logged out
  POSTERN_CHECK(engine.tokens.for_each([&](const TokenHash& hash, const TokenEntry& entry) {
    if (entry.mount == mount->entry.accessor) granted.push_back(hash);
    return true;
  }));
  for (const TokenHash& hash : granted) POSTERN_CHECK(engine.tokens.revoke(hash));
  return Answer{};
}

// "PATH" or "PATH/tune": a path may have several segments, so that the pattern cannot tell.
struct Target {
  std::string path;
  bool tune = false;
};
Target target_of(const Call& call) {
  constexpr std::string_view kTune = "/tune";
  Target out{call.fields.text("path"), false};
  while (out.path.ends_with('/')) out.path.pop_back();
  if (!out.path.ends_with(kTune)) return out;
  out.path.resize(out.path.size() - kTune.size());
  out.tune = true;
  return out;
}

// sys/mounts/auth/PATH/tune is how clients tune an auth method, too.
bool is_auth(Target& target, bool auth) {
  if (auth || !target.path.starts_with("auth/")) return auth;
  target.path.erase(0, 5);
  return true;
}

tl::unexpected<Error> no_mount(const std::string& path) {
  return fail(ErrorCode::BadInput, "No matching mount at \"" + path + "/\": cannot fetch sysview for it", "path");
}

Result<Answer> read_mount(Engine& engine, const Call& call, bool in_auth) {
  Target target = target_of(call);
  const bool auth = target.tune ? is_auth(target, in_auth) : in_auth;
  const MountPtr mount = engine.mounts.get(auth, target.path);
  if (mount == nullptr) return no_mount(target.path);
  return target.tune ? tune_answer(engine, mount->entry) : answer_on_top(mount_json(mount->entry));
}

Result<Answer> write_mount(Engine& engine, const Call& call, bool in_auth) {
  Target target = target_of(call);
  if (!target.tune) return mount(engine, call, in_auth, target.path);
  const bool auth = is_auth(target, in_auth);
  POSTERN_CHECK(engine.mounts.tune(auth, target.path, tuning_from(call.fields)));
  return Answer{};
}

Result<Answer> remount(Engine& engine, const Call& call) {
  const std::string from = call.fields.text("from"), to = call.fields.text("to");
  POSTERN_CHECK(engine.mounts.remount(from, to));
  return answer_on_top({{"migration_id", call.request.id}});
}

// For user interfaces and command lines --------------------------------------------------------------------------------------------------

// Whether a rule could ever permit something in a mount: it names a path in it, or has a wildcard before it is past the mount.
bool reaches(const acl::Rule& rule, std::string_view route) {
  if (rule.capabilities == 0 || (rule.capabilities & static_cast<acl::Capabilities>(acl::Capability::Deny)) != 0) return false;
  const std::size_t wildcard = std::min({rule.path.find('*'), rule.path.find('+'), rule.path.find("{{")});
  const std::string_view literal = std::string_view(rule.path).substr(0, wildcard);
  return literal.starts_with(route) || (wildcard != std::string::npos && route.starts_with(literal));
}

bool may_see(const Engine& engine, const LiveToken& token, std::string_view route) {
  if (token.root) return true;
  return std::ranges::any_of(token.policies, [&](const std::string& name) {
    const auto policy = engine.policies.get(name);
    return policy != nullptr && std::ranges::any_of(policy->rules, [&](const acl::Rule& rule) { return reaches(rule, route); });
  });
}

json::object ui_json(const MountEntry& entry) {
  json::object out = mount_json(entry);
  out["path"] = entry.auth ? "auth/" + entry.path : entry.path;
  return out;
}

// These paths ask no policy, as every command line asks them first, whatever its token may do; they show what the token reaches. Null: no
// token that is good here.
LiveTokenPtr asking(Engine& engine, const Call& call) {
  const Result<LiveTokenPtr> token = engine.tokens.look_up(call.request.token);
  if (!token || (!(*token)->bound.empty() && !is_in((*token)->bound, call.request.remote_address))) return nullptr;
  return *token;
}

Result<Answer> ui_mounts(Engine& engine, const Call& call) {
  const LiveTokenPtr token = asking(engine, call);
  json::object secret, auth;
  for (const MountPtr& mount : engine.mounts.all()) {
    if (mount->entry.path == "sys/" && !mount->entry.auth) continue;
    const bool shown_to_all = mount->entry.config.listing_visibility == "unauth";
    if (!shown_to_all && (token == nullptr || !may_see(engine, *token, mount->route))) continue;
    (mount->entry.auth ? auth : secret)[mount->entry.path] = mount_json(mount->entry);
  }
  return Answer::with({{"secret", std::move(secret)}, {"auth", std::move(auth)}});
}

Result<Answer> ui_mount(Engine& engine, const Call& call) {
  std::string path = call.fields.text("path");
  while (path.ends_with('/')) path.pop_back();
  const MountPtr mount = engine.mounts.find(path + "/");
  const LiveTokenPtr token = asking(engine, call);
  if (token == nullptr) return fail(ErrorCode::Denied, "permission denied");
  const bool visible = mount != nullptr && may_see(engine, *token, mount->route);
  if (!visible) {
    return fail(ErrorCode::Denied,
                "preflight capability check returned 403, please ensure client's policies grant access to path \"" + path + "/\"");
  }
  return Answer::with(ui_json(mount->entry));
}

void add_table(std::vector<PathSpec>& to, Engine& engine, const std::string& name, bool auth) {
  std::vector<FieldSpec> fields = kConfigFields;
  for (const FieldSpec& more : std::initializer_list<FieldSpec>{{"path", FieldType::String},
                                                                {"type", FieldType::String},
                                                                {"description", FieldType::String},
                                                                {"config", FieldType::Any},
                                                                {"local", FieldType::Bool},
                                                                {"seal_wrap", FieldType::Bool},
                                                                {"external_entropy_access", FieldType::Bool}}) {
    fields.push_back(more);
  }
  to.push_back(
      path_of(name, {}, reads([&engine, auth](const Call&) -> Result<Answer> { return answer_on_top(table_json(engine, auth)); })));
  PathSpec one = path_of(name + "/{path...}", std::move(fields),
                         {{Operation::Read, [&engine, auth](const Call& call) { return read_mount(engine, call, auth); }},
                          {Operation::Update, [&engine, auth](const Call& call) { return write_mount(engine, call, auth); }},
                          {Operation::Delete, [&engine, auth](const Call& call) { return unmount(engine, auth, target_of(call).path); }}});
  one.sudo = auth;
  to.push_back(std::move(one));
}

}  // namespace

Result<Answer> unlock_user(Engine& engine, const Call& call) {
  const MountPtr mount = engine.mounts.find_accessor(call.fields.text("accessor"));
  if (mount == nullptr) return fail(ErrorCode::NotFound, "no mount has this accessor", "accessor");
  const Entered entered(mount);
  if (!entered) return fail(ErrorCode::NotFound, "no mount has this accessor", "accessor");
  POSTERN_CHECK(mount->backend().unlock(call.fields.text("name")));
  return Answer{};
}

void add_mount_paths(std::vector<PathSpec>& to, Engine& engine) {
  add_table(to, engine, "mounts", false);
  add_table(to, engine, "auth", true);
  to.push_back(with_sudo(path_of("remount", {{"from", FieldType::String}, {"to", FieldType::String}},
                                 writes([&engine](const Call& call) { return remount(engine, call); }))));
  to.push_back(with_sudo(path_of("locked-users/{accessor}/unlock/{name}", {{"accessor", FieldType::String}, {"name", FieldType::String}},
                                 writes([&engine](const Call& call) { return unlock_user(engine, call); }))));
  to.push_back(without_token(path_of("internal/ui/mounts", {}, reads([&engine](const Call& call) { return ui_mounts(engine, call); }))));
  to.push_back(without_token(path_of("internal/ui/mounts/{path...}", {{"path", FieldType::String}},
                                     reads([&engine](const Call& call) { return ui_mount(engine, call); }))));
}

}  // namespace postern::vault
