// What the parts of this room refuse of the settings at the start, found before anything is made: posternd asks before it takes its data
// directory, and `postern config check` asks in its place. Settings alone; what lies in files is setting_files.hpp's.
#pragma once

#include "config/load.hpp"

namespace postern::gateway {

/// After config::parse() found no fault. Appends to loaded.faults and loaded.warnings, every fault with the setting that it is of.
void check_settings(config::Loaded& loaded);

}  // namespace postern::gateway
