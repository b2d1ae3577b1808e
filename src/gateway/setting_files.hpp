// Files that settings of mail name, read in one way at the start of the daemon and by `postern config check`.
#pragma once

#include <optional>

#include "config/load.hpp"
#include "dns/fixture.hpp"
#include "mailauth/public_suffix.hpp"

namespace postern::gateway {

/// authentication.public_suffix_list; unset where there is none. NotFound, BadInput, with the setting as field.
[[nodiscard]] Result<std::optional<PublicSuffixList>> read_public_suffixes(const config::Config& config);
/// dns.fixture_file, which must be set. The same errors.
[[nodiscard]] Result<dns::Fixture> read_dns_fixture(const config::Config& config);

/// What these files, certificates, keys and secrets hold: appends to loaded.faults. What cannot be read is none of its faults
/// (config/files.hpp says so), nor is what only the daemon can find: whether the built-in CA has its key.
void check_file_contents(config::Loaded& loaded);

}  // namespace postern::gateway
