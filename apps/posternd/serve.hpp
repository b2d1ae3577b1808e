// Gateway and HTTP servers over a keeper, wherever that is: from open to the signal that ends them.
#pragma once

#include <functional>
#include <memory>

#include "api/engine_state.hpp"
#include "api/process_state.hpp"
#include "api/vault_port.hpp"
#include "daemon.hpp"
#include "gateway/gateway.hpp"
#include "sdk/launch.hpp"

namespace postern::daemon {

struct Serving {
  config::Loaded loaded;
  std::shared_ptr<Keeper> keeper;
  SecretBytes database_key;  ///< Empty: the mail database is not encrypted as a whole.
  /// Who answers the Vault API; called once, when that is on.
  std::function<std::unique_ptr<api::VaultPort>(gateway::Gateway&)> vault;
  api::EngineStateSource engine;  ///< Of the key engine, for /status; may be empty.
  api::ProcessSource processes;   ///< For /status.
  /// Starts the process of a vendor's X.400 library (transport.mode "sdk"); empty: the gate does it itself.
  std::function<Result<sdk::Launched>()> x400_launcher;
  /// It listens on these now; an error ends it.
  std::function<Status(const std::vector<warden::NamedPort>&)> ready;
  /// Ends what calls into the gateway's loops from threads of its own; called when they have stopped and are still there.
  std::function<void()> end;
};

/// Blocks until SIGTERM or SIGINT; what runs then is drained.
[[nodiscard]] Status serve(Serving with);

}  // namespace postern::daemon
