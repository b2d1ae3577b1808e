// The PIN of a token, from a file.
#pragma once

#include <string>

#include "base/secret.hpp"

namespace postern::seals {

/// The first line of a file that nobody else may read or change (its group may read). 1 to 255 bytes; the line's end does not count.
/// Unavailable (missing, unreadable), Denied (permissions, not a regular file, a link), BadInput (empty, too long).
[[nodiscard]] Result<SecretBytes> read_pin_file(const std::string& path);

}  // namespace postern::seals
