// The key engine of one daemon as one object: its database, seal, custodian, audit devices, what can be mounted, and the core on top.
//
// Settings: engine.seal and engine.audit.*, keys.root, database.use_sqlcipher, storage.data_dir. With engine.seal = "auto" (the secret of
// keys.root) the engine makes itself at the first start and opens itself at every one; the first root token is written to
// data_dir/keeper/engine.token and the recovery share, which permits rekey and generate-root, to engine.recovery beside it (both 0600: put
// the second where the first is not). With "shamir" it waits for people (`postern seal init`, `postern seal unseal`). A seal that does not
// answer leaves the engine sealed; it is asked again every half minute.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "barrier/custodian.hpp"
#include "config/config.hpp"
#include "keys/keeper.hpp"
#include "vault/core.hpp"

namespace postern::engine {

class KeyEngine {
 public:
  /// Opens the database and, where the seal can, the engine. `database_key`: 32 bytes for SQLCipher, or nothing. Errors name the setting or
  /// the file. A seal that does not answer now is a line in the log, not an error; a secret of keys.root that is missing or not the right
  /// one is an error. The clock must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<KeyEngine>> open(const config::Config& config, SecretBytes database_key, const Clock& clock);
  /// stop(), and seals.
  ~KeyEngine();
  KeyEngine(const KeyEngine&) = delete;
  KeyEngine& operator=(const KeyEngine&) = delete;

  /// From now on time passes in it: expiry, rotation, a sealed seal asked again. Once.
  void start();
  void stop() noexcept;

  [[nodiscard]] vault::Core& core() noexcept;
  /// The mail system's keys: those of the mount transit/. Must not outlive the engine.
  [[nodiscard]] std::shared_ptr<Keeper> keeper() noexcept;
  [[nodiscard]] Result<CustodyStatus> status();

 private:
  struct Parts;
  explicit KeyEngine(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> m_parts;
};

}  // namespace postern::engine
