// What became of a message that was sent: delivery and non-delivery reports (X.411 8.3.1.2) and notifications (X.420 8), put together per
// recipient.
//
//   SentMessage sent = sent_message(copy.message, submission_identifier);      // kept by the caller under key_of(...) of both identifiers
//   const Applied applied = apply(sent, report_envelope);                      // or an IPN
//   for (const SentRecipient& each : sent.recipients) show(each.name, each.outcome.words);
#pragma once

#include "ipm/keys.hpp"
#include "ipm/notification.hpp"

namespace postern::ipm {

/// Ordered by what is known, not by time: see transitions in correlate.cpp.
enum class Stage : std::uint8_t { Waiting, Delivered, NotDelivered, Read, NotRead };
[[nodiscard]] std::string_view name_of(Stage stage) noexcept;

struct Outcome {
  Stage stage = Stage::Waiting;
  std::string words = "waiting";             ///< "read on 2026-11-26 07:00 UTC", "not delivered: unable-to-transfer, …".
  std::optional<std::int64_t> delivered_at;  ///< Seconds since 1970.
  std::optional<std::int64_t> read_at;
  std::optional<oraddress::ORName> actual_recipient;  ///< Where it is someone else than was named.
  friend bool operator==(const Outcome&, const Outcome&) = default;
};
struct SentRecipient {
  oraddress::ORName name;
  std::string key;  ///< key_of(name), which thousands of recipients are searched by.
  bool receipt_requested = false;
  Outcome outcome;
};
struct SentMessage {
  IPMIdentifier this_ipm;
  std::optional<mts::MTSIdentifier> submission;  ///< Known once the MTS has taken the message.
  std::vector<SentRecipient> recipients;
};
/// Every recipient that the heading names by O/R address. What a copy's heading does not show, the caller adds.
[[nodiscard]] SentMessage sent_message(const IPM& message, std::optional<mts::MTSIdentifier> submission);

enum class Applied {
  Changed,           ///< At least one recipient's outcome is another now.
  Unchanged,         ///< Said before, or less than what is known.
  UnknownRecipient,  ///< About this message, about nobody it was sent to.
  OtherMessage,      ///< Not about this message.
};
/// `sender`: the originator of the notification's envelope, for those that do not name themselves.
[[nodiscard]] Applied apply(SentMessage& sent, const IPN& notification, const std::optional<oraddress::ORName>& sender = {});
[[nodiscard]] Applied apply(SentMessage& sent, const mts::ReportDeliveryEnvelope& report);

}  // namespace postern::ipm
