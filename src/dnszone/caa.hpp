// What a CAA property that names an issuer says (RFC 8659 4.2, RFC 9495 3): "ca.example; accounturi=https://ca.example/acct/1". Pure and
// total; a value is as long as a record at most (65,535 octets).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "dns/record.hpp"

namespace postern::dnszone {

struct CaaIssuer {
  std::string domain;                                           ///< In lower case; empty: nobody may issue.
  std::vector<std::pair<std::string, std::string>> parameters;  ///< Sorted; names in lower case (RFC 8657: accounturi, validationmethods).

  friend bool operator==(const CaaIssuer&, const CaaIssuer&) = default;
};

/// BadInput for a value that is not of the form; CAs take such a one for "nobody" (RFC 8659 4.2).
[[nodiscard]] Result<CaaIssuer> parse_caa_issuer(std::string_view value);

/// Critical, and of a kind that a CA need not know: then it issues nothing (RFC 8659 4.1).
[[nodiscard]] bool stops_every_issuer(const dns::CaaData& property) noexcept;

}  // namespace postern::dnszone
