#include "mime/writer.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/text.hpp"
#include "mime/multipart.hpp"
#include "mime/tree.hpp"

namespace postern {
namespace {

constexpr std::size_t kMaxLine = 998;     // RFC 5322 2.1.1
constexpr std::size_t kEncodedLine = 76;  // RFC 2045 6.7 (5) and 6.8

bool has_controls(std::string_view value) noexcept {
  return std::any_of(value.begin(), value.end(), [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; });
}

/// Where to fold: the start of the last run of white space at or before `width`, or of the first one behind it. npos: nowhere.
std::size_t fold_point(std::string_view line, std::size_t from, std::size_t width) noexcept {
  std::size_t best = std::string_view::npos;
  for (std::size_t i = std::max<std::size_t>(from, 1); i < line.size(); ++i) {
    if (!is_wsp(line[i]) || is_wsp(line[i - 1])) continue;
    if (i > width && best != std::string_view::npos) break;
    best = i;
    if (i > width) break;
  }
  return best;
}

}  // namespace

Result<std::string> fold_field(std::string_view name, std::string_view value, std::size_t width) {
  if (!is_field_name(name))
    return fail(ErrorCode::BadInput, "a header field name has printable ASCII characters other than the colon", printable(name, 64));
  if (has_controls(value)) return fail(ErrorCode::BadInput, "a header field value may not hold control characters", std::string(name));
  std::string line = std::string(name) + ": " + std::string(trim(value));
  std::string out;
  std::size_t from = name.size() + 2;  // never fold between the colon and the first word
  while (line.size() > width) {
    const std::size_t at = fold_point(line, from, width);
    if (at == std::string_view::npos) break;
    out.append(line, 0, at).append("\r\n");
    if (at > kMaxLine) break;
    line.erase(0, at);
    from = 1;
    while (from < line.size() && is_wsp(line[from])) ++from;
  }
  out += line;
  for (std::string_view rest = out; !rest.empty();) {
    if (take_line(rest).size() > kMaxLine)
      return fail(ErrorCode::BadInput, "a header field has a word that does not fit a line of 998 octets", std::string(name));
  }
  return out += "\r\n";
}

Status append_field(std::string& out, std::string_view name, std::string_view value) {
  POSTERN_TRY(const std::string field, fold_field(name, value));
  out += field;
  return {};
}

std::string make_boundary(Random& random) { return "=_" + base64url_encode(random.bytes(18)); }

Result<std::string> make_multipart_body(std::span<const std::string_view> entities, std::string_view boundary, std::string_view preamble) {
  if (!is_boundary(boundary)) return fail(ErrorCode::BadInput, "not a multipart boundary (RFC 2046 5.1.1)", "boundary");
  const std::string delimiter = "--" + std::string(boundary);
  std::string out;
  if (!preamble.empty()) out.append(preamble).append("\r\n");
  for (const std::string_view entity : entities) {
    for (std::string_view rest = entity; !rest.empty();) {
      if (take_line(rest).starts_with(delimiter))
        return fail(ErrorCode::BadInput, "the boundary occurs in a part; take another", "boundary");
    }
    out.append(delimiter).append("\r\n").append(entity).append("\r\n");
  }
  return out.append(delimiter).append("--\r\n");
}

std::string make_entity(std::string_view fields, std::string_view body) {
  std::string out;
  out.reserve(fields.size() + body.size() + 2);
  return out.append(fields).append("\r\n").append(body);
}

std::string normalize_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32 + 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
    if (c == '\r' || c == '\n') {
      out += "\r\n";
    } else {
      out += c;
    }
  }
  return out;
}

bool has_only_crlf(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') return false;
    if (text[i] != '\r') continue;
    if (i + 1 == text.size() || text[i + 1] != '\n') return false;
    ++i;
  }
  return true;
}

bool is_7bit(std::string_view body) noexcept {
  if (!is_ascii(body) || body.find('\0') != std::string_view::npos || !has_only_crlf(body)) return false;
  while (!body.empty()) {
    if (take_line(body).size() > kMaxLine) return false;
  }
  return true;
}

std::optional<LongLine> find_long_line(std::string_view text, std::size_t limit) noexcept {
  std::size_t begin = 0;
  // From line to line by the last line end within reach: what lies between is in short lines.
  while (text.size() - begin > limit) {
    const auto end = text.substr(begin, limit + 2).rfind('\n');
    if (end != std::string_view::npos) {
      begin += end + 1;
      continue;
    }
    std::string_view rest = text.substr(begin);
    const auto before = text.substr(0, begin);
    return LongLine{static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1, take_line(rest).size()};
  }
  return std::nullopt;
}

std::string encode_quoted_printable(std::string_view data, LineBreaks breaks) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(data.size() + data.size() / 4);
  std::size_t column = 0;
  for (std::size_t i = 0; i < data.size(); ++i) {
    const char c = data[i];
    const bool line_end = data.substr(i, 2) == "\r\n";
    if (breaks == LineBreaks::Text && line_end) {
      out += "\r\n";
      column = 0;
      ++i;
      continue;
    }
    // RFC 2045 6.7 (3): white space at the end of a line is encoded. A dot or "From" at the start too, for SMTP and mbox software.
    const bool last = i + 1 == data.size() || (breaks == LineBreaks::Text && data.substr(i + 1, 2) == "\r\n");
    const bool plain = (c > 0x20 && c < 0x7F && c != '=') || (is_wsp(c) && !last);
    const bool risky = column == 0 && (c == '.' || (c == 'F' && data.substr(i, 5) == "From "));
    const std::size_t width = plain && !risky ? 1 : 3;
    if (column + width > kEncodedLine - 1) {  // one column is for the soft break's "="
      out += "=\r\n";
      column = 0;
      --i;  // again, as the first of a line
      continue;
    }
    if (width == 1) {
      out += c;
    } else {
      out += '=';
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 15];
    }
    column += width;
  }
  return out;
}

std::string encode_base64_body(std::string_view data) {
  constexpr std::size_t octets_per_line = kEncodedLine / 4 * 3;
  std::string out;
  out.reserve(data.size() / octets_per_line * (kEncodedLine + 2) + kEncodedLine + 2);
  for (; !data.empty(); data.remove_prefix(std::min(octets_per_line, data.size()))) {
    out += base64_encode(as_bytes(data.substr(0, octets_per_line)));
    out += "\r\n";
  }
  return out;
}

std::string edit_header(const MessageView& message, const HeaderEdit& edit) {
  return edit_header_if(message, edit.prepend, edit.append, [&edit](const HeaderField& field) {
    return std::none_of(edit.remove.begin(), edit.remove.end(), [&field](const std::string& name) { return field.is(name); });
  });
}

}  // namespace postern
