// The flow of bytes, events and time through a ServerSession. The commands are in server_commands, _mail, _data and _auth.
#include "smtp/server_session.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "smtp/server_state.hpp"

namespace postern::smtp {

namespace {

constexpr std::size_t kMaxCommandLine = 2048;    // RFC 5321 4.5.3.1.4 (512) with all parameters of SIZE, DSN, AUTH= and SMTPUTF8
constexpr std::size_t kMaxAuthLine = 12288;      // RFC 4954 4: "the maximum length of ... base64 ... 12288 octets"
constexpr std::size_t kMaxSkipped = 64U * 1024;  // After that much of one line the peer is not talking SMTP.
constexpr std::size_t kKeptCapacity = 1024;      // What a buffer may keep when it is empty.

}  // namespace

ServerSession::ServerSession(std::shared_ptr<const ServerOptions> options, PeerInfo peer, Random& random)
    : m_options(std::move(options)), m_peer(std::move(peer)), m_random(&random) {}

ServerSession::~ServerSession() { wipe(m_input); }

void ServerSession::greet(SteadyTime now) {
  if (m_state != State::Connecting) return;
  // RFC 5321 4.3.1: "the sender SHOULD wait for this greeting message before sending any commands"; who does not is a robot.
  if (m_early) return refuse(Reply(554, {5, 5, 0}, "You talked before the greeting; wait for it"), now);
  m_now = now;
  m_state = State::Command;
  say(220, {}, m_options->hostname + (m_options->dialect == Dialect::Lmtp ? " LMTP " : " ESMTP ") + m_options->software);
  arm_command();
}

void ServerSession::refuse(Reply reply, SteadyTime now) {
  if (m_state != State::Connecting) return;
  m_now = now;
  if (reply.closes()) return end(reply, CloseReason::Refused);
  m_state = State::Refused;
  say(reply);
  arm_command();
}

void ServerSession::receive(ByteView bytes, SteadyTime now) {
  m_now = now;
  if (m_state == State::Connecting) m_early = m_early || !bytes.empty();
  // Behind STARTTLS nothing is taken before the handshake (RFC 3207 4.2), behind the end nothing at all.
  if (m_state == State::Connecting || m_state == State::Handshake || m_state == State::Ended) return;
  if (m_rearm) {
    m_rearm = false;
    arm_command();
  }
  if (m_pending == Pending::None && m_input.empty()) {
    const std::string_view input = as_text(bytes);
    const std::size_t taken = consume(input);  // no copy on the way of content
    keep_input(input.substr(taken));
  } else {
    keep_input(as_text(bytes));
    run_waiting();
  }
  if (m_input.size() - m_input_at > kMaxWaiting && m_state != State::Ended)
    end(Reply(421, {4, 7, 0}, "Too much input waits for an answer; wait for replies"), CloseReason::Abuse);
}

void ServerSession::run_waiting() {
  if (m_pending != Pending::None) return;
  m_input_at += consume(std::string_view(m_input).substr(m_input_at));
  if (m_input_at == m_input.size()) forget_input();
}

/// Where a password may come (an AUTH line in two pieces, or behind a command that waits for its decision) no copy stays in freed memory.
void ServerSession::keep_input(std::string_view more) {
  if (expects_secrets() && m_input.size() + more.size() > m_input.capacity()) {
    std::string larger;
    larger.reserve(2 * (m_input.size() + more.size()));
    larger.append(m_input);
    wipe(m_input);
    m_input.swap(larger);
  }
  m_input.append(more);
}

void ServerSession::forget_input() {
  if (m_options->auth) wipe(m_input);
  m_input.clear();
  m_input_at = 0;
  if (m_input.capacity() > kKeptCapacity) std::string().swap(m_input);
}

/// Takes what can be understood; stops at a decision, and swallows everything behind STARTTLS or the end.
std::size_t ServerSession::consume(std::string_view input) {
  std::size_t at = 0;
  while (at < input.size() && m_pending == Pending::None && m_state != State::Handshake && m_state != State::Ended) {
    const std::string_view rest = input.substr(at);
    const std::size_t taken = m_state == State::Data    ? consume_data(rest)
                              : m_state == State::Chunk ? consume_chunk(rest)
                                                        : consume_line(rest);
    if (taken == 0) break;
    at += taken;
  }
  // RFC 3207 4.2: "the server MUST discard any knowledge obtained from the client": bytes sent along with STARTTLS are nobody's
  // (CVE-2011-0411).
  return m_state == State::Handshake || m_state == State::Ended ? input.size() : at;
}

std::size_t ServerSession::consume_line(std::string_view input) {
  const std::size_t limit = m_state == State::AuthResponse ? kMaxAuthLine : kMaxCommandLine;
  const std::size_t length = std::min(input.find_first_of("\r\n"), input.size());
  if (m_skipped + length > kMaxSkipped) {
    end(Reply(421, {4, 7, 0}, "A line of this length is not SMTP"), CloseReason::Abuse);
    return input.size();
  }
  const bool has_cr = length < input.size() && input[length] == '\r';
  const bool complete = length < input.size() && (!has_cr || length + 1 < input.size());
  if (!complete) return m_skipped + length > limit ? skip_line(length) : 0;
  // RFC 5321 2.3.8: "Conforming implementations MUST NOT recognize or generate any other character or character sequence as a line
  // terminator".
  if (!has_cr || input[length + 1] != '\n') {
    end(Reply(521, {5, 5, 2}, has_cr ? "A bare CR; end each line with CRLF" : "A bare LF; end each line with CRLF"), CloseReason::Abuse);
    return input.size();
  }
  if (std::exchange(m_skipped, 0) + length > limit) {
    refuse_long_line();
  } else if (m_state == State::AuthResponse) {
    run_auth_line(input.substr(0, length));
  } else {
    run_line(input.substr(0, length));
  }
  if (m_state == State::Command || m_state == State::AuthResponse || m_state == State::Refused) arm_command();
  return length + 2;
}

/// Forgets what has come of a line that is too long already; a CR at its end waits for its LF.
std::size_t ServerSession::skip_line(std::size_t length) noexcept {
  m_skipped += length;
  return length;
}

void ServerSession::refuse_long_line() {
  const bool auth = m_state == State::AuthResponse;
  if (auth) {
    m_state = State::Command;
    m_auth.reset();
  }
  complain(500, {5, 5, static_cast<std::uint16_t>(auth ? 6 : 2)}, "The line is too long");  // RFC 5321 4.5.3.1.4; RFC 4954 6: 5.5.6
}

// ---- output and events

void ServerSession::say(const Reply& reply) { append_reply(m_output, reply); }

/// A reply to something the client should not have sent; too many of them and the session ends.
void ServerSession::complain(const Reply& reply) {
  if (++m_bad_commands > m_options->limits.bad_commands) return end(Reply(421, {4, 7, 0}, "Too many errors; closing"), CloseReason::Abuse);
  say(reply);
  if (reply.closes()) end(CloseReason::Abuse);
}

void ServerSession::emit(ServerEvent event, Pending pending) {
  m_events.push_back(std::move(event));
  m_pending = pending;
}

std::optional<ServerEvent> ServerSession::next_event() {
  if (m_events.empty()) return std::nullopt;
  std::optional<ServerEvent> event(std::move(m_events.front()));
  m_events.erase(m_events.begin());
  return event;
}

std::string ServerSession::take_output() { return std::exchange(m_output, std::string()); }

bool ServerSession::wants_input() const noexcept {
  return m_pending == Pending::None && m_state != State::Handshake && m_state != State::Ended;
}
bool ServerSession::wants_close() const noexcept { return m_state == State::Ended; }

// ---- the end

void ServerSession::end(CloseReason reason) {
  if (m_state == State::Ended) return;
  if (m_pending != Pending::None && !m_events.empty()) m_events.pop_back();  // what nobody has begun to decide is not decided any more
  m_state = State::Ended;
  m_pending = Pending::None;
  m_transaction.reset();
  m_chunk.reset();
  m_events.push_back(Closed{reason});
}

void ServerSession::end(const Reply& reply, CloseReason reason) {
  if (m_state == State::Ended) return;
  say(reply);
  end(reason);
}

void ServerSession::close(const Reply& reply) { end(reply, CloseReason::Refused); }
void ServerSession::peer_gone() { end(CloseReason::PeerGone); }

// ---- decisions

void ServerSession::accept() { accept(Reply()); }

void ServerSession::accept(Reply reply) {
  const bool standard = reply.code == 0;
  switch (m_pending) {
    case Pending::Auth: return decide_auth(standard ? Reply(235, {2, 7, 0}, "Authenticated") : std::move(reply));
    case Pending::Mail: return decide_mail(standard ? Reply(250, {2, 1, 0}, "Sender accepted") : std::move(reply));
    case Pending::Rcpt: return decide_rcpt(standard ? Reply(250, {2, 1, 5}, "Recipient accepted") : std::move(reply));
    case Pending::Message: return decide_message({standard ? Reply(250, {2, 0, 0}, "Message accepted") : std::move(reply)});
    case Pending::Lookup:
    case Pending::None: return;
  }
}

void ServerSession::reject(Reply reply) {
  if (m_pending == Pending::Lookup) {
    fail_auth(reply);
    return decided();
  }
  accept(std::move(reply));
}

/// After each decision: the wait for the client starts anew, and what it sent meanwhile is looked at.
void ServerSession::decided() {
  if (m_state == State::Ended) return;
  m_rearm = true;
  run_waiting();
}

// ---- time

void ServerSession::arm_command() noexcept {
  m_deadline = m_now + m_options->timeouts.command;
  if (m_transaction && m_transaction->content) m_deadline = std::min(m_deadline, m_content_deadline);
}

void ServerSession::arm_content() noexcept { m_deadline = std::min(m_now + m_options->timeouts.data_block, m_content_deadline); }

SteadyTime ServerSession::deadline() const noexcept { return wants_input() ? m_deadline : SteadyTime::max(); }

void ServerSession::tick(SteadyTime now) {
  m_now = now;
  if (m_rearm) {
    m_rearm = false;
    return arm_command();
  }
  // RFC 5321 4.5.3.2: a timeout is answered with 421 before the connection is closed.
  if (now >= deadline()) end(Reply(421, {4, 4, 2}, "Timeout; closing"), CloseReason::Timeout);
}

}  // namespace postern::smtp
