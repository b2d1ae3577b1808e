#include "keys/ring.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <variant>

#include "base/cursor.hpp"
#include "base/log.hpp"
#include "crypto/aead.hpp"
#include "crypto/hmac.hpp"
#include "crypto/random.hpp"
#include "keys/openpgp_key.hpp"
#include "keys/vault.hpp"

namespace postern {
namespace {

using detail::OpenPgpKey;
using detail::StoredKey;
using detail::StoredVersion;
using detail::Vault;

constexpr std::size_t kSymmetricKey = 32;
constexpr std::size_t kHmacKey = 64;
constexpr std::size_t kDataKey = 32;
constexpr Byte kWrappedFormat = 1;
constexpr std::string_view kCiphertextPrefix = "vault:v";

// An OpenPGP secret as it is stored: the "vault:vN:" text under pgp_key_encryption.
struct WrappedOpenPgp {
  std::string text;
};
using Material = std::variant<Aead, PrivateKey, SecretBytes, WrappedOpenPgp>;

// One version, ready for use; shared and never changed, but for its counter.
struct Version {
  Version(StoredVersion s, Material m) : stored(std::move(s)), material(std::move(m)) {}
  StoredVersion stored;
  Material material;
  std::atomic<std::uint64_t> uses{0};
};
using VersionPtr = std::shared_ptr<Version>;

// One key at one revision; readers hold it while they work, a change makes another.
struct Key {
  StoredKey stored;
  std::vector<VersionPtr> versions;     // as stored.versions
  std::shared_ptr<OpenPgpKey> openpgp;  // type OpenPgp only

