#include "dnszone/wanted.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "dns/name.hpp"
#include "dns/rdata.hpp"
#include "dnszone/caa.hpp"
#include "dnszone/people.hpp"
#include "dnszone/zone_text.hpp"
#include "mailauth/spf_record.hpp"
#include "reports/tls_report.hpp"

namespace postern::dnszone {
namespace {

using dns::RecordType;

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ",") + part;
  return out;
}

// Makes the records of one domain, whose names are normalized.
class Maker {
 public:
  explicit Maker(const ZoneFacts& facts) : m_facts(facts) {}

  Result<std::vector<WantedRecord>> all() && {
    mx();
    addresses();
    POSTERN_CHECK(spf());
    dkim();
    POSTERN_CHECK(dmarc());
    POSTERN_CHECK(mta_sts());
    POSTERN_CHECK(tls_report());
    tlsa();
    POSTERN_CHECK(caa());
    POSTERN_CHECK(services());
    people();
    POSTERN_CHECK(all_fit());
    return std::move(m_out);
  }

 private:
  void add(RecordKind kind, std::string name, RecordType type, dns::RecordData data, std::string why, bool chosen = true) {
    m_out.push_back({kind, {std::move(name), type, m_facts.ttl, std::move(data)}, chosen, std::move(why)});
  }
  void add_txt(RecordKind kind, std::string name, const std::string& text, std::string why, bool chosen) {
    add(kind, std::move(name), RecordType::Txt, dns::TxtData{split_txt(text)}, std::move(why), chosen);
  }

  void mx() {
    add(RecordKind::Mx, m_facts.domain, RecordType::Mx, dns::MxData{m_facts.preference, m_facts.hostname},
        "mail for the domain comes to this host (RFC 5321 5.1)");
  }
  void addresses() {
    for (const dns::IpAddress& ip : m_facts.addresses) {
      add(RecordKind::Address, m_facts.hostname, ip.is_v4() ? RecordType::A : RecordType::Aaaa, dns::AddressData{ip},
          "an MX host has an address of its own, not an alias (RFC 2181 10.3)");
    }
  }
  Status spf();
  void dkim();
  Status dmarc();
  Status mta_sts();
  Status tls_report();
  void tlsa();
  Status caa();
  Status services();
  void people();
  Status all_fit() const;

  const ZoneFacts& m_facts;
  std::vector<WantedRecord> m_out;
};

Status Maker::spf() {
  const std::string text = m_facts.spf.value_or("v=spf1 mx -all");
  if (!is_spf_record(text)) return fail(ErrorCode::BadInput, "must begin with v=spf1", "SPF");
  if (auto parsed = parse_spf_record(text); !parsed) return fail(std::move(parsed).error().context("SPF"));
  add_txt(RecordKind::Spf, m_facts.domain, text, "says which hosts send mail of the domain (RFC 7208 3)", m_facts.spf.has_value());
  return {};
}

std::string_view why_dkim(DkimUse use) {
  switch (use) {
    case DkimUse::Signs: return "the key that signatures made here verify with (RFC 6376 3.6.2)";
    case DkimUse::Next: return "the next key, which signs when this record was seen (RFC 6376 3.1)";
    case DkimUse::Former: return "the former key, for mail that it signed and that is under way (RFC 6376 3.1)";
    case DkimUse::Withdrawn: return {};
  }
  return {};
}

void Maker::dkim() {
  for (const DkimFact& key : m_facts.dkim) {
    if (key.use == DkimUse::Withdrawn || key.at.empty()) continue;
    const dns::Record alias{key.name, dns::RecordType::Cname, m_facts.ttl, dns::NameData{key.at}};
    m_out.push_back({RecordKind::DkimAlias, alias, true, "leads to the key, which changes without this zone (RFC 6376 3.6.2.2)"});
  }
  for (const DkimFact& key : m_facts.dkim) {
    if (key.use == DkimUse::Withdrawn || key.value.empty()) continue;  // compare() says that it is not known
    add_txt(RecordKind::Dkim, key.place(), key.value, std::string(why_dkim(key.use)), true);
  }
}

Status Maker::dmarc() {
  const DmarcChoice choice = m_facts.dmarc.value_or(DmarcChoice{DmarcPolicy::None, {"mailto:postmaster@" + m_facts.domain}});
  std::string text = "v=DMARC1; p=" + std::string(name_of(choice.policy));
  if (!choice.report_to.empty()) text += "; rua=" + joined(choice.report_to);
  const auto parsed = parse_dmarc_record(text);
  if (!parsed || parsed->aggregate_to != choice.report_to)
    return fail(ErrorCode::BadInput, "report addresses are URIs such as mailto:reports@example.org, without commas and semicolons",
                "DMARC rua");
  add_txt(RecordKind::Dmarc, "_dmarc." + m_facts.domain, text,
          "says what happens to mail that only claims to be of the domain (RFC 9989 4.7)", m_facts.dmarc.has_value());
  return {};
}

