// The transit secrets engine: the paths of the API over transit/engine.hpp, which does the work.
//
// What Postern adds to the API: associated_data on rewrap; uses counted per version, with limits (max_encryptions, max_signatures,
// max_hmacs); max_kept_versions; expiration; allowed_operations; encapsulate/ and decapsulate/ for ML-KEM keys. What only Vault has (nonce,
// managed keys, hybrid keys, signature contexts, cmac) is refused with the reason, not ignored.
// Faults of the client are 400 also where OpenBao answers 500.
// Threads: all handlers may run at once. Source: the transit HTTP API of Vault and OpenBao.
#pragma once

#include "vault/backend.hpp"

namespace postern::vault {

/// A BackendFactory without options. The clock must outlive the backend.
[[nodiscard]] Result<std::unique_ptr<Backend>> make_transit(const std::vector<std::pair<std::string, std::string>>& options,
                                                            const Clock& clock);

}  // namespace postern::vault
