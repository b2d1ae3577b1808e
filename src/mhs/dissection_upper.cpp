#include "mhs/dissection_upper.hpp"

#include <algorithm>
#include <boost/json/object.hpp>

#include "asn1/dump.hpp"
#include "asn1/json.hpp"
#include "mhs/bind_value.hpp"
#include "mhs/notation.hpp"
#include "mhs/p1_bind.hpp"
#include "osi/oids.hpp"
#include "osi/rose_pdu.hpp"

namespace postern::mhs {
namespace {

namespace json = boost::json;
using osi::SpduKind;

ByteView view(const std::optional<ByteView>& octets) { return octets.value_or(ByteView()); }

/// What could not be read, as BER, and why.
Status unread(const char* layer, ByteView octets, const Error& why, std::vector<DissectedLayer>& out) {
  out.push_back({layer, json::object{{"ber", asn1::dump_json(octets)}}});
  return fail(Error(why).context(layer));
}

/// A CHOICE is shown by its alternative.
void add_choice(const char* layer, const json::value& choice, std::vector<DissectedLayer>& out) {
  const auto& [name, value] = *choice.as_object().begin();
  out.push_back({std::string(layer) + " " + std::string(name), value});
}

bool carries_rtse(const asn1::Oid& syntax) {
  return syntax == osi::oid::as_mts_rtse() || syntax == osi::oid::as_ms_rtse() || syntax == osi::oid::as_mta_rtse();
}
bool is_of_mhs(const asn1::Oid& syntax) {
  return std::ranges::any_of(std::initializer_list<asn1::Oid>{osi::oid::as_mtse(), osi::oid::as_msse(), osi::oid::as_mdse(),
                                                              osi::oid::as_mrse(), osi::oid::as_mase()},
                             [&](const asn1::Oid& each) { return each == syntax; });
}
bool carries_bind(const asn1::Oid& syntax) { return syntax == osi::oid::as_mts() || syntax == osi::oid::as_ms(); }

/// The octets of an EXTERNAL's value.
ByteView octets_of(const asn1::External& external) {
  if (const auto* any = std::get_if<asn1::Any>(&external.encoding.value)) return any->ber;
  if (const auto* aligned = std::get_if<asn1::OctetString>(&external.encoding.value)) return aligned->octets;
  return {};
}

/// Another application's, such as that of PP's queue manager: an APDU of ROSE as that, anything else as BER.
void show_other(const asn1::Oid& syntax, ByteView octets, std::vector<DissectedLayer>& out) {
  if (const auto rose = asn1::decode<osi::RoseApdu>(octets)) return add_choice("ROSE", asn1::to_json(*rose), out);
  out.push_back({osi::oid::describe(syntax), json::object{{"ber", asn1::dump_json(octets)}}});
}

}  // namespace

Status UpperDissection::take(bool from_initiator, const osi::Spdu& spdu, Layers& out) {
  Side& side = m_sides[from_initiator ? 0 : 1];
  switch (spdu.kind) {
    case SpduKind::CN:
    case SpduKind::CDO:
      append(side.overflow, view(spdu.user_data));
      if (spdu.kind == SpduKind::CN ? spdu.data_overflow.has_value() : (spdu.enclosure.value_or(osi::kEndOfSsdu) & osi::kEndOfSsdu) == 0)
        return {};
      return connect(std::exchange(side.overflow, {}), out);
    case SpduKind::AC: return answer(view(spdu.user_data), out);
    case SpduKind::RF: return refuse(view(spdu.reason), out);
    case SpduKind::AB: return abort(view(spdu.user_data), out);
    case SpduKind::DT: return data(side, spdu, out);
    case SpduKind::AS:
      side.id.assign(view(spdu.activity).begin(), view(spdu.activity).end());
      side.activity = Activity();
      return {};
    case SpduKind::AR: resume(side, spdu); return {};
    case SpduKind::MIP:
      if (side.activity && spdu.serial) side.activity->points[*spdu.serial] = side.activity->octets.size();
      return {};
    case SpduKind::AI:
      if (side.activity) side.interrupted[side.id] = *std::exchange(side.activity, std::nullopt);
      return {};
    case SpduKind::AD: side.activity.reset(); return {};
    case SpduKind::AE: return end_activity(side, out);
    default: return spdu.user_data && !spdu.user_data->empty() ? values(side, *spdu.user_data, out) : Status();
  }
}

// ---- opening and ending
void UpperDissection::define(const std::vector<osi::ContextDefinition>& definitions) {
  std::vector<asn1::Oid> syntaxes;
  for (const osi::ContextDefinition& each : definitions) syntaxes.push_back(each.abstract_syntax);
  const auto has = [&](const asn1::Oid& a, const asn1::Oid& b) {
    return std::ranges::any_of(syntaxes, [&](const asn1::Oid& each) { return each == a || each == b; });
  };
  m_family = has(osi::oid::as_ms(), osi::oid::as_ms_rtse())     ? Family::P7
             : has(osi::oid::as_mts(), osi::oid::as_mts_rtse()) ? Family::P3
                                                                : Family::P1;
  if (auto contexts = osi::PresentationContexts::answer(definitions, syntaxes)) m_contexts = *std::move(contexts);
}

Status UpperDissection::connect(ByteView octets, Layers& out) {
  auto cp = asn1::decode<osi::CpPpdu>(octets);
  if (!cp) return unread("presentation CP", octets, cp.error(), out);
  m_x410 = cp->mode_selector.mode == osi::PresentationMode::X410;
  const auto rtorq = std::exchange(cp->x410_mode, std::nullopt);
  const auto user_data = cp->normal_mode ? std::exchange(cp->normal_mode->user_data, std::nullopt) : std::nullopt;
  out.push_back({"presentation CP", asn1::to_json(*cp)});
  if (cp->normal_mode) define(cp->normal_mode->contexts.value_or(std::vector<osi::ContextDefinition>()));
  if (!rtorq) return values(m_sides[0], user_data, out);
  m_family = rtorq->application_protocol.value_or(1) == 1 ? Family::P1Of1984 : Family::P1;  // X.419 12.2
  return rtse(m_sides[0], {*rtorq}, out);
}

Status UpperDissection::answer(ByteView octets, Layers& out) {
  auto cpa = asn1::decode<osi::CpaPpdu>(octets);
  if (!cpa) return unread("presentation CPA", octets, cpa.error(), out);
  const auto rtoac = std::exchange(cpa->x410_mode, std::nullopt);
  const auto user_data = cpa->normal_mode ? std::exchange(cpa->normal_mode->user_data, std::nullopt) : std::nullopt;
  out.push_back({"presentation CPA", asn1::to_json(*cpa)});
  return rtoac ? rtse(m_sides[1], {*rtoac}, out) : values(m_sides[1], user_data, out);
}

/// X.225 8.3.5.10: a reason, and behind it user data.
Status UpperDissection::refuse(ByteView octets, Layers& out) {
  if (octets.size() < 2) return {};
  auto cpr = asn1::decode<osi::CprPpdu>(octets.subspan(1));
  if (!cpr) return unread("presentation CPR", octets.subspan(1), cpr.error(), out);
  if (const auto* rtorj = std::get_if<osi::RTORJapdu>(&cpr->value)) return rtse(m_sides[1], {*rtorj}, out);
  const auto user_data = std::exchange(std::get<osi::CprPpdu::Normal>(cpr->value).user_data, std::nullopt);
  out.push_back({"presentation CPR", asn1::to_json(*cpr)});
  return values(m_sides[1], user_data, out);
}

Status UpperDissection::abort(ByteView octets, Layers& out) {
  if (octets.empty()) return {};
  auto ppdu = asn1::decode<osi::AbortPpdu>(octets);
  if (!ppdu) return unread("presentation ARU", octets, ppdu.error(), out);
  if (const auto* rtab = std::get_if<osi::RTABapdu>(&ppdu->value)) return rtse(m_sides[0], {*rtab}, out);
  auto* aru = std::get_if<osi::AruPpdu>(&ppdu->value);
  const auto user_data = aru != nullptr ? std::exchange(aru->user_data, std::nullopt) : std::nullopt;
  out.push_back({aru != nullptr ? "presentation ARU" : "presentation ARP", asn1::to_json(*ppdu)});
  return values(m_sides[0], user_data, out);
}

// ---- what presentation carries
Status UpperDissection::values(Side& side, const std::optional<osi::UserData>& user_data, Layers& out) {
  if (!user_data) return {};
  auto read = osi::read_values(*user_data, m_contexts);
  if (!read) return fail(std::move(read).error().context("presentation"));
  return values(side, *std::move(read), out);
}

Status UpperDissection::values(Side& side, ByteView user_data, Layers& out) {
  if (m_x410) return rtse(side, user_data, out);  // the priority of who asks for the turn
  auto read = osi::read_user_data(user_data, m_contexts);
  if (!read) return unread("presentation", user_data, read.error(), out);
  return values(side, *std::move(read), out);
}

Status UpperDissection::values(Side& side, std::vector<osi::PresentationValue> values, Layers& out) {
  for (const osi::PresentationValue& each : values) {
    const asn1::Oid* syntax = m_contexts.syntax_of(each.context);
    if (syntax == nullptr)
      return fail(ErrorCode::BadInput, "a value in context " + std::to_string(each.context) + ", which is not defined");
    POSTERN_CHECK(value(side, *syntax, each.octets, out));
  }
  return {};
}

Status UpperDissection::value(Side& side, const asn1::Oid& syntax, ByteView octets, Layers& out) {
  if (syntax == osi::oid::acse()) return acse(side, octets, out);
  if (carries_rtse(syntax)) return rtse(side, octets, out);
  if (is_of_mhs(syntax)) return apdu(octets, out);
  show_other(syntax, octets, out);
  return {};
}

Status UpperDissection::rtse(Side& side, ByteView octets, Layers& out) {
  auto apdu = asn1::decode<osi::RtseApdu>(octets);
  if (!apdu) return unread("RTSE", octets, apdu.error(), out);
  return rtse(side, *std::move(apdu), out);
}

UpperDissection::BindPart UpperDissection::part_of(const osi::AcseApdu& apdu) {
  if (std::holds_alternative<osi::AarqApdu>(apdu.value)) return BindPart::Argument;
  const auto* aare = std::get_if<osi::AareApdu>(&apdu.value);
  return aare != nullptr && aare->result == osi::AssociateResult::Accepted ? BindPart::Result : BindPart::Error;
}

Status UpperDissection::acse(Side& side, ByteView octets, Layers& out) {
  auto apdu = asn1::decode<osi::AcseApdu>(octets);
  if (!apdu) return unread("ACSE", octets, apdu.error(), out);
  const auto information = std::visit([](auto& each) { return std::exchange(each.user_information, std::nullopt); }, apdu->value);
  out.push_back({"ACSE " + std::string(osi::name_of(*apdu)), asn1::to_json(*apdu).as_object().begin()->value()});
  const BindPart part = part_of(*apdu);
  for (const asn1::External& each : information.value_or(osi::UserInformation())) {
    const asn1::Oid* syntax = each.indirect_reference ? m_contexts.syntax_of(*each.indirect_reference) : nullptr;
    const ByteView inner = octets_of(each);
    if (syntax == nullptr) return unread("ACSE user information", inner, {ErrorCode::BadInput, "is of no context", {}}, out);
    POSTERN_CHECK(carries_bind(*syntax) ? bind(part, {Bytes(inner.begin(), inner.end())}, out) : value(side, *syntax, inner, out));
  }
  return {};
}

Status UpperDissection::rtse(Side& side, osi::RtseApdu apdu, Layers& out) {
  if (const auto* piece = std::get_if<osi::RTTRapdu>(&apdu.value)) {
    out.push_back({"RTSE RTTR", json::object{{"octets", piece->octets.size()}}});
    if (side.activity) append(side.activity->octets, piece->octets);
    return {};
  }
  json::value shown = asn1::to_json(apdu).as_object().begin()->value();
  const auto show = [&](const char* name, const char* bind_in) {
    if (bind_in != nullptr && shown.is_object()) shown.as_object().erase(bind_in);  // a layer of its own
    out.push_back({std::string("RTSE ") + name, std::move(shown)});
  };
  if (const auto* rtorq = std::get_if<osi::RTORQapdu>(&apdu.value)) {
    const auto* open = std::get_if<asn1::Any>(&rtorq->connection_data.value);
    show("RTORQ", open != nullptr ? "connectionDataRQ" : nullptr);
    return open != nullptr ? bind(BindPart::Argument, *open, out) : Status();
  }
  if (const auto* rtoac = std::get_if<osi::RTOACapdu>(&apdu.value)) {
    const auto* open = std::get_if<asn1::Any>(&rtoac->connection_data.value);
    show("RTOAC", open != nullptr ? "connectionDataAC" : nullptr);
    return open != nullptr ? bind(BindPart::Result, *open, out) : Status();
  }
  if (const auto* rtorj = std::get_if<osi::RTORJapdu>(&apdu.value)) {
    show("RTORJ", rtorj->user_data ? "userDataRJ" : nullptr);
    return rtorj->user_data ? bind(BindPart::Error, *rtorj->user_data, out) : Status();
  }
  show(std::holds_alternative<osi::RTABapdu>(apdu.value) ? "RTAB" : "RTTP", nullptr);
  return {};
}

Status UpperDissection::bind(BindPart part, const asn1::Any& value, Layers& out) {
  const auto show = [&](auto read) -> Status {
    if (!read) return unread("bind", value.ber, read.error(), out);
    add_choice("bind", asn1::to_json(*read), out);
    return {};
  };
  if (m_family == Family::P3) return show(asn1::decode<P3Apdu>(value.ber));
  if (m_family == Family::P7) return show(asn1::decode<P7Apdu>(value.ber));
  const auto unbound = [](auto read) {
    using Value = decltype(read->value);
    return read ? Result<Value>(std::move(read->value)) : Result<Value>(tl::unexpected<Error>(std::move(read).error()));
  };
  if (part == BindPart::Argument) return show(unbound(read_bind_argument(value)));
  if (part == BindPart::Result) return show(unbound(read_bind_result(value)));
  const auto error = asn1::from_any<mts::MTABindError>(untagged(value, RoseTag::BindError));
  if (!error) return unread("bind", value.ber, error.error(), out);
  out.push_back({"bind error", asn1::to_json(*error)});
  return {};
}

// ---- APDUs
Status UpperDissection::data(Side& side, const osi::Spdu& spdu, Layers& out) {
  append(side.sawn, view(spdu.user_data));
  if ((spdu.enclosure.value_or(osi::kBeginningOfSsdu | osi::kEndOfSsdu) & osi::kEndOfSsdu) == 0) return {};
  const Bytes ssdu = std::exchange(side.sawn, {});
  if (!m_x410) return values(side, ssdu, out);
  if (side.activity) append(side.activity->octets, ssdu);
  return {};
}

/// X.228 7.6: it goes on behind the point that the SPDU names.
void UpperDissection::resume(Side& side, const osi::Spdu& spdu) {
  Activity again;
  const auto found = side.interrupted.find(Bytes(view(spdu.old_activity).begin(), view(spdu.old_activity).end()));
  again.known = found != side.interrupted.end();
  if (again.known) {
    again = std::move(found->second);
    side.interrupted.erase(found);
    again.octets.resize(again.points[spdu.serial.value_or(0)]);
  }
  side.id.assign(view(spdu.activity).begin(), view(spdu.activity).end());
  side.activity = std::move(again);
}

Status UpperDissection::end_activity(Side& side, Layers& out) {
  const auto activity = std::exchange(side.activity, std::nullopt);
  if (!activity) return {};
  if (!activity->known) return fail(ErrorCode::BadInput, "the APDU began on a connection before this one, and is not put together");
  if (m_x410) return apdu(activity->octets, out);
  const auto external = asn1::decode<asn1::External>(activity->octets);  // X.228 8.3
  if (!external) return unread("RTSE", activity->octets, external.error(), out);
  return apdu(octets_of(*external), out);
}

Status UpperDissection::apdu(ByteView octets, Layers& out) {
  if (octets.size() > Dissection::kMaxShown) {
    out.push_back({"APDU", json::object{{"octets", octets.size()}}});
    return {};
  }
  const auto show = [&](const char* name, const auto& read, const asn1::Type& type) -> Status {
    if (!read) return unread(name, octets, read.error(), out);
    add_choice(name, asn1::to_json(*read, type), out);
    return {};
  };
  if (m_family == Family::P3) return show("P3", asn1::decode<P3Apdu>(octets), schema(asn1::Of<P3Apdu>{}));
  if (m_family == Family::P7) return show("P7", asn1::decode<P7Apdu>(octets), schema(asn1::Of<P7Apdu>{}));
  const asn1::Type& type = m_family == Family::P1Of1984 ? p1_1984_notation() : p1_notation();
  return show("P1", asn1::decode<mts::MTSApdu>(octets, {}, type), type);
}

}  // namespace postern::mhs
