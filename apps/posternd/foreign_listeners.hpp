// Listening sockets in other network namespaces. A process that is confined cannot enter one, so they are made before: by the warden, which
// keeps them and gives them to every gate it starts, or by --single itself. Nobody keeps the right to make more.
#pragma once

#include <vector>

#include "base/unique_fd.hpp"
#include "config/config.hpp"

namespace postern::daemon {

/// One for each listener with a network_namespace, in their order. The error names the listener.
[[nodiscard]] Result<std::vector<UniqueFd>> open_foreign_listeners(const config::Config& config);
/// The same listeners get these descriptors as their sockets (config::Listener::socket).
void take_foreign_listeners(config::Config& config, const std::vector<int>& sockets);

/// Of the gate: where the warden put them (warden/child.hpp).
[[nodiscard]] std::vector<int> inherited_listeners(const config::Config& config);

}  // namespace postern::daemon
