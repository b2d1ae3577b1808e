// The bodies that clients see.
#pragma once

#include <string>

#include "vault/backend.hpp"
#include "vault/refusal.hpp"

namespace postern::vault {

/// {"errors":["..."]}
[[nodiscard]] Reply reply_of(const Refusal& refusal);
/// The envelope with all its keys, or whatever else the answer is (bare, raw, nothing, errors beside data).
[[nodiscard]] Reply reply_of(const Answer& answer, Operation operation, std::string_view request_id);

}  // namespace postern::vault
