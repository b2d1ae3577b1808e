#include "acl/acl.hpp"

#include "acl/rule_table.hpp"
#include "acl/template.hpp"

namespace postern::acl {
namespace {

constexpr Capabilities kEverything = static_cast<Capabilities>(Capability::Create) | static_cast<Capabilities>(Capability::Read) |
                                     static_cast<Capabilities>(Capability::Update) | static_cast<Capabilities>(Capability::Delete) |
                                     static_cast<Capabilities>(Capability::List) | static_cast<Capabilities>(Capability::Sudo) |
                                     static_cast<Capabilities>(Capability::Patch) | static_cast<Capabilities>(Capability::Scan);

bool has_parameters(Capability capability) noexcept {
  return capability == Capability::Create || capability == Capability::Update || capability == Capability::Patch;
}

bool is_listing(Capability capability) noexcept { return capability == Capability::List || capability == Capability::Scan; }

Grant merge_live(const PathRules& rules, WallTime now) {
  Grant grant;
  for (const Source& source : rules.sources)
    if (source.is_live(now)) grant.add(*source.rule);
  return grant;
}

std::string_view without_leading_slashes(std::string_view path) noexcept {
  while (path.starts_with('/')) path.remove_prefix(1);
  return path;
}

std::vector<std::string> granting_policies(const PathRules& rules, Capability capability, WallTime now) {
  std::vector<std::string> names;
  for (const Source& source : rules.sources)
    if (has(source.rule->capabilities, capability) && source.is_live(now) && (names.empty() || names.back() != source.policy->name))
      names.push_back(source.policy->name);
  return names;
}

}  // namespace

struct Acl::Impl {
  bool root = false;
  std::vector<std::shared_ptr<const Policy>> policies;  // what the table points into
  RuleTable table;

  void add(const Policy& policy, const TemplateFacts& facts) {
    if (policy.name == "root") root = true;
    for (const Rule& rule : policy.rules) {
      if (!policy.templated || rule.path.find("{{") == std::string::npos)
        table.add(rule.path, {&policy, &rule});
      else if (std::optional<std::string> path = fill_templates(rule.path, facts))
        table.add(*std::move(path), {&policy, &rule});
    }
  }

  [[nodiscard]] const PathRules* find(const Question& question, std::string_view path) const {
    if (!is_listing(question.capability)) return table.find(path, question.now);
    if (path.ends_with('/')) return table.find_folder(path, question.now);
    return table.find_folder(std::string(path) + '/', question.now);
  }

  static Verdict judge(const PathRules& rules, const Grant& grant, const Question& question) {
    Verdict verdict;
    verdict.sudo = has(grant.capabilities, Capability::Sudo);
    const bool permitted = has(grant.capabilities, question.capability) && question.capability != Capability::Deny &&
                           (verdict.sudo || !question.needs_sudo) && grant.permits_wrapping(question.wrap_ttl) &&
                           (!has_parameters(question.capability) || grant.permits_parameters(question.parameters));
    if (!permitted) return verdict;
    verdict.allowed = true;
    if (is_listing(question.capability)) verdict.pagination_limit = grant.pagination_limit;
    verdict.granting = granting_policies(rules, question.capability, question.now);
    return verdict;
  }
};

Acl::Acl(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Acl::~Acl() = default;

std::shared_ptr<const Acl> Acl::compile(std::span<const std::shared_ptr<const Policy>> policies, const TemplateFacts& facts) {
  auto impl = std::make_unique<Impl>();
  for (const std::shared_ptr<const Policy>& policy : policies) {
    if (!policy) continue;
    impl->policies.push_back(policy);
    impl->add(*policy, facts);
  }
  impl->table.finish();
  return std::shared_ptr<const Acl>(new Acl(std::move(impl)));
}

Verdict Acl::check(const Question& question) const {
  if (m_impl->root) return {.allowed = true, .sudo = true, .pagination_limit = {}, .granting = {"root"}};
  const PathRules* rules = m_impl->find(question, without_leading_slashes(question.path));
  if (rules == nullptr) return {};
  if (!rules->expires) return Impl::judge(*rules, rules->grant, question);
  return Impl::judge(*rules, merge_live(*rules, question.now), question);
}

Capabilities Acl::capabilities(std::string_view path, WallTime now) const {
  if (m_impl->root) return kEverything;
  const PathRules* rules = m_impl->table.find_folder(without_leading_slashes(path), now);
  if (rules == nullptr) return 0;
  return rules->expires ? merge_live(*rules, now).capabilities : rules->grant.capabilities;
}

bool Acl::is_root() const noexcept { return m_impl->root; }

}  // namespace postern::acl
