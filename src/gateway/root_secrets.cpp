#include "gateway/root_secrets.hpp"

#include "crypto/hash.hpp"

namespace postern::gateway {
namespace {

KeychainUse keychain_of(const config::Config& config) {
  return {config.keychain.enabled, config.keychain.service_name, config.keychain.account_name, config.keychain.fallback_env};
}

template <class Place>
Result<RootKey> secret(const config::Config& config, const std::string& reference, std::string_view setting, CreateRootKey create,
                       Place place) {
  const KeychainUse keychain = keychain_of(config);
  auto source = parse_root_key_source(reference, keychain);
  if (source && source->kind == RootKeySource::Kind::File) source->place = place(source->place);
  auto found = source ? load_root_key(*source, create, keychain) : Result<RootKey>(fail(source.error()));
  if (found) return found;
  Error error = std::move(found).error();
  error.field = setting;
  return fail(std::move(error));
}

}  // namespace

Result<RootKey> root_key(const config::Config& config, CreateRootKey create) {
  return secret(config, config.keys.root, "keys.root", create, [&](const std::string& path) { return config.in_data_dir(path); });
}

Result<SecretBytes> sqlcipher_key(const config::Config& config, CreateRootKey create) {
  POSTERN_TRY(const RootKey found, secret(config, config.database.sqlcipher_key_ref, "database.sqlcipher_key_ref", create,
                                          [&](const std::string& path) { return config.beside_config(path); }));
  // Whatever the secret's form, SQLCipher gets a raw 256-bit key.
  return SecretBytes(sha256(found.view()));
}

}  // namespace postern::gateway
