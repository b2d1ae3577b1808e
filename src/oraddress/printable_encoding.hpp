// RFC 2156 3.4.1 (ASCII in PrintableString): "jane_doe@example.org" as "jane(u)doe(a)example.org".
#pragma once

#include <string>

#include "base/result.hpp"

namespace postern::oraddress {

/// (a) @, (b) !, (l) (, (p) %, (q) ", (r) ), (u) _, and (ddd) for every other character of ASCII that PrintableString does not have.
/// BadInput at a character outside ASCII.
[[nodiscard]] Result<std::string> to_printable(std::string_view ascii);
/// The inverse, letters in either case; (h), which some gateways write, is #. A parenthesis that begins no such code stands for itself.
[[nodiscard]] std::string from_printable(std::string_view printable);

}  // namespace postern::oraddress
