#include "keys/transit_keeper.hpp"

#include <algorithm>
#include <map>
#include <mutex>

#include "base/log.hpp"
#include "keys/openpgp_key.hpp"

namespace postern {

using detail::OpenPgpKey;
using transit::KeyRef;

// Values of the port and of the engine. ------------------------------------------------------------------------------------------------

namespace {

constexpr std::size_t kOpenPgpKept = 256;

struct NamedType {
  KeyType ours;
  transit::KeyType theirs;
};
constexpr NamedType kTypes[] = {
    {KeyType::Aes256Gcm96, transit::KeyType::Aes256Gcm96}, {KeyType::ChaCha20Poly1305, transit::KeyType::ChaCha20Poly1305},
    {KeyType::Ed25519, transit::KeyType::Ed25519},         {KeyType::EcdsaP256, transit::KeyType::EcdsaP256},
    {KeyType::EcdsaP384, transit::KeyType::EcdsaP384},     {KeyType::EcdsaP521, transit::KeyType::EcdsaP521},
    {KeyType::Rsa2048, transit::KeyType::Rsa2048},         {KeyType::Rsa3072, transit::KeyType::Rsa3072},
    {KeyType::Rsa4096, transit::KeyType::Rsa4096},         {KeyType::Hmac, transit::KeyType::Hmac},
    {KeyType::X25519, transit::KeyType::X25519},           {KeyType::OpenPgp, transit::KeyType::OpenPgp},
};

transit::KeyType type_there(KeyType type) {
  for (const NamedType& known : kTypes) {
    if (known.ours == type) return known.theirs;
  }
  return transit::KeyType::Aes256Gcm96;
}

/// Unsupported for what the mail system has no use for: it lies in the same mount and is not the mail system's business.
Result<KeyType> type_here(const KeyRef& key) {
  for (const NamedType& known : kTypes) {
    if (known.theirs == key.type()) return known.ours;
  }
  return fail(ErrorCode::Unsupported, "the mail system does not use keys of type " + std::string(name_of(key.type())), key.name());
}

Result<std::string> public_text_of(const KeyRef& key, KeyType type, std::uint32_t version) {
  if (is_symmetric(type)) return std::string();
  if (type == KeyType::OpenPgp) return key.public_text(version);
  POSTERN_TRY(const PublicKey own, key.public_key(version));
  return own.to_pem();
}

/// A version is over at the first of its limits.
std::uint64_t limit_of(const transit::UseLimits& limits) {
  std::uint64_t least = 0;
  for (const std::uint64_t limit : {limits.encryptions, limits.signatures, limits.macs}) {
    if (limit != 0 && (least == 0 || limit < least)) least = limit;
  }
  return least;
}

Result<KeyInfo> info_of(const KeyRef& key) {
  POSTERN_TRY(const KeyType type, type_here(key));
  const transit::KeyInfo known = key.info();
  KeyInfo out;
  out.name = KeyName(known.name);
  out.type = type;
  out.latest = known.latest;
  out.min_decryption_version = known.min_decryption_version;
  out.min_encryption_version = known.min_encryption_version;
  out.deletion_allowed = known.deletion_allowed;
  out.auto_rotate = known.auto_rotate_period;
  out.max_uses = limit_of(known.limits);
  for (const transit::KeyVersionInfo& version : known.versions) {
    POSTERN_TRY(std::string public_text, public_text_of(key, type, version.number));
    const std::uint64_t uses = version.uses.encryptions + version.uses.signatures + version.uses.macs;
    out.versions.push_back({version.number, version.created, std::move(public_text), uses});
  }
  return out;
}

/// The engine has the API's codes for a version that cannot be had; the port tells one that never was from one that the minima shut out.
Error judged(Error error, const KeyRef& key, std::uint32_t version) {
  if (error.field.empty()) error.field = key.name();
  if (error.code != ErrorCode::NotFound && error.code != ErrorCode::BadInput) return error;
  if (version > key.latest()) {
    error.code = ErrorCode::NotFound;
  } else if (version != 0) {
    const transit::KeyInfo info = key.info();
    if (version < std::max(info.min_decryption_version, info.min_encryption_version)) error.code = ErrorCode::Denied;
  }
  return error;
}

/// A key, and what keeps its engine there while it is used.
struct Found {
  TransitSource::Lease lease;
  KeyRef key;
};

Result<Found> find(TransitSource& source, const KeyName& name) {
  POSTERN_TRY(auto lease, source.lease());
  auto key = lease.engine->get(name.get());
  if (!key && key.error().code == ErrorCode::NotFound) return fail(ErrorCode::NotFound, "no such key", name.get());
  if (!key) return fail(std::move(key).error());
  return Found{std::move(lease), *std::move(key)};
}

template <class Use>
auto with_key(TransitSource& source, const KeyName& name, std::uint32_t version, Use use) -> decltype(use(std::declval<const KeyRef&>())) {
  POSTERN_TRY(const Found found, find(source, name));
  auto out = use(found.key);
  if (!out) return fail(judged(std::move(out).error(), found.key, version));
  return out;
}

bool is_own(const KeyName& name) {
  return name == key_names::kMailStorage || name == key_names::kDkim || name == key_names::kApiHmac || name == key_names::kPgpEncryption;
}

/// The secret of an OpenPGP version as it is kept: text under pgp_key_encryption.
Result<SecretBytes> wrapped_secret(transit::Engine& engine, const KeyName& name, ByteView secret) {
  POSTERN_TRY(const KeyRef wrapping, engine.get(key_names::kPgpEncryption.get()));
  POSTERN_TRY(const auto text, wrapping.encrypt(secret, {.aad = as_bytes(name.get())}));
  return SecretBytes::from_text(text.text);
}

Result<SecretBytes> unwrapped_secret(transit::Engine& engine, const KeyRef& key, std::uint32_t version) {
  POSTERN_TRY(const SecretBytes text, key.openpgp_secret(version));
  POSTERN_TRY(const KeyRef wrapping, engine.get(key_names::kPgpEncryption.get()));
  auto secret = wrapping.decrypt(as_text(text.view()), {.aad = as_bytes(key.name())});
  if (!secret) return fail(std::move(secret).error().context("the OpenPGP key " + key.name()));
  return SecretBytes(ByteView(*secret));
}

}  // namespace

// OpenPGP keys in use ------------------------------------------------------------------------------------------------------------------

class TransitKeeper::OpenPgpKeys {
 public:
  /// `found` ready for use: every version that may still decrypt.
  Result<std::shared_ptr<OpenPgpKey>> get(const Found& found) {
    if (found.key.type() != transit::KeyType::OpenPgp) return fail(ErrorCode::Unsupported, "not an OpenPGP key", found.key.name());
    if (auto kept = look(found.key)) return kept;
    std::vector<SecretBytes> secrets;
    for (const transit::KeyVersionInfo& version : found.key.info().versions) {
      POSTERN_TRY(SecretBytes secret, unwrapped_secret(*found.lease.engine, found.key, version.number));
      secrets.push_back(std::move(secret));
    }
    auto made = std::make_shared<OpenPgpKey>(std::move(secrets));
    const std::lock_guard lock(m_mutex);
    if (m_keys.size() >= kOpenPgpKept) m_keys.clear();
    m_keys.insert_or_assign(found.key.name(), Kept{found.key, made});
    return made;
  }

