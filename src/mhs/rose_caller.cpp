#include "mhs/rose_caller.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace postern::mhs {
namespace {

RoseAnswer answer_of(osi::RoseError&& error) {
  if (const auto* local = std::get_if<std::int64_t>(&error.error.value)) return RoseFault{*local, std::move(error.parameter)};
  return osi::RoseProblem{osi::ReturnErrorProblem::UnrecognizedError};  // X.419 has local codes only
}

std::string words_of(const osi::AssociationAborted& aborted) {
  return "aborted by " + std::string(osi::name_of(aborted.origin)) + ": " + aborted.text;
}

}  // namespace

io::Task<Result<RoseAnswer>> RoseCaller::call(asn1::Oid syntax, std::int64_t operation, asn1::Any argument, SteadyTime deadline) {
  if (m_wire.over()) co_return fail(ErrorCode::Unavailable, m_end);
  osi::RoseInvocation invocation;
  invocation.operation = operation;
  invocation.argument = std::move(argument);
  const auto invoked = m_wire->invoke(syntax, std::move(invocation));
  if (!invoked && !m_wire->open()) POSTERN_CO_CHECK(co_await attend(deadline));  // its end is here already: that says why
  POSTERN_CO_TRY(const std::int64_t id, invoked);
  m_awaited.insert(id);
  for (;;) {
    if (auto found = m_answers.extract(id)) {
      m_awaited.erase(id);
      co_return std::move(found.mapped());
    }
    const Status came = co_await attend(deadline);
    if (came) continue;
    m_awaited.erase(id);
    if (!m_wire.over()) m_wire->forget(id);
    co_return fail(came.error());
  }
}

io::Task<std::string> RoseCaller::serve(Serving serving) {
  m_heard = std::chrono::steady_clock::now();
  SteadyTime look_at = m_heard + serving.every;
  while (!m_wire.over()) {
    auto event = co_await m_wire.next(std::min(m_heard + serving.idle, look_at), io::WakeOn::DataOrDrain);
    if (event) {
      co_await handle(*std::move(event));
    } else if (event.error().code != ErrorCode::Timeout) {
      co_await give_up(event.error().field == "drain" ? "this side closes" : event.error().what);
    } else if (std::chrono::steady_clock::now() >= m_heard + serving.idle) {
      co_await give_up("idle for too long");
    }
    // Beside a peer who never pauses as well.
    if (m_wire.over() || std::chrono::steady_clock::now() < look_at) continue;
    if (serving.meanwhile) co_await serving.meanwhile();
    look_at = io::deadline_in(serving.every);
  }
  co_return m_end;
}

io::Task<void> RoseCaller::give_up(std::string why) {
  m_end = why;
  co_await m_wire.abort(osi::RtseAbortReason::TemporaryProblem, std::move(why));
}

io::Task<Status> RoseCaller::attend(SteadyTime deadline) {
  auto event = co_await m_wire.next(deadline);
  if (!event) co_return fail(event.error());
  co_await handle(*std::move(event));
  if (m_wire.over()) co_return fail(ErrorCode::Unavailable, m_end);
  co_await m_wire.flush();  // an answer is out before the caller does anything else, unless over RTSE it waits for the turn
  co_return Status();
}

io::Task<void> RoseCaller::release(SteadyTime deadline) {
  bool goes_on = m_wire->release().has_value();
  while (goes_on) {
    const Status came = co_await attend(deadline);
    goes_on = came.has_value();
  }
  if (!m_wire.over()) co_await give_up("this side closes");
}

io::Task<void> RoseCaller::handle(osi::AssociationEvent event) {
  m_heard = std::chrono::steady_clock::now();
  if (auto* invoked = std::get_if<osi::RoseInvoked>(&event)) co_return co_await perform(std::move(*invoked));
  if (auto* result = std::get_if<osi::RoseResult>(&event)) {
    answered(result->invoke_id, result->result ? *std::move(result->result) : null_value());
  } else if (auto* error = std::get_if<osi::RoseError>(&event)) {
    const std::int64_t id = error->invoke_id;
    answered(id, answer_of(std::move(*error)));
  } else if (const auto* rejected = std::get_if<osi::RoseRejected>(&event)) {
    answered(rejected->invoke_id, rejected->problem);
  } else if (const auto* release = std::get_if<osi::ReleaseRequested>(&event)) {
    answer_unbind(*release);
  } else if (std::holds_alternative<osi::AssociationReleased>(event)) {
    m_end = "unbound";
  } else if (const auto* aborted = std::get_if<osi::AssociationAborted>(&event)) {
    m_end = words_of(*aborted);
  } else if (const auto* refused = std::get_if<osi::AssociationRefused>(&event)) {
    m_end = refused->text;
  }
}

void RoseCaller::answered(std::optional<std::int64_t> invoke_id, RoseAnswer answer) {
  if (invoke_id && m_awaited.contains(*invoke_id)) {
    m_answers.insert_or_assign(*invoke_id, std::move(answer));
  } else if (const auto* problem = std::get_if<osi::RoseProblem>(&answer)) {
    log::info("x400.rejected", {{"problem", osi::describe(*problem)}});
  }
}

io::Task<void> RoseCaller::perform(osi::RoseInvoked invoked) {
  RoseReply reply = co_await reply_to(invoked);
  // The peer may have gone away meanwhile: then there is nobody to answer.
  if (auto* result = std::get_if<asn1::Any>(&reply)) {
    static_cast<void>(m_wire->result(invoked.invoke_id, osi::RorsApdu::Outcome{invoked.operation, std::move(*result)}));
  } else if (auto* fault = std::get_if<RoseFault>(&reply)) {
    static_cast<void>(m_wire->error(invoked.invoke_id, fault->code, std::move(fault->parameter)));
  } else {
    static_cast<void>(m_wire->reject(invoked.invoke_id, std::get<osi::InvokeProblem>(reply)));
  }
}

io::Task<RoseReply> RoseCaller::reply_to(osi::RoseInvoked& invoked) const {
  const asn1::Oid* syntax = m_wire.association().contexts().syntax_of(invoked.context);
  const auto* handler = m_operations == nullptr || syntax == nullptr ? nullptr : m_operations->find(*syntax, invoked.operation);
  if (handler == nullptr) {
    log::info("x400.unrecognised_operation", {{"operation", osi::text_of(invoked.operation)}});
    co_return osi::InvokeProblem::UnrecognizedOperation;
  }
  if (!invoked.argument) invoked.argument = null_value();
  co_return co_await (*handler)(*invoked.argument);
}

void RoseCaller::answer_unbind(const osi::ReleaseRequested& requested) {
  std::optional<asn1::Any> result;
  if (requested.user_data) result = tagged(null_value(), RoseTag::UnbindResult);
  static_cast<void>(m_wire->answer_release(std::move(result)));
}

}  // namespace postern::mhs
