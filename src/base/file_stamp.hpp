// Whether a file is still the one that was read.
#pragma once

#include <string>

namespace postern {

/// Changes whenever the file does, its replacement by rename included. Of a file that is not there as well.
[[nodiscard]] std::string file_stamp(const std::string& path);

}  // namespace postern
