// Directories and locks of what must belong to one process and one user.
#pragma once

#include <filesystem>

#include "base/result.hpp"

namespace postern {

/// The directory exists, is 0700 whatever the umask, and its name is durable.
[[nodiscard]] Status make_private_directory(const std::filesystem::path& path);

/// An advisory lock on a file, for the life of the object; the kernel drops it with the process, however that ends.
class FileLock {
 public:
  FileLock() noexcept = default;
  /// Conflict, about `what`, when another process has it.
  [[nodiscard]] static Result<FileLock> take(const std::filesystem::path& file, const std::string& what);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) noexcept : m_fd(fd) {}
  int m_fd = -1;
};

}  // namespace postern
