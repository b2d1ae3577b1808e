// auth/token/create, create-orphan, create/ROLE. Inside vault/ only.
#pragma once

#include "vault/engine.hpp"

namespace postern::vault {

void add_token_create_paths(std::vector<PathSpec>& to, Engine& engine);

}  // namespace postern::vault