  [[nodiscard]] std::uint32_t latest() const { return versions.back()->stored.number; }
};
using KeyPtr = std::shared_ptr<const Key>;

enum class Use { Protect, Open, Show };  // encrypt and sign; decrypt and verify; read the public part

KeyKind kind_of(KeyType type) {
  switch (type) {
    case KeyType::Ed25519: return KeyKind::Ed25519;
    case KeyType::X25519: return KeyKind::X25519;
    case KeyType::EcdsaP256: return KeyKind::EcP256;
    case KeyType::EcdsaP384: return KeyKind::EcP384;
    case KeyType::EcdsaP521: return KeyKind::EcP521;
    default: return KeyKind::Rsa;
  }
}

int rsa_bits(KeyType type) { return type == KeyType::Rsa4096 ? 4096 : type == KeyType::Rsa3072 ? 3072 : 2048; }

std::optional<AeadAlgorithm> aead_of(KeyType type) {
  if (type == KeyType::Aes256Gcm96) return AeadAlgorithm::Aes256Gcm;
  if (type == KeyType::ChaCha20Poly1305) return AeadAlgorithm::ChaCha20Poly1305;
  return std::nullopt;
}

// What a new version is made of: the secret to seal, and the public part to show.
struct Fresh {
  SecretBytes secret;
  std::string public_text;
};

Result<Fresh> make_fresh(KeyType type) {
  if (is_symmetric(type)) return Fresh{random_key(type == KeyType::Hmac ? kHmacKey : kSymmetricKey), {}};
  POSTERN_TRY(const PrivateKey key, PrivateKey::generate(kind_of(type), rsa_bits(type)));
  POSTERN_TRY(SecretBytes secret, key.to_pkcs8());
  return Fresh{std::move(secret), key.public_key().to_pem()};
}

Result<Material> make_material(KeyType type, const SecretBytes& secret) {
  if (type == KeyType::OpenPgp) return Material(WrappedOpenPgp{std::string(as_text(secret.view()))});
  if (type == KeyType::Hmac) return Material(secret.clone());
  if (const auto algorithm = aead_of(type)) {
    POSTERN_TRY(Aead aead, Aead::create(*algorithm, secret.view()));
    return Material(std::move(aead));
  }
  POSTERN_TRY(PrivateKey key, PrivateKey::from_der(secret.view()));
  return Material(std::move(key));
}

Result<VersionPtr> version_of(const Key& key, std::uint32_t number, Use use) {
  if (number == 0) number = key.latest();
  const auto found = std::ranges::find_if(key.versions, [number](const VersionPtr& v) { return v->stored.number == number; });
  if (found == key.versions.end())
    return fail(ErrorCode::NotFound, "the key has no version " + std::to_string(number), key.stored.name.get());
  const bool refused = (use == Use::Open && number < key.stored.min_decryption_version) ||
                       (use == Use::Protect && number < key.stored.min_encryption_version);
  if (refused) return fail(ErrorCode::Denied, "the version of the key is disallowed by policy (too old)", key.stored.name.get());
  return *found;
}

template <class T>
Result<const T*> material_of(const Key& key, const Version& version, std::string_view what) {
  if (const T* material = std::get_if<T>(&version.material)) return material;
  return fail(ErrorCode::Unsupported, "a key of type " + std::string(name_of(key.stored.type)) + " does not " + std::string(what),
              key.stored.name.get());
}

KeyInfo info_of(const Key& key) {
  KeyInfo info;
  info.name = key.stored.name;
  info.type = key.stored.type;
  info.latest = key.latest();
  info.min_decryption_version = key.stored.min_decryption_version;
  info.min_encryption_version = key.stored.min_encryption_version;
  info.deletion_allowed = key.stored.deletion_allowed;
  for (const VersionPtr& v : key.versions)
    info.versions.push_back({v->stored.number, v->stored.created, v->stored.public_text, v->uses.load()});
  return info;
}

struct Ciphertext {
  std::uint32_t version = 0;
  Bytes bytes;
};

// "vault:vN:BASE64". Version 0 reads as 1, as Vault does.
Result<Ciphertext> parse_ciphertext(std::string_view text) {
  if (!text.starts_with(kCiphertextPrefix)) return fail(ErrorCode::BadInput, "invalid ciphertext: no prefix", "ciphertext");
  text.remove_prefix(kCiphertextPrefix.size());
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return fail(ErrorCode::BadInput, "invalid ciphertext: wrong number of fields", "ciphertext");
  Ciphertext out;
  const auto [end, error] = std::from_chars(text.data(), text.data() + colon, out.version);
  if (error != std::errc() || end != text.data() + colon) {
    return fail(ErrorCode::BadInput, "invalid ciphertext: version number could not be decoded", "ciphertext");
  }
  out.version = std::max(out.version, 1U);
  auto bytes = base64_decode(text.substr(colon + 1));
  if (!bytes) return fail(ErrorCode::BadInput, "invalid ciphertext: could not decode base64", "ciphertext");
  out.bytes = *std::move(bytes);
  return out;
}

std::string ciphertext_text(std::uint32_t version, ByteView bytes) {
  return std::string(kCiphertextPrefix) + std::to_string(version) + ":" + base64_encode(bytes);
}

// Data keys have associated data of their own, so that neither a data key passes for a ciphertext nor the reverse.
Bytes data_key_aad(ByteView aad) {
  Bytes out = to_bytes(std::string_view("postern data key\0", 17));
  append(out, aad);
  return out;
}

}  // namespace

struct Ring::State {
  State(KeyStore& s, const Clock& c, RingOptions o, Vault v) : store(s), clock(c), options(o), vault(std::move(v)) {}

  KeyStore& store;
  const Clock& clock;
  const RingOptions options;
  const Vault vault;
  std::mutex change;       // one change at a time: store first, then memory
  std::shared_mutex read;  // guards `keys` for the moment of a look-up
  std::map<KeyName, KeyPtr> keys;

  Result<KeyPtr> find(const KeyName& name) {
    const std::shared_lock lock(read);
    const auto found = keys.find(name);
    if (found == keys.end()) return fail(ErrorCode::NotFound, "no such key", name.get());
    return found->second;
  }

