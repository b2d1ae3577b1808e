// What a peer may do wrong above the session layer: a raw session engine says it, the association has to end in order with a reason, or
// take it.
#include <gtest/gtest.h>

#include "osi/cotp.hpp"
#include "osi/oids.hpp"
#include "osi/session.hpp"
#include "osi/testing/association_pair.hpp"

namespace postern::osi {
namespace {

using testing::AssociationSide;
using testing::octets_value;

/// Transport and session of a peer whose user is the test.
struct RawPeer {
  Transport transport;
  Session session;
  std::vector<SessionEvent> events;

  RawPeer(TransportRole role, SessionRole session_role)
      : transport(Transport::open(transport_options(role), SteadyTime()).value()), session(session_options(session_role), SteadyTime()) {}

  static TransportOptions transport_options(TransportRole role) {
    TransportOptions options;
    options.role = role;
    return options;
  }
  static SessionOptions session_options(SessionRole role) {
    SessionOptions options;
    options.role = role;
    return options;
  }
  void pump(AssociationSide& side) {
    for (bool more = true; more;) {
      while (auto event = side.association.next_event()) side.events.push_back(*std::move(event));
      const Bytes in = side.association.take_output();
      transport.receive(in, SteadyTime());
      while (auto event = transport.next_event()) {
        if (std::holds_alternative<TConnect>(*event)) EXPECT_TRUE(transport.accept());
        if (const auto* data = std::get_if<TData>(&*event)) session.receive(data->tsdu, SteadyTime());
      }
      while (auto event = session.next_event()) events.push_back(*std::move(event));
      while (auto tsdu = session.take_tsdu()) (void)transport.send(*tsdu);
      const Bytes out = transport.take_output();
      side.association.feed(out, SteadyTime());
      more = !in.empty() || !out.empty();
    }
    while (auto event = side.association.next_event()) side.events.push_back(*std::move(event));
  }
  template <class Primitive>
  void say(AssociationSide& side, Primitive primitive) {
    EXPECT_TRUE(session.request(std::move(primitive), SteadyTime()));
    pump(side);
  }
};

AssociationOptions options_of(const AssociationService& service) {
  AssociationOptions options;
  options.services = {service};
  options.checkpoint_size = 4;
  options.window_size = 3;
  return options;
}

/// An initiator whose CONNECT has come to the raw peer.
struct Opening {
  AssociationSide side;
  RawPeer peer{TransportRole::Responder, SessionRole::Responder};

