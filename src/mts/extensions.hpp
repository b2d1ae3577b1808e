// Extension fields: how everything after 1984 travels (X.411 9.1, fig. 2 "Extension Fields", table 27).
//
//   POSTERN_TRY(auto latest, extension<StandardExtension::LatestDeliveryTime>(envelope.extensions));   // std::optional<Time>
//   POSTERN_CHECK(set_extension<StandardExtension::DlExpansionProhibited>(envelope.extensions, DLExpansionProhibited::Prohibited));
//
// An extension nobody knows stays in its list, untouched, with its criticality; rules_extensions.hpp says what that obliges an MTA to.
#pragma once

#include "asn1/ber.hpp"
#include "mts/security.hpp"
#include "mts/trace.hpp"

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

// ---- values
enum class RecipientReassignmentProhibited : std::int64_t { Allowed = 0, Prohibited = 1 };
enum class DLExpansionProhibited : std::int64_t { Allowed = 0, Prohibited = 1 };
enum class ConversionWithLossProhibited : std::int64_t { Allowed = 0, Prohibited = 1 };
enum class PhysicalForwardingProhibited : std::int64_t { Allowed = 0, Prohibited = 1 };
enum class PhysicalForwardingAddressRequest : std::int64_t { NotRequested = 0, Requested = 1 };
enum class ProofOfSubmissionRequest : std::int64_t { NotRequested = 0, Requested = 1 };
enum class ProofOfDeliveryRequest : std::int64_t { NotRequested = 0, Requested = 1 };
const asn1::Type& schema(asn1::Of<RecipientReassignmentProhibited>);
const asn1::Type& schema(asn1::Of<DLExpansionProhibited>);
const asn1::Type& schema(asn1::Of<ConversionWithLossProhibited>);
const asn1::Type& schema(asn1::Of<PhysicalForwardingProhibited>);
const asn1::Type& schema(asn1::Of<PhysicalForwardingAddressRequest>);
const asn1::Type& schema(asn1::Of<ProofOfSubmissionRequest>);
const asn1::Type& schema(asn1::Of<ProofOfDeliveryRequest>);

enum class DeliveryMethod : std::int64_t {
  AnyDeliveryMethod = 0,
  MhsDelivery = 1,
  PhysicalDelivery = 2,
  TelexDelivery = 3,
  TeletexDelivery = 4,
  G3FacsimileDelivery = 5,
  G4FacsimileDelivery = 6,
  Ia5TerminalDelivery = 7,
  VideotexDelivery = 8,
  TelephoneDelivery = 9,
};
const asn1::Type& schema(asn1::Of<DeliveryMethod>);
using RequestedDeliveryMethod = std::vector<DeliveryMethod>;  ///< The most preferred first.

enum class PhysicalDeliveryMode : std::uint8_t {
  OrdinaryMail = 0,
  SpecialDelivery = 1,
  ExpressMail = 2,
  CounterCollection = 3,
  CounterCollectionWithTelephoneAdvice = 4,
  CounterCollectionWithTelexAdvice = 5,
  CounterCollectionWithTeletexAdvice = 6,
  BureauFaxDelivery = 7,
};
using PhysicalDeliveryModes = Bits<PhysicalDeliveryMode>;
const asn1::Type& schema(asn1::Of<PhysicalDeliveryModes>);

enum class RegisteredMailType : std::int64_t { NonRegisteredMail = 0, RegisteredMail = 1, RegisteredMailToAddresseeInPerson = 2 };
const asn1::Type& schema(asn1::Of<RegisteredMailType>);

enum class PhysicalDeliveryReportRequest : std::int64_t {
  ReturnOfUndeliverableMailByPds = 0,
  ReturnOfNotificationByPds = 1,
  ReturnOfNotificationByMhs = 2,
  ReturnOfNotificationByMhsAndPds = 3,
};
const asn1::Type& schema(asn1::Of<PhysicalDeliveryReportRequest>);

/// What the originator's own records know the message by; comes back in reports (X.411 8.2.1.1.1.36). 1988 allowed any value: one that is
/// neither string is an error of extension<>() and stays in the list.
struct ContentCorrelator {
  std::variant<asn1::Ia5String, asn1::OctetString> value;  ///< ia5text, octets
  friend bool operator==(const ContentCorrelator&, const ContentCorrelator&) = default;
};
const asn1::Type& schema(asn1::Of<ContentCorrelator>);

enum class RedirectionReason : std::int64_t {
  RecipientAssignedAlternateRecipient = 0,
  OriginatorRequestedAlternateRecipient = 1,
  RecipientMDAssignedAlternateRecipient = 2,
  DirectoryLookUp = 3,
  Alias = 4,
};
const asn1::Type& schema(asn1::Of<RedirectionReason>);
[[nodiscard]] std::string_view text_of(RedirectionReason reason);

