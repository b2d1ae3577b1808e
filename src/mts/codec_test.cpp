// Every type of the room both ways: generated values, fixed octets, bad input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "asn1/generate.hpp"
#include "asn1/json.hpp"
#include "mts/oids.hpp"
#include "mts/p1_1984.hpp"
#include "mts/p3.hpp"
#include "mts/testing/samples.hpp"

namespace postern::mts {
namespace {

using ::testing::HasSubstr;

Bytes hex(std::string_view text) {
  std::string packed;
  for (const char c : text)
    if (c != ' ') packed += c;
  return hex_decode(packed).value();
}

Bytes entropy(unsigned seed, std::size_t size = 600) {
  std::mt19937 random(seed);
  Bytes out(size);
  for (Byte& octet : out) octet = static_cast<Byte>(random());
  return out;
}

template <class T>
class Generated : public ::testing::Test {};
using Types = ::testing::Types<MTSApdu, MTABindArgument, MTABindResult, MTSBindArgument, MTSBindResult, MessageSubmissionArgument,
                               MessageSubmissionResult, ProbeSubmissionEnvelope, ProbeSubmissionResult, MessageDeliveryArgument,
                               MessageDeliveryResult, ReportDeliveryArgument, ReportDeliveryResult, DeliveryControlArgument,
                               DeliveryControlResult, Controls, Waiting, RegisterArgument, RegisterArgument88, RegisterResult,
                               ChangeCredentialsArgument, RefusedOperation, AsymmetricToken, AsymmetricTokenData, SecurityLabel,
                               InternalTraceInformation, RedirectionHistory, DLExpansionHistory, OriginatorAndDLExpansionHistory,
                               ReportingMTAName, ExtendedCertificates, CertificateSelectors, EncodedInformationTypes>;
TYPED_TEST_SUITE(Generated, Types);

TYPED_TEST(Generated, ValuesSurviveBerAndValueNotation) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    const Bytes random = entropy(seed);
    ByteView left = random;
    const auto value = asn1::generate<TypeParam>(left);
    const auto octets = asn1::encode(value);
    ASSERT_TRUE(octets) << octets.error().text();
    const auto again = asn1::decode<TypeParam>(*octets, {.strict = true});
    ASSERT_TRUE(again) << again.error().text() << " in " << hex_encode(*octets);
    EXPECT_TRUE(value == *again);
    const auto noted = asn1::from_json<TypeParam>(asn1::to_json(value));
    ASSERT_TRUE(noted) << noted.error().text();
    EXPECT_TRUE(value == *noted);
  }
}

TYPED_TEST(Generated, CutOctetsAreRefusedWithoutHarm) {
  const Bytes random = entropy(7);
  ByteView left = random;
  const Bytes octets = asn1::encode(asn1::generate<TypeParam>(left)).value();
  for (std::size_t cut = 0; cut < octets.size(); cut += 1 + octets.size() / 97)
    EXPECT_FALSE(asn1::decode<TypeParam>(ByteView(octets).first(cut))) << cut;
}

TYPED_TEST(Generated, MutatedOctetsNeverHarmAndWhatIsTakenIsWrittenAgain) {
  std::mt19937 random(11);
  const Bytes noise = entropy(3);
  ByteView left = noise;
  const Bytes octets = asn1::encode(asn1::generate<TypeParam>(left)).value();
  for (int round = 0; round < 300; ++round) {
    Bytes mutated = octets;
    mutated[random() % mutated.size()] = static_cast<Byte>(random());
    const auto read = asn1::decode<TypeParam>(mutated);
    if (!read) continue;
    const auto written = asn1::encode_as_taken(*read);
    ASSERT_TRUE(written) << written.error().text();
    const auto again = asn1::decode<TypeParam>(*written);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_TRUE(*read == *again);
  }
}

// ---- octets on the wire: tags checked by hand against X.411 fig. 2 and 4
std::string octets_of(const auto& value) {
  const auto octets = asn1::encode(value);
  return octets ? hex_encode(*octets) : octets.error().text();
}

TEST(Wire, IdentifiersAndNames) {
  const MTSIdentifier identifier{testing::domain_of("ACME"), "id"};
  EXPECT_EQ(octets_of(identifier), hex_encode(hex("6417 6311 6104 1302 4445 6203 1301 20 1304 41434d45 1602 6964")));
}

