#include "acl/rule_table.hpp"

#include <algorithm>
#include <tuple>

namespace postern::acl {
namespace {

// Takes the first segment off; false when it was the last one.
bool take_segment(std::string_view& rest, std::string_view& segment) noexcept {
  const std::size_t slash = rest.find('/');
  segment = rest.substr(0, slash);
  if (slash == std::string_view::npos) return false;
  rest.remove_prefix(slash + 1);
  return true;
}

void merge(PathRules& rules) {
  for (const Source& source : rules.sources) {
    rules.expires |= source.rule->expiration.has_value();
    rules.grant.add(*source.rule);
  }
}

}  // namespace

bool PathRules::is_live(WallTime now) const noexcept {
  return !expires || std::ranges::any_of(sources, [now](const Source& source) { return source.is_live(now); });
}

Specificity Specificity::of(std::string_view pattern) noexcept {
  Specificity out;
  out.whole = !pattern.ends_with('*');
  out.path = out.whole ? pattern : pattern.substr(0, pattern.size() - 1);
  out.literal = out.path.size();
  std::string_view rest = out.path, segment;
  for (bool more = true; more;) {
    more = take_segment(rest, segment);
    if (segment != "+") continue;
    if (out.plus++ == 0) out.literal = static_cast<std::size_t>(segment.data() - pattern.data());
  }
  return out;
}

bool Specificity::operator<(const Specificity& other) const noexcept {
  return std::forward_as_tuple(literal, whole, other.plus, path.size(), path) <
         std::forward_as_tuple(other.literal, other.whole, plus, other.path.size(), other.path);
}

bool is_pattern(std::string_view path) noexcept { return path.ends_with('*') || Specificity::of(path).plus > 0; }

void RuleTable::add(std::string path, Source source) {
  ByText<PathRules>& into = is_pattern(path) ? m_patterns : m_literal;
  PathRules& rules = into[path];
  rules.path = std::move(path);
  rules.sources.push_back(source);
}

void RuleTable::finish() {
  for (auto& [path, rules] : m_literal) merge(rules);
  std::vector<PathRules*> ordered;
  for (auto& [path, rules] : m_patterns) {
    merge(rules);
    ordered.push_back(&rules);
  }
  std::ranges::sort(ordered, [](const PathRules* a, const PathRules* b) { return Specificity::of(a->path) < Specificity::of(b->path); });
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    ordered[i]->rank = i;
    plant(*ordered[i]);
  }
}

void RuleTable::plant(const PathRules& rules) {
  const Specificity specificity = Specificity::of(rules.path);
  Node* node = &m_root;
  std::string_view rest = specificity.path, segment;
  for (bool more = true; more;) {
    more = take_segment(rest, segment);
    if (!more && !specificity.whole) break;  // the last segment is only a beginning
    std::unique_ptr<Node>& next = segment == "+" ? node->plus : node->literal[std::string(segment)];
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  if (specificity.whole) {
    node->here = &rules;
    return;
  }
  node->beginnings[std::string(segment)] = &rules;
  const auto place = std::ranges::lower_bound(node->lengths, segment.size(), std::greater<>());
  if (place == node->lengths.end() || *place != segment.size()) node->lengths.insert(place, segment.size());
}

bool RuleTable::Best::offer(const PathRules* candidate) noexcept {
  if (candidate == nullptr || !candidate->is_live(now)) return false;
  if (rules == nullptr || rules->rank < candidate->rank) rules = candidate;
  return true;
}

// Each node is visited at most once per path, as its depth is the number of the segment.
void RuleTable::walk(const Node& node, std::string_view rest, Best& best) {
  std::string_view segment;
  const bool more = take_segment(rest, segment);
  for (const std::size_t length : node.lengths) {
    if (length > segment.size()) continue;
    const auto found = node.beginnings.find(segment.substr(0, length));
    if (found != node.beginnings.end() && best.offer(found->second)) break;  // shorter ones are less specific
  }
  const auto step = [&](const Node* next) {
    if (next == nullptr) return;
    if (more)
      walk(*next, rest, best);
    else
      best.offer(next->here);
  };
  if (const auto found = node.literal.find(segment); found != node.literal.end()) step(found->second.get());
  step(node.plus.get());
}

const PathRules* RuleTable::find_literal(std::string_view path, WallTime now) const {
  const auto found = m_literal.find(path);
  return found != m_literal.end() && found->second.is_live(now) ? &found->second : nullptr;
}

const PathRules* RuleTable::find(std::string_view path, WallTime now) const {
  if (const PathRules* literal = find_literal(path, now)) return literal;
  Best best{.now = now};
  walk(m_root, path, best);
  return best.rules;
}

const PathRules* RuleTable::find_folder(std::string_view path, WallTime now) const {
  if (!path.ends_with('/')) return find(path, now);
  const std::string_view bare = path.substr(0, path.size() - 1);
  if (const PathRules* literal = find_literal(path, now)) return literal;
  if (const PathRules* literal = find_literal(bare, now)) return literal;
  Best best{.now = now};
  walk(m_root, path, best);
  walk(m_root, bare, best);
  return best.rules;
}

}  // namespace postern::acl
