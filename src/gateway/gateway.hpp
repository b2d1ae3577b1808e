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
#include "gateway/dns_health.hpp"
#include "gateway/identities.hpp"
#include "gateway/intake.hpp"
#include "gateway/key_affairs.hpp"
#include "gateway/mta_hook.hpp"
#include "gateway/pipeline.hpp"
#include "gateway/report_desk.hpp"
#include "gateway/stapler.hpp"
#include "gateway/zone_keeper.hpp"
#include "io/listener.hpp"
#include "keys/keeper.hpp"
#include "keys/root_key.hpp"
#include "store/audit_log.hpp"
#include "store/mailbox.hpp"

namespace postern::gateway {

/// One listener as an operator sees it.
struct DoorState {
  std::string name, kind, address, tls, min_tls;
  io::ListenerStats listener;
  const DoorStats* door = nullptr;      ///< Null where no mail comes in by SMTP.
  const MilterStats* milter = nullptr;  ///< Of a milter, once mail is open.
  std::string network_namespace;        ///< Empty: ours.
};

class Gateway {
 public:
  /// Opens store and spool, binds every listener, reads keys. Errors name the setting or file and what to do; nothing runs then.
  /// `keeper`: of the backend that keys.backend names. `database_key`: of the mail database (empty: it is not encrypted as a whole); when
  /// it is not given, database.sqlcipher_key_ref is followed here.
  /// A keeper that is not ready (sealed) is no error: the listeners turn everybody away with 421 until it is, what waits in the spool waits
  /// on, and mail_open() says so.
  [[nodiscard]] static Result<std::unique_ptr<Gateway>> open(config::Config config, std::vector<std::string> warnings,
                                                             std::shared_ptr<Keeper> keeper,
                                                             std::optional<SecretBytes> database_key = std::nullopt);
  ~Gateway();

  /// Before start(): the listeners' certificate for a door that others serve, renewed and watched with theirs. Of `door` only min_tls and
  /// the client certificate settings count. What it returns may be called on any loop while the gateway lives.
  [[nodiscard]] Result<std::function<io::SslContext()>> tls_for(const config::Listener& door);
  /// Before start(): the same certificate for connections of our own, where a peer knows us by it. Verifies nobody.
  [[nodiscard]] Result<std::function<io::SslContext()>> tls_as_client(TlsVersion min_version);
  /// Whether a client of such a door may come in with the certificate that it shows (tls.client_revocation); asked once there is TLS.
  [[nodiscard]] io::PeerJudge judge_of_clients();
  /// Before start(): such a door in doors(), and so in status and metrics.
  void announce(std::function<DoorState()> door);
  /// The loops run, doors accept, the courier works. Once.
  void start();
  /// Doors close, sessions get `timeouts.drain` to end, then everything stops. Blocking; not from a loop.
  void stop();

  /// Whether mail comes and goes. Unavailable with the reason and what to do; until it is open for the first time (has_mail()), nothing but
  /// what stands above the line below may be called.
  [[nodiscard]] Status mail_open() const;
  [[nodiscard]] bool has_mail() const noexcept;
  [[nodiscard]] const config::Config& config() const noexcept;
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept;  ///< Of the configuration, for status and console.
  [[nodiscard]] std::vector<DoorState> doors() const;
  [[nodiscard]] io::Loops& loops() noexcept;
  [[nodiscard]] io::WorkerPool& workers() noexcept;
  [[nodiscard]] io::Resolver& resolver() noexcept;
  [[nodiscard]] Keeper& keeper() noexcept;
  [[nodiscard]] KeyAffairs& affairs() noexcept;
  [[nodiscard]] const Tenants& tenants() const noexcept;
  [[nodiscard]] Store& store() noexcept;
  [[nodiscard]] UserStore& users() noexcept;
  [[nodiscard]] SqliteAuditLog& audit() noexcept;
  [[nodiscard]] const Clock& clock() const noexcept;
  [[nodiscard]] Random& random() noexcept;
  [[nodiscard]] WallTime started() const noexcept;

  [[nodiscard]] Spool& spool() noexcept;
  /// Null while mail was never open, and when mta_hook.enabled is off.
  [[nodiscard]] MtaHook* mta_hook() noexcept;

  // ----
  [[nodiscard]] Courier& courier() noexcept;
  [[nodiscard]] Intake& intake() noexcept;
  [[nodiscard]] ReportDesk& reports() noexcept;
  [[nodiscard]] const StsPolicies& sts() const noexcept;
  [[nodiscard]] const DkimSigners& dkim_signers() const noexcept;
  [[nodiscard]] const ZoneKeeper& zones() const noexcept;
  [[nodiscard]] DnsHealth& dns_health() noexcept;
  [[nodiscard]] const ListenerTls& listener_tls() const noexcept;
  [[nodiscard]] const Stapler& stapler() const noexcept;  ///< What is stapled to the listeners' certificate.
  [[nodiscard]] Revocations& revocations() noexcept;
  [[nodiscard]] const Revocations& revocations() const noexcept;
  [[nodiscard]] const Pipeline& pipeline() const noexcept;
  [[nodiscard]] Identities& identities() noexcept;
  [[nodiscard]] Correspondents& correspondents() noexcept;
  [[nodiscard]] MailboxStore& mailbox() noexcept;
  [[nodiscard]] const Certificate& authority_root() const noexcept;
  [[nodiscard]] Certificate server_certificate() const;                 ///< What listeners show now; the root where none uses TLS.
  [[nodiscard]] std::string server_certificate_revocation() const;      ///< As OwnRevocation::text().
  [[nodiscard]] std::vector<std::string> certificate_warnings() const;  ///< Of that certificate, now.
  [[nodiscard]] CertificateChain smime_roots() const;

 private:
  struct Parts;
  explicit Gateway(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> m_parts;
};

/// Opens the store of a configuration: with its SQLCipher key where one is asked for; a missing one is made only for a database that does
/// not exist yet, and only when asked. Also for `postern audit verify` without a daemon.
[[nodiscard]] Result<StoreOptions> store_options(const config::Config& config, CreateRootKey create = CreateRootKey::No);

}  // namespace postern::gateway
