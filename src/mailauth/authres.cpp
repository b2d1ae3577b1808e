#include "mailauth/authres.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace postern {
namespace {

constexpr std::size_t kLongest = 64UL * 1024;
constexpr std::size_t kMost = 100;
constexpr int kDeepest = 20;

bool is_space(char c) { return is_wsp(c) || c == '\r' || c == '\n'; }

/// token of RFC 2045 5.1, and what values have beside it: "/" "@" ":" in addresses and paths (RFC 8601 2.2 pvalue). UTF-8 by RFC 8616.
bool is_word(char c) {
  if (static_cast<unsigned char>(c) >= 0x80) return true;
  return c > 0x20 && c < 0x7f && std::string_view("()<>,;\\\"[]?=").find(c) == std::string_view::npos;
}

/// What an address has beyond that: a local-part may hold "=" and "?" (RFC 5321 4.1.2), and some write it in angle brackets.
bool is_of_value(char c) { return is_word(c) || (c != '\0' && std::string_view("=?<>[]").find(c) != std::string_view::npos); }

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += '\\';
    out += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  return out + "\"";
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : m_text(text) {}

  [[nodiscard]] bool at_end() const { return m_at >= m_text.size(); }
  [[nodiscard]] std::size_t at() const { return m_at; }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : m_text[m_at]; }
  bool take(char c) {
    if (peek() != c || at_end()) return false;
    ++m_at;
    return true;
  }

  Status skip_cfws() {
    while (!at_end()) {
      if (is_space(m_text[m_at])) {
        ++m_at;
      } else if (m_text[m_at] == '(') {
        POSTERN_CHECK(skip_comment());
      } else {
        break;
      }
    }
    return {};
  }

  /// A token or a quoted string. `stop`: a character that ends a token here.
  Result<std::string> word(char stop = '\0') {
    POSTERN_CHECK(skip_cfws());
    if (peek() == '"') return quoted();
    const std::size_t begin = m_at;
    while (!at_end() && is_word(m_text[m_at]) && (stop == '\0' || m_text[m_at] != stop)) ++m_at;
    if (m_at == begin) return fail(wrong("a word is missing"));
    return std::string(m_text.substr(begin, m_at - begin));
  }

  /// pvalue of RFC 8601 2.2: a word, or an address. A quoted local-part keeps its quotes, anything else that is quoted loses them.
  Result<std::string> value() {
    std::string out;
    if (peek() == '"') {
      POSTERN_TRY(out, quoted());
      if (peek() != '@') return out;
      out = in_quotes(out);
    }
    const std::size_t begin = m_at;
    while (!at_end() && is_of_value(m_text[m_at])) ++m_at;
    if (m_at == begin) return fail(wrong("a value is missing"));
    return out.append(m_text.substr(begin, m_at - begin));
  }

  [[nodiscard]] Error wrong(std::string_view what) const {
    return {ErrorCode::BadInput, std::string(what) + " at octet " + std::to_string(m_at + 1), "Authentication-Results"};
  }

  /// Keyword of RFC 8601 2.2 (Ldh-str), with the dots and underscores that are in use; lower case.
  Result<std::string> keyword(char stop = '\0') {
    POSTERN_TRY(std::string out, word(stop));
    const auto fits = [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; };
    if (out.empty() || !std::ranges::all_of(out, fits)) return fail(wrong("a word that names nothing"));
    return to_lower(out);
  }

 private:
  /// RFC 5322 3.2.2, nested.
  Status skip_comment() {
    int depth = 0;
    for (; !at_end(); ++m_at) {
      const char c = m_text[m_at];
      if (c == '\\') ++m_at;
      if (c == '(' && ++depth > kDeepest) return fail(wrong("comments are nested too deeply"));
      if (c == ')' && --depth == 0) {
        ++m_at;
        return {};
      }
    }
    return fail(wrong("a comment has no end"));
  }

  Result<std::string> quoted() {
    std::string out;
    for (++m_at; !at_end(); ++m_at) {
      const char c = m_text[m_at];
      if (c == '"') {
        ++m_at;
        return out;
      }
      if (c == '\\' && m_at + 1 < m_text.size()) ++m_at;
      if (m_text[m_at] != '\r' && m_text[m_at] != '\n') out += m_text[m_at];
    }
    return fail(wrong("a quoted text has no end"));
  }

  std::string_view m_text;
  std::size_t m_at = 0;
};

