// What the rules of one path come to, and which of two wildcard paths is the more specific (inside acl/ only).
#pragma once

#include <functional>
#include <limits>

#include "acl/acl.hpp"

namespace postern::acl::detail {

/// Rules of one path, from one policy or several, merged: capabilities add up, deny beats all, the narrower lives win, and what one policy
/// permits of parameters the other's limits do not take away (OpenBao's order).
struct Permissions {
  Capabilities capabilities = 0;
  std::map<std::string, ParameterValues, std::less<>> allowed_parameters;
  std::map<std::string, ParameterValues, std::less<>> denied_parameters;
  std::vector<std::string> required_parameters;
  std::optional<std::chrono::seconds> min_wrapping_ttl, max_wrapping_ttl;
  std::optional<std::int64_t> pagination_limit;
  std::vector<std::string> policies;
};

struct Source {
  const Rule* rule;
  const std::string* policy;
};

class Entry {
 public:
  explicit Entry(std::string p) : path(std::move(p)) {}
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  const std::string path;
  std::vector<Source> sources;  ///< Filled before settle(), fixed afterwards.

  /// Merges once what does not change with time.
  void settle();
  [[nodiscard]] bool alive(WallTime now) const { return now < m_last_expiry; }
  [[nodiscard]] Permissions permissions(WallTime now) const { return now < m_first_expiry ? m_merged : merge(now); }
  [[nodiscard]] Verdict answer(const Question& question) const;
  /// Whether this wildcard path is more specific than that.
  [[nodiscard]] bool beats(const Entry& other) const;

 private:
  [[nodiscard]] Permissions merge(WallTime now) const;
  Permissions m_merged;
  WallTime m_first_expiry = WallTime::max();  ///< From here on m_merged is out of date.
  WallTime m_last_expiry = WallTime::max();   ///< From here on there is no rule left.
  std::size_t m_first_wildcard = 0;
  std::size_t m_plus_segments = 0;
};

/// The paths with '+' segments, by segment.
class SegmentTree {
 public:
  void add(const Entry& entry);
  /// Calls for every entry that the path matches.
  void visit(std::string_view path, const std::function<void(const Entry&)>& call) const;

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literal;
    std::unique_ptr<Node> any;  ///< '+'
    const Entry* here = nullptr;
    std::vector<std::pair<std::string, const Entry*>> prefixes;  ///< Of the next segment and all behind it: "ab*".
  };
  static void visit(const Node& node, std::string_view rest, bool ended, const std::function<void(const Entry&)>& call);
  Node m_root;
};

}  // namespace postern::acl::detail
