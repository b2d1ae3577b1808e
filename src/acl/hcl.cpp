// HCL 1, as far as policies use it: https://github.com/hashicorp/hcl/tree/hcl1 describes the language.
#include "acl/scanner.hpp"
#include "base/text.hpp"

namespace postern::acl {
namespace {

constexpr std::size_t kMemberKeys = 3;

bool is_word_start(char c) noexcept { return is_alpha(c) || c == '_'; }
bool is_word(char c) noexcept { return is_alnum(c) || c == '_' || c == '-' || c == '.'; }

class HclReader {
 public:
  explicit HclReader(std::string_view text) : m_in(text, Dialect::Hcl) {}

  Result<Node> read_file() {
    POSTERN_TRY(Node file, m_in.enter(Node::Kind::Object));
    POSTERN_CHECK(m_in.skip_blanks());
    while (!m_in.at_end()) {
      POSTERN_TRY(Member member, read_member());
      file.members.push_back(std::move(member));
      POSTERN_CHECK(m_in.skip_blanks());
    }
    return file;
  }

 private:
  Result<Member> read_member() {
    Member member;
    while (m_in.peek() == '"' || is_word_start(m_in.peek())) {
      if (member.keys.size() == kMemberKeys) return m_in.expected("'{'");
      POSTERN_TRY(Node key, m_in.peek() == '"' ? m_in.read_quoted() : read_word());
      member.keys.push_back(std::move(key));
      POSTERN_CHECK(m_in.skip_blanks());
    }
    if (member.keys.empty()) return m_in.expected("a key");
    if (member.keys.size() == 1 && m_in.take('=')) {
      POSTERN_CHECK(m_in.skip_blanks());
      POSTERN_TRY(member.value, read_value());
      return member;
    }
    if (m_in.peek() != '{') return m_in.expected(member.keys.size() == 1 ? "'=' or '{'" : "'{'");
    POSTERN_TRY(member.value, read_object());
    return member;
  }

  Result<Node> read_word() {
    POSTERN_TRY(Node word, m_in.begin(Node::Kind::Text));
    std::size_t size = 1;
    while (size < m_in.rest().size() && is_word(m_in.rest()[size])) ++size;
    word.text = m_in.rest().substr(0, size);
    m_in.skip(size);
    return word;
  }

  Result<Node> read_value() {
    const char c = m_in.peek();
    if (c == '"') return m_in.read_quoted();
    if (c == '[') return read_list();
    if (c == '{') return read_object();
    if (c == '-' || is_digit(c)) return m_in.read_number();
    if (m_in.rest().starts_with("<<")) return read_heredoc();
    if (is_word_start(c)) return read_bool();
    return m_in.expected("a value");
  }

  Result<Node> read_bool() {
    const std::size_t at = m_in.at();
    POSTERN_TRY(Node word, read_word());
    if (word.text != "true" && word.text != "false") return m_in.error_at(at, "expected a value: put text into quotes");
    word.kind = Node::Kind::Bool;
    word.flag = word.text == "true";
    word.text.clear();
    return word;
  }

  Result<Node> read_list() {
    POSTERN_TRY(Node list, m_in.enter(Node::Kind::List));
    m_in.skip(1);
    POSTERN_CHECK(m_in.skip_blanks());
    while (!m_in.take(']')) {
      POSTERN_TRY(Node item, read_value());
      list.items.push_back(std::move(item));
      POSTERN_CHECK(m_in.skip_blanks());
      const bool more = m_in.take(',');
      POSTERN_CHECK(m_in.skip_blanks());
      if (!more && m_in.peek() != ']') return m_in.expected("',' or ']'");
    }
    m_in.leave();
    return list;
  }

  // Members may follow each other with or without commas and line ends.
  Result<Node> read_object() {
    POSTERN_TRY(Node object, m_in.enter(Node::Kind::Object));
    m_in.skip(1);
    POSTERN_CHECK(m_in.skip_blanks());
    while (!m_in.take('}')) {
      if (m_in.at_end()) return m_in.expected("'}'");
      POSTERN_TRY(Member member, read_member());
      object.members.push_back(std::move(member));
      POSTERN_CHECK(m_in.skip_blanks());
      if (m_in.take(',')) POSTERN_CHECK(m_in.skip_blanks());
    }
    m_in.leave();
    return object;
  }

  // <<EOT to a line with nothing but EOT; after <<- the indentation of that line goes from every line that has it.
  Result<Node> read_heredoc() {
    POSTERN_TRY(Node node, m_in.begin(Node::Kind::Text));
    m_in.skip(2);
    const bool indented = m_in.take('-');
    if (!is_word_start(m_in.peek())) return m_in.expected("the name that ends the text");
    POSTERN_TRY(const Node name, read_word());
    (void)m_in.take('\r');
    if (!m_in.take('\n')) return m_in.expected("the end of the line");
    std::vector<std::string_view> lines;
    while (!m_in.at_end()) {
      const std::size_t end = m_in.rest().find('\n');
      const std::string_view line = m_in.rest().substr(0, end);
      if (trim(line) == name.text) {
        m_in.skip(line.size());  // the line end stays
        const std::string_view indent = line.substr(0, line.find(name.text));
        for (std::string_view text : lines) node.text += text.substr(indented && text.starts_with(indent) ? indent.size() : 0);
        return node;
      }
      lines.push_back(m_in.rest().substr(0, end == std::string_view::npos ? end : end + 1));
      m_in.skip(lines.back().size());
    }
    return m_in.error_at(node.at, "this text does not end: close it with a line '" + printable(name.text, 24) + "'");
  }

  Scanner m_in;
};

}  // namespace

Result<Node> parse_hcl(std::string_view text) { return HclReader(text).read_file(); }

}  // namespace postern::acl
