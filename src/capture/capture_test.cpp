#include <gtest/gtest.h>

#include "capture/tcp_connections.hpp"
#include "capture/testing/capture_maker.hpp"

namespace postern::capture {
namespace {

using testing::pcap;
using testing::SegmentMaker;
using testing::Writer;

std::vector<TcpConnection> connections_in(ByteView file) {
  std::vector<TcpConnection> out;
  const Status read = read_connections(file, out);
  EXPECT_TRUE(read) << read.error().text();
  return out;
}
std::string text(const TcpConnection& connection, bool from_client = true) { return std::string(as_text(connection.stream(from_client))); }

/// The client's SYN, and data from there on.
std::vector<Bytes> conversation(std::initializer_list<SegmentMaker> segments) {
  std::vector<Bytes> out{SegmentMaker{.sequence = 99, .syn = true}.ipv4()};
  for (const SegmentMaker& each : segments) out.push_back(each.ipv4());
  return out;
}

TEST(CaptureFile, BothByteOrdersAndBothUnitsOfTime) {
  for (const bool big : {false, true}) {
    for (const bool nano : {false, true}) {
      const Bytes file = pcap({Bytes{1, 2, 3}}, LinkType::Ethernet, big, nano);
      auto reader = CaptureReader::open(file).value();
      const auto frame = reader.next().value().value();
      EXPECT_EQ(frame.link, LinkType::Ethernet);
      EXPECT_EQ(Bytes(frame.octets.begin(), frame.octets.end()), (Bytes{1, 2, 3}));
      EXPECT_EQ(frame.time, 1'000'000'000'000'000 + (nano ? 7 : 7000));
      EXPECT_FALSE(reader.next().value());
    }
  }
}

Writer section(bool big) {
  return Writer{big, {}}.block(0x0A0D0D0A, Writer{big, {}}.number(0x1A2B3C4D, 4).number(1, 2).number(0, 2).number(~0ULL, 8));
}
Writer interface(bool big, LinkType link, Byte resolution) {
  return Writer{big, {}}
      .number(static_cast<unsigned>(link), 2)
      .number(0, 2)
      .number(2, 4)
      .number(9, 2)
      .number(1, 2)
      .number(resolution, 1)
      .pad(4);
}

TEST(CaptureFile, SectionsInterfacesAndBlocksOfPcapng) {
  Bytes file;
  for (const bool big : {false, true}) {
    Writer out = section(big);
    out.block(1, interface(big, LinkType::Ethernet, 6))
        .block(1, interface(big, LinkType::RawIp, 0x80 | 1));  // microseconds, halves of a second
    out.block(5, Writer{big, {}}.number(0, 8));                // statistics: passed over
    out.block(6, Writer{big, {}}.number(1, 4).number(0, 4).number(5, 4).number(1, 4).number(1, 4).number(0xAB, 1));
    out.block(3, Writer{big, {}}.number(4, 4).number(0x01020304, 4));
    append(file, out.octets);
  }
  auto reader = CaptureReader::open(file).value();
  for (int i = 0; i < 2; ++i) {
    const auto enhanced = reader.next().value().value();
    EXPECT_EQ(enhanced.link, LinkType::RawIp);
    EXPECT_EQ(enhanced.time, 2'500'000'000);
    EXPECT_EQ(enhanced.octets.size(), 1U);
    const auto simple = reader.next().value().value();
    EXPECT_EQ(simple.link, LinkType::Ethernet);
    EXPECT_EQ(simple.octets.size(), 2U) << "the interface cuts at 2";
  }
  EXPECT_FALSE(reader.next().value());
}

TEST(CaptureFile, WhatIsNotWellFormed) {
  EXPECT_FALSE(CaptureReader::open(Bytes{1, 2, 3}));
  EXPECT_FALSE(CaptureReader::open(Bytes{0xD4, 0xC3, 0xB2, 0xA1, 2, 0}));
  const auto error = [](const Writer& blocks) {
    auto reader = CaptureReader::open(blocks.octets).value();
    const auto next = reader.next();
    return next ? std::string("none") : next.error().what;
  };
  const auto with = [](std::uint32_t type, const Writer& body) { return section(false).block(type, body); };
  EXPECT_NE(error(with(6, Writer().number(0, 20))).find("an interface that the section does not have"), std::string::npos);
  EXPECT_NE(error(with(6, Writer().number(0, 4))).find("ends in its header"), std::string::npos);
  EXPECT_NE(error(with(1, Writer().number(0, 4))).find("without its link type"), std::string::npos);
  Writer longer = section(false).block(1, interface(false, LinkType::RawIp, 6));
  EXPECT_NE(error(longer.block(6, Writer().number(0, 12).number(100, 8))).find("longer than its block"), std::string::npos);
  EXPECT_NE(error(section(false).number(6, 4).number(13, 4).number(0, 8)).find("a block of 13 octets"), std::string::npos);
  EXPECT_NE(error(section(false).number(6, 4).number(12, 4).number(16, 4)).find("not that at its beginning"), std::string::npos);
  Bytes cut = pcap({Bytes(10, 'x'), Bytes(10, 'y')});
  cut.pop_back();
  auto reader = CaptureReader::open(cut).value();
  EXPECT_TRUE(reader.next().value());
  EXPECT_FALSE(reader.next().value()) << "an interrupted capture ends in the middle of a frame";
}

TEST(TcpSegments, BehindEveryLinkLayer) {
  const SegmentMaker made{.payload = "octets"};
  const auto payload = [](LinkType link, const Bytes& head, const Bytes& packet) {
    Bytes octets = head;
    append(octets, packet);
    const auto segment = tcp_segment({link, 0, octets});
    return segment ? segment->to.text() + " " + std::string(as_text(segment->payload)) : "none";
  };
  const Bytes addresses(12, 2);
  const auto ethernet = [&](std::initializer_list<Byte> type) {
    Bytes out = addresses;
    append(out, Bytes(type));
    return out;
  };
  EXPECT_EQ(payload(LinkType::Ethernet, ethernet({0x08, 0x00}), made.ipv4()), "127.0.0.1:102 octets");
  EXPECT_EQ(payload(LinkType::Ethernet, ethernet({0x86, 0xDD}), made.ipv6()), "[::1]:102 octets");
  EXPECT_EQ(payload(LinkType::Ethernet, ethernet({0x88, 0xA8, 0, 1, 0x81, 0x00, 0, 2, 0x08, 0x00}), made.ipv4()), "127.0.0.1:102 octets");
  EXPECT_EQ(payload(LinkType::Null, Bytes{2, 0, 0, 0}, made.ipv4()), "127.0.0.1:102 octets");
  EXPECT_EQ(payload(LinkType::Loop, Bytes{0, 0, 0, 24}, made.ipv6()), "[::1]:102 octets");
  Bytes cooked(16, 0), cooked2(20, 0);
  cooked[14] = cooked2[0] = 8;
  EXPECT_EQ(payload(LinkType::LinuxCooked, cooked, made.ipv4()), "127.0.0.1:102 octets");
  EXPECT_EQ(payload(LinkType::LinuxCooked2, cooked2, made.ipv4()), "127.0.0.1:102 octets");
  EXPECT_EQ(payload(LinkType::RawIp, {}, made.ipv6()), "[::1]:102 octets");
  Bytes padded = made.ipv4();
  append(padded, Bytes(6, 0));
  EXPECT_EQ(payload(LinkType::Ethernet, ethernet({0x08, 0x00}), padded), "127.0.0.1:102 octets")
      << "what fills an Ethernet frame is no data";
}

TEST(TcpSegments, WhatIsNone) {
  const SegmentMaker made{.payload = "octets"};
  Bytes fragment = made.ipv4(), udp = made.ipv4();
  fragment[6] = 0x20;  // more fragments
  udp[9] = 17;
  for (const Bytes& packet : {fragment, udp, Bytes{0x50}, Bytes()}) EXPECT_FALSE(tcp_segment({LinkType::RawIp, 0, packet}));
  EXPECT_FALSE(tcp_segment({static_cast<LinkType>(999), 0, made.ipv4()}));
  for (const Bytes& whole : {made.ipv4(), made.ipv6()})
    for (std::size_t size = 0; size < whole.size() - made.payload.size(); ++size)
      EXPECT_FALSE(tcp_segment({LinkType::RawIp, 0, ByteView(whole).first(size)})) << size;
}

TEST(TcpConnections, WhatIsPassedOverIsCounted) {
  Bytes udp = SegmentMaker{.payload = "octets"}.ipv4();
  udp[9] = 17;
  std::vector<TcpConnection> out;
  PassedOver passed;
  ASSERT_TRUE(read_connections(pcap({udp, SegmentMaker{.payload = "octets"}.ipv4(), udp}), out, &passed));
  EXPECT_EQ(out.size(), 1U);
  EXPECT_EQ(passed.frames, 2U);
  EXPECT_EQ(passed.segments, 0U);
}

TEST(TcpConnections, OctetsInTheirOrder) {  // RFC 9293 3.4, 3.10
  const auto found = connections_in(pcap(conversation({
      {.sequence = 100, .payload = "one "},
      {.sequence = 108, .payload = "three"},  // before its predecessor
      {.from = 102, .to = 40000, .sequence = 7, .payload = "answer"},
      {.sequence = 100, .payload = "one "},      // again
      {.sequence = 102, .payload = "e two th"},  // overlaps on both sides
  })));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(text(found[0]), "one two three");
  EXPECT_EQ(text(found[0], false), "answer");
  EXPECT_EQ(found[0].client.port, 40000);
  EXPECT_EQ(found[0].pieces[1].from_client, false) << "both directions in the order of the wire";
  EXPECT_FALSE(found[0].gap_from_client || found[0].gap_from_server);
}

TEST(TcpConnections, SequenceNumbersBeginAgainAtZero) {
  std::vector<Bytes> frames{SegmentMaker{.sequence = 0xFFFFFFFD, .syn = true}.ipv4()};
  for (const SegmentMaker& each : {SegmentMaker{.sequence = 2, .payload = "over"}, SegmentMaker{.sequence = 0xFFFFFFFE, .payload = "wrap"}})
    frames.push_back(each.ipv4());
  EXPECT_EQ(text(connections_in(pcap(frames)).at(0)), "wrapover");
}

TEST(TcpConnections, AGapEndsItsDirection) {
  const auto found = connections_in(pcap(conversation({{.sequence = 100, .payload = "one"}, {.sequence = 110, .payload = "three"}})));
  EXPECT_EQ(text(found.at(0)), "one");
  EXPECT_TRUE(found[0].gap_from_client && !found[0].gap_from_server);
}

TEST(TcpConnections, WhatWaitsIsBounded) {
  TcpConnections connections;
  const auto add = [&](std::uint32_t sequence, std::string payload) {
    const Bytes packet = SegmentMaker{.sequence = sequence, .payload = std::move(payload)}.ipv4();
    connections.add(*tcp_segment({LinkType::RawIp, 0, packet}), 0);
  };
  add(0, "x");
  for (std::uint32_t i = 0; i <= TcpConnections::kMaxEarlySegments; ++i) add(10 + 2 * i, "y");
  add(1, std::string(9, 'z'));
  const auto found = connections.take();
  EXPECT_EQ(text(found.at(0)), "x");
  EXPECT_TRUE(found[0].gap_from_client);
}

TEST(TcpConnections, TheSamePortsTwiceAndAnAnswerThatIsSeenFirst) {
  std::vector<Bytes> frames = conversation({{.sequence = 100, .payload = "first"}});
  frames.push_back(SegmentMaker{.sequence = 99, .syn = true}.ipv4());  // the same set-up again
  frames.push_back(SegmentMaker{.sequence = 5000, .syn = true}.ipv4());
  frames.push_back(SegmentMaker{.sequence = 5001, .payload = "second"}.ipv4());
  frames.push_back(SegmentMaker{.from = 102, .to = 50000, .sequence = 1, .syn = true, .ack = true}.ipv4());
  frames.push_back(SegmentMaker{.from = 102, .to = 50000, .sequence = 2, .payload = "late"}.ipv4());
  const auto found = connections_in(pcap(frames));
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(text(found[0]), "first");
  EXPECT_EQ(text(found[1]), "second");
  EXPECT_EQ(found[2].client.port, 50000);
  EXPECT_EQ(text(found[2], false), "late");
}

}  // namespace
}  // namespace postern::capture
