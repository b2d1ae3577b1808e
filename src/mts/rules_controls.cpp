#include "mts/rules_controls.hpp"

#include <algorithm>

namespace postern::mts {
namespace {

bool permits_length(const Controls& controls, std::uint64_t length) {
  const auto& most = controls.permissible_maximum_content_length;
  return !most || length <= static_cast<std::uint64_t>(std::max<std::int64_t>(0, *most));
}
bool permits_priority(const Controls& controls, Priority priority) {
  return !controls.permissible_lowest_priority || rank_of(priority) <= rank_of(*controls.permissible_lowest_priority);
}
bool permits_content_type(const Controls& controls, const std::optional<ContentType>& type) {
  const auto& permissible = controls.permissible_content_types;
  return !permissible || !type || std::ranges::find(*permissible, *type) != permissible->end();
}

/// 1988 lists the types; 1994 has constraints, of which that is the exclusive one.
EncodedInformationTypesConstraints only(const EncodedInformationTypes& types) {
  EncodedInformationTypesConstraints out;
  const std::vector<asn1::Oid> identifiers = identifiers_of(types);
  out.exclusively_acceptable_eits.emplace().assign(identifiers.begin(), identifiers.end());
  return out;
}
EncodedInformationTypesConstraints constraints_of(const PermissibleEncodedInformationTypes& permissible) {
  const auto* types = std::get_if<EncodedInformationTypes>(&permissible.value);
  return types != nullptr ? only(*types) : std::get<EncodedInformationTypesConstraints>(permissible.value);
}
bool permits_types(const Controls& controls, const std::optional<EncodedInformationTypes>& types) {
  const auto& permissible = controls.permissible_encoded_information_types;
  return !permissible || acceptable(types, constraints_of(*permissible));
}
bool permits_operation(const Controls& controls, OperationBit operation) {
  return !controls.permissible_operations || controls.permissible_operations->test(operation);
}

/// Adds what is not there yet.
template <class T>
void include(std::vector<T>& set, const T& one) {
  if (std::ranges::find(set, one) == set.end()) set.push_back(one);
}
void include(std::optional<EncodedInformationTypes>& all, const EncodedInformationTypes& types) {
  if (!all) {
    all = types;
    return;
  }
  const asn1::BitString& built_in = types.built_in_encoded_information_types;
  for (std::uint32_t bit = 0; bit < built_in.size(); ++bit)
    if (built_in.test(bit)) all->built_in_encoded_information_types.BitString::set(bit);
  if (!types.extended_encoded_information_types) return;
  if (!all->extended_encoded_information_types) all->extended_encoded_information_types.emplace();
  for (const auto& each : *types.extended_encoded_information_types) include(*all->extended_encoded_information_types, each);
}

void note(DeliveryControlResult& out, const Awaiting& what, const Controls& controls) {
  out.waiting_operations.set(what.operation);
  if (what.operation != OperationBit::MessageSubmissionOrMessageDelivery) return;
  if (!permits_length(controls, what.content_length)) out.waiting_messages.set(WaitingMessage::LongContent);
  if (!permits_priority(controls, what.priority)) out.waiting_messages.set(WaitingMessage::LowPriority);
  if (what.content_type) include(out.waiting_content_types, *what.content_type);
  if (what.encoded_information_types) include(out.waiting_encoded_information_types, *what.encoded_information_types);
}

}  // namespace

Awaiting awaiting_of(const MessageTransferEnvelope& envelope, std::uint64_t content_length) {
  const auto converted = converted_types_of(envelope.trace_information);
  return {OperationBit::MessageSubmissionOrMessageDelivery, envelope.priority, content_length, envelope.content_type,
          converted ? converted : envelope.original_encoded_information_types};
}
Awaiting awaiting_report() { return {OperationBit::ProbeSubmissionOrReportDelivery}; }

bool permitted(const Awaiting& what, const Controls& controls) {
  if (!permits_operation(controls, what.operation)) return false;
  if (what.operation != OperationBit::MessageSubmissionOrMessageDelivery) return true;
  return permits_length(controls, what.content_length) && permits_priority(controls, what.priority) &&
         permits_content_type(controls, what.content_type) && permits_types(controls, what.encoded_information_types);
}

Controls updated(Controls in_force, const Controls& change, const Controls& by_default) {
  if (!change.restrict) return by_default;
  const auto take = [](auto& to, const auto& from) {
    if (from) to = from;
  };
  take(in_force.permissible_operations, change.permissible_operations);
  take(in_force.permissible_maximum_content_length, change.permissible_maximum_content_length);
  take(in_force.permissible_lowest_priority, change.permissible_lowest_priority);
  take(in_force.permissible_content_types, change.permissible_content_types);
  take(in_force.permissible_encoded_information_types, change.permissible_encoded_information_types);
  take(in_force.permissible_security_context, change.permissible_security_context);
  return in_force;
}

DeliveryControlResult held_back(std::span<const Awaiting> waiting, const Controls& controls) {
  DeliveryControlResult out;
  for (const Awaiting& each : waiting)
    if (!permitted(each, controls)) note(out, each, controls);
  return out;
}

Controls nothing_permitted() {
  Controls out;
  out.permissible_operations.emplace();
  return out;
}

bool permits_nothing(const Controls& controls) {
  return !permits_operation(controls, OperationBit::MessageSubmissionOrMessageDelivery) &&
         !permits_operation(controls, OperationBit::ProbeSubmissionOrReportDelivery);
}

Deliverable deliverable_of(const RegisterArgument88& registered) {
  Deliverable out;
  out.content_types = registered.deliverable_content_types;
  out.maximum_content_length = registered.deliverable_maximum_content_length;
  if (registered.deliverable_encoded_information_types) out.constraints = only(*registered.deliverable_encoded_information_types);
  return out;
}

bool violates_registration(const Controls& controls, const RegisterArgument88& registered) {
  const auto& length = controls.permissible_maximum_content_length;
  if (length && registered.deliverable_maximum_content_length && *length > *registered.deliverable_maximum_content_length) return true;
  const auto& types = controls.permissible_content_types;
  const auto& known = registered.deliverable_content_types;
  if (types && known && !std::ranges::all_of(*types, [&](const auto& each) { return std::ranges::find(*known, each) != known->end(); }))
    return true;
  const auto* encoded = controls.permissible_encoded_information_types
                            ? std::get_if<EncodedInformationTypes>(&controls.permissible_encoded_information_types->value)
                            : nullptr;
  return encoded != nullptr && registered.deliverable_encoded_information_types &&
         !acceptable(*encoded, only(*registered.deliverable_encoded_information_types));
}

}  // namespace postern::mts
