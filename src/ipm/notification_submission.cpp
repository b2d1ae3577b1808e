#include "ipm/notification_submission.hpp"

#include "ipm/encoded_types.hpp"
#include "ipm/keys.hpp"

namespace postern::ipm {
namespace {

using mts::BuiltInContentType;
using Submission = std::optional<mts::MessageSubmissionArgument>;

bool is(const mts::DeliveredContentType& type, BuiltInContentType which) {
  const auto* built_in = std::get_if<BuiltInContentType>(&type.value);
  return built_in != nullptr && *built_in == which;
}

ORDescriptor described(const oraddress::ORName& name) { return {name, {}, {}}; }

/// X.420 20.2: P2 in answer to P2, so that a user agent of 1984 can read it; P22 where the object needs it, or the message came so.
BuiltInContentType content_type_of(const InformationObject& object, const mts::OtherMessageDeliveryFields& delivery) {
  if (is(delivery.content_type, BuiltInContentType::InterpersonalMessaging1988)) return BuiltInContentType::InterpersonalMessaging1988;
  return ipm::content_type_of(object);
}

Result<Submission> submission_of(const Subject& subject, const std::optional<IPN>& notification) {
  if (!notification) return Submission();
  POSTERN_TRY(mts::MessageSubmissionArgument out, notification_submission(*notification, subject.user, subject.delivery));
  return Submission(std::move(out));
}

}  // namespace

Result<std::optional<IPM>> delivered_message(const mts::OtherMessageDeliveryFields& delivery, ByteView content) {
  if (!is(delivery.content_type, BuiltInContentType::InterpersonalMessaging1984) &&
      !is(delivery.content_type, BuiltInContentType::InterpersonalMessaging1988))
    return std::optional<IPM>();
  POSTERN_TRY(InformationObject object, asn1::decode<InformationObject>(content));
  if (auto* message = std::get_if<IPM>(&object.value)) return std::optional<IPM>(std::move(*message));
  return std::optional<IPM>();
}

Notifier notifier_of(const Subject& subject) {
  Notifier out{described(subject.user)};
  out.conversion_eits = subject.delivery.converted_encoded_information_types;
  if (owed(subject.message.heading, subject.user) != Owed()) return out;
  const auto& intended = subject.delivery.originally_intended_recipient_name;
  const oraddress::ORName& named = intended ? *intended : subject.delivery.this_recipient_name;
  if (!same_name(named, subject.user)) out.intended_recipient = described(named);
  return out;
}

Result<Submission> receipt_submission(const Subject& subject, const Receipt& receipt) {
  POSTERN_TRY(const std::optional<IPN> notification, receipt_notification(subject.message, notifier_of(subject), receipt));
  return submission_of(subject, notification);
}

Result<Submission> non_receipt_submission(const Subject& subject, const NonReceipt& what) {
  POSTERN_TRY(const std::optional<IPN> notification, non_receipt_notification(subject.message, notifier_of(subject), what));
  return submission_of(subject, notification);
}

bool returns_message(const Subject& subject) {
  const Notifier notifier = notifier_of(subject);
  const ORDescriptor& named = notifier.intended_recipient ? *notifier.intended_recipient : notifier.recipient;
  return !notifier.conversion_eits && owed(subject.message.heading, *named.formal_name).return_of_message;
}

Result<mts::MessageSubmissionArgument> notification_submission(const IPN& notification, const oraddress::ORName& user,
                                                               const mts::OtherMessageDeliveryFields& delivery) {
  const InformationObject object{notification};
  mts::MessageSubmissionArgument out;
  POSTERN_TRY(out.content.octets, asn1::encode_as_taken(object));  // it may return the message as it came
  out.envelope.originator_name = user;
  out.envelope.content_type.value = content_type_of(object, delivery);
  out.envelope.original_encoded_information_types = encoded_information_types(object);
  out.envelope.priority = delivery.priority;
  out.envelope.per_recipient_fields.emplace_back().recipient_name = delivery.originator_name;
  return out;
}

}  // namespace postern::ipm
