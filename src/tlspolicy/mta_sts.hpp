// MTA-STS (RFC 8461) without I/O: the TXT record, the policy file, and whether a host is one of a policy's MX hosts.
//
// Names are compared as in DNS: without case and without the last dot; internationalized ones are A-labels on both sides (RFC 8461 4.1).
// Does not fetch and does not keep policies. Thread safe: no state.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace postern {

inline constexpr std::size_t kMtaStsPolicyLimit = std::size_t{64} * 1024;  ///< Octets; RFC 8461 3.3 suggests this bound.
inline constexpr std::size_t kMtaStsLineLimit = 1000;                      ///< Lines of a policy.
inline constexpr std::chrono::seconds kMtaStsMaxAgeLimit{31557600};        ///< RFC 8461 3.2: about a year.

/// The id of the one STSv1 record among the TXT answers of _mta-sts.DOMAIN, each joined of its strings. NotFound when there is none that
/// begins with "v=STSv1;" or more than one (RFC 8461 3.1: then there is no policy); BadInput when the one has no valid id.
[[nodiscard]] Result<std::string> mta_sts_id(std::span<const std::string> records);

enum class MtaStsMode { None, Testing, Enforce };
[[nodiscard]] std::string_view name_of(MtaStsMode mode) noexcept;  ///< "enforce"

struct MtaStsPolicy {
  MtaStsMode mode = MtaStsMode::None;
  std::chrono::seconds max_age{};
  std::vector<std::string> mx = {};  ///< Lower case; "mail.example.com" or "*.example.com". Empty only with mode none.

  /// Whether mail may go to this MX host as far as the policy's list goes; what follows from "no" depends on the mode.
  [[nodiscard]] bool allows(std::string_view host) const;
};

/// TooLarge over the limits; BadInput with the field that is missing or wrong. Unknown fields are skipped, of repeated ones other than mx
/// the first counts (RFC 8461 3.2). A max_age above the maximum counts as the maximum.
[[nodiscard]] Result<MtaStsPolicy> parse_mta_sts_policy(std::string_view text);

/// The policy file (RFC 8461 3.2), lines ended by CRLF; parse_mta_sts_policy() of it gives the same.
[[nodiscard]] std::string write_mta_sts_policy(const MtaStsPolicy& policy);
/// An id for the TXT record (3.1) that is another one whenever the policy is: 32 hexadecimal digits of the text's SHA-256.
[[nodiscard]] std::string mta_sts_id_of(std::string_view policy_text);

}  // namespace postern
