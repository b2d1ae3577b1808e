#include "io/sockets.hpp"

#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace postern::io {

namespace {

template <class T>
T& as(SocketAddress& address) {
  address.size = sizeof(T);
  return reinterpret_cast<T&>(address.storage);
}

Result<SocketAddress> unix_address(const std::string& path) {
  SocketAddress out;
  auto& un = as<sockaddr_un>(out);
  if (path.size() >= sizeof un.sun_path) return fail(ErrorCode::TooLarge, "the socket path is longer than 107 bytes", path);
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.data(), path.size());
  return out;
}

}  // namespace

Result<SocketAddress> to_socket_address(const Endpoint& endpoint) {
  if (endpoint.is_unix()) return unix_address(endpoint.path);
  SocketAddress out;
  const ByteView ip = endpoint.ip.bytes();
  if (endpoint.ip.is_v6()) {
    auto& v6 = as<sockaddr_in6>(out);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&v6.sin6_addr, ip.data(), ip.size());
  } else {
    auto& v4 = as<sockaddr_in>(out);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, ip.data(), ip.size());
  }
  return out;
}

Endpoint from_socket_address(const SocketAddress& address) {
  Endpoint out;
  const auto take = [&out](const void* ip, std::size_t size, std::uint16_t port) {
    const auto parsed = IpAddress::from_bytes({static_cast<const Byte*>(ip), size});
    if (parsed) out.ip = parsed->unmapped();  // a dual-stack socket shows IPv4 peers mapped; rules are written for IPv4
    out.port = ntohs(port);
  };
  if (address.storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
    take(&v6.sin6_addr, 16, v6.sin6_port);
  } else if (address.storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
    take(&v4.sin_addr, 4, v4.sin_port);
  } else if (address.storage.ss_family == AF_UNIX) {
    const auto& un = reinterpret_cast<const sockaddr_un&>(address.storage);
    const std::size_t room = address.size > offsetof(sockaddr_un, sun_path) ? address.size - offsetof(sockaddr_un, sun_path) : 0;
    out.path.assign(un.sun_path, strnlen(un.sun_path, room));
    if (out.path.empty()) out.path = "unnamed";  // a connecting peer rarely binds
  }
  return out;
}

Endpoint local_endpoint(int fd) {
  SocketAddress address;
  if (getsockname(fd, address.get(), &address.size) != 0) return {};
  return from_socket_address(address);
}

Result<UniqueFd> open_socket(const Endpoint& endpoint) {
  const int family = endpoint.is_unix() ? AF_UNIX : endpoint.ip.is_v6() ? AF_INET6 : AF_INET;
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail(errno_error(errno, "opening a socket for " + endpoint.text()));
  return fd;
}

void set_option(int fd, int level, int name, int value) noexcept { (void)setsockopt(fd, level, name, &value, sizeof value); }

Error errno_error(int number, std::string_view doing) {
  ErrorCode code = ErrorCode::Unavailable;
  if (number == EACCES || number == EPERM) code = ErrorCode::Denied;
  if (number == EADDRINUSE) code = ErrorCode::Conflict;
  if (number == EMFILE || number == ENFILE || number == ENOMEM || number == ENOBUFS) code = ErrorCode::Exhausted;
  return Error{code, std::string(doing) + ": " + std::generic_category().message(number), {}};
}

}  // namespace postern::io
