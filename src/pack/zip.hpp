// ZIP archives (PKWARE APPNOTE 6.3) with one member, bounded: the form in which reports come beside gzip.
#pragma once

#include <string>

#include "base/bytes.hpp"

namespace postern {

/// Whether it begins as an archive with a member does.
[[nodiscard]] bool is_zip(ByteView bytes) noexcept;

/// The content of the one file in it; stored or deflated, with its checksum. Folders do not count. TooLarge when more than `limit` bytes
/// come out, whatever the archive says of its size; BadInput for none, for more than one, and for what is cut off or damaged; Unsupported
/// for encrypted members, other methods and ZIP64 (no report of some megabytes needs it).
///
/// Does not: write archives, use the name of the file (it is somebody else's path).
[[nodiscard]] Result<std::string> unzip_one(ByteView bytes, std::size_t limit);

}  // namespace postern
