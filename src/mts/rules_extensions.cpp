#include "mts/rules_extensions.hpp"

#include <algorithm>

namespace postern::mts {

namespace {

/// Extensions whose semantics the rules of this room carry out, or which oblige an MTA to nothing but to carry them: checks and tokens are
/// for the recipient, certificates for whoever wants them.
constexpr StandardExtension kUnderstood[] = {
    StandardExtension::RecipientReassignmentProhibited,
    StandardExtension::OriginatorRequestedAlternateRecipient,
    StandardExtension::DlExpansionProhibited,
    StandardExtension::ConversionWithLossProhibited,
    StandardExtension::LatestDeliveryTime,
    StandardExtension::RequestedDeliveryMethod,
    StandardExtension::OriginatorReturnAddress,
    StandardExtension::OriginatorCertificate,
    StandardExtension::MessageToken,
    StandardExtension::ContentConfidentialityAlgorithmIdentifier,
    StandardExtension::ContentIntegrityCheck,
    StandardExtension::MessageOriginAuthenticationCheck,
    StandardExtension::MessageSecurityLabel,
    StandardExtension::ContentCorrelator,
    StandardExtension::ProbeOriginAuthenticationCheck,
    StandardExtension::RedirectionHistory,
    StandardExtension::DlExpansionHistory,
    StandardExtension::RecipientCertificate,
    StandardExtension::OriginatorAndDlExpansionHistory,
    StandardExtension::ReportingDlName,
    StandardExtension::TraceInformation,
    StandardExtension::InternalTraceInformation,
    StandardExtension::ReportingMtaName,
    StandardExtension::MultipleOriginatorCertificates,
    StandardExtension::DlExemptedRecipients,
    StandardExtension::CertificateSelectors,
    StandardExtension::CertificateSelectorsOverride,
};

template <class Envelope>
std::vector<CriticalFunction> of_recipients(const Envelope& envelope, CriticalityBit step, const Understands& understands) {
  std::vector<CriticalFunction> found;
  const ExtensionField* of_message = critical_unknown(envelope.extensions, step, understands);
  for (std::size_t i = 0; i < envelope.per_recipient_fields.size(); ++i) {
    const auto& recipient = envelope.per_recipient_fields[i];
    if (!recipient.per_recipient_indicators.test(PerRecipientIndicator::Responsibility)) continue;
    const ExtensionField* critical = of_message != nullptr ? of_message : critical_unknown(recipient.extensions, step, understands);
    if (critical != nullptr) found.push_back({i, critical->type});
  }
  return found;
}

template <class Envelope>
std::optional<ExtensionType> of_submission(const Envelope& envelope, const Understands& understands) {
  const ExtensionField* critical = critical_unknown(envelope.extensions, CriticalityBit::ForSubmission, understands);
  for (const auto& recipient : envelope.per_recipient_fields) {
    if (critical != nullptr) break;
    critical = critical_unknown(recipient.extensions, CriticalityBit::ForSubmission, understands);
  }
  return critical == nullptr ? std::nullopt : std::optional(critical->type);
}

const ExtensionInfo* info_of(const ExtensionType& type) {
  const auto* standard = std::get_if<StandardExtension>(&type.value);
  return standard == nullptr ? nullptr : info_of(*standard);
}

}  // namespace

bool understood_here(const ExtensionType& type) {
  const auto* standard = std::get_if<StandardExtension>(&type.value);
  return standard != nullptr && std::ranges::find(kUnderstood, *standard) != std::end(kUnderstood);
}

const ExtensionField* critical_unknown(const Extensions& extensions, CriticalityBit step, const Understands& understands) {
  const auto at = std::ranges::find_if(
      extensions, [&](const ExtensionField& field) { return field.criticality.test(step) && !understands(field.type); });
  return at == extensions.end() ? nullptr : &*at;
}

std::string misplaced(const Extensions& extensions, Place place) {
  for (std::size_t i = 0; i < extensions.size(); ++i) {
    const ExtensionType& type = extensions[i].type;
    const auto same = [&](const ExtensionField& other) { return other.type == type; };
    if (std::any_of(extensions.begin(), extensions.begin() + static_cast<std::ptrdiff_t>(i), same))
      return text_of(type) + " stands there twice";
    const ExtensionInfo* info = info_of(type);
    if (info != nullptr && !info->may_stand_in(place)) return text_of(type) + " has no place there";
  }
  return {};
}

void carry(const Extensions& from, Place to, Extensions& into) {
  for (const ExtensionField& field : from) {
    const ExtensionInfo* info = info_of(field.type);
    if (info == nullptr || info->may_stand_in(to)) into.push_back(field);
  }
}

std::vector<CriticalFunction> critical_functions(const MessageTransferEnvelope& envelope, CriticalityBit step,
                                                 const Understands& understands) {
  return of_recipients(envelope, step, understands);
}
std::vector<CriticalFunction> critical_functions(const ProbeTransferEnvelope& envelope, CriticalityBit step,
                                                 const Understands& understands) {
  return of_recipients(envelope, step, understands);
}
std::optional<ExtensionType> critical_function(const MessageSubmissionEnvelope& envelope, const Understands& understands) {
  return of_submission(envelope, understands);
}
std::optional<ExtensionType> critical_function(const ProbeSubmissionEnvelope& envelope, const Understands& understands) {
  return of_submission(envelope, understands);
}

}  // namespace postern::mts
