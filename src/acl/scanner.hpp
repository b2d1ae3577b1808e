// What the readers of HCL and JSON share: a place in the text, strings, numbers, bounds. For this room only.
#pragma once

#include "acl/syntax.hpp"

namespace postern::acl {

enum class Dialect { Hcl, Json };

class Scanner {
 public:
  Scanner(std::string_view text, Dialect dialect) : m_text(text), m_dialect(dialect) {}

  [[nodiscard]] std::size_t at() const noexcept { return m_at; }
  [[nodiscard]] bool at_end() const noexcept { return m_at == m_text.size(); }
  [[nodiscard]] std::string_view rest() const noexcept { return m_text.substr(m_at); }
  /// NUL at the end; the text itself has none.
  [[nodiscard]] char peek() const noexcept { return at_end() ? '\0' : m_text[m_at]; }
  void skip(std::size_t count) noexcept { m_at += count; }
  [[nodiscard]] bool take(char c) noexcept;
  /// Blanks, and in HCL comments.
  [[nodiscard]] Status skip_blanks();

  /// From the opening quote to behind the closing one.
  [[nodiscard]] Result<Node> read_quoted();
  [[nodiscard]] Result<Node> read_number();

  /// A value that begins here, counted against the limit.
  [[nodiscard]] Result<Node> begin(Node::Kind kind);
  /// A list or object that begins here, one level deeper; leave() when it ends.
  [[nodiscard]] Result<Node> enter(Node::Kind kind);
  void leave() noexcept { --m_depth; }

  /// "expected WHAT, found ..." at this place.
  [[nodiscard]] tl::unexpected<Error> expected(std::string_view what) const;
  [[nodiscard]] tl::unexpected<Error> error(std::string_view what) const { return error_at(m_at, what); }
  [[nodiscard]] tl::unexpected<Error> error_at(std::size_t at, std::string_view what) const { return syntax_error(m_text, at, what); }

 private:
  [[nodiscard]] Status skip_comment();
  [[nodiscard]] Status read_escape(std::string& out);
  [[nodiscard]] Status read_code_point(std::string& out, std::size_t digits);
  [[nodiscard]] Result<std::uint32_t> read_hex(std::size_t digits);
  std::string_view m_text;
  Dialect m_dialect;
  std::size_t m_at = 0;
  std::size_t m_depth = 0;
  std::size_t m_nodes = 0;
};

}  // namespace postern::acl
