// postern dns records|check|publish: the DNS records of a domain's mail.
#include <filesystem>
#include <memory>

#include "dns/name.hpp"
#include "dns_facts.hpp"
#include "dns_report.hpp"
#include "dns_server.hpp"
#include "dnszone/plan.hpp"
#include "file_input.hpp"
#include "fixture_input.hpp"
#include "live_dns.hpp"
#include "verbs.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

struct Options {
  FactOptions facts;
  std::string fixture, server, zone, tsig;
  bool as_zone = false, dry_run = false;
  std::int64_t now = -1;

  [[nodiscard]] WallTime time() const { return now < 0 ? SystemClock().now() : WallTime(std::chrono::seconds(now)); }
};

struct Known {
  dnszone::WantedZone wanted;
  std::vector<std::string> notes;
};

Result<Known> known_of(const Options& options, const Global& global) {
  POSTERN_TRY(GatheredFacts gathered, gather_facts(options.facts, global, options.time()));
  POSTERN_TRY(dnszone::WantedZone wanted, dnszone::wanted_zone(std::move(gathered.facts)));
  return Known{std::move(wanted), std::move(gathered.notes)};
}

// records

void run_records(const Options& options, Context& context, const Global& global) {
  const auto known = known_of(options, global);
  if (!known) return report_error(context, "dns records", known.error());
  print_records(context, known->wanted, known->notes, options.as_zone ? RecordForm::Zone : RecordForm::Table);
}

// check

Result<io::Endpoint> server_of(const Options& options) {
  auto out = gateway::parse_name_server(options.server);
  if (!out) return fail(std::move(out).error().context("--server"));
  return out;
}

/// --zone, or the zone that the server shows.
Result<std::string> zone_at(const Options& options, const DnsServer& server, const std::string& domain) {
  if (options.zone.empty()) return server.zone_of(domain);
  POSTERN_TRY(std::string zone, dns::normalize_name(options.zone));
  if (dns::is_same_or_below(domain, zone)) return zone;
  return fail(ErrorCode::BadInput, domain + " is not in the zone " + zone + "; give the zone that it is in", "--zone");
}

void note_out_of_zone(Known& known, const std::string& zone) {
  for (const auto& one : known.wanted.records) {
    if (dns::is_same_or_below(one.record.name, zone)) continue;
    known.notes.push_back(one.record.name + " " + std::string(name_of(one.record.type)) + " is not in the zone " + zone +
                          ": look after it at the server of its own zone");
  }
}

Result<dnszone::Comparison> compare_at_server(const Options& options, Known& known) {
  POSTERN_TRY(const io::Endpoint endpoint, server_of(options));
  DnsServer server(endpoint);
  POSTERN_TRY(const std::string zone, zone_at(options, server, known.wanted.facts.domain));
  note_out_of_zone(known, zone);
  return dnszone::compare(known.wanted, server, {zone, options.time()});
}

Result<dnszone::Comparison> compare_as_asked(const Options& options, Known& known, std::istream& in) {
  if (!options.server.empty()) return compare_at_server(options, known);
  const dnszone::CompareOptions how{{}, options.time()};
  if (!options.fixture.empty()) {
    POSTERN_TRY(const auto fixture, read_fixture(options.fixture, in));
    return dnszone::compare(known.wanted, *fixture, how);
  }
  dnszone::Comparison out;
  POSTERN_CHECK(ask_dns_in_rounds([&](DnsPort& dns) { out = dnszone::compare(known.wanted, dns, how); }));
  return out;
}

void run_check(const Options& options, Context& context, const Global& global) {
  auto known = known_of(options, global);
  if (!known) return report_error(context, "dns check", known.error());
  const auto found = compare_as_asked(options, *known, context.in);
  if (!found) return report_error(context, "dns check", found.error());
  print_comparison(context, known->wanted, *found, known->notes);
  if (!options.fixture.empty()) context.exit_status = kDone;  // of a file: evaluated, whatever it says, as the other verbs on files
}

// publish

/// Whoever reads the key may change the zone.
void note_open_key(const std::string& path, std::vector<std::string>& notes) {
  std::error_code unknown;
  const auto mode = std::filesystem::status(path, unknown).permissions();
  if (!unknown && (mode & std::filesystem::perms::others_read) != std::filesystem::perms::none)
    notes.push_back("everybody on this machine can read " + path + " and change the zone with it; chmod 600 " + path);
}

