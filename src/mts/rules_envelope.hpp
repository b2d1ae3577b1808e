// Rules of envelopes: from submission to transfer to delivery, and what becomes of one on its way (X.411 14). Pure: identifiers, times,
// routes and policies are arguments. Order in an MTA: find_loop(), note_arrival(), critical_functions(), then per recipient redirect() or
// expand_dl() or a route, then split().
#pragma once

#include "mts/p1.hpp"
#include "mts/p3.hpp"
#include "mts/rules_trace.hpp"

namespace postern::mts {

// ---- submission (X.411 14.6: message-submission becomes a transfer)
/// What the originating MTA asks of the MTAs after it (X.411 12.2.1.1.1.7): at least what the originator asks.
enum class MtaReportRequest : std::uint8_t { NonDeliveryReport = 0b01, Report = 0b10, AuditedReport = 0b11 };

struct Submission {
  MTSIdentifier identifier;
  Time time;
  Here here;
  MtaReportRequest report_request = MtaReportRequest::NonDeliveryReport;
};
/// The transfer envelope with first trace, all recipients numbered and this MTA responsible for each. BadInput: no recipient, or an
/// extension twice or in a wrong place (error inconsistent-request).
[[nodiscard]] Result<MessageTransferEnvelope> to_transfer(const MessageSubmissionEnvelope& submitted, const Submission& submission);
[[nodiscard]] Result<ProbeTransferEnvelope> to_transfer(const ProbeSubmissionEnvelope& submitted, const Submission& submission);
/// What the submitter gets back. Proof of submission is the caller's to add.
[[nodiscard]] MessageSubmissionResult submission_result(const MessageSubmissionEnvelope& submitted, const Submission& submission);
[[nodiscard]] ProbeSubmissionResult submission_result(const ProbeSubmissionEnvelope& submitted, const Submission& submission);

/// "mta-a 261126054200Z 1f" squeezed into the 32 characters there are (ub-local-id-length): distinct for distinct (time, number) of one
/// MTA.
[[nodiscard]] std::string local_identifier(const MTAName& mta, std::int64_t unix_seconds, std::uint32_t number);

/// X.411 12.2: the same message may come in several copies, each for other recipients; this key is equal only for a copy that came before.
/// Names compare as addresses. For reports the identifier and the destination count: a distribution list passes one on to several.
[[nodiscard]] std::string duplicate_key(const MTSApdu& apdu);
/// Equal only where the same message is expanded at the same list once more.
[[nodiscard]] std::string expansion_key(const MTSIdentifier& message, const ORName& list);

// ---- on the way
/// X.411 14.3.6: one copy for each route, in the order of first use. route_of[i] is the route of recipient i; kNoRoute: he is dealt with
/// already (delivered here, reported). In each copy the MTA after is responsible for its recipients only; the others stay if the originator
/// wants recipients disclosed and go otherwise.
inline constexpr std::size_t kNoRoute = static_cast<std::size_t>(-1);
template <class Envelope>
struct RoutedCopy {
  std::size_t route = 0;
  Envelope envelope;
};
[[nodiscard]] std::vector<RoutedCopy<MessageTransferEnvelope>> split(const MessageTransferEnvelope& envelope,
                                                                     std::span<const std::size_t> route_of);
[[nodiscard]] std::vector<RoutedCopy<ProbeTransferEnvelope>> split(const ProbeTransferEnvelope& envelope,
                                                                   std::span<const std::size_t> route_of);

/// The same for one next hop, which is to serve the recipients with these indexes.
[[nodiscard]] MessageTransferEnvelope envelope_for(const MessageTransferEnvelope& envelope, std::span<const std::size_t> recipients);
[[nodiscard]] ProbeTransferEnvelope envelope_for(const ProbeTransferEnvelope& envelope, std::span<const std::size_t> recipients);

/// X.411 8.2.1.1.1.12: no delivery before it. nullopt: at once. A time that cannot be read counts as none.
[[nodiscard]] std::optional<std::int64_t> deferred_until(const MessageTransferEnvelope& envelope);

/// How long an MTA tries, in seconds (the operator's; the usual grades of service).
struct Lifetimes {
  std::int64_t urgent = 4 * 3600;
  std::int64_t normal = 24 * 3600;
  std::int64_t non_urgent = 48 * 3600;
  [[nodiscard]] std::int64_t of(Priority priority) const noexcept;
};
/// Unix seconds after which the message is not delivered any more: transfer-failure or unable-to-transfer, maximum-time-expired. The
/// lifetime counts from the time of arrival or, if later, from the deferred delivery time; latest-delivery-time (X.411 8.2.1.1.1.13) is the
/// last limit.
[[nodiscard]] std::int64_t expires_at(const MessageTransferEnvelope& envelope, std::int64_t arrived, const Lifetimes& lifetimes);
/// Of two messages, which goes first: 0 urgent, 1 normal, 2 non-urgent and what nobody knows.
[[nodiscard]] int rank_of(Priority priority) noexcept;

// ---- delivery (X.411 14.7)
struct Delivery {
  MTSIdentifier identifier;
  Time time;
  bool with_trace = false;  ///< 1994: trace-information as an extension of the delivery envelope.
};
/// The envelope for recipient `recipient` (an index; out of range is our bug and throws std::out_of_range).
[[nodiscard]] MessageDeliveryEnvelope to_delivery(const MessageTransferEnvelope& envelope, std::size_t recipient, const Delivery& delivery);

/// When the message was submitted: the first element of its trace (X.411 8.3.1.1.1.6).
[[nodiscard]] Time submission_time_of(const TraceInformation& trace);
/// What the content was last converted into on its way, if it was.
[[nodiscard]] std::optional<EncodedInformationTypes> converted_types_of(const TraceInformation& trace);

/// What a recipient takes; absent or empty: anything.
struct Deliverable {
  std::optional<ContentTypes> content_types{};
  std::optional<std::int64_t> maximum_content_length{};
  std::optional<EncodedInformationTypesConstraints> constraints{};
};
/// X.411 8.4.1.1 deliverable-class: why this message cannot be delivered to him, if so. No MTA here converts content, so an explicit
/// conversion or one that would be needed is a reason too, told by what the originator allowed.
[[nodiscard]] std::optional<NonDeliveryReport> undeliverable(const MessageTransferEnvelope& envelope,
                                                             const PerRecipientMessageTransferFields& recipient,
                                                             std::uint64_t content_length, const Deliverable& deliverable);
/// The same of the message that a probe describes (X.411 8.2.1.2). One that does not say how long it is, is not too long.
[[nodiscard]] std::optional<NonDeliveryReport> undeliverable(const ProbeTransferEnvelope& envelope,
                                                             const PerRecipientProbeTransferFields& recipient,
                                                             const Deliverable& deliverable);
/// Built-in types as the identifiers that constraints are made of (X.411 8.5.11: id-eit-n, 2.6.3.4.n), then the extended ones.
[[nodiscard]] std::vector<asn1::Oid> identifiers_of(const EncodedInformationTypes& types);
[[nodiscard]] bool acceptable(const std::optional<EncodedInformationTypes>& types, const EncodedInformationTypesConstraints& constraints);

}  // namespace postern::mts
