// Opening an association: what both sides share, and the initiator's side.
#include <algorithm>

#include "osi/association_machine.hpp"
#include "osi/oids.hpp"

namespace postern::osi {

namespace {
tl::unexpected<Error> bad(std::string what, std::string field) { return fail(ErrorCode::BadInput, std::move(what), std::move(field)); }
}  // namespace

std::vector<asn1::Oid> Association::Machine::all_syntaxes() const {
  std::vector<asn1::Oid> all{oid::acse()};
  if (!service->bind_syntax.empty()) all.push_back(service->bind_syntax);
  all.insert(all.end(), service->syntaxes.begin(), service->syntaxes.end());
  return all;
}

void Association::Machine::opened(const RTOACapdu& agreed, bool turn) {
  apdu_id = service->syntaxes.empty() ? 0 : contexts.id_of(service->syntaxes.front()).value_or(0);
  if (has_rose()) rose.emplace(options.limits.rose);
  if (!has_rtse()) return;
  RtseAgreement agreement;
  agreement.mode = x410() ? RtseMode::X410 : RtseMode::Normal;
  agreement.dialogue = rtorq.dialogue_mode;
  agreement.checkpoint = static_cast<std::size_t>(agreed.checkpoint_size) * 1024;
  agreement.window = static_cast<std::uint32_t>(agreed.window_size);
  agreement.turn = turn;
  rtse.emplace(agreement, options.limits.rtse);
}

UserInformation Association::Machine::information(asn1::Any value) const { return {make_external(bind_id, std::move(value))}; }

Result<std::optional<UserInformation>> Association::Machine::rtse_information(RtseApdu apdu) const {
  POSTERN_TRY(asn1::Any value, asn1::to_any(apdu));
  return std::optional(information(std::move(value)));
}

Result<std::optional<UserInformation>> Association::Machine::bind_information(const ConnectionData& data) const {
  const auto* bind = std::get_if<asn1::Any>(&data.value);
  if (bind == nullptr) return fail(ErrorCode::BadInput, "an association without RTSE cannot be recovered: open a new one", "data");
  if (bind->ber.empty()) return std::optional<UserInformation>();
  if (bind_id == 0) return fail(ErrorCode::BadInput, "the application context has no abstract syntax for a bind", "data");
  return std::optional(information(*bind));
}

Result<UserData> Association::Machine::acse_user_data(AcseApdu apdu) const {
  POSTERN_TRY(Bytes octets, asn1::encode(apdu));
  return make_user_data(acse_id, std::move(octets));
}

Result<AcseApdu> Association::Machine::read_acse(const std::optional<UserData>& data, const PresentationContexts& set) const {
  if (!data) return bad("no user data, where ACSE's APDU should be", "user-data");
  const auto id = set.id_of(oid::acse());
  if (!id) return bad("there is no context of association control", "presentation-context-definition-list");
  if (const auto* lists = std::get_if<FullyEncodedData>(&data->value)) {
    // Other contexts may have values of their own beside it (X.227 7.1): only ACSE's is ours.
    for (const PdvList& list : *lists)
      if (list.context == *id)
        if (const auto* single = std::get_if<asn1::Any>(&list.values.value)) return asn1::from_any<AcseApdu>(*single);
  }
  POSTERN_TRY(const auto values, read_values(*data, set));
  for (const PresentationValue& value : values)
    if (value.context == *id) return asn1::decode<AcseApdu>(value.octets);
  return bad("no value of association control in it", "user-data");
}

Result<std::optional<asn1::Any>> Association::Machine::bind_value(const std::optional<UserInformation>& given) const {
  if (!given) return std::optional<asn1::Any>();
  for (const asn1::External& external : *given) {
    if (external.indirect_reference.value_or(bind_id) != bind_id) continue;
    if (const auto* single = std::get_if<asn1::Any>(&external.encoding.value)) return std::optional(*single);
    if (const auto* aligned = std::get_if<asn1::OctetString>(&external.encoding.value)) return std::optional(asn1::Any{aligned->octets});
    return bad("the arbitrary (bit string) form does not occur with Basic Encoding", "user-information");
  }
  return std::optional<asn1::Any>();
}

// ---- the initiator

RTORQapdu Association::Machine::proposal() const {
  RTORQapdu made;
  made.checkpoint_size = options.checkpoint_size;
  made.window_size = options.window_size;
  made.dialogue_mode = service->profile == AssociationProfile::RoseOverRtse ? DialogueMode::TwoWayAlternate : options.dialogue;
  made.connection_data = open_request.data;
  if (x410()) made.application_protocol = service->application_protocol;
  return made;
}

Result<Bytes> Association::Machine::connect_ppdu() {
  CpPpdu cp;
  if (has_rtse()) rtorq = proposal();
  if (x410()) {
    cp.mode_selector.mode = PresentationMode::X410;
    cp.x410_mode = rtorq;
    return asn1::encode(cp);
  }
  contexts = PresentationContexts::propose(all_syntaxes());
  acse_id = contexts.all()[0].id;
  bind_id = service->bind_syntax.empty() ? 0 : contexts.all()[1].id;
  AarqApdu aarq;
  aarq.application_context = application_context;
  std::tie(aarq.called_ap_title, aarq.called_ae_qualifier) = std::tie(options.peer_title.ap_title, options.peer_title.ae_qualifier);
  std::tie(aarq.called_ap_invocation, aarq.called_ae_invocation) =
      std::tie(options.peer_title.ap_invocation, options.peer_title.ae_invocation);
  std::tie(aarq.calling_ap_title, aarq.calling_ae_qualifier) = std::tie(options.local_title.ap_title, options.local_title.ae_qualifier);
  std::tie(aarq.calling_ap_invocation, aarq.calling_ae_invocation) =
      std::tie(options.local_title.ap_invocation, options.local_title.ae_invocation);
  POSTERN_TRY(aarq.user_information, has_rtse() ? rtse_information({rtorq}) : bind_information(open_request.data));
  CpPpdu::Normal& normal = cp.normal_mode.emplace();
  normal.calling_selector = selector_parameter(options.local.presentation);
  normal.called_selector = selector_parameter(options.peer.presentation);
  normal.contexts = contexts.definitions();
  POSTERN_TRY(normal.user_data, acse_user_data({std::move(aarq)}));
  return asn1::encode(cp);
}

Status Association::Machine::connect() {
  SConnect primitive;
  POSTERN_TRY(primitive.user_data, connect_ppdu());
  if (has_rtse()) {
    // X.228, association establishment: the session connection identifier is that of the RT association, each part as BER.
    const SessionConnectionIdentifier& id = open_request.connection;
    session_id = id;
    POSTERN_TRY(primitive.identifier.user_reference, asn1::encode(id.calling_ss_user_reference));
    POSTERN_TRY(primitive.identifier.common_reference, asn1::encode(id.common_reference));
    if (id.additional_reference_information) {
      POSTERN_TRY(primitive.identifier.additional_information, asn1::encode(*id.additional_reference_information));
    }
  }
  primitive.calling_selector = options.local.session;
  primitive.called_selector = options.peer.session;
  primitive.requirements = units();
  primitive.token_settings = TokenSettings::all(options.responder_has_turn ? TokenSetting::Acceptor : TokenSetting::Requestor);
  return request_session(std::move(primitive));
}

Status Association::Machine::check_agreed(const RTOACapdu& agreed) const {
  // X.228, RTOAC: sizes are negotiated down; a proposed checkpoint size of 0 leaves it to the responder.
  const bool free = rtorq.checkpoint_size == 0;
  if (agreed.checkpoint_size < 0 || agreed.checkpoint_size > 0x7FFFFFFF || (!free && agreed.checkpoint_size > rtorq.checkpoint_size))
    return bad(std::to_string(agreed.checkpoint_size) + " where " + std::to_string(rtorq.checkpoint_size) + " was proposed",
               "checkpointSize");
  if (agreed.window_size < 0 || agreed.window_size > rtorq.window_size)
    return bad(std::to_string(agreed.window_size) + " where " + std::to_string(rtorq.window_size) + " was proposed", "windowSize");
  return {};
}

Status Association::Machine::confirmed(const SConnectAccept& accept) {
  POSTERN_TRY(const CpaPpdu cpa, asn1::decode<CpaPpdu>(accept.user_data));
  AssociationOpened event;
  event.responding.session = accept.responding_selector;
  if (!x410()) {
    if (cpa.mode_selector.mode != PresentationMode::Normal || !cpa.normal_mode)
      return bad("the answer is in X.410-1984 mode, the request was in normal mode", "mode-selector");
    return confirmed_normal(*cpa.normal_mode, std::move(event));
  }
  if (cpa.mode_selector.mode != PresentationMode::X410 || !cpa.x410_mode)
    return bad("the answer is in normal mode, the request was in X.410-1984 mode", "mode-selector");
  POSTERN_CHECK(check_agreed(*cpa.x410_mode));
  event.data = cpa.x410_mode->connection_data;
  if (!step(Input::Confirmed)) return bad("an answer that was not awaited", "CPA-PPDU");
  opened(*cpa.x410_mode, session->owned_tokens().has(Token::MajorActivity));
  deliver(std::move(event));
  return {};
}

Status Association::Machine::confirmed_normal(const CpaPpdu::Normal& cpa, AssociationOpened event) {
  POSTERN_CHECK(contexts.confirm(cpa.contexts.value_or(std::vector<ContextAnswer>())));
  event.refused_contexts = describe_refused(contexts);
  POSTERN_TRY(const AcseApdu apdu, read_acse(cpa.user_data, contexts));
  const auto* aare = std::get_if<AareApdu>(&apdu.value);
  if (aare == nullptr) return bad(std::string(name_of(apdu)) + " where AARE should be", "user-data");
  if (aare->result != AssociateResult::Accepted)
    return bad(describe(aare->result, aare->diagnostic) + ", yet the connection is accepted", "result");
  event.responding.presentation = selector_of(cpa.responding_selector);
  event.responding_title = responding_title(*aare);
  POSTERN_TRY(const auto value, bind_value(aare->user_information));
  RTOACapdu agreed;
  if (has_rtse()) {
    if (!value) return bad("there is no answer of reliable transfer in it", "user-information");
    POSTERN_TRY(const RtseApdu rtse_apdu, asn1::from_any<RtseApdu>(*value));
    const auto* rtoac = std::get_if<RTOACapdu>(&rtse_apdu.value);
    if (rtoac == nullptr) return bad("another APDU of reliable transfer where RTOAC should be", "user-information");
    POSTERN_CHECK(check_agreed(*rtoac));
    agreed = *rtoac;
    event.data = rtoac->connection_data;
  } else if (value) {
    event.data.value = *value;
  }
  if (!step(Input::Confirmed)) return bad("an answer that was not awaited", "CPA-PPDU");
  opened(agreed, session->owned_tokens().has(Token::MajorActivity));
  deliver(std::move(event));
  return {};
}

void Association::Machine::read_refusal(const CprPpdu::Normal& cpr, AssociationRefused& event) const {
  event.layer = Layer::Presentation;
  event.text = cpr.provider_reason ? describe(*cpr.provider_reason) : "refused by the peer's user, without a reason";
  event.transient = cpr.provider_reason == PresentationRefuseReason::TemporaryCongestion ||
                    cpr.provider_reason == PresentationRefuseReason::NoPsapAvailable;
  PresentationContexts set = contexts;
  if (cpr.contexts && set.confirm(*cpr.contexts)) {
    if (const std::string words = describe_refused(set); !words.empty()) event.text += "; " + words;
  }
  // A refusal need not list contexts; its user data is on those we proposed.
  if (set.all().empty() || !set.id_of(oid::acse()))
    (void)set.confirm(std::vector<ContextAnswer>(set.all().size(), {ContextResult::Acceptance, {}, {}}));
  const auto apdu = read_acse(cpr.user_data, set);
  const auto* aare = apdu ? std::get_if<AareApdu>(&apdu->value) : nullptr;
  if (aare == nullptr) return;
  event.layer = Layer::Association;
  event.transient = aare->result == AssociateResult::RejectedTransient;
  event.text = describe(aare->result, aare->diagnostic);
  const auto value = bind_value(aare->user_information);
  if (!value || !*value) return;
  if (!has_rtse()) {
    event.user_data = **value;
    return;
  }
  const auto rtse_apdu = asn1::from_any<RtseApdu>(**value);
  const auto* rtorj = rtse_apdu ? std::get_if<RTORJapdu>(&rtse_apdu->value) : nullptr;
  if (rtorj == nullptr) return;
  event.layer = Layer::ReliableTransfer;
  event.rtse_reason = rtorj->refuse_reason;
  event.user_data = rtorj->user_data;
  if (rtorj->refuse_reason) event.text = describe(*rtorj->refuse_reason);
  event.transient |= rtorj->refuse_reason == RtseRefuseReason::Busy;
}

AssociationRefused Association::Machine::read_refusal(ByteView user_data) const {
  AssociationRefused event{Layer::Session, false, describe(RefuseReason::UserData), {}, {}};
  const auto cpr = asn1::decode<CprPpdu>(user_data);
  if (!cpr) {
    event.text = "refused, and the reason cannot be read: " + cpr.error().text();
    return event;
  }
  if (const auto* normal = std::get_if<CprPpdu::Normal>(&cpr->value)) {
    read_refusal(*normal, event);
    return event;
  }
  const auto& rtorj = std::get<RTORJapdu>(cpr->value);
  event.layer = Layer::ReliableTransfer;
  event.rtse_reason = rtorj.refuse_reason;
  event.user_data = rtorj.user_data;
  event.text = rtorj.refuse_reason ? describe(*rtorj.refuse_reason) : "refused without a reason";
  event.transient = rtorj.refuse_reason == RtseRefuseReason::Busy;
  return event;
}

void Association::Machine::refused(const SConnectRefuse& refuse) {
  AssociationRefused event{Layer::Session, false, describe(refuse.reason), {}, {}};
  event.transient = refuse.reason == RefuseReason::UserCongestion || refuse.reason == RefuseReason::ProviderCongestion;
  if (refuse.reason == RefuseReason::UserData && !refuse.user_data.empty()) event = read_refusal(refuse.user_data);
  const std::string text = event.text;
  end(std::move(event), text);
}

}  // namespace postern::osi
