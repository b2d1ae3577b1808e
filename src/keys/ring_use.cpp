// Signing, encrypting, decrypting with the keys of a Ring.
#include "base/cursor.hpp"
#include "crypto/hmac.hpp"
#include "crypto/random.hpp"
#include "keys/ring_state.hpp"

namespace postern {

using detail::aead_of;
using detail::Ciphertext;
using detail::ciphertext_text;
using detail::Key;
using detail::KeyPtr;
using detail::material_of;
using detail::OpenPgpKey;
using detail::parse_ciphertext;
using detail::Use;
using detail::Version;
using detail::version_of;
using detail::VersionPtr;

namespace {

constexpr std::size_t kDataKey = 32;
constexpr Byte kWrappedFormat = 1;

// Data keys have associated data of their own, so that neither a data key passes for a ciphertext nor the reverse.
Bytes data_key_aad(ByteView aad) {
  Bytes out = to_bytes(std::string_view("postern data key\0", 17));
  append(out, aad);
  return out;
}

}  // namespace

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
