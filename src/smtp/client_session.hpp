// The client half of an SMTP or LMTP session, without I/O: bytes, ticks and messages in; bytes, events and a deadline out.
//
// RFC 5321 with PIPELINING (2920), SIZE, 8BITMIME, SMTPUTF8, CHUNKING and BINARYMIME (3030), DSN (3461), STARTTLS (3207), AUTH
// (PLAIN, SCRAM-SHA-256[-PLUS]), REQUIRETLS (8689); LMTP (2033). A parameter is sent only where its extension is offered; where a message
// cannot do without a missing one, its recipients get a permanent result of our own and nothing is sent.
//
// The shell's loop:
//
//   ClientSession session(options, random); session.start(now);
//   for (;;) {
//     while (session.has_output()) write(session.take_output());          // content comes in pieces of about 64 KiB
//     while (auto event = session.next_event()) ...                       // Ready: session.send(message, now), or session.quit(now)
//     if (session.wants_close()) close;
//     read or wait until session.deadline() -> receive(bytes, now) | connection_lost(why) | tick(now)
//   }
//
// While writing, go on reading: a server may answer early. After TransactionDone the session is ready for the next send() unless Failed
// follows. The content is borrowed from send() until TransactionDone or Failed.
// It does not: look up, connect, choose among hosts, retry, convert 8-bit content, or remember anything between connections.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "smtp/parameters.hpp"
#include "smtp/reply.hpp"
#include "smtp/sasl.hpp"
#include "smtp/server_session.hpp"

namespace postern::smtp {

/// Never: do not ask. Opportunistic: use STARTTLS when offered. Required: fail without it. (Implicit TLS: ClientOptions::tls.)
enum class ClientTls : std::uint8_t { Never, Opportunistic, Required };

/// RFC 5321 4.5.3.2.
struct ClientTimeouts {
  std::chrono::seconds greeting{300}, command{300}, data_init{120}, data_block{180}, data_end{600}, quit{10};
};

struct ClientCredentials {
  std::string user;
  SecretBytes password;
};

struct ClientOptions {
  bool lmtp = false;                   ///< RFC 2033: LHLO, and one reply per recipient after the content.
  std::string hostname = "localhost";  ///< For EHLO and LHLO.
  ClientTls tls_policy = ClientTls::Opportunistic;
  std::shared_ptr<const ClientCredentials> credentials;  ///< Used only inside verified TLS; without AUTH on offer the session fails.
  bool pipelining = true, chunking = true;               ///< Use them where offered.
  std::size_t line_limit = 998;  ///< RFC 5321 4.5.3.1.6: content with a longer line is not sent unless BINARYMIME; 0: not checked.
  ClientTimeouts timeouts;
};

/// What the server offered in its last EHLO answer.
struct Capabilities {
  bool pipelining = false, eight_bit_mime = false, smtputf8 = false, chunking = false, binary_mime = false, dsn = false,
       enhanced_status = false, starttls = false, requiretls = false;
  std::optional<std::uint64_t> size;  ///< RFC 1870 6: 0 means "no fixed limit".
  std::vector<std::string> auth;      ///< Mechanisms, upper case.
};

struct OutgoingRecipient {
  ForwardPath path;
  RcptParameters parameters;
};

/// `content` must have CRLF line ends (unless BodyType::BinaryMime) and outlive the transaction. `parameters.size` is filled in by us.
struct OutgoingMessage {
  ReversePath from;
  MailParameters parameters;
  std::vector<OutgoingRecipient> recipients;
  std::string_view content;
};

enum class Delivery : std::uint8_t {
  Accepted,          ///< 2xx after the content: the next hop has taken responsibility.
  TemporaryFailure,  ///< Try again later.
  PermanentFailure,  ///< The server said 5xx, or the message cannot be said to this server (see `cause`).
};
/// Why a result is ours and not the server's.
enum class LocalCause : std::uint8_t {
  None,
  Needs8BitMime,  ///< Content has 8-bit bytes and the server takes 7 bits: convert (RFC 6152 3) or bounce.
  NeedsBinaryMime,
  NeedsSmtpUtf8,
  NeedsRequireTls,
  TooLarge,    ///< Beyond the SIZE it announced.
  BadContent,  ///< Bare CR or LF, or a line beyond the limit: never emitted.
  ConnectionLost,
  Protocol,  ///< The server's answer made no sense.
  Timeout,
};

struct RecipientResult {
  Delivery delivery = Delivery::TemporaryFailure;
  Reply reply;  ///< The server's, or one of ours when cause is not None.
  LocalCause cause = LocalCause::None;
  /// The whole content went out and no answer came: the server may have it. Retrying may deliver twice, giving up may lose (RFC
  /// 5321 4.5.3.2.6).
  bool maybe_delivered = false;
};

struct Ready {
  Capabilities capabilities;
};
/// One result per recipient of the message, in its order.
struct TransactionDone {
  std::vector<RecipientResult> results;
  bool dsn_passed = false;  ///< The server took the DSN parameters; otherwise reporting stays with us (RFC 3461 5.2).
  bool secured = false;     ///< It travelled inside TLS.
};
enum class FailureStage : std::uint8_t { Connect, Greeting, Hello, StartTls, Auth, Transaction, Quit };
/// The connection is of no further use. A running transaction has got its TransactionDone before.
struct Failed {
  FailureStage stage = FailureStage::Connect;
  LocalCause cause = LocalCause::None;
  Reply reply;  ///< What the server said, or our own words.
  [[nodiscard]] bool permanent() const noexcept { return reply.permanent(); }
};
/// QUIT was answered, or the wait for that is over.
struct Finished {};
using ClientEvent = std::variant<StartTls, Ready, TransactionDone, Failed, Finished>;

struct OutgoingTransaction;  // client_state.hpp

class ClientSession {
 public:
  /// `random` must outlive the session; it makes SCRAM nonces.
  ClientSession(std::shared_ptr<const ClientOptions> options, Random& random);
  ~ClientSession();
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;

