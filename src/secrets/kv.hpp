// The key-value secrets engine in both versions, and the cubbyhole.
//
// Version 2 keeps old versions of each secret, deletes softly and compares before it sets; version 1 keeps the last write only. Without
// options a mount is version 1. The cubbyhole is version 1 once per token: nobody else sees it, and whoever revokes a token forgets
// the folder `Caller::cubbyhole` of it.
// Threads: all handlers may run at once; writers of one secret go one after the other. Every change is one Storage::apply, so a crash
// leaves the old state or the new one.
// Source: the KV HTTP API of Vault and OpenBao.
#pragma once

#include "vault/backend.hpp"

namespace postern::vault {

/// A BackendFactory. Option "version": "1" (default) or "2"; anything else is BadInput.
[[nodiscard]] Result<std::unique_ptr<Backend>> make_kv(const std::vector<std::pair<std::string, std::string>>& options, const Clock& clock);
/// A BackendFactory without options.
[[nodiscard]] Result<std::unique_ptr<Backend>> make_cubbyhole(const std::vector<std::pair<std::string, std::string>>& options,
                                                              const Clock& clock);

}  // namespace postern::vault
