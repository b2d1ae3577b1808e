// From an HTTP request to a request of the key engine: verbs, headers, body forms, as Vault's clients send them.
//
// Verbs: GET reads; POST and PUT are the same; PATCH wants application/merge-patch+json (415); DELETE; LIST as a verb or GET ?list=true,
// SCAN likewise (both at once: 400); HEAD is a GET; HELP or ?help=1. A body is JSON whatever its media type says, unless the type is
// application/x-www-form-urlencoded and the first byte that is not blank is neither '{' nor '['. `null` and nothing at all mean no fields.
// Query parameters are fields of GET, DELETE, LIST and SCAN. Errors are Vault's: {"errors":[...]}.
#pragma once

#include <memory>
#include <variant>

#include "http/message.hpp"
#include "vault/memory.hpp"
#include "vault/request.hpp"

namespace postern::api {

inline constexpr int kVaultJsonDepth = 64;            ///< Deeper bodies are 400.
inline constexpr std::size_t kVaultPath = 4096;       ///< Longer paths are 400.
inline constexpr std::size_t kVaultNamespace = 1024;  ///< Longer ones are 400. Tokens are bounded by the token store.

/// A request, and the memory that its fields live in; the memory is wiped when this goes.
struct VaultRequest {
  std::unique_ptr<vault::WipedArena> memory;
  vault::Request request;
};

/// The request, or the answer to one that is not well formed. The body of `request` is left as it is: the caller wipes it.
[[nodiscard]] std::variant<VaultRequest, http::Response> read_vault_request(const http::Request& request, std::string id);

/// For http::ServerOptions::bad_target: each API's own form of error.
[[nodiscard]] http::Response refuse_target(const Error& error, std::string_view target);

/// {"errors":[...]}
[[nodiscard]] http::Response vault_error(int status, std::string_view text);

}  // namespace postern::api
