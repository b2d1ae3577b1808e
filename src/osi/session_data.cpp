// Data, tokens, synchronization and exceptions: the actions of X.225 7.11 to 7.27.
#include "osi/session_machine.hpp"

namespace postern::osi {

namespace {

Spdu make(SpduKind kind) {
  Spdu spdu;
  spdu.kind = kind;
  return spdu;
}

Tokens tokens_of(const Spdu& spdu) { return Tokens(static_cast<std::uint8_t>(spdu.tokens.value_or(0))) & Tokens::all(); }

}  // namespace

// --- Data

void SessionMachine::send_data(SessionInput& input) { emit(make(SpduKind::DT), input.data); }
void SessionMachine::send_typed_data(SessionInput& input) { emit(make(SpduKind::TD), input.data); }
void SessionMachine::indicate_data(SessionInput& input) { tell(SData{std::move(input.data)}); }
void SessionMachine::indicate_typed_data(SessionInput& input) { tell(STypedData{std::move(input.data)}); }

// --- Tokens

void SessionMachine::send_tokens(SessionInput& input) {
  const Tokens tokens = as<STokenGive>(input).tokens;
  Spdu spdu = make(SpduKind::GT);
  spdu.tokens = tokens.bits;
  emit(spdu, {});
  m_owned = m_owned - tokens;
}

void SessionMachine::indicate_tokens(SessionInput& input) {
  const Tokens tokens = tokens_of(*input.spdu);
  m_owned = m_owned | tokens;
  tell(STokenGive{tokens});
}

void SessionMachine::send_please(SessionInput& input) {
  Spdu spdu = make(SpduKind::PT);
  spdu.tokens = as<STokenPlease>(input).tokens.bits;
  emit(spdu, input.data);
}

// X.225 7.17.2: tokens that were given meanwhile are no longer asked for; the user still hears the rest.
void SessionMachine::indicate_please(SessionInput& input) { tell(STokenPlease{tokens_of(*input.spdu) & m_owned, std::move(input.data)}); }

void SessionMachine::send_control(SessionInput&) {
  emit(make(SpduKind::GTC), {});
  m_owned = Tokens();
}

void SessionMachine::indicate_control(SessionInput&) {
  emit(make(SpduKind::GTA), {});  // 7.18.2
  m_owned = m_available;
  tell(SControlGive{});
}

// --- Synchronization (X.225 5.5 and A.5.4: V(A), V(M), Vsc)

// One point more. The right to confirm lies with the side that did not make the last one; what was made in the other direction
// before counts as confirmed.
void SessionMachine::count_point(bool sent) {
  if (m_may_confirm == sent) m_unconfirmed = m_next;
  m_may_confirm = !sent;
  ++m_next;
}

void SessionMachine::send_minor(SessionInput& input) {
  Spdu spdu = make(SpduKind::MIP);
  if (!as<SSyncMinor>(input).explicit_confirmation) spdu.sync_type = kNoConfirmationNeeded;
  spdu.serial = m_next;
  emit(spdu, input.data);
  count_point(true);
}

void SessionMachine::indicate_minor(SessionInput& input) {
  const bool wants_answer = (input.spdu->sync_type.value_or(0) & kNoConfirmationNeeded) == 0;
  count_point(false);
  tell(SSyncMinor{wants_answer, *input.spdu->serial, std::move(input.data)});
}

// While an exception is being recovered from, points are not told to the user and still counted, so that both sides agree afterwards.
void SessionMachine::count_unseen(SessionInput&) { count_point(false); }

void SessionMachine::send_minor_ack(SessionInput& input) {
  Spdu spdu = make(SpduKind::MIA);
  spdu.serial = as<SSyncMinorResponse>(input).serial;
  emit(spdu, input.data);
  m_unconfirmed = *spdu.serial + 1;
}

void SessionMachine::confirm_minor(SessionInput& input) {
  m_unconfirmed = *input.spdu->serial + 1;
  tell(SSyncMinorResponse{*input.spdu->serial, std::move(input.data)});
}

void SessionMachine::send_major(SessionInput& input) {
  Spdu spdu = make(SpduKind::MAP);
  spdu.sync_type = kNotEndOfActivity;
  spdu.serial = m_next;
  emit(spdu, input.data);
  count_point(true);
}

void SessionMachine::indicate_major(SessionInput& input) {
  count_point(false);
  tell(SSyncMajor{*input.spdu->serial, std::move(input.data)});
}

void SessionMachine::send_major_ack(SessionInput& input) {
  Spdu spdu = make(SpduKind::MAA);
  spdu.serial = m_next - 1;
  emit(spdu, input.data);
  m_unconfirmed = m_next;
}

void SessionMachine::confirm_major(SessionInput& input) {
  m_unconfirmed = m_next;
  tell(SSyncMajorResponse{std::move(input.data)});
}

// --- Exceptions

void SessionMachine::send_exception(SessionInput& input) {
  const Byte reason = static_cast<Byte>(as<SUExceptionReport>(input).reason);
  Spdu spdu = make(SpduKind::ED);
  spdu.reason = ByteView(&reason, 1);
  emit(spdu, input.data);
}

void SessionMachine::indicate_exception(SessionInput& input) {
  tell(SUExceptionReport{static_cast<ExceptionReason>(input.spdu->reason->front()), std::move(input.data)});
}

void SessionMachine::indicate_provider_exception(SessionInput& input) { tell(SPExceptionReport{owned(input.spdu->reflected)}); }

}  // namespace postern::osi
