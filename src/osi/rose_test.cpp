// X.229: invocations, replies, and each reject of what does not fit.
#include "osi/rose.hpp"

#include <gtest/gtest.h>

#include "asn1/ber.hpp"

namespace postern::osi {
namespace {

asn1::Any null_value() { return {{5, 0}}; }

Bytes octets(const RoseApdu& apdu) { return asn1::encode(apdu).value(); }

/// What the engine answers to one APDU.
std::optional<RoseApdu> reply_to(Rose& rose, ByteView apdu) {
  rose.receive(5, apdu);
  const auto output = rose.take_apdu();
  if (!output) return std::nullopt;
  EXPECT_EQ(output->context, 5);
  return asn1::decode<RoseApdu>(output->apdu).value();
}
RoseApdu reject_of(std::optional<std::int64_t> id, RoseProblem problem) {
  RorjApdu apdu;
  if (id) apdu.invoke_id.value = *id;
  apdu.problem = problem;
  return {apdu};
}

TEST(Rose, EncodesAsTheStandardSays) {
  Rose rose;
  ASSERT_EQ(rose.invoke(5, {RoseCode(4), null_value(), {}, OperationClass::Asynchronous}).value(), 1);
  EXPECT_EQ(hex_encode(rose.take_apdu()->apdu), "a1080201010201040500");
  ASSERT_TRUE(rose.invoke(5, {RoseCode(asn1::Oid{2, 6, 1}), {}, {}, OperationClass::Asynchronous}));
  EXPECT_EQ(hex_encode(rose.take_apdu()->apdu), "a10702010206025601");
  rose.receive(5, octets({RoivApdu{9, {}, RoseCode(4), null_value()}}));
  ASSERT_TRUE(rose.result(9, RorsApdu::Outcome{RoseCode(4), null_value()}));
  EXPECT_EQ(hex_encode(rose.take_apdu()->apdu), "a20a02010930050201040500");
}

// X.229 7.5.1, 7.5.3: APDUs that are none.
TEST(Rose, GeneralProblems) {
  struct Case {
    std::string_view hex;
    std::optional<std::int64_t> id;
    GeneralProblem problem;
  };
  for (const Case& each : {
           Case{"", {}, GeneralProblem::BadlyStructuredApdu}, Case{"a1", {}, GeneralProblem::BadlyStructuredApdu},
           Case{"a50302010"
                "1",
                {},
                GeneralProblem::UnrecognizedApdu},
           Case{"3000", {}, GeneralProblem::UnrecognizedApdu}, Case{"a103020107", 7, GeneralProblem::MistypedApdu},
           Case{"a1060201070403414141", 7, GeneralProblem::BadlyStructuredApdu},
           Case{"a1080201070403414141", 7, GeneralProblem::MistypedApdu}, Case{"a100", {}, GeneralProblem::MistypedApdu},
           Case{"a10802010102010405", 1, GeneralProblem::BadlyStructuredApdu}, Case{"a203040107", {}, GeneralProblem::MistypedApdu},
           Case{"a1100209010000000000000000020104"
                "0500",
                {},
                GeneralProblem::MistypedApdu},  // an id over 64 bits
       }) {
    Rose rose;
    EXPECT_EQ(reply_to(rose, hex_decode(each.hex).value()), reject_of(each.id, {each.problem})) << each.hex;
    const auto event = rose.next_event();
    ASSERT_TRUE(event);
    EXPECT_EQ(std::get<RoseRejected>(*event), (RoseRejected{each.id, {each.problem}, true}));
  }
}

TEST(Rose, ARejectIsNeverRejected) {
  Rose rose;
  for (const std::string_view hex : {"a400", "a4030201", "a403020101", "a4050500830109",
                                     "a4060201638001"
                                     "02"})
    EXPECT_EQ(reply_to(rose, hex_decode(hex).value()), std::nullopt) << hex;
}

TEST(Rose, InvokeProblems) {
  Rose rose(RoseLimits{2, 64});
  EXPECT_EQ(reply_to(rose, octets({RoivApdu{1, {}, RoseCode(3), {}}})), std::nullopt);
  EXPECT_EQ(reply_to(rose, octets({RoivApdu{1, {}, RoseCode(3), {}}})), reject_of(1, {InvokeProblem::DuplicateInvocation}));
  EXPECT_EQ(reply_to(rose, octets({RoivApdu{2, 8, RoseCode(3), {}}})), reject_of(2, {InvokeProblem::UnrecognizedLinkedId}));
  EXPECT_EQ(reply_to(rose, octets({RoivApdu{2, {}, RoseCode(3), {}}})), std::nullopt);
  EXPECT_EQ(reply_to(rose, octets({RoivApdu{3, {}, RoseCode(3), {}}})), reject_of(3, {InvokeProblem::ResourceLimitation}));
  EXPECT_EQ(rose.outstanding_of_peer(), 2U);
  ASSERT_TRUE(rose.result(1, std::nullopt));
  EXPECT_FALSE(rose.result(1, std::nullopt));
  EXPECT_FALSE(rose.error(7, RoseCode(1), {}));
  (void)rose.take_apdu();
  rose.releasing();
  EXPECT_EQ(reply_to(rose, octets({RoivApdu{4, {}, RoseCode(3), {}}})), reject_of(4, {InvokeProblem::InitiatorReleasing}));
  EXPECT_FALSE(rose.invoke(5, {RoseCode(1), {}, {}, OperationClass::Asynchronous}));
}

// X.219 6.1: which replies a class has, and X.229 7.5 for the others.
TEST(Rose, RepliesByClass) {
  struct Case {
    OperationClass operation_class;
    bool result, error;
  };
  for (const Case& each : {Case{OperationClass::Synchronous, true, true}, Case{OperationClass::Asynchronous, true, true},
                           Case{OperationClass::AsynchronousError, false, true}, Case{OperationClass::AsynchronousResult, true, false}}) {
    Rose rose;
    const auto id = rose.invoke(5, {RoseCode(3), {}, {}, each.operation_class});
    (void)rose.take_apdu();
    const auto after_result = reply_to(rose, octets({RorsApdu{*id, {}}}));
    EXPECT_EQ(after_result, each.result ? std::nullopt : std::optional(reject_of(*id, {ReturnResultProblem::ResultResponseUnexpected})));
    const auto again = rose.invoke(5, {RoseCode(3), {}, {}, each.operation_class});
    (void)rose.take_apdu();
    ASSERT_TRUE(again);
    const auto after_error = reply_to(rose, octets({RoerApdu{*again, RoseCode(1), {}}}));
    EXPECT_EQ(after_error, each.error ? std::nullopt : std::optional(reject_of(*again, {ReturnErrorProblem::ErrorResponseUnexpected})));
  }
  Rose rose;
  const auto id = rose.invoke(5, {RoseCode(3), {}, {}, OperationClass::AsynchronousNone});
  (void)rose.take_apdu();
  EXPECT_EQ(rose.outstanding(), 0U);
  EXPECT_EQ(reply_to(rose, octets({RorsApdu{*id, {}}})), reject_of(*id, {ReturnResultProblem::UnrecognizedInvocation}));
  EXPECT_EQ(reply_to(rose, octets({RoerApdu{*id, RoseCode(1), {}}})), reject_of(*id, {ReturnErrorProblem::UnrecognizedInvocation}));
}

TEST(Rose, BoundsAndOrderOfOurInvocations) {
  Rose rose(RoseLimits{3, 64});
  ASSERT_TRUE(rose.invoke(5, {RoseCode(1), {}, {}, OperationClass::Synchronous}));
  EXPECT_EQ(rose.invoke(5, {RoseCode(1), {}, {}, OperationClass::Synchronous}).error().code, ErrorCode::Conflict);
  ASSERT_TRUE(rose.invoke(5, {RoseCode(1), {}, {}, OperationClass::Asynchronous}));
  ASSERT_TRUE(rose.invoke(5, {RoseCode(1), {}, {}, OperationClass::AsynchronousError}));
  EXPECT_EQ(rose.invoke(5, {RoseCode(1), {}, {}, OperationClass::Asynchronous}).error().code, ErrorCode::Exhausted);
  rose.forget(3);
  EXPECT_TRUE(rose.invoke(5, {RoseCode(1), {}, {}, OperationClass::Asynchronous}));
  EXPECT_EQ(rose.invoke(5, {RoseCode(1), {}, 77, OperationClass::AsynchronousNone}).error().code, ErrorCode::Exhausted);
}

TEST(Rose, LinkedOperationsNameOneOfThePeer) {
  Rose rose;
  EXPECT_EQ(rose.invoke(5, {RoseCode(1), {}, 77, OperationClass::Asynchronous}).error().code, ErrorCode::NotFound);
  rose.receive(5, octets({RoivApdu{77, {}, RoseCode(3), {}}}));
  const auto id = rose.invoke(5, {RoseCode(1), {}, 77, OperationClass::Asynchronous});
  ASSERT_TRUE(id);
  EXPECT_EQ(asn1::decode<RoseApdu>(rose.take_apdu()->apdu).value(), (RoseApdu{RoivApdu{*id, 77, RoseCode(1), {}}}));
}

TEST(Rose, RejectsOfThePeerAreEvents) {
  Rose rose;
  const auto id = rose.invoke(5, {RoseCode(1), {}, {}, OperationClass::Asynchronous}).value();
  (void)rose.take_apdu();
  rose.receive(5, octets(reject_of(id, {InvokeProblem::MistypedArgument})));
  EXPECT_EQ(std::get<RoseRejected>(*rose.next_event()), (RoseRejected{id, {InvokeProblem::MistypedArgument}, false}));
  EXPECT_EQ(rose.outstanding(), 0U);
  EXPECT_EQ(describe(RoseProblem{InvokeProblem::MistypedArgument}), "invoke problem: mistypedArgument");
  EXPECT_EQ(describe(RoseProblem{static_cast<GeneralProblem>(9)}), "general problem: 9");
  EXPECT_FALSE(rose.reject_reply(id, 5, {InvokeProblem::MistypedArgument}));
  ASSERT_TRUE(rose.reject_reply(id, 5, {ReturnResultProblem::MistypedResult}));
  EXPECT_EQ(asn1::decode<RoseApdu>(rose.take_apdu()->apdu).value(), reject_of(id, {ReturnResultProblem::MistypedResult}));
}

}  // namespace
}  // namespace postern::osi
