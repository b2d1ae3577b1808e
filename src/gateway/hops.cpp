#include "gateway/hops.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/log.hpp"
#include "base/text.hpp"
#include "smtp/sasl.hpp"

namespace postern::gateway {
namespace {

constexpr const char* kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";

Result<SecretBytes> read_secret_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::NotFound, "cannot read the secret in " + path + "; check the path and its permissions");
  std::string text;
  std::getline(file, text);
  SecretBytes out = SecretBytes::from_text(trim(text));
  wipe(text);
  if (out.empty()) return fail(ErrorCode::BadInput, "the secret file " + path + " is empty");
  return out;
}

/// The system's trust store, or nothing where there is none.
CertificateChain system_roots() {
  std::error_code ignored;
  if (!std::filesystem::exists(kSystemRoots, ignored)) return {};
  auto roots = certificates_from_file(kSystemRoots);
  if (roots) return *std::move(roots);
  log::warn("tls.system_roots_unreadable", {{"file", kSystemRoots}, {"reason", roots.error()}});
  return {};
}

class Maker {
 public:
  Maker(const config::Config& config, const Route& route, const std::vector<Certificate>& default_roots)
      : m_config(config),
        m_settings(route.settings),
        m_lmtp(route.via == Via::Lmtp),
        m_named_host(route.via != Via::Mx),
        m_default_roots(default_roots) {}

  Result<std::shared_ptr<const HopOptions>> make() {
    auto out = std::make_shared<HopOptions>();
    out->named_host = m_named_host;
    out->verify_name = m_settings.verify_name;
    POSTERN_TRY(out->revocation,
                parse_revocation_policy(m_settings.revocation.empty() ? m_config.outbound.revocation : m_settings.revocation));
    out->interface = m_settings.interface;
    out->connect = m_config.timeouts.connect;
    out->handshake = m_config.timeouts.handshake;
    POSTERN_TRY(out->roots, roots());
    POSTERN_TRY(out->pins, pins());
    POSTERN_TRY(out->smtp, smtp_options());
    if (m_settings.tls != "none") {
      POSTERN_TRY(out->context, tls_context());
    }
    return out;
  }

 private:
  Result<std::vector<Certificate>> roots() const {
    if (m_settings.ca.empty()) return m_default_roots;
    return certificates_from_file(m_config.beside_config(m_settings.ca));
  }

  Result<PinSet> pins() const {
    PinSet out;
    for (const auto& pin : m_settings.pins) {
      POSTERN_TRY(const auto fingerprint, parse_fingerprint(pin));
      out.certificates.push_back(fingerprint);
      out.keys.push_back(fingerprint);
    }
    return out;
  }

  Result<std::shared_ptr<const smtp::ClientOptions>> smtp_options() const {
    auto out = std::make_shared<smtp::ClientOptions>();
    out->lmtp = m_lmtp;
    out->hostname = m_config.server.hostname;
    out->line_limit = m_config.limits.line_emitted;
    if (!m_settings.username.empty()) {
      auto credentials = std::make_shared<smtp::ClientCredentials>();
      credentials->user = m_settings.username;
      POSTERN_TRY(credentials->password, read_secret_ref(m_settings.password_ref, m_config));
      // Said at start, not with the first message: SASLprep may refuse the name or the password.
      if (const auto usable = smtp::make_plain_client(credentials->user, credentials->password); !usable) return fail(usable.error());
      out->credentials = std::move(credentials);
    }
    return out;
  }

  Result<std::optional<TlsContext>> tls_context() const {
    TlsClientProfile profile;
    profile.min_version = m_settings.min_tls == "1.2" ? TlsVersion::Tls12 : TlsVersion::Tls13;
    if (!m_settings.client_certificate.empty()) {
      POSTERN_TRY(profile.chain, certificates_from_file(m_config.beside_config(m_settings.client_certificate)));
      POSTERN_TRY(profile.key, load_private_key(m_config.beside_config(m_settings.client_key)));
    }
    POSTERN_TRY(auto context, client_context(std::move(profile)));
    return std::optional<TlsContext>(std::move(context));
  }

  const config::Config& m_config;
  const config::Route& m_settings;
  bool m_lmtp;
  bool m_named_host;
  const std::vector<Certificate>& m_default_roots;
};

}  // namespace

Result<SecretBytes> read_secret_ref(const std::string& reference, const config::Config& config) {
  if (reference.substr(0, 5) == "file:") return read_secret_file(config.beside_config(reference.substr(5)));
  if (reference.substr(0, 4) != "env:") return fail(ErrorCode::BadInput, "a secret is given as env:NAME or file:PATH");
  const char* value = std::getenv(reference.c_str() + 4);
  if (value == nullptr || *value == '\0')
    return fail(ErrorCode::NotFound, "environment variable " + reference.substr(4) + " is not set; it must hold the secret");
  return SecretBytes::from_text(value);
}

Result<Hops> Hops::make(const config::Config& config, const RouteTable& routes, const std::vector<Certificate>& own_roots) {
  std::vector<Certificate> roots = system_roots();
  roots.insert(roots.end(), own_roots.begin(), own_roots.end());
  Hops out;
  for (const Route& route : routes.all()) {
    if (route.via == Via::File || route.via == Via::Mailbox) continue;
    auto made = Maker(config, route, roots).make();
    if (!made) return fail(std::move(made).error().context("route " + route.settings.domain));
    out.m_by_route[route.id] = *std::move(made);
  }
  return out;
}

std::shared_ptr<const HopOptions> Hops::find(const Route& route) const {
  const auto it = m_by_route.find(route.id);
  return it == m_by_route.end() ? nullptr : it->second;
}

}  // namespace postern::gateway
