// Keys from outside.
#include "crypto/kdf.hpp"
#include "crypto/random.hpp"
#include "transit/byok.hpp"
#include "transit/use.hpp"

namespace postern::transit {

using detail::Core;
using detail::Key;
using detail::KeyPtr;
using detail::Material;
using detail::Policy;
using detail::Version;

namespace {

constexpr std::string_view kWrappingPath = "wrapping-key";

Result<PrivateKey> stored_wrapping_key(Core& core) {
  const std::lock_guard lock(core.wrapping_mutex);
  POSTERN_TRY(const auto stored, core.storage.get(kWrappingPath));
  if (stored) return PrivateKey::from_der(stored->view());
  POSTERN_TRY(PrivateKey made, PrivateKey::generate(KeyKind::Rsa, 4096));
  POSTERN_TRY(SecretBytes der, made.to_pkcs8());
  POSTERN_CHECK(core.storage.put(std::string(kWrappingPath), std::move(der)));
  return made;
}

Status check_one_source(const ImportSource& source) {
  const int given =
      static_cast<int>(!source.byok.empty()) + static_cast<int>(!source.public_key.empty()) + static_cast<int>(source.plain != nullptr);
  if (given == 1) return {};
  return fail(ErrorCode::BadInput,
              given == 0 ? "ciphertext or public_key must be provided" : "only one of ciphertext and public_key can be set", "ciphertext");
}

Result<Material> material_from(Core& core, KeyType type, const ImportSource& source) {
  POSTERN_CHECK(check_one_source(source));
  if (!source.public_key.empty()) return detail::material_from_public(type, source.public_key);
  if (source.plain != nullptr) return detail::material_from_secret(type, source.plain->view(), source.openpgp_public);
  if (type == KeyType::OpenPgp) return fail(ErrorCode::Unsupported, "openpgp keys are imported by the mail system only", "type");
  POSTERN_TRY(const PrivateKey wrapping, stored_wrapping_key(core));
  POSTERN_TRY(const SecretBytes secret, detail::open_byok(wrapping, source.byok_hash, source.byok));
  return detail::material_from_secret(type, secret.view());
}

Status check_import(const ImportOptions& options, const ImportSource& source) {
  POSTERN_CHECK(key_type_available(options.type));
  if (options.derived && !abilities_of(options.type).derives)
    return fail(ErrorCode::BadInput, "key derivation not supported for key type " + std::string(name_of(options.type)), "derived");
  if (options.derived && !source.public_key.empty()) return fail(ErrorCode::BadInput, "a public key cannot be derived from", "derived");
  if (options.auto_rotate_period.count() == 0) return {};
  if (!options.allow_rotation)
    return fail(ErrorCode::BadInput, "allow_rotation must be set to true if auto-rotation is enabled", "auto_rotate_period");
  if (options.auto_rotate_period >= std::chrono::hours(1)) return {};
  return fail(ErrorCode::BadInput, "auto rotate period must be 0 to disable or at least an hour", "auto_rotate_period");
}

Policy policy_for(const ImportOptions& options, const Material& material) {
  Policy p;
  p.type = options.type;
  p.derived = options.derived;
  p.exportable = options.exportable;
  p.allow_plaintext_backup = options.allow_plaintext_backup;
  p.imported = true;
  p.imported_allow_rotation = options.allow_rotation && options.type != KeyType::OpenPgp;
  p.auto_rotate = options.auto_rotate_period;
  p.key_size = options.type == KeyType::Hmac ? static_cast<std::uint32_t>(material.secret.size()) : 0;
  p.latest = 0;
  return p;
}

Key new_key(std::string_view name, const ImportOptions& options, const Material& material) {
  Key key;
  key.name = std::string(name);
  key.policy = policy_for(options, material);
  return key;
}

// The same version, its uses included, of other material.
std::shared_ptr<Version> with_material(const Version& version, Material material) {
  auto out = std::make_shared<Version>();
  out->number = version.number;
  out->created = version.created;
  out->material = std::move(material);
  out->mac_key = version.mac_key.clone();
  out->certificate_chain = version.certificate_chain;
  for (const detail::Counted what : detail::kCounted) out->counter(what).begin_at(version.counter(what).used());
  return out;
}

// A private key for a version of which only the public half is here: the same version with the key.
Status complete_version(Key& key, std::uint32_t number, Material material) {
  for (detail::VersionPtr& version : key.versions) {
    if (version->number != number) continue;
    if (!version->material.secret.empty()) return fail(ErrorCode::BadInput, "key version has its private key already", "version");
    if (material.secret.empty() || material.public_part != version->material.public_part)
      return fail(ErrorCode::BadInput, "the private key does not belong to the public key of that version", "ciphertext");
    auto whole = with_material(*version, std::move(material));
    whole->mac_key = random_key(detail::kMacKey);
    version = std::move(whole);
    return {};
  }
  return fail(ErrorCode::BadInput, "the key has no such version", "version");
}

Result<KeyReply> add_new(Core& core, Key key) {
  const std::lock_guard lock(core.writer(key.name));
  const auto known = core.find_locked(key.name);
  if (known)
    return fail(ErrorCode::Conflict,
                "the import path cannot be used with an existing key; use import_version to rotate an existing imported key");
  if (known.error().code != ErrorCode::NotFound) return fail(known.error());
  POSTERN_TRY(const KeyPtr made, core.add(std::move(key)));
  return KeyReply{info_of(*made), true, {}};
}

}  // namespace

Result<std::string> Engine::wrapping_key() {
  POSTERN_TRY(const PrivateKey key, stored_wrapping_key(*m_core));
  return key.public_key().to_pem();
}

Result<KeyReply> Engine::import_key(std::string_view name, const ImportSource& source, const ImportOptions& options) {
  POSTERN_CHECK(detail::check_name(name));
  POSTERN_CHECK(check_import(options, source));
  POSTERN_TRY(Material material, material_from(*m_core, options.type, source));
  Key key = new_key(name, options, material);
  POSTERN_CHECK(detail::append_version(key, std::move(material), m_core->clock.now()));
  return add_new(*m_core, std::move(key));
}

Result<KeyReply> Engine::import_version(std::string_view name, const ImportSource& source, std::uint32_t version) {
  POSTERN_TRY(const KeyPtr seen, m_core->find(name));
  if (!seen->policy.imported) return fail(ErrorCode::BadInput, "the import_version endpoint can only be used with an imported key");
  if (seen->policy.derived && !source.public_key.empty()) return fail(ErrorCode::BadInput, "a public key cannot be derived from");
  POSTERN_TRY(Material material, material_from(*m_core, seen->policy.type, source));
  const std::lock_guard lock(m_core->writer(name));
  POSTERN_TRY(const KeyPtr key, m_core->find_locked(name));
  if (key->policy.id != seen->policy.id) return fail(ErrorCode::Conflict, "the key was deleted and made again meanwhile", key->name);
  KeyPtr changed;
  if (version == 0) {
    POSTERN_TRY(changed, add_rotated(*m_core, *key, std::move(material)));
  } else {
    Key after = *key;
    POSTERN_CHECK(complete_version(after, version, std::move(material)));
    POSTERN_TRY(changed, m_core->replace(*key, std::move(after)));
  }
  return KeyReply{info_of(*changed), false, {}};
}

Result<KeyReply> Engine::replace_openpgp(std::string_view name, std::uint32_t version, const SecretBytes& secret) {
  const std::lock_guard lock(m_core->writer(name));
  POSTERN_TRY(const KeyPtr key, m_core->find_locked(name));
  if (key->policy.type != KeyType::OpenPgp) return fail(ErrorCode::Unsupported, "not an OpenPGP key", key->name);
  const Version* old = key->find(version);
  if (old == nullptr) return fail(ErrorCode::NotFound, "the key has no version " + std::to_string(version), key->name);
  POSTERN_TRY(Material material,
              detail::material_from_secret(KeyType::OpenPgp, secret.view(), as_text(ByteView(old->material.public_part))));
  Key after = *key;
  auto moved = with_material(*old, std::move(material));
  after.versions[version - after.versions.front()->number] = std::move(moved);
  POSTERN_TRY(const KeyPtr changed, m_core->replace(*key, std::move(after)));
  return KeyReply{info_of(*changed), false, {}};
}

// derive_key -------------------------------------------------------------------------------------------------------------------------

namespace {

std::size_t derived_size(KeyType type) {
  if (const auto aead = detail::aead_of(type)) return aead_key_size(*aead);
  return type == KeyType::Hmac ? detail::kMacKey : 0;
}

}  // namespace

Result<KeyReply> Engine::derive_key(std::string_view name, std::string_view base, std::uint32_t base_version, std::string_view peer_pem,
                                    const CreateOptions& options) {
  POSTERN_CHECK(detail::check_name(name));
  const std::size_t size = derived_size(options.type);
  if (size == 0)
    return fail(ErrorCode::BadInput, "only symmetric keys can be derived: " + std::string(name_of(options.type)), "derived_key_type");
  POSTERN_TRY(const KeyRef base_key, get(base));
  POSTERN_TRY(const PublicKey peer, PublicKey::from_pem(peer_pem));
  POSTERN_TRY(const SecretBytes shared, base_key.agree(base_version, peer));
  POSTERN_TRY(SecretBytes secret, hkdf(HashAlgorithm::Sha256, shared.view(), {}, {}, size));
  const ImportOptions as_imported{.type = options.type,
                                  .derived = options.derived,
                                  .exportable = options.exportable,
                                  .allow_plaintext_backup = options.allow_plaintext_backup};
  POSTERN_CHECK(check_import(as_imported, {}));
  POSTERN_TRY(Material material, detail::material_from_secret(options.type, secret.view()));
  Key key = new_key(name, as_imported, material);
  POSTERN_CHECK(detail::append_version(key, std::move(material), m_core->clock.now()));
  return add_new(*m_core, std::move(key));
}

}  // namespace postern::transit
