#include "vaultkeeper/open.hpp"

#include <openssl/evp.h>

#include <fstream>

#include "base/log.hpp"
#include "base/text.hpp"
#include "tlspolicy/profile.hpp"
#include "vaultkeeper/http_transport.hpp"
#include "vaultkeeper/revocation_judge.hpp"

namespace postern::vaultkeeper {
namespace {

KeychainUse keychain_of(const config::Config& config) {
  return {config.keychain.enabled, config.keychain.service_name, config.keychain.account_name, config.keychain.fallback_env};
}

Error about(Error error, std::string_view setting) {
  error.field = setting;
  return error;
}

Result<EvpPkeyPtr> private_key(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::NotFound, "cannot read " + path + "; check the path and its permissions", "keys.vault.client_key");
  std::string pem((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  auto key = PrivateKey::from_pem(as_bytes(pem));
  wipe(pem);
  if (!key) return fail(about(std::move(key).error(), "keys.vault.client_key"));
  EVP_PKEY* native = key->native();
  EVP_PKEY_up_ref(native);
  return EvpPkeyPtr(native);
}

Result<io::SslContext> tls_of(const config::Config& config) {
  const auto& vault = config.vault;
  TlsClientProfile profile;
  profile.system_roots = vault.ca.empty();
  if (!vault.ca.empty()) {
    auto roots = certificates_from_file(config.beside_config(vault.ca));
    if (!roots) return fail(about(std::move(roots).error(), "keys.vault.ca"));
    profile.roots = *std::move(roots);
  }
  if (!vault.client_certificate.empty()) {
    auto chain = certificates_from_file(config.beside_config(vault.client_certificate));
    if (!chain) return fail(about(std::move(chain).error(), "keys.vault.client_certificate"));
    profile.chain = *std::move(chain);
    POSTERN_TRY(profile.key, private_key(config.beside_config(vault.client_key)));
  }
  auto context = client_context(std::move(profile));
  if (!context) return fail(about(std::move(context).error(), "keys.vault"));
  return context->shared();
}

Result<RootKeySource> source_of(const config::Config& config, const std::string& reference, std::string_view setting) {
  auto source = parse_root_key_source(reference, keychain_of(config));
  if (!source) return fail(about(std::move(source).error(), setting));
  if (source->kind == RootKeySource::Kind::File) source->place = config.beside_config(source->place);
  return source;
}

Result<std::unique_ptr<Credentials>> credentials_of(const config::Config& config) {
  const auto& vault = config.vault;
  if (vault.auth == "token_file") return token_file_credentials(config.beside_config(vault.token_file));
  AppRoleOptions options;
  options.mount = vault.auth_mount;
  options.wrapped = vault.secret_id_wrapped;
  options.keychain = keychain_of(config);
  POSTERN_TRY(options.role_id, source_of(config, vault.role_id, "keys.vault.role_id"));
  POSTERN_TRY(options.secret_id, source_of(config, vault.secret_id, "keys.vault.secret_id"));
  return approle_credentials(std::move(options));
}

std::string origin(std::string url) {
  if (!url.empty() && url.back() == '/') url.pop_back();
  return url;
}

}  // namespace

VaultKeeperOptions keeper_options(const config::Config& config) {
  const auto& vault = config.vault;
  VaultKeeperOptions out;
  for (const auto& url : vault.address) out.line.addresses.push_back(origin(url));
  out.line.name_space = vault.name_space;
  out.line.timeout = vault.timeout;
  out.mount = vault.mount;
  out.data_keys.life = vault.data_key_life;
  out.data_keys.uses = static_cast<std::uint64_t>(vault.data_key_uses);
  out.data_keys.wait = vault.timeout;
  out.local_keys.life = vault.key_life;
  // The names are those of pki/authority.hpp and of the listener; what is not listed is made here, which always works.
  out.local_keys.resident.insert(KeyName("tls_server"));
  out.signing_only.insert(KeyName("pki_root_key"));
  for (const auto& signer : config.dkim) {
    if (const auto name = parse_key_name(signer.key)) out.signing_only.insert(*name);
  }
  return out;
}

Result<std::shared_ptr<VaultKeeper>> open_vault_keeper(const config::Config& config, KeyStore& key_store, const Clock& clock) {
  HttpTransportOptions http;
  POSTERN_TRY(http.tls, tls_of(config));
  POSTERN_TRY(http.judge, revocation_judge(config, clock));
  http.server_name = config.vault.server_name;
  http.interface = config.vault.interface;
  http.connections = static_cast<std::size_t>(config.vault.connections);
  POSTERN_TRY(auto credentials, credentials_of(config));
  auto keeper =
      std::make_shared<VaultKeeper>(http_transport(std::move(http)), std::move(credentials), key_store, clock, keeper_options(config));
  const Status ready = keeper->connect();
  if (!ready && ready.error().code != ErrorCode::Unavailable) return fail(ready.error());
  if (!ready) log::warn("vaultkeeper.not_ready", {{"reason", ready.error()}});
  return keeper;
}

}  // namespace postern::vaultkeeper
