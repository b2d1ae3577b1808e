// The transit secrets engine: the paths of the API over transit/engine.hpp, which does the work.
//
// What Postern adds to the API: associated_data on rewrap; uses counted per version, with limits (max_encryptions, max_signatures,
// max_hmacs); max_kept_versions; expiration; allowed_operations; encapsulate/ and decapsulate/ for ML-KEM keys. What only Vault has (nonce,
// managed keys, hybrid keys, signature contexts, cmac) is refused with the reason, not ignored.
// Faults of the client are 400 also where OpenBao answers 500.
// Threads: all handlers may run at once. Source: the transit HTTP API of Vault and OpenBao.
#pragma once

#include <memory>

#include "transit/engine.hpp"
#include "vault/backend.hpp"

namespace postern::vault {

/// A BackendFactory without options. The clock must outlive the backend.
[[nodiscard]] Result<std::unique_ptr<Backend>> make_transit(const std::vector<std::pair<std::string, std::string>>& options,
                                                            const Clock& clock);

/// The keys of a mount made by make_transit(), for the product's own use beside the API. Keep the mount entered while you hold it.
/// Unsupported for another kind of backend, Unavailable before start() and after stop().
[[nodiscard]] Result<std::shared_ptr<transit::Engine>> transit_engine_of(Backend& backend);

}  // namespace postern::vault
