// Reading O/R addresses from text: pieces, keywords, values, and what belongs together.
#include "oraddress/or_text.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "oraddress/value_text.hpp"

namespace postern::oraddress {

namespace {

struct Piece {
  std::size_t offset = 0;
  std::string key;    ///< As written, escapes removed.
  std::string value;  ///< Separators' escapes removed, braces and asterisks not.
};

struct Item {
  Attribute attribute;
  bool chosen = false;     ///< Its alphabet was chosen by us,
  std::string characters;  ///< for these.
  bool bare_unit = false;  ///< Came as OU=, its number is not known yet.
  std::size_t offset = 0;
};

tl::unexpected<Error> wrong(std::size_t offset, std::string_view what, std::string field = {}) {
  return fail(ErrorCode::BadInput, "at octet " + std::to_string(offset) + ": " + std::string(what), std::move(field));
}
tl::unexpected<Error> wrong(std::size_t offset, Error error, std::string field) {
  return fail(error.code, "at octet " + std::to_string(offset) + ": " + error.what, std::move(field));
}

/// What takes the meaning from separators: a doubled semicolon (RFC 1685 F.3.2.1), or a dollar before any character (RFC 2156 4.1.3).
class Splitter {
 public:
  explicit Splitter(std::string_view text) : m_text(text), m_slash(text.starts_with('/')), m_at(m_slash ? 1 : 0) {}

  Result<std::vector<Piece>> pieces() {
    std::vector<Piece> out;
    while (m_at < m_text.size()) {
      skip_spaces();
      if (m_at == m_text.size()) break;
      POSTERN_TRY(Piece piece, next());
      out.push_back(std::move(piece));
    }
    return out;
  }

 private:
  void skip_spaces() {
    while (m_at < m_text.size() && (m_text[m_at] == ' ' || m_text[m_at] == '\t' || m_text[m_at] == '\r' || m_text[m_at] == '\n')) ++m_at;
  }
  bool doubled(char c) const { return m_text.substr(m_at).starts_with(std::string(2, c)); }

  Result<Piece> next() {
    Piece out{m_at, {}, {}};
    const char separator = m_slash ? '/' : ';';
    std::string* into = &out.key;
    bool ended = false;
    while (m_at < m_text.size() && !ended) {
      const char c = m_text[m_at];
      if (m_slash && c == '$') {
        POSTERN_CHECK(quoted(*into));
      } else if (c == separator && !m_slash && doubled(c) && (into == &out.value || istarts_with(out.key, "DD"))) {
        *into += c;
        m_at += 2;
      } else if (c == '=' && into == &out.key && !m_slash && doubled('=') && istarts_with(out.key, "DD")) {
        *into += c;  // RFC 1685 F.3.2.3
        m_at += 2;
      } else if (c == '=' && into == &out.key) {
        into = &out.value;
        ++m_at;
      } else if (c == separator) {
        ended = true;
        ++m_at;
      } else {
        *into += c;
        ++m_at;
      }
    }
    if (into == &out.key) return wrong(out.offset, without_equals_sign(out.key), printable(trim(out.key), 32));
    return out;
  }
  Status quoted(std::string& into) {
    if (m_at + 1 == m_text.size()) return wrong(m_at, "a dollar sign at the end quotes nothing; write $$ for itself");
    const char c = m_text[m_at + 1];
    if (c == '*' || c == '{' || c == '}')
      into += c == '*' ? "{042}" : c == '{' ? "{123}" : "{125}";
    else
      into += c;
    m_at += 2;
    return {};
  }
  std::string without_equals_sign(std::string_view key) const {
    if (key.empty()) return m_slash ? "an empty attribute; write $/ for a solidus" : "an empty attribute; write ;; for a semicolon";
    return "an attribute is KEYWORD=value";
  }

  std::string_view m_text;
  bool m_slash;
  std::size_t m_at;
};

std::string nearest_keyword(std::string_view key) {
  std::vector<std::string_view> names{"DDA:", "RFC-822", "PN"};
  for (const KeywordRow& row : keywords()) {
    names.push_back(row.brief);
    names.push_back(row.full);
  }
  const std::string upper = to_upper(key);
  const std::string_view found = nearest(upper, names);
  return found.empty() ? "" : "; did you mean " + std::string(found) + "?";
}

/// The type behind "DDA:", "DD." and their kin.
std::optional<std::string_view> type_after(std::string_view key, std::initializer_list<std::string_view> prefixes) {
  for (const std::string_view prefix : prefixes)
    if (istarts_with(key, prefix)) return key.substr(prefix.size());
  return std::nullopt;
}

class Reader {
 public:
  explicit Reader(bool slash) : m_slash(slash) {}

