#include "transport/native_entries.hpp"

#include <postern/x400_sdk.h>

#include <algorithm>

#include "base/text.hpp"
#include "ipm/heading.hpp"
#include "ipm/oids.hpp"
#include "ms/oids.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"
#include "transport/native_submission.hpp"

namespace postern::transport {
namespace {

// X.413 11.2 and X.420 19.6 by number.
const asn1::Oid kMessageIdentifier = ms::id_att(19);
const asn1::Oid kOriginatorName = ms::id_att(27);
const asn1::Oid kRecipientFields = ms::id_att(30);
const asn1::Oid kPriority = ms::id_att(31);
const asn1::Oid kSubjectIdentifier = ms::id_att(40);
const asn1::Oid kContentIdentifier = ms::id_att(4);
const asn1::Oid kThisIpm = ms::id_hat(1);
const asn1::Oid kSubject = ms::id_hat(4);

std::string utf8_of(asn1::Alphabet alphabet, const std::string& octets) {
  auto text = asn1::to_utf8(alphabet, octets);
  return text ? *std::move(text) : printable(octets, octets.size());
}

// ---- one field each: a value that cannot be read leaves it out
void take_priority(sdk::Entry& out, const asn1::Any& value) {
  const auto read = asn1::from_any<mts::Priority>(value);
  const auto known = sdk::range_of(sdk::Priority());
  const auto priority = read ? static_cast<sdk::Priority>(*read) : sdk::Priority::Normal;
  if (read && priority >= known.first && priority <= known.last) out.priority = priority;
}
void take_size(sdk::Entry& out, const asn1::Any& value) {
  if (const auto read = asn1::from_any<std::int64_t>(value); read && *read >= 0) out.content_size = static_cast<std::uint64_t>(*read);
}
void take_time(sdk::Entry& out, const asn1::Any& value) {
  const auto read = asn1::from_any<asn1::UtcTime>(value);
  const auto seconds = read ? read->unix_seconds() : Result<std::int64_t>(fail(ErrorCode::BadInput, ""));
  if (seconds) out.time = *seconds;
}
void take_originator(sdk::Entry& out, const asn1::Any& value) {
  if (const auto read = asn1::from_any<mts::ORName>(value)) out.originator = oraddress::write(*read);
}
void take_subject(sdk::Entry& out, const asn1::Any& value) {
  if (const auto read = asn1::from_any<asn1::TeletexString>(value)) out.subject = utf8_of(asn1::Alphabet::Teletex, read->octets);
}
/// X.413 11.2.2.8 has identifiers only; what X.411 has a number for gets it back, as it is submitted.
void take_content_type(sdk::Entry& out, const asn1::Any& value) {
  const auto read = asn1::from_any<asn1::Oid>(value);
  if (!read) return;
  if (*read == ipm::id_mct_p2_1984())
    out.content_type = "2";
  else if (*read == ipm::id_mct_p2_1988())
    out.content_type = "22";
  else if (*read == ms::id_cont_undefined())
    out.content_type = "0";
  else
    out.content_type = read->text();
}
void take_mts_identifier(sdk::Entry& out, const asn1::Any& value) {
  if (const auto read = asn1::from_any<mts::MTSIdentifier>(value)) out.mts_identifier = text_of(*read);
}
/// "user-relative identifier", and behind a space the user, where he is named.
void take_ipm_identifier(sdk::Entry& out, const asn1::Any& value) {
  const auto read = asn1::from_any<ipm::IPMIdentifier>(value);
  if (!read) return;
  out.ipm_identifier = printable(read->user_relative_identifier.octets);
  if (read->user) *out.ipm_identifier += " " + oraddress::write(*read->user);
}
void take_class(sdk::Entry& out, const asn1::Any& value) {
  const auto read = asn1::from_any<ms::EntryType>(value);
  if (!read) return;
  switch (*read) {
    case ms::EntryType::DeliveredMessage: out.entry_class = sdk::EntryClass::DeliveredMessage; break;
    case ms::EntryType::DeliveredReport: out.entry_class = sdk::EntryClass::DeliveredReport; break;
    case ms::EntryType::ReturnedContent: out.entry_class = sdk::EntryClass::ReturnedContent; break;
    default: out.entry_class = sdk::EntryClass::Submitted; break;
  }
}
void take_status(sdk::Entry& out, const asn1::Any& value) {
  const auto read = asn1::from_any<ms::RetrievalStatus>(value);
  if (read && *read <= ms::RetrievalStatus::Processed) out.status = static_cast<sdk::EntryStatus>(*read);
}

struct FieldRow {
  std::uint64_t bit;  ///< POSTERN_X400_HAS_...; 0: every entry has it.
  asn1::Oid type;
  void (*take)(sdk::Entry& out, const asn1::Any& value);
};
const FieldRow kFields[] = {
    {0, ms::att::entry_type, take_class},
    {0, ms::att::retrieval_status, take_status},
    {POSTERN_X400_HAS_PRIORITY, kPriority, take_priority},
    {POSTERN_X400_HAS_SIZE, ms::att::content_length, take_size},
    {POSTERN_X400_HAS_TIME, ms::att::creation_time, take_time},
    {POSTERN_X400_HAS_ORIGINATOR, kOriginatorName, take_originator},
    {POSTERN_X400_HAS_SUBJECT, kSubject, take_subject},
    {POSTERN_X400_HAS_CONTENT_TYPE, ms::att::content_type, take_content_type},
    {POSTERN_X400_HAS_MTS_IDENTIFIER, kMessageIdentifier, take_mts_identifier},
    {POSTERN_X400_HAS_IPM_IDENTIFIER, kThisIpm, take_ipm_identifier},
};

// ---- filters
/// Our own values have encodings.
template <class T>
asn1::Any any_of(const T& value) {
  return asn1::to_any(value).value_or(asn1::Any());
}
ms::Filter item(ms::FilterItem what) { return {std::move(what)}; }
template <class T>
ms::Filter equal(const asn1::Oid& type, const T& value) {
  ms::FilterItem what;
  what.value.emplace<ms::FilterItem::Equality>(ms::AttributeValueAssertion{type, any_of(value)});
  return item(std::move(what));
}
ms::Filter created_from(std::int64_t seconds) {
  ms::FilterItem what;
  what.value.emplace<ms::FilterItem::GreaterOrEqual>(
      ms::AttributeValueAssertion{ms::att::creation_time, any_of(asn1::UtcTime::at(seconds))});
  return item(std::move(what));
}
ms::Filter present(const asn1::Oid& type) {
  ms::FilterItem what;
  what.value.emplace<ms::FilterItem::Present>(type);
  return item(std::move(what));
}
ms::Filter all_of(std::vector<ms::Filter> filters) {
  ms::Filter out;
  out.value.emplace<ms::Filter::And>(std::move(filters));
  return out;
}
ms::Filter any_of_them(std::vector<ms::Filter> filters) {
  ms::Filter out;
  out.value.emplace<ms::Filter::Or>(std::move(filters));
  return out;
}
ms::Filter opposite(ms::Filter filter) {
  ms::Filter out;
  out.value.emplace<ms::Filter::Not>(std::move(filter));
  return out;
}

struct ClassRow {
  sdk::EntryClass entry_class;
  std::vector<ms::EntryType> types;
};
const ClassRow kClasses[] = {
    {sdk::EntryClass::DeliveredMessage, {ms::EntryType::DeliveredMessage}},
    {sdk::EntryClass::DeliveredReport, {ms::EntryType::DeliveredReport}},
    {sdk::EntryClass::ReturnedContent, {ms::EntryType::ReturnedContent}},
    {sdk::EntryClass::Submitted, {ms::EntryType::SubmittedMessage, ms::EntryType::SubmittedProbe}},
};
bool has_bit(std::uint32_t bits, auto value) { return (bits >> static_cast<std::uint32_t>(value) & 1U) != 0; }

/// A delivered message that is a child (forwarded in another) is none of its own.
ms::Filter classes_filter(std::uint32_t bits) {
  std::vector<ms::Filter> any;
  for (const ClassRow& each : kClasses) {
    if (!has_bit(bits, each.entry_class)) continue;
    for (const ms::EntryType type : each.types) {
      ms::Filter one = equal(ms::att::entry_type, type);
      if (each.entry_class != sdk::EntryClass::ReturnedContent)
        one = all_of({std::move(one), opposite(present(ms::att::parent_sequence_number))});
      any.push_back(std::move(one));
    }
  }
  return any_of_them(std::move(any));
}

template <class E>
ms::Filter values_filter(const asn1::Oid& type, std::uint32_t bits, std::initializer_list<E> values) {
  std::vector<ms::Filter> any;
  for (const E value : values)
    if (has_bit(bits, value)) any.push_back(equal(type, value));
  return any_of_them(std::move(any));
}

Result<ms::Filter> subject_filter(const std::string& contains) {
  auto octets = asn1::from_utf8(asn1::Alphabet::Teletex, contains);
  if (!octets)
    return fail(ErrorCode::BadInput, "has a character that a subject in T.61 cannot have: " + octets.error().what,
                "filter.subject_contains");
  ms::Substrings strings{kSubject, {}};
  strings.strings.emplace_back().value.emplace<1>(any_of(asn1::TeletexString(*std::move(octets))));
  ms::FilterItem what;
  what.value.emplace<ms::FilterItem::SubstringsItem>(std::move(strings));
  return item(std::move(what));
}

sdk::ReportRecipient recipient_of(const mts::PerRecipientReportDeliveryFields& from) {
  sdk::ReportRecipient out;
  out.address = oraddress::write(from.actual_recipient_name);
  if (from.supplementary_information) out.information = printable(from.supplementary_information->octets, 256);
  if (const auto* delivery = std::get_if<mts::DeliveryReport>(&from.report_type.value)) {
    out.delivered = true;
    if (const auto seconds = delivery->message_delivery_time.unix_seconds()) out.time = *seconds;
    return out;
  }
  const auto& failed = std::get<mts::NonDeliveryReport>(from.report_type.value);
  out.reason = static_cast<std::int32_t>(failed.non_delivery_reason_code);
  if (failed.non_delivery_diagnostic_code) out.diagnostic = static_cast<std::int32_t>(*failed.non_delivery_diagnostic_code);
  return out;
}

}  // namespace

// ---- which attributes
Result<std::vector<asn1::Oid>> attribute_types_of(const std::vector<std::string>& texts) {
  std::vector<asn1::Oid> out;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto oid = asn1::Oid::parse(texts[i]);
    if (!oid)
      return fail(ErrorCode::BadInput, "is no object identifier in dotted decimal: " + oid.error().what,
                  "attributes[" + std::to_string(i) + "]");
    out.push_back(*std::move(oid));
  }
  return out;
}

