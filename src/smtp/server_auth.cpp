// AUTH (RFC 4954) with PLAIN, LOGIN, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS.
#include <algorithm>

#include "base/text.hpp"
#include "identity/saslprep.hpp"
#include "smtp/server_state.hpp"

namespace postern::smtp {

namespace {

using Step = AuthExchange::Step;

Reply wrong_credentials() { return {535, {5, 7, 8}, "The user or the password is wrong"}; }
Reply malformed(std::string text) { return {501, {5, 5, 2}, std::move(text)}; }

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 255 && is_utf8(text) && text.find('\0') == std::string_view::npos;
}

}  // namespace

/// Strongest first. Nothing outside TLS (RFC 4954 4: "MUST NOT advertise PLAIN without TLS"; we hold it for all of them).
std::vector<std::string_view> ServerSession::mechanisms() const {
  std::vector<std::string_view> out;
  if (!m_options->auth || !m_peer.tls) return out;
  if (m_options->auth_scram_sha_256 && !m_peer.tls->exporter.empty()) out.push_back("SCRAM-SHA-256-PLUS");
  if (m_options->auth_scram_sha_256) out.push_back("SCRAM-SHA-256");
  if (m_options->auth_plain) out.push_back("PLAIN");
  if (m_options->auth_login) out.push_back("LOGIN");
  return out;
}

std::optional<Reply> ServerSession::refuse_auth() const {
  if (!m_options->auth) return Reply(502, {5, 5, 1}, "AUTH is not offered here");
  if (!m_peer.tls) return Reply(538, {5, 7, 11}, "Encryption required; issue STARTTLS first");  // RFC 4954 6
  if (m_helo.empty() || !m_extended)
    return Reply(503, {5, 5, 1}, m_options->dialect == Dialect::Lmtp ? "Send LHLO first" : "Send EHLO first");
  if (!m_user.empty()) return Reply(503, {5, 5, 1}, "Already authenticated");                          // RFC 4954 4
  if (m_transaction) return Reply(503, {5, 5, 1}, "AUTH is not permitted during a mail transaction");  // RFC 4954 4
  return std::nullopt;
}

void ServerSession::on_auth(std::string_view arguments) {
  if (const auto refusal = refuse_auth()) return complain(*refusal);
  const std::size_t space = std::min(arguments.find(' '), arguments.size());
  const std::string mechanism = to_upper(arguments.substr(0, space));
  if (mechanism.empty()) return complain(501, {5, 5, 4}, "Syntax: AUTH mechanism [initial-response]");
  const auto offered = mechanisms();
  if (std::find(offered.begin(), offered.end(), mechanism) == offered.end())
    return complain(504, {5, 5, 4}, "This mechanism is not offered");  // RFC 4954 4
  begin_auth(mechanism);
  if (space == arguments.size()) return challenge(m_auth->step == Step::LoginUser ? "Username:" : "");
  const std::string_view initial = arguments.substr(space + 1);
  m_state = State::AuthResponse;
  // RFC 4954 4: "=" is an initial response of zero length.
  run_auth_line(initial == "=" ? std::string_view() : initial);
}

void ServerSession::begin_auth(std::string_view mechanism) {
  m_auth = std::make_unique<AuthExchange>();
  m_auth->mechanism = mechanism;
  if (mechanism == "PLAIN" || mechanism == "LOGIN") {
    m_auth->step = mechanism == "PLAIN" ? Step::Plain : Step::LoginUser;
    return;
  }
  const bool plus = mechanism.ends_with("-PLUS");
  m_auth->step = Step::ScramFirst;
  m_auth->scram = std::make_unique<ScramServer>(m_peer.tls->exporter, plus, !m_peer.tls->exporter.empty());
}

void ServerSession::challenge(std::string_view text) {
  m_output += "334 " + base64_encode(as_bytes(text)) + "\r\n";
  m_state = State::AuthResponse;
}

void ServerSession::run_auth_line(std::string_view line) {
  m_state = State::Command;
  if (line == "*") {  // RFC 4954 4: cancelled by the client
    m_auth.reset();
    return complain(501, {5, 7, 0}, "Authentication cancelled");
  }
  auto response = base64_decode(line);
  if (!response) return fail_auth(malformed("The response is not valid base64"));  // RFC 4954 4
  step_auth(as_text(*response));
  wipe(*response);
}

