// What an operator, a load balancer and Prometheus want to know at a glance.
#include <sys/resource.h>

#include <algorithm>
#include <boost/json.hpp>

#include "api/api.hpp"
#include "api/health.hpp"
#include "api/key_json.hpp"
#include "api/transport_state.hpp"
#include "pki/verify.hpp"
#include "store/vfs.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;

constexpr auto kSoon = std::chrono::hours(24 * 30);

json::object listener_json(const gateway::DoorState& door) {
  json::object out{{"name", door.name},
                   {"kind", door.kind},
                   {"address", door.address},
                   {"tls", door.tls},
                   {"min_tls", door.min_tls},
                   {"connections", door.listener.active},
                   {"accepted", door.listener.accepted},
                   {"refused", door.listener.refused}};
  if (!door.network_namespace.empty()) out["network_namespace"] = door.network_namespace;
  if (!door.listener.device.empty()) {
    out["interface"] = door.listener.device;
    out["interface_state"] = door.listener.trouble.empty() ? "up" : door.listener.trouble;
  }
  if (const auto* milter = door.milter) {
    out["messages"] = milter->messages.load();
    out["handshakes_failed"] = milter->handshakes_failed.load();
    out["passed"] = milter->passed.load();
    out["changed"] = milter->changed.load();
    out["refused_messages"] = milter->refused.load();
    out["taken"] = milter->discarded.load();
    out["broken"] = milter->broken.load();
  }
  if (door.door == nullptr) return out;
  out["messages"] = door.door->messages.load();
  out["handshakes_failed"] = door.door->handshakes_failed.load();
  out["logins_failed"] = door.door->logins_failed.load();
  return out;
}

const char* verdict_on(const Certificate& certificate, const std::string& host, WallTime now) {
  if (now < certificate.not_before()) return "not yet valid";
  if (now >= certificate.not_after()) return "expired";
  if (!host.empty() && !certificate_matches_host(certificate, host)) return "wrong name";
  return certificate.not_after() - now < kSoon ? "expires soon" : "valid";
}

/// `host`: whom it must name; empty for an authority.
json::object certificate_json(const Certificate& certificate, const std::string& host, WallTime now) {
  return {{"subject", certificate.subject()},
          {"issuer", certificate.issuer()},
          {"not_after", rfc3339(certificate.not_after())},
          {"sha256", fingerprint_text(certificate.fingerprint())},
          {"verdict", verdict_on(certificate, host, now)}};
}

json::object queue_json(const SpoolStats& s) {
  json::object out{{"messages", s.messages},   {"queued", s.queued},     {"held", s.held},           {"quarantined", s.quarantined},
                   {"in_flight", s.in_flight}, {"accepted", s.accepted}, {"delivered", s.delivered}, {"deferrals", s.deferrals},
                   {"bounced", s.bounced},     {"expired", s.expired}};
  if (s.oldest) out["oldest"] = rfc3339(*s.oldest);
  return out;
}

json::object storage_json(gateway::Gateway& gate) {
  const WriterStats w = gate.store().writer().stats();
  json::object out{{"encrypted_database", gate.store().encrypted()},
                   {"healthy", w.healthy},
                   {"commits", w.commits},
                   {"jobs", w.jobs},
                   {"largest_batch", w.largest_batch},
                   {"wal_bytes", w.wal_bytes}};
  if (!w.healthy) out["last_error"] = w.last_error;
  return out;
}

/// Those that are bound to an interface.
json::array routes_json(const config::Config& config) {
  json::array out;
  for (const auto& route : config.routes) {
    if (route.interface.empty()) continue;
    const std::string trouble = interface_trouble(route.interface);
    out.push_back({{"domain", route.domain},
                   {"via", route.via},
                   {"interface", route.interface},
                   {"interface_state", trouble.empty() ? "up" : trouble}});
  }
  return out;
}

