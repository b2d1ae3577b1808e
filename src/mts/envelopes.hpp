// Envelopes as users of the MTS see them: submission, probe submission, delivery, report delivery (X.411 8.2, 8.3, fig. 2). The argument
// and result types of the operations of P3 that carry them are in p3.hpp; the envelopes between MTAs are in p1.hpp.
// Elements that no standard version known here has are kept in `unknown` and sent on.
#pragma once

#include "mts/extensions.hpp"

namespace postern::mts {

// ---- message submission (X.411 8.2.1.1.1)
struct PerMessageSubmissionFields {
  ORAddressAndOrDirectoryName originator_name;
  std::optional<OriginalEncodedInformationTypes> original_encoded_information_types;
  ContentType content_type;
  std::optional<ContentIdentifier> content_identifier;
  Priority priority = Priority::Normal;
  PerMessageIndicators per_message_indicators;
  std::optional<Time> deferred_delivery_time;
  Extensions extensions;
  friend bool operator==(const PerMessageSubmissionFields&, const PerMessageSubmissionFields&) = default;
};

struct PerRecipientMessageSubmissionFields {
  ORAddressAndOrDirectoryName recipient_name;
  OriginatorReportRequest originator_report_request;
  std::optional<ExplicitConversion> explicit_conversion;
  Extensions extensions;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const PerRecipientMessageSubmissionFields&, const PerRecipientMessageSubmissionFields&) = default;
};
const asn1::Type& schema(asn1::Of<PerRecipientMessageSubmissionFields>);

struct MessageSubmissionEnvelope : PerMessageSubmissionFields {
  std::vector<PerRecipientMessageSubmissionFields> per_recipient_fields;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const MessageSubmissionEnvelope&, const MessageSubmissionEnvelope&) = default;
};
const asn1::Type& schema(asn1::Of<MessageSubmissionEnvelope>);

// ---- probe submission (X.411 8.2.1.2.1)
struct PerProbeSubmissionFields {
  ORAddressAndOrDirectoryName originator_name;
  std::optional<OriginalEncodedInformationTypes> original_encoded_information_types;
  ContentType content_type;
  std::optional<ContentIdentifier> content_identifier;
  std::optional<std::int64_t> content_length;  ///< Octets.
  PerMessageIndicators per_message_indicators;
  Extensions extensions;
  friend bool operator==(const PerProbeSubmissionFields&, const PerProbeSubmissionFields&) = default;
};

/// The same components as of a message (X.411 8.2.1.2.1).
using PerRecipientProbeSubmissionFields = PerRecipientMessageSubmissionFields;

struct ProbeSubmissionEnvelope : PerProbeSubmissionFields {
  std::vector<PerRecipientProbeSubmissionFields> per_recipient_fields;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const ProbeSubmissionEnvelope&, const ProbeSubmissionEnvelope&) = default;
};
const asn1::Type& schema(asn1::Of<ProbeSubmissionEnvelope>);

// ---- message delivery (X.411 8.3.1.1.1)
/// As ContentType, the built-in alternative under a tag of its own.
struct DeliveredContentType {
  std::variant<BuiltInContentType, ExtendedContentType> value;  ///< built-in, extended
  friend bool operator==(const DeliveredContentType&, const DeliveredContentType&) = default;
};
const asn1::Type& schema(asn1::Of<DeliveredContentType>);

struct OtherMessageDeliveryFields {
  DeliveredContentType content_type;
  ORAddressAndOptionalDirectoryName originator_name;
  std::optional<OriginalEncodedInformationTypes> original_encoded_information_types;
  Priority priority = Priority::Normal;
  std::optional<DeliveryFlags> delivery_flags;
  std::optional<std::vector<ORAddressAndOptionalDirectoryName>> other_recipient_names;
  ORAddressAndOptionalDirectoryName this_recipient_name;
  std::optional<ORAddressAndOptionalDirectoryName> originally_intended_recipient_name;
  std::optional<ConvertedEncodedInformationTypes> converted_encoded_information_types;
  Time message_submission_time;
  std::optional<ContentIdentifier> content_identifier;
  Extensions extensions;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const OtherMessageDeliveryFields&, const OtherMessageDeliveryFields&) = default;
};
const asn1::Type& schema(asn1::Of<OtherMessageDeliveryFields>);

struct MessageDeliveryEnvelope {
  MessageDeliveryIdentifier message_delivery_identifier;
  Time message_delivery_time;
  OtherMessageDeliveryFields other_fields;
  friend bool operator==(const MessageDeliveryEnvelope&, const MessageDeliveryEnvelope&) = default;
};
const asn1::Type& schema(asn1::Of<MessageDeliveryEnvelope>);

// ---- report delivery (X.411 8.3.1.2.1)
struct PerReportDeliveryFields {
  MTSIdentifier subject_submission_identifier;
  std::optional<ContentIdentifier> content_identifier;
  std::optional<ContentType> content_type;
  std::optional<OriginalEncodedInformationTypes> original_encoded_information_types;
  Extensions extensions;
  friend bool operator==(const PerReportDeliveryFields&, const PerReportDeliveryFields&) = default;
};

struct PerRecipientReportDeliveryFields {
  ORAddressAndOrDirectoryName actual_recipient_name;
  ReportType report_type;
  std::optional<ConvertedEncodedInformationTypes> converted_encoded_information_types;
  std::optional<ORAddressAndOptionalDirectoryName> originally_intended_recipient_name;
  std::optional<asn1::PrintableString> supplementary_information;
  Extensions extensions;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const PerRecipientReportDeliveryFields&, const PerRecipientReportDeliveryFields&) = default;
};
const asn1::Type& schema(asn1::Of<PerRecipientReportDeliveryFields>);

struct ReportDeliveryEnvelope : PerReportDeliveryFields {
  std::vector<PerRecipientReportDeliveryFields> per_recipient_fields;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const ReportDeliveryEnvelope&, const ReportDeliveryEnvelope&) = default;
};
const asn1::Type& schema(asn1::Of<ReportDeliveryEnvelope>);

}  // namespace postern::mts
