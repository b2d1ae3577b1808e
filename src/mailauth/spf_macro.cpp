#include "mailauth/spf_macro.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.hpp"

namespace postern {
namespace {

constexpr std::size_t kLongestName = 253;  // RFC 7208 7.3, RFC 1035 2.3.4
constexpr std::string_view kDelimiters = ".-+,/_=";

/// macro-expand of RFC 7208 7.1, between "%{" and "}".
struct Expand {
  char letter = 0;
  bool escaped = false;  ///< Written in upper case: URL-escaped.
  unsigned keep = 0;     ///< Right-hand parts; 0: all.
  bool reverse = false;
  std::string_view delimiters;  ///< Empty: ".".
};

Error bad(std::string_view what, std::string_view text) {
  return {ErrorCode::BadInput, std::string(what) + " in \"" + printable(text, 80) + "\"", "spf"};
}

Result<Expand> parse_expand(std::string_view inner, std::string_view whole) {
  Expand out;
  if (inner.empty() || !is_alpha(inner.front())) return fail(bad("a macro without a letter", whole));
  out.letter = ascii_lower(inner.front());
  out.escaped = inner.front() != out.letter;
  if (std::string_view("slodipvhcrt").find(out.letter) == std::string_view::npos) return fail(bad("an unknown macro letter", whole));
  std::size_t at = 1;
  const bool counted = at < inner.size() && is_digit(inner[at]);
  for (; at < inner.size() && is_digit(inner[at]); ++at) out.keep = std::min(1000U, out.keep * 10 + static_cast<unsigned>(inner[at] - '0'));
  if (counted && out.keep == 0) return fail(bad("a macro that keeps no parts", whole));  // 7.1: nonzero
  if (at < inner.size() && ascii_lower(inner[at]) == 'r') {
    out.reverse = true;
    ++at;
  }
  out.delimiters = inner.substr(at);
  if (out.delimiters.find_first_not_of(kDelimiters) != std::string_view::npos) return fail(bad("a macro with an unknown delimiter", whole));
  return out;
}

/// One step over a macro-string: literal text, or an escape, or a macro.
struct Piece {
  std::string_view literal;
  std::optional<Expand> expand;
};

Result<Piece> next_piece(std::string_view& rest, std::string_view whole) {
  Piece out;
  const auto percent = rest.find('%');
  if (percent != 0) {
    out.literal = rest.substr(0, percent);
    rest.remove_prefix(out.literal.size());
    return out;
  }
  const char kind = rest.size() > 1 ? rest[1] : '\0';
  if (kind == '{') {
    const auto end = rest.find('}');
    if (end == std::string_view::npos) return fail(bad("a macro without an end", whole));
    POSTERN_TRY(out.expand, parse_expand(rest.substr(2, end - 2), whole));
    rest.remove_prefix(end + 1);
    return out;
  }
  switch (kind) {
    case '%': out.literal = "%"; break;
    case '_': out.literal = " "; break;
    case '-': out.literal = "%20"; break;
    default: return fail(bad("a % that begins no macro", whole));
  }
  rest.remove_prefix(2);
  return out;
}

bool is_visible(char c, bool spaces) { return (c > 0x20 && c < 0x7f) || (spaces && c == ' '); }

/// toplabel of RFC 7208 7.1: letters, digits and inner hyphens, not digits alone.
bool is_top_label(std::string_view label) {
  if (label.empty() || !is_alnum(label.front()) || !is_alnum(label.back())) return false;
  const auto fits = [](char c) { return is_alnum(c) || c == '-'; };
  return std::ranges::all_of(label, fits) && !std::ranges::all_of(label, is_digit);
}

/// domain-end: a macro, or a dot and a top label, perhaps with a last dot.
bool ends_as_domain(std::string_view text) {
  if (text.ends_with('}')) return text.find("%{") != std::string_view::npos;
  if (text.ends_with('.')) text.remove_suffix(1);
  const auto dot = text.rfind('.');
  return dot != std::string_view::npos && is_top_label(text.substr(dot + 1));
}

/// 7.3: %{i} of IPv6 is 32 nibbles with dots between; in capitals, as the suite of the RFC has them in texts.
std::string dotted(const dns::IpAddress& ip) {
  if (ip.is_v4()) return ip.text();
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const Byte byte : ip.bytes()) {
    for (const unsigned nibble : {static_cast<unsigned>(byte) >> 4, static_cast<unsigned>(byte) & 15U}) {
      if (!out.empty()) out += '.';
      out += digits[nibble];
    }
  }
  return out;
}

std::string value_of(char letter, const SpfMacroValues& values) {
  switch (letter) {
    case 's': return values.local + "@" + values.sender_domain;
    case 'l': return values.local;
    case 'o': return values.sender_domain;
    case 'd': return values.domain;
    case 'i': return dotted(values.ip);
    case 'p': return values.validated_name ? values.validated_name() : "unknown";
    case 'v': return values.ip.is_v4() ? "in-addr" : "ip6";
    case 'h': return values.helo;
    case 'c': return values.ip.text();
    case 'r': return values.receiver.empty() ? "unknown" : values.receiver;
    case 't': return std::to_string(unix_seconds(values.now));
    default: return {};
  }
}

std::string transform(const std::string& value, const Expand& how) {
  const std::string_view delimiters = how.delimiters.empty() ? std::string_view(".") : how.delimiters;
  std::vector<std::string_view> parts;
  std::string_view rest = value;
  for (;;) {
    const auto end = rest.find_first_of(delimiters);
    parts.push_back(rest.substr(0, end));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  if (how.reverse) std::ranges::reverse(parts);
  const std::size_t skip = how.keep != 0 && how.keep < parts.size() ? parts.size() - how.keep : 0;
  std::string out;
  for (std::size_t i = skip; i < parts.size(); ++i) {
    if (i != skip) out += '.';  // 7.3: joined by dots, whatever split them
    out += parts[i];
  }
  return out;
}

/// RFC 3986 2.3: everything but unreserved characters.
std::string url_escaped(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15U];
  }
  return out;
}

