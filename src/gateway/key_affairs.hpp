// Everything about the life of keys that the gateway runs: plan and re-wrapping (rotation/key_life.hpp), the versions of DKIM keys, the
// shredding of tenants. One object, made when keys can be used.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gateway/dkim_rollover.hpp"
#include "gateway/key_roles.hpp"
#include "gateway/tenants.hpp"
#include "rotation/key_life.hpp"
#include "rotation/shredder.hpp"

namespace postern::gateway {

/// All must outlive the affairs. `rotated`: who keeps something of a key forgets it. `key_gone`: empties what the key store keeps of a
/// destroyed key. Both may be null, and so may `server_version`.
struct KeyAffairsParts {
  const config::Config& config;
  Store& store;
  Spool& spool;
  Keeper& keeper;
  DkimSigners& signers;
  io::Resolver& resolver;
  io::WorkerPool& workers;
  Tenants& tenants;
  const Clock& clock;
  std::function<void(const KeyName&, KeyRole)> rotated;
  std::function<Status()> key_gone;
  /// Of the built-in certificate's key, the version that listeners show; none: nothing waits.
  std::function<std::optional<std::uint32_t>()> server_version;
};

/// Thread safe; calls that wait are not for event loops.
class KeyAffairs {
 public:
  explicit KeyAffairs(KeyAffairsParts parts);

  /// The thread of KeyLife, and questions to DNS on this loop. Once.
  void start(io::Executor loop);
  void stop() noexcept { m_life.stop(); }

  [[nodiscard]] KeyLife& life() noexcept { return m_life; }
  [[nodiscard]] DkimRollover& dkim() noexcept { return m_dkim; }
  /// Destroys the tenant's storage key; what is left of its mail is removed in the background. NotFound when there is no such tenant.
  [[nodiscard]] Result<Shredding> shred(const std::string& tenant, const std::string& actor);
  [[nodiscard]] Result<std::vector<Shredding>> shredded() const { return ShredLog(m_parts.store).all(); }

 private:
  [[nodiscard]] KeyLifeOptions options();
  [[nodiscard]] DkimRolloverParts dkim_parts();
  [[nodiscard]] Result<Shredding> shred(const std::string& tenant, const KeyName& key, const std::string& actor);
  bool go_on_shredding();
  io::Task<void> watch_dkim();

  KeyAffairsParts m_parts;
  DkimRollover m_dkim;
  KeyRoles m_roles;
  Shredder m_shredder;
  std::mutex m_shredding;
  KeyLife m_life;  ///< Last: its thread uses the rest.
};

/// Marks the tenants that were shredded, and says so in `warnings`. Unavailable for the medium.
[[nodiscard]] Status mark_shredded_tenants(Store& store, Tenants& tenants, std::vector<std::string>& warnings);
/// Makes the storage keys that are missing. When keys can be used.
[[nodiscard]] Status make_storage_keys(Keeper& keeper, const Tenants& tenants);

}  // namespace postern::gateway
