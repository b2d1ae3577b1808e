// RFC 6376 3.4 canonicalization, for DKIM and ARC. One pass, no copy of the body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/hash.hpp"
#include "mailauth/dkim.hpp"

namespace postern {

struct BodyHash {
  Sha256 digest{};
  std::uint64_t canonical_size = 0;  ///< Of the whole canonical body, also when `limit` cut the hash short.
};

/// RFC 6376 3.4.3 and 3.4.4. With a limit, only the first `limit` octets of the canonical body are hashed (l=). CRLF is the only line end:
/// a bare CR or LF is an octet like any other.
[[nodiscard]] BodyHash hash_body(std::string_view body, Canonicalization how, std::optional<std::uint64_t> limit = std::nullopt);

/// RFC 6376 3.4.1 and 3.4.2: appends one canonical header field with its CRLF. `raw` is the whole field.
void append_canonical_field(std::string& out, std::string_view raw, Canonicalization how);

/// RFC 6376 5.4.2: for each name the bottommost instance not taken yet; a name without one is the null string.
void append_canonical_fields(std::string& out, const MessageView& message, const std::vector<std::string>& names, Canonicalization how);

}  // namespace postern
