#include "io/device.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "io/sockets.hpp"

namespace postern::io {
namespace {

Error unusable(const std::string& name, const std::string& what) { return {ErrorCode::Unavailable, "interface " + name + " " + what, {}}; }

/// Empty when the name cannot be one.
ifreq request_for(const std::string& name) noexcept {
  ifreq out{};
  if (name.size() < sizeof out.ifr_name) std::memcpy(out.ifr_name, name.data(), name.size());
  return out;
}

bool is_any(const IpAddress& ip) {
  return std::ranges::all_of(ip.bytes(), [](Byte b) { return b == 0; });
}

bool is_link_local(const IpAddress& ip) { return ip.is_v6() && ip.bytes()[0] == 0xfe && (ip.bytes()[1] & 0xc0) == 0x80; }

/// Nothing for families that are not of the Internet.
std::optional<IpAddress> ip_of(const sockaddr* raw) {
  if (raw == nullptr || (raw->sa_family != AF_INET && raw->sa_family != AF_INET6)) return std::nullopt;
  const bool v6 = raw->sa_family == AF_INET6;
  const void* bytes = v6 ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(raw)->sin6_addr)
                         : static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(raw)->sin_addr);
  const auto ip = IpAddress::from_bytes({static_cast<const Byte*>(bytes), v6 ? 16U : 4U});
  return ip ? std::optional<IpAddress>(*ip) : std::nullopt;
}

unsigned bits_of(const sockaddr* netmask) {
  const auto mask = ip_of(netmask);
  unsigned out = 0;
  if (!mask) return out;
  for (const Byte byte : mask->bytes()) out += static_cast<unsigned>(std::popcount(byte));
  return out;
}

Status add_addresses(Device& device) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return fail(errno_error(errno, "asking for the addresses of interface " + device.name));
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, ::freeifaddrs);
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (device.name != one->ifa_name) continue;
    if (const auto ip = ip_of(one->ifa_addr)) device.addresses.push_back({*ip, bits_of(one->ifa_netmask)});
  }
  return {};
}

}  // namespace

Status Device::check_listens_on(const IpAddress& ip) const {
  const bool own =
      std::ranges::any_of(addresses, [&](const Address& one) { return one.ip == ip || (loopback && ip.in_network(one.ip, one.prefix)); });
  if (own || is_any(ip)) return {};
  return fail(unusable(name, "has not the address " + ip.text() + "; give it that address (ip address add), or name one of its own"));
}

Status Device::check_sends_to(const IpAddress& target) const {
  const bool found = std::ranges::any_of(
      addresses, [&](const Address& one) { return one.ip.is_v6() == target.is_v6() && is_link_local(one.ip) == is_link_local(target); });
  if (found) return {};
  return fail(
      unusable(name, std::string("has no ") + (target.is_v6() ? "IPv6" : "IPv4") + " address to send from; give it one (ip address add)"));
}

unsigned device_index(const std::string& name) noexcept {
  // Not if_nametoindex(): it would like a Unix socket, which confined processes may not have.
  const UniqueFd asking(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = request_for(name);
  return asking && !name.empty() && ::ioctl(asking.get(), SIOCGIFINDEX, &request) == 0 ? static_cast<unsigned>(request.ifr_ifindex) : 0;
}

Result<Device> usable_device_of(int fd, const std::string& name) {
  ifreq request = request_for(name);
  if (name.empty() || ::ioctl(fd, SIOCGIFINDEX, &request) != 0)
    return fail(unusable(name, "is not there; bring it up (wg-quick up, tailscale up) or correct its name"));
  Device out;
  out.name = name;
  out.index = static_cast<unsigned>(request.ifr_ifindex);
  request = request_for(name);
  if (::ioctl(fd, SIOCGIFFLAGS, &request) != 0) return fail(errno_error(errno, "asking for the state of interface " + name));
  const auto flags = static_cast<unsigned>(request.ifr_flags) & 0xffffU;
  out.up = (flags & IFF_UP) != 0;
  out.loopback = (flags & IFF_LOOPBACK) != 0;
  if (!out.up) return fail(unusable(name, "is down; bring it up (ip link set " + name + " up)"));
  return out;
}

Result<Device> usable_device(const std::string& name) {
  const UniqueFd asking(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!asking) return fail(errno_error(errno, "asking for interface " + name));
  POSTERN_TRY(Device out, usable_device_of(asking.get(), name));
  POSTERN_CHECK(add_addresses(out));
  return out;
}

Status bind_to_device(int fd, const std::string& name) {
  if (::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name.data(), static_cast<socklen_t>(name.size())) == 0) return {};
  if (errno == EPERM)
    return fail(ErrorCode::Denied, "this kernel binds to interface " + name + " only with CAP_NET_RAW; Linux 5.7 and newer need no right");
  return fail(errno_error(errno, "binding to interface " + name));
}

unsigned bound_device(int fd) noexcept {
  int index = 0;
  socklen_t size = sizeof index;
  return ::getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, &size) == 0 ? static_cast<unsigned>(index) : 0;
}

}  // namespace postern::io