std::vector<ms::AttributeType> defaults_of(std::uint64_t fields) {
  std::vector<ms::AttributeType> out;
  for (const FieldRow& each : kFields)
    if (each.bit == 0 || (fields & each.bit) != 0) out.push_back(each.type);
  return out;
}

Result<ms::EntryInformationSelection> selection_of(const sdk::Wanted& wanted) {
  POSTERN_TRY(const std::vector<asn1::Oid> more, attribute_types_of(wanted.attributes));
  std::vector<ms::AttributeType> types = defaults_of(wanted.fields);
  for (const asn1::Oid& each : more)
    if (std::ranges::find(types, each) == types.end()) types.push_back(each);
  ms::EntryInformationSelection out;
  for (const ms::AttributeType& each : types) out.push_back({each, std::nullopt, std::nullopt});
  return out;
}

// ---- entries
const asn1::Any* value_of(const ms::EntryInformation& entry, const asn1::Oid& type) {
  if (!entry.attributes) return nullptr;
  for (const ms::Attribute& each : *entry.attributes)
    if (each.attribute_type == type && !each.attribute_values.empty()) return &each.attribute_values.front();
  return nullptr;
}

void merge(ms::EntryInformation& entry, ms::EntryInformation more) {
  if (!more.attributes) return;
  if (!entry.attributes) entry.attributes.emplace();
  for (ms::Attribute& each : *more.attributes)
    if (value_of(entry, each.attribute_type) == nullptr) entry.attributes->push_back(std::move(each));
}

