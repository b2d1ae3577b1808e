#include "gateway/gateway.hpp"

#include <condition_variable>

#include "base/log.hpp"
#include "gateway/gateway_parts.hpp"

namespace postern::gateway {
namespace {

constexpr std::size_t kWorkerQueue = 1024;
constexpr auto kCertificateCheck = std::chrono::seconds(5);
constexpr auto kPolicyRefresh = std::chrono::hours(1);
constexpr auto kKeeperCheck = std::chrono::seconds(1);

}  // namespace

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

}  // namespace postern::gateway
