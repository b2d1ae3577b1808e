#include "gateway/authors.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "dns/name.hpp"
#include "mime/encoded_word.hpp"

namespace postern::gateway {
namespace {

constexpr std::string_view kWideAt = "\xef\xbc\xa0", kWideStop = "\xe3\x80\x82";  // U+FF20, U+3002

bool is_high(char c) { return static_cast<unsigned char>(c) >= 0x80; }
bool is_local(char c) { return is_alnum(c) || is_high(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos; }
bool is_domain(char c) { return is_alnum(c) || is_high(c) || c == '-' || c == '_' || c == '.'; }

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
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

/// RFC 5322 4.4 allows white space around dots and the @; some programs read other dots and ats as these.
std::string joined(std::string text) {
  replace_all(text, kWideAt, "@");
  replace_all(text, kWideStop, ".");
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_wsp(text[i])) {
      out += text[i];
      continue;
    }
    const auto next = text.find_first_not_of(" \t", i);
    const bool around = next != std::string::npos && (text[next] == '.' || text[next] == '@');
    if (!around && !out.ends_with('.') && !out.ends_with('@')) out += text[i];
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
    if (domain.find('.') != std::string_view::npos) add(out, {std::string(text.substr(begin, at - begin)), std::string(domain)});
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

/// Whether DNS can be asked about it. Letters that IDNA of 2003 has no label for are real domains' too: nobody else's name is hidden by
/// them.
bool can_be_asked(const Mailbox& author) {
  std::string domain = author.domain;
  replace_all(domain, "\xc3\x9f", "ss");        // U+00DF
  replace_all(domain, "\xcf\x82", "\xcf\x83");  // U+03C2
  if (author.has_address_literal()) return true;
  const auto ascii = to_a_labels(domain);
  return ascii && dns::normalize_name(*ascii);
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
    const auto ascii = to_a_labels(author.domain);
    std::string domain = ascii ? to_lower(*ascii) : printable(author.domain, 253);
    if (std::ranges::find(out, domain) == out.end()) out.push_back(std::move(domain));
  }
  return out;
}

}  // namespace postern::gateway
