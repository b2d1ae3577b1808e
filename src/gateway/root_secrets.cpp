#include "gateway/root_secrets.hpp"

#include "crypto/hash.hpp"

namespace postern::gateway {
namespace {

KeychainUse keychain_of(const config::Config& config) {
  return {config.keychain.enabled, config.keychain.service_name, config.keychain.account_name, config.keychain.fallback_env};
}

Result<RootKey> secret(const config::Config& config, CreateRootKey create) {
  const KeychainUse keychain = keychain_of(config);
  POSTERN_TRY(auto source, parse_root_key_source(config.database.sqlcipher_key_ref, keychain));
  if (source.kind == RootKeySource::Kind::File) source.place = config.beside_config(source.place);
  return load_root_key(source, create, keychain);
}

}  // namespace

Result<SecretBytes> sqlcipher_key(const config::Config& config, CreateRootKey create) {
  auto found = secret(config, create);
  if (found) return SecretBytes(sha256(found->view()));  // whatever the secret's form, SQLCipher gets a raw 256-bit key
  Error error = std::move(found).error();
  error.field = "database.sqlcipher_key_ref";
  return fail(std::move(error));
}

}  // namespace postern::gateway
