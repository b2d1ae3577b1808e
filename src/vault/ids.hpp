// Names that nobody can guess: tokens, accessors, UUIDs.
#pragma once

#include <string>

#include "base/bytes.hpp"

namespace postern::vault {

/// RFC 9562 version 4, lower case.
[[nodiscard]] std::string make_uuid();
/// Whether `text` has the form of a UUID in lower case.
[[nodiscard]] bool is_uuid(std::string_view text) noexcept;
/// `size` characters of [0-9A-Za-z], each with the same chance.
[[nodiscard]] std::string random_base62(std::size_t size);
/// "hvs." and 43 characters of base64url: 256 bits.
[[nodiscard]] std::string make_service_token();

}  // namespace postern::vault
