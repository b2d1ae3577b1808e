#include "gateway/gateway.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <mutex>

#include "base/log.hpp"
#include "base/text.hpp"
#include "config/validate.hpp"
#include "dns/fixture.hpp"
#include "gateway/held_mail.hpp"
#include "gateway/hops.hpp"
#include "gateway/key_affairs.hpp"
#include "gateway/late_signature.hpp"
#include "gateway/listener_tls.hpp"
#include "gateway/own_revocation.hpp"
#include "gateway/root_secrets.hpp"
#include "gateway/stapler.hpp"
#include "gateway/zone_facts.hpp"
#include "keys/evp_handle.hpp"
#include "store/certificate_store.hpp"
#include "store/dkim_pins.hpp"
#include "store/key_store.hpp"
#include "store/user_store.hpp"

namespace postern::gateway {
namespace {

constexpr std::size_t kWorkerQueue = 1024;
constexpr std::size_t kConnectionsPerAddress = 50;  // where the setting is 0
constexpr auto kCertificateCheck = std::chrono::seconds(5);
constexpr auto kPolicyRefresh = std::chrono::hours(1);
constexpr std::string_view kBackendMark = "postern keys: ";  // and the setting
constexpr auto kKeeperCheck = std::chrono::seconds(1);
constexpr auto kTurnAway = std::chrono::seconds(5);

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

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::NotFound, "cannot read " + path + "; check the path and its permissions");
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

Result<std::vector<io::IpNetwork>> networks(const std::vector<std::string>& items, const std::string& field) {
  std::vector<io::IpNetwork> out;
  for (const auto& item : items) {
    auto network = io::IpNetwork::parse(item);
    if (!network) return fail(ErrorCode::BadInput, network.error().text(), field);
    out.push_back(*std::move(network));
  }
  return out;
}

smtp::Dialect dialect_of(const std::string& kind) {
  if (kind == "submission") return smtp::Dialect::Submission;
  return kind == "lmtp" ? smtp::Dialect::Lmtp : smtp::Dialect::Mx;
}

std::shared_ptr<const smtp::ServerOptions> smtp_options(const config::Config& config, const config::Listener& listener,
                                                        const Bytes& decoy_key, std::shared_ptr<ContentBudget> budget) {
  auto out = std::make_shared<smtp::ServerOptions>();
  out->dialect = dialect_of(listener.kind);
  out->hostname = config.server.hostname;
  // With implicit TLS the engine is told of the handshake before the greeting; there is nothing left to require.
  out->tls = listener.tls == "required"        ? smtp::TlsMode::Required
             : listener.tls == "opportunistic" ? smtp::TlsMode::Optional
                                               : smtp::TlsMode::Off;
  out->auth = listener.kind == "submission";
  out->auth_required = out->auth;  // but for peers of relay_from: Door says so of each connection
  out->limits = config.limits;
  out->timeouts.command = config.timeouts.command;
  out->timeouts.data_block = config.timeouts.data;
  out->unknown_user_key = decoy_key;
  out->content_budget = std::move(budget);
  return out;
}

std::string refusal(io::Refusal why) {
  return why == io::Refusal::TooManyFromPeer ? "421 4.7.0 too many connections from your address; try again later\r\n"
                                             : "421 4.3.2 too many connections; try again later\r\n";
}

/// RFC 5321 3.8: whoever comes while no mail can be taken is told to come back. Inside TLS there is nobody to tell.
io::Task<void> turn_away(io::Stream stream, std::string hostname, bool implicit_tls) {
  if (implicit_tls) co_return;
  const std::string text = "421 4.3.2 " + hostname + " its keys are locked away at the moment; try again later\r\n";
  (void)co_await stream.write_all(text, io::deadline_in(kTurnAway));
}

/// An MTA without its filter does what it is set to do, which should be to defer.
io::Task<void> hang_up(io::Stream stream) {
  stream.close();
  co_return;
}

std::shared_ptr<const milter::SessionOptions> milter_options(const config::Config& config) {
  auto out = std::make_shared<milter::SessionOptions>();
  // The door says "go on" to all of these; an MTA that need not wait for it sends them in one piece. A recipient too many can be refused
  // alone.
  out->no_reply = milter::smfip::kNrAll & ~milter::smfip::kNrRcpt;
  out->limits.message_bytes = static_cast<std::size_t>(config.limits.message_bytes);
  out->limits.header_bytes = static_cast<std::size_t>(config.limits.header_bytes);
  out->limits.header_fields = static_cast<std::size_t>(config.limits.header_fields);
  out->limits.recipients = static_cast<std::size_t>(config.limits.recipients);
  return out;
}

/// The default bound for one address holds for strangers: a proxy's address stands for all its clients, and this host and the networks that
/// may relay are trusted. A bound that was set holds for everybody.
io::ListenOptions listen_options(const config::Listener& settings, const DoorOptions& door) {
  io::ListenOptions out;
  out.name = settings.name;
  out.max_connections = static_cast<std::size_t>(settings.max_connections);
  out.max_per_peer = static_cast<std::size_t>(settings.max_connections_per_address);
  if (out.max_per_peer == 0) {
    out.max_per_peer = kConnectionsPerAddress;
    out.unlimited = door.proxy_from;
    out.unlimited.insert(out.unlimited.end(), door.relay_from.begin(), door.relay_from.end());
    for (const char* loopback : {"127.0.0.0/8", "::1/128"}) out.unlimited.push_back(*io::IpNetwork::parse(loopback));
  }
  out.device = settings.interface;
  out.socket = settings.socket;
  out.refuse = refusal;
  return out;
}

}  // namespace

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

