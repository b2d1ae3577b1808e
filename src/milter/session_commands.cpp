// One function for each command of the MTA.
#include <algorithm>

#include "base/text.hpp"
#include "milter/session.hpp"

namespace postern::milter {

namespace {

constexpr std::uint32_t kFirstVersion = 2, kLastVersion = 6;

std::optional<Stage> stage_of(std::uint8_t octet) noexcept {
  switch (static_cast<Command>(octet)) {
    case Command::Connect: return Stage::Connect;
    case Command::Helo: return Stage::Helo;
    case Command::Unknown: return Stage::Unknown;
    case Command::Mail: return Stage::Mail;
    case Command::Recipient: return Stage::Recipient;
    case Command::Data: return Stage::Data;
    case Command::Header: return Stage::Header;
    case Command::EndOfHeader: return Stage::EndOfHeader;
    case Command::Body: return Stage::Body;
    case Command::EndOfBody: return Stage::EndOfMessage;
    default: return std::nullopt;
  }
}

std::size_t size_of(const Path& path) noexcept {
  std::size_t sum = path.path.size();
  for (const std::string& arg : path.args) sum += arg.size() + 1;
  return sum;
}

std::string continue_packet() {
  std::string packet;
  append_packet(packet, Response::Continue);
  return packet;
}

}  // namespace

Status Session::on_negotiate(ByteView payload) {
  POSTERN_TRY(const Negotiation offered, parse_negotiation(payload));
  if (offered.version < kFirstVersion)
    return fail(ErrorCode::Unsupported, "the MTA speaks " + std::to_string(offered.version) + ", and 2 is the least", "version");
  // Nothing that was not offered may be asked for: Postfix ends the session then, and Stalwart takes every bit for a promise.
  m_agreed.version = std::min(offered.version, kLastVersion);
  m_agreed.actions = offered.actions & m_options->actions & ~smfif::kSetSymList;
  m_agreed.protocol = offered.protocol & (smfip::kHdrLeadSpc | (m_options->skip & smfip::kNoAll) | (m_options->no_reply & smfip::kNrAll));
  m_state = State::Negotiated;
  append_negotiation(m_output, m_agreed);
  m_events.emplace_back(Negotiated{m_agreed, offered});
  return {};
}

Status Session::on_macro(ByteView payload) {
  const SessionLimits& limits = m_options->limits;
  POSTERN_TRY(const MacroPacket packet, parse_macros(payload, limits.macros));
  const auto stage = stage_of(packet.command);
  if (!stage) return {};
  m_macros.forget(*stage);
  std::size_t count = m_macros.count(), bytes = m_macros.bytes();
  bool excess = packet.more;
  for (const auto& [name, value] : packet.macros) {
    bytes += name.size() + value.size();
    excess = excess || ++count > limits.macros || bytes > limits.macro_bytes;
    if (excess) break;
    m_macros.set(*stage, name, value);
  }
  const std::uint32_t bit = 1U << static_cast<unsigned>(*stage);
  m_excess = excess ? m_excess | bit : m_excess & ~bit;
  return {};
}

Status Session::on_connect(ByteView payload) {
  POSTERN_TRY(m_connection, parse_connect(payload));
  if (m_connection.host.size() > m_options->limits.name_bytes) return fail(ErrorCode::TooLarge, "is too long", "hostname");
  ask(Command::Connect, Connect{m_connection});
  return {};
}

Status Session::on_helo(ByteView payload) {
  POSTERN_TRY(m_helo, parse_string(payload, "name"));
  if (m_helo.size() > m_options->limits.name_bytes) return fail(ErrorCode::TooLarge, "is too long", "name");
  ask(Command::Helo, Helo{m_helo});
  return {};
}

Status Session::on_mail(ByteView payload) {
  POSTERN_TRY(Path from, parse_path(payload));
  m_envelope_bytes = size_of(from);
  if (m_envelope_bytes > m_options->limits.envelope_bytes) {
    refuse(Command::Mail, m_options->too_many_recipients, "more than " + std::to_string(m_options->limits.envelope_bytes),
           "envelope_bytes");
    return {};
  }
  m_from = from;
  ask(Command::Mail, Mail{std::move(from)});
  return {};
}

Status Session::on_recipient(ByteView payload) {
  POSTERN_TRY(Path recipient, parse_path(payload));
  const auto& told = m_macros.at(Stage::Recipient);
  if (const auto resolved = told.find("rcpt_addr"); resolved != told.end()) recipient.resolved = resolved->second;
  const std::size_t size = size_of(recipient);
  if (m_recipients.size() >= m_options->limits.recipients) {
    refuse_recipient("recipients");
    return {};
  }
  if (m_envelope_bytes + size > m_options->limits.envelope_bytes) {
    refuse_recipient("envelope_bytes");
    return {};
  }
  m_envelope_bytes += size;
  m_recipients.push_back(recipient);
  ask(Command::Recipient, Recipient{std::move(recipient)});
  return {};
}

/// This one alone, where it can be said; otherwise the message may not go on without it.
void Session::refuse_recipient(std::string field) {
  const SmtpReply& reply = m_options->too_many_recipients;
  const auto packet = reply_packet(reply);
  if (!packet || agreed_on(smfip::kNrRcpt)) return refuse(Command::Recipient, reply, "more than the message may have", std::move(field));
  answer(Command::Recipient, *packet);
  if (std::exchange(m_recipients_refused, true)) return;
  m_events.emplace_back(Failed{{ErrorCode::TooLarge, "more than the message may have", std::move(field)}, reply.line(), false});
}

Status Session::on_data(ByteView payload) {
  POSTERN_CHECK(parse_empty(payload));
  ask(Command::Data, Data{});
  return {};
}

Status Session::on_unknown(ByteView payload) {
  POSTERN_TRY(const std::string_view command, parse_string(payload, "command"));
  ask(Command::Unknown, Unknown{std::string(command)});
  return {};
}

Status Session::on_header(ByteView payload) {
  POSTERN_TRY(const auto field, parse_header(payload));
  POSTERN_TRY(const Excess excess, m_content.add_field(field.first, field.second, {peer(), agreed_on(smfip::kHdrLeadSpc)}));
  if (excess == Excess::None)
    answer(Command::Header, continue_packet());
  else
    refuse_content(Command::Header, excess);
  return {};
}

Status Session::on_end_of_header(ByteView payload) {
  POSTERN_CHECK(parse_empty(payload));
  m_content.end_header();
  answer(Command::EndOfHeader, continue_packet());
  return {};
}

Status Session::on_body(Command command, ByteView payload) {
  const Excess excess = m_content.add_body(as_text(payload), peer());
  if (excess != Excess::None) {
    refuse_content(command, excess);
    if (command == Command::EndOfBody) end_message();
  } else if (command == Command::EndOfBody) {
    ask(command, EndOfMessage{build_message()});
  } else {
    answer(command, continue_packet());
  }
  return {};
}

void Session::refuse_content(Command command, Excess excess) {
  const SessionLimits& limits = m_options->limits;
  const auto above = [](std::size_t bound) { return "more than " + std::to_string(bound); };
  if (excess == Excess::MessageBytes) refuse(command, m_options->too_large, above(limits.message_bytes), "message_bytes");
  if (excess == Excess::HeaderBytes) refuse(command, m_options->too_many_fields, above(limits.header_bytes), "header_bytes");
  if (excess == Excess::HeaderFields) refuse(command, m_options->too_many_fields, above(limits.header_fields), "header_fields");
}

Message Session::build_message() {
  Message message;
  message.peer = peer();
  message.macros = m_macros;
  message.connection = m_connection;
  message.helo = m_helo;
  message.from = std::exchange(m_from, {});
  message.recipients = std::exchange(m_recipients, {});
  message.header_exact = agreed_on(smfip::kHdrLeadSpc);
  message.has_header = !agreed_on(smfip::kNoHdrs);
  message.has_body = !agreed_on(smfip::kNoBody);
  // Sendmail and Postfix send "v" and "i", and offer SMFIP_HDR_LEADSPC.
  m_content.finish(message, !message.header_exact && !m_macros.contains("v") && !m_macros.contains("i"));
  return message;
}

Status Session::on_abort(ByteView payload) {
  POSTERN_CHECK(parse_empty(payload));
  give_up_message(Stage::Mail);
  return {};
}

Status Session::on_quit(Command command, ByteView payload) {
  POSTERN_CHECK(parse_empty(payload));
  end_message();
  m_scope = Scope::None;
  m_macros = {};
  m_excess = 0;
  m_connection = {};
  m_helo.clear();
  const bool next = command == Command::QuitNewConnection;
  m_state = next ? State::Negotiated : State::Ended;
  m_events.emplace_back(Quit{next});
  return {};
}

Peer Session::peer() const noexcept {
  const bool named = istarts_with(m_macros.find("daemon_name"), "stalwart");
  return named && !m_macros.contains("v") && !m_macros.contains("_") ? Peer::Stalwart : Peer::Standard;
}

}  // namespace postern::milter
