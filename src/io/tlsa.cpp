#include "io/tlsa.hpp"

#include <vector>

namespace postern::io {
namespace {

using dns::RecordType;
using State = TlsaFacts::State;

TlsaFacts facts_of(const Result<dns::Answer>& answer, const std::string& base) {
  TlsaFacts out;
  out.base = base;
  if (!answer || answer->is_temporary_failure()) {
    out.state = State::Failed;
    out.reason = answer ? std::string(dns::name_of(answer->status)) : answer.error().text();
    return out;
  }
  out.state = State::None;  // RFC 7672 2.1.1: an "insecure" answer is as good as none
  if (!answer->secure) return out;
  out.records = answer->all<dns::TlsaData>();
  if (!out.records.empty()) out.state = State::Records;
  return out;
}

/// RFC 7672 2.2.2: the names that may have records, the best first.
Task<std::vector<std::string>> base_domains(Resolver& resolver, const MxHost& host) {
  std::vector<std::string> out;
  const bool alias = !host.canonical_name.empty() && host.canonical_name != host.name;
  if (host.addresses_secure) {
    if (alias) out.push_back(host.canonical_name);
    out.push_back(host.name);
  } else if (alias) {
    const auto answer = co_await resolver.query(host.name, RecordType::Cname);
    if (answer && answer->secure && !answer->records.empty()) out.push_back(host.name);
  }
  co_return out;
}

}  // namespace

Task<TlsaFacts> look_up_tlsa(Resolver& resolver, MxHost host, std::uint16_t port) {
  TlsaFacts found;
  found.base = host.name;
  if (host.name.starts_with('[') || IpAddress::parse(host.name)) co_return found;
  const auto names = co_await base_domains(resolver, host);
  for (const std::string& name : names) {
    const auto answer = co_await resolver.query("_" + std::to_string(port) + "._tcp." + name, RecordType::Tlsa);
    found = facts_of(answer, name);
    if (found.state != State::None) break;
  }
  co_return found;
}

}  // namespace postern::io
