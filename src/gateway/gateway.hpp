// The whole gateway as one object: opened from a configuration, started, drained, stopped.
//
// It owns everything between the doors and the disk, and hands the pieces that the API needs to api/. Nothing here is global; two gateways
// with two data directories can live in one process (tests do that).
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "gateway/courier.hpp"
#include "gateway/identities.hpp"
#include "gateway/intake.hpp"
#include "gateway/pipeline.hpp"
#include "io/listener.hpp"
#include "keys/root_key.hpp"
#include "store/audit_log.hpp"
#include "store/mailbox.hpp"

namespace postern::gateway {

/// One listener as an operator sees it.
struct DoorState {
  std::string name, kind, address, tls, min_tls;
  io::ListenerStats listener;
  const DoorStats* door = nullptr;  ///< Null where no mail comes in.
};

class Gateway {
 public:
  /// Reads keys, opens store and spool, binds every listener. Errors name the setting or file and what to do; nothing runs then.
  [[nodiscard]] static Result<std::unique_ptr<Gateway>> open(config::Config config, std::vector<std::string> warnings);
  ~Gateway();

  /// Before start(): the listeners' certificate for a door that others serve, renewed and watched with theirs. Of `door` only min_tls and
  /// the client certificate settings count. What it returns may be called on any loop while the gateway lives.
  [[nodiscard]] Result<std::function<io::SslContext()>> tls_for(const config::Listener& door);
  /// Before start(): such a door in doors(), and so in status and metrics.
  void announce(std::function<DoorState()> door);
  /// The loops run, doors accept, the courier works. Once.
  void start();
  /// Doors close, sessions get `timeouts.drain` to end, then everything stops. Blocking; not from a loop.
  void stop();

  [[nodiscard]] const config::Config& config() const noexcept;
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept;  ///< Of the configuration, for status and console.
  [[nodiscard]] std::vector<DoorState> doors() const;
  [[nodiscard]] io::Loops& loops() noexcept;
  [[nodiscard]] io::WorkerPool& workers() noexcept;
  [[nodiscard]] io::Resolver& resolver() noexcept;
  [[nodiscard]] Keeper& keeper() noexcept;
  [[nodiscard]] Store& store() noexcept;
  [[nodiscard]] Spool& spool() noexcept;
  [[nodiscard]] Courier& courier() noexcept;
  [[nodiscard]] Intake& intake() noexcept;
  [[nodiscard]] const Pipeline& pipeline() const noexcept;
  [[nodiscard]] Identities& identities() noexcept;
  [[nodiscard]] Correspondents& correspondents() noexcept;
  [[nodiscard]] UserStore& users() noexcept;
  [[nodiscard]] MailboxStore& mailbox() noexcept;
  [[nodiscard]] SqliteAuditLog& audit() noexcept;
  [[nodiscard]] const Clock& clock() const noexcept;
  [[nodiscard]] Random& random() noexcept;
  [[nodiscard]] const Certificate& authority_root() const noexcept;
  [[nodiscard]] Certificate server_certificate() const;                 ///< What listeners show now; the root where none uses TLS.
  [[nodiscard]] std::vector<std::string> certificate_warnings() const;  ///< Of that certificate, now.
  [[nodiscard]] CertificateChain smime_roots() const;
  [[nodiscard]] WallTime started() const noexcept;

 private:
  struct Parts;
  explicit Gateway(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> m_parts;
};

/// Opens the store of a configuration: with its SQLCipher key where one is asked for; a missing one is made only for a database that does
/// not exist yet, and only when asked. Also for `postern audit verify` without a daemon.
[[nodiscard]] Result<StoreOptions> store_options(const config::Config& config, CreateRootKey create = CreateRootKey::No);

}  // namespace postern::gateway
