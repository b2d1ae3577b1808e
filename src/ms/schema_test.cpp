// The types of P7: what is made from any octets encodes, decodes to the same, and survives value notation; and octets written by hand.
#include <gtest/gtest.h>

#include "asn1/generate.hpp"
#include "asn1/json.hpp"
#include "ipm/testing/samples.hpp"
#include "ms/oids.hpp"
#include "ms/protocol.hpp"

namespace postern::ms {
namespace {

using namespace asn1;
using ipm::testing::hex;

template <class T>
class GeneratedTest : public testing::Test {};
using Types =
    testing::Types<Attribute, Selector, Filter, FilterItem, EntryInformation, MSBindArgument, MSBindResult, MSBindError, SummarizeArgument,
                   SummarizeResult, ListArgument, ListResult, FetchArgument, FetchResult, DeleteArgument, DeleteResult, AlertArgument,
                   ModifyArgument, ModifyResult, RegisterMSArgument, RegisterMSResult, AutoAlertRegistrationParameter,
                   AutoForwardRegistrationParameter88, ForwardingInformation, IPMAutoForwardRegistrationParameter,
                   MSMessageSubmissionArgument, MSMessageSubmissionResult, MSProbeSubmissionArgument, MSProbeSubmissionResult,
                   AttributeError, AutoActionRequestError, DeleteError, FetchRestrictionError, RangeError, SecurityError, ServiceError,
                   SequenceNumberError, MessageGroupError, MSExtensionError, RegisterMSError, ModifyError, EntryClassError>;
TYPED_TEST_SUITE(GeneratedTest, Types);

TYPED_TEST(GeneratedTest, RoundTrips) {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    const Bytes octets = ipm::testing::entropy(seed, 600);
    ByteView entropy = octets;
    const auto value = generate<TypeParam>(entropy);
    const auto ber = encode(value);
    ASSERT_TRUE(ber) << ber.error().text();
    const auto again = decode<TypeParam>(*ber);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_TRUE(*again == value) << "seed " << seed;
    const auto json = from_json<TypeParam>(to_json(value));
    ASSERT_TRUE(json) << json.error().text();
    EXPECT_TRUE(*json == value) << "seed " << seed;
    for (std::size_t cut = 0; cut < ber->size(); cut += 7) EXPECT_FALSE(decode<TypeParam>(ByteView(*ber).first(cut)));
  }
}

// X.413 8.3, tags explicit: list the entries from 5 on, at most 2, with their subjects.
TEST(P7, AListArgumentWrittenByHand) {
  ListArgument list;
  list.selector.range.emplace().value = NumberRange{5, {}};
  list.selector.limit = 2;
  list.requested_attributes.emplace().push_back({id_hat(4), {}, {}});
  const auto ber = encode(list);
  ASSERT_TRUE(ber);
  EXPECT_EQ(hex_encode(*ber), hex_encode(hex("31 20"
                                             "a1 12 31 10 a1 09 a0 07 30 05 a0 03 02 01 05 a3 03 02 01 02"
                                             "a3 0a 31 08 31 06 06 04 56 01 07 04")));
}

TEST(P7, EveryErrorGoesOutAndComesBack) {
  for (const ErrorInfo& info : p7_errors()) {
    const auto found = error_of(info.code, nullptr);
    const bool bare = info.parameter == nullptr || info.code == 29;
    EXPECT_EQ(found.has_value(), bare) << info.name;
  }
  const OperationError error{DeleteError{{{DeleteProblem::NewEntrySpecified, 7}}, {}}, {}};
  const ErrorReply reply = reply_of(error);
  EXPECT_EQ(reply.code, 23);
  ASSERT_TRUE(reply.parameter);
  EXPECT_EQ(error_of(23, &*reply.parameter).value(), error);
  EXPECT_NE(words_of(error).find("entry 7 is new"), std::string::npos);
  EXPECT_FALSE(error_of(23, nullptr));
  EXPECT_FALSE(error_of(99, nullptr));
  const Any wrong{Bytes{0x02, 0x01, 0x01}};
  EXPECT_FALSE(error_of(23, &wrong));
}

TEST(P7, CodesAreThoseOfTheProtocol) {
  EXPECT_EQ(p7_operation(21)->name, "list");
  EXPECT_EQ(p7_operation(3)->name, "ms-message-submission");
  EXPECT_EQ(p7_operation(1), nullptr);
}

// X.413 7.1: a bind of 1988.
MSBindArgument bind_of(std::string_view password) {
  MSBindArgument out;
  static_cast<mts::ORAddress&>(out.initiator_name) = ipm::testing::jane();
  out.initiator_credentials.value = mts::Password{Ia5String(password)};
  return out;
}

TEST(Bind, TellsWhatItCanOnlyWhenAsked) {
  const CheckUser anybody = [](const auto&, const auto&) { return Status(); };
  MSBindArgument argument = bind_of("secret");
  const BindAnswer plain = judge_bind(argument, anybody, {});
  EXPECT_FALSE(std::get<MSBindResult>(plain.value).available_attribute_types);
  argument.ms_configuration_request = true;
  const auto told = std::get<MSBindResult>(judge_bind(argument, anybody, {.version_1994 = true}).value);
  EXPECT_GT(told.available_attribute_types->size(), 70U);
  EXPECT_EQ(told.entry_classes_supported->size(), 1U);
  EXPECT_TRUE(encode(told)) << "within every bound of the standard";
}

TEST(Bind, AWrongNameAndAWrongPasswordLookAlike) {
  const auto answer = [](ErrorCode code) {
    return judge_bind(bind_of("x"), [code](const auto&, const auto&) -> Status { return fail(code, "no"); }, {});
  };
  const auto wrong = std::get<MSBindError>(answer(ErrorCode::Denied).value);
  EXPECT_EQ(wrong, std::get<MSBindError>(answer(ErrorCode::NotFound).value));
  EXPECT_EQ(hex_encode(encode(wrong).value()), "0a0100");
  EXPECT_NE(wrong, std::get<MSBindError>(answer(ErrorCode::Unavailable).value));
  EXPECT_NE(words_of(wrong).find("authentication-error"), std::string::npos);
}

TEST(Bind, ASecurityContextIsRefused) {
  MSBindArgument argument = bind_of("x");
  argument.security_context.emplace();
  const auto answer = judge_bind(argument, [](const auto&, const auto&) { return Status(); }, {});
  EXPECT_EQ(std::get<BindProblem>(std::get<MSBindError>(answer.value).value), BindProblem::UnacceptableSecurityContext);
}

}  // namespace
}  // namespace postern::ms
