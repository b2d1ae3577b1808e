// P7 as tables (X.419 annex B "MSAccessProtocol"): the codes of operations and errors, and the octets of a reply.
#pragma once

#include "ms/errors.hpp"
#include "ms/operations.hpp"

namespace postern::ms {

/// Local operation codes. The first four are those of the submission port of P3.
enum class Operation : std::int64_t {
  SubmissionControl = 2,
  MessageSubmission = 3,
  ProbeSubmission = 4,
  CancelDeferredDelivery = 7,
  Summarize = 20,
  List = 21,
  Fetch = 22,
  Delete = 23,
  RegisterMS = 24,
  Alert = 25,
  Modify = 26,  ///< 1994
};
struct OperationInfo {
  Operation code{};
  std::string_view name;
  const asn1::Type& (*argument)() = nullptr;
  const asn1::Type& (*result)() = nullptr;
};
[[nodiscard]] std::span<const OperationInfo> p7_operations();
/// nullptr: reject as unrecognised-operation.
[[nodiscard]] const OperationInfo* p7_operation(std::int64_t code);

struct ErrorInfo {
  std::int64_t code = 0;
  std::string_view name;
  const asn1::Type& (*parameter)() = nullptr;
  std::string_view words;  ///< What happened and what to do, for people.
};
/// By the alternative of OperationError, in its order.
[[nodiscard]] std::span<const ErrorInfo> p7_errors();
/// nullptr: an error the standard does not have on the retrieval port.
[[nodiscard]] const ErrorInfo* p7_error(std::int64_t code);
[[nodiscard]] const ErrorInfo& info_of(const OperationError& error);

/// What travels in a return-error; the parameter is absent where the standard has none.
struct ErrorReply {
  std::int64_t code = 0;
  std::optional<asn1::Any> parameter;
};
[[nodiscard]] ErrorReply reply_of(const OperationError& error);
/// The inverse, for a user agent. BadInput: no error of the retrieval port, or a parameter that is not what it should be.
[[nodiscard]] Result<OperationError> error_of(std::int64_t code, const asn1::Any* parameter);
/// "delete-error: …: entry 7 is new", for people. Never fails.
[[nodiscard]] std::string words_of(const OperationError& error);

}  // namespace postern::ms
