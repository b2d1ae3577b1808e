// The engine's audit held against itself: the hash chain in engine.db, and the audit files against the blocks in it. Reads only, also while
// a daemon runs; constant memory but for the blocks of files that are still there.
#pragma once

#include "config/config.hpp"
#include "recorders/blocks.hpp"
#include "store/audit_log.hpp"

namespace postern::engine {

/// One configured file, and what it was rotated to (NAME.* and NAME-* beside it that are not compressed).
struct AuditFileVerdict {
  std::string file;                ///< Where it should be.
  std::vector<std::string> read;   ///< What was there, oldest first.
  std::uint64_t lines = 0;         ///< In the blocks that were checked.
  std::uint64_t absent_lines = 0;  ///< In blocks of files that are not there any more: nobody can say anything about them.
  std::uint64_t found_lines = 0;   ///< Among `lines`: written right before a kill, or by somebody else before the next start.
  std::uint64_t young_bytes = 0;   ///< At the end of the newest file, not chained yet.
  std::vector<BlockFault> faults;
};

struct EngineAuditVerdict {
  AuditVerdict chain;
  std::vector<AuditFileVerdict> files;
  [[nodiscard]] bool whole() const;
};

/// `database_key`: 32 bytes for SQLCipher, or nothing. NotFound when there is no engine.db.
[[nodiscard]] Result<EngineAuditVerdict> verify_engine_audit(const config::Config& config, SecretBytes database_key);

}  // namespace postern::engine
