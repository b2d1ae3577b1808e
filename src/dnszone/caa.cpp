#include "dnszone/caa.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace postern::dnszone {
namespace {

/// RFC 8659 4.1, RFC 9495, and the registry's contact properties.
constexpr std::array<std::string_view, 7> kKnownTags{"issue",    "issuewild",    "iodef",       "issuemail",
                                                     "issuevmc", "contactemail", "contactphone"};
constexpr unsigned kCritical = 0x80;

/// RFC 8659 4.2: letters, digits, and hyphens inside.
bool is_label(std::string_view text) {
  const auto may_stand = [](char c) { return is_alnum(c) || c == '-'; };
  return !text.empty() && std::ranges::all_of(text, may_stand) && text.front() != '-' && text.back() != '-';
}

bool is_issuer_name(std::string_view text) { return std::ranges::all_of(split(text, '.'), is_label); }

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_wsp(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_wsp(text.back())) text.remove_suffix(1);
  return text;
}

Result<std::pair<std::string, std::string>> parse_parameter(std::string_view text) {
  const auto equals = text.find('=');
  const std::string_view name = without_blanks(text.substr(0, equals));
  if (equals == std::string_view::npos || !is_label(name)) return fail(ErrorCode::BadInput, "a parameter is NAME=VALUE", "CAA");
  const std::string_view value = without_blanks(text.substr(equals + 1));
  if (!std::ranges::all_of(value, [](char c) { return c > 0x20 && c < 0x7F; }))
    return fail(ErrorCode::BadInput, "the value of a parameter is printable ASCII without blanks", "CAA");
  return std::pair(to_lower(name), std::string(value));
}

}  // namespace

Result<CaaIssuer> parse_caa_issuer(std::string_view value) {
  const auto semicolon = value.find(';');
  const std::string_view domain = without_blanks(value.substr(0, semicolon));
  if (!domain.empty() && !is_issuer_name(domain))
    return fail(ErrorCode::BadInput, "must begin with the domain of a CA, such as ca.example, or be \";\" for nobody", "CAA");
  CaaIssuer out{to_lower(domain), {}};
  const std::string_view rest = semicolon == std::string_view::npos ? "" : without_blanks(value.substr(semicolon + 1));
  if (rest.empty()) return out;
  for (const std::string_view part : split(rest, ';')) {
    POSTERN_TRY(auto parameter, parse_parameter(part));
    out.parameters.push_back(std::move(parameter));
  }
  std::ranges::sort(out.parameters);
  return out;
}

bool stops_every_issuer(const dns::CaaData& property) noexcept {
  const bool known = std::ranges::any_of(kKnownTags, [&](std::string_view tag) { return iequals(tag, property.tag); });
  return (property.flags & kCritical) != 0 && !known;
}

}  // namespace postern::dnszone
