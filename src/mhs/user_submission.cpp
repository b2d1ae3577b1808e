#include "mhs/user_submission.hpp"

#include <algorithm>
#include <stdexcept>

#include "base/log.hpp"
#include "oraddress/compare.hpp"
#include "osi/oids.hpp"

namespace postern::mhs {
namespace {

using mts::Port;

std::int64_t code_of(std::string_view operation) { return mts::p3_operation(operation).code; }

template <class T>
std::optional<asn1::Any> parameter_of(const T& value) {
  auto any = asn1::to_any(value, schema(asn1::Of<T>{}), asn1::EncodeRules::Lenient);
  return any ? std::optional(*std::move(any)) : std::nullopt;
}

/// X.411 8.2.2.3: those whose address is of no form that exists.
template <class Envelope>
mts::ImproperlySpecifiedRecipients improper_recipients(const Envelope& envelope) {
  mts::ImproperlySpecifiedRecipients out;
  for (const auto& each : envelope.per_recipient_fields)
    if (!oraddress::form_of(each.recipient_name)) out.push_back(each.recipient_name);
  return out;
}

/// Errors of the port under the names of the standard.
struct FaultRow {
  ErrorCode code;
  std::string_view name;
};
constexpr FaultRow kFaults[] = {
    {ErrorCode::BadInput, "inconsistent-request"},
    {ErrorCode::TooLarge, "element-of-service-not-subscribed"},
    {ErrorCode::NotFound, "message-submission-identifier-invalid"},
    {ErrorCode::Conflict, "deferred-delivery-cancellation-rejected"},
    {ErrorCode::Denied, "security-error"},
    {ErrorCode::Unsupported, "unsupported-critical-function"},
};
/// Whatever else is wrong is ours, and may pass.
constexpr std::string_view kLater = "submission-control-violated";

}  // namespace

RoseFault fault_named(Port port, std::string_view name, std::optional<asn1::Any> parameter) {
  for (const mts::ErrorInfo& each : mts::p3_errors())
    if (each.port == port && each.name == name) return {each.code, std::move(parameter)};
  throw std::invalid_argument("no such error of P3");
}

RoseFault submission_fault(const Error& error) {
  const auto row = std::ranges::find(kFaults, error.code, &FaultRow::code);
  if (row == std::end(kFaults)) return fault_named(Port::Submission, kLater);
  std::optional<asn1::Any> parameter;
  if (error.code == ErrorCode::Denied) parameter = parameter_of(mts::SecurityProblem::SecurityPolicyViolation);
  return fault_named(Port::Submission, row->name, std::move(parameter));
}

void UserSubmission::add_to(RoseOperations& table) {
  const asn1::Oid& port = osi::oid::as_msse();
  table.on<mts::MessageSubmissionArgument>(port, code_of("message-submission"),
                                           [this](auto argument) { return submit(std::move(argument)); });
  table.on<mts::ProbeSubmissionArgument>(port, code_of("probe-submission"),
                                         [this](auto argument) { return submit_probe(std::move(argument)); });
  table.on<mts::CancelDeferredDeliveryArgument>(port, code_of("cancel-deferred-delivery"),
                                                [this](auto identifier) { return cancel(std::move(identifier)); });
}

template <class Envelope>
std::optional<RoseFault> UserSubmission::refusal_for(const Envelope& envelope) const {
  if (const Status open = m_port.open(); !open) {  // X.411 8.2.2.1
    log::info("x400.submission_held_back", {{"user", m_user.text}, {"reason", open.error()}});
    return fault_named(Port::Submission, kLater);
  }
  // X.411 8.2.1.1.1.1: a user submits under his own name.
  if (!oraddress::equivalent(envelope.originator_name, m_user.address)) return fault_named(Port::Submission, "originator-invalid");
  const mts::ImproperlySpecifiedRecipients improper = improper_recipients(envelope);
  if (improper.empty()) return std::nullopt;
  return fault_named(Port::Submission, "recipient-improperly-specified", parameter_of(improper));
}

io::Task<RoseReply> UserSubmission::submit(mts::MessageSubmissionArgument argument) {
  if (auto refused = refusal_for(argument.envelope)) co_return *std::move(refused);
  const auto result = co_await m_port.submit(std::move(argument.envelope), std::move(argument.content.octets), m_user.actor());
  if (result) co_return reply_of(*result);
  log::info("x400.submission_refused", {{"user", m_user.text}, {"reason", result.error()}});
  co_return submission_fault(result.error());
}

io::Task<RoseReply> UserSubmission::submit_probe(mts::ProbeSubmissionArgument argument) {
  if (auto refused = refusal_for(argument)) co_return *std::move(refused);
  const auto result = co_await m_port.submit_probe(std::move(argument), m_user.actor());
  if (result) co_return reply_of(*result);
  log::info("x400.probe_refused", {{"user", m_user.text}, {"reason", result.error()}});
  co_return submission_fault(result.error());
}

io::Task<RoseReply> UserSubmission::cancel(mts::CancelDeferredDeliveryArgument identifier) {
  const Status cancelled = co_await m_port.cancel(std::move(identifier), m_user.address, m_user.actor());
  if (cancelled) co_return null_value();
  log::info("x400.cancel_refused", {{"user", m_user.text}, {"reason", cancelled.error()}});
  co_return submission_fault(cancelled.error());
}

}  // namespace postern::mhs
