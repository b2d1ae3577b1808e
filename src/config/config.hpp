// The configuration as one immutable value. Everything that runs gets the part it needs passed in; there are no globals.
//
// The fields here, their defaults and their documentation come from one table (settings.hpp); load.hpp fills them from postern.toml and
// the environment. Paths are as written; resolve() makes them absolute against the directory of the file that named them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/limits.hpp"

namespace postern::config {

struct Listener {
  std::string kind = "mx";       ///< mx, submission, lmtp, milter
  std::string name;              ///< Key in ports.json, status and metrics; empty: the kind, or "submissions" for implicit TLS submission.
  std::string address;           ///< HOST:PORT; port 0 takes a free one. A milter's may be unix:/PATH.
  std::string tls = "required";  ///< required, opportunistic, none, implicit
  std::string min_tls = "1.3";
  std::vector<std::string> proxy_from;  ///< Networks whose connections begin with a PROXY protocol header; they must then send one.
  std::vector<std::string> relay_from;  ///< Networks that may relay to any destination without logging in.
  std::string client_ca;                ///< Asks for a client certificate of this trust store.
  bool require_client_certificate = false;
  bool any_client_certificate = false;  ///< No setting: asks for one and takes any; whoever serves the door judges it.
  std::string interface;                ///< Bind to this interface only, and refuse to start when it is not there.
  std::string network_namespace;        ///< A name under /run/netns or a path; empty: ours.
  int socket = -1;                      ///< No setting: its listening socket, where that had to be made before confinement.
  std::int64_t max_connections = 10'000;
  std::int64_t max_connections_per_address = 0;  ///< 0: 50, but none for loopback, relay_from and proxy_from.
};

struct Route {
  std::string domain = "*";
  std::string via = "mx";    ///< mx, smtp:HOST:PORT, lmtp:HOST:PORT, file:DIR, mailbox
  std::string tls = "auto";  ///< auto, required, opportunistic, none; validate() puts what auto means in its place
  std::string min_tls = "1.3";
  std::string ca;  ///< Trust store for the next hop's certificate; empty: the system's.
  bool verify_name = true;
  std::string revocation;         ///< off, soft, hard; empty: outbound.revocation.
  std::vector<std::string> pins;  ///< sha256:HEX of the certificate or of its public key; any one must match.
  std::string client_certificate;
  std::string client_key;
  std::string username;
  std::string password_ref;  ///< env:NAME or file:PATH
  std::string interface;     ///< Every connection leaves by this one, or the mail waits.
  std::int64_t concurrency = 20;
};

struct PolicyRule {
  std::string name;
  std::string from = "*";
  std::string to = "*";
  std::string sign = "none";         ///< none, auto, smime, openpgp
  std::string encrypt = "never";     ///< must, should, never
  std::string method = "auto";       ///< auto, smime, openpgp
  std::string missing_key = "hold";  ///< hold, bounce, send
};

/// What is made of the standards' verdicts on mail from outside.
struct VerdictSetting {
  std::string name;
  std::vector<std::string> when;  ///< "spf=fail", "dkim!=pass"; all must hold.
  std::string from = "*";
  std::string action;  ///< accept, label, quarantine, reject
  std::string text;
};

struct DkimSigner {
  std::string domain;
  std::string selector;
  std::string key;
  std::string algorithm = "ed25519-sha256";
  std::int64_t version = 0;  ///< Of the key; 0: the one that the selector first signed with.
  std::string alternate;     ///< A second selector, taken in turn; empty: SELECTOR-vN.
  std::string delegate;      ///< Records stand at SELECTOR.DOMAIN.DELEGATE, where CNAMEs lead.
};

/// Who may use the API beside the holder of admin.token.
struct Operator {
  std::string name;
  std::string role = "reader";  ///< reader, quarantine, admin
  std::string token_ref;        ///< env:NAME or file:PATH
};

/// A DNS zone that the daemon may change.
struct Zone {
  std::string name;
  std::string server;  ///< ADDRESS[:PORT] of its primary.
  std::string tsig;    ///< Key file.
  std::int64_t ttl = 3600;
};

/// Domains whose stored mail is sealed under a key of their own, which can be destroyed without touching anybody else's.
struct Tenant {
  std::string name;
  std::vector<std::string> domains;
  std::string storage_key;  ///< Empty: "tenant_NAME_storage"; validate() puts it in place.
};

/// The operator's word that mail for a domain may go with less proof than DANE, MTA-STS or its route demand, for a while.
struct TrustException {
  std::string domain;                ///< example.com, or .example.com for all below it.
  std::string allow = "unverified";  ///< unverified (TLS, any certificate), clear
  std::string until;                 ///< A day, 2026-12-31; it holds to that day's end (UTC).
  std::string reason;
  WallTime ends{};  ///< validate() puts it in place.
};

/// Another MTA that P1 is spoken with.
struct X400Peer {
  std::string name;
  std::string mta_name;                  ///< Empty: the name.
  std::string domain;                    ///< "C=GB;A=GOLD;P=SOUTH"
  std::string address;                   ///< tsel/ssel/psel@host:port; empty: it only calls us.
  std::string mode = "1988";             ///< 1988, x410, 1984
  std::string our_name;                  ///< Empty: x400.mta_name.
  std::string password_ref;              ///< env:NAME or file:PATH; what we show.
  std::string peer_password_ref;         ///< What it must show.
  std::string credentials = "simple";    ///< simple, strong
  std::string strong_ca;                 ///< Trust store for its certificate in strong credentials.
  std::string strong_subject;            ///< Of that certificate, as `postern cert show` writes it.
  std::vector<std::string> strong_pins;  ///< In place of both.
  std::string tls = "required";          ///< required, none
  std::string ca;                        ///< Empty: the system's, and the built-in CA.
  bool verify_name = true;
  std::string revocation;  ///< off, soft, hard; empty: outbound.revocation.
  std::vector<std::string> pins;
  std::int64_t associations = 2;
  std::int64_t checkpoint = 63;  ///< KiB; 0: none.
  std::int64_t window = 3;
  std::string dialogue = "monologue";  ///< monologue, alternate
};

/// A user of P3 and P7 who shows strong credentials.
struct X400User {
  std::string address;  ///< O/R address.
  std::string ca;
  std::string subject;
  std::vector<std::string> pins;  ///< In place of both.
};

/// A user of P3 to whom the MTA binds (forced access) when something waits for him.
struct X400CalledUser {
  std::string user;              ///< "C=DE;A= ;P=ORG;S=Doe"
  std::string address;           ///< tsel/ssel/psel@host:port
  bool reliable = false;         ///< Over RTSE.
  std::string password_ref;      ///< env:NAME or file:PATH; what we show.
  std::string tls = "required";  ///< required, none
  std::string ca;                ///< Empty: the system's, and the built-in CA.
  bool verify_name = true;
  std::string revocation;  ///< off, soft, hard; empty: outbound.revocation.
  std::vector<std::string> pins;
};

/// What goes where, by the longest prefix of an O/R address.
struct X400Route {
  std::string prefix;         ///< "C=GB;A=GOLD;P=SOUTH"; empty: everything.
  std::string via = "store";  ///< store, peer:NAME, refuse
  std::string text;           ///< Of refuse: for the report.
};

/// A distribution list that this MTA expands.
struct X400List {
  std::string address;                  ///< Its O/R address.
  std::vector<std::string> members;     ///< O/R addresses.
  std::string members_file;             ///< More of them, one a line.
  std::string submit = "all";           ///< all, members, listed
  std::vector<std::string> submitters;  ///< Of listed.
  std::string owner;
  std::string reports = "originator";  ///< originator, owner, both
};

struct Config {
  struct Server {
    std::string hostname = "localhost";
    std::string mode = "production";
    std::string log_level = "info";
    std::string log_format = "text";
    std::int64_t loops = 0;                 ///< Event loops; 0: one per core.
    std::int64_t workers = 0;               ///< Threads for slow cryptography; 0: one per core.
    std::string user;                       ///< Whom gate and keeper become when root starts the daemon; empty: they stay.
    std::string confinement = "on";         ///< on, off
    std::vector<std::string> gate_paths;    ///< Beyond what other settings name.
    std::vector<std::string> keeper_paths;  ///< The same, for what a PKCS#11 module reads and writes.
  } server;
  struct Storage {
    std::string data_dir = "/var/lib/postern";
  } storage;
  struct Database {
    std::string url = "sqlite:postern.db";
    bool use_sqlcipher = false;
    std::string sqlcipher_key_ref = "keychain:postern/database";
  } database;
  struct Keys {
    std::string root = "file:root.key";
    std::string backend = "embedded";                  ///< embedded, vault
    std::string rotation_period = "90d";               ///< Or "never".
    std::map<std::string, std::string> rotation_keys;  ///< The same for single keys.
    std::string rotation_dkim = "announce";            ///< announce, never
    std::chrono::seconds dkim_settle{3600};            ///< From "seen in DNS" to the first signature.
    std::chrono::seconds dkim_retire{7 * 86400};       ///< The former selector stays in DNS.
    std::chrono::seconds dkim_delete{30 * 86400};      ///< Then its key version goes.
    std::string rotation_archive = "manual";           ///< manual, after-rewrap
    std::int64_t rewrap_rate = 2000;                   ///< Rows per second.
  } keys;
  struct ExternalVault {
    std::vector<std::string> address;  ///< One cluster under one or several URLs, tried in order.
    std::string name_space;
    std::string mount = "transit";
    std::string ca;  ///< Empty: the system's trust store.
    std::string server_name;
    std::string revocation = "soft";  ///< off, soft, hard
    std::string crl;
    std::string client_certificate;
    std::string client_key;
    std::string auth = "approle";  ///< approle, token_file
    std::string auth_mount = "approle";
    std::string role_id;    ///< file:, env: or keychain:
    std::string secret_id;  ///< file:, env: or keychain:
    bool secret_id_wrapped = false;
    std::string token_file;
    std::string interface;
    std::chrono::seconds timeout{5};  ///< Of one call, with all its retries.
    std::int64_t connections = 8;
    std::chrono::seconds data_key_life{600};
    std::int64_t data_key_uses = 10'000;
    std::chrono::seconds key_life{3600};
  } vault;
  struct Engine {
    bool enabled = true;
    std::string seal = "auto";
    std::string audit_file = "audit/engine.jsonl";
    bool audit_chain = true;
    std::string audit_syslog;
    std::string audit_socket;
    bool audit_required = true;
  } engine;
  struct Keychain {
    bool enabled = true;
    std::string service_name = "postern";
    std::string account_name = "root";
    std::string fallback_env = "POSTERN_KEYCHAIN_FALLBACK";
  } keychain;
  struct Domains {
    std::vector<std::string> local;
    std::vector<std::string> recipients;  ///< Addresses that exist in the local domains; empty: every one.
  } domains;
  struct Http {
    std::string address = "127.0.0.1:8080";
    std::string interface;
    struct Tls {
      std::string address;  ///< Empty: no HTTPS.
      std::string interface;
      std::string client_ca;
      bool require_client_certificate = false;
    } tls;
  } http;
  struct MtaHook {
    bool enabled = false;
    std::string secret_ref;               ///< env:NAME or file:PATH
    std::string path;                     ///< A word that nobody can guess: /hooks/mta/v1/PATH
    std::vector<std::string> relay_from;  ///< Networks whose mail is ours without a login.
  } mta_hook;
  struct Tls {
    std::string certificate;
    std::string key;
    bool stapling = true;
    std::string client_revocation = "soft";  ///< off, soft, hard
  } tls;
  struct Smime {
    bool enabled = true;
    std::string revocation = "soft";  ///< off, soft, hard
    std::string certificates_dir = "profiles/certs";
    std::string trust;
    std::string profile = "gcm";  ///< gcm, cbc
    bool auto_enroll = true;      ///< A local sender gets a key and a certificate of the built-in CA when policy first asks for one.
    std::string identity_key = "ecdsa-p256";  ///< Kind of such keys.
    std::string x400_source = "files";        ///< files, pki: where our keys for X.400 are.
    std::string x400_sign = "should";         ///< never, should, must: contents of X.400 messages.
    std::string x400_encrypt = "never";       ///< never, should, must
  } smime;
  struct OpenPgp {
    bool enabled = true;
    std::string certificates_dir = "profiles/openpgp";
    bool auto_enroll = true;
  } openpgp;
  struct Queue {
    std::vector<std::string> retry{"1m", "5m", "15m", "30m", "1h", "2h", "4h"};
    std::chrono::seconds expire{5 * 24 * 3600};
    std::chrono::seconds held_expire{30 * 86400};  ///< 0: never.
    std::chrono::seconds delay_notice{4 * 3600};
    std::int64_t concurrency = 200;  ///< Deliveries in flight, all destinations together.
  } queue;
  struct Spool {
    std::int64_t inline_bytes = 96 * 1024;  ///< A message of 64 KiB needs one sync, not two.
    std::int64_t cache_bytes = 64 * 1024 * 1024;
    std::int64_t inflight_bytes = 256 * 1024 * 1024;  ///< Message bytes that all sessions together may hold; then 452 4.3.1.
  } spool;
  struct Timeouts {
    std::chrono::seconds command{300};  ///< RFC 5321 4.5.3.2.7: at least 5 minutes.
    std::chrono::seconds data{180};     ///< RFC 5321 4.5.3.2.5: at least 3 minutes for each block.
    std::chrono::seconds handshake{30};
    std::chrono::seconds connect{30};
    std::chrono::seconds drain{10};  ///< How long open sessions get to end when the daemon stops.
  } timeouts;
  struct Dns {
    std::string fixture_file;
    std::vector<std::string> servers;
    std::string trust_anchor = "/usr/share/dns/root.key";  ///< Empty: answers are not validated.
    std::chrono::seconds timeout{10};
    std::chrono::seconds check_every{3600};  ///< Our own domains' records; 0: never.
  } dns;
  struct Authentication {
    bool enabled = true;
    std::string authserv_id;              ///< Empty: server.hostname.
    std::string dmarc = "report";         ///< report, enforce
    std::string spf_fail = "report";      ///< report, reject
    std::string on_temperror = "accept";  ///< accept, defer
    std::string public_suffix_list;       ///< Empty: tree walk.
    std::chrono::seconds dns_timeout{10};
    std::vector<std::string> arc_trusted;  ///< Sealers whose chains make up for a DMARC failure.
    std::string arc_seal;                  ///< Domain of a signer; empty: nothing is sealed.
  } authentication;
  struct Outbound {
    bool dane = true;
    bool mta_sts = true;
    std::string mta_sts_ca;               ///< Trust store for policy hosts; empty: the system's.
    std::string mta_sts_min_tls = "1.3";  ///< 1.3, 1.2
    std::string revocation = "soft";      ///< off, soft, hard
    std::vector<std::string> revocation_networks;
  } outbound;
  struct Inbound {
    std::string mta_sts = "off";  ///< off, none, testing, enforce
    std::vector<std::string> mx;  ///< Empty: server.hostname.
    std::chrono::seconds mta_sts_max_age{std::chrono::hours(24 * 14)};
    bool tlsa = false;  ///< TLSA records of the listeners' keys are published in the zones.
  } inbound;
  struct Reports {
    std::string from;                     ///< Address that reports come from; empty: none are sent.
    std::string organization;             ///< Empty: server.hostname.
    std::vector<std::string> inbox;       ///< Addresses of ours that others send reports to.
    std::string failures = "off";         ///< off, redacted
    std::int64_t failures_per_hour = 10;  ///< For one domain; ten times as many in all.
  } reports;
  struct Transport {
    std::string mode = "mock";  ///< mock, native, sdk
    std::string profiles_dir = "profiles";
    std::vector<std::string> fingerprints;  ///< sha256:HEX of peers' certificates or public keys.
    struct Tls {
      bool enabled = true;
      std::string min_version = "1.3";
      std::string ca_bundle;  ///< Empty: the system's.
      std::string client_certificate;
      std::string client_key;
      std::string ocsp_responder;  ///< Empty: the one in the certificate.
      bool enforce_pinset = false;
    } tls;
    struct Sdk {
      std::string library_path;       ///< Also X400_SDK_LIBRARY.
      std::string preferred_profile;  ///< Also X400_SDK_PROFILE.
      std::vector<std::string> paths;
      std::int64_t connect_timeout_ms = 10'000;
      std::int64_t operation_timeout_ms = 30'000;
    } sdk;
  } transport;
  struct X400 {
    std::string address;  ///< Of RFC 1006 in clear; empty: none.
    struct Tls {
      std::string address;  ///< Of RFC 1006 in TLS; empty: none.
      std::string client_ca;
      bool require_client_certificate = false;
    } tls;
    struct Strong {
      std::string certificate, key;  ///< Empty: the listeners'.
      std::chrono::seconds clock_skew{300};
    } strong;
    std::string mta_name;            ///< Empty: the first label of server.hostname.
    std::string domain;              ///< "C=DE;A= ;P=ORG"
    std::string transport_selector;  ///< Empty: any may be called.
    std::int64_t content_bytes = 100LL * 1024 * 1024;
    std::int64_t inflight_bytes =
        256LL * 1024 * 1024;  ///< What all associations together may hold of APDUs that are not whole or not done.
    std::int64_t most_queued = 100'000;
    std::chrono::seconds idle{60};
    std::vector<std::string> retry{"10s", "30s", "1m", "5m", "15m"};  ///< Lifetimes are hours, not days.
    std::chrono::seconds lifetime_urgent{4 * 3600};
    std::chrono::seconds lifetime_normal{24 * 3600};
    std::chrono::seconds lifetime_non_urgent{48 * 3600};
    [[nodiscard]] bool enabled() const noexcept { return !domain.empty(); }
  } x400;
  struct Submit {
    std::int64_t default_strategy = 0;  ///< 0 to 5, as in postern/x400_sdk.h.
  } submit;
  struct Tracing {
    std::string trace_bundle_path;
  } tracing;
  Limits limits;