  void put(KeyPtr key) {
    const std::unique_lock lock(read);
    const KeyName name = key->stored.name;
    keys.insert_or_assign(name, std::move(key));
  }

  Status load_all();
  Result<VersionPtr> load_version(const StoredKey& key, const StoredVersion& stored);
  Status attach_openpgp(Key& key);
  Result<VersionPtr> seal_version(const StoredKey& key, std::uint32_t number, const Fresh& fresh);
  Result<Fresh> fresh_for(const KeyName& name, KeyType type, std::string_view user_id);
  Result<Fresh> fresh_openpgp(const KeyName& name, std::string_view user_id);
  Result<KeyInfo> add(const KeyName& name, KeyType type, std::string_view user_id);
  Result<KeyInfo> replace(Key changed);
  Status rewrap_openpgp();
  Status rewrap_openpgp(const KeyPtr& key);
  Status check_openpgp_wrapping(std::uint32_t min_decryption_version);
  Status count(const Key& key, Version& version) const;

  Result<Bytes> seal(const Key& key, Version& version, ByteView aad, ByteView plaintext);
  Result<Bytes> wrap(const Key& key, ByteView data_key, ByteView aad);
  Result<std::string> encrypt(const KeyName& name, ByteView plaintext, ByteView aad, std::uint32_t version);
  Result<SecretBytes> decrypt(const KeyName& name, std::string_view text, ByteView aad);
  Result<std::pair<KeyPtr, VersionPtr>> private_key(const KeyName& name, std::uint32_t version, Use use);
};

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

// Use --------------------------------------------------------------------------------------------------------------------------------

// Counts a use; symmetric keys with random nonces have a limit (SP 800-38D 8.3).
Status Ring::State::count(const Key& key, Version& version) const {
  const std::uint64_t before = version.uses.fetch_add(1, std::memory_order_relaxed);
  if (before >= options.max_encryptions && aead_of(key.stored.type)) {
    return fail(ErrorCode::Exhausted, "this version of the key has encrypted as often as is safe: rotate the key", key.stored.name.get());
  }
  return {};
}

Result<std::pair<KeyPtr, VersionPtr>> Ring::State::private_key(const KeyName& name, std::uint32_t version, Use use) {
  POSTERN_TRY(KeyPtr key, find(name));
  POSTERN_TRY(VersionPtr v, version_of(*key, version, use));
  return std::pair(std::move(key), std::move(v));
}

Result<Bytes> Ring::sign(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data) {
  POSTERN_TRY(const auto found, m_state->private_key(name, version, Use::Protect));
  POSTERN_TRY(const PrivateKey* key, material_of<PrivateKey>(*found.first, *found.second, "sign"));
  POSTERN_CHECK(m_state->count(*found.first, *found.second));
  return key->sign(algorithm, data);
}

Status Ring::verify(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data, ByteView signature) {
  POSTERN_TRY(const auto found, m_state->private_key(name, version, Use::Open));
  POSTERN_TRY(const PrivateKey* key, material_of<PrivateKey>(*found.first, *found.second, "verify"));
  return key->public_key().verify(algorithm, data, signature);
}

Result<Bytes> Ring::mac(const KeyName& name, std::uint32_t version, HashAlgorithm algorithm, ByteView data) {
  POSTERN_TRY(const auto found, m_state->private_key(name, version, Use::Protect));
  POSTERN_TRY(const SecretBytes* key, material_of<SecretBytes>(*found.first, *found.second, "make MACs"));
  POSTERN_CHECK(m_state->count(*found.first, *found.second));
  return hmac(algorithm, key->view(), data);
}

Result<Bytes> Ring::State::seal(const Key& key, Version& version, ByteView aad, ByteView plaintext) {
  if (const auto* rsa = std::get_if<PrivateKey>(&version.material); rsa != nullptr && rsa->kind() == KeyKind::Rsa) {
    if (!aad.empty()) return fail(ErrorCode::Unsupported, "RSA keys take no associated data", key.stored.name.get());
    POSTERN_CHECK(count(key, version));
    return rsa->public_key().encrypt_oaep({}, plaintext);
  }
  POSTERN_TRY(const Aead* aead, material_of<Aead>(key, version, "encrypt"));
  POSTERN_CHECK(count(key, version));
  return aead->seal_random(aad, plaintext);
}

Result<std::string> Ring::State::encrypt(const KeyName& name, ByteView plaintext, ByteView aad, std::uint32_t version) {
  POSTERN_TRY(const KeyPtr key, find(name));
  POSTERN_TRY(const VersionPtr v, version_of(*key, version, Use::Protect));
  POSTERN_TRY(const Bytes sealed, seal(*key, *v, aad, plaintext));
  return ciphertext_text(v->stored.number, sealed);
}

Result<SecretBytes> Ring::State::decrypt(const KeyName& name, std::string_view text, ByteView aad) {
  POSTERN_TRY(const KeyPtr key, find(name));
  POSTERN_TRY(const Ciphertext parsed, parse_ciphertext(text));
  if (parsed.version > key->latest()) return fail(ErrorCode::BadInput, "invalid ciphertext: version is too new", "ciphertext");
  POSTERN_TRY(const VersionPtr v, version_of(*key, parsed.version, Use::Open));
  if (const auto* rsa = std::get_if<PrivateKey>(&v->material); rsa != nullptr && rsa->kind() == KeyKind::Rsa && aad.empty()) {
    return rsa->decrypt_oaep({}, parsed.bytes);
  }
  POSTERN_TRY(const Aead* aead, material_of<Aead>(*key, *v, "decrypt"));
  return aead->open_random(aad, parsed.bytes);
}

Result<std::string> Ring::encrypt(const KeyName& name, ByteView plaintext, ByteView aad, std::uint32_t version) {
  return m_state->encrypt(name, plaintext, aad, version);
}

Result<SecretBytes> Ring::decrypt(const KeyName& name, std::string_view ciphertext, ByteView aad) {
  return m_state->decrypt(name, ciphertext, aad);
}

// Wrapped form: format (1), version (4, big-endian), nonce (12), ciphertext (32), tag (16).
Result<Bytes> Ring::State::wrap(const Key& key, ByteView data_key, ByteView aad) {
  POSTERN_TRY(const VersionPtr v, version_of(key, 0, Use::Protect));
  POSTERN_TRY(const Aead* aead, material_of<Aead>(key, *v, "wrap data keys"));
  POSTERN_CHECK(count(key, *v));
  POSTERN_TRY(const Bytes sealed, aead->seal_random(data_key_aad(aad), data_key));
  ByteWriter out;
  out.write_u8(kWrappedFormat).write_u32(v->stored.number).write_bytes(sealed);
  return std::move(out).take();
}

Result<DataKey> Ring::new_data_key(const KeyName& name, ByteView aad) {
  POSTERN_TRY(const KeyPtr key, m_state->find(name));
  SecretBytes plaintext = random_key(kDataKey);
  POSTERN_TRY(Bytes wrapped, m_state->wrap(*key, plaintext.view(), aad));
  return DataKey{std::move(plaintext), std::move(wrapped)};
}

Result<SecretBytes> Ring::unwrap_data_key(const KeyName& name, ByteView wrapped, ByteView aad) {
  POSTERN_TRY(const KeyPtr key, m_state->find(name));
  ByteReader reader(wrapped);
  POSTERN_TRY(const std::uint8_t format, reader.read_u8("wrapped"));
  if (format != kWrappedFormat) return fail(ErrorCode::BadInput, "not a wrapped data key", "wrapped");
  POSTERN_TRY(const std::uint32_t version, reader.read_u32("wrapped"));
  if (version == 0) return fail(ErrorCode::BadInput, "not a wrapped data key", "wrapped");
  POSTERN_TRY(const VersionPtr v, version_of(*key, version, Use::Open));
  POSTERN_TRY(const Aead* aead, material_of<Aead>(*key, *v, "unwrap data keys"));
  return aead->open_random(data_key_aad(aad), reader.remainder());
}

Result<Bytes> Ring::rewrap_data_key(const KeyName& name, ByteView wrapped, ByteView aad) {
  POSTERN_TRY(const SecretBytes plaintext, unwrap_data_key(name, wrapped, aad));
  POSTERN_TRY(const KeyPtr key, m_state->find(name));
  return m_state->wrap(*key, plaintext.view(), aad);
}

Result<SecretBytes> Ring::decrypt_oaep(const KeyName& name, std::uint32_t version, const OaepOptions& options, ByteView ciphertext) {
  POSTERN_TRY(const auto found, m_state->private_key(name, version, Use::Open));
  POSTERN_TRY(const PrivateKey* key, material_of<PrivateKey>(*found.first, *found.second, "decrypt by RSA"));
  return key->decrypt_oaep(options, ciphertext);
}

Result<SecretBytes> Ring::decrypt_pkcs1(const KeyName& name, std::uint32_t version, ByteView ciphertext, std::size_t expected_size) {
  POSTERN_TRY(const auto found, m_state->private_key(name, version, Use::Open));
  POSTERN_TRY(const PrivateKey* key, material_of<PrivateKey>(*found.first, *found.second, "decrypt by RSA"));
  return key->decrypt_pkcs1(ciphertext, expected_size);
}

Result<SecretBytes> Ring::agree(const KeyName& name, std::uint32_t version, const PublicKey& peer) {
  POSTERN_TRY(const auto found, m_state->private_key(name, version, Use::Open));
  POSTERN_TRY(const PrivateKey* key, material_of<PrivateKey>(*found.first, *found.second, "agree on secrets"));
  return key->agree(peer);
}

// OpenPGP ----------------------------------------------------------------------------------------------------------------------------

namespace {

Result<OpenPgpKey*> openpgp_of(const Key& key) {
  if (key.openpgp) return key.openpgp.get();
  return fail(ErrorCode::Unsupported, "not an OpenPGP key", key.stored.name.get());
}

}  // namespace

Result<std::string> Ring::openpgp_certificate(const KeyName& name, std::uint32_t version) {
  POSTERN_TRY(const KeyPtr key, m_state->find(name));
  POSTERN_CHECK(openpgp_of(*key));
  POSTERN_TRY(const VersionPtr v, version_of(*key, version, Use::Show));
  return v->stored.public_text;
}

Result<std::string> Ring::openpgp_sign_detached(const KeyName& name, ByteView data) {
  POSTERN_TRY(const KeyPtr key, m_state->find(name));
  POSTERN_TRY(OpenPgpKey * openpgp, openpgp_of(*key));
  POSTERN_CHECK(m_state->count(*key, *key->versions.back()));
  return openpgp->sign_detached(data, m_state->clock.now());
}

Result<std::string> Ring::openpgp_sign_encrypt(const KeyName& name, std::span<const Bytes> recipients, ByteView plaintext) {
  POSTERN_TRY(const KeyPtr key, m_state->find(name));
  POSTERN_TRY(OpenPgpKey * openpgp, openpgp_of(*key));
  POSTERN_CHECK(m_state->count(*key, *key->versions.back()));
  return openpgp->sign_encrypt(recipients, plaintext, m_state->clock.now());
}

Result<OpenPgpOpened> Ring::openpgp_decrypt(const KeyName& name, ByteView message, std::span<const Bytes> signers) {
  POSTERN_TRY(const KeyPtr key, m_state->find(name));
  POSTERN_TRY(OpenPgpKey * openpgp, openpgp_of(*key));
  return openpgp->decrypt(message, signers, m_state->clock.now());
}

}  // namespace postern
