#include "smtp/content.hpp"

#include <gtest/gtest.h>

#include <random>

namespace postern::smtp {
namespace {

using End = ContentReader::End;

struct Outcome {
  End end = End::Open;
  std::string content;
  std::size_t taken = 0;
  bool bare = false, nul = false, large = false, line = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Limits small_limits() {
  Limits limits;
  limits.message_bytes = 200;
  limits.line_accepted = 40;
  return limits;
}

Outcome read(std::string_view input, std::size_t piece, const Limits& limits = small_limits()) {
  ContentReader reader(limits, false);
  Outcome out;
  while (out.taken < input.size() && reader.end() == End::Open) out.taken += reader.read_dotted(input.substr(out.taken, piece));
  out.end = reader.end();
  out.bare = reader.faults().bare_line_end;
  out.nul = reader.faults().nul;
  out.large = reader.faults().too_large;
  out.line = reader.faults().line_too_long;
  out.content = reader.take();
  return out;
}

/// However the input is cut, the outcome is the one of the whole.
Outcome read_every_way(std::string_view input) {
  const Outcome whole = read(input, input.size());
  for (std::size_t piece = 1; piece < input.size(); ++piece)
    EXPECT_EQ(read(input, piece), whole) << piece << ' ' << testing::PrintToString(std::string(input));
  return whole;
}

TEST(DotReader, SoundContent) {  // RFC 5321 4.5.2
  const std::pair<std::string, std::string> table[] = {
      {".\r\n", ""},
      {"\r\n.\r\n", "\r\n"},
      {"a\r\n.\r\n", "a\r\n"},
      {"a\r\n..\r\n.\r\n", "a\r\n.\r\n"},
      {"..a\r\n...\r\n.b\r\n.\r\n", ".a\r\n..\r\nb\r\n"},
      {"a.b\r\n. \r\n.\r\n", "a.b\r\n \r\n"},
  };
  for (const auto& [wire, content] : table) {
    const Outcome out = read_every_way(wire + "QUIT\r\n");
    EXPECT_EQ(out.end, End::Reached) << wire;
    EXPECT_EQ(out.content, content) << wire;
    EXPECT_EQ(out.taken, wire.size()) << wire;
    EXPECT_FALSE(out.bare || out.nul || out.large || out.line);
  }
}

TEST(DotReader, SmugglingTable) {  // RFC 5321 2.3.8, 4.1.1.4: nothing but CRLF "." CRLF
  // What stands between the first message and the smuggled commands; each must be refused, and none may end the data in silence.
  const std::string variants[] = {"\n.\n", "\r.\r",     "\n.\r\n",   "\r.\r\n",     "\r\n.\n",   "\r\n.\r",      "\n.\r",
                                  "\r.\n", "\n\n.\r\n", "\r\r.\r\n", "\r\n\n.\r\n", "\n\r\n.\n", "\r\r\n.\r\r\n"};
  for (const std::string& variant : variants) {
    const std::string wire =
        "Subject: x\r\n\r\nbody" + variant + "MAIL FROM:<admin@victim.example>\r\nRCPT TO:<x@y.example>\r\nDATA\r\nevil\r\n.\r\n";
    const Outcome out = read_every_way(wire);
    EXPECT_TRUE(out.bare) << testing::PrintToString(variant);
    EXPECT_TRUE(out.content.empty()) << testing::PrintToString(variant);
    if (out.end == End::Reached) {
      EXPECT_EQ(out.taken, wire.size()) << testing::PrintToString(variant);
    }
    EXPECT_NE(out.end, End::Open) << testing::PrintToString(variant);
  }
}

TEST(DotReader, FalseEndsAreNamed) {
  for (const std::string variant : {"\n.\n", "\r.\r", "\n.\r\n", "\r.\r\n", "\r\n.\n", "\r\n.\rx", "\n.\r", "\r.\n"}) {
    const Outcome out = read_every_way("body" + variant + "more\r\n.\r\n");
    EXPECT_EQ(out.end, End::False) << testing::PrintToString(variant);
  }
  EXPECT_EQ(read_every_way(".\nmore\r\n.\r\n").end, End::False);  // as the very first line
  EXPECT_EQ(read_every_way(".\rmore\r\n.\r\n").end, End::False);
}

TEST(DotReader, NulCannotHideAnEnd) {
  for (const std::string& variant : {std::string("\r\n\0.\r\n", 6), std::string("\r\n.\0\r\n", 6), std::string("\r\n.\r\0\n", 6),
                                     std::string("\r\0\n.\r\n", 6), std::string("\0\r\n.\r\n", 6)}) {
    const std::string wire = "body" + variant + "MAIL\r\n.\r\n";
    const Outcome out = read_every_way(wire);
    EXPECT_TRUE(out.nul || out.bare) << testing::PrintToString(variant);
    EXPECT_TRUE(out.content.empty()) << testing::PrintToString(variant);
  }
}

TEST(DotReader, FaultsDoNotDependOnTheCut) {
  std::mt19937 random(7);
  const std::string alphabet("\r\n\r\n\r\n...ab\0", 13);
  Limits limits;
  limits.message_bytes = 24;
  limits.line_accepted = 6;
  for (int round = 0; round < 20000; ++round) {
    std::string input;
    for (std::size_t i = random() % 48; i > 0; --i) input.push_back(alphabet[random() % alphabet.size()]);
    const Outcome whole = read(input, input.size() + 1, limits);
    EXPECT_EQ(read(input, 1, limits), whole) << testing::PrintToString(input);
    EXPECT_EQ(read(input, 1 + random() % 7, limits), whole) << testing::PrintToString(input);
  }
}

TEST(DotReader, Limits) {
  const std::string line(40, 'x');
  EXPECT_FALSE(read_every_way(line + "\r\n.\r\n").line);
  EXPECT_TRUE(read_every_way(line + "x\r\n.\r\n").line);
  EXPECT_FALSE(read_every_way("." + line + "\r\n.\r\n").line);  // the stuffed dot does not count
  std::string large;
  for (int i = 0; i < 5; ++i) large += std::string(38, 'y') + "\r\n";
  EXPECT_EQ(read_every_way(large + ".\r\n").content, large);
  const Outcome over = read_every_way(large + "\r\n.\r\n");
  EXPECT_TRUE(over.large);
  EXPECT_EQ(over.end, End::Reached);
}

TEST(ChunkReader, TextIsCheckedBinaryIsNot) {  // RFC 3030 2, 3
  const auto faults = [](const std::vector<std::string>& chunks, bool binary) {
    ContentReader reader(small_limits(), binary);
    for (const std::string& chunk : chunks) reader.read_chunk(chunk);
    reader.finish_chunks();
    return reader.faults();
  };
  EXPECT_FALSE(faults({"a\r", "\n.\r\n", ".\r\n"}, false).any());
  EXPECT_TRUE(faults({"a\r", "b"}, false).bare_line_end);
  EXPECT_TRUE(faults({"a\n"}, false).bare_line_end);
  EXPECT_TRUE(faults({"a\r"}, false).bare_line_end);
  EXPECT_TRUE(faults({std::string(1, '\0')}, false).nul);
  EXPECT_FALSE(faults({std::string("\r\0\n\n", 4), std::string(100, 'x')}, true).any());
  EXPECT_TRUE(faults({std::string(201, 'x')}, true).too_large);
  ContentReader reader(small_limits(), false);
  reader.read_chunk("..a\r\n");
  EXPECT_EQ(reader.take(), "..a\r\n");
}

TEST(Stuffing, RoundTrip) {
  std::mt19937 random(3);
  for (int round = 0; round < 3000; ++round) {
    std::string content;
    for (std::size_t i = random() % 30; i > 0; --i) content += std::array{"\r\n", ".", "a", "..", "\r\n."}[random() % 5];
    content += "\r\n";
    std::string wire;
    bool line_start = true;
    for (std::size_t at = 0; at < content.size();) {
      const std::size_t piece = 1 + random() % 9;
      append_stuffed(wire, std::string_view(content).substr(at, piece), line_start);
      at += piece;
    }
    Limits limits;
    EXPECT_EQ(read(wire + ".\r\n", 1000, limits).content, content);
  }
}

TEST(InspectContent, Facts) {
  EXPECT_FALSE(inspect_content("a\r\nb\r\n").bare_line_end);
  EXPECT_EQ(inspect_content("a\r\nbcd\r\n").longest_line, 3U);
  EXPECT_EQ(inspect_content("a\r\nbcd").longest_line, 3U);
  for (const char* bad : {"a\n", "a\rb", "a\r", "\r\r\n", "a\r\n\n"}) EXPECT_TRUE(inspect_content(bad).bare_line_end) << bad;
  EXPECT_TRUE(inspect_content(std::string_view("\0", 1)).nul);
  const ContentFacts body = inspect_content("S: x\r\n\r\n" + std::string(60, 'x') + "\xc3\xa4\r\n");
  EXPECT_TRUE(body.eight_bit);
  EXPECT_FALSE(body.eight_bit_header);
  EXPECT_TRUE(inspect_content("S: \xc3\xa4\r\n\r\nx").eight_bit_header);
  EXPECT_FALSE(inspect_content("").ends_with_crlf);
}

}  // namespace
}  // namespace postern::smtp
