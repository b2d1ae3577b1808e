#include "io/mx.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "dns/name.hpp"
#include "io/sync.hpp"

namespace postern::io {

using dns::Answer;
using dns::AnswerStatus;
using dns::RecordType;

namespace {

// One host's addresses; an empty list with `failed` means "not known now".
struct HostLookup {
  MxHost host;
  bool failed = false;
};

Error dns_failed(const std::string& name) { return {ErrorCode::Unavailable, "looking up " + name + " failed for now", "dns"}; }

void take_addresses(HostLookup& out, const Result<Answer>& answer, std::size_t most) {
  if (!answer) {
    out.failed |= answer.error().code != ErrorCode::BadInput;  // a name that is no name has no address, now and later
    return;
  }
  out.failed |= answer->is_temporary_failure();
  out.host.addresses_secure &= answer->secure;
  if (!answer->records.empty()) out.host.canonical_name = answer->canonical_name;
  for (const auto& data : answer->all<dns::AddressData>()) {
    if (out.host.addresses.size() < most) out.host.addresses.push_back(data.address);
  }
}

// IPv6 and IPv4 in turn, so that a broken family costs one attempt before the other is tried (RFC 8305 4).
std::vector<IpAddress> interleave(const std::vector<IpAddress>& first, const std::vector<IpAddress>& second, std::size_t most) {
  std::vector<IpAddress> out;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) out.push_back(first[i]);
    if (i < second.size()) out.push_back(second[i]);
  }
  if (out.size() > most) out.resize(most);
  return out;
}

Task<HostLookup> look_up_host(Resolver& resolver, MxHost host, MxOptions options) {
  HostLookup v6;
  v6.host = std::move(host);
  v6.host.addresses_secure = true;
  HostLookup v4 = v6;
  if (options.use_ipv6) {
    const auto answer = co_await resolver.query(v6.host.name, RecordType::Aaaa);
    take_addresses(v6, answer, options.max_addresses);
  }
  if (options.use_ipv4) {
    const auto answer = co_await resolver.query(v4.host.name, RecordType::A);
    take_addresses(v4, answer, options.max_addresses);
  }
  HostLookup out = v6;
  out.host.addresses = interleave(v6.host.addresses, v4.host.addresses, options.max_addresses);
  out.host.addresses_secure = v6.host.addresses_secure && v4.host.addresses_secure;
  if (out.host.canonical_name.empty()) out.host.canonical_name = v4.host.canonical_name;
  out.failed = v6.failed || v4.failed;
  co_return out;
}

template <class Setter>
Task<void> look_up_into(Resolver& resolver, MxHost host, MxOptions options, Setter set) {
  set(co_await look_up_host(resolver, std::move(host), std::move(options)));
}

// All hosts at once; the answers in the order of the hosts.
Task<std::vector<HostLookup>> look_up_all(Resolver& resolver, std::vector<MxHost> hosts, MxOptions options) {
  const Executor here = co_await this_executor();
  std::vector<OneShot<HostLookup>> waiting;
  for (MxHost& host : hosts) {
    const OneShot<HostLookup>& shot = waiting.emplace_back(here);
    spawn(here, look_up_into(resolver, std::move(host), options, shot.setter()), "resolve_mx");
  }
  std::vector<HostLookup> out;
  for (const auto& shot : waiting) out.push_back(co_await shot.wait());
  co_return out;
}

// RFC 5321 4.1.3
Result<IpAddress> parse_literal(std::string_view domain) {
  if (domain.size() < 3 || domain.front() != '[' || domain.back() != ']') return fail(ErrorCode::NotFound, "is not an address literal");
  std::string_view inner = domain.substr(1, domain.size() - 2);
  const bool v6 = istarts_with(inner, "IPv6:");
  if (v6) inner.remove_prefix(5);
  const auto ip = IpAddress::parse(inner);
  if (!ip || ip->is_v6() != v6) return fail(ErrorCode::BadInput, "is not a valid address literal", "domain");
  return *ip;
}

MxAnswer literal_answer(std::string_view domain, const IpAddress& ip) {
  MxAnswer out;
  out.kind = MxAnswer::Kind::Literal;
  out.canonical_name = domain;
  out.hosts.push_back({std::string(domain), 0, {ip}, false});
  return out;
}

// RFC 5321 5.1: "If there are multiple destinations with the same preference [...] the sender-SMTP MUST randomize them"
void order_hosts(std::vector<MxHost>& hosts, Random& random) {
  for (std::size_t i = hosts.size(); i > 1; --i) {
    const Bytes raw = random.bytes(4);
    const std::uint32_t number = raw[0] | raw[1] << 8 | raw[2] << 16 | static_cast<std::uint32_t>(raw[3]) << 24;
    std::swap(hosts[i - 1], hosts[number % i]);
  }
  std::sort(hosts.begin(), hosts.end(), [](const MxHost& a, const MxHost& b) { return a.preference < b.preference; });
}

