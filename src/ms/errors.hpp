// The errors of the store's operations (X.413 10): what a peer is told. Each has its parameter; error_code() is the number in ROSE.
#pragma once

#include "ms/bind.hpp"
#include "ms/register.hpp"
#include "mts/p3.hpp"

namespace postern::ms {

enum class AttributeProblem : std::int64_t {
  InvalidAttributeValue = 0,
  UnavailableAttributeType = 1,
  InappropriateMatching = 2,
  AttributeTypeNotSubscribed = 3,
  InappropriateForOperation = 4,
  InappropriateModification = 5,  ///< 1994
  SingleValuedAttribute = 6,      ///< 1994
};
struct AttributeProblemItem {
  AttributeProblem problem = AttributeProblem::InvalidAttributeValue;
  AttributeType type;
  std::optional<asn1::Any> value;
  friend bool operator==(const AttributeProblemItem&, const AttributeProblemItem&) = default;
};
struct AttributeError {
  std::vector<AttributeProblemItem> problems;
  friend bool operator==(const AttributeError&, const AttributeError&) = default;
};

enum class AutoActionRequestProblem : std::int64_t {
  UnavailableAutoActionType = 0,
  AutoActionTypeNotSubscribed = 1,
  NotWillingToPerform = 2
};
struct AutoActionRequestProblemItem {
  AutoActionRequestProblem problem = AutoActionRequestProblem::UnavailableAutoActionType;
  AutoActionType type;
  friend bool operator==(const AutoActionRequestProblemItem&, const AutoActionRequestProblemItem&) = default;
};
struct AutoActionRequestError {
  std::vector<AutoActionRequestProblemItem> problems;
  friend bool operator==(const AutoActionRequestError&, const AutoActionRequestError&) = default;
};

enum class DeleteProblem : std::int64_t {
  ChildEntrySpecified = 0,
  DeleteRestrictionProblem = 1,
  NewEntrySpecified = 2,  ///< 1994, and all after it
  EntryClassRestriction = 3,
  StoredMessageExists = 4,
};
struct DeleteProblemItem {
  DeleteProblem problem = DeleteProblem::ChildEntrySpecified;
  SequenceNumber sequence_number = 0;
  friend bool operator==(const DeleteProblemItem&, const DeleteProblemItem&) = default;
};
struct DeleteError {
  std::vector<DeleteProblemItem> problems;
  std::optional<std::vector<SequenceNumber>> entries_deleted;  ///< 1994
  friend bool operator==(const DeleteError&, const DeleteError&) = default;
};

enum class FetchRestrictionProblem : std::int64_t { ContentTypeProblem = 1, EitProblem = 2, MaximumLengthProblem = 3 };
struct FetchRestriction {
  std::variant<asn1::Oid, MSEits, std::int64_t> value;  ///< content-type, eit, attribute-length
  friend bool operator==(const FetchRestriction&, const FetchRestriction&) = default;
};
struct FetchRestrictionProblemItem {
  FetchRestrictionProblem problem = FetchRestrictionProblem::ContentTypeProblem;
  FetchRestriction restriction;
  friend bool operator==(const FetchRestrictionProblemItem&, const FetchRestrictionProblemItem&) = default;
};
struct FetchRestrictionError {
  std::vector<FetchRestrictionProblemItem> problems;
  friend bool operator==(const FetchRestrictionError&, const FetchRestrictionError&) = default;
};

struct InvalidParametersError {
  friend bool operator==(const InvalidParametersError&, const InvalidParametersError&) = default;
};

enum class RangeProblem : std::int64_t { Reversed = 0 };
struct RangeError {
  RangeProblem problem = RangeProblem::Reversed;
  friend bool operator==(const RangeError&, const RangeError&) = default;
};

enum class SequenceNumberProblem : std::int64_t { NoSuchEntry = 0 };
struct SequenceNumberProblemItem {
  SequenceNumberProblem problem = SequenceNumberProblem::NoSuchEntry;
  SequenceNumber sequence_number = 0;
  friend bool operator==(const SequenceNumberProblemItem&, const SequenceNumberProblemItem&) = default;
};
struct SequenceNumberError {
  std::vector<SequenceNumberProblemItem> problems;
  friend bool operator==(const SequenceNumberError&, const SequenceNumberError&) = default;
};

enum class ServiceProblem : std::int64_t { Busy = 0, Unavailable = 1, UnwillingToPerform = 2 };
struct ServiceError {
  ServiceProblem problem = ServiceProblem::Busy;
  std::optional<asn1::GeneralString> supplementary_information;  ///< 1994
  friend bool operator==(const ServiceError&, const ServiceError&) = default;
};

struct SecurityError {
  mts::SecurityProblem problem{};
  friend bool operator==(const SecurityError&, const SecurityError&) = default;
};
/// Of register-MS; they have no parameter.
struct OldCredentialsIncorrectlySpecified {
  friend bool operator==(const OldCredentialsIncorrectlySpecified&, const OldCredentialsIncorrectlySpecified&) = default;
};
struct NewCredentialsUnacceptable {
  friend bool operator==(const NewCredentialsUnacceptable&, const NewCredentialsUnacceptable&) = default;
};

// ---- 1994
enum class MessageGroupProblem : std::int64_t {
  NameNotRegistered = 0,
  NameAlreadyRegistered = 1,
  ParentNotRegistered = 2,
  GroupNotEmpty = 3,
  NameInUse = 4,
  ChildGroupRegistered = 5,
  GroupDepthExceeded = 6,
};
struct MessageGroupError {
  MessageGroupProblem problem = MessageGroupProblem::NameNotRegistered;
  MessageGroupName name;
  friend bool operator==(const MessageGroupError&, const MessageGroupError&) = default;
};
struct MSExtensionError {
  std::variant<asn1::External, asn1::Oid> value;  ///< ms-extension-problem, unknown-ms-extension
  friend bool operator==(const MSExtensionError&, const MSExtensionError&) = default;
};
enum class RegistrationProblem : std::int64_t {
  RegistrationNotSupported = 0,
  RegistrationImproperlySpecified = 1,
  RegistrationLimitExceeded = 2,
};
struct RegisterMSError {
  RegistrationProblem problem = RegistrationProblem::RegistrationNotSupported;
  RegistrationTypes registration_type;
  friend bool operator==(const RegisterMSError&, const RegisterMSError&) = default;
};
enum class ModifyProblem : std::int64_t {
  AttributeNotPresent = 0,
  ValueNotPresent = 1,
  AttributeOrValueAlreadyExists = 2,
  InvalidPosition = 3,
  ModifyRestrictionProblem = 4,
};
struct ModifyError {
  std::optional<std::vector<SequenceNumber>> entries_modified;
  SequenceNumber failing_entry = 0;
  std::int64_t modification_number = 0;
  ModifyProblem problem = ModifyProblem::ModifyRestrictionProblem;
  friend bool operator==(const ModifyError&, const ModifyError&) = default;
};
enum class EntryClassProblem : std::uint8_t { UnsupportedEntryClass = 0, EntryClassNotSubscribed = 1, InappropriateEntryClass = 2 };
using EntryClassProblems = mts::Bits<EntryClassProblem>;
struct EntryClassError {
  EntryClass entry_class = EntryClass::Delivery;
  EntryClassProblems problem;
  friend bool operator==(const EntryClassError&, const EntryClassError&) = default;
};

const asn1::Type& schema(asn1::Of<AttributeProblem>);
const asn1::Type& schema(asn1::Of<AttributeProblemItem>);
const asn1::Type& schema(asn1::Of<AttributeError>);
const asn1::Type& schema(asn1::Of<AutoActionRequestProblem>);
const asn1::Type& schema(asn1::Of<AutoActionRequestProblemItem>);
const asn1::Type& schema(asn1::Of<AutoActionRequestError>);
const asn1::Type& schema(asn1::Of<DeleteProblem>);
const asn1::Type& schema(asn1::Of<DeleteProblemItem>);
const asn1::Type& schema(asn1::Of<DeleteError>);
const asn1::Type& schema(asn1::Of<FetchRestrictionProblem>);
const asn1::Type& schema(asn1::Of<FetchRestriction>);
const asn1::Type& schema(asn1::Of<FetchRestrictionProblemItem>);
const asn1::Type& schema(asn1::Of<FetchRestrictionError>);
const asn1::Type& schema(asn1::Of<InvalidParametersError>);
const asn1::Type& schema(asn1::Of<RangeProblem>);
const asn1::Type& schema(asn1::Of<RangeError>);
const asn1::Type& schema(asn1::Of<SequenceNumberProblem>);
const asn1::Type& schema(asn1::Of<SequenceNumberProblemItem>);
const asn1::Type& schema(asn1::Of<SequenceNumberError>);
const asn1::Type& schema(asn1::Of<ServiceProblem>);
const asn1::Type& schema(asn1::Of<ServiceError>);
const asn1::Type& schema(asn1::Of<SecurityError>);
const asn1::Type& schema(asn1::Of<OldCredentialsIncorrectlySpecified>);
const asn1::Type& schema(asn1::Of<NewCredentialsUnacceptable>);
const asn1::Type& schema(asn1::Of<MessageGroupProblem>);
const asn1::Type& schema(asn1::Of<MessageGroupError>);
const asn1::Type& schema(asn1::Of<MSExtensionError>);
const asn1::Type& schema(asn1::Of<RegistrationProblem>);
const asn1::Type& schema(asn1::Of<RegisterMSError>);
const asn1::Type& schema(asn1::Of<ModifyProblem>);
const asn1::Type& schema(asn1::Of<ModifyError>);
const asn1::Type& schema(asn1::Of<EntryClassProblems>);
const asn1::Type& schema(asn1::Of<EntryClassError>);

/// Any of them.
struct OperationError {
  std::variant<AttributeError, AutoActionRequestError, DeleteError, FetchRestrictionError, RangeError, SecurityError, ServiceError,
               SequenceNumberError, InvalidParametersError, MessageGroupError, MSExtensionError, RegisterMSError, ModifyError,
               EntryClassError, OldCredentialsIncorrectlySpecified, NewCredentialsUnacceptable>
      value;
  std::string why;  ///< For our own log: the storage's error behind a service-error, what was wrong with parameters. No contents.
  friend bool operator==(const OperationError& a, const OperationError& b) { return a.value == b.value; }
};
template <class T>
using Answer = tl::expected<T, OperationError>;

}  // namespace postern::ms
