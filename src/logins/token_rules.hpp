// What the tokens of a role or user are like: the token_* parameters that every auth method shares.
#pragma once

#include <boost/json.hpp>

#include "vault/backend.hpp"

namespace postern::vault {

struct TokenRules {
  std::chrono::seconds ttl{0}, max_ttl{0}, period{0}, explicit_max_ttl{0};
  std::vector<std::string> policies;
  std::vector<std::string> bound_cidrs;  ///< Where the login, and later the token, may come from; empty: anywhere.
  std::int64_t num_uses = 0;
  bool no_default_policy = false;
  bool strictly_bind_ip = false;  ///< The token is bound to the very address of the login.
  std::string type = "default";   ///< "default", "service", "batch"
};

[[nodiscard]] std::vector<FieldSpec> with_token_fields(std::vector<FieldSpec> fields);

/// Takes what the request gives; BadInput names the field. What is not given stays.
[[nodiscard]] Status update(TokenRules& rules, const Fields& fields);
/// All token_* fields, as the API shows them.
void show(const TokenRules& rules, boost::json::object& out);
/// What show() wrote.
[[nodiscard]] TokenRules token_rules_from(const boost::json::object& shown);

/// The grant of a login from `remote`. Denied when the rules do not let it come from there.
[[nodiscard]] Result<Grant> grant_of(const TokenRules& rules, std::string_view remote);
/// Denied unless `remote` is in one of the networks; no networks: anywhere.
[[nodiscard]] Status check_network(const std::vector<std::string>& cidrs, std::string_view remote);

}  // namespace postern::vault
