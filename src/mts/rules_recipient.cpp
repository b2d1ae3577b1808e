#include "mts/rules_recipient.hpp"

#include <algorithm>
#include <set>

#include "mts/bounds.hpp"
#include "oraddress/compare.hpp"

namespace postern::mts {

namespace {

using Reason = NonDeliveryReasonCode;
using Diagnostic = NonDeliveryDiagnosticCode;

NonDeliveryReport unable(Diagnostic diagnostic) { return {Reason::UnableToTransfer, diagnostic}; }

/// A list that a peer filled up is written again as it was.
template <StandardExtension E>
void store(Extensions& extensions, const ExtensionValue<E>& value) {
  auto any = asn1::to_any(value, schema(asn1::Of<ExtensionValue<E>>{}), asn1::EncodeRules::Lenient);
  if (any) put(extensions, E, *std::move(any));
}

template <class Envelope>
bool prohibits_reassignment(const Envelope& envelope, RedirectionReason reason) {
  if (reason == RedirectionReason::OriginatorRequestedAlternateRecipient) return false;
  const auto prohibited = extension_or<StandardExtension::RecipientReassignmentProhibited>(envelope.extensions);
  if (prohibited == RecipientReassignmentProhibited::Prohibited) return true;
  return reason == RedirectionReason::RecipientMDAssignedAlternateRecipient &&
         !envelope.per_message_indicators.test(PerMessageIndicator::AlternateRecipientAllowed);
}

bool leads_back(const RedirectionHistory& history, const ORName& from, const ORName& to) {
  return std::ssize(history) >= ub::redirections || same_name(from, to) || std::ranges::any_of(history, [&](const Redirection& past) {
           return same_name(past.intended_recipient_name.intended_recipient, to);
         });
}

template <class Envelope>
std::optional<NonDeliveryReport> redirected(Envelope& envelope, std::size_t index, const ORName& to, RedirectionReason reason,
                                            const Time& now) {
  auto& recipient = envelope.per_recipient_fields.at(index);
  if (prohibits_reassignment(envelope, reason)) return unable(Diagnostic::RecipientReassignmentProhibited);
  auto history = extension_or<StandardExtension::RedirectionHistory>(recipient.extensions);
  if (leads_back(history, recipient.recipient_name, to)) return unable(Diagnostic::RedirectionLoopDetected);
  history.push_back({{recipient.recipient_name, now}, reason});
  store<StandardExtension::RedirectionHistory>(recipient.extensions, history);
  recipient.recipient_name = to;
  note_other_action(trace_of(envelope), OtherAction::Redirected);
  return std::nullopt;
}

bool holds(std::span<const ORName> names, const ORName& name) {
  return std::ranges::any_of(names, [&](const ORName& each) { return same_name(each, name); });
}

/// Who sends to the list: the list before it, or the originator.
template <class Envelope>
const ORName& sender_to(const Envelope& envelope, const DLExpansionHistory& history) {
  return history.empty() ? envelope.originator_name : history.back().dl;
}

template <class Envelope>
std::optional<NonDeliveryReport> refusal(const Envelope& envelope, const DLExpansionHistory& history, const ListPolicy& policy) {
  if (extension_or<StandardExtension::DlExpansionProhibited>(envelope.extensions) == DLExpansionProhibited::Prohibited)
    return unable(Diagnostic::DlExpansionProhibited);
  if (!policy.submit_permission.empty() && !holds(policy.submit_permission, sender_to(envelope, history)))
    return unable(Diagnostic::NoDlSubmitPermission);
  if (std::ssize(history) >= ub::dl_expansions) return NonDeliveryReport{Reason::TransferFailure, Diagnostic::LoopDetected};
  return std::nullopt;
}

/// What every member starts from.
PerRecipientMessageTransferFields member_like(const PerRecipientMessageTransferFields& list, bool reports_to_owner) {
  PerRecipientMessageTransferFields member = list;
  erase(member.extensions, StandardExtension::RedirectionHistory);
  erase(member.extensions, StandardExtension::OriginatorRequestedAlternateRecipient);
  member.per_recipient_indicators.set(PerRecipientIndicator::Responsibility);
  if (reports_to_owner) {
    member.per_recipient_indicators.set(PerRecipientIndicator::OriginatingMTAReport, false);
    member.per_recipient_indicators.set(PerRecipientIndicator::OriginatorReport, false);
    member.per_recipient_indicators.set(PerRecipientIndicator::OriginatorNonDeliveryReport, true);
  }
  return member;
}

Result<std::size_t> octets_of(const PerRecipientMessageTransferFields& fields) {
  POSTERN_TRY(const Bytes octets, asn1::encode_as_taken(fields));
  return octets.size();
}
/// What a copy takes in memory: something for each extension besides its octets, however short.
std::size_t weight_of(const PerRecipientMessageTransferFields& fields, std::size_t octets) {
  constexpr std::size_t kOfExtension = 256;
  return octets + kOfExtension * (fields.extensions.size() + fields.unknown.size());
}

/// Names to look others up in, however many there are.
class NameSet {
 public:
  explicit NameSet(const std::vector<ORName>& names) {
    for (const ORName& name : names) {
      if (name.is_absent())
        m_of_directory.push_back(name);
      else
        m_addresses.insert(oraddress::comparison_key(name));
    }
  }
  [[nodiscard]] bool contains(const ORName& name) const {
    return name.is_absent() ? holds(m_of_directory, name) : !m_addresses.empty() && m_addresses.contains(oraddress::comparison_key(name));
  }

