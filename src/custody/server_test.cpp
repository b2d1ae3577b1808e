#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <set>

#include "custody/testing/held_keeper.hpp"
#include "custody/testing/raw_gate.hpp"
#include "custody/testing/stage.hpp"
#include "keys/transit_keeper.hpp"
#include "vault/testing/slow_sink.hpp"

namespace postern::custody {
namespace {

using testing::RawGate;
using testing::Stage;

class Server : public ::testing::Test {
 protected:
  RawGate gate(Stage& stage) {
    RawGate made(stage.open().value());
    EXPECT_TRUE(made.greet());
    return made;
  }
  /// The keeper lives: another channel works.
  void expect_alive(Stage& stage) {
    RemoteKeeper keeper(stage.link());
    EXPECT_TRUE(keeper.mac(key_names::kApiHmac, 0, HashAlgorithm::Sha256, {}));
  }

  ManualClock m_clock{wall_from_millis(1795308067000)};
  std::shared_ptr<Keeper> m_held = make_memory_keeper(m_clock).value();
};

WipedBytes mac_request(std::uint64_t id, ByteView data = {}, std::uint32_t patience = 60000) {
  Writer out = begin_request(static_cast<std::uint8_t>(Call::Mac));
  RowOf<Call::Mac>::write(out, key_names::kApiHmac, 0, HashAlgorithm::Sha256, data);
  WipedBytes frame = std::move(out).finish().value();
  stamp(frame, id, patience);
  return frame;
}
template <Call kCall, class... A>
WipedBytes request(std::uint64_t id, const A&... arguments) {
  Writer out = begin_request(static_cast<std::uint8_t>(kCall));
  RowOf<kCall>::write(out, arguments...);
  WipedBytes frame = std::move(out).finish().value();
  stamp(frame, id, 60000);
  return frame;
}

std::uint64_t id_of(const Bytes& body) {
  Reader in{ByteView(body)};
  return read_reply_head(in).value_or(ReplyHead{}).id;
}

TEST_F(Server, AnswersManyRequestsOfOneWrite) {
  Stage stage(*m_held);
  RawGate gate = this->gate(stage);
  Bytes all;
  for (std::uint64_t id = 1; id <= 500; ++id) append(all, mac_request(id));
  ASSERT_TRUE(gate.send(all));
  for (std::uint64_t id = 1; id <= 500; ++id) {
    const auto body = gate.next();
    ASSERT_TRUE(body);
    EXPECT_EQ(id_of(*body), id);
  }
}

TEST_F(Server, TakesRequestsByteByByte) {
  Stage stage(*m_held);
  RawGate gate = this->gate(stage);
  for (const Byte byte : mac_request(1)) ASSERT_TRUE(gate.send({&byte, 1}));
  EXPECT_EQ(id_of(gate.next().value()), 1U);
}

TEST_F(Server, RefusesAnotherBuildAndSaysWhy) {
  Stage stage(*m_held);
  RawGate gate(stage.open().value());
  Greeting other = Greeting::own();
  other.build = "0.0.1-other";
  ASSERT_TRUE(gate.send(write_greeting(other)));
  const auto body = gate.next();
  ASSERT_TRUE(body);
  const Welcome welcome = read_welcome(*body).value();
  EXPECT_FALSE(welcome.accepted);
  EXPECT_NE(welcome.text.find("0.0.1-other"), std::string::npos);
  EXPECT_TRUE(gate.is_closed());
}

struct Hostile {
  const char* name;
  std::function<Bytes()> say;
  bool greets = true;
};

Bytes plain(const WipedBytes& frame) { return Bytes(frame.begin(), frame.end()); }
Bytes sized(Bytes body) {
  const auto size = static_cast<std::uint32_t>(body.size());
  Bytes frame;
  for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<Byte>(size >> shift));
  append(frame, body);
  return frame;
}

const Hostile kHostile[] = {
    {"no greeting", [] { return plain(mac_request(1)); }, false},
    {"an endless greeting", [] { return Bytes{0, 0, 0xff, 0xff}; }, false},
    {"text", [] { return to_bytes("GET / HTTP/1.1\r\n\r\n"); }, false},
    {"a huge frame", [] { return Bytes{0xff, 0xff, 0xff, 0xff}; }},
    {"an empty frame", [] { return Bytes{0, 0, 0, 0}; }},
    {"half a head", [] { return sized({0, 0, 0, 0, 0, 0, 0, 1}); }},
    {"an unknown call", [] { return sized({0, 0, 0, 0, 0, 0, 0, 1, 200, 0, 0, 0, 1}); }},
    {"call zero", [] { return sized({0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}); }},
    {"id zero", [] { return plain(mac_request(0)); }},
    {"an id twice",
     [] {
       Bytes twice = plain(mac_request(7));
       append(twice, mac_request(7));
       return twice;
     }},
    {"ids that fall",
     [] {
       Bytes falling = plain(mac_request(7));
       append(falling, mac_request(6));
       return falling;
     }},
    {"no arguments", [] { return sized({0, 0, 0, 0, 0, 0, 0, 1, 10, 0, 0, 0xff, 0xff}); }},
    {"a byte too many",
     [] {
       Bytes frame = plain(mac_request(1));
       frame.push_back(0);
       frame[3] += 1;
       return frame;
     }},
    {"arguments of a slow call that are none", [] { return sized({0, 0, 0, 0, 0, 0, 0, 1, 16, 0, 0, 0xff, 0xff, 1}); }},
    {"a tree that is none", [] { return sized({0, 0, 0, 0, 0, 0, 0, 1, 25, 0, 0, 0xff, 0xff, 0, 0}); }},
};

TEST_F(Server, AHostileGateHarmsOnlyItself) {
  Stage stage(*m_held);
  for (const Hostile& one : kHostile) {
    SCOPED_TRACE(one.name);
    RawGate gate(stage.open().value());
    if (one.greets) ASSERT_TRUE(gate.greet());
    (void)gate.send(one.say());
    EXPECT_TRUE(gate.is_closed());
  }
  expect_alive(stage);
}

TEST_F(Server, RandomBytes) {
  Stage stage(*m_held);
  std::mt19937 random(4711);
  for (int round = 0; round < 60; ++round) {
    RawGate gate(stage.open().value());
    if (round % 3 != 0) ASSERT_TRUE(gate.greet());
    Bytes noise(200'000);
    for (Byte& byte : noise) byte = static_cast<Byte>(random());
    if (round % 3 == 2) noise[0] = noise[1] = 0;  // small frames
    (void)gate.send(noise, std::chrono::seconds(2));
    gate.channel().shut_down();
  }
  expect_alive(stage);
}

TEST_F(Server, AnEndInTheMiddleIsNoError) {
  Stage stage(*m_held);
  for (std::size_t size = 0; size < 40; size += 3) {
    RawGate gate = this->gate(stage);
    ASSERT_TRUE(gate.send(ByteView(mac_request(1)).first(size)));
  }
  expect_alive(stage);
}

TEST_F(Server, SaysHowItEnded) {
  auto ends = Channel::pair().value();
  KeeperServer closed(std::move(ends.second), {.role = Role::Gate, .keeper = *m_held});
  {
    const Channel gone = std::move(ends.first);
  }
  EXPECT_TRUE(closed.run());
  auto silent = Channel::pair().value();
  KeeperServer waits(std::move(silent.second), {.role = Role::Gate, .keeper = *m_held}, {.greeting = std::chrono::seconds(0)});
  EXPECT_EQ(waits.run().error().code, ErrorCode::Timeout);
  auto broken = Channel::pair().value();
  const Bytes noise(64, 0x41);
  const ByteView piece(noise);
  ASSERT_EQ(broken.first.send({&piece, 1}).bytes, noise.size());
  KeeperServer reads(std::move(broken.second), {.role = Role::Gate, .keeper = *m_held});
  EXPECT_EQ(reads.run().error().code, ErrorCode::TooLarge);
}

TEST_F(Server, WhatIsQuickOvertakesWhatIsSlow) {
  testing::HeldKeeper held(*m_held);
  held.hold();
  Stage stage(held);
  RawGate gate = this->gate(stage);
  ASSERT_TRUE(gate.send(request<Call::List>(1)));
  ASSERT_TRUE(gate.send(mac_request(2)));
  EXPECT_EQ(id_of(gate.next().value()), 2U);
  held.release();
  EXPECT_EQ(id_of(gate.next().value()), 1U);
}

TEST_F(Server, ReadsNoMoreThanItHasRoomFor) {
  testing::HeldKeeper held(*m_held);
  held.hold();
  Stage stage(held, {}, Role::Gate, {.workers = 2, .requests = 5});
  RawGate gate = this->gate(stage);
  for (std::uint64_t id = 1; id <= 50; ++id) ASSERT_TRUE(gate.send(request<Call::List>(id)));
  ASSERT_TRUE(held.await_begun(2));
  EXPECT_LE(stage.counts().pooled, 5U);
  EXPECT_EQ(held.begun(), 2U);
  held.release();
  for (std::uint64_t id = 1; id <= 50; ++id) ASSERT_TRUE(gate.next()) << id;
  EXPECT_EQ(stage.counts().pooled, 50U);
}

TEST_F(Server, TakesWhatIsThereAsSoonAsThereIsRoom) {
  testing::HeldKeeper held(*m_held);  // does not hold: each is over at once, on a worker
  Stage stage(held, {}, Role::Gate, {.workers = 1, .requests = 1, .spin = std::chrono::microseconds(0)});
  RawGate gate = this->gate(stage);
  std::uint64_t id = 0;
  for (int turn = 0; turn < 2000; ++turn) {
    Bytes all;
    for (int i = 0; i < 3; ++i) append(all, request<Call::List>(++id));
    ASSERT_TRUE(gate.send(all));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(gate.next()) << "of turn " << turn;
  }
}

WipedBytes sign_request(std::uint64_t id, const KeyName& key) {
  return request<Call::Sign>(id, key, std::uint32_t{0}, SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256), ByteView());
}

TEST_F(Server, ASignatureThatComesAloneNeedsNoWorker) {
  const KeyName rsa("rsa");
  ASSERT_TRUE(m_held->ensure(rsa, KeyType::Rsa2048));
  Stage stage(*m_held);
  RawGate gate = this->gate(stage);
  std::uint64_t id = 0;
  const auto sign_after_a_pause = [&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_TRUE(gate.send(plain(sign_request(++id, rsa))));
    ASSERT_TRUE(gate.next());
  };
  sign_after_a_pause();
  EXPECT_EQ(stage.counts().own, 0U) << "whose type nobody knows yet may take long";
  for (int i = 0; i < 5; ++i) sign_after_a_pause();
  EXPECT_GE(stage.counts().own, 1U);
  EXPECT_EQ(stage.counts().pooled, 6U);
}

TEST_F(Server, WhatComesWithALoneSignatureDoesNotWaitForIt) {
  const KeyName rsa("rsa");
  ASSERT_TRUE(m_held->ensure(rsa, KeyType::Rsa2048));
  Stage stage(*m_held);
  RawGate gate = this->gate(stage);
  std::uint64_t id = 0, before = 0;
  for (int i = 0; i < 50; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    Bytes turn = plain(sign_request(++id, rsa));
    append(turn, mac_request(++id));
    append(turn, sign_request(++id, rsa));
    ASSERT_TRUE(gate.send(turn));
    std::set<std::uint64_t> answered;
    for (int reply = 0; reply < 3; ++reply) {
      answered.insert(id_of(gate.next().value()));
      if (reply == 0 && answered.contains(id - 1)) ++before;
    }
    EXPECT_EQ(answered, (std::set<std::uint64_t>{id - 2, id - 1, id}));
  }
  EXPECT_GE(stage.counts().own, 1U);
  EXPECT_GE(before, 1U);
}

TEST_F(Server, ASignatureWithMuchBehindItIsLikeOthers) {
  const KeyName rsa("rsa");
  ASSERT_TRUE(m_held->ensure(rsa, KeyType::Rsa2048));
  Stage stage(*m_held);
  RawGate gate = this->gate(stage);
  std::uint64_t id = 0;
  for (int turn = 0; turn < 10; ++turn) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    Bytes all = plain(sign_request(++id, rsa));
    for (int i = 0; i < 20; ++i) append(all, mac_request(++id));
    ASSERT_TRUE(gate.send(all));
    std::set<std::uint64_t> answered;
    for (int i = 0; i < 21; ++i) answered.insert(id_of(gate.next().value()));
    EXPECT_EQ(answered.size(), 21U);
    EXPECT_EQ(*answered.rbegin(), id);
  }
  EXPECT_EQ(stage.counts().own, 0U);
  EXPECT_GE(stage.counts().quick, 10U * 15U);
}

