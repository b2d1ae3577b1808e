// gzip (RFC 1952), bounded.
#pragma once

#include <string>

#include "base/bytes.hpp"

namespace postern {

/// Whether it begins as a gzip member does.
[[nodiscard]] bool is_gzip(ByteView bytes) noexcept;

/// All members of it, one behind another. TooLarge when more than `limit` bytes come out; BadInput for what is no gzip, is cut off or has a
/// wrong checksum, and for bytes behind the last member.
[[nodiscard]] Result<std::string> gunzip(ByteView bytes, std::size_t limit);

/// One member without name and time, so that the same text gives the same bytes.
[[nodiscard]] Bytes gzip(std::string_view text);

}  // namespace postern
