// DATA (RFC 5321 4.1.1.4) and BDAT (RFC 3030), and what is said about a whole message (RFC 2033 4.2 for LMTP).
#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "smtp/server_state.hpp"

namespace postern::smtp {

namespace {

/// Content that is refused anyway is read on so far, to tell the client in order; then the connection ends.
std::uint64_t discard_limit(const Limits& limits) { return 2 * static_cast<std::uint64_t>(limits.message_bytes) + 1024U * 1024; }

Reply too_large(const Limits& limits) {
  return {552, {5, 3, 4}, "The message is larger than the " + std::to_string(limits.message_bytes) + " octets this server takes"};
}

std::optional<Reply> refusal_for(const ContentFaults& faults, const Limits& limits) {
  // RFC 5321 2.3.8: a bare CR or LF is refused, never read as a line end.
  if (faults.bare_line_end) return Reply(554, {5, 6, 11}, "The message holds a bare CR or LF; end every line with CRLF");
  if (faults.nul) return Reply(554, {5, 6, 0}, "The message holds a NUL octet; encode it or use BINARYMIME");
  if (faults.too_large) return too_large(limits);  // RFC 1870 6.2
  if (faults.line_too_long)
    return Reply(554, {5, 6, 0}, "The message has a line longer than " + std::to_string(limits.line_accepted) + " octets; encode it");
  // RFC 5321 4.2.3: "452 Requested action not taken: insufficient system storage". Last: what is wrong with the message stays wrong.
  if (faults.no_room) return Reply(452, {4, 3, 1}, "Too much mail is arriving right now; try again in a moment");
  return std::nullopt;
}

/// RFC 3030 2: "BDAT" SP chunk-size [SP end-marker]
std::optional<Chunk> parse_chunk(std::string_view arguments) {
  const std::size_t space = std::min(arguments.find(' '), arguments.size());
  const std::string_view digits = arguments.substr(0, space);
  const std::string_view marker = arguments.substr(std::min(space + 1, arguments.size()));
  Chunk chunk;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), chunk.left);
  if (digits.empty() || end != digits.data() + digits.size() || error != std::errc()) return std::nullopt;
  if (space < arguments.size() && !iequals(marker, "LAST")) return std::nullopt;
  chunk.last = !marker.empty();
  return chunk;
}

}  // namespace

// ---- DATA

std::optional<Reply> ServerSession::refuse_data() const {
  if (!m_transaction) return Reply(503, {5, 5, 1}, "Send MAIL first");
  if (m_transaction->content) return Reply(503, {5, 5, 1}, "The message was begun with BDAT; end it with BDAT LAST");  // RFC 3030 2
  if (m_transaction->envelope.parameters.body == BodyType::BinaryMime)
    return Reply(503, {5, 5, 1}, "BODY=BINARYMIME needs BDAT");  // RFC 3030 3
  if (!m_transaction->envelope.recipients.empty()) return std::nullopt;
  // RFC 2033 4.2: with LMTP this is 503; RFC 5321 3.3: 503 or 554.
  return Reply(m_options->dialect == Dialect::Lmtp ? 503 : 554, {5, 5, 1}, "No valid recipients");
}

void ServerSession::begin_content() {
  const MailParameters& parameters = m_transaction->envelope.parameters;
  m_transaction->content.emplace(m_options->limits, parameters.body == BodyType::BinaryMime, m_options->content_budget);
  m_transaction->content->reserve(parameters.size.value_or(0));
  m_content_deadline = m_now + m_options->timeouts.data_total;
}

void ServerSession::on_data(std::string_view arguments) {
  if (!arguments.empty()) return complain(501, {5, 5, 4}, "DATA takes no parameters");
  if (const auto refusal = refuse_data()) return complain(*refusal);
  begin_content();
  say(354, {}, "Go ahead; end with a dot on a line of its own");
  m_state = State::Data;
  arm_content();
}

std::size_t ServerSession::consume_data(std::string_view input) {
  ContentReader& content = *m_transaction->content;
  const std::uint64_t allowed = discard_limit(m_options->limits) + 1 - content.received();
  const std::size_t taken = content.read_dotted(input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(allowed, input.size()))));
  arm_content();
  if (content.end() == ContentReader::End::Reached) {
    m_state = State::Command;
    finish_message();
    arm_command();
  } else if (content.end() == ContentReader::End::False) {
    end(Reply(521, {5, 6, 11}, "A dot line between bare CR or LF does not end the message; end every line with CRLF"), CloseReason::Abuse);
  } else {
    end_if_hopeless();
  }
  return taken;
}

