// One append-only file of large contents. Used by ContentStore only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace postern {

/// Where a record lies in its segment; `length` is that of the sealed content.
struct SegmentPlace {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// Layout: one 4 KiB block with the magic line, then records, each beginning on a block: a 64-byte head (magic, length, message id),
/// then the sealed content. Blocks, so that a freed record can be punched out of the file whole.
/// Reading is thread safe; the rest belongs to the writer thread.
class SegmentFile {
 public:
  /// Makes the file and reserves `size` bytes. Exhausted when the disk has no room.
  [[nodiscard]] static Result<std::shared_ptr<SegmentFile>> create(const std::filesystem::path& path, std::uint64_t size);
  /// IntegrityFailed when it is not such a file; errors of the medium as they are.
  [[nodiscard]] static Result<std::shared_ptr<SegmentFile>> open(const std::filesystem::path& path);
  ~SegmentFile();
  SegmentFile(const SegmentFile&) = delete;
  SegmentFile& operator=(const SegmentFile&) = delete;

  /// Bytes a record of this content takes, in whole blocks.
  [[nodiscard]] static std::uint64_t record_size(std::uint64_t length) noexcept;
  /// Where the first record begins.
  [[nodiscard]] static std::uint64_t first_offset() noexcept;

  [[nodiscard]] Status write(std::uint64_t offset, const MessageId& message, ByteView sealed);
  [[nodiscard]] Status sync();
  /// Gives the space back where the file system can; does nothing where it cannot.
  void punch(std::uint64_t offset, std::uint64_t size) noexcept;
  /// IntegrityFailed when what lies there is not this message's record of this length.
  [[nodiscard]] Result<RawBytes> read(const SegmentPlace& place, const MessageId& message) const;
  /// A part of a record's sealed content, from `from` on; what is there is not compared with the head.
  [[nodiscard]] Status read_part(const SegmentPlace& place, std::uint64_t from, ByteSpan out) const;
  /// The same question without reading the content.
  [[nodiscard]] Status check(const SegmentPlace& place, const MessageId& message) const;
  [[nodiscard]] std::uint64_t size() const noexcept { return m_size; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return m_path; }

 private:
  SegmentFile(std::filesystem::path path, int fd, std::uint64_t size) : m_path(std::move(path)), m_fd(fd), m_size(size) {}
  std::filesystem::path m_path;
  int m_fd;
  std::uint64_t m_size;
};

/// A segment file with one record that is written as it comes, its length known only at the end. Until finish() it is no segment: it lies
/// under another name, and its record has no head.
class SegmentDraft {
 public:
  /// Conflict when the file exists.
  [[nodiscard]] static Result<std::unique_ptr<SegmentDraft>> create(const std::filesystem::path& path);
  /// One that an earlier process left, to be read from.
  [[nodiscard]] static Result<std::unique_ptr<SegmentDraft>> open(const std::filesystem::path& path);
  ~SegmentDraft();
  SegmentDraft(const SegmentDraft&) = delete;
  SegmentDraft& operator=(const SegmentDraft&) = delete;

  [[nodiscard]] Status append(ByteView sealed);
  [[nodiscard]] Status sync();
  /// Writes the head, fills the last block, syncs.
  [[nodiscard]] Status finish(const MessageId& message);
  /// Exactly `out.size()` bytes of the sealed content; IntegrityFailed when it is shorter.
  [[nodiscard]] Status read(std::uint64_t offset, ByteSpan out) const;
  [[nodiscard]] std::uint64_t length() const noexcept { return m_length; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return m_path; }

 private:
  SegmentDraft(std::filesystem::path path, int fd) : m_path(std::move(path)), m_fd(fd) {}
  std::filesystem::path m_path;
  int m_fd;
  std::uint64_t m_length = 0;  ///< Of the sealed content so far.
};

/// fsync of a directory, so that a new file's name is durable.
[[nodiscard]] Status sync_directory(const std::filesystem::path& directory);

}  // namespace postern
