#include "ipm/notification_submission.hpp"

#include <gtest/gtest.h>

#include "ipm/testing/samples.hpp"

namespace postern::ipm {
namespace {

using namespace testing;
using mts::BuiltInContentType;

constexpr std::int64_t seven = 1'795'676'400;  // 2026-11-26 07:00 UTC

IPM asking(bool return_of_message = false) {
  Draft made = draft();
  made.primary[0].receipt_notification = true;
  made.primary[0].return_of_message = return_of_message;
  return compose(made).value().copies[0].message;
}

mts::OtherMessageDeliveryFields delivered(BuiltInContentType type = BuiltInContentType::InterpersonalMessaging1984) {
  mts::OtherMessageDeliveryFields out;
  out.content_type.value = type;
  out.originator_name = jane();
  out.this_recipient_name = john();
  out.priority = mts::Priority::Urgent;
  return out;
}

const IPN& notification_in(const Result<InformationObject>& object) { return *object.value().ipn(); }

TEST(NotificationSubmission, GoesToTheOriginatorUnderTheRecipientsName) {
  const IPM message = asking();
  const auto out = receipt_submission({john(), delivered(), message}, {seven}).value();
  ASSERT_TRUE(out);
  EXPECT_EQ(out->envelope.originator_name, john());
  ASSERT_EQ(out->envelope.per_recipient_fields.size(), 1U);
  EXPECT_EQ(out->envelope.per_recipient_fields[0].recipient_name, jane());
  EXPECT_EQ(out->envelope.per_recipient_fields[0].originator_report_request, mts::OriginatorReportRequest());
  EXPECT_EQ(out->envelope.priority, mts::Priority::Urgent);
  EXPECT_FALSE(out->envelope.deferred_delivery_time);
  const auto object = asn1::decode<InformationObject>(out->content.octets);
  EXPECT_EQ(notification_in(object).subject_ipm, message.heading.this_ipm);
  EXPECT_EQ(std::get<ReceiptFields>(notification_in(object).choice.value).receipt_time.text, "261126070000Z");
}

// X.420 20.2
TEST(NotificationSubmission, HasTheContentTypeOfTheMessage) {
  for (const auto type : {BuiltInContentType::InterpersonalMessaging1984, BuiltInContentType::InterpersonalMessaging1988})
    EXPECT_EQ(receipt_submission({john(), delivered(type), asking()}, {seven}).value()->envelope.content_type, mts::ContentType{type});
}

TEST(NotificationSubmission, NothingWhereNothingIsOwed) {
  const IPM silent = compose(draft()).value().copies[0].message;
  EXPECT_EQ(receipt_submission({john(), delivered(), silent}, {seven}).value(), std::nullopt);
  EXPECT_EQ(non_receipt_submission({john(), delivered(), silent}, {}).value(), std::nullopt);
  EXPECT_EQ(receipt_submission({mary(), delivered(), silent}, {seven}).value(), std::nullopt);
}

// X.420 8.2.4, 20.4: the message that comes back says what types the notification has.
TEST(NotificationSubmission, ReturnsTheMessage) {
  const IPM message = asking(true);
  const auto out = non_receipt_submission({john(), delivered(), message}, {{}, DiscardReasonField::IpmDeleted}).value();
  ASSERT_TRUE(out);
  const auto object = asn1::decode<InformationObject>(out->content.octets);
  const auto& fields = std::get<NonReceiptFields>(notification_in(object).choice.value);
  EXPECT_EQ(fields.returned_ipm, message);
  EXPECT_TRUE(returns_message({john(), delivered(), message}));
  EXPECT_FALSE(returns_message({john(), delivered(), asking()}));
  EXPECT_EQ(fields.discard_reason, DiscardReasonField::IpmDeleted);
  EXPECT_TRUE(out->envelope.original_encoded_information_types->built_in_encoded_information_types.test(
      mts::BuiltInEncodedInformationType::Ia5Text));
}

// X.420 8.1.3, 8.1.4
TEST(NotificationSubmission, SaysForWhomAndInWhichFormItCame) {
  mts::OtherMessageDeliveryFields delivery = delivered();
  delivery.this_recipient_name = mary();
  delivery.originally_intended_recipient_name = john();
  delivery.converted_encoded_information_types.emplace();
  const auto out = receipt_submission({mary(), delivery, asking()}, {seven}).value();
  ASSERT_TRUE(out);
  const auto object = asn1::decode<InformationObject>(out->content.octets);
  EXPECT_EQ(notification_in(object).ipn_originator, described(mary()));
  EXPECT_EQ(notification_in(object).ipm_intended_recipient, described(john()));
  EXPECT_TRUE(notification_in(object).conversion_eits);
  EXPECT_FALSE(notifier_of({john(), delivery, asking()}).intended_recipient) << "named himself";
}

TEST(DeliveredMessage, InterpersonalMessagesOnly) {
  const Bytes content = compose(draft()).value().copies[0].content;
  EXPECT_TRUE(delivered_message(delivered(), content).value());
  EXPECT_TRUE(delivered_message(delivered(BuiltInContentType::InterpersonalMessaging1988), content).value());
  EXPECT_FALSE(delivered_message(delivered(BuiltInContentType::External), content).value());
  EXPECT_FALSE(
      delivered_message(delivered(), receipt_submission({john(), delivered(), asking()}, {seven}).value()->content.octets).value());
  EXPECT_FALSE(delivered_message(delivered(), Bytes{0x05, 0x00}));
}

}  // namespace
}  // namespace postern::ipm
