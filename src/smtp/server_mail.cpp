// MAIL and RCPT (RFC 5321 4.1.1.2, 4.1.1.3).
#include "smtp/server_state.hpp"

namespace postern::smtp {

Extensions ServerSession::extensions() const {
  // RFC 5321 4.1.1.1: a client that said HELO gets no extensions.
  const bool on = m_extended;
  Extensions out;
  out.size = out.eight_bit_mime = on;
  out.binary_mime = on && m_options->chunking;
  out.smtputf8 = on && m_options->smtputf8;
  out.dsn = on && m_options->dsn;
  out.auth = on && m_options->auth;
  out.requiretls = on && m_options->requiretls;
  return out;
}

std::optional<Reply> ServerSession::refuse_mail() const {
  if (m_helo.empty()) return Reply(503, {5, 5, 1}, m_options->dialect == Dialect::Lmtp ? "Send LHLO first" : "Send EHLO first");
  if (m_options->auth_required && m_user.empty() && !m_peer.trusted) return Reply(530, {5, 7, 0}, "Authentication required");  // RFC 4954 6
  if (m_transaction) return Reply(503, {5, 5, 1}, "A transaction is open; send RSET to drop it");  // RFC 5321 4.1.4
  return std::nullopt;
}

std::optional<Reply> ServerSession::refuse_parameters(const MailParameters& parameters) const {
  // RFC 1870 6.1: "552 message size exceeds fixed maximum message size"
  if (parameters.size.value_or(0) > m_options->limits.message_bytes)
    return Reply(552, {5, 3, 4},
                 "The message is larger than the " + std::to_string(m_options->limits.message_bytes) + " octets this server takes");
  // RFC 8689 4.1: REQUIRETLS is only valid on a session that is protected itself.
  if (parameters.requiretls && !m_peer.tls) return Reply(530, {5, 7, 10}, "REQUIRETLS needs TLS on this session");
  return std::nullopt;
}

void ServerSession::on_mail(std::string_view arguments) {
  if (const auto refusal = refuse_mail()) return complain(*refusal);
  auto command = parse_mail(arguments, extensions());
  if (!command) return complain(command.error());
  if (const auto refusal = refuse_parameters(command->parameters)) return say(*refusal);
  m_transaction = std::make_unique<Transaction>();
  m_transaction->envelope.from = command->path;
  m_transaction->envelope.parameters = command->parameters;
  emit(MailFrom{std::move(command->path), std::move(command->parameters)}, Pending::Mail);
}

void ServerSession::decide_mail(const Reply& reply) {
  m_pending = Pending::None;
  say(reply);
  if (!reply.positive()) reset_transaction();
  if (reply.closes()) end(CloseReason::Refused);
  decided();
}

void ServerSession::on_rcpt(std::string_view arguments) {
  if (!m_transaction) return complain(503, {5, 5, 1}, "Send MAIL first");
  if (m_transaction->content) return complain(503, {5, 5, 1}, "The message has begun; no more recipients");
  auto command = parse_rcpt(arguments, extensions(), m_transaction->envelope.parameters.smtputf8);
  if (!command) return complain(command.error());
  // RFC 5321 4.5.3.1.10: "452 Too many recipients" for what is above the limit; those accepted stay valid.
  if (m_transaction->envelope.recipients.size() >= m_options->limits.recipients)
    return say(452, {4, 5, 3}, "Too many recipients; send the rest in another transaction");
  m_transaction->candidate = EnvelopeRecipient{command->path, command->parameters};
  emit(RcptTo{std::move(command->path), std::move(command->parameters)}, Pending::Rcpt);
}

void ServerSession::decide_rcpt(const Reply& reply) {
  m_pending = Pending::None;
  say(reply);
  if (reply.positive()) m_transaction->envelope.recipients.push_back(std::move(*m_transaction->candidate));
  m_transaction->candidate.reset();
  if (reply.closes()) end(CloseReason::Refused);
  decided();
}

void ServerSession::reset_transaction() { m_transaction.reset(); }

}  // namespace postern::smtp
