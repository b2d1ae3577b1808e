// Reliable transfer on an association, normal and X.410-1984 mode: checkpoints, window, exceptions, turn, resumption after any cut.
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

// Both are right: the receiver has it, the sender gave it up and will send it again. The MTS identifier tells that it is the same.
TEST_P(BothRtse, DiscardCrossesTheConfirmation) {
  for (const bool interrupt : {false, true}) {
    auto pair = AssociationPair::of(service_of(GetParam()));
    ASSERT_TRUE(pair.open());
    ASSERT_TRUE(pair.a.association.transfer({}));
    ASSERT_TRUE(pair.a.association.supply(some_apdu(100), true));
    pair.pump();
    ASSERT_NE(pair.b.last<RtTransferEnd>(), nullptr);
    ASSERT_TRUE(pair.b.association.confirm_end());
    ASSERT_TRUE(interrupt ? pair.a.association.interrupt() : pair.a.association.discard());
    pair.pump();
    EXPECT_EQ(pair.a.last<AssociationAborted>(), nullptr);
    EXPECT_EQ(pair.a.count<RtTransferFailed>() + pair.a.count<RtTransferConfirmed>(), 1U);
    EXPECT_TRUE(pair.a.association.open() && pair.b.association.open());
    // and the association goes on
    pair.b.events.clear();
    ASSERT_TRUE(pair.a.association.transfer({}));
    run_transfer(pair, some_apdu(10));
    EXPECT_EQ(pair.b.received(), some_apdu(10));
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

// X.225, STA 18: between GIVE TOKENS CONFIRM and its acknowledgement no token may be asked for.
TEST_P(BothRtse, TheTurnMayBeWishedBackAsSoonAsItIsGiven) {
  auto pair = AssociationPair::of(service_of(GetParam()), [](AssociationOptions& o) { o.dialogue = DialogueMode::TwoWayAlternate; });
  ASSERT_TRUE(pair.open());
  ASSERT_TRUE(pair.a.association.give_turn());
  ASSERT_TRUE(pair.a.association.please_turn(3));
  pair.pump();
  ASSERT_NE(pair.b.last<RtTurnGiven>(), nullptr);
  ASSERT_NE(pair.b.last<RtTurnPleased>(), nullptr);
  EXPECT_EQ(pair.b.last<RtTurnPleased>()->priority, 3);
  ASSERT_TRUE(pair.b.association.give_turn());
  pair.pump();
  EXPECT_TRUE(pair.a.association.has_turn());
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

// A user that works through its events in order answers what later ones have overtaken.
TEST_P(BothRtse, AnswersThatCameTooLateDoNothing) {
  const auto change = [](AssociationOptions& o) { o.checkpoint_size = 1; };
  {  // a checkpoint, behind which the end has come already
    auto pair = AssociationPair::of(service_of(GetParam()), change);
    ASSERT_TRUE(pair.open());
    ASSERT_TRUE(pair.a.association.transfer({}));
    for (std::size_t at = 0; at < 2500;) {
      const std::size_t take = std::min<std::size_t>(pair.a.association.wants_octets(), 2500 - at);
      ASSERT_TRUE(pair.a.association.supply(some_apdu(take), at + take == 2500));
      at += take;
    }
    pair.pump();
    ASSERT_NE(pair.b.last<RtTransferEnd>(), nullptr);
    EXPECT_TRUE(pair.b.association.confirm_checkpoint(1));
    EXPECT_TRUE(pair.b.association.confirm_checkpoint(2));
    EXPECT_FALSE(pair.b.association.confirm_checkpoint(3));
    EXPECT_TRUE(pair.b.association.confirm_end());
    EXPECT_FALSE(pair.b.association.confirm_end());
    pair.pump();
    EXPECT_EQ(pair.a.count<RtTransferConfirmed>(), 1U);
    EXPECT_TRUE(pair.a.association.open() && pair.b.association.open());
  }
  for (const bool interrupt : {true, false}) {  // a checkpoint of a transfer that has stopped
    auto pair = AssociationPair::of(service_of(GetParam()), change);
    ASSERT_TRUE(pair.open());
    ASSERT_TRUE(pair.a.association.transfer({}));
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(pair.a.association.supply(some_apdu(pair.a.association.wants_octets()), false));
    ASSERT_TRUE(interrupt ? pair.a.association.interrupt() : pair.a.association.discard());
    pair.pump();
    ASSERT_NE(pair.b.last<RtTransferStopped>(), nullptr);
    EXPECT_TRUE(pair.b.association.confirm_checkpoint(1));
    EXPECT_TRUE(pair.b.association.refuse_transfer(ExceptionReason::Unspecified));
    EXPECT_TRUE(pair.b.association.confirm_end());
    // The next one is a transfer of its own again.
    ASSERT_TRUE(pair.a.association.transfer({}));
    pair.pump();
    EXPECT_FALSE(pair.b.association.confirm_checkpoint(1));
    EXPECT_FALSE(pair.b.association.confirm_end());
    pair.lose();
    EXPECT_TRUE(pair.b.association.confirm_end());
    EXPECT_TRUE(pair.b.association.answer_release());
    EXPECT_TRUE(pair.b.association.accept({}));
  }
}

TEST(Association, NoTransferBeginsBehindAnUnreadEnd) {
  auto pair = AssociationPair::of(mts_transfer(), [](AssociationOptions& o) { o.checkpoint_size = 1; });
  ASSERT_TRUE(pair.open());
  ASSERT_TRUE(pair.a.association.transfer({}));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(pair.a.association.supply(some_apdu(pair.a.association.wants_octets()), false));
  ASSERT_TRUE(pair.a.association.discard());
  pair.b.association.feed(pair.a.association.take_output(), pair.now);
  EXPECT_FALSE(pair.b.association.wants_input());
  pair.a.association.feed(pair.b.association.take_output(), pair.now);
  pair.collect(pair.a);
  ASSERT_TRUE(pair.a.association.transfer({}));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(pair.a.association.supply(some_apdu(pair.a.association.wants_octets()), false));
  pair.b.association.feed(pair.a.association.take_output(), pair.now);
  // Checkpoint 1 of the first transfer is answered: that of the second must not be taken for it.
  EXPECT_TRUE(pair.b.association.confirm_checkpoint(1));
  pair.pump();
  EXPECT_EQ(pair.a.count<RtCheckpointConfirmed>(), 0U);
  EXPECT_EQ(pair.b.count<RtTransferBegin>(), 2U);
  EXPECT_TRUE(pair.b.association.confirm_checkpoint(1));
  pair.pump();
  EXPECT_EQ(pair.a.count<RtCheckpointConfirmed>(), 1U);
}

TEST(Association, ALostNetworkDoesNotWaitForADecision) {
  auto pair = AssociationPair::of(mts_transfer());
  ASSERT_TRUE(pair.open());
  ASSERT_TRUE(pair.a.association.resume({}, ResumePoint{activity_identifier(9), {}, 4, 4000, {}, {}}, false));
  pair.pump();
  ASSERT_NE(pair.b.last<RtResumeRequested>(), nullptr);
  pair.lose();
  EXPECT_EQ(pair.b.last<AssociationAborted>()->origin, AbortOrigin::NetworkLost);
  EXPECT_TRUE(pair.b.association.refuse_resume(ResumeRefusal::Unrecognized));  // too late, and no harm
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
