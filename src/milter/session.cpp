// The flow of a session, and the order of its commands. The commands are in session_commands.cpp, the decisions in session_decisions.cpp.
#include "milter/session.hpp"

#include <array>

namespace postern::milter {

Session::Session(std::shared_ptr<const SessionOptions> options)
    : m_options(std::move(options)),
      m_reader(m_options->limits.packet_bytes),
      m_content({m_options->limits.message_bytes, m_options->limits.header_bytes, m_options->limits.header_fields}) {}

void Session::receive(ByteView bytes) {
  if (m_state == State::Ended) return;
  m_reader.receive(bytes);
  if (m_reader.waiting() > m_options->limits.packet_bytes + kMaxPiece)
    end({ErrorCode::Exhausted, "the MTA sends on without waiting for answers", "input"});
}

std::optional<Event> Session::next_event() {
  while (m_events.empty() && !m_pending && m_state != State::Ended) {
    const auto packet = m_reader.next();
    if (!packet) {
      end(packet.error());
      break;
    }
    if (!*packet) return std::nullopt;
    run(**packet);
  }
  if (m_events.empty()) return std::nullopt;
  Event event = std::move(m_events.front());
  m_events.erase(m_events.begin());
  return event;
}

void Session::run(const Packet& packet) {
  const auto command = command_of(packet.command);
  if (!command) return end({ErrorCode::BadInput, "is no command of the protocol: " + std::to_string(packet.command), "command"});
  if (const Status done = dispatch(*command, packet.payload); !done) end(done.error().context(milter::name_of(*command)));
}

Status Session::dispatch(Command command, ByteView payload) {
  POSTERN_CHECK(check_order(command));
  switch (command) {
    case Command::Negotiate: return on_negotiate(payload);
    case Command::Macro: return on_macro(payload);
    case Command::Abort: return on_abort(payload);
    case Command::Quit:
    case Command::QuitNewConnection: return on_quit(command, payload);
    default: break;
  }
  if (begins_anew(command)) give_up_message(command == Command::Mail ? Stage::Recipient : Stage::Mail);  // MAIL's macros came before it
  m_state = state_after(command, m_state);
  if (!is_settled(command)) return dispatch_stage(command, payload);
  m_content.count(payload.size());
  if (command == Command::EndOfBody) end_message();
  return {};
}

Status Session::dispatch_stage(Command command, ByteView payload) {
  switch (command) {
    case Command::Connect: return on_connect(payload);
    case Command::Helo: return on_helo(payload);
    case Command::Mail: return on_mail(payload);
    case Command::Recipient: return on_recipient(payload);
    case Command::Data: return on_data(payload);
    case Command::Unknown: return on_unknown(payload);
    case Command::Header: return on_header(payload);
    case Command::EndOfHeader: return on_end_of_header(payload);
    default: return on_body(command, payload);
  }
}

// ---- the order

Status Session::check_order(Command command) const {
  struct Span {
    State first, last;
  };
  const auto span = [command]() -> Span {
    switch (command) {
      case Command::Negotiate: return {State::Negotiating, State::Negotiating};
      case Command::Connect: return {State::Negotiated, State::Negotiated};
      case Command::Helo:
      case Command::Mail: return {State::Connected, State::Greeted};
      case Command::Recipient: return {State::Mail, State::Recipient};
      case Command::Data: return {State::Recipient, State::Recipient};
      case Command::Header:
      case Command::EndOfHeader: return {State::Recipient, State::Header};
      case Command::Body:
      case Command::EndOfBody: return {State::Body, State::Body};
      case Command::Unknown: return {State::Negotiated, State::Recipient};
      default: return {State::Negotiated, State::Body};
    }
  }();
  if (begins_anew(command) || (m_state >= earliest(span.first) && m_state <= span.last)) return {};
  return fail(ErrorCode::BadInput, "may not come " + std::string(state_name(m_state)), "order");
}

/// MAIL and HELO within a message are an SMFIC_ABORT that was left out, as libmilter takes them; behind a verdict they are usual.
bool Session::begins_anew(Command command) const noexcept {
  return (command == Command::Mail || command == Command::Helo) && m_state > State::Greeted && m_state < State::Ended;
}

/// Postfix sends SMFIC_ABORT behind every message too: that is no news.
void Session::give_up_message(Stage first_forgotten) {
  if (m_state > State::Greeted && m_scope == Scope::None) m_events.emplace_back(Abort{});
  end_message(first_forgotten);
}

/// What the MTA was told to leave out is not waited for.
Session::State Session::earliest(State state) const noexcept {
  if (state == State::Body && agreed_on(smfip::kNoEoh | smfip::kNoHdrs)) return earliest(State::Recipient);
  if (state == State::Recipient && agreed_on(smfip::kNoRcpt)) return earliest(State::Mail);
  if (state == State::Mail && agreed_on(smfip::kNoMail)) return earliest(State::Connected);
  if (state == State::Connected && agreed_on(smfip::kNoConnect)) return State::Negotiated;
  return state;
}

Session::State Session::state_after(Command command, State now) noexcept {
  switch (command) {
    case Command::Connect: return State::Connected;
    case Command::Helo: return State::Greeted;
    case Command::Mail: return State::Mail;
    case Command::Recipient: return State::Recipient;
    case Command::Data: return State::Data;
    case Command::Header: return State::Header;
    case Command::EndOfHeader:
    case Command::Body:
    case Command::EndOfBody: return State::Body;
    default: return now;
  }
}

std::string_view Session::state_name(State state) noexcept {
  constexpr std::array<std::string_view, 10> kNames = {
      "before SMFIC_OPTNEG", "after SMFIC_OPTNEG", "after SMFIC_CONNECT", "after SMFIC_HELO", "after SMFIC_MAIL",
      "after SMFIC_RCPT",    "after SMFIC_DATA",   "after SMFIC_HEADER",  "after SMFIC_EOH",  "after the end"};
  return kNames[static_cast<std::size_t>(state)];
}

// ---- answers

void Session::end(Error error) {
  m_state = State::Ended;
  m_pending.reset();
  m_reader.forget();
  end_message();
  m_state = State::Ended;
  m_events.emplace_back(Failed{std::move(error), {}, true});
}

void Session::ask(Command command, Event event) {
  m_pending = command;
  m_events.push_back(std::move(event));
}

void Session::answer(Command command, std::string_view packet) {
  if (!agreed_on(no_reply_bit(command))) m_output.append(packet);
}

/// Whether a verdict of before answers this command; it is answered then.
bool Session::is_settled(Command command) {
  const bool covered = m_scope == Scope::Connection || (m_scope == Scope::Message && command != Command::Unknown);
  if (covered) {
    answer(command, m_verdict);
  } else if (m_excess != 0) {
    refuse(command, m_options->too_many_macros, "more than the bounds of SessionLimits", "macros");
  }
  return covered || m_excess != 0;
}

void Session::settle(Scope scope, std::string packet) {
  m_scope = scope;
  m_verdict = std::move(packet);
  m_content.drop();
  m_from = {};
  m_recipients.clear();
}

void Session::refuse(Command command, const SmtpReply& reply, std::string what, std::string field) {
  const auto said = reply_packet(reply);
  std::string packet;
  if (said)
    packet = *said;
  else
    append_packet(packet, Response::TempFail);  // a refusal that was badly configured is one nevertheless
  answer(command, packet);
  if (command != Command::Unknown)
    settle(command == Command::Connect || command == Command::Helo ? Scope::Connection : Scope::Message, std::move(packet));
  m_events.emplace_back(Failed{{ErrorCode::TooLarge, std::move(what), std::move(field)}, said ? reply.line() : std::string(), false});
}

/// Back to where MAIL may come.
void Session::end_message(Stage first_forgotten) {
  if (m_state > State::Greeted) m_state = State::Greeted;
  if (m_scope == Scope::Message) {
    m_scope = Scope::None;
    m_verdict.clear();
  }
  m_macros.forget_from(first_forgotten);
  m_excess &= (1U << static_cast<unsigned>(first_forgotten)) - 1;
  m_content.clear();
  m_from = {};
  m_recipients.clear();
  m_envelope_bytes = 0;
  std::string().swap(m_modifications);
  m_body_replaced = m_recipients_refused = false;
}

}  // namespace postern::milter
