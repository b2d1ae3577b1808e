#include "mime/multipart.hpp"

#include <algorithm>
#include <vector>

#include "base/text.hpp"
#include "mime/tree.hpp"

namespace postern {
namespace {

bool is_bchar(char c) noexcept { return is_alnum(c) || std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos; }

/// Follows header and delimiter lines only; keeps one open level per multipart or enclosed message.
class StructureScan {
 public:
  explicit StructureScan(const Limits& limits) : m_limits(limits) {}

  Status feed(std::string_view line) {
    if (line.starts_with("--")) {
      POSTERN_TRY(const bool delimiter, delimit(line));
      if (delimiter) return {};
    }
    if (!m_in_header) return {};
    if (line.empty()) return end_header();
    if (is_wsp(line.front())) {
      if (m_in_type) m_type += line;
    } else {
      m_in_type = istarts_with(line, "content-type") && line.find(':') != std::string_view::npos;
      if (m_in_type) m_type = line.substr(line.find(':') + 1);
    }
    return {};
  }

 private:
  Result<bool> delimit(std::string_view line) {
    for (std::size_t level = m_levels.size(); level-- > 0;) {
      const Delimiter kind = m_levels[level].empty() ? Delimiter::None : delimiter_kind(line, m_levels[level]);
      if (kind == Delimiter::None) continue;
      m_levels.resize(level + (kind == Delimiter::Open ? 1 : 0));
      m_in_header = kind == Delimiter::Open;
      m_type.clear();
      m_in_type = false;
      if (kind == Delimiter::Open && ++m_parts > m_limits.mime_parts) {
        return fail(ErrorCode::TooLarge, "the message has more than " + std::to_string(m_limits.mime_parts) + " parts", "mime_parts");
      }
      return true;
    }
    return false;
  }

  Status end_header() {
    m_in_header = false;
    m_in_type = false;
    const std::string value = std::exchange(m_type, {});
    const auto kind = trim(value);
    if (istarts_with(kind, "multipart/")) return open(parse_content_type(value).parameter("boundary"));
    if (istarts_with(kind, "message/")) {
      m_in_header = true;
      return open({});
    }
    return {};
  }

  Status open(std::string boundary) {
    if (m_levels.size() >= m_limits.mime_depth) {
      return fail(ErrorCode::TooLarge, "the message nests deeper than " + std::to_string(m_limits.mime_depth) + " levels", "mime_depth");
    }
    m_levels.push_back(std::move(boundary));
    return {};
  }

  const Limits& m_limits;
  std::vector<std::string> m_levels;  // boundary, or empty for an enclosed message
  std::string m_type;
  std::size_t m_parts = 0;
  bool m_in_header = true;
  bool m_in_type = false;
};

}  // namespace

Delimiter delimiter_kind(std::string_view line, std::string_view boundary) noexcept {
  if (!line.starts_with("--") || line.substr(2, boundary.size()) != boundary) return Delimiter::None;
  std::string_view tail = line.substr(2 + boundary.size());
  Delimiter kind = Delimiter::Open;
  if (tail.starts_with("--")) {
    kind = Delimiter::Close;
    tail.remove_prefix(2);
  }
  return std::all_of(tail.begin(), tail.end(), is_wsp) ? kind : Delimiter::None;
}

bool is_boundary(std::string_view boundary) noexcept {
  return !boundary.empty() && boundary.size() <= 70 && boundary.back() != ' ' && std::all_of(boundary.begin(), boundary.end(), is_bchar);
}

std::string_view take_line(std::string_view& rest) noexcept {
  const auto end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (end != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Status check_structure(std::string_view raw, const Limits& limits) {
  StructureScan scan(limits);
  while (!raw.empty()) POSTERN_CHECK(scan.feed(take_line(raw)));
  return {};
}

Result<MultipartView> split_multipart(std::string_view body, std::string_view boundary, std::size_t max_parts) {
  if (boundary.empty() || boundary.size() > 70) return fail(ErrorCode::BadInput, "a multipart boundary has 1 to 70 characters", "boundary");
  MultipartView view;
  std::string_view rest = body;
  std::size_t begin = 0;
  bool inside = false;
  // RFC 2046 5.1.1: the line end in front of a delimiter line belongs to the delimiter.
  const auto upto = [&](std::size_t end) {
    if (end > begin && body[end - 1] == '\n') --end;
    if (end > begin && body[end - 1] == '\r') --end;
    return body.substr(begin, end - begin);
  };
  while (!rest.empty() && !view.closed) {
    const std::size_t line_begin = body.size() - rest.size();
    const Delimiter kind = delimiter_kind(take_line(rest), boundary);
    if (kind == Delimiter::None) continue;
    if (inside) {
      if (view.parts.size() >= max_parts)
        return fail(ErrorCode::TooLarge, "the multipart has more than " + std::to_string(max_parts) + " parts", "mime_parts");
      view.parts.push_back(upto(line_begin));
    } else {
      view.preamble = upto(line_begin);
    }
    inside = true;
    begin = body.size() - rest.size();
    view.closed = kind == Delimiter::Close;
  }
  if (!inside) return fail(ErrorCode::BadInput, "the boundary does not occur in the multipart", "boundary");
  if (view.closed) {
    view.epilogue = body.substr(begin);
  } else {
    if (view.parts.size() >= max_parts)
      return fail(ErrorCode::TooLarge, "the multipart has more than " + std::to_string(max_parts) + " parts", "mime_parts");
    view.parts.push_back(body.substr(begin));
  }
  return view;
}

}  // namespace postern
