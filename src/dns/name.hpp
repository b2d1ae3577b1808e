// Domain names as text: lower case, no trailing dot, A-labels only.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace postern::dns {

/// Lower-cases, drops one trailing dot, and checks RFC 1035 2.3.4: labels of 1 to 63 octets, 253 in all. Labels may hold any printable
/// ASCII but the dot, since service names (_dmarc, _25._tcp) and old hosts use more than letters. BadInput otherwise.
[[nodiscard]] Result<std::string> normalize_name(std::string_view text);
/// Whether `name` is `ancestor` or below it ("a.example.com" under "example.com"); both normalized.
[[nodiscard]] bool is_same_or_below(std::string_view name, std::string_view ancestor) noexcept;

}  // namespace postern::dns
