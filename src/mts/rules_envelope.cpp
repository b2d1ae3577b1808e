#include "mts/rules_envelope.hpp"

#include <algorithm>

#include "mts/bounds.hpp"
#include "mts/rules_extensions.hpp"
#include "oraddress/compare.hpp"

namespace postern::mts {

namespace {

// ---- submission

PerRecipientIndicators indicators_of(const OriginatorReportRequest& requested, MtaReportRequest mta) {
  PerRecipientIndicators indicators{PerRecipientIndicator::Responsibility};
  const bool report = requested.test(OriginatorReportRequestBit::Report);
  const bool non_delivery = requested.test(OriginatorReportRequestBit::NonDeliveryReport) && !report;
  // X.411 12.2.1.1.1.7: not less than what the originator wants.
  const unsigned bits = static_cast<unsigned>(mta) | (report ? 0b10U : 0U);
  indicators.set(PerRecipientIndicator::OriginatingMTAReport, (bits & 0b10U) != 0);
  indicators.set(PerRecipientIndicator::OriginatingMTANonDeliveryReport, (static_cast<unsigned>(mta) & 0b01U) != 0);
  indicators.set(PerRecipientIndicator::OriginatorReport, report);
  indicators.set(PerRecipientIndicator::OriginatorNonDeliveryReport, non_delivery);
  return indicators;
}

struct Places {
  Place submitted;
  Place submitted_recipient;
  Place transferred;
  Place transferred_recipient;
};

Status well_formed(const Extensions& extensions, Place place, std::string_view field) {
  std::string wrong = misplaced(extensions, place);
  return wrong.empty() ? Status{} : Status(fail(ErrorCode::BadInput, std::move(wrong), std::string(field)));
}

template <class Submitted, class Transferred>
Result<Transferred> transferred(const Submitted& submitted, const Submission& submission, const Places& places) {
  if (submitted.per_recipient_fields.empty()) return fail(ErrorCode::BadInput, "needs at least one recipient", "per-recipient-fields");
  POSTERN_CHECK(well_formed(submitted.extensions, places.submitted, "extensions"));
  Transferred out;
  out.originator_name = submitted.originator_name;
  out.original_encoded_information_types = submitted.original_encoded_information_types;
  out.content_type = submitted.content_type;
  out.content_identifier = submitted.content_identifier;
  out.per_message_indicators = submitted.per_message_indicators;
  carry(submitted.extensions, places.transferred, out.extensions);
  for (const auto& recipient : submitted.per_recipient_fields) {
    POSTERN_CHECK(well_formed(recipient.extensions, places.submitted_recipient, "per-recipient-fields.extensions"));
    PerRecipientMessageTransferFields& made = out.per_recipient_fields.emplace_back();
    made.recipient_name = recipient.recipient_name;
    made.originally_specified_recipient_number = std::ssize(out.per_recipient_fields);
    made.per_recipient_indicators = indicators_of(recipient.originator_report_request, submission.report_request);
    made.explicit_conversion = recipient.explicit_conversion;
    carry(recipient.extensions, places.transferred_recipient, made.extensions);
  }
  POSTERN_CHECK(note_arrival(trace_of(out), submission.here, submission.time, ArrivalFrom::User));
  return out;
}

// ---- splitting

bool is_ours(const PerRecipientMessageTransferFields& recipient) {
  return recipient.per_recipient_indicators.test(PerRecipientIndicator::Responsibility);
}

template <class Envelope>
Envelope copy_for(const Envelope& envelope, std::span<const std::size_t> served) {
  const bool disclose = envelope.per_message_indicators.test(PerMessageIndicator::DisclosureOfOtherRecipients);
  Envelope copy = envelope;
  copy.per_recipient_fields.clear();
  for (std::size_t i = 0; i < envelope.per_recipient_fields.size(); ++i) {
    const auto& recipient = envelope.per_recipient_fields[i];
    const bool responsible = is_ours(recipient) && std::ranges::find(served, i) != served.end();
    if (!responsible && !disclose) continue;
    copy.per_recipient_fields.push_back(recipient);
    copy.per_recipient_fields.back().per_recipient_indicators.set(PerRecipientIndicator::Responsibility, responsible);
  }
  return copy;
}

template <class Envelope>
std::vector<RoutedCopy<Envelope>> copies_of(const Envelope& envelope, std::span<const std::size_t> route_of) {
  std::vector<std::pair<std::size_t, std::vector<std::size_t>>> routes;  // in the order of first use, with whom each serves
  for (std::size_t i = 0; i < std::min(route_of.size(), envelope.per_recipient_fields.size()); ++i) {
    if (route_of[i] == kNoRoute || !is_ours(envelope.per_recipient_fields[i])) continue;
    auto at = std::ranges::find(routes, route_of[i], [](const auto& route) { return route.first; });
    if (at == routes.end()) at = routes.insert(at, {route_of[i], {}});
    at->second.push_back(i);
  }
  std::vector<RoutedCopy<Envelope>> copies;
  for (const auto& [route, served] : routes) copies.push_back({route, copy_for(envelope, served)});
  return copies;
}

std::string key_of(const MTSIdentifier& identifier) {
  return domain_key(identifier.global_domain_identifier) + '\n' + identifier.local_identifier.octets;
}

template <class Envelope>
std::string key_of(std::string key, const Envelope& envelope) {
  std::vector<std::string> names;
  for (const auto& recipient : envelope.per_recipient_fields) {
    if (recipient.per_recipient_indicators.test(PerRecipientIndicator::Responsibility))
      names.push_back(oraddress::comparison_key(recipient.recipient_name));
  }
  std::ranges::sort(names);
  for (const std::string& name : names) key.append("\n").append(name);
  return key;
}

// ---- delivery

/// X.411 8.3.1.1.1.4: nullopt where there are none, since the list may not be empty.
std::optional<std::vector<ORName>> others_than(const MessageTransferEnvelope& envelope, std::size_t recipient) {
  std::vector<ORName> names;
  for (std::size_t i = 0; i < envelope.per_recipient_fields.size(); ++i) {
    if (i != recipient) names.push_back(envelope.per_recipient_fields[i].recipient_name);
  }
  return names.empty() ? std::nullopt : std::optional(std::move(names));
}

void carry_to_user(const MessageTransferEnvelope& envelope, const PerRecipientMessageTransferFields& mine, bool with_trace,
                   Extensions& into) {
  carry(envelope.extensions, Place::MessageDelivery, into);
  erase(into, StandardExtension::InternalTraceInformation);  // of the domain, not of the user
  carry(mine.extensions, Place::MessageDelivery, into);
  if (!with_trace) return;
  auto trace = asn1::to_any(envelope.trace_information, schema(asn1::Of<TraceInformation>{}), asn1::EncodeRules::Lenient);
  if (trace) put(into, StandardExtension::TraceInformation, *std::move(trace));
}

// ---- deliverability

using Reason = NonDeliveryReasonCode;
using Diagnostic = NonDeliveryDiagnosticCode;

NonDeliveryReport conversion_needed(const PerMessageIndicators& indicators) {
  const bool prohibited = indicators.test(PerMessageIndicator::ImplicitConversionProhibited);
  if (prohibited) return {Reason::ConversionNotPerformed, Diagnostic::ImplicitConversionProhibited};
  return {Reason::UnableToTransfer, Diagnostic::EncodedInformationTypesUnsupported};
}

}  // namespace

Result<MessageTransferEnvelope> to_transfer(const MessageSubmissionEnvelope& submitted, const Submission& submission) {
  constexpr Places places{Place::MessageSubmission, Place::MessageSubmissionRecipient, Place::MessageTransfer,
                          Place::MessageTransferRecipient};
  auto made = transferred<MessageSubmissionEnvelope, MessageTransferEnvelope>(submitted, submission, places);
  if (!made) return made;
  made->message_identifier = submission.identifier;
  made->priority = submitted.priority;
  made->deferred_delivery_time = submitted.deferred_delivery_time;
  return made;
}

Result<ProbeTransferEnvelope> to_transfer(const ProbeSubmissionEnvelope& submitted, const Submission& submission) {
  constexpr Places places{Place::ProbeSubmission, Place::ProbeSubmissionRecipient, Place::ProbeTransfer, Place::ProbeTransferRecipient};
  auto made = transferred<ProbeSubmissionEnvelope, ProbeTransferEnvelope>(submitted, submission, places);
  if (!made) return made;
  made->probe_identifier = submission.identifier;
  made->content_length = submitted.content_length;
  return made;
}

MessageSubmissionResult submission_result(const MessageSubmissionEnvelope& submitted, const Submission& submission) {
  MessageSubmissionResult result;
  result.message_submission_identifier = submission.identifier;
  result.message_submission_time = submission.time;
  result.content_identifier = submitted.content_identifier;
  return result;
}

ProbeSubmissionResult submission_result(const ProbeSubmissionEnvelope& submitted, const Submission& submission) {
  ProbeSubmissionResult result;
  result.probe_submission_identifier = submission.identifier;
  result.probe_submission_time = submission.time;
  result.content_identifier = submitted.content_identifier;
  return result;
}

std::string local_identifier(const MTAName& mta, std::int64_t unix_seconds, std::uint32_t number) {
  std::string tail =
      "-" + Time::at(unix_seconds).text + "-" + hex_encode(Bytes{Byte(number >> 24), Byte(number >> 16), Byte(number >> 8), Byte(number)});
  const std::size_t room = static_cast<std::size_t>(ub::local_id_length) - tail.size();
  return mta.octets.substr(0, room) + tail;
}

std::string duplicate_key(const MTSApdu& apdu) {
  if (const auto* report = std::get_if<Report>(&apdu.value))
    return "report\n" + key_of(report->envelope.report_identifier) + '\n' +
           oraddress::comparison_key(report->envelope.report_destination_name);
  if (const auto* probe = std::get_if<Probe>(&apdu.value)) return key_of("probe\n" + key_of(probe->probe_identifier), *probe);
  const MessageTransferEnvelope& envelope = std::get<Message>(apdu.value).envelope;
  return key_of("message\n" + key_of(envelope.message_identifier), envelope);
}

std::string expansion_key(const MTSIdentifier& message, const ORName& list) {
  return "list\n" + key_of(message) + '\n' + oraddress::comparison_key(list);
}

std::vector<RoutedCopy<MessageTransferEnvelope>> split(const MessageTransferEnvelope& envelope, std::span<const std::size_t> route_of) {
  return copies_of(envelope, route_of);
}
std::vector<RoutedCopy<ProbeTransferEnvelope>> split(const ProbeTransferEnvelope& envelope, std::span<const std::size_t> route_of) {
  return copies_of(envelope, route_of);
}

MessageTransferEnvelope envelope_for(const MessageTransferEnvelope& envelope, std::span<const std::size_t> recipients) {
  return copy_for(envelope, recipients);
}
ProbeTransferEnvelope envelope_for(const ProbeTransferEnvelope& envelope, std::span<const std::size_t> recipients) {
  return copy_for(envelope, recipients);
}

std::optional<std::int64_t> deferred_until(const MessageTransferEnvelope& envelope) {
  if (!envelope.deferred_delivery_time) return std::nullopt;
  const auto time = envelope.deferred_delivery_time->unix_seconds();
  return time ? std::optional(*time) : std::nullopt;
}

std::int64_t Lifetimes::of(Priority priority) const noexcept {
  switch (priority) {
    case Priority::Urgent: return urgent;
    case Priority::NonUrgent: return non_urgent;
    default: return normal;
  }
}

std::int64_t expires_at(const MessageTransferEnvelope& envelope, std::int64_t arrived, const Lifetimes& lifetimes) {
  const std::int64_t from = std::max(arrived, deferred_until(envelope).value_or(arrived));
  const std::int64_t lifetime = from + lifetimes.of(envelope.priority);
  const auto latest = extension<StandardExtension::LatestDeliveryTime>(envelope.extensions);
  if (!latest || !*latest) return lifetime;
  const auto limit = (*latest)->unix_seconds();
  return limit ? std::min(lifetime, *limit) : lifetime;
}

int rank_of(Priority priority) noexcept {
  switch (priority) {
    case Priority::Urgent: return 0;
    case Priority::Normal: return 1;
    default: return 2;
  }
}

MessageDeliveryEnvelope to_delivery(const MessageTransferEnvelope& envelope, std::size_t recipient, const Delivery& delivery) {
  const PerRecipientMessageTransferFields& mine = envelope.per_recipient_fields.at(recipient);
  MessageDeliveryEnvelope out{delivery.identifier, delivery.time, {}};
  OtherMessageDeliveryFields& fields = out.other_fields;
  fields.content_type.value = envelope.content_type.value;
  fields.originator_name = envelope.originator_name;
  fields.original_encoded_information_types = envelope.original_encoded_information_types;
  fields.priority = envelope.priority;
  if (envelope.per_message_indicators.test(PerMessageIndicator::ImplicitConversionProhibited))
    fields.delivery_flags = DeliveryFlags{DeliveryFlag::ImplicitConversionProhibited};
  if (envelope.per_message_indicators.test(PerMessageIndicator::DisclosureOfOtherRecipients))
    fields.other_recipient_names = others_than(envelope, recipient);
  fields.this_recipient_name = mine.recipient_name;
  if (const auto history = extension_or<StandardExtension::RedirectionHistory>(mine.extensions); !history.empty())
    fields.originally_intended_recipient_name = history.front().intended_recipient_name.intended_recipient;
  fields.converted_encoded_information_types = converted_types_of(envelope.trace_information);
  fields.message_submission_time = submission_time_of(envelope.trace_information);
  fields.content_identifier = envelope.content_identifier;
  carry_to_user(envelope, mine, delivery.with_trace, fields.extensions);
  return out;
}

Time submission_time_of(const TraceInformation& trace) {
  return trace.empty() ? Time{} : trace.front().domain_supplied_information.arrival_time;
}

std::optional<EncodedInformationTypes> converted_types_of(const TraceInformation& trace) {
  for (auto element = trace.rbegin(); element != trace.rend(); ++element) {
    const auto& converted = element->domain_supplied_information.converted_encoded_information_types;
    if (converted) return converted;
  }
  return std::nullopt;
}

std::vector<asn1::Oid> identifiers_of(const EncodedInformationTypes& types) {
  std::vector<asn1::Oid> out;
  const asn1::BitString& built_in = types.built_in_encoded_information_types;
  for (std::uint32_t bit = 0; bit < built_in.size(); ++bit) {
    if (built_in.test(bit)) out.push_back({2, 6, 3, 4, bit});
  }
  if (types.extended_encoded_information_types)
    out.insert(out.end(), types.extended_encoded_information_types->begin(), types.extended_encoded_information_types->end());
  return out;
}

bool acceptable(const std::optional<EncodedInformationTypes>& types, const EncodedInformationTypesConstraints& constraints) {
  const std::vector<asn1::Oid> present = types ? identifiers_of(*types) : std::vector<asn1::Oid>{};
  const auto holds = [&](const std::optional<ExtendedEncodedInformationTypes>& list, const asn1::Oid& oid) {
    return list && std::ranges::find(*list, oid) != list->end();
  };
  // X.411 8.4.1.1.1.4: one that is acceptable outweighs those that are not; exclusively acceptable means all of them.
  if (std::ranges::any_of(present, [&](const auto& oid) { return holds(constraints.acceptable_eits, oid); })) return true;
  if (std::ranges::any_of(present, [&](const auto& oid) { return holds(constraints.unacceptable_eits, oid); })) return false;
  if (!constraints.exclusively_acceptable_eits) return true;
  return std::ranges::all_of(present, [&](const auto& oid) { return holds(constraints.exclusively_acceptable_eits, oid); });
}

namespace {

template <class Envelope>
std::optional<NonDeliveryReport> why_undeliverable(const Envelope& envelope, const PerRecipientMessageTransferFields& recipient,
                                                   std::uint64_t content_length, const Deliverable& deliverable) {
  const auto& types_taken = deliverable.content_types;
  if (types_taken && std::ranges::find(*types_taken, envelope.content_type) == types_taken->end())
    return NonDeliveryReport{Reason::UnableToTransfer, Diagnostic::ContentTypeNotSupported};
  if (deliverable.maximum_content_length &&
      content_length > static_cast<std::uint64_t>(std::max<std::int64_t>(0, *deliverable.maximum_content_length)))
    return NonDeliveryReport{Reason::UnableToTransfer, Diagnostic::ContentTooLong};
  if (recipient.explicit_conversion) return NonDeliveryReport{Reason::ConversionNotPerformed, Diagnostic::ConversionImpractical};
  const auto& types = envelope.original_encoded_information_types;
  const auto converted = converted_types_of(envelope.trace_information);
  if (deliverable.constraints && !acceptable(converted ? converted : types, *deliverable.constraints))
    return conversion_needed(envelope.per_message_indicators);
  return std::nullopt;
}

}  // namespace

std::optional<NonDeliveryReport> undeliverable(const MessageTransferEnvelope& envelope, const PerRecipientMessageTransferFields& recipient,
                                               std::uint64_t content_length, const Deliverable& deliverable) {
  return why_undeliverable(envelope, recipient, content_length, deliverable);
}

std::optional<NonDeliveryReport> undeliverable(const ProbeTransferEnvelope& envelope, const PerRecipientProbeTransferFields& recipient,
                                               const Deliverable& deliverable) {
  const std::int64_t length = std::max<std::int64_t>(0, envelope.content_length.value_or(0));
  return why_undeliverable(envelope, recipient, static_cast<std::uint64_t>(length), deliverable);
}

}  // namespace postern::mts
