// ROSE APDUs (X.229 9, X.880 9): invoke, return result, return error, reject. Values and their descriptions; encode and decode with
// asn1/ber.hpp. Arguments, results and parameters are open values: whoever knows the operation decodes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "asn1/schema.hpp"

namespace postern::osi {

/// An operation or an error: a number, or an object identifier.
struct RoseCode {
  std::variant<std::int64_t, asn1::Oid> value;
  RoseCode() = default;
  RoseCode(std::int64_t number) : value(number) {}          // NOLINT(google-explicit-constructor): codes are written as numbers
  RoseCode(asn1::Oid global) : value(std::move(global)) {}  // NOLINT(google-explicit-constructor)
  friend bool operator==(const RoseCode&, const RoseCode&) = default;
};
[[nodiscard]] std::string text_of(const RoseCode& code);

struct RoivApdu {
  std::int64_t invoke_id = 0;
  std::optional<std::int64_t> linked_id;
  RoseCode operation;
  std::optional<asn1::Any> argument;
  friend bool operator==(const RoivApdu&, const RoivApdu&) = default;
};
struct RorsApdu {
  struct Outcome {
    RoseCode operation;
    asn1::Any result;
    friend bool operator==(const Outcome&, const Outcome&) = default;
  };
  std::int64_t invoke_id = 0;
  std::optional<Outcome> outcome;
  friend bool operator==(const RorsApdu&, const RorsApdu&) = default;
};
struct RoerApdu {
  std::int64_t invoke_id = 0;
  RoseCode error;
  std::optional<asn1::Any> parameter;
  friend bool operator==(const RoerApdu&, const RoerApdu&) = default;
};

enum class GeneralProblem : std::int64_t { UnrecognizedApdu = 0, MistypedApdu = 1, BadlyStructuredApdu = 2 };
enum class InvokeProblem : std::int64_t {
  DuplicateInvocation = 0,
  UnrecognizedOperation = 1,
  MistypedArgument = 2,
  ResourceLimitation = 3,
  InitiatorReleasing = 4,
  UnrecognizedLinkedId = 5,
  LinkedResponseUnexpected = 6,
  UnexpectedChildOperation = 7,
};
enum class ReturnResultProblem : std::int64_t { UnrecognizedInvocation = 0, ResultResponseUnexpected = 1, MistypedResult = 2 };
enum class ReturnErrorProblem : std::int64_t {
  UnrecognizedInvocation = 0,
  ErrorResponseUnexpected = 1,
  UnrecognizedError = 2,
  UnexpectedError = 3,
  MistypedParameter = 4,
};
struct RoseProblem {
  std::variant<GeneralProblem, InvokeProblem, ReturnResultProblem, ReturnErrorProblem> value;
  friend bool operator==(const RoseProblem&, const RoseProblem&) = default;
};
/// "invoke problem: mistyped-argument".
[[nodiscard]] std::string describe(const RoseProblem& problem);

struct RorjApdu {
  struct Id {
    std::variant<std::int64_t, asn1::Null> value = asn1::Null();  ///< NULL where the id could not be read.
    friend bool operator==(const Id&, const Id&) = default;
  };
  Id invoke_id;
  RoseProblem problem;
  friend bool operator==(const RorjApdu&, const RorjApdu&) = default;
};

struct RoseApdu {
  std::variant<RoivApdu, RorsApdu, RoerApdu, RorjApdu> value;
  friend bool operator==(const RoseApdu&, const RoseApdu&) = default;
};

const asn1::Type& schema(asn1::Of<RoseCode>);
const asn1::Type& schema(asn1::Of<RoivApdu>);
const asn1::Type& schema(asn1::Of<RorsApdu::Outcome>);
const asn1::Type& schema(asn1::Of<RorsApdu>);
const asn1::Type& schema(asn1::Of<RoerApdu>);
const asn1::Type& schema(asn1::Of<GeneralProblem>);
const asn1::Type& schema(asn1::Of<InvokeProblem>);
const asn1::Type& schema(asn1::Of<ReturnResultProblem>);
const asn1::Type& schema(asn1::Of<ReturnErrorProblem>);
const asn1::Type& schema(asn1::Of<RoseProblem>);
const asn1::Type& schema(asn1::Of<RorjApdu::Id>);
const asn1::Type& schema(asn1::Of<RorjApdu>);
const asn1::Type& schema(asn1::Of<RoseApdu>);

}  // namespace postern::osi