/// "spf/1 = pass" up to the first property.
Status read_method(Scanner& in, AuthResult& out) {
  POSTERN_TRY(out.method, in.keyword('/'));
  POSTERN_CHECK(in.skip_cfws());
  if (in.take('/')) {
    POSTERN_TRY(out.version, in.keyword());
    POSTERN_CHECK(in.skip_cfws());
  }
  if (!in.take('=')) return fail(in.wrong("a method without a result"));
  POSTERN_TRY(out.result, in.keyword());
  return {};
}

/// "smtp . mailfrom =". A name alone is no property of RFC 8601, but Microsoft writes one ("action=none"): its type is empty.
Status read_property_name(Scanner& in, AuthProperty& out) {
  POSTERN_TRY(out.type, in.keyword('.'));
  POSTERN_CHECK(in.skip_cfws());
  if (in.take('.')) {
    POSTERN_TRY(out.name, in.keyword());
    POSTERN_CHECK(in.skip_cfws());
  } else {
    out.name = std::exchange(out.type, {});
  }
  return in.take('=') ? Status() : fail(in.wrong("a property without a value"));
}

/// "reason = text" or a property with its value.
Status read_property(Scanner& in, AuthResult& out) {
  AuthProperty property;
  POSTERN_CHECK(read_property_name(in, property));
  if (property.type.empty() && property.name == "reason") {
    POSTERN_TRY(out.reason, in.word());
    return {};
  }
  POSTERN_CHECK(in.skip_cfws());
  if (in.peek() != ';' && !in.at_end()) {
    POSTERN_TRY(property.value, in.value());
  }
  if (out.properties.size() >= kMost) return fail(ErrorCode::TooLarge, "a result has too many properties", "Authentication-Results");
  out.properties.push_back(std::move(property));
  return {};
}

Result<AuthResult> read_result(Scanner& in) {
  AuthResult out;
  POSTERN_CHECK(read_method(in, out));
  for (;;) {
    POSTERN_CHECK(in.skip_cfws());
    if (in.at_end() || in.peek() == ';') return out;
    POSTERN_CHECK(read_property(in, out));
  }
}

/// resinfo, or "none" alone (RFC 8601 2.2).
Status read_results(Scanner& in, AuthResults& out) {
  while (in.take(';')) {
    POSTERN_CHECK(in.skip_cfws());
    if (in.at_end()) return {};  // a last semicolon: many write it
    Scanner ahead = in;
    const auto word = ahead.word();
    POSTERN_CHECK(ahead.skip_cfws());
    if (word && iequals(*word, "none") && ahead.at_end() && out.results.empty()) {
      in = ahead;
      return {};
    }
    if (out.results.size() >= kMost) return fail(ErrorCode::TooLarge, "too many results", "Authentication-Results");
    POSTERN_TRY(out.results.emplace_back(), read_result(in));
  }
  return {};
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return is_word(c) && static_cast<unsigned char>(c) < 0x80; });
}

std::string written(std::string_view text) { return is_token(text) ? std::string(text) : in_quotes(text); }

}  // namespace

Result<AuthResults> parse_authres(std::string_view value) {
  if (value.size() > kLongest) return fail(ErrorCode::TooLarge, "is longer than 64 KiB", "Authentication-Results");
  Scanner in(value);
  AuthResults out;
  POSTERN_TRY(out.authserv_id, in.word());
  POSTERN_CHECK(in.skip_cfws());
  if (!in.at_end() && in.peek() != ';') {
    POSTERN_TRY(out.version, in.word());
    if (!std::ranges::all_of(out.version, is_digit)) return fail(in.wrong("a version that is no number"));  // authres-version = 1*DIGIT
    POSTERN_CHECK(in.skip_cfws());
  }
  if (!in.at_end() && in.peek() != ';') return fail(in.wrong("a semicolon is missing"));
  POSTERN_CHECK(read_results(in, out));
  if (!in.at_end()) return fail(in.wrong("something follows the results"));
  return out;
}

std::string authserv_id_of(std::string_view value) {
  Scanner in(value.substr(0, kLongest));
  const auto id = in.word();
  return id ? to_lower(*id) : std::string();
}

std::string write_authres(const AuthResults& results) {
  std::string out = "Authentication-Results: " + written(results.authserv_id);
  if (!results.version.empty()) out += " " + results.version;
  if (results.results.empty()) return out + "; none\r\n";
  for (const AuthResult& one : results.results) {
    out += ";\r\n\t" + written(one.method) + "=" + written(one.result);
    if (!one.reason.empty()) out += " reason=" + written(one.reason);
    for (const AuthProperty& property : one.properties) {
      if (property.value.empty()) continue;
      out += "\r\n\t " + property.type + (property.type.empty() ? "" : ".") + property.name + "=" + written(property.value);
    }
  }
  return out + "\r\n";
}

}  // namespace postern
