// The repertoire of TeletexString: T.61 (1988) figure 2, the primary set (ISO-IR 102) on the left, the supplementary set (ISO-IR 103) on
// the right, and its letters with diacritical marks, which are two octets: the mark (0xC1..0xCF), then the letter.
//
// Read tolerantly, written as T.61 recommends: '#' and the currency sign are 0xA6 and 0xA8; 0x23 and 0x24 are understood. Not converted:
// escape sequences (X.690 8.23.5 lets them designate other sets).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::asn1 {

/// The first character as UTF-8, taken off the front; false, and nothing taken, where there is none of T.61.
[[nodiscard]] bool take_teletex(std::string_view& octets, std::string& utf8);

/// Appends a character; false where T.61 has none such. U+0332 (the underline of T.61) is written before the letter it follows.
[[nodiscard]] bool append_teletex(char32_t c, std::string& octets);

/// The offset of the first octet that begins no character of T.61. From an escape sequence on, everything may be meant.
[[nodiscard]] std::optional<std::size_t> first_foreign_teletex(std::string_view octets) noexcept;

}  // namespace postern::asn1
