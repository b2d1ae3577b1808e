#include "seals/pkcs11_seal.hpp"

#include "base/cursor.hpp"
#include "base/log.hpp"
#include "crypto/random.hpp"
#include "seals/pin_file.hpp"

namespace postern::seals {
namespace {

constexpr std::size_t kKey = 32;
constexpr std::size_t kIv = 12;
constexpr std::size_t kMostIv = 64;
constexpr std::size_t kMostName = 4096;
constexpr std::size_t kMostLocked = 1024;

HashAlgorithm hash_of(Pkcs11Scheme scheme) { return scheme == Pkcs11Scheme::OaepSha1 ? HashAlgorithm::Sha1 : HashAlgorithm::Sha256; }
Pkcs11KeyType type_of(Pkcs11Scheme scheme) { return scheme == Pkcs11Scheme::AesGcm ? Pkcs11KeyType::SecretKey : Pkcs11KeyType::Private; }

struct FoundKey {
  Pkcs11KeyType type = Pkcs11KeyType::SecretKey;
  CK_OBJECT_HANDLE handle = 0;
};

class Pkcs11Seal final : public EnvelopeSeal {
 public:
  explicit Pkcs11Seal(Pkcs11SealOptions options) : EnvelopeSeal("pkcs11", std::move(options.name)), m_options(std::move(options)) {}

 private:
  Result<FreshKey> fresh_key() override {
    return with_session<FreshKey>([this](Pkcs11Session& session) { return lock_fresh(session); });
  }
  Result<SecretBytes> key_of(BlobKind kind, ByteView bytes) override {
    POSTERN_CHECK(expect_kind(kind, BlobKind::Pkcs11));
    POSTERN_TRY(const Pkcs11Recipe recipe, read_pkcs11_recipe(bytes));
    return with_session<SecretBytes>([&](Pkcs11Session& session) { return unlock(session, recipe); });
  }

  template <class T, class Use>
  Result<T> with_session(Use use);
  Result<Pkcs11Session> open(ByteView pin);
  Result<SecretBytes> pin();
  Result<FoundKey> key_for_wrap(Pkcs11Session& session);
  Result<std::optional<FoundKey>> find_any(Pkcs11Session& session);
  Status create(Pkcs11Session& session);
  Result<FreshKey> lock_fresh(Pkcs11Session& session);
  static Result<Pkcs11Recipe> lock(Pkcs11Session& session, const FoundKey& key, ByteView plain);
  static Result<Pkcs11Recipe> lock_oaep(Pkcs11Session& session, const FoundKey& key, ByteView plain);
  static Result<SecretBytes> unlock(Pkcs11Session& session, const Pkcs11Recipe& recipe);
  static Result<SecretBytes> unlock_with(Pkcs11Session& session, CK_OBJECT_HANDLE key, const Pkcs11Recipe& recipe);

