// Associations of every profile, both sides against each other over a pipe that cuts anywhere.
#include "osi/association.hpp"

#include <gtest/gtest.h>

#include "osi/oids.hpp"
#include "osi/testing/association_pair.hpp"

namespace postern::osi {
namespace {

using testing::AssociationPair;
using testing::octets_value;

AssociationService service_of(AssociationProfile profile) {
  switch (profile) {
    case AssociationProfile::RtseNormal: return mts_transfer();
    case AssociationProfile::RtseX410: return mts_transfer_protocol_1984();
    case AssociationProfile::Rose: return mts_access();
    case AssociationProfile::RoseOverRtse: return mts_reliable_access();
  }
  return {};
}

class EveryProfile : public ::testing::TestWithParam<AssociationProfile> {};
INSTANTIATE_TEST_SUITE_P(Association, EveryProfile,
                         ::testing::Values(AssociationProfile::RtseNormal, AssociationProfile::RtseX410, AssociationProfile::Rose,
                                           AssociationProfile::RoseOverRtse));

TEST_P(EveryProfile, OpensAndReleases) {
  auto pair = AssociationPair::of(service_of(GetParam()));
  ASSERT_TRUE(pair.open());
  const auto* requested = pair.b.last<AssociationRequested>();
  EXPECT_EQ(requested->data.value, (std::variant<asn1::Any, SessionConnectionIdentifier>(octets_value("bind"))));
  EXPECT_EQ(requested->called.transport, to_bytes("x400n"));
  EXPECT_EQ(requested->called.session, to_bytes("ses"));
  EXPECT_EQ(requested->refused_contexts, "");
  EXPECT_EQ(pair.a.last<AssociationOpened>()->data.value, (std::variant<asn1::Any, SessionConnectionIdentifier>(octets_value("result"))));
  ASSERT_TRUE(pair.a.association.release());
  pair.pump();
  ASSERT_NE(pair.b.last<ReleaseRequested>(), nullptr);
  ASSERT_TRUE(pair.b.association.answer_release());
  pair.pump();
  EXPECT_NE(pair.a.last<AssociationReleased>(), nullptr);
  EXPECT_NE(pair.b.last<AssociationReleased>(), nullptr);
  EXPECT_EQ(pair.a.last<AssociationAborted>(), nullptr);
  EXPECT_EQ(pair.b.last<AssociationAborted>(), nullptr);
  EXPECT_TRUE(pair.a.association.wants_close() || pair.b.association.wants_close());
}

TEST_P(EveryProfile, OpensOctetByOctet) {
  auto pair = AssociationPair::of(service_of(GetParam()));
  pair.chunk = 1;
  EXPECT_TRUE(pair.open());
}

TEST_P(EveryProfile, RefusalTellsWhy) {
  auto pair = AssociationPair::of(service_of(GetParam()));
  pair.pump();
  AssociationRefusal refusal;
  refusal.rtse_reason = RtseRefuseReason::ValidationFailure;
  refusal.diagnostic = AcseUserDiagnostic::AuthenticationFailure;
  refusal.user_data = octets_value("error");
  ASSERT_TRUE(pair.b.association.refuse(refusal));
  pair.pump();
  const auto* refused = pair.a.last<AssociationRefused>();
  ASSERT_NE(refused, nullptr);
  EXPECT_FALSE(refused->transient);
  if (GetParam() == AssociationProfile::Rose) {
    EXPECT_EQ(refused->layer, Layer::Association);
    EXPECT_EQ(refused->text, "rejected (permanent): authentication-failure");
  } else {
    EXPECT_EQ(refused->layer, Layer::ReliableTransfer);
    EXPECT_EQ(refused->rtse_reason, RtseRefuseReason::ValidationFailure);
  }
  if (GetParam() != AssociationProfile::RtseX410) EXPECT_EQ(refused->user_data, octets_value("error"));
}

TEST_P(EveryProfile, AbortTellsWhy) {
  auto pair = AssociationPair::of(service_of(GetParam()));
  ASSERT_TRUE(pair.open());
  pair.a.association.abort(RtseAbortReason::TemporaryProblem, "going down");
  pair.pump();
  const auto* here = pair.a.last<AssociationAborted>();
  const auto* there = pair.b.last<AssociationAborted>();
  ASSERT_NE(here, nullptr);
  ASSERT_NE(there, nullptr);
  EXPECT_EQ(here->origin, AbortOrigin::Local);
  EXPECT_EQ(there->origin, AbortOrigin::PeerUser);
  if (GetParam() != AssociationProfile::Rose) EXPECT_EQ(there->rtse_reason, RtseAbortReason::TemporaryProblem);
  EXPECT_FALSE(pair.a.association.open());
  EXPECT_FALSE(pair.a.association.release());
}

TEST_P(EveryProfile, LostNetworkIsTheLastEvent) {
  auto pair = AssociationPair::of(service_of(GetParam()));
  ASSERT_TRUE(pair.open());
  pair.lose();
  EXPECT_EQ(pair.a.last<AssociationAborted>()->origin, AbortOrigin::NetworkLost);
  EXPECT_TRUE(std::holds_alternative<AssociationAborted>(pair.b.events.back()));
  EXPECT_TRUE(pair.a.association.wants_close());
}

TEST_P(EveryProfile, RequestsOutOfOrderChangeNothing) {
  auto pair = AssociationPair::of(service_of(GetParam()));
  EXPECT_FALSE(pair.a.association.release());
  EXPECT_FALSE(pair.b.association.accept({}));
  EXPECT_FALSE(pair.b.association.refuse({}));
  EXPECT_FALSE(pair.a.association.transfer({}));
  EXPECT_FALSE(pair.a.association.invoke(oid::as_msse(), {}));
  EXPECT_FALSE(pair.a.association.answer_release());
  EXPECT_TRUE(pair.open());
  EXPECT_FALSE(pair.b.association.accept({}));
  EXPECT_FALSE(pair.b.association.answer_release());
}

TEST_P(EveryProfile, TimesOutWithoutAnAnswer) {
  auto pair = AssociationPair::of(service_of(GetParam()));
  EXPECT_NE(pair.a.association.deadline(), SteadyTime::max());
  pair.a.association.tick(pair.a.association.deadline());
  pair.collect(pair.a);
  ASSERT_NE(pair.a.last<AssociationAborted>(), nullptr);
  EXPECT_EQ(pair.a.last<AssociationAborted>()->origin, AbortOrigin::Timeout);
}

// X.215 and X.226: a called selector that is not ours refuses the connection, layer by layer.
TEST(Association, WrongSelectorsAreRefused) {
  struct Case {
    std::optional<Bytes> AssociationOptions::* which;
    Layer layer;
  };
  for (const Case& each :
       {Case{&AssociationOptions::transport_selector, Layer::Transport}, Case{&AssociationOptions::session_selector, Layer::Session},
        Case{&AssociationOptions::presentation_selector, Layer::Presentation}}) {
    AssociationOptions options;
    options.services = {mts_transfer()};
    options.peer = {to_bytes("t"), to_bytes("s"), to_bytes("p")};
    AssociationOptions responder = options;
    responder.*(each.which) = to_bytes("other");
    AssociationPair pair(options, responder, {{octets_value("bind")}, testing::connection_named("alpha")});
    pair.pump();
    ASSERT_NE(pair.a.last<AssociationRefused>(), nullptr) << name_of(each.layer);
    EXPECT_EQ(pair.a.last<AssociationRefused>()->layer, each.layer) << pair.a.last<AssociationRefused>()->text;
    EXPECT_EQ(pair.b.last<AssociationRequested>(), nullptr);
  }
}

TEST(Association, UnknownApplicationContextIsRefused) {
  AssociationOptions options;
  options.services = {mts_transfer()};
  AssociationOptions responder;
  responder.services = {ms_access()};
  AssociationPair pair(options, responder, {{octets_value("bind")}, testing::connection_named("alpha")});
  pair.pump();
  ASSERT_NE(pair.a.last<AssociationRefused>(), nullptr);
  EXPECT_EQ(pair.a.last<AssociationRefused>()->text, "rejected (permanent): application-context-name-not-supported");
  EXPECT_NE(pair.b.last<AssociationAborted>(), nullptr);
}

TEST(Association, ResponderChoosesTheServiceThatIsAskedFor) {
  for (const AssociationService& wanted : {mts_transfer_protocol(), mts_transfer_protocol_1984(), mts_transfer(), ms_access()}) {
    AssociationOptions options;
    options.services = {wanted};
    AssociationOptions responder;
    responder.services = {mts_transfer_protocol_1984(), mts_transfer(), ms_access(), mts_transfer_protocol()};
    AssociationPair pair(options, responder, {{octets_value("bind")}, testing::connection_named("alpha")});
    ASSERT_TRUE(pair.open()) << wanted.name;
    EXPECT_EQ(responder.services.at(pair.b.last<AssociationRequested>()->service).name, wanted.name);
  }
}

// X.226 6.2.4: contexts that the responder does not know are refused one by one, not the association.
TEST(Association, ForeignContextsAreRefusedOneByOne) {
  AssociationOptions options;
  options.services = {mts_transfer()};
  options.services[0].syntaxes.insert(options.services[0].syntaxes.begin(), asn1::Oid{1, 3, 9999});
  options.services[0].syntaxes.push_back(asn1::Oid{1, 3, 8888});
  AssociationOptions responder;
  responder.services = {mts_transfer()};
  AssociationPair pair(options, responder, {{octets_value("bind")}, testing::connection_named("alpha")});
  ASSERT_TRUE(pair.open());
  EXPECT_EQ(pair.a.association.contexts().id_of(oid::as_mtse()), 7);
  EXPECT_EQ(pair.b.association.contexts().id_of(oid::as_mtse()), 7);
  EXPECT_EQ(pair.a.last<AssociationOpened>()->refused_contexts,
            "1.3.9999: abstract syntax not supported; 1.3.8888: abstract syntax not supported");
}

// X.228, RTORQ and RTOAC: sizes go down, and 0 proposed leaves the choice to the responder.
TEST(Association, CheckpointAndWindowAreNegotiatedDown) {
  struct Case {
    std::int64_t ours, theirs, checkpoint;
  };
  for (const Case& each : {Case{63, 10, 10}, Case{4, 63, 4}, Case{0, 8, 8}, Case{5, 0, 0}, Case{0, 0, 0}}) {
    AssociationOptions options;
    options.services = {mts_transfer()};
    options.checkpoint_size = each.ours;
    options.window_size = 5;
    AssociationOptions responder = options;
    responder.checkpoint_size = each.theirs;
    responder.window_size = 2;
    AssociationPair pair(options, responder, {{octets_value("bind")}, testing::connection_named("alpha")});
    ASSERT_TRUE(pair.open());
    for (const Association* side : {&pair.a.association, &pair.b.association}) {
      EXPECT_EQ(side->agreement()->checkpoint, static_cast<std::size_t>(each.checkpoint) * 1024);
      EXPECT_EQ(side->agreement()->window, 2U);
    }
  }
}

TEST(Association, RecoveryCarriesTheOldConnection) {
  AssociationOptions options;
  options.services = {mts_transfer()};
  AssociationOpen open;
  open.data.value = testing::connection_named("old");
  open.connection = testing::connection_named("new");
  AssociationPair pair(options, options, open);
  pair.pump();
  const auto* requested = pair.b.last<AssociationRequested>();
  ASSERT_NE(requested, nullptr);
  EXPECT_EQ(std::get<SessionConnectionIdentifier>(requested->data.value), testing::connection_named("old"));
  EXPECT_EQ(requested->connection, testing::connection_named("new"));
}

TEST(Association, TitlesOfBothFormsArrive) {
  AssociationOptions options;
  options.services = {mts_access()};
  options.local_title = {title_form2({1, 3, 27, 1}).value(), qualifier_form2(7).value(), 3, 4};
  options.peer_title.ap_title = asn1::Any{{0x30, 0x00}};  // form 1: an empty Name
  AssociationPair pair(options, options, {{octets_value("bind")}, {}});
  ASSERT_TRUE(pair.open());
  EXPECT_EQ(pair.b.last<AssociationRequested>()->calling_title, options.local_title);
  EXPECT_EQ(pair.b.last<AssociationRequested>()->called_title, options.peer_title);
  EXPECT_EQ(pair.a.last<AssociationOpened>()->responding_title, options.local_title);
  EXPECT_EQ(describe_title(options.local_title), "1.3.27.1, qualifier 7");
  EXPECT_EQ(describe_title(options.peer_title), "a Directory name of 2 octets");
}

// ---- ROSE

class BothRose : public ::testing::TestWithParam<AssociationProfile> {};
INSTANTIATE_TEST_SUITE_P(Association, BothRose, ::testing::Values(AssociationProfile::Rose, AssociationProfile::RoseOverRtse));

TEST_P(BothRose, OperationsBothWays) {
  auto pair = AssociationPair::of(service_of(GetParam()));
  ASSERT_TRUE(pair.open());
  const auto first = pair.a.association.invoke(oid::as_msse(), {RoseCode(3), octets_value("submit"), {}, OperationClass::Asynchronous});
  ASSERT_TRUE(first);
  pair.pump();
  const auto* invoked = pair.b.last<RoseInvoked>();
  ASSERT_NE(invoked, nullptr);
  EXPECT_EQ(*pair.b.association.contexts().syntax_of(invoked->context), oid::as_msse());
  EXPECT_EQ(invoked->operation, RoseCode(3));
  EXPECT_EQ(invoked->argument, octets_value("submit"));
  ASSERT_TRUE(pair.b.association.result(invoked->invoke_id, RorsApdu::Outcome{RoseCode(3), octets_value("submitted")}));
  pair.pump();
  ASSERT_NE(pair.a.last<RoseResult>(), nullptr);
  EXPECT_EQ(*pair.a.last<RoseResult>(), (RoseResult{*first, RoseCode(3), octets_value("submitted")}));

  const auto second = pair.b.association.invoke(oid::as_mdse(), {RoseCode(5), octets_value("deliver"), {}, OperationClass::Synchronous});
  ASSERT_TRUE(second);
  pair.pump();
  ASSERT_TRUE(pair.a.association.error(pair.a.last<RoseInvoked>()->invoke_id, RoseCode(1), std::nullopt));
  pair.pump();
  EXPECT_EQ(*pair.b.last<RoseError>(), (RoseError{*second, RoseCode(1), std::nullopt}));

  const auto third = pair.a.association.invoke(oid::as_mase(), {RoseCode(99), {}, {}, OperationClass::Asynchronous});
  pair.pump();
  ASSERT_TRUE(pair.b.association.reject(pair.b.last<RoseInvoked>()->invoke_id, InvokeProblem::UnrecognizedOperation));
  pair.pump();
  EXPECT_EQ(*pair.a.last<RoseRejected>(), (RoseRejected{*third, {InvokeProblem::UnrecognizedOperation}, false}));
}

TEST_P(BothRose, AnUnknownSyntaxIsNotInvokedOn) {
  auto pair = AssociationPair::of(service_of(GetParam()));
  ASSERT_TRUE(pair.open());
  const auto id = pair.a.association.invoke(oid::as_mtse(), {RoseCode(3), {}, {}, OperationClass::Asynchronous});
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().code, ErrorCode::NotFound);
}

TEST_P(BothRose, ManyOutstandingKeepTheirOrder) {
  auto pair = AssociationPair::of(service_of(GetParam()));
  ASSERT_TRUE(pair.open());
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(pair.a.association.invoke(oid::as_msse(), {RoseCode(i), octets_value("x"), {}, OperationClass::Asynchronous}));
  pair.pump();
  std::int64_t next = 0;
  for (const auto& event : pair.b.events)
    if (const auto* invoked = std::get_if<RoseInvoked>(&event)) EXPECT_EQ(invoked->operation, RoseCode(next++));
  EXPECT_EQ(next, 20);
}

TEST(Association, UnbindGoesWithTheRelease) {
  auto pair = AssociationPair::of(ms_access());
  ASSERT_TRUE(pair.open());
  ASSERT_TRUE(pair.a.association.release(octets_value("unbind")));
  EXPECT_FALSE(pair.a.association.invoke(oid::as_msse(), {}));
  pair.pump();
  EXPECT_EQ(pair.b.last<ReleaseRequested>()->user_data, octets_value("unbind"));
  ASSERT_TRUE(pair.b.association.answer_release(octets_value("unbound")));
  pair.pump();
  EXPECT_EQ(pair.a.last<AssociationReleased>()->user_data, octets_value("unbound"));
}

// ---- RTSE

class BothRtse : public ::testing::TestWithParam<AssociationProfile> {};
INSTANTIATE_TEST_SUITE_P(Association, BothRtse, ::testing::Values(AssociationProfile::RtseNormal, AssociationProfile::RtseX410));

/// Supplies `apdu` as fast as it is wanted, the receiver confirming each checkpoint and the end as soon as it sees them.
void run_transfer(AssociationPair& pair, ByteView apdu, std::size_t at = 0) {
  std::size_t seen = pair.b.events.size();
  bool done = false;
  while (!done && !pair.cut) {
    while (const std::size_t wanted = pair.a.association.wants_octets()) {
      const std::size_t take = std::min(wanted, apdu.size() - at);
      const bool last = at + take == apdu.size();
      ASSERT_TRUE(pair.a.association.supply(apdu.subspan(at, take), last));
      at += take;
    }
    pair.pump();
    done = pair.a.association.wants_octets() == 0;
    for (; seen < pair.b.events.size(); ++seen) {
      if (const auto* point = std::get_if<RtTransferCheckpoint>(&pair.b.events[seen])) {
        (void)pair.b.association.confirm_checkpoint(point->point.serial);
        done = false;
      }
      if (std::holds_alternative<RtTransferEnd>(pair.b.events[seen])) {
        (void)pair.b.association.confirm_end();
        done = false;
      }
    }
  }
  pair.pump();
}

Bytes some_apdu(std::size_t size) {
  Bytes made(size);
  std::uint32_t x = 12345;
  for (Byte& each : made) each = static_cast<Byte>((x = x * 1664525 + 1013904223) >> 24);
  return made;
}

TEST_P(BothRtse, TransfersOfEverySizeAroundTheCheckpoints) {
  for (const bool sized : {true, false}) {
    auto pair = AssociationPair::of(service_of(GetParam()), [](AssociationOptions& o) { o.checkpoint_size = 1; });
    ASSERT_TRUE(pair.open());
    for (const std::size_t size : {1U, 2U, 1000U, 1010U, 1015U, 1016U, 1017U, 1020U, 1021U, 1024U, 1025U, 2040U, 2041U, 5000U, 20'000U}) {
      const Bytes apdu = some_apdu(size);
      pair.b.events.clear();
      pair.a.events.clear();
      ASSERT_TRUE(pair.a.association.transfer({0, sized ? std::optional<std::uint64_t>(size) : std::nullopt}));
      run_transfer(pair, apdu);
      EXPECT_EQ(pair.b.received(), apdu) << size;
      EXPECT_EQ(pair.a.count<RtTransferConfirmed>(), 1U) << size;
      EXPECT_EQ(pair.a.last<AssociationAborted>(), nullptr) << size;
    }
  }
}

TEST_P(BothRtse, WindowHoldsTheSender) {
  auto pair = AssociationPair::of(service_of(GetParam()), [](AssociationOptions& o) {
    o.checkpoint_size = 1;
    o.window_size = 2;
  });
  ASSERT_TRUE(pair.open());
  ASSERT_TRUE(pair.a.association.transfer({}));
  const Bytes apdu = some_apdu(10'000);
  std::size_t at = 0;
  const auto supply = [&] {
    while (const std::size_t wanted = pair.a.association.wants_octets()) {
      ASSERT_TRUE(pair.a.association.supply(ByteView(apdu).subspan(at, wanted), false));
      at += wanted;
    }
    pair.pump();
  };
  supply();
  EXPECT_EQ(pair.b.count<RtTransferCheckpoint>(), 2U);
  EXPECT_EQ(pair.a.count<RtCheckpointConfirmed>(), 0U);
  ASSERT_TRUE(pair.b.association.confirm_checkpoint(2));  // stands for both
  EXPECT_FALSE(pair.b.association.confirm_checkpoint(2));
  EXPECT_FALSE(pair.b.association.confirm_checkpoint(9));
  pair.pump();
  supply();
  EXPECT_EQ(pair.b.count<RtTransferCheckpoint>(), 4U);
  EXPECT_EQ(pair.a.last<RtCheckpointConfirmed>()->point.serial, 2U);
}

TEST_P(BothRtse, ReceiverCanRefuse) {
  auto pair = AssociationPair::of(service_of(GetParam()));
  ASSERT_TRUE(pair.open());
  ASSERT_TRUE(pair.a.association.transfer({}));
  ASSERT_TRUE(pair.a.association.supply(some_apdu(100), true));
  pair.pump();
  ASSERT_NE(pair.b.last<RtTransferEnd>(), nullptr);
  ASSERT_TRUE(pair.b.association.refuse_transfer(ExceptionReason::ReceivingAbilityJeopardized));
  pair.pump();
  const auto* failed = pair.a.last<RtTransferFailed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->how, RtFailure::Discarded);  // nothing was confirmed, so nothing can go on
  EXPECT_FALSE(failed->point);
  EXPECT_EQ(pair.b.last<RtTransferStopped>()->how, RtFailure::Discarded);
  EXPECT_TRUE(pair.a.association.open());
  // and the next one goes through
  const Bytes next = some_apdu(50);
  pair.b.events.clear();
  ASSERT_TRUE(pair.a.association.transfer({}));
  run_transfer(pair, next);
  EXPECT_EQ(pair.b.received(), next);
  EXPECT_EQ(pair.a.count<RtTransferConfirmed>(), 1U);
}

TEST_P(BothRtse, SenderCanDiscardAndInterrupt) {
  for (const bool interrupt : {true, false}) {
    auto pair = AssociationPair::of(service_of(GetParam()), [](AssociationOptions& o) { o.checkpoint_size = 1; });
    ASSERT_TRUE(pair.open());
    ASSERT_TRUE(pair.a.association.transfer({}));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(pair.a.association.supply(some_apdu(pair.a.association.wants_octets()), false));
    pair.pump();
    ASSERT_TRUE(pair.b.association.confirm_checkpoint(1));
    pair.pump();
    ASSERT_TRUE(interrupt ? pair.a.association.interrupt() : pair.a.association.discard());
    EXPECT_EQ(pair.a.association.wants_octets(), 0U);
    pair.pump();
    const auto* failed = pair.a.last<RtTransferFailed>();
    ASSERT_NE(failed, nullptr);
    EXPECT_EQ(failed->point.has_value(), interrupt);
    const auto* stopped = pair.b.last<RtTransferStopped>();
    ASSERT_NE(stopped, nullptr);
    EXPECT_EQ(stopped->point.has_value(), interrupt);
    if (interrupt) EXPECT_EQ(stopped->point->serial, failed->point->serial);
    // What may be end-of-contents is not handed out before more comes; it is in the receiver's envelope.
    if (interrupt) EXPECT_LE(failed->point->octets - stopped->point->octets, 4U);
  }
}

TEST_P(BothRtse, TransferTimeIsOverMeansDiscard) {
  auto pair = AssociationPair::of(service_of(GetParam()));
  ASSERT_TRUE(pair.open());
  RtTransfer transfer;
  transfer.transfer_time = std::chrono::seconds(30);
  ASSERT_TRUE(pair.a.association.transfer(transfer));
  EXPECT_EQ(pair.a.association.deadline(), SteadyTime() + std::chrono::seconds(30));
  pair.now += std::chrono::seconds(30);
  pair.a.association.tick(pair.now);
  pair.pump();
  ASSERT_NE(pair.a.last<RtTransferFailed>(), nullptr);
  EXPECT_EQ(pair.a.last<RtTransferFailed>()->text, "the transfer time is over");
  EXPECT_TRUE(pair.a.association.open());
}

TEST_P(BothRtse, AStalledTransferIsAborted) {
  auto pair = AssociationPair::of(service_of(GetParam()));
  ASSERT_TRUE(pair.open());
  ASSERT_TRUE(pair.a.association.transfer({}));
  pair.pump();
  ASSERT_TRUE(pair.b.association.deadline() < SteadyTime::max());
  pair.b.association.tick(pair.b.association.deadline());
  pair.pump();
  EXPECT_EQ(pair.b.last<AssociationAborted>()->origin, AbortOrigin::Timeout);
  EXPECT_EQ(pair.b.last<RtTransferStopped>()->how, RtFailure::Aborted);
  EXPECT_EQ(pair.a.last<RtTransferFailed>()->how, RtFailure::Aborted);
}

TEST_P(BothRtse, TurnGoesBothWays) {
  auto pair = AssociationPair::of(service_of(GetParam()), [](AssociationOptions& o) { o.dialogue = DialogueMode::TwoWayAlternate; });
  ASSERT_TRUE(pair.open());
  EXPECT_TRUE(pair.a.association.has_turn());
  EXPECT_FALSE(pair.b.association.has_turn());
  EXPECT_FALSE(pair.b.association.transfer({}));
  EXPECT_FALSE(pair.b.association.release());
  EXPECT_FALSE(pair.a.association.please_turn(1));
  ASSERT_TRUE(pair.b.association.please_turn(5));
  pair.pump();
  EXPECT_EQ(pair.a.last<RtTurnPleased>()->priority, 5);
  ASSERT_TRUE(pair.a.association.give_turn());
  pair.pump();
  ASSERT_NE(pair.b.last<RtTurnGiven>(), nullptr);
  EXPECT_TRUE(pair.b.association.has_turn());
  EXPECT_FALSE(pair.a.association.transfer({}));
  ASSERT_TRUE(pair.b.association.transfer({}));
  EXPECT_TRUE(pair.b.association.supply(some_apdu(10), true));
  pair.pump();
  EXPECT_EQ(pair.a.received(), some_apdu(10));
  EXPECT_FALSE(pair.b.association.give_turn());  // not within an activity
}

TEST_P(BothRtse, MonologueKeepsTheTurn) {
  for (const bool responder : {false, true}) {
    auto pair = AssociationPair::of(service_of(GetParam()), [&](AssociationOptions& o) { o.responder_has_turn = responder; });
    ASSERT_TRUE(pair.open());
    EXPECT_EQ(pair.a.association.has_turn(), !responder);
    EXPECT_EQ(pair.b.association.has_turn(), responder);
    EXPECT_EQ(pair.b.last<AssociationRequested>()->initial_turn, responder);
    EXPECT_FALSE(pair.a.association.give_turn());
    EXPECT_FALSE(pair.b.association.please_turn(1));
  }
}

TEST_P(BothRtse, ResumesAfterAnyCut) {
  const Bytes apdu = some_apdu(9'000);
  for (std::size_t cut = 400; cut < 16'000; cut += 173) {
    const auto change = [](AssociationOptions& o) { o.checkpoint_size = 1; };
    auto pair = AssociationPair::of(service_of(GetParam()), change);
    ASSERT_TRUE(pair.open());
    pair.cut_after = cut;
    ASSERT_TRUE(pair.a.association.transfer({}));
    run_transfer(pair, apdu);
    if (!pair.cut) pair.lose();
    const bool committed = pair.b.count<RtTransferEnd>() == 1;
    if (pair.a.count<RtTransferConfirmed>() == 1) {
      EXPECT_TRUE(committed);
      EXPECT_EQ(pair.b.received(), apdu);
      continue;
    }
    const auto* failed = pair.a.last<RtTransferFailed>();
    ASSERT_NE(failed, nullptr) << cut;
    if (!failed->point) continue;  // from the beginning: nothing was confirmed
    ASSERT_TRUE(failed->point->connection);

    // What the receiver keeps: its octets up to each checkpoint.
    auto again = AssociationPair::of(service_of(GetParam()), change);
    ASSERT_TRUE(again.open());
    const auto offset = again.a.association.resume({}, *failed->point, true);
    ASSERT_TRUE(offset) << offset.error().text();
    again.pump();
    const auto* wanted = again.b.last<RtResumeRequested>();
    ASSERT_NE(wanted, nullptr);
    EXPECT_EQ(wanted->old_activity, failed->point->activity);
    EXPECT_EQ(wanted->connection, testing::connection_named("alpha"));
    EXPECT_FALSE(again.b.association.wants_input());
    if (committed) {
      ASSERT_TRUE(again.b.association.refuse_resume(ResumeRefusal::Completed));
      again.pump();
      EXPECT_EQ(again.a.count<RtTransferConfirmed>(), 1U);
      continue;
    }
    std::optional<ResumePoint> kept;
    for (const auto& event : pair.b.events)
      if (const auto* point = std::get_if<RtTransferCheckpoint>(&event); point != nullptr && point->point.serial == wanted->serial)
        kept = point->point;
    ASSERT_TRUE(kept) << cut;
    EXPECT_LE(*offset - kept->octets, 4U);
    Bytes whole = pair.b.received();
    whole.resize(kept->octets);
    ASSERT_TRUE(again.b.association.accept_resume(*kept));
    run_transfer(again, apdu, *offset);
    append(whole, again.b.received());
    EXPECT_EQ(whole, apdu) << cut;
    EXPECT_EQ(again.a.count<RtTransferConfirmed>(), 1U) << cut;
  }
}

TEST(Association, AnUnknownActivityIsNotResumed) {
  auto pair = AssociationPair::of(mts_transfer());
  ASSERT_TRUE(pair.open());
  ResumePoint point{activity_identifier(9), {}, 4, 4000, {}, {}};
  ASSERT_TRUE(pair.a.association.resume({}, point, false));
  pair.pump();
  ASSERT_TRUE(pair.b.association.refuse_resume(ResumeRefusal::Unrecognized));
  pair.pump();
  EXPECT_EQ(pair.a.last<AssociationAborted>()->rtse_reason, RtseAbortReason::UnrecognizedActivity);
  EXPECT_EQ(pair.a.last<RtTransferFailed>()->how, RtFailure::Aborted);
  EXPECT_EQ(pair.a.count<RtTransferConfirmed>(), 0U);
}

TEST(Association, UnreadEventsHoldThePeerBack) {
  auto options = [](AssociationOptions& o) {
    o.limits.event_mark = 8192;
    o.checkpoint_size = 1;
    o.window_size = 3;
  };
  auto pair = AssociationPair::of(mts_transfer(), options);
  ASSERT_TRUE(pair.open());
  ASSERT_TRUE(pair.a.association.transfer({}));
  const Bytes apdu = some_apdu(60'000);
  // The receiver's user reads nothing.
  std::size_t at = 0;
  Bytes wire;
  while (const std::size_t wanted = pair.a.association.wants_octets()) {
    ASSERT_TRUE(pair.a.association.supply(ByteView(apdu).subspan(at, wanted), false));
    at += wanted;
  }
  pair.b.association.feed(pair.a.association.take_output(), pair.now);
  EXPECT_TRUE(pair.b.association.wants_input());
  for (int i = 0; i < 40; ++i) {
    for (SerialNumber serial = 1; serial < 60; ++serial) (void)pair.b.association.confirm_checkpoint(serial);
    pair.a.association.feed(pair.b.association.take_output(), pair.now);
    while (const std::size_t wanted = std::min(pair.a.association.wants_octets(), apdu.size() - at)) {
      ASSERT_TRUE(pair.a.association.supply(ByteView(apdu).subspan(at, wanted), false));
      at += wanted;
    }
    const Bytes more = pair.a.association.take_output();
    if (!pair.b.association.wants_input()) break;
    pair.b.association.feed(more, pair.now);
  }
  EXPECT_FALSE(pair.b.association.wants_input());
  pair.collect(pair.b);
  EXPECT_TRUE(pair.b.association.wants_input());
}

}  // namespace
}  // namespace postern::osi
