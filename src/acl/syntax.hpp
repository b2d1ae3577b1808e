// The text of a policy as a tree, before anybody asks what it means: the common form of HCL and JSON. For this room only.
//
// Limits: text as parse_policy() takes it, kSyntaxDepth levels, kSyntaxNodes values. Errors: BadInput or TooLarge with line and column.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace postern::acl {

inline constexpr std::size_t kSyntaxDepth = 24;
inline constexpr std::size_t kSyntaxNodes = 200'000;

struct Member;

struct Node {
  enum class Kind { Null, Bool, Integer, Real, Text, List, Object };
  Kind kind = Kind::Null;
  std::size_t at = 0;  ///< Offset in the text.
  bool flag = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<Node> items;
  std::vector<Member> members;  ///< In the order of the text; the same key may come again.
};

/// `path "a" { ... }` has two keys, `"a": ...` and `a = ...` have one.
struct Member {
  std::vector<Node> keys;  ///< At least one; Text.
  Node value;
};

/// The whole text as an Object; JSON when its first character is '{', else HCL.
[[nodiscard]] Result<Node> parse_syntax(std::string_view text);
[[nodiscard]] Result<Node> parse_hcl(std::string_view text);
[[nodiscard]] Result<Node> parse_json(std::string_view text);

/// BadInput: "line 3, column 7: " and `what`. Columns count characters from 1.
[[nodiscard]] tl::unexpected<Error> syntax_error(std::string_view text, std::size_t at, std::string_view what);

}  // namespace postern::acl
