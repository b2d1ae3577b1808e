#include "ipm/notification.hpp"

#include <algorithm>

#include "ipm/oids.hpp"
#include "mts/bounds.hpp"

namespace postern::ipm {

using asn1::alternative;
using asn1::context;
using asn1::field;
using asn1::Of;
using asn1::Type;

const Type& schema(Of<NonReceiptReasonField>) {
  static const Type type =
      asn1::enumerated<NonReceiptReasonField>("NonReceiptReasonField", {{"ipm-discarded", 0}, {"ipm-auto-forwarded", 1}});
  return type;
}
const Type& schema(Of<DiscardReasonField>) {
  static const Type type = asn1::enumerated<DiscardReasonField>(
      "DiscardReasonField", {{"ipm-expired", 0}, {"ipm-obsoleted", 1}, {"user-subscription-terminated", 2}, {"ipm-deleted", 3}});
  return type;
}
const Type& schema(Of<AcknowledgmentModeField>) {
  static const Type type = asn1::enumerated<AcknowledgmentModeField>("AcknowledgmentModeField", {{"manual", 0}, {"automatic", 1}});
  return type;
}

const Type& schema(Of<NonReceiptFields>) {
  static const Type type = asn1::set<NonReceiptFields>(
      "NonReceiptFields",
      {
          field<&NonReceiptFields::non_receipt_reason>("non-receipt-reason").implicitly(context(0)),
          field<&NonReceiptFields::discard_reason>("discard-reason").implicitly(context(1)),
          field<&NonReceiptFields::auto_forward_comment>("auto-forward-comment").implicitly(context(2)).size(0, ub_auto_forward_comment),
          field<&NonReceiptFields::returned_ipm>("returned-ipm").implicitly(context(3)),
          field<&NonReceiptFields::nrn_extensions>("nrn-extensions").as(asn1::set_of<IPMSExtension>()).implicitly(context(4)),
      });
  return type;
}
const Type& schema(Of<ReceiptFields>) {
  static const Type type = asn1::set<ReceiptFields>(
      "ReceiptFields", {
                           field<&ReceiptFields::receipt_time>("receipt-time").implicitly(context(0)),
                           field<&ReceiptFields::acknowledgment_mode>("acknowledgment-mode").implicitly(context(1)).defaulted(),
                           field<&ReceiptFields::suppl_receipt_info>("suppl-receipt-info")
                               .implicitly(context(2))
                               .size(0, mts::ub::supplementary_info_length),
                           field<&ReceiptFields::rn_extensions>("rn-extensions").as(asn1::set_of<IPMSExtension>()).implicitly(context(3)),
                       });
  return type;
}
const Type& schema(Of<OtherNotificationTypeFields>) {
  static const Type type = asn1::set_of_type<IPMSExtension>("OtherNotificationTypeFields");
  return type;
}
const Type& schema(Of<IPN::Choice>) {
  static const Type type = asn1::choice<&IPN::Choice::value>(
      "IPN.choice", {
                        alternative<&IPN::Choice::value, 0>("non-receipt-fields").implicitly(context(0)),
                        alternative<&IPN::Choice::value, 1>("receipt-fields").implicitly(context(1)),
                        alternative<&IPN::Choice::value, 2>("other-notification-type-fields").implicitly(context(2)),
                    });
  return type;
}
const Type& schema(Of<IPN>) {
  static const Type type = asn1::set<IPN>(
      "IPN", {
                 field<&IPN::subject_ipm>("subject-ipm"),
                 field<&IPN::ipn_originator>("ipn-originator").implicitly(context(1)),
                 field<&IPN::ipm_intended_recipient>("ipm-intended-recipient").implicitly(context(2)),
                 field<&IPN::conversion_eits>("conversion-eits"),
                 field<&IPN::notification_extensions>("notification-extensions").as(asn1::set_of<IPMSExtension>()).implicitly(context(3)),
                 field<&IPN::choice>("choice").explicitly(context(0)),
             });
  return type;
}

namespace {

// Without the alternative for what nobody knows, which would take the component after it as well.
const Type& known_body_part() {
  static const Type type = [] {
    Type known = schema(Of<BodyPart>{});
    known.fields.pop_back();
    return known;
  }();
  return type;
}

}  // namespace

const Type& schema(Of<AbsenceAdvice>) {
  static const Type type = asn1::sequence<AbsenceAdvice>("AbsenceAdvice", {
                                                                              field<&AbsenceAdvice::advice>("advice").as(known_body_part()),
                                                                              field<&AbsenceAdvice::next_available>("next-available"),
                                                                          });
  return type;
}
const Type& schema(Of<ChangeOfAddressAdvice>) {
  static const Type type = asn1::sequence<ChangeOfAddressAdvice>(
      "ChangeOfAddressAdvice", {
                                   field<&ChangeOfAddressAdvice::new_address>("new-address").implicitly(context(0)),
                                   field<&ChangeOfAddressAdvice::effective_from>("effective-from").implicitly(context(1)),
                               });
  return type;
}

const Type& schema(Of<InformationObject>) {
  static const Type type = asn1::choice<&InformationObject::value>(
      "InformationObject", {
                               alternative<&InformationObject::value, 0>("ipm").implicitly(context(0)),
                               alternative<&InformationObject::value, 1>("ipn").implicitly(context(1)),
                           });
  return type;
}

// ---- content types
namespace {

bool has_extensions(const std::vector<RecipientSpecifier>& recipients) {
  return std::ranges::any_of(recipients, [](const RecipientSpecifier& each) { return each.recipient_extensions.has_value(); });
}

bool known_in_1984(const IPM& ipm);

bool known_in_1984(const BodyPart& part) {
  if (std::holds_alternative<BilaterallyDefinedBodyPart>(part.value) || std::holds_alternative<ExtendedBodyPart>(part.value)) return false;
  const auto* message = std::get_if<asn1::Box<MessageBodyPart>>(&part.value);
  return message == nullptr || !message->has_value() || known_in_1984((*message)->data);
}

bool known_in_1984(const Heading& heading) {
  return heading.extensions.empty() && heading.unknown.empty() && !has_extensions(heading.primary_recipients) &&
         !has_extensions(heading.copy_recipients) && !(heading.blind_copy_recipients && has_extensions(*heading.blind_copy_recipients));
}

bool known_in_1984(const IPM& ipm) {
  return known_in_1984(ipm.heading) && std::ranges::all_of(ipm.body, [](const BodyPart& part) { return known_in_1984(part); });
}

bool known_in_1984(const IPN& ipn) {
  if (ipn.notification_extensions) return false;
  if (const auto* receipt = std::get_if<ReceiptFields>(&ipn.choice.value)) return !receipt->rn_extensions;
  const auto* non_receipt = std::get_if<NonReceiptFields>(&ipn.choice.value);
  return non_receipt != nullptr && !non_receipt->nrn_extensions &&
         (!non_receipt->returned_ipm || known_in_1984(*non_receipt->returned_ipm));
}

}  // namespace

mts::BuiltInContentType content_type_of(const InformationObject& object) {
  const bool old = object.ipm() != nullptr ? known_in_1984(*object.ipm()) : known_in_1984(*object.ipn());
  return old ? mts::BuiltInContentType::InterpersonalMessaging1984 : mts::BuiltInContentType::InterpersonalMessaging1988;
}

bool is_interpersonal(const mts::ContentType& type) {
  if (const auto* oid = std::get_if<mts::ExtendedContentType>(&type.value)) return *oid == id_mct_p2_1984() || *oid == id_mct_p2_1988();
  const auto built_in = std::get<mts::BuiltInContentType>(type.value);
  return built_in == mts::BuiltInContentType::InterpersonalMessaging1984 || built_in == mts::BuiltInContentType::InterpersonalMessaging1988;
}

}  // namespace postern::ipm
