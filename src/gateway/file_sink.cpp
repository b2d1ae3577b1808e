#include "gateway/file_sink.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace postern::gateway {
namespace {

Error failed(const std::string& path) {
  const int code = errno;
  return {code == ENOSPC || code == EDQUOT ? ErrorCode::Exhausted : ErrorCode::Unavailable, path + ": " + std::strerror(code), "file"};
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : m_fd(fd) {}
  ~Descriptor() {
    if (m_fd >= 0) ::close(m_fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return m_fd; }

 private:
  int m_fd;
};

Status write_synced(const std::string& path, std::string_view text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0) return fail(failed(path));
  while (!text.empty()) {
    const ssize_t n = ::write(file.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(failed(path));
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(file.get()) != 0) return fail(failed(path));
  return {};
}

Status sync_folder(const std::string& directory) {
  const Descriptor folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) return fail(failed(directory));
  return {};
}

Status place(const std::string& path, std::string_view text) {
  const std::string unfinished = path + ".tmp";
  if (Status written = write_synced(unfinished, text); !written) {
    ::unlink(unfinished.c_str());
    return written;
  }
  if (::rename(unfinished.c_str(), path.c_str()) != 0) return fail(failed(path));
  return {};
}

std::string envelope_json(const QueueItem& item) {
  boost::json::array recipients;
  for (const auto& r : item.recipients) recipients.emplace_back(r.address);
  return boost::json::serialize(boost::json::object{{"id", item.message.get()},
                                                    {"sender", item.envelope->reverse_path},
                                                    {"recipients", std::move(recipients)},
                                                    {"seal", item.seal},
                                                    {"accepted", rfc3339(item.envelope->accepted)}}) +
         "\n";
}

}  // namespace

Status write_to_folder(const std::string& directory, const QueueItem& item) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return fail(ErrorCode::Unavailable, directory + ": " + error.message(), "file");
  const std::string base = directory + "/" + item.message.get() + "-" + std::to_string(item.item.get());
  // The message last: who sees it finds its envelope too.
  POSTERN_CHECK(place(base + ".json", envelope_json(item)));
  POSTERN_CHECK(place(base + ".eml", *item.content));
  return sync_folder(directory);
}

}  // namespace postern::gateway