TEST(Wire, ContentTypes) {
  EXPECT_EQ(octets_of(ContentType{BuiltInContentType::InterpersonalMessaging1988}), "460116");
  EXPECT_EQ(octets_of(ContentType{asn1::Oid{2, 6, 1, 10, 1}}), "060456010a01");
  EXPECT_EQ(octets_of(DeliveredContentType{BuiltInContentType::InterpersonalMessaging1984}), "800102");
}

TEST(Wire, PrioritiesAndIndicators) {
  EXPECT_EQ(octets_of(Priority::Urgent), "470102");
  EXPECT_EQ(octets_of(PerMessageIndicators{PerMessageIndicator::ContentReturnRequest}), "48020410");
  EXPECT_EQ(octets_of(PerRecipientIndicators{PerRecipientIndicator::Responsibility}), "03020080");
  EXPECT_EQ(octets_of(OriginatorReportRequest{OriginatorReportRequestBit::NonDeliveryReport}), "03020308");
}

TEST(Wire, Extensions) {
  Extensions extensions;
  ASSERT_TRUE(set_extension<StandardExtension::DlExpansionProhibited>(extensions, DLExpansionProhibited::Prohibited));
  // type [0] 3, criticality [1] for-delivery, value [2] explicit ENUMERATED 1
  EXPECT_EQ(octets_of(extensions), hex_encode(hex("310e 300c 800103 81020520 a203 0a0101")));
}

TEST(Wire, Binds) {
  AuthenticatedArgument who;
  who.name = "mta-a";
  who.credentials.value = Password{asn1::Ia5String("pw")};
  EXPECT_EQ(octets_of(MTABindArgument{who}), "a10d80056d74612d61a10416027077");
  EXPECT_EQ(octets_of(MTABindArgument{asn1::Null{}}), "0500");
  EXPECT_EQ(octets_of(BindError::AuthenticationError), "020102");
}

TEST(Wire, Reports) {
  EXPECT_EQ(
      octets_of(ReportType{NonDeliveryReport{NonDeliveryReasonCode::UnableToTransfer, NonDeliveryDiagnosticCode::UnrecognisedORName}}),
      "a106800101810100");
  EXPECT_EQ(octets_of(ReportType{DeliveryReport{Time{"261126054200Z"}, TypeOfMTSUser::Public}}), "a00f800d3236313132363035343230305a");
}

// ---- binds of both forms
TEST(Bind, FormsOf1984And1988AreBothRead) {
  AuthenticatedArgument who;
  who.name = "mta-a";
  who.credentials.value = Password{asn1::OctetString("secret")};
  const MTABindArgument argument{who};
  const Bytes modern = encode_mta_bind(argument, BindForm::P1988).value();
  const Bytes old = encode_mta_bind(argument, BindForm::P1984).value();
  EXPECT_EQ(hex_encode(old), "a10f80056d74612d618106736563726574");
  EXPECT_EQ(decode_mta_bind_argument(modern)->form, BindForm::P1988);
  const auto read = decode_mta_bind_argument(old);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->form, BindForm::P1984);
  const auto& authenticated = std::get<AuthenticatedArgument>(read->value.value);
  EXPECT_EQ(authenticated.name.octets, "mta-a");
  EXPECT_EQ(as_text(std::get<Password>(authenticated.credentials.value).octets()), "secret");
  EXPECT_EQ(decode_mta_bind_result(hex("0500"))->value, MTABindResult{asn1::Null{}});
}

TEST(Bind, StrongCredentialsHaveNo1984Form) {
  AuthenticatedArgument who;
  who.credentials.value = StrongCredentials{};
  const auto refused = encode_mta_bind(MTABindArgument{who}, BindForm::P1984);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Unsupported);
}

TEST(Bind, ABadBindIsRefusedWithoutItsPassword) {
  const auto refused = decode_mta_bind_argument(hex("a1118004 6d746161 a10916 07 7365637265742121"));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text(), ::testing::Not(HasSubstr("secret")));
  EXPECT_THAT(refused.error().text(), HasSubstr("at octet"));
}

TEST(Bind, EveryErrorHasWords) {
  for (const std::int64_t code : {0, 2, 3, 4, 5, 9}) EXPECT_GT(words_of(static_cast<BindError>(code)).size(), 20u);
}

