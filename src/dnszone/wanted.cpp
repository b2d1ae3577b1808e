#include "dnszone/wanted.hpp"

#include <algorithm>

#include "dns/name.hpp"
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

void Maker::dkim() {
  for (const DkimFact& key : m_facts.dkim) {
    if (key.value.empty()) continue;  // compare() says that it is not known
    add_txt(RecordKind::Dkim, key.name, key.value,
            key.active ? "the key that signatures made here verify with (RFC 6376 3.6.2)"
                       : "the next key, which signs as soon as this record is seen (RFC 6376 3.1)",
            true);
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

}  // namespace

std::string_view name_of(RecordKind kind) noexcept {
  switch (kind) {
    case RecordKind::Mx: return "mx";
    case RecordKind::Address: return "address";
    case RecordKind::Spf: return "spf";
    case RecordKind::Dkim: return "dkim";
    case RecordKind::Dmarc: return "dmarc";
    case RecordKind::MtaSts: return "mta-sts";
    case RecordKind::MtaStsHost: return "mta-sts-host";
    case RecordKind::TlsReport: return "tls-rpt";
    case RecordKind::Tlsa: return "tlsa";
  }
  return "mx";
}

std::string tlsa_name(std::string_view hostname) { return "_25._tcp." + std::string(hostname); }

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
  }
  WantedZone out{std::move(facts), {}};
  POSTERN_TRY(out.records, Maker(out.facts).all());
  return out;
}

}  // namespace postern::dnszone
