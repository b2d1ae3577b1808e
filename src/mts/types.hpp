// What every APDU of the message transfer service is made of (X.411 8 and 12, MTSAbstractService "Common Parameter Types", "Envelope
// Fields", "Encoded Information Types"). Plain values; each has its description beside it (asn1/schema.hpp), so that decode<T>(),
// encode(), to_json() and generate<T>() work on all of them.
#pragma once

#include "asn1/schema.hpp"
#include "oraddress/or_name.hpp"

namespace postern::mts {

using oraddress::GlobalDomainIdentifier;
using oraddress::ORAddress;
using oraddress::ORName;
/// On the wire all three are an ORName; the name says what the sender must fill in (X.411 8.5.5).
using ORAddressAndOrDirectoryName = ORName;
using ORAddressAndOptionalDirectoryName = ORName;

using Time = asn1::UtcTime;         ///< X.411 fig. 2 "Time".
using Content = asn1::OctetString;  ///< The content as it came: never decoded and encoded again here.

/// A BIT STRING whose bits have the names of the enumeration B.
template <class B>
struct Bits : asn1::BitString {
  Bits() = default;
  Bits(std::initializer_list<B> bits) {
    for (const B bit : bits) set(bit);
  }
  [[nodiscard]] bool test(B bit) const noexcept { return BitString::test(static_cast<std::size_t>(bit)); }
  void set(B bit, bool value = true) { BitString::set(static_cast<std::size_t>(bit), value); }
};

struct MTAName : asn1::Ia5String {
  using Base = asn1::Ia5String;
  using Base::Base;
};
const asn1::Type& schema(asn1::Of<MTAName>);

// ---- identifiers
/// Identifies a message, probe or report in the whole MTS (X.411 8.2.1.1.1.1, 12.2.1.1.1.1).
struct MTSIdentifier {
  GlobalDomainIdentifier global_domain_identifier;
  asn1::Ia5String local_identifier;
  friend bool operator==(const MTSIdentifier&, const MTSIdentifier&) = default;
};
const asn1::Type& schema(asn1::Of<MTSIdentifier>);

using MessageIdentifier = MTSIdentifier;
using ProbeIdentifier = MTSIdentifier;
using ReportIdentifier = MTSIdentifier;
using MessageSubmissionIdentifier = MTSIdentifier;
using ProbeSubmissionIdentifier = MTSIdentifier;
using MessageDeliveryIdentifier = MTSIdentifier;

/// The originator's own mark on a message, returned in reports (X.411 8.2.1.1.1.35).
struct ContentIdentifier : asn1::PrintableString {
  using Base = asn1::PrintableString;
  using Base::Base;
};
const asn1::Type& schema(asn1::Of<ContentIdentifier>);

// ---- content type (X.411 8.2.1.1.1.34)
enum class BuiltInContentType : std::int64_t {
  Unidentified = 0,
  External = 1,
  InterpersonalMessaging1984 = 2,
  InterpersonalMessaging1988 = 22,
  EdiMessaging = 35,
  VoiceMessaging = 40,
};
const asn1::Type& schema(asn1::Of<BuiltInContentType>);

using ExtendedContentType = asn1::Oid;
struct ContentType {
  std::variant<BuiltInContentType, ExtendedContentType> value;  ///< built-in, extended
  friend bool operator==(const ContentType&, const ContentType&) = default;
};
const asn1::Type& schema(asn1::Of<ContentType>);
/// "interpersonal-messaging-1988", "built-in 77", "2.6.1.10.1".
[[nodiscard]] std::string text_of(const ContentType& type);

// ---- encoded information types (X.411 8.2.1.1.1.33)
enum class BuiltInEncodedInformationType : std::uint8_t {
  Unknown = 0,
  Telex = 1,
  Ia5Text = 2,
  G3Facsimile = 3,
  G4Class1 = 4,
  Teletex = 5,
  Videotex = 6,
  Voice = 7,
  Sfd = 8,
  MixedMode = 9,
};
using BuiltInEncodedInformationTypes = Bits<BuiltInEncodedInformationType>;
const asn1::Type& schema(asn1::Of<BuiltInEncodedInformationTypes>);

/// T.30 capabilities; bit numbers are those of T.30.
enum class G3FacsimileNonBasicParameter : std::uint8_t {
  TwoDimensional = 8,
  FineResolution = 9,
  UnlimitedLength = 20,
  B4Length = 21,
  A3Width = 22,
  B4Width = 23,
  T6Coding = 25,
  Uncompressed = 30,
};
using G3FacsimileNonBasicParameters = Bits<G3FacsimileNonBasicParameter>;
const asn1::Type& schema(asn1::Of<G3FacsimileNonBasicParameters>);

struct TeletexNonBasicParameters {
  std::optional<asn1::TeletexString> graphic_character_sets;
  std::optional<asn1::TeletexString> control_character_sets;
  std::optional<asn1::OctetString> page_formats;
  std::optional<asn1::TeletexString> miscellaneous_terminal_capabilities;
  std::optional<asn1::OctetString> private_use;
  friend bool operator==(const TeletexNonBasicParameters&, const TeletexNonBasicParameters&) = default;
};
const asn1::Type& schema(asn1::Of<TeletexNonBasicParameters>);

struct ExtendedEncodedInformationTypes : std::vector<asn1::Oid> {
  using vector::vector;
};
const asn1::Type& schema(asn1::Of<ExtendedEncodedInformationTypes>);

struct EncodedInformationTypes {
  BuiltInEncodedInformationTypes built_in_encoded_information_types;
  G3FacsimileNonBasicParameters g3_facsimile;
  TeletexNonBasicParameters teletex;
  std::optional<ExtendedEncodedInformationTypes> extended_encoded_information_types;
  std::vector<asn1::Any> unknown;  ///< Among others the presentation-capabilities [3] of 1984.
  friend bool operator==(const EncodedInformationTypes&, const EncodedInformationTypes&) = default;
};
const asn1::Type& schema(asn1::Of<EncodedInformationTypes>);
using OriginalEncodedInformationTypes = EncodedInformationTypes;
using ConvertedEncodedInformationTypes = EncodedInformationTypes;
/// "ia5-text teletex 1.3.…", "none".
[[nodiscard]] std::string text_of(const EncodedInformationTypes& types);

// ---- fields of envelopes
enum class Priority : std::int64_t { Normal = 0, NonUrgent = 1, Urgent = 2 };  ///< X.411 8.2.1.1.1.9.
const asn1::Type& schema(asn1::Of<Priority>);
[[nodiscard]] std::string_view text_of(Priority priority);

/// X.411 8.2.1.1.1, fig. 2. A bit that is not there counts as 0.
enum class PerMessageIndicator : std::uint8_t {
  DisclosureOfOtherRecipients = 0,
  ImplicitConversionProhibited = 1,
  AlternateRecipientAllowed = 2,
  ContentReturnRequest = 3,
  Reserved = 4,  ///< MOTIS 1986.
  Bit5 = 5,      ///< With bit 6: notification type 1, 2, 3, whose sense the content type gives.
  Bit6 = 6,
  ServiceMessage = 7,
};
using PerMessageIndicators = Bits<PerMessageIndicator>;
const asn1::Type& schema(asn1::Of<PerMessageIndicators>);

/// What the originator wants to be told (X.411 8.2.1.1.1.22); bit numbers as in PerRecipientIndicators.
enum class OriginatorReportRequestBit : std::uint8_t { Report = 3, NonDeliveryReport = 4 };
using OriginatorReportRequest = Bits<OriginatorReportRequestBit>;
const asn1::Type& schema(asn1::Of<OriginatorReportRequest>);

enum class ExplicitConversion : std::int64_t {
  Ia5TextToTeletex = 0,
  Ia5TextToG3Facsimile = 8,
  Ia5TextToG4Class1 = 9,
  Ia5TextToVideotex = 10,
  TeletexToIa5Text = 11,
  TeletexToG3Facsimile = 12,
  TeletexToG4Class1 = 13,
  TeletexToVideotex = 14,
  VideotexToIa5Text = 16,
  VideotexToTeletex = 17,
};
const asn1::Type& schema(asn1::Of<ExplicitConversion>);

enum class DeliveryFlag : std::uint8_t { ImplicitConversionProhibited = 1 };
using DeliveryFlags = Bits<DeliveryFlag>;
const asn1::Type& schema(asn1::Of<DeliveryFlags>);

// ---- reports (X.411 8.3.1.2, fig. 2 "ReportType")
enum class TypeOfMTSUser : std::int64_t {
  Public = 0,
  Private = 1,
  MessageStore = 2,
  DistributionList = 3,
  PhysicalDeliveryAccessUnit = 4,
  PhysicalRecipient = 5,
  Other = 6,
};
const asn1::Type& schema(asn1::Of<TypeOfMTSUser>);
[[nodiscard]] std::string_view text_of(TypeOfMTSUser type);

/// X.411 8.3.1.2.1.10; names and words of all values: mts/reasons.hpp.
enum class NonDeliveryReasonCode : std::int64_t {
  TransferFailure = 0,
  UnableToTransfer = 1,
  ConversionNotPerformed = 2,
  PhysicalRenditionNotPerformed = 3,
  PhysicalDeliveryNotPerformed = 4,
  RestrictedDelivery = 5,
  DirectoryOperationUnsuccessful = 6,
  DeferredDeliveryNotPerformed = 7,
  TransferFailureForSecurityReason = 8,
};
const asn1::Type& schema(asn1::Of<NonDeliveryReasonCode>);

/// X.411 8.3.1.2.1.11.
enum class NonDeliveryDiagnosticCode : std::int64_t {
  UnrecognisedORName = 0,
  AmbiguousORName = 1,
  MtsCongestion = 2,
  LoopDetected = 3,
  RecipientUnavailable = 4,
  MaximumTimeExpired = 5,
  EncodedInformationTypesUnsupported = 6,
  ContentTooLong = 7,
  ConversionImpractical = 8,
  ImplicitConversionProhibited = 9,
  ImplicitConversionNotSubscribed = 10,
  InvalidArguments = 11,
  ContentSyntaxError = 12,
  SizeConstraintViolation = 13,
  ProtocolViolation = 14,
  ContentTypeNotSupported = 15,
  TooManyRecipients = 16,
  NoBilateralAgreement = 17,
  UnsupportedCriticalFunction = 18,
  ConversionWithLossProhibited = 19,
  LineTooLong = 20,
  PageSplit = 21,
  PictorialSymbolLoss = 22,
  PunctuationSymbolLoss = 23,
  AlphabeticCharacterLoss = 24,
  MultipleInformationLoss = 25,
  RecipientReassignmentProhibited = 26,
  RedirectionLoopDetected = 27,
  DlExpansionProhibited = 28,
  NoDlSubmitPermission = 29,
  DlExpansionFailure = 30,
  PhysicalRenditionAttributesNotSupported = 31,
  UndeliverableMailPhysicalDeliveryAddressIncorrect = 32,
  UndeliverableMailPhysicalDeliveryOfficeIncorrectOrInvalid = 33,
  UndeliverableMailPhysicalDeliveryAddressIncomplete = 34,
  UndeliverableMailRecipientUnknown = 35,
  UndeliverableMailRecipientDeceased = 36,
  UndeliverableMailOrganizationExpired = 37,
  UndeliverableMailRecipientRefusedToAccept = 38,
  UndeliverableMailRecipientDidNotClaim = 39,
  UndeliverableMailRecipientChangedAddressPermanently = 40,
  UndeliverableMailRecipientChangedAddressTemporarily = 41,
  UndeliverableMailRecipientChangedTemporaryAddress = 42,
  UndeliverableMailNewAddressUnknown = 43,
  UndeliverableMailRecipientDidNotWantForwarding = 44,
  UndeliverableMailOriginatorProhibitedForwarding = 45,
  SecureMessagingError = 46,
  UnableToDowngrade = 47,
  UnableToCompleteTransfer = 48,
  TransferAttemptsLimitReached = 49,
  IncorrectNotificationType = 50,
  DlExpansionProhibitedBySecurityPolicy = 51,
  ForbiddenAlternateRecipient = 52,
  SecurityPolicyViolation = 53,
  SecurityServicesRefusal = 54,
  UnauthorisedDlMember = 55,
  UnauthorisedDlName = 56,
  UnauthorisedOriginallyIntendedRecipientName = 57,
  UnauthorisedOriginatorName = 58,
  UnauthorisedRecipientName = 59,
  UnreliableSystem = 60,
  AuthenticationFailureOnSubjectMessage = 61,
  DecryptionFailed = 62,
  DecryptionKeyUnobtainable = 63,
  DoubleEnvelopeCreationFailure = 64,
  DoubleEnvelopingMessageRestoringFailure = 65,
  FailureOfProofOfMessage = 66,
  IntegrityFailureOnSubjectMessage = 67,
  InvalidSecurityLabel = 68,
  KeyFailure = 69,
  MandatoryParameterAbsence = 70,
  OperationSecurityFailure = 71,
  RepudiationFailureOfMessage = 72,
  SecurityContextFailure = 73,
  TokenDecryptionFailed = 74,
  TokenError = 75,
  UnknownSecurityLabel = 76,
  UnsupportedAlgorithmIdentifier = 77,
  UnsupportedSecurityPolicy = 78,
};
const asn1::Type& schema(asn1::Of<NonDeliveryDiagnosticCode>);

struct DeliveryReport {
  Time message_delivery_time;
  TypeOfMTSUser type_of_mts_user = TypeOfMTSUser::Public;
  friend bool operator==(const DeliveryReport&, const DeliveryReport&) = default;
};
const asn1::Type& schema(asn1::Of<DeliveryReport>);

struct NonDeliveryReport {
  NonDeliveryReasonCode non_delivery_reason_code = NonDeliveryReasonCode::TransferFailure;
  std::optional<NonDeliveryDiagnosticCode> non_delivery_diagnostic_code;
  friend bool operator==(const NonDeliveryReport&, const NonDeliveryReport&) = default;
};
const asn1::Type& schema(asn1::Of<NonDeliveryReport>);

struct ReportType {
  std::variant<DeliveryReport, NonDeliveryReport> value;  ///< delivery, non-delivery
  friend bool operator==(const ReportType&, const ReportType&) = default;
};
const asn1::Type& schema(asn1::Of<ReportType>);

}  // namespace postern::mts