sdk::Entry entry_of(const ms::EntryInformation& from, const std::vector<asn1::Oid>& attributes) {
  sdk::Entry out;
  out.sequence = static_cast<std::uint64_t>(from.sequence_number);
  for (const FieldRow& each : kFields)
    if (const asn1::Any* value = value_of(from, each.type)) each.take(out, *value);
  for (const ms::Attribute& each : from.attributes.value_or(std::vector<ms::Attribute>()))
    if (std::ranges::find(attributes, each.attribute_type) != attributes.end())
      for (const asn1::Any& value : each.attribute_values) out.attributes.push_back({0, each.attribute_type.text(), value.ber});
  return out;
}

// ---- filters
Result<std::optional<ms::Filter>> filter_of(const std::optional<sdk::Filter>& filter) {
  if (!filter) return std::nullopt;
  using enum sdk::EntryStatus;
  using enum sdk::Priority;
  std::vector<ms::Filter> all;
  if (filter->entry_classes != 0) all.push_back(classes_filter(filter->entry_classes));
  if (filter->statuses != 0)
    all.push_back(values_filter(ms::att::retrieval_status, filter->statuses,
                                {ms::RetrievalStatus::New, ms::RetrievalStatus::Listed, ms::RetrievalStatus::Processed}));
  if (filter->priorities != 0)
    all.push_back(values_filter(kPriority, filter->priorities, {mts::Priority::Normal, mts::Priority::NonUrgent, mts::Priority::Urgent}));
  if (filter->not_before) all.push_back(created_from(*filter->not_before));
  if (filter->before) all.push_back(opposite(created_from(*filter->before)));
  if (!filter->subject_contains.empty()) {
    POSTERN_TRY(ms::Filter subject, subject_filter(filter->subject_contains));
    all.push_back(std::move(subject));
  }
  if (all.empty()) return std::nullopt;
  if (all.size() == 1) return std::move(all.front());
  return all_of(std::move(all));
}

