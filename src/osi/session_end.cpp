// Release, abort and the end of the transport connection: the actions of X.225 7.6 to 7.10.
#include "osi/session_machine.hpp"

namespace postern::osi {

void SessionMachine::send_finish(SessionInput& input) {
  Spdu spdu;
  spdu.kind = SpduKind::FN;
  spdu.transport_disconnect = kTransportReleased;
  m_collided = false;
  m_finishing = true;
  emit(spdu, input.data);
}

void SessionMachine::send_disconnect(SessionInput& input) {
  Spdu spdu;
  spdu.kind = SpduKind::DN;
  emit(spdu, input.data);
}

void SessionMachine::send_not_finished(SessionInput& input) {
  Spdu spdu;
  spdu.kind = SpduKind::NF;
  emit(spdu, input.data);
}

void SessionMachine::indicate_release(SessionInput& input) {
  m_collided = false;
  tell(SRelease{std::move(input.data)});
}

// X.225 7.6.3: both sides finish at once, which only happens without tokens. Each answers the other's FINISH; whoever gets the second
// DISCONNECT lets the transport connection go.
void SessionMachine::indicate_release_collision(SessionInput& input) {
  m_collided = true;
  tell(SRelease{std::move(input.data)});
}

void SessionMachine::confirm_release(SessionInput& input) {
  tell(SReleaseResponse{true, std::move(input.data)});
  m_wants_disconnect = true;
}

void SessionMachine::confirm_release_collision(SessionInput& input) {
  m_collided = false;
  tell(SReleaseResponse{true, std::move(input.data)});
}

void SessionMachine::confirm_no_release(SessionInput& input) {
  m_finishing = false;
  tell(SReleaseResponse{false, std::move(input.data)});
}

void SessionMachine::send_user_abort(SessionInput& input) {
  Spdu spdu;
  spdu.kind = SpduKind::AB;
  spdu.transport_disconnect = kTransportReleased | kUserAbort;
  emit(spdu, input.data);
}

void SessionMachine::drop_transport(SessionInput&) { m_wants_disconnect = true; }

namespace {

PAbortReason reason_from(std::uint32_t bits) {
  if ((bits & kProtocolErrorAbort) != 0) return PAbortReason::PeerProtocolError;
  if ((bits & kImplementationRestriction) != 0) return PAbortReason::PeerRestriction;
  return PAbortReason::PeerUnspecified;
}

std::string_view text_of(PAbortReason reason) {
  switch (reason) {
    case PAbortReason::PeerProtocolError: return "the peer's session provider aborts: protocol error on our side";
    case PAbortReason::PeerRestriction: return "the peer's session provider aborts: an implementation restriction that its PICS states";
    default: return "the peer's session provider aborts and gives no reason";
  }
}

}  // namespace

void SessionMachine::indicate_abort(SessionInput& input) {
  const std::uint32_t bits = input.spdu->transport_disconnect.value_or(0);
  m_wants_disconnect = true;  // X.225 7.9.2: also where the peer would keep it; transport connections are not used twice here
  if ((bits & kUserAbort) != 0) return tell(SUAbort{std::move(input.data)});
  const PAbortReason reason = reason_from(bits);
  tell(SPAbort{reason, std::string(text_of(reason)), owned(input.spdu->reflected)});
}

void SessionMachine::give_up_idle(SessionInput&) {
  m_wants_disconnect = true;
  tell(SPAbort{PAbortReason::Timeout, "no CONNECT came in time", {}});
}

void SessionMachine::time_out(SessionInput&) {
  abort_by_provider(PAbortReason::Timeout, kNoReason,
                    "the peer did not answer in time (in state \"" + std::string(name_of(m_state)) + "\")");
}

void SessionMachine::lose_transport(SessionInput&) {
  tell(SPAbort{PAbortReason::TransportDisconnect, "the transport connection is gone: " + m_why, {}});
}

// X.225 A.5.4.1: GIVE TOKENS ACK, and what crosses an interrupt or an abort, have no effect but that of the row.
void SessionMachine::discard(SessionInput&) {}

}  // namespace postern::osi