/// The time of --now.
class GivenClock final : public Clock {
 public:
  explicit GivenClock(const Options& options) : m_options(options) {}
  [[nodiscard]] WallTime now() const override { return m_options.time(); }
  [[nodiscard]] SteadyTime steady() const override { return SystemClock().steady(); }

 private:
  const Options& m_options;
};

Result<Publication> publish(const Options& options, Known& known) {
  POSTERN_TRY(const io::Endpoint endpoint, server_of(options));
  POSTERN_TRY(const dnszone::TsigKey key, gateway::read_tsig_key(options.tsig));
  DnsServer server(endpoint);
  Publication out;
  out.domain = known.wanted.facts.domain;
  out.server = endpoint.text();
  POSTERN_TRY(out.zone, zone_at(options, server, out.domain));
  note_out_of_zone(known, out.zone);
  const dnszone::CompareOptions how{out.zone, options.time()};
  const auto before = dnszone::compare(known.wanted, server, how);
  out.update = dnszone::plan_update(before, out.zone, server);
  out.notes = known.notes;
  note_open_key(options.tsig, out.notes);
  const bool empty = out.update.add.empty() && out.update.remove.empty();
  out.outcome = empty ? "unchanged" : options.dry_run ? "planned" : "published";
  if (empty) out.after = before;
  if (empty || options.dry_run) return out;
  POSTERN_TRY(const auto messages, dnszone::split_update(out.update));
  for (const dnszone::Update& message : messages) POSTERN_CHECK(server.update(message, key, GivenClock(options)));
  server.forget();
  out.after = dnszone::compare(known.wanted, server, how);
  return out;
}

void run_publish(const Options& options, Context& context, const Global& global) {
  auto known = known_of(options, global);
  if (!known) return report_error(context, "dns publish", known.error());
  const auto done = publish(options, *known);
  if (!done) return report_error(context, "dns publish", done.error());
  print_publication(context, *done);
}

// The command line.

void add_fact_options(CLI::App* verb, FactOptions& o) {
  verb->add_option("DOMAIN", o.domain, "The domain of the mail addresses")->required();
  verb->add_option("--hostname", o.hostname, "The MX host; else server.hostname of the configuration");
  verb->add_option("--address", o.addresses, "An address of the MX host, to be published; once for each");
  verb->add_option("--preference", o.preference, "Of the MX record");
  verb->add_option("--ttl", o.ttl, "Seconds, of new records")->check(CLI::Range(1, 604800));
  verb->add_option("--dkim", o.dkim, "SELECTOR=RECORD: a DKIM key beside those of the daemon; once for each");
  verb->add_option("--certificate", o.certificates, "PEM: what the MX host shows, leaf first; else what the daemon shows");
  verb->add_option("--next-certificate", o.next_certificates, "PEM: what it will show next, published before");
  verb->add_option("--tlsa", o.tlsa, "\"3 1 1 HEX\" instead of a certificate; once for each");
  verb->add_option("--next-tlsa", o.next_tlsa, "\"3 1 1 HEX\" of the next key");
  verb->add_flag("--no-tlsa", o.no_tlsa, "No TLSA records: the zone is not signed with DNSSEC");
  verb->add_option("--spf", o.spf, "The SPF record; else any valid one will do, and v=spf1 mx -all is new");
  verb->add_option("--dmarc", o.dmarc, "none, quarantine or reject; else any valid record will do");
  verb->add_option("--dmarc-rua", o.dmarc_to, "mailto:ADDRESS for aggregate reports; once for each");
  verb->add_option("--mta-sts", o.mta_sts, "Mode of the policy that is served: none, testing, enforce");
  verb->add_option("--mta-sts-id", o.mta_sts_id, "Its id; else any will do, and the time is new");
  verb->add_option("--tls-rpt-rua", o.tls_report_to, "mailto:ADDRESS or https://... for TLS reports; once for each");
  verb->add_flag("--people", o.people, "The keys of the domain's people too (OPENPGPKEY, SMIMEA), which the daemon has");
  verb->add_option("--caa", o.caa,
                   "CA_DOMAIN[; PARAMETERS]: may issue certificates; once for each, \";\" for nobody; else nothing is wanted");
  verb->add_option("--caa-mail", o.caa_mail, "The same for S/MIME certificates (issuemail)");
  verb->add_option("--submissions", o.submissions, "HOST[:PORT] where mail programs send with TLS (465), or none; else the listener");
  verb->add_option("--submission", o.submission, "HOST[:PORT] where they send with STARTTLS (587), or none; else the listener");
  verb->add_option("--imaps", o.imaps, "HOST[:PORT] where they read with TLS (993), or none");
}

