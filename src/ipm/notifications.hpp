// The rules of notifying, discarding and auto-forwarding (X.420 8, 18.5) as functions of values: which notification a recipient owes, and
// what it says. Times are seconds since 1970 and the caller's; nothing is sent from here. What returns or forwards a message holds it as it
// came: encode it with asn1::encode_as_taken().
#pragma once

#include "ipm/notification.hpp"

namespace postern::ipm {

/// What the originator asked of one recipient (X.420 7.1.2). A recipient that the heading names more than once owes what any of them says;
/// one that it does not name (blind copies of others, list members) owes nothing.
struct Owed {
  bool receipt = false;      ///< rn
  bool non_receipt = false;  ///< nrn
  bool return_of_message = false;
  bool reply = false;
  friend bool operator==(const Owed&, const Owed&) = default;
};
[[nodiscard]] Owed owed(const Heading& heading, const oraddress::ORName& recipient);

/// Who notifies.
struct Notifier {
  ORDescriptor recipient;                            ///< The recipient itself; its formal name must be there.
  std::optional<ORDescriptor> intended_recipient{};  ///< Whom the originator named, where that was someone else (redirection, list).
  std::optional<mts::EncodedInformationTypes> conversion_eits{};  ///< Where the message was converted for this recipient.
};

/// A receipt notification (X.420 8.3) where one is owed, nullopt where not. BadInput: no formal name, or a supplement that is too long.
struct Receipt {
  std::int64_t time = 0;
  AcknowledgmentModeField mode = AcknowledgmentModeField::Manual;
  std::string supplement{};  ///< PrintableString, at most 256 characters.
};
[[nodiscard]] Result<std::optional<IPN>> receipt_notification(const IPM& subject, const Notifier& notifier, const Receipt& receipt);

/// A non-receipt notification (X.420 8.2) where one is owed. The message comes back only where that was asked for and the message was not
/// converted (X.420 8.2.4).
struct NonReceipt {
  NonReceiptReasonField reason = NonReceiptReasonField::IpmDiscarded;
  DiscardReasonField discard_reason = DiscardReasonField::IpmExpired;  ///< Of a discarded message.
  std::string auto_forward_comment{};                                  ///< Of an auto-forwarded one; PrintableString.
};
[[nodiscard]] Result<std::optional<IPN>> non_receipt_notification(const IPM& subject, const Notifier& notifier, const NonReceipt& what);

/// X.420 7.2.11: at or after its expiry time. A time that cannot be read never passes.
[[nodiscard]] bool is_expired(const Heading& heading, std::int64_t now);
/// X.420 8.2.2: what discarding it unread says: that it expired, where it did, else that its recipient deleted it.
[[nodiscard]] NonReceipt discarded(const Heading& heading, std::int64_t now);
/// X.420 7.2.8: the later one names the earlier one, and both have one originator: nobody withdraws another's messages.
[[nodiscard]] bool obsoletes(const Heading& later, const Heading& earlier);

/// X.420 18.5.2.2: a message passed on whole, by a rule and not by a person.
struct AutoForwardRule {
  IPMIdentifier this_ipm;                      ///< Of the new message.
  ORDescriptor forwarder;                      ///< Whose mailbox this is; its formal name must be there.
  std::vector<RecipientSpecifier> recipients;  ///< At least one.
  std::string comment{};                       ///< For the originator's non-receipt notification.
  std::string subject_prefix{};                ///< ASCII, such as "Fwd: ".
};
struct AutoForwarded {
  IPM message;
  std::optional<IPN> notification;  ///< To the originator, where it is owed.
};
/// Conflict where the message, or one within it, was auto-forwarded by the same user already: a loop. At most 16 levels are looked into;
/// deeper ones count as a loop as well.
[[nodiscard]] Result<AutoForwarded> auto_forward(const IPM& subject, const MessageParameters& delivery, const Notifier& notifier,
                                                 const AutoForwardRule& rule);

}  // namespace postern::ipm
