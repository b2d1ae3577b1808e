// A cut at every octet of a transfer, in both directions: what was submitted arrives, and once (X.228 7.8, X.411 12.2).
#include <gtest/gtest.h>

#include <set>

#include "mhs/testing/mutations.hpp"
#include "mhs/testing/node.hpp"

namespace postern::mhs {
namespace {

using io::testing::BadRoad;
using testing::domain;
using testing::peer_of;
using testing::TestNode;

constexpr const char* kAlice = "C=DE;A= ;P=NORTH;S=A";
constexpr const char* kBob = "C=GB;A=GOLD;P=SOUTH;S=B";

mts::ORName name_of(const char* address) {
  mts::ORName out;
  static_cast<oraddress::ORAddress&>(out) = oraddress::parse(address).value();
  return out;
}

struct Cuts : ::testing::Test {
  Cuts() : north({"north", domain("DE", " ", "NORTH")}), south({"south", domain("GB", "GOLD", "SOUTH")}) {
    north.mailboxes.add(kAlice);
    south.mailboxes.add(kBob);
    north.route("C=DE;A= ;P=NORTH", RouteTarget::Kind::Store);
    north.route("C=GB;A=GOLD;P=SOUTH", RouteTarget::Kind::Peer, "south");
    south.route("C=GB;A=GOLD;P=SOUTH", RouteTarget::Kind::Store);
    south.route("C=DE;A= ;P=NORTH", RouteTarget::Kind::Peer, "north");
    north.schedule = {{std::chrono::seconds(0)}, std::chrono::hours(1), 0};  // a test does not wait
    south.peers.push_back(peer_of(north.who()));
    south.start();
    road.target = south.port;
    north.peers.push_back(peer_of(south.who()));
    north.peers.back().address = osi::PresentationAddress{{}, {}, {}, "127.0.0.1", road.port()};
    north.peers.back().associations = 1;
    north.peers.back().checkpoint_size = 1;
    north.start();
  }
  ~Cuts() override {
    north.stop();
    south.stop();
  }
  void submit(std::size_t size) {
    mts::MessageSubmissionEnvelope envelope;
    envelope.originator_name = name_of(kAlice);
    envelope.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
    mts::PerRecipientMessageSubmissionFields one;
    one.recipient_name = name_of(kBob);
    envelope.per_recipient_fields.push_back(std::move(one));
    const auto submitted = north.submit(envelope, Bytes(size, 'x'));
    ASSERT_TRUE(submitted) << submitted.error().text();
    sent.insert(submitted->message_submission_identifier.local_identifier.octets);
  }
  /// One message over a new connection that is cut there, and again until it is over.
  void cut(BadRoad::Cut where, std::size_t size) {
    // Or the connection that is to be cut would be taken by the one before, whose confirmation is not there yet.
    while (north.spool->stats().queued > 0) std::this_thread::yield();
    road.arm(where);
    road.cut_all();
    submit(size);
    ASSERT_EQ(south.mailboxes.wait(kBob, sent.size()).size(), sent.size()) << "way " << where.way << ", octet " << where.after;
  }
  /// Octets of a transfer without a cut, from the first of the connection on.
  std::array<std::size_t, 2> measure(std::size_t size) {
    submit(size);
    EXPECT_EQ(south.mailboxes.wait(kBob, 1).size(), 1U);
    while (north.node->sent().transferred == 0) std::this_thread::yield();
    return {road.passed(BadRoad::ToServer).size(), road.passed(BadRoad::ToClient).size()};
  }
  void expect_each_once() {
    std::multiset<std::string> arrived;
    for (const auto& each : south.mailboxes.wait(kBob, sent.size()))
      arrived.insert(std::get<mts::Message>(each.apdu.value).envelope.message_identifier.local_identifier.octets);
    EXPECT_EQ(arrived, std::multiset<std::string>(sent.begin(), sent.end()));
    // What was delivered is noted with one of the next commits, some milliseconds later at most.
    while (north.spool->stats().queued > 0 || south.spool->stats().queued > 0) std::this_thread::yield();
  }
  TestNode north, south;
  BadRoad road;
  std::set<std::string> sent;
};

TEST_F(Cuts, AtEveryOctetOfASmallTransfer) {
  constexpr std::size_t kSize = 10;
  const auto octets = measure(kSize);
  for (const BadRoad::Way way : {BadRoad::ToServer, BadRoad::ToClient})
    for (std::size_t after = 0; after < octets.at(way); ++after) ASSERT_NO_FATAL_FAILURE(cut({way, after}, kSize));
  EXPECT_GE(road.fired, octets[0] + octets[1] - 4) << "each cut happened, but where a transfer is shorter by an octet";
  expect_each_once();
  EXPECT_GT(south.node->received().duplicates, 0U) << "confirmations were lost, too";
}

TEST_F(Cuts, InTransfersWithCheckpointsItGoesOnAtTheLastOne) {
  constexpr std::size_t kSize = 40'000;  // forty checkpoints
  const auto octets = measure(kSize);
  for (const BadRoad::Way way : {BadRoad::ToServer, BadRoad::ToClient})
    for (std::size_t after = octets.at(way) / 2; after < octets.at(way); after += octets.at(way) / 25 + 1)
      ASSERT_NO_FATAL_FAILURE(cut({way, after}, kSize));
  expect_each_once();
  EXPECT_GT(south.node->received().resumed, 20U);
  for (const auto& each : south.mailboxes.wait(kBob, sent.size()))
    EXPECT_EQ(std::get<mts::Message>(each.apdu.value).content.octets, Bytes(kSize, 'x'));
}

// What is resumed is the activity of the association that was lost, and the side that lost it may come first.
TEST_F(Cuts, WhoIsBackBeforeHisOldConnectionEndsGoesOn) {
  constexpr std::size_t kSize = 40'000;
  const auto octets = measure(kSize);
  road.half = true;
  for (std::size_t cuts = 1; cuts <= 5; ++cuts) {
    ASSERT_NO_FATAL_FAILURE(cut({BadRoad::ToServer, octets[BadRoad::ToServer] * (cuts + 3) / 10}, kSize));
    EXPECT_EQ(south.node->received().resumed, cuts);
  }
  expect_each_once();
}

TEST_F(Cuts, MutatedOctetsInEveryStateEndTheAssociationOnly) {
  measure(3000);
  const Bytes recorded = road.passed(BadRoad::ToServer);
  // Behind the bind (connection request, connect with RTORQ) first: wrong passwords lock the peer out.
  std::size_t bind = 0;
  for (int tpkt = 0; tpkt < 2; ++tpkt) bind += static_cast<std::size_t>(recorded.at(bind + 2) << 8 | recorded.at(bind + 3));
  testing::send_mutated(south.port, recorded, bind, 500, 5);
  road.cut_all();
  const std::size_t before = south.mailboxes.wait(kBob, 0).size();
  submit(10);
  EXPECT_GT(south.mailboxes.wait(kBob, before + 1).size(), before) << "it serves on";
  testing::send_mutated(south.port, Bytes(recorded.begin(), recorded.begin() + static_cast<std::ptrdiff_t>(bind)), 0, 300, 6);
  EXPECT_TRUE(testing::is_ended_after(south.port, {}));
}

}  // namespace
}  // namespace postern::mhs
