// What tokens of a role or user are like: the token_* settings that every login method shares.
//
// Source: the API of Vault's and OpenBao's auth methods ("token parameters").
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "logins/attribute.hpp"
#include "vault/backend.hpp"

namespace postern::vault {

struct TokenSettings {
  std::chrono::seconds token_ttl{0}, token_max_ttl{0}, token_explicit_max_ttl{0}, token_period{0};
  std::int64_t token_num_uses = 0;
  std::vector<std::string> token_policies;
  std::vector<std::string> token_bound_cidrs;
  bool token_no_default_policy = false;
  bool token_strictly_bind_ip = false;
  std::string token_type = "default";  ///< "default", "service", "batch", "default-service", "default-batch"

  /// Brings policies into order. BadInput for settings that no token can have, in the API's words.
  [[nodiscard]] Status tidy();
  /// Whether a login from there may have such a token; an unreadable address may not.
  [[nodiscard]] bool permits_address(std::string_view remote) const;
  /// The token's part of the grant. `remote` is where the login came from.
  void fill(Grant& grant, std::string_view remote) const;
};

[[nodiscard]] const std::vector<Attribute<TokenSettings>>& token_attributes();

/// BadInput for what is no network, naming `field`.
[[nodiscard]] Status check_cidrs(const std::vector<std::string>& cidrs, std::string_view field);
/// Whether `remote` is in one of them; an empty list permits every address.
[[nodiscard]] bool permits_address(const std::vector<std::string>& cidrs, std::string_view remote);

}  // namespace postern::vault
