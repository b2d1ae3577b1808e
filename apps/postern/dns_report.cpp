#include "dns_report.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <ostream>

#include "base/text.hpp"
#include "dnszone/zone_text.hpp"
#include "verbs.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;
using dnszone::Comparison;
using dnszone::Finding;
using dnszone::Standing;
using dnszone::WantedRecord;

// JSON.

json::object record_json(const dns::Record& record) {
  return {{"name", record.name}, {"type", name_of(record.type)}, {"ttl", record.ttl}, {"data", dnszone::data_text(record.data)}};
}

json::object wanted_json(const WantedRecord& wanted) {
  json::object out = record_json(wanted.record);
  out["kind"] = name_of(wanted.kind);
  out["zone_line"] = dnszone::zone_line(wanted.record);
  out["default"] = !wanted.chosen;
  out["why"] = wanted.why;
  return out;
}

json::object finding_json(const Finding& finding) {
  return {{"kind", name_of(finding.kind)},
          {"name", finding.name},
          {"type", name_of(finding.type)},
          {"standing", name_of(finding.standing)},
          {"right", !finding.fatal},
          {"wanted", finding.wanted},
          {"found", json::value_from(finding.found)},
          {"message", finding.message}};
}

json::array findings_json(const Comparison& found) {
  json::array out;
  for (const Finding& finding : found.findings) out.push_back(finding_json(finding));
  return out;
}

json::array changes_json(const dnszone::Update& update) {
  json::array out;
  const auto list = [&out](const std::vector<dns::Record>& records, const char* action) {
    for (const dns::Record& record : records) {
      json::object change = record_json(record);
      change["action"] = action;
      out.push_back(std::move(change));
    }
  };
  list(update.remove, "remove");
  list(update.add, "add");
  return out;
}

// Text. What strangers wrote into the zone is in zone-file form, so it is printable.

void print_notes(std::ostream& out, const std::vector<std::string>& notes, std::string_view mark) {
  for (const std::string& note : notes) out << mark << "note: " << note << '\n';
}

void print_finding(std::ostream& out, const Finding& finding) {
  const bool ok = finding.standing == Standing::Ok;
  out << (finding.fatal ? "  ! " : "    ") << name_of(finding.standing) << "  " << finding.name << ' ' << name_of(finding.type);
  if (!finding.message.empty()) out << ": " << finding.message;
  out << '\n';
  if (ok) return;
  if (!finding.wanted.empty()) out << "        wanted: " << finding.wanted << '\n';
  for (const std::string& text : finding.found) out << "        found:  " << text << '\n';
}

std::string verdict_of(const std::string& domain, const Comparison& found) {
  const auto wrong = std::ranges::count_if(found.findings, [](const Finding& finding) { return finding.fatal; });
  if (wrong == 0) return domain + ": all records are right";
  return domain + ": " + std::to_string(wrong) + " of " + std::to_string(found.findings.size()) + " records are not right";
}

void print_findings(std::ostream& out, const std::string& domain, const Comparison& found) {
  for (const Finding& finding : found.findings) print_finding(out, finding);
  out << verdict_of(domain, found) << '\n';
}

void print_changes(std::ostream& out, const dnszone::Update& update) {
  for (const dns::Record& record : update.remove) out << "  - " << dnszone::zone_line(record) << '\n';
  for (const dns::Record& record : update.add) out << "  + " << dnszone::zone_line(record) << '\n';
}

}  // namespace

void print_records(Context& context, const dnszone::WantedZone& wanted, const std::vector<std::string>& notes, RecordForm form) {
  if (context.json) {
    json::array records;
    for (const WantedRecord& one : wanted.records) records.push_back(wanted_json(one));
    context.out << json::object{{"domain", wanted.facts.domain}, {"records", std::move(records)}, {"notes", json::value_from(notes)}}
                << '\n';
    return;
  }
  const bool zone = form == RecordForm::Zone;
  for (const WantedRecord& one : wanted.records)
    context.out << (zone ? "; " : "") << one.why << '\n' << (zone ? "" : "    ") << dnszone::zone_line(one.record) << '\n';
  print_notes(context.out, notes, zone ? "; " : "");
}

