#include "config/settings.hpp"

#include "base/clock.hpp"
#include "base/text.hpp"
#include "config/rows.hpp"

namespace postern::config {

using namespace rows;

namespace {

constexpr std::int64_t kMebi = 1024 * 1024;

}  // namespace

std::string_view name_of(Kind kind) noexcept {
  switch (kind) {
    case Kind::Text: return "text";
    case Kind::Flag: return "true or false";
    case Kind::Count: return "number";
    case Kind::Duration: return "duration";
    case Kind::TextList: return "list of texts";
    case Kind::TextMap: return "table of texts";
  }
  return "text";
}

const std::vector<Row<Config>>& scalar_settings() {
  using C = Config;
  static const std::vector<Row<C>> house{
      text<C>("server.hostname", FIELD(server.hostname),
              "This host's name in greetings, Received fields and certificates. A fully qualified domain name."),
      text<C>("server.mode", FIELD(server.mode),
              "production or development. Both refuse the same things; production warns of the built-in CA and of a root key inside "
              "data_dir (log, status, page), development says instead that it is not for real mail.",
              {"production", "development"}),
      text<C>("server.log_level", FIELD(server.log_level), "The least level that is logged: debug, info, warn, error.",
              {"debug", "info", "warn", "error"}),
      text<C>("server.log_format", FIELD(server.log_format), "One log line as text or as JSON.", {"text", "json"}),
      count<C>("server.loops", FIELD(server.loops), "Event loops; 0 means one per core.", 0, 256),
      count<C>("server.workers", FIELD(server.workers), "Threads for slow cryptography; 0 means one per core.", 0, 256),
      text<C>(
          "server.user", FIELD(server.user),
          "The user that the daemon's gate and keeper become when root starts it. Empty: they stay who they are (systemd starts them as "
          "postern)."),
      text<C>("server.confinement", FIELD(server.confinement),
              "on: gate and keeper may reach the files, ports and system calls they need and no others (Landlock, seccomp). off shows a "
              "warning; for kernels and tools that cannot bear it.",
              {"on", "off"}),
      list<C>("server.gate_paths", FIELD(server.gate_paths),
              "Folders the gate may use beyond those that other settings name. None may hold what is the keeper's."),
      list<C>("server.keeper_paths", FIELD(server.keeper_paths),
              "Folders the keeper may use beyond its own, such as those of a PKCS#11 module."),
      text<C>(
          "storage.data_dir", FIELD(storage.data_dir),
          "Where everything that Postern keeps lies: mail/ (the gate's), keeper/ and audit/ (the keeper's). Directories 0700, files 0600."),
      text<C>("database.url", FIELD(database.url), "The database: sqlite:FILE, relative to data_dir/mail."),
      flag<C>("database.use_sqlcipher", FIELD(database.use_sqlcipher), "Encrypts the whole database file with SQLCipher 4."),
      text<C>("database.sqlcipher_key_ref", FIELD(database.sqlcipher_key_ref),
              "Where the SQLCipher key is: keychain:SERVICE/ACCOUNT, env:NAME or file:PATH (12 bytes at least). A missing keychain entry "
              "or file is made together with the database."),
  };
  static const std::vector<Row<C>> mail{
      flag<C>("engine.enabled", FIELD(engine.enabled),
              "Whether the key engine, which holds the mail system's keys, serves the Vault API under /v1 of the HTTP address."),
      text<C>("engine.seal", FIELD(engine.seal),
              "What opens the engine at the start: auto (the secret of keys.root), shamir (shares, given to `postern seal unseal`), or "
              "pkcs11:URI, tpm2:OPTIONS."),
      text<C>("engine.audit.file", FIELD(engine.audit_file), "File of the engine's audit lines, relative to data_dir; empty: none."),
      flag<C>("engine.audit.chain", FIELD(engine.audit_chain),
              "Whether the lines of engine.audit.file are chained: the digest of each block of lines (at most 5 seconds of them) stands in "
              "the hash chain of engine.db, and `postern audit verify` finds changed lines. Needs a regular file; rotate it by renaming."),
      text<C>("engine.audit.syslog", FIELD(engine.audit_syslog),
              "The same to syslog: unix:/dev/log, and behind it, after blanks, facility=auth, tag=postern or format=rfc5424; empty: none."),
      text<C>("engine.audit.socket", FIELD(engine.audit_socket),
              "The same to a listening program: tcp:HOST:PORT, udp:HOST:PORT or unix:PATH; empty: none."),
      flag<C>("engine.audit.required", FIELD(engine.audit_required),
              "Whether the engine refuses to work when none of the above takes a line. false shows a warning."),
      flag<C>("security.keychain.enabled", FIELD(keychain.enabled),
              "Whether the OS keychain (Secret Service) may be asked. It must be unlocked when the daemon starts."),
      text<C>("security.keychain.service_name", FIELD(keychain.service_name),
              "The keychain entry's service, where a reference names none."),
      text<C>("security.keychain.account_name", FIELD(keychain.account_name),
              "The keychain entry's account, where a reference names none."),
      text<C>("security.keychain.fallback_env", FIELD(keychain.fallback_env),
              "Environment variable that stands in for a keychain: reference when no keychain answers, it is locked or it may not be asked "
              "(CI, containers)."),
      list<C>("domains.local", FIELD(domains.local), "The domains this gateway accepts mail for from anybody."),
      list<C>("domains.recipients", FIELD(domains.recipients),
              "The addresses that exist in the local domains; others get 550 5.1.1. Empty: every address is taken."),
      text<C>("http.address", FIELD(http.address),
              "HOST:PORT of status, console and API. Plain HTTP: loopback only, other addresses are refused."),
      text<C>("http.interface", FIELD(http.interface), "Network interface that http.address is bound to (lo). Empty: any."),
      text<C>(
          "http.tls.address", FIELD(http.tls.address),
          "HOST:PORT of the same over TLS 1.3, on any address (127.0.0.1:8443 for example), with the listeners' certificate. Empty: none."),
      text<C>("http.tls.interface", FIELD(http.tls.interface),
              "Network interface that http.tls.address is bound to; as `interface` of a listener. Empty: any."),
      text<C>("http.tls.client_ca", FIELD(http.tls.client_ca), "PEM file of CAs; HTTPS clients are asked for a certificate of theirs."),
      flag<C>("http.tls.require_client_certificate", FIELD(http.tls.require_client_certificate),
              "Whether an HTTPS client without such a certificate is refused."),
      flag<C>("mta_hook.enabled", FIELD(mta_hook.enabled),
              "Whether an MTA (Stalwart) may ask at each stage of an SMTP session: POST /hooks/mta/v1/PATH at the HTTP addresses."),
      text<C>("mta_hook.secret_ref", FIELD(mta_hook.secret_ref),
              "Where the Bearer token that the MTA must send is: env:NAME or file:PATH. At least 16 characters; read at the start."),
      text<C>("mta_hook.path", FIELD(mta_hook.path),
              "The last part of the hook's address: a random word of 16 to 128 letters, digits, '-' and '_'."),
      list<C>("mta_hook.relay_from", FIELD(mta_hook.relay_from),
              "Networks (CIDR) of the MTA's SMTP clients whose mail is ours without a login; they are no strangers."),
      text<C>("tls.certificate", FIELD(tls.certificate),
              "PEM chain for all listeners, leaf first. Empty: issued by the built-in CA, whose root is data_dir/ca.pem."),
      text<C>("tls.key", FIELD(tls.key), "PEM private key of tls.certificate."),
      flag<C>("tls.stapling", FIELD(tls.stapling), "Whether an OCSP answer is stapled where tls.certificate names a responder (port 80)."),
      text<C>("tls.client_revocation", FIELD(tls.client_revocation),
              "As outbound.revocation, for the certificates that clients show by client_ca.", {"off", "soft", "hard"}),
      flag<C>("security.smime.enabled", FIELD(smime.enabled), "Whether S/MIME may be used at all."),
      text<C>("security.smime.certificates_dir", FIELD(smime.certificates_dir),
              "Directory of recipients' certificates (*.pem, *.crt), found by e-mail address or, for X.400, O/R address; and of our own "
              "for X.400: signing.pem and encryption.pem, each with its .key."),
      text<C>("security.smime.trust", FIELD(smime.trust), "PEM file of CAs trusted for S/MIME signers, beside the built-in CA."),
      text<C>(
          "security.smime.revocation", FIELD(smime.revocation),
          "As outbound.revocation, for signers of mail: of those that security.smime.trust trusts, responders and lists are asked. hard: "
          "a signature is not valid while it is not known whether its certificate is revoked.",
          {"off", "soft", "hard"}),
      text<C>("security.smime.profile", FIELD(smime.profile),
              "Content encryption: gcm (AES-256-GCM, AuthEnveloped) or cbc (AES-256-CBC for old clients).", {"gcm", "cbc"}),
      flag<C>("security.smime.auto_enroll", FIELD(smime.auto_enroll),
              "A local sender gets a key and a certificate of the built-in CA when policy first asks for one."),
      text<C>("security.smime.identity_key", FIELD(smime.identity_key), "Kind of such keys.",
              {"ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096"}),
      text<C>(
          "security.smime.x400_source", FIELD(smime.x400_source),
          "Where our keys for X.400 contents are: files (signing.pem and encryption.pem of certificates_dir, each with its .key), or pki "
          "(a key of the key engine for the profile's user, with a certificate of the built-in CA or, as signing.pem, of another).",
          {"files", "pki"}),
      text<C>("security.smime.x400_sign", FIELD(smime.x400_sign),
              "X.400 contents are signed: never, should (where there is a certificate of ours), must.", {"never", "should", "must"}),
      text<C>("security.smime.x400_encrypt", FIELD(smime.x400_encrypt),
              "X.400 contents are encrypted: never, should (where every recipient has a certificate), must.", {"never", "should", "must"}),
      flag<C>("security.openpgp.enabled", FIELD(openpgp.enabled), "Whether OpenPGP may be used at all."),
      text<C>("security.openpgp.certificates_dir", FIELD(openpgp.certificates_dir),
              "Directory of recipients' OpenPGP certificates (*.asc, *.pgp)."),
      flag<C>("security.openpgp.auto_enroll", FIELD(openpgp.auto_enroll),
              "A local sender gets an OpenPGP key when policy first asks for one."),
      list<C>("queue.retry", FIELD(queue.retry), "Delays between delivery attempts; the last one repeats."),
      duration<C>("queue.expire", FIELD(queue.expire),
                  "After this time a message that could not be delivered bounces. RFC 5321 4.5.4.1: 4-5 days."),
      duration<C>(
          "queue.held_expire", FIELD(queue.held_expire),
          "After this time mail that policy or a verdict holds leaves the queue: it bounces to a sender who is known to have sent it, "
          "and is removed otherwise, with an audit record. 0s: never."),
      duration<C>("queue.delay_notice", FIELD(queue.delay_notice),
                  "After this time the sender gets a delayed-delivery notice when it asked for one (NOTIFY=DELAY)."),
      count<C>("queue.concurrency", FIELD(queue.concurrency), "Deliveries in flight, all destinations together.", 1, 10'000),
      count<C>("spool.inline_bytes", FIELD(spool.inline_bytes),
               "Messages up to this size lie in the database; larger ones in segment files.", 0, 16 * kMebi),
      count<C>("spool.cache_bytes", FIELD(spool.cache_bytes), "Memory for messages between acceptance and first delivery.", 0,
               16 * 1024 * kMebi),
      count<C>("spool.inflight_bytes", FIELD(spool.inflight_bytes),
               "Message bytes that all sessions together may hold, while they arrive and until they are stored; beyond, 452 4.3.1. A "
               "quarter is kept for small messages.",
               kMebi, 64 * 1024 * kMebi),
      duration<C>("timeouts.command", FIELD(timeouts.command), "Wait for the next SMTP command. RFC 5321 4.5.3.2.7: 5m."),
      duration<C>("timeouts.data", FIELD(timeouts.data), "Wait for the next block of a message. RFC 5321 4.5.3.2.5: 3m."),
      duration<C>("timeouts.handshake", FIELD(timeouts.handshake), "Wait for a TLS handshake."),
      duration<C>("timeouts.connect", FIELD(timeouts.connect), "Wait for a connection to a next hop."),
      duration<C>("timeouts.drain", FIELD(timeouts.drain), "How long open sessions get when the daemon stops."),
      flag<C>(
          "authentication.enabled", FIELD(authentication.enabled),
          "Whether mail that strangers bring by SMTP is judged by SPF, DKIM and DMARC, with an Authentication-Results field that says so."),
      text<C>("authentication.authserv_id", FIELD(authentication.authserv_id),
              "Our name in that field; fields that carry it on arrival are taken off. Empty: server.hostname."),
      text<C>(
          "authentication.dmarc", FIELD(authentication.dmarc),
          "report: the result is written down. enforce: mail that fails is refused where its domain's policy says reject, and held where "
          "it says quarantine.",
          {"report", "enforce"}),
      text<C>("authentication.spf_fail", FIELD(authentication.spf_fail),
              "report, or reject: a client that the sender's domain forbids is refused, unless DMARC passed.", {"report", "reject"}),
      text<C>("authentication.on_temperror", FIELD(authentication.on_temperror),
              "Mail whose domain cannot be asked in DNS now: accept it with that result, or defer it (451).", {"accept", "defer"}),
      text<C>("authentication.public_suffix_list", FIELD(authentication.public_suffix_list),
              "File of publicsuffix.org: DMARC compares domains by it, as RFC 7489 did. Empty: by DNS tree walk (RFC 9989)."),
      list<C>(
          "authentication.arc_trusted", FIELD(authentication.arc_trusted),
          "Domains (d=) of forwarders and lists that are believed: where all sealers of a valid ARC chain are among them and the first one "
          "saw DMARC pass for the same author, a DMARC failure is not enforced (RFC 8617 7.2.1)."),
      text<C>("authentication.arc_seal", FIELD(authentication.arc_seal),
              "Domain of a [[dkim]] signer: judged mail that goes on to another host gets an ARC set of it (RFC 8617 5.1), so that the "
              "next one "
              "learns what was found here. Empty: none."),
      duration<C>("authentication.dns_timeout", FIELD(authentication.dns_timeout), "Wait for all DNS answers about one message."),
      flag<C>("outbound.dane", FIELD(outbound.dane),
              "Whether TLSA records that DNSSEC vouches for bind the next hop's certificate (RFC 7672). Needs dns.trust_anchor."),
      flag<C>("outbound.mta_sts", FIELD(outbound.mta_sts),
              "Whether the MTA-STS policies of recipients' domains are fetched, kept and held to (RFC 8461)."),
      text<C>("outbound.mta_sts_ca", FIELD(outbound.mta_sts_ca), "PEM trust store for the hosts of these policies; empty: the system's."),
      text<C>("outbound.mta_sts_min_tls", FIELD(outbound.mta_sts_min_tls), "Lowest TLS version of these hosts: 1.3, or 1.2 with a warning.",
              {"1.3", "1.2"}),
      text<C>("outbound.revocation", FIELD(outbound.revocation),
              "Whether the certificates of a next hop, or of an X.400 peer or user that is called, may be revoked, by stapled OCSP, OCSP "
              "and CRLs. off: nobody looks. soft: a revoked one does "
              "not count, one that nobody answers for does. hard: that one does not count either. By port 80.",
              {"off", "soft", "hard"}),
      list<C>(
          "outbound.revocation_networks", FIELD(outbound.revocation_networks),
          "Networks (10.1.0.0/16) whose responders and lists may be asked although their addresses are not public: those of an own CA."),
      text<C>(
          "inbound.mta_sts", FIELD(inbound.mta_sts),
          "Mode of the MTA-STS policy (RFC 8461) that we serve for our local domains at /.well-known/mta-sts.txt of the HTTP addresses: "
          "off, none, testing or enforce. `postern dns publish` announces it.",
          {"off", "none", "testing", "enforce"}),
      list<C>("inbound.mx", FIELD(inbound.mx), "The mail hosts it names. Empty: server.hostname."),
      flag<C>("inbound.tlsa", FIELD(inbound.tlsa),
              "Whether the TLSA records of the listeners' key, this one and the next, are kept in the [[zone]] of server.hostname (DANE, "
              "RFC 7672). Only for a zone with DNSSEC, and where port 25 of that host is a listener of ours."),
      duration<C>("inbound.mta_sts_max_age", FIELD(inbound.mta_sts_max_age),
                  "How long senders hold to it. RFC 8461 3.2: weeks, at most a year."),
      text<C>(
          "reports.from", FIELD(reports.from),
          "Address that our reports to other domains come from (TLS-RPT, RFC 8460; DMARC, RFC 9990); give it a DKIM key. Empty: what was "
          "seen is counted and shown, and nothing is sent."),
      text<C>("reports.organization", FIELD(reports.organization), "Who reports, in words. Empty: server.hostname."),
      list<C>(
          "reports.inbox", FIELD(reports.inbox),
          "Addresses of ours that others send TLS and DMARC reports to (rua): what comes there is read, kept and shown by `postern report "
          "received`, and delivered as all mail."),
      text<C>("reports.failures", FIELD(reports.failures),
              "DMARC failure reports (RFC 9991) about single messages, at once, to domains whose record asks for them (ruf, fo): off, or "
              "redacted, which names nobody and quotes nothing but trace and authentication fields.",
              {"off", "redacted"}),
      count<C>("reports.failures_per_hour", FIELD(reports.failures_per_hour),
               "Failure reports that go out in an hour about one domain, and to one host; ten times as many in all.", 1, 1000),
      text<C>("dns.fixture_file", FIELD(dns.fixture_file), "JSON file that answers all DNS questions, for tests. Empty: real DNS."),
      list<C>("dns.servers", FIELD(dns.servers), "Forwarders as ADDRESS or ADDRESS@PORT. Empty: /etc/resolv.conf."),
      text<C>("dns.trust_anchor", FIELD(dns.trust_anchor),
              "File with the DNSSEC trust anchor of the root. Empty: answers are taken as they come, for servers of a closed network."),
      duration<C>("dns.check_every", FIELD(dns.check_every),
                  "How often the records of our own domains are looked at from outside; what is wrong is a warning. 0s: never. Not in mode "
                  "development."),
      duration<C>("dns.timeout", FIELD(dns.timeout), "Wait for a DNS answer."),
      count<C>("limits.message_bytes", FIELD(limits.message_bytes), "Largest message; announced by SIZE.", 64 * 1024, 2048 * kMebi),
      count<C>("limits.line_emitted", FIELD(limits.line_emitted),
               "Longest line sent to a next hop (RFC 5322 2.1.1: 998). Mail with a longer one is encoded anew, or refused when that would "
               "break a signature.",
               998, 1 * kMebi),
      count<C>("limits.line_accepted", FIELD(limits.line_accepted), "Longest line accepted in a message.", 998, 1 * kMebi),
      count<C>("limits.recipients", FIELD(limits.recipients), "Recipients of one message. RFC 5321 4.5.3.1.8: at least 100.", 1, 100'000),
      count<C>(
          "limits.milter_recipients", FIELD(limits.milter_recipients),
          "Recipients of a message that an MTA asks about. Not less than the MTA's own limit (Postfix: smtpd_recipient_limit), or it has "
          "to turn clients away whom it could have told in time.",
          1, 100'000),
      count<C>("limits.header_fields", FIELD(limits.header_fields), "Header fields of one message.", 10, 100'000),
      count<C>("limits.header_bytes", FIELD(limits.header_bytes), "Bytes of one header section.", 4096, 64 * kMebi),
      count<C>("limits.mime_depth", FIELD(limits.mime_depth), "Nesting of MIME parts.", 1, 256),
      count<C>("limits.mime_parts", FIELD(limits.mime_parts), "MIME parts of one message.", 1, 100'000),
      count<C>("limits.received_fields", FIELD(limits.received_fields), "Received fields before a message counts as looping. RFC 5321 6.3.",
               10, 1000),
      count<C>("limits.bad_commands", FIELD(limits.bad_commands), "Bad SMTP commands before the session is closed.", 1, 10'000),
      count<C>("limits.http_body_bytes", FIELD(limits.http_body_bytes), "Largest HTTP request body.", 1024, 1024 * kMebi),
  };
  static const std::vector<Row<C>> all = [] {
    std::vector<Row<C>> out = house;
    for (const auto* part : {&key_settings(), &mail, &x400_settings()}) out.insert(out.end(), part->begin(), part->end());
    return out;
  }();
  return all;
}

const std::vector<Row<Listener>>& listener_settings() {
  using L = Listener;
  static const std::vector<Row<L>> rows{
      text<L>("kind", FIELD(kind), "Which door: mx, submission, lmtp, or milter for an MTA's mail filter.",
              {"mx", "submission", "lmtp", "milter"}),
      text<L>("name", FIELD(name), "Name in status, metrics and ports.json; default: the kind, or submissions for implicit TLS."),
      text<L>("address", FIELD(address), "HOST:PORT; port 0 takes a free one. A milter may listen at unix:/PATH."),
      text<L>(
          "tls", FIELD(tls),
          "required (STARTTLS first), implicit (TLS from the first byte), opportunistic, none. The last two show a warning. A milter has "
          "implicit or none.",
          {"required", "implicit", "opportunistic", "none"}),
      text<L>("min_tls", FIELD(min_tls), "Lowest TLS version: 1.3, or 1.2 with a warning.", {"1.3", "1.2"}),
      list<L>("proxy_from", FIELD(proxy_from), "Networks (CIDR) whose connections begin with a PROXY protocol header."),
      list<L>("relay_from", FIELD(relay_from),
              "Networks (CIDR) that may relay anywhere without logging in; of a milter: SMTP clients whose mail is ours."),
      text<L>("client_ca", FIELD(client_ca), "PEM trust store for client certificates; empty: none are asked for."),
      flag<L>("require_client_certificate", FIELD(require_client_certificate),
              "Refuses a TLS client without a certificate from client_ca."),
      text<L>(
          "interface", FIELD(interface),
          "Network interface to bind to (a WireGuard or Tailscale device, say). Nobody comes in by another; the daemon refuses to start "
          "when it is not there, down, or has not the listener's address (docs/private-path.md)."),
      text<L>("network_namespace", FIELD(network_namespace),
              "Network namespace to listen in: a name of `ip netns`, or a path. Empty: the daemon's own. Root must start the daemon."),
      count<L>("max_connections", FIELD(max_connections), "Open connections; beyond, 421.", 1, 1'000'000),
      count<L>("max_connections_per_address", FIELD(max_connections_per_address),
               "Open connections from one address (IPv6: one /64); beyond, 421. 0 means 50, but no bound for loopback, relay_from and "
               "proxy_from; a number holds for everybody.",
               0, 1'000'000),
  };
  return rows;
}

const std::vector<Row<Route>>& route_settings() {
  using R = Route;
  static const std::vector<Row<R>> rows{
      text<R>("domain", FIELD(domain), "The recipients' domain, .example.com for all below it, * for the rest. The most exact route wins."),
      text<R>("via", FIELD(via), "mx, smtp:HOST:PORT, lmtp:HOST:PORT, file:DIR or mailbox."),
      text<R>("tls", FIELD(tls),
              "required (verified certificate), opportunistic (clear text where TLS fails), none; auto: required with pins, a client "
              "certificate or a login, else opportunistic.",
              {"auto", "required", "opportunistic", "none"}),
      text<R>("min_tls", FIELD(min_tls),
              "Lowest TLS version: 1.3, or 1.2 with a warning. An opportunistic route goes on in clear to a host below it: 1.2 is then the "
              "better choice.",
              {"1.3", "1.2"}),
      text<R>("ca", FIELD(ca), "PEM trust store for the next hop; empty: the system's."),
      flag<R>("verify_name", FIELD(verify_name), "Whether the certificate must name the host; false shows a warning."),
      text<R>("revocation", FIELD(revocation), "off, soft or hard, as outbound.revocation; empty: that.", {"", "off", "soft", "hard"}),
      list<R>("pins", FIELD(pins), "sha256:HEX of the next hop's certificate or public key; one must match, and TLS is required."),
      text<R>("client_certificate", FIELD(client_certificate), "PEM chain that we present (mTLS); TLS is required."),
      text<R>("client_key", FIELD(client_key), "PEM private key of client_certificate."),
      text<R>("username", FIELD(username),
              "Log in to the smarthost with this name. TLS with a verified certificate is required: nobody else gets the password."),
      text<R>("password_ref", FIELD(password_ref), "Where the smarthost's password is: env:NAME or file:PATH."),
      text<R>("interface", FIELD(interface),
              "Network interface (a WireGuard or Tailscale device, say) that every connection leaves by. When it is not there or down, the "
              "mail waits; it takes no other road (docs/private-path.md)."),
      count<R>("concurrency", FIELD(concurrency), "Connections to one destination.", 1, 1000),
  };
  return rows;
}

const std::vector<Row<PolicyRule>>& policy_settings() {
  using P = PolicyRule;
  static const std::vector<Row<P>> rows{
      text<P>("name", FIELD(name), "Name in verdicts and audit."),
      text<P>("from", FIELD(from), "Sender pattern: user@example.com, *@example.com, *@*.example.com or *."),
      text<P>("to", FIELD(to), "Recipient pattern, same form."),
      text<P>("sign", FIELD(sign), "none, auto (the method of encryption), smime, openpgp.", {"none", "auto", "smime", "openpgp"}),
      text<P>("encrypt", FIELD(encrypt), "must, should (when a key is known), never.", {"must", "should", "never"}),
      text<P>("method", FIELD(method), "auto (what the recipient has; S/MIME first), smime, openpgp.", {"auto", "smime", "openpgp"}),
      text<P>("missing_key", FIELD(missing_key), "What happens to a must-encrypt message without a recipient key: hold, bounce, send.",
              {"hold", "bounce", "send"}),
  };
  return rows;
}

const std::vector<Row<VerdictSetting>>& verdict_settings() {
  using V = VerdictSetting;
  static const std::vector<Row<V>> rows{
      text<V>("name", FIELD(name), "Name in log and reasons."),
      list<V>(
          "when", FIELD(when),
          "What must hold, all of it: METHOD=RESULT or METHOD!=RESULT with spf, dkim, dmarc, arc, iprev and the results of RFC 8601, or "
          "signature (S/MIME, OpenPGP: none, valid, broken, revoked, untrusted, temperror), like [\"spf=softfail\", \"dkim!=pass\"]. Of "
          "several DKIM signatures the best counts. Empty: always."),
      text<V>("from", FIELD(from), "Author pattern: user@example.com, *@example.com, *@*.example.com or *."),
      text<V>("action", FIELD(action),
              "label: the field X-Postern-Label with `text`, and the next rules are looked at. accept: whatever [authentication] says. "
              "quarantine: "
              "held for an operator. reject: 550 5.7.1, or 451 while an answer of DNS is missing. The first of these three decides.",
              {"accept", "label", "quarantine", "reject"}),
      text<V>("text", FIELD(text), "The label; or what the sender is told. Printable ASCII, at most 200 characters."),
  };
  return rows;
}

const std::vector<Row<DkimSigner>>& dkim_settings() {
  using D = DkimSigner;
  static const std::vector<Row<D>> rows{
      text<D>("domain", FIELD(domain), "The signing domain (d=); messages from it are signed."),
      text<D>("selector", FIELD(selector), "The selector (s=)."),
      text<D>("key", FIELD(key), "Name of the key in the key engine; made on first start when missing."),
      text<D>("algorithm", FIELD(algorithm), "ed25519-sha256 or rsa-sha256.", {"ed25519-sha256", "rsa-sha256"}),
      count<D>(
          "version", FIELD(version),
          "Version of the key. 0: the one this selector first signed with, also after `postern key rotate`, because DNS still has "
          "that one. A new version is announced (`postern key show`) and signs under SELECTOR-vN when its record is seen in DNS; a number "
          "here is an operator's own choice, and nothing is announced then.",
          0, 1'000'000),
      text<D>(
          "alternate", FIELD(alternate),
          "A second selector: versions take the two names in turn, instead of SELECTOR-vN. For selectors that are CNAMEs in a zone which "
          "is somebody else's: two of them are enough for ever."),
      text<D>("delegate", FIELD(delegate),
              "A name in a zone of your own: the records stand at SELECTOR.DOMAIN.DELEGATE, and whoever has the zone of the domain sets "
              "SELECTOR._domainkey CNAME SELECTOR.DOMAIN.DELEGATE once (`postern dns records` shows the lines)."),
  };
  return rows;
}

const std::vector<Row<Zone>>& zone_settings() {
  using Z = Zone;
  static const std::vector<Row<Z>> rows{
      text<Z>("name", FIELD(name),
              "A DNS zone whose key records the daemon keeps right by itself: DKIM and TLSA, added before they are used and taken out when "
              "they are needed no more. Nothing else in it is touched."),
      text<Z>("server", FIELD(server), "ADDRESS[:PORT] of its primary, which takes updates (RFC 2136) over TCP."),
      text<Z>("tsig", FIELD(tsig), "Key file as tsig-keygen writes it (docs/dns.md)."),
      count<Z>("ttl", FIELD(ttl), "Seconds, of new records. A new certificate waits for two of them.", 1, 604'800),
  };
  return rows;
}

const std::vector<Row<Operator>>& operator_settings() {
  using O = Operator;
  static const std::vector<Row<O>> rows{
      text<O>("name", FIELD(name), "His name in the audit log."),
      text<O>("role", FIELD(role),
              "reader: looks at flow, queue, DNS, reports and keys, not into messages. quarantine: the same, and reads, releases and "
              "deletes held "
              "mail. admin: everything, as the holder of admin.token.",
              {"reader", "quarantine", "admin"}),
      text<O>("token_ref", FIELD(token_ref),
              "Where his token is: env:NAME or file:PATH. At least 32 characters; he gives it to page, API and `postern` (--token)."),
  };
  return rows;
}

const std::vector<Row<TrustException>>& exception_settings() {
  using E = TrustException;
  static const std::vector<Row<E>> rows{
      text<E>("domain", FIELD(domain), "The recipients' domain, or .example.com for all below it."),
      text<E>("allow", FIELD(allow),
              "What mail for it may go with, whatever DANE, MTA-STS and the route demand: unverified (TLS, with any certificate), or clear "
              "(TLS where it works).",
              {"unverified", "clear"}),
      text<E>("until", FIELD(until), "The last day (UTC) on which it holds, 2026-12-31 for example. Needed: no exception is for ever."),
      text<E>("reason", FIELD(reason), "Why; shown in status and log."),
  };
  return rows;
}

const std::vector<Row<Tenant>>& tenant_settings() {
  using T = Tenant;
  static const std::vector<Row<T>> rows{
      text<T>("name", FIELD(name), "Name of the tenant: letters, digits, _ and -."),
      list<T>("domains", FIELD(domains), "Its domains; each must be one of domains.local, and of one tenant only."),
      text<T>("storage_key", FIELD(storage_key),
              "The key that wraps the data keys of its stored mail, made when it is missing; empty: tenant_NAME_storage. `postern tenant "
              "shred` destroys it."),
  };
  return rows;
}

}  // namespace postern::config
