#include "mailauth/signer_names.hpp"

#include <string>

#include "dns/name.hpp"

namespace postern {
namespace {

/// A tag's value ends at a semicolon, and what names no domain is no name.
bool is_name(std::string_view text) {
  return dns::normalize_name(text).has_value() && !text.ends_with('.') && text.find_first_of(";=") == std::string_view::npos;
}

}  // namespace

Status check_signer_names(std::string_view domain, std::string_view selector) {
  if (!is_name(domain)) return fail(ErrorCode::BadInput, "not a domain name", "domain");
  if (!is_name(selector)) return fail(ErrorCode::BadInput, "not a selector", "selector");
  const auto whole = dns::normalize_name(std::string(selector) + "._domainkey." + std::string(domain));
  if (!whole) return fail(ErrorCode::BadInput, "not a selector of this domain: both together are too long for DNS", "selector");
  return {};
}

}  // namespace postern
