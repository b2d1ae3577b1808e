// rooms: acl
// Both syntaxes of policies: whatever parses compiles and answers, and its rendering as JSON parses to the same rules.
#include <cstdlib>

#include "acl/acl.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto policy = acl::parse_policy("p", text);
  if (!policy) {
    if (policy.error().what.empty() || policy.error().field != "policy") std::abort();
    return 0;
  }
  const auto again = acl::parse_policy("p", acl::to_json(*policy));
  // Escapes can make the rendering larger than a policy may be.
  if (!again && again.error().code != ErrorCode::TooLarge) std::abort();
  if (again && again->rules != policy->rules) std::abort();
  const std::vector<std::shared_ptr<const acl::Policy>> policies{std::make_shared<const acl::Policy>(*std::move(policy))};
  const auto compiled = acl::Acl::compile(policies, {{"identity.entity.id", "e-1"}});
  for (const acl::Rule& rule : policies.front()->rules) {
    const acl::Verdict verdict = compiled->check({.capability = acl::Capability::List, .path = rule.path, .now = wall_from_millis(0)});
    if (verdict.allowed == verdict.granting.empty()) std::abort();
    (void)compiled->capabilities(rule.path, wall_from_millis(0));
  }
  return 0;
}
