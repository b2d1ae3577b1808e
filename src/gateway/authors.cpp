#include "gateway/authors.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"
#include "dns/name.hpp"
#include "mime/encoded_word.hpp"

namespace postern::gateway {
namespace {

constexpr std::string_view kWideAt = "\xef\xbc\xa0", kWideStop = "\xe3\x80\x82";  // U+FF20, U+3002
constexpr std::size_t kLongestDomain = 1024;                                      // octets of UTF-8 whose A-labels could still be a name

bool is_high(char c) { return static_cast<unsigned char>(c) >= 0x80; }
bool is_local(char c) { return is_alnum(c) || is_high(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos; }
bool is_domain(char c) { return is_alnum(c) || is_high(c) || c == '-' || c == '_' || c == '.'; }

/// One pass, however many there are.
std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (auto at = text.find(from); at != std::string_view::npos; at = text.find(from)) {
    out.append(text.substr(0, at)).append(to);
    text.remove_prefix(at + from.size());
  }
  return out.append(text);
}

enum class Quotes { Ignored, Kept };

/// Without parentheses and what stands in them (RFC 5322 3.2.2); one that nobody closes goes on to the end.
std::string without_comments(std::string_view text, Quotes quotes) {
  std::string out;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool escaped = c == '\\' && (depth > 0 || quoted);
    if (c == '"' && depth == 0 && quotes == Quotes::Kept) quoted = !quoted;
    if (!quoted && c == '(') ++depth;
    if (depth == 0) out += c;
    if (!quoted && c == ')' && depth > 0) --depth;
    if (escaped && ++i < text.size() && depth == 0) out += text[i];
  }
  return out;
}

/// RFC 5322 4.4 allows white space around dots and the @; some programs read other dots and ats as these. What is left of white space is
/// one.
std::string joined(std::string_view written) {
  const std::string text = replaced(replaced(written, kWideAt, "@"), kWideStop, ".");
  const auto joins = [](char c) { return c == '.' || c == '@'; };
  std::string out;
  bool space = false;
  for (const char c : text) {
    if (is_wsp(c)) {
      space = true;
      continue;
    }
    if (space && !joins(c) && !out.empty() && !joins(out.back())) out += ' ';
    space = false;
    out += c;
  }
  return out;
}

void add(std::vector<Mailbox>& out, Mailbox found) {
  if (std::ranges::find(out, found) == out.end()) out.push_back(std::move(found));
}

/// What stands on both sides of an @.
void find_addresses(std::string_view text, std::vector<Mailbox>& out) {
  for (auto at = text.find('@'); at != std::string_view::npos && out.size() < kMostAuthors; at = text.find('@', at + 1)) {
    auto begin = at;
    while (begin > 0 && is_local(text[begin - 1])) --begin;
    const std::string_view behind = text.substr(at + 1);
    std::string_view domain(behind.begin(), std::find_if_not(behind.begin(), behind.end(), is_domain));
    while (domain.ends_with('.')) domain.remove_suffix(1);
    if (domain.size() <= kLongestDomain && domain.find('.') != std::string_view::npos)
      add(out, {std::string(text.substr(begin, at - begin)), std::string(domain)});
  }
}

/// "bob@one.example via List <list@lists.example>": not as the standard has it, and what programs make of it is beyond doubt.
std::optional<Mailbox> alone_in_brackets(std::string_view value) {
  value = trim(value);
  const auto open = value.find('<');
  if (open == std::string_view::npos || value.find('<', open + 1) != std::string_view::npos || value.find('>') + 1 != value.size())
    return std::nullopt;
  const std::string_view before = value.substr(0, open);
  const bool named = before.find('@') != std::string_view::npos || before.find(kWideAt) != std::string_view::npos;
  if (before.find_first_of("()\"\\:;") != std::string_view::npos || (named && before.find(',') != std::string_view::npos))
    return std::nullopt;
  const auto box = Mailbox::parse(value.substr(open + 1, value.size() - open - 2), Utf8::Allow);
  return box ? std::optional(*box) : std::nullopt;
}

void read_broken(const HeaderField& field, std::vector<Mailbox>& out) {
  const std::string value = field.unfolded();
  if (auto one = alone_in_brackets(value)) return add(out, *std::move(one));
  for (const std::string& reading : {value, decode_header_text(field.value)}) {
    for (const std::string& plain : {reading, without_comments(reading, Quotes::Ignored), without_comments(reading, Quotes::Kept)})
      find_addresses(joined(plain), out);
  }
}

bool has_at(const HeaderField& field) {
  const auto in = [](std::string_view text) {
    return text.find('@') != std::string_view::npos || text.find(kWideAt) != std::string_view::npos;
  };
  return in(field.value) || in(decode_header_text(field.value));
}

/// As DNS is asked about it; nothing where it has no A-labels. What is ASCII already need not be a host name: some have underscores.
std::optional<std::string> as_asked(std::string_view domain) {
  const auto ascii = is_ascii(domain) ? Result<std::string>(domain) : to_a_labels(domain);
  return ascii ? std::optional(to_lower(*ascii)) : std::nullopt;
}

/// Letters that IDNA of 2003 has no label for (U+00DF, U+03C2) are real domains' too: nobody else's name is hidden by them.
bool can_be_asked(const Mailbox& author) {
  if (author.has_address_literal()) return true;
  const auto name = as_asked(replaced(replaced(author.domain, "\xc3\x9f", "ss"), "\xcf\x82", "\xcf\x83"));
  return name && dns::normalize_name(*name);
}

}  // namespace

Authors claimed_authors(const MessageView& view) {
  Authors out;
  for (const HeaderField& field : view.fields()) {
    if (!field.is("From")) continue;
    std::vector<Mailbox> found;
    if (const auto list = parse_address_list(field.unfolded(), kMostAuthors)) {
      for (const auto& named : list->mailboxes()) found.push_back(named.mailbox);
    } else {
      read_broken(field, found);
    }
    out.hidden = out.hidden || !std::ranges::all_of(found, can_be_asked) || (found.empty() && has_at(field));
    for (Mailbox& one : found) add(out.mailboxes, std::move(one));
    if (out.mailboxes.size() < kMostAuthors) continue;
    out.hidden = true;
    break;
  }
  return out;
}

std::vector<std::string> author_domains(const std::vector<Mailbox>& authors) {
  std::vector<std::string> out;
  for (const Mailbox& author : authors) {
    std::string domain = as_asked(author.domain).value_or(printable(author.domain, 253));
    if (std::ranges::find(out, domain) == out.end()) out.push_back(std::move(domain));
  }
  return out;
}

}  // namespace postern::gateway
