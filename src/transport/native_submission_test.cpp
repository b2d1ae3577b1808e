// Nothing of a submission is left out: each field is looked for in the argument, and each wrong one is named.
#include "transport/native_submission.hpp"

#include <gtest/gtest.h>
#include <postern/x400_sdk.h>

#include "oraddress/or_text.hpp"

namespace postern::transport {
namespace {

constexpr const char* kAlice = "C=DE;A= ;P=NORTH;O=Works;S=Alice";
constexpr const char* kBob = "C=DE;A= ;P=NORTH;O=Works;S=Bob";

sdk::Submission simple() {
  sdk::Submission out;
  out.originator = kAlice;
  out.recipients = {{kBob, {}, sdk::ReportRequest::NonDelivery}};
  return out;
}

TEST(NativeSubmission, EveryFieldHasItsPlace) {
  sdk::Submission from = simple();
  from.strategy = sdk::Strategy::Deferred;
  from.priority = sdk::Priority::Urgent;
  from.flags = 63;
  from.content_type = "2.6.1.4.17.2";
  from.content_identifier = "ID 1";
  from.deferred_until = 1'800'000'000;
  from.latest_delivery = 1'800'003'600;
  from.encoded_types = {"2.6.3.4.2", "2.6.1.12.0"};
  from.recipients = {{kBob, kAlice, sdk::ReportRequest::All}, {kAlice, {}, sdk::ReportRequest::None}};
  from.extensions = {{5, "1.3.6.1.4.1.99999.7", {0x02, 0x01, 0x2A}}, {0, "23", {0x16, 0x01, 'c'}}};
  const auto message = message_of(from, as_bytes("content"));
  ASSERT_TRUE(message) << message.error().text();
  const auto& envelope = message->envelope;
  EXPECT_EQ(oraddress::write(envelope.originator_name), kAlice);
  EXPECT_EQ(std::get<asn1::Oid>(envelope.content_type.value).text(), "2.6.1.4.17.2");
  EXPECT_EQ(envelope.content_identifier->octets, "ID 1");
  EXPECT_EQ(envelope.priority, mts::Priority::Urgent);
  EXPECT_EQ(envelope.deferred_delivery_time->unix_seconds().value(), 1'800'000'000);
  using enum mts::PerMessageIndicator;
  for (const auto bit : {DisclosureOfOtherRecipients, ImplicitConversionProhibited, AlternateRecipientAllowed, ContentReturnRequest})
    EXPECT_TRUE(envelope.per_message_indicators.test(bit));
  using enum mts::StandardExtension;
  EXPECT_EQ(mts::extension<LatestDeliveryTime>(envelope.extensions).value()->unix_seconds().value(), 1'800'003'600);
  EXPECT_EQ(mts::extension<DlExpansionProhibited>(envelope.extensions).value(), mts::DLExpansionProhibited::Prohibited);
  EXPECT_EQ(mts::extension<RecipientReassignmentProhibited>(envelope.extensions).value(), mts::RecipientReassignmentProhibited::Prohibited);
  const auto& types = *envelope.original_encoded_information_types;
  EXPECT_TRUE(types.built_in_encoded_information_types.test(mts::BuiltInEncodedInformationType::Ia5Text));
  ASSERT_EQ(types.extended_encoded_information_types->size(), 1U);
  const mts::ExtensionField& own = envelope.extensions.at(3);
  EXPECT_EQ(std::get<asn1::Oid>(own.type.value).text(), "1.3.6.1.4.1.99999.7");
  EXPECT_TRUE(own.criticality.test(mts::CriticalityBit::ForSubmission) && own.criticality.test(mts::CriticalityBit::ForDelivery));
  EXPECT_FALSE(own.criticality.test(mts::CriticalityBit::ForTransfer));
  EXPECT_EQ(own.value.ber, (Bytes{0x02, 0x01, 0x2A}));
  EXPECT_EQ(envelope.extensions.size(), 5U);
  const auto& first = envelope.per_recipient_fields.at(0);
  EXPECT_EQ(oraddress::write(*mts::extension<OriginatorRequestedAlternateRecipient>(first.extensions).value()), kAlice);
  EXPECT_TRUE(first.originator_report_request.test(mts::OriginatorReportRequestBit::Report));
  EXPECT_TRUE(first.originator_report_request.test(mts::OriginatorReportRequestBit::NonDeliveryReport));
  EXPECT_EQ(envelope.per_recipient_fields.at(1).originator_report_request, mts::OriginatorReportRequest());
  EXPECT_EQ(message->content.octets, to_bytes("content"));
}

TEST(NativeSubmission, BuiltInContentTypesAreNumbers) {
  for (const std::int64_t number : {0, 2, 22, 35, 77}) {
    sdk::Submission from = simple();
    from.content_type = std::to_string(number);
    EXPECT_EQ(static_cast<std::int64_t>(std::get<mts::BuiltInContentType>(message_of(from, {})->envelope.content_type.value)), number);
  }
}

struct Wrong {
  const char* name;
  void (*make)(sdk::Submission& of);
  ErrorCode code;
  const char* field;
};
void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }

class WrongSubmission : public ::testing::TestWithParam<Wrong> {};
TEST_P(WrongSubmission, IsNamedByItsField) {
  sdk::Submission from = simple();
  GetParam().make(from);
  const auto message = message_of(from, {});
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, GetParam().code) << message.error().text();
  EXPECT_EQ(message.error().field, GetParam().field) << message.error().text();
}
constexpr Wrong kWrong[] = {
    {"originator", [](sdk::Submission& of) { of.originator = "nobody"; }, ErrorCode::BadInput, "originator"},
    {"nobody", [](sdk::Submission& of) { of.recipients.clear(); }, ErrorCode::BadInput, "recipients"},
    {"empty", [](sdk::Submission& of) { of.recipients.push_back({}); }, ErrorCode::BadInput, "recipients[1].address"},
    {"alternate", [](sdk::Submission& of) { of.recipients[0].alternate = "?"; }, ErrorCode::BadInput, "recipients[0].alternate"},
    {"identifier", [](sdk::Submission& of) { of.content_identifier = "longer than sixteen"; }, ErrorCode::BadInput, "content_identifier"},
    {"alphabet", [](sdk::Submission& of) { of.content_identifier = "a_b"; }, ErrorCode::BadInput, "content_identifier"},
    {"content_type", [](sdk::Submission& of) { of.content_type = "P22"; }, ErrorCode::BadInput, "content_type"},
    {"eit", [](sdk::Submission& of) { of.encoded_types = {"2.6.3.4.2", "x"}; }, ErrorCode::BadInput, "encoded_types[1]"},
    {"flags", [](sdk::Submission& of) { of.flags = 64; }, ErrorCode::BadInput, "flags"},
    {"no_time", [](sdk::Submission& of) { of.strategy = sdk::Strategy::Deferred; }, ErrorCode::BadInput, "deferred_until"},
    {"far_time", [](sdk::Submission& of) { of.latest_delivery = 9'000'000'000; }, ErrorCode::BadInput, "latest_delivery"},
    {"copy", [](sdk::Submission& of) { of.strategy = sdk::Strategy::WithStoredCopy; }, ErrorCode::Unsupported, "strategy"},
    {"approval", [](sdk::Submission& of) { of.strategy = sdk::Strategy::Quarantine; }, ErrorCode::Unsupported, "strategy"},
    {"type", [](sdk::Submission& of) { of.extensions = {{0, "x.y", {0x05, 0x00}}}; }, ErrorCode::BadInput, "extensions[0].type"},
    {"place", [](sdk::Submission& of) { of.extensions = {{0, "2", {0x05, 0x00}}}; }, ErrorCode::BadInput, "extensions[0].type"},
    {"twice",
     [](sdk::Submission& of) {
       of.flags = POSTERN_X400_EXPANSION_PROHIBITED;
       of.extensions = {{0, "3", {0x02, 0x01, 0x01}}};
     },
     ErrorCode::BadInput, "extensions[0].type"},
    {"critical", [](sdk::Submission& of) { of.extensions = {{8, "1.2.3", {0x05, 0x00}}}; }, ErrorCode::BadInput, "extensions[0].critical"},
    {"value", [](sdk::Submission& of) { of.extensions = {{0, "1.2.3", {0x05, 0x00, 0x00}}}; }, ErrorCode::BadInput, "extensions[0].value"},
};
INSTANTIATE_TEST_SUITE_P(Each, WrongSubmission, ::testing::ValuesIn(kWrong), [](const auto& info) { return std::string(info.param.name); });

TEST(NativeSubmission, AProbeHasNeitherPriorityNorTimes) {
  sdk::Submission from = simple();
  from.content_size = 1000;
  const auto probe = probe_of(from);
  ASSERT_TRUE(probe) << probe.error().text();
  EXPECT_EQ(probe->content_length, 1000);
  from.priority = sdk::Priority::Urgent;
  EXPECT_EQ(probe_of(from).error().field, "priority");
  from = simple();
  from.latest_delivery = 1'800'000'000;
  EXPECT_EQ(probe_of(from).error().field, "latest_delivery");
}

TEST(NativeSubmission, AnIdentifierIsWrittenAsTheHeaderHasIt) {
  mts::MTSIdentifier identifier;
  identifier.global_domain_identifier.country_name = oraddress::make<oraddress::CountryName>("DE");
  identifier.global_domain_identifier.administration_domain_name = oraddress::make<oraddress::AdministrationDomainName>("ADMD");
  identifier.global_domain_identifier.private_domain_identifier.emplace().assign("PRMD");
  identifier.local_identifier = asn1::Ia5String("local");
  EXPECT_EQ(text_of(identifier), "[C=DE;A=ADMD;P=PRMD;local]");
}

}  // namespace
}  // namespace postern::transport
