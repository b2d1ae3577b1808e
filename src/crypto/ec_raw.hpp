// EC keys from bare numbers. Inside crypto/ only: pkey.hpp's from_raw().
#pragma once

#include "crypto/openssl.hpp"

namespace postern::detail {

/// Null for what is no point of the curve, or the neutral one. `group` is OpenSSL's name of it.
[[nodiscard]] EvpPkeyPtr ec_public(const char* group, ByteView point);
/// Null unless the scalar has `width` bytes and is 1 to the order less one.
[[nodiscard]] EvpPkeyPtr ec_private(const char* group, std::size_t width, ByteView scalar);

}  // namespace postern::detail
