#include "mime/message.hpp"

#include <algorithm>
#include <cstring>

#include "base/text.hpp"

namespace postern {
namespace {

constexpr std::size_t kMaxDefects = 100;
constexpr std::size_t kLineRecommended = 998;  // RFC 5322 2.1.1

/// One physical line: content without its line end, and where the next one starts.
struct Line {
  std::string_view text;
  std::size_t next = 0;
  bool bare_lf = false;
};

Line line_at(std::string_view raw, std::size_t begin) {
  const char* start = raw.data() + begin;
  const std::size_t left = raw.size() - begin;
  const void* found = std::memchr(start, '\n', left);
  if (found == nullptr) return {{start, left}, raw.size(), false};
  const auto length = static_cast<std::size_t>(static_cast<const char*>(found) - start);
  if (length > 0 && start[length - 1] == '\r') return {{start, length - 1}, begin + length + 1, false};
  return {{start, length}, begin + length + 1, true};
}

std::string_view without_line_end(std::string_view raw) noexcept {
  if (raw.ends_with('\n')) raw.remove_suffix(1);
  if (raw.ends_with('\r')) raw.remove_suffix(1);
  return raw;
}

/// Walks the header section once and cuts it into fields. Offsets are of the whole message.
class Splitter {
 public:
  Splitter(std::string_view raw, const Limits& limits) : m_raw(raw), m_limits(limits) {}

  Status run();

  std::vector<HeaderField> fields;
  std::vector<HeaderDefect> defects;
  std::size_t header_size = 0;
  std::size_t body_offset = 0;

 private:
  void finish_field(std::size_t end);
  Status check_limits(std::size_t begin, const Line& line) const;
  void check_line(std::size_t begin, const Line& line);
  void note(HeaderDefectKind kind, std::size_t offset);

  std::string_view m_raw;
  const Limits& m_limits;
  std::size_t m_begin = 0;         // of the field being collected
  bool m_open = false;             // a field is being collected
  std::size_t m_first_defect = 0;  // of the field being collected
};

Status Splitter::run() {
  fields.reserve(32);
  std::size_t at = 0;
  while (at < m_raw.size()) {
    const Line line = line_at(m_raw, at);
    if (line.text.empty() && line.next != at) {
      finish_field(at);
      header_size = at;
      body_offset = line.next;
      if (line.bare_lf) note(HeaderDefectKind::BareLf, at);
      return {};
    }
    POSTERN_CHECK(check_limits(at, line));
    const bool continuation = is_wsp(line.text.front());
    if (!continuation || !m_open) {
      finish_field(at);
      if (fields.size() >= m_limits.header_fields) {
        return fail(ErrorCode::TooLarge, "more than " + std::to_string(m_limits.header_fields) + " header fields", "header_fields");
      }
      m_begin = at;
      m_open = true;
      m_first_defect = defects.size();
      if (continuation) note(HeaderDefectKind::LooseContinuation, at);
    }
    check_line(at, line);
    at = line.next;
  }
  finish_field(at);
  header_size = body_offset = m_raw.size();
  note(HeaderDefectKind::NoBlankLine, m_raw.size());
  return {};
}

void Splitter::finish_field(std::size_t end) {
  if (!m_open) return;
  m_open = false;
  HeaderField field;
  field.raw = m_raw.substr(m_begin, end - m_begin);
  const std::string_view content = without_line_end(field.raw);
  const auto line_end = content.find('\n');
  const auto colon = content.substr(0, line_end).find(':');
  if (colon == std::string_view::npos || is_wsp(content.front())) {
    field.value = content;
  } else {
    field.name = content.substr(0, colon);
    // RFC 5322 4.5: the obsolete syntax has white space between name and colon.
    while (!field.name.empty() && is_wsp(field.name.back())) field.name.remove_suffix(1);
    field.value = content.substr(colon + 1);
  }
  fields.push_back(field);
  m_open = true;  // so that note() counts these for this field
  if (field.name.empty()) {
    note(HeaderDefectKind::NoColon, m_begin);
  } else if (!is_field_name(field.name)) {
    note(HeaderDefectKind::BadName, m_begin);
  }
  m_open = false;
  for (std::size_t i = m_first_defect; i < defects.size(); ++i) {
    defects[i].field_number = fields.size();
    defects[i].field_name = printable(field.name, 64);
  }
}

Status Splitter::check_limits(std::size_t begin, const Line& line) const {
  if (line.next > m_limits.header_bytes) {
    return fail(ErrorCode::TooLarge, "the header section is longer than " + std::to_string(m_limits.header_bytes) + " octets",
                "header_bytes");
  }
  if (line.text.size() > m_limits.line_accepted) {
    return fail(
        ErrorCode::TooLarge,
        "a header line at offset " + std::to_string(begin) + " is longer than " + std::to_string(m_limits.line_accepted) + " octets",
        "line_accepted");
  }
  return {};
}

void Splitter::check_line(std::size_t begin, const Line& line) {
  if (line.bare_lf) note(HeaderDefectKind::BareLf, line.next - 1);
  if (line.text.size() > kLineRecommended) note(HeaderDefectKind::LongLine, begin + kLineRecommended);
  unsigned char unusual = 0;  // no branch, for the vector unit
  for (const char c : line.text) unusual |= static_cast<unsigned char>(static_cast<unsigned char>(c - 0x20) >= 0x60);
  if (unusual == 0) return;
  bool eight_bit = false;
  for (std::size_t i = 0; i < line.text.size(); ++i) {
    const auto c = static_cast<unsigned char>(line.text[i]);
    if (c == '\r') note(HeaderDefectKind::BareCr, begin + i);
    if (c == 0) note(HeaderDefectKind::Nul, begin + i);
    if (c >= 0x80) eight_bit = true;
  }
  if (eight_bit && !is_utf8(line.text)) note(HeaderDefectKind::EightBit, begin);
}

void Splitter::note(HeaderDefectKind kind, std::size_t offset) {
  if (defects.size() >= kMaxDefects) return;
  const auto first = m_open ? defects.begin() + static_cast<std::ptrdiff_t>(m_first_defect) : defects.end();
  if (std::any_of(first, defects.end(), [kind](const HeaderDefect& d) { return d.kind == kind; })) return;
  defects.push_back({kind, 0, {}, offset});
}

bool is_unsafe(HeaderDefectKind kind) noexcept {
  switch (kind) {
    case HeaderDefectKind::BareCr:
    case HeaderDefectKind::BareLf:
    case HeaderDefectKind::Nul:
    case HeaderDefectKind::NoColon:
    case HeaderDefectKind::BadName:
    case HeaderDefectKind::LooseContinuation: return true;
    default: return false;
  }
}

std::string_view words_of(HeaderDefectKind kind) noexcept {
  switch (kind) {
    case HeaderDefectKind::BareCr: return "CR without LF";
    case HeaderDefectKind::BareLf: return "LF without CR";
    case HeaderDefectKind::Nul: return "NUL octet";
    case HeaderDefectKind::NoColon: return "line without a colon";
    case HeaderDefectKind::BadName: return "field name with characters that are not allowed";
    case HeaderDefectKind::LooseContinuation: return "folded line before any field";
    case HeaderDefectKind::LongLine: return "line over 998 octets";
    case HeaderDefectKind::EightBit: return "octets that are neither ASCII nor UTF-8";
    case HeaderDefectKind::NoBlankLine: return "no blank line between header and body";
  }
  return "defect";
}

}  // namespace

std::string_view name_of(HeaderDefectKind kind) noexcept {
  switch (kind) {
    case HeaderDefectKind::BareCr: return "bare_cr";
    case HeaderDefectKind::BareLf: return "bare_lf";
    case HeaderDefectKind::Nul: return "nul";
    case HeaderDefectKind::NoColon: return "no_colon";
    case HeaderDefectKind::BadName: return "bad_name";
    case HeaderDefectKind::LooseContinuation: return "loose_continuation";
    case HeaderDefectKind::LongLine: return "long_line";
    case HeaderDefectKind::EightBit: return "eight_bit";
    case HeaderDefectKind::NoBlankLine: return "no_blank_line";
  }
  return "unknown";
}

bool is_field_name(std::string_view name) noexcept {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7F && c != ':'; });
}

