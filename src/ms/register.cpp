#include "ms/register.hpp"

#include "ms/oids.hpp"
#include "mts/bounds.hpp"

namespace postern::ms {

using namespace asn1;

namespace {

/// The 1994 form of auto-forward is a SEQUENCE and that of 1988 a SET: the octets say which, so value notation leaves it open.
const Type* parameter_of(const void* parent) {
  const auto& type = static_cast<const AutoActionRegistration*>(parent)->auto_action_type;
  return type == id_act_auto_alert() ? &schema(Of<AutoAlertRegistrationParameter>{}) : nullptr;
}

Field attribute_list(Field made, std::uint32_t tag) {
  return made.explicitly(context(tag)).as(set_of<Oid>()).size(0, ub::default_registrations);
}

}  // namespace

const Type& schema(Of<AutoActionRegistration>) {
  using T = AutoActionRegistration;
  static const Type type = sequence<T>(
      "AutoActionRegistration",
      {field<&T::auto_action_type>("auto-action-type"),
       field<&T::registration_identifier>("registration-identifier").explicitly(context(0)).size(1, ub::per_auto_action).defaulted(),
       field<&T::registration_parameter>("registration-parameter").explicitly(context(1)).holds(&parameter_of)});
  return type;
}

const Type& schema(Of<AutoActionDeregistration>) {
  using T = AutoActionDeregistration;
  static const Type type = sequence<T>(
      "AutoActionDeregistration",
      {field<&T::auto_action_type>("auto-action-type"),
       field<&T::registration_identifier>("registration-identifier").explicitly(context(0)).size(1, ub::per_auto_action).defaulted()});
  return type;
}

const Type& schema(Of<ChangeCredentials>) {
  using T = ChangeCredentials;
  static const Type type = sequence<T>("ChangeCredentials", {field<&T::old_credentials>("old-credentials").explicitly(context(0)),
                                                             field<&T::new_credentials>("new-credentials").explicitly(context(1))});
  return type;
}

const Type& schema(Of<UARegistration>) {
  using T = UARegistration;
  static const Type type = set<T>(
      "UARegistration", {field<&T::ua_registration_identifier>("ua-registration-identifier")
                             .explicitly(context(0))
                             .size(1, ub::ua_registration_identifier_length),
                         attribute_list(field<&T::ua_list_attribute_defaults>("ua-list-attribute-defaults"), 1),
                         attribute_list(field<&T::ua_fetch_attribute_defaults>("ua-fetch-attribute-defaults"), 2),
                         field<&T::ua_submission_defaults>("ua-submission-defaults").explicitly(context(3)),
                         field<&T::content_specific_defaults>("content-specific-defaults").explicitly(context(4)).size(1, ub::extensions)});
  return type;
}

const Type& schema(Of<MessageGroupNameAndDescriptor>) {
  using T = MessageGroupNameAndDescriptor;
  static const Type type =
      set<T>("MessageGroupNameAndDescriptor",
             {field<&T::message_group_name>("message-group-name").explicitly(context(0)),
              field<&T::message_group_descriptor>("message-group-descriptor").explicitly(context(1)).size(1, ub::group_descriptor_length)});
  return type;
}

const Type& schema(Of<MessageGroupRegistration>) {
  using T = MessageGroupRegistration;
  static const Type type =
      choice<&T::value>("MessageGroupRegistration", {alternative<&T::value, 0>("register-group").explicitly(context(0)),
                                                     alternative<&T::value, 1>("deregister-group").explicitly(context(1)),
                                                     alternative<&T::value, 2>("change-descriptors").explicitly(context(2))});
  return type;
}

const Type& schema(Of<RegistrationBits>) {
  static const Type type = named_bits<RegistrationBits>("registrations", {{"auto-action-registrations", 0},
                                                                          {"list-attribute-defaults", 1},
                                                                          {"fetch-attribute-defaults", 2},
                                                                          {"ua-registrations", 3},
                                                                          {"submission-defaults", 4},
                                                                          {"message-group-registrations", 5}});
  return type;
}

const Type& schema(Of<MessageGroupsRestriction>) {
  using T = MessageGroupsRestriction;
  static const Type type = set<T>("MessageGroupsRestriction",
                                  {field<&T::parent_group>("parent-group").explicitly(context(0)),
                                   field<&T::immediate_descendants_only>("immediate-descendants-only").explicitly(context(1)).defaulted(),
                                   field<&T::omit_descriptors>("omit-descriptors").explicitly(context(2)).defaulted()});
  return type;
}

const Type& schema(Of<RegistrationTypes>) {
  using T = RegistrationTypes;
  static const Type type =
      set<T>("RegistrationTypes", {field<&T::registrations>("registrations").explicitly(context(0)),
                                   field<&T::extended_registrations>("extended-registrations").explicitly(context(1)).as(set_of<Oid>()),
                                   field<&T::restrict_message_groups>("restrict-message-groups").explicitly(context(2))});
  return type;
}

const Type& schema(Of<RegisterMSArgument>) {
  using T = RegisterMSArgument;
  static const Type type = set<T>(
      "Register-MSArgument",
      {field<&T::auto_action_registrations>("auto-action-registrations")
           .explicitly(context(0))
           .as(set_of<AutoActionRegistration>())
           .size(1, ub::auto_registrations),
       field<&T::auto_action_deregistrations>("auto-action-deregistrations")
           .explicitly(context(1))
           .as(set_of<AutoActionDeregistration>())
           .size(1, ub::auto_registrations),
       attribute_list(field<&T::list_attribute_defaults>("list-attribute-defaults"), 2),
       attribute_list(field<&T::fetch_attribute_defaults>("fetch-attribute-defaults"), 3),
       field<&T::change_credentials>("change-credentials").explicitly(context(4)),
       field<&T::user_security_labels>("user-security-labels")
           .explicitly(context(5))
           .as(set_of<mts::SecurityLabel>())
           .size(1, mts::ub::labels_and_redirections),
       field<&T::ua_registrations>("ua-registrations").explicitly(context(6)).as(set_of<UARegistration>()).size(1, ub::ua_registrations),
       field<&T::submission_defaults>("submission-defaults").explicitly(context(7)),
       field<&T::message_group_registrations>("message-group-registrations").explicitly(context(8)).size(1, ub::default_registrations),
       field<&T::registration_status_request>("registration-status-request").explicitly(context(9)),
       field<&T::register_ms_extensions>("register-ms-extensions").explicitly(context(10)).size(1, ub::extensions)});
  return type;
}

const Type& schema(Of<RegisteredInformation>) {
  using T = RegisteredInformation;
  static const Type type = set<T>(
      "registered-information",
      {field<&T::auto_action_registrations>("auto-action-registrations")
           .explicitly(context(0))
           .as(set_of<AutoActionRegistration>())
           .size(1, ub::auto_registrations),
       attribute_list(field<&T::list_attribute_defaults>("list-attribute-defaults"), 1),
       attribute_list(field<&T::fetch_attribute_defaults>("fetch-attribute-defaults"), 2),
       field<&T::ua_registrations>("ua-registrations").explicitly(context(3)).as(set_of<UARegistration>()).size(1, ub::ua_registrations),
       field<&T::submission_defaults>("submission-defaults").explicitly(context(4)),
       field<&T::message_group_registrations>("message-group-registrations")
           .explicitly(context(5))
           .as(set_of<MessageGroupNameAndDescriptor>())
           .size(1, ub::message_groups),
       field<&T::register_ms_result_extensions>("register-ms-result-extensions").explicitly(context(6)).size(1, ub::extensions)});
  return type;
}

const Type& schema(Of<RegisterMSResult>) {
  using T = RegisterMSResult;
  static const Type type = choice<&T::value>(
      "Register-MSResult", {alternative<&T::value, 0>("no-status-information"), alternative<&T::value, 1>("registered-information")});
  return type;
}

const Type& schema(Of<AlertDestination>) {
  using T = AlertDestination;
  static const Type type =
      sequence<T>("AlertDestination", {field<&T::alert_address>("alert-address"), field<&T::alert_qualifier>("alert-qualifier")});
  return type;
}

const Type& schema(Of<AutoAlertRegistrationParameter>) {
  using T = AutoAlertRegistrationParameter;
  static const Type type =
      set<T>("AutoAlertRegistrationParameter",
             {field<&T::filter>("filter").explicitly(context(0)),
              field<&T::alert_destinations>("alert-destinations").explicitly(context(1)).size(1, ub::alert_addresses),
              field<&T::requested_attributes>("requested-attributes")
                  .explicitly(context(2))
                  .as(set_of<AttributeSelection>())
                  .size(0, ub::per_entry),
              field<&T::suppress_alert_destinations>("suppress-alert-destinations").explicitly(context(3)).defaulted()});
  return type;
}

const Type& schema(Of<AutoForwardArguments>) {
  using T = AutoForwardArguments;
  static const Type type = set<T>(
      "AutoForwardArguments",
      {field<&T::originator_name>("originator-name"), field<&T::content_identifier>("content-identifier"), field<&T::priority>("priority"),
       field<&T::per_message_indicators>("per-message-indicators"),
       field<&T::deferred_delivery_time>("deferred-delivery-time").implicitly(context(0)),
       field<&T::extensions>("extensions").implicitly(context(2)).defaulted(),
       field<&T::per_recipient_fields>("per-recipient-fields").implicitly(context(1)).size(1, mts::ub::recipients), rest<&T::unknown>()});
  return type;
}

const Type& schema(Of<AutoForwardRegistrationParameter88>) {
  using T = AutoForwardRegistrationParameter88;
  static const Type type =
      set<T>("AutoForwardRegistrationParameter88",
             {field<&T::filter>("filter").explicitly(context(0)),
              field<&T::auto_forward_arguments>("auto-forward-arguments").explicitly(context(1)),
              field<&T::delete_after_auto_forwarding>("delete-after-auto-forwarding").explicitly(context(2)).defaulted(),
              field<&T::forwarding_information>("forwarding-information").explicitly(context(3)).holds([](const void*) -> const Type* {
                return &schema(Of<ForwardingInformation>{});
              })});
  return type;
}

const Type& schema(Of<ForwardingInformation>) {
  using T = ForwardingInformation;
  static const Type type =
      set<T>("ForwardingInformation",
             {field<&T::auto_forwarding_comment>("auto-forwarding-comment").explicitly(context(0)).size(1, ipm::ub_auto_forward_comment),
              field<&T::cover_note>("cover-note").explicitly(context(1)),
              field<&T::this_ipm_prefix>("this-ipm-prefix").explicitly(context(2)).size(1, ipm::ub_local_ipm_identifier)});
  return type;
}

const Type& schema(Of<IPMAutoForwardRegistrationParameter>) {
  using T = IPMAutoForwardRegistrationParameter;
  static const Type type = sequence<T>(
      "IPMAutoForwardRegistrationParameter",
      {field<&T::filter>("filter").explicitly(context(0)), field<&T::forwarding_envelope>("forwarding-envelope").explicitly(context(1)),
       field<&T::forwarding_heading>("forwarding-heading").explicitly(context(2)),
       field<&T::forwarding_cover_note>("forwarding-cover-note").explicitly(context(3)),
       field<&T::submission_options>("submission-options").explicitly(context(4)),
       field<&T::nrn_comment>("nrn-comment").explicitly(context(5)).size(1, ipm::ub_auto_forward_comment),
       field<&T::ipm_auto_forward_options>("ipm-auto-forward-options").explicitly(context(6)).defaulted()});
  return type;
}

}  // namespace postern::ms