CLI::App* dns_verb(const Verbs& v, CLI::App* noun, const char* name, const char* about, const char* example, Options& options) {
  CLI::App* out = verb(noun, name, about, example);
  add_fact_options(out, options.facts);
  out->add_option("--now", options.now, "The time (seconds since 1970) instead of the clock's");
  out->add_flag("--json", v.context.json, "One JSON document on standard output");
  return out;
}

void add_records_verb(const Verbs& v, CLI::App* noun) {
  const auto options = std::make_shared<Options>();
  CLI::App* out = dns_verb(v, noun, "records", "Every record that the mail of a domain needs, and why",
                           "postern dns records example.org --zone", *options);
  out->add_flag("--zone", options->as_zone, "As lines of a zone file");
  out->callback([v, options] { run_records(*options, v.context, v.global); });
}

void add_check_verb(const Verbs& v, CLI::App* noun) {
  const auto options = std::make_shared<Options>();
  CLI::App* out = dns_verb(v, noun, "check", "Does DNS have them? Exits with 0 when all is right, 1 when not",
                           "postern dns check example.org", *options);
  auto* fixture =
      out->add_option("--dns-fixture", options->fixture, "JSON zone to judge instead of the DNS; exits with 0 then, whatever it says");
  auto* server = out->add_option("--server", options->server, "ADDRESS[:PORT]: ask this server of the zone instead of a resolver");
  server->excludes(fixture);
  out->add_option("--zone", options->zone, "The zone at --server; else it is asked")->needs(server);
  out->callback([v, options] { run_check(*options, v.context, v.global); });
}

void add_publish_verb(const Verbs& v, CLI::App* noun) {
  const auto options = std::make_shared<Options>();
  CLI::App* out =
      dns_verb(v, noun, "publish", "Adds what is missing and replaces what is wrong and ours (RFC 2136), signed with a key (RFC 8945)",
               "postern dns publish example.org --server 192.0.2.53 --tsig update.key --dry-run", *options);
  out->add_option("--server", options->server, "ADDRESS[:PORT] of the zone's primary")->required();
  out->add_option("--tsig", options->tsig, "Key file as tsig-keygen writes it")->required();
  out->add_option("--zone", options->zone, "The zone; else the server is asked");
  out->add_flag("--dry-run", options->dry_run, "Says what would change, and sends nothing");
  out->callback([v, options] { run_publish(*options, v.context, v.global); });
}

/// What the daemon sees of all its domains; `now`: it looks again first.
Result<json::value> health(const Remote& remote, bool now, Context& context) {
  POSTERN_TRY(json::value answer,
              now ? remote.call_json("POST", "/api/v1/dns/check", json::object{}) : remote.call_json("GET", "/api/v1/dns"));
  for (const auto& domain : list_of(answer, "domains")) {
    if (text_of(domain, "right") != "true") context.exit_status = kNo;
  }
  return answer;
}

void add_health_verb(const Verbs& v, CLI::App* noun) {
  const auto now = std::make_shared<bool>(false);
  CLI::App* out = verb(noun, "health", "How the running daemon found its own domains in DNS. Exits with 0 when all is right, 1 when not",
                       "postern dns health --now");
  out->add_flag("--now", *now, "It looks again first");
  out->callback([v, now] {
    v.run(
        "dns health", [v, now](const Remote& r) { return health(r, *now, v.context); },
        [v](const json::value& answer) { print_health(v.context, answer); });
  });
}

}  // namespace

void add_dns_verbs(CLI::App& app, Context& context, const Global& global);

void add_dns_verbs(CLI::App& app, Context& context, const Global& global) {
  const Verbs v{app, context, global};
  CLI::App* noun = v.noun("dns", "The DNS records of a domain's mail");
  add_records_verb(v, noun);
  add_check_verb(v, noun);
  add_publish_verb(v, noun);
  add_health_verb(v, noun);
}

}  // namespace postern::cli
