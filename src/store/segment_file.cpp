#include "store/segment_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/cursor.hpp"
#include "store/vfs.hpp"

namespace postern {
namespace {

constexpr std::uint64_t kBlock = 4096;
constexpr std::size_t kHeadBytes = 64;
constexpr std::string_view kFileMagic = "POSTERN SEGMENT 1\n";
constexpr std::uint32_t kRecordMagic = 0x50535231;  // "PSR1"

tl::unexpected<Error> disk_error(int code, std::string_view doing, const std::filesystem::path& path) {
  const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  return fail(full ? ErrorCode::Exhausted : ErrorCode::Unavailable, std::string(doing) + " " + path.filename().string() + ": " +
                                                                        (full ? "the disk is full: free some space" : std::strerror(code)));
}

Bytes head_of(const MessageId& message, std::uint64_t length) {
  ByteWriter head;
  head.write_uint(kRecordMagic, 4).write_u64(length).write_block(message.get());
  Bytes bytes = std::move(head).take();
  bytes.resize(kHeadBytes);  // ids have at most 48 characters: ContentStore::put refuses longer ones
  return bytes;
}

Status write_all(int fd, std::uint64_t offset, ByteView head, ByteView body, const std::filesystem::path& path) {
  std::array<iovec, 2> parts{iovec{const_cast<Byte*>(head.data()), head.size()}, iovec{const_cast<Byte*>(body.data()), body.size()}};
  std::uint64_t left = head.size() + body.size();
  std::size_t part = 0;
  while (left > 0) {
    const ssize_t n = ::pwritev(fd, &parts[part], static_cast<int>(parts.size() - part), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return disk_error(errno, "writing", path);
    offset += static_cast<std::uint64_t>(n);
    left -= static_cast<std::uint64_t>(n);
    for (auto done = static_cast<std::size_t>(n); done > 0;) {
      const std::size_t step = std::min(done, parts[part].iov_len);
      parts[part].iov_base = static_cast<Byte*>(parts[part].iov_base) + step;
      parts[part].iov_len -= step;
      done -= step;
      if (parts[part].iov_len == 0 && part + 1 < parts.size()) ++part;
    }
  }
  return {};
}

Status read_all(int fd, std::uint64_t offset, ByteSpan out, const std::filesystem::path& path) {
  while (!out.empty()) {
    const ssize_t n = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return disk_error(errno, "reading", path);
    if (n == 0) return fail(ErrorCode::IntegrityFailed, path.filename().string() + " ends too early");
    offset += static_cast<std::uint64_t>(n);
    out = out.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

std::uint64_t SegmentFile::record_size(std::uint64_t length) noexcept { return (length + kHeadBytes + kBlock - 1) / kBlock * kBlock; }
std::uint64_t SegmentFile::first_offset() noexcept { return kBlock; }

Result<std::shared_ptr<SegmentFile>> SegmentFile::create(const std::filesystem::path& path, std::uint64_t size) {
  if (disk_faults().full) return disk_error(ENOSPC, "creating", path);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return disk_error(errno, "creating", path);
  std::shared_ptr<SegmentFile> file(new SegmentFile(path, fd, size));
  // Space now, rather than an error half way through a message; a file system without fallocate grows the file as it goes.
  if (::fallocate(fd, 0, 0, static_cast<off_t>(size)) != 0 && errno != EOPNOTSUPP) {
    const int code = errno;
    ::unlink(path.c_str());
    return disk_error(code, "creating", path);
  }
  if (const Status status = write_all(fd, 0, as_bytes(kFileMagic), {}, path); !status) {
    ::unlink(path.c_str());
    return fail(status.error());
  }
  return file;
}

Result<std::shared_ptr<SegmentFile>> SegmentFile::open(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return disk_error(errno, "opening", path);
  struct stat info{};
  ::fstat(fd, &info);
  std::shared_ptr<SegmentFile> file(new SegmentFile(path, fd, static_cast<std::uint64_t>(info.st_size)));
  Bytes magic(kFileMagic.size());
  const Status read = disk_faults().fail_read ? Status(disk_error(EIO, "reading", path)) : read_all(fd, 0, magic, path);
  if (!read && read.error().code != ErrorCode::IntegrityFailed) return fail(read.error());
  if (!read || as_text(magic) != kFileMagic)
    return fail(ErrorCode::IntegrityFailed, path.filename().string() + " is no segment file of this version");
  return file;
}

SegmentFile::~SegmentFile() { ::close(m_fd); }

Status SegmentFile::write(std::uint64_t offset, const MessageId& message, ByteView sealed) {
  if (disk_faults().fail_write) return disk_error(EIO, "writing", m_path);
  disk_counters().bytes_written += kHeadBytes + sealed.size();
  return write_all(m_fd, offset, head_of(message, sealed.size()), sealed, m_path);
}

Status SegmentFile::sync() {
  if (disk_faults().fail_sync) return disk_error(EIO, "syncing", m_path);
  ++disk_counters().segment_syncs;
  if (::fdatasync(m_fd) != 0) return disk_error(errno, "syncing", m_path);
  return {};
}

void SegmentFile::punch(std::uint64_t offset, std::uint64_t size) noexcept {
  static_cast<void>(::fallocate(m_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(size)));
}

Status SegmentFile::check(const SegmentPlace& place, const MessageId& message) const {
  Bytes head(kHeadBytes);
  POSTERN_CHECK(read_all(m_fd, place.offset, head, m_path));
  if (head != head_of(message, place.length))
    return fail(ErrorCode::IntegrityFailed, m_path.filename().string() + " does not have the record where it should be");
  return {};
}

Result<RawBytes> SegmentFile::read(const SegmentPlace& place, const MessageId& message) const {
  if (place.length > m_size || place.offset > m_size)
    return fail(ErrorCode::IntegrityFailed, m_path.filename().string() + " is shorter than its records");
  POSTERN_CHECK(check(place, message));
  RawBytes sealed(place.length);
  POSTERN_CHECK(read_all(m_fd, place.offset + kHeadBytes, sealed, m_path));
  return sealed;
}

Status SegmentFile::read_part(const SegmentPlace& place, std::uint64_t from, ByteSpan out) const {
  if (from > place.length || out.size() > place.length - from)
    return fail(ErrorCode::IntegrityFailed, m_path.filename().string() + " is shorter than its records");
  if (disk_faults().fail_read) return disk_error(EIO, "reading", m_path);
  return read_all(m_fd, place.offset + kHeadBytes + from, out, m_path);
}

Result<std::unique_ptr<SegmentDraft>> SegmentDraft::create(const std::filesystem::path& path) {
  if (disk_faults().full) return disk_error(ENOSPC, "creating", path);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return disk_error(errno, "creating", path);
  std::unique_ptr<SegmentDraft> draft(new SegmentDraft(path, fd));
  if (const Status status = write_all(fd, 0, as_bytes(kFileMagic), {}, path); !status) {
    ::unlink(path.c_str());
    return fail(status.error());
  }
  return draft;
}

Result<std::unique_ptr<SegmentDraft>> SegmentDraft::open(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return fail(ErrorCode::NotFound, path.filename().string() + " is gone");
  if (fd < 0) return disk_error(errno, "opening", path);
  std::unique_ptr<SegmentDraft> draft(new SegmentDraft(path, fd));
  struct stat info{};
  ::fstat(fd, &info);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  draft->m_length = size > kBlock + kHeadBytes ? size - kBlock - kHeadBytes : 0;
  return draft;
}

SegmentDraft::~SegmentDraft() { ::close(m_fd); }

Status SegmentDraft::append(ByteView sealed) {
  if (disk_faults().full) return disk_error(ENOSPC, "writing", m_path);
  if (disk_faults().fail_write) return disk_error(EIO, "writing", m_path);
  disk_counters().bytes_written += sealed.size();
  POSTERN_CHECK(write_all(m_fd, kBlock + kHeadBytes + m_length, sealed, {}, m_path));
  m_length += sealed.size();
  return {};
}

Status SegmentDraft::sync() {
  if (disk_faults().fail_sync) return disk_error(EIO, "syncing", m_path);
  ++disk_counters().segment_syncs;
  if (::fdatasync(m_fd) != 0) return disk_error(errno, "syncing", m_path);
  return {};
}

Status SegmentDraft::finish(const MessageId& message) {
  if (disk_faults().full) return disk_error(ENOSPC, "writing", m_path);
  if (::ftruncate(m_fd, static_cast<off_t>(kBlock + SegmentFile::record_size(m_length))) != 0) return disk_error(errno, "writing", m_path);
  POSTERN_CHECK(write_all(m_fd, kBlock, head_of(message, m_length), {}, m_path));
  return sync();
}

Status SegmentDraft::read(std::uint64_t offset, ByteSpan out) const {
  if (disk_faults().fail_read) return disk_error(EIO, "reading", m_path);
  return read_all(m_fd, kBlock + kHeadBytes + offset, out, m_path);
}

Status sync_directory(const std::filesystem::path& directory) {
  if (disk_faults().fail_sync) return disk_error(EIO, "syncing", directory);
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return disk_error(errno, "opening", directory);
  ++disk_counters().segment_syncs;
  const int code = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (code != 0) return disk_error(code, "syncing", directory);
  return {};
}

}  // namespace postern
