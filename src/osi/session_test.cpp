// Data, tokens, activities, release and abort: scenarios of both sides.
#include "osi/session.hpp"

#include <gtest/gtest.h>

#include "osi/spdu.hpp"
#include "osi/testing/session_pair.hpp"

namespace postern::osi {
namespace {

using std::chrono::seconds;
using testing::SessionPair;
using testing::SessionSide;
using State = Session::State;

Bytes hex(std::string_view text) { return hex_decode(text).value(); }

template <class Primitive>
const Primitive& last(const SessionSide& side) {
  static const Primitive kNone{};
  const Primitive* found = side.last<Primitive>();
  EXPECT_NE(found, nullptr) << (side.events.empty() ? "nothing" : name_of(side.events.back()));
  return found == nullptr ? kNone : *found;
}

SessionPair connected(FunctionalUnits units = kRtseUnits) {
  SessionPair pair;
  EXPECT_TRUE(pair.connect(units));
  return pair;
}

// --- Data, segments

TEST(Session, DataOfEverySize) {
  for (const std::uint16_t limit : {std::uint16_t{0}, std::uint16_t{64}, std::uint16_t{100}, std::uint16_t{2041}}) {
    SessionOptions options;
    options.max_tsdu_out = options.max_tsdu_in = limit;
    SessionPair pair(options, options);
    ASSERT_TRUE(pair.connect(kRoseUnits));
    EXPECT_EQ(pair.a.session.selection().max_tsdu_out, limit);
    for (const std::size_t size : {1U, 57U, 58U, 59U, 60U, 61U, 5'000U, 70'000U}) {
      pair.from_a.clear();
      ASSERT_TRUE(pair.ask(pair.a, SData{Bytes(size, 'd')}));
      EXPECT_EQ(last<SData>(pair.b).user_data, Bytes(size, 'd')) << limit << " " << size;
      for (const Bytes& tsdu : pair.from_a)
        if (limit != 0) EXPECT_LE(tsdu.size(), limit);
    }
  }
}

TEST(Session, OtherSpdusAreSegmentedInVersion2) {  // X.225 6.3.6
  SessionOptions options;
  options.max_tsdu_out = options.max_tsdu_in = 128;
  SessionPair pair(options, options);
  ASSERT_TRUE(pair.connect());
  const Bytes data(1'000, 'x');
  ASSERT_TRUE(pair.ask(pair.a, SActivityStart{{1}, data}));
  EXPECT_EQ(last<SActivityStart>(pair.b), (SActivityStart{{1}, data}));
  ASSERT_TRUE(pair.ask(pair.a, SSyncMinor{true, 0, data}));
  EXPECT_EQ(last<SSyncMinor>(pair.b), (SSyncMinor{true, 1, data}));
  ASSERT_TRUE(pair.ask(pair.b, SSyncMinorResponse{1, data}));
  EXPECT_EQ(last<SSyncMinorResponse>(pair.a), (SSyncMinorResponse{1, data}));
  ASSERT_TRUE(pair.ask(pair.a, SActivityEnd{0, data}));
  EXPECT_EQ(last<SActivityEnd>(pair.b), (SActivityEnd{2, data}));
  ASSERT_TRUE(pair.ask(pair.b, SActivityEndResponse{data}));
  EXPECT_EQ(last<SActivityEndResponse>(pair.a), SActivityEndResponse{data});
  ASSERT_TRUE(pair.ask(pair.a, SRelease{data}));
  EXPECT_EQ(last<SRelease>(pair.b), SRelease{data});
  ASSERT_TRUE(pair.ask(pair.b, SUAbort{data}));
  EXPECT_EQ(last<SUAbort>(pair.a), SUAbort{data});
}

TEST(Session, Version1HasItsLimits) {
  SessionOptions options;
  options.versions = kSessionVersion1;
  SessionPair pair(options, options);
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(pair.ask(pair.a, SActivityStart{{1}, Bytes(513)}).error().code, ErrorCode::TooLarge);
  ASSERT_TRUE(pair.ask(pair.a, SActivityStart{{1}, Bytes(512)}));
  ASSERT_TRUE(pair.ask(pair.a, SData{Bytes(100'000)})) << "X.225 8.3.11: data is not limited";
  EXPECT_EQ(pair.ask(pair.a, SUAbort{Bytes(10)}).error().code, ErrorCode::TooLarge);
  ASSERT_TRUE(pair.ask(pair.a, SUAbort{Bytes(9)}));
  EXPECT_EQ(last<SUAbort>(pair.b).user_data, Bytes(9));
}

TEST(Session, SegmentsOutOfOrder) {
  struct Case {
    std::vector<const char*> tsdus;
    const char* text;
  };
  for (const Case& each : {
           Case{{"01000103190100aa"}, "has not begun"},
           Case{{"01000103190102aa"}, "has not begun"},
           Case{{"01000103190101aa", "01000103190101aa"}, "within another one"},
           Case{{"01000103190101aa", "01002d06190102290131"}, "within the segments of"},
       }) {
    SessionPair pair = connected(kRoseUnits);
    for (const char* tsdu : each.tsdus) pair.a.session.receive(hex(tsdu), pair.now);
    pair.pump();
    EXPECT_EQ(last<SPAbort>(pair.a).reason, PAbortReason::ProtocolError);
    EXPECT_NE(last<SPAbort>(pair.a).text.find(each.text), std::string::npos) << last<SPAbort>(pair.a).text;
  }
}

TEST(Session, SsduIsBounded) {
  SessionOptions b;
  b.max_ssdu = 1'000;
  SessionPair pair({}, b);
  ASSERT_TRUE(pair.connect(kRoseUnits));
  ASSERT_TRUE(pair.ask(pair.a, SData{Bytes(1'000)}));
  ASSERT_TRUE(pair.ask(pair.a, SData{Bytes(1'001)}));
  EXPECT_EQ(last<SPAbort>(pair.b).reason, PAbortReason::ProtocolError);
  SessionPair segments({}, b);
  ASSERT_TRUE(segments.connect(kRoseUnits));
  for (int i = 0; i < 20; ++i) {
    Bytes tsdu = hex(i == 0 ? "01000103190101" : "01000103190100");
    append(tsdu, Bytes(100));
    segments.b.session.receive(tsdu, segments.now);
  }
  segments.pump();
  EXPECT_EQ(last<SPAbort>(segments.b).reason, PAbortReason::ProtocolError);
}

TEST(Session, TypedDataIgnoresTokensAndActivities) {
  SessionPair pair = connected(FunctionalUnits(kRtseUnits.bits | FunctionalUnits::of(FunctionalUnit::TypedData).bits));
  ASSERT_TRUE(pair.ask(pair.b, STypedData{{1, 2}}));
  EXPECT_EQ(last<STypedData>(pair.a), (STypedData{{1, 2}}));
}

// --- Tokens

TEST(Session, TokensMove) {
  SessionPair pair = connected();
  EXPECT_EQ(pair.a.session.owned_tokens(), pair.a.session.available_tokens());
  EXPECT_FALSE(pair.ask(pair.b, STokenGive{Tokens::of(Token::Data)}));
  ASSERT_TRUE(pair.ask(pair.b, STokenPlease{Tokens::of(Token::Data, Token::MajorActivity), {5}}));
  EXPECT_EQ(last<STokenPlease>(pair.a), (STokenPlease{Tokens::of(Token::Data, Token::MajorActivity), {5}}));
  ASSERT_TRUE(pair.ask(pair.a, STokenGive{Tokens::of(Token::Data, Token::MajorActivity)}));
  EXPECT_EQ(pair.b.session.owned_tokens(), Tokens::of(Token::Data, Token::MajorActivity));
  EXPECT_EQ(pair.a.session.owned_tokens(), Tokens::of(Token::SynchronizeMinor));
  EXPECT_FALSE(pair.ask(pair.b, STokenPlease{Tokens::of(Token::Data), {}})) << "has it already";
  EXPECT_FALSE(pair.ask(pair.b, STokenGive{})) << "gives nothing";
  EXPECT_FALSE(pair.ask(pair.b, STokenGive{Tokens::of(Token::Release)})) << "does not exist";
}

TEST(Session, ControlIsGivenAndAnsweredByTheEngine) {
  SessionPair pair = connected();
  ASSERT_TRUE(pair.ask(pair.a, SControlGive{}));
  EXPECT_EQ(last<SControlGive>(pair.b), SControlGive{});
  EXPECT_EQ(pair.b.session.owned_tokens(), pair.b.session.available_tokens());
  EXPECT_EQ(pair.a.session.state(), State::DataTransfer);
  ASSERT_TRUE(pair.ask(pair.b, SActivityStart{{1}, {}}));
  EXPECT_FALSE(pair.ask(pair.b, SControlGive{})) << "within an activity";
}

TEST(Session, PleaseThatCrossesGiveAsksForNothing) {
  SessionPair pair = connected();
  ASSERT_TRUE(pair.a.session.request(STokenGive{Tokens::of(Token::Data)}, pair.now));
  ASSERT_TRUE(pair.b.session.request(STokenPlease{Tokens::of(Token::Data), {}}, pair.now));
  pair.pump();
  EXPECT_EQ(last<STokenPlease>(pair.a).tokens, Tokens());
}

TEST(Session, TokensBehindDataInOneTsdu) {  // X.225 6.3.7: the leading GIVE TOKENS takes effect behind what it leads
  SessionPair pair = connected(FunctionalUnits::of(FunctionalUnit::HalfDuplex));
  pair.b.session.receive(hex("01031001010100aabb"), pair.now);
  pair.pump();
  ASSERT_GE(pair.b.events.size(), 2U);
  EXPECT_EQ(std::get<SData>(pair.b.events[pair.b.events.size() - 2]), (SData{{0xAA, 0xBB}}));
  EXPECT_EQ(last<STokenGive>(pair.b), STokenGive{Tokens::of(Token::Data)});
}

// --- Activities, synchronization

TEST(Session, AnActivityFromStartToEnd) {
  SessionPair pair = connected();
  EXPECT_FALSE(pair.ask(pair.a, SData{{1}})) << "X.215: no data outside an activity";
  ASSERT_TRUE(pair.ask(pair.a, SActivityStart{{2, 1, 1}, {}}));
  EXPECT_TRUE(pair.b.session.activity_in_progress());
  EXPECT_FALSE(pair.ask(pair.a, SActivityStart{{2}, {}}));
  ASSERT_TRUE(pair.ask(pair.a, SData{Bytes(3'000)}));
  EXPECT_EQ(pair.ask(pair.a, SSyncMinor{}).value(), 1U);
  EXPECT_EQ(pair.ask(pair.a, SSyncMinor{false, 0, {}}).value(), 2U);
  EXPECT_EQ(last<SSyncMinor>(pair.b), (SSyncMinor{false, 2, {}}));
  EXPECT_FALSE(pair.ask(pair.b, SSyncMinorResponse{3, {}}));
  EXPECT_FALSE(pair.ask(pair.a, SSyncMinorResponse{1, {}})) << "one's own";
  ASSERT_TRUE(pair.ask(pair.b, SSyncMinorResponse{2, {}}));
  EXPECT_EQ(last<SSyncMinorResponse>(pair.a).serial, 2U);
  EXPECT_EQ(pair.a.session.unconfirmed_serial(), 3U);
  EXPECT_FALSE(pair.ask(pair.b, SSyncMinorResponse{1, {}})) << "2 confirmed 1 as well";
  EXPECT_EQ(pair.ask(pair.a, SActivityEnd{}).value(), 3U);
  EXPECT_FALSE(pair.ask(pair.a, SData{{1}}));
  EXPECT_EQ(last<SActivityEnd>(pair.b).serial, 3U);
  ASSERT_TRUE(pair.ask(pair.b, SActivityEndResponse{}));
  EXPECT_EQ(last<SActivityEndResponse>(pair.a), SActivityEndResponse{});
  EXPECT_FALSE(pair.a.session.activity_in_progress());
  EXPECT_FALSE(pair.b.session.activity_in_progress());
}

TEST(Session, ResumeGoesOnBehindThePoint) {
  SessionPair pair = connected();
  const SActivityResume resume{{3}, {1}, 7, to_bytes("calling"), to_bytes("called"), to_bytes("common"), {9}, to_bytes("data")};
  ASSERT_TRUE(pair.ask(pair.a, resume));
  EXPECT_EQ(last<SActivityResume>(pair.b), resume);
  EXPECT_EQ(pair.ask(pair.a, SSyncMinor{}).value(), 8U);
  EXPECT_EQ(last<SSyncMinor>(pair.b).serial, 8U);
  EXPECT_EQ(pair.ask(pair.b, SActivityResume{{}, {1}, 1, {}, {}, {}, {}, {}}).error().field, "activity");
  EXPECT_EQ(pair.ask(pair.b, SActivityResume{{1}, Bytes(7), 1, {}, {}, {}, {}, {}}).error().field, "old_activity");
}

TEST(Session, InterruptAndDiscard) {
  SessionPair pair = connected();
  ASSERT_TRUE(pair.ask(pair.a, SActivityStart{{1}, {}}));
  ASSERT_TRUE(pair.ask(pair.a, STokenGive{Tokens::of(Token::Data, Token::SynchronizeMinor)}));
  ASSERT_TRUE(pair.ask(pair.a, SActivityInterrupt{ExceptionReason::LocalUserError}));
  EXPECT_EQ(last<SActivityInterrupt>(pair.b).reason, ExceptionReason::LocalUserError);
  ASSERT_TRUE(pair.ask(pair.b, SActivityInterruptResponse{}));
  EXPECT_EQ(last<SActivityInterruptResponse>(pair.a), SActivityInterruptResponse{});
  EXPECT_EQ(pair.a.session.owned_tokens(), pair.a.session.available_tokens()) << "X.215 13.13";
  EXPECT_TRUE(pair.b.session.owned_tokens().empty());
  ASSERT_TRUE(pair.ask(pair.a, SActivityStart{{2}, {}}));
  ASSERT_TRUE(pair.ask(pair.a, SActivityEnd{}));
  ASSERT_TRUE(pair.ask(pair.a, SActivityDiscard{ExceptionReason::UnrecoverableProceduralError})) << "while the end waits for its answer";
  EXPECT_EQ(last<SActivityDiscard>(pair.b).reason, ExceptionReason::UnrecoverableProceduralError);
  EXPECT_FALSE(pair.ask(pair.b, SActivityEndResponse{}));
  ASSERT_TRUE(pair.ask(pair.b, SActivityDiscardResponse{}));
  EXPECT_FALSE(pair.a.session.activity_in_progress());
}

TEST(Session, InterruptThatCrossesTheAnswerToTheEnd) {
  SessionPair pair = connected();
  ASSERT_TRUE(pair.ask(pair.a, SActivityStart{{1}, {}}));
  ASSERT_TRUE(pair.ask(pair.a, SActivityEnd{}));
  ASSERT_TRUE(pair.b.session.request(SActivityEndResponse{}, pair.now));
  ASSERT_TRUE(pair.a.session.request(SActivityInterrupt{}, pair.now));
  pair.pump();
  EXPECT_EQ(last<SActivityInterruptResponse>(pair.a), SActivityInterruptResponse{});
  EXPECT_EQ(pair.b.last<SActivityInterrupt>(), nullptr) << "for its user the activity has ended";
  EXPECT_EQ(pair.a.session.state(), State::DataTransfer);
  EXPECT_EQ(pair.b.session.state(), State::DataTransfer);
}

TEST(Session, ExceptionIsRecoveredFrom) {
  for (const int way : {0, 1, 2}) {
    SessionPair pair = connected();
    ASSERT_TRUE(pair.ask(pair.a, SActivityStart{{1}, {}}));
    ASSERT_TRUE(pair.b.session.request(SUExceptionReport{ExceptionReason::ReceivingAbilityJeopardized, {7}}, pair.now));
    ASSERT_TRUE(pair.a.session.request(SData{{1}}, pair.now)) << "on its way when the report comes";
    ASSERT_TRUE(pair.a.session.request(SSyncMinor{}, pair.now));
    pair.pump();
    EXPECT_EQ(last<SUExceptionReport>(pair.a), (SUExceptionReport{ExceptionReason::ReceivingAbilityJeopardized, {7}}));
    EXPECT_EQ(pair.b.last<SSyncMinor>(), nullptr) << "what comes before the recovery is dropped";
    EXPECT_FALSE(pair.ask(pair.a, SData{{1}}));
    if (way == 0) {
      ASSERT_TRUE(pair.ask(pair.a, SActivityInterrupt{}));
      ASSERT_TRUE(pair.ask(pair.b, SActivityInterruptResponse{}));
    } else if (way == 1) {
      ASSERT_TRUE(pair.ask(pair.a, SActivityDiscard{}));
      ASSERT_TRUE(pair.ask(pair.b, SActivityDiscardResponse{}));
    } else {
      EXPECT_FALSE(pair.ask(pair.a, STokenGive{Tokens::of(Token::SynchronizeMinor)}));
      ASSERT_TRUE(pair.ask(pair.a, STokenGive{Tokens::of(Token::Data)}));
      EXPECT_EQ(pair.b.session.next_serial(), pair.a.session.next_serial()) << "the dropped point is counted";
    }
    EXPECT_EQ(pair.a.session.state(), State::DataTransfer);
    EXPECT_EQ(pair.b.session.state(), State::DataTransfer);
  }
}

TEST(Session, ExceptionThatCrossesTheDataToken) {
  SessionPair pair = connected();
  ASSERT_TRUE(pair.ask(pair.a, SActivityStart{{1}, {}}));
  ASSERT_TRUE(pair.a.session.request(STokenGive{Tokens::of(Token::Data)}, pair.now));
  ASSERT_TRUE(pair.b.session.request(SUExceptionReport{}, pair.now));
  pair.pump();
  EXPECT_EQ(pair.a.session.state(), State::DataTransfer);
  EXPECT_EQ(pair.b.session.state(), State::DataTransfer);
  EXPECT_TRUE(pair.ask(pair.b, SData{{1}}));
}

TEST(Session, ProviderExceptionOfThePeer) {
  SessionPair pair = connected();
  ASSERT_TRUE(pair.ask(pair.a, SActivityStart{{1}, {}}));
  pair.a.session.receive(hex("0200000431020102"), pair.now);
  pair.pump();
  EXPECT_EQ(last<SPExceptionReport>(pair.a).reflected, (Bytes{1, 2}));
  EXPECT_EQ(pair.a.session.state(), State::WaitRecoveryRequest);
}

TEST(Session, MajorPointsWithoutActivities) {
  SessionPair pair;
  ASSERT_TRUE(
      pair.connect(FunctionalUnits::of(FunctionalUnit::HalfDuplex, FunctionalUnit::MajorSynchronize, FunctionalUnit::MinorSynchronize)));
  EXPECT_EQ(pair.ask(pair.a, SSyncMajor{0, {1}}).value(), 1U);
  EXPECT_EQ(last<SSyncMajor>(pair.b), (SSyncMajor{1, {1}}));
  EXPECT_FALSE(pair.ask(pair.b, SActivityEndResponse{}));
  ASSERT_TRUE(pair.ask(pair.b, SSyncMajorResponse{{2}}));
  EXPECT_EQ(last<SSyncMajorResponse>(pair.a), (SSyncMajorResponse{{2}}));
  EXPECT_EQ(pair.ask(pair.a, SSyncMinor{}).value(), 2U);
  ASSERT_TRUE(pair.ask(pair.a, STokenGive{Tokens::of(Token::Data, Token::SynchronizeMinor)}));
  EXPECT_EQ(pair.ask(pair.b, SSyncMinor{}).value(), 3U);
  EXPECT_FALSE(pair.ask(pair.b, SSyncMinorResponse{2, {}})) << "the right to confirm changed sides with point 3";
  EXPECT_TRUE(pair.ask(pair.a, SSyncMinorResponse{3, {}}));
}

TEST(Session, SerialNumbersAreChecked) {
  for (const char* tsdu : {"010031032a0132", "010031032a0130", "010029032a0132", "02002a032a0131"}) {
    SessionPair pair = connected();
    ASSERT_TRUE(pair.ask(pair.a, SActivityStart{{1}, {}}));
    pair.b.session.receive(hex(tsdu), pair.now);
    pair.pump();
    EXPECT_EQ(last<SPAbort>(pair.b).reason, PAbortReason::ProtocolError) << tsdu;
  }
  SessionPair pair = connected();
  ASSERT_TRUE(pair.ask(pair.a, SActivityResume{{1}, {2}, kMaxSerialNumber, {}, {}, {}, {}, {}}));
  EXPECT_EQ(pair.ask(pair.a, SSyncMinor{}).error().code, ErrorCode::Conflict) << "used up";
}

// --- Release, abort, time

TEST(Session, ReleaseIsOrderly) {
  SessionPair pair = connected();
  EXPECT_FALSE(pair.ask(pair.b, SRelease{})) << "without the tokens";
  ASSERT_TRUE(pair.ask(pair.a, SRelease{{1}}));
  EXPECT_EQ(last<SRelease>(pair.b), (SRelease{{1}}));
  EXPECT_FALSE(pair.ask(pair.b, SReleaseResponse{false, {}})) << "not negotiated";
  ASSERT_TRUE(pair.ask(pair.b, SReleaseResponse{true, {2}}));
  EXPECT_EQ(last<SReleaseResponse>(pair.a), (SReleaseResponse{true, {2}}));
  EXPECT_TRUE(pair.a.session.closed());
  EXPECT_TRUE(pair.b.session.closed());
  EXPECT_EQ(pair.b.last<SPAbort>(), nullptr) << "the end of the transport is part of it";
}

TEST(Session, NegotiatedReleaseCanBeRefused) {
  SessionPair pair = connected(FunctionalUnits::of(FunctionalUnit::Duplex, FunctionalUnit::NegotiatedRelease));
  ASSERT_TRUE(pair.ask(pair.a, SRelease{}));
  ASSERT_TRUE(pair.ask(pair.b, SData{{9}})) << "X.225: the other direction is still open";
  ASSERT_TRUE(pair.ask(pair.b, SReleaseResponse{false, {3}}));
  EXPECT_EQ(last<SReleaseResponse>(pair.a), (SReleaseResponse{false, {3}}));
  EXPECT_TRUE(pair.ask(pair.a, SData{{1}}));
}

TEST(Session, ReleaseCollision) {
  for (const bool initiator_first : {true, false}) {
    SessionPair pair = connected(kRoseUnits);
    ASSERT_TRUE(pair.a.session.request(SRelease{}, pair.now));
    ASSERT_TRUE(pair.b.session.request(SRelease{}, pair.now));
    pair.pump();
    EXPECT_EQ(last<SRelease>(pair.a), SRelease{});
    EXPECT_EQ(last<SRelease>(pair.b), SRelease{});
    SessionSide& first = initiator_first ? pair.a : pair.b;
    SessionSide& second = initiator_first ? pair.b : pair.a;
    ASSERT_TRUE(pair.ask(first, SReleaseResponse{}));
    EXPECT_EQ(last<SReleaseResponse>(second), SReleaseResponse{});
    ASSERT_TRUE(pair.ask(second, SReleaseResponse{}));
    EXPECT_EQ(last<SReleaseResponse>(first), SReleaseResponse{});
    EXPECT_TRUE(first.session.closed());
    EXPECT_TRUE(second.session.closed());
  }
}

TEST(Session, UserAbort) {
  SessionPair pair = connected();
  ASSERT_TRUE(pair.ask(pair.b, SUAbort{Bytes(2'000, 4)}));
  EXPECT_EQ(last<SUAbort>(pair.a).user_data, Bytes(2'000, 4));
  EXPECT_TRUE(pair.a.session.closed());
  EXPECT_TRUE(pair.b.session.closed());
  EXPECT_EQ(pair.b.last<SPAbort>(), nullptr);
}

TEST(Session, ProviderAbortOfThePeer) {
  for (const auto& [hex_text, reason] : {std::pair{"1903110105", PAbortReason::PeerProtocolError},
                                         {"1903110109", PAbortReason::PeerUnspecified},
                                         {"1903110111", PAbortReason::PeerRestriction},
                                         {"1903110104", PAbortReason::PeerProtocolError}}) {
    SessionPair pair = connected();
    pair.a.session.receive(hex(hex_text), pair.now);
    EXPECT_TRUE(pair.a.session.wants_disconnect());
    pair.pump();
    EXPECT_EQ(last<SPAbort>(pair.a).reason, reason);
  }
  SessionPair pair = connected();
  pair.a.session.receive(hex("1908110105310301020"
                             "3"),
                         pair.now);
  pair.pump();
  EXPECT_EQ(last<SPAbort>(pair.a).reflected, (Bytes{1, 2, 3}));
}

TEST(Session, TransportLost) {
  SessionPair pair = connected();
  pair.a.session.transport_disconnected("connection reset by peer");
  pair.pump();
  EXPECT_EQ(last<SPAbort>(pair.a).reason, PAbortReason::TransportDisconnect);
  EXPECT_NE(last<SPAbort>(pair.a).text.find("reset by peer"), std::string::npos);
  EXPECT_TRUE(pair.a.session.closed());
  EXPECT_EQ(pair.a.session.request(SData{{1}}, pair.now).error().code, ErrorCode::Conflict);
  pair.a.session.transport_disconnected("again");
  EXPECT_FALSE(pair.a.session.next_event());
}

TEST(Session, Timers) {
  SessionOptions options;
  options.role = SessionRole::Responder;
  Session idle(options, SteadyTime());
  EXPECT_EQ(idle.deadline(), SteadyTime() + seconds(60));
  idle.tick(SteadyTime() + seconds(60));
  EXPECT_TRUE(idle.closed() && idle.wants_disconnect());
  EXPECT_EQ(std::get<SPAbort>(*idle.next_event()).reason, PAbortReason::Timeout);

  Session waiting({}, SteadyTime());
  EXPECT_EQ(waiting.deadline(), SteadyTime::max());
  ASSERT_TRUE(waiting.request(SConnect{}, SteadyTime() + seconds(1)));
  EXPECT_EQ(waiting.deadline(), SteadyTime() + seconds(61));
  waiting.tick(SteadyTime() + seconds(60));
  EXPECT_EQ(waiting.state(), State::WaitAccept);
  waiting.tick(SteadyTime() + seconds(61));
  EXPECT_EQ(waiting.state(), State::WaitAbortAccept);
  EXPECT_EQ(std::get<SPAbort>(*waiting.next_event()).reason, PAbortReason::Timeout);
  EXPECT_EQ(waiting.deadline(), SteadyTime() + seconds(76)) << "TIM";
  EXPECT_FALSE(waiting.wants_disconnect());
  waiting.tick(SteadyTime() + seconds(76));
  EXPECT_TRUE(waiting.closed() && waiting.wants_disconnect());
  EXPECT_EQ(waiting.deadline(), SteadyTime::max());

  SessionPair pair = connected();
  EXPECT_EQ(pair.a.session.deadline(), SteadyTime::max());
  ASSERT_TRUE(pair.a.session.request(SRelease{}, pair.now));
  EXPECT_EQ(pair.a.session.deadline(), pair.now + seconds(60));
}

TEST(Session, AbortTextsCarryNoUserData) {
  SessionPair pair = connected();
  pair.b.session.receive(hex("01000100" + hex_encode(as_bytes("sesame"))), pair.now);
  pair.pump();
  const std::string text = last<SPAbort>(pair.b).text;
  EXPECT_EQ(text.find("sesame"), std::string::npos);
  EXPECT_NE(text.find("no activity"), std::string::npos) << text;
  EXPECT_NE(text.find("data transfer"), std::string::npos) << text;
}

}  // namespace
}  // namespace postern::osi
