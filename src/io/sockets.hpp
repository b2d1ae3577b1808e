// The system-call edge of io/: descriptors that close themselves, addresses in kernel form, errno as Error. Used inside io/ only.
#pragma once

#include <sys/socket.h>

#include <string_view>

#include "base/unique_fd.hpp"
#include "io/endpoint.hpp"

namespace postern::io {

using postern::UniqueFd;

/// An address as the kernel wants it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

/// TooLarge when a path does not fit (107 bytes).
[[nodiscard]] Result<SocketAddress> to_socket_address(const Endpoint& endpoint);
[[nodiscard]] Endpoint from_socket_address(const SocketAddress& address);
/// The endpoint a bound socket got.
[[nodiscard]] Endpoint local_endpoint(int fd);

/// A nonblocking, close-on-exec stream socket of the endpoint's family.
[[nodiscard]] Result<UniqueFd> open_socket(const Endpoint& endpoint);
void set_option(int fd, int level, int name, int value) noexcept;

/// "DOING: Connection refused", Unavailable unless errno says something more exact (EACCES: Denied, EADDRINUSE: Conflict, EMFILE:
/// Exhausted).
[[nodiscard]] Error errno_error(int number, std::string_view doing);

}  // namespace postern::io
