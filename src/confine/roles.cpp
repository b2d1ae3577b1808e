// From settings to rules: which folders, ports and calls the gate and the keeper need.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "config/record.hpp"
#include "confine/confinement.hpp"
#include "confine/ports.hpp"

namespace postern::confine {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kProfileBytes = std::size_t{64} << 10;

std::string absolute(const std::string& path) { return fs::absolute(path).lexically_normal().string(); }

/// Without links, where it is there.
std::string real_path(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  return error ? absolute(path) : real.string();
}

bool begins_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

bool lies_in(const std::string& path, const std::string& folder) {
  const std::string prefix = folder.back() == '/' ? folder : folder + "/";
  return path == folder || begins_with(path, prefix);
}

/// What every program of the C library reads. No folder of /etc as a whole, no /proc, no /home.
void add_system(std::vector<PathRule>& paths) {
  for (const char* path :
       {"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/etc/localtime", "/etc/ld.so.cache",
        "/etc/ssl/openssl.cnf", "/etc/crypto-policies", "/dev/urandom", "/dev/random", "/sys/devices/system/cpu"})
    paths.push_back({path, Access::Read});
  paths.push_back({"/dev/null", Access::Append});
}

void add_network_files(std::vector<PathRule>& paths) {
  for (const char* path : {"/etc/resolv.conf", "/run/systemd/resolve", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf",
                           "/etc/gai.conf", "/etc/services", "/etc/protocols", "/etc/ssl/certs", "/usr/share/ca-certificates",
                           "/usr/local/share/ca-certificates", "/usr/share/dns", "/usr/share/publicsuffix"})
    paths.push_back({path, Access::Read});
}

std::string file_of(const std::string& reference) { return begins_with(reference, "file:") ? reference.substr(5) : std::string(); }
std::string variable_of(const std::string& reference) { return begins_with(reference, "env:") ? reference.substr(4) : std::string(); }

/// What the keeper owns, wherever it lies: nothing that the gate is given may hold it.
std::vector<std::string> places_of_keeper(const config::Config& config) {
  std::vector<std::string> out{absolute(config.in_keeper_dir("")), absolute(config.in_data_dir("audit"))};
  if (const std::string root = file_of(config.root_reference()); !root.empty()) out.push_back(absolute(root));
  if (!config.engine.audit_file.empty()) out.push_back(absolute(config.in_data_dir(config.engine.audit_file)));
  if (const std::string key = file_of(config.database.sqlcipher_key_ref); config.database.use_sqlcipher && !key.empty())
    out.push_back(absolute(config.beside_config(key)));
  return out;
}

/// What of a profile of X.400 its process needs. One that cannot be read says so elsewhere (transport/profile.hpp).
struct ProfileNeeds {
  std::string peer, password_ref;
};
ProfileNeeds needs_of_profile(const fs::path& path) {
  std::string text(kProfileBytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  ProfileNeeds out;
  const auto settings = config::read_table(text, path.string(), kProfileBytes);
  if (!settings) return out;
  for (const config::Given& one : *settings) {
    const auto* value = std::get_if<std::string>(&one.value);
    if (value != nullptr && one.name == "peer") out.peer = *value;
    if (value != nullptr && one.name == "password_ref") out.password_ref = *value;
  }
  return out;
}

/// Of every profile: another one may be preferred while the daemon runs.
std::vector<ProfileNeeds> needs_of_profiles(const config::Config& config) {
  std::vector<ProfileNeeds> out;
  if (config.transport.mode == "mock") return out;
  std::error_code error;
  for (fs::directory_iterator at(config.beside_config(config.transport.profiles_dir), error), end; !error && at != end; at.increment(error))
    if (at->path().extension() == ".toml") out.push_back(needs_of_profile(at->path()));
  return out;
}

/// Rules for a process that may see nothing of the keeper's.
class OutsideBuilder {
 public:
  OutsideBuilder(const config::Config& config, std::string process) : m_config(config), m_keepers(places_of_keeper(config)) {
    m_rules.process = std::move(process);
    add_system(m_rules.reach.paths);
    add_network_files(m_rules.reach.paths);
  }

 protected:
  [[nodiscard]] bool holds_keepers(const std::string& path) const {
    return std::ranges::any_of(m_keepers, [&](const std::string& kept) { return lies_in(kept, path); });
  }

  void folder(const std::string& path, Access access) {
    const std::string place = absolute(path);
    if (holds_keepers(place)) {
      if (m_held.empty())
        m_held = place + " would show the " + m_rules.process +
                 " what it may not see; give that (the keeper's files, keys.root, keys of mail) or this a folder of its own";
      return;
    }
    m_rules.reach.paths.push_back({place, access});
    std::error_code ignored;
    if (!fs::exists(place, ignored)) m_rules.opened.push_back(place + " is not there; when it is made, the daemon must be started again");
  }

  /// A file that an operator replaces by renaming another into its place is another file then, so its folder is what can be allowed; where
  /// that folder holds what is the keeper's, the file as it is now.
  void file(const std::string& path) {
    if (path.empty()) return;
    const std::string place = absolute(path);
    const std::string parent = fs::path(place).parent_path().string();
    if (!holds_keepers(parent) && parent != "/") {
      m_rules.reach.paths.push_back({parent, Access::Read});
      return;
    }
    m_rules.reach.paths.push_back({place, Access::Read});
    m_rules.opened.push_back(place + " lies beside what the " + m_rules.process +
                             " may not see; when it is replaced, the daemon must be started again");
  }

  void beside(const std::string& path) {
    if (!path.empty()) file(m_config.beside_config(path));
  }

  [[nodiscard]] Result<Rules> done() {
    if (!m_held.empty()) return fail(ErrorCode::BadInput, m_held);
    return std::move(m_rules);
  }

  const config::Config& m_config;
  std::vector<std::string> m_keepers;  ///< Places that this process may not see.
  Rules m_rules;
  std::string m_held;  ///< The first setting that cannot be.
};

class GateBuilder : private OutsideBuilder {
 public:
  explicit GateBuilder(const config::Config& config) : OutsideBuilder(config, "gate") {}

  Result<Rules> build() {
    folder(m_config.in_mail_dir(""), Access::Write);
    add_data_files();
    add_named_files();
    for (const auto& path : m_config.server.gate_paths) folder(path, Access::Write);
    add_ports();
    m_rules.calls.internet_server = true;
    return done();
  }

 private:
  /// Single files that stand where operators look for them; the warden made them.
  void add_data_files() {
    m_rules.reach.paths.push_back({absolute(m_config.in_data_dir("admin.token")), Access::Read});
    m_rules.reach.paths.push_back({absolute(m_config.in_data_dir("ca.pem")), Access::Append});
  }

  void add_named_files() {
    for (const auto& path : {m_config.tls.certificate, m_config.tls.key, m_config.smime.trust}) beside(path);
    beside(m_config.authentication.public_suffix_list);
    beside(m_config.dns.fixture_file);
    beside(m_config.dns.trust_anchor);
    beside(m_config.outbound.mta_sts_ca);
    folder(m_config.beside_config(m_config.smime.certificates_dir), Access::Read);
    folder(m_config.beside_config(m_config.openpgp.certificates_dir), Access::Read);
    for (const auto& listener : m_config.listeners) beside(listener.client_ca);
    for (const auto& zone : m_config.zones) beside(zone.tsig);
    beside(m_config.http.tls.client_ca);
    if (m_config.mta_hook.enabled) beside(file_of(m_config.mta_hook.secret_ref));
    add_x400_files();
    for (const auto& one : m_config.operators) beside(file_of(one.token_ref));
    for (const auto& route : m_config.routes) {
      for (const auto& path : {route.ca, route.client_certificate, route.client_key, file_of(route.password_ref)}) beside(path);
      if (begins_with(route.via, "file:")) folder(m_config.beside_config(route.via.substr(5)), Access::Write);
    }
  }

  void add_x400_files() {
    if (const auto& bundle = m_config.tracing.trace_bundle_path; !bundle.empty())
      folder(fs::path(m_config.in_mail_dir(bundle)).parent_path().string(), Access::Write);
    beside(m_config.x400.tls.client_ca);
    for (const auto& peer : m_config.x400_peers)
      for (const auto& path : {peer.ca, file_of(peer.password_ref), file_of(peer.peer_password_ref), peer.strong_ca}) beside(path);
    for (const auto& list : m_config.x400_lists) beside(list.members_file);
    for (const auto& user : m_config.x400_users) beside(user.ca);
    beside(m_config.x400.strong.certificate);
    beside(m_config.x400.strong.key);
    for (const auto& user : m_config.x400_called_users)
      for (const auto& path : {user.ca, file_of(user.password_ref)}) beside(path);
    const auto& transport = m_config.transport;
    if (transport.mode == "mock") return;
    folder(m_config.beside_config(transport.profiles_dir), Access::Read);
    for (const auto& path : {transport.tls.ca_bundle, transport.tls.client_certificate, transport.tls.client_key}) beside(path);
    if (transport.mode == "sdk") beside(transport.sdk.library_path);
  }

  void add_ports() {
    std::set<std::uint16_t> bind{port_in(m_config.http.address)}, connect{25, 53};
    if (m_config.outbound.mta_sts || !m_config.reports.from.empty()) connect.insert(443);
    if (asks_for_revocation()) connect.insert(80);
    for (const auto& listener : m_config.listeners) {
      if (begins_with(listener.address, "unix:"))
        allow_unix_server(fs::path(listener.address.substr(5)).parent_path().string());
      else
        bind.insert(port_in(listener.address));
    }
    if (!m_config.http.tls.address.empty()) bind.insert(port_in(m_config.http.tls.address));
    for (const auto& address : {m_config.x400.address, m_config.x400.tls.address})
      if (!address.empty()) bind.insert(port_in(address));
    for (const auto& peer : m_config.x400_peers) {
      if (peer.address.empty()) continue;
      connect.insert(x400_port_in(peer.address));
    }
    for (const auto& user : m_config.x400_called_users) connect.insert(x400_port_in(user.address));
    if (m_config.transport.mode != "mock") connect.merge(ports_of_transport());
    if (std::ranges::any_of(bind, [](std::uint16_t port) { return port > 0 && port < 1024; }))
      m_rules.capability = KeepCapability::BindLowPorts;
    for (const auto& route : m_config.routes) {
      if (const auto port = port_in(route.via); port != 0) connect.insert(port);
    }
    for (const auto& zone : m_config.zones) {
      if (const auto port = port_in(zone.server); port != 0) connect.insert(port);
    }
    for (const auto& server : m_config.dns.servers) {
      if (const auto port = port_in(server, '@'); port != 0) connect.insert(port);
    }
    if (bind.contains(0)) {
      m_rules.reach.any_bind_port = true;
      m_rules.opened.emplace_back("a listener takes a free port: the gate may bind any TCP port");
    }
    m_rules.reach.bind_ports.assign(bind.begin(), bind.end());
    m_rules.reach.connect_ports.assign(connect.begin(), connect.end());
  }

  [[nodiscard]] std::set<std::uint16_t> ports_of_transport() const {
    std::set<std::uint16_t> out{80};  // responders that certificates name
    if (const std::string& responder = m_config.transport.tls.ocsp_responder; !responder.empty()) out.insert(port_of_url(responder));
    for (const auto& profile : needs_of_profiles(m_config)) out.insert(x400_port_in(profile.peer));
    return out;
  }

  [[nodiscard]] bool asks_for_client_certificates() const {
    const auto asks = [](const auto& door) { return !door.client_ca.empty(); };
    return asks(m_config.http.tls) || asks(m_config.x400.tls) || std::ranges::any_of(m_config.listeners, asks);
  }

  /// Responders and lists are asked by port 80 alone, whatever outbound.revocation_networks adds to the addresses.
  [[nodiscard]] bool asks_for_revocation() const {
    const auto asks = [](const config::Route& route) { return !route.revocation.empty() && route.revocation != "off"; };
    const bool staples = m_config.tls.stapling && !m_config.tls.certificate.empty();
    const bool clients = m_config.tls.client_revocation != "off" && asks_for_client_certificates();
    const bool signers = m_config.smime.revocation != "off" && !m_config.smime.trust.empty();
    return m_config.outbound.revocation != "off" || staples || clients || signers || std::ranges::any_of(m_config.routes, asks);
  }

  void allow_unix_server(const std::string& place) {
    folder(place, Access::Sockets);
    m_rules.calls.unix_server = true;
    m_rules.opened.push_back("a listener is a Unix socket: the gate may make some in " + place);
  }
};

/// Somebody else's code: beside the keeper's things it sees none of our keys for mail, and no folder that could come to hold some.
class LibraryBuilder : private OutsideBuilder {
 public:
  explicit LibraryBuilder(const config::Config& config) : OutsideBuilder(config, "library") {
    for (const std::string& keys : {config.smime.certificates_dir, config.openpgp.certificates_dir})
      m_keepers.push_back(absolute(config.beside_config(keys)));
  }

  Result<Rules> build() {
    folder(m_config.in_data_dir("library"), Access::Write);
    for (const auto& path : m_config.transport.sdk.paths) folder(m_config.beside_config(path), Access::Write);
    add_transport_files();
    m_rules.reach.any_connect_port = true;
    m_rules.calls.tcp_client = m_rules.calls.udp_client = true;
    return done();
  }

 private:
  void add_transport_files() {
    const auto& transport = m_config.transport;
    for (const auto& path : {transport.tls.ca_bundle, transport.tls.client_certificate, transport.tls.client_key})
      if (!path.empty()) alone(m_config.beside_config(path));
    add_profiles();
    if (!transport.sdk.library_path.empty()) add_library(m_config.beside_config(transport.sdk.library_path));
  }

  /// As it is now, without what lies beside it.
  void alone(const std::string& path) {
    const std::string place = absolute(path);
    m_rules.reach.paths.push_back({place, Access::Read});
    m_rules.opened.push_back(place + " is open to the library as it is now: when it is replaced, the daemon must be started again");
  }

  /// Those that there are, each by itself: the folders of our keys lie among them by default.
  void add_profiles() {
    const std::string profiles = absolute(m_config.beside_config(m_config.transport.profiles_dir));
    std::error_code error;
    for (fs::directory_iterator at(profiles, error), end; !error && at != end; at.increment(error))
      if (may_be_shown(at->path())) m_rules.reach.paths.push_back({at->path().string(), Access::Read});
  }

  /// A rule holds for what a link leads to. Where profiles and keys share a folder, the profiles are known by their names.
  [[nodiscard]] bool may_be_shown(const fs::path& entry) const {
    const std::string real = real_path(entry.string());
    return std::ranges::none_of(m_keepers, [&](const std::string& kept) {
      const std::string place = real_path(kept);
      return lies_in(place, real) || (lies_in(real, place) && entry.extension() != ".toml");
    });
  }

  /// With its folder, where what it loads lies, unless that is the configuration's or holds keys.
  void add_library(const std::string& path) {
    const std::string parent = fs::path(absolute(path)).parent_path().string();
    const bool shows_settings = !m_config.source.empty() && lies_in(absolute(m_config.source), parent);
    if (shows_settings)
      alone(path);
    else
      file(path);
  }
};

// Beside settings: what libraries look for. LD_PRELOAD is the loader's; who can set it here can replace the program as well.
const std::vector<std::string> kCommonNames{"PATH",
                                            "HOME",
                                            "LANG",
                                            "LANGUAGE",
                                            "TZ",
                                            "TMPDIR",
                                            "LD_LIBRARY_PATH",
                                            "LD_PRELOAD",
                                            "OPENSSL_CONF",
                                            "OPENSSL_MODULES",
                                            "SSL_CERT_FILE",
                                            "SSL_CERT_DIR",
                                            "GLIBC_TUNABLES",
                                            "X400_SDK_LIBRARY",
                                            "X400_SDK_PROFILE"};
const std::vector<std::string> kCommonPrefixes{"LC_", "MALLOC_", "FAKETIME", "DONT_FAKE", "ASAN_", "UBSAN_", "TSAN_"};

/// A setting in the environment is POSTERN_SECTION__KEY; a secret may have any name, this one too.
bool is_setting(std::string_view entry) {
  const std::string_view name = entry.substr(0, entry.find('='));
  return begins_with(name, "POSTERN_") && name.find("__") != std::string_view::npos;
}

std::vector<std::string> pick(const char* const* environment, std::vector<std::string> names, const std::vector<std::string>& never) {
  names.insert(names.end(), kCommonNames.begin(), kCommonNames.end());
  auto prefixes = kCommonPrefixes;
  prefixes.emplace_back("POSTERN_");
  auto out = pick_environment(environment, names, prefixes);
  std::erase_if(out, [&](const std::string& entry) {
    const std::string name = entry.substr(0, entry.find('='));
    const bool named = std::ranges::find(names, name) != names.end();
    return std::ranges::find(never, name) != never.end() || (begins_with(name, "POSTERN_") && !named && !is_setting(entry));
  });
  return out;
}

/// The variables that hold the keeper's secrets.
std::vector<std::string> secrets_of_keeper(const config::Config& config) {
  std::vector<std::string> out;
  std::vector<std::string> references{config.keys.root, config.engine.seal, config.vault.role_id, config.vault.secret_id};
  if (config.database.use_sqlcipher) references.push_back(config.database.sqlcipher_key_ref);
  for (const auto& reference : references) {
    if (const auto at = reference.find("env:"); at != std::string::npos) out.push_back(reference.substr(at + 4));
  }
  out.push_back(config.keychain.fallback_env);
  return out;
}

class KeeperBuilder {
 public:
  explicit KeeperBuilder(const config::Config& config) : m_config(config) {
    m_rules.process = "keeper";
    m_rules.lock_memory = true;
    add_system(m_rules.reach.paths);
  }

  Rules build() {
    own(m_config.in_keeper_dir(""));
    if (!m_config.engine.audit_file.empty()) own(fs::path(m_config.in_data_dir(m_config.engine.audit_file)).parent_path().string());
    secret(file_of(m_config.root_reference()));
    if (m_config.database.use_sqlcipher) secret(beside(file_of(m_config.database.sqlcipher_key_ref)));
    for (const auto& path : m_config.server.keeper_paths) own(path);
    add_seal();
    add_audit();
    if (m_config.keys.backend == "vault") add_vault();
    return std::move(m_rules);
  }

 private:
  void own(const std::string& path) { m_rules.reach.paths.push_back({absolute(path), Access::Write}); }

  [[nodiscard]] std::string beside(const std::string& path) const { return path.empty() ? path : m_config.beside_config(path); }
  /// A file that is missing is made beside others: then its folder is the keeper's to write, until the next start.
  void secret(const std::string& path) {
    if (path.empty() || lies_in(absolute(path), absolute(m_config.in_keeper_dir("")))) return;
    std::error_code ignored;
    if (fs::exists(path, ignored))
      m_rules.reach.paths.push_back({absolute(path), Access::Read});
    else
      own(fs::path(absolute(path)).parent_path().string());
  }

  void allow_local(const std::string& why) {
    m_rules.calls.unix_client = true;
    m_rules.reach.abstract_sockets = true;
    m_rules.opened.push_back(why + ": the keeper may use local sockets");
  }
  void allow_tcp(std::uint16_t port, const std::string& why) {
    m_rules.calls.tcp_client = true;
    m_rules.reach.connect_ports.push_back(port);
    add_network_files(m_rules.reach.paths);
    m_rules.opened.push_back(why + ": the keeper may connect to TCP port " + std::to_string(port));
  }

  void add_seal() {
    const std::string& seal = m_config.engine.seal;
    const bool keychain = begins_with(seal, "keychain") || begins_with(m_config.keys.root, "keychain") ||
                          (m_config.database.use_sqlcipher && begins_with(m_config.database.sqlcipher_key_ref, "keychain"));
    if (keychain) allow_local("a keychain holds a secret");
    if (begins_with(seal, "pkcs11:")) {
      allow_local("engine.seal is pkcs11");
      for (const char* path : {"/etc/pkcs11", "/usr/share/p11-kit", "/etc/softhsm", "/etc/opensc", "/run/pcscd"})
        m_rules.reach.paths.push_back({path, Access::Read});
      own("/var/lib/softhsm");
    }
    if (begins_with(seal, "tpm2:")) add_tpm(seal);
  }

  void add_vault() {
    for (const auto& url : m_config.vault.address) allow_tcp(port_of_url(url), "keys.backend is vault");
    m_rules.calls.udp_client = true;  // names of hosts
    const auto& vault = m_config.vault;
    for (const auto& path : {vault.ca, vault.crl, vault.client_certificate, vault.client_key, file_of(vault.role_id),
                             file_of(vault.secret_id), vault.token_file})
      if (!path.empty())
        m_rules.reach.paths.push_back({fs::path(absolute(m_config.beside_config(path))).parent_path().string(), Access::Read});
    if (begins_with(vault.role_id, "keychain") || begins_with(vault.secret_id, "keychain")) allow_local("keys.vault names a keychain");
  }

  void add_tpm(const std::string& seal) {
    for (const char* path : {"/dev/tpmrm0", "/dev/tpm0"}) m_rules.reach.paths.push_back({path, Access::Append});
    if (const auto at = seal.find("port="); at != std::string::npos)
      allow_tcp(static_cast<std::uint16_t>(std::atoi(seal.c_str() + at + 5)), "engine.seal is a TPM behind a port");
    if (seal.find("path=") != std::string::npos) allow_local("engine.seal is a TPM behind a socket");
  }

  void add_audit() {
    if (!m_config.engine.audit_syslog.empty()) allow_local("engine.audit.syslog is set");
    const std::string& socket = m_config.engine.audit_socket;
    if (begins_with(socket, "unix")) allow_local("engine.audit.socket is local");
    if (begins_with(socket, "tcp:")) allow_tcp(port_in(socket), "engine.audit.socket is TCP");
    if (begins_with(socket, "udp:")) {
      m_rules.calls.udp_client = true;
      m_rules.opened.emplace_back("engine.audit.socket is UDP: the keeper may send datagrams");
    }
  }

  const config::Config& m_config;
  Rules m_rules;
};

}  // namespace

Result<Rules> gate_rules(const config::Config& config) { return GateBuilder(config).build(); }
Result<Rules> library_rules(const config::Config& config) { return LibraryBuilder(config).build(); }
Result<Rules> keeper_rules(const config::Config& config) { return KeeperBuilder(config).build(); }

std::vector<std::string> gate_environment(const config::Config& config, const char* const* environment) {
  std::vector<std::string> names;
  for (const auto& route : config.routes) names.push_back(variable_of(route.password_ref));
  if (config.mta_hook.enabled) names.push_back(variable_of(config.mta_hook.secret_ref));
  for (const auto& one : config.operators) names.push_back(variable_of(one.token_ref));
  for (const auto& peer : config.x400_peers)
    for (const auto& reference : {peer.password_ref, peer.peer_password_ref}) names.push_back(variable_of(reference));
  for (const auto& user : config.x400_called_users) names.push_back(variable_of(user.password_ref));
  for (const auto& profile : needs_of_profiles(config)) names.push_back(variable_of(profile.password_ref));
  return pick(environment, std::move(names), secrets_of_keeper(config));
}

std::vector<std::string> library_environment(const config::Config& config, const char* const* environment) {
  return pick(environment, {}, secrets_of_keeper(config));
}

std::vector<std::string> keeper_environment(const config::Config& config, const char* const* environment) {
  auto names = secrets_of_keeper(config);
  for (const char* name :
       {"DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "SOFTHSM2_CONF", "P11_KIT_STRICT", "TPM2TOOLS_TCTI", "TSS2_LOG"})
    names.emplace_back(name);
  return pick(environment, std::move(names), {});
}

}  // namespace postern::confine
