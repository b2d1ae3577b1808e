#include "dnszone/wire.hpp"

#include <gtest/gtest.h>

#include "dnszone/zone_text.hpp"

namespace postern::dnszone {
namespace {

using dns::AnswerStatus;
using dns::RecordType;

Bytes bytes(std::string_view hex) { return hex_decode(hex).value(); }

TEST(Messages, NamesAreDecompressed) {
  // A question for example.org MX, and 10 mx.example.org, whose names lead back to the question at octet 12.
  Bytes raw = bytes("000784000001000100000000");
  append(raw, bytes("076578616d706c65036f726700000f0001"));
  append(raw, bytes("c00c000f00010000003c0007000a026d78c00c"));
  const auto message = parse_message(raw);
  ASSERT_TRUE(message) << message.error().text();
  ASSERT_EQ(message->answers.size(), 1U);
  EXPECT_EQ(message->answers[0].name, "example.org");
  EXPECT_EQ(hex_encode(message->answers[0].rdata), "000a026d78076578616d706c65036f726700");
  const auto answer = read_answer(raw, "Example.ORG", RecordType::Mx, 7);
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->status, AnswerStatus::NoError);
  EXPECT_FALSE(answer->secure);
  EXPECT_EQ(answer->all<dns::MxData>().at(0).exchange, "mx.example.org");
  EXPECT_EQ(answer->records[0].ttl, 60U);
  EXPECT_FALSE(read_answer(raw, "example.org", RecordType::Mx, 8));   // another id
  EXPECT_FALSE(read_answer(raw, "example.org", RecordType::Txt, 7));  // another question
  EXPECT_FALSE(read_answer(raw, "example.net", RecordType::Mx, 7));
}

// RFC 3597 4: not allowed in SRV records, and yet to be read.
TEST(Messages, NamesInSrvRecordsAreDecompressed) {
  Bytes raw = bytes("000784000001000100000000");
  append(raw, bytes("076578616d706c65036f72670000210001"));
  append(raw, bytes("c00c002100010000003c000b0000000101d1026d78c00c"));
  const auto answer = read_answer(raw, "example.org", RecordType::Srv, 7);
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(data_text(answer->records[0].data), "0 1 465 mx.example.org.");
}

TEST(Messages, PointersThatDoNotLeadBackwardsAreRefused) {
  const std::string_view header = "000784000001000000000000";
  for (const std::string_view name : {"c00c", "c00d", "ffff", "c000", "0161c00c", "80", "40", "3f61", "01"}) {
    Bytes raw = bytes(header);
    append(raw, bytes(name));
    append(raw, bytes("00010001"));
    EXPECT_FALSE(parse_message(raw)) << name;
  }
}

TEST(Messages, LimitsAndRests) {
  EXPECT_FALSE(parse_message({}));
  EXPECT_FALSE(parse_message(bytes("000784000000000000000000ff")));                               // bytes behind the end
  EXPECT_EQ(parse_message(bytes("00078400ffffffffffffffff")).error().code, ErrorCode::TooLarge);  // more records than anybody sends
  EXPECT_EQ(parse_message(Bytes(kMessageLimit + 1)).error().code, ErrorCode::TooLarge);
  // A name of 256 octets is one too long.
  Bytes raw = bytes("000784000001000000000000");
  for (int i = 0; i < 4; ++i) {
    raw.push_back(63);
    raw.insert(raw.end(), 63, 'a');
  }
  append(raw, bytes("0000010001"));
  EXPECT_FALSE(parse_message(raw));
}

TEST(Messages, NamesThatOursNeverAre) {
  Bytes raw = bytes("000784000001000000000000");
  append(raw, bytes("0541002e5c62000006"));  // A, NUL, dot, backslash, b
  append(raw, bytes("0001"));
  const auto message = parse_message(raw);
  ASSERT_TRUE(message) << message.error().text();
  EXPECT_EQ(message->questions[0].name, "a\\000\\046\\092b");
  EXPECT_FALSE(encode_message(*message));
}

TEST(Messages, WhatIsWrittenReadsBack) {
  Message message;
  message.id = 9;
  message.flags = 0x8400;
  message.questions.push_back({.name = "example.org", .type = 16, .rdata = {}});
  message.answers.push_back({.name = "example.org", .type = 16, .ttl = 5, .rdata = bytes("0161")});
  message.additional.push_back({.name = "", .type = 41, .record_class = 1232, .rdata = {}});
  const auto raw = encode_message(message);
  ASSERT_TRUE(raw);
  const auto again = parse_message(*raw);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(encode_message(*again).value(), *raw);
  EXPECT_EQ(again->additional[0].record_class, 1232);
}

Message answer_with(std::initializer_list<std::pair<const char*, const char*>> aliases) {
  Message out;
  out.id = 1;
  out.flags = 0x8400;
  out.questions.push_back({.name = "a.example", .type = 1, .rdata = {}});
  for (const auto& [from, to] : aliases) out.answers.push_back({.name = from, .type = 5, .rdata = dns::encode_name(to).value()});
  return out;
}

TEST(Answers, AliasesAreFollowedAndEnd) {
  Message message = answer_with({{"a.example", "b.example"}, {"b.example", "c.example"}});
  message.answers.push_back({.name = "c.example", .type = 1, .rdata = bytes("c0000201")});
  auto answer = read_answer(encode_message(message).value(), "a.example", RecordType::A, 1);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->canonical_name, "c.example");
  EXPECT_EQ(answer->all<dns::AddressData>().at(0).address.text(), "192.0.2.1");

