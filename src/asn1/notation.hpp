// The bstring and hstring of ASN.1's value notation (X.680 12.10, 12.12): '0101'B, '0AFF'H. Private to the value notation and the dump.
#pragma once

#include <string>
#include <string_view>

#include "asn1/values.hpp"

namespace postern::asn1 {

[[nodiscard]] std::string hstring(ByteView octets);
/// Space may stand between the digits. BadInput otherwise; an odd number of digits is refused, since octets are meant.
[[nodiscard]] Result<Bytes> parse_hstring(std::string_view text);

/// As a bstring; more than 64 bits that are whole octets (signatures, keys) as an hstring.
[[nodiscard]] std::string bits_text(const BitString& bits);
/// Reads both.
[[nodiscard]] Result<BitString> parse_bits(std::string_view text);

}  // namespace postern::asn1
