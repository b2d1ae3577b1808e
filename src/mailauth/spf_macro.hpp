// SPF macros (RFC 7208 7): checked when a record is read, expanded when a name is needed.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "dns/ip_address.hpp"

namespace postern {

struct SpfMacroValues {
  std::string local, sender_domain;  ///< Of the identity that is checked.
  std::string domain;                ///< Whose record is evaluated.
  std::string helo;
  dns::IpAddress ip;
  std::string receiver;  ///< Our host, for %{r}.
  WallTime now{};        ///< For %{t}.
  /// %{p}: the validated name of the address, or "unknown" (7.3); asked only when it is used.
  std::function<std::string()> validated_name;
};

enum class SpfMacroUse {
  Domain,       ///< A domain-spec: no c, r, t (7.2), no spaces, and it ends as a name does or with a macro.
  Literal,      ///< The value of a modifier that nobody knows: any macro letter.
  Explanation,  ///< The text that exp= points to: all letters, and spaces.
};

/// Syntax alone. BadInput names what is wrong.
[[nodiscard]] Status check_spf_macros(std::string_view text, SpfMacroUse use);

/// Of a checked text. A domain longer than 253 characters loses whole labels at its left (7.3).
[[nodiscard]] std::string expand_spf_domain(std::string_view text, const SpfMacroValues& values);
[[nodiscard]] std::string expand_spf_explanation(std::string_view text, const SpfMacroValues& values);

}  // namespace postern
