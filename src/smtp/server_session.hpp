// The server half of an SMTP, submission or LMTP session, without I/O: bytes, ticks and decisions in; bytes, events and a deadline out.
//
// RFC 5321 with PIPELINING (2920), SIZE (1870), 8BITMIME (6152), SMTPUTF8 (6531), CHUNKING and BINARYMIME (3030), DSN (3461),
// ENHANCEDSTATUSCODES (2034), STARTTLS (3207), AUTH (4954: PLAIN, LOGIN, SCRAM-SHA-256[-PLUS]), REQUIRETLS (8689); LMTP (2033).
//
// The shell's loop:
//
//   session.greet(now);
//   for (;;) {
//     write(session.take_output());
//     while (auto event = session.next_event()) handle(*event);   // each decision may give output and the next event
//     if (session.wants_close()) { write(session.take_output()); close; }
//     if (session.wants_input()) read (until session.deadline()) -> session.receive(bytes, now), at end of file peer_gone(),
//     at the deadline tick(now);
//   }
//
// One event waits at a time. Until it is decided nothing further is parsed: pipelined bytes wait inside, at most kMaxWaiting; a shell that
// honours wants_input() never reaches that bound. Events marked (decide) below need exactly one decision; a decision nobody asked
// for does nothing. Replies are made by the engine except where a decision carries its own.
//
// What it guarantees whatever the peer sends (each has its test):
//  - only CRLF "." CRLF ends DATA; a bare CR or LF is never a line end and the message that holds one is refused (RFC 5321 2.3.8);
//  - nothing sent before TLS has an effect after it (RFC 3207 4.2, CVE-2011-0411);
//  - AUTH is neither offered nor accepted outside TLS; with TlsMode::Required nothing but the way to TLS is;
//  - input, recipients, sizes, bad commands and times are bounded by ServerOptions;
//  - the output does not depend on how the input was cut into pieces.
// It does not: look up anything, decide policy, count header fields, run timers of its own, throttle connections, do ETRN, TURN, EXPN,
// MT-PRIORITY, XCLIENT or 8BITMIME conversion. Not thread safe; one session belongs to one loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/content_budget.hpp"
#include "base/limits.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "identity/scram.hpp"
#include "smtp/parameters.hpp"
#include "smtp/reply.hpp"
#include "smtp/sasl.hpp"

namespace postern::smtp {

enum class Dialect : std::uint8_t { Mx, Submission, Lmtp };
/// Optional offers STARTTLS; Required refuses everything else before it with 530 5.7.0. Off only where the path is trusted.
enum class TlsMode : std::uint8_t { Off, Optional, Required };

/// RFC 5321 4.5.3.2.7: a server waits at least five minutes.
struct ServerTimeouts {
  std::chrono::seconds command{300};      ///< For one whole command; single bytes do not extend it.
  std::chrono::seconds data_block{300};   ///< Between two pieces of content.
  std::chrono::seconds data_total{3600};  ///< For the content of one message, however busily it trickles.
};

/// Shared by all sessions of a listener; immutable while they live.
struct ServerOptions {
  Dialect dialect = Dialect::Mx;
  std::string hostname = "localhost";  ///< In the greeting and the EHLO answer.
  std::string software = "Postern";    ///< After it in the greeting.
  TlsMode tls = TlsMode::Required;
  bool auth = false;           ///< Offer AUTH (after TLS).
  bool auth_required = false;  ///< Without it MAIL is 530 5.7.0, except for a trusted peer.
  bool auth_plain = true, auth_login = true, auth_scram_sha_256 = true;
  bool smtputf8 = true, chunking = true, dsn = true, requiretls = true;
  Limits limits;
  ServerTimeouts timeouts;
  /// Bytes of content that all sessions together may hold, from its first octet to the decision on the message; beyond, the content is read
  /// to its end and answered 452 4.3.1. Null: no bound.
  std::shared_ptr<ContentBudget> content_budget;
  std::size_t auth_attempts = 5;    ///< Failed ones per connection; then 421 4.7.0.
  std::size_t idle_commands = 100;  ///< NOOP, RSET, VRFY, HELP, EHLO without a message between; then 421 4.7.0.
  Bytes unknown_user_key;           ///< Random per process: the salt shown for users that do not exist is derived from it.
};

/// What the shell knows of a finished handshake.
struct TlsInfo {
  std::string protocol;         ///< "TLSv1.3"
  std::string cipher;           ///< "TLS_AES_256_GCM_SHA384"
  Bytes exporter;               ///< RFC 9266 tls-exporter value (32 bytes); empty: SCRAM-SHA-256-PLUS is not offered.
  std::string client_identity;  ///< Subject of a verified client certificate; empty without one.
  bool verified = false;        ///< For a client: the server's certificate is what was asked for. Without it no login is tried.
};

struct PeerInfo {
  std::string address;         ///< Textual IP address, shown in the EHLO answer.
  std::optional<TlsInfo> tls;  ///< Set for implicit TLS (RFC 8314).
  bool trusted = false;        ///< ServerOptions::auth_required does not hold for this peer.
};

/// 220 has been queued: write it, do the handshake on the raw stream, then tls_started() or, if it failed, peer_gone().
struct StartTls {};
/// (decide) accept() answers 235, reject() 535 or what it says. For SCRAM `verified` is true and `password` empty: the proof is good and
/// the shell only says whether this user may log in. For PLAIN and LOGIN the shell verifies the password.
struct Authenticate {
  std::string mechanism;
  std::string user;
  std::string authzid;  ///< RFC 4616: empty or the identity to act as.
  SecretBytes password;
  bool verified = false;
};
/// (decide) provide_credentials() with what is stored for this user, or nothing when there is no such user (the client sees no difference).
struct ScramLookup {
  std::string user;
};
/// A login failed inside the engine (bad proof, unknown user, malformed); for audit and throttling. 535 has been queued.
struct AuthFailed {
  std::string mechanism;
  std::string user;
};
/// (decide) 250 2.1.0, or the refusal.
struct MailFrom {
  ReversePath path;
  MailParameters parameters;
};
/// (decide) 250 2.1.5, or the refusal.
struct RcptTo {
  ForwardPath path;
  RcptParameters parameters;
};
/// (decide) The whole content, CRLF line ends, dots unstuffed. accept()/reject() for all recipients, or with LMTP answer_recipients().
/// Answer positively only when the message is safe on disk (RFC 5321 6.1).
struct MessageReceived {
  Envelope envelope;
  std::string content;
};
enum class CloseReason : std::uint8_t { Quit, PeerGone, Timeout, Abuse, Refused };
/// The last event. What take_output() gives is still to be written.
struct Closed {
  CloseReason reason;
};
using ServerEvent = std::variant<StartTls, Authenticate, ScramLookup, AuthFailed, MailFrom, RcptTo, MessageReceived, Closed>;

struct Transaction;  // these three: server_state.hpp
struct Chunk;
struct AuthExchange;

class ServerSession {
 public:
  static constexpr std::size_t kMaxWaiting = 256U * 1024;  ///< Undecided input; more is 421 4.7.0. Feed at most 64 KiB at once.

