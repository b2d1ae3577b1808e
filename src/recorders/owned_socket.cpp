#include "recorders/owned_socket.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace postern {

void OwnedSocket::close() noexcept {
  if (m_fd >= 0) ::close(m_fd);
  m_fd = -1;
}

Result<OwnedSocket> connect_unix(const std::string& path, int type) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return fail(ErrorCode::BadInput, "give a path of 1 to 107 bytes", "address");
  std::memcpy(address.sun_path, path.data(), path.size());
  OwnedSocket socket(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // With AF_UNIX a non-blocking connect is done or refused at once; EAGAIN is a listener whose queue is full.
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(ErrorCode::Unavailable, "connecting to " + path + ": " + std::strerror(errno));
  return socket;
}

}  // namespace postern
