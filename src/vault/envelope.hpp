// The bodies that clients see.
#pragma once

#include <string>

#include "vault/backend.hpp"
#include "vault/refusal.hpp"

namespace postern::vault {

/// {"errors":["..."]}
[[nodiscard]] Reply reply_of(const Refusal& refusal);
/// The envelope with all its keys, or whatever else the answer is (bare, raw, nothing, errors beside data).
/// `mount_type` is Vault's addition to the envelope, which some clients insist on; empty: left out.
[[nodiscard]] Reply reply_of(const Answer& answer, Operation operation, std::string_view request_id, std::string_view mount_type = {});

}  // namespace postern::vault
