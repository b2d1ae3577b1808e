// Asymmetric odds and ends of one key: agreement, key transport, encapsulation, what it is.
#include "transit/use.hpp"

namespace postern::transit {

using detail::admit;
using detail::Counted;
using detail::Usable;
using detail::Version;

const std::string& KeyRef::name() const noexcept { return m_key->name; }
KeyType KeyRef::type() const noexcept { return m_key->policy.type; }
bool KeyRef::derived() const noexcept { return m_key->policy.derived; }
bool KeyRef::convergent() const noexcept { return m_key->policy.convergent; }
std::uint32_t KeyRef::latest() const noexcept { return m_key->policy.latest; }
KeyInfo KeyRef::info() const { return detail::info_of(*m_key); }

Result<PublicKey> KeyRef::public_key(std::uint32_t version) const {
  POSTERN_TRY(const Version* found, version_to_show(*m_key, version));
  if (m_key->policy.derived) return fail(ErrorCode::Unsupported, "a derived key has a public key per context", m_key->name);
  POSTERN_TRY(const PublicKey* pub, public_key_of(*m_key, *found, "the key has no public half"));
  return *pub;
}

Result<SecretBytes> KeyRef::decrypt_oaep(std::uint32_t version, const OaepOptions& options, ByteView ciphertext) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Decrypt));
  POSTERN_TRY(const Version* found, version_to_show(*m_key, version));
  POSTERN_TRY(const PrivateKey* own, private_key_of(*m_key, *found, "the key cannot decrypt by RSA"));
  return own->decrypt_oaep(options, ciphertext);
}

Result<SecretBytes> KeyRef::decrypt_pkcs1(std::uint32_t version, ByteView ciphertext, std::size_t expected_size) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Decrypt));
  POSTERN_TRY(const Version* found, version_to_show(*m_key, version));
  POSTERN_TRY(const PrivateKey* own, private_key_of(*m_key, *found, "the key cannot decrypt by RSA"));
  return own->decrypt_pkcs1(ciphertext, expected_size);
}

Result<SecretBytes> KeyRef::agree(std::uint32_t version, const PublicKey& peer) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Agree));
  POSTERN_TRY(const Version* found, version_to_show(*m_key, version));
  if (!abilities_of(type()).agrees) return fail(ErrorCode::Unsupported, "the key cannot agree on secrets", m_key->name);
  POSTERN_TRY(const PrivateKey* own, private_key_of(*m_key, *found, "the key cannot agree on secrets"));
  return own->agree(peer);
}

Result<Encapsulated> KeyRef::encapsulate(std::uint32_t version) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Encrypt));
  if (!abilities_of(type()).encapsulates) return fail(ErrorCode::Unsupported, "only ML-KEM keys encapsulate", m_key->name);
  POSTERN_TRY(const Version* found, version_to_protect(*m_key, version, "encryption"));
  POSTERN_TRY(const Usable* usable, found->usable(type(), false));
  POSTERN_CHECK(m_core->count(*m_key, *found, Counted::Encryption));
  POSTERN_TRY(auto made, std::get<PqKey>(usable->object).encapsulate());
  Encapsulated out{std::move(made.secret), {}, found->number};
  append_prefix(out.text, found->number);
  append_base64(out.text, made.ciphertext);
  return out;
}

Result<SecretBytes> KeyRef::decapsulate(std::string_view ciphertext) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Agree));
  if (!abilities_of(type()).encapsulates) return fail(ErrorCode::Unsupported, "only ML-KEM keys decapsulate", m_key->name);
  POSTERN_TRY(const VersionedText text, read_versioned(ciphertext, TextKind::Ciphertext));
  POSTERN_TRY(const Version* found, version_to_open(*m_key, text.version, TextKind::Ciphertext));
  const auto bytes = decode_base64<Bytes>(text.body);
  if (!bytes) return fail(ErrorCode::BadInput, "invalid ciphertext: could not decode base64");
  POSTERN_TRY(const Usable* usable, found->usable(type(), false));
  return std::get<PqKey>(usable->object).decapsulate(*bytes);
}

Result<SecretBytes> KeyRef::openpgp_secret(std::uint32_t version) const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Decrypt));
  if (type() != KeyType::OpenPgp) return fail(ErrorCode::Unsupported, "not an OpenPGP key", m_key->name);
  POSTERN_TRY(const Version* found, version_to_show(*m_key, version));
  return found->material.secret.clone();
}

Status KeyRef::count_openpgp_signature() const {
  POSTERN_CHECK(admit(*m_core, *m_key, KeyUse::Sign));
  if (type() != KeyType::OpenPgp) return fail(ErrorCode::Unsupported, "not an OpenPGP key", m_key->name);
  return m_core->count(*m_key, m_key->newest(), Counted::Signature);
}

}  // namespace postern::transit