  const Message loop = answer_with({{"a.example", "b.example"}, {"b.example", "a.example"}});
  answer = read_answer(encode_message(loop).value(), "a.example", RecordType::A, 1);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->records.empty());

  Message refused = answer_with({});
  refused.flags = 0x8405;
  EXPECT_EQ(read_answer(encode_message(refused).value(), "a.example", RecordType::A, 1)->status, AnswerStatus::ServFail);
  refused.flags = 0x8403;
  EXPECT_EQ(read_answer(encode_message(refused).value(), "a.example", RecordType::A, 1)->status, AnswerStatus::NxDomain);
  refused.flags = 0x8600;  // cut off
  EXPECT_FALSE(read_answer(encode_message(refused).value(), "a.example", RecordType::A, 1));
}

TEST(Answers, TheZoneOfAName) {
  Message message;
  message.id = 1;
  message.flags = 0x8400;
  message.questions.push_back({.name = "mx.example.org", .type = 6, .rdata = {}});
  message.authority.push_back({.name = "example.org", .type = 6, .rdata = bytes("00000000000100000002000000030000000400000005")});
  EXPECT_EQ(read_zone(encode_message(message).value(), "mx.example.org", 1).value(), "example.org");
  message.authority[0].name = "example.net";
  EXPECT_EQ(read_zone(encode_message(message).value(), "mx.example.org", 1).error().code, ErrorCode::NotFound);
}

TEST(ZoneText, Presentation) {
  EXPECT_EQ(data_text(dns::TxtData{{"a\"b\\c\x07\xc3", ""}}), R"("a\"b\\c\007\195" "")");
  EXPECT_EQ(data_text(dns::MxData{0, ""}), "0 .");
  EXPECT_EQ(zone_line({"example.org", RecordType::Mx, 60, dns::MxData{10, "mx.example.org"}}), "example.org. 60 IN MX 10 mx.example.org.");
  EXPECT_EQ(data_text(dns::CaaData{0, "issue", "ca.example"}), "0 issue \"ca.example\"");
  EXPECT_EQ(data_text(dns::CaaData{128, "a\x1b[", "\n"}), R"(128 a\027[ "\010")");  // whatever a stranger sends is printable
  EXPECT_EQ(data_text(dns::SrvData{0, 1, 465, "mx.example.org"}), "0 1 465 mx.example.org.");
  EXPECT_EQ(data_text(dns::SrvData{}), "0 0 0 .");
  EXPECT_EQ(data_text(dns::OpaqueData{{1, 2}}), "\\# 2 0102");
  EXPECT_EQ(split_txt(std::string(511, 'x')).size(), 3U);
  EXPECT_EQ(split_txt(std::string(510, 'x')).size(), 2U);
  EXPECT_EQ(split_txt("").size(), 1U);
}

}  // namespace
}  // namespace postern::dnszone
