// What controls hold back, and what is said about it (X.411 8.2.1.4, 8.3.1.3, 8.4.1.1).
#include "mts/rules_controls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mts/testing/samples.hpp"

namespace postern::mts {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kMessage = OperationBit::MessageSubmissionOrMessageDelivery;
constexpr auto kReport = OperationBit::ProbeSubmissionOrReportDelivery;
const ContentType kP22{BuiltInContentType::InterpersonalMessaging1988};
const ContentType kP2{BuiltInContentType::InterpersonalMessaging1984};

EncodedInformationTypes types_of(std::initializer_list<BuiltInEncodedInformationType> bits) {
  EncodedInformationTypes out;
  out.built_in_encoded_information_types = bits;
  return out;
}
Awaiting message(std::uint64_t length = 100, Priority priority = Priority::Normal) {
  return awaiting_of(
      [&] {
        auto envelope = testing::envelope();
        envelope.priority = priority;
        return envelope;
      }(),
      length);
}

TEST(Controls, NoneHoldNothingBack) {
  for (const Awaiting& each : {message(), message(1U << 30, Priority::NonUrgent), awaiting_report()}) EXPECT_TRUE(permitted(each, {}));
}

TEST(Controls, Operations) {  // X.411 8.3.1.3.1: permissible-operations
  Controls controls;
  controls.permissible_operations = Operations{kReport};
  EXPECT_FALSE(permitted(message(), controls));
  EXPECT_TRUE(permitted(awaiting_report(), controls));
  controls.permissible_operations = Operations{kMessage};
  EXPECT_TRUE(permitted(message(), controls));
  EXPECT_FALSE(permitted(awaiting_report(), controls));
  EXPECT_FALSE(permitted(message(), nothing_permitted()) || permitted(awaiting_report(), nothing_permitted()));
}

TEST(Controls, LengthIsInclusive) {
  Controls controls;
  controls.permissible_maximum_content_length = 100;
  EXPECT_TRUE(permitted(message(100), controls));
  EXPECT_FALSE(permitted(message(101), controls));
  EXPECT_TRUE(permitted(awaiting_report(), controls));  // they are of messages
}

TEST(Controls, PriorityCountsByUrgencyNotByNumber) {
  Controls controls;
  controls.permissible_lowest_priority = Priority::Normal;
  EXPECT_TRUE(permitted(message(1, Priority::Urgent), controls));
  EXPECT_TRUE(permitted(message(1, Priority::Normal), controls));
  EXPECT_FALSE(permitted(message(1, Priority::NonUrgent), controls));
  controls.permissible_lowest_priority = Priority::Urgent;
  EXPECT_FALSE(permitted(message(1, Priority::Normal), controls));
}

TEST(Controls, ContentTypesAndEncodedInformationTypes) {
  Controls controls;
  controls.permissible_content_types = ContentTypes{kP2};
  EXPECT_FALSE(permitted(message(), controls));
  controls.permissible_content_types = ContentTypes{kP2, kP22};
  EXPECT_TRUE(permitted(message(), controls));
  controls.permissible_encoded_information_types.emplace().value = types_of({BuiltInEncodedInformationType::Teletex});  // 1988
  EXPECT_FALSE(permitted(message(), controls));                                                                         // it is IA5
  controls.permissible_encoded_information_types->value =
      types_of({BuiltInEncodedInformationType::Teletex, BuiltInEncodedInformationType::Ia5Text});
  EXPECT_TRUE(permitted(message(), controls));
  EncodedInformationTypesConstraints constraints;  // 1994
  constraints.unacceptable_eits = ExtendedEncodedInformationTypes{{2, 6, 3, 4, 2}};
  controls.permissible_encoded_information_types->value = constraints;
  EXPECT_FALSE(permitted(message(), controls));
}

TEST(Controls, ConvertedTypesCountWhereThereAreAny) {
  auto envelope = testing::envelope();
  envelope.trace_information[0].domain_supplied_information.converted_encoded_information_types =
      types_of({BuiltInEncodedInformationType::Teletex});
  Controls controls;
  controls.permissible_encoded_information_types.emplace().value = types_of({BuiltInEncodedInformationType::Teletex});
  EXPECT_TRUE(permitted(awaiting_of(envelope, 1), controls));
}

TEST(Controls, AnUpdateChangesWhatItNames) {  // X.411 8.3.1.3.1.1
  Controls by_default;
  by_default.permissible_maximum_content_length = 5000;
  Controls change;
  change.permissible_lowest_priority = Priority::Urgent;
  Controls now = updated(by_default, change, by_default);
  EXPECT_EQ(now.permissible_maximum_content_length, 5000);
  EXPECT_EQ(now.permissible_lowest_priority, Priority::Urgent);
  change.permissible_lowest_priority = Priority::NonUrgent;
  now = updated(now, change, by_default);
  EXPECT_EQ(now.permissible_lowest_priority, Priority::NonUrgent);
  change.restrict = false;  // 'remove': the other arguments do not count
  EXPECT_EQ(updated(now, change, by_default), by_default);
}

TEST(Controls, WhatWaitsIsSaidBySort) {  // X.411 8.3.1.3.2
  Controls controls;
  controls.permissible_maximum_content_length = 100;
  controls.permissible_lowest_priority = Priority::Normal;
  controls.permissible_operations = Operations{kMessage};
  const std::vector<Awaiting> waiting{message(), message(101), message(1, Priority::NonUrgent), awaiting_report()};
  const auto said = held_back(waiting, controls);
  EXPECT_TRUE(said.waiting_operations.test(kMessage) && said.waiting_operations.test(kReport));
  EXPECT_TRUE(said.waiting_messages.test(WaitingMessage::LongContent) && said.waiting_messages.test(WaitingMessage::LowPriority));
  EXPECT_FALSE(said.waiting_messages.test(WaitingMessage::OtherSecurityLabels));
  EXPECT_THAT(said.waiting_content_types, ElementsAre(kP22));
  EXPECT_EQ(said.waiting_encoded_information_types, types_of({BuiltInEncodedInformationType::Ia5Text}));
  const auto nothing = held_back(std::vector{message()}, controls);
  EXPECT_EQ(nothing.waiting_operations, Operations());
  EXPECT_THAT(nothing.waiting_content_types, IsEmpty());
  EXPECT_FALSE(nothing.waiting_encoded_information_types);
}

TEST(Controls, MayAskForLessThanIsRegisteredOnly) {  // X.411 8.3.2.2
  RegisterArgument88 registered;
  Controls controls;
  controls.permissible_maximum_content_length = 2000;
  controls.permissible_content_types = ContentTypes{kP22};
  controls.permissible_encoded_information_types.emplace().value = types_of({BuiltInEncodedInformationType::Ia5Text});
  EXPECT_FALSE(violates_registration(controls, registered));
  registered.deliverable_maximum_content_length = 2000;
  registered.deliverable_content_types = ContentTypes{kP2, kP22};
  registered.deliverable_encoded_information_types =
      types_of({BuiltInEncodedInformationType::Ia5Text, BuiltInEncodedInformationType::Teletex});
  EXPECT_FALSE(violates_registration(controls, registered));
  auto longer = registered, other = registered, encoded = registered;
  longer.deliverable_maximum_content_length = 1999;
  other.deliverable_content_types = ContentTypes{kP2};
  encoded.deliverable_encoded_information_types = types_of({BuiltInEncodedInformationType::Teletex});
  for (const auto& each : {longer, other, encoded}) EXPECT_TRUE(violates_registration(controls, each));
}

TEST(Controls, ARegistrationIsWhatCanBeDeliveredAtAll) {  // X.411 8.4.1.1
  const auto why = [](const RegisterArgument88& registered) {
    const auto envelope = testing::envelope();
    const auto report = undeliverable(envelope, envelope.per_recipient_fields[0], 100, deliverable_of(registered));
    return report ? report->non_delivery_diagnostic_code : std::nullopt;
  };
  RegisterArgument88 registered;
  EXPECT_EQ(why(registered), std::nullopt);
  registered.deliverable_encoded_information_types = types_of({BuiltInEncodedInformationType::Teletex});
  EXPECT_EQ(why(registered), NonDeliveryDiagnosticCode::EncodedInformationTypesUnsupported);
  registered.deliverable_maximum_content_length = 99;
  EXPECT_EQ(why(registered), NonDeliveryDiagnosticCode::ContentTooLong);
  registered.deliverable_content_types = ContentTypes{kP2};
  EXPECT_EQ(why(registered), NonDeliveryDiagnosticCode::ContentTypeNotSupported);
}

}  // namespace
}  // namespace postern::mts
