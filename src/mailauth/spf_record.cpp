#include "mailauth/spf_record.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.hpp"
#include "mailauth/spf_macro.hpp"

namespace postern {
namespace {

constexpr std::string_view kVersion = "v=spf1";
constexpr std::size_t kLongest = 65536;

constexpr std::array<std::pair<std::string_view, SpfMechanismKind>, 8> kKinds = {{
    {"all", SpfMechanismKind::All},
    {"include", SpfMechanismKind::Include},
    {"a", SpfMechanismKind::A},
    {"mx", SpfMechanismKind::Mx},
    {"ptr", SpfMechanismKind::Ptr},
    {"ip4", SpfMechanismKind::Ip4},
    {"ip6", SpfMechanismKind::Ip6},
    {"exists", SpfMechanismKind::Exists},
}};

Error bad(std::string_view what, std::string_view term) {
  return {ErrorCode::BadInput, "the term \"" + printable(term, 80) + "\" " + std::string(what), "spf"};
}

/// ip4-cidr-length and ip6-cidr-length: no sign, no leading zero, at most `most`.
Result<unsigned> parse_prefix(std::string_view digits, unsigned most, std::string_view term) {
  unsigned value = 0;
  const bool form =
      !digits.empty() && digits.size() <= 3 && std::ranges::all_of(digits, is_digit) && (digits.size() == 1 || digits[0] != '0');
  if (form) std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (!form || value > most) return fail(bad("has a prefix length that is none", term));
  return value;
}

/// dual-cidr-length at the end of `rest`, which it is taken off: "/24", "//64" or "/24//64". A slash in a macro is no prefix.
Status take_prefixes(std::string_view& rest, SpfMechanism& out, std::string_view term) {
  const auto macro = rest.rfind('}');
  const auto slash = rest.find('/', macro == std::string_view::npos ? 0 : macro);
  if (slash == std::string_view::npos) return {};
  const auto tail_begin = [&] {  // a literal slash may stand in a domain-spec too: the prefix is what is left of digits and slashes
    auto at = rest.size();
    while (at > slash && (is_digit(rest[at - 1]) || rest[at - 1] == '/')) --at;
    return rest.find('/', at);
  }();
  if (tail_begin == std::string_view::npos) return {};
  std::string_view tail = rest.substr(tail_begin);
  rest = rest.substr(0, tail_begin);
  const auto twice = tail.find("//");
  const std::string_view four = tail.substr(0, twice);
  if (!four.empty()) {
    POSTERN_TRY(out.prefix4, parse_prefix(four.substr(1), 32, term));
  }
  if (twice != std::string_view::npos) {
    POSTERN_TRY(out.prefix6, parse_prefix(tail.substr(twice + 2), 128, term));
  }
  return {};
}

Status read_network(std::string_view value, SpfMechanism& out, std::string_view term) {
  const bool four = out.kind == SpfMechanismKind::Ip4;
  const auto slash = value.find('/');
  const auto address = dns::IpAddress::parse(value.substr(0, slash));
  if (!address || address->is_v4() != four) return fail(bad(four ? "has no IPv4 address" : "has no IPv6 address", term));
  out.network = *address;
  if (slash == std::string_view::npos) return {};
  auto& prefix = four ? out.prefix4 : out.prefix6;
  POSTERN_TRY(prefix, parse_prefix(value.substr(slash + 1), four ? 32 : 128, term));
  return {};
}

Status read_domain(std::string_view rest, SpfMechanism& out, bool required, std::string_view term) {
  if (rest.empty() && !required) return {};
  if (rest.size() < 2 || rest.front() != ':') return fail(bad("needs a colon and a domain", term));
  out.domain = rest.substr(1);
  const Status whole = check_spf_macros(out.domain, SpfMacroUse::Domain);
  if (!whole) return fail(bad("is wrong: " + whole.error().what, term));
  return {};
}

/// What stands behind the mechanism's name.
Status read_arguments(std::string_view rest, SpfMechanism& out, std::string_view term) {
  switch (out.kind) {
    case SpfMechanismKind::All:
      if (!rest.empty()) return fail(bad("takes nothing behind it", term));
      return {};
    case SpfMechanismKind::Include:
    case SpfMechanismKind::Exists: return read_domain(rest, out, true, term);
    case SpfMechanismKind::Ptr: return read_domain(rest, out, false, term);
    case SpfMechanismKind::A:
    case SpfMechanismKind::Mx: POSTERN_CHECK(take_prefixes(rest, out, term)); return read_domain(rest, out, false, term);
    case SpfMechanismKind::Ip4:
    case SpfMechanismKind::Ip6:
      if (rest.size() < 2 || rest.front() != ':') return fail(bad("needs a colon and an address", term));
      return read_network(rest.substr(1), out, term);
  }
  return {};
}

Result<SpfMechanism> read_mechanism(std::string_view term) {
  SpfMechanism out;
  out.text = term;
  std::string_view rest = term;
  constexpr std::string_view qualifiers = "+-~?";
  if (const auto at = qualifiers.find(rest.front()); at != std::string_view::npos) {
    out.qualifier = static_cast<SpfQualifier>(at);
    rest.remove_prefix(1);
  }
  const std::string_view name = rest.substr(0, rest.find_first_of(":/"));
  const auto* kind = std::ranges::find_if(kKinds, [name](const auto& known) { return iequals(known.first, name); });
  if (kind == kKinds.end()) return fail(bad("is no mechanism of SPF", term));
  out.kind = kind->second;
  POSTERN_CHECK(read_arguments(rest.substr(name.size()), out, term));
  return out;
}

/// name of RFC 7208 12, in front of "=".
std::optional<std::string_view> modifier_name(std::string_view term) {
  const auto end = std::ranges::find_if_not(term, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
  if (end == term.end() || *end != '=' || !is_alpha(term.front())) return std::nullopt;
  return term.substr(0, static_cast<std::size_t>(end - term.begin()));
}

Status read_modifier(std::string_view name, std::string_view term, SpfRecord& out) {
  const std::string_view value = term.substr(name.size() + 1);
  const bool redirect = iequals(name, "redirect");
  const bool known = redirect || iequals(name, "exp");
  const Status whole = check_spf_macros(value, known ? SpfMacroUse::Domain : SpfMacroUse::Literal);
  if (!whole) return fail(bad("is wrong: " + whole.error().what, term));
  if (!known) return {};  // RFC 7208 6: unrecognized modifiers are ignored
  auto& place = redirect ? out.redirect : out.explanation;
  if (place) return fail(bad("stands there twice", term));
  place = value;
  return {};
}

}  // namespace

std::string_view name_of(SpfMechanismKind kind) noexcept {
  const auto* found = std::ranges::find_if(kKinds, [kind](const auto& known) { return known.second == kind; });
  return found == kKinds.end() ? std::string_view("unknown") : found->first;
}

bool is_spf_record(std::string_view text) noexcept {
  if (!istarts_with(text, kVersion)) return false;
  return text.size() == kVersion.size() || text[kVersion.size()] == ' ';
}

Result<SpfRecord> parse_spf_record(std::string_view text) {
  if (!is_spf_record(text)) return fail(ErrorCode::BadInput, "is no SPF record: it does not begin with v=spf1", "spf");
  if (text.size() > kLongest) return fail(ErrorCode::BadInput, "is longer than a DNS answer can be", "spf");
  if (!is_ascii(text)) return fail(ErrorCode::BadInput, "the record has characters outside ASCII", "spf");  // RFC 7208 3.1
  SpfRecord out;
  const auto terms = split(text.substr(kVersion.size()), ' ');
  out.mechanisms.reserve(std::min<std::size_t>(terms.size(), 16));
  for (const std::string_view term : terms) {
    if (term.empty()) continue;
    if (const auto name = modifier_name(term)) {
      POSTERN_CHECK(read_modifier(*name, term, out));
      continue;
    }
    POSTERN_TRY(out.mechanisms.emplace_back(), read_mechanism(term));
  }
  return out;
}

}  // namespace postern