  void forget() noexcept {
    const std::lock_guard lock(m_mutex);
    m_keys.clear();
    m_wrapped_by = 0;
  }

  /// The version of pgp_key_encryption that all OpenPGP secrets are known to be under.
  [[nodiscard]] std::uint32_t wrapped_by() const noexcept { return m_wrapped_by; }
  void wrapped_by(std::uint32_t version) noexcept { m_wrapped_by = version; }

  std::mutex passes;  ///< One pass over all secrets at a time.

 private:
  struct Kept {
    KeyRef key;
    std::shared_ptr<OpenPgpKey> usable;
  };
  std::shared_ptr<OpenPgpKey> look(const KeyRef& key) {
    const std::lock_guard lock(m_mutex);
    const auto kept = m_keys.find(key.name());
    return kept != m_keys.end() && kept->second.key.same_as(key) ? kept->second.usable : nullptr;
  }

  std::mutex m_mutex;
  std::map<std::string, Kept, std::less<>> m_keys;
  std::atomic<std::uint32_t> m_wrapped_by{0};
};

TransitKeeper::TransitKeeper(TransitSource& source, const Clock& clock)
    : m_source(source), m_clock(clock), m_openpgp(std::make_unique<OpenPgpKeys>()) {}
TransitKeeper::~TransitKeeper() = default;

void TransitKeeper::forget() noexcept { m_openpgp->forget(); }

namespace {

/// Every version of one key that is not under `latest` moves there.
Status move_secrets(transit::Engine& engine, const KeyRef& key, std::uint32_t latest) {
  const std::string current = "vault:v" + std::to_string(latest) + ":";
  for (const transit::KeyVersionInfo& version : key.info().versions) {
    POSTERN_TRY(const SecretBytes text, key.openpgp_secret(version.number));
    if (as_text(text.view()).starts_with(current)) continue;
    POSTERN_TRY(const SecretBytes secret, unwrapped_secret(engine, key, version.number));
    POSTERN_TRY(const SecretBytes moved, wrapped_secret(engine, KeyName(key.name()), secret.view()));
    POSTERN_CHECK(engine.replace_openpgp(key.name(), version.number, moved));
  }
  return {};
}

}  // namespace

/// Interrupted, the rest stays under the older version, which still opens it, until the next pass.
Status TransitKeeper::tick() {
  POSTERN_TRY(const auto lease, m_source.lease());
  transit::Engine& engine = *lease.engine;
  const std::lock_guard lock(m_openpgp->passes);
  POSTERN_TRY(const KeyRef wrapping, engine.get(key_names::kPgpEncryption.get()));
  if (m_openpgp->wrapped_by() == wrapping.latest()) return {};
  if (wrapping.latest() > 1) {  // the first version is the only one that anything can be under
    POSTERN_TRY(const auto names, engine.list());
    for (const std::string& name : names) {
      const auto key = engine.get(name);
      if (key && key->type() == transit::KeyType::OpenPgp) POSTERN_CHECK(move_secrets(engine, *key, wrapping.latest()));
    }
  }
  m_openpgp->wrapped_by(wrapping.latest());
  return {};
}

// Keys ---------------------------------------------------------------------------------------------------------------------------------

KeeperState TransitKeeper::state() const {
  KeeperState out;
  if (const auto lease = m_source.lease(); !lease) {
    out.sealed = true;
    out.last_error = lease.error().text();
  }
  return out;
}

Status TransitKeeper::ready() {
  const auto lease = m_source.lease();
  return lease ? Status() : fail(lease.error());
}

Result<KeyInfo> TransitKeeper::create(const KeyName& name, KeyType type) {
  if (type == KeyType::OpenPgp) return fail(ErrorCode::Unsupported, "an OpenPGP key needs a user id: make it with openpgp_create", "type");
  POSTERN_CHECK(parse_key_name(name.get()));
  POSTERN_TRY(const auto lease, m_source.lease());
  transit::CreateOptions options;
  options.type = type_there(type);
  POSTERN_TRY(const auto made, lease.engine->create(name.get(), options));
  if (!made.created) return fail(ErrorCode::Conflict, "the key exists already", name.get());
  log::info("keys.created", {{"key", name.get()}, {"type", name_of(type)}});
  return describe(name);
}

Result<KeyInfo> TransitKeeper::describe(const KeyName& name) {
  POSTERN_TRY(const Found found, find(m_source, name));
  return info_of(found.key);
}

Result<std::vector<KeyName>> TransitKeeper::list() {
  POSTERN_TRY(const auto lease, m_source.lease());
  POSTERN_TRY(auto names, lease.engine->list());
  // Names alone: a mount may hold a hundred thousand keys, and to know their kind each would have to be read.
  return std::vector<KeyName>(std::make_move_iterator(names.begin()), std::make_move_iterator(names.end()));
}

Result<KeyInfo> TransitKeeper::rotate(const KeyName& name) {
  {
    POSTERN_TRY(const Found found, find(m_source, name));
    POSTERN_CHECK(type_here(found.key));
    if (found.key.type() == transit::KeyType::OpenPgp) return rotate_openpgp(name, *found.lease.engine, found.key);
    POSTERN_CHECK(found.lease.engine->rotate(name.get()));
  }
  if (name == key_names::kPgpEncryption) POSTERN_CHECK(tick());
  POSTERN_TRY(KeyInfo info, describe(name));
  log::info("keys.rotated", {{"key", name.get()}, {"version", info.latest}});
  return info;
}

Result<KeyInfo> TransitKeeper::configure(const KeyName& name, const KeySettings& settings) {
  POSTERN_TRY(const Found found, find(m_source, name));
  const transit::KeyInfo before = found.key.info();
  const std::uint32_t decryption = settings.min_decryption_version.value_or(before.min_decryption_version);
  const std::uint32_t encryption = settings.min_encryption_version.value_or(before.min_encryption_version);
  if (decryption < 1 || decryption > before.latest)
    return fail(ErrorCode::BadInput, "must be from 1 to the latest version", "min_decryption_version");
  if (encryption != 0 && (encryption < decryption || encryption > before.latest))
    return fail(ErrorCode::BadInput, "must be 0, or from min_decryption_version to the latest version", "min_encryption_version");
  if (name == key_names::kPgpEncryption && decryption > before.min_decryption_version) POSTERN_CHECK(tick());
  transit::KeySettings changes;
  changes.min_decryption_version = decryption;
  changes.min_encryption_version = encryption;
  changes.deletion_allowed = settings.deletion_allowed;
  POSTERN_CHECK(found.lease.engine->configure(name.get(), changes));
  return describe(name);
}

Status TransitKeeper::remove(const KeyName& name) {
  POSTERN_TRY(const Found found, find(m_source, name));
  if (!found.key.info().deletion_allowed) return fail(ErrorCode::Denied, "deletion is not allowed for this key", name.get());
  if (is_own(name)) return fail(ErrorCode::Conflict, "it is one of the mail system's own keys: rotate it instead", name.get());
  POSTERN_CHECK(found.lease.engine->remove(name.get()));
  log::warn("keys.removed", {{"key", name.get()}});
  return m_source.purge();
}

Result<PublicKey> TransitKeeper::public_key(const KeyName& name, std::uint32_t version) {
  return with_key(m_source, name, version, [&](const KeyRef& key) { return key.public_key(version); });
}

// Use ----------------------------------------------------------------------------------------------------------------------------------

Result<Bytes> TransitKeeper::sign(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data) {
  return with_key(m_source, name, version, [&](const KeyRef& key) { return key.sign_bytes(version, algorithm, data); });
}

Status TransitKeeper::verify(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data,
                             ByteView signature) {
  return with_key(m_source, name, version, [&](const KeyRef& key) { return key.verify_bytes(version, algorithm, data, signature); });
}

Result<Bytes> TransitKeeper::mac(const KeyName& name, std::uint32_t version, HashAlgorithm algorithm, ByteView data) {
  return with_key(m_source, name, version, [&](const KeyRef& key) -> Result<Bytes> {
    if (key.type() != transit::KeyType::Hmac) return fail(ErrorCode::Unsupported, "only keys of type hmac make MACs");
    return key.mac_bytes(version, algorithm, data);
  });
}

Result<std::string> TransitKeeper::encrypt(const KeyName& name, ByteView plaintext, ByteView aad, std::uint32_t version) {
  return with_key(m_source, name, version, [&](const KeyRef& key) -> Result<std::string> {
    POSTERN_TRY(auto sealed, key.encrypt(plaintext, {.aad = aad, .version = version}));
    return std::move(sealed.text);
  });
}

Result<SecretBytes> TransitKeeper::decrypt(const KeyName& name, std::string_view ciphertext, ByteView aad) {
  return with_key(m_source, name, 0, [&](const KeyRef& key) -> Result<SecretBytes> {
    POSTERN_TRY(const auto opened, key.decrypt(ciphertext, {.aad = aad}));
    return SecretBytes(ByteView(opened));
  });
}

Result<DataKey> TransitKeeper::new_data_key(const KeyName& name, ByteView aad) {
  return with_key(m_source, name, 0, [&](const KeyRef& key) -> Result<DataKey> {
    POSTERN_TRY(auto made, key.new_data_key(aad));
    return DataKey{std::move(made.plaintext), std::move(made.wrapped)};
  });
}

Result<SecretBytes> TransitKeeper::unwrap_data_key(const KeyName& name, ByteView wrapped, ByteView aad) {
  return with_key(m_source, name, 0, [&](const KeyRef& key) { return key.unwrap_data_key(wrapped, aad); });
}

Result<Bytes> TransitKeeper::rewrap_data_key(const KeyName& name, ByteView wrapped, ByteView aad) {
  return with_key(m_source, name, 0, [&](const KeyRef& key) { return key.rewrap_data_key(wrapped, aad); });
}

Result<SecretBytes> TransitKeeper::decrypt_oaep(const KeyName& name, std::uint32_t version, const OaepOptions& options,
                                                ByteView ciphertext) {
  return with_key(m_source, name, version, [&](const KeyRef& key) { return key.decrypt_oaep(version, options, ciphertext); });
}

Result<SecretBytes> TransitKeeper::decrypt_pkcs1(const KeyName& name, std::uint32_t version, ByteView ciphertext,
                                                 std::size_t expected_size) {
  return with_key(m_source, name, version, [&](const KeyRef& key) { return key.decrypt_pkcs1(version, ciphertext, expected_size); });
}

Result<SecretBytes> TransitKeeper::agree(const KeyName& name, std::uint32_t version, const PublicKey& peer) {
  return with_key(m_source, name, version, [&](const KeyRef& key) { return key.agree(version, peer); });
}

// OpenPGP ------------------------------------------------------------------------------------------------------------------------------

Result<KeyInfo> TransitKeeper::openpgp_create(const KeyName& name, std::string_view user_id) {
  POSTERN_CHECK(parse_key_name(name.get()));
  POSTERN_TRY(const auto lease, m_source.lease());
  POSTERN_TRY(const bool known, lease.engine->exists(name.get()));
  if (known) return fail(ErrorCode::Conflict, "the key exists already", name.get());
  POSTERN_TRY(const detail::OpenPgpMaterial made, detail::openpgp_generate(user_id, m_clock.now()));
  POSTERN_TRY(const SecretBytes wrapped, wrapped_secret(*lease.engine, name, made.secret.view()));
  transit::ImportOptions options;
  options.type = transit::KeyType::OpenPgp;
  POSTERN_CHECK(lease.engine->import_key(name.get(), {.plain = &wrapped, .openpgp_public = made.certificate}, options));
  log::info("keys.created", {{"key", name.get()}, {"type", name_of(KeyType::OpenPgp)}});
  return describe(name);
}

Result<KeyInfo> TransitKeeper::rotate_openpgp(const KeyName& name, transit::Engine& engine, const KeyRef& key) {
  POSTERN_TRY(const std::string certificate, key.public_text());
  POSTERN_TRY(const std::string user_id, detail::openpgp_user_id(certificate));
  POSTERN_TRY(const detail::OpenPgpMaterial made, detail::openpgp_generate(user_id, m_clock.now()));
  POSTERN_TRY(const SecretBytes wrapped, wrapped_secret(engine, name, made.secret.view()));
  POSTERN_CHECK(engine.import_version(name.get(), {.plain = &wrapped, .openpgp_public = made.certificate}));
  return describe(name);
}

Result<std::string> TransitKeeper::openpgp_certificate(const KeyName& name, std::uint32_t version) {
  return with_key(m_source, name, version, [&](const KeyRef& key) -> Result<std::string> {
    if (key.type() != transit::KeyType::OpenPgp) return fail(ErrorCode::Unsupported, "not an OpenPGP key");
    return key.public_text(version);
  });
}

Result<std::string> TransitKeeper::openpgp_sign_detached(const KeyName& name, ByteView data) {
  POSTERN_TRY(const Found found, find(m_source, name));
  POSTERN_TRY(const auto key, m_openpgp->get(found));
  POSTERN_CHECK(found.key.count_openpgp_signature());
  return key->sign_detached(data, m_clock.now());
}

Result<std::string> TransitKeeper::openpgp_sign_encrypt(const KeyName& name, std::span<const Bytes> recipients, ByteView plaintext) {
  POSTERN_TRY(const Found found, find(m_source, name));
  POSTERN_TRY(const auto key, m_openpgp->get(found));
  POSTERN_CHECK(found.key.count_openpgp_signature());
  return key->sign_encrypt(recipients, plaintext, m_clock.now());
}

Result<OpenPgpOpened> TransitKeeper::openpgp_decrypt(const KeyName& name, ByteView message, std::span<const Bytes> signers) {
  POSTERN_TRY(const Found found, find(m_source, name));
  POSTERN_TRY(const auto key, m_openpgp->get(found));
  return key->decrypt(message, signers, m_clock.now());
}

// In memory ----------------------------------------------------------------------------------------------------------------------------

namespace {

/// Everything a keeper needs, in one object.
struct MemoryKeeper {
  explicit MemoryKeeper(const Clock& clock) : source(std::make_shared<transit::Engine>(storage, clock)), keeper(source, clock) {}
  MemoryStorage storage;
  FixedTransit source;
  TransitKeeper keeper;
};

}  // namespace

Result<std::shared_ptr<Keeper>> make_memory_keeper(const Clock& clock) {
  auto all = std::make_shared<MemoryKeeper>(clock);
  POSTERN_CHECK(all->keeper.make_named_keys());
  return std::shared_ptr<Keeper>(all, &all->keeper);
}

}  // namespace postern
