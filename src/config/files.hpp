// The files and the secrets that settings name and that must be there before the daemon starts: for `postern config check`.
#pragma once

#include <string>
#include <vector>

#include "config/load.hpp"

namespace postern::config {

struct NamedFile {
  std::string setting;  ///< "route[0].ca"
  std::string path;     ///< Absolute.
};
/// Those without which the daemon does not start, as far as the settings in use need them. Not those that it makes itself (keys.root), nor
/// those that may come later (keys.vault.token_file).
[[nodiscard]] std::vector<NamedFile> needed_files(const Config& config);

/// What is not there is a fault. A warning is what the daemon may see differently from who asks: a file that this user may not read, an
/// environment variable; and the listeners' certificate, which is often fetched for a host after its settings were written. What they hold
/// is for the rooms that read them.
void check_files(Loaded& loaded, const Environment& environment);

}  // namespace postern::config
