// Transfers that were cut: they go on after a restart of the receiver, and leave nothing behind where nobody goes on with them.
#include <gtest/gtest.h>

#include "io/testing/bad_road.hpp"
#include "mhs/testing/node.hpp"

namespace postern::mhs {
namespace {

using io::testing::BadRoad;
using testing::domain;
using testing::peer_of;
using testing::TestNode;

constexpr const char* kAlice = "C=DE;A= ;P=NORTH;S=A";
constexpr const char* kBob = "C=GB;A=GOLD;P=SOUTH;S=B";
constexpr std::size_t kSize = 2'000'000, kMiddle = 1'200'000;

mts::ORName name_of(const char* address) {
  mts::ORName out;
  static_cast<oraddress::ORAddress&>(out) = oraddress::parse(address).value();
  return out;
}

struct Restart : ::testing::Test {
  Restart() : north({"north", domain("DE", " ", "NORTH")}), south({"south", domain("GB", "GOLD", "SOUTH")}) {
    south.mailboxes.add(kBob);
    north.route("C=GB;A=GOLD;P=SOUTH", RouteTarget::Kind::Peer, "south");
    south.route("C=GB;A=GOLD;P=SOUTH", RouteTarget::Kind::Store);
    south.peers.push_back(peer_of(north.who()));
    north.schedule = {{std::chrono::seconds(1)}, std::chrono::hours(1), 0};
    north.peers.push_back(peer_of(south.who()));
    north.peers.back().address = osi::PresentationAddress{{}, {}, {}, "127.0.0.1", road.port()};
    north.peers.back().associations = 1;
  }
  ~Restart() override {
    north.stop();
    south.stop();
  }
  void start_south() {
    south.start();
    road.target = south.port;
  }
  /// A transfer to south that stops in its middle; north tries again in a second.
  void cut_in_the_middle() {
    start_south();
    north.start();
    road.arm({BadRoad::ToServer, kMiddle});
    mts::MessageSubmissionEnvelope envelope;
    envelope.originator_name = name_of(kAlice);
    envelope.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
    envelope.per_recipient_fields.emplace_back().recipient_name = name_of(kBob);
    ASSERT_TRUE(north.submit(envelope, Bytes(kSize, 'x')));
    while (road.fired == 0) std::this_thread::yield();
  }
  void expect_it_arrives() {
    const auto received = south.mailboxes.wait(kBob, 1);
    ASSERT_EQ(received.size(), 1U);
    EXPECT_EQ(std::get<mts::Message>(received[0].apdu.value).content.octets, Bytes(kSize, 'x'));
    while (north.spool->stats().queued > 0) std::this_thread::yield();
    EXPECT_EQ(count("staged"), 0);
  }
  std::int64_t count(const std::string& table) {
    return south.store->reader()->query_integer("SELECT count(*) FROM " + table).value().value();
  }
  std::size_t parts() const {
    std::size_t out = 0;
    for (const auto& entry : std::filesystem::directory_iterator(south.store->contents().directory()))
      out += entry.path().extension() == ".part";
    return out;
  }
  void until_nothing_is_staged() {
    for (int i = 0; i < 5000 && (count("staged") != 0 || parts() != 0); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    EXPECT_EQ(count("staged"), 0);
    EXPECT_EQ(parts(), 0U);
  }
  TestNode north, south;
  BadRoad road;
};

TEST_F(Restart, ATransferGoesOnAtItsLastCheckpoint) {
  ASSERT_NO_FATAL_FAILURE(cut_in_the_middle());
  south.stop();
  start_south();
  ASSERT_NO_FATAL_FAILURE(expect_it_arrives());
  EXPECT_EQ(south.node->received().resumed, 1U);
  EXPECT_LT(road.passed(BadRoad::ToServer).size(), kSize - kMiddle + 300'000) << "what was confirmed does not come again";
}

TEST_F(Restart, ItGoesOnAfterEveryOneOfManyRestarts) {
  ASSERT_NO_FATAL_FAILURE(cut_in_the_middle());
  for (int i = 0; i < 3; ++i) {
    const std::size_t before = road.fired;
    road.arm({BadRoad::ToServer, 250'000});
    south.stop();
    start_south();
    while (road.fired == before) std::this_thread::yield();
  }
  ASSERT_NO_FATAL_FAILURE(expect_it_arrives());
}

TEST_F(Restart, OfAPeerThatIsOursNoMoreNothingIsKept) {
  ASSERT_NO_FATAL_FAILURE(cut_in_the_middle());
  south.stop();
  south.peers.clear();
  start_south();
  until_nothing_is_staged();
}

TEST_F(Restart, WhatNobodyGoesOnWithIsDroppedByHousekeeping) {
  south.housekeeping = std::chrono::milliseconds(20);
  south.interrupted = std::chrono::seconds(1);
  ASSERT_NO_FATAL_FAILURE(cut_in_the_middle());
  while (count("staged") == 0) std::this_thread::yield();
  north.stop();
  EXPECT_EQ(count("staged"), 1) << "it may be asked for";
  until_nothing_is_staged();
  north.start();
  ASSERT_NO_FATAL_FAILURE(expect_it_arrives());
}

TEST_F(Restart, HousekeepingForgetsWhatWasAcceptedLongAgo) {
  south.housekeeping = std::chrono::milliseconds(20);
  start_south();
  const auto seen = [this](const char* key, std::chrono::hours ago) {
    const std::int64_t time = unix_millis(south.clock.now() - ago);
    ASSERT_TRUE(south.store->writer().transact([&](Database& database) {
      return database.run("INSERT INTO mts_seen(key, time) VALUES (?,?)", as_bytes(std::string_view(key)), time);
    }));
  };
  seen("old", std::chrono::hours(24 * 7 + 1));
  seen("new", std::chrono::hours(24 * 6));
  for (int i = 0; i < 5000 && count("mts_seen") != 1; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_EQ(count("mts_seen"), 1);
  south.stop();  // its housekeeping ends with it
}

}  // namespace
}  // namespace postern::mhs
