// Packets: framing, the payload of each command, and the octets of each answer.
#include "milter/packet.hpp"

#include <gtest/gtest.h>

#include <random>

#include "milter/testing/mta.hpp"

namespace postern::milter {
namespace {

using namespace std::string_literals;
using testing::packet;
using testing::u32;

ByteView bytes(const std::string& text) { return as_bytes(text); }

TEST(MilterPacket, FramesWhateverTheCut) {
  const std::string stream = packet('H', "a\0"s) + packet('T') + packet('B', std::string(70000, 'x'));
  for (const std::size_t piece : {1UL, 3UL, 7UL, 100000UL}) {
    PacketReader reader;
    std::string seen;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.receive(bytes(stream).subspan(at, std::min(piece, stream.size() - at)));
      for (;;) {
        const auto next = reader.next();
        ASSERT_TRUE(next);
        if (!*next) break;
        seen += static_cast<char>((*next)->command) + std::to_string((*next)->payload.size()) + ' ';
      }
    }
    EXPECT_EQ(seen, "H2 T0 B70000 ");
    EXPECT_EQ(reader.waiting(), 0U);
  }
}

TEST(MilterPacket, LengthsThatLie) {
  PacketReader zero, large, exact(3), longer(3);
  zero.receive(bytes(u32(0)));
  large.receive(bytes(u32(0xffffffff)));
  exact.receive(bytes(packet('H', "ab")));
  longer.receive(bytes(u32(4)));
  EXPECT_EQ(zero.next().error().code, ErrorCode::BadInput);
  EXPECT_EQ(zero.next().error().field, "length");
  EXPECT_EQ(large.next().error().code, ErrorCode::TooLarge);
  EXPECT_TRUE(exact.next().value().has_value());
  EXPECT_EQ(longer.next().error().code, ErrorCode::TooLarge);  // before the octets come
  PacketReader waits;
  waits.receive(bytes(u32(10) + "H123"));
  EXPECT_FALSE(waits.next().value().has_value());
}

TEST(MilterPacket, Negotiation) {
  EXPECT_EQ(*parse_negotiation(bytes(u32(6) + u32(0x1ff) + u32(0x1fffff))), (Negotiation{6, 0x1ff, 0x1fffff}));
  EXPECT_EQ(*parse_negotiation(bytes(u32(2) + u32(1) + u32(2) + "later")), (Negotiation{2, 1, 2}));
  EXPECT_EQ(parse_negotiation(bytes(u32(6) + u32(1) + "123")).error().field, "protocol");
  EXPECT_EQ(parse_negotiation({}).error().field, "version");
}

TEST(MilterPacket, Connect) {
  const auto parse = [](const std::string& payload) { return parse_connect(bytes(payload)); };
  EXPECT_EQ(*parse("mx.example\0004\x30\x39"s + "192.0.2.1\0"s), (Connection{"mx.example", Family::Inet, 12345, "192.0.2.1"}));
  EXPECT_EQ(*parse("h\0006\0\x19"s + "2001:DB8:0:0::1\0"s), (Connection{"h", Family::Inet6, 25, "2001:db8::1"}));
  EXPECT_EQ(parse("h\0006\0\0IPv6:2001:db8::1\0"s)->address, "2001:db8::1");
  EXPECT_EQ(parse("h\0006\0\0ipv6:fe80::1%eth0\0"s)->address, "fe80::1");
  EXPECT_EQ(*parse("localhost\0L\0\0/run/x\0"s), (Connection{"localhost", Family::Unix, 0, "/run/x"}));
  EXPECT_EQ(*parse("unknown\0U"s), (Connection{"unknown", Family::Unknown, 0, ""}));
  EXPECT_EQ(parse("h"s).error().field, "hostname");
  EXPECT_EQ(parse("h\0"s).error().field, "family");
  EXPECT_EQ(parse("h\0x\0\0a\0"s).error().field, "family");
  EXPECT_EQ(parse("h\0004\0"s).error().field, "port");
  EXPECT_EQ(parse("h\0004\0\0192.0.2.1"s).error().field, "address");
  EXPECT_EQ(parse("h\0004\0\0no address\0"s).error().field, "address");
  EXPECT_EQ(parse("h\0006\0\0"s + "192.0.2.1\0"s).error().field, "address");
  EXPECT_EQ(parse("h\0U\0\0"s).error().code, ErrorCode::BadInput);
  EXPECT_EQ(parse("h\0004\0\0"s + "192.0.2.1\0x"s).error().field, "SMFIC_CONNECT");
}

TEST(MilterPacket, StringsNeedTheirEnds) {
  EXPECT_EQ(*parse_string(bytes("mx\0"s), "name"), "mx");
  EXPECT_EQ(parse_string(bytes("mx"s), "name").error(), (Error{ErrorCode::BadInput, "has no NUL at its end", "name"}));
  EXPECT_EQ(parse_string(bytes("mx\0x\0"s), "name").error().field, "name");
  EXPECT_EQ(*parse_path(bytes("<a@b>\0SIZE=1\0BODY=8BITMIME\0"s)), (Path{"<a@b>", {"SIZE=1", "BODY=8BITMIME"}}));
  EXPECT_EQ(*parse_path(bytes("<>\0"s)), (Path{"<>", {}}));
  EXPECT_EQ(parse_path({}).error().field, "path");
  EXPECT_EQ(parse_path(bytes("<a@b>\0SIZE=1"s)).error().field, "args");
  EXPECT_EQ(parse_path(bytes(std::string(kMaxStrings + 2, '\0'))).error().code, ErrorCode::TooLarge);
  EXPECT_EQ(parse_header(bytes("Subject\0 x\0"s))->second, " x");
  EXPECT_EQ(parse_header(bytes("Subject\0"s)).error().field, "value");
  EXPECT_EQ(parse_header(bytes("Subject\0x\0y"s)).error().field, "SMFIC_HEADER");
  EXPECT_TRUE(parse_empty({}));
  EXPECT_EQ(parse_empty(bytes("x"s)).error().field, "payload");
}

TEST(MilterPacket, Macros) {
  const std::string payload = "Ci\0004ABC\0{daemon_name}\0smtpd\0"s;
  const auto whole = parse_macros(bytes(payload), 10);
  ASSERT_EQ(whole->macros.size(), 2U);
  EXPECT_EQ(whole->macros[1], (std::pair<std::string_view, std::string_view>("{daemon_name}", "smtpd")));
  EXPECT_FALSE(whole->more);
  EXPECT_TRUE(parse_macros(bytes(payload), 1)->more);
  EXPECT_EQ(parse_macros(bytes(payload), 1)->macros.size(), 1U);
  EXPECT_TRUE(parse_macros(bytes("H"s), 10)->macros.empty());
  EXPECT_EQ(parse_macros({}, 10).error().field, "command");
  EXPECT_EQ(parse_macros(bytes("Ci\0"s), 10).error().field, "macro");  // a name without a value
}

TEST(MilterPacket, Writers) {
  std::string out;
  append_packet(out, Response::Continue);
  EXPECT_EQ(out, "\0\0\0\1c"s);
  out.clear();
  append_strings(out, Response::AddHeader, {"X", "y"});
  EXPECT_EQ(out, "\0\0\0\5hX\0y\0"s);
  out.clear();
  append_indexed(out, Response::InsertHeader, 258, "X", "");
  EXPECT_EQ(out, "\0\0\0\x08i\0\0\1\2X\0\0"s);
  out.clear();
  append_negotiation(out, {6, 1, 0x100000});
  EXPECT_EQ(out, "\0\0\0\rO\0\0\0\6\0\0\0\1\0\x10\0\0"s);
}

TEST(MilterPacket, BodiesGoInChunks) {
  std::string out;
  append_body(out, std::string(kChunkBytes * 2 + 1, 'x'));
  PacketReader reader;
  reader.receive(as_bytes(out));
  for (const std::size_t size : {kChunkBytes, kChunkBytes, 1UL}) {
    const auto next = reader.next();
    ASSERT_TRUE(next && *next);
    EXPECT_EQ((*next)->command, 'b');
    EXPECT_EQ((*next)->payload.size(), size);
  }
  EXPECT_EQ(reader.waiting(), 0U);
  out.clear();
  append_body(out, "");
  EXPECT_EQ(out, "");
}

TEST(MilterPacket, RandomPayloadsAreAnswered) {
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    Bytes payload(random() % 24);
    for (Byte& each : payload) each = static_cast<Byte>(random() % 3 == 0 ? 0 : random());
    (void)parse_negotiation(payload);
    (void)parse_connect(payload);
    (void)parse_string(payload, "x");
    (void)parse_path(payload);
    (void)parse_header(payload);
    (void)parse_macros(payload, 2);
    (void)parse_empty(payload);
  }
}

TEST(MilterProtocol, Names) {
  EXPECT_EQ(name_of(Command::QuitNewConnection), "SMFIC_QUIT_NC");
  EXPECT_EQ(command_of('E'), Command::EndOfBody);
  EXPECT_EQ(command_of('z'), std::nullopt);
  EXPECT_EQ(no_reply_bit(Command::Header), 0x80U);
  EXPECT_EQ(no_reply_bit(Command::EndOfBody), 0U);
}

}  // namespace
}  // namespace postern::milter
