// What becomes of calls when time runs out, keepers go and come, or talk nonsense.
#include "custody/link.hpp"

#include <gtest/gtest.h>

#include <climits>
#include <future>
#include <random>

#include "custody/testing/held_keeper.hpp"
#include "custody/testing/raw_gate.hpp"
#include "custody/testing/slow_engine.hpp"
#include "custody/testing/stage.hpp"
#include "custody/vault_client.hpp"
#include "keys/transit_keeper.hpp"
#include "vault/testing/world.hpp"

namespace postern::custody {
namespace {

using std::chrono::milliseconds;
using testing::HeldKeeper;
using testing::SlowEngine;
using testing::Stage;

class LinkTest : public ::testing::Test {
 protected:
  ManualClock m_clock{wall_from_millis(1795308067000)};
  std::shared_ptr<Keeper> m_held = make_memory_keeper(m_clock).value();
};

constexpr RemoteKeeperOptions kShort{milliseconds(60), milliseconds(60)};

Result<Bytes> mac(Keeper& keeper) { return keeper.mac(key_names::kApiHmac, 0, HashAlgorithm::Sha256, {}); }

TEST_F(LinkTest, WithoutAKeeperCallsEndAtTheirDeadline) {
  Stage stage(*m_held);
  stage.close();
  RemoteKeeper keeper(stage.link(), kShort);
  const Error error = mac(keeper).error();
  EXPECT_EQ(error.code, ErrorCode::Unavailable);
  EXPECT_EQ(error.what, "the keeper does not answer: mac was not sent; try again later");
  EXPECT_EQ(keeper.rotate(key_names::kDkim).error().what, "the keeper does not answer: rotate was not sent; try again later");
}

TEST_F(LinkTest, CallsWaitForTheKeeper) {
  Stage stage(*m_held);
  stage.close();
  RemoteKeeper keeper(stage.link());
  auto use = std::async(std::launch::async, [&] { return mac(keeper); });
  auto change = std::async(std::launch::async, [&] { return keeper.rotate(key_names::kDkim); });
  stage.reopen();
  EXPECT_TRUE(use.get());
  EXPECT_EQ(change.get()->latest, 2U) << "what was never sent may be sent";
}

TEST_F(LinkTest, ASlowKeeperIsNotWaitedForForEver) {
  HeldKeeper held(*m_held);
  held.hold();
  Stage stage(held);
  RemoteKeeper keeper(stage.link(), {milliseconds(10000), milliseconds(400)});
  ASSERT_TRUE(mac(keeper));
  EXPECT_EQ(keeper.list().error().what, "the keeper did not answer in time (list); try again later");
  const Error unknown = keeper.rotate(key_names::kDkim).error();
  EXPECT_EQ(unknown.code, ErrorCode::Unavailable);
  EXPECT_EQ(unknown.what, "the keeper did not answer in time: whether rotate happened is unknown; look at the key before you try again");
  held.release();
  EXPECT_TRUE(mac(keeper)) << "late answers disturb nobody";
}

TEST_F(LinkTest, WhatWasBegunIsUnderWayBeforeItIsTaken) {
  HeldKeeper held(*m_held);
  Stage stage(held);
  const auto link = stage.link();
  RemoteKeeper keeper(link);
  const auto ask = [&] {
    return Link::Order{.frame = begin_request(static_cast<std::uint8_t>(Call::List)).finish().value(),
                       .deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20),
                       .name = "list"};
  };
  held.hold();
  {
    auto taken = link->begin(ask());
    const auto dropped = link->begin(ask());
    ASSERT_TRUE(taken && dropped);
    EXPECT_TRUE(held.await_begun(1)) << "nobody has asked for the outcome yet";
    EXPECT_TRUE(mac(keeper)) << "others go on";
    held.release();
    EXPECT_TRUE(std::move(*taken).land());
  }
  EXPECT_TRUE(mac(keeper)) << "the answer that nobody takes disturbs nobody";
  EXPECT_EQ(link->counts().calls, 4U);
}

TEST_F(LinkTest, WhatWasBegunSurvivesARestartAndTellsItsDeadline) {
  Stage stage(*m_held);
  RemoteKeeper keeper(stage.link(), kShort);
  ASSERT_TRUE(mac(keeper));
  stage.close();
  const std::vector<std::string> aads = {"a", "b"};
  auto late = keeper.begin_data_keys(key_names::kMailStorage, aads);
  EXPECT_EQ(std::move(late.at(0)).take().error().code, ErrorCode::Unavailable);
  RemoteKeeper patient(stage.link());
  auto keys = patient.begin_data_keys(key_names::kMailStorage, aads);
  stage.reopen();
  for (auto& key : keys) EXPECT_TRUE(std::move(key).take());
}

/// A source whose first keeper takes `requests` and goes away without a word; the next are the stage's. Must outlive the link.
class FirstDies {
 public:
  FirstDies(Stage& stage, int requests) : m_stage(stage), m_requests(requests) {}
  ~FirstDies() {
    if (m_first.joinable()) m_first.join();
  }
  [[nodiscard]] ChannelSource source() {
    return [this](SteadyTime) -> Result<Channel> {
      if (m_first.joinable()) return m_stage.open();
      auto ends = Channel::pair().value();
      m_first = std::thread([requests = m_requests, channel = std::move(ends.second)]() mutable {
        testing::RawGate end(std::move(channel));
        (void)end.next();
        (void)end.send(write_welcome({true, Greeting::own().build, {}}));
        for (int i = 0; i < requests; ++i) (void)end.next();
      });
      return std::move(ends.first);
    };
  }

