// The secret that a configuration refers to and the database cannot hold: the key of the database files, as file:PATH, env:NAME or
// keychain:SERVICE/ACCOUNT under the rules of security.keychain. (keys.root, of the same form, is the key engine's: engine/.)
#pragma once

#include "config/config.hpp"
#include "keys/root_key.hpp"

namespace postern::gateway {

/// The 256-bit key of database.sqlcipher_key_ref; a file is relative to the configuration's directory. Errors name the setting and what to
/// do.
[[nodiscard]] Result<SecretBytes> sqlcipher_key(const config::Config& config, CreateRootKey create);

}  // namespace postern::gateway
