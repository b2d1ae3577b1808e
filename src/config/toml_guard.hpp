// What toml++ must not be given: from a letter beyond ASCII where it looks for white space (outside strings and comments, or as the first
// character after a line-ending backslash) its tables run into undefined behaviour (tomlplusplus issues 190 and 295). Neither is TOML that
// a configuration needs, so it is refused before.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace postern::config {

/// The line (from 1) of the first such octet; none when the text can be parsed. Linear; says nothing else about the text.
[[nodiscard]] std::optional<std::size_t> line_toml_cannot_read(std::string_view text) noexcept;

}  // namespace postern::config
