// Delivery into files: DIR/ID-ITEM.eml with the exact bytes, and beside it ID-ITEM.json with the envelope. For archives and for tests
// that compare bytes.
#pragma once

#include <string>

#include "spool/types.hpp"

namespace postern::gateway {

/// Writes, syncs, then renames into place, so that a reader never sees half a file. Blocking. Unavailable or Exhausted for the medium.
[[nodiscard]] Status write_to_folder(const std::string& directory, const QueueItem& item);

}  // namespace postern::gateway
