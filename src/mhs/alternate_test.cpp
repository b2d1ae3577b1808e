// Two-way alternate associations of P1 (X.218 8.5, 8.6; X.228 7.6): one MTA opens, both send.
#include "mhs/testing/two_nodes.hpp"

namespace postern::mhs {
namespace {

using namespace testing;

struct Alternate : TwoNodes {
  /// North calls south; south has nowhere to call.
  void start_alternate(TransferMode mode = TransferMode::Normal, bool south_agrees = true) {
    start(mode);
    stop();
    north.peers.front().alternate = true;
    north.peers.front().associations = 1;  // what breaks is replaced, and that counts
    south.peers.front().alternate = south_agrees;
    if (south_agrees) south.peers.front().address.reset();
    north.start();
    south.start();
  }
  void stop() {
    north.stop();
    south.stop();
  }
  static mts::MessageSubmissionEnvelope from_bob(bool report) {
    auto out = envelope_to({kAlice}, report);
    out.originator_name = name_of(kBob);
    out.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1984;
    return out;
  }
  static mts::MessageSubmissionEnvelope from_alice(bool report) {
    auto out = envelope_to({kBob}, report);
    out.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1984;
    return out;
  }
};

TEST_F(Alternate, ReportsAndMessagesComeBackOverTheSameAssociationInEveryMode) {
  for (const TransferMode mode : {TransferMode::Normal, TransferMode::X410, TransferMode::X410_1984}) {
    const std::size_t alice = north.mailboxes.wait(kAlice, 0).size(), bob = south.mailboxes.wait(kBob, 0).size();
    start_alternate(mode);
    ASSERT_TRUE(north.submit(from_alice(true), content_of(5000)));
    EXPECT_EQ(south.mailboxes.wait(kBob, bob + 1).size(), bob + 1) << name_of(mode);
    EXPECT_EQ(north.mailboxes.wait(kAlice, alice + 1).size(), alice + 1) << name_of(mode);
    // The association is idle: south asks for the turn.
    ASSERT_TRUE(south.submit(from_bob(true), content_of(700'000)));
    const auto received = north.mailboxes.wait(kAlice, alice + 2);
    ASSERT_EQ(received.size(), alice + 2) << name_of(mode);
    EXPECT_EQ(std::get<mts::Message>(received.back().apdu.value).content.octets, content_of(700'000));
    EXPECT_EQ(south.mailboxes.wait(kBob, bob + 2).size(), bob + 2) << name_of(mode);
    EXPECT_EQ(north.node->sent().associations, 1U) << name_of(mode);
    EXPECT_EQ(south.node->sent().associations, 0U) << name_of(mode);
    stop();
  }
}

TEST_F(Alternate, ManyMessagesBothWaysAtOnce) {
  start_alternate();
  constexpr std::size_t kCount = 100;
  for (std::size_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(north.submit(from_alice(false), content_of(i * 37)));
    ASSERT_TRUE(south.submit(from_bob(false), content_of(i * 41)));
  }
  EXPECT_EQ(south.mailboxes.wait(kBob, kCount).size(), kCount);
  EXPECT_EQ(north.mailboxes.wait(kAlice, kCount).size(), kCount);
  EXPECT_EQ(north.node->sent().associations, 1U);
  EXPECT_EQ(south.node->sent().associations, 0U);
  EXPECT_EQ(south.node->sent().transferred, kCount);
  EXPECT_EQ(north.node->received().duplicates + south.node->received().duplicates, 0U);
}

TEST_F(Alternate, WhatWaitedForThePeerGoesWhenItCalls) {
  start_alternate();
  ASSERT_TRUE(south.submit(from_bob(false), content_of(10)));
  while (south.node->sent().deferred == 0) std::this_thread::yield();  // south cannot call
  ASSERT_TRUE(north.submit(from_alice(false), content_of(10)));
  EXPECT_EQ(south.mailboxes.wait(kBob, 1).size(), 1U);
  EXPECT_EQ(north.mailboxes.wait(kAlice, 1).size(), 1U);
}

TEST_F(Alternate, APeerThatDoesNotAgreeCallsItself) {
  start_alternate(TransferMode::Normal, false);
  ASSERT_TRUE(north.submit(from_alice(true), content_of(10)));
  EXPECT_EQ(south.mailboxes.wait(kBob, 1).size(), 1U);
  EXPECT_EQ(north.mailboxes.wait(kAlice, 1).size(), 1U);
  EXPECT_EQ(south.node->sent().associations, 1U);
}

TEST_F(Alternate, APeerThatBindsInAnotherModeThanItIsSetUpForGetsNothingThatWay) {
  start(TransferMode::Normal);
  stop();
  north.peers.front().alternate = south.peers.front().alternate = true;
  south.peers.front().mode = TransferMode::X410_1984;
  north.start();
  south.start();
  ASSERT_TRUE(north.submit(from_alice(true), content_of(10)));
  EXPECT_EQ(south.mailboxes.wait(kBob, 1).size(), 1U);
  EXPECT_EQ(north.mailboxes.wait(kAlice, 1).size(), 1U);
  EXPECT_EQ(south.node->sent().associations, 1U) << "the report goes over one of south's own, in its own mode";
}

}  // namespace
}  // namespace postern::mhs
