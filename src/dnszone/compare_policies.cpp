// The policies of a domain: SPF, DMARC, MTA-STS, TLS-RPT.
#include <algorithm>
#include <optional>

#include "base/text.hpp"
#include "dnszone/comparing.hpp"
#include "mailauth/dmarc.hpp"
#include "mailauth/spf.hpp"
#include "mailauth/spf_record.hpp"
#include "reports/dmarc_destinations.hpp"
#include "reports/tls_report.hpp"

namespace postern::dnszone {
namespace {

using dns::RecordType;

std::string txt_of(const WantedRecord& wanted) { return std::get<dns::TxtData>(wanted.record.data).joined(); }

Finding ok(const WantedRecord& wanted, std::string message = {}) { return finding_of(wanted, Standing::Ok, false, std::move(message)); }
Finding differs(const WantedRecord& wanted, std::string message) { return finding_of(wanted, Standing::Differs, true, std::move(message)); }

/// Words with one blank between, in lower case: how SPF terms are compared (RFC 7208 4.6.1: names without case).
std::string squeezed(std::string_view text) {
  std::string out;
  for (const std::string_view word : split(text, ' ')) {
    if (!word.empty()) out += (out.empty() ? "" : " ") + to_lower(word);
  }
  return out;
}

template <class T>
std::vector<T> sorted(std::vector<T> values) {
  std::ranges::sort(values);
  return values;
}

// SPF.

std::vector<dns::IpAddress> own_addresses(const Comparing& c) {
  if (!c.facts.addresses.empty()) return c.facts.addresses;
  std::vector<dns::IpAddress> out;
  for (const RecordType type : {RecordType::A, RecordType::Aaaa}) {
    for (const auto& data : c.ask(c.facts.hostname, type).all<dns::AddressData>()) out.push_back(data.address);
  }
  return out;
}

SpfVerdict spf_of(const Comparing& c, const dns::IpAddress& ip) {
  return spf_check(
      {.ip = ip, .helo = c.facts.hostname, .mail_from = "postmaster@" + c.facts.domain, .receiver = c.facts.hostname, .now = c.options.now},
      c.dns);
}

/// What is wrong with the record whoever sends: an evaluation that nothing ends early asks for everything that it can ask for.
Finding judge_spf_for_strangers(const Comparing& c, const WantedRecord& wanted) {
  const Byte nobody[] = {255, 255, 255, 255};
  const SpfVerdict stranger = spf_of(c, dns::IpAddress::from_bytes(nobody).value_or(dns::IpAddress{}));
  if (stranger.result == SpfResult::TempError)
    return finding_of(wanted, Standing::Unreachable, true, "it cannot be evaluated now: " + stranger.reason);
  const bool costs_too_much = stranger.reason.find("RFC 7208 4.6.4") != std::string::npos;  // the one clause that is about numbers
  if (stranger.result == SpfResult::PermError)
    return differs(wanted, "receivers cannot evaluate it: " + stranger.reason +
                               (costs_too_much ? "; 10 lookups are allowed, and 2 without an answer" : ""));
  if (stranger.result == SpfResult::Pass) return differs(wanted, "it lets anybody send (" + stranger.matched + "); end it with -all");
  return ok(wanted, std::to_string(stranger.terms) + " of 10 lookups");
}

Finding judge_spf(const Comparing& c, const WantedRecord& wanted, const std::string& text) {
  if (const auto parsed = parse_spf_record(text); !parsed)
    return differs(wanted, "receivers cannot read it (permerror): " + parsed.error().text());
  if (wanted.chosen && squeezed(text) != squeezed(txt_of(wanted))) return differs(wanted, "it is not the one that was chosen");
  if (c.is_authoritative()) return ok(wanted);
  Finding out = judge_spf_for_strangers(c, wanted);
  if (out.standing != Standing::Ok) return out;
  const auto addresses = own_addresses(c);
  for (const dns::IpAddress& ip : addresses) {
    const SpfVerdict verdict = spf_of(c, ip);
    if (verdict.result != SpfResult::Pass)
      return differs(wanted, "mail that this host sends from " + ip.text() + " gets " + std::string(name_of(verdict.result)) +
                                 "; add mx or the address to it");
  }
  if (addresses.empty()) out.message += "; the MX host has no address that could be tried";
  return out;
}

// DMARC.

/// RFC 9990 4, RFC 9991 5: where another organization must say that it takes the reports, judged as our own sender of them does. Other URIs
/// than mailto: are somebody's extension.
std::optional<Finding> unreachable_reports(const Comparing& c, const WantedRecord& wanted, const std::vector<std::string>& uris,
                                           DmarcReportKind kind) {
  const std::string tag = kind == DmarcReportKind::Aggregate ? "rua" : "ruf";
  for (const DmarcDestination& to : dmarc_destinations(c.facts.domain, uris, kind, c.dns)) {
    if (to.usable || !istarts_with(to.uri, "mailto:")) continue;
    const std::string fault = "no reports come to " + tag + "=" + printable(to.uri, 255) + ": " + to.reason;
    if (to.try_later) return finding_of(wanted, Standing::Unreachable, true, fault + "; check its name servers, then ask again");
    return differs(wanted, fault + " (RFC 9990 4); have it mended there, or choose an address of " + c.facts.domain);
  }
  return std::nullopt;
}

Finding judge_dmarc_reports(const Comparing& c, const WantedRecord& wanted, const DmarcRecord& record) {
  if (!c.is_authoritative()) {
    if (auto out = unreachable_reports(c, wanted, record.aggregate_to, DmarcReportKind::Aggregate)) return *std::move(out);
    if (auto out = unreachable_reports(c, wanted, record.failure_to, DmarcReportKind::Failure)) return *std::move(out);
  }
  std::string remarks;
  const auto remark = [&remarks](std::string_view text) { remarks.append(remarks.empty() ? "" : "; ").append(text); };
  if (record.aggregate_to.empty()) remark("without rua nobody sees who sends in the name of the domain");
  if (record.testing) {
    remark("t=y: receivers only try it");
  } else if (record.policy == DmarcPolicy::None) {
    remark("p=none watches only; quarantine or reject protects the domain");
  }
  return ok(wanted, std::move(remarks));
}

/// What receivers make of it is not what it says, so that it is never right.
Finding policy_fault(const WantedRecord& wanted, const DmarcRecord& record) {
  const std::string meaning =
      record.is_applied() ? "apply p=none to the domain and all below it" : "apply no DMARC at all, since rua= names no address either";
  return differs(wanted, record.fault + ": receivers " + meaning + " (RFC 9989 4.10.1); make it none, quarantine or reject");
}

Finding judge_dmarc(const Comparing& c, const WantedRecord& wanted, const std::string& text) {
  const auto record = parse_dmarc_record(text);
  if (!record) return differs(wanted, "receivers cannot apply it: " + record.error().text());
  if (!record->fault.empty()) return policy_fault(wanted, *record);
  const auto chosen = parse_dmarc_record(txt_of(wanted));
  if (wanted.chosen && chosen && (record->policy != chosen->policy || sorted(record->aggregate_to) != sorted(chosen->aggregate_to)))
    return differs(wanted, "it is not the one that was chosen");
  return judge_dmarc_reports(c, wanted, *record);
}

bool is_dmarc(const std::string& text) { return istarts_with(text, "v=DMARC1") || parse_dmarc_record(text).has_value(); }

// MTA-STS, TLS-RPT.

bool is_mta_sts(const std::string& text) { return text.starts_with("v=STSv1;") || text.starts_with("v=STSv1 "); }
bool is_tls_report(const std::string& text) { return text.starts_with("v=TLSRPTv1"); }

Finding judge_mta_sts(const WantedRecord& wanted, const std::string& text) {
  const std::vector<std::string> one{text}, chosen{txt_of(wanted)};
  const auto id = mta_sts_id(one);
  if (!id) return differs(wanted, "senders see no policy: " + id.error().text());
  if (wanted.chosen && *id != mta_sts_id(chosen).value_or(std::string()))
    return differs(wanted, "it has another id, so senders keep the policy that they know (RFC 8461 3.1)");
  return ok(wanted);
}

Finding judge_tls_report(const WantedRecord& wanted, const std::string& text) {
  const auto record = parse_tls_report_record(text), chosen = parse_tls_report_record(txt_of(wanted));
  if (!record) return differs(wanted, "senders cannot read it: " + record.error().text());
  if (wanted.chosen && chosen && sorted(record->report_to) != sorted(chosen->report_to))
    return differs(wanted, "it is not the one that was chosen");
  return ok(wanted);
}

/// No policy is wanted, and DNS announces one.
void report_unwanted_policy(const Comparing& c) {
  const std::string name = "_mta-sts." + c.facts.domain;
  if (!c.is_in_scope(name)) return;
  for (const auto& txt : c.ask(name, RecordType::Txt).all<dns::TxtData>()) {
    if (!is_mta_sts(txt.joined())) continue;
    Finding out;
    out.kind = RecordKind::MtaSts;
    out.name = name;
    out.standing = Standing::Extra;
    out.found = {"\"" + printable(txt.joined(), 255) + "\""};
    out.message = "an MTA-STS policy is announced; give --mta-sts to have it looked at";
    c.out.push_back(std::move(out));
  }
}

}  // namespace

void compare_spf(const Comparing& c) {
  const TxtRule rule{[](const std::string& text) { return is_spf_record(text); },
                     [&c](const WantedRecord& wanted, const std::string& text) { return judge_spf(c, wanted, text); }, "SPF record",
                     "receivers cannot tell who sends for the domain; publish it"};
  for (const WantedRecord* wanted : c.of(RecordKind::Spf)) compare_txt(c, *wanted, rule);
}

void compare_dmarc(const Comparing& c) {
  const TxtRule rule{is_dmarc, [&c](const WantedRecord& wanted, const std::string& text) { return judge_dmarc(c, wanted, text); },
                     "DMARC record", "anybody may use the domain as author; publish it"};
  for (const WantedRecord* wanted : c.of(RecordKind::Dmarc)) compare_txt(c, *wanted, rule);
}

void compare_mta_sts(const Comparing& c) {
  if (c.facts.mta_sts.mode == MtaStsMode::None) return report_unwanted_policy(c);
  const TxtRule rule{is_mta_sts, judge_mta_sts, "MTA-STS record", "senders do not look for the policy; publish it"};
  for (const WantedRecord* wanted : c.of(RecordKind::MtaSts)) compare_txt(c, *wanted, rule);
}

void compare_tls_report(const Comparing& c) {
  const TxtRule rule{is_tls_report, judge_tls_report, "TLS-RPT record", "nobody reports TLS that fails; publish it"};
  for (const WantedRecord* wanted : c.of(RecordKind::TlsReport)) compare_txt(c, *wanted, rule);
}

}  // namespace postern::dnszone
