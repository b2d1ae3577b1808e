#include "api/transport_state.hpp"

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>

#include "api/api.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using State = transport::Finding::State;

/// The form of `postern x400 bind-test --peer`: steps, and whether each went well.
json::object bind_test_json(const transport::Service& service, const transport::Findings& findings) {
  json::array steps;
  for (const auto& one : findings)
    steps.push_back(
        json::object{{"step", one.name}, {"ok", one.state != State::Failed}, {"state", name_of(one.state)}, {"text", one.text}});
  const bool ok = std::ranges::none_of(findings, [](const auto& one) { return one.state == State::Failed; });
  return {{"ok", ok}, {"mode", service.mode()}, {"steps", std::move(steps)}};
}

/// One at a time: each keeps a worker and an association.
http::Response bind_test(gateway::Gateway& gate, transport::Service& service, std::atomic_flag& runs, const http::Request& request) {
  if (runs.test_and_set()) return http::problem(409, "conflict", "a bind test runs already; wait for it");
  json::object out = bind_test_json(service, service.bind_test());
  runs.clear();
  const std::string verdict = out.at("ok").as_bool() ? "ok" : "failed";
  const Status written = gate.audit().append(admin_record(gate, request, "x400.bind_test", AuditFacts().add("result", verdict)));
  return written ? http::json_response(200, out) : http::problem(written.error());
}

}  // namespace

std::string_view name_of(State state) noexcept {
  switch (state) {
    case State::Ok: return "ok";
    case State::Note: return "note";
    case State::Warning: return "warning";
    case State::Failed: break;
  }
  return "failed";
}

json::object transport_json(const transport::Service& service) {
  json::array findings;
  for (const auto& one : service.findings())
    findings.push_back(json::object{{"name", one.name}, {"state", name_of(one.state)}, {"text", one.text}});
  return {{"mode", service.mode()}, {"findings", std::move(findings)}};
}

void add_transport_routes(const Routes& routes) {
  if (routes.transport == nullptr) return;
  routes.add_slow("POST", "/api/v1/x400/bind-test",
                  [&gate = routes.gateway, &service = *routes.transport,
                   runs = std::make_shared<std::atomic_flag>()](const http::Request& r) { return bind_test(gate, service, *runs, r); });
}

}  // namespace postern::api
