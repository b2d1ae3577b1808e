// Messages put together, and found in the body where the MTA sent them there.
#include "milter/content.hpp"

#include <gtest/gtest.h>

namespace postern::milter {
namespace {

constexpr ContentBounds kWide{1000, 500, 10};

Message finished(Content& content, Peer peer = Peer::Standard, bool nameless = false) {
  Message message;
  message.peer = peer;
  content.finish(message, nameless);
  return message;
}

void add(Content& content, std::string_view name, std::string_view value, FieldForm form = {}) {
  const auto added = content.add_field(name, value, form);
  ASSERT_TRUE(added) << added.error().text();
  ASSERT_EQ(*added, Excess::None);
}

TEST(MilterContent, FieldsAndBody) {
  Content content(kWide);
  add(content, "From", "a@b.example");
  add(content, "Subject", "one\n\ttwo\r\n three");
  content.end_header();
  EXPECT_EQ(content.add_body("x\r\n", Peer::Standard), Excess::None);
  EXPECT_EQ(content.add_body("y\r\n", Peer::Standard), Excess::None);
  const Message message = finished(content);
  EXPECT_EQ(message.raw, "From: a@b.example\r\nSubject: one\r\n\ttwo\r\n three\r\n\r\nx\r\ny\r\n");
  EXPECT_EQ(message.header(), "From: a@b.example\r\nSubject: one\r\n\ttwo\r\n three\r\n");
  EXPECT_EQ(message.body(), "x\r\ny\r\n");
  EXPECT_FALSE(message.body_has_header || message.header_exact);
  EXPECT_EQ(content.octets(), 0U);
}

TEST(MilterContent, LeadSpaceKeepsTheOctets) {
  Content content(kWide);
  add(content, "A", "\tx", {Peer::Standard, true});
  add(content, "B", "", {Peer::Standard, true});
  add(content, "C", "  y ", {Peer::Standard, true});
  EXPECT_EQ(finished(content).raw, "A:\tx\r\nB:\r\nC:  y \r\n\r\n");
}

TEST(MilterContent, NoFieldBecomesTwo) {
  Content content(kWide);
  for (const std::string_view value : {"x\nBcc: y", "x\n", "x\r\nBcc: y", "x\n\n y"})
    EXPECT_EQ(content.add_field("Subject", value, {}).error().field, "value") << value;
  for (const std::string_view name : {"", "A:B", "A\nB", "A\rB"}) EXPECT_EQ(content.add_field(name, "x", {}).error().field, "name") << name;
  EXPECT_EQ(content.add_field("", "x", {Peer::Stalwart, false}), Excess::None);  // left out: the body has it
  EXPECT_EQ(finished(content).raw, "\r\n");
}

TEST(MilterContent, Bounds) {
  Content content({100, 30, 2});
  add(content, "A", "1");
  EXPECT_EQ(content.add_field("B", std::string(20, 'x'), {}), Excess::HeaderBytes);
  add(content, "B", std::string(19, 'x'));
  EXPECT_EQ(content.add_field("C", "", {}), Excess::HeaderFields);
  content.end_header();
  EXPECT_EQ(content.add_body(std::string(69, 'x'), Peer::Standard), Excess::MessageBytes);
  EXPECT_EQ(content.add_body(std::string(68, 'x'), Peer::Standard), Excess::None);
  EXPECT_EQ(content.octets(), 6U + 25 + 24 + 5 + 69 + 68);
  content.drop();
  EXPECT_EQ(content.octets(), 197U);
}

TEST(MilterContent, StalwartsBodyIsTheMessage) {
  const std::string raw = "Received: by x\r\nSubject:  a\r\n\tb \r\nX: \xff\r\n\r\nbody\r\n";
  Content content({raw.size(), 500, 10});
  add(content, "Received", "by x", {Peer::Stalwart, false});
  add(content, "Subject", "a\r\n\tb", {Peer::Stalwart, false});
  add(content, "X", "", {Peer::Stalwart, false});
  content.end_header();
  ASSERT_EQ(content.add_body(raw, Peer::Stalwart), Excess::None);  // the header counts once
  const Message message = finished(content, Peer::Stalwart);
  EXPECT_EQ(message.raw, raw);
  EXPECT_TRUE(message.body_has_header && message.header_exact);
  EXPECT_EQ(message.body(), "body\r\n");
  EXPECT_EQ(message.header(), raw.substr(0, raw.size() - 8));
}

TEST(MilterContent, AStalwartThatSendsTheBodyAlone) {
  Content content(kWide);
  add(content, "Subject", "a", {Peer::Stalwart, false});
  content.end_header();
  ASSERT_EQ(content.add_body("Hello:\r\n\r\nbody\r\n", Peer::Stalwart), Excess::None);
  const Message message = finished(content, Peer::Stalwart);
  EXPECT_EQ(message.raw, "Subject: a\r\n\r\nHello:\r\n\r\nbody\r\n");
  EXPECT_FALSE(message.body_has_header);
}

TEST(MilterContent, ANamelessMtaIsCompared) {
  for (const bool nameless : {true, false}) {
    Content content(kWide);
    add(content, "Subject", "a");
    add(content, "From", "b");
    content.end_header();
    ASSERT_EQ(content.add_body("Subject:a\r\nFrom: b\r\n\r\nbody\r\n", Peer::Standard), Excess::None);
    EXPECT_EQ(finished(content, Peer::Standard, nameless).body_has_header, nameless);
  }
}

TEST(MilterContent, SameFields) {
  EXPECT_TRUE(same_fields("A: 1\r\nB: 2\r\n", "a:1 \r\nB:\t2\r\n\r\n"));
  EXPECT_TRUE(same_fields("A: 1\r\n 2\r\n", "A: 1\r\n 2\r\n\r\n"));
  EXPECT_TRUE(same_fields("A: \r\n", "A: \xff\xfe\r\n\r\n"));
  EXPECT_FALSE(same_fields("A: \r\n", "A: x\r\n\r\n"));
  EXPECT_FALSE(same_fields("A: 1\r\n", "A: 1\r\nB: 2\r\n\r\n"));
  EXPECT_FALSE(same_fields("A: 1\r\nB: 2\r\n", "A: 1\r\n\r\n"));
  EXPECT_FALSE(same_fields("A: 1\r\n", "A: 2\r\n\r\n"));
  EXPECT_FALSE(same_fields("", ""));
}

TEST(MilterContent, WithoutAnEndOfTheHeader) {
  EXPECT_EQ(find_body("A: 1\r\n\r\nx"), 8U);
  EXPECT_EQ(find_body("A: 1\n\nx"), 6U);
  EXPECT_EQ(find_body("\r\nx"), 2U);
  EXPECT_EQ(find_body("A: 1\r\n"), 6U);
  EXPECT_EQ(find_body("A: 1"), 4U);
  EXPECT_EQ(find_body(""), 0U);
}

TEST(MilterContent, HeaderNotAskedFor) {
  Content content(kWide);
  EXPECT_EQ(content.add_body("A: 1\r\n\r\nx", Peer::Standard), Excess::None);
  Message message;
  message.has_header = false;
  content.finish(message, false);
  EXPECT_EQ(message.raw, "A: 1\r\n\r\nx");
  EXPECT_EQ(message.header(), "");
  EXPECT_EQ(message.body(), message.raw);
}

TEST(MilterMacros, TheLatestStageWins) {
  Macros macros;
  macros.set(Stage::Connect, "{daemon_name}", "smtpd");
  macros.set(Stage::Mail, "i", "1");
  macros.set(Stage::EndOfMessage, "i", "2");
  EXPECT_EQ(macros.find("i"), "2");
  EXPECT_EQ(macros.find("daemon_name"), "smtpd");
  EXPECT_EQ(macros.find("{daemon_name}"), "smtpd");
  EXPECT_EQ(macros.at(Stage::Mail).at("i"), "1");
  EXPECT_EQ(macros.count(), 3U);
  EXPECT_EQ(macros.bytes(), 20U);
  macros.forget_from(Stage::Data);
  EXPECT_EQ(macros.find("i"), "1");
  macros.forget_from(Stage::Mail);
  EXPECT_EQ(macros.find("i"), "");
  EXPECT_FALSE(macros.contains("i"));
  EXPECT_TRUE(macros.contains("daemon_name"));
}

TEST(MilterPath, Address) {
  EXPECT_EQ((Path{"<a@b>", {}}.address()), "a@b");
  EXPECT_EQ((Path{"a@b", {}}.address()), "a@b");
  EXPECT_EQ((Path{"<>", {}}.address()), "");
  EXPECT_EQ((Path{"", {}}.address()), "");
}

}  // namespace
}  // namespace postern::milter
