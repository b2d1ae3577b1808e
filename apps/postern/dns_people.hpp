// Whose keys `postern dns --people` shows: those of the daemon.
#pragma once

#include <string>
#include <vector>

#include "dnszone/wanted.hpp"
#include "remote.hpp"

namespace postern::cli {

/// Everybody of the domain (in normalized form) who has a key or a certificate, at most 10,000. TooLarge beyond.
[[nodiscard]] Result<std::vector<dnszone::PersonFact>> people_of(const Remote& daemon, const std::string& domain);

}  // namespace postern::cli
