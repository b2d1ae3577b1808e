#include "gateway/authors.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "mime/encoded_word.hpp"

namespace postern::gateway {
namespace {

bool is_high(char c) { return static_cast<unsigned char>(c) >= 0x80; }
bool is_local(char c) { return is_alnum(c) || is_high(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos; }
bool is_domain(char c) { return is_alnum(c) || is_high(c) || c == '-' || c == '_' || c == '.'; }

/// Without parentheses and what stands in them (RFC 5322 3.2.2); one that nobody closes goes on to the end.
std::string without_comments(std::string_view text) {
  std::string out;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && depth > 0)
      ++i;
    else if (c == '(')
      ++depth;
    else if (c == ')')
      depth = std::max(0, depth - 1);
    else if (depth == 0)
      out += c;
  }
  return out;
}

/// What stands on both sides of an @, white space between or not (RFC 5322 4.4 allows it).
void find_addresses(std::string_view text, std::vector<Mailbox>& out) {
  for (auto at = text.find('@'); at != std::string_view::npos && out.size() < kMostAuthors; at = text.find('@', at + 1)) {
    std::string_view before = text.substr(0, at), behind = text.substr(at + 1);
    while (!before.empty() && is_wsp(before.back())) before.remove_suffix(1);
    while (!behind.empty() && is_wsp(behind.front())) behind.remove_prefix(1);
    auto begin = before.size();
    while (begin > 0 && is_local(before[begin - 1])) --begin;
    auto end = std::find_if_not(behind.begin(), behind.end(), is_domain);
    std::string_view domain(behind.begin(), end);
    while (domain.ends_with('.')) domain.remove_suffix(1);
    if (domain.find('.') == std::string_view::npos) continue;
    Mailbox found{std::string(before.substr(begin)), std::string(domain)};
    if (std::ranges::find(out, found) == out.end()) out.push_back(std::move(found));
  }
}

}  // namespace

std::vector<Mailbox> claimed_authors(const MessageView& view) {
  std::vector<Mailbox> out;
  for (const HeaderField& field : view.fields()) {
    if (!field.is("From")) continue;
    if (out.size() >= kMostAuthors) break;
    const std::string value = field.unfolded();
    if (const auto list = parse_address_list(value, kMostAuthors)) {
      for (const auto& named : list->mailboxes()) out.push_back(named.mailbox);
      continue;
    }
    for (const std::string& reading : {value, without_comments(value), decode_header_text(field.value)}) find_addresses(reading, out);
  }
  return out;
}

std::vector<std::string> author_domains(const std::vector<Mailbox>& authors) {
  std::vector<std::string> out;
  for (const Mailbox& author : authors) {
    const auto ascii = to_a_labels(author.domain);
    std::string domain = to_lower(ascii ? *ascii : author.domain);
    if (std::ranges::find(out, domain) == out.end()) out.push_back(std::move(domain));
  }
  return out;
}

}  // namespace postern::gateway
