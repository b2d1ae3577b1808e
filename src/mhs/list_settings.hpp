// The tables [[x400_list]] as the lists of an MTA.
#pragma once

#include "config/config.hpp"
#include "mhs/lists.hpp"

namespace postern::mhs {

/// Reads the members' files. Errors name table, list and setting, and of a file the line.
[[nodiscard]] Result<Lists> lists_of(const config::Config& config);

}  // namespace postern::mhs