json::object hook_json(const gateway::MtaHookStats& stats) {
  json::object asked;
  for (std::size_t i = 0; i < mtahook::kStages; ++i) asked[mtahook::name_of(static_cast<mtahook::Stage>(i))] = stats.asked[i].load();
  return {{"asked", std::move(asked)},         {"accepted", stats.accepted.load()}, {"refused", stats.refused.load()},
          {"deferred", stats.deferred.load()}, {"denied", stats.denied.load()},     {"malformed", stats.malformed.load()}};
}

/// Certificates of next hops that were looked at, and who answered.
json::object revocation_json(const gateway::Gateway& gate) {
  const auto& s = gate.revocations().stats();
  return {{"policy", gate.config().outbound.revocation},
          {"good", s.good.load()},
          {"revoked", s.revoked.load()},
          {"unknown", s.unknown.load()},
          {"stapled", s.stapled.load()},
          {"ocsp", s.ocsp.load()},
          {"crl", s.crl.load()},
          {"recalled", s.remembered.load()},
          {"failed_questions", s.failed_questions.load()},
          {"remembered", gate.revocations().remembered()}};
}

/// What can be said only once keys could be used.
void add_mail_status(json::object& out, gateway::Gateway& gate, WallTime now) {
  const auto& config = gate.config();
  const Certificate shown = gate.server_certificate();
  json::object certificate = certificate_json(shown, shown == gate.authority_root() ? std::string() : config.server.hostname, now);
  certificate["revocation"] = gate.server_certificate_revocation();
  certificate["stapled"] = gate.stapler().text();
  out["tls"] = {{"certificate", std::move(certificate)}, {"authority", certificate_json(gate.authority_root(), {}, now)}};
  out["revocation"] = revocation_json(gate);
  out["smime"] = {
      {"enabled", config.smime.enabled}, {"profile", config.smime.profile}, {"correspondents", gate.correspondents().smime()->size()}};
  if (auto* hook = gate.mta_hook()) out["mta_hook"] = hook_json(hook->stats());
  out["openpgp"] = {{"enabled", config.openpgp.enabled}, {"correspondents", gate.correspondents().openpgp()->size()}};
}

json::array processes_json(const ProcessSource& source) {
  json::array out;
  if (!source) return out;
  for (const ProcessState& process : source()) {
    json::array notes;
    for (const auto& note : process.notes) notes.emplace_back(note);
    out.push_back({{"name", process.name}, {"confinement", process.confinement}, {"notes", std::move(notes)}});
  }
  return out;
}

json::object x400_json(mhs::Service& x400) {
  const mhs::ServiceState state = x400.state();
  json::array peers;
  for (const auto& peer : state.peers) {
    json::object one{{"name", peer.name}, {"address", peer.address}, {"mode", peer.mode}, {"associations", peer.associations}};
    if (!peer.road.empty()) one["road"] = peer.road;
    if (!peer.trouble.empty()) one["trouble"] = peer.trouble;
    if (!peer.refused.empty()) one["refused"] = peer.refused;
    peers.push_back(std::move(one));
  }
  json::array users;
  for (const auto& user : state.users) {
    json::object one{{"user", user.user}, {"address", user.address}, {"bound", user.bound}};
    if (!user.trouble.empty()) one["trouble"] = user.trouble;
    users.push_back(std::move(one));
  }
  const mhs::P1Stats& in = x400.node().received();
  const mhs::CourierStats& out = x400.node().sent();
  return {{"mta_name", state.mta_name},
          {"domain", state.domain},
          {"peers", std::move(peers)},
          {"users", std::move(users)},
          {"received",
           {{"associations", in.associations.load()},
            {"binds_refused", in.binds_refused.load()},
            {"messages", in.messages.load()},
            {"probes", in.probes.load()},
            {"reports", in.reports.load()},
            {"duplicates", in.duplicates.load()},
            {"refused", in.refused.load()},
            {"resumed", in.resumed.load()},
            {"quirks", in.quirks.load()}}},
          {"sent",
           {{"associations", out.associations.load()},
            {"call_failures", out.call_failures.load()},
            {"transferred", out.transferred.load()},
            {"at_lists", out.at_lists.load()},
            {"delivered", out.delivered.load()},
            {"reported", out.reported.load()},
            {"deferred", out.deferred.load()},
            {"resumed", out.resumed.load()}}}};
}

