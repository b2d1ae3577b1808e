// The auth method "approle": programs log in with a role id and a secret id.
//
// A secret id is shown once, when it is made; what is stored is its HMAC under a key of the mount, bound to the role. A login with an
// unknown role id does the same work and gives the same answer as one with a wrong secret id. A secret id with a use limit is used up by
// exactly as many logins as it has uses, however many try at once; a login from an address that it does not permit takes none. Threads: all
// handlers may run at once. Every change is one Storage::apply. Source: the AppRole API of Vault and OpenBao.
#pragma once

#include "vault/backend.hpp"

namespace postern::vault {

/// A BackendFactory without options.
[[nodiscard]] Result<std::unique_ptr<Backend>> make_approle(const std::vector<std::pair<std::string, std::string>>& options,
                                                            const Clock& clock);

}  // namespace postern::vault
