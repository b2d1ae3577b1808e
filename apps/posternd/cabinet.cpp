#include "cabinet.hpp"

namespace postern::daemon {

Result<std::unique_ptr<cabinet::Cabinet>> open_cabinet(gateway::Gateway& gate, transport::Service& service) {
  const config::Config& config = gate.config();
  cabinet::Options options;
  options.default_strategy = static_cast<sdk::Strategy>(config.submit.default_strategy);
  const std::string& bundle = config.tracing.trace_bundle_path;
  if (!bundle.empty()) options.trace_bundle_path = config.in_mail_dir(bundle);
  options.version = POSTERN_VERSION;
  return cabinet::Cabinet::open({gate.store(), gate.keeper(), gate.clock(), gate.random(), service}, std::move(options));
}

}  // namespace postern::daemon
