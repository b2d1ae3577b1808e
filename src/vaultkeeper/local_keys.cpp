#include "vaultkeeper/local_keys.hpp"

#include <algorithm>

#include "base/cursor.hpp"
#include "base/log.hpp"
#include "crypto/random.hpp"
#include "vaultkeeper/key_text.hpp"

namespace postern::vaultkeeper {

namespace {

constexpr std::string_view kRootMagic = "PVK1";
constexpr std::string_view kRecordKey = "record key";
constexpr std::string_view kPrivateKey = "private key";
constexpr std::size_t kMostVersions = 100'000;

Bytes secret_aad(const KeyName& name, KeyType type, std::uint32_t version) {
  ByteWriter out;
  out.write_block(name.get()).write_block(name_of(type)).write_u32(version);
  return std::move(out).take();
}

Result<const StoredVersion*> version_of(const StoredKey& key, std::uint32_t number) {
  if (number == 0) return &key.versions.back();
  const auto found = std::ranges::find(key.versions, number, &StoredVersion::number);
  if (found == key.versions.end()) return fail(ErrorCode::NotFound, "the key has no version " + std::to_string(number), key.name.get());
  return &*found;
}

std::uint32_t wrapped_version(const StoredVersion& version) {
  const auto wrapped = read_wrapped_key(version.sealed);
  return wrapped ? wrapped->by.version : 0;
}

}  // namespace

LocalKeys::LocalKeys(KeyStore& store, DataKeys& wrapping, const Clock& clock, LocalKeyOptions options)
    : m_store(store), m_wrapping(wrapping), m_clock(clock), m_options(std::move(options)) {}
LocalKeys::~LocalKeys() = default;

// Opening ----------------------------------------------------------------------------------------------------------------------------

Status LocalKeys::save_root(ByteView kek) const {
  POSTERN_TRY(const Bytes wrapped, m_wrapping.seal_alone(key_names::kPgpEncryption, kRecordKey, {}, kek));
  Bytes blob = to_bytes(kRootMagic);
  append(blob, wrapped);
  return m_store.save_root(blob);
}

Status LocalKeys::begin() {
  POSTERN_TRY(const std::vector<KeyRecord> orphans, m_store.load());
  if (!orphans.empty()) return fail(ErrorCode::IntegrityFailed, "the key store has keys but no root blob: restore it from a backup");
  return save_root(random_key(32).view());
}

Status LocalKeys::check_root(ByteView blob) {
  if (blob.empty() || as_text(blob).starts_with(kRootMagic)) return {};
  return fail(
      ErrorCode::Conflict,
      "the database holds the keys of the embedded engine: mail sealed by them cannot be read through a Vault; deliver or export it "
      "first, then begin with a new data directory",
      "keys.backend");
}

Result<SecretBytes> LocalKeys::open_root(ByteView blob) const {
  POSTERN_CHECK(check_root(blob));
  auto kek = m_wrapping.open_alone(key_names::kPgpEncryption, kRecordKey, {}, blob.subspan(kRootMagic.size()));
  if (kek) return kek;
  const ErrorCode code = kek.error().code;
  if (code == ErrorCode::Unavailable) return kek;
  return fail(
      ErrorCode::IntegrityFailed,
      "the external Vault's key pgp_key_encryption does not open what it sealed for us: it is another Vault, mount or namespace, or the "
      "key was made anew; nothing was changed (" +
          kek.error().what + ")",
      "keys.vault");
}

Status LocalKeys::open() {
  const std::lock_guard lock(m_change);
  if (m_vault) return {};
  POSTERN_TRY(Bytes blob, m_store.load_root());
  if (blob.empty()) {
    POSTERN_CHECK(begin());
    POSTERN_TRY(blob, m_store.load_root());
  }
  POSTERN_TRY(SecretBytes kek, open_root(blob));
  POSTERN_TRY(RecordLock vault, RecordLock::over(std::move(kek)));
  POSTERN_TRY(const std::vector<KeyRecord> records, m_store.load());
  std::map<KeyName, StoredPtr> keys;
  for (const KeyRecord& record : records) {
    POSTERN_TRY(StoredKey key, vault.decode(record));
    keys.emplace(record.name, std::make_shared<const StoredKey>(std::move(key)));
  }
  POSTERN_TRY(const WrappedKey root, read_wrapped_key(ByteView(blob).subspan(kRootMagic.size())));
  const std::unique_lock guard(m_read);
  m_root_version = root.by.version;
  m_keys = std::move(keys);
  m_vault.emplace(std::move(vault));
  return {};
}

// Looking up -------------------------------------------------------------------------------------------------------------------------

bool LocalKeys::holds(const KeyName& name) const {
  const std::shared_lock lock(m_read);
  return m_keys.contains(name);
}

Result<LocalKeys::StoredPtr> LocalKeys::find(const KeyName& name) const {
  const std::shared_lock lock(m_read);
  const auto found = m_keys.find(name);
  if (found == m_keys.end()) return fail(ErrorCode::NotFound, "no such key", name.get());
  return found->second;
}

KeyInfo LocalKeys::info_of(const StoredKey& key) const {
  KeyInfo info;
  info.name = key.name;
  info.type = key.type;
  info.custody = "wrapped";
  info.latest = key.versions.back().number;
  info.min_decryption_version = key.min_decryption_version;
  info.min_encryption_version = key.min_encryption_version;
  info.deletion_allowed = key.deletion_allowed;
  const std::lock_guard lock(m_cache);
  for (const StoredVersion& v : key.versions) {
    const auto uses = m_uses.find({key.name, v.number});
    info.versions.push_back({v.number, v.created, v.public_text, uses == m_uses.end() ? 0 : uses->second});
  }
  return info;
}

Result<KeyInfo> LocalKeys::describe(const KeyName& name) const {
  POSTERN_TRY(const StoredPtr key, find(name));
  return info_of(*key);
}

std::vector<KeyName> LocalKeys::list() const {
  const std::shared_lock lock(m_read);
  std::vector<KeyName> out;
  for (const auto& [name, key] : m_keys) out.push_back(name);
  return out;
}

Result<PublicKey> LocalKeys::public_key(const KeyName& name, std::uint32_t version) const {
  POSTERN_TRY(const StoredPtr key, find(name));
  if (key->type == KeyType::OpenPgp) return fail(ErrorCode::Unsupported, "a key of type openpgp does not have a public key", name.get());
  POSTERN_TRY(const StoredVersion* stored, version_of(*key, version));
  return PublicKey::from_pem(stored->public_text);
}

Result<std::string> LocalKeys::certificate(const KeyName& name, std::uint32_t version) const {
  POSTERN_TRY(const StoredPtr key, find(name));
  if (key->type != KeyType::OpenPgp) return fail(ErrorCode::Unsupported, "not an OpenPGP key", name.get());
  POSTERN_TRY(const StoredVersion* stored, version_of(*key, version));
  return stored->public_text;
}

// Changes ----------------------------------------------------------------------------------------------------------------------------

Result<StoredVersion> LocalKeys::new_version(const StoredKey& key, std::uint32_t number, std::string_view user_id) const {
  StoredVersion out{number, m_clock.now(), {}, {}};
  SecretBytes secret;
  if (key.type == KeyType::OpenPgp) {
    POSTERN_TRY(detail::OpenPgpMaterial made, detail::openpgp_generate(user_id, m_clock.now()));
    secret = std::move(made.secret);
    out.public_text = std::move(made.certificate);
  } else {
    POSTERN_TRY(Fresh made, make_fresh(key.type));
    secret = std::move(made.secret);
    out.public_text = std::move(made.public_text);
  }
  POSTERN_TRY(out.sealed,
              m_wrapping.seal_alone(key_names::kPgpEncryption, kPrivateKey, secret_aad(key.name, key.type, number), secret.view()));
  return out;
}

Result<KeyInfo> LocalKeys::create(const KeyName& name, KeyType type, std::string_view user_id) {
  POSTERN_CHECK(parse_key_name(name.get()));
  const std::lock_guard lock(m_change);
  if (holds(name)) return fail(ErrorCode::Conflict, "the key exists already", name.get());
  StoredKey key;
  key.name = name;
  key.type = type;
  POSTERN_TRY(StoredVersion version, new_version(key, 1, user_id));
  key.versions.push_back(std::move(version));
  POSTERN_CHECK(m_store.insert(m_vault->encode(key)));
  log::info("keys.created", {{"key", name.get()}, {"type", name_of(type)}, {"custody", "wrapped"}});
  KeyInfo info = info_of(key);
  const std::unique_lock guard(m_read);
  m_keys.insert_or_assign(name, std::make_shared<const StoredKey>(std::move(key)));
  return info;
}

// The caller holds m_change. The store decides: memory follows only when it accepted.
Result<KeyInfo> LocalKeys::replace(StoredKey changed) {
  ++changed.revision;
  POSTERN_CHECK(m_store.update(m_vault->encode(changed)));
  KeyInfo info = info_of(changed);
  const KeyName name = changed.name;
  {
    const std::unique_lock guard(m_read);
    m_keys.insert_or_assign(name, std::make_shared<const StoredKey>(std::move(changed)));
  }
  forget(name);
  return info;
}

Result<KeyInfo> LocalKeys::rotate(const KeyName& name) {
  const std::lock_guard lock(m_change);
  POSTERN_TRY(const StoredPtr key, find(name));
  if (key->versions.size() >= kMostVersions) return fail(ErrorCode::Exhausted, "the key has as many versions as are kept", name.get());
  std::string user_id;
  if (key->type == KeyType::OpenPgp) {
    POSTERN_TRY(user_id, detail::openpgp_user_id(key->versions.back().public_text));
  }
  StoredKey changed = *key;
  POSTERN_TRY(StoredVersion version, new_version(*key, key->versions.back().number + 1, user_id));
  changed.versions.push_back(std::move(version));
  POSTERN_TRY(KeyInfo info, replace(std::move(changed)));
  log::info("keys.rotated", {{"key", name.get()}, {"version", info.latest}, {"custody", "wrapped"}});
  return info;
}

Result<KeyInfo> LocalKeys::configure(const KeyName& name, const KeySettings& settings) {
  const std::lock_guard lock(m_change);
  POSTERN_TRY(const StoredPtr key, find(name));
  StoredKey changed = *key;
  const std::uint32_t latest = key->versions.back().number;
  changed.min_decryption_version = settings.min_decryption_version.value_or(changed.min_decryption_version);
  changed.min_encryption_version = settings.min_encryption_version.value_or(changed.min_encryption_version);
  changed.deletion_allowed = settings.deletion_allowed.value_or(changed.deletion_allowed);
  if (changed.min_decryption_version < 1 || changed.min_decryption_version > latest)
    return fail(ErrorCode::BadInput, "must be from 1 to the latest version", "min_decryption_version");
  const std::uint32_t least = changed.min_encryption_version;
  if (least != 0 && (least < changed.min_decryption_version || least > latest))
    return fail(ErrorCode::BadInput, "must be 0, or from min_decryption_version to the latest version", "min_encryption_version");
  return replace(std::move(changed));
}

Status LocalKeys::remove(const KeyName& name) {
  const std::lock_guard lock(m_change);
  POSTERN_TRY(const StoredPtr key, find(name));
  if (!key->deletion_allowed) return fail(ErrorCode::Denied, "deletion is not allowed for this key", name.get());
  POSTERN_CHECK(m_store.remove(name));
  {
    const std::unique_lock guard(m_read);
    m_keys.erase(name);
  }
  forget(name);
  log::warn("keys.removed", {{"key", name.get()}, {"custody", "wrapped"}});
  return {};
}

// Under a later version of the wrapping key --------------------------------------------------------------------------------------------

Status LocalKeys::rewrap_key(const StoredPtr& key, std::uint32_t latest) {
  StoredKey changed = *key;
  bool any = false;
  for (StoredVersion& version : changed.versions) {
    if (wrapped_version(version) >= latest) continue;
    POSTERN_TRY(const SecretBytes secret, open_version(changed, version));
    POSTERN_TRY(version.sealed, m_wrapping.seal_alone(key_names::kPgpEncryption, kPrivateKey,
                                                      secret_aad(changed.name, changed.type, version.number), secret.view()));
    any = true;
  }
  if (any) POSTERN_CHECK(replace(std::move(changed)));
  return {};
}

Status LocalKeys::rewrap(std::uint32_t latest) {
  const std::lock_guard lock(m_change);
  if (m_root_version < latest) {
    POSTERN_TRY(const Bytes blob, m_store.load_root());
    POSTERN_TRY(const SecretBytes kek, open_root(blob));
    POSTERN_CHECK(save_root(kek.view()));
    const std::unique_lock guard(m_read);
    m_root_version = latest;
  }
  for (const KeyName& name : list()) {
    POSTERN_TRY(const StoredPtr key, find(name));
    POSTERN_CHECK(rewrap_key(key, latest));
  }
  return {};
}

Status LocalKeys::check_wrapping(std::uint32_t min_decryption_version) const {
  const std::shared_lock lock(m_read);
  bool older = m_root_version < min_decryption_version;
  for (const auto& [name, key] : m_keys)
    older = older || std::ranges::any_of(key->versions, [&](const auto& v) { return wrapped_version(v) < min_decryption_version; });
  if (!older) return {};
  return fail(ErrorCode::Conflict, "private keys are still sealed under an older version: rotate this key once more first",
              key_names::kPgpEncryption.get());
}

// Opening keys -----------------------------------------------------------------------------------------------------------------------

Result<SecretBytes> LocalKeys::open_version(const StoredKey& key, const StoredVersion& version) const {
  auto secret =
      m_wrapping.open_alone(key_names::kPgpEncryption, kPrivateKey, secret_aad(key.name, key.type, version.number), version.sealed);
  if (secret || secret.error().code != ErrorCode::Denied) return secret;
  // Not the version of this key that its own minima forbid, but that of the key above it: for the operator to mend, and mail waits.
  return fail(ErrorCode::Unavailable,
              "min_decryption_version of pgp_key_encryption is above what seals this key: lower it over there, rotate "
              "pgp_key_encryption here, then raise it",
              key.name.get());
}

Result<LocalKeys::Material> LocalKeys::open_material(const StoredKey& key, std::uint32_t version) const {
  if (key.type != KeyType::OpenPgp) {
    POSTERN_TRY(const StoredVersion* stored, version_of(key, version));
    POSTERN_TRY(const SecretBytes secret, open_version(key, *stored));
    POSTERN_TRY(PrivateKey priv, PrivateKey::from_der(secret.view()));
    return Material(std::make_shared<const PrivateKey>(std::move(priv)));
  }
  std::vector<SecretBytes> secrets;
  for (const StoredVersion& stored : key.versions) {
    if (stored.number < key.min_decryption_version) continue;
    POSTERN_TRY(SecretBytes secret, open_version(key, stored));
    secrets.push_back(std::move(secret));
  }
  return Material(std::make_shared<detail::OpenPgpKey>(std::move(secrets)));
}

/// One caller opens, others of the same key wait for it.
Result<LocalKeys::Material> LocalKeys::material(const StoredPtr& key, std::uint32_t version) {
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(m_cache);
    auto& place = m_open[{key->name, version}];
    if (!place) place = std::make_shared<Entry>();
    entry = place;
  }
  const std::lock_guard lock(entry->mutex);
  const SteadyTime now = m_clock.steady();
  entry->used = true;
  const bool there = !std::holds_alternative<std::monostate>(entry->material);
  if (there && now < entry->until) return entry->material;
  auto opened = open_material(*key, version);
  if (opened) {
    const auto latest = find(key->name);
    const bool stale = !latest || *latest != key;  // changed meanwhile: good for this call, not for the next
    entry->material = *opened;
    entry->born = now;
    entry->until = stale ? now : now + m_options.life;
    return opened;
  }
  const bool away = opened.error().code == ErrorCode::Unavailable;
  if (there && away && m_options.resident.contains(key->name)) return entry->material;
  entry->material = std::monostate();
  return opened;
}

