#include "mts/p1_1984.hpp"

#include <algorithm>

#include "mts/bounds.hpp"
#include "oraddress/extension.hpp"

namespace postern::mts {

using namespace asn1;

namespace {

// ---- descriptions: X.411-1984 3.4.1 to 3.4.3

const Type& recipient_info() {
  using T = PerRecipientMessageTransferFields;
  static const Type type =
      set<T>("RecipientInfo",
             {
                 field<&T::recipient_name>("recipient"),
                 field<&T::originally_specified_recipient_number>("extension-identifier").implicitly(context(0)).size(1, ub::recipients),
                 field<&T::per_recipient_indicators>("per-recipient-flag").implicitly(context(1)),
                 field<&T::explicit_conversion>("explicit-conversion").implicitly(context(2)),
                 rest<&T::unknown>(),
             });
  return type;
}

const Type& recipient_infos() {
  static const Type type = sequence_of_type<PerRecipientMessageTransferFields>("RecipientInfos", &recipient_info);
  return type;
}

const Type& umpdu_envelope_type() {
  using T = MessageTransferEnvelope;
  static const Type type =
      set<T>("UMPDUEnvelope",
             {
                 field<&T::message_identifier>("mpdu-identifier"),
                 field<&T::originator_name>("originator"),
                 field<&T::original_encoded_information_types>("original"),
                 field<&T::content_type>("content-type"),
                 field<&T::content_identifier>("ua-content-id"),
                 field<&T::priority>("priority").defaulted(),
                 field<&T::per_message_indicators>("per-message-flag").defaulted(),
                 field<&T::deferred_delivery_time>("deferred-delivery").implicitly(context(0)),
                 field<&T::per_domain_bilateral_information>("per-domain-bilateral-info").implicitly(context(1)).size(1, ub::transfers),
                 field<&T::per_recipient_fields>("recipient-infos").implicitly(context(2)).as(recipient_infos()).size(1, ub::recipients),
                 field<&T::trace_information>("trace-information"),
                 rest<&T::unknown>(),
             });
  return type;
}

const Type& user_mpdu() {
  static const Type type =
      sequence<Message>("UserMPDU", {field<&Message::envelope>("envelope").as(umpdu_envelope_type()), field<&Message::content>("content")});
  return type;
}

const Type& probe_mpdu() {
  using T = ProbeTransferEnvelope;
  static const Type type =
      set<T>("ProbeMPDU",
             {
                 field<&T::probe_identifier>("probe"),
                 field<&T::originator_name>("originator"),
                 field<&T::content_type>("content-type"),
                 field<&T::content_identifier>("ua-content-id"),
                 field<&T::original_encoded_information_types>("original"),
                 field<&T::trace_information>("trace-information"),
                 field<&T::per_message_indicators>("per-message-flag").defaulted(),
                 field<&T::content_length>("content-length").implicitly(context(0)).size(0, ub::content_length),
                 field<&T::per_domain_bilateral_information>("per-domain-bilateral-info").implicitly(context(1)).size(1, ub::transfers),
                 field<&T::per_recipient_fields>("recipient-infos").implicitly(context(2)).as(recipient_infos()).size(1, ub::recipients),
                 rest<&T::unknown>(),
             });
  return type;
}

const Type& reported_recipient_info() {
  using T = PerRecipientReportTransferFields;
  static const Type type = set<T>(
      "ReportedRecipientInfo",
      {
          field<&T::actual_recipient_name>("recipient").implicitly(context(0)),
          field<&T::originally_specified_recipient_number>("extension-identifier").implicitly(context(1)).size(1, ub::recipients),
          field<&T::per_recipient_indicators>("per-recipient-flag").implicitly(context(2)),
          field<&T::last_trace_information>("last-trace-information").implicitly(context(3)),
          field<&T::originally_intended_recipient_name>("intended-recipient").implicitly(context(4)),
          field<&T::supplementary_information>("supplementary-information").implicitly(context(5)).size(1, ub::supplementary_info_length),
          rest<&T::unknown>(),
      });
  return type;
}

const Type& reported_recipient_infos() {
  static const Type type = sequence_of_type<PerRecipientReportTransferFields>("ReportedRecipientInfos", &reported_recipient_info);
  return type;
}

const Type& delivery_report_envelope() {
  using T = ReportTransferEnvelope;
  static const Type type = set<T>("DeliveryReportEnvelope", {
                                                                field<&T::report_identifier>("report"),
                                                                field<&T::report_destination_name>("originator"),
                                                                field<&T::trace_information>("trace-information"),
                                                                rest<&T::unknown>(),
                                                            });
  return type;
}

const Type& delivery_report_content() {
  using T = ReportTransferContent;
  static const Type type =
      set<T>("DeliveryReportContent", {
                                          field<&T::subject_identifier>("original"),
                                          field<&T::subject_intermediate_trace_information>("intermediate"),
                                          field<&T::content_identifier>("ua-content-id"),
                                          field<&T::per_recipient_fields>("reported-recipient-infos")
                                              .implicitly(context(0))
                                              .as(reported_recipient_infos())
                                              .size(1, ub::recipients),
                                          field<&T::returned_content>("returned").implicitly(context(1)),
                                          field<&T::additional_information>("billing-information").explicitly(context(2)),
                                          rest<&T::unknown>(),
                                      });
  return type;
}

const Type& delivery_report_mpdu() {
  static const Type type = sequence<Report>("DeliveryReportMPDU", {
                                                                      field<&Report::envelope>("envelope").as(delivery_report_envelope()),
                                                                      field<&Report::content>("content").as(delivery_report_content()),
                                                                  });
  return type;
}

// ---- downgrading: X.419 annex B

/// The built-in content types and codes that 1984 gave out.
constexpr std::int64_t kLastDiagnosticOf1984 = 11;
constexpr std::int64_t kLastReasonOf1984 = 2;
constexpr std::size_t kIndicatorsOf1984 = 4;

using Answer = std::optional<NoDowngrade>;

Answer no(std::string why, NonDeliveryDiagnosticCode diagnostic = NonDeliveryDiagnosticCode::UnableToDowngrade) {
  return NoDowngrade{NonDeliveryReasonCode::UnableToTransfer, diagnostic, std::move(why)};
}

/// Extensions that matter to nobody on the way or at the end may go; a critical one may not.
Answer drop(Extensions& extensions) {
  for (const ExtensionField& field : extensions) {
    if (field.criticality.test(CriticalityBit::ForTransfer) || field.criticality.test(CriticalityBit::ForDelivery))
      return no(text_of(field.type) + " is critical and 1984 does not know it");
  }
  extensions.clear();
  return {};
}

void downgrade(std::optional<EncodedInformationTypes>& types) {
  if (types) downgrade_to_1984(*types);
}

/// 1984 can tell a redirection only as a rerouting.
void downgrade(TraceInformation& trace) {
  for (TraceInformationElement& element : trace) {
    DomainSuppliedInformation& info = element.domain_supplied_information;
    if (info.other_actions.test(OtherAction::Redirected)) info.routing_action = RoutingAction::Rerouted;
    info.other_actions = {};
    downgrade(info.converted_encoded_information_types);
  }
}

void downgrade(PerMessageIndicators& indicators) {
  for (std::size_t bit = kIndicatorsOf1984; bit < indicators.size(); ++bit) indicators.BitString::set(bit, false);
}

/// `message`: whose content is of that type; null: there is none, as of a probe.
Answer downgrade_type(ContentType& type, Message* message, const DowngradeContent& port) {
  auto* built_in = std::get_if<BuiltInContentType>(&type.value);
  if (built_in == nullptr) return no("1984 has no extended content types", NonDeliveryDiagnosticCode::ContentTypeNotSupported);
  if (*built_in != BuiltInContentType::InterpersonalMessaging1988) return {};
  if (message != nullptr) {
    if (!port) return no("the content needs interpersonal messaging of 1988");
    if (auto answer = port(*message)) return answer;
  }
  *built_in = BuiltInContentType::InterpersonalMessaging1984;
  return {};
}

template <class Envelope>
Answer downgrade_common(Envelope& envelope) {
  if (auto answer = downgrade_to_1984(envelope.originator_name)) return answer;
  erase(envelope.extensions, StandardExtension::InternalTraceInformation);
  if (auto answer = drop(envelope.extensions)) return answer;
  for (PerRecipientMessageTransferFields& recipient : envelope.per_recipient_fields) {
    if (auto answer = downgrade_to_1984(recipient.recipient_name)) return answer;
    if (auto answer = drop(recipient.extensions)) return answer;
    recipient.unknown.clear();
  }
  downgrade(envelope.original_encoded_information_types);
  downgrade(envelope.per_message_indicators);
  downgrade(envelope.trace_information);
  envelope.unknown.clear();
  return {};
}

Answer downgrade(Message& message, const DowngradeContent& port) {
  if (auto answer = downgrade_type(message.envelope.content_type, &message, port)) return answer;
  return downgrade_common(message.envelope);
}

Answer downgrade(Probe& probe, const DowngradeContent& port) {
  if (auto answer = downgrade_type(probe.content_type, nullptr, port)) return answer;
  return downgrade_common(probe);
}

void downgrade(ReportType& type) {
  if (auto* delivered = std::get_if<DeliveryReport>(&type.value)) {
    if (delivered->type_of_mts_user != TypeOfMTSUser::Public) delivered->type_of_mts_user = TypeOfMTSUser::Private;
    return;
  }
  auto& report = std::get<NonDeliveryReport>(type.value);
  if (static_cast<std::int64_t>(report.non_delivery_reason_code) > kLastReasonOf1984)
    report.non_delivery_reason_code = NonDeliveryReasonCode::UnableToTransfer;
  auto& diagnostic = report.non_delivery_diagnostic_code;
  if (diagnostic && static_cast<std::int64_t>(*diagnostic) > kLastDiagnosticOf1984) diagnostic.reset();
}

Answer downgrade(PerRecipientReportTransferFields& recipient) {
  if (auto answer = downgrade_to_1984(recipient.actual_recipient_name)) return answer;
  auto& intended = recipient.originally_intended_recipient_name;
  if (intended && downgrade_to_1984(*intended)) intended.reset();  // a report without it is better than none
  downgrade(recipient.last_trace_information.converted_encoded_information_types);
  downgrade(recipient.last_trace_information.report_type);
  recipient.extensions.clear();
  recipient.unknown.clear();
  return {};
}

Answer downgrade(Report& report, const DowngradeContent& /*port*/) {
  if (auto answer = downgrade_to_1984(report.envelope.report_destination_name)) return answer;
  for (PerRecipientReportTransferFields& recipient : report.content.per_recipient_fields) {
    if (auto answer = downgrade(recipient)) return answer;
  }
  downgrade(report.envelope.trace_information);
  if (report.content.subject_intermediate_trace_information) downgrade(*report.content.subject_intermediate_trace_information);
  report.envelope.extensions.clear();
  report.envelope.unknown.clear();
  report.content.original_encoded_information_types.reset();
  report.content.content_type.reset();
  report.content.extensions.clear();
  report.content.unknown.clear();
  return {};
}

}  // namespace

const Type& umpdu_envelope_1984() { return umpdu_envelope_type(); }

const Type& mpdu_1984() {
  using T = MTSApdu;
  static const Type type =
      choice<&T::value>("MPDU", {
                                    alternative<&T::value, 0>("user").implicitly(context(0)).as(user_mpdu()),
                                    alternative<&T::value, 1>("delivery-report").implicitly(context(1)).as(delivery_report_mpdu()),
                                    alternative<&T::value, 2>("probe").implicitly(context(2)).as(probe_mpdu()),
                                });
  return type;
}

void downgrade_to_1984(EncodedInformationTypes& types) {
  if (!types.extended_encoded_information_types) return;
  types.extended_encoded_information_types.reset();
  types.built_in_encoded_information_types.set(BuiltInEncodedInformationType::Unknown);  // what has gone had no name in 1984
}

// X.419 B.2.3: a common name becomes a domain-defined attribute of type "common"; other extension attributes have no place in 1984.
std::optional<NoDowngrade> downgrade_to_1984(ORName& name) {
  name.directory_name.reset();
  if (!name.extension_attributes) return {};
  for (const oraddress::ExtensionAttribute& attribute : *name.extension_attributes) {
    if (attribute.extension_attribute_type != oraddress::ExtensionAttributeType::common_name)
      return no("an O/R address has an extension attribute that 1984 does not know");
    const auto common = from_any<PrintableString>(attribute.extension_attribute_value);
    if (!common) return no("the common-name of an O/R address cannot be read");
    if (!name.built_in_domain_defined_attributes) name.built_in_domain_defined_attributes.emplace();
    if (name.built_in_domain_defined_attributes->size() >= 4) return no("an O/R address has no place left for its common-name");
    name.built_in_domain_defined_attributes->push_back({"common", *common});
  }
  name.extension_attributes.reset();
  return {};
}

std::optional<NoDowngrade> downgrade_to_1984(MTSApdu& apdu, const DowngradeContent& content) {
  return std::visit([&content](auto& held) { return downgrade(held, content); }, apdu.value);
}

}  // namespace postern::mts
