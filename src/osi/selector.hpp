// Text forms of selectors: transport (TSAP-ID), session and presentation selectors are octets that people write as text.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace postern::osi {

/// X.650 gives no form; ours are those that are in use: "x400n" is these ASCII octets, "0x78343030" or "'78343030'H" these octets in
/// hexadecimal, "" the empty selector. BadInput for other than printable ASCII, for bad hexadecimal, and above `limit` octets.
[[nodiscard]] Result<Bytes> parse_selector(std::string_view text, std::size_t limit = 32);
/// The ASCII form where it reads back as the same octets, the hexadecimal one otherwise.
[[nodiscard]] std::string format_selector(ByteView selector);

}  // namespace postern::osi
