#include "acl/hcl.hpp"

#include <charconv>

#include "base/text.hpp"

namespace postern::acl {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.'; }
bool is_number(char c) { return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'; }

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : m_text(text) {}

  Result<HclObject> parse() {
    POSTERN_CHECK(skip_blank());
    m_json = peek() == '{';
    if (!m_json) return items('\0', 0);
    POSTERN_TRY(HclValue whole, value(0));
    POSTERN_CHECK(skip_blank());
    if (!at_end()) return error("expected the end of the text behind the object");
    return std::get<HclObject>(std::move(whole.value));
  }

 private:
  [[nodiscard]] bool at_end() const { return m_at == m_text.size(); }
  [[nodiscard]] char peek(std::size_t ahead = 0) const { return m_at + ahead < m_text.size() ? m_text[m_at + ahead] : '\0'; }
  [[nodiscard]] bool sees(std::string_view word) const { return m_text.substr(m_at).starts_with(word); }
  [[nodiscard]] HclPlace place() const { return m_place; }
  [[nodiscard]] tl::unexpected<Error> error(std::string_view what) const { return hcl_error(m_place, what); }

  char next() {
    const char c = m_text[m_at++];
    if (c == '\n') {
      ++m_place.line;
      m_place.column = 1;
    } else {
      ++m_place.column;
    }
    return c;
  }
  void skip_line() {
    while (!at_end() && peek() != '\n') next();
  }

  Status skip_blank() {
    while (!at_end()) {
      if (is_blank(peek())) {
        next();
      } else if (!m_json && (peek() == '#' || sees("//"))) {
        skip_line();
      } else if (!m_json && sees("/*")) {
        POSTERN_CHECK(skip_comment());
      } else {
        break;
      }
    }
    return {};
  }

  Status skip_comment() {
    const HclPlace begin = place();
    while (!sees("*/")) {
      if (at_end()) return hcl_error(begin, "the comment that begins here has no end");
      next();
    }
    next();
    next();
    return {};
  }

  /// Items up to `end`, which stays unread ('\0': the end of the text).
  Result<HclObject> items(char end, int depth) {
    HclObject out;
    for (;;) {
      POSTERN_CHECK(skip_blank());
      if (end == '\0' ? at_end() : peek() == end) return out;
      if (at_end()) return error("expected '}'");
      POSTERN_TRY(HclItem one, item(depth));
      out.push_back(std::move(one));
      POSTERN_CHECK(skip_blank());
      const bool comma = peek() == ',';
      if (comma) next();
      if (m_json) POSTERN_CHECK(check_json_separator(comma, end));
    }
  }

  /// RFC 8259 4: a comma between members, and none behind the last.
  Status check_json_separator(bool comma, char end) {
    POSTERN_CHECK(skip_blank());
    if (!comma && peek() != end) return error("expected ',' or '}'");
    if (comma && peek() == end) return error("expected a name in quotes behind ','");
    return {};
  }

  Result<HclItem> item(int depth) {
    HclItem out;
    out.place = place();
    POSTERN_TRY(out.key, key());
    for (;;) {
      POSTERN_CHECK(skip_blank());
      if (peek() == (m_json ? ':' : '=')) {
        next();
        POSTERN_CHECK(skip_blank());
        break;
      }
      if (m_json) return error("expected ':'");
      if (peek() == '{') break;
      if (at_end() || (peek() != '"' && !is_letter(peek()))) return error("expected '=', '{' or a label in quotes");
      POSTERN_TRY(std::string label, key());
      out.labels.push_back(std::move(label));
    }
    POSTERN_TRY(out.value, value(depth));
    return out;
  }

  Result<std::string> key() {
    if (peek() == '"') return quoted();
    if (m_json || !is_letter(peek())) return error("expected a name");
    return word();
  }
  std::string word() {
    std::string out;
    while (!at_end() && is_word(peek())) out += next();
    return out;
  }

  Result<HclValue> value(int depth) {
    if (depth >= kHclDepth) return error("nested too deep");
    HclValue out{std::string(), false, place()};
    const char c = peek();
    if (c == '"') {
      POSTERN_TRY(out.value, quoted());
    } else if (c == '[') {
      POSTERN_TRY(out.value, list(depth + 1));
    } else if (c == '{') {
      next();
      POSTERN_TRY(out.value, items('}', depth + 1));
      next();
    } else if (!m_json && sees("<<")) {
      POSTERN_TRY(out.value, heredoc());
    } else if (is_digit(c) || c == '-') {
      POSTERN_CHECK(number(out));
    } else {
      POSTERN_TRY(out.value, truth());
    }
    return out;
  }

  Result<HclList> list(int depth) {
    next();
    HclList out;
    for (;;) {
      POSTERN_CHECK(skip_blank());
      if (peek() == ']' && (!m_json || out.empty())) break;
      POSTERN_TRY(HclValue one, value(depth));
      out.push_back(std::move(one));
      POSTERN_CHECK(skip_blank());
      if (peek() == ']') break;
      if (peek() != ',') return error("expected ',' or ']'");
      next();
    }
    next();
    return out;
  }

  Result<bool> truth() {
    const HclPlace begin = place();
    const std::string text = is_letter(peek()) ? word() : std::string();
    if (text == "true") return true;
    if (text == "false") return false;
    return hcl_error(begin, "expected a value: a text in quotes, a number, true, false, a list or an object");
  }

  Status number(HclValue& out) {
    const HclPlace begin = place();
    std::string text;
    while (!at_end() && is_number(peek())) text += next();
    double parsed = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (failed != std::errc() || end != text.data() + text.size()) return hcl_error(begin, "not a number");
    out.value = parsed;
    out.whole_number = text.find_first_of(".eE") == std::string::npos;
    return {};
  }

  Result<std::string> quoted() {
    const HclPlace begin = place();
    next();
    std::string out;
    while (peek() != '"' || at_end()) {
      if (at_end() || peek() == '\n') return hcl_error(begin, "the text that begins here has no closing quote");
      if (static_cast<unsigned char>(peek()) < 0x20 && peek() != '\t') return error("a control character must be written as an escape");
      const char c = next();
      if (c != '\\') {
        out += c;
        continue;
      }
      POSTERN_CHECK(escape(out));
    }
    next();
    if (!is_utf8(out)) return hcl_error(begin, "the text that begins here is not UTF-8");
    return out;
  }

  Status escape(std::string& out) {
    constexpr std::string_view names = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    if (at_end()) return error("expected an escape");
    const char c = next();
    if (const auto at = names.find(c); at != std::string_view::npos) {
      out += meanings[at];
      return {};
    }
    if (c != 'u') return error("unknown escape; known are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
    POSTERN_TRY(std::uint32_t code, four_digits());
    if (code >= 0xD800 && code < 0xDC00 && sees("\\u")) {  // RFC 8259 7: a surrogate pair
      next();
      next();
      POSTERN_TRY(const std::uint32_t low, four_digits());
      if (low < 0xDC00 || low > 0xDFFF) return error("half of a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (code == 0 || (code >= 0xD800 && code <= 0xDFFF)) return error("not a character");
    append_utf8(out, code);
    return {};
  }

  Result<std::uint32_t> four_digits() {
    const std::string_view digits = m_text.substr(m_at, 4);
    std::uint32_t code = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || failed != std::errc() || end != digits.data() + 4) return error("expected four hexadecimal digits");
    for (int i = 0; i < 4; ++i) next();
    return code;
  }

  /// <<EOF ... EOF, or <<-EOF with the closing word indented.
  Result<std::string> heredoc() {
    const HclPlace begin = place();
    next();
    next();
    const bool indented = peek() == '-';
    if (indented) next();
    const std::string end = word();
    if (end.empty() || peek() != '\n') return hcl_error(begin, "a heredoc begins with <<WORD and a line end");
    next();
    std::string out;
    while (!at_end()) {
      std::string line;
      while (!at_end() && peek() != '\n') line += next();
      if ((indented ? trim(line) : std::string_view(line)) == end)
        return is_utf8(out) ? Result<std::string>(out) : hcl_error(begin, "not UTF-8");
      if (!at_end()) line += next();
      out += line;
    }
    return hcl_error(begin, "the heredoc that begins here has no end");
  }

  std::string_view m_text;
  std::size_t m_at = 0;
  HclPlace m_place;
  bool m_json = false;
};

}  // namespace

tl::unexpected<Error> hcl_error(const HclPlace& place, std::string_view what) {
  return fail(ErrorCode::BadInput,
              "line " + std::to_string(place.line) + ", column " + std::to_string(place.column) + ": " + std::string(what), "policy");
}

Result<HclObject> parse_hcl(std::string_view text) { return Parser(text).parse(); }

}  // namespace postern::acl