/// An engine that answers at once, and whose answers wait for a slow audit device.
struct Audited {
  Audited() { vault::testing::open_only(broker, sink); }
  VaultEngine engine() {
    return {[](const vault::Request&) { return vault::Reply{}; }, [](const vault::Request&) { return true; },
            [this](vault::Request& request, vault::AuditReceipt& receipt) -> std::optional<vault::Reply> {
              const vault::AuditExchange exchange{
                  .request = request, .operation = request.operation, .mount = {}, .time = {}, .warnings = {}, .error = {}};
              if (!broker.record_response(exchange, &receipt)) return std::nullopt;
              vault::Reply reply;
              reply.body.assign(body, 'x');
              return reply;
            }};
  }
  static WipedBytes ask(std::uint64_t id) {
    Writer out = begin_request(static_cast<std::uint8_t>(Call::Vault));
    write_vault_request(out, {});
    WipedBytes frame = std::move(out).finish().value();
    stamp(frame, id, 60000);
    return frame;
  }
  /// Sends so many, and returns when their lines wait for the device.
  void ask_all(RawGate& gate, std::uint64_t from, std::uint64_t to) const {
    for (std::uint64_t id = from; id <= to; ++id) ASSERT_TRUE(gate.send(ask(id)));
    while (sink->offered() < to) std::this_thread::yield();
  }
  std::size_t body = 100;
  vault::AuditBroker broker;
  std::shared_ptr<vault::testing::SlowSink> sink = std::make_shared<vault::testing::SlowSink>();
};

