// Audit lines into a file.
//
// A line is in the kernel before its operation goes on: write() is one write(2) with O_APPEND by the caller's thread, so a full disk is an
// error of this very line and a crash of the process loses nothing that was taken. Device files and FIFOs are opened non-blocking: one
// that nobody reads is an error at once.
//
// A disk that hangs inside write(2) cannot be interrupted by anybody; it holds the one thread that is in there. All other threads give up
// after FileRecorderOptions::patience once, and then fail at once until that call returns: another device or a refusal, never a queue of
// frozen threads. Who may not lose even that one thread (network file systems) puts a QueuedRecorder in front.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "recorders/descriptor.hpp"
#include "vault/audit.hpp"

namespace postern::recorders {

/// When lines are on the medium and not only with the kernel (which keeps them when the process dies, not when the power does).
enum class FileSync { Never, EachSecond, EachLine };

struct FileRecorderOptions {
  std::string path;                         ///< Absolute.
  std::uint32_t mode = 0600;                ///< Of a file that is made; the process's umask applies. One that exists keeps its own.
  FileSync sync = FileSync::EachSecond;     ///< EachLine: the caller waits for the medium.
  std::chrono::milliseconds patience{250};  ///< How long a line waits for the line of another thread.
};

/// Thread safe. A rename or removal of the file is seen by the next line, which goes into a new file: logrotate needs no signal.
class FileRecorder final : public vault::AuditSink {
 public:
  /// Opens the file. BadInput for a path that is not absolute; else what open(2) says.
  [[nodiscard]] static Result<std::shared_ptr<FileRecorder>> open(FileRecorderOptions options);
  ~FileRecorder() override;
  FileRecorder(const FileRecorder&) = delete;
  FileRecorder& operator=(const FileRecorder&) = delete;

  [[nodiscard]] Status write(std::string_view line) override;
  [[nodiscard]] std::uint64_t lost() const noexcept override { return m_lost; }

 private:
  explicit FileRecorder(FileRecorderOptions options) : m_options(std::move(options)) {}

  [[nodiscard]] bool enter();
  [[nodiscard]] Status append(std::string_view line);
  [[nodiscard]] Status reopen_if_moved();
  [[nodiscard]] Status reopen();
  [[nodiscard]] Status write_once(std::string_view line);
  void sync_each_second(const std::stop_token& stop);
  void sync_now();

  const FileRecorderOptions m_options;
  std::atomic<std::uint64_t> m_lost{0};
  std::atomic<bool> m_stalled{false};

  std::timed_mutex m_gate;  ///< Guards all below up to the empty line.
  Descriptor m_file;
  std::vector<Descriptor> m_retired;  ///< Renamed or removed, not synced yet.
  std::uint64_t m_device = 0;
  std::uint64_t m_inode = 0;
  bool m_is_regular = false;
  bool m_is_torn = false;  ///< The file ends inside a line.

  std::atomic<bool> m_is_dirty{false};
  std::atomic<int> m_sync_error{0};
  std::mutex m_sync_mutex;
  std::condition_variable_any m_sync_wake;
  std::jthread m_syncer;  ///< Last: it uses the rest.
};

}  // namespace postern::recorders
