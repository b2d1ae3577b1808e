// One code point at a time between UTF-8 and what the string types need.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::asn1 {

/// A Unicode scalar value: at most U+10FFFF and no surrogate.
[[nodiscard]] constexpr bool is_scalar(char32_t c) noexcept { return c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF); }

/// The first character (RFC 3629 4), taken off the front; nullopt, and nothing taken, where there is no well-formed one.
[[nodiscard]] std::optional<char32_t> take_utf8(std::string_view& text) noexcept;

/// Appends a scalar value.
void append_utf8(char32_t c, std::string& out);

/// The number of characters of well-formed UTF-8.
[[nodiscard]] std::size_t count_utf8(std::string_view text) noexcept;

}  // namespace postern::asn1