struct IntendedRecipientName {
  ORAddressAndOptionalDirectoryName intended_recipient;
  Time redirection_time;
  friend bool operator==(const IntendedRecipientName&, const IntendedRecipientName&) = default;
};
const asn1::Type& schema(asn1::Of<IntendedRecipientName>);

struct Redirection {
  IntendedRecipientName intended_recipient_name;
  RedirectionReason redirection_reason = RedirectionReason::RecipientAssignedAlternateRecipient;
  friend bool operator==(const Redirection&, const Redirection&) = default;
};
const asn1::Type& schema(asn1::Of<Redirection>);

/// Oldest first, as the two lists below.
struct RedirectionHistory : std::vector<Redirection> {
  using vector::vector;
};
const asn1::Type& schema(asn1::Of<RedirectionHistory>);

struct DLExpansion {
  ORAddressAndOptionalDirectoryName dl;
  Time dl_expansion_time;
  friend bool operator==(const DLExpansion&, const DLExpansion&) = default;
};
const asn1::Type& schema(asn1::Of<DLExpansion>);

struct DLExpansionHistory : std::vector<DLExpansion> {
  using vector::vector;
};
const asn1::Type& schema(asn1::Of<DLExpansionHistory>);

struct OriginatorAndDLExpansion {
  ORAddressAndOptionalDirectoryName originator_or_dl_name;
  Time origination_or_expansion_time;
  friend bool operator==(const OriginatorAndDLExpansion&, const OriginatorAndDLExpansion&) = default;
};
const asn1::Type& schema(asn1::Of<OriginatorAndDLExpansion>);

/// At least two elements: the originator and one list.
struct OriginatorAndDLExpansionHistory : std::vector<OriginatorAndDLExpansion> {
  using vector::vector;
};
const asn1::Type& schema(asn1::Of<OriginatorAndDLExpansionHistory>);

struct ReportingMTAName {
  GlobalDomainIdentifier domain;
  MTAName mta_name;
  std::optional<oraddress::Name> mta_directory_name;
  friend bool operator==(const ReportingMTAName&, const ReportingMTAName&) = default;
};
const asn1::Type& schema(asn1::Of<ReportingMTAName>);

struct ExtendedCertificate {
  std::variant<oraddress::Name, Certificates> value;  ///< directory-entry, certificate
  friend bool operator==(const ExtendedCertificate&, const ExtendedCertificate&) = default;
};
const asn1::Type& schema(asn1::Of<ExtendedCertificate>);
struct ExtendedCertificates : std::vector<ExtendedCertificate> {
  using vector::vector;
};
const asn1::Type& schema(asn1::Of<ExtendedCertificates>);

struct DLExemptedRecipients : std::vector<ORAddressAndOrDirectoryName> {
  using vector::vector;
};
const asn1::Type& schema(asn1::Of<DLExemptedRecipients>);

struct CertificateSelectors {
  std::optional<CertificateAssertion> encryption_recipient;
  std::optional<CertificateAssertion> encryption_originator;
  std::optional<CertificateAssertion> content_integrity_check;
  std::optional<CertificateAssertion> token_signature;
  std::optional<CertificateAssertion> message_origin_authentication;
  friend bool operator==(const CertificateSelectors&, const CertificateSelectors&) = default;
};
const asn1::Type& schema(asn1::Of<CertificateSelectors>);

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

/// The C++ type of an extension's value; Any where another standard defines it.
template <StandardExtension E>
struct ExtensionSyntax {
  using Type = asn1::Any;
};

