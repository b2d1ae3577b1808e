#include "smtp/reply.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"

namespace postern::smtp {
namespace {

std::string wire(const Reply& reply) {
  std::string out;
  append_reply(out, reply);
  return out;
}

TEST(EnhancedStatus, Rfc3463Syntax) {  // RFC 3463 2
  EXPECT_EQ(EnhancedStatus::parse("5.1.1"), (EnhancedStatus{5, 1, 1}));
  EXPECT_EQ(EnhancedStatus::parse("2.999.999")->text(), "2.999.999");
  for (const char* bad : {"", "5", "5.1", "5.1.", "3.1.1", "5.01.1", "5.1.1000", "5.1.1.1", "5.a.1", "50.1.1", "5..1"})
    EXPECT_FALSE(EnhancedStatus::parse(bad)) << bad;
}

TEST(ReplyWriter, EveryLineCarriesBothCodes) {  // RFC 2034 4
  Reply reply(550, {5, 1, 1}, "first");
  reply.lines.emplace_back("second");
  EXPECT_EQ(wire(reply), "550-5.1.1 first\r\n550 5.1.1 second\r\n");
  EXPECT_EQ(wire(Reply(354, {}, "go")), "354 go\r\n");
  EXPECT_EQ(reply.text(), "550 5.1.1 first second");
}

TEST(ReplyWriter, CannotBeMadeToWriteAnotherLine) { EXPECT_EQ(wire(Reply(550, {5, 1, 1}, "no\r\n250 yes")), "550 5.1.1 no??250 yes\r\n"); }

TEST(ReplyWriter, LineIsAtMost512Octets) {  // RFC 5321 4.5.3.1.5
  EXPECT_LE(wire(Reply(550, {5, 1, 1}, std::string(2000, 'x'))).size(), 512U);
}

std::vector<std::string> read_all(std::string_view bytes, std::size_t piece) {
  ReplyReader reader;
  std::vector<std::string> out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    EXPECT_TRUE(reader.receive(bytes.substr(0, piece)));
    for (;;) {
      auto reply = reader.next();
      if (!reply) {
        out.push_back("error " + reply.error().what);
        return out;
      }
      if (!*reply) break;
      out.push_back((*reply)->text());
    }
  }
  return out;
}

TEST(ReplyReader, AnyCutGivesTheSame) {
  const std::string_view text = "220-one\r\n220 two\r\n250-2.1.0 a\r\n250 2.1.0 b\r\n354\r\n550 5.1.1 lone LF\n";
  const std::vector<std::string> expected{"220 one two", "250 2.1.0 a b", "354 ", "550 5.1.1 lone LF"};
  for (std::size_t piece = 1; piece <= text.size(); ++piece) EXPECT_EQ(read_all(text, piece), expected) << piece;
}

TEST(ReplyReader, StatusOfAnotherClassIsText) {
  EXPECT_EQ(read_all("250 5.1.1 odd\r\n", 99), (std::vector<std::string>{"250 5.1.1 odd"}));
  ReplyReader reader;
  ASSERT_TRUE(reader.receive("250 5.1.1 odd\r\n"));
  EXPECT_FALSE(reader.next().value()->status.present());
}

TEST(ReplyReader, RefusesWhatIsNoReply) {
  for (const char* bad : {"hello\r\n", "\r\n", "25\r\n", "199 x\r\n", "600 x\r\n", "250x\r\n", "250-a\r\n550 b\r\n"}) {
    const auto replies = read_all(bad, 99);
    ASSERT_FALSE(replies.empty()) << bad;
    EXPECT_TRUE(istarts_with(replies.back(), "error ")) << bad;
  }
}

TEST(ReplyReader, IsBounded) {
  ReplyReader reader;
  ASSERT_TRUE(reader.receive("250 " + std::string(ReplyReader::kMaxLine, 'x')));
  EXPECT_EQ(reader.next().error().code, ErrorCode::TooLarge);
  std::string lines;
  for (std::size_t i = 0; i <= ReplyReader::kMaxLines; ++i) lines += "250-x\r\n";
  EXPECT_TRUE(istarts_with(read_all(lines, lines.size()).back(), "error "));
  EXPECT_FALSE(ReplyReader().receive(std::string(ReplyReader::kMaxBuffered + 1, 'x')));
}

}  // namespace
}  // namespace postern::smtp