namespace {
StoreOptions keyless_store_options(const config::Config& config) {
  StoreOptions options;
  options.data_dir = config.in_mail_dir("");
  options.database = config.in_mail_dir(config.database.url.substr(std::string_view("sqlite:").size()));
  options.content.inline_bytes = static_cast<std::size_t>(config.spool.inline_bytes);
  return options;
}
}  // namespace

Result<StoreOptions> store_options(const config::Config& config, CreateRootKey create) {
  StoreOptions options = keyless_store_options(config);
  if (config.database.use_sqlcipher) {
    // A new key would be no use for a database that is there.
    std::error_code ignored;
    const bool fresh = !std::filesystem::exists(options.data_dir / options.database, ignored);
    POSTERN_TRY(options.key, sqlcipher_key(config, fresh ? create : CreateRootKey::No));
  }
  return options;
}

Status Gateway::Parts::open_store() {
  StoreOptions options = keyless_store_options(config);
  if (database_key) {
    options.key = *std::exchange(database_key, std::nullopt);
  } else {
    POSTERN_TRY(options, store_options(config, CreateRootKey::IfMissing));
  }
  POSTERN_TRY(store, Store::open(std::move(options)));
  certificate_store = std::make_unique<SqliteCertificateStore>(*store);
  users = std::make_unique<SqliteUserStore>(*store);
  audit = std::make_unique<SqliteAuditLog>(*store);
  return {};
}

/// A store begun with one backend of keys does not go on with the other: what was sealed could not be opened.
Status Gateway::Parts::check_backend() {
  SqliteKeyStore marks(*store);
  const std::string ours = std::string(kBackendMark) + config.keys.backend;
  POSTERN_TRY(const Bytes mark, marks.load_root());
  if (mark.empty()) return marks.save_root(as_bytes(ours));
  if (as_text(ByteView(mark)) == ours) return {};
  return fail(ErrorCode::Conflict,
              "the database was begun with another backend of keys (or by a development version): mail sealed there cannot be read by " +
                  config.keys.backend + "; deliver or export it first, then begin with a new data directory",
              "keys.backend");
}

