// Gateway and HTTP server over a keeper, wherever that is: from open to the signal that ends them.
#pragma once

#include <functional>
#include <memory>

#include "api/vault_port.hpp"
#include "daemon.hpp"
#include "gateway/gateway.hpp"

namespace postern::daemon {

struct Serving {
  config::Loaded loaded;
  std::shared_ptr<Keeper> keeper;
  /// Who answers the Vault API; called once, when that is on.
  std::function<std::unique_ptr<api::VaultPort>(gateway::Gateway&)> vault;
  /// It listens on these now; an error ends it.
  std::function<Status(const std::vector<warden::NamedPort>&)> ready;
};

/// Blocks until SIGTERM or SIGINT; what runs then is drained.
[[nodiscard]] Status serve(Serving with);

}  // namespace postern::daemon