  /// `random` must outlive the session; it makes SCRAM nonces.
  ServerSession(std::shared_ptr<const ServerOptions> options, PeerInfo peer, Random& random);
  ~ServerSession();
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;

  /// Queues the greeting. A peer that has already sent something is refused with 554 5.5.0: wait a moment before calling this, feeding what
  /// comes.
  void greet(SteadyTime now);
  /// Instead of greet(): answers the connection with `reply` (554 or 421). After 554 everything but QUIT is 503 (RFC 5321 3.1).
  void refuse(Reply reply, SteadyTime now);

  void receive(ByteView bytes, SteadyTime now);
  /// The peer ended the stream, or it broke. An unfinished message is forgotten.
  void peer_gone();
  void tick(SteadyTime now);
  /// The shell ends the session (shutdown: 421 4.3.2). An unfinished message is forgotten.
  void close(const Reply& reply);

  [[nodiscard]] std::optional<ServerEvent> next_event();
  /// Everything to be written so far, in order.
  [[nodiscard]] std::string take_output();
  [[nodiscard]] bool has_output() const noexcept { return !m_output.empty(); }
  /// False while a decision, a handshake or the end is outstanding: do not read.
  [[nodiscard]] bool wants_input() const noexcept;
  [[nodiscard]] bool wants_close() const noexcept;
  /// When to call tick() next; SteadyTime::max() while a decision is outstanding.
  [[nodiscard]] SteadyTime deadline() const noexcept;

  void accept();
  void accept(Reply reply);
  void reject(Reply reply);
  /// LMTP (RFC 2033 4.2): one reply per recipient of the envelope, in order. Missing ones become 451 4.3.0.
  void answer_recipients(std::vector<Reply> replies);
  void provide_credentials(std::optional<ScramCredentials> credentials);
  void tls_started(TlsInfo info, SteadyTime now);

  /// What EHLO, HELO or LHLO gave; empty before.
  [[nodiscard]] const std::string& helo() const noexcept { return m_helo; }
  [[nodiscard]] const std::string& user() const noexcept { return m_user; }  ///< Empty unless authenticated.
  [[nodiscard]] const std::optional<TlsInfo>& tls() const noexcept { return m_peer.tls; }
  [[nodiscard]] const PeerInfo& peer() const noexcept { return m_peer; }
  /// The "with" protocol of the Received field (RFC 3848, RFC 6531 4.3): "ESMTPSA", "UTF8LMTPS", ...
  [[nodiscard]] std::string protocol(bool smtputf8 = false) const;