  Pkcs11SealOptions m_options;
  Pkcs11Module m_module;
  SecretBytes m_refused_pin;
};

// Unavailable is what a lost session, a pulled token and a library in disorder have in common.
template <class T, class Use>
Result<T> Pkcs11Seal::with_session(Use use) {
  POSTERN_TRY(const SecretBytes secret, pin());
  const auto attempt = [&]() -> Result<T> {
    POSTERN_TRY(Pkcs11Session session, open(secret.view()));
    return use(session);
  };
  auto result = attempt();
  if (result || result.error().code != ErrorCode::Unavailable) return result;
  log::warn("seals.token_reopened", {{"token", m_options.uri.token_text()}, {"reason", result.error()}});
  m_module.reset();
  result = attempt();
  if (result || result.error().code != ErrorCode::Unavailable) return result;
  m_module.reset();
  Error error = std::move(result).error();
  error.what += "; a fresh start did not help: see that the token is plugged in and its service runs, then unseal again";
  return fail(std::move(error));
}

Result<Pkcs11Session> Pkcs11Seal::open(ByteView pin) {
  if (!m_module) {
    POSTERN_TRY(m_module, m_options.load(m_options.uri.module_path));
  }
  auto session = Pkcs11Session::open(m_module, m_options.uri, pin);
  if (!session && session.error().field == kPinRefused) m_refused_pin = SecretBytes(pin);
  return session;
}

Result<SecretBytes> Pkcs11Seal::pin() {
  if (m_options.uri.pin_file.empty()) return SecretBytes();
  POSTERN_TRY(SecretBytes found, read_pin_file(m_options.uri.pin_file));
  if (constant_time_equal(found.view(), m_refused_pin.view()))
    return fail(ErrorCode::Denied, "the token refused the PIN in " + m_options.uri.pin_file + ", so it is not tried again: correct it",
                "pin-source");
  return found;
}

Result<std::optional<FoundKey>> Pkcs11Seal::find_any(Pkcs11Session& session) {
  const Pkcs11KeyName name{m_options.uri.object, m_options.uri.id};
  for (const Pkcs11KeyType type : {Pkcs11KeyType::SecretKey, Pkcs11KeyType::Private}) {
    if (m_options.uri.type != Pkcs11KeyType::Any && m_options.uri.type != type) continue;
    if (type == Pkcs11KeyType::SecretKey && !session.supports(CKM_AES_GCM)) continue;
    POSTERN_TRY(const auto handle, session.find(type, name));
    if (handle) return FoundKey{type, *handle};
  }
  return std::nullopt;
}

Status Pkcs11Seal::create(Pkcs11Session& session) {
  Pkcs11KeyName name{m_options.uri.object, m_options.uri.id};
  if (name.id.empty()) {
    name.id.resize(16);
    fill_nonce(name.id);
  }
  const bool aes = m_options.uri.type != Pkcs11KeyType::Private && session.supports(CKM_AES_GCM) && session.supports(CKM_AES_KEY_GEN);
  if (!aes && m_options.uri.type == Pkcs11KeyType::SecretKey)
    return fail(ErrorCode::Unsupported, "the token has no AES-GCM: use type=private for an RSA key", "type");
  POSTERN_CHECK(aes ? session.generate_aes(name) : session.generate_rsa(name));
  log::warn("seals.token_key_created",
            {{"token", m_options.uri.token_text()},
             {"object", name.label},
             {"id", hex_encode(name.id)},
             {"action", "this key cannot be copied: keep recovery shares, or back the token up in its own way"}});
  return {};
}

Result<FoundKey> Pkcs11Seal::key_for_wrap(Pkcs11Session& session) {
  POSTERN_TRY(auto key, find_any(session));
  if (!key && m_options.create) {
    POSTERN_CHECK(create(session));
    POSTERN_TRY(key, find_any(session));
  }
  if (!key)
    return fail(ErrorCode::NotFound,
                "the token " + m_options.uri.token_text() + " has no AES or RSA key \"" + m_options.uri.object +
                    "\": make one, or ask for it to be created",
                "object");
  if (!session.is_kept(key->handle))
    log::warn("seals.token_key_extractable", {{"token", m_options.uri.token_text()},
                                              {"action", "use a key that is sensitive and not extractable; this one can be copied"}});
  return *key;
}

Result<FreshKey> Pkcs11Seal::lock_fresh(Pkcs11Session& session) {
  POSTERN_TRY(const FoundKey key, key_for_wrap(session));
  SecretBytes plain = random_key(kKey);
  POSTERN_TRY(const Pkcs11Recipe recipe, lock(session, key, plain.view()));
  return FreshKey{BlobKind::Pkcs11, std::move(plain), write_pkcs11_recipe(recipe)};
}

Result<Pkcs11Recipe> Pkcs11Seal::lock(Pkcs11Session& session, const FoundKey& key, ByteView plain) {
  if (key.type == Pkcs11KeyType::Private) return lock_oaep(session, key, plain);
  POSTERN_TRY(Pkcs11KeyName name, session.name_of(key.handle));
  if (session.aes_bytes(key.handle).value_or(kKey) != kKey)
    return fail(ErrorCode::Unsupported, "an AES key for a seal has 256 bits: name another, or have one made", "object");
  Bytes iv(kIv);
  fill_nonce(iv);
  POSTERN_TRY(Pkcs11Gcm sealed, session.encrypt_gcm(key.handle, std::move(iv), plain));
  return Pkcs11Recipe{Pkcs11Scheme::AesGcm, std::move(name), std::move(sealed.iv), std::move(sealed.ciphertext)};
}

// Which digests a token's OAEP takes, its list of mechanisms does not say: only trying does.
Result<Pkcs11Recipe> Pkcs11Seal::lock_oaep(Pkcs11Session& session, const FoundKey& key, ByteView plain) {
  POSTERN_TRY(const Pkcs11KeyName name, session.name_of(key.handle));
  POSTERN_TRY(const PublicKey open, session.public_key(key.handle));
  if (open.bits() < 2048) return fail(ErrorCode::Unsupported, "an RSA key for a seal has 2,048 bits at least", "object");
  Error last;
  for (const Pkcs11Scheme scheme : {Pkcs11Scheme::OaepSha256, Pkcs11Scheme::OaepSha1}) {
    POSTERN_TRY(Bytes locked, open.encrypt_oaep({.hash = hash_of(scheme)}, plain));
    Pkcs11Recipe recipe{scheme, name, {}, std::move(locked)};
    const auto again = unlock_with(session, key.handle, recipe);
    if (again && constant_time_equal(again->view(), plain)) return recipe;
    if (!again) last = again.error();
  }
  return fail(std::move(last).context("the token's RSA key does not open OAEP"));
}

Result<SecretBytes> Pkcs11Seal::unlock(Pkcs11Session& session, const Pkcs11Recipe& recipe) {
  POSTERN_TRY(const auto key, session.find(type_of(recipe.scheme), recipe.key));
  if (!key)
    return fail(ErrorCode::IntegrityFailed,
                "the token does not have the key that sealed the root key: name the token that was used then, or migrate from its seal",
                "seal");
  return unlock_with(session, *key, recipe);
}

Result<SecretBytes> Pkcs11Seal::unlock_with(Pkcs11Session& session, CK_OBJECT_HANDLE key, const Pkcs11Recipe& recipe) {
  POSTERN_TRY(SecretBytes plain, recipe.scheme == Pkcs11Scheme::AesGcm ? session.decrypt_gcm(key, {recipe.iv, recipe.locked})
                                                                       : session.decrypt_oaep(key, hash_of(recipe.scheme), recipe.locked));
  if (plain.size() != kKey)
    return fail(ErrorCode::IntegrityFailed, "the token opened something that is no key: the blob was changed", "seal");
  return plain;
}

Result<Bytes> read_bounded(ByteReader& reader, std::size_t least, std::size_t most, std::string_view field) {
  POSTERN_TRY(const ByteView block, reader.read_block(field));
  if (block.size() < least || block.size() > most) return fail(ErrorCode::BadInput, "has the wrong length", std::string(field));
  return Bytes(block.begin(), block.end());
}

}  // namespace

Result<Pkcs11Recipe> read_pkcs11_recipe(ByteView bytes) {
  ByteReader reader(bytes);
  POSTERN_TRY(const std::uint8_t scheme, reader.read_u8("scheme"));
  if (scheme < 1 || scheme > 3) return fail(ErrorCode::Unsupported, "is not known here", "scheme");
  Pkcs11Recipe out{.scheme = static_cast<Pkcs11Scheme>(scheme), .key = {}, .iv = {}, .locked = {}};
  POSTERN_TRY(const Bytes label, read_bounded(reader, 0, kMostName, "label"));
  out.key.label = std::string(as_text(label));
  POSTERN_TRY(out.key.id, read_bounded(reader, 0, kMostName, "id"));
  const bool gcm = out.scheme == Pkcs11Scheme::AesGcm;
  POSTERN_TRY(out.iv, read_bounded(reader, gcm ? 1 : 0, gcm ? kMostIv : 0, "iv"));
  POSTERN_TRY(out.locked, read_bounded(reader, 1, kMostLocked, "locked"));
  if (out.key.label.empty() && out.key.id.empty()) return fail(ErrorCode::BadInput, "names no key", "label");
  if (!reader.at_end()) return fail(ErrorCode::BadInput, "goes on after its end", "recipe");
  return out;
}

Bytes write_pkcs11_recipe(const Pkcs11Recipe& recipe) {
  ByteWriter writer;
  writer.write_u8(static_cast<std::uint8_t>(recipe.scheme)).write_block(recipe.key.label).write_block(recipe.key.id);
  writer.write_block(recipe.iv).write_block(recipe.locked);
  return std::move(writer).take();
}

Result<std::unique_ptr<Seal>> make_pkcs11_seal(Pkcs11SealOptions options) {
  if (options.create && options.uri.object.empty())
    return fail(ErrorCode::BadInput, "is missing: a key that is to be made needs object=LABEL", "object");
  return std::make_unique<Pkcs11Seal>(std::move(options));
}

}  // namespace postern::seals
