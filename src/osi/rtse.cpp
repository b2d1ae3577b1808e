#include "osi/rtse.hpp"

#include "asn1/ber.hpp"

namespace postern::osi {

Rtse::Rtse(RtseAgreement agreement, RtseLimits limits)
    : m_agreement(agreement),
      m_limits(limits),
      m_sender(m_agreement, m_limits, m_requests, m_events),
      m_receiver(m_agreement, m_limits, m_requests, m_events),
      m_turn(agreement.turn) {}

Status Rtse::may_send() const {
  if (!m_turn) return fail(ErrorCode::Conflict, "the peer has the turn: ask for it, or wait");
  if (receiving()) return fail(ErrorCode::Conflict, "a transfer of the peer is under way");
  return {};
}

Status Rtse::transfer(RtTransfer transfer, SteadyTime now) {
  POSTERN_CHECK(may_send());
  return m_sender.transfer(transfer, now);
}

Result<std::uint64_t> Rtse::resume(RtTransfer transfer, const ResumePoint& point, bool other_connection, SteadyTime now) {
  POSTERN_CHECK(may_send());
  POSTERN_CHECK(m_sender.resume(transfer, point, other_connection, now));
  return point.octets;
}

Status Rtse::interrupt(SteadyTime now) {
  return m_sender.stop(RtFailure::Interrupted, ExceptionReason::LocalUserError, "interrupted by this side", now);
}

Status Rtse::discard(SteadyTime now) {
  return m_sender.stop(RtFailure::Discarded, ExceptionReason::LocalUserError, "discarded by this side", now);
}

Status Rtse::give_turn() {
  POSTERN_CHECK(may_send());
  // X.218 8.5: only in a two-way alternate dialogue, and not within an activity.
  if (m_agreement.dialogue == DialogueMode::Monologue)
    return fail(ErrorCode::Conflict, "the dialogue is a monologue: there is no turn to give");
  if (sending()) return fail(ErrorCode::Conflict, "a transfer is under way: wait for its confirmation");
  m_turn = false;
  m_requests.emplace_back(SControlGive{});
  return {};
}

Status Rtse::please_turn(std::int64_t priority) {
  if (m_turn) return fail(ErrorCode::Conflict, "the turn is here already");
  if (m_agreement.dialogue == DialogueMode::Monologue)
    return fail(ErrorCode::Conflict, "the dialogue is a monologue: the peer keeps the turn");
  POSTERN_TRY(Bytes rttp, asn1::encode(priority));
  m_requests.emplace_back(STokenPlease{Tokens::of(Token::Data), std::move(rttp)});
  return {};
}

Status Rtse::pleased(const STokenPlease& please) {
  RtTurnPleased event;
  if (!please.user_data.empty()) {
    POSTERN_TRY(event.priority, asn1::decode<RTTPapdu>(please.user_data));
  }
  m_events.emplace_back(event);
  return {};
}

Status Rtse::turn_event(const SessionEvent& event) {
  if (const auto* please = std::get_if<STokenPlease>(&event)) return pleased(*please);
  if (const auto* give = std::get_if<STokenGive>(&event); give != nullptr && !give->tokens.has(Token::MajorActivity)) return {};
  if (m_turn) return fail(ErrorCode::BadInput, "the peer gives a turn that it does not have", "RTSE");
  m_turn = true;
  m_events.emplace_back(RtTurnGiven{});
  return {};
}

Status Rtse::sender_event(const SessionEvent& event, SteadyTime now) {
  if (const auto* sync = std::get_if<SSyncMinorResponse>(&event)) return m_sender.checkpoint_confirmed(sync->serial);
  if (std::holds_alternative<SActivityEndResponse>(event)) return m_sender.end_confirmed();
  if (std::holds_alternative<SActivityInterruptResponse>(event)) return m_sender.stop_confirmed(RtFailure::Interrupted);
  if (std::holds_alternative<SActivityDiscardResponse>(event)) return m_sender.stop_confirmed(RtFailure::Discarded);
  if (const auto* report = std::get_if<SUExceptionReport>(&event))
    return m_sender.exception(report->reason, "the peer reports: " + describe(report->reason), now);
  return m_sender.exception(ExceptionReason::Unspecified, "the peer's session layer reports an exception", now);
}

Status Rtse::receiver_event(SessionEvent event) {
  if (auto* start = std::get_if<SActivityStart>(&event)) return m_receiver.started(std::move(*start));
  if (auto* resume = std::get_if<SActivityResume>(&event)) return m_receiver.resumed(std::move(*resume));
  if (const auto* data = std::get_if<SData>(&event)) return m_receiver.data(data->user_data);
  if (const auto* sync = std::get_if<SSyncMinor>(&event)) return m_receiver.checkpoint(sync->serial);
  if (std::holds_alternative<SActivityEnd>(event)) return m_receiver.ended();
  return m_receiver.stopped(std::holds_alternative<SActivityInterrupt>(event) ? RtFailure::Interrupted : RtFailure::Discarded);
}

namespace {

enum class Goes : std::uint8_t { Turn, Sender, Receiver, Nowhere };

template <class... Each>
struct Overloaded : Each... {
  using Each::operator()...;
};
template <class... Each>
Overloaded(Each...) -> Overloaded<Each...>;

Goes destination(const SessionEvent& event) {
  return std::visit(Overloaded{
                        [](const STokenPlease&) { return Goes::Turn; },
                        [](const STokenGive&) { return Goes::Turn; },
                        [](const SControlGive&) { return Goes::Turn; },
                        [](const SSyncMinorResponse&) { return Goes::Sender; },
                        [](const SActivityEndResponse&) { return Goes::Sender; },
                        [](const SActivityInterruptResponse&) { return Goes::Sender; },
                        [](const SActivityDiscardResponse&) { return Goes::Sender; },
                        [](const SUExceptionReport&) { return Goes::Sender; },
                        [](const SPExceptionReport&) { return Goes::Sender; },
                        [](const SActivityStart&) { return Goes::Receiver; },
                        [](const SActivityResume&) { return Goes::Receiver; },
                        [](const SData&) { return Goes::Receiver; },
                        [](const SSyncMinor&) { return Goes::Receiver; },
                        [](const SActivityEnd&) { return Goes::Receiver; },
                        [](const SActivityInterrupt&) { return Goes::Receiver; },
                        [](const SActivityDiscard&) { return Goes::Receiver; },
                        [](const auto&) { return Goes::Nowhere; },
                    },
                    event);
}

}  // namespace

Status Rtse::receive(SessionEvent event, SteadyTime now) {
  switch (destination(event)) {
    case Goes::Turn: return turn_event(event);
    case Goes::Sender: return sender_event(event, now);
    case Goes::Receiver: return receiver_event(std::move(event));
    case Goes::Nowhere: break;
  }
  return fail(ErrorCode::BadInput, std::string(name_of(event)) + " has no place in reliable transfer", "RTSE");
}

void Rtse::broken(const std::string& text, bool completed) {
  m_requests.clear();
  if (completed && m_sender.state() != RtseSender::State::Idle)
    m_sender.completed();
  else
    m_sender.broken(text);
  m_receiver.broken();
}

std::optional<SessionRequest> Rtse::take_request() {
  if (m_requests.empty()) return std::nullopt;
  SessionRequest request = std::move(m_requests.front());
  m_requests.pop_front();
  return request;
}

std::optional<RtseEvent> Rtse::next_event() {
  if (m_events.empty()) return std::nullopt;
  RtseEvent event = std::move(m_events.front());
  m_events.pop_front();
  return event;
}

}  // namespace postern::osi
