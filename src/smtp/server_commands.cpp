// One function per verb of RFC 5321 4.1.1, except those of the mail transaction and AUTH.
#include <algorithm>

#include "base/text.hpp"
#include "smtp/server_state.hpp"

namespace postern::smtp {

namespace {

constexpr std::size_t kMaxCommandLine = 512 - 2;  // RFC 5321 4.5.3.1.4, without CRLF
constexpr std::size_t kMaxDomain = 255;           // RFC 5321 4.5.3.1.2

bool is_printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; });
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

/// RFC 5321 4.1.1.1: a domain or an address literal. Looser than the grammar, since many hosts do not know their name; policy may be
/// stricter.
bool is_hello_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxDomain && is_printable_ascii(name) && name.find(' ') == std::string_view::npos;
}

std::string_view without_trailing_spaces(std::string_view text) {
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

struct ServerSession::Verb {
  enum Flags : unsigned { kNone = 0, kBeforeTls = 1, kIdle = 2, kLongLine = 4, kUtf8 = 8, kLmtpOnly = 16, kSmtpOnly = 32 };
  std::string_view name;
  void (ServerSession::*run)(std::string_view);
  unsigned flags;

  static const Verb* find(std::string_view name, Dialect dialect);
};

const ServerSession::Verb* ServerSession::Verb::find(std::string_view name, Dialect dialect) {
  using S = ServerSession;
  // BDAT is let through to on_bdat(), which refuses it before TLS only after its octets have been read away.
  static constexpr Verb kVerbs[] = {
      {"MAIL", &S::on_mail, kLongLine | kUtf8},
      {"RCPT", &S::on_rcpt, kLongLine | kUtf8},
      {"DATA", &S::on_data, kNone},
      {"BDAT", &S::on_bdat, kBeforeTls},
      {"EHLO", &S::on_ehlo, kBeforeTls | kIdle | kSmtpOnly},
      {"HELO", &S::on_helo, kBeforeTls | kIdle | kSmtpOnly},
      {"LHLO", &S::on_ehlo, kBeforeTls | kIdle | kLmtpOnly},
      {"STARTTLS", &S::on_starttls, kBeforeTls},
      {"AUTH", &S::on_auth, kNone},
      {"RSET", &S::on_rset, kBeforeTls | kIdle},
      {"NOOP", &S::on_noop, kBeforeTls | kIdle},
      {"QUIT", &S::on_quit, kBeforeTls},
      {"VRFY", &S::on_vrfy, kIdle | kUtf8},
      {"HELP", &S::on_help, kIdle},
      {"EXPN", &S::on_not_implemented, kUtf8},
      {"ETRN", &S::on_not_implemented, kNone},
      {"GET", &S::on_forbidden, kBeforeTls},
      {"POST", &S::on_forbidden, kBeforeTls},
      {"CONNECT", &S::on_forbidden, kBeforeTls},
  };
  const unsigned foreign = dialect == Dialect::Lmtp ? kSmtpOnly : kLmtpOnly;  // RFC 2033 4.1: LHLO in place of EHLO and HELO
  const auto* found = std::find_if(std::begin(kVerbs), std::end(kVerbs), [&](const Verb& verb) { return iequals(verb.name, name); });
  return found == std::end(kVerbs) || (found->flags & foreign) != 0 ? nullptr : found;
}

void ServerSession::run_line(std::string_view line) {
  line = without_trailing_spaces(line);  // RFC 5321 4.1.1: "SHOULD tolerate trailing white space before the terminating <CRLF>"
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view arguments = line.substr(std::min(space + 1, line.size()));
  if (m_state == State::Refused) {  // RFC 5321 3.1: "SHOULD respond to any intervening commands with "503 bad sequence of commands""
    if (iequals(line, "QUIT")) return on_quit({});
    return complain(503, {5, 5, 0}, "No service for you here; send QUIT");
  }
  if (line.find('\0') != std::string_view::npos) return complain(500, {5, 5, 2}, "A command holds no NUL");
  const Verb* verb = Verb::find(line.substr(0, space), m_options->dialect);
  if (verb == nullptr) return complain(500, {5, 5, 2}, "Command not recognized");
  if (line.size() > kMaxCommandLine && (verb->flags & Verb::kLongLine) == 0) return complain(500, {5, 5, 2}, "The line is too long");
  if (!is_ascii(line) && (verb->flags & Verb::kUtf8) == 0) return complain(501, {5, 5, 2}, "The argument must be ASCII");
  if (has_control(arguments)) return complain(501, {5, 5, 2}, "The argument holds a control character");
  run_verb(*verb, arguments);
}

void ServerSession::run_verb(const Verb& verb, std::string_view arguments) {
  // RFC 3207 4: "a server that requires TLS ... 530 Must issue a STARTTLS command first"
  if (m_options->tls == TlsMode::Required && !m_peer.tls && (verb.flags & Verb::kBeforeTls) == 0)
    return complain(530, {5, 7, 0}, "Must issue a STARTTLS command first");
  if ((verb.flags & Verb::kIdle) != 0 && ++m_idle_commands > m_options->idle_commands)
    return end(Reply(421, {4, 7, 0}, "Too many commands without a message; closing"), CloseReason::Abuse);
  (this->*verb.run)(arguments);
}

bool ServerSession::begin_hello(std::string_view name, bool extended) {
  if (!is_hello_name(name)) {
    complain(501, {5, 5, 4}, "Say who you are: a domain name or an address literal");
    return false;
  }
  m_helo = name;
  m_extended = extended;
  reset_transaction();  // RFC 5321 4.1.4: "the server MUST clear all buffers and reset the state exactly as if a RSET command had been
                        // issued"
  return true;
}

void ServerSession::on_helo(std::string_view arguments) {
  if (begin_hello(arguments, false)) say(250, {}, m_options->hostname);
}

void ServerSession::on_ehlo(std::string_view arguments) {
  if (!begin_hello(arguments, true)) return;
  const ServerOptions& options = *m_options;
  Reply reply(250, {}, options.hostname + " greets " + m_peer.address);
  const auto offer = [&reply](bool condition, std::string line) {
    if (condition) reply.lines.push_back(std::move(line));
  };
  offer(true, "PIPELINING");
  offer(true, "SIZE " + std::to_string(options.limits.message_bytes));
  offer(true, "8BITMIME");
  offer(true, "ENHANCEDSTATUSCODES");
  offer(options.chunking, "CHUNKING");
  offer(options.chunking, "BINARYMIME");  // RFC 3030 3: only together with CHUNKING
  offer(options.smtputf8, "SMTPUTF8");
  offer(options.dsn, "DSN");
  offer(options.tls != TlsMode::Off && !m_peer.tls, "STARTTLS");  // RFC 3207 4.2: not offered again inside TLS
  offer(options.requiretls && m_peer.tls, "REQUIRETLS");          // RFC 8689 2: only inside TLS
  const auto offered = mechanisms();
  std::string auth = "AUTH";
  for (const std::string_view mechanism : offered) auth.append(" ").append(mechanism);
  offer(!offered.empty(), std::move(auth));
  say(reply);
}

void ServerSession::on_starttls(std::string_view arguments) {
  if (m_options->tls == TlsMode::Off) return complain(502, {5, 5, 1}, "STARTTLS is not offered here");
  if (m_peer.tls) return complain(503, {5, 5, 1}, "TLS is already active");
  if (!arguments.empty()) return complain(501, {5, 5, 4}, "STARTTLS takes no parameters");  // RFC 3207 4
  say(220, {2, 0, 0}, "Ready to start TLS");
  m_state = State::Handshake;
  emit(StartTls{});
}

void ServerSession::tls_started(TlsInfo info, SteadyTime now) {
  if (m_state != State::Handshake) return;
  // RFC 3207 4.2: "the SMTP protocol is reset to the initial state ... The server MUST discard any knowledge obtained from the client".
  m_peer.tls = std::move(info);
  m_helo.clear();
  m_user.clear();
  m_extended = false;
  reset_transaction();
  forget_input();
  m_state = State::Command;
  m_now = now;
  arm_command();
}

void ServerSession::on_rset(std::string_view arguments) {
  if (!arguments.empty()) return complain(501, {5, 5, 4}, "RSET takes no parameters");
  reset_transaction();
  say(250, {2, 0, 0}, "Reset");
}

void ServerSession::on_noop(std::string_view /*arguments*/) { say(250, {2, 0, 0}, "OK"); }

/// RFC 5321 7.3: who may exist is not told to strangers.
void ServerSession::on_vrfy(std::string_view arguments) {
  if (arguments.empty()) return complain(501, {5, 5, 4}, "VRFY needs an address");
  say(252, {2, 5, 0}, "Cannot verify, but will take the message and try to deliver it");
}

void ServerSession::on_help(std::string_view /*arguments*/) {
  say(214, {2, 0, 0}, m_options->dialect == Dialect::Lmtp ? "RFC 2033 LMTP; begin with LHLO" : "RFC 5321 SMTP; begin with EHLO");
}

void ServerSession::on_quit(std::string_view arguments) {
  if (!arguments.empty()) return complain(501, {5, 5, 4}, "QUIT takes no parameters");
  end(Reply(221, {2, 0, 0}, m_options->hostname + " closing"), CloseReason::Quit);
}

void ServerSession::on_not_implemented(std::string_view /*arguments*/) { complain(502, {5, 5, 1}, "Command not implemented"); }

/// A browser or proxy tricked into talking to this port (cross-protocol attack): its next lines would be the attacker's.
void ServerSession::on_forbidden(std::string_view /*arguments*/) {
  end(Reply(521, {5, 5, 2}, "This is not a web server"), CloseReason::Abuse);
}

std::string ServerSession::protocol(bool smtputf8) const {
  // RFC 3848, RFC 6531 4.3
  std::string out = smtputf8 ? "UTF8" : "";
  const bool lmtp = m_options->dialect == Dialect::Lmtp;
  if (!lmtp && !m_extended && !smtputf8) return "SMTP";
  out += lmtp ? "LMTP" : smtputf8 ? "SMTP" : "ESMTP";
  if (m_peer.tls) out += 'S';
  if (!m_user.empty()) out += 'A';
  return out;
}

}  // namespace postern::smtp
