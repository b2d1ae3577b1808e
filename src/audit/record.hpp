// One audit record, and the bytes of it that are chained.
//
// A record says who did what to which message, when, and in which connection or request. It is written once, in the same database
// transaction as the thing it reports, and never changed. Facts are redacted by the caller: no subjects, no credentials, no content;
// addresses only where the deed cannot be understood without them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace postern {

/// What happened, before it has a place in the chain. Texts are UTF-8.
struct AuditRecord {
  WallTime time{};
  std::string kind;           ///< Dotted, lower case: "message.accepted", "key.used", "queue.hold", "login", "policy.decision", "admin".
  CorrelationId correlation;  ///< The connection or request; may be empty.
  MessageId message;          ///< The message it is about; may be empty.
  std::string actor;          ///< Who did it: "user:alice", "peer:192.0.2.1", "system", "cli".
  std::string facts = "{}";   ///< One JSON object as text (AuditFacts makes it). Chained byte for byte as it stands here.

  friend bool operator==(const AuditRecord&, const AuditRecord&) = default;
};

/// Limits of a record; a longer field is BadInput, never cut.
inline constexpr std::size_t kAuditKindBytes = 64;
inline constexpr std::size_t kAuditActorBytes = 512;
inline constexpr std::size_t kAuditFactsBytes = 64U * 1024;

/// Whether the record may be chained: kind has its form, fields are within their limits and UTF-8, facts are one JSON object.
[[nodiscard]] Status check_record(const AuditRecord& record);

/// Builds the facts of a record, in the order of the calls.
///
///   record.facts = AuditFacts().add("size", 2048).add("door", "mx").text();
class AuditFacts {
 public:
  AuditFacts& add(std::string_view name, std::string_view value);
  AuditFacts& add(std::string_view name, const char* value) { return add(name, std::string_view(value)); }
  AuditFacts& add(std::string_view name, const std::string& value) { return add(name, std::string_view(value)); }
  AuditFacts& add(std::string_view name, bool value);
  AuditFacts& add(std::string_view name, std::integral auto value) { return add_raw(name, std::to_string(value)); }
  [[nodiscard]] std::string text() const { return m_text + "}"; }

 private:
  AuditFacts& add_raw(std::string_view name, std::string_view json);
  std::string m_text = "{";
};

using AuditHash = std::array<Byte, 32>;

/// A record at its place: sequence numbers run 1, 2, 3, ... without a gap.
struct AuditEntry {
  std::uint64_t sequence = 0;
  AuditRecord record;
  AuditHash hash{};  ///< SHA-256(hash of the entry before || canonical bytes of this one).

  friend bool operator==(const AuditEntry&, const AuditEntry&) = default;
};

/// The form of the chained bytes. The first byte names the form, so that other kinds of entries (signed checkpoints) and later forms
/// can stand in the same chain.
inline constexpr Byte kAuditFormEvent = 1;

/// The chained bytes: form (1), sequence (8), time in milliseconds (8), then kind, correlation, message, actor and facts, each as a
/// 32-bit length and its bytes. Integers are big-endian. Two different records never have the same bytes.
[[nodiscard]] Bytes canonical_bytes(std::uint64_t sequence, const AuditRecord& record);

}  // namespace postern
