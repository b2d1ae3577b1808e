#include "smtp/reply.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace postern::smtp {

namespace {

constexpr std::size_t kMaxWrittenLine = 512 - 2;  // RFC 5321 4.5.3.1.5, without CRLF

/// RFC 3463 2: one to three digits without a leading zero.
std::optional<std::uint16_t> status_number(std::string_view text) noexcept {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return static_cast<std::uint16_t>(value);
}

/// Takes "5.1.1 " from the front of a reply line when it is the status of that reply (RFC 2034 4: same class as the code).
EnhancedStatus take_status(std::string_view& line, int code) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const auto status = EnhancedStatus::parse(line.substr(0, space));
  if (!status || status->category != code / 100) return {};
  line.remove_prefix(std::min(space + 1, line.size()));
  return *status;
}

}  // namespace

std::string EnhancedStatus::text() const {
  return present() ? std::to_string(category) + '.' + std::to_string(subject) + '.' + std::to_string(detail) : std::string();
}

std::optional<EnhancedStatus> EnhancedStatus::parse(std::string_view text) noexcept {
  if (text.size() < 5 || text[1] != '.') return std::nullopt;
  if (text[0] != '2' && text[0] != '4' && text[0] != '5') return std::nullopt;
  const std::size_t dot = text.find('.', 2);
  if (dot == std::string_view::npos) return std::nullopt;
  const auto subject = status_number(text.substr(2, dot - 2));
  const auto detail = status_number(text.substr(dot + 1));
  if (!subject || !detail) return std::nullopt;
  return EnhancedStatus{static_cast<std::uint16_t>(text[0] - '0'), *subject, *detail};
}

std::string Reply::text() const {
  std::string out = std::to_string(code);
  if (status.present()) out += ' ' + status.text();
  for (const std::string& line : lines) out += ' ' + printable(line, kMaxWrittenLine);
  return out;
}

void append_reply(std::string& out, const Reply& reply, bool enhanced) {
  const std::string code = std::to_string(reply.code);
  const std::string prefix = enhanced && reply.status.present() ? reply.status.text() + ' ' : std::string();
  const std::size_t room = kMaxWrittenLine - code.size() - 1 - prefix.size();
  for (std::size_t i = 0; i < std::max<std::size_t>(reply.lines.size(), 1); ++i) {
    const bool last = i + 1 >= reply.lines.size();
    out += code;
    out += last ? ' ' : '-';
    out += prefix;
    // A reply may quote what the peer sent; it must never be able to end the line for us.
    if (i < reply.lines.size()) out += printable(std::string_view(reply.lines[i]).substr(0, room), room);
    out += "\r\n";
  }
}

Status ReplyReader::receive(std::string_view bytes) {
  if (m_at == m_buffer.size()) {
    m_buffer.clear();
    m_at = 0;
  }
  if (m_buffer.size() - m_at + bytes.size() > kMaxBuffered) return fail(ErrorCode::TooLarge, "the server sends more than it was asked");
  m_buffer.append(bytes);
  return {};
}

std::size_t ReplyReader::discard() {
  const std::size_t waiting = m_buffer.size() - m_at;
  m_buffer.clear();
  m_at = 0;
  m_partial = {};
  return waiting;
}

std::optional<std::string_view> ReplyReader::take_line() {
  const std::size_t end = m_buffer.find('\n', m_at);
  if (end == std::string::npos) return std::nullopt;
  std::string_view line(m_buffer.data() + m_at, end - m_at);
  m_at = end + 1;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Status ReplyReader::add_line(std::string_view line, bool& last) {
  // RFC 5321 4.2: "%x32-35 %x30-35 %x30-39"; the second digit is taken as any, as the field does.
  if (line.size() < 3 || line[0] < '2' || line[0] > '5' || !is_digit(line[1]) || !is_digit(line[2]))
    return fail(ErrorCode::BadInput, "the server's answer is not an SMTP reply: " + printable(line, 60));
  if (line.size() > 3 && line[3] != ' ' && line[3] != '-')
    return fail(ErrorCode::BadInput, "the server's reply has no space after its code");
  const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  if (!m_partial.lines.empty() && code != m_partial.code)  // RFC 5321 4.2.1: "the reply code ... MUST be the same on each line"
    return fail(ErrorCode::BadInput, "the server's reply changes its code between lines");
  if (m_partial.lines.size() >= kMaxLines) return fail(ErrorCode::TooLarge, "the server's reply has too many lines");
  last = line.size() == 3 || line[3] == ' ';
  line.remove_prefix(std::min<std::size_t>(4, line.size()));
  const EnhancedStatus status = take_status(line, code);
  if (m_partial.lines.empty()) m_partial.status = status;
  m_partial.code = code;
  m_partial.lines.emplace_back(line);
  return {};
}

Result<std::optional<Reply>> ReplyReader::next() {
  while (const auto line = take_line()) {
    if (line->size() > kMaxLine) return fail(ErrorCode::TooLarge, "a line of the server's reply is too long");
    bool last = false;
    POSTERN_CHECK(add_line(*line, last));
    if (last) return std::exchange(m_partial, {});
  }
  if (m_buffer.size() - m_at > kMaxLine) return fail(ErrorCode::TooLarge, "a line of the server's reply is too long");
  return std::optional<Reply>();
}

}  // namespace postern::smtp
