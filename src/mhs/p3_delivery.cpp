#include "mhs/p3_delivery.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "mhs/user_submission.hpp"
#include "mts/rules_extensions.hpp"
#include "osi/oids.hpp"

namespace postern::mhs {
namespace {

using mts::Port;
using Reason = mts::NonDeliveryReasonCode;
using Diagnostic = mts::NonDeliveryDiagnosticCode;

/// An operation and its argument as ROSE carries them.
struct Invocation {
  std::string_view operation;
  Result<asn1::Any> argument;
};
Invocation invocation_of(const Delivery::Argument& argument) {
  // What came from elsewhere is handed on as it came.
  const auto encoded = []<class T>(const T& value) { return asn1::to_any(value, schema(asn1::Of<T>{}), asn1::EncodeRules::Lenient); };
  if (const auto* message = std::get_if<mts::MessageDeliveryArgument>(&argument)) return {"message-delivery", encoded(*message)};
  return {"report-delivery", encoded(std::get<mts::ReportDeliveryArgument>(argument))};
}

/// X.411 8.3.2: errors with which a user says that he will never take it.
struct FinalError {
  std::string_view name;
  Reason reason;
  Diagnostic diagnostic;
};
constexpr FinalError kFinalErrors[] = {
    {"unsupported-critical-function", Reason::UnableToTransfer, Diagnostic::UnsupportedCriticalFunction},
    {"security-error", Reason::TransferFailureForSecurityReason, Diagnostic::SecureMessagingError},
};

RoseReply refused_operation(mts::RefusedArgument argument, mts::RefusalReason reason) {
  mts::RefusedOperation refused;
  refused.refused_argument.value = argument;
  refused.refusal_reason = reason;
  std::optional<asn1::Any> parameter;
  if (auto any = asn1::to_any(refused)) parameter = *std::move(any);
  return fault_named(Port::Delivery, "operation-refused", std::move(parameter));
}

}  // namespace

void P3Delivery::add_to(RoseOperations& table) {
  table.on<mts::DeliveryControlArgument>(osi::oid::as_mdse(), mts::p3_operation("delivery-control").code,
                                         [this](auto argument) { return control(std::move(argument)); });
}

io::Task<void> P3Delivery::deliver_waiting() {
  while (m_feed && m_feed->has_news() && !m_wire.over() && !m_wire.stream().draining()) {
    auto delivery = co_await m_feed->next();
    if (!delivery) co_return;
    co_await deliver(*std::move(delivery));
  }
}

io::Task<void> P3Delivery::registration_changed() {
  if (m_feed) co_await m_feed->registration_changed();
}

bool P3Delivery::close() {
  const bool all_went = m_feed && !m_feed->is_closed() && m_feed->is_exhausted();
  if (m_feed) m_feed->close();
  return all_went;
}

io::Task<void> P3Delivery::deliver(Delivery delivery) {
  Invocation invocation = invocation_of(delivery.argument);
  if (!invocation.argument) co_return m_feed->postponed(delivery, "has no encoding: " + invocation.argument.error().text());
  delivery.argument = {};  // a content is long: it is not kept twice while the user takes his time
  auto answer = co_await m_rose.call(osi::oid::as_mdse(), mts::p3_operation(invocation.operation).code, *std::move(invocation.argument),
                                     io::deadline_in(m_time));
  if (!answer) co_return co_await unanswered(std::move(delivery), std::move(answer).error());
  answered(std::move(delivery), *answer);
}

/// X.411 8.3.1.1: without a result the delivery did not take place as far as the MTS knows, so it takes place again.
io::Task<void> P3Delivery::unanswered(Delivery delivery, Error why) {
  log::warn("x400.delivery_unanswered", {{"user", m_user.text}, {"id", delivery.of.item.item().message.get()}, {"reason", why}});
  m_feed->close();  // the association is over, or soon will be, or has no context for deliveries; what is returned is for another one
  m_feed->returned(std::move(delivery));
  if (why.code == ErrorCode::Timeout) co_await m_wire.abort(osi::RtseAbortReason::TemporaryProblem, "a delivery was not answered in time");
}

void P3Delivery::answered(Delivery delivery, const RoseAnswer& answer) {
  if (const auto* fault = std::get_if<RoseFault>(&answer)) return answered_error(std::move(delivery), *fault);
  if (const auto* problem = std::get_if<osi::RoseProblem>(&answer)) return rejected(std::move(delivery), *problem);
  ++m_taken;
  m_feed->delivered(std::move(delivery));
}

void P3Delivery::answered_error(Delivery delivery, const RoseFault& fault) {
  const std::string words = mts::words_of_p3_error(Port::Delivery, fault.code, fault.parameter ? &*fault.parameter : nullptr);
  const mts::ErrorInfo* info = mts::p3_error(Port::Delivery, fault.code);
  const auto* final = info == nullptr ? std::end(kFinalErrors) : std::ranges::find(kFinalErrors, info->name, &FinalError::name);
  log::info("x400.delivery_refused", {{"user", m_user.text}, {"id", delivery.of.item.item().message.get()}, {"reason", words}});
  if (final == std::end(kFinalErrors)) return m_feed->postponed(delivery, words);
  m_feed->refused(std::move(delivery), report_of(final->reason, final->diagnostic), words);
}

void P3Delivery::rejected(Delivery delivery, const osi::RoseProblem& problem) {
  log::info("x400.delivery_rejected", {{"user", m_user.text}, {"problem", osi::describe(problem)}});
  const bool of_this_association = problem == osi::RoseProblem{osi::InvokeProblem::UnrecognizedOperation} ||
                                   problem == osi::RoseProblem{osi::InvokeProblem::InitiatorReleasing};
  if (!of_this_association) return m_feed->postponed(delivery, "rejected: " + osi::describe(problem));
  m_feed->close();  // first: what is returned is for another association
  m_feed->returned(std::move(delivery));
}

/// X.411 8.3.1.3.
io::Task<RoseReply> P3Delivery::control(mts::DeliveryControlArgument argument) {
  if (!m_feed) co_return refused_operation(mts::RefusedArgument::Restrict, mts::RefusalReason::FacilityNotSubscribed);
  if (mts::critical_unknown(argument.extensions, mts::CriticalityBit::ForDelivery, mts::understood_here) != nullptr)
    co_return fault_named(Port::Delivery, "unsupported-critical-function");
  if (argument.permissible_security_context)
    co_return refused_operation(mts::RefusedArgument::PermissibleSecurityContext, mts::RefusalReason::FacilityNotSubscribed);
  co_await m_feed->read_registration();
  if (argument.restrict && m_feed->violates_registration(argument)) co_return fault_named(Port::Delivery, "control-violates-registration");
  log::info("x400.delivery_control", {{"user", m_user.text}, {"restrict", argument.restrict ? "update" : "remove"}});
  const mts::DeliveryControlResult waiting = co_await m_feed->control(std::move(argument));
  co_return reply_of(waiting);
}

}  // namespace postern::mhs
