#include "ipm/notifications.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "ipm/correlate.hpp"
#include "ipm/testing/samples.hpp"

namespace postern::ipm {
namespace {

using namespace testing;

IPM message_asking(const std::function<void(Recipient&)>& ask) {
  Draft made = draft();
  ask(made.primary[0]);
  return compose(made).value().copies[0].message;
}
IPM receipt_wanted() {
  return message_asking([](Recipient& r) { r.receipt_notification = true; });
}
Notifier john_notifies() { return {described(john())}; }
constexpr std::int64_t seven = 1'795'676'400;  // 2026-11-26 07:00 UTC

TEST(Owed, WhatTheHeadingAsksOfThisRecipient) {
  Draft made = draft();
  made.primary[0].receipt_notification = true;
  made.copy = {recipient(mary()), recipient(john())};
  made.copy[0].non_receipt_notification = true;
  made.copy[1].reply_requested = true;
  const Heading heading = compose(made).value().copies[0].message.heading;
  EXPECT_EQ(owed(heading, john()), (Owed{true, true, false, true}));  // named twice
  EXPECT_EQ(owed(heading, mary()), (Owed{false, true, false, false}));
  EXPECT_EQ(owed(heading, name("C=gb;A=;P=test;O=B;S=SMITH;G=john")), owed(heading, john()));  // X.402 18.4
  EXPECT_EQ(owed(heading, jane()), Owed{});
}

TEST(ReceiptNotification, SaysWhoAndWhen) {
  const auto ipn = receipt_notification(receipt_wanted(), john_notifies(), {seven, AcknowledgmentModeField::Automatic, "seen"});
  ASSERT_TRUE(ipn) << ipn.error().text();
  ASSERT_TRUE(*ipn);
  EXPECT_EQ((*ipn)->subject_ipm, draft().this_ipm);
  EXPECT_EQ((*ipn)->ipn_originator, described(john()));
  EXPECT_FALSE((*ipn)->ipm_intended_recipient);
  const auto& fields = std::get<ReceiptFields>((*ipn)->choice.value);
  EXPECT_EQ(fields.receipt_time.text, "261126070000Z");
  EXPECT_EQ(fields.suppl_receipt_info, asn1::PrintableString("seen"));
  EXPECT_TRUE(asn1::encode(InformationObject{**ipn}));
}

TEST(ReceiptNotification, OnlyWhereItIsOwed) {
  const IPM silent = message_asking([](Recipient&) {});
  EXPECT_EQ(receipt_notification(silent, john_notifies(), {seven}).value(), std::nullopt);
  EXPECT_EQ(non_receipt_notification(silent, john_notifies(), {}).value(), std::nullopt);
  const IPM only_nrn = message_asking([](Recipient& r) { r.non_receipt_notification = true; });
  EXPECT_EQ(receipt_notification(only_nrn, john_notifies(), {seven}).value(), std::nullopt);
  EXPECT_TRUE(non_receipt_notification(only_nrn, john_notifies(), {}).value());
}

TEST(ReceiptNotification, ForSomeoneElse) {
  Notifier mary_for_john{described(mary()), described(john())};
  const auto ipn = receipt_notification(receipt_wanted(), mary_for_john, {seven});
  ASSERT_TRUE(ipn && *ipn);
  EXPECT_EQ((*ipn)->ipm_intended_recipient, described(john()));
  Notifier himself{described(john()), described(john())};
  EXPECT_FALSE((*receipt_notification(receipt_wanted(), himself, {seven}).value()).ipm_intended_recipient);  // X.420 8.1.3
}

TEST(ReceiptNotification, Refusals) {
  EXPECT_EQ(receipt_notification(receipt_wanted(), {ORDescriptor{}}, {seven}).error().field, "ipn-originator");
  EXPECT_EQ(receipt_notification(receipt_wanted(), john_notifies(), {seven, {}, "#"}).error().field, "suppl-receipt-info");
  EXPECT_EQ(receipt_notification(receipt_wanted(), john_notifies(), {seven, {}, std::string(257, 'x')}).error().field,
            "suppl-receipt-info");
}

TEST(NonReceiptNotification, ReasonsExcludeEachOther) {
  NonReceipt forwarded{NonReceiptReasonField::IpmAutoForwarded, DiscardReasonField::IpmExpired, "on leave"};
  const auto ipn = non_receipt_notification(receipt_wanted(), john_notifies(), forwarded).value();
  const auto& fields = std::get<NonReceiptFields>(ipn->choice.value);
  EXPECT_FALSE(fields.discard_reason);
  EXPECT_EQ(fields.auto_forward_comment, asn1::PrintableString("on leave"));
  const auto discarded = non_receipt_notification(receipt_wanted(), john_notifies(), {}).value();
  EXPECT_EQ(std::get<NonReceiptFields>(discarded->choice.value).discard_reason, DiscardReasonField::IpmExpired);
  EXPECT_FALSE(std::get<NonReceiptFields>(discarded->choice.value).auto_forward_comment);
}

TEST(NonReceiptNotification, TheMessageComesBackIfAskedForAndNotConverted) {
  const IPM subject = message_asking([](Recipient& r) { r.receipt_notification = r.return_of_message = true; });
  Notifier notifier = john_notifies();
  EXPECT_EQ(std::get<NonReceiptFields>(non_receipt_notification(subject, notifier, {}).value()->choice.value).returned_ipm, subject);
  notifier.conversion_eits.emplace();
  EXPECT_FALSE(std::get<NonReceiptFields>(non_receipt_notification(subject, notifier, {}).value()->choice.value).returned_ipm);
  EXPECT_FALSE(
      std::get<NonReceiptFields>(non_receipt_notification(receipt_wanted(), john_notifies(), {}).value()->choice.value).returned_ipm);
}

TEST(Discarding, ExpiryAndObsolescence) {
  Draft made = draft();
  made.expiry_time = seven;
  Heading old = compose(made).value().copies[0].message.heading;
  EXPECT_FALSE(is_expired(old, seven - 1));
  EXPECT_TRUE(is_expired(old, seven));
  old.expiry_time->text = "nonsense";
  EXPECT_FALSE(is_expired(old, seven));
  made.this_ipm.user_relative_identifier = "43";
  made.obsoleted = {draft().this_ipm};
  Heading later = compose(made).value().copies[0].message.heading;
  EXPECT_TRUE(obsoletes(later, old));
  EXPECT_FALSE(obsoletes(old, later));
  later.originator = described(mary());
  EXPECT_FALSE(obsoletes(later, old));
  later.originator.reset();
  EXPECT_FALSE(obsoletes(later, old));
}

// ---- auto-forwarding
AutoForwardRule rule() {
  RecipientSpecifier to;
  to.recipient = described(mary());
  return {{john(), "fwd-1"}, described(john()), {to}, "on leave", "Fwd: "};
}

TEST(AutoForward, WrapsAndNotifies) {
  const auto made = auto_forward(receipt_wanted(), {}, john_notifies(), rule());
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_TRUE(made->message.heading.auto_forwarded);
  EXPECT_EQ(made->message.heading.subject, asn1::TeletexString("Fwd: Hello"));
  EXPECT_EQ(std::get<asn1::Box<MessageBodyPart>>(made->message.body[0].value)->data, receipt_wanted());
  ASSERT_TRUE(made->notification);
  EXPECT_EQ(std::get<NonReceiptFields>(made->notification->choice.value).non_receipt_reason, NonReceiptReasonField::IpmAutoForwarded);
  EXPECT_FALSE(auto_forward(message_asking([](Recipient&) {}), {}, john_notifies(), rule())->notification);
}

TEST(AutoForward, LoopsEnd) {
  const IPM once = auto_forward(receipt_wanted(), {}, john_notifies(), rule()).value().message;
  EXPECT_EQ(auto_forward(once, {}, john_notifies(), rule()).error().code, ErrorCode::Conflict);
  IPM wrapped = receipt_wanted();  // somebody put it into another message
  wrapped.body = {{asn1::Box<MessageBodyPart>({{}, once})}};
  EXPECT_EQ(auto_forward(wrapped, {}, john_notifies(), rule()).error().code, ErrorCode::Conflict);
  AutoForwardRule marys = rule();
  marys.forwarder = described(mary());
  EXPECT_TRUE(auto_forward(once, {}, {described(mary())}, marys));  // another user's rule
}

TEST(AutoForward, DepthIsBounded) {
  IPM deep = receipt_wanted();
  for (int i = 0; i < 17; ++i) {
    IPM outer = receipt_wanted();
    outer.body = {{asn1::Box<MessageBodyPart>({{}, std::move(deep)})}};
    deep = std::move(outer);
  }
  EXPECT_EQ(auto_forward(deep, {}, john_notifies(), rule()).error().code, ErrorCode::Conflict);
}

TEST(AutoForward, ALongSubjectIsCutBetweenCharacters) {
  IPM subject = receipt_wanted();
  subject.heading.subject = std::string(122, 'x') + "\xC8u";
  const auto made = auto_forward(subject, {}, john_notifies(), rule());
  ASSERT_TRUE(made);
  EXPECT_EQ(made->message.heading.subject->octets, "Fwd: " + std::string(122, 'x'));
}

// ---- correlation
mts::MTSIdentifier submission() {
  return {{oraddress::make<oraddress::CountryName>("DE"), oraddress::make<oraddress::AdministrationDomainName>("TELE"), {}}, "mta-1"};
}
SentMessage sent() {
  Draft made = draft();
  made.copy = {recipient(mary())};
  made.primary[0].receipt_notification = true;
  return sent_message(compose(made).value().copies[0].message, submission());
}
IPN read_by(const oraddress::ORName& who) {
  IPN ipn;
  ipn.subject_ipm = draft().this_ipm;
  ipn.ipn_originator = described(who);
  ipn.choice.value = ReceiptFields{asn1::UtcTime::at(seven), {}, {}, {}};
  return ipn;
}
IPN not_read_by(const oraddress::ORName& who) {
  IPN ipn = read_by(who);
  ipn.choice.value = NonReceiptFields{};
  return ipn;
}
mts::ReportDeliveryEnvelope report(const oraddress::ORName& who, mts::ReportType type) {
  mts::ReportDeliveryEnvelope out;
  out.subject_submission_identifier = submission();
  out.per_recipient_fields.resize(1);
  out.per_recipient_fields[0].actual_recipient_name = who;
  out.per_recipient_fields[0].report_type = std::move(type);
  return out;
}
mts::ReportType delivered() { return {mts::DeliveryReport{asn1::UtcTime::at(seven), {}}}; }
mts::ReportType not_delivered() {
  return {mts::NonDeliveryReport{mts::NonDeliveryReasonCode::UnableToTransfer, mts::NonDeliveryDiagnosticCode::UnrecognisedORName}};
}

TEST(Correlate, RecipientsOfAMessage) {
  const SentMessage message = sent();
  ASSERT_EQ(message.recipients.size(), 2U);
  EXPECT_TRUE(message.recipients[0].receipt_requested);
  EXPECT_FALSE(message.recipients[1].receipt_requested);
  EXPECT_EQ(message.recipients[0].outcome.stage, Stage::Waiting);
}

TEST(Correlate, DeliveredThenRead) {
  SentMessage message = sent();
  EXPECT_EQ(apply(message, report(john(), delivered())), Applied::Changed);
  EXPECT_EQ(message.recipients[0].outcome.stage, Stage::Delivered);
  EXPECT_EQ(message.recipients[0].outcome.delivered_at, seven);
  EXPECT_EQ(message.recipients[1].outcome.stage, Stage::Waiting);
  EXPECT_EQ(apply(message, report(john(), delivered())), Applied::Unchanged);
  EXPECT_EQ(apply(message, read_by(john())), Applied::Changed);
  EXPECT_EQ(message.recipients[0].outcome.words, "read on 2026-11-26 07:00 UTC");
  EXPECT_EQ(message.recipients[0].outcome.read_at, seven);
  EXPECT_EQ(apply(message, not_read_by(john())), Applied::Unchanged);  // what was read stays read
}

TEST(Correlate, ReasonsAreInWords) {
  SentMessage message = sent();
  EXPECT_EQ(apply(message, report(mary(), not_delivered())), Applied::Changed);
  EXPECT_NE(message.recipients[1].outcome.words.find("unrecognised-OR-name"), std::string::npos) << message.recipients[1].outcome.words;
  EXPECT_EQ(apply(message, not_read_by(john())), Applied::Changed);
  EXPECT_EQ(message.recipients[0].outcome.words, "not read: discarded");
}

// The whole table: every order of two events.
TEST(Correlate, Transitions) {
  struct Row {
    int first, second;  // 0 DR, 1 NDR, 2 RN, 3 NRN
    Stage stage;
  };
  constexpr Row rows[] = {
      {0, 0, Stage::Delivered}, {0, 1, Stage::Delivered},    {0, 2, Stage::Read}, {0, 3, Stage::NotRead},
      {1, 0, Stage::Delivered}, {1, 1, Stage::NotDelivered}, {1, 2, Stage::Read}, {1, 3, Stage::NotRead},
      {2, 0, Stage::Read},      {2, 1, Stage::Read},         {2, 2, Stage::Read}, {2, 3, Stage::Read},
      {3, 0, Stage::NotRead},   {3, 1, Stage::NotRead},      {3, 2, Stage::Read}, {3, 3, Stage::NotRead},
  };
  const auto feed = [](SentMessage& message, int event) {
    if (event < 2) return apply(message, report(john(), event == 0 ? delivered() : not_delivered()));
    return apply(message, event == 2 ? read_by(john()) : not_read_by(john()));
  };
  for (const Row& row : rows) {
    SentMessage message = sent();
    feed(message, row.first);
    feed(message, row.second);
    EXPECT_EQ(message.recipients[0].outcome.stage, row.stage) << row.first << " then " << row.second;
  }
}

TEST(Correlate, SomeoneElseReadIt) {
  SentMessage message = sent();
  IPN ipn = read_by(name("C=GB;A= ;P=TEST;O=b;S=Deputy"));
  EXPECT_EQ(apply(message, ipn), Applied::UnknownRecipient);
  ipn.ipm_intended_recipient = described(john());
  EXPECT_EQ(apply(message, ipn), Applied::Changed);
  EXPECT_EQ(message.recipients[0].outcome.actual_recipient, name("C=GB;A= ;P=TEST;O=b;S=Deputy"));
  auto redirected = report(name("C=GB;A= ;P=TEST;O=b;S=Deputy"), delivered());
  redirected.per_recipient_fields[0].originally_intended_recipient_name = mary();
  EXPECT_EQ(apply(message, redirected), Applied::Changed);
  EXPECT_EQ(message.recipients[1].outcome.stage, Stage::Delivered);
}

TEST(Correlate, NotificationsThatDoNotNameThemselves) {
  SentMessage message = sent();
  IPN ipn = read_by(john());
  ipn.ipn_originator.reset();
  EXPECT_EQ(apply(message, ipn), Applied::UnknownRecipient);
  EXPECT_EQ(apply(message, ipn, john()), Applied::Changed);
}

// X.420 8.1.2: an ipn-originator is what the notification's author wrote; the MTS knows the envelope's.
TEST(Correlate, TheEnvelopeSaysWhoSentIt) {
  SentMessage message = sent();
  const oraddress::ORName stranger = name("C=GB;A= ;P=TEST;O=b;S=Stranger");
  EXPECT_EQ(apply(message, read_by(john()), stranger), Applied::UnknownRecipient);
  EXPECT_EQ(message.recipients[0].outcome.stage, Stage::Waiting);
  EXPECT_EQ(apply(message, read_by(stranger), john()), Applied::Changed);
  EXPECT_EQ(message.recipients[0].outcome.stage, Stage::Read);
}

TEST(Correlate, OtherMessages) {
  SentMessage message = sent();
  IPN ipn = read_by(john());
  ipn.subject_ipm.user_relative_identifier = "other";
  EXPECT_EQ(apply(message, ipn), Applied::OtherMessage);
  ipn.subject_ipm = {mary(), draft().this_ipm.user_relative_identifier};
  EXPECT_EQ(apply(message, ipn), Applied::OtherMessage);
  ipn.subject_ipm.user.reset();  // some leave the user away
  EXPECT_EQ(apply(message, ipn), Applied::Changed);
  auto about_another = report(john(), delivered());
  about_another.subject_submission_identifier.local_identifier = "mta-2";
  EXPECT_EQ(apply(message, about_another), Applied::OtherMessage);
  message.submission.reset();
  EXPECT_EQ(apply(message, report(john(), delivered())), Applied::OtherMessage);
}

TEST(Correlate, AdviceSaysNothingAboutTheMessage) {
  SentMessage message = sent();
  IPN ipn = read_by(john());
  ipn.choice.value = OtherNotificationTypeFields{};
  EXPECT_EQ(apply(message, ipn), Applied::Unchanged);
}

TEST(Keys, FollowTheComparisonOfNames) {
  EXPECT_EQ(key_of(IPMIdentifier{jane(), "A  b"}), key_of(IPMIdentifier{name("C=de;A=tele;P=acme;O=WORKS;S=doe;G=JANE"), "a B "}));
  EXPECT_NE(key_of(IPMIdentifier{jane(), "a"}), key_of(IPMIdentifier{john(), "a"}));
  EXPECT_NE(key_of(IPMIdentifier{jane(), "a"}), key_of(IPMIdentifier{{}, "a"}));
  oraddress::ORName by_directory;
  by_directory.directory_name.emplace();
  EXPECT_TRUE(same_name(by_directory, by_directory));
  EXPECT_FALSE(same_name(by_directory, jane()));
  EXPECT_FALSE(same_name(oraddress::ORName{}, oraddress::ORName{}));
  mts::MTSIdentifier other_case = submission();
  other_case.global_domain_identifier.administration_domain_name = oraddress::make<oraddress::AdministrationDomainName>("tele");
  EXPECT_EQ(key_of(submission()), key_of(other_case));
  other_case.local_identifier = "MTA-1";
  EXPECT_NE(key_of(submission()), key_of(other_case));
}

}  // namespace
}  // namespace postern::ipm
