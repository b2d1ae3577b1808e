// RFC 5322 3.4.1: addr-spec, as far as gateways need it.
#include <algorithm>

#include "base/text.hpp"
#include "oraddress/or_text.hpp"
#include "oraddress/rfc822.hpp"

namespace postern::oraddress {

namespace {

tl::unexpected<Error> wrong(std::size_t offset, std::string_view what, std::string_view field) {
  return fail(ErrorCode::BadInput, "at octet " + std::to_string(offset) + ": " + std::string(what), std::string(field));
}

bool is_atext(char c) {
  return is_alnum(c) || static_cast<unsigned char>(c) >= 0x80 || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}
bool is_dot_atom(std::string_view text) {
  return std::ranges::all_of(split(text, '.'), [](std::string_view atom) { return !atom.empty() && std::ranges::all_of(atom, is_atext); });
}
bool is_domain(std::string_view text) {
  if (text.size() > 255) return false;
  if (text.starts_with('['))
    return text.size() > 2 && text.ends_with(']') && std::ranges::all_of(text.substr(1, text.size() - 2), [](char c) {
             return c > ' ' && c <= '~' && c != '[' && c != ']' && c != '\\';
           });
  return std::ranges::all_of(split(text, '.'), [](std::string_view label) {
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-' || c == '_' || static_cast<unsigned char>(c) >= 0x80; });
  });
}

/// The content of the quoted string at the front; `size` is the octets it takes.
Result<std::string> quoted_string(std::string_view text, std::size_t& size) {
  std::string out;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return size = i + 1, out;
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    if (static_cast<unsigned char>(text[i]) < ' ' || text[i] == 0x7F) return wrong(i, "a control character", "local");
    out += text[i];
  }
  return wrong(0, "a quotation mark is not closed", "local");
}

}  // namespace

Result<Rfc822Address> Rfc822Address::parse(std::string_view text) {
  if (text.size() > kMaxTextSize) return fail(ErrorCode::TooLarge, "a mail address is at most 16 KiB");
  text = trim(text);
  if (text.starts_with('<') && text.ends_with('>')) text = text.substr(1, text.size() - 2);
  if (!is_utf8(text)) return wrong(0, "the address is not UTF-8", "local");
  Rfc822Address out;
  std::size_t at = 0;
  if (text.starts_with('"')) {
    POSTERN_TRY(out.local, quoted_string(text, at));
  } else {
    at = std::min(text.rfind('@'), text.size());
    out.local = std::string(text.substr(0, at));
    if (!is_dot_atom(out.local)) return wrong(0, "the local part has characters that need quotation marks, or is empty", "local");
  }
  if (out.local.empty()) return wrong(0, "the local part is empty", "local");
  if (at >= text.size() || text[at] != '@') return wrong(at, "an @ is expected after the local part", "domain");
  out.domain = std::string(text.substr(at + 1));
  if (!is_domain(out.domain)) return wrong(at + 1, "this is no domain name", "domain");
  return out;
}

std::string Rfc822Address::text() const {
  if (is_dot_atom(local)) return local + "@" + domain;
  std::string quoted;
  for (const char c : local) quoted += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
  return "\"" + quoted + "\"@" + domain;
}

}  // namespace postern::oraddress
