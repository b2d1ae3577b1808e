// Operations both ways over the two ends of a socket.
#include "mhs/rose_caller.hpp"

#include <gtest/gtest.h>

#include "io/testing/run.hpp"
#include "osi/oids.hpp"

namespace postern::mhs {
namespace {

using io::testing::RunningLoops;
using io::testing::soon;

asn1::Any number(std::int64_t value) { return asn1::to_any(value).value(); }
std::int64_t number_in(const Result<RoseAnswer>& answer) {
  return asn1::from_any<std::int64_t>(std::get<asn1::Any>(answer.value())).value();
}

struct Ends {
  explicit Ends(const io::Executor& loop, const osi::AssociationService& service) {
    auto streams = io::Stream::pair(loop).value();
    const SteadyTime now = std::chrono::steady_clock::now();
    osi::AssociationOptions options;
    options.services = {service};
    options.dialogue = osi::DialogueMode::TwoWayAlternate;
    osi::AssociationOpen open;
    open.data.value = null_value();
    user = std::make_unique<Wire>(std::move(streams.first), osi::Association::initiate(options, open, now).value());
    server = std::make_unique<Wire>(std::move(streams.second), osi::Association::respond(options, now).value());
  }
  std::unique_ptr<Wire> user, server;
};

io::Task<bool> accepted(Wire& server) {
  const auto event = co_await server.next(soon());
  if (!event || !std::holds_alternative<osi::AssociationRequested>(*event)) co_return false;
  osi::AssociationAccept accept;
  accept.data.value = null_value();
  co_return server->accept(accept).has_value();
}
io::Task<bool> opened(Wire& user) {
  const auto event = co_await user.next(soon());
  co_return event&& std::holds_alternative<osi::AssociationOpened>(*event);
}

/// A server whose operations say what a test wants, on a loop, until its association ends.
struct Served {
  Served(RunningLoops& running, const osi::AssociationService& service, std::chrono::seconds idle = std::chrono::seconds(60))
      : loops(running), ends(running.at(0), service), server(*ends.server, &operations), user(*ends.user, &back) {
    serving.idle = idle;
    operations.add(osi::oid::as_msse(), 1, [](asn1::Any argument) -> io::Task<RoseReply> { co_return argument; });
    operations.add(osi::oid::as_msse(), 2, [](const asn1::Any&) -> io::Task<RoseReply> { co_return RoseFault{77, number(5)}; });
    operations.add(osi::oid::as_msse(), 3, [this](asn1::Any argument) { return ask_back(std::move(argument)); });
    operations.on<std::int64_t>(osi::oid::as_msse(), 4, [](std::int64_t value) -> io::Task<RoseReply> { co_return number(value + 1); });
    back.add(osi::oid::as_mdse(), 9,
             [](asn1::Any argument) -> io::Task<RoseReply> { co_return number(asn1::from_any<std::int64_t>(argument).value() * 2); });
    io::spawn(loops.at(0), run(*this), "test");
    EXPECT_TRUE(loops.run(opened(*ends.user)));
  }
  ~Served() {
    loops.run([](Served& all) -> io::Task<bool> {
      co_await all.user.release(soon());
      co_return true;
    }(*this));
    end.get_future().wait();
  }
  /// Asks the user while it answers him.
  io::Task<RoseReply> ask_back(asn1::Any argument) {
    auto answer = co_await server.call(osi::oid::as_mdse(), 9, std::move(argument), soon());
    if (!answer) co_return osi::InvokeProblem::ResourceLimitation;
    co_return std::get<asn1::Any>(*answer);
  }
  static io::Task<void> run(Served& all) {
    const bool good = co_await accepted(*all.ends.server);
    EXPECT_TRUE(good);
    all.end_text = co_await all.server.serve(all.serving);
    all.end.set_value();
  }
  Result<RoseAnswer> call(std::int64_t operation, asn1::Any argument, SteadyTime deadline = soon()) {
    return loops.run(user.call(osi::oid::as_msse(), operation, std::move(argument), deadline));
  }
  RunningLoops& loops;
  Ends ends;
  RoseOperations operations, back;
  RoseCaller server, user;
  RoseCaller::Serving serving;
  std::promise<void> end;
  std::string end_text;
};

TEST(RoseCaller, ResultsErrorsAndRejects) {
  RunningLoops loops;
  for (const auto& service : {osi::mts_access(), osi::mts_reliable_access()}) {
    Served served(loops, service);
    EXPECT_EQ(number_in(served.call(1, number(42))), 42);
    EXPECT_EQ(number_in(served.call(4, number(42))), 43);
    EXPECT_EQ(std::get<RoseFault>(served.call(2, null_value()).value()), (RoseFault{77, number(5)}));
    EXPECT_EQ(std::get<osi::RoseProblem>(served.call(4, null_value()).value()), osi::RoseProblem{osi::InvokeProblem::MistypedArgument});
    EXPECT_EQ(std::get<osi::RoseProblem>(served.call(8, null_value()).value()),
              osi::RoseProblem{osi::InvokeProblem::UnrecognizedOperation});
    EXPECT_EQ(number_in(served.call(1, number(7))), 7);
  }
}

TEST(RoseCaller, TheServerAsksWhileItAnswers) {
  RunningLoops loops;
  for (const auto& service : {osi::mts_access(), osi::mts_reliable_access()}) {
    Served served(loops, service);
    EXPECT_EQ(number_in(served.call(3, number(21))), 42);
  }
}

TEST(RoseCaller, AnAnswerThatDoesNotComeIsATimeout) {
  RunningLoops loops;
  Ends ends(loops.at(0), osi::mts_access());
  io::spawn(
      loops.at(0),
      [](Wire& server) -> io::Task<void> {
        const bool good = co_await accepted(server);
        EXPECT_TRUE(good);
        co_await server.flush();
      }(*ends.server),
      "test");
  ASSERT_TRUE(loops.run(opened(*ends.user)));
  RoseCaller user(*ends.user);
  const auto answer = loops.run(user.call(osi::oid::as_msse(), 1, null_value(), io::testing::in_ms(10)));
  EXPECT_EQ(answer.error().code, ErrorCode::Timeout);
  EXPECT_FALSE(ends.user->over());
}

TEST(RoseCaller, WhoSaysNothingIsAborted) {
  RunningLoops loops;
  Served served(loops, osi::mts_access(), std::chrono::seconds(0));
  const auto answer = served.call(1, number(1));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::Unavailable);
}

TEST(RoseCaller, NothingIsInvokedAfterTheEnd) {
  RunningLoops loops;
  Ends ends(loops.at(0), osi::mts_access());
  RoseCaller user(*ends.user);
  loops.run([](RoseCaller& one) -> io::Task<bool> {
    co_await one.release(io::testing::in_ms(1));
    co_return true;
  }(user));
  EXPECT_TRUE(ends.user->over());
  EXPECT_EQ(loops.run(user.call(osi::oid::as_msse(), 1, null_value(), soon())).error().code, ErrorCode::Unavailable);
}

TEST(RoseTags, TheValueIsFoundInEveryForm) {
  const asn1::Any value = number(5);
  EXPECT_EQ(untagged(tagged(value, RoseTag::BindInvoke), RoseTag::BindInvoke), value);
  EXPECT_EQ(untagged(value, RoseTag::BindInvoke), value);
  EXPECT_EQ(untagged(asn1::Any{{0xB0, 0x80, 0x02, 0x01, 0x05, 0x00, 0x00}}, RoseTag::BindInvoke), value);
  EXPECT_EQ(untagged(tagged(value, RoseTag::BindResult), RoseTag::BindInvoke), tagged(value, RoseTag::BindResult));
  for (const Bytes& cut : {Bytes{0xB0}, Bytes{0xB0, 0x03, 0x02}, Bytes{0xB0, 0x80}, Bytes{}})
    EXPECT_EQ(untagged(asn1::Any{cut}, RoseTag::BindInvoke).ber, cut);
}

}  // namespace
}  // namespace postern::mhs