Status Gateway::Parts::open_keys() {
  POSTERN_CHECK(keeper->make_named_keys());
  AuthorityOptions options;
  options.host = config.server.hostname;
  POSTERN_TRY(authority, Authority::open(keeper, *certificate_store, clock, random, options));
  std::ofstream(config.in_data_dir("ca.pem"), std::ios::binary) << authority->root().to_pem();
  identities = std::make_unique<Identities>(keeper, authority, config, clock);
  correspondents = std::make_unique<Correspondents>(config.beside_config(config.smime.certificates_dir),
                                                    config.beside_config(config.openpgp.certificates_dir), clock);
  smime_roots.push_back(authority->root());
  if (!config.smime.trust.empty()) {
    POSTERN_TRY(const auto more, certificates_from_file(config.beside_config(config.smime.trust)));
    smime_roots.insert(smime_roots.end(), more.begin(), more.end());
  }
  return {};
}

Status Gateway::Parts::open_resolver() {
  if (!config.dns.fixture_file.empty()) {
    POSTERN_TRY(const auto text, read_file(config.beside_config(config.dns.fixture_file)));
    POSTERN_TRY(auto fixture, dns::Fixture::parse(text));
    resolver = std::make_unique<io::FixtureResolver>(std::move(fixture));
    return {};
  }
  io::UnboundOptions options;
  options.forwarders = config.dns.servers;
  options.use_resolv_conf = config.dns.servers.empty();
  options.timeout = config.dns.timeout;
  options.validate = !config.dns.trust_anchor.empty();
  options.root_key_file = config.beside_config(config.dns.trust_anchor);
  POSTERN_TRY(resolver, io::UnboundResolver::open(std::move(options)));
  return {};
}

Status Gateway::Parts::open_zones() {
  POSTERN_TRY(zones, ZoneKeeper::make({config, *store, *workers, clock, [this] { return own_zone_facts(); }}));
  return {};
}

/// Needs no key before something is to be read or written: what waits can be counted while the keys are locked away.
Status Gateway::Parts::open_spool() {
  POSTERN_TRY(routes, RouteTable::make(config));
  SpoolOptions options;
  options.cache_bytes = static_cast<std::size_t>(config.spool.cache_bytes);
  // A retry planned further ahead than the schedule ever plans was planned under another clock.
  options.longest_delay = std::chrono::seconds(1);
  for (const auto& delay : config.queue.retry) {
    POSTERN_TRY(const auto planned, parse_duration(delay));
    options.longest_delay = std::max<std::chrono::milliseconds>(options.longest_delay, planned + planned / 5);
  }
  options.resting.prefix = kX400UserRoutePrefix;
  options.reroute = [this](const std::string& route, const std::string& address) { return routes.requeue_id(route, address); };
  options.finish = [this](std::string stored) -> Result<std::string> {
    if (!signers && is_late(stored)) return fail(ErrorCode::Unavailable, "the DKIM signers are not there yet; try again in a moment");
    return finish_late(
        std::move(stored), [this](const DkimKeyRef& key, ByteView data) { return signers->sign(key, data); },
        [this](const std::string& domain) { return signers->of(domain); });
  };
  POSTERN_TRY(spool, Spool::open(options, *store, *keeper, clock));
  return {};
}

/// Who looks at whose certificates, before there is anybody who has to.
Status Gateway::Parts::open_revocations() {
  POSTERN_TRY(revocations, Revocations::make({config, *resolver, *workers, clock, random}));
  POSTERN_TRY(const RevocationPolicy of_clients, parse_revocation_policy(config.tls.client_revocation));
  client_judge = revocations->judge_of_clients(of_clients);
  POSTERN_TRY(const RevocationPolicy of_signers, parse_revocation_policy(config.smime.revocation));
  if (of_signers != RevocationPolicy::Off)
    signer_standing = [this, of_signers](const CertificateChain& path) {
      // The built-in CA's certificates name nobody who could be asked: Hard would be a ban of our own people's signatures.
      const bool ours = !path.empty() && path.back() == authority->root();
      return revocations->recall(path, ours ? RevocationPolicy::Soft : of_signers);
    };
  own_revocation = std::make_unique<OwnRevocation>(*revocations, clock, [this] { return tls->chain(); });
  return {};
}

