#include "acl/entry.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace postern::acl::detail {
namespace {

namespace json = boost::json;

constexpr bool has(Capabilities set, Capability one) { return (set & static_cast<Capabilities>(one)) != 0; }

void merge_parameters(std::map<std::string, ParameterValues, std::less<>>& into,
                      const std::map<std::string, ParameterValues, std::less<>>& more) {
  for (const auto& [name, values] : more) {
    const auto [at, fresh] = into.try_emplace(name, values);
    if (fresh) continue;
    if (values.empty() || at->second.empty())  // no values: any value
      at->second.clear();
    else
      at->second.insert(at->second.end(), values.begin(), values.end());
  }
}

template <class T>
void keep_lesser(std::optional<T>& into, const std::optional<T>& other) {
  if (other && (!into || *other < *into)) into = other;
}

/// "*x", "x*", "*x*"; anything else as it is.
bool glob_matches(std::string_view glob, std::string_view text) {
  if (glob == "*") return true;
  const bool front = glob.starts_with('*');
  const bool back = glob.ends_with('*');
  const std::string_view core = glob.substr(front ? 1 : 0, glob.size() - (front ? 1 : 0) - (back ? 1 : 0));
  if (front && back) return text.find(core) != std::string_view::npos;
  if (front) return text.ends_with(core);
  if (back) return text.starts_with(core);
  return text == glob;
}

bool value_is_in(const json::value& value, const ParameterValues& list) {
  if (list.empty()) return true;
  return std::ranges::any_of(list, [&](const json::value& one) {
    if (one.is_string() && value.is_string()) return glob_matches(one.as_string(), value.as_string());
    return one == value;
  });
}

bool has_parameter(const json::object& given, std::string_view name) {
  return std::ranges::any_of(given, [&](const auto& one) { return iequals(one.key(), name); });
}

bool parameters_fit(const Permissions& may, const json::object* given) {
  static const json::object none;
  const json::object& data = given == nullptr ? none : *given;
  for (const auto& name : may.required_parameters)
    if (!has_parameter(data, name)) return false;
  const bool any_denied = may.denied_parameters.contains("*");
  const bool any_allowed = may.allowed_parameters.empty() || may.allowed_parameters.contains("*");
  for (const auto& one : data) {
    const std::string name = to_lower(one.key());
    if (any_denied) return false;
    if (const auto denied = may.denied_parameters.find(name);
        denied != may.denied_parameters.end() && value_is_in(one.value(), denied->second))
      return false;
    const auto allowed = may.allowed_parameters.find(name);
    if (allowed == may.allowed_parameters.end() ? !any_allowed : !value_is_in(one.value(), allowed->second)) return false;
  }
  return true;
}

bool wrapping_fits(const Permissions& may, const std::optional<std::chrono::seconds>& wrap) {
  if (may.max_wrapping_ttl && may.max_wrapping_ttl->count() > 0 && (!wrap || *wrap > *may.max_wrapping_ttl)) return false;
  return !may.min_wrapping_ttl || may.min_wrapping_ttl->count() == 0 || (wrap && *wrap >= *may.min_wrapping_ttl);
}

bool writes(Capability capability) {
  return capability == Capability::Create || capability == Capability::Update || capability == Capability::Patch;
}

}  // namespace

void Entry::settle() {
  m_last_expiry = WallTime::min();
  for (const Source& source : sources) {
    const WallTime end = source.rule->expiration.value_or(WallTime::max());
    m_first_expiry = std::min(m_first_expiry, end);
    m_last_expiry = std::max(m_last_expiry, end);
  }
  m_merged = merge(WallTime::min());
  m_first_wildcard = std::string::npos;
  std::size_t at = 0;
  for (const auto segment : split(path, '/')) {
    if (segment == "+") {
      ++m_plus_segments;
      m_first_wildcard = std::min(m_first_wildcard, at);
    }
    at += segment.size() + 1;
  }
  if (path.ends_with('*')) m_first_wildcard = std::min(m_first_wildcard, path.size() - 1);
}

