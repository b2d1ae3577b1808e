// The parts of the core that its own paths work on. Inside vault/ only.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>

#include "vault/core.hpp"
#include "vault/counters.hpp"
#include "vault/engine_time.hpp"
#include "vault/policies.hpp"
#include "vault/token_store.hpp"

namespace postern::vault {

class OwnBackend;

struct TtlLimits {
  std::chrono::seconds default_ttl{0}, max_ttl{0};
};

struct Engine {
  Engine(CoreParts parts, CoreOptions of);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Custody stays as it is; everything above the barrier starts or stops.
  [[nodiscard]] Status open();
  void close() noexcept;
  [[nodiscard]] Result<Core::Initialized> initialize(const ShareSplit& split, const Core::Keep& keep = {});
  [[nodiscard]] TtlLimits ttl_limits(const MountEntry& entry) const;
  /// A token of policy root without an end.
  [[nodiscard]] Result<std::string> make_root_token();
  void count_status(int status) noexcept;
  /// Prometheus text. For callers that hold the gate, as handlers do.
  [[nodiscard]] std::string metrics_unlocked() const;

  const Clock& clock;
  Barrier& barrier;
  Custodian& custodian;
  AuditBroker& audit;
  const CoreOptions options;
  const EngineTime time;
  Policies policies;
  TokenStore tokens;
  MountTable mounts;
  Counters counters;
  std::string cluster_id;                        ///< Of this vault, for ever; empty while sealed.
  std::unique_ptr<OwnBackend> sys, token, bare;  // sys/, auth/token/, and the part of sys/ that answers while sealed
  std::unique_ptr<PathTable> bare_table;

  mutable std::shared_mutex gate;  // shared by requests; alone to open and close
  std::atomic<bool> is_open{false};
  std::atomic<bool> seal_wanted{false};  // by sys/seal: carried out when its own request is over
  std::mutex life;                       // one open() or close() at a time
  std::atomic<SteadyTime> next_slow_tick{SteadyTime{}};

 private:
  [[nodiscard]] Status start_all();
  [[nodiscard]] Status load_cluster_id();
  void stop_all() noexcept;
  std::unique_ptr<Storage> m_policy_storage, m_token_storage, m_host_storage;
};

/// The caller of an authenticated request of one of the core's own paths.
[[nodiscard]] inline const LiveToken& live_token(const Call& call) { return static_cast<const LiveToken&>(*call.caller); }

/// A backend made of the core's own path tables: sys/ and auth/token/.
class OwnBackend final : public Backend {
 public:
  OwnBackend(std::string type, std::vector<PathSpec> paths) : m_type(std::move(type)), m_paths(std::move(paths)) {}
  [[nodiscard]] std::string_view type() const noexcept override { return m_type; }
  [[nodiscard]] const std::vector<PathSpec>& paths() const noexcept override { return m_paths; }
  [[nodiscard]] Status start(Storage& /*storage*/) override { return {}; }
  void stop() noexcept override {}

 private:
  std::string m_type;
  std::vector<PathSpec> m_paths;
};

/// The tables of paths, one function for each subject, each in its own file. Handlers keep a reference to the engine.
void add_bare_paths(std::vector<PathSpec>& to, Engine& engine);        // init, seal-status, unseal, health, leader
void add_custody_paths(std::vector<PathSpec>& to, Engine& engine);     // seal, rekey, generate-root, rotate, key-status
void add_mount_paths(std::vector<PathSpec>& to, Engine& engine);       // mounts, auth, remount, internal/ui
void add_policy_paths(std::vector<PathSpec>& to, Engine& engine);      // policies, policy, capabilities, resultant-acl
void add_wrapping_paths(std::vector<PathSpec>& to, Engine& engine);    // wrapping
void add_lease_paths(std::vector<PathSpec>& to, Engine& engine);       // leases, renew, revoke
void add_tool_paths(std::vector<PathSpec>& to, Engine& engine);        // tools, audit, metrics, host-info, version-history
void add_token_paths(std::vector<PathSpec>& to, Engine& engine);       // auth/token
void add_token_role_paths(std::vector<PathSpec>& to, Engine& engine);  // auth/token/roles

}  // namespace postern::vault
