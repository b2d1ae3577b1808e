// P3: the operations between a user of the MTS (or a message store for him) and the MTS (X.411 8.2 to 8.4, X.419 annex A
// "MTSAccessProtocol"). These are the types and codes; ROSE in room osi carries them. The abstract syntax of an operation tells the port,
// and only port and code together name an operation: 2 is submission-control on one port and delivery-control on another.
#pragma once

#include "mts/bind.hpp"
#include "mts/register.hpp"

namespace postern::mts {

// ---- submission port
struct MessageSubmissionArgument {
  MessageSubmissionEnvelope envelope;
  Content content;
  friend bool operator==(const MessageSubmissionArgument&, const MessageSubmissionArgument&) = default;
};
const asn1::Type& schema(asn1::Of<MessageSubmissionArgument>);

struct MessageSubmissionResult {
  MessageSubmissionIdentifier message_submission_identifier;
  Time message_submission_time;
  std::optional<ContentIdentifier> content_identifier;
  Extensions extensions;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const MessageSubmissionResult&, const MessageSubmissionResult&) = default;
};
const asn1::Type& schema(asn1::Of<MessageSubmissionResult>);

using ProbeSubmissionArgument = ProbeSubmissionEnvelope;
struct ProbeSubmissionResult {
  ProbeSubmissionIdentifier probe_submission_identifier;
  Time probe_submission_time;
  std::optional<ContentIdentifier> content_identifier;
  Extensions extensions;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const ProbeSubmissionResult&, const ProbeSubmissionResult&) = default;
};
const asn1::Type& schema(asn1::Of<ProbeSubmissionResult>);

using CancelDeferredDeliveryArgument = MessageSubmissionIdentifier;
using CancelDeferredDeliveryResult = asn1::Null;
using SubmissionControlArgument = SubmissionControls;
using SubmissionControlResult = Waiting;

// ---- delivery port
struct MessageDeliveryArgument : MessageDeliveryEnvelope {
  Content content;
  friend bool operator==(const MessageDeliveryArgument&, const MessageDeliveryArgument&) = default;
};
const asn1::Type& schema(asn1::Of<MessageDeliveryArgument>);

struct MessageDeliveryResult {
  std::optional<Certificates> recipient_certificate;
  std::optional<Signature> proof_of_delivery;
  Extensions extensions;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const MessageDeliveryResult&, const MessageDeliveryResult&) = default;
};
const asn1::Type& schema(asn1::Of<MessageDeliveryResult>);

struct ReportDeliveryArgument : ReportDeliveryEnvelope {
  std::optional<Content> returned_content;
  friend bool operator==(const ReportDeliveryArgument&, const ReportDeliveryArgument&) = default;
};
const asn1::Type& schema(asn1::Of<ReportDeliveryArgument>);

struct ReportDeliveryResult {
  std::variant<asn1::Null, Extensions> value;  ///< empty-result, extensions
  friend bool operator==(const ReportDeliveryResult&, const ReportDeliveryResult&) = default;
};
const asn1::Type& schema(asn1::Of<ReportDeliveryResult>);

// ---- parameters of errors
struct ImproperlySpecifiedRecipients : std::vector<ORAddressAndOrDirectoryName> {
  using vector::vector;
};
const asn1::Type& schema(asn1::Of<ImproperlySpecifiedRecipients>);

/// X.411 8.2.2.8: 0..35; the names are in the description.
enum class SecurityProblem : std::int64_t {
  AuthenticationProblem = 1,
  InvalidSecurityLabel = 10,
  OperationSecurityFailure = 14,
  SecurityContextFailure = 19,
  SecurityPolicyViolation = 21,
  SecurityServicesRefusal = 22,
  UnauthorisedOriginatorName = 29,
  UnauthorisedUserName = 32,
  UnsupportedSecurityPolicy = 35,
};
const asn1::Type& schema(asn1::Of<SecurityProblem>);

enum class RefusedArgument : std::int64_t {
  UserName = 0,
  UserAddress = 1,
  DeliverableContentTypes = 2,
  DeliverableMaximumContentLength = 3,
  DeliverableEncodedInformationTypesConstraints = 4,
  DeliverableSecurityLabels = 5,
  RecipientAssignedRedirections = 6,
  RestrictedDelivery = 7,
  RetrieveRegistrations = 8,
  Restrict = 10,
  PermissibleOperations = 11,
  PermissibleLowestPriority = 12,
  PermissibleEncodedInformationTypes = 13,
  PermissibleContentTypes = 14,
  PermissibleMaximumContentLength = 15,
  PermissibleSecurityContext = 16,
};
const asn1::Type& schema(asn1::Of<RefusedArgument>);
enum class RefusalReason : std::int64_t { FacilityUnavailable = 0, FacilityNotSubscribed = 1, ParameterUnacceptable = 2 };
const asn1::Type& schema(asn1::Of<RefusalReason>);
struct RefusedArgumentOrExtension {
  std::variant<RefusedArgument, ExtensionType> value;  ///< built-in-argument, refused-extension
  friend bool operator==(const RefusedArgumentOrExtension&, const RefusedArgumentOrExtension&) = default;
};
const asn1::Type& schema(asn1::Of<RefusedArgumentOrExtension>);
struct RefusedOperation {
  RefusedArgumentOrExtension refused_argument;
  RefusalReason refusal_reason = RefusalReason::FacilityUnavailable;
  friend bool operator==(const RefusedOperation&, const RefusedOperation&) = default;
};
const asn1::Type& schema(asn1::Of<RefusedOperation>);

// ---- codes (X.419 annex A)
enum class Port : std::uint8_t { Submission, Delivery, Administration };
/// Who invokes: the user (or the store in his place) or the MTS.
enum class Invoker : std::uint8_t { User, Mts };

/// One operation of one port; `result` is that of the description, NULL included.
struct OperationInfo {
  Port port{};
  std::int64_t code = 0;
  std::string_view name;
  Invoker invoker{};
  const asn1::Type& (*argument)() = nullptr;
  const asn1::Type& (*result)() = nullptr;
};
[[nodiscard]] std::span<const OperationInfo> p3_operations();
/// nullptr: reject as unrecognised-operation.
[[nodiscard]] const OperationInfo* p3_operation(Port port, std::int64_t code);
[[nodiscard]] const OperationInfo& p3_operation(std::string_view name);

struct ErrorInfo {
  Port port{};
  std::int64_t code = 0;
  std::string_view name;
  const asn1::Type& (*parameter)() = nullptr;  ///< nullptr: none (NULL).
  std::string_view words;                      ///< What happened and what to do, for people.
};
[[nodiscard]] std::span<const ErrorInfo> p3_errors();
/// nullptr: an error the standard does not have for this port.
[[nodiscard]] const ErrorInfo* p3_error(Port port, std::int64_t code);
/// A sentence with what the parameter says: "recipient-improperly-specified: …: C=DE;…". Never fails; a parameter it cannot read is said
/// so.
[[nodiscard]] std::string words_of_p3_error(Port port, std::int64_t code, const asn1::Any* parameter);

}  // namespace postern::mts
