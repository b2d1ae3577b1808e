#include "config/toml_guard.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace postern::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool beyond_ascii(char c) { return static_cast<unsigned char>(c) >= 0x80; }

class Scan {
 public:
  explicit Scan(std::string_view text) : m_text(text) {
    if (m_text.starts_with(kByteOrderMark)) m_at = kByteOrderMark.size();
  }

  std::optional<std::size_t> run() {
    while (m_at < m_text.size() && !m_found && !m_ended) {
      const char c = m_text[m_at];
      if (c == '#')
        m_at = std::min(m_text.find('\n', m_at), m_text.size());
      else if (c == '"' || c == '\'')
        string(c);
      else
        take();
    }
    return m_found;
  }

 private:
  /// One octet where white space could stand.
  void take() {
    if (beyond_ascii(m_text[m_at])) m_found = m_line;
    if (m_text[m_at] == '\n') ++m_line;
    ++m_at;
  }
  [[nodiscard]] bool tripled(char quote) const {
    return m_text.size() - m_at >= 3 && m_text[m_at] == quote && m_text[m_at + 1] == quote && m_text[m_at + 2] == quote;
  }
  void string(char quote) {
    const bool multi_line = tripled(quote);
    m_at += multi_line ? 3 : 1;
    while (m_at < m_text.size() && !m_found) {
      const char c = m_text[m_at];
      if (c == '\n' && !multi_line) return void(m_ended = true);  // the parser stops here with an error of its own
      if (c == quote && (!multi_line || tripled(quote))) return close(quote, multi_line);
      if (c == '\n') ++m_line;
      ++m_at;
      if (c == '\\' && quote == '"') escape(multi_line);
    }
  }
  void close(char quote, bool multi_line) {
    m_at += multi_line ? 3 : 1;
    // TOML 1.0: one or two quotes may stand directly before the closing three.
    for (int more = 0; multi_line && more < 2 && m_at < m_text.size() && m_text[m_at] == quote; ++more) ++m_at;
  }
  /// Behind a backslash: one octet; or, at the end of a line of a multi-line string, all white space up to the next octet, which counts.
  void escape(bool multi_line) {
    if (m_at == m_text.size()) return;
    if (!multi_line || !is_space(m_text[m_at])) {
      if (beyond_ascii(m_text[m_at])) m_found = m_line;
      if (m_text[m_at] != '\n') ++m_at;
      return;
    }
    while (m_at < m_text.size() && is_space(m_text[m_at])) take();
    if (m_at < m_text.size() && beyond_ascii(m_text[m_at])) m_found = m_line;
  }
  static bool is_space(char c) { return is_wsp(c) || (c >= '\n' && c <= '\r'); }

  std::string_view m_text;
  std::size_t m_at = 0;
  std::size_t m_line = 1;
  std::optional<std::size_t> m_found;
  bool m_ended = false;
};

}  // namespace

std::optional<std::size_t> line_toml_cannot_read(std::string_view text) noexcept { return Scan(text).run(); }

}  // namespace postern::config
