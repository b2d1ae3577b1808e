#include "ipm/correlate.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "ipm/heading_words.hpp"
#include "mts/reasons.hpp"

namespace postern::ipm {

namespace {

enum class Event : std::uint8_t { DeliveryReport, NonDeliveryReport, ReceiptNotification, NonReceiptNotification };

// A row per stage, a column per event. What was read stays read. A delivery after a non-delivery is the alternate recipient's; a receipt
// after a non-receipt is that of whom it was forwarded to; neither report says anything new about what a notification came for.
constexpr std::array<std::array<Stage, 4>, 5> transitions{{
    //                  DR                    NDR                   RN           NRN
    /* Waiting      */ {{Stage::Delivered, Stage::NotDelivered, Stage::Read, Stage::NotRead}},
    /* Delivered    */ {{Stage::Delivered, Stage::Delivered, Stage::Read, Stage::NotRead}},
    /* NotDelivered */ {{Stage::Delivered, Stage::NotDelivered, Stage::Read, Stage::NotRead}},
    /* Read         */ {{Stage::Read, Stage::Read, Stage::Read, Stage::Read}},
    /* NotRead      */ {{Stage::NotRead, Stage::NotRead, Stage::Read, Stage::NotRead}},
}};

SentRecipient* find(SentMessage& sent, const oraddress::ORName& name) {
  const auto found = std::ranges::find(sent.recipients, key_of(name), &SentRecipient::key);
  return found == sent.recipients.end() ? nullptr : &*found;
}

/// Whether the outcome says something else now.
bool advance(Outcome& outcome, Event event, std::string words) {
  const Stage next = transitions.at(static_cast<std::size_t>(outcome.stage)).at(static_cast<std::size_t>(event));
  if (next == outcome.stage) return false;
  outcome.stage = next;
  outcome.words = std::move(words);
  return true;
}

/// Whom a notification or report is about, as far as the message's originator knows them.
struct Subject {
  const oraddress::ORName* named = nullptr;
  const oraddress::ORName* actual = nullptr;
};
Subject subject_of(const IPN& ipn, const std::optional<oraddress::ORName>& sender) {
  Subject out;
  // The envelope's originator is the one that the MTS vouches for; the notification's own (X.420 8.1.2) is what somebody wrote.
  if (sender) out.actual = &*sender;
  if (out.actual == nullptr && ipn.ipn_originator && ipn.ipn_originator->formal_name) out.actual = &*ipn.ipn_originator->formal_name;
  out.named =
      ipn.ipm_intended_recipient && ipn.ipm_intended_recipient->formal_name ? &*ipn.ipm_intended_recipient->formal_name : out.actual;
  return out;
}
SentRecipient* recipient_of(SentMessage& sent, const Subject& subject) {
  SentRecipient* found = subject.named == nullptr ? nullptr : find(sent, *subject.named);
  if (found == nullptr && subject.actual != nullptr) found = find(sent, *subject.actual);
  if (found != nullptr && subject.actual != nullptr && found->key != key_of(*subject.actual))
    found->outcome.actual_recipient = *subject.actual;
  return found;
}

template <class Time>
std::optional<std::int64_t> seconds(const Time& time) {
  const auto at = time.unix_seconds();
  return at ? std::optional(*at) : std::nullopt;
}

bool note(Outcome& outcome, const ReceiptFields& fields) {
  outcome.read_at = outcome.read_at ? outcome.read_at : seconds(fields.receipt_time);
  return advance(outcome, Event::ReceiptNotification, words_of(fields));
}
bool note(Outcome& outcome, const NonReceiptFields& fields) { return advance(outcome, Event::NonReceiptNotification, words_of(fields)); }
// X.420 8.4: advice about a recipient says nothing about the message.
bool note(Outcome&, const OtherNotificationTypeFields&) { return false; }

bool note(Outcome& outcome, const mts::DeliveryReport& report, const std::string& /*supplement*/) {
  outcome.delivered_at = seconds(report.message_delivery_time);
  return advance(outcome, Event::DeliveryReport, "delivered");
}
bool note(Outcome& outcome, const mts::NonDeliveryReport& report, const std::string& supplement) {
  std::string words = "not delivered: " + mts::words_of(report);
  if (!supplement.empty()) words += " (" + supplement + ")";
  return advance(outcome, Event::NonDeliveryReport, std::move(words));
}

/// Some user agents answer without the user in the identifier: its local part has to do.
bool is_about(const SentMessage& sent, const IPMIdentifier& subject) {
  if (key_of_local(sent.this_ipm) != key_of_local(subject)) return false;
  return !subject.user || !sent.this_ipm.user || same_name(*subject.user, *sent.this_ipm.user);
}

void add_recipients(SentMessage& sent, const std::vector<RecipientSpecifier>& list) {
  for (const RecipientSpecifier& each : list) {
    if (!each.recipient.formal_name || find(sent, *each.recipient.formal_name) != nullptr) continue;
    const oraddress::ORName& name = *each.recipient.formal_name;
    sent.recipients.push_back({name, key_of(name), each.notification_requests.test(NotificationRequest::Rn), {}});
  }
}

}  // namespace

std::string_view name_of(Stage stage) noexcept {
  switch (stage) {
    case Stage::Waiting: return "waiting";
    case Stage::Delivered: return "delivered";
    case Stage::NotDelivered: return "not delivered";
    case Stage::Read: return "read";
    case Stage::NotRead: break;
  }
  return "not read";
}

SentMessage sent_message(const IPM& message, std::optional<mts::MTSIdentifier> submission) {
  SentMessage out{message.heading.this_ipm, std::move(submission), {}};
  add_recipients(out, message.heading.primary_recipients);
  add_recipients(out, message.heading.copy_recipients);
  if (message.heading.blind_copy_recipients) add_recipients(out, *message.heading.blind_copy_recipients);
  return out;
}

Applied apply(SentMessage& sent, const IPN& notification, const std::optional<oraddress::ORName>& sender) {
  if (!is_about(sent, notification.subject_ipm)) return Applied::OtherMessage;
  SentRecipient* recipient = recipient_of(sent, subject_of(notification, sender));
  if (recipient == nullptr) return Applied::UnknownRecipient;
  const bool changed = std::visit([&](const auto& fields) { return note(recipient->outcome, fields); }, notification.choice.value);
  return changed ? Applied::Changed : Applied::Unchanged;
}

Applied apply(SentMessage& sent, const mts::ReportDeliveryEnvelope& report) {
  if (!sent.submission || key_of(*sent.submission) != key_of(report.subject_submission_identifier)) return Applied::OtherMessage;
  Applied out = Applied::UnknownRecipient;
  for (const auto& each : report.per_recipient_fields) {
    const Subject subject{each.originally_intended_recipient_name ? &*each.originally_intended_recipient_name : &each.actual_recipient_name,
                          &each.actual_recipient_name};
    SentRecipient* recipient = recipient_of(sent, subject);
    if (recipient == nullptr) continue;
    const std::string supplement = each.supplementary_information ? printable(each.supplementary_information->octets, 256) : "";
    const bool changed = std::visit([&](const auto& kind) { return note(recipient->outcome, kind, supplement); }, each.report_type.value);
    if (changed || out == Applied::UnknownRecipient) out = changed ? Applied::Changed : Applied::Unchanged;
  }
  return out;
}

}  // namespace postern::ipm
