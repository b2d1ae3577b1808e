#include "milter/content.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace postern::milter {

namespace {

/// No more is asked than that the octets are one field: what RFC 5322 says of names is for others to judge.
bool is_name(std::string_view name) noexcept {
  return !name.empty() && std::ranges::none_of(name, [](unsigned char c) { return c < ' ' || c == ':' || c == 0x7f; });
}

/// Every LF has a continuation line behind it.
bool is_folded(std::string_view value) noexcept {
  for (std::size_t at = value.find('\n'); at != std::string_view::npos; at = value.find('\n', at + 1))
    if (at + 1 == value.size() || !is_wsp(value[at + 1])) return false;
  return true;
}

void append_crlf_lines(std::string& out, std::string_view value) {
  for (std::size_t at = 0; at < value.size(); ++at) {
    if (value[at] == '\n' && (at == 0 || value[at - 1] != '\r')) out.push_back('\r');
    out.push_back(value[at]);
  }
}

struct Field {
  std::string_view name, value;  ///< Without the white space around them.
};

/// The first field of a header section, taken off; a line without a colon is a name without a value.
Field take_field(std::string_view& section) noexcept {
  std::size_t end = section.find('\n');
  while (end != std::string_view::npos && end + 1 < section.size() && is_wsp(section[end + 1])) end = section.find('\n', end + 1);
  const std::string_view field = section.substr(0, end);
  section.remove_prefix(end == std::string_view::npos ? section.size() : end + 1);
  const std::size_t colon = field.find(':');
  return {trim(field.substr(0, colon)), colon == std::string_view::npos ? std::string_view() : trim(field.substr(colon + 1))};
}

bool tells(std::string_view given, std::string_view real) noexcept { return given == real || (given.empty() && !is_utf8(real)); }

}  // namespace

Result<Excess> Content::add_field(std::string_view name, std::string_view value, FieldForm form) {
  const std::size_t size = name.size() + value.size() + 4 + static_cast<std::size_t>(std::ranges::count(value, '\n'));
  m_octets += size;
  const bool sound = is_name(name) && is_folded(value);
  if (!sound && form.peer == Peer::Stalwart) return Excess::None;
  if (!is_name(name)) return fail(ErrorCode::BadInput, "is no field name: " + printable(name, 64), "name");
  if (!sound) return fail(ErrorCode::BadInput, "a line of " + printable(name, 64) + " does not begin with white space", "value");
  if (m_fields >= m_bounds.header_fields) return Excess::HeaderFields;
  if (m_raw.size() + size > m_bounds.header_bytes) return Excess::HeaderBytes;
  if (m_raw.size() + size > m_bounds.message_bytes) return Excess::MessageBytes;
  ++m_fields;
  m_raw.append(name).append(form.lead_space ? ":" : ": ");
  append_crlf_lines(m_raw, value);
  m_raw.append("\r\n");
  return Excess::None;
}

void Content::end_header() {
  if (std::exchange(m_header_ended, true)) return;
  m_raw.append("\r\n");
  m_body_at = m_raw.size();
}

Excess Content::add_body(std::string_view chunk, Peer peer) {
  m_octets += chunk.size();
  end_header();
  // Where the header comes twice it counts once.
  const std::size_t before = peer == Peer::Stalwart ? m_raw.size() - m_body_at : m_raw.size();
  if (before + chunk.size() > m_bounds.message_bytes) return Excess::MessageBytes;
  m_raw.append(chunk);
  return Excess::None;
}

void Content::finish(Message& message, bool nameless) {
  end_header();
  message.body_has_header = is_whole_message(message.peer, nameless);
  if (message.body_has_header || !message.has_header) m_raw.erase(0, m_body_at);
  message.raw = std::move(m_raw);
  message.body_at = message.body_has_header ? find_body(message.raw) : message.has_header ? m_body_at : 0;
  message.header_exact = message.header_exact || message.body_has_header;
  message.has_header = message.has_header || message.body_has_header;
  clear();
}

void Content::drop() noexcept {
  std::string().swap(m_raw);
  m_fields = m_body_at = 0;
  m_header_ended = false;
}

void Content::clear() noexcept {
  drop();
  m_octets = 0;
}

bool Content::is_whole_message(Peer peer, bool nameless) const {
  const std::string_view given = std::string_view(m_raw).substr(0, m_body_at - 2);
  const std::string_view body = std::string_view(m_raw).substr(m_body_at);
  const std::string_view section = body.substr(0, find_body(body));
  if (peer != Peer::Stalwart) return nameless && same_fields(given, section);
  // Its values may be empty where the octets are not, and fields may be left out: the first name must do.
  std::string_view wanted = given, rest = section;
  if (wanted.empty()) return !section.empty();
  const std::string_view name = take_field(wanted).name;
  while (!rest.empty())
    if (iequals(take_field(rest).name, name)) return true;
  return false;
}

bool same_fields(std::string_view given, std::string_view section) {
  if (section.ends_with("\n\r\n"))
    section.remove_suffix(2);
  else if (section.ends_with("\n\n"))
    section.remove_suffix(1);
  if (given.empty()) return false;
  while (!given.empty() && !section.empty()) {
    const Field told = take_field(given), real = take_field(section);
    if (!iequals(told.name, real.name) || !tells(told.value, real.value)) return false;
  }
  return given.empty() && section.empty();
}

}  // namespace postern::milter
