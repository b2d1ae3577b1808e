#include "osi/tpkt.hpp"

#include <gtest/gtest.h>

#include "osi/selector.hpp"
#include "osi/transcript.hpp"

namespace postern::osi {
namespace {

Bytes stream_of(const std::vector<Bytes>& tpdus) {
  Bytes out;
  for (const Bytes& tpdu : tpdus) write_tpkt(out, tpdu);
  return out;
}

std::vector<Bytes> read_all(TpktReader& reader) {
  std::vector<Bytes> tpdus;
  while (true) {
    const auto next = reader.next();
    if (!next || !*next) return tpdus;
    tpdus.emplace_back((**next).begin(), (**next).end());
  }
}

TEST(Tpkt, ReadsWhatIsWrittenHoweverItIsCut) {
  const std::vector<Bytes> sent = {Bytes(3, 0xAA), Bytes(kMaxTpdu, 0xBB), Bytes(200, 0xCC)};
  const Bytes stream = stream_of(sent);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{4}, std::size_t{5}, std::size_t{4096}, stream.size()}) {
    TpktReader reader;
    std::vector<Bytes> got;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.feed(ByteView(stream).subspan(at, std::min(piece, stream.size() - at)));
      for (Bytes& tpdu : read_all(reader)) got.push_back(std::move(tpdu));
    }
    EXPECT_EQ(got, sent) << piece;
    EXPECT_EQ(reader.pending(), 0U);
  }
}

TEST(Tpkt, HeaderIsThatOfRfc1006) {
  EXPECT_EQ(hex_encode(stream_of({hex_decode("06d00de0063c00").value()})), "0300000b06d00de0063c00");
  TpktReader reader;
  reader.feed(hex_decode("03ff000702f080").value());  // RFC 1006 6: the reserved octet is not looked at
  EXPECT_EQ(read_all(reader).size(), 1U);
}

TEST(Tpkt, WrongVersionAndLengthEndTheStream) {
  for (const auto& [hex, field] : {std::pair{"02000007", "TPKT version"},
                                   {"16", "TPKT version"},
                                   {"474554202f20", "TPKT version"},
                                   {"03000006aabb", "TPKT length"},
                                   {"03000000", "TPKT length"}}) {
    TpktReader reader;
    reader.feed(hex_decode(hex).value());
    const auto next = reader.next();
    ASSERT_FALSE(next) << hex;
    EXPECT_EQ(next.error().field, field);
    EXPECT_EQ(next.error().code, ErrorCode::BadInput);
    reader.feed(stream_of({Bytes(10, 1)}));
    EXPECT_FALSE(reader.next()) << "the error stays";
  }
}

TEST(Tpkt, HoldsWhatIsIncomplete) {
  TpktReader reader;
  reader.feed(hex_decode("0300ffff01").value());
  EXPECT_FALSE(reader.next().value());
  EXPECT_EQ(reader.pending(), 5U);
}

TEST(Selector, TextForms) {
  EXPECT_EQ(parse_selector("x400n").value(), to_bytes("x400n"));
  EXPECT_EQ(parse_selector("").value(), Bytes());
  EXPECT_EQ(parse_selector("0x7834").value(), to_bytes("x4"));
  EXPECT_EQ(parse_selector("'00ff'H").value(), (Bytes{0, 0xFF}));
  EXPECT_EQ(format_selector(to_bytes("X400-88")), "X400-88");
  EXPECT_EQ(format_selector(Bytes{0, 1}), "0x0001");
  for (const char* bad : {"0x7", "0xzz", "'0'H", "gr\xc3\xbc\xc3\x9f"}) EXPECT_EQ(parse_selector(bad).error().code, ErrorCode::BadInput);
  EXPECT_FALSE(parse_selector(std::string(33, 'a')));
  EXPECT_FALSE(parse_selector(std::string(17, 'a'), 16));
}

TEST(Selector, FormatReadsBack) {
  for (const Bytes& octets : {Bytes(), to_bytes("0x41"), to_bytes("'41'H"), to_bytes("a b"), Bytes{0xFF}, Bytes(32, 'x'), to_bytes("'")})
    EXPECT_EQ(parse_selector(format_selector(octets)).value(), octets) << format_selector(octets);
}

TEST(Transcript, IsWhatText2pcapReads) {
  EXPECT_EQ(hex_dump(Direction::In, Bytes(17, 0x0A)), "I\n000000 0a 0a 0a 0a 0a 0a 0a 0a 0a 0a 0a 0a 0a 0a 0a 0a\n000010 0a\n");
  EXPECT_EQ(hex_dump(Direction::Out, Bytes{1}), "O\n000000 01\n");
}

}  // namespace
}  // namespace postern::osi
