// What goes to an MTA of 1984 (X.419 annex B): content of 1988 in the form of 1984, or a report that says why not.
#include "mhs/downgrade.hpp"

#include <gtest/gtest.h>

#include "ipm/general_text.hpp"
#include "ipm/notification.hpp"
#include "mhs/testing/two_nodes.hpp"

namespace postern::mhs {
namespace {

using namespace testing;
using Diagnostic = mts::NonDeliveryDiagnosticCode;

Bytes content_with(ipm::BodyPart part) {
  ipm::IPM ipm;
  ipm.heading.this_ipm = {name_of(kAlice), "42"};
  ipm.body.push_back(std::move(part));
  return asn1::encode(ipm::InformationObject{ipm}).value();
}

struct To1984 : TwoNodes {
  To1984() { start(TransferMode::X410_1984); }
  Diagnostic refusal(std::size_t reports) {
    const auto received = north.mailboxes.wait(kAlice, reports);
    if (received.size() != reports) return {};
    const auto& report = std::get<mts::Report>(received.back().apdu.value);
    const auto& type = report.content.per_recipient_fields.at(0).last_trace_information.report_type;
    return std::get<mts::NonDeliveryReport>(type.value).non_delivery_diagnostic_code.value();
  }
};

TEST_F(To1984, GeneralTextArrivesAsTextOf1984AndTheTraceSaysSo) {
  ASSERT_TRUE(north.submit(envelope_to({kBob}, false), content_with(ipm::text_body_part("hello\n", ipm::TextForm::Utf8).value())));
  const auto received = south.mailboxes.wait(kBob, 1);
  ASSERT_EQ(received.size(), 1U);
  const auto& message = std::get<mts::Message>(received[0].apdu.value);
  EXPECT_EQ(mts::text_of(message.envelope.content_type), "interpersonal-messaging-1984");
  const auto object = asn1::decode<ipm::InformationObject>(message.content.octets);
  ASSERT_TRUE(object);
  EXPECT_EQ(std::get<ipm::IA5TextBodyPart>(object->ipm()->body.at(0).value).data.octets, "hello\r\n");
  const auto converted = mts::converted_types_of(message.envelope.trace_information);
  ASSERT_TRUE(converted) << "X.411 12.2.1.1.1.3";
  EXPECT_TRUE(converted->built_in_encoded_information_types.test(mts::BuiltInEncodedInformationType::Ia5Text));
}

TEST_F(To1984, WhatTheOriginatorProhibitsIsReported) {
  const Bytes general = content_with(ipm::text_body_part("Gr\u00fc\u00dfe\n", ipm::TextForm::Latin1).value());
  auto envelope = envelope_to({kBob}, false);
  envelope.per_message_indicators.set(mts::PerMessageIndicator::ImplicitConversionProhibited);
  ASSERT_TRUE(north.submit(envelope, general));
  EXPECT_EQ(refusal(1), Diagnostic::ImplicitConversionProhibited);
  const Bytes wide = content_with(ipm::text_body_part("\u6f22\u5b57\n", ipm::TextForm::Utf8).value());
  envelope = envelope_to({kBob}, false);
  ASSERT_TRUE(mts::set_extension<mts::StandardExtension::ConversionWithLossProhibited>(envelope.extensions,
                                                                                       mts::ConversionWithLossProhibited::Prohibited));
  ASSERT_TRUE(north.submit(envelope, wide));
  EXPECT_EQ(refusal(2), Diagnostic::ConversionWithLossProhibited);
  ASSERT_TRUE(north.submit(envelope_to({kBob}, false), content_with({ipm::BilaterallyDefinedBodyPart(Bytes{1})})));
  EXPECT_EQ(refusal(3), Diagnostic::UnableToDowngrade);
  EXPECT_TRUE(south.mailboxes.wait(kBob, 0).empty());
}

}  // namespace
}  // namespace postern::mhs
