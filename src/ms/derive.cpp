#include "ms/derive.hpp"

#include "ipm/heading_extensions.hpp"

namespace postern::ms::detail {

using namespace asn1;

namespace {

using mts::StandardExtension;

struct ExtensionAttribute {
  StandardExtension extension;
  std::uint32_t attribute;  ///< Last arc of id-att.
};
/// X.413 11.2.2: attributes that are an extension's value as it came.
constexpr ExtensionAttribute kExtensions[] = {
    {StandardExtension::ContentConfidentialityAlgorithmIdentifier, 2},
    {StandardExtension::ContentCorrelator, 3},
    {StandardExtension::ContentIntegrityCheck, 5},
    {StandardExtension::ConversionWithLossProhibited, 9},
    {StandardExtension::MessageOriginAuthenticationCheck, 21},
    {StandardExtension::MessageSecurityLabel, 22},
    {StandardExtension::MessageToken, 24},
    {StandardExtension::OriginatorCertificate, 26},
    {StandardExtension::ProofOfDeliveryRequest, 32},
    {StandardExtension::ReportingDlName, 35},
    {StandardExtension::ReportingMtaCertificate, 36},
    {StandardExtension::ReportOriginAuthenticationCheck, 37},
};

template <StandardExtension E>
void put_list(AttributeWriter& out, const mts::Extensions& extensions, std::uint32_t arc) {
  using Element = typename mts::ExtensionValue<E>::value_type;
  const mts::ExtensionValue<E> list = mts::extension_or<E>(extensions);
  out.put_each(id_att(arc), std::vector<Element>(list.begin(), list.end()));
}

void derive_extensions(AttributeWriter& out, const mts::Extensions& extensions) {
  for (const ExtensionAttribute& each : kExtensions)
    if (const mts::ExtensionField* field = mts::find(extensions, each.extension))
      out.put_any(id_att(each.attribute), std::span(&field->value, 1));
  put_list<StandardExtension::DlExpansionHistory>(out, extensions, 14);
  put_list<StandardExtension::RedirectionHistory>(out, extensions, 33);
  put_list<StandardExtension::TraceInformation>(out, extensions, 75);
  const auto label = mts::extension_or<StandardExtension::MessageSecurityLabel>(extensions);
  out.put(id_att(38), label.security_classification);
}

void put_eits(AttributeWriter& out, std::uint32_t arc, const std::optional<mts::EncodedInformationTypes>& types) {
  if (types) out.put_each(id_att(arc), eits_of(*types));
}

}  // namespace

void derive(AttributeWriter& out, const mts::OtherMessageDeliveryFields& fields) {
  out.put(id_att(4), fields.content_identifier);
  out.put(id_att(8), content_type_oid(mts::ContentType{fields.content_type.value}));
  put_eits(out, 10, fields.converted_encoded_information_types);
  put_eits(
      out, 12,
      fields.converted_encoded_information_types ? fields.converted_encoded_information_types : fields.original_encoded_information_types);
  out.put(id_att(13), fields.delivery_flags);
  out.put(id_att(17), fields.originally_intended_recipient_name);
  out.put(id_att(23), fields.message_submission_time);
  put_eits(out, 25, fields.original_encoded_information_types);
  out.put(id_att(27), fields.originator_name);
  out.put_each(id_att(28), fields.other_recipient_names);
  out.put(id_att(31), fields.priority);
  out.put(id_att(41), fields.this_recipient_name);
  derive_extensions(out, fields.extensions);
}

void derive(AttributeWriter& out, const mts::ReportDeliveryArgument& report) {
  out.put(id_att(4), report.content_identifier);
  out.put(id_att(7), report.returned_content.has_value());
  if (report.content_type) out.put(id_att(8), content_type_oid(*report.content_type));
  put_eits(out, 25, report.original_encoded_information_types);
  out.put_each(id_att(30), report.per_recipient_fields);
  out.put(id_att(34), static_cast<const mts::ReportDeliveryEnvelope&>(report));
  out.put(id_att(40), report.subject_submission_identifier);
  derive_extensions(out, report.extensions);
}

// ---- interpersonal messages
namespace {

using ipm::HeadingExtensionType;
using ipm::NotificationRequest;

struct HeadingAttribute {
  HeadingExtensionType extension;
  std::uint32_t attribute;  ///< Last arc of id-hat.
};
constexpr HeadingAttribute kHeadingExtensions[] = {
    {HeadingExtensionType::IncompleteCopy, 17},     {HeadingExtensionType::AutoSubmitted, 22},
    {HeadingExtensionType::IpmSecurityLabel, 24},   {HeadingExtensionType::AuthorizationTime, 27},
    {HeadingExtensionType::ExtendedSubject, 30},    {HeadingExtensionType::OriginatorsReference, 33},
    {HeadingExtensionType::PrecedencePolicyId, 34},
};

template <HeadingExtensionType E>
void put_list(AttributeWriter& out, const ipm::Heading& heading, std::uint32_t arc) {
  if (const auto list = ipm::heading_extension<E>(heading); list && *list) out.put_each(id_hat(arc), **list);
}

/// X.420 19.6.2.20 to 22: whom notifications and replies were asked of.
template <class Asked>
std::vector<ipm::ORDescriptor> requestors(const ipm::Heading& heading, const Asked& asked) {
  std::vector<ipm::ORDescriptor> out;
  for (const auto* list : {&heading.primary_recipients, &heading.copy_recipients})
    for (const ipm::RecipientSpecifier& each : *list)
      if (asked(each)) out.push_back(each.recipient);
  for (const ipm::RecipientSpecifier& each : heading.blind_copy_recipients.value_or(std::vector<ipm::RecipientSpecifier>{}))
    if (asked(each)) out.push_back(each.recipient);
  return out;
}

void derive_recipients(AttributeWriter& out, const ipm::Heading& heading) {
  const auto requests = [](NotificationRequest bit) {
    return [bit](const ipm::RecipientSpecifier& each) { return each.notification_requests.test(bit); };
  };
  out.put_each(id_hat(10), heading.authorizing_users);
  out.put_each(id_hat(11), heading.primary_recipients);
  out.put_each(id_hat(12), heading.copy_recipients);
  out.put_each(id_hat(13), heading.blind_copy_recipients);
  out.put_each(id_hat(16), heading.reply_recipients);
  out.put_each(id_hat(19), requestors(heading, requests(NotificationRequest::Rn)));
  out.put_each(id_hat(20), requestors(heading, requests(NotificationRequest::Nrn)));
  out.put_each(id_hat(21), requestors(heading, [](const ipm::RecipientSpecifier& each) { return each.reply_requested; }));
}

void derive_heading_extensions(AttributeWriter& out, const ipm::Heading& heading) {
  for (const HeadingAttribute& each : kHeadingExtensions)
    if (const ipm::IPMSExtension* found = ipm::find_extension(heading.extensions, ipm::id_hex(each.extension)))
      out.put_any(id_hat(each.attribute), std::span(&found->value, 1));
  put_list<HeadingExtensionType::Languages>(out, heading, 18);
  put_list<HeadingExtensionType::CirculationListRecipients>(out, heading, 28);
  put_list<HeadingExtensionType::DistributionCodes>(out, heading, 29);
  put_list<HeadingExtensionType::InformationCategory>(out, heading, 31);
  put_list<HeadingExtensionType::ManualHandlingInstructions>(out, heading, 32);
}

}  // namespace

void derive(AttributeWriter& out, const ipm::Heading& heading) {
  out.put(id_hat(0), heading);
  out.put(id_hat(1), heading.this_ipm);
  out.put(id_hat(2), heading.originator);
  out.put(id_hat(3), heading.replied_to_ipm);
  out.put(id_hat(4), heading.subject);
  out.put(id_hat(5), heading.expiry_time);
  out.put(id_hat(6), heading.reply_time);
  out.put(id_hat(7), heading.importance);
  out.put(id_hat(8), heading.sensitivity);
  out.put(id_hat(9), heading.auto_forwarded);
  out.put_each(id_hat(14), heading.obsoleted_ipms);
  out.put_each(id_hat(15), heading.related_ipms);
  derive_recipients(out, heading);
  derive_heading_extensions(out, heading);
}

void derive(AttributeWriter& out, const ipm::IPN& notification) {
  constexpr IPMEntryType kTypes[] = {IPMEntryType::Nrn, IPMEntryType::Rn, IPMEntryType::On};
  out.put(id_sat(0), kTypes[notification.choice.value.index()]);
  out.put(id_nat(0), notification.subject_ipm);
  out.put(id_nat(1), notification.ipn_originator);
  out.put(id_nat(2), notification.ipm_intended_recipient);
  out.put(id_nat(3), notification.conversion_eits);
  if (const auto* nrn = std::get_if<ipm::NonReceiptFields>(&notification.choice.value)) {
    out.put(id_nat(4), nrn->non_receipt_reason);
    out.put(id_nat(5), nrn->discard_reason);
    out.put(id_nat(6), nrn->auto_forward_comment);
  }
  if (const auto* rn = std::get_if<ipm::ReceiptFields>(&notification.choice.value)) {
    out.put(id_nat(8), rn->receipt_time);
    out.put(id_nat(9), rn->acknowledgment_mode);
    out.put(id_nat(10), rn->suppl_receipt_info);
  }
}

}  // namespace postern::ms::detail