Status Gateway::Parts::open_pipeline() {
  const auto pin = [this](const config::DkimSigner& signer, std::uint32_t latest) {
    return DkimPins(*store).pin({to_lower(signer.domain), signer.selector, signer.key}, static_cast<std::uint32_t>(signer.version), latest);
  };
  POSTERN_TRY(signers, DkimSigners::make(config, *keeper, pin));
  POSTERN_TRY(pipeline, Pipeline::make({config.server.hostname, config, routes, keeper, *identities, *correspondents, smime_roots, random,
                                        clock, signers.get(), tenants.get(), config.authentication.authserv_id, signer_standing}));
  mailbox = std::make_unique<MailboxStore>(*store, *keeper);
  POSTERN_TRY(const RevocationPolicy of_hosts, parse_revocation_policy(config.outbound.revocation));
  POSTERN_TRY(sts, StsPolicies::make({config, *resolver, *workers, *store, clock, revocations->judge_of_servers(of_hosts, "HTTPS host")}));
  POSTERN_TRY(outside, OutsideLook::make({config, *resolver, *sts, *revocations, random, clock}));
  const auto note_session = [this](TlsSession session) { reports->note(std::move(session)); };
  POSTERN_TRY(courier, Courier::make({config,
                                      routes,
                                      *spool,
                                      *pipeline,
                                      *loops,
                                      *workers,
                                      *resolver,
                                      *sts,
                                      *revocations,
                                      note_session,
                                      {authority->root()},
                                      random,
                                      clock}));
  budget = std::make_shared<ContentBudget>(static_cast<std::uint64_t>(config.spool.inflight_bytes));
  POSTERN_TRY(judge, Judge::make({config, *resolver, *workers, clock}));
  const auto note_report = [this](const Arrival& arrival) { reports->read_received(arrival); };
  const auto note_judged = [this](const Arrival& arrival, DmarcPolicy done) { reports->note_judged(arrival, done); };
  intake = std::make_unique<Intake>(IntakeParts{config, routes, *pipeline, *judge, *revocations, *tenants, *spool, *users, *audit, *workers,
                                                clock, note_judged, note_report, budget});
  POSTERN_TRY(reports, ReportDesk::make({config, *store, *intake, *resolver, *workers, random, clock, sts->tls(), sts->judge(),
                                         judge->suffixes(), loops->at(0)}));
  if (config.mta_hook.enabled) {
    POSTERN_TRY(hook, MtaHook::make({config, routes, *intake, *judge, *pipeline, *workers, clock, random}));
  }
  return {};
}

Status Gateway::Parts::open_listener(const config::Listener& settings) {
  const std::string where = "listener " + settings.name;
  auto open = std::make_unique<OpenDoor>();
  open->settings = settings;
  DoorOptions& options = open->options;
  options.name = settings.name;
  options.implicit_tls = settings.tls == "implicit";
  options.handshake = config.timeouts.handshake;
  options.judge_client = judge_of_clients();
  POSTERN_TRY(options.proxy_from, networks(settings.proxy_from, where + ": proxy_from"));
  POSTERN_TRY(options.relay_from, networks(settings.relay_from, where + ": relay_from"));
  io::ListenOptions listen = listen_options(settings, options);
  const auto endpoint = io::Endpoint::parse(settings.address);
  if (!endpoint) return fail(Error(endpoint.error()).context(where + ": address"));
  listen.address = *endpoint;
  auto listener = io::Listener::open(*loops, std::move(listen),
                                     [this, door = open.get()](io::Stream stream) { return serve(*door, std::move(stream)); });
  if (!listener) return fail(Error(listener.error()).context(where));
  open->listener = *std::move(listener);
  doors.push_back(std::move(open));
  return {};
}

