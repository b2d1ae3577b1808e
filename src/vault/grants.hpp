// From what a login grants to a token and its "auth" block.
#pragma once

#include "vault/engine.hpp"

namespace postern::vault {

/// The token for a login by `mount`. Adds to `warnings` what was cut to the limits. BadInput when the grant cannot be.
[[nodiscard]] Result<IssuedToken> issue_grant(Engine& engine, const Grant& grant, const MountEntry& mount, std::string_view path,
                                              std::vector<std::string>& warnings);
/// As clients see it. `token` is empty where it must not be shown.
[[nodiscard]] boost::json::object auth_block(const TokenEntry& entry, std::string_view token, WallTime now);
/// What the method that granted the token allows today, and its own refusal.
[[nodiscard]] Result<RenewLimits> renew_limits(Engine& engine, const TokenEntry& entry);
/// Renews and gives the "auth" block.
[[nodiscard]] Result<Answer> renew_token(Engine& engine, const LiveToken& token, std::chrono::seconds increment, std::string_view shown);

/// `wish` within `most` (0: no limit), with a warning when it was cut.
[[nodiscard]] std::chrono::seconds cap_ttl(std::chrono::seconds wish, std::chrono::seconds most, std::vector<std::string>& warnings);
[[nodiscard]] boost::json::value texts_json(const std::vector<std::string>& texts);
/// Null when there are none, as clients expect it.
[[nodiscard]] boost::json::value map_json(const std::vector<std::pair<std::string, std::string>>& map);

}  // namespace postern::vault
