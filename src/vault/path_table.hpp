// Finds the kind of path that a request means: the patterns of a backend's PathSpecs as a tree of segments.
//
// Literals beat captures, captures beat "{rest...}", decided segment by segment with a way back ("keys/{name}/config" and
// "keys/import" both find theirs). A capture declared as Name takes only engine names; anything else is not this path.
// Errors: std::logic_error at construction for patterns that cannot be (two of one shape, a capture that is not declared).
// Threads: immutable; match() may be called from any. Cost: a few string comparisons per segment, one allocation per match.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vault/backend.hpp"

namespace postern::vault {

using Captures = std::vector<std::pair<std::string_view, std::string>>;

struct PathMatch {
  const PathSpec* spec = nullptr;
  Captures captures;  ///< Names are borrowed from the spec.
};

class PathTable {
 public:
  /// Borrows `specs`, which must stay as they are.
  explicit PathTable(const std::vector<PathSpec>& specs);
  PathTable(PathTable&&) noexcept;
  PathTable& operator=(PathTable&&) noexcept;
  ~PathTable();

  /// `path` is below the mount. List and Scan may end in '/', which is not part of what is captured; for other operations a '/' at the
  /// end only fits "{rest...}", and is kept.
  [[nodiscard]] std::optional<PathMatch> match(std::string_view path, Operation operation) const;

 private:
  struct Node;
  std::unique_ptr<Node> m_root;
};

}  // namespace postern::vault
