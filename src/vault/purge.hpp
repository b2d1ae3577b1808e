// Removing everything below a prefix in steps of bounded size, so that what is large neither fills memory nor holds others up.
#pragma once

#include "barrier/storage.hpp"

namespace postern::vault {

/// Removes at most `most` values below `prefix` (ending in '/'). Whether something is left.
[[nodiscard]] Result<bool> purge_step(Storage& storage, const std::string& prefix, std::size_t most);
/// All of it, step by step. Interrupted: call again.
[[nodiscard]] Status purge(Storage& storage, const std::string& prefix);

}  // namespace postern::vault
