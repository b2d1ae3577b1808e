// The part of `postern config check` that asks the rooms above the configuration: all that would keep posternd from starting.
#pragma once

#include "config/load.hpp"

namespace postern::cli {

/// After config::parse() found no fault. Appends to loaded.faults and loaded.warnings. Reads files; nothing is made and nobody is asked.
void check_above(config::Loaded& loaded, const config::Environment& environment);

}  // namespace postern::cli