  Status add(const Piece& piece) {
    const std::string_view key = trim(piece.key);
    const std::string_view value = trim(piece.value);
    if (const auto type = type_after(key, {"DDA:", "DDA.", "DD.", "DD:"})) return plain(piece, Keyword::Dda, trim(*type), value);
    if (const auto number = type_after(key, {"EXT:", "EXT."})) return extension(piece, trim(*number), value);
    if (iequals(key, "RFC-822")) return plain(piece, Keyword::Dda, "RFC-822", value);
    if (iequals(key, "PN")) return personal_name(piece, value);
    if (iequals(key, "OU")) return unit(piece, value);
    const auto keyword = keyword_named(key);
    if (!keyword) return wrong(piece.offset, "no attribute has this keyword" + nearest_keyword(key), printable(key, 32));
    const bool is_wider = *keyword <= Keyword::P || *keyword == Keyword::O;
    if (is_wider && m_units == 0) m_widest_first = true;
    if (*keyword == Keyword::NetNum) return network_number(piece, value);
    if (*keyword == Keyword::PdAddress) return postal_lines(piece, value);
    if (*keyword == Keyword::A && value.empty()) return plain(piece, Keyword::A, {}, "{032}");  // X.402 18.3.1
    return plain(piece, *keyword, {}, value);
  }

  Result<std::vector<Item>> finish() {
    POSTERN_CHECK(number_units());
    for (const int family : {1, 2}) widen(family);
    return std::move(m_items);
  }

 private:
  Status plain(const Piece& piece, Keyword keyword, std::string_view type, std::string_view value) {
    const std::string name = Attribute{keyword, Form::Printable, std::string(type), {}}.name();
    if (value.empty()) return wrong(piece.offset, "is empty", name);
    auto read = read_value(keyword, type, value);
    if (!read) return wrong(piece.offset, std::move(read).error(), name);
    for (Attribute& each : read->variants) m_items.push_back({std::move(each), read->chosen, read->characters, false, piece.offset});
    return {};
  }
  Status unit(const Piece& piece, std::string_view value) {
    const std::size_t before = m_items.size();
    POSTERN_CHECK(plain(piece, Keyword::OU1, {}, value));
    for (std::size_t i = before; i < m_items.size(); ++i) m_items[i].bare_unit = true;
    ++m_units;
    return {};
  }
  Status extension(const Piece& piece, std::string_view number, std::string_view value) {
    auto octets = hex_decode(value);
    if (!octets) return wrong(piece.offset, "the value is BER in hexadecimal", "EXT:" + printable(number, 8));
    m_items.push_back({{Keyword::Ext, Form::Raw, std::string(number), std::string(as_text(*octets))}, false, {}, false, piece.offset});
    return {};
  }
  Status personal_name(const Piece& piece, std::string_view value) {
    POSTERN_TRY(const PersonalName name, personal_name_of(value));
    POSTERN_CHECK(plain(piece, Keyword::S, {}, name.surname.octets));
    if (name.given_name) POSTERN_CHECK(plain(piece, Keyword::G, {}, name.given_name->octets));
    return name.initials ? plain(piece, Keyword::I, {}, name.initials->octets) : Status{};
  }
  /// X.402 annex F: "49 6151 869 x 12" has a sub-address.
  Status network_number(const Piece& piece, std::string_view value) {
    const std::size_t x = value.find_first_of("xX");
    POSTERN_CHECK(plain(piece, Keyword::NetNum, {}, trim(value.substr(0, x))));
    return x == std::string_view::npos ? Status{} : plain(piece, Keyword::NetSub, {}, trim(value.substr(x + 1)));
  }
  /// RFC 2156 4.1: printable lines between vertical bars, then the Teletex variant.
  Status postal_lines(const Piece& piece, std::string_view value) {
    const std::size_t star = std::min(value.find('*'), value.size());
    const std::string_view lines = value.substr(0, star);
    const bool as_lines = star > 0 && std::ranges::all_of(lines, [](char c) { return c == '|' || is_printable({&c, 1}); });
    if (as_lines) POSTERN_CHECK(numbered_lines(piece, lines));
    if (star == value.size()) return as_lines ? Status{} : plain(piece, Keyword::PdAddress, {}, value);
    return plain(piece, Keyword::PdAddress, {}, value.substr(as_lines ? star : 0));
  }
  Status numbered_lines(const Piece& piece, std::string_view lines) {
    auto keyword = Keyword::PdA1;
    for (const std::string_view line : split(lines, '|')) {
      if (keyword > Keyword::PdA6) return wrong(piece.offset, "has more than six lines", "PD-ADDRESS");
      POSTERN_CHECK(plain(piece, keyword, {}, trim(line)));
      keyword = static_cast<Keyword>(static_cast<int>(keyword) + 1);
    }
    return {};
  }

