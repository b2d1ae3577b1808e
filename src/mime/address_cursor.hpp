// The tokens that envelope and header addresses share (RFC 5321 4.1.2, RFC 5322 3.2), read forward over a borrowed text.
// Internal to mime/.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/text.hpp"

namespace postern {

/// RFC 5322 3.2.3 atext, with RFC 6531 3.3 UTF8-non-ascii octets (callers check well-formedness and permission).
[[nodiscard]] constexpr bool is_atext(char c) noexcept {
  return is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos || static_cast<unsigned char>(c) >= 0x80;
}

/// As a quoted-string: quotes and backslashes escaped.
[[nodiscard]] inline std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

class AddressCursor {
 public:
  explicit AddressCursor(std::string_view text) noexcept : m_text(text) {}

  [[nodiscard]] bool at_end() const noexcept { return m_at == m_text.size(); }
  /// The next character, or NUL at the end.
  [[nodiscard]] char peek() const noexcept { return at_end() ? '\0' : m_text[m_at]; }
  [[nodiscard]] std::string_view rest() const noexcept { return m_text.substr(m_at); }
  [[nodiscard]] std::size_t position() const noexcept { return m_at; }
  void rewind(std::size_t position) noexcept { m_at = position; }
  void skip(std::size_t count = 1) noexcept { m_at = std::min(m_at + count, m_text.size()); }
  bool take(char c) noexcept {
    if (at_end() || m_text[m_at] != c) return false;
    ++m_at;
    return true;
  }
  template <class Is>
  std::string_view take_while(Is is) {
    const std::size_t begin = m_at;
    while (!at_end() && is(m_text[m_at])) ++m_at;
    return m_text.substr(begin, m_at - begin);
  }
  /// Up to and with `last`; everything when it does not occur.
  std::string_view take_through(char last) {
    const auto found = m_text.find(last, m_at);
    const std::string_view taken = m_text.substr(m_at, found == std::string_view::npos ? found : found - m_at + 1);
    m_at += taken.size();
    return taken;
  }

  /// RFC 5321 4.1.2 Dot-string: atoms joined by single dots.
  Result<std::string> read_dot_string() {
    const std::string_view taken = take_while([](char c) { return is_atext(c) || c == '.'; });
    if (taken.empty()) return wrong("the local part is missing or begins with a character that is not allowed");
    if (taken.front() == '.' || taken.back() == '.' || taken.find("..") != std::string_view::npos) {
      return wrong("the local part has a dot at an end or two together; quote it");
    }
    return std::string(taken);
  }

  /// RFC 5321 4.1.2 Quoted-string, its meaning: printable characters and spaces, any printable one after a backslash.
  Result<std::string> read_quoted_strict() {
    std::string out;
    if (!take('"')) return wrong("a quoted local part begins with a quote");
    for (;;) {
      if (at_end()) return wrong("the quoted local part has no end");
      char c = m_text[m_at++];
      if (c == '"') return out;
      if (c == '\\') {
        if (at_end()) return wrong("the quoted local part has no end");
        c = m_text[m_at++];
        if (static_cast<unsigned char>(c) >= 0x80) return wrong("a backslash stands before a character that is not ASCII");
      }
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return wrong("the quoted local part has a control character");
      out += c;
    }
  }

  [[nodiscard]] tl::unexpected<Error> wrong(std::string what) const {
    return fail(ErrorCode::BadInput, std::move(what) + " (at character " + std::to_string(m_at + 1) + ")", "address");
  }

 private:
  std::string_view m_text;
  std::size_t m_at = 0;
};

}  // namespace postern
