#include "serve.hpp"

#include <future>

#include "api/api.hpp"
#include "base/log.hpp"
#include "io/signals.hpp"

namespace postern::daemon {
namespace {

std::uint16_t port_of(const std::string& address) { return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))); }

std::vector<warden::NamedPort> ports_of(const gateway::Gateway& gate, const std::string& http) {
  std::vector<warden::NamedPort> out{{"http", port_of(http)}};
  for (const auto& door : gate.doors()) out.push_back({door.name, port_of(door.address)});
  return out;
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

Result<std::unique_ptr<http::Server>> open_http(gateway::Gateway& gate, api::Api& api) {
  http::ServerOptions options;
  POSTERN_TRY(options.address, io::Endpoint::parse(gate.config().http.address));
  options.bad_target = api::refuse_target;
  options.limits.body_bytes = gate.config().limits.http_body_bytes;
  auto server = http::Server::open(gate.loops(), std::move(options), api.handler());
  if (!server) return fail(Error(server.error()).context("http.address"));
  return server;
}

void log_ready(const gateway::Gateway& gate, const std::string& http) {
  for (const auto& warning : gate.warnings()) log::warn("config.warning", {{"text", warning}});
  for (const auto& door : gate.doors())
    log::info("daemon.listening", {{"listener", door.name}, {"address", door.address}, {"tls", door.tls}});
  log::info("daemon.ready", {{"http", "http://" + http}, {"data_dir", gate.config().in_data_dir("")}});
}

io::Task<void> end_http(http::Server& server, SteadyTime deadline, std::promise<void>& done) {
  co_await server.stop(deadline);
  done.set_value();
}

}  // namespace

Status serve(Serving with) {
  POSTERN_TRY(auto gate, gateway::Gateway::open(std::move(with.loaded.config), std::move(with.loaded.warnings), std::move(with.keeper)));
  const auto vault = gate->config().engine.enabled ? with.vault(*gate) : nullptr;
  POSTERN_TRY(auto api, api::Api::make(*gate, vault.get()));
  POSTERN_TRY(const auto server, open_http(*gate, *api));
  std::promise<void> stop;
  auto stopped = stop.get_future();
  io::spawn(gate->loops().at(0), wait_for_signal(gate->loops().at(0), stop), "daemon.signals");
  gate->start();
  const std::string http = server->local().text();
  POSTERN_CHECK(with.ready(ports_of(*gate, http)));
  log_ready(*gate, http);
  stopped.wait();
  log::info("daemon.stopping");
  std::promise<void> http_ended;
  io::spawn(gate->loops().at(0), end_http(*server, io::deadline_in(std::chrono::seconds(2)), http_ended), "daemon.http_stop");
  (void)http_ended.get_future().wait_for(std::chrono::seconds(5));
  gate->stop();
  log::info("daemon.stopped");
  return {};
}

}  // namespace postern::daemon