/// Whether so much was read in vain that the session ended over it.
bool ServerSession::end_if_hopeless() {
  const ContentReader& content = *m_transaction->content;
  if (content.received() <= discard_limit(m_options->limits)) return false;
  end(refusal_for(content.faults(), m_options->limits).value_or(too_large(m_options->limits)), CloseReason::Abuse);
  return true;
}

// ---- BDAT

/// What stands against this chunk, known before its octets are read.
std::optional<Reply> ServerSession::refuse_chunk() const {
  if (!m_options->chunking) return Reply(502, {5, 5, 1}, "CHUNKING is not offered here");
  if (m_options->tls == TlsMode::Required && !m_peer.tls) return Reply(530, {5, 7, 0}, "Must issue a STARTTLS command first");
  if (!m_transaction) return Reply(503, {5, 5, 1}, "Send MAIL first");
  if (m_transaction->envelope.recipients.empty())
    return Reply(m_options->dialect == Dialect::Lmtp ? 503 : 554, {5, 5, 1}, "No valid recipients");
  return std::nullopt;
}

void ServerSession::on_bdat(std::string_view arguments) {
  auto chunk = parse_chunk(arguments);
  // How many octets follow is unknown, and they must not be taken for commands.
  if (!chunk)
    return end(Reply(501, {5, 5, 4}, "Syntax: BDAT size [LAST]; closing, since the size of the chunk is unknown"), CloseReason::Abuse);
  chunk->refusal = refuse_chunk();
  if (!chunk->refusal && !m_transaction->content) begin_content();
  const std::uint64_t before = chunk->refusal ? 0 : m_transaction->content->received();
  if (chunk->left > discard_limit(m_options->limits) - std::min(before, discard_limit(m_options->limits)))
    return end(chunk->refusal.value_or(too_large(m_options->limits)), CloseReason::Abuse);
  m_chunk = std::make_unique<Chunk>(std::move(*chunk));
  m_state = State::Chunk;
  if (m_chunk->refusal) m_content_deadline = m_now + m_options->timeouts.data_total;
  arm_content();
  if (m_chunk->left == 0) finish_chunk();
}

std::size_t ServerSession::consume_chunk(std::string_view input) {
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(m_chunk->left, input.size()));
  if (!m_chunk->refusal) m_transaction->content->read_chunk(input.substr(0, taken));
  m_chunk->left -= taken;
  arm_content();
  if (m_chunk->left == 0) finish_chunk();
  return taken;
}

void ServerSession::finish_chunk() {
  const std::unique_ptr<Chunk> chunk = std::move(m_chunk);
  m_state = State::Command;
  if (chunk->refusal) {
    complain(*chunk->refusal);
  } else if (chunk->last) {
    m_transaction->content->finish_chunks();
    finish_message();
  } else if (const auto refusal = refusal_for(m_transaction->content->faults(), m_options->limits)) {
    // RFC 3030 2: after a failed chunk the transaction is over; chunks still on their way are answered with 503.
    say(*refusal);
    reset_transaction();
  } else {
    say(250, {2, 0, 0}, std::to_string(m_transaction->content->received()) + " octets so far");
  }
  if (m_state == State::Command) arm_command();
}

// ---- the whole message

void ServerSession::finish_message() {
  if (const auto refusal = refusal_for(m_transaction->content->faults(), m_options->limits)) return fail_message(*refusal);
  m_idle_commands = 0;
  m_transaction->recipients = m_transaction->envelope.recipients.size();
  emit(MessageReceived{std::move(m_transaction->envelope), m_transaction->content->take()}, Pending::Message);
}

void ServerSession::fail_message(const Reply& reply) {
  // RFC 2033 4.2: "the server returns one reply for each previously successful RCPT command"
  const std::size_t replies = m_options->dialect == Dialect::Lmtp ? m_transaction->envelope.recipients.size() : 1;
  for (std::size_t i = 0; i < replies; ++i) say(reply);
  reset_transaction();
}

void ServerSession::answer_recipients(std::vector<Reply> replies) {
  if (m_pending != Pending::Message) return;
  const Reply missing(451, {4, 3, 0}, "No verdict for this recipient; try again");
  if (m_options->dialect != Dialect::Lmtp) replies.resize(1, missing);
  replies.resize(m_transaction->recipients, missing);
  decide_message(std::move(replies));
}

void ServerSession::decide_message(std::vector<Reply> replies) {
  m_pending = Pending::None;
  const std::size_t wanted = m_options->dialect == Dialect::Lmtp ? m_transaction->recipients : 1;
  replies.resize(wanted, replies.front());
  bool closes = false;
  for (const Reply& reply : replies) {
    say(reply);
    closes = closes || reply.closes();
  }
  reset_transaction();
  if (closes) end(CloseReason::Refused);
  decided();
}

}  // namespace postern::smtp