 private:
  Stage& m_stage;
  const int m_requests;
  std::thread m_first;
};

TEST_F(LinkTest, AKeeperThatGoesAway) {
  Stage stage(*m_held);
  FirstDies source(stage, 3);
  const auto link = std::make_shared<Link>(source.source());
  RemoteKeeper keeper(link);
  auto repeated = std::async(std::launch::async, [&] { return mac(keeper); });
  auto ensured = std::async(std::launch::async, [&] { return keeper.ensure(KeyName("new"), KeyType::Hmac); });
  auto unknown = std::async(std::launch::async, [&] { return keeper.rotate(key_names::kDkim); });
  EXPECT_TRUE(repeated.get());
  EXPECT_TRUE(ensured.get());
  const Error error = unknown.get().error();
  EXPECT_EQ(error.code, ErrorCode::Unavailable);
  EXPECT_EQ(error.what, "the keeper went away during rotate: whether rotate happened is unknown; look at the key before you try again");
  EXPECT_EQ(link->counts().unknown, 1U);
  EXPECT_EQ(link->counts().resent, 2U);
  EXPECT_EQ(link->counts().channels, 2U);
}

TEST_F(LinkTest, AnIdleLinkSeesTheEndAndComesBack) {
  Stage stage(*m_held);
  const auto link = stage.link();
  RemoteKeeper keeper(link);
  ASSERT_TRUE(mac(keeper));
  stage.end();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (link->counts().channels < 2 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_EQ(link->counts().channels, 2U) << "without a call";
  EXPECT_TRUE(mac(keeper));
}

/// A keeper that greets, then says `words` to whoever asks, or goes away when it has none. Must outlive the link.
class Liar {
 public:
  explicit Liar(Bytes words) : m_words(std::move(words)) {}
  ~Liar() {
    for (std::thread& one : m_threads) one.join();
  }
  [[nodiscard]] ChannelSource source() {
    return [this](SteadyTime) -> Result<Channel> {
      auto ends = Channel::pair().value();
      m_threads.emplace_back([words = m_words, channel = std::move(ends.second)]() mutable {
        testing::RawGate end(std::move(channel));
        (void)end.next();
        (void)end.send(write_welcome({true, Greeting::own().build, {}}));
        if (!end.next() || words.empty()) return;
        (void)end.send(words);
        (void)end.next();
      });
      return std::move(ends.first);
    };
  }

 private:
  const Bytes m_words;
  std::vector<std::thread> m_threads;
};

TEST_F(LinkTest, ACallOnWhichKeepersDieIsGivenUp) {
  Liar dies(Bytes{});
  RemoteKeeper keeper(std::make_shared<Link>(dies.source()));
  EXPECT_EQ(keeper.list().error().what, "the keeper went away during list 8 times; the keeper's log says why");
}

TEST_F(LinkTest, NonsenseFromTheKeeperEndsItsChannel) {
  const Bytes reply_without_result{0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0};
  const Bytes error_without_text{0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 1};
  const Bytes huge{0xff, 0xff, 0xff, 0xff};
  const Bytes empty{0, 0, 0, 0};
  const Bytes odd_kind{0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 7};
  for (const Bytes& words : {reply_without_result, error_without_text, huge, empty, odd_kind, to_bytes("HTTP/1.1 200 OK\r\n")}) {
    Liar liar(words);
    RemoteKeeper keeper(std::make_shared<Link>(liar.source()), {milliseconds(3000), milliseconds(3000)});
    const auto answer = mac(keeper);
    ASSERT_FALSE(answer);
    EXPECT_NE(answer.error().code, ErrorCode::Denied) << answer.error().text();
  }
}

TEST_F(LinkTest, AnswersToNobodyAreDropped) {
  Liar liar(Bytes{0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 99, 0});
  RemoteKeeper keeper(std::make_shared<Link>(liar.source()), kShort);
  EXPECT_EQ(mac(keeper).error().code, ErrorCode::Unavailable);
}

TEST_F(LinkTest, AKeeperOfAnotherBuildIsNamed) {
  std::vector<Channel> ends;
  Link link([&](SteadyTime) -> Result<Channel> {
    auto pair = Channel::pair().value();
    Greeting other = Greeting::own();
    other.build = "9.9.9";
    const WipedBytes refusal = write_welcome(answer_to(Greeting::own(), other));
    const ByteView piece(refusal);
    EXPECT_EQ(pair.second.send({&piece, 1}).bytes, refusal.size());
    ends.push_back(std::move(pair.second));
    return std::move(pair.first);
  });
  Writer out = begin_request(static_cast<std::uint8_t>(Call::List));
  const auto answer =
      link.call({.frame = std::move(out).finish().value(), .deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30)});
  EXPECT_EQ(answer.error().code, ErrorCode::Conflict);
  EXPECT_NE(answer.error().what.find("the keeper is 9.9.9"), std::string::npos) << answer.error().what;
}

TEST_F(LinkTest, TooManyCallsAreRefusedAtOnce) {
  HeldKeeper held(*m_held);
  held.hold();
  Stage stage(held);
  const auto link = stage.link({.calls = 3});
  RemoteKeeper keeper(link);
  std::vector<std::future<Result<std::vector<KeyName>>>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(std::async(std::launch::async, [&] { return keeper.list(); }));
  while (link->counts().calls < 3) std::this_thread::yield();
  EXPECT_EQ(mac(keeper).error().code, ErrorCode::Exhausted);
  held.release();
  for (auto& one : waiting) EXPECT_TRUE(one.get());
  EXPECT_TRUE(mac(keeper));
}

TEST_F(LinkTest, TheEndAnswersEverybody) {
  SlowEngine slow;
  Stage stage(*m_held, slow.engine());
  std::promise<Error> left;
  {
    const auto link = stage.link();
    VaultClient client(link);
    client.ask({}, [&](const Result<vault::Reply>& reply) { left.set_value(reply ? Error{} : reply.error()); });
    stage.close();
  }
  const Error error = left.get_future().get();
  EXPECT_EQ(error.code, ErrorCode::Unavailable) << error.text();
  slow.go.set_value();
}

// The Vault API. --------------------------------------------------------------------------------------------------------------------------

struct Answers {
  void ask(VaultClient& client, const vault::Request& request) {
    auto promise = std::make_shared<std::promise<Result<vault::Reply>>>();
    all.push_back(promise->get_future());
    client.ask(request, [promise](Result<vault::Reply> reply) { promise->set_value(std::move(reply)); }, Link::Send::Later);
  }
  std::vector<std::future<Result<vault::Reply>>> all;
};

vault::Request request_of(const vault::testing::World& world, vault::Operation operation, std::string path, boost::json::object data = {}) {
  vault::Request request;
  request.operation = operation;
  request.path = std::move(path);
  request.data = std::move(data);
  request.token = world.root;
  request.remote_address = "192.0.2.7";
  return request;
}

TEST_F(LinkTest, VaultRequestsAreAnsweredAsByTheCore) {
  vault::testing::World world;
  Stage stage(*m_held, vault_engine(*world.core));
  const auto link = stage.link();
  VaultClient client(link);
  Answers answers;
  answers.ask(client, request_of(world, vault::Operation::Update, "notes/a", {{"text", "hello"}, {"count", 3}}));
  client.flush();
  EXPECT_EQ(answers.all.back().get()->status, 204);
  for (int i = 0; i < 200; ++i) answers.ask(client, request_of(world, vault::Operation::Read, i % 2 == 0 ? "notes/a" : "notes/keys"));
  client.flush();
  for (std::size_t i = 1; i < answers.all.size(); ++i) {
    const auto reply = answers.all[i].get();
    ASSERT_TRUE(reply) << reply.error().text();
    EXPECT_EQ(reply->status, 200);
    EXPECT_NE(reply->body.find(i % 2 == 1 ? R"("text":"hello")" : R"("quick":true)"), std::string::npos) << reply->body;
  }
  EXPECT_GT(stage.counts().quick, 0U);
  EXPECT_LT(link->counts().writes, 50U) << "requests of one round go together";
  answers.ask(client, request_of(world, vault::Operation::Read, "nowhere/x"));
  client.flush();
  EXPECT_EQ(answers.all.back().get()->status, 404);
}

TEST_F(LinkTest, TooLargeForTheKeeperIsSaidHere) {
  Stage stage(*m_held);
  VaultClient client(stage.link());
  vault::Request request;
  request.data = {{"batch", boost::json::array(2'000'000)}};
  std::optional<Error> error;
  client.ask(request, [&](const Result<vault::Reply>& reply) { error = reply.error(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::TooLarge);
}

TEST_F(LinkTest, AnObserverPassesNothingOn) {
  vault::testing::World world;
  Stage stage(*m_held, vault_engine(*world.core), Role::Observer);
  VaultClient client(stage.link());
  Answers answers;
  answers.ask(client, request_of(world, vault::Operation::Read, "notes/keys"));
  client.flush();
  EXPECT_EQ(answers.all.back().get().error().code, ErrorCode::Denied);
}

TEST_F(LinkTest, ALostWritingRequestSaysSo) {
  vault::testing::World world;
  Stage stage(*m_held, vault_engine(*world.core));
  FirstDies source(stage, 2);
  VaultClient client(std::make_shared<Link>(source.source()));
  Answers answers;
  answers.ask(client, request_of(world, vault::Operation::Read, "notes/keys"));
  answers.ask(client, request_of(world, vault::Operation::Update, "notes/a", {{"text", "hello"}}));
  client.flush();
  EXPECT_EQ(answers.all[0].get()->status, 200);
  const auto lost = answers.all[1].get();
  ASSERT_FALSE(lost);
  EXPECT_NE(lost.error().what.find("is unknown; read what it was to change before you try again"), std::string::npos) << lost.error().what;
}

TEST_F(LinkTest, AsynchronousCallsEndAtTheirDeadline) {
  SlowEngine slow;
  Stage stage(*m_held, slow.engine());
  VaultClient client(stage.link(), milliseconds(50));
  Answers answers;
  for (int i = 0; i < 5; ++i) answers.ask(client, {});
  client.flush();
  for (auto& one : answers.all) EXPECT_EQ(one.get().error().code, ErrorCode::Unavailable);
  slow.go.set_value();
}

// A loop that reads. ----------------------------------------------------------------------------------------------------------------------

/// What an event loop does, on the test's thread.
struct LoopOfOne {
  explicit LoopOfOne(Link& to) : link(to) {}
  bool offer() { return (attendance = link.offer_to_attend()) != 0; }
  /// Until its attendance is over, or it has looked so often: somebody else may have read what it looks for.
  bool attend(int most = INT_MAX) {
    for (int i = 0; i < most; ++i) {
      pollfd on{link.watched(), POLLIN, 0};
      if (::poll(&on, 1, 5) == 1 && !link.attend(attendance)) return false;
    }
    return true;
  }
  Link& link;
  Link::Attendance attendance = 0;
};

constexpr LinkOptions kPatient{.neglect = std::chrono::hours(1)};

class AttendedLinkTest : public LinkTest {
 protected:
  vault::Request read() { return request_of(m_world, vault::Operation::Read, "notes/keys"); }
  /// Notes on which thread the answer came.
  void ask(VaultClient& client) {
    client.ask(
        read(),
        [this](const Result<vault::Reply>& reply) {
          good += reply && reply->status == 200 ? 1 : 0;
          if (std::this_thread::get_id() != m_here) ++elsewhere;
          ++came;
        },
        Link::Send::Later);
  }
  void await(int answers) const {
    while (came < answers) std::this_thread::sleep_for(milliseconds(1));
  }
  vault::testing::World m_world;
  const std::thread::id m_here = std::this_thread::get_id();
  std::atomic<int> good{0}, elsewhere{0}, came{0};
};

TEST_F(AttendedLinkTest, ItsAnswersComeWhereItReads) {
  Stage stage(*m_held, vault_engine(*m_world.core));
  const auto link = stage.link(kPatient);
  VaultClient client(link);
  LoopOfOne loop(*link);
  EXPECT_TRUE(RemoteKeeper(link).mac(key_names::kApiHmac, 0, HashAlgorithm::Sha256, {})) << "the channel is there";
  EXPECT_FALSE(loop.offer()) << "there is nothing to read";
  for (int round = 1; round <= 50; ++round) {
    for (int i = 0; i < 20; ++i) ask(client);
    ASSERT_TRUE(loop.offer());
    EXPECT_EQ(link->offer_to_attend(), 0U) << "one is enough";
    client.flush();
    EXPECT_FALSE(loop.attend()) << "nothing is under way any more";
    ASSERT_EQ(good, 20 * round);
  }
  EXPECT_EQ(elsewhere, 0);
  EXPECT_FALSE(link->attend(loop.attendance)) << "it is over";
}

TEST_F(AttendedLinkTest, ABusyLoopDoesNotHoldUpTheOthers) {
  Stage stage(*m_held, vault_engine(*m_world.core));
  const auto link = stage.link({.neglect = milliseconds(2)});
  VaultClient client(link);
  LoopOfOne loop(*link);
  RemoteKeeper keeper(link);
  ASSERT_TRUE(mac(keeper));
  for (int round = 1; round <= 3; ++round) {
    ask(client);
    EXPECT_EQ(loop.offer(), round == 1) << "it has not said yet that it is over";
    client.flush();
    await(round);  // and does not attend
    EXPECT_EQ(good, round);
    std::this_thread::sleep_for(round == 2 ? milliseconds(1100) : milliseconds(0));  // until the thread sleeps for good
  }
  EXPECT_EQ(elsewhere, 3);
}

TEST_F(AttendedLinkTest, CallersThatWaitAreServedMeanwhile) {
  SlowEngine slow;
  Stage stage(*m_held, slow.engine());
  const auto link = stage.link(kPatient);
  VaultClient client(link);
  LoopOfOne loop(*link);
  RemoteKeeper keeper(link);
  ASSERT_TRUE(mac(keeper));
  ask(client);
  ASSERT_TRUE(loop.offer());
  client.flush();
  EXPECT_TRUE(mac(keeper)) << "reads for itself";
  auto late = std::async(std::launch::async, [&] { return mac(keeper); });
  EXPECT_TRUE(late.get());
  slow.go.set_value();
  while (came == 0 && loop.attend(1)) {
  }
  await(1);  // by whoever reads now
  EXPECT_EQ(good, 1);
}

TEST_F(AttendedLinkTest, AKeeperThatGoesAwayEndsTheAttendance) {
  Stage stage(*m_held, vault_engine(*m_world.core));
  const auto link = stage.link(kPatient);
  VaultClient client(link);
  LoopOfOne loop(*link);
  RemoteKeeper keeper(link);
  ASSERT_TRUE(mac(keeper));
  for (int round = 1; round <= 20; ++round) {
    stage.end();
    ask(client);
    const bool offered = loop.offer();
    client.flush();
    while (offered && came < round && loop.attend(1)) {
    }
    await(round);  // sent again on the next channel
    EXPECT_EQ(good, round);
  }
  EXPECT_GT(link->counts().channels, 1U);
}

TEST_F(AttendedLinkTest, TheEndAnswersWhoAttends) {
  SlowEngine slow;
  Stage stage(*m_held, slow.engine());
  auto link = stage.link(kPatient);
  RemoteKeeper(link).mac(key_names::kApiHmac, 0, HashAlgorithm::Sha256, {}).value();
  {
    VaultClient client(link);
    ask(client);
    ASSERT_NE(link->offer_to_attend(), 0U);
    client.flush();
  }
  link.reset();
  EXPECT_EQ(came, 1);
  EXPECT_EQ(good, 0);
  slow.go.set_value();
}

// Both kinds of calls at once, and a keeper that is gone every few milliseconds: nothing hangs, nothing is lost, nothing is mixed up.
TEST_F(LinkTest, KeepersThatDieAllTheTime) {
  vault::testing::World world;
  world.write("notes/a", {{"text", "hello"}});
  Stage stage(*m_held, vault_engine(*world.core));
  const auto link = stage.link();
  RemoteKeeper keeper(link);
  VaultClient client(link);
  constexpr int threads = 8, calls = 300;
  std::atomic<int> wrong{0}, left{threads};
  std::vector<std::thread> callers;
  for (int i = 0; i < threads; ++i) {
    callers.emplace_back([&, i] {
      for (int j = 0; j < calls; ++j) {
        const Bytes data = to_bytes(std::to_string(i) + "/" + std::to_string(j));
        const auto answer = keeper.mac(key_names::kApiHmac, 0, HashAlgorithm::Sha256, data);
        if (!answer || *answer != *m_held->mac(key_names::kApiHmac, 0, HashAlgorithm::Sha256, data)) ++wrong;
        if (j % 50 == 0 && !keeper.ensure(KeyName("of-" + std::to_string(i)), KeyType::Ed25519)) ++wrong;
      }
      --left;
    });
  }
  std::mt19937 random(1);
  int requests = 0;
  while (left > 0) {
    Answers answers;
    for (int i = 0; i < 20; ++i) answers.ask(client, request_of(world, vault::Operation::Read, "notes/a"));
    client.flush();
    if (random() % 3 == 0) stage.end();
    for (auto& one : answers.all) {
      const auto reply = one.get();
      if (!reply || reply->status != 200) ++wrong;
      ++requests;
    }
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(requests, 0);
  EXPECT_GT(link->counts().channels, 1U);
}

}  // namespace
}  // namespace postern::custody
