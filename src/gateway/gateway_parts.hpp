// What a Gateway is made of, for gateway*.cpp only. gateway.cpp: its life, and who may see what. gateway_opening.cpp: the store, and
// everything that mail needs. gateway_doors.cpp: the listeners of mail.
//
// Members are in the order in which they are made, so that nothing outlives what it refers to.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gateway/gateway.hpp"
#include "gateway/held_mail.hpp"
#include "gateway/key_affairs.hpp"
#include "gateway/listener_tls.hpp"
#include "gateway/own_revocation.hpp"
#include "gateway/stapler.hpp"
#include "store/certificate_store.hpp"
#include "store/user_store.hpp"

namespace postern::gateway {

struct OpenDoor {
  config::Listener settings;
  DoorOptions options;
  std::unique_ptr<Door> door;  ///< Null until mail is open; of a milter always.
  std::unique_ptr<MilterDoor> milter;
  std::unique_ptr<io::Listener> listener;
};

using MakeTls = std::function<Result<std::function<io::SslContext()>>(ListenerTls&)>;
/// A context of somebody else's that was asked for before there were keys.
struct LateTls {
  MakeTls make;
  std::mutex mutex;
  std::function<io::SslContext()> context;
};

struct Gateway::Parts {
  config::Config config;
  std::vector<std::string> warnings;
  SystemClock clock;
  SystemRandom random;
  WallTime started{};
  RouteTable routes;
  std::unique_ptr<Store> store;
  std::unique_ptr<SqliteCertificateStore> certificate_store;
  std::unique_ptr<SqliteUserStore> users;
  std::unique_ptr<SqliteAuditLog> audit;
  std::shared_ptr<Keeper> keeper;
  std::optional<SecretBytes> database_key;
  std::shared_ptr<Authority> authority;
  std::unique_ptr<Identities> identities;
  std::unique_ptr<Correspondents> correspondents;
  CertificateChain smime_roots;
  std::unique_ptr<ListenerTls> tls;
  std::vector<std::shared_ptr<LateTls>> late_tls;
  std::vector<std::function<DoorState()>> announced;
  std::unique_ptr<MailboxStore> mailbox;
  std::unique_ptr<io::Loops> loops;
  std::unique_ptr<io::WorkerPool> workers;
  std::unique_ptr<io::Resolver> resolver;
  std::unique_ptr<Revocations> revocations;
  std::unique_ptr<StsPolicies> sts;
  std::unique_ptr<DkimSigners> signers;
  io::PeerJudge client_judge;  ///< Made with `revocations`, as the next one.
  std::function<std::optional<PathRevocation>(const CertificateChain&)> signer_standing;
  std::unique_ptr<OwnRevocation> own_revocation;
  std::unique_ptr<Stapler> stapler;
  std::unique_ptr<Pipeline> pipeline;
  std::unique_ptr<Spool> spool;
  std::unique_ptr<Courier> courier;
  std::shared_ptr<ContentBudget> budget;
  std::unique_ptr<Judge> judge;
  std::unique_ptr<Intake> intake;
  std::unique_ptr<MtaHook> hook;
  std::unique_ptr<ReportDesk> reports;
  std::vector<std::unique_ptr<OpenDoor>> doors;
  std::unique_ptr<Tenants> tenants;
  std::unique_ptr<KeyAffairs> affairs;
  std::unique_ptr<ZoneKeeper> zones;
  std::unique_ptr<HeldMail> held;
  std::unique_ptr<OutsideLook> outside;
  std::unique_ptr<DnsHealth> health;
  bool running = false;
  bool opened = false;            ///< open_mail() succeeded before start().
  std::atomic<bool> mail{false};  ///< Everything behind the doors is there; it never goes away again.
  std::mutex life;                ///< Keys that open while the daemon stops begin nothing.
  bool stopping = false;          ///< Guarded by it.
  mutable std::mutex why_mutex;
  std::string why_not;  ///< The last reason why it is not.

  Result<std::function<io::SslContext()>> tls_context(MakeTls make);
  Status open_store();
  Status check_backend();
  Status open_listeners();
  Status open_listener(const config::Listener& settings);
  Status open_mail();
  Status open_keys();
  Status open_resolver();
  Status open_zones();
  Status open_spool();
  Status open_revocations();
  Status open_pipeline();
  Status open_doors();
  void open_stapler();
  [[nodiscard]] io::PeerJudge judge_of_clients();
  void open_affairs();
  [[nodiscard]] Result<std::vector<dnszone::ZoneFacts>> own_zone_facts();
  void key_rotated(const KeyName& name, KeyRole role);
  void begin();
  void try_to_open();
  io::Task<void> wait_for_keeper();
  io::Task<void> watch_certificates();
  io::Task<void> refresh_policies();
  io::Task<void> serve(OpenDoor& open, io::Stream stream);
};

}  // namespace postern::gateway
