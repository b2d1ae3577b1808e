// Checks that need more than one setting, and the warnings that status and console repeat.
#pragma once

#include "config/load.hpp"

namespace postern::config {

/// HOST:PORT or [IPV6]:PORT.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
[[nodiscard]] Result<HostPort> parse_host_port(std::string_view text);

/// Appends to loaded.faults and loaded.warnings; fills defaults that depend on other settings (listener names).
void validate(Loaded& loaded);

}  // namespace postern::config
