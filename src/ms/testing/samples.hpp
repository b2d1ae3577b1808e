// For tests: deliveries as they usually are.
#pragma once

#include "ipm/compose.hpp"
#include "ipm/testing/samples.hpp"
#include "ms/delivery.hpp"
#include "mts/testing/samples.hpp"

namespace postern::ms::testing {

using mts::testing::kNow;

struct Sample {
  std::string subject = "Lieferung";
  std::string originator = "Smith";
  mts::Priority priority = mts::Priority::Normal;
  std::string text = "Hello\n";
  std::optional<ipm::IPM> forwarded{};
};

inline Bytes content_of(const Sample& sample) {
  ipm::Draft draft = ipm::testing::draft();
  draft.subject = sample.subject;
  draft.parts = {ipm::TextPart{sample.text}};
  if (sample.forwarded) draft.parts.push_back(ipm::ForwardedPart{*sample.forwarded, kNow});
  return ipm::compose(draft).value().copies[0].content;
}

inline ipm::IPM message_of(const Sample& sample) { return *asn1::decode<ipm::InformationObject>(content_of(sample)).value().ipm(); }

inline mts::MessageDeliveryEnvelope envelope_of(const Sample& sample, std::string_view identifier = "mta-a-1") {
  mts::MessageDeliveryEnvelope out;
  out.message_delivery_identifier = {mts::testing::domain_of("ACME"), std::string(identifier)};
  out.message_delivery_time = mts::Time::at(kNow);
  out.other_fields.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
  out.other_fields.originator_name = mts::testing::name_of(sample.originator);
  out.other_fields.this_recipient_name = mts::testing::name_of("Doe");
  out.other_fields.priority = sample.priority;
  out.other_fields.original_encoded_information_types.emplace().built_in_encoded_information_types = {
      mts::BuiltInEncodedInformationType::Ia5Text};
  out.other_fields.message_submission_time = mts::Time::at(kNow - 60);
  out.other_fields.content_identifier = mts::ContentIdentifier("hello");
  return out;
}

inline mts::ReportDeliveryArgument report(bool with_content = true) {
  mts::ReportDeliveryArgument out;
  out.subject_submission_identifier = {mts::testing::domain_of("ACME"), "mta-a-9"};
  out.content_type.emplace().value = mts::BuiltInContentType::InterpersonalMessaging1988;
  auto& recipient = out.per_recipient_fields.emplace_back();
  recipient.actual_recipient_name = mts::testing::name_of("Roe");
  recipient.report_type.value = mts::NonDeliveryReport{mts::NonDeliveryReasonCode::UnableToTransfer, {}};
  if (with_content) out.returned_content = mts::Content(content_of({}));
  return out;
}

}  // namespace postern::ms::testing
