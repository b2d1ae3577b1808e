// The two secrets that a configuration refers to and the database cannot hold: the root of all keys, and the key of the database file.
// Both are file:PATH, env:NAME or keychain:SERVICE/ACCOUNT, found in the same way and under the rules of security.keychain.
#pragma once

#include "config/config.hpp"
#include "keys/root_key.hpp"

namespace postern::gateway {

/// keys.root; a file is relative to data_dir. Errors name the setting and what to do.
[[nodiscard]] Result<RootKey> root_key(const config::Config& config, CreateRootKey create);

/// The 256-bit key of database.sqlcipher_key_ref; a file is relative to the configuration's directory.
[[nodiscard]] Result<SecretBytes> sqlcipher_key(const config::Config& config, CreateRootKey create);

}  // namespace postern::gateway
