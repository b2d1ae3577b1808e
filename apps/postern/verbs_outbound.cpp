// The verbs about the road out: outbound (policies, exceptions) and report.
#include <CLI/CLI.hpp>
#include <memory>

#include "base/text.hpp"
#include "file_input.hpp"
#include "verbs.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

void show_policies(const json::value& answer, Context& context) {
  Table table({"DOMAIN", "MODE", "ID", "FETCHED", "EXPIRES", "MAIL HOSTS"});
  for (const auto& one : list_of(answer, "policies")) {
    std::string hosts;
    for (const auto& mx : list_of(one, "mx")) hosts += (hosts.empty() ? "" : " ") + std::string(mx.as_string());
    table.add({text_of(one, "domain"), text_of(one, "mode"), text_of(one, "id"), text_of(one, "fetched"), text_of(one, "expires"), hosts});
  }
  table.print(context.out);
}

void show_exceptions(const json::value& answer, Context& context) {
  Table table({"DOMAIN", "ALLOW", "UNTIL", "IN FORCE", "REASON"});
  for (const auto& one : list_of(answer, "exceptions"))
    table.add({text_of(one, "domain"), text_of(one, "allow"), text_of(one, "until"), text_of(one, "in_force"), text_of(one, "reason")});
  table.print(context.out);
}

std::string places_of(const json::value& report) {
  std::string out;
  for (const auto& uri : list_of(report, "to")) out += (out.empty() ? "" : " ") + printable(std::string_view(uri.as_string()), 1024);
  return out;
}

void show_pending(const json::value& answer, Context& context) {
  if (list_of(answer, "pending").empty()) return;
  context.out << "\n";
  Table table({"PENDING", "DAY", "DOMAIN", "MESSAGES", "TO"});
  for (const auto& one : list_of(answer, "pending"))
    table.add({text_of(one, "kind"), text_of(one, "day"), text_of(one, "domain"), text_of(one, "messages"), places_of(one)});
  table.print(context.out);
}

void show_reports(const json::value& answer, Context& context) {
  if (text_of(answer, "from").empty()) context.out << "nothing is sent: reports.from is not set\n";
  Table counted({"DAY", "DOMAIN", "SUCCESSFUL", "FAILED"});
  for (const auto& one : list_of(answer, "counted"))
    counted.add({text_of(one, "day"), text_of(one, "domain"), text_of(one, "successful"), text_of(one, "failed")});
  counted.print(context.out);
  show_pending(answer, context);
  if (list_of(answer, "sent").empty()) return;
  context.out << "\n";
  Table sent({"KIND", "DAY", "DOMAIN", "TRIED", "AGAIN", "OUTCOME"});
  for (const auto& one : list_of(answer, "sent")) {
    const std::string again = text_of(one, "again");
    sent.add({text_of(one, "kind"), text_of(one, "day"), text_of(one, "domain"), text_of(one, "time"), again.empty() ? "-" : again,
              text_of(one, "outcome")});
  }
  sent.print(context.out);
}

void show_received(const json::value& answer, Context& context) {
  Table table({"NUMBER", "KIND", "DOMAIN", "FROM", "BEGIN", "GOOD", "BAD", "VOUCHED"});
  for (const auto& one : list_of(answer, "reports"))
    table.add({text_of(one, "number"), text_of(one, "kind"), text_of(one, "domain"), text_of(one, "organization"), text_of(one, "begin"),
               text_of(one, "good"), text_of(one, "bad"), text_of(one, "vouched")});
  table.print(context.out);
}

void show_failures(const json::value& policy, Context& context) {
  for (const auto& failure : list_of(policy, "failure-details"))
    context.out << "    " << text_of(failure, "failed-session-count") << " x " << text_of(failure, "result-type") << " at "
                << text_of(failure, "receiving-mx-hostname") << ": " << text_of(failure, "failure-reason-code") << "\n";
}

void show_day(const json::value& answer, Context& context) {
  for (const auto& one : list_of(answer, "reports")) {
    context.out << text_of(one, "domain") << "\n";
    const json::value report = at(one, "report");
    for (const auto& policy : list_of(report, "policies")) {
      const json::value summary = at(policy, "summary");
      context.out << "  " << text_of(at(policy, "policy"), "policy-type") << ": " << text_of(summary, "total-successful-session-count")
                  << " successful, " << text_of(summary, "total-failure-session-count") << " failed\n";
      show_failures(policy, context);
    }
  }
  for (const auto& one : list_of(answer, "dmarc"))
    context.out << text_of(one, "domain") << "\n  dmarc: " << text_of(one, "messages") << " messages, to " << places_of(one) << "\n";
}