 private:
  std::set<std::string> m_addresses;
  std::vector<ORName> m_of_directory;
};

/// The members of the list, each like the model; dl-exempted-recipients are none. False: too much for one message.
bool add_members(MessageTransferEnvelope& to, const PerRecipientMessageTransferFields& model, const std::vector<ORName>& members,
                 std::size_t& together) {
  const auto octets = octets_of(model);
  if (!octets || weight_of(model, *octets) > kExpansionOctets / std::max<std::size_t>(members.size(), 1)) return false;
  together = std::clamp<std::size_t>(kMembersOctets / std::max<std::size_t>(*octets, 1), 1, kMembersOfEnvelope);
  const NameSet exempted(extension_or<StandardExtension::DlExemptedRecipients>(to.extensions));
  for (const ORName& member : members) {
    if (exempted.contains(member)) continue;
    to.per_recipient_fields.push_back(model);
    to.per_recipient_fields.back().recipient_name = member;
  }
  return true;
}

}  // namespace

bool same_name(const ORName& a, const ORName& b) {
  if (a.is_absent() && b.is_absent()) return a.directory_name == b.directory_name;
  return oraddress::equivalent(a, b);
}

std::optional<NonDeliveryReport> redirect(MessageTransferEnvelope& envelope, std::size_t recipient, const ORName& to,
                                          RedirectionReason reason, const Time& now) {
  return redirected(envelope, recipient, to, reason, now);
}
std::optional<NonDeliveryReport> redirect(ProbeTransferEnvelope& envelope, std::size_t recipient, const ORName& to,
                                          RedirectionReason reason, const Time& now) {
  return redirected(envelope, recipient, to, reason, now);
}

std::optional<ORName> originator_alternate(const PerRecipientMessageTransferFields& recipient) {
  const auto alternate = extension<StandardExtension::OriginatorRequestedAlternateRecipient>(recipient.extensions);
  if (!alternate || !*alternate) return std::nullopt;
  const auto history = extension_or<StandardExtension::RedirectionHistory>(recipient.extensions);
  const bool taken = same_name(**alternate, recipient.recipient_name) || std::ranges::any_of(history, [](const Redirection& past) {
                       return past.redirection_reason == RedirectionReason::OriginatorRequestedAlternateRecipient;
                     });
  return taken ? std::nullopt : *alternate;
}

std::optional<ORName> originally_intended_recipient(const Extensions& recipient_extensions) {
  const auto history = extension_or<StandardExtension::RedirectionHistory>(recipient_extensions);
  return history.empty() ? std::nullopt : std::optional(history.front().intended_recipient_name.intended_recipient);
}

ListExpansion expand_list(const MessageTransferEnvelope& envelope, std::size_t recipient, const ListPolicy& policy, const Time& now) {
  const PerRecipientMessageTransferFields& list = envelope.per_recipient_fields.at(recipient);
  auto history = extension_or<StandardExtension::DlExpansionHistory>(envelope.extensions);
  ListExpansion out;
  if (std::ranges::any_of(history, [&](const DLExpansion& past) { return same_name(past.dl, list.recipient_name); })) {
    out.outcome = ListOutcome::Recursion;
    return out;
  }
  if (auto report = refusal(envelope, history, policy)) {
    out.report = *std::move(report);
    return out;
  }
  static_cast<PerMessageTransferFields&>(out.envelope) = envelope;
  out.envelope.unknown = envelope.unknown;
  out.envelope.per_message_indicators.set(PerMessageIndicator::DisclosureOfOtherRecipients, false);
  if (!add_members(out.envelope, member_like(list, policy.reports_to_owner), policy.members, out.together)) {
    out.report = unable(Diagnostic::DlExpansionFailure);
    return out;
  }
  history.push_back({list.recipient_name, now});
  store<StandardExtension::DlExpansionHistory>(out.envelope.extensions, history);
  note_other_action(trace_of(out.envelope), OtherAction::DlOperation);
  out.outcome = out.envelope.per_recipient_fields.empty() ? ListOutcome::Empty : ListOutcome::Expanded;
  out.delivery_report_due = list.per_recipient_indicators.test(PerRecipientIndicator::OriginatorReport) &&
                            (policy.reports_to_owner || out.outcome == ListOutcome::Empty);
  return out;
}

std::optional<NonDeliveryReport> list_refusal(const ProbeTransferEnvelope& probe, const ListPolicy& policy) {
  return refusal(probe, {}, policy);
}

}  // namespace postern::mts