  /// The connection stands; the greeting is awaited. With implicit TLS pass what the handshake gave.
  void start(SteadyTime now, std::optional<TlsInfo> tls = {});
  void receive(ByteView bytes, SteadyTime now);
  /// The stream ended or broke; `why` is for people ("connection reset").
  void connection_lost(std::string_view why);
  void tick(SteadyTime now);
  /// After StartTls: the handshake is done and, where the caller's policy demands, the peer's certificate verified (`info.verified` says
  /// so).
  void tls_started(TlsInfo info, SteadyTime now);

  /// Only after Ready, and again after each TransactionDone; Conflict otherwise, BadInput without recipients.
  [[nodiscard]] Status send(OutgoingMessage message, SteadyTime now);
  void quit(SteadyTime now);

  [[nodiscard]] std::optional<ClientEvent> next_event();
  [[nodiscard]] bool has_output() const noexcept;
  /// What take_output() gives now belongs to a login: wipe it when it is written.
  [[nodiscard]] bool logging_in() const noexcept { return m_state == State::Auth; }
  /// The next piece to write; empty when there is none.
  [[nodiscard]] std::string take_output();
  [[nodiscard]] bool wants_close() const noexcept { return m_state == State::Ended; }
  [[nodiscard]] bool ready() const noexcept { return m_state == State::Idle; }
  [[nodiscard]] SteadyTime deadline() const noexcept { return m_deadline; }
  [[nodiscard]] const Capabilities& capabilities() const noexcept { return m_capabilities; }
  [[nodiscard]] const std::optional<TlsInfo>& tls() const noexcept { return m_tls; }

 private:
  enum class State : std::uint8_t { New, Greeting, Hello, StartTls, Handshake, Auth, Idle, Transaction, Quitting, Ended };

  // client_session.cpp: the flow of bytes and time
  void on_reply(const Reply& reply);
  void arm(std::chrono::seconds wait) noexcept { m_deadline = m_now + wait; }
  void command(std::string_view line);
  void broken(LocalCause cause, const std::string& what);
  void fail_session(LocalCause cause, Reply reply);
  [[nodiscard]] FailureStage stage() const noexcept;
  void end() noexcept;
  // client_hello.cpp: greeting, EHLO, STARTTLS, AUTH
  void on_greeting(const Reply& reply);
  void say_hello(bool extended);
  void on_hello(const Reply& reply);
  void after_hello();
  void on_starttls(const Reply& reply);
  void start_auth();
  [[nodiscard]] Result<std::unique_ptr<SaslClient>> choose_mechanism() const;
  void on_auth(const Reply& reply);
  void become_ready();
  // client_transaction.cpp: MAIL, RCPT, DATA or BDAT
  void begin_transaction(OutgoingMessage message);
  void say_more();
  void say_step(std::size_t step);
  void on_transaction_reply(const Reply& reply);
  void on_mail_reply(const Reply& reply);
  void on_rcpt_reply(const Reply& reply);
  void on_data_reply(const Reply& reply);
  void on_final_reply(const Reply& reply);
  void on_early_reply(const Reply& reply);
  void envelope_answered();
  void start_content();
  void produce_content();
  void settle_open(const RecipientResult& result);
  void finish_transaction();

  std::shared_ptr<const ClientOptions> m_options;
  Random* m_random;
  ReplyReader m_replies;
  std::string m_output;
  std::vector<ClientEvent> m_events;
  Capabilities m_capabilities;
  std::optional<TlsInfo> m_tls;
  std::unique_ptr<OutgoingTransaction> m_transaction;
  std::unique_ptr<SaslClient> m_sasl;
  SteadyTime m_now{};
  SteadyTime m_deadline = SteadyTime::max();
  State m_state = State::New;
  bool m_extended = true;     ///< The running hello is EHLO or LHLO.
  bool m_needs_rset = false;  ///< A transaction was abandoned on the server's side.
  bool m_progress = false;    ///< Content was handed out without a clock: the next tick() starts the wait anew instead of ending it.
};

}  // namespace postern::smtp
