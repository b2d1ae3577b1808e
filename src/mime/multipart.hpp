// RFC 2046 5.1.1 delimiter lines, and the bound on structure that is checked before any recursive parser (tree.cpp) and at the door
// (gateway/pipeline.cpp).
#pragma once

#include <cstddef>
#include <string_view>

#include "base/limits.hpp"
#include "base/result.hpp"

namespace postern {

enum class Delimiter { None, Open, Close };
/// What a line (without its line end) is for this boundary: "--" boundary ["--"] and white space.
[[nodiscard]] Delimiter delimiter_kind(std::string_view line, std::string_view boundary) noexcept;
/// RFC 2046 5.1.1: 1 to 70 bchars, no space at the end.
[[nodiscard]] bool is_boundary(std::string_view boundary) noexcept;

/// Cuts one line from the front of `rest`; the line comes without LF or CRLF.
[[nodiscard]] std::string_view take_line(std::string_view& rest) noexcept;

/// TooLarge when the entity nests deeper than mime_depth or has more parts than mime_parts. Iterative; memory of mime_depth boundaries.
[[nodiscard]] Status check_structure(std::string_view raw, const Limits& limits);

}  // namespace postern
