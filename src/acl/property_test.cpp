// The compiled answer against a slow evaluation written straight from the documented rules, over random policies and paths.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "acl/acl.hpp"
#include "base/text.hpp"

namespace postern::acl {
namespace {

using std::chrono::seconds;

const WallTime kNow = wall_from_millis(1'795'000'000'000);
constexpr Capabilities kDeny = static_cast<Capabilities>(Capability::Deny);

std::vector<std::string> pieces(std::string_view path) {
  std::vector<std::string> out;
  for (const std::string_view piece : split(path, '/')) out.emplace_back(piece);
  return out;
}

bool is_literal(std::string_view pattern) {
  const auto parts = pieces(pattern);
  return !pattern.ends_with('*') && std::ranges::find(parts, "+") == parts.end();
}

bool matches(std::string_view pattern, std::string_view path) {
  if (is_literal(pattern)) return pattern == path;
  const bool open = pattern.ends_with('*');
  const auto wanted = pieces(open ? pattern.substr(0, pattern.size() - 1) : pattern);
  const auto given = pieces(path);
  if (open ? given.size() < wanted.size() : given.size() != wanted.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const bool last = open && i + 1 == wanted.size();
    if (last ? !given[i].starts_with(wanted[i]) : wanted[i] != "+" && wanted[i] != given[i]) return false;
  }
  return true;
}

// Where the first wildcard stands.
std::size_t first_wildcard(const std::string& pattern) {
  std::size_t at = 0;
  for (const std::string& piece : pieces(pattern)) {
    if (piece == "+") return at;
    at += piece.size() + 1;
  }
  return pattern.size() - 1;
}

// "A lower priority than B", word for word in the documented order.
bool is_lower(const std::string& a, const std::string& b) {
  const auto pluses = [](const std::string& p) {
    return std::ranges::count(pieces(p.ends_with('*') ? p.substr(0, p.size() - 1) : p), "+");
  };
  const auto length = [](const std::string& p) { return p.size() - (p.ends_with('*') ? 1 : 0); };
  if (first_wildcard(a) != first_wildcard(b)) return first_wildcard(a) < first_wildcard(b);
  if (a.ends_with('*') != b.ends_with('*')) return a.ends_with('*');
  if (pluses(a) != pluses(b)) return pluses(a) > pluses(b);
  if (length(a) != length(b)) return length(a) < length(b);
  return a < b;
}

using Policies = std::vector<std::shared_ptr<const Policy>>;

std::vector<const Rule*> live_rules(const Policies& policies) {
  std::vector<const Rule*> out;
  for (const auto& policy : policies)
    for (const Rule& rule : policy->rules)
      if (!rule.expiration || kNow < *rule.expiration) out.push_back(&rule);
  return out;
}

// The pattern that decides; empty: none.
std::string deciding(const std::vector<const Rule*>& rules, const std::string& path, bool folder) {
  std::vector<std::string> forms{path};
  if (folder) forms = {path.ends_with('/') ? path : path + "/", path.ends_with('/') ? path.substr(0, path.size() - 1) : path};
  for (const std::string& form : forms)
    for (const Rule* rule : rules)
      if (is_literal(rule->path) && rule->path == form) return form;
  std::string best;
  for (const std::string& form : forms)
    for (const Rule* rule : rules)
      if (!is_literal(rule->path) && matches(rule->path, form) && (best.empty() || is_lower(best, rule->path))) best = rule->path;
  return best;
}

Capabilities slow_capabilities(const std::vector<const Rule*>& rules, const std::string& path, bool folder) {
  const std::string pattern = deciding(rules, path, folder);
  Capabilities all = 0;
  for (const Rule* rule : rules)
    if (!pattern.empty() && rule->path == pattern) all |= rule->capabilities;
  return (all & kDeny) != 0 ? kDeny : all;
}

class Dice {
 public:
  explicit Dice(unsigned seed) : m_engine(seed) {}
  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(m_engine); }
  bool one_in(std::size_t n) { return below(n) == 0; }

  std::string path(bool pattern) {
    std::string out;
    const std::size_t count = 1 + below(4);
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) out += '/';
      out += pattern && one_in(3) ? "+" : word();
    }
    if (pattern && one_in(3) && !out.ends_with('+')) out += '*';
    if (out.empty() || one_in(8)) out += "/";
    return out;
  }

  Rule rule() {
    Rule out;
    do out.path = path(true);
    while (out.path.find("+*") != std::string::npos || out.path.starts_with('/'));
    for (int i = 0; i < 3; ++i) out.capabilities |= static_cast<Capabilities>(1U << (1 + below(8)));
    if (one_in(6)) out.capabilities = kDeny;
    if (one_in(5)) out.expiration = kNow + seconds(one_in(2) ? -5 : 5);
    return out;
  }

 private:
  std::string word() {
    static constexpr std::string_view kWords[] = {"a", "ab", "abc", "b", "x+y", ""};
    return std::string(kWords[below(std::size(kWords))]);
  }
  std::mt19937 m_engine;
};

TEST(AclProperty, CompiledEqualsSlow) {
  std::size_t granted = 0, asked = 0;
  for (unsigned seed = 0; seed < 800; ++seed) {
    Dice dice(seed);
    Policies policies;
    for (std::size_t i = 1 + dice.below(3); i-- > 0;) {
      Policy policy;
      policy.name = "p" + std::to_string(i);
      for (std::size_t r = 1 + dice.below(12); r-- > 0;) policy.rules.push_back(dice.rule());
      policies.push_back(std::make_shared<const Policy>(std::move(policy)));
    }
    const auto acl = Acl::compile(policies, {});
    const auto rules = live_rules(policies);
    for (int i = 0; i < 60; ++i) {
      std::string path = dice.path(false);
      while (path.starts_with('/')) path.erase(0, 1);
      if (path.empty()) continue;
      const auto capability = static_cast<Capability>(1U << (1 + dice.below(8)));
      const bool folder = capability == Capability::List || capability == Capability::Scan;
      const Capabilities slow = slow_capabilities(rules, path, folder);
      const Verdict verdict = acl->check({.capability = capability, .path = path, .now = kNow});
      ASSERT_EQ(verdict.allowed, (slow & static_cast<Capabilities>(capability)) != 0) << "seed " << seed << " path " << path;
      ASSERT_EQ(verdict.sudo, (slow & static_cast<Capabilities>(Capability::Sudo)) != 0) << "seed " << seed << " path " << path;
      ASSERT_EQ(verdict.allowed, !verdict.granting.empty());
      ASSERT_EQ(acl->capabilities(path, kNow), slow_capabilities(rules, path, path.ends_with('/'))) << "seed " << seed << " path " << path;
      ++asked;
      granted += verdict.allowed ? 1 : 0;
    }
  }
  // The dice must make both answers common, or nothing was tested.
  EXPECT_GT(granted, asked / 20);
  EXPECT_LT(granted, asked - asked / 20);
}

}  // namespace
}  // namespace postern::acl
