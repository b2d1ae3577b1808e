// The rules of one Acl by path, made for asking: literal paths in a hash table, patterns in a tree of segments. For this room only.
//
// Cost of a look-up: one hash of the path when a rule has it literally; else one or two hashes per segment, and for "+" a second branch.
// The number of rules does not count, except for those with "+" that agree with the path up to there.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "acl/grant.hpp"

namespace postern::acl {

/// All rules of one path.
struct PathRules {
  std::string path;             ///< With its wildcards.
  std::vector<Source> sources;  ///< In the order of the token's policies.
  bool expires = false;         ///< Some rule has an end: what counts depends on the time.
  Grant grant;                  ///< Of all of them, unless `expires`.
  std::size_t rank = 0;         ///< Of patterns: the higher, the more specific.

  [[nodiscard]] bool is_live(WallTime now) const noexcept;
};

/// How specific a pattern is; the greater wins. This is the order that Vault and OpenBao document.
struct Specificity {
  std::size_t literal = 0;  ///< Bytes before the first wildcard.
  bool whole = false;       ///< Does not end in '*'.
  std::size_t plus = 0;     ///< Segments that are '+'.
  std::string_view path;    ///< Without the '*' at its end.

  [[nodiscard]] static Specificity of(std::string_view pattern) noexcept;
  [[nodiscard]] bool operator<(const Specificity& other) const noexcept;
};
/// Whether it has a segment '+' or a '*' at its end.
[[nodiscard]] bool is_pattern(std::string_view path) noexcept;

class RuleTable {
 public:
  void add(std::string path, Source source);
  /// After the last add(): merges, ranks, builds the tree.
  void finish();
  /// What decides about exactly this path at `now`; null when no rule matches.
  [[nodiscard]] const PathRules* find(std::string_view path, WallTime now) const;
  /// The same for a folder, "a/b/": rules for "a/b" count too. Of literal rules the one with '/' comes first, of patterns the more
  /// specific decides. For a path without '/' at its end as find().
  [[nodiscard]] const PathRules* find_folder(std::string_view path, WallTime now) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  template <class T>
  using ByText = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  struct Node {
    ByText<std::unique_ptr<Node>> literal;
    std::unique_ptr<Node> plus;
    const PathRules* here = nullptr;      ///< The pattern that ends with this segment.
    ByText<const PathRules*> beginnings;  ///< "ab*" below this node, by "ab".
    std::vector<std::size_t> lengths;     ///< Of the beginnings, longest first.
  };
  struct Best {
    WallTime now;
    const PathRules* rules = nullptr;
    bool offer(const PathRules* candidate) noexcept;
  };

  void plant(const PathRules& rules);
  static void walk(const Node& node, std::string_view rest, Best& best);
  [[nodiscard]] const PathRules* find_literal(std::string_view path, WallTime now) const;

  ByText<PathRules> m_literal;
  ByText<PathRules> m_patterns;
  Node m_root;
};

}  // namespace postern::acl
