// From settings to a keeper.
#pragma once

#include "config/config.hpp"
#include "vaultkeeper/vault_keeper.hpp"

namespace postern::vaultkeeper {

/// The keeper of keys.backend = "vault". Key store and clock must outlive it.
///
/// It tries to log in and to open its keys. A Vault that does not answer or does not permit something yet is no error: the keeper is there,
/// says Unavailable with the reason, and goes on trying. Errors are what only an operator can mend before a start makes sense: a refused
/// login (Denied), files and references that lead nowhere (NotFound, BadInput), the wrong Vault or database (IntegrityFailed, Conflict).
[[nodiscard]] Result<std::shared_ptr<VaultKeeper>> open_vault_keeper(const config::Config& config, KeyStore& key_store, const Clock& clock);

/// Parts of it, for tests.
[[nodiscard]] VaultKeeperOptions keeper_options(const config::Config& config);

}  // namespace postern::vaultkeeper