Status Gateway::Parts::open_listeners() {
  for (const auto& settings : config.listeners) POSTERN_CHECK(open_listener(settings));
  return {};
}

Status Gateway::Parts::open_doors() {
  const Bytes decoy_key = random.bytes(32);
  tls = std::make_unique<ListenerTls>(config, authority, keeper, *store, clock);
  for (const auto& open : doors) {
    open->options.smtp = smtp_options(config, open->settings, decoy_key, budget);
    const bool filters = open->settings.kind == "milter";
    if (open->settings.tls != "none") {
      auto context = tls->add(open->settings);
      if (!context) return fail(Error(context.error()).context("listener " + open->settings.name));
      open->options.tls = *std::move(context);
    }
    if (filters)
      open->milter = std::make_unique<MilterDoor>(
          MilterDoorParts{open->options, milter_options(config), *intake, config.server.hostname, budget, clock, random});
    else
      open->door = std::make_unique<Door>(open->options, *intake, clock, random);
  }
  for (const auto& late : late_tls) {
    POSTERN_TRY(auto context, late->make(*tls));
    const std::lock_guard lock(late->mutex);
    late->context = std::move(context);
  }
  return {};
}

void Gateway::Parts::open_stapler() {
  StaplerParts with{*store, *workers, clock, [this] { return tls->shown(); }, {}};
  if (config.tls.stapling)
    with.ask = [this](Certificate leaf, Certificate issuer) { return revocations->answer_to_staple(std::move(leaf), std::move(issuer)); };
  stapler = std::make_unique<Stapler>(std::move(with));
  stapler->restore();
}

/// The doors open before there is anybody to ask, but no handshake begins before there is.
io::PeerJudge Gateway::Parts::judge_of_clients() {
  if (config.tls.client_revocation == name_of(RevocationPolicy::Off)) return {};
  return [this](const io::Stream& stream) { return client_judge(stream); };
}

io::Task<void> Gateway::Parts::serve(OpenDoor& open, io::Stream stream) {
  const bool filters = open.settings.kind == "milter";
  if (mail.load(std::memory_order_acquire) && keeper->ready())
    return filters ? open.milter->serve(std::move(stream)) : open.door->serve(std::move(stream));
  if (filters) return hang_up(std::move(stream));
  return turn_away(std::move(stream), config.server.hostname, open.options.implicit_tls);
}

Status Gateway::Parts::open_mail() {
  POSTERN_CHECK(keeper->ready());
  POSTERN_CHECK(open_keys());
  POSTERN_CHECK(make_storage_keys(*keeper, *tenants));
  POSTERN_CHECK(open_revocations());
  POSTERN_CHECK(open_pipeline());
  POSTERN_CHECK(open_doors());
  open_stapler();
  open_affairs();
  return {};
}

void Gateway::Parts::open_affairs() {
  affairs = std::make_unique<KeyAffairs>(KeyAffairsParts{config,
                                                         *store,
                                                         *spool,
                                                         *keeper,
                                                         *signers,
                                                         *resolver,
                                                         *workers,
                                                         *tenants,
                                                         clock,
                                                         [this](const KeyName& name, KeyRole role) { key_rotated(name, role); },
                                                         {},
                                                         [this] { return tls->version_in_use(); }});
  held = std::make_unique<HeldMail>(HeldMailParts{config, *spool, *workers, clock});
  health =
      std::make_unique<DnsHealth>(DnsHealthParts{config, *resolver, *workers, *tls, *outside, clock, [this] { return own_zone_facts(); }});
}

Result<std::vector<dnszone::ZoneFacts>> Gateway::Parts::own_zone_facts() {
  POSTERN_TRY(auto dkim, affairs->dkim().publications());
  return zone_facts(config, {std::move(dkim), tls->tlsa_keys()});
}