  explicit Opening(const AssociationService& service)
      : side{Association::initiate(options_of(service), {{octets_value("bind")}, testing::connection_named("alpha")}, SteadyTime()).value(),
             {}} {
    peer.pump(side);
    EXPECT_EQ(peer.events.size(), 1U);
  }
  void accept(Bytes user_data, FunctionalUnits units = kRtseUnits) {
    SConnectAccept accept;
    accept.requirements = units;
    accept.user_data = std::move(user_data);
    peer.say(side, std::move(accept));
  }
};

AareApdu aare_with(std::optional<asn1::Any> value) {
  AareApdu aare;
  aare.application_context = oid::ac_mts_transfer();
  if (value) aare.user_information = UserInformation{make_external(3, *value)};
  return aare;
}
Bytes cpa_with(const AcseApdu& apdu, std::size_t answers = 3) {
  CpaPpdu cpa;
  CpaPpdu::Normal& normal = cpa.normal_mode.emplace();
  normal.contexts = std::vector<ContextAnswer>(answers, {ContextResult::Acceptance, oid::basic_encoding(), {}});
  normal.user_data = make_user_data(1, asn1::encode(apdu).value());
  return asn1::encode(cpa).value();
}
asn1::Any rtoac(std::int64_t checkpoint, std::int64_t window) {
  return asn1::to_any(RtseApdu{RTOACapdu{checkpoint, window, {octets_value("result")}}}).value();
}
Bytes good_answer() { return cpa_with({aare_with(rtoac(4, 3))}); }

TEST(HostileResponder, GoodAnswerOpens) {
  Opening opening(mts_transfer());
  opening.accept(good_answer());
  EXPECT_TRUE(opening.side.association.open());
}

TEST(HostileResponder, BadAnswersAbortWithAReason) {
  AareApdu rejected = aare_with(rtoac(4, 3));
  rejected.result = AssociateResult::RejectedPermanent;
  CpaPpdu other_mode;
  other_mode.mode_selector.mode = PresentationMode::X410;
  other_mode.x410_mode = RTOACapdu{4, 3, {octets_value("result")}};
  struct Case {
    std::string_view name;
    Bytes user_data;
    std::string_view expected;
  };
  const std::vector<Case> cases{
      {"nothing", {}, "CPA-PPDU"},
      {"garbage", to_bytes("garbage"), "CPA-PPDU"},
      {"other mode", asn1::encode(other_mode).value(), "mode-selector: the answer is in X.410-1984 mode"},
      {"too few results", cpa_with({aare_with(rtoac(4, 3))}, 2), "2 results for 3 proposed contexts"},
      {"too many results", cpa_with({aare_with(rtoac(4, 3))}, 4), "4 results for 3"},
      {"release instead", cpa_with({RlreApdu{}}), "RLRE where AARE should be"},
      {"rejected inside an accept", cpa_with({rejected}), "yet the connection is accepted"},
      {"no RTSE", cpa_with({aare_with(std::nullopt)}), "no answer of reliable transfer"},
      {"another RTSE APDU", cpa_with({aare_with(asn1::to_any(RtseApdu{RTORJapdu{}}).value())}), "where RTOAC should be"},
      {"checkpoint size up", cpa_with({aare_with(rtoac(5, 3))}), "checkpointSize: 5 where 4 was proposed"},
      {"no checkpoint size", cpa_with({aare_with(rtoac(-1, 3))}), "checkpointSize"},
      {"window up", cpa_with({aare_with(rtoac(4, 4))}), "windowSize: 4 where 3 was proposed"},
      {"window negative", cpa_with({aare_with(rtoac(4, -4))}), "windowSize"},
      {"bind is no value", cpa_with({aare_with(asn1::Any{{0x05, 0x00}})}), "RTSE-apdus"},
  };
  for (const Case& each : cases) {
    Opening opening(mts_transfer());
    opening.accept(each.user_data);
    const auto* aborted = opening.side.last<AssociationAborted>();
    ASSERT_NE(aborted, nullptr) << each.name;
    EXPECT_EQ(aborted->origin, AbortOrigin::ProtocolError) << each.name;
    EXPECT_NE(aborted->text.find(each.expected), std::string::npos) << each.name << ": " << aborted->text;
    EXPECT_EQ(aborted->text.find("bind"), std::string::npos) << "no user data in a text";
    // and the peer hears of it
    ASSERT_FALSE(opening.peer.events.empty());
    EXPECT_TRUE(std::holds_alternative<SUAbort>(opening.peer.events.back())) << each.name;
  }
}

TEST(HostileResponder, RefusalsOfEveryKindAreReadable) {
  struct Case {
    Bytes user_data;
    Layer layer;
    std::string_view expected;
  };
  CprPpdu provider;
  provider.value = CprPpdu::Normal{{}, {}, {}, {}, PresentationRefuseReason::CalledAddressUnknown, {}};
  CprPpdu user;
  user.value = CprPpdu::Normal{};
  CprPpdu x410;
  x410.value = RTORJapdu{RtseRefuseReason::Busy, {}};
  for (const Case& each : {
           Case{{}, Layer::Session, "user"},
           Case{to_bytes("no"), Layer::Session, "cannot be read"},
           Case{asn1::encode(provider).value(), Layer::Presentation, "called presentation address unknown"},
           Case{asn1::encode(user).value(), Layer::Presentation, "refused by the peer's user"},
           Case{asn1::encode(x410).value(), Layer::ReliableTransfer, "busy"},
       }) {
    Opening opening(mts_transfer());
    opening.peer.say(opening.side, SConnectRefuse{RefuseReason::UserData, {}, each.user_data});
    const auto* refused = opening.side.last<AssociationRefused>();
    ASSERT_NE(refused, nullptr) << each.expected;
    EXPECT_EQ(refused->layer, each.layer) << refused->text;
    EXPECT_NE(refused->text.find(each.expected), std::string::npos) << refused->text;
  }
}

/// On an open association, with the raw peer holding the turn.
struct Open {
  AssociationSide side;
  RawPeer peer{TransportRole::Initiator, SessionRole::Initiator};