void ServerSession::step_auth(std::string_view response) {
  switch (m_auth->step) {
    case Step::Plain: return step_plain(response);
    case Step::LoginUser: return step_login_user(response);
    case Step::LoginPassword:
      if (response.empty() || response.size() > kPasswordLimit) return fail_auth(malformed("The password is empty or too long"));
      return ask_login(SecretBytes::from_text(response), {}, false);
    case Step::ScramFirst: return step_scram_first(response);
    case Step::ScramFinal: return step_scram_final(response);
    case Step::ScramEnd:
      if (!response.empty()) return fail_auth(malformed("An empty response was expected"));
      return ask_login({}, m_auth->scram->authzid(), true);
    case Step::ScramLookup: return;  // no line is read while the lookup is pending
  }
}

void ServerSession::step_login_user(std::string_view response) {
  if (!is_name(response)) return fail_auth(malformed("The user name is empty, too long or not UTF-8"));
  auto name = saslprep_name(response, SaslPrepAs::Query);
  if (!name) return fail_auth(malformed(name.error().what));
  m_auth->user = *std::move(name);
  m_auth->step = Step::LoginPassword;
  challenge("Password:");
}

void ServerSession::step_plain(std::string_view response) {
  auto message = parse_plain(response);
  if (!message) return fail_auth(malformed("The PLAIN message is malformed: " + message.error().what));
  m_auth->user = std::move(message->user);
  ask_login(std::move(message->password), std::move(message->authzid), false);
}

void ServerSession::step_scram_first(std::string_view response) {
  if (const Status read = m_auth->scram->client_first(response); !read) return fail_auth(malformed(printable(read.error().what, 200)));
  m_auth->user = m_auth->scram->user();
  m_auth->step = Step::ScramLookup;
  emit(ScramLookup{m_auth->user}, Pending::Lookup);
}

void ServerSession::provide_credentials(std::optional<ScramCredentials> credentials) {
  if (m_pending != Pending::Lookup) return;
  m_pending = Pending::None;
  m_auth->step = Step::ScramFinal;
  challenge(m_auth->scram->server_first(credentials, m_options->unknown_user_key, *m_random));
  decided();
}

void ServerSession::step_scram_final(std::string_view response) {
  const auto final_message = m_auth->scram->client_final(response);
  if (!final_message)
    return fail_auth(final_message.error().code == ErrorCode::Denied ? wrong_credentials()
                                                                     : malformed(printable(final_message.error().what, 200)));
  // RFC 4954 4: SMTP has no data with its success reply, so the server's proof is one more challenge, answered with an empty line.
  m_auth->step = Step::ScramEnd;
  challenge(*final_message);
}

void ServerSession::ask_login(SecretBytes password, std::string authzid, bool verified) {
  emit(Authenticate{m_auth->mechanism, m_auth->user, std::move(authzid), std::move(password), verified}, Pending::Auth);
}

void ServerSession::decide_auth(const Reply& reply) {
  m_pending = Pending::None;
  if (!reply.positive()) {
    const std::unique_ptr<AuthExchange> done = std::move(m_auth);
    if (reply.permanent()) ++m_failed_logins;  // a 454 is our failure, not a guess
    if (m_failed_logins >= m_options->auth_attempts) {
      end(Reply(421, {4, 7, 0}, "Too many failed logins; closing"), CloseReason::Abuse);
    } else {
      say(reply);
      if (reply.closes()) end(CloseReason::Refused);
    }
    return decided();
  }
  m_user = m_auth->user;
  m_auth.reset();
  say(reply);
  decided();
}

/// The engine itself refuses the login: malformed, or a proof that does not hold.
void ServerSession::fail_auth(const Reply& reply) {
  m_pending = Pending::None;
  m_state = State::Command;
  const std::unique_ptr<AuthExchange> failed = std::move(m_auth);
  // RFC 4954 6: 454 is our own temporary trouble; nobody guessed anything.
  if (reply.transient() && !reply.closes()) return say(reply);
  if (!failed->user.empty()) emit(AuthFailed{failed->mechanism, failed->user});
  if (++m_failed_logins >= m_options->auth_attempts)
    return end(Reply(421, {4, 7, 0}, "Too many failed logins; closing"), CloseReason::Abuse);
  complain(reply);
}

}  // namespace postern::smtp
