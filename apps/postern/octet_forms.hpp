// Octets as people hand them over: as they are, in hexadecimal, or in armour.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace postern::cli {

/// Told by what is there: "-----BEGIN …" with base64 until "-----END", hexadecimal digits (white space, ':' and one leading "0x" do not
/// count), anything else as it is. BadInput where armour or hexadecimal is broken.
[[nodiscard]] Result<Bytes> octets_of(std::string_view input);

enum class OctetForm { Hex, Binary, Pem };
/// The inverse; text forms end with a line end. `label` stands in the armour.
[[nodiscard]] std::string written(ByteView octets, OctetForm form, std::string_view label);

}  // namespace postern::cli
