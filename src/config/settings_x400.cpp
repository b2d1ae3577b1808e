// The settings of the X.400 side: how it is reached, with whose library, and what is submitted how.
#include "config/rows.hpp"

namespace postern::config::rows {
namespace {

constexpr std::int64_t kMinute = 60'000, kLeast = 100;  // milliseconds
constexpr std::int64_t kStrategies = 5;

/// Sections stand in one piece, here as in `postern config show`.
std::vector<Row<Config>> transport() {
  using C = Config;
  return {
      text<C>("transport.mode", FIELD(transport.mode),
              "How X.400 is spoken: mock (in this process, for trying out), native (Postern's own stack), sdk (a vendor's library, see "
              "transport.sdk).",
              {"mock", "native", "sdk"}),
      text<C>("transport.profiles_dir", FIELD(transport.profiles_dir), "Folder of profiles: peers, selectors, credentials, certificates."),
      list<C>("transport.fingerprints", FIELD(transport.fingerprints),
              "The pinset: sha256:HEX of certificates or public keys of peers, one of which must match with enforce_pinset."),
      flag<C>("transport.tls.enabled", FIELD(transport.tls.enabled), "TLS on X.400 associations; false shows a warning."),
      text<C>("transport.tls.min_version", FIELD(transport.tls.min_version), "Lowest TLS version: 1.3, or 1.2 with a warning.",
              {"1.3", "1.2"}),
      text<C>("transport.tls.ca_bundle", FIELD(transport.tls.ca_bundle), "PEM trust store for peers; empty: the system's."),
      text<C>("transport.tls.client_certificate", FIELD(transport.tls.client_certificate), "PEM chain that we present to peers (mTLS)."),
      text<C>("transport.tls.client_key", FIELD(transport.tls.client_key), "PEM private key of client_certificate."),
      text<C>("transport.tls.ocsp_responder", FIELD(transport.tls.ocsp_responder),
              "URL of the OCSP responder that is asked about peers; empty: the one that their certificates name."),
      flag<C>("transport.tls.enforce_pinset", FIELD(transport.tls.enforce_pinset),
              "Refuses a peer whose certificate and key are not among transport.fingerprints and the pins of the profile."),
  };
}

std::vector<Row<Config>> sdk() {
  using C = Config;
  return {
      text<C>("transport.sdk.library_path", FIELD(transport.sdk.library_path),
              "Shared object of the vendor (docs/x400-sdk.md), loaded in a process of its own. X400_SDK_LIBRARY overrides it."),
      text<C>("transport.sdk.preferred_profile", FIELD(transport.sdk.preferred_profile),
              "Profile that is bound with, NAME of profiles_dir/NAME.toml, and that the library is opened with; empty: the only one there, "
              "else \"default\". X400_SDK_PROFILE overrides it."),
      list<C>("transport.sdk.paths", FIELD(transport.sdk.paths),
              "Folders that the library may read and write besides data_dir/library, which is its own."),
      count<C>("transport.sdk.connect_timeout_ms", FIELD(transport.sdk.connect_timeout_ms),
               "Milliseconds that the library may take to load and open, and to bind.", kLeast, 10 * kMinute),
      count<C>("transport.sdk.operation_timeout_ms", FIELD(transport.sdk.operation_timeout_ms),
               "Milliseconds for every other call; a library that takes longer is ended and started again.", kLeast, 60 * kMinute),
      count<C>(
          "submit.default_strategy", FIELD(submit.default_strategy),
          "How a message is submitted: 0 immediate, 1 with trace, 2 deferred, 3 parallel with a stored copy, 4 quarantine for approval, 5 "
          "pass-through.",
          0, kStrategies),
      text<C>(
          "tracing.trace_bundle_path", FIELD(tracing.trace_bundle_path),
          "File that a trace bundle for support is written to, relative to data_dir/mail; empty: it is only given out by /trace/bundle."),
  };
}

std::vector<Row<Config>> mta() {
  using C = Config;
  return {
      text<C>("x400.address", FIELD(x400.address),
              "HOST:PORT of RFC 1006 in clear (127.0.0.1:1102 in development, port 102 in the field). Shows a warning. Empty: none."),
      text<C>("x400.mta_name", FIELD(x400.mta_name), "Name of this MTA, at most 32 characters. Empty: the first label of server.hostname."),
      text<C>("x400.domain", FIELD(x400.domain), "The management domain of this MTA, \"C=DE;A= ;P=ORG\". Setting it turns the MTA on."),
      text<C>("x400.transport_selector", FIELD(x400.transport_selector), "T-selector that callers must name, ASCII or 'HEX'H. Empty: any."),
      count<C>("x400.content_bytes", FIELD(x400.content_bytes), "Octets of a content that is taken; a larger one is refused.", 1024,
               2'147'483'647),
      count<C>("x400.inflight_bytes", FIELD(x400.inflight_bytes),
               "Octets that all associations together may hold of what is not whole yet or not done; beyond, the one that sends more is "
               "aborted. A quarter is kept for small APDUs; three eighths, at most 80 MiB, is the longest APDU of a user. "
               "Callers who have not bound share an eighth besides.",
               1024 * 1024, 17'179'869'184),
      count<C>("x400.most_queued", FIELD(x400.most_queued),
               "Messages in the queue, from which on users are asked to hold theirs back (submission-control), or refused.", 1,
               100'000'000),
      duration<C>("x400.idle", FIELD(x400.idle), "How long an association without work is kept."),
      list<C>("x400.retry", FIELD(x400.retry), "Delays between tries of a transfer or delivery; the last one repeats."),
      duration<C>("x400.lifetime_urgent", FIELD(x400.lifetime_urgent),
                  "How long delivery of an urgent message is tried before a report says no."),
      duration<C>("x400.lifetime_normal", FIELD(x400.lifetime_normal), "The same for normal ones, and for reports."),
      duration<C>("x400.lifetime_non_urgent", FIELD(x400.lifetime_non_urgent), "The same for non-urgent ones."),
      text<C>("x400.tls.address", FIELD(x400.tls.address),
              "HOST:PORT of RFC 1006 inside TLS, with the listeners' certificate. Empty: none."),
      text<C>("x400.tls.client_ca", FIELD(x400.tls.client_ca),
              "PEM trust store: who connects is asked for a certificate of it, or one that a peer has as its pin."),
      flag<C>("x400.tls.require_client_certificate", FIELD(x400.tls.require_client_certificate), "Without one nobody gets in."),
      text<C>("x400.strong.certificate", FIELD(x400.strong.certificate),
              "PEM chain that we show in strong credentials (credentials = \"strong\", [[x400_user]]). Empty: the listeners' certificate."),
      text<C>("x400.strong.key", FIELD(x400.strong.key), "PEM private key of x400.strong.certificate."),
      duration<C>("x400.strong.clock_skew", FIELD(x400.strong.clock_skew),
                  "How old a bind token may be, or how early: what two clocks may differ by."),
  };
}

}  // namespace

const std::vector<Row<Config>>& x400_settings() {
  static const std::vector<Row<Config>> all = [] {
    std::vector<Row<Config>> out = mta();
    for (auto& row : transport()) out.push_back(std::move(row));
    for (auto& row : sdk()) out.push_back(std::move(row));
    return out;
  }();
  return all;
}

}  // namespace postern::config::rows

namespace postern::config {

using namespace rows;

const std::vector<Row<X400Peer>>& x400_peer_settings() {
  using P = X400Peer;
  static const std::vector<Row<P>> all{
      text<P>("name", FIELD(name), "Name of the peer in routes, log and status: letters, digits, _, - and dots."),
      text<P>("mta_name", FIELD(mta_name), "MTA name that it binds with; empty: the name."),
      text<P>("domain", FIELD(domain), "Its management domain, \"C=GB;A=GOLD;P=SOUTH\"."),
      text<P>("address", FIELD(address),
              "Where it is called: tsel/ssel/psel@host:port (x400n@mta.example.net:102), selectors ASCII or 'HEX'H; RFC 1278 form as well. "
              "Empty: it only calls us."),
      text<P>("mode", FIELD(mode), "How P1 is spoken: 1988 (normal mode), x410 (1988 in X.410-1984 mode), 1984.", {"1988", "x410", "1984"}),
      text<P>("our_name", FIELD(our_name), "MTA name that we bind with; empty: x400.mta_name."),
      text<P>("password_ref", FIELD(password_ref), "Password that we show: env:NAME or file:PATH. Empty: an unauthenticated bind."),
      text<P>("peer_password_ref", FIELD(peer_password_ref), "Password that it must show. Empty: only pins say who it is."),
      text<P>("credentials", FIELD(credentials),
              "simple (passwords), or strong: signed tokens, both ways; what it shows else is refused. With mode 1988 only.",
              {"simple", "strong"}),
      text<P>("strong_ca", FIELD(strong_ca),
              "With strong: PEM trust store that its certificate must lead to; strong_subject belongs to it."),
      text<P>("strong_subject", FIELD(strong_subject), "With strong: subject of its certificate, as `postern cert show` writes it."),
      list<P>("strong_pins", FIELD(strong_pins),
              "With strong: sha256:HEX of its certificate or public key; any one must match, and the chain adds nothing then."),
      text<P>("tls", FIELD(tls), "required, or none with a warning. Holds both ways.", {"required", "none"}),
      text<P>("ca", FIELD(ca), "PEM trust store for its certificate; empty: the system's and the built-in CA."),
      flag<P>("verify_name", FIELD(verify_name), "Whether its certificate must name the host that was called."),
      text<P>("revocation", FIELD(revocation),
              "off, soft or hard, as outbound.revocation, when it is called; empty: that. Pins are not asked about.",
              {"", "off", "soft", "hard"}),
      list<P>("pins", FIELD(pins), "sha256:HEX of its certificate or public key; any one must match, and the chain adds nothing then."),
      count<P>("associations", FIELD(associations), "At most so many at a time, opened by us.", 1, 100),
      count<P>("checkpoint", FIELD(checkpoint), "KiB between two checkpoints of a transfer; 0: none, so that nothing is resumed.", 0, 1024),
      count<P>("window", FIELD(window), "Checkpoints that may be unconfirmed.", 1, 64),
      text<P>("dialogue", FIELD(dialogue),
              "monologue: who opens an association sends over it. alternate: both send over it in turn, where the peer agrees.",
              {"monologue", "alternate"}),
  };
  return all;
}

const std::vector<Row<X400User>>& x400_user_settings() {
  using U = X400User;
  static const std::vector<Row<U>> all{
      text<U>(
          "address", FIELD(address),
          "O/R address of a user (postern x400 ms add) who binds by P3 and P7 with strong credentials; his password lets nobody in then."),
      text<U>("ca", FIELD(ca), "PEM trust store that his certificate must lead to; subject belongs to it."),
      text<U>("subject", FIELD(subject), "Subject of his certificate, as `postern cert show` writes it."),
      list<U>("pins", FIELD(pins), "sha256:HEX of his certificate or public key; any one must match, and the chain adds nothing then."),
  };
  return all;
}

const std::vector<Row<X400CalledUser>>& x400_called_user_settings() {
  using U = X400CalledUser;
  static const std::vector<Row<U>> all{
      text<U>("user", FIELD(user),
              "O/R address of a user without a mailbox (postern x400 ms add --delivery p3), \"C=DE;A= ;P=ORG;S=Doe\"."),
      text<U>("address", FIELD(address),
              "Where this MTA binds to him when something waits: tsel/ssel/psel@host:port, selectors ASCII or 'HEX'H."),
      flag<U>("reliable", FIELD(reliable), "Over RTSE (mts-forced-reliable-access), else mts-forced-access."),
      text<U>("password_ref", FIELD(password_ref),
              "Password that we show him beside x400.mta_name: env:NAME or file:PATH. He shows the one that he binds with himself."),
      text<U>("tls", FIELD(tls), "required, or none with a warning.", {"required", "none"}),
      text<U>("ca", FIELD(ca), "PEM trust store for his certificate; empty: the system's and the built-in CA."),
      flag<U>("verify_name", FIELD(verify_name), "Whether his certificate must name the host that was called."),
      text<U>("revocation", FIELD(revocation), "off, soft or hard, as outbound.revocation; empty: that. Pins are not asked about.",
              {"", "off", "soft", "hard"}),
      list<U>("pins", FIELD(pins), "sha256:HEX of his certificate or public key; any one must match, and the chain adds nothing then."),
  };
  return all;
}

const std::vector<Row<X400Route>>& x400_route_settings() {
  using R = X400Route;
  static const std::vector<Row<R>> all{
      text<R>(
          "prefix", FIELD(prefix),
          "Attributes that an O/R address must have, \"C=GB;A=GOLD;P=SOUTH\"; of several routes the one with the most counts. Empty: every "
          "address."),
      text<R>("via", FIELD(via), "store (a mailbox here), peer:NAME, or refuse."),
      text<R>("text", FIELD(text), "With refuse: what the non-delivery report says, printable ASCII."),
  };
  return all;
}

const std::vector<Row<X400List>>& x400_list_settings() {
  using L = X400List;
  static const std::vector<Row<L>> all{
      text<L>("address", FIELD(address), "O/R address of the list, \"C=DE;A= ;P=NORTH;O=Works;CN=all\"; it needs no route."),
      list<L>("members", FIELD(members),
              "O/R addresses of its members: people and lists, here or elsewhere; at most 10,000 with those of the file."),
      text<L>("members_file", FIELD(members_file),
              "File with more members, one O/R address a line, read at the start; lines that begin with # are notes."),
      text<L>("submit", FIELD(submit), "Who may send to it: all, members, or listed (submitters).", {"all", "members", "listed"}),
      list<L>("submitters", FIELD(submitters), "With listed: O/R addresses of people and lists that may send to it."),
      text<L>("owner", FIELD(owner), "O/R address of who answers for the list."),
      text<L>("reports", FIELD(reports),
              "Who gets reports about the members: originator (or the list that sent to it), owner (then the originator is told only that "
              "the list "
              "was expanded), both.",
              {"originator", "owner", "both"}),
  };
  return all;
}

}  // namespace postern::config