/// What is kept of a key beside the keeper.
void Gateway::Parts::key_rotated(const KeyName& name, KeyRole role) {
  if (role == KeyRole::Server) tls->check();
  if (role == KeyRole::Identity) identities->forget(name);
}

/// Loops run, and everything behind the doors is there.
void Gateway::Parts::begin() {
  const std::lock_guard lock(life);
  if (stopping) return;
  mail.store(true, std::memory_order_release);
  io::spawn(loops->at(0), watch_certificates(), "gateway.certificates");
  io::spawn(loops->at(0), refresh_policies(), "gateway.sts");
  io::spawn(loops->at(0), own_revocation->watch(), "gateway.own_revocation");
  io::spawn(loops->at(0), stapler->watch(), "gateway.stapler");
  io::spawn(loops->at(0), reports->run(), "gateway.reports");
  io::spawn(loops->at(0), health->run(), "gateway.dns_health");
  io::spawn(loops->at(0), health->watch_tlsa(), "gateway.tlsa");
  io::spawn(loops->at(0), zones->run(), "gateway.zones");
  io::spawn(loops->at(0), held->run(), "gateway.held");
  courier->start();
  affairs->start(loops->at(0));
}

void Gateway::Parts::try_to_open() {
  const Status done = open_mail();
  if (done) {
    log::info("gateway.opened");
    return begin();
  }
  const std::lock_guard lock(why_mutex);
  if (why_not != done.error().text()) log::warn("gateway.waits", {{"reason", done.error()}});
  why_not = done.error().text();
}

io::Task<void> Gateway::Parts::wait_for_keeper() {
  while (!mail) {
    co_await io::sleep_for(kKeeperCheck);
    auto job = [this] { try_to_open(); };
    (void)co_await workers->run(std::move(job));
  }
}

/// Whoever looks at the certificate (files, database) does it on a worker.
io::Task<void> Gateway::Parts::watch_certificates() {
  for (;;) {
    co_await io::sleep_for(kCertificateCheck);
    auto job = [this] { tls->check(); };
    (void)co_await workers->run(std::move(job));
  }
}

io::Task<void> Gateway::Parts::refresh_policies() {
  for (;;) {
    co_await io::sleep_for(kPolicyRefresh);
    if (mail) co_await sts->refresh();
  }
}

Result<std::unique_ptr<Gateway>> Gateway::open(config::Config config, std::vector<std::string> warnings, std::shared_ptr<Keeper> keeper,
                                               std::optional<SecretBytes> database_key) {
  auto parts = std::make_unique<Parts>();
  parts->config = std::move(config);
  parts->warnings = std::move(warnings);
  parts->keeper = std::move(keeper);
  parts->database_key = std::move(database_key);
  parts->started = parts->clock.now();
  parts->loops = std::make_unique<io::Loops>(static_cast<std::size_t>(parts->config.server.loops));
  parts->workers = std::make_unique<io::WorkerPool>(static_cast<std::size_t>(parts->config.server.workers), kWorkerQueue);
  POSTERN_CHECK(parts->open_store());
  POSTERN_CHECK(parts->check_backend());
  POSTERN_TRY(parts->tenants, Tenants::make(parts->config));
  POSTERN_CHECK(mark_shredded_tenants(*parts->store, *parts->tenants, parts->warnings));
  POSTERN_CHECK(parts->open_resolver());
  POSTERN_CHECK(parts->open_zones());
  POSTERN_CHECK(parts->open_spool());
  POSTERN_CHECK(parts->open_listeners());
  const Status opened = parts->open_mail();
  // An external engine that cannot be asked now may be asked later; what the embedded one cannot do for another reason than its seal, it
  // never can.
  const bool away = !opened && opened.error().code == ErrorCode::Unavailable && parts->keeper->state().backend != "embedded";
  const bool waits = !opened && (away || !parts->keeper->ready());
  if (!opened && !waits) return fail(opened.error());
  if (waits) {
    parts->why_not = opened.error().text();
    log::warn("gateway.waits", {{"reason", opened.error()}});
  }
  parts->opened = !waits;
  return std::unique_ptr<Gateway>(new Gateway(std::move(parts)));
}

