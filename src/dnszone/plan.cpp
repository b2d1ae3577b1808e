#include "dnszone/plan.hpp"

#include <algorithm>
#include <set>

#include "dns/name.hpp"

namespace postern::dnszone {
namespace {

using dns::RecordType;

/// Their data is octets: written again it is what the server compares with (RFC 2136 2.4.2). Names in data may differ in case.
bool can_be_expected(RecordType type) {
  return type == RecordType::Txt || type == RecordType::Tlsa || type == RecordType::A || type == RecordType::Aaaa;
}

std::set<Bytes> values_of(const dns::Answer& answer) {
  std::set<Bytes> out;
  for (const dns::Record& record : answer.records) out.insert(dns::encode_rdata(record.data).value_or(Bytes{}));
  return out;
}

struct Planner {
  std::string_view zone;
  DnsPort& dns;
  Update out = {};
  std::set<std::pair<std::string, RecordType>> seen = {};

  dns::Answer rrset(const dns::Record& record) const { return dns.query(record.name, record.type).value_or(dns::Answer{}); }

  /// RFC 4592 3.3.1, RFC 2136 7.16: a question sees the records of a wildcard under every name that does not exist; an expectation does
  /// not.
  bool may_be_synthesized(const dns::Record& record, const dns::Answer& answer) const {
    std::string_view above = record.name;
    while (!answer.records.empty() && above != zone && above.find('.') != std::string_view::npos) {
      above.remove_prefix(above.find('.') + 1);
      const auto wildcard = dns.query("*." + std::string(above), record.type).value_or(dns::Answer{});
      if (values_of(wildcard) == values_of(answer)) return true;
    }
    return false;
  }
  void expect(const dns::Record& record) {
    if (!can_be_expected(record.type) || !seen.emplace(record.name, record.type).second) return;
    Expectation expected{record.name, record.type, {}};
    const dns::Answer answer = rrset(record);
    if (may_be_synthesized(record, answer)) return;
    for (const dns::Record& present : answer.records) expected.values.push_back(present.data);
    out.expected.push_back(std::move(expected));
  }
  void remove(const dns::Record& record) {
    if (!dns::is_same_or_below(record.name, zone)) return;
    expect(record);
    out.remove.push_back(record);
  }
  void add(dns::Record record) {
    if (!dns::is_same_or_below(record.name, zone)) return;
    expect(record);
    if (const auto present = rrset(record).records; !present.empty()) record.ttl = present.front().ttl;
    out.add.push_back(std::move(record));
  }
};

}  // namespace

Update plan_update(const Comparison& comparison, std::string_view zone, DnsPort& dns) {
  Planner planner{zone, dns};
  planner.out.zone = zone;
  for (const Finding& finding : comparison.findings) {
    for (const dns::Record& record : finding.remove) planner.remove(record);
    for (const dns::Record& record : finding.add) planner.add(record);
  }
  return std::move(planner.out);
}

}  // namespace postern::dnszone
