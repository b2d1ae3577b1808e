// Octets in a named charset to UTF-8. Internal to mime/.
#pragma once

#include <string>
#include <string_view>

namespace postern {

/// Total: an octet that cannot be converted becomes U+FFFD. `charset` in lower case; empty or unknown: UTF-8 when it is that, else
/// windows-1252.
[[nodiscard]] std::string to_utf8(std::string_view text, const std::string& charset);

}  // namespace postern
