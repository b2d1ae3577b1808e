#include "acl/scanner.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"

namespace postern::acl {
namespace {

bool is_blank(char c) noexcept { return is_wsp(c) || c == '\n' || c == '\r'; }

void append_utf8(std::string& out, std::uint32_t point) {
  const auto tail = [&out, point](unsigned shift) { out += static_cast<char>(0x80 | (point >> shift & 0x3F)); };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0 | point >> 6);
    tail(0);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xE0 | point >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | point >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

/// What an escape of one letter stands for; NUL when there is none of that letter.
char simple_escape(char c, Dialect dialect) noexcept {
  switch (c) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    case 'b': return '\b';
    case 'f': return '\f';
    case '"':
    case '\\': return c;
    case '/': return dialect == Dialect::Json ? '/' : '\0';
    case 'a': return dialect == Dialect::Hcl ? '\a' : '\0';
    case 'v': return dialect == Dialect::Hcl ? '\v' : '\0';
    default: return '\0';
  }
}

std::size_t digits_from(std::string_view text, std::size_t at) noexcept {
  std::size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end - at;
}

/// Length of a JSON number (RFC 8259 6) at the front; 0 when there is none. `whole`: no fraction, no exponent.
std::size_t number_size(std::string_view text, bool& whole) noexcept {
  std::size_t end = text.starts_with('-') ? 1 : 0;
  const std::size_t digits = digits_from(text, end);
  if (digits == 0 || (digits > 1 && text[end] == '0')) return 0;
  end += digits;
  whole = true;
  if (end < text.size() && text[end] == '.') {
    const std::size_t fraction = digits_from(text, end + 1);
    if (fraction == 0) return 0;
    whole = false;
    end += 1 + fraction;
  }
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    const std::size_t sign = end + 1 < text.size() && (text[end + 1] == '+' || text[end + 1] == '-') ? 1 : 0;
    const std::size_t exponent = digits_from(text, end + 1 + sign);
    if (exponent == 0) return 0;
    whole = false;
    end += 1 + sign + exponent;
  }
  return end;
}

template <class T>
bool convert(std::string_view text, T& out) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

bool Scanner::take(char c) noexcept {
  if (at_end() || m_text[m_at] != c) return false;
  ++m_at;
  return true;
}

Status Scanner::skip_blanks() {
  for (;;) {
    while (!at_end() && is_blank(m_text[m_at])) ++m_at;
    const bool comment = m_dialect == Dialect::Hcl && (peek() == '#' || rest().starts_with("//") || rest().starts_with("/*"));
    if (!comment) return {};
    POSTERN_CHECK(skip_comment());
  }
}

Status Scanner::skip_comment() {
  const bool block = rest().starts_with("/*");
  const std::size_t end = m_text.find(block ? "*/" : "\n", block ? m_at + 2 : m_at);
  if (block && end == std::string_view::npos) return error("this comment does not end: close it with */");
  m_at = end == std::string_view::npos ? m_text.size() : end + (block ? 2 : 1);
  return {};
}

Result<Node> Scanner::read_quoted() {
  POSTERN_TRY(Node node, begin(Node::Kind::Text));
  ++m_at;
  for (;;) {
    if (at_end() || m_text[m_at] == '\n') return error_at(node.at, "this string does not end on its line: close it with a quote");
    const char c = m_text[m_at];
    if (c == '"') break;
    if (c == '\\') {
      POSTERN_CHECK(read_escape(node.text));
      continue;
    }
    if (m_dialect == Dialect::Json && static_cast<unsigned char>(c) < 0x20)
      return error("a control character in a string: write it as \\u00XX");
    node.text += c;
    ++m_at;
  }
  ++m_at;
  return node;
}

Status Scanner::read_escape(std::string& out) {
  const std::size_t begin = m_at++;
  const char c = peek();
  if (c == 'u' || (c == 'U' && m_dialect == Dialect::Hcl)) {
    ++m_at;
    return read_code_point(out, c == 'u' ? 4 : 8);
  }
  const char meant = simple_escape(c, m_dialect);
  if (meant == '\0') return error_at(begin, "unknown escape: for a backslash write \\\\");
  out += meant;
  ++m_at;
  return {};
}

Status Scanner::read_code_point(std::string& out, std::size_t digits) {
  const std::size_t begin = m_at - 2;
  POSTERN_TRY(std::uint32_t point, read_hex(digits));
  if (point >= 0xD800 && point < 0xDC00 && rest().starts_with("\\u")) {  // RFC 8259 7: a pair of surrogates
    m_at += 2;
    POSTERN_TRY(const std::uint32_t low, read_hex(4));
    if (low < 0xDC00 || low > 0xDFFF) return error_at(begin, "half of a surrogate pair is missing");
    point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
  }
  if (point == 0 || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return error_at(begin, "this escape is no character");
  append_utf8(out, point);
  return {};
}

Result<std::uint32_t> Scanner::read_hex(std::size_t digits) {
  std::uint32_t value = 0;
  const std::string_view text = rest().substr(0, digits);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.size() != digits || error != std::errc() || end != text.data() + digits)
    return expected(digits == 4 ? "four hexadecimal digits" : "eight hexadecimal digits");
  m_at += digits;
  return value;
}

Result<Node> Scanner::read_number() {
  POSTERN_TRY(Node node, begin(Node::Kind::Integer));
  bool whole = false;
  const std::size_t size = number_size(rest(), whole);
  const std::string_view text = rest().substr(0, size);
  const char next = size < rest().size() ? rest()[size] : '\0';
  if (size == 0 || is_alnum(next) || next == '_' || next == '.') return error("not a number: write it in decimal without leading zeros");
  if (!whole) node.kind = Node::Kind::Real;
  if (!(whole ? convert(text, node.integer) : convert(text, node.real))) return error("this number is too large");
  m_at += size;
  return node;
}

Result<Node> Scanner::begin(Node::Kind kind) {
  if (++m_nodes > kSyntaxNodes) return error("too many values in one policy: split it");
  Node node;
  node.kind = kind;
  node.at = m_at;
  return node;
}

Result<Node> Scanner::enter(Node::Kind kind) {
  if (m_depth == kSyntaxDepth) return error("nested too deeply");
  ++m_depth;
  return begin(kind);
}

tl::unexpected<Error> Scanner::expected(std::string_view what) const {
  std::string text = "expected " + std::string(what) + ", found ";
  if (at_end()) {
    text += "the end of the text";
  } else if (peek() == '\n' || peek() == '\r') {
    text += "the end of the line";
  } else {
    const auto is_word = [](char c) { return is_alnum(c) || c == '_' || c == '-'; };
    const std::string_view from = rest();
    const auto end = std::find_if_not(from.begin(), from.end(), is_word);
    text += '\'' + printable(from.substr(0, std::max<std::size_t>(1, static_cast<std::size_t>(end - from.begin()))), 24) + '\'';
  }
  return error(text);
}

}  // namespace postern::acl