Status Maker::mta_sts() {
  if (m_facts.mta_sts.mode == MtaStsMode::None) return {};
  const std::vector<std::string> text{"v=STSv1; id=" + m_facts.mta_sts.id + ";"};
  if (!mta_sts_id(text)) return fail(ErrorCode::BadInput, "must be 1 to 32 letters and digits (RFC 8461 3.1)", "MTA-STS id");
  add_txt(RecordKind::MtaSts, "_mta-sts." + m_facts.domain, text.front(),
          "there is an MTA-STS policy; a new id says that it changed (RFC 8461 3.1)", m_facts.mta_sts.id_chosen);
  const std::string host = "mta-sts." + m_facts.domain;
  if (host == m_facts.hostname) return {};  // the MX host serves it, and has its own address
  add(RecordKind::MtaStsHost, host, RecordType::Cname, dns::NameData{m_facts.hostname},
      "the host of https://" + host + "/.well-known/mta-sts.txt (RFC 8461 3.3)", false);
  return {};
}

Status Maker::tls_report() {
  const auto to = m_facts.tls_report_to.value_or(std::vector<std::string>{"mailto:postmaster@" + m_facts.domain});
  if (to.empty()) return {};
  const std::string text = "v=TLSRPTv1; rua=" + joined(to);
  const auto parsed = parse_tls_report_record(text);
  if (!parsed || parsed->report_to != to)
    return fail(ErrorCode::BadInput, "report addresses are URIs: mailto:reports@example.org, https://...", "TLS-RPT rua");
  add_txt(RecordKind::TlsReport, "_smtp._tls." + m_facts.domain, text, "senders report TLS that failed to this address (RFC 8460 3)",
          m_facts.tls_report_to.has_value());
  return {};
}

void Maker::tlsa() {
  for (const dns::TlsaData& data : m_facts.tlsa_current)
    add(RecordKind::Tlsa, tlsa_name(m_facts.hostname), RecordType::Tlsa, data, "the key that the MX host shows now (RFC 7672 3.1.1)");
  for (const dns::TlsaData& data : m_facts.tlsa_next)
    add(RecordKind::Tlsa, tlsa_name(m_facts.hostname), RecordType::Tlsa, data,
        "the key that comes next, published before it is used (RFC 7671 8.1)");
}

// CAA.

Status Maker::caa() {
  for (const CaaChoice& choice : m_facts.caa) {
    POSTERN_TRY(const CaaIssuer issuer, parse_caa_issuer(choice.issuer));
    const auto contradicts = [&](const CaaChoice& other) { return &other != &choice && iequals(other.tag, choice.tag); };
    if (issuer.domain.empty() && std::ranges::any_of(m_facts.caa, contradicts))
      return fail(ErrorCode::BadInput, "nobody may issue, and yet a CA is named; give one or the other", "CAA");
    add(RecordKind::Caa, m_facts.domain, RecordType::Caa, dns::CaaData{0, to_lower(choice.tag), choice.issuer},
        iequals(choice.tag, "issuemail") ? "who may issue S/MIME certificates for addresses of the domain (RFC 9495 3)"
                                         : "who may issue certificates for names of the domain (RFC 8659 4.2)");
  }
  return {};
}

// Services for mail programs.

/// RFC 8314 3.3: implicit TLS before STARTTLS, which a program sees by the priority (RFC 6186 3.4).
std::uint16_t priority_of(MailService service) { return service == MailService::Submission ? 10 : 0; }

std::string why_service(const ServiceFact& fact) {
  if (fact.host.empty()) return "says that the domain does not offer it, so that nobody tries (RFC 6186 3.4)";
  if (fact.service == MailService::Imaps) return "mail programs find their mailbox by the address alone (RFC 6186 3.2)";
  return "mail programs find where to send by the address alone (" +
         std::string(fact.service == MailService::Submission ? "RFC 6186 3.1)" : "RFC 8314 5.1)");
}

