// The key engine as one call: a Request value in, a Reply out. Owns the order of things:
//
//   namespace? path well formed? sealed? -> mount and path -> token -> create or update -> policy (capability, parameters, sudo, wrapping)
//   -> audit of the request -> handler -> token for a login -> wrapping -> audit of the answer -> envelope
//
// An answer whose audit fails is not sent, and what it would have granted is revoked. Refusals are audited as well. sys/init, seal-status,
// unseal, health and leader are answered without token and audit, sealed or not.
//
// Ownership: everything in CoreParts must outlive the core. Threads: handle() and handle_if_quick() from any; handle() may wait for
// storage. Errors: neither throws; every failure is a Reply in the API's shape. Limits: paths of 4,096 bytes; the face limits bodies and
// JSON depth. Does not: speak HTTP, keep leases of secrets (no engine here makes any), forward to other nodes, namespaces, identity.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "barrier/custodian.hpp"
#include "vault/audit.hpp"
#include "vault/mounts.hpp"
#include "vault/request.hpp"

namespace postern::vault {

/// The length of the root tokens that are made; for CustodianOptions::root_token_length.
inline constexpr std::size_t kServiceToken = 47;

struct CoreOptions {
  MountTable::Factories secrets;  ///< By type: "transit", "kv", "cubbyhole".
  MountTable::Factories logins;   ///< "approle", "userpass".
  std::vector<NewMount> defaults = default_mounts();
  std::vector<std::string> kept_mounts;  ///< Routes that nobody may unmount or move: "transit/".
  std::chrono::seconds default_lease_ttl{768 * 3600};
  std::chrono::seconds max_lease_ttl{768 * 3600};
  std::size_t cached_tokens = 16384;
  std::string version = "2.4.0+postern";  ///< As sys/seal-status says it: clients decide by it what they may ask.
  std::string build_date = "";
  std::string cluster_name = "postern";
  std::string storage_type = "sqlite";
  /// After the barrier has opened and before the first request: audit devices read their salts and are added here. The Storage is the
  /// daemon's own folder. An error seals again.
  std::function<Status(Storage&)> on_unseal;
  std::function<void()> on_seal;

  /// cubbyhole/, secret/ (kv v2), transit/.
  [[nodiscard]] static std::vector<NewMount> default_mounts();
};

struct CoreParts {
  const Clock& clock;
  Barrier& barrier;
  Custodian& custodian;
  AuditBroker& audit;
};

class Core {
 public:
  Core(CoreParts parts, CoreOptions options);
  /// seal().
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  [[nodiscard]] Reply handle(Request request);
  /// The same for requests that neither wait for a commit nor take more than about a millisecond, and without waiting for audit devices:
  /// they change nothing that lasts, so that it is enough to keep the answer back until the receipt says Recorded; when it says Failed the
  /// client gets refuse_unrecorded() instead. Nothing for any other request, to which nothing has happened then. Never waits itself.
  [[nodiscard]] std::optional<Reply> handle_if_quick(Request& request, AuditReceipt& receipt);
  [[nodiscard]] Reply refuse_unrecorded(Reply reply);

  /// What the daemon does at a start when a seal keeps the key: custodian.unseal_by_seal(), then this. Opens what the barrier has.
  /// Nothing to do when open, or when the barrier is sealed.
  [[nodiscard]] Status open();
  /// Waits for requests under way, forgets every secret and seals the barrier.
  void seal() noexcept;
  [[nodiscard]] bool is_open() const noexcept;
  /// custodian.init() with what a vault has from its first moment on; opens when a seal keeps the key.
  struct Initialized {
    InitResult keys;
    std::string root_token;
  };
  /// `keep` stores the token and the shares before the vault exists: a crash in between leaves files that open nothing, never a vault whose
  /// token nobody has.
  using Keep = std::function<Status(std::string_view root_token, const InitResult& keys)>;
  [[nodiscard]] Result<Initialized> initialize(const ShareSplit& split, const Keep& keep = {});

  /// A secrets mount for the product's own use beside the API, kept from ending while the answer is held (briefly: a seal waits for it).
  /// Unavailable while sealed, NotFound without such a mount.
  [[nodiscard]] Result<Entered> enter(std::string_view path) const;

  /// Every second or so, not on an event loop: expiry of tokens; once a minute the barrier and the mounts.
  void tick() noexcept;
  /// The text of sys/metrics, for whoever scrapes without a token.
  [[nodiscard]] std::string metrics() const;

 private:
  std::unique_ptr<struct Engine> m_engine;
};

}  // namespace postern::vault
