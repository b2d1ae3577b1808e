// Connection establishment: scenarios of both sides.
#include "osi/session.hpp"

#include <gtest/gtest.h>

#include "osi/spdu.hpp"
#include "osi/testing/session_pair.hpp"

namespace postern::osi {
namespace {

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

Spdu only_spdu(const Bytes& tsdu) {
  TsduReader reader(tsdu);
  Spdu spdu = reader.next().value();
  while (!reader.at_end()) spdu = reader.next().value();
  return spdu;
}

TEST(SessionConnect, ConnectCarriesEveryParameter) {
  SessionPair pair;
  SConnect request;
  request.identifier = {to_bytes("ref"), to_bytes("260101000000Z"), {1, 2}};
  request.calling_selector = to_bytes("s1");
  request.called_selector = to_bytes("s2");
  request.token_settings = TokenSettings::all(TokenSetting::AcceptorChooses);
  request.initial_serial = 17;
  request.user_data = to_bytes("hello");
  ASSERT_TRUE(pair.ask(pair.a, request));
  EXPECT_EQ(last<SConnect>(pair.b), request);
  SConnectAccept accept;
  accept.identifier = {to_bytes("other"), to_bytes("common"), {}};
  accept.responding_selector = to_bytes("s2");
  accept.requirements = kRtseUnits;
  accept.token_settings = {TokenSetting::Acceptor, TokenSetting::Requestor, TokenSetting::Acceptor, TokenSetting::Requestor};
  accept.tokens_requested = Tokens::of(Token::SynchronizeMinor);
  accept.user_data = to_bytes("welcome");
  ASSERT_TRUE(pair.ask(pair.b, accept));
  EXPECT_EQ(last<SConnectAccept>(pair.a), accept);
  EXPECT_EQ(pair.a.session.owned_tokens(), Tokens::of(Token::SynchronizeMinor));
  EXPECT_EQ(pair.b.session.owned_tokens(), Tokens::of(Token::Data, Token::MajorActivity));
  EXPECT_TRUE(pair.a.session.connected());
  EXPECT_TRUE(pair.b.session.connected());
  EXPECT_EQ(pair.a.session.selection().version, 2);
}

TEST(SessionConnect, UnitsAreTheIntersection) {
  SessionPair pair;
  SConnect request;
  request.requirements = FunctionalUnits::of(FunctionalUnit::HalfDuplex, FunctionalUnit::Duplex, FunctionalUnit::MinorSynchronize,
                                             FunctionalUnit::Exceptions, FunctionalUnit::NegotiatedRelease);
  ASSERT_TRUE(pair.ask(pair.a, request));
  SConnectAccept accept;
  accept.requirements = request.requirements;
  EXPECT_EQ(pair.ask(pair.b, accept).error().field, "requirements") << "exactly one of half-duplex and duplex";
  accept.requirements = FunctionalUnits::of(FunctionalUnit::Duplex, FunctionalUnit::MinorSynchronize, FunctionalUnit::Exceptions,
                                            FunctionalUnit::ActivityManagement);
  ASSERT_TRUE(pair.ask(pair.b, accept));
  const FunctionalUnits agreed = FunctionalUnits::of(FunctionalUnit::Duplex, FunctionalUnit::MinorSynchronize);
  EXPECT_EQ(pair.a.session.selection().units, agreed) << "X.215 8: no exceptions without half-duplex";
  EXPECT_EQ(pair.b.session.selection().units, agreed);
  EXPECT_EQ(pair.a.session.available_tokens(), Tokens::of(Token::SynchronizeMinor));
}

TEST(SessionConnect, VersionIsTheHighestCommonOne) {
  for (const auto& [ours, theirs, agreed] : {std::tuple{3, 3, 2}, {1, 3, 1}, {3, 1, 1}, {2, 3, 2}, {1, 1, 1}}) {
    SessionOptions a, b;
    a.versions = static_cast<std::uint8_t>(ours);
    b.versions = static_cast<std::uint8_t>(theirs);
    SessionPair pair(a, b);
    ASSERT_TRUE(pair.connect());
    EXPECT_EQ(pair.a.session.selection().version, agreed);
    EXPECT_EQ(pair.b.session.selection().version, agreed);
  }
  SessionOptions a, b;
  a.versions = kSessionVersion1;
  b.versions = kSessionVersion2;
  SessionPair pair(a, b);
  ASSERT_TRUE(pair.ask(pair.a, SConnect{}));
  EXPECT_EQ(last<SConnectRefuse>(pair.a).reason, RefuseReason::VersionsNotSupported);
  EXPECT_TRUE(pair.a.session.closed());
  EXPECT_TRUE(pair.b.events.empty());
}

TEST(SessionConnect, CalledSelectorMustMatchExactly) {
  for (const char* called : {"", "x400", "x400nn", "X400N"}) {
    SessionOptions b;
    b.selector = to_bytes("x400n");
    SessionPair pair({}, b);
    SConnect request;
    request.called_selector = to_bytes(called);
    ASSERT_TRUE(pair.ask(pair.a, request));
    EXPECT_EQ(last<SConnectRefuse>(pair.a).reason, RefuseReason::SelectorUnknown) << called;
  }
  SessionOptions b;
  b.selector = Bytes();
  EXPECT_TRUE(SessionPair({}, b).connect()) << "an absent selector is the empty one";
}

TEST(SessionConnect, UnitsThatCannotBeMet) {
  SessionOptions b;
  b.units = kRoseUnits;
  SessionPair pair({}, b);
  ASSERT_TRUE(pair.ask(pair.a, SConnect{}));
  EXPECT_EQ(last<SConnectRefuse>(pair.a).reason, RefuseReason::ImplementationRestriction);
}

TEST(SessionConnect, UserRefusesWithData) {
  SessionPair pair;
  ASSERT_TRUE(pair.ask(pair.a, SConnect{}));
  const SConnectRefuse refuse{RefuseReason::UserData, {to_bytes("r"), {}, {}}, Bytes(2000, 5)};
  ASSERT_TRUE(pair.ask(pair.b, refuse));
  EXPECT_EQ(last<SConnectRefuse>(pair.a), refuse);
  EXPECT_TRUE(pair.a.session.closed());
  EXPECT_TRUE(pair.b.session.closed());
}

TEST(SessionConnect, RefusalHasRoomForAllItMayCarry) {
  SessionPair pair;
  ASSERT_TRUE(pair.ask(pair.a, SConnect{}));
  SConnectRefuse refuse{RefuseReason::UserData, {Bytes(64, 'r'), Bytes(64, 'c'), Bytes(4, 'a')}, Bytes(kMaxUserDataVersion2 + 1)};
  EXPECT_EQ(pair.ask(pair.b, refuse).error().code, ErrorCode::TooLarge);
  refuse.user_data.pop_back();
  ASSERT_TRUE(pair.ask(pair.b, refuse));
  EXPECT_EQ(last<SConnectRefuse>(pair.a), refuse);
}

TEST(SessionConnect, TsduSizesBelowTheLeastCountAsIt) {
  SessionOptions options;
  options.max_tsdu_in = options.max_tsdu_out = 1;
  SessionPair pair(options, options);
  ASSERT_TRUE(pair.connect(kRoseUnits));
  EXPECT_EQ(pair.b.session.selection().max_tsdu_in, 64);
}

TEST(SessionConnect, ConnectDataOfEveryRange) {  // X.225 8.3.1.17, 8.3.1.18
  for (const std::size_t size : {0U, 512U, 513U, 10'240U, 10'241U, 60'000U}) {
    SessionPair pair;
    SConnect request;
    request.user_data = Bytes(size, 'u');
    ASSERT_TRUE(pair.ask(pair.a, request)) << size;
    EXPECT_EQ(last<SConnect>(pair.b).user_data.size(), size);
    EXPECT_EQ(pair.from_a.size(), size > 10'240 ? 2U : 1U) << "overflow";
    if (size > 512) EXPECT_EQ(only_spdu(pair.from_a[0]).versions, kSessionVersion2);
    SConnectAccept accept;
    accept.user_data = Bytes(size, 'v');
    ASSERT_TRUE(pair.ask(pair.b, accept));
    EXPECT_EQ(last<SConnectAccept>(pair.a).user_data, accept.user_data) << size;
  }
  SessionOptions version1;
  version1.versions = kSessionVersion1;
  SessionPair pair(version1);
  SConnect request;
  request.user_data = Bytes(513);
  EXPECT_EQ(pair.ask(pair.a, request).error().code, ErrorCode::TooLarge);
  request.user_data = Bytes(512);
  EXPECT_TRUE(pair.ask(pair.a, request));
}

TEST(SessionConnect, OverflowIsBounded) {
  SessionOptions b;
  b.max_connect_data = 20'000;
  SessionPair pair({}, b);
  SConnect request;
  request.user_data = Bytes(40'000, 'u');
  ASSERT_TRUE(pair.ask(pair.a, request));
  EXPECT_EQ(last<SPAbort>(pair.b).reason, PAbortReason::ProtocolError);
  EXPECT_EQ(last<SPAbort>(pair.a).reason, PAbortReason::PeerProtocolError);
}

TEST(SessionConnect, ParametersAreChecked) {
  SessionPair pair;
  const auto refused = [&](auto change) {
    SConnect request;
    change(request);
    const auto result = pair.a.session.request(request, pair.now);
    EXPECT_EQ(pair.a.session.state(), State::Idle);
    return result ? std::string("none") : result.error().field;
  };
  EXPECT_EQ(refused([](auto& r) { r.identifier.user_reference = Bytes(65); }), "user_reference");
  EXPECT_EQ(refused([](auto& r) { r.identifier.common_reference = Bytes(65); }), "common_reference");
  EXPECT_EQ(refused([](auto& r) { r.identifier.additional_information = Bytes(5); }), "additional_information");
  EXPECT_EQ(refused([](auto& r) { r.calling_selector = Bytes(17); }), "calling_selector");
  EXPECT_EQ(refused([](auto& r) { r.called_selector = Bytes(17); }), "called_selector");
  EXPECT_EQ(refused([](auto& r) { r.requirements = FunctionalUnits::of(FunctionalUnit::MinorSynchronize); }), "requirements");
  EXPECT_EQ(refused([](auto& r) { r.requirements = FunctionalUnits(0xFFFF); }), "requirements");
  EXPECT_EQ(refused([](auto& r) { r.initial_serial = 1'000'000; }), "initial_serial");
  EXPECT_EQ(refused([](auto& r) { r.user_data = Bytes(65'537); }), "user_data");
}

TEST(SessionConnect, ConnectOfRealPeers) {
  // PP: duplex, both versions, TSDU maximum size 2041 each way. Isode: half-duplex, activity, version 2, calling reference in ACCEPT.
  SessionOptions options;
  options.role = SessionRole::Responder;
  Session pp(options, SteadyTime());
  pp.receive(hex("0d2c01180a041402766d0b10170e313236313132323030303531355a050c130100150407f907f9160103"
                 "14020002"),
             SteadyTime());
  EXPECT_EQ(pp.state(), State::WaitConnectResponse);
  const auto event = pp.next_event();
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<SConnect>(*event).requirements, kRoseUnits);
  SConnectAccept accept;
  accept.requirements = kRoseUnits;
  ASSERT_TRUE(pp.request(accept, SteadyTime()));
  EXPECT_EQ(pp.selection().version, 2);
  EXPECT_EQ(pp.selection().max_tsdu_out, 2041);
  EXPECT_EQ(only_spdu(*pp.take_tsdu()).tsdu_maximum, 0x07F907F9U);
}

TEST(SessionConnect, AcceptThatDoesNotFitTheProposal) {
  const char* answers[] = {
      "0e09050316010414020249",  // version 3
      "0e0405021600",            // (no version: 1, which was not proposed) with units by default
      "0e09050316010214020003",  // half-duplex and duplex
      "0e09050316010214020040",  // neither
      ("0e0f0509160102150400400010"
       "14020249"),  // a TSDU maximum size of 16
  };
  for (const char* answer : answers) {
    SessionOptions options;
    options.versions = kSessionVersion2;
    Session session(options, SteadyTime());
    SConnect connect;
    connect.requirements = FunctionalUnits(kRtseUnits.bits | kRoseUnits.bits);
    ASSERT_TRUE(session.request(connect, SteadyTime()));
    session.receive(hex(answer), SteadyTime());
    const auto event = session.next_event();
    ASSERT_TRUE(event && std::holds_alternative<SPAbort>(*event)) << answer;
    EXPECT_EQ(std::get<SPAbort>(*event).reason, PAbortReason::ProtocolError);
  }
}

TEST(SessionConnect, ReservedTokenSettingsAreTheAcceptorsChoice) {
  SessionOptions options;
  options.role = SessionRole::Responder;
  Session session(options, SteadyTime());
  session.receive(hex("0d0a05061601021a01ff14020249"), SteadyTime());
  session.receive(hex("0d0c05061601021a01ff14020249"), SteadyTime());
  EXPECT_EQ(session.state(), State::WaitAbortAccept) << "a length that lies";
  Session good(options, SteadyTime());
  good.receive(hex("0d0c05061601021a01ff14020249"), SteadyTime());
  SConnectAccept accept;
  accept.token_settings = TokenSettings::all(TokenSetting::Acceptor);
  ASSERT_TRUE(good.request(accept, SteadyTime()));
  EXPECT_EQ(good.owned_tokens(), good.available_tokens());
}

}  // namespace
}  // namespace postern::osi
