// The daemon: configuration in, gateway and HTTP server up, signals watched, everything down in order.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>

#include "api/api.hpp"
#include "base/log.hpp"
#include "config/load.hpp"
#include "engine/key_engine.hpp"
#include "gateway/root_secrets.hpp"
#include "io/signals.hpp"

namespace postern {
namespace {

constexpr int kBadConfiguration = 2;
constexpr int kCannotStart = 5;

Result<config::Loaded> read_configuration(const std::string& option) {
  const auto environment = config::process_environment();
  POSTERN_TRY(const auto path, config::find_config(option, environment));
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::NotFound, "cannot read " + path + "; check the path and its permissions");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return config::parse(text, path, environment);
}

void configure_log(const config::Config& config) {
  const std::string& level = config.server.log_level;
  log::configure(level == "debug"   ? log::Level::Debug
                 : level == "warn"  ? log::Level::Warn
                 : level == "error" ? log::Level::Error
                                    : log::Level::Info,
                 config.server.log_format == "json" ? log::Format::Json : log::Format::Text);
}

/// Keys live in this process: no core file may hold them, and many connections need many descriptors.
void harden_process() {
  ::umask(077);
  (void)::prctl(PR_SET_DUMPABLE, 0);
  struct rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &files);
  }
}

std::uint16_t port_of(const std::string& address) { return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))); }

/// data_dir/ports.json: what a test or a tool needs to find listeners on port 0. Renamed into place, so that its presence means
/// "listening".
Status write_ports(const gateway::Gateway& gate, const std::string& http) {
  boost::json::object ports{{"http", port_of(http)}};
  for (const auto& door : gate.doors()) ports[door.name] = port_of(door.address);
  const std::string path = gate.config().in_data_dir("ports.json");
  {
    std::ofstream file(path + ".tmp", std::ios::binary | std::ios::trunc);
    file << boost::json::serialize(ports) << "\n";
    if (!file) return fail(ErrorCode::Unavailable, "cannot write " + path);
  }
  std::error_code error;
  std::filesystem::rename(path + ".tmp", path, error);
  if (error) return fail(ErrorCode::Unavailable, path + ": " + error.message());
  return {};
}

io::Task<void> wait_for_signal(io::Executor where, std::promise<void>& stop) {
  io::Signals signals(where);
  for (;;) {
    const auto signal = co_await signals.next();
    if (signal != io::ProcessSignal::Reload) break;
    log::info("daemon.reload_ignored", {{"reason", "settings are read at start; certificate files and folders are watched by themselves"}});
  }
  stop.set_value();
}

Result<std::unique_ptr<engine::KeyEngine>> open_engine(const config::Config& config, const Clock& clock) {
  SecretBytes key;
  if (config.database.use_sqlcipher) {
    // A new key would be no use for a database that is there.
    std::error_code ignored;
    const bool fresh = !std::filesystem::exists(config.in_data_dir("engine.db"), ignored);
    POSTERN_TRY(key, gateway::sqlcipher_key(config, fresh ? CreateRootKey::IfMissing : CreateRootKey::No));
  }
  return engine::KeyEngine::open(config, std::move(key), clock);
}

/// For /status. Audit devices are those of the settings: the engine does not start without them.
std::optional<api::EngineState> engine_state(engine::KeyEngine& engine, const config::Config& config) {
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
  const auto& audit = config.engine;
  if (!audit.audit_file.empty()) out.audit.push_back({"file", audit.audit_file});
  if (!audit.audit_syslog.empty()) out.audit.push_back({"syslog", audit.audit_syslog});
  if (!audit.audit_socket.empty()) out.audit.push_back({"socket", audit.audit_socket});
  return out;
}

/// HTTP for this host, and HTTPS where the settings have an address for it.
struct WebDoors {
  std::unique_ptr<http::Server> plain, secure;
};

Result<std::unique_ptr<http::Server>> open_http(gateway::Gateway& gate, api::Api& api, http::ServerOptions options,
                                                const std::string& address, const char* setting) {
  const auto at = io::Endpoint::parse(address);
  if (!at) return fail(Error(at.error()).context(setting));
  options.address = *at;
  options.bad_target = api::refuse_target;
  options.limits.body_bytes = gate.config().limits.http_body_bytes;
  auto server = http::Server::open(gate.loops(), std::move(options), api.handler());
  if (!server) return fail(Error(server.error()).context(setting));
  return *std::move(server);
}