  /// OU= in turn: from the widest where the text goes that way, else from the narrowest (RFC 2156 4.3.3).
  Status number_units() {
    if (m_units == 0) return {};
    const bool widest_first = m_widest_first || !m_slash;
    std::size_t seen = 0;
    std::size_t last_offset = static_cast<std::size_t>(-1);
    for (Item& item : m_items) {
      const bool is_unit = item.attribute.keyword >= Keyword::OU1 && item.attribute.keyword <= Keyword::OU4;
      if (is_unit && !item.bare_unit) return wrong(item.offset, "OU= and OU1= to OU4= do not go together", item.attribute.name());
      if (!item.bare_unit) continue;
      if (item.offset != last_offset) ++seen;
      last_offset = item.offset;
      if (m_units > 4) return wrong(item.offset, "more than four units", "OU");
      const std::size_t number = widest_first ? seen - 1 : m_units - seen;
      item.attribute.keyword = static_cast<Keyword>(static_cast<std::size_t>(Keyword::OU1) + number);
    }
    return {};
  }
  /// A personal name, and a list of units, is in one alphabet, as it is one attribute.
  void widen(int family) {
    Form widest = Form::Printable;
    for (const Item& item : m_items)
      if (item.chosen && family_of(item.attribute.keyword) == family) widest = std::max(widest, item.attribute.form);
    for (Item& item : m_items)
      if (item.chosen && family_of(item.attribute.keyword) == family) item.attribute = widened(item.attribute, widest, item.characters);
  }

  bool m_slash;
  bool m_widest_first = false;
  std::size_t m_units = 0;
  std::vector<Item> m_items;
};

Result<std::vector<Item>> items_of(std::string_view text) {
  if (text.size() > kMaxTextSize) return fail(ErrorCode::TooLarge, "an O/R address in text is at most 16 KiB");
  text = text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (!is_utf8(text)) return wrong(0, "the text is not UTF-8");
  POSTERN_TRY(const std::vector<Piece> pieces, Splitter(text).pieces());
  if (pieces.empty()) return wrong(0, "an O/R address is expected, as C=DE;A= ;P=ACME;S=Doe or /C=DE/ADMD= /PRMD=ACME/S=Doe/");
  Reader reader(text.starts_with('/'));
  for (const Piece& piece : pieces) POSTERN_CHECK(reader.add(piece));
  return reader.finish();
}

/// The error of address_of(), with the place of the attribute it names.
Error placed(Error error, std::span<const Item> items) {
  const auto found = std::ranges::find_if(items, [&](const Item& item) { return item.attribute.name() == error.field; });
  if (found != items.end()) error.what = "at octet " + std::to_string(found->offset) + ": " + error.what;
  return error;
}

}  // namespace

Result<Attributes> parse_attributes(std::string_view text) {
  POSTERN_TRY(std::vector<Item> items, items_of(text));
  Attributes out;
  for (Item& item : items) out.push_back(std::move(item.attribute));
  return out;
}

Result<ORAddress> parse(std::string_view text) {
  POSTERN_TRY(const std::vector<Item> items, items_of(text));
  Attributes attributes;
  for (const Item& item : items) attributes.push_back(item.attribute);
  auto address = address_of(attributes);
  if (!address) return fail(placed(std::move(address).error(), items));
  return address;
}

}  // namespace postern::oraddress
