#include "audit/chain.hpp"

#include "crypto/hash.hpp"

namespace postern {

AuditHead audit_genesis(AuditChain chain) {
  return {0, sha256(as_bytes(chain == AuditChain::Engine ? "postern audit chain 1 engine" : "postern audit chain 1"))};
}

AuditHash chain_hash(const AuditHash& previous, ByteView canonical) {
  Bytes joined;
  joined.reserve(previous.size() + canonical.size());
  append(joined, previous);
  append(joined, canonical);
  return sha256(joined);
}

AuditEntry append_to_chain(AuditHead& head, AuditRecord record) {
  const std::uint64_t sequence = head.sequence + 1;
  head = {sequence, chain_hash(head.hash, canonical_bytes(sequence, record))};
  return {sequence, std::move(record), head.hash};
}

std::string_view name_of(AuditFault::Kind kind) noexcept {
  switch (kind) {
    case AuditFault::Kind::Gap: return "gap";
    case AuditFault::Kind::Reordered: return "reordered";
    case AuditFault::Kind::Altered: return "altered";
    case AuditFault::Kind::Truncated: return "truncated";
    case AuditFault::Kind::WrongHead: return "wrong_head";
  }
  return "altered";
}

void ChainVerifier::set_fault(AuditFault::Kind kind, std::uint64_t sequence, std::string text) {
  m_fault = AuditFault{kind, sequence, std::move(text)};
}

void ChainVerifier::add(const AuditEntry& entry) {
  if (m_fault) return;
  const std::uint64_t expected = m_head.sequence + 1;
  if (entry.sequence > expected) {
    const std::string last = entry.sequence - 1 == expected ? "" : " to " + std::to_string(entry.sequence - 1);
    return set_fault(AuditFault::Kind::Gap, expected, "records " + std::to_string(expected) + last + " are missing");
  }
  if (entry.sequence < expected) {
    return set_fault(AuditFault::Kind::Reordered, entry.sequence,
                     "record " + std::to_string(entry.sequence) + " stands behind record " + std::to_string(m_head.sequence));
  }
  if (chain_hash(m_head.hash, canonical_bytes(entry.sequence, entry.record)) != entry.hash) {
    return set_fault(AuditFault::Kind::Altered, entry.sequence,
                     "the hash of record " + std::to_string(entry.sequence) + " does not fit: it, or its place, was changed");
  }
  m_head = {entry.sequence, entry.hash};
}

void ChainVerifier::finish(const std::optional<AuditHead>& expected) {
  if (m_fault || !expected || m_head == *expected) return;
  const std::string end = std::to_string(m_head.sequence), wanted = std::to_string(expected->sequence);
  if (m_head.sequence < expected->sequence) {
    return set_fault(AuditFault::Kind::Truncated, m_head.sequence + 1,
                     "the log ends at record " + end + ", but its head is record " + wanted);
  }
  const std::string text = m_head.sequence > expected->sequence ? "the log goes on behind its head, record " + wanted
                                                                : "record " + wanted + " has another hash than the head";
  set_fault(AuditFault::Kind::WrongHead, expected->sequence, text);
}

}  // namespace postern