Result<WebDoors> open_web_doors(gateway::Gateway& gate, api::Api& api) {
  const auto& settings = gate.config().http;
  WebDoors out;
  POSTERN_TRY(out.plain, open_http(gate, api, {}, settings.address, "http.address"));
  if (settings.tls.address.empty()) return out;
  config::Listener door;
  door.client_ca = settings.tls.client_ca;
  door.require_client_certificate = settings.tls.require_client_certificate;
  http::ServerOptions options;
  options.name = "https";
  auto context = gate.tls_for(door);
  if (!context) return fail(Error(context.error()).context("http.tls"));
  options.tls = *std::move(context);
  POSTERN_TRY(out.secure, open_http(gate, api, std::move(options), settings.tls.address, "http.tls.address"));
  gate.announce([server = out.secure.get()] {
    return gateway::DoorState{"https", "http", server->local().text(), "implicit", "1.3", server->stats(), nullptr};
  });
  return out;
}

/// Lets requests in progress come to an end, for a moment.
void stop_web_doors(gateway::Gateway& gate, WebDoors& doors) {
  const auto end = [](http::Server& server, SteadyTime deadline, std::promise<void>& done) -> io::Task<void> {
    co_await server.stop(deadline);
    done.set_value();
  };
  std::promise<void> plain_ended, secure_ended;
  const SteadyTime deadline = io::deadline_in(std::chrono::seconds(2));
  io::spawn(gate.loops().at(0), end(*doors.plain, deadline, plain_ended), "daemon.http_stop");
  if (doors.secure) io::spawn(gate.loops().at(0), end(*doors.secure, deadline, secure_ended), "daemon.https_stop");
  // The loops still run: both promises are kept before these go.
  plain_ended.get_future().wait();
  if (doors.secure) secure_ended.get_future().wait();
}

Status run(config::Loaded loaded) {
  const SystemClock clock;
  const bool embedded = loaded.config.keys.backend == "embedded";
  std::unique_ptr<engine::KeyEngine> key_engine;
  if (embedded || loaded.config.engine.enabled) {
    POSTERN_TRY(key_engine, open_engine(loaded.config, clock));
  }
  POSTERN_TRY(auto gate,
              gateway::Gateway::open(std::move(loaded.config), std::move(loaded.warnings), embedded ? key_engine->keeper() : nullptr));
  // Only now is the data directory ours: another daemon's file is not touched.
  std::error_code ignored;
  std::filesystem::remove(gate->config().in_data_dir("ports.json"), ignored);
  std::optional<api::LocalVault> vault;
  if (gate->config().engine.enabled) vault.emplace(key_engine->core(), gate->workers());
  POSTERN_TRY(auto api, api::Api::make(*gate, vault ? &*vault : nullptr, [engine = key_engine.get(), g = gate.get()] {
                return engine != nullptr ? engine_state(*engine, g->config()) : std::nullopt;
              }));
  POSTERN_TRY(WebDoors web, open_web_doors(*gate, *api));
  std::promise<void> stop;
  auto stopped = stop.get_future();
  io::spawn(gate->loops().at(0), wait_for_signal(gate->loops().at(0), stop), "daemon.signals");
  gate->start();
  if (key_engine) key_engine->start();
  POSTERN_CHECK(write_ports(*gate, web.plain->local().text()));
  for (const auto& warning : gate->warnings()) log::warn("config.warning", {{"text", warning}});
  for (const auto& door : gate->doors())
    log::info("daemon.listening", {{"listener", door.name}, {"address", door.address}, {"tls", door.tls}});
  log::info("daemon.ready", {{"http", "http://" + web.plain->local().text()}, {"data_dir", gate->config().in_data_dir("")}});
  stopped.wait();
  log::info("daemon.stopping");
  stop_web_doors(*gate, web);
  gate->stop();
  log::info("daemon.stopped");
  return {};
}

int main_of(int argc, char** argv) {
  CLI::App app(
      "Postern: the guarded door for mail. Reads postern.toml, runs in the foreground until SIGTERM or SIGINT.\n"
      "Example: posternd --config /etc/postern/postern.toml",
      "posternd");
  std::string config_path;
  bool single = false;
  app.add_option("--config", config_path, "Configuration file; else $POSTERN_CONFIG, ./postern.toml, /etc/postern/postern.toml");
  app.add_flag("--single", single, "All in one process (what this version always does)");
  app.set_version_flag("--version", std::string("posternd ") + POSTERN_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadConfiguration;
  }
  harden_process();
  auto loaded = read_configuration(config_path);
  if (!loaded) {
    std::cerr << "posternd: " << loaded.error().text() << "\n";
    return kBadConfiguration;
  }
  for (const auto& fault : loaded->faults) std::cerr << "posternd: " << fault.what << "\n";
  if (!loaded->faults.empty()) return kBadConfiguration;
  configure_log(loaded->config);
  log::capture_library_output();
  const Status ended = run(*std::move(loaded));
  if (ended) return 0;
  std::cerr << "posternd: " << ended.error().text() << "\n";
  return kCannotStart;
}

}  // namespace
}  // namespace postern

int main(int argc, char** argv) try { return postern::main_of(argc, argv); } catch (const std::exception& error) {
  std::fprintf(stderr, "posternd: %s\n", error.what());
  return postern::kCannotStart;
}