std::string HeaderDefect::text() const {
  std::string out;
  if (field_number != 0) out = "field " + std::to_string(field_number) + (field_name.empty() ? "" : " (" + field_name + ")") + ": ";
  return out + std::string(words_of(kind)) + " at offset " + std::to_string(offset);
}

std::string unfold(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\n') continue;
    if (value[i] == '\r' && i + 1 < value.size() && value[i + 1] == '\n') continue;
    out += value[i];
  }
  const std::string_view trimmed = trim(out);
  if (trimmed.size() != out.size()) return std::string(trimmed);
  return out;
}

std::string HeaderField::unfolded() const { return unfold(value); }
bool HeaderField::is(std::string_view other) const noexcept { return iequals(name, other); }

Result<MessageView> MessageView::parse(std::string_view raw, const Limits& limits) {
  if (raw.size() > limits.message_bytes) {
    return fail(ErrorCode::TooLarge, "the message is longer than " + std::to_string(limits.message_bytes) + " octets", "message_bytes");
  }
  Splitter splitter(raw, limits);
  POSTERN_CHECK(splitter.run());
  MessageView view;
  view.m_raw = raw;
  view.m_header_size = splitter.header_size;
  view.m_body_offset = splitter.body_offset;
  view.m_fields = std::move(splitter.fields);
  view.m_defects = std::move(splitter.defects);
  return view;
}

const HeaderField* MessageView::find(std::string_view name) const noexcept {
  const auto found = std::find_if(m_fields.begin(), m_fields.end(), [name](const HeaderField& f) { return f.is(name); });
  return found == m_fields.end() ? nullptr : &*found;
}

std::size_t MessageView::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(std::count_if(m_fields.begin(), m_fields.end(), [name](const HeaderField& f) { return f.is(name); }));
}

std::string MessageView::value(std::string_view name) const {
  const HeaderField* field = find(name);
  return field == nullptr ? std::string{} : field->unfolded();
}

Status MessageView::refuse_unsafe_header() const {
  for (const HeaderDefect& defect : m_defects) {
    if (is_unsafe(defect.kind)) return fail(ErrorCode::BadInput, defect.text(), defect.field_name);
  }
  return {};
}

}  // namespace postern
