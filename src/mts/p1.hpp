// P1: what MTAs send each other (X.411 12, fig. 4 "MTAAbstractService"; X.419 for the APDU). One C++ value serves all versions: 1988 and
// 1992+ by its own description, 1984 by that of p1_1984.hpp.
//
//   POSTERN_TRY(MTSApdu apdu, asn1::decode<MTSApdu>(octets, options));
//
// A message whose content does not fit in memory is read and written by transfer_stream.hpp.
#pragma once

#include "mts/extensions.hpp"

namespace postern::mts {

using MTAOriginatorName = ORAddressAndOptionalDirectoryName;
using MTARecipientName = ORAddressAndOptionalDirectoryName;

// ---- fields of several APDUs
/// X.411 12.2.1.1.1.5: who is still to be served by this copy, and what is to be reported. Always eight bits on the wire.
enum class PerRecipientIndicator : std::uint8_t {
  Responsibility = 0,
  OriginatingMTAReport = 1,
  OriginatingMTANonDeliveryReport = 2,
  OriginatorReport = 3,
  OriginatorNonDeliveryReport = 4,
};
struct PerRecipientIndicators : Bits<PerRecipientIndicator> {
  PerRecipientIndicators() { octets = {0}; }
  PerRecipientIndicators(std::initializer_list<PerRecipientIndicator> bits) : PerRecipientIndicators() {
    for (const PerRecipientIndicator bit : bits) set(bit);
  }
};
const asn1::Type& schema(asn1::Of<PerRecipientIndicators>);

/// Information for one other domain (X.411 12.2.1.1.1.2).
struct PrivateBilateralDomain {
  oraddress::AdministrationDomainName administration_domain_name;
  oraddress::PrivateDomainIdentifier private_domain_identifier;
  friend bool operator==(const PrivateBilateralDomain&, const PrivateBilateralDomain&) = default;
};
const asn1::Type& schema(asn1::Of<PrivateBilateralDomain>);
struct BilateralDomainName {
  std::variant<oraddress::AdministrationDomainName, PrivateBilateralDomain> value;  ///< administration-domain-name, private-domain
  friend bool operator==(const BilateralDomainName&, const BilateralDomainName&) = default;
};
const asn1::Type& schema(asn1::Of<BilateralDomainName>);
struct PerDomainBilateralInformation {
  oraddress::CountryName country_name;
  BilateralDomainName domain;
  asn1::Any bilateral_information;
  friend bool operator==(const PerDomainBilateralInformation&, const PerDomainBilateralInformation&) = default;
};
const asn1::Type& schema(asn1::Of<PerDomainBilateralInformation>);

// ---- message (X.411 12.2.1.1)
struct PerMessageTransferFields {
  MessageIdentifier message_identifier;
  MTAOriginatorName originator_name;
  std::optional<OriginalEncodedInformationTypes> original_encoded_information_types;
  ContentType content_type;
  std::optional<ContentIdentifier> content_identifier;
  Priority priority = Priority::Normal;
  PerMessageIndicators per_message_indicators;
  std::optional<Time> deferred_delivery_time;
  std::optional<std::vector<PerDomainBilateralInformation>> per_domain_bilateral_information;
  TraceInformation trace_information;
  Extensions extensions;
  friend bool operator==(const PerMessageTransferFields&, const PerMessageTransferFields&) = default;
};

/// A number that stays the recipient's own through DL expansion and redirection (X.411 12.2.1.1.1.6).
using OriginallySpecifiedRecipientNumber = std::int64_t;

struct PerRecipientMessageTransferFields {
  MTARecipientName recipient_name;
  OriginallySpecifiedRecipientNumber originally_specified_recipient_number = 1;
  PerRecipientIndicators per_recipient_indicators;
  std::optional<ExplicitConversion> explicit_conversion;
  Extensions extensions;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const PerRecipientMessageTransferFields&, const PerRecipientMessageTransferFields&) = default;
};
const asn1::Type& schema(asn1::Of<PerRecipientMessageTransferFields>);

