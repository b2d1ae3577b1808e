// Two MTAs on loopback: what is submitted at one is delivered at the other, and the report comes back.
#include "mhs/testing/two_nodes.hpp"

namespace postern::mhs {
namespace {

using namespace testing;

TEST_F(TwoNodes, AMessageIsDeliveredAndItsReportComesBack) {
  start();
  const Bytes content = content_of(5000);
  const auto submitted = north.submit(envelope_to({kBob}), content);
  ASSERT_TRUE(submitted) << submitted.error().text();
  const auto received = south.mailboxes.wait(kBob, 1);
  ASSERT_EQ(received.size(), 1U);
  const auto& message = std::get<mts::Message>(received[0].apdu.value);
  EXPECT_EQ(message.content.octets, content);
  EXPECT_EQ(message.envelope.message_identifier, submitted->message_submission_identifier);
  ASSERT_EQ(message.envelope.trace_information.size(), 2U);
  const auto reports = north.mailboxes.wait(kAlice, 1);
  ASSERT_EQ(reports.size(), 1U);
  const auto& report = std::get<mts::Report>(reports[0].apdu.value);
  EXPECT_EQ(report.content.subject_identifier, submitted->message_submission_identifier);
  ASSERT_EQ(report.content.per_recipient_fields.size(), 1U);
  EXPECT_TRUE(mts::same_domain(report.envelope.trace_information.front().global_domain_identifier, south.who().domain));
}

TEST_F(TwoNodes, UnknownRecipientsAreReportedAndOthersServed) {
  start();
  ASSERT_TRUE(north.submit(envelope_to({kBob, "C=GB;A=GOLD;P=SOUTH;S=Nobody", "C=FR;A=X;S=Nowhere"}), content_of(10)));
  EXPECT_EQ(south.mailboxes.wait(kBob, 1).size(), 1U);
  const auto reports = north.mailboxes.wait(kAlice, 3);
  EXPECT_EQ(reports.size(), 3U);  // the delivery, the stranger at south, the place no route leads to
  std::size_t bad = 0;
  for (const auto& each : reports)
    for (const auto& line : mts::lines_of(std::get<mts::Report>(each.apdu.value))) bad += line.find("not delivered") != std::string::npos;
  EXPECT_EQ(bad, 2U);
}

TEST_F(TwoNodes, ContentsOfEverySizeArrive) {
  start();
  for (const std::size_t size : {0UL, 1UL, 65'000UL, 600'000UL, 3'000'000UL}) {
    const std::size_t before = south.mailboxes.wait(kCarol, 0).size();
    ASSERT_TRUE(north.submit(envelope_to({kCarol}, false), content_of(size)));
    const auto received = south.mailboxes.wait(kCarol, before + 1);
    ASSERT_EQ(received.size(), before + 1) << size;
    EXPECT_EQ(std::get<mts::Message>(received.back().apdu.value).content.octets, content_of(size)) << size;
  }
}

TEST_F(TwoNodes, EveryModeOfP1) {
  for (const TransferMode mode : {TransferMode::X410, TransferMode::X410_1984}) {
    start(mode);
    mts::MessageSubmissionEnvelope envelope = envelope_to({kBob});
    envelope.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1984;
    const std::size_t before = south.mailboxes.wait(kBob, 0).size();
    ASSERT_TRUE(north.submit(envelope, content_of(100'000)));
    EXPECT_EQ(south.mailboxes.wait(kBob, before + 1).size(), before + 1) << name_of(mode);
    EXPECT_EQ(north.mailboxes.wait(kAlice, before + 1).size(), before + 1) << name_of(mode);
    north.stop();
    south.stop();
  }
}

TEST_F(TwoNodes, ACircleOfRoutesEndsInAReport) {
  constexpr const char* kNowhere = "C=FR;A=SILVER;S=Nowhere";
  north.route("C=FR", RouteTarget::Kind::Peer, "south");
  south.route("C=FR", RouteTarget::Kind::Peer, "north");
  start();
  ASSERT_TRUE(north.submit(envelope_to({kNowhere}), content_of(10)));
  const auto reports = north.mailboxes.wait(kAlice, 1);
  ASSERT_EQ(reports.size(), 1U);
  const auto lines = mts::lines_of(std::get<mts::Report>(reports[0].apdu.value));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("loop"), std::string::npos) << lines[0];
}

TEST_F(TwoNodes, APeerThatIsDownGetsItLater) {
  start();
  south.stop();
  ASSERT_TRUE(north.submit(envelope_to({kBob}), content_of(10)));
  while (north.node->sent().call_failures == 0) std::this_thread::yield();
  EXPECT_FALSE(north.node->peers().front().trouble.empty());
  south.start();
  EXPECT_EQ(south.mailboxes.wait(kBob, 1).size(), 1U);
  EXPECT_EQ(north.mailboxes.wait(kAlice, 1).size(), 1U);
}

TEST_F(TwoNodes, AWrongPasswordIsSaidAndNothingIsLost) {
  start();
  north.stop();
  south.stop();
  north.peers.back().mta_name = "another";
  north.start();
  south.start();
  ASSERT_TRUE(north.submit(envelope_to({kBob}), content_of(10)));
  while (north.node->sent().call_failures == 0) std::this_thread::yield();
  EXPECT_NE(north.node->peers().front().trouble.find("the responder is south, not another"), std::string::npos);
  EXPECT_EQ(north.spool->stats().queued, 1U);
  EXPECT_TRUE(south.mailboxes.wait(kBob, 0).empty());
}

TEST_F(TwoNodes, MailForAPeerThatIsConfiguredNoMoreEndsInAReport) {
  start();
  south.stop();
  ASSERT_TRUE(north.submit(envelope_to({kBob, kCarol}), content_of(10)));
  while (north.node->sent().call_failures == 0) std::this_thread::yield();
  EXPECT_EQ(north.spool->list({}, 10)->size(), 2U);
  north.stop();
  north.peers.clear();
  north.mta_routes.resize(1);  // its own mailboxes
  north.start();
  const auto reports = north.mailboxes.wait(kAlice, 1);
  ASSERT_EQ(reports.size(), 1U) << "one report: both were one transfer, and stayed one";
  const auto lines = mts::lines_of(std::get<mts::Report>(reports[0].apdu.value));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(lines[0].find("not delivered"), std::string::npos);
}

TEST_F(TwoNodes, ManyMessagesOverFewAssociations) {
  start();
  constexpr std::size_t kCount = 200;
  for (std::size_t i = 0; i < kCount; ++i) ASSERT_TRUE(north.submit(envelope_to({kBob}, i % 2 == 0), content_of(i * 37)));
  EXPECT_EQ(south.mailboxes.wait(kBob, kCount).size(), kCount);
  EXPECT_EQ(north.mailboxes.wait(kAlice, kCount / 2).size(), kCount / 2);
  EXPECT_LE(north.node->sent().associations, 4U);
  EXPECT_EQ(south.node->received().duplicates, 0U);
}

}  // namespace
}  // namespace postern::mhs
