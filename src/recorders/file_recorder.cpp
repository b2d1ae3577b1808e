#include "recorders/file_recorder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace postern::recorders {
namespace {

constexpr std::chrono::seconds kSyncInterval{1};

}  // namespace

Result<std::shared_ptr<FileRecorder>> FileRecorder::open(FileRecorderOptions options) {
  if (!options.path.starts_with('/') || options.path.find('\0') != std::string::npos) {
    return fail(ErrorCode::BadInput, "give the absolute path of the audit file, such as /var/log/postern/audit.log", "file");
  }
  std::shared_ptr<FileRecorder> out(new FileRecorder(std::move(options)));
  {
    const std::lock_guard lock(out->m_gate);
    POSTERN_CHECK(out->reopen());
  }
  if (out->m_options.sync == FileSync::EachSecond) {
    out->m_syncer = std::jthread([recorder = out.get()](const std::stop_token& stop) { recorder->sync_each_second(stop); });
  }
  return out;
}

FileRecorder::~FileRecorder() {
  if (!m_syncer.joinable()) return;
  m_syncer.request_stop();
  m_syncer.join();
}

Status FileRecorder::write(std::string_view line) {
  if (!enter()) {
    ++m_lost;
    return fail(ErrorCode::Unavailable, m_options.path + ": a write hangs in the kernel; check the disk");
  }
  const std::lock_guard lock(m_gate, std::adopt_lock);
  m_stalled = false;
  Status status = append(line);
  if (!status) ++m_lost;
  m_stalled = false;
  return status;
}

/// Takes the gate. Only the first threads that meet a hanging write wait for it; from then on all fail at once.
bool FileRecorder::enter() {
  if (m_gate.try_lock()) return true;
  if (m_stalled) return false;
  if (m_gate.try_lock_for(m_options.patience)) return true;
  m_stalled = true;
  return false;
}

Status FileRecorder::append(std::string_view line) {
  if (const int number = m_sync_error.exchange(0); number != 0) return fail(errno_error(number, m_options.path));
  POSTERN_CHECK(reopen_if_moved());
  POSTERN_CHECK(write_once(line));
  if (!m_is_regular) return {};
  if (m_options.sync == FileSync::EachSecond) {
    m_is_dirty = true;
  } else if (m_options.sync == FileSync::EachLine && ::fdatasync(m_file.get()) != 0) {
    return fail(errno_error(errno, m_options.path));
  }
  return {};
}

/// One stat(2) for each line (0.4 us): a check now and then would write into a removed file in between, and those lines would be gone.
Status FileRecorder::reopen_if_moved() {
  if (!m_file) return reopen();
  struct stat at_path{};
  const bool is_there = ::stat(m_options.path.c_str(), &at_path) == 0;
  if (is_there && at_path.st_dev == m_device && at_path.st_ino == m_inode) return {};
  return reopen();
}

Status FileRecorder::reopen() {
  Descriptor file(::open(m_options.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, m_options.mode));
  struct stat found{};
  if (!file || ::fstat(file.get(), &found) != 0) return fail(errno_error(errno, m_options.path));
  if (m_is_dirty) m_retired.push_back(std::move(m_file));  // its last lines are synced with the rest
  m_file = std::move(file);
  m_device = found.st_dev;
  m_inode = found.st_ino;
  m_is_regular = S_ISREG(found.st_mode);
  m_is_torn = false;
  return {};
}

/// All of it or an error. After a part (the disk was full in the middle) the next line begins with a line end, so that the part spoils
/// no other line.
Status FileRecorder::write_once(std::string_view line) {
  static constexpr char kLineEnd = '\n';
  const std::array<iovec, 2> parts{{{const_cast<char*>(&kLineEnd), 1}, {const_cast<char*>(line.data()), line.size()}}};
  const std::size_t first = m_is_torn ? 0 : 1;
  const auto want = static_cast<ssize_t>(line.size() + (m_is_torn ? 1 : 0));
  ssize_t done = 0;
  do {
    done = ::writev(m_file.get(), &parts.at(first), static_cast<int>(parts.size() - first));
  } while (done < 0 && errno == EINTR);
  if (done == want) {
    m_is_torn = false;
    return {};
  }
  if (done < 0) return fail(errno_error(errno, m_options.path));
  m_is_torn = done > 0;
  return fail(ErrorCode::Exhausted, m_options.path + ": only a part of the line found room; make space on the disk");
}

void FileRecorder::sync_each_second(const std::stop_token& stop) {
  std::unique_lock lock(m_sync_mutex);
  do {
    m_sync_wake.wait_for(lock, stop, kSyncInterval, [] { return false; });
    sync_now();
  } while (!stop.stop_requested());
}

/// Outside the gate: nobody waits for the medium. What it says of an earlier line is the error of the next one.
void FileRecorder::sync_now() {
  if (!m_is_dirty) return;
  std::vector<Descriptor> files;
  {
    const std::unique_lock lock(m_gate, m_options.patience);
    if (!lock.owns_lock()) return;
    m_is_dirty = false;
    files = std::move(m_retired);
    m_retired.clear();
    files.emplace_back(::fcntl(m_file.get(), F_DUPFD_CLOEXEC, 0));
  }
  for (const Descriptor& file : files) {
    if (!file || ::fdatasync(file.get()) != 0) m_sync_error = errno;
  }
}

}  // namespace postern::recorders
