#include "gateway/listener_tls.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <algorithm>

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

/// Changes whenever the file does, its replacement by rename included.
std::string stamp_of(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return "none;";
  return std::to_string(info.st_ino) + ":" + std::to_string(info.st_size) + ":" + std::to_string(info.st_mtim.tv_sec) + "." +
         std::to_string(info.st_mtim.tv_nsec) + ";";
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

ListenerTls::ListenerTls(const config::Config& config, std::shared_ptr<Authority> authority, std::shared_ptr<Keeper> keeper,
                         const Clock& clock)
    : m_config(config), m_authority(std::move(authority)), m_keeper(std::move(keeper)), m_clock(clock) {}

Result<std::function<io::SslContext()>> ListenerTls::add(const config::Listener& listener) {
  const std::lock_guard checking(m_checking);
  if (m_material.chain.empty()) {
    m_stamp = stamp();
    POSTERN_TRY(m_material, load());
  }
  auto slot = std::make_shared<Slot>();
  slot->min_version = listener.min_tls == "1.2" ? TlsVersion::Tls12 : TlsVersion::Tls13;
  if (!listener.client_ca.empty()) {
    auto roots = certificates_from_file(m_config.beside_config(listener.client_ca));
    if (!roots) return fail(std::move(roots).error().context("client_ca"));
    slot->client_roots = *std::move(roots);
    slot->require_client_certificate = listener.require_client_certificate;
  }
  m_slots.push_back(slot);
  POSTERN_CHECK(replace());
  log_warnings();
  return [this, slot] {
    const std::lock_guard lock(m_mutex);
    return slot->context;
  };
}

std::string ListenerTls::stamp() const {
  if (built_in()) return {};
  return stamp_of(m_config.beside_config(m_config.tls.certificate)) + stamp_of(m_config.beside_config(m_config.tls.key));
}

bool ListenerTls::is_due(const std::string& stamp) const {
  if (!built_in()) return stamp != m_stamp;
  if (m_clock.steady() < m_next_try) return false;
  const Certificate& leaf = m_material.chain.front();
  const WallTime now = m_clock.now();
  if (now < leaf.not_before() || leaf.not_after() - now <= (leaf.not_after() - leaf.not_before()) / 3) return true;
  const auto key = m_keeper->describe(built_in_key());
  return key && key->latest != m_material.version;
}

Result<ListenerTls::Material> ListenerTls::load() const {
  if (!built_in()) return load_files();
  Material out;
  POSTERN_TRY(const auto identity,
              m_authority->tls_identity(built_in_key(), {{m_config.server.hostname, "localhost"}, {"127.0.0.1", "::1"}, false}));
  out.chain = identity.chain;
  out.version = identity.version;
  POSTERN_TRY(out.key, evp_handle(m_keeper, identity.key, identity.version));
  return out;
}

Result<ListenerTls::Material> ListenerTls::load_files() const {
  const std::string certificate = m_config.beside_config(m_config.tls.certificate), key = m_config.beside_config(m_config.tls.key);
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

/// Contexts for all listeners or for none, so that they never show different certificates.
Status ListenerTls::replace() {
  std::vector<io::SslContext> contexts;
  for (const auto& slot : m_slots) {
    TlsServerProfile profile;
    profile.min_version = slot->min_version;
    profile.chain = m_material.chain;
    profile.key = another_handle(m_material.key);
    profile.client_roots = slot->client_roots;
    profile.require_client_certificate = slot->require_client_certificate;
    POSTERN_TRY(const auto context, server_context(std::move(profile)));
    contexts.push_back(context.shared());
  }
  const std::lock_guard lock(m_mutex);
  for (std::size_t i = 0; i < contexts.size(); ++i) m_slots[i]->context = std::move(contexts[i]);
  m_chain = m_material.chain;
  m_failure.clear();
  return {};
}

void ListenerTls::check() {
  const std::lock_guard checking(m_checking);
  if (m_slots.empty()) return;
  std::string seen = stamp();
  if (is_due(seen)) {
    m_stamp = std::move(seen);  // before reading: what changes meanwhile is read again
    m_next_try = m_clock.steady() + kRetry;
    auto loaded = load();
    Status done = loaded ? Status() : Status(fail(loaded.error()));
    if (loaded) {
      std::swap(m_material, *loaded);
      done = replace();
      if (!done) std::swap(m_material, *loaded);
    }
    if (done) {
      const Certificate& leaf = m_material.chain.front();
      log::info("tls.certificate_replaced", {{"subject", leaf.subject()}, {"serial", leaf.serial()}, {"until", rfc3339(leaf.not_after())}});
    } else {
      const std::lock_guard lock(m_mutex);
      m_failure = "the listeners' certificate could not be replaced, the one in use stays: " + done.error().text();
    }
  }
  log_warnings();
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
  return m_chain.empty() ? std::nullopt : std::optional(m_chain.front());
}

CertificateChain ListenerTls::chain() const {
  const std::lock_guard lock(m_mutex);
  return m_chain;
}

std::vector<std::string> ListenerTls::warnings() const {
  const std::lock_guard lock(m_mutex);
  if (m_chain.empty()) return {};
  auto out = certificate_warnings(m_chain.front(), m_config.server.hostname, m_clock.now());
  if (!m_failure.empty()) out.push_back(m_failure);
  return out;
}

}  // namespace postern::gateway
