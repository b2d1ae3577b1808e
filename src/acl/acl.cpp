#include "acl/acl.hpp"

#include <algorithm>
#include <unordered_map>

#include "acl/entry.hpp"

namespace postern::acl {

using detail::Entry;
using detail::SegmentTree;

namespace {

/// Replaces every {{...}}; nothing when a fact is missing or could widen the path.
std::optional<std::string> fill_in(std::string_view path, const TemplateFacts& facts) {
  std::string out;
  for (;;) {
    const auto open = path.find("{{");
    out += path.substr(0, open);
    if (open == std::string_view::npos) return out;
    const auto close = path.find("}}", open);
    if (close == std::string_view::npos) return std::nullopt;
    std::string_view name = path.substr(open + 2, close - open - 2);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    const auto fact = facts.find(name);
    // GHSA-59w7-9xrp-33r3: a value with a wildcard or a slash would make the rule match more than its author meant.
    if (fact == facts.end() || fact->second.empty() || fact->second.find_first_of("*+/{}") != std::string::npos) return std::nullopt;
    out += fact->second;
    path.remove_prefix(close + 2);
  }
}

bool has_plus_segment(std::string_view path) {
  return path == "+" || path.starts_with("+/") || path.ends_with("/+") || path.find("/+/") != std::string_view::npos;
}

/// The rules that end in '*' and have no '+': the longest of those that a path begins with, by a search in the sorted prefixes and a climb
/// through those that are prefixes of it.
class Prefixes {
 public:
  void add(std::string prefix, const Entry* entry) { m_all.push_back({std::move(prefix), entry, kNone}); }
  void seal() {
    std::ranges::sort(m_all, {}, &Prefix::text);
    for (std::size_t i = 1; i < m_all.size(); ++i) {
      std::size_t up = i - 1;
      while (up != kNone && !m_all[i].text.starts_with(m_all[up].text)) up = m_all[up].parent;
      m_all[i].parent = up;
    }
  }
  template <class Accept>
  const Entry* find(std::string_view path, const Accept& accept) const {
    const auto behind = std::ranges::upper_bound(m_all, path, {}, [](const Prefix& p) { return std::string_view(p.text); });
    auto at = static_cast<std::size_t>(behind - m_all.begin()) - 1;  // kNone when there is none
    for (; at != kNone; at = m_all[at].parent)
      if (path.starts_with(m_all[at].text) && accept(*m_all[at].entry)) return m_all[at].entry;
    return nullptr;
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  struct Prefix {
    std::string text;
    const Entry* entry;
    std::size_t parent;
  };
  std::vector<Prefix> m_all;
};

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

}  // namespace

struct Acl::Impl {
  bool root = false;
  std::vector<std::unique_ptr<Entry>> entries;
  std::unordered_map<std::string, const Entry*, StringHash, std::equal_to<>> exact;
  Prefixes prefixes;
  SegmentTree segments;
  std::vector<std::shared_ptr<const Policy>> policies;  // rules are borrowed from them

  void add(const Entry& entry);
  [[nodiscard]] const Entry* find_exact(std::string_view path, WallTime now) const;
  [[nodiscard]] const Entry* find(std::string_view path, bool lists, WallTime now) const;
};

void Acl::Impl::add(const Entry& entry) {
  if (has_plus_segment(entry.path))
    segments.add(entry);
  else if (entry.path.ends_with('*'))
    prefixes.add(entry.path.substr(0, entry.path.size() - 1), &entry);
  else
    exact.emplace(entry.path, &entry);
}

const Entry* Acl::Impl::find_exact(std::string_view path, WallTime now) const {
  const auto found = exact.find(path);
  return found != exact.end() && found->second->alive(now) ? found->second : nullptr;
}

/// `lists`: the path has a trailing '/' that the rule need not have.
const Entry* Acl::Impl::find(std::string_view path, bool lists, WallTime now) const {
  if (const Entry* entry = find_exact(path, now)) return entry;
  if (lists && path.ends_with('/'))
    if (const Entry* entry = find_exact(path.substr(0, path.size() - 1), now)) return entry;
  const Entry* best = prefixes.find(path, [now](const Entry& entry) { return entry.alive(now); });
  segments.visit(path, [&](const Entry& entry) {
    if (entry.alive(now) && (best == nullptr || entry.beats(*best))) best = &entry;
  });
  return best;
}

Acl::Acl(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Acl::~Acl() = default;

std::shared_ptr<const Acl> Acl::compile(std::span<const std::shared_ptr<const Policy>> policies, const TemplateFacts& facts) {
  auto impl = std::make_unique<Impl>();
  impl->policies.assign(policies.begin(), policies.end());
  std::map<std::string, Entry*, std::less<>> by_path;
  for (const auto& policy : policies) {
    impl->root = impl->root || policy->name == "root";
    for (const Rule& rule : policy->rules) {
      const auto path = rule.path.find("{{") == std::string::npos ? std::optional(rule.path) : fill_in(rule.path, facts);
      if (!path) continue;
      Entry*& entry = by_path[*path];
      if (entry == nullptr) entry = impl->entries.emplace_back(std::make_unique<Entry>(*path)).get();
      entry->sources.push_back({&rule, &policy->name});
    }
  }
  for (const auto& entry : impl->entries) {
    entry->settle();
    impl->add(*entry);
  }
  impl->prefixes.seal();
  return std::shared_ptr<const Acl>(new Acl(std::move(impl)));
}

bool Acl::is_root() const noexcept { return m_impl->root; }

Verdict Acl::check(const Question& question) const {
  if (m_impl->root) return {true, true, {}, {"root"}};
  const bool lists = question.capability == Capability::List || question.capability == Capability::Scan;
  const Entry* entry = m_impl->find(question.path, lists, question.now);
  return entry == nullptr ? Verdict{} : entry->answer(question);
}

Capabilities Acl::capabilities(std::string_view path, WallTime now) const {
  if (m_impl->root) return static_cast<Capabilities>(0x1FE);  // everything but deny
  const Entry* entry = m_impl->find(path, true, now);
  return entry == nullptr ? static_cast<Capabilities>(Capability::Deny) : entry->permissions(now).capabilities;
}

}  // namespace postern::acl
