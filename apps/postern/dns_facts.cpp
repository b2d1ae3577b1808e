#include "dns_facts.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.hpp"
#include "crypto/hash.hpp"
#include "dns/name.hpp"
#include "dns_people.hpp"
#include "gateway/sts_own.hpp"
#include "io/endpoint.hpp"
#include "pki/certificate.hpp"
#include "tlspolicy/dane.hpp"
#include "verbs.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;
using dns::TlsaData;
using dnszone::DkimFact;
using dnszone::DkimUse;
using dnszone::MailService;

/// RFC 7672 3.1.1: DANE-EE, the public key, SHA-256.
TlsaData tlsa_of(const Sha256& spki) { return {3, 1, 1, Bytes(spki.begin(), spki.end())}; }

std::string id_of(WallTime now) {
  std::string out;
  for (const char c : rfc3339(now).substr(0, 19)) {
    if (is_digit(c)) out += c;
  }
  return out;
}

DkimUse use_of(const std::string& state) {
  if (state == "in use") return DkimUse::Signs;
  if (state == "retiring") return DkimUse::Former;
  return state == "withdrawn" ? DkimUse::Withdrawn : DkimUse::Next;
}

class Gatherer {
 public:
  Gatherer(const FactOptions& options, const Global& global, WallTime now) : m_options(options), m_global(global), m_now(now) {}

  Result<GatheredFacts> gather() && {
    POSTERN_TRY(m_domain, dns::normalize_name(m_options.domain));
    m_out.facts.domain = m_domain;
    m_out.facts.preference = m_options.preference;
    m_out.facts.ttl = m_options.ttl;
    POSTERN_CHECK(read_settings());
    POSTERN_CHECK(read_addresses());
    find_daemon();
    POSTERN_CHECK(read_dkim());
    POSTERN_CHECK(read_tlsa());
    POSTERN_CHECK(read_policies());
    read_authorities();
    POSTERN_CHECK(read_services());
    POSTERN_CHECK(read_people());
    return std::move(m_out);
  }

 private:
  void note(std::string text) { m_out.notes.push_back(std::move(text)); }
  Status read_settings();
  Status read_addresses();
  void find_daemon();
  Status read_dkim();
  Status read_given_dkim();
  void ask_for_dkim();
  void name_configured_signers();
  Status read_tlsa();
  Status read_tlsa_texts(const std::vector<std::string>& texts, std::vector<TlsaData>& out);
  Status read_certificates(const std::vector<std::string>& files, std::vector<TlsaData>& out);
  void ask_for_tls_key();
  Status read_policies();
  Status read_mta_sts();
  void read_authorities();
  Status read_services();
  void add_own_services();
  Status read_people();

  const FactOptions& m_options;
  const Global& m_global;
  WallTime m_now;
  std::string m_domain;
  std::optional<config::Config> m_config;
  std::optional<Remote> m_daemon;
  GatheredFacts m_out;
};

Status Gatherer::read_settings() {
  auto config = configuration(m_global);
  m_out.facts.hostname = m_options.hostname;
  if (!config) {
    if (m_options.hostname.empty())
      return fail(Error(config.error()).context("no configuration says which host takes mail; give --config, or --hostname"));
    note("no configuration was read (" + config.error().text() + "): only what the command line says is known");
    return {};
  }
  m_config = *std::move(config);
  if (m_out.facts.hostname.empty()) m_out.facts.hostname = m_config->server.hostname;
  const auto& local = m_config->domains.local;
  if (std::ranges::none_of(local, [this](const std::string& one) { return iequals(one, m_domain); }))
    note(m_domain + " is not among domains.local of " + m_config->source + ": its mail would be refused here");
  return {};
}

Status Gatherer::read_addresses() {
  for (const std::string& text : m_options.addresses) {
    auto ip = dns::IpAddress::parse(text);
    if (!ip) return fail(std::move(ip).error().context("--address"));
    m_out.facts.addresses.push_back(*ip);
  }
  return {};
}

/// Whoever named neither configuration nor API does not mean a daemon.
void Gatherer::find_daemon() {
  if (!m_config && m_global.api.empty()) return;
  auto remote = Remote::find(m_global);
  const auto keys = remote ? remote->call_json("GET", "/api/v1/keys") : Result<json::value>(fail(remote.error()));
  if (keys)
    m_daemon = *std::move(remote);
  else
    note("posternd was not asked for its keys: " + keys.error().text());
}

// DKIM.

Status Gatherer::read_given_dkim() {
  for (const std::string& text : m_options.dkim) {
    const auto equals = text.find('=');
    const std::string name = text.substr(0, equals) + "._domainkey." + m_domain;
    if (equals == std::string::npos || !dns::normalize_name(name))
      return fail(ErrorCode::BadInput, "must be SELECTOR=RECORD, for example ed=v=DKIM1; k=ed25519; p=...", "--dkim");
    m_out.facts.dkim.push_back({name, std::string(trim(std::string_view(text).substr(equals + 1)))});
  }
  return {};
}

