// The MTA-STS policy that we publish for our own domains (RFC 8461 3.2), from the settings. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "tlspolicy/mta_sts.hpp"

namespace postern::gateway {

/// Nothing when inbound.mta_sts is off.
[[nodiscard]] std::optional<MtaStsPolicy> own_sts_policy(const config::Config& config);
/// The policy file for the host that an HTTP request names ("mta-sts.example.org", with or without a port); nothing when that is none of
/// domains.local.
[[nodiscard]] std::optional<std::string> own_sts_file(const config::Config& config, std::string_view host);

}  // namespace postern::gateway
