// Reverse DNS of a client, confirmed forward (RFC 8601 3, "iprev"; FCrDNS): does one of the names of the address lead back to it?
#pragma once

#include <string>
#include <string_view>

#include "dns/record.hpp"

namespace postern {

enum class IprevResult {
  Pass,       ///< A name of the address has the address.
  Fail,       ///< It has names, and none has the address.
  PermError,  ///< It has no name.
  TempError,
};
[[nodiscard]] std::string_view name_of(IprevResult result) noexcept;

struct IprevVerdict {
  IprevResult result = IprevResult::PermError;
  std::string name;  ///< The confirmed one; otherwise the first that was found, or nothing.
};

/// Looks at ten names at most.
[[nodiscard]] IprevVerdict iprev_check(const dns::IpAddress& ip, DnsPort& dns);

}  // namespace postern