void LocalKeys::count(const KeyName& name, std::uint32_t version) {
  const std::lock_guard lock(m_cache);
  ++m_uses[{name, version}];
}

Result<std::shared_ptr<const PrivateKey>> LocalKeys::key(const KeyName& name, std::uint32_t version, Use use) {
  POSTERN_TRY(const StoredPtr stored, find(name));
  if (stored->type == KeyType::OpenPgp) return fail(ErrorCode::Unsupported, "an OpenPGP key is used by the OpenPGP calls only", name.get());
  POSTERN_TRY(const StoredVersion* v, version_of(*stored, version));
  const std::uint32_t least = use == Use::Open ? stored->min_decryption_version : stored->min_encryption_version;
  if (v->number < least) return fail(ErrorCode::Denied, "the version of the key is disallowed by policy (too old)", name.get());
  POSTERN_TRY(const Material found, material(stored, v->number));
  if (use == Use::Protect) count(name, v->number);
  return std::get<std::shared_ptr<const PrivateKey>>(found);
}

Result<std::string> LocalKeys::encrypt(const KeyName& name, std::uint32_t version, ByteView plaintext, ByteView aad) {
  if (!aad.empty()) return fail(ErrorCode::Unsupported, "RSA keys take no associated data", name.get());
  POSTERN_TRY(const StoredPtr stored, find(name));
  POSTERN_TRY(const StoredVersion* v, version_of(*stored, version));
  if (v->number < stored->min_encryption_version)
    return fail(ErrorCode::Denied, "the version of the key is disallowed by policy (too old)", name.get());
  POSTERN_TRY(const PublicKey pub, public_key(name, v->number));
  POSTERN_TRY(const Bytes sealed, pub.encrypt_oaep({}, plaintext));
  count(name, v->number);
  return ciphertext_text(v->number, sealed);
}

