// An S/MIME object in a MIME entity application/pkcs7-mime (RFC 3855 2.2): the content of a message whose content type is id-data. Told by
// its bytes, as everything here is. Inside this room only.
#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "base/limits.hpp"

namespace postern::contentseal {

/// A longer header is none of an S/MIME object.
inline constexpr std::size_t kMostMimeHeader = 16UL * 1024;

/// Whether such an entity begins here; nothing: the header is not at its end yet, and what is there of it may be one.
[[nodiscard]] std::optional<bool> begins_smime_entity(ByteView front);
/// What is in it, its transfer encoding undone; nothing: it is none, or cannot be read.
[[nodiscard]] std::optional<Bytes> unwrapped_mime(ByteView octets, const Limits& limits);

}  // namespace postern::contentseal
