// The notification that a delivered message calls for, as the submission that carries it to the originator (X.420 18.5): what the MTS
// delivered in, what the MTS is given out. The same for a user agent, for a mailbox of the gateway and for a store that forwards.
//
//   POSTERN_TRY(const auto message, delivered_message(delivery, content));
//   if (message) POSTERN_TRY(auto submission, receipt_submission({me, delivery, *message}, {.time = now}));   // nullopt: none is owed
//
// That a notification goes out once is the caller's: nothing here remembers what was answered.
#pragma once

#include "ipm/notifications.hpp"
#include "mts/p3.hpp"

namespace postern::ipm {

/// A message in somebody's hands. All three must outlive the call.
struct Subject {
  const oraddress::ORName& user;  ///< Who has it: he notifies, and submits under this name.
  const mts::OtherMessageDeliveryFields& delivery;
  const IPM& message;
};

/// The message of a delivery; nullopt where it is none to notify of: another content type, or a notification itself. BadInput and TooLarge
/// as asn1::decode.
[[nodiscard]] Result<std::optional<IPM>> delivered_message(const mts::OtherMessageDeliveryFields& delivery, ByteView content);

/// Who notifies of it: the user; on behalf of whom the originator named, where that was someone else (X.420 8.1.3); with the types that the
/// message was converted to (X.420 8.1.4).
[[nodiscard]] Notifier notifier_of(const Subject& subject);

/// nullopt: none is owed. Errors as receipt_notification() and non_receipt_notification().
[[nodiscard]] Result<std::optional<mts::MessageSubmissionArgument>> receipt_submission(const Subject& subject, const Receipt& receipt);
[[nodiscard]] Result<std::optional<mts::MessageSubmissionArgument>> non_receipt_submission(const Subject& subject, const NonReceipt& what);

/// Whether a notification of non-receipt returns the message (X.420 8.2.4), so that all of it is needed, and not only the heading.
[[nodiscard]] bool returns_message(const Subject& subject);

/// A notification to the originator of what was delivered to `user`: under the content type that the message had where that suffices, as
/// urgent as the message, and without reports: a notification that gets lost is lost.
[[nodiscard]] Result<mts::MessageSubmissionArgument> notification_submission(const IPN& notification, const oraddress::ORName& user,
                                                                             const mts::OtherMessageDeliveryFields& delivery);

}  // namespace postern::ipm
