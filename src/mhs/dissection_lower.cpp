#include "mhs/dissection_lower.hpp"

#include <boost/json/object.hpp>

#include "asn1/json.hpp"

namespace postern::mhs {
namespace {

namespace json = boost::json;

void add(json::object& out, const char* name, const std::optional<Bytes>& octets) {
  if (octets) out[name] = json_of_octets(*octets);
}

json::object shown(const osi::ConnectionRequest& tpdu) {
  json::object out{{"source-reference", tpdu.source}};
  add(out, "calling-selector", tpdu.calling);
  add(out, "called-selector", tpdu.called);
  if (tpdu.tpdu_size) out["tpdu-size"] = *tpdu.tpdu_size;
  return out;
}
json::object shown(const osi::ConnectionConfirm& tpdu) {
  json::object out{{"destination-reference", tpdu.destination}, {"source-reference", tpdu.source}, {"class", tpdu.transport_class}};
  add(out, "calling-selector", tpdu.calling);
  add(out, "called-selector", tpdu.called);
  if (tpdu.tpdu_size) out["tpdu-size"] = *tpdu.tpdu_size;
  return out;
}
json::object shown(const osi::DisconnectRequest& tpdu) {
  json::object out{{"destination-reference", tpdu.destination}, {"source-reference", tpdu.source}, {"reason", osi::describe(tpdu.reason)}};
  if (!tpdu.information.empty()) out["additional-information"] = json_of_octets(tpdu.information);
  return out;
}
json::object shown(const osi::DataTpdu& tpdu) { return {{"octets", tpdu.data.size()}}; }
json::object shown(const osi::ErrorTpdu& tpdu) {
  return {{"destination-reference", tpdu.destination}, {"cause", osi::describe(tpdu.cause)}, {"invalid", json_of_octets(tpdu.invalid)}};
}
/// In the order of osi::Tpdu.
constexpr const char* kTpduNames[] = {"CONNECT REQUEST", "CONNECT CONFIRM", "DISCONNECT REQUEST", "DATA", "ERROR"};
static_assert(std::size(kTpduNames) == std::variant_size_v<osi::Tpdu>);

// X.225 8.3, but user data.
struct OctetsOf {
  const char* name;
  osi::Spdu::Octets osi::Spdu::* member;
};
constexpr OctetsOf kOctets[] = {
    {"calling-SS-user-reference", &osi::Spdu::calling_reference},
    {"called-SS-user-reference", &osi::Spdu::called_reference},
    {"common-reference", &osi::Spdu::common_reference},
    {"additional-reference-information", &osi::Spdu::additional_information},
    {"calling-selector", &osi::Spdu::calling_selector},
    {"called-selector", &osi::Spdu::called_selector},
    {"old-activity-identifier", &osi::Spdu::old_activity},
    {"activity-identifier", &osi::Spdu::activity},
    {"reflected-parameter", &osi::Spdu::reflected},
};
struct NumberOf {
  const char* name;
  osi::Spdu::Number osi::Spdu::* member;
};
constexpr NumberOf kNumbers[] = {
    {"protocol-options", &osi::Spdu::protocol_options},
    {"tsdu-maximum-size", &osi::Spdu::tsdu_maximum},
    {"versions", &osi::Spdu::versions},
    {"initial-serial-number", &osi::Spdu::initial_serial},
    {"token-settings", &osi::Spdu::token_settings},
    {"session-user-requirements", &osi::Spdu::requirements},
    {"tokens", &osi::Spdu::tokens},
    {"transport-disconnect", &osi::Spdu::transport_disconnect},
    {"sync-type", &osi::Spdu::sync_type},
    {"serial-number", &osi::Spdu::serial},
    {"enclosure", &osi::Spdu::enclosure},
    {"data-overflow", &osi::Spdu::data_overflow},
};

}  // namespace

json::value json_of_octets(ByteView octets) { return asn1::to_json(asn1::OctetString(Bytes(octets.begin(), octets.end()))); }

DissectedLayer layer_of(const osi::Tpdu& tpdu) {
  return {std::string("COTP ") + kTpduNames[tpdu.index()], std::visit([](const auto& each) { return shown(each); }, tpdu)};
}

DissectedLayer layer_of(const osi::Spdu& spdu) {
  json::object out;
  for (const OctetsOf& each : kOctets)
    if (const auto& octets = spdu.*each.member) out[each.name] = json_of_octets(*octets);
  for (const NumberOf& each : kNumbers)
    if (const auto& number = spdu.*each.member) out[each.name] = *number;
  if (spdu.reason && !spdu.reason->empty()) out["reason"] = spdu.reason->front();
  if (spdu.user_data) out["user-data-octets"] = spdu.user_data->size();
  return {"session " + std::string(osi::name_of(spdu.kind)), std::move(out)};
}

}  // namespace postern::mhs
