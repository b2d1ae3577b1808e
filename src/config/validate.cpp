#include "config/validate.hpp"

#include <algorithm>
#include <set>

#include "base/clock.hpp"
#include "base/text.hpp"
#include "config/validate_called.hpp"
#include "config/validate_strong.hpp"

namespace postern::config {
namespace {

constexpr std::size_t kHookWord = 16, kHookWordMost = 128;

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" ||
         (host.substr(0, 4) == "127." && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

std::string_view host_of_url(std::string_view url) {
  url.remove_prefix(std::min(url.find("://") + 3, url.size()));
  url = url.substr(0, url.find('/'));
  if (!url.empty() && url.front() == '[') return url.substr(1, url.find(']') - 1);
  return url.substr(0, url.find(':'));
}

/// Scheme, host and port, with at most a slash behind.
bool is_origin(std::string_view url) {
  url.remove_prefix(url.find("://") + 3);
  if (!url.empty() && url.back() == '/') url.remove_suffix(1);
  return !url.empty() && url.find_first_of("/?#@ \t\r\n") == std::string_view::npos;
}

bool is_mount(std::string_view path) {
  const auto segments = split(path, '/');
  return path.size() <= 255 && std::ranges::all_of(segments, [](std::string_view segment) {
           return !segment.empty() && segment != "." && segment != ".." &&
                  std::ranges::all_of(segment, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
         });
}

class Validator {
 public:
  explicit Validator(Loaded& loaded) : m_loaded(loaded), m_config(loaded.config) {}

  void run() {
    check_http();
    for (std::size_t i = 0; i < m_config.listeners.size(); ++i)
      check_listener(m_config.listeners[i], "listener[" + std::to_string(i) + "]");
    for (std::size_t i = 0; i < m_config.routes.size(); ++i) check_route(m_config.routes[i], "route[" + std::to_string(i) + "]");
    for (std::size_t i = 0; i < m_config.dkim.size(); ++i) check_dkim(m_config.dkim[i], "dkim[" + std::to_string(i) + "]");
    for (std::size_t i = 0; i < m_config.verdicts.size(); ++i) check_verdict(m_config.verdicts[i], "verdict[" + std::to_string(i) + "]");
    check_arc();
    for (std::size_t i = 0; i < m_config.operators.size(); ++i)
      check_operator(m_config.operators[i], "operator[" + std::to_string(i) + "]");
    for (std::size_t i = 0; i < m_config.zones.size(); ++i) check_zone(m_config.zones[i], "zone[" + std::to_string(i) + "]");
    check_rest();
    check_milter_routes();
    check_mta_hook();
    check_transport();
    check_x400();
    if (m_config.reports.failures != "off" && m_config.reports.from.empty())
      fault("reports.failures", "has reports sent, and reports.from does not say by whom; set it to an address of yours");
    for (std::size_t i = 0; i < m_config.exceptions.size(); ++i)
      check_exception(m_config.exceptions[i], "exception[" + std::to_string(i) + "]");
    if (m_config.outbound.mta_sts_min_tls != "1.3")
      warn("outbound: TLS " + m_config.outbound.mta_sts_min_tls + " is accepted of MTA-STS hosts");
    for (std::size_t i = 0; i < m_config.tenants.size(); ++i) check_tenant(m_config.tenants[i], "tenant[" + std::to_string(i) + "]");
  }

 private:
  void fault(std::string field, std::string what) {
    m_loaded.faults.push_back({ErrorCode::BadInput, field + " " + std::move(what), field});
  }
  void warn(std::string what) { m_loaded.warnings.push_back(std::move(what)); }

  /// Whether it is there is seen at the start; only what can be no name is a fault of the file.
  void check_interface(const std::string& field, const std::string& name) {
    constexpr std::size_t longest = 15;  // IFNAMSIZ
    if (name.size() > longest || name.find_first_of("/: \t\r\n") != std::string::npos)
      fault(field, "is \"" + printable(name) + "\"; must be the name of a network interface, such as wg0 (at most 15 characters)");
  }

  void check_road(const Listener& listener, const std::string& path) {
    check_interface(path + ".interface", listener.interface);
    const bool here = listener.address.starts_with("unix:");
    if (here && !(listener.interface.empty() && listener.network_namespace.empty()))
      fault(path + ".address", "is a path of this host, which has no interface and no network_namespace; take them out");
  }

  void check_http() {
    check_interface("http.interface", m_config.http.interface);
    check_interface("http.tls.interface", m_config.http.tls.interface);
    const auto at = parse_host_port(m_config.http.address);
    if (!at) return fault("http.address", at.error().what);
    // Capability T7: plain HTTP only on loopback.
    if (!is_loopback(at->host)) fault("http.address", "is not a loopback address; HTTP without TLS is served on 127.0.0.1 or [::1] only");
    if (m_config.http.tls.require_client_certificate && m_config.http.tls.client_ca.empty())
      fault("http.tls.client_ca", "is needed when http.tls.require_client_certificate is true");
    if (m_config.http.tls.address.empty()) return;
    m_names.insert("https");  // its name in ports.json and status
    if (const auto secure = parse_host_port(m_config.http.tls.address); !secure) fault("http.tls.address", secure.error().what);
  }

  void check_listener(Listener& listener, const std::string& path) {
    if (listener.name.empty()) listener.name = listener.kind == "submission" && listener.tls == "implicit" ? "submissions" : listener.kind;
    if (!m_names.insert(listener.name).second) fault(path + ".name", "\"" + listener.name + "\" is taken; give each listener its own name");
    if (listener.kind == "milter") check_milter(listener, path);
    check_road(listener, path);
    if (listener.address.starts_with("unix:")) return;
    const auto at = parse_host_port(listener.address);
    if (!at) return fault(path + ".address", at.error().what);
    for (const auto& network : listener.relay_from) {
      if (network == "0.0.0.0/0" || network == "::/0")
        fault(path + ".relay_from", "would make this an open relay; name the networks you trust");
    }
    if (listener.require_client_certificate && listener.client_ca.empty())
      fault(path + ".client_ca", "is needed when require_client_certificate is true");
    if (listener.kind == "submission" && listener.tls != "required" && listener.tls != "implicit" && !is_loopback(at->host))
      fault(path + ".tls",
            "must be required or implicit on a submission listener that is not on loopback: passwords would travel in clear");
    if (listener.kind != "milter" && (listener.tls == "none" || listener.tls == "opportunistic"))
      warn("listener " + listener.name + ": tls is " + listener.tls + ", mail may arrive in clear");
    if (listener.min_tls != "1.3") warn("listener " + listener.name + ": TLS " + listener.min_tls + " is accepted");
  }

  /// Whoever connects speaks for his SMTP clients: who logged in, from where they came.
  void check_milter(const Listener& listener, const std::string& path) {
    const bool here = listener.address.starts_with("unix:");
    if (here && (listener.address.size() < 7 || listener.address[5] != '/'))
      fault(path + ".address", "needs an absolute path: unix:/run/postern/milter.sock");
    if (listener.tls != "implicit" && listener.tls != "none")
      fault(path + ".tls", "must be implicit or none: the milter protocol has no STARTTLS");
    if (here) return;
    const auto at = parse_host_port(listener.address);
    if (at && !is_loopback(at->host) && !(listener.tls == "implicit" && listener.require_client_certificate))
      fault(path + ".require_client_certificate",
            "must be true, with tls = \"implicit\" and client_ca, for a milter that is not on loopback: whoever connects could have "
            "anything signed");
  }

  /// What is held or split off comes back from here; without a road to the mail server it would stay.
  void check_milter_routes() {
    const bool filters = std::ranges::any_of(m_config.listeners, [](const Listener& one) { return one.kind == "milter"; });
    if (!filters) return;
    for (const auto& domain : m_config.domains.local) {
      const bool routed = std::ranges::any_of(
          m_config.routes, [&](const Route& route) { return to_lower(route.domain) == to_lower(domain) && route.via != "mailbox"; });
      if (!routed)
        warn("milter: " + domain +
             " has no route to the mail server: what is held for it and released stays in the mailbox here; set a "
             "[[route]] with via = \"smtp:HOST:PORT\" or lmtp");
    }
  }

  /// Whoever knows both words speaks for the MTA: who logged in, from where they came.
  void check_mta_hook() {
    const auto& hook = m_config.mta_hook;
    if (!hook.enabled) return;
    const bool word = std::ranges::all_of(hook.path, [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
    if (!word || hook.path.size() < kHookWord || hook.path.size() > kHookWordMost)
      fault("mta_hook.path", "must be a random word of 16 to 128 letters, digits, '-' and '_'; `openssl rand -hex 16` makes one");
    if (!(hook.secret_ref.starts_with("env:") && hook.secret_ref.size() > 4) &&
        !(hook.secret_ref.starts_with("file:") && hook.secret_ref.size() > 5))
      fault("mta_hook.secret_ref", "must be env:NAME or file:PATH: where the token is that the MTA sends");
    for (const auto& network : hook.relay_from) {
      if (network == "0.0.0.0/0" || network == "::/0") fault("mta_hook.relay_from", "would trust everybody; name the networks you trust");
    }
  }

  /// What only counts once X.400 is spoken is looked at whatever the mode, and warned about where it is.
  void check_transport() {
    const auto& transport = m_config.transport;
    for (const auto& one : transport.fingerprints) {
      if (!is_fingerprint(one)) fault("transport.fingerprints", "must look like sha256: and 64 hexadecimal digits");
    }
    if (transport.tls.client_certificate.empty() != transport.tls.client_key.empty())
      fault("transport.tls.client_key", "and client_certificate belong together; give both or none");
    const std::string& responder = transport.tls.ocsp_responder;
    if (!responder.empty() && !istarts_with(responder, "http://") && !istarts_with(responder, "https://"))
      fault("transport.tls.ocsp_responder", "is \"" + printable(responder) + "\"; must be a URL, http://HOST/");
    if (transport.mode == "sdk" && transport.sdk.library_path.empty())
      fault("transport.sdk.library_path", "is needed when transport.mode is sdk; name the vendor's shared object, or set X400_SDK_LIBRARY");
    if (transport.mode == "mock") return;
    if (!transport.tls.enabled) warn("transport.tls.enabled: false, so X.400 associations and their passwords travel in clear");
    if (transport.tls.min_version != "1.3") warn("transport: TLS " + transport.tls.min_version + " is accepted of X.400 peers");
  }

  void check_x400() {
    const auto& x400 = m_config.x400;
    if (!x400.enabled()) {
      if (!x400.address.empty() || !x400.tls.address.empty() || !m_config.x400_peers.empty() || !m_config.x400_called_users.empty() ||
          !m_config.x400_lists.empty())
        fault("x400.domain", "is needed for an MTA of X.400; set it to its management domain, \"C=DE;A= ;P=ORG\"");
      return;
    }
    if (!x400.address.empty()) warn("x400.address: RFC 1006 in clear, so contents and passwords can be read on the way");
    if (x400.tls.require_client_certificate && x400.tls.client_ca.empty())
      fault("x400.tls.client_ca", "is needed with require_client_certificate; name the trust store that peers' certificates are of");
    check_delays(x400.retry, "x400.retry");
    for (std::size_t i = 0; i < m_config.x400_peers.size(); ++i)
      check_x400_peer(m_config.x400_peers[i], "x400_peer[" + std::to_string(i) + "]");
    check_strong_credentials(m_loaded);
    check_called_users(m_loaded);
    for (std::size_t i = 0; i < m_config.x400_routes.size(); ++i)
      check_x400_route(m_config.x400_routes[i], "x400_route[" + std::to_string(i) + "]");
    for (std::size_t i = 0; i < m_config.x400_lists.size(); ++i)
      check_x400_list(m_config.x400_lists[i], "x400_list[" + std::to_string(i) + "]");
  }

  static const std::string& name_of_mta(const X400Peer& peer) { return peer.mta_name.empty() ? peer.name : peer.mta_name; }

  void check_x400_peer(const X400Peer& peer, const std::string& path) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    if (peer.name.empty() || peer.name.find_first_not_of(allowed) != std::string::npos)
      fault(path + ".name", "must be letters, digits, _, - and dots");
    if (std::ranges::count(m_config.x400_peers, peer.name, &X400Peer::name) > 1) fault(path + ".name", "is that of another peer");
    const auto same_name = [&](const X400Peer& other) { return name_of_mta(other) == name_of_mta(peer); };
    if (std::ranges::count_if(m_config.x400_peers, same_name) > 1) fault(path + ".mta_name", "is that of another peer");
    if (peer.domain.empty()) fault(path + ".domain", "is needed; \"C=GB;A=GOLD;P=SOUTH\" for example");
    for (const auto& pin : peer.pins)
      if (!is_fingerprint(pin)) fault(path + ".pins", "must look like sha256: and 64 hexadecimal digits");
    if (peer.peer_password_ref.empty() && peer.pins.empty() && peer.credentials != "strong")
      fault(path + ".peer_password_ref", "is needed where there are no pins; or anybody could come as " + printable(peer.name));
    if (!peer.revocation.empty() && (peer.tls == "none" || !peer.pins.empty() || peer.address.empty()))
      fault(path + ".revocation", "means nothing where the peer is not called, has pins or no TLS; take it out");
    if (peer.tls == "none") warn(path + ".tls: none, so what goes to " + printable(peer.name) + " can be read and changed on the way");
  }

  void check_x400_route(const X400Route& route, const std::string& path) {
    if (route.via == "store" || route.via == "refuse") return;
    const bool known = route.via.starts_with("peer:") &&
                       std::ranges::find(m_config.x400_peers, route.via.substr(5), &X400Peer::name) != m_config.x400_peers.end();
    if (!known) fault(path + ".via", "is \"" + printable(route.via) + "\"; must be store, refuse, or peer:NAME of an [[x400_peer]]");
  }

  void check_x400_list(const X400List& list, const std::string& path) {
    if (list.address.empty()) fault(path + ".address", "is needed; \"C=DE;A= ;P=NORTH;O=Works;CN=all\" for example");
    if (list.members.empty() && list.members_file.empty())
      fault(path + ".members", "or members_file is needed; name who stands in the list");
    if (list.submitters.empty() == (list.submit == "listed"))
      fault(path + ".submitters", "and submit = \"listed\" belong together; give both or none");
    if (list.reports != "originator" && list.owner.empty()) fault(path + ".owner", "is needed with reports = \"" + list.reports + "\"");
  }

  void check_route(Route& route, const std::string& path) {
    const auto colon = route.via.find(':');
    const std::string kind = route.via.substr(0, colon);
    const std::string rest = colon == std::string::npos ? "" : route.via.substr(colon + 1);
    if (kind == "smtp" || kind == "lmtp") {
      const auto at = parse_host_port(rest);
      if (!at)
        fault(path + ".via", at.error().what);
      else if (route.tls == "none" && !is_loopback(at->host))
        warn("route " + route.domain + ": mail leaves in clear (tls is none)");
    } else if (kind == "file") {
      if (rest.empty()) fault(path + ".via", "needs a directory: file:DIR");
    } else if (route.via != "mx" && route.via != "mailbox") {
      fault(path + ".via", "must be mx, mailbox, smtp:HOST:PORT, lmtp:HOST:PORT or file:DIR");
    }
    check_interface(path + ".interface", route.interface);
    if (!route.interface.empty() && (kind == "file" || kind == "mailbox"))
      fault(path + ".interface", "is for routes by mx, smtp: or lmtp:; this one never leaves the host");
    if (kind == "smtp" || kind == "lmtp" || kind == "mx") check_route_tls(route, path, kind);
    if (route.client_certificate.empty() != route.client_key.empty())
      fault(path + ".client_key", "and client_certificate belong together; give both or none");
    if (route.username.empty() != route.password_ref.empty())
      fault(path + ".password_ref", "and username belong together; give both or none");
    for (const auto& pin : route.pins) {
      if (pin.substr(0, 7) != "sha256:" || pin.size() != 7 + 64) fault(path + ".pins", "must look like sha256: and 64 hexadecimal digits");
    }
  }

  /// What only makes sense with TLS makes TLS required: an attacker who strips STARTTLS must not be able to switch it off.
  void check_route_tls(Route& route, const std::string& path, const std::string& kind) {
    const std::string name = "route " + route.domain;
    const char* needs = !route.username.empty()             ? "a login"
                        : !route.pins.empty()               ? "pins"
                        : !route.client_certificate.empty() ? "a client certificate"
                                                            : nullptr;
    if (needs != nullptr && route.tls == "none")
      fault(path + ".tls", "is none, and " + name + " has " + needs + "; set it to required, or leave it out");
    if (!route.username.empty() && route.tls == "opportunistic")
      fault(path + ".tls",
            "is opportunistic, and " + name + " has a login: anybody could ask for the password; set it to required, or leave it out");
    if (!route.username.empty() && kind == "mx")
      fault(path + ".username", "is for one host that you name: via must be smtp:HOST:PORT or lmtp:HOST:PORT");
    if (needs != nullptr && route.tls == "opportunistic")
      warn(name + ": TLS is required although tls is opportunistic, because of " + needs);
    if (route.tls == "auto" || (needs != nullptr && route.tls == "opportunistic"))
      route.tls = needs != nullptr ? "required" : "opportunistic";
    if (route.tls == "none") return;
    if (route.min_tls != "1.3") warn(name + ": TLS " + route.min_tls + " is accepted");
    if (!route.verify_name) warn(name + ": any name in the next hop's certificate is accepted");
  }

  /// Its end is judged where it is used: a file is valid whatever the day.
  void check_exception(TrustException& exception, const std::string& path) {
    if (exception.domain.empty() || exception.domain == ".") fault(path + ".domain", "is missing; name the domain it is for");
    const auto day = parse_rfc3339(exception.until + "T00:00:00Z");
    if (!day) return fault(path + ".until", "must be a day, like 2026-12-31; no exception is for ever");
    exception.ends = *day + std::chrono::hours(24);
    exception.domain = to_lower(exception.domain);
    // Right on every day: a file is read without a clock.
    warn("exception for " + exception.domain + ": mail may go " +
         (exception.allow == "clear" ? "in clear" : "to a host with any certificate") + " until " + exception.until +
         (exception.reason.empty() ? std::string() : " (" + printable(exception.reason, 200) + ")") +
         "; once that day is over it does nothing, and can be taken out");
  }

  void check_dkim(const DkimSigner& signer, const std::string& path) {
    if (signer.domain.empty()) fault(path + ".domain", "is missing");
    if (signer.selector.empty()) fault(path + ".selector", "is missing");
    if (signer.key.empty()) fault(path + ".key", "is missing; name a key of the key engine, dkim_key for example");
    if (!signer.alternate.empty() && to_lower(signer.alternate) == to_lower(signer.selector))
      fault(path + ".alternate", "is the selector itself; the two must differ, since old and new stand in DNS together");
  }

  void check_verdict(const VerdictSetting& rule, const std::string& path) {
    if (rule.action.empty()) fault(path + ".action", "is missing; accept, label, quarantine or reject");
    if (rule.action == "label" && rule.text.empty()) fault(path + ".text", "is missing; name the label");
    const bool printable_ascii = std::ranges::all_of(rule.text, [](char c) { return c >= ' ' && c <= '~'; });
    if (rule.text.size() > 200 || !printable_ascii) fault(path + ".text", "must be printable ASCII, at most 200 characters");
    if (rule.action == "accept" && rule.when.empty() && rule.from == "*")
      warn(path + ": everything from outside is accepted, whatever SPF, DKIM and DMARC say");
  }

  void check_arc() {
    auto& sealer = m_config.authentication.arc_seal;
    const auto signs = [&](const DkimSigner& signer) { return to_lower(signer.domain) == to_lower(sealer); };
    if (!sealer.empty() && std::ranges::none_of(m_config.dkim, signs))
      fault("authentication.arc_seal", "is " + printable(sealer) + ", for which there is no [[dkim]] signer; add one");
  }

  void check_operator(const Operator& one, const std::string& path) {
    const auto is_word = [](char c) { return is_alpha(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; };
    if (one.name.empty() || one.name.size() > 64 || !std::ranges::all_of(one.name, is_word))
      fault(path + ".name", "must be 1 to 64 letters, digits, dots, _ or -");
    if (one.name == "admin" || one.name == "system") fault(path + ".name", "is taken by the holder of admin.token, or the daemon itself");
    if (!m_operator_names.insert(one.name).second) fault(path + ".name", "\"" + printable(one.name) + "\" is taken");
    if (one.token_ref.empty()) fault(path + ".token_ref", "is missing; name where the token is, file:/etc/postern/NAME for example");
  }

  void check_zone(const Zone& zone, const std::string& path) {
    if (zone.name.empty()) fault(path + ".name", "is missing; name the zone, example.org for example");
    if (zone.server.empty()) fault(path + ".server", "is missing; name the address of the zone's primary, 192.0.2.53 for example");
    if (zone.tsig.empty()) fault(path + ".tsig", "is missing; make a key file with tsig-keygen (docs/dns.md)");
  }

  /// A key of two tenants, or a domain of two, would be shredded with the wrong one.
  void check_tenant(Tenant& tenant, const std::string& path) {
    const auto is_word = [](char c) { return is_alpha(c) || is_digit(c) || c == '_' || c == '-'; };
    if (tenant.name.empty() || tenant.name.size() > 64 || !std::all_of(tenant.name.begin(), tenant.name.end(), is_word))
      fault(path + ".name", "must be 1 to 64 letters, digits, _ or -");
    if (tenant.domains.empty()) fault(path + ".domains", "is empty; name the domains whose mail is this tenant's");
    if (tenant.storage_key.empty()) tenant.storage_key = "tenant_" + tenant.name + "_storage";
    if (tenant.storage_key == "mail_storage_key")
      fault(path + ".storage_key", "is the key of everybody without a tenant; give it another one");
    if (!m_tenant_names.insert("name " + tenant.name).second) fault(path + ".name", "\"" + printable(tenant.name) + "\" is taken");
    if (!m_tenant_names.insert("key " + tenant.storage_key).second) fault(path + ".storage_key", "is another tenant's; each needs its own");
    const auto& local = m_config.domains.local;
    for (auto& domain : tenant.domains) {
      domain = to_lower(domain);
      if (std::find(local.begin(), local.end(), domain) == local.end())
        fault(path + ".domains", "has " + printable(domain) + ", which is not in domains.local");
      if (!m_tenant_names.insert("domain " + domain).second)
        fault(path + ".domains", "has " + printable(domain) + ", which another tenant has too");
    }
  }

  /// Development says once what it is. Production says of each convenience what it costs; refusing would only make small sites switch to
  /// development.
  void check_engine() {
    const auto& engine = m_config.engine;
    if (!engine.enabled) return;
    if (!engine.audit_required) return warn("engine.audit.required: the key engine works on when nothing records what it does");
    if (engine.audit_file.empty() && engine.audit_syslog.empty() && engine.audit_socket.empty())
      fault("engine.audit.file",
            "and engine.audit.syslog and engine.audit.socket are empty; give one, or set engine.audit.required = false");
  }

  void check_mode() {
    if (m_config.server.mode == "development")
      return warn("development mode: not for real mail (own CA and root key beside the data are not warned about)");
    if (m_config.tls.certificate.empty())
      warn("tls.certificate: the built-in CA issues it; other hosts must trust data_dir/ca.pem, or give a certificate of a public CA");
    if (root_key_beside_data())
      warn("keys.root: " + m_config.keys.root +
           " lies in data_dir, so a copy of the directory holds the keys and what they protect; keep it elsewhere, or use keychain: or "
           "env:");
  }

  [[nodiscard]] bool root_key_beside_data() const {
    if (m_config.keys.root.substr(0, 5) != "file:") return false;
    const std::string folder = m_config.in_data_dir("");
    const std::string path = m_config.root_reference().substr(5);
    const std::string prefix = folder.back() == '/' ? folder : folder + "/";
    return path.substr(0, prefix.size()) == prefix;
  }

  void check_secret(const std::string& setting, const std::string& reference) {
    const auto colon = reference.find(':');
    const std::string scheme = reference.substr(0, colon);
    const bool placed = colon != std::string::npos && colon + 1 < reference.size();
    if (!((scheme == "file" || scheme == "env") && placed) && !(scheme == "keychain" && colon != std::string::npos))
      fault(setting, "is \"" + printable(reference) + "\"; must be file:PATH, env:NAME or keychain:SERVICE/ACCOUNT");
  }

  /// Its folder is the gate's to write, with everything below.
  void check_database_place() {
    if (m_config.database.url.substr(0, 7) != "sqlite:") return;
    const std::string path = m_config.in_mail_dir(m_config.database.url.substr(7));
    const std::string folder = path.substr(0, path.rfind('/') + 1);
    if (m_config.in_keeper_dir("").substr(0, folder.size()) == folder || folder.substr(0, folder.size() - 1) == m_config.in_keeper_dir(""))
      fault("database.url",
            "puts the mail database beside the keeper's folder; name a file alone, which lies in data_dir/mail, or a folder of its own");
  }

  /// Nothing else holds the keys then, so what is missing or pulls in two directions is a fault.
  void check_vault() {
    if (m_config.keys.backend != "vault") return check_vault_unused();
    const auto& vault = m_config.vault;
    check_interface("keys.vault.interface", vault.interface);
    if (vault.address.empty()) fault("keys.vault.address", "is missing; give the URL of the Vault, https://vault.example:8200");
    bool tls = false;
    for (const auto& url : vault.address) {
      const bool https = istarts_with(url, "https://");
      tls = tls || https;
      if (!https && !(istarts_with(url, "http://") && is_loopback(host_of_url(url))))
        fault("keys.vault.address", "has \"" + printable(url) +
                                        "\"; must be https://HOST:PORT (http:// only on loopback: tokens and keys would travel in clear)");
      else if (!is_origin(url))
        fault("keys.vault.address", "has \"" + printable(url) + "\"; give scheme, host and port only");
    }
    if (!tls && !(vault.ca.empty() && vault.crl.empty() && vault.client_certificate.empty() && vault.server_name.empty()))
      fault("keys.vault.address", "has no https:// URL, but ca, crl, server_name or client_certificate are given");
    if (vault.client_certificate.empty() != vault.client_key.empty())
      fault("keys.vault.client_key", "and client_certificate belong together; give both or none");
    if (!is_mount(vault.mount)) fault("keys.vault.mount", "must be a path of letters, digits, '-', '_' and '.', such as transit");
    if (!is_mount(vault.auth_mount)) fault("keys.vault.auth_mount", "must be a path of letters, digits, '-', '_' and '.', such as approle");
    if (!vault.name_space.empty() && !is_mount(vault.name_space)) fault("keys.vault.namespace", "must be a path such as team/mail");
    check_vault_login();
    check_vault_times();
  }

  void check_vault_login() {
    const auto& vault = m_config.vault;
    if (vault.auth == "token_file") {
      if (vault.token_file.empty()) fault("keys.vault.token_file", "is missing; name the file that holds the token");
      if (!vault.role_id.empty() || !vault.secret_id.empty())
        fault("keys.vault.auth", "is token_file, but role_id or secret_id are given; choose one way to log in");
      return;
    }
    if (!vault.token_file.empty()) fault("keys.vault.auth", "is approle, but token_file is given; choose one way to log in");
    check_secret("keys.vault.role_id", vault.role_id);
    check_secret("keys.vault.secret_id", vault.secret_id);
  }

  void check_vault_times() {
    const auto& vault = m_config.vault;
    using std::chrono::hours;
    using std::chrono::seconds;
    if (vault.timeout < seconds(1) || vault.timeout > seconds(60)) fault("keys.vault.timeout", "must be from 1s to 60s");
    if (vault.data_key_life < seconds(2) || vault.data_key_life > hours(24)) fault("keys.vault.data_key_life", "must be from 2s to 24h");
    if (vault.key_life < seconds(2) || vault.key_life > hours(24)) fault("keys.vault.key_life", "must be from 2s to 24h");
  }

  void check_vault_unused() {
    const auto& vault = m_config.vault;
    if (!vault.address.empty() || !vault.role_id.empty() || !vault.secret_id.empty() || !vault.token_file.empty())
      warn("keys.vault is not used: keys.backend is embedded");
  }

  void check_delays(const std::vector<std::string>& delays, const std::string& field) {
    for (const auto& delay : delays) {
      if (const auto parsed = parse_duration(delay); !parsed || parsed->count() == 0)
        fault(field, "has \"" + printable(delay) + "\", which is not a duration such as 5m");
    }
    if (delays.empty()) fault(field, "is empty; give at least one delay");
  }

  void check_rest() {
    check_delays(m_config.queue.retry, "queue.retry");
    // Three quarters are for large messages (base/content_budget.hpp); one that never finds room would be refused with 452 until it
    // bounces.
    if (static_cast<std::uint64_t>(m_config.spool.inflight_bytes) / 4 * 3 < m_config.limits.message_bytes)
      warn("spool.inflight_bytes leaves no room for a message of limits.message_bytes; make it at least a third larger than that");
    if (m_config.database.url.substr(0, 7) != "sqlite:" || m_config.database.url.size() == 7) fault("database.url", "must be sqlite:FILE");
    check_database_place();
    if (m_config.tls.certificate.empty() != m_config.tls.key.empty())
      fault("tls.key", "and tls.certificate belong together; give both or none");
    if (m_config.server.hostname.empty() || m_config.server.hostname.find_first_of(" \r\n\t") != std::string::npos)
      fault("server.hostname", "must be this host's domain name");
    check_mode();
    if (m_config.server.confinement == "off") warn("server.confinement: off, so an intruder in the gate reaches what its user reaches");
    warn(m_config.http.tls.address.empty() ? "http.address: HTTP without TLS, so for this host only; others reach it when http.tls.address "
                                             "is set, or through an SSH tunnel"
                                           : "http.address: HTTP without TLS, so for this host only; others use http.tls.address");
    check_secret("keys.root", m_config.keys.root);
    for (const auto& [key, period] : m_config.keys.rotation_keys) {
      const auto fits = [](char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; };
      if (key.empty() || !std::all_of(key.begin(), key.end(), fits))
        fault("keys.rotation.keys", "names \"" + printable(key) + "\", which cannot be a key");
    }
    check_engine();
    check_vault();
    if (m_config.database.use_sqlcipher) check_secret("database.sqlcipher_key_ref", m_config.database.sqlcipher_key_ref);
    if (m_config.database.use_sqlcipher && m_config.database.sqlcipher_key_ref == m_config.keys.root)
      warn("keys.root and database.sqlcipher_key_ref are one secret; give each its own");
    for (auto& domain : m_config.domains.local) domain = to_lower(domain);
    for (auto& address : m_config.domains.recipients) address = to_lower(address);
  }

  Loaded& m_loaded;
  Config& m_config;
  std::set<std::string> m_names;
  std::set<std::string> m_tenant_names;
  std::set<std::string> m_operator_names;
};

}  // namespace

Result<HostPort> parse_host_port(std::string_view text) {
  const auto bad = [&] {
    return fail(ErrorCode::BadInput, "is \"" + printable(text) + "\"; must be HOST:PORT, such as 127.0.0.1:2525 or [::1]:2525");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return bad();
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return bad();
  const bool digits = !port.empty() && port.size() <= 5 && std::all_of(port.begin(), port.end(), is_digit);
  if (!digits || host.empty()) return bad();
  const int number = std::stoi(std::string(port));
  if (number > 65535) return bad();
  return HostPort{std::string(host), static_cast<std::uint16_t>(number)};
}

bool is_fingerprint(std::string_view pin) {
  constexpr std::size_t prefix = 7, digits = 64;
  return pin.substr(0, prefix) == "sha256:" && pin.size() == prefix + digits &&
         pin.find_first_not_of("0123456789abcdefABCDEF", prefix) == std::string_view::npos;
}

void validate(Loaded& loaded) { Validator(loaded).run(); }

}  // namespace postern::config
