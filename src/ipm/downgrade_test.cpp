// X.419 annex B, X.420 20.2: P22 becomes P2 where that can be, and says why where it cannot.
#include "ipm/downgrade.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ipm/encoded_types.hpp"
#include "ipm/extended_body.hpp"
#include "ipm/general_text.hpp"
#include "ipm/testing/samples.hpp"

namespace postern::ipm {
namespace {

using ::testing::HasSubstr;
using namespace testing;
using Diagnostic = mts::NonDeliveryDiagnosticCode;
using Reason = mts::NonDeliveryReasonCode;

InformationObject message_of(std::vector<BodyPart> body) {
  IPM ipm;
  ipm.heading.this_ipm = {jane(), "42"};
  ipm.heading.originator = described(jane());
  ipm.heading.primary_recipients = {{described(john()), {}, false, {}}};
  ipm.body = std::move(body);
  return {ipm};
}
BodyPart text(std::string_view utf8, TextForm form) { return text_body_part(utf8, form).value(); }
/// The extended twin of ia5-text.
BodyPart extended_ia5(const char* text) {
  return {extended_body_part(BodyPartType::Ia5Text, IA5TextParameters{}, asn1::Ia5String(text)).value()};
}
IPM downgraded(const InformationObject& object, const DowngradeRules& rules = {}) {
  const auto made = downgrade_content(asn1::encode(object).value(), rules);
  EXPECT_TRUE(made) << made.error().why;
  const auto out = asn1::decode<InformationObject>(made->content).value();
  EXPECT_EQ(content_type_of(out), mts::BuiltInContentType::InterpersonalMessaging1984);
  return *out.ipm();
}
mts::NoDowngrade refusal(const InformationObject& object, const DowngradeRules& rules = {}) {
  const auto made = downgrade_content(asn1::encode(object).value(), rules);
  EXPECT_FALSE(made);
  return made ? mts::NoDowngrade{} : made.error();
}
constexpr DowngradeRules kNothingAllowed{.may_convert = false, .may_lose = false};

TEST(Downgrade, WhatIsOf1984AlreadyKeepsItsOctets) {
  const Bytes octets = asn1::encode(message_of({text("hello", TextForm::Ia5)})).value();
  const auto made = downgrade_content(octets, kNothingAllowed);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->content, octets);
  EXPECT_FALSE(made->converted);
}

TEST(Downgrade, AnExtendedPartGetsItsBasicForm) {
  // X.420 7.3.12: the same types; so it is neither a conversion nor a loss.
  const IPM ipm = downgraded(message_of({extended_ia5("hello")}), kNothingAllowed);
  EXPECT_EQ(std::get<IA5TextBodyPart>(ipm.body.at(0).value).data.octets, "hello");
}

/// Of 1988, and what 1984 can say of it.
mts::EncodedInformationTypes of_general_text() { return encoded_information_types(message_of({text("x", TextForm::Utf8)})); }
mts::EncodedInformationTypes unknown_types() {
  mts::EncodedInformationTypes out = of_general_text();
  out.extended_encoded_information_types.reset();
  out.built_in_encoded_information_types.set(mts::BuiltInEncodedInformationType::Unknown);
  return out;
}

TEST(Downgrade, ForwardedMessagesAtEveryDepth) {
  MessageBodyPart inner;
  inner.data = *message_of({extended_ia5("deep")}).ipm();
  inner.parameters.delivery_time = mts::Time::at(1795668120);
  auto& fields = inner.parameters.delivery_envelope.emplace();
  fields.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
  fields.original_encoded_information_types = of_general_text();
  fields.converted_encoded_information_types = of_general_text();
  fields.originator_name = jane();
  fields.this_recipient_name = john();
  fields.message_submission_time = mts::Time::at(1795668120);
  const BodyPart forwarded{extended_body_part(BodyPartType::Message, inner.parameters, inner.data).value()};
  const IPM ipm = downgraded(message_of({forwarded}), kNothingAllowed);
  const auto& basic = std::get<asn1::Box<MessageBodyPart>>(ipm.body.at(0).value);
  EXPECT_EQ(std::get<IA5TextBodyPart>(basic->data.body.at(0).value).data.octets, "deep");
  fields.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1984;
  fields.original_encoded_information_types = fields.converted_encoded_information_types = unknown_types();
  EXPECT_EQ(basic->parameters, inner.parameters);
}

TEST(Downgrade, GeneralTextIsConverted) {
  // X.408: ia5-text where that holds it, teletex otherwise.
  const auto object = message_of({text("plain\n", TextForm::Utf8), text("Grüße\n", TextForm::Utf8)});
  const IPM ipm = downgraded(object, {.may_convert = true, .may_lose = false});
  EXPECT_EQ(std::get<IA5TextBodyPart>(ipm.body.at(0).value).data.octets, "plain\r\n");
  const auto& page = std::get<TeletexBodyPart>(ipm.body.at(1).value).data.at(0);
  EXPECT_EQ(text_to_utf8(asn1::Alphabet::Teletex, page.octets).utf8, "Grüße\n");
  const auto made = downgrade_content(asn1::encode(object).value(), {});
  ASSERT_TRUE(made && made->converted);
  EXPECT_TRUE(made->converted->built_in_encoded_information_types.test(mts::BuiltInEncodedInformationType::Ia5Text));
  EXPECT_TRUE(made->converted->built_in_encoded_information_types.test(mts::BuiltInEncodedInformationType::Teletex));
  EXPECT_FALSE(made->converted->extended_encoded_information_types);
  const auto prohibited = refusal(object, {.may_convert = false, .may_lose = true});
  EXPECT_EQ(prohibited.reason, Reason::ConversionNotPerformed);
  EXPECT_EQ(prohibited.diagnostic, Diagnostic::ImplicitConversionProhibited);
}

TEST(Downgrade, WhatWouldBeLostMayBeProhibited) {
  auto object = message_of({text("漢字\n", TextForm::Utf8)});
  const IPM ipm = downgraded(object);
  EXPECT_EQ(std::get<TeletexBodyPart>(ipm.body.at(0).value).data.at(0).octets, "??\r\n");
  EXPECT_EQ(refusal(object, {.may_convert = true, .may_lose = false}).diagnostic, Diagnostic::ConversionWithLossProhibited);
  object = message_of({text("hello", TextForm::Ia5)});
  std::get<IPM>(object.value).heading.extensions = {{id_hex(HeadingExtensionType::AutoSubmitted), {{0x0A, 0x01, 0x02}}}};
  EXPECT_TRUE(downgraded(object).heading.extensions.empty());
  EXPECT_EQ(refusal(object, {.may_convert = true, .may_lose = false}).diagnostic, Diagnostic::ConversionWithLossProhibited);
}

TEST(Downgrade, NamesGetTheFormOf1984OrStayAsText) {
  auto object = message_of({text("hello", TextForm::Ia5)});
  auto& heading = std::get<IPM>(object.value).heading;
  heading.originator = described(name("C=DE;A=TELE;P=ACME;CN=Sales"));
  heading.copy_recipients = {{described(name("C=DE;A=TELE;P=ACME;S=Doe;PD-CODE=10115")), {}, false, {}}};
  const IPM ipm = downgraded(object);
  ASSERT_TRUE(ipm.heading.originator->formal_name);
  EXPECT_EQ(ipm.heading.originator->formal_name->built_in_domain_defined_attributes->at(0).value.octets, "Sales");
  const ORDescriptor& copy = ipm.heading.copy_recipients.at(0).recipient;
  EXPECT_FALSE(copy.formal_name);
  EXPECT_THAT(copy.free_form_name->octets, HasSubstr("S=Doe"));
}

TEST(Downgrade, WhatHasNoFormOf1984CannotGo) {
  const auto bilateral = refusal(message_of({BodyPart{BilaterallyDefinedBodyPart(Bytes{1, 2})}}));
  EXPECT_EQ(bilateral.reason, Reason::UnableToTransfer);
  EXPECT_EQ(bilateral.diagnostic, Diagnostic::UnableToDowngrade);
  const BodyPart voice{extended_body_part(BodyPartType::Voice, VoiceParameters{{}, {1, 2, 3}, {}}, asn1::OctetString(Bytes{1})).value()};
  EXPECT_THAT(refusal(message_of({voice})).why, HasSubstr("voice-body-part"));
  EXPECT_EQ(downgrade_content(Bytes{0x30, 0x00}, {}).error().diagnostic, Diagnostic::ContentSyntaxError);
}

TEST(Downgrade, MessagesInMessagesAreBounded) {
  IPM ipm = *message_of({text("hello", TextForm::Ia5)}).ipm();
  for (int i = 0; i < 16; ++i) {
    MessageBodyPart around;
    around.data = std::move(ipm);
    ipm = *message_of({BodyPart{asn1::Box<MessageBodyPart>(std::move(around))}}).ipm();
  }
  EXPECT_THAT(refusal({ipm}).why, HasSubstr("16 levels"));
}

TEST(Downgrade, NotificationsLoseTheirExtensions) {
  IPN ipn;
  ipn.subject_ipm = {jane(), "42"};
  ipn.choice.value =
      ReceiptFields{asn1::UtcTime{"261126070000Z"}, AcknowledgmentModeField::Manual, {}, IPMSExtensions{{{1, 2, 3}, {Bytes{0x05, 0x00}}}}};
  ipn.conversion_eits = of_general_text();
  const auto made = downgrade_content(asn1::encode(InformationObject{ipn}).value(), {});
  ASSERT_TRUE(made) << made.error().why;
  const auto out = asn1::decode<InformationObject>(made->content).value();
  EXPECT_EQ(out.ipn()->conversion_eits, unknown_types());
  EXPECT_FALSE(std::get<ReceiptFields>(out.ipn()->choice.value).rn_extensions);
  ipn.choice.value = OtherNotificationTypeFields{};
  EXPECT_THAT(refusal({ipn}).why, HasSubstr("neither of receipt"));
}

}  // namespace
}  // namespace postern::ipm