/// Of one domain as it goes out: more than one where a day was sent before it was over.
void show_xml(const json::value& answer, const std::string& domain, Context& context) {
  bool found = false;
  for (const auto& one : list_of(answer, "dmarc")) {
    if (text_of(one, "domain") != domain) continue;
    found = true;
    context.out << text_of(one, "xml");
  }
  if (found) return;
  report_error(
      context, "report show",
      {ErrorCode::NotFound, "no DMARC report about " + domain + " waits for that day; `postern report list` shows which do", "xml"});
}

/// Reports of both kinds: those of TLS stand where they always stood.
Result<json::value> both_kinds(const Remote& remote, const std::string& day) {
  POSTERN_TRY(json::value out, remote.call_json("GET", "/api/v1/reports/tls/" + http::percent_encode(day)));
  POSTERN_TRY(const json::value dmarc, remote.call_json("GET", "/api/v1/reports/dmarc/" + http::percent_encode(day)));
  out.as_object()["dmarc"] = at(dmarc, "reports");
  return out;
}

void add_list(const Verbs& v, CLI::App* noun, const char* name, const char* about, const char* example, const char* path,
              void (*show)(const json::value&, Context&)) {
  verb(noun, name, about, example)->callback([v, name, path, show] {
    v.run(name, [path](const Remote& r) { return r.call_json("GET", path); }, [v, show](const json::value& a) { show(a, v.context); });
  });
}

}  // namespace

void add_outbound_verbs(CLI::App& app, Context& context, const Global& global);

void add_outbound_verbs(CLI::App& app, Context& context, const Global& global) {
  const Verbs v{app, context, global};
  CLI::App* outbound = v.noun("outbound", "What next hops must prove: policies, exceptions");
  add_list(v, outbound, "policies", "MTA-STS policies that are held", "postern outbound policies", "/api/v1/outbound/policies",
           show_policies);
  add_list(v, outbound, "exceptions", "Exceptions of the configuration, and whether they are in force", "postern outbound exceptions",
           "/api/v1/outbound/exceptions", show_exceptions);
  CLI::App* report = v.noun("report", "Reports to other domains and of others: list, show, send, received, read");
  add_list(v, report, "list", "What was counted by day and domain, and what went out", "postern report list", "/api/v1/reports",
           show_reports);
  add_list(v, report, "received", "What others told us about our domains (reports.inbox)", "postern report received",
           "/api/v1/reports/received", show_received);
  auto number = std::make_shared<std::string>();
  CLI::App* read = verb(report, "read", "One received report, as JSON", "postern report read 7");
  read->add_option("number", *number, "As `postern report received` has it")->required();
  read->callback([v, number] {
    v.run(
        "report read",
        [number](const Remote& r) { return r.call_json("GET", "/api/v1/reports/received/" + http::percent_encode(*number)); },
        [v](const json::value& a) { v.context.out << json::serialize(a) << "\n"; });
  });
  auto day = std::make_shared<std::string>(), xml = std::make_shared<std::string>();
  CLI::App* show = verb(report, "show", "The reports of one day, as they go out", "postern report show 2026-11-25 --xml example.org");
  show->add_option("day", *day, "A day (UTC)")->required();
  show->add_option("--xml", *xml, "Only the DMARC report about this domain, whole");
  show->callback([v, day, xml] {
    v.run(
        "report show", [day](const Remote& r) { return both_kinds(r, *day); },
        [v, xml](const json::value& a) {
          if (xml->empty()) return show_day(a, v.context);
          show_xml(a, *xml, v.context);
        });
  });
  auto before = std::make_shared<std::string>();
  CLI::App* send = verb(report, "send", "Sends what did not go out yet, up to yesterday, now", "postern report send");
  send->add_option("--before", *before, "Only days before this one (UTC); tomorrow's date sends today's, too");
  send->callback([v, before] {
    v.run(
        "report send", [before](const Remote& r) { return r.call_json("POST", "/api/v1/reports/send", json::object{{"before", *before}}); },
        [v](const json::value&) { v.context.out << "done; see postern report list\n"; });
  });
}

}  // namespace postern::cli
