// The auth methods of the key engine that are not the token store: what can be mounted under auth/.
#pragma once

#include "vault/backend.hpp"

namespace postern::vault {

/// "userpass": names and passwords. Takes no options.
[[nodiscard]] Result<std::unique_ptr<Backend>> make_userpass(const std::vector<std::pair<std::string, std::string>>& options,
                                                             const Clock& clock);
/// "approle": role ids and secret ids, for programs. Takes no options.
[[nodiscard]] Result<std::unique_ptr<Backend>> make_approle(const std::vector<std::pair<std::string, std::string>>& options,
                                                            const Clock& clock);

}  // namespace postern::vault
