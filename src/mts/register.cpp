#include "mts/register.hpp"

#include "mts/bounds.hpp"

namespace postern::mts {

using namespace asn1;

namespace {

const Type& content_types() {
  static const Type type = set_of_type<ContentType>("ContentTypes").size(1, ub::content_types);
  return type;
}

const Type& registration_ids() { return set_of<ExtensionType>(); }

}  // namespace

const Type& schema(Of<EncodedInformationTypesConstraints>) {
  using T = EncodedInformationTypesConstraints;
  static const Type type = sequence<T>("EncodedInformationTypesConstraints",
                                       {
                                           field<&T::unacceptable_eits>("unacceptable-eits").implicitly(context(0)),
                                           field<&T::acceptable_eits>("acceptable-eits").implicitly(context(1)),
                                           field<&T::exclusively_acceptable_eits>("exclusively-acceptable-eits").implicitly(context(2)),
                                       });
  return type;
}

const Type& schema(Of<PermissibleEncodedInformationTypes>) {
  using T = PermissibleEncodedInformationTypes;
  static const Type type = choice<&T::value>("PermissibleEncodedInformationTypes", {
                                                                                       alternative<&T::value, 0>("constraints"),
                                                                                       alternative<&T::value, 1>("types-88"),
                                                                                   });
  return type;
}

const Type& schema(Of<Operations>) {
  static const Type type =
      named_bits<Operations>("Operations", {{"probe-submission-or-report-delivery", 0}, {"message-submission-or-message-delivery", 1}});
  return type;
}

// X.411 fig. 2 "Controls"; the same components begin DeliveryControlArgument.
const Type& schema(Of<Controls>) {
  using T = Controls;
  static const Type type =
      set<T>("Controls",
             {
                 field<&T::restrict>("restrict").implicitly(context(0)).defaulted(),
                 field<&T::permissible_operations>("permissible-operations").implicitly(context(1)),
                 field<&T::permissible_maximum_content_length>("permissible-maximum-content-length")
                     .implicitly(context(2))
                     .size(0, ub::content_length),
                 field<&T::permissible_lowest_priority>("permissible-lowest-priority"),
                 field<&T::permissible_content_types>("permissible-content-types").as(content_types()).implicitly(context(4)),
                 field<&T::permissible_encoded_information_types>("permissible-encoded-information-types"),
                 field<&T::permissible_security_context>("permissible-security-context").implicitly(context(5)),
             })
          .extensible();
  return type;
}

const Type& schema(Of<DeliveryControlArgument>) {
  static const Type type = [] {
    Type made = renamed<DeliveryControlArgument>("DeliveryControlArgument", schema(Of<Controls>{}));
    made.fields.push_back(field<&DeliveryControlArgument::extensions>("extensions").implicitly(context(6)).defaulted());
    made.fresh = &asn1::detail::fresh_of<DeliveryControlArgument>;  // it is more than Controls
    return made;
  }();
  return type;
}

const Type& schema(Of<WaitingMessages>) {
  static const Type type =
      named_bits<WaitingMessages>("WaitingMessages", {{"long-content", 0}, {"low-priority", 1}, {"other-security-labels", 2}});
  return type;
}

const Type& schema(Of<Waiting>) {
  using T = Waiting;
  static const Type type =
      set<T>("Waiting",
             {
                 field<&T::waiting_operations>("waiting-operations").implicitly(context(0)).defaulted(),
                 field<&T::waiting_messages>("waiting-messages").implicitly(context(1)).defaulted(),
                 field<&T::waiting_content_types>("waiting-content-types").as(set_of<ContentType>()).implicitly(context(2)).defaulted(),
                 field<&T::waiting_encoded_information_types>("waiting-encoded-information-types"),
             })
          .extensible();
  return type;
}

const Type& schema(Of<DeliveryControlResult>) {
  static const Type type = [] {
    Type made = renamed<DeliveryControlResult>("DeliveryControlResult", schema(Of<Waiting>{}));
    made.fields.push_back(field<&DeliveryControlResult::extensions>("extensions").implicitly(context(6)).defaulted());
    made.fresh = &asn1::detail::fresh_of<DeliveryControlResult>;  // it is more than Waiting
    return made;
  }();
  return type;
}

const Type& schema(Of<X121UserAddress>) {
  using T = X121UserAddress;
  static const Type type = sequence<T>("X121UserAddress", {
                                                              field<&T::x121_address>("x121-address").size(1, ub::x121_address_length),
                                                              field<&T::tsap_id>("tsap-id").size(1, ub::tsap_id_length),
                                                          });
  return type;
}

const Type& schema(Of<UserAddress>) {
  static const Type type =
      choice<&UserAddress::value>("UserAddress", {
                                                     alternative<&UserAddress::value, 0>("x121").implicitly(context(0)),
                                                     alternative<&UserAddress::value, 1>("presentation").implicitly(context(1)),
                                                 });
  return type;
}

const Type& schema(Of<ExactOrPattern>) {
  using T = ExactOrPattern;
  static const Type type = choice<&T::value>("ExactOrPattern", {
                                                                   alternative<&T::value, 0>("exact-match").implicitly(context(0)),
                                                                   alternative<&T::value, 1>("pattern-match").implicitly(context(1)),
                                                               });
  return type;
}

const Type& schema(Of<SourceType>) {
  static const Type type = named_bits<SourceType>("SourceType", {{"originated-by", 0}, {"redirected-by", 1}, {"dl-expanded-by", 2}});
  return type;
}

const Type& schema(Of<Restriction>) {
  using T = Restriction;
  static const Type type = set<T>("Restriction",
                                  {
                                      field<&T::permitted>("permitted").defaulted(),
                                      field<&T::source_type>("source-type").defaulted(),
                                      field<&T::source_name>("source-name"),
                                  })
                               .extensible();
  return type;
}

const Type& schema(Of<MessageClassObjects>) {
  static const Type type = enumerated<MessageClassObjects>("MessageClassObjects", {{"messages", 0}, {"reports", 1}, {"both", 2}});
  return type;
}

const Type& schema(Of<MessageClass>) {
  using T = MessageClass;
  static const Type type =
      set<T>("MessageClass",
             {
                 field<&T::content_types>("content-types").as(content_types()).implicitly(context(0)),
                 field<&T::maximum_content_length>("maximum-content-length").implicitly(context(1)).size(0, ub::content_length),
                 field<&T::encoded_information_types_constraints>("encoded-information-types-constraints").implicitly(context(2)),
                 field<&T::security_labels>("security-labels").implicitly(context(3)),
                 field<&T::priority>("priority").as(set_of<Priority>()).implicitly(context(4)),
                 field<&T::objects>("objects").implicitly(context(5)).defaulted(),
                 field<&T::applies_only_to>("applies-only-to").implicitly(context(6)),
                 field<&T::extensions>("extensions").implicitly(context(7)).defaulted(),
             })
          .extensible();
  return type;
}

const Type& schema(Of<RecipientRedirection>) {
  using T = RecipientRedirection;
  static const Type type =
      set<T>("RecipientRedirection",
             {
                 field<&T::redirection_classes>("redirection-classes")
                     .as(set_of<MessageClass>())
                     .implicitly(context(0))
                     .size(1, ub::redirection_classes),
                 field<&T::recipient_assigned_alternate_recipient>("recipient-assigned-alternate-recipient").implicitly(context(1)),
             })
          .extensible();
  return type;
}

const Type& schema(Of<Registrations>) {
  static const Type type = named_bits<Registrations>("Registrations", {
                                                                          {"user-name", 0},
                                                                          {"user-address", 1},
                                                                          {"deliverable-class", 2},
                                                                          {"default-delivery-controls", 3},
                                                                          {"redirections", 4},
                                                                          {"restricted-delivery", 5},
                                                                      });
  return type;
}

const Type& schema(Of<RegistrationTypes>) {
  using T = RegistrationTypes;
  static const Type type =
      sequence<T>("RegistrationTypes", {
                                           field<&T::standard_parameters>("standard-parameters").implicitly(context(0)),
                                           field<&T::extensions>("extensions").as(registration_ids()).implicitly(context(1)),
                                       });
  return type;
}

const Type& schema(Of<RegisterArgument>) {
  using T = RegisterArgument;
  static const Type type =
      set<T>("RegisterArgument",
             {
                 field<&T::user_name>("user-name"),
                 field<&T::user_address>("user-address").explicitly(context(0)),
                 field<&T::deliverable_class>("deliverable-class").as(set_of<MessageClass>()).size(1, ub::deliverable_class),
                 field<&T::default_delivery_controls>("default-delivery-controls").explicitly(context(2)),
                 field<&T::redirections>("redirections").implicitly(context(3)).size(1, ub::redirections),
                 field<&T::restricted_delivery>("restricted-delivery").implicitly(context(4)).size(1, ub::restrictions),
                 field<&T::retrieve_registrations>("retrieve-registrations").implicitly(context(5)),
                 field<&T::extensions>("extensions").implicitly(context(6)).defaulted(),
             })
          .extensible();
  return type;
}

const Type& schema(Of<NonEmptyRegisterResult>) {
  using T = NonEmptyRegisterResult;
  static const Type type = set<T>("NonEmptyRegisterResult",
                                  {
                                      field<&T::registered_information>("registered-information").implicitly(context(0)),
                                      field<&T::extensions>("extensions").implicitly(context(1)).defaulted(),
                                  })
                               .extensible();
  return type;
}

const Type& schema(Of<RegisterResult>) {
  using T = RegisterResult;
  static const Type type = choice<&T::value>("RegisterResult", {
                                                                   alternative<&T::value, 0>("empty-result"),
                                                                   alternative<&T::value, 1>("non-empty-result"),
                                                               });
  return type;
}

const Type& schema(Of<LabelAndRedirection>) {
  using T = LabelAndRedirection;
  static const Type type =
      set<T>("LabelAndRedirection",
             {
                 field<&T::user_security_label>("user-security-label").implicitly(context(0)),
                 field<&T::recipient_assigned_alternate_recipient>("recipient-assigned-alternate-recipient").implicitly(context(1)),
             });
  return type;
}

const Type& schema(Of<RegisterArgument88>) {
  using T = RegisterArgument88;
  static const Type type =
      set<T>("Register88", {
                               field<&T::user_name>("user-name"),
                               field<&T::user_address>("user-address").explicitly(context(0)),
                               field<&T::deliverable_encoded_information_types>("deliverable-encoded-information-types"),
                               field<&T::deliverable_maximum_content_length>("deliverable-maximum-content-length")
                                   .explicitly(context(1))
                                   .size(0, ub::content_length),
                               field<&T::default_delivery_controls>("default-delivery-controls").explicitly(context(2)),
                               field<&T::deliverable_content_types>("deliverable-content-types").as(content_types()).implicitly(context(3)),
                               field<&T::labels_and_redirections>("labels-and-redirections")
                                   .as(set_of<LabelAndRedirection>())
                                   .implicitly(context(4))
                                   .size(1, ub::labels_and_redirections),
                           });
  return type;
}

const Type& schema(Of<ChangeCredentialsArgument>) {
  using T = ChangeCredentialsArgument;
  static const Type type = set<T>("ChangeCredentialsArgument", {
                                                                   field<&T::old_credentials>("old-credentials").explicitly(context(0)),
                                                                   field<&T::new_credentials>("new-credentials").explicitly(context(1)),
                                                               });
  return type;
}

}  // namespace postern::mts