// ---- 1984
TEST(P1984, SameOctetsWithoutExtensions) {
  const MTSApdu apdu{testing::message()};
  const Bytes modern = asn1::encode(apdu).value();
  const auto read = asn1::decode<MTSApdu>(modern, {}, mpdu_1984());
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(*read, apdu);
  const auto again = asn1::decode<MTSApdu>(asn1::encode(*read, mpdu_1984()).value());
  EXPECT_EQ(*again, apdu);
}

TEST(P1984, GeneratedValuesSurvive) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    const Bytes random = entropy(seed);
    ByteView left = random;
    const auto value = asn1::generate<MTSApdu>(left, mpdu_1984());
    const auto octets = asn1::encode(value, mpdu_1984());
    ASSERT_TRUE(octets) << octets.error().text();
    const auto again = asn1::decode<MTSApdu>(*octets, {.strict = true}, mpdu_1984());
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_TRUE(value == *again);
    const auto modern = asn1::decode<MTSApdu>(*octets);  // what 1984 wrote, 1988 reads
    ASSERT_TRUE(modern) << modern.error().text();
  }
}

TEST(P1984, DowngradeTakesAwayWhatIsNotCritical) {
  MTSApdu apdu{testing::message()};
  auto& message = std::get<Message>(apdu.value);
  message.envelope.content_type.value = BuiltInContentType::InterpersonalMessaging1984;
  ASSERT_TRUE(set_extension<StandardExtension::ContentCorrelator>(message.envelope.extensions, {asn1::Ia5String("x")}));
  message.envelope.original_encoded_information_types->extended_encoded_information_types = {asn1::Oid{1, 2, 3}};
  message.envelope.trace_information[0].domain_supplied_information.other_actions = {OtherAction::Redirected};
  EXPECT_FALSE(downgrade_to_1984(apdu));
  EXPECT_TRUE(message.envelope.extensions.empty());
  EXPECT_EQ(message.envelope.trace_information[0].domain_supplied_information.routing_action, RoutingAction::Rerouted);
  EXPECT_TRUE(
      message.envelope.original_encoded_information_types->built_in_encoded_information_types.test(BuiltInEncodedInformationType::Unknown));
  EXPECT_TRUE(asn1::encode(apdu, mpdu_1984()));
}

struct NoDowngradeCase {
  const char* name;
  std::function<void(Message&)> change;
  const char* why;
};
class NotTo1984 : public ::testing::TestWithParam<NoDowngradeCase> {};
TEST_P(NotTo1984, IsAnAnswerWithItsDiagnostic) {
  MTSApdu apdu{testing::message()};
  auto& message = std::get<Message>(apdu.value);
  message.envelope.content_type.value = BuiltInContentType::InterpersonalMessaging1984;
  GetParam().change(message);
  const auto answer = downgrade_to_1984(apdu);
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->why, HasSubstr(GetParam().why));
  EXPECT_EQ(answer->reason, NonDeliveryReasonCode::UnableToTransfer);
}
INSTANTIATE_TEST_SUITE_P(
    All, NotTo1984,
    ::testing::Values(
        NoDowngradeCase{"critical", [](Message& m) { put(m.envelope.extensions, StandardExtension::DlExpansionProhibited, {}); },
                        "dl-expansion-prohibited is critical"},
        NoDowngradeCase{"P22", [](Message& m) { m.envelope.content_type.value = BuiltInContentType::InterpersonalMessaging1988; },
                        "interpersonal messaging of 1988"},
        NoDowngradeCase{"oid", [](Message& m) { m.envelope.content_type.value = asn1::Oid{2, 6, 1, 10, 1}; }, "extended content types"},
        NoDowngradeCase{"attribute",
                        [](Message& m) {
                          m.envelope.per_recipient_fields[0].recipient_name.extension_attributes = {
                              {oraddress::ExtensionAttributeType::pds_name, {hex("130161")}}};
                        },
                        "extension attribute"}),
    [](const auto& info) { return info.param.name; });

TEST(P1984, CommonNameBecomesADomainDefinedAttribute) {
  ORName name = testing::name_of("Doe");
  name.extension_attributes = {{oraddress::ExtensionAttributeType::common_name, {hex("13064a616e65 2044")}}};
  EXPECT_FALSE(downgrade_to_1984(name));
  EXPECT_FALSE(name.extension_attributes);
  ASSERT_TRUE(name.built_in_domain_defined_attributes);
  EXPECT_EQ(name.built_in_domain_defined_attributes->at(0).type.octets, "common");
  EXPECT_EQ(name.built_in_domain_defined_attributes->at(0).value.octets, "Jane D");
}

