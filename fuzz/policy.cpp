// rooms: acl
// Policies in HCL and JSON: whatever parses compiles, and answers every question; its own rules written as JSON parse to the same paths.
#include <cstdint>
#include <cstdlib>

#include "acl/acl.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto parsed = acl::parse_policy("p", text);
  if (!parsed) return 0;
  boost::json::object paths;
  for (const auto& rule : parsed->rules) {
    boost::json::array names;
    for (const auto& name : acl::names_of(rule.capabilities)) names.emplace_back(name);
    paths["/" + rule.path] = boost::json::object{{"capabilities", std::move(names)}};
  }
  const auto again = acl::parse_policy("p", boost::json::serialize(boost::json::object{{"path", paths}}));
  if (!again || again->rules.size() != paths.size()) std::abort();
  const std::vector<std::shared_ptr<const acl::Policy>> policies{std::make_shared<const acl::Policy>(*std::move(parsed))};
  const auto compiled = acl::Acl::compile(policies, {{"identity.entity.id", "e1"}});
  for (const auto& rule : policies.front()->rules) {
    const auto verdict = compiled->check({.capability = acl::Capability::Read, .path = rule.path, .now = {}});
    if (verdict.allowed && compiled->capabilities(rule.path, {}) == static_cast<acl::Capabilities>(acl::Capability::Deny)) std::abort();
  }
  return 0;
}
