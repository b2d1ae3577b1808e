#include "mhs/notation.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "asn1/generate.hpp"
#include "asn1/json.hpp"
#include "ms/operations.hpp"
#include "ms/protocol.hpp"
#include "ms/testing/samples.hpp"
#include "mts/p1_1984.hpp"
#include "mts/p3.hpp"

namespace postern::mhs {
namespace {

using boost::json::value;
using ms::testing::content_of;

std::string text(const value& json) { return boost::json::serialize(json); }

mts::MTSApdu message() {
  mts::Message out = mts::testing::message();
  out.content.octets = content_of({});
  return {out};
}

template <class T>
osi::RoivApdu invoke(std::int64_t code, const T& argument) {
  return {7, {}, code, asn1::to_any(argument).value()};
}

/// Through value notation and back, over octets each time.
template <class T>
void expect_same(const T& apdu, const asn1::Type& type) {
  const auto octets = asn1::encode(apdu, type, asn1::EncodeRules::Lenient);
  ASSERT_TRUE(octets) << octets.error().text();
  const auto read = asn1::decode<T>(*octets, {}, type);
  ASSERT_TRUE(read) << read.error().text();
  const auto back = asn1::from_json<T>(asn1::to_json(*read, type), type);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_TRUE(*back == apdu) << text(asn1::to_json(*back, type));
}

TEST(Notation, ContentsOfP1AreOpened) {
  const value json = asn1::to_json(message(), p1_notation());
  EXPECT_EQ(json.at("message").at("content").at("holds"), "InformationObject");
  EXPECT_EQ(json.at("message").at("content").at("value").at("ipm").at("heading").at("subject"), "Lieferung");
  expect_same(message(), p1_notation());
}

TEST(Notation, TheNamesOf1984) {
  const value json = asn1::to_json(message(), p1_1984_notation());
  EXPECT_TRUE(json.at("user").at("content").as_object().contains("holds")) << text(json);
  expect_same(message(), p1_1984_notation());
}

TEST(Notation, ReturnedContentsAreOpened) {
  mts::Report report;
  report.envelope.report_identifier = {mts::testing::domain_of("ACME"), "1"};
  report.envelope.report_destination_name = mts::testing::name_of("Smith");
  report.content.subject_identifier = {mts::testing::domain_of("ACME"), "2"};
  report.content.returned_content = mts::Content(content_of({}));
  EXPECT_EQ(asn1::to_json(mts::MTSApdu{report}, p1_notation()).at("report").at("content").at("returned-content").at("holds"),
            "InformationObject");
}

TEST(Notation, OtherContentsStayOctets) {
  const value json = asn1::to_json(mts::MTSApdu{mts::testing::message("content")}, p1_notation());
  EXPECT_EQ(json.at("message").at("content"), "'636F6E74656E74'H");
  expect_same(mts::MTSApdu{mts::testing::message("content")}, p1_notation());
}

TEST(Notation, ContentsThatEncodeOtherwiseComeBackAsTheyWere) {
  mts::MTSApdu apdu = message();
  auto& content = std::get<mts::Message>(apdu.value).content.octets;
  content[1] == 0x81 ? content.insert(content.begin() + 1, {0x82, 0x00})
                     : content.insert(content.begin() + 1, 0x81);  // a longer form of length
  if (content[1] == 0x82) content.erase(content.begin() + 3);
  ASSERT_TRUE(asn1::to_json(apdu, p1_notation()).at("message").at("content").as_object().contains("octets"));
  expect_same(apdu, p1_notation());
}

TEST(Notation, OperationsAndTheirArgumentsHaveNames) {
  ms::ListArgument list;
  list.selector.limit = 5;
  const P7Apdu apdu{invoke(21, list)};
  const value json = asn1::to_json(apdu);
  EXPECT_EQ(json.at("roiv-apdu").at("operation-value").at("local"), "list");
  EXPECT_EQ(json.at("roiv-apdu").at("argument").at("value").at("selector").at("limit"), 5);
  EXPECT_TRUE(is_known(apdu));
  expect_same(apdu, schema(asn1::Of<P7Apdu>{}));
}

TEST(Notation, SubmissionsOfBothProtocolsAreOpened) {
  mts::MessageSubmissionArgument argument;
  argument.envelope.originator_name = mts::testing::name_of("Smith");
  argument.envelope.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
  argument.envelope.per_recipient_fields.emplace_back().recipient_name = mts::testing::name_of("Doe");
  argument.content.octets = content_of({});
  const P3Apdu p3{invoke(3, argument)};
  const P7Apdu p7{invoke(3, argument)};
  EXPECT_EQ(asn1::to_json(p3).at("roiv-apdu").at("operation-value").at("local"), "message-submission");
  EXPECT_EQ(asn1::to_json(p7).at("roiv-apdu").at("operation-value").at("local"), "ms-message-submission");
  for (const value& json : {asn1::to_json(p3), asn1::to_json(p7)})
    EXPECT_EQ(json.at("roiv-apdu").at("argument").at("value").at("content").at("holds"), "InformationObject");
  expect_same(p3, schema(asn1::Of<P3Apdu>{}));
  expect_same(p7, schema(asn1::Of<P7Apdu>{}));
}

// Each has members of its own beside those of what it is described by.
TEST(Notation, DeliveriesAndTheirControlsAreOpened) {
  mts::MessageDeliveryArgument message;
  message.other_fields.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
  message.message_delivery_time = message.other_fields.message_submission_time = mts::Time::at(1'800'000'000);
  message.message_delivery_identifier = {mts::testing::domain_of("ACME"), "mta-1"};
  message.other_fields.originator_name = message.other_fields.this_recipient_name = mts::testing::name_of("Smith");
  message.content.octets = content_of({});
  mts::ReportDeliveryArgument report;
  report.subject_submission_identifier = {mts::testing::domain_of("ACME"), "mta-1"};
  auto& recipient = report.per_recipient_fields.emplace_back();
  recipient.actual_recipient_name = mts::testing::name_of("Doe");
  recipient.report_type.value = mts::NonDeliveryReport{};
  report.returned_content.emplace().octets = content_of({});
  mts::DeliveryControlArgument control;
  control.extensions.push_back({{asn1::Oid{1, 2, 3}}, {}, asn1::to_any(std::int64_t{5}).value()});
  for (const P3Apdu& apdu : {P3Apdu{invoke(5, message)}, P3Apdu{invoke(6, report)}, P3Apdu{invoke(2, control)}}) {
    EXPECT_TRUE(is_known(apdu));
    expect_same(apdu, schema(asn1::Of<P3Apdu>{}));
  }
  const value json = asn1::to_json(P3Apdu{invoke(5, message)});
  EXPECT_EQ(json.at("roiv-apdu").at("argument").at("value").at("content").at("holds"), "InformationObject") << text(json);
}

TEST(Notation, ErrorsAndTheirParameters) {
  const P3Apdu apdu{osi::RoerApdu{7, 12, asn1::to_any(mts::SecurityProblem::SecurityPolicyViolation).value()}};
  const value json = asn1::to_json(apdu);
  EXPECT_EQ(json.at("roer-apdu").at("error-value").at("local"), "security-error");
  EXPECT_EQ(json.at("roer-apdu").at("parameter").at("holds"), "SecurityProblem") << text(json);
  expect_same(apdu, schema(asn1::Of<P3Apdu>{}));
  EXPECT_TRUE(is_known(P3Apdu{osi::RoerApdu{7, 2, {}}})) << "an error without a parameter";
}

// X.413 and X.411 have an error of that name each, with other parameters.
TEST(Notation, AnErrorOfAnotherPortIsNotTakenForThatOfTheStore) {
  const P7Apdu apdu{osi::RoerApdu{7, 12, asn1::to_any(mts::SecurityProblem::SecurityPolicyViolation).value()}};
  EXPECT_EQ(asn1::to_json(apdu).at("roer-apdu").at("error-value").at("local"), 12);
  expect_same(apdu, schema(asn1::Of<P7Apdu>{}));
}

// X.219: the values of a bind have the tags of the BIND macro.
TEST(Notation, Binds) {
  ms::MSBindArgument bind;
  bind.initiator_name = mts::testing::name_of("Smith");
  bind.initiator_credentials.value = mts::Password{asn1::Ia5String("words")};
  const P7Apdu apdu{bind};
  EXPECT_EQ(asn1::encode(apdu).value().front(), 0xB0);
  EXPECT_TRUE(asn1::to_json(apdu).as_object().contains("bind-invoke"));
  expect_same(apdu, schema(asn1::Of<P7Apdu>{}));
}

TEST(Notation, WhatTheProtocolDoesNotHave) {
  EXPECT_FALSE(is_known(P3Apdu{osi::RoivApdu{1, {}, 21, {}}})) << "list is of P7";
  EXPECT_FALSE(is_known(P7Apdu{osi::RoivApdu{1, {}, asn1::Oid{1, 2, 3}, {}}}));
  EXPECT_FALSE(is_known(P7Apdu{osi::RoerApdu{1, 99, {}}}));
  const auto mistyped = is_known(P7Apdu{invoke(21, asn1::Null())});
  ASSERT_FALSE(mistyped);
  EXPECT_NE(mistyped.error().what.find("ListArgument"), std::string::npos) << mistyped.error().text();
}

template <class Apdu>
std::string name_of_operation(std::int64_t code) {
  const value json = asn1::to_json(Apdu{osi::RoivApdu{1, {}, code, {}}});
  return std::string(json.at("roiv-apdu").at("operation-value").at("local").as_string());
}

// X.419 annexes A and B.
TEST(Notation, EveryOperationHasItsName) {
  for (const mts::OperationInfo& each : mts::p3_operations())
    EXPECT_EQ(name_of_operation<P3Apdu>(each.code), each.code == 2 ? "control" : each.name);
  for (const ms::OperationInfo& each : ms::p7_operations())
    EXPECT_EQ(name_of_operation<P7Apdu>(static_cast<std::int64_t>(each.code)), each.name);
}

TEST(Notation, AnyValueComesBack) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    const Bytes random = ipm::testing::entropy(seed, 600);
    ByteView entropy = random;
    const auto apdu = asn1::generate<P7Apdu>(entropy);
    const Bytes octets = asn1::encode(apdu).value();
    const auto back = asn1::from_json<P7Apdu>(asn1::to_json(apdu));
    ASSERT_TRUE(back) << seed << ": " << back.error().text();
    ASSERT_EQ(asn1::encode(*back).value(), octets) << seed;
  }
}

}  // namespace
}  // namespace postern::mhs