TEST(P1984, ContentOfPort) {
  MTSApdu apdu{testing::message()};
  const auto refuse = [](Message&) { return NoDowngrade{NonDeliveryReasonCode::ConversionNotPerformed, {}, "no"}; };
  MTSApdu refused = apdu;
  const auto answer = downgrade_to_1984(refused, refuse);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->reason, NonDeliveryReasonCode::ConversionNotPerformed);
  EXPECT_FALSE(downgrade_to_1984(apdu, [](Message& m) { return m.content = Content("P2"), std::optional<NoDowngrade>(); }));
  const auto& message = std::get<Message>(apdu.value);
  EXPECT_EQ(message.content.text(), "P2");
  EXPECT_EQ(text_of(message.envelope.content_type), "interpersonal-messaging-1984");
}

TEST(P1984, CodesOfReportsThat1984DoesNotHave) {
  Report report;
  report.envelope.report_destination_name = testing::name_of("Smith");
  auto& recipient = report.content.per_recipient_fields.emplace_back();
  recipient.actual_recipient_name = testing::name_of("Doe");
  recipient.last_trace_information.report_type.value =
      NonDeliveryReport{NonDeliveryReasonCode::RestrictedDelivery, NonDeliveryDiagnosticCode::NoDlSubmitPermission};
  MTSApdu apdu{report};
  EXPECT_FALSE(downgrade_to_1984(apdu));
  const auto& told =
      std::get<NonDeliveryReport>(std::get<Report>(apdu.value).content.per_recipient_fields[0].last_trace_information.report_type.value);
  EXPECT_EQ(told.non_delivery_reason_code, NonDeliveryReasonCode::UnableToTransfer);
  EXPECT_FALSE(told.non_delivery_diagnostic_code);
}

// ---- extensions
TEST(ExtensionTable, IsInOrderAndComplete) {
  const auto table = standard_extensions();
  ASSERT_EQ(table.size(), 46u);
  for (std::size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(table[i].extension), i + 1) << table[i].name;
    EXPECT_NE(table[i].places, 0) << table[i].name;
    EXPECT_FALSE(table[i].name.empty());
  }
  EXPECT_EQ(info_of(static_cast<StandardExtension>(0)), nullptr);
  EXPECT_EQ(info_of(static_cast<StandardExtension>(47)), nullptr);
}

TEST(ExtensionTable, EverySyntaxTakesGeneratedValues) {
  for (const ExtensionInfo& info : standard_extensions()) EXPECT_FALSE(info.syntax().name.empty() && info.syntax().kind != asn1::Kind::Any);
}

TEST(ExtensionAccess, PutsFindsReplacesErases) {
  Extensions list;
  ASSERT_TRUE(set_extension<StandardExtension::LatestDeliveryTime>(list, Time::at(1)));
  ASSERT_TRUE(set_extension<StandardExtension::LatestDeliveryTime>(list, Time::at(2)));
  EXPECT_EQ(list.size(), 1u);
  EXPECT_EQ(extension<StandardExtension::LatestDeliveryTime>(list).value(), Time::at(2));
  EXPECT_TRUE(list[0].criticality.test(CriticalityBit::ForDelivery));
  EXPECT_FALSE(list[0].criticality.test(CriticalityBit::ForTransfer));
  EXPECT_EQ(extension<StandardExtension::MessageToken>(list).value(), std::nullopt);
  erase(list, StandardExtension::LatestDeliveryTime);
  EXPECT_TRUE(list.empty());
}

TEST(ExtensionAccess, AWrongValueNamesItsExtension) {
  Extensions list;
  put(list, StandardExtension::LatestDeliveryTime, {hex("020101")});
  const auto read = extension<StandardExtension::LatestDeliveryTime>(list);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().text(), HasSubstr("latest-delivery-time"));
  EXPECT_EQ(extension_or<StandardExtension::LatestDeliveryTime>(list, Time::at(5)), Time::at(5));
}

