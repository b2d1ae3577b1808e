// A file that is there whole and durable, or not at all: written beside its place, synced, renamed. For what a result or "250" stands on.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.hpp"

namespace postern {

/// Replaces what is there; readable by its owner only. The name is durable after sync_directory() of its folder. Exhausted: the disk is
/// full; Unavailable: anything else, with the system's reason.
[[nodiscard]] Status write_synced_file(const std::filesystem::path& path, std::string_view octets);

}  // namespace postern
