#include "recorders/file_drain.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace postern {
namespace {

constexpr std::chrono::seconds kSyncEach{1};

int open_path(const std::string& path, mode_t mode) {
  if (path == "stdout") return ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  // O_NONBLOCK is for FIFOs and devices; it does nothing to a file.
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  if (path == "discard") return ::open("/dev/null", kFlags);
  const int fd = ::open(path.c_str(), kFlags | O_CREAT | O_EXCL, mode);
  if (fd < 0) return errno == EEXIST ? ::open(path.c_str(), kFlags) : -1;
  (void)::fchmod(fd, mode);  // the operator's word, whatever the umask
  return fd;
}

/// Calls `take` with the bytes of a file from `at` to `end`, in pieces. Unavailable when they cannot be read or are not there.
template <class Take>
Status read_content(const std::string& path, std::uint64_t at, std::uint64_t end, const Take& take) {
  if (at >= end) return {};
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  std::array<char, 65536> buffer;
  int code = fd < 0 ? errno : 0;
  while (code == 0 && at < end) {
    const ssize_t n = ::pread(fd, buffer.data(), std::min<std::uint64_t>(buffer.size(), end - at), static_cast<off_t>(at));
    if (n > 0) take(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
    if (n > 0) at += static_cast<std::uint64_t>(n);
    if (n == 0) code = ESPIPE;
    if (n < 0 && errno != EINTR) code = errno;
  }
  if (fd >= 0) ::close(fd);
  if (code == 0) return {};
  return fail(ErrorCode::Unavailable, "reading " + path + ": " + std::strerror(code), "file_path");
}

std::size_t whole_lines(std::string_view written) {
  const std::size_t end = written.rfind('\n');
  return end == std::string_view::npos ? 0 : end + 1;
}

}  // namespace

FileRecorder::Drain::Drain(FileOptions options, BlockPort port, const Clock& clock, std::shared_ptr<std::atomic<bool>> reopen)
    : m_options(std::move(options)), m_clock(clock), m_reopen(std::move(reopen)) {
  if (!m_options.blocks) return;
  // First the lines, then their digest: after a power cut the chain must not know lines that the disk does not have.
  const BlockPort synced = [this, port = std::move(port)](AuditRecord record) -> Status {
    if (m_unsynced) POSTERN_CHECK(sync());
    return port(std::move(record));
  };
  const std::string& name = m_options.blocks->name;
  m_blocks.emplace(name.empty() ? m_options.path : name, *m_options.blocks, synced, clock);
}

FileRecorder::Drain::~Drain() { close(); }

tl::unexpected<Error> FileRecorder::Drain::disk_error(int code, std::string_view doing) const {
  const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  std::string why = full ? "the disk is full or the file as large as it may be: free some space or rotate" : std::strerror(code);
  if (code == ENXIO) why = "nobody reads from this pipe";
  if (code == EAGAIN) why = "the reader of this pipe does not keep up";
  return fail(full ? ErrorCode::Exhausted : ErrorCode::Unavailable, std::string(doing) + " " + m_options.path + ": " + why, "file_path");
}

void FileRecorder::Drain::close() noexcept {
  if (m_fd >= 0) ::close(m_fd);
  m_fd = -1;
}

Status FileRecorder::Drain::open() {
  Status status = try_open();
  if (!status) close();
  return status;
}

Status FileRecorder::Drain::try_open() {
  close();
  m_fd = open_path(m_options.path, m_options.mode);
  if (m_fd < 0) return disk_error(errno, "opening");
  struct stat info{};
  if (::fstat(m_fd, &info) != 0) return disk_error(errno, "opening");
  if (S_ISDIR(info.st_mode)) return disk_error(EISDIR, "opening");
  m_regular = S_ISREG(info.st_mode);
  if (m_blocks && !m_regular) return fail(ErrorCode::BadInput, "a chain needs a regular file", "file_path");
  return m_regular ? look_at_content(static_cast<std::uint64_t>(info.st_size)) : Status();
}

/// Finds half a line at the end (a killed process, a full disk).
Status FileRecorder::Drain::look_at_content(std::uint64_t size) {
  m_torn = false;
  if (size == 0 || m_options.path == "stdout") return m_blocks ? look_at_blocks(size) : Status();
  char last = '\n';
  Status read = read_content(m_options.path, size - 1, size, [&](std::string_view piece) { last = piece.back(); });
  if (!read && m_blocks) return read;  // a file that may be written only is enough for one without a chain
  m_torn = last != '\n';
  if (!m_blocks) return {};
  const std::uint64_t ended = m_torn ? 1 : 0;  // so that the half line stays alone
  POSTERN_CHECK(end_torn_line());
  return look_at_blocks(size + ended);
}

/// Goes on behind the last block. What stands there already was written in the moments before a kill, or by somebody else.
Status FileRecorder::Drain::look_at_blocks(std::uint64_t size) {
  const auto& last = m_blocks->last();
  const bool same_file = last && last->offset + last->bytes <= size;  // else it is a new one, or was cut off: verify_blocks() says so
  const std::uint64_t from = same_file ? last->offset + last->bytes : 0;
  m_blocks->begin(same_file ? last->last_line : 0, from);
  POSTERN_CHECK(read_content(m_options.path, from, size, [this](std::string_view piece) { m_blocks->found(piece); }));
  m_blocks->found_all();
  return {};
}

Status FileRecorder::Drain::end_torn_line() {
  if (!m_torn) return {};
  if (::write(m_fd, "\n", 1) != 1) return disk_error(errno, "writing");
  m_torn = false;
  return {};
}

Status FileRecorder::Drain::recover() {
  if (m_blocks) POSTERN_CHECK(m_blocks->close());  // the audit log may have been what failed
  // The same file, ending where our last block ends: a chain need not count its lines again with each attempt on a full disk.
  if (m_blocks && m_fd >= 0 && !m_torn && !was_rotated()) return {};
  return open();
}

bool FileRecorder::Drain::was_rotated() const {
  if (!m_regular || m_options.path == "stdout") return false;
  struct stat named{}, open{};
  if (::stat(m_options.path.c_str(), &named) != 0) return errno == ENOENT;
  return ::fstat(m_fd, &open) != 0 || named.st_ino != open.st_ino || named.st_dev != open.st_dev;
}

bool FileRecorder::Drain::is_deleted() const {
  struct stat open{};
  return m_regular && ::fstat(m_fd, &open) == 0 && open.st_nlink == 0;
}

Status FileRecorder::Drain::follow_rotation() {
  if (!m_reopen->exchange(false) && !was_rotated()) return {};
  if (is_deleted()) m_unsynced = false;  // nobody will read it, and to write it all out could take longer than the engine may wait
  if (m_unsynced) POSTERN_CHECK(sync());
  if (m_blocks) POSTERN_CHECK(m_blocks->close());
  return open();
}

LineDrain::Outcome FileRecorder::Drain::drain(std::string_view lines) {
  if (Status status = follow_rotation(); !status) return {0, std::move(status)};
  Outcome outcome = append(lines);
  m_unsynced = m_unsynced || (outcome.done > 0 && (m_blocks || m_options.sync != FileSync::Never));
  if (m_blocks && outcome.done > 0) {
    Status recorded = m_blocks->add(lines.substr(0, outcome.done));
    if (outcome.status) outcome.status = std::move(recorded);
  }
  const bool due = m_options.sync == FileSync::Line || (m_options.sync == FileSync::Second && m_clock.steady() - m_synced >= kSyncEach);
  if (outcome.done > 0 && due) {
    Status synced = sync();
    if (!synced && m_options.sync == FileSync::Line) outcome.done = 0;  // written again rather than lost: a line twice is no harm
    if (outcome.status) outcome.status = std::move(synced);
  }
  return outcome;
}

LineDrain::Outcome FileRecorder::Drain::append(std::string_view lines) {
  if (Status ended = end_torn_line(); !ended) return {0, std::move(ended)};
  std::size_t written = 0;
  while (written < lines.size()) {
    const ssize_t n = ::write(m_fd, lines.data() + written, lines.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int code = n < 0 ? errno : EIO;
      const std::size_t whole = whole_lines(lines.substr(0, written));
      cut_torn_line(written - whole);
      return {whole, disk_error(code, "writing")};
    }
    written += static_cast<std::size_t>(n);
  }
  return {written, {}};
}

/// Takes back the half line at the end. Only while it is the end: another process may have appended since; then a line end has to do, which
/// the next write brings.
void FileRecorder::Drain::cut_torn_line(std::size_t torn) noexcept {
  if (torn == 0) return;
  struct stat info{};
  const off_t end = ::lseek(m_fd, 0, SEEK_CUR);  // where our last write ended
  const bool cut =
      m_regular && end >= 0 && ::fstat(m_fd, &info) == 0 && info.st_size == end && ::ftruncate(m_fd, end - static_cast<off_t>(torn)) == 0;
  m_torn = !cut;
}

Status FileRecorder::Drain::sync() {
  m_synced = m_clock.steady();
  if (m_regular && m_fd >= 0 && ::fdatasync(m_fd) != 0) return disk_error(errno, "syncing");
  m_unsynced = false;
  return {};
}

Status FileRecorder::Drain::tick() {
  if (m_fd < 0) return {};
  POSTERN_CHECK(follow_rotation());
  const bool wanted = m_unsynced && m_options.sync != FileSync::Never;
  if (wanted && m_clock.steady() - m_synced >= kSyncEach) POSTERN_CHECK(sync());
  return m_blocks ? m_blocks->tick() : Status();
}

Status FileRecorder::Drain::finish() {
  if (m_fd >= 0 && m_unsynced) POSTERN_CHECK(sync());
  return m_blocks ? m_blocks->close() : Status();
}

}  // namespace postern
