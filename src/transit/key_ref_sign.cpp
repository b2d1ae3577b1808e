// Signatures and MACs of one key.
#include <charconv>

#include "crypto/hmac.hpp"
#include "transit/use.hpp"

namespace postern::transit {

using detail::admit;
using detail::Counted;
using detail::Key;
using detail::Version;

namespace {

std::string no_signing(const Key& key) { return "key type " + std::string(name_of(key.policy.type)) + " does not support signing"; }
std::string no_verifying(const Key& key) { return "key type " + std::string(name_of(key.policy.type)) + " does not support verification"; }

Status check_salt(const Key& key, const SignOptions& options) {
  const int most = detail::rsa_bits_of(key.policy.type) / 8 - static_cast<int>(digest_size(*options.hash)) - 2;  // RFC 8017 9.1.1
  if (options.salt <= most) return {};
  return fail(ErrorCode::BadInput, "the salt may have at most " + std::to_string(most) + " bytes with this key and hash", "salt_length");
}

Result<SignAlgorithm> rsa_algorithm(const Key& key, const SignOptions& options) {
  if (!options.hash) {
    if (options.padding != RsaPadding::Pkcs1 || !options.prehashed)
      return fail(ErrorCode::BadInput, "hash_algorithm=none requires both prehashed=true and signature_algorithm=pkcs1v15",
                  "hash_algorithm");
    return SignAlgorithm{.no_digest_info = true};
  }
  if (options.padding == RsaPadding::Pss) POSTERN_CHECK(check_salt(key, options));
  return SignAlgorithm{.hash = *options.hash, .padding = options.padding, .salt = options.salt, .prehashed = options.prehashed};
}

// What the options mean for this key.
Result<SignAlgorithm> algorithm_for(const Key& key, const SignOptions& options) {
  if (key.policy.type == KeyType::Ed25519) return SignAlgorithm::ed25519();
  if (detail::rsa_bits_of(key.policy.type) != 0) return rsa_algorithm(key, options);
  if (!options.hash) return fail(ErrorCode::BadInput, "hash_algorithm=none is for RSA keys with pkcs1v15", "hash_algorithm");
  return SignAlgorithm{.hash = *options.hash, .prehashed = options.prehashed};
}

bool is_ecdsa(const Key& key) { return detail::algorithm_name(key.policy.type).starts_with("P-"); }

Status append_signature(std::string& out, const Key& key, Marshaling marshaling, ByteView signature) {
  if (marshaling == Marshaling::Asn1) return append_base64(out, signature), Status();
  if (!is_ecdsa(key)) return append_base64url(out, signature), Status();
  POSTERN_TRY(const Bytes fixed, ecdsa_to_fixed(*detail::kind_of(key.policy.type), signature));
  append_base64url(out, fixed);
  return {};
}

Status bad_signature() { return fail(ErrorCode::BadInput, "invalid base64 signature value", "signature"); }

// The signature as the key's algorithm wants it.
Result<Bytes> read_signature(const Key& key, Marshaling marshaling, std::string_view body) {
  auto bytes = marshaling == Marshaling::Asn1 ? decode_base64<Bytes>(body) : base64url_decode(body);
  if (!bytes) return fail(bad_signature().error());
  if (!is_ecdsa(key)) return bytes;
  const KeyKind curve = *detail::kind_of(key.policy.type);
  auto checked = marshaling == Marshaling::Jws ? ecdsa_to_der(curve, *bytes) : ecdsa_to_fixed(curve, *bytes);
  if (!checked) return fail(ErrorCode::BadInput, "supplied signature is invalid", "signature");
  return marshaling == Marshaling::Jws ? std::move(checked) : std::move(bytes);
}

Result<Bytes> raw_signature(const Key& key, const Version& version, const SignAlgorithm& algorithm, ByteView input) {
  if (detail::pq_kind_of(key.policy.type)) {
    POSTERN_TRY(const detail::Usable* usable, version.usable(key.policy.type, false));
    return std::get<PqKey>(usable->object).sign(input);
  }
  POSTERN_TRY(const PrivateKey* own, private_key_of(key, version, no_signing(key)));
  return own->sign(algorithm, input);
}

Status check_raw(const Key& key, const Version& version, const SignAlgorithm& algorithm, ByteView input, ByteView signature) {
  if (detail::pq_kind_of(key.policy.type)) {
    POSTERN_TRY(const detail::Usable* usable, version.usable(key.policy.type, false));
    return std::get<PqKey>(usable->object).verify(input, signature);
  }
  POSTERN_TRY(const PublicKey* pub, public_key_of(key, version, no_verifying(key)));
  return pub->verify(algorithm, input, signature);
}

Result<PrivateKey> derived_key(const Key& key, const Version& version, ByteView context) {
  POSTERN_CHECK(check_context(key, context));
  POSTERN_TRY(const PrivateKey* root, private_key_of(key, version, no_signing(key)));
  return detail::derived_ed25519(*root, context);
}

Result<Bytes> sign_derived(const Key& key, const Version& version, ByteView context, ByteView input, std::string& public_text) {
  POSTERN_TRY(const PrivateKey own, derived_key(key, version, context));
  append_base64(public_text, own.public_key().to_raw());
  return own.sign({}, input);
}

Status check_derived(const Key& key, const Version& version, ByteView context, ByteView input, ByteView signature) {
  POSTERN_TRY(const PrivateKey own, derived_key(key, version, context));
  return own.public_key().verify({}, input, signature);
}

Result<bool> verdict(const Status& status) {
  if (status) return true;
  if (status.error().code == ErrorCode::IntegrityFailed) return false;
  return fail(status.error());
}

Status check_signs(const Key& key, const std::string& complaint) {
  return abilities_of(key.policy.type).signs ? Status() : fail(ErrorCode::Unsupported, complaint, key.name);
}

Result<ByteView> mac_secret(const Key& key, const Version& version) {
  const ByteView secret = version.mac_secret(key.policy.type);
  if (secret.empty()) return fail(ErrorCode::Unsupported, "no HMAC key exists for that key version", key.name);
  return secret;
}

}  // namespace

Result<Signed> KeyRef::sign(ByteView input, const SignOptions& options) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Sign));
  POSTERN_CHECK(check_signs(*m_key, no_signing(*m_key)));
  POSTERN_TRY(const SignAlgorithm algorithm, algorithm_for(*m_key, options));
  POSTERN_TRY(const Version* version, version_to_protect(*m_key, options.version, "signing"));
  POSTERN_CHECK(m_core->count(*m_key, *version, Counted::Signature));
  Signed out;
  POSTERN_TRY(const Bytes signature, m_key->policy.derived ? sign_derived(*m_key, *version, options.context, input, out.public_key)
                                                           : raw_signature(*m_key, *version, algorithm, input));
  append_prefix(out.text, version->number);
  POSTERN_CHECK(append_signature(out.text, *m_key, options.marshaling, signature));
  out.version = version->number;
  return out;
}

