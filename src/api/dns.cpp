// Our own domains in DNS: how they were found, which zones are kept right, what the TLSA records must say.
#include <boost/json.hpp>

#include "api/api.hpp"
#include "base/bytes.hpp"
#include "dnszone/zone_text.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using gateway::Gateway;

json::value time_or_null(const std::optional<WallTime>& time) { return time ? json::value(rfc3339(*time)) : json::value(nullptr); }

json::object finding_json(const dnszone::Finding& finding) {
  json::array found;
  for (const auto& text : finding.found) found.emplace_back(text);
  return {
      {"kind", name_of(finding.kind)}, {"name", finding.name},     {"type", name_of(finding.type)}, {"standing", name_of(finding.standing)},
      {"right", !finding.fatal},       {"wanted", finding.wanted}, {"found", std::move(found)},     {"message", finding.message}};
}

json::value host_json(const std::optional<gateway::HostLook>& look) {
  if (!look) return nullptr;
  return json::object{
      {"host", look->host}, {"reached", look->reached}, {"refused", look->refused}, {"road", look->road}, {"message", look->message}};
}

json::array domains_json(Gateway& gate) {
  json::array out;
  for (const auto& domain : gate.dns_health().all()) {
    json::array findings;
    for (const auto& finding : domain.found.findings) findings.push_back(finding_json(finding));
    out.push_back({{"domain", domain.domain},
                   {"checked", rfc3339(domain.checked)},
                   {"right", domain.is_right()},
                   {"failure", domain.failure},
                   {"policy_fault", domain.policy_fault},
                   {"host", host_json(domain.host)},
                   {"findings", std::move(findings)}});
  }
  return out;
}

json::array zones_json(Gateway& gate) {
  json::array out;
  for (const auto& zone : gate.zones().states()) {
    out.push_back({{"zone", zone.zone},
                   {"server", zone.server},
                   {"checked", time_or_null(zone.checked)},
                   {"changed", time_or_null(zone.changed)},
                   {"failure", zone.failure}});
  }
  return out;
}

std::string tlsa_of(const Sha256& spki) { return "3 1 1 " + hex_encode(spki); }

json::object tlsa_json(Gateway& gate) {
  const auto keys = gate.listener_tls().tlsa_keys();
  json::array former;
  for (const Sha256& one : keys.former) former.emplace_back(tlsa_of(one));
  return {{"name", dnszone::tlsa_name(gate.config().server.hostname)},
          {"current", keys.shown ? json::value(tlsa_of(*keys.shown)) : json::value(nullptr)},
          {"next", keys.next ? json::value(tlsa_of(*keys.next)) : json::value(nullptr)},
          {"former", std::move(former)},
          {"in_dns", keys.vouched}};
}

http::Response show(Gateway& gate) {
  return http::json_response(200, json::object{{"domains", domains_json(gate)}, {"zones", zones_json(gate)}, {"tlsa", tlsa_json(gate)}});
}

io::Task<http::Response> check(Gateway& gate) {
  co_await gate.dns_health().check();
  co_return show(gate);
}

}  // namespace

void add_dns_routes(const Routes& routes) {
  auto& gate = routes.gateway;
  routes.add_slow("GET", "/api/v1/dns", [&gate](const http::Request&) { return show(gate); }, Role::Reader);
  routes.add("POST", "/api/v1/dns/check", [&gate](http::Request) { return check(gate); });
}

}  // namespace postern::api