struct MessageTransferEnvelope : PerMessageTransferFields {
  std::vector<PerRecipientMessageTransferFields> per_recipient_fields;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const MessageTransferEnvelope&, const MessageTransferEnvelope&) = default;
};
const asn1::Type& schema(asn1::Of<MessageTransferEnvelope>);

struct Message {
  MessageTransferEnvelope envelope;
  Content content;
  friend bool operator==(const Message&, const Message&) = default;
};
const asn1::Type& schema(asn1::Of<Message>);

// ---- probe (X.411 12.2.1.2)
struct PerProbeTransferFields {
  ProbeIdentifier probe_identifier;
  MTAOriginatorName originator_name;
  std::optional<OriginalEncodedInformationTypes> original_encoded_information_types;
  ContentType content_type;
  std::optional<ContentIdentifier> content_identifier;
  std::optional<std::int64_t> content_length;  ///< Octets.
  PerMessageIndicators per_message_indicators;
  std::optional<std::vector<PerDomainBilateralInformation>> per_domain_bilateral_information;
  TraceInformation trace_information;
  Extensions extensions;
  friend bool operator==(const PerProbeTransferFields&, const PerProbeTransferFields&) = default;
};
/// The same components as of a message.
using PerRecipientProbeTransferFields = PerRecipientMessageTransferFields;

struct ProbeTransferEnvelope : PerProbeTransferFields {
  std::vector<PerRecipientProbeTransferFields> per_recipient_fields;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const ProbeTransferEnvelope&, const ProbeTransferEnvelope&) = default;
};
const asn1::Type& schema(asn1::Of<ProbeTransferEnvelope>);
using Probe = ProbeTransferEnvelope;

// ---- report (X.411 12.2.1.3)
struct ReportTransferEnvelope {
  ReportIdentifier report_identifier;
  ORAddressAndOptionalDirectoryName report_destination_name;
  TraceInformation trace_information;
  Extensions extensions;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const ReportTransferEnvelope&, const ReportTransferEnvelope&) = default;
};
const asn1::Type& schema(asn1::Of<ReportTransferEnvelope>);

struct PerReportTransferFields {
  MTSIdentifier subject_identifier;
  std::optional<SubjectIntermediateTraceInformation> subject_intermediate_trace_information;
  std::optional<OriginalEncodedInformationTypes> original_encoded_information_types;
  std::optional<ContentType> content_type;
  std::optional<ContentIdentifier> content_identifier;
  std::optional<Content> returned_content;
  std::optional<asn1::Any> additional_information;  ///< Of 1984 (billing-information); never made, passed on.
  Extensions extensions;
  friend bool operator==(const PerReportTransferFields&, const PerReportTransferFields&) = default;
};

struct PerRecipientReportTransferFields {
  ORAddressAndOptionalDirectoryName actual_recipient_name;
  OriginallySpecifiedRecipientNumber originally_specified_recipient_number = 1;
  PerRecipientIndicators per_recipient_indicators;
  LastTraceInformation last_trace_information;
  std::optional<ORAddressAndOptionalDirectoryName> originally_intended_recipient_name;
  std::optional<asn1::PrintableString> supplementary_information;
  Extensions extensions;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const PerRecipientReportTransferFields&, const PerRecipientReportTransferFields&) = default;
};
const asn1::Type& schema(asn1::Of<PerRecipientReportTransferFields>);

struct ReportTransferContent : PerReportTransferFields {
  std::vector<PerRecipientReportTransferFields> per_recipient_fields;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const ReportTransferContent&, const ReportTransferContent&) = default;
};
const asn1::Type& schema(asn1::Of<ReportTransferContent>);

struct Report {
  ReportTransferEnvelope envelope;
  ReportTransferContent content;
  friend bool operator==(const Report&, const Report&) = default;
};
const asn1::Type& schema(asn1::Of<Report>);

// ---- the APDU (X.419 12.2 "MTS-APDU"; "MPDU" of 1984)
struct MTSApdu {
  std::variant<Message, Report, Probe> value;  ///< message [0], report [1], probe [2]
  friend bool operator==(const MTSApdu&, const MTSApdu&) = default;
};
const asn1::Type& schema(asn1::Of<MTSApdu>);

}  // namespace postern::mts
