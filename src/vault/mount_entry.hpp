// The stored form of the mount table, and the rules for the paths in it. Inside vault/ only.
#pragma once

#include "vault/mounts.hpp"

namespace postern::vault {

[[nodiscard]] SecretBytes encode_mounts(const std::vector<MountEntry>& entries);
/// IntegrityFailed when it is not what encode_mounts() wrote.
[[nodiscard]] Result<std::vector<MountEntry>> decode_mounts(ByteView bytes);

/// "team/engine" or "/team/engine/" -> "team/engine/". BadInput for what cannot be a mount's path.
[[nodiscard]] Result<std::string> tidy_mount_path(std::string_view path);
/// kv-v2 and its like are kv with an option.
void resolve_type(std::string& type, MountOptions& options);
[[nodiscard]] Status check_config(const MountConfig& config);

}  // namespace postern::vault
