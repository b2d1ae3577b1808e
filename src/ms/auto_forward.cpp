#include "ms/auto_forward.hpp"

#include "ipm/encoded_types.hpp"
#include "ipm/notification_submission.hpp"
#include "ms/delivery.hpp"
#include "ms/filter.hpp"
#include "ms/oids.hpp"

namespace postern::ms {

using namespace asn1;

namespace {

/// What both editions' parameters say.
struct Wish {
  std::optional<Filter> filter;
  mts::MessageSubmissionEnvelope envelope;
  std::string comment;
  std::string prefix;
};

Wish wish_of(const AutoForwardRegistrationParameter88& parameter) {
  Wish out;
  out.filter = parameter.filter;
  const AutoForwardArguments& arguments = parameter.auto_forward_arguments;
  out.envelope.originator_name = arguments.originator_name;
  out.envelope.content_identifier = arguments.content_identifier;
  out.envelope.priority = arguments.priority.value_or(mts::Priority::Normal);
  if (arguments.per_message_indicators) out.envelope.per_message_indicators = *arguments.per_message_indicators;
  out.envelope.deferred_delivery_time = arguments.deferred_delivery_time;
  out.envelope.extensions = arguments.extensions;
  out.envelope.per_recipient_fields = arguments.per_recipient_fields;
  if (const auto information = decode<ForwardingInformation>(parameter.forwarding_information.octets)) {
    if (information->auto_forwarding_comment) out.comment = information->auto_forwarding_comment->octets;
    if (information->this_ipm_prefix) out.prefix = information->this_ipm_prefix->octets;
  }
  return out;
}

std::optional<Wish> wish_of(const AutoActionRegistration& registration) {
  if (registration.auto_action_type != id_act_ipm_auto_forward() || !registration.registration_parameter) return std::nullopt;
  if (const auto parameter = from_any<AutoForwardRegistrationParameter88>(*registration.registration_parameter)) return wish_of(*parameter);
  const auto parameter = from_any<IPMAutoForwardRegistrationParameter>(*registration.registration_parameter);
  if (!parameter) return std::nullopt;
  Wish out{parameter->filter, parameter->forwarding_envelope, {}, {}};
  if (parameter->nrn_comment) out.comment = parameter->nrn_comment->octets;
  return out;
}

bool selects(const Wish& wish, const NumberedEntry& entry) {
  if (!wish.filter) return true;
  const auto filter = CompiledFilter::compile(*wish.filter);
  if (!filter) return false;
  const EntryView::LoadDetails load = [&](SequenceNumber) -> Result<Bytes> { return entry.details; };
  EntryView view(entry.row, load);
  return filter->matches(view).value_or(false);
}

ipm::ORDescriptor described(const mts::ORName& name) { return {name, {}, {}}; }

/// The new message's octets, its content type and its encoded information types into a submission.
Result<mts::MessageSubmissionArgument> submission(mts::MessageSubmissionEnvelope envelope, const ipm::InformationObject& object) {
  mts::MessageSubmissionArgument out;
  POSTERN_TRY(out.content.octets, encode_as_taken(object));
  out.envelope = std::move(envelope);
  out.envelope.content_type.value = ipm::content_type_of(object);
  out.envelope.original_encoded_information_types = ipm::encoded_information_types(object);
  return out;
}

Result<Forwarding> forwarded(const Wish& wish, const ipm::IPM& subject, const Arrived& arrived, const ForwardingUser& user,
                             std::size_t index) {
  ipm::AutoForwardRule rule;
  rule.this_ipm = {user.name,
                   PrintableString((wish.prefix + user.unique + "-" + std::to_string(index)).substr(0, ipm::ub_local_ipm_identifier))};
  rule.forwarder = described(user.name);
  for (const auto& each : wish.envelope.per_recipient_fields) rule.recipients.push_back({described(each.recipient_name), {}, false, {}});
  rule.comment = wish.comment;
  const ipm::MessageParameters delivery{arrived.envelope.message_delivery_time, arrived.envelope.other_fields};
  const ipm::Notifier notifier = ipm::notifier_of({user.name, arrived.envelope.other_fields, subject});
  POSTERN_TRY(ipm::AutoForwarded made, ipm::auto_forward(subject, delivery, notifier, rule));
  Forwarding out;
  POSTERN_TRY(out.argument, submission(wish.envelope, ipm::InformationObject{std::move(made.message)}));
  if (made.notification) {
    POSTERN_TRY(out.notification, ipm::notification_submission(*made.notification, user.name, arrived.envelope.other_fields));
  }
  return out;
}

}  // namespace

std::vector<Forwarding> forwardings(const RegisteredInformation& registered, const Arrived& arrived, const ForwardingUser& user) {
  std::vector<Forwarding> out;
  if (!registered.auto_action_registrations) return out;
  const auto object = decode<ipm::InformationObject>(arrived.content);
  if (!object || object->ipm() == nullptr) return out;
  for (const AutoActionRegistration& each : *registered.auto_action_registrations) {
    const auto wish = wish_of(each);
    if (!wish || wish->envelope.per_recipient_fields.empty() || !selects(*wish, arrived.entry)) continue;
    if (auto made = forwarded(*wish, *object->ipm(), arrived, user, out.size())) out.push_back(*std::move(made));
  }
  return out;
}

}  // namespace postern::ms
