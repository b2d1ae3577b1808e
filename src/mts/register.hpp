// What a user may register with the MTS and how deliveries to him may be held back (X.411 8.4 administration port, 8.3.1.3 delivery
// control).
#pragma once

#include "mts/envelopes.hpp"
#include "oraddress/extension.hpp"

namespace postern::mts {

using ContentTypes = std::vector<ContentType>;  ///< SET OF.

// ---- controls (X.411 8.2.1.4, 8.3.1.3)
/// A user may say what he takes in three ways; absent: no constraint of that sort.
struct EncodedInformationTypesConstraints {
  std::optional<ExtendedEncodedInformationTypes> unacceptable_eits{};
  std::optional<ExtendedEncodedInformationTypes> acceptable_eits{};
  std::optional<ExtendedEncodedInformationTypes> exclusively_acceptable_eits{};
  friend bool operator==(const EncodedInformationTypesConstraints&, const EncodedInformationTypesConstraints&) = default;
};
const asn1::Type& schema(asn1::Of<EncodedInformationTypesConstraints>);

/// 1994 has constraints, 1988 the types themselves.
struct PermissibleEncodedInformationTypes {
  std::variant<EncodedInformationTypesConstraints, EncodedInformationTypes> value;
  friend bool operator==(const PermissibleEncodedInformationTypes&, const PermissibleEncodedInformationTypes&) = default;
};
const asn1::Type& schema(asn1::Of<PermissibleEncodedInformationTypes>);

enum class OperationBit : std::uint8_t { ProbeSubmissionOrReportDelivery = 0, MessageSubmissionOrMessageDelivery = 1 };
using Operations = Bits<OperationBit>;  ///< 'one': may be invoked.
const asn1::Type& schema(asn1::Of<Operations>);

struct Controls {
  bool restrict = true;  ///< TRUE: update what stands here, FALSE: remove all.
  std::optional<Operations> permissible_operations;
  std::optional<std::int64_t> permissible_maximum_content_length;
  std::optional<Priority> permissible_lowest_priority;
  std::optional<ContentTypes> permissible_content_types;
  std::optional<PermissibleEncodedInformationTypes> permissible_encoded_information_types;
  std::optional<SecurityContext> permissible_security_context;
  friend bool operator==(const Controls&, const Controls&) = default;
};
const asn1::Type& schema(asn1::Of<Controls>);
using SubmissionControls = Controls;
using DefaultDeliveryControls = Controls;

struct DeliveryControlArgument : Controls {
  Extensions extensions;
  friend bool operator==(const DeliveryControlArgument&, const DeliveryControlArgument&) = default;
};
const asn1::Type& schema(asn1::Of<DeliveryControlArgument>);

enum class WaitingMessage : std::uint8_t { LongContent = 0, LowPriority = 1, OtherSecurityLabels = 2 };
using WaitingMessages = Bits<WaitingMessage>;
const asn1::Type& schema(asn1::Of<WaitingMessages>);

/// What the other side is holding back because of controls.
struct Waiting {
  Operations waiting_operations;
  WaitingMessages waiting_messages;
  ContentTypes waiting_content_types;
  std::optional<EncodedInformationTypes> waiting_encoded_information_types;
  friend bool operator==(const Waiting&, const Waiting&) = default;
};
const asn1::Type& schema(asn1::Of<Waiting>);

struct DeliveryControlResult : Waiting {
  Extensions extensions;
  friend bool operator==(const DeliveryControlResult&, const DeliveryControlResult&) = default;
};
const asn1::Type& schema(asn1::Of<DeliveryControlResult>);

// ---- register of 1994 (X.411 8.4.1.1)
using PSAPAddress = oraddress::PresentationAddress;
struct X121UserAddress {
  std::optional<asn1::NumericString> x121_address;
  std::optional<asn1::PrintableString> tsap_id;
  friend bool operator==(const X121UserAddress&, const X121UserAddress&) = default;
};
const asn1::Type& schema(asn1::Of<X121UserAddress>);
struct UserAddress {
  std::variant<X121UserAddress, PSAPAddress> value;  ///< x121, presentation
  friend bool operator==(const UserAddress&, const UserAddress&) = default;
};
const asn1::Type& schema(asn1::Of<UserAddress>);

struct ExactOrPattern {
  std::variant<ORName, ORName> value;  ///< exact-match, pattern-match
  friend bool operator==(const ExactOrPattern&, const ExactOrPattern&) = default;
};
const asn1::Type& schema(asn1::Of<ExactOrPattern>);

enum class SourceTypeBit : std::uint8_t { OriginatedBy = 0, RedirectedBy = 1, DlExpandedBy = 2 };
using SourceType = Bits<SourceTypeBit>;
const asn1::Type& schema(asn1::Of<SourceType>);

/// Who may send to the user.
struct Restriction {
  bool permitted = true;
  SourceType source_type{SourceTypeBit::OriginatedBy, SourceTypeBit::RedirectedBy, SourceTypeBit::DlExpandedBy};
  std::optional<ExactOrPattern> source_name;  ///< Absent: everyone.
  friend bool operator==(const Restriction&, const Restriction&) = default;
};
const asn1::Type& schema(asn1::Of<Restriction>);

enum class MessageClassObjects : std::int64_t { Messages = 0, Reports = 1, Both = 2 };
const asn1::Type& schema(asn1::Of<MessageClassObjects>);

struct MessageClass {
  std::optional<ContentTypes> content_types;
  std::optional<std::int64_t> maximum_content_length;
  std::optional<EncodedInformationTypesConstraints> encoded_information_types_constraints;
  std::optional<SecurityContext> security_labels;
  std::optional<std::vector<Priority>> priority;
  MessageClassObjects objects = MessageClassObjects::Both;
  std::optional<std::vector<Restriction>> applies_only_to;
  Extensions extensions;
  friend bool operator==(const MessageClass&, const MessageClass&) = default;
};
const asn1::Type& schema(asn1::Of<MessageClass>);
using DeliverableClass = MessageClass;
using RedirectionClass = MessageClass;

struct RecipientRedirection {
  std::optional<std::vector<RedirectionClass>> redirection_classes;
  std::optional<ORAddressAndOrDirectoryName> recipient_assigned_alternate_recipient;
  friend bool operator==(const RecipientRedirection&, const RecipientRedirection&) = default;
};
const asn1::Type& schema(asn1::Of<RecipientRedirection>);

enum class RegistrationBit : std::uint8_t {
  UserName = 0,
  UserAddress = 1,
  DeliverableClass = 2,
  DefaultDeliveryControls = 3,
  Redirections = 4,
  RestrictedDelivery = 5,
};
using Registrations = Bits<RegistrationBit>;
const asn1::Type& schema(asn1::Of<Registrations>);
struct RegistrationTypes {
  std::optional<Registrations> standard_parameters;
  std::optional<std::vector<ExtensionType>> extensions;
  friend bool operator==(const RegistrationTypes&, const RegistrationTypes&) = default;
};
const asn1::Type& schema(asn1::Of<RegistrationTypes>);

struct RegisterArgument {
  std::optional<ORName> user_name;
  std::optional<UserAddress> user_address;
  std::optional<std::vector<DeliverableClass>> deliverable_class;
  std::optional<DefaultDeliveryControls> default_delivery_controls;
  std::optional<std::vector<RecipientRedirection>> redirections;
  std::optional<std::vector<Restriction>> restricted_delivery;
  std::optional<RegistrationTypes> retrieve_registrations;
  Extensions extensions;
  friend bool operator==(const RegisterArgument&, const RegisterArgument&) = default;
};
const asn1::Type& schema(asn1::Of<RegisterArgument>);

struct NonEmptyRegisterResult {
  std::optional<RegisterArgument> registered_information;
  Extensions extensions;
  friend bool operator==(const NonEmptyRegisterResult&, const NonEmptyRegisterResult&) = default;
};
const asn1::Type& schema(asn1::Of<NonEmptyRegisterResult>);
struct RegisterResult {
  std::variant<asn1::Null, NonEmptyRegisterResult> value;  ///< empty-result (always in 1988), non-empty-result
  friend bool operator==(const RegisterResult&, const RegisterResult&) = default;
};
const asn1::Type& schema(asn1::Of<RegisterResult>);

// ---- register of 1988 (abstract syntax id-as-mase-88)
struct LabelAndRedirection {
  std::optional<SecurityLabel> user_security_label;
  std::optional<ORAddressAndOrDirectoryName> recipient_assigned_alternate_recipient;
  friend bool operator==(const LabelAndRedirection&, const LabelAndRedirection&) = default;
};
const asn1::Type& schema(asn1::Of<LabelAndRedirection>);

struct RegisterArgument88 {
  std::optional<ORName> user_name;
  std::optional<UserAddress> user_address;
  std::optional<EncodedInformationTypes> deliverable_encoded_information_types;
  std::optional<std::int64_t> deliverable_maximum_content_length;
  std::optional<DefaultDeliveryControls> default_delivery_controls;
  std::optional<ContentTypes> deliverable_content_types;
  std::optional<std::vector<LabelAndRedirection>> labels_and_redirections;
  friend bool operator==(const RegisterArgument88&, const RegisterArgument88&) = default;
};
const asn1::Type& schema(asn1::Of<RegisterArgument88>);

// ---- change credentials (X.411 8.4.1.2)
struct ChangeCredentialsArgument {
  Credentials old_credentials;
  Credentials new_credentials;
  friend bool operator==(const ChangeCredentialsArgument&, const ChangeCredentialsArgument&) = default;
};
const asn1::Type& schema(asn1::Of<ChangeCredentialsArgument>);

}  // namespace postern::mts
