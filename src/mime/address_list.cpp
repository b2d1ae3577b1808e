// RFC 5322 3.4 address lists with the obsolete forms of 4.4.
#include <algorithm>

#include "base/text.hpp"
#include "mime/address.hpp"
#include "mime/address_cursor.hpp"
#include "mime/encoded_word.hpp"

namespace postern {
namespace {

constexpr int kMaxCommentDepth = 20;

/// One word of a phrase or local part: an atom, or the meaning of a quoted-string.
struct Word {
  std::string text;
  bool quoted = false;
};

class ListParser {
 public:
  ListParser(std::string_view text, std::size_t max_mailboxes) : m_in(text), m_left(max_mailboxes) {}

  Result<AddressList> run();

 private:
  Status skip_cfws();
  Status skip_comment();
  Result<Word> read_word();
  Result<std::string> read_quoted();
  Result<std::string> read_phrase();
  Result<std::string> read_local();
  Result<std::string> read_domain();
  Status skip_route();
  Result<Mailbox> read_addr_spec();
  Result<Mailbox> read_angle();
  Result<NamedMailbox> read_mailbox();
  Result<AddressItem> read_item();
  Status read_group(AddressItem& item);
  [[nodiscard]] bool next_is_addr_spec();

  AddressCursor m_in;
  std::size_t m_left;
};

bool is_list_space(char c) noexcept { return is_wsp(c) || c == '\r' || c == '\n'; }

/// RFC 5322 3.2.2: comments nest.
Status ListParser::skip_comment() {
  int depth = 0;
  do {
    if (m_in.at_end()) return m_in.wrong("a comment has no end");
    const char c = m_in.peek();
    m_in.skip();
    if (c == '\\') m_in.skip();
    if (c == '(' && ++depth > kMaxCommentDepth) return m_in.wrong("comments nest too deep");
    if (c == ')') --depth;
  } while (depth > 0);
  return {};
}

Status ListParser::skip_cfws() {
  for (;;) {
    m_in.take_while(is_list_space);
    if (m_in.peek() != '(') return {};
    POSTERN_CHECK(skip_comment());
  }
}

/// RFC 5322 3.2.4, its meaning: folds vanish, a backslash makes the next character literal.
Result<std::string> ListParser::read_quoted() {
  std::string out;
  m_in.skip();
  for (;;) {
    if (m_in.at_end()) return m_in.wrong("a quoted string has no end");
    char c = m_in.peek();
    m_in.skip();
    if (c == '"') return out;
    if (c == '\r' || c == '\n') continue;
    if (c == '\\' && !m_in.at_end()) {
      c = m_in.peek();
      m_in.skip();
    }
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F) return m_in.wrong("a quoted string has a control character");
    out += c;
  }
}

Result<Word> ListParser::read_word() {
  if (m_in.peek() == '"') {
    POSTERN_TRY(std::string text, read_quoted());
    return Word{std::move(text), true};
  }
  const std::string_view atom = m_in.take_while(is_atext);
  if (atom.empty()) return m_in.wrong(m_in.at_end() ? "the address ends too early" : "an address has a character that is not allowed here");
  return Word{std::string(atom), false};
}

/// RFC 5322 3.2.5 phrase and 4.1 obs-phrase (dots). Encoded words are decoded, but never inside quotes (RFC 2047 5(3)).
Result<std::string> ListParser::read_phrase() {
  std::string out;
  std::string atoms;  // a run of unquoted words, decoded together so that adjacent encoded words join
  const auto flush = [&] {
    if (atoms.empty()) return;
    if (!out.empty()) out += ' ';
    out += decode_header_text(atoms);
    atoms.clear();
  };
  for (;;) {
    POSTERN_CHECK(skip_cfws());
    const char c = m_in.peek();
    if (c == '.') {
      m_in.skip();
      (atoms.empty() ? out : atoms) += '.';
      continue;
    }
    if (c != '"' && !is_atext(c)) break;
    POSTERN_TRY(Word word, read_word());
    if (word.quoted) {
      flush();
      if (!out.empty()) out += ' ';
      out += word.text;
    } else {
      if (!atoms.empty()) atoms += ' ';
      atoms += word.text;
    }
  }
  flush();
  return out;
}

/// RFC 5322 3.4.1 local-part and 4.4 obs-local-part: words joined by dots, with comments and space anywhere between.
Result<std::string> ListParser::read_local() {
  std::string out;
  for (;;) {
    POSTERN_CHECK(skip_cfws());
    POSTERN_TRY(const Word word, read_word());
    out += word.text;
    POSTERN_CHECK(skip_cfws());
    if (!m_in.take('.')) return out;
    out += '.';
  }
}

Result<std::string> ListParser::read_domain() {
  POSTERN_CHECK(skip_cfws());
  if (m_in.peek() == '[') {
    POSTERN_TRY(std::string literal, parse_address_literal(m_in.take_through(']')));
    POSTERN_CHECK(skip_cfws());
    return literal;
  }
  std::string out;
  for (;;) {
    POSTERN_CHECK(skip_cfws());
    out += m_in.take_while(is_atext);
    POSTERN_CHECK(skip_cfws());
    if (!m_in.take('.')) break;
    out += '.';
  }
  auto domain = parse_domain(out, Utf8::Allow);
  if (!domain) return m_in.wrong(domain.error().what);
  return domain;
}

/// RFC 5322 4.4 obs-route, dropped.
Status ListParser::skip_route() {
  POSTERN_CHECK(skip_cfws());
  if (m_in.peek() != '@' && m_in.peek() != ',') return {};
  do {
    if (m_in.take('@')) POSTERN_CHECK(read_domain());
    POSTERN_CHECK(skip_cfws());
    if (m_in.take(':')) return {};
    if (!m_in.take(',')) break;
    POSTERN_CHECK(skip_cfws());
  } while (m_in.peek() == '@' || m_in.peek() == ',' || m_in.peek() == ':');
  return m_in.wrong("a route ends with a colon");
}

Result<Mailbox> ListParser::read_addr_spec() {
  Mailbox box;
  POSTERN_TRY(box.local, read_local());
  if (!m_in.take('@')) return m_in.wrong("an @ is missing in an address");
  POSTERN_TRY(box.domain, read_domain());
  // The same limits as in the envelope, and the same idea of what is an address.
  auto checked = Mailbox::parse(box.text(), Utf8::Allow);
  if (!checked) return m_in.wrong(checked.error().what);
  return checked;
}

Result<Mailbox> ListParser::read_angle() {
  m_in.skip();
  POSTERN_CHECK(skip_route());
  POSTERN_TRY(Mailbox box, read_addr_spec());
  POSTERN_CHECK(skip_cfws());
  if (!m_in.take('>')) return m_in.wrong("a > is missing behind an address");
  return box;
}

/// Whether local-part "@" comes next, rather than a display name.
bool ListParser::next_is_addr_spec() {
  const std::size_t begin = m_in.position();
  const bool answer = read_local().has_value() && m_in.peek() == '@';
  m_in.rewind(begin);
  return answer;
}

Result<NamedMailbox> ListParser::read_mailbox() {
  if (m_left-- == 0) return fail(ErrorCode::TooLarge, "the address list has too many mailboxes", "recipients");
  NamedMailbox named;
  if (m_in.peek() != '<' && next_is_addr_spec()) {
    POSTERN_TRY(named.mailbox, read_addr_spec());
  } else {
    POSTERN_TRY(named.name, read_phrase());
    if (m_in.peek() != '<') return m_in.wrong("an address is missing behind a name");
    POSTERN_TRY(named.mailbox, read_angle());
  }
  POSTERN_CHECK(skip_cfws());
  return named;
}

/// RFC 5322 3.4 group: display-name ":" [group-list] ";"
Status ListParser::read_group(AddressItem& item) {
  for (;;) {
    POSTERN_CHECK(skip_cfws());
    if (m_in.take(',')) continue;  // 4.4 obs-group-list: empty elements
    if (m_in.take(';')) break;
    if (m_in.at_end()) return m_in.wrong("a group has no ; at its end");
    POSTERN_TRY(NamedMailbox named, read_mailbox());
    item.mailboxes.push_back(std::move(named));
    if (m_in.peek() != ',' && m_in.peek() != ';') return m_in.wrong("a comma is missing between addresses");
  }
  return skip_cfws();
}

Result<AddressItem> ListParser::read_item() {
  AddressItem item;
  if (m_in.peek() != '<' && !next_is_addr_spec()) {
    const std::size_t begin = m_in.position();
    POSTERN_TRY(std::string name, read_phrase());
    if (m_in.take(':')) {
      item.group = std::move(name);
      POSTERN_CHECK(read_group(item));
      return item;
    }
    m_in.rewind(begin);
  }
  POSTERN_TRY(NamedMailbox named, read_mailbox());
  item.mailboxes.push_back(std::move(named));
  return item;
}

Result<AddressList> ListParser::run() {
  AddressList list;
  for (;;) {
    POSTERN_CHECK(skip_cfws());
    if (m_in.take(',')) continue;  // 4.4 obs-addr-list: empty elements
    if (m_in.at_end()) break;
    POSTERN_TRY(AddressItem item, read_item());
    list.items.push_back(std::move(item));
    if (!m_in.at_end() && m_in.peek() != ',') return m_in.wrong("a comma is missing between addresses");
  }
  if (list.items.empty()) return m_in.wrong("the address list is empty");
  return list;
}

}  // namespace

Result<AddressList> parse_address_list(std::string_view value, std::size_t max_mailboxes) { return ListParser(value, max_mailboxes).run(); }

std::vector<NamedMailbox> AddressList::mailboxes() const {
  std::vector<NamedMailbox> out;
  for (const AddressItem& item : items) out.insert(out.end(), item.mailboxes.begin(), item.mailboxes.end());
  return out;
}

std::string NamedMailbox::text() const {
  if (name.empty()) return mailbox.text();
  return encode_phrase(name) + " <" + mailbox.text() + ">";
}

}  // namespace postern