std::string expand(std::string_view text, const SpfMacroValues& values) {
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const auto piece = next_piece(rest, text);
    if (!piece) return out;  // checked before
    out += piece->literal;
    if (!piece->expand) continue;
    const std::string value = transform(value_of(piece->expand->letter, values), *piece->expand);
    out += piece->expand->escaped ? url_escaped(value) : value;
  }
  return out;
}

}  // namespace

Status check_spf_macros(std::string_view text, SpfMacroUse use) {
  const bool spaces = use == SpfMacroUse::Explanation;
  for (std::string_view rest = text; !rest.empty();) {
    const bool literal = rest.front() != '%';
    POSTERN_TRY(const Piece piece, next_piece(rest, text));
    if (literal && !std::ranges::all_of(piece.literal, [spaces](char c) { return is_visible(c, spaces); }))
      return fail(bad("a character that is not visible ASCII", text));
    const bool reserved = piece.expand && std::string_view("crt").find(piece.expand->letter) != std::string_view::npos;
    if (reserved && use == SpfMacroUse::Domain) return fail(bad("a macro that only exp= may use", text));  // RFC 7208 7.2
  }
  if (use == SpfMacroUse::Domain && !ends_as_domain(text)) return fail(bad("no domain name", text));
  return {};
}

std::string expand_spf_domain(std::string_view text, const SpfMacroValues& values) {
  std::string out = expand(text, values);
  if (out.ends_with('.')) out.pop_back();
  while (out.size() > kLongestName) {
    const auto dot = out.find('.');
    if (dot == std::string::npos) break;
    out.erase(0, dot + 1);
  }
  return out;
}

std::string expand_spf_explanation(std::string_view text, const SpfMacroValues& values) { return expand(text, values); }

}  // namespace postern
