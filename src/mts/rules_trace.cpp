#include "mts/rules_trace.hpp"

#include <algorithm>
#include <tuple>

#include "base/text.hpp"
#include "mts/bounds.hpp"
#include "oraddress/compare.hpp"

namespace postern::mts {

namespace {

InternalTraceInformation internal_of(const Trace& trace) {
  return extension_or<StandardExtension::InternalTraceInformation>(*trace.extensions);
}
/// A peer's quirks in older elements are no reason to lose the list.
Status store(const Trace& trace, const InternalTraceInformation& internal) {
  POSTERN_TRY(asn1::Any any, asn1::to_any(internal, schema(asn1::Of<InternalTraceInformation>{}), asn1::EncodeRules::Lenient));
  put(*trace.extensions, StandardExtension::InternalTraceInformation, std::move(any));
  return {};
}

/// Changes the newest element of each list.
template <class Change>
void annotate(const Trace& trace, const Change& change) {
  if (!trace.trace_information->empty()) change(trace.trace_information->back().domain_supplied_information);
  InternalTraceInformation internal = internal_of(trace);
  if (internal.empty()) return;
  change(internal.back().mta_supplied_information);
  std::ignore = store(trace, internal);  // what could be read can be written
}

/// After it, a second visit is no loop.
template <class Info>
bool may_lead_back(const Info& info) {
  return info.routing_action == RoutingAction::Rerouted || info.other_actions.test(OtherAction::Redirected) ||
         info.other_actions.test(OtherAction::DlOperation);
}

/// The elements since the last that may lead back.
template <class List, class InfoOf>
std::span<const typename List::value_type> since_last_turn(const List& list, const InfoOf& info_of) {
  const auto last = std::find_if(list.rbegin(), list.rend(), [&](const auto& element) { return may_lead_back(info_of(element)); });
  return {last.base(), list.end()};
}

Status full(std::string_view list) {
  return fail(ErrorCode::TooLarge, "has " + std::to_string(ub::transfers) + " elements, as many as there may be", std::string(list));
}

Status add(const Trace& trace, const Here& here, const DomainSuppliedInformation& info) {
  if (std::ssize(*trace.trace_information) >= ub::transfers) return full("trace-information");
  trace.trace_information->push_back({here.domain, info});
  return {};
}

Status add(const Trace& trace, const Here& here, const MTASuppliedInformation& info) {
  InternalTraceInformation internal = internal_of(trace);
  if (std::ssize(internal) >= ub::transfers) return full("internal-trace-information");
  internal.push_back({here.domain, here.mta_name, info});
  return store(trace, internal);
}

bool visited(const TraceInformation& trace, const Here& here) {
  const auto recent = since_last_turn(trace, [](const auto& e) -> const auto& { return e.domain_supplied_information; });
  return std::ranges::any_of(recent, [&](const auto& e) { return same_domain(e.global_domain_identifier, here.domain); });
}

bool visited(const InternalTraceInformation& trace, const Here& here) {
  const auto recent = since_last_turn(trace, [](const auto& e) -> const auto& { return e.mta_supplied_information; });
  return std::ranges::any_of(
      recent, [&](const auto& e) { return same_mta(e.mta_name, here.mta_name) && same_domain(e.global_domain_identifier, here.domain); });
}

}  // namespace

std::string domain_key(const GlobalDomainIdentifier& domain) {
  ORAddress address;
  address.built_in_standard_attributes.country_name = domain.country_name;
  address.built_in_standard_attributes.administration_domain_name = domain.administration_domain_name;
  address.built_in_standard_attributes.private_domain_name = domain.private_domain_identifier;
  return oraddress::comparison_key(address);
}

bool same_domain(const GlobalDomainIdentifier& a, const GlobalDomainIdentifier& b) { return a == b || domain_key(a) == domain_key(b); }
bool same_mta(const MTAName& a, const MTAName& b) noexcept { return iequals(a.octets, b.octets); }

Trace trace_of(MessageTransferEnvelope& envelope) { return {&envelope.trace_information, &envelope.extensions}; }
Trace trace_of(ProbeTransferEnvelope& envelope) { return {&envelope.trace_information, &envelope.extensions}; }
Trace trace_of(ReportTransferEnvelope& envelope) { return {&envelope.trace_information, &envelope.extensions}; }
Trace trace_of(MTSApdu& apdu) {
  if (auto* probe = std::get_if<Probe>(&apdu.value)) return trace_of(*probe);
  if (auto* report = std::get_if<Report>(&apdu.value)) return trace_of(report->envelope);
  return trace_of(std::get<Message>(apdu.value).envelope);
}

Status note_arrival(Trace trace, const Here& here, Time arrival_time, ArrivalFrom from) {
  if (from != ArrivalFrom::OwnDomain) {
    leave_domain(trace);
    DomainSuppliedInformation info;
    info.arrival_time = arrival_time;
    POSTERN_CHECK(add(trace, here, info));
  }
  MTASuppliedInformation info;
  info.arrival_time = std::move(arrival_time);
  return add(trace, here, info);
}

void note_deferred(Trace trace, const Time& released) {
  annotate(trace, [&](AdditionalActions& actions) { actions.deferred_time = released; });
}
void note_conversion(Trace trace, const EncodedInformationTypes& converted) {
  annotate(trace, [&](AdditionalActions& actions) { actions.converted_encoded_information_types = converted; });
}
void note_other_action(Trace trace, OtherAction action) {
  annotate(trace, [&](AdditionalActions& actions) { actions.other_actions.set(action); });
}

Status note_rerouting(Trace trace, const Here& here, Time time, const AttemptedMTA& attempted) {
  if (const auto* domain = std::get_if<GlobalDomainIdentifier>(&attempted.value)) {
    DomainSuppliedInformation info;
    info.arrival_time = time;
    info.routing_action = RoutingAction::Rerouted;
    info.attempted_domain = *domain;
    POSTERN_CHECK(add(trace, here, info));
  }
  MTASuppliedInformation info;
  info.arrival_time = std::move(time);
  info.routing_action = RoutingAction::Rerouted;
  info.attempted = attempted;
  return add(trace, here, info);
}

void leave_domain(Trace trace) { erase(*trace.extensions, StandardExtension::InternalTraceInformation); }

Loop find_loop(Trace trace, const Here& here, ArrivalFrom from) {
  if (std::ssize(*trace.trace_information) >= ub::transfers) return Loop::TooManyTransfers;
  if (from == ArrivalFrom::OtherDomain) return visited(*trace.trace_information, here) ? Loop::Domain : Loop::None;
  const InternalTraceInformation internal = internal_of(trace);
  if (std::ssize(internal) >= ub::transfers) return Loop::TooManyTransfers;
  return from == ArrivalFrom::OwnDomain && visited(internal, here) ? Loop::Mta : Loop::None;
}

std::string_view words_of(Loop loop) {
  switch (loop) {
    case Loop::None: return "no loop";
    case Loop::Domain: return "the message has been in this domain before; a route between domains leads back";
    case Loop::Mta: return "the message has been at this MTA before; a route within the domain leads back";
    case Loop::TooManyTransfers: return "the message has been transferred more often than the standard allows";
  }
  return "no loop";
}

}  // namespace postern::mts
