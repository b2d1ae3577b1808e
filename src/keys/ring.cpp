#include "keys/ring.hpp"

#include "base/log.hpp"
#include "keys/ring_state.hpp"

namespace postern {

using detail::Ciphertext;
using detail::Fresh;
using detail::info_of;
using detail::Key;
using detail::KeyPtr;
using detail::make_fresh;
using detail::make_material;
using detail::Material;
using detail::OpenPgpKey;
using detail::parse_ciphertext;
using detail::StoredKey;
using detail::StoredVersion;
using detail::Use;
using detail::Vault;
using detail::Version;
using detail::version_of;
using detail::VersionPtr;
using detail::WrappedOpenPgp;

// Opening ----------------------------------------------------------------------------------------------------------------------------

Ring::Ring(std::unique_ptr<State> state) : m_state(std::move(state)) {}
Ring::~Ring() = default;

Result<std::shared_ptr<Ring>> Ring::open(KeyStore& store, const RootKey& root, const Clock& clock, RingOptions options) {
  POSTERN_TRY(const Bytes blob, store.load_root());
  const bool fresh = blob.empty();
  auto vault = fresh ? Result<Vault>(Vault::generate()) : Vault::unlock(blob, root);
  if (!vault) return fail(std::move(vault).error());
  if (fresh) {
    POSTERN_TRY(const std::vector<KeyRecord> orphans, store.load());
    if (!orphans.empty()) return fail(ErrorCode::IntegrityFailed, "the key store has keys but no root blob: restore it from a backup");
    POSTERN_TRY(const Bytes locked, vault->lock(root));
    POSTERN_CHECK(store.save_root(locked));
  }
  std::shared_ptr<Ring> ring(new Ring(std::make_unique<State>(store, clock, options, *std::move(vault))));
  POSTERN_CHECK(ring->m_state->load_all());
  POSTERN_CHECK(ring->ensure(key_names::kMailStorage, KeyType::Aes256Gcm96));
  POSTERN_CHECK(ring->ensure(key_names::kDkim, KeyType::Ed25519));
  POSTERN_CHECK(ring->ensure(key_names::kApiHmac, KeyType::Hmac));
  POSTERN_CHECK(ring->ensure(key_names::kPgpEncryption, KeyType::Aes256Gcm96));
  return ring;
}

Status Ring::State::load_all() {
  POSTERN_TRY(const std::vector<KeyRecord> records, store.load());
  std::vector<std::shared_ptr<Key>> openpgp;
  for (const KeyRecord& record : records) {
    auto key = std::make_shared<Key>();
    POSTERN_TRY(key->stored, vault.decode(record));
    for (const StoredVersion& stored : key->stored.versions) {
      POSTERN_TRY(VersionPtr version, load_version(key->stored, stored));
      key->versions.push_back(std::move(version));
    }
    if (key->stored.type == KeyType::OpenPgp) openpgp.push_back(key);
    keys.emplace(key->stored.name, key);
  }
  // These need another key of the ring to be opened.
  for (const auto& key : openpgp) POSTERN_CHECK(attach_openpgp(*key));
  return {};
}

Result<VersionPtr> Ring::State::load_version(const StoredKey& key, const StoredVersion& stored) {
  POSTERN_TRY(const SecretBytes secret, vault.open_secret(key.name, key.type, stored.number, stored.sealed));
  POSTERN_TRY(Material material, make_material(key.type, secret));
  return std::make_shared<Version>(stored, std::move(material));
}

Status Ring::State::attach_openpgp(Key& key) {
  std::vector<SecretBytes> secrets;
  for (const VersionPtr& v : key.versions) {
    if (v->stored.number < key.stored.min_decryption_version) continue;
    POSTERN_TRY(SecretBytes secret,
                decrypt(key_names::kPgpEncryption, std::get<WrappedOpenPgp>(v->material).text, as_bytes(key.stored.name.get())));
    secrets.push_back(std::move(secret));
  }
  key.openpgp = std::make_shared<OpenPgpKey>(std::move(secrets));
  return {};
}

Status Ring::change_root_key(const RootKey& root) {
  const std::lock_guard lock(m_state->change);
  POSTERN_TRY(const Bytes blob, m_state->vault.lock(root));
  return m_state->store.save_root(blob);
}

// Changes ----------------------------------------------------------------------------------------------------------------------------

Result<Fresh> Ring::State::fresh_openpgp(const KeyName& name, std::string_view user_id) {
  POSTERN_TRY(const detail::OpenPgpMaterial made, detail::openpgp_generate(user_id, clock.now()));
  POSTERN_TRY(const std::string wrapped, encrypt(key_names::kPgpEncryption, made.secret.view(), as_bytes(name.get()), 0));
  return Fresh{SecretBytes::from_text(wrapped), made.certificate};
}

Result<Fresh> Ring::State::fresh_for(const KeyName& name, KeyType type, std::string_view user_id) {
  return type == KeyType::OpenPgp ? fresh_openpgp(name, user_id) : make_fresh(type);
}

Result<VersionPtr> Ring::State::seal_version(const StoredKey& key, std::uint32_t number, const Fresh& fresh) {
  StoredVersion stored{number, clock.now(), fresh.public_text, {}};
  POSTERN_TRY(stored.sealed, vault.seal_secret(key.name, key.type, number, fresh.secret.view()));
  POSTERN_TRY(Material material, make_material(key.type, fresh.secret));
  return std::make_shared<Version>(std::move(stored), std::move(material));
}

Result<KeyInfo> Ring::State::add(const KeyName& name, KeyType type, std::string_view user_id) {
  POSTERN_CHECK(parse_key_name(name.get()));
  const std::lock_guard lock(change);
  if (find(name)) return fail(ErrorCode::Conflict, "the key exists already", name.get());
  POSTERN_TRY(const Fresh fresh, fresh_for(name, type, user_id));
  auto key = std::make_shared<Key>();
  key->stored.name = name;
  key->stored.type = type;
  POSTERN_TRY(VersionPtr version, seal_version(key->stored, 1, fresh));
  key->stored.versions.push_back(version->stored);
  key->versions.push_back(std::move(version));
  if (type == KeyType::OpenPgp) POSTERN_CHECK(attach_openpgp(*key));
  POSTERN_CHECK(store.insert(vault.encode(key->stored)));
  put(key);
  log::info("keys.created", {{"key", name.get()}, {"type", name_of(type)}});
  return info_of(*key);
}

// The caller holds `change`. The store decides: memory follows only when it accepted.
Result<KeyInfo> Ring::State::replace(Key changed) {
  ++changed.stored.revision;
  if (changed.stored.type == KeyType::OpenPgp) POSTERN_CHECK(attach_openpgp(changed));
  POSTERN_CHECK(store.update(vault.encode(changed.stored)));
  auto key = std::make_shared<const Key>(std::move(changed));
  put(key);
  return info_of(*key);
}

Result<KeyInfo> Ring::create(const KeyName& name, KeyType type) {
  if (type == KeyType::OpenPgp) return fail(ErrorCode::Unsupported, "an OpenPGP key needs a user id: make it with openpgp_create", "type");
  return m_state->add(name, type, {});
}

Result<KeyInfo> Ring::openpgp_create(const KeyName& name, std::string_view user_id) {
  return m_state->add(name, KeyType::OpenPgp, user_id);
}

Result<KeyInfo> Ring::rotate(const KeyName& name) {
  State& s = *m_state;
  const std::lock_guard lock(s.change);
  POSTERN_TRY(const KeyPtr key, s.find(name));
  std::string user_id;
  if (key->stored.type == KeyType::OpenPgp) {
    POSTERN_TRY(user_id, detail::openpgp_user_id(key->versions.back()->stored.public_text));
  }
  POSTERN_TRY(const Fresh fresh, s.fresh_for(name, key->stored.type, user_id));
  POSTERN_TRY(VersionPtr version, s.seal_version(key->stored, key->latest() + 1, fresh));
  Key changed = *key;
  changed.stored.versions.push_back(version->stored);
  changed.versions.push_back(std::move(version));
  POSTERN_TRY(KeyInfo info, s.replace(std::move(changed)));
  if (name == key_names::kPgpEncryption) POSTERN_CHECK(s.rewrap_openpgp());
  log::info("keys.rotated", {{"key", name.get()}, {"version", info.latest}});
  return info;
}

// After a rotation of pgp_key_encryption: every OpenPGP secret moves under its latest version. Interrupted, the rest stays under the older
// one, which still opens it, and the next rotation takes it along.
Status Ring::State::rewrap_openpgp() {
  std::vector<KeyPtr> all;
  {
    const std::shared_lock lock(read);
    for (const auto& [name, key] : keys) {
      if (key->stored.type == KeyType::OpenPgp) all.push_back(key);
    }
  }
  for (const KeyPtr& key : all) POSTERN_CHECK(rewrap_openpgp(key));
  return {};
}

Status Ring::State::rewrap_openpgp(const KeyPtr& key) {
  const ByteView aad = as_bytes(key->stored.name.get());
  Key changed = *key;
  for (std::size_t i = 0; i < changed.versions.size(); ++i) {
    const StoredVersion& old = changed.versions[i]->stored;
    POSTERN_TRY(const SecretBytes secret,
                decrypt(key_names::kPgpEncryption, std::get<WrappedOpenPgp>(changed.versions[i]->material).text, aad));
    POSTERN_TRY(const std::string wrapped, encrypt(key_names::kPgpEncryption, secret.view(), aad, 0));
    POSTERN_TRY(VersionPtr moved, seal_version(changed.stored, old.number, Fresh{SecretBytes::from_text(wrapped), old.public_text}));
    moved->stored.created = old.created;
    moved->uses = changed.versions[i]->uses.load();
    changed.stored.versions[i] = moved->stored;
    changed.versions[i] = std::move(moved);
  }
  POSTERN_CHECK(replace(std::move(changed)));
  return {};
}

Status Ring::State::check_openpgp_wrapping(std::uint32_t min_decryption_version) {
  const std::shared_lock lock(read);
  for (const auto& [name, key] : keys) {
    for (const VersionPtr& v : key->versions) {
      const auto* wrapped = std::get_if<WrappedOpenPgp>(&v->material);
      if (wrapped == nullptr) continue;
      POSTERN_TRY(const Ciphertext parsed, parse_ciphertext(wrapped->text));
      if (parsed.version < min_decryption_version) {
        return fail(ErrorCode::Conflict, "OpenPGP keys are still wrapped by an older version: rotate this key once more first", name.get());
      }
    }
  }
  return {};
}

Result<KeyInfo> Ring::configure(const KeyName& name, const KeySettings& settings) {
  State& s = *m_state;
  const std::lock_guard lock(s.change);
  POSTERN_TRY(const KeyPtr key, s.find(name));
  Key changed = *key;
  StoredKey& stored = changed.stored;
  stored.min_decryption_version = settings.min_decryption_version.value_or(stored.min_decryption_version);
  stored.min_encryption_version = settings.min_encryption_version.value_or(stored.min_encryption_version);
  stored.deletion_allowed = settings.deletion_allowed.value_or(stored.deletion_allowed);
  if (stored.min_decryption_version < 1 || stored.min_decryption_version > key->latest()) {
    return fail(ErrorCode::BadInput, "must be from 1 to the latest version", "min_decryption_version");
  }
  const std::uint32_t least = stored.min_encryption_version;
  if (least != 0 && (least < stored.min_decryption_version || least > key->latest())) {
    return fail(ErrorCode::BadInput, "must be 0, or from min_decryption_version to the latest version", "min_encryption_version");
  }
  if (name == key_names::kPgpEncryption) POSTERN_CHECK(s.check_openpgp_wrapping(stored.min_decryption_version));
  return s.replace(std::move(changed));
}

Status Ring::remove(const KeyName& name) {
  State& s = *m_state;
  const std::lock_guard lock(s.change);
  POSTERN_TRY(const KeyPtr key, s.find(name));
  if (!key->stored.deletion_allowed) return fail(ErrorCode::Denied, "deletion is not allowed for this key", name.get());
  if (name == key_names::kPgpEncryption) POSTERN_CHECK(s.check_openpgp_wrapping(UINT32_MAX));
  POSTERN_CHECK(s.store.remove(name));
  const std::unique_lock guard(s.read);
  s.keys.erase(name);
  log::warn("keys.removed", {{"key", name.get()}});
  return {};
}

// Reading ----------------------------------------------------------------------------------------------------------------------------

Result<KeyInfo> Ring::describe(const KeyName& name) {
  POSTERN_TRY(const KeyPtr key, m_state->find(name));
  return info_of(*key);
}

Result<std::vector<KeyName>> Ring::list() {
  const std::shared_lock lock(m_state->read);
  std::vector<KeyName> names;
  for (const auto& [name, key] : m_state->keys) names.push_back(name);
  return names;
}

Result<PublicKey> Ring::public_key(const KeyName& name, std::uint32_t version) {
  POSTERN_TRY(const KeyPtr key, m_state->find(name));
  POSTERN_TRY(const VersionPtr v, version_of(*key, version, Use::Show));
  POSTERN_TRY(const PrivateKey* priv, material_of<PrivateKey>(*key, *v, "have a public key"));
  return priv->public_key();
}

}  // namespace postern
