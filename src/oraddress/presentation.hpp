// Text of the two attributes that are no strings: presentation addresses (after RFC 1278) and terminal types (X.402 annex F).
#pragma once

#include <string>

#include "oraddress/extension.hpp"

namespace postern::oraddress {

/// P-selector, S-selector and T-selector in hexadecimal, then NSAP addresses: '01'H/'02'H/'7834'H/NS+4700…_NS+…; leading selectors that are
/// absent are left out, those between are empty: '01'H//'03'H/NS+47.
[[nodiscard]] std::string text_of(const PresentationAddress& address);
/// The inverse; BadInput says what was expected and the offset.
[[nodiscard]] Result<PresentationAddress> presentation_address(std::string_view text);

/// "tlx", "ttx", "g3fax", "g4fax", "ia5", "vtx", or the number.
[[nodiscard]] std::string text_of(TerminalType type);
/// The inverse, in any case.
[[nodiscard]] Result<TerminalType> terminal_type_named(std::string_view text);

}  // namespace postern::oraddress
