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

// X.229 8.2: over RTSE the peer has the turn after its answer, and an answer of ours waits for it.
TEST_P(BothRose, TheLastAnswerGoesBeforeTheRelease) {
  auto pair = AssociationPair::of(service_of(GetParam()));
  ASSERT_TRUE(pair.open());
  ASSERT_TRUE(pair.b.association.invoke(oid::as_msse(), {RoseCode(25), octets_value("alert"), {}, OperationClass::Asynchronous}));
  pair.pump();
  const auto* alert = pair.a.last<RoseInvoked>();
  ASSERT_NE(alert, nullptr);
  ASSERT_TRUE(pair.a.association.result(alert->invoke_id, RorsApdu::Outcome{RoseCode(25), octets_value("seen")}));
  ASSERT_TRUE(pair.a.association.release());
  EXPECT_FALSE(pair.a.association.release());
  pair.pump();
  EXPECT_EQ(pair.b.count<RoseResult>(), 1U);
  ASSERT_EQ(pair.b.count<ReleaseRequested>(), 1U);
  ASSERT_TRUE(pair.b.association.answer_release());
  pair.pump();
  EXPECT_EQ(pair.a.count<AssociationReleased>(), 1U);
  EXPECT_EQ(pair.a.count<AssociationAborted>() + pair.b.count<AssociationAborted>(), 0U);
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

}  // namespace
}  // namespace postern::osi
