// The life of keys: made, rotated, configured, trimmed, deleted.
#include "transit/engine.hpp"

#include <algorithm>

#include "transit/core.hpp"

namespace postern::transit {

using detail::Core;
using detail::Key;
using detail::KeyPtr;
using detail::Material;
using detail::Policy;

namespace {

constexpr std::chrono::seconds kLeastRotation = std::chrono::hours(1);
constexpr std::chrono::seconds kMostRotation = std::chrono::hours(24 * 366 * 100);

Status check_period(std::chrono::seconds period) {
  if (period.count() == 0 || (period >= kLeastRotation && period <= kMostRotation)) return {};
  if (period > kMostRotation) return fail(ErrorCode::BadInput, "auto rotate period must be at most a hundred years", "auto_rotate_period");
  return fail(ErrorCode::BadInput, "auto rotate period must be 0 to disable or at least an hour", "auto_rotate_period");
}

Status check_derivation(KeyType type, bool derived, bool convergent) {
  if (derived && !abilities_of(type).derives)
    return fail(ErrorCode::BadInput, "key derivation and convergent encryption not supported for key type " + std::string(name_of(type)),
                "derived");
  if (!convergent) return {};
  if (!derived) return fail(ErrorCode::BadInput, "convergent encryption requires derivation to be enabled", "convergent_encryption");
  if (abilities_of(type).encrypts) return {};
  return fail(ErrorCode::BadInput, "convergent encryption not supported for keys of type " + std::string(name_of(type)),
              "convergent_encryption");
}

Result<std::size_t> hmac_size_for(const CreateOptions& options) {
  if (options.type != KeyType::Hmac) {
    if (options.key_size == 0) return 0;
    return fail(ErrorCode::BadInput, "key_size is for keys of type hmac", "key_size");
  }
  if (options.key_size == 0) return detail::kHmacDefault;
  if (options.key_size >= detail::kHmacLeast && options.key_size <= detail::kHmacMost) return options.key_size;
  return fail(ErrorCode::BadInput, "invalid key size " + std::to_string(options.key_size) + " for type hmac: 32 to 512 bytes", "key_size");
}

Policy policy_for(const CreateOptions& options, std::size_t hmac_size) {
  Policy policy;
  policy.type = options.type;
  policy.derived = options.derived;
  policy.convergent = options.convergent;
  policy.exportable = options.exportable;
  policy.allow_plaintext_backup = options.allow_plaintext_backup;
  policy.auto_rotate = options.auto_rotate_period;
  policy.key_size = static_cast<std::uint32_t>(hmac_size);
  policy.latest = 0;
  return policy;
}

KeyReply reply_of(const KeyPtr& key) { return {info_of(*key), false, {}}; }

}  // namespace

Engine::Engine(Storage& storage, const Clock& clock, EngineOptions options) : m_core(std::make_shared<Core>(storage, clock, options)) {
  // A storage that does not answer yet will say so at the first call.
  if (const auto kept = settings(); kept && kept->cache_size != 0) m_core->cache.resize(kept->cache_size);
}
Engine::~Engine() { forget_all(); }

Result<KeyRef> Engine::get(std::string_view name) {
  POSTERN_TRY(KeyPtr key, m_core->find(name));
  return KeyRef(std::move(key), m_core);
}

Result<KeyInfo> Engine::info(std::string_view name) {
  POSTERN_TRY(const KeyPtr key, m_core->find(name));
  return info_of(*key);
}

Result<bool> Engine::exists(std::string_view name) {
  const auto found = m_core->find(name);
  if (found) return true;
  if (found.error().code == ErrorCode::NotFound) return false;
  return fail(found.error());
}

Result<std::vector<std::string>> Engine::list(const StoragePage& page) { return m_core->storage.list("keys/", page); }

Result<KeyReply> Engine::create(std::string_view name, const CreateOptions& options) {
  if (const auto known = m_core->find(name)) return reply_of(*known);
  POSTERN_CHECK(detail::check_name(name));
  POSTERN_CHECK(key_type_available(options.type));
  POSTERN_CHECK(check_derivation(options.type, options.derived, options.convergent));
  POSTERN_CHECK(check_period(options.auto_rotate_period));
  POSTERN_TRY(const std::size_t hmac_size, hmac_size_for(options));
  Key key;
  key.name = std::string(name);
  key.policy = policy_for(options, hmac_size);
  POSTERN_TRY(Material material, detail::make_material(options.type, hmac_size));  // before the lock: RSA takes its time
  POSTERN_CHECK(detail::append_version(key, std::move(material), m_core->clock.now()));
  const std::lock_guard lock(m_core->writer(name));
  const auto known = m_core->find_locked(name);
  if (known) return reply_of(*known);
  if (known.error().code != ErrorCode::NotFound) return fail(known.error());
  POSTERN_TRY(const KeyPtr made, m_core->add(std::move(key)));
  return KeyReply{info_of(*made), true, {}};
}

// Rotation ---------------------------------------------------------------------------------------------------------------------------

namespace {

Status check_rotates(const Key& key) {
  const Policy& p = key.policy;
  if (p.soft_deleted) return fail(ErrorCode::Denied, "the key is soft-deleted: restore it to use it", key.name);
  if (p.may_rotate()) return {};
  if (p.type == KeyType::OpenPgp) return fail(ErrorCode::BadInput, "openpgp keys are made elsewhere: import a version", key.name);
  return fail(ErrorCode::BadInput, "imported key " + key.name + " does not allow rotation within OpenBao/Vault: import a version");
}

}  // namespace

Result<KeyReply> Engine::rotate(std::string_view name) {
  POSTERN_TRY(const KeyPtr seen, m_core->find(name));
  POSTERN_CHECK(check_rotates(*seen));
  POSTERN_TRY(Material material, detail::make_material(seen->policy.type, seen->policy.key_size));
  const std::lock_guard lock(m_core->writer(name));
  POSTERN_TRY(const KeyPtr key, m_core->find_locked(name));
  POSTERN_CHECK(check_rotates(*key));
  if (key->policy.id != seen->policy.id) return fail(ErrorCode::Conflict, "the key was deleted and made again meanwhile", key->name);
  POSTERN_TRY(const KeyPtr after, add_rotated(*m_core, *key, std::move(material)));
  return reply_of(after);
}

// Configuration ----------------------------------------------------------------------------------------------------------------------

namespace {

std::string versions_text(std::int64_t wanted, std::string_view what, std::uint32_t latest) {
  return "cannot set min " + std::string(what) + " version of " + std::to_string(wanted) + ", latest key version is " +
         std::to_string(latest);
}

Status set_min_decryption(Policy& p, std::int64_t wanted, std::vector<std::string>& warnings) {
  if (wanted < 0) return fail(ErrorCode::BadInput, "min decryption version cannot be negative");
  if (wanted == 0) {
    wanted = 1;
    warnings.emplace_back("transit key numbering starts at 1; forcing minimum to 1");
  }
  if (wanted > p.latest) return fail(ErrorCode::BadInput, versions_text(wanted, "decryption", p.latest));
  p.min_decryption = static_cast<std::uint32_t>(wanted);
  return {};
}

Status set_min_encryption(Policy& p, std::int64_t wanted) {
  if (wanted < 0) return fail(ErrorCode::BadInput, "min encryption version cannot be negative");
  if (wanted > p.latest) return fail(ErrorCode::BadInput, versions_text(wanted, "encryption", p.latest));
  p.min_encryption = static_cast<std::uint32_t>(wanted);
  return {};
}

Status check_minima(const Policy& p) {
  if (p.min_encryption > 0 && p.min_encryption < p.min_decryption)
    return fail(ErrorCode::BadInput, "cannot set min encryption/decryption values; min encryption version of " +
                                         std::to_string(p.min_encryption) + " must be greater than or equal to min decryption version of " +
                                         std::to_string(p.min_decryption));
  if (p.min_available > p.min_decryption)
    return fail(ErrorCode::BadInput, "min decryption version should not be less then min available version");
  if (p.min_encryption > 0 && p.min_available > p.min_encryption)
    return fail(ErrorCode::BadInput, "min encryption version should not be less than min available version");
  return {};
}

Status set_limits(Policy& p, const UseLimits& limits) {
  const bool counts_nonces = detail::nonce_size_of(p.type) == kAeadNonce && !p.derived;
  if (counts_nonces && limits.encryptions > 1ULL << 32)
    return fail(ErrorCode::BadInput, "more than 2^32 encryptions with random 96-bit nonces are not safe (SP 800-38D 8.3)", "limits");
  p.limits = limits;
  return {};
}

std::uint16_t mask_of(const std::vector<KeyUse>& uses) {
  std::uint16_t mask = 0;
  for (const KeyUse use : uses) mask = static_cast<std::uint16_t>(mask | static_cast<std::uint16_t>(use));
  return mask;
}

Status set_flags(Policy& p, const KeySettings& s) {
  if (s.deletion_allowed) p.deletion_allowed = *s.deletion_allowed;
  p.exportable = p.exportable || s.exportable.value_or(false);
  p.allow_plaintext_backup = p.allow_plaintext_backup || s.allow_plaintext_backup.value_or(false);
  if (s.auto_rotate_period) {
    POSTERN_CHECK(check_period(*s.auto_rotate_period));
    p.auto_rotate = *s.auto_rotate_period;
  }
  return {};
}

Status set_own(Policy& p, const KeySettings& s) {
  if (s.max_versions && *s.max_versions > kVersionsMost)
    return fail(ErrorCode::BadInput, "at most 4096 versions can be kept live; 0 keeps all", "max_versions");
  if (s.max_versions) p.max_versions = *s.max_versions;
  if (s.expires && *s.expires < WallTime{}) return fail(ErrorCode::BadInput, "the time lies before 1970", "expires");
  if (s.expires) p.expires = *s.expires;
  if (s.allowed_uses) p.uses = mask_of(*s.allowed_uses);
  return s.limits ? set_limits(p, *s.limits) : Status();
}

Status apply_settings(Policy& p, const KeySettings& s, std::vector<std::string>& warnings) {
  const bool minima = s.min_decryption_version || s.min_encryption_version;
  if (s.min_decryption_version) POSTERN_CHECK(set_min_decryption(p, *s.min_decryption_version, warnings));
  if (s.min_encryption_version) POSTERN_CHECK(set_min_encryption(p, *s.min_encryption_version));
  POSTERN_CHECK(set_flags(p, s));
  POSTERN_CHECK(set_own(p, s));
  return minima ? check_minima(p) : Status();
}

Status check_trim(const Policy& p, std::int64_t wanted) {
  const auto bad = [](std::string what) -> Status { return fail(ErrorCode::BadInput, std::move(what), "min_available_version"); };
  if (wanted < 0) return bad("minimum available version cannot be negative");
  if (wanted < p.min_available) return bad("minimum available version cannot be decremented");
  if (p.min_encryption == 0) return bad("minimum available version cannot be set when minimum encryption version is not set");
  if (wanted > p.min_encryption) return bad("minimum available version cannot be greater than minmum encryption version");
  if (wanted > p.min_decryption) return bad("minimum available version cannot be greater than minimum decryption version");
  if (wanted == 0) return bad("minimum available version should be positive");
  return {};
}

}  // namespace

// A change of settings: the same steps for each of them.
template <class Change>
static Result<KeyReply> change(Core& core, std::string_view name, Change apply) {
  POSTERN_CHECK(detail::check_name(name));
  const std::lock_guard lock(core.writer(name));
  POSTERN_TRY(const KeyPtr key, core.find_locked(name));
  Key after = *key;
  KeyReply reply;
  POSTERN_CHECK(apply(after.policy, reply.warnings));
  POSTERN_TRY(const KeyPtr changed, core.replace(*key, std::move(after)));
  reply.info = info_of(*changed);
  return reply;
}

Result<KeyReply> Engine::configure(std::string_view name, const KeySettings& settings) {
  POSTERN_TRY(KeyReply reply, change(*m_core, name, [&](Policy& p, std::vector<std::string>& warnings) -> Status {
                return apply_settings(p, settings, warnings);
              }));
  // A block that was granted under another limit must not outlive it.
  if (const auto key = m_core->find(name); key && settings.limits) m_core->give_back(**key);
  return reply;
}

Result<KeyReply> Engine::trim(std::string_view name, std::int64_t min_available_version) {
  return change(*m_core, name, [&](Policy& p, std::vector<std::string>&) -> Status {
    POSTERN_CHECK(check_trim(p, min_available_version));
    p.min_available = static_cast<std::uint32_t>(min_available_version);
    return {};
  });
}

Result<KeyReply> Engine::soft_delete(std::string_view name) {
  return change(*m_core, name, [](Policy& p, std::vector<std::string>&) -> Status {
    p.soft_deleted = true;
    return {};
  });
}

Result<KeyReply> Engine::soft_delete_restore(std::string_view name) {
  return change(*m_core, name, [](Policy& p, std::vector<std::string>&) -> Status {
    p.soft_deleted = false;
    return {};
  });
}

Status Engine::remove(std::string_view name) {
  POSTERN_CHECK(detail::check_name(name));
  const std::lock_guard lock(m_core->writer(name));
  POSTERN_TRY(const KeyPtr key, m_core->find_locked(name));
  if (!key->policy.deletion_allowed)
    return fail(ErrorCode::BadInput, "error deleting policy " + key->name + ": deletion is not allowed for this key");
  return m_core->remove(*key);
}

}  // namespace postern::transit
