// Base64 (RFC 4648 4) into memory of the caller: for secrets, which must not pass through buffers nobody wipes, and for output that is
// built in place. bytes.hpp has the forms that return a value; both decide alike, as both end here.
//
// Speed: 32 characters at a time where the processor has AVX2 (asked once), by tables elsewhere. The vector form looks nothing up in
// memory, so its time does not depend on the bytes.
#pragma once

#include "base/bytes.hpp"

namespace postern {

/// Characters that `bytes` bytes become.
[[nodiscard]] constexpr std::size_t base64_size(std::size_t bytes) noexcept { return (bytes + 2) / 3 * 4; }
/// Bytes that `characters` characters become at most.
[[nodiscard]] constexpr std::size_t base64_room(std::size_t characters) noexcept { return characters / 4 * 3; }

/// Writes base64_size(bytes.size()) characters to `out`.
void base64_write(ByteView bytes, char* out) noexcept;
/// How many bytes it wrote to `out`, which has room for base64_room(text.size()). Strict: padding required, no white space, no stray bits.
/// After an error (BadInput) `out` may hold what came before it.
[[nodiscard]] Result<std::size_t> base64_read(std::string_view text, ByteSpan out);

/// The parts, for tests: what must agree with each other for every input.
namespace base64_parts {
/// How a run of whole blocks went: read from the input, written to the output. Stops at the first block it cannot do.
struct Progress {
  std::size_t read = 0, written = 0;
};
using EncodeRun = Progress (*)(ByteView bytes, char* out) noexcept;
using DecodeRun = Progress (*)(std::string_view text, Byte* out, std::size_t room) noexcept;
[[nodiscard]] Progress encode_table(ByteView bytes, char* out) noexcept;
[[nodiscard]] Progress decode_table(std::string_view text, Byte* out, std::size_t room) noexcept;
/// Null where the processor does not have it.
[[nodiscard]] EncodeRun encode_vector() noexcept;
[[nodiscard]] DecodeRun decode_vector() noexcept;
/// One character after the other, with the reason of a refusal.
[[nodiscard]] std::string encode_simple(ByteView bytes);
[[nodiscard]] Result<Bytes> decode_simple(std::string_view text, Whitespace whitespace = Whitespace::Refuse);
}  // namespace base64_parts

}  // namespace postern
