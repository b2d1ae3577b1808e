// Opening an association: the responder's side.
#include <algorithm>

#include "osi/association_machine.hpp"
#include "osi/oids.hpp"

namespace postern::osi {

namespace {

tl::unexpected<Error> bad(std::string what, std::string field) { return fail(ErrorCode::BadInput, std::move(what), std::move(field)); }

/// The identifier of the session connection, where the peer's is in RTSE's form.
std::optional<SessionConnectionIdentifier> read_identifier(const ConnectionIdentifier& id) {
  auto reference = asn1::decode<CallingSSuserReference>(id.user_reference);
  auto common = asn1::decode<asn1::UtcTime>(id.common_reference);
  if (!reference || !common) return std::nullopt;
  SessionConnectionIdentifier made{*std::move(reference), *std::move(common), std::nullopt};
  if (auto more = asn1::decode<asn1::TeletexString>(id.additional_information)) made.additional_reference_information = *std::move(more);
  return made;
}

/// X.228, RTOAC: each value is negotiated down; 0 proposed leaves the checkpoint size to us.
RTOACapdu agree(const RTORQapdu& proposed, const AssociationOptions& options) {
  RTOACapdu made;
  made.checkpoint_size =
      proposed.checkpoint_size == 0 ? options.checkpoint_size : std::min(proposed.checkpoint_size, options.checkpoint_size);
  made.window_size = std::min(proposed.window_size, options.window_size);
  return made;
}

Status check_proposal(const RTORQapdu& rtorq) {
  if (rtorq.checkpoint_size < 0 || rtorq.checkpoint_size > 0x7FFFFFFF) return bad("is not in 0..2^31-1", "checkpointSize");
  if (rtorq.window_size < 0 || rtorq.window_size > 0x7FFFFFFF) return bad("is not in 0..2^31-1", "windowSize");
  if (rtorq.dialogue_mode != DialogueMode::Monologue && rtorq.dialogue_mode != DialogueMode::TwoWayAlternate)
    return bad("is neither monologue nor two-way alternate", "dialogueMode");
  return {};
}

}  // namespace

void Association::Machine::requested(SConnect connect) {
  if (!step(Input::Requested)) return protocol_error({ErrorCode::BadInput, "a second connect", "S-CONNECT"});
  const Bytes user_data = std::exchange(connect.user_data, {});
  connection = std::move(connect);
  calling.session = connection.calling_selector;
  called.session = connection.called_selector;
  session_id = read_identifier(connection.identifier);
  const auto cp = asn1::decode<CpPpdu>(user_data);
  if (!cp) return refuse_presentation(PresentationRefuseReason::UserDataNotReadable, cp.error().text(), AbortOrigin::ProtocolError);
  is_x410 = cp->mode_selector.mode == PresentationMode::X410;
  Status done;
  if (is_x410)
    done = cp->x410_mode ? requested_x410(*cp->x410_mode) : bad("is missing", "x410-mode-parameters");
  else
    done = cp->normal_mode ? requested_normal(*cp->normal_mode) : bad("is missing", "normal-mode-parameters");
  if (!done) refuse_presentation(PresentationRefuseReason::UserDataNotReadable, done.error().text(), AbortOrigin::ProtocolError);
}

AssociationRequested Association::Machine::request_event() const {
  AssociationRequested event;
  event.service = service_index;
  event.calling = calling;
  event.called = called;
  event.connection = session_id;
  event.initial_turn = connection.token_settings.major_activity != TokenSetting::Requestor;
  return event;
}

void Association::Machine::take_rtorq(const RTORQapdu& given, AssociationRequested& event) {
  rtorq = given;
  event.data = given.connection_data;
  event.checkpoint_size = given.checkpoint_size;
  event.window_size = given.window_size;
  event.dialogue = given.dialogue_mode;
}

Status Association::Machine::requested_x410(const RTORQapdu& given) {
  POSTERN_CHECK(check_proposal(given));
  // X.410-1984 4.2.1: P1 where no application protocol stands.
  const std::int64_t protocol = given.application_protocol.value_or(1);
  const auto found = std::ranges::find_if(options.services, [&](const AssociationService& each) {
    return each.profile == AssociationProfile::RtseX410 && each.application_protocol == protocol;
  });
  const bool has_units = (connection.requirements & kRtseUnits) == kRtseUnits;
  if (found == options.services.end() || !has_units) {
    CprPpdu cpr;
    cpr.value = RTORJapdu{RtseRefuseReason::ValidationFailure, {}};
    POSTERN_TRY(Bytes user_data, asn1::encode(cpr));
    (void)request_session(SConnectRefuse{RefuseReason::UserData, connection.identifier, std::move(user_data)});
    end(
        AssociationAborted{
            AbortOrigin::Local, "application protocol " + std::to_string(protocol) + " in X.410-1984 mode is not offered: refused", {}, {}},
        "");
    return {};
  }
  service_index = static_cast<std::size_t>(found - options.services.begin());
  service = &*found;
  AssociationRequested event = request_event();
  take_rtorq(given, event);
  deliver(std::move(event));
  return {};
}

Status Association::Machine::requested_normal(const CpPpdu::Normal& cp) {
  called.presentation = selector_of(cp.called_selector);
  calling.presentation = selector_of(cp.calling_selector);
  if (!cp.protocol_version.test(0)) {
    refuse_presentation(PresentationRefuseReason::VersionNotSupported, "presentation protocol version 1 is not proposed: refused",
                        AbortOrigin::ProtocolError);
    return {};
  }
  // X.226 6.2.4.1: the called selector is ours or the connection is refused.
  if (options.presentation_selector && *options.presentation_selector != called.presentation) {
    refuse_presentation(PresentationRefuseReason::CalledAddressUnknown, "the called presentation selector is not ours: refused",
                        AbortOrigin::Local);
    return {};
  }
  // ACSE's context alone first: which others are wanted depends on the application context, which stands in its APDU.
  const std::vector<ContextDefinition> proposed = cp.contexts.value_or(std::vector<ContextDefinition>());
  POSTERN_TRY(contexts, PresentationContexts::answer(proposed, {oid::acse()}));
  acse_id = contexts.id_of(oid::acse()).value_or(0);
  POSTERN_TRY(const AcseApdu apdu, read_acse(cp.user_data, contexts));
  const auto* aarq = std::get_if<AarqApdu>(&apdu.value);
  if (aarq == nullptr) return bad(std::string(name_of(apdu)) + " where AARQ should be", "user-data");
  return requested_service(cp, *aarq);
}

Status Association::Machine::requested_service(const CpPpdu::Normal& cp, const AarqApdu& aarq) {
  const auto found = std::ranges::find_if(options.services, [&](const AssociationService& each) {
    return each.profile != AssociationProfile::RtseX410 && each.application_context == aarq.application_context;
  });
  AssociationRefusal refusal;
  application_context = aarq.application_context;  // AARE names the one that was asked for
  if (found == options.services.end()) {
    refusal.diagnostic = AcseUserDiagnostic::ApplicationContextNotSupported;
    refuse_acse(refusal, "application context " + oid::describe(aarq.application_context) + " is not offered: refused");
    return {};
  }
  service_index = static_cast<std::size_t>(found - options.services.begin());
  service = &*found;
  POSTERN_TRY(contexts, PresentationContexts::answer(cp.contexts.value_or(std::vector<ContextDefinition>()), all_syntaxes()));
  bind_id = contexts.id_of(service->bind_syntax).value_or(0);
  if (bind_id == 0 && (has_rtse() || aarq.user_information)) {
    refuse_acse(refusal,
                "no context of " + oid::describe(service->bind_syntax) + " can be agreed on: refused; " + describe_refused(contexts));
    return {};
  }
  if ((connection.requirements & units()) != units()) {
    refuse_acse(refusal, "the session functional units that " + service->name + " needs are not proposed: refused");
    return {};
  }
  AssociationRequested event = request_event();
  event.called_title = called_title(aarq);
  event.calling_title = calling_title(aarq);
  event.refused_contexts = describe_refused(contexts);
  POSTERN_CHECK(read_request(aarq, event));
  // X.229 8.2: replies need the turn, so a monologue is no dialogue for remote operations.
  if (has_rose() && has_rtse() && rtorq.dialogue_mode == DialogueMode::Monologue) {
    refusal.rtse_reason = RtseRefuseReason::UnacceptableDialogueMode;
    refuse_acse(refusal, service->name + " needs a two-way alternate dialogue, a monologue is proposed: refused");
    return {};
  }
  deliver(std::move(event));
  return {};
}

Status Association::Machine::read_request(const AarqApdu& aarq, AssociationRequested& event) {
  POSTERN_TRY(const auto value, bind_value(aarq.user_information));
  if (!has_rtse()) {
    if (value) event.data.value = *value;
    return {};
  }
  if (!value) return bad("there is no request of reliable transfer in it", "user-information");
  POSTERN_TRY(const RtseApdu apdu, asn1::from_any<RtseApdu>(*value));
  const auto* given = std::get_if<RTORQapdu>(&apdu.value);
  if (given == nullptr) return bad("another APDU of reliable transfer where RTORQ should be", "user-information");
  POSTERN_CHECK(check_proposal(*given));
  take_rtorq(*given, event);
  return {};
}

void Association::Machine::refuse_presentation(PresentationRefuseReason reason, std::string text, AbortOrigin origin) {
  CprPpdu cpr;
  CprPpdu::Normal normal;
  normal.provider_reason = reason;
  cpr.value = std::move(normal);
  Bytes user_data;
  if (auto octets = asn1::encode(cpr)) user_data = *std::move(octets);
  (void)request_session(SConnectRefuse{RefuseReason::UserData, connection.identifier, std::move(user_data)});
  end(AssociationAborted{origin, std::move(text), {}, {}}, "");
}

void Association::Machine::refuse_acse(const AssociationRefusal& refusal, std::string text) {
  (void)send_refusal(refusal);
  end(AssociationAborted{AbortOrigin::Local, std::move(text), {}, {}}, "");
}

Result<Bytes> Association::Machine::refusal_ppdu(const AssociationRefusal& refusal) const {
  CprPpdu cpr;
  if (x410()) {
    cpr.value = RTORJapdu{refusal.rtse_reason, {}};
    return asn1::encode(cpr);
  }
  AareApdu aare;
  aare.application_context = application_context;
  aare.result = refusal.rtse_reason == RtseRefuseReason::Busy && has_rtse() ? AssociateResult::RejectedTransient : refusal.result;
  aare.diagnostic.value = refusal.diagnostic;
  if (has_rtse() && bind_id != 0) {
    POSTERN_TRY(aare.user_information, rtse_information({RTORJapdu{refusal.rtse_reason, refusal.user_data}}));
  } else if (refusal.user_data && bind_id != 0) {
    aare.user_information = information(*refusal.user_data);
  }
  CprPpdu::Normal normal;
  normal.contexts = contexts.answers();
  POSTERN_TRY(normal.user_data, acse_user_data({std::move(aare)}));
  cpr.value = std::move(normal);
  return asn1::encode(cpr);
}

Status Association::Machine::send_refusal(const AssociationRefusal& refusal) {
  POSTERN_TRY(Bytes user_data, refusal_ppdu(refusal));
  return request_session(SConnectRefuse{RefuseReason::UserData, connection.identifier, std::move(user_data)});
}

Result<Bytes> Association::Machine::accept_ppdu(const AssociationAccept& answer, const RTOACapdu& rtoac) const {
  CpaPpdu cpa;
  if (x410()) {
    cpa.mode_selector.mode = PresentationMode::X410;
    cpa.x410_mode = rtoac;
    return asn1::encode(cpa);
  }
  AareApdu aare;
  aare.application_context = application_context;
  aare.responding_ap_title = options.local_title.ap_title;
  aare.responding_ae_qualifier = options.local_title.ae_qualifier;
  aare.responding_ap_invocation = options.local_title.ap_invocation;
  aare.responding_ae_invocation = options.local_title.ae_invocation;
  POSTERN_TRY(aare.user_information, has_rtse() ? rtse_information({rtoac}) : bind_information(answer.data));
  CpaPpdu::Normal& normal = cpa.normal_mode.emplace();
  normal.responding_selector = selector_parameter(options.local.presentation);
  normal.contexts = contexts.answers();
  POSTERN_TRY(normal.user_data, acse_user_data({std::move(aare)}));
  return asn1::encode(cpa);
}

Status Association::Machine::accept(const AssociationAccept& answer) {
  if (phase != Phase::WaitDecision) return fail(ErrorCode::Conflict, "there is no association to accept");
  RTOACapdu rtoac = agree(rtorq, options);
  rtoac.connection_data = answer.data;
  SConnectAccept primitive;
  POSTERN_TRY(primitive.user_data, accept_ppdu(answer, rtoac));
  primitive.identifier = connection.identifier;
  primitive.responding_selector = options.local.session;
  primitive.requirements = units();
  POSTERN_CHECK(request_session(std::move(primitive)));
  (void)step(Input::Accept);
  opened(rtoac, session->owned_tokens().has(Token::MajorActivity));
  return {};
}

}  // namespace postern::osi
