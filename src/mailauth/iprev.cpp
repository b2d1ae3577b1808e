#include "mailauth/iprev.hpp"

#include <algorithm>

namespace postern {
namespace {
constexpr std::size_t kNames = 10;
}

std::string_view name_of(IprevResult result) noexcept {
  switch (result) {
    case IprevResult::Pass: return "pass";
    case IprevResult::Fail: return "fail";
    case IprevResult::PermError: return "permerror";
    case IprevResult::TempError: return "temperror";
  }
  return "permerror";
}

IprevVerdict iprev_check(const dns::IpAddress& ip, DnsPort& dns) {
  const dns::IpAddress client = ip.unmapped();
  const auto pointers = dns.query(client.reverse_name(), dns::RecordType::Ptr);
  if (!pointers || pointers->is_temporary_failure()) return {IprevResult::TempError, {}};
  const auto names = pointers->all<dns::NameData>();
  if (names.empty()) return {IprevResult::PermError, {}};
  bool unknown = false;
  for (std::size_t i = 0; i < std::min(names.size(), kNames); ++i) {
    const auto back = dns.query(names[i].name, client.is_v4() ? dns::RecordType::A : dns::RecordType::Aaaa);
    unknown = unknown || (back && back->is_temporary_failure());
    const auto addresses = back ? back->all<dns::AddressData>() : std::vector<dns::AddressData>();
    if (std::ranges::any_of(addresses, [&](const auto& at) { return at.address == client; })) return {IprevResult::Pass, names[i].name};
  }
  return {unknown ? IprevResult::TempError : IprevResult::Fail, names.front().name};
}

}  // namespace postern
