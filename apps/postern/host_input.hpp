// Host names and domains as people and DNS tools write them.
#pragma once

#include <string>

namespace postern::cli {

/// As certificates, policies and DNS records have it: A-labels (RFC 5890) for what is not ASCII, and without the dot of the root that DNS
/// tools print. What is no name stays as it is, for whoever judges it.
[[nodiscard]] std::string host_of(std::string name);

}  // namespace postern::cli
