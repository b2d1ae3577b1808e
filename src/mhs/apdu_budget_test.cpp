// Bad days of the gate's memory: users who bound and send large APDUs of which the end does not come.
#include <gtest/gtest.h>

#include <thread>

#include "mhs/p3_client.hpp"
#include "mhs/testing/mutations.hpp"
#include "mhs/testing/users.hpp"

namespace postern::mhs {
namespace {

using io::testing::BadRoad;
using io::testing::soon;
using testing::domain;
using testing::name_of;
using testing::UserNode;

constexpr const char* kAlice = "C=DE;A= ;P=NORTH;O=Works;S=Alice";
constexpr std::size_t kBudget = 4U * 1024 * 1024, kLarge = 2U * 1024 * 1024;

mts::MessageSubmissionArgument message_of(std::size_t size) {
  mts::MessageSubmissionArgument out;
  out.envelope.originator_name = name_of(kAlice);
  out.envelope.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
  out.envelope.per_recipient_fields.emplace_back().recipient_name = name_of(kAlice);
  out.content = asn1::OctetString(Bytes(size, 'x'));
  return out;
}

template <class Condition>
bool wait_until(Condition condition) {
  for (int tries = 0; tries < 2000 && !condition(); ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return condition();
}

class ApduBudget : public ::testing::TestWithParam<bool> {
 protected:
  ApduBudget() : node({"north", domain("DE", " ", "NORTH")}) {
    node.mailboxes.add(kAlice);
    node.users.add(kAlice, "secret of alice");
    node.route("C=DE;A= ;P=NORTH", RouteTarget::Kind::Store);
    node.budget = std::make_shared<ContentBudget>(kBudget);
  }
  ~ApduBudget() override { node.end(); }
  void start(std::chrono::seconds stall = std::chrono::minutes(3)) {
    node.mta.limits.stall_timeout = stall;
    node.serve_users();
    road.target = node.port;
  }
  std::unique_ptr<P3Client> bound(std::uint16_t port) {
    UserCall call;
    call.address = {{}, {}, {}, "127.0.0.1", port};
    call.user = name_of(kAlice);
    call.password = SecretBytes::from_text("secret of alice");
    call.reliable = GetParam();
    call.tls.required = false;
    call.limits.max_apdu = call.limits.max_ssdu = 2 * kLarge;
    auto client = run(P3Client::open(std::move(call), node.resolver, soon()));
    EXPECT_TRUE(client) << (client ? "" : client.error().text);
    return client ? *std::move(client) : nullptr;
  }
  /// What a user says who binds and submits so much.
  Bytes conversation(std::size_t size) {
    auto client = bound(road.port());
    if (!client) return {};
    const auto submitted = run(client->submit(message_of(size), soon()));
    EXPECT_TRUE(submitted) << submitted.error().text();
    return road.passed(BadRoad::ToServer);
  }
  /// A connection on which this much of it came, and no more does.
  UniqueFd begun(ByteView octets) {
    UniqueFd socket = io::testing::connected(node.port);
    for (int answers = 0; answers < 2; ++answers) {  // to the transport connection and to the bind: nothing may come before them
      const std::size_t tpkt = octets[2] * 256U + octets[3];
      say(socket, octets.first(tpkt));
      octets = octets.subspan(tpkt);
      std::array<Byte, 4096> answer{};
      EXPECT_GT(::recv(socket.get(), answer.data(), answer.size(), 0), 0);
    }
    say(socket, octets);
    return socket;
  }
  /// A connection of somebody who never binds: the transport is open, and so much of a TSDU came that has no end.
  UniqueFd stranger(ByteView connect, std::size_t size) const {
    UniqueFd socket = io::testing::connected(node.port);
    say(socket, connect);
    std::array<Byte, 64> confirmed{};
    EXPECT_GT(::recv(socket.get(), confirmed.data(), confirmed.size(), 0), 0);
    constexpr std::size_t kData = 1000;  // X.224 13.7: DT, not the end of its TSDU
    Bytes piece{3, 0, (kData + 7) / 256, (kData + 7) % 256, 2, 0xF0, 0};
    piece.resize(7 + kData, 'x');
    for (std::size_t at = 0; at < size; at += kData) say(socket, piece);
    return socket;
  }
  static void say(const UniqueFd& socket, ByteView octets) {
    while (!octets.empty()) {
      const ssize_t sent = ::send(socket.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // it had enough
      octets = octets.subspan(static_cast<std::size_t>(sent));
    }
  }
  /// The server has ended it.
  static bool is_ended(const UniqueFd& socket) {
    std::array<Byte, 16384> ignored{};
    return wait_until([&] {
      const ssize_t got = ::recv(socket.get(), ignored.data(), ignored.size(), MSG_DONTWAIT);
      return got == 0 || (got < 0 && errno != EAGAIN);
    });
  }
  template <class T>
  T run(io::Task<T> task) {
    return node.loops->run(std::move(task));
  }
  UserNode node;
  BadRoad road;
};
INSTANTIATE_TEST_SUITE_P(P3, ApduBudget, ::testing::Values(false, true), [](const auto& with) { return with.param ? "Rtse" : "Rose"; });

TEST_P(ApduBudget, WhatIsUnfinishedCountsForAllTogether) {
  start();
  const Bytes whole = conversation(kLarge);
  ASSERT_GT(whole.size(), kLarge);
  ASSERT_TRUE(wait_until([&] { return node.budget->used() == 0; })) << "what is done counts no more";
  const ByteView most = ByteView(whole).first(whole.size() - 300'000);
  std::vector<UniqueFd> held;
  held.push_back(begun(most));
  ASSERT_TRUE(wait_until([&] { return node.budget->used() >= kLarge / 2; }));
  held.push_back(begun(most));
  EXPECT_TRUE(is_ended(held.back())) << "three quarters are for large ones, and this is more";
  auto small = bound(node.port);
  ASSERT_TRUE(small);
  EXPECT_TRUE(run(small->submit(message_of(30'000), soon()))) << "a quarter is kept for small ones";
  held.clear();
  EXPECT_TRUE(wait_until([&] { return node.budget->used() == 0; })) << "it is given back";
  auto large = bound(node.port);
  ASSERT_TRUE(large);
  EXPECT_TRUE(run(large->submit(message_of(kLarge), soon())));
}

TEST_P(ApduBudget, CallersWhoNeverBindUseUpNothingOfThoseWhoDid) {
  start();
  const Bytes whole = conversation(1000);
  ASSERT_GT(whole.size(), 4U);
  const ByteView connect = ByteView(whole).first(whole[2] * 256U + whole[3]);
  auto alice = bound(node.port);
  ASSERT_TRUE(alice);
  std::vector<UniqueFd> held;
  for (int i = 0; i < 80; ++i) held.push_back(stranger(connect, 60'000));  // 80 times 64 KiB are more than all of the budget
  EXPECT_TRUE(is_ended(held.back())) << "they have an eighth among themselves";
  EXPECT_EQ(node.budget->used(), 0U);
  EXPECT_TRUE(run(alice->submit(message_of(30'000), soon())));
}

TEST_P(ApduBudget, NoBindIsSoLong) {
  start();
  const Bytes whole = conversation(1000);
  ASSERT_GT(whole.size(), 4U);
  EXPECT_TRUE(is_ended(stranger(ByteView(whole).first(whole[2] * 256U + whole[3]), 140'000)));
}

TEST_P(ApduBudget, APeerThatStopsInTheMiddleOfAnApduIsLeft) {
  start(std::chrono::seconds(1));
  const Bytes whole = conversation(kLarge);
  ASSERT_GT(whole.size(), kLarge);
  const UniqueFd stopped = begun(ByteView(whole).first(whole.size() / 2));
  ASSERT_TRUE(wait_until([&] { return node.budget->used() >= kLarge / 4; }));
  EXPECT_TRUE(is_ended(stopped)) << "long before it would be idle for too long";
  EXPECT_TRUE(wait_until([&] { return node.budget->used() == 0; }));
  auto idle = bound(node.port);
  ASSERT_TRUE(idle);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // longer than an APDU may pause: between two of them nobody has to hurry
  EXPECT_TRUE(run(idle->submit(message_of(100), soon())));
}

}  // namespace
}  // namespace postern::mhs
