#include "osi/rose_pdu.hpp"

#include <array>
#include <string_view>

namespace postern::osi {

using asn1::alternative;
using asn1::context;
using asn1::field;
using asn1::Of;
using asn1::Type;

const Type& schema(Of<RoseCode>) {
  static const Type type = asn1::choice<&RoseCode::value>("Code", {
                                                                      alternative<&RoseCode::value, 0>("local"),
                                                                      alternative<&RoseCode::value, 1>("global"),
                                                                  });
  return type;
}

const Type& schema(Of<RoivApdu>) {
  static const Type type = asn1::sequence<RoivApdu>("ROIV-apdu", {
                                                                     field<&RoivApdu::invoke_id>("invokeID"),
                                                                     field<&RoivApdu::linked_id>("linked-ID").implicitly(context(0)),
                                                                     field<&RoivApdu::operation>("operation-value"),
                                                                     field<&RoivApdu::argument>("argument"),
                                                                 });
  return type;
}

const Type& schema(Of<RorsApdu::Outcome>) {
  using T = RorsApdu::Outcome;
  static const Type type = asn1::sequence<T>("result", {field<&T::operation>("operation-value"), field<&T::result>("result")});
  return type;
}

const Type& schema(Of<RorsApdu>) {
  static const Type type =
      asn1::sequence<RorsApdu>("RORS-apdu", {field<&RorsApdu::invoke_id>("invokeID"), field<&RorsApdu::outcome>("result")});
  return type;
}

const Type& schema(Of<RoerApdu>) {
  static const Type type = asn1::sequence<RoerApdu>("ROER-apdu", {
                                                                     field<&RoerApdu::invoke_id>("invokeID"),
                                                                     field<&RoerApdu::error>("error-value"),
                                                                     field<&RoerApdu::parameter>("parameter"),
                                                                 });
  return type;
}

const Type& schema(Of<GeneralProblem>) {
  static const Type type =
      asn1::integer<GeneralProblem>("GeneralProblem", {{"unrecognizedAPDU", 0}, {"mistypedAPDU", 1}, {"badlyStructuredAPDU", 2}});
  return type;
}

const Type& schema(Of<InvokeProblem>) {
  static const Type type = asn1::integer<InvokeProblem>("InvokeProblem", {{"duplicateInvocation", 0},
                                                                          {"unrecognizedOperation", 1},
                                                                          {"mistypedArgument", 2},
                                                                          {"resourceLimitation", 3},
                                                                          {"initiatorReleasing", 4},
                                                                          {"unrecognizedLinkedID", 5},
                                                                          {"linkedResponseUnexpected", 6},
                                                                          {"unexpectedChildOperation", 7}});
  return type;
}

const Type& schema(Of<ReturnResultProblem>) {
  static const Type type = asn1::integer<ReturnResultProblem>(
      "ReturnResultProblem", {{"unrecognizedInvocation", 0}, {"resultResponseUnexpected", 1}, {"mistypedResult", 2}});
  return type;
}

const Type& schema(Of<ReturnErrorProblem>) {
  static const Type type = asn1::integer<ReturnErrorProblem>("ReturnErrorProblem", {{"unrecognizedInvocation", 0},
                                                                                    {"errorResponseUnexpected", 1},
                                                                                    {"unrecognizedError", 2},
                                                                                    {"unexpectedError", 3},
                                                                                    {"mistypedParameter", 4}});
  return type;
}

const Type& schema(Of<RoseProblem>) {
  using T = RoseProblem;
  static const Type type = asn1::choice<&T::value>("problem", {
                                                                  alternative<&T::value, 0>("general-problem").implicitly(context(0)),
                                                                  alternative<&T::value, 1>("invoke-problem").implicitly(context(1)),
                                                                  alternative<&T::value, 2>("return-result-problem").implicitly(context(2)),
                                                                  alternative<&T::value, 3>("return-error-problem").implicitly(context(3)),
                                                              });
  return type;
}

const Type& schema(Of<RorjApdu::Id>) {
  using T = RorjApdu::Id;
  static const Type type = asn1::choice<&T::value>("invokeID", {alternative<&T::value, 0>("present"), alternative<&T::value, 1>("absent")});
  return type;
}

const Type& schema(Of<RorjApdu>) {
  static const Type type =
      asn1::sequence<RorjApdu>("RORJ-apdu", {field<&RorjApdu::invoke_id>("invokeID"), field<&RorjApdu::problem>("problem")});
  return type;
}

const Type& schema(Of<RoseApdu>) {
  static const Type type =
      asn1::choice<&RoseApdu::value>("ROSEapdus", {
                                                      alternative<&RoseApdu::value, 0>("roiv-apdu").implicitly(context(1)),
                                                      alternative<&RoseApdu::value, 1>("rors-apdu").implicitly(context(2)),
                                                      alternative<&RoseApdu::value, 2>("roer-apdu").implicitly(context(3)),
                                                      alternative<&RoseApdu::value, 3>("rorj-apdu").implicitly(context(4)),
                                                  });
  return type;
}

std::string text_of(const RoseCode& code) {
  if (const auto* number = std::get_if<std::int64_t>(&code.value)) return std::to_string(*number);
  return std::get<asn1::Oid>(code.value).text();
}

std::string describe(const RoseProblem& problem) {
  static constexpr std::array<std::string_view, 4> kKinds{
      "general problem: ", "invoke problem: ", "return result problem: ", "return error problem: "};
  return std::visit(
      [&]<class P>(P value) {
        const std::string kind(kKinds.at(problem.value.index()));
        for (const asn1::NamedNumber& named : schema(Of<P>{}).names)
          if (named.number == static_cast<std::int64_t>(value)) return kind + std::string(named.name);
        return kind + std::to_string(static_cast<std::int64_t>(value));
      },
      problem.value);
}

}  // namespace postern::osi
