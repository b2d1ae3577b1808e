// register-MS, modify, alerts, and operations by their code.
#include <algorithm>

#include "ms/oids.hpp"
#include "ms/session_errors.hpp"
#include "ms/store_session.hpp"

namespace postern::ms {

using asn1::Any;
using detail::refuse;
using detail::storage_error;

// ---- register-MS: everything is judged before anything is changed
namespace {

/// X.413 12.1, X.420 19.7.1: a parameter of its type, whose filter can be evaluated. 1988 and 1994 have different ones for auto-forward.
std::optional<OperationError> check_parameter(const AutoActionRegistration& registration) {
  const OperationError invalid{InvalidParametersError{}, "the parameter of an auto-action is not of its type"};
  if (!registration.registration_parameter) return invalid;
  std::optional<Filter> filter;
  if (registration.auto_action_type == id_act_auto_alert()) {
    const auto alert = asn1::from_any<AutoAlertRegistrationParameter>(*registration.registration_parameter);
    if (!alert) return invalid;
    filter = alert->filter;
  } else if (const auto forward = asn1::from_any<IPMAutoForwardRegistrationParameter>(*registration.registration_parameter)) {
    filter = forward->filter;
  } else if (const auto forward_88 = asn1::from_any<AutoForwardRegistrationParameter88>(*registration.registration_parameter)) {
    filter = forward_88->filter;
  } else {
    return invalid;
  }
  if (!filter) return std::nullopt;
  auto compiled = CompiledFilter::compile(*filter);
  return compiled ? std::nullopt : std::optional(std::move(compiled).error());
}

void check_defaults(const std::optional<std::vector<AttributeType>>& defaults, bool for_list, std::vector<AttributeProblemItem>& problems) {
  for (const AttributeType& each : defaults.value_or(std::vector<AttributeType>{})) {
    const AttributeInfo* info = find_attribute(each);
    if (info == nullptr)
      problems.push_back({AttributeProblem::UnavailableAttributeType, each, {}});
    else if (for_list && !info->listed())
      problems.push_back({AttributeProblem::InappropriateForOperation, each, {}});
  }
}

bool is_1994(const RegisterMSArgument& argument) {
  return argument.ua_registrations || argument.submission_defaults || argument.message_group_registrations ||
         argument.registration_status_request || argument.register_ms_extensions;
}

bool same(const AutoActionRegistration& a, const AutoActionType& type, std::int64_t identifier) {
  return a.auto_action_type == type && a.registration_identifier == identifier;
}

/// X.413 8.6.1: a registration takes the place of one with its type and identifier.
void apply_auto_actions(std::vector<AutoActionRegistration>& actions, const RegisterMSArgument& argument) {
  for (const AutoActionDeregistration& each : argument.auto_action_deregistrations.value_or(std::vector<AutoActionDeregistration>{}))
    std::erase_if(actions, [&](const auto& have) { return same(have, each.auto_action_type, each.registration_identifier); });
  for (const AutoActionRegistration& each : argument.auto_action_registrations.value_or(std::vector<AutoActionRegistration>{})) {
    std::erase_if(actions, [&](const auto& have) { return same(have, each.auto_action_type, each.registration_identifier); });
    actions.push_back(each);
  }
}

/// An empty list takes the defaults back.
void apply_defaults(std::optional<std::vector<AttributeType>>& have, const std::optional<std::vector<AttributeType>>& given) {
  if (!given) return;
  have = given->empty() ? std::nullopt : given;
}

void apply_ua_registrations(RegisteredInformation& registered, const RegisterMSArgument& argument) {
  for (const UARegistration& each : argument.ua_registrations.value_or(std::vector<UARegistration>{})) {
    if (!registered.ua_registrations) registered.ua_registrations.emplace();
    std::erase_if(*registered.ua_registrations,
                  [&](const UARegistration& have) { return have.ua_registration_identifier == each.ua_registration_identifier; });
    registered.ua_registrations->push_back(each);
  }
}

RegisteredInformation applied(RegisteredInformation registered, const RegisterMSArgument& argument) {
  std::vector<AutoActionRegistration> actions = registered.auto_action_registrations.value_or(std::vector<AutoActionRegistration>{});
  apply_auto_actions(actions, argument);
  registered.auto_action_registrations = actions.empty() ? std::nullopt : std::optional(std::move(actions));
  apply_defaults(registered.list_attribute_defaults, argument.list_attribute_defaults);
  apply_defaults(registered.fetch_attribute_defaults, argument.fetch_attribute_defaults);
  apply_ua_registrations(registered, argument);
  if (argument.submission_defaults) registered.submission_defaults = argument.submission_defaults;
  return registered;
}

/// What of it was asked for; no bits: everything.
RegisteredInformation reported(RegisteredInformation registered, const RegistrationTypes& asked) {
  if (!asked.registrations) return registered;
  const auto keep = [&](RegistrationBit bit, auto& part) {
    if (!asked.registrations->test(bit)) part.reset();
  };
  keep(RegistrationBit::AutoActionRegistrations, registered.auto_action_registrations);
  keep(RegistrationBit::ListAttributeDefaults, registered.list_attribute_defaults);
  keep(RegistrationBit::FetchAttributeDefaults, registered.fetch_attribute_defaults);
  keep(RegistrationBit::UaRegistrations, registered.ua_registrations);
  keep(RegistrationBit::SubmissionDefaults, registered.submission_defaults);
  return registered;
}

std::vector<AutoActionRequestProblemItem> unknown_actions(const RegisterMSArgument& argument) {
  std::vector<AutoActionRequestProblemItem> out;
  const auto check = [&](const AutoActionType& type) {
    if (type != id_act_auto_alert() && type != id_act_ipm_auto_forward())
      out.push_back({AutoActionRequestProblem::UnavailableAutoActionType, type});
  };
  for (const auto& each : argument.auto_action_registrations.value_or(std::vector<AutoActionRegistration>{})) check(each.auto_action_type);
  for (const auto& each : argument.auto_action_deregistrations.value_or(std::vector<AutoActionDeregistration>{}))
    check(each.auto_action_type);
  return out;
}

}  // namespace

std::optional<OperationError> StoreSession::check_registration(const RegisterMSArgument& argument) const {
  if (!m_options.version_1994 && is_1994(argument)) return OperationError{InvalidParametersError{}, "registrations of 1994"};
  if (argument.message_group_registrations) {
    RegistrationTypes types;
    types.registrations.emplace().set(RegistrationBit::MessageGroupRegistrations);
    return OperationError{RegisterMSError{RegistrationProblem::RegistrationNotSupported, types}, "message groups"};
  }
  if (auto wrong = check(EntryClass::Delivery, argument.register_ms_extensions)) return wrong;
  if (argument.user_security_labels) return OperationError{ServiceError{ServiceProblem::UnwillingToPerform, {}}, "security labels"};
  if (auto problems = unknown_actions(argument); !problems.empty()) return OperationError{AutoActionRequestError{std::move(problems)}, {}};
  std::vector<AttributeProblemItem> problems;
  check_defaults(argument.list_attribute_defaults, true, problems);
  check_defaults(argument.fetch_attribute_defaults, false, problems);
  if (!problems.empty()) return OperationError{AttributeError{std::move(problems)}, {}};
  for (const auto& each : argument.auto_action_registrations.value_or(std::vector<AutoActionRegistration>{}))
    if (auto wrong = check_parameter(each)) return wrong;
  return std::nullopt;
}

/// X.413 8.6.1.5: simple credentials only.
std::optional<OperationError> StoreSession::change_credentials(const ChangeCredentials& change) {
  const auto* old_password = std::get_if<mts::Password>(&change.old_credentials.value);
  const auto* new_password = std::get_if<mts::Password>(&change.new_credentials.value);
  if (old_password == nullptr) return OperationError{OldCredentialsIncorrectlySpecified{}, "not a password"};
  if (new_password == nullptr || !m_options.change_password) return OperationError{NewCredentialsUnacceptable{}, "not a password"};
  const auto verdict = m_options.change_password(*old_password, *new_password);
  if (!verdict) return storage_error(verdict.error());
  switch (*verdict) {
    case PasswordVerdict::Changed: return std::nullopt;
    case PasswordVerdict::OldIsWrong: return OperationError{OldCredentialsIncorrectlySpecified{}, "wrong password"};
    case PasswordVerdict::NewIsUnacceptable: break;
  }
  return OperationError{NewCredentialsUnacceptable{}, "the new password"};
}

Answer<RegisterMSResult> StoreSession::register_ms(const RegisterMSArgument& argument) {
  if (auto wrong = check_registration(argument)) return refuse(*std::move(wrong));
  POSTERN_MS_STORED(const RegisteredInformation before, m_mailbox.registered());
  RegisteredInformation after = applied(before, argument);
  if (after.auto_action_registrations && after.auto_action_registrations->size() > m_options.registrations)
    return refuse(AutoActionRequestError{
        {{AutoActionRequestProblem::NotWillingToPerform, argument.auto_action_registrations->front().auto_action_type}}});
  if (argument.change_credentials)
    if (auto wrong = change_credentials(*argument.change_credentials)) return refuse(*std::move(wrong));
  if (!(after == before))
    if (const Status kept = m_mailbox.keep(after); !kept) return refuse(storage_error(kept.error()));
  if (!argument.registration_status_request) return RegisterMSResult{asn1::Null{}};
  return RegisterMSResult{reported(std::move(after), *argument.registration_status_request)};
}

// ---- modify
Answer<ModifyResult> StoreSession::modify(const ModifyArgument& argument) {
  if (!m_options.version_1994) return refuse(ServiceError{ServiceProblem::UnwillingToPerform, {}}, "modify in a 1988 context");
  if (auto wrong = check(argument.entry_class, argument.modify_extensions)) return refuse(*std::move(wrong));
  std::optional<SequenceNumber> first;
  if (const auto* numbers = std::get_if<std::vector<SequenceNumber>>(&argument.entries.value)) {
    for (const SequenceNumber number : *numbers) {
      POSTERN_MS_STORED(const auto row, m_mailbox.find(number));
      if (!row) return refuse(SequenceNumberError{{{SequenceNumberProblem::NoSuchEntry, number}}});
      if (!first) first = number;
    }
  } else {
    POSTERN_MS_ANSWER(const CompiledSelector selector, compile(std::get<Selector>(argument.entries.value), true));
    const auto visit = [&](EntryView& entry) -> Result<bool> { return first = entry.row().number, false; };
    if (const Status done = for_each_selected(m_mailbox, selector, false, visit); !done) return refuse(storage_error(done.error()));
  }
  if (!first || argument.modifications.empty()) return ModifyResult{};
  return refuse(ModifyError{{}, *first, 1, ModifyProblem::ModifyRestrictionProblem});
}

// ---- alerts
Result<std::vector<AlertArgument>> StoreSession::alerts(SequenceNumber from, SequenceNumber& looked_at) {
  std::vector<AlertArgument> out;
  std::vector<SequenceNumber> listed;
  POSTERN_TRY(const RegisteredInformation registered, m_mailbox.registered());
  CompiledSelector everything;
  everything.scan.from = from;
  const auto alert_of = [&](const AutoActionRegistration& each, EntryView& entry) -> Status {
    if (each.auto_action_type != id_act_auto_alert() || !each.registration_parameter) return {};
    const auto parameter = asn1::from_any<AutoAlertRegistrationParameter>(*each.registration_parameter);
    const auto filter = parameter && parameter->filter ? CompiledFilter::compile(*parameter->filter) : Answer<CompiledFilter>();
    if (!parameter || !filter) return {};
    if (parameter->filter) {
      POSTERN_TRY(const bool selected, filter->matches(entry));
      if (!selected) return {};
    }
    AlertArgument alert;
    alert.alert_registration_identifier = std::clamp<std::int64_t>(each.registration_identifier, 1, ub::auto_actions);
    const auto wanted = selection(parameter->requested_attributes.value_or(EntryInformationSelection{}), true);
    if (wanted && parameter->requested_attributes) {
      auto information_of = information(entry, *wanted);
      if (information_of) alert.new_entry = *std::move(information_of);
      listed.push_back(entry.row().number);
    }
    out.push_back(std::move(alert));
    return {};
  };
  const auto visit = [&](EntryView& entry) -> Result<bool> {
    looked_at = entry.row().number;
    for (const auto& each : registered.auto_action_registrations.value_or(std::vector<AutoActionRegistration>{}))
      POSTERN_CHECK(alert_of(each, entry));
    return out.size() < 100;
  };
  POSTERN_CHECK(for_each_selected(m_mailbox, everything, true, visit));
  if (!listed.empty()) POSTERN_CHECK(m_mailbox.raise_status(listed, RetrievalStatus::Listed));
  return out;
}

// ---- by code
namespace {

template <class Argument, class Call>
Reply call(const Any& octets, const Call& operation) {
  const auto argument = asn1::from_any<Argument>(octets);
  if (!argument) return {Reply::Rejected{Reply::Rejected::Why::MistypedArgument, argument.error().text()}};
  auto answer = operation(*argument);
  if (!answer) return {std::move(answer).error()};
  auto result = asn1::to_any(*answer, schema(asn1::Of<std::remove_cvref_t<decltype(*answer)>>{}), asn1::EncodeRules::Lenient);
  if (!result) return {OperationError{ServiceError{ServiceProblem::Unavailable, {}}, result.error().text()}};
  return {*std::move(result)};
}

}  // namespace

Reply StoreSession::invoke(std::int64_t operation, const Any& argument) {
  switch (static_cast<Operation>(operation)) {
    case Operation::Summarize: return call<SummarizeArgument>(argument, [&](const auto& each) { return summarize(each); });
    case Operation::List: return call<ListArgument>(argument, [&](const auto& each) { return list(each); });
    case Operation::Fetch: return call<FetchArgument>(argument, [&](const auto& each) { return fetch(each); });
    case Operation::Delete: return call<DeleteArgument>(argument, [&](const auto& each) { return remove(each); });
    case Operation::RegisterMS: return call<RegisterMSArgument>(argument, [&](const auto& each) { return register_ms(each); });
    case Operation::Modify:
      if (m_options.version_1994) return call<ModifyArgument>(argument, [&](const auto& each) { return modify(each); });
      [[fallthrough]];
    default: return {Reply::Rejected{Reply::Rejected::Why::UnrecognisedOperation, "operation " + std::to_string(operation)}};
  }
}

}  // namespace postern::ms
