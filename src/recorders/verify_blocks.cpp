// The other side of blocks.cpp: files held against the blocks of the chain.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "recorders/blocks.hpp"

namespace postern {
namespace {

constexpr std::size_t kFaults = 1000;

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : m_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) {}
  ~OpenFile() {
    if (m_fd >= 0) ::close(m_fd);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  [[nodiscard]] bool is_open() const noexcept { return m_fd >= 0; }
  [[nodiscard]] std::uint64_t size() const noexcept {
    struct stat info{};
    return ::fstat(m_fd, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
  }
  /// The digest and the number of line ends of a part; IntegrityFailed when the file ends before it.
  struct Part {
    Sha256 digest{};
    std::uint64_t lines = 0;
  };
  [[nodiscard]] Result<Part> read(std::uint64_t offset, std::uint64_t bytes) const {
    Hasher hasher(HashAlgorithm::Sha256);
    Part part;
    std::array<char, 65536> buffer;
    while (bytes > 0) {
      const ssize_t n = ::pread(m_fd, buffer.data(), std::min<std::uint64_t>(bytes, buffer.size()), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail(ErrorCode::Unavailable, std::string("cannot be read: ") + std::strerror(errno));
      if (n == 0) return fail(ErrorCode::IntegrityFailed, "ends here");
      const std::string_view text(buffer.data(), static_cast<std::size_t>(n));
      hasher.update(text);
      part.lines += static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
      offset += text.size();
      bytes -= text.size();
    }
    std::ranges::copy(hasher.finish(), part.digest.begin());
    return part;
  }

 private:
  int m_fd;
};

class Verifier {
 public:
  /// The blocks of one file, in order, against it.
  Status check(const std::string& path, std::span<const AuditBlock> blocks) {
    const OpenFile file(path);
    if (!file.is_open()) {
      if (errno != ENOENT) return fail(ErrorCode::Unavailable, "cannot be opened: " + std::string(std::strerror(errno)), path);
      for (const AuditBlock& block : blocks) add(BlockFault::Kind::Missing, path, block, "the file is not there");
      return {};
    }
    std::uint64_t at = 0;
    for (const AuditBlock& block : blocks) {
      uncovered(path, at, std::min(block.offset, file.size()));
      POSTERN_CHECK(check(path, file, block));
      at = block.offset + block.bytes;
    }
    uncovered(path, at, file.size());
    return {};
  }
  void missing(std::span<const AuditBlock> blocks) {
    for (const AuditBlock& block : blocks) add(BlockFault::Kind::Missing, block.file, block, "no file was given for it");
  }
  void disorder(const AuditBlock& block) {
    add(BlockFault::Kind::Disorder, block.file, block, "its place does not follow from the record before it");
  }
  std::vector<BlockFault> take() && { return std::move(m_faults); }

 private:
  Status check(const std::string& path, const OpenFile& file, const AuditBlock& block) {
    const auto part = file.read(block.offset, block.bytes);
    if (!part && part.error().code != ErrorCode::IntegrityFailed) return fail(Error{part.error().code, part.error().what, path});
    if (!part)
      add(BlockFault::Kind::Missing, path, block, "the file ends before the end of this block");
    else if (part->digest != block.digest || part->lines != block.last_line - block.first_line + 1)
      add(BlockFault::Kind::Altered, path, block, "these lines are not the ones that were written");
    return {};
  }
  void uncovered(const std::string& path, std::uint64_t from, std::uint64_t to) {
    if (to <= from) return;
    AuditBlock gap;
    gap.offset = from;
    gap.bytes = to - from;
    add(BlockFault::Kind::Uncovered, path, std::move(gap), "these bytes stand in no block");
  }
  void add(BlockFault::Kind kind, const std::string& path, AuditBlock block, std::string text) {
    if (m_faults.size() < kFaults) m_faults.push_back({kind, path, std::move(block), std::move(text)});
  }
  std::vector<BlockFault> m_faults;
};

/// Whether `next` may follow `block` in one file. A gap is possible: lines of a killed process stand in no block.
bool follows(const AuditBlock& block, const AuditBlock& next) {
  const std::uint64_t end = block.offset + block.bytes;
  return next.offset == end ? next.first_line == block.last_line + 1 : next.offset > end && next.first_line > block.last_line;
}

/// How many files the blocks are of: each begins with one at offset 0, except that the first may have been there before.
std::size_t runs_of(std::span<const AuditBlock> blocks) {
  if (blocks.empty()) return 0;
  return 1 + static_cast<std::size_t>(std::ranges::count_if(blocks.subspan(1), [](const AuditBlock& block) { return block.offset == 0; }));
}

bool is_empty(const std::string& path) {
  const OpenFile file(path);
  return file.is_open() && file.size() == 0;
}

}  // namespace

std::string_view name_of(BlockFault::Kind kind) noexcept {
  switch (kind) {
    case BlockFault::Kind::Altered: return "altered";
    case BlockFault::Kind::Missing: return "missing";
    case BlockFault::Kind::Uncovered: return "uncovered";
    case BlockFault::Kind::Disorder: return "disorder";
  }
  return "altered";
}

Result<std::vector<BlockFault>> verify_blocks(std::span<const std::string> files, std::span<const AuditBlock> blocks) {
  Verifier verifier;
  std::size_t file = 0;
  while (!blocks.empty() || file < files.size()) {
    std::size_t count = blocks.empty() ? 0 : 1;
    if (file < files.size() && runs_of(blocks) < files.size() - file && is_empty(files[file])) count = 0;  // rotated before its first line
    for (; count > 0 && count < blocks.size() && blocks[count].offset != 0; ++count) {
      if (!follows(blocks[count - 1], blocks[count])) verifier.disorder(blocks[count]);
    }
    if (file < files.size())
      POSTERN_CHECK(verifier.check(files[file++], blocks.first(count)));
    else
      verifier.missing(blocks.first(count));
    blocks = blocks.subspan(count);
  }
  return std::move(verifier).take();
}

}  // namespace postern
