// The state table against its twin: for each state what may come, written down once more by hand. All else must be refused.
#include <gtest/gtest.h>

#include <functional>
#include <iterator>
#include <memory>
#include <set>
#include <sstream>

#include "osi/session.hpp"
#include "osi/spdu.hpp"
#include "osi/testing/session_pair.hpp"

namespace postern::osi {
namespace {

using testing::SessionPair;
using testing::SessionSide;
using State = Session::State;
using enum SpduKind;

constexpr FunctionalUnits kAll = FunctionalUnits(static_cast<std::uint16_t>(kSupportedUnits.bits & ~kRoseUnits.bits));
const Bytes kActivity = {1}, kReason = {0}, kData = {0xAA};

// Two sides in a situation; the one under test is `side`.
struct Situation {
  std::unique_ptr<SessionPair> pair;
  SessionSide* side;
};

Situation fresh(bool initiator, bool connect = true) {
  Situation s{std::make_unique<SessionPair>(), nullptr};
  if (connect) EXPECT_TRUE(s.pair->connect(kAll));
  s.side = initiator ? &s.pair->a : &s.pair->b;
  return s;
}

// The initiator owns all tokens. `within`: an activity is in progress, with one point that waits for confirmation.
Situation open(bool initiator, bool within) {
  Situation s = fresh(initiator);
  if (!within) return s;
  EXPECT_TRUE(s.pair->ask(s.pair->a, SActivityStart{kActivity, {}}));
  EXPECT_TRUE(s.pair->ask(s.pair->a, SSyncMinor{}));
  return s;
}

template <class Primitive>
Situation behind(Situation s, SessionSide SessionPair::* who, Primitive primitive) {
  EXPECT_TRUE(s.pair->ask((*s.pair).*who, primitive)) << name_of(SessionRequest(primitive));
  return s;
}
// Only the side under test has done it; the other side has not heard of it.
template <class Primitive>
Situation done(Situation s, Primitive primitive) {
  EXPECT_TRUE(s.side->session.request(primitive, s.pair->now)) << name_of(SessionRequest(primitive));
  return s;
}

Situation proposing(std::size_t data) {
  SConnect connect;
  connect.user_data = Bytes(data);
  return done(fresh(true, false), connect);
}
Situation proposed(std::size_t data) {
  Situation s = fresh(false, false);
  SConnect connect;
  connect.user_data = Bytes(data);
  EXPECT_TRUE(s.pair->a.session.request(connect, s.pair->now));
  s.side->session.receive(*s.pair->a.session.take_tsdu(), s.pair->now);
  while (s.side->session.take_tsdu()) continue;
  return s;
}

struct Case {
  const char* name;
  State state;
  std::function<Situation()> reach;
  const char* spdus;       // Those that may come.
  const char* primitives;  // Those that may be asked for.
};

constexpr auto kA = &SessionPair::a;
constexpr auto kB = &SessionPair::b;

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = {
      {"idle, initiator", State::Idle, [] { return fresh(true, false); }, "AB", "SConnect SUAbort"},
      {"idle, responder", State::Idle, [] { return fresh(false, false); }, "CN AB", "SUAbort"},
      {"01D", State::WaitOverflowData, [] { return proposed(20'000); }, "CDO AB", "SUAbort"},
      {"02A", State::WaitAccept, [] { return proposing(0); }, "AC RF AB", "SUAbort"},
      {"02B", State::WaitOverflowAccept, [] { return proposing(20'000); }, "OA RF AB", "SUAbort"},
      {"08", State::WaitConnectResponse, [] { return proposed(0); }, "AB", "SConnectAccept SConnectRefuse SUAbort"},
      {"713, tokens ours, in an activity", State::DataTransfer, [] { return open(true, true); }, "PT MIA ED ER TD AB",
       "SUAbort SData STypedData STokenGive SSyncMinor SSyncMajor SActivityInterrupt SActivityDiscard SActivityEnd"},
      {"713, tokens theirs, in an activity", State::DataTransfer, [] { return open(false, true); }, "DT TD GT PT MIP MAP AE AI AD ED ER AB",
       "SUAbort STypedData STokenPlease SSyncMinorResponse SUExceptionReport"},
      {"713, tokens ours, no activity", State::DataTransfer, [] { return open(true, false); }, "PT TD AB",
       "SRelease SUAbort STypedData STokenGive SControlGive SActivityStart SActivityResume"},
      {"713, tokens theirs, no activity", State::DataTransfer, [] { return open(false, false); }, "GT PT GTC AS AR FN TD AB AI AD",
       "SUAbort STypedData STokenPlease"},
      {"03", State::WaitDisconnect, [] { return done(open(true, false), SRelease{}); }, "DN NF PT TD ED ER AB", "SUAbort"},
      {"09", State::WaitReleaseResponse, [] { return behind(open(false, false), kA, SRelease{}); }, "AB",
       "SReleaseResponse SUAbort STypedData STokenPlease"},
      {"04A", State::WaitMajorAck, [] { return done(open(true, true), SSyncMajor{}); }, "MAA PT MIA ED ER TD AB",
       "SUAbort STokenGive SActivityInterrupt SActivityDiscard"},
      {"04B", State::WaitActivityEndAck, [] { return done(open(true, true), SActivityEnd{}); }, "MAA PT MIA ED ER TD AB",
       "SUAbort STokenGive SActivityInterrupt SActivityDiscard"},
      {"10A", State::WaitMajorResponse, [] { return behind(open(false, true), kA, SSyncMajor{}); }, "AI AD GT AB",
       "SSyncMajorResponse SSyncMinorResponse SUAbort STypedData STokenPlease SUExceptionReport"},
      {"10B", State::WaitActivityEndResponse, [] { return behind(open(false, true), kA, SActivityEnd{}); }, "AI AD GT AB",
       "SActivityEndResponse SSyncMinorResponse SUAbort STypedData STokenPlease SUExceptionReport"},
      {"05B", State::WaitInterruptAck, [] { return done(open(true, true), SActivityInterrupt{}); }, "AIA DT TD GT PT MIP MIA MAA ED ER AB",
       "SUAbort"},
      {"05C", State::WaitDiscardAck, [] { return done(open(true, true), SActivityDiscard{}); }, "ADA DT TD GT PT MIP MIA MAA ED ER AB",
       "SUAbort"},
      {"11B", State::WaitInterruptResponse, [] { return behind(open(false, true), kA, SActivityInterrupt{}); }, "GT PT AB",
       "SActivityInterruptResponse SUAbort"},
      {"11C", State::WaitDiscardResponse, [] { return behind(open(false, true), kA, SActivityDiscard{}); }, "GT PT AB",
       "SActivityDiscardResponse SUAbort"},
      {"18", State::WaitControlAck, [] { return done(open(true, false), SControlGive{}); }, "GTA PT TD AB", "SUAbort"},
      {"19", State::WaitRecoveryIndication, [] { return done(open(false, true), SUExceptionReport{}); },
       "DT TD GT PT MIP MIA MAP AE ED ER AI AD AB", "STokenPlease SUAbort"},
      {"20", State::WaitRecoveryRequest, [] { return behind(open(true, true), kB, SUExceptionReport{}); }, "TD PT MIA ED ER AB",
       "STokenGive SActivityInterrupt SActivityDiscard SUAbort"},
      {"01A", State::WaitAbortAccept, [] { return done(open(true, true), SUAbort{}); }, "*", ""},
      {"16", State::WaitTransportDisconnect, [] { return done(behind(open(false, false), kA, SRelease{}), SReleaseResponse{}); }, "*", ""},
  };
  return kCases;
}

// A valid SPDU of this kind, as the peer could send it here: tokens it has, serial numbers that fit.
Bytes from_peer(SpduKind kind, const Session& session) {
  Spdu spdu;
  spdu.kind = kind;
  const Tokens theirs = session.available_tokens() - session.owned_tokens();
  if (kind == CN || kind == AC || kind == OA) spdu.versions = kSessionVersion2;
  if (kind == CN || kind == AC) spdu.requirements = kRtseUnits.bits;
  if (kind == AB) spdu.transport_disconnect = kTransportReleased | kUserAbort;
  if (kind == GT) spdu.tokens = theirs.empty() ? Tokens::all().bits : theirs.bits;
  if (kind == PT) spdu.tokens = session.owned_tokens().empty() ? Tokens::all().bits : session.owned_tokens().bits;
  if (kind == MIP || kind == MAP || kind == AE) spdu.serial = session.next_serial();
  if (kind == MAP) spdu.sync_type = kNotEndOfActivity;
  if (kind == MAA) spdu.serial = session.next_serial() - 1;
  if (kind == MIA) spdu.serial = session.unconfirmed_serial();
  if (kind == AS || kind == AR) spdu.activity = kActivity;
  if (kind == AR) spdu.old_activity = kActivity;
  if (kind == AR) spdu.serial = 1;
  if (kind == ED || kind == AI || kind == AD || kind == RF) spdu.reason = kReason;
  if (kind == DT || kind == TD) spdu.user_data = kData;
  return write_tsdu(spdu);
}

constexpr const char* kMnemonics[] = {"CN",  "OA",  "CDO", "AC",  "RF",  "FN", "DN", "NF", "AB",  "AA", "DT",  "TD", "GT", "PT", "GTC",
                                      "GTA", "MIP", "MIA", "MAP", "MAA", "AS", "AR", "AI", "AIA", "AD", "ADA", "AE", "ER", "ED"};
static_assert(std::size(kMnemonics) == kSpduKinds);

std::vector<std::pair<std::string, SessionRequest>> primitives(const Session& session) {
  const Tokens ours = session.owned_tokens(), theirs = session.available_tokens() - ours;
  SConnectAccept accept;
  return {{"SConnect", SConnect{}},
          {"SConnectAccept", accept},
          {"SConnectRefuse", SConnectRefuse{}},
          {"SRelease", SRelease{}},
          {"SReleaseResponse", SReleaseResponse{}},
          {"SUAbort", SUAbort{}},
          {"SData", SData{kData}},
          {"STypedData", STypedData{kData}},
          {"STokenGive", STokenGive{ours}},
          {"STokenPlease", STokenPlease{theirs, {}}},
          {"SControlGive", SControlGive{}},
          {"SSyncMinor", SSyncMinor{}},
          {"SSyncMinorResponse", SSyncMinorResponse{session.unconfirmed_serial(), {}}},
          {"SSyncMajor", SSyncMajor{}},
          {"SSyncMajorResponse", SSyncMajorResponse{}},
          {"SUExceptionReport", SUExceptionReport{}},
          {"SActivityStart", SActivityStart{kActivity, {}}},
          {"SActivityResume", SActivityResume{kActivity, kActivity, 1, {}, {}, {}, {}, {}}},
          {"SActivityInterrupt", SActivityInterrupt{}},
          {"SActivityInterruptResponse", SActivityInterruptResponse{}},
          {"SActivityDiscard", SActivityDiscard{}},
          {"SActivityDiscardResponse", SActivityDiscardResponse{}},
          {"SActivityEnd", SActivityEnd{}},
          {"SActivityEndResponse", SActivityEndResponse{}}};
}

std::set<std::string> words(const char* text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

void drain(Session& session) {
  while (session.next_event() || session.take_tsdu()) continue;
}

TEST(SessionTable, SituationsAreWhatTheyAreCalled) {
  std::set<State> reached = {State::Closed};
  for (const Case& each : cases()) {
    const Situation s = each.reach();
    EXPECT_EQ(s.side->session.state(), each.state) << each.name << ": " << name_of(s.side->session.state());
    reached.insert(each.state);
  }
  EXPECT_EQ(reached.size(), static_cast<std::size_t>(State::Closed) + 1) << "every state is met";
}

TEST(SessionTable, EverySpduInEveryState) {
  for (const Case& each : cases()) {
    const std::set<std::string> allowed = words(each.spdus);
    for (std::size_t i = 0; i < kSpduKinds; ++i) {
      const Situation s = each.reach();
      Session& session = s.side->session;
      drain(session);
      session.receive(from_peer(static_cast<SpduKind>(i), session), s.pair->now);
      const std::string what = std::string(kMnemonics[i]) + " in " + each.name;
      const auto event = session.next_event();
      const bool aborted = event && std::holds_alternative<SPAbort>(*event);
      if (allowed.contains("*") || allowed.contains(kMnemonics[i])) {
        EXPECT_FALSE(aborted) << what << (aborted ? ": " + std::get<SPAbort>(*event).text : "");
        continue;
      }
      ASSERT_TRUE(aborted) << what << " must be refused";
      EXPECT_EQ(std::get<SPAbort>(*event).reason, PAbortReason::ProtocolError) << what;
      EXPECT_FALSE(session.next_event()) << what;
      EXPECT_EQ(session.state(), State::WaitAbortAccept) << what;
      const auto abort = session.take_tsdu();
      ASSERT_TRUE(abort) << what;
      EXPECT_EQ(hex_encode(*abort), "1903110105") << what << ": X.225 8.3.9, protocol error, transport released";
      EXPECT_FALSE(session.take_tsdu()) << what;
    }
  }
}

TEST(SessionTable, EveryPrimitiveInEveryState) {
  for (const Case& each : cases()) {
    const std::set<std::string> allowed = words(each.primitives);
    const std::size_t count = primitives(each.reach().side->session).size();
    for (std::size_t i = 0; i < count; ++i) {
      const Situation s = each.reach();
      Session& session = s.side->session;
      drain(session);
      const auto [name, primitive] = primitives(session)[i];
      const Tokens owned = session.owned_tokens();
      const auto result = session.request(primitive, s.pair->now);
      const std::string what = name + " in " + each.name;
      EXPECT_EQ(result.has_value(), allowed.contains(name)) << what << (result ? "" : ": " + result.error().text());
      if (result) continue;
      EXPECT_EQ(result.error().code, ErrorCode::Conflict) << what;
      EXPECT_EQ(session.state(), each.state) << what;
      EXPECT_EQ(session.owned_tokens(), owned) << what;
      EXPECT_FALSE(session.take_tsdu()) << what << ": nothing is sent";
      EXPECT_FALSE(session.next_event()) << what;
    }
  }
}

TEST(SessionTable, UnitsThatWereNotSelected) {
  // With kernel and duplex alone, none of what the other units bring.
  const std::set<std::string> allowed = words("DT FN AB");
  for (std::size_t i = 0; i < kSpduKinds; ++i) {
    SessionPair pair;
    ASSERT_TRUE(pair.connect(kRoseUnits));
    const auto kind = static_cast<SpduKind>(i);
    pair.a.session.receive(from_peer(kind, pair.a.session), pair.now);
    const bool fine = allowed.contains(kMnemonics[i]) || kind == PT;  // PLEASE TOKENS for tokens that do not exist asks for nothing
    EXPECT_EQ(pair.a.session.state() != State::WaitAbortAccept, fine) << kMnemonics[i];
  }
}

TEST(SessionTable, EveryStateSurvivesTheEndOfTheTransportAndItsTimer) {
  for (const Case& each : cases()) {
    const Situation s = each.reach();
    Session& session = s.side->session;
    drain(session);
    session.transport_disconnected("gone");
    EXPECT_TRUE(session.closed()) << each.name;
    const bool quiet = each.state == State::WaitAbortAccept || each.state == State::WaitTransportDisconnect;
    EXPECT_EQ(session.next_event().has_value(), !quiet) << each.name;
    const Situation t = each.reach();
    Session& timed = t.side->session;
    drain(timed);
    if (timed.deadline() == SteadyTime::max()) continue;
    timed.tick(timed.deadline());
    EXPECT_NE(timed.state(), each.state) << each.name;
  }
}

}  // namespace
}  // namespace postern::osi
