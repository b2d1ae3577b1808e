// A socket of ours, closed when it goes.
#pragma once

#include <string>
#include <utility>

#include "base/result.hpp"

namespace postern {

class OwnedSocket {
 public:
  OwnedSocket() noexcept = default;
  explicit OwnedSocket(int fd) noexcept : m_fd(fd) {}
  OwnedSocket(OwnedSocket&& other) noexcept : m_fd(std::exchange(other.m_fd, -1)) {}
  OwnedSocket& operator=(OwnedSocket&& other) noexcept {
    if (this != &other) {
      close();
      m_fd = std::exchange(other.m_fd, -1);
    }
    return *this;
  }
  OwnedSocket(const OwnedSocket&) = delete;
  OwnedSocket& operator=(const OwnedSocket&) = delete;
  ~OwnedSocket() { close(); }
  void close() noexcept;
  [[nodiscard]] int get() const noexcept { return m_fd; }
  explicit operator bool() const noexcept { return m_fd >= 0; }

 private:
  int m_fd = -1;
};

/// A connected, non-blocking, close-on-exec AF_UNIX socket; `type` is SOCK_STREAM or SOCK_DGRAM. Never waits.
[[nodiscard]] Result<OwnedSocket> connect_unix(const std::string& path, int type);

}  // namespace postern
