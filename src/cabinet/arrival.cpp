#include "cabinet/arrival.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "cabinet/draft.hpp"
#include "ipm/keys.hpp"
#include "ipm/notification_submission.hpp"
#include "ipm/read.hpp"
#include "oraddress/or_text.hpp"

namespace postern::cabinet {
namespace {

std::string clean(const std::string& text) { return is_utf8(text) ? text : printable(text, 512); }
std::string clean(const std::optional<std::string>& text) { return text ? clean(*text) : std::string(); }

bool is_interpersonal(const std::string& type) {
  return type == "2" || type == "22" || type == "2.6.1.10.0" || type == "2.6.1.10.1";  // X.420 annex A: id-mct-p2-1984, id-mct-p2-1988
}

/// The object in the content; nothing where it is no interpersonal one.
Result<std::optional<ipm::InformationObject>> object_in(const Arrival& arrival) {
  const auto& entry = arrival.fetched.entry;
  if (entry.entry_class != sdk::EntryClass::DeliveredMessage || !is_interpersonal(entry.content_type.value_or("22")) ||
      arrival.content.empty())
    return std::optional<ipm::InformationObject>();
  POSTERN_TRY(ipm::InformationObject object, asn1::decode<ipm::InformationObject>(arrival.content));
  return std::optional(std::move(object));
}

void add_names(std::vector<std::string>& out, const std::vector<ipm::RecipientSpecifier>& list) {
  for (const ipm::RecipientSpecifier& each : list) out.push_back(clean(ipm::text_of(each.recipient)));
}

/// One that X.420 has no name for is none.
std::optional<ipm::SensitivityField> sensitivity_of(const ipm::Heading& heading) {
  using enum ipm::SensitivityField;
  const bool known = heading.sensitivity && *heading.sensitivity >= Personal && *heading.sensitivity <= CompanyConfidential;
  return known ? heading.sensitivity : std::nullopt;
}

void note_heading(Item& item, const ipm::Heading& heading, const std::string& user) {
  item.subject = clean(ipm::subject_of(heading));
  item.importance = std::clamp(heading.importance, ipm::ImportanceField::Low, ipm::ImportanceField::High);
  item.sensitivity = sensitivity_of(heading);
  item.expires = seconds_of(heading.expiry_time), item.reply_by = seconds_of(heading.reply_time);
  item.ipm_identifier = printable(heading.this_ipm.user_relative_identifier.octets);
  if (heading.this_ipm.user) item.ipm_user = clean(oraddress::write(*heading.this_ipm.user));
  add_names(item.to, heading.primary_recipients);
  add_names(item.to, heading.copy_recipients);
  const auto me = name_in(user, "user");
  const ipm::Owed owed = me ? ipm::owed(heading, *me) : ipm::Owed();
  item.receipt_requested = owed.receipt;
  item.non_receipt_requested = owed.non_receipt;
}

void note_object(Item& item, const Arrival& arrival, const std::string& user) {
  const auto object = object_in(arrival);
  if (!object) {
    item.reason = "the content cannot be read: " + clean(object.error().text());
    return;
  }
  if (!*object) return;
  if ((*object)->ipn() != nullptr) item.kind = Kind::Notification;
  if (const ipm::IPM* message = (*object)->ipm()) note_heading(item, message->heading, user);
}

void note_entry(Item& item, const sdk::Entry& entry) {
  item.from = clean(entry.originator);
  item.subject = clean(entry.subject);
  item.content_type = entry.content_type ? clean(*entry.content_type) : "22";
  item.mts_identifier = clean(entry.mts_identifier);
  item.priority = entry.priority.value_or(sdk::Priority::Normal);
  if (entry.time) item.created = *entry.time * 1000;
  if (entry.entry_class == sdk::EntryClass::DeliveredReport) item.kind = Kind::Report;
  for (const sdk::Attribute& each : entry.attributes)
    item.attributes[printable(each.type)] = is_utf8(as_text(each.value)) ? clean(std::string(as_text(each.value))) : hex_encode(each.value);
}

void note_report(Item& item, const sdk::Report& report) {
  for (const sdk::ReportRecipient& each : report.recipients) {
    Recipient one;
    one.address = clean(each.address);
    one.stage = each.delivered ? ipm::Stage::Delivered : ipm::Stage::NotDelivered;
    one.words = clean(each.information);
    one.delivered_at = each.time;
    item.recipients.push_back(std::move(one));
  }
}

// ---- correlation
/// MTS identifiers are compared as the peer writes them: the text stands as a whole in one of our values.
mts::MTSIdentifier identifier_in(const std::string& text) {
  mts::MTSIdentifier out;
  out.local_identifier = asn1::Ia5String(text);
  return out;
}

mts::PerRecipientReportDeliveryFields fields_of(const sdk::ReportRecipient& reported, const oraddress::ORName& actual,
                                                const oraddress::ORName* only) {
  mts::PerRecipientReportDeliveryFields out;
  out.actual_recipient_name = actual;
  if (only != nullptr) out.originally_intended_recipient_name = *only;
  if (!reported.information.empty()) out.supplementary_information = asn1::PrintableString(reported.information);
  if (reported.delivered) {
    auto& report = out.report_type.value.emplace<mts::DeliveryReport>();
    if (reported.time) report.message_delivery_time = mts::Time::at(*reported.time);
  } else {
    auto& report = out.report_type.value.emplace<mts::NonDeliveryReport>();
    if (reported.reason >= 0) report.non_delivery_reason_code = static_cast<mts::NonDeliveryReasonCode>(reported.reason);
    if (reported.diagnostic >= 0) report.non_delivery_diagnostic_code = static_cast<mts::NonDeliveryDiagnosticCode>(reported.diagnostic);
  }
  return out;
}

/// `only`: whom a copy with one recipient went to. A report about that copy is about him, whoever it got to in the end (X.411 8.3.1.2.1.4).
mts::ReportDeliveryEnvelope envelope_of(const sdk::Report& report, const oraddress::ORName* only) {
  mts::ReportDeliveryEnvelope out;
  out.subject_submission_identifier = identifier_in(report.subject_identifier);
  for (const sdk::ReportRecipient& each : report.recipients)
    if (const auto actual = name_in(each.address, "")) out.per_recipient_fields.push_back(fields_of(each, *actual, only));
  return out;
}

/// The recipients of an item as correlation knows them, and back.
ipm::SentMessage sent_of(const Item& item) {
  ipm::SentMessage out;
  out.this_ipm = ipm_identifier_of(item);
  for (const Recipient& each : item.recipients) {
    ipm::SentRecipient one;
    if (auto name = name_in(each.address, "")) one.name = *std::move(name);
    one.key = ipm::key_of(one.name);
    one.receipt_requested = each.receipt;
    one.outcome = {each.stage, each.words, each.delivered_at, each.read_at, {}};
    out.recipients.push_back(std::move(one));
  }
  return out;
}

void take_back(Item& item, const ipm::SentMessage& sent) {
  for (std::size_t n = 0; n < item.recipients.size(); ++n) {
    const ipm::Outcome& outcome = sent.recipients[n].outcome;
    Recipient& each = item.recipients[n];
    each.stage = outcome.stage, each.words = clean(outcome.words);
    each.delivered_at = outcome.delivered_at, each.read_at = outcome.read_at;
    if (outcome.actual_recipient) each.actual = clean(oraddress::write(*outcome.actual_recipient));
  }
}

/// The peer has it or may have it, and its MTS identifier was never heard.
bool is_unheard(const Copy& copy) {
  return copy.mts_identifier.empty() && (copy.state == State::Unknown || copy.state == State::Submitted);
}

/// The copy that a report is about: by its identifier; without one that was ever heard, the only one that it can be. A content identifier
/// of the operator's may stand on other messages as well: it says nothing against an MTS identifier that is known, nor of what never left.
Copy* copy_of(Item& item, const sdk::Report& report) {
  const auto found = std::ranges::find(item.copies, report.subject_identifier, &Copy::mts_identifier);
  if (found != item.copies.end()) return &*found;
  if (item.copies.size() != 1 || (item.has_own_content_identifier && !is_unheard(item.copies.front()))) return nullptr;
  const bool named = !report.content_identifier.empty() && report.content_identifier == item.content_identifier;
  return named ? &item.copies.front() : nullptr;
}

/// What is reported on or answered was submitted.
void settle(Item& item, Copy& copy, WallTime now) {
  if (copy.state != State::Unknown) return;
  copy.state = State::Submitted;
  if (item.state != State::Unknown || std::ranges::any_of(item.copies, [](const Copy& c) { return c.state != State::Submitted; })) return;
  item.state = State::Submitted;
  item.folder = folder::kSent;
  item.reason.clear();
  item.history.push_back({unix_millis(now), "settled", "system", "a report or notification shows that the message was submitted"});
}

ipm::Applied apply_report(Item& item, const sdk::Report& report, WallTime now) {
  Copy* copy = copy_of(item, report);
  if (copy == nullptr) return ipm::Applied::OtherMessage;
  settle(item, *copy, now);
  ipm::SentMessage sent = sent_of(item);
  sent.submission = identifier_in(report.subject_identifier);
  const oraddress::ORName* only =
      copy->recipients.size() == 1 && report.recipients.size() == 1 ? &sent.recipients.at(copy->recipients.front()).name : nullptr;
  const ipm::Applied out = ipm::apply(sent, envelope_of(report, only));
  take_back(item, sent);
  return out;
}

ipm::Applied apply_notification(Item& item, const ipm::IPN& notification, const std::string& sender, WallTime now) {
  ipm::SentMessage sent = sent_of(item);
  const auto from = name_in(sender, "");
  const ipm::Applied out = ipm::apply(sent, notification, from ? std::optional(*from) : std::nullopt);
  // One from whom nobody sent it to proves nothing.
  if (out != ipm::Applied::Changed && out != ipm::Applied::Unchanged) return out;
  if (item.copies.size() == 1) settle(item, item.copies.front(), now);
  take_back(item, sent);
  return out;
}

// ---- notifications that are owed
mts::DeliveredContentType content_type_of(const std::string& text) {
  const bool p2 = text == "2" || text == "2.6.1.10.0";
  mts::DeliveredContentType out;
  out.value = p2 ? mts::BuiltInContentType::InterpersonalMessaging1984 : mts::BuiltInContentType::InterpersonalMessaging1988;
  return out;
}

Result<mts::OtherMessageDeliveryFields> delivery_of(const Item& received, const oraddress::ORName& user) {
  mts::OtherMessageDeliveryFields out;
  POSTERN_TRY(out.originator_name, name_in(received.from, "from"));
  out.content_type = content_type_of(received.content_type);
  out.priority = static_cast<mts::Priority>(received.priority);
  out.this_recipient_name = user;
  return out;
}

}  // namespace

std::string name_of_entry(const std::string& account, const sdk::Entry& entry) {
  const std::string time = entry.time ? std::to_string(*entry.time) : std::string();
  return "entry " + std::to_string(entry.sequence) + " " + entry.mts_identifier.value_or("") + " " + time + " of " + account;
}

Item item_of(const Arrival& arrival, const std::string& user, const std::string& account, const MessageId& id, WallTime now) {
  Item out;
  out.id = id;
  out.folder = folder::kInbox;
  out.state = State::Received;
  out.unopened = true;
  out.created = out.changed = unix_millis(now);
  out.origin = Origin{account, arrival.fetched.entry.sequence};
  note_entry(out, arrival.fetched.entry);
  note_object(out, arrival, user);
  if (arrival.fetched.report) note_report(out, *arrival.fetched.report);
  if (arrival.size > 0) {
    out.copies.emplace_back().size = arrival.size;
    out.copies.front().state = State::Received;
    out.copies.front().sha256 = arrival.sha256;
  }
  return out;
}

std::vector<std::string> subject_names(const Arrival& arrival) {
  if (const auto& report = arrival.fetched.report) {
    std::vector<std::string> out{name_of_mts(report->subject_identifier)};
    if (!report->content_identifier.empty()) out.push_back(name_of_content(report->content_identifier));
    return out;
  }
  const auto object = object_in(arrival);
  if (!object || !*object || (*object)->ipn() == nullptr) return {};
  const ipm::IPMIdentifier& subject = (*object)->ipn()->subject_ipm;
  return {name_of_ipm(subject), name_of_ipm_local(subject)};
}

ipm::Applied apply(Item& sent, const Arrival& arrival, WallTime now) {
  if (arrival.fetched.report) return apply_report(sent, *arrival.fetched.report, now);
  const auto object = object_in(arrival);
  if (!object || !*object || (*object)->ipn() == nullptr) return ipm::Applied::OtherMessage;
  return apply_notification(sent, *(*object)->ipn(), arrival.fetched.entry.originator.value_or(""), now);
}

Result<std::optional<mts::MessageSubmissionArgument>> notification_of(const Item& received, ByteView content, const std::string& user,
                                                                      Reading what, WallTime now) {
  POSTERN_TRY(const oraddress::ORName me, name_in(user, "user"));
  POSTERN_TRY(const mts::OtherMessageDeliveryFields delivery, delivery_of(received, me));
  POSTERN_TRY(const auto message, ipm::delivered_message(delivery, content));
  if (!message) return std::optional<mts::MessageSubmissionArgument>();
  const ipm::Subject subject{me, delivery, *message};
  if (what == Reading::Opened) return ipm::receipt_submission(subject, {.time = unix_seconds(now)});
  return ipm::non_receipt_submission(subject, ipm::discarded(message->heading, unix_seconds(now)));
}

}  // namespace postern::cabinet
