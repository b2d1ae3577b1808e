// What the shell decides: verdicts, and modifications at the end of a message.
#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "milter/session.hpp"

namespace postern::milter {

namespace {

constexpr std::size_t kReplyLine = 512;  // RFC 5321 4.5.3.1.5
constexpr std::size_t kReplyLines = 32;  // libmilter's smfi_setmlreply takes no more

std::string packet_of(Response response) {
  std::string packet;
  append_packet(packet, response);
  return packet;
}

/// RFC 3463 2: class "." subject "." detail, one to three digits each.
bool is_enhanced_status(std::string_view text, int code) {
  const auto parts = split(text, '.');
  const auto is_number = [](std::string_view part) {
    return !part.empty() && part.size() <= 3 && std::ranges::all_of(part, [](char c) { return is_digit(c); });
  };
  return parts.size() == 3 && std::ranges::all_of(parts, is_number) && parts[0] == std::to_string(code / 100);
}

/// RFC 5322 2.2: printable ASCII without the colon.
bool is_field_name(std::string_view name) noexcept {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f && c != ':'; });
}

/// No NUL, no bare CR, and behind every line end white space: otherwise it would be more than one field.
bool is_field_value(std::string_view value) noexcept {
  for (std::size_t at = 0; at < value.size(); ++at) {
    const char next = at + 1 < value.size() ? value[at + 1] : '\0';
    if (value[at] == '\0' || (value[at] == '\r' && next != '\n') || (value[at] == '\n' && !is_wsp(next))) return false;
  }
  return true;
}

