// An open association: data between the session layer, RTSE and ROSE.
#include <algorithm>

#include "osi/association_machine.hpp"
#include "osi/oids.hpp"

namespace postern::osi {

namespace {
tl::unexpected<Error> bad(std::string what, std::string field) { return fail(ErrorCode::BadInput, std::move(what), std::move(field)); }
}  // namespace

// ---- up

Result<Bytes> Association::Machine::unwrap(ByteView ssdu) const {
  POSTERN_TRY(auto values, read_user_data(ssdu, contexts));
  // X.228 8.3.1: RTSE's APDUs are on the context that has its abstract syntax.
  if (values.size() != 1 || values.front().context != bind_id) return bad("other data than reliable transfer's", "User-data");
  return std::move(values.front().octets);
}

Result<Bytes> Association::Machine::unwrap_rttr(ByteView ssdu) const {
  POSTERN_TRY(const Bytes octets, unwrap(ssdu));
  ByteView rest = octets;
  Bytes piece;
  do {
    POSTERN_TRY(RTTRapdu rttr, asn1::decode_front<RTTRapdu>(rest));
    if (piece.empty())
      piece = std::move(rttr.octets);
    else
      append(piece, rttr.octets);
  } while (!rest.empty());
  return piece;
}

Status Association::Machine::on_data(SessionEvent event) {
  auto* data = std::get_if<SData>(&event);
  auto* typed = std::get_if<STypedData>(&event);
  if (!rtse) {
    if (data != nullptr) return on_rose_data(data->user_data);
    if (typed != nullptr) return on_rose_data(typed->user_data);
    return bad(std::string(name_of(event)) + " has no place in remote operations", "session");
  }
  if (!x410() && data != nullptr) {
    POSTERN_TRY(data->user_data, unwrap_rttr(data->user_data));
  } else if (auto* please = std::get_if<STokenPlease>(&event); please != nullptr && !x410() && !please->user_data.empty()) {
    POSTERN_TRY(please->user_data, unwrap(please->user_data));
  }
  return rtse->receive(std::move(event), now);
}

Status Association::Machine::on_rose_data(ByteView ssdu) {
  POSTERN_TRY(const auto values, read_user_data(ssdu, contexts));
  for (const PresentationValue& value : values) {
    if (value.context == acse_id) return bad("data on the context of association control", "User-data");
    rose->receive(value.context, value.octets);
  }
  return {};
}

// ---- down

Status Association::Machine::send_rtse(SessionRequest primitive) {
  if (auto* data = std::get_if<SData>(&primitive); data != nullptr && !x410()) {
    Bytes rttr;
    rttr.reserve(data->user_data.size() + 8);
    asn1::write_header(rttr, asn1::universal(4), false, data->user_data.size());
    append(rttr, data->user_data);
    data->user_data = write_user_data(bind_id, rttr);
  } else if (auto* please = std::get_if<STokenPlease>(&primitive); please != nullptr && !x410()) {
    please->user_data = write_user_data(bind_id, please->user_data);
  }
  return request_session(std::move(primitive));
}

Status Association::Machine::pump_rtse() {
  for (bool more = true; more;) {
    more = false;
    if (rose) POSTERN_CHECK(pump_rose_over_rtse());
    // Who has just given the turn may wish it back at once: the wish leaves when the peer has answered (X.225, STA 18).
    while (!session->waits_for_control_ack()) {
      auto primitive = rtse->take_request();
      if (!primitive) break;
      POSTERN_CHECK(send_rtse(*std::move(primitive)));
      more = true;
    }
    while (auto event = rtse->next_event()) {
      POSTERN_CHECK(on_rtse_event(*std::move(event)));
      more = true;
    }
  }
  if (rose)
    while (auto event = rose->next_event()) std::visit([this](auto& each) { deliver(std::move(each)); }, *event);
  return {};
}

Status Association::Machine::pump_rose() {
  while (auto apdu = rose->take_apdu()) POSTERN_CHECK(request_session(SData{write_user_data(apdu->context, apdu->apdu)}));
  while (auto event = rose->next_event()) std::visit([this](auto& each) { deliver(std::move(each)); }, *event);
  return {};
}

Status Association::Machine::on_rtse_event(RtseEvent event) {
  if (rose) return rose_over_rtse_event(std::move(event));
  std::visit([this](auto& each) { deliver(std::move(each)); }, event);
  return {};
}

// ---- ROSE over RTSE (X.229 8.2): each APDU is one transfer, and the turn goes to who has something to say

Status Association::Machine::pump_rose_over_rtse() {
  if (phase != Phase::Open) return {};
  if (rose_out) {
    while (const std::size_t wanted = rtse->wants_octets()) {
      const ByteView rest = ByteView(rose_out->apdu).subspan(rose_sent);
      const std::size_t take = std::min(wanted, rest.size());
      POSTERN_CHECK(rtse->supply(rest.first(take), take == rest.size()));
      rose_sent += take;
    }
    return {};
  }
  if (!rtse->idle()) return {};
  if (!rtse->has_turn()) {
    if ((!rose->has_apdu() && !rose_release) || turn_pleased) return {};
    turn_pleased = true;
    return rtse->please_turn(0);
  }
  rose_out = rose->take_apdu();
  if (rose_out) {
    rose_sent = 0;
    RtTransfer transfer;
    transfer.context = rose_out->context;
    transfer.size = rose_out->apdu.size();
    return rtse->transfer(transfer, now);
  }
  if (rose_release) return send_release(*std::exchange(rose_release, {}));
  if (!peer_pleases) return {};
  peer_pleases = false;
  return rtse->give_turn();
}

Status Association::Machine::rose_over_rtse_event(RtseEvent event) {
  if (std::holds_alternative<RtTurnGiven>(event)) turn_pleased = false;
  if (std::holds_alternative<RtTurnPleased>(event)) peer_pleases = true;
  if (std::holds_alternative<RtTransferConfirmed>(event)) rose_out.reset();
  if (const auto* failed = std::get_if<RtTransferFailed>(&event))
    return fail(ErrorCode::Unavailable, "a remote operation could not be transferred: " + failed->text);
  if (std::holds_alternative<RtTransferBegin>(event) || std::holds_alternative<RtTransferStopped>(event)) Bytes().swap(rose_in);
  if (const auto* octets = std::get_if<RtTransferOctets>(&event)) {
    if (rose_in.size() + octets->octets.size() > options.limits.max_apdu)
      return rtse->receiving() ? rtse->refuse(ExceptionReason::UnrecoverableProceduralError) : Status();
    append(rose_in, octets->octets);
  }
  if (const auto* checkpoint = std::get_if<RtTransferCheckpoint>(&event)) (void)rtse->confirm_checkpoint(checkpoint->point.serial);
  if (const auto* whole = std::get_if<RtTransferEnd>(&event)) {
    POSTERN_CHECK(rtse->confirm_end());
    const std::int64_t context = whole->context.value_or(apdu_id);
    if (contexts.syntax_of(context) == nullptr)
      return bad("presentation context " + std::to_string(context) + " is not agreed on", "EXTERNAL");
    rose->receive(context, std::exchange(rose_in, {}));
  }
  // An operation is small: it is sent anew, not resumed.
  if (std::holds_alternative<RtResumeRequested>(event)) return rtse->refuse(ExceptionReason::UnrecoverableProceduralError);
  return {};
}

// ---- the face

Status Association::Machine::use_rtse(std::string_view what) {
  if (!rtse || rose) return fail(ErrorCode::Conflict, "this association has no reliable transfer of its user's");
  return step_or_conflict(Input::Use, what);
}

Status Association::transfer(RtTransfer transfer) {
  POSTERN_CHECK(m_machine->use_rtse("a transfer"));
  transfer.context = m_machine->apdu_id;
  if (transfer.context == 0 && !m_machine->x410())
    return fail(ErrorCode::NotFound, "the peer did not accept the abstract syntax of the APDU");
  Status done = m_machine->rtse->transfer(transfer, m_machine->now);
  m_machine->pump();
  return done;
}

Result<std::uint64_t> Association::resume(RtTransfer transfer, const ResumePoint& point, bool other_connection) {
  POSTERN_CHECK(m_machine->use_rtse("a transfer"));
  transfer.context = m_machine->apdu_id;
  if (transfer.context == 0 && !m_machine->x410())
    return fail(ErrorCode::NotFound, "the peer did not accept the abstract syntax of the APDU");
  auto done = m_machine->rtse->resume(transfer, point, other_connection, m_machine->now);
  m_machine->pump();
  return done;
}

std::size_t Association::wants_octets() const noexcept {
  const Machine& machine = *m_machine;
  if (!machine.rtse || machine.rose || machine.phase != AssociationPhase::Open) return 0;
  return machine.output.size() < machine.options.limits.output_mark ? machine.rtse->wants_octets() : 0;
}

Status Association::supply(ByteView octets, bool last) {
  POSTERN_CHECK(m_machine->use_rtse("octets of a transfer"));
  Status done = m_machine->rtse->supply(octets, last);
  m_machine->pump();
  return done;
}

namespace {
/// A request to RTSE, and then the layers below.
template <class Machine, class Request>
Status use(Machine& machine, std::string_view what, Request request) {
  POSTERN_CHECK(machine.use_rtse(what));
  Status done = request(*machine.rtse);
  machine.pump();
  return done;
}
/// An answer, which the end of the association may have overtaken.
template <class Machine, class Answer>
Status answer(Machine& machine, Answer give) {
  if (machine.phase == AssociationPhase::Ended) return {};
  return use(machine, "an answer", give);
}
}  // namespace

Status Association::interrupt() {
  return use(*m_machine, "an interrupt", [this](Rtse& rtse) { return rtse.interrupt(m_machine->now); });
}
Status Association::discard() {
  return use(*m_machine, "a discard", [this](Rtse& rtse) { return rtse.discard(m_machine->now); });
}
Status Association::confirm_checkpoint(SerialNumber serial) {
  return answer(*m_machine, [&](Rtse& rtse) { return rtse.confirm_checkpoint(serial); });
}
Status Association::confirm_end() {
  return answer(*m_machine, [](Rtse& rtse) { return rtse.confirm_end(); });
}
Status Association::refuse_transfer(ExceptionReason reason) {
  return answer(*m_machine, [&](Rtse& rtse) { return rtse.refuse(reason); });
}
Status Association::accept_resume(const ResumePoint& point) {
  return answer(*m_machine, [&](Rtse& rtse) { return rtse.accept_resume(point); });
}
Status Association::give_turn() {
  return use(*m_machine, "the turn", [](Rtse& rtse) { return rtse.give_turn(); });
}
Status Association::please_turn(std::int64_t priority) {
  return use(*m_machine, "the turn", [&](Rtse& rtse) { return rtse.please_turn(priority); });
}

Status Association::refuse_resume(ResumeRefusal refusal) {
  if (m_machine->phase == AssociationPhase::Ended) return {};
  POSTERN_CHECK(m_machine->use_rtse("an answer"));
  if (!m_machine->rtse->waits_for_decision()) return fail(ErrorCode::Conflict, "there is no resumed transfer to refuse");
  // X.228, RTAB: what the sender does next hangs on the reason: begin anew, or take it as confirmed.
  if (refusal == ResumeRefusal::Completed)
    abort(RtseAbortReason::TransferCompleted, "the peer resumed a transfer that is complete here");
  else
    abort(RtseAbortReason::UnrecognizedActivity, "the peer resumed a transfer that is not known here");
  return {};
}

namespace {
template <class Machine>
Status use_rose(Machine& machine) {
  if (!machine.rose) return fail(ErrorCode::Conflict, "this association has no remote operations, or is not open");
  return machine.step_or_conflict(AssociationInput::Use, "a remote operation");
}
}  // namespace

Result<std::int64_t> Association::invoke(const asn1::Oid& abstract_syntax, RoseInvocation invocation) {
  POSTERN_CHECK(use_rose(*m_machine));
  const auto context = m_machine->contexts.id_of(abstract_syntax);
  if (!context) return fail(ErrorCode::NotFound, "the peer did not accept " + oid::describe(abstract_syntax));
  auto id = m_machine->rose->invoke(*context, std::move(invocation));
  m_machine->pump();
  return id;
}

Status Association::result(std::int64_t invoke_id, std::optional<RorsApdu::Outcome> outcome) {
  if (m_machine->phase == AssociationPhase::Ended) return {};
  POSTERN_CHECK(use_rose(*m_machine));
  Status done = m_machine->rose->result(invoke_id, std::move(outcome));
  m_machine->pump();
  return done;
}

Status Association::error(std::int64_t invoke_id, RoseCode error, std::optional<asn1::Any> parameter) {
  if (m_machine->phase == AssociationPhase::Ended) return {};
  POSTERN_CHECK(use_rose(*m_machine));
  Status done = m_machine->rose->error(invoke_id, std::move(error), std::move(parameter));
  m_machine->pump();
  return done;
}

Status Association::reject(std::int64_t invoke_id, InvokeProblem problem) {
  if (m_machine->phase == AssociationPhase::Ended) return {};
  POSTERN_CHECK(use_rose(*m_machine));
  Status done = m_machine->rose->reject(invoke_id, problem);
  m_machine->pump();
  return done;
}

void Association::forget(std::int64_t invoke_id) {
  if (m_machine->rose) m_machine->rose->forget(invoke_id);
}

}  // namespace postern::osi
