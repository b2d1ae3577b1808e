// The calls of the Keeper port: each goes to the Vault's transit engine or to our own wrapped keys.
#include "vaultkeeper/vault_keeper.hpp"
#include "vaultkeeper/wrapped_key.hpp"

#include <algorithm>

namespace postern::vaultkeeper {
namespace {

tl::unexpected<Error> not_by_transit(const KeyName& name, std::string_view what) {
  return fail(ErrorCode::Unsupported, "transit does not " + std::string(what) + ": the key must be one that was made here", name.get());
}

}  // namespace

// Keys -------------------------------------------------------------------------------------------------------------------------------

Result<KeyInfo> VaultKeeper::create(const KeyName& name, KeyType type) {
  if (type == KeyType::OpenPgp) return fail(ErrorCode::Unsupported, "an OpenPGP key needs a user id: make it with openpgp_create", "type");
  POSTERN_CHECK(ready_for(name));
  if (m_local.holds(name)) return fail(ErrorCode::Conflict, "the key exists already", name.get());
  if (goes_to_transit(name, type)) return m_transit.create(name, type);
  POSTERN_CHECK(free_in_transit(name));
  return m_local.create(name, type, {});
}

/// One name is one key, wherever it lives.
Status VaultKeeper::free_in_transit(const KeyName& name) {
  const auto there = m_transit.describe(name);
  if (there) return fail(ErrorCode::Conflict, "the key exists already", name.get());
  if (there.error().code == ErrorCode::NotFound) return {};
  return fail(there.error());
}

Result<KeyInfo> VaultKeeper::openpgp_create(const KeyName& name, std::string_view user_id) {
  POSTERN_CHECK(ready_for(name));
  POSTERN_CHECK(free_in_transit(name));
  return m_local.create(name, KeyType::OpenPgp, user_id);
}

Result<KeyInfo> VaultKeeper::describe(const KeyName& name) {
  POSTERN_CHECK(ready_for(name));
  return m_local.holds(name) ? m_local.describe(name) : m_transit.describe(name);
}

Result<std::vector<KeyName>> VaultKeeper::list() {
  POSTERN_CHECK(ready_to_use());
  POSTERN_TRY(std::vector<KeyName> names, m_transit.list());
  const std::vector<KeyName> own = m_local.list();
  names.insert(names.end(), own.begin(), own.end());
  std::ranges::sort(names);
  const auto twice = std::ranges::unique(names);
  names.erase(twice.begin(), twice.end());
  return names;
}

Result<KeyInfo> VaultKeeper::rotate(const KeyName& name) {
  POSTERN_CHECK(ready_for(name));
  if (m_local.holds(name)) return m_local.rotate(name);
  POSTERN_TRY(KeyInfo info, m_transit.rotate(name));
  m_data_keys.forget(name);
  if (name == key_names::kPgpEncryption) POSTERN_CHECK(m_local.rewrap(info.latest));
  return info;
}

Result<KeyInfo> VaultKeeper::configure(const KeyName& name, const KeySettings& settings) {
  POSTERN_CHECK(ready_for(name));
  if (m_local.holds(name)) return m_local.configure(name, settings);
  if (name == key_names::kPgpEncryption) POSTERN_CHECK(m_local.check_wrapping(settings.min_decryption_version.value_or(0)));
  return m_transit.configure(name, settings);
}

Status VaultKeeper::remove(const KeyName& name) {
  POSTERN_CHECK(ready_for(name));
  if (m_local.holds(name)) return m_local.remove(name);
  // Our records hang on it, the record key at least.
  if (name == key_names::kPgpEncryption)
    return fail(ErrorCode::Denied, "all private keys that were made here are sealed under this key: it cannot be removed", name.get());
  POSTERN_CHECK(m_transit.remove(name));
  m_data_keys.forget(name);
  return {};
}

Result<PublicKey> VaultKeeper::public_key(const KeyName& name, std::uint32_t version) {
  POSTERN_CHECK(ready_for(name));
  return m_local.holds(name) ? m_local.public_key(name, version) : m_transit.public_key(name, version);
}

// Signatures and MACs ------------------------------------------------------------------------------------------------------------------

Result<Bytes> VaultKeeper::sign(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data) {
  POSTERN_CHECK(ready_for(name));
  if (!m_local.holds(name)) return m_transit.sign(name, version, algorithm, data);
  POSTERN_TRY(const auto key, m_local.key(name, version, LocalKeys::Use::Protect));
  return key->sign(algorithm, data);
}

Status VaultKeeper::verify(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data, ByteView signature) {
  POSTERN_CHECK(ready_for(name));
  if (!m_local.holds(name)) return m_transit.verify(name, version, algorithm, data, signature);
  POSTERN_TRY(const KeyInfo info, m_local.describe(name));
  const std::uint32_t number = version == 0 ? info.latest : version;
  if (number < info.min_decryption_version)
    return fail(ErrorCode::Denied, "the version of the key is disallowed by policy (too old)", name.get());
  POSTERN_TRY(const PublicKey key, m_local.public_key(name, number));
  return key.verify(algorithm, data, signature);
}

Result<Bytes> VaultKeeper::mac(const KeyName& name, std::uint32_t version, HashAlgorithm algorithm, ByteView data) {
  POSTERN_CHECK(ready_for(name));
  if (m_local.holds(name)) return fail(ErrorCode::Unsupported, "this key does not make MACs", name.get());
  return m_transit.mac(name, version, algorithm, data);
}

// Encryption ---------------------------------------------------------------------------------------------------------------------------

Result<std::string> VaultKeeper::encrypt(const KeyName& name, ByteView plaintext, ByteView aad, std::uint32_t version) {
  POSTERN_CHECK(ready_for(name));
  if (!m_local.holds(name)) return m_transit.encrypt(name, plaintext, aad, version);
  return m_local.encrypt(name, version, plaintext, aad);
}

Result<SecretBytes> VaultKeeper::decrypt(const KeyName& name, std::string_view ciphertext, ByteView aad) {
  POSTERN_CHECK(ready_for(name));
  if (!m_local.holds(name)) return m_transit.decrypt(name, ciphertext, aad);
  return m_local.decrypt(name, ciphertext, aad);
}

Result<DataKey> VaultKeeper::new_data_key(const KeyName& name, ByteView aad) {
  POSTERN_CHECK(ready_for(name));
  return m_data_keys.fresh(name, aad);
}

Result<std::uint32_t> VaultKeeper::wrapped_version(ByteView wrapped) const {
  POSTERN_TRY(const WrappedKey key, read_wrapped_key(wrapped));
  return key.by.version;
}

Result<SecretBytes> VaultKeeper::unwrap_data_key(const KeyName& name, ByteView wrapped, ByteView aad) {
  POSTERN_CHECK(ready_for(name));
  return m_data_keys.unwrap(name, wrapped, aad);
}

Result<Bytes> VaultKeeper::rewrap_data_key(const KeyName& name, ByteView wrapped, ByteView aad) {
  POSTERN_CHECK(ready_for(name));
  POSTERN_TRY(const KeyInfo info, m_transit.describe(name));
  return m_data_keys.rewrap(name, wrapped, aad, info.latest);
}

Result<SecretBytes> VaultKeeper::decrypt_oaep(const KeyName& name, std::uint32_t version, const OaepOptions& options, ByteView ciphertext) {
  POSTERN_CHECK(ready_for(name));
  if (!m_local.holds(name)) return m_transit.decrypt_oaep(name, version, options, ciphertext);
  POSTERN_TRY(const auto key, m_local.key(name, version, LocalKeys::Use::Open));
  return key->decrypt_oaep(options, ciphertext);
}

Result<SecretBytes> VaultKeeper::decrypt_pkcs1(const KeyName& name, std::uint32_t version, ByteView ciphertext, std::size_t expected_size) {
  POSTERN_CHECK(ready_for(name));
  if (!m_local.holds(name)) return not_by_transit(name, "decrypt PKCS#1 v1.5");
  POSTERN_TRY(const auto key, m_local.key(name, version, LocalKeys::Use::Open));
  return key->decrypt_pkcs1(ciphertext, expected_size);
}

Result<SecretBytes> VaultKeeper::agree(const KeyName& name, std::uint32_t version, const PublicKey& peer) {
  POSTERN_CHECK(ready_for(name));
  if (!m_local.holds(name)) return not_by_transit(name, "agree on secrets");
  POSTERN_TRY(const auto key, m_local.key(name, version, LocalKeys::Use::Open));
  return key->agree(peer);
}

// OpenPGP ------------------------------------------------------------------------------------------------------------------------------

Result<std::string> VaultKeeper::openpgp_certificate(const KeyName& name, std::uint32_t version) {
  POSTERN_CHECK(ready_for(name));
  return m_local.certificate(name, version);
}

Result<std::string> VaultKeeper::openpgp_sign_detached(const KeyName& name, ByteView data) {
  POSTERN_CHECK(ready_for(name));
  POSTERN_TRY(const auto key, m_local.openpgp(name));
  return key->sign_detached(data, m_clock.now());
}

Result<std::string> VaultKeeper::openpgp_sign_encrypt(const KeyName& name, std::span<const Bytes> recipients, ByteView plaintext) {
  POSTERN_CHECK(ready_for(name));
  POSTERN_TRY(const auto key, m_local.openpgp(name));
  return key->sign_encrypt(recipients, plaintext, m_clock.now());
}

Result<OpenPgpOpened> VaultKeeper::openpgp_decrypt(const KeyName& name, ByteView message, std::span<const Bytes> signers) {
  POSTERN_CHECK(ready_for(name));
  POSTERN_TRY(const auto key, m_local.openpgp(name));
  return key->decrypt(message, signers, m_clock.now());
}

}  // namespace postern::vaultkeeper
