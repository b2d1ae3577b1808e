#include "dnszone/plan.hpp"

#include <algorithm>
#include <set>

#include "dns/name.hpp"
#include "dnszone/wire.hpp"

namespace postern::dnszone {
namespace {

using dns::RecordType;

/// Their data is octets: written again it is what the server compares with (RFC 2136 2.4.2). Names in data may differ in case.
bool can_be_expected(RecordType type) {
  switch (type) {
    case RecordType::A:
    case RecordType::Aaaa:
    case RecordType::Txt:
    case RecordType::Tlsa:
    case RecordType::Caa:
    case RecordType::Openpgpkey:
    case RecordType::Smimea: return true;
    default: return false;
  }
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

// RFC 8945 4.2: name, algorithm, MAC and numbers of the signature that is added to each message.
constexpr std::size_t kForSignature = 1024;

/// What `update` does and expects at one name.
Update part_at(const Update& update, const std::string& name) {
  Update out;
  out.zone = update.zone;
  const auto is_at = [&name](const auto& one) { return one.name == name; };
  std::ranges::copy_if(update.expected, std::back_inserter(out.expected), is_at);
  std::ranges::copy_if(update.remove, std::back_inserter(out.remove), is_at);
  std::ranges::copy_if(update.add, std::back_inserter(out.add), is_at);
  return out;
}

void append_part(Update& out, const Update& part) {
  out.expected.insert(out.expected.end(), part.expected.begin(), part.expected.end());
  out.remove.insert(out.remove.end(), part.remove.begin(), part.remove.end());
  out.add.insert(out.add.end(), part.add.begin(), part.add.end());
}

/// Each once, in order.
std::vector<std::string> names_of(const Update& update) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (const auto* records : {&update.remove, &update.add}) {
    for (const dns::Record& record : *records) {
      if (seen.insert(record.name).second) out.push_back(record.name);
    }
  }
  return out;
}

}  // namespace

Result<std::vector<Update>> split_update(const Update& update) {
  constexpr std::size_t kEmpty = 512;  // header and zone
  std::vector<Update> out;
  std::size_t filled = kMessageLimit;
  for (const std::string& name : names_of(update)) {
    const Update part = part_at(update, name);
    const auto alone = encode_update(part, 0);
    if (!alone && alone.error().code != ErrorCode::TooLarge) return fail(alone.error());
    if (!alone || alone->size() + kEmpty + kForSignature > kMessageLimit)
      return fail(ErrorCode::TooLarge, "needs more than one update may hold (65,535 octets); remove what is not needed there", name);
    if (filled + alone->size() + kForSignature > kMessageLimit) {
      out.push_back({.zone = update.zone, .expected = {}, .remove = {}, .add = {}});
      filled = kEmpty;
    }
    append_part(out.back(), part);
    filled += alone->size();
  }
  return out;
}

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
