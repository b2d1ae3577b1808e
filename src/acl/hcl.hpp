// The text form of policies: a small part of HCL 1, and JSON, as one tree (inside acl/ only).
//
// HCL: items `key "label"... { ... }` or `key = value`, separated by white space or commas; comments #, // and /* */; strings with the
// escapes of JSON; heredocs <<EOF and <<-EOF; numbers, true, false, lists, objects. JSON: exactly JSON's objects, arrays and scalars. A
// text is JSON when its first character that is not blank is '{'. Does not do: interpolation, expressions, functions, null.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace postern::acl {

struct HclItem;
struct HclValue;
using HclList = std::vector<HclValue>;
using HclObject = std::vector<HclItem>;

struct HclPlace {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

struct HclValue {
  std::variant<std::string, double, bool, HclList, HclObject> value;
  bool whole_number = false;  ///< A double written without fraction or exponent.
  HclPlace place;
};

struct HclItem {
  std::string key;
  std::vector<std::string> labels;
  HclValue value;
  HclPlace place;
};

inline constexpr int kHclDepth = 32;

/// BadInput: "line 3, column 7: expected ...".
[[nodiscard]] Result<HclObject> parse_hcl(std::string_view text);

[[nodiscard]] tl::unexpected<Error> hcl_error(const HclPlace& place, std::string_view what);

}  // namespace postern::acl