bool wants_children(const std::optional<sdk::Filter>& filter) {
  return filter && has_bit(filter->entry_classes, sdk::EntryClass::ReturnedContent);
}

bool holds_originator(const std::string& contains, const sdk::Entry& entry) {
  if (contains.empty()) return true;
  return entry.originator && oraddress::folded(*entry.originator).find(oraddress::folded(contains)) != std::string::npos;
}

// ---- reports
sdk::Report report_of(const mts::ReportDeliveryEnvelope& envelope) {
  sdk::Report out;
  out.subject_identifier = text_of(envelope.subject_submission_identifier);
  if (envelope.content_identifier) out.content_identifier = printable(envelope.content_identifier->octets);
  for (const auto& each : envelope.per_recipient_fields) out.recipients.push_back(recipient_of(each));
  return out;
}

Result<std::optional<sdk::Report>> report_of(const ms::EntryInformation& entry) {
  const asn1::Any* value = value_of(entry, ms::att::report_delivery_envelope);
  if (value == nullptr) return std::nullopt;
  POSTERN_TRY(const auto envelope, asn1::from_any<mts::ReportDeliveryEnvelope>(*value));
  return report_of(envelope);
}

ms::EntryInformationSelection report_selection() {
  ms::EntryInformationSelection out;
  for (const asn1::Oid& each : {kSubjectIdentifier, kContentIdentifier, kRecipientFields})
    out.push_back({each, std::nullopt, std::nullopt});
  return out;
}

Result<sdk::Report> report_of_attributes(const ms::EntryInformation& entry) {
  mts::ReportDeliveryEnvelope out;
  for (const ms::Attribute& each : entry.attributes.value_or(std::vector<ms::Attribute>())) {
    if (each.attribute_values.empty()) continue;
    if (each.attribute_type == kSubjectIdentifier) {
      POSTERN_TRY(out.subject_submission_identifier, asn1::from_any<mts::MTSIdentifier>(each.attribute_values.front()));
    } else if (each.attribute_type == kContentIdentifier) {
      POSTERN_TRY(out.content_identifier, asn1::from_any<mts::ContentIdentifier>(each.attribute_values.front()));
    } else if (each.attribute_type == kRecipientFields) {
      for (const asn1::Any& value : each.attribute_values) {
        POSTERN_TRY(auto fields, asn1::from_any<mts::PerRecipientReportDeliveryFields>(value));
        out.per_recipient_fields.push_back(std::move(fields));
      }
    }
  }
  if (out.per_recipient_fields.empty()) return fail(ErrorCode::BadInput, "a report of the store says of no recipient what became of it");
  return report_of(out);
}

// ---- summaries
std::int64_t count_of(const ms::SummarizeResult& result, std::int64_t value) {
  if (!result.summaries || result.summaries->empty()) return 0;
  for (const ms::SummaryValue& each : result.summaries->front().present.value_or(std::vector<ms::SummaryValue>())) {
    const auto read = asn1::from_any<std::int64_t>(each.value);
    if (read && *read == value) return each.count;
  }
  return 0;
}

sdk::Summary summary_of(const ms::SummarizeResult& result) {
  sdk::Summary out;
  out.total = static_cast<std::uint64_t>(result.count);
  for (std::size_t status = 0; status < out.by_status.size(); ++status)
    out.by_status[status] = static_cast<std::uint64_t>(count_of(result, static_cast<std::int64_t>(status)));
  if (result.span) {
    out.lowest = static_cast<std::uint64_t>(result.span->lowest);
    out.highest = static_cast<std::uint64_t>(result.span->highest);
  }
  return out;
}

}  // namespace postern::transport
