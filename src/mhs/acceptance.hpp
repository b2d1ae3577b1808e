// From an APDU that the MTA decided about to what the queue keeps, with its audit record and the mark that makes it the only one.
#pragma once

#include <span>

#include "mhs/fate.hpp"
#include "mhs/transfer_in.hpp"
#include "mts/rules_trace.hpp"
#include "spool/types.hpp"

namespace postern::mhs {

/// Who brought it, for log and audit.
struct Origin {
  std::string actor;  ///< "x400:peer:partner", "x400:user:C=DE;…", "x400:mta".
  CorrelationId correlation;
  std::string road;  ///< "TLSv1.3, 192.0.2.1:40312"
};

/// The name of an APDU of the MTS for people: "[C=DE;A= ;P=ACME] mta-1126054200-1f".
[[nodiscard]] std::string text_of(const mts::MTSIdentifier& identifier);
/// Its inverse. BadInput: not of that form.
[[nodiscard]] Result<mts::MTSIdentifier> parse_mts_identifier(std::string_view text);

/// A message, probe or report with at least one fate. The transaction fails with Conflict, field kDuplicateField, when the same APDU was
/// accepted before: then it has been taken care of, and is confirmed again.
inline constexpr std::string_view kDuplicateField = "mts_seen";
[[nodiscard]] Result<Submission> submission_of(Incoming incoming, std::span<const Fate> fates, const Origin& origin, WallTime now);
/// The same of a copy that a distribution list of ours makes, which the list's own mark (mark_seen) keeps the only one.
[[nodiscard]] Result<Submission> expanded_submission_of(Incoming incoming, std::span<const Fate> fates, const Origin& origin, WallTime now);
/// A report that this MTA makes itself.
[[nodiscard]] Result<Submission> submission_of(const mts::Report& report, const Fate& fate, const MessageId& id,
                                               const CorrelationId& correlation, WallTime now);

/// Remembers `key` (of mts/rules_envelope.hpp) as long as accepted APDUs; nothing happens where it is there already.
[[nodiscard]] CommitStep mark_seen(const std::string& key, WallTime now);
/// On a worker.
[[nodiscard]] Result<bool> was_seen(Store& store, const std::string& key);
/// In a job: forgets what was accepted before `oldest`.
[[nodiscard]] Status forget_seen(Database& database, WallTime oldest);

}  // namespace postern::mhs
