#include "seals/pin_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace postern::seals {
namespace {

constexpr std::size_t kMaxPin = 255;

class Fd {
 public:
  // O_NONBLOCK: a FIFO in the file's place is refused instead of waited for.
  explicit Fd(const std::string& path) : m_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {}
  ~Fd() {
    if (m_fd >= 0) ::close(m_fd);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  [[nodiscard]] int get() const noexcept { return m_fd; }

 private:
  int m_fd;
};

Status check_owner(int fd, const std::string& path) {
  struct stat info{};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return fail(ErrorCode::Denied, path + " is not a regular file", "pin-source");
  if ((info.st_mode & (S_IWGRP | S_IRWXO)) != 0)
    return fail(ErrorCode::Denied, path + " can be read or changed by others: chmod 600 it, and change the PIN", "pin-source");
  return {};
}

}  // namespace

Result<SecretBytes> read_pin_file(const std::string& path) {
  const Fd file(path);
  if (file.get() < 0) {
    const ErrorCode code = errno == ELOOP || errno == EACCES ? ErrorCode::Denied : ErrorCode::Unavailable;
    return fail(code, "opening the PIN file " + path + ": " + std::strerror(errno), "pin-source");
  }
  POSTERN_CHECK(check_owner(file.get(), path));
  SecretBytes buffer(kMaxPin + 2);
  std::size_t have = 0;
  while (have < buffer.size()) {
    const ssize_t count = ::read(file.get(), buffer.span().data() + have, buffer.size() - have);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(ErrorCode::Unavailable, "reading the PIN file " + path + ": " + std::strerror(errno), "pin-source");
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
  }
  const ByteView content = buffer.view().first(have);
  ByteView line(content.begin(), std::ranges::find(content, '\n'));
  if (!line.empty() && line.back() == '\r') line = line.first(line.size() - 1);
  if (line.empty() || line.size() > kMaxPin)
    return fail(ErrorCode::BadInput, path + " must hold the PIN, 1 to 255 bytes, as one line", "pin-source");
  return SecretBytes(line);
}

}  // namespace postern::seals
