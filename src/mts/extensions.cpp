#include "mts/extensions.hpp"

#include <algorithm>

namespace postern::mts {

using namespace asn1;

namespace {

constexpr std::uint8_t kSubmission = 1, kDelivery = 4;

constexpr std::uint16_t in(std::initializer_list<Place> places) {
  std::uint16_t bits = 0;
  for (const Place place : places) bits = static_cast<std::uint16_t>(bits | 1U << static_cast<unsigned>(place));
  return bits;
}

// Groups of places that many extensions share (X.411 fig. 2 and 4).
using enum Place;
constexpr std::uint16_t kMessage = in({MessageSubmission, MessageTransfer});
constexpr std::uint16_t kMessageToDelivery = in({MessageSubmission, MessageTransfer, MessageDelivery});
constexpr std::uint16_t kProbe = in({ProbeSubmission, ProbeTransfer});
constexpr std::uint16_t kRecipient = in({MessageSubmissionRecipient, MessageTransferRecipient});
constexpr std::uint16_t kRecipientToDelivery = in({MessageSubmissionRecipient, MessageTransferRecipient, MessageDelivery});
constexpr std::uint16_t kProbeRecipient = in({ProbeSubmissionRecipient, ProbeTransferRecipient});
constexpr std::uint16_t kReportEnvelope = in({ReportTransferEnvelope, ReportDelivery});
constexpr std::uint16_t kReportRecipient = in({ReportTransferRecipient, ReportDeliveryRecipient});

template <StandardExtension E>
ExtensionInfo row(std::string_view name, std::uint8_t recommended, std::uint16_t places) {
  return {E, name, []() -> const Type& { return schema(Of<ExtensionValue<E>>{}); }, recommended, places};
}

std::vector<ExtensionInfo> make_table() {
  using enum StandardExtension;
  return {
      row<RecipientReassignmentProhibited>("recipient-reassignment-prohibited", kDelivery, kMessage | kProbe),
      row<OriginatorRequestedAlternateRecipient>("originator-requested-alternate-recipient", kSubmission, kRecipient | kProbeRecipient),
      row<DlExpansionProhibited>("dl-expansion-prohibited", kDelivery, kMessage | kProbe),
      row<ConversionWithLossProhibited>("conversion-with-loss-prohibited", kDelivery, kMessageToDelivery | kProbe),
      row<LatestDeliveryTime>("latest-delivery-time", kDelivery, kMessage),
      row<RequestedDeliveryMethod>("requested-delivery-method", 0, kRecipientToDelivery | kProbeRecipient),
      row<PhysicalForwardingProhibited>("physical-forwarding-prohibited", kDelivery, kRecipientToDelivery),
      row<PhysicalForwardingAddressRequest>("physical-forwarding-address-request", kDelivery, kRecipientToDelivery),
      row<PhysicalDeliveryModes>("physical-delivery-modes", kDelivery, kRecipientToDelivery),
      row<RegisteredMailType>("registered-mail-type", kDelivery, kRecipientToDelivery),
      row<RecipientNumberForAdvice>("recipient-number-for-advice", kDelivery, kRecipientToDelivery),
      row<PhysicalRenditionAttributes>("physical-rendition-attributes", kDelivery, kRecipientToDelivery | kProbeRecipient),
      row<OriginatorReturnAddress>("originator-return-address", 0, kMessageToDelivery),
      row<PhysicalDeliveryReportRequest>("physical-delivery-report-request", kDelivery, kRecipientToDelivery),
      row<OriginatorCertificate>("originator-certificate", 0, kMessageToDelivery | kProbe),
      row<MessageToken>("message-token", kDelivery, kRecipientToDelivery),
      row<ContentConfidentialityAlgorithmIdentifier>("content-confidentiality-algorithm-identifier", kDelivery, kMessageToDelivery),
      row<ContentIntegrityCheck>("content-integrity-check", kDelivery, kRecipientToDelivery),
      row<MessageOriginAuthenticationCheck>("message-origin-authentication-check", kDelivery, kMessageToDelivery),
      row<MessageSecurityLabel>("message-security-label", kDelivery, kMessageToDelivery | kProbe | kReportEnvelope),
      row<ProofOfSubmissionRequest>("proof-of-submission-request", kSubmission, in({MessageSubmission})),
      row<ProofOfDeliveryRequest>("proof-of-delivery-request", kDelivery, kRecipientToDelivery),
      row<ContentCorrelator>("content-correlator", 0, kMessage | kProbe | in({ReportTransferContent, ReportDelivery})),
      row<ProbeOriginAuthenticationCheck>("probe-origin-authentication-check", kDelivery, kProbe),
      row<RedirectionHistory>("redirection-history", 0,
                              in({MessageTransferRecipient, ProbeTransferRecipient, MessageDelivery}) | kReportEnvelope | kReportRecipient),
      row<DlExpansionHistory>("dl-expansion-history", 0, in({MessageTransfer, MessageDelivery})),
      row<PhysicalForwardingAddress>("physical-forwarding-address", 0, kReportRecipient),
      row<RecipientCertificate>("recipient-certificate", 0, kRecipientToDelivery | kReportRecipient),
      row<ProofOfDelivery>("proof-of-delivery", 0, kReportRecipient),
      row<OriginatorAndDlExpansionHistory>("originator-and-DL-expansion-history", 0, kReportEnvelope),
      row<ReportingDlName>("reporting-DL-name", 0, kReportEnvelope),
      row<ReportingMtaCertificate>("reporting-MTA-certificate", kDelivery, kReportEnvelope),
      row<ReportOriginAuthenticationCheck>("report-origin-authentication-check", kDelivery, kReportEnvelope),
      row<OriginatingMtaCertificate>("originating-MTA-certificate", 0, in({MessageSubmissionResult})),
      row<ProofOfSubmission>("proof-of-submission", 0, in({MessageSubmissionResult})),
      row<ForwardingRequest>("forwarding-request", kSubmission, in({MessageSubmission})),
      row<TraceInformation>("trace-information", 0, in({MessageDelivery, ReportDelivery})),
      row<InternalTraceInformation>("internal-trace-information", 0,
                                    in({MessageTransfer, ProbeTransfer, MessageDelivery}) | kReportEnvelope),
      row<ReportingMtaName>("reporting-MTA-name", 0, kReportEnvelope),
      row<MultipleOriginatorCertificates>("multiple-originator-certificates", 0, kMessageToDelivery),
      row<BlindCopyRecipients>("blind-copy-recipients", 0, kRecipientToDelivery),
      row<DlExemptedRecipients>("dl-exempted-recipients", 0, kMessageToDelivery),
      row<BodyPartEncryptionToken>("body-part-encryption-token", 0, kRecipientToDelivery),
      row<ForwardedContentToken>("forwarded-content-token", 0, kRecipientToDelivery),
      row<CertificateSelectors>("certificate-selectors", 0, kMessageToDelivery),
      row<CertificateSelectorsOverride>("certificate-selectors-override", 0, kRecipientToDelivery),
  };
}

bool is(const ExtensionField& field, StandardExtension extension) noexcept {
  const auto* standard = std::get_if<StandardExtension>(&field.type.value);
  return standard != nullptr && *standard == extension;
}

const Type* syntax_of(const void* parent) {
  const auto* standard = std::get_if<StandardExtension>(&static_cast<const ExtensionField*>(parent)->type.value);
  const ExtensionInfo* info = standard == nullptr ? nullptr : info_of(*standard);
  return info == nullptr ? nullptr : &info->syntax();
}

}  // namespace

std::span<const ExtensionInfo> standard_extensions() {
  static const std::vector<ExtensionInfo> table = make_table();
  return table;
}

const ExtensionInfo* info_of(StandardExtension extension) {
  const auto table = standard_extensions();
  const auto number = static_cast<std::int64_t>(extension);
  return number >= 1 && number <= std::ssize(table) ? &table[static_cast<std::size_t>(number - 1)] : nullptr;
}

std::string text_of(const ExtensionType& type) {
  if (const auto* oid = std::get_if<Oid>(&type.value)) return oid->text();
  const auto standard = std::get<StandardExtension>(type.value);
  if (const ExtensionInfo* info = info_of(standard)) return std::string(info->name);
  return "standard-extension " + std::to_string(static_cast<std::int64_t>(standard));
}

const ExtensionField* find(const Extensions& extensions, StandardExtension extension) noexcept {
  const auto at = std::ranges::find_if(extensions, [extension](const ExtensionField& field) { return is(field, extension); });
  return at == extensions.end() ? nullptr : &*at;
}

void erase(Extensions& extensions, StandardExtension extension) {
  std::erase_if(extensions, [extension](const ExtensionField& field) { return is(field, extension); });
}

void put(Extensions& extensions, StandardExtension extension, Any value) {
  const auto at = std::ranges::find_if(extensions, [extension](const ExtensionField& field) { return is(field, extension); });
  if (at != extensions.end()) {
    at->value = std::move(value);
    return;
  }
  ExtensionField field{.type = {extension}, .criticality = {}, .value = std::move(value)};
  const ExtensionInfo* info = info_of(extension);
  for (unsigned bit = 0; info != nullptr && bit < 3; ++bit) {
    if ((info->recommended >> bit & 1U) != 0) field.criticality.set(static_cast<CriticalityBit>(bit));
  }
  extensions.push_back(std::move(field));
}

// X.411 9.1; 1988 had type [0] EXTENSION alone, the same octets for what is standard.
const Type& schema(Of<StandardExtension>) {
  static const Type type = [] {
    Type made = integer<StandardExtension>("StandardExtension", {});
    for (const ExtensionInfo& info : standard_extensions()) made.names.push_back({info.name, static_cast<std::int64_t>(info.extension)});
    return made;
  }();
  return type;
}

const Type& schema(Of<ExtensionType>) {
  static const Type type =
      choice<&ExtensionType::value>("ExtensionType", {
                                                         alternative<&ExtensionType::value, 0>("standard-extension").implicitly(context(0)),
                                                         alternative<&ExtensionType::value, 1>("private-extension").implicitly(context(3)),
                                                     });
  return type;
}

const Type& schema(Of<Criticality>) {
  static const Type type = named_bits<Criticality>("Criticality", {{"for-submission", 0}, {"for-transfer", 1}, {"for-delivery", 2}});
  return type;
}

const Type& schema(Of<ExtensionField>) {
  using T = ExtensionField;
  static const Type type = sequence<T>("ExtensionField", {
                                                             field<&T::type>("type"),
                                                             field<&T::criticality>("criticality").implicitly(context(1)).defaulted(),
                                                             field<&T::value>("value").explicitly(context(2)).defaulted().holds(&syntax_of),
                                                         });
  return type;
}

const Type& schema(Of<Extensions>) {
  static const Type type = set_of_type<ExtensionField>("Extensions");
  return type;
}

}  // namespace postern::mts
