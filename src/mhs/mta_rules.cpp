#include "mhs/mta_rules.hpp"

#include <algorithm>

#include "mts/rules_extensions.hpp"
#include "mts/rules_recipient.hpp"
#include "oraddress/or_text.hpp"

namespace postern::mhs {
namespace {

using Reason = mts::NonDeliveryReasonCode;
using Diagnostic = mts::NonDeliveryDiagnosticCode;

Fate reported(std::size_t recipient, Reason reason, Diagnostic diagnostic, std::string words) {
  mts::NonDeliveryReport report;
  report.non_delivery_reason_code = reason;
  report.non_delivery_diagnostic_code = diagnostic;
  return {recipient, std::string(kReportRoute), report, std::move(words)};
}

bool is_ours(const mts::PerRecipientMessageTransferFields& recipient) {
  return recipient.per_recipient_indicators.test(mts::PerRecipientIndicator::Responsibility);
}

/// Every recipient of ours gets the same answer.
template <class Envelope>
std::vector<Fate> all_reported(const Envelope& envelope, Reason reason, Diagnostic diagnostic, std::string_view words) {
  std::vector<Fate> out;
  for (std::size_t i = 0; i < envelope.per_recipient_fields.size(); ++i)
    if (is_ours(envelope.per_recipient_fields[i])) out.push_back(reported(i, reason, diagnostic, std::string(words)));
  return out;
}

}  // namespace

mts::Here here_of(const Mta& mta) { return {mta.domain, mta.name}; }

mts::ArrivalFrom arrival_from(const Mta& mta, const Peer& peer) {
  return mts::same_domain(mta.domain, peer.domain) ? mts::ArrivalFrom::OwnDomain : mts::ArrivalFrom::OtherDomain;
}

Fate MtaRules::route_of(const mts::ORName& name, std::size_t recipient) const {
  if (m_mta.lists.find(name) != nullptr) return {recipient, std::string(kListRoute), std::nullopt, {}};
  const auto found = m_mta.routes.find(name);
  if (!found) return reported(recipient, Reason::UnableToTransfer, Diagnostic::UnrecognisedORName, "no route leads there");
  const RouteTarget& target = *found->value;
  switch (target.kind) {
    case RouteTarget::Kind::Peer: return {recipient, std::string(kPeerRoute) + target.peer, std::nullopt, {}};
    case RouteTarget::Kind::Refuse: return reported(recipient, Reason::UnableToTransfer, Diagnostic::UnrecognisedORName, target.text);
    case RouteTarget::Kind::Store: break;
  }
  if (auto route = m_route_to_user(name)) return {recipient, *std::move(route), std::nullopt, {}};
  return reported(recipient, Reason::UnableToTransfer, Diagnostic::UnrecognisedORName, {});
}

/// X.411 14.3.5: before a non-delivery is reported the originator's alternate is tried; each redirection is in the history, which ends
/// circles.
template <class Envelope>
Fate MtaRules::fate_of(Envelope& envelope, std::size_t recipient, const mts::Time& now) const {
  for (;;) {
    Fate fate = route_of(envelope.per_recipient_fields[recipient].recipient_name, recipient);
    if (!fate.report) return fate;
    const auto alternate = mts::originator_alternate(envelope.per_recipient_fields[recipient]);
    if (!alternate) return fate;
    const auto refused = mts::redirect(envelope, recipient, *alternate, mts::RedirectionReason::OriginatorRequestedAlternateRecipient, now);
    if (!refused) continue;
    fate.report = *refused;
    return fate;
  }
}

template <class Envelope>
Result<std::vector<Fate>> MtaRules::arrive_with_recipients(Envelope& envelope, const Arrival& arrival) const {
  const mts::Trace trace = mts::trace_of(envelope);
  const mts::Here here = here_of(m_mta);
  // X.411 12.3.1: asked before our own element is there.
  const mts::Loop loop = mts::find_loop(trace, here, arrival.from);
  if (loop == mts::Loop::TooManyTransfers) return all_reported(envelope, Reason::TransferFailure, Diagnostic::LoopDetected, words_of(loop));
  POSTERN_CHECK(mts::note_arrival(trace, here, arrival.time, arrival.from));
  if (loop == mts::Loop::None) return fates_of(envelope, arrival.time);
  auto fates = all_reported(envelope, Reason::TransferFailure, Diagnostic::LoopDetected, words_of(loop));
  // A list expands a message once, so it ends every circle; and behind a system of 1984 the trace does not tell that lists led back.
  for (Fate& fate : fates)
    if (m_mta.lists.find(envelope.per_recipient_fields[fate.recipient].recipient_name) != nullptr)
      fate = route_of(envelope.per_recipient_fields[fate.recipient].recipient_name, fate.recipient);
  return fates;
}

template <class Envelope>
std::vector<Fate> MtaRules::fates_of(Envelope& envelope, const mts::Time& now) const {
  const auto critical = mts::critical_functions(envelope, mts::CriticalityBit::ForTransfer, mts::understood_here);
  std::vector<Fate> out;
  for (std::size_t i = 0; i < envelope.per_recipient_fields.size(); ++i) {
    if (!is_ours(envelope.per_recipient_fields[i])) continue;
    if (std::ranges::any_of(critical, [&](const auto& each) { return each.recipient == i; }))
      out.push_back(reported(i, Reason::UnableToTransfer, Diagnostic::UnsupportedCriticalFunction, {}));
    else
      out.push_back(fate_of(envelope, i, now));
  }
  return out;
}

Result<std::vector<Fate>> MtaRules::submitted(mts::MessageTransferEnvelope& envelope, const Arrival& arrival) const {
  return fates_of(envelope, arrival.time);
}
Result<std::vector<Fate>> MtaRules::submitted(mts::ProbeTransferEnvelope& envelope, const Arrival& arrival) const {
  return fates_of(envelope, arrival.time);
}

Result<std::vector<Fate>> MtaRules::arrive(mts::MessageTransferEnvelope& envelope, const Arrival& arrival) const {
  return arrive_with_recipients(envelope, arrival);
}
Result<std::vector<Fate>> MtaRules::arrive(mts::ProbeTransferEnvelope& envelope, const Arrival& arrival) const {
  return arrive_with_recipients(envelope, arrival);
}

Result<std::optional<Fate>> MtaRules::arrive(mts::Report& report, const Arrival& arrival, std::string& why) const {
  const mts::Trace trace = mts::trace_of(report.envelope);
  const mts::Here here = here_of(m_mta);
  if (const mts::Loop loop = mts::find_loop(trace, here, arrival.from); loop != mts::Loop::None) {
    why = mts::words_of(loop);
    return std::nullopt;  // X.411 14.3.4: no report about a report
  }
  POSTERN_CHECK(mts::note_arrival(trace, here, arrival.time, arrival.from));
  Fate fate = route_of(report.envelope.report_destination_name, 0);
  if (!fate.report) return fate;
  why = "no way to " + oraddress::write(report.envelope.report_destination_name) + ": " + mts::words_of(*fate.report);
  return std::nullopt;
}

}  // namespace postern::mhs
