// The warden's part of the daemon: what must be done with the rights that the children give up, and the plan of both.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iostream>

#include "base/log.hpp"
#include "confine/confinement.hpp"
#include "daemon.hpp"
#include "foreign_listeners.hpp"

namespace postern::daemon {
namespace {

warden::ChildPlan plan(const char* role, const Configuration& configuration, std::vector<std::string> environment) {
  return {role, {"--role", role, "--config", configuration.path}, std::move(environment), configuration.text, {}};
}

warden::Options options_of(const Configuration& configuration, const std::vector<UniqueFd>& foreign) {
  const config::Config& config = configuration.loaded.config;
  warden::Options out;
  out.gate = plan("gate", configuration, confine::gate_environment(config, environ));
  for (const auto& socket : foreign) out.gate.sockets.push_back(socket.get());
  out.keeper = plan("keeper", configuration, confine::keeper_environment(config, environ));
  if (config.transport.mode == "sdk") out.library = plan("library", configuration, confine::library_environment(config, environ));
  out.serving = [&config](const std::vector<warden::NamedPort>& ports) { return publish_ports(config, ports); };
  out.not_serving = [&config] { withdraw_ports(config); };
  out.gate_grace = config.timeouts.drain + std::chrono::seconds(20);
  return out;
}

/// The directory belongs to whom the children become.
Status give_directory(const DataDirectory& directory, const config::Config& config) {
  if (config.server.user.empty()) return {};
  if (::geteuid() != 0) {
    log::warn("warden.user_stays", {{"text", "only root can become server.user; the daemon stays who started it"}});
    return {};
  }
  POSTERN_TRY(const confine::User user, confine::find_user(config.server.user));
  return directory.give_to(user.uid, user.gid);
}

/// Once here, so that a fault is said once and with the status of a bad configuration.
Status check_rules(const config::Config& config) {
  POSTERN_CHECK(confine::gate_rules(config));
  POSTERN_CHECK(confine::keeper_rules(config));
  if (config.transport.mode == "sdk") POSTERN_CHECK(confine::library_rules(config));
  if (!config.server.user.empty() && ::geteuid() == 0) POSTERN_CHECK(confine::find_user(config.server.user));
  return {};
}

/// Children inherit it: root may raise what a user's login may not.
void lift_memory_lock() {
  const struct rlimit none{RLIM_INFINITY, RLIM_INFINITY};
  (void)::setrlimit(RLIMIT_MEMLOCK, &none);
}

Result<DataDirectory> prepare(const config::Config& config) {
  POSTERN_TRY(DataDirectory directory, open_data_directory(config));
  POSTERN_CHECK(give_directory(directory, config));
  lift_memory_lock();
  POSTERN_CHECK(confine::drop_capabilities(confine::KeepCapability::WardenOnly));
  (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return directory;
}

}  // namespace

int run_warden(Configuration configuration) {
  const config::Config& config = configuration.loaded.config;
  if (const Status checked = check_rules(config); !checked) {
    std::cerr << "posternd: " << checked.error().text() << "\n";
    return kBadConfiguration;
  }
  // Before prepare(): it gives up the right to enter a network namespace, for good.
  const auto foreign = open_foreign_listeners(config);
  if (!foreign) {
    std::cerr << "posternd: " << foreign.error().text() << "\n";
    return kCannotStart;
  }
  const auto directory = prepare(config);
  if (!directory) {
    std::cerr << "posternd: " << directory.error().text() << "\n";
    return kCannotStart;
  }
  return warden::Warden(options_of(configuration, *foreign)).run();
}

}  // namespace postern::daemon