json::object status_json(const Routes& routes, const std::optional<EngineState>& engine) {
  auto& gate = routes.gateway;
  const WallTime now = gate.clock().now();
  const Status open = gate.mail_open();
  json::array listeners;
  for (const auto& door : gate.doors()) listeners.push_back(listener_json(door));
  const std::vector<Check> checks = check_health(gate, open, routes.x400, routes.transport);
  json::object out{{"name", "Postern"},
                   {"version", POSTERN_VERSION},
                   {"hostname", gate.config().server.hostname},
                   {"mode", gate.config().server.mode},
                   {"started", rfc3339(gate.started())},
                   {"now", rfc3339(now)},
                   {"processes", processes_json(routes.processes)},
                   {"listeners", std::move(listeners)},
                   {"routes", routes_json(gate.config())},
                   {"key_engine", key_engine_json(gate, open, engine)},
                   {"queue", queue_json(gate.spool().stats())},
                   {"storage", storage_json(gate)},
                   {"health", health_json(checks)},
                   {"warnings", warnings_json(checks)}};
  if (gate.has_mail()) add_mail_status(out, gate, now);
  if (routes.x400 != nullptr) out["x400"] = x400_json(*routes.x400);
  if (routes.transport != nullptr) out["transport"] = transport_json(*routes.transport);
  return out;
}

/// Prometheus text format 0.0.4.
class Metrics {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    m_out += "# HELP " + std::string(name) + " " + std::string(help) + "\n# TYPE " + std::string(name) + " " + std::string(type) + "\n";
    m_name = name;
  }
  void value(std::uint64_t value, std::string_view labels = {}) {
    m_out += m_name;
    if (!labels.empty()) m_out += "{" + std::string(labels) + "}";
    m_out += " " + std::to_string(value) + "\n";
  }
  void single(std::string_view name, std::string_view type, std::string_view help, std::uint64_t number) {
    family(name, type, help);
    value(number);
  }
  std::string take() && { return std::move(m_out); }

 private:
  std::string m_out, m_name;
};

void door_metrics(Metrics& m, const std::vector<gateway::DoorState>& doors) {
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help, auto get) {
    m.family(name, type, help);
    for (const auto& door : doors) m.value(get(door), "listener=\"" + door.name + "\"");
  };
  each("postern_connections", "gauge", "Open connections.", [](const auto& d) { return std::uint64_t{d.listener.active}; });
  each("postern_connections_accepted_total", "counter", "Connections accepted.", [](const auto& d) { return d.listener.accepted; });
  each("postern_connections_refused_total", "counter", "Connections refused over a limit.",
       [](const auto& d) { return d.listener.refused; });
  const auto of_mail = [&](std::string_view name, std::string_view help, auto get) {
    m.family(name, "counter", help);
    for (const auto& door : doors)
      if (door.door != nullptr) m.value(get(*door.door), "listener=\"" + door.name + "\"");
  };
  m.family("postern_milter_messages_total", "counter", "Messages that an MTA asked about, by what it was told.");
  for (const auto& door : doors) {
    if (door.milter == nullptr) continue;
    const std::string of = "listener=\"" + door.name + "\",verdict=\"";
    m.value(door.milter->passed.load(), of + "passed\"");
    m.value(door.milter->changed.load(), of + "changed\"");
    m.value(door.milter->refused.load(), of + "refused\"");
    m.value(door.milter->discarded.load(), of + "taken\"");
  }
  of_mail("postern_messages_received_total", "Messages received, whatever became of them.",
          [](const auto& d) { return d.messages.load(); });
  of_mail("postern_tls_handshakes_failed_total", "TLS handshakes that failed.", [](const auto& d) { return d.handshakes_failed.load(); });
  of_mail("postern_logins_failed_total", "Logins refused.", [](const auto& d) { return d.logins_failed.load(); });
}

