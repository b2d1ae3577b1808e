// The road out as people look at it: MTA-STS policies that are held, exceptions, and what was counted and told to other domains. And our
// own MTA-STS policy, for everybody.
#include <boost/json.hpp>
#include <charconv>

#include "api/api.hpp"
#include "gateway/sts_own.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using gateway::Gateway;

constexpr std::size_t kMost = 1000;

std::string day_text(std::int64_t day) { return rfc3339(day_begin(day)).substr(0, 10); }

Result<std::int64_t> day_in(const std::string& text) {
  const auto time = parse_rfc3339(text + "T00:00:00Z");
  if (!time) return fail(ErrorCode::BadInput, "must be a day, like 2026-12-31", "day");
  return day_of(*time);
}

http::Response policies(Gateway& gate) {
  json::array out;
  for (const auto& entry : gate.sts().all()) {
    json::array mx;
    for (const auto& name : entry->policy.mx) mx.emplace_back(name);
    out.push_back({{"domain", entry->stored.domain},
                   {"id", entry->stored.id},
                   {"mode", name_of(entry->policy.mode)},
                   {"mx", std::move(mx)},
                   {"fetched", rfc3339(entry->stored.fetched)},
                   {"expires", rfc3339(entry->stored.expires)}});
  }
  return http::json_response(200, json::object{{"policies", std::move(out)}});
}

http::Response exceptions(Gateway& gate) {
  json::array out;
  for (const auto& one : gate.config().exceptions) {
    out.push_back({{"domain", one.domain},
                   {"allow", one.allow},
                   {"until", one.until},
                   {"reason", one.reason},
                   {"in_force", one.ends > gate.clock().now()}});
  }
  return http::json_response(200, json::object{{"exceptions", std::move(out)}});
}

/// "again" only where it is tried again.
json::object sent_json(const SentReport& one) {
  json::object out{
      {"kind", one.kind}, {"day", day_text(one.day)}, {"domain", one.domain}, {"time", rfc3339(one.time)}, {"outcome", one.outcome}};
  if (one.again) out["again"] = rfc3339(*one.again);
  return out;
}

json::array uris_json(const std::vector<std::string>& uris) {
  json::array out;
  for (const auto& uri : uris) out.emplace_back(uri);
  return out;
}

/// What nobody has tried to send yet; of TLS that is what was counted.
json::array pending_json(Gateway& gate) {
  json::array out;
  for (const auto& one : gate.reports().dmarc_in_the_making()) {
    out.push_back({{"kind", "dmarc"},
                   {"day", day_text(day_of(one.begin))},
                   {"domain", one.domain},
                   {"to", uris_json(one.report_to)},
                   {"messages", one.messages}});
  }
  return out;
}

http::Response list_reports(Gateway& gate) {
  if (const Status kept = gate.reports().flush(); !kept) return http::problem(kept.error());
  ReportStore store(gate.store());
  const auto counted = store.summary(kMost);
  if (!counted) return http::problem(counted.error());
  const auto sent = store.sent(kMost);
  if (!sent) return http::problem(sent.error());
  json::array days, out;
  for (const auto& one : *counted)
    days.push_back({{"day", day_text(one.day)}, {"domain", one.domain}, {"successful", one.successful}, {"failed", one.failed}});
  for (const auto& one : *sent) out.push_back(sent_json(one));
  return http::json_response(
      200,
      json::object{
          {"from", gate.config().reports.from}, {"counted", std::move(days)}, {"pending", pending_json(gate)}, {"sent", std::move(out)}});
}

http::Response list_received(Gateway& gate, const http::Request& request) {
  const auto limit = number_parameter(request, "limit", kMost, kMost);
  if (!limit) return http::problem(limit.error());
  const auto all = ReportStore(gate.store()).received(*limit);
  if (!all) return http::problem(all.error());
  json::array out;
  for (const auto& [number, report, received, vouched] : *all) {
    out.push_back({{"number", number},
                   {"kind", report.kind},
                   {"organization", report.organization},
                   {"id", report.id},
                   {"domain", report.domain},
                   {"begin", rfc3339(report.begin)},
                   {"end", rfc3339(report.end)},
                   {"good", report.good},
                   {"bad", report.bad},
                   {"received", rfc3339(received)},
                   {"vouched", vouched}});
  }
  return http::json_response(200, json::object{{"reports", std::move(out)}});
}

