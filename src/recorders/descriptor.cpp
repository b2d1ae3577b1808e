#include "recorders/descriptor.hpp"

#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace postern::recorders {
namespace {

ErrorCode code_of(int number) noexcept {
  switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EAGAIN:
    case ENOBUFS: return ErrorCode::Exhausted;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorCode::Denied;
    default: return ErrorCode::Unavailable;
  }
}

}  // namespace

void Descriptor::reset(int fd) noexcept {
  if (m_fd >= 0) ::close(m_fd);
  m_fd = fd;
}

Error errno_error(int number, std::string_view where) {
  return {code_of(number), std::string(where) + ": " + std::generic_category().message(number), {}};
}

}  // namespace postern::recorders