void hook_metrics(Metrics& m, const gateway::MtaHookStats& stats) {
  m.family("postern_mta_hook_answers_total", "counter", "Questions of an MTA by its hook, by what it was told.");
  m.value(stats.accepted.load(), "verdict=\"accepted\"");
  m.value(stats.refused.load(), "verdict=\"refused\"");
  m.value(stats.deferred.load(), "verdict=\"deferred\"");
  m.single("postern_mta_hook_denied_total", "counter", "Requests to the hook with a wrong token or none.", stats.denied.load());
  m.single("postern_mta_hook_malformed_total", "counter", "Requests to the hook that were none, or too large.", stats.malformed.load());
}

void queue_metrics(Metrics& m, gateway::Gateway& gate) {
  const SpoolStats s = gate.spool().stats();
  m.family("postern_queue_recipients", "gauge", "Recipients in the queue by state.");
  m.value(s.queued, "state=\"queued\"");
  m.value(s.held, "state=\"held\"");
  m.value(s.quarantined, "state=\"quarantined\"");
  m.single("postern_queue_messages", "gauge", "Messages in the queue.", s.messages);
  m.single("postern_queue_in_flight", "gauge", "Deliveries under way.", s.in_flight);
  m.single("postern_accepted_total", "counter", "Recipients accepted.", s.accepted);
  m.single("postern_delivered_total", "counter", "Recipients delivered.", s.delivered);
  m.single("postern_deferrals_total", "counter", "Attempts that will be repeated.", s.deferrals);
  m.single("postern_bounced_total", "counter", "Recipients refused for good.", s.bounced);
  m.single("postern_expired_total", "counter", "Recipients given up after the schedule's end.", s.expired);
  const std::int64_t age = s.oldest ? unix_seconds(gate.clock().now()) - unix_seconds(*s.oldest) : 0;
  m.single("postern_queue_oldest_seconds", "gauge", "Age of the oldest message in the queue.",
           static_cast<std::uint64_t>(std::max<std::int64_t>(0, age)));
}

void store_metrics(Metrics& m, gateway::Gateway& gate) {
  const WriterStats w = gate.store().writer().stats();
  const DiskCounters& disk = disk_counters();
  m.single("postern_commits_total", "counter", "Database transactions committed.", w.commits);
  m.single("postern_write_jobs_total", "counter", "Jobs that shared them.", w.jobs);
  m.single("postern_commit_microseconds_total", "counter", "Time spent in commits.", w.commit_micros);
  m.single("postern_checkpoints_total", "counter", "Write-ahead log checkpoints.", w.checkpoints);
  m.family("postern_fsyncs_total", "counter", "fsync and fdatasync calls by file.");
  m.value(disk.wal_syncs, "file=\"wal\"");
  m.value(disk.database_syncs, "file=\"database\"");
  m.value(disk.segment_syncs, "file=\"segment\"");
  m.single("postern_disk_written_bytes_total", "counter", "Bytes written to the database, its log and the segments.", disk.bytes_written);
  m.single("postern_storage_healthy", "gauge", "1 while the disk takes writes.", w.healthy ? 1 : 0);
}

void courier_metrics(Metrics& m, gateway::Gateway& gate) {
  const auto& c = gate.courier().stats();
  m.single("postern_delivery_attempts_total", "counter", "Delivery attempts.", c.attempts.load());
  m.single("postern_next_hop_connections_total", "counter", "Connections made to next hops.", c.connections.load());
  m.single("postern_next_hop_connect_failures_total", "counter", "Connections to next hops that failed.", c.connect_failures.load());
  m.single("postern_next_hop_tls_failures_total", "counter", "TLS failures with next hops.", c.tls_failures.load());
}

