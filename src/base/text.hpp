// Small text helpers for protocol grammars: ASCII only, no locale.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern {

[[nodiscard]] constexpr char ascii_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
[[nodiscard]] constexpr char ascii_upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr bool is_alpha(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
[[nodiscard]] constexpr bool is_alnum(char c) noexcept { return is_digit(c) || is_alpha(c); }
/// RFC 5234 WSP: space or horizontal tab.
[[nodiscard]] constexpr bool is_wsp(char c) noexcept { return c == ' ' || c == '\t'; }

[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string to_upper(std::string_view text);
[[nodiscard]] bool iequals(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] bool istarts_with(std::string_view text, std::string_view prefix) noexcept;
/// Without spaces, tabs, CR and LF at both ends; borrows.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;
/// Every piece between separators, empty ones too; an empty text is one empty piece. Borrows.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
/// Whether the text is well-formed UTF-8 (RFC 3629: no overlong form, no surrogate, at most U+10FFFF).
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;
[[nodiscard]] bool is_ascii(std::string_view text) noexcept;
/// For logs and replies: control characters and bytes outside ASCII become `?`, and the text is cut to `limit` bytes.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 128);
/// The name in `known` that is nearest to `word` by edit distance, or empty when none is near. For "did you mean".
[[nodiscard]] std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace postern
