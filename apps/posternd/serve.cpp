#include "serve.hpp"

#include <future>

#include "api/api.hpp"
#include "base/log.hpp"
#include "cabinet.hpp"
#include "io/signals.hpp"
#include "mhs/service.hpp"
#include "transport/sealing_service.hpp"

namespace postern::daemon {
namespace {

constexpr auto kWebDrain = std::chrono::seconds(2);

/// 0: a Unix socket, which has none.
std::uint16_t port_of(const std::string& address) {
  if (address.starts_with("unix:")) return 0;
  return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

std::vector<warden::NamedPort> ports_of(const gateway::Gateway& gate, const std::string& http) {
  std::vector<warden::NamedPort> out{{"http", port_of(http)}};
  for (const auto& door : gate.doors()) {
    if (const auto port = port_of(door.address); port != 0) out.push_back({door.name, port});
  }
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

/// What is left to be done however serve() ends.
struct Finally {
  std::function<void()> what;
  ~Finally() {
    if (what) what();
  }
};

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
  // What is asked for here has as much to do in the keeper or on a worker. More loops would only divide what comes at a time, and waking
  // a thread for less costs more for each.
  options.loops = std::max<std::size_t>(1, gate.loops().size() / 2);
  auto server = http::Server::open(gate.loops(), std::move(options), api.handler());
  if (!server) return fail(Error(server.error()).context(setting));
  return *std::move(server);
}

Result<std::unique_ptr<http::Server>> open_https(gateway::Gateway& gate, api::Api& api) {
  const auto& settings = gate.config().http.tls;
  config::Listener door;
  door.client_ca = settings.client_ca;
  door.require_client_certificate = settings.require_client_certificate;
  http::ServerOptions options;
  options.name = "https";
  options.interface = settings.interface;
  auto context = gate.tls_for(door);
  if (!context) return fail(Error(context.error()).context("http.tls"));
  options.tls = *std::move(context);
  options.judge_client = gate.judge_of_clients();
  POSTERN_TRY(auto server, open_http(gate, api, std::move(options), settings.address, "http.tls.address"));
  gate.announce([at = server.get()] {
    return gateway::DoorState{"https", "http", at->local().text(), "implicit", "1.3", at->stats(), nullptr, nullptr, {}};
  });
  return server;
}

Result<WebDoors> open_web_doors(gateway::Gateway& gate, api::Api& api) {
  WebDoors out;
  http::ServerOptions plain;
  plain.interface = gate.config().http.interface;
  POSTERN_TRY(out.plain, open_http(gate, api, std::move(plain), gate.config().http.address, "http.address"));
  if (!gate.config().http.tls.address.empty()) {
    POSTERN_TRY(out.secure, open_https(gate, api));
  }
  return out;
}

io::Task<void> end_http(http::Server& server, SteadyTime deadline, std::promise<void>& done) {
  co_await server.stop(deadline);
  done.set_value();
}

/// Lets requests in progress come to an end, for a moment.
void stop_web_doors(gateway::Gateway& gate, WebDoors& doors) {
  std::promise<void> plain_ended, secure_ended;
  const SteadyTime deadline = io::deadline_in(kWebDrain);
  io::spawn(gate.loops().at(0), end_http(*doors.plain, deadline, plain_ended), "daemon.http_stop");
  if (doors.secure) io::spawn(gate.loops().at(0), end_http(*doors.secure, deadline, secure_ended), "daemon.https_stop");
  // The loops still run: both promises are kept before these go.
  plain_ended.get_future().wait();
  if (doors.secure) secure_ended.get_future().wait();
}

Result<std::unique_ptr<transport::Service>> open_transport(gateway::Gateway& gate, std::function<Result<sdk::Launched>()> launcher) {
  transport::ServiceOptions options;
  options.loops = &gate.loops();
  options.resolver = &gate.resolver();
  options.revocations = [&gate] { return gate.has_mail() ? &gate.revocations() : nullptr; };
  options.clock = &gate.clock();
  options.launcher = std::move(launcher);
  POSTERN_TRY(auto service, transport::open_service(gate.config(), std::move(options)));
  transport::SmimeParts smime;
  smime.roots = [&gate]() -> Result<CertificateChain> {
    if (!gate.has_mail()) return fail(ErrorCode::Unavailable, "the key engine is sealed", "security.smime.trust");
    return gate.smime_roots();
  };
  smime.people = [&gate]() -> Result<gateway::Identities*> {
    if (!gate.has_mail()) return fail(ErrorCode::Unavailable, "the key engine is sealed", "security.smime.x400_source");
    return &gate.identities();
  };
  return transport::with_smime(std::move(service), gate.config(), std::move(smime), gate.clock());
}

void log_ready(const gateway::Gateway& gate, const std::string& http) {
  for (const auto& warning : gate.warnings()) log::warn("config.warning", {{"text", warning}});
  for (const auto& door : gate.doors())
    log::info("daemon.listening", {{"listener", door.name}, {"address", door.address}, {"tls", door.tls}});
  log::info("daemon.ready", {{"http", "http://" + http}, {"data_dir", gate.config().in_data_dir("")}});
}

}  // namespace

Status serve(Serving with) {
  POSTERN_TRY(auto gate, gateway::Gateway::open(std::move(with.loaded.config), std::move(with.loaded.warnings), std::move(with.keeper),
                                                std::move(with.database_key)));
  const Finally end{std::move(with.end)};
  const auto vault = gate->config().engine.enabled ? with.vault(*gate) : nullptr;
  POSTERN_TRY(const std::unique_ptr<mhs::Service> x400, mhs::Service::open(*gate));
  POSTERN_TRY(const auto transport, open_transport(*gate, std::move(with.x400_launcher)));
  POSTERN_TRY(const auto cabinet, open_cabinet(*gate, *transport));
  POSTERN_TRY(auto api, api::Api::make(*gate, vault.get(), std::move(with.engine), std::move(with.processes), x400.get(), transport.get(),
                                       cabinet.get()));
  POSTERN_TRY(WebDoors web, open_web_doors(*gate, *api));
  std::promise<void> stop;
  auto stopped = stop.get_future();
  io::spawn(gate->loops().at(0), wait_for_signal(gate->loops().at(0), stop), "daemon.signals");
  gate->start();
  if (x400) x400->start();
  cabinet->start();
  const std::string http = web.plain->local().text();
  if (const Status told = with.ready(ports_of(*gate, http)); !told) {
    cabinet->stop();
    if (x400) x400->stop();
    gate->stop();
    return told;
  }
  log_ready(*gate, http);
  stopped.wait();
  log::info("daemon.stopping");
  stop_web_doors(*gate, web);
  cabinet->stop();
  if (x400) x400->stop();
  gate->stop();
  log::info("daemon.stopped");
  return {};
}

}  // namespace postern::daemon
