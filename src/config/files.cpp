#include "config/files.hpp"

#include <filesystem>
#include <fstream>

#include "base/text.hpp"

namespace postern::config {
namespace {

namespace fs = std::filesystem;

std::string numbered(const char* table, std::size_t i) { return std::string(table) + "[" + std::to_string(i) + "]"; }

/// A reference as it stands in the settings.
struct NamedSecret {
  std::string setting, reference;
};

class Collector {
 public:
  explicit Collector(const Config& config) : m_config(config) {
    file("tls.certificate", config.tls.certificate);
    file("tls.key", config.tls.key);
    file("security.smime.trust", config.smime.trust);
    file("authentication.public_suffix_list", config.authentication.public_suffix_list);
    file("dns.fixture_file", config.dns.fixture_file);
    file("outbound.mta_sts_ca", config.outbound.mta_sts_ca);
    if (!config.http.tls.address.empty()) file("http.tls.client_ca", config.http.tls.client_ca);
    if (config.mta_hook.enabled) secret("mta_hook.secret_ref", config.mta_hook.secret_ref);
    for (std::size_t i = 0; i < config.listeners.size(); ++i) {
      if (config.listeners[i].tls != "none") file(numbered("listener", i) + ".client_ca", config.listeners[i].client_ca);
    }
    for (std::size_t i = 0; i < config.zones.size(); ++i) file(numbered("zone", i) + ".tsig", config.zones[i].tsig);
    for (std::size_t i = 0; i < config.operators.size(); ++i) secret(numbered("operator", i) + ".token_ref", config.operators[i].token_ref);
    for (std::size_t i = 0; i < config.routes.size(); ++i) add_route(config.routes[i], numbered("route", i));
    if (config.keys.backend == "vault") add_vault();
    if (config.x400.enabled()) add_x400();
  }

  std::vector<NamedFile> files;
  std::vector<NamedSecret> variables;  ///< Secrets that are in the environment.

 private:
  void file(const std::string& setting, const std::string& path) {
    if (!path.empty()) files.push_back({setting, m_config.beside_config(path)});
  }
  void secret(const std::string& setting, const std::string& reference) {
    if (reference.starts_with("file:")) file(setting, reference.substr(5));
    if (reference.starts_with("env:")) variables.push_back({setting, reference});
  }

  void add_route(const Route& route, const std::string& path) {
    if (route.via == "mailbox" || route.via.starts_with("file:")) return;
    file(path + ".ca", route.ca);
    if (!route.username.empty()) secret(path + ".password_ref", route.password_ref);
    if (route.tls == "none") return;
    file(path + ".client_certificate", route.client_certificate);
    file(path + ".client_key", route.client_key);
  }

  void add_vault() {
    file("keys.vault.ca", m_config.vault.ca);
    file("keys.vault.client_certificate", m_config.vault.client_certificate);
    file("keys.vault.client_key", m_config.vault.client_key);
  }

  void add_x400() {
    if (!m_config.x400.tls.address.empty()) file("x400.tls.client_ca", m_config.x400.tls.client_ca);
    file("x400.strong.certificate", m_config.x400.strong.certificate);
    file("x400.strong.key", m_config.x400.strong.key);
    for (std::size_t i = 0; i < m_config.x400_users.size(); ++i) file(numbered("x400_user", i) + ".ca", m_config.x400_users[i].ca);
    for (std::size_t i = 0; i < m_config.x400_peers.size(); ++i) add_peer(m_config.x400_peers[i], numbered("x400_peer", i));
    for (std::size_t i = 0; i < m_config.x400_called_users.size(); ++i) {
      const X400CalledUser& user = m_config.x400_called_users[i];
      secret(numbered("x400_called_user", i) + ".password_ref", user.password_ref);
      if (user.tls != "none" && user.pins.empty()) file(numbered("x400_called_user", i) + ".ca", user.ca);
    }
  }
  void add_peer(const X400Peer& peer, const std::string& path) {
    secret(path + ".password_ref", peer.password_ref);
    secret(path + ".peer_password_ref", peer.peer_password_ref);
    if (peer.credentials == "strong") file(path + ".strong_ca", peer.strong_ca);
    if (peer.tls != "none" && peer.pins.empty() && !peer.address.empty()) file(path + ".ca", peer.ca);
  }

  const Config& m_config;
};

void check_file(const NamedFile& one, Loaded& loaded) {
  std::error_code error;
  if (!fs::exists(one.path, error) && !error) {
    if (one.setting == "tls.certificate" || one.setting == "tls.key")
      return loaded.warnings.push_back(one.setting + ": " + one.path + " is not there yet; the daemon does not start without it");
    return loaded.faults.push_back({ErrorCode::BadInput,
                                    one.setting + " names " + one.path + ", which is not there; put the file there, or correct the path",
                                    one.setting});
  }
  if (error || !std::ifstream(one.path))
    loaded.warnings.push_back(one.setting + ": " + one.path + " cannot be read by who asks; see that the daemon can read it");
}

}  // namespace

std::vector<NamedFile> needed_files(const Config& config) { return Collector(config).files; }

void check_files(Loaded& loaded, const Environment& environment) {
  const Collector named(loaded.config);
  for (const NamedFile& one : named.files) check_file(one, loaded);
  for (const auto& [setting, reference] : named.variables) {
    const auto found = environment.find(reference.substr(4));
    if (found == environment.end() || found->second.empty())
      loaded.warnings.push_back(setting + ": the environment variable " + printable(reference.substr(4)) +
                                " is not set here; the daemon does not start without it");
  }
}

}  // namespace postern::config