void dns_metrics(Metrics& m, gateway::Gateway& gate) {
  m.family("postern_dns_wrong_records", "gauge", "Records of a domain of ours that are not right in DNS, when it was last looked at.");
  for (const auto& domain : gate.dns_health().all()) {
    const auto wrong = std::ranges::count(domain.found.findings, true, &dnszone::Finding::fatal);
    m.value(domain.failure.empty() ? static_cast<std::uint64_t>(wrong) : 1, "domain=\"" + domain.domain + "\"");
  }
}

void revocation_metrics(Metrics& m, const gateway::Gateway& gate) {
  const auto& s = gate.revocations().stats();
  m.family("postern_revocation_checks_total", "counter", "Certificates of next hops looked at for revocation, by what was found.");
  m.value(s.good.load(), "status=\"good\"");
  m.value(s.revoked.load(), "status=\"revoked\"");
  m.value(s.unknown.load(), "status=\"unknown\"");
  m.family("postern_revocation_answers_total", "counter", "Where the answer about a certificate came from first.");
  m.value(s.stapled.load(), "source=\"stapled\"");
  m.value(s.ocsp.load(), "source=\"ocsp\"");
  m.value(s.crl.load(), "source=\"crl\"");
  m.single("postern_revocation_recalled_total", "counter", "Answers that were still remembered.", s.remembered.load());
  m.single("postern_revocation_questions_failed_total", "counter", "Responders and lists that gave no usable answer.",
           s.failed_questions.load());
  m.single("postern_revocation_verdicts", "gauge", "Verdicts that are remembered.", gate.revocations().remembered());
}

std::string metrics_text(gateway::Gateway& gate) {
  Metrics m;
  const bool open = gate.mail_open().has_value();
  m.single("postern_sealed", "gauge", "1 while the mail system's keys cannot be used.", open ? 0 : 1);
  door_metrics(m, gate.doors());
  if (auto* hook = gate.mta_hook()) hook_metrics(m, hook->stats());
  queue_metrics(m, gate);
  if (gate.has_mail()) courier_metrics(m, gate);
  if (gate.has_mail()) dns_metrics(m, gate);
  if (gate.has_mail()) revocation_metrics(m, gate);
  store_metrics(m, gate);
  struct rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  m.single("process_cpu_milliseconds_total", "counter", "CPU time, user and system.",
           static_cast<std::uint64_t>((usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                                      (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000));
  m.single("process_peak_resident_bytes", "gauge", "Largest resident memory so far.", static_cast<std::uint64_t>(usage.ru_maxrss) * 1024);
  return std::move(m).take();
}

}  // namespace

void add_status_routes(const Routes& routes) {
  auto& gate = routes.gateway;
  using Plain = std::function<http::Response(const http::Request&)>;
  routes.router.add("GET", "/healthz", Plain([](const http::Request&) { return http::text_response(200, "ok\n"); }));
  routes.router.add("GET", "/readyz", Plain([&gate](const http::Request&) {
                      if (const Status open = gate.mail_open(); !open) return http::text_response(503, open.error().text() + "\n");
                      const bool ready = gate.store().writer().stats().healthy;
                      return http::text_response(ready ? 200 : 503, ready ? "ready\n" : "the disk refuses writes\n");
                    }));
  // These two ask the database and take its read connections in turn with everybody else: not on a loop.
  routes.add_open_slow("GET", "/status", [routes](const http::Request&) {
    return http::json_response(200, status_json(routes, routes.engine ? routes.engine() : std::nullopt));
  });
  routes.add_open_slow("GET", "/metrics", [&gate](const http::Request&) {
    auto response = http::text_response(200, metrics_text(gate));
    response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    return response;
  });
}

}  // namespace postern::api