void print_comparison(Context& context, const dnszone::WantedZone& wanted, const Comparison& found, const std::vector<std::string>& notes) {
  if (!found.is_right()) context.exit_status = kNo;
  if (context.json) {
    context.out << json::object{{"domain", wanted.facts.domain},
                                {"right", found.is_right()},
                                {"findings", findings_json(found)},
                                {"notes", json::value_from(notes)}}
                << '\n';
    return;
  }
  print_findings(context.out, wanted.facts.domain, found);
  print_notes(context.out, notes, "");
}

void print_publication(Context& context, const Publication& publication) {
  if (publication.after && !publication.after->is_right()) context.exit_status = kNo;
  if (context.json) {
    json::object out{{"domain", publication.domain},
                     {"server", publication.server},
                     {"zone", publication.zone},
                     {"outcome", publication.outcome},
                     {"changes", changes_json(publication.update)},
                     {"notes", json::value_from(publication.notes)}};
    if (publication.after) {
      out["right"] = publication.after->is_right();
      out["findings"] = findings_json(*publication.after);
    }
    context.out << out << '\n';
    return;
  }
  print_changes(context.out, publication.update);
  context.out << publication.outcome << ": zone " << publication.zone << " at " << publication.server << '\n';
  if (publication.after) print_findings(context.out, publication.domain, *publication.after);
  print_notes(context.out, publication.notes, "");
}

namespace {

void print_domain(std::ostream& out, const json::value& domain) {
  const std::string name = text_of(domain, "domain"), failure = text_of(domain, "failure");
  const bool right = text_of(domain, "right") == "true";
  out << name << ": "
      << (right             ? "all records are right"
          : failure.empty() ? "not right"
                            : failure)
      << " (" << text_of(domain, "checked") << ")\n";
  for (const auto& finding : list_of(domain, "findings")) {
    if (text_of(finding, "standing") == "ok" && text_of(finding, "message").empty()) continue;
    out << (text_of(finding, "right") == "true" ? "    " : "  ! ") << text_of(finding, "standing") << "  " << text_of(finding, "name")
        << ' ' << text_of(finding, "type") << ": " << text_of(finding, "message") << '\n';
  }
  if (const std::string fault = text_of(domain, "policy_fault"); !fault.empty()) out << "  ! " << fault << '\n';
  const json::value host = at(domain, "host");
  if (!host.is_object()) return;
  const std::string road = text_of(host, "road"), message = text_of(host, "message");
  out << (text_of(host, "refused") == "true" ? "  ! " : "    ") << text_of(host, "host") << " from outside: " << road
      << (road.empty() || message.empty() ? "" : "; ") << message << '\n';
}

void print_zone(std::ostream& out, const json::value& zone) {
  const std::string failure = text_of(zone, "failure"), checked = text_of(zone, "checked"), changed = text_of(zone, "changed");
  out << "zone " << text_of(zone, "zone") << " at " << text_of(zone, "server") << ": "
      << (!failure.empty()  ? failure
          : checked.empty() ? "not looked at yet"
                            : "its keys are right (" + checked + ")")
      << (changed.empty() ? "" : ", changed " + changed) << '\n';
}

}  // namespace

void print_health(Context& context, const json::value& answer) {
  const auto& domains = list_of(answer, "domains");
  if (domains.empty()) context.out << "nothing was looked at yet: postern dns health --now\n";
  for (const auto& domain : domains) print_domain(context.out, domain);
  for (const auto& zone : list_of(answer, "zones")) print_zone(context.out, zone);
  const json::value tlsa = at(answer, "tlsa");
  context.out << text_of(tlsa, "name") << " TLSA: " << text_of(tlsa, "current")
              << (text_of(tlsa, "in_dns") == "true" ? " (in DNS)" : " (not in DNS)") << '\n';
  if (const std::string next = text_of(tlsa, "next"); !next.empty()) context.out << "    next, waits for DNS: " << next << '\n';
}

}  // namespace postern::cli
