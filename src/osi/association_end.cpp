// The end of an association: release and abort, by either side.
#include "osi/association_machine.hpp"
#include "osi/oids.hpp"

namespace postern::osi {

// ---- release

Result<Bytes> Association::Machine::release_user_data(AcseApdu apdu) const {
  if (x410()) return Bytes();  // X.410-1984 has no ACSE, and S-RELEASE no user data
  POSTERN_TRY(const Bytes octets, asn1::encode(apdu));
  return write_user_data(acse_id, octets);
}

Status Association::Machine::release(std::optional<asn1::Any> unbind) {
  if (phase != Phase::Open) return fail(ErrorCode::Conflict, "the association is not open");
  if (rtse && !rose && !rtse->has_turn()) return fail(ErrorCode::Conflict, "the peer has the turn, and with it the release");
  if (rtse && !rose && !rtse->idle()) return fail(ErrorCode::Conflict, "a transfer is under way: wait for its confirmation, or abort");
  if (rose_release) return fail(ErrorCode::Conflict, "the association is being released already");
  RlrqApdu rlrq{ReleaseRequestReason::Normal, std::nullopt};
  if (unbind) rlrq.user_information = information(*std::move(unbind));
  POSTERN_TRY(Bytes user_data, release_user_data({std::move(rlrq)}));
  if (rose) rose->releasing();
  // Users of ROSE know nothing of the turn: the machine asks for it, and lets their last answers go first.
  if (rose && rtse) return rose_release.emplace(SRelease{std::move(user_data)}), Status();
  return send_release(SRelease{std::move(user_data)});
}

Status Association::Machine::send_release(SRelease primitive) {
  POSTERN_CHECK(request_session(std::move(primitive)));
  (void)step(Input::Release);
  return {};
}

std::optional<asn1::Any> Association::Machine::read_release(ByteView user_data) const {
  // A release whose data cannot be read is a release all the same.
  if (x410() || user_data.empty()) return std::nullopt;
  const auto values = read_user_data(user_data, contexts);
  if (!values) return std::nullopt;
  const auto apdu = asn1::decode<AcseApdu>(values->front().octets);
  if (!apdu) return std::nullopt;
  const std::optional<UserInformation>* given = nullptr;
  if (const auto* rlrq = std::get_if<RlrqApdu>(&apdu->value)) given = &rlrq->user_information;
  if (const auto* rlre = std::get_if<RlreApdu>(&apdu->value)) given = &rlre->user_information;
  if (given == nullptr) return std::nullopt;
  const auto value = bind_value(*given);
  return value ? *value : std::nullopt;
}

void Association::Machine::release_requested(const SRelease& indication) {
  if (!step(Input::ReleaseIndication))
    return protocol_error({ErrorCode::BadInput, "a release before the association is open", "S-RELEASE"});
  deliver(ReleaseRequested{read_release(indication.user_data)});
}

Status Association::Machine::answer_release(std::optional<asn1::Any> result) {
  if (phase != Phase::WaitReleaseAnswer) return fail(ErrorCode::Conflict, "there is no release to answer");
  RlreApdu rlre{ReleaseResponseReason::Normal, std::nullopt};
  if (result) rlre.user_information = information(*std::move(result));
  POSTERN_TRY(Bytes user_data, release_user_data({std::move(rlre)}));
  POSTERN_CHECK(request_session(SReleaseResponse{true, std::move(user_data)}));
  (void)step(Input::AnswerRelease);
  deliver(AssociationReleased{});
  return {};
}

void Association::Machine::release_confirmed(const SReleaseResponse& confirm) {
  if (!step(Input::ReleaseConfirm)) return protocol_error({ErrorCode::BadInput, "a release that was not asked for", "S-RELEASE"});
  deliver(AssociationReleased{read_release(confirm.user_data)});
}

// ---- abort

Bytes Association::Machine::abort_user_data(RtseAbortReason reason, AbortSource source) const {
  AbortPpdu abort;
  if (x410()) {
    abort.value = RTABapdu{reason, {}, {}};
  } else {
    AbrtApdu abrt{source, std::nullopt, std::nullopt};
    if (has_rtse() && bind_id != 0)
      if (auto given = rtse_information({RTABapdu{reason, {}, {}}})) abrt.user_information = *std::move(given);
    auto user_data = acse_user_data({std::move(abrt)});
    if (acse_id == 0 || !user_data) return {};
    abort.value = AruPpdu{std::nullopt, *std::move(user_data)};
  }
  auto octets = asn1::encode(abort);
  return octets ? *std::move(octets) : Bytes();
}

void Association::Machine::abort(RtseAbortReason reason, AbortOrigin origin, std::string text) {
  if (phase == Phase::Ended) return;
  const AbortSource source = origin == AbortOrigin::Local ? AbortSource::ServiceUser : AbortSource::ServiceProvider;
  if (!session) {
    transport.disconnect();
  } else if (!request_session(SUAbort{abort_user_data(reason, source)})) {
    // Session version 1 takes nine octets; an abort without a reason is better than none.
    if (!request_session(SUAbort{})) transport.disconnect();
  }
  end(AssociationAborted{origin, text, reason, {}}, text);
}

void Association::Machine::protocol_error(const Error& error) {
  abort(RtseAbortReason::ProtocolError, AbortOrigin::ProtocolError, error.text());
}

void Association::Machine::read_abort(const AruPpdu& aru, AssociationAborted& event) const {
  const auto apdu = read_acse(aru.user_data, contexts);
  const auto* abrt = apdu ? std::get_if<AbrtApdu>(&apdu->value) : nullptr;
  if (abrt == nullptr) return;
  event.text = describe(*abrt);
  if (abrt->source == AbortSource::ServiceProvider) event.origin = AbortOrigin::PeerProvider;
  const auto value = bind_value(abrt->user_information);
  if (!value || !*value) return;
  const auto rtse_apdu = has_rtse() ? asn1::from_any<RtseApdu>(**value) : Result<RtseApdu>(fail(ErrorCode::NotFound, ""));
  const auto* rtab = rtse_apdu ? std::get_if<RTABapdu>(&rtse_apdu->value) : nullptr;
  if (rtab == nullptr) {
    event.user_data = **value;
    return;
  }
  event.rtse_reason = rtab->abort_reason;
  event.user_data = rtab->user_data;
  if (rtab->abort_reason) event.text += ": " + describe(*rtab->abort_reason);
}

AssociationAborted Association::Machine::read_abort(ByteView user_data) const {
  AssociationAborted event{AbortOrigin::PeerUser, "aborted by the peer, without a reason", {}, {}};
  if (user_data.empty()) return event;
  const auto abort = asn1::decode<AbortPpdu>(user_data);
  if (!abort) {
    event.text = "aborted by the peer, and the reason cannot be read: " + abort.error().text();
  } else if (const auto* arp = std::get_if<ArpPpdu>(&abort->value)) {
    event.origin = AbortOrigin::PeerProvider;
    event.text = "aborted by the peer's presentation layer: " + describe(arp->reason.value_or(PresentationAbortReason::NotSpecified));
  } else if (const auto* rtab = std::get_if<RTABapdu>(&abort->value)) {
    event.rtse_reason = rtab->abort_reason;
    event.text = "aborted by the peer" + (rtab->abort_reason ? ": " + describe(*rtab->abort_reason) : "");
  } else {
    read_abort(std::get<AruPpdu>(abort->value), event);
  }
  return event;
}

void Association::Machine::on_abort(const SUAbort& abort) {
  AssociationAborted event = read_abort(abort.user_data);
  const std::string text = event.text;
  const bool completed = event.rtse_reason == RtseAbortReason::TransferCompleted;
  end(std::move(event), text, completed);
}

void Association::Machine::on_abort(const SPAbort& abort) {
  AbortOrigin origin = AbortOrigin::PeerProvider;
  if (abort.reason == PAbortReason::TransportDisconnect) origin = AbortOrigin::NetworkLost;
  if (abort.reason == PAbortReason::ProtocolError) origin = AbortOrigin::ProtocolError;
  if (abort.reason == PAbortReason::Timeout) origin = AbortOrigin::Timeout;
  end(AssociationAborted{origin, abort.text, {}, {}}, abort.text);
}

}  // namespace postern::osi
