// The daemon: reads its command line and its configuration, and becomes what they say.
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string_view>

#include "confine/privileges.hpp"
#include "daemon.hpp"
#include "gateway/settings_check.hpp"
#include "sdk/child.hpp"

namespace postern::daemon {
namespace {

struct CommandLine {
  std::string config, role;
  bool single = false;
};

int status_of(const Status& ended) {
  if (ended) return 0;
  std::cerr << "posternd: " << ended.error().text() << "\n";
  return kCannotStart;
}

int run_by_configuration(const CommandLine& with) {
  auto configuration = read_configuration(with.config);
  if (!configuration) {
    std::cerr << "posternd: " << configuration.error().text() << "\n";
    return kBadConfiguration;
  }
  if (configuration->loaded.faults.empty()) gateway::check_settings(configuration->loaded);
  const auto& faults = configuration->loaded.faults;
  for (const auto& fault : faults) std::cerr << "posternd: " << fault.what << "\n";
  if (!faults.empty()) return kBadConfiguration;
  configure_log(configuration->loaded.config, with.single ? "" : "warden");
  return with.single ? status_of(run_single(std::move(configuration->loaded))) : run_warden(*std::move(configuration));
}

int main_of(int argc, char** argv) {
  CLI::App app(
      "Postern: the guarded door for mail. Reads postern.toml, runs in the foreground until SIGTERM or SIGINT.\n"
      "Example: posternd --config /etc/postern/postern.toml",
      "posternd");
  CommandLine with;
  app.add_option("--config", with.config, "Configuration file; else $POSTERN_CONFIG, ./postern.toml, /etc/postern/postern.toml");
  app.add_flag("--single", with.single, "All in one process instead of three: the keys are in the memory that reads what strangers send");
  app.add_option("--role", with.role)->group("");  // how the warden starts the others
  app.set_version_flag("--version", std::string("posternd ") + POSTERN_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadConfiguration;
  }
  ::umask(077);
  confine::forbid_inspection();
  confine::raise_file_limit();
  if (with.role == "gate") return status_of(run_gate(with.config));
  if (with.role == "keeper") return status_of(run_keeper(with.config));
  if (with.role == "library") return status_of(run_library(with.config));
  return run_by_configuration(with);
}

}  // namespace
}  // namespace postern::daemon

int main(int argc, char** argv) try {
  if (argc > 1 && std::string_view(argv[1]) == postern::sdk::kChildVerb) postern::sdk::run_child();  // holds a vendor's X.400 library
  return postern::daemon::main_of(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "posternd: %s\n", error.what());
  return postern::daemon::kCannotStart;
}
