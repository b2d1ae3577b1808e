// What holds whatever is done: random primitives on both sides, random SPDUs, and every way to cut the octets.
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "osi/cotp.hpp"
#include "osi/session.hpp"
#include "osi/spdu.hpp"
#include "osi/testing/session_pair.hpp"

namespace postern::osi {
namespace {

using testing::SessionPair;
using testing::SessionSide;
using State = Session::State;
using Random = std::mt19937;

bool is_last(const SessionEvent& event) {
  const auto* release = std::get_if<SReleaseResponse>(&event);
  return std::holds_alternative<SPAbort>(event) || std::holds_alternative<SUAbort>(event) ||
         std::holds_alternative<SConnectRefuse>(event) || (release != nullptr && release->affirmative);
}

Bytes random_bytes(Random& random, std::size_t most) {
  Bytes bytes(random() % (most + 1));
  for (Byte& each : bytes) each = static_cast<Byte>(random());
  return bytes;
}

SessionRequest random_primitive(Random& random) {
  const Tokens tokens(static_cast<std::uint8_t>(random() & Tokens::all().bits));
  const Bytes data = random_bytes(random, 300);
  switch (random() % 22) {
    case 0: return SUAbort{data};
    case 1: return SRelease{data};
    case 2: return SReleaseResponse{random() % 4 != 0, data};
    case 3: return STokenGive{tokens};
    case 4: return STokenPlease{tokens, data};
    case 5: return SControlGive{};
    case 6:
    case 7: return SSyncMinor{random() % 2 == 0, 0, data};
    case 8:
    case 9: return SSyncMinorResponse{static_cast<SerialNumber>(random() % 6), data};
    case 10: return SSyncMajor{0, data};
    case 11: return SSyncMajorResponse{data};
    case 12: return SUExceptionReport{ExceptionReason::Unspecified, data};
    case 13:
    case 14: return SActivityStart{{1}, data};
    case 15: return SActivityResume{{1}, {2}, static_cast<SerialNumber>(random() % 4), {}, {}, {}, {}, data};
    case 16: return SActivityInterrupt{};
    case 17: return random() % 2 == 0 ? SessionRequest(SActivityInterruptResponse{}) : SessionRequest(SActivityDiscardResponse{});
    case 18: return SActivityDiscard{};
    case 19: return random() % 2 == 0 ? SessionRequest(SActivityEnd{0, data}) : SessionRequest(SActivityEndResponse{data});
    case 20: return STypedData{data};
    default: return SData{data};
  }
}

// Two engines of ours, whatever their users do and however their TSDUs cross: neither ever takes the other for a liar.
TEST(SessionProperty, RandomUsersNeverCauseAProtocolError) {
  for (unsigned seed = 0; seed < 600; ++seed) {
    Random random(seed);
    SessionOptions options;
    options.versions = seed % 3 == 0 ? kSessionVersion1 : kSessionVersion2;
    options.max_tsdu_in = options.max_tsdu_out = seed % 2 == 0 ? 0 : 80;
    SessionPair pair(options, options);
    const FunctionalUnits units[] = {kRtseUnits, kRoseUnits,
                                     FunctionalUnits(static_cast<std::uint16_t>(kSupportedUnits.bits & ~kRoseUnits.bits)),
                                     FunctionalUnits(kSupportedUnits.without(FunctionalUnit::HalfDuplex)
                                                         .without(FunctionalUnit::ActivityManagement)
                                                         .without(FunctionalUnit::Exceptions))};
    ASSERT_TRUE(pair.connect(units[seed % 4]));
    for (int step = 0; step < 150; ++step) {
      SessionSide& side = random() % 2 == 0 ? pair.a : pair.b;
      const SessionRequest primitive = random_primitive(random);
      const bool ends_it = std::holds_alternative<SUAbort>(primitive);
      if (!ends_it || random() % 20 == 0) static_cast<void>(side.session.request(primitive, pair.now));
      if (random() % 3 == 0) pair.pump();
    }
    pair.pump();
    for (const SessionSide* side : {&pair.a, &pair.b}) {
      for (const SessionEvent& event : side->events) {
        const auto* abort = std::get_if<SPAbort>(&event);
        EXPECT_EQ(abort, nullptr) << "seed " << seed << ": " << abort->text;
      }
    }
    const Tokens both = pair.a.session.owned_tokens() & pair.b.session.owned_tokens();
    if (pair.a.session.state() == State::DataTransfer && pair.b.session.state() == State::DataTransfer) {
      EXPECT_TRUE(both.empty()) << "seed " << seed;
      EXPECT_EQ(pair.a.session.owned_tokens() | pair.b.session.owned_tokens(), pair.a.session.available_tokens()) << "seed " << seed;
      EXPECT_EQ(pair.a.session.activity_in_progress(), pair.b.session.activity_in_progress()) << "seed " << seed;
      // Points of an activity that was cut off are nobody's any more.
      const bool counts =
          pair.a.session.activity_in_progress() || !pair.a.session.selection().units.has(FunctionalUnit::ActivityManagement);
      if (counts) EXPECT_EQ(pair.a.session.next_serial(), pair.b.session.next_serial()) << "seed " << seed;
    }
  }
}

Bytes random_tsdu(Random& random) {
  static const Byte kSi[] = {0, 1, 2, 5, 7, 8, 9, 10, 12, 13, 14, 15, 16, 21, 22, 25, 26, 29, 33, 41, 42, 45, 48, 49, 50, 57, 58, 64};
  static const Byte kPi[] = {1, 5, 9, 10, 11, 15, 16, 17, 19, 20, 21, 22, 23, 25, 26, 33, 41, 42, 49, 50, 51, 52, 60, 193, 194, 7};
  Bytes tsdu;
  if (random() % 2 == 0) tsdu = {static_cast<Byte>(1 + random() % 2), 0};
  for (unsigned count = 1 + random() % 2; count > 0; --count) {
    Bytes field;
    for (unsigned i = random() % 4; i > 0; --i) {
      const Bytes value = random() % 3 == 0 ? random_bytes(random, 6) : Bytes{static_cast<Byte>('0' + random() % 4)};
      field.push_back(kPi[random() % std::size(kPi)]);
      field.push_back(static_cast<Byte>(value.size()));
      append(field, value);
    }
    tsdu.push_back(kSi[random() % std::size(kSi)]);
    tsdu.push_back(static_cast<Byte>(random() % 16 == 0 ? random() : field.size()));
    append(tsdu, field);
  }
  return tsdu;
}

// Whatever a peer sends, in whatever state: what comes out is well-formed, and there is one last event and nothing after it.
TEST(SessionProperty, RandomSpdusEndInOneAbortAtMost) {
  for (unsigned seed = 0; seed < 3'000; ++seed) {
    Random random(seed);
    SessionPair pair;
    if (seed % 5 != 0) ASSERT_TRUE(pair.connect(kRtseUnits));
    SessionSide& side = seed % 2 == 0 ? pair.a : pair.b;
    for (int step = 0; step < 12; ++step) {
      if (random() % 2 == 0) static_cast<void>(side.session.request(random_primitive(random), pair.now));
      side.session.receive(random_tsdu(random), pair.now);
    }
    bool ended = false;
    while (auto event = side.session.next_event()) {
      EXPECT_FALSE(ended) << "seed " << seed << ": an event behind the last one";
      ended = is_last(*event);
    }
    while (const auto tsdu = side.session.take_tsdu()) {
      TsduReader reader(*tsdu);
      do {
        ASSERT_TRUE(reader.next()) << "seed " << seed << " " << hex_encode(*tsdu);
      } while (!reader.at_end());
    }
    side.session.tick(side.session.deadline() == SteadyTime::max() ? pair.now : side.session.deadline());
    side.session.transport_disconnected("gone");
    EXPECT_TRUE(side.session.closed());
  }
}

// --- The whole lower half over a byte pipe

struct Stack {
  Transport transport;
  Session session;
  std::vector<SessionEvent> events;
  std::string sent;

