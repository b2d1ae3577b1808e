// What all findings share, and the hosts: MX and addresses.
#include "dnszone/compare.hpp"

#include <algorithm>

#include "dns/name.hpp"
#include "dnszone/comparing.hpp"
#include "dnszone/zone_text.hpp"

namespace postern::dnszone {

using dns::RecordType;

std::vector<std::string> texts_of(std::span<const dns::Record> records) {
  std::vector<std::string> out;
  for (const dns::Record& record : records) out.push_back(data_text(record.data));
  return out;
}

Finding plain_finding(RecordKind kind, std::string name, RecordType type) {
  Finding out;
  out.kind = kind;
  out.name = std::move(name);
  out.type = type;
  return out;
}

namespace {

std::string txt_of(const dns::Record& record) {
  const auto* txt = std::get_if<dns::TxtData>(&record.data);
  return txt == nullptr ? std::string() : txt->joined();
}

/// Two where one may be. What the operator chose replaces all of them; a default does not decide which one is right.
Finding duplicate(const WantedRecord& wanted, const std::vector<dns::Record>& ours, const TxtRule& rule, bool delegated) {
  Finding out = finding_of(wanted, Standing::Duplicate, true,
                           "there are " + std::to_string(ours.size()) + " " + rule.what + "s and one is allowed, so receivers use none; " +
                               (wanted.chosen ? "remove the others, or publish" : "remove all but one, or choose one and publish"));
  if (!wanted.chosen || delegated) return out;
  const std::string text = data_text(wanted.record.data);
  for (const dns::Record& record : ours) {
    if (data_text(record.data) != text) out.remove.push_back(record);
  }
  if (out.remove.size() == ours.size()) out.add.push_back(wanted.record);
  return out;
}

Finding missing(const WantedRecord& wanted, const TxtRule& rule, const dns::Answer& answer) {
  Finding out = finding_of(wanted, Standing::Missing, true, "there is no " + rule.what + ": " + rule.none_means);
  if (is_delegated(answer, wanted.record.name))
    out.message += "; " + delegation_text(answer);
  else
    out.add.push_back(wanted.record);
  return out;
}

Finding judged(const WantedRecord& wanted, const dns::Record& record, const TxtRule& rule, const dns::Answer& answer) {
  Finding out = rule.judge(wanted, txt_of(record));
  const bool delegated = is_delegated(answer, wanted.record.name);
  if (delegated) out.message += (out.message.empty() ? "" : "; ") + delegation_text(answer);
  const bool is_the_wanted_one = data_text(record.data) == out.wanted;  // and what is wrong with it, publishing does not mend
  if (out.standing != Standing::Differs || delegated || is_the_wanted_one) return out;
  if (!wanted.chosen) {
    out.message += "; publishing leaves it as it is until you choose what it shall say";
    return out;
  }
  out.remove.push_back(record);
  out.add.push_back(wanted.record);
  return out;
}

}  // namespace

bool Comparing::is_in_scope(std::string_view name) const { return !is_authoritative() || dns::is_same_or_below(name, options.zone); }

std::vector<const WantedRecord*> Comparing::of(RecordKind kind) const {
  std::vector<const WantedRecord*> found;
  for (const WantedRecord& one : records) {
    if (one.kind == kind && is_in_scope(one.record.name)) found.push_back(&one);
  }
  return found;
}

dns::Answer Comparing::ask(const std::string& name, RecordType type) const { return dns.query(name, type).value_or(dns::Answer{}); }

Finding finding_of(const WantedRecord& wanted, Standing standing, bool fatal, std::string message) {
  Finding out = plain_finding(wanted.kind, wanted.record.name, wanted.record.type);
  out.standing = standing;
  out.fatal = fatal;
  out.wanted = data_text(wanted.record.data);
  out.message = std::move(message);
  return out;
}

std::string unreachable_text(const dns::Answer& answer, const std::string& name) {
  return "DNS does not answer for " + name + " (" + std::string(name_of(answer.status)) + "); check its name servers, then ask again";
}

bool is_delegated(const dns::Answer& answer, const std::string& name) {
  return !answer.canonical_name.empty() && answer.canonical_name != name;
}

std::string delegation_text(const dns::Answer& answer) {
  return "a CNAME leads to " + answer.canonical_name + ", so the record is changed there";
}

void compare_txt(const Comparing& c, const WantedRecord& wanted, const TxtRule& rule) {
  const std::string& name = wanted.record.name;
  const dns::Answer answer = c.ask(name, RecordType::Txt);
  if (answer.is_temporary_failure()) {
    c.out.push_back(finding_of(wanted, Standing::Unreachable, true, unreachable_text(answer, name)));
    return;
  }
  std::vector<dns::Record> ours;
  std::ranges::copy_if(answer.records, std::back_inserter(ours), [&](const dns::Record& record) { return rule.is_one(txt_of(record)); });
  Finding out = ours.empty()      ? missing(wanted, rule, answer)
                : ours.size() > 1 ? duplicate(wanted, ours, rule, is_delegated(answer, name))
                                  : judged(wanted, ours.front(), rule, answer);
  out.found = texts_of(ours);
  c.out.push_back(std::move(out));
}

namespace {

/// Whom the MX records of a domain name.
struct Exchanges {
  bool has_ours = false;
  std::vector<dns::Record> null;  ///< RFC 7505
  std::string others;
};

Exchanges exchanges_of(const dns::Answer& answer, const std::string& ours) {
  Exchanges out;
  for (const dns::Record& record : answer.records) {
    const auto& exchange = std::get<dns::MxData>(record.data).exchange;
    if (exchange == ours)
      out.has_ours = true;
    else if (exchange.empty())
      out.null.push_back(record);
    else
      out.others += (out.others.empty() ? "" : ", ") + exchange;
  }
  return out;
}

/// RFC 5321 5.1. Other exchanges are somebody's choice and stay.
Finding mx_finding(const WantedRecord& wanted, const Exchanges& found) {
  if (found.has_ours && found.null.empty())
    return finding_of(wanted, Standing::Ok, false,
                      found.others.empty() ? "" : "mail also goes to " + found.others + ": right for a host that passes it on here");
  Finding out = finding_of(wanted, Standing::Differs, true, "");
  out.remove = found.null;
  if (!found.has_ours) out.add.push_back(wanted.record);
  if (!found.null.empty()) {
    out.message = "the null MX says that the domain takes no mail (RFC 7505 3); remove it";
  } else if (!found.others.empty()) {
    out.message = "mail goes to " + found.others + ", not to this host; publish it, and remove the others when they are not needed";
  } else {
    out.standing = Standing::Missing;
    out.message = "mail of strangers does not find this host; publish it";
  }
  return out;
}

}  // namespace

void compare_mx(const Comparing& c) {
  for (const WantedRecord* wanted : c.of(RecordKind::Mx)) {
    const std::string& name = wanted->record.name;
    const dns::Answer answer = c.ask(name, RecordType::Mx);
    Finding out = answer.is_temporary_failure() ? finding_of(*wanted, Standing::Unreachable, true, unreachable_text(answer, name))
                                                : mx_finding(*wanted, exchanges_of(answer, c.facts.hostname));
    out.found = texts_of(answer.records);
    c.out.push_back(std::move(out));
  }
}

namespace {

struct HostAnswers {
  dns::Answer v4, v6;

