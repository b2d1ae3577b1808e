// --single: everything in this process, for development and for machines where one process has to do. Its keys are in the memory that
// parses what strangers send.
#include "base/log.hpp"
#include "serve.hpp"

namespace postern::daemon {

Status run_single(config::Loaded loaded) {
  const SystemClock clock;
  const config::Config config = loaded.config;
  POSTERN_TRY(const DataDirectory directory, open_data_directory(config));
  POSTERN_TRY(const auto engine, open_engine(config, clock));
  Serving with;
  with.loaded = std::move(loaded);
  with.keeper = engine->keeper();
  with.vault = [&](gateway::Gateway& gate) { return std::make_unique<api::LocalVault>(engine->core(), gate.workers()); };
  with.ready = [&](const std::vector<warden::NamedPort>& ports) -> Status {
    engine->start();
    return publish_ports(config, ports);
  };
  return serve(std::move(with));
}

}  // namespace postern::daemon