Permissions Entry::merge(WallTime now) const {
  Permissions out;
  for (const auto& [rule, policy] : sources) {
    if (rule->expiration && now >= *rule->expiration) continue;
    out.policies.push_back(*policy);
    out.capabilities |= rule->capabilities;
    merge_parameters(out.allowed_parameters, rule->allowed_parameters);
    merge_parameters(out.denied_parameters, rule->denied_parameters);
    out.required_parameters.insert(out.required_parameters.end(), rule->required_parameters.begin(), rule->required_parameters.end());
    keep_lesser(out.min_wrapping_ttl, rule->min_wrapping_ttl);
    keep_lesser(out.max_wrapping_ttl, rule->max_wrapping_ttl);
    keep_lesser(out.pagination_limit, rule->pagination_limit);
  }
  if (has(out.capabilities, Capability::Deny)) out.capabilities = static_cast<Capabilities>(Capability::Deny);
  return out;
}

Verdict Entry::answer(const Question& question) const {
  Permissions late;
  if (question.now >= m_first_expiry) late = merge(question.now);
  const Permissions& may = question.now >= m_first_expiry ? late : m_merged;
  Verdict verdict;
  if (has(may.capabilities, Capability::Deny)) return verdict;
  verdict.sudo = has(may.capabilities, Capability::Sudo);
  if (!has(may.capabilities, question.capability) || (question.needs_sudo && !verdict.sudo)) return verdict;
  if (!wrapping_fits(may, question.wrap_ttl)) return verdict;
  if (writes(question.capability) && !parameters_fit(may, question.parameters)) return verdict;
  verdict.allowed = true;
  verdict.pagination_limit = may.pagination_limit;
  verdict.granting = may.policies;
  return verdict;
}

// "Priority matching" of the policy documentation: the first difference in this order decides.
bool Entry::beats(const Entry& other) const {
  if (m_first_wildcard != other.m_first_wildcard) return m_first_wildcard > other.m_first_wildcard;
  if (const bool ends = path.ends_with('*'); ends != other.path.ends_with('*')) return !ends;
  if (m_plus_segments != other.m_plus_segments) return m_plus_segments < other.m_plus_segments;
  if (path.size() != other.path.size()) return path.size() > other.path.size();
  return path > other.path;
}

void SegmentTree::add(const Entry& entry) {
  Node* node = &m_root;
  const auto segments = split(entry.path, '/');
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::string_view segment = segments[i];
    if (i + 1 == segments.size() && segment.ends_with('*')) {
      node->prefixes.emplace_back(segment.substr(0, segment.size() - 1), &entry);
      return;
    }
    auto& child = segment == "+" ? node->any : node->literal[std::string(segment)];
    if (!child) child = std::make_unique<Node>();
    node = child.get();
  }
  node->here = &entry;
}

void SegmentTree::visit(std::string_view path, const std::function<void(const Entry&)>& call) const { visit(m_root, path, false, call); }

/// Each node is met at most once: its depth says which segment of the path it is held against.
void SegmentTree::visit(const Node& node, std::string_view rest, bool ended, const std::function<void(const Entry&)>& call) {
  if (ended) {
    if (node.here != nullptr) call(*node.here);
    return;
  }
  for (const auto& [prefix, entry] : node.prefixes)
    if (rest.starts_with(prefix)) call(*entry);
  const auto slash = rest.find('/');
  const std::string_view segment = rest.substr(0, slash);
  const bool last = slash == std::string_view::npos;
  const std::string_view behind = last ? std::string_view() : rest.substr(slash + 1);
  if (node.any) visit(*node.any, behind, last, call);
  if (const auto child = node.literal.find(segment); child != node.literal.end()) visit(*child->second, behind, last, call);
}

}  // namespace postern::acl::detail