Result<SecretBytes> LocalKeys::decrypt(const KeyName& name, std::string_view ciphertext, ByteView aad) {
  if (!aad.empty()) return fail(ErrorCode::Unsupported, "RSA keys take no associated data", name.get());
  POSTERN_TRY(const Ciphertext parsed, parse_ciphertext(ciphertext));
  POSTERN_TRY(const auto priv, key(name, parsed.version, Use::Open));
  return priv->decrypt_oaep({}, parsed.bytes);
}

Result<LocalKeys::PgpPtr> LocalKeys::openpgp(const KeyName& name) {
  POSTERN_TRY(const StoredPtr stored, find(name));
  if (stored->type != KeyType::OpenPgp) return fail(ErrorCode::Unsupported, "not an OpenPGP key", name.get());
  POSTERN_TRY(const Material found, material(stored, 0));
  return std::get<PgpPtr>(found);
}

// Time -------------------------------------------------------------------------------------------------------------------------------

void LocalKeys::forget(const KeyName& name) {
  const std::lock_guard lock(m_cache);
  std::erase_if(m_open, [&](const auto& entry) { return entry.first.first == name; });
}

/// In the last quarter of its life, a key that was used since it was opened is opened again; one that was not goes.
void LocalKeys::refresh(const Place& place, const std::shared_ptr<Entry>& entry) {
  const auto stored = find(place.first);
  const std::unique_lock lock(entry->mutex, std::try_to_lock);
  if (!lock || !stored || std::holds_alternative<std::monostate>(entry->material)) return;
  const SteadyTime now = m_clock.steady();
  const bool resident = m_options.resident.contains(place.first);
  if (now < entry->born + m_options.life * 3 / 4) return;
  auto opened = entry->used || resident ? open_material(**stored, place.second) : Result<Material>(fail(ErrorCode::NotFound, "not in use"));
  if (opened) {
    entry->material = *std::move(opened);
    entry->born = now;
    entry->until = now + m_options.life;
    entry->used = false;
  } else if (!(resident && opened.error().code == ErrorCode::Unavailable) && now >= entry->until) {
    entry->material = std::monostate();
  }
}

void LocalKeys::tend() {
  std::map<Place, std::shared_ptr<Entry>> open;
  {
    const std::lock_guard lock(m_cache);
    open = m_open;
  }
  for (const auto& [place, entry] : open) refresh(place, entry);
  const std::lock_guard lock(m_cache);
  std::erase_if(m_open, [](const auto& item) {
    const std::unique_lock lock(item.second->mutex, std::try_to_lock);
    return lock && std::holds_alternative<std::monostate>(item.second->material);
  });
}

std::size_t LocalKeys::cached() const {
  const std::lock_guard lock(m_cache);
  return m_open.size();
}

}  // namespace postern::vaultkeeper