TEST(ExtensionAccess, UnknownOnesStayAsTheyCame) {
  Extensions list;
  list.push_back({{asn1::Oid{1, 2, 3, 4}}, {CriticalityBit::ForTransfer}, {hex("3003020107")}});
  list.push_back({{static_cast<StandardExtension>(99)}, {}, {hex("0500")}});
  EXPECT_EQ(asn1::decode<Extensions>(asn1::encode(list).value()).value(), list);
  EXPECT_EQ(text_of(list[0].type), "1.2.3.4");
  EXPECT_EQ(text_of(list[1].type), "standard-extension 99");
}

TEST(UnknownElements, AreKeptAndSentOn) {
  auto envelope = testing::envelope();
  envelope.unknown.push_back({hex("9f6403616263")});  // [100]
  const Bytes octets = asn1::encode(envelope).value();
  const auto read = asn1::decode<MessageTransferEnvelope>(octets).value();
  EXPECT_EQ(read, envelope);
  EXPECT_EQ(asn1::encode(read).value(), octets);
}

TEST(BadInput, NamesThePath) {
  auto envelope = testing::envelope();
  envelope.per_recipient_fields[1].originally_specified_recipient_number = 0;
  const auto refused = asn1::encode(envelope);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().field, HasSubstr("per-recipient-fields[1].originally-specified-recipient-number"));
  const auto nothing = asn1::decode<MTSApdu>(hex("a0023100"));
  ASSERT_FALSE(nothing);
  EXPECT_THAT(nothing.error().text(), HasSubstr("message-identifier is missing"));
}

TEST(BadInput, ThousandsOfExtensionsAreBounded) {
  auto envelope = testing::envelope();
  for (int i = 0; i < 10'000; ++i) envelope.extensions.push_back({{asn1::Oid{1, 2, 3, static_cast<std::uint32_t>(i)}}, {}, {hex("0500")}});
  const Bytes octets = asn1::encode(envelope).value();
  EXPECT_TRUE(asn1::decode<MessageTransferEnvelope>(octets));
  const auto refused = asn1::decode<MessageTransferEnvelope>(octets, {.elements = 5'000});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::TooLarge);
}

// ---- P3 tables
TEST(P3, OperationsByPortAndCode) {
  EXPECT_EQ(p3_operations().size(), 9u);
  EXPECT_EQ(p3_operation(Port::Submission, 3)->name, "message-submission");
  EXPECT_EQ(p3_operation(Port::Submission, 2)->name, "submission-control");
  EXPECT_EQ(p3_operation(Port::Delivery, 2)->name, "delivery-control");
  EXPECT_EQ(p3_operation(Port::Delivery, 3), nullptr);
  EXPECT_EQ(p3_operation("register").code, 1);
  for (const OperationInfo& each : p3_operations()) EXPECT_EQ(p3_operation(each.port, each.code), &each);
}

TEST(P3, ErrorsInWords) {
  EXPECT_EQ(p3_errors().size(), 21u);
  const asn1::Any problem{hex("020115")};
  EXPECT_THAT(words_of_p3_error(Port::Submission, 12, &problem), HasSubstr("security-policy-violation"));
  const asn1::Any refused{hex("3106 810105 820102")};
  EXPECT_THAT(words_of_p3_error(Port::Administration, 16, &refused), HasSubstr("deliverable-security-labels, parameter-unacceptable"));
  const asn1::Any rubbish{hex("0500")};
  EXPECT_THAT(words_of_p3_error(Port::Submission, 12, &rubbish), HasSubstr("cannot be read"));
  EXPECT_THAT(words_of_p3_error(Port::Submission, 99, nullptr), HasSubstr("99"));
  for (const ErrorInfo& each : p3_errors())
    EXPECT_THAT(words_of_p3_error(each.port, each.code, nullptr), HasSubstr(std::string(each.name)));
}

TEST(P3, RestrictionDefaultsToEverySource) {
  const auto read = asn1::decode<Restriction>(hex("3100")).value();
  EXPECT_TRUE(read.permitted);
  EXPECT_TRUE(read.source_type.test(SourceTypeBit::RedirectedBy));
  EXPECT_EQ(octets_of(read), "3100");
  const auto narrow = asn1::decode<Restriction>(hex("3104 03020780")).value();
  EXPECT_FALSE(narrow.source_type.test(SourceTypeBit::RedirectedBy));
}

}  // namespace
}  // namespace postern::mts
