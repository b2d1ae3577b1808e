// Lines that relays and mailboxes are known to change, made unchangeable. Inside this room only.
#pragma once

#include <string>
#include <string_view>

#include "base/limits.hpp"

namespace postern {

/// RFC 3156 5: "trailing whitespace ... MUST be encoded", "From " at the start of a line too. Text leaves sent as 7bit that have such lines
/// become quoted-printable; everything else keeps its bytes, and so does whatever is signed already. `entity` is 7bit with CRLF.
[[nodiscard]] std::string shield_lines(std::string_view entity, const Limits& limits);

}  // namespace postern
