#include "transport/native_trouble.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "ms/protocol.hpp"
#include "oraddress/compare.hpp"
#include "sdk/session.hpp"

namespace postern::transport {
namespace {

struct CodeRow {
  ErrorCode code;
  postern_x400_status status;
};
constexpr CodeRow kCodes[] = {
    {ErrorCode::BadInput, POSTERN_X400_BAD_ARGUMENT}, {ErrorCode::TooLarge, POSTERN_X400_OVER_LIMIT},
    {ErrorCode::NotFound, POSTERN_X400_NOT_FOUND},    {ErrorCode::Denied, POSTERN_X400_REFUSED},
    {ErrorCode::Unavailable, POSTERN_X400_ENDED},     {ErrorCode::Timeout, POSTERN_X400_TIMED_OUT},
    {ErrorCode::Exhausted, POSTERN_X400_NO_MEMORY},   {ErrorCode::Unsupported, POSTERN_X400_UNSUPPORTED},
};

std::string indexed(const char* list, std::size_t at, const char* member = "") {
  return std::string(list) + "[" + std::to_string(at) + "]" + member;
}

// ---- binds
bool is_authentication(const Bytes& said, bool is_p7) {
  if (!is_p7) {
    const auto error = asn1::decode<mts::MTSBindError>(said);
    return error && *error == mts::BindError::AuthenticationError;
  }
  const auto error = asn1::decode<ms::MSBindError>(said);
  if (!error) return false;
  const auto* plain = std::get_if<ms::BindProblem>(&error->value);
  return (plain != nullptr ? *plain : std::get<ms::QualifiedBindError>(error->value).bind_problem) == ms::BindProblem::AuthenticationError;
}
/// X.411 8.1.1.2 busy; X.413 7.1.3 unable-to-establish-association.
bool may_pass(const Bytes& said, bool is_p7) {
  if (!is_p7) {
    const auto error = asn1::decode<mts::MTSBindError>(said);
    return error && *error == mts::BindError::Busy;
  }
  const auto error = asn1::decode<ms::MSBindError>(said);
  const auto* plain = error ? std::get_if<ms::BindProblem>(&error->value) : nullptr;
  return plain != nullptr && *plain == ms::BindProblem::UnableToEstablishAssociation;
}

postern_x400_status status_of_bind(const mhs::CallFailure& failure, std::string_view step, bool is_p7, bool late) {
  if (!failure.said.empty()) {
    if (is_authentication(failure.said, is_p7)) return POSTERN_X400_NOT_AUTHENTICATED;
    return may_pass(failure.said, is_p7) ? POSTERN_X400_UNAVAILABLE : POSTERN_X400_REFUSED;
  }
  if (late && !failure.refused) return POSTERN_X400_TIMED_OUT;
  if (step == "tls" && failure.refused) return POSTERN_X400_NOT_AUTHENTICATED;  // who answers is not who was meant
  if (step == "bind") return POSTERN_X400_PROTOCOL;                             // a result that is none
  return failure.refused ? POSTERN_X400_REFUSED : POSTERN_X400_UNAVAILABLE;
}

// ---- what a refusal is about
std::string field_of_recipients(const asn1::Any& parameter, const Asked& asked) {
  const auto improper = asn1::from_any<mts::ImproperlySpecifiedRecipients>(parameter);
  if (!improper || improper->empty()) return "recipients";
  for (std::size_t i = 0; i < asked.recipients.size(); ++i)
    if (oraddress::equivalent(asked.recipients[i], improper->front())) return indexed("recipients", i, ".address");
  return "recipients";
}

std::string field_of_sequence(ms::SequenceNumber number, const Asked& asked) {
  if (asked.one_sequence) return "sequence";
  const auto found = std::ranges::find(asked.sequences, static_cast<std::uint64_t>(number));
  return found == asked.sequences.end() ? "" : indexed("sequences", static_cast<std::size_t>(found - asked.sequences.begin()));
}

std::string field_of_attribute(const asn1::Oid& type, const Asked& asked) {
  const auto found = std::ranges::find(asked.attributes, type);
  return found == asked.attributes.end() ? "" : indexed("attributes", static_cast<std::size_t>(found - asked.attributes.begin()));
}

/// A reject (X.880 9.3): the operation was not looked at.
postern_x400_status status_of(const osi::RoseProblem& problem) {
  const auto* invoke = std::get_if<osi::InvokeProblem>(&problem.value);
  if (invoke == nullptr) return POSTERN_X400_PROTOCOL;
  switch (*invoke) {
    case osi::InvokeProblem::UnrecognizedOperation: return POSTERN_X400_UNSUPPORTED;
    case osi::InvokeProblem::ResourceLimitation: return POSTERN_X400_UNAVAILABLE;
    default: return POSTERN_X400_PROTOCOL;
  }
}

/// What the peer answered to the invocation that came to this error; nullptr: it did not, or was not asked at all.
const mhs::RoseRefusal* answer_behind(const Error& error, const mhs::UserClient& client) {
  const bool answered = error.code == ErrorCode::Denied || error.code == ErrorCode::Unsupported;
  return answered && client.refusal() ? &*client.refusal() : nullptr;
}

/// Without an answer: time, the association's end, a peer that holds back, or a result that is none.
Trouble unanswered(const Error& error, const mhs::UserClient& client) {
  Trouble out = trouble_of(error);
  if (error.code == ErrorCode::BadInput) out.status = POSTERN_X400_PROTOCOL;
  if (error.code != ErrorCode::Unavailable) return out;
  if (!client.over()) return {POSTERN_X400_UNAVAILABLE, error.what, {}, {}};
  out.text = "the association ended (" + error.what + "); bind again";
  return out;
}

struct NamedStatus {
  std::string_view name;
  postern_x400_status status;
  const char* field;
};
/// Errors of P3 that say more than "no" (X.411 8.2.2, 8.4.2).
constexpr NamedStatus kP3[] = {
    {"submission-control-violated", POSTERN_X400_UNAVAILABLE, ""},
    {"remote-bind-error", POSTERN_X400_UNAVAILABLE, ""},
    {"unsupported-critical-function", POSTERN_X400_UNSUPPORTED, "extensions"},
    {"message-submission-identifier-invalid", POSTERN_X400_NOT_FOUND, ""},
    {"originator-invalid", POSTERN_X400_REFUSED, "originator"},
    {"old-credentials-incorrectly-specified", POSTERN_X400_REFUSED, "old_password"},
    {"new-credentials-unacceptable", POSTERN_X400_REFUSED, "new_password"},
};

struct Refusal {
  postern_x400_status status = POSTERN_X400_REFUSED;
  std::string field;
};
struct OfRetrieval {
  const Asked& asked;
  Refusal operator()(const ms::SequenceNumberError& error) const {
    return {POSTERN_X400_NOT_FOUND, error.problems.empty() ? "" : field_of_sequence(error.problems.front().sequence_number, asked)};
  }
  Refusal operator()(const ms::DeleteError& error) const {
    return {POSTERN_X400_REFUSED, error.problems.empty() ? "" : field_of_sequence(error.problems.front().sequence_number, asked)};
  }
  Refusal operator()(const ms::AttributeError& error) const {
    return {POSTERN_X400_BAD_ARGUMENT, error.problems.empty() ? "" : field_of_attribute(error.problems.front().type, asked)};
  }
  Refusal operator()(const ms::AutoActionRequestError& error) const {
    const bool unknown =
        !error.problems.empty() && error.problems.front().problem == ms::AutoActionRequestProblem::UnavailableAutoActionType;
    return {unknown ? POSTERN_X400_UNSUPPORTED : POSTERN_X400_REFUSED, "actions"};
  }
  Refusal operator()(const ms::ServiceError& error) const {
    return {error.problem == ms::ServiceProblem::UnwillingToPerform ? POSTERN_X400_REFUSED : POSTERN_X400_UNAVAILABLE, ""};
  }
  Refusal operator()(const ms::RangeError&) const { return {POSTERN_X400_BAD_ARGUMENT, "to"}; }
  Refusal operator()(const ms::InvalidParametersError&) const { return {POSTERN_X400_BAD_ARGUMENT, ""}; }
  Refusal operator()(const ms::EntryClassError&) const { return {POSTERN_X400_UNSUPPORTED, ""}; }
  Refusal operator()(const ms::OldCredentialsIncorrectlySpecified&) const { return {POSTERN_X400_REFUSED, "old_password"}; }
  Refusal operator()(const ms::NewCredentialsUnacceptable&) const { return {POSTERN_X400_REFUSED, "new_password"}; }
  template <class Other>
  Refusal operator()(const Other&) const {
    return {};
  }
};

Trouble refused(Refusal what, const Error& error, const mhs::RoseFault& fault) {
  return {what.status, error.what, std::move(what.field), fault.parameter ? fault.parameter->ber : Bytes()};
}

}  // namespace

tl::unexpected<Trouble> trouble(postern_x400_status status, std::string text, std::string field) {
  return tl::unexpected<Trouble>(Trouble{status, std::move(text), std::move(field), {}});
}

Trouble trouble_of(Error error) {
  const auto row = std::ranges::find(kCodes, error.code, &CodeRow::code);
  return {row == std::end(kCodes) ? POSTERN_X400_INTERNAL : row->status, std::move(error.what), std::move(error.field), {}};
}

Error error_of(const Trouble& trouble, bool diagnostics) {
  Error out{sdk::code_of(trouble.status), trouble.text, trouble.field};
  if (diagnostics && !trouble.diagnostic.empty()) out.what += " (the peer's octets: " + hex_encode(trouble.diagnostic) + ")";
  return out;
}

Trouble trouble_of_bind(const mhs::CallFailure& failure, std::string_view step, bool is_p7, bool late) {
  return {status_of_bind(failure, step, is_p7, late), failure.text, {}, failure.said};
}

Trouble trouble_of_call(const Error& error, const mhs::UserClient& client, mts::Port port, const Asked& asked) {
  const mhs::RoseRefusal* refusal = answer_behind(error, client);
  if (refusal == nullptr) return unanswered(error, client);
  if (const auto* problem = std::get_if<osi::RoseProblem>(refusal)) return {status_of(*problem), error.what, {}, {}};
  const auto& fault = std::get<mhs::RoseFault>(*refusal);
  Refusal what;
  if (const mts::ErrorInfo* info = mts::p3_error(port, fault.code)) {
    if (const auto row = std::ranges::find(kP3, info->name, &NamedStatus::name); row != std::end(kP3)) what = {row->status, row->field};
    if (info->name == "recipient-improperly-specified" && fault.parameter) what.field = field_of_recipients(*fault.parameter, asked);
  }
  return refused(std::move(what), error, fault);
}

Trouble trouble_of_retrieval(const Error& error, const mhs::UserClient& client, const Asked& asked) {
  const mhs::RoseRefusal* refusal = answer_behind(error, client);
  if (refusal == nullptr) return unanswered(error, client);
  if (const auto* problem = std::get_if<osi::RoseProblem>(refusal)) return {status_of(*problem), error.what, {}, {}};
  const auto& fault = std::get<mhs::RoseFault>(*refusal);
  const auto known = ms::error_of(fault.code, fault.parameter ? &*fault.parameter : nullptr);
  return refused(known ? std::visit(OfRetrieval{asked}, known->value) : Refusal(), error, fault);
}

}  // namespace postern::transport
