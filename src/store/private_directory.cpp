#include "store/private_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "store/segment_file.hpp"

namespace postern {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> directory_error(const fs::path& path, const std::string& what) {
  return fail(ErrorCode::Unavailable, path.string() + ": " + what, "storage.data_dir");
}

}  // namespace

Status make_private_directory(const fs::path& path) {
  std::error_code error;
  const bool made = fs::create_directories(path, error);
  if (error) return directory_error(path, "cannot be created: " + error.message());
  if (made && path.has_parent_path() && path.parent_path() != path) POSTERN_CHECK(sync_directory(path.parent_path()));
  fs::permissions(path, fs::perms::owner_all, error);
  if (error) return directory_error(path, "permissions cannot be set to 0700: " + error.message());
  return {};
}

Result<FileLock> FileLock::take(const fs::path& file, const std::string& what) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return directory_error(file, std::string("cannot be opened: ") + std::strerror(errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return FileLock(fd);
  ::close(fd);
  return fail(ErrorCode::Conflict, what + " is in use by another process: stop that one first", "storage.data_dir");
}

FileLock::FileLock(FileLock&& other) noexcept : m_fd(std::exchange(other.m_fd, -1)) {}
FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(m_fd, other.m_fd);
  return *this;
}
FileLock::~FileLock() {
  if (m_fd >= 0) ::close(m_fd);
}

}  // namespace postern
