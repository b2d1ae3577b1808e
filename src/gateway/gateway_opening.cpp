#include <algorithm>
#include <fstream>

#include "base/log.hpp"
#include "base/text.hpp"
#include "gateway/gateway_parts.hpp"
#include "gateway/late_signature.hpp"
#include "gateway/root_secrets.hpp"
#include "gateway/setting_files.hpp"
#include "gateway/zone_facts.hpp"
#include "store/dkim_pins.hpp"
#include "store/key_store.hpp"

namespace postern::gateway {
namespace {

constexpr std::string_view kBackendMark = "postern keys: ";  // and the setting

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
    POSTERN_TRY(auto fixture, read_dns_fixture(config));
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

void Gateway::Parts::open_stapler() {
  StaplerParts with{*store, *workers, clock, [this] { return tls->shown(); }, {}};
  if (config.tls.stapling)
    with.ask = [this](Certificate leaf, Certificate issuer) { return revocations->answer_to_staple(std::move(leaf), std::move(issuer)); };
  stapler = std::make_unique<Stapler>(std::move(with));
  stapler->restore();
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

}  // namespace postern::gateway
