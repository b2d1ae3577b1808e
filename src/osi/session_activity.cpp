// Activities: the actions of X.225 7.28 to 7.37.
#include "osi/session_machine.hpp"

namespace postern::osi {

namespace {

ExceptionReason reason_of(const Spdu& spdu) {
  return spdu.reason && !spdu.reason->empty() ? static_cast<ExceptionReason>(spdu.reason->front()) : ExceptionReason::Unspecified;
}

Spdu make(SpduKind kind) {
  Spdu spdu;
  spdu.kind = kind;
  return spdu;
}

}  // namespace

// X.225 A.5.4: V(A) = V(M) = the first point's number, which nobody has made yet.
void SessionMachine::begin_activity(SerialNumber next) {
  m_activity = true;
  m_next = m_unconfirmed = next;
  m_may_confirm = false;
}

void SessionMachine::end_activity() {
  m_activity = false;
  m_assembly.reset();
}

// X.215 13.13, 13.14: behind an interrupt or a discard all available tokens are with the side that asked for it.
void SessionMachine::take_all_tokens(bool ours) { m_owned = ours ? m_available : Tokens(); }

void SessionMachine::send_start(SessionInput& input) {
  Spdu spdu = make(SpduKind::AS);
  spdu.activity = as<SActivityStart>(input).activity;
  emit(spdu, input.data);
  begin_activity(1);
}

void SessionMachine::indicate_start(SessionInput& input) {
  begin_activity(1);
  tell(SActivityStart{owned(input.spdu->activity), std::move(input.data)});
}

void SessionMachine::send_resume(SessionInput& input) {
  const SActivityResume& resume = as<SActivityResume>(input);
  Spdu spdu = make(SpduKind::AR);
  spdu.called_reference = sent(resume.called_reference);
  spdu.calling_reference = sent(resume.calling_reference);
  spdu.common_reference = sent(resume.common_reference);
  spdu.additional_information = sent(resume.additional_information);
  spdu.old_activity = resume.old_activity;
  spdu.serial = resume.serial;
  spdu.activity = resume.activity;
  emit(spdu, input.data);
  begin_activity(resume.serial + 1);
}

void SessionMachine::indicate_resume(SessionInput& input) {
  const Spdu& spdu = *input.spdu;
  begin_activity(*spdu.serial + 1);
  tell(SActivityResume{owned(spdu.activity), owned(spdu.old_activity), *spdu.serial, owned(spdu.calling_reference),
                       owned(spdu.called_reference), owned(spdu.common_reference), owned(spdu.additional_information),
                       std::move(input.data)});
}

void SessionMachine::send_interrupt(SessionInput& input) {
  const Byte reason = static_cast<Byte>(as<SActivityInterrupt>(input).reason);
  Spdu spdu = make(SpduKind::AI);
  spdu.reason = ByteView(&reason, 1);
  emit(spdu, {});
}

void SessionMachine::indicate_interrupt(SessionInput& input) {
  m_assembly.reset();
  tell(SActivityInterrupt{reason_of(*input.spdu)});
}

void SessionMachine::send_interrupt_ack(SessionInput&) {
  emit(make(SpduKind::AIA), {});
  end_activity();
  take_all_tokens(false);
}

void SessionMachine::confirm_interrupt(SessionInput&) {
  end_activity();
  take_all_tokens(true);
  tell(SActivityInterruptResponse{});
}

void SessionMachine::send_discard(SessionInput& input) {
  const Byte reason = static_cast<Byte>(as<SActivityDiscard>(input).reason);
  Spdu spdu = make(SpduKind::AD);
  spdu.reason = ByteView(&reason, 1);
  emit(spdu, {});
}

void SessionMachine::indicate_discard(SessionInput& input) {
  m_assembly.reset();
  tell(SActivityDiscard{reason_of(*input.spdu)});
}

void SessionMachine::send_discard_ack(SessionInput&) {
  emit(make(SpduKind::ADA), {});
  end_activity();
  take_all_tokens(false);
}

void SessionMachine::confirm_discard(SessionInput&) {
  end_activity();
  take_all_tokens(true);
  tell(SActivityDiscardResponse{});
}

void SessionMachine::send_end(SessionInput& input) {
  Spdu spdu = make(SpduKind::AE);
  spdu.serial = m_next;
  emit(spdu, input.data);
  count_point(true);
}

void SessionMachine::indicate_end(SessionInput& input) {
  count_point(false);
  tell(SActivityEnd{*input.spdu->serial, std::move(input.data)});
}

void SessionMachine::send_end_ack(SessionInput& input) {
  Spdu spdu = make(SpduKind::MAA);
  spdu.serial = m_next - 1;
  emit(spdu, input.data);
  m_unconfirmed = m_next;
  end_activity();
}

void SessionMachine::confirm_end(SessionInput& input) {
  m_unconfirmed = m_next;
  end_activity();
  tell(SActivityEndResponse{std::move(input.data)});
}

void SessionMachine::answer_late_interrupt(SessionInput&) {
  emit(make(SpduKind::AIA), {});
  take_all_tokens(false);
}

void SessionMachine::answer_late_discard(SessionInput&) {
  emit(make(SpduKind::ADA), {});
  take_all_tokens(false);
}

}  // namespace postern::osi
