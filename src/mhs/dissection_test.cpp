// The shared captures, shown layer by layer; and octets that are none of these layers.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>
#include <random>

#include "capture/tcp_connections.hpp"
#include "mhs/dissection.hpp"
#include "osi/testing/capture.hpp"

namespace postern::mhs {
namespace {

namespace json = boost::json;

std::vector<DissectedUnit> dissected(const capture::TcpConnection& connection) {
  Dissection dissection;
  std::vector<DissectedUnit> out;
  for (const auto& piece : connection.pieces)
    for (DissectedUnit& unit : dissection.feed(piece.from_client, piece.octets)) out.push_back(std::move(unit));
  EXPECT_EQ(dissection.pending(true) + dissection.pending(false), 0U);
  return out;
}

TEST(Dissection, TheSharedCapturesAreReadToTheLastOctet) {
  std::map<std::string, int> seen;
  for (const char* name : {"pp-p1-1988-normal.pcap", "bind-rebuilt.pcap"}) {
    const auto file = osi::testing::read_capture(name);
    if (!file) GTEST_SKIP() << "no shared captures";
    std::vector<capture::TcpConnection> connections;
    ASSERT_TRUE(capture::read_connections(*file, connections));
    for (const auto& connection : connections) {
      for (const DissectedUnit& unit : dissected(connection)) {
        EXPECT_EQ(unit.trouble, "") << json::serialize(unit.layers.back().value);
        for (const DissectedLayer& layer : unit.layers) ++seen[layer.name];
        if (unit.layers.back().name == "P1 message") EXPECT_EQ(unit.layers.back().value.at("content").at("holds"), "InformationObject");
      }
    }
  }
  EXPECT_GE(seen["COTP CONNECT REQUEST"], 60);
  EXPECT_GE(seen["session CONNECT"], 60);
  EXPECT_GE(seen["presentation CP"], 60);
  EXPECT_GE(seen["ACSE AARQ"], 60);
  EXPECT_GE(seen["RTSE RTORQ"], 8);
  EXPECT_GE(seen["bind authenticated"], 15);
  EXPECT_GE(seen["ROSE roiv-apdu"], 50) << "of PP's queue manager";
  EXPECT_GE(seen["P1 message"], 6);
}

TEST(Dissection, FramingThatIsNoneEndsItsDirection) {
  Dissection dissection;
  const auto units = dissection.feed(true, as_bytes("EHLO mail.example\r\n"));
  ASSERT_EQ(units.size(), 1U);
  EXPECT_NE(units[0].trouble.find("RFC 1006"), std::string::npos);
  EXPECT_TRUE(dissection.feed(true, Bytes{3, 0, 0, 7, 2, 0xF0, 0x80}).empty());
}

TEST(Dissection, WhatCannotBeReadIsSaidAtItsPlace) {
  Dissection dissection;
  const auto unit = [&](Bytes tpdu) {
    Bytes tpkt{3, 0, 0, static_cast<Byte>(tpdu.size() + 4)};
    append(tpkt, tpdu);
    auto units = dissection.feed(true, tpkt);
    return units.empty() ? DissectedUnit() : std::move(units.front());
  };
  EXPECT_NE(unit({2, 0x10, 0}).trouble.find("transport"), std::string::npos);
  EXPECT_NE(unit({2, 0xF0, 0x80, 0xC8, 0}).trouble.find("session"), std::string::npos);
  const auto data = unit({2, 0xF0, 0x80, 1, 0, 1, 0, 0x61, 0x80});  // GIVE TOKENS, DATA TRANSFER, half a PDV list
  EXPECT_NE(data.trouble.find("presentation"), std::string::npos);
  EXPECT_EQ(data.layers.back().value.as_object().begin()->key(), "ber");
}

TEST(Dissection, MutatedCapturesAreShownAsFarAsTheyGo) {
  const auto file = osi::testing::read_capture("bind-rebuilt.pcap");
  if (!file) GTEST_SKIP() << "no shared captures";
  std::vector<capture::TcpConnection> connections;
  ASSERT_TRUE(capture::read_connections(*file, connections));
  std::mt19937 chance(5);
  for (int round = 0; round < 2000; ++round) {
    Dissection dissection;
    for (const auto& piece : connections.at(0).pieces) {
      Bytes octets = piece.octets;
      octets[chance() % octets.size()] = static_cast<Byte>(chance());
      for (const DissectedUnit& unit : dissection.feed(piece.from_client, octets))
        EXPECT_FALSE(unit.layers.empty() && unit.trouble.empty());
    }
  }
}

}  // namespace
}  // namespace postern::mhs
