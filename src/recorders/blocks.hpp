// Tamper evidence for an audit file: its lines in blocks, and the digest of each block in the product's hash-chained audit log.
//
// A block is at most N lines or one second of lines. Its record (kind "engine.audit_block") says which file, which lines, which bytes and
// their SHA-256. Whoever changes, removes, inserts or reorders lines in the file then contradicts the chain, and verify_blocks() says
// where. Lines that a killed process left behind the last block are covered by a block of their own at the next start, marked "found":
// whether the recorder wrote them, nobody can say. Not covered: what is younger than the open block, and what an attacker who is root at
// the time of writing makes the process itself write.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "audit/record.hpp"
#include "crypto/hash.hpp"

namespace postern {

inline constexpr std::string_view kAuditBlockKind = "engine.audit_block";

struct AuditBlock {
  std::string file;                             ///< As configured (BlockOptions::name).
  std::uint64_t first_line = 0, last_line = 0;  ///< In that file, from 1.
  std::uint64_t offset = 0, bytes = 0;          ///< Where the lines stand. Offset 0 begins a new file (created, or rotated).
  Sha256 digest{};
  bool found = false;  ///< The lines were there when the file was opened, behind the last block.

  friend bool operator==(const AuditBlock&, const AuditBlock&) = default;
};
[[nodiscard]] AuditRecord record_of(const AuditBlock& block, WallTime now);
/// BadInput when the record is of another kind or its facts are not those of a block.
[[nodiscard]] Result<AuditBlock> block_of(const AuditRecord& record);

/// Appends a record to the hash chain, durably. Called from a recorder's own thread; while it fails, the recorder takes no lines.
using BlockPort = std::function<Status(AuditRecord)>;

struct BlockOptions {
  std::uint64_t lines = 10000;  ///< 1 to 1,000,000.
  std::chrono::milliseconds longest{1000};
  std::string name = {};  ///< Of the file in the records, so that it may be moved with what it belongs to; empty: its path.
  std::optional<AuditBlock> known = std::nullopt;  ///< The chain's newest block of this file: its lines need not be counted again.
};

/// Collects the blocks of one file. One thread.
class BlockCollector {
 public:
  BlockCollector(std::string file, BlockOptions options, BlockPort port, const Clock& clock)
      : m_options(std::move(options)), m_port(std::move(port)), m_clock(clock), m_hasher(HashAlgorithm::Sha256) {
    m_open.file = std::move(file);
    m_last = m_options.known;
  }
  /// Lines go on at this place of a file that was opened; 0 and 0 for a new one. No block may be open (see close()).
  void begin(std::uint64_t lines_before, std::uint64_t offset);
  /// Whole lines or parts of them, in order, that stood at the place given to begin(); the last piece ends a line. Then found_all().
  void found(std::string_view piece);
  void found_all();
  /// The newest block that is complete.
  [[nodiscard]] const std::optional<AuditBlock>& last() const noexcept { return m_last; }
  /// Whole lines that were written, in order. The error is the port's; the lines are kept and their block is recorded later.
  [[nodiscard]] Status add(std::string_view lines);
  /// Records the open block when it is old enough.
  [[nodiscard]] Status tick();
  /// Records the open block now.
  [[nodiscard]] Status close();
  [[nodiscard]] bool is_open() const noexcept { return m_open.bytes > 0 || !m_ready.empty(); }

 private:
  void take(std::string_view lines, std::uint64_t count);
  void finish_block();
  [[nodiscard]] Status send();
  BlockOptions m_options;
  BlockPort m_port;
  const Clock& m_clock;
  Hasher m_hasher;
  AuditBlock m_open;  // last_line is the last line so far
  SteadyTime m_since;
  std::optional<AuditBlock> m_last;
  std::vector<AuditBlock> m_ready;  // finished, not recorded yet
};

/// One thing that is wrong with the files.
struct BlockFault {
  enum class Kind {
    Altered,    ///< The bytes of this block are not those that were written.
    Missing,    ///< The file ends within or before this block, or the file is not there.
    Uncovered,  ///< Bytes that stand in no block: written around the recorder, or too young at the end of the newest file.
    Disorder,   ///< The records contradict each other: they are not those of one recorder in their order.
  };
  Kind kind = Kind::Altered;
  std::string file;  ///< The path that was read.
  AuditBlock block;  ///< Uncovered: only offset and bytes.
  std::string text;  ///< One English sentence part.
};
/// "altered", "missing", "uncovered", "disorder".
[[nodiscard]] std::string_view name_of(BlockFault::Kind kind) noexcept;

/// Holds files against blocks. `files`: the file and what it was rotated to, oldest first; `blocks`: those of one configured file in the
/// order of the chain, from the first of the oldest file on. All faults, at most 1,000. Reads in constant memory. Unavailable: a file
/// cannot be read.
[[nodiscard]] Result<std::vector<BlockFault>> verify_blocks(std::span<const std::string> files, std::span<const AuditBlock> blocks);

}  // namespace postern
