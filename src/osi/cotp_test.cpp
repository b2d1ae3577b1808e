#include "osi/cotp.hpp"

#include <gtest/gtest.h>

namespace postern::osi {
namespace {

using std::chrono::seconds;

Bytes hex(std::string_view text) { return hex_decode(text).value(); }
Bytes tpdu_of(const Tpdu& tpdu) {
  Bytes out;
  write_tpdu(out, tpdu);
  return out;
}
Bytes tpkt_of(const Tpdu& tpdu) {
  Bytes out;
  write_tpkt(out, tpdu_of(tpdu));
  return out;
}
Bytes tpkt_of_hex(std::string_view tpdu) {
  Bytes out;
  write_tpkt(out, hex(tpdu));
  return out;
}

// --- The codec

TEST(Tpdu, RequestAndConfirmOfARealPeer) {
  const Bytes request = hex("18e000000de000c107583430302d3838c207583430302d3838");
  const auto cr = read_tpdu(request);
  ASSERT_TRUE(cr);
  const auto& parsed = std::get<ConnectionRequest>(*cr);
  EXPECT_EQ(parsed.source, 0x0DE0);
  EXPECT_EQ(parsed.classes, 1U);
  EXPECT_EQ(parsed.calling, to_bytes("X400-88"));
  EXPECT_EQ(parsed.called, to_bytes("X400-88"));
  EXPECT_EQ(tpdu_of(parsed), request);
  const Bytes confirm = hex("06d00de0063c00");
  const auto cc = read_tpdu(confirm);
  ASSERT_TRUE(cc);
  EXPECT_EQ(std::get<ConnectionConfirm>(*cc).destination, 0x0DE0);
  EXPECT_EQ(std::get<ConnectionConfirm>(*cc).source, 0x063C);
  EXPECT_EQ(tpdu_of(*cc), confirm);
}

TEST(Tpdu, WhatIsWrittenReadsBack) {
  for (const std::size_t size : {128U, 256U, 512U, 1024U, 2048U, 4096U, 8192U}) {
    const ConnectionRequest request{7, 1, to_bytes("a"), Bytes(32, 'b'), size};
    EXPECT_EQ(std::get<ConnectionRequest>(read_tpdu(tpdu_of(request)).value()), request) << size;
    const ConnectionConfirm confirm{7, 8, 0, std::nullopt, to_bytes("x"), size};
    EXPECT_EQ(std::get<ConnectionConfirm>(read_tpdu(tpdu_of(confirm)).value()), confirm) << size;
  }
  const DisconnectRequest disconnect{1, 2, DisconnectReason::AddressUnknown, to_bytes("no such TSAP")};
  EXPECT_EQ(std::get<DisconnectRequest>(read_tpdu(tpdu_of(disconnect)).value()), disconnect);
  const ErrorTpdu error{3, RejectCause::InvalidTpduType, hex("0210")};
  EXPECT_EQ(std::get<ErrorTpdu>(read_tpdu(tpdu_of(error)).value()), error);
  const Bytes data(300, 9);
  const Bytes written = tpdu_of(DataTpdu{false, data});
  const auto read = std::get<DataTpdu>(read_tpdu(written).value());
  EXPECT_FALSE(read.end_of_tsdu);
  EXPECT_TRUE(std::ranges::equal(read.data, data));
}

TEST(Tpdu, WhatIsWrongIsNamedByClauseAndPlace) {
  struct Case {
    const char* hex;
    RejectCause cause;
    std::size_t offset;
  };
  for (const Case& each : {
           Case{"06", RejectCause::InvalidTpduType, 0},
           Case{"ffd00000000100", RejectCause::InvalidParameterValue, 0},  // 13.2.1: 255 is reserved
           Case{"07d00001000200", RejectCause::InvalidParameterValue, 0},  // longer than the TPDU
           Case{"05d000010002", RejectCause::InvalidParameterValue, 0},    // shorter than its fixed part
           Case{"021080", RejectCause::InvalidTpduType, 1},                // ED
           Case{"02a080", RejectCause::InvalidTpduType, 1},
           Case{"06e000010002"
                "00",
                RejectCause::InvalidParameterValue, 2},                          // 13.3.3: DST-REF of a CR
           Case{"09d00001000200c50100", RejectCause::Unspecified, 0},            // (defined, without meaning: fine)
           Case{"09d00001000200dd0100", RejectCause::InvalidParameterCode, 7},   // 13.2.3: undefined in a CC
           Case{"09d00001000200c0010e", RejectCause::InvalidParameterValue, 9},  // 16384
           Case{"08d00001000200c002", RejectCause::InvalidParameterValue, 8},    // runs over the header
           Case{"07d00001000200c0", RejectCause::InvalidParameterValue, 7},
           Case{"03f0800041", RejectCause::InvalidParameterValue, 0},  // DT of another class
       }) {
    const auto tpdu = read_tpdu(hex(each.hex));
    if (each.cause == RejectCause::Unspecified) {
      EXPECT_TRUE(tpdu) << each.hex;
      continue;
    }
    ASSERT_FALSE(tpdu) << each.hex;
    EXPECT_EQ(tpdu.error().cause, each.cause) << each.hex;
    EXPECT_EQ(tpdu.error().offset, each.offset) << each.hex;
    EXPECT_FALSE(tpdu.error().what.empty());
  }
  EXPECT_TRUE(read_tpdu(hex("09e00000000100dd0100"))) << "13.2.3: undefined parameters of a CR are ignored";
  EXPECT_FALSE(read_tpdu(hex("29e00000000100c121" + std::string(66, '0')))) << "a TSAP-ID of 33 octets";
}

TEST(Tpdu, ClassesAreThePreferredOneAndTheAlternatives) {
  EXPECT_EQ(std::get<ConnectionRequest>(read_tpdu(hex("06e00000000140")).value()).classes, 0x10);
  EXPECT_EQ(std::get<ConnectionRequest>(read_tpdu(hex("0ae00000000140c7022000")).value()).classes, 0x15);
}

TEST(Tpdu, EveryPrefixIsAnErrorAndNoCrash) {
  const Bytes whole = tpdu_of(ConnectionRequest{7, 1, to_bytes("abc"), to_bytes("def"), 2048});
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(read_tpdu(ByteView(whole).first(size))) << size;
}

TEST(Tpdu, ReasonsAreWords) {
  EXPECT_NE(describe(DisconnectReason::AddressUnknown).find("T-selector"), std::string::npos);
  EXPECT_EQ(describe(static_cast<DisconnectReason>(77)), "code 77");
  EXPECT_EQ(describe(RejectCause::InvalidTpduType), "invalid TPDU type");
}

// --- The engine

struct Side {
  Transport transport;
  std::vector<TransportEvent> events;
  template <class Event>
  const Event* last() const {
    return events.empty() ? nullptr : std::get_if<Event>(&events.back());
  }
  void take() {
    while (auto event = transport.next_event()) events.push_back(std::move(*event));
  }
};

Side make(TransportRole role, std::size_t max_tpdu = kMaxTpdu, std::size_t max_tsdu = 1U << 20) {
  TransportOptions options;
  options.role = role;
  options.calling = to_bytes("me");
  options.called = to_bytes("x400n");
  options.reference = role == TransportRole::Initiator ? 0x11 : 0x22;
  options.max_tpdu = max_tpdu;
  options.max_tsdu = max_tsdu;
  return {Transport::open(options, SteadyTime()).value(), {}};
}

void pump(Side& a, Side& b, std::size_t piece = 1U << 20) {
  for (bool moved = true; moved;) {
    moved = false;
    for (auto [from, to] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
      const Bytes out = from->transport.take_output();
      for (std::size_t at = 0; at < out.size(); at += piece)
        to->transport.receive(ByteView(out).subspan(at, std::min(piece, out.size() - at)), SteadyTime());
      moved = moved || !out.empty();
      from->take();
      to->take();
    }
  }
}

struct Connected {
  Side a, b;
  Connected(std::size_t size_a = kMaxTpdu, std::size_t size_b = kMaxTpdu, std::size_t max_tsdu = 1U << 20)
      : a(make(TransportRole::Initiator, size_a)), b(make(TransportRole::Responder, size_b, max_tsdu)) {
    pump(a, b);
    EXPECT_TRUE(b.transport.accept());
    pump(a, b);
  }
};

TEST(Transport, ConnectsAndCarriesData) {
  Side a = make(TransportRole::Initiator), b = make(TransportRole::Responder);
  pump(a, b);
  ASSERT_NE(b.last<TConnect>(), nullptr);
  EXPECT_EQ(*b.last<TConnect>(), (TConnect{to_bytes("me"), to_bytes("x400n")}));
  ASSERT_TRUE(b.transport.accept(to_bytes("x400n")));
  pump(a, b);
  ASSERT_NE(a.last<TConnected>(), nullptr);
  EXPECT_EQ(a.last<TConnected>()->responding, to_bytes("x400n"));
  EXPECT_EQ(a.transport.tpdu_size(), kMaxTpdu);
  EXPECT_EQ(a.transport.deadline(), SteadyTime::max());
  for (const std::size_t size : {1U, 2U, 65527U, 65528U, 65529U, 200000U}) {
    const Bytes tsdu(size, static_cast<Byte>(size));
    ASSERT_TRUE(a.transport.send(tsdu));
    pump(a, b);
    ASSERT_NE(b.last<TData>(), nullptr);
    EXPECT_EQ(b.last<TData>()->tsdu, tsdu) << size;
  }
  EXPECT_EQ(a.transport.send({}).error().code, ErrorCode::BadInput);
  a.transport.disconnect();
  EXPECT_TRUE(a.transport.wants_close());
  a.take();
  EXPECT_EQ(a.last<TDisconnect>()->cause, TDisconnectCause::Local);
  EXPECT_EQ(a.transport.send(Bytes(1)).error().code, ErrorCode::Conflict);
}

TEST(Transport, SizeIsTheSmallerOfBoth) {  // X.224 6.5.4, RFC 1006 6
  struct Case {
    std::size_t a, b, agreed;
  };
  for (const Case& each : {Case{kMaxTpdu, kMaxTpdu, kMaxTpdu}, Case{2048, kMaxTpdu, 2048}, Case{kMaxTpdu, 2048, 2048}, Case{2048, 512, 512},
                           Case{512, 2048, 512}, Case{3000, 5000, 2048}, Case{128, 128, 128}, Case{65530, 65530, 8192}}) {
    Connected pair(each.a, each.b);
    EXPECT_EQ(pair.a.transport.tpdu_size(), each.agreed);
    EXPECT_EQ(pair.b.transport.tpdu_size(), each.agreed);
    const Bytes tsdu(10 * each.agreed, 3);
    ASSERT_TRUE(pair.b.transport.send(tsdu));
    Bytes wire = pair.b.transport.take_output();
    TpktReader reader;
    reader.feed(wire);
    while (const auto tpdu = reader.next().value()) EXPECT_LE(tpdu->size(), each.agreed);
    pair.a.transport.receive(wire, SteadyTime());
    pair.a.take();
    EXPECT_EQ(pair.a.last<TData>()->tsdu, tsdu);
  }
}

TEST(Transport, ConfirmWithoutSizeMeansWhatWasProposed) {
  Side a = make(TransportRole::Initiator, 2048);
  a.transport.receive(tpkt_of(ConnectionConfirm{0x11, 5, 0, {}, {}, {}}), SteadyTime());
  EXPECT_TRUE(a.transport.connected());
  EXPECT_EQ(a.transport.tpdu_size(), 2048U);
}

TEST(Transport, ResultDoesNotDependOnTheCut) {
  for (const std::size_t piece : {1U, 2U, 3U, 5U, 7U, 11U}) {
    Side a = make(TransportRole::Initiator, 128), b = make(TransportRole::Responder);
    pump(a, b, piece);
    ASSERT_TRUE(b.transport.accept());
    pump(a, b, piece);
    ASSERT_TRUE(a.transport.send(Bytes(1000, 1)));
    ASSERT_TRUE(a.transport.send(Bytes(2, 2)));
    pump(a, b, piece);
    ASSERT_EQ(b.events.size(), 3U);
    EXPECT_EQ(std::get<TData>(b.events[1]).tsdu, Bytes(1000, 1));
    EXPECT_EQ(std::get<TData>(b.events[2]).tsdu, Bytes(2, 2));
  }
}

TEST(Transport, RefusalSaysWhy) {
  Side a = make(TransportRole::Initiator), b = make(TransportRole::Responder);
  EXPECT_EQ(b.transport.accept().error().code, ErrorCode::Conflict);
  pump(a, b);
  ASSERT_TRUE(b.transport.refuse(DisconnectReason::AddressUnknown));
  EXPECT_EQ(b.transport.refuse(DisconnectReason::AddressUnknown).error().code, ErrorCode::Conflict);
  pump(a, b);
  ASSERT_NE(a.last<TDisconnect>(), nullptr);
  EXPECT_EQ(a.last<TDisconnect>()->cause, TDisconnectCause::Refused);
  EXPECT_EQ(a.last<TDisconnect>()->reason, 3);
  EXPECT_NE(a.last<TDisconnect>()->text.find("address unknown"), std::string::npos);
  EXPECT_TRUE(a.transport.wants_close());
  EXPECT_TRUE(b.transport.wants_close());
}

TEST(Transport, OnlyClassZero) {  // X.224 6.5.4
  Side b = make(TransportRole::Responder);
  b.transport.receive(tpkt_of_hex("06e00000000540"), SteadyTime());
  const Bytes out = b.transport.take_output();
  const auto answer = read_tpdu(ByteView(out).subspan(kTpktHeader));
  EXPECT_EQ(std::get<DisconnectRequest>(*answer).reason, DisconnectReason::NegotiationFailed);
  EXPECT_EQ(std::get<DisconnectRequest>(*answer).destination, 5);
  EXPECT_TRUE(b.transport.wants_close());
  Side c = make(TransportRole::Responder);
  c.transport.receive(tpkt_of_hex("09e00000000540c70100"), SteadyTime());  // class 4, and 0 if need be
  ASSERT_TRUE(c.transport.accept());
  Side a = make(TransportRole::Initiator);
  a.transport.receive(tpkt_of(ConnectionConfirm{0x11, 5, 2, {}, {}, {}}), SteadyTime());
  EXPECT_TRUE(a.transport.wants_close());
}

enum class Stage { WaitConfirm, WaitRequest, WaitDecision, Open };
Side at(Stage stage) {
  if (stage == Stage::WaitConfirm) return make(TransportRole::Initiator);
  Side b = make(TransportRole::Responder, kMaxTpdu, 100);
  if (stage == Stage::WaitRequest) return b;
  b.transport.receive(tpkt_of(ConnectionRequest{0x11, 1, {}, {}, {}}), SteadyTime());
  if (stage == Stage::Open) EXPECT_TRUE(b.transport.accept());
  return b;
}

TEST(Transport, EveryTpduOutOfTurnEndsInErrorAndOneDisconnect) {
  const Bytes cr = tpdu_of(ConnectionRequest{1, 1, {}, {}, {}}), cc = tpdu_of(ConnectionConfirm{0x11, 5, 0, {}, {}, {}});
  const Bytes dr = tpdu_of(DisconnectRequest{0x22, 5, DisconnectReason::NormalDisconnect, {}}), er = tpdu_of(ErrorTpdu{0x22, {}, {}});
  const Bytes dt = tpdu_of(DataTpdu{true, cr}), expedited = hex("021080"), big = tpdu_of(DataTpdu{true, Bytes(101)});
  using Cause = TDisconnectCause;
  struct Case {
    Stage stage;
    const Bytes* tpdu;
    std::optional<Cause> cause;  // nothing: it is in turn
    bool answered;               // by ERROR (X.224 6.22)
  };
  for (const Case& each : {
           Case{Stage::WaitConfirm, &cr, Cause::ProtocolError, true},
           Case{Stage::WaitConfirm, &cc, {}, false},
           Case{Stage::WaitConfirm, &dr, Cause::Refused, false},
           Case{Stage::WaitConfirm, &er, Cause::PeerError, false},
           Case{Stage::WaitConfirm, &dt, Cause::ProtocolError, true},
           Case{Stage::WaitConfirm, &expedited, Cause::ProtocolError, true},
           Case{Stage::WaitRequest, &cr, {}, false},
           Case{Stage::WaitRequest, &cc, Cause::ProtocolError, true},
           Case{Stage::WaitRequest, &dr, Cause::ProtocolError, true},
           Case{Stage::WaitRequest, &er, Cause::PeerError, false},
           Case{Stage::WaitRequest, &dt, Cause::ProtocolError, true},
           Case{Stage::WaitDecision, &cr, Cause::ProtocolError, true},
           Case{Stage::WaitDecision, &dt, Cause::ProtocolError, true},
           Case{Stage::WaitDecision, &dr, Cause::PeerReset, false},
           Case{Stage::Open, &cr, Cause::ProtocolError, true},
           Case{Stage::Open, &cc, Cause::ProtocolError, true},
           Case{Stage::Open, &dr, Cause::PeerReset, false},
           Case{Stage::Open, &er, Cause::PeerError, false},
           Case{Stage::Open, &dt, {}, false},
           Case{Stage::Open, &expedited, Cause::ProtocolError, true},
           Case{Stage::Open, &big, Cause::ProtocolError, true},
       }) {
    Side side = at(each.stage);
    static_cast<void>(side.transport.take_output());
    side.take();
    side.events.clear();
    Bytes wire;
    write_tpkt(wire, *each.tpdu);
    write_tpkt(wire, *each.tpdu);  // What follows the end has no effect.
    if (!each.cause) wire.resize(wire.size() / 2);
    side.transport.receive(wire, SteadyTime());
    side.take();
    const std::string name = hex_encode(*each.tpdu) + " at stage " + std::to_string(static_cast<int>(each.stage));
    ASSERT_EQ(side.events.size(), 1U) << name;
    if (!each.cause) {
      EXPECT_EQ(side.last<TDisconnect>(), nullptr) << name;
      continue;
    }
    ASSERT_NE(side.last<TDisconnect>(), nullptr) << name;
    EXPECT_EQ(side.last<TDisconnect>()->cause, *each.cause) << name << ": " << side.last<TDisconnect>()->text;
    EXPECT_TRUE(side.transport.wants_close()) << name;
    const Bytes out = side.transport.take_output();
    EXPECT_EQ(!out.empty(), each.answered) << name;
    if (each.answered) EXPECT_TRUE(std::holds_alternative<ErrorTpdu>(read_tpdu(ByteView(out).subspan(kTpktHeader)).value())) << name;
  }
}

TEST(Transport, ConfirmThatDoesNotFitTheRequest) {
  for (const ConnectionConfirm& bad : {ConnectionConfirm{0x12, 5, 0, {}, {}, {}}, ConnectionConfirm{0x11, 5, 4, {}, {}, {}},
                                       ConnectionConfirm{0x11, 5, 0, {}, {}, 4096}}) {
    Side a = make(TransportRole::Initiator, 2048);
    a.transport.receive(tpkt_of(bad), SteadyTime());
    a.take();
    ASSERT_NE(a.last<TDisconnect>(), nullptr);
    EXPECT_EQ(a.last<TDisconnect>()->cause, TDisconnectCause::ProtocolError);
  }
}

TEST(Transport, TsduIsBounded) {
  Connected pair(128, 128, 1000);
  ASSERT_TRUE(pair.a.transport.send(Bytes(1000)));
  pump(pair.a, pair.b);
  EXPECT_EQ(pair.b.last<TData>()->tsdu.size(), 1000U);
  ASSERT_TRUE(pair.a.transport.send(Bytes(1001)));
  pump(pair.a, pair.b);
  EXPECT_EQ(pair.b.last<TDisconnect>()->cause, TDisconnectCause::ProtocolError);
  EXPECT_EQ(pair.a.last<TDisconnect>()->cause, TDisconnectCause::PeerError);
}

TEST(Transport, WhatIsNotTpktEndsItWithoutAnAnswer) {
  Side b = make(TransportRole::Responder);
  b.transport.receive(as_bytes("GET / HTTP/1.1\r\n\r\n"), SteadyTime());
  b.take();
  EXPECT_EQ(b.last<TDisconnect>()->cause, TDisconnectCause::ProtocolError);
  EXPECT_FALSE(b.transport.has_output());
  EXPECT_NE(b.last<TDisconnect>()->text.find("RFC 1006"), std::string::npos);
}

TEST(Transport, Deadlines) {
  Side a = make(TransportRole::Initiator), b = make(TransportRole::Responder);
  EXPECT_EQ(a.transport.deadline(), SteadyTime() + seconds(60));
  a.transport.tick(SteadyTime() + seconds(59));
  EXPECT_FALSE(a.transport.wants_close());
  a.transport.tick(SteadyTime() + seconds(60));
  b.transport.tick(SteadyTime() + seconds(60));
  a.take();
  b.take();
  EXPECT_EQ(a.last<TDisconnect>()->cause, TDisconnectCause::Timeout);
  EXPECT_EQ(b.last<TDisconnect>()->cause, TDisconnectCause::Timeout);
  a.transport.tick(SteadyTime() + seconds(61));
  a.transport.network_lost("again");
  EXPECT_FALSE(a.transport.next_event()) << "the end comes once";
  EXPECT_EQ(at(Stage::WaitDecision).transport.deadline(), SteadyTime::max());
}

TEST(Transport, NetworkLost) {
  Connected pair;
  pair.a.transport.network_lost("connection reset by peer");
  pair.a.take();
  EXPECT_EQ(pair.a.last<TDisconnect>()->cause, TDisconnectCause::NetworkLost);
  EXPECT_EQ(pair.a.last<TDisconnect>()->text, "connection reset by peer");
}

TEST(Transport, OptionsAreChecked) {
  const auto open = [](auto change) {
    TransportOptions options;
    change(options);
    return Transport::open(options, SteadyTime());
  };
  EXPECT_EQ(open([](auto& o) { o.reference = 0; }).error().field, "reference");
  EXPECT_EQ(open([](auto& o) { o.calling = Bytes(33); }).error().field, "calling");
  EXPECT_EQ(open([](auto& o) { o.called = Bytes(33); }).error().field, "called");
  EXPECT_EQ(open([](auto& o) { o.max_tpdu = 127; }).error().field, "max_tpdu");
}

TEST(Transport, TranscriptSeesEveryOctet) {
  Bytes in, out;
  TransportOptions options;
  Transport a = Transport::open(options, SteadyTime(), [&](Direction direction, ByteView octets) {
                  append(direction == Direction::In ? in : out, octets);
                }).value();
  const Bytes confirm = tpkt_of(ConnectionConfirm{1, 5, 0, {}, {}, {}});
  a.receive(confirm, SteadyTime());
  ASSERT_TRUE(a.send(Bytes(10, 7)));
  EXPECT_EQ(in, confirm);
  EXPECT_EQ(out, a.take_output());
}

}  // namespace
}  // namespace postern::osi
