// The first steps of a child of the warden.
#pragma once

#include "confine/confinement.hpp"
#include "daemon.hpp"

namespace postern::daemon {

/// The configuration that the warden checked, from its descriptor; `path` is where it came from. The log is set up.
[[nodiscard]] Result<config::Loaded> begin_role(const std::string& path, const std::string& process);

/// Becomes server.user, enters the confinement and logs it; dies with the warden. The state for those who report it.
[[nodiscard]] Result<confine::State> enter_role(const config::Config& config, confine::Rules rules);

}  // namespace postern::daemon
