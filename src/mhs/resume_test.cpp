// A peer that cannot go on with a transfer now (X.228: RTAB with temporary problem, RTORJ with busy) is asked again where it was left; one
// that does not know it, or says so for too long, gets it from its beginning.
#include <gtest/gtest.h>

#include <list>
#include <thread>

#include "mhs/testing/node.hpp"

namespace postern::mhs {
namespace {

using testing::domain;
using testing::peer_of;
using testing::TestNode;

constexpr const char* kAlice = "C=DE;A= ;P=NORTH;S=A";
constexpr const char* kBob = "C=GB;A=GOLD;P=SOUTH;S=B";
constexpr std::size_t kSize = 1'000'000, kMiddle = 500'000;

mts::ORName name_of(const char* address) {
  mts::ORName out;
  static_cast<oraddress::ORAddress&>(out) = oraddress::parse(address).value();
  return out;
}

/// What the peer does with one association.
enum class Moment : std::uint8_t {
  CutInTheMiddle,    ///< Loses the connection when half of an APDU is confirmed.
  TemporaryProblem,  ///< Aborts when it is asked to go on.
  Lost,              ///< Loses the connection when it is asked to go on.
  Busy,              ///< Refuses the association.
  Unrecognized,      ///< Does not know what it is asked to go on with.
  Good,
};

/// A fake MTA that receives by P1: a script says what it does with each association.
class ScriptedPeer {
 public:
  ScriptedPeer(const testing::Identity& who, const testing::Identity& caller) : m_caller(peer_of(caller)) {
    m_mta.name = who.name;
    m_mta.domain = who.domain;
    io::ListenOptions listen;
    listen.name = who.name;
    listen.address = io::Endpoint::parse("127.0.0.1:0").value();
    m_listener = io::Listener::open(m_loops, listen, [this](io::Stream stream) { return serve(std::move(stream)); }).value();
  }
  ~ScriptedPeer() {
    m_listener->stop_accepting();
    m_listener.reset();
    m_loops.stop();
  }
  [[nodiscard]] std::uint16_t port() const { return m_listener->local().port; }

  std::list<Moment> script;  ///< Before anybody calls; behind it everything is good.
  std::atomic<std::size_t> begun{0}, asked{0}, octets{0}, ended{0};

 private:
  io::Task<void> serve(io::Stream stream) {
    const Moment moment = script.empty() ? Moment::Good : script.front();
    if (!script.empty()) script.pop_front();
    osi::AssociationOptions options;
    options.services = {service_of(TransferMode::Normal)};
    Wire wire(std::move(stream), osi::Association::respond(options, std::chrono::steady_clock::now()).value());
    while (!wire.over()) {
      auto event = co_await wire.next(io::testing::soon());
      if (!event) co_return;
      if (!handle(wire, *std::move(event), moment)) co_return;  // the connection goes with the wire
    }
  }
  /// False: the connection is lost.
  bool handle(Wire& wire, osi::AssociationEvent event, Moment moment) {
    if (auto* requested = std::get_if<osi::AssociationRequested>(&event)) answer(wire, *requested, moment);
    if (std::holds_alternative<osi::RtTransferBegin>(event)) ++begun;
    if (const auto* piece = std::get_if<osi::RtTransferOctets>(&event)) octets += piece->octets.size();
    if (auto* checkpoint = std::get_if<osi::RtTransferCheckpoint>(&event)) {
      if (moment == Moment::CutInTheMiddle && m_point && m_point->octets > kMiddle) return false;
      EXPECT_TRUE(wire->confirm_checkpoint(checkpoint->point.serial));
      m_point = std::move(checkpoint->point);
    }
    if (const auto* resumption = std::get_if<osi::RtResumeRequested>(&event)) return go_on(wire, *resumption, moment);
    if (std::holds_alternative<osi::RtTransferEnd>(event)) {
      EXPECT_TRUE(wire->confirm_end());
      ++ended;
    }
    if (std::holds_alternative<osi::ReleaseRequested>(event)) EXPECT_TRUE(wire->answer_release());
    return true;
  }
  void answer(Wire& wire, const osi::AssociationRequested& requested, Moment moment) {
    if (moment == Moment::Busy) {
      osi::AssociationRefusal refusal;
      refusal.rtse_reason = osi::RtseRefuseReason::Busy;
      refusal.result = osi::AssociateResult::RejectedTransient;
      EXPECT_TRUE(wire->refuse(std::move(refusal)));
      return;
    }
    const auto argument = read_bind_argument(std::get<asn1::Any>(requested.data.value)).value();
    EXPECT_TRUE(wire->accept({{bind_result(m_mta, m_caller, TransferMode::Normal, argument).value()}}));
  }
  bool go_on(Wire& wire, const osi::RtResumeRequested& resumption, Moment moment) {
    ++asked;
    if (moment == Moment::Lost) return false;
    if (moment == Moment::TemporaryProblem) {
      wire->abort(osi::RtseAbortReason::TemporaryProblem, "not now");
    } else if (moment == Moment::Unrecognized) {
      EXPECT_TRUE(wire->refuse_resume(osi::ResumeRefusal::Unrecognized));
    } else {
      EXPECT_EQ(resumption.old_activity, m_point->activity) << "it is called what it was when the peer knew it last";
      EXPECT_EQ(resumption.connection, m_point->connection);
      EXPECT_TRUE(wire->accept_resume(*m_point));
    }
    return true;
  }

