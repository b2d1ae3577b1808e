// register-MS (X.413 8.6) and the auto-actions it registers (X.413 12, X.420 19.7).
#pragma once

#include "ipm/body.hpp"
#include "ms/submission.hpp"

namespace postern::ms {

using AutoActionType = asn1::Oid;
struct AutoActionRegistration {
  AutoActionType auto_action_type;
  std::int64_t registration_identifier = 1;
  std::optional<asn1::Any> registration_parameter;
  friend bool operator==(const AutoActionRegistration&, const AutoActionRegistration&) = default;
};
const asn1::Type& schema(asn1::Of<AutoActionRegistration>);
struct AutoActionDeregistration {
  AutoActionType auto_action_type;
  std::int64_t registration_identifier = 1;
  friend bool operator==(const AutoActionDeregistration&, const AutoActionDeregistration&) = default;
};
const asn1::Type& schema(asn1::Of<AutoActionDeregistration>);

struct ChangeCredentials {
  mts::Credentials old_credentials;
  mts::Credentials new_credentials;
  friend bool operator==(const ChangeCredentials&, const ChangeCredentials&) = default;
};
const asn1::Type& schema(asn1::Of<ChangeCredentials>);

/// 1994: the defaults of one user agent among several.
struct UARegistration {
  asn1::PrintableString ua_registration_identifier;
  std::optional<std::vector<AttributeType>> ua_list_attribute_defaults;
  std::optional<std::vector<AttributeType>> ua_fetch_attribute_defaults;
  std::optional<MSSubmissionOptions> ua_submission_defaults;
  std::optional<MSExtensions> content_specific_defaults;
  friend bool operator==(const UARegistration&, const UARegistration&) = default;
};
const asn1::Type& schema(asn1::Of<UARegistration>);

struct MessageGroupNameAndDescriptor {
  MessageGroupName message_group_name;
  std::optional<asn1::GeneralString> message_group_descriptor;
  friend bool operator==(const MessageGroupNameAndDescriptor&, const MessageGroupNameAndDescriptor&) = default;
};
const asn1::Type& schema(asn1::Of<MessageGroupNameAndDescriptor>);
struct MessageGroupRegistration {
  /// register-group, deregister-group, change-descriptors
  std::variant<MessageGroupNameAndDescriptor, MessageGroupName, MessageGroupNameAndDescriptor> value;
  friend bool operator==(const MessageGroupRegistration&, const MessageGroupRegistration&) = default;
};
const asn1::Type& schema(asn1::Of<MessageGroupRegistration>);

enum class RegistrationBit : std::uint8_t {
  AutoActionRegistrations = 0,
  ListAttributeDefaults = 1,
  FetchAttributeDefaults = 2,
  UaRegistrations = 3,
  SubmissionDefaults = 4,
  MessageGroupRegistrations = 5,
};
using RegistrationBits = mts::Bits<RegistrationBit>;
const asn1::Type& schema(asn1::Of<RegistrationBits>);
struct MessageGroupsRestriction {
  std::optional<MessageGroupName> parent_group;
  bool immediate_descendants_only = true;
  bool omit_descriptors = true;
  friend bool operator==(const MessageGroupsRestriction&, const MessageGroupsRestriction&) = default;
};
const asn1::Type& schema(asn1::Of<MessageGroupsRestriction>);
struct RegistrationTypes {
  std::optional<RegistrationBits> registrations;
  std::optional<std::vector<asn1::Oid>> extended_registrations;
  std::optional<MessageGroupsRestriction> restrict_message_groups;
  friend bool operator==(const RegistrationTypes&, const RegistrationTypes&) = default;
};
const asn1::Type& schema(asn1::Of<RegistrationTypes>);

struct RegisterMSArgument {
  std::optional<std::vector<AutoActionRegistration>> auto_action_registrations;
  std::optional<std::vector<AutoActionDeregistration>> auto_action_deregistrations;
  std::optional<std::vector<AttributeType>> list_attribute_defaults;
  std::optional<std::vector<AttributeType>> fetch_attribute_defaults;
  std::optional<ChangeCredentials> change_credentials;
  std::optional<std::vector<mts::SecurityLabel>> user_security_labels;
  std::optional<std::vector<UARegistration>> ua_registrations;  ///< 1994, and all after it
  std::optional<MSSubmissionOptions> submission_defaults;
  std::optional<std::vector<MessageGroupRegistration>> message_group_registrations;
  std::optional<RegistrationTypes> registration_status_request;
  std::optional<MSExtensions> register_ms_extensions;
  friend bool operator==(const RegisterMSArgument&, const RegisterMSArgument&) = default;
};
const asn1::Type& schema(asn1::Of<RegisterMSArgument>);

/// 1994. It is also the form in which a mailbox keeps what its user registered.
struct RegisteredInformation {
  std::optional<std::vector<AutoActionRegistration>> auto_action_registrations;
  std::optional<std::vector<AttributeType>> list_attribute_defaults;
  std::optional<std::vector<AttributeType>> fetch_attribute_defaults;
  std::optional<std::vector<UARegistration>> ua_registrations;
  std::optional<MSSubmissionOptions> submission_defaults;
  std::optional<std::vector<MessageGroupNameAndDescriptor>> message_group_registrations;
  std::optional<MSExtensions> register_ms_result_extensions;
  friend bool operator==(const RegisteredInformation&, const RegisteredInformation&) = default;
};
const asn1::Type& schema(asn1::Of<RegisteredInformation>);
struct RegisterMSResult {
  std::variant<asn1::Null, RegisteredInformation> value;  ///< no-status-information (always in 1988), registered-information
  friend bool operator==(const RegisterMSResult&, const RegisterMSResult&) = default;
};
const asn1::Type& schema(asn1::Of<RegisterMSResult>);

// ---- auto-alert (X.413 12.1)
struct AlertDestination {
  asn1::External alert_address;
  std::optional<asn1::OctetString> alert_qualifier;
  friend bool operator==(const AlertDestination&, const AlertDestination&) = default;
};
const asn1::Type& schema(asn1::Of<AlertDestination>);
struct AutoAlertRegistrationParameter {
  std::optional<Filter> filter;  ///< Absent: every new entry.
  std::optional<std::vector<AlertDestination>> alert_destinations;
  std::optional<EntryInformationSelection> requested_attributes;
  bool suppress_alert_destinations = true;  ///< 1994
  friend bool operator==(const AutoAlertRegistrationParameter&, const AutoAlertRegistrationParameter&) = default;
};
const asn1::Type& schema(asn1::Of<AutoAlertRegistrationParameter>);

// ---- auto-forward (X.413 1988 12.1, X.420 19.7.1)
struct AutoForwardArguments {
  mts::ORName originator_name;
  std::optional<mts::ContentIdentifier> content_identifier;
  std::optional<mts::Priority> priority;
  std::optional<mts::PerMessageIndicators> per_message_indicators;
  std::optional<mts::Time> deferred_delivery_time;
  mts::Extensions extensions;
  std::vector<mts::PerRecipientMessageSubmissionFields> per_recipient_fields;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const AutoForwardArguments&, const AutoForwardArguments&) = default;
};
const asn1::Type& schema(asn1::Of<AutoForwardArguments>);
/// 1988. forwarding_information holds a ForwardingInformation.
struct AutoForwardRegistrationParameter88 {
  std::optional<Filter> filter;
  AutoForwardArguments auto_forward_arguments;
  bool delete_after_auto_forwarding = false;
  asn1::OctetString forwarding_information;
  friend bool operator==(const AutoForwardRegistrationParameter88&, const AutoForwardRegistrationParameter88&) = default;
};
const asn1::Type& schema(asn1::Of<AutoForwardRegistrationParameter88>);
struct ForwardingInformation {
  std::optional<asn1::PrintableString> auto_forwarding_comment;
  std::optional<ipm::IA5TextBodyPart> cover_note;
  std::optional<asn1::PrintableString> this_ipm_prefix;
  friend bool operator==(const ForwardingInformation&, const ForwardingInformation&) = default;
};
const asn1::Type& schema(asn1::Of<ForwardingInformation>);
/// 1994.
struct IPMAutoForwardRegistrationParameter {
  std::optional<Filter> filter;
  mts::MessageSubmissionEnvelope forwarding_envelope;
  ipm::Heading forwarding_heading;
  std::optional<ipm::BodyPart> forwarding_cover_note;
  std::optional<MSSubmissionOptions> submission_options;
  std::optional<asn1::PrintableString> nrn_comment;
  asn1::BitString ipm_auto_forward_options;
  friend bool operator==(const IPMAutoForwardRegistrationParameter&, const IPMAutoForwardRegistrationParameter&) = default;
};
const asn1::Type& schema(asn1::Of<IPMAutoForwardRegistrationParameter>);

}  // namespace postern::ms