Result<bool> KeyRef::verify(ByteView input, std::string_view signature, const SignOptions& options) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Verify));
  POSTERN_CHECK(check_signs(*m_key, no_verifying(*m_key)));
  POSTERN_TRY(const SignAlgorithm algorithm, algorithm_for(*m_key, options));
  POSTERN_TRY(const VersionedText text, read_versioned(signature, TextKind::Signature));
  POSTERN_TRY(const Version* version, version_to_open(*m_key, text.version, TextKind::Signature));
  POSTERN_TRY(const Bytes bytes, read_signature(*m_key, options.marshaling, text.body));
  if (m_key->policy.derived) return verdict(check_derived(*m_key, *version, options.context, input, bytes));
  return verdict(check_raw(*m_key, *version, algorithm, input, bytes));
}

Result<Bytes> KeyRef::sign_bytes(std::uint32_t version, const SignAlgorithm& algorithm, ByteView data) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Sign));
  POSTERN_CHECK(check_signs(*m_key, no_signing(*m_key)));
  if (m_key->policy.derived) return fail(ErrorCode::Unsupported, "a derived key signs only with a context", m_key->name);
  POSTERN_TRY(const Version* found, version_to_protect(*m_key, version, "signing"));
  POSTERN_CHECK(m_core->count(*m_key, *found, Counted::Signature));
  return raw_signature(*m_key, *found, algorithm, data);
}

