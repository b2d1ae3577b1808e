#include "transit/use.hpp"

#include <algorithm>

#include "crypto/hmac.hpp"
#include "crypto/kdf.hpp"
#include "crypto/random.hpp"
#include "crypto/xchacha.hpp"

namespace postern::transit::detail {
namespace {

bool protects(KeyUse use) {
  return use == KeyUse::Encrypt || use == KeyUse::Rewrap || use == KeyUse::DataKey || use == KeyUse::Sign || use == KeyUse::Hmac;
}

Status check_expiry(const Core& core, const Key& key) {
  if (key.policy.expires == WallTime{} || core.clock.now() < key.policy.expires) return {};
  return fail(ErrorCode::Denied,
              "the key expired at " + rfc3339(key.policy.expires) + " and only decrypts and verifies: use another one or set a new expiry",
              key.name);
}

Status one_cipher(KeyType type, bool sealing, ByteView key, ByteView nonce, ByteView aad, ByteView in, ByteSpan out) {
  if (type == KeyType::XChaCha20Poly1305) return (sealing ? xchacha_seal : xchacha_open)(key, nonce, aad, in, out);
  return (sealing ? aead_seal_once : aead_open_once)(*aead_of(type), key, nonce, aad, in, out);
}

// Keys of one context: HKDF-SHA256 of the version's key; convergent ones have a second key behind it, for the nonce.
Result<SecretBytes> derive(const Key& key, const Version& version, ByteView context) {
  POSTERN_CHECK(check_context(key, context));
  const std::size_t size = aead_key_size(*aead_of(key.policy.type)) + (key.policy.convergent ? kMacKey : 0);
  return hkdf(HashAlgorithm::Sha256, version.material.secret.view(), {}, context, size);
}

// The nonce of convergent encryption is a MAC of the plaintext alone. With other associated data it would be the same again, and a nonce
// used twice gives away the key of GCM's tag.
Status check_aad(const Key& key, ByteView aad) {
  if (!key.policy.convergent || aad.empty()) return {};
  return fail(ErrorCode::BadInput,
              "convergent keys take no associated data: their nonce depends on the plaintext only and would be used twice",
              "associated_data");
}

void set_nonce(const Key& key, ByteView derived, ByteView plaintext, ByteSpan nonce) {
  if (!key.policy.convergent) return fill_nonce(nonce);
  const Sha256 mac = hmac_sha256(derived.last(kMacKey), plaintext);
  std::copy_n(mac.begin(), nonce.size(), nonce.begin());
}

Status seal_derived(const Key& key, const Version& version, const CipherOptions& options, ByteView plaintext, ByteSpan out) {
  POSTERN_CHECK(check_aad(key, options.aad));
  POSTERN_TRY(const SecretBytes derived, derive(key, version, options.context));
  const ByteSpan nonce = out.first(nonce_size_of(key.policy.type));
  set_nonce(key, derived.view(), plaintext, nonce);
  const ByteView cipher_key = derived.view().first(aead_key_size(*aead_of(key.policy.type)));
  return one_cipher(key.policy.type, true, cipher_key, nonce, options.aad, plaintext, out.subspan(nonce.size()));
}

Status open_derived(const Key& key, const Version& version, const CipherOptions& options, ByteView nonce, ByteView sealed, ByteSpan out) {
  POSTERN_CHECK(check_aad(key, options.aad));
  POSTERN_TRY(const SecretBytes derived, derive(key, version, options.context));
  const ByteView cipher_key = derived.view().first(aead_key_size(*aead_of(key.policy.type)));
  return one_cipher(key.policy.type, false, cipher_key, nonce, options.aad, sealed, out);
}

Result<const Aead*> kept_cipher(const Key& key, const Version& version) {
  POSTERN_TRY(const Usable* usable, version.usable(key.policy.type, key.policy.derived));
  return &std::get<Aead>(usable->object);
}

Status seal_plain(const Key& key, const Version& version, ByteView aad, ByteView plaintext, ByteSpan out) {
  const ByteSpan nonce = out.first(nonce_size_of(key.policy.type));
  fill_nonce(nonce);
  if (key.policy.type == KeyType::XChaCha20Poly1305)
    return xchacha_seal(version.material.secret.view(), nonce, aad, plaintext, out.subspan(nonce.size()));
  POSTERN_TRY(const Aead* cipher, kept_cipher(key, version));
  return cipher->seal(nonce, aad, plaintext, out.subspan(nonce.size()));
}

Status open_plain(const Key& key, const Version& version, ByteView aad, ByteView nonce, ByteView sealed, ByteSpan out) {
  if (key.policy.type == KeyType::XChaCha20Poly1305) return xchacha_open(version.material.secret.view(), nonce, aad, sealed, out);
  POSTERN_TRY(const Aead* cipher, kept_cipher(key, version));
  return cipher->open(nonce, aad, sealed, out);
}

Status as_the_api_says(KeyType type, Status status) {
  if (status || status.error().code != ErrorCode::IntegrityFailed) return status;
  const bool gcm = type == KeyType::Aes128Gcm96 || type == KeyType::Aes256Gcm96;
  return fail(ErrorCode::IntegrityFailed,
              gcm ? "cipher: message authentication failed" : "chacha20poly1305: message authentication failed");
}

tl::unexpected<Error> no_version(std::string_view why, std::string_view doing) {
  return fail(ErrorCode::BadInput, "requested version for " + std::string(doing) + std::string(why), "key_version");
}

}  // namespace

Status admit(const Core& core, const Key& key, KeyUse use) {
  if (key.epoch != core.epoch.load(std::memory_order_acquire)) return fail(ErrorCode::Unavailable, "the key engine was sealed meanwhile");
  const Policy& p = key.policy;
  if (p.soft_deleted) return fail(ErrorCode::Denied, "the key is soft-deleted: restore it to use it", key.name);
  if (!p.allows(use)) return fail(ErrorCode::Denied, "the key's list of allowed uses does not have " + std::string(name_of(use)), key.name);
  return protects(use) ? check_expiry(core, key) : Status();
}

Result<const Version*> version_to_protect(const Key& key, std::uint32_t number, std::string_view doing) {
  const Policy& p = key.policy;
  if (number == 0 || number == p.latest) return &key.newest();
  if (number > p.latest) return no_version(" is higher than the latest key version", doing);
  if (number < p.min_encryption) return no_version(" is less than the minimum encryption key version", doing);
  if (const Version* version = key.find(number)) return version;
  return no_version(" is less than the minimum decryption key version", doing);
}

Result<const Version*> version_to_open(const Key& key, std::uint32_t number, TextKind kind) {
  POSTERN_CHECK(check_version(number, key.policy.min_decryption, key.policy.latest, kind));
  return key.find(number);
}

Result<const Version*> version_to_show(const Key& key, std::uint32_t number) {
  if (number == 0) return &key.newest();
  if (const Version* version = key.find(number)) return version;
  return fail(ErrorCode::NotFound, "the key has no version " + std::to_string(number) + " (or it is below min_decryption_version)",
              key.name);
}

Result<const PrivateKey*> private_key_of(const Key& key, const Version& version, std::string_view complaint) {
  if (!kind_of(key.policy.type)) return fail(ErrorCode::Unsupported, std::string(complaint), key.name);
  if (version.material.secret.empty())
    return fail(ErrorCode::Denied, "only the public key of this version was imported: import its private key first", key.name);
  POSTERN_TRY(const Usable* usable, version.usable(key.policy.type, key.policy.derived));
  return &std::get<PrivateKey>(usable->object);
}

Result<const PublicKey*> public_key_of(const Key& key, const Version& version, std::string_view complaint) {
  if (!kind_of(key.policy.type)) return fail(ErrorCode::Unsupported, std::string(complaint), key.name);
  POSTERN_TRY(const Usable* usable, version.usable(key.policy.type, key.policy.derived));
  if (const auto* whole = std::get_if<PrivateKey>(&usable->object)) return &whole->public_key();
  return &std::get<PublicKey>(usable->object);
}

Status check_context(const Key& key, ByteView context) {
  if (!key.policy.derived || !context.empty()) return {};
  return fail(ErrorCode::BadInput,
              "missing 'context' for key derivation; the key was created using a derived key, which means additional, per-request "
              "information must be included in order to perform operations with the key",
              "context");
}

Status seal_message(const Key& key, const Version& version, const CipherOptions& options, ByteView plaintext, ByteSpan out) {
  if (plaintext.size() > kPlaintextMost) return fail(ErrorCode::TooLarge, "more than 32 MiB in one message", "plaintext");
  if (!key.policy.derived) return seal_plain(key, version, options.aad, plaintext, out);
  return seal_derived(key, version, options, plaintext, out);
}

Status open_message(const Key& key, const Version& version, const CipherOptions& options, ByteView sealed, ByteSpan out) {
  const std::size_t nonce = nonce_size_of(key.policy.type);
  if (sealed.size() < nonce + kAeadTag) return fail(ErrorCode::BadInput, "invalid ciphertext: too short", "ciphertext");
  const ByteView head = sealed.first(nonce);
  const ByteView rest = sealed.subspan(nonce);
  return as_the_api_says(key.policy.type, key.policy.derived ? open_derived(key, version, options, head, rest, out)
                                                             : open_plain(key, version, options.aad, head, rest, out));
}

}  // namespace postern::transit::detail
