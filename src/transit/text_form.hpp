// "vault:vN:BODY", and base64 at the speed of the ciphers: the text forms of ciphertexts, signatures and MACs.
//
// Stateless. Borrowed views are valid as long as the text they were read from.
#pragma once

#include "transit/types.hpp"

namespace postern::transit {

/// What a text is, for the texts of errors: "invalid ciphertext: no prefix", "invalid HMAC: ...".
enum class TextKind { Ciphertext, Signature, Hmac };

struct VersionedText {
  std::uint32_t version = 0;  ///< At least 1: version 0 of the oldest servers reads as 1.
  std::string_view body;
};
/// BadInput with the API's words: no prefix, wrong number of fields, version number could not be decoded.
[[nodiscard]] Result<VersionedText> read_versioned(std::string_view text, TextKind kind);
/// BadInput "...: version is too new" for versions above `latest`; Denied for those below `least`.
[[nodiscard]] Status check_version(std::uint32_t version, std::uint32_t least, std::uint32_t latest, TextKind kind);

/// Appends "vault:vN:".
void append_prefix(std::string& out, std::uint32_t version);

/// RFC 4648 4, appended; RFC 4648 5 without padding.
void append_base64(std::string& out, ByteView bytes);
void append_base64url(std::string& out, ByteView bytes);
/// RFC 4648 4: padding required, nothing else allowed. `Out` is Bytes, RawBytes or WipedBytes.
template <class Out>
[[nodiscard]] Result<Out> decode_base64(std::string_view text);
/// Into a buffer of base64_room(text) bytes; the size that was written, or nothing.
[[nodiscard]] std::optional<std::size_t> decode_base64_into(std::string_view text, ByteSpan out) noexcept;
[[nodiscard]] inline std::size_t base64_room(std::string_view text) noexcept { return text.size() / 4 * 3; }

template <class Out>
Result<Out> decode_base64(std::string_view text) {
  Out out(base64_room(text));
  const auto size = decode_base64_into(text, out);
  if (!size) return fail(ErrorCode::BadInput, "not valid base64");
  out.resize(*size);
  return out;
}

}  // namespace postern::transit
