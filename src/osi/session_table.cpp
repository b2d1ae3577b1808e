// The state tables of X.225 Annex A for the functional units of this engine, as data.
//
// Read a row as: in any of these states, this input, if all of this holds, does this and leads there. Rows of one input are tried in order.
#include <array>
#include <bit>

#include "osi/session_machine.hpp"

namespace postern::osi {

namespace {

using S = Session::State;
using C = Condition;
using M = SessionMachine;
using enum SpduKind;

template <class... States>
constexpr std::uint32_t in(States... states) {
  return (0U | ... | (1U << static_cast<unsigned>(states)));
}
template <class... Conditions>
constexpr std::uint64_t when(Conditions... conditions) {
  return (std::uint64_t{0} | ... | (std::uint64_t{1} << static_cast<unsigned>(conditions)));
}
constexpr std::uint64_t kAlways = 0;
constexpr std::nullopt_t kStay = std::nullopt;

// Where both sides may still speak of tokens: data transfer, and while a major point or the end of an activity is being confirmed.
constexpr std::uint32_t kOpen =
    in(S::DataTransfer, S::WaitMajorAck, S::WaitActivityEndAck, S::WaitMajorResponse, S::WaitActivityEndResponse);
constexpr std::uint32_t kAsking = in(S::WaitMajorAck, S::WaitActivityEndAck);
constexpr std::uint32_t kAsked = in(S::WaitMajorResponse, S::WaitActivityEndResponse);
// X.215 13.9, 13.15, 14.1: who asked for a major point, the end of an activity or a release says nothing more until the answer; the other
// side still may.
constexpr std::uint32_t kSpeaking = in(S::DataTransfer, S::WaitReleaseResponse) | kAsked;
constexpr std::uint32_t kListening = in(S::DataTransfer, S::WaitDisconnect) | kAsking;
constexpr std::uint32_t kEnding = in(S::WaitInterruptAck, S::WaitDiscardAck);  // 05B, 05C: what the peer sent before its answer is void
constexpr std::uint32_t kEnded = in(S::WaitInterruptResponse, S::WaitDiscardResponse);
constexpr std::uint32_t kDraining = in(S::WaitAbortAccept, S::WaitTransportDisconnect);
constexpr std::uint32_t kConnecting = in(S::WaitAccept, S::WaitOverflowAccept, S::WaitConnectResponse, S::WaitOverflowData);
constexpr std::uint32_t kConnected =
    kOpen | kEnding | kEnded |
    in(S::WaitDisconnect, S::WaitReleaseResponse, S::WaitControlAck, S::WaitRecoveryIndication, S::WaitRecoveryRequest);

constexpr std::uint64_t kMaySend = when(C::DataOurs, C::ActivityIfManaged);
constexpr std::uint64_t kMayReceive = when(C::DataTheirs, C::ActivityIfManaged);
constexpr std::uint64_t kMayBegin = when(C::ActivityUnit, C::NoActivity, C::DataOurs, C::MinorOurs, C::MajorOurs);
constexpr std::uint64_t kPeerMayBegin = when(C::ActivityUnit, C::NoActivity, C::DataTheirs, C::MinorTheirs, C::MajorTheirs);
constexpr std::uint64_t kMayEnd = when(C::ActivityUnit, C::InActivity, C::DataOurs, C::MinorOurs, C::MajorOurs, C::SerialLeft);
constexpr std::uint64_t kPeerMayEnd = when(C::ActivityUnit, C::InActivity, C::DataTheirs, C::MinorTheirs, C::MajorTheirs, C::SerialNext);
constexpr std::uint64_t kMayCut = when(C::ActivityUnit, C::InActivity, C::MajorOurs);
constexpr std::uint64_t kPeerMayCut = when(C::ActivityUnit, C::InActivity, C::MajorTheirs);
constexpr std::uint64_t kPeerCutsLate = when(C::ActivityUnit, C::NoActivity, C::MajorTheirs);

constexpr M::Row kTable[] = {
    // --- Connection establishment (X.225 7.1 to 7.5; Table A.5)
    {in(S::Idle), primitive<SConnect>(), when(C::IsInitiator, C::Overflows), &M::send_connect, S::WaitOverflowAccept},
    {in(S::Idle), primitive<SConnect>(), when(C::IsInitiator), &M::send_connect, S::WaitAccept},
    {in(S::WaitOverflowAccept), spdu(OA), when(C::AnswerUsable), &M::send_overflow, S::WaitAccept},
    {in(S::WaitAccept), spdu(AC), when(C::AnswerUsable), &M::confirm_accept, S::DataTransfer},
    {in(S::WaitAccept, S::WaitOverflowAccept), spdu(RF), kAlways, &M::confirm_refuse, S::Closed},
    {in(S::Idle), spdu(CN), when(C::IsResponder, C::NoCommonVersion), &M::refuse_version, S::WaitTransportDisconnect},
    {in(S::Idle), spdu(CN), when(C::IsResponder, C::SelectorDiffers), &M::refuse_selector, S::WaitTransportDisconnect},
    {in(S::Idle), spdu(CN), when(C::IsResponder, C::NoCommonUnits), &M::refuse_units, S::WaitTransportDisconnect},
    {in(S::Idle), spdu(CN), when(C::IsResponder, C::SizesUsable, C::Overflows), &M::accept_overflow, S::WaitOverflowData},
    {in(S::Idle), spdu(CN), when(C::IsResponder, C::SizesUsable), &M::indicate_connect, S::WaitConnectResponse},
    {in(S::WaitOverflowData), spdu(CDO), kAlways, &M::indicate_connect_overflow, S::WaitConnectResponse},
    {in(S::WaitConnectResponse), primitive<SConnectAccept>(), kAlways, &M::send_accept, S::DataTransfer},
    {in(S::WaitConnectResponse), primitive<SConnectRefuse>(), kAlways, &M::send_refuse, S::WaitTransportDisconnect},

    // --- Data transfer (7.11, 7.13; Table A.6)
    {kSpeaking, primitive<SData>(), kMaySend | when(C::NotFinishing), &M::send_data, kStay},
    {kListening, spdu(DT), kMayReceive, &M::indicate_data, kStay},
    {kEnding | in(S::WaitRecoveryIndication), spdu(DT), kAlways, &M::discard, kStay},
    {kSpeaking, primitive<STypedData>(), when(C::TypedUnit, C::NotFinishing), &M::send_typed_data, kStay},
    {kListening | in(S::WaitControlAck), spdu(TD), when(C::TypedUnit), &M::indicate_typed_data, kStay},
    {kEnding | in(S::WaitRecoveryIndication, S::WaitRecoveryRequest), spdu(TD), when(C::TypedUnit), &M::discard, kStay},

    // --- Tokens (7.16 to 7.19)
    {kOpen, primitive<STokenGive>(), when(C::GivesOurs), &M::send_tokens, kStay},
    {in(S::WaitRecoveryRequest), primitive<STokenGive>(), when(C::GivesOurs, C::GivesData), &M::send_tokens, S::DataTransfer},
    {kOpen | in(S::WaitRecoveryRequest), spdu(GT), when(C::GivesTheirs), &M::indicate_tokens, kStay},
    {in(S::WaitRecoveryIndication), spdu(GT), when(C::GivesTheirs, C::GivesData), &M::indicate_tokens, S::DataTransfer},
    {in(S::WaitRecoveryIndication), spdu(GT), when(C::GivesTheirs), &M::indicate_tokens, kStay},
    {kEnding | kEnded, spdu(GT), kAlways, &M::discard, kStay},
    {kSpeaking | in(S::WaitRecoveryIndication), primitive<STokenPlease>(), when(C::PleasesTheirs, C::NotFinishing), &M::send_please, kStay},
    {kListening | in(S::WaitRecoveryRequest), spdu(PT), kAlways, &M::indicate_please, kStay},
    {kEnding | kEnded | in(S::WaitControlAck, S::WaitRecoveryIndication), spdu(PT), kAlways, &M::discard, kStay},
    {in(S::DataTransfer), primitive<SControlGive>(), when(C::ActivityUnit, C::NoActivity, C::AllOurs), &M::send_control, S::WaitControlAck},
    {in(S::DataTransfer), spdu(GTC), when(C::ActivityUnit, C::NoActivity, C::AllTheirs), &M::indicate_control, kStay},
    {in(S::WaitControlAck), spdu(GTA), kAlways, &M::discard, S::DataTransfer},

    // --- Synchronization (7.20 to 7.23)
    {in(S::DataTransfer), primitive<SSyncMinor>(), kMaySend | when(C::MinorUnit, C::MinorOurs, C::SerialLeft), &M::send_minor, kStay},
    {in(S::DataTransfer), spdu(MIP), kMayReceive | when(C::MinorUnit, C::MinorTheirs, C::SerialNext), &M::indicate_minor, kStay},
    {in(S::WaitRecoveryIndication), spdu(MIP), when(C::SerialNext), &M::count_unseen, kStay},
    {kEnding, spdu(MIP), kAlways, &M::discard, kStay},
    {in(S::DataTransfer) | kAsked, primitive<SSyncMinorResponse>(), when(C::MinorUnit, C::ActivityIfManaged, C::ConfirmsTheirs),
     &M::send_minor_ack, kStay},
    {in(S::DataTransfer, S::WaitRecoveryRequest, S::WaitDisconnect) | kAsking, spdu(MIA),
     when(C::MinorUnit, C::ActivityIfManaged, C::ConfirmsOurs), &M::confirm_minor, kStay},
    {kEnding | in(S::WaitRecoveryIndication), spdu(MIA), kAlways, &M::discard, kStay},
    {in(S::DataTransfer), primitive<SSyncMajor>(), kMaySend | when(C::MajorUnit, C::MinorOurs, C::MajorOurs, C::SerialLeft), &M::send_major,
     S::WaitMajorAck},
    {in(S::DataTransfer), spdu(MAP), kMayReceive | when(C::MajorUnit, C::MinorTheirs, C::MajorTheirs, C::SerialNext), &M::indicate_major,
     S::WaitMajorResponse},
    {in(S::WaitMajorResponse), primitive<SSyncMajorResponse>(), kAlways, &M::send_major_ack, S::DataTransfer},
    {in(S::WaitMajorAck), spdu(MAA), when(C::SerialLast), &M::confirm_major, S::DataTransfer},

    // --- Exceptions (7.26, 7.27)
    {in(S::DataTransfer) | kAsked, primitive<SUExceptionReport>(), when(C::ExceptionsUnit, C::ActivityIfManaged, C::DataTokenTheirs),
     &M::send_exception, S::WaitRecoveryIndication},
    {in(S::DataTransfer) | kAsking, spdu(ED), when(C::ExceptionsUnit, C::ActivityIfManaged, C::DataTokenOurs), &M::indicate_exception,
     S::WaitRecoveryRequest},
    {in(S::DataTransfer) | kAsking, spdu(ER), when(C::ExceptionsUnit, C::ActivityIfManaged, C::DataTokenOurs),
     &M::indicate_provider_exception, S::WaitRecoveryRequest},
    // It crossed the data token, which the reporter has meanwhile got and is content with, or a FINISH.
    {in(S::DataTransfer) | kAsking, spdu(ED), when(C::ExceptionsUnit, C::ActivityIfManaged, C::DataTokenTheirs), &M::discard, kStay},
    {in(S::DataTransfer) | kAsking, spdu(ER), when(C::ExceptionsUnit, C::ActivityIfManaged, C::DataTokenTheirs), &M::discard, kStay},
    {kEnding | in(S::WaitDisconnect, S::WaitRecoveryIndication, S::WaitRecoveryRequest), spdu(ED), kAlways, &M::discard, kStay},
    {kEnding | in(S::WaitDisconnect, S::WaitRecoveryIndication, S::WaitRecoveryRequest), spdu(ER), kAlways, &M::discard, kStay},
    {in(S::WaitRecoveryIndication), spdu(MAP), when(C::SerialNext), &M::count_unseen, kStay},
    {in(S::WaitRecoveryIndication), spdu(AE), when(C::SerialNext), &M::count_unseen, kStay},

    // --- Activities (7.28 to 7.37; Table A.8)
    {in(S::DataTransfer), primitive<SActivityStart>(), kMayBegin, &M::send_start, kStay},
    {in(S::DataTransfer), spdu(AS), kPeerMayBegin, &M::indicate_start, kStay},
    {in(S::DataTransfer), primitive<SActivityResume>(), kMayBegin, &M::send_resume, kStay},
    {in(S::DataTransfer), spdu(AR), kPeerMayBegin, &M::indicate_resume, kStay},
    {in(S::DataTransfer), primitive<SActivityEnd>(), kMayEnd, &M::send_end, S::WaitActivityEndAck},
    {in(S::DataTransfer), spdu(AE), kPeerMayEnd, &M::indicate_end, S::WaitActivityEndResponse},
    {in(S::WaitActivityEndResponse), primitive<SActivityEndResponse>(), kAlways, &M::send_end_ack, S::DataTransfer},
    {in(S::WaitActivityEndAck), spdu(MAA), when(C::SerialLast), &M::confirm_end, S::DataTransfer},
    {kEnding, spdu(MAA), kAlways, &M::discard, kStay},
    {in(S::DataTransfer, S::WaitRecoveryRequest) | kAsking, primitive<SActivityInterrupt>(), kMayCut, &M::send_interrupt,
     S::WaitInterruptAck},
    {in(S::DataTransfer, S::WaitRecoveryIndication) | kAsked, spdu(AI), kPeerMayCut, &M::indicate_interrupt, S::WaitInterruptResponse},
    {in(S::WaitInterruptResponse), primitive<SActivityInterruptResponse>(), kAlways, &M::send_interrupt_ack, S::DataTransfer},
    {in(S::WaitInterruptAck), spdu(AIA), kAlways, &M::confirm_interrupt, S::DataTransfer},
    {in(S::DataTransfer, S::WaitRecoveryRequest) | kAsking, primitive<SActivityDiscard>(), kMayCut, &M::send_discard, S::WaitDiscardAck},
    {in(S::DataTransfer, S::WaitRecoveryIndication) | kAsked, spdu(AD), kPeerMayCut, &M::indicate_discard, S::WaitDiscardResponse},
    {in(S::WaitDiscardResponse), primitive<SActivityDiscardResponse>(), kAlways, &M::send_discard_ack, S::DataTransfer},
    {in(S::WaitDiscardAck), spdu(ADA), kAlways, &M::confirm_discard, S::DataTransfer},
    // The peer gave up waiting for the end of an activity while our answer was on its way: for our user it has ended.
    {in(S::DataTransfer), spdu(AI), kPeerCutsLate, &M::answer_late_interrupt, kStay},
    {in(S::DataTransfer), spdu(AD), kPeerCutsLate, &M::answer_late_discard, kStay},

    // --- Release (7.6 to 7.8; Table A.7)
    {in(S::DataTransfer), primitive<SRelease>(), when(C::AllOurs, C::NoActivity), &M::send_finish, S::WaitDisconnect},
    {in(S::DataTransfer), spdu(FN), when(C::AllTheirs, C::NoActivity), &M::indicate_release, S::WaitReleaseResponse},
    {in(S::WaitDisconnect), spdu(FN), when(C::AllTheirs, C::AllOurs), &M::indicate_release_collision, S::WaitReleaseResponse},
    {in(S::WaitReleaseResponse), primitive<SReleaseResponse>(), when(C::Affirmative, C::Collided), &M::send_disconnect, S::WaitDisconnect},
    {in(S::WaitReleaseResponse), primitive<SReleaseResponse>(), when(C::Negative, C::ReleaseUnit), &M::send_not_finished, S::DataTransfer},
    {in(S::WaitReleaseResponse), primitive<SReleaseResponse>(), when(C::Affirmative), &M::send_disconnect, S::WaitTransportDisconnect},
    {in(S::WaitReleaseResponse), spdu(DN), when(C::Collided), &M::confirm_release_collision, kStay},
    {in(S::WaitDisconnect), spdu(DN), kAlways, &M::confirm_release, S::Closed},
    {in(S::WaitDisconnect), spdu(NF), when(C::ReleaseUnit), &M::confirm_no_release, S::DataTransfer},

    // --- Abort (7.9, 7.10) and the end of the transport connection
    {in(S::Idle), primitive<SUAbort>(), kAlways, &M::drop_transport, S::Closed},
    {kConnecting | kConnected, primitive<SUAbort>(), kAlways, &M::send_user_abort, S::WaitAbortAccept},
    {in(S::Idle), spdu(AB), kAlways, &M::drop_transport, S::Closed},
    {kConnecting | kConnected, spdu(AB), kAlways, &M::indicate_abort, S::Closed},
    {kDraining, spdu(AB), kAlways, &M::drop_transport, S::Closed},
    {in(S::WaitAbortAccept), spdu(AA), kAlways, &M::drop_transport, S::Closed},
    {kDraining, kAnySpdu, kAlways, &M::discard, kStay},
    {in(S::Idle), kTimer, kAlways, &M::give_up_idle, S::Closed},
    {kConnecting | kConnected, kTimer, kAlways, &M::time_out, S::WaitAbortAccept},
    {kDraining, kTimer, kAlways, &M::drop_transport, S::Closed},
    {in(S::Idle) | kConnecting | kConnected, kTransportGone, kAlways, &M::lose_transport, S::Closed},
    {kDraining, kTransportGone, kAlways, &M::discard, S::Closed},
};

constexpr std::array kWhy = {
    "only the side that opened the transport connection connects",
    "only the side that accepted the transport connection is connected to",
    "there is a common protocol version",
    "the called selector is ours",
    "there are common functional units",
    "the user data fits without overflow",
    "a TSDU maximum size is below 64, or overflow is announced in version 1",
    "the answer chooses a version or units that were not proposed, or not exactly one of half-duplex and duplex",
    "the minor synchronize unit was not selected",
    "the major synchronize unit was not selected",
    "the activity management unit was not selected",
    "the exceptions unit was not selected",
    "the negotiated release unit was not selected",
    "the typed data unit was not selected",
    "no activity is in progress",
    "an activity is in progress",
    "no activity is in progress",
    "the data token is with the other side",
    "the minor synchronize token is with the other side",
    "the major/activity token is with the other side",
    "not all available tokens are on this side",
    "the data token is with the receiver",
    "the minor synchronize token is with the receiver",
    "the major/activity token is with the receiver",
    "not all available tokens are with the sender",
    "the data token is not on this side",
    "the data token is not with the other side",
    "a token is given that is not on this side",
    "a token is given that the sender does not have",
    "the data token is not among the given ones",
    "a token is asked for that is not with the other side",
    "the serial numbers are used up",
    "the serial number is not the next one",
    "the serial number is not that of the last point",
    "the serial number is not that of a point that waits for confirmation",
    "the serial number is not that of a point that waits for confirmation",
    "the answer is negative",
    "the answer is affirmative",
    "there was no collision",
    "a release was asked for by this side",
};
static_assert(kWhy.size() == static_cast<std::size_t>(Condition::NotFinishing) + 1);

bool is_spdu(SessionInputKind kind) { return kind < kTimer && static_cast<unsigned>(kind) >= 64; }
bool matches(const M::Row& row, S state, SessionInputKind kind) {
  return (row.from & in(state)) != 0 && (row.kind == kind || (row.kind == kAnySpdu && is_spdu(kind)));
}

}  // namespace

tl::expected<const SessionMachine::Row*, std::string> SessionMachine::find(const SessionInput& input) const {
  std::string why = "not in this state";
  for (const Row& row : kTable) {
    if (!matches(row, m_state, input.kind)) continue;
    std::uint64_t left = row.conditions;
    while (left != 0 && holds(static_cast<Condition>(std::countr_zero(left)), input)) left &= left - 1;
    if (left == 0) return &row;
    why = kWhy[static_cast<std::size_t>(std::countr_zero(left))];
  }
  return tl::unexpected(std::move(why));
}

}  // namespace postern::osi