Status KeyRef::verify_bytes(std::uint32_t version, const SignAlgorithm& algorithm, ByteView data, ByteView signature) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Verify));
  POSTERN_CHECK(check_signs(*m_key, no_verifying(*m_key)));
  if (m_key->policy.derived) return fail(ErrorCode::Unsupported, "a derived key verifies only with a context", m_key->name);
  POSTERN_TRY(const Version* found, version_to_show(*m_key, version));
  return check_raw(*m_key, *found, algorithm, data, signature);
}

Result<Bytes> KeyRef::mac_bytes(std::uint32_t version, HashAlgorithm algorithm, ByteView data) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Hmac));
  POSTERN_TRY(const Version* found, version_to_protect(*m_key, version, "HMAC"));
  POSTERN_TRY(const ByteView secret, mac_secret(*m_key, *found));
  POSTERN_CHECK(m_core->count(*m_key, *found, Counted::Mac));
  return postern::hmac(algorithm, secret, data);
}

Result<Ciphertext> KeyRef::hmac(ByteView input, HashAlgorithm algorithm, std::uint32_t version) const {
  Ciphertext out;
  out.version = version == 0 ? latest() : version;
  POSTERN_TRY(const Bytes mac, mac_bytes(version, algorithm, input));
  append_prefix(out.text, out.version);
  append_base64(out.text, mac);
  return out;
}

Result<bool> KeyRef::verify_hmac(ByteView input, std::string_view mac, HashAlgorithm algorithm) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Verify));
  POSTERN_TRY(const VersionedText text, read_versioned(mac, TextKind::Hmac));
  POSTERN_TRY(const Version* version, version_to_open(*m_key, text.version, TextKind::Hmac));
  const auto given = decode_base64<Bytes>(text.body);
  if (!given) return fail(ErrorCode::BadInput, "invalid HMAC: could not decode base64", "hmac");
  POSTERN_TRY(const ByteView secret, mac_secret(*m_key, *version));
  return constant_time_equal(postern::hmac(algorithm, secret, input), *given);
}

Result<std::string> KeyRef::public_text(std::uint32_t version, ByteView context) const {
  POSTERN_TRY(const Version* found, version_to_show(*m_key, version));
  if (!m_key->policy.derived) return detail::public_text_of(m_key->policy.type, found->material.public_part);
  POSTERN_TRY(const PrivateKey own, derived_key(*m_key, *found, context));
  return base64_encode(own.public_key().to_raw());
}

// Names ------------------------------------------------------------------------------------------------------------------------------

Result<Marshaling> marshaling_from_name(std::string_view name) {
  if (name == "asn1") return Marshaling::Asn1;
  if (name == "jws") return Marshaling::Jws;
  return fail(ErrorCode::BadInput, "invalid marshaling type " + std::string(name) + "; must be one of asn1, jws", "marshaling_algorithm");
}

Result<RsaPadding> padding_from_name(std::string_view name) {
  if (name.empty() || name == "pss") return RsaPadding::Pss;
  if (name == "pkcs1v15") return RsaPadding::Pkcs1;
  return fail(ErrorCode::BadInput, "unsupported rsa signature algorithm " + std::string(name), "signature_algorithm");
}

Result<int> salt_from_name(std::string_view name) {
  if (name.empty() || name == "auto") return SignAlgorithm::kSaltMax;
  if (name == "hash") return SignAlgorithm::kSaltDigest;
  int value = -1;
  const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), value);
  if (fault == std::errc() && end == name.data() + name.size() && value >= 0) return value;
  return fail(ErrorCode::BadInput, "salt length must be \"auto\", \"hash\" or a number of bytes", "salt_length");
}

Result<HashAlgorithm> hash_algorithm_from_name(std::string_view name) {
  if (const auto found = hash_from_name(name)) return *found;
  return fail(ErrorCode::BadInput, "unsupported hash algorithm " + std::string(name), "algorithm");
}

Result<std::optional<HashAlgorithm>> sign_hash_from_name(std::string_view name) {
  if (name == "none") return std::optional<HashAlgorithm>();
  POSTERN_TRY(const HashAlgorithm found, hash_algorithm_from_name(name));
  if (found == HashAlgorithm::Sha1)
    return fail(ErrorCode::Unsupported, "signatures over SHA-1 are not made or accepted: use sha2-256", "hash_algorithm");
  return std::optional(found);
}

}  // namespace postern::transit
