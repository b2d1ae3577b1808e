#include <limits>

#include "secrets/transit_backend.hpp"
#include "secrets/transit_batch.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using namespace transit;

/// What the product adds to a key's settings, in the words of the API's own.
Status read_own_settings(const Fields& fields, KeySettings& settings, const UseLimits& before) {
  const auto limit = [&](std::string_view name, std::uint64_t& place) -> Status {
    if (!fields.has(name)) return {};
    const std::int64_t wished = fields.integer(name);
    if (wished < 0) return fail(ErrorCode::BadInput, std::string(name) + " must not be negative; 0 is the default", std::string(name));
    place = static_cast<std::uint64_t>(wished);
    return {};
  };
  UseLimits limits = before;
  POSTERN_CHECK(limit("max_encryptions", limits.encryptions));
  POSTERN_CHECK(limit("max_signatures", limits.signatures));
  POSTERN_CHECK(limit("max_hmacs", limits.macs));
  if (limits != before) settings.limits = limits;
  std::uint64_t kept = std::numeric_limits<std::uint64_t>::max();
  POSTERN_CHECK(limit("max_kept_versions", kept));
  if (fields.has("max_kept_versions")) {
    if (kept > std::numeric_limits<std::uint32_t>::max())
      return fail(ErrorCode::BadInput, "max_kept_versions is too large", "max_kept_versions");
    settings.max_versions = static_cast<std::uint32_t>(kept);
  }
  if (fields.has("expiration")) {
    const std::string text = fields.text("expiration");
    if (text.empty() || text == "never") {
      settings.expires = WallTime{};
    } else {
      const auto time = parse_rfc3339(text);
      if (!time) return fail(ErrorCode::BadInput, "expiration must be a time such as 2027-01-31T00:00:00Z, or \"never\"", "expiration");
      settings.expires = *time;
    }
  }
  if (!fields.has("allowed_operations")) return {};
  std::vector<KeyUse> uses;
  for (const std::string& name : fields.strings("allowed_operations")) {
    POSTERN_TRY(uses.emplace_back(), key_use_from_name(name));
  }
  settings.allowed_uses = std::move(uses);
  return {};
}

/// The settings of keys/NAME/config; `before` are the limits as they are, of which a call may name one only.
Result<KeySettings> settings_from(const Fields& fields, const UseLimits& before) {
  KeySettings settings;
  if (fields.has("min_decryption_version")) settings.min_decryption_version = fields.integer("min_decryption_version");
  if (fields.has("min_encryption_version")) settings.min_encryption_version = fields.integer("min_encryption_version");
  if (fields.has("deletion_allowed")) settings.deletion_allowed = fields.flag("deletion_allowed");
  if (fields.has("exportable")) settings.exportable = fields.flag("exportable");
  if (fields.has("allow_plaintext_backup")) settings.allow_plaintext_backup = fields.flag("allow_plaintext_backup");
  if (fields.has("auto_rotate_period")) settings.auto_rotate_period = fields.duration("auto_rotate_period");
  POSTERN_CHECK(read_own_settings(fields, settings, before));
  return settings;
}

Result<CreateOptions> create_options(const Call& call, std::string_view type_field) {
  const Fields& fields = call.fields;
  CreateOptions options;
  POSTERN_TRY(options.type, for_client(key_type_from_name(fields.text(type_field), fields.text("parameter_set"))));
  options.derived = fields.flag("derived");
  options.convergent = fields.flag("convergent_encryption");
  options.exportable = fields.flag("exportable");
  options.allow_plaintext_backup = fields.flag("allow_plaintext_backup");
  options.auto_rotate_period = fields.duration("auto_rotate_period");
  const std::int64_t size = fields.integer("key_size");
  if (size < 0 || size > 512) return fail(ErrorCode::BadInput, "key_size must be 32 to 512 bytes", "key_size");
  options.key_size = static_cast<std::size_t>(size);
  return options;
}

constexpr RefusedField kNotInKeys[] = {
    {"external_key_ref", "external keys are not done here: import the key, or use an engine in front of the HSM"},
    {"managed_key_name", "managed keys are not done here: import the key, or use an engine in front of the HSM"},
    {"managed_key_id", "managed keys are not done here: import the key, or use an engine in front of the HSM"},
    {"hybrid_key_type_pqc", "hybrid keys are not done here: make one key of each kind and sign with both"},
    {"hybrid_key_type_ec", "hybrid keys are not done here: make one key of each kind and sign with both"},
};

bool has_own_settings(const Fields& fields) {
  for (const char* name : {"max_encryptions", "max_signatures", "max_hmacs", "max_kept_versions", "expiration", "allowed_operations"})
    if (fields.has(name)) return true;
  return false;
}

/// Derived ed25519 keys show, for a context, the public keys derived with it.
Status show_derived(const KeyRef& key, ByteView context, json::object& shown) {
  json::object& versions = shown["keys"].as_object();
  for (auto& [number, version] : versions) {
    json::object* one = version.if_object();
    if (one == nullptr) continue;
    POSTERN_TRY((*one)["public_key"], key.public_text(static_cast<std::uint32_t>(std::stoul(std::string(number))), context));
  }
  return {};
}

}  // namespace

Result<Answer> TransitBackend::list_keys(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(auto names, stored(engine->list(page_of(call.fields))));
  return Answer::list(std::move(names));
}