  Mta m_mta;
  Peer m_caller;
  std::optional<osi::ResumePoint> m_point;
  io::testing::RunningLoops m_loops{1};
  std::unique_ptr<io::Listener> m_listener;
};

struct Resume : ::testing::Test {
  Resume() : north({"north", domain("DE", " ", "NORTH")}), south({"south", domain("GB", "GOLD", "SOUTH")}, north.who()) {
    north.route("C=GB;A=GOLD;P=SOUTH", RouteTarget::Kind::Peer, "south");
    north.schedule = {{std::chrono::seconds(0)}, std::chrono::hours(1), 0};
    north.peers.push_back(peer_of({"south", domain("GB", "GOLD", "SOUTH")}));
    north.peers.back().address = osi::PresentationAddress{{}, {}, {}, "127.0.0.1", south.port()};
    north.peers.back().associations = 1;
    north.start();
  }
  ~Resume() override { north.stop(); }
  /// One message, until the peer has it.
  void send(std::list<Moment> script) {
    south.script = std::move(script);
    mts::MessageSubmissionEnvelope envelope;
    envelope.originator_name = name_of(kAlice);
    envelope.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
    envelope.per_recipient_fields.emplace_back().recipient_name = name_of(kBob);
    ASSERT_TRUE(north.submit(envelope, Bytes(kSize, 'x')));
    for (int tries = 0; tries < 4000 && north.spool->stats().queued > 0; ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ASSERT_EQ(north.spool->stats().queued, 0U);
    EXPECT_EQ(south.ended, 1U);
  }
  TestNode north;
  ScriptedPeer south;
};

TEST_F(Resume, WhatPassesIsWaitedFor) {
  using enum Moment;
  ASSERT_NO_FATAL_FAILURE(send({CutInTheMiddle, TemporaryProblem, Busy, Lost, TemporaryProblem}));
  EXPECT_EQ(south.asked, 4U);
  EXPECT_EQ(south.begun, 1U) << "from its beginning it came once";
  EXPECT_LT(south.octets, kSize + 300'000) << "what was confirmed does not come again";
}

TEST_F(Resume, WhatThePeerDoesNotKnowComesFromItsBeginning) {
  using enum Moment;
  std::list<Moment> script(8,
                           Unrecognized);  // octets under way may reset the connection before the refusal is read: then it is asked again
  script.push_front(CutInTheMiddle);
  ASSERT_NO_FATAL_FAILURE(send(std::move(script)));
  EXPECT_GE(south.asked, 1U);
  EXPECT_LE(south.asked, 8U);
  EXPECT_EQ(south.begun, 2U);
}

TEST_F(Resume, APeerThatNeverGoesOnIsNotAskedForEver) {
  std::list<Moment> script(30, Moment::TemporaryProblem);
  script.push_front(Moment::CutInTheMiddle);
  ASSERT_NO_FATAL_FAILURE(send(std::move(script)));
  EXPECT_EQ(south.asked, 8U);
  EXPECT_EQ(south.begun, 2U);
}

}  // namespace
}  // namespace postern::mhs