Gateway::Gateway(std::unique_ptr<Parts> parts) : m_parts(std::move(parts)) {}
Gateway::~Gateway() { stop(); }

Result<std::function<io::SslContext()>> Gateway::tls_for(const config::Listener& door) {
  return m_parts->tls_context([door](ListenerTls& tls) { return tls.add(door); });
}

Result<std::function<io::SslContext()>> Gateway::tls_as_client(TlsVersion min_version) {
  return m_parts->tls_context([min_version](ListenerTls& tls) { return tls.add_client(min_version); });
}

Result<std::function<io::SslContext()>> Gateway::Parts::tls_context(MakeTls make) {
  if (opened) return make(*tls);
  auto late = std::make_shared<LateTls>();
  late->make = std::move(make);
  late_tls.push_back(late);
  return [late]() -> io::SslContext {
    const std::lock_guard lock(late->mutex);
    return late->context ? late->context() : io::SslContext();
  };
}

io::PeerJudge Gateway::judge_of_clients() { return m_parts->judge_of_clients(); }

void Gateway::announce(std::function<DoorState()> door) { m_parts->announced.push_back(std::move(door)); }

void Gateway::start() {
  m_parts->running = true;
  m_parts->loops->start();
  if (m_parts->opened) return m_parts->begin();
  io::spawn(m_parts->loops->at(0), m_parts->wait_for_keeper(), "gateway.keeper");
}

void Gateway::stop() {
  if (!m_parts || !m_parts->running) return;
  m_parts->running = false;
  {
    const std::lock_guard lock(m_parts->life);
    m_parts->stopping = true;
  }
  const SteadyTime deadline = m_parts->clock.steady() + m_parts->config.timeouts.drain;
  for (auto& open : m_parts->doors) open->listener->stop_accepting();
  std::atomic<std::size_t> left{m_parts->doors.size()};
  std::mutex mutex;
  std::condition_variable ended;
  for (auto& open : m_parts->doors) {
    const auto drain = [](io::Listener& listener, SteadyTime until, std::atomic<std::size_t>& count, std::mutex& guard,
                          std::condition_variable& bell) -> io::Task<void> {
      (void)co_await listener.drain(until);
      const std::lock_guard lock(guard);
      --count;
      bell.notify_all();
    };
    io::spawn(m_parts->loops->at(0), drain(*open->listener, deadline, left, mutex, ended), "gateway.drain");
  }
  {
    std::unique_lock lock(mutex);
    ended.wait_until(lock, deadline + std::chrono::seconds(2), [&] { return left == 0; });
  }
  if (m_parts->mail) m_parts->affairs->stop();
  if (m_parts->mail) m_parts->courier->stop();
  m_parts->workers->stop();
  m_parts->loops->stop();
  if (m_parts->mail) (void)m_parts->reports->flush();
  m_parts->loops->join();
  m_parts->store->writer().stop();
  m_parts->loops->clear();  // sessions that still wait refer to the parts that are destroyed before the loops
}

bool Gateway::has_mail() const noexcept { return m_parts->mail; }

Status Gateway::mail_open() const {
  if (m_parts->mail) return m_parts->keeper->ready();
  const std::lock_guard lock(m_parts->why_mutex);
  return fail(ErrorCode::Unavailable, m_parts->why_not);
}