Result<Answer> TransitBackend::create_key(const Call& call) {
  POSTERN_CHECK(refuse_fields(call, kNotInKeys));
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(const CreateOptions options, create_options(call, "type"));
  // A key without the limits that were asked for must not stay: they are read before it is made, and it goes when they do not fit.
  KeySettings own;
  POSTERN_CHECK(read_own_settings(call.fields, own, {}));
  const std::string name = call.fields.text("name");
  POSTERN_TRY(KeyReply reply, for_client(engine->create(name, options)));
  if (!reply.created || !has_own_settings(call.fields)) return shown_reply(std::move(reply));
  auto configured = for_client(engine->configure(name, own));
  if (configured) return shown_reply(*std::move(configured));
  own = {};
  own.deletion_allowed = true;
  if (engine->configure(name, own)) (void)engine->remove(name);
  return fail(std::move(configured).error());
}

Result<Answer> TransitBackend::read_key(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  const std::string name = call.fields.text("name");
  auto info = engine->info(name);
  if (!info && info.error().code == ErrorCode::NotFound) return Answer{};
  if (!info) return fail(as_client_error(std::move(info).error()));
  json::object shown = shown_transit_key(*info);
  const std::string context = call.fields.text("context");
  if (!context.empty() && info->derived && !abilities_of(info->type).symmetric) {
    WipedBuffer buffer;
    POSTERN_TRY(const ByteView bytes, decoded(context, buffer, "context"));
    POSTERN_TRY(const KeyRef key, for_client(engine->get(name)));
    POSTERN_CHECK(for_client(show_derived(key, bytes, shown)));
  }
  return Answer::with(std::move(shown));
}

Result<Answer> TransitBackend::delete_key(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_CHECK(for_client(engine->remove(call.fields.text("name"))));
  return Answer{};
}

Result<Answer> TransitBackend::configure_key(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  const std::string name = call.fields.text("name");
  UseLimits before;
  if (has_own_settings(call.fields)) {
    POSTERN_TRY(const KeyInfo info, for_client(engine->info(name)));
    before = info.limits;
  }
  POSTERN_TRY(const KeySettings settings, settings_from(call.fields, before));
  POSTERN_TRY(KeyReply reply, for_client(engine->configure(name, settings)));
  return shown_reply(std::move(reply));
}

Result<Answer> TransitBackend::rotate_key(const Call& call) {
  POSTERN_CHECK(refuse_fields(call, kNotInKeys));
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(KeyReply reply, for_client(engine->rotate(call.fields.text("name"))));
  return shown_reply(std::move(reply));
}

Result<Answer> TransitBackend::trim_key(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  if (!call.fields.has("min_available_version")) return fail(ErrorCode::BadInput, "missing min_available_version", "min_available_version");
  POSTERN_TRY(KeyReply reply, for_client(engine->trim(call.fields.text("name"), call.fields.integer("min_available_version"))));
  return shown_reply(std::move(reply));
}

Result<Answer> TransitBackend::soft_delete(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(KeyReply reply, for_client(engine->soft_delete(call.fields.text("name"))));
  return shown_reply(std::move(reply));
}

Result<Answer> TransitBackend::soft_delete_restore(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(KeyReply reply, for_client(engine->soft_delete_restore(call.fields.text("name"))));
  return shown_reply(std::move(reply));
}

Result<Answer> TransitBackend::derive_key(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  const Fields& fields = call.fields;
  if (const std::string algorithm = fields.text("key_derivation_algorithm"); algorithm != "ECDH" && algorithm != "ecdh")
    return fail(ErrorCode::BadInput, "key_derivation_algorithm must be \"ECDH\"", "key_derivation_algorithm");
  for (const char* needed : {"peer_public_key", "base_key_name"})
    if (fields.text(needed).empty()) return fail(ErrorCode::BadInput, "missing " + std::string(needed), needed);
  POSTERN_TRY(const std::uint32_t version, key_version_from(fields.integer("base_key_version")));
  POSTERN_TRY(const CreateOptions options, create_options(call, "derived_key_type"));
  POSTERN_CHECK(
      for_client(engine->derive_key(fields.text("name"), fields.text("base_key_name"), version, fields.text("peer_public_key"), options)));
  return Answer{};
}

Result<Answer> TransitBackend::read_key_settings(const Call& /*call*/) {
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(const Settings settings, stored(engine->settings()));
  return Answer::with({{"disable_upsert", settings.disable_upsert}});
}

Result<Answer> TransitBackend::write_key_settings(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(Settings settings, stored(engine->settings()));
  if (call.fields.has("disable_upsert")) settings.disable_upsert = call.fields.flag("disable_upsert");
  POSTERN_CHECK(for_client(engine->change_settings(settings)));
  return Answer::with({{"disable_upsert", settings.disable_upsert}});
}

Result<Answer> TransitBackend::read_cache(const Call& /*call*/) {
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(const Settings settings, stored(engine->settings()));
  return Answer::with({{"size", settings.cache_size}});
}

Result<Answer> TransitBackend::write_cache(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  const std::int64_t size = call.fields.integer("size");
  if (size != 0 && (size < 10 || size > 100'000'000))
    return fail(ErrorCode::BadInput, "size must be 0 or a value greater or equal to 10", "size");
  POSTERN_TRY(Settings settings, stored(engine->settings()));
  settings.cache_size = static_cast<std::size_t>(size);
  POSTERN_CHECK(for_client(engine->change_settings(settings)));
  return Answer::with({{"size", settings.cache_size}});
}

}  // namespace postern::vault