 private:
  enum class State : std::uint8_t { Connecting, Refused, Command, Data, Chunk, AuthResponse, Handshake, Ended };
  enum class Pending : std::uint8_t { None, Auth, Lookup, Mail, Rcpt, Message };
  struct Verb;

  // server_session.cpp: the flow of bytes and time
  std::size_t consume(std::string_view input);
  std::size_t consume_line(std::string_view input);
  std::size_t skip_line(std::size_t length) noexcept;
  void refuse_long_line();
  void run_waiting();
  void forget_input();
  void keep_input(std::string_view more);
  [[nodiscard]] bool expects_secrets() const noexcept { return m_options->auth && m_user.empty(); }
  void arm_command() noexcept;
  void arm_content() noexcept;
  void decided();
  void emit(ServerEvent event, Pending pending = Pending::None);
  void say(const Reply& reply);
  void say(int code, EnhancedStatus status, std::string text) { say(Reply(code, status, std::move(text))); }
  void complain(const Reply& reply);
  void complain(int code, EnhancedStatus status, std::string text) { complain(Reply(code, status, std::move(text))); }
  void end(CloseReason reason);
  void end(const Reply& reply, CloseReason reason);
  // server_commands.cpp: one function per verb
  void run_line(std::string_view line);
  void run_verb(const Verb& verb, std::string_view arguments);
  void on_ehlo(std::string_view arguments);
  void on_helo(std::string_view arguments);
  bool begin_hello(std::string_view name, bool extended);
  void on_starttls(std::string_view arguments);
  void on_rset(std::string_view arguments);
  void on_noop(std::string_view arguments);
  void on_vrfy(std::string_view arguments);
  void on_help(std::string_view arguments);
  void on_quit(std::string_view arguments);
  void on_not_implemented(std::string_view arguments);
  void on_forbidden(std::string_view arguments);
  // server_mail.cpp: MAIL, RCPT and their decisions
  void on_mail(std::string_view arguments);
  void on_rcpt(std::string_view arguments);
  [[nodiscard]] std::optional<Reply> refuse_mail() const;
  [[nodiscard]] std::optional<Reply> refuse_parameters(const MailParameters& parameters) const;
  [[nodiscard]] Extensions extensions() const;
  void decide_mail(const Reply& reply);
  void decide_rcpt(const Reply& reply);
  void reset_transaction();
  // server_data.cpp: DATA, BDAT and the decision on the message
  void on_data(std::string_view arguments);
  void on_bdat(std::string_view arguments);
  [[nodiscard]] std::optional<Reply> refuse_data() const;
  [[nodiscard]] std::optional<Reply> refuse_chunk() const;
  void begin_content();
  std::size_t consume_data(std::string_view input);
  std::size_t consume_chunk(std::string_view input);
  void finish_chunk();
  void finish_message();
  void fail_message(const Reply& reply);
  bool end_if_hopeless();
  void decide_message(std::vector<Reply> replies);
  // server_auth.cpp: AUTH
  void on_auth(std::string_view arguments);
  [[nodiscard]] std::optional<Reply> refuse_auth() const;
  [[nodiscard]] std::vector<std::string_view> mechanisms() const;
  void begin_auth(std::string_view mechanism);
  void run_auth_line(std::string_view line);
  void step_auth(std::string_view response);
  void step_login_user(std::string_view response);
  void step_plain(std::string_view response);
  void step_scram_first(std::string_view response);
  void step_scram_final(std::string_view response);
  void challenge(std::string_view text);
  void ask_login(SecretBytes password, std::string authzid, bool verified);
  void fail_auth(const Reply& reply);
  void decide_auth(const Reply& reply);

  std::shared_ptr<const ServerOptions> m_options;
  PeerInfo m_peer;
  Random* m_random;
  std::string m_input;  ///< What could not be parsed yet.
  std::size_t m_input_at = 0;
  std::string m_output;
  std::vector<ServerEvent> m_events;  ///< At most a notice or two and the one that waits for its decision.
  std::string m_helo;
  std::string m_user;
  std::unique_ptr<Transaction> m_transaction;
  std::unique_ptr<Chunk> m_chunk;  ///< The BDAT command whose octets are being read.
  std::unique_ptr<AuthExchange> m_auth;
  SteadyTime m_now{};
  SteadyTime m_deadline = SteadyTime::max();
  SteadyTime m_content_deadline = SteadyTime::max();  ///< For all content of one message.
  std::size_t m_skipped = 0;                          ///< Octets of a command line that is too long, so far.
  std::uint32_t m_bad_commands = 0;
  std::uint32_t m_idle_commands = 0;
  std::uint32_t m_failed_logins = 0;
  State m_state = State::Connecting;
  Pending m_pending = Pending::None;
  bool m_extended = false;  ///< EHLO or LHLO, not HELO.
  bool m_early = false;     ///< The peer talked before the greeting.
  bool m_rearm = false;     ///< A decision was made, and it has no clock: the next tick() starts the wait anew instead of ending it.
};

}  // namespace postern::smtp
