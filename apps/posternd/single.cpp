// --single: everything in this process, for development and for machines where one process has to do. Its keys are in the memory that
// parses what strangers send.
#include "base/log.hpp"
#include "foreign_listeners.hpp"
#include "keys.hpp"
#include "serve.hpp"

namespace postern::daemon {
namespace {

std::optional<api::EngineState> state_of(engine::KeyEngine& engine, const config::Config& config) {
  const auto custody = engine.status();
  if (!custody) return std::nullopt;
  api::EngineState out;
  out.initialized = custody->initialized;
  out.sealed = custody->sealed;
  out.seal = custody->type;
  out.migration = custody->migration;
  if (custody->sealed && !custody->recovery_seal) {
    out.progress = custody->progress;
    out.threshold = custody->threshold;
  }
  out.audit = api::audit_devices(config);
  return out;
}

}  // namespace

Status run_single(config::Loaded loaded) {
  const SystemClock clock;
  POSTERN_TRY(auto foreign, open_foreign_listeners(loaded.config));
  std::vector<int> sockets;
  for (auto& socket : foreign) sockets.push_back(socket.release());
  take_foreign_listeners(loaded.config, sockets);
  const config::Config config = loaded.config;
  POSTERN_TRY(const DataDirectory directory, open_data_directory(config));
  POSTERN_TRY(const Keys keys, Keys::open(config, clock));
  engine::KeyEngine* const engine = keys.engine();
  Serving with;
  with.loaded = std::move(loaded);
  with.keeper = keys.keeper();
  with.database_key = keys.database_key();
  with.vault = [&](gateway::Gateway& gate) { return std::make_unique<api::LocalVault>(engine->core(), gate.workers()); };
  if (engine != nullptr) with.engine = [&] { return state_of(*engine, config); };
  with.processes = [] {
    return std::vector<api::ProcessState>{
        {"posternd", "none", {"started with --single: the keys are in the memory that reads what strangers send"}}};
  };
  with.ready = [&](const std::vector<warden::NamedPort>& ports) -> Status {
    if (engine != nullptr) engine->start();
    return publish_ports(config, ports);
  };
  return serve(std::move(with));
}

}  // namespace postern::daemon
