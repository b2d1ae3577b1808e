// Requests of the Vault API and their replies in bytes: fields travel as a tree of tagged values, so that the keeper reads neither JSON
// text nor HTTP.
//
//   value    tag u8, then: nothing (null, false, true), a varint (integers), 8 bytes (doubles), varint size and bytes (strings),
//            varint count and values (arrays), varint count and pairs of string and value (objects)
//
// Bounded: kMaxTreeDepth levels, kMaxTreeValues values, and a count is compared with the bytes that are left before memory is taken. Texts
// are not looked at: what the core must refuse of an HTTP client it refuses here as well. Not thread safe; total, as wire.hpp says.
#pragma once

#include <memory>

#include "custody/wire.hpp"
#include "vault/memory.hpp"
#include "vault/request.hpp"

namespace postern::custody {

inline constexpr std::size_t kMaxTreeDepth = 72;        ///< The HTTP face reads at most 64.
inline constexpr std::size_t kMaxTreeValues = 1 << 20;  ///< About 25 bytes of memory each.
inline constexpr std::size_t kMaxHeaders = 256;         ///< Of a request or a reply.

/// A request whose fields are read later: what decides where it runs comes first.
struct VaultCall {
  std::unique_ptr<vault::WipedArena> memory;  ///< The fields live in it; wiped when it goes.
  vault::Request request;

  /// `fields`: bytes that the fields take on the wire.
  [[nodiscard]] static VaultCall empty(std::size_t fields);
};

/// TooLarge (through Writer::fault) when the tree is too deep or has too many values.
void write_vault_request(Writer& out, const vault::Request& request);
/// Everything but the fields. `in` then stands before them.
[[nodiscard]] Result<VaultCall> read_vault_head(Reader& in);
/// The fields, up to the end.
[[nodiscard]] Status read_vault_fields(Reader& in, VaultCall& call);

void write_vault_reply(Writer& out, const vault::Reply& reply);
[[nodiscard]] Result<vault::Reply> read_vault_reply(Reader& in);

/// Whether a second execution does no harm: it only reads, and makes no wrapping token.
[[nodiscard]] bool is_repeatable(const vault::Request& request) noexcept;

}  // namespace postern::custody
