// The addresses that the daemon is to listen at, all of them: whether each can be one, and whether two are the same.
#pragma once

#include <string>
#include <vector>

#include "config/load.hpp"

namespace postern::gateway {

/// Appends to loaded.faults. HTTP and X.400 have their doors in other rooms, but the ports are the host's.
void check_door_settings(config::Loaded& loaded);

/// The same: networks that are none.
void check_networks(const std::string& setting, const std::vector<std::string>& networks, config::Loaded& loaded);

}  // namespace postern::gateway
