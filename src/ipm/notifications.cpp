#include "ipm/notifications.hpp"

#include <algorithm>

#include "ipm/keys.hpp"
#include "ipm/read.hpp"

namespace postern::ipm {

namespace {

tl::unexpected<Error> wrong(std::string_view field, std::string what) {
  return fail(ErrorCode::BadInput, std::move(what), std::string(field));
}

void add(Owed& owed, const RecipientSpecifier& specifier) {
  const NotificationRequests& requests = specifier.notification_requests;
  owed.receipt |= requests.test(NotificationRequest::Rn);
  owed.non_receipt |= requests.test(NotificationRequest::Nrn);
  owed.return_of_message |= requests.test(NotificationRequest::IpmReturn);
  owed.reply |= specifier.reply_requested;
}

bool names(const ORDescriptor& descriptor, const oraddress::ORName& name) {
  return descriptor.formal_name && same_name(*descriptor.formal_name, name);
}

/// Whom the requests of the heading are about.
Result<Owed> owed_by(const IPM& subject, const Notifier& notifier) {
  if (!notifier.recipient.formal_name) return wrong("ipn-originator", "needs an O/R address");
  const ORDescriptor& named = notifier.intended_recipient ? *notifier.intended_recipient : notifier.recipient;
  if (!named.formal_name) return wrong("ipm-intended-recipient", "needs an O/R address");
  return owed(subject.heading, *named.formal_name);
}

/// X.420 8.1.
IPN common_fields(const IPM& subject, const Notifier& notifier) {
  IPN out;
  out.subject_ipm = subject.heading.this_ipm;
  out.ipn_originator = notifier.recipient;
  // X.420 8.1.3: only where it is not the notification's originator.
  if (notifier.intended_recipient && !names(*notifier.intended_recipient, *notifier.recipient.formal_name))
    out.ipm_intended_recipient = notifier.intended_recipient;
  out.conversion_eits = notifier.conversion_eits;
  return out;
}

Result<std::optional<asn1::PrintableString>> printable_string(const std::string& text, std::string_view field, std::int64_t limit) {
  if (text.empty()) return std::optional<asn1::PrintableString>{};
  auto octets = asn1::from_utf8(asn1::Alphabet::Printable, text);
  if (!octets) return wrong(field, octets.error().what);
  if (octets->size() > static_cast<std::size_t>(limit)) return wrong(field, "more than " + std::to_string(limit) + " characters");
  return std::optional<asn1::PrintableString>{*std::move(octets)};
}

}  // namespace

Owed owed(const Heading& heading, const oraddress::ORName& recipient) {
  Owed out;
  const auto look = [&](const std::vector<RecipientSpecifier>& list) {
    for (const RecipientSpecifier& each : list)
      if (names(each.recipient, recipient)) add(out, each);
  };
  look(heading.primary_recipients);
  look(heading.copy_recipients);
  if (heading.blind_copy_recipients) look(*heading.blind_copy_recipients);
  return out;
}

Result<std::optional<IPN>> receipt_notification(const IPM& subject, const Notifier& notifier, const Receipt& receipt) {
  POSTERN_TRY(const Owed asked, owed_by(subject, notifier));
  if (!asked.receipt) return std::optional<IPN>{};
  ReceiptFields fields;
  fields.receipt_time = asn1::UtcTime::at(receipt.time);
  fields.acknowledgment_mode = receipt.mode;
  POSTERN_TRY(fields.suppl_receipt_info, printable_string(receipt.supplement, "suppl-receipt-info", 256));
  IPN out = common_fields(subject, notifier);
  out.choice.value = std::move(fields);
  return std::optional<IPN>{std::move(out)};
}

Result<std::optional<IPN>> non_receipt_notification(const IPM& subject, const Notifier& notifier, const NonReceipt& what) {
  POSTERN_TRY(const Owed asked, owed_by(subject, notifier));
  if (!asked.non_receipt) return std::optional<IPN>{};
  NonReceiptFields fields;
  fields.non_receipt_reason = what.reason;
  if (what.reason == NonReceiptReasonField::IpmDiscarded) fields.discard_reason = what.discard_reason;  // X.420 8.2.2
  if (what.reason == NonReceiptReasonField::IpmAutoForwarded) {                                         // X.420 8.2.3
    POSTERN_TRY(fields.auto_forward_comment, printable_string(what.auto_forward_comment, "auto-forward-comment", ub_auto_forward_comment));
  }
  if (asked.return_of_message && !notifier.conversion_eits) fields.returned_ipm = subject;  // X.420 8.2.4
  IPN out = common_fields(subject, notifier);
  out.choice.value = std::move(fields);
  return std::optional<IPN>{std::move(out)};
}

bool is_expired(const Heading& heading, std::int64_t now) {
  if (!heading.expiry_time) return false;
  const auto at = heading.expiry_time->unix_seconds();
  return at && *at <= now;
}

NonReceipt discarded(const Heading& heading, std::int64_t now) {
  NonReceipt out;
  out.discard_reason = is_expired(heading, now) ? DiscardReasonField::IpmExpired : DiscardReasonField::IpmDeleted;
  return out;
}

bool obsoletes(const Heading& later, const Heading& earlier) {
  if (!later.originator || !earlier.originator || !earlier.originator->formal_name) return false;
  if (!names(*later.originator, *earlier.originator->formal_name)) return false;
  const std::string key = key_of(earlier.this_ipm);
  return std::ranges::any_of(later.obsoleted_ipms, [&](const IPMIdentifier& each) { return key_of(each) == key; });
}

// ---- auto-forwarding
namespace {

constexpr std::size_t deepest = 16;

bool forwarded_by(const IPM& message, const oraddress::ORName& user, std::size_t depth) {
  if (depth > deepest) return true;
  const Heading& heading = message.heading;
  if (heading.auto_forwarded && heading.originator && names(*heading.originator, user)) return true;
  return std::ranges::any_of(message.body, [&](const BodyPart& part) {
    const auto* inner = std::get_if<asn1::Box<MessageBodyPart>>(&part.value);
    return inner != nullptr && inner->has_value() && forwarded_by((*inner)->data, user, depth + 1);
  });
}

Heading forwarded_heading(const IPM& subject, const AutoForwardRule& rule) {
  Heading out;
  out.this_ipm = rule.this_ipm;
  out.originator = rule.forwarder;
  out.primary_recipients = rule.recipients;
  out.auto_forwarded = true;
  out.importance = subject.heading.importance;
  out.sensitivity = subject.heading.sensitivity;
  if (subject.heading.subject) {
    out.subject = rule.subject_prefix + subject.heading.subject->octets;
    // T.61 writes an accent before its letter: a cut between the two would leave the accent alone.
    if (out.subject->octets.size() > static_cast<std::size_t>(ub_subject_field)) out.subject->octets.resize(ub_subject_field);
    if (!out.subject->octets.empty() && (static_cast<unsigned char>(out.subject->octets.back()) & 0xF0U) == 0xC0)
      out.subject->octets.pop_back();
  }
  return out;
}

}  // namespace

Result<AutoForwarded> auto_forward(const IPM& subject, const MessageParameters& delivery, const Notifier& notifier,
                                   const AutoForwardRule& rule) {
  if (!rule.forwarder.formal_name) return wrong("forwarder", "needs an O/R address, so that loops can be found");
  if (rule.recipients.empty()) return wrong("recipients", "names nobody to forward to");
  if (forwarded_by(subject, *rule.forwarder.formal_name, 0))
    return fail(ErrorCode::Conflict, "was forwarded automatically from here before: a loop, the message stays", "auto-forwarded");
  AutoForwarded out;
  out.message.heading = forwarded_heading(subject, rule);
  out.message.body.push_back({asn1::Box<MessageBodyPart>({delivery, subject})});
  NonReceipt reason;
  reason.reason = NonReceiptReasonField::IpmAutoForwarded;
  reason.auto_forward_comment = rule.comment;
  POSTERN_TRY(out.notification, non_receipt_notification(subject, notifier, reason));
  return out;
}

}  // namespace postern::ipm