  [[nodiscard]] std::vector<dns::Record> records() const {
    std::vector<dns::Record> out(v4.records.begin(), v4.records.end());
    out.insert(out.end(), v6.records.begin(), v6.records.end());
    return out;
  }
  /// Not known, as opposed to: none.
  [[nodiscard]] bool is_unknown() const {
    return (v4.is_temporary_failure() || v6.is_temporary_failure()) && v4.records.empty() && v6.records.empty();
  }
};
HostAnswers ask_host(const Comparing& c, const std::string& name) { return {c.ask(name, RecordType::A), c.ask(name, RecordType::Aaaa)}; }

Finding host_finding(const Comparing& c, const HostAnswers& host, Finding out) {
  out.found = texts_of(host.records());
  if (host.is_unknown()) {
    out.standing = Standing::Unreachable;
    out.message = unreachable_text(host.v4, out.name);
  } else if (is_delegated(host.v4, c.facts.hostname)) {
    out.standing = Standing::Differs;
    out.message = "the MX host is an alias of " + host.v4.canonical_name + ", which an MX must not name (RFC 2181 10.3); give it addresses";
  } else if (out.found.empty()) {
    out.standing = Standing::Missing;
    out.message = "the MX host has no address, so no mail comes (RFC 5321 5.1); publish its A and AAAA records (--address)";
  } else {
    out.fatal = false;
    out.message.clear();
  }
  return out;
}

Finding address_finding(const Comparing& c, const HostAnswers& host, const WantedRecord& wanted) {
  Finding out = host_finding(c, host, finding_of(wanted, Standing::Ok, true, ""));
  if (out.standing == Standing::Missing) out.add.push_back(wanted.record);
  if (out.standing != Standing::Ok || std::ranges::find(out.found, out.wanted) != out.found.end()) return out;
  out.standing = Standing::Differs;
  out.fatal = true;
  out.message = "the MX host has other addresses than the one given; publish it, and remove those that are wrong";
  out.add.push_back(wanted.record);
  return out;
}

}  // namespace

void compare_addresses(const Comparing& c) {
  if (!c.is_in_scope(c.facts.hostname)) return;
  const HostAnswers host = ask_host(c, c.facts.hostname);
  const auto wanted = c.of(RecordKind::Address);
  for (const WantedRecord* one : wanted) c.out.push_back(address_finding(c, host, *one));
  if (!wanted.empty()) return;
  Finding any = plain_finding(RecordKind::Address, c.facts.hostname, RecordType::A);
  any.fatal = true;
  c.out.push_back(host_finding(c, host, std::move(any)));
}

/// RFC 8461 3.3: an address, by CNAME or its own; whose server it is shows only when the policy is fetched.
void compare_mta_sts_host(const Comparing& c) {
  for (const WantedRecord* wanted : c.of(RecordKind::MtaStsHost)) {
    const HostAnswers host = ask_host(c, wanted->record.name);
    Finding out = finding_of(*wanted, Standing::Ok, false, "");
    out.found = texts_of(host.records());
    if (host.v4.canonical_name == c.facts.hostname) {
      out.found = {c.facts.hostname + "."};
    } else if (host.is_unknown()) {
      out = finding_of(*wanted, Standing::Unreachable, true, unreachable_text(host.v4, wanted->record.name));
    } else if (out.found.empty()) {
      out = finding_of(*wanted, Standing::Missing, true, "the policy cannot be fetched, so senders have none (RFC 8461 3.3); publish it");
      out.add.push_back(wanted->record);
    }
    c.out.push_back(std::move(out));
  }
}

std::string_view name_of(Standing standing) noexcept {
  switch (standing) {
    case Standing::Ok: return "ok";
    case Standing::Missing: return "missing";
    case Standing::Differs: return "differs";
    case Standing::Duplicate: return "duplicate";
    case Standing::Extra: return "extra";
    case Standing::Insecure: return "insecure";
    case Standing::Unreachable: return "unreachable";
  }
  return "unreachable";
}

bool Comparison::is_right() const noexcept {
  return std::ranges::none_of(findings, [](const Finding& finding) { return finding.fatal; });
}

Comparison compare(const WantedZone& wanted, DnsPort& dns, const CompareOptions& options) {
  Comparison out;
  const Comparing c{wanted.facts, wanted.records, dns, options, out.findings};
  if (options.by_itself) {
    compare_dkim(c);
    compare_tlsa(c);
    return out;
  }
  for (const auto part : {compare_mx, compare_addresses, compare_spf, compare_dkim, compare_dmarc, compare_mta_sts, compare_mta_sts_host,
                          compare_tls_report, compare_tlsa, compare_caa, compare_services, compare_people})
    part(c);
  return out;
}

}  // namespace postern::dnszone