const config::Config& Gateway::config() const noexcept { return m_parts->config; }
const std::vector<std::string>& Gateway::warnings() const noexcept { return m_parts->warnings; }
io::Loops& Gateway::loops() noexcept { return *m_parts->loops; }
io::WorkerPool& Gateway::workers() noexcept { return *m_parts->workers; }
ReportDesk& Gateway::reports() noexcept { return *m_parts->reports; }
const StsPolicies& Gateway::sts() const noexcept { return *m_parts->sts; }
Revocations& Gateway::revocations() noexcept { return *m_parts->revocations; }
const Revocations& Gateway::revocations() const noexcept { return *m_parts->revocations; }
io::Resolver& Gateway::resolver() noexcept { return *m_parts->resolver; }
Keeper& Gateway::keeper() noexcept { return *m_parts->keeper; }
KeyAffairs& Gateway::affairs() noexcept { return *m_parts->affairs; }
const Tenants& Gateway::tenants() const noexcept { return *m_parts->tenants; }
Store& Gateway::store() noexcept { return *m_parts->store; }
Spool& Gateway::spool() noexcept { return *m_parts->spool; }
Courier& Gateway::courier() noexcept { return *m_parts->courier; }
MtaHook* Gateway::mta_hook() noexcept { return m_parts->mail ? m_parts->hook.get() : nullptr; }
Intake& Gateway::intake() noexcept { return *m_parts->intake; }
const Pipeline& Gateway::pipeline() const noexcept { return *m_parts->pipeline; }
const DkimSigners& Gateway::dkim_signers() const noexcept { return *m_parts->signers; }
const ZoneKeeper& Gateway::zones() const noexcept { return *m_parts->zones; }
DnsHealth& Gateway::dns_health() noexcept { return *m_parts->health; }
const Stapler& Gateway::stapler() const noexcept { return *m_parts->stapler; }
const ListenerTls& Gateway::listener_tls() const noexcept { return *m_parts->tls; }
Identities& Gateway::identities() noexcept { return *m_parts->identities; }
Correspondents& Gateway::correspondents() noexcept { return *m_parts->correspondents; }
UserStore& Gateway::users() noexcept { return *m_parts->users; }
MailboxStore& Gateway::mailbox() noexcept { return *m_parts->mailbox; }
SqliteAuditLog& Gateway::audit() noexcept { return *m_parts->audit; }
const Clock& Gateway::clock() const noexcept { return m_parts->clock; }
Random& Gateway::random() noexcept { return m_parts->random; }
const Certificate& Gateway::authority_root() const noexcept { return m_parts->authority->root(); }
Certificate Gateway::server_certificate() const { return m_parts->tls->certificate().value_or(m_parts->authority->root()); }
std::string Gateway::server_certificate_revocation() const { return m_parts->own_revocation->text(); }

std::vector<std::string> Gateway::certificate_warnings() const {
  std::vector<std::string> out = m_parts->tls->warnings();
  if (std::string revoked = m_parts->own_revocation->warning(); !revoked.empty()) out.push_back(std::move(revoked));
  return out;
}

CertificateChain Gateway::smime_roots() const { return m_parts->smime_roots; }
WallTime Gateway::started() const noexcept { return m_parts->started; }

std::vector<DoorState> Gateway::doors() const {
  static const DoorStats none;
  std::vector<DoorState> out;
  const bool open_for_mail = m_parts->mail;
  for (const auto& open : m_parts->doors) {
    out.push_back({open->settings.name,
                   open->settings.kind,
                   open->listener->local().text(),
                   open->settings.tls,
                   open->settings.min_tls,
                   open->listener->stats(),
                   nullptr,
                   nullptr,
                   {}});
    out.back().network_namespace = open->settings.network_namespace;
    if (open->settings.kind != "milter") out.back().door = open_for_mail ? &open->door->stats() : &none;
    if (open->settings.kind == "milter" && open_for_mail) out.back().milter = &open->milter->stats();
  }
  for (const auto& door : m_parts->announced) out.push_back(door());
  return out;
}

}  // namespace postern::gateway
