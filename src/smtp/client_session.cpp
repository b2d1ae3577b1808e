// The flow of bytes, events and time through a ClientSession. The commands are in client_hello and client_transaction.
#include "smtp/client_session.hpp"

#include "base/text.hpp"
#include "smtp/client_state.hpp"

namespace postern::smtp {

ClientSession::ClientSession(std::shared_ptr<const ClientOptions> options, Random& random)
    : m_options(std::move(options)), m_random(&random) {}
ClientSession::~ClientSession() = default;

void ClientSession::start(SteadyTime now, std::optional<TlsInfo> tls) {
  if (m_state != State::New) return;
  m_now = now;
  m_tls = std::move(tls);
  m_state = State::Greeting;
  arm(m_options->timeouts.greeting);
}

void ClientSession::receive(ByteView bytes, SteadyTime now) {
  m_now = now;
  // RFC 3207 5: nothing between the 220 of STARTTLS and the handshake is a reply.
  if (m_state == State::New || m_state == State::Handshake || m_state == State::Ended) return;
  if (const Status taken = m_replies.receive(as_text(bytes)); !taken) return broken(LocalCause::Protocol, taken.error().what);
  while (m_state != State::Handshake && m_state != State::Ended) {
    auto reply = m_replies.next();
    if (!reply) return broken(LocalCause::Protocol, reply.error().what);
    if (!*reply) return;
    on_reply(**reply);
  }
}

void ClientSession::on_reply(const Reply& reply) {
  // RFC 5321 3.8: 421 may answer anything, and the server is gone after it.
  if (reply.code == 421 && m_state != State::Quitting) return fail_session(LocalCause::None, reply);
  switch (m_state) {
    case State::Greeting: return on_greeting(reply);
    case State::Hello: return on_hello(reply);
    case State::StartTls: return on_starttls(reply);
    case State::Auth: return on_auth(reply);
    case State::Transaction: return on_transaction_reply(reply);
    case State::Quitting: m_events.push_back(Finished{}); return end();
    case State::Idle: return broken(LocalCause::Protocol, "the server spoke without being asked: " + reply.text());
    case State::New:
    case State::Handshake:
    case State::Ended: return;
  }
}

void ClientSession::command(std::string_view line) {
  m_output.reserve(m_output.size() + line.size() + 2);  // a login leaves no second copy behind
  m_output.append(line).append("\r\n");
}

std::optional<ClientEvent> ClientSession::next_event() {
  if (m_events.empty()) return std::nullopt;
  std::optional<ClientEvent> event(std::move(m_events.front()));
  m_events.erase(m_events.begin());
  return event;
}

bool ClientSession::has_output() const noexcept { return !m_output.empty() || (m_transaction && m_transaction->sending); }

std::string ClientSession::take_output() {
  if (m_transaction && m_transaction->sending) {
    produce_content();
    m_progress = true;
  }
  return std::exchange(m_output, std::string());
}

void ClientSession::tick(SteadyTime now) {
  m_now = now;
  if (m_progress) {
    m_progress = false;
    const bool done = m_transaction && m_transaction->sent;
    return arm(done ? m_options->timeouts.data_end : m_options->timeouts.data_block);
  }
  if (now < m_deadline) return;
  broken(LocalCause::Timeout, "the server did not answer in time");
}

void ClientSession::connection_lost(std::string_view why) {
  broken(LocalCause::ConnectionLost, "the connection was lost: " + printable(why));
}

/// Not the server's verdict but ours: always temporary.
void ClientSession::broken(LocalCause cause, const std::string& what) {
  const std::uint16_t detail = cause == LocalCause::Protocol ? 0 : 2;
  const std::uint16_t subject = cause == LocalCause::Protocol ? 5 : 4;
  fail_session(cause, Reply(451, {4, subject, detail}, what));
}

void ClientSession::fail_session(LocalCause cause, Reply reply) {
  if (m_state == State::Ended) return;
  if (m_state == State::Quitting) {
    m_events.push_back(Finished{});
    return end();
  }
  const FailureStage at = stage();
  if (m_transaction) {
    RecipientResult result = result_of(reply);
    result.cause = cause;
    // RFC 5321 4.5.3.2.6: between the final dot and its reply nobody knows who has the message.
    result.maybe_delivered = cause != LocalCause::None && m_transaction->sent;
    settle_open(result);
    finish_transaction();
  }
  m_events.push_back(Failed{at, cause, std::move(reply)});
  end();
}

FailureStage ClientSession::stage() const noexcept {
  switch (m_state) {
    case State::New: return FailureStage::Connect;
    case State::Greeting: return FailureStage::Greeting;
    case State::Hello: return FailureStage::Hello;
    case State::StartTls:
    case State::Handshake: return FailureStage::StartTls;
    case State::Auth: return FailureStage::Auth;
    case State::Quitting:
    case State::Ended: return FailureStage::Quit;
    case State::Idle:
    case State::Transaction: return FailureStage::Transaction;
  }
  return FailureStage::Transaction;
}

void ClientSession::end() noexcept {
  m_state = State::Ended;
  m_deadline = SteadyTime::max();
  m_output.clear();
}

void ClientSession::quit(SteadyTime now) {
  if (m_state == State::Ended || m_state == State::Quitting) return;
  m_now = now;
  if (m_state != State::Idle) return broken(LocalCause::ConnectionLost, "ended by us");
  command("QUIT");
  m_state = State::Quitting;
  arm(m_options->timeouts.quit);
}

}  // namespace postern::smtp
