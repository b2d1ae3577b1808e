#include "gateway/outcome.hpp"

#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

struct OutcomeTest : testing::Test {
  FixedRandom random;
  RetrySchedule schedule;
  Envelope envelope;
  std::string content =
      "Return-Path: <eve@evil.example>\r\nReceived: from evil.example by mail.postern.example; now\r\nX-Postern-Seal: "
      "mail.postern.example; opened=smime\r\n"
      "From: carol@example.org\r\nTo: bob@postern.example\r\nSubject: restored secret\r\nMessage-ID: <1@example.org>\r\n\r\nthe fox is in "
      "the henhouse\r\n";

  OutcomeTest() {
    envelope.reverse_path = "eve@evil.example";
    envelope.ret = DsnReturn::Full;
    envelope.accepted = wall_from_millis(1795308067123);
  }

  /// The report that the fate of bob@postern.example causes.
  Submission report(smtp::Delivery delivery, smtp::Reply reply) {
    QueueItem item;
    item.message = MessageId("01ARZ3NDEKTSV4RRFFQ69G5FAV");
    item.envelope = std::make_shared<const Envelope>(envelope);
    item.recipients = {{0, "bob@postern.example", kNotifySuccess | kNotifyFailure, "", 0}};
    item.content = std::make_shared<const std::string>(content);
    Fate fate;
    fate.reply = std::move(reply);
    fate.delivery = delivery;
    const OutcomeContext context{"mail.postern.example", schedule, std::chrono::hours(4), envelope.accepted, random};
    auto out = make_report(item, {fate}, "", "", context);
    EXPECT_EQ(out.follow_ups.size(), 1U);
    return out.follow_ups.empty() ? Submission() : std::move(out.follow_ups.front());
  }
  Submission bounce() { return report(smtp::Delivery::PermanentFailure, {550, {5, 1, 1}, "no"}); }
};

TEST_F(OutcomeTest, NothingOfAnOpenedMessageGoesBack) {
  envelope.opened = true;
  const Submission reports[] = {bounce(), report(smtp::Delivery::Accepted, {250, {2, 0, 0}, "ok"})};
  for (const Submission& made : reports) {
    const std::string& text = made.variants.front().content;
    for (const char* secret : {"the fox is in the henhouse", "restored secret", "X-Postern-Seal", "Subject: r"})
      EXPECT_EQ(text.find(secret), std::string::npos) << secret << "\n" << text;
    for (const char* useful : {"Message-ID: <1@example.org>\r\n", "From: carol@example.org\r\n", "Received: from evil.example"})
      EXPECT_NE(text.find(useful), std::string::npos) << useful;
    EXPECT_NE(text.find("Content-Type: text/rfc822-headers"), std::string::npos);
  }
}

TEST_F(OutcomeTest, AMessageThatCameInClearIsReturnedWithoutOurVerdict) {  // RFC 3461 4.3
  const std::string text = bounce().variants.front().content;
  EXPECT_NE(text.find("Subject: restored secret\r\nMessage-ID: <1@example.org>\r\n\r\nthe fox is in the henhouse\r\n"), std::string::npos);
  EXPECT_EQ(text.find("X-Postern-Seal"), std::string::npos);
}

TEST_F(OutcomeTest, AReportSaysWhatItNeedsToTravel) {  // RFC 6531 3.4
  EXPECT_FALSE(bounce().envelope.smtputf8);
  EXPECT_EQ(bounce().envelope.body, BodyType::SevenBit);
  envelope.reverse_path = "gr\xC3\xBC\xC3\x9F@x.example";
  EXPECT_TRUE(bounce().envelope.smtputf8);
  EXPECT_EQ(bounce().envelope.body, BodyType::EightBitMime);
}

TEST_F(OutcomeTest, AReportHasNoLongLine) {  // RFC 5322 2.1.1
  content += std::string(2000, 'x') + "\r\n";
  const std::string body = bounce().variants.front().content;
  EXPECT_EQ(body.find("xxxx"), std::string::npos);
  EXPECT_NE(body.find("Subject: restored secret"), std::string::npos);
  content = "X-Long: " + std::string(2000, 'x') + "\r\n" + content;
  EXPECT_EQ(bounce().variants.front().content.find("xxxx"), std::string::npos);
}

TEST(ReleasedResults, ARecipientWithoutAnAnswerStaysHeld) {
  QueueItem item;
  item.recipients = {
      {0, "Box@x.example", 0, "", 0}, {1, "out@y.example", 0, "", 0}, {2, "still@y.example", 0, "", 0}, {3, "lost@y.example", 0, "", 0}};
  Submission again;
  again.message = MessageId("01ARZ3NDEKTSV4RRFFQ69G5FAV");
  again.variants.resize(2);
  again.variants[0].mailboxes.push_back({"box@x.example", "", {}, "{}"});
  again.variants[0].recipients.push_back({"out@y.example", "mx:y.example", 0, "", RecipientState::Queued, ""});
  again.variants[1].recipients.push_back({"still@y.example", "policy", 0, "", RecipientState::Held, "no key"});
  const auto results = released_results(item, again);
  ASSERT_EQ(results.size(), 4U);
  const Outcome expected[] = {Outcome::Delivered, Outcome::Delivered, Outcome::Held, Outcome::Held};
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].index, i);
    EXPECT_EQ(results[i].outcome, expected[i]) << i;
  }
  EXPECT_EQ(results[2].reply, "no key");
  EXPECT_FALSE(results[3].reply.empty());
}

}  // namespace
}  // namespace postern::gateway
