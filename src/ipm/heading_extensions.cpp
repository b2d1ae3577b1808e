#include "ipm/heading_extensions.hpp"

#include "ipm/notification.hpp"

namespace postern::ipm {

using asn1::alternative;
using asn1::context;
using asn1::field;
using asn1::Of;
using asn1::Type;

const Type& schema(Of<IncompleteCopy>) {
  static const Type type = asn1::renamed<IncompleteCopy>("IncompleteCopy", schema(Of<asn1::Null>{}));
  return type;
}
const Type& schema(Of<CirculationListIndicator>) {
  static const Type type = asn1::renamed<CirculationListIndicator>("CirculationListIndicator", schema(Of<asn1::Null>{}));
  return type;
}
const Type& schema(Of<AutoSubmitted>) {
  static const Type type =
      asn1::enumerated<AutoSubmitted>("AutoSubmitted", {{"not-auto-submitted", 0}, {"auto-generated", 1}, {"auto-replied", 2}});
  return type;
}
const Type& schema(Of<Precedence>) {
  static const Type type = asn1::integer<Precedence>("Precedence", {}).size(0, ub_precedence);
  return type;
}
const Type& schema(Of<RecipientSecurityRequest>) {
  static const Type type = asn1::named_bits<RecipientSecurityRequest>(
      "RecipientSecurityRequest", {{"content-non-repudiation", 0}, {"content-proof", 1}, {"ipn-non-repudiation", 2}, {"ipn-proof", 3}});
  return type;
}
const Type& schema(Of<IpnSecurityResponse>) {
  static const Type type = asn1::set<IpnSecurityResponse>("IpnSecurityResponse", {asn1::rest<&IpnSecurityResponse::unknown>()});
  return type;
}

namespace {

const Type& languages_type() {
  static const Type type = asn1::set_of_type<asn1::PrintableString>("Languages");
  return type;
}
const Type& signatures_type() {
  static const Type type = asn1::set_of_type<BodyPartSignature>("BodyPartSignatures");
  return type;
}
template <class T>
const Type& bounded_list(std::string_view name, std::int64_t least, std::int64_t most,
                         const Type& (*element)() = &asn1::detail::describe_of<T>) {
  static const Type type = asn1::sequence_of_type<T>(name, element).size(least, most);
  return type;
}
/// UniversalOrBMPString{ub}: O/R addresses have a bound of their own, every extension another one.
template <std::int64_t Most>
const Type& text_up_to() {
  static const Type encoding = [] {
    Type made = schema(Of<UniversalOrBMPString::CharacterEncoding>{});
    for (asn1::Field& each : made.fields) each.size(1, Most);
    return made;
  }();
  static const Type type = [] {
    Type made = schema(Of<UniversalOrBMPString>{});
    made.fields.front().as(encoding);
    return made;
  }();
  return type;
}

}  // namespace

const Type& schema(Of<BodyPartSignature>) {
  static const Type type =
      asn1::set<BodyPartSignature>("BodyPartSignature", {
                                                            field<&BodyPartSignature::body_part_number>("body-part-number"),
                                                            field<&BodyPartSignature::body_part_signature>("body-part-signature"),
                                                            asn1::rest<&BodyPartSignature::unknown>(),
                                                        });
  return type;
}
const Type& schema(Of<BodyPartSecurityLabel>) {
  static const Type type = asn1::choice<&BodyPartSecurityLabel::value>(
      "BodyPartSecurityLabel", {
                                   alternative<&BodyPartSecurityLabel::value, 0>("body-part-unlabelled").implicitly(context(0)),
                                   alternative<&BodyPartSecurityLabel::value, 1>("body-part-security-label").implicitly(context(1)),
                               });
  return type;
}
const Type& schema(Of<IPMSecurityLabel>) {
  static const Type type = asn1::sequence<IPMSecurityLabel>(
      "IPMSecurityLabel", {
                              field<&IPMSecurityLabel::content_security_label>("content-security-label").implicitly(context(0)),
                              field<&IPMSecurityLabel::heading_security_label>("heading-security-label").implicitly(context(1)),
                              field<&IPMSecurityLabel::body_part_security_labels>("body-part-security-labels").implicitly(context(2)),
                          });
  return type;
}
const Type& schema(Of<CirculationSignature>) {
  static const Type type = asn1::sequence<CirculationSignature>(
      "CirculationSignature", {
                                  field<&CirculationSignature::circulation_signature_data>("circulation-signature-data"),
                                  field<&CirculationSignature::algorithm_identifier>("algorithm-identifier"),
                                  field<&CirculationSignature::encrypted>("encrypted"),
                              });
  return type;
}
const Type& schema(Of<Checkmark>) {
  static const Type type = asn1::choice<&Checkmark::value>("Checkmark", {
                                                                            alternative<&Checkmark::value, 0>("simple"),
                                                                            alternative<&Checkmark::value, 1>("timestamped"),
                                                                            alternative<&Checkmark::value, 2>("signed"),
                                                                        });
  return type;
}
const Type& schema(Of<CirculationMember>) {
  static const Type type =
      asn1::set<CirculationMember>("CirculationMember", {
                                                            field<&CirculationMember::circulation_recipient>("circulation-recipient"),
                                                            field<&CirculationMember::checked>("checked"),
                                                        });
  return type;
}
const Type& schema(Of<DistributionCode>) {
  static const Type type = asn1::sequence<DistributionCode>(
      "DistributionCode", {
                              field<&DistributionCode::oid_code>("oid-code"),
                              field<&DistributionCode::alphanumeric_code>("alphanumeric-code").as(text_up_to<ub_alpha_code_length>()),
                              field<&DistributionCode::or_descriptor>("or-descriptor").implicitly(context(0)),
                          });
  return type;
}
const Type& schema(Of<InformationCategory>) {
  static const Type type = asn1::sequence<InformationCategory>(
      "InformationCategory",
      {
          field<&InformationCategory::reference>("reference").implicitly(context(0)),
          field<&InformationCategory::description>("description").as(text_up_to<ub_information_category_length>()).implicitly(context(1)),
      });
  return type;
}

const std::vector<ExtensionKind>& extension_kinds() {
  using enum HeadingExtensionType;
  static const std::vector<ExtensionKind> kinds{
      {id_hex(HeadingExtensionType::IncompleteCopy), "incomplete-copy", &schema(Of<ipm::IncompleteCopy>{})},
      {id_hex(HeadingExtensionType::Languages), "languages", &languages_type()},
      {id_hex(HeadingExtensionType::AutoSubmitted), "auto-submitted", &schema(Of<ipm::AutoSubmitted>{})},
      {id_hex(HeadingExtensionType::BodyPartSignatures), "body-part-signatures", &signatures_type()},
      {id_hex(IpmSecurityLabel), "ipm-security-label", &schema(Of<IPMSecurityLabel>{})},
      {id_hex(HeadingExtensionType::AuthorizationTime), "authorization-time", &schema(Of<asn1::GeneralizedTime>{})},
      {id_hex(CirculationListRecipients), "circulation-list-recipients",
       &bounded_list<CirculationMember>("CirculationList", 2, ub_circulation_list_members)},
      {id_hex(HeadingExtensionType::DistributionCodes), "distribution-codes",
       &bounded_list<DistributionCode>("DistributionCodes", 1, ub_distribution_codes)},
      {id_hex(HeadingExtensionType::ExtendedSubject), "extended-subject", &text_up_to<ub_extended_subject_length>()},
      {id_hex(HeadingExtensionType::InformationCategory), "information-category",
       &bounded_list<ipm::InformationCategory>("InformationCategories", 1, ub_information_categories)},
      {id_hex(HeadingExtensionType::ManualHandlingInstructions), "manual-handling-instructions",
       &bounded_list<UniversalOrBMPString>("ManualHandlingInstructions", 1, ub_manual_handling_instructions,
                                           &text_up_to<ub_manual_handling_instruction_length>)},
      {id_hex(HeadingExtensionType::OriginatorsReference), "originators-reference", &text_up_to<ub_originators_reference_length>()},
      {id_hex(PrecedencePolicyId), "precedence-policy-identifier", &schema(Of<asn1::Oid>{})},
      {id_rex_circulation_list_indicator(), "circulation-list-indicator", &schema(Of<CirculationListIndicator>{})},
      {id_rex_precedence(), "precedence", &schema(Of<Precedence>{})},
      {id_sec_ipm_security_request(), "recipient-security-request", &schema(Of<RecipientSecurityRequest>{})},
      {id_sec_security_common_fields(), "ipn-security-response", &schema(Of<IpnSecurityResponse>{})},
      {id_on_absence_advice(), "absence-advice", &schema(Of<AbsenceAdvice>{})},
      {id_on_change_of_address_advice(), "change-of-address-advice", &schema(Of<ChangeOfAddressAdvice>{})},
  };
  return kinds;
}

const ExtensionKind* find_extension_kind(const asn1::Oid& oid) {
  const auto& kinds = extension_kinds();
  const auto found = std::ranges::find(kinds, oid, &ExtensionKind::oid);
  return found == kinds.end() ? nullptr : &*found;
}

const Type* extension_type(const asn1::Oid& oid) {
  const ExtensionKind* kind = find_extension_kind(oid);
  return kind == nullptr ? nullptr : kind->type;
}

}  // namespace postern::ipm
