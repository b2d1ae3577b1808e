#include "ms/protocol.hpp"

#include <algorithm>

#include "ms/attributes.hpp"

namespace postern::ms {

using namespace asn1;

namespace {

template <class T>
const Type& of() {
  return schema(Of<T>{});
}

constexpr OperationInfo kOperations[] = {
    {Operation::SubmissionControl, "ms-submission-control", &of<mts::SubmissionControlArgument>, &of<mts::SubmissionControlResult>},
    {Operation::MessageSubmission, "ms-message-submission", &of<MSMessageSubmissionArgument>, &of<MSMessageSubmissionResult>},
    {Operation::ProbeSubmission, "ms-probe-submission", &of<MSProbeSubmissionArgument>, &of<MSProbeSubmissionResult>},
    {Operation::CancelDeferredDelivery, "ms-cancel-deferred-delivery", &of<mts::CancelDeferredDeliveryArgument>, &of<Null>},
    {Operation::Summarize, "summarize", &of<SummarizeArgument>, &of<SummarizeResult>},
    {Operation::List, "list", &of<ListArgument>, &of<ListResult>},
    {Operation::Fetch, "fetch", &of<FetchArgument>, &of<FetchResult>},
    {Operation::Delete, "delete", &of<DeleteArgument>, &of<DeleteResult>},
    {Operation::RegisterMS, "register-MS", &of<RegisterMSArgument>, &of<RegisterMSResult>},
    {Operation::Alert, "alert", &of<AlertArgument>, &of<Null>},
    {Operation::Modify, "modify", &of<ModifyArgument>, &of<ModifyResult>},
};

constexpr ErrorInfo kErrors[] = {
    {21, "attribute-error", &of<AttributeError>, "an attribute cannot be used in this way; ask for others"},
    {22, "auto-action-request-error", &of<AutoActionRequestError>, "the store does not perform this auto-action"},
    {23, "delete-error", &of<DeleteError>, "nothing was deleted: list the entries first, and name main entries only"},
    {24, "fetch-restriction-error", &of<FetchRestrictionError>,
     "the entry is outside the restrictions of the bind; bind without, or override them"},
    {25, "range-error", &of<RangeError>, "the range ends before it begins"},
    {26, "security-error", &of<SecurityError>, "the security policy does not allow it"},
    {27, "service-error", &of<ServiceError>, "the store cannot do it now; try again later"},
    {28, "sequence-number-error", &of<SequenceNumberError>, "no entry has this number; list the mailbox again"},
    {29, "invalid-parameters-error", &of<InvalidParametersError>, "the request is not one the standard has; compare it with the protocol"},
    {30, "message-group-error", &of<MessageGroupError>, "the message group cannot be used in this way"},
    {31, "ms-extension-error", &of<MSExtensionError>, "the store does not know an extension of the request; send it without"},
    {32, "register-ms-error", &of<RegisterMSError>, "the store does not keep registrations of this kind"},
    {33, "modify-error", &of<ModifyError>, "the entry cannot be modified in this way"},
    {34, "entry-class-error", &of<EntryClassError>, "the store has no entries of this class; ask for delivered ones"},
    {5, "old-credentials-incorrectly-specified", nullptr, "the old credentials are not those in force"},
    {6, "new-credentials-unacceptable", nullptr, "the new credentials are not acceptable; choose others"},
};
static_assert(std::size(kErrors) == std::variant_size_v<decltype(OperationError::value)>);

/// The parameter's object inside the variant.
const void* held(const OperationError& error) {
  return std::visit([](const auto& value) -> const void* { return &value; }, error.value);
}

template <std::size_t I = 0>
Result<OperationError> decode_as(std::size_t wanted, const Any* parameter) {
  using Variant = decltype(OperationError::value);
  if constexpr (I == std::variant_size_v<Variant>) {
    return fail(ErrorCode::BadInput, "not an error of the retrieval port");
  } else {
    if (I != wanted) return decode_as<I + 1>(wanted, parameter);
    using T = std::variant_alternative_t<I, Variant>;
    OperationError out;
    T& value = out.value.template emplace<I>();
    if (kErrors[I].parameter == nullptr || std::is_empty_v<T>) return out;
    if (parameter == nullptr) return fail(ErrorCode::BadInput, "the error came without its parameter", std::string(kErrors[I].name));
    POSTERN_TRY(value, from_any<T>(*parameter));
    return out;
  }
}

std::string details_of(const AttributeError& error) {
  std::string out;
  for (const AttributeProblemItem& each : error.problems) {
    const AttributeInfo* info = find_attribute(each.type);
    out += (out.empty() ? "" : ", ") + (info != nullptr ? std::string(info->name) : each.type.text());
  }
  return out;
}
std::string details_of(const DeleteError& error) {
  std::string out;
  for (const DeleteProblemItem& each : error.problems) {
    const bool child = each.problem == DeleteProblem::ChildEntrySpecified;
    out += (out.empty() ? "entry " : ", entry ") + std::to_string(each.sequence_number) + (child ? " is a child" : " is new");
  }
  return out;
}
std::string details_of(const SequenceNumberError& error) {
  std::string out;
  for (const SequenceNumberProblemItem& each : error.problems) out += (out.empty() ? "" : ", ") + std::to_string(each.sequence_number);
  return out;
}
std::string details_of(const ServiceError& error) {
  if (!error.supplementary_information) return {};
  return to_utf8(Alphabet::General, error.supplementary_information->octets).value_or("");
}
template <class T>
std::string details_of(const T&) {
  return {};
}

}  // namespace

std::span<const OperationInfo> p7_operations() { return kOperations; }

const OperationInfo* p7_operation(std::int64_t code) {
  const auto* const found = std::ranges::find(kOperations, static_cast<Operation>(code), &OperationInfo::code);
  return found == std::end(kOperations) ? nullptr : found;
}

std::span<const ErrorInfo> p7_errors() { return kErrors; }

const ErrorInfo* p7_error(std::int64_t code) {
  const auto* const found = std::ranges::find(kErrors, code, &ErrorInfo::code);
  return found == std::end(kErrors) ? nullptr : found;
}

const ErrorInfo& info_of(const OperationError& error) { return kErrors[error.value.index()]; }

ErrorReply reply_of(const OperationError& error) {
  const ErrorInfo& info = info_of(error);
  ErrorReply out{info.code, std::nullopt};
  if (info.parameter == nullptr) return out;
  Any any;
  if (encode_value(info.parameter(), held(error), any.ber, EncodeRules::Lenient)) out.parameter = std::move(any);
  return out;
}

Result<OperationError> error_of(std::int64_t code, const Any* parameter) {
  const ErrorInfo* info = p7_error(code);
  if (info == nullptr) return fail(ErrorCode::BadInput, "error " + std::to_string(code) + " is none of the retrieval port");
  return decode_as(static_cast<std::size_t>(info - std::begin(kErrors)), parameter);
}

std::string words_of(const OperationError& error) {
  const ErrorInfo& info = info_of(error);
  std::string out = std::string(info.name) + ": " + std::string(info.words);
  const std::string details = std::visit([](const auto& value) { return details_of(value); }, error.value);
  return details.empty() ? out : out + " (" + details + ")";
}

}  // namespace postern::ms
