// Response wrapping: an answer is put away under a token that can be used once, and only to get it.
//
// The wrapping token is a token of policy "response-wrapping" with one use; what it wraps lies beside its entry in the store and goes with
// it. Source: the Vault API, sys/wrapping.
#pragma once

#include "vault/engine.hpp"

namespace postern::vault {

inline constexpr std::chrono::seconds kLongestWrapping{30 * 86400};

/// Puts data, auth and warnings of `answer` away for `ttl`; the "wrap_info" block. BadInput for a ttl out of bounds.
[[nodiscard]] Result<boost::json::object> wrap_answer(Engine& engine, const Answer& answer, std::string_view path,
                                                      std::chrono::seconds ttl);
/// What was wrapped, once. BadInput "wrapping token is not valid or does not exist".
[[nodiscard]] Result<Answer> unwrap(Engine& engine, std::string_view token);
/// The same content under a new token; the old one is used up.
[[nodiscard]] Result<Answer> rewrap(Engine& engine, std::string_view token);
/// creation_path, creation_time, creation_ttl; does not use the token up.
[[nodiscard]] Result<Answer> look_up_wrapping(Engine& engine, std::string_view token);

}  // namespace postern::vault