http::Response show_received(Gateway& gate, const http::Request& request) {
  const std::string text(request.param("number"));
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    return http::problem(400, "bad_input", "must be the number of a report, as the list has it", "number");
  const auto body = ReportStore(gate.store()).received_body(number);
  if (!body) return http::problem(body.error());
  return http::json_response(200, json::parse(*body).as_object());
}

http::Response show_day(Gateway& gate, const http::Request& request) {
  const auto day = day_in(std::string(request.param("day")));
  if (!day) return http::problem(day.error());
  const auto reports = gate.reports().reports(*day);
  if (!reports) return http::problem(reports.error());
  json::array out;
  for (const auto& [domain, report] : *reports) out.push_back({{"domain", domain}, {"report", json::parse(write_tls_report(report))}});
  return http::json_response(200, json::object{{"reports", std::move(out)}});
}

std::uint64_t messages_of(const DmarcReport& report) {
  std::uint64_t out = 0;
  for (const DmarcReportRow& row : report.rows) out += row.count;
  return out;
}

http::Response show_dmarc_day(Gateway& gate, const http::Request& request) {
  const auto day = day_in(std::string(request.param("day")));
  if (!day) return http::problem(day.error());
  const auto reports = gate.reports().dmarc_reports(*day);
  if (!reports) return http::problem(reports.error());
  json::array out;
  for (const auto& [report, report_to] : *reports) {
    out.push_back({{"domain", report.policy.domain},
                   {"to", uris_json(report_to)},
                   {"messages", messages_of(report)},
                   {"xml", write_dmarc_report(report)}});
  }
  return http::json_response(200, json::object{{"reports", std::move(out)}});
}

/// Up to and with yesterday, unless a day is given before which all are sent.
io::Task<http::Response> send(Gateway& gate, http::Request request) {
  const auto body = object_body(request);
  if (!body) co_return http::problem(body.error());
  const std::string text = text_field(*body, "before");
  const auto before = text.empty() ? Result<std::int64_t>(day_of(gate.clock().now())) : day_in(text);
  if (!before) co_return http::problem(before.error());
  if (*before > day_of(gate.clock().now()) + 1)
    co_return http::problem(400, "bad_input",
                            "lies in the future; with tomorrow's date all is sent that there is, and today is over with it", "before");
  if (gate.config().reports.from.empty())
    co_return http::problem(409, "conflict", "reports are sent by nobody: set reports.from to an address of yours", "reports.from");
  co_await gate.reports().send_before(*before);
  co_return http::json_response(200, json::object{{"sent", true}});
}

/// RFC 8461 3.2, 3.3: for everybody, as text/plain.
http::Response own_policy(Gateway& gate, const http::Request& request) {
  const auto file = gateway::own_sts_file(gate.config(), request.headers.get("Host"));
  if (!file) return http::problem(404, "not_found", "no MTA-STS policy is served for this host");
  http::Response out;
  out.status = 200;
  out.headers.set("Content-Type", "text/plain; charset=us-ascii");
  out.body = *file;
  return out;
}

}  // namespace

void add_outbound_routes(const Routes& routes) {
  auto& gate = routes.gateway;
  routes.add_slow("GET", "/api/v1/outbound/policies", [&gate](const http::Request&) { return policies(gate); }, Role::Reader);
  routes.add_slow("GET", "/api/v1/outbound/exceptions", [&gate](const http::Request&) { return exceptions(gate); }, Role::Reader);
  routes.add_slow("GET", "/api/v1/reports", [&gate](const http::Request&) { return list_reports(gate); }, Role::Reader);
  routes.add_slow("GET", "/api/v1/reports/tls/{day}", [&gate](const http::Request& r) { return show_day(gate, r); }, Role::Reader);
  routes.add_slow("GET", "/api/v1/reports/dmarc/{day}", [&gate](const http::Request& r) { return show_dmarc_day(gate, r); }, Role::Reader);
  routes.add_slow("GET", "/api/v1/reports/received", [&gate](const http::Request& r) { return list_received(gate, r); }, Role::Reader);
  routes.add_slow(
      "GET", "/api/v1/reports/received/{number}", [&gate](const http::Request& r) { return show_received(gate, r); }, Role::Reader);
  routes.router.add("GET", "/.well-known/mta-sts.txt", [&gate](const http::Request& r) { return own_policy(gate, r); });
  routes.add("POST", "/api/v1/reports/send", [&gate](http::Request r) { return send(gate, std::move(r)); });
}

}  // namespace postern::api
