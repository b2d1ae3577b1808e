// X.228: the EXTERNAL as a stream, each illegal step of the tables, and what a peer may do wrong.
#include "osi/rtse.hpp"

#include <gtest/gtest.h>

#include "asn1/ber.hpp"
#include "osi/rtse_table.hpp"

namespace postern::osi {
namespace {

constexpr SteadyTime kNow{};

// ---- EXTERNAL

Bytes external(std::string_view form, const Bytes& apdu) {
  const Bytes reference{0x02, 1, 5};
  Bytes inner, out;
  if (form == "definite") {
    asn1::write_header(inner, asn1::context(0), true, apdu.size());
  } else if (form == "aligned") {
    asn1::write_header(inner, asn1::context(1), false, apdu.size());
  } else {
    inner = form == "outer indefinite" ? Bytes{} : Bytes{0xA0, 0x80};
    if (inner.empty()) asn1::write_header(inner, asn1::context(0), true, apdu.size());
  }
  append(inner, apdu);
  if (form == "inner indefinite" || form == "indefinite") append(inner, Bytes{0, 0});
  if (form == "outer indefinite" || form == "indefinite") {
    out = {0x28, 0x80};
    append(out, reference);
    append(out, inner);
    append(out, Bytes{0, 0});
    return out;
  }
  asn1::write_header(out, asn1::universal(8), true, reference.size() + inner.size());
  append(out, reference);
  append(out, inner);
  return out;
}

class EveryForm : public ::testing::TestWithParam<std::string_view> {};
INSTANTIATE_TEST_SUITE_P(External, EveryForm,
                         ::testing::Values("definite", "aligned", "outer indefinite", "inner indefinite", "indefinite"));

TEST_P(EveryForm, IsTakenOffWhereverItIsCut) {
  for (const std::size_t size : {2U, 5U, 130U, 300U}) {
    const Bytes apdu(size, 0);  // zeros: what looks like end-of-contents and is none
    const Bytes wire = external(GetParam(), apdu);
    for (std::size_t chunk = 1; chunk <= wire.size(); ++chunk) {
      ExternalReader reader;
      Bytes out;
      for (std::size_t at = 0; at < wire.size(); at += chunk) {
        if (GetParam() != "indefinite") EXPECT_FALSE(reader.finish());  // there, zeros may be the end
        ASSERT_TRUE(reader.feed(ByteView(wire).subspan(at, std::min(chunk, wire.size() - at)), out)) << chunk;
        // Every state survives being stored.
        reader = ExternalReader::restore(reader.save()).value();
      }
      EXPECT_TRUE(reader.finish());
      EXPECT_EQ(out, apdu);
      EXPECT_EQ(reader.context(), 5);
    }
  }
}

TEST_P(EveryForm, CutOffOrTooLongIsAnError) {
  const Bytes wire = external(GetParam(), Bytes(40, 0x55));
  for (std::size_t size = 0; size < wire.size(); ++size) {
    ExternalReader reader;
    Bytes out;
    if (!reader.feed(ByteView(wire).first(size), out)) continue;
    EXPECT_FALSE(reader.finish()) << size;
  }
  Bytes longer = wire;
  longer.push_back(7);
  ExternalReader reader;
  Bytes out;
  EXPECT_FALSE(reader.feed(longer, out) && reader.finish());
}

TEST(External, WhatWeWriteIsRead) {
  for (const std::optional<std::uint64_t> size : {std::optional<std::uint64_t>(), std::optional<std::uint64_t>(300)}) {
    const ExternalFrame frame = external_frame(5, size);
    Bytes wire = frame.prefix;
    wire.resize(wire.size() + 300, 0x41);
    append(wire, frame.suffix);
    ExternalReader reader;
    Bytes out;
    ASSERT_TRUE(reader.feed(wire, out));
    EXPECT_TRUE(reader.finish());
    EXPECT_EQ(out, Bytes(300, 0x41));
    EXPECT_EQ(frame.suffix.size(), size ? 0U : 4U);
  }
}

TEST(External, WrongOnesSayWhy) {
  for (const std::string_view hex : {
           "30050201"
           "05a000",      // SEQUENCE
           "2803020105",  // then nothing (finish)
           "2805a2030000"
           "00",  // arbitrary
           "28070201"
           "05a0040500",  // inner longer than outer
           "28090201"
           "05a0020500"
           "0500",  // more after the encoding
           "2805a1030401"
           "05",  // octet-aligned, constructed
           "28050101"
           "ffa000",            // BOOLEAN
           "28820400068203f0",  // an object identifier of 1,008 octets
           "28030201",          // cut in the reference
           "2802a080",          // no room for end-of-contents
           "2883ffffff0280",    // an indefinite INTEGER
       }) {
    ExternalReader reader;
    Bytes out;
    const Status fed = reader.feed(hex_decode(hex).value(), out);
    EXPECT_FALSE(fed && reader.finish()) << hex;
  }
  // References without end.
  ExternalReader reader;
  Bytes wire{0x28, 0x80}, out;
  for (int i = 0; i < 200; ++i) append(wire, Bytes{0x02, 1, 1});
  EXPECT_FALSE(reader.feed(wire, out));
  for (const Bytes& bad : {Bytes(), Bytes(18, 0), Bytes(19, 9), Bytes(400, 0)}) EXPECT_FALSE(ExternalReader::restore(bad));
}

// ---- the machine

RtseAgreement agreement(bool turn, std::size_t checkpoint = 1024) {
  return {RtseMode::X410, DialogueMode::TwoWayAlternate, checkpoint, 3, turn};
}

std::vector<SessionRequest> requests(Rtse& rtse) {
  std::vector<SessionRequest> all;
  while (auto each = rtse.take_request()) all.push_back(*std::move(each));
  return all;
}
std::vector<RtseEvent> events(Rtse& rtse) {
  std::vector<RtseEvent> all;
  while (auto each = rtse.next_event()) all.push_back(*std::move(each));
  return all;
}

TEST(Rtse, OneTransferIsStartDataSyncEnd) {
  Rtse rtse(agreement(true), {});
  ASSERT_TRUE(rtse.transfer({}, kNow));
  Bytes apdu(3000, 1);
  std::size_t at = 0;
  while (at < apdu.size()) {
    const std::size_t take = std::min(rtse.wants_octets(), apdu.size() - at);
    ASSERT_GT(take, 0U);
    ASSERT_TRUE(rtse.supply(ByteView(apdu).subspan(at, take), at + take == apdu.size()));
    at += take;
  }
  std::string names;
  std::size_t octets = 0;
  for (const SessionRequest& each : requests(rtse)) {
    names += std::string(name_of(each)) + " ";
    if (const auto* data = std::get_if<SData>(&each)) {
      EXPECT_LE(data->user_data.size(), 1024U);
      octets += data->user_data.size();
    }
  }
  EXPECT_EQ(names, "S-ACTIVITY-START S-DATA S-SYNC-MINOR S-DATA S-SYNC-MINOR S-DATA S-ACTIVITY-END ");
  EXPECT_EQ(octets, 3000U);
  EXPECT_EQ(hex_encode(activity_identifier(1)), "020101");
  EXPECT_EQ(hex_encode(activity_identifier(200)), "020200c8");
}

TEST(Rtse, SupplyIsChecked) {
  Rtse rtse(agreement(true), {});
  EXPECT_FALSE(rtse.supply(Bytes(1), true));
  ASSERT_TRUE(rtse.transfer({0, 10}, kNow));
  EXPECT_FALSE(rtse.transfer({}, kNow));
  EXPECT_EQ(rtse.wants_octets(), 10U);
  EXPECT_EQ(rtse.supply(Bytes(11), true).error().code, ErrorCode::TooLarge);
  EXPECT_EQ(rtse.supply(Bytes(9), true).error().code, ErrorCode::BadInput);
  ASSERT_TRUE(rtse.supply(Bytes(10), false));
  EXPECT_EQ(rtse.wants_octets(), 0U);
  ASSERT_TRUE(rtse.supply({}, true));
  EXPECT_FALSE(rtse.supply({}, true));
}

/// Everything the session layer can say, in a state it does not fit: an error each time, and never a crash.
TEST(Rtse, UnexpectedPrimitivesAreErrors) {
  const std::vector<SessionEvent> all{SActivityStart{{2, 1, 1}, {}},
                                      SActivityResume{},
                                      SData{{1}},
                                      SSyncMinor{true, 1, {}},
                                      SActivityEnd{},
                                      SActivityInterrupt{},
                                      SActivityDiscard{},
                                      SSyncMinorResponse{1, {}},
                                      SActivityEndResponse{},
                                      SActivityInterruptResponse{},
                                      SActivityDiscardResponse{},
                                      SUExceptionReport{},
                                      SPExceptionReport{},
                                      SControlGive{},
                                      SConnect{},
                                      SRelease{},
                                      STypedData{},
                                      SSyncMajor{},
                                      SSyncMajorResponse{}};
  Rtse idle(agreement(true), {});
  for (const SessionEvent& each : all) {
    const bool starts = std::holds_alternative<SActivityStart>(each) || std::holds_alternative<SActivityResume>(each);
    if (!starts) EXPECT_FALSE(idle.receive(each, kNow)) << name_of(each);
  }
  Rtse sending(agreement(true), {});
  ASSERT_TRUE(sending.transfer({}, kNow));
  for (const SessionEvent& each : {all[7], all[8], all[9], all[10]}) EXPECT_FALSE(sending.receive(each, kNow)) << name_of(each);
  Rtse receiving(agreement(false), {});
  ASSERT_TRUE(receiving.receive(all[0], kNow));
  EXPECT_FALSE(receiving.receive(all[0], kNow));
  EXPECT_FALSE(receiving.receive(all[1], kNow));
  ASSERT_TRUE(receiving.receive(all[4], kNow));
  EXPECT_FALSE(receiving.receive(all[2], kNow));
  EXPECT_FALSE(receiving.receive(all[4], kNow));
}

TEST(Rtse, RepliesThatAreNotDueAreConflicts) {
  Rtse rtse(agreement(false), {});
  EXPECT_FALSE(rtse.confirm_checkpoint(1));
  EXPECT_FALSE(rtse.confirm_end());
  EXPECT_FALSE(rtse.refuse(ExceptionReason::Unspecified));
  EXPECT_FALSE(rtse.accept_resume({}));
  EXPECT_FALSE(rtse.interrupt(kNow));
  EXPECT_FALSE(rtse.transfer({}, kNow));
  ASSERT_TRUE(rtse.receive(SActivityStart{{2, 1, 1}, {}}, kNow));
  EXPECT_FALSE(rtse.confirm_end());
  EXPECT_TRUE(requests(rtse).empty());
}

TEST(Rtse, TheWindowBindsThePeerToo) {
  Rtse rtse(agreement(false), {});
  ASSERT_TRUE(rtse.receive(SActivityStart{{2, 1, 1}, {}}, kNow));
  SerialNumber serial = 1;
  for (; serial <= 4; ++serial) ASSERT_TRUE(rtse.receive(SSyncMinor{true, serial, {}}, kNow));
  const Status more = rtse.receive(SSyncMinor{true, serial, {}}, kNow);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().what, "more unconfirmed checkpoints than the window allows");
}

TEST(Rtse, TooLongAnApduIsRefused) {
  RtseLimits limits;
  limits.apdu = 100;
  Rtse rtse(agreement(false), limits);
  ASSERT_TRUE(rtse.receive(SActivityStart{{2, 1, 1}, {}}, kNow));
  ASSERT_TRUE(rtse.receive(SData{Bytes(101)}, kNow));
  const auto asked = requests(rtse);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(std::get<SUExceptionReport>(asked[0]).reason, ExceptionReason::UnrecoverableProceduralError);
  ASSERT_TRUE(rtse.receive(SData{Bytes(50)}, kNow));  // what was under way
  ASSERT_TRUE(rtse.receive(SActivityDiscard{}, kNow));
  EXPECT_TRUE(rtse.idle());
  // A declared length is enough.
  RtseAgreement normal = agreement(false);
  normal.mode = RtseMode::Normal;
  Rtse other(normal, limits);
  ASSERT_TRUE(other.receive(SActivityStart{{2, 1, 1}, {}}, kNow));
  ASSERT_TRUE(other.receive(SData{external_frame(5, 5000).prefix}, kNow));
  EXPECT_EQ(requests(other).size(), 1U);
}

// X.228, exception procedures.
TEST(Rtse, ExceptionsInterruptOrDiscard) {
  struct Case {
    ExceptionReason reason;
    bool confirmed;
    bool interrupts;
  };
  for (const Case& each :
       {Case{ExceptionReason::ReceivingAbilityJeopardized, true, true}, Case{ExceptionReason::ReceivingAbilityJeopardized, false, false},
        Case{ExceptionReason::UnrecoverableProceduralError, true, false}, Case{ExceptionReason::UserSequenceError, true, false},
        Case{ExceptionReason::Unspecified, true, true}}) {
    Rtse rtse(agreement(true), {});
    ASSERT_TRUE(rtse.transfer({}, kNow));
    ASSERT_TRUE(rtse.supply(Bytes(rtse.wants_octets()), false));
    ASSERT_TRUE(rtse.supply(Bytes(rtse.wants_octets()), false));
    if (each.confirmed) ASSERT_TRUE(rtse.receive(SSyncMinorResponse{1, {}}, kNow));
    (void)requests(rtse);
    ASSERT_TRUE(rtse.receive(SUExceptionReport{each.reason, {}}, kNow));
    const auto asked = requests(rtse);
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(std::holds_alternative<SActivityInterrupt>(asked[0]), each.interrupts);
    ASSERT_TRUE(each.interrupts ? rtse.receive(SActivityInterruptResponse{}, kNow) : rtse.receive(SActivityDiscardResponse{}, kNow));
    const auto told = events(rtse);
    const auto& failed = std::get<RtTransferFailed>(told.back());
    EXPECT_EQ(failed.point.has_value(), each.interrupts);
    EXPECT_TRUE(rtse.idle());
  }
}

TEST(Rtse, AnUnansweredDiscardIsATimeout) {
  Rtse rtse(agreement(true), {});
  ASSERT_TRUE(rtse.transfer({}, kNow));
  ASSERT_TRUE(rtse.discard(kNow));
  EXPECT_TRUE(rtse.tick(kNow));
  EXPECT_FALSE(rtse.tick(rtse.deadline()));
}

TEST(Rtse, ResumeWantsItsOwnPoint) {
  Rtse rtse(agreement(true), {});
  EXPECT_FALSE(rtse.resume({}, ResumePoint{}, false, kNow));
  EXPECT_FALSE(rtse.resume({0, 5}, ResumePoint{{2, 1, 1}, {}, 3, 3000, 6, {}}, false, kNow));
  const auto at = rtse.resume({}, ResumePoint{{2, 1, 1}, {}, 3, 3000, {}, {}}, false, kNow);
  EXPECT_EQ(at.value(), 3000U);
  const auto resume = std::get<SActivityResume>(requests(rtse).at(0));
  EXPECT_EQ(resume.old_activity, (Bytes{2, 1, 1}));
  EXPECT_EQ(resume.serial, 3U);
  EXPECT_TRUE(resume.calling_reference.empty());

  Rtse peer(agreement(false), {});
  ASSERT_TRUE(peer.receive(SActivityResume(resume), kNow));
  EXPECT_TRUE(peer.waits_for_decision());
  EXPECT_FALSE(peer.accept_resume(ResumePoint{{2, 1, 1}, {}, 2, 2000, {}, {}}));
  EXPECT_TRUE(peer.accept_resume(ResumePoint{{2, 1, 1}, {}, 3, 3000, {}, {}}));
  EXPECT_FALSE(peer.waits_for_decision());
}

TEST(Rtse, PleaseWithAPriorityThatIsNone) {
  Rtse rtse(agreement(true), {});
  EXPECT_TRUE(rtse.receive(STokenPlease{Tokens::of(Token::Data), {}}, kNow));
  EXPECT_TRUE(rtse.receive(STokenPlease{Tokens::of(Token::Data), {2, 1, 7}}, kNow));
  EXPECT_EQ(std::get<RtTurnPleased>(events(rtse).back()).priority, 7);
  EXPECT_FALSE(rtse.receive(STokenPlease{Tokens::of(Token::Data), {4, 1, 7}}, kNow));
}

TEST(Rtse, TablesHaveNoWayOutOfTheirStates) {
  for (const auto& row : kSenderTable)
    for (const std::uint8_t next : row) EXPECT_TRUE(next == kIllegal || next < kSenderTable.size());
  for (const auto& row : kReceiverTable)
    for (const std::uint8_t next : row) EXPECT_TRUE(next == kIllegal || next < kReceiverTable.size());
}

}  // namespace
}  // namespace postern::osi
