// The mail transaction as a client: MAIL, RCPT, then DATA or BDAT, in one go where PIPELINING (RFC 2920) is offered.
#include <algorithm>

#include "smtp/client_state.hpp"

namespace postern::smtp {

using Expect = OutgoingTransaction::Expect;
using Fate = OutgoingTransaction::Fate;

namespace {

constexpr std::size_t kPiece = 64U * 1024;

/// RFC 5321 4.5.3.1.10: a 552 to RCPT that speaks of too many recipients means 452. A full mailbox (x.2.2) or a size limit (x.3.4) says so.
bool means_too_many(const Reply& reply) {
  const EnhancedStatus& status = reply.status;
  return reply.code == 552 && (!status.present() || (status.subject == 5 && status.detail == 3));
}

}  // namespace

Status ClientSession::send(OutgoingMessage message, SteadyTime now) {
  if (m_state != State::Idle) return fail(ErrorCode::Conflict, "the session is not ready for a message; wait for Ready or TransactionDone");
  if (message.recipients.empty()) return fail(ErrorCode::BadInput, "the message has no recipients", "recipients");
  m_now = now;
  const auto impossible = fit_message(message, m_capabilities, m_tls.has_value(), m_options->line_limit);
  m_transaction = std::make_unique<OutgoingTransaction>();
  m_transaction->results.resize(message.recipients.size());
  m_transaction->fates.resize(message.recipients.size(), Fate::Open);
  if (impossible) {
    settle_open(*impossible);
    finish_transaction();
  } else {
    begin_transaction(std::move(message));
  }
  return {};
}

void ClientSession::begin_transaction(OutgoingMessage message) {
  OutgoingTransaction& transaction = *m_transaction;
  transaction.message = std::move(message);
  // RFC 3030: BDAT needs no dot stuffing and no scan on the other side; BINARYMIME cannot do without.
  transaction.chunking = m_capabilities.chunking && (m_options->chunking || transaction.message.parameters.body == BodyType::BinaryMime);
  m_state = State::Transaction;
  if (std::exchange(m_needs_rset, false)) {
    command("RSET");
    transaction.expected.push_back(Expect::Rset);
  }
  if (transaction.expected.empty() || (m_capabilities.pipelining && m_options->pipelining)) say_more();
  arm(m_options->timeouts.command);
}

/// Says the next command, or with PIPELINING all that are left. DATA is the last of a group (RFC 2920 3.1).
void ClientSession::say_more() {
  OutgoingTransaction& transaction = *m_transaction;
  const std::size_t steps = 1 + transaction.message.recipients.size() + (transaction.chunking ? 0 : 1);
  const bool pipelining = m_capabilities.pipelining && m_options->pipelining;
  do {
    say_step(transaction.next_step++);
  } while (pipelining && transaction.next_step < steps);
}

void ClientSession::say_step(std::size_t step) {
  OutgoingTransaction& transaction = *m_transaction;
  const OutgoingMessage& message = transaction.message;
  const Extensions offered = extensions_of(m_capabilities);
  if (step == 0) {
    command("MAIL FROM:" + message.from.text() + write_mail_parameters(message.parameters, offered));
    transaction.expected.push_back(Expect::Mail);
  } else if (step <= message.recipients.size()) {
    const OutgoingRecipient& recipient = message.recipients[step - 1];
    command("RCPT TO:" + recipient.path.text() + write_rcpt_parameters(recipient.parameters, offered));
    transaction.expected.push_back(Expect::Rcpt);
  } else {
    command("DATA");
    transaction.expected.push_back(Expect::Data);
  }
}

void ClientSession::on_transaction_reply(const Reply& reply) {
  OutgoingTransaction& transaction = *m_transaction;
  if (transaction.sending) return on_early_reply(reply);
  if (transaction.expected.empty()) return broken(LocalCause::Protocol, "the server spoke without being asked: " + reply.text());
  const Expect expected = transaction.expected.front();
  transaction.expected.pop_front();
  arm(expected == Expect::Rcpt && !transaction.expected.empty() && transaction.expected.front() == Expect::Data
          ? m_options->timeouts.data_init
          : m_options->timeouts.command);
  switch (expected) {
    case Expect::Rset:
      if (!reply.positive()) return broken(LocalCause::Protocol, "the server refused RSET: " + reply.text());
      if (transaction.next_step == 0) say_more();
      return;
    case Expect::Mail: return on_mail_reply(reply);
    case Expect::Rcpt: return on_rcpt_reply(reply);
    case Expect::Data: return on_data_reply(reply);
    case Expect::Final: return on_final_reply(reply);
  }
}

void ClientSession::on_mail_reply(const Reply& reply) {
  m_transaction->mail_accepted = reply.code / 100 == 2;
  if (!m_transaction->mail_accepted) settle_open(result_of(reply));
  envelope_answered();
}

void ClientSession::on_rcpt_reply(const Reply& reply) {
  const std::size_t index = m_transaction->next_rcpt++;
  Fate& fate = m_transaction->fates[index];
  if (fate == Fate::Open && reply.code / 100 == 2) {
    fate = Fate::Accepted;
  } else if (fate == Fate::Open) {
    RecipientResult result = result_of(reply);
    if (means_too_many(reply)) result.delivery = Delivery::TemporaryFailure;
    m_transaction->results[index] = std::move(result);
    fate = Fate::Settled;
  }
  envelope_answered();
}

/// After each reply to MAIL and RCPT: what to say next, if it is our turn.
void ClientSession::envelope_answered() {
  OutgoingTransaction& transaction = *m_transaction;
  if (!transaction.expected.empty()) return;
  const bool all_asked = transaction.next_step > transaction.message.recipients.size();
  if (transaction.mail_accepted && !all_asked) return say_more();
  if (!transaction.any(Fate::Accepted)) {
    m_needs_rset = transaction.mail_accepted;  // the server still holds an open transaction
    return finish_transaction();
  }
  if (transaction.chunking) return start_content();
  say_more();
  arm(m_options->timeouts.data_init);
}

void ClientSession::on_data_reply(const Reply& reply) {
  OutgoingTransaction& transaction = *m_transaction;
  const bool wanted = transaction.any(Fate::Accepted);
  if (reply.code == 354) {
    // RFC 2920 3.1: DATA went out before the refusals came in, and has to be ended with nothing in it.
    transaction.empty_end = !wanted;
    if (!wanted && m_options->lmtp) return broken(LocalCause::Protocol, "the server wants content for no recipient");
    return start_content();
  }
  RecipientResult result = result_of(reply);
  if (result.delivery == Delivery::Accepted) result = {Delivery::TemporaryFailure, reply, LocalCause::Protocol, false};
  settle_open(result);
  m_needs_rset = transaction.mail_accepted;
  finish_transaction();
}

void ClientSession::start_content() {
  OutgoingTransaction& transaction = *m_transaction;
  transaction.sending = true;
  if (transaction.chunking) command("BDAT " + std::to_string(transaction.message.content.size()) + " LAST");
  transaction.expected.push_back(Expect::Final);
  arm(m_options->timeouts.data_block);
}

/// The next piece of content into m_output; after the last one the transaction waits for its final reply.
void ClientSession::produce_content() {
  OutgoingTransaction& transaction = *m_transaction;
  const std::string_view content = transaction.empty_end ? std::string_view() : transaction.message.content;
  const std::string_view piece = content.substr(transaction.content_at, kPiece);
  transaction.content_at += piece.size();
  if (transaction.chunking) {
    m_output.append(piece);
  } else {
    append_stuffed(m_output, piece, transaction.line_start);
  }
  if (transaction.content_at < content.size()) return;
  // RFC 5321 4.1.1.4: the content ends with CRLF, then the dot.
  if (!transaction.chunking) m_output.append(transaction.line_start ? ".\r\n" : "\r\n.\r\n");
  transaction.sending = false;
  transaction.sent = true;
}

/// A reply before the content is out: the server has made up its mind, and the rest of the content would only be taken for commands.
void ClientSession::on_early_reply(const Reply& reply) {
  if (reply.positive()) return broken(LocalCause::Protocol, "the server answered before it had the whole message: " + reply.text());
  fail_session(LocalCause::None, reply);
}

void ClientSession::on_final_reply(const Reply& reply) {
  OutgoingTransaction& transaction = *m_transaction;
  if (transaction.empty_end) return finish_transaction();
  if (!m_options->lmtp) {
    settle_open(result_of(reply));
    return finish_transaction();
  }
  // RFC 2033 4.2: one reply per recipient that RCPT accepted, in order.
  const auto next =
      std::find(transaction.fates.begin() + static_cast<std::ptrdiff_t>(transaction.next_final), transaction.fates.end(), Fate::Accepted);
  const auto index = static_cast<std::size_t>(next - transaction.fates.begin());
  transaction.results[index] = result_of(reply);
  *next = Fate::Settled;
  transaction.next_final = index + 1;
  if (!transaction.any(Fate::Accepted)) return finish_transaction();
  transaction.expected.push_back(Expect::Final);
  arm(m_options->timeouts.data_end);
}

void ClientSession::settle_open(const RecipientResult& result) {
  for (std::size_t i = 0; i < m_transaction->fates.size(); ++i) {
    if (m_transaction->fates[i] == Fate::Settled) continue;
    m_transaction->results[i] = result;
    m_transaction->fates[i] = Fate::Settled;
  }
}

void ClientSession::finish_transaction() {
  m_events.push_back(TransactionDone{std::move(m_transaction->results), m_capabilities.dsn, m_tls.has_value()});
  m_transaction.reset();
  m_progress = false;
  m_state = State::Idle;
  m_deadline = SteadyTime::max();
}

}  // namespace postern::smtp
