// Rules of trace: what an MTA writes down about itself, and how it sees that a message goes in circles (X.411 12.3.1, 14.3). Pure functions
// over the values of p1.hpp; time is an argument.
#pragma once

#include "mts/p1.hpp"

namespace postern::mts {

/// The MTA that applies a rule.
struct Here {
  GlobalDomainIdentifier domain;
  MTAName mta_name;
};

/// Where a message comes from; decides whether it enters the domain.
enum class ArrivalFrom : std::uint8_t { User, OwnDomain, OtherDomain };

/// Names of domains compare as O/R addresses do (X.402 18.4): in either case, digits as characters, spaces folded.
[[nodiscard]] std::string domain_key(const GlobalDomainIdentifier& domain);
[[nodiscard]] bool same_domain(const GlobalDomainIdentifier& a, const GlobalDomainIdentifier& b);
[[nodiscard]] bool same_mta(const MTAName& a, const MTAName& b) noexcept;

/// The two lists of an APDU that has them, whichever it is.
struct Trace {
  TraceInformation* trace_information = nullptr;
  Extensions* extensions = nullptr;  ///< internal-trace-information stands there.
};
[[nodiscard]] Trace trace_of(MessageTransferEnvelope& envelope);
[[nodiscard]] Trace trace_of(ProbeTransferEnvelope& envelope);
[[nodiscard]] Trace trace_of(ReportTransferEnvelope& envelope);
[[nodiscard]] Trace trace_of(MTSApdu& apdu);

/// X.411 12.3.1: on arrival. A domain adds an element when the APDU enters it (from a user of its own or from another domain), every MTA
/// adds an internal one; what another domain left of its internal trace goes (12.2.1.1.1.4).
/// TooLarge: the list is full (ub-transfers), which find_loop() reports first.
[[nodiscard]] Status note_arrival(Trace trace, const Here& here, Time arrival_time, ArrivalFrom from);

/// On the last element of ours, of domain and MTA: X.411 12.2.1.1.1.3.
void note_deferred(Trace trace, const Time& released);
void note_conversion(Trace trace, const EncodedInformationTypes& converted);
void note_other_action(Trace trace, OtherAction action);
/// A route failed and another is taken: an element of its own, routing-action rerouted, with what was attempted.
[[nodiscard]] Status note_rerouting(Trace trace, const Here& here, Time time, const AttemptedMTA& attempted);

/// X.411 12.2.1.1.1.4: internal trace stays in the domain.
void leave_domain(Trace trace);

enum class Loop : std::uint8_t { None, Domain, Mta, TooManyTransfers };
/// X.411 12.3.1, asked before note_arrival(). A domain or MTA that stands in the trace already is a loop, unless since then the message was
/// redirected, expanded at a distribution list, or rerouted, each of which may lead back rightly. The first is answered with a
/// non-delivery report: transfer-failure, loop-detected.
[[nodiscard]] Loop find_loop(Trace trace, const Here& here, ArrivalFrom from);
[[nodiscard]] std::string_view words_of(Loop loop);

}  // namespace postern::mts
