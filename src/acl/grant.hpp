// What all live rules of one path permit together. For this room only.
#pragma once

#include <span>

#include "acl/acl.hpp"

namespace postern::acl {

/// One rule in the policies of a token. The policy is kept alive by the Acl.
struct Source {
  const Policy* policy = nullptr;
  const Rule* rule = nullptr;

  [[nodiscard]] bool is_live(WallTime now) const noexcept { return !rule->expiration || now < *rule->expiration; }
};

/// The merged rules. Capabilities add up and deny beats them; of bounds the stricter counts (of two minimal wrapping times the shorter);
/// permitted and denied parameters add up, where an empty list (any value) beats values.
struct Grant {
  Capabilities capabilities = 0;
  std::map<std::string, ParameterValues, std::less<>> allowed, denied;
  std::vector<std::string> required;
  std::optional<std::chrono::seconds> min_wrapping_ttl, max_wrapping_ttl;
  std::optional<std::int64_t> pagination_limit;

  void add(const Rule& rule);
  [[nodiscard]] bool permits_wrapping(std::optional<std::chrono::seconds> wrap_ttl) const noexcept;
  [[nodiscard]] bool permits_parameters(const boost::json::object* parameters) const;
};

[[nodiscard]] constexpr bool has(Capabilities capabilities, Capability one) noexcept {
  return (capabilities & static_cast<Capabilities>(one)) != 0;
}

}  // namespace postern::acl
