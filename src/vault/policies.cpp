#include "vault/policies.hpp"

#include <algorithm>
#include <mutex>

#include "base/text.hpp"

namespace postern::vault {
namespace {

constexpr std::string_view kDefaultText = R"hcl(# What every token may do: look after itself.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
path "sys/internal/ui/resultant-acl" { capabilities = ["read"] }
# Renew and look up a lease whose id is known.
path "sys/renew" { capabilities = ["update"] }
path "sys/leases/renew" { capabilities = ["update"] }
path "sys/leases/lookup" { capabilities = ["update"] }
# Its own cubbyhole, and wrapping.
path "cubbyhole/*" { capabilities = ["create", "read", "update", "delete", "list"] }
path "sys/wrapping/wrap" { capabilities = ["update"] }
path "sys/wrapping/lookup" { capabilities = ["update"] }
path "sys/wrapping/unwrap" { capabilities = ["update"] }
path "sys/wrapping/rewrap" { capabilities = ["update"] }
# Tools without state.
path "sys/tools/hash" { capabilities = ["update"] }
path "sys/tools/hash/*" { capabilities = ["update"] }
)hcl";

constexpr std::string_view kWrappingText = R"hcl(path "sys/wrapping/unwrap" { capabilities = ["update"] }
path "cubbyhole/response" { capabilities = ["read"] }
)hcl";

Status check_name(std::string_view name) {
  const bool fits = !name.empty() && name.size() <= 128 && name != "." && name != ".." && std::ranges::all_of(name, [](char c) {
    return is_alnum(c) || std::string_view("-_.:@+").find(c) != std::string_view::npos;
  });
  if (fits) return {};
  return fail(ErrorCode::BadInput, "invalid policy name: use 1 to 128 letters, digits and any of -_.:@+", "name");
}

std::shared_ptr<const acl::Policy> built_in_root() {
  acl::Policy root;
  root.name = kRootPolicy;
  return std::make_shared<const acl::Policy>(std::move(root));
}

Result<std::shared_ptr<const acl::Policy>> parsed(std::string name, std::string_view text) {
  POSTERN_TRY(acl::Policy policy, acl::parse_policy(std::move(name), text));
  return std::make_shared<const acl::Policy>(std::move(policy));
}

}  // namespace

std::vector<std::string> tidy_policies(std::vector<std::string> names, bool with_default) {
  std::vector<std::string> out;
  for (const std::string& name : names) {
    if (std::string tidy = to_lower(trim(name)); !tidy.empty()) out.push_back(std::move(tidy));
  }
  if (std::ranges::find(out, kRootPolicy) != out.end()) return {std::string(kRootPolicy)};
  if (with_default) out.emplace_back(kDefaultPolicy);
  std::ranges::sort(out);
  const auto repeated = std::ranges::unique(out);
  out.erase(repeated.begin(), repeated.end());
  return out;
}

Status Policies::start(Storage& storage) {
  Map policies;
  POSTERN_TRY(const std::vector<std::string> names, storage.list(""));
  for (const std::string& name : names) {
    POSTERN_TRY(const std::optional<SecretBytes> text, storage.get(name));
    if (!text) continue;
    auto policy = parsed(name, as_text(text->view()));
    if (!policy) return fail(std::move(policy).error().context("policy " + name));
    policies.emplace(name, *std::move(policy));
  }
  if (!policies.contains(kDefaultPolicy)) {
    POSTERN_TRY(auto policy, parsed(std::string(kDefaultPolicy), kDefaultText));
    POSTERN_CHECK(storage.put(std::string(kDefaultPolicy), SecretBytes::from_text(kDefaultText)));
    policies.emplace(kDefaultPolicy, std::move(policy));
  }
  POSTERN_TRY(auto wrapping, parsed(std::string(kWrappingPolicy), kWrappingText));
  policies.insert_or_assign(std::string(kWrappingPolicy), std::move(wrapping));
  policies.insert_or_assign(std::string(kRootPolicy), built_in_root());
  const std::unique_lock lock(m_mutex);
  m_policies = std::move(policies);
  m_storage = &storage;
  ++m_generation;
  return {};
}

void Policies::stop() noexcept {
  const std::unique_lock lock(m_mutex);
  m_policies.clear();
  m_storage = nullptr;
  ++m_generation;
}

std::shared_ptr<const acl::Policy> Policies::get(std::string_view name) const {
  const std::string wanted = to_lower(name);
  const std::shared_lock lock(m_mutex);
  const auto found = m_policies.find(wanted);
  return found == m_policies.end() ? nullptr : found->second;
}

Status Policies::set(std::string_view name, std::string_view text) {
  const std::string key = to_lower(name);
  POSTERN_CHECK(check_name(key));
  if (key == kRootPolicy || key == kWrappingPolicy) return fail(ErrorCode::BadInput, "cannot update \"" + key + "\" policy", "name");
  POSTERN_TRY(auto policy, parsed(key, text));
  const std::unique_lock lock(m_mutex);
  if (m_storage == nullptr) return fail(ErrorCode::Unavailable, "Vault is sealed");
  if (m_policies.size() >= kPolicies && !m_policies.contains(key))
    return fail(ErrorCode::Exhausted, "too many policies: delete some first");
  POSTERN_CHECK(m_storage->put(key, SecretBytes::from_text(text)));
  m_policies.insert_or_assign(key, std::move(policy));
  ++m_generation;
  return {};
}

Status Policies::remove(std::string_view name) {
  const std::string key = to_lower(name);
  POSTERN_CHECK(check_name(key));
  if (key == kRootPolicy || key == kDefaultPolicy || key == kWrappingPolicy) {
    return fail(ErrorCode::BadInput, "cannot delete \"" + key + "\" policy", "name");
  }
  const std::unique_lock lock(m_mutex);
  if (m_storage == nullptr) return fail(ErrorCode::Unavailable, "Vault is sealed");
  POSTERN_CHECK(m_storage->remove(key));
  m_policies.erase(key);
  ++m_generation;
  return {};
}

std::vector<std::string> Policies::names() const {
  const std::shared_lock lock(m_mutex);
  std::vector<std::string> out;
  for (const auto& [name, policy] : m_policies) {
    if (name != kWrappingPolicy) out.push_back(name);
  }
  return out;
}

std::shared_ptr<const acl::Acl> Policies::compile(const std::vector<std::string>& names, const acl::TemplateFacts& facts) const {
  std::vector<std::shared_ptr<const acl::Policy>> found;
  for (const std::string& name : names) {
    if (auto policy = get(name)) found.push_back(std::move(policy));
  }
  return acl::Acl::compile(found, facts);
}

}  // namespace postern::vault
