#include "api/health.hpp"

#include <boost/json/object.hpp>

#include "api/untrusted.hpp"
#include "base/text.hpp"
#include "io/device.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;

class Checks {
 public:
  /// Begins a check; `fine` is its text if nothing is added to it.
  void begin(std::string name, std::string fine) {
    settle();
    m_name = std::move(name);
    m_fine = std::move(fine);
  }
  void add(Health health, std::string text) { m_all.push_back({m_name, health, std::move(text)}), m_found = true; }
  void add_all(Health health, const std::vector<std::string>& texts) {
    for (const auto& text : texts) add(health, text);
  }
  std::vector<Check> take() && {
    settle();
    return std::move(m_all);
  }

 private:
  void settle() {
    if (!m_name.empty() && !m_found) m_all.push_back({m_name, Health::Ok, m_fine});
    m_found = false;
  }
  std::vector<Check> m_all;
  std::string m_name, m_fine;
  bool m_found = false;
};

void check_storage(Checks& checks, gateway::Gateway& gate) {
  checks.begin("storage", "healthy");
  if (const auto writer = gate.store().writer().stats(); !writer.healthy)
    checks.add(Health::Failed, "the disk refuses writes: " + writer.last_error);
  const SpoolStats spool = gate.spool().stats();
  checks.begin("queue", std::to_string(spool.queued) + " queued, " + std::to_string(spool.held) + " held");
  if (spool.quarantined > 0)
    checks.add(Health::Warning, std::to_string(spool.quarantined) +
                                    " stored copies failed their integrity check; see `postern queue list --state quarantined`");
}

void check_doors(Checks& checks, gateway::Gateway& gate) {
  const auto doors = gate.doors();
  checks.begin("listeners", std::to_string(doors.size()) + " open");
  for (const auto& door : doors)
    if (!door.listener.trouble.empty())
      checks.add(Health::Failed, "listener " + door.name + ": nobody can connect: " + door.listener.trouble);
  checks.begin("routes", "every interface is there");
  for (const auto& route : gate.config().routes) {
    if (route.interface.empty()) continue;
    if (const auto trouble = interface_trouble(route.interface); !trouble.empty())
      checks.add(Health::Failed, "route " + route.domain + ": its mail waits: " + trouble);
  }
}

/// "ed._domainkey.example.org, rsa._domainkey.example.org"
std::string signing_records(gateway::Gateway& gate) {
  std::string out;
  const auto signers = gate.dkim_signers().all();
  for (const DkimKeyRef& one : *signers) out += (out.empty() ? "" : ", ") + gateway::dkim_record_name(one);
  return printable(out, 300);
}

std::string why_unlooked(gateway::Gateway& gate) {
  if (gate.dns_health().looks_by_itself()) return "not looked at yet";
  return gate.config().server.mode == "development" ? "not looked at, since the mode is development"
                                                    : "not looked at, since dns.check_every is 0";
}

/// Until somebody has looked, that nothing wrong is known says nothing; and what signs then is named, since it breaks mail when DNS lacks
/// it.
void check_dns(Checks& checks, gateway::Gateway& gate) {
  constexpr const char* kHow = "; postern dns health --now looks";
  const bool looked = !gate.dns_health().all().empty();
  const std::string why = looked ? std::string() : why_unlooked(gate), signing = signing_records(gate);
  checks.begin("dns", looked ? "nothing wrong was found" : why + kHow);
  if (!looked && !signing.empty())
    checks.add(Health::Note, why + ": whether DNS has the keys that sign (" + signing + ") is not known" + kHow);
  checks.add_all(Health::Warning, gate.zones().warnings());
  checks.add_all(Health::Warning, gate.dns_health().warnings());
}

/// What can be asked only once keys could be used.
void check_mail_parts(Checks& checks, gateway::Gateway& gate) {
  checks.begin("next hops", "none refuses us");
  checks.add_all(Health::Warning, gate.courier().warnings());
  checks.add_all(Health::Warning, distrust_warnings(gate));
  checks.begin("certificate", "good until " + rfc3339(gate.server_certificate().not_after()));
  checks.add_all(Health::Warning, gate.certificate_warnings());
  if (const auto trouble = gate.stapler().trouble()) checks.add(trouble->refused ? Health::Failed : Health::Note, trouble->text);
  checks.begin("key life", "rotation on time");
  checks.add_all(Health::Warning, gate.affairs().life().warnings());
  check_dns(checks, gate);
}

void check_keys(Checks& checks, gateway::Gateway& gate, const Status& open) {
  checks.begin("mail", "comes and goes");
  if (!open) checks.add(Health::Failed, "no mail comes or goes, what is in the spool waits: " + open.error().text());
  if (!open) return;  // and that says why: the keys are among the reasons
  checks.begin("keys", "can be used");
  if (const KeeperState keys = gate.keeper().state(); keys.since)
    checks.add(Health::Failed,
               "mail that must be sealed or opened waits for the key engine since " + rfc3339(*keys.since) + ": " + keys.last_error);
}

Health health_of(transport::Finding::State state) noexcept {
  switch (state) {
    case transport::Finding::State::Ok: return Health::Ok;
    case transport::Finding::State::Note: return Health::Note;
    case transport::Finding::State::Warning: return Health::Warning;
    case transport::Finding::State::Failed: break;
  }
  return Health::Failed;
}

void check_transport(Checks& checks, const transport::Service& transport) {
  const transport::Findings findings = transport.findings();
  for (const auto& one : findings) {
    checks.begin("x400 " + one.name, one.text);
    if (one.state != transport::Finding::State::Ok) checks.add(health_of(one.state), one.text);
  }
}

}  // namespace

std::string_view name_of(Health health) noexcept {
  switch (health) {
    case Health::Ok: return "ok";
    case Health::Note: return "note";
    case Health::Warning: return "warning";
    case Health::Failed: break;
  }
  return "failed";
}

std::string interface_trouble(const std::string& interface) {
  const auto device = io::usable_device(interface);
  return device ? std::string() : device.error().text();
}

std::vector<Check> check_health(gateway::Gateway& gate, const Status& open, const mhs::Service* x400, const transport::Service* transport) {
  Checks checks;
  checks.begin("configuration", "nothing to note");
  checks.add_all(Health::Note, gate.warnings());
  check_storage(checks, gate);
  check_doors(checks, gate);
  if (gate.has_mail()) check_mail_parts(checks, gate);
  if (x400 != nullptr) {
    const mhs::ServiceState state = x400->state();
    checks.begin("x400", "MTA " + state.mta_name + ", " + std::to_string(state.peers.size()) + " peers");
    checks.add_all(Health::Warning, state.warnings);
  }
  if (transport != nullptr) check_transport(checks, *transport);
  check_keys(checks, gate, open);
  return std::move(checks).take();
}

json::array health_json(const std::vector<Check>& checks) {
  json::array out;
  for (const auto& check : checks)
    out.push_back(json::object{{"check", check.name}, {"state", name_of(check.health)}, {"text", check.text}});
  return out;
}

json::array warnings_json(const std::vector<Check>& checks) {
  json::array out;
  for (const auto& check : checks)
    if (check.health != Health::Ok) out.emplace_back(check.text);
  return out;
}

}  // namespace postern::api