Status Maker::services() {
  for (const ServiceFact& fact : m_facts.services) {
    const auto contradicts = [&](const ServiceFact& other) { return other.service == fact.service && other.host.empty(); };
    if (!fact.host.empty() && std::ranges::any_of(m_facts.services, contradicts))
      return fail(ErrorCode::BadInput, "is offered at " + fact.host + ", and yet not offered; give one or the other",
                  std::string(name_of(fact.service)));
    if (fact.host.empty() != (fact.port == 0))
      return fail(ErrorCode::BadInput, "needs a host and a port of 1 to 65535", std::string(name_of(fact.service)));
    const dns::SrvData offered{priority_of(fact.service), 1, fact.port, fact.host}, none{};
    add(RecordKind::Service, service_name(fact.service, m_facts.domain), RecordType::Srv, fact.host.empty() ? none : offered,
        why_service(fact), fact.chosen);
  }
  return {};
}

// People.

void Maker::people() {
  for (const PersonFact& person : m_facts.people) {
    if (!person.openpgp.empty())
      add(RecordKind::OpenPgpKey, person_name(RecordKind::OpenPgpKey, person.local_part, m_facts.domain), RecordType::Openpgpkey,
          dns::OpaqueData{person.openpgp}, "the OpenPGP key of " + person.local_part + "@" + m_facts.domain + " (RFC 7929 2)");
    if (!person.certificate.empty())
      add(RecordKind::Smimea, person_name(RecordKind::Smimea, person.local_part, m_facts.domain), RecordType::Smimea,
          dns::TlsaData{3, 0, 0, person.certificate},
          "the S/MIME certificate of " + person.local_part + "@" + m_facts.domain + ", whole, since senders encrypt with it (RFC 8162 2)");
  }
}

Status Maker::all_fit() const {
  for (const WantedRecord& one : m_out) {
    const auto data = dns::encode_rdata(one.record.data);
    if (!data) return fail(Error(data.error()).context(one.record.name + " " + std::string(name_of(one.record.type))));
  }
  return {};
}

}  // namespace

std::string_view name_of(RecordKind kind) noexcept {
  switch (kind) {
    case RecordKind::Mx: return "mx";
    case RecordKind::Address: return "address";
    case RecordKind::Spf: return "spf";
    case RecordKind::DkimAlias: return "dkim-alias";
    case RecordKind::Dkim: return "dkim";
    case RecordKind::Dmarc: return "dmarc";
    case RecordKind::MtaSts: return "mta-sts";
    case RecordKind::MtaStsHost: return "mta-sts-host";
    case RecordKind::TlsReport: return "tls-rpt";
    case RecordKind::Tlsa: return "tlsa";
    case RecordKind::Caa: return "caa";
    case RecordKind::Service: return "service";
    case RecordKind::OpenPgpKey: return "openpgpkey";
    case RecordKind::Smimea: return "smimea";
  }
  return "mx";
}

std::string tlsa_name(std::string_view hostname) { return "_25._tcp." + std::string(hostname); }

std::string_view name_of(MailService service) noexcept {
  switch (service) {
    case MailService::Submissions: return "submissions";
    case MailService::Submission: return "submission";
    case MailService::Imaps: return "imaps";
  }
  return "submissions";
}

std::uint16_t usual_port(MailService service) noexcept {
  switch (service) {
    case MailService::Submissions: return 465;
    case MailService::Submission: return 587;
    case MailService::Imaps: return 993;
  }
  return 465;
}

std::string service_name(MailService service, std::string_view domain) {
  return "_" + std::string(name_of(service)) + "._tcp." + std::string(domain);
}

Result<WantedZone> wanted_zone(ZoneFacts facts) {
  auto domain = dns::normalize_name(facts.domain);
  if (!domain) return fail(std::move(domain).error().context("the domain"));
  auto host = dns::normalize_name(facts.hostname);
  if (!host) return fail(std::move(host).error().context("the MX host"));
  if (host->find('.') == std::string::npos)
    return fail(ErrorCode::BadInput,
                "must be a full name such as mx." + *domain + ", not " + *host + "; set server.hostname, or give --hostname", "MX host");
  facts.domain = *std::move(domain);
  facts.hostname = *std::move(host);
  for (DkimFact& key : facts.dkim) {
    POSTERN_TRY(key.name, dns::normalize_name(key.name));
    if (key.at.empty()) continue;
    POSTERN_TRY(key.at, dns::normalize_name(key.at));
  }
  for (ServiceFact& fact : facts.services) {
    if (fact.host.empty()) continue;
    POSTERN_TRY(fact.host, dns::normalize_name(fact.host));
  }
  WantedZone out{std::move(facts), {}};
  POSTERN_TRY(out.records, Maker(out.facts).all());
  return out;
}

}  // namespace postern::dnszone
