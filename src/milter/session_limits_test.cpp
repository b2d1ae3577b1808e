// Bounds: what is above them is refused once, counted, and not kept.
#include <gtest/gtest.h>

#include "milter/session.hpp"
#include "milter/testing/mta.hpp"

namespace postern::milter {
namespace {

using namespace std::string_literals;
using namespace postern::milter::testing;

std::string begin(std::uint32_t protocol = kPostfixProtocol) {
  return negotiate(6, kPostfixActions, protocol) + connect("c", '4', 1, "192.0.2.1");
}
std::string transaction() { return strings('M', {"<a@b>"}) + strings('R', {"<c@d>"}); }
std::string refused(std::string_view text) { return strings('y', {text}); }
std::string continues(int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += packet('c');
  return all;
}

SessionOptions small() {
  SessionOptions options;
  options.limits.message_bytes = 100;
  options.limits.header_bytes = 50;
  options.limits.header_fields = 2;
  options.limits.recipients = 2;
  options.limits.envelope_bytes = 60;
  options.limits.name_bytes = 20;
  options.limits.macros = 3;
  options.limits.macro_bytes = 40;
  return options;
}

constexpr std::string_view kTooLarge = "552 5.3.4 Message too large for the mail filter";
constexpr std::string_view kTooManyFields = "554 5.6.0 Header section too large for the mail filter";
constexpr std::string_view kTooManyRecipients = "452 4.5.3 Too many recipients for the mail filter";
constexpr std::string_view kTooManyMacros = "451 4.3.0 The mail filter was told too many macros";

TEST(MilterLimits, MessageSize) {
  Driver driver(small());
  driver.feed(begin() + transaction() + packet('N'));
  EXPECT_EQ(driver.say(packet('B', std::string(90, 'x'))), packet('c'));
  EXPECT_EQ(driver.say(packet('B', std::string(90, 'x'))), refused(kTooLarge));
  EXPECT_EQ(driver.say(packet('B', std::string(90, 'x'))), refused(kTooLarge));
  EXPECT_EQ(driver.session.content_octets(), 270U);
  EXPECT_EQ(driver.say(packet('E')), refused(kTooLarge));
  ASSERT_EQ(driver.failures.size(), 1U);
  EXPECT_EQ(driver.failures[0].error, (Error{ErrorCode::TooLarge, "more than 100", "message_bytes"}));
  EXPECT_EQ(driver.failures[0].reply, kTooLarge);
  EXPECT_FALSE(driver.failures[0].ended);
  EXPECT_TRUE(driver.messages.empty());
  EXPECT_EQ(driver.say(transaction() + packet('N') + packet('E', std::string(98, 'x'))), continues(4));
  EXPECT_EQ(driver.messages.at(0).raw.size(), 100U);
}

TEST(MilterLimits, TheLastChunkIsCountedToo) {
  Driver driver(small());
  driver.feed(begin() + transaction() + packet('N'));
  EXPECT_EQ(driver.say(packet('E', std::string(99, 'x'))), refused(kTooLarge));
  EXPECT_EQ(driver.say(strings('M', {"<a@b>"})), packet('c'));
}

TEST(MilterLimits, SizeWhereNoChunkIsAnswered) {
  SessionOptions options = small();
  options.no_reply = smfip::kNrAll;
  Driver driver(options);
  driver.feed(begin() + transaction() + packet('N'));
  EXPECT_EQ(driver.say(packet('B', std::string(101, 'x')) + packet('B', "x")), "");
  EXPECT_EQ(driver.say(packet('E')), refused(kTooLarge));
  EXPECT_EQ(driver.failures.size(), 1U);
}

TEST(MilterLimits, Header) {
  Driver driver(small());
  driver.feed(begin() + transaction() + strings('L', {"A", "1"}) + strings('L', {"B", "2"}));
  EXPECT_EQ(driver.say(strings('L', {"C", "3"}) + packet('N')), refused(kTooManyFields) + refused(kTooManyFields));
  EXPECT_EQ(driver.failures.at(0).error.field, "header_fields");
  driver.feed(packet('A') + transaction());
  EXPECT_EQ(driver.say(strings('L', {"A", std::string(50, 'x')})), refused(kTooManyFields));
  EXPECT_EQ(driver.failures.at(1).error.field, "header_bytes");
  EXPECT_EQ(driver.say(transaction()), continues(2));  // MAIL begins anew, and that is no abort of anything
  EXPECT_EQ(driver.log.back(), "rcpt <c@d>");
}

TEST(MilterLimits, Recipients) {
  Driver driver(small());
  driver.feed(begin() + strings('M', {"<a@b>"}) + strings('R', {"<1@d>"}) + strings('R', {"<2@d>"}));
  EXPECT_EQ(driver.say(strings('R', {"<3@d>"}) + strings('R', {"<4@d>"})), refused(kTooManyRecipients) + refused(kTooManyRecipients));
  EXPECT_EQ(driver.failures.size(), 1U);
  driver.feed(packet('N') + packet('E'));
  EXPECT_EQ(driver.messages.at(0).recipients.size(), 2U);
}

TEST(MilterLimits, EnvelopeOctets) {
  Driver driver(small());
  driver.feed(begin() + strings('M', {"<a@b>"}));
  EXPECT_EQ(driver.say(strings('R', {"<c@d>", std::string(60, 'x')})), refused(kTooManyRecipients));
  EXPECT_EQ(driver.failures.at(0).error.field, "envelope_bytes");
  driver.feed(packet('A'));
  EXPECT_EQ(driver.say(strings('M', {std::string(61, 'x')})), refused(kTooManyRecipients));
  EXPECT_EQ(driver.say(strings('M', {"<a@b>"})), packet('c'));
}

TEST(MilterLimits, RecipientsThatCannotBeRefusedTakeTheMessageAlong) {
  SessionOptions options = small();
  options.no_reply = smfip::kNrRcpt;
  Driver driver(options);
  driver.feed(begin() + strings('M', {"<a@b>"}) + strings('R', {"<1@d>"}) + strings('R', {"<2@d>"}));
  EXPECT_EQ(driver.say(strings('R', {"<3@d>"})), "");
  EXPECT_EQ(driver.say(packet('N')), refused(kTooManyRecipients));
}

TEST(MilterLimits, MacrosOfTheMessage) {
  Driver driver(small());
  driver.feed(begin());
  EXPECT_EQ(driver.say(macros('M', {"a", "1", "b", "2", "c", "3", "d", "4"}) + strings('M', {"<a@b>"})), refused(kTooManyMacros));
  EXPECT_LE(driver.session.macros().count(), 3U);
  EXPECT_EQ(driver.failures.at(0).error.field, "macros");
  EXPECT_EQ(driver.say(macros('M', {"a", "1"}) + strings('M', {"<a@b>"})), packet('c'));
  EXPECT_EQ(driver.say(macros('R', {"a", std::string(40, 'x')}) + strings('R', {"<c@d>"})), refused(kTooManyMacros));
  EXPECT_EQ(driver.say(packet('T')), refused(kTooManyMacros));
  driver.feed(packet('A'));
  EXPECT_EQ(driver.say(transaction()), continues(2));
}

TEST(MilterLimits, MacrosOfTheConnection) {
  Driver driver(small());
  driver.feed(negotiate(6, kPostfixActions, kPostfixProtocol) + macros('C', {"a", "1", "b", "2", "c", "3", "d", "4"}));
  EXPECT_EQ(driver.say(connect("c", '4', 1, "192.0.2.1") + strings('H', {"c"}) + transaction()),
            refused(kTooManyMacros) + refused(kTooManyMacros) + refused(kTooManyMacros) + refused(kTooManyMacros));
  EXPECT_EQ(driver.failures.size(), 1U);
  driver.feed(packet('K'));
  EXPECT_EQ(driver.say(connect("c", '4', 1, "192.0.2.1")), packet('c'));
}

TEST(MilterLimits, NamesAndPackets) {
  Driver helo(small());
  helo.feed(begin() + strings('H', {std::string(21, 'x')}));
  EXPECT_EQ(helo.failures.at(0).error.code, ErrorCode::TooLarge);
  EXPECT_TRUE(helo.failures[0].ended);
  SessionOptions options;
  options.limits.packet_bytes = 70000;
  Driver large(options);
  large.feed(begin() + u32(70001));
  EXPECT_EQ(large.failures.at(0).error.field, "length");
}

TEST(MilterLimits, AnMtaThatDoesNotWait) {
  SessionOptions options;
  options.limits.packet_bytes = 1000;
  Session session(std::make_shared<const SessionOptions>(options));
  session.receive(as_bytes(begin()));
  while (session.next_event()) {
  }
  for (int i = 0; i < 3; ++i) session.receive(Bytes(Session::kMaxPiece / 2, 'x'));
  const auto event = session.next_event();
  ASSERT_TRUE(event && std::holds_alternative<Failed>(*event));
  EXPECT_EQ(std::get<Failed>(*event).error.code, ErrorCode::Exhausted);
  EXPECT_EQ(session.continue_().error().code, ErrorCode::Conflict);
}

TEST(MilterLimits, ConfiguredReplies) {
  SessionOptions options = small();
  options.too_large = {451, "4.3.1", "Not now"};
  Driver driver(options);
  EXPECT_EQ(driver.say(begin() + transaction() + packet('N') + packet('E', std::string(200, 'x'))).substr(17),
            continues(4) + refused("451 4.3.1 Not now"));
  options.too_large = {250, "", ""};  // no refusal: the MTA is told to wait
  Driver bad(options);
  EXPECT_EQ(bad.say(begin() + transaction() + packet('N') + packet('E', std::string(200, 'x'))).substr(17), continues(4) + packet('t'));
}

}  // namespace
}  // namespace postern::milter
