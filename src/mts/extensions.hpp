// Extension fields: how everything after 1984 travels (X.411 9.1, fig. 2 "Extension Fields", table 27).
//
//   POSTERN_TRY(auto latest, extension<StandardExtension::LatestDeliveryTime>(envelope.extensions));   // std::optional<Time>
//   POSTERN_CHECK(set_extension<StandardExtension::DlExpansionProhibited>(envelope.extensions, DLExpansionProhibited::Prohibited));
//
// An extension nobody knows stays in its list, untouched, with its criticality; rules_extensions.hpp says what that obliges an MTA to.
#pragma once

#include "asn1/ber.hpp"
#include "mts/extension_values.hpp"

namespace postern::mts {

enum class StandardExtension : std::int64_t {
  RecipientReassignmentProhibited = 1,
  OriginatorRequestedAlternateRecipient = 2,
  DlExpansionProhibited = 3,
  ConversionWithLossProhibited = 4,
  LatestDeliveryTime = 5,
  RequestedDeliveryMethod = 6,
  PhysicalForwardingProhibited = 7,
  PhysicalForwardingAddressRequest = 8,
  PhysicalDeliveryModes = 9,
  RegisteredMailType = 10,
  RecipientNumberForAdvice = 11,
  PhysicalRenditionAttributes = 12,
  OriginatorReturnAddress = 13,
  PhysicalDeliveryReportRequest = 14,
  OriginatorCertificate = 15,
  MessageToken = 16,
  ContentConfidentialityAlgorithmIdentifier = 17,
  ContentIntegrityCheck = 18,
  MessageOriginAuthenticationCheck = 19,
  MessageSecurityLabel = 20,
  ProofOfSubmissionRequest = 21,
  ProofOfDeliveryRequest = 22,
  ContentCorrelator = 23,
  ProbeOriginAuthenticationCheck = 24,
  RedirectionHistory = 25,
  DlExpansionHistory = 26,
  PhysicalForwardingAddress = 27,
  RecipientCertificate = 28,
  ProofOfDelivery = 29,
  OriginatorAndDlExpansionHistory = 30,
  ReportingDlName = 31,
  ReportingMtaCertificate = 32,
  ReportOriginAuthenticationCheck = 33,
  OriginatingMtaCertificate = 34,
  ProofOfSubmission = 35,
  ForwardingRequest = 36,  ///< X.413.
  TraceInformation = 37,
  InternalTraceInformation = 38,
  ReportingMtaName = 39,
  MultipleOriginatorCertificates = 40,
  BlindCopyRecipients = 41,  ///< X.420, as 43 and 44.
  DlExemptedRecipients = 42,
  BodyPartEncryptionToken = 43,
  ForwardedContentToken = 44,
  CertificateSelectors = 45,
  CertificateSelectorsOverride = 46,
};
const asn1::Type& schema(asn1::Of<StandardExtension>);

struct ExtensionType {
  std::variant<StandardExtension, asn1::Oid> value;  ///< standard-extension, private-extension
  friend bool operator==(const ExtensionType&, const ExtensionType&) = default;
};
const asn1::Type& schema(asn1::Of<ExtensionType>);
/// "latest-delivery-time", "standard-extension 99", "1.3.6.…".
[[nodiscard]] std::string text_of(const ExtensionType& type);

/// Who must understand the extension to go on (X.411 9.1).
enum class CriticalityBit : std::uint8_t { ForSubmission = 0, ForTransfer = 1, ForDelivery = 2 };
using Criticality = Bits<CriticalityBit>;
const asn1::Type& schema(asn1::Of<Criticality>);

struct ExtensionField {
  ExtensionType type;
  Criticality criticality;
  asn1::Any value{Bytes{0x05, 0x00}};  ///< DEFAULT NULL.
  friend bool operator==(const ExtensionField&, const ExtensionField&) = default;
};
const asn1::Type& schema(asn1::Of<ExtensionField>);

/// SET OF ExtensionField: at most one of each type (X.411 fig. 2). The order is kept.
struct Extensions : std::vector<ExtensionField> {
  using vector::vector;
};
const asn1::Type& schema(asn1::Of<Extensions>);

// ---- the table
/// Which lists of extensions an extension may stand in (the EXTENSION sets of X.411 fig. 2 and 4).
enum class Place : std::uint8_t {
  MessageSubmission,
  MessageSubmissionRecipient,
  MessageSubmissionResult,
  ProbeSubmission,
  ProbeSubmissionRecipient,
  MessageDelivery,
  ReportDelivery,
  ReportDeliveryRecipient,
  MessageTransfer,
  MessageTransferRecipient,
  ProbeTransfer,
  ProbeTransferRecipient,
  ReportTransferEnvelope,
  ReportTransferContent,
  ReportTransferRecipient,
};

struct ExtensionInfo {
  StandardExtension extension{};
  std::string_view name;
  const asn1::Type& (*syntax)() = nullptr;
  std::uint8_t recommended = 0;  ///< Criticality, bit 0 for-submission.
  std::uint16_t places = 0;      ///< Bit n: Place n.
  [[nodiscard]] bool may_stand_in(Place place) const noexcept { return (places >> static_cast<unsigned>(place) & 1U) != 0; }
};
/// All of 1..46, in order.
[[nodiscard]] std::span<const ExtensionInfo> standard_extensions();
/// nullptr: a number the standard has not given out.
[[nodiscard]] const ExtensionInfo* info_of(StandardExtension extension);

namespace detail {
template <StandardExtension E>
using Is = std::integral_constant<StandardExtension, E>;
// What an extension's value is; never defined, only asked for its type. Any where another standard defines it.
asn1::Any syntax(...);
RecipientReassignmentProhibited syntax(Is<StandardExtension::RecipientReassignmentProhibited>);
ORName syntax(Is<StandardExtension::OriginatorRequestedAlternateRecipient>);
DLExpansionProhibited syntax(Is<StandardExtension::DlExpansionProhibited>);
ConversionWithLossProhibited syntax(Is<StandardExtension::ConversionWithLossProhibited>);
Time syntax(Is<StandardExtension::LatestDeliveryTime>);
RequestedDeliveryMethod syntax(Is<StandardExtension::RequestedDeliveryMethod>);
PhysicalForwardingProhibited syntax(Is<StandardExtension::PhysicalForwardingProhibited>);
PhysicalForwardingAddressRequest syntax(Is<StandardExtension::PhysicalForwardingAddressRequest>);
PhysicalDeliveryModes syntax(Is<StandardExtension::PhysicalDeliveryModes>);
RegisteredMailType syntax(Is<StandardExtension::RegisteredMailType>);
asn1::TeletexString syntax(Is<StandardExtension::RecipientNumberForAdvice>);
asn1::Oid syntax(Is<StandardExtension::PhysicalRenditionAttributes>);
ORAddress syntax(Is<StandardExtension::OriginatorReturnAddress>);
PhysicalDeliveryReportRequest syntax(Is<StandardExtension::PhysicalDeliveryReportRequest>);
Certificates syntax(Is<StandardExtension::OriginatorCertificate>);
Token syntax(Is<StandardExtension::MessageToken>);
AlgorithmIdentifier syntax(Is<StandardExtension::ContentConfidentialityAlgorithmIdentifier>);
Signature syntax(Is<StandardExtension::ContentIntegrityCheck>);
Signature syntax(Is<StandardExtension::MessageOriginAuthenticationCheck>);
SecurityLabel syntax(Is<StandardExtension::MessageSecurityLabel>);
ProofOfSubmissionRequest syntax(Is<StandardExtension::ProofOfSubmissionRequest>);
ProofOfDeliveryRequest syntax(Is<StandardExtension::ProofOfDeliveryRequest>);
ContentCorrelator syntax(Is<StandardExtension::ContentCorrelator>);
Signature syntax(Is<StandardExtension::ProbeOriginAuthenticationCheck>);
RedirectionHistory syntax(Is<StandardExtension::RedirectionHistory>);
DLExpansionHistory syntax(Is<StandardExtension::DlExpansionHistory>);
ORName syntax(Is<StandardExtension::PhysicalForwardingAddress>);
Certificates syntax(Is<StandardExtension::RecipientCertificate>);
Signature syntax(Is<StandardExtension::ProofOfDelivery>);
OriginatorAndDLExpansionHistory syntax(Is<StandardExtension::OriginatorAndDlExpansionHistory>);
ORName syntax(Is<StandardExtension::ReportingDlName>);
Certificates syntax(Is<StandardExtension::ReportingMtaCertificate>);
Signature syntax(Is<StandardExtension::ReportOriginAuthenticationCheck>);
Certificates syntax(Is<StandardExtension::OriginatingMtaCertificate>);
Signature syntax(Is<StandardExtension::ProofOfSubmission>);
std::int64_t syntax(Is<StandardExtension::ForwardingRequest>);
TraceInformation syntax(Is<StandardExtension::TraceInformation>);
InternalTraceInformation syntax(Is<StandardExtension::InternalTraceInformation>);
ReportingMTAName syntax(Is<StandardExtension::ReportingMtaName>);
ExtendedCertificates syntax(Is<StandardExtension::MultipleOriginatorCertificates>);
DLExemptedRecipients syntax(Is<StandardExtension::DlExemptedRecipients>);
CertificateSelectors syntax(Is<StandardExtension::CertificateSelectors>);
CertificateSelectors syntax(Is<StandardExtension::CertificateSelectorsOverride>);
}  // namespace detail
/// The C++ type of an extension's value.
template <StandardExtension E>
using ExtensionValue = decltype(detail::syntax(detail::Is<E>{}));

// ---- access
/// The first of that type, nullptr where there is none.
[[nodiscard]] const ExtensionField* find(const Extensions& extensions, StandardExtension extension) noexcept;
void erase(Extensions& extensions, StandardExtension extension);
/// In the place of one that is there, else at the end, with the criticality the standard recommends.
void put(Extensions& extensions, StandardExtension extension, asn1::Any value);

/// nullopt where it is absent; BadInput names the extension where its value is not what the standard says.
template <StandardExtension E>
[[nodiscard]] Result<std::optional<ExtensionValue<E>>> extension(const Extensions& extensions) {
  const ExtensionField* field = find(extensions, E);
  if (field == nullptr) return std::nullopt;
  auto value = asn1::from_any<ExtensionValue<E>>(field->value);
  if (!value) return fail(std::move(value).error().context(info_of(E)->name));
  return std::optional<ExtensionValue<E>>(*std::move(value));
}
/// The value or what its absence means; also that where the value cannot be read, which keeps a peer's slip from stopping a message.
template <StandardExtension E>
[[nodiscard]] ExtensionValue<E> extension_or(const Extensions& extensions, ExtensionValue<E> absent = {}) {
  auto value = extension<E>(extensions);
  return value && *value ? **std::move(value) : std::move(absent);
}
template <StandardExtension E>
[[nodiscard]] Status set_extension(Extensions& extensions, const ExtensionValue<E>& value) {
  POSTERN_TRY(asn1::Any any, asn1::to_any(value));
  put(extensions, E, std::move(any));
  return {};
}

}  // namespace postern::mts
