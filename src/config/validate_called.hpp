// Private to this room: the part of validate.hpp about users whom the MTA of X.400 calls.
#pragma once

#include "config/load.hpp"

namespace postern::config {

/// Of [[x400_called_user]]. Adds faults and warnings; nothing is changed.
void check_called_users(Loaded& loaded);

}  // namespace postern::config