bool has_control(std::string_view text) noexcept {
  return std::ranges::any_of(text, [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

Result<std::string> bracketed(std::string_view path) {
  if (has_control(path)) return fail(ErrorCode::BadInput, "has control characters", "path");
  return path.starts_with('<') ? std::string(path) : '<' + std::string(path) + '>';
}

Result<std::string> bracketed_recipient(std::string_view path) {
  POSTERN_TRY(std::string text, bracketed(path));
  if (text == "<>") return fail(ErrorCode::BadInput, "is empty", "path");
  return text;
}

/// MTAs read all arguments from one string.
Result<std::string> joined(const std::vector<std::string>& args) {
  std::string text;
  for (const std::string& arg : args) {
    if (arg.empty() || has_control(arg) || arg.find(' ') != std::string::npos)
      return fail(ErrorCode::BadInput, "is no ESMTP parameter: " + printable(arg, 64), "args");
    text += (text.empty() ? "" : " ") + arg;
  }
  return text;
}

struct ActionName {
  std::uint32_t action;
  std::string_view name;
};
constexpr std::array kActions{
    ActionName{smfif::kAddHdrs, "SMFIF_ADDHDRS"}, ActionName{smfif::kChgBody, "SMFIF_CHGBODY"},
    ActionName{smfif::kAddRcpt, "SMFIF_ADDRCPT"}, ActionName{smfif::kDelRcpt, "SMFIF_DELRCPT"},
    ActionName{smfif::kChgHdrs, "SMFIF_CHGHDRS"}, ActionName{smfif::kQuarantine, "SMFIF_QUARANTINE"},
    ActionName{smfif::kChgFrom, "SMFIF_CHGFROM"}, ActionName{smfif::kAddRcptPar, "SMFIF_ADDRCPT_PAR"},
};

}  // namespace

std::string SmtpReply::line() const { return std::to_string(code) + ' ' + enhanced + ' ' + printable(text, kReplyLine); }

// ---- verdicts

Status Session::continue_() { return decide(Response::Continue, packet_of(Response::Continue)); }
Status Session::accept() { return decide(Response::Accept, packet_of(Response::Accept)); }
Status Session::reject() { return decide(Response::Reject, packet_of(Response::Reject)); }
Status Session::tempfail() { return decide(Response::TempFail, packet_of(Response::TempFail)); }
Status Session::discard() { return decide(Response::Discard, packet_of(Response::Discard)); }

Status Session::reply(const SmtpReply& reply) {
  POSTERN_TRY(std::string packet, reply_packet(reply));
  return decide(Response::ReplyCode, std::move(packet));
}

Status Session::decide(Response verdict, std::string packet) {
  POSTERN_CHECK(check_verdict(verdict));
  const Command command = *m_pending;
  m_pending.reset();
  const bool kept = verdict == Response::Accept || verdict == Response::Continue;
  if (kept && m_output.empty())
    m_output.swap(m_modifications);  // a replaced body is large: no copy
  else if (kept)
    m_output.append(m_modifications);
  answer(command, packet);
  apply_verdict(command, verdict, std::move(packet));
  return {};
}

Status Session::check_verdict(Response verdict) const {
  if (!m_pending) return fail(ErrorCode::Conflict, "no event waits for a decision");
  if (verdict == Response::Continue) return {};
  const auto senseless = [this](std::string_view why) {
    return fail(ErrorCode::Conflict, "cannot be said for " + std::string(milter::name_of(*m_pending)) + std::string(why), "verdict");
  };
  if (agreed_on(no_reply_bit(*m_pending))) return senseless(": its answer was negotiated away");
  const bool of_connection = m_pending == Command::Connect || m_pending == Command::Helo;
  if (verdict == Response::Discard && of_connection) return senseless(": there is no message to discard");
  const bool of_message = verdict == Response::Discard || verdict == Response::Accept;
  if (of_message && m_pending == Command::Unknown) return senseless(": it is about a command");
  return {};
}

void Session::apply_verdict(Command command, Response verdict, std::string packet) {
  if (command == Command::EndOfBody) return end_message();
  if (verdict == Response::Continue || command == Command::Unknown) return;
  if (command == Command::Connect || command == Command::Helo) return settle(Scope::Connection, std::move(packet));
  const bool whole_message = command != Command::Recipient || verdict == Response::Accept || verdict == Response::Discard;
  if (whole_message) return settle(Scope::Message, std::move(packet));
  m_recipients.pop_back();
}

/// Every line carries both codes. Sendmail takes the text for a format and Postfix undoes that; Stalwart writes what it gets, and would
/// make a second line look like a second reply.
Result<std::string> Session::reply_packet(const SmtpReply& reply) const {
  if (reply.code < 400 || reply.code > 599) return fail(ErrorCode::BadInput, "is neither 4yz nor 5yz", "code");
  if (!is_enhanced_status(reply.enhanced, reply.code)) return fail(ErrorCode::BadInput, "is not of the code's class", "enhanced");
  const bool stalwart = peer() == Peer::Stalwart;
  auto lines = split(reply.text, '\n');
  if (lines.size() > kReplyLines) return fail(ErrorCode::TooLarge, "more than " + std::to_string(kReplyLines) + " lines", "text");
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bool last = i + 1 == lines.size();
    if (i == 0 || !stalwart) text += std::to_string(reply.code) + (last || stalwart ? ' ' : '-') + reply.enhanced;
    text += ' ';
    for (const char c : printable(trim(lines[i]), kReplyLine)) text.append(c == '%' && !stalwart ? 2 : 1, c);
    if (!last && !stalwart) text += "\r\n";
  }
  std::string packet;
  append_strings(packet, Response::ReplyCode, {text});
  return packet;
}

// ---- modifications

Status Session::check_modification(std::uint32_t action, std::string_view name) const {
  if (m_pending != Command::EndOfBody) return fail(ErrorCode::Conflict, "can be said at the end of a message only", std::string(name));
  if ((m_agreed.actions & action) != 0) return {};
  const auto* const row = std::ranges::find_if(kActions, [action](const ActionName& each) { return (each.action & action) != 0; });
  return fail(ErrorCode::Unsupported, std::string(name) + " was not negotiated with the MTA", std::string(row->name));
}

/// As the MTA writes it behind "name:": with SMFIP_HDR_LEADSPC as it is, otherwise behind a space of its own. Lines within a field end in
/// LF for Sendmail and Postfix; Stalwart copies them.
Result<std::string> Session::header_value(std::string_view value) const {
  if (!is_field_value(value)) return fail(ErrorCode::BadInput, "is not one field: fold its lines", "value");
  const bool lead_space = agreed_on(smfip::kHdrLeadSpc);
  const bool spaced = !value.empty() && is_wsp(value.front());
  if (!lead_space && value.starts_with(' ')) value.remove_prefix(1);
  std::string text = lead_space && !spaced ? " " : "";
  for (const char c : value) {
    if (c == '\r') continue;
    if (c == '\n' && peer() == Peer::Stalwart) text.push_back('\r');
    text.push_back(c);
  }
  return text;
}

Status Session::change_fields(Response response, std::uint32_t index, std::string_view name, std::string_view value) {
  if (!is_field_name(name)) return fail(ErrorCode::BadInput, "is no field name: " + printable(name, 64), "name");
  if (name.size() + value.size() + 6 > kChunkBytes)
    return fail(ErrorCode::TooLarge, "a field of more than " + std::to_string(kChunkBytes) + " octets", "value");
  if (response == Response::AddHeader)
    append_strings(m_modifications, response, {name, value});
  else
    append_indexed(m_modifications, response, index, name, value);
  return {};
}

Status Session::add_header(std::string_view name, std::string_view value) {
  POSTERN_CHECK(check_modification(smfif::kAddHdrs, "add_header"));
  POSTERN_TRY(const std::string text, header_value(value));
  return change_fields(Response::AddHeader, 0, name, text);
}

Status Session::insert_header(std::uint32_t index, std::string_view name, std::string_view value) {
  POSTERN_CHECK(check_modification(smfif::kAddHdrs, "insert_header"));
  if (index > 0x7ffffffe) return fail(ErrorCode::BadInput, "is more than an MTA counts", "index");
  POSTERN_TRY(const std::string text, header_value(value));
  return change_fields(Response::InsertHeader, index, name, text);
}

Status Session::change_header(std::uint32_t index, std::string_view name, std::string_view value) {
  POSTERN_CHECK(check_modification(smfif::kChgHdrs, "change_header"));
  if (index == 0 || index > 0x7fffffff) return fail(ErrorCode::BadInput, "fields are counted from 1", "index");
  POSTERN_TRY(const std::string text, header_value(value));
  if (trim(text).empty()) return fail(ErrorCode::BadInput, "is empty, which would delete the field", "value");
  return change_fields(Response::ChangeHeader, index, name, text);
}

Status Session::delete_header(std::uint32_t index, std::string_view name) {
  POSTERN_CHECK(check_modification(smfif::kChgHdrs, "delete_header"));
  if (index == 0 || index > 0x7fffffff) return fail(ErrorCode::BadInput, "fields are counted from 1", "index");
  return change_fields(Response::ChangeHeader, index, name, {});
}

/// Stalwart wants the second string even when it is empty; for others an empty one would be a parameter without a name.
Status Session::change_from(std::string_view path, const std::vector<std::string>& args) {
  POSTERN_CHECK(check_modification(smfif::kChgFrom, "change_from"));
  POSTERN_TRY(const std::string text, bracketed(path));
  POSTERN_TRY(const std::string parameters, joined(args));
  if (text.size() + parameters.size() + 2 > kChunkBytes) return fail(ErrorCode::TooLarge, "is too long", "path");
  if (args.empty() && peer() != Peer::Stalwart)
    append_strings(m_modifications, Response::ChangeFrom, {text});
  else
    append_strings(m_modifications, Response::ChangeFrom, {text, parameters});
  return {};
}

Status Session::add_recipient(std::string_view path, const std::vector<std::string>& args) {
  const bool plain = args.empty() && (m_agreed.actions & smfif::kAddRcpt) != 0;
  const bool parameters_only = !args.empty() || (m_agreed.actions & smfif::kAddRcptPar) != 0;
  POSTERN_CHECK(check_modification(plain || !parameters_only ? smfif::kAddRcpt : smfif::kAddRcptPar, "add_recipient"));
  POSTERN_TRY(const std::string text, bracketed_recipient(path));
  POSTERN_TRY(const std::string parameters, joined(args));
  if (text.size() + parameters.size() + 2 > kChunkBytes) return fail(ErrorCode::TooLarge, "is too long", "path");
  if (plain)
    append_strings(m_modifications, Response::AddRecipient, {text});
  else if (args.empty() && peer() != Peer::Stalwart)
    append_strings(m_modifications, Response::AddRecipientParameters, {text});
  else
    append_strings(m_modifications, Response::AddRecipientParameters, {text, parameters});
  return {};
}

Status Session::delete_recipient(std::string_view path) {
  POSTERN_CHECK(check_modification(smfif::kDelRcpt, "delete_recipient"));
  POSTERN_TRY(const std::string text, bracketed_recipient(path));
  if (text.size() + 1 > kChunkBytes) return fail(ErrorCode::TooLarge, "is too long", "path");
  append_strings(m_modifications, Response::DeleteRecipient, {peer() == Peer::Stalwart ? to_lower(text) : text});
  return {};
}

Status Session::replace_body(std::string_view body) {
  POSTERN_CHECK(check_modification(smfif::kChgBody, "replace_body"));
  if (body.empty()) return fail(ErrorCode::BadInput, "is empty; a body without text is one CRLF", "body");
  if (m_body_replaced) return fail(ErrorCode::Conflict, "was replaced already", "body");
  m_body_replaced = true;
  append_body(m_modifications, body);
  return {};
}

Status Session::quarantine(std::string_view reason) {
  POSTERN_CHECK(check_modification(smfif::kQuarantine, "quarantine"));
  if (peer() == Peer::Stalwart)
    return fail(ErrorCode::Unsupported, "Stalwart would deliver the message: store it here and discard() it", "SMFIF_QUARANTINE");
  const std::string text = printable(reason, kReplyLine);
  append_strings(m_modifications, Response::Quarantine, {text.empty() ? "quarantined" : text});
  return {};
}

Status Session::progress() {
  if (m_pending != Command::EndOfBody) return fail(ErrorCode::Conflict, "can be said at the end of a message only", "progress");
  append_packet(m_output, Response::Progress);
  return {};
}

}  // namespace postern::milter
