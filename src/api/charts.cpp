// GET /api/v1/reports/summary: reports as sums by day, for the charts of the page.
//
// Query: `days` up to today (1 to 90, default 30), `domain` (what reports are about; none: all), `vouched=true` (only reports whose mail
// DMARC vouched for). Answer:
//   {"first","last": days; "domains": ours; "reports": how many the sums are from; "complete": that these are all;
//    "sessions": [{"day","policy","successful","failed"}]   ours with other domains' hosts, whatever `domain` says
//    "tls":      [{"day","policy","successful","failed"}]   others' with ours, as they reported them
//    "dmarc":    [{"day","passed","failed"}]                mail in our name, as others saw it
//    "sources":  [{"source","passed","failed"}], "all_sources": N}   the same by sending address, the most failures first
// Bounded: whoever knows the address can send reports, so only the newest kMostReports and kMostBytes of them are read for one answer.
#include <boost/json.hpp>

#include "api/api.hpp"
#include "base/text.hpp"
#include "reports/received_tally.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using gateway::Gateway;

constexpr std::size_t kMostDays = 90, kUsualDays = 30, kMostSources = 50, kMostReports = 2000, kMostBytes = 32UL << 20;

std::string day_text(std::int64_t day) { return rfc3339(day_begin(day)).substr(0, 10); }

/// What one answer reads.
struct Reading {
  ReceivedTally tally;
  std::size_t reports = 0, bytes = 0;
  bool complete = true;

  bool see(const ReceivedReport& report) {
    complete = reports < kMostReports && bytes + report.body.size() <= kMostBytes;
    if (!complete) return false;
    ++reports;
    bytes += report.body.size();
    tally.add(report);
    return true;
  }
};

json::array tls_json(const ReceivedTally& tally) {
  json::array out;
  for (const auto& [key, sums] : tally.tls())
    out.push_back({{"day", day_text(key.first)}, {"policy", key.second}, {"successful", sums.good}, {"failed", sums.bad}});
  return out;
}

json::array dmarc_json(const ReceivedTally& tally) {
  json::array out;
  for (const auto& [day, sums] : tally.dmarc()) out.push_back({{"day", day_text(day)}, {"passed", sums.good}, {"failed", sums.bad}});
  return out;
}

json::array sources_json(const ReceivedTally& tally) {
  json::array out;
  for (const auto& [source, sums] : tally.sources(kMostSources))
    out.push_back({{"source", source}, {"passed", sums.good}, {"failed", sums.bad}});
  return out;
}

json::array sessions_json(const std::vector<ReportStore::PolicySummary>& sessions) {
  json::array out;
  for (const auto& one : sessions)
    out.push_back({{"day", day_text(one.day)}, {"policy", one.policy}, {"successful", one.successful}, {"failed", one.failed}});
  return out;
}

json::array own_domains(Gateway& gate) {
  json::array out;
  for (const auto& domain : gate.config().domains.local) out.emplace_back(domain);
  return out;
}

Result<json::object> summary(Gateway& gate, const ReportStore::ReceivedQuery& query) {
  POSTERN_CHECK(gate.reports().flush());
  ReportStore store(gate.store());
  POSTERN_TRY(const auto sessions, store.policy_summary(query.first, query.last));
  Reading reading;
  POSTERN_CHECK(store.visit_received(query, [&reading](const ReportStore::Received& one) { return reading.see(one.report); }));
  return json::object{{"first", day_text(query.first)},         {"last", day_text(query.last)},
                      {"domains", own_domains(gate)},           {"reports", reading.reports},
                      {"complete", reading.complete},           {"sessions", sessions_json(sessions)},
                      {"tls", tls_json(reading.tally)},         {"dmarc", dmarc_json(reading.tally)},
                      {"sources", sources_json(reading.tally)}, {"all_sources", reading.tally.source_count()}};
}

http::Response show(Gateway& gate, const http::Request& request) {
  const auto days = number_parameter(request, "days", kUsualDays, kMostDays);
  if (!days) return http::problem(days.error());
  if (*days == 0) return http::problem(400, "bad_input", "must be a number from 1 to " + std::to_string(kMostDays), "days");
  ReportStore::ReceivedQuery query;
  query.last = day_of(gate.clock().now());
  query.first = query.last - static_cast<std::int64_t>(*days) + 1;
  query.domain = request.query_value("domain");
  query.only_vouched = request.query_value("vouched") == "true";
  const auto out = summary(gate, query);
  return out ? http::json_response(200, *out) : http::problem(out.error());
}

}  // namespace

void add_chart_routes(const Routes& routes) {
  auto& gate = routes.gateway;
  routes.add_slow("GET", "/api/v1/reports/summary", [&gate](const http::Request& r) { return show(gate, r); }, Role::Reader);
}

}  // namespace postern::api