// RFC 5321 5.1: when one of the MX is ourselves, "all records at that preference level and higher-numbered ones in the list MUST be
// discarded"
Status drop_ourselves(std::vector<MxHost>& hosts, const std::vector<std::string>& own_names) {
  const auto is_own = [&](const MxHost& host) {
    return std::any_of(own_names.begin(), own_names.end(), [&](const std::string& own) { return iequals(own, host.name); });
  };
  const auto own = std::find_if(hosts.begin(), hosts.end(), is_own);
  if (own == hosts.end()) return {};
  const std::uint16_t level = own->preference;
  std::erase_if(hosts, [level](const MxHost& host) { return host.preference >= level; });
  if (hosts.empty()) return fail(ErrorCode::Conflict, "the best mail exchanger of the domain is this host itself", "mail_loop");
  return {};
}

// RFC 7505 3: "a single RR with an RDATA section consisting of preference number 0 and a zero-length label"
bool is_null_mx(const std::vector<dns::MxData>& records) { return records.size() == 1 && records.front().exchange.empty(); }

Result<std::vector<MxHost>> choose_hosts(const Answer& answer, const MxOptions& options, Random& random) {
  const auto records = answer.all<dns::MxData>();
  if (is_null_mx(records)) return fail(ErrorCode::Denied, "the domain accepts no mail (null MX)", "null_mx");
  std::vector<MxHost> hosts;
  for (const auto& mx : records) {
    if (!mx.exchange.empty()) hosts.push_back({mx.exchange, mx.preference, {}, false});
  }
  order_hosts(hosts, random);
  POSTERN_CHECK(drop_ourselves(hosts, options.own_names));
  if (hosts.size() > options.max_hosts) hosts.resize(options.max_hosts);
  return hosts;
}

Result<MxAnswer> finish_mx(MxAnswer out, std::vector<HostLookup> lookups, const std::string& domain) {
  bool failed = false;
  for (HostLookup& lookup : lookups) {
    failed |= lookup.failed;
    if (!lookup.host.addresses.empty()) out.hosts.push_back(std::move(lookup.host));
  }
  if (!out.hosts.empty()) return out;
  if (failed) return fail(dns_failed("the mail exchangers of " + domain));
  return fail(ErrorCode::NotFound, "none of the domain's mail exchangers has an address", "mx_hosts");
}

// RFC 5321 5.1: "If an empty list of MXs is returned, the address is treated as if it was associated with an implicit MX RR"
Task<Result<MxAnswer>> implicit_mx(Resolver& resolver, std::string domain, Answer denial, MxOptions options) {
  MxAnswer out;
  out.kind = MxAnswer::Kind::Implicit;
  out.secure = denial.secure;
  out.canonical_name = denial.canonical_name.empty() ? domain : denial.canonical_name;
  MxHost self;
  self.name = domain;
  HostLookup lookup = co_await look_up_host(resolver, std::move(self), std::move(options));
  if (lookup.host.addresses.empty() && lookup.failed) co_return fail(dns_failed(domain));
  if (lookup.host.addresses.empty())
    co_return fail(ErrorCode::NotFound, "the domain has neither a mail exchanger nor an address", "domain");
  out.hosts.push_back(std::move(lookup.host));
  co_return out;
}

}  // namespace

Task<Result<MxAnswer>> resolve_mx(Resolver& resolver, std::string domain, MxOptions options, Random& random) {
  if (domain.starts_with('[')) {
    POSTERN_CO_TRY(const IpAddress ip, parse_literal(domain));
    co_return literal_answer(domain, ip);
  }
  POSTERN_CO_TRY(const std::string name, dns::normalize_name(domain));
  const auto asked = co_await resolver.query(name, RecordType::Mx);
  if (!asked) co_return fail(asked.error());
  const Answer& answer = *asked;
  if (answer.is_temporary_failure()) co_return fail(dns_failed(name));
  if (answer.status == AnswerStatus::NxDomain) co_return fail(ErrorCode::NotFound, "the domain does not exist", "domain");
  if (answer.status == AnswerStatus::NoData) co_return co_await implicit_mx(resolver, name, answer, std::move(options));
  POSTERN_CO_TRY(auto hosts, choose_hosts(answer, options, random));
  MxAnswer out;
  out.secure = answer.secure;
  out.canonical_name = answer.canonical_name;
  auto lookups = co_await look_up_all(resolver, std::move(hosts), std::move(options));
  co_return finish_mx(std::move(out), std::move(lookups), name);
}

std::vector<Endpoint> endpoints_of(const MxHost& host, std::uint16_t port) {
  std::vector<Endpoint> out;
  for (const auto& ip : host.addresses) {
    Endpoint& endpoint = out.emplace_back();
    endpoint.ip = ip;
    endpoint.port = port;
  }
  return out;
}

Task<Result<MxHost>> resolve_host(Resolver& resolver, std::string name, MxOptions options) {
  MxHost host;
  POSTERN_CO_TRY(host.name, dns::normalize_name(name));
  if (const auto ip = IpAddress::parse(name)) {
    host.addresses.push_back(*ip);
    co_return host;
  }
  const std::string asked = host.name;
  HostLookup lookup = co_await look_up_host(resolver, std::move(host), std::move(options));
  if (!lookup.host.addresses.empty()) co_return std::move(lookup.host);
  if (lookup.failed) co_return fail(dns_failed(asked));
  co_return fail(ErrorCode::NotFound, "the host " + asked + " has no address", "domain");
}

}  // namespace postern::io