void Gatherer::ask_for_dkim() {
  const auto keys = m_daemon->call_json("GET", "/api/v1/keys");
  if (!keys) return note("posternd does not list its keys: " + keys.error().text());
  for (const auto& key : list_of(*keys, "keys")) {
    if (text_of(key, "role") != "dkim") continue;
    const std::string name = text_of(key, "name");
    const auto shown = m_daemon->call_json("GET", "/api/v1/keys/" + http::percent_encode(name));
    if (!shown) {
      note("posternd does not show the key " + name + ": " + shown.error().text());
      continue;
    }
    for (const auto& record : list_of(*shown, "dns")) {
      DkimFact fact{text_of(record, "name"), text_of(record, "value"), use_of(text_of(record, "state")), text_of(record, "at")};
      if (to_lower(fact.name).ends_with("._domainkey." + m_domain)) m_out.facts.dkim.push_back(std::move(fact));
    }
  }
}

/// Without the daemon their keys are not known, but that they sign is.
void Gatherer::name_configured_signers() {
  for (const auto& signer : m_config->dkim) {
    const std::string name = signer.selector + "._domainkey." + m_domain;
    const bool given = std::ranges::any_of(m_out.facts.dkim, [&](const DkimFact& fact) { return iequals(fact.name, name); });
    if (iequals(signer.domain, m_domain) && !given) m_out.facts.dkim.push_back({name, ""});
  }
}

Status Gatherer::read_dkim() {
  POSTERN_CHECK(read_given_dkim());
  if (m_daemon)
    ask_for_dkim();
  else if (m_config)
    name_configured_signers();
  if (m_out.facts.dkim.empty()) note("no DKIM key is known: add a [[dkim]] signer for " + m_domain + ", or give --dkim SELECTOR=RECORD");
  return {};
}

// TLSA.

Status Gatherer::read_tlsa_texts(const std::vector<std::string>& texts, std::vector<TlsaData>& out) {
  for (const std::string& text : texts) {
    auto data = parse_tlsa(text);
    if (!data) return fail(std::move(data).error().context("--tlsa \"" + text + "\""));
    out.push_back(*std::move(data));
  }
  return {};
}

Status Gatherer::read_certificates(const std::vector<std::string>& files, std::vector<TlsaData>& out) {
  for (const std::string& file : files) {
    const auto chain = certificates_from_file(file);
    if (!chain) return fail(Error(chain.error()).context(file));
    out.push_back(tlsa_of(chain->front().spki_fingerprint()));
  }
  return {};
}

/// What the listeners show, not what a rotation or a new file will make them show.
void Gatherer::ask_for_tls_key() {
  if (!m_daemon) return note("the TLS key of the MX host is not known without posternd; give --certificate FILE or --no-tlsa");
  const auto dns = m_daemon->call_json("GET", "/api/v1/dns");
  if (!dns) return note("posternd does not show its TLS key: " + dns.error().text());
  const json::value* tlsa = dns->is_object() ? dns->get_object().if_contains("tlsa") : nullptr;
  const auto take = [tlsa](std::string_view which, std::vector<TlsaData>& out) {
    const auto data = tlsa == nullptr ? Result<TlsaData>(fail(Error{})) : parse_tlsa(text_of(*tlsa, which));
    if (data) out.push_back(*data);
  };
  take("current", m_out.facts.tlsa_current);
  take("next", m_out.facts.tlsa_next);
}

Status Gatherer::read_tlsa() {
  if (m_options.no_tlsa) return {};
  auto& current = m_out.facts.tlsa_current;
  POSTERN_CHECK(read_tlsa_texts(m_options.tlsa, current));
  POSTERN_CHECK(read_certificates(m_options.certificates, current));
  POSTERN_CHECK(read_tlsa_texts(m_options.next_tlsa, m_out.facts.tlsa_next));
  POSTERN_CHECK(read_certificates(m_options.next_certificates, m_out.facts.tlsa_next));
  if (!current.empty()) return {};
  if (!m_daemon && m_config && !m_config->tls.certificate.empty())
    return read_certificates({m_config->beside_config(m_config->tls.certificate)}, current);
  if (m_config)
    ask_for_tls_key();
  else
    note("the TLS key of the MX host is not known; give --certificate FILE or --no-tlsa");
  return {};
}

// Policies.

Status Gatherer::read_mta_sts() {
  auto& choice = m_out.facts.mta_sts;
  const auto served = m_config && m_options.mta_sts == name_of(MtaStsMode::None) ? gateway::own_sts_policy(*m_config) : std::nullopt;
  if (served && m_options.mta_sts_id.empty()) {  // what posternd serves, under the id that changes with it
    choice = {served->mode, mta_sts_id_of(write_mta_sts_policy(*served)), true};
    return {};
  }
  for (const auto mode : {MtaStsMode::None, MtaStsMode::Testing, MtaStsMode::Enforce}) {
    if (name_of(mode) == m_options.mta_sts) choice.mode = mode;
  }
  if (name_of(choice.mode) != m_options.mta_sts) return fail(ErrorCode::BadInput, "must be none, testing or enforce", "--mta-sts");
  choice.id_chosen = !m_options.mta_sts_id.empty();
  choice.id = choice.id_chosen ? m_options.mta_sts_id : id_of(m_now);
  if (choice.mode == MtaStsMode::None)
    note("MTA-STS is left out: give --mta-sts testing when https://mta-sts." + m_domain + "/.well-known/mta-sts.txt is there");
  return {};
}

