// The hash chain over audit records: whoever changes, removes, inserts or reorders one record breaks every hash behind it.
//
// The chain proves that nothing in the middle was touched, and that nothing was cut off behind a head that somebody kept elsewhere.
// It does not stop an attacker who may rewrite the whole log and the stored head together; signed checkpoints are for that.
#pragma once

#include <optional>
#include <string>

#include "audit/record.hpp"

namespace postern {

/// Where a chain ends: the sequence number and hash of its last entry. Sequence 0 is the empty chain with the genesis hash.
struct AuditHead {
  std::uint64_t sequence = 0;
  AuditHash hash{};

  friend bool operator==(const AuditHead&, const AuditHead&) = default;
};

/// Whose chain it is: mail and key engine keep one each, and no record can be moved from one to the other.
enum class AuditChain { Mail, Engine };

/// The head of the empty chain: hash = SHA-256("postern audit chain 1"), of the engine's SHA-256("postern audit chain 1 engine").
[[nodiscard]] AuditHead audit_genesis(AuditChain chain = AuditChain::Mail);

/// The hash of the entry that follows `head`.
[[nodiscard]] AuditHash chain_hash(const AuditHash& previous, ByteView canonical);

/// Puts the record behind the head, and moves the head.
[[nodiscard]] AuditEntry append_to_chain(AuditHead& head, AuditRecord record);

/// What is wrong with a chain, at the first place where something is.
struct AuditFault {
  enum class Kind {
    Gap,        ///< Sequence numbers are missing: records were removed.
    Reordered,  ///< A sequence number comes again, or lower than the one before.
    Altered,    ///< The hash does not fit: this record or the one before was changed.
    Truncated,  ///< The log ends before the head it is held against.
    WrongHead,  ///< The log has the head's entry, with another hash; or goes on behind the head.
  };
  Kind kind = Kind::Altered;
  std::uint64_t sequence = 0;  ///< The first bad sequence number (Gap, Truncated: the first that is missing).
  std::string text;            ///< One English sentence part for people.
};
/// "gap", "reordered", "altered", "truncated", "wrong_head".
[[nodiscard]] std::string_view name_of(AuditFault::Kind kind) noexcept;

/// Verifies a chain entry by entry, in the order of the log, in constant memory.
class ChainVerifier {
 public:
  /// From the genesis, or from a head that is trusted (a checkpoint): then the first entry must follow it.
  explicit ChainVerifier(const AuditHead& start = audit_genesis()) : m_head(start) {}

  /// Takes the next entry. After the first fault nothing more is looked at.
  void add(const AuditEntry& entry);
  /// The end of the log, held against a head kept elsewhere (the side row, a checkpoint, an operator's note) if there is one.
  void finish(const std::optional<AuditHead>& expected);

  [[nodiscard]] const std::optional<AuditFault>& fault() const noexcept { return m_fault; }
  /// The last good entry.
  [[nodiscard]] const AuditHead& head() const noexcept { return m_head; }

 private:
  void set_fault(AuditFault::Kind kind, std::uint64_t sequence, std::string text);
  AuditHead m_head;
  std::optional<AuditFault> m_fault;
};

}  // namespace postern
