// Where mail programs find the services of a domain: SRV (RFC 2782, RFC 6186, RFC 8314 5.1).
#include <algorithm>

#include "dnszone/comparing.hpp"

namespace postern::dnszone {
namespace {

using dns::RecordType;
using dns::SrvData;

/// The SRV records of one service. An empty target says that it is not offered (RFC 6186 3.4).
struct ServiceView {
  std::vector<dns::Record> ours;       ///< Host and port that are wanted, in whatever order of preference.
  std::vector<dns::Record> same_host;  ///< Another port.
  std::vector<dns::Record> none;
  std::vector<dns::Record> others;

  [[nodiscard]] bool is_empty() const { return ours.empty() && same_host.empty() && none.empty() && others.empty(); }
  [[nodiscard]] bool names_a_host() const { return !ours.empty() || !same_host.empty() || !others.empty(); }
};

bool is_same_place(const SrvData& a, const SrvData& b) { return a.target == b.target && a.port == b.port; }

/// Another place of the service that is wanted as well.
bool is_wanted_elsewhere(const Comparing& c, const WantedRecord& wanted, const SrvData& found) {
  return std::ranges::any_of(c.of(RecordKind::Service), [&](const WantedRecord* other) {
    return other != &wanted && other->record.name == wanted.record.name && is_same_place(std::get<SrvData>(other->record.data), found);
  });
}

ServiceView view_of(const Comparing& c, const dns::Answer& answer, const WantedRecord& wanted_record) {
  const auto& wanted = std::get<SrvData>(wanted_record.record.data);
  ServiceView out;
  for (const dns::Record& record : answer.records) {
    const auto* srv = std::get_if<SrvData>(&record.data);
    if (srv == nullptr || is_wanted_elsewhere(c, wanted_record, *srv)) continue;
    const bool same = srv->target == wanted.target;
    auto& list = srv->target.empty() ? out.none : is_same_place(*srv, wanted) ? out.ours : same ? out.same_host : out.others;
    list.push_back(record);
  }
  return out;
}

std::string places_of(const std::vector<dns::Record>& records) {
  std::string out;
  for (const dns::Record& record : records) {
    const auto& srv = std::get<SrvData>(record.data);
    out += (out.empty() ? "" : ", ") + srv.target + ":" + std::to_string(srv.port);
  }
  return out;
}

void append_to(std::vector<dns::Record>& out, const std::vector<dns::Record>& more) { out.insert(out.end(), more.begin(), more.end()); }

Finding missing(const WantedRecord& wanted) {
  const bool none = std::get<SrvData>(wanted.record.data).target.empty();
  Finding out = finding_of(
      wanted, Standing::Missing, wanted.chosen,
      none ? "mail programs try whether the domain offers it; publish it" : "mail programs must be told where the service is; publish it");
  out.add.push_back(wanted.record);
  return out;
}

/// RFC 6186 3.4.
Finding judge_not_offered(const WantedRecord& wanted, const ServiceView& found) {
  if (!found.names_a_host()) return finding_of(wanted, Standing::Ok, false, "");
  Finding out = finding_of(wanted, Standing::Differs, true, "mail programs go to " + places_of(found.others) + "; publish it");
  out.remove = found.others;
  if (found.none.empty()) out.add.push_back(wanted.record);
  return out;
}

/// RFC 2782: the target has addresses, and is no alias. What is said of the MX host is said elsewhere.
Finding judge_target(const Comparing& c, const WantedRecord& wanted, const ServiceView& found) {
  const std::string& host = std::get<SrvData>(wanted.record.data).target;
  Finding out =
      finding_of(wanted, Standing::Ok, false,
                 found.others.empty() ? "" : "mail programs also go to " + places_of(found.others) + "; remove what is not needed");
  if (host == c.facts.hostname || !c.is_in_scope(host)) return out;
  const dns::Answer v4 = c.ask(host, RecordType::A), v6 = c.ask(host, RecordType::Aaaa);
  const bool has_address = !v4.records.empty() || !v6.records.empty();
  if (!has_address && !v4.is_temporary_failure() && !v6.is_temporary_failure()) {
    out.standing = Standing::Differs;
    out.fatal = wanted.chosen;
    out.message = host + " has no address, so that mail programs do not reach it; give it one, or name another host";
  } else if (is_delegated(v4, host)) {
    out.message = host + " is an alias of " + v4.canonical_name + ", which an SRV record must not name (RFC 2782)";
  }
  return out;
}

/// A default is content with any host that is named, and replaces nothing.
Finding judge_default(const Comparing& c, const WantedRecord& wanted, const ServiceView& found) {
  if (!found.ours.empty()) return judge_target(c, wanted, found);
  if (!found.names_a_host())
    return finding_of(wanted, Standing::Differs, false,
                      "it says that the domain does not offer the service (RFC 6186 3.4), and a listener here does; choose with --" +
                          std::string(wanted.record.name.substr(1, wanted.record.name.find('.') - 1)) + " which is right");
  const std::string places =
      places_of(found.same_host) + (found.same_host.empty() || found.others.empty() ? "" : ", ") + places_of(found.others);
  return finding_of(wanted, Standing::Ok, false, "mail programs go to " + places + ", not to the listener here");
}

/// Other hosts are somebody's choice and stay.
Finding judge_offered(const Comparing& c, const WantedRecord& wanted, const ServiceView& found) {
  if (!wanted.chosen) return judge_default(c, wanted, found);
  if (!found.ours.empty() && found.none.empty() && found.same_host.empty()) return judge_target(c, wanted, found);
  Finding out = finding_of(wanted, Standing::Differs, true, "");
  append_to(out.remove, found.none);
  append_to(out.remove, found.same_host);
  if (found.ours.empty()) out.add.push_back(wanted.record);
  out.message = !found.none.empty()        ? "it says that the domain does not offer the service (RFC 6186 3.4); publish it"
                : !found.same_host.empty() ? "mail programs go to " + places_of(found.same_host) + ", the wrong port; publish it"
                                           : "mail programs go to " + places_of(found.others) +
                                                 ", not to this host; publish it, and remove the others when they are not needed";
  return out;
}

Finding judge_service(const Comparing& c, const WantedRecord& wanted, const dns::Answer& answer) {
  const auto& srv = std::get<SrvData>(wanted.record.data);
  if (answer.is_temporary_failure())
    return finding_of(wanted, Standing::Unreachable, wanted.chosen, unreachable_text(answer, wanted.record.name));
  const ServiceView found = view_of(c, answer, wanted);
  return found.is_empty() ? missing(wanted) : srv.target.empty() ? judge_not_offered(wanted, found) : judge_offered(c, wanted, found);
}

}  // namespace

void compare_services(const Comparing& c) {
  for (const WantedRecord* wanted : c.of(RecordKind::Service)) {
    const std::string& name = wanted->record.name;
    const dns::Answer answer = c.ask(name, RecordType::Srv);
    Finding out = judge_service(c, *wanted, answer);
    out.found = texts_of(answer.records);
    if (out.standing != Standing::Ok && is_delegated(answer, name)) {
      out.message += "; " + delegation_text(answer);
      out.add.clear();
      out.remove.clear();
    }
    c.out.push_back(std::move(out));
  }
}

}  // namespace postern::dnszone