  std::vector<X400Peer> x400_peers;
  std::vector<X400User> x400_users;
  std::vector<X400CalledUser> x400_called_users;
  std::vector<X400Route> x400_routes;
  std::vector<X400List> x400_lists;
  std::vector<Listener> listeners;
  std::vector<Route> routes;
  std::vector<PolicyRule> policies;
  std::vector<VerdictSetting> verdicts;
  std::vector<DkimSigner> dkim;
  std::vector<Zone> zones;
  std::vector<Operator> operators;
  std::vector<Tenant> tenants;
  std::vector<TrustException> exceptions;

  std::string source;  ///< The file it was read from; empty: built-in defaults only.

  /// `path` as written, made absolute against data_dir (for the product's own files).
  [[nodiscard]] std::string in_data_dir(const std::string& path) const;
  /// The same for what only the gate writes (data_dir/mail: database, spool) and what only the keeper sees (data_dir/keeper: the engine's
  /// database, its first token, a root key file). A path that leaves the data directory by ".." is relative to data_dir, as it always was.
  [[nodiscard]] std::string in_mail_dir(const std::string& path) const;
  [[nodiscard]] std::string in_keeper_dir(const std::string& path) const;
  /// keys.root with its file's whole path.
  [[nodiscard]] std::string root_reference() const;
  /// `path` as written, made absolute against the directory of the configuration file (for files an operator provides).
  [[nodiscard]] std::string beside_config(const std::string& path) const;
};

}  // namespace postern::config
