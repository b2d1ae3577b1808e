// What holds the keys, by the settings: the key engine in this process, or an external Vault with the records that belong to it
// (data_dir/keeper/vault.db). The engine may be there beside an external Vault, to serve its API.
#pragma once

#include "engine/key_engine.hpp"
#include "store/key_store.hpp"

namespace postern::daemon {

class Keys {
 public:
  /// `clock` must outlive it.
  [[nodiscard]] static Result<Keys> open(const config::Config& config, const Clock& clock);

  /// Of the databases, those of this process and that of mail; empty: they are not encrypted as a whole. A new one is made only for the
  /// first start.
  [[nodiscard]] SecretBytes database_key() const { return m_database_key.clone(); }
  /// The mail system's keys.
  [[nodiscard]] const std::shared_ptr<Keeper>& keeper() const noexcept { return m_keeper; }
  /// Null: nothing is served under /v1.
  [[nodiscard]] engine::KeyEngine* engine() const noexcept { return m_engine.get(); }
  [[nodiscard]] bool are_far() const noexcept { return m_records != nullptr; }

 private:
  [[nodiscard]] Status open_vault(const config::Config& config, const Clock& clock);

  SecretBytes m_database_key;
  std::unique_ptr<engine::KeyEngine> m_engine;
  std::unique_ptr<Store> m_store;
  std::unique_ptr<SqliteKeyStore> m_records;
  std::shared_ptr<Keeper> m_keeper;  // last: it uses the rest
};

}  // namespace postern::daemon
