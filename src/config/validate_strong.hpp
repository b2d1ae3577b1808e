// Private to this room: the part of validate.hpp about strong credentials of X.400 peers and users.
#pragma once

#include <string_view>

#include "config/load.hpp"

namespace postern::config {

/// "sha256:" and 64 hexadecimal digits.
[[nodiscard]] bool is_fingerprint(std::string_view pin);
/// Adds faults; nothing is changed.
void check_strong_credentials(Loaded& loaded);

}  // namespace postern::config
