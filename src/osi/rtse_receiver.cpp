#include <algorithm>

#include "asn1/ber.hpp"
#include "osi/rtse_table.hpp"

namespace postern::osi {

namespace {

[[nodiscard]] bool step(RtseReceiver::State& state, ReceiverInput input) {
  const std::uint8_t next = kReceiverTable.at(static_cast<std::size_t>(state)).at(static_cast<std::size_t>(input));
  if (next == kIllegal) return false;
  state = static_cast<RtseReceiver::State>(next);
  return true;
}

tl::unexpected<Error> unexpected_of_peer(std::string_view what) {
  return fail(ErrorCode::BadInput, std::string(what) + " where none may be", "RTSE");
}

tl::unexpected<Error> not_now(std::string_view what) {
  return fail(ErrorCode::Conflict, "there is no " + std::string(what) + " to answer");
}

/// The references of S-ACTIVITY-RESUME. Absent, or not in the BER form in which CONNECT carries them: this session connection's.
std::optional<SessionConnectionIdentifier> connection_of(const SActivityResume& resume) {
  if (resume.calling_reference.empty() || resume.common_reference.empty()) return std::nullopt;
  auto calling = asn1::decode<CallingSSuserReference>(resume.calling_reference);
  auto common = asn1::decode<asn1::UtcTime>(resume.common_reference);
  if (!calling || !common) return std::nullopt;
  SessionConnectionIdentifier connection{*std::move(calling), *std::move(common), std::nullopt};
  if (auto more = asn1::decode<asn1::TeletexString>(resume.additional_information))
    connection.additional_reference_information = *std::move(more);
  return connection;
}

}  // namespace

RtseReceiver::RtseReceiver(const RtseAgreement& agreement, const RtseLimits& limits, std::deque<SessionRequest>& requests,
                           std::deque<RtseEvent>& events)
    : m_agreement(agreement), m_limits(limits), m_requests(requests), m_events(events) {}

void RtseReceiver::begin(Bytes activity) {
  m_activity = std::move(activity);
  m_reader = ExternalReader();
  m_octets = 0;
  m_unconfirmed.clear();
  m_confirmed.reset();
  m_overtaken = false;
}

ResumePoint RtseReceiver::point(SerialNumber serial) const {
  return {m_activity, std::nullopt, serial, m_octets, std::nullopt, m_agreement.mode == RtseMode::Normal ? m_reader.save() : Bytes()};
}

Status RtseReceiver::started(SActivityStart start) {
  if (!step(m_state, ReceiverInput::Start)) return unexpected_of_peer("an activity start");
  begin(start.activity);
  m_events.emplace_back(RtTransferBegin{std::move(start.activity)});
  return {};
}

Status RtseReceiver::resumed(SActivityResume resume) {
  if (!step(m_state, ReceiverInput::Resume)) return unexpected_of_peer("an activity resume");
  begin(resume.activity);
  m_resume_serial = resume.serial;
  m_events.emplace_back(RtResumeRequested{resume.activity, resume.old_activity, resume.serial, connection_of(resume)});
  return {};
}

Status RtseReceiver::accept_resume(const ResumePoint& point) {
  if (m_overtaken) return {};
  if (m_state != State::WaitResume) return not_now("resumed transfer");
  if (point.serial != m_resume_serial)
    return fail(ErrorCode::Conflict,
                "the peer goes on after checkpoint " + std::to_string(m_resume_serial) + ", not " + std::to_string(point.serial));
  if (m_agreement.mode == RtseMode::Normal) {
    POSTERN_TRY(m_reader, ExternalReader::restore(point.envelope));
  }
  m_octets = point.octets;
  m_confirmed = this->point(point.serial);
  (void)step(m_state, ReceiverInput::AcceptResume);
  return {};
}

Status RtseReceiver::data(ByteView piece) {
  if (!step(m_state, ReceiverInput::Data)) return unexpected_of_peer("a piece of an APDU");
  if (m_state == State::WaitRecovery) return {};
  Bytes apdu;
  if (m_agreement.mode == RtseMode::Normal) {
    POSTERN_CHECK(m_reader.feed(piece, apdu));
  } else {
    apdu.assign(piece.begin(), piece.end());
  }
  m_octets += apdu.size();
  const std::uint64_t coming = m_octets > m_limits.apdu ? m_octets : std::max(m_octets, m_reader.remaining().value_or(0));
  if (coming > m_limits.apdu) return refuse(ExceptionReason::UnrecoverableProceduralError);
  if (!apdu.empty()) m_events.emplace_back(RtTransferOctets{std::move(apdu)});
  return {};
}

Status RtseReceiver::checkpoint(SerialNumber serial) {
  if (!step(m_state, ReceiverInput::Checkpoint)) return unexpected_of_peer("a checkpoint");
  if (m_state == State::WaitRecovery) return {};
  // One more than the window is what a sender has that counts the checkpoint it is about to set.
  if (m_unconfirmed.size() > std::max(m_agreement.window, 1U))
    return fail(ErrorCode::BadInput, "more unconfirmed checkpoints than the window allows", "RTSE");
  m_unconfirmed.push_back(point(serial));
  m_events.emplace_back(RtTransferCheckpoint{m_unconfirmed.back()});
  return {};
}

Status RtseReceiver::confirm_checkpoint(SerialNumber serial) {
  if (m_overtaken) return {};
  if (m_unconfirmed.empty() || serial < m_unconfirmed.front().serial || serial > m_unconfirmed.back().serial)
    return not_now("checkpoint " + std::to_string(serial));
  if (!step(m_state, ReceiverInput::ConfirmCheckpoint)) return not_now("checkpoint");
  while (!m_unconfirmed.empty() && m_unconfirmed.front().serial <= serial) {
    m_confirmed = std::move(m_unconfirmed.front());
    m_unconfirmed.pop_front();
  }
  // Once the end has come, its confirmation stands for all of them.
  if (m_state == State::Receiving) m_requests.emplace_back(SSyncMinorResponse{serial, {}});
  return {};
}

Status RtseReceiver::ended() {
  if (!step(m_state, ReceiverInput::End)) return unexpected_of_peer("an activity end");
  if (m_state == State::WaitRecovery) return {};
  if (m_agreement.mode == RtseMode::Normal) POSTERN_CHECK(m_reader.finish());
  m_events.emplace_back(RtTransferEnd{m_octets, m_reader.context()});
  return {};
}

Status RtseReceiver::confirm_end() {
  if (m_overtaken) return {};
  if (!step(m_state, ReceiverInput::ConfirmEnd)) return not_now("transfer");
  m_unconfirmed.clear();
  m_requests.emplace_back(SActivityEndResponse{});
  return {};
}

Status RtseReceiver::refuse(ExceptionReason reason) {
  if (m_overtaken) return {};
  if (!step(m_state, ReceiverInput::Refuse)) return not_now("transfer");
  m_unconfirmed.clear();
  m_requests.emplace_back(SUExceptionReport{reason, {}});
  return {};
}

Status RtseReceiver::stopped(RtFailure how) {
  const bool interrupt = how == RtFailure::Interrupted;
  if (!step(m_state, interrupt ? ReceiverInput::Interrupt : ReceiverInput::Discard)) return unexpected_of_peer("an interrupt or discard");
  if (interrupt)
    m_requests.emplace_back(SActivityInterruptResponse{});
  else
    m_requests.emplace_back(SActivityDiscardResponse{});
  m_unconfirmed.clear();
  m_overtaken = true;
  m_events.emplace_back(RtTransferStopped{how, interrupt ? m_confirmed : std::nullopt});
  return {};
}

void RtseReceiver::broken() {
  if (m_state == State::Idle) return;
  m_state = State::Idle;
  m_unconfirmed.clear();
  m_overtaken = true;
  m_events.emplace_back(RtTransferStopped{RtFailure::Aborted, m_confirmed});
}

}  // namespace postern::osi
