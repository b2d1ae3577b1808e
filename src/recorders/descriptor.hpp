// A file descriptor that closes itself, and errno as an Error.
#pragma once

#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace postern::recorders {

/// Owns one descriptor. Not thread safe.
class Descriptor {
 public:
  Descriptor() noexcept = default;
  explicit Descriptor(int fd) noexcept : m_fd(fd) {}
  Descriptor(Descriptor&& other) noexcept : m_fd(std::exchange(other.m_fd, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset(std::exchange(other.m_fd, -1));
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }

  void reset(int fd = -1) noexcept;
  [[nodiscard]] int get() const noexcept { return m_fd; }
  explicit operator bool() const noexcept { return m_fd >= 0; }

 private:
  int m_fd = -1;
};

/// "WHERE: No space left on device". Exhausted for a full medium or queue, Denied for missing rights, Unavailable for the rest.
[[nodiscard]] Error errno_error(int number, std::string_view where);

}  // namespace postern::recorders
