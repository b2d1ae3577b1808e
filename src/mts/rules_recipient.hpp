// What may become of a recipient on the way: another recipient in his place (redirection, X.411 14.3.5) or many (distribution lists,
// X.411 14.3.10). The history tells everyone after; it is also what shows that two rules lead in circles.
#pragma once

#include "mts/p1.hpp"
#include "mts/rules_trace.hpp"

namespace postern::mts {

// ---- redirection
/// Replaces the recipient's name and notes the one before in his redirection-history, and `redirected` in the trace. An answer: not done,
/// and this is what to report:
///   the originator prohibited reassignment and the reason is one of the recipient's side   recipient-reassignment-prohibited
///   the new name stands in the history, or is the old one, or the history is full          redirection-loop-detected
///   the MD's own alternate, and the originator does not allow alternate recipients          recipient-reassignment-prohibited
[[nodiscard]] std::optional<NonDeliveryReport> redirect(MessageTransferEnvelope& envelope, std::size_t recipient, const ORName& to,
                                                        RedirectionReason reason, const Time& now);
[[nodiscard]] std::optional<NonDeliveryReport> redirect(ProbeTransferEnvelope& envelope, std::size_t recipient, const ORName& to,
                                                        RedirectionReason reason, const Time& now);
/// X.411 8.2.1.1.1.5: the alternate the originator asked for, taken before a non-delivery report is made. nullopt: none, or it has been
/// taken already.
[[nodiscard]] std::optional<ORName> originator_alternate(const PerRecipientMessageTransferFields& recipient);
/// Whom the originator named at first (X.411 8.3.1.1.1.5), if this is not he.
[[nodiscard]] std::optional<ORName> originally_intended_recipient(const Extensions& recipient_extensions);

// ---- distribution lists
struct ListPolicy {
  std::vector<ORName> members;
  /// True: the members' reports go to the list (its owner decides); the originator who wants a delivery report gets one that says `dl`.
  /// False: they pass to the originator.
  bool reports_to_owner = false;
  /// May the originator (or the list before, the last of the history) send to this list? Empty: everyone.
  std::vector<ORName> submit_permission;
};
/// Members that may stand in one envelope, so that it stays well under the megabyte that MTAs (this one, too) take: that many at most, and
/// no more octets of them than these.
inline constexpr std::size_t kMembersOfEnvelope = 1000, kMembersOctets = 512U * 1024;
/// What the fields of all members of an expansion take together: each has a copy of what the originator said for the list.
inline constexpr std::size_t kExpansionOctets = 64U * 1024 * 1024;
enum class ListOutcome : std::uint8_t {
  Expanded,
  /// X.411 14.3.10: the list has been expanded for this message before; the copy ends here, without a report.
  Recursion,
  /// Nobody is left after dl-exempted-recipients: the copy ends here; a delivery report of type dl may be due.
  Empty,
  NotDone,
};
struct ListExpansion {
  ListOutcome outcome = ListOutcome::NotDone;
  MessageTransferEnvelope envelope;           ///< Expanded: for the members only, this MTA responsible for each.
  NonDeliveryReport report;                   ///< NotDone: why.
  std::size_t together = kMembersOfEnvelope;  ///< Expanded: so many members may stand in one envelope.
  bool delivery_report_due = false;           ///< Expanded, Empty: the originator wants to know and will not hear from the members.
};
/// X.411 14.3.10. The list is recipient `recipient`. Members keep his number, conversion and per-recipient extensions but not his history
/// of redirections or his alternate; they are the MTA's own from now on, and are not disclosed to each other: who stands in a list is
/// nothing that its originator could have allowed to be told. What would take more than kExpansionOctets is reported: dl-expansion-failure.
[[nodiscard]] ListExpansion expand_list(const MessageTransferEnvelope& envelope, std::size_t recipient, const ListPolicy& policy,
                                        const Time& now);
/// X.411 14.4.2: why a message that this probe describes would not be expanded; nullopt: it would.
[[nodiscard]] std::optional<NonDeliveryReport> list_refusal(const ProbeTransferEnvelope& probe, const ListPolicy& policy);

/// Names that mean the same recipient (X.402 18.4; a directory name alone by its octets).
[[nodiscard]] bool same_name(const ORName& a, const ORName& b);

}  // namespace postern::mts
