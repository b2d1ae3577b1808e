#include <algorithm>
#include <utility>

#include "asn1/ber.hpp"
#include "osi/rtse_table.hpp"

namespace postern::osi {

namespace {

/// End-of-contents of an indefinite EXTERNAL go with the last piece, which must not grow above the checkpoint size by them.
constexpr std::size_t kSuffix = 4;
constexpr std::uint64_t kMaxSize = std::uint64_t{1} << 60;

[[nodiscard]] bool step(RtseSender::State& state, SenderInput input) {
  const std::uint8_t next = kSenderTable.at(static_cast<std::size_t>(state)).at(static_cast<std::size_t>(input));
  if (next == kIllegal) return false;
  state = static_cast<RtseSender::State>(next);
  return true;
}

tl::unexpected<Error> unexpected_of_peer(std::string_view what) {
  return fail(ErrorCode::BadInput, "the peer's " + std::string(what) + " does not fit the transfer", "RTSE");
}

SActivityResume resume_primitive(Bytes activity, const ResumePoint& point, bool other_connection) {
  SActivityResume primitive;
  primitive.activity = std::move(activity);
  primitive.old_activity = point.activity;
  primitive.serial = point.serial;
  if (!other_connection || !point.connection) return primitive;
  // The identifier of the session connection the activity began on, each part in the BER form in which CONNECT carried it.
  const SessionConnectionIdentifier& old = *point.connection;
  if (auto calling = asn1::encode(old.calling_ss_user_reference)) primitive.calling_reference = *std::move(calling);
  if (auto common = asn1::encode(old.common_reference)) primitive.common_reference = *std::move(common);
  if (old.additional_reference_information)
    if (auto more = asn1::encode(*old.additional_reference_information)) primitive.additional_information = *std::move(more);
  return primitive;
}

}  // namespace

Bytes activity_identifier(std::uint32_t number) { return *asn1::encode(std::int64_t{number}); }

RtseSender::RtseSender(const RtseAgreement& agreement, const RtseLimits& limits, std::deque<SessionRequest>& requests,
                       std::deque<RtseEvent>& events)
    : m_agreement(agreement), m_limits(limits), m_requests(requests), m_events(events) {}

std::size_t RtseSender::piece() const noexcept {
  const std::size_t limit = std::max<std::size_t>(m_limits.piece, 512);
  return (m_agreement.checkpoint == 0 ? limit : std::min(limit, m_agreement.checkpoint)) - kSuffix;
}

std::uint32_t RtseSender::window() const noexcept {
  // Without checkpoints nothing is ever outstanding. A window of 0 would never let anything go on after the first checkpoint.
  return std::max(m_agreement.window, 1U);
}

void RtseSender::start(RtTransfer transfer, SteadyTime now) {
  m_transfer = transfer;
  m_frame = m_agreement.mode == RtseMode::Normal ? external_frame(transfer.context, transfer.size) : ExternalFrame{};
  m_activity = activity_identifier(++m_number);
  m_deadline = now + transfer.transfer_time;
  m_supplied = m_sent = m_confirmed_octets = 0;
  m_last = m_checkpoint_due = false;
  m_serial = m_confirmed = 0;
  m_outstanding.clear();
  m_buffer.clear();
  m_prefix_unsent = 0;
}

Status RtseSender::transfer(RtTransfer transfer, SteadyTime now) {
  if (transfer.size.value_or(0) > kMaxSize) return fail(ErrorCode::TooLarge, "an APDU of that size cannot be", "size");
  if (!step(m_state, SenderInput::Transfer)) return fail(ErrorCode::Conflict, "a transfer is under way: wait for its confirmation");
  start(transfer, now);
  m_buffer = m_frame.prefix;
  m_prefix_unsent = m_frame.prefix.size();
  m_requests.emplace_back(SActivityStart{m_activity, {}});
  return {};
}

Status RtseSender::resume(RtTransfer transfer, const ResumePoint& point, bool other_connection, SteadyTime now) {
  if (point.serial == 0) return fail(ErrorCode::BadInput, "no checkpoint was confirmed: transfer it anew", "serial");
  if (point.size != transfer.size) return fail(ErrorCode::BadInput, "the size is not that of the interrupted transfer", "size");
  if (transfer.size.value_or(0) > kMaxSize) return fail(ErrorCode::TooLarge, "an APDU of that size cannot be", "size");
  if (!step(m_state, SenderInput::Transfer)) return fail(ErrorCode::Conflict, "a transfer is under way: wait for its confirmation");
  start(transfer, now);
  m_supplied = m_sent = m_confirmed_octets = point.octets;
  m_serial = m_confirmed = point.serial;
  m_requests.emplace_back(resume_primitive(m_activity, point, other_connection));
  return {};
}

std::size_t RtseSender::wants_octets() const noexcept {
  if (m_state != State::Sending || m_last) return 0;
  const std::size_t room = piece() - std::min(piece(), m_buffer.size());
  if (!m_transfer.size) return room;
  return static_cast<std::size_t>(std::min<std::uint64_t>(room, *m_transfer.size - m_supplied));
}

Status RtseSender::supply(ByteView octets, bool last) {
  if (m_state != State::Sending || m_last) return fail(ErrorCode::Conflict, "no transfer takes octets now");
  if (octets.size() > wants_octets())
    return fail(ErrorCode::TooLarge, std::to_string(octets.size()) + " octets where " + std::to_string(wants_octets()) + " are wanted");
  if (last && m_transfer.size && m_supplied + octets.size() != *m_transfer.size)
    return fail(ErrorCode::BadInput, "the octets do not come to the size that was given", "size");
  append(m_buffer, octets);
  m_supplied += octets.size();
  if (last) append(m_buffer, m_frame.suffix);
  m_last = last;
  flush();
  return {};
}

void RtseSender::flush() {
  while (m_state == State::Sending && m_outstanding.size() < window()) {
    if (m_buffer.empty() && m_last) {
      (void)step(m_state, SenderInput::Ended);
      m_requests.emplace_back(SActivityEnd{});
      return;
    }
    if (m_buffer.size() < piece() && !m_last) return;
    if (m_checkpoint_due)
      send_checkpoint();
    else
      send_piece();
  }
}

void RtseSender::send_piece() {
  const std::size_t take = m_last && m_buffer.size() <= piece() + kSuffix ? m_buffer.size() : piece();
  const std::size_t of_prefix = std::min(take, m_prefix_unsent);
  m_prefix_unsent -= of_prefix;
  m_sent = std::min(m_sent + take - of_prefix, m_supplied);  // the suffix is none of the APDU's octets
  if (take == m_buffer.size()) {
    m_requests.emplace_back(SData{std::exchange(m_buffer, {})});
  } else {
    m_requests.emplace_back(SData{Bytes(m_buffer.begin(), m_buffer.begin() + static_cast<std::ptrdiff_t>(take))});
    m_buffer.erase(m_buffer.begin(), m_buffer.begin() + static_cast<std::ptrdiff_t>(take));
  }
  m_checkpoint_due = m_agreement.checkpoint != 0;
}

void RtseSender::send_checkpoint() {
  m_requests.emplace_back(SSyncMinor{true, 0, {}});
  m_outstanding.push_back({++m_serial, m_sent});
  m_checkpoint_due = false;
}

std::optional<ResumePoint> RtseSender::point() const {
  if (m_confirmed == 0) return std::nullopt;
  return ResumePoint{m_activity, std::nullopt, m_confirmed, m_confirmed_octets, m_transfer.size, {}};
}

Status RtseSender::checkpoint_confirmed(SerialNumber serial) {
  if (!step(m_state, SenderInput::CheckpointConfirmed)) return unexpected_of_peer("confirmation of a checkpoint");
  if (m_state == State::WaitInterrupt || m_state == State::WaitDiscard) return {};
  // X.228, transfer procedure: one confirmation may stand for all checkpoints up to its own.
  if (m_outstanding.empty() || serial < m_outstanding.front().serial || serial > m_outstanding.back().serial)
    return unexpected_of_peer("confirmation of checkpoint " + std::to_string(serial));
  while (!m_outstanding.empty() && m_outstanding.front().serial <= serial) {
    m_confirmed = m_outstanding.front().serial;
    m_confirmed_octets = m_outstanding.front().octets;
    m_outstanding.pop_front();
  }
  m_events.emplace_back(RtCheckpointConfirmed{*point()});
  flush();
  return {};
}

Status RtseSender::end_confirmed() {
  if (!step(m_state, SenderInput::EndConfirmed)) return unexpected_of_peer("confirmation of the end");
  completed();
  return {};
}

void RtseSender::completed() {
  m_state = State::Idle;
  m_deadline = SteadyTime::max();
  m_events.emplace_back(RtTransferConfirmed{m_activity});
}

Status RtseSender::stop(RtFailure how, ExceptionReason reason, std::string text, SteadyTime now) {
  const bool interrupt = how == RtFailure::Interrupted;
  if (!step(m_state, interrupt ? SenderInput::Interrupt : SenderInput::Discard))
    return fail(ErrorCode::Conflict, "no transfer is under way");
  m_why = std::move(text);
  m_deadline = now + m_limits.recovery;
  m_buffer.clear();
  if (interrupt)
    m_requests.emplace_back(SActivityInterrupt{reason});
  else
    m_requests.emplace_back(SActivityDiscard{reason});
  return {};
}

Status RtseSender::stop_confirmed(RtFailure how) {
  if (!step(m_state, how == RtFailure::Interrupted ? SenderInput::InterruptConfirmed : SenderInput::DiscardConfirmed))
    return unexpected_of_peer("confirmation");
  fail_with(how);
  return {};
}

void RtseSender::fail_with(RtFailure how) {
  m_deadline = SteadyTime::max();
  m_events.emplace_back(RtTransferFailed{how, m_why, how == RtFailure::Discarded ? std::nullopt : point()});
}

Status RtseSender::exception(ExceptionReason reason, std::string text, SteadyTime now) {
  if (!step(m_state, SenderInput::Exception)) return unexpected_of_peer("exception report");
  if (m_state == State::WaitInterrupt || m_state == State::WaitDiscard) return {};
  // X.228, exception procedures: what can go on later is interrupted, the rest, and what has no checkpoint yet, is discarded.
  const bool hopeless = reason == ExceptionReason::UnrecoverableProceduralError || reason == ExceptionReason::UserSequenceError;
  const RtFailure how = hopeless || m_confirmed == 0 ? RtFailure::Discarded : RtFailure::Interrupted;
  return stop(how, ExceptionReason::Unspecified, std::move(text), now);
}

Status RtseSender::tick(SteadyTime now) {
  if (now < m_deadline) return {};
  if (m_state == State::Sending || m_state == State::WaitEnd)
    return stop(RtFailure::Discarded, ExceptionReason::LocalUserError, "the transfer time is over", now);
  m_deadline = SteadyTime::max();
  return fail(ErrorCode::Timeout, "the peer does not answer the end of an activity", "RTSE");
}

void RtseSender::broken(const std::string& text) {
  if (m_state == State::Idle) return;
  const bool discarding = m_state == State::WaitDiscard;
  m_state = State::Idle;
  m_why = text;
  m_buffer.clear();
  fail_with(discarding ? RtFailure::Discarded : RtFailure::Aborted);
}

}  // namespace postern::osi
