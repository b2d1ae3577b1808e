// X.226: contexts, user data, PPDUs; and X.227's APDUs, which travel in them.
#include "osi/presentation.hpp"

#include <gtest/gtest.h>

#include "asn1/ber.hpp"
#include "asn1/generate.hpp"
#include "osi/acse_pdu.hpp"
#include "osi/oids.hpp"
#include "osi/rose_pdu.hpp"

namespace postern::osi {
namespace {

const asn1::Oid kForeign{1, 3, 9999};
const asn1::Oid kOtherEncoding{2, 1, 2, 1};

std::vector<ContextDefinition> definitions(std::initializer_list<std::pair<std::int64_t, asn1::Oid>> list) {
  std::vector<ContextDefinition> made;
  for (const auto& [id, syntax] : list) made.push_back({id, syntax, {oid::basic_encoding()}});
  return made;
}

PresentationContexts agreed() {
  return PresentationContexts::answer(definitions({{1, oid::acse()}, {3, oid::as_mta_rtse()}, {5, oid::as_mtse()}}),
                                      {oid::acse(), oid::as_mta_rtse(), oid::as_mtse()})
      .value();
}

TEST(PresentationContexts, InitiatorsNumbersAreOdd) {
  const auto contexts = PresentationContexts::propose({oid::acse(), oid::as_mta_rtse(), oid::as_mtse()});
  ASSERT_EQ(contexts.definitions().size(), 3U);
  EXPECT_EQ(contexts.definitions()[2], (ContextDefinition{5, oid::as_mtse(), {oid::basic_encoding()}}));
  EXPECT_EQ(contexts.id_of(oid::as_mtse()), std::nullopt);  // not before it is answered
}

// X.226 6.2.4.6: each context has a result of its own, in the proposer's order.
TEST(PresentationContexts, AnswersOneByOneInOrder) {
  auto proposed = definitions({{7, kForeign}, {1, oid::as_mtse()}, {9, oid::acse()}});
  proposed.push_back({11, oid::as_mta_rtse(), {kOtherEncoding}});
  proposed.push_back({13, oid::as_mta_rtse(), {kOtherEncoding, oid::basic_encoding()}});
  const auto contexts = PresentationContexts::answer(proposed, {oid::acse(), oid::as_mta_rtse(), oid::as_mtse()});
  ASSERT_TRUE(contexts);
  const auto& answers = contexts->answers();
  ASSERT_EQ(answers.size(), 5U);
  EXPECT_EQ(answers[0].reason, ContextReason::AbstractSyntaxNotSupported);
  EXPECT_EQ(answers[1], (ContextAnswer{ContextResult::Acceptance, oid::basic_encoding(), std::nullopt}));
  EXPECT_EQ(answers[3], (ContextAnswer{ContextResult::ProviderRejection, std::nullopt, ContextReason::TransferSyntaxesNotSupported}));
  EXPECT_EQ(answers[4].transfer_syntax, oid::basic_encoding());
  EXPECT_EQ(contexts->id_of(oid::acse()), 9);
  EXPECT_EQ(contexts->id_of(oid::as_mta_rtse()), 13);
  EXPECT_EQ(contexts->syntax_of(7), nullptr);
  EXPECT_EQ(contexts->syntax_of(11), nullptr);
  EXPECT_EQ(*contexts->syntax_of(1), oid::as_mtse());
  EXPECT_EQ(describe_refused(*contexts),
            "1.3.9999: abstract syntax not supported; id-as-mta-rtse (2.6.0.2.12): Basic Encoding not supported");
}

TEST(PresentationContexts, BadProposals) {
  for (const std::int64_t id : {0, 2, -1, -3})
    EXPECT_FALSE(PresentationContexts::answer(definitions({{id, oid::acse()}}), {oid::acse()})) << id;
  EXPECT_FALSE(PresentationContexts::answer(definitions({{1, oid::acse()}, {1, oid::as_mtse()}}), {oid::acse()}));
  std::vector<ContextDefinition> many;
  for (std::int64_t i = 0; i < 40; ++i) many.push_back({2 * i + 1, oid::as_mtse(), {oid::basic_encoding()}});
  const auto contexts = PresentationContexts::answer(many, {oid::as_mtse()});
  ASSERT_TRUE(contexts);
  EXPECT_EQ(contexts->answers()[31].result, ContextResult::Acceptance);
  EXPECT_EQ(contexts->answers()[32].reason, ContextReason::LocalLimit);
  for (std::int64_t i = 40; i < 300; ++i) many.push_back({2 * i + 1, oid::as_mtse(), {oid::basic_encoding()}});
  EXPECT_EQ(PresentationContexts::answer(many, {oid::as_mtse()}).error().code, ErrorCode::TooLarge);
}

TEST(PresentationContexts, ConfirmWantsAsManyAnswersAndOurEncoding) {
  auto contexts = PresentationContexts::propose({oid::acse(), oid::as_mtse()});
  const ContextAnswer yes{ContextResult::Acceptance, oid::basic_encoding(), {}};
  EXPECT_FALSE(contexts.confirm({yes}));
  EXPECT_FALSE(contexts.confirm({yes, yes, yes}));
  EXPECT_FALSE(contexts.confirm({yes, {ContextResult::Acceptance, kOtherEncoding, {}}}));
  ASSERT_TRUE(contexts.confirm({yes, {ContextResult::UserRejection, {}, {}}}));
  EXPECT_EQ(contexts.id_of(oid::acse()), 1);
  EXPECT_EQ(contexts.id_of(oid::as_mtse()), std::nullopt);
  EXPECT_EQ(describe_refused(contexts), "id-as-mtse (2.6.0.2.7): refused by the peer's user");
}

TEST(UserData, WrittenByHandIsWhatTheDescriptionSays) {
  for (const std::size_t size : {0U, 1U, 100U, 115U, 120U, 127U, 128U, 250U, 256U, 65'000U, 70'000U}) {
    Bytes value;
    asn1::write_header(value, asn1::universal(4), false, size);
    value.resize(value.size() + size, 0x55);
    for (const std::int64_t context : {1, 3, 127, 129, 100'001}) {
      const Bytes written = write_user_data(context, value);
      EXPECT_EQ(written, asn1::encode(make_user_data(context, value)).value()) << size;
    }
    const auto values = read_user_data(write_user_data(3, value), agreed());
    ASSERT_TRUE(values);
    EXPECT_EQ(*values, (std::vector<PresentationValue>{{3, value}}));
  }
}

TEST(UserData, FormsThatAreTakenAndThoseThatAreNot) {
  struct Case {
    std::string_view hex;
    bool good;
  };
  for (const Case& each : {
           Case{"6109300702010"
                "3a0020500",
                true},
           Case{"610930070201078"
                "1020500",
                false},                           // context 7 is none
           Case{"6109300702010381020500", true},  // octet-aligned
           Case{"610a300802010382030005"
                "00",
                false},                                      // arbitrary
           Case{"610d300b06025101020103a0020500", true},     // transfer syntax named
           Case{"610e300c0603510201020103a0020500", false},  // another one
           Case{"618030800201"
                "03a0800500000000000000",
                true},                               // indefinite, as PP writes
           Case{"6100", false},                      // no list
           Case{"40020500", false},                  // simply encoded, three contexts
           Case{"61093007020103a002050000", false},  // more after it
           Case{"6109300702", false},
           Case{"", false},
           Case{"0500", false},
       }) {
    const auto values = read_user_data(hex_decode(each.hex).value(), agreed());
    EXPECT_EQ(values.has_value(), each.good) << each.hex << (values ? "" : " " + values.error().text());
    if (values) EXPECT_EQ(*values, (std::vector<PresentationValue>{{3, {5, 0}}})) << each.hex;
  }
  const auto one = PresentationContexts::answer(definitions({{1, oid::as_mtse()}}), {oid::as_mtse()}).value();
  EXPECT_EQ(read_user_data(hex_decode("40020500").value(), one).value(), (std::vector<PresentationValue>{{1, {5, 0}}}));
}

TEST(UserData, ErrorsNameTheContext) {
  const auto values = read_user_data(write_user_data(9, Bytes{5, 0}), agreed());
  ASSERT_FALSE(values);
  EXPECT_EQ(values.error().text(), "presentation-context-identifier: presentation context 9 is not one that was agreed on");
}

// Every APDU and PPDU: what is made from any octets comes back from its encoding the same.
template <class T>
class EveryPdu : public ::testing::Test {};
using Pdus = ::testing::Types<CpPpdu, CpaPpdu, CprPpdu, AbortPpdu, UserData, AcseApdu, RtseApdu, RoseApdu>;
TYPED_TEST_SUITE(EveryPdu, Pdus);

TYPED_TEST(EveryPdu, ComesBackTheSame) {
  std::uint32_t x = 1;
  for (int round = 0; round < 300; ++round) {
    Bytes entropy(static_cast<std::size_t>(round % 97) * 3);
    for (Byte& each : entropy) each = static_cast<Byte>((x = x * 1664525 + 1013904223) >> 24);
    ByteView view = entropy;
    const auto value = asn1::generate<TypeParam>(view);
    const auto octets = asn1::encode(value);
    ASSERT_TRUE(octets) << octets.error().text();
    const auto again = asn1::decode<TypeParam>(*octets);
    ASSERT_TRUE(again) << again.error().text() << " in " << hex_encode(*octets);
    EXPECT_TRUE(*again == value) << hex_encode(*octets);
    // Cut anywhere it is an error and nothing else.
    for (std::size_t at = 0; at < octets->size(); at += 1 + octets->size() / 16)
      EXPECT_FALSE(asn1::decode<TypeParam>(ByteView(*octets).first(at)));
  }
}

TEST(Acse, RejectionsInWords) {
  EXPECT_EQ(describe(AssociateResult::Accepted, {}), "accepted");
  EXPECT_EQ(describe(AssociateResult::RejectedPermanent, {AcseUserDiagnostic::CalledApTitleNotRecognized}),
            "rejected (permanent): called-AP-title-not-recognized");
  EXPECT_EQ(describe(AssociateResult::RejectedTransient, {AcseProviderDiagnostic::NoCommonVersion}),
            "rejected (transient): by the provider: no-common-acse-version");
  EXPECT_EQ(describe(static_cast<AssociateResult>(9), {static_cast<AcseUserDiagnostic>(77)}), "rejected (result 9): diagnostic 77");
  EXPECT_EQ(describe(AbrtApdu{AbortSource::ServiceProvider, AbortDiagnostic::ProtocolError, {}}),
            "aborted by the peer's association control: protocol-error");
}

TEST(Oids, AreNamed) {
  EXPECT_EQ(oid::describe(oid::ac_mts_transfer()), "id-ac-mts-transfer (2.6.0.1.6)");
  EXPECT_EQ(oid::describe(kForeign), "1.3.9999");
  EXPECT_EQ(oid::as_mta_rtse().text(), "2.6.0.2.12");
  EXPECT_EQ(oid::acse().text(), "2.2.1.0.1");
}

}  // namespace
}  // namespace postern::osi
