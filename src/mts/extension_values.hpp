// The values of the standard extensions (X.411 fig. 2 "Extension Fields"); extensions.hpp says which extension has which.
#pragma once

#include "mts/security.hpp"
#include "mts/trace.hpp"

namespace postern::mts {

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

}  // namespace postern::mts
