// What auto-actions forward goes to the MTS exactly once, whoever asks how often; what never can go is dropped, what cannot go now waits.
#include "mhs/forwarder.hpp"

#include <gtest/gtest.h>

#include "mhs/testing/node.hpp"

namespace postern::mhs {
namespace {

using testing::domain;
using testing::TestNode;

constexpr const char* kAlice = "C=DE;A= ;P=NORTH;S=Alice";
constexpr const char* kBob = "C=DE;A= ;P=NORTH;S=Bob";

mts::ORName name_of(const char* address) {
  mts::ORName out;
  static_cast<oraddress::ORAddress&>(out) = oraddress::parse(address).value();
  return out;
}

mts::MessageSubmissionArgument to_bob(std::string_view content) {
  mts::MessageSubmissionArgument out;
  out.envelope.originator_name = name_of(kAlice);
  out.envelope.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
  out.envelope.per_recipient_fields.emplace_back().recipient_name = name_of(kBob);
  out.content = asn1::OctetString(content);
  return out;
}

struct ForwarderTest : ::testing::Test {
  ForwarderTest() : node({"north", domain("DE", " ", "NORTH")}) {
    node.mailboxes.add(kBob);
    node.route("C=DE;A= ;P=NORTH", RouteTarget::Kind::Store);
    node.start();
    users = std::make_unique<MsUsers>(*node.store, **node.keeper, node.random);
    boxes = std::make_unique<StoreMailboxes>(*node.store, **node.keeper, *users, node.random);
    alice = boxes->add(name_of(kAlice), "secret").value();
    forwarder = std::make_unique<Forwarder>(Forwarder::Parts{*boxes, *node.node, *node.loops, *node.workers});
  }
  ~ForwarderTest() override {
    forwarder->stop();
    node.stop();
  }
  void wait_for(const mts::MessageSubmissionArgument& argument) {
    const Bytes octets = asn1::encode_as_taken(argument).value();
    const auto key = users->key_of(alice).value();
    ASSERT_TRUE(node.store->writer().transact([&](Database& database) { return add_ms_forward(database, alice, *key, 1, octets); }));
  }
  std::size_t waiting() { return boxes->pending()->size(); }
  void until_waiting(std::size_t count) {
    for (int i = 0; i < 5000 && waiting() != count; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ASSERT_EQ(waiting(), count);
  }
  std::multiset<std::string> contents(std::size_t count) {
    std::multiset<std::string> out;
    for (const auto& each : node.mailboxes.wait(kBob, count)) out.emplace(as_text(std::get<mts::Message>(each.apdu.value).content.octets));
    return out;
  }
  TestNode node;
  std::unique_ptr<MsUsers> users;
  std::unique_ptr<StoreMailboxes> boxes;
  MsUser alice;
  std::unique_ptr<Forwarder> forwarder;
};

TEST_F(ForwarderTest, WhatWaitsIsSubmittedOnceHoweverOftenItIsLookedFor) {
  std::multiset<std::string> sent;
  for (int i = 0; i < 30; ++i) {
    sent.insert("message " + std::to_string(i));
    wait_for(to_bob("message " + std::to_string(i)));
    forwarder->look();
    forwarder->look();
  }
  EXPECT_EQ(contents(30), sent);
  ASSERT_NO_FATAL_FAILURE(until_waiting(0));
  forwarder->look();
  while (node.spool->stats().queued > 0) std::this_thread::yield();
  EXPECT_EQ(contents(30), sent);
}

TEST_F(ForwarderTest, WhatNeverCanBeSubmittedKeepsNobodyElseWaiting) {
  mts::MessageSubmissionArgument never = to_bob("never");
  mts::Criticality critical;
  critical.set(mts::CriticalityBit::ForSubmission);
  never.envelope.extensions.push_back({{asn1::Oid{1, 2, 3}}, critical, {Bytes{5, 0}}});
  ASSERT_NO_FATAL_FAILURE(wait_for(never));
  ASSERT_NO_FATAL_FAILURE(wait_for(to_bob("behind it")));
  forwarder->look();
  EXPECT_EQ(contents(1), std::multiset<std::string>{"behind it"});
  ASSERT_NO_FATAL_FAILURE(until_waiting(0));
}

TEST_F(ForwarderTest, WhatCannotBeSubmittedNowWaits) {
  const test::FaultGuard guard;
  ASSERT_NO_FATAL_FAILURE(wait_for(to_bob("later")));
  disk_faults().full = true;
  forwarder->look();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(waiting(), 1U);
  disk_faults().full = false;
  forwarder->look();
  EXPECT_EQ(contents(1), std::multiset<std::string>{"later"});
  ASSERT_NO_FATAL_FAILURE(until_waiting(0));
}

TEST_F(ForwarderTest, AfterItsEndItLooksNoMore) {
  forwarder->stop();
  ASSERT_NO_FATAL_FAILURE(wait_for(to_bob("the next process sends it")));
  forwarder->look();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(waiting(), 1U);
}

}  // namespace
}  // namespace postern::mhs
