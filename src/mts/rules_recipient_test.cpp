// Rules of recipients: redirection and distribution lists.
#include "mts/rules_recipient.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mts/rules_report.hpp"
#include "mts/testing/samples.hpp"

namespace postern::mts {
namespace {

using testing::kNow;
using testing::name_of;
using ::testing::SizeIs;
using Diagnostic = NonDeliveryDiagnosticCode;

constexpr auto kResponsible = PerRecipientIndicator::Responsibility;
const Time kTime = Time::at(kNow);

std::optional<NonDeliveryDiagnosticCode> diagnostic(const std::optional<NonDeliveryReport>& report) {
  return report ? report->non_delivery_diagnostic_code : std::nullopt;
}

// ---- redirection
TEST(RedirectionRules, KeepTheHistory) {
  auto envelope = testing::envelope();
  ASSERT_FALSE(redirect(envelope, 0, name_of("First"), RedirectionReason::RecipientAssignedAlternateRecipient, kTime));
  ASSERT_FALSE(redirect(envelope, 0, name_of("Second"), RedirectionReason::DirectoryLookUp, kTime));
  const auto& recipient = envelope.per_recipient_fields[0];
  const auto history = extension_or<StandardExtension::RedirectionHistory>(recipient.extensions);
  ASSERT_THAT(history, SizeIs(2));
  EXPECT_EQ(history[1].intended_recipient_name.intended_recipient, name_of("First"));
  EXPECT_EQ(originally_intended_recipient(recipient.extensions), name_of("Doe"));
  EXPECT_EQ(recipient.originally_specified_recipient_number, 1);
  EXPECT_TRUE(envelope.trace_information.back().domain_supplied_information.other_actions.test(OtherAction::Redirected));
}

TEST(RedirectionRules, Refusals) {
  using enum RedirectionReason;
  auto envelope = testing::envelope();
  EXPECT_EQ(diagnostic(redirect(envelope, 0, name_of("DOE"), RecipientAssignedAlternateRecipient, kTime)),
            Diagnostic::RedirectionLoopDetected);
  EXPECT_EQ(diagnostic(redirect(envelope, 0, name_of("X"), RecipientMDAssignedAlternateRecipient, kTime)),
            Diagnostic::RecipientReassignmentProhibited);
  ASSERT_FALSE(redirect(envelope, 0, name_of("X"), RecipientAssignedAlternateRecipient, kTime));
  EXPECT_EQ(diagnostic(redirect(envelope, 0, name_of("Doe"), RecipientAssignedAlternateRecipient, kTime)),
            Diagnostic::RedirectionLoopDetected);
  put(envelope.extensions, StandardExtension::RecipientReassignmentProhibited, {Bytes{0x0A, 1, 1}});
  EXPECT_EQ(diagnostic(redirect(envelope, 1, name_of("X"), RecipientAssignedAlternateRecipient, kTime)),
            Diagnostic::RecipientReassignmentProhibited);
  EXPECT_FALSE(redirect(envelope, 1, name_of("X"), OriginatorRequestedAlternateRecipient, kTime));
}

TEST(RedirectionRules, TheOriginatorsAlternateIsTakenOnce) {
  auto envelope = testing::envelope();
  auto& doe = envelope.per_recipient_fields[0];
  EXPECT_FALSE(originator_alternate(doe));
  ASSERT_TRUE(set_extension<StandardExtension::OriginatorRequestedAlternateRecipient>(doe.extensions, name_of("Deputy")));
  ASSERT_EQ(originator_alternate(doe), name_of("Deputy"));
  ASSERT_FALSE(redirect(envelope, 0, name_of("Deputy"), RedirectionReason::OriginatorRequestedAlternateRecipient, kTime));
  EXPECT_FALSE(originator_alternate(doe));
}

// ---- distribution lists
ListPolicy members(std::initializer_list<const char*> surnames) {
  ListPolicy policy;
  for (const char* surname : surnames) policy.members.push_back(name_of(surname));
  return policy;
}

TEST(ListRules, ExpandToMembersOnly) {
  auto envelope = testing::envelope();
  envelope.per_recipient_fields[0].originally_specified_recipient_number = 42;
  const auto out = expand_list(envelope, 0, members({"M1", "M2"}), kTime);
  ASSERT_EQ(out.outcome, ListOutcome::Expanded);
  ASSERT_THAT(out.envelope.per_recipient_fields, SizeIs(2));
  for (const auto& member : out.envelope.per_recipient_fields) {
    EXPECT_EQ(member.originally_specified_recipient_number, 42);
    EXPECT_TRUE(member.per_recipient_indicators.test(kResponsible));
  }
  const auto history = extension_or<StandardExtension::DlExpansionHistory>(out.envelope.extensions);
  ASSERT_THAT(history, SizeIs(1));
  EXPECT_EQ(history[0].dl, name_of("Doe"));
  EXPECT_TRUE(out.envelope.trace_information.back().domain_supplied_information.other_actions.test(OtherAction::DlOperation));
  EXPECT_FALSE(out.delivery_report_due);
}

TEST(ListRules, RecursionEndsSilently) {
  auto envelope = testing::envelope();
  const auto first = expand_list(envelope, 0, members({"Doe", "M"}), kTime);  // a member of itself
  EXPECT_EQ(expand_list(first.envelope, 0, members({"Doe"}), kTime).outcome, ListOutcome::Recursion);
}

TEST(ListRules, Refusals) {
  auto envelope = testing::envelope();
  ListPolicy policy = members({"M"});
  policy.submit_permission = {name_of("Boss")};
  const auto denied = expand_list(envelope, 0, policy, kTime);
  EXPECT_EQ(denied.outcome, ListOutcome::NotDone);
  EXPECT_EQ(denied.report.non_delivery_diagnostic_code, NonDeliveryDiagnosticCode::NoDlSubmitPermission);
  policy.submit_permission.push_back(name_of("SMITH"));
  EXPECT_EQ(expand_list(envelope, 0, policy, kTime).outcome, ListOutcome::Expanded);
  ASSERT_TRUE(set_extension<StandardExtension::DlExpansionProhibited>(envelope.extensions, DLExpansionProhibited::Prohibited));
  EXPECT_EQ(expand_list(envelope, 0, policy, kTime).report.non_delivery_diagnostic_code, NonDeliveryDiagnosticCode::DlExpansionProhibited);
}

TEST(ListRules, ExemptedMembersAndReports) {
  auto envelope = testing::envelope();
  envelope.per_recipient_fields[0].per_recipient_indicators.set(PerRecipientIndicator::OriginatorReport);
  ASSERT_TRUE(set_extension<StandardExtension::DlExemptedRecipients>(envelope.extensions, {name_of("M1")}));
  ListPolicy policy = members({"M1", "M2"});
  policy.reports_to_owner = true;
  const auto out = expand_list(envelope, 0, policy, kTime);
  ASSERT_THAT(out.envelope.per_recipient_fields, SizeIs(1));
  EXPECT_FALSE(out.envelope.per_recipient_fields[0].per_recipient_indicators.test(PerRecipientIndicator::OriginatorReport));
  EXPECT_TRUE(out.delivery_report_due);
  const auto empty = expand_list(envelope, 0, members({"M1"}), kTime);
  EXPECT_EQ(empty.outcome, ListOutcome::Empty);
  EXPECT_TRUE(empty.delivery_report_due);
}

/// Of somebody's own, and so long.
ExtensionField private_extension(std::size_t octets) {
  ExtensionField out;
  out.type.value = asn1::Oid{1, 3, 9999};
  out.value = asn1::to_any(asn1::OctetString(Bytes(octets, 'x'))).value();
  return out;
}
ListPolicy many_members(std::size_t count) {
  ListPolicy policy;
  for (std::size_t i = 0; i < count; ++i) policy.members.push_back(name_of("M" + std::to_string(i)));
  return policy;
}

TEST(ListRules, LongFieldsMakeShortEnvelopes) {
  auto envelope = testing::envelope();
  EXPECT_EQ(expand_list(envelope, 0, many_members(3), kTime).together, kMembersOfEnvelope);
  envelope.per_recipient_fields[0].extensions.push_back(private_extension(100'000));
  const auto out = expand_list(envelope, 0, many_members(3), kTime);
  ASSERT_THAT(out.envelope.per_recipient_fields, SizeIs(3));
  EXPECT_EQ(out.together, 5U);
  envelope.per_recipient_fields[0].extensions.push_back(private_extension(1'000'000));
  EXPECT_EQ(expand_list(envelope, 0, many_members(3), kTime).together, 1U);
}

TEST(ListRules, WhatWouldBecomeTooMuchIsReported) {
  auto envelope = testing::envelope();
  envelope.per_recipient_fields[0].extensions.push_back(private_extension(100'000));
  EXPECT_EQ(expand_list(envelope, 0, many_members(600), kTime).outcome, ListOutcome::Expanded);
  const auto long_one = expand_list(envelope, 0, many_members(700), kTime);
  EXPECT_EQ(long_one.outcome, ListOutcome::NotDone);
  EXPECT_EQ(long_one.report.non_delivery_diagnostic_code, Diagnostic::DlExpansionFailure);
  EXPECT_THAT(long_one.envelope.per_recipient_fields, SizeIs(0));
  envelope = testing::envelope();
  for (int i = 0; i < 1000; ++i) envelope.per_recipient_fields[0].extensions.push_back(private_extension(1));
  EXPECT_EQ(expand_list(envelope, 0, many_members(1000), kTime).outcome, ListOutcome::NotDone) << "many short ones take memory, too";
}

TEST(ListRules, TheExemptedAreFoundAsAddresses) {
  auto envelope = testing::envelope();
  ORName directory;
  directory.directory_name.emplace();
  ASSERT_TRUE(set_extension<StandardExtension::DlExemptedRecipients>(envelope.extensions, {name_of("m1"), directory}));
  ListPolicy policy = members({"M1", "M2"});
  policy.members.push_back(directory);
  const auto out = expand_list(envelope, 0, policy, kTime);
  ASSERT_THAT(out.envelope.per_recipient_fields, SizeIs(1));
  EXPECT_EQ(out.envelope.per_recipient_fields[0].recipient_name, name_of("M2"));
}

TEST(ListRules, MembersAreNotDisclosedAndReportToWhomThePolicySays) {
  auto envelope = testing::envelope();
  envelope.per_message_indicators.set(PerMessageIndicator::DisclosureOfOtherRecipients);
  envelope.per_recipient_fields[0].per_recipient_indicators.set(PerRecipientIndicator::OriginatingMTAReport);
  ListPolicy policy = members({"M1", "M2"});
  const auto open = expand_list(envelope, 0, policy, kTime);
  EXPECT_FALSE(open.envelope.per_message_indicators.test(PerMessageIndicator::DisclosureOfOtherRecipients));
  EXPECT_TRUE(open.envelope.per_recipient_fields[0].per_recipient_indicators.test(PerRecipientIndicator::OriginatingMTAReport));
  policy.reports_to_owner = true;
  const auto owned = expand_list(envelope, 0, policy, kTime);
  // X.411 12.2.1.1.1.7: nobody asks for the members' deliveries any more; what is not delivered is still reported.
  const auto& indicators = owned.envelope.per_recipient_fields[0].per_recipient_indicators;
  EXPECT_FALSE(is_due(indicators, delivered(0, kTime).type));
  EXPECT_TRUE(is_for_originator(indicators, not_delivered(0, {}).type));
}

TEST(ListRules, AProbeIsRefusedAsAMessageWouldBe) {
  ProbeTransferEnvelope probe;
  probe.originator_name = name_of("Smith");
  ListPolicy policy = members({"M"});
  EXPECT_FALSE(list_refusal(probe, policy));
  policy.submit_permission = {name_of("Boss")};
  EXPECT_EQ(diagnostic(list_refusal(probe, policy)), Diagnostic::NoDlSubmitPermission);
}

TEST(NameRules, CompareAsAddresses) {
  EXPECT_TRUE(same_name(name_of("Doe"), name_of("DOE")));
  EXPECT_FALSE(same_name(name_of("Doe"), name_of("Roe")));
  ORName directory;
  EXPECT_TRUE(same_name(directory, ORName{}));
  directory.directory_name.emplace();
  EXPECT_FALSE(same_name(directory, ORName{}));
}

}  // namespace
}  // namespace postern::mts
