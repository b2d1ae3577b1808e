// The auth method "userpass": people log in with a name and a password.
//
// Passwords are kept as Argon2id; bcrypt hashes can be brought along (`password_hash`) and are checked, never made. A login with an unknown
// name does the same work and gives the same answer as one with a wrong password. After five wrong passwords a name is locked for 15
// minutes (logins/lockout.hpp): 403. At most kPasswordChecks passwords are checked at once, as each needs 19 MiB; more get 429. Threads:
// all handlers may run at once. Source: the userpass API of Vault and OpenBao.
#pragma once

#include "vault/backend.hpp"

namespace postern::vault {

inline constexpr std::size_t kPasswordChecks = 16;

/// A BackendFactory without options. The clock must outlive the backend.
[[nodiscard]] Result<std::unique_ptr<Backend>> make_userpass(const std::vector<std::pair<std::string, std::string>>& options,
                                                             const Clock& clock);

}  // namespace postern::vault
