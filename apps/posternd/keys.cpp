#include "keys.hpp"

#include <filesystem>

#include "gateway/root_secrets.hpp"
#include "vaultkeeper/open.hpp"

namespace postern::daemon {
namespace {

/// A new key would be no use for a database that is there.
Result<SecretBytes> find_database_key(const config::Config& config) {
  if (!config.database.use_sqlcipher) return SecretBytes();
  std::error_code ignored;
  const bool used = std::filesystem::exists(config.in_keeper_dir("engine.db"), ignored) ||
                    std::filesystem::exists(config.in_keeper_dir("vault.db"), ignored);
  return gateway::sqlcipher_key(config, used ? CreateRootKey::No : CreateRootKey::IfMissing);
}

}  // namespace

Result<Keys> Keys::open(const config::Config& config, const Clock& clock) {
  Keys out;
  const bool embedded = config.keys.backend == "embedded";
  POSTERN_TRY(out.m_database_key, find_database_key(config));
  if (embedded || config.engine.enabled) {
    POSTERN_TRY(out.m_engine, engine::KeyEngine::open(config, out.database_key(), clock));
  }
  if (!embedded) POSTERN_CHECK(out.open_vault(config, clock));
  if (embedded) out.m_keeper = out.m_engine->keeper();
  return out;
}

Status Keys::open_vault(const config::Config& config, const Clock& clock) {
  StoreOptions options;
  options.data_dir = config.in_keeper_dir("");
  options.database = "vault.db";
  options.readers = 1;
  options.key = database_key();
  POSTERN_TRY(m_store, Store::open(std::move(options)));
  m_records = std::make_unique<SqliteKeyStore>(*m_store);
  POSTERN_TRY(m_keeper, vaultkeeper::open_vault_keeper(config, *m_records, clock));
  return {};
}

}  // namespace postern::daemon