TEST_F(Server, WhatIsRecordedGoesOutWhileTheChannelsThreadSleeps) {
  Audited audited;
  Stage stage(*m_held, audited.engine());
  RawGate gate = this->gate(stage);
  for (std::uint64_t id = 1; id <= 100; id += 2) {
    audited.ask_all(gate, id, id + 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    audited.sink->record_all();
    EXPECT_EQ(id_of(gate.next().value()), id);
    EXPECT_EQ(id_of(gate.next().value()), id + 1);
  }
  EXPECT_GE(stage.counts().asleep, 1U);
}

TEST_F(Server, WhatIsRecordedInPartGoesOutInPart) {
  Audited audited;
  Stage stage(*m_held, audited.engine());
  RawGate gate = this->gate(stage);
  audited.ask_all(gate, 1, 50);
  for (std::uint64_t id = 1; id <= 50; ++id) {
    audited.sink->record(id);
    EXPECT_EQ(id_of(gate.next().value()), id);
  }
}

TEST_F(Server, WhatTheGateDoesNotReadWaitsForItAlsoAfterAudit) {
  Audited audited;
  audited.body = 200'000;
  Stage stage(*m_held, audited.engine());
  RawGate gate = this->gate(stage);
  audited.ask_all(gate, 1, 20);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  audited.sink->record_all();
  for (std::uint64_t id = 1; id <= 20; ++id) EXPECT_EQ(id_of(gate.next().value()), id);
}

TEST_F(Server, AuditDevicesAndRequestsDoNotWaitForEachOther) {
  Audited audited;
  Stage stage(*m_held, audited.engine());
  RawGate gate = this->gate(stage);
  std::atomic<bool> over{false};
  std::thread device([&] {
    while (!over) {
      audited.sink->record_all();
      std::this_thread::sleep_for(std::chrono::microseconds(30));
    }
  });
  std::mt19937 random(7);
  std::uint64_t sent = 0;
  for (int turn = 0; turn < 2000; ++turn) {
    const std::uint64_t first = sent + 1, count = 1 + random() % 5;
    for (; sent < first + count - 1;) ASSERT_TRUE(gate.send(Audited::ask(++sent)));
    for (std::uint64_t id = first; id <= sent; ++id) ASSERT_EQ(id_of(gate.next().value()), id);
  }
  over = true;
  device.join();
}

TEST_F(Server, ADeviceThatRingsLateFindsNobody) {
  Audited audited;
  {
    Stage stage(*m_held, audited.engine());
    RawGate gate = this->gate(stage);
    audited.ask_all(gate, 1, 3);
    while (audited.sink->bells() == 0) std::this_thread::yield();
  }
  audited.sink->record_all();
  EXPECT_EQ(audited.sink->bells(), 0U) << "it was rung, and nobody was there";
}

TEST_F(Server, BeginsNothingForAGateThatNeverReads) {
  testing::HeldKeeper held(*m_held);
  held.names = 10'000;  // a megabyte
  Stage stage(held, {}, Role::Gate, {.workers = 2, .unsent = std::size_t{2} << 20});
  RawGate gate = this->gate(stage);
  for (std::uint64_t id = 1; id <= 100; ++id) ASSERT_TRUE(gate.send(request<Call::List>(id)));
  ASSERT_TRUE(held.await_begun(3));
  expect_alive(stage);
  EXPECT_LE(held.begun(), 8U) << "replies pile up";
  for (std::uint64_t id = 1; id <= 100; ++id) ASSERT_TRUE(gate.next()) << id;  // and goes on when it does read
}

TEST_F(Server, BeginsNothingThatNobodyWaitsFor) {
  testing::HeldKeeper held(*m_held);
  held.hold();
  Stage stage(held, {}, Role::Gate, {.workers = 1});
  RawGate gate = this->gate(stage);
  ASSERT_TRUE(gate.send(request<Call::List>(1)));
  ASSERT_TRUE(held.await_begun(1));
  WipedBytes late = request<Call::List>(2);
  stamp(late, 2, 0);
  ASSERT_TRUE(gate.send(late));
  held.release();
  EXPECT_EQ(id_of(gate.next().value()), 1U);
  const Bytes second = gate.next().value();
  Reader in{ByteView(second)};
  EXPECT_EQ(read_reply_head(in).value().kind, ReplyKind::Failed);
  EXPECT_EQ(read_error(in).value().code, ErrorCode::Timeout);
  EXPECT_EQ(held.begun(), 1U);
  EXPECT_EQ(stage.counts().expired, 1U);
}

TEST_F(Server, ChecksRolesAndNamesBeforeTheKeeperHears) {
  Stage stage(*m_held, {}, Role::Observer);
  RawGate gate = this->gate(stage);
  const auto error_of = [&](const WipedBytes& frame) {
    EXPECT_TRUE(gate.send(frame));
    const Bytes body = gate.next().value();
    Reader in{ByteView(body)};
    EXPECT_EQ(read_reply_head(in).value().kind, ReplyKind::Failed);
    return read_error(in).value();
  };
  EXPECT_EQ(error_of(mac_request(1)).what.find("the role observer may not do mac with the key api_hmac_key"), 0U);
  EXPECT_EQ(error_of(request<Call::Remove>(2, key_names::kDkim)).code, ErrorCode::Denied);
  EXPECT_EQ(error_of(request<Call::Describe>(3, KeyName("../x\n"))).code, ErrorCode::BadInput);
  EXPECT_EQ(error_of(request<Call::Describe>(4, KeyName(""))).code, ErrorCode::BadInput);
  ASSERT_TRUE(gate.send(request<Call::Describe>(5, key_names::kDkim)));
  EXPECT_EQ(id_of(gate.next().value()), 5U);
}

/// Throws what a bug would.
class Broken final : public testing::ForwardingKeeper {
 public:
  using ForwardingKeeper::ForwardingKeeper;
  Result<KeyInfo> describe(const KeyName& name) override {
    if (name.get() == "memory") throw std::bad_alloc();
    throw std::runtime_error("a bug with a SECRET");
  }
};

TEST_F(Server, ABugInTheKeeperIsAnAnswer) {
  Broken broken(*m_held);
  Stage stage(broken);
  RemoteKeeper keeper(stage.link());
  EXPECT_EQ(keeper.describe(KeyName("memory")).error().code, ErrorCode::Exhausted);
  const Error error = keeper.describe(KeyName("k")).error();
  EXPECT_EQ(error.code, ErrorCode::Internal);
  EXPECT_EQ(error.what.find("SECRET"), std::string::npos);
  expect_alive(stage);
}

TEST_F(Server, StopsWhileItWorks) {
  testing::HeldKeeper held(*m_held);
  held.hold();
  Stage stage(held);
  RawGate gate = this->gate(stage);
  for (std::uint64_t id = 1; id <= 10; ++id) ASSERT_TRUE(gate.send(request<Call::List>(id)));
  ASSERT_TRUE(held.await_begun(1));
  stage.end();
  held.release();
  EXPECT_TRUE(gate.is_closed());
}

}  // namespace
}  // namespace postern::custody
