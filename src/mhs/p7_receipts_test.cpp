// What opening and discarding over P7 owes to the originator, and that he gets it once.
#include "mhs/p7_receipts.hpp"

#include "ipm/testing/samples.hpp"
#include "mhs/testing/p7.hpp"

namespace postern::mhs {
namespace {

using namespace testing;
using io::testing::soon;
using ms::SequenceNumber;

constexpr std::int64_t kNow = 1'800'000'600;
constexpr auto kEach = std::chrono::seconds(20);

/// From Bob to Alice, with what `ask` makes Bob ask of her.
ipm::IPM message(const std::function<void(ipm::Recipient&)>& ask, std::optional<std::int64_t> expires = {}) {
  ipm::Draft draft = ipm::testing::draft();
  draft.originator.name = name_of(kBob);
  draft.this_ipm = {name_of(kBob), "1"};
  draft.primary = {ipm::testing::recipient(name_of(kAlice))};
  draft.expiry_time = expires;
  ask(draft.primary[0]);
  return ipm::compose(draft).value().copies[0].message;
}
ipm::IPM asking() {
  return message([](ipm::Recipient& alice) { alice.receipt_notification = true; });
}

ms::EntryInformationSelection everything() { return {{ms::att::content, {}, {}}, {ms::att::message_delivery_envelope, {}, {}}}; }

struct P7Receipts : P7Node {
  SequenceNumber deliver(const ipm::IPM& what) {
    mts::MessageDeliveryEnvelope envelope = delivery("one");
    envelope.other_fields.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
    envelope.other_fields.priority = mts::Priority::Urgent;
    return stores.deliver(envelope, asn1::encode(ipm::InformationObject{what}).value());
  }
  static NotificationWish wish() { return {name_of(kAlice), kNow}; }
  Result<OpenedEntry> open_it(P7Client& client, SequenceNumber number, NotificationWish how = wish()) {
    return run(open_entry(client, number, everything(), std::move(how), kEach));
  }
  Result<std::vector<Notice>> discard(P7Client& client, SequenceNumber number, NotificationWish how = wish()) {
    return run(discard_entries(client, {number}, std::move(how), kEach));
  }
  void list(P7Client& client) { ASSERT_TRUE(run(client.list({}, soon()))); }
  /// What came to Bob, the newest last.
  ipm::IPN notified(std::size_t count = 1) {
    const auto delivered = node.mailboxes.wait(kBob, count);
    EXPECT_EQ(delivered.size(), count);
    if (delivered.empty()) return {};
    const auto* came = std::get_if<mts::Message>(&delivered.back().apdu.value);
    if (came == nullptr) return {};
    const auto object = asn1::decode<ipm::InformationObject>(came->content.octets);
    EXPECT_TRUE(object && object->ipn() != nullptr);
    return object && object->ipn() != nullptr ? *object->ipn() : ipm::IPN();
  }
};

TEST_F(P7Receipts, AMessageThatIsOpenedIsAcknowledgedOnce) {
  auto client = opened();
  ASSERT_TRUE(client);
  const SequenceNumber number = deliver(asking());
  const auto first = open_it(*client, number);
  ASSERT_TRUE(first) << first.error().text();
  ASSERT_TRUE(first->notice && first->notice->result);
  EXPECT_TRUE(first->notice->receipt);
  const ipm::IPN notification = notified();
  EXPECT_EQ(notification.subject_ipm, asking().heading.this_ipm);
  EXPECT_EQ(notification.ipn_originator->formal_name, name_of(kAlice));
  EXPECT_EQ(std::get<ipm::ReceiptFields>(notification.choice.value).receipt_time, asn1::UtcTime::at(kNow));
  const auto second = open_it(*client, number);
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->notice);
  EXPECT_TRUE(discard(*client, number).value().empty()) << "it was opened";
  EXPECT_EQ(node.mailboxes.wait(kBob, 1).size(), 1U);
}

TEST_F(P7Receipts, NobodyIsToldWhoDidNotAsk) {
  auto client = opened();
  ASSERT_TRUE(client);
  EXPECT_FALSE(open_it(*client, deliver(message([](ipm::Recipient&) {}))).value().notice);
  EXPECT_FALSE(open_it(*client, stores.deliver("other", Bytes(9, 'x'))).value().notice) << "no interpersonal message";
}

TEST_F(P7Receipts, WhatIsWithheldIsSaidAndCanBeSentLater) {
  auto client = opened();
  ASSERT_TRUE(client);
  const SequenceNumber number = deliver(asking());
  NotificationWish how = wish();
  how.send = false;
  const auto withheld = open_it(*client, number, how);
  ASSERT_TRUE(withheld && withheld->notice);
  EXPECT_FALSE(withheld->notice->result);
  EXPECT_FALSE(withheld->notice->error);
  how.send = how.opened_again = true;
  const auto later = open_it(*client, number, how);
  ASSERT_TRUE(later && later->notice && later->notice->result);
  EXPECT_TRUE(std::holds_alternative<ipm::ReceiptFields>(notified().choice.value));
}

// X.420 8.2.2, 8.2.4
TEST_F(P7Receipts, AMessageThatIsDiscardedUnopened) {
  auto client = opened();
  ASSERT_TRUE(client);
  const ipm::IPM subject = message([](ipm::Recipient& alice) { alice.non_receipt_notification = alice.return_of_message = true; });
  const SequenceNumber number = deliver(subject);
  list(*client);
  const auto notices = discard(*client, number);
  ASSERT_TRUE(notices) << notices.error().text();
  ASSERT_EQ(notices->size(), 1U);
  EXPECT_FALSE(notices->front().receipt);
  ASSERT_TRUE(notices->front().result);
  const auto fields = std::get<ipm::NonReceiptFields>(notified().choice.value);
  EXPECT_EQ(fields.non_receipt_reason, ipm::NonReceiptReasonField::IpmDiscarded);
  EXPECT_EQ(fields.discard_reason, ipm::DiscardReasonField::IpmDeleted);
  EXPECT_EQ(fields.returned_ipm, subject);
  EXPECT_FALSE(fetch(*client, number));
}

TEST_F(P7Receipts, AMessageThatExpired) {
  auto client = opened();
  ASSERT_TRUE(client);
  const SequenceNumber number = deliver(message([](ipm::Recipient& alice) { alice.non_receipt_notification = true; }, kNow - 60));
  list(*client);
  ASSERT_EQ(discard(*client, number).value().size(), 1U);
  const auto fields = std::get<ipm::NonReceiptFields>(notified().choice.value);
  EXPECT_EQ(fields.discard_reason, ipm::DiscardReasonField::IpmExpired);
  EXPECT_FALSE(fields.returned_ipm);
}

// X.413 8.5: what was never listed stays, and nobody is told that it went.
TEST_F(P7Receipts, ARefusedDeletionNotifiesNobody) {
  auto client = opened();
  ASSERT_TRUE(client);
  const SequenceNumber number = deliver(asking());
  const auto refused = discard(*client, number);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().what.starts_with("delete-error")) << refused.error().what;
  EXPECT_TRUE(fetch(*client, number));
  EXPECT_TRUE(node.mailboxes.wait(kBob, 0).empty());
}

}  // namespace
}  // namespace postern::mhs