  explicit Open(const AssociationService& service) : side{Association::respond(options_of(service), SteadyTime()).value(), {}} {
    peer.pump(side);
    SConnect connect;
    connect.requirements = service.profile == AssociationProfile::Rose ? kRoseUnits : kRtseUnits;
    connect.user_data = request(service);
    peer.say(side, std::move(connect));
    EXPECT_TRUE(side.association.accept({{octets_value("result")}}));
    peer.pump(side);
    EXPECT_TRUE(side.association.open());
  }
  static Bytes request(const AssociationService& service) {
    CpPpdu cp;
    std::vector<asn1::Oid> syntaxes{oid::acse(), service.bind_syntax};
    syntaxes.insert(syntaxes.end(), service.syntaxes.begin(), service.syntaxes.end());
    AarqApdu aarq;
    aarq.application_context = service.application_context;
    const asn1::Any bind = service.profile == AssociationProfile::Rose
                               ? octets_value("bind")
                               : asn1::to_any(RtseApdu{RTORQapdu{4, 3, DialogueMode::Monologue, {octets_value("bind")}, {}}}).value();
    aarq.user_information = UserInformation{make_external(3, bind)};
    CpPpdu::Normal& normal = cp.normal_mode.emplace();
    normal.contexts = PresentationContexts::propose(syntaxes).definitions();
    normal.user_data = make_user_data(1, asn1::encode(AcseApdu{aarq}).value());
    return asn1::encode(cp).value();
  }
  void expect_aborted(std::string_view expected) {
    const auto* aborted = side.last<AssociationAborted>();
    ASSERT_NE(aborted, nullptr) << expected;
    EXPECT_EQ(aborted->origin, AbortOrigin::ProtocolError);
    EXPECT_NE(aborted->text.find(expected), std::string::npos) << aborted->text;
    EXPECT_EQ(side.count<AssociationAborted>(), 1U);
  }
};

Bytes rttr(std::string_view hex) {
  const Bytes piece = hex_decode(hex).value();
  return write_user_data(3, asn1::encode(RTTRapdu(piece)).value());
}

TEST(HostileInitiator, BadDataInATransfer) {
  struct Case {
    Bytes user_data;
    std::string_view expected;
  };
  for (const Case& each : {
           Case{to_bytes("x"), "User-data"},
           Case{write_user_data(5, Bytes{4, 1, 1}), "other data than reliable transfer's"},
           Case{write_user_data(99, Bytes{4, 1, 1}), "presentation context 99"},
           Case{write_user_data(3, Bytes{2, 1, 1}), "OCTET STRING"},
           Case{write_user_data(3, Bytes{4, 5, 1}), "at octet"},
           Case{rttr("3003020100"), "another tag than EXTERNAL's"},
           Case{rttr("280302010502"), "octet"},
       }) {
    Open open(mts_transfer());
    open.peer.say(open.side, SActivityStart{{2, 1, 1}, {}});
    open.peer.say(open.side, SData{each.user_data});
    if (open.side.last<AssociationAborted>() == nullptr) open.peer.say(open.side, SActivityEnd{});
    if (each.expected == "octet") {
      EXPECT_NE(open.side.last<AssociationAborted>(), nullptr);
      continue;
    }
    open.expect_aborted(each.expected);
    EXPECT_EQ(open.side.count<RtTransferEnd>(), 0U);
    EXPECT_EQ(open.side.last<RtTransferStopped>()->how, RtFailure::Aborted);
    EXPECT_TRUE(std::holds_alternative<SUAbort>(open.peer.events.back()));
  }
}

TEST(HostileInitiator, AnEndBeforeTheEndIsNotAMessage) {
  Open open(mts_transfer());
  open.peer.say(open.side, SActivityStart{{2, 1, 1}, {}});
  open.peer.say(open.side, SData{rttr("280a020105a00541")});
  open.peer.say(open.side, SActivityEnd{});
  open.expect_aborted("it is cut off: 4 octets are missing");
  EXPECT_EQ(open.side.count<RtTransferEnd>(), 0U);
}

TEST(HostileInitiator, PleasingWithGarbage) {
  Open open(mts_transfer());
  ASSERT_FALSE(open.side.association.has_turn());
  open.peer.say(open.side, SActivityStart{{2, 1, 1}, {}});
  EXPECT_FALSE(open.side.association.please_turn(1));
}

TEST(HostileInitiator, RosesBadApdusAreRejectedAndNotTheEnd) {
  Open open(mts_access());
  for (const Bytes& apdu : {Bytes{0x05, 0x00}, Bytes{0xA1, 0x03, 0x02, 0x01, 0x07}, Bytes{0xA2, 0x03, 0x02, 0x01, 0x07}, Bytes{0xA4, 0x00}})
    open.peer.say(open.side, SData{write_user_data(5, apdu)});
  EXPECT_EQ(open.side.count<RoseRejected>(), 4U);
  EXPECT_TRUE(open.side.association.open());
  std::size_t answers = 0;
  for (const auto& event : open.peer.events) answers += std::holds_alternative<SData>(event) ? 1 : 0;
  EXPECT_EQ(answers, 3U);  // a reject is not answered
}

TEST(HostileInitiator, DataOnTheContextOfAssociationControl) {
  Open open(mts_access());
  open.peer.say(open.side, SData{write_user_data(1, Bytes{5, 0})});
  open.expect_aborted("data on the context of association control");
}

TEST(HostileInitiator, BadRequestsAreRefused) {
  CpPpdu no_contexts;
  no_contexts.normal_mode.emplace();
  CpPpdu even;
  even.normal_mode.emplace().contexts = {{2, oid::acse(), {oid::basic_encoding()}}};
  CpPpdu nothing;
  CpPpdu x410;
  x410.mode_selector.mode = PresentationMode::X410;
  x410.x410_mode = RTORQapdu{4, 3, DialogueMode::Monologue, {octets_value("bind")}, 99};
  for (const Bytes& user_data : {Bytes(), to_bytes("garbage"), asn1::encode(no_contexts).value(), asn1::encode(even).value(),
                                 asn1::encode(nothing).value(), asn1::encode(x410).value()}) {
    AssociationSide side{Association::respond(options_of(mts_transfer()), SteadyTime()).value(), {}};
    RawPeer peer(TransportRole::Initiator, SessionRole::Initiator);
    peer.pump(side);
    SConnect connect;
    connect.user_data = user_data;
    peer.say(side, std::move(connect));
    ASSERT_FALSE(peer.events.empty());
    EXPECT_TRUE(std::holds_alternative<SConnectRefuse>(peer.events.back())) << hex_encode(user_data);
    EXPECT_EQ(side.last<AssociationRequested>(), nullptr);
    EXPECT_EQ(side.count<AssociationAborted>(), 1U);
  }
}

TEST(HostileInitiator, AMonologueOfRemoteOperationsIsRefused) {
  AssociationSide side{Association::respond(options_of(mts_reliable_access()), SteadyTime()).value(), {}};
  RawPeer peer(TransportRole::Initiator, SessionRole::Initiator);
  peer.pump(side);
  SConnect connect;
  connect.user_data = Open::request(mts_reliable_access());
  peer.say(side, std::move(connect));
  const auto& refuse = std::get<SConnectRefuse>(peer.events.back());
  const auto cpr = asn1::decode<CprPpdu>(refuse.user_data).value();
  const auto values = read_values(*std::get<CprPpdu::Normal>(cpr.value).user_data,
                                  PresentationContexts::answer({{1, oid::acse(), {oid::basic_encoding()}}}, {oid::acse()}).value())
                          .value();
  const auto aare = std::get<AareApdu>(asn1::decode<AcseApdu>(values.front().octets).value().value);
  const auto rtorj = asn1::from_any<RtseApdu>(std::get<asn1::Any>(aare.user_information->front().encoding.value)).value();
  EXPECT_EQ(std::get<RTORJapdu>(rtorj.value).refuse_reason, RtseRefuseReason::UnacceptableDialogueMode);
}

TEST(HostileInitiator, ManyContextsAreAnsweredOneByOne) {
  AssociationSide side{Association::respond(options_of(mts_transfer()), SteadyTime()).value(), {}};
  RawPeer peer(TransportRole::Initiator, SessionRole::Initiator);
  peer.pump(side);
  AssociationService many = mts_transfer();
  for (std::uint32_t i = 0; i < 100; ++i) many.syntaxes.push_back(asn1::Oid{1, 3, 9999, i});
  SConnect connect;
  connect.user_data = Open::request(many);
  peer.say(side, std::move(connect));
  ASSERT_TRUE(side.association.accept({{octets_value("result")}}));
  peer.pump(side);
  const auto& accept = std::get<SConnectAccept>(peer.events.back());
  const auto cpa = asn1::decode<CpaPpdu>(accept.user_data).value();
  EXPECT_EQ(cpa.normal_mode->contexts->size(), 103U);
  EXPECT_TRUE(side.association.open());
}

// A bound user may send large APDUs of ROSE: what is here of one is counted, and not kept for ever where the rest does not come.
TEST(Hostile, AnApduThatStopsInItsMiddleIsCountedAndAborted) {
  constexpr std::chrono::seconds kStall{30};
  for (const AssociationService& service : {mts_access(), mts_reliable_access()}) {
    for (const std::uint16_t tsdu : {0, 4096}) {  // 0: one TSDU in many TPDUs (X.224 6.3); otherwise one SSDU in many TSDUs (X.225 6.3.6)
      auto pair = testing::AssociationPair::of(service, [&](AssociationOptions& o) {
        o.limits.stall_timeout = kStall;
        o.limits.max_tsdu = tsdu;
        o.checkpoint_size = 0;
      });
      ASSERT_TRUE(pair.open());
      EXPECT_EQ(pair.b.association.octets_held(), 0U);
      EXPECT_EQ(pair.b.association.deadline(), SteadyTime::max());
      asn1::Any large{Bytes{0x04, 0x83, 0x03, 0x00, 0x00}};
      large.ber.resize(5 + 0x30000, 'x');
      ASSERT_TRUE(pair.a.association.invoke(oid::as_msse(), {RoseCode(3), large, {}, OperationClass::Asynchronous}));
      Bytes sent = pair.a.association.take_output();
      sent.resize(std::min<std::size_t>(sent.size(), 100'000));
      pair.b.association.feed(sent, pair.now);
      EXPECT_GT(pair.b.association.octets_held(), 50'000U);
      EXPECT_EQ(pair.b.association.deadline(), pair.now + kStall);
      pair.b.association.tick(pair.now + kStall);
      while (auto event = pair.b.association.next_event()) pair.b.events.push_back(*std::move(event));
      ASSERT_NE(pair.b.last<AssociationAborted>(), nullptr);
      EXPECT_EQ(pair.b.last<AssociationAborted>()->origin, AbortOrigin::Timeout);
    }
  }
}

// Any octets, in any state: one last event, and the connection is given up.
TEST(Hostile, DamagedConversationsEndInOrder) {
  std::uint32_t random = 1;
  const auto next = [&random](std::size_t below) { return (random = random * 1664525 + 1013904223) / 7 % below; };
  for (const AssociationService& service : {mts_transfer(), mts_transfer_protocol_1984(), mts_access(), mts_reliable_access()}) {
    Bytes wire;
    auto pair = testing::AssociationPair::of(service, [&wire](AssociationOptions& o) {
      o.transcript = [&wire](Direction d, ByteView octets) {
        if (d == Direction::Out) append(wire, octets);
      };
    });
    ASSERT_TRUE(pair.open());
    if (pair.a.association.transfer({})) ASSERT_TRUE(pair.a.association.supply(Bytes(300, 1), true));
    (void)pair.a.association.invoke(oid::as_msse(), {RoseCode(3), octets_value("x"), {}, OperationClass::Asynchronous});
    pair.pump();
    for (int round = 0; round < 400; ++round) {
      Bytes damaged = wire;
      for (std::size_t hits = 1 + next(3); hits > 0; --hits) damaged[next(damaged.size())] = static_cast<Byte>(next(256));
      AssociationSide side{Association::respond(options_of(service), SteadyTime()).value(), {}};
      for (std::size_t at = 0; at < damaged.size(); ++at) {
        side.association.feed(ByteView(damaged).subspan(at, 1), SteadyTime());
        while (auto event = side.association.next_event()) {
          if (std::holds_alternative<AssociationRequested>(*event)) (void)side.association.accept({{octets_value("r")}});
          if (std::holds_alternative<RtTransferEnd>(*event)) (void)side.association.confirm_end();
          side.events.push_back(*std::move(event));
        }
        (void)side.association.take_output();
      }
      side.association.network_lost("end", SteadyTime());
      while (auto event = side.association.next_event()) side.events.push_back(*std::move(event));
      ASSERT_FALSE(side.events.empty());
      EXPECT_EQ(side.count<AssociationAborted>() + side.count<AssociationRefused>() + side.count<AssociationReleased>(), 1U);
      EXPECT_TRUE(std::holds_alternative<AssociationAborted>(side.events.back()));
      EXPECT_TRUE(side.association.wants_close());
    }
  }
}

}  // namespace
}  // namespace postern::osi
