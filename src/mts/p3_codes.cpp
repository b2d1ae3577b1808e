// The operations and errors of P3 as tables (X.419 annex A "MTSAccessProtocol").
#include <algorithm>
#include <stdexcept>

#include "asn1/ber.hpp"
#include "mts/p3.hpp"

namespace postern::mts {

using namespace asn1;

namespace {

template <class T>
const Type& of() {
  return schema(Of<T>{});
}

constexpr OperationInfo kOperations[] = {
    {Port::Submission, 3, "message-submission", Invoker::User, &of<MessageSubmissionArgument>, &of<MessageSubmissionResult>},
    {Port::Submission, 4, "probe-submission", Invoker::User, &of<ProbeSubmissionArgument>, &of<ProbeSubmissionResult>},
    {Port::Submission, 7, "cancel-deferred-delivery", Invoker::User, &of<CancelDeferredDeliveryArgument>, &of<Null>},
    {Port::Submission, 2, "submission-control", Invoker::Mts, &of<SubmissionControlArgument>, &of<SubmissionControlResult>},
    {Port::Delivery, 5, "message-delivery", Invoker::Mts, &of<MessageDeliveryArgument>, &of<MessageDeliveryResult>},
    {Port::Delivery, 6, "report-delivery", Invoker::Mts, &of<ReportDeliveryArgument>, &of<ReportDeliveryResult>},
    {Port::Delivery, 2, "delivery-control", Invoker::User, &of<DeliveryControlArgument>, &of<DeliveryControlResult>},
    {Port::Administration, 1, "register", Invoker::User, &of<RegisterArgument>, &of<RegisterResult>},
    {Port::Administration, 8, "change-credentials", Invoker::User, &of<ChangeCredentialsArgument>, &of<Null>},
};

constexpr std::string_view kSecurity = "the security policy does not allow it";
constexpr std::string_view kRemoteBind = "the store could not bind to the MTS; try again later, or look at the store's own bind";
constexpr std::string_view kCritical = "a critical extension is not supported; send without it, or not marked critical";
constexpr std::string_view kRefused = "a parameter was refused";

constexpr ErrorInfo kErrors[] = {
    {Port::Submission, 1, "submission-control-violated", nullptr, "the MTS holds submissions of this kind back now; try again later"},
    {Port::Submission, 2, "originator-invalid", nullptr, "the originator's name is not one this user may send under"},
    {Port::Submission, 3, "recipient-improperly-specified", &of<ImproperlySpecifiedRecipients>,
     "recipients are not properly specified; correct their addresses"},
    {Port::Submission, 4, "element-of-service-not-subscribed", nullptr,
     "the message asks for a service that this user has not subscribed to"},
    {Port::Submission, 7, "message-submission-identifier-invalid", nullptr, "no message with this identifier waits here"},
    {Port::Submission, 8, "deferred-delivery-cancellation-rejected", nullptr,
     "the message is on its way already and cannot be called back"},
    {Port::Submission, 11, "inconsistent-request", nullptr,
     "the request contradicts itself or lacks what it needs; compare it with the protocol"},
    {Port::Submission, 12, "security-error", &of<SecurityProblem>, kSecurity},
    {Port::Submission, 13, "unsupported-critical-function", nullptr, kCritical},
    {Port::Submission, 15, "remote-bind-error", nullptr, kRemoteBind},
    {Port::Delivery, 1, "delivery-control-violated", nullptr, "the user holds deliveries of this kind back now; it is kept for him"},
    {Port::Delivery, 12, "security-error", &of<SecurityProblem>, kSecurity},
    {Port::Delivery, 13, "unsupported-critical-function", nullptr, kCritical},
    {Port::Delivery, 14, "control-violates-registration", nullptr, "the control asks for more than what is registered; register first"},
    {Port::Delivery, 16, "operation-refused", &of<RefusedOperation>, kRefused},
    {Port::Administration, 5, "old-credentials-incorrectly-specified", nullptr, "the old credentials are not those in force"},
    {Port::Administration, 6, "new-credentials-unacceptable", nullptr, "the new credentials are not acceptable; choose others"},
    {Port::Administration, 10, "register-rejected", nullptr, "the registration is not acceptable as a whole; nothing has been changed"},
    {Port::Administration, 12, "security-error", &of<SecurityProblem>, kSecurity},
    {Port::Administration, 15, "remote-bind-error", nullptr, kRemoteBind},
    {Port::Administration, 16, "operation-refused", &of<RefusedOperation>, kRefused},
};

template <class E>
std::string name_of(E number) {
  for (const NamedNumber& named : schema(Of<E>{}).names) {
    if (named.number == static_cast<std::int64_t>(number)) return std::string(named.name);
  }
  return std::to_string(static_cast<std::int64_t>(number));
}

std::string words(const SecurityProblem& problem) { return name_of(problem); }
std::string words(const ImproperlySpecifiedRecipients& recipients) { return std::to_string(recipients.size()) + " of them"; }
std::string words(const RefusedOperation& refused) {
  const auto& what = refused.refused_argument.value;
  const auto* argument = std::get_if<RefusedArgument>(&what);
  return (argument != nullptr ? name_of(*argument) : text_of(std::get<ExtensionType>(what))) + ", " + name_of(refused.refusal_reason);
}

template <class T>
std::string read(const Any& parameter) {
  const auto value = from_any<T>(parameter);
  return value ? words(*value) : "its parameter cannot be read";
}

std::string words_of_parameter(const ErrorInfo& error, const Any& parameter) {
  if (error.parameter == &of<SecurityProblem>) return read<SecurityProblem>(parameter);
  if (error.parameter == &of<RefusedOperation>) return read<RefusedOperation>(parameter);
  return read<ImproperlySpecifiedRecipients>(parameter);
}

}  // namespace

std::span<const OperationInfo> p3_operations() { return kOperations; }
std::span<const ErrorInfo> p3_errors() { return kErrors; }

const OperationInfo* p3_operation(Port port, std::int64_t code) {
  const auto* at = std::ranges::find_if(kOperations, [&](const OperationInfo& info) { return info.port == port && info.code == code; });
  return at == std::end(kOperations) ? nullptr : at;
}

const OperationInfo& p3_operation(std::string_view name) {
  const auto* at = std::ranges::find(kOperations, name, &OperationInfo::name);
  if (at == std::end(kOperations)) throw std::invalid_argument("no such operation of P3");
  return *at;
}

const ErrorInfo* p3_error(Port port, std::int64_t code) {
  const auto* at = std::ranges::find_if(kErrors, [&](const ErrorInfo& info) { return info.port == port && info.code == code; });
  return at == std::end(kErrors) ? nullptr : at;
}

std::string words_of_p3_error(Port port, std::int64_t code, const Any* parameter) {
  const ErrorInfo* error = p3_error(port, code);
  if (error == nullptr) return "error " + std::to_string(code) + ", which the standard does not have here";
  std::string text(error->name);
  text.append(": ").append(error->words);
  if (error->parameter != nullptr && parameter != nullptr) text.append(" (").append(words_of_parameter(*error, *parameter)).append(")");
  return text;
}

}  // namespace postern::mts
