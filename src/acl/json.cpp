// JSON (RFC 8259) into the tree that HCL gives too. Not boost::json, which forgets where a value stood and which keys came twice.
#include "acl/scanner.hpp"
#include "base/text.hpp"

namespace postern::acl {
namespace {

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : m_in(text, Dialect::Json) {}

  Result<Node> read_file() {
    POSTERN_CHECK(m_in.skip_blanks());
    if (m_in.peek() != '{') return m_in.expected("'{'");
    POSTERN_TRY(Node file, read_object());
    POSTERN_CHECK(m_in.skip_blanks());
    if (!m_in.at_end()) return m_in.expected("the end of the text");
    return file;
  }

 private:
  Result<Node> read_value() {
    const char c = m_in.peek();
    if (c == '"') return m_in.read_quoted();
    if (c == '[') return read_list();
    if (c == '{') return read_object();
    if (c == '-' || is_digit(c)) return m_in.read_number();
    return read_literal();
  }

  Result<Node> read_literal() {
    for (const std::string_view word : {"true", "false", "null"}) {
      if (!m_in.rest().starts_with(word)) continue;
      POSTERN_TRY(Node node, m_in.begin(word == "null" ? Node::Kind::Null : Node::Kind::Bool));
      node.flag = word == "true";
      m_in.skip(word.size());
      return node;
    }
    return m_in.expected("a value");
  }

  Result<Node> read_list() {
    POSTERN_TRY(Node list, m_in.enter(Node::Kind::List));
    POSTERN_TRY(bool more, begin_container(']'));
    while (more) {
      POSTERN_TRY(Node item, read_value());
      list.items.push_back(std::move(item));
      POSTERN_TRY(more, another(']', "',' or ']'"));
    }
    m_in.leave();
    return list;
  }

  Result<Node> read_object() {
    POSTERN_TRY(Node object, m_in.enter(Node::Kind::Object));
    POSTERN_TRY(bool more, begin_container('}'));
    while (more) {
      if (m_in.peek() != '"') return m_in.expected("a key in quotes");
      Member member;
      POSTERN_TRY(Node key, m_in.read_quoted());
      member.keys.push_back(std::move(key));
      POSTERN_CHECK(m_in.skip_blanks());
      if (!m_in.take(':')) return m_in.expected("':'");
      POSTERN_CHECK(m_in.skip_blanks());
      POSTERN_TRY(member.value, read_value());
      object.members.push_back(std::move(member));
      POSTERN_TRY(more, another('}', "',' or '}'"));
    }
    m_in.leave();
    return object;
  }

  // Behind the opening bracket: whether there is anything inside.
  Result<bool> begin_container(char close) {
    m_in.skip(1);
    POSTERN_CHECK(m_in.skip_blanks());
    return !m_in.take(close);
  }

  Result<bool> another(char close, std::string_view expected) {
    POSTERN_CHECK(m_in.skip_blanks());
    if (m_in.take(close)) return false;
    if (!m_in.take(',')) return m_in.expected(expected);
    POSTERN_CHECK(m_in.skip_blanks());
    return true;
  }

  Scanner m_in;
};

}  // namespace

Result<Node> parse_json(std::string_view text) { return JsonReader(text).read_file(); }

Result<Node> parse_syntax(std::string_view text) { return trim(text).starts_with('{') ? parse_json(text) : parse_hcl(text); }

tl::unexpected<Error> syntax_error(std::string_view text, std::size_t at, std::string_view what) {
  std::size_t line = 1, column = 1;
  for (const char c : text.substr(0, at)) {
    if (c == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {  // not the middle of a character
      ++column;
    }
  }
  return fail(ErrorCode::BadInput, "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + std::string(what),
              "policy");
}

}  // namespace postern::acl
