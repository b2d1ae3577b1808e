#include "transport/native_registration.hpp"

#include "base/secret.hpp"
#include "mhs/p3_client.hpp"
#include "ms/oids.hpp"
#include "transport/native_entries.hpp"
#include "transport/native_submission.hpp"

namespace postern::transport {
namespace {

std::string field_of(std::size_t at, const char* member) { return "actions[" + std::to_string(at) + "]." + member; }

Result<std::optional<ms::Filter>> action_filter(const sdk::AutoAction& action, std::size_t at) {
  if (!action.filter.originator_contains.empty())
    return fail(ErrorCode::Unsupported,
                "a store cannot look for a part of an originator's name when a message comes; filter by something else",
                field_of(at, "filter.originator_contains"));
  return filter_of(action.filter);
}

bool has_filter(const sdk::Filter& filter) {
  return (filter.entry_classes | filter.statuses | filter.priorities) != 0 || filter.not_before || filter.before ||
         !filter.originator_contains.empty() || !filter.subject_contains.empty();
}

/// X.413 12.1. With an attribute the alert says which entry it is about.
Result<asn1::Any> alert_parameter(const sdk::AutoAction& action, std::size_t at) {
  if (!action.address.empty()) return fail(ErrorCode::BadInput, "is for auto-forward only", field_of(at, "address"));
  ms::AutoAlertRegistrationParameter out;
  POSTERN_TRY(out.filter, action_filter(action, at));
  out.requested_attributes = ms::EntryInformationSelection{{ms::att::entry_type, std::nullopt, std::nullopt}};
  return asn1::to_any(out);
}

/// X.413 (1988) 12.1, X.420 19.7.1.
Result<asn1::Any> forward_parameter(const sdk::AutoAction& action, const mts::ORName& user, std::size_t at) {
  ms::AutoForwardRegistrationParameter88 out;
  POSTERN_TRY(out.filter, action_filter(action, at));
  out.auto_forward_arguments.originator_name = user;
  auto& recipient = out.auto_forward_arguments.per_recipient_fields.emplace_back();
  POSTERN_TRY(recipient.recipient_name, or_name_of(action.address, field_of(at, "address")));
  recipient.originator_report_request.set(mts::OriginatorReportRequestBit::NonDeliveryReport);
  POSTERN_TRY(out.forwarding_information.octets, asn1::encode(ms::ForwardingInformation()));
  return asn1::to_any(out);
}

/// A parameter of one's own stands for filter and address.
Result<asn1::Any> given_parameter(const sdk::AutoAction& action, std::size_t at) {
  if (!action.address.empty() || has_filter(action.filter))
    return fail(ErrorCode::BadInput, "has filter and address in it; leave those out, or this", field_of(at, "parameter"));
  const auto size = asn1::element_size(action.parameter);
  if (!size || *size != action.parameter.size()) return fail(ErrorCode::BadInput, "is not one value in BER", field_of(at, "parameter"));
  return asn1::Any{action.parameter};
}

Result<asn1::Oid> type_of(sdk::AutoActionKind kind, std::size_t at) {
  switch (kind) {
    case sdk::AutoActionKind::Forward: return ms::id_act_ipm_auto_forward();
    case sdk::AutoActionKind::Alert: return ms::id_act_auto_alert();
    case sdk::AutoActionKind::Delete: break;
  }
  return fail(ErrorCode::Unsupported, "P7 of 1988 has auto-forward and auto-alert", field_of(at, "kind"));
}

Status check_identifier(const sdk::AutoAction& action, std::size_t at) {
  if (action.id >= 1 && action.id <= static_cast<std::uint32_t>(ms::ub::auto_actions)) return {};
  return fail(ErrorCode::BadInput, "must be 1 to " + std::to_string(ms::ub::auto_actions) + " (X.413 ub-auto-actions)", field_of(at, "id"));
}

Status add_action(ms::RegisterMSArgument& out, const sdk::AutoAction& action, const mts::ORName& user, std::size_t at) {
  POSTERN_TRY(const asn1::Oid type, type_of(action.kind, at));
  POSTERN_CHECK(check_identifier(action, at));
  if (action.remove) {
    if (!out.auto_action_deregistrations) out.auto_action_deregistrations.emplace();
    out.auto_action_deregistrations->push_back({type, action.id});
    return {};
  }
  ms::AutoActionRegistration made{type, action.id, std::nullopt};
  if (!action.parameter.empty()) {
    POSTERN_TRY(made.registration_parameter, given_parameter(action, at));
  } else if (action.kind == sdk::AutoActionKind::Forward) {
    POSTERN_TRY(made.registration_parameter, forward_parameter(action, user, at));
  } else {
    POSTERN_TRY(made.registration_parameter, alert_parameter(action, at));
  }
  if (!out.auto_action_registrations) out.auto_action_registrations.emplace();
  out.auto_action_registrations->push_back(std::move(made));
  return {};
}

Status add_credentials(ms::RegisterMSArgument& out, const sdk::Register& request) {
  if (request.old_password.empty() && request.new_password.empty()) return {};
  if (request.old_password.empty()) return fail(ErrorCode::BadInput, "is needed to change it", "old_password");
  if (request.new_password.empty()) return fail(ErrorCode::BadInput, "is empty; name one", "new_password");
  out.change_credentials = ms::ChangeCredentials{mhs::simple_credentials(SecretBytes(ByteView(request.old_password))),
                                                 mhs::simple_credentials(SecretBytes(ByteView(request.new_password)))};
  return {};
}

}  // namespace

Result<ms::RegisterMSArgument> registration_of(const sdk::Register& request, const mts::ORName& user) {
  ms::RegisterMSArgument out;
  for (std::size_t i = 0; i < request.actions.size(); ++i) POSTERN_CHECK(add_action(out, request.actions[i], user, i));
  if (request.default_list) out.list_attribute_defaults = defaults_of(*request.default_list);
  if (request.default_fetch) out.fetch_attribute_defaults = defaults_of(*request.default_fetch);
  POSTERN_CHECK(add_credentials(out, request));
  return out;
}

}  // namespace postern::transport