template <>
struct ExtensionSyntax<StandardExtension::RecipientReassignmentProhibited> {
  using Type = RecipientReassignmentProhibited;
};
template <>
struct ExtensionSyntax<StandardExtension::OriginatorRequestedAlternateRecipient> {
  using Type = ORName;
};
template <>
struct ExtensionSyntax<StandardExtension::DlExpansionProhibited> {
  using Type = DLExpansionProhibited;
};
template <>
struct ExtensionSyntax<StandardExtension::ConversionWithLossProhibited> {
  using Type = ConversionWithLossProhibited;
};
template <>
struct ExtensionSyntax<StandardExtension::LatestDeliveryTime> {
  using Type = Time;
};
template <>
struct ExtensionSyntax<StandardExtension::RequestedDeliveryMethod> {
  using Type = RequestedDeliveryMethod;
};
template <>
struct ExtensionSyntax<StandardExtension::PhysicalForwardingProhibited> {
  using Type = PhysicalForwardingProhibited;
};
template <>
struct ExtensionSyntax<StandardExtension::PhysicalForwardingAddressRequest> {
  using Type = PhysicalForwardingAddressRequest;
};
template <>
struct ExtensionSyntax<StandardExtension::PhysicalDeliveryModes> {
  using Type = PhysicalDeliveryModes;
};
template <>
struct ExtensionSyntax<StandardExtension::RegisteredMailType> {
  using Type = RegisteredMailType;
};
template <>
struct ExtensionSyntax<StandardExtension::RecipientNumberForAdvice> {
  using Type = asn1::TeletexString;
};
template <>
struct ExtensionSyntax<StandardExtension::PhysicalRenditionAttributes> {
  using Type = asn1::Oid;
};
template <>
struct ExtensionSyntax<StandardExtension::OriginatorReturnAddress> {
  using Type = ORAddress;
};
template <>
struct ExtensionSyntax<StandardExtension::PhysicalDeliveryReportRequest> {
  using Type = PhysicalDeliveryReportRequest;
};
template <>
struct ExtensionSyntax<StandardExtension::OriginatorCertificate> {
  using Type = Certificates;
};
template <>
struct ExtensionSyntax<StandardExtension::MessageToken> {
  using Type = Token;
};
template <>
struct ExtensionSyntax<StandardExtension::ContentConfidentialityAlgorithmIdentifier> {
  using Type = AlgorithmIdentifier;
};
template <>
struct ExtensionSyntax<StandardExtension::ContentIntegrityCheck> {
  using Type = Signature;
};
template <>
struct ExtensionSyntax<StandardExtension::MessageOriginAuthenticationCheck> {
  using Type = Signature;
};
template <>
struct ExtensionSyntax<StandardExtension::MessageSecurityLabel> {
  using Type = SecurityLabel;
};
template <>
struct ExtensionSyntax<StandardExtension::ProofOfSubmissionRequest> {
  using Type = ProofOfSubmissionRequest;
};
template <>
struct ExtensionSyntax<StandardExtension::ProofOfDeliveryRequest> {
  using Type = ProofOfDeliveryRequest;
};
template <>
struct ExtensionSyntax<StandardExtension::ContentCorrelator> {
  using Type = ContentCorrelator;
};
template <>
struct ExtensionSyntax<StandardExtension::ProbeOriginAuthenticationCheck> {
  using Type = Signature;
};
template <>
struct ExtensionSyntax<StandardExtension::RedirectionHistory> {
  using Type = RedirectionHistory;
};
template <>
struct ExtensionSyntax<StandardExtension::DlExpansionHistory> {
  using Type = DLExpansionHistory;
};
template <>
struct ExtensionSyntax<StandardExtension::PhysicalForwardingAddress> {
  using Type = ORName;
};
template <>
struct ExtensionSyntax<StandardExtension::RecipientCertificate> {
  using Type = Certificates;
};
template <>
struct ExtensionSyntax<StandardExtension::ProofOfDelivery> {
  using Type = Signature;
};
template <>
struct ExtensionSyntax<StandardExtension::OriginatorAndDlExpansionHistory> {
  using Type = OriginatorAndDLExpansionHistory;
};
template <>
struct ExtensionSyntax<StandardExtension::ReportingDlName> {
  using Type = ORName;
};
template <>
struct ExtensionSyntax<StandardExtension::ReportingMtaCertificate> {
  using Type = Certificates;
};
template <>
struct ExtensionSyntax<StandardExtension::ReportOriginAuthenticationCheck> {
  using Type = Signature;
};
template <>
struct ExtensionSyntax<StandardExtension::OriginatingMtaCertificate> {
  using Type = Certificates;
};
template <>
struct ExtensionSyntax<StandardExtension::ProofOfSubmission> {
  using Type = Signature;
};
template <>
struct ExtensionSyntax<StandardExtension::ForwardingRequest> {
  using Type = std::int64_t;
};
template <>
struct ExtensionSyntax<StandardExtension::TraceInformation> {
  using Type = TraceInformation;
};
template <>
struct ExtensionSyntax<StandardExtension::InternalTraceInformation> {
  using Type = InternalTraceInformation;
};
template <>
struct ExtensionSyntax<StandardExtension::ReportingMtaName> {
  using Type = ReportingMTAName;
};
template <>
struct ExtensionSyntax<StandardExtension::MultipleOriginatorCertificates> {
  using Type = ExtendedCertificates;
};
template <>
struct ExtensionSyntax<StandardExtension::DlExemptedRecipients> {
  using Type = DLExemptedRecipients;
};
template <>
struct ExtensionSyntax<StandardExtension::CertificateSelectors> {
  using Type = CertificateSelectors;
};
template <>
struct ExtensionSyntax<StandardExtension::CertificateSelectorsOverride> {
  using Type = CertificateSelectors;
};

template <StandardExtension E>
using ExtensionValue = typename ExtensionSyntax<E>::Type;

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