Status Gatherer::read_policies() {
  auto& facts = m_out.facts;
  if (!m_options.spf.empty()) facts.spf = m_options.spf;
  if (!m_options.tls_report_to.empty()) facts.tls_report_to = m_options.tls_report_to;
  if (!m_options.dmarc.empty() || !m_options.dmarc_to.empty()) {
    const auto policy = parse_dmarc_record("v=DMARC1; p=" + (m_options.dmarc.empty() ? "none" : m_options.dmarc));
    if (!policy || !policy->fault.empty() || (!m_options.dmarc.empty() && name_of(policy->policy) != m_options.dmarc))
      return fail(ErrorCode::BadInput, "must be none, quarantine or reject", "--dmarc");
    const std::vector<std::string> postmaster{"mailto:postmaster@" + m_domain};
    facts.dmarc = dnszone::DmarcChoice{policy->policy, m_options.dmarc_to.empty() ? postmaster : m_options.dmarc_to};
  }
  return read_mta_sts();
}

void Gatherer::read_authorities() {
  for (const std::string& issuer : m_options.caa) m_out.facts.caa.push_back({"issue", issuer});
  for (const std::string& issuer : m_options.caa_mail) m_out.facts.caa.push_back({"issuemail", issuer});
}

// Services for mail programs.

/// "HOST[:PORT]", or "none".
Result<dnszone::ServiceFact> parse_service(MailService service, const std::string& text) {
  const std::string option = "--" + std::string(name_of(service));
  if (text == "none") return dnszone::ServiceFact{service, "", 0};
  const auto colon = text.rfind(':');
  const auto host = dns::normalize_name(std::string_view(text).substr(0, colon));
  if (!host) return fail(ErrorCode::BadInput, "must be HOST, HOST:PORT or none", option);
  if (colon == std::string::npos) return dnszone::ServiceFact{service, *host, usual_port(service)};
  std::uint16_t port = 0;
  const std::string_view digits = std::string_view(text).substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0)
    return fail(ErrorCode::BadInput, "the port behind the colon is a number of 1 to 65535", option);
  return dnszone::ServiceFact{service, *host, port};
}

/// A listener for mail programs where they look for one; what only this machine reaches is nothing for them.
std::optional<MailService> service_of(const config::Listener& listener) {
  const auto at = io::Endpoint::parse(listener.address);
  if (listener.kind != "submission" || !at || at->is_unix() || at->ip.is_loopback() || !listener.network_namespace.empty())
    return std::nullopt;
  const MailService service = listener.tls == "implicit" ? MailService::Submissions : MailService::Submission;
  return at->port == usual_port(service) && listener.tls != "none" ? std::optional(service) : std::nullopt;
}

void Gatherer::add_own_services() {
  auto& services = m_out.facts.services;
  for (const config::Listener& listener : m_config->listeners) {
    const auto service = service_of(listener);
    const auto is_known = [&](const dnszone::ServiceFact& fact) { return fact.service == *service; };
    if (!service || std::ranges::any_of(services, is_known)) continue;
    services.push_back({*service, m_out.facts.hostname, usual_port(*service), false});
  }
}

Status Gatherer::read_services() {
  const std::pair<MailService, const std::vector<std::string>&> given[] = {{MailService::Submissions, m_options.submissions},
                                                                           {MailService::Submission, m_options.submission},
                                                                           {MailService::Imaps, m_options.imaps}};
  for (const auto& [service, texts] : given) {
    for (const std::string& text : texts) {
      POSTERN_TRY(auto fact, parse_service(service, text));
      m_out.facts.services.push_back(std::move(fact));
    }
  }
  if (m_config) add_own_services();
  return {};
}

Status Gatherer::read_people() {
  if (!m_options.people) return {};
  if (!m_daemon)
    return fail(ErrorCode::Unavailable, "the keys of people are asked of posternd, which does not answer; start it, or leave --people out");
  auto people = people_of(*m_daemon, m_domain);
  if (!people) return fail(std::move(people).error().context("--people"));
  m_out.facts.people = *std::move(people);
  if (m_out.facts.people.empty()) note("nobody of " + m_domain + " has a key: postern identity certificate");
  return {};
}

}  // namespace

Result<GatheredFacts> gather_facts(const FactOptions& options, const Global& global, WallTime now) {
  return Gatherer(options, global, now).gather();
}

}  // namespace postern::cli
