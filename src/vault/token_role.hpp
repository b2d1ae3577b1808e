// A role of auth/token: what tokens made by it get, and which policies may be asked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vault/backend.hpp"

namespace postern::vault {

struct TokenRole {
  std::string name;
  std::vector<std::string> allowed_policies, allowed_policies_glob, disallowed_policies, disallowed_policies_glob;
  bool orphan = false;
  bool renewable = true;
  std::string path_suffix;
  std::chrono::seconds period{0}, explicit_max_ttl{0};
  std::vector<std::string> bound_cidrs;
  bool no_default_policy = false;
  std::int64_t num_uses = 0;
  std::string type = "default-service";  ///< "default-service", "default-batch", "service", "batch"

  [[nodiscard]] bool limits_policies() const noexcept {
    return !allowed_policies.empty() || !allowed_policies_glob.empty() || !disallowed_policies.empty() || !disallowed_policies_glob.empty();
  }
  /// BadInput with the API's text when `policies` may not be had by this role.
  [[nodiscard]] Status check_policies(const std::vector<std::string>& policies) const;
};

/// Nothing when there is none.
[[nodiscard]] Result<std::optional<TokenRole>> read_token_role(Storage& storage, const std::string& name);

}  // namespace postern::vault
