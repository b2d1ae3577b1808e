#include "store/synced_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.hpp"

namespace postern {
namespace {

Error failed(const std::filesystem::path& path) {
  const int code = errno;
  return {code == ENOSPC || code == EDQUOT ? ErrorCode::Exhausted : ErrorCode::Unavailable, path.string() + ": " + std::strerror(code),
          "file"};
}

Status write_synced(const std::filesystem::path& path, std::string_view octets) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0) return fail(failed(path));
  while (!octets.empty()) {
    const ssize_t n = ::write(file.get(), octets.data(), octets.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(failed(path));
    octets.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(file.get()) != 0) return fail(failed(path));
  return {};
}

}  // namespace

Status write_synced_file(const std::filesystem::path& path, std::string_view octets) {
  std::filesystem::path unfinished = path;
  unfinished += ".tmp";
  if (Status written = write_synced(unfinished, octets); !written) {
    ::unlink(unfinished.c_str());
    return written;
  }
  if (::rename(unfinished.c_str(), path.c_str()) != 0) return fail(failed(path));
  return {};
}

}  // namespace postern
