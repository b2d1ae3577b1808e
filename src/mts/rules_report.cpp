#include "mts/rules_report.hpp"

#include <algorithm>
#include <tuple>

#include "mts/bounds.hpp"
#include "mts/reasons.hpp"
#include "mts/rules_extensions.hpp"
#include "mts/rules_recipient.hpp"
#include "oraddress/or_text.hpp"

namespace postern::mts {

namespace {

using Indicator = PerRecipientIndicator;

bool is_delivery(const ReportType& type) { return std::holds_alternative<DeliveryReport>(type.value); }

void copy(const Extensions& from, StandardExtension extension, Extensions& into) {
  if (const ExtensionField* field = find(from, extension)) into.push_back(*field);
}

template <StandardExtension E>
void store(Extensions& extensions, const ExtensionValue<E>& value) {
  auto any = asn1::to_any(value, schema(asn1::Of<ExtensionValue<E>>{}), asn1::EncodeRules::Lenient);
  if (any) put(extensions, E, *std::move(any));
}

// ---- envelope

/// X.411 8.3.1.2.1.13: the originator and the lists in their order; at least one list.
template <class Subject>
OriginatorAndDLExpansionHistory list_history(const Subject& subject, const Extensions& extensions) {
  const auto expansions = extension_or<StandardExtension::DlExpansionHistory>(extensions);
  if (expansions.empty()) return {};
  OriginatorAndDLExpansionHistory history;
  const TraceInformation& trace = subject.trace_information;
  history.push_back({subject.originator_name, trace.empty() ? Time{} : trace.front().domain_supplied_information.arrival_time});
  for (const DLExpansion& expansion : expansions) history.push_back({expansion.dl, expansion.dl_expansion_time});
  return history;
}

template <class Subject>
ORName destination_of(const Subject& subject) {
  const auto expansions = extension_or<StandardExtension::DlExpansionHistory>(subject.extensions);
  return expansions.empty() ? subject.originator_name : expansions.back().dl;
}

template <class Subject>
ReportTransferEnvelope envelope_of(const Subject& subject, const Reporting& reporting) {
  ReportTransferEnvelope envelope;
  envelope.report_identifier = reporting.identifier;
  envelope.report_destination_name = destination_of(subject);
  std::ignore = note_arrival(trace_of(envelope), reporting.here, reporting.now, ArrivalFrom::User);  // its own trace, which is empty yet
  copy(subject.extensions, StandardExtension::MessageSecurityLabel, envelope.extensions);
  if (const auto history = list_history(subject, subject.extensions); !history.empty())
    store<StandardExtension::OriginatorAndDlExpansionHistory>(envelope.extensions, history);
  if (reporting.reporting_list) store<StandardExtension::ReportingDlName>(envelope.extensions, *reporting.reporting_list);
  store<StandardExtension::ReportingMtaName>(envelope.extensions, {reporting.here.domain, reporting.here.mta_name, {}});
  return envelope;
}

// ---- content

PerRecipientReportTransferFields fields_of(const PerRecipientMessageTransferFields& recipient, const RecipientOutcome& outcome,
                                           const Reporting& reporting) {
  PerRecipientReportTransferFields fields;
  fields.actual_recipient_name = recipient.recipient_name;
  fields.originally_specified_recipient_number = recipient.originally_specified_recipient_number;
  fields.per_recipient_indicators = recipient.per_recipient_indicators;
  fields.last_trace_information = {reporting.arrival_time, outcome.converted_encoded_information_types, outcome.type};
  fields.originally_intended_recipient_name = originally_intended_recipient(recipient.extensions);
  fields.supplementary_information = outcome.supplementary_information;
  copy(recipient.extensions, StandardExtension::RedirectionHistory, fields.extensions);
  carry(outcome.extensions, Place::ReportTransferRecipient, fields.extensions);
  return fields;
}

template <class Subject>
std::optional<Report> report_about(const Subject& subject, const MTSIdentifier& identifier, std::span<const RecipientOutcome> outcomes,
                                   const Reporting& reporting) {
  Report report;
  bool audited = false;
  for (const RecipientOutcome& outcome : outcomes) {
    const auto& recipient = subject.per_recipient_fields.at(outcome.recipient);
    if (!is_due(recipient.per_recipient_indicators, outcome.type)) continue;
    audited = audited || is_audited(recipient.per_recipient_indicators);
    report.content.per_recipient_fields.push_back(fields_of(recipient, outcome, reporting));
  }
  if (report.content.per_recipient_fields.empty()) return std::nullopt;
  report.envelope = envelope_of(subject, reporting);
  report.content.subject_identifier = identifier;
  if (audited) report.content.subject_intermediate_trace_information = subject.trace_information;
  report.content.original_encoded_information_types = subject.original_encoded_information_types;
  report.content.content_type = subject.content_type;
  report.content.content_identifier = subject.content_identifier;
  copy(subject.extensions, StandardExtension::ContentCorrelator, report.content.extensions);
  return report;
}

bool wants_content_back(const MessageTransferEnvelope& subject, std::span<const RecipientOutcome> outcomes) {
  if (!subject.per_message_indicators.test(PerMessageIndicator::ContentReturnRequest)) return false;
  const bool converted = std::ranges::any_of(subject.trace_information, [](const TraceInformationElement& element) {
    return element.domain_supplied_information.converted_encoded_information_types.has_value();
  });
  return !converted && std::ranges::any_of(outcomes, [](const RecipientOutcome& outcome) { return !is_delivery(outcome.type); });
}

// ---- for the originator

PerRecipientReportDeliveryFields delivery_fields(const PerRecipientReportTransferFields& reported) {
  PerRecipientReportDeliveryFields fields;
  fields.actual_recipient_name = reported.actual_recipient_name;
  fields.report_type = reported.last_trace_information.report_type;
  fields.converted_encoded_information_types = reported.last_trace_information.converted_encoded_information_types;
  fields.originally_intended_recipient_name = reported.originally_intended_recipient_name;
  fields.supplementary_information = reported.supplementary_information;
  carry(reported.extensions, Place::ReportDeliveryRecipient, fields.extensions);
  return fields;
}

std::string name_text(const ORName& name) { return oraddress::write(name); }

}  // namespace

RecipientOutcome delivered(std::size_t recipient, Time delivery_time, TypeOfMTSUser user) {
  RecipientOutcome outcome;
  outcome.recipient = recipient;
  outcome.type.value = DeliveryReport{std::move(delivery_time), user};
  return outcome;
}

RecipientOutcome not_delivered(std::size_t recipient, const NonDeliveryReport& report, std::string_view words) {
  RecipientOutcome outcome;
  outcome.recipient = recipient;
  outcome.type.value = report;
  if (words.empty()) return outcome;
  std::string text(words.substr(0, static_cast<std::size_t>(ub::supplementary_info_length)));
  // The field is a PrintableString; what does not fit its alphabet becomes a question mark.
  for (auto foreign = asn1::first_foreign_octet(asn1::Alphabet::Printable, text); foreign;
       foreign = asn1::first_foreign_octet(asn1::Alphabet::Printable, text))
    text[*foreign] = '?';
  outcome.supplementary_information = std::move(text);
  return outcome;
}

bool is_due(const PerRecipientIndicators& indicators, const ReportType& type) {
  return !is_delivery(type) || indicators.test(Indicator::OriginatingMTAReport) || indicators.test(Indicator::OriginatorReport);
}

bool is_for_originator(const PerRecipientIndicators& indicators, const ReportType& type) {
  return indicators.test(Indicator::OriginatorReport) || (!is_delivery(type) && indicators.test(Indicator::OriginatorNonDeliveryReport));
}

bool is_audited(const PerRecipientIndicators& indicators) {
  return indicators.test(Indicator::OriginatingMTAReport) && indicators.test(Indicator::OriginatingMTANonDeliveryReport);
}

ORName report_destination(const MessageTransferEnvelope& subject) { return destination_of(subject); }

std::optional<Report> make_report(const MessageTransferEnvelope& subject, std::span<const RecipientOutcome> outcomes,
                                  const Reporting& reporting, const Content* content) {
  auto report = report_about(subject, subject.message_identifier, outcomes, reporting);
  if (!report || content == nullptr || content->octets.size() > reporting.largest_returned_content) return report;
  if (wants_content_back(subject, outcomes)) report->content.returned_content = *content;
  return report;
}

std::optional<Report> make_report(const ProbeTransferEnvelope& subject, std::span<const RecipientOutcome> outcomes,
                                  const Reporting& reporting) {
  return report_about(subject, subject.probe_identifier, outcomes, reporting);
}

std::optional<ReportDeliveryArgument> to_report_delivery(const Report& report) {
  ReportDeliveryArgument out;
  for (const PerRecipientReportTransferFields& reported : report.content.per_recipient_fields) {
    if (is_for_originator(reported.per_recipient_indicators, reported.last_trace_information.report_type))
      out.per_recipient_fields.push_back(delivery_fields(reported));
  }
  if (out.per_recipient_fields.empty()) return std::nullopt;
  out.subject_submission_identifier = report.content.subject_identifier;
  out.content_identifier = report.content.content_identifier;
  out.content_type = report.content.content_type;
  out.original_encoded_information_types = report.content.original_encoded_information_types;
  out.returned_content = report.content.returned_content;
  carry(report.envelope.extensions, Place::ReportDelivery, out.extensions);
  erase(out.extensions, StandardExtension::InternalTraceInformation);
  copy(report.content.extensions, StandardExtension::ContentCorrelator, out.extensions);
  return out;
}

std::vector<Report> report_onward(const Report& report, const ListReportPolicy& policy) {
  std::vector<Report> copies;
  const auto history = extension_or<StandardExtension::OriginatorAndDlExpansionHistory>(report.envelope.extensions);
  const auto here = std::ranges::find_if(history, [&](const OriginatorAndDLExpansion& step) {
    return same_name(step.originator_or_dl_name, report.envelope.report_destination_name);
  });
  if (policy.onward && here != history.end() && here != history.begin()) {
    copies.push_back(report);
    copies.back().envelope.report_destination_name = std::prev(here)->originator_or_dl_name;
  }
  const bool told = policy.owner && !copies.empty() && same_name(copies.front().envelope.report_destination_name, *policy.owner);
  if (policy.owner && !told) {
    copies.push_back(report);
    copies.back().envelope.report_destination_name = *policy.owner;
    // X.411 8.3.1.2.1.14: the owner is told by which of his lists.
    store<StandardExtension::ReportingDlName>(copies.back().envelope.extensions, report.envelope.report_destination_name);
  }
  for (Report& copy : copies) note_other_action(trace_of(copy.envelope), OtherAction::DlOperation);
  return copies;
}

std::vector<std::string> lines_of(const Report& report) {
  std::vector<std::string> lines;
  for (const PerRecipientReportTransferFields& reported : report.content.per_recipient_fields) {
    const ReportType& type = reported.last_trace_information.report_type;
    const std::string name = name_text(reported.actual_recipient_name);
    if (const auto* done = std::get_if<DeliveryReport>(&type.value))
      lines.push_back("delivered to " + name + " at " + done->message_delivery_time.text);
    else
      lines.push_back("not delivered to " + name + ": " + words_of(std::get<NonDeliveryReport>(type.value)));
  }
  return lines;
}

}  // namespace postern::mts
