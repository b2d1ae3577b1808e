// A policy of the key engine: rules by path, as written in HCL or JSON.
//
//   path "transit/encrypt/+" { capabilities = ["create", "update"]  allowed_parameters = { "plaintext" = [] "*" = [] } }
//
// The grammar is the part of HCL 1 that policies use (blocks, assignments, lists, objects, strings with escapes, heredocs, numbers, bools,
// # // and /* */ comments) and the same thing as JSON. Everything else is an error with line and column.
// Source: the policy language of Vault and OpenBao.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace postern::acl {

enum class Capability : std::uint16_t {
  Deny = 1 << 0,
  Create = 1 << 1,
  Read = 1 << 2,
  Update = 1 << 3,
  Delete = 1 << 4,
  List = 1 << 5,
  Sudo = 1 << 6,
  Patch = 1 << 7,
  Scan = 1 << 8,
};
using Capabilities = std::uint16_t;
/// Their names, sorted as the API shows them; {"deny"} for none.
[[nodiscard]] std::vector<std::string> names_of(Capabilities capabilities);

/// A parameter's permitted values; empty: any.
using ParameterValues = std::vector<boost::json::value>;

struct Rule {
  std::string path;  ///< As written, without a leading '/', templates not filled in yet.
  Capabilities capabilities = 0;
  std::map<std::string, ParameterValues, std::less<>> allowed_parameters;  ///< Lower-case names; "*": the others.
  std::map<std::string, ParameterValues, std::less<>> denied_parameters;
  std::vector<std::string> required_parameters;
  std::optional<std::chrono::seconds> min_wrapping_ttl, max_wrapping_ttl;
  std::optional<std::int64_t> pagination_limit;
  std::optional<WallTime> expiration;

  friend bool operator==(const Rule&, const Rule&) = default;
};

struct Policy {
  std::string name;
  std::string text;  ///< As it was written.
  std::vector<Rule> rules;
  bool templated = false;  ///< Some path has {{...}}.
};

inline constexpr std::size_t kPolicyText = 1024 * 1024;
inline constexpr std::size_t kPolicyRules = 4096;
inline constexpr std::size_t kPolicyPath = 4096;  ///< As long as a request's path may be.

/// BadInput (TooLarge for the whole text) names line, column and what was expected. Unknown capabilities, keys and `control_group` (which
/// this engine does not do) are refused rather than ignored: a rule that is not understood must not be half obeyed. The older `policy =
/// "read"` ("write", "sudo", "deny") is understood; `comment` and a policy's own `name` are read and ignored.
[[nodiscard]] Result<Policy> parse_policy(std::string name, std::string_view text);
/// The rules as JSON that parse_policy() reads to the same rules; comments and layout are gone.
[[nodiscard]] std::string to_json(const Policy& policy);

}  // namespace postern::acl