  Stack(TransportRole role, std::size_t tpdu)
      : transport(Transport::open(options(role, tpdu), SteadyTime()).value()),
        session({.role = role == TransportRole::Initiator ? SessionRole::Initiator : SessionRole::Responder,
                 .selector = {},
                 .max_tsdu_out = 64,
                 .max_tsdu_in = 64,
                 .timeouts = {}},
                SteadyTime()) {}

  static TransportOptions options(TransportRole role, std::size_t tpdu) {
    TransportOptions options;
    options.role = role;
    options.max_tpdu = tpdu;
    return options;
  }

  void receive(ByteView octets) {
    transport.receive(octets, SteadyTime());
    while (auto event = transport.next_event()) {
      if (std::holds_alternative<TConnect>(*event)) EXPECT_TRUE(transport.accept());
      if (const auto* data = std::get_if<TData>(&*event)) session.receive(data->tsdu, SteadyTime());
      if (std::holds_alternative<TDisconnect>(*event)) session.transport_disconnected("closed");
    }
    step();
  }
  // The user of the responder says yes to everything.
  void step() {
    while (auto event = session.next_event()) {
      if (std::holds_alternative<SConnect>(*event)) EXPECT_TRUE(session.request(SConnectAccept{}, SteadyTime()));
      if (std::holds_alternative<SActivityEnd>(*event)) EXPECT_TRUE(session.request(SActivityEndResponse{}, SteadyTime()));
      if (std::holds_alternative<SRelease>(*event)) EXPECT_TRUE(session.request(SReleaseResponse{}, SteadyTime()));
      events.push_back(std::move(*event));
    }
    while (auto tsdu = session.take_tsdu()) EXPECT_TRUE(transport.send(*tsdu));
    if (session.wants_disconnect()) transport.disconnect();
  }
};

// A whole association: connect, an activity, release. Returns all octets of the initiator, and what the responder's user saw.
std::pair<Bytes, std::vector<SessionEvent>> play(const std::function<void(Stack&, ByteView)>& deliver) {
  Stack a(TransportRole::Initiator, 128), b(TransportRole::Responder, 128);
  Bytes all;
  const auto pump = [&] {
    for (bool moved = true; moved;) {
      const Bytes out = a.transport.take_output();
      append(all, out);
      deliver(b, out);
      const Bytes back = b.transport.take_output();
      a.receive(back);
      moved = !out.empty() || !back.empty();
    }
  };
  const auto ask = [&](SessionRequest request) {
    EXPECT_TRUE(a.session.request(std::move(request), SteadyTime()));
    a.step();
    pump();
  };
  pump();
  ask(SConnect{});
  ask(SActivityStart{{1}, {}});
  ask(SData{Bytes(200, 'd')});
  ask(SSyncMinor{});
  ask(SActivityEnd{});
  ask(SRelease{});
  EXPECT_TRUE(a.session.closed());
  EXPECT_TRUE(a.transport.wants_close());
  EXPECT_TRUE(std::holds_alternative<SReleaseResponse>(a.events.back()));
  b.transport.network_lost("end of file");
  b.receive({});
  EXPECT_TRUE(b.session.closed());
  return {all, b.events};
}

TEST(SessionProperty, CutAtEveryPositionNothingChanges) {
  const auto [octets, events] = play([](Stack& to, ByteView out) { to.receive(out); });
  ASSERT_EQ(events.size(), 6U);
  for (std::size_t cut = 1; cut < octets.size(); ++cut) {
    std::size_t seen = 0;
    const auto [again, same] = play([&](Stack& to, ByteView out) {
      const std::size_t at = cut > seen ? std::min(cut - seen, out.size()) : 0;
      seen += out.size();
      to.receive(out.first(at));
      to.receive(out.subspan(at));
    });
    EXPECT_EQ(again, octets) << cut;
    EXPECT_EQ(same, events) << cut;
  }
  const auto [bytewise, same] = play([](Stack& to, ByteView out) {
    for (const Byte octet : out) to.receive({&octet, 1});
  });
  EXPECT_EQ(bytewise, octets);
  EXPECT_EQ(same, events);
}

TEST(SessionProperty, JoinedIntoOnePieceNothingChanges) {
  // Everything the initiator sends without waiting for an answer, in one read.
  Stack a(TransportRole::Initiator, 128), b(TransportRole::Responder, 128);
  b.receive(a.transport.take_output());
  a.receive(b.transport.take_output());
  ASSERT_TRUE(a.session.request(SConnect{}, SteadyTime()));
  a.step();
  b.receive(a.transport.take_output());
  a.receive(b.transport.take_output());
  for (SessionRequest request : {SessionRequest(SActivityStart{{1}, {}}), SessionRequest(SData{Bytes(500)}), SessionRequest(SSyncMinor{}),
                                 SessionRequest(SData{Bytes(10)}), SessionRequest(SActivityEnd{})})
    ASSERT_TRUE(a.session.request(std::move(request), SteadyTime()));
  a.step();
  b.receive(a.transport.take_output());
  ASSERT_EQ(b.events.size(), 6U);
  EXPECT_TRUE(std::holds_alternative<SActivityEnd>(b.events.back()));
}

TEST(SessionProperty, ConnectionLostAtEveryPositionIsOneAbort) {
  const auto [octets, events] = play([](Stack& to, ByteView out) { to.receive(out); });
  for (std::size_t cut = 0; cut < octets.size(); ++cut) {
    Stack b(TransportRole::Responder, 128);
    for (const Byte octet : ByteView(octets).first(cut)) b.receive({&octet, 1});
    b.transport.network_lost("reset");
    b.receive({});
    EXPECT_TRUE(b.session.closed()) << cut;
    std::size_t lasts = 0;
    for (const SessionEvent& event : b.events) lasts += is_last(event) ? 1 : 0;
    EXPECT_LE(lasts, 1U) << cut;
  }
}

}  // namespace
}  // namespace postern::osi
