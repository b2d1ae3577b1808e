// Greeting, EHLO, STARTTLS (RFC 3207) and AUTH (RFC 4954), as a client.
#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "smtp/client_state.hpp"

namespace postern::smtp {

namespace {

constexpr std::size_t kMaxCommandLine = 512 - 2;  // RFC 5321 4.5.3.1.4

void read_capability(std::string_view line, Capabilities& out) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string keyword = to_upper(line.substr(0, space));
  const std::string_view rest = trim(line.substr(space));
  if (keyword == "PIPELINING") out.pipelining = true;
  if (keyword == "8BITMIME") out.eight_bit_mime = true;
  if (keyword == "SMTPUTF8") out.smtputf8 = true;
  if (keyword == "CHUNKING") out.chunking = true;
  if (keyword == "BINARYMIME") out.binary_mime = true;
  if (keyword == "DSN") out.dsn = true;
  if (keyword == "ENHANCEDSTATUSCODES") out.enhanced_status = true;
  if (keyword == "STARTTLS") out.starttls = true;
  if (keyword == "REQUIRETLS") out.requiretls = true;
  if (keyword == "SIZE") {
    std::uint64_t size = 0;
    std::from_chars(rest.data(), rest.data() + rest.size(), size);
    out.size = size;
  }
  if (keyword == "AUTH")
    for (const std::string_view mechanism : split(rest, ' '))
      if (!mechanism.empty()) out.auth.push_back(to_upper(mechanism));
}

bool offers(const Capabilities& capabilities, std::string_view mechanism) {
  return std::find(capabilities.auth.begin(), capabilities.auth.end(), mechanism) != capabilities.auth.end();
}

}  // namespace

void ClientSession::on_greeting(const Reply& reply) {
  if (reply.code != 220) return fail_session(LocalCause::None, reply);
  say_hello(true);
}

void ClientSession::say_hello(bool extended) {
  m_extended = extended;
  m_capabilities = {};
  m_state = State::Hello;
  command((m_options->lmtp ? "LHLO " : extended ? "EHLO " : "HELO ") + m_options->hostname);
  arm(m_options->timeouts.command);
}

void ClientSession::on_hello(const Reply& reply) {
  if (reply.code / 100 == 2) {
    for (std::size_t i = 1; m_extended && i < reply.lines.size(); ++i) read_capability(reply.lines[i], m_capabilities);
    return after_hello();
  }
  // RFC 5321 3.2: a server that does not know EHLO may know HELO. Not where TLS or a login is wanted: an attacker could say 500 as well.
  const bool may_fall_back = m_extended && !m_options->lmtp && reply.permanent() && m_options->tls_policy != ClientTls::Required &&
                             !m_options->credentials && !m_tls;
  if (!may_fall_back) return fail_session(LocalCause::None, reply);
  say_hello(false);
}

void ClientSession::after_hello() {
  if (!m_tls && m_options->tls_policy != ClientTls::Never && m_capabilities.starttls) {
    command("STARTTLS");
    m_state = State::StartTls;
    return arm(m_options->timeouts.command);
  }
  if (!m_tls && m_options->tls_policy == ClientTls::Required)
    return fail_session(LocalCause::Protocol, Reply(451, {4, 7, 10}, "TLS is required here and the server does not offer STARTTLS"));
  if (m_options->credentials) return start_auth();
  become_ready();
}

void ClientSession::on_starttls(const Reply& reply) {
  if (reply.code == 220) {
    // RFC 3207 5: what stands behind the 220 came in the clear and is not to be believed after the handshake.
    m_replies.discard();
    m_state = State::Handshake;
    m_events.push_back(StartTls{});
    return arm(m_options->timeouts.command);
  }
  if (m_options->tls_policy == ClientTls::Required)
    return fail_session(LocalCause::Protocol, Reply(451, {4, 7, 10}, "TLS is required here and the server refused it: " + reply.text()));
  if (m_options->credentials) return start_auth();
  become_ready();
}

void ClientSession::tls_started(TlsInfo info, SteadyTime now) {
  if (m_state != State::Handshake) return;
  m_now = now;
  m_tls = std::move(info);
  m_replies.discard();
  say_hello(true);  // RFC 3207 4.2: the client forgets what it knew and says EHLO again
}

Result<std::unique_ptr<SaslClient>> ClientSession::choose_mechanism() const {
  const ClientCredentials& own = *m_options->credentials;
  const bool plus = offers(m_capabilities, "SCRAM-SHA-256-PLUS") && !m_tls->exporter.empty();
  if (plus || offers(m_capabilities, "SCRAM-SHA-256")) {
    // RFC 5802 6: "y" says "I could bind, you did not offer it"; saying so to a server that did offer it makes it see the attacker.
    auto scram = make_scram_client(own.user, own.password.clone(), m_tls->exporter, plus, *m_random);
    if (scram || !offers(m_capabilities, "PLAIN")) return scram;
  }
  if (offers(m_capabilities, "PLAIN")) return make_plain_client(own.user, own.password.clone());
  return fail(ErrorCode::Unsupported, "the server offers no login mechanism that we have (SCRAM-SHA-256, PLAIN)");
}

void ClientSession::start_auth() {
  // RFC 4954 4, RFC 4616 6: no password, and no offline guess at one, for whoever listens.
  if (!m_tls)
    return fail_session(LocalCause::Protocol,
                        Reply(451, {4, 7, 11}, "A login is configured and the connection has no TLS; the password was not sent"));
  // RFC 4616 6: whoever gets the password can be the user. TLS with just anybody keeps it from nobody.
  if (!m_tls->verified)
    return fail_session(
        LocalCause::Protocol,
        Reply(451, {4, 7, 5}, "A login is configured and the server's certificate is not verified; the password was not sent"));
  auto chosen = choose_mechanism();
  if (!chosen) return fail_session(LocalCause::Protocol, Reply(451, {4, 7, 0}, chosen.error().what));
  m_sasl = std::move(*chosen);
  m_state = State::Auth;
  std::string initial = m_sasl->initial();
  std::string line = "AUTH " + std::string(m_sasl->mechanism());
  std::string encoded = base64_encode(as_bytes(initial));
  if (line.size() + 1 + encoded.size() <= kMaxCommandLine) line += ' ' + encoded;
  command(line);
  wipe(initial);
  wipe(encoded);
  wipe(line);
  arm(m_options->timeouts.command);
}

void ClientSession::on_auth(const Reply& reply) {
  if (reply.code == 235) {
    const bool proven = m_sasl->may_succeed();
    m_sasl.reset();
    if (!proven)
      return fail_session(LocalCause::Protocol,
                          Reply(451, {4, 7, 0}, "The server accepted the login without proving that it knows the password"));
    return become_ready();
  }
  if (reply.code != 334) return fail_session(LocalCause::None, reply);
  const auto challenge = base64_decode(reply.lines.front());
  auto response = challenge ? m_sasl->step(as_text(*challenge)) : Result<std::string>(fail(challenge.error()));
  if (!response) return fail_session(LocalCause::Protocol, Reply(451, {4, 7, 0}, "Login broken off: " + response.error().what));
  std::string encoded = base64_encode(as_bytes(*response));
  command(encoded);
  wipe(encoded);
  wipe(*response);
  arm(m_options->timeouts.command);
}

void ClientSession::become_ready() {
  m_state = State::Idle;
  m_deadline = SteadyTime::max();
  m_events.push_back(Ready{m_capabilities});
}

}  // namespace postern::smtp
