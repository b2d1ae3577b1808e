// TOML text as a table of toml++, and its nodes as values of settings. The one place that calls the parser.
#pragma once

#ifndef TOML_EXCEPTIONS
#define TOML_EXCEPTIONS 0
#endif
#include <toml++/toml.h>

#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "config/settings.hpp"

namespace postern::config {

/// Errors begin with `source` and, where there is one, the line. TooLarge: over `limit` octets; BadInput: no TOML, or TOML that the parser
/// must not be given (toml_guard.hpp).
[[nodiscard]] Result<toml::table> parse_toml(std::string_view text, std::string_view source, std::size_t limit);

/// None: a node of a kind that no setting has.
[[nodiscard]] std::optional<Value> value_of(const toml::node& node);

}  // namespace postern::config
