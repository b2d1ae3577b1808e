// Trace: where a message has been (X.411 12.2.1.1.1.3 trace-information, 12.2.1.1.1.4 internal-trace-information).
#pragma once

#include "mts/types.hpp"

namespace postern::mts {

using ArrivalTime = Time;
using DeferredTime = Time;

enum class RoutingAction : std::int64_t { Relayed = 0, Rerouted = 1 };
const asn1::Type& schema(asn1::Of<RoutingAction>);

enum class OtherAction : std::uint8_t { Redirected = 0, DlOperation = 1 };
using OtherActions = Bits<OtherAction>;
const asn1::Type& schema(asn1::Of<OtherActions>);

/// What domain and MTA both note beside the times of arrival.
struct AdditionalActions {
  std::optional<DeferredTime> deferred_time;  ///< When the message was released, having been held for deferred delivery.
  std::optional<ConvertedEncodedInformationTypes> converted_encoded_information_types;
  OtherActions other_actions;
  friend bool operator==(const AdditionalActions&, const AdditionalActions&) = default;
};

struct DomainSuppliedInformation : AdditionalActions {
  ArrivalTime arrival_time;
  RoutingAction routing_action = RoutingAction::Relayed;
  std::optional<GlobalDomainIdentifier> attempted_domain;  ///< Where transfer failed before the rerouting.
  friend bool operator==(const DomainSuppliedInformation&, const DomainSuppliedInformation&) = default;
};
const asn1::Type& schema(asn1::Of<DomainSuppliedInformation>);

struct TraceInformationElement {
  GlobalDomainIdentifier global_domain_identifier;
  DomainSuppliedInformation domain_supplied_information;
  friend bool operator==(const TraceInformationElement&, const TraceInformationElement&) = default;
};
const asn1::Type& schema(asn1::Of<TraceInformationElement>);

/// Oldest first.
struct TraceInformation : std::vector<TraceInformationElement> {
  using vector::vector;
};
const asn1::Type& schema(asn1::Of<TraceInformation>);
using SubjectIntermediateTraceInformation = TraceInformation;

struct AttemptedMTA {
  std::variant<MTAName, GlobalDomainIdentifier> value;  ///< mta, domain
  friend bool operator==(const AttemptedMTA&, const AttemptedMTA&) = default;
};
const asn1::Type& schema(asn1::Of<AttemptedMTA>);

struct MTASuppliedInformation : AdditionalActions {
  ArrivalTime arrival_time;
  RoutingAction routing_action = RoutingAction::Relayed;
  std::optional<AttemptedMTA> attempted;
  friend bool operator==(const MTASuppliedInformation&, const MTASuppliedInformation&) = default;
};
const asn1::Type& schema(asn1::Of<MTASuppliedInformation>);

struct InternalTraceInformationElement {
  GlobalDomainIdentifier global_domain_identifier;
  MTAName mta_name;
  MTASuppliedInformation mta_supplied_information;
  friend bool operator==(const InternalTraceInformationElement&, const InternalTraceInformationElement&) = default;
};
const asn1::Type& schema(asn1::Of<InternalTraceInformationElement>);

/// Oldest first.
struct InternalTraceInformation : std::vector<InternalTraceInformationElement> {
  using vector::vector;
};
const asn1::Type& schema(asn1::Of<InternalTraceInformation>);

/// Of a report: what became of the subject at the reporting MTA (X.411 12.2.1.3.1).
struct LastTraceInformation {
  ArrivalTime arrival_time;
  std::optional<ConvertedEncodedInformationTypes> converted_encoded_information_types;
  ReportType report_type;
  friend bool operator==(const LastTraceInformation&, const LastTraceInformation&) = default;
};
const asn1::Type& schema(asn1::Of<LastTraceInformation>);

}  // namespace postern::mts
