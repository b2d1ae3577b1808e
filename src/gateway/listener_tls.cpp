#include "gateway/listener_tls.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>

#include "base/file_stamp.hpp"
#include "base/log.hpp"
#include "gateway/hops.hpp"
#include "keys/evp_handle.hpp"
#include "pki/verify.hpp"

namespace postern::gateway {
namespace {

constexpr auto kSoon = std::chrono::hours(24 * 30);
constexpr auto kRetry = std::chrono::minutes(1);

const KeyName& built_in_key() {
  static const KeyName name("tls_server");
  return name;
}

EvpPkeyPtr another_handle(const EvpPkeyPtr& key) {
  EVP_PKEY_up_ref(key.get());
  return EvpPkeyPtr(key.get());
}

}  // namespace

std::vector<std::string> certificate_warnings(const Certificate& certificate, const std::string& host, WallTime now) {
  std::vector<std::string> out;
  if (now < certificate.not_before())
    out.push_back("the listeners' certificate is not valid before " + rfc3339(certificate.not_before()) + "; clients refuse it until then");
  if (now >= certificate.not_after())
    out.push_back("the listeners' certificate expired at " + rfc3339(certificate.not_after()) + "; clients refuse it");
  else if (certificate.not_after() - now < kSoon)
    out.push_back("the listeners' certificate expires at " + rfc3339(certificate.not_after()));
  if (!certificate_matches_host(certificate, host))
    out.push_back("the listeners' certificate is not for server.hostname (" + host + "); clients that verify the name refuse it");
  return out;
}

ListenerTls::ListenerTls(const config::Config& config, std::shared_ptr<Authority> authority, std::shared_ptr<Keeper> keeper, Store& store,
                         const Clock& clock)
    : m_config(config),
      m_authority(std::move(authority)),
      m_keeper(std::move(keeper)),
      m_store(store),
      m_clock(clock),
      m_gate(config.server.hostname) {}

/// Once, before the first certificate is shown.
Status ListenerTls::begin() {
  m_stamp = stamp();
  POSTERN_TRY(m_shown, TlsKeys(m_store).all());
  const ShownTlsKey* last = !m_shown.empty() && m_shown.front().in_use ? &m_shown.front() : nullptr;
  if (!built_in()) {
    POSTERN_TRY(m_material, load_files(m_config));
  } else {
    // What DNS vouched for when the daemon stopped is shown again, though the key has a newer version.
    const bool known = last != nullptr && last->version != 0 && m_keeper->public_key(built_in_key(), last->version).has_value();
    POSTERN_TRY(m_material, load(known ? last->version : 0));
  }
  const bool same = last != nullptr && last->spki == m_material.chain.front().spki_fingerprint();
  m_gate = TlsaGate(m_config.server.hostname, same && last->vouched);
  skip_versions();
  return remember();
}

Result<std::function<io::SslContext()>> ListenerTls::add(const config::Listener& listener) {
  auto slot = std::make_shared<Slot>();
  slot->min_version = listener.min_tls == "1.2" ? TlsVersion::Tls12 : TlsVersion::Tls13;
  if (!listener.client_ca.empty()) {
    auto roots = certificates_from_file(m_config.beside_config(listener.client_ca));
    if (!roots) return fail(std::move(roots).error().context("client_ca"));
    slot->client_roots = *std::move(roots);
    slot->require_client_certificate = listener.require_client_certificate;
  }
  slot->any_client_certificate = listener.any_client_certificate;
  return add(std::move(slot));
}

Result<std::function<io::SslContext()>> ListenerTls::add_client(TlsVersion min_version) {
  auto slot = std::make_shared<Slot>();
  slot->min_version = min_version;
  slot->client = true;
  return add(std::move(slot));
}

Result<std::function<io::SslContext()>> ListenerTls::add(std::shared_ptr<Slot> slot) {
  const std::lock_guard checking(m_checking);
  if (m_material.chain.empty()) POSTERN_CHECK(begin());
  m_slots.push_back(slot);
  POSTERN_CHECK(replace());
  publish_state();
  log_warnings();
  return [this, slot] {
    const std::lock_guard lock(m_mutex);
    return slot->context;
  };
}

TlsSubject ListenerTls::subject() const { return {{m_config.server.hostname, "localhost"}, {"127.0.0.1", "::1"}, false}; }

std::string ListenerTls::stamp() const {
  if (built_in()) return {};
  return file_stamp(m_config.beside_config(m_config.tls.certificate)) + file_stamp(m_config.beside_config(m_config.tls.key));
}

bool ListenerTls::needs_renewal() const {
  const Certificate& leaf = m_material.chain.front();
  const WallTime now = m_clock.now();
  return now < leaf.not_before() || leaf.not_after() - now <= (leaf.not_after() - leaf.not_before()) / 3;
}

Result<ListenerTls::Material> ListenerTls::load(std::uint32_t version) const {
  Material out;
  POSTERN_TRY(const auto identity, m_authority->tls_identity(built_in_key(), subject(), KeyType::EcdsaP256, version));
  out.chain = identity.chain;
  out.version = identity.version;
  POSTERN_TRY(out.key, evp_handle(m_keeper, identity.key, identity.version));
  return out;
}

/// What would be shown, for DNS to be compared with: issued, not kept.
Result<ListenerTls::Material> ListenerTls::foresee(std::uint32_t version) const {
  POSTERN_TRY(const PublicKey key, m_keeper->public_key(built_in_key(), version));
  POSTERN_TRY(Certificate leaf, m_authority->issue_tls(subject(), key));
  Material out;
  out.chain = {std::move(leaf), m_authority->root()};
  out.version = version;
  return out;
}

Status ListenerTls::check_files(const config::Config& config) {
  POSTERN_CHECK(load_files(config));
  return {};
}

Result<ListenerTls::Material> ListenerTls::load_files(const config::Config& config) {
  const std::string certificate = config.beside_config(config.tls.certificate), key = config.beside_config(config.tls.key);
  Material out;
  auto chain = certificates_from_file(certificate);
  if (!chain) return fail(std::move(chain).error().context("tls.certificate"));
  out.chain = *std::move(chain);
  auto loaded = load_private_key(key);
  if (!loaded) return fail(std::move(loaded).error().context("tls.key"));
  out.key = *std::move(loaded);
  if (X509_check_private_key(out.chain.front().native(), out.key.get()) == 1) return out;
  openssl_clear_errors();
  return fail(ErrorCode::BadInput,
              "the private key in " + key + " does not belong to the first certificate in " + certificate +
                  "; the leaf comes first, with its own key",
              "tls.key");
}

Result<TlsContext> ListenerTls::context_of(const Slot& slot) const {
  if (slot.client) {
    TlsClientProfile profile;
    profile.min_version = slot.min_version;
    profile.chain = m_material.chain;
    profile.key = another_handle(m_material.key);
    return client_context(std::move(profile));
  }
  TlsServerProfile profile;
  profile.min_version = slot.min_version;
  profile.chain = m_material.chain;
  profile.key = another_handle(m_material.key);
  profile.client_roots = slot.client_roots;
  profile.require_client_certificate = slot.require_client_certificate;
  profile.accept_any_client_certificate = slot.any_client_certificate;
  profile.staple = m_material.staple;
  return server_context(std::move(profile));
}

/// Contexts for all listeners or for none, so that they never show different certificates.
Status ListenerTls::replace() {
  std::vector<io::SslContext> contexts;
  for (const auto& slot : m_slots) {
    POSTERN_TRY(const TlsContext context, context_of(*slot));
    contexts.push_back(context.shared());
  }
  const std::lock_guard lock(m_mutex);
  for (std::size_t i = 0; i < contexts.size(); ++i) m_slots[i]->context = std::move(contexts[i]);
  m_shown_now = {m_material.chain, m_material.staple};
  m_failure.clear();
  return {};
}

void ListenerTls::check() {
  const std::lock_guard checking(m_checking);
  if (m_slots.empty()) return;
  if (built_in())
    check_built_in();
  else
    look_at_files();
  show_next();
  publish_state();
  log_warnings();
}

void ListenerTls::look_at_files() {
  std::string seen = stamp();
  if (seen == m_stamp) return;
  m_stamp = std::move(seen);  // before reading: what changes meanwhile is read again
  auto loaded = load_files(m_config);
  if (!loaded) return failed(loaded.error());
  offer(*std::move(loaded));
}

void ListenerTls::check_built_in() {
  if (m_clock.steady() < m_next_try) return;
  if (needs_renewal()) {
    auto renewed = load(m_material.version);
    const Status done = renewed ? show(*std::move(renewed)) : Status(fail(renewed.error()));
    if (!done) failed(done.error());
  }
  const auto key = m_keeper->describe(built_in_key());
  if (!key || key->latest == m_material.version || (m_next && m_next->version == key->latest)) return;
  auto next = foresee(key->latest);
  if (!next) return failed(next.error());
  offer(*std::move(next));
}

void ListenerTls::skip(const Certificate& leaf) {
  if (m_skipped.size() == kMostTlsKeys) m_skipped.erase(m_skipped.begin());
  m_skipped.push_back(leaf.spki_fingerprint());
}

/// Of the built-in key: those that waited when the daemon stopped, and were overtaken.
void ListenerTls::skip_versions() {
  const auto key = m_keeper->describe(built_in_key());
  if (!built_in() || !key) return;
  for (const KeyVersionInfo& version : key->versions) {
    if (version.number <= m_material.version || version.number >= key->latest) continue;
    if (const auto skipped = foresee(version.number)) skip(skipped->chain.front());
  }
}

void ListenerTls::offer(Material next) {
  if (m_next) skip(m_next->chain.front());
  m_next = std::move(next);
  m_gate.offer(m_next->chain, m_clock.now());
  const std::lock_guard lock(m_mutex);
  m_failure.clear();  // what could not be read before can be now
}

void ListenerTls::show_next() {
  if (!m_next || !m_gate.may_show(m_clock.steady())) return;
  auto ready = m_next->key ? Result<Material>(std::move(*m_next)) : load(m_next->version);
  m_next.reset();
  const Status done = ready ? show(*std::move(ready)) : Status(fail(ready.error()));
  if (!done) failed(done.error());
}

Status ListenerTls::show(Material material) {
  std::swap(m_material, material);
  if (const Status done = replace(); !done) {
    std::swap(m_material, material);
    return done;
  }
  const Certificate& leaf = m_material.chain.front();
  log::info("tls.certificate_replaced", {{"subject", leaf.subject()}, {"serial", leaf.serial()}, {"until", rfc3339(leaf.not_after())}});
  return remember();
}

/// So that the same key is shown after a restart, and its record is known as ours when it is not shown any more.
Status ListenerTls::remember() {
  ShownTlsKey now{m_material.chain.front().spki_fingerprint(), m_material.version, m_gate.vouched(), m_clock.now(), true};
  if (!m_shown.empty() && m_shown.front().in_use && m_shown.front().spki == now.spki) {
    if (m_shown.front().vouched == now.vouched && m_shown.front().version == now.version) return {};
    now.since = m_shown.front().since;
  }
  TlsKeys keys(m_store);
  POSTERN_CHECK(keys.show(now));
  POSTERN_TRY(m_shown, keys.all());
  return {};
}

void ListenerTls::failed(const Error& error) {
  m_next_try = m_clock.steady() + kRetry;
  const std::lock_guard lock(m_mutex);
  m_failure = "the listeners' certificate could not be replaced, the one in use stays: " + error.text();
}

void ListenerTls::observe(const dns::Answer& tlsa) {
  {
    const std::lock_guard checking(m_checking);
    if (m_slots.empty()) return;
    const bool before = m_gate.vouched();
    m_gate.observe(tlsa, m_material.chain, m_next ? m_next->chain : CertificateChain{}, m_clock);
    if (before != m_gate.vouched()) {
      if (const Status kept = remember(); !kept) log::warn("tls.key_not_kept", {{"reason", kept.error()}});
    }
  }
  check();
}

void ListenerTls::publish_state() {
  TlsaKeys keys;
  keys.shown = m_material.chain.front().spki_fingerprint();
  if (m_next && m_next->chain.front().spki_fingerprint() != *keys.shown) keys.next = m_next->chain.front().spki_fingerprint();
  for (const ShownTlsKey& one : m_shown) {
    if (one.spki != *keys.shown && one.spki != keys.next) keys.former.push_back(one.spki);
  }
  for (const Sha256& one : m_skipped) {
    if (one != *keys.shown && one != keys.next) keys.former.push_back(one);
  }
  keys.vouched = m_gate.vouched();
  const std::lock_guard lock(m_mutex);
  m_tlsa = std::move(keys);
  m_version = m_material.version;
  m_waits = m_next ? m_gate.why_not(m_clock.steady()) : std::string();
}

ListenerTls::TlsaKeys ListenerTls::tlsa_keys() const {
  const std::lock_guard lock(m_mutex);
  return m_tlsa;
}

bool ListenerTls::waits() const {
  const std::lock_guard lock(m_mutex);
  return !m_waits.empty();
}

std::optional<std::uint32_t> ListenerTls::version_in_use() const {
  const std::lock_guard lock(m_mutex);
  return m_version == 0 ? std::nullopt : std::optional(m_version);
}

void ListenerTls::log_warnings() {
  std::vector<std::string> now = warnings();
  for (const auto& warning : now) {
    if (std::find(m_logged.begin(), m_logged.end(), warning) == m_logged.end()) log::warn("tls.certificate_warning", {{"text", warning}});
  }
  m_logged = std::move(now);
}

std::optional<Certificate> ListenerTls::certificate() const {
  const std::lock_guard lock(m_mutex);
  return m_shown_now.chain.empty() ? std::nullopt : std::optional(m_shown_now.chain.front());
}

CertificateChain ListenerTls::chain() const { return shown().chain; }

ShownCertificate ListenerTls::shown() const {
  const std::lock_guard lock(m_mutex);
  return m_shown_now;
}

std::vector<std::string> ListenerTls::warnings() const {
  const std::lock_guard lock(m_mutex);
  if (m_shown_now.chain.empty()) return {};
  auto out = certificate_warnings(m_shown_now.chain.front(), m_config.server.hostname, m_clock.now());
  if (!m_failure.empty()) out.push_back(m_failure);
  if (!m_waits.empty()) out.push_back("the listeners' next certificate waits: " + m_waits);
  return out;
}

}  // namespace postern::gateway
